"""VPC: made anew in the target with the same CIDR and DNS attributes. Everything else in it is a kind of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    join,
    pair_tags,
    tag_pairs,
)

IPV6_STATES = "Vpcs[].Ipv6CidrBlockAssociationSet[].Ipv6CidrBlockState.State"
IPV6_BLOCK = "Vpcs[0].Ipv6CidrBlockAssociationSet[?Ipv6CidrBlockState.State=='associated'].Ipv6CidrBlock | [0]"


class VpcFacts(Facts):
    """Source: ec2.DescribeVpcs, ec2.DescribeVpcAttribute."""

    cidr_block: str
    secondary_cidr_blocks: list[str]
    """IPv4 only."""
    ipv6: bool
    """Has a block that Amazon assigned; the target's is another one, and subnets take the same place in it."""
    ipv6_block: str | None
    other_ipv6_blocks: list[str]
    """Of an own pool, or a second one."""
    instance_tenancy: str
    is_default: bool
    dns_support: bool
    dns_hostnames: bool


class Create(Action[VpcFacts]):
    """The VPC, its further IPv4 blocks and its two DNS attributes."""

    name = "create"
    title = "Create the VPC"

    def applies(self, it: It[VpcFacts]) -> bool:
        return not it.facts.is_default

    def requests(self, it: It[VpcFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own = after("create", "id")
        return [
            Request(
                "ec2.CreateVpc",
                {
                    "CidrBlock": facts.cidr_block,
                    "InstanceTenancy": facts.instance_tenancy,
                    "TagSpecifications": [{"ResourceType": "vpc", "Tags": tag_pairs(place.stamp(it.tags))}],
                }
                # In the creating call: sent again by itself it would assign a second block.
                | ({"AmazonProvidedIpv6CidrBlock": True} if facts.ipv6 else {}),
                once="tagged",
                creates=True,
                outputs={"id": "Vpc.VpcId"},
                wait=Wait("ec2.DescribeVpcs", {"VpcIds": [own]}, IPV6_STATES, ("associated",)) if facts.ipv6 else None,
                undo=Request("ec2.DeleteVpc", {"VpcId": own}, done=("InvalidVpcID.NotFound",)),
            ),
            *(
                # Gone with the VPC. What a repeated one is answered with: unverified.
                Request("ec2.AssociateVpcCidrBlock", {"VpcId": own, "CidrBlock": block}, done=("CidrConflict",))
                for block in facts.secondary_cidr_blocks
            ),
            *([Request("ec2.DescribeVpcs", {"VpcIds": [own]}, outputs={"ipv6": IPV6_BLOCK})] if facts.ipv6 else []),
            # AWS takes one attribute a call. Source: ec2.ModifyVpcAttribute, botocore 1.44.5.
            Request("ec2.ModifyVpcAttribute", {"VpcId": own, "EnableDnsSupport": {"Value": facts.dns_support}}),
            Request("ec2.ModifyVpcAttribute", {"VpcId": own, "EnableDnsHostnames": {"Value": facts.dns_hostnames}}),
        ]


class Vpc(Kind[VpcFacts]):
    """A virtual private cloud. Its IPv6 block is another one in the target: Amazon assigns it. A block of an own pool
    (bring-your-own, IPAM), or a second one, is not carried: it is a need that nothing meets, until a person gives the
    target's VPC its block (ec2.AssociateVpcCidrBlock) and waives it.
    """

    name = "ec2.vpc"
    title = "VPC"
    facts = VpcFacts
    named = False
    reads = frozenset({"ec2.DescribeVpcs", "ec2.DescribeVpcAttribute"})
    tagging_types = ("ec2:vpc",)
    volatile = frozenset({"ipv6_block", "other_ipv6_blocks"})
    left_out: ClassVar[Mapping[str, str]] = {
        "Ipv6CidrBlockNetworkBorderGroup": "the region's own is taken; a local zone's has to be asked for by hand",
        "BlockPublicAccessStates": "is the account's: set it there (ec2.ModifyVpcBlockPublicAccessOptions)",
    }
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"Filters": [{"Name": "vpc-id", "Values": [only]}]} if only else {}
        found = list(site.pages("ec2.DescribeVpcs", "Vpcs", **wanted))

        def dns(vpc_id: str) -> tuple[bool, bool]:
            support = site.call("ec2.DescribeVpcAttribute", VpcId=vpc_id, Attribute="enableDnsSupport")
            names = site.call("ec2.DescribeVpcAttribute", VpcId=vpc_id, Attribute="enableDnsHostnames")
            return support["EnableDnsSupport"]["Value"], names["EnableDnsHostnames"]["Value"]

        attributes = site.map(dns, [vpc["VpcId"] for vpc in found])
        blocks = {vpc["VpcId"]: _ipv6_blocks(vpc) for vpc in found}
        for vpc, (support, hostnames) in zip(found, attributes, strict=True):
            yield self.found(
                site,
                vpc["VpcId"],
                VpcFacts(
                    cidr_block=vpc["CidrBlock"],
                    secondary_cidr_blocks=sorted(
                        block["CidrBlock"]
                        for block in vpc.get("CidrBlockAssociationSet", ())
                        if block["CidrBlockState"]["State"] in ("associating", "associated")
                        and block["CidrBlock"] != vpc["CidrBlock"]
                    ),
                    ipv6=bool(blocks[vpc["VpcId"]][0]),
                    ipv6_block=blocks[vpc["VpcId"]][0],
                    other_ipv6_blocks=blocks[vpc["VpcId"]][1],
                    instance_tenancy=vpc.get("InstanceTenancy", "default"),
                    is_default=vpc.get("IsDefault", False),
                    dns_support=support,
                    dns_hostnames=hostnames,
                ),
                arn=f"arn:aws:ec2:{site.region}:{site.account}:vpc/{vpc['VpcId']}",
                tags=pair_tags(vpc.get("Tags")),
            )

    def networks(self, it: It[VpcFacts]) -> tuple[str, ...]:
        return (it.facts.cidr_block, *it.facts.secondary_cidr_blocks)

    def needs(self, it: It[VpcFacts]) -> Iterator[Need]:
        for block in () if it.facts.is_default else it.facts.other_ipv6_blocks:
            yield Need(f"own IPv6 block {block}", "in", "soft", "ec2.DescribeVpcs Vpcs[].Ipv6CidrBlockAssociationSet[]")

    def names(self, it: It[VpcFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.ref.name, own, "id")
        yield Name(it.arn, join(f"arn:aws:ec2:{place.region}:{place.account}:vpc/", own))
        if it.facts.ipv6_block:
            yield Name(it.facts.ipv6_block, after("create", "ipv6"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        block = found.facts["ipv6_block"]
        return super().outputs(found) | ({"ipv6": block} if block else {})

    def quota(self, it: It[VpcFacts]) -> tuple[str, str] | None:
        return "vpc", "L-F678F1CE"


def _ipv6_blocks(vpc: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The first block that Amazon assigned, and all others."""
    amazon: list[str] = []
    others: list[str] = []
    for one in vpc.get("Ipv6CidrBlockAssociationSet", ()):
        if one["Ipv6CidrBlockState"]["State"] in ("associating", "associated"):
            is_amazon = one.get("Ipv6Pool", "Amazon") == "Amazon" and one.get("IpSource", "amazon") == "amazon"
            (amazon if is_amazon else others).append(one["Ipv6CidrBlock"])
    amazon.sort()
    return next(iter(amazon), None), sorted(others + amazon[1:])


KINDS = (Vpc(),)
