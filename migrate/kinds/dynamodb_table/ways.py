"""The ways in which a table's items move, and what each costs. The rule: a way that cannot keep everything says so."""

from migrate.kind import It, Place, Wait
from migrate.kinds.dynamodb_table.facts import TableFacts

STREAMS, EXPORT = "streams", "export"
STREAM_ARN = "[Table][?StreamSpecification.StreamEnabled].LatestStreamArn | [0]"
BUSY = ("ResourceInUseException", "LimitExceededException")
KEYS = "KEYS_ONLY"
"""What a stream that is made for the move shows: only the keys are read from it."""
STRATEGIES = {
    "scan": "writers stand still while every item is read, written and compared, about 5 MB/s (uncalibrated); nothing "
    "is changed in legacy; costs a read of legacy's items and a write in the target",
    STREAMS: "writers stand still while the changed keys are read again and every item of both tables is compared; the "
    "items travel before, at no downtime; legacy's table gets a stream where it has none; costs one more read of both",
    EXPORT: "writers stand still as with streams; before, at no downtime, AWS exports the table to a bucket of the "
    "target and imports it as a new table, half an hour and more whatever the size (uncalibrated): the way for large "
    "tables; legacy's table gets point-in-time recovery and a stream where it has none; costs AWS's price per GB of "
    "export, import and recovery, no read of legacy's capacity and no write in the target for the bulk, and the two "
    "reads of both tables that prove it",
}


def by_export(it: It[TableFacts]) -> bool:
    """Whether migration.yaml chose that AWS exports and imports the table."""
    return it.strategy == EXPORT


def by_stream(it: It[TableFacts]) -> bool:
    """Whether its items travel while legacy writes, and what its stream says was changed is brought after."""
    return it.strategy in (STREAMS, EXPORT)


def cannot_be_exported(it: It[TableFacts]) -> str:
    """Why this table cannot be imported by AWS. Empty: it can.

    Source: dynamodb.TableCreationParameters, botocore 1.44.5, has global indexes only.
    """
    if it.facts.local_indexes:
        named = ", ".join(sorted(it.facts.local_indexes))
        return (
            f"it has local secondary indexes ({named}), which dynamodb.ImportTable cannot make and no later call can; "
            "choose scan or streams"
        )
    return ""


def table_active(place: Place, timeout_s: float = 3600.0) -> Wait:
    """Until the table and its indexes can be used."""
    return Wait(
        "dynamodb.DescribeTable",
        {"TableName": place.name},
        "[Table.TableStatus, Table.GlobalSecondaryIndexes[].IndexStatus][]",
        ("ACTIVE",),
        failed=("INACCESSIBLE_ENCRYPTION_CREDENTIALS",),
        timeout_s=timeout_s,
    )
