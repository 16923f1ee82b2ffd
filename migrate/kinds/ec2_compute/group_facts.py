"""What is known of an Auto Scaling group, and how it is read.

The rule: a launch template's version is said by what it is, its default or its latest: numbers begin anew.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.kind import Facts, Json, ReadSite
from migrate.kinds._ec2 import ordered
from migrate.kinds._resource_labels import parted

PROCESSES = (
    "AZRebalance", "AddToLoadBalancer", "AlarmNotification", "HealthCheck", "InstanceRefresh", "Launch",
    "ReplaceUnhealthy", "ScheduledActions", "Terminate",
)  # fmt: skip
"""Everything that a group does by itself. Source: autoscaling.SuspendProcesses ScalingProcesses, botocore 1.44.5."""
CARRIED = (
    "AvailabilityZoneDistribution", "AvailabilityZoneImpairmentPolicy", "CapacityRebalance",
    "CapacityReservationSpecification", "Context", "DefaultCooldown", "DefaultInstanceWarmup", "DesiredCapacityType",
    "HealthCheckGracePeriod", "HealthCheckType", "InstanceLifecyclePolicy", "InstanceMaintenancePolicy",
    "MaxInstanceLifetime", "NewInstancesProtectedFromScaleIn", "PlacementGroup",
)  # fmt: skip
"""What autoscaling.CreateAutoScalingGroup takes as DescribeAutoScalingGroups shows it."""
ECS_POLICY, ECS_HOOK, ECS_TAG = (
    "ECSManagedAutoScalingPolicy",
    "ecs-managed-draining-termination-hook",
    "AmazonECSManaged",
)
"""What ECS adds to the group of a capacity provider by itself. Source: ECS developer guide, capacity providers, read
2026-11; the names unverified."""


class GroupFacts(Facts):
    """Source: autoscaling.DescribeAutoScalingGroups, DescribePolicies, DescribeLifecycleHooks,
    DescribeScheduledActions; ec2.DescribeLaunchTemplates for the versions."""

    launch_configuration: str | None
    launch_template: dict[str, str] | None
    """`{LaunchTemplateId, Version}`; the version is `$Default` or `$Latest` where the group follows it, `default` or
    `latest` where it is pinned to the number that is it today, else the number."""
    mixed_instances: dict[str, Json] | None
    """As AWS shows it; versions as above."""
    min_size: int
    max_size: int
    desired: int | None
    """None where something scales the group: then it is what it is at the moment."""
    desired_now: int
    subnet_ids: list[str]
    target_group_arns: list[str]
    classic_balancers: list[str]
    lattice_groups: list[str]
    settings: dict[str, Json]
    termination_policies: list[str]
    suspended: list[str]
    metrics: list[str]
    propagated_tags: list[str]
    """Tags that every new instance gets too."""
    hooks: list[dict[str, Json]]
    policies: list[dict[str, Json]]
    policy_arns: dict[str, str]
    schedules: list[dict[str, Json]]
    warm_pool: dict[str, Json]
    deletion_protection: str
    of_ecs: bool
    """ECS scales it, for a capacity provider."""

    @property
    def moves(self) -> bool:
        """Whether the target can make it: no account may make launch configurations any more that did not before."""
        return self.launch_configuration is None and bool(self.subnet_ids)

    def templates(self) -> list[dict[str, str]]:
        """Every template that it launches from."""
        mixed = self.mixed_instances or {}
        return [*filter(None, [self.launch_template]), *(spec for spec in specifications(mixed))]


def specifications(value: Json) -> Iterator[dict[str, str]]:
    """Every launch template that a mixed instances policy names."""
    if isinstance(value, list):
        for item in value:
            yield from specifications(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "LaunchTemplateSpecification":
                yield dict(item)
            else:
                yield from specifications(item)


def with_specifications(value: Json, change: Any) -> Json:
    """The same policy with each named template as `change` gives it."""
    if isinstance(value, list):
        return [with_specifications(item, change) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: change(item) if key == "LaunchTemplateSpecification" else with_specifications(item, change)
        for key, item in value.items()
    }


def read_facts(site: ReadSite, group: Mapping[str, Any]) -> GroupFacts:
    """One description, and what lies beside it, as facts."""
    named = {"AutoScalingGroupName": group["AutoScalingGroupName"]}
    policies = [
        policy
        for policy in site.pages("autoscaling.DescribePolicies", "ScalingPolicies", **named, MaxRecords=100)
        if not policy["PolicyName"].startswith(ECS_POLICY)
    ]
    hooks = site.call("autoscaling.DescribeLifecycleHooks", **named).get("LifecycleHooks", ())
    schedules = site.pages(
        "autoscaling.DescribeScheduledActions", "ScheduledUpdateGroupActions", **named, MaxRecords=100
    )
    versions = _Versions(site)
    mixed = group.get("MixedInstancesPolicy")
    of_ecs = any(tag["Key"] == ECS_TAG for tag in group.get("Tags", ()))
    pool = group.get("WarmPoolConfiguration") or {}
    return GroupFacts(
        launch_configuration=group.get("LaunchConfigurationName"),
        launch_template=versions.said(group["LaunchTemplate"]) if group.get("LaunchTemplate") else None,
        mixed_instances=with_specifications(mixed, versions.said) if mixed else None,
        min_size=group["MinSize"],
        max_size=group["MaxSize"],
        desired=None if of_ecs or policies else group["DesiredCapacity"],
        desired_now=group["DesiredCapacity"],
        subnet_ids=sorted(filter(None, (group.get("VPCZoneIdentifier") or "").replace(" ", "").split(","))),
        target_group_arns=sorted(group.get("TargetGroupARNs") or ()),
        classic_balancers=sorted(group.get("LoadBalancerNames") or ()),
        lattice_groups=sorted(
            one["Identifier"] for one in group.get("TrafficSources") or () if one.get("Type") == "vpc-lattice"
        ),
        settings={name: group[name] for name in CARRIED if group.get(name) not in (None, "", [], {})},
        # Their order is the order in which they count.
        termination_policies=list(group.get("TerminationPolicies") or ["Default"]),
        suspended=sorted(one["ProcessName"] for one in group.get("SuspendedProcesses") or ()),
        metrics=sorted(one["Metric"] for one in group.get("EnabledMetrics") or ()),
        propagated_tags=sorted(
            tag["Key"]
            for tag in group.get("Tags", ())
            if tag.get("PropagateAtLaunch") and not tag["Key"].startswith("aws:")
        ),
        hooks=ordered(_without(hook, "AutoScalingGroupName", "GlobalTimeout") for hook in hooks if not _of_ecs(hook)),
        policies=ordered(_policy(policy) for policy in policies),
        policy_arns={policy["PolicyName"]: policy["PolicyARN"] for policy in policies},
        schedules=ordered(_schedule(one) for one in schedules),
        warm_pool={} if pool.get("Status") == "PendingDelete" else _without(pool, "Status"),
        deletion_protection=group.get("DeletionProtection") or "none",
        of_ecs=of_ecs,
    )


class _Versions:
    """Says of a pinned version whether it is its template's default or latest; asks once a template."""

    def __init__(self, site: ReadSite) -> None:
        self.site = site
        self.known: dict[str, Mapping[str, Any]] = {}

    def said(self, specification: Mapping[str, str]) -> dict[str, str]:
        own, version = specification["LaunchTemplateId"], specification.get("Version") or "$Default"
        if not version.startswith("$"):
            template = self._template(own)
            if version == str(template.get("DefaultVersionNumber")):
                version = "default"
            elif version == str(template.get("LatestVersionNumber")):
                version = "latest"
        return {"LaunchTemplateId": own, "Version": version}

    def _template(self, own: str) -> Mapping[str, Any]:
        if own not in self.known:
            answer = self.site.optional(
                "ec2.DescribeLaunchTemplates",
                missing=("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound"),
                LaunchTemplateIds=[own],
            )
            self.known[own] = next(iter((answer or {}).get("LaunchTemplates", ())), {})
        return self.known[own]


def _of_ecs(hook: Mapping[str, Any]) -> bool:
    return bool(hook["LifecycleHookName"] == ECS_HOOK)


def _without(document: Mapping[str, Any], *names: str) -> dict[str, Json]:
    return {name: value for name, value in document.items() if name not in names and value not in (None, "")}


def _policy(policy: Mapping[str, Any]) -> dict[str, Json]:
    """As PutScalingPolicy takes it; labels in their two parts."""
    kept = _without(policy, "AutoScalingGroupName", "PolicyARN", "Alarms")
    kept = {name: value for name, value in kept.items() if value not in ([], {})}
    if kept.get("Enabled") is True:
        del kept["Enabled"]
    return dict(parted(kept))


def _schedule(one: Mapping[str, Any]) -> dict[str, Json]:
    """As PutScheduledUpdateGroupAction takes it. The start of a recurring one is its next time: it moves."""
    kept = _without(one, "AutoScalingGroupName", "ScheduledActionARN", "Time")
    if kept.get("Recurrence"):
        kept.pop("StartTime", None)
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in kept.items()}
