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
SELECT {_NAMED} || ' (' || pg_get_userbyid(c.relowner) || ')' {_FROM} AND c.relkind IN ('r', 'p', 'S', 'm')
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
    # The target empties its copy, and TRUNCATE goes through to where a foreign table's rows are: somebody else's.
    # Source: PostgreSQL 16, TRUNCATE; postgres_fdw, option truncatable (on by default).
    "has a foreign table as a partition, which would be emptied where its rows are: detach it for the copy": f"""
SELECT {_NAMED} {_FROM} AND c.relkind = 'p' AND EXISTS (
    SELECT FROM pg_inherits h JOIN pg_class f ON f.oid = h.inhrelid WHERE h.inhparent = c.oid AND f.relkind = 'f')
ORDER BY 1""",
    # The copy is checked as every new row is. Source: PostgreSQL 16, ALTER TABLE, NOT VALID.
    "is a check that was not validated, and rows that break it stop the copy: VALIDATE CONSTRAINT, or drop it": f"""
SELECT {_NAMED} || '.' || quote_ident(k.conname) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND NOT k.convalidated AND c.relkind = 'r' AND {OURS} ORDER BY 1""",
    # Rows are looked for by all their values, and these have no equality: "could not identify an equality operator".
    # Source: PostgreSQL 16, src/backend/executor/execReplication.c, tuples_equal.
    "has REPLICA IDENTITY FULL and a column whose values cannot be compared (json, xml, point): give it a key": f"""
SELECT DISTINCT {_NAMED} FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), t.oid)
WHERE c.relkind = 'r' AND c.relreplident = 'f' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
AND b.typnamespace = 'pg_catalog'::regnamespace AND b.typname IN (
    'json', 'xml', 'jsonpath', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'pg_snapshot',
    'txid_snapshot')
AND {OURS} ORDER BY 1""",
}
WRITES_ON = """
SELECT format('role %I may write to a database that is read-only (%s): ALTER ROLE … %sRESET %s', r.rolname, s,
    CASE WHEN x.setdatabase <> 0 THEN format('IN DATABASE %I ', current_database()) ELSE '' END, split_part(s, '=', 1))
FROM pg_db_role_setting x JOIN pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) AS s
WHERE x.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
AND split_part(s, '=', 1) = 'default_transaction_read_only' AND NOT split_part(s, '=', 2)::bool
AND r.rolcanlogin AND NOT r.rolsuper AND r.rolname !~ '^(pg_|rds)'
UNION ALL SELECT format('a prepared transaction of %s is open, and may be committed at any time: COMMIT PREPARED or '
    'ROLLBACK PREPARED it', owner) FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1
"""
"""Who writes on although a database was made read-only: a role's own setting counts for more than the database's, and
what is prepared needs no right to write. Source: PostgreSQL 16, ALTER ROLE; PREPARE TRANSACTION."""
_OWN_SETTING = """
SELECT format('%I has %s by ALTER DATABASE, which the end of the copy would overwrite and a rollback take away: '
    'RESET it, and set it in the target afterwards', current_database(), s)
FROM pg_db_role_setting x, unnest(x.setconfig) AS s WHERE x.setrole = 0
AND x.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
AND split_part(s, '=', 1) = 'default_transaction_read_only'
"""


def writes_on(connection: Any) -> list[str]:
    """Why this database would take writes although it is read-only by default, each with what to do."""
    return [str(row[0]) for row in connection.execute(WRITES_ON).fetchall()]


def unpublished(source: Any, name: str) -> list[str]:
    """Tables that the publication has not: made since (be it under a name that was dropped), or taken out of it."""
    listed = source.execute("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s", [name])
    known = {tuple(row) for row in listed.fetchall()}
    return [f"{schema}.{table}: made anew or taken out of the publication, so its rows are not replicated"
            for schema, table in source.execute(TABLES).fetchall() if (schema, table) not in known]  # fmt: skip


def room(subscriber: Any, databases: int, *, copies: bool = True) -> list[str]:
    """Why the server that subscribes has too few workers for so many databases: one would wait for ever.

    Source: PostgreSQL 16, Logical replication, Configuration Settings: each subscription needs a worker, and a copy one
    more beside it; all of them and their launcher come from max_worker_processes.
    """
    if not databases:
        return []
    workers = databases + (1 if copies else 0)
    return [
        f"{setting} is {there} where the databases are subscribed, and {needed} are needed: raise it in the parameter "
        "group (of both sides), and reboot"
        for setting, needed in (
            ("max_logical_replication_workers", workers), ("max_worker_processes", workers + 1),
            ("max_replication_slots", workers),
        )
        if (there := int(_one(subscriber, f"SELECT current_setting('{setting}')"))) < needed
    ]  # fmt: skip


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
    found += [f"{database}: {said}" for said in writes_on(connection)]
    found += [str(row[0]) for row in connection.execute(_OWN_SETTING).fetchall()]
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
