"""Prove a bucket's objects: every key and version of both sides, by fresh reads.

The rule: equal is only what was compared, and how the content of each was compared is counted. Nothing that grows with
the bucket is held in memory.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from migrate.carry.lanes import in_lanes
from migrate.carry.listing import History, batches, histories, plain, side_by_side, uploads
from migrate.carry.manifest import Manifest, manifest_path
from migrate.carry.one_key import Known
from migrate.carry.same_object import Buckets, compare
from migrate.errors import FileError
from migrate.kind import Carrier, Proof
from migrate.values import Json

BATCH = 1000
SHOWN = 100
"""How many keys a proof lists by name; all are counted."""
WAYS = {
    "checksum": "by_checksum", "md5": "by_md5_etag", "bytes": "by_reading_both", "layout": "not_by_content",
}  # fmt: skip
"""A verdict's `by` → its count in the evidence."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out for one key."""

    sort: Literal["equal", "different", "unproved", "changed_since"]
    said: str = ""
    ways: Counter[str] = field(default_factory=Counter)
    """How many of its versions were compared in which way."""


def prove_all(
    to: Carrier, buckets: Buckets, *, written_since: datetime | None, delivered_since: datetime | None = None
) -> Proof:
    """Compare every key and version of both buckets, extra ones too.

    written_since: legacy may still be written to, so what changed there after this time is counted and not blamed
    (the last copy comes when nothing writes any more). None: everything has to be equal. delivered_since: what came to
    the target after this time AWS may have brought, and it is counted so too.
    """
    counts = dict.fromkeys(
        ("keys", "versions", "bytes", "changed_since", "different", "unproved", "delete_markers", *WAYS.values()), 0
    )
    listed: list[str] = []
    unread: list[Json] = []
    both = side_by_side(
        histories(to.legacy, buckets.legacy, versioned=buckets.versioned),
        histories(to.target, buckets.target, versioned=buckets.versioned),
    )
    since = written_since

    def judged(item: tuple[str, History, History, str]) -> Compared:
        key, legacy, target, whose = item
        return compared(to, buckets, key, legacy, target, written_since=since, whose=whose)

    begun = ((batch, _with_owner(to, buckets, batch, since, delivered_since)) for batch in batches(both, BATCH))
    with in_lanes(to.legacy, judged, begun) as ended:
        for (key, legacy, _), one in (pair for batch, found in ended for pair in zip(batch, found, strict=True)):
            counts["keys"] += 1
            counts["versions"] += len(legacy)
            counts["bytes"] += sum(version.size_bytes for version in legacy)
            counts["delete_markers"] += sum(version.marker for version in legacy)
            for way, times in one.ways.items():
                counts[WAYS[way]] += times
            if one.ways["layout"] and len(unread) < SHOWN:
                unread.append(key)
            if one.sort != "equal":
                counts[one.sort] += 1
            if one.sort in ("different", "unproved") and len(listed) < SHOWN:
                listed.append(
                    f"{plain(key)}: {one.said}" + (" (could not be proved)" if one.sort == "unproved" else "")
                )
    bad = counts["different"] + counts["unproved"]
    more = [f"and {bad - len(listed)} more"] if bad > len(listed) else []
    evidence: dict[str, Json] = {**counts, "incomplete_uploads_in_legacy_not_copied": incomplete_uploads(to, buckets)}
    if unread:
        evidence["not_by_content_keys"] = unread
    what = "keys, versions, delete markers, sizes, content, headers, metadata, tags, storage classes"
    if counts["not_by_content"]:
        what += f"; of {counts['not_by_content']} versions size and parts instead of content (objects.read_up_to_bytes)"
    if counts["changed_since"]:
        what += f"; {counts['changed_since']} keys changed since the copy began are not compared"
    state: Literal["equal", "different", "could not be proved"] = "equal"
    if counts["different"]:
        state = "different"
    elif counts["unproved"]:
        state = "could not be proved"
    return Proof(state, (what,), (*listed, *more), evidence)


_Item = tuple[str, History, History]


def _with_owner(
    to: Carrier, buckets: Buckets, batch: list[_Item], since: datetime | None, delivered_since: datetime | None
) -> list[tuple[str, History, History, str]]:
    """Add to each key that only the target has whose it is, where legacy may have deleted it since it was copied.

    `ours`: this migration put it there. `aws`: it came when AWS may have delivered it.
    `nobody knows`: its manifest cannot be read. Empty: somebody else's.
    """

    def came(target: History) -> str:
        late = delivered_since and all(one.modified and one.modified >= delivered_since for one in target)
        return "aws" if late else ""

    alone = [key for key, legacy, _ in batch if not legacy] if since is not None else []
    if not alone:
        return [(*item, "") for item in batch]
    try:
        with Manifest(manifest_path(to, buckets)) as manifest:
            known = {key: Known(*found) for key, found in manifest.known(alone).items()}
    except FileError:
        return [(*item, "" if item[1] else "nobody knows") for item in batch]
    return [
        (key, legacy, target, "ours" if key in known and known[key].made_all(legacy, target) else came(target))
        for key, legacy, target in batch
    ]


def incomplete_uploads(to: Carrier, buckets: Buckets) -> int:
    """How many uploads in legacy were begun and never completed: no object, so nothing of them is copied."""
    return sum(1 for _ in uploads(to.legacy, buckets.legacy))


def compared(
    to: Carrier,
    buckets: Buckets,
    key: str,
    legacy: History,
    target: History,
    *,
    written_since: datetime | None = None,
    begins: bool = False,
    whose: str = "ours",
) -> Compared:
    """Compare one key. `begins`: the target may hold just the beginning of legacy's history. `whose`: where only the
    target has it, see `_with_owner`."""
    if not legacy and written_since is not None and whose not in ("ours", "aws"):
        if whose:
            return Compared("unproved", "only in the target, and the manifest that knows whose it is cannot be read")
        return Compared("different", "only in the target, and this migration did not put it there")
    if len(legacy) != len(target) and not (begins and len(target) < len(legacy)):
        if _moved_on(legacy, written_since):
            return Compared("changed_since")
        return Compared("different", _uneven(legacy, target))
    ways: Counter[str] = Counter()
    for place, (one, other) in enumerate(zip(legacy, target, strict=False), start=1):
        verdict = compare(to, buckets, one, other)
        which = f" (version {place} of {len(legacy)}, oldest first)" if len(legacy) > 1 else ""
        if verdict.different and _moved_on(legacy, written_since):
            return Compared("changed_since")
        if verdict.different:
            return Compared("different", verdict.different + which)
        if verdict.unproved:
            return Compared("unproved", verdict.unproved + which)
        ways.update([verdict.by] if verdict.by else [])
    return Compared("equal", ways=ways)


def _moved_on(legacy: History, since: datetime | None) -> bool:
    """Whether legacy was written to, or the key deleted there, while or after it was copied."""
    if since is None:
        return False
    newest = legacy[-1].modified if legacy else None
    return not legacy or (newest is not None and newest >= since)


def _uneven(legacy: History, target: History) -> str:
    if not legacy:
        return "only in the target: deleted in legacy since it was copied, or written by someone"
    if not target:
        return "missing in the target"
    markers = [sum(version.marker for version in side) for side in (legacy, target)]
    if len(legacy) - len(target) == markers[0] - markers[1]:
        return f"{markers[0]} delete markers in legacy, {markers[1]} in the target"
    return f"{len(legacy)} versions in legacy, {len(target)} in the target"
