"""Machines: what they are launched from, who launches them, and that never two run the same. Moves of each kind whole:
test_moves. moto 5.2.5 copies no image of another account and knows no notifications: those are held to AWS's shapes."""

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kind import CarryAction, Kind, Place, Request
from migrate.kinds.ec2_compute import KINDS
from migrate.kinds.ec2_compute.auto_scaling_group import AutoScalingGroup
from migrate.kinds.ec2_compute.group_facts import PROCESSES
from migrate.kinds.ec2_compute.group_notification import GroupNotification
from migrate.kinds.ec2_compute.image import Image
from migrate.kinds.ec2_compute.instance import Instance
from migrate.kinds.ec2_compute.key_pair import KeyPair
from migrate.kinds.ec2_compute.launch_template import LaunchTemplate
from migrate.kinds.ec2_compute.volume import Volume
from migrate.names import Region
from tests.kinds.examples import ec2_compute as examples
from tests.kinds.network import Answers
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, HandCarrier, TwoSides, two_sides

ABSENT = {
    "ec2.key_pair": "nobody",
    "ec2.image": "ami-0123456789abcdef0",
    "ec2.instance": "i-0123456789abcdef0",
    "ec2.volume": "vol-0123456789abcdef0",
    "ec2.launch_template": "lt-0123456789abcdef0",
    "autoscaling.group": "nobody",
    "autoscaling.notification": "nobody/nothing",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as world:
        yield world


def place_of(name: str) -> Place:
    return Place("shop", TARGET, Region(REGION), name, f"{TARGET}/{REGION}/a/{name}:create")


def checked(requests: list[Request]) -> list[Request]:
    """Each fits AWS's shapes, with its undo, wait and find; what is not known yet is a dummy text."""
    for request in requests:
        check_request(request.operation, request.params)
        for other in (request.undo, request.wait, request.find):
            if other is not None:
                check_request(other.operation, other.params)
    return requests


def requests_of(kind: Kind[Any], found: Any, action: str = "create") -> list[Request]:
    return checked(list(kind.action(action).requests(kind.typed(found), place_of(found.ref.name))))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_absent_one_is_none(world: TwoSides, kind: Kind[Any]) -> None:
    assert world.scan(kind, only=ABSENT[kind.name]) == {}


def test_a_key_pair_is_found_by_its_id_too(world: TwoSides) -> None:
    found = examples.a_key_pair(world)

    assert world.scan(KeyPair(), only=found.facts["key_pair_id"]) == {"ops": found}


# Launch templates


def test_user_data_is_read_as_text_and_arrives_with_the_targets_names(world: TwoSides) -> None:
    template = examples.a_template(world)
    kind = LaunchTemplate()
    assert f"arn:aws:iam::{LEGACY}:role/app" in template.facts["user_data"]

    world.move(kind, template, "create")
    proof = world.carry(kind, template, "user_data")

    assert proof.state == "equal"
    (moved,) = world.scan(kind, "target").values()
    assert f"arn:aws:iam::{TARGET}:role/app" in moved.facts["user_data"]
    assert LEGACY not in json.dumps(moved.facts)


def test_user_data_that_somebody_changed_is_named(world: TwoSides) -> None:
    template = examples.a_template(world)
    kind = LaunchTemplate()
    world.move(kind, template, "create")
    world.carry(kind, template, "user_data")
    (moved,) = world.scan(kind, "target").values()

    examples.versioned("$Default", UserData=examples.encoded("echo another"))(world, moved)

    action = kind.action("user_data")
    assert isinstance(action, CarryAction)
    proof = action.prove(kind.typed(template), HandCarrier(world, kind, action, template))
    assert (proof.state, proof.differences[0].partition(" is")[0]) == ("different", "user data of $Default")


def test_compressed_user_data_arrives_byte_for_byte(world: TwoSides) -> None:
    packed = base64.b64encode(gzip.compress(b"echo hello", mtime=0)).decode()
    own = world.client("legacy", "ec2").create_launch_template(
        LaunchTemplateName="packed", LaunchTemplateData={"InstanceType": "t3.small", "UserData": packed}
    )["LaunchTemplate"]["LaunchTemplateId"]
    kind = LaunchTemplate()
    template = world.scan(kind)[own]
    assert template.facts["user_data"] == {"base64": packed}

    world.move(kind, template, "create")

    assert world.carry(kind, template, "user_data").state == "equal"
    assert world.differences(kind, template, "create", "user_data") == {}


def test_a_template_waits_for_what_it_names_by_name_alone(world: TwoSides) -> None:
    data = {"KeyName": "ops", "IamInstanceProfile": {"Name": "app"}, "Placement": {"GroupName": "near"}}
    own = world.client("legacy", "ec2").create_launch_template(LaunchTemplateName="named", LaunchTemplateData=data)
    kind = LaunchTemplate()

    needs = kind.needs(kind.typed(world.scan(kind)[own["LaunchTemplate"]["LaunchTemplateId"]]))

    assert [(need.on.kind, need.on.name) for need in needs if not isinstance(need.on, str)] == [
        ("ec2.key_pair", "ops"),
        ("iam.instance_profile", "app"),
        ("ec2.placement_group", "near"),
    ]


# Groups


def test_a_group_arrives_empty_and_suspended_and_is_filled_when_legacys_is_empty(world: TwoSides) -> None:
    group = examples.a_group(world)
    kind = AutoScalingGroup()

    world.move(kind, group, "create")
    (made,) = world.scan(kind, "target").values()
    assert (made.facts["min_size"], made.facts["desired"], made.facts["max_size"]) == (0, 0, 4)
    assert made.facts["suspended"] == sorted(PROCESSES)
    assert world.differences(kind, group, "create") == {}

    world.move(kind, group, "stop_legacy")
    (still,) = kind.scan(world.site(kind, "legacy"))
    changed = kind.action("stop_legacy").legacy_after(kind.typed(group))
    assert changed
    assert {name: still.facts[name] for name in changed} == changed
    assert {name for name in still.facts if still.facts[name] != group.facts[name]} == {*changed, "desired_now"}

    world.move(kind, group, "start")
    (filled,) = world.scan(kind, "target").values()
    assert (filled.facts["min_size"], filled.facts["desired"]) == (1, 2)
    assert filled.facts["suspended"] == ["AZRebalance"]

    world.undo()
    assert world.scan(kind, "target") == {}
    assert world.scan(kind) == {"workers": group}


def test_the_stamp_is_not_passed_on_to_machines_and_what_legacy_passes_on_is(world: TwoSides) -> None:
    group = examples.a_group(world)

    tags = {
        tag["Key"]: tag["PropagateAtLaunch"]
        for request in requests_of(AutoScalingGroup(), group)
        for tag in request.params.get("Tags", ())
    }

    assert tags == {"team": True, "cost centre": False, "migrate:migration": False, "migrate:step": False}


def a_described_group(**more: Any) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": "workers",
        "AutoScalingGroupARN": f"arn:aws:autoscaling:{REGION}:{LEGACY}:autoScalingGroup:u:autoScalingGroupName/workers",
        "MinSize": 1,
        "MaxSize": 3,
        "DesiredCapacity": 2,
        "VPCZoneIdentifier": "subnet-2,subnet-1",
        **more,
    }


def found_group(group: dict[str, Any], **answers: Any) -> Any:
    shown = {"autoscaling.DescribeAutoScalingGroups": {"AutoScalingGroups": [group]}, **answers}
    template = {"LaunchTemplateId": "lt-1", "DefaultVersionNumber": 4, "LatestVersionNumber": 7}
    shown["ec2.DescribeLaunchTemplates"] = {"LaunchTemplates": [template]}
    (found,) = AutoScalingGroup().scan(Answers(shown))
    return found


@pytest.mark.parametrize(
    ("version", "said"), [("4", "default"), ("7", "latest"), ("$Latest", "$Latest"), ("5", "5"), (None, "$Default")]
)
def test_a_version_is_said_by_what_it_is_to_its_template(version: str | None, said: str) -> None:
    template = {"LaunchTemplateId": "lt-1"} | ({"Version": version} if version else {})

    group = found_group(a_described_group(LaunchTemplate=template))

    assert group.facts["launch_template"] == {"LaunchTemplateId": "lt-1", "Version": said}
    kind = AutoScalingGroup()
    missed = [need.on for need in kind.needs(kind.typed(group)) if str(need.on).startswith("version")]
    assert missed == (["version 5 of lt-1"] if said == "5" else []), "nobody carries it"


def test_pinned_versions_of_a_mixed_group_are_asked_for_in_the_target() -> None:
    def spec(own: str, version: str) -> dict[str, Any]:
        return {"LaunchTemplateSpecification": {"LaunchTemplateId": own, "Version": version}}

    overrides = [{"InstanceType": "m5.large", **spec("lt-2", "4")}, {"InstanceType": "m6i.large"}]
    mixed = {
        "LaunchTemplate": spec("lt-1", "7") | {"Overrides": overrides},
        "InstancesDistribution": {"OnDemandBaseCapacity": 1, "SpotAllocationStrategy": "price-capacity-optimized"},
    }
    group = found_group(a_described_group(MixedInstancesPolicy=mixed))

    requests = requests_of(AutoScalingGroup(), group)

    assert [one.params for one in requests[:2]] == [{"LaunchTemplateIds": ["lt-1"]}, {"LaunchTemplateIds": ["lt-2"]}]
    policy = requests[2].params["MixedInstancesPolicy"]["LaunchTemplate"]
    assert policy["LaunchTemplateSpecification"]["Version"] == {"$after": ["create", "latest_0"]}
    assert policy["Overrides"][0]["LaunchTemplateSpecification"]["Version"] == {"$after": ["create", "default_1"]}


def test_what_ecs_adds_to_a_group_is_not_carried_and_nobody_waits_for_protected_machines() -> None:
    policies = [
        {"PolicyName": "ECSManagedAutoScalingPolicy-1", "PolicyARN": "arn:1", "PolicyType": "TargetTrackingScaling"},
        {"PolicyName": "own", "PolicyARN": "arn:2", "PolicyType": "SimpleScaling", "ScalingAdjustment": 1,
         "AdjustmentType": "ChangeInCapacity", "Enabled": True, "Alarms": [{"AlarmName": "busy"}]},
    ]  # fmt: skip
    hooks = [{"LifecycleHookName": "ecs-managed-draining-termination-hook", "GlobalTimeout": 1}]
    group = found_group(
        a_described_group(
            LaunchTemplate={"LaunchTemplateId": "lt-1"}, Tags=[{"Key": "AmazonECSManaged", "PropagateAtLaunch": True}]
        ),
        **{
            "autoscaling.DescribePolicies": {"ScalingPolicies": policies},
            "autoscaling.DescribeLifecycleHooks": {"LifecycleHooks": hooks},
        },
    )

    assert [policy["PolicyName"] for policy in group.facts["policies"]] == ["own"]
    assert group.facts["policies"][0].keys().isdisjoint({"Alarms", "PolicyARN", "Enabled"})
    assert group.facts["hooks"] == []
    assert group.facts["desired"] is None, "ECS moves it all the time"
    assert [request.wait for request in requests_of(AutoScalingGroup(), group, "stop_legacy")] == [None, None]
    kind = AutoScalingGroup()
    assert [name.legacy for name in kind.names(kind.typed(group), place_of("workers"))][1:] == ["arn:2"]


def test_protection_pool_and_schedules_come_with_the_right_calls() -> None:
    times = [
        {"ScheduledActionName": "once", "StartTime": "2027-01-01T00:00:00+00:00", "DesiredCapacity": 9},
        {"ScheduledActionName": "daily", "Recurrence": "0 5 * * *", "StartTime": "2026-12-01T05:00:00+00:00"},
    ]
    group = found_group(
        a_described_group(
            LaunchTemplate={"LaunchTemplateId": "lt-1"},
            DeletionProtection="prevent-all-deletion",
            WarmPoolConfiguration={"MinSize": 1, "PoolState": "Stopped"},
            TrafficSources=[{"Identifier": "arn:aws:vpc-lattice:x", "Type": "vpc-lattice"}],
        ),
        **{"autoscaling.DescribeScheduledActions": {"ScheduledUpdateGroupActions": times}},
    )

    starts = {one["ScheduledActionName"]: "StartTime" in one for one in group.facts["schedules"]}
    assert starts == {"once": True, "daily": False}, "the next time of a recurring one moves by itself"
    made = requests_of(AutoScalingGroup(), group)
    assert not any("DeletionProtection" in request.params for request in made), "or the undo could not delete it"
    started = requests_of(AutoScalingGroup(), group, "start")
    assert started[-1].params["DeletionProtection"] == "prevent-all-deletion"
    assert started[-1].undo
    assert started[-1].undo.params["DeletionProtection"] == "none"
    assert started[-2].params == {"AutoScalingGroupName": "workers", "MinSize": 1, "PoolState": "Stopped"}


def test_a_group_with_a_launch_configuration_is_reported() -> None:
    group = found_group(a_described_group(LaunchConfigurationName="old"))

    kind = AutoScalingGroup()
    assert not any(action.applies(kind.typed(group)) for action in kind.actions)
    assert "launch template" in kind.manual


def test_a_topic_hears_of_the_targets_group_what_it_heard_of_legacys() -> None:
    topic = f"arn:aws:sns:{REGION}:{LEGACY}:machines"
    told = [
        {"AutoScalingGroupName": "workers", "TopicARN": topic, "NotificationType": f"autoscaling:EC2_INSTANCE_{what}"}
        for what in ("TERMINATE", "LAUNCH")
    ]
    kind = GroupNotification()

    (found,) = kind.scan(
        Answers({"autoscaling.DescribeNotificationConfigurations": {"NotificationConfigurations": told}})
    )

    assert found.ref.name == "workers/machines"
    (put,) = requests_of(kind, found)
    assert put.params["NotificationTypes"] == [f"autoscaling:EC2_INSTANCE_{what}" for what in ("LAUNCH", "TERMINATE")]
    assert [str(need.on) for need in kind.needs(kind.typed(found))] == [
        f"{LEGACY}/{REGION}/autoscaling.group/workers", topic,
    ]  # fmt: skip


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
    assert set(look.outputs) == {"private_ip", "public_ip", "public_host"}


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
