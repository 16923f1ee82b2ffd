"""The way back: what a target takes after the cut-over is carried into legacy, so that a rollback loses no row of it.

The target publishes, and legacy subscribes without a copy, while both hold the same and before anybody writes to the
target. The rule: rows go one way at a time (it begins only where nothing of the way there is left, so that no row goes
in a circle), and rows are called brought back only once legacy has confirmed the target's last write.

Source: PostgreSQL 16 documentation, Logical replication; CREATE SUBSCRIPTION. That rows are applied although the
database is read-only by default was seen on PostgreSQL 16.
"""

import time
from collections.abc import Callable
from typing import Any

from migrate.carry import logical, logical_checks
from migrate.carry.logical_checks import TABLES, differing_tables
from migrate.errors import StepFailed

STALLED_S = 300.0
"""How long legacy may confirm nothing more before somebody has to look."""
EVERY_S = 0.25


def own_name(step: str, database: str) -> str:
    """What publication, slot, subscription and role of the way back are called: not as those of the way there."""
    return logical.own_name(f"{step}/back", database)


def problems(legacy: Any, target: Any, name: str, address: tuple[str, int]) -> list[str]:
    """Why the way back could not be begun, each with what to do; empty: it can.

    Legacy's server is let in once, as a role that is made and dropped in the target; nothing of it is left.
    address: where legacy's own server reaches the target's.
    """
    import psycopg
    from psycopg import sql

    found = []
    level = _one(target, "SELECT current_setting('wal_level')")
    if level != "logical":
        found.append(
            f"wal_level of the target is {level}: the target has legacy's own parameter group, so "
            "rds.logical_replication has to be 1 in that one before the target is restored"
        )
    for sort, query in (
        ("max_replication_slots", "SELECT count(*) FROM pg_replication_slots"),
        ("max_wal_senders", "SELECT count(*) FROM pg_stat_replication"),
    ):
        there, used = int(_one(target, f"SELECT current_setting('{sort}')")), int(_one(target, query))
        if there - used < 1:
            found.append(f"{sort} of the target is {there}, and {used} are in use: raise it and reboot the target")
    if found:
        return found
    password = logical.make_role(target, name)
    words = logical.connection_words(target, name, password, address)
    try:
        # Connects and asks for its tables, and is taken back: no slot, no worker.
        with legacy.transaction(force_rollback=True):
            legacy.execute("SET LOCAL client_min_messages TO error")
            legacy.execute(
                sql.SQL(
                    "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {}"
                    " WITH (enabled = false, create_slot = false, slot_name = NONE, copy_data = false)"
                ).format(sql.Identifier(name), sql.Literal(words), sql.Identifier(name))
            )
    except psycopg.OperationalError as error:
        if legacy.broken:
            raise
        said = (str(error).strip().splitlines() or [""])[0].replace(password, "…")
        found.append(
            f"legacy's server does not reach the target's at {address[0]}:{address[1]}: {said}. Let legacy's network "
            "into the target's security group, or name another address in the tunnels file (<host>:<port> from legacy)"
        )
    finally:
        if not target.broken:
            logical.end_in_legacy(target, name, "")
    return found


def begin(legacy: Any, target: Any, name: str, address: tuple[str, int]) -> None:
    """Follow the target from now on, without a copy; a way back that runs is left alone.

    Raises StepFailed; what was made then goes with `end`.
    """
    from psycopg import sql

    tables = target.execute(TABLES).fetchall()
    if not tables:
        return
    if not logical.is_running(legacy, name):
        unlike = differing_tables(legacy, target)
        if unlike:
            raise StepFailed(
                f"definitions differ, and they are not replicated: {'; '.join(unlike[:10])}",
                do="make them alike, then migrate run",
            )
        password = logical.prepare(target, name, tables)
        if _one(legacy, "SELECT count(*) FROM pg_publication WHERE pubname = %s", name):
            raise StepFailed(
                f"what should be legacy's {legacy.info.dbname} is the target's: it has the publication made there",
                do="mend the tunnels, then migrate run",
            )
        legacy.execute(
            sql.SQL(
                "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {}"
                " WITH (create_slot = false, slot_name = {}, copy_data = false)"
            ).format(
                sql.Identifier(name),
                sql.Literal(logical.connection_words(target, name, password, address)),
                sql.Identifier(name),
                sql.Literal(name),
            )
        )
    elif not _slot(target, name):
        raise StepFailed(
            f"the target's replication slot {name} is gone, so rows may be missing in legacy",
            do="migrate rollback of this step, then migrate run begins it anew",
        )


def behind_bytes(target: Any, name: str) -> int:
    """How much of the target's log legacy has not confirmed yet."""
    query = (
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), confirmed_flush_lsn)::bigint"
        " FROM pg_replication_slots WHERE slot_name = %s"
    )
    return int(_one(target, query, name) or 0)


def trouble(legacy: Any, target: Any, name: str) -> list[str]:
    """Why a way back that was begun does not carry everything; empty: it does."""
    found = []
    enabled = legacy.execute(
        "SELECT subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
        " WHERE subname = %s AND datname = current_database()",
        [name],
    ).fetchone()
    if enabled is None:
        found.append(f"legacy's subscription {name} is gone")
    elif not enabled[0]:
        found.append(f"legacy's subscription {name} is disabled")
    slot = _slot(target, name)
    if slot is None or slot == "lost":
        found.append(f"the target's replication slot {name} is {'gone' if slot is None else 'lost: it fell behind'}")
    failures = _failures(legacy, name)
    if failures >= logical.ERRORS:
        found.append(f"legacy failed {failures} times to apply rows (its PostgreSQL log says why)")
    if slot is not None:
        found += logical_checks.unpublished(target, name)
    # A table that came later is not published, and legacy has no place for its rows.
    return found + [f"{table} (definitions are not replicated)" for table in differing_tables(legacy, target)]


def refuse(legacy: Any, target: Any, name: str) -> None:
    """Raise StepFailed where a way back that was begun does not carry everything. Without tables there is none."""
    found = trouble(legacy, target, name) if target.execute(TABLES).fetchall() else []
    if found:
        raise StepFailed(
            f"the target's rows cannot be brought back: {'; '.join(found[:10])}",
            do="mend that, then migrate rollback goes on; or roll back with --losing, which the listing explains",
        )


def bring_back(legacy: Any, target: Any, name: str, pause: Callable[[float], None]) -> str:
    """Make the target read-only, wait until legacy holds its last write, and give legacy its sequences.

    Returns the position of that write. Raises StepFailed where rows cannot arrive; the target is read-only then, whole
    and unharmed. Without tables there is nothing to wait for.
    """
    tables = target.execute(TABLES).fetchall()
    if tables:
        refuse(legacy, target, name)
    position = logical.stop_writes(target)
    if tables:
        confirmed, since = "", time.monotonic()
        while not logical.has_applied(target, name, position):
            refuse(legacy, target, name)
            now = str(_one(target, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s", name))
            if now != confirmed:
                confirmed, since = now, time.monotonic()
            if time.monotonic() - since > STALLED_S:
                raise StepFailed(
                    f"legacy confirmed nothing of the target's writes for {STALLED_S:.0f} seconds: it holds them up to "
                    f"{confirmed}, the last is {position}",
                    do="see whether legacy's server reaches the target's (its PostgreSQL log), then migrate rollback",
                )
            pause(EVERY_S)
    there = logical.sequences(legacy)
    for (schema, sequence), value in logical.sequences(target).items():
        if there.get((schema, sequence), value) != value:
            _set_sequence(legacy, schema, sequence, value)
    logical.refresh_views(legacy)
    return position


def end(legacy: Any | None, target: Any | None, name: str) -> None:
    """Drop everything of the way back on the sides that are given; running it again does no harm."""
    if legacy is not None:
        logical.end_in_target(legacy, name)
    if target is not None:
        logical.end_in_legacy(target, name, "")


def _set_sequence(connection: Any, schema: str, name: str, value: tuple[int, bool]) -> None:
    from psycopg import sql

    text = sql.Identifier(schema, name).as_string(None)
    connection.execute("SELECT setval(%s::regclass, %s, %s)", [text, *value])


def _slot(target: Any, name: str) -> str | None:
    """What its log's state is, or None where there is no such slot."""
    query = "SELECT coalesce(wal_status, '') FROM pg_replication_slots WHERE slot_name = %s"
    found: str | None = _one(target, query, name)
    return found


def _failures(legacy: Any, name: str) -> int:
    if legacy.info.server_version < 150000:
        return 0
    return int(_one(legacy, "SELECT apply_error_count FROM pg_stat_subscription_stats WHERE subname = %s", name) or 0)


def _one(connection: Any, query: Any, *words: Any) -> Any:
    found = connection.execute(query, words or None).fetchone()
    return found[0] if found else None
