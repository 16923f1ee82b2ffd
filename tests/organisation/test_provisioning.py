"""What Identity Center does after its answer is waited for, and what it says when it fails is what people read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.ssoadmin.responses import SSOAdminResponse

from tests.organisation.story import Story
from tests.organisation.test_people import WANTED

REASON = "Policy arn:aws:iam::222222222222:policy/read does not exist or is not attachable."
DESCRIBE = "describe_permission_set_provisioning_status"


def states(monkeypatch: pytest.MonkeyPatch, method: str, answer: str, *told: dict[str, str]) -> list[str]:
    """Let an answer show these states, one a question, then its own; gives the ids of the requests asked about."""
    asked: list[str] = []
    own, left = getattr(SSOAdminResponse, method), list(told)

    def describe(self: Any) -> str:
        found = json.loads(own(self))
        asked.append(found[answer]["RequestId"])
        return json.dumps({answer: found[answer] | (left.pop(0) if left else {})})

    monkeypatch.setattr(SSOAdminResponse, method, describe)
    return asked


def changed(story: Story) -> dict[str, Any]:
    """A permission set that stands, and is wanted otherwise now."""
    story.want(WANTED)
    story.stand()
    other = json.loads(json.dumps(WANTED))
    other["permission_sets"]["engineer"]["session"] = "PT1H"
    story.want(other)
    made = story.plan()
    story.type("approve", "--by", "ann")
    return made


def test_a_change_of_a_permission_set_is_done_once_the_accounts_have_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = changed(story)
    asked = states(monkeypatch, DESCRIBE, "PermissionSetProvisioningStatus", {"Status": "IN_PROGRESS"})

    story.type("run", "--engine", "local")

    assert len(asked) == 3  # the first one twice, and the last one
    assert len(set(asked)) == 2
    story.undo(made["plan"])
    assert len(set(asked)) == 3


def test_a_provisioning_that_failed_says_why_and_is_sent_again_by_the_next_run(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(story)
    failed = {"Status": "FAILED", "FailureReason": REASON}
    asked = states(monkeypatch, DESCRIBE, "PermissionSetProvisioningStatus", {}, failed)

    said = story.type("run", "--engine", "local", expect=1).err
    story.type("run", "--engine", "local")

    assert f"sso-admin.ProvisionPermissionSet ended as FAILED: {REASON}" in said
    assert len(set(asked)) == 3
    assert story.plan()["todo"] == 0


def test_an_assignment_that_failed_says_why_and_is_made_by_the_next_run(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = {
        "groups": {"readers": {"assign": [{"accounts": ["management"], "permission_set": "read"}]}},
        "permission_sets": {"read": {}},
    }  # fmt: skip
    story.want(section)
    story.plan()
    story.type("approve", "--by", "ann")
    method, answer = "describe_account_assignment_creation_status", "AccountAssignmentCreationStatus"
    failed = {"Status": "FAILED", "FailureReason": REASON}
    from moto.ssoadmin.models import SSOAdminBackend

    own = getattr(SSOAdminResponse, method)

    def describe(self: Any) -> str:
        found = json.loads(own(self))
        if failed:
            backend: SSOAdminBackend = self.ssoadmin_backend
            backend.account_assignments.clear()  # nothing is left of one that failed
            found[answer] |= failed
            failed.clear()
        return json.dumps(found)

    monkeypatch.setattr(SSOAdminResponse, method, describe)

    said = story.type("run", "--engine", "local", expect=1).err
    story.type("run", "--engine", "local")

    assert f"sso-admin.CreateAccountAssignment ended as FAILED: {REASON}" in said
    assert story.plan()["todo"] == 0
