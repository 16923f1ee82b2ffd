"""Which IPv4 blocks the VPCs have in their new accounts, and what an old block becomes there.

The rule: a block keeps its size, and every part of it its place in it. Twin environments often have the same block:
in accounts of their own they may keep it, but can never be peered then; so a person decides, and the plan says what
follows. Source: VPC peering guide, "Invalid VPC peering configurations": overlapping CIDR blocks, unverified.
"""

from bisect import bisect_left, bisect_right
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
    plan = config.addresses
    taken = Taken(IPv4Network(text) for text in (
        *(text for _, texts in owners for text in texts),
        *((*plan.avoid, *plan.blocks.values()) if isinstance(plan, Addresses) else ()),
    ))  # fmt: skip
    found: list[Block] = []
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
                    taken.add(becomes)
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


class Taken:
    """Blocks that are not free, in order: whether another one meets one of them is a look, not a walk."""

    def __init__(self, blocks: Iterable[IPv4Network]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        # Joined where they lie in each other or side by side: the next free block is then beyond the end of one.
        for block in sorted(blocks):
            self._join(int(block.network_address), int(block.broadcast_address))

    def _join(self, start: int, end: int) -> None:
        first = bisect_left(self._ends, start - 1)
        last = bisect_right(self._starts, end + 1)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def add(self, block: IPv4Network) -> None:
        """Not free from now on."""
        self._join(int(block.network_address), int(block.broadcast_address))

    def first_free(self, whole: IPv4Network, prefixlen: int) -> IPv4Network | None:
        """The first block of this size within the range that meets none of these."""
        size = 1 << (32 - prefixlen)
        start, last = int(whole.network_address), int(whole.broadcast_address)
        while start + size - 1 <= last:
            at = bisect_left(self._ends, start)
            if at == len(self._starts) or self._starts[at] > start + size - 1:
                return IPv4Network((start, prefixlen))
            start = (self._ends[at] // size + 1) * size
        return None


def _free(plan: Addresses, legacy: IPv4Network, taken: Taken) -> IPv4Network:
    whole = IPv4Network(plan.range)
    block = taken.first_free(whole, legacy.prefixlen) if legacy.prefixlen >= whole.prefixlen else None
    if block is not None:
        return block
    raise ConfigError(
        f"the range {whole} of addresses has no room left for a /{legacy.prefixlen} (legacy's {legacy})",
        do="give it a larger range in migration.yaml, or fewer blocks in `avoid`",
    )


_FEW = 4
"""So many are named in one line; the others are counted."""


def consequences(blocks: Iterable[Block], config: Config) -> Iterator[str]:
    """What follows from the blocks, for people: which VPCs can never be joined.

    A line for each block that several have, and for each that lies in a wider one of another: not for each pair, of
    which ten thousand twins have fifty million.
    """
    having: dict[IPv4Network, dict[tuple[Ref, AccountId], str]] = {}
    for block in blocks:
        named = f"{config.alias(block.account)}'s {block.ref.name} ({block.becomes})"
        having.setdefault(block.becomes, {})[block.ref, block.account] = named
    around: list[IPv4Network] = []  # The blocks in which the one at hand lies, the widest first.
    for becomes in sorted(having):
        while around and not becomes.subnet_of(around[-1]):
            around.pop()
        own = having[becomes]
        if len(own) > 1:
            yield f"{_named(own.values())} overlap: {_NEVER}"
        for wider in around:
            others = [named for vpc, named in having[wider].items() if vpc not in own or len(own) > 1]
            if others:
                yield f"{_named(own.values())} and {_named(others)} overlap: {_NEVER}"
        around.append(becomes)


_NEVER = (
    "they can never be peered or share a transit gateway. "
    "To give them blocks of their own: addresses in migration.yaml."
)


def _named(names: Iterable[str]) -> str:
    """The first of them by name, the others counted."""
    listed = list(names)
    first, more = listed[:_FEW], len(listed) - _FEW
    if more > 0:
        return f"{', '.join(first)} and {more} more"
    return " and ".join(filter(None, (", ".join(first[:-1]), first[-1])))


class AddressMap:
    """What an IPv4 block or address within a moved VPC becomes in each account. Blocks that are kept are no part."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._moved = [block for block in blocks if block.legacy != block.becomes]
        self._at: dict[IPv4Network, list[int]] = {}
        for number, block in enumerate(self._moved):
            self._at.setdefault(block.legacy, []).append(number)
        self._sizes = sorted({block.prefixlen for block in self._at})
        self._sorted = sorted(self._at)
        self._known: dict[str, tuple[Ref, dict[AccountId, str], str] | None] = {}

    def __bool__(self) -> bool:
        return bool(self._moved)

    def becomes(self, text: str) -> tuple[Ref, dict[AccountId, str], str] | None:
        """(a VPC, account → new text, problem) of a block or address that is ours; None for every other."""
        if text not in self._known:
            # The same few blocks stand in thousands of documents.
            self._known[text] = self._looked_up(text)
        return self._known[text]

    def _looked_up(self, text: str) -> tuple[Ref, dict[AccountId, str], str] | None:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return None
        if not isinstance(network, IPv4Network) or network.prefixlen == 0:
            return None
        targets: dict[AccountId, str] = {}
        problem, ref = "", None
        for block in self._touching(network):
            if network.subnet_of(block.legacy):
                ref = block.ref
                new = _within(network, block, "/" in text)
                if targets.setdefault(block.account, new) != new:
                    problem = f"{text} lies in two VPCs that go to {block.account}: give them blocks under addresses"
                elif "/" not in text and network[0] not in (block.legacy[0], block.legacy[1], block.legacy[2]):
                    problem = f"{text} is an address within {block.ref}, which moves to {block.becomes}: use a name"
            elif not block.becomes.subnet_of(network):
                ref = block.ref
                problem = f"{text} holds {block.legacy} and not its new block {block.becomes}: say what it becomes"
        return None if ref is None else (ref, targets, problem)

    def _touching(self, network: IPv4Network) -> list[Block]:
        """The moved blocks around it and within it, in the order in which they were given."""
        around = (network.supernet(new_prefix=size) for size in self._sizes if size < network.prefixlen)
        found = {number for block in around for number in self._at.get(block, ())}
        # As they are sorted, those within a block follow it at once.
        for at in range(bisect_left(self._sorted, network), len(self._sorted)):
            block = self._sorted[at]
            if not block.subnet_of(network):
                break
            found.update(self._at[block])
        return [self._moved[number] for number in sorted(found)]


def _within(network: IPv4Network, block: Block, is_block: bool) -> str:
    start = int(block.becomes.network_address) + int(network.network_address) - int(block.legacy.network_address)
    moved = IPv4Network((start, network.prefixlen))
    return str(moved) if is_block else str(moved.network_address)
