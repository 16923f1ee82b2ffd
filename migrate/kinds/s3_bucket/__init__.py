"""S3 bucket: made anew under its new name, filled by copying, switched on last.

The rule: what reacts to objects (lifecycle, notifications, object lock's default) is set after the last copy, and
legacy's notifications are switched off before it: an object calls one side only.

Not carried, and asked about in the plan: grants by ACL, MFA delete. Not carried: access points (a scan lists them for a
person), tables of S3 Metadata, incomplete uploads (they are counted), version ids, dates. Objects that nobody here may
read (a customer's own key, another owner) are named by key, and all others are copied; so are archived ones, unless
migration.yaml wants them restored. What legacy deletes after it was copied is deleted in the target, if this migration
put it there. A rule in legacy that expires versions while they are copied makes histories differ: pause it before the
last copy. Replicas that legacy still owes another bucket when it stops may come after that one's last copy: `verify`
names them.
"""

from collections.abc import Iterator, Mapping

from migrate.inventory import Resource
from migrate.kind import It, Json, Kind, Name, Need, Place, ReadSite, Remainder, Why
from migrate.kinds.s3_bucket.actions import Configure, CopyDelta, CopyObjects, Create, SilenceLegacy
from migrate.kinds.s3_bucket.facts import NAMED, NO_ACCESS_BLOCK, BucketFacts, is_written_by_aws
from migrate.kinds.s3_bucket.finish import Finish
from migrate.kinds.s3_bucket.last_look import LookAgain
from migrate.kinds.s3_bucket.read import READS, bucket_region, bucket_tags, owned_buckets, read_facts


class Bucket(Kind[BucketFacts]):
    """A general purpose bucket."""

    name = "s3.bucket"
    title = "S3 bucket"
    facts = BucketFacts
    stateful = True
    reads = READS
    tagging_types = ("s3:bucket",)
    volatile = frozenset({"mfa_delete", "read_shared"})
    actions = (Create(), Configure(), CopyObjects(), SilenceLegacy(), CopyDelta(), LookAgain(), Finish())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        buckets = owned_buckets(site, only)
        regions = site.map(lambda bucket: bucket_region(site, bucket), buckets)
        # Buckets are listed in every region alike; each is found in its own only.
        names = [bucket["Name"] for bucket, region in zip(buckets, regions, strict=True) if region == site.region]
        facts = site.map(lambda name: read_facts(site, name), names)
        tags = site.map(lambda name: bucket_tags(site, name), names)
        for name, read, tagged in zip(names, facts, tags, strict=True):
            yield self.found(site, name, read, arn=f"arn:aws:s3:::{name}", tags=tagged)

    def needs(self, it: It[BucketFacts]) -> Iterator[Need]:
        facts = it.facts
        if facts.key_arn:
            yield Need(facts.key_arn, "encrypted by", "hard", "s3.GetBucketEncryption Rules[].KMSMasterKeyID")
        if facts.logging:
            yield Need(f"arn:aws:s3:::{facts.logging['TargetBucket']}", "logs to", "soft", "s3.GetBucketLogging")
        for group, member in (
            ("QueueConfigurations", "QueueArn"),
            ("TopicConfigurations", "TopicArn"),
            ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ):
            for rule in facts.notification.get(group, ()):
                seen_in = f"s3.GetBucketNotificationConfiguration {group}[].{member}"
                yield Need(rule[member], "triggers", "cut", seen_in)
        for arn, relation, seen_in in _written_to(facts):
            if arn != it.arn:
                yield Need(arn, relation, "cut", seen_in)

    def names(self, it: It[BucketFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, f"arn:aws:s3:::{place.name}")
        yield Name(it.ref.name, place.name, "bucket")

    def finding(self, it: It[BucketFacts]) -> str:
        if not is_written_by_aws(it.facts):
            return ""
        return (
            f"AWS may write into bucket {it.ref.name} (logs, trails, reports), hours late and after every stop: what "
            "it still brings to legacy after the last copy stays there. The proof counts it as changed since and does "
            "not compare it; copy it by hand if you need it"
        )

    def remains(self, it: It[BucketFacts]) -> Iterator[Remainder]:
        facts = it.facts
        foreign = sorted(_foreign_replicas(facts.replication, it.ref.account))
        if foreign:
            yield Remainder(
                "replication",
                f"it replicates to {', '.join(foreign)} of another account, which knows legacy's role only",
                "let that bucket's policy admit the target's role before the cut-over: until then replicas fail",
            )
        if facts.acl_grants and facts.ownership != "BucketOwnerEnforced":
            whom = sorted({str(g.get("Grantee", {}).get("URI") or g["Grantee"].get("ID")) for g in facts.acl_grants})
            yield Remainder(
                "acl",
                f"its ACL grants rights to {', '.join(whom)}, which do not arrive",
                "say them in its bucket policy",
            )
        if facts.mfa_delete:
            yield Remainder(
                "mfa", "deleting with MFA is on, which only a root user can switch on", "let root do it there"
            )
        if facts.object_lock:
            yield Remainder(
                "lock",
                "it has Object Lock: what is copied under COMPLIANCE retention can be deleted by nobody before its "
                "time, so a rollback leaves the new bucket standing and paid for",
                "make sure that this is where it shall be",
            )

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[BucketFacts]) -> Resource | None:
        return next(iter(self.scan(site, only=place.name)), None)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[BucketFacts]) -> dict[str, Json]:
        # Grants do not arrive, and nobody else may have given any there: `public-read` is one.
        shown = facts | {"acl_grants": []}
        if "create" in done and "finish" not in done:
            shown |= {"lifecycle": [], "lifecycle_minimum": "", "notification": {}, "logging": None}
            shown |= {"replication": None, "abac": False} | {name: [] for name in NAMED}
            # A suspended bucket keeps one version a key: histories are copied first, then it is suspended.
            shown["versioning"] = "Enabled" if facts["versioning"] else ""
            if facts["object_lock"]:
                shown["object_lock"] = {"ObjectLockEnabled": "Enabled"}
        if "configure" not in done:
            shown["policy"] = None
        return shown


def _written_to(facts: BucketFacts) -> Iterator[tuple[str, Why, str]]:
    """What replicas and reports need: buckets, the role and keys, with how and where it is said."""
    if facts.replication:
        said = "s3.GetBucketReplication ReplicationConfiguration"
        yield facts.replication["Role"], "assumes", f"{said}.Role"
        for rule in facts.replication["Rules"]:
            there = rule["Destination"]
            yield there["Bucket"], "writes", f"{said}.Rules[].Destination.Bucket"
            if key := there.get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID"):
                yield key, "encrypted by", f"{said}.Rules[].Destination.EncryptionConfiguration.ReplicaKmsKeyID"
    for one in facts.inventories:
        said = "s3.ListBucketInventoryConfigurations Destination.S3BucketDestination"
        there = one["Destination"]["S3BucketDestination"]
        yield there["Bucket"], "writes", f"{said}.Bucket"
        if key := there.get("Encryption", {}).get("SSEKMS", {}).get("KeyId"):
            yield key, "encrypted by", f"{said}.Encryption.SSEKMS.KeyId"
    for one in facts.analytics:
        if export := one["StorageClassAnalysis"].get("DataExport"):
            said = "s3.ListBucketAnalyticsConfigurations StorageClassAnalysis.DataExport.Destination"
            yield export["Destination"]["S3BucketDestination"]["Bucket"], "writes", said


def _foreign_replicas(replication: Json, account: str) -> set[str]:
    rules = (replication or {}).get("Rules", ())
    there = [rule["Destination"] for rule in rules]
    return {str(one["Bucket"]).rpartition(":")[2] for one in there if one.get("Account", account) != account}


KINDS = (Bucket(),)

__all__ = ["KINDS", "NO_ACCESS_BLOCK", "Bucket", "BucketFacts"]
