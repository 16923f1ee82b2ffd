"""How a replication group is made and filled. The rule: it stands on a subnet group and a parameter group of its own,
so that the undo takes away nothing that others use.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from migrate.errors import StepFailed, VerificationFailed
from migrate.kind import (
    Carrier,
    CarryAction,
    Downtime,
    Find,
    It,
    Json,
    Phase,
    Place,
    Proof,
    ReadSite,
    Request,
    Wait,
    tag_pairs,
)
from migrate.kinds._by_person import METRIC, ask_for_it, compared, newest, still_stands
from migrate.kinds._choosing import WAY, told
from migrate.kinds.elasticache_replication_group.facts import GONE, NO_PARAMETERS, NO_SUBNETS, GroupFacts, described

READY_S = 2 * 3600.0
AT_ONCE = 20
"""Parameters in one call. Source: elasticache.ModifyCacheParameterGroup, botocore 1.44.5."""
SEED = "seed"
STRATEGIES = {
    "empty": "the target's group begins empty and is filled by use; no downtime of its own; slower answers until it is "
    "warm, and whatever was only in it is lost",
    SEED: "a person brings a snapshot's files while legacy's writers stand still, and the group is made from them; "
    "costs a snapshot's time twice, and what is written after it",
}


class Seed(CarryAction[GroupFacts]):
    """Waits for the files of a snapshot of legacy's group, one for each shard, in a bucket of the target."""

    name = "seed"
    title = "By hand: bring a snapshot's files to the target"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"
    writes = frozenset()
    reads = frozenset({"s3.ListObjectsV2"})

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.strategy == SEED

    def summary(self, it: It[GroupFacts], place: Place) -> dict[str, Json]:
        base: dict[str, Json] = {"from": it.ref.name, "to": f"s3://{room_of(place)}", "how": by_snapshot(it, place)}
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[GroupFacts], to: Carrier) -> Mapping[str, Json]:
        room = room_of(to.place)
        answer = to.target.optional("s3.ListObjectsV2", missing=("NoSuchBucket",), Bucket=room)
        there = {str(one["Key"]) for one in (answer or {}).get("Contents") or ()}
        missing = [name for name in files_of(it, to.place) if name not in there]
        if missing:
            raise VerificationFailed(
                f"{to.step}: s3://{room} lacks {', '.join(missing)}",
                do=f"{by_snapshot(it, to.place)}; then migrate run",
            )
        return {"files": it.facts.shards}

    def prove(self, it: It[GroupFacts], to: Carrier) -> Proof:
        """What was brought is counted once a group was made from it."""
        return Proof("equal")

    def uncarry(self, it: It[GroupFacts], to: Carrier) -> None:
        """Nothing: the bucket is the person's who made it."""


class Create(CarryAction[GroupFacts]):
    """Subnet group, parameter group and replication group, the first two under the group's own name. One with an AUTH
    token or users is made by a person with the values that the step says; the step compares what stands then."""

    name = "create"
    title = "Create the replication group"
    writes = frozenset()

    def when(self, it: It[GroupFacts]) -> tuple[Phase, Downtime]:
        return ("data", "D2") if it.strategy == SEED else (self.phase, self.downtime)

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        requests = [*_subnets(it, place), *_parameters(it, place)]
        if by_person(it):
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

    def summary(self, it: It[GroupFacts], place: Place) -> dict[str, Json]:
        person = "by hand, with its AUTH token or users: " if by_person(it) else ""
        base: dict[str, Json] = {
            "from": it.ref.name, "to": place.name, "how": f"{person}elasticache.CreateReplicationGroup",
            "parameters": parameters(it, place),
        }  # fmt: skip
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[GroupFacts], to: Carrier) -> Mapping[str, Json]:
        if not by_person(it):
            return {}
        found = described(to.target, to.place.name)
        if found is None:
            chosen = replace(it, strategy=str(to.planned.get(WAY) or ""))
            asked = dict(to.rewrite(parameters(chosen, to.place)))
            besides = "AWS shows nobody its AUTH token (AuthToken) or its users (UserGroupIds)"
            raise ask_for_it(
                f"the replication group {to.place.name}", "elasticache.CreateReplicationGroup", asked, besides
            )
        if found.get("Status") != "available":
            raise StepFailed(f"the group {to.place.name} is {found.get('Status')}", do="wait, then migrate run")
        return {"made by": "a person"}

    def prove(self, it: It[GroupFacts], to: Carrier) -> Proof:
        """Its facts are compared by the engine, one by one."""
        return Proof("equal")

    def uncarry(self, it: It[GroupFacts], to: Carrier) -> None:
        if by_person(it) and described(to.target, to.place.name) is not None:
            delete = "elasticache.DeleteReplicationGroup with ReplicationGroupId"
            raise still_stands("replication group", to.place.name, delete)


class CountItems(CarryAction[GroupFacts]):
    """Compares the number of items that AWS counts in both groups, while nothing writes."""

    name = "count_items"
    title = "Compare the number of items"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"
    writes = frozenset()
    reads = frozenset({METRIC})

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.strategy == SEED

    def summary(self, it: It[GroupFacts], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": place.name, "how": "CurrItems of the primaries, as CloudWatch has it"}

    def carry(self, it: It[GroupFacts], to: Carrier) -> Mapping[str, Json]:
        return {}

    def prove(self, it: It[GroupFacts], to: Carrier) -> Proof:
        return compared("items", _items(to.legacy, it.ref.name), _items(to.target, to.place.name))

    def uncarry(self, it: It[GroupFacts], to: Carrier) -> None:
        """Nothing was done."""


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
        "SnapshotArns": [f"arn:aws:s3:::{room_of(place)}/{name}" for name in files_of(it, place)]
        if it.strategy == SEED else None,
    }  # fmt: skip
    return made | {name: value for name, value in optional.items() if value is not None}


def _subnets(it: It[GroupFacts], place: Place) -> Iterator[Request]:
    """A subnet group of its own: one that others share could not be taken away again."""
    if not it.facts.subnet_ids:
        return
    there: dict[str, Json] = {"CacheSubnetGroupName": place.name}
    yield Request(
        "elasticache.CreateCacheSubnetGroup",
        there | {"CacheSubnetGroupDescription": f"of {place.name}", "SubnetIds": it.facts.subnet_ids},
        once="named",
        find=Find("elasticache.DescribeCacheSubnetGroups", dict(there), {"subnet_group": "CacheSubnetGroups[0].ARN"}),
        outputs={"subnet_group": "CacheSubnetGroup.ARN"},
        undo=Request(
            "elasticache.DeleteCacheSubnetGroup", dict(there), done=NO_SUBNETS, retry=("CacheSubnetGroupInUse",)
        ),
    )


def _parameters(it: It[GroupFacts], place: Place) -> Iterator[Request]:
    """A parameter group of its own, with what people changed in legacy's."""
    facts, there = it.facts, {"CacheParameterGroupName": place.name}
    if facts.default_parameters or not facts.parameter_family:
        return
    yield Request(
        "elasticache.CreateCacheParameterGroup",
        there | {"CacheParameterGroupFamily": facts.parameter_family, "Description": f"of {place.name}"},
        once="named",
        find=Find(
            "elasticache.DescribeCacheParameterGroups", dict(there), {"parameters": "CacheParameterGroups[0].ARN"}
        ),
        outputs={"parameters": "CacheParameterGroup.ARN"},
        undo=Request(
            "elasticache.DeleteCacheParameterGroup", dict(there), done=NO_PARAMETERS,
            retry=("InvalidCacheParameterGroupState",),
        ),
    )  # fmt: skip
    changed = [{"ParameterName": name, "ParameterValue": value} for name, value in sorted(facts.parameters.items())]
    for start in range(0, len(changed), AT_ONCE):
        some = changed[start : start + AT_ONCE]
        yield Request("elasticache.ModifyCacheParameterGroup", there | {"ParameterNameValues": some})


def room_of(place: Place) -> str:
    """The bucket that a person makes for a snapshot's files."""
    text = f"{place.migration}/{place.account}/{place.region}/{place.name}"
    return f"migrate-seed-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def files_of(it: It[GroupFacts], place: Place) -> list[str]:
    """A snapshot's files, one for each shard. Source: ElastiCache user guide, Exporting a backup, unverified."""
    return [f"migrate-{place.name}-{number:04}.rdb" for number in range(1, it.facts.shards + 1)]


def by_snapshot(it: It[GroupFacts], place: Place) -> str:
    """What a person does to bring the items, with the values that are known."""
    room, own = room_of(place), f"migrate-{place.name}"
    return (
        f"writers stand still; in legacy elasticache.CreateSnapshot with ReplicationGroupId {it.ref.name} and "
        f"SnapshotName {own}, until elasticache.DescribeSnapshots says available; elasticache.CopySnapshot with "
        f"SourceSnapshotName {own}, TargetSnapshotName {own} and TargetBucket a bucket of legacy in {place.region} "
        f"that ElastiCache may write to; in {place.account} s3.CreateBucket {room} whose policy lets "
        f"{place.region}.elasticache-snapshot.amazonaws.com read it; copy {', '.join(files_of(it, place))} there"
    )


def _items(site: ReadSite, name: str) -> int | None:
    """The items of every shard's first node, as CloudWatch counts them."""
    group = described(site, name)
    nodes = [
        str(shard["NodeGroupMembers"][0]["CacheClusterId"])
        for shard in (group or {}).get("NodeGroups") or ()
        if shard.get("NodeGroupMembers")
    ]
    counts = [newest(site, "AWS/ElastiCache", "CurrItems", {"CacheClusterId": node}, "Maximum") for node in nodes]
    return None if not counts or None in counts else sum(one or 0 for one in counts)
