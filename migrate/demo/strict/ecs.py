"""Rules over ECS: a service runs when its image can be pulled.

The one rule it keeps: nothing is really run; the counts say what AWS would reach, as soon as it is asked. Simulated.
"""

from __future__ import annotations

import fnmatch
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import Caller, allows, many
from migrate.demo.strict._held import documents_of

_IMAGE = re.compile(
    r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?"
)


def pullable(image: str, account: str) -> bool:
    """Say whether an account can pull an image; one outside ECR is taken on trust."""
    from moto.ecr.models import ecr_backends

    found = _IMAGE.fullmatch(image)
    if not found:
        return True
    owner, region, name, tag, digest = found.groups()
    repository = ecr_backends[owner][region].repositories.get(name)
    if repository is None:
        return False
    if owner != account and not allows(repository.policy, Caller(account, "", region, "ecr"), "ecr:BatchGetImage"):
        return False
    if digest:
        return any(kept.image_digest == digest for kept in repository.images)
    return any((tag or "latest") in kept.image_tags for kept in repository.images)


@strict(
    "ecs.services-settle",
    makes="a service reaches its desired count at once (simulated) if its images can be pulled, and stays at 0 if not",
    source="ecs.DescribeServices deployments.rolloutState, botocore 1.44.5",
)
def services_settle() -> None:
    """The emulator's services stay at 0 for ever, whatever their image.

    Source: ecs.DescribeServices, botocore 1.44.5.
    """
    from moto.ecs.models import EC2ContainerServiceBackend

    def settle(backend: Any, service: Any) -> None:
        definition = backend.describe_task_definition(service.task_definition) if service.task_definition else None
        if definition is not None:
            service.task_definition = definition.arn
        containers = definition.container_definitions if definition else []
        runs = all(pullable(container["image"], backend.account_id) for container in containers)
        service.running_count = service.desired_count if runs else 0
        service.pending_count = service.desired_count - service.running_count
        for deployment in service.deployments[:1]:
            done = service.running_count == service.desired_count
            deployment.update(
                desiredCount=service.desired_count,
                runningCount=service.running_count,
                pendingCount=service.pending_count,
                taskDefinition=service.task_definition,
                rolloutState="COMPLETED" if done else "IN_PROGRESS",
                rolloutStateReason=f"ECS deployment {deployment['id']} {'completed' if done else 'in progress'}.",
            )

    @override(EC2ContainerServiceBackend, "create_service")
    def create_service(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        service = old(self, *words, **named)
        settle(self, service)
        return service

    @override(EC2ContainerServiceBackend, "update_service")
    def update_service(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        service = old(self, *words, **named)
        settle(self, service)
        return service

    @override(EC2ContainerServiceBackend, "describe_services")
    def describe_services(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        found, failures = old(self, *words, **named)
        for service in found:
            settle(self, service)
        return found, failures


def start_failure(definition: Any, account: str, region: str) -> tuple[str, str]:
    """Why a task of this definition would stop before it runs: (stop reason, a container's reason), or empty texts.

    Source: ECS developer guide, Stopped tasks error messages; what is read of policies is Action, Resource and Effect.
    """
    for container in definition.container_definitions:
        if not pullable(container["image"], account):
            said = f"CannotPullContainerError: {container['image']}: not found"
            return said, said
        for secret in container.get("secrets") or ():
            if not _readable(secret["valueFrom"], definition.execution_role_arn, account, region):
                return (
                    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
                    f"retrieval failed: unable to retrieve secret from asm: {secret['name']}",
                    "",
                )
    return "", ""


def _readable(value_from: str, role_arn: str | None, account: str, region: str) -> bool:
    from moto.iam.models import iam_backends
    from moto.secretsmanager.models import secretsmanager_backends
    from moto.ssm.models import ssm_backends

    role = next((one for one in iam_backends[account]["aws"].roles.values() if one.arn == role_arn), None)
    if role is None:
        return False
    if ":secretsmanager:" in value_from:
        arn = ":".join(value_from.split(":")[:7])
        secrets = secretsmanager_backends[account][region].secrets.values()
        found = next((one for one in secrets if one.arn == arn), None)
        return found is not None and bool(found.versions) and _may(role, "secretsmanager:GetSecretValue", arn)
    name = value_from.partition(":parameter")[2] or value_from
    arn = (
        value_from if value_from.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}"
    )
    backend = ssm_backends[account][region]
    is_there = any(backend.get_parameter(spelt) for spelt in {name, name.lstrip("/")})
    return is_there and _may(role, "ssm:GetParameters", arn)


def _may(role: Any, action: str, arn: str) -> bool:
    """Whether the role's own policies allow it. Conditions are taken as met."""
    statements = [
        statement
        for document in documents_of(role)
        for statement in many((json.loads(document) if isinstance(document, str) else document).get("Statement", []))
    ]

    def names(statement: dict[str, Any]) -> bool:
        actions, resources = many(statement.get("Action", [])), many(statement.get("Resource", "*"))
        return any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in actions) and any(
            fnmatch.fnmatchcase(arn, one) for one in resources
        )

    applying = {statement.get("Effect") for statement in statements if names(statement)}
    return "Allow" in applying and "Deny" not in applying


@strict(
    "ecs.tasks-start-or-say-why",
    makes="a task runs (simulated, since a minute) if its images can be pulled and its secrets read, and stops if not",
    source="ECS developer guide, Stopped tasks error messages; read 2026-11",
)
def tasks_start_or_say_why() -> None:
    """The emulator's tasks run whatever their image is, and stop by being looked at.

    Source: ECS developer guide, Stopped tasks error messages.
    """
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ecs.models import EC2ContainerServiceBackend, Task

    # Without DNS host names in the VPC the emulator's interface lacks it, and its task then fails.
    if not hasattr(NetworkInterface, "private_dns_name"):
        NetworkInterface.private_dns_name = ""

    def let_go(backend: Any, task: Any) -> None:
        """A stopped task's network interface goes with it."""
        for attachment in task.attachments:
            own = next(one["value"] for one in attachment["details"] if one["name"] == "networkInterfaceId")
            backend_of_network = ec2_backends[backend.account_id][backend.region_name]
            if own in backend_of_network.enis:
                backend_of_network.delete_network_interface(own)

    @override(EC2ContainerServiceBackend, "run_task")
    def run_task(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        tasks = old(self, *words, **named)
        for task in tasks:
            definition = self.describe_task_definition(task.task_definition_arn)
            said, of_container = start_failure(definition, self.account_id, self.region_name)
            task.started_at = datetime.now(UTC) - timedelta(minutes=1)
            for container in task.containers:
                container.exitCode = None
            if any(one.get("healthCheck") for one in definition.container_definitions):
                task.health_status = "UNKNOWN" if said else "HEALTHY"
            if said:
                let_go(self, task)
                task.last_status = task.desired_status = "STOPPED"
                task.stopped_reason, task.stop_code = said, "TaskFailedToStart"
                for container in task.containers:
                    container.last_status, container.reason = "STOPPED", of_container or None
        return tasks

    @override(EC2ContainerServiceBackend, "stop_task")
    def stop_task(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        task = old(self, *words, **named)
        let_go(self, task)
        return task

    @override(EC2ContainerServiceBackend, "_calculate_task_resource_requirements")
    def calculate(old: Any, self: Any, definition: Any) -> Any:
        """The emulator fails where only the task says its memory, as it may on Fargate."""
        unsaid = [one for one in definition.container_definitions if not {"memory", "memoryReservation"} & one.keys()]
        for container in unsaid:
            container["memory"] = 0
        try:
            return old(definition)
        finally:
            for container in unsaid:
                del container["memory"]

    @override(Task, "advance")
    def advance(old: Any, self: Any) -> None:
        """Looking at a task does not stop it."""


@strict(
    "ecs.run-task-token",
    makes="RunTask repeated with its clientToken gives the first tasks again",
    source="ecs.RunTask clientToken, botocore 1.44.5; for how long is unverified",
)
def run_task_token() -> None:
    """The emulator takes no notice of the token.

    Source: ecs.RunTask, botocore 1.44.5.
    """
    from moto.ecs.responses import EC2ContainerServiceResponse

    answers: dict[tuple[str, str, str], Any] = {}

    @override(EC2ContainerServiceResponse, "run_task")
    def run_task(old: Any, self: Any) -> Any:
        key = (self.current_account, self.region, str(self._get_param("clientToken") or ""))
        if not key[2]:
            return old(self)
        if key not in answers:
            answers[key] = old(self)
        return answers[key]
