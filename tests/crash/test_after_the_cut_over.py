"""Rows that the target took after the cut-over, under the command line: carried back, or given up by a second yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import small
from .story import Story, story
from .test_replicated_database import CONFIG, asked, build, connect

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

REVERSE = CONFIG.replace("strategy: logical}", "strategy: logical, way_back: reverse}")
SNAPSHOT = CONFIG.replace(", strategy: logical", "")


def to_the_last_question(told: Story) -> None:
    """Run until the run asks whether the way back may end."""
    while True:
        said = told.type("run", "--engine", "local", expect=None)
        assert said.code == 3, said.err[-3000:]
        if "Will nobody go back any more" in said.err:
            return
        told.answer()


def target_writes(told: Story) -> None:
    with connect(told.world, small.TARGET) as link:
        link.execute("INSERT INTO entries (said) SELECT 'in the target' FROM generate_series(1, 70)")
        link.execute("UPDATE entries SET said = 'changed there' WHERE id <= 3")


def instances(told: Story) -> list[Any]:
    found: list[Any] = told.world.session(small.TARGET).client("rds").describe_db_instances()["DBInstances"]
    return found


def test_with_a_way_back_a_rollback_after_the_cut_over_keeps_the_targets_rows(tmp_path: Path) -> None:
    with story(tmp_path, build, REVERSE) as told:
        told.prepare()
        to_the_last_question(told)
        assert told.type("verify").code == 0
        target_writes(told)
        held = asked(told.world, small.TARGET, "SELECT said || id FROM entries ORDER BY id")

        listing = told.type("rollback", "--to", "0")
        told.type("rollback", "--to", "0", "--confirm", listing.out.strip())

        assert "would lose" not in listing.err
        assert asked(told.world, small.LEGACY, "SELECT said || id FROM entries ORDER BY id") == held
        assert asked(told.world, small.LEGACY, "SELECT count(*) FROM entries WHERE said = 'changed there'") == [3]
        assert asked(told.world, small.LEGACY, "INSERT INTO entries (said) VALUES ('again') RETURNING id") == [5071]
        for left in ("pg_subscription", "pg_replication_slots", "pg_publication"):
            assert asked(told.world, small.LEGACY, f"SELECT count(*) FROM {left}") == [0], left
        assert not instances(told)


def test_a_run_to_the_end_leaves_nothing_of_the_way_back(tmp_path: Path) -> None:
    with story(tmp_path, build, REVERSE) as told:
        told.prepare()
        told.run()

        for account in (small.LEGACY, small.TARGET):
            for left in ("pg_subscription", "pg_replication_slots", "pg_publication"):
                assert asked(told.world, account, f"SELECT count(*) FROM {left}") == [0], (account, left)
        assert told.type("verify").code == 0


def test_without_a_way_back_rows_of_the_target_are_lost_only_by_a_second_yes(tmp_path: Path) -> None:
    with story(tmp_path, build, SNAPSHOT) as told:
        told.prepare()
        told.run()
        before = told.type("rollback", "--to", "0")
        target_writes(told)

        listing = told.type("rollback", "--to", "0", "--json")
        ids = listing.json
        with told.nothing_written():
            alone = told.type("rollback", "--to", "0", "--confirm", ids["confirm"], expect=3)
            wrong = told.type("rollback", "--to", "0", "--confirm", ids["confirm"], "--losing", "0000", expect=4)
        standing = instances(told)
        words = ("--confirm", ids["confirm"], "--losing", ids["losing"], "--by", "ann")
        told.type("rollback", "--to", "0", *words)

        named = "ledger: ledger: public.entries: 70 rows inserted, 3 rows updated"
        assert "would lose" not in before.err
        assert named in listing.err
        assert named in alone.err
        assert f"--losing {ids['losing']}" in alone.err
        assert "nothing was undone" in wrong.err
        assert standing
        assert not instances(told)
        assert asked(told.world, small.LEGACY, "SELECT count(*) FROM entries") == [5000]
