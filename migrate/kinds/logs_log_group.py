"""Log groups: made with the same retention, class and key. The rule: what was logged stays in legacy.

Log content is not moved: events keep no ingestion time when written again, and streams older than 14 days are refused
(source: logs.PutLogEvents, botocore 1.44.5). Keep legacy's groups for their retention, or export them to a bucket.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request


class LogGroupFacts(Facts):
    """Source: logs.DescribeLogGroups."""

    log_group_class: str
    retention_days: int | None
    """None: for ever."""
    kms_key_id: str | None


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
    """Its key: the key's policy has to let the service in first."""

    name = "configure"
    title = "Set the log group's key"
    sets = frozenset({"kms_key_id"})
    after_kinds = ("kms.key.configure",)

    def applies(self, it: It[LogGroupFacts]) -> bool:
        return bool(it.facts.kms_key_id)

    def requests(self, it: It[LogGroupFacts], place: Place) -> Sequence[Request]:
        own = {"logGroupName": place.name}
        return [
            Request(
                "logs.AssociateKmsKey",
                {**own, "kmsKeyId": it.facts.kms_key_id},
                # A key's policy set just now is not seen everywhere yet.
                retry=("InvalidParameterException",),
                undo=Request("logs.DisassociateKmsKey", {**own}, done=("ResourceNotFoundException",)),
            )
        ]


class LogGroup(Kind[LogGroupFacts]):
    """A CloudWatch log group.

    Log content, data protection policies, deletion protection and transformers are not carried. Its filters are
    kinds of their own.
    """

    name = "logs.log_group"
    title = "Log group"
    facts = LogGroupFacts
    reads = frozenset({"logs.DescribeLogGroups", "logs.ListTagsForResource"})
    tagging_types = ("logs:log-group",)
    actions = (Create(), Configure())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"logGroupNamePrefix": only} if only else {}
        groups = [
            group
            for group in site.pages("logs.DescribeLogGroups", "logGroups", limit=50, **wanted)
            if only in (None, group["logGroupName"])
        ]
        yield from site.map(lambda group: self._found(site, group), groups)

    def _found(self, site: ReadSite, group: dict[str, Any]) -> Resource:
        name = group["logGroupName"]
        arn = group["arn"].removesuffix(":*")
        answer = site.optional("logs.ListTagsForResource", missing=("ResourceNotFoundException",), resourceArn=arn)
        facts = LogGroupFacts(
            log_group_class=group.get("logGroupClass", "STANDARD"),
            retention_days=group.get("retentionInDays"),
            kms_key_id=group.get("kmsKeyId"),
        )
        return self.found(site, name, facts, arn=arn, tags=(answer or {}).get("tags"))

    def needs(self, it: It[LogGroupFacts]) -> Iterator[Need]:
        if it.facts.kms_key_id:
            yield Need(it.facts.kms_key_id, "encrypted by", "soft", "logs.DescribeLogGroups logGroups[].kmsKeyId")

    def names(self, it: It[LogGroupFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        # Without a slash it could be any word.
        if "/" in it.ref.name:
            yield Name(it.ref.name, place.name, "name")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[LogGroupFacts]) -> dict[str, Json]:
        if "configure" not in done:
            return facts | {"kms_key_id": None}
        return facts


KINDS = (LogGroup(),)
