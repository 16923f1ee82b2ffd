"""A database moves by replication under the command line, with writers, kill -9 and a rollback: not one row is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.demo.world import World

from . import small
from .story import Story, story

PASSWORD = "correct-horse-1"
CONFIG = small.CONFIG + 'databases:\n  - {instance: "ledger", secret: ledger/db, strategy: logical}\n'
SCHEMA = """
CREATE TABLE entries (id bigserial PRIMARY KEY, said text);
INSERT INTO entries (said) SELECT 'first ' || n FROM generate_series(1, 5000) n;
"""


def build(world: World, *, logical: bool = True) -> None:
    """A subnet group, a parameter group, an instance with rows, and the secret that names its login."""
    client = world.session(small.LEGACY).client
    ec2, rds = client("ec2"), client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{n}.0/24", AvailabilityZone=f"eu-west-1{'ab'[n]}")
        for n in range(2)
    ]
    group = ec2.create_security_group(GroupName="ledger", Description="d", VpcId=vpc)["GroupId"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="ledger", DBSubnetGroupDescription="d", SubnetIds=[s["Subnet"]["SubnetId"] for s in subnets]
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="ledger", DBParameterGroupFamily="postgres16", Description="replicated"
    )
    if logical:
        one = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
        rds.modify_db_parameter_group(DBParameterGroupName="ledger", Parameters=[one])
    rds.create_db_instance(
        DBInstanceIdentifier="ledger", Engine="postgres", EngineVersion="16.4", DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20, MasterUsername="ledger", MasterUserPassword=PASSWORD, DBName="ledger",
        DBSubnetGroupName="ledger", DBParameterGroupName="ledger", BackupRetentionPeriod=1,
        VpcSecurityGroupIds=[group],
    )  # fmt: skip
    client("secretsmanager").create_secret(
        Name="ledger/db", SecretString=json.dumps({"username": "ledger", "password": PASSWORD})
    )
    with connect(world, small.LEGACY) as link:
        link.execute(SCHEMA)


def connect(world: World, account: str) -> Any:
    """As an application of that account connects."""
    rds = world.session(account).client("rds")
    found = rds.describe_db_instances(DBInstanceIdentifier="ledger")["DBInstances"][0]["Endpoint"]
    host, port = world.tunnel(found["Address"], found["Port"])
    return psycopg.connect(host=host, port=port, user="ledger", password=PASSWORD, dbname="ledger", autocommit=True)


@contextmanager
def writing(world: World) -> Iterator[list[int]]:
    """A writer that nobody stops: what it was told is committed."""
    committed: list[int] = []
    stop = threading.Event()

    def write() -> None:
        link = connect(world, small.LEGACY)
        try:
            while not stop.wait(0.02):
                committed.append(link.execute("INSERT INTO entries (said) VALUES ('new') RETURNING id").fetchone()[0])
        except psycopg.Error:
            return
        finally:
            link.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield committed
    finally:
        stop.set()
        thread.join()


def asked(world: World, account: str, query: str) -> list[Any]:
    with connect(world, account) as link:
        return [row[0] for row in link.execute(query.encode()).fetchall()]


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_database_is_replicated_under_writers_and_kills_and_comes_back(tmp_path: Path) -> None:
    config = CONFIG.replace("runbook: move-workload,", "runbook: move-workload-replicated,")
    with story(tmp_path, lambda world: build(world, logical=False), config) as told:
        told.prepare()
        _plan_says(told)
        with writing(told.world) as committed:
            kills = _run_with_kills(told)
        assert kills >= 2
        target = asked(told.world, small.TARGET, "SELECT id FROM entries WHERE said = 'new'")
        assert len(committed) > 20
        assert len(target) == len(set(target))
        assert set(committed) <= set(target)
        assert asked(told.world, small.TARGET, "SELECT last_value FROM entries_id_seq") == [max(target)]
        assert asked(told.world, small.LEGACY, "SELECT slot_name FROM pg_replication_slots") == []
        assert told.type("verify", expect=None).code == 0
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            asked(told.world, small.LEGACY, "INSERT INTO entries (said) VALUES ('late') RETURNING id")

        told.type("rollback", "--to", "0", "--confirm", told.undo())

        assert asked(told.world, small.LEGACY, "INSERT INTO entries (said) VALUES ('again') RETURNING said") == [
            "again"
        ]
        assert not told.world.session(small.TARGET).client("rds").describe_db_instances()["DBInstances"]
        assert not _snapshots(told)
        rds = told.world.session(small.LEGACY).client("rds")
        groups = [group["DBParameterGroupName"] for group in rds.describe_db_parameter_groups()["DBParameterGroups"]]
        assert not [name for name in groups if name.startswith("migrate")]
        found = rds.describe_db_instances(DBInstanceIdentifier="ledger")["DBInstances"][0]
        assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "ledger"


def _snapshots(told: Story) -> list[Any]:
    rds = told.world.session(small.LEGACY).client("rds")
    found: list[Any] = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    return found


def _plan_says(told: Story) -> None:
    plan = json.loads(next(told.folder.glob("*.plan.json")).read_text())
    steps = {step["id"].rpartition("/")[2]: step for step in plan["body"]["steps"]}
    first, last, before_cutover = (gate["after_wave"] for gate in plan["body"]["gates"])
    assert first < steps["ledger:enable_replication"]["wave"] <= last
    changes = {one["fact"]: one["becomes"] for one in plan["body"]["legacy_changes"]}
    assert changes["logical_replication"] is True
    for early in ("check_replication", "snapshot", "copy", "create", "replicate"):
        assert steps[f"ledger:{early}"]["downtime"] == "D0"
        assert first < steps[f"ledger:{early}"]["wave"] <= last
    assert last < steps["ledger:catch_up"]["wave"] <= before_cutover < steps["ledger:look_again"]["wave"]
    assert "snapshot would be: writers stand still for about 4" in steps["ledger:replicate"]["carry"]["strategy"]


def _run_with_kills(told: Story) -> int:
    """Kill the run's process whenever its journal has grown by some entries, then run to the end."""
    kills = 0
    for grown in (9, 16, 23):
        process = told.start("run", "--engine", "local")
        goal = told.journal_length() + grown
        while process.poll() is None and told.journal_length() < goal:
            time.sleep(0.02)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
        if process.returncode == 3:
            told.answer()
    told.run()
    return kills


@pytest.mark.torture
@pytest.mark.timeout(300)
def test_no_runbook_reboots_a_database_without_naming_it(tmp_path: Path) -> None:
    with story(tmp_path, lambda world: build(world, logical=False), CONFIG) as told:
        told.type("scan")

        said = told.type("plan", expect=None)

        assert said.code != 0
        assert "no runbook of `move` says when rds.instance.enable_replication happens" in said.err
