"""The test launch of a service: one task that runs, or the step fails with what ECS says about its end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from migrate import plan
from migrate.config import Config
from migrate.errors import StepFailed
from migrate.kind import It, Phase, Place
from migrate.kinds import _test_launch
from migrate.kinds._test_launch import TestLaunch, TestLaunchOnInstances
from migrate.kinds.ecs_service import Service, ServiceFacts
from migrate.names import AccountId, Ref, Region
from tests.kinds.shapes import check_request
from tests.plans.toys import KINDS, PROD, Create, Start, Stop, Toy, inputs, thing

CLUSTER = "arn:aws:ecs:eu-west-1:222222222222:cluster/shop"
DEFINITION = "arn:aws:ecs:eu-west-1:222222222222:task-definition/web:1"
TASK = "arn:aws:ecs:eu-west-1:222222222222:task/shop/0123"
LAUNCH = Service().action("test_launch")
assert isinstance(LAUNCH, TestLaunch)
ON_INSTANCES = Service().action("test_launch_on_instances")
assert isinstance(ON_INSTANCES, TestLaunchOnInstances)


def it(**more: Any) -> It[ServiceFacts]:
    facts: dict[str, Any] = {
        "cluster_arn": CLUSTER, "task_definition": DEFINITION, "desired_count": 2, "launch_type": "FARGATE",
        "capacity_provider_strategy": [], "platform_version": "LATEST", "scheduling": "REPLICA", "controller": "ECS",
        "deployment": {}, "load_balancers": [{"targetGroupArn": "arn", "containerName": "web", "containerPort": 80}],
        "network": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        "service_registries": [], "placement_constraints": [], "placement_strategy": [], "health_check_grace_s": None,
        "execute_command": False, "managed_tags": False, "propagate_tags": "NONE", "zone_rebalancing": None,
        "role_arn": None, "service_connect": None, "volumes": [], "lattice": [],
    }  # fmt: skip
    ref = Ref(AccountId("111111111111"), Region("eu-west-1"), "ecs.service", "shop/web")
    return It(ref, "arn", {}, ServiceFacts.model_validate(facts | more))


@dataclass
class Ecs:
    """A carrier over an ECS that says what a test wrote: the states of the task, look by look."""

    looks: list[dict[str, Any]]
    is_checked: bool = False
    refusal: list[dict[str, str]] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    step: str = "222222222222/eu-west-1/ecs.service/shop/web:test_launch"
    outputs: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    serves: str = DEFINITION
    joined: list[list[str]] = field(default_factory=list)
    """The cluster's instances, look by look."""
    paused_s: float = 0.0

    def __post_init__(self) -> None:
        create = "222222222222/eu-west-1/ecs.service/shop/web:create"
        self.place = Place("shop", AccountId("222222222222"), Region("eu-west-1"), "shop/web", create)
        self.target = SimpleNamespace(call=self.call, optional=lambda op, *, missing, **named: self.call(op, **named))
        self.legacy = SimpleNamespace()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        check_request(operation, params)
        assert operation in ON_INSTANCES.reads | Service.reads
        if operation == "ecs.ListContainerInstances":
            assert params == {"cluster": CLUSTER, "status": "ACTIVE"}
            return {"containerInstanceArns": self.joined.pop(0) if self.joined else []}
        if operation == "ecs.ListTasks":
            return {"taskArns": self.running}
        if operation == "ecs.DescribeServices":
            return {"services": [{"taskDefinition": self.serves}]}
        if operation == "ecs.DescribeTaskDefinition":
            checked = {"healthCheck": {"command": ["CMD", "true"]}} if self.is_checked else {}
            return {"taskDefinition": {"containerDefinitions": [{"name": "web", **checked}]}}
        stopped = any(name == "ecs.StopTask" for name, _ in self.sent)
        return {"tasks": [{"lastStatus": "STOPPED"} if stopped else self.looks.pop(0)]}

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        check_request(operation, params)
        assert operation in LAUNCH.writes
        self.sent.append((operation, params))
        return {"tasks": [] if self.refusal else [{"taskArn": TASK}], "failures": self.refusal}

    def rewrite(self, document: Any) -> Any:
        return document

    def pause(self, seconds: float) -> None:
        self.paused_s += seconds

    def remember(self, key: str, value: str) -> None:
        self.outputs[key] = value

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.sent]


def at(status: str, **more: Any) -> dict[str, Any]:
    return {"lastStatus": status, "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING", **more}


def running(ago_s: float = 3600, **more: Any) -> dict[str, Any]:
    return at("RUNNING", startedAt=datetime.now(UTC) - timedelta(seconds=ago_s), **more)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_test_launch, "EVERY_S", 0.001)


def test_one_task_of_the_services_own_definition_and_network_runs_and_is_stopped() -> None:
    ecs = Ecs([at("PROVISIONING"), at("PENDING"), running(1), running()])

    LAUNCH.carry(it(), ecs)

    assert ecs.operations() == ["ecs.RunTask", "ecs.StopTask"]
    asked = ecs.sent[0][1]
    assert (asked["taskDefinition"], asked["count"], asked["launchType"]) == (DEFINITION, 1, "FARGATE")
    assert asked["networkConfiguration"] == it().facts.network
    assert "loadBalancers" not in asked
    assert ecs.sent[1][1]["task"] == TASK
    assert LAUNCH.prove(it(), ecs).state == "equal"


def test_a_task_that_stops_fails_the_step_with_the_reason_and_the_exit_code_of_each_container() -> None:
    ended = at(
        "STOPPED", stoppedReason="Essential container in task exited", stopCode="EssentialContainerExited",
        containers=[{"name": "web", "exitCode": 137, "reason": "OutOfMemoryError"}, {"name": "proxy", "exitCode": 0}],
    )  # fmt: skip
    ecs = Ecs([running(1), ended])

    with pytest.raises(StepFailed) as failed:
        LAUNCH.carry(it(), ecs)

    assert "Essential container in task exited (EssentialContainerExited)" in failed.value.what
    assert "container web: exit code 137, OutOfMemoryError" in failed.value.what
    assert "container proxy: exit code 0" in failed.value.what
    assert "test_launches" in failed.value.do


@pytest.mark.parametrize(
    ("reason", "do"),
    [
        ("CannotPullContainerError: no such image", "registry"),
        ("ResourceInitializationError: unable to pull secrets or registry auth", "execution role"),
    ],
)
def test_what_keeps_a_task_from_starting_says_what_to_look_at(reason: str, do: str) -> None:
    with pytest.raises(StepFailed) as failed:
        LAUNCH.carry(it(), Ecs([at("STOPPED", stoppedReason=reason, stopCode="TaskFailedToStart")]))

    assert reason in failed.value.what
    assert do in failed.value.do


def test_a_task_that_ends_well_is_a_failure_too_because_a_service_has_to_go_on() -> None:
    with pytest.raises(StepFailed, match="exit code 0"):
        LAUNCH.carry(it(), Ecs([running(1), at("STOPPED", containers=[{"name": "web", "exitCode": 0}])]))


def test_with_a_health_check_running_is_not_enough() -> None:
    healthy = Ecs([running(), running(healthStatus="UNKNOWN"), running(healthStatus="HEALTHY")], is_checked=True)
    LAUNCH.carry(it(), healthy)
    assert healthy.looks == []

    with pytest.raises(StepFailed, match="health check fails"):
        LAUNCH.carry(it(), Ecs([running(healthStatus="UNHEALTHY")], is_checked=True))


def test_a_task_that_never_runs_is_not_waited_for_for_ever_and_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_test_launch, "PATIENCE_S", 0.01)
    ecs = Ecs([at("PENDING")] * 1000)

    with pytest.raises(StepFailed, match="PENDING after"):
        LAUNCH.carry(it(), ecs)

    assert ecs.operations() == ["ecs.RunTask", "ecs.StopTask"]


def test_what_ecs_refuses_inside_a_good_answer_is_said() -> None:
    with pytest.raises(StepFailed, match="RESOURCE:MEMORY"):
        LAUNCH.carry(it(), Ecs([], refusal=[{"reason": "RESOURCE:MEMORY"}]))


def test_a_task_whose_answer_was_lost_is_watched_and_no_second_one_is_launched() -> None:
    ecs = Ecs([running()], running=[TASK])

    LAUNCH.carry(it(), ecs)

    assert ecs.operations() == ["ecs.StopTask"]


def test_the_token_is_the_same_until_the_task_was_judged_and_another_one_for_the_next_try() -> None:
    ecs = Ecs([at("STOPPED", stoppedReason="no")])
    with pytest.raises(StepFailed):
        LAUNCH.carry(it(), ecs)
    first, ecs.sent, ecs.looks = ecs.sent[0][1]["clientToken"], [], [running()]

    LAUNCH.carry(it(), ecs)

    assert ecs.sent[0][1]["clientToken"] != first
    ecs.outputs["token"], ecs.sent, ecs.looks = "kept-by-a-crash", [], [running()]
    LAUNCH.carry(it(), ecs)
    assert ecs.sent[0][1]["clientToken"] == "kept-by-a-crash"


def test_the_undo_stops_only_what_still_runs_of_this_step() -> None:
    left = Ecs([], running=[TASK])
    LAUNCH.uncarry(it(), left)
    assert left.sent == [("ecs.StopTask", left.sent[0][1])]

    nothing = Ecs([])
    LAUNCH.uncarry(it(), nothing)
    assert nothing.sent == []


def test_another_definition_than_the_launched_one_is_a_difference() -> None:
    ecs = Ecs([running()], serves=DEFINITION.replace("web:1", "web:2"))
    LAUNCH.carry(it(), ecs)

    assert LAUNCH.prove(it(), ecs).state == "different"


@pytest.mark.parametrize(
    ("more", "applies", "by_default"),
    [
        ({}, True, True),
        ({"load_balancers": []}, True, False),
        ({"launch_type": "EC2"}, False, True),
        ({"capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}, True, True),
        ({"capacity_provider_strategy": [{"capacityProvider": "machines", "weight": 1}]}, False, True),
        ({"desired_count": 0}, False, True),
        ({"controller": "CODE_DEPLOY"}, False, True),
    ],
)
def test_only_what_can_be_launched_without_acting_is_launched(
    more: dict[str, Any], applies: bool, by_default: bool
) -> None:
    assert (LAUNCH.applies(it(**more)), LAUNCH.by_default(it(**more))) == (applies, by_default)


@pytest.mark.parametrize(
    ("more", "applies"),
    [
        ({}, False),
        ({"launch_type": "EC2"}, True),
        ({"launch_type": "EXTERNAL"}, False),
        ({"launch_type": None, "capacity_provider_strategy": [{"capacityProvider": "machines", "weight": 1}]}, True),
        ({"launch_type": "EC2", "desired_count": 0}, False),
        ({"launch_type": "EC2", "scheduling": "DAEMON"}, False),
    ],
)
def test_what_is_on_machines_is_launched_where_they_are_and_nothing_is_launched_twice(
    more: dict[str, Any], applies: bool
) -> None:
    assert ON_INSTANCES.applies(it(**more)) == applies
    assert not (applies and LAUNCH.applies(it(**more)))


def test_a_task_on_machines_waits_until_one_has_joined_and_keeps_where_it_may_run() -> None:
    where = {
        "placement_constraints": [{"type": "distinctInstance"}],
        "placement_strategy": [{"type": "spread", "field": "host"}],
    }
    ecs = Ecs([running()], joined=[[], [], ["arn:of:an:instance"]])

    ON_INSTANCES.carry(it(launch_type="EC2", **where), ecs)

    asked = ecs.sent[0][1]
    assert ecs.operations() == ["ecs.RunTask", "ecs.StopTask"]
    assert (asked["launchType"], asked["placementConstraints"]) == ("EC2", where["placement_constraints"])
    assert asked["placementStrategy"] == where["placement_strategy"]
    assert ecs.paused_s == 2 * _test_launch.EVERY_S


def test_a_cluster_that_no_machine_joins_fails_the_step_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_test_launch, "PATIENCE_S", 0.003)
    ecs = Ecs([])

    with pytest.raises(StepFailed, match="no instance has joined") as failed:
        ON_INSTANCES.carry(it(launch_type="EC2"), ecs)

    assert "user data" in failed.value.do
    assert ecs.sent == []


def test_a_capacity_provider_may_scale_out_first_so_its_machines_are_not_waited_for() -> None:
    strategy = [{"capacityProvider": "machines", "weight": 1}]
    ecs = Ecs([at("PROVISIONING"), running()])

    ON_INSTANCES.carry(it(launch_type=None, capacity_provider_strategy=strategy), ecs)

    assert ecs.sent[0][1]["capacityProviderStrategy"] == strategy
    assert ecs.paused_s == 0


def test_the_launch_on_machines_comes_after_their_group_is_filled_and_before_the_service_starts() -> None:
    actions = [action.name for action in Service().actions]

    assert ON_INSTANCES.phase == "cutover"
    assert {"autoscaling.group.start", *LAUNCH.after_kinds} <= set(ON_INSTANCES.after_kinds)
    assert actions.index("test_launch_on_instances") == actions.index("start") - 1


def test_the_first_rule_of_migration_yaml_that_matches_decides() -> None:
    document = {
        "schema": "migrate.config/1", "migration": "shop",
        "legacy": {"account": "111111111111", "regions": ["eu-west-1"]},
        "targets": {"production": {"account": "222222222222", "role": "Migrate"}},
        "test_launches": [
            {"service": "shop/mailer", "launch": False, "because": "it sends mail when it starts"},
            {"service": "shop/*", "launch": True, "because": "they only read when they start"},
        ],
    }  # fmt: skip
    config = Config.model_validate(document)

    assert config.launches("shop/mailer", True) is False
    assert config.launches("shop/worker", False) is True
    assert [config.launches("other/web", one) for one in (True, False)] == [True, False]


class Tried(Start):
    """One that people may ask for."""

    name, title = "tried", "Try it"
    phase: ClassVar[Phase] = "data"

    def by_default(self, it: It[Any]) -> bool | None:
        return it.ref.name == "web-prod"


class TriedService(Toy):
    """A service that is tried before it starts."""

    name = "toy.service"
    actions = (Create(), Stop(), Tried(), Start())


def test_what_is_not_launched_is_named_in_the_plan_and_starts_all_the_same() -> None:
    services = [thing("toy.service", name) for name in ("web-prod", "mailer-prod", "worker-prod")]
    rules = [{"service": "worker-*", "launch": True, "because": "it only reads when it starts"}]
    body = plan.make(inputs(services, kinds=KINDS | {"toy.service": TriedService()}, test_launches=rules))

    tried = [step["name"] for step in body["steps"] if step["action"] == "tried"]
    assert sorted(tried) == ["web-prod", "worker-prod"]
    assert [said for said in body["findings"] if "mailer-prod" in said and "test_launches" in said]
    assert len([step for step in body["steps"] if step["action"] == "start"]) == 3
    (start,) = [step for step in body["steps"] if step["action"] == "start" and step["name"] == "web-prod"]
    assert f"{PROD}/eu-west-1/toy.service/web-prod:tried" in start["needs"]
