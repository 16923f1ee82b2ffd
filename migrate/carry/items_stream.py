"""Bring what was written to a legacy table while its items were copied.

The rule: the stream only says which keys changed; what stands under such a key is read from the table. So the order
of records, their view type, and reading one twice mean nothing, and once nobody writes the outcome is legacy's state.

Source: dynamodbstreams.DescribeStream, GetShardIterator and GetRecords, botocore 1.44.5. Records are kept for 24 hours:
DynamoDB Developer Guide, Change data capture for DynamoDB Streams.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from migrate.carry import items
from migrate.carry.items import Item, Tables
from migrate.carry.items_put import PutItems
from migrate.carry.refusals import code_of
from migrate.kind import Carrier, Proof, ReadSite
from migrate.values import Json

READS = items.READS | {
    "dynamodbstreams.DescribeStream",
    "dynamodbstreams.GetRecords",
    "dynamodbstreams.GetShardIterator",
}
KEPT_S = 23 * 3600
"""How old the copy may be for the stream to know all that came since: an hour less than AWS keeps."""
EMPTY_LOOKS, EVERY_S = 6, 1.0
"""An open shard is read to its end once so many looks in a row gave nothing. The proof reads everything anyway."""
SLACK_S = 5.0
"""Records say roughly when they were made. One made later than this after the reading began ends its shard: while
legacy is written to, a stream has no end."""
KEYS_AT_ONCE = 5_000
_EXTRA = "only in the target"


def catch_up(to: Carrier, tables: Tables) -> dict[str, Json]:
    """Bring the target to what legacy's table holds now; return counts for the receipt."""
    put = PutItems.of(to)
    arn, why = _stream(to.legacy, tables.legacy, put)
    counts = _through_stream(to, tables, put, arn) if arn else _level(to, tables, put) | {"why": why}
    put.catch_up()
    return counts


def prove_copied(to: Carrier, tables: Tables) -> Proof:
    """Compare both tables while legacy is written to: what differs must be among what the stream says was changed.

    Once the changes have arrived it says nothing: their own proof compares every item.
    """
    put = PutItems.of(to)
    if put.caught_up:
        return Proof("equal", (), (), {"proved with": "catch_up"})
    evidence, unlike = items.compare(to, tables)
    what = ("every item that legacy did not change meanwhile",)
    if not unlike:
        return Proof("equal", what, (), evidence)
    if more := tuple(items.more_parts(evidence.get(items.PASSED_OVER))):
        # Which of them legacy changed meanwhile is not known; the proof after the freeze compares everything.
        return Proof("could not be proved", (), more, evidence)
    arn, why = _stream(to.legacy, tables.legacy, put)
    if not arn:
        return Proof("could not be proved", (), (f"what was written meanwhile is not known: {why}",), evidence)
    # Read after the comparison: what changed during it is among the changes.
    changed = {items.key_hash(key, tables) for some in _changed(to, arn) for key in some}
    wrong = {key: how for key, how in unlike.items() if key not in changed}
    evidence |= {"changed in legacy meanwhile": len(changed), "still to come": len(unlike) - len(wrong)}
    return Proof("different" if wrong else "equal", what, tuple(items.said(wrong)), evidence)


def written_late(to: Carrier, tables: Tables) -> list[str]:
    """What legacy's table has otherwise than the target's, as lines: of the keys of which the stream speaks, or of all
    where no stream knows what came since the copy began."""
    arn, _ = _stream(to.legacy, tables.legacy, PutItems.of(to))
    if not arn:
        evidence, unlike_all = items.compare(to, tables)
        return [*items.said(unlike_all), *items.more_parts(evidence.get(items.PASSED_OVER))]
    unlike: dict[bytes, tuple[str, str]] = {}
    until = time.time() + items.SOON_S

    def held(site: ReadSite, name: str, keys: list[Item]) -> dict[bytes, bytes]:
        found = items.same_keys(site, name, tables, keys)
        # What has expired AWS takes from legacy, and from the target only after this.
        alive = (item for item in found if not items.expires(item, tables, until))
        return {items.key_hash(item, tables): items.hash_of(item) for item in alive}

    for keys in _changed(to, arn):
        here, there = held(to.legacy, tables.legacy, keys), held(to.target, tables.target, keys)
        for key in keys:
            one = items.key_hash(key, tables)
            if here.get(one) != there.get(one):
                how = "different" if one in here and one in there else "only in legacy" if one in here else _EXTRA
                unlike[one] = how, items.shown(key)
    return list(items.said(unlike))


def _stream(site: ReadSite, table: str, put: PutItems) -> tuple[str, str]:
    """The stream that knows all that was written since the copy began; else why there is none."""
    described = site.call("dynamodb.DescribeTable", TableName=table)["Table"]
    if not (described.get("StreamSpecification") or {}).get("StreamEnabled"):
        return "", "the table has no stream any more"
    if put.began_s is None:
        return "", "when the copy began is not known"
    if time.time() - put.began_s > KEPT_S:
        return "", "the copy began more than 23 hours ago, and a stream keeps 24"
    label = described.get("LatestStreamLabel") or ""
    made_s = _seconds(label)
    if made_s is not None and made_s > put.began_s:
        return "", "the table's stream was made after the copy began"
    return str(described["LatestStreamArn"]), ""


def _seconds(label: str) -> float | None:
    """When a stream was made: its label is an ISO 8601 time. Source: dynamodb.TableDescription, botocore 1.44.5."""
    try:
        return datetime.fromisoformat(label).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _through_stream(to: Carrier, tables: Tables, put: PutItems, arn: str) -> dict[str, Json]:
    written = deleted = 0
    for keys in _changed(to, arn):
        there = {items.key_hash(item, tables): item for item in items.same_keys(to.legacy, tables.legacy, tables, keys)}
        gone = [key for key in keys if items.key_hash(key, tables) not in there]
        items.put_items(to, tables, put, there.values())
        items.delete_keys(to, tables, gone)
        written, deleted = written + len(there), deleted + len(gone)
    return {"by": "stream", "written": written, "deleted": deleted}


def _changed(to: Carrier, arn: str) -> Iterator[list[Item]]:
    """The keys of which the stream speaks, in groups without a repeat."""
    group: dict[str, Item] = {}
    until_s = time.time() + SLACK_S
    for shard in _shards(to.legacy, arn):
        for key in _keys(to, arn, shard, until_s):
            group[repr(sorted(key.items()))] = key
            if len(group) >= KEYS_AT_ONCE:
                yield list(group.values())
                group = {}
    if group:
        yield list(group.values())


def _shards(site: ReadSite, arn: str) -> Iterator[str]:
    """Every shard; asked for again once the known ones are read, because a shard splits about every four hours."""
    known: set[str] = set()
    while True:
        new = [one for one in _listed(site, arn) if one not in known]
        if not new:
            return
        known.update(new)
        yield from new


def _listed(site: ReadSite, arn: str) -> Iterator[str]:
    where: dict[str, Any] = {}
    while True:
        described = site.call("dynamodbstreams.DescribeStream", StreamArn=arn, **where)["StreamDescription"]
        yield from (str(one["ShardId"]) for one in described.get("Shards") or ())
        if not described.get("LastEvaluatedShardId"):
            return
        where = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}


def _keys(to: Carrier, arn: str, shard: str, until_s: float) -> Iterator[Item]:
    """The key of every record of one shard, to its end or to this time."""
    iterator: str | None = _from(to.legacy, arn, shard, "")
    last, empty = "", 0
    while iterator and empty < EMPTY_LOOKS:
        try:
            answer = to.legacy.call("dynamodbstreams.GetRecords", ShardIterator=iterator)
        except Exception as error:
            if code_of(error) != "ExpiredIteratorException":
                raise
            iterator = _from(to.legacy, arn, shard, last)
            continue
        for record in answer.get("Records") or ():
            made = record["dynamodb"].get("ApproximateCreationDateTime")
            if made is not None and made.timestamp() > until_s:
                return
            last = str(record["dynamodb"]["SequenceNumber"])
            yield dict(record["dynamodb"]["Keys"])
        iterator = answer.get("NextShardIterator")
        if answer.get("Records"):
            empty = 0
        elif iterator:
            empty += 1
            to.pause(EVERY_S)


def _from(site: ReadSite, arn: str, shard: str, last: str) -> str:
    where: dict[str, Any] = (
        {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
        if last
        else {"ShardIteratorType": "TRIM_HORIZON"}
    )
    return str(site.call("dynamodbstreams.GetShardIterator", StreamArn=arn, ShardId=shard, **where)["ShardIterator"])


def _level(to: Carrier, tables: Tables, put: PutItems) -> dict[str, Json]:
    """Without a stream: write what differs, delete what we put and legacy does not have any more.

    An item that legacy does not have and that we did not put stays: the proof names it.
    """
    total = items.segments(to, tables)

    def write(segment: int) -> int:
        count = 0
        for page in items.pages(to.legacy, tables.legacy, segment, total):
            there = {items.hash_of(item) for item in items.same_keys(to.target, tables.target, tables, page)}
            unlike = [item for item in page if items.hash_of(item) not in there]
            items.put_items(to, tables, put, unlike)
            count += len(unlike)
        return count

    def surplus(segment: int) -> list[tuple[bytes, Item]]:
        found: list[tuple[bytes, Item]] = []
        for page in items.pages(to.target, tables.target, segment, total):
            held = items.same_keys(to.legacy, tables.legacy, tables, page)
            there = {items.key_hash(item, tables) for item in held}
            absent = (item for item in page if items.key_hash(item, tables) not in there)
            found += [(items.hash_of(item), items.key_of(item, tables)) for item in absent]
        return found

    written = sum(to.legacy.map(write, range(total)))
    extra = [one for some in to.target.map(surplus, range(total)) for one in some]
    ours = put.among(one for one, _ in extra)
    stale = [key for one, key in extra if one in ours]
    items.delete_keys(to, tables, stale)
    return {"by": "comparison", "written": written, "deleted": len(stale), "foreign": len(extra) - len(stale)}
