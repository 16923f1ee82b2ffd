"""Records of public zones that lead into AWS: switched from legacy's thing to the target's, and back.

The rule: the zone stays in legacy and nothing is taken out of it before something else answers. A record becomes two
with weights, legacy's and the target's, in one batch; only the weights change at the switch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    in_target_names,
)
from migrate.kinds._records import RecordKey, is_public, record_key, records_apart

GONE = ("NoSuchHostedZone",)
BUSY = ("PriorRequestNotComplete",)
REFUSED = ("InvalidChangeBatch",)
"""Of a batch all is done or nothing: one that was sent before finds the record deleted that it wants to delete. What
the record shows afterwards decides whether that was so."""
SHORT_TTL_S = 60
PROPAGATION_S = 60
"""Changes are on all of Route 53's servers within 60 seconds. Source: API_ChangeResourceRecordSets, read 2026-11."""
LEGACY, TARGET = "legacy", "target"
_PLAIN = frozenset({"Name", "Type", "TTL", "ResourceRecords", "AliasTarget"})
"""What a record set without a routing policy or a health check has."""


class RecordFacts(Facts):
    """Source: route53.ListHostedZones, route53.ListResourceRecordSets."""

    domain: str
    """Of its zone."""
    record: str
    type: str
    sets: list[dict[str, Json]]
    """Record sets of that name and type, as AWS gives them: one, or those of a routing policy."""

    @property
    def is_switchable(self) -> bool:
        """Whether it can become a pair with weights: it is simple and has one value.

        A weighted record has one value. Source: route53.ChangeResourceRecordSets Weight, botocore 1.44.5.
        """
        one = self.sets[0]
        values = one.get("ResourceRecords") or ()
        simple = len(self.sets) == 1 and _PLAIN.issuperset(one) and self.type in ("A", "AAAA", "CNAME")
        return simple and ("AliasTarget" in one or len(values) == 1)

    @property
    def ttl_s(self) -> int:
        """How long resolvers keep the answer; 0 for an alias, whose time is AWS's (60 s for a load balancer's)."""
        return int(self.sets[0].get("TTL") or 0)

    @property
    def lowered(self) -> dict[str, Json]:
        """The simple record as it stands at the cut-over."""
        one = self.sets[0]
        return one | {"TTL": SHORT_TTL_S} if self.ttl_s > SHORT_TTL_S else one

    def pair(self, legacy: int, target: int) -> list[dict[str, Json]]:
        """Two record sets with these weights; the second one leads to the target's thing."""
        one = self.lowered
        other = dict(one)
        if "AliasTarget" in one:
            other["AliasTarget"] = one["AliasTarget"] | {"DNSName": in_target_names(one["AliasTarget"]["DNSName"])}
        else:
            other["ResourceRecords"] = in_target_names(one["ResourceRecords"])
        return [
            one | {"SetIdentifier": LEGACY, "Weight": legacy},
            other | {"SetIdentifier": TARGET, "Weight": target},
        ]


class LowerTtl(Action[RecordFacts]):
    """Long before the switch, so that resolvers look again soon when it comes."""

    name = "lower_ttl"
    title = f"Lower the record's TTL to {SHORT_TTL_S} s"
    undo_class = "R1"

    def applies(self, it: It[RecordFacts]) -> bool:
        return it.facts.is_switchable and it.facts.ttl_s > SHORT_TTL_S

    def requests(self, it: It[RecordFacts], place: Place) -> Sequence[Request]:
        undo = _change(it, [("UPSERT", it.facts.sets[0])])
        outputs = {"change": "ChangeInfo.Id", "submitted_at": "ChangeInfo.SubmittedAt"}
        return [_change(it, [("UPSERT", it.facts.lowered)])._replace(outputs=outputs, undo=undo)]

    def legacy_after(self, it: It[RecordFacts]) -> Mapping[str, Json] | None:
        return {"sets": [it.facts.lowered]}


class Expire(Action[RecordFacts]):
    """Until the old TTL has passed since AWS took the new one, and is on all of its servers."""

    name = "expire"
    title = "Wait until no resolver keeps the answer with the old TTL"

    def applies(self, it: It[RecordFacts]) -> bool:
        return it.facts.is_switchable and it.facts.ttl_s > SHORT_TTL_S

    def requests(self, it: It[RecordFacts], place: Place) -> Sequence[Request]:
        rests = Wait(
            "route53.GetChange",
            {"Id": after("lower_ttl", "change")},
            "ChangeInfo.Status",
            ("INSYNC",),
            # How long Route 53 remembers a change is not documented.
            gone=("NoSuchChange",),
            since=after("lower_ttl", "submitted_at"),
            rest_s=float(it.facts.ttl_s + PROPAGATION_S),
        )
        return [Request("route53.ListResourceRecordSets", _look(it), "legacy", wait=rests)]


class Weigh(Action[RecordFacts]):
    """Simple and weighted records of one name do not stand side by side, so one batch takes the one and makes both.

    Everybody is still led to legacy.
    """

    name = "weigh"
    title = "Make the record a pair with weights, all for legacy"
    phase = "cutover"
    undo_class = "R1"

    def applies(self, it: It[RecordFacts]) -> bool:
        return it.facts.is_switchable

    def requests(self, it: It[RecordFacts], place: Place) -> Sequence[Request]:
        simple, pair = it.facts.lowered, it.facts.pair(100, 0)
        return [
            _change(it, [("DELETE", simple), *(("CREATE", one) for one in pair)])._replace(
                done=REFUSED,
                undo=_change(it, [*(("DELETE", one) for one in pair), ("CREATE", simple)])._replace(
                    done=REFUSED,
                    wait=Wait(
                        "route53.ListResourceRecordSets",
                        _look(it),
                        f"ResourceRecordSets[?Name=='{it.facts.record}' && Type=='{it.facts.type}']"
                        ".not_null(SetIdentifier, 'simple')",
                        ("simple",),
                        timeout_s=60.0,
                    ),
                ),
            )
        ]

    def legacy_after(self, it: It[RecordFacts]) -> Mapping[str, Json] | None:
        return {"sets": it.facts.pair(100, 0)}


STARTED = ("ecs.service.start", "autoscaling.group.start", "ec2.instance.create")
"""What answers in the target has to be there before anybody is led to it."""


def _shares(it: It[RecordFacts]) -> tuple[list[int], float]:
    """What people want before everybody is led to the target, and how long each stands in seconds."""
    listed, _, rest = it.strategy.partition(" ")
    return [int(share) for share in listed.split(",") if share], float(rest or 0)


class Share(Action[RecordFacts]):
    """A part of all who ask is led to the target, and nothing goes on before that has stood for its time: a rollback
    meanwhile leads everybody back."""

    phase = "cutover"
    undo_class = "R2"
    after_kinds = STARTED

    number: ClassVar[int]

    def applies(self, it: It[RecordFacts]) -> bool:
        return it.facts.is_switchable and self.number <= len(_shares(it)[0])

    def requests(self, it: It[RecordFacts], place: Place) -> Sequence[Request]:
        shares, rest_s = _shares(it)
        before = shares[self.number - 2] if self.number > 1 else 0
        request = _shifted(it, before, shares[self.number - 1], f"share_{self.number}")
        assert request.wait is not None
        rests = replace(request.wait, since=after(self.name, "submitted_at"), rest_s=rest_s)
        return [request._replace(wait=rests)]

    def legacy_after(self, it: It[RecordFacts]) -> Mapping[str, Json] | None:
        share = _shares(it)[0][self.number - 1]
        return {"sets": it.facts.pair(100 - share, share)}


class FirstShare(Share):
    """The first of `shares`."""

    name, number = "share_1", 1
    title = "Lead the first share of those who ask to the target, and let it stand"


class SecondShare(Share):
    """The second of `shares`."""

    name, number = "share_2", 2
    title = "Lead the second share of those who ask to the target, and let it stand"


class ThirdShare(Share):
    """The third of `shares`."""

    name, number = "share_3", 3
    title = "Lead the third share of those who ask to the target, and let it stand"


class Shift(Action[RecordFacts]):
    """After everything in the target has started that may answer. AWS has the change on all its servers then."""

    name = "shift"
    title = "Lead everybody to the target"
    phase = "cutover"
    undo_class = "R2"
    downtime = "D1"
    after_kinds = STARTED

    def applies(self, it: It[RecordFacts]) -> bool:
        return it.facts.is_switchable

    def requests(self, it: It[RecordFacts], place: Place) -> Sequence[Request]:
        shares = _shares(it)[0]
        return [_shifted(it, shares[-1] if shares else 0, 100, "shift")]

    def legacy_after(self, it: It[RecordFacts]) -> Mapping[str, Json] | None:
        return {"sets": it.facts.pair(0, 100)}


class RecordSet(Kind[RecordFacts]):
    """A record of a public zone of legacy that leads into AWS: an alias, a CNAME, or an address.

    Where it leads to something that moves (a load balancer, an HTTP API, an elastic address) it is switched at the
    cut-over: its TTL is lowered ahead, it becomes a pair with weights, and the weight goes from legacy to the target
    when the target's services have started: at once, or in the shares of `switches` in migration.yaml. It stays a
    pair, with the short TTL. Where the target's answers are bad, rolling back `shift` leads everybody back. With
    health evaluated, the one without weight answers while the other is sick. A record with several values, a routing
    policy or a health check is not switched: the plan lists it where it leads to something that moves. A record that
    is protected against changes is refused by AWS.
    """

    name = "route53.record_set"
    title = "Record of a public zone"
    facts = RecordFacts
    is_global = True
    named = False
    stamped = False
    stays_in_legacy = True
    reads = frozenset(
        {"route53.ListHostedZones", "route53.GetHostedZone", "route53.ListResourceRecordSets", "route53.GetChange"}
    )
    actions = (LowerTtl(), Expire(), Weigh(), FirstShare(), SecondShare(), ThirdShare(), Shift())
    quiet = True
    manual = (
        "It is not switched by this tool. Lower its TTL one old TTL ahead, give it the target's value at the cut-over, "
        "and look with `dig` at a resolver outside AWS; the old value is the way back."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "protection": "a protected record refuses every change (route53.ListResourceRecordSetProtections): take the "
        "protection away before the cut-over",
    }

    def by_hand(self, it: It[RecordFacts]) -> str:
        """Only what leads to something that moves is anybody's work: the plan's findings say which."""
        return ""

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            yield from self._one(site, *only.split("/", 2))
            return
        zones = [zone for zone in site.pages("route53.ListHostedZones", "HostedZones") if is_public(zone)]
        for found in site.map(lambda zone: list(self._of_zone(site, zone)), zones):
            yield from found

    def _of_zone(self, site: ReadSite, zone: Mapping[str, Any]) -> Iterator[Resource]:
        zone_id = zone["Id"].rpartition("/")[2]
        listed = site.pages("route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone_id)
        for key, sets in sorted(records_apart(listed).items()):
            yield self._found(site, zone_id, zone["Name"], key, sets)

    def _one(self, site: ReadSite, zone_id: str, record: str = "", sort: str = "") -> Iterator[Resource]:
        answer = site.optional("route53.GetHostedZone", missing=(*GONE, "InvalidInput"), Id=zone_id)
        if answer is None or not record or not sort or not is_public(answer["HostedZone"]):
            return
        sets = []
        for one in site.pages(
            "route53.ListResourceRecordSets",
            "ResourceRecordSets",
            HostedZoneId=zone_id,
            StartRecordName=record,
            StartRecordType=sort,
        ):
            if record_key(one) != (record, sort):
                break
            sets.append(one)
        for key, found in records_apart(sets).items():
            yield self._found(site, zone_id, answer["HostedZone"]["Name"], key, found)

    def _found(
        self, site: ReadSite, zone_id: str, domain: str, key: RecordKey, sets: list[dict[str, Json]]
    ) -> Resource:
        record, sort = key
        ordered = sorted(sets, key=lambda one: str(one.get("SetIdentifier", "")))
        facts = RecordFacts(domain=domain, record=record, type=sort, sets=[_in_lower_case(one) for one in ordered])
        return self.found(site, f"{zone_id}/{record}/{sort}", facts, arn="")

    def names(self, it: It[RecordFacts], place: Place) -> Iterator[Name]:
        return iter(())

    def called(self, it: It[RecordFacts]) -> tuple[str, ...]:
        return (it.facts.record, it.facts.record.rstrip("."))

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[RecordFacts]) -> Resource | None:
        """Nothing of it stands in a target."""
        return None

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RecordFacts]) -> dict[str, Json]:
        return facts | {"sets": [_in_lower_case(one) for one in facts["sets"]]} if "sets" in facts else facts


def _in_lower_case(one: dict[str, Json]) -> dict[str, Json]:
    """An alias's host as Route 53 shows it, whatever letters its load balancer's name has."""
    host = (one.get("AliasTarget") or {}).get("DNSName")
    if not isinstance(host, str):
        return one
    return one | {"AliasTarget": one["AliasTarget"] | {"DNSName": host.lower()}}


def _look(it: It[RecordFacts]) -> dict[str, Json]:
    zone = it.ref.name.partition("/")[0]
    return {"HostedZoneId": zone, "StartRecordName": it.facts.record, "StartRecordType": it.facts.type}


def _change(it: It[RecordFacts], changes: Sequence[tuple[str, dict[str, Json]]]) -> Request:
    listed: list[Json] = [{"Action": action, "ResourceRecordSet": one} for action, one in changes]
    params: dict[str, Json] = {"HostedZoneId": it.ref.name.partition("/")[0], "ChangeBatch": {"Changes": listed}}
    return Request("route53.ChangeResourceRecordSets", params, "legacy", retry=BUSY)


def _shifted(it: It[RecordFacts], before: int, share: int, action: str) -> Request:
    """Weights that lead that share of a hundred to the target, until they are on all servers; back: the ones before."""
    return _change(it, [("UPSERT", one) for one in it.facts.pair(100 - share, share)])._replace(
        outputs={"change": "ChangeInfo.Id", "submitted_at": "ChangeInfo.SubmittedAt"},
        wait=Wait(
            "route53.GetChange",
            {"Id": after(action, "change")},
            "ChangeInfo.Status",
            ("INSYNC",),
            gone=("NoSuchChange",),
            timeout_s=600.0,
        ),
        undo=_change(it, [("UPSERT", one) for one in it.facts.pair(100 - before, before)]),
    )


KINDS = (RecordSet(),)
