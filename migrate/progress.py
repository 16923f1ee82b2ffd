"""How far a scan is: a bar on a terminal, one line each ten seconds elsewhere.

The rule: progress goes to stderr and says nothing that the result does not say.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

HEARTBEAT_S = 10.0
SILENCE_S = 30.0
"""After so long without a line, a run says what it is waiting for: AWS may take minutes over one step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a scan under way."""

    done: int
    """Calls answered."""
    queued: int
    """Listings that have not ended yet; calls that they will need are not known before."""
    total: int
    """Listings in all."""
    per_s: float
    """Calls answered a second since the start."""
    throttled: int
    """Answers that asked to be asked more slowly; those calls were sent again."""
    gaps: int
    current: str
    """The last call that ended: service.region.operation."""

    def __str__(self) -> str:
        parts = [
            f"{self.total - self.queued} of {self.total} listings",
            f"{self.done} calls",
            f"{self.per_s:.0f}/s",
            f"{self.throttled} throttled" if self.throttled else "",
            f"{self.gaps} gaps" if self.gaps else "",
            self.current,
        ]
        return " · ".join(part for part in parts if part)


@contextmanager
def shown(stream: TextIO | None = None, *, title: str = "scan") -> Iterator[Callable[[Progress], None]]:
    """Show progress while the block runs; give what it yields to `scan`."""
    out = stream or sys.stderr
    if out.isatty():
        with _bar(out, title) as show:
            yield show
    else:
        yield heartbeat(out, title=title)


def heartbeat(out: TextIO, *, title: str = "scan", every_s: float = HEARTBEAT_S) -> Callable[[Progress], None]:
    """A line each `every_s`, for logs."""
    last = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every_s:
            last = now
            print(f"{title}: {progress}", file=out, flush=True)

    return show


@contextmanager
def _bar(out: TextIO, title: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(title), BarColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(file=out), transient=True) as bar:
        task = bar.add_task("")

        def show(progress: Progress) -> None:
            done = progress.total - progress.queued
            bar.update(task, completed=done, total=progress.total, description=str(progress))

        yield show


@contextmanager
def steps_told(say: Callable[[str], None], *, silence_s: float = SILENCE_S) -> Iterator[Callable[[str, str], None]]:
    """Say how each step ended, and after a silence which are under way; give what it yields to the engine."""
    lock, over = threading.Lock(), threading.Event()
    began: dict[str, float] = {}
    last = time.monotonic()

    def told(step: str, state: str) -> None:
        nonlocal last
        with lock:
            if state in ("acting", "undoing"):
                began[step] = time.monotonic()
                return
            if state.startswith("asks: "):
                say(f"  asks      {step}: {state.removeprefix('asks: ')}")
                return
            began.pop(step, None)
            if state in ("verified", "failed", "undone", "kept"):
                last = time.monotonic()
                say(f"  {state:9} {step}")

    def watch() -> None:
        nonlocal last
        while not over.wait(min(silence_s / 4, 1.0)):
            with lock:
                now = time.monotonic()
                if began and now - last >= silence_s:
                    last = now
                    oldest = sorted(began.items(), key=lambda pair: pair[1])
                    listed = ", ".join(f"{step} for {now - since:.0f} s" for step, since in oldest[:3])
                    more = f" and {len(oldest) - 3} more" if len(oldest) > 3 else ""
                    say(f"  under way {listed}{more}")

    watcher = threading.Thread(target=watch, name="migrate-steps", daemon=True)
    watcher.start()
    try:
        yield told
    finally:
        over.set()
        watcher.join()
