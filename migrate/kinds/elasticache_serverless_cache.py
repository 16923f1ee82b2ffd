"""Serverless caches of ElastiCache. The rule: who may use one (its users) is never guessed: a person makes it then."""

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
    pair_tags,
    tag_pairs,
)
from migrate.kinds._cache import (
    READY_S,
    STRATEGIES,
    CountItems,
    CreateCache,
    SeedFiles,
    host_names,
    hosts_of,
    seeds,
)
from migrate.kinds._keys import customers_key

GONE = ("ServerlessCacheNotFoundFault",)
BUSY = ("InvalidServerlessCacheStateFault",)


class ServerlessFacts(Facts):
    """Source: elasticache.DescribeServerlessCaches; kms.DescribeKey."""

    description: str
    engine: str
    engine_version: str | None
    """The major one: AWS chooses the rest."""
    limits: dict[str, Json]
    kms_key: str | None
    """A customer's key by its ARN; None: the key that the service owns."""
    subnet_ids: list[str]
    security_groups: list[str]
    user_group: str | None
    snapshot_days: int
    snapshot_time: str | None
    network_type: str | None
    connection_type: str | None
    host: str | None
    reader_host: str | None


class Seed(SeedFiles):
    """Waits for the file of a snapshot of legacy's cache in a bucket of the target. That AWS makes a serverless cache
    from such a file is unverified: where it refuses, the step says so and nothing was made."""

    def taken(self, it: It[ServerlessFacts], place: Place) -> str:
        own = f"migrate-{place.name}"
        return (
            f"in legacy elasticache.CreateServerlessCacheSnapshot with ServerlessCacheName {it.ref.name} and "
            f"ServerlessCacheSnapshotName {own}, until elasticache.DescribeServerlessCacheSnapshots says available; "
            f"elasticache.ExportServerlessCacheSnapshot with ServerlessCacheSnapshotName {own} and S3BucketName a "
            f"bucket of legacy in {place.region} that ElastiCache may write to"
        )


class Create(CreateCache):
    """The cache. One with users is made by a person with the values that the step says; the step compares what stands
    then."""

    title = "Create the serverless cache"
    what, by, status = "serverless cache", "elasticache.CreateServerlessCache", "Status"
    gone_by = "elasticache.DeleteServerlessCache with ServerlessCacheName"
    opened_with = "users"

    def hidden(self, it: It[ServerlessFacts]) -> str:
        return f"the passwords of its users (UserGroupId {it.facts.user_group})" if it.facts.user_group else ""

    def parameters(self, it: It[ServerlessFacts], place: Place) -> dict[str, Json]:
        return parameters(it, place)

    def described(self, site: ReadSite, name: str) -> dict[str, Any] | None:
        return described(site, name)

    def requests(self, it: It[ServerlessFacts], place: Place) -> Sequence[Request]:
        if self.hidden(it):
            return ()
        there: dict[str, Json] = {"ServerlessCacheName": place.name}
        # AWS writes the states of its documentation in capitals and shows them in small letters (unverified).
        look, status = "elasticache.DescribeServerlessCaches", "ServerlessCaches[].Status"
        return [
            Request(
                "elasticache.CreateServerlessCache",
                parameters(it, place),
                once="named",
                creates=True,
                wait=Wait(
                    look, dict(there), status, ("available", "AVAILABLE"), failed=("create-failed", "CREATE-FAILED"),
                    every_s=15.0, timeout_s=READY_S,
                ),
                undo=Request(
                    "elasticache.DeleteServerlessCache",
                    dict(there),
                    done=GONE,
                    retry=BUSY,
                    wait=Wait(look, dict(there), status, (), gone=GONE, timeout_s=READY_S),
                ),
            )
        ]  # fmt: skip


class CountServerless(CountItems):
    """Compares the number of items that AWS counts in both caches, while nothing writes."""

    def dimensions(self, site: ReadSite, name: str) -> list[Mapping[str, str]]:
        """Source: ElastiCache user guide, Metrics for serverless caches, dimension clusterId; unverified."""
        return [{"clusterId": name}]


class ServerlessCache(Kind[ServerlessFacts]):
    """A serverless cache of ElastiCache. It begins empty, or with `strategy: seed` (migration.yaml, `stores`) from a
    snapshot whose file a person brings."""

    name = "elasticache.serverless_cache"
    title = "Serverless cache"
    facts = ServerlessFacts
    stateful = True
    reads = frozenset({"elasticache.DescribeServerlessCaches", "elasticache.ListTagsForResource", "kms.DescribeKey"})
    tagging_types = ("elasticache:serverlesscache",)
    volatile = frozenset({"host", "reader_host"})
    unordered = frozenset({"subnet_ids", "security_groups"})
    strategies: ClassVar[Mapping[str, str]] = STRATEGIES
    left_out: ClassVar[Mapping[str, str]] = {
        "Items": "the cache begins empty; `strategy: seed` begins it from a snapshot that a person brings",
        "Users": "AWS shows no passwords: a person makes such a cache with the values that the step says",
        "Integrations": "elasticache.ModifyServerlessCache in the target",
    }
    actions: "ClassVar[tuple[Action[Any], ...]]" = (Seed(), Create(), CountServerless())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("elasticache.DescribeServerlessCaches", "ServerlessCaches"))
        else:
            one = described(site, only)
            listed = [one] if one else []
        standing = [one for one in listed if str(one.get("Status")).lower() != "deleting"]
        for cache, facts in zip(standing, site.map(lambda one: read_facts(site, one), standing), strict=True):
            tags = site.call("elasticache.ListTagsForResource", ResourceName=cache["ARN"]).get("TagList")
            yield self.found(site, cache["ServerlessCacheName"], facts, arn=cache["ARN"], tags=pair_tags(tags))

    def names(self, it: It[ServerlessFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        yield from host_names(it, sorted(self.volatile))

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | hosts_of(found, self.volatile)

    def needs(self, it: It[ServerlessFacts]) -> Iterator[Need]:
        where = "elasticache.DescribeServerlessCaches ServerlessCaches[]"
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", f"{where}.KmsKeyId")
        for subnet in it.facts.subnet_ids:
            yield Need(subnet, "in", "hard", f"{where}.SubnetIds[]")
        for group in it.facts.security_groups:
            yield Need(group, "member of", "hard", f"{where}.SecurityGroupIds[]")


def parameters(it: It[ServerlessFacts], place: Place) -> dict[str, Json]:
    """What CreateServerlessCache takes, in legacy terms."""
    facts = it.facts
    made: dict[str, Json] = {
        "ServerlessCacheName": place.name, "Engine": facts.engine, "Tags": tag_pairs(place.stamp(it.tags)),
    }  # fmt: skip
    optional: dict[str, Json] = {
        "Description": facts.description or None, "MajorEngineVersion": facts.engine_version,
        "CacheUsageLimits": facts.limits or None, "KmsKeyId": facts.kms_key,
        "SecurityGroupIds": facts.security_groups or None, "SubnetIds": facts.subnet_ids or None,
        "SnapshotRetentionLimit": facts.snapshot_days or None,
        "DailySnapshotTime": facts.snapshot_time if facts.snapshot_days else None,
        "NetworkType": facts.network_type, "ConnectionType": facts.connection_type,
        "SnapshotArnsToRestore": seeds(it, place),
    }  # fmt: skip
    return made | {name: value for name, value in optional.items() if value is not None}


def read_facts(site: ReadSite, cache: Mapping[str, Any]) -> ServerlessFacts:
    """One description as facts."""
    limits = {name: dict(one) for name, one in sorted((cache.get("CacheUsageLimits") or {}).items()) if one}
    return ServerlessFacts(
        description=cache.get("Description") or "",
        engine=cache["Engine"],
        engine_version=cache.get("MajorEngineVersion"),
        limits=limits,
        kms_key=customers_key(site, cache.get("KmsKeyId")),
        subnet_ids=sorted(cache.get("SubnetIds") or ()),
        security_groups=sorted(cache.get("SecurityGroupIds") or ()),
        user_group=cache.get("UserGroupId"),
        snapshot_days=int(cache.get("SnapshotRetentionLimit") or 0),
        snapshot_time=cache.get("DailySnapshotTime"),
        network_type=cache.get("NetworkType"),
        connection_type=cache.get("ConnectionType"),
        host=(cache.get("Endpoint") or {}).get("Address"),
        reader_host=(cache.get("ReaderEndpoint") or {}).get("Address"),
    )


def described(site: ReadSite, name: str) -> dict[str, Any] | None:
    """One cache; None where there is none."""
    answer = site.optional("elasticache.DescribeServerlessCaches", missing=GONE, ServerlessCacheName=name)
    return next((dict(one) for one in (answer or {}).get("ServerlessCaches") or ()), None)


KINDS = (ServerlessCache(),)
