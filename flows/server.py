"""A Prefect server of our own: one for several commands, as a company has one, or one for a run that has none.

The rule: it listens on loopback only, and ends with the block that started it; where that process is killed, at once.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from flows import settings

STOP_S = 5.0

# A server that prefect starts itself outlives a run that is killed. Source: prefect 3.8.8, measured 2026-11.
_WHILE_WANTED = """
import os, runpy, sys, threading, time
def watch(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)
threading.Thread(target=watch, args=(int(sys.argv[1]),), daemon=True).start()
sys.argv = ["uvicorn", *sys.argv[2:]]
runpy.run_module("uvicorn", run_name="__main__")
"""


class Server:
    """A server that was started and may not answer yet."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}/api"
        self.process = process

    @property
    def env(self) -> dict[str, str]:
        """What makes a run use it."""
        return {"PREFECT_API_URL": self.url}

    def ready(self, within_s: float = settings.START_S) -> bool:
        """Wait until it answers; False where it ended or takes too long."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return True
            except OSError:
                time.sleep(0.1)
        return False

    def count(self, what: str) -> int:
        """How many flow_runs or task_runs it was told of."""
        asked = urllib.request.Request(
            f"{self.url}/{what}/count", data=b"{}", headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(json.load(answer))


@cache
def own(log: Path) -> str:
    """Address of the server of this process alone, ready; it ends with the process. Raises RuntimeError."""
    ends = ExitStack()
    atexit.register(ends.close)
    server = ends.enter_context(serving(log, os.environ))
    if not server.ready():
        raise RuntimeError("Prefect's server did not start")
    return server.url


@contextmanager
def serving(log: Path, env: Mapping[str, str]) -> Iterator[Server]:
    """Start a server, at once; it gets ready while the block goes on. `env` names Prefect's folder (see `settings`)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(port)]
    # As prefect 3.8.8 starts its own temporary server: no pages, and only what a single server needs.
    alone = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _WHILE_WANTED, str(os.getpid()), *words, "--log-level", "error", "--lifespan", "on"],
            env={**env, **alone}, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,  # Ctrl-C is the run's: without its server Prefect would hang at the end.
        )  # fmt: skip
    try:
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
