"""Carry a DynamoDB table's items: copy every segment, prove both tables by sums of hashes, take away what is equal.

The rule: no item and no key leaves this module, only counts and hashes. A put of the same item leaves the same state,
so an unfinished segment is copied again; a finished one is remembered and is not.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.carry.listing import batches
from migrate.errors import Conflict, StepFailed
from migrate.kind import Carrier, Proof, ReadSite
from migrate.values import Json

WRITES = frozenset({"dynamodb.BatchWriteItem"})
READS = frozenset({"dynamodb.BatchGetItem", "dynamodb.Scan"})
# Source: dynamodb.BatchWriteItem, dynamodb.BatchGetItem, botocore 1.44.5.
WRITTEN_AT_ONCE, READ_AT_ONCE = 25, 100
SEGMENT_BYTES = 128 * 2**20
MOST_SEGMENTS = 4096
BUCKETS = 256
SHOWN = 20
TRIES = 30
# AWS deletes expired items at a time of its own choosing: what may go while we look is not compared.
SOON_S = 3600

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """One table on both sides."""

    legacy: str
    target: str
    key: tuple[str, ...]
    """The attributes of its primary key."""
    expires_by: str | None = None
    """The attribute by which legacy's items expire."""
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Tally:
    """What a table holds, without saying it: sums do not depend on the order in which a scan gives items."""

    sums: list[int]
    items: int = 0
    expiring: int = 0

    @classmethod
    def empty(cls) -> "Tally":
        """Nothing yet."""
        return cls([0] * BUCKETS)

    def add(self, other: "Tally") -> None:
        """One more part of the same table."""
        self.sums = [(one + more) % 2**256 for one, more in zip(self.sums, other.sums, strict=True)]
        self.items += other.items
        self.expiring += other.expiring

    @property
    def digest(self) -> str:
        """All of it as one hash."""
        return hashlib.sha256(b"".join(one.to_bytes(32, "big") for one in self.sums)).hexdigest()


def copy_items(to: Carrier, tables: Tables) -> dict[str, Json]:
    """Copy the segments that are not yet copied; return counts for the receipt."""
    total = _segments(to, tables)

    def one(segment: int) -> int:
        known = to.outputs.get(f"segment_{segment}")
        if known:
            return int(known)
        count = 0
        for page in _pages(to.legacy, tables.legacy, segment, total):
            for some in batches(page, WRITTEN_AT_ONCE):
                _write(to, tables, [{"PutRequest": {"Item": item}} for item in some])
            count += len(page)
        to.remember(f"segment_{segment}", str(count))
        return count

    return {"items": sum(to.legacy.map(one, range(total))), "segments": total}


def prove_items(to: Carrier, tables: Tables, *, now_s: float | None = None) -> Proof:
    """Compare every item of both tables by hash; items that expire meanwhile are counted and not compared."""
    total = _segments(to, tables)
    until = (time.time() if now_s is None else now_s) + SOON_S
    legacy = _tally(to.legacy, tables.legacy, tables, total, until)
    target = _tally(to.target, tables.target, tables, total, until)
    evidence: dict[str, Json] = {
        "items": legacy.items,
        "items in the target": target.items,
        "expiring, not compared": legacy.expiring,
        "segments": total,
        "hash": legacy.digest,
        "hash in the target": target.digest,
    }
    unlike = [bucket for bucket in range(BUCKETS) if legacy.sums[bucket] != target.sums[bucket]]
    if not unlike and legacy.items == target.items:
        return Proof("equal", ("every attribute of every item",), (), evidence)
    said = _said(
        _hashes(to.legacy, tables.legacy, tables, total, until, frozenset(unlike)),
        _hashes(to.target, tables.target, tables, total, until, frozenset(unlike)),
    )
    return Proof("different", ("every attribute of every item",), tuple(said), evidence)


def take_away(to: Carrier, tables: Tables) -> int:
    """Delete from the target what is equal to legacy's; return how many items.

    Raises: Conflict where the target holds anything else; nothing was deleted then.
    """
    total = _segments(to, tables)

    until = time.time()

    def foreign(segment: int) -> int:
        count = 0
        for page in _pages(to.target, tables.target, segment, total):
            there = {_key_hash(item, tables): _hash(item) for item in _same_keys(to.legacy, tables, page)}
            for item in page:
                other = there.get(_key_hash(item, tables))
                # What has expired may have gone from legacy since.
                if other != _hash(item) and not (other is None and _expires(item, tables, until)):
                    count += 1
        return count

    found = sum(to.target.map(foreign, range(total)))
    if found:
        raise Conflict(
            f"{found} items of {tables.target} are not what was carried: written there, or changed in legacy since",
            do="save what is needed of them, empty the table, then roll back again",
        )

    # From here on the next copy begins anew.
    for segment in range(total):
        to.remember(f"segment_{segment}", "")

    def remove(segment: int) -> int:
        count = 0
        for page in _pages(to.target, tables.target, segment, total):
            for some in batches(page, WRITTEN_AT_ONCE):
                _write(to, tables, [{"DeleteRequest": {"Key": _key(item, tables)}} for item in some])
            count += len(page)
        return count

    return sum(to.target.map(remove, range(total)))


def _segments(to: Carrier, tables: Tables) -> int:
    """How many parts the table is read in: the same number for as long as the step lasts."""
    known = to.outputs.get("segments")
    if known is None:
        table = to.legacy.call("dynamodb.DescribeTable", TableName=tables.legacy)["Table"]
        wanted = -(-int(table.get("TableSizeBytes") or 0) // SEGMENT_BYTES)
        known = str(min(max(wanted, 1), MOST_SEGMENTS))
        to.remember("segments", known)
    return int(known)


def _pages(site: ReadSite, table: str, segment: int, total: int) -> Iterator[list[Item]]:
    where: dict[str, Any] = {}
    while True:
        answer = site.call(
            "dynamodb.Scan", TableName=table, Segment=segment, TotalSegments=total, ConsistentRead=True, **where
        )
        yield list(answer.get("Items") or ())
        if not answer.get("LastEvaluatedKey"):
            return
        where = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _write(to: Carrier, tables: Tables, requests: list[dict[str, Any]]) -> None:
    """Send until nothing is left unprocessed: AWS takes of a batch what the table's throughput allows."""
    left: list[dict[str, Any]] = requests
    for tried in range(TRIES):
        answer = to.write("dynamodb.BatchWriteItem", RequestItems={tables.target: left})
        left = (answer.get("UnprocessedItems") or {}).get(tables.target) or []
        if not left:
            return
        tables.sleep(min(0.1 * 2**tried, 10.0))
    raise StepFailed(
        f"{tables.target} takes no more items: {len(left)} of a batch stayed unprocessed {TRIES} times",
        do="raise its write capacity, or set it to on-demand, then migrate run",
    )


def _same_keys(site: ReadSite, tables: Tables, items: list[Item]) -> Iterator[Item]:
    """Legacy's items of the same keys."""
    for some in batches(items, READ_AT_ONCE):
        wanted: Any = {"Keys": [_key(item, tables) for item in some], "ConsistentRead": True}
        for tried in range(TRIES):
            answer = site.call("dynamodb.BatchGetItem", RequestItems={tables.legacy: wanted})
            yield from answer.get("Responses", {}).get(tables.legacy) or ()
            wanted = (answer.get("UnprocessedKeys") or {}).get(tables.legacy)
            if not wanted:
                break
            tables.sleep(min(0.1 * 2**tried, 10.0))
        else:
            raise StepFailed(f"{tables.legacy} gives no more items", do="raise its read capacity, then run again")


def _tally(site: ReadSite, table: str, tables: Tables, total: int, until: float) -> Tally:
    def one(segment: int) -> Tally:
        tally = Tally.empty()
        for page in _pages(site, table, segment, total):
            for item in page:
                if _expires(item, tables, until):
                    tally.expiring += 1
                    continue
                tally.items += 1
                bucket = _key_hash(item, tables)[0]
                tally.sums[bucket] = (tally.sums[bucket] + int.from_bytes(_hash(item), "big")) % 2**256
        return tally

    whole = Tally.empty()
    for part in site.map(one, range(total)):
        whole.add(part)
    return whole


def _hashes(
    site: ReadSite, table: str, tables: Tables, total: int, until: float, buckets: frozenset[int]
) -> dict[bytes, bytes]:
    """The items of these buckets, a hash of the key to a hash of the item."""
    found: dict[bytes, bytes] = {}
    for segment in range(total):
        for page in _pages(site, table, segment, total):
            for item in page:
                key = _key_hash(item, tables)
                if key[0] in buckets and not _expires(item, tables, until):
                    found[key] = _hash(item)
    return found


def _said(legacy: Mapping[bytes, bytes], target: Mapping[bytes, bytes]) -> Iterator[str]:
    groups = {
        "only in legacy": sorted(legacy.keys() - target.keys()),
        "only in the target": sorted(target.keys() - legacy.keys()),
        "different": sorted(key for key in legacy.keys() & target.keys() if legacy[key] != target[key]),
    }
    for what, keys in groups.items():
        if keys:
            shown = ", ".join(key.hex()[:16] for key in keys[:SHOWN]) + (", …" if len(keys) > SHOWN else "")
            yield f"{len(keys)} items {what}; hashes of their keys: {shown}"


def _expires(item: Item, tables: Tables, until: float) -> bool:
    at = (item.get(tables.expires_by) or {}).get("N") if tables.expires_by else None
    return at is not None and float(at) < until


def _key(item: Item, tables: Tables) -> Item:
    return {name: item[name] for name in tables.key}


def _key_hash(item: Item, tables: Tables) -> bytes:
    return _hash(_key(item, tables))


def _hash(item: Item) -> bytes:
    return hashlib.sha256(b"".join(_bytes({"M": item}))).digest()


def _bytes(value: Mapping[str, Any]) -> Iterable[bytes]:
    """An attribute value in one form: sets and maps have no order, everything says how long it is."""
    [(sort, held)] = value.items()
    if sort == "M":
        parts = [b"".join((_sized(name.encode()), *_bytes(held[name]))) for name in sorted(held)]
    elif sort == "L":
        parts = [b"".join(_bytes(one)) for one in held]
    elif sort in ("SS", "NS", "BS"):
        parts = sorted(_plain(one) for one in held)
    else:
        parts = [_plain(held)]
    yield _sized(sort.encode())
    yield len(parts).to_bytes(4, "big")
    yield from map(_sized, parts)


def _plain(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray)) else str(value).encode()


def _sized(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part
