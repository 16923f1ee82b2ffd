"""What machines are launched from and who launches them: templates, keys, groups. Never two groups for the same work.

Moves of each kind whole: test_moves. moto 5.2.5 knows no notifications: those are held to AWS's shapes.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kind import CarryAction, Kind
from migrate.kinds.ec2_compute import KINDS
from migrate.kinds.ec2_compute.auto_scaling_group import AutoScalingGroup
from migrate.kinds.ec2_compute.group_facts import PROCESSES
from migrate.kinds.ec2_compute.group_notification import GroupNotification
from migrate.kinds.ec2_compute.key_pair import KeyPair
from migrate.kinds.ec2_compute.launch_template import LaunchTemplate
from tests.kinds.examples import ec2_compute as examples
from tests.kinds.network import Answers
from tests.kinds.planned import place_of, requests_of
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
    assert {name for name in still.facts if still.facts[name] != group.facts[name]} - kind.passing == set(changed)

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
