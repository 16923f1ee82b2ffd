"""EventBridge Scheduler group: a name and tags. The rule: the default group stands in every account and is not made."""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Place, ReadSite, Request, Wait, pair_tags, tag_pairs

_GONE = ("ResourceNotFoundException",)


class GroupFacts(Facts):
    """Source: scheduler.ListScheduleGroups, scheduler.ListTagsForResource. A group has nothing but its tags."""


class Create(Action[GroupFacts]):
    """The group, empty."""

    name = "create"
    title = "Create the schedule group"

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        own = {"Name": place.name}
        return [
            Request(
                "scheduler.CreateScheduleGroup",
                own | {"Tags": tag_pairs(place.stamp(it.tags))},
                once="named",
                creates=True,
                outputs={"arn": "ScheduleGroupArn"},
                # A group goes with everything in it; its schedules were taken back before. Deleting takes a while.
                undo=Request(
                    "scheduler.DeleteScheduleGroup",
                    dict(own),
                    done=_GONE,
                    retry=("ConflictException",),
                    wait=Wait("scheduler.GetScheduleGroup", dict(own), "State", ("gone",), gone=_GONE),
                ),
            )
        ]


class ScheduleGroup(Kind[GroupFacts]):
    """A group of schedules. Tags that somebody put on the default group are not carried."""

    name = "scheduler.schedule_group"
    title = "EventBridge Scheduler group"
    facts = GroupFacts
    reads = frozenset({"scheduler.GetScheduleGroup", "scheduler.ListScheduleGroups", "scheduler.ListTagsForResource"})
    tagging_types = ("scheduler:schedule-group",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            group = site.optional("scheduler.GetScheduleGroup", missing=_GONE, Name=only)
            listed: list[dict[str, Any]] = [group] if group else []
        else:
            listed = list(site.pages("scheduler.ListScheduleGroups", "ScheduleGroups", MaxResults=100))
        groups = [one for one in listed if one["Name"] != "default" and one.get("State") != "DELETING"]
        tags = site.map(
            lambda one: site.optional("scheduler.ListTagsForResource", missing=_GONE, ResourceArn=one["Arn"]) or {},
            groups,
        )
        for group, tagged in zip(groups, tags, strict=True):
            yield self.found(site, group["Name"], GroupFacts(), arn=group["Arn"], tags=pair_tags(tagged.get("Tags")))


KINDS = (ScheduleGroup(),)
