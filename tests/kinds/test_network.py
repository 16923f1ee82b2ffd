"""The network: what is found in a VPC, that it arrives as it was, and that it can be taken away again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kind import CarryAction, Kind, Place
from migrate.kinds.ec2_network.dhcp_options import DhcpOptions
from migrate.kinds.ec2_network.gateways import ElasticIp
from migrate.kinds.ec2_network.network_acl import NetworkAcl
from migrate.kinds.ec2_network.route_table import RouteTable
from migrate.kinds.ec2_network.security_group import SecurityGroup
from migrate.kinds.ec2_network.subnet import Subnet
from migrate.kinds.ec2_network.vpc_endpoint import VpcEndpoint
from migrate.kinds.ec2_vpc import Vpc
from migrate.names import Region
from tests.kinds.network import (
    ORDER,
    PARTNER,
    Answers,
    Mover,
    a_network,
    a_vpc,
    differences,
    groups,
    move_all,
    of_vpc,
    small_world,
)
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

ABSENT = {
    "ec2.vpc": "vpc-0123456789abcdef0",
    "ec2.subnet": "subnet-0123456789abcdef0",
    "ec2.internet_gateway": "igw-0123456789abcdef0",
    "ec2.elastic_ip": "eipalloc-0123456789abcdef0",
    "ec2.nat_gateway": "nat-0123456789abcdef0",
    "ec2.route_table": "rtb-0123456789abcdef0",
    "ec2.network_acl": "acl-0123456789abcdef0",
    "ec2.security_group": "sg-0123456789abcdef0",
    "ec2.vpc_endpoint": "vpce-0123456789abcdef0",
    "ec2.dhcp_options": "dopt-0123456789abcdef0",
}


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with small_world(monkeypatch) as sides:
        yield sides


def zone_ids(ec2: Any) -> dict[str, str]:
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    return {zone["ZoneName"]: zone["ZoneId"] for zone in zones}


def test_a_scan_tells_everything_that_has_to_arrive(sides: TwoSides) -> None:
    ids = a_network(sides)

    facts = {name: one.facts for kind in ORDER for name, one in sides.scan(kind).items()}

    zones = zone_ids(sides.client("legacy", "ec2"))
    assert facts[ids["public"]]["availability_zone_id"] == zones[f"{REGION}a"]
    assert facts[ids["public"]]["map_public_ip_on_launch"]
    assert not facts[ids["private"]]["map_public_ip_on_launch"]
    assert facts[ids["igw"]] == {"vpc_id": ids["vpc"], "in_default_vpc": False}
    assert facts[ids["nat"]]["allocation_id"] == ids["eip"]
    assert facts[ids["nat"]]["subnet_id"] == ids["public"]
    assert facts[ids["rtb"]]["routes"] == [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ids["igw"]}]
    assert facts[ids["rtb"]]["subnet_ids"] == [ids["public"]]
    assert facts[ids["rtb_main"]]["is_main"]
    assert facts[ids["rtb_main"]]["subnet_ids"] == []
    entries = [(entry["Egress"], entry["RuleNumber"]) for entry in facts[ids["acl"]]["entries"]]
    assert entries == [(False, 90), (False, 110), (True, 100)]
    assert facts[ids["acl"]]["subnet_ids"] == [ids["private"]]
    assert facts[ids["acl_default"]]["subnet_ids"] == []
    assert facts[ids["s3"]]["route_table_ids"] == sorted([ids["rtb"], ids["rtb_main"]])
    assert facts[ids["s3"]]["policy"]["Statement"][0]["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert facts[ids["secrets"]]["private_dns"]
    assert facts[ids["secrets"]]["policy"] is None
    assert facts[ids["dhcp"]]["configurations"]["domain-name-servers"] == ["10.0.0.9", "10.0.0.2"]
    assert facts[ids["dhcp"]]["vpc_ids"] == [ids["vpc"]]


def test_each_rule_of_a_group_is_one_peer_and_the_group_itself_is_called_self(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    ids = groups(ec2, a_vpc(ec2)["vpc"])

    web = sides.scan(SecurityGroup(), only=ids["web"])[ids["web"]].facts

    peers = {(rule["from_port"], rule["peer_type"], rule["peer"], rule.get("description")) for rule in web["ingress"]}
    assert peers == {
        (443, "ipv4", "0.0.0.0/0", None),
        (443, "ipv4", "10.1.0.0/16", "office"),
        (9000, "group", ids["worker"], "workers report back"),
        (7946, "group", "self", "gossip"),
    }
    assert web["egress"] == [{"protocol": "-1", "peer_type": "ipv4", "peer": "0.0.0.0/0"}]


def test_looking_for_one_thing_reads_only_it_and_an_absent_one_is_none(sides: TwoSides) -> None:
    a_network(sides)

    for kind in ORDER:
        everything = sides.scan(kind)
        assert everything, kind.name
        for name, resource in everything.items():
            assert sides.scan(kind, only=name) == {name: resource}
        assert sides.scan(kind, only=ABSENT[kind.name]) == {}


def test_two_scans_of_the_same_account_are_the_same_to_the_byte(sides: TwoSides) -> None:
    a_network(sides)

    for kind in ORDER:
        first, second = ([json.dumps(one.as_json()) for one in sides.scan(kind).values()] for _ in range(2))
        assert first == second


def test_a_whole_network_arrives_action_by_action_and_can_be_taken_away(sides: TwoSides) -> None:
    ids = a_network(sides)
    before = {kind.name: sides.scan(kind, "target") for kind in ORDER}

    mover = move_all(sides)

    for kind in ORDER:
        done = [action.name for action in kind.actions]
        for resource in of_vpc(kind, sides.scan(kind)):
            assert differences(sides, kind, resource, *done) == {}, resource.ref
    assert sides.renamed(ids["acl"]) != ids["acl"]
    assert not any(LEGACY in json.dumps(params) for _, params in sides.sent)
    mover.back()
    after = {kind.name: sides.scan(kind, "target") for kind in ORDER}
    # moto 5.2.5 deletes a VPC without its default ACL: an ACL whose VPC is gone is not there either.
    assert after == before


def test_a_subnet_is_asked_for_by_the_id_of_its_zone(sides: TwoSides) -> None:
    ids = a_vpc(sides.client("legacy", "ec2"))
    subnet = sides.scan(Subnet())[ids["private"]]

    create, *_ = Subnet().action("create").requests(Subnet().typed(subnet), sides.place(subnet))

    zones = zone_ids(sides.client("legacy", "ec2"))
    assert create.params["AvailabilityZoneId"] == zones[f"{REGION}b"]
    assert "AvailabilityZone" not in create.params


def test_groups_in_a_circle_are_made_before_any_of_their_rules(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    ids = groups(ec2, a_vpc(ec2)["vpc"])
    kind = SecurityGroup()
    found = sides.scan(kind)

    def named(name: str, action: str) -> set[str]:
        resource = found[ids[name]]
        requests = kind.action(action).requests(kind.typed(resource), sides.place(resource))
        text = json.dumps([request.params for request in requests])
        return {other for other in ids if other != name and ids[other] in text}

    assert named("web", "create") == named("worker", "create") == named("default", "create") == set()
    assert named("web", "rules") == {"worker"}
    assert named("worker", "rules") == {"web"}
    assert all(need.strength == "soft" for need in kind.needs(kind.typed(found[ids["web"]])) if need.why == "names")


def test_a_new_group_lets_nothing_out_before_its_own_rules(sides: TwoSides) -> None:
    ec2 = sides.client("legacy", "ec2")
    vpc = a_vpc(ec2)["vpc"]
    ids = groups(ec2, vpc)
    mover = Mover(sides)
    mover.move(Vpc(), sides.scan(Vpc())[vpc])

    mover.move(SecurityGroup(), sides.scan(SecurityGroup())[ids["worker"]], "create")

    shell = next(one for one in sides.scan(SecurityGroup(), "target").values() if one.facts["group_name"] == "worker")
    assert (shell.facts["ingress"], shell.facts["egress"]) == ([], [])


def test_what_aws_makes_with_a_vpc_is_adopted_and_never_deleted(sides: TwoSides) -> None:
    ids = a_network(sides)
    adopted: tuple[tuple[Kind[Any], str], ...] = (
        (SecurityGroup(), "sg_default"),
        (RouteTable(), "rtb_main"),
        (NetworkAcl(), "acl_default"),
    )

    for kind, name in adopted:
        resource = sides.scan(kind)[ids[name]]
        requests = kind.action("create").requests(kind.typed(resource), sides.place(resource))

        assert requests[0].operation in kind.reads
        assert not any(request.creates for request in requests)
        undone = [request.undo.operation for request in requests if request.undo]
        assert "ec2.DeleteTags" in undone
        assert not {"ec2.DeleteSecurityGroup", "ec2.DeleteRouteTable", "ec2.DeleteNetworkAcl"} & set(undone)


def test_the_default_vpc_and_all_in_it_stay(sides: TwoSides) -> None:
    # AWS makes it with every account; the emulator when it is first looked at.
    kinds: tuple[Kind[Any], ...] = (Subnet(), RouteTable(), NetworkAcl(), SecurityGroup())
    for kind in kinds:
        found = sides.scan(kind)

        assert found, kind.name
        for resource in found.values():
            assert resource.facts["in_default_vpc"]
            assert not any(action.applies(kind.typed(resource)) for action in kind.actions), resource.ref


def test_routes_that_aws_writes_are_not_written_again(sides: TwoSides) -> None:
    ids = a_network(sides)
    shown = sides.client("legacy", "ec2").describe_route_tables(RouteTableIds=[ids["rtb"]])["RouteTables"][0]["Routes"]
    assert len(shown) == 4, "the local route of each block and the endpoint's are there"

    table = sides.scan(RouteTable())[ids["rtb"]]

    assert len(table.facts["routes"]) == 1


def test_dead_and_propagated_routes_are_told_apart_from_living_ones() -> None:
    def to(cidr: str, **target: str) -> dict[str, str]:
        return {"DestinationCidrBlock": cidr, "Origin": "CreateRoute", "State": "active"} | target

    routes = [
        to("10.0.0.0/16", GatewayId="local", Origin="CreateRouteTable"),
        to("10.1.0.0/16", VpcPeeringConnectionId="pcx-0123456789abcdef0", State="blackhole"),
        to("10.2.0.0/16", GatewayId="vgw-0123456789abcdef0", Origin="EnableVgwRoutePropagation"),
        to("10.3.0.0/16", InstanceId="i-0123456789abcdef0", NetworkInterfaceId="eni-0123456789abcdef0"),
        to("10.4.0.0/16", GatewayId="vpce-0123456789abcdef0"),
    ]
    table = {"RouteTableId": "rtb-0123456789abcdef0", "VpcId": "vpc-0123456789abcdef0", "Routes": routes}
    table["PropagatingVgws"] = [{"GatewayId": "vgw-0123456789abcdef0"}]
    site = Answers({"ec2.DescribeRouteTables": {"RouteTables": [table]}})

    (found,) = RouteTable().scan(site)

    assert found.facts["dead_routes"] == [
        {"DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": "pcx-0123456789abcdef0"}
    ]
    assert found.facts["routes"] == [
        {"DestinationCidrBlock": "10.3.0.0/16", "InstanceId": "i-0123456789abcdef0"},
        {"DestinationCidrBlock": "10.4.0.0/16", "VpcEndpointId": "vpce-0123456789abcdef0"},
    ]
    needs = {str(need.on).rpartition("/")[2] for need in RouteTable().needs(RouteTable().typed(found))}
    assert {"vpce-0123456789abcdef0", "vgw-0123456789abcdef0"} <= needs
    place = Place("shop", TARGET, Region(REGION), found.ref.name, "step:create")
    for request in RouteTable().action("routes").requests(RouteTable().typed(found), place):
        check_request(request.operation, request.params)


def test_the_old_public_address_stands_for_the_new_one(sides: TwoSides) -> None:
    ids = a_network(sides)
    address = sides.scan(ElasticIp())[ids["eip"]]
    old = address.facts["public_ip"]

    Mover(sides).move(ElasticIp(), address)

    (new,) = sides.scan(ElasticIp(), "target").values()
    assert sides.renamed({"CidrIp": f"{old}/32"}) == {"CidrIp": f"{new.facts['public_ip']}/32"}
    assert ElasticIp().outputs(new)["public_ip"] == new.facts["public_ip"] != old


def test_a_bucket_that_lets_in_what_comes_through_an_endpoint_lets_in_the_targets(sides: TwoSides) -> None:
    a_network(sides)
    move_all(sides)

    old, new = set(sides.scan(VpcEndpoint())), set(sides.scan(VpcEndpoint(), "target"))

    assert old
    condition = {"StringNotEquals": {"aws:sourceVpce": sorted(old)}}
    assert set(sides.renamed(condition)["StringNotEquals"]["aws:sourceVpce"]) == new - old
    assert not old & new


def test_groups_and_prefix_lists_of_others_are_kept_apart() -> None:
    group = {
        "GroupId": "sg-1",
        "GroupName": "web",
        "Description": "web",
        "VpcId": "vpc-1",
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "UserIdGroupPairs": [{"GroupId": "sg-9", "UserId": PARTNER}],
                "PrefixListIds": [{"PrefixListId": "pl-aws"}, {"PrefixListId": "pl-own"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            }
        ],
    }
    lists = [{"PrefixListId": "pl-aws", "OwnerId": "AWS"}, {"PrefixListId": "pl-own", "OwnerId": LEGACY}]
    site = Answers(
        {
            "ec2.DescribeSecurityGroups": {"SecurityGroups": [group]},
            "ec2.DescribeManagedPrefixLists": {"PrefixLists": lists},
        }
    )
    kind = SecurityGroup()

    (found,) = kind.scan(site)

    assert found.facts["own_prefix_lists"] == ["pl-own"]
    named = [str(need.on) for need in kind.needs(kind.typed(found)) if need.why == "names"]
    assert [name.rpartition("/")[2] for name in named] == ["pl-own"], "AWS's list has the same id everywhere"
    place = Place("shop", TARGET, Region(REGION), "sg-1", "step:create")
    (add,) = kind.action("rules").requests(kind.typed(found), place)
    check_request(add.operation, add.params)
    pairs = [pair for rule in add.params["IpPermissions"] for pair in rule.get("UserIdGroupPairs", [])]
    assert pairs == [{"GroupId": "sg-9", "UserId": PARTNER}]


def test_an_endpoint_is_made_open_and_gets_its_policy_after_it(sides: TwoSides) -> None:
    ids = a_network(sides)
    kind = VpcEndpoint()
    endpoint = sides.scan(kind)[ids["s3"]]
    it, place = kind.typed(endpoint), sides.place(endpoint)

    (create,) = kind.action("create").requests(it, place)
    (policy,) = kind.action("policy").requests(it, place)

    assert "PolicyDocument" not in create.params
    assert PARTNER in json.dumps(policy.params["PolicyDocument"])
    assert not kind.action("policy").applies(kind.typed(sides.scan(kind)[ids["secrets"]]))


def test_endpoints_that_are_gone_or_made_by_a_service_are_not_moved() -> None:
    endpoint = {"VpcEndpointId": "vpce-1", "VpcId": "vpc-1", "ServiceName": "s", "VpcEndpointType": "Interface"}
    shown = [endpoint | {"State": "deleted"}, endpoint | {"State": "available", "RequesterManaged": True}]
    kind = VpcEndpoint()

    (found,) = kind.scan(Answers({"ec2.DescribeVpcEndpoints": {"VpcEndpoints": shown}}))

    assert found.facts["requester_managed"]
    assert not any(action.applies(kind.typed(found)) for action in kind.actions)


def test_the_dhcp_options_that_every_region_has_are_not_found() -> None:
    own = {"domain-name": f"{REGION}.compute.internal", "domain-name-servers": "AmazonProvidedDNS"}
    listed = [{"Key": key, "Values": [{"Value": value}]} for key, value in own.items()]
    shown = {"DhcpOptions": [{"DhcpOptionsId": "d", "DhcpConfigurations": listed}]}

    assert list(DhcpOptions().scan(Answers({"ec2.DescribeDhcpOptions": shown}))) == []


def test_putting_subnets_behind_an_acl_again_moves_nothing_twice(sides: TwoSides) -> None:
    ids = a_network(sides)
    mover = move_all(sides)
    kind = NetworkAcl()
    acl = sides.scan(kind)[ids["acl"]]

    associate = kind.action("associate")
    assert isinstance(associate, CarryAction)

    again = associate.carry(kind.typed(acl), mover.carrier(kind, acl))

    assert again == {"subnets": 1, "moved_now": 0}


def test_a_subnet_that_someone_took_from_its_acl_is_named(sides: TwoSides) -> None:
    ids = a_network(sides)
    mover = move_all(sides)
    kind = NetworkAcl()
    acl = sides.scan(kind)[ids["acl"]]
    associate = kind.action("associate")
    assert isinstance(associate, CarryAction)
    associate.uncarry(kind.typed(acl), mover.carrier(kind, acl))

    proof = associate.prove(kind.typed(acl), mover.carrier(kind, acl))

    assert proof.state == "different"
    assert sides.renamed(ids["private"]) in proof.differences[0]
