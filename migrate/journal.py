"""What happened, in order, for ever: the only truth of a run. The rule: an entry is on disk before append returns,
and nothing in the file is ever changed.

SQLite in WAL mode with `synchronous=FULL` (durable through a power loss, not only through a kill), append-only by
triggers, hash-chained, one writer: a lock on the run's folder, and a fence number that rises with every opening, so
that a holder who lost the folder cannot write its next intent, and so cannot act.
"""

import fcntl
import hashlib
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, Self, cast

from migrate.errors import FileError, LockedError, Tampered
from migrate.values import Json

FILE, EVIDENCE = "journal.db", "evidence"
"""Names in a run's folder: the journal's own, and that of the folder with what proofs were made of."""

COMPARE = "stop; compare with a copy of the run's folder before anything else is done"
"""What to do where something in a run's folder is not what was written."""

Event = Literal[
    "opened",
    "acting",
    "acted",
    "learned",
    "waiting",
    "verified",
    "blocked",
    "failed",
    "answered",
    "undoing",
    "undone",
    "kept",
    "closed",
]
"""acting: a write is about to be sent (each attempt). learned: an output that holds from now on. kept: a rollback
left it, with the reason. answered: a person's word at a gate."""

State = Literal["planned", "acting", "acted", "waiting", "verified", "blocked", "failed", "undoing", "undone", "kept"]

_SAYS_NO_STATE = frozenset({"opened", "closed", "answered", "learned"})
_SECRET_KEYS = ("password", "passwd", "secretstring", "secretbinary", "authtoken", "secretaccesskey", "privatekey")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  seq INTEGER PRIMARY KEY, at REAL NOT NULL, run TEXT NOT NULL, fence INTEGER NOT NULL, step TEXT NOT NULL,
  event TEXT NOT NULL, attempt INTEGER NOT NULL, data TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS fence (number INTEGER PRIMARY KEY);
CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS fence_stays BEFORE UPDATE ON fence BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS fence_is_kept BEFORE DELETE ON fence BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
_COLUMNS = "seq, at, run, fence, step, event, attempt, data, prev_hash, hash"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `at` is UTC in seconds since 1970; `step` is a step's or a gate's id, or empty."""

    seq: int
    at: float
    run: str
    fence: int
    step: str
    event: Event
    attempt: int
    data: Mapping[str, Json]
    prev_hash: str
    hash: str


class Journal:
    """The journal of one run folder, held by one process at a time.

    Raises LockedError where another holds it, naming it; nothing was written then. With `write=False` it is only
    read, beside whoever holds it, as it was on opening.
    """

    synchronous: ClassVar[str] = "FULL"
    """NORMAL survives a kill and not a power loss. Tests of kills may take OFF."""

    def __init__(
        self, path: Path, *, run: str = "", clock: Callable[[], float] = time.time, write: bool = True
    ) -> None:
        self.path = path
        self.run = run or path.parent.name
        self.fence = 0
        self._clock = clock
        self._writes = threading.RLock()
        self._all: list[Entry] = []
        self._by_step: dict[str, list[Entry]] = {}
        self._lock: IO[str] | None = None
        self._db: sqlite3.Connection | None = None
        if write:
            self._open()
        elif path.exists():
            self._look()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, step: str, event: Event, data: Mapping[str, Json] | None = None, attempt: int = 0) -> Entry:
        """Write one entry; it is durable when this returns.

        Raises LockedError where another opened it since, FileError where it cannot be written (a full disk).
        """
        with self._writes:
            if self._db is None:
                raise FileError(f"{self.path} is not open for writing", do="migrate run")
            last = self._all[-1] if self._all else None
            entry = _chained(
                Entry(
                    last.seq + 1 if last else 1,
                    round(self._clock(), 6),
                    self.run,
                    self.fence,
                    step,
                    event,
                    attempt,
                    json.loads(_canonical(redacted(dict(data or {})))),
                    last.hash if last else "",
                    "",
                )
            )
            row = (*(getattr(entry, name) for name in _COLUMNS.split(", ")),)
            try:
                with self._db:
                    # The fence is read in the same statement that writes: a stale holder's intent never lands.
                    wrote = self._db.execute(
                        f"INSERT INTO entry ({_COLUMNS}) SELECT ?,?,?,?,?,?,?,?,?,? "
                        "WHERE (SELECT max(number) FROM fence) = ?",
                        (*row[:7], _canonical(entry.data), *row[8:], self.fence),
                    ).rowcount
            except sqlite3.Error as error:
                raise FileError(
                    f"{self.path} cannot be written: {error}",
                    do="make room on its disk, or free it, then run again: what it holds is whole",
                ) from error
            if wrote != 1:
                raise LockedError(f"{self.path} was opened by another process since", do="migrate status")
            self._remember([entry])
            return entry

    def entries(self, step: str | None = None) -> list[Entry]:
        """Every entry, or one step's, oldest first."""
        with self._writes:
            return list(self._all if step is None else self._by_step.get(step, ()))

    def steps(self) -> list[str]:
        """Every step (or gate) that has an entry, in the order of the first."""
        with self._writes:
            return [step for step in self._by_step if step]

    def history(self, step: str) -> list[Entry]:
        """The step's entries since it was last undone: what still stands."""
        entries = self.entries(step)
        ends = [at for at, entry in enumerate(entries) if entry.event == "undone"]
        return entries[ends[-1] + 1 :] if ends else entries

    def forward(self, step: str) -> list[Entry]:
        """The step's entries since any undoing of it began or ended: what of its acting still counts as done."""
        entries = self.entries(step)
        ends = [at for at, entry in enumerate(entries) if entry.event in ("undoing", "undone", "kept")]
        return entries[ends[-1] + 1 :] if ends else entries

    def state(self, step: str) -> State:
        """Where the step stands, by its last entry."""
        for entry in reversed(self.entries(step)):
            if entry.event not in _SAYS_NO_STATE:
                return cast(State, entry.event)
        return "planned"

    def outputs(self, step: str) -> dict[str, str]:
        """Everything the step has learnt and still holds."""
        return _outputs(self.history(step))

    def learnt(self, step: str) -> dict[str, str]:
        """Everything the step has ever learnt, undone or not: the last of each."""
        return _outputs(self.entries(step))

    def incarnation(self, step: str) -> int:
        """How often the step was being undone: goes into tokens, so that a second life is not taken for the first."""
        return sum(entry.event == "undoing" for entry in self.entries(step))

    def head(self) -> str:
        """The hash of the last entry that says something of a step: the same until something more is done."""
        return next((e.hash for e in reversed(self.entries()) if e.event not in ("opened", "closed")), "")

    def verify_chain(self) -> str:
        """Read the file again and compute every hash; gives the last one. Raises Tampered where one is wrong, and where
        nothing is left of a journal whose evidence lies beside it."""
        if self._db is not None:
            with self._writes:
                entries = list(_read(self._db))
        else:
            entries = self._all
        before = ""
        for number, entry in enumerate(entries, 1):
            if entry.seq != number or entry.prev_hash != before or _chained(entry).hash != entry.hash:
                raise Tampered(
                    f"{self.path}: entry {entry.seq} is not what was written",
                    do=COMPARE,
                )
            before = entry.hash
        if not entries and any((self.path.parent / EVIDENCE).glob("*")):
            raise Tampered(
                f"{self.path} is empty, and {self.path.parent / EVIDENCE} holds what steps have proved",
                do="bring the journal back from a copy; to start over without it, move that folder away",
            )
        return before

    def close(self) -> None:
        """Give the folder back. Closing twice does nothing."""
        with self._writes:
            if self._db is not None:
                with suppress(LockedError, FileError):
                    self.append("", "closed")
                self._db.close()
                self._db = None
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path.parent / "lock")
        try:
            self._db = sqlite3.connect(self.path, timeout=5.0, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={self.synchronous}")
            self._db.executescript(_SCHEMA)
            with self._db:
                self._db.execute("INSERT INTO fence SELECT coalesce(max(number), 0) + 1 FROM fence")
            self.fence = int(self._db.execute("SELECT max(number) FROM fence").fetchone()[0])
            self._remember(_read(self._db))
            self.verify_chain()
        except sqlite3.DatabaseError as error:
            self._db = None
            self._lock.close()
            raise _unreadable(self.path, error) from error
        except FileError:
            if self._db is not None:
                self._db.close()
                self._db = None
            self._lock.close()
            raise
        self.append("", "opened", {"pid": os.getpid(), "host": socket.gethostname()})

    def _look(self) -> None:
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as db:
                # A process that was killed while it made the file left one without tables: nothing happened yet.
                if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone():
                    self._remember(_read(db))
            self.verify_chain()
        except sqlite3.DatabaseError as error:
            raise _unreadable(self.path, error) from error

    def _remember(self, entries: Any) -> None:
        for entry in entries:
            self._all.append(entry)
            self._by_step.setdefault(entry.step, []).append(entry)


def _outputs(entries: Iterable[Entry]) -> dict[str, str]:
    """What these entries say was learnt: the last of each."""
    found: dict[str, str] = {}
    for entry in entries:
        found |= entry.data.get("outputs") or {}
    return found


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> FileError:
    return FileError(f"{path} cannot be read: {error}", do="restore the run's folder from a copy")


def redacted(value: Json) -> Json:
    """The value without what its key says is a secret; sealed values are hashes already."""
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    if not isinstance(value, dict):
        return f"(binary, {len(value)} bytes)" if isinstance(value, bytes | bytearray) else value
    return {
        key: "(secret)"
        if isinstance(item, str | bytes) and any(word in str(key).lower().replace("_", "") for word in _SECRET_KEYS)
        else redacted(item)
        for key, item in value.items()
    }


def digest(value: Json) -> str:
    """The sha256 of a value's canonical form."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def _chained(entry: Entry) -> Entry:
    fields: dict[str, Any] = {name: getattr(entry, name) for name in _COLUMNS.split(", ") if name != "hash"}
    return Entry(**fields, hash=digest(fields))


def _read(db: sqlite3.Connection) -> Iterator[Entry]:
    for row in db.execute(f"SELECT {_COLUMNS} FROM entry ORDER BY seq"):
        try:
            data = json.loads(row[7])
        except ValueError:
            # A torn document must be seen by the chain, not hide the entries after it.
            data = {"unreadable": row[7]}
        yield Entry(**dict(zip(_COLUMNS.split(", "), (*row[:7], data, *row[8:]), strict=True)))


def _locked(path: Path) -> IO[str]:
    """The lock's open file. It frees itself when the process ends, however it ends."""
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise LockedError(
            f"{path.parent} is held by {holder}", do="wait for it, or stop that process; then type the same again"
        ) from error
    lock.truncate(0)
    lock.write(f"pid {os.getpid()} on {socket.gethostname()}")
    lock.flush()
    return lock
