"""DHCP options: a set that people made, and the VPCs that use it. AWS's own set of a region is in every account."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.kinds.ec2_network.shared import OWN, arn_of, names_of, narrowed, ordered, specification


class DhcpFacts(Facts):
    """Source: ec2.DescribeDhcpOptions, ec2.DescribeVpcs."""

    configurations: dict[str, list[str]]
    """By key; the order of name servers counts."""
    vpc_ids: list[str]
    """The VPCs that use it, the default VPC left out."""


class Create(Action[DhcpFacts]):
    """The set."""

    name = "create"
    title = "Create the DHCP options"

    def requests(self, it: It[DhcpFacts], place: Place) -> Sequence[Request]:
        configurations: list[Json] = [
            {"Key": key, "Values": values} for key, values in sorted(it.facts.configurations.items())
        ]
        return [
            Request(
                "ec2.CreateDhcpOptions",
                {
                    "DhcpConfigurations": configurations,
                    "TagSpecifications": specification("dhcp-options", place, it.tags),
                },
                once="tagged",
                creates=True,
                outputs={"id": "DhcpOptions.DhcpOptionsId"},
                undo=Request(
                    "ec2.DeleteDhcpOptions",
                    {"DhcpOptionsId": OWN},
                    done=("InvalidDhcpOptionID.NotFound", "InvalidDhcpOptionsID.NotFound"),
                ),
            ),
            # Said again: moto 5.2.5 drops the tags of the creating call. At AWS it changes nothing.
            Request(
                "ec2.CreateTags",
                {"Resources": [OWN], "Tags": tag_pairs(place.stamp(it.tags))},
                retry=("InvalidDhcpOptionID.NotFound", "InvalidDhcpOptionsID.NotFound"),
            ),
        ]


class Associate(Action[DhcpFacts]):
    """Each VPC from AWS's own set to this one."""

    name = "associate"
    title = "Let the VPCs use the DHCP options"
    sets = frozenset({"vpc_ids"})

    def applies(self, it: It[DhcpFacts]) -> bool:
        return bool(it.facts.vpc_ids)

    def requests(self, it: It[DhcpFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "ec2.AssociateDhcpOptions",
                {"DhcpOptionsId": OWN, "VpcId": vpc_id},
                retry=("InvalidDhcpOptionID.NotFound",),
                # "default" is AWS's own set, which a new VPC has. Source: ec2.AssociateDhcpOptions, botocore 1.44.5.
                undo=Request(
                    "ec2.AssociateDhcpOptions",
                    {"DhcpOptionsId": "default", "VpcId": vpc_id},
                    done=("InvalidVpcID.NotFound",),
                ),
            )
            for vpc_id in it.facts.vpc_ids
        ]


class DhcpOptions(Kind[DhcpFacts]):
    """A set of DHCP options. A VPC that was told to use none at all is not told so in the target."""

    name = "ec2.dhcp_options"
    title = "DHCP options"
    facts = DhcpFacts
    named = False
    reads = frozenset({"ec2.DescribeDhcpOptions", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:dhcp-options",)
    actions = (Create(), Associate())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(site.pages("ec2.DescribeDhcpOptions", "DhcpOptions", **narrowed("dhcp-options-id", only)))
        users: dict[str, list[str]] = defaultdict(list)
        for vpc in site.pages("ec2.DescribeVpcs", "Vpcs") if found else ():
            if not vpc.get("IsDefault"):
                users[vpc.get("DhcpOptionsId", "default")].append(vpc["VpcId"])
        for options in found:
            configurations = _configurations(options.get("DhcpConfigurations", ()))
            if _is_aws_own(configurations, site.region) and not options.get("Tags"):
                continue
            yield self.found(
                site,
                options["DhcpOptionsId"],
                DhcpFacts(configurations=configurations, vpc_ids=ordered(users[options["DhcpOptionsId"]])),
                arn=arn_of(site, "dhcp-options", options["DhcpOptionsId"]),
                tags=pair_tags(options.get("Tags")),
            )

    def needs(self, it: It[DhcpFacts]) -> Iterator[Need]:
        for vpc_id in it.facts.vpc_ids:
            yield Need(
                same_place(it, "ec2.vpc", vpc_id), "attached to", "soft", "ec2.DescribeVpcs Vpcs[].DhcpOptionsId"
            )

    def names(self, it: It[DhcpFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "dhcp-options")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[DhcpFacts]) -> dict[str, Json]:
        return facts | {"vpc_ids": ordered(facts["vpc_ids"]) if "associate" in done else []}


def _configurations(listed: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    return {one["Key"]: [value["Value"] for value in one.get("Values", ())] for one in listed}


def _is_aws_own(configurations: Mapping[str, list[str]], region: str) -> bool:
    """Whether this is the set that AWS makes in each region. Source: VPC user guide, "DHCP option sets", 2026-08."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return configurations == {"domain-name": [domain], "domain-name-servers": ["AmazonProvidedDNS"]}
