"""S3 bucket: made anew under its new name, filled by copying, switched on last.

The rule: what reacts to objects (lifecycle, notifications, object lock's default) is set after the last copy, and
legacy's notifications are switched off before it: an object calls one side only.

Not carried, and asked about in the plan: replication rules, grants by ACL, MFA delete. Not carried: inventory,
analytics, metrics and Intelligent-Tiering configurations, access points (a scan lists them for a person), incomplete
uploads (they are counted), version ids, dates. Objects that nobody here may read (a customer's own key, another owner)
are named by key, and all others are copied; so are archived ones, unless migration.yaml wants them restored. What
legacy deletes after it was copied is deleted in the target, if this migration put it there.
A rule in legacy that expires versions while they are copied makes histories differ: pause it before the last copy.
"""

from collections.abc import Iterator, Mapping

from migrate.inventory import Resource
from migrate.kind import It, Json, Kind, Name, Need, Place, ReadSite, Remainder
from migrate.kinds.s3_bucket.actions import Configure, CopyDelta, CopyObjects, Create, Finish, SilenceLegacy
from migrate.kinds.s3_bucket.facts import NO_ACCESS_BLOCK, BucketFacts, is_written_by_aws
from migrate.kinds.s3_bucket.read import READS, bucket_region, bucket_tags, owned_buckets, read_facts


class Bucket(Kind[BucketFacts]):
    """A general purpose bucket."""

    name = "s3.bucket"
    title = "S3 bucket"
    facts = BucketFacts
    stateful = True
    reads = READS
    tagging_types = ("s3:bucket",)
    volatile = frozenset({"replication", "mfa_delete", "read_shared"})
    actions = (Create(), Configure(), CopyObjects(), SilenceLegacy(), CopyDelta(), Finish())

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
        if facts.replication:
            yield Remainder(
                "replication",
                f"its replication to {', '.join(_destinations(facts.replication))} is not set up in the target",
                "set it up there by hand after the cut-over (s3.PutBucketReplication)",
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
            # A suspended bucket keeps one version a key: histories are copied first, then it is suspended.
            shown["versioning"] = "Enabled" if facts["versioning"] else ""
            if facts["object_lock"]:
                shown["object_lock"] = {"ObjectLockEnabled": "Enabled"}
        if "configure" not in done:
            shown["policy"] = None
        return shown


def _destinations(replication: Json) -> list[str]:
    rules = replication.get("Rules", ())
    return sorted({str(rule.get("Destination", {}).get("Bucket", "")).rpartition(":")[2] for rule in rules})


KINDS = (Bucket(),)

__all__ = ["KINDS", "NO_ACCESS_BLOCK", "Bucket", "BucketFacts"]
