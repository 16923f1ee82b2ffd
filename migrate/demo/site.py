"""What the rules of one running world share: its folder, its address, its databases and its downloads.

The one rule it keeps: a download's path cannot be guessed, and says nothing about what it gives.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from migrate.demo.postgres import Fleet

# No bucket name can begin with an underscore, so this prefix never hides one.
DOWNLOADS = "/_world/"
# All databases listen on one machine, so a server reaches another as any client does. Simulated: a way between VPCs.
FROM_ANYWHERE = ("", " from the target", " from legacy")


@dataclass
class Site:
    """The running world, as its rules see it."""

    home: Path
    port: int
    fleet: Fleet
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _downloads: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    _tunnels: dict[str, str] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, what: str, read: Callable[[], bytes]) -> str:
        """Give the URL under which these bytes can be downloaded; the same `what` keeps its URL."""
        token = hmac.new(self._key, what.encode(), hashlib.sha256).hexdigest()
        self._downloads[token] = read
        return f"http://127.0.0.1:{self.port}{DOWNLOADS}{token}"

    def download(self, path: str) -> bytes | None:
        """Read what a download path stands for, or nothing when it stands for nothing."""
        read = self._downloads.get(path.removeprefix(DOWNLOADS))
        return read() if read else None

    def open_tunnel(self, endpoint: str, port: int) -> None:
        """Record where an RDS endpoint really listens, for clients that read MIGRATE_TUNNELS."""
        with self._guard:
            self._tunnels |= {endpoint + mark: f"127.0.0.1:{port}" for mark in FROM_ANYWHERE}
            self._write_tunnels()

    def close_tunnel(self, endpoint: str) -> None:
        """Forget an RDS endpoint."""
        with self._guard:
            for mark in FROM_ANYWHERE:
                self._tunnels.pop(endpoint + mark, None)
            self._write_tunnels()

    def _write_tunnels(self) -> None:
        write_atomically(self.home / "tunnels.json", json.dumps(self._tunnels, indent=1, sort_keys=True))


_current: list[Site] = []


def enter(site: Site) -> None:
    """Make this the world whose rules run in this process."""
    _current[:] = [site]


def current() -> Site:
    """The world whose rules run in this process."""
    return _current[0]


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that a reader sees the old or the new text, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_text(text)
    draft.replace(path)
