"""healthy: whether what was cut over does as well as it did in legacy. Reads metrics and CloudTrail; writes nothing.

The rule: exit 0 means that everything was compared and nothing is worse. A person reads this while a rollback is cheap.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import floor
from pathlib import Path
from time import time

from migrate.aws import Aws, Permit, permitted
from migrate.errors import Incomplete, MigrateError, StaleError, UsageError, VerificationFailed
from migrate.gauges import GAUGES, balancer_label, gauge_of
from migrate.health import READS, Compared, State, by_state, figures, judge
from migrate.inventory import Resource
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import AccountId, Region, typed
from migrate.out import Out
from migrate.plan import Plan
from migrate.quiet import Meter, batches, period_s
from migrate.steps import Step
from migrate.verbs.beginning import open_aws
from migrate.verbs.quiet import metric_data, phase_of, seconds, utc
from migrate.verbs.refused import BLIND, refused_since, roles_moved

BALANCER, API = "elbv2.load_balancer", "apigatewayv2.api"
_STOPS = frozenset({"freeze", "data", "cutover"})
Figured = tuple[dict[str, dict[float, float]], list[str]]
"""Metric → time → value, and what could not be read."""


def healthy(out: Out, folder: Path, *, plan_path: Path | None, last: str | None, without: tuple[str, ...]) -> int:
    """Compare each thing that has a gauge and was cut over with legacy's. Raises VerificationFailed, Incomplete."""
    migration = Migration(folder)
    migration.not_of_a_copy("healthy")
    plan = migration.plan(plan_path)
    moved, now = _read_journal(migration, plan), time()
    since = moved.since if last is None else max(moved.since, now - seconds(last))
    steps = [step for step in _gauged(plan) if not _is_out(step.ref.name, without)]
    aws = open_aws(migration, out)
    compared = [*_compare(migration, plan, aws, steps, moved.own, (moved.stopped, since, now))]
    facts = migration.inventory(plan.body["inventory"])[1].by_ref
    roles = [one for one in roles_moved(plan, facts, moved.standing) if not _is_out(one.ref.name, without)]
    if roles and not _is_out("cloudtrail", without):
        times = moved.stopped - migration.config.health.before_hours * 3600, moved.stopped, since
        compared += refused_since(aws, plan, roles, times)
    order: tuple[State, ...] = ("as well", "idle on both sides", "could not be compared", "worse")
    out.result(
        "\n".join(_line(migration, one) for state in order for one in by_state(compared, state))
        or "nothing that is measured was cut over: there is nothing to compare",
        {
            "plan": plan.digest, "legacy_until": utc(moved.stopped), "steps_to_go": moved.to_go,
            "since": utc(since), "now": utc(now),
            "compared": [one.as_json() for one in compared], "roles": [str(one.ref) for one in roles],
        },
    )  # fmt: skip
    worse, unknown = by_state(compared, "worse"), by_state(compared, "could not be compared")
    as_well, idle = len(by_state(compared, "as well")), len(by_state(compared, "idle on both sides"))
    out.say(
        (f"{moved.to_go} steps are not done yet; " if moved.to_go else "")
        + f"since {utc(since)}: {as_well} do as well as legacy did in the "
        f"{migration.config.health.before_hours:g} hours before {utc(moved.stopped)}, {len(worse)} worse, "
        f"{len(unknown)} could not be compared" + (f", {idle} idle on both sides" if idle else "")
    )
    if roles:
        out.say(
            f"refused calls of {len(roles)} moved roles were looked for, without those that legacy refused too; {BLIND}"
        )
    if worse:
        raise VerificationFailed(
            f"{len(worse)} do worse than in legacy, the first: {worse[0].ref}: {worse[0].why[0]}",
            do=f"look at its targets and its logs; while it is cheap: migrate rollback {typed(folder)} --to 0",
        )
    if unknown or not as_well:
        first = (
            f"{len(unknown)} could not be compared, the first: {unknown[0].ref}: {unknown[0].why[0]}" if unknown else ""
        )
        raise Incomplete(
            first or "nothing was compared",
            do="wait for requests, lower health.requests in migration.yaml, or look by hand and say --without NAME",
        )
    return 0


def _is_out(name: str, without: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, one) for one in without)


def _line(migration: Migration, one: Compared) -> str:
    return f"{one.state}: {migration.config.alias(AccountId(one.account))}: {one.ref}: {'; '.join(one.why)}"


def _gauged(plan: Plan) -> list[Step]:
    """The steps that make what is measured, one for each target account."""
    return [step for step in plan.steps.values() if step.ref.kind in GAUGES and step.action == "create"]


def _own(resource: Resource) -> str:
    """What CloudWatch knows legacy's by. Empty: it measures nothing that says how it does."""
    if resource.ref.kind == BALANCER:
        return balancer_label(resource.arn)
    return str(resource.facts["id"]) if resource.ref.kind == API else resource.ref.name


def _new(step: Step, outputs: Mapping[str, str]) -> str:
    """What CloudWatch knows the target's by."""
    if step.ref.kind == BALANCER:
        return balancer_label(outputs.get("arn", ""))
    return outputs.get("id", "") if step.ref.kind == API else step.name


@dataclass(frozen=True, slots=True)
class _Moved:
    """What the journal says. Times are UTC seconds."""

    own: dict[str, str]
    """Step that has made something → what CloudWatch knows it by."""
    stopped: float
    """When the first step began that takes something from legacy."""
    since: float
    """When the last step was done; while the run stands in the cut-over (at a share of the traffic): its first."""
    to_go: int
    standing: frozenset[str]
    """The steps that are done."""


def _read_journal(migration: Migration, plan: Plan) -> _Moved:
    """Where the run stands. Raises UsageError where it was not begun, StaleError where nothing was cut over."""
    path = migration.run_folder(plan) / JOURNAL
    if not path.exists():
        raise UsageError(f"plan {plan.digest[:8]} was not begun: nothing was cut over", do="migrate run")
    began, done, over, proven = list[float](), list[float](), list[float](), set[str]()
    to_go = 0
    with Journal(path, write=False) as journal:
        standing = [step for step in _gauged(plan) if journal.state(step.id) == "verified"]
        own = {step.id: _new(step, journal.outputs(step.id)) for step in standing}
        for step in plan.steps.values():
            phase, history = phase_of(migration, step), journal.history(step.id)
            if phase == "close":
                continue
            proved = [entry.at for entry in history if entry.event == "verified"]
            began += [entry.at for entry in history] if phase in _STOPS else []
            if journal.state(step.id) != "verified":
                to_go += 1
            else:
                proven.add(step.id)
                done += proved[-1:]
                over += proved[-1:] if phase == "cutover" else []
    if to_go and not over:
        raise StaleError(
            f"{to_go} steps are not done, and none of the cut-over is: there is nothing to compare yet",
            do=f"migrate status {typed(migration.folder)}",
        )
    last = max(done, default=0.0)
    return _Moved(own, min(began, default=last), min(over) if to_go else last, to_go, frozenset(proven))


def _compare(
    migration: Migration, plan: Plan, aws: Aws, steps: list[Step], own: dict[str, str], times: tuple[float, ...]
) -> Iterator[Compared]:
    inventory = migration.inventory(plan.body["inventory"])[1].by_ref
    limits, legacy = migration.config.health, AccountId(migration.config.legacy.account)
    stopped, since, now = times
    start = stopped - limits.before_hours * 3600
    period = period_s(now - start)
    before_window = (start, floor(stopped / period) * period, period)
    wanted: dict[tuple[AccountId, Region], set[str]] = defaultdict(set)
    pairs = {step.id: (_own(inventory[step.ref]), own.get(step.id, "")) for step in steps}
    for step in steps:
        old, new = pairs[step.id]
        if old and new:
            wanted[legacy, step.ref.region].add(_thing(step, old))
            wanted[step.account, step.region].add(_thing(step, new))
    read: dict[tuple[AccountId, Region, str], Figured] = {}
    for (account, region), those in sorted(wanted.items()):
        window = before_window if account == legacy else (since, now, period_s(now - since))
        for one, said in _read(aws, account, region, sorted(those), window).items():
            read[account, region, one] = said
    for step in steps:
        old, new = pairs[step.id]
        if not (old and new):
            why = "it is no Application or Network Load Balancer: nothing says how it does"
            why = "it does not stand in the target yet" if old else why
            yield Compared(str(step.ref), step.account, "could not be compared", (why,))
            continue
        gauge = gauge_of(step.ref.kind, old)
        before, lost = read[legacy, step.ref.region, _thing(step, old)]
        after, missing = read[step.account, step.region, _thing(step, new)]
        unread = [f"legacy: {one}" for one in lost] + [f"the target: {one}" for one in missing]
        yield judge(
            str(step.ref), step.account, figures(before, gauge), figures(after, gauge), limits, unread, gauge
        )  # fmt: skip


def _read(
    aws: Aws, account: AccountId, region: Region, things: list[str], window: tuple[float, float, int]
) -> dict[str, Figured]:
    """What each of an account's things showed; a refused read is said with each that it is about."""
    wanted = [(thing, meter) for thing in things for meter in _meters(thing)]
    found: dict[str, Figured] = {one: ({}, []) for one in things}
    with permitted(Permit(READS, scan=True)):
        try:
            site = aws.site(account, region, kind="healthy")
            answers = [(batch, *metric_data(site, batch, *window)) for batch in batches(wanted)]
        except MigrateError as error:
            # An account that lets nobody in is an open question for each of its things, not the end.
            return {one: ({}, [error.what]) for one in things}
    for batch, values, failed in answers:
        for one, meter in batch:
            if why := failed.get((one, meter)):
                found[one][1].append(f"{meter.metric}: {why}")
            found[one][0][meter.metric] = dict(values.get((one, meter), {}))
    return found


def _thing(step: Step, own: str) -> str:
    return f"{step.ref.kind} {own}"


def _meters(thing: str) -> tuple[Meter, ...]:
    kind, _, own = thing.partition(" ")
    return gauge_of(kind, own).meters(own)
