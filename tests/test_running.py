"""A run: what goes on after a failure, what stops at a gate, and how it is interrupted."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.errors import GateClosed, StepFailed
from migrate.steps import Gate
from tests.toy_cloud import LEGACY
from tests.toy_kinds import World, world
from tests.toy_steps import FREEZE, GOLD, IRON, ITEMS, LABEL, LEDGER, LOOP, PAINT, SHOOT, done, fail_with


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.die()


def test_an_independent_step_goes_on_after_a_failure_and_a_dependent_one_does_not_start(toys: World) -> None:
    fail_with(toys, ("definite", "LimitExceeded"), on="toy.CreateLoop")

    outcome = toys.engine().drive(workers=2)

    assert set(outcome.verified) == {LABEL, LEDGER, IRON}
    assert set(outcome.failed) == {LOOP}
    assert set(outcome.not_started) == {GOLD, PAINT, FREEZE, SHOOT, ITEMS}
    assert isinstance(outcome.error, StepFailed)


def test_a_selection_takes_along_what_it_needs_and_nothing_else(toys: World) -> None:
    outcome = toys.engine().drive(select=[GOLD], workers=2)

    assert set(outcome.verified) == {LOOP, GOLD}


def test_a_run_ends_at_a_closed_gate_and_goes_on_when_enough_different_people_said_yes(tmp_path: Path) -> None:
    toys = world(tmp_path, gates=[Gate("ready", "Are all writers stopped?", 2, None, 3)])
    with pytest.raises(GateClosed, match="Are all writers stopped") as caught:
        toys.engine().run(workers=2)
    assert "--gate ready" in caught.value.do
    assert toys.cloud.at(LEGACY, "vault")["gold"]["State"] == "on"

    engine = toys.engine()
    engine.answer("ready", "ann", "seen it")
    engine.answer("ready", "ann", "still")
    assert not engine.gate_open("ready")
    with pytest.raises(GateClosed):
        engine.step(FREEZE)
    engine.answer("ready", "bob")
    assert engine.gate_open("ready")

    assert toys.engine().run(workers=2).error is None
    toys.die()


def test_an_answer_grows_old_unless_the_work_behind_the_gate_began_in_time(tmp_path: Path) -> None:
    toys = world(tmp_path, gates=[Gate("ready", "Stopped?", 1, 3600.0, 3)])
    engine = toys.engine()
    engine.drive(workers=1)
    engine.answer("ready", "ann")
    toys.clock.time += 3601
    assert not engine.gate_open("ready")

    engine.answer("ready", "ann")
    done(engine, FREEZE)
    toys.clock.time += 36000

    assert engine.gate_open("ready")
    toys.die()


def test_a_gate_is_not_passed_over_failures(tmp_path: Path) -> None:
    toys = world(tmp_path, gates=[Gate("ready", "Stopped?", 1, None, 3)])
    fail_with(toys, ("definite", "LimitExceeded"), on="toy.CreateLabel")
    engine = toys.engine()
    engine.answer("ready", "ann")

    outcome = engine.drive(workers=1)

    assert set(outcome.failed) == {LABEL}
    assert FREEZE not in outcome.verified
    toys.die()


def test_asked_to_stop_it_finishes_the_request_and_can_go_on(toys: World) -> None:
    engine = toys.engine()
    toys.cloud.after = lambda operation, number: engine.stopping.set() if number == 1 else None

    outcome = engine.drive(workers=1)

    assert outcome.interrupted
    assert outcome.error is not None
    assert outcome.error.exit_code == 130
    assert len(toys.cloud.arrived) == 2
    assert toys.engine().drive(workers=1).error is None


def test_threads_leave_the_same_targets_as_one_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    one, many = world(tmp_path / "one"), world(tmp_path / "many")

    assert one.engine().drive(workers=1).error is None
    assert many.engine().drive(workers=8).error is None

    assert one.cloud.picture() == many.cloud.picture()
    one.die()
    many.die()
    assert threading.active_count() <= before
