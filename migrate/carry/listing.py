"""Both buckets' listings, key by key in order. The rule: never more than one page and one key's history in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, takewhile
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from migrate.errors import StepFailed
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
            raise StepFailed(
                f"the listing of s3://{bucket} is not in key order: {key!r} came after {last!r}",
                do="look whether this endpoint is S3; a listing without order cannot be compared",
            )
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


def plain(key: str) -> str:
    """The key as a message may hold it: with what would move a terminal's cursor, or make a line of its own, spelt."""
    return key if key.isprintable() else ascii(key)


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
        where = _next(bucket, answer, where)


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
        where = _next(bucket, answer, where)


def _next(
    bucket: str, answer: dict[str, Any], before: dict[str, Any], second: str = "VersionIdMarker"
) -> dict[str, Any]:
    """Where the next page begins. Raises StepFailed where that is nowhere, or where this one began."""
    marks = {"KeyMarker": answer.get("NextKeyMarker"), second: answer.get(f"Next{second}")}
    where = {name: mark for name, mark in marks.items() if mark}
    if not where or where == before:
        raise StepFailed(
            f"the listing of s3://{bucket} is cut off, and does not say where it goes on",
            do="look whether this endpoint is S3, and run again",
        )
    return where


def uploads(site: ReadSite, bucket: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key and id of every upload that was begun and not completed, in key order.

    Keys are asked for in URL encoding, because XML cannot hold every character of a key; botocore asks so for other
    listings by itself and not for this one. Source: s3.ListMultipartUploads EncodingType, botocore 1.44.5.
    """
    more = {"Prefix": prefix} if prefix else {}
    where: dict[str, Any] = {}
    while True:
        answer = site.call("s3.ListMultipartUploads", Bucket=bucket, EncodingType="url", **more, **where)
        decoded = unquote_plus if answer.get("EncodingType") == "url" else str
        for found in answer.get("Uploads") or ():
            yield decoded(found["Key"]), found["UploadId"]
        if not answer.get("IsTruncated"):
            return
        if answer.get("NextKeyMarker"):
            answer["NextKeyMarker"] = decoded(answer["NextKeyMarker"])
        where = _next(bucket, answer, where, "UploadIdMarker")


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
