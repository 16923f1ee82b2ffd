"""Hosted zones: found and reported with their records, because switching records is how traffic moves.

The rule: a zone stays where it is. It works from any account; moving it is a task of its own, long after the traffic.
"""

import re
from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Facts, It, Json, Kind, Name, Need, Place, ReadSite, pair_tags

OF_AWS = re.compile(r"(?:dualstack\.)?(.+\.(?:amazonaws\.com|cloudfront\.net))\.?", re.IGNORECASE)


class ZoneFacts(Facts):
    """Source: route53.ListHostedZones, route53.GetHostedZone, route53.ListResourceRecordSets."""

    domain: str
    private: bool
    comment: str
    vpcs: list[str]
    """Ids of the VPCs in which a private zone is seen, as `<region>/<vpc>`."""
    records: list[dict[str, Json]]
    """Record sets as AWS gives them."""


class HostedZone(Kind[ZoneFacts]):
    """A Route 53 hosted zone."""

    name = "route53.hosted_zone"
    title = "Hosted zone"
    facts = ZoneFacts
    is_global = True
    reads = frozenset(
        {
            "route53.ListHostedZones",
            "route53.GetHostedZone",
            "route53.ListResourceRecordSets",
            "route53.ListTagsForResource",
        }
    )
    tagging_types = ("route53:hostedzone",)
    manual = (
        "Zones are not moved: the zone stays in legacy and its records are switched to the target's load balancers at "
        "the cut-over. Lower their TTL one old TTL ahead, change weighted or alias records, check with a resolver "
        "outside AWS; putting the old values back is the rollback. A private zone is first associated with the "
        "target's VPC. Keep validation, MX and DKIM records."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        ids = [only] if only else [zone["Id"] for zone in site.pages("route53.ListHostedZones", "HostedZones")]
        for found in site.map(lambda zone_id: self._found(site, zone_id.rpartition("/")[2]), ids):
            if found is not None:
                yield found

    def _found(self, site: ReadSite, zone_id: str) -> Resource | None:
        answer = site.optional("route53.GetHostedZone", missing=("NoSuchHostedZone", "InvalidInput"), Id=zone_id)
        if answer is None:
            return None
        zone = answer["HostedZone"]
        records = list(site.pages("route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone_id))
        tags = site.optional(
            "route53.ListTagsForResource",
            missing=("NoSuchHostedZone",),
            ResourceType="hostedzone",
            ResourceId=zone_id,
        )
        facts = ZoneFacts(
            domain=zone["Name"],
            private=bool(zone.get("Config", {}).get("PrivateZone")),
            comment=zone.get("Config", {}).get("Comment") or "",
            vpcs=sorted(f"{vpc['VPCRegion']}/{vpc['VPCId']}" for vpc in answer.get("VPCs") or ()),
            records=sorted(map(_record, records), key=_record_order),
        )
        return self.found(
            site,
            zone_id,
            facts,
            arn=f"arn:aws:route53:::hostedzone/{zone_id}",
            tags=pair_tags((tags or {}).get("ResourceTagSet", {}).get("Tags")),
        )

    def needs(self, it: It[ZoneFacts]) -> Iterator[Need]:
        for record in it.facts.records:
            targets = [record["AliasTarget"]["DNSName"]] if "AliasTarget" in record else []
            if record["Type"] == "CNAME":
                targets += [one["Value"] for one in record.get("ResourceRecords", ())]
            for target in targets:
                host = OF_AWS.fullmatch(target)
                # Names outside AWS, ACM's validation and records of the same zone lead to nothing that is moved.
                if host:
                    seen_in = f"route53.ListResourceRecordSets ResourceRecordSets[{record['Name']} {record['Type']}]"
                    yield Need(host[1], "routes to", "soft", seen_in)
        for vpc in it.facts.vpcs:
            yield Need(vpc.rpartition("/")[2], "attached to", "soft", "route53.GetHostedZone VPCs[].VPCId")

    def names(self, it: It[ZoneFacts], place: Place) -> Iterator[Name]:
        # The same text: the zone stays, and what others call it too.
        yield Name(it.arn, it.arn)
        yield Name(it.ref.name, it.ref.name, "id")


def _record(record: dict[str, Any]) -> dict[str, Json]:
    if "ResourceRecords" in record:
        return record | {"ResourceRecords": sorted(record["ResourceRecords"], key=lambda one: str(one["Value"]))}
    return dict(record)


def _record_order(record: dict[str, Json]) -> tuple[str, str, str]:
    return str(record["Name"]), str(record["Type"]), str(record.get("SetIdentifier", ""))


KINDS = (HostedZone(),)
