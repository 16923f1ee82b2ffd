"""Public zones: they stay in legacy, and move, late and alone, where somebody says so for the one zone.

The rule: legacy's zone is left whole and answers on. The target's is filled and compared before anybody is led to it,
and is never taken away once resolvers may ask it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Place,
    Proof,
    ReadSite,
    Request,
    Wait,
    after,
    join,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._records import (
    RecordKey,
    batches,
    is_public,
    is_zones_own,
    record_in_one_form,
    record_key,
    record_order,
    records_apart,
    validates,
    zone_of_step,
)

ID = after("create", "id")
GONE = ("NoSuchHostedZone",)
BUSY = ("PriorRequestNotComplete",)
CHANGE = "route53.ChangeResourceRecordSets"
SERVERS = 4
"""Name servers of a zone. Source: route53.DelegationSet, botocore 1.44.5; Route 53 Developer Guide, name servers."""


class PublicZoneFacts(Facts):
    """Source: route53.ListHostedZones, route53.GetHostedZone, route53.ListResourceRecordSets, route53.GetDNSSEC."""

    domain: str
    comment: str
    records: list[dict[str, Json]]
    """Record sets as AWS gives them, but for the zone's own, those that lead into AWS (`route53.record_set`), and those
    that lead to another zone of the account."""
    validations: list[dict[str, Json]]
    """Records by which ACM validates certificates: each account's certificates add their own."""
    name_servers: list[str]
    signing: str | None
    """Status of DNSSEC."""
    delegated_by: dict[str, Json] | None
    """The zone of this account that leads to this one: its `zone`, and the `ttl_s` and `name_servers` there."""


class Create(CarryAction[PublicZoneFacts]):
    """The zone, empty; nobody is led to it. Legacy's must not be signed: its signature would not fit the new keys.

    Its answer spells its id `/hostedzone/<id>`, which the call for tags does not take: that one is sent by code.
    """

    name = "create"
    title = "Create the public zone"
    writes = frozenset({"route53.ChangeTagsForResource"})

    def requests(self, it: It[PublicZoneFacts], place: Place) -> Sequence[Request]:
        signed: dict[str, Json] = {"HostedZoneId": it.ref.name}
        bad = ("SIGNING", "DELETING", "ACTION_NEEDED", "INTERNAL_FAILURE")
        made: dict[str, Json] = {
            "Name": it.facts.domain,
            "CallerReference": place.step[:128],
            "HostedZoneConfig": {"Comment": it.facts.comment, "PrivateZone": False},
        }
        outputs = {"made": "HostedZone.Id"} | {f"ns_{n}": f"DelegationSet.NameServers[{n}]" for n in range(SERVERS)}
        return [
            Request(
                "route53.GetDNSSEC",
                signed,
                "legacy",
                wait=Wait("route53.GetDNSSEC", signed, "Status.ServeSignature", ("NOT_SIGNING",), bad, timeout_s=60.0),
            ),
            Request(
                "route53.CreateHostedZone",
                made,
                once="token",
                token_param="CallerReference",
                creates=True,
                outputs=outputs,
                undo=Request("route53.DeleteHostedZone", {"Id": ID}, done=GONE, retry=BUSY),
            ),
        ]

    def summary(self, it: It[PublicZoneFacts], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": {"domain": it.facts.domain}, "how": "empty, with its tags"}

    def carry(self, it: It[PublicZoneFacts], to: Carrier) -> Mapping[str, Json]:
        zone = (to.outputs.get("id") or to.outputs["made"]).rpartition("/")[2]
        to.remember("id", zone)
        tags = to.place.stamp(it.tags)
        to.write("route53.ChangeTagsForResource", ResourceType="hostedzone", ResourceId=zone, AddTags=tag_pairs(tags))
        return {"tags": len(tags)}

    def prove(self, it: It[PublicZoneFacts], to: Carrier) -> Proof:
        return Proof("equal")

    def uncarry(self, it: It[PublicZoneFacts], to: Carrier) -> None:
        """Its tags go with the zone."""


class CopyRecords(CarryAction[PublicZoneFacts]):
    """Every record that legacy's zone answers with at this moment, in the target's names."""

    name = "copy_records"
    title = "Copy the zone's records and compare each"
    phase = "cutover"
    after_kinds = ("route53.record_set.shift",)
    writes = frozenset({CHANGE})

    def summary(self, it: It[PublicZoneFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.ref.name,
            "to": {"zone": it.ref.name, "records": it.facts.records},
            "how": "as they are then",
        }

    def carry(self, it: It[PublicZoneFacts], to: Carrier) -> Mapping[str, Json]:
        zone = _zone(it, to)
        wanted, there = _wanted(it, to), _all_of(to.target, zone, it.facts.domain)
        for batch in batches([one for key in sorted(wanted) for one in wanted[key]]):
            keys = dict.fromkeys(map(record_key, batch))
            old = [one for key in keys for one in there.get(key, ())]
            changes = [("DELETE", one) for one in old if one not in batch]
            changes += [("CREATE", one) for one in batch if one not in old]
            if changes:
                to.write(CHANGE, **_changes(zone, changes))
        return {"records": sum(map(len, wanted.values()))}

    def prove(self, it: It[PublicZoneFacts], to: Carrier) -> Proof:
        return _compared(it, to)

    def uncarry(self, it: It[PublicZoneFacts], to: Carrier) -> None:
        zone = _zone(it, to)
        wanted, there = _wanted(it, to), _all_of(to.target, zone, it.facts.domain)
        # What somebody else wrote stays, and the zone, not being empty, refuses to go.
        ours = [one for key, sets in sorted(there.items()) for one in sets if one in wanted.get(key, ())]
        for batch in batches(ours):
            to.write(CHANGE, **_changes(zone, [("DELETE", one) for one in batch]))


class HandOver(CarryAction[PublicZoneFacts]):
    """The line behind which resolvers may ask the new zone: it is compared once more, and stays from then on."""

    name = "hand_over"
    title = "Compare both zones again; from here on the new one may be asked"
    phase = "cutover"
    undo_class = "R4"
    downtime = "D4"
    writes: ClassVar[frozenset[str]] = frozenset()

    def summary(self, it: It[PublicZoneFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.ref.name,
            "to": {"zone": it.ref.name},
            "how": "name servers are changed where it is delegated",
        }

    def says(self, it: It[PublicZoneFacts], outputs: Mapping[str, str]) -> Sequence[str]:
        servers = ", ".join(outputs.get(f"ns_{number}", "") for number in range(SERVERS))
        domain = it.facts.domain.rstrip(".")
        if it.facts.delegated_by is not None:
            return ()
        return [
            f"at the registrar (or in the parent's DNS) of {domain}: see that no DS record is there, then give it the "
            f"name servers {servers}; it is done when `dig +short NS {domain} @1.1.1.1` prints them. Legacy's zone "
            f"stays as it is, for two days at least: its name servers are {', '.join(it.facts.name_servers)}"
        ]

    def carry(self, it: It[PublicZoneFacts], to: Carrier) -> Mapping[str, Json]:
        to.remember("handed_over", "yes")
        return dict(_compared(it, to).evidence)

    def prove(self, it: It[PublicZoneFacts], to: Carrier) -> Proof:
        return _compared(it, to)

    def uncarry(self, it: It[PublicZoneFacts], to: Carrier) -> None:
        raise StepFailed(
            f"{to.step}: resolvers may ask the new zone of {it.facts.domain} as long as they keep its name servers: it "
            "is not taken away",
            do=f"lead everybody back to legacy's zone (name servers {', '.join(it.facts.name_servers)}), and two days "
            "later delete the new one by hand",
        )


class Delegate(Action[PublicZoneFacts]):
    """Where the parent is a zone of legacy too, its NS record is the switch."""

    name = "delegate"
    title = "Lead the parent zone's NS record to the new zone"
    phase = "cutover"
    undo_class = "R1"

    def applies(self, it: It[PublicZoneFacts]) -> bool:
        return it.facts.delegated_by is not None

    def requests(self, it: It[PublicZoneFacts], place: Place) -> Sequence[Request]:
        parent = it.facts.delegated_by or {}
        old = [f"{server}." for server in parent["name_servers"]]
        new = [join(after("create", f"ns_{number}"), ".") for number in range(SERVERS)]
        undo = Request(CHANGE, _name_servers(it, parent, old), "legacy", retry=BUSY)
        return [Request(CHANGE, _name_servers(it, parent, new), "legacy", retry=BUSY, undo=undo)]

    def legacy_after(self, it: It[PublicZoneFacts]) -> Mapping[str, Json] | None:
        new = [after("create", f"ns_{number}") for number in range(SERVERS)]
        return {"delegated_by": dict(it.facts.delegated_by or {}) | {"name_servers": new}}


class PublicZone(Kind[PublicZoneFacts]):
    """A public zone of Route 53. It stays in legacy, where it works for every account; nothing infers its move.

    Where a placement rule of migration.yaml names its ref, it is made in that account with every record that legacy's
    has then, each compared by fresh reads; a person changes the name servers at the registrar, or the product in a
    parent zone of legacy. Legacy's zone stays. A signed zone is refused until DNSSEC is off. Records of traffic
    policies, query logging and DNSSEC are not carried. Move it last (runbook `move-zone`).
    """

    name = "route53.public_zone"
    title = "Public zone"
    facts = PublicZoneFacts
    is_global = True
    named = False
    stamped = False
    only_where_named = True
    reads = frozenset(
        {
            "route53.ListHostedZones",
            "route53.GetHostedZone",
            "route53.ListResourceRecordSets",
            "route53.ListTagsForResource",
            "route53.GetDNSSEC",
        }
    )
    tagging_types = ("route53:hostedzone",)
    # Each record is compared by `copy_records`, as legacy's zone has it then.
    volatile = frozenset({"records", "validations", "name_servers", "signing", "delegated_by"})
    # A certificate's records come and go with it; this migration adds those of the target's certificates.
    passing = frozenset({"validations"})
    actions = (Create(), CopyRecords(), HandOver(), Delegate())
    quiet = True
    manual = (
        "The zone stays in legacy, and its records that lead to what moves are switched at the cut-over "
        "(route53.record_set). To move the zone itself, weeks later: a placement rule that names its ref, and the "
        "runbook move-zone."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "TrafficPolicyInstanceId": "records of a traffic policy: make the policy and its instance in the target",
        "query logging": "set it again on the new zone (route53.CreateQueryLoggingConfig)",
        "DNSSEC": "sign the new zone again once it answers",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        zones = [zone for zone in site.pages("route53.ListHostedZones", "HostedZones") if is_public(zone)]
        ids = {str(zone["Name"]): str(zone["Id"]).rpartition("/")[2] for zone in zones}
        wanted = [zone for zone in zones if only is None or zone["Id"].rpartition("/")[2] == only]
        for found in site.map(lambda zone: self._found(site, zone["Id"].rpartition("/")[2], ids), wanted):
            if found is not None:
                yield found

    def _found(self, site: ReadSite, zone_id: str, ids: Mapping[str, str]) -> Resource | None:
        answer = site.optional("route53.GetHostedZone", missing=GONE, Id=zone_id)
        if answer is None:
            return None
        zone = answer["HostedZone"]
        sets = [one for those in _all_of(site, zone_id, zone["Name"]).values() for one in those]
        apart = records_apart(sets)
        own = [one for one in sets if record_key(one) not in apart and not (one["Type"] == "NS" and one["Name"] in ids)]
        tags = site.optional("route53.ListTagsForResource", missing=GONE, ResourceType="hostedzone", ResourceId=zone_id)
        signed = site.optional("route53.GetDNSSEC", missing=GONE, HostedZoneId=zone_id) or {}
        facts = PublicZoneFacts(
            domain=zone["Name"],
            comment=zone.get("Config", {}).get("Comment") or "",
            records=[one for one in own if not validates(one)],
            validations=[one for one in own if validates(one)],
            name_servers=_plain((answer.get("DelegationSet") or {}).get("NameServers") or ()),
            signing=signed.get("Status", {}).get("ServeSignature"),
            delegated_by=_delegated_by(site, zone["Name"], ids),
        )
        arn = f"arn:aws:route53:::hostedzone/{zone_id}"
        pairs = pair_tags((tags or {}).get("ResourceTagSet", {}).get("Tags"))
        return self.found(site, zone_id, facts, arn=arn, tags=pairs)

    def names(self, it: It[PublicZoneFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, join("arn:aws:route53:::hostedzone/", ID))
        yield Name(it.ref.name, ID, "id")

    def called(self, it: It[PublicZoneFacts]) -> tuple[str, ...]:
        return (it.facts.domain, it.facts.domain.rstrip("."))

    def outputs(self, found: Resource) -> dict[str, str]:
        servers = {f"ns_{number}": server for number, server in enumerate(found.facts["name_servers"])}
        return super().outputs(found) | servers

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[PublicZoneFacts]
    ) -> Resource | None:
        own = str(outputs.get("id") or outputs.get("made", "")).rpartition("/")[2]
        found = list(self.scan(site, own or None))
        return zone_of_step(found, place, {"id": own} if own else {}, it.facts.domain, is_private=False)


def _delegated_by(site: ReadSite, domain: str, ids: Mapping[str, str]) -> dict[str, Json] | None:
    """The nearest zone above it in the account, where that one leads to it."""
    above = domain.partition(".")[2]
    while above and above not in ids:
        above = above.partition(".")[2]
    if not above:
        return None
    for one in site.pages(
        "route53.ListResourceRecordSets", "ResourceRecordSets",
        HostedZoneId=ids[above], StartRecordName=domain, StartRecordType="NS",
    ):  # fmt: skip
        if record_key(one) != (domain, "NS"):
            break
        servers = _plain(value["Value"] for value in one.get("ResourceRecords") or ())
        return {"zone": ids[above], "ttl_s": int(one["TTL"]), "name_servers": servers}
    return None


def _plain(servers: Any) -> list[str]:
    return sorted(str(server).rstrip(".").lower() for server in servers)


def _all_of(site: ReadSite, zone: str, domain: str) -> dict[RecordKey, list[dict[str, Json]]]:
    """Every record set but the zone's own, by name and type."""
    found: dict[RecordKey, list[dict[str, Json]]] = {}
    listed = site.pages("route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone)
    for one in sorted((record_in_one_form(one) for one in listed if not is_zones_own(one, domain)), key=record_order):
        found.setdefault(record_key(one), []).append(one)
    return found


def _wanted(it: It[PublicZoneFacts], to: Carrier) -> dict[RecordKey, list[dict[str, Json]]]:
    """What legacy's zone holds now, in the target's names; those of traffic policies are not ours to write."""
    now = _all_of(to.legacy, it.ref.name, it.facts.domain)
    kept = {key: sets for key, sets in now.items() if not any("TrafficPolicyInstanceId" in one for one in sets)}
    return {key: [record_in_one_form(one) for one in to.rewrite(sets)] for key, sets in kept.items()}


def _compared(it: It[PublicZoneFacts], to: Carrier) -> Proof:
    """Every record of both zones by fresh reads, by name and type."""
    wanted, there = _wanted(it, to), _all_of(to.target, _zone(it, to), it.facts.domain)
    differences = [
        f"record {' '.join(key)}: " + ("is not there" if key not in there else "is legacy's no more, or differs")
        for key in sorted(wanted.keys() | there.keys())
        if wanted.get(key) != there.get(key)
    ]
    types: dict[str, Json] = {}
    for _, sort in there:
        types[sort] = types.get(sort, 0) + 1
    return Proof(
        "different" if differences else "equal", ("every record",), tuple(differences), {"names by type": types}
    )


def _zone(it: It[PublicZoneFacts], to: Carrier) -> str:
    return str(to.rewrite(it.ref.name)).rpartition("/")[2]


def _changes(zone: str, changes: Sequence[tuple[str, dict[str, Json]]]) -> dict[str, Json]:
    listed: list[Json] = [{"Action": action, "ResourceRecordSet": one} for action, one in changes]
    return {"HostedZoneId": zone, "ChangeBatch": {"Changes": listed}}


def _name_servers(it: It[PublicZoneFacts], parent: Mapping[str, Json], servers: Sequence[Json]) -> dict[str, Json]:
    values: list[Json] = [{"Value": server} for server in servers]
    one = {"Name": it.facts.domain, "Type": "NS", "TTL": parent["ttl_s"], "ResourceRecords": values}
    return _changes(parent["zone"], [("UPSERT", one)])


KINDS = (PublicZone(),)
