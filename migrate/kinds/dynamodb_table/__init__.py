"""DynamoDB table: made empty beside legacy's, filled while nothing writes, with what deletes or locks items set last.

The rule: items are carried as they are. No name inside of an item is renamed: it is the application's data.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from migrate.carry import items_export
from migrate.inventory import Resource
from migrate.kind import STEP_TAG, It, Json, Kind, Name, Need, Place, ReadSite, Remainder, after, pair_tags
from migrate.kinds._documents import canonical
from migrate.kinds.dynamodb_table.actions import CatchUp, CopyItems, Finish, Stream
from migrate.kinds.dynamodb_table.exporting import DiscardExport, Export
from migrate.kinds.dynamodb_table.facts import AWS_KEY, GONE, TableFacts, read_facts, sendable
from migrate.kinds.dynamodb_table.last_look import LookAgain
from migrate.kinds.dynamodb_table.making import Configure, Create, Scale
from migrate.kinds.dynamodb_table.ways import STRATEGIES, by_export, cannot_be_exported


class Table(Kind[TableFacts]):
    """A DynamoDB table with its items.

    Names inside of items are not renamed. With `strategy: streams` (migration.yaml, `stores`) items are copied while
    legacy writes, and what its stream says was changed is brought after the freeze; with `strategy: export` AWS itself
    exports and imports them before that. The target's own stream is switched
    on after the items are there: a mapping that reads it
    from TRIM_HORIZON sees none of the copies as new. Replicas, insights, backups and Kinesis destination
    are not carried; coverage.md says what to do. Items that AWS may delete by an
    hour after the proof, because they expired, are counted and not compared.
    """

    name = "dynamodb.table"
    title = "DynamoDB table"
    facts = TableFacts
    stateful = True
    reads = frozenset(
        {
            "dynamodb.ListTables",
            "dynamodb.DescribeTable",
            "dynamodb.DescribeTimeToLive",
            "dynamodb.DescribeContinuousBackups",
            "dynamodb.GetResourcePolicy",
            "dynamodb.ListTagsOfResource",
            "application-autoscaling.DescribeScalableTargets",
            "application-autoscaling.DescribeScalingPolicies",
            "kms.DescribeKey",
        }
        | items_export.IMPORTS
    )
    tagging_types = ("dynamodb:table",)
    volatile = frozenset({"stream_arn", "replica_regions", "large"})
    passing = frozenset({"stream_arn"})
    left_out: ClassVar[Mapping[str, str]] = {
        "Items of the stream": "stay in legacy for 24 hours; consumers read them to the end before they stop",
        "Replicas": "dynamodb.UpdateTable with ReplicaUpdates in the target, once its items are there",
        "Scheduled scaling": "application-autoscaling.PutScheduledAction in the target, where legacy has any "
        "(DescribeScheduledActions)",
        "Contributor Insights": "dynamodb.UpdateContributorInsights in the target, if anybody reads it",
        "Kinesis destination": "dynamodb.EnableKinesisStreamingDestination in the target, on a stream there",
        "Backups": "belong to the table in legacy; AWS Backup copies those that must be kept (backup.StartCopyJob)",
        "Warm throughput": "grows by use; dynamodb.UpdateTable with WarmThroughput before a rush",
        "Vector indexes": "dynamodb.UpdateTable in the target",
    }
    strategies: ClassVar[Mapping[str, str]] = STRATEGIES
    actions = (
        Export(), Create(), Scale(), Configure(), CopyItems(), CatchUp(), Stream(), LookAgain(), Finish(),
        DiscardExport(),
    )  # fmt: skip

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only is not None else sorted(site.pages("dynamodb.ListTables", "TableNames"))
        for found in site.map(lambda name: self._read(site, name), names):
            if found is not None:
                yield found

    def _read(self, site: ReadSite, name: str) -> Resource | None:
        answer = site.optional("dynamodb.DescribeTable", missing=GONE, TableName=name)
        if answer is None or answer["Table"].get("TableStatus") in ("DELETING", "ARCHIVED"):
            return None
        table: dict[str, Any] = answer["Table"]
        arn = table["TableArn"]
        tags = pair_tags([*site.pages("dynamodb.ListTagsOfResource", "Tags", ResourceArn=arn)])
        size = table.get("TableSizeBytes")
        return self.found(site, name, read_facts(site, table), arn=arn, tags=tags, size_bytes=size)

    def unfit_strategy(self, it: It[TableFacts], place: Place) -> str:
        return cannot_be_exported(it) if by_export(it) else ""

    def remains(self, it: It[TableFacts]) -> Iterator[Remainder]:
        if it.facts.replica_regions:
            yield Remainder(
                "replicas",
                f"its replicas in {', '.join(it.facts.replica_regions)} are not made: what is read or written there in "
                "legacy has no table in the target, or one of its own",
                "once its items are there, dynamodb.UpdateTable in the target with ReplicaUpdates for each region; "
                "where that region is scanned too, let its table stay (placement: to: legacy)",
            )

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[TableFacts]) -> Resource | None:
        """A table that AWS imported takes its tags only afterwards: until then it is ours where AWS says that it was
        imported from the bucket that this migration made for it, in the target's own account."""
        found = super().locate(site, place, outputs, it)
        if found is None or STEP_TAG in found.tags:
            return found
        made_by = items_export.import_of(site, found.ref.name)
        if made_by is None or made_by["S3BucketSource"]["S3Bucket"] != items_export.room_of(place, str(place.account)):
            return found
        return replace(found, tags=place.stamp(found.tags))

    def names(self, it: It[TableFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        if it.facts.stream_arn:
            yield Name(it.facts.stream_arn, after("stream", "stream_arn"))

    def needs(self, it: It[TableFacts]) -> Iterator[Need]:
        if it.facts.encryption and it.facts.encryption != AWS_KEY:
            where = "dynamodb.DescribeTable Table.SSEDescription.KMSMasterKeyArn"
            yield Need(it.facts.encryption, "encrypted by", "hard", where)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[TableFacts]) -> dict[str, Json]:
        policy = sendable(facts["policy"])
        # Renaming changes the order of sorted names; AWS refuses principals that were deleted.
        return facts | {"policy": policy and canonical(policy)}


KINDS = (Table(),)
