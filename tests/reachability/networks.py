"""Networks as the kinds' facts show them, and a slow walk of single packets that knows nothing of the product's."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from migrate.reachability.network import Piece

ANY = "0.0.0.0/0"
ALLOW_ALL = [
    {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": ANY}
    for egress in (False, True)
]


def vpc(name: str, block: str, **more: Any) -> Piece:
    facts = {"cidr_block": block, "secondary_cidr_blocks": [], "dns_support": True, "dns_hostnames": True}
    return Piece("ec2.vpc", name, facts | more)


def subnet(name: str, vpc_id: str, block: str, *, public: bool = False) -> Piece:
    return Piece("ec2.subnet", name, {"vpc_id": vpc_id, "cidr_block": block, "map_public_ip_on_launch": public})


def table(
    name: str, vpc_id: str, routes: Mapping[str, str], subnets: Iterable[str] = (), *, main: bool = False, **more: Any
) -> Piece:
    written = [{"DestinationCidrBlock": block, _parameter(to): to} for block, to in routes.items()]
    facts = {
        "vpc_id": vpc_id, "is_main": main, "routes": written, "dead_routes": [], "subnet_ids": list(subnets),
        "propagating_gateways": [],
    }  # fmt: skip
    return Piece("ec2.route_table", name, facts | more)


def _parameter(to: str) -> str:
    return {"nat": "NatGatewayId", "pcx": "VpcPeeringConnectionId", "tgw": "TransitGatewayId"}.get(
        to.partition("-")[0], "GatewayId"
    )


def acl(
    name: str, vpc_id: str, entries: list[dict[str, Any]], subnets: Iterable[str] = (), *, main: bool = False
) -> Piece:
    facts = {"vpc_id": vpc_id, "is_default": main, "entries": entries, "subnet_ids": list(subnets)}
    return Piece("ec2.network_acl", name, facts)


def entry(number: int, *, out: bool, allow: bool, block: str = ANY, ports: tuple[int, int] | None = None) -> Any:
    made: dict[str, Any] = {
        "RuleNumber": number, "Egress": out, "Protocol": "6" if ports else "-1",
        "RuleAction": "allow" if allow else "deny", "CidrBlock": block,
    }  # fmt: skip
    return made | ({"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {})


def group(name: str, ingress: list[Any], egress: list[Any] | None = None, *, vpc_id: str = "vpc-a") -> Piece:
    everything = [rule(ANY)] if egress is None else egress
    facts = {"vpc_id": vpc_id, "is_default": False, "ingress": ingress, "egress": everything}
    return Piece("ec2.security_group", name, facts)


def rule(peer: str, ports: tuple[int, int] | None = None) -> dict[str, Any]:
    sort = "ipv4" if "/" in peer else "prefix_list" if peer.startswith("pl-") else "group"
    made: dict[str, Any] = {"protocol": "tcp" if ports else "-1", "peer_type": sort, "peer": peer}
    return made | ({"from_port": ports[0], "to_port": ports[1]} if ports else {})


def endpoint(name: str, service: str, **more: Any) -> Piece:
    facts = {
        "vpc_id": "vpc-a", "service_name": f"com.amazonaws.eu-west-1.{service}", "endpoint_type": "Interface",
        "private_dns": True, "route_table_ids": [], "subnet_ids": [], "security_group_ids": [],
    }  # fmt: skip
    return Piece("ec2.vpc_endpoint", name, facts | more)


def nat(name: str, subnet_id: str) -> Piece:
    return Piece("ec2.nat_gateway", name, {"vpc_id": "vpc-a", "subnet_id": subnet_id, "connectivity_type": "public"})


def gateway(name: str) -> Piece:
    return Piece("ec2.internet_gateway", name, {"vpc_id": "vpc-a"})


def peering(name: str, one: str, other: str) -> Piece:
    return Piece("ec2.vpc_peering_connection", name, {"requester_vpc": one, "accepter_vpc": other, "status": "active"})


class SlowWalk:
    """One packet at a time, read from the facts as a person would read them in the console."""

    def __init__(self, pieces: list[Piece]) -> None:
        self.facts = {(piece.kind, piece.id): piece.facts for piece in pieces}

    def connects(
        self, here: tuple[str, str, list[str]], there: tuple[str, str, list[str]], port: int, back: int
    ) -> bool:
        """`here` and `there`: subnet, address, security groups."""
        (subnet_a, one, groups_a), (subnet_b, two, groups_b) = here, there
        asks = self.group_lets(groups_a, "egress", two, groups_b, port)
        takes = self.group_lets(groups_b, "ingress", one, groups_a, port)
        crosses = True
        if subnet_a != subnet_b:
            crosses = (
                self.acl_lets(subnet_a, True, two, port)
                and self.acl_lets(subnet_b, False, one, port)
                and self.acl_lets(subnet_b, True, one, back)
                and self.acl_lets(subnet_a, False, two, back)
            )
        return (
            asks
            and takes
            and crosses
            and self.delivers(subnet_a, two, subnet_b)
            and self.delivers(subnet_b, one, subnet_a)
        )

    def connects_outside(self, here: tuple[str, str, list[str]], port: int, back: int, nat_back: int, out: str) -> bool:
        subnet_id, own, groups = here
        if not self.group_lets(groups, "egress", out, [], port):
            return False
        hop = self.next_hop(subnet_id, out)
        if hop.startswith("igw"):
            public = self.facts["ec2.subnet", subnet_id]["map_public_ip_on_launch"]
            return (
                bool(public)
                and self.acl_lets(subnet_id, True, out, port)
                and self.acl_lets(subnet_id, False, out, back)
            )
        if not hop.startswith("nat"):
            return False
        gate = self.facts["ec2.nat_gateway", hop]["subnet_id"]
        if gate != subnet_id and not (
            self.acl_lets(subnet_id, True, out, port)
            and self.acl_lets(gate, False, own, port)
            and self.acl_lets(gate, True, own, back)
            and self.acl_lets(subnet_id, False, out, back)
        ):
            return False
        leaves = self.acl_lets(gate, True, out, port) and self.acl_lets(gate, False, out, nat_back)
        return leaves and self.next_hop(gate, out).startswith("igw")

    def group_lets(self, groups: list[str], direction: str, address: str, peers: list[str], port: int) -> bool:
        for name in groups:
            for one in self.facts["ec2.security_group", name][direction]:
                low, high = one.get("from_port", 0), one.get("to_port", 65535)
                if one["peer_type"] == "ipv4":
                    speaks = ip_address(address) in ip_network(one["peer"])
                else:
                    speaks = (name if one["peer"] == "self" else one["peer"]) in peers
                if speaks and low <= port <= high:
                    return True
        return False

    def acl_lets(self, subnet_id: str, out: bool, address: str, port: int) -> bool:
        own = None
        for (kind, _), facts in self.facts.items():
            if kind == "ec2.network_acl" and subnet_id in facts["subnet_ids"]:
                own = facts
        home = self.facts["ec2.subnet", subnet_id]["vpc_id"]
        for (kind, _), facts in self.facts.items():
            if own is None and kind == "ec2.network_acl" and facts["is_default"] and facts["vpc_id"] == home:
                own = facts
        assert own is not None
        for one in sorted(own["entries"], key=lambda line: line["RuleNumber"]):
            ports = one.get("PortRange", {"From": 0, "To": 65535})
            speaks = one["Egress"] == out and ip_address(address) in ip_network(one["CidrBlock"])
            if speaks and ports["From"] <= port <= ports["To"]:
                return bool(one["RuleAction"] == "allow")
        return False

    def next_hop(self, subnet_id: str, address: str) -> str:
        home = self.facts["ec2.subnet", subnet_id]["vpc_id"]
        tables = [facts for (kind, _), facts in self.facts.items() if kind == "ec2.route_table"]
        own = [one for one in tables if subnet_id in one["subnet_ids"]]
        own = own or [one for one in tables if one["is_main"] and one["vpc_id"] == home]
        ways = [(ip_network(self.facts["ec2.vpc", home]["cidr_block"]), "local")]
        for one in own[0]["routes"]:
            (to,) = (value for name, value in one.items() if name != "DestinationCidrBlock")
            ways.append((ip_network(one["DestinationCidrBlock"]), to))
        fitting = [(block.prefixlen, to) for block, to in ways if ip_address(address) in block]
        return max(fitting)[1] if fitting else ""

    def delivers(self, subnet_id: str, address: str, other: str) -> bool:
        home, away = (self.facts["ec2.subnet", name]["vpc_id"] for name in (subnet_id, other))
        hop = self.next_hop(subnet_id, address)
        if home == away:
            return hop == "local"
        peered = self.facts.get(("ec2.vpc_peering_connection", hop), {})
        return {peered.get("requester_vpc"), peered.get("accepter_vpc")} == {home, away}
