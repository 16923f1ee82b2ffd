"""What a run asks of people: the gate it stands at, and their answer. The rule: a gate is answered when it is reached.

An answer given before would say of work that was not done yet that it was looked at.
"""

from collections.abc import Mapping
from typing import Any

from migrate.engine import Engine
from migrate.errors import UsageError
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import typed
from migrate.out import Out
from migrate.plan import Plan
from migrate.running import Outcome, is_unproved
from migrate.steps import Gate
from migrate.values import Json


def answer(out: Out, migration: Migration, plan: Plan, gate: str, by: str, reason: str) -> int:
    """Keep a person's yes at a gate in the run's journal. Raises UsageError where the run does not stand at it."""
    gates = {one.id: one for one in plan.gates}
    if gate not in gates:
        raise UsageError(f"{gate!r} is no gate of plan {plan.digest[:8]}", do=f"one of {', '.join(gates) or 'none'}")
    again = f"migrate run {typed(migration.folder)}"
    folder = migration.run_folder(plan)
    if not (folder / JOURNAL).exists():
        raise UsageError(f"plan {plan.digest[:8]} was not begun: no gate of it stands to be answered", do=again)
    with Journal(folder / JOURNAL) as journal:
        left = [] if stopped_at(journal) == gate else before(plan, gates[gate], journal)
        if left:
            raise UsageError(
                f"the run does not stand at gate {gate} yet: {len(left)} steps before it are not done, the first is "
                f"{left[0]}; nothing was noted",
                do=f"{again}: it goes on to the gate and asks there",
            )
        engine = reading_engine(migration, plan, journal)
        engine.answer(gate, by, reason)
        is_open = engine.gate_open(gate)
    out.say(f"gate {gate}: yes from {by}; " + ("open" if is_open else f"needs {gates[gate].approvers} people"))
    out.say(f"next: {again}" if is_open else "")
    out.result("", {"gate": gate, "by": by, "open": is_open})
    return 0


def ended(outcome: Outcome) -> dict[str, Json]:
    """What the journal keeps of how a run ended."""
    gate = None if outcome.failed else outcome.gate
    return {"verified": len(outcome.verified), "failed": len(outcome.failed), "gate": gate.id if gate else None}


def stopped_at(journal: Journal) -> str | None:
    """The gate at which the latest run ended, if it did: of one group's run other steps before it may be left."""
    latest = next(reversed(journal.entries("run")), None)
    gate = latest.data.get("gate") if latest is not None and latest.event == "closed" else None
    return None if gate is None else str(gate)


def before(plan: Plan, gate: Gate, journal: Journal) -> list[str]:
    """The steps before a gate that are not done."""
    return [s.id for s in plan.steps.values() if s.wave <= gate.after_wave and journal.state(s.id) != "verified"]


def standing(plan: Plan, engine: Engine) -> Gate | None:
    """The closed gate that has to be answered next."""
    stopped = stopped_at(engine.journal)
    closed = (gate for gate in plan.gates if not engine.gate_open(gate.id))
    return next((gate for gate in closed if gate.id == stopped or not before(plan, gate, engine.journal)), None)


def unproved_before(plan: Plan, gate: Gate, journal: Journal) -> str:
    """What whoever answers a gate has to know: which steps before it are done and could not be proved."""
    ids = [s.id for s in plan.steps.values() if s.wave <= gate.after_wave and is_unproved(journal, s.id)]
    if not ids:
        return ""
    more = f"\n  and {len(ids) - 6} more" if len(ids) > 6 else ""
    return f"\n  {len(ids)} steps before it could not be proved:\n    " + "\n    ".join(ids[:6]) + more


def asked(texts_of: Mapping[str, list[str]]) -> str:
    """What people have to do meanwhile, as lines."""
    return "".join(f"\n  asks {step}: {text}" for step, texts in texts_of.items() for text in texts)


def reading_engine(migration: Migration, plan: Plan, journal: Journal) -> Engine:
    """An engine that can look at its journal and send nothing."""
    _, inventory = migration.inventory(plan.body["inventory"])
    nowhere: Any = None
    return Engine(plan, plan.whole(inventory), migration.kinds, nowhere, journal, lambda *_: lambda document: document)
