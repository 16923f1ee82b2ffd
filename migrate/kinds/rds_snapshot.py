"""Manual DB snapshots: counted and named, because they hold data that nothing else moves."""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Facts, It, Kind, Need, ReadSite, pair_tags, same_place

GIB = 1024**3


class SnapshotFacts(Facts):
    """Source: rds.DescribeDBSnapshots with SnapshotType=manual."""

    instance: str
    engine: str
    engine_version: str
    encrypted: bool
    kms_key_id: str | None
    created: str


class Snapshot(Kind[SnapshotFacts]):
    """A snapshot that a person took."""

    name = "rds.snapshot"
    title = "DB snapshot"
    facts = SnapshotFacts
    reads = frozenset({"rds.DescribeDBSnapshots"})
    tagging_types = ("rds:snapshot",)
    quiet = True
    manual = (
        "Manual snapshots stay in legacy. Copy those that must outlive it with rds.CopyDBSnapshot under a "
        "customer's key, share them with rds.ModifyDBSnapshotAttribute and copy them again in the target."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        operation = "rds.DescribeDBSnapshots"
        if only:
            answer = site.optional(operation, missing=("DBSnapshotNotFound",), DBSnapshotIdentifier=only)
            found = answer["DBSnapshots"] if answer else []
        else:
            found = list(site.pages(operation, "DBSnapshots", SnapshotType="manual", MaxRecords=100))
        for snapshot in found:
            if snapshot.get("SnapshotType", "manual") != "manual":
                continue
            taken = snapshot.get("SnapshotCreateTime")
            yield self.found(
                site,
                snapshot["DBSnapshotIdentifier"],
                SnapshotFacts(
                    instance=snapshot["DBInstanceIdentifier"],
                    engine=snapshot["Engine"],
                    engine_version=snapshot["EngineVersion"],
                    encrypted=snapshot.get("Encrypted", False),
                    kms_key_id=snapshot.get("KmsKeyId") if snapshot.get("Encrypted") else None,
                    created=taken.isoformat() if taken else "",
                ),
                arn=snapshot["DBSnapshotArn"],
                tags=pair_tags(snapshot.get("TagList")),
                size_bytes=snapshot["AllocatedStorage"] * GIB,
            )

    def needs(self, it: It[SnapshotFacts]) -> Iterator[Need]:
        # Soft, and by ref: the instance may be deleted long since.
        instance = same_place(it, "rds.instance", it.facts.instance)
        yield Need(instance, "names", "soft", "rds.DescribeDBSnapshots DBInstanceIdentifier")


KINDS = (Snapshot(),)
