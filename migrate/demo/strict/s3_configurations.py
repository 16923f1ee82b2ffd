"""Configurations of a bucket that the emulator has not, or has not whole: kept as they were written, and shown so.

The one rule it keeps: what is read is what was put, element by element. Simulated: none of them does anything here,
but replication (s3_replication).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlparse

from migrate.demo.strict import override, strict
from migrate.demo.strict._as_role import bucket_of

NAMED = {
    "inventory": "InventoryConfiguration",
    "analytics": "AnalyticsConfiguration",
    "metrics": "MetricsConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
}
"""Of which a bucket has several, each with an id: by what a request asks for, and as XML calls one."""
_SINGLE = ("abac", "replication", "requestPayment")
_SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_DEFAULTS = {
    "abac": f"<AbacStatus {_SPACE}><Status>Disabled</Status></AbacStatus>",
    "requestPayment": f"<RequestPaymentConfiguration {_SPACE}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
}
_XML = {"content-type": "application/xml"}
PAGE = 100


@strict(
    "s3.configurations",
    makes="a bucket's inventories, analytics, metrics, archive tiers, replication and ABAC are kept as they are put",
    source="s3.PutBucketInventoryConfiguration, PutBucketReplication, PutBucketAbac, botocore 1.44.5",
)
def configurations() -> None:
    """The emulator takes most of these calls for CreateBucket or DeleteBucket, and changes the rest.

    Source: s3.ListBucketInventoryConfigurations (100 a page), s3.PutBucketAbac (PutBucketTagging no longer works; its
    error code MethodNotAllowed is unverified), s3.PutBucketReplication, botocore 1.44.5; S3 user guide, Replication
    configuration: both buckets are versioned. Error codes unverified.
    """
    from moto.s3.exceptions import S3ClientError
    from moto.s3.responses import S3Response

    @override(S3Response, "_bucket_response")
    def bucket_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        query = parse_qs(urlparse(full_url).query, keep_blank_values=True)
        bucket = bucket_of(self.parse_bucket_name_from_url(request, full_url) or "")
        asked = next((one for one in (*NAMED, *_SINGLE) if one in query), None)
        if bucket is None or request.method not in ("GET", "PUT", "DELETE"):
            return old(self, request, full_url)
        if "tagging" in query and request.method != "GET" and "Enabled" in _kept(bucket).get(("abac", ""), ""):
            raise S3ClientError("MethodNotAllowed", "ABAC is enabled: use TagResource and UntagResource")
        if asked is None:
            return old(self, request, full_url)
        own = (asked, query.get("id", [""])[0])
        if request.method == "PUT":
            body = self.body.decode() if isinstance(self.body, bytes) else str(self.body)
            if asked == "replication":
                _demand_versions(bucket, body)
            _kept(bucket)[own] = _bare(body)
            return 200, {}, ""
        if request.method == "DELETE":
            if _kept(bucket).pop(own, None) is None and asked in NAMED:
                raise S3ClientError("NoSuchConfiguration", "The specified configuration does not exist.")
            return 204, {}, ""
        return _shown(bucket, own, query)

    def _demand_versions(bucket: Any, body: str) -> None:
        for named in re.findall(r"<Bucket>([^<]*)</Bucket>", body):
            there = bucket_of(named)
            if not bucket.is_versioned or (there is not None and not there.is_versioned):
                where = "source" if not bucket.is_versioned else "destination"
                raise S3ClientError("InvalidRequest", f"Versioning must be 'Enabled' on the {where} bucket")

    def _shown(bucket: Any, own: tuple[str, str], query: dict[str, list[str]]) -> Any:
        asked, number = own
        if asked in NAMED and not number:
            return 200, _XML, _listed(bucket, asked, query.get("continuation-token", [""])[0])
        text = _kept(bucket).get(own, _DEFAULTS.get(asked))
        if text is None:
            code = "ReplicationConfigurationNotFoundError" if asked == "replication" else "NoSuchConfiguration"
            raise S3ClientError(code, "The specified configuration does not exist.")
        return 200, _XML, text


def replication_of(bucket: Any) -> str:
    """The bucket's replication configuration as XML, or nothing."""
    return _kept(bucket).get(("replication", ""), "")


def _kept(bucket: Any) -> dict[tuple[str, str], str]:
    """By what it is and its id."""
    kept: dict[tuple[str, str], str] = bucket.__dict__.setdefault("strict_configurations", {})
    return kept


def _listed(bucket: Any, asked: str, after: str) -> str:
    ids = sorted(number for sort, number in _kept(bucket) if sort == asked and number > after)
    page, more = ids[:PAGE], ids[PAGE:]
    name = f"List{NAMED[asked]}sResult"
    token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
    truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
    held = "".join(_kept(bucket)[asked, number] for number in page)
    return f"<{name} {_SPACE}>{truncated}{token}{held}</{name}>"


def _bare(body: str) -> str:
    """Without the declaration, so that it can stand in a list."""
    return re.sub(r"^\s*<\?xml[^>]*\?>\s*", "", body)
