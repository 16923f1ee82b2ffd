"""healthy: whether the targets' load balancers answer as well as legacy's did. Reads metrics; writes nothing.

The rule: exit 0 means that everything was compared and nothing is worse. A person reads this while a rollback is cheap.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import floor
from pathlib import Path
from time import time

from migrate.aws import Aws, Permit, permitted
from migrate.errors import Incomplete, MigrateError, StaleError, UsageError, VerificationFailed
from migrate.health import READS, Compared, State, by_state, figures, judge, label, meters
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import AccountId, Region
from migrate.out import Out
from migrate.plan import Plan
from migrate.quiet import period_s
from migrate.steps import Step
from migrate.verbs.beginning import open_aws
from migrate.verbs.quiet import metric_data, phase_of, seconds, utc

BALANCER = "elbv2.load_balancer"
_STOPS = frozenset({"freeze", "data", "cutover"})
Figured = tuple[dict[str, dict[float, float]], list[str]]
"""Metric → time → value, and what could not be read."""


def healthy(out: Out, folder: Path, *, plan_path: Path | None, last: str | None, without: tuple[str, ...]) -> int:
    """Compare each load balancer that was cut over with legacy's. Raises VerificationFailed, Incomplete."""
    migration = Migration(folder)
    plan = migration.plan(plan_path)
    moved, now = _read_journal(migration, plan), time()
    since = moved.since if last is None else max(moved.since, now - seconds(last))
    steps = [step for step in _balancers(plan) if not any(fnmatchcase(step.ref.name, name) for name in without)]
    aws = open_aws(migration, out)
    compared = [*_compare(migration, plan, aws, steps, moved.arns, (moved.stopped, since, now))]
    order: tuple[State, ...] = ("as well", "could not be compared", "worse")
    out.result(
        "\n".join(_line(migration, one) for state in order for one in by_state(compared, state))
        or "no load balancer was cut over: there is nothing to compare",
        {
            "plan": plan.digest, "legacy_until": utc(moved.stopped), "steps_to_go": moved.to_go,
            "since": utc(since), "now": utc(now),
            "compared": [one.as_json() for one in compared],
        },
    )  # fmt: skip
    worse, unknown = by_state(compared, "worse"), by_state(compared, "could not be compared")
    as_well = len(compared) - len(worse) - len(unknown)
    out.say(
        (f"{moved.to_go} steps are not done yet; " if moved.to_go else "")
        + f"since {utc(since)}: {as_well} answer as well as legacy did in the "
        f"{migration.config.health.before_hours:g} hours before {utc(moved.stopped)}, {len(worse)} worse, "
        f"{len(unknown)} could not be compared"
    )
    if worse:
        raise VerificationFailed(
            f"{len(worse)} answer worse than in legacy, the first: {worse[0].ref}: {worse[0].why[0]}",
            do=f"look at its targets and its logs; while it is cheap: migrate rollback {folder} --to 0",
        )
    if unknown or not compared:
        first = (
            f"{len(unknown)} could not be compared, the first: {unknown[0].ref}: {unknown[0].why[0]}" if unknown else ""
        )
        raise Incomplete(
            first or "nothing was compared",
            do="wait for requests, lower health.requests in migration.yaml, or look by hand and say --without NAME",
        )
    return 0


def _line(migration: Migration, one: Compared) -> str:
    return f"{one.state}: {migration.config.alias(AccountId(one.account))}: {one.ref}: {'; '.join(one.why)}"


def _balancers(plan: Plan) -> list[Step]:
    """The steps that make load balancers, one for each target account."""
    return [step for step in plan.steps.values() if step.ref.kind == BALANCER and step.action == "create"]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What the journal says. Times are UTC seconds."""

    arns: dict[str, str]
    """Step that has made a load balancer → the ARN that it gave."""
    stopped: float
    """When the first step began that takes something from legacy."""
    since: float
    """When the last step was done; while the run stands in the cut-over (at a share of the traffic): its first."""
    to_go: int


def _read_journal(migration: Migration, plan: Plan) -> _Moved:
    """Where the run stands. Raises UsageError where it was not begun, StaleError where nothing was cut over."""
    path = migration.run_folder(plan) / JOURNAL
    if not path.exists():
        raise UsageError(f"plan {plan.digest[:8]} was not begun: nothing was cut over", do="migrate run")
    began, done, over = list[float](), list[float](), list[float]()
    to_go = 0
    with Journal(path, write=False) as journal:
        standing = [step.id for step in _balancers(plan) if journal.state(step.id) == "verified"]
        arns = {step: journal.outputs(step).get("arn", "") for step in standing}
        for step in plan.steps.values():
            phase, history = phase_of(migration, step), journal.history(step.id)
            if phase == "close":
                continue
            proved = [entry.at for entry in history if entry.event == "verified"]
            began += [entry.at for entry in history] if phase in _STOPS else []
            if journal.state(step.id) != "verified":
                to_go += 1
            else:
                done += proved[-1:]
                over += proved[-1:] if phase == "cutover" else []
    if to_go and not over:
        raise StaleError(
            f"{to_go} steps are not done, and none of the cut-over is: there is nothing to compare yet",
            do=f"migrate status {migration.folder}",
        )
    last = max(done, default=0.0)
    return _Moved(arns, min(began, default=last), min(over) if to_go else last, to_go)


def _compare(
    migration: Migration, plan: Plan, aws: Aws, steps: list[Step], arns: dict[str, str], times: tuple[float, ...]
) -> Iterator[Compared]:
    inventory = migration.inventory(plan.body["inventory"])[1].by_ref
    limits, legacy = migration.config.health, AccountId(migration.config.legacy.account)
    stopped, since, now = times
    start = stopped - limits.before_hours * 3600
    period = period_s(now - start)
    before_window = (start, floor(stopped / period) * period, period)
    wanted: dict[tuple[AccountId, Region], set[str]] = defaultdict(set)
    labels = {step.id: (label(inventory[step.ref].arn), label(arns.get(step.id, ""))) for step in steps}
    for step in steps:
        old, new = labels[step.id]
        if old and new:
            wanted[legacy, step.ref.region].add(old)
            wanted[step.account, step.region].add(new)
    read: dict[tuple[AccountId, str], Figured] = {}
    for (account, region), own in sorted(wanted.items()):
        window = before_window if account == legacy else (since, now, period_s(now - since))
        for one, said in _read(aws, account, region, sorted(own), window).items():
            read[account, one] = said
    for step in steps:
        old, new = labels[step.id]
        if not (old and new):
            why = "it is no Application Load Balancer: AWS counts no answers of others"
            why = "it does not stand in the target yet" if old else why
            yield Compared(str(step.ref), step.account, "could not be compared", (why,))
            continue
        (before, lost), (after, missing) = read[legacy, old], read[step.account, new]
        unread = [f"legacy: {one}" for one in lost] + [f"the target: {one}" for one in missing]
        yield judge(str(step.ref), step.account, figures(before), figures(after), limits, unread)


def _read(
    aws: Aws, account: AccountId, region: Region, labels: list[str], window: tuple[float, float, int]
) -> dict[str, Figured]:
    """What each of an account's load balancers showed; a refused read is said with each that it is about."""
    batch = [(own, meter) for own in labels for meter in meters(own)]
    found: dict[str, Figured] = {own: ({}, []) for own in labels}
    with permitted(Permit(READS, scan=True)):
        try:
            values, failed = metric_data(aws.site(account, region, kind="healthy"), batch, *window)
        except MigrateError as error:
            # An account that lets nobody in is an open question for each of its load balancers, not the end.
            return {own: ({}, [error.what]) for own in labels}
    for own, meter in batch:
        if why := failed.get((own, meter)):
            found[own][1].append(f"{meter.metric}: {why}")
        found[own][0][meter.metric] = dict(values.get((own, meter), {}))
    return found
