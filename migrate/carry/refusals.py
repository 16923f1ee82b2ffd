"""AWS's error codes, out of any error. The rule: only `aws` knows the SDK's exceptions; their form is enough here."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BROKEN = frozenset({"ConnectionClosedError", "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError"})
"""What a read ends with whose bytes broke off on the way."""
BREAKS = 3
"""How often it may."""


def code_of(error: BaseException | None) -> str:
    """AWS's error code of this error, or of what caused it; empty where it has none."""
    while error is not None:
        said = getattr(error, "response", None)
        if isinstance(said, dict) and said.get("Error", {}).get("Code"):
            return str(said["Error"]["Code"])
        if isinstance(getattr(error, "code", None), str):
            return str(error.code)  # type: ignore[attr-defined]
        error = error.__cause__
    return ""


def said_of(error: BaseException) -> str:
    """AWS's words, in one line."""
    own = getattr(error, "said", None)
    return " ".join(str(own or error).split())[:200]


def unless(missing: tuple[str, ...], read: Callable[[], T]) -> T | None:
    """What is read, or None where AWS says that the thing is not there. Any other refusal is raised: it hides one."""
    try:
        return read()
    except Exception as error:
        if code_of(error) in missing:
            return None
        raise


def patiently(
    send: Callable[[], T],
    passing: Callable[[BaseException], bool],
    *,
    for_s: float = 120.0,
    every_s: float = 5.0,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Send again while the refusal is one that passes by itself; raise it once `for_s` seconds are over."""
    left_s = for_s
    while True:
        try:
            return send()
        except Exception as error:
            if left_s <= 0 or not passing(error):
                raise
        sleep(every_s)
        left_s -= every_s


def unbroken(read: Callable[[], T]) -> T:
    """Read whole, from the beginning again where the bytes break off; raise it the last time."""
    for _ in range(BREAKS - 1):
        try:
            return read()
        except Exception as error:
            if code_of(error) not in BROKEN:
                raise
    return read()
