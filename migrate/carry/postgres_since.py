"""Whether anybody wrote to a PostgreSQL database since a moment: asked before a rollback deletes it.

The rule: "nothing" is said only where the server's own counters cannot have missed a write. Where they may have (it was
started anew since, or is older than 15), the answer is "unclear", and the rows have to be compared.

Transactions that were undone count as well: a rollback then asks about rows that were never there, and loses none.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

FLUSHED_SINCE = 150000
"""From here on an idle session's counts are there after 10 seconds at the latest; before, they may stay with it.
Source: PostgreSQL 16 documentation, The Cumulative Statistics System, and its source, PGSTAT_IDLE_INTERVAL; 14's,
Statistics Collector."""
FLUSHED_S = 12.0
LARGE = "large objects"
"""Not a table's name: those are quoted where they hold a blank."""

# Its file is another one after a TRUNCATE, which the counters leave out.
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_upd, 0),
    coalesce(s.n_tup_del, 0), coalesce(pg_relation_filenode(c.oid), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
UNION ALL SELECT 'large objects', n_tup_ins, n_tup_upd, n_tup_del, 0 FROM pg_stat_all_tables
WHERE relid = 'pg_largeobject'::regclass
"""
# Transactions take a number when they first write, and one that had it already may end later: the whole snapshot tells.
# The server's own work (analyze, say) takes some too. After a crash tables' counts are gone, and what the server counts
# as a whole says since when it does.
_SERVER = """
SELECT txid_current_snapshot()::text, pg_postmaster_start_time()::text,
    (SELECT coalesce(stats_reset::text, '') FROM pg_stat_database WHERE datname = current_database()) || '/'
        || (SELECT coalesce(stats_reset::text, '') FROM pg_stat_bgwriter),
    (SELECT count(*)::text FROM pg_largeobject_metadata),
    current_setting('track_counts')::bool
        AND NOT EXISTS (SELECT FROM pg_db_role_setting x LEFT JOIN pg_roles r ON r.oid = x.setrole
            WHERE x.setconfig::text ~ 'track_counts=' AND coalesce(r.rolname, '') !~ '^(pg_|rds)')
"""
# What is not committed is not counted yet, and may be committed before the target is gone.
_OPEN = """
SELECT format('a transaction of %s has written and is still open', coalesce(usename, 'somebody')) FROM pg_stat_activity
WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend'
AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
UNION ALL SELECT format('a prepared transaction of %s is open', owner) FROM pg_prepared_xacts
WHERE database = current_database() ORDER BY 1
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND coalesce(backend_type, 'client backend') = 'client backend' AND pid <> pg_backend_pid()
"""
# A session tells its counts between two transactions: one second after the last time at the earliest, and after ten
# seconds of idleness at the latest. Who began one before that may have kept some. What others do may be hidden.
_KEEPS = """
SELECT format('a session of %s (pid %s) is in a transaction, and may keep what it counted until that ends',
    coalesce(usename, 'somebody'), pid) FROM pg_stat_activity
WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend'
AND pid <> pg_backend_pid() AND (backend_type IS NULL OR xact_start < clock_timestamp() - interval '1 second')
ORDER BY pid
"""
# Numbers that were handed out may stand elsewhere, with or without a row.
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value::text FROM pg_sequences"


@dataclass(frozen=True, slots=True)
class Since:
    """What is known of the time since a mark."""

    state: Literal["nothing", "written", "unclear"]
    lines: tuple[str, ...] = ()
    """Where written: the tables, with counts. Where unclear: why."""


def mark(connection: Any) -> str:
    """The counters as they are now, to be compared later. Outside a transaction."""
    number, started, reset, large, counts = connection.execute(_SERVER).fetchone()
    tables = {row[0]: [int(count) for count in row[1:]] for row in connection.execute(_TABLES).fetchall()}
    known = {"transaction": number, "started": started, "reset": reset, "large": large, "tables": tables}
    known["counts"] = counts
    known["sequences"] = dict(connection.execute(_SEQUENCES).fetchall())
    return json.dumps(known, separators=(",", ":"), sort_keys=True)


def unfinished(connection: Any) -> list[str]:
    """Transactions that have written and are open: nobody can see yet what they wrote."""
    return [row[0] for row in connection.execute(_OPEN).fetchall()]


def since(before: str | None, connection: Any, pause: Callable[[float], None]) -> Since:
    """What was written since the mark; without a mark nobody knows."""
    if not before:
        return Since("unclear", ("what it held when it was proved was not noted",))
    old, now = json.loads(before), json.loads(mark(connection))
    if still_open := unfinished(connection):
        return Since("written", (*_moved(old, now), *still_open))
    if old["started"] == now["started"] and old["transaction"] == now["transaction"]:
        return Since("nothing")
    lines, keeping = _moved(old, now), []
    if not lines and connection.info.server_version >= FLUSHED_SINCE:
        if connection.execute(_OTHERS).fetchone()[0]:
            pause(FLUSHED_S)
            keeping = [row[0] for row in connection.execute(_KEEPS).fetchall()]
        # Who has left, were it a moment ago, has left his counts behind.
        now = json.loads(mark(connection))
        lines = _moved(old, now)
    if lines:
        return Since("written", tuple(lines))
    if not (old.get("counts", True) and now["counts"]):
        return Since("unclear", ("its server does not count what is written (track_counts)",))
    if old["started"] != now["started"] or old["reset"] != now["reset"]:
        return Since("unclear", ("its counters were begun anew since",))
    if connection.info.server_version < FLUSHED_SINCE:
        return Since("unclear", ("its sessions may keep their counts to themselves",))
    if keeping:
        return Since("unclear", tuple(keeping))
    return Since("nothing")


def _moved(old: Any, now: Any) -> list[str]:
    lines = []
    if old["large"] != now["large"]:
        lines.append(f"{old['large']} large objects then, {now['large']} now")
    for table in sorted(old["tables"].keys() | now["tables"].keys()):
        one, other = old["tables"].get(table), now["tables"].get(table)
        if one is None and table == LARGE:
            continue  # A mark of an earlier version.
        if one is None or other is None:
            lines.append(f"{table} was {'made' if one is None else 'dropped'}")
            continue
        counts = [later - earlier for earlier, later in zip(one[:3], other[:3], strict=True)]
        # Fewer than before: begun anew. Then a number is no difference.
        if any(count > 0 for count in counts) and min(counts) >= 0:
            told = zip(counts, ("inserted", "updated", "deleted"), strict=True)
            lines.append(f"{table}: " + ", ".join(f"{count} rows {what}" for count, what in told if count))
        elif one[3] != other[3]:
            lines.append(f"{table} was emptied or written anew")
    for sequence, value in sorted(now["sequences"].items()) if not lines else ():
        # With a table's rows go its numbers. A mark of an earlier version has none; one that is new is its table's.
        earlier = old.get("sequences", {}).get(sequence, value)
        if earlier != value:
            lines.append(f"sequence {sequence}: {earlier or 'unused'} then, {value or 'unused'} now")
    return lines
