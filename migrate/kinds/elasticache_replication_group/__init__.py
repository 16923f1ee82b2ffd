"""ElastiCache replication groups (Redis OSS, Valkey): made with legacy's settings, empty or from a snapshot that a
person brings. The rule: what cannot be read (an AUTH token, users) is never guessed: a person makes such a group.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, It, Kind, Name, Need, Place, ReadSite, pair_tags
from migrate.kinds._cache import STRATEGIES, host_names, hosts_of
from migrate.kinds.elasticache_replication_group.actions import CountPrimaries, Create, Seed
from migrate.kinds.elasticache_replication_group.facts import GroupFacts, described, read_facts


class ReplicationGroup(Kind[GroupFacts]):
    """A replication group of ElastiCache. It begins empty, or with `strategy: seed` (migration.yaml, `stores`) from a
    snapshot whose files a person brings."""

    name = "elasticache.replication_group"
    title = "Replication group (Redis OSS, Valkey)"
    facts = GroupFacts
    stateful = True
    reads = frozenset(
        {
            "elasticache.DescribeCacheClusters",
            "elasticache.DescribeCacheParameterGroups",
            "elasticache.DescribeCacheParameters",
            "elasticache.DescribeCacheSubnetGroups",
            "elasticache.DescribeReplicationGroups",
            "elasticache.ListTagsForResource",
            "kms.DescribeKey",
        }
    )
    tagging_types = ("elasticache:replicationgroup",)
    volatile = frozenset({"primary_host", "reader_host", "configuration_host"})
    unordered = frozenset({"subnet_ids", "security_groups", "user_groups"})
    strategies: ClassVar[Mapping[str, str]] = STRATEGIES
    left_out: ClassVar[Mapping[str, str]] = {
        "Items": "the group begins empty; `strategy: seed` begins it from a snapshot that a person brings",
        "AUTH token and users": "AWS shows neither: a person makes such a group with the values that the step says",
        "LogDeliveryConfigurations": "elasticache.ModifyReplicationGroup in the target, to its own log groups",
        "Global datastore": "elasticache.CreateGlobalReplicationGroup in the target",
        "Zones of its nodes, slots of its shards": "AWS spreads both anew",
    }
    actions: "ClassVar[tuple[Action[Any], ...]]" = (Seed(), Create(), CountPrimaries())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("elasticache.DescribeReplicationGroups", "ReplicationGroups"))
        else:
            one = described(site, only)
            listed = [one] if one else []
        standing = [one for one in listed if one.get("Status") != "deleting"]
        for group, facts in zip(standing, site.map(lambda one: read_facts(site, one), standing), strict=True):
            tags = site.call("elasticache.ListTagsForResource", ResourceName=group["ARN"]).get("TagList")
            yield self.found(site, group["ReplicationGroupId"], facts, arn=group["ARN"], tags=pair_tags(tags))

    def names(self, it: It[GroupFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        yield from host_names(it, sorted(self.volatile))

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | hosts_of(found, self.volatile)

    def needs(self, it: It[GroupFacts]) -> Iterator[Need]:
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", "elasticache.DescribeReplicationGroups KmsKeyId")
        for subnet in it.facts.subnet_ids:
            yield Need(subnet, "in", "hard", "elasticache.DescribeCacheSubnetGroups Subnets[].SubnetIdentifier")
        for group in it.facts.security_groups:
            yield Need(group, "member of", "hard", "elasticache.DescribeCacheClusters SecurityGroups[]")
        if it.facts.topic_arn:
            yield Need(it.facts.topic_arn, "writes", "hard", "elasticache.DescribeCacheClusters TopicArn")


KINDS = (ReplicationGroup(),)
