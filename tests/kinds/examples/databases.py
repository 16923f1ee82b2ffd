"""A PostgreSQL instance with everything that a restore resets, its parameter group and its subnet group."""

from typing import Any

from migrate.demo.strict.rds_attributes import attributes_told
from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.examples._clusters import AT_CREATION, CLUSTERS, EMULATOR, SNAPSHOT, tagged
from tests.kinds.two_sides import TwoSides


def a_parameter_group(world: TwoSides) -> Resource:
    rds = world.client("legacy", "rds")
    rds.create_db_parameter_group(
        DBParameterGroupName="pg16",
        DBParameterGroupFamily="postgres16",
        Description="slow statements",
        Tags=needed.PAIRS,
    )
    rds.modify_db_parameter_group(DBParameterGroupName="pg16", Parameters=SETTINGS)
    return needed.scanned(world, "rds.parameter_group", "pg16")


def setting(name: str, value: str, method: str) -> dict[str, str]:
    return {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}


SETTINGS = [
    setting("log_min_duration_statement", "250", "immediate"),
    setting("shared_preload_libraries", "pg_stat_statements", "pending-reboot"),
]


def a_subnet_group(world: TwoSides) -> Resource:
    network = ground.a_network(world)
    world.client("legacy", "rds").create_db_subnet_group(
        DBSubnetGroupName="private",
        DBSubnetGroupDescription="both private subnets",
        SubnetIds=list(network.subnets),
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "rds.subnet_group", "private")


def in_other_subnets(world: TwoSides, it: Resource) -> None:
    # The emulator loses a group that is modified: it is made anew, with its tags.
    rds = world.client("target", "rds")
    tags = rds.list_tags_for_resource(ResourceName=it.arn)["TagList"]
    rds.delete_db_subnet_group(DBSubnetGroupName=it.ref.name)
    rds.create_db_subnet_group(
        DBSubnetGroupName=it.ref.name,
        DBSubnetGroupDescription=it.facts["description"],
        SubnetIds=[it.facts["subnet_ids"][0], ground.another_subnet(world)],
        Tags=tags,
    )


ENGINE: dict[str, Any] = {
    "DBName": "shop",
    "Engine": "postgres",
    "EngineVersion": "16.4",
    "AllocatedStorage": 500,
    "MasterUsername": "owner",
    "MasterUserPassword": "password-1",
}
"""What a snapshot carries."""
UNTOLD: dict[str, Any] = {
    "CACertificateIdentifier": "rds-ca-rsa4096-g1",
    "EnableIAMDatabaseAuthentication": True,
    "EnableCloudwatchLogsExports": ["postgresql", "upgrade"],
}
"""What the emulator's restore takes from the snapshot's instance, and AWS from the request."""


def an_instance(world: TwoSides) -> Resource:
    attributes_told()
    a_subnet_group(world)
    needed.moved(world, "rds.subnet_group", "private")
    a_parameter_group(world)
    needed.moved(world, "rds.parameter_group", "pg16")
    group = next(iter(world.resources[name] for name in world.resources if "ec2.security_group" in name)).ref.name
    key = needed.a_key(world)
    rds = world.client("legacy", "rds")
    rds.create_db_instance(
        DBInstanceIdentifier="shop",
        DBInstanceClass="db.m6g.large",
        MaxAllocatedStorage=1000,
        StorageType="gp3",
        Iops=13000,
        StorageThroughput=500,
        StorageEncrypted=True,
        KmsKeyId=key,
        Port=5433,
        DBSubnetGroupName="private",
        DBParameterGroupName="pg16",
        VpcSecurityGroupIds=[group],
        MultiAZ=True,
        PubliclyAccessible=True,
        AutoMinorVersionUpgrade=True,
        DeletionProtection=True,
        BackupRetentionPeriod=14,
        PreferredBackupWindow="02:10-02:40",
        PreferredMaintenanceWindow="sun:03:30-sun:04:00",
        CopyTagsToSnapshot=True,
        MonitoringInterval=30,
        MonitoringRoleArn=needed.a_role(world, "monitoring", "monitoring.rds.amazonaws.com"),
        DedicatedLogVolume=True,
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        DatabaseInsightsMode="advanced",
        Tags=needed.PAIRS,
        **ENGINE,
        **UNTOLD,
    )
    exporting = needed.a_role(world, "exporting", "rds.amazonaws.com")
    rds.add_role_to_db_instance(DBInstanceIdentifier="shop", RoleArn=exporting, FeatureName="s3Export")
    resource = needed.scanned(world, "rds.instance", "shop")
    carried(world, resource, key)
    return resource


def carried(world: TwoSides, instance: Resource, key: str) -> None:
    """The target's copy of the snapshot: the emulator copies none between accounts."""
    rds = world.client("target", "rds")
    own_key = world.renamed(key)
    rds.create_db_instance(
        DBInstanceIdentifier="before", DBInstanceClass="db.t4g.micro", StorageEncrypted=True, KmsKeyId=own_key,
        **ENGINE, **UNTOLD,
    )  # fmt: skip
    rds.create_db_snapshot(DBInstanceIdentifier="before", DBSnapshotIdentifier="carried")
    rds.delete_db_instance(DBInstanceIdentifier="before", SkipFinalSnapshot=True)
    base = world.place(instance).step.rpartition(":")[0]
    world.known[f"{base}:copy", "snapshot"] = "carried"


def instance_says(**params: Any) -> Change:
    return needed.changed("rds", "modify_db_instance", "DBInstanceIdentifier", ApplyImmediately=True, **params)


def instance_in_another_group(world: TwoSides, it: Resource) -> None:
    instance_says(VpcSecurityGroupIds=[ground.another_group(world)])(world, it)


def instance_with_another_role(world: TwoSides, it: Resource) -> None:
    named = {"DBInstanceIdentifier": it.ref.name, "RoleArn": "arn:aws:iam::222222222222:role/importing"}
    world.client("target", "rds").add_role_to_db_instance(**named, FeatureName="s3Import")


def instance_with_other_parameters(world: TwoSides, it: Resource) -> None:
    world.client("target", "rds").create_db_parameter_group(
        DBParameterGroupName="other", DBParameterGroupFamily="postgres16", Description="other"
    )
    instance_says(DBParameterGroupName="other")(world, it)


EXAMPLES = (
    Example(
        "rds.parameter_group",
        a_parameter_group,
        {
            "parameters": needed.changed(
                "rds",
                "modify_db_parameter_group",
                "DBParameterGroupName",
                Parameters=[setting("log_min_duration_statement", "0", "immediate")],
            ),
            "tags": tagged,
        },
        fixed={"family": AT_CREATION, "description": AT_CREATION},
    ),
    Example(
        "rds.subnet_group",
        a_subnet_group,
        {"subnet_ids": in_other_subnets, "tags": tagged},
        fixed={"description": "the emulator does not change it with ModifyDBSubnetGroup"},
    ),
    Example(
        "rds.instance",
        an_instance,
        {
            "instance_class": instance_says(DBInstanceClass="db.t4g.small"),
            "multi_az": instance_says(MultiAZ=False),
            "security_groups": instance_in_another_group,
            "parameter_group": instance_with_other_parameters,
            "storage_type": instance_says(StorageType="io1"),
            "iops": instance_says(Iops=14000),
            "allocated_gib": instance_says(AllocatedStorage=600),
            "max_allocated_gib": instance_says(MaxAllocatedStorage=2000),
            "backup_retention_days": instance_says(BackupRetentionPeriod=1),
            "backup_window": instance_says(PreferredBackupWindow="05:10-05:40"),
            "maintenance_window": instance_says(PreferredMaintenanceWindow="mon:03:30-mon:04:00"),
            "deletion_protection": instance_says(DeletionProtection=False),
            "iam_auth": instance_says(EnableIAMDatabaseAuthentication=False),
            "log_exports": instance_says(CloudwatchLogsExportConfiguration={"DisableLogTypes": ["upgrade"]}),
            "monitoring_interval_s": instance_says(MonitoringInterval=60),
            "copy_tags_to_snapshot": instance_says(CopyTagsToSnapshot=False),
            "auto_minor_upgrade": instance_says(AutoMinorVersionUpgrade=False),
            "public": instance_says(PubliclyAccessible=False),
            "certificate": instance_says(CACertificateIdentifier="rds-ca-ecc384-g1"),
            "managed_password": instance_says(ManageMasterUserPassword=True),
            "dedicated_log_volume": instance_says(DedicatedLogVolume=False),
            "lifecycle_support": instance_says(EngineLifecycleSupport="open-source-rds-extended-support"),
            "insights_mode": instance_says(DatabaseInsightsMode="standard"),
            "roles": instance_with_another_role,
            "tags": tagged,
        },
        fixed={
            "engine": SNAPSHOT,
            "engine_version": SNAPSHOT,
            "cluster": SNAPSHOT,
            "replica_of": SNAPSHOT,
            "db_name": SNAPSHOT,
            "master_user": SNAPSHOT,
            "subnet_group": AT_CREATION,
            "encrypted": AT_CREATION,
            "kms_key_id": AT_CREATION,
            "key_manager": AT_CREATION,
            "option_group": EMULATOR,
            "logical_replication": "follows from its parameter group, which shows the change itself",
            "performance_insights": EMULATOR,
            "performance_insights_days": EMULATOR,
            "performance_insights_key": EMULATOR,
            "storage_throughput": "the emulator does not know StorageThroughput of ModifyDBInstance",
            "port": "the emulator does not know DBPortNumber of ModifyDBInstance",
            "monitoring_role": EMULATOR,
            "network_type": EMULATOR,
            "promotion_tier": "an instance of its own has none",
        },
        done=("create",),
    ),
    *CLUSTERS,
)
