"""A table's export by AWS, before the table is made from it. The rule: what is switched on in legacy for it goes off
again with the undo, and the exported files never outlive the migration.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from migrate.carry import items, items_export
from migrate.kind import Carrier, CarryAction, Find, It, Json, Phase, Place, Proof, Request, Wait
from migrate.kinds._choosing import told
from migrate.kinds.dynamodb_table.facts import GONE, TableFacts
from migrate.kinds.dynamodb_table.ways import BUSY, KEYS, STRATEGIES, STREAM_ARN, by_export

RECOVERY_DAYS = 35
"""AWS's own default; it bills by the table's size, whatever the days (unverified)."""


class Export(CarryAction[TableFacts]):
    """The table as it was at one moment, written by AWS to a bucket of the target that only this is for. Before it,
    legacy's table gets what the export and the changes after it are read from: recovery and a stream."""

    name = "export"
    title = "Let AWS export the table to the target"
    undo_class = "R1"
    writes = items_export.WRITES
    writes_in_legacy = items_export.WRITES_IN_LEGACY
    reads = items_export.READS

    def applies(self, it: It[TableFacts]) -> bool:
        return by_export(it)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        recovery = [legacys_recovery(it)] if it.facts.recovery_days is None else []
        return [*recovery, *([legacys_stream(it)] if it.facts.stream is None else [])]

    def legacy_after(self, it: It[TableFacts]) -> Mapping[str, Json] | None:
        changed: dict[str, Json] = {}
        if it.facts.recovery_days is None:
            changed["recovery_days"] = RECOVERY_DAYS
        if it.facts.stream is None:
            changed["stream"] = KEYS
        return changed or None

    def summary(self, it: It[TableFacts], place: Place) -> dict[str, Json]:
        room = items_export.room_of(place, str(place.account))
        base: dict[str, Json] = {
            "from": it.ref.name,
            "to": f"s3://{room}",
            "how": "dynamodb.ExportTableToPointInTime in legacy, into a bucket of the target that is made for it",
            "what": "every item, as it was when the export began",
        }
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        return items_export.export(to, tables_of(it, to))

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        found = items_export.exported(to)
        if found is None:
            # AWS forgets exports after 90 days; what was imported from it has a proof of its own.
            return Proof("equal", (), (), {"proved with": "copy_items"})
        said = str(found["ExportStatus"])
        evidence: dict[str, Json] = {"export": str(found["ExportArn"]), "items": int(found.get("ItemCount") or 0)}
        wrong = () if said == "COMPLETED" else (f"the export is {said}",)
        return Proof("different" if wrong else "equal", ("that it is complete",), wrong, evidence)

    def uncarry(self, it: It[TableFacts], to: Carrier) -> None:
        items_export.take_back(to)


class DiscardExport(CarryAction[TableFacts]):
    """The exported files are a second copy of the table: they go once the target serves."""

    name = "discard_export"
    title = "Delete the exported files"
    phase: ClassVar[Phase] = "close"
    writes = items_export.WRITES - items_export.WRITES_IN_LEGACY
    reads = items_export.READS

    def applies(self, it: It[TableFacts]) -> bool:
        return by_export(it)

    def summary(self, it: It[TableFacts], place: Place) -> dict[str, Json]:
        room = items_export.room_of(place, str(place.account))
        return {"from": f"s3://{room}", "to": "nothing", "how": "s3.DeleteObject for each, then s3.DeleteBucket"}

    def carry(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        return {"files": items_export.discard(to)}

    def prove(self, it: It[TableFacts], to: Carrier) -> Proof:
        left = items_export.stands(to)
        said = ("the bucket with the exported files is still there",) if left else ()
        return Proof("different" if left else "equal", ("that the files are gone",), said)

    def uncarry(self, it: It[TableFacts], to: Carrier) -> None:
        """Nothing: the files are not needed to go back, what they held was noted."""


def legacys_recovery(it: It[TableFacts]) -> Request:
    """Point-in-time recovery for legacy's table, without which AWS exports nothing."""
    there: dict[str, Json] = {"TableName": it.ref.name}
    on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": RECOVERY_DAYS}
    return Request(
        "dynamodb.UpdateContinuousBackups",
        there | {"PointInTimeRecoverySpecification": on},
        "legacy",
        retry=("ContinuousBackupsUnavailableException",),
        undo=Request(
            "dynamodb.UpdateContinuousBackups",
            there | {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
            "legacy",
            done=("TableNotFoundException",),
        ),
    )


def legacys_stream(it: It[TableFacts]) -> Request:
    """A stream of the keys for legacy's table, which says what was changed while its items travelled."""
    there: dict[str, Json] = {"TableName": it.ref.name}
    wait = Wait("dynamodb.DescribeTable", dict(there), "Table.TableStatus", ("ACTIVE",))
    return Request(
        "dynamodb.UpdateTable",
        there | {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": KEYS}},
        "legacy",
        find=Find("dynamodb.DescribeTable", dict(there), {"legacy_stream": STREAM_ARN}),
        retry=BUSY,
        wait=wait,
        undo=Request(
            "dynamodb.UpdateTable",
            there | {"StreamSpecification": {"StreamEnabled": False}},
            "legacy",
            done=(*GONE, "ValidationException"),
            retry=BUSY,
            wait=wait,
        ),
    )


def tables_of(it: It[TableFacts], to: Carrier) -> items.Tables:
    """Both sides of the table, for what carries its items."""
    key = tuple(str(part["AttributeName"]) for part in it.facts.key)
    return items.Tables(it.ref.name, to.place.name, key, it.facts.expires_by)
