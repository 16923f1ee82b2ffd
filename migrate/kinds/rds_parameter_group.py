"""Parameter groups of instances and of clusters: what people changed, on top of the family's defaults.

The rule: both are one thing under two names (`DBParameterGroup`, `DBClusterParameterGroup`).
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Place, ReadSite, Request, pair_tags, tag_pairs

GONE = ("DBParameterGroupNotFound", "DBClusterParameterGroupNotFound")
"""Source: rds.DescribeDBParameterGroups, rds.ModifyDBCluster, botocore 1.44.5. Which one a read gives: unverified."""
AT_ONCE = 20
"""Parameters in one call. Source: rds.ModifyDBParameterGroup, botocore 1.44.5."""


class Parameter(Facts):
    """One changed parameter. Source: rds.DescribeDBParameters."""

    name: str
    value: str
    apply_method: str


class ParameterGroupFacts(Facts):
    """Source: rds.DescribeDBParameterGroups, rds.DescribeDBParameters with Source=user."""

    family: str
    description: str
    parameters: list[Parameter]


class Create(Action[ParameterGroupFacts]):
    """The group and its changed parameters."""

    name = "create"
    title = "Create the DB parameter group"
    group: ClassVar[str] = "DBParameterGroup"

    def requests(self, it: It[ParameterGroupFacts], place: Place) -> Sequence[Request]:
        named = {f"{self.group}Name": place.name}
        changed = [
            {"ParameterName": one.name, "ParameterValue": one.value, "ApplyMethod": one.apply_method}
            for one in it.facts.parameters
        ]
        return [
            Request(
                f"rds.Create{self.group}",
                named
                | {
                    "DBParameterGroupFamily": it.facts.family,
                    "Description": it.facts.description,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                undo=Request(f"rds.Delete{self.group}", dict(named), done=GONE),
            ),
            *(
                Request(f"rds.Modify{self.group}", named | {"Parameters": changed[start : start + AT_ONCE]})
                for start in range(0, len(changed), AT_ONCE)
            ),
        ]


class ParameterGroup(Kind[ParameterGroupFacts]):
    """A DB parameter group. AWS's own `default.*` exist in every account and are left out."""

    name = "rds.parameter_group"
    title = "DB parameter group"
    facts = ParameterGroupFacts
    reads = frozenset({"rds.DescribeDBParameterGroups", "rds.DescribeDBParameters", "rds.ListTagsForResource"})
    tagging_types = ("rds:pg",)
    actions = (Create(),)
    group: ClassVar[str] = "DBParameterGroup"
    listing: ClassVar[str] = "rds.DescribeDBParameters"

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        operation, by = f"rds.Describe{self.group}s", f"{self.group}Name"
        if only:
            answer = site.optional(operation, missing=GONE, **{by: only})
            found = answer[f"{self.group}s"] if answer else []
        else:
            found = list(site.pages(operation, f"{self.group}s", MaxRecords=100))
        groups = [group for group in found if not group[by].startswith("default.")]
        names = [group[by] for group in groups]
        arns = [group[f"{self.group}Arn"] for group in groups]

        def changed(name: str) -> list[Parameter]:
            listed = site.pages(self.listing, "Parameters", **{by: name}, Source="user", MaxRecords=100)
            return sorted(
                (
                    Parameter(
                        name=one["ParameterName"],
                        value=one["ParameterValue"],
                        apply_method=one.get("ApplyMethod", "pending-reboot"),
                    )
                    for one in listed
                    if "ParameterValue" in one
                ),
                key=lambda parameter: parameter.name,
            )

        parameters = site.map(changed, names)
        tags = site.map(lambda arn: site.call("rds.ListTagsForResource", ResourceName=arn)["TagList"], arns)
        for group, name, arn, read, tagged in zip(groups, names, arns, parameters, tags, strict=True):
            facts = ParameterGroupFacts(
                family=group["DBParameterGroupFamily"], description=group["Description"], parameters=read
            )
            yield self.found(site, name, facts, arn=arn, tags=pair_tags(tagged))


class CreateClusters(Create):
    """The cluster's group and its changed parameters."""

    title = "Create the DB cluster parameter group"
    group = "DBClusterParameterGroup"


class ClusterParameterGroup(ParameterGroup):
    """A DB cluster parameter group."""

    name = "rds.cluster_parameter_group"
    title = "DB cluster parameter group"
    reads = frozenset(
        {"rds.DescribeDBClusterParameterGroups", "rds.DescribeDBClusterParameters", "rds.ListTagsForResource"}
    )
    tagging_types = ("rds:cluster-pg",)
    actions = (CreateClusters(),)
    group = "DBClusterParameterGroup"
    listing = "rds.DescribeDBClusterParameters"


KINDS = (ParameterGroup(), ClusterParameterGroup())
