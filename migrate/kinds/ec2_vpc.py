"""VPC: made anew in the target with the same CIDR and DNS attributes. Everything else in it is a kind of its own."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Kind,
    Name,
    Place,
    ReadSite,
    Request,
    after,
    join,
    pair_tags,
    tag_pairs,
)


class VpcFacts(Facts):
    """Source: ec2.DescribeVpcs, ec2.DescribeVpcAttribute."""

    cidr_block: str
    secondary_cidr_blocks: list[str]
    """IPv4 only. An IPv6 block is AWS's to assign, and its subnets say that they had one."""
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
                },
                once="tagged",
                creates=True,
                outputs={"id": "Vpc.VpcId"},
                undo=Request("ec2.DeleteVpc", {"VpcId": own}, done=("InvalidVpcID.NotFound",)),
            ),
            *(
                # Gone with the VPC. What a repeated one is answered with: unverified.
                Request("ec2.AssociateVpcCidrBlock", {"VpcId": own, "CidrBlock": block}, done=("CidrConflict",))
                for block in facts.secondary_cidr_blocks
            ),
            # AWS takes one attribute a call. Source: ec2.ModifyVpcAttribute, botocore 1.44.5.
            Request("ec2.ModifyVpcAttribute", {"VpcId": own, "EnableDnsSupport": {"Value": facts.dns_support}}),
            Request("ec2.ModifyVpcAttribute", {"VpcId": own, "EnableDnsHostnames": {"Value": facts.dns_hostnames}}),
        ]


class Vpc(Kind[VpcFacts]):
    """A virtual private cloud."""

    name = "ec2.vpc"
    title = "VPC"
    facts = VpcFacts
    named = False
    reads = frozenset({"ec2.DescribeVpcs", "ec2.DescribeVpcAttribute"})
    tagging_types = ("ec2:vpc",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"Filters": [{"Name": "vpc-id", "Values": [only]}]} if only else {}
        found = list(site.pages("ec2.DescribeVpcs", "Vpcs", **wanted))

        def dns(vpc_id: str) -> tuple[bool, bool]:
            support = site.call("ec2.DescribeVpcAttribute", VpcId=vpc_id, Attribute="enableDnsSupport")
            names = site.call("ec2.DescribeVpcAttribute", VpcId=vpc_id, Attribute="enableDnsHostnames")
            return support["EnableDnsSupport"]["Value"], names["EnableDnsHostnames"]["Value"]

        attributes = site.map(dns, [vpc["VpcId"] for vpc in found])
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
                    instance_tenancy=vpc.get("InstanceTenancy", "default"),
                    is_default=vpc.get("IsDefault", False),
                    dns_support=support,
                    dns_hostnames=hostnames,
                ),
                arn=f"arn:aws:ec2:{site.region}:{site.account}:vpc/{vpc['VpcId']}",
                tags=pair_tags(vpc.get("Tags")),
            )

    def names(self, it: It[VpcFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.ref.name, own, "id")
        yield Name(it.arn, join(f"arn:aws:ec2:{place.region}:{place.account}:vpc/", own))


KINDS = (Vpc(),)
