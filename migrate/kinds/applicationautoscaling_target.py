"""What Application Auto Scaling may do to an ECS service. The rule: suspended in the target until its service runs,
and suspended in legacy before legacy's service is stopped, or scaling starts it again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    after,
    same_place,
)

_SUSPENDED = {
    "DynamicScalingInSuspended": True,
    "DynamicScalingOutSuspended": True,
    "ScheduledScalingSuspended": True,
}


class TargetFacts(Facts):
    """Source: application-autoscaling.DescribeScalableTargets, application-autoscaling.DescribeScheduledActions."""

    dimension: str
    min_capacity: int
    max_capacity: int
    role_arn: str | None
    """None: the service-linked role, which each account has of its own."""
    suspended: dict[str, bool]
    scheduled: list[dict[str, Json]]
    """Scheduled actions, by name."""

    @property
    def scales(self) -> bool:
        """Whether anything is not suspended in legacy."""
        return self.suspended != _SUSPENDED


def _key(it: It[TargetFacts], resource: str) -> dict[str, Json]:
    return {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": it.facts.dimension}


def _suspend(it: It[TargetFacts], resource: str, suspended: Mapping[str, bool], **more: Any) -> Request:
    """Only what is given changes. Source: application-autoscaling.RegisterScalableTarget, botocore 1.44.5."""
    params = _key(it, resource) | {"SuspendedState": dict(suspended)}
    return Request("application-autoscaling.RegisterScalableTarget", params, **more)


class Create(Action[TargetFacts]):
    """Register it with everything suspended."""

    name = "create"
    title = "Register the scalable target, suspended"

    def requests(self, it: It[TargetFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        capacity: dict[str, Json] = {"MinCapacity": facts.min_capacity, "MaxCapacity": facts.max_capacity}
        role = {"RoleARN": facts.role_arn} if facts.role_arn else {}
        key = _key(it, place.name)
        register = Request(
            "application-autoscaling.RegisterScalableTarget",
            key | capacity | role | {"SuspendedState": dict(_SUSPENDED)},
            once="named",
            creates=True,
            retry=("ConcurrentUpdateException",),
            undo=Request("application-autoscaling.DeregisterScalableTarget", key, done=("ObjectNotFoundException",)),
        )
        return [register, *(_schedule(key, action) for action in facts.scheduled)]


def _schedule(key: Mapping[str, Json], action: Mapping[str, Json]) -> Request:
    return Request(
        "application-autoscaling.PutScheduledAction",
        dict(key) | dict(action),
        undo=Request(
            "application-autoscaling.DeleteScheduledAction",
            dict(key) | {"ScheduledActionName": action["ScheduledActionName"]},
            done=("ObjectNotFoundException",),
        ),
    )


class StopLegacy(Action[TargetFacts]):
    """Suspend it in legacy."""

    name = "stop_legacy"
    title = "Suspend scaling in legacy"
    phase = "freeze"
    undo_class = "R1"

    def applies(self, it: It[TargetFacts]) -> bool:
        return it.facts.scales

    def requests(self, it: It[TargetFacts], place: Place) -> Sequence[Request]:
        back = _suspend(it, it.ref.name, it.facts.suspended, side="legacy")
        return [_suspend(it, it.ref.name, _SUSPENDED, side="legacy", undo=back)]

    def legacy_after(self, it: It[TargetFacts]) -> Mapping[str, Json]:
        return {"suspended": dict(_SUSPENDED)}


class Start(Action[TargetFacts]):
    """Let it scale as legacy's did."""

    name = "start"
    title = "Resume scaling in the target"
    phase = "cutover"
    undo_class = "R1"
    after_kinds = ("ecs.service.start",)

    def applies(self, it: It[TargetFacts]) -> bool:
        return it.facts.scales

    def requests(self, it: It[TargetFacts], place: Place) -> Sequence[Request]:
        return [_suspend(it, place.name, it.facts.suspended, undo=_suspend(it, place.name, _SUSPENDED))]


class Target(Kind[TargetFacts]):
    """A scalable target of the ecs namespace; other namespaces are not looked for. Its tags are not moved: the
    describe call does not show them, and the call that does is not everywhere."""

    name = "applicationautoscaling.target"
    title = "ECS scaling target"
    facts = TargetFacts
    stamped = False
    reads = frozenset(
        {"application-autoscaling.DescribeScalableTargets", "application-autoscaling.DescribeScheduledActions"}
    )
    tagging_types = ("application-autoscaling:scalable-target",)
    actions = (Create(), StopLegacy(), Start())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        one = {"ResourceIds": [only]} if only else {}
        found = site.pages(
            "application-autoscaling.DescribeScalableTargets", "ScalableTargets", ServiceNamespace="ecs", **one
        )
        targets = list(found)
        actions: list[Mapping[str, Any]] = []
        if targets:
            mine = {"ResourceId": only} if only else {}
            actions = list(
                site.pages(
                    "application-autoscaling.DescribeScheduledActions",
                    "ScheduledActions",
                    ServiceNamespace="ecs",
                    **mine,
                )
            )
        for target in targets:
            role = target.get("RoleARN") or ""
            given = target.get("SuspendedState") or {}
            yield self.found(
                site,
                target["ResourceId"],
                TargetFacts(
                    dimension=target["ScalableDimension"],
                    min_capacity=target["MinCapacity"],
                    max_capacity=target["MaxCapacity"],
                    role_arn=None if "aws-service-role/" in role else role or None,
                    suspended={name: bool(given.get(name)) for name in _SUSPENDED},
                    scheduled=[
                        _scheduled(action)
                        for action in sorted(actions, key=lambda action: str(action["ScheduledActionName"]))
                        if action["ResourceId"] == target["ResourceId"]
                    ],
                ),
                arn=target.get("ScalableTargetARN") or "",
            )

    def names(self, it: It[TargetFacts], place: Place) -> Iterator[Name]:
        if it.arn:
            yield Name(it.arn, after("create", "arn"))  # AWS invents the last part

    def needs(self, it: It[TargetFacts]) -> Iterator[Need]:
        service = it.ref.name.partition("/")[2]
        where = "application-autoscaling.DescribeScalableTargets ScalableTargets[].ResourceId"
        yield Need(same_place(it, "ecs.service", service), "scales", "hard", where)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[TargetFacts]) -> dict[str, Json]:
        return facts if "start" in done else facts | {"suspended": dict(_SUSPENDED)}


def _scheduled(action: Mapping[str, Any]) -> dict[str, Json]:
    fields = ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
    kept = {name: action[name] for name in fields if action.get(name)}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in kept.items()}


KINDS = (Target(),)
