"""Private hosted zones, made anew beside their VPCs, and those that AWS's services keep.

The rule: a zone comes with its VPC, and what it answers is what lies beside it there. Public ones are another kind.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

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
    after,
    join,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._records import (
    batches,
    is_public,
    is_zones_own,
    record_in_one_form,
    record_order,
    validates,
    zone_of_step,
)

ID = after("create", "id")
GONE = ("NoSuchHostedZone",)
BUSY = ("PriorRequestNotComplete",)
OF_AWS = re.compile(r"(?:dualstack\.)?(.+\.(?:amazonaws\.com|cloudfront\.net))\.?", re.IGNORECASE)


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
    """Record sets as AWS gives them, without the zone's own NS and SOA."""
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
            for batch in batches(_written(it.facts))
        ]


class HostedZone(Kind[ZoneFacts]):
    """A Route 53 hosted zone.

    A private zone is made in the target with its VPCs and records, the zone's own NS and SOA left to AWS. A VPC of
    another account has to be associated by that account (route53.CreateVPCAssociationAuthorization). An address in a
    record is not renamed, nor a record of a traffic policy carried. Query logging and DNSSEC are not carried. Zones
    of Cloud Map come with their namespaces.
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
    manual = "A private zone that is nobody's VPC's, or a service's own, needs nothing."
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
        if is_public(zone):
            return None
        listed = site.pages("route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone_id)
        records = sorted(
            (record_in_one_form(one) for one in listed if not is_zones_own(one, zone["Name"])), key=record_order
        )
        tags = site.optional("route53.ListTagsForResource", missing=GONE, ResourceType="hostedzone", ResourceId=zone_id)
        facts = ZoneFacts(
            domain=zone["Name"],
            private=bool(zone.get("Config", {}).get("PrivateZone")),
            managed_by=(zone.get("LinkedService") or {}).get("ServicePrincipal"),
            comment=zone.get("Config", {}).get("Comment") or "",
            vpcs=sorted(f"{vpc['VPCRegion']}/{vpc['VPCId']}" for vpc in answer.get("VPCs") or ()),
            records=[one for one in records if not validates(one)],
            validations=[one for one in records if validates(one)],
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
        return zone_of_step(
            list(self.scan(site, outputs.get("id"))), place, outputs, it.facts.domain, is_private=it.facts.private
        )

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ZoneFacts]) -> dict[str, Json]:
        return facts | {"records": [record_in_one_form(one) for one in facts["records"]] if "records" in done else []}


def _written(facts: ZoneFacts) -> list[dict[str, Json]]:
    """What can be written; first what an alias of the same zone may lead to."""
    written = [one for one in (*facts.records, *facts.validations) if "TrafficPolicyInstanceId" not in one]
    return sorted(written, key=lambda one: "AliasTarget" in one)


def _change(action: str, records: Sequence[dict[str, Json]]) -> dict[str, Json]:
    changes: list[Json] = [{"Action": action, "ResourceRecordSet": record} for record in records]
    return {"HostedZoneId": ID, "ChangeBatch": {"Changes": changes}}


KINDS = (HostedZone(),)
