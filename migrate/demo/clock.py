"""The time of the embedded world: the wall's, and what somebody pushed it on by. What is slow in AWS is slow by it.

The one rule it keeps: nothing waits here. A state is over once the world's time says so, whoever asks and whenever;
without a file `clock.json` nothing is slow.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "clock.json"
TAKES: Mapping[str, float] = {
    "acm:certificate": 300.0,
    "dynamodb:export": 1800.0,
    "dynamodb:import": 1800.0,
    "dynamodb:table": 20.0,
    "ec2:nat-gateway": 120.0,
    "rds:instance": 2400.0,
    "rds:snapshot": 600.0,
    "sso-admin:provisioning": 20.0,
}
"""What can be slow → seconds, as a person would see it for a middling database. A judgement, not AWS's promise."""

_home: Path | None = None
_known: tuple[int, dict[str, Any]] = (0, {})


def enter(home: Path) -> None:
    """This process is the world of that folder."""
    global _home
    _home = home


def now_s() -> float:
    """The world's time in seconds since 1970."""
    return time.time() + float(_read().get("ahead_s", 0.0))


def takes_s(what: str) -> float:
    """How long this takes in the world; 0 where nobody asked for slowness."""
    return float(_read().get("takes_s", {}).get(what, 0.0))


def slow(home: Path, takes: Mapping[str, float] = TAKES) -> None:
    """From now on these take their time in the world of that folder."""
    _write(home, {"ahead_s": 0.0, "takes_s": dict(takes)})


def push(home: Path, seconds: float) -> None:
    """Let the world's time jump forward."""
    known = json.loads((home / FILE).read_text()) if (home / FILE).exists() else {}
    _write(home, {**known, "ahead_s": float(known.get("ahead_s", 0.0)) + seconds})


def _write(home: Path, what: Mapping[str, Any]) -> None:
    draft = home / f"{FILE}.draft"
    draft.write_text(json.dumps(what))
    draft.replace(home / FILE)


def _read() -> dict[str, Any]:
    global _known
    if _home is None:
        return {}
    path = _home / FILE
    try:
        stamp = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return {}
    if stamp != _known[0]:
        _known = stamp, json.loads(path.read_text())
    return _known[1]
