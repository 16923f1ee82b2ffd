"""What is known of a bucket. The rule: "not set" and AWS's default are written the same way, so both sides compare."""

from typing import Literal

from migrate.kind import Facts, Json
from migrate.kinds._documents import listed

SHARED_SID = "MigrateRead"
"""How the Sid of a migration's own statement begins."""

NO_ACCESS_BLOCK = {
    "BlockPublicAcls": False,
    "BlockPublicPolicy": False,
    "IgnorePublicAcls": False,
    "RestrictPublicBuckets": False,
}
"""What an absent configuration means. New buckets get all four since April 2023, so it has to be written out."""

PLAIN_ENCRYPTION: list[Json] = [
    {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
]
"""What an absent configuration means. Source: S3 user guide, Default encryption FAQ (January 2023)."""

NAMED = {
    "inventories": "Inventory",
    "analytics": "Analytics",
    "metrics": "Metrics",
    "tiering": "IntelligentTiering",
}
"""Configurations that a bucket has several of, each with an Id: by fact, and as their operations are called."""

_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_WRITES = ("s3:PutObject", "s3:Put*", "s3:*", "*")


class BucketFacts(Facts):
    """Source: s3.GetBucket*, s3.ListBucket*Configurations, s3.GetPublicAccessBlock, s3.GetObjectLockConfiguration,
    kms.DescribeKey."""

    versioning: Literal["", "Enabled", "Suspended"]
    mfa_delete: bool
    encryption: list[Json]
    """The rules. The AWS-managed key is not named: an account's own is meant."""
    key_manager: Literal["none", "customer", "aws"]
    key_arn: str | None
    """The customer's key that encrypts by default, however the rule names it."""
    policy: Json
    """Without the statement by which a migration reads: that one must not arrive."""
    read_shared: bool
    """Whether such a statement stands."""
    public_access_block: dict[str, bool]
    ownership: str
    acl_grants: list[Json]
    """Grants to anyone but the owner."""
    cors: list[Json]
    lifecycle: list[Json]
    lifecycle_minimum: str
    notification: dict[str, Json]
    website: Json
    logging: Json
    acceleration: str
    request_payer: str
    object_lock: Json
    replication: Json
    inventories: list[Json]
    """By Id, as are the next three."""
    analytics: list[Json]
    metrics: list[Json]
    """Of requests, for CloudWatch."""
    tiering: list[Json]
    """Archive tiers of Intelligent-Tiering."""
    abac: bool
    """Whether tags on it decide about access."""


def is_written_by_aws(facts: BucketFacts) -> bool:
    """Whether a service of AWS may put objects into it (logs, trails, reports): that comes late, and nobody stops it.

    Source: S3 user guide, Logging requests with server access logging (best effort, most within a few hours); Elastic
    Load Balancing, Access logs (AWSLogs/ from an account of AWS's own in older regions); read 2026-11.
    """
    if any(grant.get("Grantee", {}).get("URI") == _LOG_DELIVERY for grant in facts.acl_grants):
        return True
    return any(map(_lets_aws_write, listed((facts.policy or {}).get("Statement"))))


def _lets_aws_write(statement: Json) -> bool:
    if statement.get("Effect") != "Allow" or not any(one in _WRITES for one in listed(statement.get("Action"))):
        return False
    principal = statement.get("Principal")
    by_service = isinstance(principal, dict) and "Service" in principal
    return by_service or any("/AWSLogs/" in str(one) for one in listed(statement.get("Resource")))
