"""What a DynamoDB table took since its items were copied: asked before a rollback deletes the table.

The rule: an item is the migration's own where legacy has the same one, or where its hash was noted before it was put.
Everything else was written by somebody, and is counted by key.
"""

import time

from migrate.carry.items import SHOWN, Tables, hashes, more_parts, segments, tally, unlike_parts
from migrate.carry.items_put import PutItems
from migrate.carry.refusals import unless
from migrate.kind import Carrier

GONE = ("ResourceNotFoundException",)


def written_since(to: Carrier, tables: Tables, *, now_s: float | None = None) -> list[str]:
    """Lines for what was written, and what was deleted, in the target alone; empty for nothing. Reads both tables."""
    if unless(GONE, lambda: to.target.call("dynamodb.DescribeTable", TableName=tables.target)) is None:
        return []
    total, put = segments(to, tables), PutItems.of(to)
    # What expires is taken by AWS: nobody's loss.
    until = time.time() if now_s is None else now_s
    legacy = tally(to.legacy, tables.legacy, tables, total, until)
    target = tally(to.target, tables.target, tables, total, until)
    buckets, passed_over = unlike_parts(legacy, target)
    if not buckets:
        return []
    here = hashes(to.legacy, tables.legacy, tables, total, until, buckets)
    there = hashes(to.target, tables.target, tables, total, until, buckets)
    unlike = {key: one for key, (one, _) in there.items() if key not in here or here[key][0] != one}
    # Legacy's item may have changed since it was copied: what was put is ours all the same.
    ours = put.among(unlike.values())
    written = [there[key][1] for key, one in unlike.items() if one not in ours]
    missing = {key: here[key][0] for key in here.keys() - there.keys()}
    arrived = put.among(missing.values())
    # An earlier rollback that was ended while it deleted forgot the segments first: what it took is not missed.
    stands = bool(to.outputs.get("segment_0"))
    deleted = [here[key][1] for key, one in missing.items() if stands and one in arrived]
    sorts = (
        (written, f"items were written or changed in {tables.target} since"),
        (deleted, f"items were deleted in {tables.target} since, and legacy still has them"),
    )
    lines = (f"{len(keys)} {said}: {_named(keys)}" for keys, said in sorts if keys)
    return [*lines, *more_parts(passed_over, tables.target)]


def _named(keys: list[str]) -> str:
    more = [f"and {len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return "; ".join([*sorted(keys)[:SHOWN], *more])
