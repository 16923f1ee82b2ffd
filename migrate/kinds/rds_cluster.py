"""Aurora and other engines that AWS runs as DB clusters. The rule: reported, with the whole way by hand."""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Facts, It, Kind, Name, Need, Place, ReadSite, pair_tags, same_place

GONE = "DBClusterNotFoundFault"


class ClusterFacts(Facts):
    """Source: rds.DescribeDBClusters."""

    engine: str
    """`aurora-…`, `mysql` or `postgres` (Multi-AZ clusters), `docdb`, `neptune`."""
    engine_version: str
    engine_mode: str | None
    members: list[str]
    subnet_group: str | None
    parameter_group: str | None
    security_groups: list[str]
    kms_key: str | None
    host: str
    reader_host: str | None
    global_cluster: str | None
    deletion_protection: bool


class Cluster(Kind[ClusterFacts]):
    """A DB cluster. It is not moved: no step of this product makes, fills or proves one."""

    name = "rds.cluster"
    title = "DB cluster"
    facts = ClusterFacts
    stateful = True
    reads = frozenset({"rds.DescribeDBClusters"})
    tagging_types = ("rds:cluster",)
    manual = (
        "Stop its writers; rds.CreateDBClusterSnapshot; rds.CopyDBClusterSnapshot under a customer's KMS key that "
        "the target may use (a snapshot under aws/rds cannot be shared); rds.ModifyDBClusterSnapshotAttribute for "
        "the target; there rds.CopyDBClusterSnapshot, rds.RestoreDBClusterFromSnapshot into the moved subnet group "
        "and security groups, and rds.CreateDBInstance for each member. For less downtime clone it across accounts "
        "(ram.CreateResourceShare, rds.RestoreDBClusterToPointInTime with RestoreType=copy-on-write) or replicate "
        "logically. Cluster parameter groups, endpoints, proxies and roles are made again by hand. Done when "
        "rds.DescribeDBClusters in the target shows it available, counts of rows are the same on both sides, and "
        "DatabaseConnections in legacy is 0."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("rds.DescribeDBClusters", "DBClusters", MaxRecords=100))
        else:
            answer = site.optional("rds.DescribeDBClusters", missing=(GONE,), DBClusterIdentifier=only)
            listed = answer["DBClusters"] if answer else []
        for one in sorted(listed, key=lambda one: str(one["DBClusterIdentifier"])):
            facts = ClusterFacts(
                engine=one["Engine"],
                engine_version=one.get("EngineVersion") or "",
                engine_mode=one.get("EngineMode"),
                members=sorted(member["DBInstanceIdentifier"] for member in one.get("DBClusterMembers") or ()),
                subnet_group=one.get("DBSubnetGroup"),
                parameter_group=one.get("DBClusterParameterGroup"),
                security_groups=sorted(group["VpcSecurityGroupId"] for group in one.get("VpcSecurityGroups") or ()),
                kms_key=one.get("KmsKeyId"),
                host=one.get("Endpoint") or "",
                reader_host=one.get("ReaderEndpoint"),
                global_cluster=one.get("GlobalClusterIdentifier") or None,
                deletion_protection=bool(one.get("DeletionProtection")),
            )
            yield self.found(
                site, one["DBClusterIdentifier"], facts, arn=one["DBClusterArn"], tags=pair_tags(one.get("TagList"))
            )

    def names(self, it: It[ClusterFacts], place: Place) -> Iterator[Name]:
        # It goes nowhere: whoever names its host is told so.
        yield Name(it.arn, it.arn)
        for host in filter(None, (it.facts.host, it.facts.reader_host)):
            yield Name(host, host, "host")

    def needs(self, it: It[ClusterFacts]) -> Iterator[Need]:
        seen_in = "rds.DescribeDBClusters DBClusters[]"
        if it.facts.subnet_group:
            group = same_place(it, "rds.subnet_group", it.facts.subnet_group)
            yield Need(group, "in", "soft", f"{seen_in}.DBSubnetGroup")
        for security_group in it.facts.security_groups:
            yield Need(security_group, "member of", "soft", f"{seen_in}.VpcSecurityGroups[].VpcSecurityGroupId")


KINDS = (Cluster(),)
