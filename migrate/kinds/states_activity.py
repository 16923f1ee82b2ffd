"""Step Functions activity: a name that workers poll. The rule: same name, so the ARN differs by the account alone; the
workers have to poll the new one."""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.kinds._content import plain

_GONE = ("ActivityDoesNotExist",)


class ActivityFacts(Facts):
    """Source: stepfunctions.DescribeActivity, stepfunctions.ListTagsForResource."""

    encryption: dict[str, Json]


class Create(Action[ActivityFacts]):
    """The activity."""

    name = "create"
    title = "Create the activity"

    def requests(self, it: It[ActivityFacts], place: Place) -> Sequence[Request]:
        encryption = {"encryptionConfiguration": it.facts.encryption} if it.facts.encryption else {}
        return [
            Request(
                "stepfunctions.CreateActivity",
                {"name": place.name, "tags": tag_pairs(place.stamp(it.tags), "key", "value")} | encryption,
                once="named",
                creates=True,
                outputs={"arn": "activityArn"},
                undo=Request("stepfunctions.DeleteActivity", {"activityArn": it.arn}, done=_GONE),
            )
        ]


class Activity(Kind[ActivityFacts]):
    """An activity. Tasks that wait in it are not carried: they end with the executions in legacy."""

    name = "states.activity"
    title = "Step Functions activity"
    facts = ActivityFacts
    reads = frozenset(
        {"stepfunctions.DescribeActivity", "stepfunctions.ListActivities", "stepfunctions.ListTagsForResource"}
    )
    tagging_types = ("states:activity",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            arns = [f"arn:aws:states:{site.region}:{site.account}:activity:{only}"]
        else:
            listed = site.pages("stepfunctions.ListActivities", "activities", maxResults=1000)
            arns = sorted(one["activityArn"] for one in listed)

        def described(arn: str) -> tuple[dict[str, Any], dict[str, str]] | None:
            activity = site.optional("stepfunctions.DescribeActivity", missing=_GONE, activityArn=arn)
            if activity is None:
                return None
            tags = site.optional("stepfunctions.ListTagsForResource", missing=("ResourceNotFound",), resourceArn=arn)
            return activity, pair_tags((tags or {}).get("tags"), "key", "value")

        for found in site.map(described, arns):
            if found is not None:
                activity, tags = found
                encryption = plain(activity.get("encryptionConfiguration") or {})
                facts = ActivityFacts(encryption={} if encryption.get("type") == "AWS_OWNED_KEY" else encryption)
                yield self.found(site, activity["name"], facts, arn=activity["activityArn"], tags=tags)

    def needs(self, it: It[ActivityFacts]) -> Iterator[Need]:
        if it.facts.encryption.get("kmsKeyId"):
            seen_in = "stepfunctions.DescribeActivity encryptionConfiguration.kmsKeyId"
            yield Need(it.facts.encryption["kmsKeyId"], "encrypted by", "hard", seen_in)


KINDS = (Activity(),)
