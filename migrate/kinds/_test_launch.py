"""A test launch: a service's task definition is run once in the target, before the cut-over depends on it.

The rule: one task, of the service's own definition and network and behind no load balancer; it is stopped again
whatever comes out. Why a task stopped is said with its exit codes: that is what a person needs at night.
"""

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from migrate.errors import StepFailed
from migrate.kind import Carrier, CarryAction, Facts, It, Json, Phase, Place, Proof, tag_pairs

STEADY_S = 30.0
"""How long a task without a health check has to run: what fails on start fails within seconds, mostly."""
PATIENCE_S = 900.0
EVERY_S = 5.0

ON_INSTANCES = ("autoscaling.group.start", "autoscaling.group.protect")
"""What fills a cluster with machines. A rollback stops services first: ECS protects what its tasks run on."""

ON_FARGATE = ("FARGATE", "FARGATE_SPOT")


class TestLaunch(CarryAction[Any]):
    """The service's task definition as one task on Fargate, until it runs steadily or is healthy; then it is stopped.

    A task acts when it starts: one that takes messages from a queue would take them. So where migration.yaml says
    nothing only services behind a load balancer are launched, to which no traffic comes this way. What runs on EC2
    capacity is launched later, see TestLaunchOnInstances.
    """

    __test__ = False  # for pytest, which would take it for a test by its name

    name = "test_launch"
    title = "Launch one task of the service, and stop it"
    phase: ClassVar[Phase] = "data"
    undo_class = "R1"
    downtime = "D2"
    # What a task reads when it starts.
    after_kinds: ClassVar[tuple[str, ...]] = (
        "ecr.repository.copy_images",
        "secretsmanager.secret.copy_value",
        "ssm.parameter.copy_value",
        "rds.instance.create",
        "rds.instance.rotate_password",
        "rds.cluster.rotate_password",
        "dynamodb.table.copy_items",
        "efs.file_system.copy_files",
    )
    writes = frozenset({"ecs.RunTask", "ecs.StopTask"})
    reads = frozenset({"ecs.DescribeTasks", "ecs.ListTasks", "ecs.DescribeTaskDefinition"})

    def applies(self, it: It[Any]) -> bool:
        return _starts(it) and _on_fargate(it.facts)

    def by_default(self, it: It[Any]) -> bool | None:
        return bool(it.facts.load_balancers)

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        to = {"cluster": it.facts.cluster_arn, "task_definition": it.facts.task_definition, "network": it.facts.network}
        return {
            "from": it.arn,
            "to": to,
            "how": "ecs.RunTask, one task; ecs.StopTask once it runs",
            "what": "no traffic",
        }

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        cluster = str(to.rewrite(it.facts.cluster_arn))
        definition = str(to.rewrite(it.facts.task_definition))
        task = next(_running(to, cluster), None)
        if task is None:
            self.wait_for_capacity(it, to, cluster)
            task = _launch(it, to, cluster, definition)
        to.remember("task", task)
        try:
            said = _watch(to, cluster, task, has_health_check=_has_health_check(to, definition))
        except StepFailed:
            _stop(to, cluster, task)
            # The next try is another one: with the same token AWS would give this task again.
            to.remember("token", "")
            raise
        _stop(to, cluster, task)
        to.remember("token", "")
        to.remember("launched", definition)
        return {"task": task, "said": said}

    def wait_for_capacity(self, it: It[Any], to: Carrier, cluster: str) -> None:
        """Return once the cluster can place a task. Fargate always can."""

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        """The definition that was launched is the one that the service runs."""
        launched = to.outputs.get("launched", "")
        cluster, _, service = to.place.name.partition("/")
        shown = to.target.call("ecs.DescribeServices", cluster=cluster, services=[service])["services"]
        now = str(shown[0].get("taskDefinition")) if shown else "nothing"
        if launched == now:
            return Proof("equal", ("the definition that was launched",), (), {"task": to.outputs.get("task", "")})
        return Proof("different", (), (f"task_definition: launched {launched or 'nothing'}, the service runs {now}",))

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        cluster = str(to.rewrite(it.facts.cluster_arn))
        for task in _running(to, cluster):
            _stop(to, cluster, task)
        if to.outputs.get("token"):
            to.remember("token", "")


class TestLaunchOnInstances(TestLaunch):
    """The same for a service on EC2 capacity, at the cut-over: its cluster has no instance before its Auto Scaling
    group is filled, and the service itself starts after.
    """

    __test__ = False

    name = "test_launch_on_instances"
    title = "Launch one task of the service on the cluster's instances, and stop it"
    phase = "cutover"
    after_kinds = (*TestLaunch.after_kinds, *ON_INSTANCES, "ec2.instance.create")
    reads = TestLaunch.reads | {"ecs.ListContainerInstances"}

    def applies(self, it: It[Any]) -> bool:
        # ECS Anywhere's machines are somebody's own, and join the target's cluster by hand.
        return _starts(it) and not _on_fargate(it.facts) and it.facts.launch_type != "EXTERNAL"

    def wait_for_capacity(self, it: It[Any], to: Carrier, cluster: str) -> None:
        """Wait until an instance has joined the cluster. A capacity provider may scale out first, so there the task
        itself is waited for (PROVISIONING). Source: ECS developer guide, Cluster auto scaling, read 2026-11."""
        if it.facts.capacity_provider_strategy:
            return
        left_s = PATIENCE_S
        while not to.target.call("ecs.ListContainerInstances", cluster=cluster, status="ACTIVE").get(
            "containerInstanceArns"
        ):
            if left_s <= 0:
                raise StepFailed(
                    f"{to.step}: no instance has joined {cluster} within {PATIENCE_S / 60:.0f} minutes",
                    do="see in the user data and the agent's log (/var/log/ecs) of the target's instances which cluster"
                    " they join, and that their role may; then migrate run",
                )
            to.pause(EVERY_S)
            left_s -= EVERY_S


def _starts(it: It[Any]) -> bool:
    return bool(it.facts.moves and it.facts.desired_count > 0 and it.facts.task_definition)


def _on_fargate(facts: Facts) -> bool:
    strategy: Sequence[Mapping[str, Json]] = getattr(facts, "capacity_provider_strategy", ())
    if strategy:
        return all(one["capacityProvider"] in ON_FARGATE for one in strategy)
    return getattr(facts, "launch_type", None) == "FARGATE"


def _mark(to: Carrier) -> str:
    """How this step's tasks are found again; at most 128 characters. Source: ecs.RunTask startedBy, botocore 1.44.5."""
    return f"migrate-{hashlib.sha256(to.step.encode()).hexdigest()[:24]}"


def _running(to: Carrier, cluster: str) -> Iterator[str]:
    """This step's tasks that were not stopped: also one whose answer was lost."""
    answer = to.target.optional(
        "ecs.ListTasks",
        missing=("ClusterNotFoundException",),
        cluster=cluster,
        startedBy=_mark(to),
        desiredStatus="RUNNING",
    )
    yield from (answer or {}).get("taskArns", ())


def _launch(it: It[Any], to: Carrier, cluster: str, definition: str) -> str:
    facts = it.facts
    token = to.outputs.get("token") or uuid.uuid4().hex
    to.remember("token", token)
    params: dict[str, Json] = {
        "cluster": cluster, "taskDefinition": definition, "count": 1, "startedBy": _mark(to), "clientToken": token,
        "tags": tag_pairs(to.place.stamp({}), "key", "value"),
    }  # fmt: skip
    optional: dict[str, Json] = {
        "launchType": None if facts.capacity_provider_strategy else facts.launch_type,
        "capacityProviderStrategy": facts.capacity_provider_strategy,
        "platformVersion": facts.platform_version,
        "networkConfiguration": to.rewrite(facts.network),
        "placementConstraints": to.rewrite(facts.placement_constraints),
        "placementStrategy": facts.placement_strategy,
    }
    answer = to.write("ecs.RunTask", **params | {key: value for key, value in optional.items() if value})
    tasks = answer.get("tasks") or []
    if not tasks:
        # ecs.RunTask answers well and says so inside. Source: ecs.RunTask failures, botocore 1.44.5.
        why = "; ".join(
            f"{one.get('reason')} {one.get('detail') or ''}".strip() for one in answer.get("failures") or ()
        )
        raise StepFailed(f"{to.step}: no task was launched: {why or 'ECS says no reason'}", do="mend that, migrate run")
    return str(tasks[0]["taskArn"])


def _has_health_check(to: Carrier, definition: str) -> bool:
    """Whether ECS says of the task that it is healthy: it does where an essential container has a check."""
    shown = to.target.call("ecs.DescribeTaskDefinition", taskDefinition=definition)["taskDefinition"]
    containers = shown.get("containerDefinitions", ())
    return any(one.get("healthCheck") and one.get("essential", True) for one in containers)


def _watch(to: Carrier, cluster: str, task: str, *, has_health_check: bool) -> str:
    """Wait until it is healthy, or runs steadily. Raises StepFailed with what ECS says about its end."""
    began = time.monotonic()
    first_seen: datetime | None = None
    while True:
        shown = to.target.call("ecs.DescribeTasks", cluster=cluster, tasks=[task])
        one = next(iter(shown.get("tasks") or ()), None)
        if one is None:
            raise StepFailed(f"{to.step}: {task} is not to be found any more", do="migrate run launches another one")
        status, health = one.get("lastStatus"), one.get("healthStatus")
        if one.get("desiredStatus") == "STOPPED" or status == "STOPPED":
            raise StepFailed(f"{to.step}: the task stopped: {_why(one)}", do=_what_to_do(one))
        if status == "RUNNING" and has_health_check:
            if health == "UNHEALTHY":
                raise StepFailed(
                    f"{to.step}: the task runs and its health check fails",
                    do="read its log in the target, then migrate run",
                )
            if health == "HEALTHY":
                return "healthy"
        elif status == "RUNNING":
            # Since when it runs, as ECS says; where it says nothing, since it was first seen running.
            first_seen = first_seen or datetime.now(UTC)
            if datetime.now(UTC) - (one.get("startedAt") or first_seen) >= timedelta(seconds=STEADY_S):
                return f"ran for {STEADY_S:.0f} s"
        if time.monotonic() - began >= PATIENCE_S:
            raise StepFailed(
                f"{to.step}: the task is {status} after {PATIENCE_S / 60:.0f} minutes (health {health})",
                do="look at it in the ECS console of the target, then migrate run",
            )
        time.sleep(EVERY_S)


def _why(one: Mapping[str, Any]) -> str:
    said = [
        str(one.get("stoppedReason") or "ECS says no reason"),
        f"({one['stopCode']})" if one.get("stopCode") else "",
    ]
    for container in one.get("containers") or ():
        ended = f"exit code {container['exitCode']}" if container.get("exitCode") is not None else "no exit code"
        reason = f", {container['reason']}" if container.get("reason") else ""
        said.append(f"; container {container.get('name')}: {ended}{reason}")
    return " ".join(part for part in said if part).replace(" ;", ";")


def _what_to_do(one: Mapping[str, Any]) -> str:
    """Source: ECS developer guide, Stopped tasks error messages; read 2026-11."""
    said = f"{one.get('stoppedReason')} {[c.get('reason') for c in one.get('containers') or ()]}"
    if "CannotPullContainer" in said:
        return "see that the image is in the target's registry and that its subnets reach ECR and S3; then migrate run"
    if "ResourceInitializationError" in said:
        return "see that the execution role may read the secrets, and the subnets reach their service; then migrate run"
    return "read its log in the target; where it must not be launched: test_launches in migration.yaml, and plan again"


def _stop(to: Carrier, cluster: str, task: str) -> None:
    """Stop it and wait until it is gone: its network interface holds the security groups until then."""
    left_s = PATIENCE_S
    to.write("ecs.StopTask", cluster=cluster, task=task, reason="the test launch of a migration is over")
    while left_s > 0:
        shown = to.target.call("ecs.DescribeTasks", cluster=cluster, tasks=[task]).get("tasks") or ()
        if all(one.get("lastStatus") in ("STOPPED", "DELETED") for one in shown):
            return
        time.sleep(EVERY_S)
        left_s -= EVERY_S
    raise StepFailed(
        f"{to.step}: {task} does not stop", do="stop it in the ECS console of the target, then migrate run"
    )
