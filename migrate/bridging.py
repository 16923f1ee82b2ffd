"""`bridges` of migration.yaml → resources to be planned like any other. The rule: what AWS would refuse, or what would
be left open without anybody having said so, refuses the plan here, with the blocks and ids that it is about.

A bridge is for the time in which a cut-over group cannot be whole: somebody in the target still has to reach legacy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from migrate.addresses import Block
from migrate.aws_rules import unpeerable
from migrate.config import Config
from migrate.files import canonical
from migrate.inventory import Inventory, Resource
from migrate.names import Ref
from migrate.placement import Placed, Placement
from migrate.sections import Bridge
from migrate.values import Json

KIND = "bridge.peering"
MARK = "migrate:bridge"


@dataclass(frozen=True)
class Wanted:
    """The bridges that can be planned, why others cannot, and what a reader has to know."""

    resources: tuple[Resource, ...] = ()
    placed: Mapping[Ref, Placed] = field(default_factory=dict)
    refusals: tuple[dict[str, Json], ...] = ()
    findings: tuple[str, ...] = ()

    def inventory(self, scanned: Inventory) -> Inventory:
        """What was scanned, and the bridges beside it."""
        return replace(scanned, resources=(*scanned.resources, *self.resources))

    def placement(self, decided: Placement) -> Placement:
        """What was decided, and where the bridges go."""
        placed = dict(sorted({**decided.placed, **self.placed}.items()))
        return replace(decided, placed=placed, movable=decided.movable | self.placed.keys())


class _No(Exception):
    """Why a bridge cannot be, and what to do."""


def wanted(config: Config, inventory: Inventory, placement: Placement, blocks: Iterable[Block]) -> Wanted:
    """Every bridge that migration.yaml asks for. Pure; same inputs, same bridges."""
    resources: list[Resource] = []
    placed: dict[Ref, Placed] = {}
    refusals: list[dict[str, Json]] = []
    findings: list[str] = []
    listed = list(blocks)
    for number, bridge in enumerate(config.bridges):
        try:
            made = _Drawing(config, inventory, placement, listed, bridge).resource()
            if made.ref in placed:
                raise _No(f"there is another one from {bridge.from_} to {bridge.to}", "keep one of the two")
        except _No as no:
            said, do = no.args
            where = f"bridges[{number}] in migration.yaml ({bridge.from_} to {bridge.to})"
            refusals.append({"key": f"bridge/{number}", "what": f"{where}: {said}", "do": do})
            continue
        resources.append(made)
        placed[made.ref] = Placed((bridge.to,), "rule", 100, (f"migration.yaml bridges[{number}]: {bridge.because}",))
        findings += _consequences(bridge, made)
    return Wanted(tuple(resources), placed, tuple(refusals), tuple(findings))


def _consequences(bridge: Bridge, made: Resource) -> Iterator[str]:
    facts = made.facts
    there = sorted({route["block"] for route in facts["wanted_routes"]})
    yield (
        f"{bridge.to} reaches {', '.join(sorted({r['block'] for r in facts['routes']}))} of {bridge.from_} over a "
        f"temporary bridge, and legacy answers to {', '.join(there)}: {bridge.because}. It goes in phase close."
    )
    if not facts["wanted_rules"]:
        yield (
            f"the bridge from {bridge.from_} to {bridge.to} opens no security group of legacy: only what its rules let "
            "in today gets through. To open some: ports and groups of the bridge."
        )


class _Drawing:
    """One bridge, step by step."""

    def __init__(
        self, config: Config, inventory: Inventory, placement: Placement, blocks: list[Block], bridge: Bridge
    ) -> None:
        self.config, self.inventory, self.placement, self.bridge = config, inventory, placement, bridge
        self.account = config.account(bridge.to)
        self.legacy = self._vpc(bridge.from_, "from")
        self.moved = self._vpc(bridge.vpc or bridge.from_, "vpc")
        self.there = [
            block.becomes for block in blocks if block.ref == self.moved.ref and block.account == self.account
        ]

    def resource(self) -> Resource:
        """The bridge as a resource. Raises _No."""
        self._check_sides()
        reached = self._reached()
        routes = [{"table": table, "block": block} for table in self._tables_there() for block in reached]
        back = [{"table": t, "block": str(b)} for t in self._tables_here(reached) for b in self.there]
        facts: dict[str, Json] = {
            "vpc_id": self.moved.ref.name, "status": "active", "routes": _ordered(routes),
            "alias": self.bridge.to, "account": self.account, "legacy_vpc_id": self.legacy.ref.name,
            "resolves": self.bridge.dns, "wanted_routes": _ordered(back), "wanted_rules": self._rules(),
            "legacy_connection": "none", "legacy_resolves": False, "legacy_routes": [], "legacy_rules": [],
        }  # fmt: skip
        ref = Ref(self.legacy.ref.account, self.legacy.ref.region, KIND, f"{self.legacy.ref.name}/{self.bridge.to}")
        return Resource(ref, "", {MARK: self.bridge.to}, None, None, facts)

    def _vpc(self, text: str, field: str) -> Resource:
        found = self.inventory.by_ref.get(Ref.parse(text))
        if found is None or found.ref.kind != "ec2.vpc":
            raise _No(f"{field}: {text} is no VPC of the inventory", "take its ref from the inventory, or scan again")
        return found

    def _check_sides(self) -> None:
        placed = self.placement.placed.get(self.moved.ref)
        if placed is None or self.bridge.to not in placed.accounts or not self.there:
            raise _No(
                f"{self.moved.ref} does not move to {self.bridge.to}, so no VPC there could reach legacy",
                "name the legacy VPC that moves there: `vpc` of the bridge",
            )
        if self.legacy.ref.region != self.moved.ref.region:
            raise _No("the two VPCs are in two regions", "peer them by hand: this tool makes bridges within a region")
        here = _networks(self.legacy)
        clash = unpeerable(here, self.there)
        if clash:
            said = ", ".join(f"legacy's {one} and {other} in {self.bridge.to}" for one, other in clash)
            raise _No(
                f"AWS refuses to peer networks that overlap: {said}",
                f"give the VPC a block of its own there: addresses: {{range: …, accounts: [{self.bridge.to}]}}",
            )
        if self.bridge.dns and not all(v.facts["dns_support"] and v.facts["dns_hostnames"] for v in self._both()):
            raise _No(
                "host names over a peering connection need DNS resolution and DNS host names on in both VPCs",
                "turn them on in legacy and scan again, or say `dns: false`",
            )
        for peering in self.inventory.of("ec2.vpc_peering_connection"):
            sides = (peering.facts["requester_vpc"], peering.facts["accepter_vpc"])
            if self.legacy.ref.name in sides and self.account in peering.facts["other_accounts"]:
                raise _No(
                    f"{peering.ref} already joins it with account {self.account}",
                    "use that one, and take the bridge out of migration.yaml",
                )

    def _both(self) -> tuple[Resource, Resource]:
        return self.legacy, self.moved

    def _reached(self) -> list[str]:
        """The blocks of legacy that the target gets routes to."""
        whole = _networks(self.legacy)
        asked = [IPv4Network(text) for text in self.bridge.blocks]
        for block in asked:
            if not any(block.subnet_of(one) for one in whole):
                raise _No(
                    f"blocks: {block} is no part of {', '.join(map(str, whole))}", "name blocks within legacy's VPC"
                )
        return sorted(map(str, asked or whole))

    def _tables_there(self) -> list[str]:
        tables = [t.ref.name for t in self._tables(self.moved) if self._goes(t.ref)]
        if not tables:
            raise _No(f"no route table of {self.moved.ref} moves to {self.bridge.to}", "place its route tables too")
        return tables

    def _tables_here(self, reached: list[str]) -> list[str]:
        """The tables of legacy's subnets that lie in what is reached: answers go by them."""
        networks = [IPv4Network(block) for block in reached]
        subnets = [
            one
            for one in self.inventory.of("ec2.subnet")
            if one.facts["vpc_id"] == self.legacy.ref.name
            and one.facts["cidr_block"]
            and any(IPv4Network(one.facts["cidr_block"]).overlaps(network) for network in networks)
        ]
        tables = list(self._tables(self.legacy))
        own = {subnet: table.ref.name for table in tables for subnet in table.facts["subnet_ids"]}
        main = next((table.ref.name for table in tables if table.facts["is_main"]), "")
        used = {own.get(subnet.ref.name, main) for subnet in subnets} - {""}
        if not used:
            raise _No(f"no subnet of {self.legacy.ref} lies in {', '.join(reached)}", "name other blocks")
        for table in tables:
            for route in table.facts["routes"] if table.ref.name in used else ():
                block = route.get("DestinationCidrBlock")
                if block is not None and IPv4Network(block) in self.there:
                    raise _No(
                        f"{table.ref} already has a route to {block}, the new block of {self.moved.ref}",
                        "give the VPC another block under addresses",
                    )
        return sorted(used)

    def _rules(self) -> list[Json]:
        rules = []
        for text in self.bridge.groups:
            group = self.inventory.by_ref.get(Ref.parse(text))
            if group is None or group.ref.kind != "ec2.security_group":
                raise _No(f"groups: {text} is no security group of the inventory", "take its ref from the inventory")
            if group.facts["vpc_id"] != self.legacy.ref.name:
                raise _No(f"groups: {text} is not in {self.legacy.ref}", "name groups of the VPC that is reached")
            there = {
                (rule.get("from_port"), rule.get("to_port"), rule["peer"])
                for rule in group.facts["ingress"]
                if rule["protocol"] == "tcp"
            }
            rules += [
                {"group": group.ref.name, "block": str(block), "port": port}
                for port in self.bridge.ports
                for block in self.there
                if (port, port, str(block)) not in there
            ]
        return _ordered(rules)

    def _tables(self, vpc: Resource) -> Iterator[Resource]:
        return (t for t in self.inventory.of("ec2.route_table") if t.facts["vpc_id"] == vpc.ref.name)

    def _goes(self, ref: Ref) -> bool:
        placed = self.placement.placed.get(ref)
        return placed is not None and self.bridge.to in placed.accounts


def _networks(vpc: Resource) -> list[IPv4Network]:
    return [IPv4Network(text) for text in (vpc.facts["cidr_block"], *vpc.facts["secondary_cidr_blocks"])]


def _ordered(items: Iterable[dict[str, Json]]) -> list[Any]:
    return sorted(items, key=canonical)
