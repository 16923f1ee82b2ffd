"""A connection of EventBridge, which a person makes: the run says so, stops, and goes on once it is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.errors import GateClosed
from migrate.kinds import every_kind
from tests.kinds.examples.events_more import CONNECTION
from tests.kinds.in_process import InProcess
from tests.kinds.two_sides import TwoSides, two_sides

KINDS = {"events.connection": every_kind()["events.connection"]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as made:
        yield made


def test_a_connection_that_nobody_made_stops_its_step_with_what_a_person_does(world: TwoSides, tmp_path: Path) -> None:
    world.client("legacy", "events").create_connection(**CONNECTION)
    # The emulator's listing takes no notice of the prefix: one that begins alike is another one all the same.
    world.client("target", "events").create_connection(**CONNECTION | {"Name": "partner-of-others"})
    made = InProcess(world, tmp_path / "m", KINDS)
    made.plan(placement=[{"kind": "events.connection", "to": "production"}])

    ((step, error),) = made.tried().items()
    world.client("target", "events").create_connection(**CONNECTION)
    after = made.tried()

    assert step.endswith("events.connection/partner:create")
    assert isinstance(error, GateClosed)
    assert "aws events create-connection" in str(error)
    assert after == {}
    assert made.proofs()["events.connection"].state == "equal"
    assert made.clients.sent == []
