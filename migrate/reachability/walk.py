"""Follow a packet and its answer through a network, for every address and port at once.

The rule: an answer is what the documents of AWS say of the tables, never a guess: where a packet is led to something
that shows no rules (an appliance, a transit gateway), it is "unknown". Addresses that every rule treats alike are
followed once. Sources: VPC user guide: route priority (longest prefix; a written route before a propagated one),
network ACLs (the entries in order, without state, at the edge of the subnet and not within it), security groups (with
state, no order); read 2026-11.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Literal, NamedTuple

from migrate.reachability.network import BLACKHOLE, LOCAL, Endpoint, Network, Ports, Subnet

State = Literal["open", "in part", "shut", "unknown"]
OF_LINUX: Ports = (32768, 60999)
OF_ALL: Ports = (1024, 65535)
"""Where a client waits for the answer: Linux; load balancers, functions, NAT gateways and clients of any sort. Source:
VPC user guide, "Ephemeral ports", read 2026-11."""
HTTPS = 443
_BY_GATEWAY = ("s3", "dynamodb")
_UNKNOWN = "unknown: "


class Verdict(NamedTuple):
    """Whether packets get there and back."""

    state: State
    share: Fraction
    """Of all pairs of addresses and ports: how many."""
    why: str
    """The first thing that stops one, or what the way leads to. Empty: all get through."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Network interfaces that are all alike: of a service's tasks, a function, a database."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...] | None
    """None: no security group stands before it."""
    has_public_address: bool | None = False
    """None: where its subnet gives one."""
    waits_at: Ports = OF_LINUX


def reaches(network: Network, source: Interface, there: Interface, port: int) -> Verdict:
    """Whether each of one can open a TCP connection to each of the other."""
    return together(
        _between(network, one, source, other, there, port)
        for one in _subnets(network, source)
        for other in _subnets(network, there)
    )


def reaches_internet(network: Network, source: Interface, port: int = HTTPS) -> Verdict:
    """Whether it can open a connection to an address of the internet that no rule singles out."""
    return together(_outwards(network, subnet, source, port) for subnet in _subnets(network, source))


def leads_out(network: Network, source: Interface) -> Iterator[tuple[str, bool]]:
    """What each of its subnets' tables leads to the internet by, and whether it leaves by its own public address."""
    for subnet in _subnets(network, source):
        to = _next(network, subnet, somewhere(network.public_blocks))
        is_own = to in network.internet_gateways
        is_not_made = to.startswith(("nat-", "igw-")) and not is_own and to not in network.nats
        if to not in ("", BLACKHOLE) and not is_not_made and (not is_own or _is_public(source, subnet)):
            yield to, is_own


def reached_from_internet(network: Network, there: Interface, port: int) -> Verdict:
    """Whether a client of the internet whose address no rule singles out can open a connection to it."""
    return together(_inwards(network, subnet, there, port) for subnet in _subnets(network, there))


def reaches_service(network: Network, source: Interface, service: str, region: str) -> Verdict:
    """Whether it reaches a service of AWS (`ecr.api`) in its region: by an endpoint where one serves, else outside.

    What an endpoint's policy lets pass is not asked here. Source: PrivateLink guide, "Access AWS services through
    AWS PrivateLink", private DNS names; "Gateway endpoints"; read 2026-11.
    """
    return together(_to_service(network, one, source, f".{region}.{service}") for one in _subnets(network, source))


def _subnets(network: Network, one: Interface) -> list[Subnet]:
    return [network.subnets[subnet] for subnet in one.subnets if subnet in network.subnets]


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Several ways as one."""
    found = list(verdicts)
    if not found:
        return Verdict("unknown", Fraction(0), "it is in no subnet that was read")
    states = {one.state for one in found}
    share = sum((one.share for one in found), Fraction(0)) / len(found)
    why = next((one.why for one in found if one.why), "")
    if "unknown" in states:
        return Verdict("unknown", share, next(one.why for one in found if one.state == "unknown"))
    return Verdict(states.pop() if len(states) == 1 else "in part", share, why)


# Where rules change: addresses and ports between two cuts are treated alike.


class _Span(NamedTuple):
    first: int
    size: int


def _spans(block: IPv4Network, cuts: Iterable[IPv4Network]) -> list[_Span]:
    first, end = int(block.network_address), int(block.broadcast_address) + 1
    at = {first, end}
    for cut in cuts:
        at |= {int(cut.network_address), int(cut.broadcast_address) + 1}
    edges = sorted(one for one in at if first <= one <= end)
    return [_Span(one, after - one) for one, after in itertools.pairwise(edges)]


def _port_spans(ports: Ports, cuts: Iterable[Ports]) -> list[_Span]:
    at = {ports[0], ports[1] + 1}
    for low, high in cuts:
        at |= {low, high + 1}
    edges = sorted(one for one in at if ports[0] <= one <= ports[1] + 1)
    return [_Span(one, after - one) for one, after in itertools.pairwise(edges)]


def _cuts(network: Network, subnets: Sequence[Subnet], groups: Iterable[str]) -> tuple[list[IPv4Network], list[Ports]]:
    blocks: list[IPv4Network] = []
    ports: list[Ports] = []
    for subnet in subnets:
        blocks += [route.block for route in network.all_routes(subnet)]
        for leaves in (False, True):
            for entry in network.entries.get((network.acl(subnet), leaves), ()):
                blocks.append(entry.block)
                ports.append(entry.ports)
    for group in groups:
        for leaves in (False, True):
            blocks += [rule.block for rule in network.rules.get((group, leaves), ()) if rule.block is not None]
    return blocks, ports


def _follow(
    sources: Sequence[_Span], destinations: Sequence[_Span], ports: Sequence[_Span],
    trace: Callable[[int, int, int], str],
) -> Verdict:  # fmt: skip
    """Follow one packet for each sort; `trace` says what stops it, or nothing."""
    through = whole = 0
    why = unknown = ""
    for source in sources:
        for destination in destinations:
            for port in ports:
                weight = source.size * destination.size * port.size
                whole += weight
                said = trace(source.first, destination.first, port.first)
                if not said:
                    through += weight
                elif said.startswith(_UNKNOWN):
                    unknown = unknown or said.removeprefix(_UNKNOWN)
                else:
                    why = why or said
    share = Fraction(through, whole)
    if unknown:
        return Verdict("unknown", share, unknown)
    return Verdict("open" if not why else "in part" if through else "shut", share, why)


# The single stops of a way. Each says what refuses, or nothing.


def _lets(
    network: Network, groups: tuple[str, ...] | None, leaves: bool, address: int, peers: Sequence[str] | None,
    port: int, *, is_listed: bool = False,
) -> str:  # fmt: skip
    if groups is None:
        return ""
    for group in groups:
        for rule in network.rules.get((group, leaves), ()):
            if not rule.ports[0] <= port <= rule.ports[1]:
                continue
            if rule.block is not None:
                if int(rule.block.network_address) <= address <= int(rule.block.broadcast_address):
                    return ""
            elif (rule.group in (peers or ())) or (is_listed and rule.group == "list"):
                return ""
    what = f"port {port} to" if leaves else f"port {port} from"
    named = ", ".join(groups) or "no security group"
    return f"no rule of {named} lets {what} {IPv4Address(address)} pass"


def _passes(network: Network, subnet: Subnet, leaves: bool, address: int, port: int) -> str:
    acl = network.acl(subnet)
    for entry in network.entries.get((acl, leaves), ()):
        inside = int(entry.block.network_address) <= address <= int(entry.block.broadcast_address)
        if inside and entry.ports[0] <= port <= entry.ports[1]:
            if entry.is_allowed:
                return ""
            way = "out" if leaves else "in"
            return f"entry {entry.number} ({way}) of {acl} refuses port {port}, {IPv4Address(address)}"
    way = "out" if leaves else "in"
    return f"no entry ({way}) of {acl or 'any network ACL'} lets port {port}, {IPv4Address(address)} pass"


def _next(network: Network, subnet: Subnet, address: int) -> str:
    """Where the subnet's table leads a packet for that address; empty: nowhere."""
    best, length = "", -1
    for route in network.all_routes(subnet):
        inside = int(route.block.network_address) <= address <= int(route.block.broadcast_address)
        if inside and route.block.prefixlen > length:
            best, length = route.to, route.block.prefixlen
    return best


def _joins(network: Network, subnet: Subnet, other: Subnet, address: int) -> str:
    """Whether the subnet's table leads there: within the VPC, or over a peering of the two."""
    to = _next(network, subnet, address)
    if to == LOCAL:
        # A VPC's own block where the other is in another VPC: both have it, and the packet stays here.
        return "" if subnet.vpc == other.vpc else f"{IPv4Address(address)} is its own VPC's as well"
    if to in network.peerings:
        joined = set(network.peerings[to])
        return "" if subnet.vpc != other.vpc and joined == {subnet.vpc, other.vpc} else f"{to} leads elsewhere"
    return _nowhere(network, subnet, to, address)


def _nowhere(network: Network, subnet: Subnet, to: str, address: int) -> str:
    table = network.table(subnet) or "no table"
    if to in ("", BLACKHOLE):
        return f"{table} has no route from {subnet.id} to {IPv4Address(address)}"
    if to in network.nats or to in network.internet_gateways:
        return f"{table} leads {IPv4Address(address)} to {to}, which does not lead there"
    return f"{_UNKNOWN}{table} leads {IPv4Address(address)} to {to}"


# Whole ways.


def _between(
    network: Network, subnet: Subnet, source: Interface, other: Subnet, there: Interface, port: int
) -> Verdict:  # fmt: skip
    blocks, ports = _cuts(network, (subnet, other), (*(source.groups or ()), *(there.groups or ())))

    def trace(one: int, two: int, back: int) -> str:
        said = _lets(network, source.groups, True, two, there.groups, port) or _joins(network, subnet, other, two)
        if not said and subnet.id != other.id:
            said = (
                _passes(network, subnet, True, two, port)
                or _passes(network, other, False, one, port)
                or _passes(network, other, True, one, back)
                or _passes(network, subnet, False, two, back)
            )
        return said or _lets(network, there.groups, False, one, source.groups, port) or _joins(
            network, other, subnet, one
        )  # fmt: skip

    return _follow(
        _spans(subnet.block, blocks), _spans(other.block, blocks), _port_spans(source.waits_at, ports), trace
    )


@lru_cache(maxsize=256)
def somewhere(blocks: tuple[IPv4Network, ...]) -> int:
    """An address of the internet of which none of these blocks says more than of the most others."""
    whole = _spans(IPv4Network("0.0.0.0/0"), blocks)
    # Reserved space has no clients; private blocks are not looked at here.
    usable = [span for span in whole if span.first < int(IPv4Address("224.0.0.0"))]
    largest = max(usable, key=lambda span: span.size)
    address = largest.first + largest.size // 2
    while not IPv4Address(address).is_global:
        address += 1 << 16
    return address


def _outwards(
    network: Network, subnet: Subnet, source: Interface, port: int, *, is_service: bool = False
) -> Verdict:  # fmt: skip
    outside = somewhere(network.public_blocks)
    to = _next(network, subnet, outside)
    nat = network.nats.get(to)
    gate = network.subnets.get(nat[1]) if nat else None
    blocks, ports = _cuts(network, (subnet, gate) if gate else (subnet,), source.groups or ())

    def trace(one: int, _: int, back: int) -> str:
        said = _lets(network, source.groups, True, outside, None, port, is_listed=is_service)
        if said or nat is None:
            return said or _by_gateway(network, subnet, to, _is_public(source, subnet), outside) or (
                _passes(network, subnet, True, outside, port) or _passes(network, subnet, False, outside, back)
            )  # fmt: skip
        vpc, own, is_public = nat
        if vpc != subnet.vpc or not is_public or (own and gate is None):
            return f"{_UNKNOWN}{to} leads on"
        if gate is None or gate.id != subnet.id:
            said = _passes(network, subnet, True, outside, port) or _passes(network, subnet, False, outside, back)
        if not said and gate is not None and gate.id != subnet.id:
            said = _passes(network, gate, False, one, port) or _passes(network, gate, True, one, back)
        return said

    here = _follow(_spans(subnet.block, blocks), [_Span(outside, 1)], _port_spans(source.waits_at, ports), trace)
    if gate is None or here.state in ("shut", "unknown"):
        return here
    # From the NAT gateway on it is its own packet, with ports of its own.
    onward = _next(network, gate, outside)

    def beyond(_: int, __: int, back: int) -> str:
        return _by_gateway(network, gate, onward, True, outside) or (
            _passes(network, gate, True, outside, port) or _passes(network, gate, False, outside, back)
        )

    own_ports = _port_spans(OF_ALL, ports)
    rest = _follow([_Span(int(gate.block.network_address), 1)], [_Span(outside, 1)], own_ports, beyond)
    return _in_a_row(here, rest)


def _in_a_row(one: Verdict, other: Verdict) -> Verdict:
    """Two parts of one way, each with addresses and ports of its own."""
    if "unknown" in (one.state, other.state):
        return one if one.state == "unknown" else other
    share = one.share * other.share
    return Verdict("shut" if not share else "open" if share == 1 else "in part", share, one.why or other.why)


def _is_public(one: Interface, subnet: Subnet) -> bool:
    return subnet.gives_public_addresses if one.has_public_address is None else one.has_public_address


def _by_gateway(network: Network, subnet: Subnet, to: str, has_public_address: bool, address: int) -> str:
    if network.internet_gateways.get(to) != subnet.vpc:
        return _nowhere(network, subnet, to, address)
    return "" if has_public_address else f"{to} serves public addresses only, and it has none"


def _inwards(network: Network, subnet: Subnet, there: Interface, port: int) -> Verdict:
    outside = somewhere(network.public_blocks)
    to = _next(network, subnet, outside)
    _, ports = _cuts(network, (subnet,), there.groups or ())

    def trace(_: int, __: int, back: int) -> str:
        return (
            _by_gateway(network, subnet, to, _is_public(there, subnet), outside)
            or _passes(network, subnet, False, outside, port)
            or _passes(network, subnet, True, outside, back)
            or _lets(network, there.groups, False, outside, None, port)
        )

    return _follow([_Span(outside, 1)], [_Span(outside, 1)], _port_spans(OF_ALL, ports), trace)


def _to_service(network: Network, subnet: Subnet, source: Interface, service: str) -> Verdict:
    own = [one for one in network.endpoints if one.vpc == subnet.vpc and one.service.endswith(service)]
    if network.names_resolve.get(subnet.vpc):
        for endpoint in own:
            if endpoint.is_interface and endpoint.has_private_names:
                return _to_endpoint(network, subnet, source, endpoint)
    if service.endswith(_BY_GATEWAY) and any(
        network.table(subnet) in one.tables for one in own if not one.is_interface
    ):
        outside = somewhere(network.public_blocks)
        _, ports = _cuts(network, (subnet,), ())

        def trace(_: int, __: int, back: int) -> str:
            return (
                _lets(network, source.groups, True, outside, None, HTTPS, is_listed=True)
                or _passes(network, subnet, True, outside, HTTPS)
                or _passes(network, subnet, False, outside, back)
            )

        return _follow([_Span(outside, 1)], [_Span(outside, 1)], _port_spans(source.waits_at, ports), trace)
    return _outwards(network, subnet, source, HTTPS, is_service=True)


def _to_endpoint(network: Network, subnet: Subnet, source: Interface, endpoint: Endpoint) -> Verdict:
    interfaces = Interface(endpoint.subnets, endpoint.groups)
    return together(
        _between(network, subnet, source, other, interfaces, HTTPS) for other in _subnets(network, interfaces)
    )
