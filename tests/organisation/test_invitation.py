"""Legacy joins the organisation of a new management account: invited, awaited, moved into its unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.organizations.responses import OrganizationsResponse
from ruamel.yaml import YAML

from migrate.demo.strict import organizations_handshakes as strict_handshakes
from tests.organisation.story import Story, organizations, tree

LEGACY = "999999999999"


@pytest.fixture(autouse=True)
def _handshakes() -> Iterator[None]:
    """The emulator has no invitations: those of the embedded world, taken away again."""
    strict_handshakes.invitations()
    yield
    for name in strict_handshakes.NAMES:
        delattr(OrganizationsResponse, name)


@pytest.fixture
def invited(story: Story) -> Story:
    section: dict[str, Any] = {"units": {"Workloads": {}}, "legacy": {"how": "invite", "unit": "Workloads"}}
    story.want(section)
    path = story.folder / "migration.yaml"
    said = YAML().load(path)
    said["legacy"]["account"] = LEGACY
    YAML().dump(said, path)
    return story


def accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In legacy's own name: the emulator takes the caller's account from there."""
    number = shake()["Id"]
    with monkeypatch.context() as there:
        there.setenv("MOTO_ACCOUNT_ID", LEGACY)
        organizations().accept_handshake(HandshakeId=number)


def shake() -> dict[str, Any]:
    found: list[dict[str, Any]] = organizations().list_handshakes_for_organization()["Handshakes"]
    return found[-1]


def test_the_run_waits_for_the_owner_of_legacy_and_then_moves_it(
    invited: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = invited.plan()
    invited.type("approve", "--by", "ann")

    stopped = invited.type("run", "--engine", "local", expect=3)
    state = shake()["State"]
    accept(monkeypatch)
    invited.type("run", "--engine", "local")

    assert any("Cost Explorer" in finding for finding in made["findings"])
    assert "Invitations" in stopped.err
    assert state == "OPEN"
    parents = organizations().list_parents(ChildId=LEGACY)["Parents"]
    assert [one["Id"] for one in parents] == [tree()["Workloads"]]
    invited.type("verify")
    assert invited.plan()["todo"] == 0


def test_an_invitation_that_nobody_accepted_is_cancelled_by_a_rollback(invited: Story) -> None:
    made = invited.plan()
    invited.type("approve", "--by", "ann")
    invited.type("run", "--engine", "local", expect=3)

    invited.undo(made["plan"])

    assert shake()["State"] == "CANCELED"
