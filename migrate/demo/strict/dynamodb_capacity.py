"""The write capacity of tables: what a provisioned table takes, where somebody asked for slowness.

The one rule it keeps: without a `dynamodb:burst` in the world's clock nothing is counted; with it a table holds so many
seconds of its unused capacity, by the world's time.
Simulated: an item costs one unit, whatever its size; reads and indexes cost none.
"""

from __future__ import annotations

from typing import Any

from migrate.demo import clock
from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal


def take(table: Any, wanted: int) -> int:
    """How many of so many units the table has now; they are taken."""
    burst_s = clock.takes_s("dynamodb:burst")
    if not burst_s or table.billing_mode == "PAY_PER_REQUEST":
        return wanted
    a_second = float(table.throughput["WriteCapacityUnits"])
    most, now = a_second * burst_s, clock.now_s()
    left, at = getattr(table, "world_capacity", (most, now))
    left = min(most, left + (now - at) * a_second)
    taken = min(wanted, int(left))
    table.world_capacity = (left - taken, now)
    return taken


@strict(
    "dynamodb.write-capacity",
    makes="a provisioned table takes of a batch what its capacity allows and gives the rest back as unprocessed; it "
    "refuses a batch of which it can take nothing",
    source="dynamodb.BatchWriteItem and ProvisionedThroughputExceededException, botocore 1.44.5; DynamoDB developer "
    "guide, Burst and adaptive capacity, unverified for this world's seconds",
)
def write_capacity() -> None:
    """The emulator's tables take everything at once."""
    from moto.dynamodb.responses import DynamoHandler

    @override(DynamoHandler, "batch_write_item")
    def batch_write_item(old: Any, self: Any) -> Any:
        asked = self.body["RequestItems"]
        taken = {name: take(self.dynamodb_backend.get_table(name), len(some)) for name, some in asked.items()}
        if not any(taken.values()):
            _refuse()
        self.body["RequestItems"] = {name: some[: taken[name]] for name, some in asked.items() if taken[name]}
        answer = old(self)
        answer._result["UnprocessedItems"] = {
            name: some[taken[name] :] for name, some in asked.items() if taken[name] < len(some)
        }
        return answer

    @override(DynamoHandler, "put_item")
    def put_item(old: Any, self: Any) -> Any:
        if not take(self.dynamodb_backend.get_table(self.body["TableName"]), 1):
            _refuse()
        return old(self)


def _refuse() -> None:
    raise Refusal(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
        "provisioning level with the UpdateTable API.",
    )
