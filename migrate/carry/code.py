"""Carry code packages: download, check, hand over. The rule: bytes without the sha256 that AWS names go nowhere."""

import base64
import hashlib
import time
from collections.abc import Callable

from migrate.errors import StepFailed
from migrate.kind import Carrier


def package(to: Carrier, url: str, code_sha256: str, what: str) -> bytes:
    """Download a package. Raises StepFailed where its sha256 is not the one that AWS names; nothing was written."""
    content = to.fetch(url)
    found = base64.b64encode(hashlib.sha256(content).digest()).decode()
    if found != code_sha256:
        raise StepFailed(
            f"the code of {what} has sha256 {found}, AWS says {code_sha256}",
            do="migrate run downloads it again; if it stays, the function was changed meanwhile: scan and plan again",
        )
    return content


def until_active(to: Carrier, name: str, *, sleep: Callable[[float], None] = time.sleep, for_s: float = 900.0) -> None:
    """Wait until a function can be changed and called. Raises StepFailed where AWS gives up on it."""
    left_s = for_s
    while True:
        shown = to.target.call("lambda.GetFunctionConfiguration", FunctionName=name)
        states = shown.get("State", "Active"), shown.get("LastUpdateStatus", "Successful")
        if "Failed" in states:
            why = shown.get("StateReason") or shown.get("LastUpdateStatusReason") or "no reason given"
            raise StepFailed(f"function {name} failed: {why}", do="correct what AWS says, then migrate run")
        if states[0] != "Pending" and states[1] != "InProgress":
            return
        if left_s <= 0:
            raise StepFailed(f"function {name} is still {' and '.join(states)}", do="migrate run waits again")
        sleep(2.0)
        left_s -= 2.0
