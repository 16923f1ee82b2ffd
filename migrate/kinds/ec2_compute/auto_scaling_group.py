"""Auto Scaling group: made empty with everything suspended; legacy's is emptied before the target's is filled.

The rule: never two groups that launch for the same work. Legacy's group is not deleted: it stands at zero, suspended.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    MIGRATION_TAG,
    STEP_TAG,
    Action,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    same_place,
)
from migrate.kinds._ec2 import ordered
from migrate.kinds._resource_labels import joined, labels
from migrate.kinds.ec2_compute.group_facts import (
    PROCESSES,
    GroupFacts,
    read_facts,
    with_specifications,
)
from migrate.kinds.ec2_compute.protection import Protect

GONE = "ValidationError"
"""AWS's answer for a group that is not there (and for much else)."""
BUSY = ("ScalingActivityInProgress", "ResourceInUse", "ResourceContention")
LOOK = "autoscaling.DescribeAutoScalingGroups"


def _own(name: str) -> dict[str, Json]:
    return {"AutoScalingGroupName": name}


def _described(name: str) -> dict[str, Json]:
    return {"AutoScalingGroupNames": [name]}


def _emptied(facts: GroupFacts, name: str, *, ours: bool) -> Wait | None:
    """Until its last machine is gone; None where machines stay whatever its size is. Ours are let go before."""
    is_protected = facts.of_ecs or facts.settings.get("NewInstancesProtectedFromScaleIn")
    if "Terminate" in facts.suspended or (is_protected and not ours):
        return None
    return Wait(LOOK, _described(name), _COUNT, ("0",), gone=(GONE,), every_s=15)


class Create(Action[GroupFacts]):
    """The group at zero, all its processes suspended, with its hooks, policies, schedules and metrics."""

    name = "create"
    title = "Create the Auto Scaling group, empty and suspended"
    # A version is named by its number, and numbers are known once the user data is written.
    after_kinds = ("ec2.launch_template.user_data",)

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, _own(place.name)
        looks, versions = _looks(facts)
        made: dict[str, Json] = {
            "MinSize": 0,
            "MaxSize": facts.max_size,
            "DesiredCapacity": 0,
            "VPCZoneIdentifier": _listed(facts.subnet_ids),
            "TerminationPolicies": facts.termination_policies,
            "Tags": _tags(it, place),
        }
        optional: dict[str, Json] = {
            "LaunchTemplate": versions(facts.launch_template) if facts.launch_template else None,
            "MixedInstancesPolicy": with_specifications(facts.mixed_instances, versions),
            "TargetGroupARNs": facts.target_group_arns,
            "LoadBalancerNames": facts.classic_balancers,
            "TrafficSources": [{"Identifier": one, "Type": "vpc-lattice"} for one in facts.lattice_groups],
        }
        create = Request(
            "autoscaling.CreateAutoScalingGroup",
            own | made | facts.settings | {name: value for name, value in optional.items() if value},
            once="named",
            creates=True,
            # An instance profile or a target group is seconds old: all are answered with the same code.
            retry=("ValidationError",),
            undo=Request(
                "autoscaling.DeleteAutoScalingGroup",
                own | {"ForceDelete": True},
                done=(GONE,),
                retry=BUSY,
                wait=Wait(LOOK, _described(place.name), "AutoScalingGroups[].Status", ("gone",), gone=(GONE,)),
            ),
        )
        return [*looks, create, Request("autoscaling.SuspendProcesses", dict(own)), *_beside(facts, own), _look(place)]


class StopLegacy(Action[GroupFacts]):
    """Legacy's group to zero, and nothing launches there any more. Where machines are protected from
    scaling in, or may not be terminated, they stay: for them nobody waits."""

    name = "stop_legacy"
    title = "Empty and suspend the group in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D2"
    # What runs on its machines ends first, in its own way.
    after_kinds = ("ecs.service.stop_legacy",)

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, _own(it.ref.name)
        stops = [one for one in PROCESSES if one not in ("Terminate", *facts.suspended)]
        sizes: dict[str, Json] = {"MinSize": facts.min_size, "DesiredCapacity": facts.desired_now}
        suspend = Request(
            "autoscaling.SuspendProcesses",
            own | {"ScalingProcesses": stops},
            "legacy",
            undo=Request("autoscaling.ResumeProcesses", own | {"ScalingProcesses": stops}, "legacy"),
        )
        empty = Request(
            "autoscaling.UpdateAutoScalingGroup",
            own | {"MinSize": 0, "DesiredCapacity": 0},
            "legacy",
            retry=BUSY,
            wait=_emptied(facts, it.ref.name, ours=False),
            undo=Request("autoscaling.UpdateAutoScalingGroup", own | sizes, "legacy", retry=BUSY),
        )
        return [*([suspend] if stops else []), empty]

    def legacy_after(self, it: It[GroupFacts]) -> Mapping[str, Json] | None:
        changed: dict[str, Json] = {"min_size": 0, "suspended": sorted(set(PROCESSES) - {"Terminate"})}
        if "Terminate" in it.facts.suspended:
            changed["suspended"] = sorted(PROCESSES)
        return changed | ({} if it.facts.desired is None else {"desired": 0})


class Start(Action[GroupFacts]):
    """The target's group to legacy's sizes; what legacy had suspended stays so. Done when its machines serve."""

    name = "start"
    title = "Fill the Auto Scaling group"
    phase = "cutover"
    undo_class = "R3"
    downtime = "D2"
    sets = frozenset({"deletion_protection", "warm_pool"})
    # Its machines join a cluster by their user data, and a cluster that has machines is not deleted. Source:
    # ecs.DeleteCluster, ClusterContainsContainerInstancesException, botocore 1.44.5.
    after_kinds = ("ecs.cluster.create",)

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, _own(place.name)
        goes = [one for one in PROCESSES if one not in facts.suspended]
        requests = []
        if goes:
            requests.append(
                Request(
                    "autoscaling.ResumeProcesses",
                    own | {"ScalingProcesses": goes},
                    undo=Request("autoscaling.SuspendProcesses", dict(own), done=(GONE,)),
                )
            )
        filled: dict[str, Json] = {"MinSize": facts.min_size, "DesiredCapacity": facts.desired_now}
        runs = "Launch" in goes
        requests.append(
            Request(
                "autoscaling.UpdateAutoScalingGroup",
                own | filled,
                retry=BUSY,
                wait=Wait(LOOK, _described(place.name), _FULL, ("true",), every_s=10, timeout_s=1800.0)
                if runs
                else None,
                # Emptied while it may still terminate; what is suspended again comes after.
                undo=Request(
                    "autoscaling.UpdateAutoScalingGroup",
                    own | {"MinSize": 0, "DesiredCapacity": 0},
                    done=(GONE,),
                    retry=BUSY,
                    wait=_emptied(facts, place.name, ours=True),
                ),
            )
        )
        if facts.warm_pool:
            requests.append(
                Request(
                    "autoscaling.PutWarmPool",
                    own | facts.warm_pool,
                    retry=BUSY,
                    undo=Request("autoscaling.DeleteWarmPool", own | {"ForceDelete": True}, done=(GONE,), retry=BUSY),
                )
            )
        if facts.deletion_protection != "none":
            # Last, so that a group that went wrong can be taken away.
            requests.append(
                Request(
                    "autoscaling.UpdateAutoScalingGroup",
                    own | {"DeletionProtection": facts.deletion_protection},
                    undo=Request(
                        "autoscaling.UpdateAutoScalingGroup", own | {"DeletionProtection": "none"}, done=(GONE,)
                    ),
                )
            )
        return requests


class AutoScalingGroup(Kind[GroupFacts]):
    """An Auto Scaling group. One with a launch configuration, or without subnets of its own, is reported. What ECS adds
    to a capacity provider's group (its scaling policy, its draining hook) ECS adds again in the target. Its machines
    are not carried: new ones are launched, and what theirs had on their disks stays in legacy. A group that is pinned
    to a version that is neither its template's default nor its latest names a version that nobody carries: make it
    the default (ec2.ModifyLaunchTemplate) and scan again, or waive it and the default is taken. Instance refreshes
    and the history of activities are not carried; nor is a service-linked role with a suffix of its own.
    """

    name = "autoscaling.group"
    title = "Auto Scaling group"
    facts = GroupFacts
    reads = frozenset(
        {
            "autoscaling.DescribeAutoScalingGroups",
            "autoscaling.DescribeLifecycleHooks",
            "autoscaling.DescribePolicies",
            "autoscaling.DescribeScheduledActions",
            "ec2.DescribeLaunchTemplates",
        }
    )
    tagging_types = ("autoscaling:autoScalingGroup",)
    volatile = frozenset({"desired_now", "policy_arns"})
    # Its own policies and schedules change it between a scan and a run, and its stop does.
    passing = frozenset({"desired_now"})
    unordered = frozenset({"subnet_ids", "target_group_arns"})
    manual = (
        "A group with a launch configuration: make a launch template of it (EC2 console, Copy to launch template) and "
        "let the group use it (autoscaling.UpdateAutoScalingGroup), which starts and stops nothing; then scan again. "
        "A group without subnets of its own stands in the default VPC: make it anew in a subnet."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "instances": "new machines are launched; disks of theirs that hold something: ec2.CreateImage, then a template",
        "ServiceLinkedRoleARN": "the account's own one is taken; a role with a suffix has to be made and set by hand",
        "launch template versions": "neither the default nor the latest: named as a need that nothing meets",
        "instance refresh, activities": "what happened, or happens just now, is not repeated",
        "SkipZonalShiftValidation": "said at a call only; AWS does not show it",
    }
    actions = (Create(), StopLegacy(), Start(), Protect())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"AutoScalingGroupNames": [only]} if only else {}
        found = [
            group
            for group in site.pages(LOOK, "AutoScalingGroups", MaxRecords=100, **wanted)
            if not group.get("Status")  # being deleted
        ]
        for group, facts in zip(found, site.map(lambda one: read_facts(site, one), found), strict=True):
            yield self.found(
                site,
                group["AutoScalingGroupName"],
                facts,
                arn=group["AutoScalingGroupARN"],
                tags=pair_tags(group.get("Tags")),
            )

    def needs(self, it: It[GroupFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, f"{LOOK} AutoScalingGroups[]"
        for subnet in facts.subnet_ids:
            yield Need(same_place(it, "ec2.subnet", subnet), "in", "hard", f"{seen_in}.VPCZoneIdentifier")
        for template in facts.templates():
            own, version = template["LaunchTemplateId"], template["Version"]
            where = f"{seen_in}.LaunchTemplate"
            yield Need(same_place(it, "ec2.launch_template", own), "runs", "hard", where)
            if version.isdigit():
                yield Need(f"version {version} of {own}", "runs", "hard", f"{where}.Version")
        for arn in facts.target_group_arns:
            yield Need(arn, "routes to", "hard", f"{seen_in}.TargetGroupARNs")
        for name in facts.classic_balancers:
            yield Need(same_place(it, "elb.load_balancer", name), "routes to", "hard", f"{seen_in}.LoadBalancerNames")
        for arn in facts.lattice_groups:
            yield Need(arn, "routes to", "hard", f"{seen_in}.TrafficSources[].Identifier")
        group = facts.settings.get("PlacementGroup")
        if group:
            yield Need(same_place(it, "ec2.placement_group", group), "in", "hard", f"{seen_in}.PlacementGroup")
        for hook in facts.hooks:
            for name in ("NotificationTargetARN", "RoleARN"):
                if hook.get(name):
                    where = f"autoscaling.DescribeLifecycleHooks LifecycleHooks[].{name}"
                    yield Need(hook[name], "assumes" if name == "RoleARN" else "triggers", "hard", where)
        for label in labels(facts.policies):
            yield Need(label, "scales", "hard", "autoscaling.DescribePolicies ScalingPolicies[].…ResourceLabel")

    def names(self, it: It[GroupFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))  # AWS puts a new uuid into it
        for policy, arn in it.facts.policy_arns.items():
            yield Name(arn, after("create", f"policy {policy}"))

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | {f"policy {name}": arn for name, arn in found.facts["policy_arns"].items()}

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[GroupFacts]) -> dict[str, Json]:
        # A version that nobody carries is the default one.
        facts = facts | {
            "launch_template": facts["launch_template"] and _carried(facts["launch_template"]),
            "mixed_instances": with_specifications(facts["mixed_instances"], _carried),
            # Renaming changes the order.
            **{name: ordered(facts[name]) for name in ("hooks", "policies")},
        }
        if "start" in done:
            return facts
        still: dict[str, Json] = {"min_size": 0, "suspended": sorted(PROCESSES), "warm_pool": {}}
        still |= {} if facts["desired"] is None else {"desired": 0}
        return facts | still | {"deletion_protection": "none"}


_COUNT = "to_string(length(AutoScalingGroups[0].Instances || `[]`))"
_FULL = (
    "to_string(length(AutoScalingGroups[0].Instances[?LifecycleState=='InService'] || `[]`)"
    " >= AutoScalingGroups[0].DesiredCapacity)"
)


def _listed(ids: list[str]) -> Json:
    """Ids with commas between them: each is renamed for itself, which a list of ids in one text allows."""
    return ",".join(ids)


def _tags(it: It[GroupFacts], place: Place) -> list[Json]:
    stamped = place.stamp(it.tags)
    return [
        {
            "Key": key,
            "Value": stamped[key],
            # The stamp is the group's own: what it launches is none of a step's.
            "PropagateAtLaunch": key in it.facts.propagated_tags and key not in (STEP_TAG, MIGRATION_TAG),
        }
        for key in sorted(stamped)
    ]


def _carried(specification: Mapping[str, Json]) -> dict[str, Json]:
    version = specification["Version"]
    return {**specification, "Version": "default" if str(version).isdigit() else version}


def _looks(facts: GroupFacts) -> tuple[list[Request], Any]:
    """Looks at the target's templates for the numbers of pinned versions, and what says a template with its number."""
    numbers: dict[str, int] = {}
    for template in facts.templates():
        numbers.setdefault(template["LaunchTemplateId"], len(numbers))
    looks = [
        Request(
            "ec2.DescribeLaunchTemplates",
            {"LaunchTemplateIds": [own]},
            outputs={
                f"default_{number}": "to_string(LaunchTemplates[0].DefaultVersionNumber)",
                f"latest_{number}": "to_string(LaunchTemplates[0].LatestVersionNumber)",
            },
        )
        for own, number in numbers.items()
    ]

    def versions(specification: Mapping[str, Json]) -> dict[str, Json]:
        own, version = specification["LaunchTemplateId"], str(specification["Version"])
        if not version.startswith("$"):
            which = "latest" if version == "latest" else "default"
            return {"LaunchTemplateId": own, "Version": after("create", f"{which}_{numbers[own]}")}
        return {"LaunchTemplateId": own, "Version": version}

    return looks, versions


def _beside(facts: GroupFacts, own: dict[str, Json]) -> Iterator[Request]:
    """What hangs on the group: all of it goes with the group, so none has an undo of its own."""
    for hook in facts.hooks:
        yield Request("autoscaling.PutLifecycleHook", own | hook, retry=("ValidationError",))
    for policy in facts.policies:
        # AWS makes a new uuid for it; alarms name the policy by the whole.
        outputs = {f"policy {policy['PolicyName']}": "PolicyARN"}
        yield Request("autoscaling.PutScalingPolicy", own | joined(policy), outputs=outputs)
    for schedule in facts.schedules:
        yield Request("autoscaling.PutScheduledUpdateGroupAction", own | schedule)
    if facts.metrics:
        params: dict[str, Json] = {"Metrics": facts.metrics, "Granularity": "1Minute"}
        yield Request("autoscaling.EnableMetricsCollection", own | params)


def _look(place: Place) -> Request:
    """The answer to the creation does not tell the ARN."""
    return Request(LOOK, _described(place.name), outputs={"arn": "AutoScalingGroups[0].AutoScalingGroupARN"})
