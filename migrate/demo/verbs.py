"""`migrate demo`: up, env, down, status, and `run`: the whole story by the commands that a person would type.

The rule: the story is told by the real command line in processes of its own; nothing here helps it along. What is
simulated is said before it starts.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from importlib.resources import files as package_files
from pathlib import Path

from flows import settings
from flows.server import Server, serving
from migrate.demo import clock
from migrate.demo import world as worlds
from migrate.demo.legacy import build
from migrate.demo.world import World
from migrate.errors import MigrateError, UsageError
from migrate.out import Out

BUILT = ".built"
FOLDER = "shop"
MARK = "README"

SIMULATED = (
    "AWS is simulated by moto with stricter rules (python -m migrate.demo.strict lists them); states change at once, "
    "ECS runs no containers, Lambda runs no code. The databases are real PostgreSQL servers, the objects and images "
    "real bytes."
)


def act(out: Out, what: str, home: Path, *, keep: bool, minutes: int = 60) -> int:
    """Do one of the demo's verbs."""
    if sys.platform == "win32":
        raise UsageError("the embedded world needs a POSIX system", do="use Linux, macOS or WSL")
    if what in ("slow", "pass"):
        return _time(out, home, None if what == "slow" else minutes)
    return {"up": _up, "env": _env, "down": _down, "status": _status, "run": _run}[what](out, home, keep)


def _up(out: Out, home: Path, keep: bool) -> int:
    world = _start(out, home)
    out.say(f'the embedded world is up; in another shell: eval "$(migrate demo env --home {home})"')
    out.result(world.endpoint, {"endpoint": world.endpoint, "home": str(home)})
    return 0


def _env(out: Out, home: Path, keep: bool) -> int:
    world = _running(home)
    lines = [f"unset {name}" for name in world.unset()]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in world.env().items()]
    out.result("\n".join(lines), world.env())
    return 0


def _down(out: Out, home: Path, keep: bool) -> int:
    stopped = worlds.down(home / "world")
    (home / "world" / BUILT).unlink(missing_ok=True)
    out.say("the embedded world is down" if stopped else "no embedded world was up")
    return 0


def _status(out: Out, home: Path, keep: bool) -> int:
    world = worlds.find(home / "world")
    text = f"up at {world.endpoint}" if world else "down"
    out.result(text, {"up": world is not None, "endpoint": world.endpoint if world else None})
    return 0


def _time(out: Out, home: Path, minutes: int | None) -> int:
    """Make the world's states slow, or let its clock jump by these minutes."""
    world = _running(home)
    if minutes is None:
        clock.slow(world.home)
        named = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in clock.TAKES.items())
        out.result(f"from now on, by the world's own clock: {named}; migrate demo pass", dict(clock.TAKES))
        return 0
    clock.push(world.home, minutes * 60.0)
    out.result(f"the world's clock jumped by {minutes} minutes", {"minutes": minutes})
    return 0


def _running(home: Path) -> World:
    world = worlds.find(home / "world")
    if world is None:
        raise UsageError(f"no embedded world is up in {home}", do="migrate demo up")
    return world


def _start(out: Out, home: Path) -> World:
    out.say("starting the embedded AWS and PostgreSQL, building the legacy account")
    out.say(f"  {SIMULATED}")
    started = time.monotonic()
    _mark(home)
    try:
        world = worlds.up(home / "world")
    except worlds.WorldFailure as error:
        raise MigrateError(str(error), do="pip install 'migrate-aws[demo]'; see the log above") from None
    mark = world.home / BUILT
    if not mark.exists() or mark.read_text() != str(world.pid):
        build(world.session(), world.tunnels)
        mark.write_text(str(world.pid))
    out.say(f"  ready after {time.monotonic() - started:.0f} s")
    return world


def example() -> Path:
    """The embedded company's migration.yaml: in the package, or in a checkout's inventories."""
    inside = Path(str(package_files("migrate"))) / "demo" / "shop" / "migration.yaml"
    return inside if inside.exists() else Path(str(package_files("migrate"))).parent / "inventories/shop/migration.yaml"


class Story:
    """Runs commands as a person would, and shows them."""

    def __init__(self, out: Out, world: World, prefect: Server) -> None:
        self.out = out
        self.environment = {k: v for k, v in os.environ.items() if k not in world.unset()} | world.env() | prefect.env
        self.environment["COLUMNS"] = "120"

    def type(self, *words: str, expect: tuple[int, ...] = (0,)) -> str:
        """Run `migrate words…`; gives its stdout. Raises MigrateError where it ends otherwise than expected."""
        self.out.say(f"\n$ migrate {shlex.join(words)}")
        started = time.monotonic()
        process = subprocess.run(
            [sys.executable, "-m", "migrate", *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if process.returncode not in expect:
            raise MigrateError(
                f"migrate {words[0]} ended with {process.returncode}, expected {expect}", do="read what it said above"
            )
        self.out.say(f"[{words[0]} took {time.monotonic() - started:.1f} s]")
        return process.stdout.strip()


def _run(out: Out, home: Path, keep: bool) -> int:
    started = time.monotonic()
    _clear(home)
    folder = home / FOLDER
    with serving(home / "prefect.log", os.environ | settings.wanted(home)) as prefect:
        world = _start(out, home)
        try:
            page = _story(out, world, prefect, folder)
        finally:
            if not keep:
                worlds.down(home / "world")
    seconds = time.monotonic() - started
    out.say(f"\nthe whole story took {seconds:.0f} s. Look at the page: {page}")
    if keep:
        out.say(f'the world is still up: eval "$(migrate demo env --home {home})"; migrate demo down --home {home}')
    out.result(str(page), {"page": str(page), "seconds": round(seconds), "folder": str(folder)})
    return 0


def _clear(home: Path) -> None:
    """Remove an earlier story. Never anything else: the folder is named by a person, who may have mistyped."""
    worlds.down(home / "world")
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise UsageError(f"{home} holds something that is not a demo's", do="name an empty folder, or a new one")
    shutil.rmtree(home, ignore_errors=True)
    _mark(home)


def _mark(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).write_text("This folder is made by `migrate demo`; its `run` removes it before the next one.\n")


def _story(out: Out, world: World, prefect: Server, folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(example(), folder / "migration.yaml")
    story = Story(out, world, prefect)
    here = str(folder)
    story.type("doctor", here)
    story.type("scan", here)
    story.type("plan", here)
    page = Path(story.type("review", here))
    story.type("approve", here, "--reason", "the demonstration")
    if not prefect.ready():
        raise MigrateError("Prefect's server did not start", do=f"read {folder.parent / 'prefect.log'}")
    gates = 0
    while gate := json.loads(story.type("run", here, "--json", expect=(0, 3)))["gate"]:
        gates += 1
        story.type("approve", here, "--gate", str(gate), "--reason", "writers are told")
    flows, tasks = prefect.count("flow_runs"), prefect.count("task_runs")
    out.say(f"\nPrefect was shown {flows} flow runs with {tasks} task runs")
    if not flows:
        raise MigrateError("Prefect was shown nothing", do=f"read {folder.parent / 'prefect.log'}")
    story.type("verify", here)
    last = _waves(story, here)
    listing = story.type("rollback", here, "--to", str(last - 1))
    story.type("rollback", here, "--to", str(last - 1), "--confirm", listing)
    out.say(story.type("status", here))
    out.say(f"\n{gates} gates were answered; the last wave was rolled back; legacy kept all its data")
    return page.resolve()


def _waves(story: Story, here: str) -> int:
    from migrate.migration import Migration

    return Migration(Path(here)).plan().waves
