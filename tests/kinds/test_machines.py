"""Machines, images and disks: never two that run the same, and nothing that only legacy holds is left unsaid.

Moves of an instance whole: test_moves. moto 5.2.5 copies no image of another account: it is held to AWS's shapes.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kind import after
from migrate.kinds.ec2_compute.image import Image
from migrate.kinds.ec2_compute.instance import Instance
from migrate.kinds.ec2_compute.volume import Volume
from tests.kinds.examples import ec2_compute as examples
from tests.kinds.network import Answers
from tests.kinds.planned import place_of, requests_of
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as world:
        yield world


# Images


def found_image(*, encrypted: bool = False, manager: str = "AWS", used: bool = True, shared: bool = False) -> Any:
    ebs = {"SnapshotId": "snap-1", "VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}
    image = {
        "ImageId": "ami-1",
        "Name": "bastion",
        "State": "available",
        "OwnerId": LEGACY,
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": ebs},
            {"DeviceName": "/dev/sdb", "VirtualName": "e"},
        ],
    }
    snapshot = {"SnapshotId": "snap-1", "Encrypted": encrypted} | (
        {"KmsKeyId": f"arn:aws:kms:{REGION}:{LEGACY}:key/own"} if encrypted else {}
    )
    users = [{"UserId": TARGET}] if shared else []
    answers: dict[str, dict[str, Any]] = {
        "ec2.DescribeImages": {"Images": [image]},
        "ec2.DescribeSnapshots": {"Snapshots": [snapshot]},
        "ec2.DescribeInstances": {
            "Reservations": [{"Instances": [{"InstanceId": "i-1", "ImageId": "ami-1"}] if used else []}]
        },
        "ec2.DescribeImageAttribute": {"LaunchPermissions": users},
        "ec2.DescribeSnapshotAttribute": {"CreateVolumePermissions": users},
        "kms.DescribeKey": {"KeyMetadata": {"KeyManager": manager}},
    }
    (found,) = Image().scan(Answers(answers))
    return found


def test_an_image_is_shared_with_its_snapshot_copied_and_not_shared_any_more_after_the_undo() -> None:
    requests = requests_of(Image(), found_image())

    sent = [(request.side, request.operation) for request in requests]
    assert sent == [
        ("legacy", "ec2.DescribeImages"),
        ("legacy", "ec2.ModifyImageAttribute"),
        ("legacy", "ec2.ModifySnapshotAttribute"),
        ("target", "ec2.CopyImage"),
    ]
    copy = requests[-1].params
    assert copy["SourceImageId"] == {"$after": ["create", "source"]}, "legacy's id would become the target's"
    assert "Encrypted" not in copy
    undone = [request.undo.params for request in requests[1:3] if request.undo]
    assert undone == [
        {"ImageId": "ami-1", "LaunchPermission": {"Remove": [{"UserId": TARGET}]}},
        {
            "SnapshotId": "snap-1", "Attribute": "createVolumePermission", "UserIds": [TARGET],
            "OperationType": "remove",
        },
    ]  # fmt: skip


def test_what_the_target_could_read_already_is_not_taken_from_it() -> None:
    requests = requests_of(Image(), found_image(shared=True))

    assert [request.operation for request in requests] == ["ec2.DescribeImages", "ec2.CopyImage"]


@pytest.mark.parametrize("manager", ["AWS", "CUSTOMER"])
def test_an_encrypted_image_goes_by_a_copy_under_a_key_of_this_transfer(manager: str) -> None:
    image = found_image(encrypted=True, manager=manager)

    requests = requests_of(Image(), image)

    sent = [(request.side, request.operation) for request in requests]
    assert sent == [
        ("legacy", "kms.CreateKey"),
        ("legacy", "kms.TagResource"),
        ("legacy", "ec2.CopyImage"),
        ("legacy", "ec2.DescribeImages"),
        ("legacy", "ec2.ModifyImageAttribute"),
        ("legacy", "ec2.ModifySnapshotAttribute"),
        ("target", "ec2.CopyImage"),
    ]
    assert requests[2].params["KmsKeyId"] == {"$after": ["create", "key_arn"]}
    assert requests[5].params["SnapshotId"] == {"$after": ["create", "snapshot_0"]}
    own = f"arn:aws:kms:{REGION}:{LEGACY}:key/own"
    assert requests[-1].params.get("KmsKeyId") == (own if manager == "CUSTOMER" else None)
    assert requests[-1].params["Encrypted"]
    # No own image or snapshot of legacy was touched.
    assert not {"ami-1", "snap-1"} & {str(value) for request in requests[4:6] for value in request.params.values()}


def test_an_image_that_launches_nothing_stays() -> None:
    kind = Image()
    found = found_image(used=False)

    assert not found.facts["in_use"]
    assert not kind.action("create").applies(kind.typed(found))


def test_an_image_is_in_use_where_a_launch_template_names_it(world: TwoSides) -> None:
    ec2 = world.client("legacy", "ec2")
    machine = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    image = ec2.create_image(InstanceId=machine, Name="golden")["ImageId"]
    other = ec2.copy_image(Name="other", SourceImageId=image, SourceRegion=REGION)["ImageId"]
    idle = ec2.copy_image(Name="idle", SourceImageId=image, SourceRegion=REGION)["ImageId"]
    ec2.create_launch_template(LaunchTemplateName="golden", LaunchTemplateData={"ImageId": other})

    found = world.scan(Image())

    assert {name: one.facts["in_use"] for name, one in found.items()} == {image: True, other: True, idle: False}


# Instances


def test_legacys_instance_stands_still_before_the_targets_is_launched_and_starts_again_at_the_undo(
    world: TwoSides,
) -> None:
    found = examples.an_instance(world)
    kind = Instance()
    # moto 5.2.5 does not stop what is protected from being ended.
    world.client("legacy", "ec2").modify_instance_attribute(
        InstanceId=found.ref.name, DisableApiTermination={"Value": False}
    )
    found = world.scan(kind)[found.ref.name]
    assert [action.name for action in kind.actions] == ["stop_legacy", "create"]
    assert [action.phase for action in kind.actions] == ["freeze", "cutover"]

    world.move(kind, found, "stop_legacy")

    (still,) = kind.scan(world.site(kind, "legacy"))
    changed = kind.action("stop_legacy").legacy_after(kind.typed(found)) or {}
    differ = {name for name in still.facts if still.facts[name] != found.facts[name]}
    assert differ - kind.volatile == set(changed)
    assert {name: still.facts[name] for name in changed} == changed
    world.undo()
    (again,) = kind.scan(world.site(kind, "legacy"))
    assert again.facts["running"]
    assert again.facts["stop_protection"]


def test_one_that_stood_still_in_legacy_stands_still_in_the_target(world: TwoSides) -> None:
    found = examples.an_instance(world)
    kind = Instance()
    ec2 = world.client("legacy", "ec2")
    for protection in ("DisableApiStop", "DisableApiTermination"):
        ec2.modify_instance_attribute(InstanceId=found.ref.name, **{protection: {"Value": False}})
    ec2.stop_instances(InstanceIds=[found.ref.name])
    found = world.scan(kind)[found.ref.name]
    assert not kind.action("stop_legacy").applies(kind.typed(found))

    world.move(kind, found, "create")

    (moved,) = world.scan(kind, "target").values()
    assert not moved.facts["running"]
    assert world.differences(kind, found, "create") == {}


def test_its_private_address_in_a_document_becomes_the_targets(world: TwoSides) -> None:
    found = examples.an_instance(world)
    kind = Instance()
    world.client("target", "ec2").create_vpc(CidrBlock="10.9.0.0/16")

    world.move(kind, found, "create")

    (moved,) = world.scan(kind, "target").values()
    old, new = found.facts, moved.facts
    document = {"url": f"http://{old['private_ip']}:8080/health", "host": old["private_host"]}
    assert world.renamed(document) == {"url": f"http://{new['private_ip']}:8080/health", "host": new["private_host"]}
    assert old["volume_ids"] != new["volume_ids"] == world.renamed(old["volume_ids"])
    assert kind.outputs(moved)["private_ip"] == new["private_ip"]


def an_instance(**more: Any) -> dict[str, Any]:
    disks = {"/dev/xvda": "vol-1", "/dev/sdf": "vol-2"}
    return {
        "InstanceId": "i-1",
        "ImageId": "ami-1",
        "InstanceType": "t3.small",
        "State": {"Name": "running"},
        "SubnetId": "subnet-1",
        "RootDeviceType": "ebs",
        "NetworkInterfaces": [{"Attachment": {"DeviceIndex": 0}, "Groups": [{"GroupId": "sg-1"}]}],
        "BlockDeviceMappings": [
            {"DeviceName": name, "Ebs": {"VolumeId": volume, "DeleteOnTermination": True}}
            for name, volume in disks.items()
        ],
        **more,
    }


def found_instance(images: list[dict[str, Any]], **more: Any) -> Any:
    volumes = [{"VolumeId": f"vol-{n}", "Size": 8, "VolumeType": "gp2", "Iops": 100} for n in (1, 2)]
    answers: dict[str, dict[str, Any]] = {
        "ec2.DescribeInstances": {"Reservations": [{"Instances": [an_instance(**more)]}]},
        "ec2.DescribeVolumes": {"Volumes": volumes},
        "ec2.DescribeImages": {"Images": images},
    }
    return next(iter(Instance().scan(Answers(answers))), None)


def an_image(own: str, owner: str, *devices: str, **more: Any) -> dict[str, Any]:
    disks = [{"DeviceName": device, "Ebs": {"SnapshotId": "snap-1"}} for device in devices]
    return {"ImageId": own, "OwnerId": owner, "State": "available", "BlockDeviceMappings": disks, **more}


def unmet(found: Any) -> list[str]:
    kind = Instance()
    return [need.on for need in kind.needs(kind.typed(found)) if isinstance(need.on, str)]


def test_a_disk_that_no_image_has_is_a_need_that_nothing_meets() -> None:
    found = found_instance([an_image("ami-1", "137112412989", "/dev/xvda", Public=True)])

    assert found.facts["empty_disks"] == ["vol-2"]
    assert unmet(found) == ["content of vol-2"]
    assert "Iops" not in found.facts["disks"][0], "what follows from the size cannot be said"


def test_the_newest_own_image_of_the_instance_is_what_it_is_launched_from() -> None:
    both = "/dev/xvda", "/dev/sdf"
    images = [
        an_image("ami-1", "137112412989", "/dev/xvda", Public=True),
        an_image("ami-2", LEGACY, *both, SourceInstanceId="i-1", CreationDate="2026-11-01"),
        an_image("ami-3", LEGACY, *both, SourceInstanceId="i-1", CreationDate="2026-11-20"),
        an_image("ami-4", LEGACY, *both, SourceInstanceId="i-9", CreationDate="2026-11-21"),
    ]

    found = found_instance(images)

    assert (found.facts["image_id"], found.facts["image_of"]) == ("ami-3", "own")
    assert unmet(found) == []
    (launch, *_) = requests_of(Instance(), found)
    assert launch.params["ImageId"] == "ami-3"


@pytest.mark.parametrize(
    ("images", "said"),
    [([], "gone image ami-1"), ([an_image("ami-1", "999988887777", "/dev/xvda", "/dev/sdf")], "other image ami-1")],
)
def test_an_image_that_the_target_cannot_launch_is_a_need_that_nothing_meets(
    images: list[dict[str, Any]], said: str
) -> None:
    assert said in unmet(found_instance(images))


def test_its_own_disks_are_known_by_what_the_target_calls_them() -> None:
    found = found_instance([an_image("ami-1", "137112412989", "/dev/xvda", "/dev/sdf", Public=True)])
    kind = Instance()

    named = {one.legacy: one.target for one in kind.names(kind.typed(found), place_of("i-1"))}

    look = requests_of(kind, found)[-1]
    for number, (device, volume) in enumerate((("/dev/sdf", "vol-2"), ("/dev/xvda", "vol-1"))):
        assert f"[?DeviceName=='{device}']" in look.outputs[f"volume_{number}"]
        assert named[volume] == after("create", f"volume_{number}")


def test_machines_of_a_group_are_not_listed_and_odd_ones_are_reported() -> None:
    image = [an_image("ami-1", "137112412989", "/dev/xvda", "/dev/sdf", Public=True)]
    member = [{"Key": "aws:autoscaling:groupName", "Value": "workers"}]
    assert found_instance(image, Tags=member) is None

    kind = Instance()
    odd: dict[str, Any]
    for odd in ({"InstanceLifecycle": "spot"}, {"RootDeviceType": "instance-store"}, {"NetworkInterfaces": [{}, {}]}):
        found = found_instance(image, **odd)
        assert not any(action.applies(kind.typed(found)) for action in kind.actions), odd


def test_a_launch_says_every_setting_as_aws_takes_it() -> None:
    found = found_instance(
        [an_image("ami-1", "137112412989", "/dev/xvda", "/dev/sdf", Public=True)],
        InstanceType="m5.large",
        PublicIpAddress="203.0.113.7",
        PublicDnsName="ec2-203-0-113-7.example",
        PrivateIpAddress="10.0.0.4",
        Placement={"Tenancy": "default", "GroupName": "near", "PartitionNumber": 2, "AvailabilityZone": "eu-west-1a"},
        CpuOptions={"CoreCount": 1, "ThreadsPerCore": 1},
        PrivateDnsNameOptions={"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True},
        MaintenanceOptions={"AutoRecovery": "disabled", "RebootMigration": "default"},
        EnclaveOptions={"Enabled": True},
        MetadataOptions={"State": "applied", "HttpTokens": "required"},
    )

    launch, look = requests_of(Instance(), found)

    assert launch.params["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is True
    assert launch.params["Placement"] == {"GroupName": "near", "PartitionNumber": 2}
    assert launch.params["CpuOptions"] == {"CoreCount": 1, "ThreadsPerCore": 1}
    assert launch.params["MaintenanceOptions"] == {"AutoRecovery": "disabled"}
    assert launch.params["MetadataOptions"] == {"HttpTokens": "required"}
    assert set(look.outputs) == {"private_ip", "public_ip", "public_host", "volume_0", "volume_1"}


# Volumes


def test_a_volume_that_nothing_holds_is_named_with_what_to_do(world: TwoSides) -> None:
    ec2 = world.client("legacy", "ec2")
    zone = f"{REGION}a"
    idle = ec2.create_volume(AvailabilityZone=zone, Size=8, VolumeType="gp3")["VolumeId"]
    ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)

    found = world.scan(Volume())

    assert list(found) == [idle]
    assert found[idle].size_bytes == 8 * 1024**3
    assert world.scan(Volume(), only=idle) == found
    assert "ec2.CreateSnapshot" in Volume.manual
