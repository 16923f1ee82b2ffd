"""ECS cluster: made anew with its settings and capacity; what runs in it, and on what, are kinds of their own."""

from collections.abc import Iterator, Mapping, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs

_AWS_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})
"""Capacity providers that every account has. Source: ecs.CreateCluster, botocore 1.44.5."""


class ClusterFacts(Facts):
    """Source: ecs.DescribeClusters with SETTINGS, CONFIGURATIONS, TAGS; ecs.DescribeCapacityProviders."""

    settings: dict[str, str]
    configuration: dict[str, Json] | None
    capacity_providers: list[str]
    scaled_providers: list[str]
    """Those of the capacity providers that stand on an Auto Scaling group: they move too, and come first."""
    default_strategy: list[dict[str, Json]]
    service_connect_namespace: str | None


class Create(Action[ClusterFacts]):
    """The cluster with its settings and capacity providers, in one call."""

    name = "create"
    title = "Create the ECS cluster"
    # The default namespace of Service Connect may be said by its name.
    after_kinds = ("servicediscovery.namespace.create",)

    def requests(self, it: It[ClusterFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        params: dict[str, Json] = {
            "clusterName": place.name,
            "settings": [{"name": name, "value": value} for name, value in sorted(facts.settings.items())],
            "tags": tag_pairs(place.stamp(it.tags), "key", "value"),
        }
        if facts.configuration:
            params["configuration"] = facts.configuration
        providers, strategy = _moving(facts.model_dump(mode="json"))
        if providers:
            params["capacityProviders"] = providers
        if strategy:
            params["defaultCapacityProviderStrategy"] = strategy
        if facts.service_connect_namespace:
            params["serviceConnectDefaults"] = {"namespace": facts.service_connect_namespace}
        return [
            Request(
                "ecs.CreateCluster",
                params,
                once="named",
                creates=True,
                outputs={"arn": "cluster.clusterArn"},
                # The first cluster of an account makes ECS's service-linked role, which then takes seconds to be
                # usable: "Unable to assume the service linked role" (practitioner knowledge, unverified).
                retry=("InvalidParameterException",),
                undo=Request(
                    "ecs.DeleteCluster",
                    {"cluster": place.name},
                    done=("ClusterNotFoundException",),
                    # What was just stopped or terminated still counts for a while.
                    retry=(
                        "ClusterContainsServicesException",
                        "ClusterContainsTasksException",
                        "ClusterContainsContainerInstancesException",
                    ),
                ),
            )
        ]


class Cluster(Kind[ClusterFacts]):
    """A cluster, with its capacity from Fargate and from Auto Scaling groups. A capacity provider of managed instances
    is not moved: it is a hard need that resolves to nothing, so the plan names it until a person waives it."""

    name = "ecs.cluster"
    title = "ECS cluster"
    facts = ClusterFacts
    reads = frozenset({"ecs.ListClusters", "ecs.DescribeClusters", "ecs.DescribeCapacityProviders"})
    tagging_types = ("ecs:cluster",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = [only] if only else list(site.pages("ecs.ListClusters", "clusterArns", maxResults=100))
        # Up to a hundred a call. Source: ecs.DescribeClusters, botocore 1.44.5.
        chunks = [wanted[at : at + 100] for at in range(0, len(wanted), 100)]

        def described(chunk: list[str]) -> list[dict[str, Json]]:
            answer = site.call("ecs.DescribeClusters", clusters=chunk, include=["SETTINGS", "CONFIGURATIONS", "TAGS"])
            return list(answer["clusters"])

        for clusters in site.map(described, chunks):
            for cluster in clusters:
                if cluster["status"] == "INACTIVE":  # deleted, but shown for a while
                    continue
                providers = sorted(cluster.get("capacityProviders") or ())
                yield self.found(
                    site,
                    cluster["clusterName"],
                    ClusterFacts(
                        settings={one["name"]: one["value"] for one in cluster.get("settings") or ()},
                        configuration=cluster.get("configuration") or None,
                        capacity_providers=providers,
                        scaled_providers=_scaled(site, [one for one in providers if one not in _AWS_PROVIDERS]),
                        default_strategy=sorted(
                            cluster.get("defaultCapacityProviderStrategy") or (),
                            key=lambda one: one["capacityProvider"],
                        ),
                        service_connect_namespace=(cluster.get("serviceConnectDefaults") or {}).get("namespace"),
                    ),
                    arn=cluster["clusterArn"],
                    tags=pair_tags(cluster.get("tags"), "key", "value"),
                )

    def needs(self, it: It[ClusterFacts]) -> Iterator[Need]:
        for provider in it.facts.capacity_providers:
            if provider not in _AWS_PROVIDERS:
                yield Need(
                    f"arn:aws:ecs:{it.ref.region}:{it.ref.account}:capacity-provider/{provider}",
                    "runs",
                    "hard",
                    "ecs.DescribeClusters clusters[].capacityProviders",
                )

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ClusterFacts]) -> dict[str, Json]:
        providers, strategy = _moving(facts)
        return facts | {"capacity_providers": providers, "default_strategy": strategy}


def _scaled(site: ReadSite, names: list[str]) -> list[str]:
    if not names:
        return []
    answer = site.optional("ecs.DescribeCapacityProviders", missing=(), capacityProviders=names) or {}
    return sorted(one["name"] for one in answer.get("capacityProviders", ()) if one.get("autoScalingGroupProvider"))


def _moving(facts: Mapping[str, Json]) -> tuple[list[str], list[dict[str, Json]]]:
    """What of a cluster's capacity is in every account, or moves."""
    there = _AWS_PROVIDERS | set(facts["scaled_providers"])
    return (
        [provider for provider in facts["capacity_providers"] if provider in there],
        [one for one in facts["default_strategy"] if one["capacityProvider"] in there],
    )


KINDS = (Cluster(),)
