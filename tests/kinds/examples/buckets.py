"""A bucket with every configuration that an emulator keeps, locked, and no object in it."""

import json
from dataclasses import replace
from typing import Any

from migrate.demo.strict.s3_configurations import configurations as configurations_are_kept
from migrate.inventory import Resource
from migrate.kind import Place
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import REGION, TwoSides

CONTAINED = {"LocationConstraint": REGION}
LOGGED = {
    "Effect": "Allow",
    "Principal": {"Service": "logging.s3.amazonaws.com"},
    "Action": ["s3:PutObject"],
    "Resource": "arn:aws:s3:::shop-logs/*",
}


def under_new_names(world: TwoSides) -> None:
    """Buckets share one space of names: the target's are called otherwise, as `renames` says in a configuration."""
    own = world.place

    def place(resource: Resource) -> Place:
        there = own(resource)
        return replace(there, name=f"new-{there.name}") if resource.ref.kind == "s3.bucket" else there

    world.place = place  # type: ignore[method-assign]


def a_bucket(world: TwoSides) -> Resource:
    configurations_are_kept()
    under_new_names(world)
    role, key, queue = needed.a_role(world), needed.a_key(world), needed.a_queue(world, "jobs")
    s3 = world.client("legacy", "s3")
    s3.create_bucket(Bucket="shop-logs", CreateBucketConfiguration=CONTAINED)
    s3.put_bucket_policy(Bucket="shop-logs", Policy=needed.policy(LOGGED))
    s3.put_bucket_versioning(Bucket="shop-logs", VersioningConfiguration={"Status": "Enabled"})
    needed.moved(world, "s3.bucket", "shop-logs", "create", "configure")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration=CONTAINED, ObjectLockEnabledForBucket=True)
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    read = needed.statement(role, Action="s3:GetObject", Resource="arn:aws:s3:::shop/*")
    for operation, params in configurations(encryption, needed.policy(read), queue):
        getattr(s3, operation)(Bucket="shop", **params)
    s3.put_bucket_replication(Bucket="shop", ReplicationConfiguration=replicated(role))
    for operation, member, one in reports(key):
        getattr(s3, operation)(Bucket="shop", Id=one["Id"], **{member: one})
    s3.put_bucket_request_payment(Bucket="shop", RequestPaymentConfiguration={"Payer": "Requester"})
    s3.put_bucket_abac(Bucket="shop", AbacStatus={"Status": "Enabled"})
    return needed.scanned(world, "s3.bucket", "shop")


def configurations(encryption: dict[str, str], policy: str, queue: str) -> list[tuple[str, dict[str, Any]]]:
    said = {"QueueArn": queue, "Events": ["s3:ObjectCreated:*"], "Id": "new", "Filter": PREFIXED}
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    rules = [{"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}]
    return [
        ("put_bucket_tagging", {"Tagging": {"TagSet": needed.PAIRS}}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
        ("put_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": rules}}),
        ("put_bucket_policy", {"Policy": policy}),
        ("put_public_access_block", {"PublicAccessBlockConfiguration": block}),
        (
            "put_bucket_ownership_controls",
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}},
        ),
        ("put_bucket_cors", {"CORSConfiguration": {"CORSRules": [CROSSING]}}),
        ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [EXPIRING]}}),
        ("put_bucket_notification_configuration", {"NotificationConfiguration": {"QueueConfigurations": [said]}}),
        ("put_bucket_website", {"WebsiteConfiguration": WEBSITE}),
        ("put_bucket_logging", {"BucketLoggingStatus": {"LoggingEnabled": LOGGING}}),
        ("put_bucket_accelerate_configuration", {"AccelerateConfiguration": {"Status": "Enabled"}}),
        ("put_object_lock_configuration", {"ObjectLockConfiguration": locked(30)}),
    ]


PREFIXED = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}
CROSSING = {
    "AllowedMethods": ["GET", "PUT"],
    "AllowedOrigins": ["https://shop.example"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 600,
}
EXPIRING = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": "tmp/"},
    "Expiration": {"Days": 7},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
}
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
LOGGING = {"TargetBucket": "shop-logs", "TargetPrefix": "shop/"}


def replicated(role: str) -> dict[str, Any]:
    """Into a bucket of the account, and into one that nobody here knows."""
    rule: dict[str, Any] = {"Status": "Enabled", "Filter": {"Prefix": "in/"}}
    rule |= {"DeleteMarkerReplication": {"Status": "Enabled"}}
    foreign = {"Bucket": "arn:aws:s3:::somebodys-spare", "Account": "999999999999"}
    foreign |= {"AccessControlTranslation": {"Owner": "Destination"}}
    own = {"Bucket": "arn:aws:s3:::shop-logs", "StorageClass": "STANDARD_IA"}
    rules = [
        rule | {"ID": "own", "Priority": 2, "Destination": own},
        rule | {"ID": "foreign", "Priority": 1, "Destination": foreign},
    ]
    return {"Role": role, "Rules": rules}


def reports(key: str) -> list[tuple[str, str, dict[str, Any]]]:
    where = {"Bucket": "arn:aws:s3:::shop-logs", "Prefix": "reports"}
    listed = {
        "Id": "all", "IsEnabled": True, "IncludedObjectVersions": "Current", "Schedule": {"Frequency": "Weekly"},
        "Filter": {"Prefix": "in/"}, "OptionalFields": ["Size", "ETag"],
        "Destination": {
            "S3BucketDestination": where | {"Format": "CSV", "Encryption": {"SSEKMS": {"KeyId": key}}}
        },
    }  # fmt: skip
    export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": where | {"Format": "CSV"}}}
    analysis = {"Id": "classes", "StorageClassAnalysis": {"DataExport": export}}
    archive = {"Id": "cold", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    return [
        ("put_bucket_inventory_configuration", "InventoryConfiguration", listed),
        ("put_bucket_analytics_configuration", "AnalyticsConfiguration", analysis),
        ("put_bucket_metrics_configuration", "MetricsConfiguration", {"Id": "in", "Filter": {"Prefix": "in/"}}),
        ("put_bucket_intelligent_tiering_configuration", "IntelligentTieringConfiguration", archive),
    ]


def locked(days: int) -> dict[str, Any]:
    retention = {"Mode": "GOVERNANCE", "Days": days}
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}


def says(operation: str, **params: Any) -> Change:
    return needed.changed("s3", operation, "Bucket", **params)


def encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    rules = [dict(rule) for rule in it.facts["encryption"]]
    own = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": needed.another_key(world)}
    rules[0]["ApplyServerSideEncryptionByDefault"] = own
    says("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": rules})(world, it)


def encrypted_by_s3(world: TwoSides, it: Resource) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    says("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": rules})(world, it)


def encrypted_unbucketed(world: TwoSides, it: Resource) -> None:
    rules = [rule | {"BucketKeyEnabled": False} for rule in it.facts["encryption"]]
    says("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": rules})(world, it)


def inventoried_daily(world: TwoSides, it: Resource) -> None:
    one = it.facts["inventories"][0] | {"Schedule": {"Frequency": "Daily"}}
    says("put_bucket_inventory_configuration", Id="all", InventoryConfiguration=one)(world, it)


def retagged(world: TwoSides, it: Resource) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in (it.tags | {"team": "someone else"}).items()]
    says("put_bucket_tagging", Tagging={"TagSet": pairs})(world, it)


OPEN = json.dumps({"Version": "2012-10-17", "Statement": [LOGGED | {"Resource": "arn:aws:s3:::new-shop/*"}]})

EXAMPLES = (
    Example(
        "s3.bucket",
        a_bucket,
        {
            "encryption": encrypted_unbucketed,
            "key_arn": encrypted_otherwise,
            "key_manager": encrypted_by_s3,
            "policy": says("put_bucket_policy", Policy=OPEN),
            "public_access_block": says("delete_public_access_block"),
            "ownership": says("delete_bucket_ownership_controls"),
            "acl_grants": says("put_bucket_acl", ACL="log-delivery-write"),
            "cors": says("delete_bucket_cors"),
            "lifecycle": says("delete_bucket_lifecycle"),
            "notification": says("put_bucket_notification_configuration", NotificationConfiguration={}),
            "website": says("delete_bucket_website"),
            "logging": says("put_bucket_logging", BucketLoggingStatus={}),
            "acceleration": says(
                "put_bucket_accelerate_configuration", AccelerateConfiguration={"Status": "Suspended"}
            ),
            "object_lock": says("put_object_lock_configuration", ObjectLockConfiguration=locked(31)),
            "versioning": says("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}),
            "replication": says("delete_bucket_replication"),
            "inventories": inventoried_daily,
            "analytics": says("delete_bucket_analytics_configuration", Id="classes"),
            "metrics": says(
                "put_bucket_metrics_configuration",
                Id="in",
                MetricsConfiguration={"Id": "in", "Filter": {"Prefix": "out/"}},
            ),
            "tiering": says("delete_bucket_intelligent_tiering_configuration", Id="cold"),
            "request_payer": says("put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "BucketOwner"}),
            "abac": says("put_bucket_abac", AbacStatus={"Status": "Disabled"}),
            "tags": retagged,
        },
        fixed={
            "lifecycle_minimum": "the emulator says its default whatever it was told",
        },
    ),
)
