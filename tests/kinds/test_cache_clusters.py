"""Caches without a replication group: what one is made of, who makes it, from which files, and what is counted.

The emulator has no serverless caches and no parameter groups: the service here is a few dicts, and every call is held
to AWS's shapes.
"""

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.errors import StepFailed, VerificationFailed
from migrate.kind import STEP_TAG, CarryAction, Kind
from migrate.kinds._by_person import METRIC
from migrate.kinds._cache import files_of, room_of
from migrate.kinds.elasticache_cluster import Cluster
from migrate.kinds.elasticache_serverless_cache import ServerlessCache
from tests.kinds.planned import checked, place_of
from tests.kinds.told_site import ToldSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET

CLUSTER, SERVERLESS = Cluster(), ServerlessCache()
Json = dict[str, Any]
KEY = f"arn:aws:kms:{REGION}:{LEGACY}:key/own"


@dataclass
class Cache:
    """ElastiCache of one account, as its calls show it."""

    account: str
    subnets: dict[str, Json] = field(default_factory=dict)
    parameters: dict[str, Json] = field(default_factory=dict)
    shown: dict[str, Json] = field(default_factory=dict)
    tags: dict[str, list[Json]] = field(default_factory=dict)
    asked: dict[str, Json] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    def site(self, kind: Kind[Any], *more: str) -> ToldSite:
        answers: Any = {
            "elasticache.DescribeCacheClusters": lambda p: self.listed("CacheClusters", p.get("CacheClusterId")),
            "elasticache.DescribeServerlessCaches": lambda p: self.listed(
                "ServerlessCaches", p.get("ServerlessCacheName")
            ),
            "elasticache.DescribeCacheSubnetGroups": lambda p: {
                "CacheSubnetGroups": [self.subnets[p["CacheSubnetGroupName"]]]
            },
            "elasticache.DescribeCacheParameterGroups": lambda p: {
                "CacheParameterGroups": [self.parameters[p["CacheParameterGroupName"]]]
            },
            "elasticache.DescribeCacheParameters": lambda p: {
                "Parameters": self.parameters[p["CacheParameterGroupName"]]["Changed"]
            },
            "elasticache.ListTagsForResource": lambda p: {"TagList": self.tags[p["ResourceName"]]},
            "kms.DescribeKey": lambda p: {"KeyMetadata": {"KeyManager": "CUSTOMER", "Arn": p["KeyId"]}},
            METRIC: lambda p: self.count(p["Dimensions"]),
            "s3.ListObjectsV2": lambda p: {"Contents": [{"Key": one} for one in self.files.get(p["Bucket"], [])]},
        }
        return ToldSite(self.account, REGION, {*kind.reads, *more}, answers)

    def listed(self, key: str, name: str | None) -> Json | None:
        if name is not None and name not in self.shown:
            return None
        return {key: [one for own, one in self.shown.items() if name in (None, own)]}

    def count(self, dimensions: list[Json]) -> Json:
        (one,) = dimensions
        held = self.items.get(f"{one['Name']}={one['Value']}")
        return {"Datapoints": [{"Timestamp": 1, "Maximum": held}] if held is not None else []}

    def send(self, operation: str, p: Json) -> None:
        """One write, as AWS keeps it."""
        arn, verb = f"arn:aws:elasticache:{REGION}:{self.account}", operation.partition(".")[2]
        if verb == "CreateCacheSubnetGroup":
            subnets = [{"SubnetIdentifier": one} for one in p["SubnetIds"]]
            self.subnets[p["CacheSubnetGroupName"]] = {"Subnets": subnets}
        elif verb == "CreateCacheParameterGroup":
            self.parameters[p["CacheParameterGroupName"]] = p | {"Changed": []}
        elif verb == "ModifyCacheParameterGroup":
            self.parameters[p["CacheParameterGroupName"]]["Changed"] += p["ParameterNameValues"]
        elif verb == "CreateCacheCluster":
            own = p["CacheClusterId"]
            self.asked[own], self.tags[f"{arn}:cluster:{own}"] = p, p["Tags"]
            self.shown[own] = self.cluster(own, f"{arn}:cluster:{own}", **p)
        else:
            assert verb == "CreateServerlessCache"
            own = p["ServerlessCacheName"]
            self.asked[own], self.tags[f"{arn}:serverlesscache:{own}"] = p, p["Tags"]
            hosts = {sort: {"Address": f"{own}.{sort}.{self.account}"} for sort in ("Endpoint", "ReaderEndpoint")}
            more = {"ARN": f"{arn}:serverlesscache:{own}", "Status": "available", **hosts}
            self.shown[own] = {key: value for key, value in p.items() if key != "Tags"} | more

    def cluster(self, own: str, arn: str, **p: Any) -> Json:
        assert p["CacheSubnetGroupName"] in self.subnets
        parameters = p["CacheParameterGroupName"]
        assert parameters.startswith("default.") or parameters in self.parameters
        shown = {
            "CacheClusterId": own, "ARN": arn, "CacheClusterStatus": "available",
            "PreferredAvailabilityZone": "Multiple" if p.get("AZMode") == "cross-az" else "eu-west-1a",
            "CacheParameterGroup": {"CacheParameterGroupName": parameters},
            "SecurityGroups": [{"SecurityGroupId": one} for one in p["SecurityGroupIds"]],
            "NotificationConfiguration": {"TopicArn": p.get("NotificationTopicArn")},
            "AuthTokenEnabled": "AuthToken" in p,
            "CacheNodes": [
                {"Endpoint": {"Address": f"{number}.{own}.{self.account}", "Port": p["Port"]}}
                for number in range(p["NumCacheNodes"])
            ],
        }  # fmt: skip
        if p["Engine"] == "memcached":
            assert not {"SnapshotArns", "SnapshotRetentionLimit", "SnapshotWindow"} & p.keys(), "memcached keeps none"
            shown["ConfigurationEndpoint"] = {"Address": f"{own}.cfg.{self.account}", "Port": p["Port"]}
        else:
            assert p["NumCacheNodes"] == 1
            shown["EngineVersion"] = f"{p['EngineVersion']}.0"
        same = (
            "Engine", "EngineVersion", "CacheNodeType", "NumCacheNodes", "CacheSubnetGroupName", "IpDiscovery",
            "NetworkType", "TransitEncryptionEnabled", "SnapshotRetentionLimit", "SnapshotWindow",
            "PreferredMaintenanceWindow", "AutoMinorVersionUpgrade",
        )  # fmt: skip
        return {name: p[name] for name in same if name in p} | shown


COMMON: Json = {
    "CacheClusterId": "carts", "CacheNodeType": "cache.r7g.large", "CacheSubnetGroupName": "private",
    "CacheParameterGroupName": "of the shop", "Port": 6380, "SecurityGroupIds": ["sg-2", "sg-1"],
    "PreferredMaintenanceWindow": "sun:05:00-sun:06:00", "AutoMinorVersionUpgrade": True, "NetworkType": "ipv4",
    "IpDiscovery": "ipv4", "NotificationTopicArn": f"arn:aws:sns:{REGION}:{LEGACY}:caches",
    "Tags": [{"Key": "team", "Value": "shop"}],
}  # fmt: skip
MEMCACHED: Json = {
    "Engine": "memcached", "EngineVersion": "1.6.22", "NumCacheNodes": 3, "AZMode": "cross-az",
    "TransitEncryptionEnabled": True,
}  # fmt: skip
NODE: Json = {
    "Engine": "redis", "EngineVersion": "7.1", "NumCacheNodes": 1, "SnapshotRetentionLimit": 5,
    "SnapshotWindow": "03:00-04:00",
}  # fmt: skip


def legacy(**more: Any) -> Cache:
    """One cluster with parameters of its own."""
    cache = Cache(LEGACY)
    cache.send(
        "elasticache.CreateCacheSubnetGroup", {"CacheSubnetGroupName": "private", "SubnetIds": ["subnet-b", "subnet-a"]}
    )
    family = {"CacheParameterGroupName": "of the shop", "CacheParameterGroupFamily": "redis7"}
    cache.send("elasticache.CreateCacheParameterGroup", family)
    cache.parameters["of the shop"]["Changed"] = [{"ParameterName": "maxmemory-policy", "ParameterValue": "lru"}]
    cache.send("elasticache.CreateCacheCluster", COMMON | more)
    return cache


def serverless(**more: Any) -> Cache:
    cache = Cache(LEGACY)
    made: Json = {
        "ServerlessCacheName": "carts", "Description": "carts of the shop", "Engine": "valkey",
        "MajorEngineVersion": "8", "KmsKeyId": KEY, "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-b", "subnet-a"],
        "CacheUsageLimits": {"DataStorage": {"Maximum": 10, "Unit": "GB"}, "ECPUPerSecond": {"Maximum": 5000}},
        "SnapshotRetentionLimit": 3, "DailySnapshotTime": "03:00", "NetworkType": "ipv4",
        "Tags": [{"Key": "team", "Value": "shop"}],
    }  # fmt: skip
    cache.send("elasticache.CreateServerlessCache", made | more)
    return cache


def scanned(kind: Kind[Any], cache: Cache, only: str | None = None) -> Any:
    return next(iter(kind.scan(cache.site(kind), only)), None)


def it_of(kind: Kind[Any], cache: Cache, strategy: str = "") -> Any:
    return replace(kind.typed(scanned(kind, cache)), strategy=strategy)


def carrier(kind: Kind[Any], old: Cache, new: Cache, action: CarryAction[Any]) -> Any:
    return SimpleNamespace(
        legacy=old.site(kind, *action.reads), target=new.site(kind, *action.reads), place=place_of("carts"),
        step="carts:step", planned={}, rewrite=lambda document: document, outputs={},
    )  # fmt: skip


def carrying(kind: Kind[Any], name: str) -> CarryAction[Any]:
    action = kind.action(name)
    assert isinstance(action, CarryAction)
    return action


def made(kind: Kind[Any], it: Any, new: Cache) -> list[str]:
    """Send what the creating action sends."""
    requests = checked(list(kind.action("create").requests(it, place_of("carts"))))
    for request in requests:
        new.send(request.operation, request.params)
    return [request.operation.partition(".")[2] for request in requests]


CASES = [
    pytest.param(CLUSTER, lambda: legacy(**MEMCACHED), id="memcached"),
    pytest.param(CLUSTER, lambda: legacy(**NODE), id="one node"),
    pytest.param(SERVERLESS, serverless, id="serverless"),
]


@pytest.mark.parametrize(("kind", "of"), CASES)
def test_a_cache_arrives_with_every_setting_and_is_undone(kind: Kind[Any], of: Any) -> None:
    old, new = of(), Cache(TARGET)
    it = it_of(kind, old)

    sent = made(kind, it, new)

    there = scanned(kind, new, "carts")
    assert {k: v for k, v in there.facts.items() if k not in kind.volatile} == {
        k: v for k, v in scanned(kind, old).facts.items() if k not in kind.volatile
    }
    assert there.facts["subnet_ids"] == ["subnet-a", "subnet-b"]
    assert there.tags[STEP_TAG] == place_of("carts").step
    assert there.tags["team"] == "shop"
    undone = [one.undo.operation for one in kind.action("create").requests(it, place_of("carts")) if one.undo]
    wanted = {verb.replace("Create", "elasticache.Delete") for verb in sent if verb.startswith("Create")}
    assert set(undone) == wanted


@pytest.mark.parametrize(("kind", "of"), CASES)
def test_every_host_of_a_cache_becomes_the_targets_own(kind: Kind[Any], of: Any) -> None:
    old, new = of(), Cache(TARGET)
    it = it_of(kind, old)
    made(kind, it, new)

    known = kind.outputs(scanned(kind, new, "carts"))
    renamed = {
        name.legacy: known[name.target["$after"][1]]
        for name in kind.names(it, place_of("carts"))
        if name.sort == "host"
    }

    assert len(renamed) == {"memcached": 4, "redis": 1, "valkey": 2}[it.facts.engine]
    assert renamed == {host: host.replace(LEGACY, TARGET) for host in renamed}


def test_what_a_cluster_stands_on_is_needed_and_members_of_a_group_are_the_groups() -> None:
    cache = legacy(**NODE)
    cache.shown["member"] = cache.shown["carts"] | {"CacheClusterId": "member", "ReplicationGroupId": "a group"}

    (found,) = CLUSTER.scan(cache.site(CLUSTER))

    needs = {need.on for need in CLUSTER.needs(CLUSTER.typed(found))}
    assert needs == {"subnet-a", "subnet-b", "sg-1", "sg-2", COMMON["NotificationTopicArn"]}
    assert scanned(CLUSTER, cache, "member") is None
    assert {need.on for need in SERVERLESS.needs(it_of(SERVERLESS, serverless()))} >= {KEY, "subnet-a", "sg-1"}


@pytest.mark.parametrize(
    ("kind", "of", "secret"),
    [
        (CLUSTER, lambda: legacy(**NODE, AuthToken="not shown"), "AuthToken"),
        (SERVERLESS, lambda: serverless(UserGroupId="people"), "UserGroupId"),
    ],
)
def test_a_cache_that_only_people_can_open_is_made_by_one_with_the_values_that_the_step_says(
    kind: Kind[Any], of: Any, secret: str
) -> None:
    old, new = of(), Cache(TARGET)
    it, action = it_of(kind, old), carrying(kind, "create")
    to = carrier(kind, old, new, action)

    sent = made(kind, it, new)
    with pytest.raises(VerificationFailed, match="carts is not in the target") as stopped:
        action.carry(it, to)
    said = stopped.value.do or ""
    asked = json.loads(said[said.index("{") : said.rindex("}") + 1])

    assert stopped.value.exit_code == 5
    assert not [verb for verb in sent if verb in ("CreateCacheCluster", "CreateServerlessCache")]
    assert secret in str(stopped.value)
    assert secret not in asked
    new.send(
        f"elasticache.{'CreateCacheCluster' if kind is CLUSTER else 'CreateServerlessCache'}", asked | {secret: "x"}
    )
    assert action.carry(it, to) == {"made by": "a person"}
    status = "CacheClusterStatus" if kind is CLUSTER else "Status"
    new.shown["carts"][status] = "creating"
    with pytest.raises(StepFailed, match="carts is creating"):
        action.carry(it, to)
    with pytest.raises(StepFailed, match="was made by a person, and stands"):
        action.uncarry(it, to)


@pytest.mark.parametrize(
    ("kind", "of", "files"),
    [
        (CLUSTER, lambda: legacy(**NODE, AuthToken="not shown"), "SnapshotArns"),
        (SERVERLESS, lambda: serverless(UserGroupId="people"), "SnapshotArnsToRestore"),
    ],
)
def test_who_makes_a_seeded_cache_by_hand_is_told_its_files_as_the_plan_was_approved(
    kind: Kind[Any], of: Any, files: str
) -> None:
    old, new = of(), Cache(TARGET)
    # A run knows the way from the approved summary only.
    it, action = it_of(kind, old), carrying(kind, "create")
    to = carrier(kind, old, new, action)
    to.planned = {"strategy": "seed"}

    with pytest.raises(VerificationFailed) as stopped:
        action.carry(it, to)

    assert f'"{files}"' in (stopped.value.do or "")


@pytest.mark.parametrize(("kind", "of"), CASES[1:])
def test_a_seeded_cache_waits_for_the_file_and_is_made_from_it(kind: Kind[Any], of: Any) -> None:
    old, new = of(), Cache(TARGET)
    it, action = it_of(kind, old, "seed"), carrying(kind, "seed")
    to = carrier(kind, old, new, action)
    room, files = room_of(to.place), files_of(to.place, 1)

    with pytest.raises(VerificationFailed, match=f"lacks {files[0]}") as stopped:
        action.carry(it, to)
    new.files[room] = files
    counts = action.carry(it, to)
    made(kind, it, new)

    assert stopped.value.exit_code == 5
    assert "migrate-carts" in (stopped.value.do or "")
    assert counts == {"files": 1}
    asked = new.asked["carts"]
    assert asked.get("SnapshotArns", asked.get("SnapshotArnsToRestore")) == [f"arn:aws:s3:::{room}/{files[0]}"]
    assert kind.action("create").when(it) == ("data", "D2")
    assert kind.action("create").when(it_of(kind, old)) == ("build", "D0")
    assert not kind.action("seed").applies(it_of(kind, old))


@pytest.mark.parametrize(
    ("kind", "of", "dimension"),
    [(CLUSTER, lambda: legacy(**NODE), "CacheClusterId"), (SERVERLESS, serverless, "clusterId")],
)
def test_items_are_counted_on_both_sides_and_an_unknown_count_proves_nothing(
    kind: Kind[Any], of: Any, dimension: str
) -> None:
    old, new = of(), Cache(TARGET)
    it, action = it_of(kind, old, "seed"), carrying(kind, "count_items")
    to = carrier(kind, old, new, action)

    states = [action.prove(it, to).state]
    for count in (6, 7):
        old.items[f"{dimension}=carts"], new.items[f"{dimension}=carts"] = 7, count
        states.append(action.prove(it, to).state)

    assert states == ["could not be proved", "different", "equal"]


def test_memcached_cannot_be_seeded_and_the_plan_says_so() -> None:
    it = it_of(CLUSTER, legacy(**MEMCACHED), "seed")

    assert "choose empty" in CLUSTER.unfit_strategy(it, place_of("carts"))
    assert CLUSTER.unfit_strategy(it_of(CLUSTER, legacy(**NODE), "seed"), place_of("carts")) == ""


def test_a_cache_that_is_being_deleted_is_not_there() -> None:
    cluster, cache = legacy(**NODE), serverless()
    cluster.shown["carts"]["CacheClusterStatus"] = "deleting"
    cache.shown["carts"]["Status"] = "DELETING"

    assert scanned(CLUSTER, cluster) is None
    assert scanned(SERVERLESS, cache) is None
    assert scanned(SERVERLESS, cache, "another") is None
