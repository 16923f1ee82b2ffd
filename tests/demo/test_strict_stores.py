"""The embedded world where stores move: replication, rotation, replicas, grants, tables that take time, throttling."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from migrate.demo import clock
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.world import World
from tests.acceptance import stores_account as account

pytestmark = pytest.mark.world

PRODUCTION = TARGETS["production"]
Client = Callable[..., Any]


@pytest.fixture
def rules(legacy: Client, name: str) -> Any:
    """A replication rule for one repository of legacy, taken away afterwards."""
    ecr = legacy("ecr")
    account.images(ecr, name)
    where = {"region": "eu-west-1", "registryId": PRODUCTION}
    rule = {"destinations": [where], "repositoryFilters": [{"filter": name, "filterType": "PREFIX_MATCH"}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    yield where
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})


def backfilled(ecr: Any, where: dict[str, str]) -> list[dict[str, Any]]:
    own = ecr.start_replication_backfill(destination=where)["replicationBackfillId"]
    while True:
        answer: dict[str, Any] = ecr.describe_replication_backfill_results(replicationBackfillId=own)
        if answer["status"] == "COMPLETE":
            return list(answer["results"])


def test_a_back_fill_is_refused_by_a_registry_that_does_not_let_it_in(
    legacy: Client, target: Client, rules: dict[str, str], name: str
) -> None:
    target("ecr").create_repository(repositoryName=name)

    results = backfilled(legacy("ecr"), rules)

    assert {(one["status"], one["failureCode"]) for one in results} == {("FAILED", "ACCESS_DENIED")}
    assert target("ecr").describe_images(repositoryName=name)["imageDetails"] == []


def test_a_back_fill_brings_every_image_with_its_digest_where_it_is_let_in(
    legacy: Client, target: Client, rules: dict[str, str], name: str
) -> None:
    statement = {
        "Sid": "in", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"},
        "Action": ["ecr:ReplicateImage"], "Resource": f"arn:aws:ecr:eu-west-1:{PRODUCTION}:repository/{name}",
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    target("ecr").put_registry_policy(policyText=policy)
    target("ecr").create_repository(repositoryName=name)

    results = backfilled(legacy("ecr"), rules)
    target("ecr").delete_registry_policy()

    there, here = (
        {
            one["imageDigest"]: one.get("imageTags")
            for one in side("ecr").describe_images(repositoryName=name)["imageDetails"]
        }
        for side in (target, legacy)
    )
    assert there == here
    assert len(results) == len(here) == 4


def test_a_back_fill_needs_a_rule_and_runs_alone(legacy: Client, rules: dict[str, str], refused: Any) -> None:
    ecr = legacy("ecr")
    other = {"region": "eu-central-1", "registryId": PRODUCTION}

    assert refused(ecr.start_replication_backfill, destination=other) == "InvalidParameterException"
    ecr.start_replication_backfill(destination=rules)
    assert refused(ecr.start_replication_backfill, destination=rules) == "ReplicationBackfillInProgressException"
    assert refused(ecr.start_replication_backfill, destination=rules) == "ReplicationBackfillInProgressException"
    # It ends by itself although nobody asks about it.
    assert ecr.start_replication_backfill(destination=rules)["replicationBackfillId"]


def test_rotation_needs_a_function_that_lets_the_service_in_and_leaves_the_value_alone(
    legacy: Client, name: str, refused: Any
) -> None:
    manager, function = legacy("secretsmanager"), legacy("lambda")
    manager.create_secret(Name=name, SecretString="as it is")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = legacy("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    made = function.create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="i.h", Code={"ZipFile": account.package()}
    )
    asked = {"SecretId": name, "RotationRules": {"ScheduleExpression": "rate(5 days)"}, "RotateImmediately": False}
    absent = made["FunctionArn"] + "-absent"

    assert refused(manager.rotate_secret, RotationLambdaARN=absent, **asked) == "ResourceNotFoundException"
    assert refused(manager.rotate_secret, RotationLambdaARN=made["FunctionArn"], **asked) == "AccessDeniedException"
    function.add_permission(
        FunctionName=name, StatementId="in", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com"
    )
    manager.rotate_secret(RotationLambdaARN=made["FunctionArn"], **asked)

    shown = manager.describe_secret(SecretId=name)
    assert shown["RotationRules"]["ScheduleExpression"] == "rate(5 days)"
    assert list(shown["VersionIdsToStages"].values()) == [["AWSCURRENT"]]
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "as it is"


def test_a_label_is_moved_from_where_it_is_and_the_current_one_is_what_is_read(
    legacy: Client, name: str, refused: Any
) -> None:
    manager = legacy("secretsmanager")
    old = manager.create_secret(Name=name, SecretString="old")["VersionId"]
    new = manager.put_secret_value(SecretId=name, SecretString="new", VersionStages=["ours"])["VersionId"]
    move = {"SecretId": name, "VersionStage": "AWSCURRENT", "MoveToVersionId": new}

    assert refused(manager.update_secret_version_stage, **move) == "InvalidParameterException"
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "old"
    manager.update_secret_version_stage(**move, RemoveFromVersionId=old)

    assert manager.get_secret_value(SecretId=name)["SecretString"] == "new"
    assert manager.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        old: ["AWSPREVIOUS"], new: ["ours", "AWSCURRENT"],
    }  # fmt: skip
    ours = {"SecretId": name, "VersionStage": "ours", "MoveToVersionId": old}
    assert refused(manager.update_secret_version_stage, **ours) == "InvalidParameterException"


def test_a_replica_shows_the_key_that_it_was_asked_for(legacy: Client, name: str) -> None:
    key = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555"
    legacy("secretsmanager").create_secret(
        Name=name, SecretString="x", AddReplicaRegions=[{"Region": "eu-central-1", "KmsKeyId": key}]
    )

    [shown] = legacy("secretsmanager").describe_secret(SecretId=name)["ReplicationStatus"]

    assert (shown["Region"], shown["KmsKeyId"], shown["Status"]) == ("eu-central-1", key, "InSync")


def test_a_grant_of_one_name_is_given_once_and_a_key_that_is_off_takes_none(legacy: Client, refused: Any) -> None:
    kms = legacy("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{LEGACY}:root", "Operations": ["Decrypt"]}

    one, again = (kms.create_grant(Name="n", **asked)["GrantId"] for _ in range(2))
    other = kms.create_grant(Name="m", **asked)["GrantId"]
    kms.disable_key(KeyId=key)

    assert one == again != other
    assert refused(kms.create_grant, Name="x", **asked) == "DisabledException"


def test_a_table_is_ready_when_the_worlds_time_says_so_and_takes_nothing_before(
    a_world: World, legacy: Client, name: str, refused: Any
) -> None:
    dynamodb = legacy("dynamodb")
    item = {"id": {"N": "1"}}
    begun = time.monotonic()
    clock.slow(a_world.home, {"dynamodb:table": 3600.0})
    try:
        dynamodb.create_table(
            TableName=name, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        )  # fmt: skip
        assert dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "CREATING"
        assert refused(dynamodb.put_item, TableName=name, Item=item) == "ResourceNotFoundException"
        clock.push(a_world.home, 3601)
        assert dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
        dynamodb.put_item(TableName=name, Item=item)
    finally:
        (a_world.home / clock.FILE).unlink()
    assert time.monotonic() - begun < 60


def test_a_bucket_of_tokens_lets_a_burst_through_and_then_so_many_a_second(
    a_world: World, legacy: Client, name: str, refused: Any
) -> None:
    from botocore.config import Config

    once = legacy("ssm", config=Config(retries={"total_max_attempts": 1}))
    faults = a_world.home / "faults.json"
    faults.write_text(json.dumps({"buckets": {"ssm:GetParameter": [0.5, 3]}}))
    try:
        answers = [refused(once.get_parameter, Name=f"/{name}") for _ in range(6)]
        # Another operation has a bucket of its own.
        once.describe_parameters()
    finally:
        faults.unlink()

    assert answers[:3] == ["ParameterNotFound"] * 3
    assert "ThrottlingException" in answers[3:]


def test_a_gateway_and_a_certificate_are_ready_when_the_worlds_time_says_so(
    a_world: World, legacy: Client, name: str
) -> None:
    ec2, acm = legacy("ec2"), legacy("acm")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.99.0.0/25")["Subnet"]["SubnetId"]
    clock.slow(a_world.home)
    try:
        made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
        arn = acm.request_certificate(DomainName=f"{name}.example", ValidationMethod="DNS")["CertificateArn"]

        def states() -> tuple[str, str]:
            gateway = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"][0]["State"]
            return gateway, acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]

        at_once = states()
        clock.push(a_world.home, 121)
        later = states()
        clock.push(a_world.home, 300)
        at_last = states()
    finally:
        (a_world.home / clock.FILE).unlink()

    assert at_once == ("pending", "PENDING_VALIDATION")
    assert later == ("available", "PENDING_VALIDATION")
    assert at_last == ("available", "ISSUED")


def test_a_person_moves_the_worlds_clock_by_the_command_line(a_world: World, tmp_path: Any, capsys: Any) -> None:
    from migrate.demo import verbs
    from migrate.errors import UsageError
    from migrate.out import Out

    home = a_world.home.parent / "nobody"
    with pytest.raises(UsageError, match="no embedded world is up"):
        verbs.act(Out(), "slow", home, keep=False)
    link = tmp_path / "world"
    link.symlink_to(a_world.home)
    try:
        verbs.act(Out(), "slow", tmp_path, keep=False)
        before = json.loads((a_world.home / clock.FILE).read_text())
        verbs.act(Out(), "pass", tmp_path, keep=False, minutes=40)
        after = json.loads((a_world.home / clock.FILE).read_text())
    finally:
        (a_world.home / clock.FILE).unlink(missing_ok=True)

    assert "rds:instance 2400 s" in capsys.readouterr().out
    assert before["takes_s"]["rds:instance"] == 2400
    assert after["ahead_s"] - before["ahead_s"] == 2400


def test_a_domain_publishes_that_it_holds_no_documents(a_world: World, legacy: Client, name: str) -> None:
    from migrate.kinds._by_person import METRIC, newest
    from tests.kinds.plain_site import PlainSite

    legacy("opensearch").create_domain(DomainName=name, EngineVersion="OpenSearch_2.11")

    site: Any = PlainSite(a_world.session(LEGACY), LEGACY, "eu-west-1", {METRIC})  # type: ignore[arg-type]
    dimensions = {"DomainName": name, "ClientId": LEGACY}
    assert newest(site, "AWS/ES", "SearchableDocuments", dimensions, "Maximum") == 0
    assert newest(site, "AWS/ES", "SearchableDocuments", dimensions | {"DomainName": "absent"}, "Maximum") is None


def test_a_deleted_cache_is_gone_and_its_subnet_group_only_after_it(legacy: Client, name: str, refused: Any) -> None:
    cache, own = legacy("elasticache"), name.replace("/", "-")[:40]
    subnets = [one["SubnetId"] for one in legacy("ec2").describe_subnets()["Subnets"]][:1]
    group = {"CacheSubnetGroupName": own}
    cache.create_cache_subnet_group(**group, CacheSubnetGroupDescription="own", SubnetIds=subnets)
    cache.create_cache_cluster(
        CacheClusterId=own, Engine="memcached", CacheNodeType="cache.t4g.micro", NumCacheNodes=2,
        SecurityGroupIds=["sg-1"], **group,
    )  # fmt: skip

    (shown,) = cache.describe_cache_clusters(CacheClusterId=own, ShowCacheNodeInfo=True)["CacheClusters"]
    assert refused(cache.delete_cache_subnet_group, **group) == "CacheSubnetGroupInUse"
    cache.delete_cache_cluster(CacheClusterId=own)
    cache.delete_cache_subnet_group(**group)

    assert [one["SecurityGroupId"] for one in shown["SecurityGroups"]] == ["sg-1"]
    assert len({one["Endpoint"]["Address"] for one in shown["CacheNodes"]}) == 2
    assert refused(cache.describe_cache_clusters, CacheClusterId=own) == "CacheClusterNotFound"
    assert refused(cache.describe_cache_subnet_groups, **group) == "CacheSubnetGroupNotFoundFault"
    assert cache.describe_serverless_caches()["ServerlessCaches"] == []


def test_an_archived_image_is_hidden_and_unreadable_until_it_is_restored(legacy: Client, name: str) -> None:
    ecr = legacy("ecr")
    account.images(ecr, name)
    [digest] = [
        one["imageDigest"] for one in ecr.describe_images(repositoryName=name)["imageDetails"] if "imageTags" in one
    ]
    own = {"repositoryName": name, "imageId": {"imageDigest": digest}}

    def listed(**more: Any) -> set[str]:
        found = ecr.describe_images(repositoryName=name, **more)["imageDetails"]
        return {one["imageDigest"] for one in found if one["imageDigest"] == digest}

    ecr.update_image_storage_class(**own, targetStorageClass="ARCHIVE")

    assert listed() == set()
    assert listed(filter={"imageStatus": "ARCHIVED"}) == listed(filter={"imageStatus": "ANY"}) == {digest}
    answer = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])
    assert (answer["images"], len(answer["failures"])) == ([], 1)
    ecr.update_image_storage_class(**own, targetStorageClass="STANDARD")
    assert listed() == {digest}
    assert ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])["images"]
