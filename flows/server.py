"""One Prefect server for several commands, as a company has one; without it every run starts its own.

The rule: it listens on loopback only, keeps its data in the folder given, and ends with the block that started it.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows import settings

STOP_S = 5.0


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


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Start a server, at once; it gets ready while the block goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]
    # As prefect 3.8.8 starts its own temporary server: no pages, and only what a single server needs.
    own = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    with (folder / "prefect.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *words, "--port", str(port), "--log-level", "error", "--lifespan", "on"],
            env=os.environ | settings.wanted(folder) | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
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
