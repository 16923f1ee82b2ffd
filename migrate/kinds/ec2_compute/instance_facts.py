"""What is known of an instance, and how it is read. The rule: what a launch does not take from the image is a fact."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal

from migrate.kind import Facts, Json, ReadSite
from migrate.kinds.ec2_compute.disks import Keys, described
from migrate.kinds.ec2_compute.user_data import decoded

READS = frozenset(
    {
        "ec2.DescribeAddresses",
        "ec2.DescribeImages",
        "ec2.DescribeInstanceAttribute",
        "ec2.DescribeInstanceCreditSpecifications",
        "ec2.DescribeInstances",
        "ec2.DescribeVolumes",
        "kms.DescribeKey",
    }
)
GONE = "InvalidInstanceID.NotFound"
LIVING = ["pending", "running", "stopping", "stopped"]
MEMBER_TAGS = ("aws:autoscaling:groupName", "aws:ec2:fleet-id", "aws:ec2spot:fleet-request-id")
"""Tags of machines that something else launches and ends. Source: EC2 user guide, tags that AWS adds, read 2026-11."""
VALUES_A_FILTER = 200
"""Source: EC2 API reference, Filter, read 2026-11."""
ImageOf = Literal["own", "public", "other", "gone"]


class InstanceFacts(Facts):
    """Source: ec2.DescribeInstances, DescribeInstanceAttribute, DescribeInstanceCreditSpecifications, DescribeVolumes,
    DescribeAddresses, DescribeImages."""

    image_id: str
    """What it was launched from; or the newest own image that was made of the instance itself."""
    image_of: ImageOf
    product_codes: list[str]
    instance_type: str
    subnet_id: str | None
    security_groups: list[str]
    key_name: str | None
    profile_arn: str | None
    user_data: Json
    metadata: dict[str, Json]
    placement: dict[str, Json]
    cpu: dict[str, Json]
    cpu_credits: str | None
    private_dns: dict[str, Json]
    maintenance: dict[str, str]
    ebs_optimized: bool
    monitoring: bool
    hibernation: bool
    enclave: bool
    source_dest_check: bool
    shutdown_behavior: str
    termination_protection: bool
    stop_protection: bool
    disks: list[dict[str, Json]]
    empty_disks: list[str]
    """Volumes with content of which no image has a copy."""
    volume_ids: list[str]
    """In the order of `disks`."""
    allocation_id: str | None
    """The elastic address that it holds."""
    is_public: bool | None
    """It has a public address of Amazon's choice. None while it is stopped: then nothing shows it."""
    running: bool
    lifecycle: str | None
    """spot, scheduled or capacity-block; None for a plain one."""
    interfaces: int
    root_is_disk: bool
    private_ip: str
    private_host: str
    public_ip: str | None
    public_host: str | None

    @property
    def moves(self) -> bool:
        """Whether it can be stopped and one like it launched: a plain one with one interface, on a disk of EBS."""
        return self.lifecycle is None and self.interfaces == 1 and self.root_is_disk and self.subnet_id is not None


def listed(site: ReadSite, only: str | None) -> list[dict[str, Any]]:
    """The living ones that nothing else launches."""
    filters: list[Json] = [{"Name": "instance-state-name", "Values": LIVING}]
    if only:
        filters.append({"Name": "instance-id", "Values": [only]})
    found = site.pages("ec2.DescribeInstances", "Reservations[].Instances[]", Filters=filters, MaxResults=1000)
    return [one for one in found if not _is_member(one)]


def _is_member(instance: Mapping[str, Any]) -> bool:
    tags = {tag["Key"] for tag in instance.get("Tags", ())}
    return not tags.isdisjoint(MEMBER_TAGS) or bool((instance.get("Operator") or {}).get("Managed"))


class Beside:
    """What lies beside the instances: read once for all of them."""

    def __init__(self, site: ReadSite, found: list[dict[str, Any]], only: str | None) -> None:
        self.site = site
        self.keys = Keys(site)
        own = [{"Name": "attachment.instance-id", "Values": [only]}] if only else []
        filters = own or [{"Name": "status", "Values": ["in-use"]}]
        volumes = site.pages("ec2.DescribeVolumes", "Volumes", Filters=filters, MaxResults=500)
        self.volumes = {one["VolumeId"]: one for one in volumes}
        addresses = site.call("ec2.DescribeAddresses").get("Addresses", ())
        self.addresses = {one["InstanceId"]: one for one in addresses if one.get("InstanceId")}
        named = sorted({one["ImageId"] for one in found})
        self.images: dict[str, dict[str, Any]] = {}
        for at in range(0, len(named), VALUES_A_FILTER):
            by_id = [{"Name": "image-id", "Values": named[at : at + VALUES_A_FILTER]}]
            # A deprecated one still launches, and is shown to others only where they ask for it.
            images = site.pages("ec2.DescribeImages", "Images", Filters=by_id, IncludeDeprecated=True)
            self.images |= {one["ImageId"]: one for one in images}
        made_of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for image in site.pages("ec2.DescribeImages", "Images", Owners=["self"]):
            if image.get("SourceInstanceId") and image.get("State") == "available":
                made_of[image["SourceInstanceId"]].append(image)
        self.made_of = {
            instance: max(images, key=lambda image: (str(image.get("CreationDate")), image["ImageId"]))
            for instance, images in made_of.items()
        }

    def image(self, instance: Mapping[str, Any]) -> tuple[str, ImageOf, Mapping[str, Any]]:
        """What the target's is launched from, whose that is, and the image itself."""
        image = self.made_of.get(instance["InstanceId"]) or self.images.get(instance["ImageId"])
        if image is None:
            return instance["ImageId"], "gone", {}
        if image.get("OwnerId") == self.site.account:
            return image["ImageId"], "own", image
        return image["ImageId"], "public" if image.get("Public") else "other", image


def read_facts(site: ReadSite, one: Mapping[str, Any], beside: Beside) -> InstanceFacts:
    """One description, and what lies beside it, as facts."""
    image_id, image_of, image = beside.image(one)
    running = one["State"]["Name"] in ("pending", "running")
    address = beside.addresses.get(one["InstanceId"], {})
    interfaces = one.get("NetworkInterfaces", [])
    first: Mapping[str, Any] = next((i for i in interfaces if i.get("Attachment", {}).get("DeviceIndex") == 0), {})
    groups = one.get("SecurityGroups") or first.get("Groups") or ()
    attached = {each["DeviceName"]: each["Ebs"] for each in one.get("BlockDeviceMappings", ()) if each.get("Ebs")}
    with_content = {
        each["DeviceName"] for each in image.get("BlockDeviceMappings", ()) if (each.get("Ebs") or {}).get("SnapshotId")
    }
    metadata = one.get("MetadataOptions") or {}
    placement = one.get("Placement") or {}
    return InstanceFacts(
        image_id=image_id,
        image_of=image_of,
        product_codes=sorted(code["ProductCodeId"] for code in image.get("ProductCodes") or ()),
        instance_type=one["InstanceType"],
        subnet_id=one.get("SubnetId"),
        security_groups=sorted(group["GroupId"] for group in groups),
        key_name=one.get("KeyName"),
        profile_arn=(one.get("IamInstanceProfile") or {}).get("Arn"),
        user_data=decoded(site, _attribute(site, one, "userData", "UserData")),
        metadata={name: value for name, value in metadata.items() if name != "State"},
        placement={
            name: placement[name]
            for name in ("GroupName", "PartitionNumber", "Tenancy", "Affinity", "HostResourceGroupArn")
            if placement.get(name) not in (None, "", "default")
        },
        cpu=dict(one.get("CpuOptions") or {}),
        cpu_credits=_credits(site, one),
        private_dns=dict(one.get("PrivateDnsNameOptions") or {}),
        maintenance={
            name: value for name, value in (one.get("MaintenanceOptions") or {}).items() if name == "AutoRecovery"
        },
        ebs_optimized=one.get("EbsOptimized", False),
        monitoring=one.get("Monitoring", {}).get("State") in ("enabled", "pending"),
        hibernation=(one.get("HibernationOptions") or {}).get("Configured", False),
        enclave=(one.get("EnclaveOptions") or {}).get("Enabled", False),
        source_dest_check=one.get("SourceDestCheck", True),
        shutdown_behavior=_attribute(site, one, "instanceInitiatedShutdownBehavior") or "stop",
        termination_protection=bool(_attribute(site, one, "disableApiTermination")),
        stop_protection=bool(_attribute(site, one, "disableApiStop")),
        disks=[
            _disk(device, ebs, beside.volumes.get(ebs["VolumeId"], {}), beside.keys)
            for device, ebs in sorted(attached.items())
        ],
        empty_disks=sorted(ebs["VolumeId"] for device, ebs in attached.items() if device not in with_content),
        volume_ids=[ebs["VolumeId"] for _, ebs in sorted(attached.items())],
        allocation_id=address.get("AllocationId"),
        is_public=bool(one.get("PublicIpAddress")) and not address if running else None,
        running=running,
        lifecycle=one.get("InstanceLifecycle"),
        interfaces=len(interfaces),
        root_is_disk=one.get("RootDeviceType", "ebs") == "ebs",
        private_ip=one.get("PrivateIpAddress", ""),
        private_host=one.get("PrivateDnsName") or "",
        public_ip=one.get("PublicIpAddress") or None,
        public_host=one.get("PublicDnsName") or None,
    )


def _disk(device: str, ebs: Mapping[str, Any], volume: Mapping[str, Any], keys: Keys) -> dict[str, Json]:
    key = keys.of_customer(volume.get("KmsKeyId"))
    return described(device, volume, deletes=bool(ebs.get("DeleteOnTermination")), key=key)


def _attribute(site: ReadSite, instance: Mapping[str, Any], name: str, key: str = "") -> Any:
    """AWS gives one a call. Source: ec2.DescribeInstanceAttribute, botocore 1.44.5."""
    answer = site.optional(
        "ec2.DescribeInstanceAttribute", missing=(GONE,), InstanceId=instance["InstanceId"], Attribute=name
    )
    return ((answer or {}).get(key or name[0].upper() + name[1:]) or {}).get("Value")


def _credits(site: ReadSite, instance: Mapping[str, Any]) -> str | None:
    """Only burstable types have them; others are refused."""
    if not instance["InstanceType"].startswith("t"):
        return None
    answer = site.optional(
        "ec2.DescribeInstanceCreditSpecifications",
        missing=("InvalidInstanceID", GONE),
        InstanceIds=[instance["InstanceId"]],
    )
    return next((one.get("CpuCredits") for one in (answer or {}).get("InstanceCreditSpecifications", ())), None)
