"""Subnet: the same CIDR in the same physical zone. Zones go by their id: names differ from account to account.

The rule: an IPv6 block is the same part of the VPC's own block. Amazon assigns that one anew, so it is read when the
step runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv6Network
from typing import Any, ClassVar

from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    after,
    pair_tags,
    same_place,
)
from migrate.kinds.ec2_network.shared import OWN, arn_of, default_vpcs, names_of, narrowed, specification

NOT_YET = ("InvalidSubnetID.NotFound",)


class SubnetFacts(Facts):
    """Source: ec2.DescribeSubnets. The zone's name is left out: it is another one in each account."""

    vpc_id: str
    in_default_vpc: bool
    cidr_block: str | None
    availability_zone_id: str
    map_public_ip_on_launch: bool
    hostname_type: str
    resource_name_dns_a: bool
    ipv6_only: bool
    ipv6: str | None
    """Which part of the VPC's IPv6 block it has, as `<two hex digits>/<prefix length>`."""
    ipv6_block: str | None
    assign_ipv6_on_creation: bool
    dns64: bool
    resource_name_dns_aaaa: bool


class Create(Action[SubnetFacts]):
    """The subnet and those of its attributes that differ from a new one's."""

    name = "create"
    title = "Create the subnet"

    def applies(self, it: It[SubnetFacts]) -> bool:
        return not (it.facts.in_default_vpc or it.facts.ipv6_only)

    def requests(self, it: It[SubnetFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "VpcId": facts.vpc_id,
            "AvailabilityZoneId": facts.availability_zone_id,
            "TagSpecifications": specification("subnet", place, it.tags),
        }
        if facts.cidr_block:
            made["CidrBlock"] = facts.cidr_block
        # Said either way: what a new subnet starts with is not the same at every endpoint.
        attributes: list[dict[str, Json]] = [{"MapPublicIpOnLaunch": {"Value": facts.map_public_ip_on_launch}}]
        if facts.hostname_type != "ip-name":
            attributes.append({"PrivateDnsHostnameTypeOnLaunch": facts.hostname_type})
        if facts.resource_name_dns_a:
            attributes.append({"EnableResourceNameDnsARecordOnLaunch": {"Value": True}})
        create = Request(
            "ec2.CreateSubnet",
            made,
            once="tagged",
            creates=True,
            outputs={"id": "Subnet.SubnetId"},
            undo=Request(
                "ec2.DeleteSubnet",
                {"SubnetId": OWN},
                done=("InvalidSubnetID.NotFound",),
                # Network interfaces of a load balancer or function that was just deleted linger.
                retry=("DependencyViolation",),
            ),
        )
        # AWS takes one attribute a call. Source: ec2.ModifySubnetAttribute, botocore 1.44.5.
        return [
            create,
            *(Request("ec2.ModifySubnetAttribute", {"SubnetId": OWN} | one, retry=NOT_YET) for one in attributes),
        ]


class JoinIpv6(CarryAction[SubnetFacts]):
    """The same part of the VPC's new IPv6 block, and the settings that want one."""

    name = "ipv6"
    title = "Give the subnet its part of the VPC's IPv6 block"
    sets = frozenset({"ipv6", "assign_ipv6_on_creation", "dns64", "resource_name_dns_aaaa"})
    reads = frozenset({"ec2.DescribeSubnets", "ec2.DescribeVpcs"})
    writes = frozenset({"ec2.AssociateSubnetCidrBlock", "ec2.DisassociateSubnetCidrBlock", "ec2.ModifySubnetAttribute"})

    def applies(self, it: It[SubnetFacts]) -> bool:
        return not (it.facts.in_default_vpc or it.facts.ipv6_only) and it.facts.ipv6 is not None

    def summary(self, it: It[SubnetFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": {"subnet": OWN, "vpc": it.facts.vpc_id, "part": it.facts.ipv6},
            "how": "the VPC's new block is read, and the same part of it becomes the subnet's",
        }

    def carry(self, it: It[SubnetFacts], to: Carrier) -> Mapping[str, Json]:
        own, wanted = str(to.rewrite(it.ref.name)), _wanted(it, to)
        standing = _associated(to.target, own)
        if wanted not in standing:
            answer = to.write("ec2.AssociateSubnetCidrBlock", SubnetId=own, Ipv6CidrBlock=wanted)
            standing = {wanted: answer["Ipv6CidrBlockAssociation"]["AssociationId"]}
        to.remember("association", standing[wanted])
        to.remember("block", wanted)
        for name in _settings(it.facts):
            setting: dict[str, Any] = {name: {"Value": True}}
            to.write("ec2.ModifySubnetAttribute", SubnetId=own, **setting)
        return {"blocks": 1}

    def prove(self, it: It[SubnetFacts], to: Carrier) -> Proof:
        wanted = _wanted(it, to)
        if wanted in _associated(to.target, str(to.rewrite(it.ref.name))):
            return Proof("equal", ("ipv6",), evidence={"blocks": 1})
        return Proof("different", ("ipv6",), (f"the subnet does not have {wanted}",))

    def uncarry(self, it: It[SubnetFacts], to: Carrier) -> None:
        own = str(to.rewrite(it.ref.name))
        association = to.outputs.get("association")
        if association is None or association not in _associated(to.target, own).values():
            return
        for name in _settings(it.facts):
            setting: dict[str, Any] = {name: {"Value": False}}
            to.write("ec2.ModifySubnetAttribute", SubnetId=own, **setting)
        to.write("ec2.DisassociateSubnetCidrBlock", AssociationId=association)


class Subnet(Kind[SubnetFacts]):
    """A subnet. One in the default VPC is not moved, nor is one of IPv6 alone. Network ACL and route table say
    themselves which they are for. A zone that AWS no longer gives to new accounts is refused by AWS: the step says so.
    Its IPv6 addresses are others: a document that names the block is rewritten, one that names an address is not.
    """

    name = "ec2.subnet"
    title = "Subnet"
    facts = SubnetFacts
    named = False
    reads = frozenset({"ec2.DescribeSubnets", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:subnet",)
    volatile = frozenset({"ipv6_block"})
    manual = (
        "A subnet of IPv6 alone: in the target, ec2.CreateSubnet with Ipv6Native and a block of the new VPC's "
        "(ec2.DescribeVpcs), in the zone with the same AvailabilityZoneId. Verify: ec2.DescribeSubnets says Ipv6Native."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "OutpostArn, CustomerOwnedIpv4Pool, EnableLniAtDeviceIndex": "an Outpost is ordered for an account: by hand",
        "AvailabilityZone": "the name of the same zone is another one in each account",
        "CIDR reservations": "make them anew (ec2.CreateSubnetCidrReservation)",
    }
    actions = (Create(), JoinIpv6())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(site.pages("ec2.DescribeSubnets", "Subnets", **narrowed("subnet-id", only)))
        defaults = default_vpcs(site) if found else frozenset()
        for subnet in found:
            dns = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
            blocks = sorted(_blocks(subnet))
            yield self.found(
                site,
                subnet["SubnetId"],
                SubnetFacts(
                    vpc_id=subnet["VpcId"],
                    in_default_vpc=subnet["VpcId"] in defaults,
                    cidr_block=subnet.get("CidrBlock"),
                    availability_zone_id=subnet["AvailabilityZoneId"],
                    map_public_ip_on_launch=subnet.get("MapPublicIpOnLaunch", False),
                    hostname_type=dns.get("HostnameType", "ip-name"),
                    resource_name_dns_a=dns.get("EnableResourceNameDnsARecord", False),
                    ipv6_only=subnet.get("Ipv6Native", False),
                    ipv6=_part(blocks[0]) if blocks else None,
                    ipv6_block=blocks[0] if blocks else None,
                    assign_ipv6_on_creation=subnet.get("AssignIpv6AddressOnCreation", False),
                    dns64=subnet.get("EnableDns64", False),
                    resource_name_dns_aaaa=dns.get("EnableResourceNameDnsAAAARecord", False),
                ),
                arn=arn_of(site, "subnet", subnet["SubnetId"]),
                tags=pair_tags(subnet.get("Tags")),
            )

    def needs(self, it: It[SubnetFacts]) -> Iterator[Need]:
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", "ec2.DescribeSubnets Subnets[].VpcId")

    def by_hand(self, it: It[SubnetFacts]) -> str:
        return "" if it.facts.in_default_vpc else self.manual

    def names(self, it: It[SubnetFacts], place: Place) -> Iterator[Name]:
        yield from names_of(it, place, "subnet")
        if it.facts.ipv6_block:
            yield Name(it.facts.ipv6_block, after("ipv6", "block"), "id")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[SubnetFacts]) -> dict[str, Json]:
        if "ipv6" in done or it.facts.ipv6 is None:
            return facts
        return facts | {
            "ipv6": None,
            "assign_ipv6_on_creation": False,
            "dns64": False,
            "resource_name_dns_aaaa": False,
        }


def _blocks(subnet: Mapping[str, Any]) -> dict[str, str]:
    """Its IPv6 blocks with the ids of their associations."""
    return {
        one["Ipv6CidrBlock"]: one["AssociationId"]
        for one in subnet.get("Ipv6CidrBlockAssociationSet") or ()
        # moto 5.2.5 shows the state as a text of a dict.
        if "disassociat" not in str(one["Ipv6CidrBlockState"]["State"])
    }


def _associated(site: ReadSite, subnet_id: str) -> dict[str, str]:
    found = site.pages("ec2.DescribeSubnets", "Subnets", **narrowed("subnet-id", subnet_id))
    return next((_blocks(subnet) for subnet in found), {})


def _part(block: str) -> str:
    """What lies between the VPC's 56 bits and the subnet's 64: AWS assigns a VPC 56. Source: VPC user guide, IPv6
    CIDR blocks, read 2026-11."""
    network = IPv6Network(block)
    return f"{(int(network.network_address) >> 64) & 0xFF:02x}/{network.prefixlen}"


def _wanted(it: It[SubnetFacts], to: Carrier) -> str:
    """The same part of the block that the target's VPC has."""
    vpc_id = str(to.rewrite(it.facts.vpc_id))
    (vpc,) = to.target.pages("ec2.DescribeVpcs", "Vpcs", **narrowed("vpc-id", vpc_id))
    blocks = sorted(
        one["Ipv6CidrBlock"]
        for one in vpc.get("Ipv6CidrBlockAssociationSet", ())
        if one["Ipv6CidrBlockState"]["State"] == "associated"
    )
    if not blocks:
        raise StepFailed(
            f"{to.step}: the VPC {vpc_id} has no IPv6 block",
            do="give it one (ec2.AssociateVpcCidrBlock), then migrate run",
        )
    part, _, prefix = str(it.facts.ipv6).partition("/")
    address = int(IPv6Network(blocks[0]).network_address) | int(part, 16) << 64
    return str(IPv6Network((address, int(prefix))))


def _settings(facts: SubnetFacts) -> list[str]:
    """What is switched on there and wants an IPv6 block."""
    said = {
        "AssignIpv6AddressOnCreation": facts.assign_ipv6_on_creation,
        "EnableDns64": facts.dns64,
        "EnableResourceNameDnsAAAARecordOnLaunch": facts.resource_name_dns_aaaa,
    }
    return [name for name, value in said.items() if value]
