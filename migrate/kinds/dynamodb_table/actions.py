"""What is done with a DynamoDB table. The rule: what deletes items or forbids that the table goes is set last."""

from collections.abc import Mapping, Sequence

from migrate.carry import items, items_export, items_since, items_stream
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
)
from migrate.kinds._choosing import WAY, told
from migrate.kinds.dynamodb_table.exporting import legacys_stream, tables_of
from migrate.kinds.dynamodb_table.facts import GONE, TableFacts
from migrate.kinds.dynamodb_table.ways import (
    BUSY,
    EXPORT,
    KEYS,
    STRATEGIES,
    STREAM_ARN,
    STREAMS,
    by_export,
    by_stream,
    table_active,
)
from migrate.sites import LOSS_ACCEPTED


class CopyItems(CarryAction[TableFacts]):
    """Every item, segment by segment. With `scan` nothing writes meanwhile, and every item is compared. With `streams`
    legacy writes on: what differs must be among what its stream says was changed. With `export` AWS has imported them:
    the exported files are compared with their manifest, and the tables as with `streams`."""

    name = "copy_items"
    title = "Copy the items"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    writes = items.WRITES
    reads = items_stream.READS | {"s3.GetObject"}

    def when(self, it: It[TableFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if by_stream(it) else (self.phase, self.downtime)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        return [legacys_stream(it)] if it.strategy == STREAMS and it.facts.stream is None else ()

    def legacy_after(self, it: It[TableFacts]) -> Mapping[str, Json] | None:
        return {"stream": KEYS} if it.strategy == STREAMS and it.facts.stream is None else None

    def summary(self, it: It[TableFacts], place: Place) -> dict[str, Json]:
        how = "dynamodb.Scan in legacy, dynamodb.BatchWriteItem in the target, through this process"
        if by_export(it):
            how = "AWS imported them; each exported file is compared with its manifest, both tables item by item"
        elif it.facts.large:
            how += "; the table is large: `strategy: export` (migration.yaml, stores) lets AWS carry it"
        base: dict[str, Json] = {"from": it.ref.name, "to": place.name, "how": how, "what": "every item, as it is"}
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        if to.planned.get(WAY) == EXPORT:
            return items_export.note_imported(to, tables_of(it, to))
        return items.copy_items(to, tables_of(it, to))

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        if to.planned.get(WAY) in (STREAMS, EXPORT):
            return items_stream.prove_copied(to, tables_of(it, to))
        return items.prove_items(to, tables_of(it, to))

    def uncarry(self, it: It[TableFacts], to: Carrier) -> None:
        may_lose = bool(to.outputs.get(LOSS_ACCEPTED))
        if to.planned.get(WAY) != EXPORT:
            items.take_away(to, tables_of(it, to), may_lose=may_lose)
            return
        if not may_lose:
            items.refuse_foreign(to, tables_of(it, to))
        # The table goes with its import: item by item it would cost a write each.
        to.remember("segment_0", "")

    def loses(self, it: It[TableFacts], to: Carrier) -> Sequence[str]:
        return items_since.written_since(to, tables_of(it, to))


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
        return items_stream.catch_up(to, tables_of(it, to))

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        return items.prove_items(to, tables_of(it, to))

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
                find=Find("dynamodb.DescribeTable", dict(there), {"stream_arn": STREAM_ARN}),
                retry=BUSY,
                wait=table_active(place),
                undo=Request(
                    "dynamodb.UpdateTable",
                    there | {"StreamSpecification": {"StreamEnabled": False}},
                    done=(*GONE, "ValidationException"),
                    retry=BUSY,
                    wait=table_active(place),
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
                    retry=BUSY,
                    wait=table_active(place),
                    undo=Request(
                        "dynamodb.UpdateTable", there | {"DeletionProtectionEnabled": False}, done=GONE, retry=BUSY
                    ),
                )
            )
        return requests
