"""Networks to move, and what moves them by hand: every action in order, each proved, each taken back. No engine."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import boto3
import jmespath
import pytest

from migrate.inventory import Resource
from migrate.kind import Carrier, CarryAction, Kind, Place, ReadSite, Request
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
from migrate.values import Json
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, Side, TwoSides, two_sides

PARTNER = "999988887777"
ORDER: tuple[Kind[Any], ...] = (
    Vpc(), DhcpOptions(), Subnet(), InternetGateway(), ElasticIp(), NatGateway(), SecurityGroup(), RouteTable(),
    NetworkAcl(), VpcEndpoint(),
)  # fmt: skip
"""Every kind after those whose things its first action names."""


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


class OneClientEach:
    """A session that makes one client a service: making an EC2 client takes longer than all that is asked of it."""

    def __init__(self, session: boto3.Session) -> None:
        self.session = session
        self.clients: dict[str, Any] = {}

    def client(self, service: str, **more: Any) -> Any:
        if service not in self.clients:
            self.clients[service] = self.session.client(service, region_name=REGION)
        return self.clients[service]


@dataclass
class PlainCarrier:
    """What a carrying action gets, without a journal."""

    sides: TwoSides
    place: Place
    step: str
    legacy: ReadSite
    target: ReadSite
    outputs: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[str, Json] = field(default_factory=dict)

    def write(self, operation: str, *, side: Side = "target", **params: Any) -> dict[str, Any]:
        assert side == "target"
        check_request(operation, params)
        return self.sides.send(Request(operation, params), params)

    def rewrite(self, document: Json) -> Json:
        return self.sides.renamed(document)

    def remember(self, key: str, value: str) -> None:
        raise AssertionError("nothing has to be remembered")

    def notebook(self, name: str) -> Path:
        raise AssertionError("nothing is noted down")

    def fetch(self, url: str) -> bytes:
        raise AssertionError("nothing is downloaded")

    def fetch_into(self, url: str, file: IO[bytes]) -> None:
        raise AssertionError("nothing is downloaded")

    def intend(self, operation: str, *, side: Side) -> None:
        raise AssertionError("nothing goes past AWS's API")

    def pause(self, seconds: float) -> None:
        raise AssertionError("nothing is waited for")

    def route(self, host: str, port: int, *, instance: str) -> tuple[str, int]:
        raise AssertionError("no database is asked")

    def learnt(self, action: str) -> Mapping[str, str]:
        raise AssertionError("no other step is asked")

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

    def carrier(self, kind: Kind[Any], resource: Resource) -> Carrier:
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
                if request.operation == "ec2.CreateDhcpOptions":
                    # moto 5.2.5 drops the tags of this one call.
                    own, tags = self.sides.known[step, "id"], params["TagSpecifications"][0]["Tags"]
                    self.sides.client("target", "ec2").create_tags(Resources=[own], Tags=tags)
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


@contextmanager
def small_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        sides.sessions = {side: OneClientEach(session) for side, session in sides.sessions.items()}
        yield sides


def tagged(resource_type: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": [{"Key": "Name", "Value": name}]}]


def a_vpc(ec2: Any) -> dict[str, str]:
    """A VPC with a public and a private subnet."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", "shop"))["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="100.64.0.0/20")
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
