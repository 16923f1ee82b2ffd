"""A person's answer at a gate: taken when the run stands there, and not before."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.engine import Engine
from migrate.errors import UsageError
from migrate.journal import FILE, Journal
from migrate.out import Out
from migrate.steps import Gate
from migrate.verbs import gates
from tests.toy_kinds import KINDS, World, rename, world
from tests.toy_steps import FREEZE, LABEL, LOOP, fail_with

GATES = [Gate("ready", "Are all writers stopped?", 2, None, 3), Gate("last", "All well?", 1, None, 4)]


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path, gates=GATES)
    yield made
    made.die()


@pytest.fixture
def say(toys: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answers a gate as `approve --gate` does."""
    monkeypatch.setattr(gates, "reading_engine", lambda migration, plan, journal: _with(toys, journal))
    migration: Any = SimpleNamespace(folder=toys.folder, run_folder=lambda plan: toys.folder)
    plan: Any = SimpleNamespace(gates=GATES, steps=toys.plan.steps, digest="0" * 64)

    def answer(gate: str, by: str = "ann") -> int:
        toys.die()
        return gates.answer(Out(False), migration, plan, gate, by, "")

    return answer


def _with(toys: World, journal: Journal) -> Any:
    return Engine(toys.plan, toys.inventory, KINDS, toys.clients, journal, rename, clock=toys.clock)


def ran(toys: World, **how: Any) -> Any:
    """A run, noted as the verb notes it."""
    engine = toys.engine()
    engine.journal.append("run", "opened", {})
    outcome = engine.drive(workers=2, **how)
    engine.journal.append("run", "closed", gates.ended(outcome))
    return outcome


def answered(toys: World) -> list[str]:
    with Journal(toys.folder / FILE, write=False) as journal:
        return [str(entry.data["by"]) for gate in GATES for entry in journal.entries(gate.id)]


def test_before_the_run_has_begun_there_is_nothing_to_answer(toys: World, say: Any) -> None:
    with pytest.raises(UsageError, match="was not begun: no gate of it stands") as caught:
        say("ready")

    assert "migrate run" in caught.value.do
    assert not (toys.folder / FILE).exists(), "no journal is made by the question"


def test_a_run_that_was_refused_before_its_first_step_stands_at_no_gate(toys: World, say: Any) -> None:
    toys.engine().journal.append("run", "opened", {})

    with pytest.raises(UsageError, match="does not stand at gate ready yet: 6 steps before it are not done"):
        say("ready")

    assert answered(toys) == []


def test_the_gate_at_which_the_run_stands_is_answered_and_a_later_one_is_not(toys: World, say: Any) -> None:
    assert ran(toys).gate == GATES[0]

    with pytest.raises(UsageError, match="does not stand at gate last yet") as caught:
        say("last")
    assert "goes on to the gate and asks there" in caught.value.do
    say("ready")
    say("ready", "bob")

    assert answered(toys) == ["ann", "bob"]
    assert ran(toys).gate == GATES[1]
    say("last")
    assert ran(toys).gate is None


def test_a_failed_step_before_a_gate_keeps_it_from_being_answered(toys: World, say: Any) -> None:
    fail_with(toys, ("definite", "LimitExceeded"), on="toy.CreateLabel")
    assert set(ran(toys).failed) == {LABEL}

    with pytest.raises(UsageError, match=f"the first is {LABEL}"):
        say("ready")


def test_a_group_that_runs_alone_may_stop_at_a_gate_that_others_have_not_reached(toys: World, say: Any) -> None:
    outcome = ran(toys, select=[FREEZE])
    assert outcome.gate == GATES[0]

    say("ready")
    say("ready", "bob")

    assert answered(toys) == ["ann", "bob"]


def test_after_a_rollback_the_gate_is_asked_anew(toys: World, say: Any) -> None:
    ran(toys)
    engine = toys.engine()
    engine.undo([LOOP], workers=1)
    engine.journal.append("run", "closed", {"undone": 3, "kept": 0})

    with pytest.raises(UsageError, match="does not stand at gate ready yet"):
        say("ready")
