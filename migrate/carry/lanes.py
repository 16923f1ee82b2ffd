"""Work on a stream of batches without a stop between them: the next is listed and begun while the last items of one go.

The rule: batches end in the order in which they began, what a batch needs is written down before it begins, and
nothing of any batch is under way any more once this ends, however it ends.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from threading import Event
from typing import TypeVar

from migrate.kind import ReadSite

LANES = 2
"""Batches under way at once: while one ends the other has work for every worker, and the caller lists a third."""

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  # an item
R = TypeVar("R")


class Halted(Exception):
    """Another batch failed before this item began; never seen by a caller."""


@contextmanager
def in_lanes(
    site: ReadSite, what: Callable[[I], R], batches: Iterable[tuple[T, list[I]]]
) -> Iterator[Iterator[tuple[T, list[R]]]]:
    """Run `what` over each batch's items concurrently; gives each batch's label with its results, in order.

    `batches` is read in the caller's thread: what it does before it gives a batch is done before that batch begins.
    Raises what the first failing item of the first failing batch raised.
    """
    with closing(_lanes(site, what, batches)) as ended:
        yield ended


def _lanes(
    site: ReadSite, what: Callable[[I], R], batches: Iterable[tuple[T, list[I]]]
) -> Generator[tuple[T, list[R]], None, None]:
    halted = Event()

    def one(item: I) -> R:
        if halted.is_set():
            raise Halted
        return what(item)

    under_way: deque[tuple[T, Future[list[R]]]] = deque()
    lanes = ThreadPoolExecutor(LANES, "migrate-lane")
    try:
        for label, items in batches:
            under_way.append((label, lanes.submit(copy_context().run, site.map, one, items)))
            if len(under_way) == LANES:
                yield _ended(under_way)
        while under_way:
            yield _ended(under_way)
    finally:
        halted.set()
        lanes.shutdown()


def _ended(under_way: "deque[tuple[T, Future[list[R]]]]") -> tuple[T, list[R]]:
    label, future = under_way.popleft()
    return label, future.result()
