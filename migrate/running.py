"""How a run drives its steps: bounded threads over the ready-queue, and how it ended.

The rule: a failure stops only what stands on it; an error that is none of ours stops everything.
"""

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from migrate.errors import GateClosed, MigrateError, StepFailed
from migrate.ground import Interrupted
from migrate.journal import Journal
from migrate.schedule import Schedule
from migrate.steps import Gate

MOST_LISTED = 30
LEAVE_S = 3.0
"""How long a process may take to end after the second Ctrl-C."""


@dataclass
class Outcome:
    """How a run ended. Steps that were verified before are not listed again."""

    verified: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    """Done, but the proof is in the state "could not be proved"."""
    failed: dict[str, MigrateError] = field(default_factory=dict)
    not_started: dict[str, list[str]] = field(default_factory=dict)
    """Step → what it still needs."""
    gate: Gate | None = None
    """Where it stopped, if at a closed gate."""
    interrupted: bool = False

    @property
    def error(self) -> MigrateError | None:
        """What the command ends with: nothing, the one failure, or a summary with the gravest exit code."""
        if self.interrupted:
            return Interrupted("stopped on request; what was under way is finished", do="migrate run goes on from here")
        if len(self.failed) == 1:
            return next(iter(self.failed.values()))
        if self.failed:
            gravest = max(self.failed.values(), key=lambda error: error.exit_code)
            lines = [f"  {error.what}" for error in self.failed.values()]
            if len(lines) > MOST_LISTED:
                lines[MOST_LISTED:] = [f"  and {len(lines) - MOST_LISTED} more: migrate status"]
            listed = "\n".join(lines)
            return _plain(type(gravest))(f"{len(self.failed)} steps failed:\n{listed}", do=gravest.do)
        if self.gate is not None:
            return GateClosed(f"gate {self.gate.id}: {self.gate.ask}", do=f"migrate approve --gate {self.gate.id}")
        if self.not_started:
            return StepFailed(f"{len(self.not_started)} steps did not start", do="migrate status")
        return None


def _plain(sort: type[MigrateError]) -> type[MigrateError]:
    """The nearest class of an error that is made of a text alone: a ReadFailed also wants to know which call."""
    return next(one for one in sort.__mro__ if one.__init__ is MigrateError.__init__)  # type: ignore[misc]


class Runs(Protocol):
    """What of the engine is needed to drive a wave."""

    journal: Journal
    stopping: threading.Event

    def schedule(self, steps: Iterable[str]) -> Schedule:
        """The ready-queue."""


def drive_wave(engine: Runs, steps: Iterable[str], outcome: Outcome, workers: int, do: Callable[[str], Any]) -> None:
    """Run these steps with bounded threads; `do` brings one about."""
    schedule = engine.schedule(steps)
    running: dict[Future[Any], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="step") as pool:
        while True:
            if not engine.stopping.is_set():
                for step_id in schedule.take(workers - len(running)):
                    running[pool.submit(do, step_id)] = step_id
            if not running:
                break
            # The time-out lets a signal reach the main thread's handler.
            ended, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in ended:
                took(engine, running.pop(future), future.exception(), schedule, outcome)
    outcome.interrupted = outcome.interrupted or engine.stopping.is_set()
    outcome.not_started |= schedule.blocked


def is_unproved(journal: Journal, step_id: str) -> bool:
    """Whether the step stands done, but its proof was not "equal": what was to be compared could not be read."""
    last = [entry for entry in journal.history(step_id) if entry.event == "verified"]
    return bool(last) and journal.state(step_id) == "verified" and last[-1].data.get("proof") != "equal"


def took(engine: Runs, step_id: str, error: BaseException | None, schedule: Schedule, outcome: Outcome) -> None:
    """Enter how a step ended. An error that is none of ours is a fault of the program and ends the run."""
    if error is None:
        schedule.done(step_id)
        outcome.verified.append(step_id)
        if is_unproved(engine.journal, step_id):
            outcome.unproved.append(step_id)
    elif isinstance(error, Interrupted):
        schedule.failed(step_id)
        outcome.interrupted = True
    elif isinstance(error, MigrateError):
        schedule.failed(step_id)
        outcome.failed[step_id] = error
    else:
        engine.stopping.set()
        raise error


def undo_in_order(
    engine: Runs,
    order: Iterable[str],
    before: Mapping[str, set[str]],
    undone: Collection[str],
    workers: int,
    do: Callable[[str], Any],
) -> dict[str, str]:
    """Undo these with bounded threads, each when all in `before` are among `undone`, which `do` adds to.

    Gives what was not tried, with the reason: something that stands on it was left standing.
    """
    left = list(order)
    active: dict[Future[Any], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="undo") as pool:
        while True:
            gone = set(undone)
            free = [] if engine.stopping.is_set() else [step_id for step_id in left if before[step_id] <= gone]
            for step_id in free[: workers - len(active)]:
                left.remove(step_id)
                active[pool.submit(do, step_id)] = step_id
            if not active:
                break
            ended, _ = wait(active, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in ended:
                active.pop(future)
                error = future.exception()
                if error is not None:
                    engine.stopping.set()
                    raise error
    if engine.stopping.is_set():
        raise Interrupted("stopped on request; what was under way is finished", do="migrate rollback goes on from here")
    return {step_id: f"{min(before[step_id] - set(undone))} stands on it and was not undone" for step_id in left}


@contextmanager
def stop_on_signals(stopping: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set the stop flag, once. After a second SIGINT the process ends within `LEAVE_S`, whatever is
    under way: the journal has it. A second SIGTERM ends it as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    leaving = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, leave if number == signal.SIGINT else before[number])
        _tell("stopping: what is under way is finished first. Ctrl-C again leaves at once; the journal has it all\n")

    def leave(_number: int, _: FrameType | None) -> None:
        # Threads at the end of a process wait for what they do, and Prefect for its server.
        leaving.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end = threading.Timer(LEAVE_S, os._exit, (130,))
        end.daemon = True
        end.start()
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if not leaving.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


def _tell(said: str) -> None:
    # From within a signal's handler: a print may be under way.
    with suppress(OSError):
        os.write(2, said.encode())
