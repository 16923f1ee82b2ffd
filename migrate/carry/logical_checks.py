"""What must be true before a PostgreSQL database can be replicated logically, asked of the databases themselves.

The rule: each thing that replication would lose, or would break in legacy, is refused before anything is made, by name.
"""

from typing import Any

OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'"
_MEMBER = (
    "NOT EXISTS (SELECT FROM pg_depend e"
    " WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')"
)
_FROM = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND {_MEMBER}"
_NAMED = "format('%I.%I', n.nspname, c.relname)"
OLDEST = 140000
"""The first version with pg_read_all_data. Source: PostgreSQL 14 release notes, Predefined roles."""

TABLES = f"SELECT n.nspname, c.relname {_FROM} AND c.relkind = 'r' AND c.relpersistence = 'p' ORDER BY 1, 2"
"""What is replicated: every table with rows of its own. Tables of extensions came with the snapshot."""

PARTITIONED = f"SELECT n.nspname, c.relname {_FROM} AND c.relkind = 'p' ORDER BY 1, 2"
"""They hold no rows of their own, but foreign keys are theirs: they are emptied with their partitions."""

COLUMNS = f"""
SELECT {_NAMED}, string_agg(format('%I %s', t.attname, format_type(t.atttypid, t.atttypmod)), ', ' ORDER BY t.attname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND {OURS} AND {_MEMBER} GROUP BY 1
"""
"""Table → its columns with their types: definitions are not replicated, so both sides must have the same."""

_REFUSED = {
    # Once published, UPDATE and DELETE of such a table fail in legacy. Source: PostgreSQL 16, Logical replication,
    # Publication.
    "has no replica identity: add a primary key, or ALTER TABLE … REPLICA IDENTITY FULL": f"""
SELECT {_NAMED} {_FROM} AND c.relkind = 'r' AND c.relpersistence = 'p' AND NOT CASE c.relreplident
    WHEN 'f' THEN true WHEN 'n' THEN false
    WHEN 'i' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)
    ELSE EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid) END
ORDER BY 1""",
    # Source: PostgreSQL 16, Logical replication, Restrictions.
    "is unlogged, and unlogged tables are not replicated: ALTER TABLE … SET LOGGED, or drop it": f"""
SELECT {_NAMED} {_FROM} AND c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1""",
    "belongs to a role that this login is not: GRANT that role to it": f"""
SELECT {_NAMED} || ' (' || pg_get_userbyid(c.relowner) || ')' {_FROM} AND c.relkind IN ('r', 'S', 'm')
AND c.relpersistence = 'p'
AND NOT (pg_has_role(current_user, c.relowner, 'USAGE') AND pg_has_role(current_user, c.relowner, 'MEMBER'))
ORDER BY 1""",
    # Rows that a policy hides would be missing without a word. Source: PostgreSQL 16, Logical replication, Security.
    "has row level security, which may hide rows from the replication": f"""
SELECT {_NAMED} {_FROM} AND c.relkind = 'r' AND c.relrowsecurity ORDER BY 1""",
    # Source: PostgreSQL 16, ALTER TABLE, ENABLE REPLICA and ENABLE ALWAYS TRIGGER.
    "has a trigger that fires for replicated rows too, or on TRUNCATE: disable it while the copy runs": f"""
SELECT {_NAMED} || '.' || quote_ident(g.tgname) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND (g.tgenabled IN ('A', 'R') OR (g.tgtype::int & 32 <> 0 AND g.tgenabled <> 'D'))
AND {OURS} ORDER BY 1""",
}


def problems(connection: Any, needed: int) -> list[str]:
    """Why this database of legacy cannot be replicated, each with what to do; empty: it can.

    `needed`: replication slots that the databases of the server take together.
    """
    found: list[str] = []
    database = connection.info.dbname
    version = connection.info.server_version
    if version < OLDEST:
        found.append(f"PostgreSQL {version // 10000} has no pg_read_all_data (14 has): use the strategy snapshot")
    level = _one(connection, "SELECT current_setting('wal_level')")
    if level != "logical":
        found.append(
            f"wal_level is {level}: set rds.logical_replication to 1 in its parameter group, and reboot it once"
        )
    for what, query in _REFUSED.items():
        found += [f"{database}: {row[0]} {what}" for row in connection.execute(query).fetchall()]
    large = _one(connection, "SELECT count(*) FROM pg_largeobject_metadata")
    if large:
        found.append(f"{database}: {large} large objects are not replicated: use the strategy snapshot")
    for sort, query in (
        ("max_replication_slots", "SELECT count(*) FROM pg_replication_slots"),
        ("max_wal_senders", "SELECT count(*) FROM pg_stat_replication"),
    ):
        there, used = int(_one(connection, f"SELECT current_setting('{sort}')")), int(_one(connection, query))
        if there - used < needed:
            found.append(f"{sort} is {there}, {used} are in use and {needed} more are needed: raise it and reboot")
    return found


def differing_tables(legacy: Any, target: Any) -> list[str]:
    """Tables whose definition is not the same on both sides: what was made or altered since the snapshot."""
    one, other = (dict(connection.execute(COLUMNS).fetchall()) for connection in (legacy, target))
    return [
        f"{table}: " + ("only in legacy" if table not in other else "only in the target" if table not in one
                        else "has other columns in the target")
        for table in sorted(one.keys() | other.keys())
        if one.get(table) != other.get(table) or (table in one) != (table in other)
    ]  # fmt: skip


def unlike(legacy: Any, target: Any) -> list[str]:
    """Version, encoding and locale where the two servers differ: sort orders may then differ too."""
    query = """
SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate, datctype,
    coalesce(datcollversion, '') FROM pg_database WHERE datname = current_database()"""
    if min(legacy.info.server_version, target.info.server_version) < 150000:
        query = query.replace("coalesce(datcollversion, '')", "''")
    names = ("version", "encoding", "collation", "character type", "collation version")
    both = zip(names, legacy.execute(query).fetchone(), target.execute(query).fetchone(), strict=True)
    return [f"{name}: {one} in legacy, {other} in the target" for name, one, other in both if one != other]


def _one(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]
