"""The recorded timeline has teeth: two owners are found, a switch that it missed is found, on both ways.

The timeline of a whole migration stands in test_arrival, beside everything else that is asked of that one world.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.timeline import Moment, Owners, journal_faults, owned_twice, replayed, table, timeline

LEGACY, TARGET = "111111111111", "222222222222"
RULE, MAPPING = "rule default/tick", "mapping jobs→worker"
BEFORE = Owners({LEGACY: {RULE: True, MAPPING: True}, TARGET: {}})
MOVED = [
    Moment(1.0, TARGET, RULE, False),
    Moment(2.0, LEGACY, RULE, False),
    Moment(3.0, TARGET, RULE, True),
]
BACK = [Moment(4.0, TARGET, RULE, False), Moment(5.0, LEGACY, RULE, True)]


def test_a_hand_over_there_and_back_has_one_owner() -> None:
    assert owned_twice(BEFORE, MOVED + BACK) == []
    assert replayed(BEFORE, MOVED)[TARGET] == {RULE}
    assert replayed(BEFORE, MOVED + BACK) == {LEGACY: {RULE, MAPPING}, TARGET: set()}


def test_two_owners_for_a_moment_are_found() -> None:
    early = [MOVED[0], MOVED[2], MOVED[1]]
    late_back = [*MOVED, BACK[1], BACK[0]]

    assert owned_twice(BEFORE, early) == [f"{RULE} at 3.000: {LEGACY}, {TARGET}"]
    assert owned_twice(BEFORE, late_back) == [f"{RULE} at 5.000: {LEGACY}, {TARGET}"]


def test_what_only_passes_on_may_stand_in_both() -> None:
    both = Owners({LEGACY: {"subscription orders→sqs jobs": True}, TARGET: {}})

    assert owned_twice(both, [Moment(1.0, TARGET, "subscription orders→sqs jobs", True)]) == []


def test_the_table_is_for_people() -> None:
    assert table(MOVED[:2], {LEGACY: "legacy"}) == (
        f"    0.000 s  {TARGET}   off {RULE}\n    1.000 s  legacy         off {RULE}\n"
    )


ASKED: list[tuple[str, str, dict[str, Any] | str, tuple[str, bool] | None]] = [
    ("EnableRule", "/", {"Name": "tick"}, (RULE, True)),
    ("DisableRule", "/", {"Name": "tick", "EventBusName": "own"}, ("rule own/tick", False)),
    ("PutRule", "/", {"Name": "tick"}, (RULE, True)),
    ("UpdateEventSourceMapping", "/2015-03-31/event-source-mappings/u-1", {"Enabled": True}, (MAPPING, True)),
    ("UpdateEventSourceMapping", "/2015-03-31/event-source-mappings/u-1", {"BatchSize": 1}, None),
    ("CreateSchedule", "/schedules/hourly", {"State": "DISABLED"}, ("schedule default/hourly", False)),
    ("UpdateService", "/", {"cluster": "arn:aws:ecs:r:1:cluster/c", "service": "s", "desiredCount": 2},
     ("service c/s", True)),
    ("CreateService", "/", {"cluster": "c", "serviceName": "s", "desiredCount": 0}, ("service c/s", False)),
    ("RegisterScalableTarget", "/", {"ResourceId": "service/c/s", "SuspendedState": {"A": True, "B": True}},
     ("scaling service/c/s", False)),
    ("PutBucketNotificationConfiguration", f"/uploads-{LEGACY}", "<NotificationConfiguration/>",
     ("notification uploads", False)),
    ("PutBucketNotificationConfiguration", "/uploads",
     "<NotificationConfiguration><QueueConfiguration></QueueConfiguration></NotificationConfiguration>",
     ("notification uploads", True)),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "path", "body", "switched"), ASKED)
def test_each_request_that_switches_is_read(
    tmp_path: Path, operation: str, path: str, body: Any, switched: tuple[str, bool] | None
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    line = {"time": 1.0, "account": LEGACY, "service": "ecs", "operation": operation, "path": path, "asked": text}
    # Other services have operations of the same names.
    others = [line | {"service": "servicediscovery", "asked": "{}"}, line | {"service": "elasticloadbalancing"}]
    (tmp_path / "log").write_text("".join(json.dumps(one) + "\n" for one in [*others, line]))

    found = timeline(tmp_path / "log", {"u-1": MAPPING})

    assert found == ([] if switched is None else [Moment(1.0, LEGACY, *switched)])


def test_the_journal_of_a_target_that_starts_early_or_of_a_legacy_that_comes_back_early_is_found() -> None:
    stop, start = "2/r/events.rule/x:stop_legacy", "2/r/events.rule/x:start"
    good = [(stop, "acting"), (stop, "verified"), (start, "acting"), (start, "verified")]
    back = [(start, "undoing"), (start, "undone"), (stop, "undoing"), (stop, "undone")]

    assert journal_faults(good + back) == []
    assert len(journal_faults([good[0], good[2], good[1]])) == 1
    assert len(journal_faults(good + back[2:] + back[:2])) == 1
