"""What is read of a replication group. The rule: what its subnet and parameter groups hold is a fact, no name is."""

from collections.abc import Mapping
from typing import Any

from migrate.kind import Facts, ReadSite
from migrate.kinds._cache import changed_parameters, creatable_version, subnet_ids_of
from migrate.kinds._keys import customers_key

GONE = ("ReplicationGroupNotFoundFault",)
NO_CLUSTER = ("CacheClusterNotFound",)


class GroupFacts(Facts):
    """Source: elasticache.DescribeReplicationGroups; DescribeCacheClusters of its first member;
    DescribeCacheSubnetGroups; DescribeCacheParameterGroups, DescribeCacheParameters with Source=user;
    kms.DescribeKey."""

    description: str
    engine: str
    engine_version: str | None
    """As a creating call takes it: `7.1`, and `5.0.6` before 6."""
    node_type: str
    cluster_mode: bool
    shards: int
    replicas: int
    """Of each shard, beside its primary."""
    automatic_failover: bool
    multi_az: bool
    port: int | None
    subnet_ids: list[str]
    security_groups: list[str]
    default_parameters: str | None
    """AWS's own parameter group by its name; None: one that people made."""
    parameter_family: str | None
    parameters: dict[str, str]
    """What people changed in theirs."""
    encrypted: bool
    kms_key: str | None
    """A customer's key by its ARN; None: the key that AWS manages, or no encryption."""
    in_transit: bool
    transit_mode: str | None
    auth_token: bool
    user_groups: list[str]
    snapshot_days: int
    snapshot_window: str | None
    maintenance_window: str | None
    topic_arn: str | None
    auto_upgrade: bool
    data_tiering: bool
    primary_host: str | None
    reader_host: str | None
    configuration_host: str | None


def read_facts(site: ReadSite, group: Mapping[str, Any]) -> GroupFacts:
    """One description as facts, with what AWS shows of it elsewhere."""
    shards = group.get("NodeGroups") or ()
    members = sorted(group.get("MemberClusters") or ())
    found = (
        site.optional("elasticache.DescribeCacheClusters", missing=NO_CLUSTER, CacheClusterId=members[0])
        if members
        else None
    )
    node: Mapping[str, Any] = next(iter((found or {}).get("CacheClusters") or ()), {})
    named = (node.get("CacheParameterGroup") or {}).get("CacheParameterGroupName")
    family, changed = changed_parameters(site, named)
    first = shards[0] if shards else {}
    return GroupFacts(
        description=group.get("Description") or "",
        engine=group.get("Engine") or node.get("Engine") or "redis",
        engine_version=creatable_version(node.get("EngineVersion")),
        node_type=group.get("CacheNodeType") or node.get("CacheNodeType") or "",
        cluster_mode=bool(group.get("ClusterEnabled")),
        shards=max(len(shards), 1),
        replicas=max((len(one.get("NodeGroupMembers") or ()) for one in shards), default=len(members)) - 1,
        automatic_failover=group.get("AutomaticFailover") in ("enabled", "enabling"),
        multi_az=group.get("MultiAZ") == "enabled",
        port=(group.get("ConfigurationEndpoint") or first.get("PrimaryEndpoint") or {}).get("Port"),
        subnet_ids=subnet_ids_of(site, node.get("CacheSubnetGroupName")),
        security_groups=sorted(one["SecurityGroupId"] for one in node.get("SecurityGroups") or ()),
        default_parameters=named if named and named.startswith("default.") else None,
        parameter_family=family,
        parameters=changed,
        encrypted=bool(group.get("AtRestEncryptionEnabled")),
        kms_key=customers_key(site, group.get("KmsKeyId")),
        in_transit=bool(group.get("TransitEncryptionEnabled")),
        transit_mode=group.get("TransitEncryptionMode"),
        auth_token=bool(group.get("AuthTokenEnabled")),
        user_groups=sorted(group.get("UserGroupIds") or ()),
        snapshot_days=int(group.get("SnapshotRetentionLimit") or 0),
        snapshot_window=group.get("SnapshotWindow"),
        maintenance_window=node.get("PreferredMaintenanceWindow"),
        topic_arn=(node.get("NotificationConfiguration") or {}).get("TopicArn"),
        auto_upgrade=bool(group.get("AutoMinorVersionUpgrade")),
        data_tiering=group.get("DataTiering") == "enabled",
        primary_host=(first.get("PrimaryEndpoint") or {}).get("Address"),
        reader_host=(first.get("ReaderEndpoint") or {}).get("Address"),
        configuration_host=(group.get("ConfigurationEndpoint") or {}).get("Address"),
    )


def described(site: ReadSite, name: str) -> dict[str, Any] | None:
    answer = site.optional("elasticache.DescribeReplicationGroups", missing=GONE, ReplicationGroupId=name)
    return next((dict(one) for one in (answer or {}).get("ReplicationGroups") or ()), None)
