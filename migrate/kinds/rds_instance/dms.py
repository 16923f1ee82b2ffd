"""How a PostgreSQL instance moves by AWS DMS: a person makes and stops the tasks, and each step looks whether it is so.

The target is restored from a snapshot (roles, extensions and definitions come with it); DMS loads the rows anew and
follows. The rule: nothing of DMS is made or deleted here, no step goes on before AWS and both databases show what it
asks for, and what DMS says of its own work proves nothing: the rows are compared as after every other way.

Source: dms.DescribeReplicationTasks, botocore 1.44.5; DMS user guide, Using a PostgreSQL database as a source, and as
a target, read 2026-11. Not tried on AWS.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.carry import logical
from migrate.errors import GateClosed, StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.facts import InstanceFacts
from migrate.kinds.rds_instance.pairs import Pair, connected
from migrate.kinds.rds_instance.replication import STANDS_STILL, by_dms, finish, let_write

SLOTS = """
SELECT slot_name::text FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()
AND plugin IN ('test_decoding', 'pglogical') ORDER BY 1
"""
"""The plugins that DMS reads with. Source: DMS user guide, Using a PostgreSQL database as a source, pluginName."""


def task_name(to_step: str, database: str) -> str:
    """What the task of one database is to be called: letters, digits and single hyphens, begun by a letter."""
    return f"migrate-{hashlib.sha256(f'{to_step}/dms/{database}'.encode()).hexdigest()[:16]}"


class _ByHand(CarryAction[InstanceFacts]):
    """A step that a person does in DMS, in the target's account."""

    writes = frozenset()
    reads = frozenset({"dms.DescribeReplicationTasks"})

    def applies(self, it: It[InstanceFacts]) -> bool:
        return by_dms(it)


class LoadByDms(_ByHand):
    """Waits for a task for each database that has loaded every table and follows."""

    name = "load_by_dms"
    title = "By hand: load the rows by DMS, and follow"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "a person makes a replication instance, two endpoints and a task of full load and CDC for each "
            "database in the target's account; the step says their names, and goes on once each task runs, its full "
            "load is at 100 percent and no table has failed",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        counts: dict[str, Json] = {}
        asked: list[str] = []
        with connected(it, to, with_target=False) as pairs:
            tasks = _tasks(to)
            for pair in pairs:
                if pair.tables:
                    name = task_name(to.place.step, pair.database)
                    why = _not_following(tasks.get(name))
                    if why:
                        asked.append(f"{pair.database} ({pair.tables} tables), task {name}: {why}")
                    counts[pair.database] = pair.tables
        _ask(
            to,
            asked,
            "in DMS of the target's account: a replication instance that reaches both servers, an endpoint for "
            "legacy's database and one for the target's (session_replication_role must be replica there: foreign keys "
            "and triggers would refuse or repeat rows), and a task of that name, MigrationType full-load-and-cdc, "
            "TargetTablePrepMode TRUNCATE_BEFORE_LOAD (DO_NOTHING and emptied tables where foreign keys refuse that), "
            "full LOB mode, every schema; captureDDLs=false on legacy's endpoint, so that DMS makes no table there; "
            "then StartReplicationTask",
        )
        return counts

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        """What DMS says is no proof: the rows are compared later."""
        return Proof("equal")

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing of DMS is ours to delete: a task that stands keeps the target; a slot would fill legacy's disk."""
        with connected(it, to, with_target=False) as pairs:
            left = list(_left(to, pairs))
        if left:
            raise StepFailed(
                f"{to.step}: DMS is not taken away yet: {'; '.join(left)}",
                do="delete the tasks (dms.StopReplicationTask, dms.DeleteReplicationTask), drop the slots that they "
                "left (pg_drop_replication_slot), then migrate rollback",
            )


class CatchUpByDms(_ByHand):
    """Legacy becomes read-only; waits for a person to stop the tasks once they are through; sequences are set."""

    name = "catch_up_by_dms"
    title = "By hand: stop DMS behind legacy's last row"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "a person waits until DMS has no latency and stops its tasks; then sequences get legacy's values "
            "and materialized views are computed anew",
            "in legacy": STANDS_STILL,
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        with connected(it, to) as pairs:
            to.intend("postgresql.AlterDatabase", side="legacy")
            for pair in pairs:
                if f"stopped_at/{pair.database}" not in to.outputs:
                    to.remember(f"stopped_at/{pair.database}", logical.stop_writes(pair.legacy))
            tasks = _tasks(to)
            asked = []
            for pair in pairs:
                name = task_name(to.place.step, pair.database)
                if pair.tables and tasks.get(name, {}).get("Status") != "stopped":
                    asked.append(f"{pair.database}, task {name}: {_status(tasks.get(name))}")
            _ask(
                to,
                asked,
                "legacy is read-only now. Wait until CDCLatencySource and CDCLatencyTarget of the task are 0 in "
                "CloudWatch, then dms.StopReplicationTask, and drop what DMS made for itself in the target (tables "
                "awsdms_*; the proof of rows would name them). Do not delete it before the rows are proved: where they "
                "differ, StartReplicationTask with resume-processing brings the rest",
            )
            return finish(pairs)

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        with connected(it, to) as pairs:
            differences = tuple(
                f"{pair.database}: sequences differ"
                for pair in pairs
                if f"stopped_at/{pair.database}" not in to.outputs
                or logical.sequences(pair.legacy) != logical.sequences(pair.target)
            )
        return Proof("different" if differences else "equal", ("sequences",), differences)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        let_write(it, to)


class EndDms(_ByHand):
    """After the proof of rows: waits until tasks and slots are gone. A slot that nobody reads fills legacy's disk."""

    name = "end_dms"
    title = "By hand: delete the DMS tasks and their slots"
    phase = "data"
    downtime = "D2"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "a person deletes the tasks, endpoints and the replication instance; the step looks for the tasks "
            "in DMS, and for slots in legacy's databases",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        with connected(it, to, with_target=False) as pairs:
            _ask(
                to,
                list(_left(to, pairs)),
                "dms.DeleteReplicationTask, dms.DeleteEndpoint, dms.DeleteReplicationInstance; then in legacy "
                "SELECT pg_drop_replication_slot(name) for each slot that is left. A slot that somebody else reads "
                "with these plugins has to be dropped too, or end with another plugin: nobody can tell them apart",
            )
        return {}

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        with connected(it, to, with_target=False) as pairs:
            left = tuple(_left(to, pairs))
        return Proof("different" if left else "equal", ("tasks", "slots"), left)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: what a person deleted is not made again."""


def _tasks(to: Carrier) -> dict[str, Any]:
    """Every task of the target's account. A refused read is an error: it must not look like no task."""
    listed = to.target.pages("dms.DescribeReplicationTasks", "ReplicationTasks", WithoutSettings=True)
    return {task["ReplicationTaskIdentifier"]: task for task in listed}


def _not_following(task: Any) -> str:
    """Why a task is not where it should be; empty: it has loaded everything, and follows."""
    if task is None:
        return "is not there"
    stats = task.get("ReplicationTaskStats", {})
    if task.get("MigrationType") != "full-load-and-cdc":
        return f"is {task.get('MigrationType')}, and has to be full-load-and-cdc"
    if stats.get("TablesErrored"):
        return f"{stats['TablesErrored']} tables failed (dms.DescribeTableStatistics names them)"
    if task.get("Status") != "running" or stats.get("FullLoadProgressPercent") != 100:
        return _status(task)
    return ""


def _status(task: Any) -> str:
    if task is None:
        return "is not there"
    loaded = task.get("ReplicationTaskStats", {}).get("FullLoadProgressPercent", 0)
    said = task.get("LastFailureMessage") or task.get("StopReason") or ""
    return f"is {task.get('Status')}, {loaded} percent of the full load" + (f" ({said})" if said else "")


def _left(to: Carrier, pairs: list[Pair]) -> Iterator[str]:
    tasks = _tasks(to)
    for pair in pairs:
        name = task_name(to.place.step, pair.database)
        if name in tasks:
            yield f"{pair.database}: task {name} {_status(tasks[name])}"
        for (slot,) in pair.legacy.execute(SLOTS).fetchall():
            yield f"{pair.database}: replication slot {slot} is in legacy"


def _ask(to: Carrier, asked: list[str], what: str) -> None:
    """Raise GateClosed where a person has something to do."""
    if asked:
        lines = "\n".join(f"    {line}" for line in asked)
        raise GateClosed(f"{to.step}: a person is needed: {what}\n{lines}", do="do that, then migrate run")
