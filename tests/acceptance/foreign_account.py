"""An account that nobody of this project drew: built by plain boto3 in any endpoint, varied by a seed.

Rule: it shares no code, no name and no habit with migrate/demo: other regions, other naming, half the tags missing,
two VPCs in which only one is needed, the default VPC in use, and every odd setting that a real account has grown.
"""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SECOND = "100.64.0.0/20"
REGIONS = ("us-east-2", "sa-east-1")
LEGACY, LIVE, LAB = "666677778888", "777788889999", "888899990000"
ENDPOINT_LIMITS = Config(retries={"total_max_attempts": 2, "mode": "standard"}, max_pool_connections=4)


@dataclass(frozen=True)
class Size:
    """How much of what can be many."""

    log_groups: int = 12
    services: int = 6
    roles: int = 6
    objects: int = 5
    regions: tuple[str, ...] = REGIONS
    looked_at: tuple[str, ...] = ("live", "lab")
    """The targets that are scanned before and after."""


SMALL = Size(log_groups=4, services=3, roles=1, objects=2, regions=REGIONS[:1], looked_at=("live",))
MEDIUM = Size()
LARGE = Size(log_groups=250, services=60, roles=40, objects=40)


@dataclass
class Builder:
    """The account being built: clients by service and region, the seed's dice, and what the endpoint refused."""

    endpoint: str
    seed: int
    size: Size
    refused: list[str] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)
    key: dict[str, str] = field(default_factory=dict)
    """Credentials of somebody in the account."""
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        words = ["zebra", "Quartz", "umbra", "falcon", "Nimbus", "okapi"]
        self.word = self.dice.choice(words)
        self.key = sign_in(self.endpoint)

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        """A plain client."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                config=ENDPOINT_LIMITS,
                **self.key,
            )
        return self._clients[service, region]

    def tags(self, name: str) -> dict[str, str]:
        """Half of all things say where they belong, in one of the ways people say it; some tags are odd."""
        said = {"Name": name, "cost centre": "Ω-42", "team": "Ünïcode 🚀 & Söhne"}
        return said | self.dice.choice([{}, {}, {"Environment": "live"}, {"stage": "lab"}])

    def pairs(self, name: str, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
        """The same as AWS's list."""
        return [{key: k, value: v} for k, v in self.tags(name).items()]

    def maybe(self, what: str, act: Callable[..., Any], **params: Any) -> Any:
        """Do what an emulator may refuse; what it refused is written down."""
        try:
            return act(**params)
        except (ClientError, NotImplementedError) as error:
            self.refused.append(f"{what}: {error}"[:200])
            return None


def build(endpoint: str, seed: int = 1, size: Size = MEDIUM) -> Builder:
    """Build the whole account."""
    from . import foreign_compute, foreign_data

    it = Builder(endpoint, seed, size)
    identity(it)
    network(it)
    foreign_data.build(it)
    foreign_compute.build(it)
    return it


def sign_in(endpoint: str) -> dict[str, str]:
    """An access key of a user of the legacy account, as anybody who starts there has one."""
    anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}
    named: dict[str, Any] = {"region_name": REGIONS[0], "endpoint_url": endpoint, "config": ENDPOINT_LIMITS}
    role = f"arn:aws:iam::{LEGACY}:role/OrganizationAccountAccessRole"
    given = boto3.client("sts", **named, **anybody).assume_role(RoleArn=role, RoleSessionName="builder")["Credentials"]
    temporary = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    iam = boto3.client("iam", **named, **temporary)
    iam.create_user(UserName="operator")
    made = iam.create_access_key(UserName="operator")["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def code(text: str) -> bytes:
    """A deployment package."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py", (2020, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()


def trust(**principal: Any) -> str:
    """A trust policy."""
    action = "sts:AssumeRoleWithWebIdentity" if "Federated" in principal else "sts:AssumeRole"
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def identity(it: Builder) -> None:
    """Roles that trust each other in a circle, a provider, boundaries, policies that nobody uses."""
    iam = it.client("iam")
    wide = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["s3:*", "dynamodb:*"], "Resource": "*"},
    }
    boundary = iam.create_policy(
        PolicyName="Permissions.Boundary+=,@-_", Path="/guard/rails/", PolicyDocument=json.dumps(wide),
        Description="says \"no\" and 'maybe' <&>",
    )["Policy"]["Arn"]  # fmt: skip
    unused = iam.create_policy(PolicyName="x" * 128, PolicyDocument=json.dumps(wide))["Policy"]["Arn"]
    for n in range(2):
        wide["Statement"]["Action"].append(f"sqs:Receive{n}*")  # type: ignore[index]
        iam.create_policy_version(PolicyArn=unused, PolicyDocument=json.dumps(wide), SetAsDefault=n == 0)
    provider = iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]

    def role(name: str, document: str, **more: Any) -> str:
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]["Arn"])

    alpha = role("circle-A", trust(Service="lambda.amazonaws.com"))
    beta = role("circle-B", trust(AWS=alpha), Path="/deep/er/")
    iam.update_assume_role_policy(
        RoleName="circle-A", PolicyDocument=trust(AWS=[beta, "arn:aws:iam::999900001111:root"])
    )
    role("ci.deploy", trust(Federated=provider), MaxSessionDuration=7200, Description="GitHub “Actions” → here")
    it.made["role"] = role(
        f"{it.word}_runtime",
        trust(Service=["lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "states.amazonaws.com"]),
        PermissionsBoundary=boundary, Tags=it.pairs("runtime"),
    )  # fmt: skip
    inline = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{it.word.lower()}.assets.example/*",
    }
    iam.put_role_policy(
        RoleName=f"{it.word}_runtime",
        PolicyName="reads",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [inline]}),
    )
    iam.attach_role_policy(RoleName=f"{it.word}_runtime", PolicyArn=boundary)
    aws_own = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    it.maybe("AWS's policy", lambda: iam.attach_role_policy(RoleName="circle-A", PolicyArn=aws_own))
    for n in range(it.size.roles):
        name = f"{it.word}-{n}-".ljust(64, "r")
        role(name, trust(Service="ec2.amazonaws.com"), Tags=it.pairs(name))
    profile = f"{it.word}-hosts"
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=f"{it.word}-0-".ljust(64, "r"))
    it.made["profile"] = profile
    iam.create_user(UserName="someone@example.com")
    iam.create_access_key(UserName="someone@example.com")


def network(it: Builder) -> None:
    """Two VPCs with equal names in two regions, the default one in use, secondary CIDRs, peering, endpoints."""
    for region in it.size.regions:
        ec2 = it.client("ec2", region)
        zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
        nets: list[dict[str, Any]] = []
        for n, cidr in enumerate(("172.20.0.0/16", "172.21.0.0/16")):
            name = f"{it.word} net {n}"
            vpc = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=spec("vpc", it.pairs(name)))["Vpc"]["VpcId"]
            it.maybe("secondary cidr", ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock=SECOND)
            subnets = [
                ec2.create_subnet(
                    VpcId=vpc, CidrBlock=f"172.{20 + n}.{16 * k}.0/20", AvailabilityZone=zones[k],
                    TagSpecifications=spec("subnet", it.pairs(f"{name} {'abc'[k]}")),
                )["Subnet"]["SubnetId"]
                for k in range(2)
            ]  # fmt: skip
            gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
            nets.append({"vpc": vpc, "subnets": subnets, "groups": groups(it, ec2, vpc)})
            ec2.create_network_acl(VpcId=vpc)
        it.made[f"net {region}"] = nets
        default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        inside = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default]}])["Subnets"]
        it.made[f"default {region}"] = {"vpc": default, "subnets": sorted(s["SubnetId"] for s in inside)[:2]}
        it.made[f"default {region}"]["groups"] = groups(it, ec2, default)
        first, second = (net["vpc"] for net in nets)
        gateway = {"ServiceName": f"com.amazonaws.{region}.dynamodb", "VpcEndpointType": "Gateway"}
        it.maybe("peering", ec2.create_vpc_peering_connection, VpcId=first, PeerVpcId=second)
        it.maybe("endpoint", ec2.create_vpc_endpoint, VpcId=first, **gateway)
        it.maybe("egress-only", ec2.create_egress_only_internet_gateway, VpcId=first)
        entries = [{"Cidr": "198.51.100.0/24", "Description": "Büro"}]
        named = {"PrefixListName": "offices", "MaxEntries": 3, "AddressFamily": "IPv4", "Entries": entries}
        it.maybe("prefix list", ec2.create_managed_prefix_list, **named)


def groups(it: Builder, ec2: Any, vpc: str) -> list[str]:
    """Security groups: one that trusts itself, one with IPv6 and every protocol, with descriptions that have quotes."""
    first = ec2.create_security_group(GroupName="Web & Co. (old)", Description="it's the web's", VpcId=vpc)["GroupId"]
    second = ec2.create_security_group(
        GroupName="z" * 200, Description="a:b/c#d,e@f[g]+=&;{h}!$*", VpcId=vpc,
        TagSpecifications=spec("security-group", it.pairs("second")),
    )["GroupId"]  # fmt: skip
    ec2.authorize_security_group_ingress(
        GroupId=first,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": first, "Description": "self"}, {"GroupId": second}]},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        ],
    )
    ec2.authorize_security_group_ingress(
        GroupId=second,
        IpPermissions=[{"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": first}]}],
    )
    return [first, second]


def spec(kind: str, pairs: list[dict[str, str]]) -> list[dict[str, Any]]:
    """EC2's way of tagging at creation."""
    return [{"ResourceType": kind, "Tags": pairs}]
