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
# Transactions take a number when they first write; the server's own work (analyze, say) takes some too. After a crash
# tables' counts are gone, and what the server counts as a whole says since when it does.
_SERVER = """
SELECT txid_snapshot_xmax(txid_current_snapshot())::text, pg_postmaster_start_time()::text,
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
WHERE datname = current_database() AND backend_type = 'client backend' AND backend_xid IS NOT NULL
AND pid <> pg_backend_pid()
UNION ALL SELECT format('a prepared transaction of %s is open', owner) FROM pg_prepared_xacts
WHERE database = current_database() ORDER BY 1
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
AND pid <> pg_backend_pid()
"""


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
    return json.dumps(known, separators=(",", ":"), sort_keys=True)


def since(before: str | None, connection: Any, pause: Callable[[float], None]) -> Since:
    """What was written since the mark; without a mark nobody knows."""
    if not before:
        return Since("unclear", ("what it held when it was proved was not noted",))
    old, now = json.loads(before), json.loads(mark(connection))
    unfinished = [row[0] for row in connection.execute(_OPEN).fetchall()]
    if unfinished:
        return Since("written", (*_moved(old, now), *unfinished))
    if old["started"] == now["started"] and old["transaction"] == now["transaction"]:
        return Since("nothing")
    lines = _moved(old, now)
    # Who has left has left his counts behind.
    if not lines and connection.info.server_version >= FLUSHED_SINCE and connection.execute(_OTHERS).fetchone()[0]:
        pause(FLUSHED_S)
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
    return lines
