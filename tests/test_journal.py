"""The journal: durable, append-only, chained, fenced, one holder."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from migrate.errors import FileError, LockedError, Tampered
from migrate.journal import Journal


def test_an_entry_is_there_for_the_next_process(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("a:create", "acting", {"request": 0}, attempt=1)

    with Journal(tmp_path / "journal.db") as journal:
        assert [(e.event, e.attempt, dict(e.data)) for e in journal.entries("a:create")] == [
            ("acting", 1, {"request": 0})
        ]
        assert journal.state("a:create") == "acting"


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom migrate.journal import Journal\n"
        f"j = Journal(pathlib.Path({str(tmp_path / 'journal.db')!r}))\n"
        "for n in range(10**6):\n    j.append('s', 'acting', {'n': n})\n    print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(25)]

    os.kill(process.pid, signal.SIGKILL)
    said += [int(line) for line in process.stdout.read().split() if line]
    process.stdout.close()
    process.wait()

    with Journal(tmp_path / "journal.db") as journal:
        assert [e.data["n"] for e in journal.entries("s")][: len(said)] == said
        assert journal.verify_chain()


def test_an_entry_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("s", "acting")
    db = sqlite3.connect(tmp_path / "journal.db")

    for sql in ("UPDATE entry SET event = 'verified'", "DELETE FROM entry", "DELETE FROM fence"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(sql)
    db.close()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE entry SET data = '{\"request\":7}' WHERE seq = 2",
        "UPDATE entry SET at = at + 1 WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 2",
        "UPDATE entry SET data = '{' WHERE seq = 2",
    ],
)
def test_an_entry_changed_behind_the_triggers_breaks_the_chain_and_nothing_is_run(tmp_path: Path, forgery: str) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("s", "acting", {"request": 0})
    db = sqlite3.connect(tmp_path / "journal.db")
    for name in ("entry_stays", "entry_is_kept"):
        db.execute(f"DROP TRIGGER {name}")
    with db:
        db.execute(forgery)
    db.close()

    for write in (True, False):
        with pytest.raises(Tampered, match="not what was written") as error:
            Journal(tmp_path / "journal.db", write=write)
        assert error.value.exit_code == 4


@pytest.mark.parametrize("left", ["nothing", "no entry"])
def test_a_journal_that_lost_everything_is_seen_by_the_evidence_beside_it(tmp_path: Path, left: str) -> None:
    path = tmp_path / "journal.db"
    if left == "nothing":
        path.touch()
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE other (number INTEGER)")
    Journal(path, write=False).close()
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "step.json").touch()

    for write in (False, True):
        with pytest.raises(Tampered, match="is empty"):
            Journal(path, write=write)


def _hold(path: str, ready: "multiprocessing.synchronize.Event", end: "multiprocessing.synchronize.Event") -> None:
    with Journal(Path(path)):
        ready.set()
        end.wait(30)


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, end = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_hold, args=(str(tmp_path / "journal.db"), ready, end))
    holder.start()
    assert ready.wait(30)

    with pytest.raises(LockedError, match=f"pid {holder.pid} on "):
        Journal(tmp_path / "journal.db")

    end.set()
    holder.join()
    Journal(tmp_path / "journal.db").close()


def test_a_holder_whose_lock_was_taken_from_under_it_cannot_write_its_next_intent(tmp_path: Path) -> None:
    stale = Journal(tmp_path / "journal.db")
    (tmp_path / "lock").unlink()  # what a person in a hurry does
    with Journal(tmp_path / "journal.db") as journal:
        assert journal.fence == stale.fence + 1

        with pytest.raises((LockedError, sqlite3.IntegrityError)):
            stale.append("s", "acting")

        assert journal.entries("s") == []
    stale.close()


def test_a_reader_needs_no_lock_and_cannot_write(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("s", "acting")
        with Journal(tmp_path / "journal.db", write=False) as reader:
            assert reader.state("s") == "acting"
            with pytest.raises(FileError):
                reader.append("s", "acted")


def test_threads_write_one_chain(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        threads = [
            threading.Thread(target=lambda n=n: [journal.append(f"s{n}", "acting", {"n": i}) for i in range(20)])
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert journal.verify_chain() == journal.entries()[-1].hash
        assert len(journal.entries()) == 101


def test_outputs_are_those_of_the_life_since_the_last_undone(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("s", "acted", {"outputs": {"id": "vpc-1", "arn": "a"}})
        journal.append("s", "undoing")
        journal.append("s", "undone")
        assert journal.outputs("s") == {}

        journal.append("s", "acted", {"outputs": {"id": "vpc-2"}})
        journal.append("s", "learned", {"outputs": {"host": "h"}})

        assert journal.outputs("s") == {"id": "vpc-2", "host": "h"}
        assert journal.incarnation("s") == 1
        assert journal.state("s") == "acted"


def test_what_a_key_calls_secret_is_not_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append(
            "s", "acting", {"params": {"SecretString": "hunter2", "MasterUserPassword": "hunter2", "b": b"hunter2"}}
        )

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hunter2" not in written
    assert b"(binary, 7 bytes)" in written


def test_the_head_changes_with_what_is_done_and_not_with_opening(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("s", "acting")
        before = journal.head()

    with Journal(tmp_path / "journal.db") as journal:
        assert journal.head() == before
        journal.append("s", "acted")
        assert journal.head() != before


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append("a:create", "acting")
        assert journal._db is not None
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(FileError, match=r"journal\.db cannot be written: database or disk is full") as refused:
            journal.append("a:create", "acted", {"said": "x" * 20_000})

    assert "make room" in refused.value.do
    with Journal(tmp_path / "journal.db") as journal:
        assert journal.state("a:create") == "acting"
