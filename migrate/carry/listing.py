"""Both buckets' listings, key by key in order. The rule: never more than one page and one key's history in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, takewhile
from typing import Any, TypeVar

from migrate.kind import ReadSite

PAGE = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """One object version or delete marker. In a bucket that never had versioning: the object, without version id."""

    key: str
    version_id: str | None
    marker: bool
    size_bytes: int
    etag: str
    storage_class: str
    modified: datetime | None


History = tuple[Version, ...]
"""The versions of one key, oldest first."""


def histories(site: ReadSite, bucket: str, *, versioned: bool) -> Iterator[tuple[str, History]]:
    """Every key with its history, in S3's order: by the bytes of the key."""
    versions = _versions(site, bucket) if versioned else _objects(site, bucket)
    last: str | None = None
    for key, newest_first in groupby(versions, key=lambda version: version.key):
        if last is not None and key <= last:
            raise ValueError(f"the listing of {bucket} is not in key order: {key!r} came after {last!r}")
        last = key
        yield key, tuple(newest_first)[::-1]


def history_of(site: ReadSite, bucket: str, key: str, *, versioned: bool) -> History:
    """One key's history as it is now, oldest first; empty where the bucket has no such key."""
    listed = _versions(site, bucket, Prefix=key) if versioned else _objects(site, bucket, Prefix=key)
    # Of all keys that begin like it, the key itself is listed first.
    return tuple(takewhile(lambda version: version.key == key, listed))[::-1]


def side_by_side(
    legacy: Iterator[tuple[str, History]], target: Iterator[tuple[str, History]]
) -> Iterator[tuple[str, History, History]]:
    """Merge two listings: every key of either, with an empty history where one side does not have it."""
    left, right = next(legacy, None), next(target, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield left[0], left[1], ()
            left = next(legacy, None)
        elif left is None or right[0] < left[0]:
            yield right[0], (), right[1]
            right = next(target, None)
        else:
            yield left[0], left[1], right[1]
            left, right = next(legacy, None), next(target, None)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


def _objects(site: ReadSite, bucket: str, **more: Any) -> Iterator[Version]:
    for found in site.pages("s3.ListObjectsV2", "Contents", Bucket=bucket, MaxKeys=PAGE, **more):
        yield _version(found, versioned=False)


def _versions(site: ReadSite, bucket: str, **more: Any) -> Iterator[Version]:
    """Newest first within a key."""
    where: dict[str, Any] = {}
    while True:
        answer = site.call("s3.ListObjectVersions", Bucket=bucket, MaxKeys=PAGE, **more, **where)
        versions = [_version(found) for found in answer.get("Versions", ())]
        markers = [_version(found, marker=True) for found in answer.get("DeleteMarkers", ())]
        marked = {marker.key for marker in markers}
        by_key: dict[str, list[Version]] = {}
        for version in [*versions, *markers]:
            by_key.setdefault(version.key, []).append(version)
        for key in sorted(by_key):
            found = by_key[key]
            # AWS lists versions and markers apart, each newest first; only their times, in whole seconds, say which of
            # the two came first.
            marks = {version.modified for version in found if version.marker}
            if marks & {version.modified for version in found if not version.marker}:
                found = _in_true_order(site, bucket, key, {version.version_id for version in found})
            elif key in marked:
                found.sort(key=lambda version: version.modified or datetime.min, reverse=True)
            yield from found
        if not answer.get("IsTruncated"):
            return
        where = _next(answer)


def _in_true_order(site: ReadSite, bucket: str, key: str, wanted: set[str | None]) -> list[Version]:
    """The same versions, listed one by one: an answer that holds one thing cannot hide its order."""
    ordered: list[Version] = []
    where: dict[str, Any] = {}
    while True:
        answer = site.call("s3.ListObjectVersions", Bucket=bucket, Prefix=key, MaxKeys=1, **where)
        found = [_version(one) for one in answer.get("Versions", ())]
        found += [_version(one, marker=True) for one in answer.get("DeleteMarkers", ())]
        ordered += [version for version in found if version.key == key and version.version_id in wanted]
        past = any(version.key != key for version in found)
        if past or not answer.get("IsTruncated") or len(ordered) == len(wanted):
            return ordered
        where = _next(answer)


def _next(answer: dict[str, Any]) -> dict[str, Any]:
    marks = {"KeyMarker": answer.get("NextKeyMarker"), "VersionIdMarker": answer.get("NextVersionIdMarker")}
    return {name: mark for name, mark in marks.items() if mark}


def _version(found: dict[str, Any], *, marker: bool = False, versioned: bool = True) -> Version:
    return Version(
        found["Key"],
        found["VersionId"] if versioned else None,
        marker,
        0 if marker else found["Size"],
        "" if marker else str(found["ETag"]).strip('"'),
        "" if marker else found.get("StorageClass") or "STANDARD",
        found.get("LastModified"),
    )
