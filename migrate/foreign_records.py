"""DNS records that lie elsewhere and lead to a load balancer that moves: who changes which one to what.

The rule: no DNS is asked. A name counts as foreign where a listener serves it (by a rule or a certificate) and no
public zone of the scanned account could hold it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrate.inventory import Inventory, Resource
from migrate.names import Ref

INTERNAL = "internal"


class ForeignName(NamedTuple):
    """A name that the world calls a load balancer by, though no zone here leads there."""

    name: str
    """In small letters, without a dot at the end; it may begin with `*.`."""
    front: Ref
    host: str
    """The load balancer's own host name in legacy."""
    seen_in: str


def foreign_names(inventory: Inventory) -> Iterator[ForeignName]:
    """Every such name, in the order of load balancers and names; each once for each load balancer."""
    zones = {_plain(zone.facts["domain"]) for zone in inventory.of("route53.public_zone")}
    certificates = {one.arn: one for one in inventory.of("acm.certificate")}
    listeners = {one.arn: one for one in inventory.of("elbv2.listener")}
    rules: dict[str, list[Resource]] = {}
    for rule in inventory.of("elbv2.rule"):
        rules.setdefault(str(rule.facts["listener_arn"]), []).append(rule)
    for balancer in inventory.of("elbv2.load_balancer"):
        if balancer.facts["scheme"] == INTERNAL:
            continue
        found: dict[str, str] = {}
        for listener in listeners.values():
            if listener.facts["load_balancer_arn"] == balancer.arn:
                for name, seen_in in _served(listener, rules.get(listener.arn, ()), certificates):
                    found.setdefault(_plain(name), seen_in)
        for name, seen_in in sorted(found.items()):
            if not any(_lies_in(name, zone) for zone in zones):
                yield ForeignName(name, balancer.ref, str(balancer.facts["dns_name"]), seen_in)


def what_to_change(one: ForeignName, target: str, is_known: bool) -> str:
    """The exact change, when, how it is proved, and the way back, for whoever keeps that DNS."""
    names = f"each name of {one.name} that is in use" if one.name.startswith("*.") else one.name
    asked = one.name.replace("*", "<name>")
    to = target if is_known else f"{target} (known once it is made)"
    return (
        f"in the DNS of {names}: a day before, TTL 60; at the cut-over, after the run's last step, CNAME {to} (for a "
        f"zone's own name what your DNS host offers: ALIAS, ANAME); it is there when `dig +short {asked} @1.1.1.1` "
        f"ends with the addresses of `dig +short {target} @1.1.1.1`; the way back: CNAME {one.host}"
    )


def _served(
    listener: Resource, rules: Iterable[Resource], certificates: Mapping[str, Resource]
) -> Iterator[tuple[str, str]]:
    for rule in rules:
        for condition in rule.facts["conditions"]:
            if condition.get("Field") == "host-header":
                for name in _values(condition):
                    yield name, f"{rule.ref} conditions"
    for arn in (listener.facts["certificate_arn"], *listener.facts["more_certificate_arns"]):
        certificate = certificates.get(str(arn))
        for name in certificate.facts["names"] if certificate is not None else ():
            yield str(name), f"{certificate.ref if certificate else ''} names"


def _values(condition: Mapping[str, Any]) -> list[str]:
    return [*(condition.get("HostHeaderConfig") or {}).get("Values", ()), *condition.get("Values", ())]


def _plain(name: str) -> str:
    return str(name).rstrip(".").lower()


def _lies_in(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")
