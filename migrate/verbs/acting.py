"""run, status, verify, rollback: everything that has a journal. Only `run` and `rollback --confirm` write to AWS."""

import getpass
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from migrate import added, asking, evidence, files, losing
from migrate import review as reviewing
from migrate.aws import Aws
from migrate.clients import RunClients
from migrate.databases import Databases
from migrate.drift import unexplained, unread
from migrate.engine import Engine
from migrate.errors import AccessError, GateClosed, StaleError, StepFailed, UsageError, VerificationFailed
from migrate.ground import Clients
from migrate.inventory import Inventory
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.kind import Proof
from migrate.migration import Migration
from migrate.names import AccountId, Ref, Region, typed
from migrate.out import Out
from migrate.plan import Plan
from migrate.progress import steps_told
from migrate.reachability import exits, standing
from migrate.rewrite import rewriter
from migrate.values import Json
from migrate.verbs import gates
from migrate.verbs.beginning import open_aws, scan_account
from migrate.waiting import waited_for


def run_clients(aws: Aws, migration: Migration) -> RunClients:
    """The engine's AWS, sealing under the folder's key."""
    return RunClients(aws, migration.seal_key)


class Ways(NamedTuple):
    """How a verb comes to its folder, to AWS, and to what the plan was made from; `migrate org` has its own."""

    migration: Callable[[Path], Migration]
    open_aws: Callable[..., Aws]
    clients: Callable[[Aws, Migration], Clients]
    refuse_drift: Callable[[Migration, Aws, Plan, Inventory, Journal], None]


@contextmanager
def opened(
    out: Out, migration: Migration, plan: Plan, inventory: Inventory, aws: Aws, clients: Clients
) -> Iterator[Engine]:
    """The engine of this plan's run, its journal held; other processes are kept out meanwhile."""
    config = migration.config
    index = plan.names(inventory, migration.kinds)
    databases = Databases(aws, config, config.regions[0])

    @cache
    def name_map(account: AccountId, region: Region) -> Any:
        rewrite = rewriter(index.in_region(region), account)
        return lambda document: rewrite(document).value

    folder = migration.run_folder(plan)
    folder.mkdir(parents=True, exist_ok=True)
    with Journal(folder / JOURNAL) as journal, steps_told(out.say) as told:
        yield Engine(
            plan, plan.whole(inventory), migration.kinds, clients, journal, name_map,
            databases.connect, settle_s=config.settle_s, told=told, route=databases.route,
        )  # fmt: skip


def run(
    out: Out, folder: Path, *, plan_path: Path | None, engine: str, workers: int, group: str | None,
    ways: Ways | None = None,
) -> int:  # fmt: skip
    """Run to the next gate or to the end."""
    ways = ways or LEGACY
    migration = ways.migration(folder)
    plan = migration.plan(plan_path)
    approval = reviewing.approval_of(migration.folder, plan)
    inventory = migration.check_fresh(plan)
    if plan.refusals:
        raise StaleError(f"plan {plan.digest[:8]} has refusals and can never run", do=f"migrate plan {typed(folder)}")
    aws = ways.open_aws(migration, out)
    out.say(f"plan {plan.digest[:8]}, approved by {approval.body['by']}")
    with opened(out, migration, plan, inventory, aws, ways.clients(aws, migration)) as runs:
        ways.refuse_drift(migration, aws, plan, inventory, runs.journal)
        runs.journal.append(
            "run", "opened", {"plan": plan.digest, "approved_by": approval.body["by"], "engine": engine}
        )
        select = None if group is None else _members(plan, group)
        if engine == "prefect":
            from flows.run import drive

            outcome = drive(runs, migration.run_folder(plan), migration=plan.migration, select=select, workers=workers)
        else:
            outcome = runs.drive(select, workers)
        runs.journal.append("run", "closed", gates.ended(outcome))
        out.result("", _outcome(outcome, plan, runs))
        out.say(f"{len(outcome.verified)} steps verified now, {_count(runs, 'verified')} of {len(plan.steps)} in all")
        if outcome.unproved:
            out.say(f"{len(outcome.unproved)} done, but could not be proved: {', '.join(outcome.unproved[:4])}")
        if outcome.gate is not None and not outcome.failed:
            who = f" ({outcome.gate.approvers} people)" if outcome.gate.approvers > 1 else ""
            known = gates.unproved_before(plan, outcome.gate, runs.journal) + gates.asked(asking.of_all(runs.ground))
            raise GateClosed(
                f"gate {outcome.gate.id}{who}: {outcome.gate.ask}{known}",
                do=f"migrate approve {typed(folder)} --gate {outcome.gate.id} && migrate run {typed(folder)}",
            )
        if outcome.error is not None:
            raise outcome.error
    out.say(f"next: migrate verify {typed(folder)}")
    return 0


def _refuse_drift(migration: Migration, aws: Aws, plan: Plan, inventory: Inventory, journal: Journal) -> None:
    """Scan legacy again and compare with what was planned from, but for what this run did itself."""
    now = scan_account(migration, aws, inventory.account, inventory.regions)
    lost = unread(inventory, now)
    if lost:
        raise AccessError(
            f"legacy could not be read again: {len(lost)} listings got no answer; nothing was written\n  {lost[0]}",
            do=f"migrate doctor {typed(migration.folder)}, then migrate run {typed(migration.folder)}",
        )
    found = unexplained(inventory, now, plan, journal, migration.kinds)
    if found:
        listed = "\n".join(f"  {line}" for line in found[:30])
        more = f"\n  and {len(found) - 30} more" if len(found) > 30 else ""
        raise StaleError(
            f"legacy is not what the plan was made from: {len(found)} differences; nothing was written\n{listed}{more}",
            do=f"migrate scan {typed(migration.folder)} && migrate plan {typed(migration.folder)}, "
            "review and approve again",
        )


LEGACY = Ways(Migration, open_aws, run_clients, _refuse_drift)
"""Out of the legacy account."""


def _members(plan: Plan, group: str) -> list[str]:
    steps = [step.id for step in plan.steps.values() if group in (step.group, str(step.ref), step.ref.name)]
    whole = {step.group for step in plan.steps.values() if step.id in steps}
    if not steps:
        raise UsageError(f"{group!r} is in no cut-over group of this plan", do="migrate review lists them")
    return [step.id for step in plan.steps.values() if step.group in whole]


def _count(runs: Engine, state: str) -> int:
    return sum(1 for step in runs.plan.steps if runs.journal.state(step) == state)


def _outcome(outcome: Any, plan: Plan, runs: Engine) -> dict[str, Json]:
    return {
        "plan": plan.digest,
        "verified": outcome.verified,
        "verified_in_all": _count(runs, "verified"),
        "steps": len(plan.steps),
        "failed": {step: error.what for step, error in outcome.failed.items()},
        "could_not_be_proved": outcome.unproved,
        "gate": None if outcome.gate is None else outcome.gate.id,
    }


def status(out: Out, folder: Path, *, plan_path: Path | None, ways: Ways | None = None) -> int:
    """Where the run stands."""
    migration = (ways or LEGACY).migration(folder)
    folder = migration.folder
    plan = migration.plan(plan_path)
    path = migration.run_folder(plan) / JOURNAL
    approved = True
    try:
        reviewing.approval_of(folder, plan)
    except StaleError:
        approved = False
    if not path.exists():
        if plan.refusals:
            text, do = f"plan {plan.digest[:8]} is refused", f"migrate review {typed(folder)}"
        elif approved:
            text, do = f"plan {plan.digest[:8]} is approved and was not begun", f"migrate run {typed(folder)}"
        else:
            text, do = (
                f"plan {plan.digest[:8]} waits for approval",
                f"migrate review {typed(folder)} && migrate approve {typed(folder)}",
            )
        out.result(f"{text}\nnext: {do}", {"plan": plan.digest, "begun": False, "approved": approved, "next": do})
        return 0
    with Journal(path, write=False) as journal:
        engine = gates.reading_engine(migration, plan, journal)
        states: dict[str, list[str]] = {}
        for step in plan.steps:
            states.setdefault(str(journal.state(step) or "open"), []).append(step)
        waiting = gates.standing(plan, engine)
        unproved = gates.unproved_before(plan, waiting, journal) if waiting else ""
        failures = {s: _last_error(journal, s) for s in states.get("failed", [])}
        evidence.look(journal)
        asked = asking.of_all(engine.ground)
        blocked = {s: _last_error(journal, s) for s in states.get("blocked", [])}
        awaited = {s: waited_for(journal, s) for s in states.get("waiting", [])}
    lines = [
        f"plan {plan.digest[:8]}: " + ", ".join(f"{len(steps)} {state}" for state, steps in sorted(states.items()))
    ]
    lines += [f"failed: {step}: {said}" for step, said in failures.items()]
    if asked:
        lines.append(gates.asked(asked).removeprefix("\n  "))
    lines += [f"waits for AWS: {step}: {said}" for step, said in awaited.items()]
    lines += [f"waits for a person: {step}: {said}" for step, said in blocked.items()]
    if waiting:
        lines.append(
            f"gate {waiting.id}: {waiting.ask}{unproved}\nnext: migrate approve {typed(folder)} --gate {waiting.id}"
        )
    elif len(states.get("verified", [])) == len(plan.steps):
        lines.append(f"done\nnext: migrate verify {typed(folder)}")
    else:
        lines.append(f"next: migrate run {typed(folder)}")
    out.result("\n".join(lines), {
        "plan": plan.digest, "begun": True, "approved": approved, "states": {k: len(v) for k, v in states.items()},
        "failed": failures, "blocked": blocked, "awaited": awaited, "gate": waiting.id if waiting else None,
        "asks": asked,
    })  # fmt: skip
    return 0


def _last_error(journal: Journal, step: str) -> str:
    said = [
        str(e.data.get("what") or e.data.get("said") or "")
        for e in journal.entries(step)
        if e.event in ("failed", "blocked")
    ]
    return said[-1] if said else ""


def verify(out: Out, folder: Path, *, plan_path: Path | None, ways: Ways | None = None) -> int:
    """Prove everything again; write the report into the run's folder."""
    ways = ways or LEGACY
    migration = ways.migration(folder)
    plan = migration.plan(plan_path)
    inventory = migration.inventory(plan.body["inventory"])[1]
    path = migration.run_folder(plan)
    if not (path / JOURNAL).exists():
        raise UsageError(
            f"plan {plan.digest[:8]} was not begun: there is nothing to verify", do=f"migrate run {typed(folder)}"
        )
    aws = ways.open_aws(migration, out)
    with opened(out, migration, plan, inventory, aws, ways.clients(aws, migration)) as runs:
        chain, _ = runs.journal.verify_chain(), evidence.look(runs.journal)
        proofs, reached = runs.prove_all(), list(standing.proofs(runs.ground))
        parts = added.proofs(runs.ground)
    different = [(ref, account, proof) for ref, account, proof in proofs if proof.state == "different"]
    unknown = "could not be proved"
    unproved = [(ref, account, proof) for ref, account, proof in proofs if proof.state == unknown]
    compared = sum(len(proof.compared) for _, _, proof in proofs)
    report = {
        "plan": plan.digest, "journal_head": chain, "resources": len(proofs), "facts_compared": compared,
        "proofs": [_proof_as_json(*one) for one in proofs], "ways": [_proof_as_json(*one) for one in reached],
        "added": [_proof_as_json(*one) for one in parts],
    }  # fmt: skip
    written = files.write(path, "verify.json", "migrate.verify/1", report)
    closed = [one for one in reached if one[2].state == "different"]
    more = [one for one in parts if one[2].state == "different"]
    for ref, account, proof in (*different, *closed, *more):
        for difference in proof.differences:
            out.say(f"  different: {migration.config.alias(account)}: {ref}: {difference}")
    for ref, account, proof in (*unproved, *(one for one in (*reached, *parts) if one[2].state == unknown)):
        out.say(f"  could not be proved: {migration.config.alias(account)}: {ref}: {'; '.join(proof.differences[:3])}")
    equal = len(proofs) - len(different) - len(unproved)
    out.say(
        f"{len(proofs)} resources, {compared} facts compared by fresh reads: {equal} equal, "
        f"{len(different)} different, {len(unproved)} could not be proved"
    )
    if reached:
        out.say(
            f"{sum(len(one[2].compared) for one in reached)} ways over the network of {len(reached)} resources asked: "
            f"{len(closed)} resources do not reach, or are not reached by, what they were in legacy"
        )
    for said in plan.body.get("blueprint", {}).get("different", ()):
        out.say(f"  different on purpose: {said}")
    for said in exits.told(reached, migration.config.alias):
        out.say(f"  {said}")
    out.result(str(written.path), report)
    if different or closed or more:
        by_way = f", {len(closed)} by what they reach over the network" if closed else ""
        by_part = f", {len(more)} by what was added in them" if more else ""
        raise VerificationFailed(f"{len(different)} resources differ{by_way}{by_part}", do=f"read {written.path}")
    return 0


def _proof_as_json(ref: Ref, account: AccountId, proof: Proof) -> dict[str, Json]:
    return {
        "ref": str(ref), "account": account, "state": proof.state, "differences": list(proof.differences),
        "compared": list(proof.compared), "evidence": dict(proof.evidence),
    }  # fmt: skip


def rollback(
    out: Out, folder: Path, *, plan_path: Path | None, to_wave: int | None, steps: tuple[str, ...], confirm: str | None,
    workers: int, losing_id: str | None = None, by: str | None = None, ways: Ways | None = None,
) -> int:  # fmt: skip
    """List what would be undone; with the listing's id, do it. What would be lost takes a second yes."""
    ways = ways or LEGACY
    migration = ways.migration(folder)
    plan = migration.plan(plan_path)
    inventory = migration.inventory(plan.body["inventory"])[1]
    if not (migration.run_folder(plan) / JOURNAL).exists():
        raise UsageError(f"plan {plan.digest[:8]} was not begun: there is nothing to undo", do="migrate status")
    if to_wave is None and not steps:
        raise UsageError("say what to undo", do="--to WAVE (0: everything) or --step ID")
    unknown = [step for step in steps if step not in plan.steps]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no step of plan {plan.digest[:8]}", do="migrate review lists them")
    chosen = [s.id for s in plan.steps.values() if s.id in steps or (to_wave is not None and s.wave > to_wave)]
    aws = ways.open_aws(migration, out)
    with opened(out, migration, plan, inventory, aws, ways.clients(aws, migration)) as runs:
        order = runs.to_undo(chosen)
        listing = hashlib.sha256("\n".join([plan.digest, runs.journal.head(), *order]).encode()).hexdigest()[:8]
        if confirm not in (None, listing):
            raise StaleError(f"--confirm {confirm} is not the id of this listing", do="run it again without --confirm")
        lost = losing.losses(runs, order)
        second = losing.token(listing, lost)
        if confirm is None:
            for step in order:
                out.say(f"  would undo {step}")
            _warn(out, plan, order)
            for line in losing.told(lost):
                out.say(f"  would lose {line}")
            out.result(listing, {"confirm": listing, "steps": order, "losing": second, "losses": dict(lost)})
            more = f" --losing {second}" if second else ""
            out.say(
                f"{len(order)} steps; nothing was done. To act: "
                f"migrate rollback {typed(folder)} … --confirm {listing}{more}"
            )
            return 0
        losing.refuse(lost, second, losing_id, f"migrate rollback {typed(folder)} … --confirm {listing}")
        losing.accept(runs, lost, by or getpass.getuser())
        result = runs.undo(chosen, workers)
        runs.journal.append("run", "closed", {"undone": len(result.undone), "kept": len(result.kept)})
    for step, why in {**result.kept, **result.waiting}.items():
        out.say(f"  kept {step}: {why}")
    for step, error in result.failed.items():
        out.say(f"  failed {step}: {error.what}")
    out.say(
        f"{len(result.undone)} steps undone, {len(result.kept) + len(result.waiting)} kept, {len(result.failed)} failed"
    )
    out.result("", {
        "undone": result.undone, "kept": {**result.kept, **result.waiting},
        "failed": {step: error.what for step, error in result.failed.items()},
    })  # fmt: skip
    if not result.whole:
        raise StepFailed(
            "the rollback is not whole: a person is needed", do="read the reasons above, then run it again"
        )
    return 0


def _warn(out: Out, plan: Plan, order: list[str]) -> None:
    lossy = [step for step in order if plan.steps[step].undo_class in ("R3", "R4")]
    if lossy:
        out.say(f"  {len(lossy)} of them lose what the target wrote since (class R3 or R4), the first: {lossy[0]}")
