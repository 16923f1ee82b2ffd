"""A PostgreSQL instance is found with everything a restore resets, and its requests say all of it again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import jmespath
import pytest
from botocore import xform_name
from moto import mock_aws
from moto.kms.models import kms_backends

from migrate.kind import CarryAction, It, Kind, Request
from migrate.kinds import rds_instance, rds_parameter_group, rds_snapshot, rds_subnet_group
from migrate.values import resolve
from tests.carry.fake_carrier import LEGACY, REGION, TARGET, FakeCarrier, place, session
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request

INSTANCE, GROUP = rds_instance.KINDS[0], rds_subnet_group.KINDS[0]
PARAMETERS, SNAPSHOT = rds_parameter_group.KINDS[0], rds_snapshot.KINDS[0]
NEW = place("shop")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, boto3.Session]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield {"legacy": session(LEGACY), "target": session(TARGET)}


def site(aws: dict[str, boto3.Session], side: str, kind: Kind[Any]) -> PlainSite:
    return PlainSite(aws[side], LEGACY if side == "legacy" else TARGET, REGION, kind.reads)


def found(aws: dict[str, boto3.Session], side: str, kind: Kind[Any], name: str) -> It[Any]:
    return kind.typed(next(iter(kind.scan(site(aws, side, kind), only=name))))


def network(aws: dict[str, boto3.Session], side: str) -> list[str]:
    ec2 = aws[side].client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]


def database(aws: dict[str, boto3.Session], key: str | None = None, **more: Any) -> It[Any]:
    rds = aws["legacy"].client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="d", SubnetIds=network(aws, "legacy")
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="pg16", DBParameterGroupFamily="postgres16", Description="slow statements"
    )
    rds.create_db_instance(
        **{
            "DBInstanceIdentifier": "shop", "DBName": "shop", "Engine": "postgres", "EngineVersion": "16.4",
            "DBInstanceClass": "db.t4g.medium", "AllocatedStorage": 20, "MaxAllocatedStorage": 100,
            "StorageType": "gp3", "MasterUsername": "shop", "MasterUserPassword": "password-1", "Port": 5433,
            "DBSubnetGroupName": "private", "DBParameterGroupName": "pg16", "MultiAZ": True,
            "DeletionProtection": True, "BackupRetentionPeriod": 7, "PreferredBackupWindow": "02:10-02:40",
            "PreferredMaintenanceWindow": "sun:03:30-sun:04:00", "CopyTagsToSnapshot": True,
            "EnableCloudwatchLogsExports": ["postgresql"], "EnableIAMDatabaseAuthentication": True,
            "Tags": [{"Key": "env", "Value": "prod"}], "StorageEncrypted": key is not None,
        } | ({"KmsKeyId": key} if key else {}) | more
    )  # fmt: skip
    return found(aws, "legacy", INSTANCE, "shop")


def send(aws: dict[str, boto3.Session], request: Request, known: dict[tuple[str, str], str] | None = None) -> Any:
    check_request(request.operation, request.params)
    service, _, name = request.operation.partition(".")
    return getattr(aws[request.side].client(service), xform_name(name))(**resolve(request.params, known or {}))


def key_of(aws: dict[str, boto3.Session], side: str = "legacy") -> str:
    return str(aws[side].client("kms").create_key()["KeyMetadata"]["Arn"])


def test_every_attribute_that_a_restore_resets_is_a_fact(aws: dict[str, boto3.Session]) -> None:
    key = key_of(aws)

    it = database(aws, key)

    facts = it.facts
    assert (facts.engine, facts.engine_version, facts.instance_class) == ("postgres", "16.4", "db.t4g.medium")
    assert (facts.multi_az, facts.deletion_protection, facts.iam_auth, facts.copy_tags_to_snapshot) == (True,) * 4
    assert (facts.db_name, facts.master_user, facts.subnet_group, facts.parameter_group) == (
        "shop", "shop", "private", "pg16",
    )  # fmt: skip
    assert (facts.encrypted, facts.key_manager, facts.kms_key_id) == (True, "customer", key)
    assert (facts.allocated_gib, facts.max_allocated_gib, facts.storage_type) == (20, 100, "gp3")
    assert (facts.backup_retention_days, facts.backup_window, facts.maintenance_window) == (
        7, "02:10-02:40", "sun:03:30-sun:04:00",
    )  # fmt: skip
    assert facts.log_exports == ["postgresql"]
    assert facts.option_group is None
    assert facts.host.endswith(".rds.amazonaws.com")
    assert it.tags == {"env": "prod"}
    needed = {need.on if isinstance(need.on, str) else need.on.name: need.strength for need in INSTANCE.needs(it)}
    assert needed[key] == needed["private"] == needed["pg16"] == "hard"


def test_what_is_not_there_yields_nothing(aws: dict[str, boto3.Session]) -> None:
    for kind in (INSTANCE, GROUP, PARAMETERS, SNAPSHOT):
        assert not list(kind.scan(site(aws, "legacy", kind), only="absent"))


def test_the_accounts_own_key_is_no_reference_and_becomes_the_targets_own(aws: dict[str, boto3.Session]) -> None:
    own = aws["legacy"].client("kms").describe_key(KeyId="alias/aws/rds")["KeyMetadata"]
    # The emulator's default keys say CUSTOMER.
    kms_backends[LEGACY][REGION].keys[own["KeyId"]].key_manager = "AWS"

    it = database(aws, own["Arn"])

    assert (it.facts.key_manager, it.facts.kms_key_id) == ("aws", None)
    copy = INSTANCE.action("copy").requests(it, NEW)[0]
    assert copy.params["KmsKeyId"] == "alias/aws/rds"
    keys = [
        request for request in INSTANCE.action("snapshot").requests(it, NEW) if request.operation == "kms.CreateKey"
    ]
    assert len(keys) == 1


def test_an_encrypted_snapshot_is_shared_under_a_key_made_for_it_and_the_undo_leaves_nothing(
    aws: dict[str, boto3.Session],
) -> None:
    it = database(aws, key_of(aws))
    requests = INSTANCE.action("snapshot").requests(it, NEW)

    known: dict[tuple[str, str], str] = {}
    for request in requests:
        answer = send(aws, request, known)
        for name, path in request.outputs.items():
            value = answer
            for part in path.split("."):
                value = value[part]
            known["snapshot", name] = str(value)

    rds, kms = aws["legacy"].client("rds"), aws["legacy"].client("kms")
    shared = rds.describe_db_snapshots(DBSnapshotIdentifier=known["snapshot", "arn"].rpartition(":")[2])["DBSnapshots"][
        0
    ]
    assert shared["KmsKeyId"] == known["snapshot", "key_arn"]
    attributes = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier=shared["DBSnapshotIdentifier"])
    listed = attributes["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
    assert listed == [{"AttributeName": "restore", "AttributeValues": [TARGET]}]
    policy = json.loads(kms.get_key_policy(KeyId=known["snapshot", "key_arn"], PolicyName="default")["Policy"])
    assert [statement["Principal"]["AWS"] for statement in policy["Statement"]] == [
        f"arn:aws:iam::{LEGACY}:root", f"arn:aws:iam::{TARGET}:root", f"arn:aws:iam::{TARGET}:root",
    ]  # fmt: skip
    for request in requests:
        if request.find:
            check_request(request.find.operation, request.find.params)
            assert send(aws, Request(request.find.operation, request.find.params, "legacy"))

    for request in reversed(requests):
        if request.undo:
            send(aws, request.undo, known)

    assert not rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert kms.describe_key(KeyId=known["snapshot", "key_arn"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    find = requests[1].find
    assert find is not None
    again = send(aws, Request(find.operation, find.params, "legacy"))
    assert not again["ResourceTagMappingList"]


def test_an_unencrypted_snapshot_is_shared_as_it_is(aws: dict[str, boto3.Session]) -> None:
    it = database(aws)

    operations = [request.operation for request in INSTANCE.action("snapshot").requests(it, NEW)]

    assert operations == ["rds.CreateDBSnapshot", "rds.ModifyDBSnapshotAttribute"]
    assert "KmsKeyId" not in INSTANCE.action("copy").requests(it, NEW)[0].params


def test_each_target_gets_a_snapshot_of_its_own_with_a_name_that_aws_takes(aws: dict[str, boto3.Session]) -> None:
    it = database(aws)

    names = {
        INSTANCE.action("snapshot").requests(it, place("shop", account=account))[0].params["DBSnapshotIdentifier"]
        for account in (TARGET, "333333333333")
    }

    assert len(names) == 2
    assert all(name.replace("-", "").isalnum() and "--" not in name for name in names)


def test_the_restore_says_everything_again_and_gives_an_equal_instance(aws: dict[str, boto3.Session]) -> None:
    it = database(aws)
    rds = aws["target"].client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="d", SubnetIds=network(aws, "target")
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="pg16", DBParameterGroupFamily="postgres16", Description="slow statements"
    )
    # The emulator cannot copy between accounts: the target's snapshot is of a plain instance of the same engine.
    rds.create_db_instance(
        DBInstanceIdentifier="other", DBName="shop", Engine="postgres", EngineVersion="16.4", AllocatedStorage=20,
        DBInstanceClass="db.t4g.micro", MasterUsername="shop", MasterUserPassword="password-1", Port=5433,
    )  # fmt: skip
    rds.create_db_snapshot(DBInstanceIdentifier="other", DBSnapshotIdentifier="carried")
    requests = INSTANCE.action("create").requests(it, NEW)
    security_groups = aws["target"].client("ec2").describe_security_groups()["SecurityGroups"]

    for request in requests:
        if "VpcSecurityGroupIds" in request.params:
            request.params["VpcSecurityGroupIds"] = [security_groups[0]["GroupId"]]
        send(aws, request, {("copy", "snapshot"): "carried"})

    # What the emulator's restore does not know is checked in the request itself.
    untold = {"certificate", "security_groups", "iam_auth", "log_exports", "network_type"}
    legacy, target = it.facts.model_dump(), found(aws, "target", INSTANCE, "shop").facts.model_dump()
    same = legacy.keys() - INSTANCE.volatile - untold
    assert {name: target[name] for name in same} == {name: legacy[name] for name in same}
    assert requests[0].params["EnableIAMDatabaseAuthentication"] is True
    assert requests[0].params["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert "Iops" not in requests[0].params
    tags = found(aws, "target", INSTANCE, "shop").tags
    assert tags == {"env": "prod", "migrate:migration": "move", "migrate:step": "step:create"}

    for request in reversed(requests):
        if request.undo:
            check_request(request.undo.operation, request.undo.params)
            send(aws, request.undo)
    assert not list(INSTANCE.scan(site(aws, "target", INSTANCE), only="shop"))


@pytest.mark.parametrize(
    "more", [{"Engine": "mysql", "EngineVersion": "8.0.36", "EnableCloudwatchLogsExports": ["error"]}]
)
def test_other_engines_are_found_and_not_moved(aws: dict[str, boto3.Session], more: dict[str, Any]) -> None:
    it = database(aws, **more)

    assert it.facts.engine == "mysql"
    assert not any(action.applies(it) for action in INSTANCE.actions)
    assert "Other engines" in INSTANCE.manual


def test_a_plan_asks_about_an_instance_whose_users_log_in_by_a_directory(aws: dict[str, boto3.Session]) -> None:
    alone = database(aws)
    joined = replace(alone, facts=alone.facts.model_copy(update={"domains": ("corp.example.com",)}))

    (asked,) = INSTANCE.remains(joined)

    assert not list(INSTANCE.remains(alone))
    assert "corp.example.com" in asked.what


def test_a_master_password_that_arrives_as_it_was_is_said(aws: dict[str, boto3.Session]) -> None:
    alone = database(aws)
    managed = replace(alone, facts=alone.facts.model_copy(update={"managed_password": True}))

    assert "whoever knows legacy's knows it" in INSTANCE.finding(alone)
    assert "rotate_password: true" in INSTANCE.finding(alone)
    assert INSTANCE.finding(managed) == INSTANCE.finding(replace(alone, rotates="shop/db")) == ""


def test_the_endpoint_and_the_resource_id_stand_for_what_create_learns(aws: dict[str, boto3.Session]) -> None:
    it = database(aws)

    names = {name.legacy: name.target for name in INSTANCE.names(it, NEW)}

    assert names[it.facts.host] == {"$after": ["create", "host"]}
    assert names[it.arn] == f"arn:aws:rds:{REGION}:{TARGET}:db:shop"
    user = f"arn:aws:rds-db:{REGION}:{LEGACY}:dbuser:{it.facts.resource_id}"
    assert names[user] == {
        "$join": [f"arn:aws:rds-db:{REGION}:{TARGET}:dbuser:", {"$after": ["create", "resource_id"]}]
    }
    seen = INSTANCE.outputs(next(iter(INSTANCE.scan(site(aws, "legacy", INSTANCE), only="shop"))))
    assert (seen["id"], seen["host"]) == ("shop", it.facts.host)


def test_without_a_login_the_rows_are_not_proved(aws: dict[str, boto3.Session]) -> None:
    it = database(aws)
    aws["target"].client("rds").create_db_instance(
        DBInstanceIdentifier="shop", Engine="postgres", EngineVersion="16.4", AllocatedStorage=20,
        DBInstanceClass="db.t4g.micro", MasterUsername="shop", MasterUserPassword="password-1",
    )  # fmt: skip
    action = INSTANCE.action("prove_rows")
    assert isinstance(action, CarryAction)
    assert not action.writes

    to: Any = FakeCarrier(INSTANCE, action, NEW, aws)
    proof = action.prove(it, to)

    assert proof.state == "could not be proved"
    assert "no connection can be made" in proof.differences[0]


def test_the_subnet_group_arrives_and_goes(aws: dict[str, boto3.Session]) -> None:
    database(aws)
    it = found(aws, "legacy", GROUP, "private")
    request = GROUP.action("create").requests(it, place("private"))[0]
    request.params["SubnetIds"] = network(aws, "target")
    send(aws, request)

    arrived = found(aws, "target", GROUP, "private")

    assert arrived.facts.description == "d"
    assert len(arrived.facts.subnet_ids) == len(it.facts.subnet_ids) == 2
    assert arrived.tags["migrate:step"] == "step:create"
    assert [need.on for need in GROUP.needs(it)] == it.facts.subnet_ids
    assert request.undo is not None
    send(aws, request.undo)
    assert not list(GROUP.scan(site(aws, "target", GROUP), only="private"))


def test_the_parameter_group_arrives_with_its_changed_parameters(aws: dict[str, boto3.Session]) -> None:
    rds = aws["legacy"].client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="pg16", DBParameterGroupFamily="postgres16", Description="d")
    changed = [
        {"ParameterName": f"parameter_{n:02d}", "ParameterValue": str(n), "ApplyMethod": "pending-reboot"}
        for n in range(25)
    ]
    for start in (0, 20):
        rds.modify_db_parameter_group(DBParameterGroupName="pg16", Parameters=changed[start : start + 20])
    it = found(aws, "legacy", PARAMETERS, "pg16")

    requests = PARAMETERS.action("create").requests(it, place("pg16"))
    for request in requests:
        send(aws, request)

    assert [len(request.params.get("Parameters", ())) for request in requests] == [0, 20, 5]
    assert found(aws, "target", PARAMETERS, "pg16").facts == it.facts
    assert requests[0].undo is not None
    send(aws, requests[0].undo)
    assert not list(PARAMETERS.scan(site(aws, "target", PARAMETERS), only="pg16"))


def test_manual_snapshots_are_reported_with_what_to_do(aws: dict[str, boto3.Session]) -> None:
    database(aws)
    aws["legacy"].client("rds").create_db_snapshot(DBInstanceIdentifier="shop", DBSnapshotIdentifier="before-release")

    snapshots = list(SNAPSHOT.scan(site(aws, "legacy", SNAPSHOT)))

    assert [snapshot.ref.name for snapshot in snapshots] == ["before-release"]
    assert snapshots[0].size_bytes == 20 * 1024**3
    assert not SNAPSHOT.actions
    assert "rds.CopyDBSnapshot" in SNAPSHOT.manual


@pytest.mark.parametrize("group", ["pg16", "default.postgres16"])
def test_legacy_gets_a_group_of_its_own_for_replication_and_its_old_one_back(
    aws: dict[str, boto3.Session], group: str
) -> None:
    it = replace(database(aws, DBParameterGroupName=group), strategy="logical")
    action = INSTANCE.action("enable_replication")
    requests = action.requests(it, NEW)
    rds = aws["legacy"].client("rds")

    for request in requests:
        assert request.side == "legacy"
        send(aws, request)

    after = found(aws, "legacy", INSTANCE, "shop").facts
    changes = dict(action.legacy_after(it) or {})
    assert {name: after.model_dump()[name] for name in changes} == changes
    assert not action.applies(replace(it, facts=after))
    rebooted = requests[-1].find
    assert rebooted is not None
    answer = rds.describe_db_instances(**rebooted.params)
    assert jmespath.search(rebooted.outputs["rebooted"], answer) == changes["parameter_group"]

    for request in reversed(requests):
        if request.undo:
            send(aws, request.undo)
    assert found(aws, "legacy", INSTANCE, "shop").facts.parameter_group == group
    groups = [one["DBParameterGroupName"] for one in rds.describe_db_parameter_groups()["DBParameterGroups"]]
    assert changes["parameter_group"] not in groups


def test_what_is_copied_early_by_replication_costs_no_downtime_and_only_where_it_was_chosen(
    aws: dict[str, boto3.Session],
) -> None:
    it = database(aws)
    logical = replace(it, strategy="logical")

    assert [action.name for action in INSTANCE.actions if action.applies(it)] == [
        "precheck", "snapshot", "copy", "create", "prove_rows", "look_again",
    ]  # fmt: skip
    for name in ("snapshot", "copy", "create"):
        action = INSTANCE.action(name)
        assert (action.when(it)[0], action.when(logical)) == ("data", ("build", "D0"))
    last = INSTANCE.action("prove_rows")
    assert isinstance(last, CarryAction)
    assert "logical would be" in str(last.summary(it, NEW)["strategy"])
    assert "snapshot would be: writers stand still for about 46 minutes" in str(last.summary(logical, NEW)["strategy"])
