"""The engine's runs as Prefect flows: a flow per wave, a task per step.

The rule: Prefect is a view. The body of a task is `engine.step(id)`, only ids go through Prefect, and nothing that
Prefect does or fails to do changes what is done, what is in the journal, or how the command ends.
"""

import contextvars
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from flows import server, settings
from migrate import running
from migrate.engine import Engine
from migrate.running import Outcome
from migrate.steps import Step
from migrate.undoing import RolledBack

Do = Callable[[str], Any]


def run(engine: Engine, folder: Path, **how: Any) -> Outcome:
    """As drive, but raises what `Outcome.error` says."""
    outcome = drive(engine, folder, **how)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def drive(
    engine: Engine,
    folder: Path,
    *,
    migration: str = "",
    select: Iterable[str] | None = None,
    workers: int = 8,
    until_wave: int | None = None,
) -> Outcome:
    """Run to the end or to the next closed gate: a flow per wave, or one flow for a selection with what it needs.

    The outcome holds the failures.
    """
    outcome = Outcome()
    view = View(engine, folder, migration)
    chosen = None if select is None else list(select)
    waves = [(wave, steps) for wave, steps in engine.waves(chosen) if until_wave is None or wave <= until_wave]

    def drive_waves(part: list[tuple[int, list[str]]], do: Do) -> None:
        for wave, steps in part:
            if outcome.interrupted or not engine.may_enter(wave, outcome):
                return
            running.drive_wave(engine, steps, outcome, workers, do)

    with running.stop_on_signals(engine.stopping):
        if chosen is not None:
            group = engine.plan.steps[chosen[0]].group if chosen else ""
            steps = [step_id for _, those in waves for step_id in those]
            view.flow(f"group-{group}", steps, engine.step, lambda do: drive_waves(waves, do))
            return outcome
        for wave, steps in waves:
            if outcome.interrupted or not engine.may_enter(wave, outcome):
                break
            view.flow(f"wave-{wave}", steps, engine.step, partial(drive_waves, [(wave, steps)]))
    return outcome


def rollback(
    engine: Engine, folder: Path, *, migration: str = "", select: Iterable[str] | None = None, workers: int = 8
) -> RolledBack:
    """Undo, newest first, as a flow. The result names what was undone, kept and failed."""
    result = RolledBack()
    chosen = engine.to_undo(select)
    with running.stop_on_signals(engine.stopping):
        View(engine, folder, migration).flow(
            "rollback",
            chosen,
            lambda step_id: engine.undo_one(step_id, result),
            lambda do: engine.undo_in_order(chosen, result, workers, do),
        )
    return result


class View:
    """What Prefect is shown. Once it fails it is left alone, and the run goes on without it."""

    def __init__(self, engine: Engine, folder: Path, migration: str = "") -> None:
        self.engine = engine
        self.migration = migration or engine.plan.migration
        self.broken = False
        self.folder = folder
        self._context: contextvars.Context | None = None
        settings.prepare(folder)

    def flow(self, name: str, steps: list[str], work: Do, body: Callable[[Do], None]) -> None:
        """Run `body` once, inside a flow where Prefect can; `work` is what one step's task does."""
        once = Once(lambda: body(lambda step_id: self._task(step_id, work)))
        if not self.broken and steps:
            shown = threading.Thread(target=self._show, args=(name, steps, once), name=name, daemon=True)
            shown.start()
            # The main thread stays free for signals, and Prefect gets so long and no longer.
            while shown.is_alive() and not once.ended.wait(0.2):
                if not once.begun.is_set() and _waited_long(once):
                    break
            if once.begun.is_set():
                once.wait()
                shown.join(settings.END_S)
            self.broken = self.broken or shown.is_alive()
        once()
        once.give()

    def _show(self, name: str, steps: list[str], once: "Once") -> None:
        with suppress(Exception):
            from prefect import flow, tags
            from prefect.context import TagsContext
            from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

            @flow(name=name, flow_run_name=name, persist_result=False, retries=0, validate_parameters=False)
            def wave(ids: list[str]) -> None:
                # Tasks carry no tags: the server leases a concurrency slot for each tag of each task, 0.3 s a task.
                # Source: prefect 3.8.8, task_engine, names=[f"tag:{tag}" …]; measured 2026-11.
                with TagsContext(current_tags=set()):
                    self._context = contextvars.copy_context()
                once()
                self._context = None
                self._table(name, ids)
                failed = [step_id for step_id in ids if self.engine.journal.state(step_id) in ("failed", "blocked")]
                if once.error is not None or failed:
                    raise RuntimeError(f"{len(failed)} steps failed; the journal says why")

            # The heartbeat's thread sleeps in whole seconds, and every flow waits for its end. It cannot be
            # switched off by the environment. Source: prefect 3.8.8, flow_engine._send_heartbeats; measured 2026-11.
            url = PREFECT_API_URL.value() or server.own(self.folder / "prefect" / "server.log")
            ours = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_API_URL: url}
            with tags(f"migration:{self.migration}"), temporary_settings(ours):
                wave(steps)
        if not once.begun.is_set():
            self.broken = True

    def _task(self, step_id: str, work: Do) -> None:
        """One step as a Prefect task. The engine's error is raised as it is, whatever Prefect made of it."""
        once = Once(lambda: work(step_id))
        step = self.engine.plan.steps[step_id]
        context = self._context
        if context is not None and not self.broken:
            with suppress(Exception):
                # A copy for each task: the threads of the ready-queue do not have the flow's context.
                context.copy().run(_shown_task, step, once)
        once()
        once.give()

    def _table(self, name: str, steps: list[str]) -> None:
        with suppress(Exception):
            from prefect.artifacts import create_markdown_artifact

            of = self.engine.plan.steps
            rows = [f"| {of[i].title} | `{i}` | `{of[i].group}` | {self.engine.journal.state(i)} |" for i in steps]
            text = "\n".join(["| what | step | group | state |", "|---|---|---|---|", *rows])
            create_markdown_artifact(text, key=_key(name))


class Once:
    """Something that is done once, by whoever comes first: inside Prefect, or without it."""

    def __init__(self, what: Callable[[], Any]) -> None:
        self.what = what
        self.begun, self.ended = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self.waited_s = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Do it, if nobody began; keep its error."""
        with self._lock:
            if self.begun.is_set():
                return
            self.begun.set()
        try:
            self.what()
        except BaseException as error:  # noqa: BLE001 - given to the caller by give(), past Prefect
            self.error = error
        finally:
            self.ended.set()

    def wait(self) -> None:
        """Wait for its end, in short waits, so that signals are handled."""
        while not self.ended.wait(0.2):
            pass

    def give(self) -> None:
        """Wait for its end and raise what it raised."""
        self.wait()
        if self.error is not None:
            raise self.error


def _waited_long(once: Once) -> bool:
    once.waited_s += 0.2
    return once.waited_s >= settings.START_S


def _shown_task(step: Step, once: Once) -> None:
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    # The engine owns retries, caching and time-outs: Prefect would repeat an act without looking first.
    @task(
        name=step.id,
        task_run_name=step.id.replace("{", "(").replace("}", ")"),
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=0,
    )
    def act() -> None:
        once()
        if once.error is not None:
            raise RuntimeError("the journal says why")

    act()


def _key(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
