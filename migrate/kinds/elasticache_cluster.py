"""ElastiCache clusters without a replication group: memcached, and single nodes of Redis OSS or Valkey.

The rule: memcached keeps nothing that could be brought, so its shape alone arrives; a node of the others begins empty
or from a snapshot that a person brings, like a group.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
    after,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._cache import (
    READY_S,
    SEED,
    STRATEGIES,
    CountItems,
    CreateCache,
    SeedFiles,
    by_nodes,
    changed_parameters,
    creatable_version,
    parameter_group,
    seeds,
    subnet_group,
    subnet_ids_of,
)

MEMCACHED = "memcached"
GONE = ("CacheClusterNotFound",)
SEVERAL = "Multiple"
"""How AWS says that the nodes lie in several zones. Source: elasticache.CacheCluster, botocore 1.44.5."""


class ClusterFacts(Facts):
    """Source: elasticache.DescribeCacheClusters, DescribeCacheSubnetGroups, DescribeCacheParameterGroups,
    DescribeCacheParameters with Source=user."""

    engine: str
    engine_version: str | None
    node_type: str
    nodes: int
    cross_zone: bool
    port: int | None
    subnet_ids: list[str]
    security_groups: list[str]
    default_parameters: str | None
    """AWS's own parameter group by its name; None: one that people made."""
    parameter_family: str | None
    parameters: dict[str, str]
    """What people changed in theirs."""
    in_transit: bool
    auth_token: bool
    network_type: str | None
    ip_discovery: str | None
    snapshot_days: int
    snapshot_window: str | None
    maintenance_window: str | None
    topic_arn: str | None
    auto_upgrade: bool
    configuration_host: str | None
    hosts: list[str]
    """One for each node, in their order."""


class Seed(SeedFiles):
    """Waits for the file of a snapshot of legacy's node in a bucket of the target."""

    def taken(self, it: It[ClusterFacts], place: Place) -> str:
        return by_nodes(it.ref.name, "CacheClusterId", place)


class Create(CreateCache):
    """Subnet group, parameter group and cluster, the first two under the cluster's own name. One with an AUTH token is
    made by a person with the values that the step says; the step compares what stands then."""

    title = "Create the cache cluster"
    what, by, status = "cache cluster", "elasticache.CreateCacheCluster", "CacheClusterStatus"
    gone_by = "elasticache.DeleteCacheCluster with CacheClusterId"
    opened_with = "AUTH token"

    def hidden(self, it: It[ClusterFacts]) -> str:
        return "its AUTH token (AuthToken)" if it.facts.auth_token else ""

    def parameters(self, it: It[ClusterFacts], place: Place) -> dict[str, Json]:
        return parameters(it, place)

    def described(self, site: ReadSite, name: str) -> dict[str, Any] | None:
        return described(site, name)

    def requests(self, it: It[ClusterFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        family = None if facts.default_parameters else facts.parameter_family
        requests = [*subnet_group(place, facts.subnet_ids), *parameter_group(place, family, facts.parameters)]
        if self.hidden(it):
            return requests
        there: dict[str, Json] = {"CacheClusterId": place.name}
        status = "CacheClusters[].CacheClusterStatus"
        look = "elasticache.DescribeCacheClusters"
        made = Request(
            "elasticache.CreateCacheCluster",
            parameters(it, place),
            once="named",
            creates=True,
            wait=Wait(
                look, dict(there), status, ("available",), failed=("incompatible-network", "restore-failed"),
                every_s=15.0, timeout_s=READY_S,
            ),
            undo=Request(
                "elasticache.DeleteCacheCluster",
                dict(there),
                done=GONE,
                retry=("InvalidCacheClusterState",),
                wait=Wait(look, dict(there), status, (), gone=GONE, timeout_s=READY_S),
            ),
        )  # fmt: skip
        return [*requests, made]


class CountNode(CountItems):
    """Compares the number of items that AWS counts in both nodes, while nothing writes."""

    def dimensions(self, site: ReadSite, name: str) -> list[Mapping[str, str]]:
        """The one node of a cluster that can be seeded."""
        return [{"CacheClusterId": name}]


class Cluster(Kind[ClusterFacts]):
    """A cache cluster of ElastiCache without a replication group: memcached, or one node of Redis OSS or Valkey. It
    begins empty; a node of the latter two also with `strategy: seed` (migration.yaml, `stores`), from a snapshot whose
    file a person brings. The host of each node is a new one."""

    name = "elasticache.cluster"
    title = "Cache cluster (memcached, single nodes)"
    facts = ClusterFacts
    stateful = True
    reads = frozenset(
        {
            "elasticache.DescribeCacheClusters",
            "elasticache.DescribeCacheParameterGroups",
            "elasticache.DescribeCacheParameters",
            "elasticache.DescribeCacheSubnetGroups",
            "elasticache.ListTagsForResource",
        }
    )
    # Every cache gets groups of its own: those of legacy are nothing that would be left behind.
    tagging_types = ("elasticache:cluster", "elasticache:parametergroup", "elasticache:subnetgroup")
    volatile = frozenset({"configuration_host", "hosts"})
    unordered = frozenset({"subnet_ids", "security_groups"})
    strategies: ClassVar[Mapping[str, str]] = STRATEGIES
    left_out: ClassVar[Mapping[str, str]] = {
        "Items": "the cluster begins empty; `strategy: seed` begins a node from a snapshot that a person brings",
        "AUTH token": "AWS does not show it: a person makes such a cluster with the values that the step says",
        "LogDeliveryConfigurations": "elasticache.ModifyCacheCluster in the target, to its own log groups",
        "CacheSecurityGroups": "of networks before VPCs, which new accounts do not have",
        "Zones of its nodes": "AWS chooses them anew; whether there are several is kept",
    }
    actions: "ClassVar[tuple[Action[Any], ...]]" = (Seed(), Create(), CountNode())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("elasticache.DescribeCacheClusters", "CacheClusters", ShowCacheNodeInfo=True))
        else:
            one = described(site, only)
            listed = [one] if one else []
        # Members of a replication group are the group's.
        own = [one for one in listed if not one.get("ReplicationGroupId")]
        standing = [one for one in own if one.get("CacheClusterStatus") not in ("deleting", "deleted")]
        for cluster, facts in zip(standing, site.map(lambda one: read_facts(site, one), standing), strict=True):
            tags = site.call("elasticache.ListTagsForResource", ResourceName=cluster["ARN"]).get("TagList")
            yield self.found(site, cluster["CacheClusterId"], facts, arn=cluster["ARN"], tags=pair_tags(tags))

    def unfit_strategy(self, it: It[ClusterFacts], place: Place) -> str:
        if it.strategy == SEED and it.facts.engine == MEMCACHED:
            return "memcached has no snapshots, and what it holds cannot be brought: choose empty"
        return ""

    def names(self, it: It[ClusterFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        if it.facts.configuration_host:
            yield Name(it.facts.configuration_host, after("create", "configuration_host"), "host")
        for number, host in enumerate(it.facts.hosts):
            yield Name(host, after("create", f"host_{number}"), "host")

    def outputs(self, found: Resource) -> dict[str, str]:
        hosts = {f"host_{number}": str(host) for number, host in enumerate(found.facts["hosts"])}
        if found.facts["configuration_host"]:
            hosts["configuration_host"] = str(found.facts["configuration_host"])
        return super().outputs(found) | hosts

    def needs(self, it: It[ClusterFacts]) -> Iterator[Need]:
        for subnet in it.facts.subnet_ids:
            yield Need(subnet, "in", "hard", "elasticache.DescribeCacheSubnetGroups Subnets[].SubnetIdentifier")
        for group in it.facts.security_groups:
            yield Need(group, "member of", "hard", "elasticache.DescribeCacheClusters SecurityGroups[]")
        if it.facts.topic_arn:
            yield Need(it.facts.topic_arn, "writes", "hard", "elasticache.DescribeCacheClusters TopicArn")


def parameters(it: It[ClusterFacts], place: Place) -> dict[str, Json]:
    """What CreateCacheCluster takes, in legacy terms."""
    facts = it.facts
    made: dict[str, Json] = {
        "CacheClusterId": place.name, "Engine": facts.engine, "CacheNodeType": facts.node_type,
        "NumCacheNodes": facts.nodes, "AutoMinorVersionUpgrade": facts.auto_upgrade,
        "SecurityGroupIds": facts.security_groups, "Tags": tag_pairs(place.stamp(it.tags)),
    }  # fmt: skip
    own = place.name if facts.parameter_family else None
    keeps = facts.engine != MEMCACHED
    optional: dict[str, Json] = {
        "EngineVersion": facts.engine_version, "Port": facts.port,
        "AZMode": "cross-az" if facts.cross_zone else None,
        "CacheSubnetGroupName": place.name if facts.subnet_ids else None,
        "CacheParameterGroupName": facts.default_parameters or own,
        "TransitEncryptionEnabled": facts.in_transit or None,
        "NetworkType": facts.network_type, "IpDiscovery": facts.ip_discovery,
        "SnapshotRetentionLimit": facts.snapshot_days if keeps else None,
        "SnapshotWindow": facts.snapshot_window if keeps else None,
        "PreferredMaintenanceWindow": facts.maintenance_window, "NotificationTopicArn": facts.topic_arn,
        "SnapshotArns": seeds(it, place),
    }  # fmt: skip
    return made | {name: value for name, value in optional.items() if value is not None}


def read_facts(site: ReadSite, cluster: Mapping[str, Any]) -> ClusterFacts:
    """One description as facts, with what AWS shows of it elsewhere."""
    named = (cluster.get("CacheParameterGroup") or {}).get("CacheParameterGroupName")
    family, changed = changed_parameters(site, named)
    engine, version = str(cluster.get("Engine") or "redis"), cluster.get("EngineVersion")
    nodes = [one for one in cluster.get("CacheNodes") or () if one.get("Endpoint")]
    shared: Mapping[str, Any] = cluster.get("ConfigurationEndpoint") or {}
    return ClusterFacts(
        engine=engine,
        engine_version=version if engine == MEMCACHED else creatable_version(version),
        node_type=cluster.get("CacheNodeType") or "",
        nodes=int(cluster.get("NumCacheNodes") or 1),
        cross_zone=cluster.get("PreferredAvailabilityZone") == SEVERAL,
        port=shared.get("Port") or (nodes[0]["Endpoint"].get("Port") if nodes else None),
        subnet_ids=subnet_ids_of(site, cluster.get("CacheSubnetGroupName")),
        security_groups=sorted(one["SecurityGroupId"] for one in cluster.get("SecurityGroups") or ()),
        default_parameters=named if named and named.startswith("default.") else None,
        parameter_family=family,
        parameters=changed,
        in_transit=bool(cluster.get("TransitEncryptionEnabled")),
        auth_token=bool(cluster.get("AuthTokenEnabled")),
        network_type=cluster.get("NetworkType"),
        ip_discovery=cluster.get("IpDiscovery"),
        snapshot_days=int(cluster.get("SnapshotRetentionLimit") or 0),
        snapshot_window=cluster.get("SnapshotWindow"),
        maintenance_window=cluster.get("PreferredMaintenanceWindow"),
        topic_arn=(cluster.get("NotificationConfiguration") or {}).get("TopicArn"),
        auto_upgrade=bool(cluster.get("AutoMinorVersionUpgrade")),
        configuration_host=shared.get("Address"),
        hosts=[str(one["Endpoint"]["Address"]) for one in nodes if one["Endpoint"].get("Address")],
    )


def described(site: ReadSite, name: str) -> dict[str, Any] | None:
    """One cluster with its nodes, whoever it belongs to; None where there is none."""
    answer = site.optional(
        "elasticache.DescribeCacheClusters", missing=GONE, CacheClusterId=name, ShowCacheNodeInfo=True
    )
    return next((dict(one) for one in (answer or {}).get("CacheClusters") or ()), None)


KINDS = (Cluster(),)
