"""The story of a migration told by the command line alone, as somebody who has only docs/configuration.md tells it.

Rule: it starts processes and reads what they print and write; it imports nothing of the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests import forked

from .foreign_account import LAB, LEGACY, LIVE, REGIONS

LONGEST_VERB_S = 240.0
_LOGGED = re.compile(r'"(?:GET|POST|PUT|DELETE|HEAD|PATCH) [^"]*" (\d{3})')


PLAIN = """
from moto.core.responses import BaseResponse
from moto.server import main

begin = BaseResponse.__init__

def begin_with_its_own(self, *words, **named):
    begin(self, *words, **named)
    self.RESPONSE_KEY_PATH_TO_TRANSFORMER = dict(self.RESPONSE_KEY_PATH_TO_TRANSFORMER)

BaseResponse.__init__ = begin_with_its_own
main()
"""
"""The emulator as it is, but for what its threads share: a request without tags takes them out of others' answers."""


@dataclass
class Endpoint:
    """A plain emulator in a process of its own, with none of this product's rules in it."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Endpoint:
        """Start it and wait until it answers."""
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
        command = [sys.executable, "-c", PLAIN, "-H", "127.0.0.1", "-p", str(self.port)]
        with (self.folder / "endpoint.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=plain, cwd=self.folder)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=2).close()
                return self
            time.sleep(0.1)
        raise AssertionError((self.folder / "endpoint.log").read_text()[-2000:])

    def let_tasks_run(self) -> None:
        """Its tasks run until they are stopped: by itself it ends one that was looked at."""
        said = {"model_name": "ecs::task", "transition": {"progression": "time", "seconds": 86_400}}
        asked = urllib.request.Request(
            f"{self.url}/moto-api/state-manager/set-transition", json.dumps(said).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        urllib.request.urlopen(asked, timeout=10).close()

    def calls(self) -> list[int]:
        """The status of every answer so far."""
        return [int(status) for status in _LOGGED.findall((self.folder / "endpoint.log").read_text())]

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stop it, and wait for its end."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None


@contextlib.contextmanager
def endpoint(folder: Path) -> Iterator[Endpoint]:
    """An endpoint for the time of a test."""
    one = Endpoint(folder).start()
    try:
        yield one
    finally:
        one.stop(signal.SIGKILL)


@dataclass(frozen=True)
class Said:
    """What one verb ended with."""

    code: int
    out: str
    err: str
    took_s: float

    def json(self) -> Any:
        """The result of --json."""
        return json.loads(self.out)


@dataclass
class Story:
    """One migration's folder, and the environment in which its verbs are typed."""

    folder: Path
    environment: dict[str, str]
    said: list[tuple[str, Said]] = field(default_factory=list)

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """Type a verb and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "migrate", verb, str(self.folder), *words], text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment(),
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "MIGRATE_"))}
        return kept | self.environment

    def type(self, verb: str, *words: str, ends: int | tuple[int, ...] = 0) -> Said:
        """Type a verb, wait for its end, and hold it to what every verb promises: no crash, no hang, a next step."""
        began = time.monotonic()
        code, out, err = forked.ended([verb, str(self.folder), *words], self._environment(), LONGEST_VERB_S)
        said = Said(code, out, err, time.monotonic() - began)
        self.said.append((verb, said))
        expected = ends if isinstance(ends, tuple) else (ends,)
        assert said.code in expected, f"{verb} {words} ended with {said.code}, not {expected}:\n{err[-6000:]}"
        for bad in ("Traceback", "a defect of this product"):
            assert bad not in err + out, f"{verb} {words}: {(err + out)[-6000:]}"
        if "error:" in err:
            assert "  do: " in err, f"{verb} {words} says an error and not what to do:\n{err[-2000:]}"
        return said

    @property
    def config(self) -> Path:
        """migration.yaml."""
        return self.folder / "migration.yaml"

    def newest(self, what: str, under: str = ".") -> dict[str, Any]:
        """The newest file of a sort, as JSON (the first line of an inventory is its head)."""
        path = max((self.folder / under).glob(f"*.{what}"))
        return dict(json.loads(path.read_text()))

    def inventory_body(self, under: str = ".") -> list[str]:
        """The lines of the newest inventory that say what is there: all but its head."""
        path = max((self.folder / under).glob("*.inventory.jsonl"))
        return path.read_text().splitlines()[1:]

    def settle(self, to: Any, rounds: int = 8) -> None:
        """Plan, do for each refusal what it says, until nothing is refused."""
        for _ in range(rounds):
            if self.type("plan", ends=(0, 1)).code == 0:
                return
            body = self.newest("plan.json")["body"]
            yaml = YAML()
            config = yaml.load(self.config.read_text())
            before = json.dumps([config["placement"], config["waivers"]])
            for refusal in body["refusals"]:
                self._answer(config, refusal, to)
            assert json.dumps([config["placement"], config["waivers"]]) != before, body["refusals"][:3]
            with self.config.open("w") as file:
                yaml.dump(config, file)
        raise AssertionError(f"still refused after {rounds} rounds: {self.newest('plan.json')['body']['refusals'][:5]}")

    @staticmethod
    def _answer(config: Any, refusal: dict[str, str], to: Any) -> None:
        key = refusal["key"]
        if key.startswith("placement/"):
            ref = key.removeprefix("placement/")
            there = [rule for rule in config["placement"] if rule.get("ref") == ref]
            assert not there, f"the rule for {ref} was not enough: {refusal['what']}"
            config["placement"].append({"ref": ref, "to": to, "because": "decided by the owner"})
        else:
            assert not key.startswith(("taken/", "marks/")), refusal
            config["waivers"].append({"gap": key, "because": "seen, and seen to by hand"})

    def run_through(self, engine: str, gates: int = 6) -> Said:
        """Run, say yes at each gate, run again, to the end."""
        for _ in range(gates):
            said = self.type("run", "--engine", engine, ends=(0, 3))
            if said.code == 0:
                return said
            gate = re.search(r"--gate (\S+)", said.err)
            assert gate, said.err
            self.type("approve", "--gate", gate.group(1), "--by", "the owner")
        raise AssertionError("more gates than expected")

    def roll_back(self) -> Said:
        """Undo everything: first the listing, then with its id."""
        listing = self.type("rollback", "--to", "0").out.strip()
        return self.type("rollback", "--to", "0", "--confirm", listing)


def begin(folder: Path, url: str, key: dict[str, str], regions: tuple[str, ...] = REGIONS) -> Story:
    """init, with what the owner of the account knows."""
    environment = {name.upper(): value for name, value in key.items()} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": REGIONS[0],
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder.parent),
        "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), os.getcwd()])),
    }
    story = Story(folder, environment)
    asked = [word for region in regions for word in ("--region", region)]
    targets = ["--target", f"live={LIVE}", "--target", f"lab={LAB}"]
    story.type("init", "--legacy", LEGACY, *asked, *targets)
    # Lowered as the page says: this endpoint shows a write at once.
    with story.config.open("a") as file:
        file.write("settle_s: 2\n")
    return story
