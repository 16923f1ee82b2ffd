"""An Aurora PostgreSQL cluster with everything that a restore resets, and its parameter group."""

from typing import Any

from moto.rds.models import DBCluster

from migrate.demo.strict import add
from migrate.demo.strict.rds_attributes import attributes_told
from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides

SNAPSHOT = "it is in the snapshot: AWS changes it at no restore and by no call"
AT_CREATION = "AWS takes it when the thing is created only"
EMULATOR = "the emulator does not keep it; the request is checked against AWS's shapes"
SETTINGS = [
    {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "pending-reboot"},
    {"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"},
]
ENGINE: dict[str, Any] = {
    "DatabaseName": "shop",
    "Engine": "aurora-postgresql",
    "EngineVersion": "16.4",
    "MasterUsername": "owner",
    "MasterUserPassword": "password-1",
    # What the emulator's restore takes from the snapshot's cluster, and AWS from the request.
    "EnableIAMDatabaseAuthentication": True,
}


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "rds").add_tags_to_resource(ResourceName=it.arn, Tags=needed.OTHER_PAIRS)


def a_group(world: TwoSides) -> Resource:
    rds = world.client("legacy", "rds")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="aurora16",
        DBParameterGroupFamily="aurora-postgresql16",
        Description="only with TLS",
        Tags=needed.PAIRS,
    )
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="aurora16", Parameters=SETTINGS)
    return needed.scanned(world, "rds.cluster_parameter_group", "aurora16")


def a_cluster(world: TwoSides) -> Resource:
    attributes_told()
    # The emulator names a cluster's automated backup by the minute and keeps it: a second cluster would find it taken.
    add(DBCluster, "save_automated_backup")(lambda cluster: None)
    network = ground.a_network(world)
    rds = world.client("legacy", "rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="both private subnets", SubnetIds=list(network.subnets)
    )
    needed.moved(world, "rds.subnet_group", "private")
    a_group(world)
    needed.moved(world, "rds.cluster_parameter_group", "aurora16")
    group = next(iter(world.resources[name] for name in world.resources if "ec2.security_group" in name)).ref.name
    key = needed.a_key(world)
    rds.create_db_cluster(
        DBClusterIdentifier="shop",
        DBSubnetGroupName="private",
        DBClusterParameterGroupName="aurora16",
        VpcSecurityGroupIds=[group],
        StorageEncrypted=True,
        KmsKeyId=key,
        Port=5433,
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 8},
        DeletionProtection=True,
        BackupRetentionPeriod=14,
        PreferredBackupWindow="02:10-02:40",
        PreferredMaintenanceWindow="sun:03:30-sun:04:00",
        CopyTagsToSnapshot=True,
        EnableCloudwatchLogsExports=["postgresql"],
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        Tags=needed.PAIRS,
        **ENGINE,
    )
    role = needed.a_role(world, "importing", "rds.amazonaws.com")
    rds.add_role_to_db_cluster(DBClusterIdentifier="shop", RoleArn=role, FeatureName="s3Import")
    resource = needed.scanned(world, "rds.cluster", "shop")
    carried(world, resource, str(world.renamed(key)))
    return resource


def carried(world: TwoSides, cluster: Resource, key: str) -> None:
    """The target's copy of the snapshot: the emulator copies none between accounts."""
    rds = world.client("target", "rds")
    rds.create_db_cluster(DBClusterIdentifier="before", StorageEncrypted=True, KmsKeyId=key, **ENGINE)
    rds.create_db_cluster_snapshot(DBClusterIdentifier="before", DBClusterSnapshotIdentifier="carried")
    rds.delete_db_cluster(DBClusterIdentifier="before", SkipFinalSnapshot=True)
    base = world.place(cluster).step.rpartition(":")[0]
    world.known[f"{base}:copy", "snapshot"] = "carried"


def says(**params: Any) -> Change:
    return needed.changed("rds", "modify_db_cluster", "DBClusterIdentifier", ApplyImmediately=True, **params)


def in_another_group(world: TwoSides, it: Resource) -> None:
    says(VpcSecurityGroupIds=[ground.another_group(world)])(world, it)


def with_other_parameters(world: TwoSides, it: Resource) -> None:
    world.client("target", "rds").create_db_cluster_parameter_group(
        DBClusterParameterGroupName="other", DBParameterGroupFamily="aurora-postgresql16", Description="other"
    )
    says(DBClusterParameterGroupName="other")(world, it)


def with_another_role(world: TwoSides, it: Resource) -> None:
    role = it.facts["roles"][0]["arn"]
    world.client("target", "rds").add_role_to_db_cluster(
        DBClusterIdentifier=it.ref.name, RoleArn=f"{role}-2", FeatureName="Lambda"
    )


CLUSTERS = (
    Example(
        "rds.cluster_parameter_group",
        a_group,
        {
            "parameters": needed.changed(
                "rds",
                "modify_db_cluster_parameter_group",
                "DBClusterParameterGroupName",
                Parameters=[{"ParameterName": "work_mem", "ParameterValue": "4096", "ApplyMethod": "immediate"}],
            ),
            "tags": tagged,
        },
        fixed={"family": AT_CREATION, "description": AT_CREATION},
    ),
    Example(
        "rds.cluster",
        a_cluster,
        {
            "parameter_group": with_other_parameters,
            "security_groups": in_another_group,
            "scaling": says(ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 2}),
            "backup_retention_days": says(BackupRetentionPeriod=1),
            "backup_window": says(PreferredBackupWindow="05:10-05:40"),
            "maintenance_window": says(PreferredMaintenanceWindow="mon:03:30-mon:04:00"),
            "copy_tags_to_snapshot": says(CopyTagsToSnapshot=False),
            "deletion_protection": says(DeletionProtection=False),
            "managed_password": says(ManageMasterUserPassword=True),
            "port": says(Port=5434),
            "roles": with_another_role,
            "lifecycle_support": says(EngineLifecycleSupport="open-source-rds-extended-support"),
            "tags": tagged,
        },
        fixed={
            "engine": SNAPSHOT,
            "engine_version": SNAPSHOT,
            "engine_mode": SNAPSHOT,
            "db_name": SNAPSHOT,
            "master_user": SNAPSHOT,
            "subnet_group": AT_CREATION,
            "encrypted": AT_CREATION,
            "kms_key_id": AT_CREATION,
            "key_manager": AT_CREATION,
            "iam_auth": EMULATOR,
            "http_endpoint": EMULATOR,
            "storage_type": "the emulator knows none of Aurora's",
            "log_exports": EMULATOR,
            "network_type": EMULATOR,
            "global_cluster": "one that has it does not move",
            "replicates": "one that has it does not move",
            "logical_replication": "follows from its cluster group, which shows the change itself",
        },
        done=("create",),
    ),
)
