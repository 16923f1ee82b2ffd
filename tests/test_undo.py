"""Rollback: only what is ours, newest first, from the journal alone, and a second life afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.errors import GuardError
from tests.toy_cloud import LEGACY, TARGET, AwsSaid
from tests.toy_kinds import World, world
from tests.toy_steps import FREEZE, GOLD, IRON, ITEMS, LABEL, LEDGER, LOOP, PAINT, SHOOT, fail_with


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[World]:
    """Everything moved; the process has ended."""
    made = world(tmp_path)
    assert made.engine().drive(workers=1).error is None
    made.die()
    yield made
    made.die()


def test_a_rollback_of_everything_leaves_both_accounts_as_they_were(moved: World, tmp_path: Path) -> None:
    result = moved.engine().undo()

    assert result.whole
    assert set(result.undone) == set(moved.plan.steps)
    assert moved.cloud.picture() == world(tmp_path / "untouched").cloud.picture()
    assert moved.events(LOOP) == ["acting", "acted", "verified", "undoing", "undone"]


def test_what_stands_on_a_step_is_undone_before_it(moved: World) -> None:
    order = moved.engine().to_undo()

    for step in order:
        for need in moved.plan.steps[step].needs:
            assert order.index(step) < order.index(need)


def test_a_selection_takes_along_what_stands_on_it(moved: World) -> None:
    engine = moved.engine()
    assert set(engine.to_undo([FREEZE])) == {FREEZE, SHOOT, ITEMS}

    result = engine.undo([FREEZE])

    assert result.whole
    assert moved.cloud.at(LEGACY, "vault")["gold"]["State"] == "on"
    assert set(moved.target("vault")) == {"gold", "iron"}
    assert moved.target("item") == {}


def test_what_was_never_tried_is_not_touched(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.target("label")["fragile"] = {"Colour": "white", "made": 0.0}

    assert made.engine().undo().undone == []
    assert set(made.target("label")) == {"fragile"}
    assert made.cloud.arrived == []
    made.die()


def test_a_thing_that_a_stranger_put_in_its_place_is_kept_with_the_reason(moved: World) -> None:
    moved.target("vault")["iron"] = {"Colour": "grey", "Tags": {"owner": "someone"}, "made": 0.0}

    result = moved.engine().undo()

    assert result.kept == {IRON: f"arn:aws:toy:eu-west-1:{TARGET}:vault/iron does not carry this migration's stamp"}
    assert "iron" in moved.target("vault")
    assert moved.events(IRON)[-1] == "kept"
    assert len(result.undone) == 8


def test_a_thing_with_foreign_content_is_left_and_so_is_what_it_stands_on(moved: World) -> None:
    moved.target("item")["gold/0"]["made"] = 0.0
    engine = moved.engine()

    def refill(operation: str, _: int) -> None:
        if operation == "toy.DeleteVault":
            moved.target("item")["gold/new"] = {"Body": "written by a customer", "made": 0.0}

    moved.cloud.before = refill
    result = engine.undo([LOOP])

    assert set(result.failed) == {GOLD}
    assert "NotEmpty" in result.failed[GOLD].what
    assert set(result.waiting) == {LOOP}
    assert set(moved.target("loop"))
    assert "gold/new" in moved.target("item")


def test_legacy_is_put_back_only_where_it_shows_what_we_set(moved: World) -> None:
    moved.cloud.at(LEGACY, "vault")["gold"]["State"] = "ajar"

    result = moved.engine().undo([FREEZE])

    assert result.kept == {FREEZE: f"{moved.plan.steps[FREEZE].ref} was changed in legacy since: "
                                   "state: expected 'off', found 'ajar'"}  # fmt: skip
    assert moved.cloud.at(LEGACY, "vault")["gold"]["State"] == "ajar"


def test_legacy_that_a_person_put_back_already_needs_nothing(moved: World) -> None:
    moved.cloud.at(LEGACY, "vault")["gold"]["State"] = "on"
    sent = len(moved.cloud.arrived)

    result = moved.engine().undo([FREEZE])

    assert result.whole
    assert not [op for op in moved.cloud.arrived[sent:] if op == "toy.PutVault"]


def test_a_thing_that_is_gone_already_is_undone(moved: World) -> None:
    del moved.target("label")["fragile"]
    moved.clock.time += 3600

    assert LABEL in moved.engine().undo([LABEL]).undone
    assert moved.clock.slept == []


def test_the_answer_to_a_create_lost_for_good_is_settled_and_undone(tmp_path: Path) -> None:
    made = world(tmp_path, lag_s=200.0)

    def after(operation: str, _: int) -> None:
        raise AwsSaid("lost")

    engine = made.engine()
    made.cloud.after = after

    def stop(seconds: float) -> None:
        raise RuntimeError("the machine was switched off while it waited")

    original, made.clock.sleep = made.clock.sleep, stop  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        engine.step(LOOP)
    made.clock.sleep = original  # type: ignore[method-assign]
    made.cloud.after = lambda operation, number: None
    assert len(made.target("loop")) == 1

    result = made.engine().undo()

    assert result.undone == [LOOP]
    assert made.target("loop") == {}
    assert sum(made.clock.slept) >= 200
    made.die()


def test_a_rollback_never_makes_anything_and_sends_only_the_inverses(moved: World) -> None:
    engine = moved.engine()
    sent = len(moved.cloud.arrived)
    engine.undo()

    assert not [operation for operation in moved.cloud.arrived[sent:] if operation.startswith("toy.Create")]
    step = moved.plan.steps[LOOP]
    with pytest.raises(GuardError):
        engine._sender(step, forward=False)(TARGET, step.region).send("toy.CreateLoop", Colour="red")


def test_what_was_rolled_back_can_be_run_again_and_is_new(moved: World) -> None:
    end = moved.cloud.picture()
    first = set(moved.target("ledger"))
    moved.engine().undo()

    assert moved.engine().drive(workers=1).error is None

    assert moved.cloud.picture() == end
    assert first.isdisjoint(moved.target("ledger"))
    assert moved.events(LEDGER) == ["acting", "acted", "verified", "undoing", "undone", "acting", "acted", "verified"]


def test_a_throttled_undo_is_sent_again(moved: World) -> None:
    fail_with(moved, ("transient", "Throttling"), on="toy.DeleteLabel", times=3)

    assert moved.engine().undo([LABEL]).whole
    assert moved.events(LABEL)[-5:] == ["undoing"] * 4 + ["undone"]


def test_a_failed_undo_does_not_stop_what_is_independent_and_can_be_tried_again(moved: World) -> None:
    fail_with(moved, ("definite", "LimitExceeded"), on="toy.DeleteLabel")

    first = moved.engine().undo()
    second = moved.engine().undo()

    assert set(first.failed) == {LABEL}
    assert len(first.undone) == 8
    assert second.undone == [LABEL]


def test_half_a_step_is_undone_too(tmp_path: Path) -> None:
    made = world(tmp_path)
    engine = made.engine()
    for step in (LOOP, GOLD, PAINT, FREEZE):
        engine.step(step)
    fail_with(made, ("definite", "LimitExceeded"), on="toy.PutVault")
    outcome = engine.drive([SHOOT], workers=1)
    assert set(outcome.failed) == {SHOOT}
    assert set(made.cloud.at(LEGACY, "shot")) == {"gold-shot"}

    result = made.engine().undo()

    assert result.whole
    assert made.cloud.picture() == world(tmp_path / "untouched").cloud.picture()
    made.die()
