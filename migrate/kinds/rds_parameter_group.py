"""DB parameter group: what people changed, on top of the family's defaults."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Place, ReadSite, Request, pair_tags, tag_pairs

GONE = "DBParameterGroupNotFound"
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

    def requests(self, it: It[ParameterGroupFacts], place: Place) -> Sequence[Request]:
        named = {"DBParameterGroupName": place.name}
        changed = [
            {"ParameterName": one.name, "ParameterValue": one.value, "ApplyMethod": one.apply_method}
            for one in it.facts.parameters
        ]
        return [
            Request(
                "rds.CreateDBParameterGroup",
                named
                | {
                    "DBParameterGroupFamily": it.facts.family,
                    "Description": it.facts.description,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                undo=Request("rds.DeleteDBParameterGroup", dict(named), done=(GONE,)),
            ),
            *(
                Request("rds.ModifyDBParameterGroup", named | {"Parameters": changed[start : start + AT_ONCE]})
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

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        operation = "rds.DescribeDBParameterGroups"
        if only:
            answer = site.optional(operation, missing=(GONE,), DBParameterGroupName=only)
            found = answer["DBParameterGroups"] if answer else []
        else:
            found = list(site.pages(operation, "DBParameterGroups", MaxRecords=100))
        groups = [group for group in found if not group["DBParameterGroupName"].startswith("default.")]
        names = [group["DBParameterGroupName"] for group in groups]
        arns = [group["DBParameterGroupArn"] for group in groups]

        def changed(name: str) -> list[Parameter]:
            listed = site.pages(
                "rds.DescribeDBParameters", "Parameters", DBParameterGroupName=name, Source="user", MaxRecords=100
            )
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


KINDS = (ParameterGroup(),)
