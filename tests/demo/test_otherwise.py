"""A world that is told so answers a read of one account otherwise, in one place, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from migrate.demo import world
from migrate.demo.otherwise import put
from tests.demo.conftest import PRODUCTION

pytestmark = pytest.mark.world
Told = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def told(a_world: world.World) -> Iterator[Told]:
    path = a_world.home / "otherwise.json"

    @contextmanager
    def tell(operation: str, at: list[Any], value: Any, **asked: Any) -> Iterator[None]:
        rule = {"account": PRODUCTION, "operation": operation, "asked": asked, "at": at, "value": value}
        path.write_text(json.dumps([rule]))
        yield
        path.unlink()

    yield tell
    path.unlink(missing_ok=True)


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what AWS says of the request."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_the_protocol_of_ec2(told: Told, target: Callable[..., Any], legacy: Callable[..., Any]) -> None:
    made = [target("ec2").create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (81, 82)]
    before, in_legacy = plain(target("ec2").describe_vpcs()), plain(legacy("ec2").describe_vpcs())

    with told("ec2.DescribeVpcs", ["Vpcs", {"VpcId": made[1]}, "CidrBlock"], "10.99.0.0/16"):
        now = plain(target("ec2").describe_vpcs())
        assert plain(legacy("ec2").describe_vpcs()) == in_legacy

    changed = [(was, one) for was, one in zip(before["Vpcs"], now["Vpcs"], strict=True) if was != one]
    assert changed == [(was, was | {"CidrBlock": "10.99.0.0/16"}) for was in before["Vpcs"] if was["VpcId"] == made[1]]
    assert plain(target("ec2").describe_vpcs()) == before


def test_the_query_protocol(told: Told, target: Callable[..., Any], name: str) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    target("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Description="ä <&> ü")
    before = target("iam").get_role(RoleName=name)["Role"]

    with told("iam.GetRole", ["Role", "Path"], "/other/", RoleName=name):
        now = target("iam").get_role(RoleName=name)["Role"]
        other = target("iam").get_role(RoleName="OrganizationAccountAccessRole")["Role"]

    assert now == before | {"Path": "/other/"}
    assert other["Path"] == "/"


def test_the_json_protocol(told: Told, target: Callable[..., Any], name: str) -> None:
    asked = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    target("dynamodb").create_table(TableName=name, AttributeDefinitions=types, **asked)
    before = target("dynamodb").describe_table(TableName=name)["Table"]

    with told("dynamodb.DescribeTable", ["Table", "TableClassSummary", "TableClass"], "STANDARD_INFREQUENT_ACCESS"):
        now = target("dynamodb").describe_table(TableName=name)["Table"]

    assert now == before | {"TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"}}


def test_json_that_is_asked_by_path(told: Told, target: Callable[..., Any], name: str) -> None:
    target("efs").create_file_system(CreationToken=name, Encrypted=True)
    (before,) = target("efs").describe_file_systems(CreationToken=name)["FileSystems"]

    with told("efs.DescribeFileSystems", ["FileSystems", 0, "Encrypted"], False, CreationToken=name):
        (now,) = target("efs").describe_file_systems(CreationToken=name)["FileSystems"]

    # Its size is measured anew each time; its time is told to the millisecond.
    assert abs(now["CreationTime"] - before["CreationTime"]) < timedelta(milliseconds=1)
    measured = {name: now[name] for name in ("SizeInBytes", "CreationTime")}
    assert now == before | measured | {"Encrypted": False}


def test_xml_that_is_asked_by_path(told: Told, target: Callable[..., Any], name: str) -> None:
    zone = target("route53").create_hosted_zone(Name=f"{name}.example.", CallerReference=name)["HostedZone"]
    before = target("route53").get_hosted_zone(Id=zone["Id"])

    with told("route53.GetHostedZone", ["HostedZone", "Name"], "other.example.", Id=zone["Id"].rpartition("/")[2]):
        now = target("route53").get_hosted_zone(Id=zone["Id"])

    assert plain(now) == plain(before) | {"HostedZone": before["HostedZone"] | {"Name": "other.example."}}


def test_two_services_that_sign_by_one_name(told: Told, target: Callable[..., Any], name: str) -> None:
    vpc = target("ec2").create_vpc(CidrBlock="10.83.0.0/16")["Vpc"]["VpcId"]
    asked = {"Protocol": "HTTP", "Port": 80, "VpcId": vpc}
    target("elbv2").create_target_group(Name=name[:32], **asked)
    (before,) = target("elbv2").describe_target_groups(Names=[name[:32]])["TargetGroups"]

    with told("elbv2.DescribeTargetGroups", ["TargetGroups", 0, "Port"], 81):
        (now,) = target("elbv2").describe_target_groups(Names=[name[:32]])["TargetGroups"]
        assert target("elb").describe_load_balancers()["LoadBalancerDescriptions"] == []
    with told("elb.DescribeLoadBalancers", ["LoadBalancerDescriptions", 0], {"LoadBalancerName": "another"}):
        assert target("elbv2").describe_load_balancers()["LoadBalancers"] == []
        (classic,) = target("elb").describe_load_balancers()["LoadBalancerDescriptions"]

    assert now == before | {"Port": 81}
    assert classic["LoadBalancerName"] == "another"


def test_a_service_that_the_emulator_calls_by_a_name_of_its_own(
    told: Told, target: Callable[..., Any], name: str
) -> None:
    made = target("apigatewayv2").create_api(Name=name, ProtocolType="HTTP")["ApiId"]

    with told("apigatewayv2.GetApi", ["ProtocolType"], "WEBSOCKET", ApiId=made):
        assert target("apigatewayv2").get_api(ApiId=made)["ProtocolType"] == "WEBSOCKET"

    assert target("apigatewayv2").get_api(ApiId=made)["ProtocolType"] == "HTTP"


def test_the_xml_of_s3(told: Told, target: Callable[..., Any], name: str) -> None:
    target("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    with told("s3.GetBucketRequestPayment", ["Payer"], "Requester", Bucket=name):
        assert target("s3").get_bucket_request_payment(Bucket=name)["Payer"] == "Requester"

    assert target("s3").get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"


def test_a_refusal_is_told_as_it_is(told: Told, target: Callable[..., Any], refused: Callable[..., str]) -> None:
    with told("iam.GetRole", ["Role", "Path"], "/other/"):
        assert refused(target("iam").get_role, RoleName="nobody") == "NoSuchEntity"


def test_what_is_not_there_stays_as_it_is() -> None:
    answer: dict[str, Any] = {"Items": [{"Id": "a", "N": 1}, {"Id": "b"}], "Map": {}}

    assert not put(answer, ["Items", {"Id": "c"}, "N"], 2)
    assert not put(answer, ["Items", 3], {})
    assert not put(answer, ["Map", 0], 1)
    assert answer == {"Items": [{"Id": "a", "N": 1}, {"Id": "b"}], "Map": {}}
    assert put(answer, ["Items", 2], {"Id": "c"})
    assert put(answer, ["Items", {"Id": "a"}, "N"], None)
    assert put(answer, ["Map", "k", "x"], 5)
    assert answer == {"Items": [{"Id": "a"}, {"Id": "b"}, {"Id": "c"}], "Map": {"k": {"x": 5}}}
