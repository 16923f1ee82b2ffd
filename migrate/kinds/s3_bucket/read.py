"""Read one bucket's configuration. The rule: configuration only, no key and no object is ever listed by a scan."""

import json
from datetime import datetime
from typing import Any, Literal

from migrate.kind import Json, ReadSite, pair_tags
from migrate.kinds.s3_bucket.facts import NAMED, NO_ACCESS_BLOCK, PLAIN_ENCRYPTION, SHARED_SID, BucketFacts

READS = frozenset(
    {
        "kms.DescribeKey",
        "s3.GetBucketAbac",
        "s3.GetBucketAccelerateConfiguration",
        "s3.GetBucketAcl",
        "s3.GetBucketCors",
        "s3.GetBucketEncryption",
        "s3.GetBucketLifecycleConfiguration",
        "s3.GetBucketLocation",
        "s3.GetBucketLogging",
        "s3.GetBucketNotificationConfiguration",
        "s3.GetBucketOwnershipControls",
        "s3.GetBucketPolicy",
        "s3.GetBucketReplication",
        "s3.GetBucketRequestPayment",
        "s3.GetBucketTagging",
        "s3.GetBucketVersioning",
        "s3.GetBucketWebsite",
        "s3.GetObjectLockConfiguration",
        "s3.GetPublicAccessBlock",
        "s3.ListBuckets",
        *(f"s3.ListBucket{called}Configurations" for called in NAMED.values()),
    }
)
GONE = "NoSuchBucket"


def owned_buckets(site: ReadSite, only: str | None) -> list[dict[str, Any]]:
    """The account's own buckets: the list holds no other account's, so a name taken elsewhere is not mistaken."""
    wanted: dict[str, Any] = {"Prefix": only} if only else {"MaxBuckets": 1000}
    found = site.pages("s3.ListBuckets", "Buckets", **wanted)
    return [bucket for bucket in found if only is None or bucket["Name"] == only]


def bucket_region(site: ReadSite, bucket: dict[str, Any]) -> str:
    """Where it is: none is us-east-1, EU is eu-west-1. Source: s3.GetBucketLocation, botocore 1.44.5."""
    if bucket.get("BucketRegion"):
        return str(bucket["BucketRegion"])
    answer = site.optional("s3.GetBucketLocation", missing=(GONE,), Bucket=bucket["Name"])
    if answer is None:
        return ""
    said = answer.get("LocationConstraint") or "us-east-1"
    return "eu-west-1" if said == "EU" else str(said)


def bucket_tags(site: ReadSite, name: str) -> dict[str, str]:
    """Its tags."""
    answer = site.optional("s3.GetBucketTagging", missing=("NoSuchTagSet", GONE), Bucket=name)
    return pair_tags(answer["TagSet"] if answer else ())


def read_facts(site: ReadSite, name: str) -> BucketFacts:
    """Everything but the tags."""

    def read(operation: str, *missing: str) -> dict[str, Any]:
        answer = site.optional(f"s3.{operation}", missing=(*missing, GONE), Bucket=name) or {}
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    versioning = read("GetBucketVersioning")
    encryption = read("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")
    rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules") or PLAIN_ENCRYPTION
    rules, manager, key_arn = _keys(site, rules)
    own, shared = _policy(read("GetBucketPolicy", "NoSuchBucketPolicy").get("Policy"))
    block = read("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")
    ownership = read("GetBucketOwnershipControls", "OwnershipControlsNotFoundError").get("OwnershipControls", {})
    acl = read("GetBucketAcl")
    owner = acl.get("Owner", {}).get("ID")
    grants = [grant for grant in acl.get("Grants", ()) if grant.get("Grantee", {}).get("ID") != owner]
    lifecycle = read("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration")
    notification = read("GetBucketNotificationConfiguration")
    website = read("GetBucketWebsite", "NoSuchWebsiteConfiguration")
    lock = read("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration")
    replication = read("GetBucketReplication", "ReplicationConfigurationNotFoundError")
    return BucketFacts(
        versioning=versioning.get("Status", ""),
        mfa_delete=versioning.get("MFADelete") == "Enabled",
        encryption=rules,
        key_manager=manager,
        key_arn=key_arn,
        policy=own,
        read_shared=shared,
        public_access_block=NO_ACCESS_BLOCK | block.get("PublicAccessBlockConfiguration", {}),
        # Without controls the object's writer owns it. Source: S3 user guide, Controlling ownership, read 2026-09.
        ownership=next((rule["ObjectOwnership"] for rule in ownership.get("Rules", ())), "ObjectWriter"),
        acl_grants=_sorted(grants),
        cors=_plain(read("GetBucketCors", "NoSuchCORSConfiguration").get("CORSRules", [])),
        lifecycle=_sorted(lifecycle.get("Rules", [])),
        lifecycle_minimum=lifecycle.get("TransitionDefaultMinimumObjectSize", ""),
        notification={group: _notified(value) for group, value in sorted(notification.items())},
        website=_plain(website) or None,
        logging=_plain(read("GetBucketLogging").get("LoggingEnabled")),
        acceleration=read("GetBucketAccelerateConfiguration").get("Status", ""),
        request_payer=read("GetBucketRequestPayment").get("Payer", "BucketOwner"),
        object_lock=_plain(lock.get("ObjectLockConfiguration")),
        replication=_plain(replication.get("ReplicationConfiguration")),
        # Newer than most endpoints that are not AWS's.
        abac=read("GetBucketAbac", "NotImplemented").get("AbacStatus", {}).get("Status") == "Enabled",
        **{fact: _configurations(site, name, called) for fact, called in NAMED.items()},
    )


def _configurations(site: ReadSite, name: str, called: str) -> list[Json]:
    """All of them: a page has a hundred. Source: s3.ListBucketInventoryConfigurations, botocore 1.44.5."""
    found: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        asked = f"s3.ListBucket{called}Configurations"
        answer = site.optional(asked, missing=(GONE,), Bucket=name, **more) or {}
        found += answer.get(f"{called}ConfigurationList", ())
        if not (answer.get("IsTruncated") and answer.get("NextContinuationToken")):
            return sorted((_plain(one) for one in found), key=lambda one: str(one["Id"]))
        more = {"ContinuationToken": answer["NextContinuationToken"]}


def _keys(site: ReadSite, rules: list[Json]) -> tuple[list[Json], Literal["none", "customer", "aws"], str | None]:
    """The rules without the AWS-managed key's name, who manages the key, and the customer's key by its ARN."""
    manager: Literal["none", "customer", "aws"] = "none"
    key_arn: str | None = None
    kept: list[Json] = []
    for rule in rules:
        default = dict(rule.get("ApplyServerSideEncryptionByDefault", {}))
        if str(default.get("SSEAlgorithm", "")).startswith("aws:kms"):
            named = default.get("KMSMasterKeyID")
            manager, key_arn = "aws", None
            if named and not named.endswith("alias/aws/s3"):
                answer = site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=named)
                described = (answer or {}).get("KeyMetadata", {})
                if described.get("KeyManager") != "AWS":
                    manager, key_arn = "customer", described.get("Arn") or named
        if manager == "aws":
            default.pop("KMSMasterKeyID", None)
        kept.append({**_plain(rule), "ApplyServerSideEncryptionByDefault": default})
    return kept, manager, key_arn


def _policy(text: str | None) -> tuple[Json, bool]:
    """The policy without what a migration added, and whether it added anything."""
    document = json.loads(text) if text else None
    if document is None or not isinstance(document["Statement"], list):
        return document, False
    kept = [one for one in document["Statement"] if not str(one.get("Sid", "")).startswith(SHARED_SID)]
    if len(kept) == len(document["Statement"]):
        return document, False
    return (document | {"Statement": kept} if kept else None), True


def _notified(value: Json) -> Json:
    """By id, which stays the same in the target; the ARNs in it do not."""
    if not isinstance(value, list):
        return _plain(value)
    return sorted((_plain(item) for item in value), key=lambda item: str(item.get("Id", "")))


def _sorted(items: list[Any]) -> list[Json]:
    return sorted((_plain(item) for item in items), key=lambda item: json.dumps(item, sort_keys=True))


def _plain(value: Any) -> Json:
    """The answer as JSON: times as text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
