"""What an Auto Scaling group tells a topic: launches, terminations, errors. The rule: one of a topic and a group."""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, same_place

LOOK = "autoscaling.DescribeNotificationConfigurations"


class NotificationFacts(Facts):
    """Source: autoscaling.DescribeNotificationConfigurations."""

    group: str
    topic_arn: str
    types: list[str]


class Create(Action[NotificationFacts]):
    """Told from then on; while the group is empty there is nothing to tell."""

    name = "create"
    title = "Tell the topic what the group does"

    def requests(self, it: It[NotificationFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"AutoScalingGroupName": it.facts.group, "TopicARN": it.facts.topic_arn}
        return [
            Request(
                "autoscaling.PutNotificationConfiguration",
                own | {"NotificationTypes": it.facts.types},
                creates=True,
                # AWS sends a message to try it; the topic's policy is seconds old.
                retry=("ValidationError",),
                undo=Request("autoscaling.DeleteNotificationConfiguration", own, done=("ValidationError",)),
            )
        ]


class GroupNotification(Kind[NotificationFacts]):
    """Messages of an Auto Scaling group to a topic, `<group>/<topic>`. AWS sends the topic a message to try it."""

    name = "autoscaling.notification"
    title = "Auto Scaling notification"
    facts = NotificationFacts
    stamped = False
    reads = frozenset({LOOK})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        told: dict[tuple[str, str], list[str]] = {}
        for one in _listed(site, {"AutoScalingGroupNames": [only.rpartition("/")[0]]} if only else {}):
            told.setdefault((one["AutoScalingGroupName"], one["TopicARN"]), []).append(one["NotificationType"])
        for (group, topic), types in sorted(told.items()):
            name = f"{group}/{topic.rpartition(':')[2]}"
            if only in (None, name):
                facts = NotificationFacts(group=group, topic_arn=topic, types=sorted(types))
                yield self.found(site, name, facts, arn="")

    def needs(self, it: It[NotificationFacts]) -> Iterator[Need]:
        seen_in = f"{LOOK} NotificationConfigurations[]"
        group = same_place(it, "autoscaling.group", it.facts.group)
        yield Need(group, "in", "hard", f"{seen_in}.AutoScalingGroupName")
        yield Need(it.facts.topic_arn, "triggers", "hard", f"{seen_in}.TopicARN")

    def names(self, it: It[NotificationFacts], place: Place) -> Iterator[Name]:
        return iter(())


def _listed(site: ReadSite, wanted: dict[str, Json]) -> Iterator[dict[str, Any]]:
    """All pages of what an endpoint may lack."""
    after: dict[str, Json] = {}
    while True:
        # A group that is not there is refused; so is one without a name.
        answer = site.optional(LOOK, missing=("ValidationError",), MaxRecords=100, **wanted, **after) or {}
        yield from answer.get("NotificationConfigurations", ())
        if not answer.get("NextToken"):
            return
        after = {"NextToken": answer["NextToken"]}
