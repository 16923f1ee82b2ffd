"""ECS capacity provider on an Auto Scaling group. The rule: only those that a cluster uses are looked for."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs

_AWS_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})


class ProviderFacts(Facts):
    """Source: ecs.DescribeClusters clusters[].capacityProviders, ecs.DescribeCapacityProviders with TAGS."""

    group_arn: str | None
    """None: managed instances."""
    managed_scaling: dict[str, Json]
    termination_protection: str | None
    draining: str | None


class Create(Action[ProviderFacts]):
    """The provider, on the Auto Scaling group in the target."""

    name = "create"
    title = "Create the capacity provider"

    def applies(self, it: It[ProviderFacts]) -> bool:
        return it.facts.group_arn is not None

    def requests(self, it: It[ProviderFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        said: dict[str, Json] = {
            "autoScalingGroupArn": facts.group_arn,
            "managedScaling": facts.managed_scaling,
            "managedTerminationProtection": facts.termination_protection,
            "managedDraining": facts.draining,
        }
        return [
            Request(
                "ecs.CreateCapacityProvider",
                {
                    "name": place.name,
                    "autoScalingGroupProvider": {key: value for key, value in said.items() if value},
                    "tags": tag_pairs(place.stamp(it.tags), "key", "value"),
                },
                once="named",
                creates=True,
                outputs={"arn": "capacityProvider.capacityProviderArn"},
                # The group, or ECS's service-linked role, was made a moment ago (unverified).
                retry=("UpdateInProgressException",),
                undo=Request(
                    "ecs.DeleteCapacityProvider",
                    {"capacityProvider": place.name},
                    # A cluster that was just deleted counts for moments (unverified).
                    retry=("UpdateInProgressException", "ClientException"),
                ),
            )
        ]


class CapacityProvider(Kind[ProviderFacts]):
    """What gives a cluster its EC2 instances. One of managed instances is not moved."""

    name = "ecs.capacity_provider"
    title = "ECS capacity provider"
    facts = ProviderFacts
    reads = frozenset({"ecs.ListClusters", "ecs.DescribeClusters", "ecs.DescribeCapacityProviders"})
    tagging_types = ("ecs:capacity-provider",)
    actions = (Create(),)
    manual = (
        "A capacity provider of managed instances is made by hand with ecs.CreateCapacityProvider for its cluster, "
        "with the roles, subnets and security groups of the target."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = {only} if only else _used(site)
        wanted = sorted(names - _AWS_PROVIDERS)
        for at in range(0, len(wanted), 100):
            answer = site.call(
                "ecs.DescribeCapacityProviders", capacityProviders=wanted[at : at + 100], include=["TAGS"]
            )
            for one in answer["capacityProviders"]:
                if one["status"] != "ACTIVE":
                    continue
                group = one.get("autoScalingGroupProvider") or {}
                yield self.found(
                    site,
                    one["name"],
                    ProviderFacts(
                        group_arn=group.get("autoScalingGroupArn"),
                        managed_scaling=group.get("managedScaling") or {},
                        termination_protection=group.get("managedTerminationProtection"),
                        draining=group.get("managedDraining"),
                    ),
                    arn=one["capacityProviderArn"],
                    tags=pair_tags(one.get("tags"), "key", "value"),
                )

    def needs(self, it: It[ProviderFacts]) -> Iterator[Need]:
        if it.facts.group_arn:
            where = "ecs.DescribeCapacityProviders capacityProviders[].autoScalingGroupProvider.autoScalingGroupArn"
            yield Need(it.facts.group_arn, "scales", "hard", where)


def _used(site: ReadSite) -> set[str]:
    clusters = list(site.pages("ecs.ListClusters", "clusterArns", maxResults=100))
    # Up to a hundred a call. Source: ecs.DescribeClusters, botocore 1.44.5.
    chunks = [clusters[at : at + 100] for at in range(0, len(clusters), 100)]
    answers = site.map(lambda chunk: site.call("ecs.DescribeClusters", clusters=chunk), chunks)
    return {name for answer in answers for one in answer["clusters"] for name in one.get("capacityProviders") or ()}


KINDS = (CapacityProvider(),)
