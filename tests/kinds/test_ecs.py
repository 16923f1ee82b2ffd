"""ECS and its scaling: what is found, that it arrives with no tasks, and that one side runs at a time."""

from collections.abc import Iterator
from typing import Any

import jmespath
import pytest

from migrate.inventory import Resource
from migrate.kind import Kind, same_place
from migrate.kinds.applicationautoscaling_policy import Policy
from migrate.kinds.applicationautoscaling_target import Target
from migrate.kinds.ecs_capacity_provider import CapacityProvider
from migrate.kinds.ecs_cluster import Cluster
from migrate.kinds.ecs_service import Service
from migrate.kinds.ecs_task_definition import TaskDefinition
from migrate.values import after, waits_for
from tests.kinds.by_hand import LEGACY, REGION, TARGET, TwoAccounts, place, two_accounts, without
from tests.kinds.ecs_shop import REGISTRY, legacy_shop, moved_shop, register, service_of
from tests.kinds.shapes import check_request


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    with two_accounts(monkeypatch) as accounts:
        yield accounts


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Cluster(), "absent"),
        (TaskDefinition(), "absent:1"),
        (TaskDefinition(), "absent"),
        (Service(), "absent/web"),
        (Service(), "shop/absent"),
        (Target(), "service/shop/absent"),
        (Policy(), "service/shop/web/absent"),
    ],
)
def test_a_narrow_look_for_an_absent_thing_finds_nothing(accounts: TwoAccounts, kind: Kind[Any], name: str) -> None:
    legacy_shop(accounts)

    assert list(kind.scan(accounts.site(kind, "legacy"), only=name)) == []


def test_a_narrow_look_says_the_same_as_the_wide_one(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)

    for kind in (Cluster(), TaskDefinition(), Service(), Target(), Policy()):
        for name, found in accounts.scan(kind).items():
            assert accounts.one(kind, name) == found


def test_a_cluster_arrives_with_settings_capacity_and_tags(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    kind = Cluster()
    legacy = accounts.one(kind, "shop")

    sent = accounts.do(kind, legacy, "create")

    target = accounts.one(kind, "shop", "target")
    assert target.facts == accounts.expected(kind, legacy)
    assert target.facts["settings"] == {"containerInsights": "enabled"}
    assert target.facts["capacity_providers"] == ["FARGATE", "FARGATE_SPOT"]
    assert target.facts["default_strategy"][0]["capacityProvider"] == "FARGATE"
    assert target.tags == place(kind, legacy).stamp({"env": "prod"})
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target", only="shop") == {}


def test_a_capacity_provider_of_instances_is_a_need_and_not_silently_kept_or_dropped(accounts: TwoAccounts) -> None:
    accounts.legacy.client("ecs").create_cluster(clusterName="shop", capacityProviders=["FARGATE", "machines"])
    kind = Cluster()
    legacy = accounts.one(kind, "shop")

    (need,) = kind.needs(kind.typed(legacy))
    (request,) = kind.action("create").requests(kind.typed(legacy), place(kind, legacy))

    assert need.on == f"arn:aws:ecs:{REGION}:{LEGACY}:capacity-provider/machines"
    assert request.params["capacityProviders"] == ["FARGATE"]


def test_a_capacity_provider_on_an_auto_scaling_group_moves_before_its_cluster(accounts: TwoAccounts) -> None:
    group = f"arn:aws:autoscaling:{REGION}:{LEGACY}:autoScalingGroup:1:autoScalingGroupName/machines"
    ecs = accounts.legacy.client("ecs")
    ecs.create_capacity_provider(name="machines", autoScalingGroupProvider={"autoScalingGroupArn": group})
    ecs.create_capacity_provider(name="unused", autoScalingGroupProvider={"autoScalingGroupArn": group})
    ecs.create_cluster(
        clusterName="shop",
        capacityProviders=["FARGATE", "machines"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "machines", "weight": 1, "base": 0}],
    )
    kind, cluster = CapacityProvider(), Cluster()

    found = accounts.scan(kind)
    legacy = accounts.one(cluster, "shop")

    assert list(found) == ["machines"]
    (need,) = kind.needs(kind.typed(found["machines"]))
    assert (need.on, need.strength) == (group, "hard")
    (names,) = kind.names(kind.typed(found["machines"]), place(kind, found["machines"]))
    assert [(need.on, need.strength) for need in cluster.needs(cluster.typed(legacy))] == [(names.legacy, "hard")]
    (request,) = cluster.action("create").requests(cluster.typed(legacy), place(cluster, legacy))
    assert request.params["capacityProviders"] == ["FARGATE", "machines"]
    assert request.params["defaultCapacityProviderStrategy"][0]["capacityProvider"] == "machines"


def test_managed_instances_are_found_and_made_by_hand(accounts: TwoAccounts) -> None:
    kind = CapacityProvider()
    facts: dict[str, Any] = {"group_arn": None, "managed_scaling": {}, "termination_protection": None, "draining": None}
    legacy_shop(accounts)
    like = accounts.one(Cluster(), "shop")
    it = kind.typed(Resource(like.ref._replace(kind=kind.name), like.arn, {}, None, None, facts))

    assert not any(action.applies(it) for action in kind.actions)
    assert "managed instances" in kind.manual


def test_only_revisions_in_use_and_the_newest_of_a_family_are_found(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    register(accounts.legacy)
    register(accounts.legacy)
    nightly = [register(accounts.legacy, "nightly") for _ in range(3)]
    events = accounts.legacy.client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    events.put_targets(
        Rule="nightly",
        Targets=[
            {
                "Id": "task",
                "Arn": f"arn:aws:ecs:{REGION}:{LEGACY}:cluster/shop",
                "EcsParameters": {"TaskDefinitionArn": nightly[0]},
            }
        ],
    )

    found = accounts.scan(TaskDefinition())

    assert set(found) == {"web:1", "web:3", "nightly:1", "nightly:3"}
    assert found["web:3"].facts["older"] == ["web:1"]
    assert accounts.one(TaskDefinition(), "web:3") == found["web:3"]


def test_older_revisions_are_registered_before_the_newest_so_that_the_family_means_the_same(
    accounts: TwoAccounts,
) -> None:
    legacy_shop(accounts)
    register(accounts.legacy)
    kind = TaskDefinition()
    newest = kind.typed(accounts.one(kind, "web:2"))

    needs = {need.on: need.strength for need in kind.needs(newest)}

    assert needs[same_place(newest, "ecs.task_definition", "web:1")] == "hard"


def test_a_task_definition_arrives_whole_and_goes_again(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    register(accounts.target)  # the target's revisions count for themselves
    kind = TaskDefinition()
    legacy = accounts.one(kind, "web:1")

    sent = accounts.do(kind, legacy, "create")

    own = accounts.known[legacy.ref]["create", "id"]
    target = accounts.one(kind, own, "target")
    assert own == "web:2"
    assert without(kind, target.facts) == accounts.expected(kind, legacy)
    container = target.facts["container_definitions"][0]
    assert [one["name"] for one in container["environment"]] == ["ENV", "QUEUE"]
    assert container["environment"][1]["value"] == f"arn:aws:sqs:{REGION}:{TARGET}:jobs"
    assert target.facts["runtime_platform"]["cpuArchitecture"] == "ARM64"
    assert target.tags["env"] == "prod"
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target", only=own) == {}


def test_a_task_definition_made_before_a_crash_is_found_by_its_stamp_though_a_newer_one_stands(
    accounts: TwoAccounts,
) -> None:
    legacy_shop(accounts)
    kind = TaskDefinition()
    legacy = accounts.one(kind, "web:1")
    accounts.do(kind, legacy, "create")
    register(accounts.target)

    found = kind.locate(accounts.site(kind, "target"), place(kind, legacy), {}, kind.typed(legacy))

    assert found is not None
    assert found.ref.name == "web:1"


def test_credentials_in_a_container_are_sealed(accounts: TwoAccounts) -> None:
    register(
        accounts.legacy,
        environment=[{"name": "DB_PASSWORD", "value": "correct horse"}],
        logConfiguration={"logDriver": "splunk", "options": {"splunk-token": "battery staple"}},
    )

    found = accounts.one(TaskDefinition(), "web:1")

    assert "correct horse" not in str(found)
    assert "battery staple" not in str(found)


def test_a_task_definition_needs_its_roles_image_log_group_and_secrets(accounts: TwoAccounts) -> None:
    register(accounts.legacy)
    kind = TaskDefinition()
    it = kind.typed(accounts.one(kind, "web:1"))

    needs = {need.on: need.why for need in kind.needs(it)}

    assert needs == {
        f"arn:aws:iam::{LEGACY}:role/execution": "assumes",
        f"{REGISTRY}/shop/web": "image of",
        same_place(it, "logs.log_group", "/ecs/web"): "logs to",
        same_place(it, "ssm.parameter", "/shop/key"): "reads",
        f"arn:aws:secretsmanager:{REGION}:{LEGACY}:secret:db-AbCdEf": "reads",
    }


def test_a_task_definition_needs_the_file_systems_that_it_mounts(accounts: TwoAccounts) -> None:
    register(accounts.legacy)
    kind = TaskDefinition()
    legacy = accounts.one(kind, "web:1")
    access = {"accessPointId": "fsap-0123456789abcdef0", "iam": "ENABLED"}
    secret = f"arn:aws:secretsmanager:{REGION}:{LEGACY}:secret:files-AbCdEf"
    windows = {"fileSystemId": "fs-1", "rootDirectory": "/", "authorizationConfig": {"credentialsParameter": secret}}
    volumes = [
        {"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-0", "authorizationConfig": access}},
        {"name": "b", "fsxWindowsFileServerVolumeConfiguration": windows},
    ]
    it = kind.typed(Resource(legacy.ref, legacy.arn, {}, None, None, legacy.facts | {"volumes": volumes}))

    mounted = {need.on for need in kind.needs(it) if "volumes[" in need.seen_in and need.strength == "hard"}

    assert mounted == {"fs-0", "fsap-0123456789abcdef0", "fs-1", secret}


def test_the_arn_of_the_newest_revision_is_known_with_and_without_its_number(accounts: TwoAccounts) -> None:
    arn = register(accounts.legacy)
    kind = TaskDefinition()
    legacy = accounts.one(kind, "web:1")

    names = {name.legacy: name.target for name in kind.names(kind.typed(legacy), place(kind, legacy))}

    assert waits_for(names[arn]) == {("create", "id")}
    assert names[arn.removesuffix(":1")] == f"arn:aws:ecs:{REGION}:{TARGET}:task-definition/web"


def test_a_service_arrives_with_no_tasks_and_everything_else(accounts: TwoAccounts) -> None:
    found = moved_shop(accounts)
    kind, legacy = Service(), found["ecs.service"]

    target = accounts.one(kind, "shop/web", "target")

    assert service_of(accounts.target)["desiredCount"] == 0
    assert target.facts == accounts.expected(kind, legacy)
    assert legacy.facts["desired_count"] == 3
    assert target.facts["load_balancers"][0]["containerPort"] == 8080
    assert target.facts["network"]["awsvpcConfiguration"]["subnets"]
    assert target.tags == place(kind, legacy).stamp({"team": "platform"})


def test_a_service_runs_in_one_account_at_a_time_and_goes_back(accounts: TwoAccounts) -> None:
    legacy = moved_shop(accounts)["ecs.service"]
    kind = Service()

    stopped = accounts.do(kind, legacy, "stop_legacy")
    counts = service_of(accounts.legacy)["desiredCount"], service_of(accounts.target)["desiredCount"]
    started = accounts.do(kind, legacy, "start")

    assert counts == (0, 0)
    changed = kind.action("stop_legacy").legacy_after(kind.typed(legacy))
    assert accounts.one(kind, "shop/web").facts == {**legacy.facts, **(changed or {})}
    target = accounts.one(kind, "shop/web", "target")
    assert target.facts == accounts.expected(kind, legacy, "start")
    assert target.facts["desired_count"] == 3
    accounts.undo(legacy, started)
    accounts.undo(legacy, stopped)
    assert service_of(accounts.target)["desiredCount"] == 0
    assert accounts.one(kind, "shop/web") == legacy


def test_waiting_for_tasks_reads_counts_and_sees_a_failed_deployment(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    kind = Service()
    legacy = accounts.one(kind, "shop/web")
    (request,) = kind.action("start").requests(kind.typed(legacy), place(kind, legacy))
    wait = request.wait
    assert wait is not None

    def said(running: int, rollout: str) -> str:
        service = {"runningCount": running, "desiredCount": 3, "deployments": [{"rolloutState": rollout}]}
        return str(jmespath.search(wait.path, {"services": [service]}))

    assert said(2, "IN_PROGRESS") not in wait.ok + wait.failed
    assert said(3, "COMPLETED") in wait.ok
    assert said(1, "FAILED") in wait.failed


def test_a_service_that_is_undone_is_gone(accounts: TwoAccounts) -> None:
    found = moved_shop(accounts)
    kind, legacy = Service(), found["ecs.service"]
    requests = kind.action("create").requests(kind.typed(legacy), place(kind, legacy))

    accounts.undo(legacy, requests)

    assert accounts.scan(kind, "target") == {}


def test_a_service_that_something_else_deploys_does_not_move(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    kind = Service()
    it = kind.typed(accounts.one(kind, "shop/web"))

    for field, value in (("controller", "CODE_DEPLOY"), ("controller", "EXTERNAL"), ("scheduling", "DAEMON")):
        other = type(it)(it.ref, it.arn, it.tags, it.facts.model_copy(update={field: value}))
        assert not any(action.applies(other) for action in kind.actions)


def test_every_field_of_a_service_is_one_that_aws_takes(accounts: TwoAccounts) -> None:
    # The emulator keeps few of them, so the facts are filled in as AWS gives them.
    legacy_shop(accounts)
    kind = Service()
    legacy = accounts.one(kind, "shop/web")
    filled = legacy.facts | {
        "launch_type": None,
        "capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
        "deployment": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 200,
            "minimumHealthyPercent": 50,
        },
        "service_registries": [{"registryArn": f"arn:aws:servicediscovery:{REGION}:{LEGACY}:service/srv-1"}],
        "health_check_grace_s": 60,
        "execute_command": True,
        "zone_rebalancing": "ENABLED",
        "service_connect": {"enabled": True, "namespace": "shop"},
        "placement_strategy": [{"type": "spread", "field": "instanceId"}],
        "lattice": [{"roleArn": f"arn:aws:iam::{LEGACY}:role/lattice", "targetGroupArn": "arn:tg", "portName": "http"}],
    }
    it = kind.typed(Resource(legacy.ref, legacy.arn, legacy.tags, None, None, filled))

    (request,) = kind.action("create").requests(it, place(kind, legacy))

    check_request(request.operation, request.params)
    assert "launchType" not in request.params
    assert request.params["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"]
    assert request.params["healthCheckGracePeriodSeconds"] == 60
    assert request.params["enableExecuteCommand"]
    assert any(need.why == "member of" for need in kind.needs(it))
    assert request.params["vpcLatticeConfigurations"] == filled["lattice"]
    assert request.params["serviceConnectConfiguration"] == {"enabled": True, "namespace": "shop"}
    # A namespace said by its name alone has to be there.
    assert "servicediscovery.namespace.create" in kind.action("create").after_kinds


def test_the_expected_network_may_hold_ids_that_are_known_later(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    kind = Service()
    legacy = accounts.one(kind, "shop/web")
    later = [after("a", "id"), after("b", "id")]
    facts = legacy.facts | {"network": {"awsvpcConfiguration": {"subnets": later}}}

    expected = kind.expected(facts, frozenset(), kind.typed(legacy))

    assert expected["network"]["awsvpcConfiguration"]["subnets"] == later
