"""An instance moves by DMS, which a person sets up: each step says what to do, and believes only what it reads.

The emulator's tasks carry no rows: a subscription of PostgreSQL stands for what DMS copies. Simulated.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from migrate.carry import logical, logical_indexes
from migrate.demo.postgres import Fleet
from migrate.errors import GateClosed, StepFailed
from migrate.kinds.rds_instance import dms
from migrate.kinds.rds_instance.dms import task_name
from tests.carry.fake_carrier import LEGACY
from tests.carry.two_servers import make
from tests.kinds.plain_site import PlainSite
from tests.kinds.replicated import INSTANCE, Move
from tests.kinds.replicated import sessions as sessions

STEPS = ("check_replication", "load_by_dms", "catch_up_by_dms", "prove_rows", "end_dms")
TASK = task_name("step:create", "shop")
OTHER = task_name("step:create", "postgres")


@pytest.fixture
def move(fleet: Fleet, sessions: dict[str, boto3.Session]) -> Iterator[Move]:
    site = PlainSite(sessions["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    it = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop"))))
    servers = make(fleet)
    yield Move(dataclasses.replace(it, strategy="dms"), servers, sessions)
    servers.close()


class Person:
    """Who sets DMS up in the target's account."""

    def __init__(self, move: Move) -> None:
        self.move, self.dms = move, move.sessions["target"].client("dms")

    @property
    def legacy(self) -> Any:
        """A session of its own each time: catching up ends the older ones."""
        return self.move.servers.opened("legacy")

    @property
    def target(self) -> Any:
        return self.move.servers.opened("target")

    def make(self, migration_type: str = "full-load-and-cdc") -> None:
        arn = "arn:aws:dms:eu-west-1:222222222222:endpoint:x"
        self.dms.create_replication_task(
            ReplicationTaskIdentifier=TASK, SourceEndpointArn=arn, TargetEndpointArn=arn, ReplicationInstanceArn=arn,
            MigrationType=migration_type, TableMappings="{}",
        )  # fmt: skip

    def start(self) -> None:
        self.dms.start_replication_task(ReplicationTaskArn=self.arn, StartReplicationTaskType="start-replication")
        legacy, target = self.legacy, self.target
        logical.begin(legacy, target, "dms", self.move.servers.address)
        while not logical.progress(legacy, target, "dms").copied:
            pass

    def stop(self) -> None:
        legacy, target = self.legacy, self.target
        position = legacy.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]
        while not logical.has_applied(legacy, "dms", position):
            pass
        logical_indexes.build(legacy, target, "dms")
        self.dms.stop_replication_task(ReplicationTaskArn=self.arn)
        oid = logical.oid_of(target, "dms")
        logical.end_in_target(target, "dms")
        logical.end_in_legacy(legacy, "dms", oid)

    def delete(self) -> None:
        self.dms.delete_replication_task(ReplicationTaskArn=self.arn)

    @property
    def arn(self) -> Any:
        return self.dms.describe_replication_tasks()["ReplicationTasks"][0]["ReplicationTaskArn"]


def test_each_step_waits_for_the_person_and_the_rows_are_compared_all_the_same(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This server has no plugin of DMS's.
    monkeypatch.setattr(dms, "SLOTS", dms.SLOTS.replace("'pglogical'", "'pgoutput'"))
    person = Person(move)
    move.do("check_replication")
    with pytest.raises(GateClosed, match=rf"full-load-and-cdc(.|\n)*shop \(6 tables\), task {TASK}: is not there") as e:
        move.do("load_by_dms")
    person.make()
    with pytest.raises(GateClosed, match="is creating"):
        move.do("load_by_dms")
    person.start()
    move.do("load_by_dms")
    move.servers.run("legacy", "INSERT INTO orders (note) VALUES ('while it follows')", "SELECT nextval('numbers')")
    with pytest.raises(GateClosed, match="CDCLatencyTarget") as waiting:
        move.do("catch_up_by_dms")
    with pytest.raises(Exception, match="read-only"):
        move.servers.run("legacy", "INSERT INTO orders (note) VALUES ('late')")
    person.stop()

    caught = move.do("catch_up_by_dms")
    proved = move.do("prove_rows")
    with pytest.raises(GateClosed, match=f"task {TASK} is stopped"):
        move.do("end_dms")
    person.delete()
    person.legacy.execute("SELECT pg_create_logical_replication_slot('left_by_dms', 'pgoutput')")
    with pytest.raises(GateClosed, match="replication slot left_by_dms is in legacy"):
        move.do("end_dms")
    person.legacy.execute("SELECT pg_drop_replication_slot('left_by_dms')")

    assert e.value.exit_code == waiting.value.exit_code == 3
    assert (caught.state, proved.state, move.do("end_dms").state) == ("equal", "equal", "equal"), proved.differences
    assert move.servers.ask("target", "SELECT count(*) FROM orders WHERE note = 'while it follows'") == [(1,)]
    assert move.servers.ask("target", "SELECT last_value FROM numbers") == move.servers.ask(
        "legacy", "SELECT last_value FROM numbers"
    )
    move.undo(*reversed(STEPS))
    move.servers.run("legacy", "INSERT INTO orders (note) VALUES ('after')")


@pytest.mark.torture
def test_a_task_that_does_not_follow_and_a_row_that_it_left_out_are_not_believed(move: Move) -> None:
    person = Person(move)
    person.make("full-load")
    with pytest.raises(GateClosed, match="is full-load, and has to be full-load-and-cdc"):
        move.do("load_by_dms")
    with pytest.raises(StepFailed, match=f"task {TASK}"):
        move.undo("load_by_dms")
    person.delete()
    person.make()
    person.start()
    move.do("load_by_dms")
    with pytest.raises(GateClosed):
        move.do("catch_up_by_dms")
    person.stop()
    move.do("catch_up_by_dms")
    move.servers.run("target", "DELETE FROM lines WHERE id = 7")

    assert "shop: keys of public.lines (id): 1 only in legacy: 7" in move.do("prove_rows").differences


def test_only_what_dms_needs_is_planned_and_the_copy_is_made_early(move: Move) -> None:
    planned = [action.name for action in INSTANCE.actions if action.applies(move.it)]

    assert [name for name in planned if name in STEPS] == list(STEPS)
    assert not {"replicate", "catch_up", "end_replication", "follow_back"} & set(planned)
    assert INSTANCE.action("create").when(move.it) == ("build", "D0")
    assert "enable_replication" in planned
    assert len({TASK, OTHER}) == 2
