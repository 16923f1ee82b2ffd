"""Digest the rows of tables inside PostgreSQL: a count and an order-independent sum of row hashes for each table.

The rule: rows stay in the server; a digest depends on what rows say and on nothing else (order, place, age, settings).

A row's hash (postgres_row_hash) has 64 bits. Two ways to make it, the same on both sides: `columns` hashes each value
in its own type (PostgreSQL 14 and newer, two to three times as fast), `text` hashes the row's text form. A probe on
both servers says whether a way means the same on both.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from migrate.carry.postgres_row_hash import Column, Way, probe, row_hash

COLUMNS_SINCE = 140000
"""date_bin, hashes of records and scans of a range of ctids are there since 14. Source: PostgreSQL 14 release notes."""
CONNECTIONS = 4
CHUNK_BLOCKS = 8_192
"""64 MiB of 8 KiB blocks: what one connection takes at a time, so that the last of them do not work alone for long."""
PLAIN_KEYS = frozenset({"int2", "int4", "int8", "oid", "uuid"})
"""Key values that a report may show: numbers and uuids. Others (an e-mail) may say something of a person."""
INTEGERS = frozenset({"int2", "int4", "int8"})

TABLES = """
WITH RECURSIVE base(type, root) AS (
    SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
    UNION ALL SELECT t.oid, b.root FROM pg_type t JOIN base b ON t.typtype = 'd' AND t.typbasetype = b.type
), keys AS (
    SELECT DISTINCT ON (i.indrelid) i.indrelid,
        (SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts) AS names
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND (i.indisprimary OR (i.indimmediate AND NOT EXISTS (
        SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.at <= i.indnkeyatts AND NOT a.attnotnull)))
    ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, x.relname
)
SELECT n.nspname::text, c.relname::text, c.relpersistence = 'u',
    coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int, k.names,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    (SELECT array_agg(CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace
         AND (t.typname <> 'bpchar' OR a.atttypmod > 0) THEN t.typname::text ELSE '' END ORDER BY a.attnum)
     FROM pg_attribute a JOIN base b ON b.type = a.atttypid JOIN pg_type t ON t.oid = b.root
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN keys k ON k.indrelid = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table that holds rows itself: an ordinary one, a partition, a parent or child of inheritance."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    """Of the primary key, else of a unique index over columns that are never null; else nothing."""
    blocks: int
    is_unlogged: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Digest:
    """What a table holds: rows, the sum of their hashes, and how long reading took, in seconds over all its chunks."""

    rows: int
    total: int
    took_s: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        return f"{self.rows}/{self.total}"


def tables(connection: Any) -> list[Table]:
    """Every table of the database, with columns and key as the catalogue of this snapshot says."""
    found = []
    for schema, name, is_unlogged, blocks, key, names, types in connection.execute(TABLES).fetchall():
        columns = {n: Column(n, t) for n, t in zip(names or (), types or (), strict=True)}
        own = tuple(columns[n] for n in key or ())
        found.append(Table(schema, name, tuple(columns.values()), own, int(blocks), is_unlogged))
    return found


def probed(connection: Any) -> dict[Way, str]:
    """What each way of hashing gives on this server for one row of every type; a way it lacks is not there."""
    ways: tuple[Way, ...] = ("columns", "text") if connection.info.server_version >= COLUMNS_SINCE else ("text",)
    return {way: str(connection.execute(probe(way)).fetchone()[0]) for way in ways}


def common_way(one: dict[Way, str], other: dict[Way, str]) -> Way | None:
    """The faster way that means the same on both servers, or None."""
    for way in ("columns", "text"):
        if way in one and one[way] == other.get(way):
            return way
    return None


def digest_query(table: Table, way: Way, first: int | None = None, end: int | None = None) -> Any:
    """Count and sum of a table, or of its blocks from `first` up to (not including) `end`.

    ONLY, so that a row of a partition counts once.
    """
    from psycopg import sql

    bounds = []
    if first is not None:
        bounds.append(sql.SQL("m.ctid >= {}::tid").format(sql.Literal(f"({first},0)")))
    if end is not None:
        bounds.append(sql.SQL("m.ctid < {}::tid").format(sql.Literal(f"({end},0)")))
    where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(bounds) if bounds else sql.SQL("")
    return (
        sql.SQL("SELECT count(*), coalesce(sum({}), 0)::text FROM ONLY {} AS m").format(
            row_hash(table.columns, way), sql.Identifier(table.schema, table.name)
        )
        + where
    )


Chunk = tuple[Table, int | None, int | None]


def chunks(every: Iterable[Table], *, server_version: int, blocks: int = CHUNK_BLOCKS) -> list[Chunk]:
    """What is read at a time, the largest tables first; sums of chunks add up to the sum of the table.

    The last chunk has no end: the table may have grown since its size was read.
    """
    made: list[Chunk] = []
    for table in sorted(every, key=lambda t: -t.blocks):
        if table.blocks <= blocks or server_version < COLUMNS_SINCE:
            made.append((table, None, None))
            continue
        starts = range(0, table.blocks, blocks)
        made += [(table, at or None, at + blocks if at != starts[-1] else None) for at in starts]
    return made


def digests(
    crew: list[Any],
    work: list[Chunk],
    way: Way,
    tried: Callable[[Any, str, Any], list[Any]],
) -> dict[Table, Digest]:
    """Digest all chunks over connections that share one snapshot.

    `tried(connection, item, query)` runs a query and gives [] where it was refused: that table is then left out.
    Raises what `tried` raises; the other connections stop after the chunk they are at.
    """
    waiting: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
    for chunk in work:
        waiting.put(chunk)
    found: dict[Table, Digest] = {}
    refused: set[Table] = set()
    stopped = threading.Event()
    lock = threading.Lock()

    def take(connection: Any) -> None:
        while not stopped.is_set():
            try:
                table, first, end = waiting.get_nowait()
            except queue.Empty:
                return
            started = time.monotonic()
            answer = tried(connection, f"rows of {table}", digest_query(table, way, first, end))
            took_s = time.monotonic() - started
            with lock:
                if not answer:
                    refused.add(table)
                for count, total in answer:
                    before = found.get(table, Digest(0, 0))
                    found[table] = Digest(before.rows + count, before.total + int(total), before.took_s + took_s)

    with ThreadPoolExecutor(len(crew)) as pool:
        working = [pool.submit(take, connection) for connection in crew]
        wait(working, return_when=FIRST_EXCEPTION)
        stopped.set()
    for one in working:
        one.result()
    return {table: digest for table, digest in found.items() if table not in refused}
