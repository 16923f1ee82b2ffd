"""An Aurora PostgreSQL cluster with a writer and a reader: moved by snapshot, every row proved, faults named, undone.

One world, in order. What stands in the databases is read and changed by plain psycopg, and AWS by plain boto3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.demo.world import World
from tests.acceptance.rows_network import connected, rows_network
from tests.acceptance.test_database_story import CONFIG, LOGIN
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

SCHEMA = """
CREATE TABLE orders (id bigserial PRIMARY KEY, customer text, total numeric);
INSERT INTO orders (customer, total) SELECT 'customer ' || n, n * 1.5 FROM generate_series(1, 3000) n;
CREATE ROLE reader;
GRANT SELECT ON orders TO reader;
"""


def build(world: World) -> None:
    """A network, an encrypted cluster with two members and groups of its own, and the secret with its login."""
    session = world.session(LEGACY)
    rds = session.client("rds")
    group = rows_network(session)
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="rows-cluster", DBParameterGroupFamily="aurora-postgresql16", Description="rows"
    )
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="rows-cluster",
        Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}],
    )
    rds.create_db_cluster(
        DBClusterIdentifier="rows", DatabaseName="shop", Engine="aurora-postgresql", EngineVersion="16.4",
        MasterUsername="shop", MasterUserPassword="password-1", DBSubnetGroupName="rows", VpcSecurityGroupIds=[group],
        DBClusterParameterGroupName="rows-cluster", StorageEncrypted=True, DeletionProtection=True,
        BackupRetentionPeriod=7, PreferredBackupWindow="02:00-02:30", EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql"], Tags=[{"Key": "env", "Value": "dev"}],
    )  # fmt: skip
    for member, tier in (("rows-writer", 0), ("rows-reader", 2)):
        rds.create_db_instance(
            DBInstanceIdentifier=member, DBClusterIdentifier="rows", Engine="aurora-postgresql", PromotionTier=tier,
            DBInstanceClass="db.r6g.large", Tags=[{"Key": "env", "Value": "dev"}],
        )  # fmt: skip
    session.client("secretsmanager").create_secret(
        Name="rows/db", SecretString=json.dumps({**LOGIN, "host": cluster(world, LEGACY)["Endpoint"]})
    )
    with connect(world, LEGACY) as link:
        link.execute(SCHEMA.encode())


def cluster(world: World, account: str) -> dict[str, Any]:
    found: dict[str, Any] = world.session(account).client("rds").describe_db_clusters(DBClusterIdentifier="rows")
    one: dict[str, Any] = found["DBClusters"][0]
    return one


def connect(world: World, account: str) -> Any:
    """Where a person's tunnel ends."""

    def endpoint() -> tuple[str, int]:
        one = cluster(world, account)
        return one["Endpoint"], one["Port"]

    return connected(world, endpoint)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("aurora"), build, CONFIG) as told:
        yield told


def change(told: Story, account: str, *statements: str) -> None:
    with connect(told.world, account) as link:
        for statement in statements:
            link.execute(statement.encode())


def test_the_cluster_arrives_with_its_members_its_groups_and_every_row_though_the_run_is_killed(told: Story) -> None:
    told.prepare()
    killed = 0
    # Where a gate is met first the run ends by itself: it is answered, and killed at its next entries.
    for entries in (3, 40, 12, 9, 6):
        killed += told.kill_at("run", "--engine", "local", entries=entries, after_s=0.05)
        told.answer()
    told.run()

    assert killed > 2
    made = [one.rpartition(" ")[2] for one in told.writes()]
    assert made.count("rds.RestoreDBClusterFromSnapshot") == made.count("rds.CreateDBClusterSnapshot") == 1
    assert made.count("kms.CreateKey") == 1

    was, there = cluster(told.world, LEGACY), cluster(told.world, TARGET)
    for same in (
        "Engine", "EngineVersion", "DatabaseName", "MasterUsername", "DBClusterParameterGroup", "DeletionProtection",
        "BackupRetentionPeriod", "PreferredBackupWindow", "IAMDatabaseAuthenticationEnabled", "StorageEncrypted",
        "EnabledCloudwatchLogsExports", "DBSubnetGroup",
    ):  # fmt: skip
        assert there[same] == was[same], same
    assert there["Endpoint"] != was["Endpoint"]
    assert there["KmsKeyId"] != was["KmsKeyId"]
    tiers = {one["DBInstanceIdentifier"]: one["PromotionTier"] for one in there["DBClusterMembers"]}
    assert tiers == {"rows-writer": 0, "rows-reader": 2}
    secret = told.world.session(TARGET).client("secretsmanager").get_secret_value(SecretId="rows/db")["SecretString"]
    assert json.loads(secret)["host"] == there["Endpoint"]
    rds = told.world.session(TARGET).client("rds")
    parameters = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="rows-cluster", Source="user")
    assert [one["ParameterName"] for one in parameters["Parameters"]] == ["rds.force_ssl"]
    with connect(told.world, TARGET) as link:
        assert link.execute("SELECT count(*), sum(total) FROM orders").fetchone() == (3000, 6752250)
    (run,) = told.folder.glob("*.run")
    (rows,) = (run / "evidence").glob("*prove-rows*.json")
    proved = json.loads(rows.read_text())["body"]["evidence"]["shop"]["by table"]["public.orders"]
    assert proved["legacy"]["rows"] == proved["target"]["rows"] == 3000
    assert proved["legacy"]["sum"] == proved["target"]["sum"]


def test_verify_names_a_changed_row_a_lost_reader_and_a_changed_setting(told: Story) -> None:
    rds = told.world.session(TARGET).client("rds")
    change(told, TARGET, "UPDATE orders SET total = -total WHERE id = 777")
    rds.modify_db_cluster(DBClusterIdentifier="rows", BackupRetentionPeriod=1)
    rds.delete_db_instance(DBInstanceIdentifier="rows-reader", SkipFinalSnapshot=True)

    said = told.type("verify", expect=5)

    assert "keys of public.orders (id): 1 changed: 777" in said.err
    assert "backup_retention_days" in said.err
    assert "rows-reader" in said.err


def test_a_rollback_asks_for_rows_that_only_the_target_has_then_leaves_both_sides_as_they_were(told: Story) -> None:
    change(told, TARGET, "UPDATE orders SET total = -total WHERE id = 777")
    change(told, TARGET, "INSERT INTO orders (customer, total) VALUES ('late', 1)")

    listed = told.type("rollback", "--to", "0")
    refused = told.type("rollback", "--to", "0", "--confirm", listed.out.strip(), expect=None)
    found = re.search(r"--losing (\S+)", listed.err + refused.err)

    assert refused.code not in (0, 1)
    assert "public.orders" in listed.err
    assert cluster(told.world, TARGET)["Status"] == "available"
    assert found, listed.err + refused.err
    told.type("rollback", "--to", "0", "--confirm", listed.out.strip(), "--losing", found[1], "--by", "ann")
    target, legacy = (told.world.session(account).client("rds") for account in (TARGET, LEGACY))
    assert target.describe_db_clusters()["DBClusters"] == []
    assert target.describe_db_instances()["DBInstances"] == []
    assert target.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"] == []
    assert target.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"] == []
    assert legacy.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"] == []
    assert cluster(told.world, LEGACY)["DeletionProtection"]
    with connect(told.world, LEGACY) as link:
        assert link.execute("SELECT count(*), sum(total) FROM orders").fetchone() == (3000, 6752250)
