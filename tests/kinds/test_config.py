"""Parameters and log groups arrive with every setting; stacks and zones are reported and stay."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kinds.cloudformation_stack import Stack
from migrate.kinds.iam_role import Role
from migrate.kinds.logs_log_group import LogGroup
from migrate.kinds.route53_public_zone import PublicZone
from migrate.kinds.ssm_parameter import Parameter
from tests.kinds.told_site import ToldSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

PARAMETER, LOG_GROUP, STACK, ZONE, ROLE = Parameter(), LogGroup(), Stack(), PublicZone(), Role()
SERVICE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ROLE_ARN = f"arn:aws:iam::{LEGACY}:role/app"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        sides.client("legacy", "iam").create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(SERVICE_TRUST))
        for role in sides.scan(ROLE).values():
            sides.move(ROLE, role)
        yield sides


@pytest.fixture
def parameters(world: TwoSides) -> dict[str, Resource]:
    ssm = world.client("legacy", "ssm")
    ssm.put_parameter(
        Name="/shop/role",
        Value=ROLE_ARN,
        Type="String",
        Tier="Advanced",
        Description="who",
        AllowedPattern="^arn.*",
        Tags=[{"Key": "env", "Value": "prod"}],
    )
    ssm.put_parameter(Name="features", Value="checkout,größe", Type="StringList")
    ssm.put_parameter(Name="/shop/db/password", Value="hunter2", Type="String")
    for number in range(12):
        ssm.put_parameter(Name=f"/many/{number:02}", Value=str(number), Type="String")
    return world.scan(PARAMETER)


@pytest.fixture
def group(world: TwoSides) -> Resource:
    logs = world.client("legacy", "logs")
    logs.create_log_group(logGroupName="/ecs/shop-web", tags={"env": "prod"})
    logs.create_log_group(logGroupName="/ecs/shop-web-2")
    logs.put_retention_policy(logGroupName="/ecs/shop-web", retentionInDays=30)
    return world.scan(LOG_GROUP)["/ecs/shop-web"]


def test_parameters_are_found_with_values_and_settings(parameters: dict[str, Resource]) -> None:
    assert len(parameters) == 15
    assert parameters["/many/11"].facts["value"] == "11"
    assert parameters["features"].facts["type"] == "StringList"
    role = parameters["/shop/role"]
    assert role.arn == f"arn:aws:ssm:{REGION}:{LEGACY}:parameter/shop/role"
    assert role.tags == {"env": "prod"}
    assert role.facts == {
        "type": "String",
        "tier": "Advanced",
        "data_type": "text",
        "description": "who",
        "key_id": None,
        "allowed_pattern": "^arn.*",
        "policies": [],
        "value": ROLE_ARN,
    }


def test_a_plain_value_that_looks_like_a_credential_is_sealed(parameters: dict[str, Resource]) -> None:
    assert parameters["/shop/db/password"].facts["value"] == {"$sealed": "hash-of-7", "length": 7}


def test_one_parameter_read_alone_shows_the_same(world: TwoSides, parameters: dict[str, Resource]) -> None:
    for name in ("/shop/role", "features"):
        assert world.scan(PARAMETER, only=name) == {name: parameters[name]}
    assert world.scan(PARAMETER, only="/shop") == {}


def test_the_target_shows_the_same_parameter_in_its_own_names(world: TwoSides, parameters: dict[str, Resource]) -> None:
    for name in ("/shop/role", "features"):
        world.move(PARAMETER, parameters[name])

        assert world.differences(PARAMETER, parameters[name], "create") == {}

    assert world.scan(PARAMETER, "target")["/shop/role"].facts["value"] == f"arn:aws:iam::{TARGET}:role/app"
    world.undo()
    assert world.scan(PARAMETER, "target") == {}


def test_parameter_policies_are_sent_as_one_text(world: TwoSides, parameters: dict[str, Resource]) -> None:
    policies = [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2030-01-01T00:00:00.000Z"}}]
    parameters["features"].facts["policies"] = policies

    ((_, params),) = world.planned(PARAMETER, parameters["features"], "create")

    assert params["Policies"] == {"$json": policies}


def test_the_order_in_which_aws_shows_policies_means_nothing() -> None:
    policies = [{"PolicyText": json.dumps({"Type": sort})} for sort in ("NoChangeNotification", "Expiration")]

    def shown(*some: dict[str, str]) -> Any:
        one = {"Name": "features", "Type": "String", "Policies": list(some)}
        answers = {
            "ssm.DescribeParameters": lambda _: {"Parameters": [one]},
            "ssm.GetParameters": lambda _: {"Parameters": [{"Name": "features", "Value": "on"}]},
            "ssm.ListTagsForResource": lambda _: {},
        }
        (found,) = PARAMETER.scan(ToldSite(LEGACY, REGION, PARAMETER.reads, answers))
        return found.facts["policies"]

    assert shown(*policies) == shown(*reversed(policies)) == [{"Type": "Expiration"}, {"Type": "NoChangeNotification"}]


def test_a_log_group_is_found_with_its_retention(group: Resource) -> None:
    assert group.arn == f"arn:aws:logs:{REGION}:{LEGACY}:log-group:/ecs/shop-web"
    assert group.tags == {"env": "prod"}
    assert (group.facts["retention_days"], group.facts["log_group_class"]) == (30, "STANDARD")


def test_one_log_group_read_alone_shows_the_same(world: TwoSides, group: Resource) -> None:
    assert world.scan(LOG_GROUP, only="/ecs/shop-web") == {"/ecs/shop-web": group}
    assert world.scan(LOG_GROUP, only="/ecs/shop") == {}


def test_the_target_shows_the_same_log_group(world: TwoSides, group: Resource) -> None:
    world.move(LOG_GROUP, group)

    assert world.differences(LOG_GROUP, group, "create") == {}
    world.undo()
    assert world.scan(LOG_GROUP, "target") == {}


def test_an_encrypted_log_group_gets_its_key_after_the_keys_policy(world: TwoSides, group: Resource) -> None:
    key = f"arn:aws:kms:{REGION}:999988887777:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    group.facts["kms_key_id"] = key

    ((create, made), *_) = world.planned(LOG_GROUP, group, "create")
    ((associate, params), *_) = world.planned(LOG_GROUP, group, "configure")

    assert (create.operation, "kmsKeyId" in made) == ("logs.CreateLogGroup", False)
    assert (associate.operation, params["kmsKeyId"]) == ("logs.AssociateKmsKey", key)
    assert LOG_GROUP.action("configure").after_kinds == ("kms.key.configure",)


def test_a_log_group_without_key_has_nothing_to_configure(world: TwoSides, group: Resource) -> None:
    plain = world.scan(LOG_GROUP)["/ecs/shop-web-2"]

    assert not LOG_GROUP.action("configure").applies(LOG_GROUP.typed(plain))


def test_a_stack_is_reported_and_gives_nothing_away(world: TwoSides) -> None:
    template: dict[str, Any] = {
        "Description": "machine users",
        "Parameters": {"DbPassword": {"Type": "String"}, "Size": {"Type": "String", "Default": "small"}},
        "Resources": {
            "Robot": {"Type": "AWS::IAM::User", "Properties": {"UserName": "robot"}},
            "RobotKey": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "Robot"}}},
        },
        "Outputs": {
            "RobotSecret": {"Value": {"Fn::GetAtt": ["RobotKey", "SecretAccessKey"]}},
            "RobotKeyId": {"Value": {"Ref": "RobotKey"}},
            "RobotName": {"Value": {"Ref": "Robot"}, "Export": {"Name": "robot-name"}},
        },
    }
    cloudformation = world.client("legacy", "cloudformation")
    cloudformation.create_stack(
        StackName="users",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "DbPassword", "ParameterValue": "hunter2"}],
        Tags=[{"Key": "team", "Value": "platform"}],
    )
    (answer,) = cloudformation.describe_stacks(StackName="users")["Stacks"]
    secret = {one["OutputKey"]: one["OutputValue"] for one in answer["Outputs"]}["RobotSecret"]
    resources = cloudformation.list_stack_resources(StackName="users")["StackResourceSummaries"]
    key_id = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}["RobotKey"]

    (stack,) = world.scan(STACK).values()

    assert stack.tags == {"team": "platform"}
    assert stack.facts["outputs"]["RobotName"] == "robot"
    assert stack.facts["outputs"]["RobotSecret"]["length"] == len(secret)
    assert stack.facts["exports"] == {"robot-name": "RobotName"}
    assert stack.facts["resources"]["Robot"] == {"type": "AWS::IAM::User", "physical_id": "robot"}
    assert stack.facts["resources"]["RobotKey"]["physical_id"] == f"…{key_id[-4:]}"
    assert stack.facts["parameters"]["Size"] == "small"
    for secret_text in (secret, key_id, "hunter2"):
        assert secret_text not in json.dumps(stack.as_json())
    assert (STACK.actions, "DeletionPolicy" in STACK.manual) == ((), True)
    assert world.scan(STACK, only="users") == {"users": stack}
    assert world.scan(STACK, only="other") == {}


def test_a_zone_is_reported_with_its_records(world: TwoSides) -> None:
    route53 = world.client("legacy", "route53")
    zone_id = route53.create_hosted_zone(
        Name="shop.example.", CallerReference="1", HostedZoneConfig={"Comment": "public", "PrivateZone": False}
    )["HostedZone"]["Id"].rpartition("/")[2]
    alias = {
        "HostedZoneId": "Z32O12XQLNTSW2",
        "DNSName": f"dualstack.shop-1.{REGION}.elb.amazonaws.com.",
        "EvaluateTargetHealth": True,
    }
    mail = {"Name": "shop.example.", "Type": "MX", "TTL": 300}
    records: list[dict[str, Any]] = [
        {"Name": "shop.example.", "Type": "A", "AliasTarget": alias},
        mail | {"ResourceRecords": [{"Value": "20 b.mail.example."}, {"Value": "10 a.mail.example."}]},
        {"Name": "x.shop.example.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "else.example."}]},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    route53.change_tags_for_resource(
        ResourceType="hostedzone", ResourceId=zone_id, AddTags=[{"Key": "team", "Value": "platform"}]
    )

    (zone,) = world.scan(ZONE).values()

    assert (zone.ref.name, zone.ref.region, zone.tags) == (zone_id, "global", {"team": "platform"})
    assert (zone.facts["domain"], zone.facts["comment"]) == ("shop.example.", "public")
    found = {(record["Name"], record["Type"]): record for record in zone.facts["records"]}
    assert found["shop.example.", "MX"]["ResourceRecords"] == [
        {"Value": "10 a.mail.example."},
        {"Value": "20 b.mail.example."},
    ]
    assert ("shop.example.", "A") not in found, "what leads into AWS is a resource of its own"
    assert "records" in ZONE.manual
    assert world.scan(ZONE, only=zone_id) == {zone_id: zone}
    assert world.scan(ZONE, only="ZNOPE") == {}
