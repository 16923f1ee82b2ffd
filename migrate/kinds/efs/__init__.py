"""EFS: file systems with their mount targets, and access points. The rule: files are copied by a person with DataSync;
the steps make everything around them and stand still until the target is not empty any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._documents import canonical
from migrate.kinds.efs.actions import Configure, CopyFiles, Create, Mounts, token
from migrate.kinds.efs.facts import GONE, FileSystemFacts, read_facts, sendable


class FileSystem(Kind[FileSystemFacts]):
    """An EFS file system: made empty, with its mount targets.

    Its files are not carried by this product: a person copies them with DataSync, and the step `copy_files` does not
    end while legacy's holds files and the target's none. Mount targets get new addresses; the
    host name is rewritten.
    """

    name = "efs.file_system"
    title = "EFS file system"
    facts = FileSystemFacts
    stateful = True
    named = False
    reads = frozenset(
        {
            "efs.DescribeFileSystems",
            "efs.DescribeMountTargets",
            "efs.DescribeMountTargetSecurityGroups",
            "efs.DescribeLifecycleConfiguration",
            "efs.DescribeBackupPolicy",
            "efs.DescribeFileSystemPolicy",
            "kms.DescribeKey",
        }
    )
    tagging_types = ("elasticfilesystem:file-system",)
    unordered = frozenset({"mounts"})
    left_out: ClassVar[Mapping[str, str]] = {
        "Files": "a person copies them: datasync.CreateTask between both file systems",
        "Replication": "efs.CreateReplicationConfiguration in the target, once the files are there",
        "FileSystemProtection": "AWS's default: overwriting by a replication is forbidden",
        "Addresses of mount targets": "new; mount by name (fs-….efs.<region>.amazonaws.com) or by amazon-efs-utils",
        "Zone of a One Zone file system": "is named as in legacy; a zone's name may mean another zone in the target",
    }
    actions = (Create(), Configure(), Mounts(), CopyFiles())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("efs.DescribeFileSystems", "FileSystems", MaxItems=100))
        else:
            answer = site.optional("efs.DescribeFileSystems", missing=(*GONE, "BadRequest"), FileSystemId=only)
            listed = answer["FileSystems"] if answer else []
        found = [one for one in listed if one.get("LifeCycleState") not in ("deleting", "deleted")]
        for one, facts in zip(found, site.map(lambda one: read_facts(site, one), found), strict=True):
            size = one.get("SizeInBytes", {}).get("Value")
            yield self.found(
                site,
                one["FileSystemId"],
                facts,
                arn=one.get("FileSystemArn") or _arn(site, "file-system", one["FileSystemId"]),
                tags=pair_tags(one.get("Tags")),
                size_bytes=int(size) if size is not None else None,
            )

    def names(self, it: It[FileSystemFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.arn, after("create", "arn"))
        yield Name(it.ref.name, own, "id")
        legacy = f"{it.ref.name}.efs.{it.ref.region}.amazonaws.com"
        yield Name(legacy, {"$join": [own, f".efs.{place.region}.amazonaws.com"]}, "host")

    def needs(self, it: It[FileSystemFacts]) -> Iterator[Need]:
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", "efs.DescribeFileSystems FileSystems[].KmsKeyId")
        for mount in it.facts.mounts:
            yield Need(mount.subnet_id, "in", "hard", "efs.DescribeMountTargets MountTargets[].SubnetId")
            for group in mount.security_groups:
                yield Need(group, "member of", "hard", "efs.DescribeMountTargetSecurityGroups SecurityGroups[]")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[FileSystemFacts]) -> dict[str, Json]:
        policy = sendable(facts["policy"])
        # Renaming changes the order of sorted names; AWS refuses principals that were deleted.
        mounts = [one | {"security_groups": sorted(one["security_groups"], key=str)} for one in facts["mounts"]]
        return facts | {"policy": policy and canonical(policy), "mounts": mounts}


class AccessPointFacts(Facts):
    """Source: efs.DescribeAccessPoints."""

    file_system_id: str
    posix_user: dict[str, Json] | None
    root_directory: dict[str, Json]


class CreateAccessPoint(Action[AccessPointFacts]):
    """The access point. Where its directory is not there yet, AWS makes it at the first mount."""

    name = "create"
    title = "Create the access point"

    def requests(self, it: It[AccessPointFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"AccessPointId": after("create", "id")}
        user = {"PosixUser": it.facts.posix_user} if it.facts.posix_user else {}
        return [
            Request(
                "efs.CreateAccessPoint",
                {
                    "ClientToken": token(place),
                    "FileSystemId": it.facts.file_system_id,
                    "RootDirectory": it.facts.root_directory,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                }
                | user,
                once="tagged",
                creates=True,
                outputs={"id": "AccessPointId", "arn": "AccessPointArn"},
                retry=("IncorrectFileSystemLifeCycleState",),
                wait=Wait("efs.DescribeAccessPoints", own, "AccessPoints[].LifeCycleState", ("available",)),
                undo=Request("efs.DeleteAccessPoint", own, done=("AccessPointNotFound",)),
            )
        ]


class AccessPoint(Kind[AccessPointFacts]):
    """An access point of an EFS file system, by which tasks and functions mount a directory."""

    name = "efs.access_point"
    title = "EFS access point"
    facts = AccessPointFacts
    named = False
    reads = frozenset({"efs.DescribeAccessPoints"})
    tagging_types = ("elasticfilesystem:access-point",)
    actions = (CreateAccessPoint(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("efs.DescribeAccessPoints", "AccessPoints", MaxResults=100))
        else:
            gone = ("AccessPointNotFound", "BadRequest")
            answer = site.optional("efs.DescribeAccessPoints", missing=gone, AccessPointId=only)
            listed = answer["AccessPoints"] if answer else []
        for one in sorted(listed, key=lambda one: str(one["AccessPointId"])):
            if one.get("LifeCycleState") in ("deleting", "deleted"):
                continue
            facts = AccessPointFacts(
                file_system_id=one["FileSystemId"],
                posix_user=_user(one.get("PosixUser")),
                root_directory=one.get("RootDirectory") or {"Path": "/"},
            )
            yield self.found(
                site, one["AccessPointId"], facts, arn=one["AccessPointArn"], tags=pair_tags(one.get("Tags"))
            )

    def names(self, it: It[AccessPointFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))
        yield Name(it.ref.name, after("create", "id"), "id")

    def needs(self, it: It[AccessPointFacts]) -> Iterator[Need]:
        yield Need(it.facts.file_system_id, "in", "hard", "efs.DescribeAccessPoints AccessPoints[].FileSystemId")


def _user(user: Mapping[str, Any] | None) -> dict[str, Json] | None:
    return dict(user) if user else None


def _arn(site: ReadSite, sort: str, own: str) -> str:
    return f"arn:aws:elasticfilesystem:{site.region}:{site.account}:{sort}/{own}"


KINDS = (FileSystem(), AccessPoint())
