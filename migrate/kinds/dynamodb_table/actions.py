"""What is done with a DynamoDB table. The rule: what deletes items or forbids that the table goes is set last."""

from collections.abc import Mapping, Sequence

from migrate.carry import items, items_since, items_stream
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Downtime,
    Find,
    It,
    Json,
    Phase,
    Place,
    Proof,
    Request,
    Wait,
    after,
    tag_pairs,
)
from migrate.kinds._choosing import WAY, told
from migrate.kinds.dynamodb_table.facts import AWS_KEY, GONE, TableFacts, sendable
from migrate.sites import LOSS_ACCEPTED
from migrate.values import as_json

STREAMS = "streams"
KEYS = "KEYS_ONLY"
"""What a stream that is made for the move shows: only the keys are read from it."""
STRATEGIES = {
    "scan": "writers stand still while every item is read, written and compared, about 5 MB/s (uncalibrated); nothing "
    "is changed in legacy; costs a read of legacy's items and a write in the target",
    STREAMS: "writers stand still while the changed keys are read again and every item of both tables is compared; the "
    "items travel before, at no downtime; legacy's table gets a stream where it has none; costs one more read of both",
}
NO_EXPORT = (
    "export and import are not driven by this tool: dynamodb.ImportTable makes the table itself, without local "
    "indexes, table class and tags (botocore 1.44.5), so nobody could tell that it is this migration's; choose scan or "
    "streams"
)

_STREAM_ARN = "[Table][?StreamSpecification.StreamEnabled].LatestStreamArn | [0]"
_BUSY = ("ResourceInUseException", "LimitExceededException")


class Create(Action[TableFacts]):
    """The table, empty, with its keys and indexes; without a stream, what deletes items or forbids its deletion."""

    name = "create"
    title = "Create the table, empty"

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        params: dict[str, Json] = {
            "TableName": place.name,
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": facts.attributes[name]} for name in sorted(facts.attributes)
            ],
            "KeySchema": facts.key,
            "BillingMode": facts.billing_mode,
            "TableClass": facts.table_class,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        for parameter, indexes in (
            ("LocalSecondaryIndexes", facts.local_indexes),
            ("GlobalSecondaryIndexes", facts.global_indexes),
        ):
            if indexes:
                params[parameter] = [{"IndexName": name} | indexes[name] for name in sorted(indexes)]
        if facts.throughput:
            params["ProvisionedThroughput"] = facts.throughput
        if facts.on_demand_limits:
            params["OnDemandThroughput"] = facts.on_demand_limits
        if facts.encryption:
            own = {"KMSMasterKeyId": facts.encryption} if facts.encryption != AWS_KEY else {}
            params["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"} | own
        there: dict[str, Json] = {"TableName": place.name}
        return [
            Request(
                "dynamodb.CreateTable",
                params,
                once="named",
                creates=True,
                outputs={"arn": "TableDescription.TableArn"},
                # One table with indexes at a time. Source: dynamodb.CreateTable, botocore 1.44.5.
                retry=("LimitExceededException",),
                wait=_active(place),
                undo=Request(
                    "dynamodb.DeleteTable",
                    dict(there),
                    done=GONE,
                    retry=_BUSY,
                    wait=Wait("dynamodb.DescribeTable", dict(there), "Table.TableStatus", ("gone",), gone=GONE),
                ),
            )
        ]


class Scale(Action[TableFacts]):
    """Auto scaling of the table and its indexes, before the items come: their copy is load like any other."""

    name = "scale"
    title = "Let the table's capacity scale"
    sets = frozenset({"scaling"})

    def applies(self, it: It[TableFacts]) -> bool:
        return bool(it.facts.scaling)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        for where, bounds in it.facts.scaling.items():
            index, _, capacity = where.rpartition(":")
            own: dict[str, Json] = {
                "ServiceNamespace": "dynamodb",
                "ResourceId": f"table/{place.name}" + (f"/{index}" if index else ""),
                "ScalableDimension": f"dynamodb:{'index' if index else 'table'}:{capacity}",
            }
            gone = ("ObjectNotFoundException",)
            requests.append(
                Request(
                    "application-autoscaling.RegisterScalableTarget",
                    own | {"MinCapacity": bounds["min"], "MaxCapacity": bounds["max"]},
                    # Its policies and alarms go with it.
                    undo=Request("application-autoscaling.DeregisterScalableTarget", dict(own), done=gone),
                )
            )
            for name, policy in bounds["policies"].items():
                requests.append(
                    Request(
                        "application-autoscaling.PutScalingPolicy",
                        own
                        | {
                            "PolicyName": name,
                            "PolicyType": "TargetTrackingScaling",
                            "TargetTrackingScalingPolicyConfiguration": policy,
                        },
                        undo=Request(
                            "application-autoscaling.DeleteScalingPolicy", own | {"PolicyName": name}, done=gone
                        ),
                    )
                )
        return requests


class Configure(Action[TableFacts]):
    """Point-in-time recovery and who may use the table."""

    name = "configure"
    title = "Set the table's recovery and policy"
    sets = frozenset({"recovery_days", "policy"})

    def applies(self, it: It[TableFacts]) -> bool:
        return it.facts.recovery_days is not None or sendable(it.facts.policy) is not None

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        there: dict[str, Json] = {"TableName": place.name}
        if it.facts.recovery_days is not None:
            on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": it.facts.recovery_days}
            requests.append(
                Request(
                    "dynamodb.UpdateContinuousBackups",
                    there | {"PointInTimeRecoverySpecification": on},
                    # A table made a moment ago.
                    retry=("ContinuousBackupsUnavailableException",),
                    undo=Request(
                        "dynamodb.UpdateContinuousBackups",
                        there | {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
                        done=("TableNotFoundException",),
                    ),
                )
            )
        policy = sendable(it.facts.policy)
        if policy:
            arn = {"ResourceArn": after("create", "arn")}
            requests.append(
                Request(
                    "dynamodb.PutResourcePolicy",
                    arn | {"Policy": as_json(policy)},
                    # A principal made a moment ago is not known everywhere (unverified).
                    retry=("ValidationException", "ResourceInUseException"),
                    undo=Request("dynamodb.DeleteResourcePolicy", dict(arn), done=(*GONE, "PolicyNotFoundException")),
                )
            )
        return requests


def by_stream(it: It[TableFacts]) -> bool:
    """Whether migration.yaml chose that its items are copied while legacy writes."""
    return it.strategy == STREAMS


class CopyItems(CarryAction[TableFacts]):
    """Every item, segment by segment. With `scan` nothing writes meanwhile, and every item is compared. With `streams`
    legacy writes on: what differs must be among what its stream says was changed."""

    name = "copy_items"
    title = "Copy the items"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    writes = items.WRITES
    reads = items_stream.READS

    def when(self, it: It[TableFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if by_stream(it) else (self.phase, self.downtime)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        if not by_stream(it) or it.facts.stream is not None:
            return ()
        there: dict[str, Json] = {"TableName": it.ref.name}
        wait = Wait("dynamodb.DescribeTable", dict(there), "Table.TableStatus", ("ACTIVE",))
        return [
            Request(
                "dynamodb.UpdateTable",
                there | {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": KEYS}},
                "legacy",
                find=Find("dynamodb.DescribeTable", dict(there), {"legacy_stream": _STREAM_ARN}),
                retry=_BUSY,
                wait=wait,
                undo=Request(
                    "dynamodb.UpdateTable",
                    there | {"StreamSpecification": {"StreamEnabled": False}},
                    "legacy",
                    done=(*GONE, "ValidationException"),
                    retry=_BUSY,
                    wait=wait,
                ),
            )
        ]

    def legacy_after(self, it: It[TableFacts]) -> Mapping[str, Json] | None:
        return {"stream": KEYS} if by_stream(it) and it.facts.stream is None else None

    def summary(self, it: It[TableFacts], place: Place) -> dict[str, Json]:
        how = "dynamodb.Scan in legacy, dynamodb.BatchWriteItem in the target, through this process"
        if it.facts.large:
            how += (
                "; the table is large: better done by hand (dynamodb.ExportTableToPointInTime with S3BucketOwner, "
                "dynamodb.ImportTable), with `to: legacy` in placement"
            )
        base: dict[str, Json] = {"from": it.ref.name, "to": place.name, "how": how, "what": "every item, as it is"}
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        return items.copy_items(to, _tables(it, to))

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        if to.planned.get(WAY) == STREAMS:
            return items_stream.prove_copied(to, _tables(it, to))
        return items.prove_items(to, _tables(it, to))

    def uncarry(self, it: It[TableFacts], to: Carrier) -> None:
        items.take_away(to, _tables(it, to), may_lose=bool(to.outputs.get(LOSS_ACCEPTED)))

    def loses(self, it: It[TableFacts], to: Carrier) -> Sequence[str]:
        return items_since.written_since(to, _tables(it, to))


class CatchUp(CarryAction[TableFacts]):
    """What was written while the items were copied: each key of which legacy's stream speaks is read again from the
    table. Where the stream cannot know everything any more, both tables are compared item by item instead."""

    name = "catch_up"
    title = "Bring what was written meanwhile"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    writes = items.WRITES
    reads = items_stream.READS

    def applies(self, it: It[TableFacts]) -> bool:
        return by_stream(it)

    def summary(self, it: It[TableFacts], place: Place) -> dict[str, Json]:
        how = (
            "dynamodbstreams.GetRecords in legacy for the keys, dynamodb.BatchGetItem there for what stands under them"
        )
        return {"from": it.ref.name, "to": place.name, "how": how} | told(STRATEGIES, it.strategy)

    def carry(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        return items_stream.catch_up(to, _tables(it, to))

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        return items.prove_items(to, _tables(it, to))

    def uncarry(self, it: It[TableFacts], to: Carrier) -> None:
        """Nothing: what came second goes with what came first."""


class Stream(Action[TableFacts]):
    """The stream, once the items are there: whoever reads it from its beginning must not see each copy as new."""

    name = "stream"
    title = "Switch on the table's stream"
    phase = "data"
    sets = frozenset({"stream"})

    def applies(self, it: It[TableFacts]) -> bool:
        return it.facts.stream is not None

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        there: dict[str, Json] = {"TableName": place.name}
        on: dict[str, Json] = {"StreamEnabled": True, "StreamViewType": it.facts.stream}
        return [
            Request(
                "dynamodb.UpdateTable",
                there | {"StreamSpecification": on},
                outputs={"stream_arn": "TableDescription.LatestStreamArn"},
                # Refused where there is a stream already; the ARN of one switched off is still shown. Source:
                # dynamodb.StreamSpecification, botocore 1.44.5.
                find=Find(
                    "dynamodb.DescribeTable",
                    dict(there),
                    {"stream_arn": _STREAM_ARN},
                ),
                retry=_BUSY,
                wait=_active(place),
                undo=Request(
                    "dynamodb.UpdateTable",
                    there | {"StreamSpecification": {"StreamEnabled": False}},
                    done=(*GONE, "ValidationException"),
                    retry=_BUSY,
                    wait=_active(place),
                ),
            )
        ]


class Finish(Action[TableFacts]):
    """What deletes items by itself, and what forbids that the table goes."""

    name = "finish"
    title = "Switch on expiry and deletion protection"
    phase = "cutover"
    undo_class = "R2"
    sets = frozenset({"expires_by", "deletion_protection"})

    def applies(self, it: It[TableFacts]) -> bool:
        return bool(it.facts.expires_by or it.facts.deletion_protection)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        there: dict[str, Json] = {"TableName": place.name}
        if it.facts.expires_by:
            own = {"AttributeName": it.facts.expires_by}
            requests.append(
                Request(
                    "dynamodb.UpdateTimeToLive",
                    there | {"TimeToLiveSpecification": own | {"Enabled": True}},
                    # A second call within an hour is refused. Source: dynamodb.UpdateTimeToLive, botocore 1.44.5.
                    find=Find(
                        "dynamodb.DescribeTimeToLive",
                        dict(there),
                        {"expires_by": "TimeToLiveDescription.AttributeName"},
                    ),
                    undo=Request(
                        "dynamodb.UpdateTimeToLive",
                        there | {"TimeToLiveSpecification": own | {"Enabled": False}},
                        # Within that hour it stays on: nothing of ours is harmed, the copy is taken away next.
                        done=(*GONE, "ValidationException"),
                    ),
                )
            )
        if it.facts.deletion_protection:
            requests.append(
                Request(
                    "dynamodb.UpdateTable",
                    there | {"DeletionProtectionEnabled": True},
                    retry=_BUSY,
                    wait=_active(place),
                    undo=Request(
                        "dynamodb.UpdateTable", there | {"DeletionProtectionEnabled": False}, done=GONE, retry=_BUSY
                    ),
                )
            )
        return requests


def _active(place: Place) -> Wait:
    return Wait(
        "dynamodb.DescribeTable",
        {"TableName": place.name},
        "[Table.TableStatus, Table.GlobalSecondaryIndexes[].IndexStatus][]",
        ("ACTIVE",),
        failed=("INACCESSIBLE_ENCRYPTION_CREDENTIALS",),
    )


def _tables(it: It[TableFacts], to: Carrier) -> items.Tables:
    key = tuple(str(part["AttributeName"]) for part in it.facts.key)
    return items.Tables(it.ref.name, to.place.name, key, it.facts.expires_by)
