"""What is read of an EFS file system. The rule: what is measured (sizes, counts) is no fact."""

import json
from collections.abc import Mapping
from typing import Any

from migrate.kind import Facts, Json, ReadSite
from migrate.kinds._documents import parsed, without_dead
from migrate.kinds._keys import customers_key

GONE = ("FileSystemNotFound",)


class Mount(Facts):
    """One mount target. Source: efs.DescribeMountTargets, efs.DescribeMountTargetSecurityGroups."""

    subnet_id: str
    security_groups: list[str]


class FileSystemFacts(Facts):
    """Source: efs.DescribeFileSystems, DescribeMountTargets, DescribeMountTargetSecurityGroups,
    DescribeLifecycleConfiguration, DescribeBackupPolicy and DescribeFileSystemPolicy; kms.DescribeKey."""

    performance_mode: str
    throughput_mode: str
    provisioned_mibps: float | None
    encrypted: bool
    kms_key: str | None
    """A customer's key by its ARN; None: the key that AWS manages, or no encryption."""
    zone: str | None
    """Of a file system that lies in one zone only."""
    lifecycle: list[dict[str, Json]]
    backup: bool
    policy: dict[str, Json] | None
    mounts: list[Mount]


def read_facts(site: ReadSite, found: Mapping[str, Any]) -> FileSystemFacts:
    """One description as facts, with what AWS shows of it elsewhere."""
    own = {"FileSystemId": found["FileSystemId"]}

    def read(operation: str, *missing: str) -> dict[str, Any]:
        return site.optional(f"efs.{operation}", missing=(*GONE, *missing), **own) or {}

    policy = read("DescribeFileSystemPolicy", "PolicyNotFound").get("Policy")
    backup = read("DescribeBackupPolicy", "PolicyNotFound").get("BackupPolicy") or {}
    provisioned = found.get("ProvisionedThroughputInMibps")
    return FileSystemFacts(
        performance_mode=found["PerformanceMode"],
        throughput_mode=found.get("ThroughputMode") or "bursting",
        provisioned_mibps=float(provisioned) if provisioned else None,
        encrypted=bool(found.get("Encrypted")),
        kms_key=customers_key(site, found.get("KmsKeyId")),
        zone=found.get("AvailabilityZoneName") or None,
        lifecycle=sorted(
            (dict(one) for one in read("DescribeLifecycleConfiguration").get("LifecyclePolicies") or ()), key=json.dumps
        ),
        backup=backup.get("Status") in ("ENABLED", "ENABLING"),
        policy=parsed(policy) if policy else None,
        mounts=read_mounts(site, found["FileSystemId"]),
    )


def read_mounts(site: ReadSite, file_system: str) -> list[Mount]:
    """Its mount targets, in the order of their subnets."""
    listed = mount_targets(site, file_system)

    def groups(one: Mapping[str, Any]) -> list[str]:
        answer = site.optional(
            "efs.DescribeMountTargetSecurityGroups",
            missing=("MountTargetNotFound", "IncorrectMountTargetState"),
            MountTargetId=one["MountTargetId"],
        )
        return sorted((answer or {}).get("SecurityGroups") or ())

    mounts = [
        Mount(subnet_id=one["SubnetId"], security_groups=held)
        for one, held in zip(listed, site.map(groups, listed), strict=True)
    ]
    return sorted(mounts, key=lambda mount: mount.subnet_id)


def mount_targets(site: ReadSite, file_system: str) -> list[dict[str, Any]]:
    """Those that stand or are being made."""
    pages = site.pages("efs.DescribeMountTargets", "MountTargets", FileSystemId=file_system, MaxItems=100)
    return [one for one in pages if one.get("LifeCycleState") not in ("deleting", "deleted")]


def sendable(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    """The policy without principals that were deleted, which AWS refuses; None where nothing is left."""
    return without_dead(policy) if policy else None
