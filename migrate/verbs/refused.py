"""Calls of moved roles that AWS has refused in the targets since the hand-over, for `healthy`. Reads only.

The rule: what CloudTrail was not asked, did not answer or holds more of than is read is never "nothing was refused".
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from migrate.aws import Aws, Permit, Site, home_region, permitted
from migrate.errors import MigrateError
from migrate.health import Compared
from migrate.inventory import Resource
from migrate.kinds._documents import statements
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.plan import Plan
from migrate.policy_evaluation.refusals import Refused, refused_calls
from migrate.steps import Step

LOOKUP = "cloudtrail.LookupEvents"
"""Management events of 90 days, 50 on a page, two pages a second in each account and region. Its one filter by caller
is a session's name, which a task's role does not share: so everything since then is read. Source: botocore 1.44.5."""
MOST = 5000
"""Events that are read in one region: fifty seconds at AWS's pace."""
BLIND = (
    "CloudTrail's event history has no data events (objects of S3, messages of SQS and SNS, items of DynamoDB, records "
    "of Kinesis, invocations of functions) and is some minutes late: look for those in the logs"
)
"""Source: CloudTrail guide, "Logging data events" and "Working with CloudTrail event history", read 2026-11."""


def roles_moved(plan: Plan, inventory: Mapping[Ref, Resource], standing: Collection[str]) -> list[Step]:
    """The steps that made roles which a service takes on (tasks, functions, machines), and that are done."""
    return [
        step
        for step in plan.steps.values()
        if (step.ref.kind, step.action) == ("iam.role", "create")
        and step.id in standing
        and any(
            isinstance(principal := one.get("Principal"), Mapping) and principal.get("Service")
            for one in statements(inventory[step.ref].facts["trust"])
        )
    ]


def refused_since(aws: Aws, plan: Plan, roles: list[Step], times: tuple[float, float, float]) -> Iterator[Compared]:
    """Each moved role with refused calls that it had not in legacy, and each account and region that is not known.

    times: when legacy's figures begin, when legacy stopped, since when the target is looked at; UTC seconds.
    """
    start, stopped, since = times
    by_account: dict[AccountId, dict[str, Step]] = defaultdict(dict)
    for step in roles:
        by_account[step.account][step.name] = step
    for account, own in sorted(by_account.items()):
        used = {step.region for step in plan.steps.values() if step.account == account} - {GLOBAL}
        used = used or {Region(one) for one in plan.body["legacy"]["regions"]}
        found: dict[tuple[str, str, str], list[tuple[Region, Refused]]] = defaultdict(list)
        for region in sorted(used | {home_region(region) for region in used}):
            events, unknown = _events(aws, account, region, since)
            for call in refused_calls(events):
                name = call.role.rpartition("/")[2]
                if f"::{account}:role/" in call.role and name in own:
                    found[name, call.action, call.resource].append((region, call))
            if unknown:
                subject = f"cloudtrail/{region}"
                yield Compared(subject, account, "could not be compared", (f"refused calls: {unknown}",))
        lines: dict[str, list[str]] = defaultdict(list)
        for (name, action, resource), calls in found.items():
            step = own[name]
            if not _was_refused(aws, step.ref, action, {region for region, _ in calls}, start, stopped):
                last = max(call.at for _, call in calls)
                regions = ", ".join(sorted({region for region, _ in calls}))
                on = f" on {resource}" if resource else ""
                lines[name].append(
                    f"{len(calls)} x {action}{on} was refused in {regions} ({calls[0][1].code}), the last time {last}"
                )
        for name, said in sorted(lines.items()):
            yield Compared(str(own[name].ref), account, "worse", tuple(sorted(said)))


def _events(aws: Aws, account: AccountId, region: Region, since: float) -> tuple[list[Mapping[str, Any]], str]:
    """The newest events, and why these are not all."""
    with permitted(Permit(frozenset({LOOKUP}), scan=True)):
        try:
            found = _looked_up(aws.site(account, region, kind="healthy"), StartTime=datetime.fromtimestamp(since, UTC))
        except MigrateError as error:
            return [], error.what
    if len(found) <= MOST:
        return found, ""
    oldest = found[MOST - 1].get("EventTime")
    return found[:MOST], f"CloudTrail holds more than {MOST} events; what was before {oldest} was not read: say --last"


def _was_refused(aws: Aws, role: Ref, action: str, regions: set[Region], start: float, stopped: float) -> bool:
    """Whether legacy refused the same action to the same role as well, before it stopped. Not to be known: no."""
    name = action.partition(":")[2]
    window = {"StartTime": datetime.fromtimestamp(start, UTC), "EndTime": datetime.fromtimestamp(stopped, UTC)}
    only = [{"AttributeKey": "EventName", "AttributeValue": name}]
    with permitted(Permit(frozenset({LOOKUP}), scan=True)):
        for region in sorted(regions):
            try:
                found = _looked_up(aws.site(role.account, region, kind="healthy"), LookupAttributes=only, **window)
                calls = list(refused_calls(found[:MOST]))
            except MigrateError:
                continue
            for call in calls:
                is_own = f"::{role.account}:role/" in call.role and call.role.rpartition("/")[2] == role.name
                if is_own and call.action == action:
                    return True
    return False


def _looked_up(site: Site, **asked: Any) -> list[Mapping[str, Any]]:
    return list(islice(site.pages(LOOKUP, "Events", **asked), MOST + 1))
