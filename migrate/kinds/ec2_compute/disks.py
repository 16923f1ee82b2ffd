"""Disks as launch calls name them. The rule: a key that AWS manages is no fact, each account has its own."""

from collections.abc import Mapping
from typing import Any

from migrate.kind import Json, ReadSite

SIZED = {"io1": ("Iops",), "io2": ("Iops",), "gp3": ("Iops", "Throughput")}
"""What may be said beside the type; for others AWS shows what follows from the size. Source: ec2.CreateVolume,
botocore 1.44.5."""


class Keys:
    """Tells a customer's key from AWS's own; asks once a key."""

    def __init__(self, site: ReadSite) -> None:
        self.site = site
        self.known: dict[str, bool] = {}

    def of_customer(self, key: str | None) -> str | None:
        """The key, or None where there is none or AWS manages it. One that nobody may describe is a customer's."""
        if key is None:
            return None
        if key not in self.known:
            answer = self.site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=key)
            self.known[key] = bool((answer or {}).get("KeyMetadata", {}).get("KeyManager") == "AWS")
        return None if self.known[key] else key


def described(device: str, disk: Mapping[str, Any], *, deletes: bool, key: str | None) -> dict[str, Json]:
    """One disk: its device, size, type and whether it goes with its machine."""
    kind = disk.get("VolumeType") or "gp2"
    said: dict[str, Json] = {
        "DeviceName": device,
        "VolumeSize": disk.get("Size") or disk.get("VolumeSize"),
        "VolumeType": kind,
        "Encrypted": bool(disk.get("Encrypted")),
        "KmsKeyId": key,
        "DeleteOnTermination": deletes,
    }
    return said | {name: disk[name] for name in SIZED.get(kind, ()) if disk.get(name)}


def mapping(disk: Mapping[str, Json]) -> dict[str, Json]:
    """The same as a launch call takes it. Not encrypted is not said: what is made of an encrypted snapshot is so."""
    ebs = {name: value for name, value in disk.items() if name != "DeviceName" and value is not None}
    if not ebs["Encrypted"]:
        del ebs["Encrypted"]
    return {"DeviceName": disk["DeviceName"], "Ebs": ebs}
