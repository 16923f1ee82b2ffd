"""Aurora clusters in the embedded world: rows are the cluster's, cross accounts by sharing, restore to defaults."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.demo.conftest import PASSWORD, PRODUCTION

Client = Callable[..., Any]
ENGINE: dict[str, Any] = {
    "Engine": "aurora-postgresql",
    "EngineVersion": "16.4",
    "DatabaseName": "shop",
    "MasterUsername": "shop",
    "MasterUserPassword": PASSWORD,
}


@pytest.fixture
def to(connect: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    """Connect to a cluster as its clients do."""
    return lambda cluster: connect({"Endpoint": {"Address": cluster["Endpoint"], "Port": cluster["Port"]}})


def made(rds: Any, name: str, **more: Any) -> dict[str, Any]:
    rds.create_db_cluster(DBClusterIdentifier=name, **ENGINE, **more)
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-a", DBClusterIdentifier=name, Engine="aurora-postgresql",
        DBInstanceClass="db.r6g.large",
    )  # fmt: skip
    return described(rds, name)


def described(rds: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    return found


def test_a_cluster_answers_while_it_has_a_member_and_keeps_its_rows(
    legacy: Client, name: str, to: Callable[..., Any]
) -> None:
    rds = legacy("rds")
    cluster = made(rds, name)
    with to(cluster) as link:
        link.execute("CREATE TABLE t AS SELECT 7 AS n")

    rds.delete_db_instance(DBInstanceIdentifier=f"{name}-a", SkipFinalSnapshot=True)
    with pytest.raises((LookupError, psycopg.OperationalError)):
        to(cluster)
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-b", DBClusterIdentifier=name, Engine="aurora-postgresql",
        DBInstanceClass="db.r6g.large",
    )  # fmt: skip

    with to(cluster) as link:
        assert link.execute("SELECT n FROM t").fetchone() == (7,)


def test_rows_reach_another_account_by_a_shared_snapshot_and_its_own_copy(
    legacy: Client, target: Client, name: str, to: Callable[..., Any], refused: Callable[..., str]
) -> None:
    rds, there, kms = legacy("rds"), target("rds"), legacy("kms")
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PRODUCTION}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    own = {**root, "Principal": {"AWS": "*"}}
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, root]}))["KeyMetadata"]["Arn"]
    cluster = made(rds, name, StorageEncrypted=True, KmsKeyId=key, DeletionProtection=True, BackupRetentionPeriod=9)
    with to(cluster) as link:
        link.execute("CREATE TABLE t AS SELECT 7 AS n")
    arn = rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name)[
        "DBClusterSnapshot"
    ]["DBClusterSnapshotArn"]
    copy = {"SourceDBClusterSnapshotIdentifier": arn, "TargetDBClusterSnapshotIdentifier": name}
    unshared = refused(there.copy_db_cluster_snapshot, **copy, KmsKeyId="alias/aws/rds")
    rds.modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[PRODUCTION]
    )
    keyless = refused(there.copy_db_cluster_snapshot, **copy)
    restore = {"DBClusterIdentifier": name, "Engine": "aurora-postgresql"}
    foreign = refused(there.restore_db_cluster_from_snapshot, **restore, SnapshotIdentifier=arn)

    there.copy_db_cluster_snapshot(**copy, KmsKeyId="alias/aws/rds")
    other = refused(
        there.restore_db_cluster_from_snapshot, **restore | {"Engine": "aurora-mysql"}, SnapshotIdentifier=name
    )
    there.restore_db_cluster_from_snapshot(**restore, SnapshotIdentifier=name)
    restored = described(there, name)

    assert unshared == "DBClusterSnapshotNotFoundFault"
    assert keyless == foreign == other == "InvalidParameterCombination"
    assert restored["DBClusterMembers"] == []
    assert (restored["DeletionProtection"], restored["BackupRetentionPeriod"]) == (False, 1)
    assert restored["Endpoint"] != cluster["Endpoint"]
    assert restored["KmsKeyId"] != key
    there.create_db_instance(
        DBInstanceIdentifier=f"{name}-a", DBClusterIdentifier=name, Engine="aurora-postgresql",
        DBInstanceClass="db.r6g.large",
    )  # fmt: skip
    with to(restored) as link:
        assert link.execute("SELECT n FROM t").fetchone() == (7,)


def test_a_cluster_logs_logically_only_once_its_writer_is_rebooted_under_a_group_that_asks_for_it(
    legacy: Client, name: str, to: Callable[..., Any]
) -> None:
    rds = legacy("rds")
    group = {"DBClusterParameterGroupName": name}
    rds.create_db_cluster_parameter_group(
        **group, DBParameterGroupFamily="aurora-postgresql16", Description="d"
    )  # fmt: skip
    cluster = made(rds, name, **group)
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-b", DBClusterIdentifier=name, Engine="aurora-postgresql", PromotionTier=9,
        DBInstanceClass="db.r6g.large",
    )  # fmt: skip

    def shown() -> tuple[str, set[str]]:
        with to(cluster) as link:
            level = link.execute("SHOW wal_level").fetchone()[0]
        return level, {one["DBClusterParameterGroupStatus"] for one in described(rds, name)["DBClusterMembers"]}

    before = shown()
    parameter = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_cluster_parameter_group(**group, Parameters=[parameter])
    changed = shown()
    rds.reboot_db_instance(DBInstanceIdentifier=f"{name}-b")
    reader = shown()
    rds.reboot_db_instance(DBInstanceIdentifier=f"{name}-a")

    waiting = ("replica", {"pending-reboot"})
    assert [before, changed, reader, shown()] == [
        ("replica", {"in-sync"}), waiting, waiting, ("logical", {"in-sync"}),
    ]  # fmt: skip


def test_a_snapshot_under_the_default_key_is_not_shared_and_rows_are_not_dropped_by_omission(
    legacy: Client, name: str, refused: Callable[..., str]
) -> None:
    rds = legacy("rds")
    made(rds, name, StorageEncrypted=True)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name)

    shared = refused(
        rds.modify_db_cluster_snapshot_attribute,
        DBClusterSnapshotIdentifier=name,
        AttributeName="restore",
        ValuesToAdd=[PRODUCTION],
    )
    rds.delete_db_instance(DBInstanceIdentifier=f"{name}-a", SkipFinalSnapshot=True)
    dropped = refused(rds.delete_db_cluster, DBClusterIdentifier=name)

    assert shared == dropped == "InvalidParameterCombination"
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
    assert refused(rds.describe_db_clusters, DBClusterIdentifier=name) == "DBClusterNotFoundFault"
