"""Rules over ECS: a service runs when its image can be pulled.

The one rule it keeps: nothing is really run; the counts say what AWS would reach, as soon as it is asked. Simulated.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import Caller, allows

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
