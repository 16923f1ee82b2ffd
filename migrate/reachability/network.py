"""One region's network as values, made from the facts of the kinds that lay it out. IPv4 only.

The rule: what the facts do not say is not there, but for the routes that AWS writes itself: a VPC's own blocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network
from typing import NamedTuple

from migrate.values import Json

KINDS = (
    "ec2.vpc", "ec2.subnet", "ec2.route_table", "ec2.network_acl", "ec2.security_group", "ec2.vpc_endpoint",
    "ec2.nat_gateway", "ec2.internet_gateway", "ec2.vpc_peering_connection", "ec2.prefix_list",
)  # fmt: skip
"""Everything that is asked; what none of these says (a transit gateway's tables, an appliance) is "unknown"."""

ALL_PORTS = (0, 65535)
EVERYWHERE = IPv4Network("0.0.0.0/0")
Ports = tuple[int, int]
LOCAL, BLACKHOLE = "local", "blackhole"


class Piece(NamedTuple):
    """One resource of the network: kind, id, facts in one side's names."""

    kind: str
    id: str
    facts: Mapping[str, Json]


class Entry(NamedTuple):
    """One entry of a network ACL, for TCP."""

    number: int
    is_allowed: bool
    block: IPv4Network
    ports: Ports


class Rule(NamedTuple):
    """One rule of a security group, for TCP: a block, a group's id, or "list" for a list of AWS's own."""

    ports: Ports
    block: IPv4Network | None
    group: str


class Route(NamedTuple):
    """Where packets for a block go: `local`, `blackhole`, or the target's id."""

    block: IPv4Network
    to: str


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet with the block of its addresses."""

    id: str
    vpc: str
    block: IPv4Network
    gives_public_addresses: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A VPC endpoint: a gateway's route tables, or an interface's subnets and groups."""

    id: str
    vpc: str
    service: str
    is_interface: bool
    has_private_names: bool
    tables: tuple[str, ...]
    subnets: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Everything that stands between two addresses of a region."""

    blocks: dict[str, tuple[IPv4Network, ...]] = field(default_factory=dict)
    """VPC → its IPv4 blocks."""
    names_resolve: dict[str, bool] = field(default_factory=dict)
    """VPC → whether private names of endpoints can be resolved in it: that wants both DNS attributes. Source: VPC
    user guide, "DNS attributes for your VPC", read 2026-11."""
    subnets: dict[str, Subnet] = field(default_factory=dict)
    routes: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    """Table → its routes, without the local ones."""
    main_table: dict[str, str] = field(default_factory=dict)
    table_of: dict[str, str] = field(default_factory=dict)
    """Subnet → the table it was told to use."""
    entries: dict[tuple[str, bool], tuple[Entry, ...]] = field(default_factory=dict)
    """(ACL, whether for what leaves the subnet) → entries in the order in which AWS asks them."""
    default_acl: dict[str, str] = field(default_factory=dict)
    acl_of: dict[str, str] = field(default_factory=dict)
    rules: dict[tuple[str, bool], tuple[Rule, ...]] = field(default_factory=dict)
    """(group, whether for what leaves) → rules."""
    endpoints: list[Endpoint] = field(default_factory=list)
    nats: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    """NAT gateway → its VPC, its subnet ("" where it is regional), whether it leads to the internet."""
    internet_gateways: dict[str, str] = field(default_factory=dict)
    peerings: dict[str, tuple[str, str]] = field(default_factory=dict)

    def table(self, subnet: Subnet) -> str:
        """The table that a subnet follows: its own, else its VPC's main one."""
        return self.table_of.get(subnet.id) or self.main_table.get(subnet.vpc, "")

    def acl(self, subnet: Subnet) -> str:
        """The ACL before a subnet: the one it was put behind, else its VPC's default one."""
        return self.acl_of.get(subnet.id) or self.default_acl.get(subnet.vpc, "")

    def all_routes(self, subnet: Subnet) -> list[Route]:
        """What the subnet's table says, with the VPC's own blocks."""
        own = [Route(block, LOCAL) for block in self.blocks.get(subnet.vpc, ())]
        return [*self.routes.get(self.table(subnet), ()), *own]

    @cached_property
    def public_blocks(self) -> tuple[IPv4Network, ...]:
        """Every block outside of private ranges that some route, entry or rule singles out."""
        found = {route.block for routes in self.routes.values() for route in routes}
        found |= {entry.block for entries in self.entries.values() for entry in entries}
        found |= {rule.block for rules in self.rules.values() for rule in rules if rule.block is not None}
        return tuple(sorted(block for block in found if not block.is_private))


def network(pieces: Iterable[Piece]) -> Network:
    """Put a network together. What another kind says is passed over."""
    made = Network()
    listed = list(pieces)
    lists = {piece.id: piece.facts for piece in listed if piece.kind == "ec2.prefix_list"}
    for piece in listed:
        facts = piece.facts
        if piece.kind == "ec2.vpc":
            texts = (facts["cidr_block"], *facts["secondary_cidr_blocks"])
            made.blocks[piece.id] = tuple(IPv4Network(text) for text in texts)
            made.names_resolve[piece.id] = bool(facts["dns_support"] and facts["dns_hostnames"])
        elif piece.kind == "ec2.subnet" and facts["cidr_block"]:
            block, gives = IPv4Network(facts["cidr_block"]), bool(facts["map_public_ip_on_launch"])
            made.subnets[piece.id] = Subnet(piece.id, str(facts["vpc_id"]), block, gives)
        elif piece.kind == "ec2.route_table":
            _enter_table(made, piece, lists)
        elif piece.kind == "ec2.network_acl":
            _enter_acl(made, piece)
        elif piece.kind == "ec2.security_group":
            for direction, leaves in (("ingress", False), ("egress", True)):
                made.rules[piece.id, leaves] = tuple(_rules(facts[direction], piece.id, lists))
        elif piece.kind == "ec2.vpc_endpoint" and facts["endpoint_type"] in ("Interface", "Gateway"):
            made.endpoints.append(
                Endpoint(
                    piece.id, str(facts["vpc_id"]), facts["service_name"] or "", facts["endpoint_type"] == "Interface",
                    bool(facts["private_dns"]), _keys(facts["route_table_ids"]), _keys(facts["subnet_ids"]),
                    _keys(facts["security_group_ids"]),
                )
            )  # fmt: skip
        elif piece.kind == "ec2.nat_gateway":
            there = (str(facts["vpc_id"]), str(facts["subnet_id"] or ""), facts["connectivity_type"] != "private")
            made.nats[piece.id] = there
        elif piece.kind == "ec2.internet_gateway" and facts["vpc_id"]:
            made.internet_gateways[piece.id] = str(facts["vpc_id"])
        elif piece.kind == "ec2.vpc_peering_connection" and facts["status"] == "active":
            made.peerings[piece.id] = (str(facts["requester_vpc"]), str(facts["accepter_vpc"]))
    made.endpoints.sort(key=lambda one: one.id)
    return made


def _keys(values: Iterable[Json]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _enter_table(made: Network, piece: Piece, lists: Mapping[str, Mapping[str, Json]]) -> None:
    facts, routes = piece.facts, list[Route]()
    for written, is_dead in ((facts["routes"], False), (facts["dead_routes"], True)):
        for route in written:
            to = next((str(value) for name, value in route.items() if not name.startswith("Destination")), "")
            for block in _destinations(route, lists):
                routes.append(Route(block, BLACKHOLE if is_dead else to))
    # A route that a virtual private gateway writes is nowhere in the facts: whatever nothing else says goes there.
    routes += [Route(EVERYWHERE, str(gateway)) for gateway in facts["propagating_gateways"]]
    made.routes[piece.id] = tuple(routes)
    if facts["is_main"]:
        made.main_table[str(facts["vpc_id"])] = piece.id
    for subnet in facts["subnet_ids"]:
        made.table_of[str(subnet)] = piece.id


def _destinations(route: Mapping[str, Json], lists: Mapping[str, Mapping[str, Json]]) -> Iterable[IPv4Network]:
    if "DestinationCidrBlock" in route:
        return [IPv4Network(route["DestinationCidrBlock"], strict=False)]
    return _listed(str(route.get("DestinationPrefixListId", "")), lists)


def _listed(prefix_list: str, lists: Mapping[str, Mapping[str, Json]]) -> list[IPv4Network]:
    facts = lists.get(prefix_list, {})
    if facts.get("address_family") == "IPv6":
        return []
    return [IPv4Network(entry["Cidr"], strict=False) for entry in facts.get("entries", ())]


def _enter_acl(made: Network, piece: Piece) -> None:
    facts = piece.facts
    for leaves in (False, True):
        found = [
            Entry(
                int(entry["RuleNumber"]), entry["RuleAction"] == "allow",
                IPv4Network(entry["CidrBlock"], strict=False), _entry_ports(entry),
            )
            for entry in facts["entries"]
            if entry["Egress"] == leaves and "CidrBlock" in entry and str(entry["Protocol"]) in ("-1", "6", "tcp")
        ]  # fmt: skip
        made.entries[piece.id, leaves] = tuple(sorted(found))
    if facts["is_default"]:
        made.default_acl[str(facts["vpc_id"])] = piece.id
    for subnet in facts["subnet_ids"]:
        made.acl_of[str(subnet)] = piece.id


def _entry_ports(entry: Mapping[str, Json]) -> Ports:
    there = entry.get("PortRange") if str(entry["Protocol"]) != "-1" else None
    return (int(there["From"]), int(there["To"])) if there else ALL_PORTS


def _rules(rules: Iterable[Mapping[str, Json]], own: str, lists: Mapping[str, Mapping[str, Json]]) -> Iterable[Rule]:
    for rule in rules:
        if str(rule["protocol"]) not in ("-1", "6", "tcp"):
            continue
        is_all = str(rule["protocol"]) == "-1" or rule.get("from_port") in (None, -1)
        ports = ALL_PORTS if is_all else (int(rule["from_port"]), int(rule["to_port"]))
        peer = str(rule["peer"])
        if rule["peer_type"] == "ipv4":
            yield Rule(ports, IPv4Network(peer, strict=False), "")
        elif rule["peer_type"] == "group":
            yield Rule(ports, None, own if peer == "self" else peer)
        elif rule["peer_type"] == "prefix_list" and peer in lists:
            yield from (Rule(ports, block, "") for block in _listed(peer, lists))
        elif rule["peer_type"] == "prefix_list":
            yield Rule(ports, None, "list")
