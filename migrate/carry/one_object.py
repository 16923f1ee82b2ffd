"""Copy one object version as the target, with everything that AWS does not take along by itself.

The rule: nothing of the object's description is invented; what a copy needs to be told is read from legacy first.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from migrate.carry.listing import Version
from migrate.carry.same_object import GONE, HEADERS, Buckets, at, head, object_tags
from migrate.errors import StepFailed
from migrate.kind import Carrier

GIB = 1024**3
COPY_LIMIT_BYTES = 5 * GIB
"""The largest object that CopyObject takes. Source: s3.CopyObject, botocore 1.44.5."""
PART_BYTES = GIB // 2
THROUGH_BYTES = 64 * 1024 * 1024
"""The largest piece that is held in memory when bytes go through this process."""
PARTS_LIMIT = 10_000
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


def copy_version(to: Carrier, buckets: Buckets, version: Version) -> bool:
    """Copy one version or repeat one delete marker; False where it vanished from legacy meanwhile."""
    owner: dict[str, Any] = {"ExpectedBucketOwner": to.place.account}
    if version.marker:
        to.write("s3.DeleteObject", Bucket=buckets.target, Key=version.key, **owner)
        return True
    plain = not (buckets.through or buckets.special or "-" in version.etag or version.storage_class in ARCHIVED)
    if plain and version.size_bytes <= COPY_LIMIT_BYTES:
        _copy_whole(to, buckets, version, {})
        return True
    found = head(to.legacy, buckets.legacy, version)
    if found is None:
        return False
    # Source: S3 user guide, Restoring an archived object, read 2026-09.
    if version.storage_class in ARCHIVED and 'ongoing-request="false"' not in found.get("Restore", ""):
        raise StepFailed(
            f"s3://{buckets.legacy}/{version.key} is archived ({version.storage_class}) and cannot be read",
            do="restore it with s3.RestoreObject, wait until it is there, and run again",
        )
    sizes = [] if buckets.through else _part_sizes(to, buckets, version)
    if buckets.through and version.size_bytes <= THROUGH_BYTES:
        return _put_through(to, buckets, version, found)
    if len(sizes) > 1 or buckets.through or version.size_bytes > COPY_LIMIT_BYTES:
        return _by_parts(to, buckets, version, found, sizes)
    # AWS does not copy these two groups of headers with MetadataDirective COPY.
    names = ("WebsiteRedirectLocation", *(name for name in HEADERS if name.startswith("ObjectLock")))
    _copy_whole(to, buckets, version, {name: found[name] for name in names if found.get(name)})
    return True


def _copy_whole(to: Carrier, buckets: Buckets, version: Version, more: dict[str, Any]) -> None:
    # The storage class is not copied by itself.
    # Source: s3.CopyObject MetadataDirective, TaggingDirective, StorageClass, botocore 1.44.5.
    if version.storage_class != "STANDARD":
        more = more | {"StorageClass": version.storage_class}
    to.write(
        "s3.CopyObject",
        Bucket=buckets.target,
        Key=version.key,
        CopySource=at(buckets.legacy, version),
        MetadataDirective="COPY",
        TaggingDirective="COPY",
        ExpectedBucketOwner=to.place.account,
        ExpectedSourceBucketOwner=to.legacy.account,
        **more,
    )


def _described(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any]) -> dict[str, Any]:
    """Everything that a new object is told about itself."""
    told: dict[str, Any] = {name: found[name] for name in HEADERS if found.get(name) and name != "ExpiresString"}
    if found.get("ExpiresString"):
        told["Expires"] = found["ExpiresString"]
    if found.get("Metadata"):
        told["Metadata"] = found["Metadata"]
    if version.storage_class != "STANDARD":
        told["StorageClass"] = version.storage_class
    tags = object_tags(to.legacy, buckets.legacy, version)
    if tags is None:
        raise StepFailed(
            f"the tags of s3://{buckets.legacy}/{version.key} could not be read",
            do="let the legacy role do s3:GetObjectTagging and s3:GetObjectVersionTagging, and run again",
        )
    if tags:
        told["Tagging"] = urlencode(tags)
    return told


def _put_through(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any]) -> bool:
    answer = to.legacy.optional("s3.GetObject", missing=GONE, **at(buckets.legacy, version))
    if answer is None:
        return False
    to.write(
        "s3.PutObject",
        Bucket=buckets.target,
        Key=version.key,
        Body=answer["Body"].read(),
        ExpectedBucketOwner=to.place.account,
        **_described(to, buckets, version, found),
    )
    return True


def _by_parts(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any], sizes: list[int]) -> bool:
    place: dict[str, Any] = {"Bucket": buckets.target, "Key": version.key}
    owner: dict[str, Any] = {"ExpectedBucketOwner": to.place.account}
    _abort_left_over(to, buckets, version)
    started = to.write("s3.CreateMultipartUpload", **place, **owner, **_described(to, buckets, version, found))
    upload = str(started["UploadId"])

    def part(numbered: tuple[int, tuple[int, int]]) -> dict[str, Any]:
        number, (first, last) = numbered
        named: dict[str, Any] = {**place, **owner, "UploadId": upload, "PartNumber": number}
        span = f"bytes={first}-{last}"
        if buckets.through:
            body = to.legacy.call("s3.GetObject", **at(buckets.legacy, version), Range=span)["Body"].read()
            return {"PartNumber": number, "ETag": to.write("s3.UploadPart", **named, Body=body)["ETag"]}
        answer = to.write(
            "s3.UploadPartCopy",
            **named,
            CopySource=at(buckets.legacy, version),
            CopySourceRange=span,
            ExpectedSourceBucketOwner=to.legacy.account,
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    spans = list(_spans(version.size_bytes, sizes, THROUGH_BYTES if buckets.through else PART_BYTES))
    # In order: the parts of one object share the pool with the other objects, and a pool must not wait for itself.
    parts = [part(numbered) for numbered in enumerate(spans, start=1)]
    to.write("s3.CompleteMultipartUpload", **place, **owner, UploadId=upload, MultipartUpload={"Parts": parts})
    return True


def _abort_left_over(to: Carrier, buckets: Buckets, version: Version) -> None:
    """End what an earlier, interrupted try of this key began: its parts cost money and nobody sees them."""
    listed = to.target.call("s3.ListMultipartUploads", Bucket=buckets.target, Prefix=version.key)
    for upload in listed.get("Uploads") or ():
        if upload["Key"] == version.key:
            to.write("s3.AbortMultipartUpload", Bucket=buckets.target, Key=version.key, UploadId=upload["UploadId"])


def _part_sizes(to: Carrier, buckets: Buckets, version: Version) -> list[int]:
    """The sizes of the parts an object was uploaded in, so that the copy gets the same ETag; empty: one part."""
    _, dash, count = version.etag.partition("-")
    if not dash or not count.isdigit() or int(count) < 2:
        return []
    first = head(to.legacy, buckets.legacy, version, PartNumber=1)
    if first is None:
        return []
    size = int(first["ContentLength"])
    # Nearly every client uploads equal parts and a shorter last one; any other layout is left to AWS's own choice.
    if size <= 0 or -(-version.size_bytes // size) != int(count):
        return []
    return [size] * (int(count) - 1) + [version.size_bytes - size * (int(count) - 1)]


def _spans(size_bytes: int, sizes: list[int], default: int) -> Iterator[tuple[int, int]]:
    if not sizes:
        piece = max(default, -(-size_bytes // PARTS_LIMIT))
        sizes = [min(piece, size_bytes - start) for start in range(0, size_bytes, piece)]
    first = 0
    for size in sizes:
        yield first, first + size - 1
        first += size
