"""The checksum that proves a table's rows against a full scan of the same table, side by side on a real PostgreSQL.

The scan counts every column (`SELECT count(a), count(b), …`): it takes each row apart and makes nothing of it. Goal:
the checksum takes at most 1.5 times as long. Also printed: `count(*)`, which reads no column, `COPY … TO STDOUT`, which
writes every value out as reading them by a client would; the floor of any hash in SQL (PostgreSQL's own function for
each type, added up, with nothing done about the values that these take for equal: -5 and 5, NaN and Infinity); and scan
and checksum with the table's files taken out of the system's memory first, as after a restore. All in one run,
alternating, the best of three.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from migrate.carry import postgres, postgres_rows
from migrate.demo.postgres import Database, Fleet

QUICK = os.environ.get("BENCH") == "quick"
ROWS = 1_000_000 if QUICK else 10_000_000
GOAL, TIMES = 1.5, 3
COLUMNS = ["id", "customer", "note", "total", "at", "paid", "uid", "data", "weight"]
TABLE = """CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, note text, total numeric(12,2),
    at timestamptz NOT NULL, paid bool, uid uuid NOT NULL, data jsonb, weight float8)"""
FLOOR = """SELECT sum(hashint8extended(id, 1) # hashint4extended(customer, 1) # hashtextextended(note, 1)
    # hash_numeric_extended(total, 1) # timestamp_hash_extended(timezone(interval '0', at), 1)
    # hashint4extended(paid::int, 1) # uuid_hash_extended(uid, 1) # coalesce(jsonb_hash_extended(data, 1), 0)
    # hashfloat8extended(weight, 1))::text FROM orders"""
FILL = """INSERT INTO orders SELECT n, n % 1000, 'order number ' || n || ' for somebody', n * 1.25,
    '2024-01-01'::timestamptz + n * interval '1 s', n % 2 = 0, md5(n::text)::uuid,
    CASE WHEN n % 4 = 0 THEN jsonb_build_object('n', n, 'colour', 'red') END, n * 0.1 FROM generate_series({}, {}) n"""


def main() -> int:
    """Measure; 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as name:
        fleet = Fleet(Path(name))
        try:
            return measure(fleet.create(user="shop", password="secret", name="shop"))
        finally:
            fleet.close()


def measure(database: Database) -> int:
    """Fill a table, then take turns."""
    link = connect(database)
    link.execute(TABLE)
    for first in range(1, ROWS + 1, 1_000_000):
        link.execute(FILL.format(first, first + 999_999).encode())
    link.execute("VACUUM ANALYZE orders")
    size = link.execute("SELECT pg_table_size('orders')").fetchone()[0]
    workers = link.execute("SHOW max_parallel_workers_per_gather").fetchone()[0]
    print(
        f"{ROWS:,} rows, {size / 2**20:,.0f} MiB, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f},",
        end=" ",
    )
    print(f"up to {workers} parallel workers a query")
    (table,) = postgres_rows.tables(link)

    def query(text: Any) -> Callable[[], None]:
        return lambda: link.execute(text).fetchone() and None

    def copy() -> None:
        with link.cursor().copy("COPY orders TO STDOUT") as out:
            for _ in out:
                pass

    scan = "SELECT " + ", ".join(f"count({column})" for column in COLUMNS) + " FROM orders"
    ways: dict[str, Callable[[], None]] = {
        "count(*)": query(b"SELECT count(*) FROM orders"),
        "scan: count of every column": query(scan.encode()),
        "COPY to a client": copy,
        "floor: PostgreSQL's own hash of every value": query(FLOOR.encode()),
        "checksum, one query": query(postgres_rows.digest_query(table, "columns")),
        "checksum of the text, one query": query(postgres_rows.digest_query(table, "text")),
        "checksum as the proof reads it": lambda: prove(database),
    }
    scanned, proved = "scan: count of every column", "checksum as the proof reads it"
    can_evict = hasattr(os, "posix_fadvise")  # macOS has no such call
    ways |= {f"{way}, from disk": ways[way] for way in (scanned, proved) if can_evict}
    best: dict[str, float] = {}
    for _ in range(TIMES):
        for way, work in ways.items():
            if way.endswith("from disk"):
                evict(database)
            started = time.perf_counter()
            work()
            best[way] = min(best.get(way, 1e9), time.perf_counter() - started)
    link.close()
    base = best[scanned]
    for way, took in best.items():
        print(f"  {way:<44}{took:8.2f} s {took / base:6.2f} x the scan {took / best['COPY to a client']:6.2f} x COPY")
    ratio = best[proved] / base
    if can_evict:
        cold = best[f"{proved}, from disk"] / best[f"{scanned}, from disk"]
        print(f"from disk: checksum / scan = {cold:.2f}")
    print(f"checksum / scan = {ratio:.2f}, goal {GOAL}; load average {os.getloadavg()[0]:.1f}")
    return int(ratio > GOAL)


def evict(database: Database) -> None:
    """Take the server's files out of the system's memory; its own 16 MiB stay."""
    for path in (database.folder / "base").rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def prove(database: Database) -> None:
    """Everything that the proof reads of one side: definitions too, and large tables over several connections."""
    found = postgres.read("legacy", lambda _: connect(database), "shop")
    assert found.rows == {"public.orders": ROWS}, found.unread


def connect(database: Database) -> Any:
    """A connection of the owner."""
    return psycopg.connect(
        host="127.0.0.1", port=database.port, user="shop", password="secret", dbname="shop", autocommit=True
    )
