"""Which IPv4 blocks the VPCs have in their new accounts, and what an old block becomes there.

The rule: a block keeps its size, and every part of it its place in it. Twin environments often have the same block:
in accounts of their own they may keep it, but can never be peered then; so a person decides, and the plan says what
follows. Source: VPC peering guide, "Invalid VPC peering configurations": overlapping CIDR blocks, unverified.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from migrate.config import Config
from migrate.errors import ConfigError
from migrate.graph import Graph
from migrate.kind import Kind
from migrate.names import AccountId, Ref
from migrate.placement import Placement
from migrate.sections import Addresses
from migrate.values import Json


@dataclass(frozen=True, slots=True)
class Block:
    """One block of one VPC, and what it is in an account that the VPC goes to."""

    ref: Ref
    account: AccountId
    legacy: IPv4Network
    becomes: IPv4Network

    def as_json(self) -> dict[str, Json]:
        """The form in the plan file."""
        return {
            "ref": str(self.ref), "account": self.account, "legacy": str(self.legacy), "becomes": str(self.becomes)
        }  # fmt: skip

    @classmethod
    def from_json(cls, line: Mapping[str, Json]) -> "Block":
        """Read one back."""
        legacy, becomes = IPv4Network(line["legacy"]), IPv4Network(line["becomes"])
        return cls(Ref.parse(line["ref"]), AccountId(line["account"]), legacy, becomes)


def drawn(config: Config, graph: Graph, placement: Placement, kinds: Mapping[str, Kind[Any]]) -> list[Block]:
    """Every block of every VPC that moves, in the order of accounts and refs. Same inputs, same blocks.

    Raises ConfigError where the range of `addresses` has no room left, or a block given there does not fit.
    """
    owners = [(ref, kinds[ref.kind].networks(it)) for ref, it in graph.its.items()]
    taken = [IPv4Network(text) for _, texts in owners for text in texts]
    found: list[Block] = []
    plan = config.addresses
    for alias in config.targets:
        account = config.account(alias)
        for ref, texts in owners:
            placed = placement.placed.get(ref)
            if placed is None or alias not in placed.accounts:
                continue
            for text in texts:
                legacy = IPv4Network(text)
                becomes = legacy
                if isinstance(plan, Addresses) and (not plan.accounts or alias in plan.accounts):
                    becomes = _given(plan, ref, alias, legacy) or _free(plan, legacy, taken)
                    taken.append(becomes)
                found.append(Block(ref, account, legacy, becomes))
    return found


def _given(plan: Addresses, ref: Ref, alias: str, legacy: IPv4Network) -> IPv4Network | None:
    for key in (f"{alias} {ref} {legacy}", f"{ref} {legacy}", str(ref)):
        if key in plan.blocks:
            block = IPv4Network(plan.blocks[key])
            if block.prefixlen != legacy.prefixlen:
                raise ConfigError(
                    f"addresses.blocks gives {key} the block {block}, but legacy's {legacy} has another size",
                    do=f"give it a /{legacy.prefixlen}",
                )
            return block
    return None


def _free(plan: Addresses, legacy: IPv4Network, taken: list[IPv4Network]) -> IPv4Network:
    whole = IPv4Network(plan.range)
    avoid = [*taken, *map(IPv4Network, plan.avoid), *map(IPv4Network, plan.blocks.values())]
    if legacy.prefixlen >= whole.prefixlen:
        for block in whole.subnets(new_prefix=legacy.prefixlen):
            if not any(block.overlaps(other) for other in avoid):
                return block
    raise ConfigError(
        f"the range {whole} of addresses has no room left for a /{legacy.prefixlen} (legacy's {legacy})",
        do="give it a larger range in migration.yaml, or fewer blocks in `avoid`",
    )


def consequences(blocks: Iterable[Block], config: Config) -> Iterator[str]:
    """What follows from the blocks, for people: which VPCs can never be joined."""
    listed = list(blocks)
    for at, one in enumerate(listed):
        for other in listed[at + 1 :]:
            if (one.ref, one.account) != (other.ref, other.account) and one.becomes.overlaps(other.becomes):
                here, there = (f"{config.alias(b.account)}'s {b.ref.name} ({b.becomes})" for b in (one, other))
                yield (
                    f"{here} and {there} overlap: they can never be peered or share a transit gateway. "
                    "To give them blocks of their own: addresses in migration.yaml."
                )


class AddressMap:
    """What an IPv4 block or address within a moved VPC becomes in each account. Blocks that are kept are no part."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._moved = [block for block in blocks if block.legacy != block.becomes]

    def __bool__(self) -> bool:
        return bool(self._moved)

    def becomes(self, text: str) -> tuple[Ref, dict[AccountId, str], str] | None:
        """(a VPC, account → new text, problem) of a block or address that is ours; None for every other."""
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return None
        if not isinstance(network, IPv4Network) or network.prefixlen == 0:
            return None
        targets: dict[AccountId, str] = {}
        problem, ref = "", None
        for block in self._moved:
            if network.subnet_of(block.legacy):
                ref = block.ref
                new = _within(network, block, "/" in text)
                if targets.setdefault(block.account, new) != new:
                    problem = f"{text} lies in two VPCs that go to {block.account}: give them blocks under addresses"
                elif "/" not in text and network[0] not in (block.legacy[0], block.legacy[1], block.legacy[2]):
                    problem = f"{text} is an address within {block.ref}, which moves to {block.becomes}: use a name"
            elif block.legacy.subnet_of(network) and not block.becomes.subnet_of(network):
                ref = block.ref
                problem = f"{text} holds {block.legacy} and not its new block {block.becomes}: say what it becomes"
        return None if ref is None else (ref, targets, problem)


def _within(network: IPv4Network, block: Block, is_block: bool) -> str:
    start = int(block.becomes.network_address) + int(network.network_address) - int(block.legacy.network_address)
    moved = IPv4Network((start, network.prefixlen))
    return str(moved) if is_block else str(moved.network_address)
