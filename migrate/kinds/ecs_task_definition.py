"""ECS task definition: registered anew with everything registrable. The rule: only revisions that something starts
are described, because accounts hold thousands and ECS throttles the call."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from migrate.carry.refusals import code_of
from migrate.inventory import Resource
from migrate.kind import (
    STEP_TAG,
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
    join,
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.names import Ref, Region

_FIELDS = {
    "task_role_arn": "taskRoleArn",
    "execution_role_arn": "executionRoleArn",
    "network_mode": "networkMode",
    "requires_compatibilities": "requiresCompatibilities",
    "cpu": "cpu",
    "memory": "memory",
    "volumes": "volumes",
    "placement_constraints": "placementConstraints",
    "pid_mode": "pidMode",
    "ipc_mode": "ipcMode",
    "proxy_configuration": "proxyConfiguration",
    "inference_accelerators": "inferenceAccelerators",
    "ephemeral_storage": "ephemeralStorage",
    "runtime_platform": "runtimePlatform",
    "enable_fault_injection": "enableFaultInjection",
    "trusted_execution_configuration": "trustedExecutionConfiguration",
}
"""Fact → field. Everything ecs.RegisterTaskDefinition takes in botocore 1.44.5 beside family, containers and tags;
what it does not take (ARN, status, requiresAttributes, compatibilities, who and when) is AWS's to say."""


class TaskDefinitionFacts(Facts):
    """Source: ecs.DescribeTaskDefinition; newest and older: ecs.ListTaskDefinitions and what names a revision."""

    family: str
    container_definitions: list[dict[str, Json]]
    task_role_arn: str | None
    execution_role_arn: str | None
    network_mode: str | None
    requires_compatibilities: list[str]
    cpu: str | None
    memory: str | None
    volumes: list[dict[str, Json]]
    placement_constraints: list[dict[str, Json]]
    pid_mode: str | None
    ipc_mode: str | None
    proxy_configuration: dict[str, Json] | None
    inference_accelerators: list[dict[str, Json]]
    ephemeral_storage: dict[str, Json] | None
    runtime_platform: dict[str, Json] | None
    enable_fault_injection: bool | None
    trusted_execution_configuration: dict[str, Json] | None
    newest: bool
    """The newest ACTIVE revision: what the family's bare name means."""
    older: list[str]
    """For the newest: the family's older revisions that move too, and are registered first."""


class Create(Action[TaskDefinitionFacts]):
    """Register it; revisions start again at 1 and everything that names one is rewritten."""

    name = "create"
    title = "Register the task definition"

    def requests(self, it: It[TaskDefinitionFacts], place: Place) -> Sequence[Request]:
        facts = it.facts.model_dump(mode="json")
        params: dict[str, Json] = {
            "family": facts["family"],
            "containerDefinitions": facts["container_definitions"],
            "tags": tag_pairs(place.stamp(it.tags), "key", "value"),
        }
        params |= {field: facts[fact] for fact, field in _FIELDS.items() if facts[fact]}
        return [
            Request(
                "ecs.RegisterTaskDefinition",
                params,
                once="tagged",
                creates=True,
                outputs={"id": "join(':', [taskDefinition.family, to_string(taskDefinition.revision)])"},
                # "Role is not valid" while IAM has not spread a role just made (practitioner knowledge, unverified).
                retry=("ClientException",),
                undo=Request(
                    "ecs.DeregisterTaskDefinition",
                    {"taskDefinition": after("create", "id")},
                    done=("ClientException",),
                ),
            )
        ]


class TaskDefinition(Kind[TaskDefinitionFacts]):
    """A revision in use by a service or an EventBridge rule, or the newest of its family. A revision that only a
    script outside AWS names is not seen. Images are named as the definition names them: a mutable tag such as
    `latest` means what the tag means when a task starts, here as in legacy. A mark of a Deregister stays as an
    INACTIVE revision, which AWS keeps. Source: ecs.DeregisterTaskDefinition, botocore 1.44.5."""

    name = "ecs.task_definition"
    title = "ECS task definition"
    facts = TaskDefinitionFacts
    named = False
    reads = frozenset(
        {
            "ecs.ListTaskDefinitionFamilies",
            "ecs.ListTaskDefinitions",
            "ecs.DescribeTaskDefinition",
            "ecs.ListClusters",
            "ecs.ListServices",
            "ecs.DescribeServices",
            "events.ListEventBuses",
            "events.ListRuleNamesByTarget",
            "events.ListTargetsByRule",
        }
    )
    tagging_types = ("ecs:task-definition",)
    volatile = frozenset({"newest", "older"})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            yield from self._one(site, only)
            return
        families = site.pages("ecs.ListTaskDefinitionFamilies", "families", status="ACTIVE", maxResults=100)
        newest = {name for name in site.map(lambda family: _newest(site, family), families) if name}
        kept = sorted(newest | _used(site))
        for name, answer in zip(kept, site.map(lambda name: _described(site, name), kept), strict=True):
            if answer is not None:
                yield self._found(site, answer, name in newest, _older(name, kept) if name in newest else [])

    def _one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        family, _, revision = name.partition(":")
        answer = _described(site, name) if revision.isdigit() else None
        if answer is None:
            return
        newest = _newest(site, family) == name
        if newest:
            # Only a later revision can have older ones; the look costs a call per cluster.
            yield self._found(site, answer, True, _older(name, _used(site)) if revision != "1" else [])
        elif answer["taskDefinition"]["status"] == "ACTIVE" or name in _used(site):
            yield self._found(site, answer, False, [])

    def _found(self, site: ReadSite, answer: Mapping[str, Json], newest: bool, older: list[str]) -> Resource:
        definition = answer["taskDefinition"]
        fields = {fact: definition.get(field) or None for fact, field in _FIELDS.items()}
        for fact in ("volumes", "placement_constraints", "inference_accelerators"):
            fields[fact] = fields[fact] or []
        fields["requires_compatibilities"] = sorted(fields["requires_compatibilities"] or ())
        return self.found(
            site,
            f"{definition['family']}:{definition['revision']}",
            TaskDefinitionFacts(
                family=definition["family"],
                container_definitions=[_container(site, one) for one in definition["containerDefinitions"]],
                newest=newest,
                older=older,
                **fields,
            ),
            arn=definition["taskDefinitionArn"],
            tags=pair_tags(answer.get("tags"), "key", "value"),
        )

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[TaskDefinitionFacts]
    ) -> Resource | None:
        if "id" in outputs:
            # A deregistered revision stays describable for ever: for us it is gone.
            standing = _described(site, outputs["id"])
            if standing is None or standing["taskDefinition"]["status"] != "ACTIVE":
                return None
            return next(iter(self.scan(site, only=outputs["id"])), None)
        # A revision that is neither used nor the newest is not in a scan, so the stamp is looked for in the family.
        arns = site.pages(
            "ecs.ListTaskDefinitions", "taskDefinitionArns", familyPrefix=it.facts.family, status="ACTIVE"
        )
        found = [resource for name in map(_revision_name, arns) for resource in self._one(site, name)]
        ours = [resource for resource in found if resource.tags.get(STEP_TAG) == place.step]
        if len(ours) > 1:
            raise ValueError(f"{len(ours)} revisions carry the stamp {place.step}: {[r.arn for r in ours]}")
        return ours[0] if ours else None

    def names(self, it: It[TaskDefinitionFacts], place: Place) -> Iterator[Name]:
        prefix = f"arn:aws:ecs:{place.region}:{place.account}:task-definition/"
        yield Name(it.arn, join(prefix, after("create", "id")))
        if it.facts.newest:
            # The ARN without a revision means the newest, there as here.
            yield Name(it.arn.rpartition(":")[0], prefix + it.facts.family)

    def needs(self, it: It[TaskDefinitionFacts]) -> Iterator[Need]:
        where = "ecs.DescribeTaskDefinition taskDefinition"
        for older in it.facts.older:
            yield Need(
                same_place(it, self.name, older), "names", "hard", "ecs.ListTaskDefinitions taskDefinitionArns[]"
            )
        for role, field in ((it.facts.execution_role_arn, "executionRoleArn"), (it.facts.task_role_arn, "taskRoleArn")):
            if role:
                yield Need(role, "assumes", "hard", f"{where}.{field}")
        for volume in it.facts.volumes:
            yield from _volume_needs(volume, f"{where}.volumes[{volume['name']}]")
        for container in it.facts.container_definitions:
            yield from _container_needs(it, container, f"{where}.containerDefinitions[{container['name']}]")


def _volume_needs(volume: Mapping[str, Json], where: str) -> Iterator[Need]:
    efs = volume.get("efsVolumeConfiguration") or {}
    windows = volume.get("fsxWindowsFileServerVolumeConfiguration") or {}
    for on in (efs.get("fileSystemId"), (efs.get("authorizationConfig") or {}).get("accessPointId")):
        if on:
            yield Need(on, "reads", "hard", f"{where}.efsVolumeConfiguration")
    credentials = (windows.get("authorizationConfig") or {}).get("credentialsParameter")
    for on in (windows.get("fileSystemId"), credentials):
        if on:
            yield Need(on, "reads", "hard", f"{where}.fsxWindowsFileServerVolumeConfiguration")


def _container_needs(it: It[TaskDefinitionFacts], container: Mapping[str, Json], where: str) -> Iterator[Need]:
    image = str(container.get("image", ""))
    if ".dkr.ecr." in image:
        host, _, path = image.partition("/")
        yield Need(f"{host}/{path.partition('@')[0].partition(':')[0]}", "image of", "hard", f"{where}.image")
    credentials = (container.get("repositoryCredentials") or {}).get("credentialsParameter")
    if credentials:
        yield Need(credentials, "reads", "hard", f"{where}.repositoryCredentials")
    log = container.get("logConfiguration") or {}
    options = log.get("options") or {}
    group = options.get("awslogs-group")
    # Without its log group a task stops with ResourceInitializationError.
    if log.get("logDriver") == "awslogs" and isinstance(group, str) and options.get("awslogs-create-group") != "true":
        region = Region(str(options.get("awslogs-region") or it.ref.region))
        yield Need(Ref(it.ref.account, region, "logs.log_group", group), "logs to", "hard", f"{where}.logConfiguration")
    for secret in [*(container.get("secrets") or ()), *(log.get("secretOptions") or ())]:
        source = str(secret["valueFrom"])
        on: Ref | str = source
        if not source.startswith("arn:"):
            on = same_place(it, "ssm.parameter", source)
        elif ":secretsmanager:" in source:
            on = ":".join(source.split(":")[:7])  # a JSON key, a stage and a version may follow
        yield Need(on, "reads", "hard", f"{where}.secrets[{secret['name']}]")


def _container(site: ReadSite, raw: Mapping[str, Json]) -> dict[str, Json]:
    """One container with credentials sealed, and in order what AWS gives in any order."""
    container = {key: value for key, value in raw.items() if value not in (None, [], {})}
    if "environment" in container:
        container["environment"] = [
            {"name": one["name"], "value": site.seal(one["name"], one["value"])}
            for one in sorted(container["environment"], key=lambda one: str(one["name"]))
        ]
    for field in ("secrets", "ulimits", "systemControls"):
        if field in container:
            container[field] = sorted(container[field], key=lambda one: str(one.get("name") or one.get("namespace")))
    if "portMappings" in container:
        container["portMappings"] = sorted(
            container["portMappings"], key=lambda one: (one.get("containerPort", 0), one.get("protocol", ""))
        )
    for field in ("command", "entryPoint"):
        if field in container:
            container[field] = [site.seal(field, one) for one in container[field]]
    if "dockerLabels" in container:
        container["dockerLabels"] = _sealed(site, container["dockerLabels"])
    for field in ("logConfiguration", "firelensConfiguration"):
        if container.get(field, {}).get("options"):  # a log driver's token is an option
            container[field] = container[field] | {"options": _sealed(site, container[field]["options"])}
    if "healthCheck" in container:
        check = container["healthCheck"]
        container["healthCheck"] = check | {"command": [site.seal("command", one) for one in check["command"]]}
    return container


def _sealed(site: ReadSite, values: Mapping[str, str]) -> dict[str, Json]:
    return {key: site.seal(key, values[key]) for key in sorted(values)}


def _described(site: ReadSite, name: str) -> dict[str, Json] | None:
    return site.optional(
        "ecs.DescribeTaskDefinition", missing=("ClientException",), taskDefinition=name, include=["TAGS"]
    )


def _revision_name(arn: str) -> str:
    """`family:revision` of an ARN or of itself."""
    return arn.rpartition("/")[2]


def _revision(name: str) -> int:
    return int(name.rpartition(":")[2])


def _newest(site: ReadSite, family: str) -> str | None:
    answer = site.call("ecs.ListTaskDefinitions", familyPrefix=family, status="ACTIVE", sort="DESC", maxResults=1)
    return max(map(_revision_name, answer["taskDefinitionArns"]), key=_revision, default=None)


def _older(name: str, kept: Iterable[str]) -> list[str]:
    family = name.rpartition(":")[0]
    same = [one for one in kept if one.rpartition(":")[0] == family and _revision(one) < _revision(name)]
    return sorted(same, key=_revision)


@contextmanager
def _vanishing() -> Iterator[None]:
    """A cluster, bus or rule that is deleted between its listing and the look into it uses nothing any more."""
    try:
        yield
    except Exception as error:
        if code_of(error) not in ("ClusterNotFoundException", "ResourceNotFoundException"):
            raise


def _used(site: ReadSite) -> set[str]:
    """Every `family:revision` that a service runs or a rule starts."""
    clusters = list(site.pages("ecs.ListClusters", "clusterArns", maxResults=100))
    buses = [bus["Name"] for bus in site.call("events.ListEventBuses")["EventBuses"]] if clusters else []

    def by_services(cluster: str) -> set[str]:
        found: set[str] = set()
        with _vanishing():
            found |= services_of(cluster)
        return found

    def by_rules(cluster: str) -> set[str]:
        found: set[str] = set()
        for bus in buses:
            with _vanishing():
                found |= rules_of(cluster, bus)
        return found

    def services_of(cluster: str) -> set[str]:
        services = list(site.pages("ecs.ListServices", "serviceArns", cluster=cluster, maxResults=100))
        named: set[str] = set()
        for at in range(0, len(services), 10):  # ten a call. Source: ecs.DescribeServices, botocore 1.44.5
            answer = site.call("ecs.DescribeServices", cluster=cluster, services=services[at : at + 10])
            # A deleted service stays describable for a while, and runs nothing.
            alive = [one for one in answer["services"] if one.get("status") != "INACTIVE"]
            named |= {one["taskDefinition"] for one in alive if one.get("taskDefinition")}
        return named

    def rules_of(cluster: str, bus: str) -> set[str]:
        return {
            target["EcsParameters"]["TaskDefinitionArn"]
            for rule in site.pages("events.ListRuleNamesByTarget", "RuleNames", TargetArn=cluster, EventBusName=bus)
            for target in site.pages("events.ListTargetsByRule", "Targets", Rule=rule, EventBusName=bus)
            if "EcsParameters" in target
        }

    found: set[str] = set().union(*site.map(by_services, clusters), *site.map(by_rules, clusters))
    return {name for name in map(_revision_name, found) if ":" in name}


KINDS = (TaskDefinition(),)
