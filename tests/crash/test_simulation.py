"""A crash at every journal entry and every send, before and after, then run again (or roll back): always one end.

The whole engine runs against a fake AWS and a fake clock; a death is an exception that nothing may catch.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from migrate import acting, ground, undoing
from migrate import engine as engine_module
from migrate.engine import Engine
from tests.toy_cloud import AwsSaid, Killed
from tests.toy_kinds import World, world

LAG_S = 60.0
"""Reads show what was made only after this: the settle window must outlast it."""


def fresh(tmp_path: Path, name: str, lag_s: float = 0.0) -> World:
    made = world(tmp_path / name, lag_s=lag_s)
    made.folder.mkdir(parents=True)
    return made


def undisturbed(tmp_path: Path, lag_s: float = 0.0, *, undo: bool = False) -> tuple[str, int, int]:
    """The end that everything must reach, and how many points there are to die at."""
    made = fresh(tmp_path, "undisturbed", lag_s)
    run(made.engine())
    sends, appends = len(made.cloud.arrived), made.appended
    if undo:
        made.engine().undo(workers=1)
        sends, appends = len(made.cloud.arrived) - sends, made.appended - appends
    made.die()
    return made.cloud.picture(), sends, appends


def run(engine: Engine) -> None:
    assert engine.drive(workers=1).error is None


def die_at(made: World, where: str, when: str, point: int) -> None:
    """Arm one death."""

    def fall(number: int) -> None:
        if number == point:
            raise Killed(f"{where} {when} {point}")

    if where == "journal":
        made.on_append = lambda at, number: fall(number) if at == when else None
    elif when == "before":
        made.cloud.before = lambda operation, number: fall(number)
    else:
        made.cloud.after = lambda operation, number: fall(number)


def disarm(made: World) -> None:
    made.on_append = lambda at, number: None
    made.cloud.before = made.cloud.after = lambda operation, number: None


def killed(what: Callable[[], object]) -> None:
    with pytest.raises(Killed):
        what()


def points(sends: int, appends: int) -> list[tuple[str, str, int]]:
    return [
        (where, when, point)
        for where, many in (("journal", appends), ("send", sends))
        for when in ("before", "after")
        for point in range(many)
    ]


def bad_resumes(tmp_path: Path, lag_s: float) -> list[object]:
    """Every death while running, then run again: what did not end as it must."""
    end, sends, appends = undisturbed(tmp_path, lag_s)
    assert sends >= 12
    bad: list[object] = []
    for where, when, point in points(sends, appends):
        made = fresh(tmp_path, f"{where}-{when}-{point}", lag_s)
        engine = made.engine()
        die_at(made, where, when, point)
        killed(partial(engine.drive, workers=1))
        disarm(made)
        made.clock.time += 1.0
        outcome = made.engine().drive(workers=1)
        made.die()
        if outcome.error or made.cloud.picture() != end:
            bad.append((where, when, point, outcome.error))
    return bad


def bad_rollbacks(tmp_path: Path) -> list[object]:
    """Every death while running, then rolled back: what was left."""
    before = fresh(tmp_path, "before").cloud.picture()
    _, sends, appends = undisturbed(tmp_path, LAG_S)
    bad: list[object] = []
    for where, when, point in points(sends, appends):
        made = fresh(tmp_path, f"{where}-{when}-{point}", LAG_S)
        engine = made.engine()
        die_at(made, where, when, point)
        killed(partial(engine.drive, workers=1))
        disarm(made)
        result = made.engine().undo(workers=1)
        made.die()
        if not result.whole or made.cloud.picture() != before:
            bad.append((where, when, point, result))
    return bad


@pytest.mark.parametrize("lag_s", [0.0, LAG_S])
def test_a_crash_anywhere_then_run_again_ends_in_the_same_targets_with_nothing_twice(
    tmp_path: Path, lag_s: float
) -> None:
    assert bad_resumes(tmp_path, lag_s) == []


def test_a_crash_anywhere_then_a_rollback_leaves_both_accounts_as_they_were(tmp_path: Path) -> None:
    assert bad_rollbacks(tmp_path) == []


def test_a_crash_anywhere_in_a_rollback_then_rolling_back_again_leaves_both_accounts_as_they_were(
    tmp_path: Path,
) -> None:
    before = fresh(tmp_path, "before").cloud.picture()
    end, sends, appends = undisturbed(tmp_path, undo=True)
    assert end == before

    bad: list[object] = []
    for where, when, point in points(sends, appends):
        made = fresh(tmp_path, f"{where}-{when}-{point}")
        run(made.engine())
        engine = made.engine()
        shift = made.appended if where == "journal" else len(made.cloud.arrived)
        die_at(made, where, when, shift + point)
        killed(partial(engine.undo, workers=1))
        disarm(made)
        result = made.engine().undo(workers=1)
        if not result.whole or made.cloud.picture() != before:
            bad.append((where, when, point, result))
        # And what was rolled back half way, twice, can be run again.
        if made.engine().drive(workers=1).error:
            bad.append((where, when, point, "run again"))
        made.die()

    assert bad == []


@pytest.mark.parametrize(("sort", "when"), [("lost", "before"), ("lost", "after"), ("transient", "before")])
def test_an_answer_lost_at_any_send_makes_nothing_twice(tmp_path: Path, sort: str, when: str) -> None:
    end, sends, _ = undisturbed(tmp_path, LAG_S)

    bad = []
    for point in range(sends):
        made = fresh(tmp_path, f"{point}", LAG_S)

        def fault(operation: str, number: int, point: int = point) -> None:
            if number == point:
                raise AwsSaid(sort, "Throttling" if sort == "transient" else "")

        setattr(made.cloud, when, fault)
        outcome = made.engine().drive(workers=1)
        made.die()
        if outcome.error or made.cloud.picture() != end:
            bad.append((point, outcome.error))

    assert bad == []


def no_intent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acting.Sending, "_intent", lambda self, attempt, why: None)


def believes_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ground.Ground, "settle", lambda self, step, request=None: None)


def looks_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acting, "_adopt", lambda *_, **__: False)


def new_token_each_time(patch: pytest.MonkeyPatch) -> None:
    number = iter(range(10**9))
    patch.setattr(
        acting,
        "with_token",
        lambda ground, step, index, request, params: (
            dict(params) | ({"Token": str(next(number))} if request.token_param else {})
        ),
    )


def undoes_by_receipt_only(patch: pytest.MonkeyPatch) -> None:
    original = undoing.candidates
    patch.setattr(
        undoing,
        "candidates",
        lambda ground, select=None: [i for i in original(ground, select) if ground.journal.state(i) == "verified"],
    )


@pytest.mark.torture
@pytest.mark.parametrize(
    ("break_it", "on_resume", "on_rollback"),
    [
        (no_intent, True, True),
        (believes_at_once, True, True),
        (looks_for_nothing, True, False),
        (new_token_each_time, True, False),
        (undoes_by_receipt_only, False, True),
    ],
)
def test_the_simulation_catches_an_engine_that_is_broken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], None],
    on_resume: bool,
    on_rollback: bool,
) -> None:
    if break_it is new_token_each_time:
        # The guard would stop a token that was not planned: it is looked at without it.
        monkeypatch.setattr(engine_module.Engine, "_allows", lambda self, step, *, forward: lambda *_: True)
    break_it(monkeypatch)

    resumed = bad_resumes(tmp_path / "resume", LAG_S) if on_resume else []
    rolled_back = bad_rollbacks(tmp_path / "rollback") if on_rollback else []

    print(f"{break_it.__name__}: {len(resumed)} bad resumes, {len(rolled_back)} bad rollbacks")
    assert bool(resumed) == on_resume
    assert bool(rolled_back) == on_rollback
