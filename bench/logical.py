"""PostgreSQL: the copy of a subscription beside pg_dump and pg_restore with as many jobs, in one run, on two servers.

Measured is what fills the target's tables: for the subscription from its making until every table is followed, for the
others from the beginning of the dump to the end of the restore. The servers are of the embedded world (no fsync).
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from migrate.carry import logical, logical_indexes
from migrate.demo.postgres import Database, Fleet

USER, PASSWORD, GOAL, JOBS, TIMES = "shop", "secret", 1.2, 2, 5
TABLES = 4
ROWS = 60_000 if os.environ.get("BENCH") == "quick" else 300_000
SCHEMA = ";".join(
    f"CREATE TABLE t{n} (id bigint PRIMARY KEY, at timestamptz, word text, total numeric(12,2));"
    f"CREATE INDEX ON t{n} (at);"
    f"INSERT INTO t{n} SELECT i, now() + i * interval '1 s', md5(i::text) || md5((i * {n + 2})::text), i * 1.5"
    f" FROM generate_series(1, {ROWS}) i"
    for n in range(TABLES)
)


def _connect(database: Database) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host="127.0.0.1", port=database.port, user=USER, password=PASSWORD, dbname="shop", autocommit=True
    )


def _took(what: Callable[[], None]) -> float:
    started = time.monotonic()
    what()
    return time.monotonic() - started


def _by_dump(programs: Path, legacy: Database, target: Database, folder: Path) -> None:
    for words in (
        ["pg_dump", "-p", str(legacy.port), "-Fd", "-j", str(JOBS), "-Z", "0", "-f", str(folder), "shop"],
        ["pg_restore", "-p", str(target.port), "-j", str(JOBS), "-d", "shop", str(folder)],
    ):
        command = [str(programs / words[0]), "-h", "127.0.0.1", "-U", USER, *words[1:]]
        subprocess.run(command, check=True, env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin"}, capture_output=True)


def _by_subscription(legacy: Database, target: Database) -> None:
    with _connect(legacy) as one, _connect(target) as other:
        name = logical.own_name("bench", "shop")
        logical.begin(one, other, name, ("127.0.0.1", legacy.port))
        while logical_indexes.build(one, other, name) or not logical.progress(one, other, name).copied:
            time.sleep(0.05)


def main() -> int:
    """Print both times and their ratio; 1 where the goal is missed."""
    home = Path(tempfile.mkdtemp(prefix="bench-logical-"))
    fleet = Fleet(home)
    try:
        parameters = {"wal_level": "logical", "max_wal_size": "4GB"}
        legacy = fleet.create(user=USER, password=PASSWORD, name="shop", parameters=parameters)
        with _connect(legacy) as link:
            link.execute(SCHEMA.encode())
            size = link.execute("SELECT pg_database_size('shop')").fetchone()
        snapshot = fleet.snapshot(legacy)
        times: list[tuple[float, float]] = []
        for _ in range(TIMES):
            empty = fleet.create(user=USER, password=PASSWORD, name="shop", parameters={"max_wal_size": "4GB"})
            restored = fleet.restore(snapshot, {"max_wal_size": "4GB"})
            folder = home / "dump"
            dumped = _took(lambda: _by_dump(fleet.programs, legacy, empty, folder))  # noqa: B023
            copied = _took(lambda: _by_subscription(legacy, restored))  # noqa: B023
            with _connect(legacy) as one, _connect(restored) as other:
                logical.end_in_target(other, logical.own_name("bench", "shop"))
                logical.end_in_legacy(one, logical.own_name("bench", "shop"), "")
            shutil.rmtree(folder)
            fleet.delete(empty)
            fleet.delete(restored)
            times.append((dumped, copied))
            print(f"pg_dump | pg_restore -j {JOBS}: {dumped:.1f} s; subscription: {copied:.1f} s")
        rows = f"{TABLES} tables of {ROWS:,} rows, {int(str(size[0])) / 1e6 if size else 0:.0f} MB"
        # The best of each: on a machine that others use, the rest measures them.
        dumped, copied = (min(took) for took in zip(*times, strict=True))
        ratio = copied / dumped
        print(f"{rows}: {copied:.2f} s / {dumped:.2f} s = {ratio:.2f} x of pg_dump | pg_restore -j {JOBS}, best of")
        print(f"{TIMES} each, in turn; goal: at most {GOAL} x; load average {os.getloadavg()[0]:.1f}")
        return int(ratio > GOAL)
    finally:
        fleet.close()
        shutil.rmtree(home, ignore_errors=True)
