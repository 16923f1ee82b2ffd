"""Prove that two PostgreSQL servers hold the same: every database, table, row, sequence and definition.

The rule: each side is read in one snapshot of it (repeatable-read, read-only transactions that share an exported
snapshot), digests are computed by the server, and no row leaves it; where a table differs, its keys do, or their
hashes. What could not be read is said by name and is never called equal. A proof that was cut short is made again from
its beginning: it has read only, and half of an older snapshot proves nothing.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Literal

from migrate.carry import postgres_catalogue as catalogue
from migrate.carry import postgres_rows
from migrate.carry.postgres_contents import GRANT, VALUE, Contents, differences, digest, is_content, named
from migrate.carry.postgres_keys import name_keys
from migrate.carry.postgres_row_hash import Way
from migrate.carry.postgres_rows import CHUNK_BLOCKS, CONNECTIONS, Table
from migrate.kind import Proof
from migrate.values import Json

Open = Callable[[str], Any]
"""Give an open connection to a database by name, or None where none can be made."""
Together = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]
SHOWN = 200
NARROWED = 50
"""In how many tables that differ the keys are looked for: each is read twice more."""
COMPARED = ("databases", "tables", "rows", "sequences", "definitions", "owners and grants", "roles")


class NotReadable(Exception):
    """A whole side could not be read; the message says why."""


def prove(open_legacy: Open, open_target: Open, first: str, *, together: Together | None = None) -> Proof:
    """Compare all databases of two servers. `first` is a database that is known to be there.

    Evidence, by database: rows and digest of every table on both sides, seconds, and how rows were hashed.
    """
    run = together or _one_by_one
    sides = (("legacy", open_legacy), ("the target", open_target))
    try:
        lists = run(lambda side: databases(side[0], side[1], first), sides)
    except NotReadable as error:
        return Proof("could not be proved", (), (str(error),))
    differing = [f"database {name}: only in legacy" for name in sorted(set(lists[0]) - set(lists[1]))]
    differing += [f"database {name}: only in the target" for name in sorted(set(lists[1]) - set(lists[0]))]
    unread: list[str] = []
    evidence: dict[str, Json] = {}
    for database in sorted(set(lists[0]) & set(lists[1])):
        try:
            found = _prove_database(database, sides, run)
        except NotReadable as error:
            unread.append(str(error))
            continue
        differing += [f"{database}: {text}" for text in found[0]]
        unread += [f"{database}: {text}" for text in found[1]]
        evidence[database] = found[2]
    state: Literal["equal", "different", "could not be proved"] = "equal"
    if differing:
        state = "different"
    elif unread:
        state = "could not be proved"
    # Rows come before definitions: what is left out of a long list must not be the loss.
    listed = sorted(differing + unread, key=lambda line: not is_content(line, evidence))
    more = (f"and {len(listed) - SHOWN} more",) if len(listed) > SHOWN else ()
    return Proof(state, COMPARED, (*listed[:SHOWN], *more), evidence)


def _prove_database(
    database: str, sides: tuple[tuple[str, Open], ...], run: Together
) -> tuple[list[str], list[str], dict[str, Json]]:
    """Differences, what could not be read, and evidence."""
    with ExitStack() as closing:
        one, other = (Reading(side, connect, database) for side, connect in sides)
        closing.callback(one.close)
        closing.callback(other.close)
        run(lambda reading: reading.open(), (one, other))
        way = postgres_rows.common_way(*run(lambda reading: reading.probed(), (one, other)))
        legacy, target = run(lambda reading: reading.read(way), (one, other))
        differing: list[str] = []
        to_narrow = NARROWED if way else 0
        for item, text in differences(legacy, target):
            differing.append(text)
            name = item.removeprefix("rows of ")
            if way and to_narrow and name != item and name in legacy.tables and name in target.tables:
                to_narrow -= 1
                differing.append(_keys((legacy.tables[name][0], target.tables[name][0]), (one, other), way, run))
    unread = [
        f"{item}: could not be read in {side}: {why}"
        for side, contents in (("legacy", legacy), ("the target", target))
        for item, why in sorted(contents.unread.items())
    ]
    return differing, unread, _evidence(legacy, target, way)


def _keys(tables: tuple[Table, Table], readings: tuple["Reading", "Reading"], way: Way, run: Together) -> str:
    """The keys in which two tables differ, as one line."""
    import psycopg

    def ask(query: Callable[[Table], Any]) -> tuple[list[Any], list[Any]]:
        one, other = run(lambda pair: pair[0].fetch(query(pair[1])), zip(readings, tables, strict=True))
        return one, other

    try:
        return name_keys(*tables, way, ask)
    except psycopg.Error as error:
        return f"keys of {tables[0]}: could not be named: {said(error)}"


def _evidence(legacy: Contents, target: Contents, way: Way | None) -> dict[str, Json]:
    """Counts, digests, seconds and the query of one table, from which the others' differ by their columns only."""
    shown = next(iter(legacy.tables.values()), None) if way else None
    return {
        "tables": len(legacy.rows),
        "rows": sum(legacy.rows.values()),
        "rows_by_table": dict(sorted(legacy.rows.items())[:SHOWN]),
        "legacy": digest(legacy),
        "target": digest(target),
        "hashed as": way,
        "seconds": {"legacy": round(legacy.took_s, 3), "target": round(target.took_s, 3)},
        "query": postgres_rows.digest_query(shown[0], way).as_string(None) if shown and way else None,
        "by table": {
            name: {
                side: {"rows": found.rows, "sum": str(found.total), "seconds": round(found.took_s, 3)}
                for side, contents in (("legacy", legacy), ("target", target))
                for _, found in [contents.tables.get(name, (None, None))]
                if found is not None
            }
            for name in sorted(legacy.tables.keys() | target.tables.keys())
        },
        "sequences": {
            item.removeprefix(VALUE): {"legacy": value, "target": target.items.get(item)}
            for item, value in sorted(legacy.items.items())
            if item.startswith(VALUE)
        },
    }


class Reading:
    """One side of one database in one snapshot, over one connection, and more of them for large tables.

    Raises NotReadable where a connection is lost or was never made.
    """

    def __init__(self, side: str, connect: Open, database: str) -> None:
        self._side, self._connect, self._database = side, connect, database
        self._crew: list[Any] = []
        self._contents = Contents()

    def open(self) -> None:
        """Make the first connection, and the snapshot."""
        self._crew.append(opened(self._side, self._connect, self._database))
        self._lost(lambda: begin(self._crew[0]))

    def close(self) -> None:
        """End the transactions and the connections."""
        for connection in self._crew:
            connection.close()

    def probed(self) -> dict[Way, str]:
        """What each way of hashing gives on this server."""
        found: dict[Way, str] = self._lost(lambda: postgres_rows.probed(self._crew[0]))
        return found

    def fetch(self, query: Any) -> list[Any]:
        """Run one query in the snapshot. Raises psycopg.Error; the snapshot stays where the connection does."""
        import psycopg

        leader = self._crew[0]
        leader.execute("SAVEPOINT one")
        try:
            rows = list(leader.execute(query).fetchall())
        except psycopg.Error:
            if not leader.broken:
                leader.execute("ROLLBACK TO SAVEPOINT one")
            raise
        leader.execute("RELEASE SAVEPOINT one")
        return rows

    def read(self, way: Way | None) -> Contents:
        """Read everything; with no way of hashing that both servers share, rows are said to be unread."""
        started = time.monotonic()
        self._lost(lambda: self._read(way))
        self._contents.took_s = time.monotonic() - started
        return self._contents

    def _read(self, way: Way | None) -> None:
        leader, contents = self._crew[0], self._contents
        _definitions(leader, contents)
        _sequences(leader, contents)
        tables = postgres_rows.tables(leader)
        if way is None:
            for table in tables:
                item = f"rows of {named(table.schema, table.name)}"
                contents.unread[item] = "the two servers hash the same row differently"
        else:
            version = leader.info.server_version
            work = postgres_rows.chunks(tables, server_version=version)
            if len(work) > 1 and sum(table.blocks for table in tables) > CHUNK_BLOCKS:
                self._more(min(CONNECTIONS, len(work)) - 1)
            found = postgres_rows.digests(self._crew, work, way, lambda c, item, q: _tried(c, contents, item, q))
            for table in tables:
                name = named(table.schema, table.name)
                item = f"rows of {name}"
                if table not in found:
                    contents.unread[item] = contents.unread.get(f"rows of {table}", "it was refused")
                    continue
                contents.items[item] = str(found[table])
                contents.rows[name] = found[table].rows
                contents.tables[name] = table, found[table]
                if table.is_unlogged:
                    contents.unlogged.add(item)
        _large_objects(leader, contents)

    def _more(self, count: int) -> None:
        """Further connections to the same snapshot; where the server has no room for them, fewer do."""
        import psycopg

        snapshot = self._crew[0].execute("SELECT pg_export_snapshot()").fetchone()[0]
        for _ in range(count):
            try:
                connection = opened(self._side, self._connect, self._database)
            except NotReadable:
                return
            try:
                begin(connection, snapshot)
            except psycopg.Error:
                connection.close()
                return
            self._crew.append(connection)

    def _lost(self, what: Callable[[], Any]) -> Any:
        import psycopg

        try:
            return what()
        except psycopg.OperationalError as error:
            self.close()
            raise NotReadable(f"{self._database} in {self._side}: the connection was lost: {said(error)}") from error


def read(side: str, connect: Open, database: str) -> Contents:
    """Read one database in one snapshot of it. Raises NotReadable where the connection is lost or was never made."""
    reading = Reading(side, connect, database)
    try:
        reading.open()
        return reading.read("columns" if "columns" in reading.probed() else "text")
    finally:
        reading.close()


def begin(connection: Any, snapshot: str = "") -> None:
    """Begin to read: in a snapshot of its own, or in another connection's."""
    from psycopg import sql

    if not connection.autocommit:
        connection.rollback()
        connection.autocommit = True
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if snapshot:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    for setting in catalogue.SESSION:
        connection.execute(setting)


def databases(side: str, connect: Open, first: str) -> list[str]:
    import psycopg

    connection = opened(side, connect, first)
    try:
        with connection:
            return [str(row[0]) for row in connection.execute(catalogue.DATABASES).fetchall()]
    except psycopg.OperationalError as error:
        raise NotReadable(f"{first} in {side}: the connection was lost: {said(error)}") from error


def opened(side: str, connect: Open, database: str) -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise NotReadable("psycopg is not installed: pip install 'migrate-aws[postgres]'") from error
    try:
        connection = connect(database)
    except psycopg.OperationalError as error:
        raise NotReadable(f"{database} in {side}: no connection: {said(error)}") from error
    if connection is None:
        raise NotReadable(f"{database} in {side}: no connection can be made from here (no login or no tunnel)")
    return connection


def _one_by_one(what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    return [what(item) for item in items]


def _definitions(connection: Any, contents: Contents) -> None:
    for since, query in catalogue.STALE_COLLATIONS:
        if connection.info.server_version >= since:
            for (name,) in _tried(connection, contents, "every collation's version", query):
                contents.items[f"order of text of collation {name}"] = "stale"
    for name, granted in _tried(connection, contents, "every grant", catalogue.GRANTS):
        contents.items[f"{GRANT}{name}"] = str(granted)
    for sort, query in catalogue.DEFINITIONS.items():
        found = _tried(connection, contents, f"every {sort}", query)
        seen: dict[str, int] = {}
        for name, definition in sorted((str(row[0]), str(row[1])) for row in found):
            # Names need not be unique (two casts of one pair, say): each gets its number, in order of content.
            seen[name] = seen.get(name, 0) + 1
            again = f" ({seen[name]})" if seen[name] > 1 else ""
            contents.items[f"{sort} {name}{again}"] = hashlib.sha256(definition.encode()).hexdigest()


def _sequences(connection: Any, contents: Contents) -> None:
    from psycopg import sql

    for schema, name in connection.execute(catalogue.SEQUENCES).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        item = f"{VALUE}{named(schema, name)}"
        for last_value, is_called in _tried(connection, contents, item, query):
            contents.items[item] = f"{last_value}/{is_called}"


def _large_objects(connection: Any, contents: Contents) -> None:
    query = (
        "SELECT count(*), coalesce(sum(hashtextextended(oid::text || ':' || encode(lo_get(oid), 'hex')"
        ' COLLATE "C", 0)), 0)::text FROM pg_largeobject_metadata'
    )
    for count, total in _tried(connection, contents, "large objects", query):
        contents.items["large objects"] = f"{count}/{total}"


def _tried(connection: Any, contents: Contents, item: str, query: Any) -> list[Any]:
    """Run one query; a refusal is kept by name, and the transaction goes on."""
    import psycopg

    connection.execute("SAVEPOINT one")
    try:
        found = list(connection.execute(query).fetchall())
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        connection.execute("ROLLBACK TO SAVEPOINT one")
        contents.unread[item] = said(error)
        return []
    connection.execute("RELEASE SAVEPOINT one")
    return found


def said(error: Exception) -> str:
    """The first line: the rest may hold values."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
