"""What has to be known of a PostgreSQL server before a freeze: what would not arrive, and what would stop a copy.

The rule: reads only, and a question without an answer is a finding of its own. Names are shown, never a row or a query.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from migrate.carry.postgres import NotReadable, Open, begin, databases, opened, said
from migrate.values import Json

Strategy = Literal["snapshot", "logical"]
"""How a database moves: a snapshot that is restored, or logical replication into an empty one."""
BOTH: frozenset[Strategy] = frozenset({"snapshot", "logical"})
LOGICAL: frozenset[Strategy] = frozenset({"logical"})
NOTHING: frozenset[Strategy] = frozenset()
NAMED = 8
LONG_S = 300
"""A transaction that has been open for longer is named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: where, what, the names, which strategies it stops, and what to do about it."""

    where: str
    what: str
    names: tuple[str, ...] = ()
    stops: frozenset[Strategy] = NOTHING
    do: str = ""

    def __str__(self) -> str:
        named = ", ".join(self.names[:NAMED])
        more = f" and {len(self.names) - NAMED} more" if len(self.names) > NAMED else ""
        return f"{self.where}: {self.what}" + (f": {named}{more}" if named else "")

    def as_json(self) -> dict[str, Json]:
        """For evidence: every name."""
        names: list[Json] = list(self.names)
        return {"where": self.where, "what": self.what, "names": names, "stops": sorted(self.stops), "do": self.do}


@dataclass(frozen=True, slots=True)
class Question:
    """One query for names; where it gives any, they are a finding."""

    what: str
    query: str
    stops: frozenset[Strategy] = NOTHING
    do: str = ""
    since: int = 0
    """The server version (as `server_version_num`) that has what is asked for."""


_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'"
_NAMED = "format('%s.%s', n.nspname, c.relname)"
_RELATIONS = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"

SERVER = (
    # A restored server comes up with them, still open and holding their locks; a logical slot waits for their end.
    # Source: PostgreSQL 16 documentation, PREPARE TRANSACTION, and 49.2 Logical Decoding Concepts.
    Question(
        "prepared transactions are open", "SELECT database || ' by ' || owner FROM pg_prepared_xacts ORDER BY 1",
        BOTH, "COMMIT PREPARED or ROLLBACK PREPARED each of them",
    ),
    Question(
        f"transactions have been open for more than {LONG_S // 60} minutes (their writers have to stop; a logical slot"
        " waits for their end)",
        f"""SELECT format('%s by %s (process %s, since %s)', datname, usename, pid, xact_start::timestamptz(0))
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND xact_start < now() - interval '{LONG_S} seconds' ORDER BY xact_start""",
    ),
    Question(
        "replication slots are there, and none of them moves: whatever reads from them has to be set up anew",
        "SELECT format('%s (%s%s)', slot_name, slot_type, CASE WHEN active THEN ', active' ELSE '' END)"
        " FROM pg_replication_slots ORDER BY 1",
    ),
    # A subscription reads on wherever it is copied to, from the one slot that both then have. Source: PostgreSQL 16
    # documentation, 31.2 Subscription. Whether RDS disables one in a restored copy is unverified.
    Question(
        "subscriptions are enabled: a restored copy would read from the same slot as legacy, and each row would arrive"
        " on one side only",
        "SELECT format('%s of %s', s.subname, d.datname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
        " WHERE s.subenabled AND s.subname !~ '^migrate_[0-9a-f]{16}$' ORDER BY 1",
        BOTH, "ALTER SUBSCRIPTION … DISABLE, and enable it afterwards on the side that keeps it",
    ),
    Question(
        "databases were made under another version of the collation library than is there now: indexes over text may be"
        " out of order already",
        "SELECT format('%s (%s, now %s)', datname, datcollversion,"
        " coalesce(pg_database_collation_actual_version(oid), 'none'))"
        " FROM pg_database WHERE datallowconn AND datcollversion IS NOT NULL"
        " AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)"
        " ORDER BY 1",
        do="REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION",
        since=150000,
    ),
    Question(
        "roles are there: a snapshot carries them with their passwords, logical replication carries none",
        "SELECT rolname::text FROM pg_roles WHERE rolname !~ '^(pg_|rds)' ORDER BY 1",
    ),
)  # fmt: skip

DATABASE = (
    Question(
        "extensions are installed (logical replication needs each of them on the target's engine version)",
        "SELECT format('%s %s', extname, extversion) FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
    ),
    # Source: PostgreSQL 16 documentation, 31.1 Publication: without a replica identity UPDATE and DELETE fail at the
    # publisher once the table is published for them.
    Question(
        "tables have no replica identity (no primary key, and no other was chosen)",
        f"""SELECT {_NAMED} {_RELATIONS} WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND {_OURS}
        AND (c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))) ORDER BY 1""",
        LOGICAL, "add a primary key, or ALTER TABLE … REPLICA IDENTITY",
    ),
    # Source: PostgreSQL 16 documentation, 31.6 Restrictions: large objects are not replicated.
    Question(
        "large objects are there", "SELECT 'count ' || count(*) FROM pg_largeobject_metadata HAVING count(*) > 0",
        LOGICAL, "move them by snapshot, or into bytea columns",
    ),
    Question(
        "sequences are there: logical replication does not carry their values",
        f"SELECT {_NAMED} {_RELATIONS} WHERE c.relkind = 'S' AND c.relpersistence = 'p' AND {_OURS} ORDER BY 1",
    ),
    # As unlogged tables: recovery resets them. Source: PostgreSQL 16, CREATE SEQUENCE, UNLOGGED.
    Question(
        "sequences are unlogged: a snapshot does not carry their values, and logical replication leaves them out",
        f"SELECT {_NAMED} {_RELATIONS} WHERE c.relkind = 'S' AND c.relpersistence = 'u' AND {_OURS}"
        " AND CASE WHEN c.relkind = 'S' THEN pg_sequence_last_value(c.oid) END IS NOT NULL ORDER BY 1",
        BOTH, "ALTER SEQUENCE … SET LOGGED (of an identity column: ALTER TABLE … SET LOGGED)", since=150000,
    ),
    Question(
        "tables are partitioned (each partition is proved by itself)",
        f"SELECT {_NAMED} {_RELATIONS} WHERE c.relkind = 'p' AND {_OURS} ORDER BY 1",
    ),
    # Source: PostgreSQL 16 documentation, 5.3 Generated Columns, and CREATE PUBLICATION.
    Question(
        "columns are generated: logical replication leaves them out, the target computes them",
        f"""SELECT format('%s.%s', {_NAMED}, a.attname) {_RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND a.attgenerated <> '' AND NOT a.attisdropped AND {_OURS} ORDER BY 1""",
    ),
    Question(
        "columns are sorted by a collation whose library has another version now: their indexes may be out of order",
        """SELECT DISTINCT format('%s (%s, now %s)', o.collname, o.collversion,
            coalesce(pg_collation_actual_version(o.oid), 'none'))
        FROM pg_collation o JOIN pg_attribute a ON a.attcollation = o.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE o.collversion IS NOT NULL AND o.collversion IS DISTINCT FROM pg_collation_actual_version(o.oid)
        ORDER BY 1""",
        do="REINDEX those indexes, then ALTER COLLATION … REFRESH VERSION",
    ),
    Question(
        "indexes are invalid",
        f"""SELECT {_NAMED} FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i' AND {_OURS}
        ORDER BY 1""",
        do="REINDEX INDEX CONCURRENTLY, or drop them",
    ),
    Question(
        "foreign servers are there: the hosts they name, and the passwords of their user mappings, stay as they are",
        "SELECT format('%s (%s)', s.srvname, w.fdwname) FROM pg_foreign_server s"
        " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY 1",
    ),
    Question(
        "event triggers are there: they act on what is done to the schema, in the target too",
        "SELECT format('%s on %s', evtname, evtevent) FROM pg_event_trigger WHERE evtenabled <> 'D' ORDER BY 1",
    ),
    Question(
        "triggers or rules fire while rows are replicated (ENABLE ALWAYS or REPLICA)",
        f"""SELECT format('%s.%s', {_NAMED}, g.tgname) {_RELATIONS} JOIN pg_trigger g ON g.tgrelid = c.oid
        WHERE g.tgenabled IN ('A', 'R') AND NOT g.tgisinternal AND {_OURS} ORDER BY 1""",
    ),
    Question(
        "tables may not be read by this login: the proof of rows will not be able to speak for them",
        f"""SELECT {_NAMED} {_RELATIONS} WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {_OURS}
        AND (NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid)) ORDER BY 1""",
        do="give the login that migration.yaml names SELECT on them, and BYPASSRLS where policies are",
    ),
    Question("holds", "SELECT pg_size_pretty(pg_database_size(current_database()))"),
)  # fmt: skip

_UNLOGGED = f"SELECT n.nspname, c.relname {_RELATIONS} WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND {_OURS}"
_SETTINGS = """SELECT name, setting FROM pg_settings
WHERE name IN ('wal_level', 'max_replication_slots', 'max_wal_senders', 'rds.logical_replication')"""


def examine(connect: Open, first: str) -> list[Finding]:
    """Everything about the server and each of its databases. `first` is a database that is known to be there.

    Raises NotReadable where the server is not reached; a database that is not is a finding.
    """
    names = databases("legacy", connect, first)
    found = _asked(connect, first, "the server", SERVER, _server)
    for name in names:
        try:
            found += _asked(connect, name, name, DATABASE, _unlogged)
        except NotReadable as error:
            found.append(Finding(name, f"could not be known: {error}"))
    return found


def stopping(found: Iterable[Finding], strategy: Strategy) -> list[Finding]:
    """The findings with which this strategy cannot work, or would lose something."""
    return [finding for finding in found if strategy in finding.stops]


def _asked(connect: Open, database: str, where: str, questions: Iterable[Question], more: Any) -> list[Finding]:
    import psycopg

    connection = opened("legacy", connect, database)
    found: list[Finding] = []
    try:
        with connection:
            begin(connection)
            for question in questions:
                if connection.info.server_version < question.since:
                    continue
                try:
                    connection.execute("SAVEPOINT one")
                    names = tuple(str(row[0]) for row in connection.execute(question.query.encode()).fetchall())
                    connection.execute("RELEASE SAVEPOINT one")
                except psycopg.OperationalError:
                    raise
                except psycopg.Error as error:
                    connection.execute("ROLLBACK TO SAVEPOINT one")
                    found.append(Finding(where, f"could not be known whether {question.what}: {said(error)}"))
                    continue
                if names:
                    found.append(Finding(where, question.what, names, question.stops, question.do))
            found += more(connection, where)
            connection.execute("ROLLBACK")
    except psycopg.OperationalError as error:
        raise NotReadable(f"{database} in legacy: the connection was lost: {said(error)}") from error
    return found


def _server(connection: Any, where: str) -> list[Finding]:
    """Whether logical replication could begin. Source: PostgreSQL 16 documentation, 31.10 Configuration Settings."""
    settings: Mapping[str, str] = dict(connection.execute(_SETTINGS.encode()).fetchall())
    found = [Finding(where, f"PostgreSQL {connection.info.server_version // 10000}")]
    if settings["wal_level"] != "logical":
        # Source: RDS user guide, Performing logical replication for Amazon RDS for PostgreSQL.
        do = "set rds.logical_replication to 1 in the parameter group, and restart legacy's database once"
        found.append(Finding(where, f"wal_level is {settings['wal_level']}, not logical", (), LOGICAL, do))
    for setting, view, what in (
        ("max_replication_slots", "pg_replication_slots", "replication slots"),
        ("max_wal_senders", "pg_stat_replication", "WAL senders"),
    ):
        used = int(connection.execute(f"SELECT count(*) FROM {view}".encode()).fetchone()[0])
        most = int(settings[setting])
        if used >= most:
            do = f"raise {setting} in the parameter group, and restart legacy's database once"
            found.append(Finding(where, f"all {most} {what} are in use ({setting})", (), LOGICAL, do))
    return found


def _unlogged(connection: Any, where: str) -> list[Finding]:
    """Unlogged tables that hold rows: a snapshot's recovery empties them, a publication refuses them.

    Source: PostgreSQL 16 documentation, CREATE TABLE (UNLOGGED) and 31.6 Restrictions.
    """
    import psycopg
    from psycopg import sql

    names = []
    for schema, name in connection.execute(_UNLOGGED.encode()).fetchall():
        connection.execute("SAVEPOINT one")
        try:
            query = sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(sql.Identifier(schema, name))
            holds = connection.execute(query).fetchone()[0]
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            # Not readable is taken for filled: its rows would be lost unseen.
            connection.execute("ROLLBACK TO SAVEPOINT one")
            holds = True
        if holds:
            names.append(f"{schema}.{name}")
    if not names:
        return []
    do = "ALTER TABLE … SET LOGGED, or empty them: their rows do not arrive"
    return [Finding(where, "unlogged tables hold rows", tuple(names), BOTH, do)]
