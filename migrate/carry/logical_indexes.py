"""Indexes that only slow the copy down: dropped in the target with its rows, made again from legacy's own definitions.

The rule: an index that says more than its definition does (a key, a constraint, a comment, a mark, an expression's
statistics, the parent's part) is not touched, and what is missing is seen by comparing both catalogues: nothing has to
be remembered, so a copy that was killed goes on.
"""

from typing import Any

from migrate.carry.logical_checks import OURS

_PLAIN = f"""
SELECT n.nspname, c.relname, format('%I.%I', n.nspname, t.relname), pg_get_indexdef(c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE {OURS} AND t.relkind = 'r' AND t.relpersistence = 'p'
-- Rows without a key are looked for by any index. Source: PostgreSQL 16, Logical replication, Publication.
AND t.relreplident <> 'f' AND i.indisvalid AND i.indexprs IS NULL
AND NOT (i.indisprimary OR i.indisreplident OR i.indisclustered)
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid IN (c.oid, t.oid)
    AND d.deptype IN ('e', 'x'))
ORDER BY 1, 2
"""
_READY = """
SELECT format('%%I.%%I', n.nspname, t.relname) FROM pg_subscription_rel r
JOIN pg_subscription s ON s.oid = r.srsubid JOIN pg_class t ON t.oid = r.srrelid
JOIN pg_namespace n ON n.oid = t.relnamespace WHERE s.subname = %s AND r.srsubstate IN ('s', 'r')
"""
"""The tables whose rows are copied. Source: PostgreSQL 16, pg_subscription_rel."""


def _plain(connection: Any) -> list[tuple[str, str, str, str]]:
    """Schema, name, table and definition of each; names in definitions do not hang on anybody's search path."""
    connection.execute("SET search_path TO pg_catalog")
    return [tuple(row) for row in connection.execute(_PLAIN).fetchall()]


def drop(legacy: Any, target: Any) -> int:
    """Drop what both sides have alike. Within the transaction that empties the tables."""
    from psycopg import sql

    alike = set(_plain(legacy)) & set(_plain(target))
    for schema, name, _, _ in sorted(alike):
        target.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)))
    return len(alike)


def build(legacy: Any, target: Any, subscription: str) -> int:
    """Make the missing ones of every table whose rows are copied. Returns how many are missing still."""
    there = {(schema, name) for schema, name, _, _ in _plain(target)}
    missing = [one for one in _plain(legacy) if one[:2] not in there]
    if not missing:
        return 0
    ready = {row[0] for row in target.execute(_READY, [subscription]).fetchall()}
    built = 0
    for _, _, table, definition in missing:
        if table in ready:
            target.execute(definition.encode())
            built += 1
    return len(missing) - built
