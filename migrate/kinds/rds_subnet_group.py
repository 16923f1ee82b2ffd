"""DB subnet group: the same subnets' targets under the same name."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs

GONE = "DBSubnetGroupNotFoundFault"


class SubnetGroupFacts(Facts):
    """Source: rds.DescribeDBSubnetGroups."""

    description: str
    subnet_ids: list[str]


class Create(Action[SubnetGroupFacts]):
    """The group."""

    name = "create"
    title = "Create the DB subnet group"

    def applies(self, it: It[SubnetGroupFacts]) -> bool:
        # AWS makes one called "default" by itself; the name is taken. Source: rds.CreateDBSubnetGroup, botocore 1.44.5.
        return it.ref.name != "default"

    def requests(self, it: It[SubnetGroupFacts], place: Place) -> Sequence[Request]:
        named = {"DBSubnetGroupName": place.name}
        return [
            Request(
                "rds.CreateDBSubnetGroup",
                named
                | {
                    "DBSubnetGroupDescription": it.facts.description,
                    "SubnetIds": it.facts.subnet_ids,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                undo=Request("rds.DeleteDBSubnetGroup", dict(named), done=(GONE,)),
            )
        ]


class SubnetGroup(Kind[SubnetGroupFacts]):
    """A DB subnet group. The one that AWS calls "default" is scanned and not moved."""

    name = "rds.subnet_group"
    title = "DB subnet group"
    facts = SubnetGroupFacts
    reads = frozenset({"rds.DescribeDBSubnetGroups", "rds.ListTagsForResource"})
    tagging_types = ("rds:subgrp",)
    unordered = frozenset({"subnet_ids"})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        operation = "rds.DescribeDBSubnetGroups"
        if only:
            answer = site.optional(operation, missing=(GONE,), DBSubnetGroupName=only)
            groups = answer["DBSubnetGroups"] if answer else []
        else:
            groups = list(site.pages(operation, "DBSubnetGroups", MaxRecords=100))
        arns = [group["DBSubnetGroupArn"] for group in groups]
        tags = site.map(lambda arn: site.call("rds.ListTagsForResource", ResourceName=arn)["TagList"], arns)
        for group, arn, tagged in zip(groups, arns, tags, strict=True):
            facts = SubnetGroupFacts(
                description=group["DBSubnetGroupDescription"],
                subnet_ids=sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"]),
            )
            yield self.found(site, group["DBSubnetGroupName"], facts, arn=arn, tags=pair_tags(tagged))

    def needs(self, it: It[SubnetGroupFacts]) -> Iterator[Need]:
        for subnet in it.facts.subnet_ids:
            yield Need(subnet, "in", "hard", "rds.DescribeDBSubnetGroups Subnets[].SubnetIdentifier")


KINDS = (SubnetGroup(),)
