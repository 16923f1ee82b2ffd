"""The account's public face, services that no kind knows, and a cache: a DNS zone, an API, a user pool.

Rule: what is unknown to the product carries tags, as its owner would have set them, and nothing else is made easy.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.legacy.compute import Balancer
from migrate.demo.legacy.network import Network
from migrate.demo.legacy.site import DOMAIN, ENVS, Env, Site, pairs


def zone(site: Site, balancers: dict[Env, Balancer]) -> None:
    """Create the public zone with its records."""
    route53 = site.client("route53")
    created = route53.create_hosted_zone(
        Name=f"{DOMAIN}.",
        CallerReference="shop-zone-1",
        HostedZoneConfig={"Comment": "public zone of the shop", "PrivateZone": False},
    )
    zone_id = created["HostedZone"]["Id"].rpartition("/")[2]
    alias = {
        "HostedZoneId": balancers["prod"].zone_id,
        "DNSName": balancers["prod"].dns_name,
        "EvaluateTargetHealth": True,
    }
    records: list[dict[str, Any]] = [
        {"Name": f"{DOMAIN}.", "Type": "A", "AliasTarget": alias},
        {"Name": f"api.prod.{DOMAIN}.", "Type": "A", "AliasTarget": alias},
        _record(f"dev.{DOMAIN}.", "CNAME", balancers["dev"].dns_name) | {"TTL": 60},
        _record(f"{DOMAIN}.", "MX", "10 mx1.mail.example.", "20 mx2.mail.example."),
        _record(f"{DOMAIN}.", "TXT", '"v=spf1 include:mail.example -all"', '"site-verification=7f3a9c1e"'),
    ]
    route53.change_resource_record_sets(
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]},
    )
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id, AddTags=pairs({"team": "platform"}))


def _record(name: str, kind: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value} for value in values]}


def unknown(site: Site, networks: dict[Env, Network]) -> None:
    """Create one thing each of two services without a kind, and a cache, per environment."""
    for env in ENVS:
        tags = {"env": env, "team": "platform"}
        site.client("apigateway").create_rest_api(name=f"shop-{env}-public-api", description="webhooks", tags=tags)
        site.client("cognito-idp").create_user_pool(PoolName=f"shop-{env}-customers", UserPoolTags=tags)
        cache = site.client("elasticache")
        cache.create_cache_subnet_group(
            CacheSubnetGroupName=f"shop-{env}-cache",
            CacheSubnetGroupDescription="sessions",
            SubnetIds=list(networks[env].private),
        )
        cache.create_cache_cluster(
            CacheClusterId=f"shop-{env}-sessions",
            Engine="redis",
            CacheNodeType="cache.t4g.micro",
            NumCacheNodes=1,
            CacheSubnetGroupName=f"shop-{env}-cache",
            SecurityGroupIds=[networks[env].groups["db"]],
            Tags=pairs(tags),
        )
