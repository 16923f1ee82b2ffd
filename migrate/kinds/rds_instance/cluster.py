"""DB cluster: Aurora PostgreSQL moves by snapshot or replication, with every row proved; others are reported.

The rule: what of a cluster no step makes (a global database, custom endpoints) is named, with the way by hand.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import It, Kind, Name, Need, Place, ReadSite, Strength, after, pair_tags, same_place
from migrate.kinds.rds_instance.actions import user_arn
from migrate.kinds.rds_instance.cluster_actions import (
    CheckClusterWayBack,
    CopyCluster,
    CreateCluster,
    ProveClusterRows,
    ReplicateCluster,
    SnapshotCluster,
)
from migrate.kinds.rds_instance.cluster_facts import CLUSTER_READS, ClusterFacts, described_clusters, read_cluster
from migrate.kinds.rds_instance.enabling import EnableClusterReplication
from migrate.kinds.rds_instance.last_look import LookAgain
from migrate.kinds.rds_instance.password import CheckPassword, RotatePassword, kept_as_it_was
from migrate.kinds.rds_instance.precheck import Precheck
from migrate.kinds.rds_instance.replication import CatchUp, CheckReplication, EndReplication
from migrate.kinds.rds_instance.way_back import EndWayBack, FollowBack
from migrate.requests import Remainder


class Cluster(Kind[ClusterFacts]):
    """A DB cluster. Its members are instances of their own, made once it stands."""

    name = "rds.cluster"
    title = "DB cluster"
    facts = ClusterFacts
    stateful = True
    reads = CLUSTER_READS
    tagging_types = ("rds:cluster",)
    volatile = frozenset({"host", "reader_host", "resource_id", "members", "custom_endpoints", "insights_mode"})
    """Members are looked at each by itself, and custom endpoints are a person's work."""
    unordered = frozenset({"security_groups", "roles"})
    strategies: ClassVar[Mapping[str, str]] = {
        "snapshot": "writers stand still for a cluster snapshot, its two copies and the restore",
        "logical": "the restored cluster is emptied and follows legacy; writers stand still for the last bytes",
    }
    actions = (
        EnableClusterReplication(), CheckReplication(), Precheck(), CheckPassword(), SnapshotCluster(), CopyCluster(),
        CreateCluster(), CheckClusterWayBack(), ReplicateCluster(), CatchUp(), EndReplication(), ProveClusterRows(),
        FollowBack(), RotatePassword(), LookAgain(), EndWayBack(),
    )  # fmt: skip
    manual = (
        "Only Aurora PostgreSQL in one region moves by itself. Aurora MySQL and Multi-AZ clusters: stop the writers; "
        "rds.CreateDBClusterSnapshot; rds.CopyDBClusterSnapshot under a customer's KMS key that the target may use (a "
        "snapshot under aws/rds cannot be shared); rds.ModifyDBClusterSnapshotAttribute for the target; there "
        "rds.CopyDBClusterSnapshot, rds.RestoreDBClusterFromSnapshot into the moved subnet group and security groups, "
        "and rds.CreateDBInstance for each member. For less downtime clone it across accounts "
        "(ram.CreateResourceShare, rds.RestoreDBClusterToPointInTime with RestoreType=copy-on-write) or replicate "
        "logically. A member of a global database first leaves it (rds.RemoveFromGlobalCluster), or its snapshot is "
        "taken and a new global database is made around the restored cluster. Done when rds.DescribeDBClusters in the "
        "target shows it available, counts of rows are the same on both sides, and DatabaseConnections in legacy is 0."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = described_clusters(site, only)
        facts = site.map(lambda cluster: read_cluster(site, cluster), found)
        for cluster, read in zip(found, facts, strict=True):
            tags = pair_tags(cluster.get("TagList"))
            yield self.found(site, cluster["DBClusterIdentifier"], read, arn=cluster["DBClusterArn"], tags=tags)

    def names(self, it: It[ClusterFacts], place: Place) -> Iterator[Name]:
        hosts = {"host": it.facts.host, "reader_host": it.facts.reader_host or ""}
        if not it.facts.moves:
            # It goes nowhere: whoever names its host is told so.
            yield Name(it.arn, it.arn)
            for host in filter(None, hosts.values()):
                yield Name(host, host, "host")
            return
        yield Name(it.arn, self.target_arn(it, place))
        for output, host in hosts.items():
            if host:
                yield Name(host, after("create", output), "host")
        if it.facts.resource_id:
            own = after("create", "resource_id")
            yield Name(it.facts.resource_id, own, "id")
            yield Name(
                str(user_arn(it.ref.account, it.ref.region, it.facts.resource_id)),
                user_arn(place.account, place.region, own),
            )

    def needs(self, it: It[ClusterFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, "rds.DescribeDBClusters DBClusters[]"
        strength: Strength = "hard" if facts.moves else "soft"
        if facts.subnet_group:
            group = same_place(it, "rds.subnet_group", facts.subnet_group)
            yield Need(group, "in", strength, f"{seen_in}.DBSubnetGroup")
        if facts.parameter_group and not facts.parameter_group.startswith("default."):
            group = same_place(it, "rds.cluster_parameter_group", facts.parameter_group)
            yield Need(group, "names", strength, f"{seen_in}.DBClusterParameterGroup")
        for security_group in facts.security_groups:
            yield Need(security_group, "member of", strength, f"{seen_in}.VpcSecurityGroups[].VpcSecurityGroupId")
        if facts.kms_key_id:
            yield Need(facts.kms_key_id, "encrypted by", strength, f"{seen_in}.KmsKeyId")
        for role in facts.roles:
            yield Need(role.arn, "assumes", strength, f"{seen_in}.AssociatedRoles[].RoleArn")

    def finding(self, it: It[ClusterFacts]) -> str:
        return kept_as_it_was(self.actions, it)

    def remains(self, it: It[ClusterFacts]) -> Iterator[Remainder]:
        if it.facts.moves and it.facts.custom_endpoints:
            yield Remainder(
                "custom_endpoints",
                f"custom endpoints are not made anew: {', '.join(it.facts.custom_endpoints)}",
                "once the members stand: rds.CreateDBClusterEndpoint in the target, and tell who uses the name",
            )
        if it.facts.moves and it.facts.insights_mode == "advanced":
            yield Remainder(
                "insights",
                "Database Insights is in its advanced mode, and the new cluster's in the standard one",
                "switch it on after the restore: rds.ModifyDBCluster DatabaseInsightsMode",
            )

    def outputs(self, found: Resource) -> dict[str, str]:
        facts = self.typed(found).facts
        known = {"host": facts.host, "reader_host": facts.reader_host, "resource_id": facts.resource_id}
        return super().outputs(found) | {name: value for name, value in known.items() if value}

    def quota(self, it: It[ClusterFacts]) -> tuple[str, str] | None:
        # "DB clusters"; the code is remembered, unverified.
        return "rds", "L-952B80B8"
