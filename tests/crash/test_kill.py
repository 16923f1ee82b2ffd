"""`kill -9` of a run, and of a rollback, at moments that the journal's growth and chance choose: always one end.

`make torture TORTURE=slice` kills a small account's run three times, `make torture` the whole demo account's twenty;
TORTURE_SEED chooses other moments.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.demo import verbs
from migrate.demo.accounts import TARGETS
from migrate.demo.legacy import build as build_shop
from migrate.demo.world import World

from . import small
from .census import Thing, census, twice
from .sameness import differences, things
from .story import Story, story


@dataclass(frozen=True)
class Account:
    """A legacy account and how much of it there is."""

    build: Callable[[World], None]
    config: str
    aliases: tuple[str, ...]
    kills: int
    entries: int
    """About how many entries an undisturbed run has in its journal."""


SMALL = Account(small.build, small.CONFIG, ("development",), 3, 140)
WHOLE = Account(
    lambda world: build_shop(world.session(), world.tunnels), verbs.example().read_text(), tuple(TARGETS), 20, 1350
)
SLICE = os.environ.get("TORTURE") == "slice"
SEED = int(os.environ.get("TORTURE_SEED", "20"))


@pytest.mark.torture
@pytest.mark.timeout(5400)
def test_many_kills_of_a_run_and_one_of_its_rollback_change_nothing_of_the_end(tmp_path: Path) -> None:
    killed_and_undisturbed_end_alike(SMALL if SLICE else WHOLE, tmp_path, SEED)


def killed_and_undisturbed_end_alike(account: Account, home: Path, seed: int) -> None:
    """Kill, go on, compare; roll back under a kill, compare; run undisturbed, compare."""
    chance = random.Random(seed)
    with story(home, account.build, account.config) as told:
        told.prepare()
        before = ends(told, account)
        kill_until_done(told, account, chance)
        told.type("verify")
        killed, counted = ends(told, account), counts(told, account)
        for alias, found in counted.items():
            assert twice(found) == [], alias

        # S3's test message waits in the target's queue of the whole account: nobody reads it there.
        words = told.undo_whatever_is_lost()
        acted = told.journal_length()
        died = told.kill_at(
            "rollback", *words,
            entries=chance.randint(3, acted // 6), after_s=chance.uniform(0, 0.2),
        )  # fmt: skip
        assert died
        told.type("rollback", *told.undo_whatever_is_lost())
        same(before, ends(told, account))

        told.run()
        same(killed, ends(told, account))
        for alias, found in counts(told, account).items():
            assert (found - counted[alias], counted[alias] - found) == (Counter(), Counter()), alias


def kill_until_done(told: Story, account: Account, chance: random.Random) -> None:
    """Run to the end, killed as often as the account wants, gates answered between."""
    kills = 0
    while kills < account.kills:
        left = max(4, account.entries - told.journal_length())
        entries = chance.randint(2, max(3, 2 * left // (account.kills - kills + 2)))
        if told.kill_at("run", "--engine", "local", entries=entries, after_s=chance.uniform(0, 0.3)):
            kills += 1
            print(f"kill {kills} after {entries} entries, {told.journal_length()} in all")
        else:
            ended = (told.folder / "killed.log").read_text()[-2000:]
            assert told.answer(), f"the run ended after {kills} kills: {ended}"
    told.run()


def ends(told: Story, account: Account) -> dict[str, Counter[str]]:
    """What a scan of each target shows, in words without ids."""
    return {alias: things(told.scanned(alias)) for alias in account.aliases}


def counts(told: Story, account: Account) -> dict[str, Counter[Thing]]:
    """What plain boto3 counts in each target."""
    return {alias: census(told.world.session(TARGETS[alias])) for alias in account.aliases}


def same(one: dict[str, Counter[str]], other: dict[str, Counter[str]]) -> None:
    """Fail with each difference."""
    found = {alias: differences(one[alias], other[alias]) for alias in one}
    assert not any(found.values()), "\n".join(line for lines in found.values() for line in lines)
