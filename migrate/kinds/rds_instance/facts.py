"""What is known of a DB instance, and how it is read. The rule: what a restore resets is a fact."""

from typing import Any, Literal

from migrate.kind import Facts, ReadSite

READS = frozenset(
    {
        "kms.DescribeKey", "rds.DescribeDBInstances", "rds.DescribeDBParameters", "rds.DescribeDBSnapshots",
        "resourcegroupstaggingapi.GetResources",
    }
)  # fmt: skip
GONE = "DBInstanceNotFound"


class Role(Facts):
    """A role that an instance or a cluster uses for one feature. Source: AssociatedRoles of rds.DescribeDBInstances."""

    arn: str
    feature: str


class InstanceFacts(Facts):
    """Source: rds.DescribeDBInstances, rds.DescribeDBParameters, kms.DescribeKey."""

    engine: str
    engine_version: str
    cluster: str | None
    replica_of: str | None
    instance_class: str
    multi_az: bool
    port: int
    db_name: str | None
    master_user: str
    managed_password: bool
    """RDS keeps the master password in a secret of its own."""
    subnet_group: str | None
    security_groups: list[str]
    parameter_group: str
    option_group: str | None
    """None where it is AWS's default for the engine."""
    storage_type: str
    iops: int | None
    storage_throughput: int | None
    allocated_gib: int
    max_allocated_gib: int | None
    encrypted: bool
    kms_key_id: str | None
    """None for an unencrypted instance and for the account's own aws/rds key."""
    key_manager: Literal["none", "customer", "aws"]
    backup_retention_days: int
    backup_window: str
    maintenance_window: str
    deletion_protection: bool
    iam_auth: bool
    log_exports: list[str]
    performance_insights: bool
    performance_insights_days: int | None
    performance_insights_key: str | None
    monitoring_interval_s: int
    monitoring_role: str | None
    copy_tags_to_snapshot: bool
    auto_minor_upgrade: bool
    public: bool
    certificate: str | None
    network_type: str
    host: str
    resource_id: str
    logical_replication: bool = False
    """Whether its parameter group asks for it: rds.logical_replication."""

    roles: tuple[Role, ...] = ()
    dedicated_log_volume: bool = False
    insights_mode: str = ""
    """Of Database Insights; of a member of a cluster the cluster's counts."""
    lifecycle_support: str = ""
    """Whether the engine stays, at a price, when its community has ended it (Extended Support)."""
    domains: tuple[str, ...] = ()
    """Directories whose users may log in (Kerberos)."""
    promotion_tier: int | None = None
    """Of a member of an Aurora cluster: who becomes the writer next."""

    @property
    def is_member(self) -> bool:
        """Whether it is one of the instances of an Aurora PostgreSQL cluster, which hold no rows of their own."""
        return self.engine == "aurora-postgresql" and bool(self.cluster)

    @property
    def moves(self) -> bool:
        """Whether a snapshot carries it: a PostgreSQL instance of its own."""
        return self.engine == "postgres" and not self.cluster and not self.replica_of


def described(site: ReadSite, only: str | None) -> list[dict[str, Any]]:
    """The instances as AWS describes them."""
    if only is None:
        return list(site.pages("rds.DescribeDBInstances", "DBInstances", MaxRecords=100))
    answer = site.optional("rds.DescribeDBInstances", missing=(GONE,), DBInstanceIdentifier=only)
    return list(answer["DBInstances"]) if answer else []


def read_facts(site: ReadSite, found: dict[str, Any]) -> InstanceFacts:
    """One description as facts."""
    manager, key = key_of(site, found)
    endpoint = found.get("Endpoint", {})
    options = (group["OptionGroupName"] for group in found.get("OptionGroupMemberships", ()))
    insights = found.get("PerformanceInsightsEnabled", False)
    insights_key = found.get("PerformanceInsightsKMSKeyId") if insights else None
    if insights_key and _managed_by_aws(site, insights_key):
        insights_key = None
    group = next((group["DBParameterGroupName"] for group in found.get("DBParameterGroups", ())), "")
    return InstanceFacts(
        engine=found["Engine"],
        engine_version=found["EngineVersion"],
        cluster=found.get("DBClusterIdentifier"),
        replica_of=found.get("ReadReplicaSourceDBInstanceIdentifier"),
        instance_class=found["DBInstanceClass"],
        multi_az=found.get("MultiAZ", False),
        port=endpoint.get("Port") or found.get("DbInstancePort") or 0,
        db_name=found.get("DBName"),
        master_user=found.get("MasterUsername", ""),
        managed_password="MasterUserSecret" in found,
        subnet_group=found.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        security_groups=sorted(group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups", ())),
        parameter_group=group,
        logical_replication=found["Engine"] == "postgres" and logs_logically(site, "DBParameter", group),
        option_group=next((name for name in options if not name.startswith("default:")), None),
        storage_type=found.get("StorageType", "standard"),
        iops=found.get("Iops"),
        storage_throughput=found.get("StorageThroughput"),
        allocated_gib=found["AllocatedStorage"],
        max_allocated_gib=found.get("MaxAllocatedStorage"),
        encrypted=found.get("StorageEncrypted", False),
        kms_key_id=key,
        key_manager=manager,
        backup_retention_days=found.get("BackupRetentionPeriod", 0),
        backup_window=found.get("PreferredBackupWindow", ""),
        maintenance_window=found.get("PreferredMaintenanceWindow", ""),
        deletion_protection=found.get("DeletionProtection", False),
        iam_auth=found.get("IAMDatabaseAuthenticationEnabled", False),
        log_exports=sorted(found.get("EnabledCloudwatchLogsExports") or ()),
        performance_insights=insights,
        performance_insights_days=found.get("PerformanceInsightsRetentionPeriod") if insights else None,
        performance_insights_key=insights_key,
        monitoring_interval_s=found.get("MonitoringInterval", 0),
        monitoring_role=found.get("MonitoringRoleArn"),
        copy_tags_to_snapshot=found.get("CopyTagsToSnapshot", False),
        auto_minor_upgrade=found.get("AutoMinorVersionUpgrade", False),
        public=found.get("PubliclyAccessible", False),
        certificate=found.get("CACertificateIdentifier"),
        network_type=found.get("NetworkType", "IPV4"),
        host=endpoint.get("Address", ""),
        resource_id=found.get("DbiResourceId", ""),
        roles=tuple(roles_of(found)),
        dedicated_log_volume=found.get("DedicatedLogVolume") or False,
        insights_mode="" if found.get("DBClusterIdentifier") else found.get("DatabaseInsightsMode") or "",
        lifecycle_support="" if found.get("DBClusterIdentifier") else found.get("EngineLifecycleSupport") or "",
        domains=tuple(sorted(one.get("FQDN") or one["Domain"] for one in found.get("DomainMemberships") or ())),
        promotion_tier=found.get("PromotionTier"),
    )


def roles_of(found: dict[str, Any]) -> list[Role]:
    """The roles of an instance or a cluster, by feature."""
    roles = [Role(arn=one["RoleArn"], feature=one.get("FeatureName") or "") for one in found.get("AssociatedRoles", ())]
    return sorted(roles, key=lambda role: (role.feature, role.arn))


def key_of(site: ReadSite, found: dict[str, Any]) -> tuple[Literal["none", "customer", "aws"], str | None]:
    """Who manages the key of an instance or a cluster, and the key where it is a customer's."""
    if not found.get("StorageEncrypted"):
        return "none", None
    key = found.get("KmsKeyId")
    if key is None or _managed_by_aws(site, key):
        return "aws", None
    return "customer", key


def logs_logically(site: ReadSite, sort: Literal["DBParameter", "DBClusterParameter"], group: str) -> bool:
    """Whether a group asks for it. AWS's default groups cannot be changed, and leave it off."""
    if not group or group.startswith("default."):
        return False
    changed = site.pages(f"rds.Describe{sort}s", "Parameters", **{f"{sort}GroupName": group}, Source="user")
    values = {one["ParameterName"]: str(one.get("ParameterValue", "")).lower() for one in changed}
    return values.get("rds.logical_replication") in ("1", "on", "true")


def _managed_by_aws(site: ReadSite, key: str) -> bool:
    """Whether AWS manages the key. A key that nobody may describe is taken for a customer's: it must be mapped."""
    answer = site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=key)
    return bool((answer or {}).get("KeyMetadata", {}).get("KeyManager") == "AWS")
