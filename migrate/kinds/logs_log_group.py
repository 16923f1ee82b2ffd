"""Log groups: made with the same retention, class, key and filters. The rule: what was logged stays in legacy.

Log content is not moved: events keep no ingestion time when written again, and streams older than 14 days are refused
(source: logs.PutLogEvents, botocore 1.44.5). Keep legacy's groups for their retention, or export them to a bucket.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request

NOT_SETTINGS = ("creationTime", "logGroupName")


class LogGroupFacts(Facts):
    """Source: logs.DescribeLogGroups, logs.DescribeMetricFilters, logs.DescribeSubscriptionFilters."""

    log_group_class: str
    retention_days: int | None
    """None: for ever."""
    kms_key_id: str | None
    metric_filters: list[dict[str, Json]]
    """As PutMetricFilter takes them, without the group's name."""
    subscription_filters: list[dict[str, Json]]
    """As PutSubscriptionFilter takes them, without the group's name."""


class Create(Action[LogGroupFacts]):
    """The group with its class and retention."""

    name = "create"
    title = "Create the log group"

    def requests(self, it: It[LogGroupFacts], place: Place) -> Sequence[Request]:
        own = {"logGroupName": place.name}
        requests = [
            Request(
                "logs.CreateLogGroup",
                {**own, "logGroupClass": it.facts.log_group_class, "tags": place.stamp(it.tags)},
                once="named",
                creates=True,
                undo=Request("logs.DeleteLogGroup", {**own}, done=("ResourceNotFoundException",)),
            )
        ]
        if it.facts.retention_days:
            requests.append(
                Request("logs.PutRetentionPolicy", {**own, "retentionInDays": it.facts.retention_days}),
            )
        return requests


class Configure(Action[LogGroupFacts]):
    """Key and filters: the key's policy has to let the service in first, and filters deliver to other things."""

    name = "configure"
    title = "Set the log group's key and filters"
    sets = frozenset({"metric_filters", "subscription_filters"})
    after_kinds = ("kms.key.configure",)

    def applies(self, it: It[LogGroupFacts]) -> bool:
        facts = it.facts
        return bool(facts.kms_key_id or facts.metric_filters or facts.subscription_filters)

    def requests(self, it: It[LogGroupFacts], place: Place) -> Sequence[Request]:
        own = {"logGroupName": place.name}
        gone = ("ResourceNotFoundException",)
        requests = []
        if it.facts.kms_key_id:
            requests.append(
                Request(
                    "logs.AssociateKmsKey",
                    {**own, "kmsKeyId": it.facts.kms_key_id},
                    # A key's policy set just now is not seen everywhere yet.
                    retry=("InvalidParameterException",),
                    undo=Request("logs.DisassociateKmsKey", {**own}, done=gone),
                )
            )
        for settings in it.facts.metric_filters:
            undo = Request("logs.DeleteMetricFilter", {**own, "filterName": settings["filterName"]}, done=gone)
            requests.append(Request("logs.PutMetricFilter", {**own, **settings}, undo=undo))
        for settings in it.facts.subscription_filters:
            undo = Request("logs.DeleteSubscriptionFilter", {**own, "filterName": settings["filterName"]}, done=gone)
            requests.append(
                Request(
                    "logs.PutSubscriptionFilter",
                    {**own, **settings},
                    # AWS sends a test message: role or permission made just now may not be seen yet.
                    retry=("InvalidParameterException",),
                    undo=undo,
                )
            )
        return requests


class LogGroup(Kind[LogGroupFacts]):
    """A CloudWatch log group.

    Log content, data protection policies, deletion protection and transformers are not carried. A subscription to
    another account's destination needs that destination to let the target's account in: its owner has to do that.
    """

    name = "logs.log_group"
    title = "Log group"
    facts = LogGroupFacts
    reads = frozenset(
        {
            "logs.DescribeLogGroups",
            "logs.DescribeMetricFilters",
            "logs.DescribeSubscriptionFilters",
            "logs.ListTagsForResource",
        }
    )
    tagging_types = ("logs:log-group",)
    actions = (Create(), Configure())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"logGroupNamePrefix": only} if only else {}
        groups = [
            group
            for group in site.pages("logs.DescribeLogGroups", "logGroups", limit=50, **wanted)
            if only in (None, group["logGroupName"])
        ]
        if not groups:
            return
        filters: dict[str, list[dict[str, Any]]] = {}
        named = {"logGroupName": only} if only else {}
        # Without a group's name one call lists the filters of all groups.
        for one in site.pages("logs.DescribeMetricFilters", "metricFilters", limit=50, **named):
            filters.setdefault(one["logGroupName"], []).append(one)
        yield from site.map(lambda group: self._found(site, group, filters.get(group["logGroupName"], [])), groups)

    def _found(self, site: ReadSite, group: dict[str, Any], metric_filters: list[dict[str, Any]]) -> Resource:
        name = group["logGroupName"]
        arn = group["arn"].removesuffix(":*")
        subscriptions = list(
            site.pages("logs.DescribeSubscriptionFilters", "subscriptionFilters", logGroupName=name, limit=50)
        )
        answer = site.optional("logs.ListTagsForResource", missing=("ResourceNotFoundException",), resourceArn=arn)
        facts = LogGroupFacts(
            log_group_class=group.get("logGroupClass", "STANDARD"),
            retention_days=group.get("retentionInDays"),
            kms_key_id=group.get("kmsKeyId"),
            metric_filters=_settings(metric_filters),
            subscription_filters=_settings(subscriptions),
        )
        return self.found(site, name, facts, arn=arn, tags=(answer or {}).get("tags"))

    def needs(self, it: It[LogGroupFacts]) -> Iterator[Need]:
        if it.facts.kms_key_id:
            yield Need(it.facts.kms_key_id, "encrypted by", "soft", "logs.DescribeLogGroups logGroups[].kmsKeyId")
        for one in it.facts.subscription_filters:
            seen_in = "logs.DescribeSubscriptionFilters subscriptionFilters[]"
            yield Need(one["destinationArn"], "triggers", "soft", f"{seen_in}.destinationArn")
            if "roleArn" in one:
                yield Need(one["roleArn"], "assumes", "soft", f"{seen_in}.roleArn")

    def names(self, it: It[LogGroupFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        # Without a slash it could be any word.
        if "/" in it.ref.name:
            yield Name(it.ref.name, place.name, "name")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[LogGroupFacts]) -> dict[str, Json]:
        if "configure" not in done:
            return facts | {"kms_key_id": None, "metric_filters": [], "subscription_filters": []}
        return facts


def _settings(filters: list[dict[str, Any]]) -> list[dict[str, Json]]:
    kept = [{key: one[key] for key in sorted(one) if key not in NOT_SETTINGS and one[key] != ""} for one in filters]
    # An empty pattern matches everything and has to be sent.
    return sorted(({"filterPattern": ""} | one for one in kept), key=lambda one: str(one["filterName"]))


KINDS = (LogGroup(),)
