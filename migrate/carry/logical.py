"""One PostgreSQL database replicated from legacy to a target that was restored from a snapshot while legacy writes.

The target's tables are emptied and filled by PostgreSQL's own subscription: up to which transaction a snapshot reaches
RDS does not say, and PostgreSQL's copy is exact. The rule: everything made here carries one name, each function looks
before it acts and may be run again, and the end leaves neither slot, publication, role nor subscription: a slot that
nobody reads fills legacy's disk.

Source: PostgreSQL 16 documentation, Logical replication; CREATE SUBSCRIPTION; pg_create_logical_replication_slot.
"""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from migrate.carry import logical_indexes
from migrate.carry.logical_checks import PARTITIONED, TABLES, differing_tables, writes_on
from migrate.errors import StepFailed

SYNC_WORKERS = 2
"""Slots that one subscription takes while it copies, beside its own. Source: PostgreSQL 16,
max_sync_workers_per_subscription, default 2."""
READ_ONLY = "default_transaction_read_only"
FREED_S = 60.0
"""How long a slot is waited for whose reader was stopped."""
ERRORS = 3
"""After so many failures of the workers in the target somebody has to look."""

SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
_LIMITS = """
SELECT name FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
    'idle_session_timeout', 'transaction_timeout')
"""
VIEWS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid
"""


def own_name(step: str, database: str) -> str:
    """What publication, slot, subscription and role of one database are called."""
    return f"migrate_{hashlib.sha256(f'{step}/{database}'.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replication is."""

    tables: int
    ready: int
    behind_bytes: int
    failures: int
    """Of the workers in the target, since they began."""

    @property
    def copied(self) -> bool:
        """Whether every table is followed, not copied any more."""
        return self.ready == self.tables


def is_running(target: Any, name: str) -> bool:
    """Whether the subscription is there: it was made in the transaction that emptied the tables."""
    query = (
        "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
        " WHERE s.subname = %s AND d.datname = current_database()"
    )
    return bool(_one(target, query, name))


def leftovers(connection: Any, name: str) -> list[str]:
    """What of ours is there: on either side."""
    looks = {
        "publication": "SELECT pubname FROM pg_publication WHERE pubname = %s",
        "replication slot": "SELECT slot_name FROM pg_replication_slots WHERE slot_name = %s",
        "subscription": "SELECT subname FROM pg_subscription WHERE subname = %s",
        "role": "SELECT rolname FROM pg_roles WHERE rolname = %s",
    }
    return [f"{sort} {name}" for sort, query in looks.items() if connection.execute(query, [name]).fetchall()]


def begin(legacy: Any, target: Any, name: str, address: tuple[str, int]) -> str:
    """Start to replicate a database; a replication that runs is left alone. Gives the subscription's oid.

    address: where the target's own server reaches legacy's. Raises StepFailed; legacy then keeps what `end` takes away.
    """
    from psycopg import sql

    tables = legacy.execute(TABLES).fetchall()
    if not is_running(target, name):
        unlike = differing_tables(legacy, target)
        if unlike:
            raise changed(unlike)
        password = prepare(legacy, name, tables)
        emptied = [sql.SQL("ONLY {}").format(sql.Identifier(*table)) for table in tables]
        emptied += [sql.SQL("{}").format(sql.Identifier(*table)) for table in legacy.execute(PARTITIONED).fetchall()]
        connection = connection_words(legacy, name, password, address)
        # The password is the role's that `end` drops: a server that logs statements has logged nothing of worth.
        with target.transaction():
            # Made in legacy after the snapshot: what shows it is legacy.
            if _one(target, "SELECT count(*) FROM pg_publication WHERE pubname = %s", name):
                raise StepFailed(
                    f"what should be the target's {target.info.dbname} is legacy's: it has the publication made there",
                    do="mend the tunnels, then migrate run; nothing was emptied",
                )
            target.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(emptied)))
            logical_indexes.drop(legacy, target)
            target.execute(
                sql.SQL(
                    "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {}"
                    " WITH (create_slot = false, slot_name = {}, copy_data = true)"
                ).format(sql.Identifier(name), sql.Literal(connection), sql.Identifier(name), sql.Literal(name))
            )
    elif not _one(legacy, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", name):
        raise StepFailed(
            f"legacy's replication slot {name} is gone, so rows may be missing in the target",
            do="migrate rollback of this step, then migrate run copies anew",
        )
    return oid_of(target, name)


def oid_of(target: Any, name: str) -> str:
    """The subscription's oid, by which the slots of its copying workers are named; empty where there is none."""
    return str(_one(target, "SELECT oid FROM pg_subscription WHERE subname = %s", name) or "")


def connection_words(source: Any, name: str, password: str, address: tuple[str, int]) -> str:
    """How a subscription reaches the server that it reads from."""
    words = {
        "host": address[0], "port": str(address[1]), "dbname": source.info.dbname, "user": name, "password": password,
        "connect_timeout": "10", "application_name": name,
        # Rather an error than rows that a policy hides. Source: PostgreSQL 16, Logical replication, Security.
        "options": "-crow_security=off",
    }  # fmt: skip
    return " ".join(f"{key}={_quoted(value)}" for key, value in words.items())


def make_role(source: Any, name: str) -> str:
    """Make the role that may replicate from here, or take it as it is; gives its password, which is new each time."""
    from psycopg import sql

    password = secrets.token_urlsafe(24)
    own = sql.Identifier(name)
    if not _one(source, "SELECT count(*) FROM pg_roles WHERE rolname = %s", name):
        on_rds = _one(source, "SELECT count(*) FROM pg_roles WHERE rolname = 'rds_replication'")
        # RDS gives the right by membership, PostgreSQL by an attribute. Source: RDS user guide, Performing logical
        # replication for Amazon RDS for PostgreSQL, read 2026-11. That rds_superuser may hand it on, and may hand on
        # pg_read_all_data, is unverified: AWS's refusal would come before anything is emptied.
        source.execute(sql.SQL("CREATE ROLE {} NOLOGIN" + ("" if on_rds else " REPLICATION")).format(own))
        if on_rds:
            source.execute(sql.SQL("GRANT rds_replication TO {}").format(own))
    source.execute(sql.SQL("GRANT pg_read_all_data TO {}").format(own))
    # A database may have limits of its own for sessions; a large table takes longer. Theirs stay as they are.
    for (limit,) in source.execute(_LIMITS).fetchall():
        source.execute(sql.SQL("ALTER ROLE {} SET {} TO 0").format(own, sql.Identifier(limit)))
    source.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(own, sql.Literal(password)))
    return password


def prepare(source: Any, name: str, tables: list[tuple[str, str]]) -> str:
    """Make role, publication and slot on the side that is read from; gives the role's password."""
    password = make_role(source, name)
    _publish(source, name, tables)
    if not _one(source, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", name):
        with _as_replicator(source, name):
            # Waits for the transactions that run now to end.
            source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    return password


def _publish(legacy: Any, name: str, tables: list[tuple[str, str]]) -> None:
    """Each table by name, not FOR ALL TABLES: a table made later without a key would refuse legacy's updates, and
    FOR ALL TABLES needs a superuser."""
    from psycopg import sql

    there = legacy.execute(
        "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s ORDER BY 1, 2", [name]
    ).fetchall()
    if [tuple(row) for row in there] == [tuple(row) for row in tables]:
        return
    # Nobody reads it yet: the slot must not be older than its publication, so both are made anew.
    _drop_slots(legacy, name, "")
    legacy.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))
    listed = sql.SQL(", ").join(sql.SQL("ONLY {}").format(sql.Identifier(*table)) for table in tables)
    legacy.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLE {}").format(sql.Identifier(name), listed))


@contextmanager
def _as_replicator(legacy: Any, name: str) -> Iterator[None]:
    """Be the role that may replicate: the login that people gave us need not be allowed to."""
    from psycopg import sql

    own = sql.Identifier(name)
    legacy.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(own))
    legacy.execute(sql.SQL("SET ROLE {}").format(own))
    try:
        yield
    finally:
        legacy.execute("RESET ROLE")
        legacy.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(own))


def progress(legacy: Any, target: Any, name: str) -> Progress:
    """Read how far it is. Raises StepFailed where it cannot go on by itself."""
    slot = legacy.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), confirmed_flush_lsn)::bigint, wal_status"
        " FROM pg_replication_slots WHERE slot_name = %s",
        [name],
    ).fetchone()
    if slot is None or slot[1] == "lost":
        raise StepFailed(
            f"legacy's replication slot {name} is {'gone' if slot is None else 'lost: it fell too far behind'}",
            do="migrate rollback of the replicating step, then migrate run copies anew",
        )
    # Synchronized is as good as ready: from there on the subscription itself applies what comes for the table. It says
    # ready only once it has passed the position, which on a server that nobody writes to takes a second or more.
    # Source: PostgreSQL 16, pg_subscription_rel; src/backend/replication/logical/tablesync.c.
    tables, ready = target.execute(
        "SELECT count(*), count(*) FILTER (WHERE r.srsubstate IN ('s', 'r')) FROM pg_subscription_rel r"
        " JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = %s",
        [name],
    ).fetchone()
    failures = 0
    if target.info.server_version >= 150000:
        query = "SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats WHERE subname = %s"
        failures = int(_one(target, query, name) or 0)
    return Progress(int(tables), int(ready), int(slot[0]), failures)


def stop_writes(legacy: Any) -> str:
    """Make legacy's database read-only, end the sessions that are older, and give the position of its last write.

    Undone by `allow_writes`. A session can still say READ WRITE by itself: the proof of rows would show what it wrote.
    """
    from psycopg import sql

    own = sql.Identifier(legacy.info.dbname)
    legacy.execute(sql.SQL("ALTER DATABASE {} SET " + READ_ONLY + " TO on").format(own))
    others = (
        "FROM pg_stat_activity a WHERE a.datname = current_database() AND a.backend_type = 'client backend'"
        " AND a.pid <> pg_backend_pid() AND (a.backend_start AT TIME ZONE 'UTC') < %s::timestamp"
        " AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.usesysid AND r.rolsuper)"
    )
    # As text that every DateStyle reads alike: what some of them write the driver cannot.
    since = _one(legacy, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
    until = time.monotonic() + FREED_S
    while _one(legacy, f"SELECT count(pg_terminate_backend(a.pid)) {others}", since):
        if time.monotonic() > until:
            raise StepFailed(
                f"sessions in legacy's {legacy.info.dbname} that are older than its being read-only do not end",
                do="end them (pg_stat_activity), then migrate run",
            )
        time.sleep(0.1)
    going_on = writes_on(legacy)
    if going_on:
        raise StepFailed(
            f"{legacy.info.dbname} was made read-only, and would take writes all the same: {'; '.join(going_on[:10])}",
            do="do that there, then type the same again",
        )
    return str(_one(legacy, "SELECT pg_current_wal_insert_lsn()"))


def allow_writes(legacy: Any) -> None:
    """Take the setting back; sessions opened from now on may write."""
    from psycopg import sql

    legacy.execute(sql.SQL("ALTER DATABASE {} RESET " + READ_ONLY).format(sql.Identifier(legacy.info.dbname)))


def has_applied(legacy: Any, name: str, position: str) -> bool:
    """Whether the target has said that it holds everything up to a position of legacy's log."""
    query = "SELECT bool_and(confirmed_flush_lsn >= %s::pg_lsn) FROM pg_replication_slots WHERE slot_name = %s"
    return bool(_one(legacy, query, position, name))


def sequences(connection: Any) -> dict[tuple[str, str], tuple[int, bool]]:
    """Every sequence with its last value and whether that was given out."""
    from psycopg import sql

    found: dict[tuple[str, str], tuple[int, bool]] = {}
    for schema, name in connection.execute(SEQUENCES).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        last, called = connection.execute(query).fetchone()
        found[schema, name] = int(last), bool(called)
    return found


def set_sequences(legacy: Any, target: Any) -> int:
    """Give each sequence of the target legacy's value: sequences are not replicated. Returns how many."""
    from psycopg import sql

    there = sequences(target)
    wanted = sequences(legacy)
    missing = [".".join(one) for one in sorted(wanted.keys() - there.keys())]
    if missing:
        raise changed([f"sequence {one}: only in legacy" for one in missing])
    for (schema, name), value in wanted.items():
        if there[schema, name] != value:
            text = sql.Identifier(schema, name).as_string(None)
            target.execute("SELECT setval(%s::regclass, %s, %s)", [text, *value])
    return len(wanted)


def refresh_views(target: Any) -> int:
    """Compute materialized views anew, oldest first: their rows are not replicated. Returns how many."""
    from psycopg import sql

    views = target.execute(VIEWS).fetchall()
    # Their functions may name things as the database's own search path finds them.
    target.execute("RESET search_path")
    for view in views:
        target.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(*view)))
    return len(views)


def end_in_target(target: Any, name: str) -> None:
    """Drop the subscription without asking legacy, which may not answer."""
    from psycopg import sql

    if not is_running(target, name):
        return
    own = sql.Identifier(name)
    target.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(own))
    target.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(own))
    target.execute(sql.SQL("DROP SUBSCRIPTION {}").format(own))


def end_in_legacy(legacy: Any, name: str, subscription: str) -> None:
    """Drop slots, publication and role. subscription: its oid, which the slots of a copy under way are named by."""
    from psycopg import sql

    _drop_slots(legacy, name, subscription)
    legacy.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))
    legacy.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def slots(legacy: Any, name: str, subscription: str) -> list[tuple[str, int | None]]:
    """Our slots in legacy with the process that reads each: the subscription's and those of its copying workers."""
    # pg_<subscription's oid>_sync_<table's oid>_<system>. Source: PostgreSQL 16, Replication slot management.
    query = "SELECT slot_name, active_pid FROM pg_replication_slots WHERE slot_name = %s"
    words = [name]
    if subscription:
        query += " OR (starts_with(slot_name::text, %s) AND database = current_database())"
        words.append(f"pg_{int(subscription)}_sync_")
    return [(str(slot), pid) for slot, pid in legacy.execute(query, words).fetchall()]


def _drop_slots(legacy: Any, name: str, subscription: str) -> None:
    if not slots(legacy, name, subscription):
        return
    with _as_replicator(legacy, name):
        until = time.monotonic() + FREED_S
        while found := slots(legacy, name, subscription):
            for slot, pid in found:
                if pid is None:
                    _drop_slot(legacy, slot)
                else:
                    # Of the same role, so no further right is needed.
                    legacy.execute("SELECT pg_terminate_backend(%s)", [pid])
            if time.monotonic() > until:
                raise StepFailed(
                    f"legacy's replication slots {', '.join(one for one, _ in found)} are in use and cannot be dropped",
                    do="end whoever reads them (pg_stat_replication), then type the same again",
                )
            time.sleep(0.1)


def _drop_slot(legacy: Any, slot: str) -> None:
    import psycopg

    # Taken up again, or gone, in between: the caller looks again.
    with suppress(psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
        legacy.execute("SELECT pg_drop_replication_slot(%s)", [slot])


def changed(lines: list[str]) -> StepFailed:
    """The error for definitions that differ: they are not replicated."""
    more = f" and {len(lines) - 10} more" if len(lines) > 10 else ""
    return StepFailed(
        f"legacy was altered since its snapshot, and definitions are not replicated: {'; '.join(lines[:10])}{more}",
        do="make the same change in the target (or undo it in legacy), then migrate run; or roll back and copy anew",
    )


def _one(connection: Any, query: Any, *words: Any) -> Any:
    found = connection.execute(query, words or None).fetchone()
    return found[0] if found else None


def _quoted(value: str) -> str:
    """One value of a connection string. Source: PostgreSQL 16, libpq, Connection strings."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
