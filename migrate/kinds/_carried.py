"""Values that only memory may hold: renamed, compared and recognised again without being shown.

The rule: what leaves this module of a value is a slow, salted hash or a yes or no.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable

from migrate.values import MARKS, Json


def renamed(text: str, rewrite: Callable[[Json], Json]) -> str:
    """The text in the target's names: field by field where it is JSON. The very same text where nothing changes."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, (dict, list)) or _imitates(document):
        return str(rewrite(text))
    changed = rewrite(document)
    if changed == document:
        return text
    # Spaces and escapes as in the original: some readers compare texts.
    separators = (",", ":") if '": ' not in text and ", " not in text else None
    return json.dumps(changed, ensure_ascii=text.isascii(), separators=separators)


def _imitates(document: Json) -> bool:
    """Whether a key in it reads like a placeholder of ours: filled in, it would not be people's value any more."""
    written = json.dumps(document)
    return any(f'"{mark}"' in written for mark in MARKS)


def is_same(one: str | bytes, other: str | bytes) -> bool:
    """Whether two values are equal, compared by hashes under a key that nobody keeps."""
    key = secrets.token_bytes(32)
    return hmac.compare_digest(hmac.digest(key, _bytes(one), "sha256"), hmac.digest(key, _bytes(other), "sha256"))


def noted(notes: str, value: str | bytes) -> str:
    """The notes with a hash of one more value: the journal may be read by more people than the value."""
    return " ".join([*notes.split(), _salted(value, secrets.token_bytes(16))])


def is_noted(notes: str, value: str | bytes) -> bool:
    """Whether this value is among the noted ones."""
    return any(
        hmac.compare_digest(note, _salted(value, bytes.fromhex(note.partition(":")[0]))) for note in notes.split()
    )


def is_changed(standing: str | bytes | None, notes: str, wanted: Callable[[], str | bytes | None]) -> bool:
    """Whether the target's value is neither one that was noted before it was written nor the one that legacy gives.

    `wanted`: legacy's value in the target's names, asked for only where the notes do not know the target's.
    """
    if standing is None or is_noted(notes, standing):
        return False
    value = wanted()
    return value is None or not is_same(standing, value)


def _salted(value: str | bytes, salt: bytes) -> str:
    return f"{salt.hex()}:{hashlib.scrypt(_bytes(value), salt=salt, n=2**14, r=8, p=1).hex()}"


def _bytes(value: str | bytes) -> bytes:
    # A text and the same bytes are two values to their readers.
    return b"text:" + value.encode() if isinstance(value, str) else b"bytes:" + value
