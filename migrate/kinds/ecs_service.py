"""ECS service: made with no tasks, started at cut-over. The rule: legacy's tasks are gone before ours start."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

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
    Wait,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._listening import LISTENING
from migrate.kinds._test_launch import ON_INSTANCES, TestLaunch, TestLaunchOnInstances


class ServiceFacts(Facts):
    """Source: ecs.DescribeServices with TAGS; Service Connect, volumes and Lattice from its primary deployment."""

    cluster_arn: str
    task_definition: str | None
    desired_count: int
    """Where a scaling policy moves it, the count of the moment."""
    launch_type: str | None
    capacity_provider_strategy: list[dict[str, Json]]
    platform_version: str | None
    scheduling: str
    controller: str
    deployment: dict[str, Json]
    load_balancers: list[dict[str, Json]]
    network: dict[str, Json] | None
    service_registries: list[dict[str, Json]]
    placement_constraints: list[dict[str, Json]]
    placement_strategy: list[dict[str, Json]]
    health_check_grace_s: int | None
    execute_command: bool
    managed_tags: bool
    propagate_tags: str
    zone_rebalancing: str | None
    role_arn: str | None
    service_connect: dict[str, Json] | None
    volumes: list[dict[str, Json]]
    lattice: list[dict[str, Json]]
    """What VPC Lattice sends to it."""

    @property
    def moves(self) -> bool:
        """Whether ECS itself deploys it, and a count of zero keeps it still."""
        return self.controller == "ECS" and self.scheduling == "REPLICA"


def _service_name(ref_name: str) -> str:
    return ref_name.partition("/")[2]


def _counted(it: It[ServiceFacts], name: str) -> Wait:
    """Wait until as many tasks run as are wanted; a deployment that the circuit breaker gave up on is a failure."""
    # moto keeps rolloutState IN_PROGRESS for ever, so completion is read from the counts.
    return Wait(
        "ecs.DescribeServices",
        {"cluster": it.facts.cluster_arn, "services": [_service_name(name)]},
        "(length(services[0].deployments[?rolloutState=='FAILED'] || `[]`) > `0` && 'failed')"
        " || to_string(services[0].runningCount == services[0].desiredCount)",
        ok=("true",),
        failed=("failed",),
        timeout_s=1800,
    )


class Create(Action[ServiceFacts]):
    """The service with a desired count of zero: everything but running tasks."""

    name = "create"
    title = "Create the ECS service with no tasks"
    # ECS refuses a target group that no load balancer uses yet. Source: ecs.CreateService, practitioner knowledge.
    # Service Connect may name its namespace without an ARN.
    after_kinds = ("elbv2.listener.create", "elbv2.rule.create", "servicediscovery.namespace.create")

    def applies(self, it: It[ServiceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[ServiceFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        service = _service_name(place.name)
        params: dict[str, Json] = {
            "cluster": facts.cluster_arn,
            "serviceName": service,
            "taskDefinition": facts.task_definition,
            "desiredCount": 0,
            "schedulingStrategy": facts.scheduling,
            "deploymentController": {"type": facts.controller},
            "enableECSManagedTags": facts.managed_tags,
            "enableExecuteCommand": facts.execute_command,
            "tags": tag_pairs(place.stamp(it.tags), "key", "value"),
        }
        optional: dict[str, Json] = {
            # One or the other. Source: ecs.CreateService, botocore 1.44.5.
            "launchType": None if facts.capacity_provider_strategy else facts.launch_type,
            "capacityProviderStrategy": facts.capacity_provider_strategy,
            "platformVersion": facts.platform_version,
            "deploymentConfiguration": facts.deployment,
            "loadBalancers": facts.load_balancers,
            "networkConfiguration": facts.network,
            "serviceRegistries": facts.service_registries,
            "placementConstraints": facts.placement_constraints,
            "placementStrategy": facts.placement_strategy,
            "healthCheckGracePeriodSeconds": facts.health_check_grace_s if facts.load_balancers else None,
            "propagateTags": None if facts.propagate_tags == "NONE" else facts.propagate_tags,
            "availabilityZoneRebalancing": facts.zone_rebalancing,
            "role": facts.role_arn,
            "serviceConnectConfiguration": facts.service_connect,
            "volumeConfigurations": facts.volumes,
            "vpcLatticeConfigurations": facts.lattice,
        }
        params |= {key: value for key, value in optional.items() if value not in (None, [], {})}
        return [
            Request(
                "ecs.CreateService",
                params,
                once="named",
                creates=True,
                outputs={"arn": "service.serviceArn"},
                # ECS's service-linked role, a load balancer's listener: seconds old (unverified).
                retry=("InvalidParameterException", "ClusterNotFoundException"),
                undo=Request(
                    "ecs.DeleteService",
                    {"cluster": facts.cluster_arn, "service": service},
                    done=("ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"),
                    # DRAINING keeps the cluster from being deleted.
                    wait=Wait(
                        "ecs.DescribeServices",
                        {"cluster": facts.cluster_arn, "services": [service]},
                        "services[0].status || 'INACTIVE'",
                        ok=("INACTIVE",),
                        gone=("ClusterNotFoundException",),
                    ),
                ),
            )
        ]


class StopLegacy(Action[ServiceFacts]):
    """Legacy's service to zero, and wait until its last task is gone: from here on nothing of it writes."""

    name = "stop_legacy"
    title = "Stop the service in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D2"
    # Else a scaling policy starts it again.
    after_kinds = ("applicationautoscaling.target.stop_legacy",)

    def applies(self, it: It[ServiceFacts]) -> bool:
        return it.facts.moves and it.facts.desired_count > 0

    def requests(self, it: It[ServiceFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"cluster": it.facts.cluster_arn, "service": _service_name(it.ref.name)}
        return [
            Request(
                "ecs.UpdateService",
                own | {"desiredCount": 0},
                side="legacy",
                wait=_counted(it, it.ref.name),
                undo=Request(
                    "ecs.UpdateService",
                    own | {"desiredCount": it.facts.desired_count},
                    side="legacy",
                    wait=_counted(it, it.ref.name),
                ),
            )
        ]

    def legacy_after(self, it: It[ServiceFacts]) -> Mapping[str, Json]:
        return {"desired_count": 0}


class Start(Action[ServiceFacts]):
    """The target's service to legacy's count, and wait until as many tasks run."""

    name = "start"
    title = "Start the service in the target"
    phase = "cutover"
    undo_class = "R3"
    downtime = "D2"
    # A task must not publish before those who listen are there.
    after_kinds = ("ecr.repository.copy_images", *LISTENING, *ON_INSTANCES)

    def applies(self, it: It[ServiceFacts]) -> bool:
        return it.facts.moves and it.facts.desired_count > 0

    def requests(self, it: It[ServiceFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"cluster": it.facts.cluster_arn, "service": _service_name(place.name)}
        return [
            Request(
                "ecs.UpdateService",
                own | {"desiredCount": it.facts.desired_count},
                wait=_counted(it, place.name),
                undo=Request("ecs.UpdateService", own | {"desiredCount": 0}, wait=_counted(it, place.name)),
            )
        ]


class Service(Kind[ServiceFacts]):
    """A service that ECS deploys itself. One with a CODE_DEPLOY or EXTERNAL controller, or a DAEMON (no count holds
    it back, it starts on every container instance at once), is found and reported, not moved. The platform version
    arrives as legacy says it, so LATEST stays LATEST."""

    name = "ecs.service"
    title = "ECS service"
    facts = ServiceFacts
    reads = frozenset({"ecs.ListClusters", "ecs.ListServices", "ecs.DescribeServices"})
    # A task carries its service's tags where they are propagated, and is listed for a while after it stopped.
    tagging_types = ("ecs:service", "ecs:task")
    actions = (Create(), StopLegacy(), TestLaunch(), TestLaunchOnInstances(), Start())
    manual = (
        "A service under CODE_DEPLOY or an EXTERNAL controller, or a DAEMON service, has to be deployed to the target "
        "by what deploys it today, at the cut-over of its group."
    )

    left_out: ClassVar[Mapping[str, str]] = {
        "taskSets": "they are what an EXTERNAL controller or CODE_DEPLOY makes, which deploys to the target itself",
        "gatewayConnectors and monitoring": "only ecs.DescribeServiceRevisions shows them: set them by hand with "
        "ecs.UpdateService",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            cluster, _, service = only.partition("/")
            answer = site.optional(
                "ecs.DescribeServices",
                missing=("ClusterNotFoundException",),
                cluster=cluster,
                services=[service],
                include=["TAGS"],
            )
            yield from (self._found(site, one) for one in (answer or {}).get("services", ()) if _stands(one))
            return
        clusters = list(site.pages("ecs.ListClusters", "clusterArns", maxResults=100))

        def described(cluster: str) -> list[dict[str, Json]]:
            arns = list(site.pages("ecs.ListServices", "serviceArns", cluster=cluster, maxResults=100))
            # Ten a call. Source: ecs.DescribeServices, botocore 1.44.5.
            return [
                one
                for at in range(0, len(arns), 10)
                for one in site.call(
                    "ecs.DescribeServices", cluster=cluster, services=arns[at : at + 10], include=["TAGS"]
                )["services"]
            ]

        for services in site.map(described, clusters):
            yield from (self._found(site, one) for one in services if _stands(one))

    def _found(self, site: ReadSite, one: Mapping[str, Json]) -> Resource:
        primary: Mapping[str, Json] = next(
            (each for each in one.get("deployments") or () if each.get("status") == "PRIMARY"), {}
        )
        role = one.get("roleArn") or ""
        return self.found(
            site,
            f"{one['clusterArn'].rpartition('/')[2]}/{one['serviceName']}",
            ServiceFacts(
                cluster_arn=one["clusterArn"],
                task_definition=one.get("taskDefinition"),
                desired_count=one["desiredCount"],
                launch_type=one.get("launchType"),
                capacity_provider_strategy=_ordered(one.get("capacityProviderStrategy")),
                platform_version=one.get("platformVersion"),
                scheduling=one.get("schedulingStrategy") or "REPLICA",
                controller=(one.get("deploymentController") or {}).get("type", "ECS"),
                deployment=one.get("deploymentConfiguration") or {},
                load_balancers=_ordered(one.get("loadBalancers")),
                network=_network(one.get("networkConfiguration")),
                service_registries=_ordered(one.get("serviceRegistries")),
                placement_constraints=_ordered(one.get("placementConstraints")),
                placement_strategy=list(one.get("placementStrategy") or ()),
                health_check_grace_s=one.get("healthCheckGracePeriodSeconds"),
                execute_command=bool(one.get("enableExecuteCommand")),
                managed_tags=bool(one.get("enableECSManagedTags")),
                propagate_tags=one.get("propagateTags") or "NONE",
                zone_rebalancing=one.get("availabilityZoneRebalancing"),
                # The service-linked role is the account's own and is never passed.
                role_arn=None if "aws-service-role/" in role else role or None,
                service_connect=primary.get("serviceConnectConfiguration") or None,
                volumes=list(primary.get("volumeConfigurations") or ()),
                lattice=_ordered(primary.get("vpcLatticeConfigurations")),
            ),
            arn=one["serviceArn"],
            tags=pair_tags(one.get("tags"), "key", "value"),
        )

    def names(self, it: It[ServiceFacts], place: Place) -> Iterator[Name]:
        # An old service's ARN has no cluster in it; a new one's always has. Source: ECS guide, ARN formats.
        yield Name(it.arn, f"arn:aws:ecs:{place.region}:{place.account}:service/{place.name}")

    def needs(self, it: It[ServiceFacts]) -> Iterator[Need]:
        where = "ecs.DescribeServices services[]"
        facts = it.facts
        yield Need(facts.cluster_arn, "in", "hard", f"{where}.clusterArn")
        if facts.task_definition:
            yield Need(facts.task_definition, "runs", "hard", f"{where}.taskDefinition")
        for balancer in facts.load_balancers:
            if balancer.get("targetGroupArn"):
                yield Need(balancer["targetGroupArn"], "routes to", "hard", f"{where}.loadBalancers[].targetGroupArn")
        network = (facts.network or {}).get("awsvpcConfiguration") or {}
        for field in ("subnets", "securityGroups"):
            for one in network.get(field, ()):
                yield Need(one, "in", "hard", f"{where}.networkConfiguration.awsvpcConfiguration.{field}")
        for registry in facts.service_registries:
            yield Need(registry["registryArn"], "member of", "hard", f"{where}.serviceRegistries[].registryArn")
        for provider in facts.capacity_provider_strategy:
            if provider["capacityProvider"] not in ("FARGATE", "FARGATE_SPOT"):
                own = f"capacity-provider/{provider['capacityProvider']}"
                on = f"arn:aws:ecs:{it.ref.region}:{it.ref.account}:{own}"
                yield Need(on, "runs", "hard", f"{where}.capacityProviderStrategy")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ServiceFacts]) -> dict[str, Json]:
        # Renaming changes the order of sorted ids.
        facts = facts | {"network": _network(facts["network"])}
        facts |= {field: _ordered(facts[field]) for field in ("load_balancers", "service_registries", "lattice")}
        return facts if "start" in done else facts | {"desired_count": 0}


def _stands(one: Mapping[str, Json]) -> bool:
    """Not deleted (INACTIVE) nor being deleted (DRAINING)."""
    return bool(one["status"] == "ACTIVE")


def _ordered(items: Sequence[dict[str, Json]] | None) -> list[dict[str, Json]]:
    return sorted(items or (), key=lambda one: sorted((key, str(value)) for key, value in one.items()))


def _network(network: Mapping[str, Json] | None) -> dict[str, Json] | None:
    if not network or not network.get("awsvpcConfiguration"):
        return None
    own = dict(network["awsvpcConfiguration"])
    for field in ("subnets", "securityGroups"):
        if own.get(field):
            own[field] = sorted(own[field], key=str)  # an id may be a value that is known later
    return {"awsvpcConfiguration": own}


KINDS = (Service(),)
