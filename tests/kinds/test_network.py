"""The network: what is found in a VPC, that it arrives as it was, and that it can be taken away again."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import jmespath
import pytest

from migrate.inventory import Resource
from migrate.kind import CarryAction, Kind, Place, Request
from migrate.kinds.ec2_network import KINDS
from migrate.kinds.ec2_network.dhcp_options import DhcpOptions
from migrate.kinds.ec2_network.gateways import ElasticIp, InternetGateway, NatGateway
from migrate.kinds.ec2_network.network_acl import NetworkAcl
from migrate.kinds.ec2_network.route_table import RouteTable
from migrate.kinds.ec2_network.security_group import SecurityGroup
from migrate.kinds.ec2_network.subnet import Subnet
from migrate.kinds.ec2_network.vpc_endpoint import VpcEndpoint
from migrate.kinds.ec2_vpc import Vpc
from migrate.names import AccountId, Region
from migrate.rewrite import whole
from migrate.values import Json, waits_for
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

PARTNER = "999988887777"
ORDER: tuple[Kind[Any], ...] = (
    Vpc(), DhcpOptions(), Subnet(), InternetGateway(), ElasticIp(), NatGateway(), SecurityGroup(), RouteTable(),
    NetworkAcl(), VpcEndpoint(),
)  # fmt: skip
"""Every kind after those whose things its first action names."""

ABSENT = {
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


@dataclass
class Answers:
    """A ReadSite of fixed answers, for what an emulator never says."""

    answers: dict[str, dict[str, Any]]
    account: AccountId = LEGACY
    region: Region = field(default_factory=lambda: Region(REGION))

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.answers.get(operation, {})

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from jmespath.search(key, self.call(operation)) or ()

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        return self.call(operation)

    def map(self, what: Any, items: Iterable[Any]) -> list[Any]:
        return [what(item) for item in items]

    def seal(self, name: str, value: str) -> Json:
        return value


@dataclass
class PlainCarrier:
    """What a carrying action gets, without a journal."""

    sides: TwoSides
    place: Place
    step: str
    legacy: PlainSite
    target: PlainSite
    outputs: dict[str, str] = field(default_factory=dict)

    def write(self, operation: str, *, side: str = "target", **params: Any) -> dict[str, Any]:
        assert side == "target"
        check_request(operation, params)
        return self.sides.send(Request(operation, params), params)

    def rewrite(self, document: Json) -> Json:
        return self.sides.renamed(document)

    def remember(self, key: str, value: str) -> None:
        self.outputs[key] = value

    def fetch(self, url: str) -> bytes:
        raise AssertionError("nothing is downloaded")

    def connect(self, *of: Any, **more: Any) -> Any:
        raise AssertionError("no database is asked")


class Later(dict[tuple[str, str], str]):
    """What is known, and a word for what is not known yet: a fact may name what is made after this."""

    def __missing__(self, key: tuple[str, str]) -> str:
        return f"({key[1]} known after {key[0]})"


def differences(sides: TwoSides, kind: Kind[Any], resource: Resource, *done: str) -> dict[str, tuple[Json, Json]]:
    known = sides.known
    sides.known = Later(known)
    try:
        return sides.differences(kind, resource, *done)
    finally:
        sides.known = known


class Mover:
    """Sends every action of resources and remembers how to take it back."""

    def __init__(self, sides: TwoSides) -> None:
        self.sides = sides
        self._back: list[tuple[Kind[Any], Resource, Request | CarryAction[Any]]] = []

    def carrier(self, kind: Kind[Any], resource: Resource) -> PlainCarrier:
        place = self.sides.place(resource)
        both = (self.sides.site(kind, "legacy"), self.sides.site(kind, "target"))
        return PlainCarrier(self.sides, place, place.step, *both)

    def move(self, kind: Kind[Any], resource: Resource, *only: str) -> None:
        it, place, done = kind.typed(resource), self.sides.place(resource), []
        for action in kind.actions:
            if not action.applies(it) or (only and action.name not in only):
                continue
            if isinstance(action, CarryAction):
                assert action.carry(it, self.carrier(kind, resource))
                assert action.prove(it, self.carrier(kind, resource)).state == "equal"
                self._back.append((kind, resource, action))
            for request, params in self.sides.planned(kind, resource, action.name):
                if request.wait:
                    check_request(request.wait.operation, request.wait.params)
                answer = self.sides.send(request, params)
                step = f"{place.step.rpartition(':')[0]}:{action.name}"
                for name, path in request.outputs.items():
                    self.sides.known[step, name] = jmespath.search(path, answer)
                    assert isinstance(self.sides.known[step, name], str), f"{request.operation} gives no {name}"
                if request.wait:
                    self.wait(request, place)
                if request.undo:
                    self._back.append((kind, resource, request.undo))
            done.append(action.name)
            assert differences(self.sides, kind, resource, *done) == {}, f"{kind.name} after {done}"

    def wait(self, request: Request, place: Place) -> None:
        """The state that is waited for is there at once in an emulator."""
        assert request.wait
        planned = self.sides.rewrite(whole(request.wait.params, place)).value
        answer = self.sides.send(Request(request.wait.operation, planned, done=request.wait.gone), planned)
        states = jmespath.search(request.wait.path, answer)
        assert all(state in request.wait.ok for state in states or []), states

    def back(self) -> None:
        for kind, resource, made in reversed(self._back):
            if isinstance(made, CarryAction):
                made.uncarry(kind.typed(resource), self.carrier(kind, resource))
                continue
            place = self.sides.place(resource)
            self.sides.send(made, self.sides.rewrite(whole(made.params, place)).value)
            if made.wait:
                self.wait(made, place)
        self._back.clear()


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        # WORKAROUND
        plain = sides.place
        from dataclasses import replace
        sides.place = lambda r: replace(plain(r), step=plain(r).step.replace(r.ref.name, r.ref.name.replace("-", "_")))
        yield sides


def tagged(resource_type: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": [{"Key": "Name", "Value": name}]}]


def zone_ids(ec2: Any) -> dict[str, str]:
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    return {zone["ZoneName"]: zone["ZoneId"] for zone in zones}


def a_vpc(ec2: Any) -> dict[str, str]:
    """A VPC with a public and a private subnet."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", "shop"))["Vpc"]["VpcId"]
    ids = {"vpc": vpc}
    for number, tier in enumerate(("public", "private")):
        ids[tier] = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"{REGION}{'ab'[number]}",
            TagSpecifications=tagged("subnet", tier),
        )["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=ids["public"], MapPublicIpOnLaunch={"Value": True})
    return ids


def groups(ec2: Any, vpc: str) -> dict[str, str]:
    """Two groups in a circle, one of which names itself and lets nothing else out; the default one is changed too."""
    ids = {}
    for name in ("web", "worker"):
        ids[name] = ec2.create_security_group(
            GroupName=name,
            Description=f"{name} containers",
            VpcId=vpc,
            TagSpecifications=tagged("security-group", name),
        )["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=ids["worker"], IpPermissions=everything)

    def rule(port: int, **peers: Any) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}

    def group(name: str, text: str) -> dict[str, Any]:
        return {"UserIdGroupPairs": [{"GroupId": ids[name], "Description": text}]}

    ec2.authorize_security_group_ingress(
        GroupId=ids["web"],
        IpPermissions=[
            rule(443, IpRanges=[{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.1.0.0/16", "Description": "office"}]),
            rule(9000, **group("worker", "workers report back")),
            rule(7946, **group("web", "gossip")),
        ],
    )
    ec2.authorize_security_group_ingress(GroupId=ids["worker"], IpPermissions=[rule(9001, **group("web", "work"))])
    ec2.authorize_security_group_egress(GroupId=ids["worker"], IpPermissions=[rule(443, **group("web", "back"))])
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    ids["default"] = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"]
    ec2.revoke_security_group_egress(GroupId=ids["default"], IpPermissions=everything)
    ec2.authorize_security_group_ingress(GroupId=ids["default"], IpPermissions=[rule(22, **group("web", "from web"))])
    return ids


def a_network(sides: TwoSides) -> dict[str, str]:
    """Everything that hangs on a VPC in the legacy account; its ids by what they are for."""
    ec2 = sides.client("legacy", "ec2")
    ids = a_vpc(ec2)
    vpc, public, private = ids["vpc"], ids["public"], ids["private"]
    ids |= {f"sg_{name}": group for name, group in groups(ec2, vpc).items()}
    ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["igw"], VpcId=vpc)
    ids["eip"] = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", "nat"))["AllocationId"]
    ids["nat"] = ec2.create_nat_gateway(
        SubnetId=public, AllocationId=ids["eip"], TagSpecifications=tagged("natgateway", "nat")
    )["NatGateway"]["NatGatewayId"]
    main = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    ids["rtb_main"] = ec2.describe_route_tables(Filters=main)["RouteTables"][0]["RouteTableId"]
    ec2.create_tags(Resources=[ids["rtb_main"]], Tags=[{"Key": "Name", "Value": "main"}])
    ec2.create_route(RouteTableId=ids["rtb_main"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=ids["nat"])
    ids["rtb"] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=ids["rtb"], DestinationCidrBlock="0.0.0.0/0", GatewayId=ids["igw"])
    ec2.associate_route_table(RouteTableId=ids["rtb"], SubnetId=public)
    ids["acl"] = ec2.create_network_acl(VpcId=vpc, TagSpecifications=tagged("network-acl", "private"))["NetworkAcl"][
        "NetworkAclId"
    ]
    https = {"Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443}, "RuleAction": "allow"}
    ec2.create_network_acl_entry(NetworkAclId=ids["acl"], RuleNumber=110, Egress=False, **https)
    ec2.create_network_acl_entry(NetworkAclId=ids["acl"], RuleNumber=90, Egress=False, **https | {"RuleAction": "deny"})
    ec2.create_network_acl_entry(NetworkAclId=ids["acl"], RuleNumber=100, Egress=True, **https)
    for acl in ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]:
        if acl["IsDefault"]:
            ids["acl_default"] = acl["NetworkAclId"]
        for one in acl["Associations"]:
            if one["SubnetId"] == private:
                ec2.replace_network_acl_association(
                    AssociationId=one["NetworkAclAssociationId"], NetworkAclId=ids["acl"]
                )
    ec2.delete_network_acl_entry(NetworkAclId=ids["acl_default"], RuleNumber=100, Egress=True)
    ec2.create_network_acl_entry(NetworkAclId=ids["acl_default"], RuleNumber=50, Egress=True, **https)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": [LEGACY, PARTNER]}},
        }],
    }  # fmt: skip
    ids["s3"] = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[ids["rtb"], ids["rtb_main"]],
        PolicyDocument=json.dumps(policy),
    )["VpcEndpoint"]["VpcEndpointId"]
    ids["secrets"] = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=[public, private],
        SecurityGroupIds=[ids["sg_web"], ids["sg_worker"]],
        PrivateDnsEnabled=True,
        TagSpecifications=tagged("vpc-endpoint", "secrets"),
    )["VpcEndpoint"]["VpcEndpointId"]
    ids["dhcp"] = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["shop.internal"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.9", "10.0.0.2"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=ids["dhcp"], VpcId=vpc)
    return ids


def of_vpc(kind: Kind[Any], resources: dict[str, Resource]) -> list[Resource]:
    """Those that are not part of AWS's default VPC, with what has to stand first in front."""
    there = [
        one for one in resources.values() if not (one.facts.get("in_default_vpc") or one.facts.get("is_default_vpc"))
    ]
    return [one for one in there if kind.name != "ec2.vpc" or not one.facts["is_default"]]


def move_all(sides: TwoSides, kinds: Iterable[Kind[Any]] = ORDER) -> Mover:
    """Scan legacy whole, then move it: the first action of everything before the second of anything."""
    mover, found = Mover(sides), {kind.name: (kind, sides.scan(kind)) for kind in kinds}
    for kind, resources in found.values():
        for resource in of_vpc(kind, resources):
            mover.move(kind, resource, "create")
    for kind, resources in found.values():
        for resource in of_vpc(kind, resources):
            later = [action.name for action in kind.actions if action.name != "create"]
            if later:
                mover.move(kind, resource, *later)
    return mover


def test_a_scan_tells_everything_that_has_to_arrive(sides: TwoSides) -> None:
    ids = a_network(sides)

    facts = {name: one.facts for kind in KINDS for name, one in sides.scan(kind).items()}

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

    for kind in KINDS:
        everything = sides.scan(kind)
        assert everything, kind.name
        for name, resource in everything.items():
            assert sides.scan(kind, only=name) == {name: resource}
        assert sides.scan(kind, only=ABSENT[kind.name]) == {}


def test_two_scans_of_the_same_account_are_the_same_to_the_byte(sides: TwoSides) -> None:
    a_network(sides)

    for kind in KINDS:
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
    assert {kind.name: sides.scan(kind, "target") for kind in ORDER} == before


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
    adopted = ((SecurityGroup(), "sg_default"), (RouteTable(), "rtb_main"), (NetworkAcl(), "acl_default"))

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
    for kind in (Subnet(), RouteTable(), NetworkAcl(), SecurityGroup()):
        found = sides.scan(kind)

        assert found, kind.name
        for resource in found.values():
            assert resource.facts["in_default_vpc"]
            assert not any(action.applies(kind.typed(resource)) for action in kind.actions), resource.ref


def test_routes_that_aws_writes_are_not_written_again(sides: TwoSides) -> None:
    ids = a_network(sides)
    shown = sides.client("legacy", "ec2").describe_route_tables(RouteTableIds=[ids["rtb"]])["RouteTables"][0]["Routes"]
    assert len(shown) == 3, "the local route and the endpoint's are there"

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


def test_an_address_that_a_service_keeps_for_itself_is_not_allocated() -> None:
    address = {"AllocationId": "eipalloc-1", "PublicIp": "192.0.2.1", "ServiceManaged": "rnat"}
    (found,) = ElasticIp().scan(Answers({"ec2.DescribeAddresses": {"Addresses": [address]}}))

    assert not ElasticIp().action("create").applies(ElasticIp().typed(found))


def test_a_regional_nat_gateway_is_asked_for_in_the_vpc() -> None:
    gateway = {
        "NatGatewayId": "nat-1",
        "VpcId": "vpc-1",
        "AvailabilityMode": "regional",
        "NatGatewayAddresses": [{"AllocationId": "eipalloc-1"}],
    }
    (found,) = NatGateway().scan(Answers({"ec2.DescribeNatGateways": {"NatGateways": [gateway]}}))
    place = Place("shop", TARGET, Region(REGION), "nat-1", "step:create")

    (create,) = NatGateway().action("create").requests(NatGateway().typed(found), place)

    check_request(create.operation, create.params)
    assert create.params["VpcId"] == "vpc-1"
    assert create.params["AvailabilityMode"] == "regional"
    assert "SubnetId" not in create.params
    assert "AllocationId" not in create.params


def test_the_primary_address_of_a_nat_gateway_is_the_one_marked_so() -> None:
    gateway = {
        "NatGatewayId": "nat-1",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "NatGatewayAddresses": [
            {"AllocationId": "eipalloc-3"},
            {"AllocationId": "eipalloc-2", "IsPrimary": True},
            {"AllocationId": "eipalloc-1"},
        ],
    }
    (found,) = NatGateway().scan(Answers({"ec2.DescribeNatGateways": {"NatGateways": [gateway]}}))

    assert found.facts["allocation_id"] == "eipalloc-2"
    assert found.facts["secondary_allocation_ids"] == ["eipalloc-1", "eipalloc-3"]


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
    assert named == ["pl-own"], "AWS's list has the same id everywhere"
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
    site = Answers({"ec2.DescribeDhcpOptions": {"DhcpOptions": [{"DhcpOptionsId": "d", "DhcpConfigurations": listed}]}})

    assert list(DhcpOptions().scan(site)) == []


def test_putting_subnets_behind_an_acl_again_moves_nothing_twice(sides: TwoSides) -> None:
    ids = a_network(sides)
    mover = move_all(sides)
    kind = NetworkAcl()
    acl = sides.scan(kind)[ids["acl"]]

    again = kind.action("associate").carry(kind.typed(acl), mover.carrier(kind, acl))  # type: ignore[attr-defined]

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


def test_no_first_action_waits_for_more_than_the_shape_of_the_network(sides: TwoSides) -> None:
    a_network(sides)
    for kind in KINDS:
        for resource in of_vpc(kind, sides.scan(kind)):
            it, place = kind.typed(resource), sides.place(resource)
            for action in kind.actions:
                for request in action.requests(it, place) if not isinstance(action, CarryAction) else ():
                    outputs = {output for step, output in waits_for(request.params)}
                    assert outputs <= {"id"}, f"{kind.name}.{action.name}"


def test_every_kind_says_what_it_is_for_the_tagging_api() -> None:
    assert boto3 is not None
    assert {kind.tagging_types[0].partition(":")[0] for kind in KINDS} == {"ec2"}
    assert len({kind.tagging_types for kind in KINDS}) == len(KINDS)
