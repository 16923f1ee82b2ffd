"""Slow states and throttling, by the world's own clock and buckets: a run says what it waits for, is killed while it
waits, goes on where it stood once the time has come, and sends nothing twice that makes something."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.demo import clock
from migrate.demo.world import World
from tests.acceptance import stores_account as account
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(600)]

LEGACY, TARGET = account.LEGACY, account.TARGET
ITEMS = 400


def build(world: World) -> None:
    """A table with items, two secrets and a parameter."""
    client = world.session(LEGACY).client
    account.table(client("dynamodb"), "orders")
    for number in range(account.ITEMS, ITEMS):
        client("dynamodb").put_item(TableName="orders", Item={"id": {"N": str(number)}})
    for name in ("slow/one", "slow/two"):
        client("secretsmanager").create_secret(Name=name, SecretString=f"value of {name}")
    client("ssm").put_parameter(Name="/slow/level", Type="String", Value="debug")


CONFIG = account.CONFIG.replace(
    account.CONFIG[account.CONFIG.index("stores:\n") : account.CONFIG.index("settle_s")], ""
)


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("slow"), build, CONFIG) as told:
        told.prepare()
        yield told


def asked(told: Story) -> Counter[str]:
    """How often the target was asked for each operation, and how often that was one too many."""
    lines = [json.loads(line) for line in told.log.read_text().splitlines()]
    return Counter(
        ("throttled " if line.get("throttled") else "") + line["operation"]
        for line in lines
        if line["account"] == TARGET
    )


def waiting(told: Story) -> str:
    """What `migrate status` says that the run waits for."""
    return told.type("status", expect=None).out


def test_a_run_waits_by_the_worlds_time_and_goes_on_after_a_kill_where_it_stood(approved: Story) -> None:
    clock.slow(approved.world.home, {"dynamodb:table": 2400.0})
    table = approved.world.session(TARGET).client("dynamodb")

    # Killed in the middle of the wait: the table is asked for, and 40 minutes of its time are not over.
    begun, said = time.monotonic(), ""
    process = approved.start("run", "--engine", "local")
    while time.monotonic() - begun < 120 and "waits for AWS" not in said:
        time.sleep(1.0)
        said = waiting(approved)
    process.kill()
    process.communicate()
    [line] = [line for line in said.splitlines() if line.startswith("waits for AWS")]
    assert "dynamodb.table/orders:create: dynamodb.DescribeTable" in line
    assert "CREATING, seen first at" in line
    assert table.describe_table(TableName="orders")["Table"]["TableStatus"] == "CREATING"

    clock.push(approved.world.home, 1200)
    assert table.describe_table(TableName="orders")["Table"]["TableStatus"] == "CREATING"
    clock.push(approved.world.home, 1201)
    approved.type("run", "--engine", "local", expect=3)

    assert table.describe_table(TableName="orders")["Table"]["TableStatus"] == "ACTIVE"
    assert asked(approved)["CreateTable"] == 1
    assert time.monotonic() - begun < 400


def test_a_run_survives_a_bucket_of_tokens_for_each_operation_and_doubles_nothing(approved: Story) -> None:
    approved.faults(buckets={"dynamodb:BatchWriteItem": [2, 2], "secretsmanager:*": [1, 1], "dynamodb:Scan": [1, 1]})

    approved.run()

    count = asked(approved)
    approved.faults()
    assert count["throttled BatchWriteItem"] > 0
    assert count["CreateSecret"] == 2
    assert count["PutSecretValue"] == 2
    there, here = (
        approved.world.session(one).client("dynamodb").scan(TableName="orders")["Items"] for one in (TARGET, LEGACY)
    )
    assert sorted(map(str, there)) == sorted(map(str, here))
    assert len(there) == ITEMS
    secrets = approved.world.session(TARGET).client("secretsmanager")
    for name in ("slow/one", "slow/two"):
        versions = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
        assert len(versions) == 1, f"{name} was written more than once"
    approved.type("verify")


def test_a_database_is_restored_in_its_time_and_a_snapshot_that_is_not_ready_is_refused(tmp_path: Path) -> None:
    def nothing(_: World) -> None:
        """An empty account."""

    with story(tmp_path, nothing, CONFIG) as told:
        clock.slow(told.world.home)
        rds = told.world.session(LEGACY).client("rds")
        rds.create_db_instance(
            DBInstanceIdentifier="small", DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
            MasterUsername="shop", MasterUserPassword="correct-horse-1", EngineVersion="16.3", DBName="shop",
        )  # fmt: skip

        def state(name: str) -> str:
            return str(rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"])

        made = rds.create_db_snapshot(DBInstanceIdentifier="small", DBSnapshotIdentifier="s")["DBSnapshot"]
        assert made["Status"] == "creating"
        with pytest.raises(rds.exceptions.InvalidDBSnapshotStateFault):
            rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="s")
        clock.push(told.world.home, 601)
        rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="s")

        assert state("again") == "creating"
        clock.push(told.world.home, 2300)
        assert state("again") == "creating"
        clock.push(told.world.home, 101)
        assert state("again") == "available"
        assert state("small") == "available"
