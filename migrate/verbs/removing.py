"""migrate remove plan, review, approve, run, status, verify, rollback: closed users deleted after their soak.

The rule: this is the one plan that deletes in legacy. Nobody is in it who was not closed, soaked and unused since; it
has a cap; it is approved twice, the second time with an id for exactly the users that were listed; and every run asks
the same questions afresh before it writes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from migrate import config as configuration
from migrate import plan as ordinary
from migrate.aws import Aws, Permit, Site, permitted
from migrate.errors import AccessError, GateClosed, StaleError, UsageError
from migrate.inventory import Inventory, Resource
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.kind import Kind
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, Region, typed
from migrate.out import Out
from migrate.people import removal
from migrate.people.decided import Removal
from migrate.people.permissions import REPORT
from migrate.people.removed_user import NOT_READ, RemovedUser
from migrate.people.stack_user import StackUser
from migrate.people.users import users_of
from migrate.plan import Plan
from migrate.proving import compare
from migrate.sealing import Sealer
from migrate.verbs import acting, closing, fresh
from migrate.verbs import planning as ordinary_verbs
from migrate.verbs.beginning import open_aws
from migrate.verbs.people import Looked, look
from migrate.verbs.within import Within

FOLDER = "removing"
RUNBOOK = "remove-users"
REPORT_S = 300.0
"""How long AWS may take for the credential report. A judgement."""
_WITHIN = Within("remove", FOLDER)


class Removing(closing.Closing):
    """The same in `removing/`."""

    inner = FOLDER
    book = RUNBOOK
    section = "removal"

    @cached_property
    def kinds(self) -> dict[str, Kind[Any]]:
        """Users that are deleted, and users that their stack deletes."""
        return {kind.name: kind for kind in (RemovedUser(), StackUser())}


def _opened(folder: Path) -> Removing:
    return Removing(folder).begun()


# What is asked of AWS, afresh at every plan and every run.


def _site(migration: Removing, aws: Aws) -> Site:
    account = AccountId(migration.config.legacy.account)
    return aws.site(account, GLOBAL, kind=RemovedUser.name, seal=Sealer(migration.seal_key))


def _users(site: Site, names: Iterable[str]) -> dict[str, Resource]:
    """These users as they are. Raises AccessError where anything of them was not shown."""
    kind = RemovedUser()
    with permitted(Permit(kind.reads, scan=True)):
        found = [one for name in names for one in kind.scan(site, name)]
    if site.gaps:
        gap = site.gaps[0]
        raise AccessError(
            f"{gap.call}: {gap.reason}: {gap.said}; what a user holds has to be known before anything is deleted",
            do="allow that call for the role in legacy, then type the same again",
        )
    return {one.ref.name: one for one in found}


def _all_names(site: Site) -> list[str]:
    with permitted(Permit(frozenset({"iam.ListUsers"}), scan=True)):
        return [str(one["UserName"]) for one in site.pages("iam.ListUsers", "Users")]


def _now(site: Site) -> float:
    """AWS's own time: a clock of ours that is ahead would end every soak."""
    with permitted(Permit(frozenset({"iam.ListUsers"}), scan=True)):
        headers = site.call("iam.ListUsers", MaxItems=1)["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise AccessError("AWS's answer does not say what time it is: no soak can be counted", do="migrate doctor")
    return parsedate_to_datetime(headers["date"]).timestamp()


def _report(site: Site) -> removal.Report:
    """The credential report, made anew where AWS has none of the last four hours. Raises AccessError.

    Source: IAM User Guide, "Generate credential reports", read 2026-11.
    """
    until = monotonic() + REPORT_S
    with permitted(Permit(REPORT)):
        while site.call("iam.GenerateCredentialReport").get("State") != "COMPLETE":
            if monotonic() >= until:
                raise AccessError("AWS makes no credential report", do="type the same again in some minutes")
            sleep(1.0)
        answer = site.call("iam.GetCredentialReport")
    content, made_at = answer["Content"], answer["GeneratedTime"]
    try:
        return removal.read_report(content.decode("utf-8"), made_at.timestamp())
    except ValueError as error:
        raise AccessError(f"the credential report cannot be read: {error}", do="report this") from None


def _settings(looked: Looked, folder: Path) -> Removal:
    settings = looked.decided.removal
    if settings is None or not looked.decided.quarantine:
        missing = "identities.removal: {soak_days: 14}" if looked.decided.quarantine else "identities.quarantine: true"
        raise UsageError(
            "nobody asked for the old users to be removed",
            do=f"close them first (migrate close plan {typed(folder)}); after their soak write {missing} into "
            f"{folder / configuration.FILE_NAME}",
        )
    return settings


def _evidence(
    migration: Removing, looked: Looked, aws: Aws, site: Site, regions: tuple[Region, ...], names: Iterable[str]
) -> removal.Evidence:
    """What is known of these users, all of it asked now."""
    settings = _settings(looked, migration.home.folder)
    with _closings(migration.home.folder) as runs:
        closed = removal.closed_at(runs)
    spared, now = looked.quarantine.spared, _now(site)
    since = {name: closed[name] for name in names if name in closed and name not in spared}
    seen = fresh.uses(aws, site.account, regions, since, now)
    return removal.Evidence(spared, closed, _report(site), now, settings, seen)


def _by_stacks(migration: Removing, looked: Looked, aws: Aws, regions: tuple[Region, ...]) -> Inventory:
    """The newest scan with the stacks as they are now: past its stack nobody is deleted."""
    return fresh.with_stacks(aws, looked.inventory, regions, Sealer(migration.seal_key))


@contextmanager
def _closings(folder: Path) -> Iterator[Iterator[tuple[Plan, Journal]]]:
    """Every plan of `migrate close` that was begun, with its journal."""
    home = closing.Closing(folder)
    with ExitStack() as stack:

        def runs() -> Iterator[tuple[Plan, Journal]]:
            for path in sorted(home.folder.glob("*.plan.json")):
                found = ordinary.read(path)
                journal = home.run_folder(found) / JOURNAL
                if journal.exists():
                    yield found, stack.enter_context(Journal(journal, write=False))

        yield runs()


def _refuse_drift(migration: Migration, aws: Aws, plan: Plan, inventory: Inventory, journal: Journal) -> None:
    """Ask again of every user that this run has not begun with. Raises StaleError; nothing was written."""
    assert isinstance(migration, Removing)
    untouched = {
        ref.name: planned
        for ref, planned in inventory.by_ref.items()
        if not any(journal.history(step.id) for step in plan.steps.values() if step.ref == ref)
    }
    if not untouched:
        return
    site = _site(migration, aws)
    looked = look(migration.home)
    regions = fresh.regions_of(aws, site.account, looked.inventory.regions)
    by = _evidence(migration, looked, aws, site, regions, untouched)
    now = _users(site, untouched)
    inventory_now = _by_stacks(migration, looked, aws, regions)
    users = {one.name: one for one in users_of(inventory_now, migration.home.kinds)}
    removed = {name: users[name] for name in (ref.name for ref in inventory.by_ref) if name in users}
    changed = []
    for name, planned in untouched.items():
        if name not in now:
            changed.append(f"{name} is gone")
            continue
        # Which stack made it, and when it was closed, planning has added.
        added = {fact: planned.facts[fact] for fact in NOT_READ}
        if name in removed:
            since = by.closed_at.get(name, 0.0)
            added["stack"] = removal.planned(now[name], removed, inventory_now, since).facts["stack"]
        changed += [f"{name}: {line}" for line in compare(planned.facts, now[name].facts | added)]
        changed += [f"{name}: {line}" for line in compare(planned.tags, now[name].tags, "tags")]
        if why := removal.why_not(name, RemovedUser().typed(now[name]).facts, by):
            changed.append(f"{name} {why}")
    closing.refuse_changed(changed, do=f"migrate remove plan {migration.home.folder}, review and approve again")


WAYS = acting.Ways(_opened, open_aws, acting.run_clients, _refuse_drift)


def plan(out: Out, folder: Path, *, users: tuple[str, ...] = ()) -> int:
    """Look at the closed users afresh, and plan the removal of those whose soak is over. Writes nothing to AWS."""
    (home := Migration(folder)).not_of_a_copy("remove")
    looked = look(home)
    settings = _settings(looked, folder)
    migration = _opened(folder)
    aws = open_aws(migration, out)
    site = _site(migration, aws)
    regions = fresh.regions_of(aws, site.account, looked.inventory.regions)
    standing = _all_names(site)
    by = _evidence(migration, looked, aws, site, regions, [name for name in standing if not users or name in users])
    inventory_now = _by_stacks(migration, looked, aws, regions)
    known = {one.name: one for one in users_of(inventory_now, migration.home.kinds)}
    if unknown := sorted(set(users) - set(standing)):
        raise UsageError(f"there is no IAM user {unknown[0]}", do="name users that stand")
    read = _users(site, [name for name in standing if not users or name in users])
    left = {name: _why_not(name, one, known, by) for name, one in read.items()}
    ready = [name for name in read if not left[name]]
    for name in sorted(left):
        if left[name]:
            out.say(f"  not removed: {name} {left[name]}")
    if not ready:
        out.say("nobody is to be removed now")
        out.result("", {"plan": None, "users": [], "not_removed": left})
        return 0
    removal.cap(ready, len(standing), settings)
    removed = {name: known[name] for name in ready}
    resources = tuple(
        removal.planned(read[name], removed, inventory_now, by.closed_at[name]) for name in ready
    )  # fmt: skip
    inventory = Inventory(looked.inventory.account, looked.inventory.regions, tuple(migration.kinds), resources)
    kept, made = closing.write_plan(migration, inventory)
    for line in _lost(migration, inventory):
        out.say(f"  gone for good: {line}")
    out.say(f"plan {made.digest[:8]}: {len(ready)} of {len(standing)} users are removed in {len(made.steps)} steps")
    out.say(f"what a rollback puts back (policies, groups, tags; no way in) is kept in {kept}")
    out.result(str(made.path), {
        "plan": str(made.path), "digest": made.digest, "users": ready, "kept": str(kept),
        "not_removed": {name: why for name, why in left.items() if why}, "refusals": made.refusals,
    })  # fmt: skip
    if made.refusals:
        raise ordinary_verbs.refused(
            out,
            made,
            do=f"settle them, then migrate remove plan {typed(folder)}",
            rest=f"migrate remove review {typed(folder)}",
        )
    out.say(f"next: migrate remove review {typed(folder)}")
    return 0


def _why_not(name: str, one: Resource, known: Mapping[str, Any], by: removal.Evidence) -> str:
    if name not in known:
        return "is newer than the newest scan: nobody has said what it is"
    return removal.why_not(name, RemovedUser().typed(one).facts, by)


def _lost(migration: Removing, inventory: Inventory) -> list[str]:
    return list(removal.lost(migration.kinds[one.ref.kind].typed(one) for one in inventory.resources))


def second_id(plan: Plan) -> str:
    """What is typed as the second yes: for this plan and exactly these users."""
    names = sorted({str(step.ref) for step in plan.steps.values()})
    return hashlib.sha256("\n".join(["deleting", plan.digest, *names]).encode()).hexdigest()[:8]


def approve(
    out: Out, folder: Path, *, plan_path: Path | None, by: str | None, reason: str, gate: str | None,
    deleting: str | None = None,
) -> int:  # fmt: skip
    """Approve the plan with its second id, or answer a gate of its run."""
    act = _WITHIN.shared(ordinary_verbs.approve, of=_opened)
    if gate is not None:
        return act(out, folder, plan_path=plan_path, by=by, reason=reason, gate=gate)
    migration = _opened(folder)
    found = migration.plan(plan_path)
    wanted = second_id(found)
    if deleting is None:
        lines = "\n".join(f"    {line}" for line in _lost(migration, migration.inventory(found.body["inventory"])[1]))
        raise GateClosed(
            f"plan {found.digest[:8]} deletes users in {found.legacy}; nobody can bring back\n{lines}\n"
            "  nothing was approved",
            do=f"where these may go: migrate remove approve {typed(folder)} --deleting {wanted}",
        )
    if deleting != wanted:
        raise StaleError(
            f"--deleting {deleting} is not the second id of plan {found.digest[:8]}; nothing was approved",
            do=f"migrate remove approve {typed(folder)} without it, and read what would be gone",
        )
    return act(out, folder, plan_path=plan_path, by=by, reason=reason or f"deleting {wanted}", gate=None)


review = _WITHIN.shared(ordinary_verbs.review, of=_opened)
run = _WITHIN.shared(acting.run, ways=WAYS)
status = _WITHIN.shared(acting.status, ways=WAYS)
verify = _WITHIN.shared(acting.verify, ways=WAYS)
rollback = _WITHIN.shared(acting.rollback, ways=WAYS)


def left(out: Out, folder: Path) -> int:
    """Which IAM users are left in which account. Exit 5 while one is that nobody declared."""
    from migrate.verbs.leftover import left as look_everywhere

    return look_everywhere(out, folder)
