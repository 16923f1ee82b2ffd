"""Image: an own one that something is launched from, shared by legacy and copied by the target.

The rule: nothing is launched in the target from an image that legacy could take away. An encrypted image is copied
in legacy first, under a key of this one transfer: a snapshot under the default key of EBS cannot be shared at all,
and one under an own key only by changing that key's policy. Source: EC2 user guide, Share an EBS snapshot, read
2026-11.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, Wait, after, pair_tags
from migrate.kinds import _transfer_key
from migrate.kinds._ec2 import OWN, names_of, narrowed, ordered, specification
from migrate.kinds.ec2_compute.disks import Keys, described

GONE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable")
LIVING = ["pending", "running", "stopping", "stopped"]
SNAPSHOT_GONE = "InvalidSnapshot.NotFound"


class ImageFacts(Facts):
    """Source: ec2.DescribeImages, ec2.DescribeSnapshots, ec2.DescribeSnapshotAttribute,
    ec2.DescribeImageAttribute; in use by ec2.DescribeInstances, ec2.DescribeLaunchTemplateVersions."""

    image_name: str
    description: str
    architecture: str
    virtualization: str
    root_device: str
    instance_store: bool
    boot_mode: str | None
    ena: bool
    imds: str | None
    disks: list[dict[str, Json]]
    """`{DeviceName, VolumeSize, VolumeType, Encrypted, KmsKeyId, DeleteOnTermination, …}`; only those with content."""
    snapshots: dict[str, str]
    """Device → the snapshot that it is made of."""
    snapshots_shared: list[str]
    """Snapshots and the accounts that could read them already, as `snap-…/account`."""
    launched_by: list[str]
    """Other accounts that may launch it."""
    in_use: bool
    """An instance, or the default or latest version of a launch template, is launched from it; or it was made of an
    instance that lives."""
    product_codes: list[str]

    @property
    def encrypted(self) -> bool:
        """Whether any of its disks is."""
        return any(disk["Encrypted"] for disk in self.disks)

    @property
    def moves(self) -> bool:
        """Whether somebody needs it and AWS can copy it from another account."""
        return self.in_use and not self.instance_store and not self.product_codes


class Create(Action[ImageFacts]):
    """In legacy: shared, an encrypted one as a copy under the transfer key. In the target: its own copy."""

    name = "create"
    title = "Share the image and copy it into the target"
    undo_class = "R1"

    def applies(self, it: It[ImageFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[ImageFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        shared = _shared_copy(it, place) if facts.encrypted else _shared(it, place)
        key = next((disk["KmsKeyId"] for disk in facts.disks if disk["KmsKeyId"]), None)
        encrypted: dict[str, Json] = {"Encrypted": True} if facts.encrypted else {}
        tags = specification("image", place, it.tags) + specification("snapshot", place, it.tags)
        return [
            *shared,
            Request(
                "ec2.CopyImage",
                {
                    "Name": facts.image_name,
                    "Description": facts.description,
                    "SourceImageId": after("create", "source"),
                    "SourceRegion": it.ref.region,
                    "TagSpecifications": tags,
                }
                | encrypted
                | ({"KmsKeyId": key} if key else {}),
                once="tagged",
                creates=True,
                outputs={"id": "ImageId"},
                # What was shared a moment ago is not seen everywhere yet.
                retry=("InvalidAMIID.NotFound", "InvalidSnapshot.NotFound", "AuthFailure", "InvalidRequest"),
                wait=_available(OWN),
                undo=Request("ec2.DeregisterImage", {"ImageId": OWN, "DeleteAssociatedSnapshots": True}, done=GONE),
            ),
        ]


class Image(Kind[ImageFacts]):
    """An own image that is in use. Unused ones stay in legacy, with what launches nothing. Legacy's own sharing with
    other accounts is not carried. If one of its disks is encrypted, all of the copy's are, under one key. Images of
    others are not copied: public ones have the same id in all accounts of a region.
    """

    name = "ec2.image"
    title = "Machine image"
    facts = ImageFacts
    named = False
    reads = _transfer_key.READS | frozenset(
        {
            "ec2.DescribeImageAttribute",
            "ec2.DescribeImages",
            "ec2.DescribeInstances",
            "ec2.DescribeLaunchTemplateVersions",
            "ec2.DescribeSnapshotAttribute",
            "ec2.DescribeSnapshots",
            "kms.DescribeKey",
        }
    )
    tagging_types = ("ec2:image",)
    volatile = frozenset({"in_use", "launched_by", "product_codes", "snapshots", "snapshots_shared"})
    quiet = True
    manual = (
        "An image that nothing is launched from stays: where somebody needs it, share it (ec2.ModifyImageAttribute, "
        "and ec2.ModifySnapshotAttribute for its snapshots) and copy it in the target (ec2.CopyImage). One on instance "
        "store, or with a Marketplace product in it, cannot be copied by another account: launch it, and make a new "
        "image of the machine (ec2.CreateImage). Verify: ec2.DescribeImages with Owners=self in the target says "
        "available."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "launch permissions": "share the target's copy anew with those who launch it (ec2.ModifyImageAttribute)",
        "DeprecationTime, DeregistrationProtection": "set them anew (ec2.EnableImageDeprecation)",
        "SourceInstanceId, CreationDate": "say where and when the original was made",
        "several keys": "a copy has one key for all of its disks: the first own one",
    }
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("image-id", only)
        found = [
            image
            for image in site.pages("ec2.DescribeImages", "Images", Owners=["self"], **wanted)
            if image.get("State") == "available" and only in (None, image["ImageId"])
        ]
        if not found:
            return
        used = _used(site)
        keys = Keys(site)
        read = site.map(lambda image: _facts(site, image, keys, used), found)
        for image, facts in zip(found, read, strict=True):
            yield self.found(
                site,
                image["ImageId"],
                facts,
                arn=f"arn:aws:ec2:{site.region}::image/{image['ImageId']}",
                tags=pair_tags(image.get("Tags")),
            )

    def needs(self, it: It[ImageFacts]) -> Iterator[Need]:
        for disk in it.facts.disks:
            if disk["KmsKeyId"]:
                yield Need(disk["KmsKeyId"], "encrypted by", "hard", "ec2.DescribeSnapshots Snapshots[].KmsKeyId")

    def names(self, it: It[ImageFacts], place: Place) -> Iterator[Name]:
        # Its ARN has no account.
        return iter(list(names_of(it, place, "image"))[:1])

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ImageFacts]) -> dict[str, Json]:
        if not it.facts.encrypted:
            return facts
        key = next((disk["KmsKeyId"] for disk in facts["disks"] if disk["KmsKeyId"]), None)
        return facts | {"disks": [disk | {"Encrypted": True, "KmsKeyId": key} for disk in facts["disks"]]}


def _available(image: Json) -> Wait:
    return Wait(
        "ec2.DescribeImages",
        {"ImageIds": [image]},
        "Images[].State",
        ("available",),
        ("failed", "error", "invalid", "deregistered"),
        every_s=15,
        timeout_s=6 * 3600.0,
    )


def _shared(it: It[ImageFacts], place: Place) -> list[Request]:
    """Legacy's own image and its snapshots, readable by the target; what could be read already stays so."""
    # Said by a look and not as it stands: in the target's requests legacy's id becomes the target's.
    image = {"ImageIds": [it.ref.name]}
    requests = [Request("ec2.DescribeImages", image, "legacy", outputs={"source": "Images[0].ImageId"})]
    if place.account not in it.facts.launched_by:
        requests.append(_permit(it.ref.name, place, undone=True))
    for snapshot in sorted(set(it.facts.snapshots.values())):
        if f"{snapshot}/{place.account}" not in it.facts.snapshots_shared:
            requests.append(_read(snapshot, place, undone=True))
    return requests


def _shared_copy(it: It[ImageFacts], place: Place) -> list[Request]:
    """A copy in legacy under the transfer key, readable by the target. It and its key go with the undo."""
    name = f"migrate {it.ref.name} to {place.account}"
    copy = after("create", "source")
    copied = Request(
        "ec2.CopyImage",
        {
            "Name": name,
            "Description": f"Transfer of {it.ref.name}",
            "SourceImageId": it.ref.name,
            "SourceRegion": it.ref.region,
            "Encrypted": True,
            "KmsKeyId": after("create", "key_arn"),
            "TagSpecifications": specification("image", place, {}) + specification("snapshot", place, {}),
        },
        "legacy",
        once="token",
        token_param="ClientToken",
        outputs={"source": "ImageId"},
        wait=_available(copy),
        undo=Request("ec2.DeregisterImage", {"ImageId": copy, "DeleteAssociatedSnapshots": True}, "legacy", done=GONE),
    )
    devices = sorted(it.facts.snapshots)
    look = Request(
        "ec2.DescribeImages",
        {"ImageIds": [copy]},
        "legacy",
        outputs={
            f"snapshot_{number}": f"Images[0].BlockDeviceMappings[?DeviceName=='{device}'].Ebs.SnapshotId | [0]"
            for number, device in enumerate(devices)
        },
    )
    reads = [_read(after("create", f"snapshot_{number}"), place, undone=False) for number in range(len(devices))]
    keys = _transfer_key.transfer_key(it.ref.account, place, f"{it.ref.name}-{place.account}", "create")
    return [*keys, copied, look, _permit(copy, place, undone=False), *reads]


def _permit(image: Json, place: Place, *, undone: bool) -> Request:
    """The right to launch; `undone` where the image is legacy's own and stays."""
    account: list[Json] = [{"UserId": place.account}]
    take = Request("ec2.ModifyImageAttribute", {"ImageId": image, "LaunchPermission": {"Remove": account}}, "legacy")
    return Request(
        "ec2.ModifyImageAttribute",
        {"ImageId": image, "LaunchPermission": {"Add": account}},
        "legacy",
        undo=take if undone else None,
    )


def _read(snapshot: Json, place: Place, *, undone: bool) -> Request:
    """The right to make a volume, and so a copy, of a snapshot."""
    said: dict[str, Json] = {
        "SnapshotId": snapshot,
        "Attribute": "createVolumePermission",
        "UserIds": [place.account],
    }
    take = Request("ec2.ModifySnapshotAttribute", said | {"OperationType": "remove"}, "legacy", done=(SNAPSHOT_GONE,))
    return Request(
        "ec2.ModifySnapshotAttribute", said | {"OperationType": "add"}, "legacy", undo=take if undone else None
    )


def _used(site: ReadSite) -> frozenset[str]:
    """Images, and instances that an image may have been made of."""
    living = [{"Name": "instance-state-name", "Values": LIVING}]
    instances = site.pages("ec2.DescribeInstances", "Reservations[].Instances[]", Filters=living, MaxResults=1000)
    used = {one[name] for one in instances for name in ("ImageId", "InstanceId") if one.get(name)}
    # Of all templates at once. Source: ec2.DescribeLaunchTemplateVersions Versions, botocore 1.44.5.
    versions = site.pages(
        "ec2.DescribeLaunchTemplateVersions", "LaunchTemplateVersions", Versions=["$Default", "$Latest"]
    )
    return frozenset(used | {str(one["LaunchTemplateData"].get("ImageId")) for one in versions})


def _facts(site: ReadSite, image: Mapping[str, Any], keys: Keys, used: frozenset[str]) -> ImageFacts:
    devices = {one["DeviceName"]: one["Ebs"] for one in image.get("BlockDeviceMappings", ()) if one.get("Ebs")}
    made_of = {name: ebs["SnapshotId"] for name, ebs in sorted(devices.items()) if ebs.get("SnapshotId")}
    shown = {}
    if made_of:
        filters = [{"Name": "snapshot-id", "Values": sorted(set(made_of.values()))}]
        shown = {one["SnapshotId"]: one for one in site.pages("ec2.DescribeSnapshots", "Snapshots", Filters=filters)}
    in_use = image["ImageId"] in used or image.get("SourceInstanceId") in used
    shared = [
        f"{snapshot}/{account}"
        for snapshot in sorted(set(made_of.values()) if in_use else ())
        for account in _readers(site, snapshot)
    ]
    disks = []
    for device, snapshot in made_of.items():
        one = dict(shown.get(snapshot, {}))
        disk = {"Encrypted": one.get("Encrypted", False)} | {k: v for k, v in devices[device].items() if v is not None}
        key = keys.of_customer(one.get("KmsKeyId") or disk.get("KmsKeyId"))
        disks.append(described(device, disk, deletes=bool(disk.get("DeleteOnTermination")), key=key))
    return ImageFacts(
        image_name=image["Name"],
        description=image.get("Description") or "",
        architecture=image.get("Architecture") or "",
        virtualization=image.get("VirtualizationType") or "",
        root_device=image.get("RootDeviceName") or "",
        instance_store=image.get("RootDeviceType") == "instance-store",
        boot_mode=image.get("BootMode"),
        ena=bool(image.get("EnaSupport")),
        imds=image.get("ImdsSupport"),
        disks=disks,
        snapshots=made_of,
        snapshots_shared=shared,
        launched_by=_launchers(site, image["ImageId"]) if in_use else [],
        in_use=in_use,
        product_codes=ordered(code["ProductCodeId"] for code in image.get("ProductCodes") or ()),
    )


def _launchers(site: ReadSite, image: str) -> list[str]:
    answer = site.optional("ec2.DescribeImageAttribute", missing=GONE, ImageId=image, Attribute="launchPermission")
    return sorted(one["UserId"] for one in (answer or {}).get("LaunchPermissions", ()) if one.get("UserId"))


def _readers(site: ReadSite, snapshot: str) -> list[str]:
    answer = site.optional(
        "ec2.DescribeSnapshotAttribute",
        missing=(SNAPSHOT_GONE,),
        SnapshotId=snapshot,
        Attribute="createVolumePermission",
    )
    return sorted(one["UserId"] for one in (answer or {}).get("CreateVolumePermissions", ()) if one.get("UserId"))
