"""An encrypted file system with mount targets in two subnets, and an access point of it."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides


def a_file_system(world: TwoSides) -> Resource:
    network = ground.a_network(world)
    efs = world.client("legacy", "efs")
    made: dict[str, Any] = efs.create_file_system(
        CreationToken="shop",
        PerformanceMode="maxIO",
        ThroughputMode="provisioned",
        ProvisionedThroughputInMibps=64.0,
        Encrypted=True,
        KmsKeyId=needed.a_key(world),
        Backup=True,
        Tags=needed.PAIRS,
    )
    own = made["FileSystemId"]
    efs.put_lifecycle_configuration(FileSystemId=own, LifecyclePolicies=[{"TransitionToIA": "AFTER_30_DAYS"}])
    for subnet in network.subnets:
        efs.create_mount_target(FileSystemId=own, SubnetId=subnet, SecurityGroups=[network.group])
    return needed.scanned(world, "efs.file_system", own)


def kept_warm(world: TwoSides, it: Resource) -> None:
    world.client("target", "efs").put_lifecycle_configuration(FileSystemId=it.ref.name, LifecyclePolicies=[])


def mounted_less(world: TwoSides, it: Resource) -> None:
    efs = world.client("target", "efs")
    first = efs.describe_mount_targets(FileSystemId=it.ref.name)["MountTargets"][0]
    efs.delete_mount_target(MountTargetId=first["MountTargetId"])


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "efs").tag_resource(ResourceId=it.ref.name, Tags=needed.OTHER_PAIRS)


def an_access_point(world: TwoSides) -> Resource:
    efs = world.client("legacy", "efs")
    own = efs.create_file_system(CreationToken="shop")["FileSystemId"]
    needed.moved(world, "efs.file_system", own, "create")
    made: dict[str, Any] = efs.create_access_point(
        ClientToken="uploads",
        FileSystemId=own,
        PosixUser={"Uid": 1000, "Gid": 1000, "SecondaryGids": [7]},
        RootDirectory={"Path": "/up", "CreationInfo": {"OwnerUid": 1, "OwnerGid": 2, "Permissions": "0750"}},
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "efs.access_point", made["AccessPointId"])


CREATION = "AWS allows it at creation only"
EMULATOR = "the emulator has no efs.UpdateFileSystem"

EXAMPLES = (
    Example(
        "efs.file_system",
        a_file_system,
        {"lifecycle": kept_warm, "mounts": mounted_less, "tags": tagged},
        {
            "performance_mode": CREATION,
            "encrypted": CREATION,
            "kms_key": CREATION,
            "zone": CREATION,
            "throughput_mode": EMULATOR,
            "provisioned_mibps": EMULATOR,
            "backup": "the emulator has no efs.PutBackupPolicy",
            "policy": "the emulator has no efs.DeleteFileSystemPolicy",
        },
        done=("create", "configure", "mount", "copy_files"),
    ),
    Example(
        "efs.access_point",
        an_access_point,
        {"tags": tagged},
        {"file_system_id": CREATION, "posix_user": CREATION, "root_directory": CREATION},
    ),
)
