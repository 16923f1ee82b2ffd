"""Schedule of EventBridge Scheduler: made disabled, enabled at cut-over after legacy's was disabled.

The rule: at no moment is it enabled in both accounts. A rate() counts from the moment it is enabled, and what falls
between the two switches is not made up for: choose an instant between two firings.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    same_place,
)
from migrate.kinds import _content as content
from migrate.kinds._listening import LISTENING

_GONE = ("ResourceNotFoundException",)
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SEEN_IN = "scheduler.GetSchedule"
_WHOLE = (
    "ActionAfterCompletion", "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name",
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)  # fmt: skip
"""What scheduler.UpdateSchedule takes: whatever it is not told goes back to AWS's default. botocore 1.44.5."""


class ScheduleFacts(Facts):
    """Source: scheduler.GetSchedule."""

    group: str
    expression: str
    timezone: str
    start: str | None
    start_is_past: bool
    """AWS takes no start that is past, and one that is past does nothing: then it is not sent."""
    end: str | None
    window: dict[str, Json]
    state: str
    description: str
    kms_key: str | None
    target: dict[str, Json]
    """Its Input as a document with credentials sealed."""
    after_completion: str
    is_over: bool
    """Its one moment or its end has passed: it never fires again."""


def _whole(it: It[ScheduleFacts], place: Place, state: str) -> dict[str, Json]:
    facts = it.facts
    target = dict(facts.target)
    if "Input" in target:
        target["Input"] = content.sent(target["Input"])
    said: dict[str, Json] = {
        "Name": place.name.partition("/")[2],
        "GroupName": facts.group,
        "ScheduleExpression": facts.expression,
        "ScheduleExpressionTimezone": facts.timezone,
        "StartDate": None if facts.start_is_past else facts.start,
        "EndDate": facts.end,
        "FlexibleTimeWindow": facts.window,
        "State": state,
        "Description": facts.description or None,
        "KmsKeyArn": facts.kms_key,
        "Target": target,
        "ActionAfterCompletion": facts.after_completion,
    }
    return {key: value for key, value in said.items() if value is not None}


class Create(Action[ScheduleFacts]):
    """The schedule, disabled."""

    name = "create"
    title = "Create the schedule, disabled"

    def applies(self, it: It[ScheduleFacts]) -> bool:
        return not it.facts.is_over

    def requests(self, it: It[ScheduleFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"Name": place.name.partition("/")[2], "GroupName": it.facts.group}
        return [
            Request(
                "scheduler.CreateSchedule",
                _whole(it, place, "DISABLED"),
                once="named",
                creates=True,
                outputs={"arn": "ScheduleArn"},
                # A role just made cannot be assumed for some seconds: ValidationException (unverified).
                retry=("ValidationException",),
                undo=Request("scheduler.DeleteSchedule", own, done=_GONE),
            )
        ]


class StopLegacy(CarryAction[ScheduleFacts]):
    """Disable it in legacy. AWS wants the whole schedule for that: it is read and sent back as it is, but disabled, so
    that not a byte of its input changes."""

    name = "stop_legacy"
    title = "Disable the schedule in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D1"
    writes = writes_in_legacy = frozenset({"scheduler.UpdateSchedule"})
    reads = frozenset({"scheduler.GetSchedule"})

    def applies(self, it: It[ScheduleFacts]) -> bool:
        return _fires(it)

    def summary(self, it: It[ScheduleFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": {"State": "DISABLED"},
            "how": "scheduler.UpdateSchedule in legacy with everything else as it stands",
        }

    def legacy_after(self, it: It[ScheduleFacts]) -> Mapping[str, Json]:
        return {"state": "DISABLED"}

    def carry(self, it: It[ScheduleFacts], to: Carrier) -> Mapping[str, Json]:
        return {"disabled": _turn(it, to, "DISABLED")}

    def prove(self, it: It[ScheduleFacts], to: Carrier) -> Proof:
        state = to.legacy.call("scheduler.GetSchedule", **_legacy_key(it)).get("State")
        differences = () if state == "DISABLED" else (f"legacy.state: expected DISABLED, found {state}",)
        return Proof("different" if differences else "equal", ("state",), differences)

    def uncarry(self, it: It[ScheduleFacts], to: Carrier) -> None:
        _turn(it, to, it.facts.state)


def _turn(it: It[ScheduleFacts], to: Carrier, state: str) -> int:
    """Give legacy's schedule this state and nothing else; how many writes it took."""
    standing = to.legacy.call("scheduler.GetSchedule", **_legacy_key(it))
    if standing.get("State") == state:
        return 0
    kept = {key: standing[key] for key in _WHOLE if standing.get(key) is not None}
    to.write("scheduler.UpdateSchedule", side="legacy", **kept | {"State": state})
    return 1


def _legacy_key(it: It[ScheduleFacts]) -> dict[str, str]:
    return {"Name": it.ref.name.partition("/")[2], "GroupName": it.facts.group}


class Start(Action[ScheduleFacts]):
    """Enable it in the target."""

    name = "start"
    title = "Enable the schedule in the target"
    phase = "cutover"
    undo_class = "R2"
    downtime = "D1"
    after_kinds = ("ecs.service.start", *LISTENING)

    def applies(self, it: It[ScheduleFacts]) -> bool:
        return _fires(it)

    def requests(self, it: It[ScheduleFacts], place: Place) -> Sequence[Request]:
        back = Request("scheduler.UpdateSchedule", _whole(it, place, "DISABLED"))
        return [Request("scheduler.UpdateSchedule", _whole(it, place, it.facts.state), undo=back)]


def _fires(it: It[ScheduleFacts]) -> bool:
    return it.facts.state != "DISABLED" and not it.facts.is_over


class Schedule(Kind[ScheduleFacts]):
    """A schedule with its target. Not carried: a schedule that is over, and a start that is past."""

    name = "scheduler.schedule"
    title = "EventBridge Scheduler schedule"
    facts = ScheduleFacts
    stamped = False
    reads = frozenset({"scheduler.GetSchedule", "scheduler.ListSchedules"})
    tagging_types = ("scheduler:schedule",)
    volatile = frozenset({"is_over", "start_is_past"})
    actions = (Create(), StopLegacy(), Start())
    quiet = True
    manual = "A one-time schedule whose moment has passed, or one past its end, never fires again and is not made."

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            group, _, name = only.rpartition("/")
            keys = [(group or "default", name)]
        else:
            listed = site.pages("scheduler.ListSchedules", "Schedules", MaxResults=100)
            keys = sorted((one["GroupName"], one["Name"]) for one in listed)

        def described(key: tuple[str, str]) -> dict[str, Any] | None:
            return site.optional("scheduler.GetSchedule", missing=_GONE, GroupName=key[0], Name=key[1])

        for one in site.map(described, keys):
            if one is not None:
                yield self.found(site, f"{one['GroupName']}/{one['Name']}", _facts(site, one), arn=one["Arn"])

    def needs(self, it: It[ScheduleFacts]) -> Iterator[Need]:
        facts, target = it.facts, it.facts.target
        if facts.is_over:
            return
        if facts.group != "default":
            yield Need(same_place(it, "scheduler.schedule_group", facts.group), "in", "hard", f"{_SEEN_IN} GroupName")
        yield Need(target["RoleArn"], "assumes", "hard", f"{_SEEN_IN} Target.RoleArn")
        # An API call as a target (arn:aws:scheduler:::aws-sdk:…) is nobody's resource.
        if not target["Arn"].startswith("arn:aws:scheduler:::"):
            yield Need(target["Arn"], "triggers", "cut", f"{_SEEN_IN} Target.Arn")
        task = (target.get("EcsParameters") or {}).get("TaskDefinitionArn")
        if task:
            yield Need(task, "runs", "cut", f"{_SEEN_IN} Target.EcsParameters.TaskDefinitionArn")
        if facts.kms_key:
            yield Need(facts.kms_key, "encrypted by", "hard", f"{_SEEN_IN} KmsKeyArn")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ScheduleFacts]) -> dict[str, Json]:
        facts = facts | {"target": content.ordered(facts["target"])}
        if it.facts.start_is_past:
            facts["start"] = None
        return facts if "start" in done else facts | {"state": "DISABLED"}


def _facts(site: ReadSite, one: Mapping[str, Any]) -> ScheduleFacts:
    target = content.ordered(content.plain(one["Target"]))
    if "Input" in target:
        target["Input"] = content.read(site, "Input", target["Input"])
    now = datetime.now(UTC)
    start, end = _moment(one.get("StartDate")), _moment(one.get("EndDate"))
    timezone = one.get("ScheduleExpressionTimezone") or "UTC"
    moment = _AT.fullmatch(one["ScheduleExpression"])
    only_at = datetime.fromisoformat(moment[1]).replace(tzinfo=ZoneInfo(timezone)) if moment else None
    return ScheduleFacts(
        group=one["GroupName"],
        expression=one["ScheduleExpression"],
        timezone=timezone,
        start=start.isoformat() if start else None,
        start_is_past=start is not None and start <= now,
        end=end.isoformat() if end else None,
        window=content.plain(one["FlexibleTimeWindow"]),
        state=one.get("State", "ENABLED"),
        description=one.get("Description") or "",
        kms_key=one.get("KmsKeyArn"),
        target=target,
        after_completion=one.get("ActionAfterCompletion") or "NONE",
        is_over=any(time is not None and time <= now for time in (only_at, end)),
    )


def _moment(value: Any) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


KINDS = (Schedule(),)
