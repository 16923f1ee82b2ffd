"""What a rollback would lose is asked before it, and takes a second yes for exactly what was listed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate import losing
from migrate.errors import GateClosed, StaleError
from migrate.sites import LOSS_ACCEPTED
from tests.toy_kinds import Items, World, world
from tests.toy_steps import FREEZE, GOLD, ITEMS


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Everything moved, and the target has written an item of its own since."""
    made = world(tmp_path)
    assert made.engine().drive(workers=1).error is None
    made.target("item")["gold/new"] = {"Body": "theirs", "made": 0.0}
    monkeypatch.setattr(Items, "loses", lambda self, it, to: self.prove(it, to).differences)
    yield made
    made.die()


def test_what_came_since_is_listed_where_the_thing_itself_would_go(moved: World) -> None:
    engine = moved.engine()

    lost = losing.losses(engine, engine.to_undo())

    assert lost == {ITEMS: ["gold/new"]}
    assert [line.endswith("toy.vault/gold: gold/new") for line in losing.told(lost)] == [True]
    assert losing.losses(engine, engine.to_undo([FREEZE])) == {}, "the vault stays, with what is in it"


def test_nobody_is_asked_before_the_thing_was_proved(tmp_path: Path, moved: World) -> None:
    fresh = world(tmp_path / "other")
    fresh.engine().drive([GOLD], workers=1)
    fresh.target("item")["gold/new"] = {"Body": "half", "made": 0.0}
    engine = fresh.engine()

    assert losing.losses(engine, engine.to_undo()) == {}
    fresh.die()


def test_without_the_second_yes_nothing_is_undone_and_another_id_is_none(moved: World) -> None:
    engine = moved.engine()
    lost = losing.losses(engine, engine.to_undo())
    second = losing.token("listing", lost)

    with pytest.raises(GateClosed, match=r"legacy has not:\n.*gold/new") as refused:
        losing.refuse(lost, second, None, "migrate rollback f --confirm listing")
    with pytest.raises(StaleError, match="second id"):
        losing.refuse(lost, second, "other", "")
    with pytest.raises(StaleError, match="second id"):
        losing.refuse({}, losing.token("listing", {}), second, "")
    losing.refuse(lost, second, second, "")
    losing.refuse({}, "", None, "")

    assert (refused.value.exit_code, StaleError("").exit_code) == (3, 4)
    assert f"--losing {second}" in refused.value.do


def test_a_yes_counts_for_one_listing_and_for_the_things_in_it(moved: World) -> None:
    lost = {ITEMS: ["gold/new"]}

    ids = {losing.token("one", lost), losing.token("two", lost), losing.token("one", {FREEZE: ["x"]})}

    assert len(ids) == 3
    assert losing.token("one", lost) == losing.token("one", {ITEMS: ["another count by now"]})


def test_who_gave_it_up_is_in_the_journal_until_the_thing_is_gone(moved: World) -> None:
    engine = moved.engine()
    lost = losing.losses(engine, engine.to_undo())

    losing.accept(engine, lost, "ann")

    assert engine.carrier(engine.plan.steps[ITEMS]).outputs[LOSS_ACCEPTED] == "ann"
    assert "gold/new" in str([e.data for e in engine.journal.entries(GOLD) if e.event == "answered"])
    assert engine.undo().whole
    assert engine.drive(workers=1).error is None
    assert LOSS_ACCEPTED not in engine.carrier(engine.plan.steps[ITEMS]).outputs
    assert losing.losses(engine, engine.to_undo()) == {}


def test_a_proof_that_was_undone_does_not_hide_what_its_thing_holds(moved: World) -> None:
    engine = moved.engine()
    engine.journal.append(ITEMS, "undone")

    assert losing.losses(engine, [GOLD]) == {ITEMS: ["gold/new"]}


def test_what_comes_after_the_listing_keeps_the_thing_until_somebody_says_yes(
    moved: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items asks again: its vault is looked at right before it goes, after the undo of the proof itself."""
    moved.target("item").clear()
    monkeypatch.setattr(Items, "loses", lambda self, it, to: ("a row",))
    monkeypatch.setattr(Items, "asks_again", True)
    engine = moved.engine()

    result = engine.undo()

    assert list(result.failed) == [GOLD]
    assert "took this since the listing" in result.failed[GOLD].what
    assert "a row" in result.failed[GOLD].what
    assert "gold" in moved.target("vault")
    lost = losing.losses(engine, engine.to_undo())
    assert lost == {ITEMS: ["a row"]}, "the next listing names it"
    losing.accept(engine, lost, "ann")
    assert engine.undo().whole
    assert moved.target("vault") == {}
