"""Subnet: the same CIDR in the same physical zone. Zones go by their id: names differ from account to account."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, pair_tags, same_place
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
    ipv6: bool
    """Has an IPv6 block. AWS assigns another one in the target, and it is not requested: the proof says so."""


class Create(Action[SubnetFacts]):
    """The subnet and those of its attributes that differ from a new one's."""

    name = "create"
    title = "Create the subnet"

    def applies(self, it: It[SubnetFacts]) -> bool:
        return not it.facts.in_default_vpc

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


class Subnet(Kind[SubnetFacts]):
    """A subnet. One in the default VPC is not moved. Network ACL and route table say themselves which they are for."""

    name = "ec2.subnet"
    title = "Subnet"
    facts = SubnetFacts
    named = False
    reads = frozenset({"ec2.DescribeSubnets", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:subnet",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(site.pages("ec2.DescribeSubnets", "Subnets", **narrowed("subnet-id", only)))
        defaults = default_vpcs(site) if found else frozenset()
        for subnet in found:
            dns = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
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
                    ipv6=bool(subnet.get("Ipv6CidrBlockAssociationSet")),
                ),
                arn=arn_of(site, "subnet", subnet["SubnetId"]),
                tags=pair_tags(subnet.get("Tags")),
            )

    def needs(self, it: It[SubnetFacts]) -> Iterator[Need]:
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", "ec2.DescribeSubnets Subnets[].VpcId")

    def names(self, it: It[SubnetFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "subnet")
