"""Whether two objects are the same. The rule: equal is only what was compared; what could not be read is said so.

An ETag is the MD5 of the bytes only for objects of one part that are not encrypted by KMS or by a customer's key;
only there does equality count. Else checksums decide, and where both sides have none in common, the bytes do.
Source: Amazon S3 user guide, Checking object integrity, read 2026-09.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from migrate.carry.listing import Version
from migrate.carry.refusals import BROKEN, code_of, unbroken
from migrate.kind import Carrier, ReadSite

CHECKSUMS = ("CRC64NVME", "SHA256", "SHA512", "SHA1", "CRC32C", "CRC32", "MD5", "XXHASH128", "XXHASH3", "XXHASH64")
HEADERS = (
    "ContentType",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ExpiresString",
    "WebsiteRedirectLocation",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
)
_ENCRYPTED = {"AES256": 1, "aws:kms": 2, "aws:kms:dsse": 3}
"""How closely an object is kept. Its copy lies under what its new bucket does by default, and never under less: what is
encrypted by KMS arrives so only in a bucket that does."""
GONE = ("404", "NoSuchKey", "NotFound", "NoSuchVersion")
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Buckets:
    """The two buckets of one copy, and what of their configuration decides how it is done."""

    legacy: str
    target: str
    versioned: bool
    through: bool = False
    """Encrypted by legacy's AWS-managed key, which no other account may use: the bytes go through this process."""
    special: bool = False
    """May hold redirects or locks, which CopyObject does not take along by itself."""
    requester_pays: bool = False
    """Legacy's bucket refuses another account that does not say that it pays."""
    thorough: bool = False
    """A proof found a difference: what is ours by the manifest is compared too, not trusted to be as it was made."""
    read_up_to_bytes: int | None = None
    """Larger objects without a checksum in common are not read for the proof: a person decided so. None: all are."""

    restore: str | None = None
    """The tier in which legacy's archived objects are restored before they are copied. None: a person does it."""
    batch_from: int | None = None
    """So many missing objects, and S3 Batch Operations copies them. None: each is copied by a request of ours."""
    keys: tuple[str, str] | None = None
    """The ARNs of the customer's KMS keys that encrypt legacy's bucket and the target's, for a job's role."""

    @property
    def paying(self) -> dict[str, Any]:
        """What a copy has to say of who pays."""
        return {"RequestPayer": "requester"} if self.requester_pays else {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says: nothing is equal, `different` names what differs, `unproved` why nobody can tell."""

    different: str = ""
    unproved: str = ""
    by: Literal["", "checksum", "md5", "bytes", "layout"] = ""
    """What told that the content is equal. `layout`: nothing did, but size and parts are; a person decided that it will
    do. Nothing for a delete marker."""

    @property
    def equal(self) -> bool:
        """Whether everything was compared and nothing differs."""
        return not self.different and not self.unproved


def at(bucket: str, version: Version) -> dict[str, Any]:
    """The parameters that name one version."""
    named = {"Bucket": bucket, "Key": version.key}
    return named | ({"VersionId": version.version_id} if version.version_id else {})


def head(site: ReadSite, bucket: str, version: Version, **more: Any) -> dict[str, Any] | None:
    """HeadObject with checksums, or None where the object is gone (or its head was refused)."""
    return site.optional("s3.HeadObject", missing=GONE, **at(bucket, version), ChecksumMode="ENABLED", **more)


def in_force(found: dict[str, Any]) -> dict[str, Any]:
    """The head without a retention that is over: it protects nothing any more, and AWS sets none for a past date."""
    until = found.get("ObjectLockRetainUntilDate")
    if not isinstance(until, datetime) or until > datetime.now(UTC):
        return found
    over = ("ObjectLockMode", "ObjectLockRetainUntilDate")
    return {name: value for name, value in found.items() if name not in over}


def object_tags(site: ReadSite, bucket: str, version: Version) -> dict[str, str] | None:
    """The object's own tags, or None where it is gone (or they were refused)."""
    answer = site.optional("s3.GetObjectTagging", missing=GONE, **at(bucket, version))
    return None if answer is None else {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def compare(to: Carrier, buckets: Buckets, legacy: Version, target: Version) -> Verdict:
    """Compare one version with its copy: bytes, headers, metadata, tags, storage class."""
    if legacy.marker or target.marker:
        return Verdict("" if legacy.marker == target.marker else "a delete marker on one side")
    if legacy.size_bytes != target.size_bytes:
        return Verdict(f"size {legacy.size_bytes} and {target.size_bytes} bytes")
    if legacy.storage_class != target.storage_class:
        return Verdict(f"storage class {legacy.storage_class} and {target.storage_class}")
    left, right = head(to.legacy, buckets.legacy, legacy), head(to.target, buckets.target, target)
    if left is not None and right is not None:
        left, right = in_force(left), in_force(right)
    if left is None or right is None:
        return Verdict(unproved=f"the head in {'legacy' if left is None else 'the target'} could not be read")
    for name in HEADERS:
        if left.get(name) != right.get(name):
            return Verdict(f"{name} differs")
    if _ENCRYPTED.get(_by(left), 0) > _ENCRYPTED.get(_by(right), 0):
        only = _by(right) or "nothing"
        return Verdict(f"encrypted by {_by(left)} and by {only}: copy it onto itself in the target, under a key there")
    if left.get("Metadata", {}) != right.get("Metadata", {}):
        return Verdict("metadata differ")
    if left.get("MissingMeta") != right.get("MissingMeta"):
        return Verdict("metadata that no request shows differ in number")
    if left.get("MissingMeta"):
        return Verdict(unproved=f"{left['MissingMeta']} entries of the metadata are shown by no request")
    tags = object_tags(to.legacy, buckets.legacy, legacy), object_tags(to.target, buckets.target, target)
    if tags[0] is None or tags[1] is None:
        return Verdict(unproved="the tags could not be read")
    if tags[0] != tags[1]:
        return Verdict("tags differ")
    return _content(to, buckets, (legacy, left), (target, right))


def _by(found: dict[str, Any]) -> str:
    return str(found.get("ServerSideEncryption") or "")


def _content(
    to: Carrier, buckets: Buckets, legacy: tuple[Version, dict[str, Any]], target: tuple[Version, dict[str, Any]]
) -> Verdict:
    (left, left_head), (right, right_head) = legacy, target
    by_checksum = _by_checksum(left, left_head, right, right_head)
    if by_checksum is not None:
        return by_checksum
    if left.etag == right.etag and _is_md5(left, left_head) and _is_md5(right, right_head):
        return Verdict(by="md5")
    if buckets.read_up_to_bytes is not None and left.size_bytes > buckets.read_up_to_bytes:
        return _by_layout(to, buckets, left, right)
    digests = _hash(to.legacy, buckets.legacy, left), _hash(to.target, buckets.target, right)
    if not all(digests):
        return Verdict(unproved="no checksum in common, and the bytes could not be read")
    return Verdict(by="bytes") if digests[0] == digests[1] else Verdict("the bytes differ")


def _by_layout(to: Carrier, buckets: Buckets, left: Version, right: Version) -> Verdict:
    """What is left to compare without reading: the size is equal by now, so the first part and the number of parts."""
    one = head(to.legacy, buckets.legacy, left, PartNumber=1)
    other = head(to.target, buckets.target, right, PartNumber=1)
    if one is None or other is None:
        return Verdict(unproved="the parts could not be read")
    layouts = [(found.get("ContentLength"), found.get("PartsCount", 1)) for found in (one, other)]
    return Verdict(by="layout") if layouts[0] == layouts[1] else Verdict(unproved="the parts differ, and no checksum")


def _is_md5(version: Version, found: dict[str, Any]) -> bool:
    by_kms = str(found.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in found
    return "-" not in version.etag and not by_kms


def is_composite(version: Version, found: dict[str, Any], value: str) -> bool:
    """Whether the checksum is one of the parts' checksums. Where nothing says it, that of an object in parts may be."""
    said = found.get("ChecksumType") or ("COMPOSITE" if "-" in version.etag else "FULL_OBJECT")
    return said == "COMPOSITE" or "-" in value


def _by_checksum(legacy: Version, left: dict[str, Any], target: Version, right: dict[str, Any]) -> Verdict | None:
    """The verdict of a checksum that both sides have; None where there is none that decides.

    A checksum of the parts' checksums (it ends in their number) decides only where it is equal: an object cut
    otherwise has another one. Source: S3 user guide, Checking object integrity, read 2026-09.
    """
    for name in CHECKSUMS:
        one, other = left.get(f"Checksum{name}"), right.get(f"Checksum{name}")
        if not one or not other:
            continue
        if one == other:
            return Verdict(by="checksum")
        sides = ((legacy, left, one), (target, right, other))
        if not any(is_composite(*side) for side in sides):
            return Verdict(f"the {name} of the bytes differs")
    return None


def _hash(site: ReadSite, bucket: str, version: Version) -> str:
    def digest(body: Any) -> str:
        found = hashlib.sha256()
        while chunk := body.read(CHUNK):
            found.update(chunk)
        return found.hexdigest()

    def read() -> str:
        answer = site.optional("s3.GetObject", missing=GONE, **at(bucket, version))
        return "" if answer is None else digest(answer["Body"])

    try:
        return unbroken(read)
    except Exception as error:
        if code_of(error) not in BROKEN:
            raise
        return ""
