"""Values that only memory may hold: renamed, compared and recognised again without being shown.

The rule: what leaves this module of a value is a slow, salted hash or a yes or no.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator

from migrate.kind import Carrier
from migrate.values import MARKS, Json

NOTES = "value"
"""Where a step remembers the hashes of what it writes."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
"""What gives a JSON text its form; numbers and words are passed over."""


def renamed(text: str, rewrite: Callable[[Json], Json]) -> str:
    """The text in the target's names: field by field where it is JSON, every other letter as it was."""
    try:
        return _renamed_json(text, rewrite)
    except RecursionError:
        # Nested deeper than can be walked.
        return str(rewrite(text))


def _renamed_json(text: str, rewrite: Callable[[Json], Json]) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, (dict, list)) or _imitates(document):
        return str(rewrite(text))
    changed = rewrite(document)
    if changed == document:
        return text
    if not _is_like(document, changed):
        # Somebody was taken out of a policy: no text to keep.
        separators = (",", ":") if '": ' not in text and ", " not in text else None
        return json.dumps(changed, ensure_ascii=text.isascii(), separators=separators)
    parts, at = [], 0
    for start, end, path in _texts(text):
        was, now = _under(document, path), _under(changed, path)
        # A key that stands twice counts with its last value.
        if was != now and json.loads(text[start:end]) == was:
            parts += [text[at:start], json.dumps(now, ensure_ascii=text.isascii())]
            at = end
    return "".join([*parts, text[at:]])


def _is_like(one: Json, other: Json) -> bool:
    """Whether two documents have the same form: only texts differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_like(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_like, one, other))
    return (isinstance(one, str) and isinstance(other, str)) or one is other or one == other


def _texts(text: str) -> Iterator[tuple[int, int, list[str | int]]]:
    """Where each text that is a value stands in a JSON text, and its path. The list is the walk's own."""
    path: list[str | int] = []
    is_key = False
    for token in _TOKEN.finditer(text):
        sort = token[0][0]
        if sort in "{[":
            is_key = sort == "{"
            path.append("" if is_key else 0)
        elif sort in "}]":
            path.pop()
            is_key = False
        elif sort == ",":
            is_key = isinstance(path[-1], str)
            if isinstance(last := path[-1], int):
                path[-1] = last + 1
        elif sort == ":":
            is_key = False
        elif is_key:
            path[-1] = json.loads(token[0])
        else:
            yield token.start(), token.end(), path


def _under(document: Json, path: list[str | int]) -> Json:
    for part in path:
        try:
            document = document[part]
        except (IndexError, KeyError, TypeError):
            # Below a key that stands twice, and whose last value is another.
            return None
    return document


def _imitates(document: Json) -> bool:
    """Whether a key in it reads like a placeholder of ours: filled in, it would not be people's value any more."""
    written = json.dumps(document)
    return any(f'"{mark}"' in written for mark in MARKS)


def is_same(one: str | bytes, other: str | bytes) -> bool:
    """Whether two values are equal, compared by hashes under a key that nobody keeps."""
    key = secrets.token_bytes(32)
    return hmac.compare_digest(hmac.digest(key, _bytes(one), "sha256"), hmac.digest(key, _bytes(other), "sha256"))


def notes_of(to: Carrier) -> str:
    """The hashes of every value that a step of this thing wrote, or was about to."""
    told = (to.learnt("copy_value"), to.learnt("look_again"), to.outputs)
    return " ".join(dict.fromkeys(note for one in told for note in one.get(NOTES, "").split()))


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
