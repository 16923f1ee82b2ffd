"""What hangs on a network besides its subnets: lists of addresses, other ways out, logs of traffic, other networks."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from migrate.kind import Kind
from migrate.kinds import every_kind
from migrate.kinds.ec2_network.egress_only_gateway import EgressOnlyInternetGateway
from migrate.kinds.ec2_network.flow_log import FlowLog
from migrate.kinds.ec2_network.peering import VpcPeeringConnection
from migrate.kinds.ec2_network.prefix_list import PrefixList
from migrate.kinds.ec2_network.route_table import RouteTable
from migrate.kinds.ec2_network.security_group import SecurityGroup
from migrate.kinds.ec2_network.subnet import Subnet
from migrate.kinds.ec2_network.ways_elsewhere import (
    CustomerGateway,
    TransitGateway,
    TransitGatewayAttachment,
    VpnConnection,
    VpnGateway,
)
from migrate.kinds.ec2_vpc import Vpc
from tests.kinds.network import Answers, Mover, differences, small_world
from tests.kinds.planned import place_of
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

ABSENT = {
    "ec2.prefix_list": "pl-0123456789abcdef0",
    "ec2.egress_only_internet_gateway": "eigw-0123456789abcdef0",
    "ec2.flow_log": "fl-0123456789abcdef0",
    "ec2.vpc_peering_connection": "pcx-0123456789abcdef0",
}


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with small_world(monkeypatch) as sides:
        yield sides


@pytest.mark.parametrize("name", ABSENT)
def test_an_absent_one_is_none(sides: TwoSides, name: str) -> None:
    assert sides.scan(every_kind()[name], only=ABSENT[name]) == {}


def offices(sides: TwoSides, entries: int = 2) -> str:
    listed = [{"Cidr": f"10.{number // 200}.{number % 200}.0/24"} for number in range(entries)]
    made = sides.client("legacy", "ec2").create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=entries + 1, Entries=listed
    )
    return str(made["PrefixList"]["PrefixListId"])


def test_rules_and_routes_name_the_targets_own_prefix_list_and_egress_gateway(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    prefix_list = offices(sides)
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    egress = gateway["EgressOnlyInternetGatewayId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": prefix_list}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=egress)
    peering = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    ec2.create_route(
        RouteTableId=table,
        DestinationPrefixListId=prefix_list,
        EgressOnlyInternetGatewayId=peering["EgressOnlyInternetGatewayId"],
    )
    mover = Mover(sides)
    kinds: tuple[Kind[Any], ...] = (Vpc(), PrefixList(), EgressOnlyInternetGateway(), SecurityGroup(), RouteTable())
    found = {kind.name: sides.scan(kind) for kind in kinds}

    for kind, names in zip(
        kinds, ([vpc], [prefix_list], [egress, peering["EgressOnlyInternetGatewayId"]], [group], [table]), strict=True
    ):
        for name in names:
            mover.move(kind, found[kind.name][name])

    new_list, new_egress = sides.renamed(prefix_list), sides.renamed(egress)
    assert new_list != prefix_list
    (web,) = [one for one in sides.scan(SecurityGroup(), "target").values() if one.facts["group_name"] == "web"]
    assert web.facts["own_prefix_lists"] == [new_list]
    moved = sides.scan(RouteTable(), "target")[sides.renamed(table)]
    assert {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": new_egress} in moved.facts["routes"]
    assert moved.facts["own_prefix_lists"] == [new_list]
    mover.back()
    assert sides.scan(PrefixList(), "target") == sides.scan(EgressOnlyInternetGateway(), "target") == {}


def test_a_table_waits_for_the_prefix_list_and_the_gateway_that_its_routes_name(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    prefix_list = offices(sides)
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    own = {"EgressOnlyInternetGatewayId": egress["EgressOnlyInternetGatewayId"]}
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=prefix_list, **own)
    kind = RouteTable()

    needed = {str(need.on): need.strength for need in kind.needs(kind.typed(sides.scan(kind)[table]))}

    start = f"{LEGACY}/{REGION}"
    assert needed[f"{start}/ec2.prefix_list/{prefix_list}"] == "soft"
    assert needed[f"{start}/ec2.egress_only_internet_gateway/{egress['EgressOnlyInternetGatewayId']}"] == "soft"


def test_a_long_list_is_filled_in_calls_of_a_hundred_each_with_the_version_before_it(sides: TwoSides) -> None:
    prefix_list = offices(sides, 230)
    kind = PrefixList()
    resource = sides.scan(kind)[prefix_list]

    planned = sides.planned(kind, resource, "create")
    sides.move(kind, resource)

    assert [len(params.get("Entries") or params["AddEntries"]) for _, params in planned] == [100, 100, 30]
    assert [params.get("CurrentVersion") for _, params in planned] == [None, 1, 2]
    (moved,) = sides.scan(kind, "target").values()
    # moto 5.2.5 takes the name away at each change.
    assert sides.differences(kind, resource, "create") == {"list_name": ("offices", "")}
    assert len(moved.facts["entries"]) == 230


def test_aws_own_prefix_lists_and_those_that_others_share_are_not_found(sides: TwoSides) -> None:
    one = {"AddressFamily": "IPv4", "MaxEntries": 1, "State": "create-complete", "PrefixListName": "list"}
    shown = [one | {"PrefixListId": f"pl-{owner}", "OwnerId": owner} for owner in ("AWS", LEGACY, "999988887777")]
    gone = one | {"PrefixListId": "pl-gone", "OwnerId": LEGACY, "State": "delete-complete"}
    site = Answers({"ec2.DescribeManagedPrefixLists": {"PrefixLists": [*shown, gone]}})

    assert [found.ref.name for found in PrefixList().scan(site)] == [f"pl-{LEGACY}"]


def test_a_log_into_a_bucket_keeps_its_path_and_its_file_options() -> None:
    shown = {
        "FlowLogId": "fl-0123456789abcdef0",
        "ResourceId": "subnet-0123456789abcdef0",
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": "arn:aws:s3:::traffic/north/",
        "LogFormat": "${version}",
        "MaxAggregationInterval": 600,
        "DestinationOptions": {"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": False},
    }
    kind = FlowLog()

    (found,) = kind.scan(Answers({"ec2.DescribeFlowLogs": {"FlowLogs": [shown]}}))
    it = kind.typed(found)
    (create,) = kind.action("create").requests(it, place_of(found.ref.name))

    check_request(create.operation, create.params)
    assert create.params["LogDestination"] == "arn:aws:s3:::traffic/north/"
    assert create.params["DestinationOptions"] == {"FileFormat": "parquet", "HiveCompatiblePartitions": True}
    assert create.params["ResourceType"] == "Subnet"
    assert "arn:aws:s3:::traffic" in [need.on for need in kind.needs(it)]


def test_logs_of_interfaces_and_of_the_default_vpc_are_said_and_not_moved() -> None:
    def log(of: str) -> dict[str, Any]:
        return {"FlowLogId": f"fl-{of}", "ResourceId": of, "LogGroupName": "traffic"}

    answers = {
        "ec2.DescribeFlowLogs": {"FlowLogs": [log("eni-1"), log("vpc-default"), log("subnet-default"), log("vpc-1")]},
        "ec2.DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-default"}]},
        "ec2.DescribeSubnets": {"Subnets": [{"SubnetId": "subnet-default"}]},
    }
    kind = FlowLog()

    found = list(kind.scan(Answers(answers)))

    moved = [one.facts["resource_id"] for one in found if kind.action("create").applies(kind.typed(one))]
    assert moved == ["vpc-1"]
    assert all(one.facts["destination"] == f"arn:aws:logs:{REGION}:{LEGACY}:log-group:traffic" for one in found)
    assert "interface" in kind.manual


# IPv6


def test_a_subnet_takes_the_same_part_of_the_vpcs_new_ipv6_block(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    whole = str(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    block = whole.replace("00::/56", "2a::/64")
    made = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block)["Subnet"]
    subnet = sides.scan(Subnet(), only=made["SubnetId"])[made["SubnetId"]]
    assert subnet.facts["ipv6"] == "2a/64"
    assert ip_network(subnet.facts["ipv6_block"]) == ip_network(block)
    sides.move(Vpc(), sides.scan(Vpc(), only=vpc["VpcId"])[vpc["VpcId"]])
    sides.move(Subnet(), subnet, "create")
    assert differences(sides, Subnet(), subnet, "create") == {}

    proof = sides.carry(Subnet(), subnet, "ipv6")

    assert proof.state == "equal"
    new_whole = sides.renamed(whole)
    assert new_whole != whole
    (moved,) = [one for one in sides.scan(Subnet(), "target").values() if one.facts["ipv6"]]
    # The emulator's random blocks may have leading zeros, which a written address has not.
    assert ip_network(moved.facts["ipv6_block"]) == ip_network(new_whole.replace("00::/56", "2a::/64"))
    # Sent twice it is one block.
    assert sides.carry(Subnet(), subnet, "ipv6").state == "equal"
    assert len(sides.client("target", "ec2").describe_subnets(SubnetIds=[moved.ref.name])["Subnets"][0][
        "Ipv6CidrBlockAssociationSet"
    ]) == 1  # fmt: skip


def test_a_block_of_an_own_pool_is_a_need_that_nothing_meets() -> None:
    associated = {"Ipv6CidrBlockState": {"State": "associated"}}
    shown = [
        {"Ipv6CidrBlock": "2001:db8:1::/56", "Ipv6Pool": "Amazon", **associated},
        {"Ipv6CidrBlock": "2001:db8:2::/56", "Ipv6Pool": "ipv6pool-ec2-1", **associated},
    ]
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "Ipv6CidrBlockAssociationSet": shown}
    dns = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    kind = Vpc()

    (found,) = kind.scan(Answers({"ec2.DescribeVpcs": {"Vpcs": [vpc]}, "ec2.DescribeVpcAttribute": dns}))

    assert found.facts["ipv6_block"] == "2001:db8:1::/56"
    assert [need.on for need in kind.needs(kind.typed(found))] == ["own IPv6 block 2001:db8:2::/56"]


def test_a_subnet_of_ipv6_alone_is_reported() -> None:
    subnet = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZoneId": "euw1-az1", "Ipv6Native": True}
    kind = Subnet()

    (found,) = kind.scan(Answers({"ec2.DescribeSubnets": {"Subnets": [subnet]}}))

    assert not any(action.applies(kind.typed(found)) for action in kind.actions)
    assert "Ipv6Native" in kind.manual


# Ways to other networks


def peering(requester: tuple[str, str], accepter: tuple[str, str], status: str = "active") -> dict[str, Any]:
    return {
        "VpcPeeringConnectionId": "pcx-1",
        "RequesterVpcInfo": {"VpcId": "vpc-1", "OwnerId": requester[0], "Region": requester[1]},
        "AccepterVpcInfo": {"VpcId": "vpc-2", "OwnerId": accepter[0], "Region": accepter[1]},
        "Status": {"Code": status},
    }


@pytest.mark.parametrize(
    ("one", "shown", "moves"),
    [
        (peering((LEGACY, REGION), (LEGACY, REGION)), True, True),
        (peering((LEGACY, REGION), (LEGACY, REGION), "pending-acceptance"), True, False),
        (peering((LEGACY, REGION), ("999988887777", REGION)), True, False),
        (peering(("999988887777", REGION), (LEGACY, REGION)), True, False),
        (peering((LEGACY, REGION), (LEGACY, "us-east-1")), True, False),
        (peering((LEGACY, "us-east-1"), (LEGACY, REGION)), False, False),
        (peering((LEGACY, REGION), (LEGACY, REGION), "deleted"), False, False),
    ],
    ids=["both ours", "not accepted", "they accept", "they asked", "two regions", "of the other region", "gone"],
)
def test_only_a_peering_of_two_own_vpcs_in_one_region_is_made_again(
    one: dict[str, Any], shown: bool, moves: bool
) -> None:
    kind = VpcPeeringConnection()

    found = list(kind.scan(Answers({"ec2.DescribeVpcPeeringConnections": {"VpcPeeringConnections": [one]}})))

    assert bool(found) is shown
    assert any(action.applies(kind.typed(resource)) for resource in found for action in kind.actions) is moves


def test_a_foreign_peering_says_what_both_owners_do_and_how_one_sees_it() -> None:
    for operation in ("CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateRoute", "Verify:"):
        assert operation in VpcPeeringConnection.manual


def test_ways_elsewhere_are_found_with_exact_steps_and_a_way_to_verify(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_transit_gateway(Description="hub")["TransitGateway"]["TransitGatewayId"]
    attachment = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])[
        "TransitGatewayVpcAttachment"
    ]["TransitGatewayAttachmentId"]
    customer = ec2.create_customer_gateway(BgpAsn=65000, PublicIp="203.0.113.9", Type="ipsec.1")
    customer = customer["CustomerGateway"]["CustomerGatewayId"]
    near = ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=64600)["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=near, VpcId=vpc)
    vpn = ec2.create_vpn_connection(Type="ipsec.1", CustomerGatewayId=customer, VpnGatewayId=near)
    vpn = vpn["VpnConnection"]["VpnConnectionId"]

    for kind, own in (
        (TransitGateway(), gateway),
        (TransitGatewayAttachment(), attachment),
        (CustomerGateway(), customer),
        (VpnGateway(), near),
        (VpnConnection(), vpn),
    ):
        found = sides.scan(kind)
        assert list(found) == [own], kind.name
        assert sides.scan(kind, only=own) == found
        assert sides.scan(kind, only=own[:-1] + ("0" if own[-1] != "0" else "1")) == {}
        assert not kind.actions
        assert "Verify: " in kind.manual
    (needs,) = [list(VpnGateway().needs(VpnGateway().typed(one))) for one in sides.scan(VpnGateway()).values()]
    assert [str(need.on) for need in needs] == [f"{LEGACY}/{REGION}/ec2.vpc/{vpc}"]


def test_the_keys_of_a_vpn_are_not_kept() -> None:
    tunnel = {"OutsideIpAddress": "203.0.113.1", "PreSharedKey": "hunter2hunter2"}
    shown = {
        "VpnConnectionId": "vpn-1",
        "State": "available",
        "CustomerGatewayId": "cgw-1",
        "CustomerGatewayConfiguration": "<pre_shared_key>hunter2hunter2</pre_shared_key>",
        "Options": {"StaticRoutesOnly": True, "TunnelOptions": [tunnel]},
        "Routes": [{"DestinationCidrBlock": "192.168.0.0/16"}],
    }

    (found,) = VpnConnection().scan(Answers({"ec2.DescribeVpnConnections": {"VpnConnections": [shown]}}))

    assert "hunter2" not in json.dumps(found.as_json())
    assert found.facts["tunnel_addresses"] == ["203.0.113.1"]
    assert found.facts["static_routes"] == ["192.168.0.0/16"]
