"""The envelope of every file: schema, digest, canonical JSON, written once.

The digest covers schema and body only, so the same inputs give the same digest on any day. A reader refuses an
unknown major version, a file whose digest does not fit its body, and ignores unknown keys.
"""

import gc
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from migrate.errors import FileError, FileMissing, StaleError, UsageError
from migrate.inventory import Gap, Inventory, Resource
from migrate.names import AccountId, Region, typed
from migrate.values import Json

INVENTORY = "migrate.inventory/1"
PLAN = "migrate.plan/1"
APPROVAL = "migrate.approval/1"


_WIDTH, _DEEPEST = 120, 7
_CONSTANTS = {True: "true", False: "false", None: "null"}


def _plain(value: Any) -> Json:
    """A value that is no JSON yet (a step): turned into it only while it is written, because a plan has many."""
    return value.as_json()


_ONE_LINE = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain).encode
_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
).encode
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)\.([0-9a-f]{8})\..+")


def canonical(value: Json) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8."""
    return _CANONICAL(value).encode()


def digest_of(schema: str, body: Json, lines: bytes = b"") -> str:
    """sha256 (hex) over schema, body and any lines after the envelope."""
    # As canonical([schema, body]), but piece by piece: a large plan's text is never in memory as a whole.
    running = hashlib.sha256(b"[" + canonical(schema) + b",")
    for piece in _pieces(body, 2):
        running.update(piece.encode())
    running.update(b"]")
    if lines:
        running.update(b"\n" + lines)
    return running.hexdigest()


def _pieces(value: Json, depth: int) -> Iterator[str]:
    """The canonical form of a value in pieces: its first levels are taken apart."""
    if not depth or not value or not isinstance(value, (dict, list, tuple)):
        yield _CANONICAL(value)
        return
    between = "{" if isinstance(value, dict) else "["
    for key in sorted(value) if isinstance(value, dict) else range(len(value)):
        yield f"{between}{_CANONICAL(key)}:" if isinstance(value, dict) else between
        yield from _pieces(value[key], depth - 1)
        between = ","
    yield "}" if isinstance(value, dict) else "]"


def now_utc() -> datetime:
    """The time that file names and envelopes carry."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that stands on disk."""

    path: Path
    schema: str
    digest: str
    body: Json
    written_at: str


def write(folder: Path, what: str, schema: str, body: Json, lines: Iterable[Json] = ()) -> Written:
    """Write `<UTC>.<digest8>.<what>` into the folder, complete or not at all.

    Raises FileError where the folder cannot be written to; nothing is left behind then.
    """
    with collector_off():
        return _write(folder, what, schema, body, lines)


def _write(folder: Path, what: str, schema: str, body: Json, lines: Iterable[Json]) -> Written:
    payload = b"\n".join(map(canonical, lines))
    digest = digest_of(schema, body, payload)
    at = now_utc()
    path = folder / f"{at:%Y%m%dT%H%M%SZ}.{digest[:8]}.{what}"
    envelope = {"schema": schema, "digest": digest, "written_at": at.isoformat(timespec="seconds"), "body": body}
    put(path, b"\n".join([_head(path, envelope), *([payload] if payload else []), b""]))
    return Written(path, schema, digest, body, envelope["written_at"])


def put(path: Path, content: bytes) -> None:
    """Replace a file's content in one motion: a reader sees the old or the new, never half."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}", do="free space or fix its permissions") from None


def _head(path: Path, envelope: Mapping[str, Json]) -> bytes:
    """The envelope as it stands in the file: on one line before others, else laid out for people."""
    return canonical(envelope) if path.suffix == ".jsonl" else _laid_out(envelope, 0).encode()


def _laid_out(value: Json, depth: int) -> str:
    """JSON with what is short on one line. Many times as fast as `indent`, and better to read."""
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, str):
        return encode_basestring(value)
    if not isinstance(value, (dict, list, tuple)):
        if isinstance(value, (int, float)):
            return _ONE_LINE(value)
        value = _plain(value)
    if not value:
        return _ONE_LINE(value)
    # The first levels (envelope, body, its lists) are always laid out: not worth an attempt.
    if depth >= _DEEPEST:
        return _ONE_LINE(value)
    if depth > 2 and not _is_long(value):
        text = _ONE_LINE(value)
        if len(text) <= _WIDTH:
            return text
    edge, inner = "\n" + " " * depth, "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{encode_basestring(key)}: {_laid_out(value[key], depth + 1)}" for key in sorted(value)]
        return "{" + inner + ("," + inner).join(parts) + edge + "}"
    return "[" + inner + ("," + inner).join([_laid_out(item, depth + 1) for item in value]) + edge + "]"


def _is_long(value: Json) -> bool:
    """Whether it surely does not fit on a line: cheaper than to try, because the count ends where it is full."""
    room, left = _WIDTH, [value]
    while left and room >= 0:
        item = left.pop()
        if item.__class__ is str:
            room -= len(item)
        elif item.__class__ is dict:
            room -= 6 * len(item)
            for key, inner in item.items():
                room -= len(key)
                left.append(inner)
        elif item.__class__ is list or item.__class__ is tuple:
            room -= 2 * len(item)
            left += item
    return room < 0


def read(path: Path, schema: str) -> Written:
    """Read a one-document file and check it.

    Raises FileError where it is not such a file, StaleError where its content is not what its digest says.
    """
    with collector_off():
        envelope, rest = _envelope(path, schema)
        if rest:
            raise FileError(f"{path} holds more than one document", do="take the file as it was written")
        return _checked(path, envelope, b"")


def write_inventory(folder: Path, inventory: Inventory) -> Written:
    """Write an inventory: its envelope, then a resource or a gap a line."""
    body = {
        "account": inventory.account, "regions": list(inventory.regions), "kinds": list(inventory.kinds),
        "resources": len(inventory.resources), "gaps": len(inventory.gaps),
    }  # fmt: skip
    return write(folder, "inventory.jsonl", INVENTORY, body, inventory.lines())


def read_inventory(path: Path) -> tuple[Written, Inventory]:
    """Read and check an inventory. Raises as `read` does."""
    envelope, rest = _envelope(path, INVENTORY)
    written = _checked(path, envelope, rest)
    resources, gaps = [], []
    try:
        with collector_off():
            # In one go: the keys, the same in each line, are kept once. No JSON text has a bare line break in it.
            for entry in json.loads(b"[" + rest.replace(b"\n", b",") + b"]"):
                if "resource" in entry:
                    resources.append(Resource.from_json(entry["resource"]))
                elif "gap" in dict(entry):
                    gaps.append(Gap.from_json(entry["gap"]))
        body = written.body
        account, regions, kinds = AccountId(body["account"]), tuple(map(Region, body["regions"])), tuple(body["kinds"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{path} is whole, but no inventory: {error!r}", do="scan again") from None
    return written, Inventory(account, regions, kinds, tuple(resources), tuple(gaps))


@contextmanager
def collector_off() -> Iterator[None]:
    """Without the cyclic collector: loads of many small objects take a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            # What was made stays: looking through all of it for garbage would take most of the time saved.
            gc.freeze()
            gc.enable()


def latest(folder: Path, what: str) -> Path:
    """The newest file of that sort in a migration's folder. Raises UsageError where there is none."""
    # Two of one second are told apart by when they were written.
    found = sorted(folder.glob(f"*.{what}"), key=lambda path: (path.name[:16], path.stat().st_mtime_ns, path.name))
    if not found:
        verb = {"inventory.jsonl": "scan", "plan.json": "plan", "approval.json": "approve"}.get(what, "status")
        raise UsageError(f"{typed(folder)} holds no {what}", do=f"migrate {verb} {typed(folder)}")
    return found[-1]


def by_digest(folder: Path, what: str, digest: str) -> Path:
    """The file of that sort whose name carries the digest. Raises StaleError where it is gone."""
    found = sorted(folder.glob(f"*.{digest[:8]}.{what}"))
    if not found:
        raise StaleError(f"{folder} no longer holds the {what} {digest[:8]} that this was made from", do="plan again")
    return found[-1]


def _envelope(path: Path, schema: str) -> tuple[dict[str, Json], bytes]:
    """The envelope and every byte of the lines after it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileMissing(f"there is no file {path}", do="name a file that is there") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}", do="name a file that is there") from None
    changed = StaleError(f"{path} is not a complete {schema} file: it was edited or cut", do="make it again")
    if content[-1:] != b"\n":
        raise changed
    head, rest = content[:-1], b""
    if path.suffix == ".jsonl":
        head, _, rest = head.partition(b"\n")
    try:
        envelope = json.loads(head)
        found, digest, at = envelope["schema"], envelope["digest"], datetime.fromisoformat(envelope["written_at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise changed from None
    if not isinstance(found, str) or not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise changed
    if found != schema:
        # A byte of a file of ours, or a file of another version? Only the latter fits its digest.
        if digest_of(found, envelope.get("body"), rest) != digest:
            raise changed
        raise FileError(f"{path} is {found!r}; this version reads {schema!r}", do="use the version that wrote it")
    # The digest covers what is said, not how: spaces, doubled keys and the date are checked here.
    name = _NAME.fullmatch(path.name)
    try:
        if "body" not in envelope or _head(path, envelope) != head:
            raise changed
    except (ValueError, TypeError):  # numbers that JSON has not, half characters
        raise changed from None
    exact = at.isoformat(timespec="seconds") == envelope["written_at"] and at.utcoffset() == timedelta(0)
    if not exact or (name and (name[1], name[2]) != (f"{at:%Y%m%dT%H%M%SZ}", digest[:8])):
        raise changed
    return envelope, rest


def _checked(path: Path, envelope: dict[str, Json], rest: bytes) -> Written:
    actual = digest_of(envelope["schema"], envelope["body"], rest)
    if actual != envelope["digest"]:
        raise StaleError(
            f"{path} was changed after it was written: its digest says {envelope['digest'][:8]}, its content is "
            f"{actual[:8]}",
            do="take the file as it was written, or make it again",
        )
    return Written(path, envelope["schema"], envelope["digest"], envelope["body"], envelope["written_at"])
