"""Calls of moved roles that AWS refuses after the hand-over: named by `healthy`, and never taken for none."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.cloudtrail.responses import CloudTrailResponse

from migrate import files, plan
from migrate.demo.strict import cloudtrail
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.policy_evaluation.refusals import refused_calls
from migrate.verbs import refused
from tests.cut_over import CONFIG, told_by
from tests.test_health import in_a_shell

LEGACY, TARGET, HOME = AccountId("123456789012"), AccountId("222222222222"), Region("eu-west-1")
HOUR = 3600.0
TABLE = f"arn:aws:dynamodb:eu-west-1:{TARGET}:table/orders"


def a_role(name: str, **principal: str) -> Resource:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    facts: dict[str, Any] = {
        "path": "/", "description": "", "max_session_s": 3600, "trust": trust, "dead_principals": [], "boundary": None,
        "inline": {}, "attached": [], "role_id": f"AROA{name.upper():A<16}"[:20],
    }  # fmt: skip
    ref = Ref(LEGACY, GLOBAL, "iam.role", name)
    return Resource(ref, f"arn:aws:iam::{LEGACY}:role/{name}", {}, None, None, facts)


def called(
    name: str,
    at: float,
    *,
    role: str = "api",
    account: str = TARGET,
    region: str = HOME,
    code: str = "",
    said: str = "",
) -> dict[str, Any]:
    """One record of CloudTrail, of a task's session."""
    service, _, operation = name.partition(":")
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "userName": role}
    found = {
        "userIdentity": {
            "type": "AssumedRole", "arn": f"arn:aws:sts::{account}:assumed-role/{role}/task", "accountId": account,
            "sessionContext": {"sessionIssuer": issuer},
        },
        "eventTime": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", "eventName": operation, "eventID": "x",
        "eventSource": f"{service}.amazonaws.com", "awsRegion": region, "eventType": "AwsApiCall",
        "recipientAccountId": account, "readOnly": False,
    }  # fmt: skip
    return found | ({"errorCode": code, "errorMessage": said} if code else {})


@dataclass
class Told:
    folder: Path
    cut_over: float
    events: "deque[dict[str, Any]]"

    def type(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        code, body = told_by("healthy", self.folder, *words)
        return code, body["compared"]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A migration of two roles that was cut over two hours ago; what a test adds to `events` was called."""
    in_a_shell(monkeypatch)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "migration.yaml").write_text(CONFIG)
    roles = (a_role("api", Service="ecs-tasks.amazonaws.com"), a_role("people", AWS=f"arn:aws:iam::{LEGACY}:root"))
    files.write_inventory(folder, Inventory(LEGACY, (HOME,), tuple(every_kind()), roles))
    made = plan.write(folder, Migration(folder).inputs())
    assert made.refusals == []
    run = Migration(folder).run_folder(made)
    run.mkdir()
    cut_over = datetime.now(UTC).timestamp() - 2 * HOUR
    with Journal(run / "journal.db", clock=lambda: cut_over) as journal:
        for step in made.steps:
            journal.append(step, "verified")
    cloudtrail.lookup_events()
    cloudtrail.EVENTS.clear()
    with mock_aws():
        yield Told(folder, cut_over, cloudtrail.EVENTS)
    cloudtrail.EVENTS.clear()
    if "lookup_events" in vars(CloudTrailResponse):
        del CloudTrailResponse.lookup_events  # type: ignore[attr-defined]


NO = (
    f"User: arn:aws:sts::{TARGET}:assumed-role/api/task is not authorized to perform: x on resource: {TABLE} because no"
)


def test_a_moved_role_that_is_refused_is_named_with_action_resource_and_count(told: Told) -> None:
    for minute in (1, 2):
        told.events.append(
            called("dynamodb:DescribeTable", told.cut_over + minute * 60, code="AccessDeniedException", said=NO)
        )
    told.events.append(called("ec2:DescribeVpcs", told.cut_over + 60, code="Client.UnauthorizedOperation"))

    code, (found,) = told.type()

    assert code == 5
    assert (found["ref"], found["account"], found["state"]) == (f"{LEGACY}/global/iam.role/api", TARGET, "worse")
    assert found["why"][0].startswith("1 x ec2:DescribeVpcs was refused in eu-west-1 (Client.UnauthorizedOperation)")
    assert found["why"][1].startswith(f"2 x dynamodb:DescribeTable on {TABLE} was refused in eu-west-1")


def test_a_global_services_calls_are_looked_for_in_its_own_region(told: Told) -> None:
    told.events.append(called("iam:GetRole", told.cut_over + 60, region="us-east-1", code="AccessDenied"))

    code, (found,) = told.type()

    assert code == 5
    assert "1 x iam:GetRole was refused in us-east-1" in found["why"][0]


def test_what_is_no_refusal_or_not_a_moved_roles_or_too_early_is_not_named(told: Told) -> None:
    late, early = told.cut_over + 60, told.cut_over - 60
    told.events.extend([
        called("kms:Decrypt", late),
        called("kms:Decrypt", late, code="ThrottlingException"),
        called("kms:Decrypt", early, code="AccessDenied"),
        called("kms:Decrypt", late, role="someone", code="AccessDenied"),
        called("kms:Decrypt", late, role="people", code="AccessDenied"),
        called("kms:Decrypt", late, account=LEGACY, code="AccessDenied"),
    ])  # fmt: skip

    code, found = told.type()

    assert found == []
    assert code == 6  # nothing was compared, as without a gauge


def test_what_legacy_refused_to_the_same_role_as_well_is_not_worse(told: Told) -> None:
    told.events.append(called("kms:ListAliases", told.cut_over - 5 * HOUR, account=LEGACY, code="AccessDenied"))
    told.events.append(called("kms:ListAliases", told.cut_over + 60, code="AccessDenied"))

    assert told.type()[1] == []
    told.events.append(called("kms:Decrypt", told.cut_over + 60, code="AccessDenied"))
    assert [line.split(" was ")[0] for line in told.type()[1][0]["why"]] == ["1 x kms:Decrypt"]


def test_a_call_that_legacy_refused_long_before_or_to_another_role_is_still_worse(told: Told) -> None:
    told.events.append(called("kms:Decrypt", told.cut_over - 30 * HOUR, account=LEGACY, code="AccessDenied"))
    told.events.append(called("kms:Decrypt", told.cut_over - HOUR, account=LEGACY, role="web", code="AccessDenied"))
    told.events.append(called("kms:Decrypt", told.cut_over + 60, code="AccessDenied"))

    assert told.type()[0] == 5


def test_a_trail_that_cannot_be_read_is_not_silence(told: Told) -> None:
    del CloudTrailResponse.lookup_events  # type: ignore[attr-defined]

    code, found = told.type()

    assert code == 6
    assert {one["ref"] for one in found} == {"cloudtrail/eu-west-1", "cloudtrail/us-east-1"}
    assert {one["state"] for one in found} == {"could not be compared"}
    assert told.type("--without", "cloudtrail")[1] == []
    assert told.type("--without", "api")[1] == []


def test_more_events_than_are_read_are_said_and_the_refused_ones_among_them_still_count(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MOST", 60)
    told.events.append(called("kms:Decrypt", told.cut_over + 60, code="AccessDenied"))
    told.events.extend(called("ec2:DescribeVpcs", told.cut_over + 120) for _ in range(60))

    (found,) = told.type()[1]
    assert (found["ref"], found["state"]) == ("cloudtrail/eu-west-1", "could not be compared")
    assert "holds more than 60 events" in found["why"][0]

    told.events.append(called("kms:Decrypt", told.cut_over + 180, code="AccessDenied"))
    assert told.type()[0] == 5


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("AccessDenied", True), ("AccessDeniedException", True), ("Client.UnauthorizedOperation", True),
        ("UnauthorizedOperation", True), ("AuthorizationError", True), ("NoSuchKey", False), ("", False),
    ],
)  # fmt: skip
def test_every_way_in_which_services_say_no_counts(code: str, counts: bool) -> None:
    event = {"CloudTrailEvent": json.dumps(called("kms:Decrypt", 0, code=code))}

    assert bool(list(refused_calls([event]))) is counts
