"""Volume: one that no machine holds is named, because it holds data that nothing else moves."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Facts, It, Kind, Need, ReadSite, pair_tags
from migrate.kinds._ec2 import arn_of, narrowed
from migrate.kinds.ec2_compute.disks import Keys

GIB = 1024**3


class VolumeFacts(Facts):
    """Source: ec2.DescribeVolumes; whose key it is by kms.DescribeKey."""

    availability_zone: str
    size_gib: int
    volume_type: str
    iops: int | None
    throughput: int | None
    encrypted: bool
    kms_key_id: str | None
    """None for an unencrypted volume and for the account's own aws/ebs key."""
    snapshot_id: str | None


class Volume(Kind[VolumeFacts]):
    """A volume that nothing holds. Those of instances go with their instances' images."""

    name = "ec2.volume"
    title = "Unattached volume"
    facts = VolumeFacts
    named = False
    reads = frozenset({"ec2.DescribeVolumes", "kms.DescribeKey"})
    tagging_types = ("ec2:volume",)
    manual = (
        "In legacy: ec2.CreateSnapshot; where it is encrypted, ec2.CopySnapshot under a key whose policy lets the "
        "target account decrypt (a snapshot under the default key of EBS cannot be shared); "
        "ec2.ModifySnapshotAttribute createVolumePermission for the target account. In the target: ec2.CopySnapshot "
        "under its own key, then ec2.CreateVolume in the zone with the same AvailabilityZoneId. Verify: "
        "ec2.DescribeVolumes shows the same size and type; attach it once and compare the files. Or waive it, where "
        "nobody needs it."
    )
    left_out: ClassVar[Mapping[str, str]] = {"attached volumes": "their instances' images carry them"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        filters = [{"Name": "status", "Values": ["available"]}, *narrowed("volume-id", only).get("Filters", [])]
        keys = Keys(site)
        for volume in site.pages("ec2.DescribeVolumes", "Volumes", Filters=filters, MaxResults=500):
            yield self.found(
                site,
                volume["VolumeId"],
                VolumeFacts(
                    availability_zone=volume["AvailabilityZone"],
                    size_gib=volume["Size"],
                    volume_type=volume["VolumeType"],
                    iops=volume.get("Iops"),
                    throughput=volume.get("Throughput"),
                    encrypted=volume.get("Encrypted", False),
                    kms_key_id=keys.of_customer(volume.get("KmsKeyId")),
                    snapshot_id=volume.get("SnapshotId") or None,
                ),
                arn=arn_of(site, "volume", volume["VolumeId"]),
                tags=pair_tags(volume.get("Tags")),
                size_bytes=volume["Size"] * GIB,
            )

    def needs(self, it: It[VolumeFacts]) -> Iterator[Need]:
        if it.facts.kms_key_id:
            yield Need(it.facts.kms_key_id, "encrypted by", "soft", "ec2.DescribeVolumes Volumes[].KmsKeyId")
