"""A VPC and what hangs on one: each part beside the parts that it stands on."""

from collections.abc import Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kinds import every_kind
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.examples._needed import changed, ec2_tagged, retagged
from tests.kinds.examples._network import (
    AT_CREATION,
    BY_AWS,
    OF_A_VPC,
    a_bare_gateway,
    a_bare_group,
    a_bare_subnet,
    a_bare_vpc,
    a_prefix_list,
)
from tests.kinds.two_sides import REGION, Side, TwoSides


def an_address(world: TwoSides) -> Resource:
    made = world.client("legacy", "ec2").allocate_address(Domain="vpc", TagSpecifications=ec2_tagged("elastic-ip"))
    return needed.scanned(world, "ec2.elastic_ip", made["AllocationId"])


def ec2(operation: str, key: str, **params: Any) -> Change:
    return changed("ec2", operation, key, **params)


def a_vpc(world: TwoSides) -> Resource:
    legacy = world.client("legacy", "ec2")
    vpc_id = legacy.create_vpc(
        CidrBlock="10.0.0.0/16",
        InstanceTenancy="dedicated",
        AmazonProvidedIpv6CidrBlock=True,
        TagSpecifications=ec2_tagged("vpc"),
    )["Vpc"]["VpcId"]
    legacy.associate_vpc_cidr_block(VpcId=vpc_id, CidrBlock="100.64.0.0/20")
    legacy.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": False})
    legacy.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    return needed.scanned(world, "ec2.vpc", vpc_id)


def without_ipv6(world: TwoSides, it: Resource) -> None:
    """No block any more, of the VPC or of the subnet."""
    client = world.client("target", "ec2")
    if it.ref.kind == "ec2.vpc":
        shown, forget = client.describe_vpcs(VpcIds=[it.ref.name])["Vpcs"][0], client.disassociate_vpc_cidr_block
    else:
        shown = client.describe_subnets(SubnetIds=[it.ref.name])["Subnets"][0]
        forget = client.disassociate_subnet_cidr_block
    forget(AssociationId=shown["Ipv6CidrBlockAssociationSet"][0]["AssociationId"])


def a_subnet(world: TwoSides) -> Resource:
    legacy = world.client("legacy", "ec2")
    vpc = legacy.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    needed.moved(world, "ec2.vpc", vpc["VpcId"])
    whole = str(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    made = legacy.create_subnet(
        VpcId=vpc["VpcId"],
        CidrBlock="10.0.7.0/24",
        Ipv6CidrBlock=whole.replace("00::/56", "2a::/64"),
        AvailabilityZone=f"{REGION}b",
        TagSpecifications=ec2_tagged("subnet"),
    )
    subnet_id = made["Subnet"]["SubnetId"]
    legacy.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
    legacy.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": True})
    return needed.scanned(world, "ec2.subnet", subnet_id)


def a_gateway(world: TwoSides) -> Resource:
    vpc_id, legacy = a_bare_vpc(world), world.client("legacy", "ec2")
    made = legacy.create_internet_gateway(TagSpecifications=ec2_tagged("internet-gateway"))
    gateway = made["InternetGateway"]["InternetGatewayId"]
    legacy.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    return needed.scanned(world, "ec2.internet_gateway", gateway)


def gateway_detached(world: TwoSides, it: Resource) -> None:
    world.client("target", "ec2").detach_internet_gateway(InternetGatewayId=it.ref.name, VpcId=it.facts["vpc_id"])


def a_nat_gateway(world: TwoSides) -> Resource:
    subnet, address = a_bare_subnet(world, a_bare_vpc(world)), an_address(world)
    world.move(every_kind()["ec2.elastic_ip"], address)
    made = world.client("legacy", "ec2").create_nat_gateway(
        SubnetId=subnet, AllocationId=address.ref.name, TagSpecifications=ec2_tagged("natgateway")
    )
    return needed.scanned(world, "ec2.nat_gateway", made["NatGateway"]["NatGatewayId"])


def a_route_table(world: TwoSides) -> Resource:
    vpc_id, legacy = a_bare_vpc(world), world.client("legacy", "ec2")
    subnet, gateway = a_bare_subnet(world, vpc_id), a_bare_gateway(world, vpc_id)
    made = legacy.create_route_table(VpcId=vpc_id, TagSpecifications=ec2_tagged("route-table"))
    table = made["RouteTable"]["RouteTableId"]
    legacy.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    legacy.create_route(RouteTableId=table, DestinationPrefixListId=a_prefix_list(world), GatewayId=gateway)
    legacy.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return needed.scanned(world, "ec2.route_table", table)


def own_list_routed(world: TwoSides, it: Resource) -> None:
    gateway = next(route["GatewayId"] for route in it.facts["routes"])
    ec2("create_route", "RouteTableId", DestinationPrefixListId=a_prefix_list(world, "target"), GatewayId=gateway)(
        world, it
    )


def associations(world: TwoSides, name: str, value: str) -> Sequence[dict[str, Any]]:
    wanted = [{"Name": name, "Values": [value]}]
    tables = world.client("target", "ec2").describe_route_tables(Filters=wanted)["RouteTables"]
    return [one for table in tables for one in table["Associations"]]


def made_the_main_table(world: TwoSides, it: Resource) -> None:
    main = next(one for one in associations(world, "vpc-id", it.facts["vpc_id"]) if one["Main"])
    world.client("target", "ec2").replace_route_table_association(
        AssociationId=main["RouteTableAssociationId"], RouteTableId=it.ref.name
    )


def subnet_taken_away(world: TwoSides, it: Resource) -> None:
    one = next(one for one in associations(world, "route-table-id", it.ref.name) if one.get("SubnetId"))
    world.client("target", "ec2").disassociate_route_table(AssociationId=one["RouteTableAssociationId"])


def a_network_acl(world: TwoSides) -> Resource:
    vpc_id, legacy = a_bare_vpc(world), world.client("legacy", "ec2")
    subnet = a_bare_subnet(world, vpc_id)
    made = legacy.create_network_acl(VpcId=vpc_id, TagSpecifications=ec2_tagged("network-acl"))
    acl = made["NetworkAcl"]["NetworkAclId"]
    https = {"Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443}}
    ping = {"Protocol": "1", "CidrBlock": "10.0.0.0/8", "IcmpTypeCode": {"Type": 8, "Code": -1}}
    for number, egress, entry in ((110, False, https), (100, True, https), (90, False, ping)):
        legacy.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=number, Egress=egress, RuleAction="allow" if egress else "deny", **entry
        )
    put_behind(world, "legacy", subnet, acl)
    return needed.scanned(world, "ec2.network_acl", acl)


def put_behind(world: TwoSides, side: Side, subnet: str, acl: str) -> None:
    wanted = [{"Name": "association.subnet-id", "Values": [subnet]}]
    for one in world.client(side, "ec2").describe_network_acls(Filters=wanted)["NetworkAcls"][0]["Associations"]:
        if one["SubnetId"] == subnet:
            world.client(side, "ec2").replace_network_acl_association(
                AssociationId=one["NetworkAclAssociationId"], NetworkAclId=acl
            )


def subnet_put_behind_another(world: TwoSides, it: Resource) -> None:
    made = world.client("target", "ec2").create_network_acl(VpcId=it.facts["vpc_id"])
    put_behind(world, "target", it.facts["subnet_ids"][0], made["NetworkAcl"]["NetworkAclId"])


def rule(port: int, **peers: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}


def a_group(world: TwoSides) -> Resource:
    vpc_id, legacy = a_bare_vpc(world), world.client("legacy", "ec2")
    other = a_bare_group(world, vpc_id, "worker")
    own = legacy.create_security_group(
        GroupName="web", Description="web servers", VpcId=vpc_id, TagSpecifications=ec2_tagged("security-group")
    )["GroupId"]
    legacy.authorize_security_group_ingress(
        GroupId=own,
        IpPermissions=[
            rule(443, IpRanges=[{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.1.0.0/16", "Description": "office"}]),
            rule(444, Ipv6Ranges=[{"CidrIpv6": "::/0"}]),
            rule(9000, UserIdGroupPairs=[{"GroupId": other, "Description": "workers report back"}]),
            rule(8443, PrefixListIds=[{"PrefixListId": a_prefix_list(world), "Description": "office"}]),
            rule(7946, UserIdGroupPairs=[{"GroupId": own}]),
        ],
    )
    legacy.revoke_security_group_egress(
        GroupId=own, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    legacy.authorize_security_group_egress(
        GroupId=own, IpPermissions=[rule(9001, UserIdGroupPairs=[{"GroupId": other}])]
    )
    return needed.scanned(world, "ec2.security_group", own)


def own_list_let_in(world: TwoSides, it: Resource) -> None:
    prefix_lists = [{"PrefixListId": a_prefix_list(world, "target")}]
    ec2("authorize_security_group_egress", "GroupId", IpPermissions=[rule(1, PrefixListIds=prefix_lists)])(world, it)


def an_endpoint(world: TwoSides) -> Resource:
    vpc_id = a_bare_vpc(world)
    made = world.client("legacy", "ec2").create_vpc_endpoint(
        VpcId=vpc_id,
        ServiceName=f"com.amazonaws.{REGION}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=[a_bare_subnet(world, vpc_id, number) for number in (0, 1)],
        SecurityGroupIds=[a_bare_group(world, vpc_id, name) for name in ("web", "worker")],
        PrivateDnsEnabled=True,
        PolicyDocument=needed.policy(needed.statement(needed.a_role(world), Action="*", Resource="*")),
        TagSpecifications=ec2_tagged("vpc-endpoint"),
    )
    return needed.scanned(world, "ec2.vpc_endpoint", made["VpcEndpoint"]["VpcEndpointId"])


def endpoint(**params: Any) -> Change:
    return ec2("modify_vpc_endpoint", "VpcEndpointId", **params)


def another_subnet(world: TwoSides, it: Resource) -> None:
    made = world.client("target", "ec2").create_subnet(VpcId=it.facts["vpc_id"], CidrBlock="10.0.9.0/24")
    endpoint(AddSubnetIds=[made["Subnet"]["SubnetId"]])(world, it)


def another_table(world: TwoSides, it: Resource) -> None:
    made = world.client("target", "ec2").create_route_table(VpcId=it.facts["vpc_id"])
    endpoint(AddRouteTableIds=[made["RouteTable"]["RouteTableId"]])(world, it)


def one_group_less(world: TwoSides, it: Resource) -> None:
    endpoint(RemoveSecurityGroupIds=it.facts["security_group_ids"][:1])(world, it)


def dhcp_options(world: TwoSides) -> Resource:
    vpc_id, legacy = a_bare_vpc(world), world.client("legacy", "ec2")
    made = legacy.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["shop.internal"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.9", "10.0.0.2"]},
        ]
    )
    options = made["DhcpOptions"]["DhcpOptionsId"]
    legacy.create_tags(Resources=[options], Tags=needed.PAIRS)
    legacy.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc_id)
    return needed.scanned(world, "ec2.dhcp_options", options)


def vpc_with_other_options(world: TwoSides, it: Resource) -> None:
    world.client("target", "ec2").associate_dhcp_options(DhcpOptionsId="default", VpcId=it.facts["vpc_ids"][0])


EVERYTHING = needed.policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
HTTPS_OUT = [rule(443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])]

EXAMPLES = (
    Example(
        "ec2.vpc",
        a_vpc,
        {
            "secondary_cidr_blocks": ec2("associate_vpc_cidr_block", "VpcId", CidrBlock="100.64.16.0/20"),
            "instance_tenancy": ec2("modify_vpc_tenancy", "VpcId", InstanceTenancy="default"),
            "dns_support": ec2("modify_vpc_attribute", "VpcId", EnableDnsSupport={"Value": True}),
            "dns_hostnames": ec2("modify_vpc_attribute", "VpcId", EnableDnsHostnames={"Value": False}),
            "ipv6": without_ipv6,
            "tags": retagged,
        },
        fixed={"cidr_block": AT_CREATION, "is_default": BY_AWS},
    ),
    Example(
        "ec2.subnet",
        a_subnet,
        {
            "map_public_ip_on_launch": ec2("modify_subnet_attribute", "SubnetId", MapPublicIpOnLaunch={"Value": False}),
            "assign_ipv6_on_creation": ec2(
                "modify_subnet_attribute", "SubnetId", AssignIpv6AddressOnCreation={"Value": False}
            ),
            "ipv6": without_ipv6,
            "tags": retagged,
        },
        fixed={
            "vpc_id": OF_A_VPC,
            "in_default_vpc": BY_AWS,
            "cidr_block": AT_CREATION,
            "availability_zone_id": AT_CREATION,
            "hostname_type": "moto 5.2.5 takes it and does not show it",
            "resource_name_dns_a": "moto 5.2.5 takes it and does not show it",
            "resource_name_dns_aaaa": "moto 5.2.5 takes it and does not show it",
            "dns64": "moto 5.2.5 takes it and does not show it",
            "ipv6_only": AT_CREATION,
        },
        done=("create", "ipv6"),
    ),
    Example(
        "ec2.internet_gateway",
        a_gateway,
        {"vpc_id": gateway_detached, "tags": retagged},
        fixed={"in_default_vpc": BY_AWS},
    ),
    Example(
        "ec2.elastic_ip",
        an_address,
        {"tags": retagged},
        fixed={
            "network_border_group": "said when an address is allocated; moto 5.2.5 shows the region's always",
            "service_managed": "AWS's services alone say it",
        },
    ),
    Example(
        "ec2.nat_gateway",
        a_nat_gateway,
        {"tags": retagged},
        fixed={
            "vpc_id": OF_A_VPC,
            "in_default_vpc": BY_AWS,
            "subnet_id": OF_A_VPC,
            "connectivity_type": AT_CREATION,
            "availability_mode": AT_CREATION,
            "allocation_id": AT_CREATION,
            "secondary_allocation_ids": "ec2.AssociateNatGatewayAddress is not in moto 5.2.5",
        },
    ),
    Example(
        "ec2.route_table",
        a_route_table,
        {
            "routes": ec2("delete_route", "RouteTableId", DestinationCidrBlock="0.0.0.0/0"),
            "own_prefix_lists": own_list_routed,
            "subnet_ids": subnet_taken_away,
            "is_main": made_the_main_table,
            "tags": retagged,
        },
        fixed={
            "vpc_id": OF_A_VPC,
            "in_default_vpc": BY_AWS,
            "gateway_ids": "moto 5.2.5 associates subnets only",
            "propagating_gateways": "ec2.EnableVgwRoutePropagation is not in moto 5.2.5",
        },
    ),
    Example(
        "ec2.network_acl",
        a_network_acl,
        {
            "entries": ec2("delete_network_acl_entry", "NetworkAclId", RuleNumber=90, Egress=False),
            "subnet_ids": subnet_put_behind_another,
            "tags": retagged,
        },
        fixed={"vpc_id": OF_A_VPC, "in_default_vpc": BY_AWS, "is_default": "the default one stays the default one"},
        done=("create", "associate"),
    ),
    Example(
        "ec2.security_group",
        a_group,
        {
            "ingress": ec2(
                "authorize_security_group_ingress",
                "GroupId",
                IpPermissions=[rule(22, IpRanges=[{"CidrIp": "10.0.0.0/8"}])],
            ),
            "egress": ec2("authorize_security_group_egress", "GroupId", IpPermissions=HTTPS_OUT),
            "own_prefix_lists": own_list_let_in,
            "tags": retagged,
        },
        fixed={
            "group_name": AT_CREATION,
            "description": AT_CREATION,
            "vpc_id": OF_A_VPC,
            "in_default_vpc": BY_AWS,
            "is_default": "the default one stays the default one",
        },
    ),
    Example(
        "ec2.vpc_endpoint",
        an_endpoint,
        {
            "policy": endpoint(PolicyDocument=EVERYTHING),
            "subnet_ids": another_subnet,
            "security_group_ids": one_group_less,
            "route_table_ids": another_table,
            "tags": retagged,
        },
        fixed={
            "vpc_id": OF_A_VPC,
            "in_default_vpc": BY_AWS,
            "service_name": AT_CREATION,
            "service_region": AT_CREATION,
            "resource_configuration_arn": AT_CREATION,
            "service_network_arn": AT_CREATION,
            "endpoint_type": AT_CREATION,
            "requester_managed": "AWS's services alone say it",
            "private_dns": "moto 5.2.5 changes it at creation only",
            "ip_address_type": "moto 5.2.5 does not know it",
            "dns_options": "moto 5.2.5 does not know them",
        },
    ),
    Example(
        "ec2.dhcp_options",
        dhcp_options,
        {"vpc_ids": vpc_with_other_options, "tags": retagged},
        fixed={"configurations": AT_CREATION},
    ),
)
