"""Who opens connections, to what, and what it cannot do without: the ways that a migration must keep.

The rule: a way is asked for because of something that is written: a place in the network, a definition that names it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from migrate.files import canonical
from migrate.inventory import Resource
from migrate.names import Ref
from migrate.reachability.walk import OF_ALL, OF_LINUX, Interface
from migrate.values import Json

WORKLOADS = ("ecs.service", "lambda.function", "ec2.instance", "autoscaling.group", "elbv2.load_balancer")
STORES = ("rds.instance", "rds.cluster", "efs.file_system", "elbv2.load_balancer")
NFS = 2049
SERVICES: Mapping[str, str] = {
    "sqs.queue": "sqs", "sns.topic": "sns", "dynamodb.table": "dynamodb", "s3.bucket": "s3",
    "secretsmanager.secret": "secretsmanager", "ssm.parameter": "ssm", "states.state_machine": "states",
    "kinesis.stream": "kinesis-streams", "events.event_bus": "events", "firehose.delivery_stream": "kinesis-firehose",
}  # fmt: skip
"""A kind → the service whose endpoint a workload asks that names one in its environment. Source: PrivateLink guide,
"AWS services that integrate with AWS PrivateLink", read 2026-11."""
_ECR = re.compile(r"^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")


class End(NamedTuple):
    """One resource with the network interfaces by which it opens or takes connections."""

    ref: Ref
    interfaces: tuple[Interface, ...]
    ports: tuple[int, ...] = ()
    is_facing_internet: bool = False

    @property
    def subnets(self) -> set[str]:
        """All its subnets."""
        return {subnet for one in self.interfaces for subnet in one.subnets}


@dataclass(frozen=True)
class Ends:
    """The ends of all ways in one region of legacy."""

    resources: Mapping[Ref, Resource]

    @cached_property
    def _of_kind(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for ref, resource in self.resources.items():
            found[ref.kind].append(resource)
        return found

    @cached_property
    def _by_arn(self) -> dict[str, Resource]:
        return {one.arn: one for kind in ("ecs.task_definition",) for one in self._of_kind.get(kind, ())}

    @cached_property
    def _default_groups(self) -> dict[str, str]:
        groups = self._of_kind.get("ec2.security_group", ())
        return {one.facts["vpc_id"]: one.ref.name for one in groups if one.facts["is_default"]}

    def workloads(self) -> Iterator[End]:
        """What opens connections from within a VPC."""
        for kind in WORKLOADS:
            for resource in self._of_kind.get(kind, ()):
                interface = getattr(self, f"_{kind.replace('.', '_')}")(resource)
                if interface is not None and interface.subnets:
                    yield End(resource.ref, (self._with_groups(interface),))

    def stores(self) -> Iterator[End]:
        """What takes connections within a VPC, with its ports."""
        for kind in STORES:
            for resource in self._of_kind.get(kind, ()):
                facts = resource.facts
                found: tuple[Interface, ...]
                ports: tuple[int, ...]
                if kind == "efs.file_system":
                    mounts = [Interface((one["subnet_id"],), tuple(one["security_groups"])) for one in facts["mounts"]]
                    found, ports = tuple(mounts), (NFS,)
                elif kind == "elbv2.load_balancer":
                    own = self._elbv2_load_balancer(resource)
                    found, ports = (own,) if own else (), self._listens(resource)
                else:
                    found, ports = self._database(facts), (int(facts["port"]),)
                if found and ports:
                    facing = kind == "elbv2.load_balancer" and facts["scheme"] == "internet-facing"
                    facing = facing or bool(facts.get("public") and kind == "rds.instance")
                    yield End(resource.ref, tuple(map(self._with_groups, found)), ports, facing)

    def behind(self) -> Iterator[tuple[Ref, End]]:
        """A load balancer and a service that it leads to, with the ports of the service's containers."""
        services = [one for one in self._of_kind.get("ecs.service", ()) if one.facts["load_balancers"]]
        led = self._leads() if services else {}
        for resource in services:
            interface = self._ecs_service(resource)
            for one in resource.facts["load_balancers"] if interface else ():
                for balancer in sorted(led.get(one.get("targetGroupArn", ""), ())):
                    assert interface is not None
                    yield balancer, End(resource.ref, (self._with_groups(interface),), (int(one["containerPort"]),))

    def services(self, ref: Ref, named: Mapping[Ref, set[Ref]]) -> dict[str, str]:
        """The services of AWS without which a workload does not start or work → why. `named`: what a definition or a
        function names in its environment."""
        facts = self.resources[ref].facts
        if ref.kind == "lambda.function":
            return _by_names(named.get(ref, set()))
        if ref.kind != "ecs.service":
            return {}
        definition = self._by_arn.get(facts["task_definition"] or "")
        if definition is None:
            return {}
        wanted = _by_names(named.get(definition.ref, set()))
        # On instances the agent fetches images, secrets and logs over the instance's own interface.
        if is_on_fargate(facts):
            wanted = _to_start(definition.facts["container_definitions"], ref.region) | wanted
        return wanted

    def _listens(self, balancer: Resource) -> tuple[int, ...]:
        listeners = self._of_kind.get("elbv2.listener", ())
        own = {one.facts["port"] for one in listeners if one.facts["load_balancer_arn"] == balancer.arn}
        return tuple(sorted(int(port) for port in own if port))

    def _leads(self) -> dict[str, set[Ref]]:
        """Target group's ARN → the load balancers whose listeners and rules name it."""
        balancers = {one.arn: one.ref for one in self._of_kind.get("elbv2.load_balancer", ())}
        texts: list[tuple[Ref, str]] = []
        listeners = {one.arn: one for one in self._of_kind.get("elbv2.listener", ())}
        for one in (*listeners.values(), *self._of_kind.get("elbv2.rule", ())):
            listener = listeners.get(one.facts.get("listener_arn", ""), one)
            balancer = balancers.get(listener.facts.get("load_balancer_arn", ""))
            if balancer is not None:
                texts.append((balancer, canonical(one.facts).decode()))
        found: dict[str, set[Ref]] = defaultdict(set)
        for group in self._of_kind.get("elbv2.target_group", ()):
            found[group.arn] |= {balancer for balancer, text in texts if f'"{group.arn}"' in text}
        return found

    def _with_groups(self, one: Interface) -> Interface:
        """AWS puts what names no group behind its VPC's default one."""
        if one.groups != ():
            return one
        subnets = {subnet.ref.name: subnet.facts["vpc_id"] for subnet in self._of_kind.get("ec2.subnet", ())}
        default = self._default_groups.get(subnets.get(one.subnets[0], ""))
        return replace(one, groups=(default,)) if default else one

    def _ecs_service(self, resource: Resource) -> Interface | None:
        own = (resource.facts["network"] or {}).get("awsvpcConfiguration")
        if not own:
            return None
        is_public = own.get("assignPublicIp") == "ENABLED"
        return Interface(tuple(own.get("subnets", ())), tuple(own.get("securityGroups", ())), is_public, OF_LINUX)

    def _lambda_function(self, resource: Resource) -> Interface | None:
        facts = resource.facts
        # A function's interfaces get no public address. Source: Lambda guide, "Internet access", read 2026-11.
        return Interface(tuple(facts["subnet_ids"]), tuple(facts["security_group_ids"]), False, OF_ALL)

    def _ec2_instance(self, resource: Resource) -> Interface | None:
        facts = resource.facts
        subnets = (facts["subnet_id"],) if facts["subnet_id"] else ()
        # An elastic address is a public one, whatever its subnet gives.
        return Interface(
            subnets, tuple(facts["security_groups"]), True if facts.get("allocation_id") else None, OF_LINUX
        )

    def _autoscaling_group(self, resource: Resource) -> Interface | None:
        chosen = resource.facts["launch_template"] or {}
        template = next(
            (one for one in self._of_kind.get("ec2.launch_template", ())
             if one.ref.name == chosen.get("LaunchTemplateId")),
            None,
        )  # fmt: skip
        if template is None:
            return None
        is_latest = template.facts["has_later"] and chosen.get("Version", "").lower().endswith("latest")
        data = template.facts["later_data" if is_latest else "data"]
        first: Mapping[str, Json] = next(iter(data.get("NetworkInterfaces", ())), {})
        groups = data.get("SecurityGroupIds") or first.get("Groups") or ()
        return Interface(
            tuple(resource.facts["subnet_ids"]), tuple(groups), first.get("AssociatePublicIpAddress"), OF_LINUX
        )

    def _elbv2_load_balancer(self, resource: Resource) -> Interface | None:
        facts = resource.facts
        if facts["balancer_type"] == "gateway":
            return None
        groups = tuple(facts["security_group_ids"])
        subnets = tuple(one["SubnetId"] for one in facts["subnets"])
        # A Network Load Balancer that was made without a group has none.
        is_open = facts["balancer_type"] == "network" and not groups
        return Interface(subnets, None if is_open else groups, facts["scheme"] == "internet-facing", OF_ALL)

    def _database(self, facts: Mapping[str, Json]) -> tuple[Interface, ...]:
        if facts.get("cluster") or not facts["subnet_group"]:
            # Members stand behind their cluster's groups.
            return ()
        group = next(
            (g for g in self._of_kind.get("rds.subnet_group", ()) if g.ref.name == facts["subnet_group"]), None
        )
        if group is None:
            return ()
        public = bool(facts.get("public"))
        return (Interface(tuple(group.facts["subnet_ids"]), tuple(facts["security_groups"]), public),)


def is_on_fargate(facts: Mapping[str, Json]) -> bool:
    """Whether a service's tasks run on Fargate."""
    providers = [str(one.get("capacityProvider", "")) for one in facts["capacity_provider_strategy"]]
    return facts["launch_type"] == "FARGATE" or any(one.startswith("FARGATE") for one in providers)


def _by_names(named: set[Ref]) -> dict[str, str]:
    found: dict[str, str] = {}
    for ref in sorted(named):
        if ref.kind in SERVICES:
            found.setdefault(SERVICES[ref.kind], f"its environment names {ref}")
    return found


def _to_start(containers: list[Mapping[str, Json]], region: str) -> dict[str, str]:
    """What Fargate asks over the task's own interface. Source: ECS Developer Guide, "Migrating to Linux platform
    version 1.4.0", read 2026-11."""
    found: dict[str, str] = {}
    for container in containers:
        image = _ECR.match(str(container.get("image", "")))
        if image and image[1] == region:
            for service in ("ecr.api", "ecr.dkr", "s3"):
                found.setdefault(service, "its image is in ECR")
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            found.setdefault("logs", "its containers write to CloudWatch Logs")
        for secret in container.get("secrets") or ():
            is_secret = ":secretsmanager:" in str(secret.get("valueFrom", ""))
            service = "secretsmanager" if is_secret else "ssm"
            found.setdefault(service, "its containers get secrets when they start")
    return found
