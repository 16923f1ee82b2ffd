"""What looks like a credential is kept as a keyed hash and a length, so that no file holds it.

The rule: when in doubt, sealed. A sealed value can still be compared (same key, same hash) and is read again from
legacy when it is sent. What a reference looks like (an ARN, a host, a bucket) stays readable: the graph needs it.
"""

import hashlib
import hmac
import math
import re
import threading
from collections import Counter

from migrate.values import Json

HASH_CHARACTERS = 32

_SECRET_WORD = (
    r"PASSWORD|PASSWD|PASSPHRASE|PASSCODE|SECRET|TOKEN|API_?KEY|APIKEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY"
    r"|AUTH_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|MASTER_?KEY|CREDENTIALS?|CLIENT_?KEY|LICENSE_?KEY|WEBHOOK_?KEY|PRIVATE"
)
_SECRET_NAME = re.compile(_SECRET_WORD, re.I)
_SECRET_AT_END = re.compile(rf"(?:{_SECRET_WORD}|(?<![A-Za-z])(?:PWD|PASS|PW|SALT|PIN|OTP|DSN))S?[_\-.]?[0-9]*$", re.I)
_PASSWORD_AT_END = re.compile(r"(?:PASSWORD|PASSWD|PASSPHRASE|(?<![A-Za-z])(?:PWD|PASS|PW))[_\-.]?[0-9]*$", re.I)

_KEY_ID = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}(?![a-z])")
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JWT
    r"|[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"  # user:password@
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|sk_live_\w{10,}"
    r"|rk_live_\w{10,}|AIza[\w-]{30,}|npm_\w{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|sk-[\w-]{20,})"
    r"|(?:password|passwd|pwd|secret|token|api_?key|accountkey)[\"']?\s*[:=]\s*[\"']?[^\s\"';&,{}]{4,}",
    re.I,
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")

_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^\s\"',;&]+")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}(?::[0-9]+)?")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s@?]+")
_PATH = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+/?")
_PLAIN = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)+|[0-9]{1,6}|true|false|yes|no|on|off|none|enabled|disabled|", re.I)

_NAMED = re.compile(
    r"(?:[a-z0-9-]+\.)+amazonaws\.com(?:\.cn)?|(?<![0-9a-z.-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])", re.I
)
"""AWS hosts and addresses in a sealed value stay readable: a password in a URL must not hide its database."""

HIGH_ENTROPY_BITS = 3.5
"""Bits a character: words and names stay below, random texts of 20 characters and more are above."""


class Sealer:
    """Seals under one key. With `remember`, keeps the values in memory too, to be unsealed when they are sent."""

    def __init__(self, key: bytes, *, remember: bool = False) -> None:
        if len(key) < 16:
            raise ValueError("a seal key has 16 bytes or more")
        self._key = key
        self._values: dict[str, str] | None = {} if remember else None
        self._lock = threading.Lock()

    def __call__(self, name: str, value: str) -> Json:
        """The value, or its sealed form."""
        if not looks_secret(name, value):
            return value
        sealed = hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]
        if self._values is not None:
            with self._lock:
                self._values[sealed] = value
        shown = sorted(set(_NAMED.findall(value)))
        return {"$sealed": sealed, "length": len(value)} | ({"mentions": shown} if shown else {})

    @property
    def values(self) -> dict[str, str]:
        """Keyed hash → value of everything sealed so far; empty without `remember`."""
        with self._lock:
            return dict(self._values or {})

    def unseal(self, sealed: str) -> str:
        """The value that was sealed here before. Raises KeyError."""
        if self._values is None:
            raise KeyError(sealed)
        with self._lock:
            return self._values[sealed]


def looks_secret(name: str, value: str) -> bool:
    """Whether the name or the value looks like a credential."""
    value = _ARN.sub("", value)
    if not value:
        return False
    if _KEY_ID.search(value) or _SECRET_VALUE.search(value) or any(map(_mixed, _AWS_SECRET.findall(value))):
        return True
    if not (_SECRET_NAME.search(name) or _SECRET_AT_END.search(name)):
        return False
    if _PASSWORD_AT_END.search(name):
        return True
    if _HOST.fullmatch(value) or (_URL.fullmatch(value) and _entropy(value.rpartition("/")[2]) < HIGH_ENTROPY_BITS):
        return False
    if _SECRET_AT_END.search(name):
        # A secret's name or a parameter's path (`prod/db`, `/prod/db/password`) is a reference, not a value.
        return not (_PATH.fullmatch(value) and value.lower() == value)
    return not (_PLAIN.fullmatch(value) or _PATH.fullmatch(value)) and _entropy(value) >= HIGH_ENTROPY_BITS


def _mixed(text: str) -> bool:
    kinds = sum(bool(re.search(sort, text)) for sort in ("[a-z]", "[A-Z]", "[0-9]"))
    return kinds == 3 and _entropy(text) >= 4.0


def _entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0
