"""How a replication group is made and filled. The rule: what cannot be read of it is a person's to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.kind import (
    It,
    Json,
    Place,
    ReadSite,
    Request,
    Wait,
    tag_pairs,
)
from migrate.kinds._cache import (
    READY_S,
    CountItems,
    CreateCache,
    SeedFiles,
    by_nodes,
    files_of,
    parameter_group,
    seeds,
    subnet_group,
)
from migrate.kinds.elasticache_replication_group.facts import GONE, GroupFacts, described


class Seed(SeedFiles):
    """Waits for the files of a snapshot of legacy's group, one for each shard, in a bucket of the target."""

    def files(self, it: It[GroupFacts], place: Place) -> list[str]:
        return files_of(place, it.facts.shards)

    def taken(self, it: It[GroupFacts], place: Place) -> str:
        return by_nodes(it.ref.name, "ReplicationGroupId", place)


class Create(CreateCache):
    """Subnet group, parameter group and replication group, the first two under the group's own name. One with an AUTH
    token or users is made by a person with the values that the step says; the step compares what stands then."""

    title = "Create the replication group"
    what, by, status = "replication group", "elasticache.CreateReplicationGroup", "Status"
    gone_by = "elasticache.DeleteReplicationGroup with ReplicationGroupId"
    opened_with = "AUTH token or users"

    def hidden(self, it: It[GroupFacts]) -> str:
        return "its AUTH token (AuthToken) or its users (UserGroupIds)" if by_person(it) else ""

    def parameters(self, it: It[GroupFacts], place: Place) -> dict[str, Json]:
        return parameters(it, place)

    def described(self, site: ReadSite, name: str) -> dict[str, Any] | None:
        return described(site, name)

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        family = None if it.facts.default_parameters else it.facts.parameter_family
        requests = [
            *subnet_group(place, it.facts.subnet_ids), *parameter_group(place, family, it.facts.parameters)
        ]  # fmt: skip
        if self.hidden(it):
            return requests
        there: dict[str, Json] = {"ReplicationGroupId": place.name}
        status = "ReplicationGroups[].Status"
        made = Request(
            "elasticache.CreateReplicationGroup",
            parameters(it, place),
            once="named",
            creates=True,
            wait=Wait(
                "elasticache.DescribeReplicationGroups", dict(there), status, ("available",),
                failed=("create-failed",), every_s=15.0, timeout_s=READY_S,
            ),
            undo=Request(
                "elasticache.DeleteReplicationGroup",
                dict(there),
                done=GONE,
                retry=("InvalidReplicationGroupState",),
                wait=Wait(
                    "elasticache.DescribeReplicationGroups", dict(there), status, (), gone=GONE, timeout_s=READY_S
                ),
            ),
        )  # fmt: skip
        return [*requests, made]


class CountPrimaries(CountItems):
    """Compares the number of items that AWS counts in both groups, while nothing writes."""

    def dimensions(self, site: ReadSite, name: str) -> list[Mapping[str, str]]:
        """Every shard's first node."""
        group = described(site, name)
        return [
            {"CacheClusterId": str(shard["NodeGroupMembers"][0]["CacheClusterId"])}
            for shard in (group or {}).get("NodeGroups") or ()
            if shard.get("NodeGroupMembers")
        ]


def by_person(it: It[GroupFacts]) -> bool:
    """Whether a person makes the group: what it is opened with is shown by no call."""
    return it.facts.auth_token or bool(it.facts.user_groups)


def parameters(it: It[GroupFacts], place: Place) -> dict[str, Json]:
    """What CreateReplicationGroup takes, in legacy terms."""
    facts = it.facts
    made: dict[str, Json] = {
        "ReplicationGroupId": place.name, "ReplicationGroupDescription": facts.description, "Engine": facts.engine,
        "CacheNodeType": facts.node_type, "AutomaticFailoverEnabled": facts.automatic_failover,
        "MultiAZEnabled": facts.multi_az, "AtRestEncryptionEnabled": facts.encrypted,
        "TransitEncryptionEnabled": facts.in_transit, "SnapshotRetentionLimit": facts.snapshot_days,
        "AutoMinorVersionUpgrade": facts.auto_upgrade, "SecurityGroupIds": facts.security_groups,
        "Tags": tag_pairs(place.stamp(it.tags)),
    }  # fmt: skip
    if facts.cluster_mode:
        made |= {"NumNodeGroups": facts.shards, "ReplicasPerNodeGroup": facts.replicas}
    else:
        made["NumCacheClusters"] = facts.replicas + 1
    own = None if facts.default_parameters else place.name if facts.parameter_family else None
    optional: dict[str, Json] = {
        "EngineVersion": facts.engine_version, "Port": facts.port, "KmsKeyId": facts.kms_key,
        "CacheSubnetGroupName": place.name if facts.subnet_ids else None,
        "CacheParameterGroupName": facts.default_parameters or own,
        "TransitEncryptionMode": facts.transit_mode if facts.in_transit else None,
        "SnapshotWindow": facts.snapshot_window, "PreferredMaintenanceWindow": facts.maintenance_window,
        "NotificationTopicArn": facts.topic_arn, "DataTieringEnabled": facts.data_tiering or None,
        "SnapshotArns": seeds(it, place, facts.shards),
    }  # fmt: skip
    return made | {name: value for name, value in optional.items() if value is not None}
