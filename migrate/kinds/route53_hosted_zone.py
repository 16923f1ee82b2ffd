"""Hosted zones: a private one is made anew beside its VPC; a public one is reported, because its records move traffic.

The rule: a public zone stays where it is. It works from any account; moving it is a task of its own, long after the
traffic.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    STEP_TAG,
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
    after,
    join,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._records import record_in_one_form, record_key, records_apart

ID = after("create", "id")
GONE = ("NoSuchHostedZone",)
BUSY = ("PriorRequestNotComplete",)
OF_AWS = re.compile(r"(?:dualstack\.)?(.+\.(?:amazonaws\.com|cloudfront\.net))\.?", re.IGNORECASE)
OF_ACM = re.compile(r".+\.acm-validations\.aws\.?", re.IGNORECASE)
VALUES_A_BATCH = 400
"""AWS takes 1000 values and 32000 characters a call, each twice in an UPSERT. Source: Route 53 Developer Guide, quotas,
read 2026-11; unverified."""
CHARACTERS_A_BATCH = 12_000


class ZoneFacts(Facts):
    """Source: route53.ListHostedZones, route53.GetHostedZone, route53.ListResourceRecordSets."""

    domain: str
    private: bool
    managed_by: str | None
    """The AWS service that keeps it: Cloud Map makes a zone for each namespace."""
    comment: str
    vpcs: list[str]
    """Ids of the VPCs in which a private zone is seen, as `<region>/<vpc>`."""
    records: list[dict[str, Json]]
    """Record sets as AWS gives them, without the zone's own NS and SOA. Those of a public zone that lead into AWS are
    resources of their own (`route53.record_set`)."""
    validations: list[dict[str, Json]]
    """Records by which ACM validates certificates: each account's certificates add their own."""
    name_servers: list[str]

    @property
    def moves(self) -> bool:
        """A private zone cannot be without a VPC."""
        return self.managed_by is None and self.private and bool(self.vpcs)


class Create(Action[ZoneFacts]):
    """The zone, empty, seen in the same VPCs."""

    name = "create"
    title = "Create the hosted zone"

    def applies(self, it: It[ZoneFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[ZoneFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        vpcs: list[Json] = [dict(zip(("VPCRegion", "VPCId"), vpc.split("/"), strict=True)) for vpc in facts.vpcs]
        made: dict[str, Json] = {
            "Name": facts.domain,
            "VPC": vpcs[0],
            # Stands for the token, which is another one after a rollback: AWS takes none twice.
            "CallerReference": place.step[:128],
            "HostedZoneConfig": {"Comment": facts.comment, "PrivateZone": True},
        }
        seen = {"VPCId": vpcs[0]["VPCId"], "VPCRegion": vpcs[0]["VPCRegion"]}
        own = f"HostedZoneSummaries[?Name=='{facts.domain}']"
        requests = [
            Request(
                "route53.CreateHostedZone",
                made,
                once="token",
                token_param="CallerReference",
                creates=True,
                wait=Wait("route53.ListHostedZonesByVPC", seen, f"to_string(length({own}))", ("1",), timeout_s=600),
                undo=Request("route53.DeleteHostedZone", {"Id": ID}, done=GONE, retry=BUSY),
            ),
            # The answer spells its id `/hostedzone/<id>`, as no document does. A VPC sees one zone of a name.
            Request("route53.ListHostedZonesByVPC", seen, outputs={"id": f"{own} | [0].HostedZoneId"}),
            Request(
                "route53.ChangeTagsForResource",
                {"ResourceType": "hostedzone", "ResourceId": ID, "AddTags": tag_pairs(place.stamp(it.tags))},
            ),
        ]
        for vpc in vpcs[1:]:
            params: dict[str, Json] = {"HostedZoneId": ID, "VPC": vpc}
            undo = Request("route53.DisassociateVPCFromHostedZone", params, done=(*GONE, "VPCAssociationNotFound"))
            requests.append(Request("route53.AssociateVPCWithHostedZone", params, retry=BUSY, undo=undo))
        return requests


class Records(Action[ZoneFacts]):
    """Its records, in the target's names. Those of validation come along: legacy's certificates may outlive it."""

    name = "records"
    title = "Write the zone's records"
    sets = frozenset({"records"})

    def applies(self, it: It[ZoneFacts]) -> bool:
        return it.facts.moves and bool(_written(it.facts))

    def requests(self, it: It[ZoneFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "route53.ChangeResourceRecordSets",
                _change("UPSERT", batch),
                retry=BUSY,
                # Of one batch all is gone or none. Where somebody changed a record nothing is taken away, and the zone,
                # not being empty, refuses to go.
                undo=Request(
                    "route53.ChangeResourceRecordSets",
                    _change("DELETE", batch),
                    done=(*GONE, "InvalidChangeBatch"),
                    retry=BUSY,
                ),
            )
            for batch in _batches(_written(it.facts))
        ]


class HostedZone(Kind[ZoneFacts]):
    """A Route 53 hosted zone.

    A private zone is made in the target with its VPCs and records, the zone's own NS and SOA left to AWS. A VPC of
    another account has to be associated by that account (route53.CreateVPCAssociationAuthorization). An address in a
    record is not renamed, nor a record of a traffic policy carried. Query logging and DNSSEC are not carried. Zones
    of Cloud Map come with their namespaces. A public zone stays.
    """

    name = "route53.hosted_zone"
    title = "Hosted zone"
    facts = ZoneFacts
    is_global = True
    named = False
    # Tags are a second call.
    stamped = False
    reads = frozenset(
        {
            "route53.ListHostedZones",
            "route53.ListHostedZonesByVPC",
            "route53.GetHostedZone",
            "route53.ListResourceRecordSets",
            "route53.ListTagsForResource",
        }
    )
    tagging_types = ("route53:hostedzone",)
    volatile = frozenset({"validations", "name_servers"})
    # A certificate's records come and go with it; this migration adds those of the target's certificates.
    passing = frozenset({"validations"})
    unordered = frozenset({"vpcs"})
    actions = (Create(), Records())
    quiet = True
    manual = (
        "Zones are not moved: the zone stays in legacy, and its records that lead to what moves are switched at the "
        "cut-over (route53.record_set). Keep validation, MX and DKIM records. To move the "
        "zone itself, weeks later: create it in the target with the same records, have DNSSEC off for days, give the "
        "registrar the new zone's four name servers, look with `dig NS` at a resolver outside AWS, and keep the old "
        "zone for two days more. A private zone that is nobody's VPC's, or a service's own, needs nothing."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "TrafficPolicyInstanceId": "records of a traffic policy: make the policy and its instance in the target",
        "DelegationSet": "name servers are AWS's choice; shown as name_servers and not compared",
        "query logging": "set it again on the new zone (route53.CreateQueryLoggingConfig)",
        "DNSSEC": "sign the new zone again once it answers",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        ids = [only] if only else [zone["Id"] for zone in site.pages("route53.ListHostedZones", "HostedZones")]
        for found in site.map(lambda zone_id: self._found(site, zone_id.rpartition("/")[2]), ids):
            if found is not None:
                yield found

    def _found(self, site: ReadSite, zone_id: str) -> Resource | None:
        answer = site.optional("route53.GetHostedZone", missing=(*GONE, "InvalidInput"), Id=zone_id)
        if answer is None:
            return None
        zone = answer["HostedZone"]
        listed = site.pages("route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone_id)
        records = sorted(
            (record_in_one_form(one) for one in listed if not _is_own(one, zone["Name"])), key=_record_order
        )
        is_public = not zone.get("Config", {}).get("PrivateZone") and not zone.get("LinkedService")
        apart = records_apart(records) if is_public else {}
        tags = site.optional("route53.ListTagsForResource", missing=GONE, ResourceType="hostedzone", ResourceId=zone_id)
        facts = ZoneFacts(
            domain=zone["Name"],
            private=bool(zone.get("Config", {}).get("PrivateZone")),
            managed_by=(zone.get("LinkedService") or {}).get("ServicePrincipal"),
            comment=zone.get("Config", {}).get("Comment") or "",
            vpcs=sorted(f"{vpc['VPCRegion']}/{vpc['VPCId']}" for vpc in answer.get("VPCs") or ()),
            records=[one for one in records if not _validates(one) and record_key(one) not in apart],
            validations=[one for one in records if _validates(one)],
            name_servers=sorted((answer.get("DelegationSet") or {}).get("NameServers") or ()),
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
            seen_in = f"route53.ListResourceRecordSets ResourceRecordSets[{record['Name']} {record['Type']}]"
            targets = [record["AliasTarget"]["DNSName"]] if "AliasTarget" in record else []
            if record["Type"] == "CNAME":
                targets += [one["Value"] for one in record.get("ResourceRecords", ())]
            for target in targets:
                host = OF_AWS.fullmatch(target)
                # Names outside AWS, ACM's validation and records of the same zone lead to nothing that is moved.
                if host:
                    yield Need(host[1], "routes to", "soft", seen_in)
            if record.get("HealthCheckId"):
                yield Need(record["HealthCheckId"], "reads", "soft", f"{seen_in}.HealthCheckId")
        for vpc in it.facts.vpcs:
            yield Need(vpc.rpartition("/")[2], "in", "hard", "route53.GetHostedZone VPCs[].VPCId")

    def names(self, it: It[ZoneFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, join("arn:aws:route53:::hostedzone/", ID))
        yield Name(it.ref.name, ID, "id")

    def called(self, it: It[ZoneFacts]) -> tuple[str, ...]:
        return (it.facts.domain, it.facts.domain.rstrip("."))

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[ZoneFacts]) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        found = list(self.scan(site))
        ours = [one for one in found if one.tags.get(STEP_TAG) == place.step]
        # Made, and the answer lost before it was tagged: still empty, and nobody's.
        same: tuple[str, bool, list[Json]] = (it.facts.domain, it.facts.private, [])
        if not ours:
            ours = [
                one
                for one in found
                if (one.facts["domain"], one.facts["private"], one.facts["records"]) == same and not one.tags
            ]
        if len(ours) > 1:
            raise ValueError(f"{len(ours)} zones may be {place.step}: {[one.ref.name for one in ours]}")
        return ours[0] if ours else None

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ZoneFacts]) -> dict[str, Json]:
        return facts | {"records": [record_in_one_form(one) for one in facts["records"]] if "records" in done else []}


def _written(facts: ZoneFacts) -> list[dict[str, Json]]:
    """What can be written; first what an alias of the same zone may lead to."""
    written = [one for one in (*facts.records, *facts.validations) if "TrafficPolicyInstanceId" not in one]
    return sorted(written, key=lambda one: "AliasTarget" in one)


def _batches(records: Sequence[dict[str, Json]]) -> Iterator[list[dict[str, Json]]]:
    batch: list[dict[str, Json]] = []
    values = characters = 0
    for record in records:
        more, longer = max(1, len(record.get("ResourceRecords", ()))), len(str(record))
        if batch and (values + more > VALUES_A_BATCH or characters + longer > CHARACTERS_A_BATCH):
            yield batch
            batch, values, characters = [], 0, 0
        batch.append(record)
        values, characters = values + more, characters + longer
    if batch:
        yield batch


def _change(action: str, records: Sequence[dict[str, Json]]) -> dict[str, Json]:
    changes: list[Json] = [{"Action": action, "ResourceRecordSet": record} for record in records]
    return {"HostedZoneId": ID, "ChangeBatch": {"Changes": changes}}


def _is_own(record: Mapping[str, Any], domain: str) -> bool:
    """The zone's own NS and SOA, which AWS makes with it."""
    return record["Name"] == domain and record["Type"] in ("NS", "SOA")


def _validates(record: Mapping[str, Any]) -> bool:
    values = [str(one["Value"]) for one in record.get("ResourceRecords") or ()]
    return record["Type"] == "CNAME" and any(OF_ACM.fullmatch(value) for value in values)


def _record_order(record: Mapping[str, Json]) -> tuple[str, str, str]:
    return str(record["Name"]), str(record["Type"]), str(record.get("SetIdentifier", ""))


KINDS = (HostedZone(),)
