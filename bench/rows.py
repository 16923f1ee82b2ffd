"""The checksum that proves a table's rows against a full scan of the same table, side by side on a real PostgreSQL.

The scan counts every column (`SELECT count(a), count(b), …`): it takes each row apart and makes nothing of it. Goal:
the checksum takes at most 1.5 times as long. Two tables of ten million rows: the one that PostgreSQL's own benchmark
measures with (pgbench_accounts at scale 100), and one of nine columns, each of another type, among them numeric and
jsonb, whose exact values have to be written out. Also printed: `count(*)`, which reads no column, `COPY … TO STDOUT`,
which writes every value out as reading them by a client would; the floor of any hash in SQL (PostgreSQL's own function
for each type, added up, with nothing done about the values that these take for equal: -5 and 5, NaN and Infinity); and
scan and checksum with the table's files taken out of the system's memory first, as after a restore: from this machine's
disk, and from one that the kernel lets give no more than a gp3 volume's baseline (root and its block-io controller are
needed for that; without them it says so). All of a table in one run, alternating, the best of three.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from migrate.carry import postgres, postgres_rows
from migrate.demo.postgres import Database, Fleet

QUICK = os.environ.get("BENCH") == "quick"
ROWS = 1_000_000 if QUICK else 10_000_000
GOAL, TIMES, STEP = 1.5, 3, 1_000_000
GP3_BYTES_S = 125 * 2**20
"""What an RDS volume of type gp3 gives below 400 GiB, which most small companies' databases are read from. Source: RDS
user guide, Amazon RDS DB instance storage, gp3; read 2026-09."""
CONTROLLER = Path("/sys/fs/cgroup/blkio")
SCAN, PROOF = "scan: count of every column", "checksum as the proof reads it"
FROM_DISK, FROM_GP3 = ", from disk", ", at 125 MiB/s"


@dataclass(frozen=True)
class Sample:
    """A table: how it is made, how rows {0} to {1} are put in, its columns, PostgreSQL's own hash of all of them."""

    name: str
    made: str
    filled: str
    columns: tuple[str, ...]
    floor: str


SAMPLES = (
    # Definition and values as `pgbench -i -s 100` makes them.
    Sample(
        "pgbench_accounts",
        "(aid int NOT NULL, bid int, abalance int, filler char(84)) WITH (fillfactor = 100)",
        "SELECT n, (n - 1) / 100000 + 1, 0, '' FROM generate_series({0}, {1}) n",
        ("aid", "bid", "abalance", "filler"),
        "hashint4extended(aid, 1) # hashint4extended(bid, 1) # hashint4extended(abalance, 1)"
        ' # hashbpcharextended(filler COLLATE "C", 1)',
    ),
    Sample(
        "orders",
        """(id bigint PRIMARY KEY, customer int NOT NULL, note text, total numeric(12,2), at timestamptz NOT NULL,
        paid bool, uid uuid NOT NULL, data jsonb, weight float8)""",
        """SELECT n, n % 1000, 'order number ' || n || ' for somebody', n * 1.25,
        '2024-01-01'::timestamptz + n * interval '1 s', n % 2 = 0, md5(n::text)::uuid,
        CASE WHEN n % 4 = 0 THEN jsonb_build_object('n', n, 'colour', 'red') END, n * 0.1
        FROM generate_series({0}, {1}) n""",
        ("id", "customer", "note", "total", "at", "paid", "uid", "data", "weight"),
        """hashint8extended(id, 1) # hashint4extended(customer, 1) # hashtextextended(note, 1)
        # hash_numeric_extended(total, 1) # timestamp_hash_extended(timezone(interval '0', at), 1)
        # hashint4extended(paid::int, 1) # uuid_hash_extended(uid, 1) # coalesce(jsonb_hash_extended(data, 1), 0)
        # hashfloat8extended(weight, 1)""",
    ),
)


def main() -> int:
    """Measure each table; 1 where one misses the goal."""
    with tempfile.TemporaryDirectory() as name:
        fleet = Fleet(Path(name))
        try:
            database = fleet.create(user="shop", password="secret", name="shop")
            return max([measure(database, sample) for sample in SAMPLES])
        finally:
            fleet.close()


def measure(database: Database, sample: Sample) -> int:
    """Fill the table, take turns, and leave the database as it was."""
    link = connect(database)
    link.execute(f"CREATE TABLE {sample.name} {sample.made}".encode())
    for first in range(1, ROWS + 1, STEP):
        link.execute(f"INSERT INTO {sample.name} {sample.filled.format(first, first + STEP - 1)}".encode())
    link.execute(f"VACUUM ANALYZE {sample.name}".encode())
    size = link.execute("SELECT pg_table_size(%s)", [sample.name]).fetchone()[0]
    workers = link.execute("SHOW max_parallel_workers_per_gather").fetchone()[0]
    print(
        f"{sample.name}: {ROWS:,} rows, {size / 2**20:,.0f} MiB, {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f}, up to {workers} parallel workers a query"
    )
    ways = every_way(database, link, sample)
    best: dict[str, float] = {}
    for _ in range(TIMES):
        for way, work in ways.items():
            if way.endswith((FROM_DISK, FROM_GP3)):
                evict(database)
            with as_slow_as_gp3(database) if way.endswith(FROM_GP3) else nullcontext():
                started = time.perf_counter()
                work()
                best[way] = min(best.get(way, 1e9), time.perf_counter() - started)
    link.execute(f"DROP TABLE {sample.name}".encode())
    link.close()
    base = best[SCAN]
    for way, took in best.items():
        print(f"  {way:<48}{took:8.2f} s {took / base:6.2f} x the scan {took / best['COPY to a client']:6.2f} x COPY")
    for where in ("", FROM_DISK, FROM_GP3):
        if SCAN + where in best:
            ratio = best[PROOF + where] / best[SCAN + where]
            print(f"{sample.name}{where or ', in memory'}: checksum / scan = {ratio:.2f}, goal {GOAL}")
    print(f"load average {os.getloadavg()[0]:.1f}")
    return int(best[PROOF] / base > GOAL)


def every_way(database: Database, link: Any, sample: Sample) -> dict[str, Callable[[], None]]:
    """What is measured on a table, by what it is called."""
    (table,) = postgres_rows.tables(link)

    def query(text: Any) -> Callable[[], None]:
        return lambda: link.execute(text).fetchone() and None

    def copy() -> None:
        with link.cursor().copy(f"COPY {sample.name} TO STDOUT".encode()) as out:
            for _ in out:
                pass

    counts = ", ".join(f"count({column})" for column in sample.columns)
    scan = query(f"SELECT {counts} FROM {sample.name}".encode())
    ways: dict[str, Callable[[], None]] = {
        "count(*)": query(f"SELECT count(*) FROM {sample.name}".encode()),
        SCAN: scan,
        "COPY to a client": copy,
        "floor: PostgreSQL's own hash of every value": query(
            f"SELECT sum({sample.floor})::text FROM {sample.name}".encode()
        ),
        "checksum, one query": query(postgres_rows.digest_query(table, "columns")),
        "checksum of the text, one query": query(postgres_rows.digest_query(table, "text")),
        PROOF: lambda: prove(database, sample),
    }
    if hasattr(os, "posix_fadvise"):  # macOS has no such call
        ways |= {SCAN + FROM_DISK: scan, PROOF + FROM_DISK: ways[PROOF]}
        if can_be_slowed(database):
            ways |= {SCAN + FROM_GP3: scan, PROOF + FROM_GP3: ways[PROOF]}
        else:
            print("  not measured: a disk as slow as gp3 (no block-io controller to write to)")
    return ways


@contextmanager
def as_slow_as_gp3(database: Database) -> Iterator[None]:
    """The kernel gives the server and whatever it forks no more than a gp3 volume would."""
    assert database.process is not None
    device = os.stat(database.folder).st_dev
    group = CONTROLLER / f"migrate-bench-{os.getpid()}"
    group.mkdir()
    try:
        limit = f"{os.major(device)}:{os.minor(device)} {GP3_BYTES_S}"
        (group / "blkio.throttle.read_bps_device").write_text(limit)
        move(database.process.pid, group)
        yield
    finally:
        move(database.process.pid, CONTROLLER)
        group.rmdir()


def can_be_slowed(database: Database) -> bool:
    """Whether this kernel, for this user and this folder's device, slows a disk at all."""
    try:
        with as_slow_as_gp3(database):
            return True
    except OSError:
        return False


def move(server: int, group: Path) -> None:
    """Put a server and its processes into a group of the controller."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    for process in (str(server), *children):
        # One that ends by itself meanwhile is no longer there to be moved.
        with suppress(OSError):
            (group / "cgroup.procs").write_text(process)


def evict(database: Database) -> None:
    """Take the server's files out of the system's memory; its own 16 MiB stay."""
    for path in (database.folder / "base").rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def prove(database: Database, sample: Sample) -> None:
    """Everything that the proof reads of one side: definitions too, and large tables over several connections."""
    found = postgres.read("legacy", lambda _: connect(database), "shop")
    assert found.rows == {f"public.{sample.name}": ROWS}, found.unread


def connect(database: Database) -> Any:
    """A connection of the owner."""
    return psycopg.connect(
        host="127.0.0.1", port=database.port, user="shop", password="secret", dbname="shop", autocommit=True
    )
