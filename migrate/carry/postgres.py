"""Prove that two PostgreSQL servers hold the same: every database, table, row, sequence and definition.

The rule: each side is read in one repeatable-read, read-only transaction, digests are computed by the server, and
no row leaves it. What could not be read is said by name and is never called equal.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from migrate.carry.postgres_catalogue import DATABASES, DEFINITIONS, RELATIONS, SEQUENCES, SESSION
from migrate.kind import Proof
from migrate.values import Json

Open = Callable[[str], Any]
"""Give an open connection to a database by name, or None where none can be made."""
SHOWN = 200


class NotReadable(Exception):
    """A whole side could not be read; the message says why."""


@dataclass
class Contents:
    """One database as read: item → digest, and what could not be read → why."""

    items: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    unlogged: set[str] = field(default_factory=set)


def prove(
    open_legacy: Open,
    open_target: Open,
    first: str,
    *,
    together: Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]] | None = None,
) -> Proof:
    """Compare all databases of two servers. `first` is a database that is known to be there."""
    run = together or _one_by_one
    sides = (("legacy", open_legacy), ("the target", open_target))
    compared = ("databases", "tables", "rows", "sequences", "definitions", "owners and grants", "roles")
    try:
        lists = run(lambda side: _databases(side[0], side[1], first), sides)
    except NotReadable as error:
        return Proof("could not be proved", (), (str(error),))
    differences = [f"database {name}: only in legacy" for name in sorted(set(lists[0]) - set(lists[1]))]
    differences += [f"database {name}: only in the target" for name in sorted(set(lists[1]) - set(lists[0]))]
    unread: list[str] = []
    evidence: dict[str, Json] = {}
    for database in sorted(set(lists[0]) & set(lists[1])):
        try:
            legacy, target = run(partial(_read_side, database), sides)
        except NotReadable as error:
            unread.append(str(error))
            continue
        differences += [f"{database}: {text}" for text in compare(legacy, target)]
        unread += [
            f"{database}: {item}: could not be read in {side}: {why}"
            for side, contents in (("legacy", legacy), ("the target", target))
            for item, why in sorted(contents.unread.items())
        ]
        evidence[database] = {
            "tables": len(legacy.rows),
            "rows": sum(legacy.rows.values()),
            "rows_by_table": dict(sorted(legacy.rows.items())[:SHOWN]),
            "legacy": _digest(legacy),
            "target": _digest(target),
        }
    state: Literal["equal", "different", "could not be proved"] = "equal"
    if differences:
        state = "different"
    elif unread:
        state = "could not be proved"
    listed = differences + unread
    more = (f"and {len(listed) - SHOWN} more",) if len(listed) > SHOWN else ()
    return Proof(state, compared, (*listed[:SHOWN], *more), evidence)


def compare(legacy: Contents, target: Contents) -> list[str]:
    """Every item that differs, by name. What could not be read on either side is left to its own list."""
    unread = legacy.unread.keys() | target.unread.keys()
    lines: list[str] = []
    for item in sorted((legacy.items.keys() | target.items.keys()) - unread):
        one, other = legacy.items.get(item), target.items.get(item)
        if one == other:
            continue
        if one is None or other is None:
            lines.append(f"{item}: only in {'the target' if one is None else 'legacy'}")
        elif item.startswith("rows of "):
            counts = legacy.rows[item[8:]], target.rows[item[8:]]
            if counts[0] != counts[1]:
                # The engine empties these when it recovers. Source: PostgreSQL 16, CREATE TABLE UNLOGGED.
                why = " (unlogged: a snapshot does not carry its rows)" if item in legacy.unlogged else ""
                lines.append(f"{item}: {counts[0]} in legacy, {counts[1]} in the target{why}")
            else:
                lines.append(f"{item}: {counts[0]} on both sides, the content differs")
        else:
            lines.append(f"{item}: differs")
    return lines


def read(side: str, connect: Open, database: str) -> Contents:
    """Read one database in one snapshot of it. Raises NotReadable where the connection is lost or was never made."""
    import psycopg

    connection = _opened(side, connect, database)
    contents = Contents()
    try:
        with connection:
            if not connection.autocommit:
                connection.rollback()
                connection.autocommit = True
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for setting in SESSION:
                connection.execute(setting)
            _definitions(connection, contents)
            _sequences(connection, contents)
            for schema, name, unlogged in connection.execute(RELATIONS).fetchall():
                _rows(connection, contents, schema, name, unlogged)
            _large_objects(connection, contents)
            connection.execute("ROLLBACK")
    except psycopg.OperationalError as error:
        raise NotReadable(f"{database} in {side}: the connection was lost: {_said(error)}") from error
    return contents


def _read_side(database: str, side: tuple[str, Open]) -> Contents:
    return read(side[0], side[1], database)


def _databases(side: str, connect: Open, first: str) -> list[str]:
    import psycopg

    connection = _opened(side, connect, first)
    try:
        with connection:
            return [str(row[0]) for row in connection.execute(DATABASES).fetchall()]
    except psycopg.OperationalError as error:
        raise NotReadable(f"{first} in {side}: the connection was lost: {_said(error)}") from error


def _opened(side: str, connect: Open, database: str) -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise NotReadable("psycopg is not installed: pip install 'migrate-aws[postgres]'") from error
    try:
        connection = connect(database)
    except psycopg.OperationalError as error:
        raise NotReadable(f"{database} in {side}: no connection: {_said(error)}") from error
    if connection is None:
        raise NotReadable(f"{database} in {side}: no connection can be made from here (no login or no tunnel)")
    return connection


def _one_by_one(what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    return [what(item) for item in items]


def _definitions(connection: Any, contents: Contents) -> None:
    for sort, query in DEFINITIONS.items():
        found = _tried(connection, contents, f"every {sort}", query)
        seen: dict[str, int] = {}
        for name, definition in sorted((str(row[0]), str(row[1])) for row in found):
            # Names need not be unique (two casts of one pair, say): each gets its number, in order of content.
            seen[name] = seen.get(name, 0) + 1
            again = f" ({seen[name]})" if seen[name] > 1 else ""
            contents.items[f"{sort} {name}{again}"] = hashlib.sha256(definition.encode()).hexdigest()


def _sequences(connection: Any, contents: Contents) -> None:
    from psycopg import sql

    for schema, name in connection.execute(SEQUENCES).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        item = f"value of sequence {schema}.{name}"
        for last_value, is_called in _tried(connection, contents, item, query):
            contents.items[item] = f"{last_value}/{is_called}"


def _rows(connection: Any, contents: Contents, schema: str, name: str, unlogged: bool) -> None:
    """Count and digest: two sums of 64-bit hashes of every row's text, which no order of rows changes.

    ROW(m.*) and not m, which a column of that name would hide. ONLY, so that a row of a partition counts once.
    """
    from psycopg import sql

    table = f"{schema}.{name}"
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(h.row_text, 0)), 0)::text,"
        " coalesce(sum(hashtextextended(h.row_text, 7776)), 0)::text"
        ' FROM (SELECT ROW(m.*)::text COLLATE "C" AS row_text FROM ONLY {} AS m) AS h'
    ).format(sql.Identifier(schema, name))
    item = f"rows of {table}"
    for count, one, other in _tried(connection, contents, item, query):
        contents.items[item] = f"{count}/{one}/{other}"
        contents.rows[table] = int(count)
        if unlogged:
            contents.unlogged.add(item)


def _large_objects(connection: Any, contents: Contents) -> None:
    query = (
        "SELECT count(*), coalesce(sum(hashtextextended(oid::text || ':' || encode(lo_get(oid), 'hex')"
        ' COLLATE "C", 0)), 0)::text FROM pg_largeobject_metadata'
    )
    for count, digest in _tried(connection, contents, "large objects", query):
        contents.items["large objects"] = f"{count}/{digest}"


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
        contents.unread[item] = _said(error)
        return []
    connection.execute("RELEASE SAVEPOINT one")
    return found


def _said(error: Exception) -> str:
    """The first line: the rest may hold values."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _digest(contents: Contents) -> str:
    text = "\n".join(f"{name}\t{value}" for name, value in sorted(contents.items.items()))
    return hashlib.sha256(text.encode()).hexdigest()
