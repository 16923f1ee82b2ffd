"""The legacy account of the embedded world has what its owner describes: counted with plain boto3 and psycopg."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from migrate.demo import world
from migrate.demo.legacy import build, images
from migrate.demo.legacy.data import db_password

LEGACY = "111111111111"
PARTNER = "999988887777"
BUILD_LIMIT_S = 60.0  # On a quiet machine it takes 9; the limit only catches a build that hangs.
ENVS = ("dev", "prod")

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.World]:
    home = tmp_path_factory.mktemp("shop")
    running = world.up(home)
    started = time.monotonic()
    try:
        build(running.session(), running.tunnels)
        assert time.monotonic() - started < BUILD_LIMIT_S
        yield running
    finally:
        world.down(home)


@pytest.fixture(scope="module")
def client(shop: world.World) -> Callable[[str], Any]:
    session = shop.session()
    return lambda service: session.client(service)


def every(client: Any, operation: str, field: str, **given: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**given) for item in page[field]]


def named(items: list[dict[str, Any]]) -> Counter[str]:
    names = [tag["Value"] for item in items for tag in item.get("Tags", []) if tag["Key"] == "Name"]
    return Counter(name for name in names if name.startswith("shop-"))


def test_both_environments_have_the_same_network(client: Callable[[str], Any]) -> None:
    ec2 = client("ec2")
    vpcs = [vpc for vpc in every(ec2, "describe_vpcs", "Vpcs") if not vpc["IsDefault"]]

    assert [vpc["CidrBlock"] for vpc in vpcs] == ["10.0.0.0/16"] * 2
    for operation, field, count in (
        ("describe_subnets", "Subnets", 4),
        ("describe_route_tables", "RouteTables", 2),
        ("describe_network_acls", "NetworkAcls", 1),
        ("describe_security_groups", "SecurityGroups", 5),
        ("describe_internet_gateways", "InternetGateways", 1),
        ("describe_nat_gateways", "NatGateways", 1),
        ("describe_vpc_endpoints", "VpcEndpoints", 2),
    ):
        found = named(every(ec2, operation, field))
        for env in ENVS:
            assert sum(n for name, n in found.items() if name.startswith(f"shop-{env}")) == count, (field, found)


def test_the_security_groups_refer_to_each_other_in_a_circle(client: Callable[[str], Any]) -> None:
    groups = every(client("ec2"), "describe_security_groups", "SecurityGroups")
    names = {group["GroupId"]: group["GroupName"] for group in groups}
    refers = {
        (group["GroupName"], names[pair["GroupId"]])
        for group in groups
        for rule in group["IpPermissions"] + group["IpPermissionsEgress"]
        for pair in rule["UserIdGroupPairs"]
    }

    for env in ENVS:
        web, worker, db, function = (f"shop-{env}-{name}" for name in ("web", "worker", "db", "lambda"))
        assert {(web, worker), (worker, web), (web, web)} <= refers
        assert {(db, web), (db, worker), (db, function), (function, db)} <= refers


def test_each_cluster_has_three_services_and_a_scaled_one(client: Callable[[str], Any]) -> None:
    ecs = client("ecs")
    for env in ENVS:
        services = ecs.describe_services(cluster=f"shop-{env}", services=["web", "worker", "scheduler"])["services"]
        assert [service["serviceName"] for service in services] == ["web", "worker", "scheduler"]
        assert len(services[0]["loadBalancers"]) == 2
        family = ecs.describe_task_definition(taskDefinition=f"shop-{env}-web")["taskDefinition"]
        container = family["containerDefinitions"][0]
        assert family["revision"] == 2
        assert PARTNER in json.dumps(container["environment"])
        assert any(item["valueFrom"].endswith(":password::") for item in container["secrets"])
        worker = ecs.describe_task_definition(taskDefinition=f"shop-{env}-worker")["taskDefinition"]
        assert "@sha256:" in worker["containerDefinitions"][0]["image"]
    policies = client("application-autoscaling").describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert {policy["ResourceId"] for policy in policies} == {f"service/shop-{env}/web" for env in ENVS}


def test_each_load_balancer_has_a_host_and_a_path_rule_on_two_listeners(client: Callable[[str], Any]) -> None:
    elb = client("elbv2")
    balancers = elb.describe_load_balancers()["LoadBalancers"]

    assert sorted(balancer["LoadBalancerName"] for balancer in balancers) == ["shop-dev", "shop-prod"]
    for balancer in balancers:
        listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        assert sorted(listener["Port"] for listener in listeners) == [80, 8080]
        for listener in listeners:
            rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            fields = [condition["Field"] for rule in rules for condition in rule["Conditions"]]
            assert sorted(fields) == ["host-header", "path-pattern"]


def test_the_databases_hold_different_rows_and_sequences_ahead_of_them(shop: world.World) -> None:
    rds = shop.session().client("rds")
    orders: dict[str, int] = {}
    for env in ENVS:
        instance = rds.describe_db_instances(DBInstanceIdentifier=f"shop-{env}")["DBInstances"][0]
        assert instance["MultiAZ"] == instance["DeletionProtection"] == (env == "prod")
        assert instance["StorageEncrypted"]
        assert ":key/" in instance["KmsKeyId"]
        host, port = shop.tunnel(instance["Endpoint"]["Address"], instance["Endpoint"]["Port"])
        with psycopg.connect(host=host, port=port, user="shop", password=db_password(env), dbname="shop") as link:  # type: ignore[arg-type]
            counted = {
                table: link.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]
                for table in ("customers", "orders", "order_items", "page_views", "coupons", "audit.logins")
            }
            ahead = link.execute("SELECT (SELECT last_value FROM orders_id_seq) - (SELECT max(id) FROM orders)")
            standalone = link.execute("SELECT last_value FROM invoice_number")
            assert (ahead.fetchone(), standalone.fetchone()) == ((131,), (1000 + 10 * (counted["customers"] - 1),))
        assert counted["coupons"] == 0
        assert sum(counted.values()) > 1500
        orders[env] = counted["orders"]
    assert orders["dev"] != orders["prod"]


def test_the_functions_are_real_archives_with_their_triggers(client: Callable[[str], Any]) -> None:
    functions = client("lambda")
    names = {item["FunctionName"] for item in every(functions, "list_functions", "Functions")}

    kinds = ("thumbnailer", "order-events", "nightly-report", "ml-features", "notify")
    assert names == {f"shop-{env}-{kind}" for env in ENVS for kind in kinds}
    for env in ENVS:
        thumbnailer = functions.get_function_configuration(FunctionName=f"shop-{env}-thumbnailer")
        assert thumbnailer["Environment"]["Variables"]["BUCKET"] == f"shop-uploads-{env}"
        features = functions.get_function_configuration(FunctionName=f"shop-{env}-ml-features")
        assert len(features["Layers"]) == 1
        assert len(features["VpcConfig"]["SubnetIds"]) == 2
        mapping = functions.list_event_source_mappings(FunctionName=f"shop-{env}-order-events")
        assert mapping["EventSourceMappings"][0]["EventSourceArn"].endswith(f":shop-{env}-orders")
        assert "sns.amazonaws.com" in functions.get_policy(FunctionName=f"shop-{env}-notify")["Policy"]


def test_packages_and_images_are_the_same_bytes_in_every_build() -> None:
    from migrate.demo.legacy.functions import FUNCTIONS, code

    for function in FUNCTIONS:
        package = code(function, "dev")
        assert package == code(function, "dev")
        assert package != code(function, "prod")
        assert zipfile.ZipFile(io.BytesIO(package)).testzip() is None
    assert images.assemble(images.IMAGES[0]) == images.assemble(images.IMAGES[0])


def test_the_registry_holds_tagged_twice_tagged_and_untagged_images(client: Callable[[str], Any]) -> None:
    ecr = client("ecr")
    tags = {
        name: sorted(len(image.get("imageTags", [])) for image in every_image(ecr, name))
        for name in ("shop/web", "shop/worker", "shop/tools")
    }

    assert tags == {"shop/web": [0, 1, 2], "shop/worker": [1, 1], "shop/tools": [1]}
    for image in images.IMAGES:
        digest = images.sha256(images.assemble(image)[0])
        assert digest in {found["imageDigest"] for found in every_image(ecr, image.repository)}


def every_image(ecr: Any, repository: str) -> list[dict[str, Any]]:
    return every(ecr, "describe_images", "imageDetails", repositoryName=repository)


def test_the_buckets_hold_odd_keys_versions_markers_and_a_multipart_object(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    for env in ENVS:
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=f"shop-uploads-{env}")["Contents"]]
        assert len(keys) == 60
        for odd in (" ", "+", "%", "ü", "🛒", "//"):
            assert any(odd in key for key in keys), odd
        assert "folder/" in keys
        queue = s3.get_bucket_notification_configuration(Bucket=f"shop-uploads-{env}")["QueueConfigurations"][0]
        assert queue["QueueArn"].endswith(f":shop-{env}-jobs")
        assert LEGACY in s3.get_bucket_policy(Bucket=f"shop-uploads-{env}")["Policy"]
    history = s3.list_object_versions(Bucket="shop-archive-prod")
    assert (len(history["Versions"]), len(history["DeleteMarkers"])) == (22, 4)
    back = [item for item in history["Versions"] if item["Key"] == "ledger/5.csv"]
    marker = next(item for item in history["DeleteMarkers"] if item["Key"] == "ledger/5.csv")
    assert back[0]["LastModified"] > marker["LastModified"] > back[1]["LastModified"]
    dump = s3.head_object(Bucket="shop-archive-prod", Key="dumps/full backup.tar")
    assert dump["ContentLength"] > 10 * 1024 * 1024
    assert dump["ETag"].endswith('-2"')
    sensitive = s3.get_bucket_tagging(Bucket="shop-training-data")["TagSet"]
    assert {"Key": "data-class", "Value": "sensitive"} in sensitive


def test_messages_schedules_secrets_and_settings_are_there(client: Callable[[str], Any]) -> None:
    queues = {url.rpartition("/")[2] for url in client("sqs").list_queues()["QueueUrls"]}
    rules = {rule["Name"]: rule["State"] for rule in client("events").list_rules()["Rules"]}
    secrets = {item["Name"] for item in client("secretsmanager").list_secrets()["SecretList"]}
    parameters = every(client("ssm"), "describe_parameters", "Parameters")
    groups = every(client("logs"), "describe_log_groups", "logGroups")
    aliases = {item["AliasName"] for item in every(client("kms"), "list_aliases", "Aliases")}

    assert queues == {
        "shop-exports",
        *(f"shop-{env}-{name}" for env in ENVS for name in ("jobs", "jobs-dlq", "orders")),
    }
    assert set(rules) == {f"shop-{env}-{name}" for env in ENVS for name in ("nightly-report", "cleanup", "heartbeat")}
    assert rules["shop-dev-heartbeat"] == "DISABLED"
    assert secrets == {f"shop/{env}/{name}" for env in ENVS for name in ("db", "stripe")}
    assert Counter(item["Type"] for item in parameters) == {"String": 10, "StringList": 4, "SecureString": 2}
    assert len(groups) == 18
    assert {"alias/shop-dev", "alias/shop-prod", "alias/shop-shared"} <= aliases
    for env in ENVS:
        login = json.loads(client("secretsmanager").get_secret_value(SecretId=f"shop/{env}/db")["SecretString"])
        instance = client("rds").describe_db_instances(DBInstanceIdentifier=f"shop-{env}")["DBInstances"][0]
        assert login["host"] == instance["Endpoint"]["Address"]


def test_twelve_users_three_of_them_owned_by_a_stack_that_prints_their_keys(client: Callable[[str], Any]) -> None:
    iam, stacks = client("iam"), client("cloudformation")
    users = {user["UserName"] for user in every(iam, "list_users", "Users")}
    owned = stacks.list_stack_resources(StackName="shop-iam-users")["StackResourceSummaries"]
    outputs = stacks.describe_stacks(StackName="shop-iam-users")["Stacks"][0]["Outputs"]
    keys = {key["AccessKeyId"] for user in users for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}

    machines = {item["PhysicalResourceId"] for item in owned if item["ResourceType"] == "AWS::IAM::User"}
    assert len(users) == 12
    assert machines == {"github-actions", "vercel", "backup-robot"}
    assert {item["OutputValue"] for item in outputs if item["OutputKey"].endswith("KeyId")} <= keys
    assert sum(item["OutputKey"].endswith("Secret") for item in outputs) == 3
    groups = {name: len(iam.get_group(GroupName=name)["Users"]) for name in ("engineers-junior", "engineers-senior")}
    assert groups == {"engineers-junior": 3, "engineers-senior": 2}
    trust = iam.get_role(RoleName="partner-orders-reader")["Role"]["AssumeRolePolicyDocument"]
    assert PARTNER in json.dumps(trust)
    assert "sts:ExternalId" in json.dumps(trust)


def test_the_zone_points_at_the_production_load_balancer(client: Callable[[str], Any]) -> None:
    route53 = client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    balancer = client("elbv2").describe_load_balancers(Names=["shop-prod"])["LoadBalancers"][0]

    assert zone["Name"] == "shop.example."
    alias = next(record for record in records if record["Type"] == "A" and record["Name"] == "shop.example.")
    assert balancer["DNSName"] in alias["AliasTarget"]["DNSName"]
    assert {"CNAME", "MX", "TXT"} <= {record["Type"] for record in records}


def test_two_services_that_no_kind_knows_and_a_cache_are_in_use(client: Callable[[str], Any]) -> None:
    assert len(client("apigateway").get_rest_apis()["items"]) == 2
    assert len(client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]) == 2
    assert len(client("elasticache").describe_cache_clusters()["CacheClusters"]) == 2


def test_nothing_in_the_account_was_tagged_into_the_wrong_environment(client: Callable[[str], Any]) -> None:
    resources = every(client("resourcegroupstaggingapi"), "get_resources", "ResourceTagMappingList")
    tagged = [
        ({tag["Key"]: tag["Value"] for tag in item["Tags"]}, item["ResourceARN"])
        for item in resources
        if not re.search("snapshot", item["ResourceARN"])
    ]

    assert any("env" in tags for tags, _ in tagged)
    assert any("env" not in tags for tags, _ in tagged)
    for tags, arn in tagged:
        for env, other in (ENVS, ENVS[::-1]):
            assert not (tags.get("env") == env and f"shop-{other}" in arn), arn
