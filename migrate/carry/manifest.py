"""What this migration put into a bucket, version by version: a SQLite file that all its runs share.

The rule: a row is written after AWS answered, an intent before anything is sent, and it is on disk by then. So what
lies in the target is ours only where a row or an intent says so. It is no copy of a listing: both buckets are looked at
each time, and what the file does not know is nobody's.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from migrate.carry.listing import Version
from migrate.carry.same_object import Buckets
from migrate.errors import FileError
from migrate.kind import Carrier

_SCHEMA = """
CREATE TABLE IF NOT EXISTS placed (
  key BLOB NOT NULL, version TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL, modified REAL NOT NULL,
  target TEXT NOT NULL, target_etag TEXT NOT NULL, answered REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (key, version, target)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intended (
  key BLOB NOT NULL, version TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL, modified REAL NOT NULL,
  PRIMARY KEY (key, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leaving ON placed (key) WHERE gone;
"""
_FORMER = """
BEGIN IMMEDIATE;
INSERT OR IGNORE INTO placed SELECT * FROM copied;
DROP TABLE copied;
COMMIT;
"""
"""Takes over what was written while a legacy version had one row: a `null` one that is written over has two for a time,
what leaves the target and what came in its place."""
_THIS = "key = ? AND version = ? AND target = ?"
CACHE_KIB = 4096
CLOCK_SLACK_S = 5.0
"""An object that the target changed later than this after AWS's answer to our copy was written by somebody else."""


def manifest_path(to: Carrier, buckets: Buckets) -> Path:
    """The file that knows what this migration put into the bucket."""
    return to.notebook(f"{to.place.account}-{buckets.target}.objects.sqlite")


@dataclass(frozen=True, slots=True)
class Intent:
    """A legacy version that was about to be copied."""

    key: str
    version: str
    """Legacy's version id; empty in a bucket without versions."""
    etag: str
    size_bytes: int
    modified: float
    """Seconds since 1970; 0 where the listing did not say."""

    @classmethod
    def of(cls, version: Version) -> Self:
        """Make it of a listed version."""
        at = version.modified.timestamp() if version.modified else 0.0
        return cls(version.key, version.version_id or "", version.etag, version.size_bytes, at)

    def is_of(self, version: Version) -> bool:
        """Whether the listed version is still the one that was meant."""
        return Intent.of(version) == Intent(self.key, self.version, self.etag, self.size_bytes, self.modified)


@dataclass(frozen=True, slots=True)
class Row(Intent):
    """A legacy version and what stands for it in the target since this migration copied it."""

    target: str
    """The target's version id; empty in a bucket without versions."""
    target_etag: str
    answered: float
    """When AWS answered the copy, by AWS's clock."""

    def is_ours(self, version: Version) -> bool:
        """Whether the target's listed version is the one that was copied, and nobody has written over it since."""
        if self.target:
            return version.version_id == self.target
        if version.marker or version.etag != self.target_etag:
            return False
        return version.modified is None or version.modified.timestamp() <= self.answered + CLOCK_SLACK_S


class Manifest:
    """The file, open for one pass of one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            # Rows that a power failure took would make our own copies look like somebody else's.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", f"cache_size=-{CACHE_KIB}"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
            if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'copied'").fetchone():
                self._db.executescript(_FORMER)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()
        if isinstance(error, sqlite3.Error):
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> FileError:
        do = "make room on its disk, and run again: nothing of it is lost"
        if getattr(error, "sqlite_errorname", "") not in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
            do = "restore it from a copy of the migration's folder; docs/recovery.md says what a lost one means"
        return FileError(f"{self.path} cannot be used: {error}", do=do)

    def known(self, keys: Iterable[str]) -> dict[str, tuple[list[Row], list[Intent]]]:
        """Rows and intents of these keys; nothing for a key of which nothing is known."""
        found: dict[str, tuple[list[Row], list[Intent]]] = {}
        wanted = {_bytes(key): key for key in keys}
        if not wanted:
            return found
        # A listing's keys lie side by side: one look for all of them, and what lies between them is left out.
        ends = min(wanted), max(wanted)
        for key, *row in self._db.execute(
            "SELECT key, version, etag, size, modified, target, target_etag, answered FROM placed"
            " WHERE key BETWEEN ? AND ?", ends,
        ):  # fmt: skip
            if key in wanted:
                found.setdefault(wanted[key], ([], []))[0].append(Row(wanted[key], *row))
        for key, *one in self._db.execute(
            "SELECT key, version, etag, size, modified FROM intended WHERE key BETWEEN ? AND ?", ends
        ):
            if key in wanted:
                found.setdefault(wanted[key], ([], []))[1].append(Intent(wanted[key], *one))
        return found

    def intend(self, versions: Iterable[Version]) -> None:
        """Say which versions are about to be copied."""
        lines = [_values(Intent.of(version)) for version in versions]
        self._write("INSERT OR REPLACE INTO intended VALUES (?, ?, ?, ?, ?)", lines)

    def note(self, rows: Iterable[Row]) -> None:
        """Say what was copied; its intents are over."""
        lines = [(*_values(row), row.target, row.target_etag, row.answered, 0) for row in rows]
        if lines:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO placed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", lines)
            self._db.executemany("DELETE FROM intended WHERE key = ? AND version = ?", [line[:2] for line in lines])
            self._db.execute("COMMIT")

    def mark_gone(self, rows: Iterable[Row]) -> None:
        """Say that legacy has these no more: they are to be deleted in the target."""
        self._write(f"UPDATE placed SET gone = 1 WHERE {_THIS}", [_place(row) for row in rows])

    def forget_gone(self) -> None:
        """Begin anew with what is gone: only what this pass sees counts."""
        self._db.execute("UPDATE placed SET gone = 0 WHERE gone")

    def gone(self) -> Iterator[Row]:
        """What is to be deleted in the target, in key order. Rows may be dropped while this is read."""
        last: tuple[bytes, str, str] = (b"", "", "")
        while lines := self._db.execute(
            "SELECT key, version, etag, size, modified, target, target_etag, answered FROM placed"
            " WHERE gone AND (key, version, target) > (?, ?, ?) ORDER BY key, version, target LIMIT 500", last,
        ).fetchall():  # fmt: skip
            for key, *values in lines:
                yield Row(_text(key), *values)
            key, version, *_, target, _, _ = lines[-1]
            last = (key, version, target)

    def drop(self, rows: Iterable[Row]) -> None:
        """These stand in the target no more."""
        self._write(f"DELETE FROM placed WHERE {_THIS}", [_place(row) for row in rows])

    def clear(self) -> None:
        """Nothing of ours stands in the target any more."""
        self._db.execute("BEGIN")
        self._db.execute("DELETE FROM placed")
        self._db.execute("DELETE FROM intended")
        self._db.execute("COMMIT")

    def counts(self) -> tuple[int, int]:
        """How many versions are ours in the target, and how many of them legacy has no more."""
        ours, gone = self._db.execute("SELECT count(*), coalesce(sum(gone), 0) FROM placed").fetchone()
        return int(ours), int(gone)

    def _write(self, statement: str, lines: list[tuple[object, ...]]) -> None:
        if lines:
            self._db.execute("BEGIN")
            self._db.executemany(statement, lines)
            self._db.execute("COMMIT")


def _values(one: Intent) -> tuple[object, ...]:
    return (_bytes(one.key), one.version, one.etag, one.size_bytes, one.modified)


def _place(row: Row) -> tuple[object, ...]:
    return (_bytes(row.key), row.version, row.target)


def _bytes(key: str) -> bytes:
    """S3's order of keys is that of their UTF-8 bytes, and SQLite's of blobs too."""
    return key.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
