"""Who owned which trigger when: read by plain boto3 at the ends, and from the world's list of requests in between.

Rule: no moment is missed. Every request that can switch a trigger is in the world's list; replayed over what stood
before, it must give exactly what stands after, else the timeline itself is at fault.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

ACTIVE = ("mapping", "notification", "rule", "scaling", "schedule", "service")
"""They act by themselves: two enabled owners would do the work twice."""
PASSIVE = ("subscription",)
"""They pass on what is said to their own topic: legacy's stay as they are, the target's come at cut-over."""
SERVICES = frozenset({"application-autoscaling", "ecs", "events", "lambda", "s3", "scheduler", "sns"})
PAIRS = {"start": "stop_legacy", "listen": "stop_legacy", "finish": "silence_legacy"}
"""The step that switches the target's on, and the one that has to be done before."""


@dataclass(frozen=True, order=True)
class Moment:
    """A trigger was switched in one account."""

    at: float
    account: str
    trigger: str
    enabled: bool


@dataclass
class Owners:
    """What stands: per account each trigger, and whether it is enabled; and what their ids mean."""

    standing: dict[str, dict[str, bool]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    """id or ARN → trigger, also of what is gone since."""


def observe(sessions: Mapping[str, Any], so_far: Owners | None = None) -> Owners:
    """Read every trigger of every account now."""
    found = Owners(called=dict(so_far.called) if so_far else {})
    for account, session in sessions.items():
        found.standing[account] = {}
        for trigger, enabled, own in _read(session, account):
            found.standing[account][trigger] = enabled
            if own:
                found.called[own] = trigger
    return found


def _read(session: Any, account: str) -> Iterable[tuple[str, bool, str]]:
    events, functions, ecs, s3 = (session.client(name) for name in ("events", "lambda", "ecs", "s3"))
    for bus in events.list_event_buses()["EventBuses"]:
        for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            yield f"rule {bus['Name']}/{rule['Name']}", rule["State"] == "ENABLED", ""
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        yield _mapping(one["FunctionArn"], one["EventSourceArn"]), one["State"] in ("Enabled", "Enabling"), one["UUID"]
    for one in session.client("scheduler").list_schedules()["Schedules"]:
        yield f"schedule {one['GroupName']}/{one['Name']}", one["State"] == "ENABLED", ""
    for cluster in ecs.list_clusters()["clusterArns"]:
        names = ecs.list_services(cluster=cluster, maxResults=100)["serviceArns"]
        for start in range(0, len(names), 10):
            for one in ecs.describe_services(cluster=cluster, services=names[start : start + 10])["services"]:
                if one["status"] == "ACTIVE":
                    yield _service(cluster, one["serviceName"]), one["desiredCount"] > 0, ""
    scaling = session.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    for one in scaling["ScalableTargets"]:
        yield f"scaling {one['ResourceId']}", _scales(one.get("SuspendedState")), ""
    for bucket in s3.list_buckets()["Buckets"]:
        told = s3.get_bucket_notification_configuration(Bucket=bucket["Name"])
        kinds = ("QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations")
        if any(told.get(kind) for kind in kinds):
            yield _notification(bucket["Name"], account), True, ""
    for one in session.client("sns").list_subscriptions()["Subscriptions"]:
        yield _subscription(one["TopicArn"], one["Protocol"], one["Endpoint"]), True, one["SubscriptionArn"]


def _mapping(function: str, source: str) -> str:
    return f"mapping {source.split(':')[5]}→{function.split(':')[6] if ':' in function else function}"


def _service(cluster: str, name: str) -> str:
    return f"service {cluster.rpartition('/')[2]}/{name.rpartition('/')[2]}"


def _notification(bucket: str, account: str) -> str:
    return f"notification {bucket.removesuffix(f'-{account}')}"


def _subscription(topic: str, protocol: str, endpoint: str) -> str:
    return f"subscription {topic.rpartition(':')[2]}→{protocol} {endpoint.rpartition(':')[2]}"


def _scales(suspended: Mapping[str, bool] | None) -> bool:
    return not suspended or not all(suspended.values())


def timeline(log: Path, called: Mapping[str, str], *, after: int = 0) -> list[Moment]:
    """Every switch in the world's list of requests from line `after` on, in order."""
    found = []
    for line in log.read_text().splitlines()[after:]:
        asked = json.loads(line)
        if "asked" in asked and asked["service"] in SERVICES and (switched := _switched(asked, called)) is not None:
            found.append(Moment(asked["time"], asked["account"], *switched))
    return found


class Recorder:
    """The timeline of one story, from the moment this is made."""

    def __init__(self, sessions: Mapping[str, Any], log: Path) -> None:
        self.sessions, self.log = sessions, log
        self.before = self.now = observe(sessions)
        self._first_line = len(log.read_text().splitlines())

    def look(self) -> None:
        """Read what stands, and hold the timeline so far to it."""
        self.now = observe(self.sessions, self.now)
        stands = {
            account: {t for t, enabled in there.items() if enabled} for account, there in self.now.standing.items()
        }
        assert replayed(self.before, self.moments) == stands, "a switch is missing in the timeline"

    @property
    def moments(self) -> list[Moment]:
        """Every switch so far."""
        return timeline(self.log, self.now.called, after=self._first_line)


def _switched(asked: Mapping[str, Any], called: Mapping[str, str]) -> tuple[str, bool] | None:
    """The trigger that a request switched, and to what; None where it leaves that as it is."""
    operation, body = asked["operation"], asked["asked"]
    if operation == "PutBucketNotificationConfiguration":
        bucket = asked["path"].strip("/").split("/")[0]
        return _notification(bucket, asked["account"]), "Configuration>" in body.replace(
            "NotificationConfiguration", ""
        )
    if operation in ("Subscribe", "Unsubscribe"):
        said = {name: values[0] for name, values in parse_qs(body).items()}
        if operation == "Subscribe":
            return _subscription(said["TopicArn"], said["Protocol"], said["Endpoint"]), True
        return called[said["SubscriptionArn"]], False
    given = json.loads(body) if body else {}
    last = asked["path"].rpartition("/")[2]
    match operation:
        case "PutRule" | "EnableRule" | "DisableRule" | "DeleteRule":
            on = {"EnableRule": True, "PutRule": given.get("State", "ENABLED") == "ENABLED"}.get(operation, False)
            return f"rule {given.get('EventBusName', 'default').rpartition('/')[2]}/{given['Name']}", on
        case "CreateEventSourceMapping":
            return _mapping(given["FunctionName"], given["EventSourceArn"]), given.get("Enabled", True)
        case "UpdateEventSourceMapping":
            return (called[last], given["Enabled"]) if "Enabled" in given else None
        case "DeleteEventSourceMapping":
            return called[last], False
        case "CreateSchedule" | "UpdateSchedule" | "DeleteSchedule":
            on = operation != "DeleteSchedule" and given.get("State", "ENABLED") == "ENABLED"
            return f"schedule {given.get('GroupName', 'default')}/{last}", on
        case "CreateService":
            return _service(given["cluster"], given["serviceName"]), given.get("desiredCount", 1) > 0
        case "UpdateService":
            return (
                (_service(given["cluster"], given["service"]), given["desiredCount"] > 0)
                if "desiredCount" in given
                else None
            )
        case "DeleteService":
            return _service(given["cluster"], given["service"]), False
        case "RegisterScalableTarget":
            return f"scaling {given['ResourceId']}", _scales(given.get("SuspendedState"))
    raise AssertionError(f"{operation} switches triggers, and nobody here knows how")


def replayed(before: Owners, moments: Iterable[Moment]) -> dict[str, set[str]]:
    """The enabled triggers of each account after these switches."""
    now = {account: {t for t, enabled in there.items() if enabled} for account, there in before.standing.items()}
    for one in moments:
        (set.add if one.enabled else set.discard)(now[one.account], one.trigger)
    return now


def owned_twice(before: Owners, moments: Iterable[Moment]) -> list[str]:
    """Each moment at which a trigger that acts by itself had more than one enabled owner."""
    now = {account: {t for t, enabled in there.items() if enabled} for account, there in before.standing.items()}
    found = []
    for one in moments:
        (set.add if one.enabled else set.discard)(now[one.account], one.trigger)
        owners = sorted(account for account, there in now.items() if one.trigger in there)
        if len(owners) > 1 and one.trigger.startswith(ACTIVE):
            found.append(f"{one.trigger} at {one.at:.3f}: {', '.join(owners)}")
    return found


def table(moments: Iterable[Moment], names: Mapping[str, str]) -> str:
    """The timeline for people: seconds from the first switch, account, trigger, what happened."""
    listed = list(moments)
    began = listed[0].at if listed else 0.0
    rows = (
        (one.at - began, names.get(one.account, one.account), "on" if one.enabled else "off", one) for one in listed
    )
    return "".join(f"{at:9.3f} s  {account:<14} {turned:<3} {one.trigger}\n" for at, account, turned, one in rows)


def journal(path: Path) -> list[tuple[str, str]]:
    """(step, event) of a run's journal, in order."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return list(db.execute("SELECT step, event FROM entry WHERE step != '' ORDER BY seq"))


def journal_faults(entries: Iterable[tuple[str, str]]) -> list[str]:
    """Where the journal shows a target's trigger started before legacy's had stopped, or the way back the same."""
    listed = list(entries)
    handed_over = {step for step, _ in listed if step.rpartition(":")[2] in PAIRS.values()}
    stopped: set[str] = set()
    started: set[str] = set()
    found = []
    for step, event in listed:
        of, _, action = step.rpartition(":")
        if action in PAIRS.values():
            if event == "verified":
                stopped.add(step)
            elif event == "undoing":
                stopped.discard(step)
                if any(f"{of}:{name}" in started for name in PAIRS):
                    found.append(f"{of}: legacy's comes back while the target's is still on")
        elif action in PAIRS and f"{of}:{PAIRS[action]}" in handed_over:
            if event == "acting":
                started.add(step)
                if f"{of}:{PAIRS[action]}" not in stopped:
                    found.append(f"{of}: the target's starts while legacy's is still on")
            elif event in ("undone", "kept"):
                started.discard(step)
    return found
