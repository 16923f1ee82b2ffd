"""Rules over single objects: what KMS, a customer's own key, another owner or a paying requester change.

The one rule it keeps: bytes stay as the emulator holds them; only what is shown of them, and to whom, changes.
Simulated: nothing is encrypted.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import CALLER

CUSTOMER = "x-amz-server-side-encryption-customer-"
COPIED_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer-"


@strict(
    "s3.etag-under-kms",
    makes="an object encrypted by KMS has an ETag that is no MD5: a copy of the same bytes has another one",
    source="S3 API reference, Object, ETag: under SSE-C or SSE-KMS it is not an MD5 digest",
)
def etag_under_kms() -> None:
    """The emulator's ETag is always the MD5 of the bytes, so that equal ETags seem to prove something.

    Source: S3 API reference, Object, ETag. That each write gives another one is unverified (it stands for any value).
    """
    from moto.s3.models import S3Backend

    @override(S3Backend, "put_object")
    def put_object(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        key = old(self, *words, **named)
        if str(key.encryption or "").startswith("aws:kms"):
            _other_etag(key)
        return key


def _other_etag(key: Any) -> None:
    _, dash, parts = key.etag.strip('"').partition("-")
    key._etag = hashlib.md5(os.urandom(16), usedforsecurity=False).hexdigest() + dash + parts


@strict(
    "s3.checksum-type",
    makes="HeadObject says the type of a checksum, and one of parts ends in their number, as GetObject does",
    source="s3.HeadObject ChecksumType, botocore 1.44.5; S3 user guide, Checking object integrity",
)
def checksum_type() -> None:
    """The emulator says both in GetObject only. Source: s3.HeadObject, botocore 1.44.5."""
    from moto.s3.responses import S3Response

    @override(S3Response, "head_object")
    def head_object(old: Any, self: Any, bucket_name: str, query: Any, key_name: str, headers: Any) -> Any:
        status, shown, body = old(self, bucket_name, query, key_name, headers=headers)
        held = _held(bucket_name, key_name, query.get("versionId", [None])[0])
        name = f"x-amz-checksum-{str(getattr(held, 'checksum_algorithm', '') or '').lower()}"
        if status == 200 and name in shown and held.checksum_type:
            shown["x-amz-checksum-type"] = held.checksum_type
            if held.checksum_type == "COMPOSITE" and "-" not in str(shown[name]):
                shown[name] = f"{shown[name]}-{held.checksum_parts}"
        return status, shown, body


@strict(
    "s3.requester-pays",
    makes="another account's request to a Requester Pays bucket is refused unless it says that it pays",
    source="S3 user guide, Using Requester Pays buckets: 403 without x-amz-request-payer",
)
def requester_pays() -> None:
    """The emulator stores who pays and asks nobody.

    Source: S3 user guide, Downloading objects from Requester Pays buckets, unverified; 403 AccessDenied.
    """
    from moto.s3.exceptions import BucketAccessDeniedError
    from moto.s3.responses import S3Response

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        named = [self.parse_bucket_name_from_url(request, full_url), _source_of(request)[0]]
        for name in filter(None, named):
            bucket = _bucket(name)
            if bucket is None or getattr(bucket, "payer", None) != "Requester":
                continue
            if bucket.account_id != CALLER.get().account and request.headers.get("x-amz-request-payer") != "requester":
                raise BucketAccessDeniedError(name)
        return old(self, request, full_url)

    @override(S3Response, "_bucket_response")
    def bucket_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        asked = "requestPayment" in parse_qs(urlparse(full_url).query, keep_blank_values=True)
        bucket = _bucket(self.parse_bucket_name_from_url(request, full_url)) if asked else None
        if bucket is None or bucket.account_id != CALLER.get().account:
            return old(self, request, full_url)
        if request.method == "PUT":
            body = self.body if isinstance(self.body, bytes) else str(self.body).encode()
            bucket.payer = "Requester" if b"<Payer>Requester</Payer>" in body else "BucketOwner"
            return 200, {}, ""
        shown = '<RequestPaymentConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Payer>{}</Payer>'
        return 200, {"content-type": "application/xml"}, shown.format(bucket.payer) + "</RequestPaymentConfiguration>"


@strict(
    "s3.customer-key",
    makes="an object under a customer's own key (SSE-C) is read, headed and copied with that key only",
    source="s3.HeadObject, botocore 1.44.5: SSECustomerKey has to be given for an object stored with one",
)
def customer_key() -> None:
    """The emulator ignores customers' keys.

    Source: s3.GetObject and s3.CopyObject, botocore 1.44.5; codes 400 and InvalidRequest, unverified.
    """
    from moto.s3.exceptions import S3ClientError
    from moto.s3.responses import S3Response

    def demand(held: Any, given: str | None) -> None:
        if held is not None and getattr(held, "customer_key", None) not in (None, given):
            raise S3ClientError(
                "InvalidRequest",
                "The object was stored using a form of Server Side Encryption. "
                "The correct parameters must be provided to retrieve the object.",
            )

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        name, path = self.parse_bucket_name_from_url(request, full_url), self.parse_key_name()
        query = parse_qs(urlparse(full_url).query, keep_blank_values=True)
        source, key, wanted = _source_of(request)
        if source:
            demand(_held(source, key, wanted), request.headers.get(f"{COPIED_CUSTOMER}key-md5"))
        given = request.headers.get(f"{CUSTOMER}key-md5")
        if request.method in ("GET", "HEAD") and "tagging" not in query and "uploadId" not in query:
            held = _held(name, path, query.get("versionId", [None])[0])
            if request.method == "HEAD" and getattr(held, "customer_key", None) not in (None, given):
                return 400, {}, ""
            demand(held, given)
        answer = old(self, request, full_url)
        if request.method == "PUT" and given and (kept := _held(name, path, None)) is not None:
            kept.customer_key = given
            _other_etag(kept)
        return answer


@strict(
    "s3.retention-in-the-future",
    makes="PutObjectRetention until a time that is over is refused",
    source="S3 user guide, Object Lock: 'The retain until date must be in the future', unverified",
)
def retention_in_the_future() -> None:
    """The emulator takes any date.

    Source: s3.PutObjectRetention, botocore 1.44.5; code InvalidArgument, unverified.
    """
    from moto.s3.exceptions import S3ClientError
    from moto.s3.models import S3Backend

    @override(S3Backend, "put_object_retention")
    def put_object_retention(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        until = str((named.get("retention") or words[-1])[1] or "")
        if until and until[:19] <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"):
            raise S3ClientError("InvalidArgument", "The retain until date must be in the future!")
        return old(self, *words, **named)


@strict(
    "s3.conditional-delete",
    makes="DeleteObject with If-Match deletes only the object with that ETag",
    source="S3 user guide, How to perform conditional deletes: 412 Precondition Failed",
)
def conditional_delete() -> None:
    """The emulator deletes whatever the header says. Source: S3 user guide, conditional-deletes."""
    from moto.s3.exceptions import PreconditionFailed
    from moto.s3.responses import S3Response

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        wanted = request.headers.get("If-Match") if request.method == "DELETE" else None
        if wanted:
            name, path = self.parse_bucket_name_from_url(request, full_url), self.parse_key_name()
            held = _held(name, path, None)
            if held is None or wanted.strip('"') not in ("*", held.etag.strip('"')):
                raise PreconditionFailed("If-Match")
        return old(self, request, full_url)


@strict(
    "s3.owned-by-its-writer",
    makes="where the bucket leaves an object to its writer, the bucket's owner and its policy do not reach it",
    source="S3 user guide, Controlling ownership of objects and disabling ACLs (ObjectWriter)",
)
def owned_by_its_writer() -> None:
    """In the emulator every object is its bucket's. Only buckets that say ObjectWriter or BucketOwnerPreferred differ.

    Source: S3 user guide, about-object-ownership; 403 AccessDenied, unverified for each operation.
    """
    from moto.s3.exceptions import BucketAccessDeniedError
    from moto.s3.responses import S3Response

    def demand(name: str | None, key: str, wanted: str | None) -> None:
        owner = getattr(_held(name, key, wanted), "written_by", None)
        if owner is not None and owner != CALLER.get().account:
            raise BucketAccessDeniedError(name or "")

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        name, path = self.parse_bucket_name_from_url(request, full_url), self.parse_key_name()
        query = parse_qs(urlparse(full_url).query, keep_blank_values=True)
        source, key, wanted = _source_of(request)
        if source:
            demand(source, key, wanted)
        if request.method in ("GET", "HEAD"):
            demand(name, path, query.get("versionId", [None])[0])
        answer = old(self, request, full_url)
        bucket, caller = _bucket(name), CALLER.get().account
        if request.method == "PUT" and bucket is not None and caller and caller != bucket.account_id:
            given = request.headers.get("x-amz-acl") == "bucket-owner-full-control"
            left = {"ObjectWriter": True, "BucketOwnerPreferred": not given}.get(
                str(bucket.ownership_rule or ""), False
            )
            kept = _held(name, path, None)
            if left and not given and kept is not None:
                kept.written_by = caller
        return answer


def _source_of(request: Any) -> tuple[str, str, str | None]:
    """Bucket, key and version id that a copy reads; empty where the request is no copy."""
    said = request.headers.get("x-amz-copy-source")
    if not said:
        return "", "", None
    parsed = urlparse(said)
    name, _, key = unquote(parsed.path).lstrip("/").partition("/")
    return name, key, parse_qs(parsed.query).get("versionId", [None])[0]


def _bucket(name: str | None) -> Any:
    from moto.s3.models import s3_backends

    _, owner = s3_backends.bucket_accounts.get(name or "", ("", ""))
    return s3_backends[owner]["aws"].buckets.get(name) if name and owner else None


def _held(name: str | None, key: str, wanted: str | None) -> Any:
    """The key or version as the emulator holds it, or None; never a delete marker."""
    from moto.s3.models import FakeDeleteMarker

    bucket = _bucket(name)
    if bucket is None:
        return None
    versions = bucket.keys.getlist(key, [])
    found = next((one for one in versions if one.version_id == wanted), None) if wanted else bucket.keys.get(key)
    return None if isinstance(found, FakeDeleteMarker) else found
