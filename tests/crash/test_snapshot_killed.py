"""A database moves by snapshot, killed before or after any entry of its journal: one snapshot, one copy, one instance.

The engine runs in this process, a new one for each life; AWS is the embedded world, with real PostgreSQL servers.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from migrate import review
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.out import Out
from migrate.verbs import acting

from . import small
from .story import Story, story
from .test_replicated_database import CONFIG, asked, build

pytestmark = [pytest.mark.world, pytest.mark.timeout(900)]

SNAPSHOT = CONFIG.replace(", strategy: logical", "")


class Killed(BaseException):
    """The process was ended: nothing of it writes any more."""


class Life:
    """Ends at its n-th entry: before it is on disk where n is even, right after it where it is odd."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
        self.left, self.is_over, self.appended = left, False, 0
        append = Journal.append

        def counted(journal: Journal, step: str, event: Any, *more: Any, **words: Any) -> Any:
            if not step:
                # Opening and closing the file: nothing is done there.
                return None if self.is_over else append(journal, step, event, *more, **words)
            if self.is_over:
                raise Killed
            self.appended += 1
            if self.appended >= self.left and self.left % 2 == 0:
                self.is_over = True
                raise Killed
            entry = append(journal, step, event, *more, **words)
            if self.appended >= self.left:
                self.is_over = True
                raise Killed
            return entry

        monkeypatch.setattr(Journal, "append", counted)


def lives_until_done(told: Story, monkeypatch: pytest.MonkeyPatch, lives: tuple[int, ...]) -> int:
    """Run, killed after so many entries each time, until nothing is left to do; gives how often it was killed."""
    for name, value in told.world.env().items():
        monkeypatch.setenv(name, value)
    migration = Migration(told.folder)
    plan = migration.plan(None)
    review.approval_of(migration.folder, plan)
    inventory = migration.check_fresh(plan)
    out = Out(False)
    aws = acting.LEGACY.open_aws(migration, out)
    kills = 0
    # Not always as long: a life that could only ever look and begin would get nowhere.
    for left in cycle(lives):
        with monkeypatch.context() as patch:
            life = Life(patch, left)
            try:
                with acting.opened(out, migration, plan, inventory, aws, acting.LEGACY.clients(aws, migration)) as runs:
                    outcome = runs.drive(None, 1)
                    if outcome.gate is not None:
                        runs.answer(outcome.gate.id, "ann")
                    elif not life.is_over:
                        assert outcome.error is None, outcome.error
                        return kills
            except Killed:
                pass
        kills += life.is_over
        assert kills < 400, "it never ends"
    raise AssertionError


def one_of_each(told: Story) -> None:
    target = told.world.session(small.TARGET).client("rds")
    legacy = told.world.session(small.LEGACY).client("rds")
    assert len(target.describe_db_instances()["DBInstances"]) == 1
    assert len(target.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]) == 1
    assert len(legacy.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]) == 1
    for account in (small.LEGACY, small.TARGET):
        assert asked(told.world, account, "SELECT count(*) || '/' || count(DISTINCT id) FROM entries") == ["5000/5000"]


def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives: tuple[int, ...]) -> int:
    with story(tmp_path, build, SNAPSHOT) as told:
        told.prepare()
        kills = lives_until_done(told, monkeypatch, lives)
        one_of_each(told)
        assert told.type("verify").code == 0
    return kills


@pytest.mark.torture
def test_killed_at_fifty_entries_of_its_journal_a_snapshot_is_taken_and_restored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = killed(tmp_path, monkeypatch, (2, 3, 1, 4))
    print(f"{kills} kills")
    assert kills >= 50
