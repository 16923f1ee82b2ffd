"""Replication groups of ElastiCache over a told service: what one is made of, who makes it, and from which files.

The emulator keeps neither members nor subnets of a group and has no parameter groups: the service here is a few dicts,
and every call is held to AWS's shapes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.errors import StepFailed, VerificationFailed
from migrate.kind import STEP_TAG, CarryAction
from migrate.kinds._by_person import METRIC
from migrate.kinds._cache import files_of, room_of
from migrate.kinds.elasticache_replication_group import ReplicationGroup
from tests.kinds.planned import checked, place_of
from tests.kinds.told_site import ToldSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET

KIND = ReplicationGroup()
Json = dict[str, Any]


@dataclass
class Cache:
    """ElastiCache of one account, as its calls show it."""

    account: str
    subnets: dict[str, Json] = field(default_factory=dict)
    parameters: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    asked: dict[str, Json] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    def site(self, *more: str) -> ToldSite:
        answers: Mapping[str, Callable[[Json], Json | None]] = {
            "elasticache.DescribeReplicationGroups": lambda p: listed(
                "ReplicationGroups", self.groups, p.get("ReplicationGroupId")
            ),
            "elasticache.DescribeCacheSubnetGroups": lambda p: listed(
                "CacheSubnetGroups", self.subnets, p.get("CacheSubnetGroupName")
            ),
            "elasticache.DescribeCacheParameterGroups": lambda p: listed(
                "CacheParameterGroups", self.parameters, p.get("CacheParameterGroupName")
            ),
            "elasticache.DescribeCacheParameters": lambda p: {
                "Parameters": [
                    {"ParameterName": name, "ParameterValue": value}
                    for name, value in self.parameters[p["CacheParameterGroupName"]]["Changed"].items()
                ]
            },
            "elasticache.DescribeCacheClusters": lambda p: self.member(p["CacheClusterId"]),
            "elasticache.ListTagsForResource": lambda p: {
                "TagList": self.asked[p["ResourceName"].rpartition(":")[2]].get("Tags", [])
            },
            METRIC: lambda p: self.count(p["Dimensions"][0]["Value"]),
            "s3.ListObjectsV2": lambda p: {"Contents": [{"Key": one} for one in self.files.get(p["Bucket"], [])]},
        }
        return ToldSite(self.account, REGION, {*KIND.reads, *more}, answers)

    def count(self, member: str) -> Json:
        held = self.items.get(member)
        return {"Datapoints": [{"Timestamp": 1, "Maximum": held}] if held is not None else []}

    def member(self, own: str) -> Json | None:
        asked = self.asked[own.rpartition("-")[0].rpartition("-")[0]]
        return {
            "CacheClusters": [
                {
                    "EngineVersion": f"{asked['EngineVersion']}.0",
                    "CacheSubnetGroupName": asked["CacheSubnetGroupName"],
                    "CacheParameterGroup": {"CacheParameterGroupName": asked["CacheParameterGroupName"]},
                    "SecurityGroups": [{"SecurityGroupId": one} for one in asked["SecurityGroupIds"]],
                    "PreferredMaintenanceWindow": asked["PreferredMaintenanceWindow"],
                    "NotificationConfiguration": {"TopicArn": asked.get("NotificationTopicArn")},
                }
            ]
        }  # fmt: skip

    def send(self, operation: str, p: Json) -> None:
        """One write, as AWS keeps it."""
        arn = f"arn:aws:elasticache:{REGION}:{self.account}"
        name = p.get("CacheSubnetGroupName") or p.get("CacheParameterGroupName") or ""
        if operation.endswith("CreateCacheSubnetGroup"):
            found = [{"SubnetIdentifier": one} for one in p["SubnetIds"]]
            self.subnets[name] = {"Subnets": found, "ARN": f"{arn}:subnetgroup:{name}"}
        elif operation.endswith("CreateCacheParameterGroup"):
            self.parameters[name] = p | {"Changed": {}, "ARN": f"{arn}:parametergroup:{name}"}
        elif operation.endswith("ModifyCacheParameterGroup"):
            for one in p["ParameterNameValues"]:
                self.parameters[name]["Changed"][one["ParameterName"]] = one["ParameterValue"]
        else:
            assert operation == "elasticache.CreateReplicationGroup"
            self.group(**p)

    def group(self, **p: Any) -> None:
        own, shards = p["ReplicationGroupId"], p.get("NumNodeGroups", 1)
        nodes = p.get("ReplicasPerNodeGroup", p.get("NumCacheClusters", 1) - 1) + 1
        assert p["CacheSubnetGroupName"] in self.subnets
        assert p["CacheParameterGroupName"].startswith("default.") or p["CacheParameterGroupName"] in self.parameters
        port = p.get("Port", 6379)
        self.asked[own] = p
        self.groups[own] = {
            "ReplicationGroupId": own, "ARN": f"arn:aws:elasticache:{REGION}:{self.account}:replicationgroup:{own}",
            "Description": p["ReplicationGroupDescription"], "Status": "available", "Engine": p["Engine"],
            "CacheNodeType": p["CacheNodeType"], "ClusterEnabled": "NumNodeGroups" in p,
            "AutomaticFailover": "enabled" if p["AutomaticFailoverEnabled"] else "disabled",
            "MultiAZ": "enabled" if p["MultiAZEnabled"] else "disabled",
            "AtRestEncryptionEnabled": p["AtRestEncryptionEnabled"],
            "TransitEncryptionEnabled": p["TransitEncryptionEnabled"],
            "TransitEncryptionMode": p.get("TransitEncryptionMode"), "AuthTokenEnabled": "AuthToken" in p,
            "SnapshotRetentionLimit": p["SnapshotRetentionLimit"], "SnapshotWindow": p.get("SnapshotWindow"),
            "AutoMinorVersionUpgrade": p["AutoMinorVersionUpgrade"],
            "MemberClusters": [f"{own}-{s:04}-{n:03}" for s in range(1, shards + 1) for n in range(1, nodes + 1)],
            "NodeGroups": [
                {
                    "NodeGroupMembers": [{"CacheClusterId": f"{own}-{s:04}-{n:03}"} for n in range(1, nodes + 1)],
                    "PrimaryEndpoint": {"Address": f"{own}.{self.account}.cache", "Port": port},
                }
                for s in range(1, shards + 1)
            ],
        }  # fmt: skip


def listed(key: str, held: dict[str, Json], name: str | None) -> Json | None:
    if name is not None and name not in held:
        return None
    return {key: [one for own, one in held.items() if name in (None, own)]}


def legacy(**more: Any) -> Cache:
    """Two shards of two nodes with parameters of their own."""
    cache = Cache(LEGACY)
    cache.send(
        "elasticache.CreateCacheSubnetGroup", {"CacheSubnetGroupName": "private", "SubnetIds": ["subnet-b", "subnet-a"]}
    )
    family = {"CacheParameterGroupName": "shop-valkey", "CacheParameterGroupFamily": "valkey8"}
    cache.send("elasticache.CreateCacheParameterGroup", family)
    cache.parameters["shop-valkey"]["Changed"] = {f"parameter-{at:02}": str(at) for at in range(23)}
    cache.group(
        **{
            "ReplicationGroupId": "carts", "ReplicationGroupDescription": "carts of the shop", "Engine": "valkey",
            "NotificationTopicArn": "arn:aws:sns:eu-west-1:111111111111:caches",
            "EngineVersion": "8.0", "CacheNodeType": "cache.r7g.large", "NumNodeGroups": 2, "ReplicasPerNodeGroup": 1,
            "AutomaticFailoverEnabled": True, "MultiAZEnabled": True, "AtRestEncryptionEnabled": True,
            "TransitEncryptionEnabled": True, "TransitEncryptionMode": "required", "SnapshotRetentionLimit": 5,
            "SnapshotWindow": "03:00-04:00", "AutoMinorVersionUpgrade": False, "SecurityGroupIds": ["sg-2", "sg-1"],
            "CacheSubnetGroupName": "private", "CacheParameterGroupName": "shop-valkey", "Port": 6380,
            "PreferredMaintenanceWindow": "sun:05:00-sun:06:00", "Tags": [{"Key": "team", "Value": "shop"}],
        } | more
    )  # fmt: skip
    return cache


def scanned(cache: Cache, only: str | None = None) -> Any:
    return next(iter(KIND.scan(cache.site(), only)), None)


def it_of(cache: Cache, strategy: str = "") -> Any:
    return replace(KIND.typed(scanned(cache)), strategy=strategy)


def carrier(it: Any, old: Cache, new: Cache, action: CarryAction[Any]) -> Any:
    return SimpleNamespace(
        legacy=old.site(*action.reads), target=new.site(*action.reads), place=place_of("carts"), step="carts:step",
        planned={}, rewrite=lambda document: document, outputs={},
    )  # fmt: skip


def made(it: Any, new: Cache) -> list[str]:
    """Send what the creating action sends."""
    requests = checked(list(KIND.action("create").requests(it, place_of("carts"))))
    for request in requests:
        new.send(request.operation, request.params)
    return [request.operation.partition(".")[2] for request in requests]


def test_a_group_arrives_with_subnets_parameters_and_every_setting_under_its_own_names() -> None:
    old, new = legacy(), Cache(TARGET)

    sent = made(it_of(old), new)

    there = scanned(new, "carts")
    hosts = KIND.volatile
    assert sent == [
        "CreateCacheSubnetGroup", "CreateCacheParameterGroup", "ModifyCacheParameterGroup",
        "ModifyCacheParameterGroup", "CreateReplicationGroup",
    ]  # fmt: skip
    assert {k: v for k, v in there.facts.items() if k not in hosts} == {
        k: v for k, v in scanned(old).facts.items() if k not in hosts
    }
    assert there.facts["subnet_ids"] == ["subnet-a", "subnet-b"]
    assert len(there.facts["parameters"]) == 23
    assert there.tags[STEP_TAG] == place_of("carts").step
    assert there.tags["team"] == "shop"
    assert KIND.outputs(there)["primary_host"] == f"carts.{TARGET}.cache"


def test_every_request_but_the_group_itself_is_undone_alone_and_known_again() -> None:
    requests = list(KIND.action("create").requests(it_of(legacy()), place_of("carts")))

    undone = [one.undo.operation for one in requests if one.undo]
    assert undone == [
        "elasticache.DeleteCacheSubnetGroup", "elasticache.DeleteCacheParameterGroup",
        "elasticache.DeleteReplicationGroup",
    ]  # fmt: skip
    # A subnet group of that name that somebody else made stops the step.
    assert [one.once for one in requests if one.find] == ["named", "named"]


@pytest.mark.parametrize("cluster_mode", [True, False])
def test_a_group_of_aws_own_parameters_keeps_them(cluster_mode: bool) -> None:
    old = legacy(CacheParameterGroupName="default.valkey8.cluster.on")
    if not cluster_mode:
        old = legacy(CacheParameterGroupName="default.valkey8")
        asked = old.asked["carts"] | {"NumCacheClusters": 3}
        old.group(
            **{name: value for name, value in asked.items() if name not in ("NumNodeGroups", "ReplicasPerNodeGroup")}
        )
    new = Cache(TARGET)

    sent = made(it_of(old), new)

    assert "CreateCacheParameterGroup" not in sent
    assert scanned(new, "carts").facts["default_parameters"] == old.asked["carts"]["CacheParameterGroupName"]
    assert (scanned(new, "carts").facts["shards"], scanned(new, "carts").facts["replicas"]) == (
        (2, 1) if cluster_mode else (1, 2)
    )


def test_a_group_with_a_token_is_made_by_a_person_with_the_values_that_the_step_says() -> None:
    old, new = legacy(AuthToken="not shown by any call"), Cache(TARGET)
    it, action = it_of(old), KIND.action("create")
    assert isinstance(action, CarryAction)
    to = carrier(it, old, new, action)

    sent = made(it, new)
    with pytest.raises(VerificationFailed, match="the replication group carts is not in the target") as stopped:
        action.carry(it, to)
    said = stopped.value.do or ""
    asked = json.loads(said[said.index("{") : said.rindex("}") + 1])
    new.group(**asked, AuthToken="a new one")

    assert "CreateReplicationGroup" not in sent
    assert "AuthToken" not in asked
    assert asked["CacheParameterGroupName"] == asked["CacheSubnetGroupName"] == "carts"
    assert action.carry(it, to) == {"made by": "a person"}
    assert scanned(new, "carts").facts["auth_token"]
    with pytest.raises(StepFailed, match="was made by a person, and stands"):
        action.uncarry(it, to)


def test_a_seeded_group_waits_for_a_file_of_each_shard_and_is_made_from_them() -> None:
    old, new = legacy(), Cache(TARGET)
    it, action = it_of(old, "seed"), KIND.action("seed")
    assert isinstance(action, CarryAction)
    to = carrier(it, old, new, action)
    room, files = room_of(to.place), files_of(to.place, 2)
    new.files[room] = files[:1]

    with pytest.raises(VerificationFailed, match=f"lacks {files[1]}") as stopped:
        action.carry(it, to)
    new.files[room] = files
    counts = action.carry(it, to)
    made(it, new)

    assert stopped.value.exit_code == 5
    assert "SnapshotName migrate-carts" in (stopped.value.do or "")
    assert counts == {"files": 2}
    assert new.asked["carts"]["SnapshotArns"] == [f"arn:aws:s3:::{room}/{one}" for one in files]
    assert KIND.action("create").when(it) == ("data", "D2")
    assert KIND.action("create").when(it_of(old)) == ("build", "D0")
    assert not KIND.action("seed").applies(it_of(old))


def test_the_items_of_every_shard_are_counted_on_both_sides() -> None:
    old, new = legacy(), Cache(TARGET)
    it, action = it_of(old, "seed"), KIND.action("count_items")
    assert isinstance(action, CarryAction)
    made(it, new)
    to = carrier(it, old, new, action)
    old.items = {"carts-0001-001": 40, "carts-0002-001": 60}

    unknown = action.prove(it, to).state
    new.items = {"carts-0001-001": 50, "carts-0002-001": 49}
    fewer = action.prove(it, to)
    new.items["carts-0002-001"] = 50

    assert unknown == "could not be proved"
    assert fewer.differences == ("items: 100 in legacy, 99 in the target",)
    assert action.prove(it, to).state == "equal"
