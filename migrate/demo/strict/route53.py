"""Rules over Route 53: a change batch is checked as a whole, and done as a whole or not at all.

The one rule it keeps: what a batch would leave is checked, not its changes one by one: AWS lets a batch delete a record
and create what could not have stood beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal


@strict(
    "route53.change-batches",
    makes="a change batch is done whole or refused with InvalidChangeBatch: a delete names every value, no simple "
    "record stands beside one with a routing policy, a weighted one has one value, no CNAME at the apex or beside "
    "others, an alias of a load balancer names its zone; an alias's host is shown in small letters (unverified)",
    source="route53.ChangeResourceRecordSets and its Weight, AliasTarget.HostedZoneId, botocore 1.44.5; Route 53 "
    "Developer Guide, Supported DNS record types (CNAME); the refusals' words as people report them",
)
def change_batches() -> None:
    """The emulator changes one record after the other, deletes by SetIdentifier alone, and lets all stand together."""
    from moto.route53.exceptions import DnsNameInvalidForZone
    from moto.route53.models import RecordSet, Route53Backend
    from moto.route53.utils import validate_domain_name

    # Its class has abstract methods that nobody gave it, and is made all the same.
    record_set: Any = RecordSet

    @override(Route53Backend, "change_resource_record_sets")
    def change_resource_record_sets(old: Any, self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        left = list(zone.rrsets)
        for change in change_list:
            given = dict(change["ResourceRecordSet"])
            validate_domain_name(given["Name"], code="InvalidChangeBatch")
            given["Name"] = f"{given['Name'].rstrip('.').lower()}."
            if not f".{given['Name']}".endswith(f".{zone.name.strip('.').lower()}."):
                raise DnsNameInvalidForZone(name=given["Name"], zone_name=zone.name)
            if given.get("ResourceRecords"):
                given["ResourceRecords"] = [one["Value"] for one in given["ResourceRecords"]]
            if given.get("AliasTarget"):
                host = str(given["AliasTarget"]["DNSName"]).lower()
                given["AliasTarget"] = dict(given["AliasTarget"]) | {"DNSName": host}
            _change(left, change["Action"], record_set(given))
        _check(left, zone.name.strip(".").lower())
        zone.rrsets = left


def _change(left: list[Any], action: str, wanted: Any) -> None:
    called = f"resource record set [name='{wanted.name}', type='{wanted.type}'"
    called += f", set identifier='{wanted.set_identifier}']" if wanted.set_identifier else "]"
    at = next((number for number, one in enumerate(left) if _key(one) == _key(wanted)), None)
    if action == "CREATE" and at is not None:
        raise _refused(f"Tried to create {called} but it already exists")
    if action == "DELETE":
        if at is None:
            raise _refused(f"Tried to delete {called} but it was not found")
        if _values(left[at]) != _values(wanted):
            raise _refused(f"Tried to delete {called} but the values provided do not match the current values")
        del left[at]
    elif at is None:
        left.append(wanted)
    else:
        left[at] = wanted


def _check(left: Sequence[Any], domain: str) -> None:
    named: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for one in left:
        named[one.name.lower()][one.type].append(one)
    for name, types in named.items():
        if "CNAME" in types and name.strip(".") == domain:
            raise _refused(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {domain}.")
        if "CNAME" in types and len(types) > 1:
            raise _refused(
                f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with "
                f"the same DNS name in zone {domain}."
            )
        for sort, sets in types.items():
            if len(sets) > 1 and (
                len({_policy(one) for one in sets}) > 1 or not all(one.set_identifier for one in sets)
            ):
                raise _refused(
                    f"RRSet with DNS name {name}, type {sort} cannot be created as other RRSets exist with the same "
                    "name and type."
                )
            for one in sets:
                _check_one(one)


def _check_one(one: Any) -> None:
    if one.weight is not None and len(one.records or ()) > 1:
        raise _refused(f"Weighted record {one.name} {one.type} may have one ResourceRecord only")
    if one.alias_target:
        host = str(one.alias_target["DNSName"]).rstrip(".").lower().removeprefix("dualstack.")
        zone = _zone_of_balancer(host)
        if zone is not None and zone != one.alias_target["HostedZoneId"]:
            raise _refused(
                f"Tried to create an alias that targets {host}., type {one.type} in zone "
                f"{one.alias_target['HostedZoneId']}, but the alias target name does not lie within the target zone"
            )


def _zone_of_balancer(host: str) -> str | None:
    """The zone of the load balancer that has this host, in whichever account of the world it is."""
    if "elb" not in host:
        return None
    from moto.elbv2.models import elbv2_backends

    for _, _, backend in elbv2_backends.iter_backends():
        balancers: dict[str, Any] = vars(backend)["load_balancers"]
        for balancer in balancers.values():
            if str(balancer.dns_name).lower() == host:
                return str(balancer.canonical_hosted_zone_id)
    return None


def _key(one: Any) -> tuple[str, str, str]:
    return str(one.name).lower(), str(one.type), str(one.set_identifier or "")


def _policy(one: Any) -> str:
    """Which routing policy a record set has."""
    policies = ("weight", "region", "failover", "geo_location", "multi_value_answer")
    return next((name for name in policies if getattr(one, name) is not None), "simple")


def _values(one: Any) -> tuple[Any, ...]:
    """All that a DELETE has to name."""
    alias = dict(one.alias_target or {})
    host = str(alias.get("DNSName", "")).rstrip(".").lower()
    health = str(alias.get("EvaluateTargetHealth", "")).lower()
    ttl, weight = (None if value is None else int(value) for value in (one.ttl, one.weight))
    return ttl, sorted(one.records or ()), weight, alias.get("HostedZoneId"), host, health, one.health_check_id


def _refused(said: str) -> Refusal:
    return Refusal("InvalidChangeBatch", f"[{said}]")
