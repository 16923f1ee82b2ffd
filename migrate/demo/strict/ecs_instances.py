"""Rules over ECS on EC2: machines join the cluster that their user data names, and a task needs one of them.

The one rule it keeps: nothing is really run; who has joined is worked out when it is asked for. Simulated.
"""

from __future__ import annotations

import base64
import inspect
import re
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal

_JOINS = re.compile(r"ECS_CLUSTER=([A-Za-z0-9_-]+)")


@strict(
    "ecs.machines-join",
    makes="a running machine joins the cluster that its user data names (simulated), and leaves it when terminated; "
    "without one RunTask on EC2 is refused, with one the cluster is not deleted",
    source="ECS developer guide, Bootstrapping container instances; ecs.DeleteCluster, "
    "ClusterContainsContainerInstancesException, botocore 1.44.5; what RunTask says without machines: unverified",
)
def machines_join() -> None:
    """The emulator's machines never join; its RunTask then fails, and its clusters go whatever is in them.

    Source: ECS developer guide, Bootstrapping Amazon ECS Linux container instances.
    """
    from moto.ec2.models import ec2_backends
    from moto.ecs.models import EC2ContainerServiceBackend

    def join(backend: Any) -> None:
        running = {
            instance.id: _cluster_of(instance)
            for instance in ec2_backends[backend.account_id][backend.region_name].all_instances()
            if instance._state.name == "running"
        }
        for name, members in backend.container_instances.items():
            for key in [key for key, one in members.items() if one.ec2_instance_id not in running]:
                del members[key]
                backend.clusters[name].registered_container_instances_count -= 1
        joined = {one.ec2_instance_id for members in backend.container_instances.values() for one in members.values()}
        for machine, cluster in running.items():
            standing = backend.clusters.get(cluster)
            if machine not in joined and standing is not None and standing.status == "ACTIVE":
                backend.register_container_instance(cluster, machine)

    @override(EC2ContainerServiceBackend, "list_container_instances")
    def list_container_instances(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        join(self)
        return old(self, *words, **named)

    @override(EC2ContainerServiceBackend, "run_task")
    def run_task(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        join(self)
        asked = inspect.signature(old).bind(self, *words, **named).arguments
        cluster, launch_type = self._get_cluster(asked["cluster_str"]), asked.get("launch_type")
        strategy = asked.get("capacity_provider_strategy")
        if not launch_type and not strategy:
            strategy = cluster.default_capacity_provider_strategy
        providers = [str(one["capacityProvider"]) for one in strategy or ()]
        is_fargate = launch_type == "FARGATE" or any(one.startswith("FARGATE") for one in providers)
        if not is_fargate and not self.container_instances.get(cluster.name):
            raise Refusal("InvalidParameterException", "No Container Instances were found in your cluster.")
        return old(self, *words, **named)

    @override(EC2ContainerServiceBackend, "delete_cluster")
    def delete_cluster(old: Any, self: Any, cluster_str: str) -> Any:
        join(self)
        if self.container_instances.get(self._get_cluster(cluster_str).name):
            raise Refusal(
                "ClusterContainsContainerInstancesException",
                "The Cluster cannot be deleted while Container Instances are active or draining.",
            )
        return old(self, cluster_str)


def _cluster_of(instance: Any) -> str:
    try:
        said = base64.b64decode(str(instance.user_data or "")).decode(errors="replace")
    except ValueError:
        return ""
    found = _JOINS.search(said)
    return found.group(1) if found else ""
