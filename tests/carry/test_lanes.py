"""Batches in lanes: the next one begins before the last item of one ended, and nothing goes on after a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.carry.lanes import in_lanes
from migrate.crew import Crew


@pytest.fixture
def site() -> Iterator[Any]:
    crew = Crew(4)
    yield SimpleNamespace(map=crew.map)
    crew.close()


def numbered(count: int, size: int = 3) -> Iterator[tuple[int, list[int]]]:
    for batch in range(count):
        yield batch, [batch * size + at for at in range(size)]


def test_every_item_comes_out_once_and_in_order(site: Any) -> None:
    with in_lanes(site, lambda item: item * 10, numbered(7)) as ended:
        found = list(ended)

    assert found == [(batch, [30 * batch, 30 * batch + 10, 30 * batch + 20]) for batch in range(7)]


def test_the_next_batch_begins_while_the_last_item_of_one_is_under_way(site: Any) -> None:
    second_began = threading.Event()

    def what(item: int) -> bool:
        if item == 3:
            second_began.set()
        return item != 2 or second_began.wait(10)

    with in_lanes(site, what, numbered(2)) as ended:
        assert [results for _, results in ended] == [[True] * 3, [True] * 3]


def test_what_a_batch_needs_is_done_before_it_begins(site: Any) -> None:
    written: set[int] = set()

    def written_down() -> Iterator[tuple[int, list[int]]]:
        for batch, items in numbered(6):
            written.update(items)
            yield batch, items

    with in_lanes(site, lambda item: item in written, written_down()) as ended:
        assert all(all(results) for _, results in ended)


def test_a_failure_ends_the_other_lane_and_is_the_one_that_is_raised(site: Any) -> None:
    done: list[int] = []

    def what(item: int) -> None:
        if item == 1:
            time.sleep(0.1)
            raise KeyError("the first batch's")
        time.sleep(0.02)
        done.append(item)

    with (
        pytest.raises(KeyError, match="the first batch's"),
        in_lanes(site, what, iter([(0, [0, 1]), (1, list(range(10, 5000)))])) as ended,
    ):
        list(ended)
    after = len(done)
    time.sleep(0.2)

    assert after < 1000
    assert len(done) == after, "something went on after the failure was said"


def test_a_caller_that_stops_leaves_nothing_under_way(site: Any) -> None:
    done: list[int] = []

    def what(item: int) -> None:
        time.sleep(0.01)
        done.append(item)

    with in_lanes(site, what, numbered(50, 20)) as ended:
        next(ended)
    after = len(done)
    time.sleep(0.2)

    assert len(done) == after < 100


def test_a_listing_that_fails_is_said_and_what_was_begun_ends(site: Any) -> None:
    def breaks() -> Iterator[tuple[int, list[int]]]:
        yield 0, [1, 2]
        raise ValueError("the listing")

    with pytest.raises(ValueError, match="the listing"), in_lanes(site, lambda item: item, breaks()) as ended:
        list(ended)
    assert not [one for one in threading.enumerate() if one.name.startswith("migrate-lane")]
