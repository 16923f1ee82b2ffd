"""Carry a DynamoDB table's items: copy every segment, prove both tables by sums of hashes, take away what is equal.

The rule: of items only counts and hashes leave this module, of keys only numbers and UUIDs are shown. A put of the
same item leaves the same state, so an unfinished segment is copied again; a finished one is remembered and is not.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from migrate.carry.items_put import PutItems
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
BUCKETS = 4096
"""Parts of a table by its keys' hashes: only those that differ are looked at item by item."""
HELD = 2_000_000
"""Items of one table whose hashes are held at once, about 1 GB: of more, the first parts are looked at."""
SHOWN = 20
PASSED_OVER = "parts that differ, not looked at item by item"
TRIES = 30
# AWS deletes expired items at a time of its own choosing: what may go while we look is not compared.
SOON_S = 3600
# AWS never deletes an item that expired more than five years ago (0 for "never", say): it is compared like any other.
# Source: DynamoDB developer guide, Using DynamoDB Time to Live, read 2026-11.
EXPIRES_NO_MORE_S = 5 * 366 * 24 * 3600

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

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
    total, put = segments(to, tables), PutItems.of(to)
    put.begin()

    def one(segment: int) -> int:
        known = to.outputs.get(f"segment_{segment}")
        if known:
            return int(known)
        count = 0
        for page in pages(to.legacy, tables.legacy, segment, total):
            put_items(to, tables, put, page)
            count += len(page)
        to.remember(f"segment_{segment}", str(count))
        return count

    return {"items": sum(to.legacy.map(one, range(total))), "segments": total}


def put_items(to: Carrier, tables: Tables, put: PutItems, items: Iterable[Item]) -> None:
    """Write these items to the target, noted before they are sent."""
    for some in batches(items, WRITTEN_AT_ONCE):
        put.note(hash_of(item) for item in some)
        _write(to, tables, [{"PutRequest": {"Item": item}} for item in some])


def delete_keys(to: Carrier, tables: Tables, keys: Iterable[Item]) -> None:
    """Delete the items of these keys from the target."""
    for some in batches(keys, WRITTEN_AT_ONCE):
        _write(to, tables, [{"DeleteRequest": {"Key": key}} for key in some])


def prove_items(to: Carrier, tables: Tables, *, now_s: float | None = None) -> Proof:
    """Compare every item of both tables by hash; items that expire meanwhile are counted and not compared."""
    evidence, unlike = compare(to, tables, now_s=now_s)
    state: Literal["equal", "different"] = "different" if unlike or evidence.get(PASSED_OVER) else "equal"
    return Proof(
        state, ("every attribute of every item",), (*said(unlike), *more_parts(evidence.get(PASSED_OVER))), evidence
    )


def compare(
    to: Carrier, tables: Tables, *, now_s: float | None = None
) -> tuple[dict[str, Json], dict[bytes, tuple[str, str]]]:
    """Counts and digests of both tables, and of each item that differs: hash of its key → how, and its key."""
    total = segments(to, tables)
    until = (time.time() if now_s is None else now_s) + SOON_S
    legacy = tally(to.legacy, tables.legacy, tables, total, until)
    target = tally(to.target, tables.target, tables, total, until)
    evidence: dict[str, Json] = {
        "items": legacy.items,
        "items in the target": target.items,
        "expiring, not compared": legacy.expiring,
        "segments": total,
        "hash": legacy.digest,
        "hash in the target": target.digest,
    }
    buckets, passed_over = unlike_parts(legacy, target)
    if not buckets and legacy.items == target.items:
        return evidence, {}
    if passed_over:
        evidence[PASSED_OVER] = passed_over
    here = hashes(to.legacy, tables.legacy, tables, total, until, buckets)
    there = hashes(to.target, tables.target, tables, total, until, buckets)
    unlike = {key: ("only in legacy", here[key][1]) for key in here.keys() - there.keys()}
    unlike |= {key: ("only in the target", there[key][1]) for key in there.keys() - here.keys()}
    unlike |= {key: ("different", here[key][1]) for key in here.keys() & there.keys() if here[key][0] != there[key][0]}
    return evidence, unlike


def unlike_parts(legacy: Tally, target: Tally) -> tuple[frozenset[int], int]:
    """The parts that differ, as many as memory can hold item by item, and how many more differ."""
    unlike = [bucket for bucket in range(BUCKETS) if legacy.sums[bucket] != target.sums[bucket]]
    most = max(1, HELD * BUCKETS // max(legacy.items, target.items, 1))
    return frozenset(unlike[:most]), max(0, len(unlike) - most)


def take_away(to: Carrier, tables: Tables, *, may_lose: bool = False) -> int:
    """Delete from the target what is equal to legacy's, or is what was put there; return how many items.

    `may_lose`: everything else too, as a person said yes to it.

    Raises: Conflict where the target holds anything else; nothing was deleted then.
    """
    total, put = segments(to, tables), PutItems.of(to)
    if not may_lose:
        refuse_foreign(to, tables)

    # From here on the next copy begins anew.
    for segment in range(total):
        to.remember(f"segment_{segment}", "")

    def remove(segment: int) -> int:
        count = 0
        for page in pages(to.target, tables.target, segment, total):
            delete_keys(to, tables, [key_of(item, tables) for item in page])
            count += len(page)
        return count

    removed: int = sum(to.target.map(remove, range(total)))
    put.forget()
    return removed


def refuse_foreign(to: Carrier, tables: Tables) -> None:
    """Raise Conflict where the target holds an item that is neither legacy's nor was put there by this migration."""
    total, until = segments(to, tables), time.time()

    def unlike(segment: int) -> list[bytes]:
        found: list[bytes] = []
        for page in pages(to.target, tables.target, segment, total):
            held = same_keys(to.legacy, tables.legacy, tables, page)
            there = {key_hash(item, tables): hash_of(item) for item in held}
            for item in page:
                other, own = there.get(key_hash(item, tables)), hash_of(item)
                # What has expired may have gone from legacy since.
                if other != own and not (other is None and expires(item, tables, until)):
                    found.append(own)
        return found

    others = [one for some in to.target.map(unlike, range(total)) for one in some]
    # Legacy's item may have changed since it was copied: what we put is ours all the same.
    ours = PutItems.of(to).among(others)
    foreign = sum(one not in ours for one in others)
    if foreign:
        raise Conflict(
            f"{foreign} items of {tables.target} are not what was carried: somebody else wrote them",
            do="save what is needed of them, empty the table, then roll back again",
        )


def segments(to: Carrier, tables: Tables) -> int:
    """How many parts the table is read in: the same number for as long as the step lasts."""
    known = to.outputs.get("segments")
    if known is None:
        table = to.legacy.call("dynamodb.DescribeTable", TableName=tables.legacy)["Table"]
        wanted = -(-int(table.get("TableSizeBytes") or 0) // SEGMENT_BYTES)
        known = str(min(max(wanted, 1), MOST_SEGMENTS))
        to.remember("segments", known)
    return int(known)


def pages(site: ReadSite, table: str, segment: int, total: int) -> Iterator[list[Item]]:
    """The items of one segment, page by page."""
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


def same_keys(site: ReadSite, table: str, tables: Tables, items: Iterable[Item]) -> Iterator[Item]:
    """The table's items of the same keys."""
    for some in batches(items, READ_AT_ONCE):
        wanted: Any = {"Keys": [key_of(item, tables) for item in some], "ConsistentRead": True}
        for tried in range(TRIES):
            answer = site.call("dynamodb.BatchGetItem", RequestItems={table: wanted})
            yield from answer.get("Responses", {}).get(table) or ()
            wanted = (answer.get("UnprocessedKeys") or {}).get(table)
            if not wanted:
                break
            tables.sleep(min(0.1 * 2**tried, 10.0))
        else:
            raise StepFailed(f"{table} gives no more items", do="raise its read capacity, then run again")


def tally(site: ReadSite, table: str, tables: Tables, total: int, until: float) -> Tally:
    """What one of the two tables holds; items that expire by then are only counted."""

    whole, lock = Tally.empty(), threading.Lock()

    def one(segment: int) -> None:
        tally = Tally.empty()
        for page in pages(site, table, segment, total):
            for item in page:
                if expires(item, tables, until):
                    tally.expiring += 1
                    continue
                tally.items += 1
                bucket = part_of(key_hash(item, tables))
                tally.sums[bucket] = (tally.sums[bucket] + int.from_bytes(hash_of(item), "big")) % 2**256
        # At once: the sums of thousands of segments are not held beside each other.
        with lock:
            whole.add(tally)

    site.map(one, range(total))
    return whole


def hashes(
    site: ReadSite, table: str, tables: Tables, total: int, until: float, buckets: frozenset[int]
) -> dict[bytes, tuple[bytes, str]]:
    """The items of these buckets: a hash of the key → a hash of the item, and what of the key may be shown."""
    found: dict[bytes, tuple[bytes, str]] = {}
    for segment in range(total):
        for page in pages(site, table, segment, total):
            for item in page:
                key = key_hash(item, tables)
                if part_of(key) in buckets and not expires(item, tables, until):
                    found[key] = hash_of(item), shown(key_of(item, tables))
    return found


def said(unlike: Mapping[bytes, tuple[str, str]]) -> Iterator[str]:
    """Items that differ, for people: how, how many, and the first keys."""
    for how in ("only in legacy", "only in the target", "different"):
        keys = sorted(key for one, key in unlike.values() if one == how)
        if keys:
            yield f"{len(keys)} items {how}: {'; '.join(keys[:SHOWN])}" + ("; …" if len(keys) > SHOWN else "")


def more_parts(passed_over: Json, table: str = "the table") -> Iterator[str]:
    """What is said of parts that differ too, where they are too many to be looked at item by item."""
    if passed_over:
        yield f"{passed_over} of {BUCKETS} parts of {table} differ too: too many to name their items"


def part_of(key: bytes) -> int:
    """The part of the table that the hash of a key lies in."""
    return int.from_bytes(key[:2], "big") % BUCKETS


def shown(key: Item) -> str:
    """A key for people: numbers and UUIDs as they are, anything else (a mail address, say) as the beginning of its
    sha256."""

    def part(value: Mapping[str, Any]) -> str:
        [(sort, held)] = value.items()
        if sort == "N" or (sort == "S" and _UUID.fullmatch(held)):
            return str(held)
        return f"sha256:{hashlib.sha256(_plain(held)).hexdigest()[:16]}"

    return ", ".join(f"{name} = {part(value)}" for name, value in key.items())


def expires(item: Item, tables: Tables, until: float) -> bool:
    """Whether AWS may delete the item by then."""
    at = (item.get(tables.expires_by) or {}).get("N") if tables.expires_by else None
    return at is not None and until - SOON_S - EXPIRES_NO_MORE_S < float(at) < until


def key_of(item: Item, tables: Tables) -> Item:
    """The primary key of an item."""
    return {name: item[name] for name in tables.key}


def key_hash(item: Item, tables: Tables) -> bytes:
    """A hash of an item's primary key."""
    return hash_of(key_of(item, tables))


def hash_of(item: Item) -> bytes:
    """A hash of every attribute of an item."""
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
