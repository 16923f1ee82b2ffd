"""quiet: whether anybody still uses legacy. Reads metrics and states through the scan's guard; writes nothing.

The rule: exit 0 means that everything that was cut over was looked at and is quiet. A person reads this before the old
account is retired.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from migrate.aws import Aws, Permit, ReadFailed, Site, permitted
from migrate.errors import Incomplete, StaleError, UsageError, VerificationFailed
from migrate.inventory import Resource
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import AccountId, Region, typed
from migrate.out import Out
from migrate.plan import Plan
from migrate.quiet import (
    READS,
    Looked,
    Measured,
    Meter,
    Verdict,
    batches,
    carries_traffic,
    judge,
    meters,
    period_s,
    request_meters,
    whole_periods,
)
from migrate.verbs.beginning import open_aws

BEFORE_S = 14 * 86400
_UNITS = {"m": 60, "h": 3600, "d": 86400}


def quiet(out: Out, folder: Path, *, plan_path: Path | None, last: str | None, without: tuple[str, ...]) -> int:
    """Say of everything that was cut over whether it is quiet. Raises VerificationFailed, Incomplete."""
    migration = Migration(folder)
    migration.not_of_a_copy("quiet")
    plan = migration.plan(plan_path)
    resources = [one for one in _cut_over(migration, plan) if carries_traffic(one)]
    left_out = [one for one in resources if any(fnmatchcase(one.ref.kind, kind) for kind in without)]
    resources = [one for one in resources if one not in left_out]
    done, now = _cut_over_at(migration, plan), time()
    since = done if last is None else max(done, now - seconds(last))
    aws = open_aws(migration, out, targets=False)
    verdicts = [*_verdicts(aws, AccountId(migration.config.legacy.account), resources, since, now)]
    by_state: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_state[verdict.state].append(verdict)
    used, unknown = by_state["still used"], by_state["could not be known"]
    lines = [_line(verdict) for state in ("quiet", "could not be known", "still used") for verdict in by_state[state]]
    out.result(
        "\n".join(lines) or "nothing that carries traffic was cut over",
        {
            "plan": plan.digest, "cut_over": utc(done), "since": utc(since), "now": utc(now),
            "verdicts": [verdict.as_json() for verdict in verdicts], "left_out": [str(one.ref) for one in left_out],
        },
    )  # fmt: skip
    out.say(
        f"legacy since {utc(since)}: {len(by_state['quiet'])} quiet, {len(used)} still used, {len(unknown)} could not "
        f"be known" + (f", {len(left_out)} left out" if left_out else "")
    )
    if used:
        raise VerificationFailed(
            f"{len(used)} things in legacy are still used, the first: {used[0].ref}",
            do=f"find who calls them (migrate outside {typed(folder)}), wait, look again; "
            "--last 24h forgets what was before",
        )
    if unknown:
        raise Incomplete(
            f"of {len(unknown)} things it could not be known, the first: {unknown[0].ref}: {unknown[0].why[0]}",
            do="look at them by hand, then leave them out: --without KIND",
        )
    return 0


def _line(verdict: Verdict) -> str:
    when = f", the last time {utc(verdict.last_used)}" if verdict.last_used else ""
    return f"{verdict.state}: {verdict.ref}: {'; '.join(verdict.why)}{when}"


def utc(at: float | None) -> str:
    """A moment as people read it; nothing for none."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def seconds(text: str) -> float:
    """The duration that --last says. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]*)([mhd])", text)
    if found is None:
        raise UsageError(f"--last {text!r} is not a duration", do="like 30m, 24h, 2d")
    return float(found[1]) * _UNITS[found[2]]


def _cut_over(migration: Migration, plan: Plan) -> list[Resource]:
    """The legacy resources that steps of this plan move, and that the run has moved."""
    inventory = migration.inventory(plan.body["inventory"])[1]
    moved = {step.ref for step in plan.steps.values()}
    return [resource for resource in inventory.resources if resource.ref in moved]


def _cut_over_at(migration: Migration, plan: Plan) -> float:
    """When the last step up to the cut-over was proved. Raises UsageError, StaleError where it is not that far."""
    path = migration.run_folder(plan) / JOURNAL
    if not path.exists():
        raise UsageError(f"plan {plan.digest[:8]} was not begun: nothing was cut over", do="migrate run")
    until = [step for step in plan.steps.values() if phase_of(migration, step) != "close"]
    with Journal(path, write=False) as journal:
        open_steps = [step.id for step in until if journal.state(step.id) != "verified"]
        if open_steps:
            raise StaleError(
                f"{len(open_steps)} steps are not done, so not everything was cut over: {open_steps[0]}",
                do=f"migrate status {typed(migration.folder)}",
            )
        times = [entry.at for step in until for entry in journal.history(step.id) if entry.event == "verified"]
    return max(times, default=0.0)


def phase_of(migration: Migration, step: Any) -> str:
    """The phase in which a step's action happens, as its kind says."""
    return str(migration.kinds[step.ref.kind].action(step.action).phase)


def _verdicts(aws: Aws, account: AccountId, resources: list[Resource], since: float, now: float) -> Iterator[Verdict]:
    by_region: dict[Region, list[Resource]] = defaultdict(list)
    for resource in resources:
        by_region[resource.ref.region].append(resource)
    with permitted(Permit(READS, scan=True)):
        for region, those in sorted(by_region.items()):
            site = aws.site(account, region, kind="quiet")
            looked = site.map(partial(_look, site), those)
            measured = _measured(site, [*zip(those, looked, strict=True)], since, now)
            for resource, seen in zip(those, looked, strict=True):
                yield judge(resource, measured.get(str(resource.ref), []), seen, now - since)


def _measured(
    site: Site, resources: Iterable[tuple[Resource, Looked]], since: float, now: float
) -> dict[str, list[Measured]]:
    """What every meter of these shows. What AWS does not answer is said with each meter that it is about."""
    found: dict[str, list[Measured]] = defaultdict(list)
    wanted = [(str(one.ref), meter) for one, seen in resources for meter in (*meters(one), *seen.meters)]
    for batch in batches(wanted):
        after, failed = metric_data(site, batch, since, now, period_s(now - since))
        asked = [(ref, meter) for ref, meter in batch if meter.silence == "if it spoke before"]
        before, _ = metric_data(site, asked, since - BEFORE_S, since, 3600) if asked else ({}, {})
        spoke = {ref for (ref, _), values in before.items() if values}
        for ref, meter in batch:
            key = ref, meter
            found[ref].append(Measured(meter, after.get(key, {}), ref in spoke, failed.get(key, "")))
    return found


Key = tuple[str, Meter]


def metric_data(
    site: Site, batch: list[Key], since: float, now: float, period: int
) -> tuple[dict[Key, dict[float, float]], dict[Key, str]]:
    """Time → value for each, and why for what was not read."""
    start, end = whole_periods(since, now, period)
    if start >= end:
        return {}, {}
    values: dict[Key, dict[float, float]] = defaultdict(dict)
    failed: dict[Key, str] = {}
    queries = [meter.query(number, period) for number, (_, meter) in enumerate(batch)]
    window = {"StartTime": datetime.fromtimestamp(start, UTC), "EndTime": datetime.fromtimestamp(end, UTC)}
    try:
        results = site.pages("cloudwatch.GetMetricData", "MetricDataResults", MetricDataQueries=queries, **window)
        for result in results:
            key = batch[int(result["Id"][1:])]
            values[key].update(
                {at.timestamp(): value for at, value in zip(result["Timestamps"], result["Values"], strict=True)}
            )
            if result.get("StatusCode") in ("InternalError", "Forbidden"):
                failed[key] = str(result["StatusCode"])
    except ReadFailed as error:
        failed |= dict.fromkeys(batch, f"cloudwatch.GetMetricData: {error.reason}")
    return values, failed


def _look(site: Site, resource: Resource) -> Looked:
    """What is not measured but seen: tasks and instances that run, messages that nobody took; and what S3 counts."""
    looks = {"ecs.service": _tasks, "ec2.instance": _machine, "sqs.queue": _messages, "s3.bucket": _requests}
    look = looks.get(resource.ref.kind)
    seen = Looked()
    if look is not None:
        try:
            look(site, resource, seen)
        except ReadFailed as error:
            seen.unread.append(f"{error.operation}: {error.reason}")
    return seen


def _tasks(site: Site, resource: Resource, seen: Looked) -> None:
    cluster, _, service = resource.ref.name.partition("/")
    shown = site.call("ecs.DescribeServices", cluster=cluster, services=[service])["services"]
    running = sum(one["runningCount"] + one.get("pendingCount", 0) for one in shown)
    _said(seen, running, f"{running} tasks run", "no task runs")


def _machine(site: Site, resource: Resource, seen: Looked) -> None:
    wanted = [{"Name": "instance-id", "Values": [resource.ref.name]}]
    shown = list(site.pages("ec2.DescribeInstances", "Reservations[].Instances[]", Filters=wanted))
    state = shown[0]["State"]["Name"] if shown else "terminated"
    _said(seen, state not in ("stopped", "terminated", "shutting-down"), f"it is {state}", f"it is {state}")


def _messages(site: Site, resource: Resource, seen: Looked) -> None:
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    shown: Mapping[str, str] = site.call(
        "sqs.GetQueueAttributes", QueueUrl=resource.facts["url"], AttributeNames=names
    ).get("Attributes", {})
    waiting = sum(int(shown.get(name, 0)) for name in names)
    _said(seen, waiting, f"about {waiting} messages wait in it", "no message waits in it")


def _requests(site: Site, resource: Resource, seen: Looked) -> None:
    listed = "s3.ListBucketMetricsConfigurations", "MetricsConfigurationList"
    seen.meters = request_meters(resource, site.pages(*listed, Bucket=resource.ref.name))


def _said(seen: Looked, is_used: object, used: str, still: str) -> None:
    (seen.used if is_used else seen.still).append(used if is_used else still)
