"""What is known of a DB cluster, and how it is read. The rule: what a restore resets is a fact."""

from typing import Any, Literal

from migrate.kind import Facts, ReadSite
from migrate.kinds.rds_instance.facts import Role, key_of, logs_logically, roles_of

CLUSTER_READS = frozenset(
    {
        "kms.DescribeKey", "rds.DescribeDBClusterParameters", "rds.DescribeDBClusters",
        "resourcegroupstaggingapi.GetResources",
    }
)  # fmt: skip
"""With what the shared snapshot and its key are found by."""
CLUSTER_GONE = "DBClusterNotFoundFault"


class Scaling(Facts):
    """What `db.serverless` members scale between. Source: DBClusters[].ServerlessV2ScalingConfiguration."""

    min_capacity: float
    max_capacity: float
    seconds_until_pause: int | None


class ClusterFacts(Facts):
    """Source: rds.DescribeDBClusters, kms.DescribeKey."""

    engine: str
    """`aurora-…`, `mysql` or `postgres` (Multi-AZ clusters), `docdb`, `neptune`."""
    engine_version: str
    engine_mode: str | None
    members: list[str]
    db_name: str | None
    master_user: str
    managed_password: bool
    """RDS keeps the master password in a secret of its own."""
    subnet_group: str | None
    parameter_group: str | None
    security_groups: list[str]
    port: int
    storage_type: str | None
    """`aurora` or `aurora-iopt1`."""
    encrypted: bool
    kms_key_id: str | None
    """None for an unencrypted cluster and for the account's own aws/rds key."""
    key_manager: Literal["none", "customer", "aws"]
    scaling: Scaling | None
    backup_retention_days: int
    backup_window: str
    maintenance_window: str
    iam_auth: bool
    http_endpoint: bool
    """The Data API."""
    log_exports: list[str]
    copy_tags_to_snapshot: bool
    network_type: str
    roles: list[Role]
    custom_endpoints: list[str]
    host: str
    reader_host: str | None
    resource_id: str
    global_cluster: str | None
    replicates: str | None
    """The cluster or instance that it is a replica of."""
    deletion_protection: bool
    insights_mode: str = ""
    """Of Database Insights, for all its members."""
    lifecycle_support: str = ""
    """Whether the engine stays, at a price, when its community has ended it (Extended Support)."""
    logical_replication: bool = False
    """Whether its own cluster group asks for it: rds.logical_replication."""

    @property
    def moves(self) -> bool:
        """Whether a snapshot carries it: Aurora PostgreSQL whose members are instances, in one region."""
        is_aurora = self.engine == "aurora-postgresql" and self.engine_mode in (None, "", "provisioned")
        return is_aurora and not self.global_cluster and not self.replicates


def described_clusters(site: ReadSite, only: str | None) -> list[dict[str, Any]]:
    """The clusters as AWS describes them, by name."""
    if only is None:
        listed = list(site.pages("rds.DescribeDBClusters", "DBClusters", MaxRecords=100))
    else:
        answer = site.optional("rds.DescribeDBClusters", missing=(CLUSTER_GONE,), DBClusterIdentifier=only)
        listed = answer["DBClusters"] if answer else []
    return sorted(listed, key=lambda one: str(one["DBClusterIdentifier"]))


def read_cluster(site: ReadSite, found: dict[str, Any]) -> ClusterFacts:
    """One description as facts."""
    manager, key = key_of(site, found)
    scaling = found.get("ServerlessV2ScalingConfiguration") or {}
    return ClusterFacts(
        engine=found["Engine"],
        engine_version=found.get("EngineVersion") or "",
        engine_mode=found.get("EngineMode"),
        members=sorted(member["DBInstanceIdentifier"] for member in found.get("DBClusterMembers") or ()),
        db_name=found.get("DatabaseName"),
        master_user=found.get("MasterUsername") or "",
        managed_password="MasterUserSecret" in found,
        subnet_group=found.get("DBSubnetGroup"),
        parameter_group=found.get("DBClusterParameterGroup"),
        security_groups=sorted(group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups") or ()),
        port=found.get("Port") or 0,
        storage_type=found.get("StorageType"),
        encrypted=bool(found.get("StorageEncrypted")),
        kms_key_id=key,
        key_manager=manager,
        scaling=Scaling(
            min_capacity=scaling["MinCapacity"],
            max_capacity=scaling["MaxCapacity"],
            seconds_until_pause=scaling.get("SecondsUntilAutoPause"),
        )
        if "MaxCapacity" in scaling
        else None,
        backup_retention_days=found.get("BackupRetentionPeriod") or 0,
        backup_window=found.get("PreferredBackupWindow") or "",
        maintenance_window=found.get("PreferredMaintenanceWindow") or "",
        iam_auth=bool(found.get("IAMDatabaseAuthenticationEnabled")),
        http_endpoint=bool(found.get("HttpEndpointEnabled")),
        log_exports=sorted(found.get("EnabledCloudwatchLogsExports") or ()),
        copy_tags_to_snapshot=bool(found.get("CopyTagsToSnapshot")),
        network_type=found.get("NetworkType") or "IPV4",
        roles=roles_of(found),
        insights_mode=found.get("DatabaseInsightsMode") or "",
        lifecycle_support=found.get("EngineLifecycleSupport") or "",
        custom_endpoints=sorted(found.get("CustomEndpoints") or ()),
        host=found.get("Endpoint") or "",
        reader_host=found.get("ReaderEndpoint"),
        resource_id=found.get("DbClusterResourceId") or "",
        global_cluster=found.get("GlobalClusterIdentifier") or None,
        replicates=found.get("ReplicationSourceIdentifier") or None,
        deletion_protection=bool(found.get("DeletionProtection")),
        logical_replication=found["Engine"] == "aurora-postgresql"
        and logs_logically(site, "DBClusterParameter", found.get("DBClusterParameterGroup") or ""),
    )
