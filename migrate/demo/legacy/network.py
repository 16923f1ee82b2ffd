"""The network of one environment, twice the same: one VPC with everything that hangs on it.

Rule: dev and prod are twins down to the CIDR; only names and ids tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from migrate.demo.legacy.site import Env, Site, allow, document, named, specification

CIDR = "10.0.0.0/16"
SUBNETS: tuple[tuple[str, str, str], ...] = (
    ("public", "a", "10.0.0.0/24"),
    ("public", "b", "10.0.1.0/24"),
    ("private", "a", "10.0.10.0/24"),
    ("private", "b", "10.0.11.0/24"),
)
GROUPS = {
    "alb": "Front door",
    "web": "Web containers",
    "worker": "Queue workers",
    "db": "PostgreSQL",
    "lambda": "Functions inside the VPC",
}
# group, direction, protocol, first port, last port, CIDR or group, description
GROUP_RULES: tuple[tuple[str, Literal["in", "out"], str, int, int, str, str], ...] = (
    ("alb", "in", "tcp", 80, 80, "0.0.0.0/0", "http from anywhere"),
    ("alb", "in", "tcp", 8080, 8080, "0.0.0.0/0", "second listener"),
    ("web", "in", "tcp", 8080, 8081, "alb", "from the load balancer"),
    ("web", "in", "tcp", 9000, 9000, "worker", "workers report back"),
    ("web", "in", "tcp", 7946, 7946, "web", "gossip among themselves"),
    ("worker", "in", "tcp", 9001, 9001, "web", "web hands work over"),
    ("worker", "in", "tcp", 9100, 9100, "10.0.0.0/16", "metrics"),
    ("db", "in", "tcp", 5432, 5432, "web", "web to PostgreSQL"),
    ("db", "in", "tcp", 5432, 5432, "worker", "workers to PostgreSQL"),
    ("db", "in", "tcp", 5432, 5432, "lambda", "functions to PostgreSQL"),
    ("lambda", "out", "tcp", 5432, 5432, "db", "PostgreSQL only"),
    ("lambda", "out", "tcp", 443, 443, "0.0.0.0/0", "AWS APIs"),
)
# The one group whose default "everything out" was taken away.
CLOSED_EGRESS = "lambda"
# number, protocol (6 = tcp, -1 = all), action, egress, CIDR, first port, last port
ACL_ENTRIES: tuple[tuple[int, str, str, bool, str, int, int], ...] = (
    (90, "6", "deny", False, "198.51.100.0/24", 0, 65535),
    (100, "-1", "allow", False, CIDR, 0, 0),
    (110, "6", "allow", False, "0.0.0.0/0", 1024, 65535),
    (100, "-1", "allow", True, CIDR, 0, 0),
    (110, "6", "allow", True, "0.0.0.0/0", 443, 443),
    (120, "6", "allow", True, "0.0.0.0/0", 1024, 65535),
)


@dataclass(frozen=True)
class Network:
    """Ids of one environment's network."""

    vpc: str
    public: tuple[str, ...]
    private: tuple[str, ...]
    groups: dict[str, str]


def build(site: Site, env: Env) -> Network:
    """Build the network of one environment."""
    ec2 = site.client("ec2")
    prefix = f"shop-{env}"
    vpc = ec2.create_vpc(CidrBlock=CIDR, TagSpecifications=specification("vpc", named(prefix, env)))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = _subnets(site, env, vpc)
    public = tuple(subnets[f"public-{zone}"] for zone in "ab")
    private = tuple(subnets[f"private-{zone}"] for zone in "ab")
    private_table = _routes(site, prefix, vpc, public, private)
    _acl(site, prefix, vpc, private)
    groups = _groups(site, prefix, vpc)
    _endpoints(site, env, vpc, private, private_table, groups)
    return Network(vpc=vpc, public=public, private=private, groups=groups)


def _subnets(site: Site, env: Env, vpc: str) -> dict[str, str]:
    ec2 = site.client("ec2")
    ids: dict[str, str] = {}
    for tier, zone, cidr in SUBNETS:
        name = f"{tier}-{zone}"
        ids[name] = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=cidr,
            AvailabilityZone=f"{site.region}{zone}",
            TagSpecifications=specification("subnet", named(f"shop-{env}-{name}", env, tier=tier)),
        )["Subnet"]["SubnetId"]
        if tier == "public":
            ec2.modify_subnet_attribute(SubnetId=ids[name], MapPublicIpOnLaunch={"Value": True})
    return ids


def _routes(site: Site, prefix: str, vpc: str, public: tuple[str, ...], private: tuple[str, ...]) -> str:
    """Attach the gateways and both route tables; return the private table."""
    ec2 = site.client("ec2")
    internet = ec2.create_internet_gateway(TagSpecifications=specification("internet-gateway", named(prefix)))
    internet_id = internet["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet_id, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=specification("elastic-ip", named(f"{prefix}-nat")))[
        "AllocationId"
    ]
    nat = ec2.create_nat_gateway(
        SubnetId=public[0],
        AllocationId=address,
        TagSpecifications=specification("natgateway", named(f"{prefix}-nat")),
    )["NatGateway"]["NatGatewayId"]
    tables: dict[str, str] = {}
    for tier, members, route in (
        ("public", public, {"GatewayId": internet_id}),
        ("private", private, {"NatGatewayId": nat}),
    ):
        tables[tier] = ec2.create_route_table(
            VpcId=vpc, TagSpecifications=specification("route-table", named(f"{prefix}-{tier}"))
        )["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=tables[tier], DestinationCidrBlock="0.0.0.0/0", **route)
        for subnet in members:
            ec2.associate_route_table(RouteTableId=tables[tier], SubnetId=subnet)
    return tables["private"]


def _acl(site: Site, prefix: str, vpc: str, private: tuple[str, ...]) -> None:
    ec2 = site.client("ec2")
    acl = ec2.create_network_acl(VpcId=vpc, TagSpecifications=specification("network-acl", named(f"{prefix}-private")))[
        "NetworkAcl"
    ]["NetworkAclId"]
    for number, protocol, action, egress, cidr, first, last in ACL_ENTRIES:
        ports: dict[str, Any] = {} if protocol == "-1" else {"PortRange": {"From": first, "To": last}}
        ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=number,
            Protocol=protocol,
            RuleAction=action,
            Egress=egress,
            CidrBlock=cidr,
            **ports,
        )
    current = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": list(private)}])
    for other in current["NetworkAcls"]:
        for association in other["Associations"]:
            if association["SubnetId"] in private:
                ec2.replace_network_acl_association(
                    AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
                )


def _groups(site: Site, prefix: str, vpc: str) -> dict[str, str]:
    ec2 = site.client("ec2")
    ids: dict[str, str] = {}
    for name, description in GROUPS.items():
        ids[name] = ec2.create_security_group(
            GroupName=f"{prefix}-{name}",
            Description=description,
            VpcId=vpc,
            TagSpecifications=specification("security-group", named(f"{prefix}-{name}")),
        )["GroupId"]
    ec2.revoke_security_group_egress(
        GroupId=ids[CLOSED_EGRESS],
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    for group, direction, protocol, first, last, peer, description in GROUP_RULES:
        rule: dict[str, Any] = {"IpProtocol": protocol, "FromPort": first, "ToPort": last}
        if peer in ids:
            rule["UserIdGroupPairs"] = [{"GroupId": ids[peer], "Description": description}]
        else:
            rule["IpRanges"] = [{"CidrIp": peer, "Description": description}]
        authorize = ec2.authorize_security_group_ingress if direction == "in" else ec2.authorize_security_group_egress
        authorize(GroupId=ids[group], IpPermissions=[rule])
    return ids


def _endpoints(
    site: Site, env: Env, vpc: str, private: tuple[str, ...], private_table: str, groups: dict[str, str]
) -> None:
    ec2 = site.client("ec2")
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{site.region}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[private_table],
        PolicyDocument=document(
            allow(
                ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                [
                    f"arn:aws:s3:::shop-uploads-{env}",
                    f"arn:aws:s3:::shop-uploads-{env}/*",
                    "arn:aws:s3:::shop-assets-*",
                ],
                Principal="*",
                Condition={"StringEquals": {"aws:PrincipalAccount": site.account}},
            )
        ),
        TagSpecifications=specification("vpc-endpoint", named(f"shop-{env}-s3")),
    )
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{site.region}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=list(private),
        SecurityGroupIds=[groups["web"], groups["lambda"]],
        PrivateDnsEnabled=True,
        TagSpecifications=specification("vpc-endpoint", named(f"shop-{env}-secretsmanager")),
    )
