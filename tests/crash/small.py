"""A legacy account with a few things of each sort that a crash could make twice, small enough for every test run."""

from __future__ import annotations

import json
from typing import Any

from migrate.demo.world import World

LEGACY, TARGET = "111111111111", "333333333333"

CONFIG = """\
schema: migrate.config/1
migration: small
legacy: {account: "111111111111", regions: [eu-west-1]}
targets:
  development: {account: "333333333333", role: OrganizationAccountAccessRole}
environments: {dev: development}
placement:
  - {name: "*", to: development, because: everything here is for development}
buckets: "{name}-{account}"
move:
  - {runbook: move-workload, accounts: [development]}
settle_s: 1
waivers:
  - {gap: "codecommit:*", because: the embedded world does not have it}
"""


def build(world: World) -> None:
    """Build it."""
    client = world.session(LEGACY).client
    _network(client("ec2"))
    _names(client)
    s3 = client("s3")
    s3.create_bucket(Bucket="small-files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for number in range(3):
        s3.put_object(Bucket="small-files", Key=f"a {number}.txt", Body=b"x" * number, Metadata={"n": str(number)})


def _network(ec2: Any) -> None:
    def tags(kind: str, name: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}, {"Key": "env", "Value": "dev"}]}]

    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags("vpc", "small"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.1.{at}.0/24", AvailabilityZone=f"eu-west-1{'ab'[at]}",
            TagSpecifications=tags("subnet", f"small-{at}"),
        )["Subnet"]["SubnetId"]
        for at in range(2)
    ]  # fmt: skip
    gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", "small"))
    gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", "small"))["AllocationId"]
    nat = ec2.create_nat_gateway(
        SubnetId=subnets[0], AllocationId=address, TagSpecifications=tags("natgateway", "small")
    )["NatGateway"]["NatGatewayId"]
    for at, (name, target) in enumerate((("public", {"GatewayId": gateway_id}), ("private", {"NatGatewayId": nat}))):
        table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table", name))
        table_id = table["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", **target)
        ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnets[at])
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3", VpcEndpointType="Gateway", RouteTableIds=[table_id],
        TagSpecifications=tags("vpc-endpoint", "small"),
    )  # fmt: skip
    groups = [
        ec2.create_security_group(
            GroupName=f"small-{name}", Description=name, VpcId=vpc, TagSpecifications=tags("security-group", name)
        )["GroupId"]
        for name in ("web", "db")
    ]
    for one, other in (groups, reversed(groups)):
        ec2.authorize_security_group_ingress(
            GroupId=one,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": other}]}
            ],
        )


def _names(client: Any) -> None:
    key = client("kms").create_key(Description="small", Tags=[{"TagKey": "Name", "TagValue": "small"}])
    key_arn = key["KeyMetadata"]["Arn"]
    client("kms").create_alias(AliasName="alias/small", TargetKeyId=key_arn)
    iam = client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="small-task", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::small-files/*"}
    policy = iam.create_policy(
        PolicyName="small-read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    iam.attach_role_policy(RoleName="small-task", PolicyArn=policy["Policy"]["Arn"])
    client("sqs").create_queue(QueueName="small-jobs", Attributes={"VisibilityTimeout": "45"})
    client("sns").create_topic(Name="small-orders")
    client("logs").create_log_group(logGroupName="/small/web")
    client("secretsmanager").create_secret(Name="small/stripe", SecretString="sk_live_small_0000", KmsKeyId=key_arn)
    client("ssm").put_parameter(Name="/small/level", Type="String", Value="debug")
