"""Manual snapshots of instances and clusters: counted and named, because they hold data that nothing else moves."""

from collections.abc import Iterator
from typing import Any

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
        for snapshot in _taken_by_people(site, "DBSnapshot", "DBSnapshotNotFound", only):
            yield self.found(
                site,
                snapshot["DBSnapshotIdentifier"],
                SnapshotFacts(
                    instance=snapshot["DBInstanceIdentifier"],
                    engine=snapshot["Engine"],
                    engine_version=snapshot["EngineVersion"],
                    encrypted=snapshot.get("Encrypted", False),
                    kms_key_id=snapshot.get("KmsKeyId") if snapshot.get("Encrypted") else None,
                    created=_created(snapshot),
                ),
                arn=snapshot["DBSnapshotArn"],
                tags=pair_tags(snapshot.get("TagList")),
                size_bytes=snapshot["AllocatedStorage"] * GIB,
            )

    def needs(self, it: It[SnapshotFacts]) -> Iterator[Need]:
        # Soft, and by ref: the instance may be deleted long since.
        instance = same_place(it, "rds.instance", it.facts.instance)
        yield Need(instance, "names", "soft", "rds.DescribeDBSnapshots DBInstanceIdentifier")


class ClusterSnapshotFacts(Facts):
    """Source: rds.DescribeDBClusterSnapshots with SnapshotType=manual."""

    cluster: str
    engine: str
    engine_version: str
    encrypted: bool
    kms_key_id: str | None
    created: str


class ClusterSnapshot(Kind[ClusterSnapshotFacts]):
    """A snapshot of a cluster that a person took."""

    name = "rds.cluster_snapshot"
    title = "DB cluster snapshot"
    facts = ClusterSnapshotFacts
    reads = frozenset({"rds.DescribeDBClusterSnapshots"})
    tagging_types = ("rds:cluster-snapshot",)
    quiet = True
    manual = (
        "Manual snapshots of clusters stay in legacy. Copy those that must outlive it with rds.CopyDBClusterSnapshot "
        "under a customer's key, share them with rds.ModifyDBClusterSnapshotAttribute and copy them again in the "
        "target."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for snapshot in _taken_by_people(site, "DBClusterSnapshot", "DBClusterSnapshotNotFoundFault", only):
            is_encrypted = bool(snapshot.get("StorageEncrypted"))
            yield self.found(
                site,
                snapshot["DBClusterSnapshotIdentifier"],
                ClusterSnapshotFacts(
                    cluster=snapshot["DBClusterIdentifier"],
                    engine=snapshot["Engine"],
                    engine_version=snapshot.get("EngineVersion") or "",
                    encrypted=is_encrypted,
                    kms_key_id=snapshot.get("KmsKeyId") if is_encrypted else None,
                    created=_created(snapshot),
                ),
                arn=snapshot["DBClusterSnapshotArn"],
                tags=pair_tags(snapshot.get("TagList")),
            )

    def needs(self, it: It[ClusterSnapshotFacts]) -> Iterator[Need]:
        # Soft, and by ref: the cluster may be deleted long since.
        cluster = same_place(it, "rds.cluster", it.facts.cluster)
        yield Need(cluster, "names", "soft", "rds.DescribeDBClusterSnapshots DBClusterIdentifier")


def _taken_by_people(site: ReadSite, what: str, gone: str, only: str | None) -> Iterator[dict[str, Any]]:
    """Manual ones, as `rds.Describe<what>s` shows them."""
    operation = f"rds.Describe{what}s"
    if only:
        answer = site.optional(operation, missing=(gone,), **{f"{what}Identifier": only})
        found = answer[f"{what}s"] if answer else []
    else:
        found = list(site.pages(operation, f"{what}s", SnapshotType="manual", MaxRecords=100))
    return (snapshot for snapshot in found if snapshot.get("SnapshotType", "manual") == "manual")


def _created(snapshot: dict[str, Any]) -> str:
    taken = snapshot.get("SnapshotCreateTime")
    return taken.isoformat() if taken else ""


KINDS = (Snapshot(), ClusterSnapshot())
