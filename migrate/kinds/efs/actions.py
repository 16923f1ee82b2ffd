"""What is done with a file system. The rule: an empty file system is never taken for a moved one."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migrate.errors import Conflict, StepFailed
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    It,
    Json,
    Place,
    Proof,
    ReadSite,
    Request,
    Wait,
    after,
    tag_pairs,
)
from migrate.kinds.efs.facts import GONE, FileSystemFacts, mount_targets, sendable
from migrate.values import as_json

OWN = {"FileSystemId": after("create", "id")}
EMPTY_BYTES = 2**20
"""Below this nobody has written a file worth a copy: an empty file system is metered at 6 KiB. Source: EFS User Guide,
Metering, unverified."""
PATIENCE_S = 600.0
EVERY_S = 5.0
BY_HAND = (
    "copy the files: datasync.CreateLocationEfs for both, datasync.CreateTask with "
    "VerifyMode=POINT_IN_TIME_CONSISTENT, datasync.StartTaskExecution, once more after the writers have stopped; "
    "then migrate run"
)


def token(place: Place) -> str:
    """One for each step: AWS refuses a second thing under the same token, and makes none."""
    return hashlib.sha256(place.step.encode()).hexdigest()[:40]


class Create(Action[FileSystemFacts]):
    """The file system, empty."""

    name = "create"
    title = "Create the file system, empty"

    def requests(self, it: It[FileSystemFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        optional: dict[str, Json] = {
            "ProvisionedThroughputInMibps": facts.provisioned_mibps,
            "KmsKeyId": facts.kms_key,
            "AvailabilityZoneName": facts.zone,
        }
        return [
            Request(
                "efs.CreateFileSystem",
                {
                    "CreationToken": token(place),
                    "PerformanceMode": facts.performance_mode,
                    "ThroughputMode": facts.throughput_mode,
                    "Encrypted": facts.encrypted,
                    "Backup": facts.backup,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                }
                | {name: value for name, value in optional.items() if value is not None},
                once="tagged",
                creates=True,
                outputs={"id": "FileSystemId", "arn": "FileSystemArn"},
                wait=Wait("efs.DescribeFileSystems", dict(OWN), "FileSystems[].LifeCycleState", ("available",)),
                undo=Request(
                    "efs.DeleteFileSystem",
                    dict(OWN),
                    done=GONE,
                    # Its last mount target may still be going.
                    retry=("FileSystemInUse",),
                    wait=Wait("efs.DescribeFileSystems", dict(OWN), "FileSystems[].LifeCycleState", (), gone=GONE),
                ),
            )
        ]


class Configure(Action[FileSystemFacts]):
    """When files go to colder storage, and who may mount."""

    name = "configure"
    title = "Set the file system's lifecycle and policy"
    sets = frozenset({"lifecycle", "policy"})

    def applies(self, it: It[FileSystemFacts]) -> bool:
        return bool(it.facts.lifecycle or sendable(it.facts.policy))

    def requests(self, it: It[FileSystemFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        if it.facts.lifecycle:
            off = Request("efs.PutLifecycleConfiguration", OWN | {"LifecyclePolicies": []}, done=GONE)
            on = OWN | {"LifecyclePolicies": it.facts.lifecycle}
            requests.append(Request("efs.PutLifecycleConfiguration", on, undo=off))
        policy = sendable(it.facts.policy)
        if policy:
            requests.append(
                Request(
                    "efs.PutFileSystemPolicy",
                    OWN | {"Policy": as_json(policy)},
                    # A principal made a moment ago is not known everywhere (unverified).
                    retry=("InvalidPolicyException",),
                    undo=Request("efs.DeleteFileSystemPolicy", dict(OWN), done=GONE),
                )
            )
        return requests


class Mounts(CarryAction[FileSystemFacts]):
    """A mount target in each subnet. AWS lists them by file system only: code tells which one is made already."""

    name = "mount"
    title = "Create the mount targets"
    sets = frozenset({"mounts"})
    writes = frozenset({"efs.CreateMountTarget", "efs.DeleteMountTarget"})

    def applies(self, it: It[FileSystemFacts]) -> bool:
        return bool(it.facts.mounts)

    def summary(self, it: It[FileSystemFacts], place: Place) -> dict[str, Json]:
        mounts = [mount.model_dump() for mount in it.facts.mounts]
        return {"from": it.arn, "to": OWN | {"mounts": mounts}, "how": "efs.CreateMountTarget"}

    def carry(self, it: It[FileSystemFacts], to: Carrier) -> Mapping[str, Json]:
        own = str(to.rewrite(it.ref.name))
        there = {one["SubnetId"] for one in mount_targets(to.target, own)}
        for subnet, groups in _wanted(it, to).items():
            if subnet not in there:
                to.write("efs.CreateMountTarget", FileSystemId=own, SubnetId=subnet, SecurityGroups=groups)
        _until(to.target, own, lambda states: all(state == "available" for state in states))
        return {"mount targets": len(it.facts.mounts)}

    def prove(self, it: It[FileSystemFacts], to: Carrier) -> Proof:
        own = str(to.rewrite(it.ref.name))
        missing = sorted(_wanted(it, to).keys() - {one["SubnetId"] for one in mount_targets(to.target, own)})
        return Proof("different" if missing else "equal", ("mounts",), tuple(f"none in {one}" for one in missing))

    def uncarry(self, it: It[FileSystemFacts], to: Carrier) -> None:
        own = str(to.rewrite(it.ref.name))
        if to.target.optional("efs.DescribeFileSystems", missing=GONE, FileSystemId=own) is None:
            return
        wanted = _wanted(it, to)
        for one in mount_targets(to.target, own):
            if one["SubnetId"] in wanted:
                to.write("efs.DeleteMountTarget", MountTargetId=one["MountTargetId"])
        _until(to.target, own, lambda states: "deleting" not in states)


class CopyFiles(CarryAction[FileSystemFacts]):
    """Stands still until a person has copied the files: no call of EFS reads them. Goes on at once where legacy's is
    empty. What is compared is the metered size; that each file is whole is said by DataSync's own verification."""

    name = "copy_files"
    title = "See that the files were copied"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    writes = frozenset()

    def summary(self, it: It[FileSystemFacts], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": dict(OWN), "how": f"by hand: {BY_HAND}", "what": "every file, by DataSync"}

    def carry(self, it: It[FileSystemFacts], to: Carrier) -> Mapping[str, Json]:
        legacy, target = _sizes(it, to)
        if legacy > EMPTY_BYTES >= target:
            raise StepFailed(f"{it.ref.name} holds {legacy} bytes, and the target's file system is empty", do=BY_HAND)
        return {"bytes in legacy": legacy, "bytes in the target": target}

    def prove(self, it: It[FileSystemFacts], to: Carrier) -> Proof:
        legacy, target = _sizes(it, to)
        evidence: dict[str, Json] = {"bytes in legacy": legacy, "bytes in the target": target}
        empty = legacy > EMPTY_BYTES >= target
        said = ("the target's file system is empty",) if empty else ()
        return Proof("different" if empty else "equal", ("that it is not empty",), said, evidence)

    def uncarry(self, it: It[FileSystemFacts], to: Carrier) -> None:
        _, target = _sizes(it, to)
        if target > EMPTY_BYTES:
            raise Conflict(
                f"the target's copy of {it.ref.name} holds {target} bytes, and deleting it deletes the files",
                do="save what is needed, delete the files, wait an hour until AWS has metered it, then roll back again",
            )


def _sizes(it: It[FileSystemFacts], to: Carrier) -> tuple[int, int]:
    """Metered bytes in legacy and in the target; AWS counts about once an hour."""
    return _size(to.legacy, it.ref.name), _size(to.target, str(to.rewrite(it.ref.name)))


def _size(site: ReadSite, file_system: str) -> int:
    answer = site.optional("efs.DescribeFileSystems", missing=GONE, FileSystemId=file_system)
    found: list[dict[str, Any]] = answer["FileSystems"] if answer else []
    return sum(int(one.get("SizeInBytes", {}).get("Value") or 0) for one in found)


def _wanted(it: It[FileSystemFacts], to: Carrier) -> dict[str, list[str]]:
    """Security groups by subnet, in the target's names."""
    mounts = [to.rewrite(mount.model_dump()) for mount in it.facts.mounts]
    return {str(mount["subnet_id"]): sorted(mount["security_groups"]) for mount in mounts}


def _until(site: ReadSite, file_system: str, done: Callable[[list[str]], bool]) -> None:
    """Wait for the mount targets. Raises StepFailed once the patience is over."""
    left_s = PATIENCE_S
    while True:
        listed = site.pages("efs.DescribeMountTargets", "MountTargets", FileSystemId=file_system, MaxItems=100)
        if done([str(one.get("LifeCycleState")) for one in listed]):
            return
        if left_s <= 0:
            raise StepFailed(f"the mount targets of {file_system} take too long", do="look at them, then migrate run")
        time.sleep(EVERY_S)
        left_s -= EVERY_S
