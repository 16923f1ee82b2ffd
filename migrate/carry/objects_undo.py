"""Take a bucket's carried objects away again, and say before it what that would lose.

The rule: a version is ours where the manifest says so and nobody changed it since, or where it is equal to legacy's.
Anything else is somebody's, and goes only where a person said yes to the list of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from migrate.carry import batch_jobs
from migrate.carry.lanes import in_lanes
from migrate.carry.listing import History, Version, batches, histories, plain
from migrate.carry.manifest import Manifest, Row, manifest_path
from migrate.carry.objects import BATCH, SHOWN, merged
from migrate.carry.prove_objects import compared
from migrate.carry.refusals import unless
from migrate.carry.same_object import Buckets, at, head, in_force, object_tags
from migrate.errors import Conflict
from migrate.kind import Carrier

BEGUN = "taking_away"
"""What the step remembers while objects are deleted."""

_Item = tuple[str, History, History, list[Row]]
"""One key with both histories, and the rows by which versions of it in the target were ours."""


@dataclass
class _Keys:
    """Some keys: all are counted, the first are named."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, key: str, why: str = "") -> None:
        self.count += 1
        if len(self.named) < SHOWN:
            self.named.append(plain(key) + (f": {why}" if why else ""))

    def __str__(self) -> str:
        more = [f"and {self.count - len(self.named)} more"] if self.count > len(self.named) else []
        return "; ".join([*self.named, *more])


def written_since(to: Carrier, buckets: Buckets) -> list[str]:
    """What the target's bucket took since its copy was proved, and legacy has not: lines, empty for nothing.

    Keys that were deleted there count too: a rollback brings legacy's back. All keys are listed and the tags of each
    copy are read; other reads only for what is not ours.
    """
    if unless(("NoSuchBucket",), lambda: to.target.call("s3.ListObjectsV2", Bucket=buckets.target, MaxKeys=1)) is None:
        return []
    foreign, deleted = _Keys(), _Keys()
    # What an earlier rollback deleted before it was ended is not missed.
    begun_before = bool(to.outputs.get(BEGUN))
    with Manifest(manifest_path(to, buckets)) as manifest:
        begun = ((batch, batch) for batch in _with_rows(to, buckets, manifest))
        with in_lanes(to.legacy, lambda item: _why_foreign(to, buckets, item), begun) as ended:
            for item, why in (pair for items, whys in ended for pair in zip(items, whys, strict=True)):
                key, legacy, target, rows = item
                if why:
                    foreign.add(key)
                elif not target and not begun_before and any(row.is_of(one) for row in rows for one in legacy):
                    deleted.add(key)
    sorts = (
        (foreign, f"keys were written or changed in s3://{buckets.target} since"),
        (deleted, f"keys were deleted in s3://{buckets.target} since, legacy still has them"),
    )
    return [f"{keys.count} {said}: {keys}" for keys, said in sorts if keys.count]


def take_away(to: Carrier, buckets: Buckets, *, may_lose: bool = False) -> int:
    """Delete from the target what was carried; return how many versions. `may_lose`: whatever else is there too.

    What the manifest says is ours goes, though legacy has changed since; anything else has to be equal to legacy.
    Raises: Conflict with the list where the target holds anything else, or what nobody can delete; nothing was deleted
    then. What is written there meanwhile stays, and is such a list too.
    """
    batch_jobs.end(to, buckets)
    kept, looked_at = _Keys(), _now(to, buckets)
    with Manifest(manifest_path(to, buckets)) as manifest:
        for items in _with_rows(to, buckets, manifest):
            for key, why in _kept(to, buckets, items, may_lose=may_lose):
                kept.add(key, why)
        if kept.count:
            raise _not_carried(buckets, kept)
        to.remember(BEGUN, "1")
        deleted = 0
        for carried in batches(histories(to.target, buckets.target, versioned=buckets.versioned), BATCH):
            versions = [version for _, history in carried for version in history]
            late = [] if may_lose else [one for one in versions if one.modified and one.modified > looked_at]
            for version in late:
                kept.add(version.key, "written while its bucket was looked at or emptied")
            gone = [version for version in versions if version not in late] if late else versions
            to.legacy.map(lambda version: _delete(to, buckets, version), gone)
            deleted += len(gone)
        if kept.count:
            raise _not_carried(buckets, kept)
        manifest.clear()
    to.remember(BEGUN, "")
    return deleted


def _not_carried(buckets: Buckets, kept: _Keys) -> Conflict:
    return Conflict(
        f"s3://{buckets.target} holds {kept.count} keys that are not what was carried: {kept}",
        do="save or remove these keys, then roll back again (under COMPLIANCE retention: once that is over)",
    )


def _now(to: Carrier, buckets: Buckets) -> datetime:
    """What time it is by AWS's clock, in whole seconds as S3 tells them."""
    answer = to.target.call("s3.ListObjectsV2", Bucket=buckets.target, MaxKeys=1)
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    try:
        return parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC).replace(microsecond=0)


def _kept(to: Carrier, buckets: Buckets, items: list[_Item], *, may_lose: bool) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if buckets.special:
        found += zip(
            (item[0] for item in items), to.legacy.map(lambda item: _fixed(to, buckets, item), items), strict=True
        )
    if not may_lose:
        whys = to.legacy.map(lambda item: _why_foreign(to, buckets, item), items)
        found += zip((item[0] for item in items), whys, strict=True)
    return [(key, why) for key, why in found if why]


def _with_rows(to: Carrier, buckets: Buckets, manifest: Manifest) -> Iterator[list[_Item]]:
    for batch in batches(merged(to, buckets), BATCH):
        known = manifest.known(key for key, _, _ in batch)
        yield [(*item, known.get(item[0], ([], []))[0]) for item in batch]


def _why_foreign(to: Carrier, buckets: Buckets, item: _Item) -> str:
    """Why what the target holds of a key is not what was carried; empty where it is.

    Of versions that are ours, and still legacy's, only tags can have changed; a bucket with locks is compared whole.
    """
    _, legacy, target, rows = item
    ours = [row for version in target for row in rows if row.is_ours(version)]
    if ours and len(ours) == len(target):
        pairs = [(one, version) for row, version in zip(ours, target, strict=True) for one in legacy if row.is_of(one)]
        if len(pairs) < len(ours):
            return ""  # what we copied, and legacy has moved on from it
        if not buckets.special:
            return next((why for pair in pairs if (why := _tags_differ(to, buckets, *pair))), "")
    return compared(to, buckets, item[0], legacy, target, begins=True).said if target else ""


def _tags_differ(to: Carrier, buckets: Buckets, legacy: Version, target: Version) -> str:
    if target.marker:
        return ""
    there, here = object_tags(to.target, buckets.target, target), object_tags(to.legacy, buckets.legacy, legacy)
    if there is None or here is None:
        return "the tags could not be read (could not be proved)"
    return "" if here == there else "tags differ"


def _fixed(to: Carrier, buckets: Buckets, item: _Item) -> str:
    """Why a key cannot be deleted by anybody; empty where it can."""
    for version in item[2]:
        found = None if version.marker else head(to.target, buckets.target, version)
        kept = in_force(found or {})
        if kept.get("ObjectLockMode") == "COMPLIANCE":
            return f"under COMPLIANCE retention until {kept['ObjectLockRetainUntilDate']:%Y-%m-%d %H:%M} UTC"
    return ""


def _delete(to: Carrier, buckets: Buckets, version: Version) -> None:
    named: dict[str, Any] = {**at(buckets.target, version), "ExpectedBucketOwner": to.place.account}
    if buckets.special and not version.marker:
        # The copy got legacy's hold and retention from us: for our own copies both are taken back.
        found = head(to.target, buckets.target, version) or {}
        if found.get("ObjectLockLegalHoldStatus") == "ON":
            to.write("s3.PutObjectLegalHold", **named, LegalHold={"Status": "OFF"})
        if in_force(found).get("ObjectLockMode") == "GOVERNANCE":
            named["BypassGovernanceRetention"] = True
    to.write("s3.DeleteObject", **named)
