"""Instance: legacy's is stopped, then one like it is launched. The rule: never two that run the same.

AWS starts what it launches: there is no call that makes an instance and leaves it stopped. So it is launched at the
cut-over, after legacy's stopped, and its user data runs then. Its disks begin as its image has them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
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
    same_place,
)
from migrate.kinds._ec2 import OWN, arn_of, names_of, specification
from migrate.kinds.ec2_compute.disks import mapping
from migrate.kinds.ec2_compute.instance_facts import GONE, READS, Beside, InstanceFacts, listed, read_facts

LOOK = "ec2.DescribeInstances"
STATE = "Reservations[].Instances[].State.Name"
HOSTS = ("private_ip", "private_host", "public_ip", "public_host")


def _until(instance: Json, state: str, *, failed: tuple[str, ...] = ("terminated", "shutting-down")) -> Wait:
    gone = (GONE,) if state == "terminated" else ()
    return Wait(LOOK, {"InstanceIds": [instance]}, STATE, (state,), failed, gone, every_s=10, timeout_s=1800.0)


def _sets(instance: Json, name: str, *, value: bool, side: str = "target", back: bool | None = None) -> Request:
    """One attribute: AWS takes one a call. Source: ec2.ModifyInstanceAttribute, botocore 1.44.5."""
    undo = None if back is None else _sets(instance, name, value=back, side=side)
    return Request(
        "ec2.ModifyInstanceAttribute",
        {"InstanceId": instance, name: {"Value": value}},
        "legacy" if side == "legacy" else "target",
        done=(GONE,) if side == "target" and undo is None and not value else (),
        undo=undo,
    )


class StopLegacy(Action[InstanceFacts]):
    """Legacy's stands still; started again by the undo. A public address of Amazon's choice is lost with the stop: it
    starts again with another one. So is what lies on instance store."""

    name = "stop_legacy"
    title = "Stop the instance in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D2"

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves and it.facts.running

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        own = it.ref.name
        free = [_sets(own, "DisableApiStop", value=False, side="legacy", back=True)]
        ids: dict[str, Json] = {"InstanceIds": [own]}
        stop = Request(
            "ec2.StopInstances",
            ids,
            "legacy",
            wait=_until(own, "stopped"),
            undo=Request("ec2.StartInstances", dict(ids), "legacy", wait=_until(own, "running")),
        )
        return [*(free if it.facts.stop_protection else []), stop]

    def legacy_after(self, it: It[InstanceFacts]) -> Mapping[str, Json] | None:
        return {"running": False, "is_public": None, "stop_protection": False}


class Create(Action[InstanceFacts]):
    """One like it, launched, with its address, and protected last; stopped again where legacy's stood still."""

    name = "create"
    title = "Launch the instance from its image (what was written to legacy's disks since is not on it)"
    phase = "cutover"
    undo_class = "R3"
    downtime = "D2"
    # User data and what the machine runs find their values and rights in place.
    after_kinds = ("iam.role.grant",)

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        launch = Request(
            "ec2.RunInstances",
            _launched(it, place),
            once="token",
            token_param="ClientToken",
            creates=True,
            outputs={"id": "Instances[0].InstanceId"},
            # An instance profile, a group or an image is seconds old; the profile's code is for much else, too.
            retry=(
                "InvalidParameterValue",
                "InvalidGroup.NotFound",
                "InvalidSubnetID.NotFound",
                "InvalidAMIID.NotFound",
            ),
            wait=_until(OWN, "running"),
            undo=Request(
                "ec2.TerminateInstances",
                {"InstanceIds": [OWN]},
                done=(GONE,),
                wait=_until(OWN, "terminated", failed=()),
            ),
        )
        requests = [launch]
        if facts.allocation_id:
            requests.append(
                Request(
                    "ec2.AssociateAddress",
                    # A repeat leaves the same state so; the address is the target's own, new and nobody else's.
                    {"AllocationId": facts.allocation_id, "InstanceId": OWN, "AllowReassociation": True},
                    outputs={"association": "AssociationId"},
                    undo=Request(
                        "ec2.DisassociateAddress",
                        {"AssociationId": after("create", "association")},
                        done=("InvalidAssociationID.NotFound",),
                    ),
                )
            )
        first = "Reservations[0].Instances[0]"
        fields = dict(
            zip(HOSTS, ("PrivateIpAddress", "PrivateDnsName", "PublicIpAddress", "PublicDnsName"), strict=True)
        )
        outputs = {name: f"{first}.{fields[name]}" for name in _known_hosts(facts)}
        for number, disk in enumerate(facts.disks):
            device = f"[?DeviceName=='{disk['DeviceName']}']"
            outputs[f"volume_{number}"] = f"{first}.BlockDeviceMappings{device}.Ebs.VolumeId | [0]"
        if outputs:
            requests.append(Request(LOOK, {"InstanceIds": [OWN]}, outputs=outputs))
        if not facts.source_dest_check:
            requests.append(_sets(OWN, "SourceDestCheck", value=False))
        if not facts.running:
            stopped = _until(OWN, "stopped")
            requests.append(Request("ec2.StopInstances", {"InstanceIds": [OWN]}, wait=stopped))
        for name, wanted in (
            ("DisableApiStop", facts.stop_protection),
            ("DisableApiTermination", facts.termination_protection),
        ):
            if wanted:
                requests.append(_sets(OWN, name, value=True, back=False))
        return requests


class Instance(Kind[InstanceFacts]):
    """An instance by itself. Machines of a group, a fleet or another service are not listed: what launches them moves.

    It is launched anew from its image (an own one is copied, see Machine image): what was written to its disks since
    is not carried. To carry it, stop the instance, make an image of it (ec2.CreateImage) and scan again: the newest
    own image that was made of an instance is what the target's is launched from. A further disk that no image has
    would be empty: it is a need that nothing meets, until an image is made or a person waives it. Its private
    address and names are new and are rewritten where they stand in documents; a public address of Amazon's choice is
    new on both sides after a stop. Compressed user data is not carried, and the proof says so. SSH host keys are new
    unless they lie on the image. A spot instance, one with several interfaces or on instance store is reported.
    """

    name = "ec2.instance"
    title = "Instance"
    facts = InstanceFacts
    named = False
    stateful = True
    reads = READS
    tagging_types = ("ec2:instance",)
    volatile = frozenset({"empty_disks", "image_of", "product_codes", "volume_ids", *HOSTS})
    unordered = frozenset({"security_groups"})
    manual = (
        "A spot instance, one with several network interfaces or with its root on instance store: stop what it does, "
        "make an image of it (ec2.CreateImage; on instance store copy its files), launch the target's by hand "
        "(ec2.RunInstances) with the target's subnet, groups and profile, and check that it does its work before "
        "legacy's is ended. Verify: ec2.DescribeInstanceStatus says ok for both checks."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "content of the disks": "make an image of the stopped instance and scan again",
        "PrivateIpAddress, Ipv6Addresses": "AWS chooses others; they are rewritten where documents name them",
        "tags of the volumes": "volumes are tagged as the instance is",
        "CapacityReservationSpecification, Licenses, hosts": "belong to the account: reserve anew, then set them",
        "Marketplace product codes": "subscribe in the target account first; a need that nothing meets until then",
    }
    actions = (StopLegacy(), Create())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = listed(site, only)
        if not found:
            return
        beside = Beside(site, found, only)
        read = site.map(lambda one: read_facts(site, one, beside), found)
        for one, facts in zip(found, read, strict=True):
            yield self.found(
                site,
                one["InstanceId"],
                facts,
                arn=arn_of(site, "instance", one["InstanceId"]),
                tags=pair_tags(one.get("Tags")),
                size_bytes=sum((disk["VolumeSize"] or 0) for disk in facts.disks) * 1024**3,
            )

    def needs(self, it: It[InstanceFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, f"{LOOK} Reservations[].Instances[]"
        if facts.subnet_id:
            yield Need(same_place(it, "ec2.subnet", facts.subnet_id), "in", "hard", f"{seen_in}.SubnetId")
        for group in facts.security_groups:
            on = same_place(it, "ec2.security_group", group)
            yield Need(on, "attached to", "hard", f"{seen_in}.SecurityGroups[].GroupId")
        if facts.image_of == "own":
            yield Need(same_place(it, "ec2.image", facts.image_id), "image of", "hard", f"{seen_in}.ImageId")
        elif facts.image_of != "public":
            # Nothing that the target could launch: shared with legacy alone, or deleted since.
            yield Need(f"{facts.image_of} image {facts.image_id}", "image of", "hard", f"{seen_in}.ImageId")
        for code in facts.product_codes:
            yield Need(f"Marketplace product {code}", "image of", "hard", "ec2.DescribeImages Images[].ProductCodes")
        for volume in facts.empty_disks:
            yield Need(f"content of {volume}", "reads", "hard", f"{seen_in}.BlockDeviceMappings[].Ebs.VolumeId")
        if facts.key_name:
            yield Need(same_place(it, "ec2.key_pair", facts.key_name), "names", "hard", f"{seen_in}.KeyName")
        if facts.profile_arn:
            yield Need(facts.profile_arn, "assumes", "hard", f"{seen_in}.IamInstanceProfile.Arn")
        if facts.allocation_id:
            on = same_place(it, "ec2.elastic_ip", facts.allocation_id)
            yield Need(on, "attached to", "hard", "ec2.DescribeAddresses Addresses[].AllocationId")
        for disk in facts.disks:
            if disk["KmsKeyId"]:
                yield Need(disk["KmsKeyId"], "encrypted by", "hard", "ec2.DescribeVolumes Volumes[].KmsKeyId")
        if "GroupName" in facts.placement:
            on = same_place(it, "ec2.placement_group", facts.placement["GroupName"])
            yield Need(on, "in", "hard", f"{seen_in}.Placement.GroupName")

    def names(self, it: It[InstanceFacts], place: Place) -> Iterator[Name]:
        yield from names_of(it, place, "instance")
        for name in _known_hosts(it.facts):
            yield Name(str(getattr(it.facts, name)), after("create", name), "host")
        for number, volume in enumerate(it.facts.volume_ids):
            # Its own disks, as an alarm or a policy names them.
            yield Name(volume, after("create", f"volume_{number}"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        hosts = {name: found.facts[name] for name in HOSTS if found.facts[name]}
        volumes = {f"volume_{number}": volume for number, volume in enumerate(found.facts["volume_ids"])}
        return super().outputs(found) | hosts | volumes


def _known_hosts(facts: InstanceFacts) -> list[str]:
    """Names of it that others may know. What an elastic address shows is that address's own."""
    own = HOSTS if facts.is_public else HOSTS[:2]
    return [name for name in own if getattr(facts, name)]


def _takes_cpu_options(instance_type: str) -> bool:
    """AWS shows them for every type and refuses them for old and for bare-metal ones. Source: EC2 user guide, Supported
    CPU options, read 2026-11; unverified for each type."""
    family, _, size = instance_type.partition(".")
    generation = next((int(letter) for letter in family if letter.isdigit()), 0)
    return not size.startswith("metal") and (generation >= 4 or family.startswith("t3"))


def _launched(it: It[InstanceFacts], place: Place) -> dict[str, Json]:
    facts = it.facts
    interface: dict[str, Json] = {
        "DeviceIndex": 0,
        "SubnetId": facts.subnet_id,
        "Groups": facts.security_groups,
        "DeleteOnTermination": True,
    }
    if facts.is_public is not None:
        # Said either way: otherwise the subnet's own setting decides.
        interface["AssociatePublicIpAddress"] = facts.is_public
    tags = specification("instance", place, it.tags) + specification("volume", place, it.tags)
    said: dict[str, Json] = {
        "ImageId": facts.image_id,
        "InstanceType": facts.instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "NetworkInterfaces": [interface],
        "BlockDeviceMappings": [mapping(disk) for disk in facts.disks],
        "EbsOptimized": facts.ebs_optimized,
        "Monitoring": {"Enabled": facts.monitoring},
        "InstanceInitiatedShutdownBehavior": facts.shutdown_behavior,
        "TagSpecifications": tags,
    }
    optional: dict[str, Json] = {
        "KeyName": facts.key_name,
        "IamInstanceProfile": {"Arn": facts.profile_arn} if facts.profile_arn else None,
        # A text: botocore encodes it. What is no text cannot be said here.
        "UserData": None if isinstance(facts.user_data, dict) and "base64" in facts.user_data else facts.user_data,
        "MetadataOptions": facts.metadata,
        "Placement": facts.placement,
        "CpuOptions": facts.cpu if _takes_cpu_options(facts.instance_type) else None,
        "CreditSpecification": {"CpuCredits": facts.cpu_credits} if facts.cpu_credits else None,
        "PrivateDnsNameOptions": facts.private_dns,
        "MaintenanceOptions": facts.maintenance,
        "HibernationOptions": {"Configured": True} if facts.hibernation else None,
        "EnclaveOptions": {"Enabled": True} if facts.enclave else None,
    }
    return said | {name: value for name, value in optional.items() if value}
