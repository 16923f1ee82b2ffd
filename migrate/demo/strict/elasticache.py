"""Rules over ElastiCache: clusters that go when they are deleted, and show where they stand.

The one rule it keeps: a deleted thing is gone, and a subnet group in use stays. Simulated: nothing is kept in a cache.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, override, strict
from migrate.demo.strict._refusal import Refusal


@strict(
    "elasticache.clusters",
    makes="a cluster shows its security groups and the hosts of its nodes, and is gone once it is deleted",
    source="elasticache.CacheCluster and elasticache.DeleteCacheCluster, botocore 1.44.5",
)
def clusters() -> None:
    """The emulator shows neither and keeps a deleted cluster for ever. Here it is gone at once; AWS takes minutes."""
    from moto.elasticache.models import ElastiCacheBackend

    @override(ElastiCacheBackend, "create_cache_cluster")
    def create(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        cluster = old(self, *words, **named)
        cluster.security_groups = [
            {"security_group_id": one, "status": "active"} for one in cluster.security_group_ids or ()
        ]
        count = getattr(cluster, "num_cache_nodes", None) or 1
        port = int(cluster.port)
        host = f"{cluster.cache_cluster_id}.{self.account_id[-6:]}.cache.internal"
        cluster.cache_nodes = [
            {
                "cache_node_id": f"{number:04}",
                "cache_node_status": "available",
                "endpoint": {"address": f"{number:04}.{host}", "port": port},
            }
            for number in range(1, count + 1)
        ]
        return cluster

    @override(ElastiCacheBackend, "delete_cache_cluster")
    def delete(old: Any, self: Any, cache_cluster_id: str) -> Any:
        cluster = old(self, cache_cluster_id)
        del self.cache_clusters[cache_cluster_id]
        return cluster


@strict(
    "elasticache.subnet-groups",
    makes="a subnet group is deleted, unless a cluster stands on it",
    source="elasticache.DeleteCacheSubnetGroup and CacheSubnetGroupInUse, botocore 1.44.5",
)
def subnet_groups() -> None:
    """The emulator cannot delete one."""
    from moto.core.responses import EmptyResult
    from moto.elasticache.exceptions import CacheSubnetGroupNotFound
    from moto.elasticache.responses import ElastiCacheResponse

    @add(ElastiCacheResponse, "delete_cache_subnet_group")
    def delete(self: Any) -> Any:
        backend, name = self.elasticache_backend, self._get_param("CacheSubnetGroupName")
        if name not in backend.cache_subnet_groups:
            raise CacheSubnetGroupNotFound(name)
        if any(one.cache_subnet_group_name == name for one in backend.cache_clusters.values()):
            raise Refusal("CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster")
        del backend.cache_subnet_groups[name]
        return EmptyResult()


@strict(
    "elasticache.no-serverless-caches",
    makes="a listing of serverless caches is empty, as nobody can make any",
    source="elasticache.DescribeServerlessCaches, botocore 1.44.5",
)
def no_serverless_caches() -> None:
    """The emulator has no such listing, nor the call that makes one."""
    from moto.core.responses import ActionResult
    from moto.elasticache.responses import ElastiCacheResponse

    @add(ElastiCacheResponse, "describe_serverless_caches")
    def describe(self: Any) -> Any:
        return ActionResult({"ServerlessCaches": []})
