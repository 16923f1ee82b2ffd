"""A migration in an embedded world of its own, driven by the command line as a person would type it.

The rule: it looks at targets with plain boto3 or with `migrate scan`, and never at the product's inside.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from migrate.demo import world as worlds
from migrate.demo.world import World
from tests import forked

SLOW_S = 600.0
WRITES = ("Create", "Put", "Delete", "Modify", "Update", "Attach", "Detach", "Associate", "Disassociate", "Authorize",
          "Revoke", "Run", "Start", "Stop", "Add", "Remove", "Set", "Tag", "Untag", "Allocate", "Release", "Register",
          "Deregister", "Copy", "Restore", "Schedule", "Enable", "Disable", "Publish", "Upload", "Complete", "Replace",
          "Import", "Subscribe", "Unsubscribe", "Change", "Initiate", "Suspend", "Cancel")  # fmt: skip
"""How the operations begin that change something. Source: operation names of botocore 1.44.5."""


@dataclass
class Said:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass
class Story:
    """One world, one folder, and the commands typed in it."""

    module: ClassVar[str] = "migrate"
    """What is run: the command line, or a test's own with something taken out."""

    world: World
    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    asked: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """Of each verb that was typed: from which to which line of the world's list."""

    @property
    def log(self) -> Path:
        """The world's list of requests."""
        return self.world.home / "requests.jsonl"

    def environment(self) -> dict[str, str]:
        """What a person's shell holds."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MIGRATE_", "PREFECT_"))}
        return inherited | self.world.env() | {"COLUMNS": "120"} | self.more

    def line(self, verb: str, *words: str) -> list[str]:
        """What is typed after `migrate`."""
        return [verb, str(self.folder), *words]

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """Begin a command in a process group of its own, in a fresh interpreter."""
        return subprocess.Popen(
            [sys.executable, "-m", self.module, *self.line(verb, *words)],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def type(self, verb: str, *words: str, expect: int | None = 0) -> Said:
        """Type `migrate VERB FOLDER WORDS…`; no traceback, and the exit code that is expected."""
        first = self._logged()
        line = self.line(verb, *words)
        said = Said(*forked.ended(line, self.environment(), SLOW_S, module=self.module))
        self.asked[verb].append((first, self._logged()))
        assert "Traceback" not in said.err, said.err[-3000:]
        assert "a defect of this product" not in said.err, said.err[-3000:]
        if expect is not None:
            assert said.code == expect, f"migrate {verb} ended with {said.code}\n{said.out[-800:]}\n{said.err[-3000:]}"
        return said

    def requests(self, verb: str) -> list[dict[str, Any]]:
        """What the world was asked while this verb ran, each time that it did."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for first, last in self.asked[verb] for line in lines[first:last]]

    def _logged(self) -> int:
        return self.log.read_text().count("\n") if self.log.exists() else 0

    def prepare(self) -> Path:
        """Scan, plan, approve; gives the plan."""
        self.type("scan")
        plan = Path(self.type("plan").out.strip())
        self.approve()
        return plan

    def approve(self) -> None:
        """Approve the newest plan."""
        self.type("approve", "--by", "ann", "--reason", "it was read twice")

    def answer(self) -> bool:
        """Answer the gate that the run stands at, by two people where it asks two; False where it stands at none."""
        gate = self.type("status", "--json").json.get("gate")
        for person in ("ann", "bob") if gate else ():
            self.type("approve", "--gate", gate, "--by", person)
            if self.type("status", "--json").json.get("gate") != gate:
                break
        return bool(gate)

    def run(self, *words: str) -> None:
        """Run to the end, every gate answered."""
        while True:
            said = self.type("run", "--engine", "local", *words, expect=None)
            assert said.code in (0, 3), said.err[-3000:]
            if said.code == 0:
                return
            assert self.answer()

    def undo(self) -> str:
        """The id of the listing that undoes everything."""
        return self.type("rollback", "--to", "0").out.strip()

    def undo_whatever_is_lost(self) -> tuple[str, ...]:
        """The words that undo everything, with the second yes where the listing says that something would be lost."""
        ids = self.type("rollback", "--to", "0", "--json").json
        return ("--to", "0", "--confirm", ids["confirm"], *(("--losing", ids["losing"]) if ids["losing"] else ()))

    def scanned(self, account: str) -> list[dict[str, Any]]:
        """What a scan of this account shows: the inventory's lines after its envelope."""
        path = Path(self.type("scan", "--account", account).out.strip())
        return [json.loads(line) for line in path.read_text().splitlines()[1:]]

    def journal_length(self) -> int:
        """How many entries the newest run's journal holds; read beside whoever writes."""
        paths = sorted(self.folder.glob("*.run/journal.db"))
        if not paths:
            return 0
        try:
            with sqlite3.connect(f"{paths[-1].as_uri()}?mode=ro", uri=True, timeout=1.0) as db:
                count: int = db.execute("SELECT count(*) FROM entry").fetchone()[0]
            db.close()
        except sqlite3.OperationalError:
            return 0
        return count

    def writes(self) -> list[str]:
        """Every request so far that changes something, as `account service.Operation`."""
        found = []
        for line in self.log.read_text().splitlines():
            asked = json.loads(line)
            if asked["operation"].startswith(WRITES):
                found.append(f"{asked['account']} {asked['service']}.{asked['operation']}")
        return found

    @contextmanager
    def nothing_written(self) -> Iterator[None]:
        """Fail where a request inside changed something."""
        before = len(self.writes())
        yield
        assert self.writes()[before:] == []

    def faults(self, **faults: Any) -> None:
        """What the world refuses from now on; nothing given: nothing."""
        path = self.world.home / "faults.json"
        path.with_suffix(".draft").write_text(json.dumps(faults))
        path.with_suffix(".draft").replace(path)

    def kill_at(self, verb: str, *words: str, entries: int, after_s: float) -> bool:
        """Begin a command, SIGKILL its process group once the journal grew by `entries` and `after_s` passed.

        False where it ended by itself before.
        """
        begun = self.journal_length()
        with (self.folder / "killed.log").open("a") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "migrate", verb, str(self.folder), *words],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True,
            )  # fmt: skip
            until = time.monotonic() + SLOW_S
            while process.poll() is None and time.monotonic() < until:
                if self.journal_length() - begun >= entries:
                    time.sleep(after_s)
                    break
                time.sleep(0.005)
            alive = process.poll() is None
            if alive:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return alive


@contextmanager
def story(home: Path, build: Callable[[World], None], config: str) -> Iterator[Story]:
    """A world with a legacy account that `build` makes, and a folder with this migration.yaml."""
    home.mkdir(parents=True, exist_ok=True)
    world = worlds.up(home / "world", log=home / "world" / "requests.jsonl")
    try:
        build(world)
        folder = home / "m"
        folder.mkdir()
        (folder / "migration.yaml").write_text(config)
        yield Story(world, folder)
    finally:
        worlds.down(home / "world")
        shutil.rmtree(home / "world", ignore_errors=True)
