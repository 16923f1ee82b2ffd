"""Copy one object version as the target, with everything that AWS does not take along by itself.

The rule: nothing of the object's description is invented; what a copy needs to be told is read from legacy first.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from migrate.carry.listing import Version, plain, uploads
from migrate.carry.refusals import code_of, unbroken
from migrate.carry.same_object import CHECKSUMS, GONE, HEADERS, Buckets, at, in_force, is_composite, object_tags
from migrate.errors import Lost, StepFailed
from migrate.kind import Carrier

GIB = 1024**3
COPY_LIMIT_BYTES = 5 * GIB
"""The largest object that CopyObject takes. Source: s3.CopyObject, botocore 1.44.5."""
PART_BYTES = GIB // 2
THROUGH_BYTES = 16 * 1024 * 1024
"""The largest piece that is held in memory when bytes go through this process, while parts of that size suffice."""
MEMORY_BYTES = 256 * 1024 * 1024
"""How much all pieces together may take."""
PARTS_LIMIT = 10_000
RESTORED_DAYS = 7
"""How long a restored copy stays readable: AWS takes it away by itself, nothing of it has to be undone."""
COMPUTED = ("CRC32", "SHA256", "SHA1")
"""Checksums that botocore computes without a compiled library."""
DESCRIBED = tuple(name for name in HEADERS if name != "ExpiresString" and not name.startswith("ObjectLock"))
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")

_room = threading.Condition()
_held_bytes = 0


class Archived(Exception):
    """The object lies in an archive and cannot be read."""

    def __init__(self, version: Version, *, restoring: bool) -> None:
        super().__init__(version.key)
        self.version, self.restoring = version, restoring


class CannotSay(Exception):
    """A new object would need a request that says more of it than one can; nothing was written."""

    code = "CannotSay"


@dataclass(frozen=True, slots=True)
class Made:
    """What AWS said of a new version or delete marker: its id (none without versions), its ETag, and when."""

    version_id: str
    etag: str
    answered: float


def is_readable_whole(version: Version) -> bool:
    """Whether CopyObject makes the same of it, not being in an archive: it was uploaded whole and is small enough."""
    return not version.marker and "-" not in version.etag and version.size_bytes <= COPY_LIMIT_BYTES


def copy_version(to: Carrier, buckets: Buckets, version: Version, own: Version | None = None) -> Made | None:
    """Copy one version or repeat one delete marker; None where it vanished from legacy meanwhile.

    `own`: our copy of it, of another storage class than legacy's by now: it is read instead.

    Raises: Archived where it has to be restored first, AWS's refusal where it may not be read; nothing was written.
    """
    if version.marker:
        return made(to.write("s3.DeleteObject", Bucket=buckets.target, Key=version.key, **_owner(to)))
    if own is not None:
        return _copy_whole(to, buckets, version, {}, own)
    answer, found = _copied(to, buckets, version)
    if answer is not None and found is not None:
        hold(to, buckets, Version(version.key, answer.version_id or None, False, 0, "", "", None), found, {})
    return answer


def hold(to: Carrier, buckets: Buckets, target: Version, wanted: dict[str, Any], held: dict[str, Any]) -> bool:
    """Give our own copy legacy's retention and legal hold, where its head shows others; say whether anything was sent.

    By requests of their own: what changes them later goes the same way. A retention is never shortened: AWS refuses.
    """
    named = {**at(buckets.target, target), "ExpectedBucketOwner": to.place.account}
    keeps = [
        (found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")) for found in map(in_force, (wanted, held))
    ]
    sent = False
    if keeps[0] != keeps[1] and all(keeps[0]):
        retention = {"Mode": keeps[0][0], "RetainUntilDate": keeps[0][1]}
        to.write("s3.PutObjectRetention", **named, Retention=retention)
        sent = True
    status = wanted.get("ObjectLockLegalHoldStatus") or "OFF"
    if status != (held.get("ObjectLockLegalHoldStatus") or "OFF"):
        to.write("s3.PutObjectLegalHold", **named, LegalHold={"Status": status})
        sent = True
    return sent


def _copied(to: Carrier, buckets: Buckets, version: Version) -> tuple[Made | None, dict[str, Any] | None]:
    """The new version, and legacy's head where it had to be read."""
    looks = buckets.through or buckets.special or buckets.thorough
    plain = not (looks or "-" in version.etag or version.storage_class in ARCHIVED)
    if plain and version.size_bytes <= COPY_LIMIT_BYTES:
        return _copy_whole(to, buckets, version, {}), None
    found = _head(to, buckets, version)
    if found is None:
        return None, None
    # Source: S3 user guide, Restoring an archived object, read 2026-09.
    if version.storage_class in ARCHIVED and 'ongoing-request="false"' not in found.get("Restore", ""):
        raise Archived(version, restoring=_restoring(to, buckets, version, found))
    if buckets.through and version.size_bytes <= THROUGH_BYTES:
        return _put_through(to, buckets, version, found), found
    sizes = part_sizes(to, buckets, version)
    if buckets.through and max(sizes, default=0) > MEMORY_BYTES:
        sizes = []  # its parts are too large to be held: it is cut anew, and proved by its bytes
    if _unsayable(found) and not buckets.through and version.size_bytes <= COPY_LIMIT_BYTES:
        sizes = []  # AWS copies the description as it is, but only of an object copied whole
    if sizes or buckets.through or version.size_bytes > COPY_LIMIT_BYTES:
        return _by_parts(to, buckets, version, found, sizes), found
    # AWS does not copy it with MetadataDirective COPY. Source: s3.CopyObject, botocore 1.44.5.
    redirect = found.get("WebsiteRedirectLocation")
    more = {"WebsiteRedirectLocation": redirect} if redirect else {}
    return _copy_whole(to, buckets, version, more), found


def _restoring(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any]) -> bool:
    """Whether AWS is restoring the object now, asked to by us where migration.yaml wants it."""
    if 'ongoing-request="true"' in found.get("Restore", ""):
        return True
    if buckets.restore is None:
        return False
    request = {"Days": RESTORED_DAYS, "GlacierJobParameters": {"Tier": buckets.restore}}
    try:
        to.write("s3.RestoreObject", side="legacy", **at(buckets.legacy, version), RestoreRequest=request)
    except Exception as error:
        # Source: S3 API reference, RestoreObject, error RestoreAlreadyInProgress, read 2026-11.
        if code_of(error) != "RestoreAlreadyInProgress":
            raise
    return True


def made(answer: dict[str, Any]) -> Made:
    """Read the answer of a copy, an upload or a delete marker."""
    said = answer.get("CopyObjectResult") or answer
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    answered = _said_at(headers.get("date", "")) or time.time()
    etag = str(said.get("ETag") or "").strip('"')
    # A bucket without versions answers none, or "null". Source: S3 user guide, versioning states, unverified.
    version_id = str(answer.get("VersionId") or "")
    return Made("" if version_id == "null" else version_id, etag, answered)


@lru_cache(maxsize=64)
def _said_at(date: str) -> float | None:
    """A date header in seconds since 1970; thousands of answers have the same one."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _owner(to: Carrier) -> dict[str, Any]:
    return {"ExpectedBucketOwner": to.place.account}


def _head(to: Carrier, buckets: Buckets, version: Version, **more: Any) -> dict[str, Any] | None:
    """The head in legacy, None where the object is gone. Raises where it was refused: that is not gone."""
    try:
        return to.legacy.call("s3.HeadObject", **at(buckets.legacy, version), ChecksumMode="ENABLED", **more)
    except Exception as error:
        if code_of(error) in GONE:
            return None
        raise


def _copy_whole(
    to: Carrier, buckets: Buckets, version: Version, more: dict[str, Any], own: Version | None = None
) -> Made:
    bucket, owner, source = buckets.legacy, to.legacy.account, version
    if own is not None:
        bucket, owner, source = buckets.target, to.place.account, own
    # The storage class is not copied by itself.
    # Source: s3.CopyObject MetadataDirective, TaggingDirective, StorageClass, botocore 1.44.5.
    if version.storage_class != "STANDARD" or own is not None:
        more = more | {"StorageClass": version.storage_class}
    if source.version_id in (None, "", "null"):
        # It may be written over between the listing and now: the next pass copies what stands there then.
        more = more | {"CopySourceIfMatch": f'"{source.etag}"'}
    answer = to.write(
        "s3.CopyObject",
        Bucket=buckets.target,
        Key=version.key,
        CopySource=at(bucket, source),
        MetadataDirective="COPY",
        TaggingDirective="COPY",
        ExpectedBucketOwner=to.place.account,
        ExpectedSourceBucketOwner=owner,
        **buckets.paying,
        **more,
    )
    return made(answer)


def _unsayable(found: dict[str, Any]) -> str:
    """Why a request cannot describe a new object as this one is; empty where one can."""
    if found.get("MissingMeta"):
        return f"{found['MissingMeta']} entries of its metadata are shown by no request"
    if not all((name + value).isascii() for name, value in found.get("Metadata", {}).items()):
        return "its metadata hold other characters than ASCII"
    expires = found.get("ExpiresString")
    # Any text may stand there; the SDK sends dates only, in this form. Source: s3.PutObject Expires, botocore 1.44.5.
    return f"its Expires header is no date: {expires!r}" if expires and not _is_date(expires) else ""


def _is_date(text: str) -> bool:
    try:
        return format_datetime(parsedate_to_datetime(text), usegmt=True) == text
    except ValueError:
        return False


def _described(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any]) -> dict[str, Any]:
    """Everything that a new object is told about itself."""
    if why := _unsayable(found):
        raise CannotSay(why)
    told: dict[str, Any] = {name: found[name] for name in DESCRIBED if found.get(name)}
    if found.get("ExpiresString"):
        told["Expires"] = found["ExpiresString"]
    if found.get("Metadata"):
        told["Metadata"] = found["Metadata"]
    if version.storage_class != "STANDARD":
        told["StorageClass"] = version.storage_class
    tags = object_tags(to.legacy, buckets.legacy, version)
    if tags is None:
        raise StepFailed(
            f"the tags of s3://{buckets.legacy}/{plain(version.key)} could not be read",
            do="let the legacy role do s3:GetObjectTagging and s3:GetObjectVersionTagging, and run again",
        )
    if tags:
        told["Tagging"] = urlencode(tags)
    return told


def _put_through(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any]) -> Made | None:
    described = _described(to, buckets, version, found)
    with _memory(version.size_bytes):
        try:
            body = _bytes(to, buckets, version)
        except Exception as error:
            if code_of(error) in GONE:
                return None
            raise
        return made(
            to.write("s3.PutObject", Bucket=buckets.target, Key=version.key, Body=body, **_owner(to), **described)
        )


def _bytes(to: Carrier, buckets: Buckets, version: Version, **more: Any) -> bytes:
    """Legacy's bytes as they were listed: one that is written over meanwhile would be described as what it was."""

    def read() -> bytes:
        answer = to.legacy.call("s3.GetObject", **at(buckets.legacy, version), IfMatch=f'"{version.etag}"', **more)
        return bytes(answer["Body"].read())

    return unbroken(read)


def _by_parts(to: Carrier, buckets: Buckets, version: Version, found: dict[str, Any], sizes: list[int]) -> Made:
    place: dict[str, Any] = {"Bucket": buckets.target, "Key": version.key}
    owner = _owner(to)
    _abort_left_over(to, buckets, version)
    described = _described(to, buckets, version, found)
    checksum = _checksum(buckets, version, found, sizes)
    started = to.write("s3.CreateMultipartUpload", **place, **owner, **described, **checksum)
    upload = str(started["UploadId"])

    def part(numbered: tuple[int, tuple[int, int]]) -> dict[str, Any]:
        number, (first, last) = numbered
        named: dict[str, Any] = {**place, **owner, "UploadId": upload, "PartNumber": number}
        span = f"bytes={first}-{last}"
        if buckets.through:
            with _memory(last - first + 1):
                body = _bytes(to, buckets, version, Range=span)
                named["ChecksumAlgorithm"] = checksum["ChecksumAlgorithm"]
                return _part(number, to.write("s3.UploadPart", **named, Body=body))
        answer = to.write(
            "s3.UploadPartCopy",
            **named,
            CopySource=at(buckets.legacy, version),
            CopySourceRange=span,
            ExpectedSourceBucketOwner=to.legacy.account,
            # The object may be written over between two parts: then a mixture would arrive.
            CopySourceIfMatch=f'"{version.etag}"',
            **buckets.paying,
        )
        return _part(number, answer["CopyPartResult"])

    spans = list(_spans(version.size_bytes, sizes, THROUGH_BYTES if buckets.through else PART_BYTES))
    kind = {name: value for name, value in checksum.items() if name == "ChecksumType"}
    try:
        parts = to.legacy.map(part, list(enumerate(spans, start=1)))
        done = to.write(
            "s3.CompleteMultipartUpload", **place, **owner, **kind, UploadId=upload, MultipartUpload={"Parts": parts}
        )
    except Lost:
        raise  # it may be complete: a look tells
    except Exception:
        # The next pass may find another object here, or none, and not come by again.
        to.write("s3.AbortMultipartUpload", **place, UploadId=upload)
        raise
    return made(done)


def _part(number: int, said: dict[str, Any]) -> dict[str, Any]:
    """A finished part, as CompleteMultipartUpload wants it: with the checksum that it was given."""
    checksums = {name: value for name, value in said.items() if name.startswith("Checksum") and value}
    return {"PartNumber": number, "ETag": said["ETag"], **checksums}


def _checksum(buckets: Buckets, version: Version, found: dict[str, Any], sizes: list[int]) -> dict[str, Any]:
    """Ask for legacy's own sort of checksum, so that both sides have one in common.

    A checksum of checksums says the same only for the same parts. What goes through this process has to be one that
    is computed here: every part says it, and AWS refuses a part whose sort is another than its upload's.
    Source: s3.CreateMultipartUpload and s3.UploadPart ChecksumAlgorithm, ChecksumType, botocore 1.44.5.
    """
    for name in COMPUTED if buckets.through else CHECKSUMS:
        value = found.get(f"Checksum{name}")
        composite = is_composite(version, found, value or "")
        if value and (sizes or not composite):
            return {"ChecksumAlgorithm": name, "ChecksumType": "COMPOSITE" if composite else "FULL_OBJECT"}
    return {"ChecksumAlgorithm": COMPUTED[0], "ChecksumType": "FULL_OBJECT"} if buckets.through else {}


@contextmanager
def _memory(size_bytes: int) -> Iterator[None]:
    """Wait until there is room for so many bytes in this process. One piece always finds room."""
    global _held_bytes
    with _room:
        _room.wait_for(lambda: _held_bytes == 0 or _held_bytes + size_bytes <= MEMORY_BYTES)
        _held_bytes += size_bytes
    try:
        yield
    finally:
        with _room:
            _held_bytes -= size_bytes
            _room.notify_all()


def _abort_left_over(to: Carrier, buckets: Buckets, version: Version) -> None:
    """End what an earlier, interrupted try of this key began: its parts cost money and nobody sees them."""
    for key, upload in uploads(to.target, buckets.target, version.key):
        if key != version.key:
            return  # of all keys that begin like it, the key itself comes first
        to.write("s3.AbortMultipartUpload", Bucket=buckets.target, Key=key, UploadId=upload)


def part_sizes(to: Carrier, buckets: Buckets, version: Version) -> list[int]:
    """The sizes of the parts an object was uploaded in; empty where it was not, or cannot be told any more.

    Nearly every client uploads equal parts and another last one: the first and the last tell that. For any other layout
    each part is asked for. Where the middle deceives, the copy is right and only its ETag another.
    """
    _, dash, said = version.etag.partition("-")
    if not dash or not said.isdigit() or version.size_bytes == 0:
        return []
    count = int(said)

    def size_of(number: int) -> int:
        found = _head(to, buckets, version, PartNumber=number)
        return int(found["ContentLength"]) if found else 0

    first, last = size_of(1), size_of(count)
    if first > 0 and last > 0 and first * (count - 1) + last == version.size_bytes:
        return [first] * (count - 1) + [last]
    sizes = [first, *to.legacy.map(size_of, range(2, count)), last] if count > 1 else [first]
    # An endpoint that does not know parts shows the whole object for each of them.
    return list(sizes) if sum(sizes) == version.size_bytes else []


def _spans(size_bytes: int, sizes: list[int], default: int) -> Iterator[tuple[int, int]]:
    if not sizes:
        piece = max(default, -(-size_bytes // PARTS_LIMIT))
        sizes = [min(piece, size_bytes - start) for start in range(0, size_bytes, piece)]
    first = 0
    for size in sizes:
        yield first, first + size - 1
        first += size
