"""Threads that share work: as many run as there are workers, however many of them wait for a pace or for each other.

The rule: whoever waits is not counted as working, and whoever waits for a `map` first does its items itself. So a
`map` inside a `map` ends even with one worker, and a slow service never holds up the others.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS_PER_WORKER = 12
"""Threads beside the working ones that may wait for a slow service. A waiting thread costs about 50 KB and no CPU."""


class Stopped(Exception):
    """The crew was closed while this work waited."""


class _Run(Generic[T, R]):
    """One `map`: who takes which item, and what came out."""

    def __init__(self, what: Callable[[T], R], items: list[T]) -> None:
        self.what, self.items = what, items
        self.results: list[Any] = [None] * len(items)
        self.failed: dict[int, BaseException] = {}
        self.lock = threading.Lock()
        self.next = 0
        self.open = 0
        self.still = threading.Event()

    def step(self) -> bool:
        """Do the next item; False where none is left."""
        with self.lock:
            if self.next >= len(self.items):
                return False
            index, self.next, self.open = self.next, self.next + 1, self.open + 1
        try:
            self.results[index] = self.what(self.items[index])
        except BaseException as error:  # noqa: BLE001  # raised again by whoever called map
            with self.lock:
                self.failed[index] = error
                # Items are taken in order, so the first failure by order is always among those taken by now.
                self.next = len(self.items)
        with self.lock:
            self.open -= 1
            if self.open == 0 and self.next >= len(self.items):
                self.still.set()
        return True

    def abandon(self) -> None:
        """Take no more items."""
        with self.lock:
            self.next = len(self.items)


class Crew:
    """At most `workers` threads that work at the same time."""

    def __init__(self, workers: int = 32) -> None:
        if workers < 1:
            raise ValueError("a crew needs a worker")
        self.workers = workers
        self._most = workers * (1 + THREADS_PER_WORKER)
        self._room = threading.Condition()
        self._jobs: deque[tuple[Context, Callable[[], bool], bool]] = deque()
        self._threads = self._working = self._parked = 0
        self._local = threading.local()
        self.stopped = threading.Event()

    def map(self, what: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Run `what` over items concurrently, in the caller's context; results in the order of items.

        Raises what the first failing item (by order) raised; items after it may or may not have run.
        """
        run = _Run(what, list(items))
        if not run.items:
            return []
        nested = getattr(self._local, "inside", False)
        # More than there are workers: those that wait for a slow service need others to go on in their place.
        for _ in range(min(len(run.items) - 1, self._most)):
            self._offer(copy_context(), run.step, nested)
        try:
            while run.step():
                pass
            with self.away():
                run.still.wait()
        except BaseException:
            run.abandon()
            raise
        if run.failed:
            raise run.failed[min(run.failed)]
        return run.results

    @contextmanager
    def away(self) -> Iterator[None]:
        """Inside, the thread only waits: another one may work in its place."""
        if not getattr(self._local, "inside", False):
            yield
            return
        with self._room:
            self._working -= 1
            self._call_in()
        try:
            yield
        finally:
            with self._room:
                self._working += 1

    def close(self) -> None:
        """Let everyone go: waiting calls raise Stopped, parked threads end."""
        self.stopped.set()
        with self._room:
            self._jobs.clear()
            self._room.notify_all()

    def _offer(self, context: Context, step: Callable[[], bool], nested: bool) -> None:
        with self._room:
            # What was begun goes before what was not: chains are what makes the end of a scan late.
            (self._jobs.appendleft if nested else self._jobs.append)((context, step, nested))
            self._call_in()

    def _call_in(self) -> None:
        """Wake or start a thread where there is work and room. The lock is held."""
        wanted = min(len(self._jobs), self.workers - self._working)
        if wanted <= 0 or self.stopped.is_set():
            return
        if self._parked < wanted and self._threads < self._most:
            self._threads += 1
            self._parked += 1
            threading.Thread(target=self._work, name="migrate-crew", daemon=True).start()
        self._room.notify()

    def _work(self) -> None:
        self._local.inside = True
        while True:
            with self._room:
                while not (self._jobs and self._working < self.workers):
                    if self.stopped.is_set():
                        self._parked -= 1
                        self._threads -= 1
                        return
                    self._room.wait()
                context, step, nested = self._jobs.popleft()
                self._parked -= 1
                self._working += 1
            more = context.run(step)
            with self._room:
                self._working -= 1
                self._parked += 1
                if more and not self.stopped.is_set():
                    (self._jobs.appendleft if nested else self._jobs.append)((context, step, nested))
                    self._call_in()
