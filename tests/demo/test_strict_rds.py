"""RDS in the embedded world: real rows, moved only by snapshots that AWS would let through."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.demo.conftest import PASSWORD, PRODUCTION

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
Connect = Callable[..., psycopg.Connection[Any]]


def make(rds: Any, name: str, **more: Any) -> dict[str, Any]:
    rds.create_db_instance(
        DBInstanceIdentifier=name, Engine="postgres", EngineVersion="16.4", DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20, MasterUsername="shop", MasterUserPassword=PASSWORD, DBName="shop",
        BackupRetentionPeriod=0, **more,
    )  # fmt: skip
    return describe(rds, name)


def describe(rds: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return found


def shared_key(kms: Any) -> str:
    accounts = [f"arn:aws:iam::{account}:root" for account in ("111111111111", PRODUCTION)]
    statement = {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(kms.create_key(Policy=policy)["KeyMetadata"]["Arn"])


@pytest.fixture
def shop(legacy: Clients, name: str, connect: Connect) -> Iterator[dict[str, Any]]:
    """An unencrypted database with three rows."""
    rds = legacy("rds")
    instance = make(rds, name, MultiAZ=True, DeletionProtection=True)
    with connect(instance) as link:
        link.execute("CREATE TABLE orders (id serial PRIMARY KEY, what text)")
        link.execute("INSERT INTO orders (what) VALUES ('tea'), ('cake'), ('jam')")
    yield instance
    rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def rows(link: psycopg.Connection[Any]) -> list[Any]:
    return link.execute("SELECT id, what FROM orders ORDER BY id").fetchall()


def test_an_instance_is_a_real_server_that_refuses_a_wrong_password(shop: dict[str, Any], connect: Connect) -> None:
    with connect(shop) as link:
        assert rows(link) == [(1, "tea"), (2, "cake"), (3, "jam")]

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(shop, password="wrong")


def test_twins_in_two_accounts_have_different_endpoints(shop: dict[str, Any], target: Clients, name: str) -> None:
    twin = make(target("rds"), name)

    assert twin["Endpoint"]["Address"] != shop["Endpoint"]["Address"]
    assert twin["Endpoint"]["Address"].startswith(f"{name}.c")

    target("rds").delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def test_a_new_master_password_is_the_only_one_the_server_takes(
    shop: dict[str, Any], legacy: Clients, name: str, connect: Connect
) -> None:
    legacy("rds").modify_db_instance(
        DBInstanceIdentifier=name, MasterUserPassword="another-pw-2", ApplyImmediately=True
    )

    connect(shop, password="another-pw-2").close()
    with pytest.raises(psycopg.OperationalError):
        connect(shop)


def test_a_restore_holds_exactly_the_snapshots_rows_and_plain_defaults(
    shop: dict[str, Any], legacy: Clients, name: str, connect: Connect
) -> None:
    rds, copy = legacy("rds"), f"{name}-r"
    rds.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-s")
    with connect(shop) as link:
        link.execute("INSERT INTO orders (what) VALUES ('late')")

    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=copy, DBSnapshotIdentifier=f"{name}-s")
    restored = describe(rds, copy)

    with connect(restored) as link:
        assert rows(link) == [(1, "tea"), (2, "cake"), (3, "jam")]
    assert (restored["MultiAZ"], restored["DeletionProtection"]) == (False, False)
    assert restored["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres16"
    rds.delete_db_instance(DBInstanceIdentifier=copy, SkipFinalSnapshot=True)


def test_a_snapshot_is_consistent_while_a_writer_writes(
    shop: dict[str, Any], legacy: Clients, name: str, connect: Connect
) -> None:
    rds, stop = legacy("rds"), threading.Event()

    def write() -> None:
        with connect(shop) as link:
            while not stop.is_set():
                with link.transaction():
                    link.execute("INSERT INTO orders (what) VALUES ('left')")
                    link.execute("INSERT INTO orders (what) VALUES ('right')")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        rds.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-s")
    finally:
        stop.set()
        writer.join()
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=f"{name}-r", DBSnapshotIdentifier=f"{name}-s")

    with connect(describe(rds, f"{name}-r")) as link:
        left, right = link.execute(
            "SELECT count(*) FILTER (WHERE what = 'left'), count(*) FILTER (WHERE what = 'right') FROM orders"
        ).fetchall()[0]
    assert left == right > 0
    rds.delete_db_instance(DBInstanceIdentifier=f"{name}-r", SkipFinalSnapshot=True)


def test_a_copy_in_another_account_needs_sharing_and_outlives_its_source(
    shop: dict[str, Any], legacy: Clients, target: Clients, name: str, connect: Connect, refused: Callable[..., str]
) -> None:
    source, goal = legacy("rds"), target("rds")
    arn = source.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-s")["DBSnapshot"][
        "DBSnapshotArn"
    ]
    copy = {"SourceDBSnapshotIdentifier": arn, "TargetDBSnapshotIdentifier": f"{name}-c"}

    assert refused(goal.copy_db_snapshot, **copy) == "DBSnapshotNotFound"
    source.modify_db_snapshot_attribute(
        DBSnapshotIdentifier=f"{name}-s", AttributeName="restore", ValuesToAdd=[PRODUCTION]
    )
    listed = goal.describe_db_snapshots(SnapshotType="shared", DBSnapshotIdentifier=arn)["DBSnapshots"]
    goal.copy_db_snapshot(**copy)
    source.delete_db_snapshot(DBSnapshotIdentifier=f"{name}-s")
    goal.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-c")

    assert [snapshot["DBSnapshotIdentifier"] for snapshot in listed] == [arn]
    with connect(describe(goal, name)) as link:
        assert len(rows(link)) == 3
    goal.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def test_an_encrypted_snapshot_crosses_only_under_a_shared_key_and_as_a_copy(
    legacy: Clients, target: Clients, name: str, refused: Callable[..., str]
) -> None:
    source, goal = legacy("rds"), target("rds")
    make(source, name, StorageEncrypted=True)
    source.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-s")
    private, key = legacy("kms").create_key()["KeyMetadata"]["Arn"], shared_key(legacy("kms"))
    share = {"AttributeName": "restore", "ValuesToAdd": [PRODUCTION]}
    own = target("kms").create_key()["KeyMetadata"]["Arn"]

    assert refused(source.modify_db_snapshot_attribute, DBSnapshotIdentifier=f"{name}-s", **share) == (
        "InvalidParameterCombination"
    )
    arns = {}
    for label, under in (("private", private), ("shared", key)):
        made = source.copy_db_snapshot(
            SourceDBSnapshotIdentifier=f"{name}-s", TargetDBSnapshotIdentifier=f"{name}-{label}", KmsKeyId=under
        )
        arns[label] = made["DBSnapshot"]["DBSnapshotArn"]
        source.modify_db_snapshot_attribute(DBSnapshotIdentifier=f"{name}-{label}", **share)
    copy = {"SourceDBSnapshotIdentifier": arns["shared"], "TargetDBSnapshotIdentifier": f"{name}-c"}

    assert refused(goal.copy_db_snapshot, **copy) == "InvalidParameterCombination"
    blocked = {**copy, "SourceDBSnapshotIdentifier": arns["private"], "KmsKeyId": own}
    assert refused(goal.copy_db_snapshot, **blocked) == "KMSKeyNotAccessibleFault"
    direct = {"DBInstanceIdentifier": name, "DBSnapshotIdentifier": arns["shared"]}
    assert refused(goal.restore_db_instance_from_db_snapshot, **direct) == "InvalidParameterCombination"
    assert goal.copy_db_snapshot(**copy, KmsKeyId=own)["DBSnapshot"]["KmsKeyId"] == own
    source.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def test_an_instance_is_not_deleted_by_omission_or_under_protection(
    shop: dict[str, Any], legacy: Clients, name: str, connect: Connect, refused: Callable[..., str]
) -> None:
    rds = legacy("rds")

    protected = {"DBInstanceIdentifier": name, "SkipFinalSnapshot": True}
    assert refused(rds.delete_db_instance, **protected) == "InvalidParameterCombination"
    rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False)
    assert refused(rds.delete_db_instance, DBInstanceIdentifier=name) == "InvalidParameterCombination"
    with connect(shop) as link:
        assert len(rows(link)) == 3


def test_a_managed_password_is_the_one_the_server_takes(legacy: Clients, name: str, connect: Connect) -> None:
    rds = legacy("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
        MasterUsername="shop", ManageMasterUserPassword=True, DBName="shop",
    )  # fmt: skip
    instance = describe(rds, name)

    secret = legacy("secretsmanager").get_secret_value(SecretId=instance["MasterUserSecret"]["SecretArn"])
    given = json.loads(secret["SecretString"])

    assert given["username"] == "shop"
    connect(instance, password=given["password"]).close()
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def test_a_stopped_instance_cannot_be_reached_and_keeps_its_rows(
    shop: dict[str, Any], legacy: Clients, name: str, connect: Connect
) -> None:
    rds = legacy("rds")

    rds.stop_db_instance(DBInstanceIdentifier=name)
    with pytest.raises(KeyError):
        connect(shop)
    rds.start_db_instance(DBInstanceIdentifier=name)

    with connect(shop) as link:
        assert len(rows(link)) == 3


def test_logical_replication_is_on_only_after_a_reboot_with_the_groups_parameter(
    legacy: Clients, name: str, connect: Connect
) -> None:
    rds = legacy("rds")
    rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description="d")
    instance = make(rds, name, DBParameterGroupName=name)

    def shown() -> tuple[str, str]:
        with connect(instance) as link:
            level = link.execute("SHOW wal_level").fetchall()[0][0]
        return level, describe(rds, name)["DBParameterGroups"][0]["ParameterApplyStatus"]

    before = shown()
    parameter = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[parameter])
    changed = shown()
    rds.reboot_db_instance(DBInstanceIdentifier=name)

    assert [before, changed, shown()] == [
        ("replica", "in-sync"), ("replica", "pending-reboot"), ("logical", "in-sync"),
    ]  # fmt: skip
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
