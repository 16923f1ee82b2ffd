"""DB option group: options that people switched on. The rule: AWS's own `default:*` groups stand in every account."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs

GONE = "OptionGroupNotFoundFault"


class Option(Facts):
    """One option. Source: rds.DescribeOptionGroups."""

    name: str
    version: str | None
    port: int | None
    security_groups: list[str]
    settings: dict[str, Json]
    """What was set to another value than the default; values that look like credentials are sealed."""


class OptionGroupFacts(Facts):
    """Source: rds.DescribeOptionGroups, rds.ListTagsForResource."""

    engine: str
    major_version: str
    description: str
    options: list[Option]


class Create(Action[OptionGroupFacts]):
    """The group, without options."""

    name = "create"
    title = "Create the option group"

    def requests(self, it: It[OptionGroupFacts], place: Place) -> Sequence[Request]:
        named: dict[str, Json] = {"OptionGroupName": place.name}
        return [
            Request(
                "rds.CreateOptionGroup",
                named
                | {
                    "EngineName": it.facts.engine,
                    "MajorEngineVersion": it.facts.major_version,
                    "OptionGroupDescription": it.facts.description,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                # An instance or snapshot that has just gone still counts as its user.
                undo=Request("rds.DeleteOptionGroup", named, done=(GONE,), retry=("InvalidOptionGroupStateFault",)),
            )
        ]


class Configure(Action[OptionGroupFacts]):
    """Its options, which name security groups, roles and buckets. They go with the group: some cannot go alone."""

    name = "configure"
    title = "Switch on the group's options"
    sets = frozenset({"options"})

    def applies(self, it: It[OptionGroupFacts]) -> bool:
        return bool(it.facts.options)

    def requests(self, it: It[OptionGroupFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "rds.ModifyOptionGroup",
                {
                    "OptionGroupName": place.name,
                    "OptionsToInclude": [_sent(option) for option in it.facts.options],
                    "ApplyImmediately": True,
                },
                retry=("InvalidOptionGroupStateFault",),
            )
        ]


class OptionGroup(Kind[OptionGroupFacts]):
    """A DB option group. Passwords in its settings are shown by AWS as stars and are set by a person."""

    name = "rds.option_group"
    title = "DB option group"
    facts = OptionGroupFacts
    reads = frozenset({"rds.DescribeOptionGroups", "rds.ListTagsForResource"})
    tagging_types = ("rds:og",)
    left_out: ClassVar[Mapping[str, str]] = {
        "Settings that AWS masks": "passwords of agents: rds.ModifyOptionGroup in the target by whoever knows them",
        "DBSecurityGroupMemberships": "of EC2-Classic, which is gone",
    }
    actions = (Create(), Configure())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        operation = "rds.DescribeOptionGroups"
        if only is None:
            listed = list(site.pages(operation, "OptionGroupsList", MaxRecords=100))
        else:
            answer = site.optional(operation, missing=(GONE,), OptionGroupName=only)
            listed = answer["OptionGroupsList"] if answer else []
        groups = [group for group in listed if not group["OptionGroupName"].startswith("default:")]
        arns = [group["OptionGroupArn"] for group in groups]
        tags = site.map(lambda arn: site.call("rds.ListTagsForResource", ResourceName=arn)["TagList"], arns)
        for group, arn, tagged in zip(groups, arns, tags, strict=True):
            facts = OptionGroupFacts(
                engine=group["EngineName"],
                major_version=group["MajorEngineVersion"],
                description=group.get("OptionGroupDescription") or "",
                options=sorted(
                    (_option(site, option) for option in group.get("Options") or ()), key=lambda option: option.name
                ),
            )
            yield self.found(site, group["OptionGroupName"], facts, arn=arn, tags=pair_tags(tagged))

    def needs(self, it: It[OptionGroupFacts]) -> Iterator[Need]:
        where = "rds.DescribeOptionGroups OptionGroupsList[].Options[].VpcSecurityGroupMemberships[]"
        for option in it.facts.options:
            for group in option.security_groups:
                yield Need(group, "member of", "soft", where)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[OptionGroupFacts]) -> dict[str, Json]:
        # Renaming changes the order of sorted ids.
        return facts | {
            "options": [one | {"security_groups": sorted(one["security_groups"], key=str)} for one in facts["options"]]
        }


def _sent(option: Option) -> dict[str, Json]:
    optional: dict[str, Json] = {
        "OptionVersion": option.version,
        "Port": option.port,
        "VpcSecurityGroupMemberships": option.security_groups,
        "OptionSettings": [{"Name": name, "Value": value} for name, value in option.settings.items()],
    }
    return {"OptionName": option.name} | {name: value for name, value in optional.items() if value}


def _option(site: ReadSite, option: Mapping[str, Any]) -> Option:
    set_by_people = {
        one["Name"]: one["Value"]
        for one in option.get("OptionSettings") or ()
        if one.get("Value") not in (None, one.get("DefaultValue"))
        and one.get("IsModifiable", True)
        and set(one["Value"]) != {"*"}
    }
    return Option(
        name=option["OptionName"],
        version=option.get("OptionVersion"),
        port=option.get("Port"),
        security_groups=sorted(one["VpcSecurityGroupId"] for one in option.get("VpcSecurityGroupMemberships") or ()),
        settings={name: site.seal(name, set_by_people[name]) for name in sorted(set_by_people)},
    )


KINDS = (OptionGroup(),)
