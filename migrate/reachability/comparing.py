"""Every way that matters, in legacy and in a target: what is shut there, and what is newly open.

The rule: what cannot be said is said to be so. A way that is as open as it was in legacy is no line.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from migrate.addresses import AddressMap
from migrate.graph import Graph
from migrate.inventory import Inventory, Resource
from migrate.names import AccountId, Ref, Region
from migrate.reachability import exits, walk
from migrate.reachability.ends import End, Ends
from migrate.reachability.network import KINDS, Network, Piece, network
from migrate.reachability.walk import Interface, Verdict
from migrate.values import Json

_FAR = 3
"""How many edges away a store is named: a service runs a task that reads a parameter with a database's host."""

_ANY = "any VPC"
"""Where a part of the network belongs to no VPC: a prefix list."""

Rename = Callable[[Interface], Interface | None]
"""An interface in the target's names; None: it does not stand there."""


class Way(NamedTuple):
    """One connection that is asked for: from a resource's interfaces, to another's, to a service, or the internet."""

    ref: Ref
    """Whose way it is."""
    source: Interface | None
    """None: a client of the internet."""
    there: tuple[Interface, ...]
    port: int
    what: str
    other: Ref | None = None
    """The resource at the other end."""
    service: str = ""
    because: str = ""
    """What is written of it. Empty: only that legacy's tables let it pass."""

    @property
    def is_out(self) -> bool:
        """Whether it leads from a resource to the internet."""
        return self.source is not None and not self.there and not self.service


@dataclass(frozen=True)
class Asked:
    """A network, and what it answered: many ways are alike."""

    network: Network
    _known: dict[tuple[object, ...], Verdict] = field(default_factory=dict)

    def ask(self, way: Way, region: Region) -> Verdict:
        """Whether the way is open here."""
        key = (way.source, way.there, way.port, way.service)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._walk(way, region)
        return found

    def _walk(self, way: Way, region: Region) -> Verdict:
        if way.source is None:
            return walk.reached_from_internet(self.network, way.there[0], way.port)
        if way.service:
            return walk.reaches_service(self.network, way.source, way.service, region)
        if not way.there:
            return walk.reaches_internet(self.network, way.source, way.port)
        source = way.source
        return walk.together(walk.reaches(self.network, source, there, way.port) for there in way.there)


class Line(NamedTuple):
    """What came out for one way that is not as it was."""

    way: Way
    what: Literal["shut", "newly open", "shut in legacy too", "could not be said"]
    said: str


def ways(ends: Ends, legacy: Network, graph: Graph) -> list[Way]:
    """Every way that something of one region goes, or might go by what legacy's tables say."""
    named, far = _named(graph), _far(graph)
    stores = list(ends.stores())
    found: list[Way] = []
    for one in ends.workloads():
        (source,) = one.interfaces
        if one.ref.kind == "elbv2.load_balancer":
            continue
        found.append(Way(one.ref, source, (), walk.HTTPS, f"the internet, port {walk.HTTPS}"))
        for service, because in sorted(ends.services(one.ref, named).items()):
            found.append(Way(one.ref, source, (), walk.HTTPS, f"AWS's {service}", None, service, because))
        for store in stores:
            if store.is_facing_internet and store.ref.kind == "elbv2.load_balancer":
                continue
            because = "it names it" if store.ref in far(one.ref) else ""
            if because or (_joined(legacy, one, store) and _might(legacy, source, store)):
                found += _to(one.ref, source, store, because)
    balancers = {one.ref: one for one in ends.workloads() if one.ref.kind == "elbv2.load_balancer"}
    for ref, behind in ends.behind():
        if ref in balancers:
            found += _to(ref, balancers[ref].interfaces[0], behind, "it leads to it")
    for store in stores:
        if store.is_facing_internet:
            (own,) = store.interfaces
            found += [
                Way(store.ref, None, (own,), port, f"clients of the internet, port {port}") for port in store.ports
            ]
    return found


def _to(ref: Ref, source: Interface, end: End, because: str) -> Iterator[Way]:
    for port in end.ports:
        what = f"{end.ref.kind} {end.ref.name}, port {port}"
        yield Way(ref, source, end.interfaces, port, what, end.ref, "", because)


def _joined(legacy: Network, one: End, other: End) -> bool:
    """Whether both are in one VPC, or in two that are peered."""
    here, there = ({legacy.subnets[s].vpc for s in end.subnets if s in legacy.subnets} for end in (one, other))
    return bool(here & there) or any(
        (a in here and b in there) or (b in here and a in there) for a, b in legacy.peerings.values()
    )


def _might(legacy: Network, source: Interface, store: End) -> bool:
    """Whether any rule before the store speaks of the source: else it is shut, and nobody thought of it."""
    for there in store.interfaces:
        if there.groups is None:
            return True
        for group in there.groups:
            for rule in legacy.rules.get((group, False), ()):
                if rule.block is None:
                    if rule.group in (source.groups or ()):
                        return True
                elif any(rule.block.overlaps(legacy.subnets[s].block) for s in source.subnets if s in legacy.subnets):
                    return True
    return False


def _named(graph: Graph) -> dict[Ref, set[Ref]]:
    """What names what in its environment."""
    found: dict[Ref, set[Ref]] = defaultdict(set)
    for edge in graph.edges:
        if edge.ref.kind in ("lambda.function", "ecs.task_definition") and "nvironment" in edge.seen_in:
            found[edge.ref].add(edge.needs)
    return found


def _far(graph: Graph) -> Callable[[Ref], set[Ref]]:
    """What a workload names itself, or by what it runs and reads."""
    known: dict[Ref, set[Ref]] = {}

    def far(ref: Ref) -> set[Ref]:
        if ref not in known:
            found: set[Ref] = set()
            ahead = {ref}
            for _ in range(_FAR):
                ahead = {
                    edge.needs for one in ahead for edge in graph.needs.get(one, ())
                    if edge.why in ("names", "runs", "reads", "writes")
                } - found  # fmt: skip
                found |= ahead
            known[ref] = found
        return known[ref]

    return far


def lines(
    found: list[Way], legacy: Asked, target: Asked, region: Region, rename: Rename, stands: Callable[[Ref], bool]
) -> Iterator[Line]:
    """What of these ways is another one in the target. Those whose ends do not stand there are passed over."""
    for way in found:
        if not stands(way.ref) or (way.other is not None and not stands(way.other)):
            continue
        moved = renamed(way, rename)
        if moved is None:
            continue
        line = judge(way, legacy.ask(way, region), target.ask(moved, region))
        if line is not None:
            yield line


def renamed(way: Way, rename: Rename) -> Way | None:
    """The way in the target's names; None where a part of it does not stand there."""
    source = rename(way.source) if way.source else None
    there = [rename(one) for one in way.there]
    if (way.source is not None and source is None) or None in there:
        return None
    return way._replace(source=source, there=tuple(one for one in there if one is not None))


def judge(way: Way, before: Verdict, after: Verdict) -> Line | None:
    """Compare two answers; None where nothing is to be said."""
    where = f"from {way.what}" if way.source is None else f"to {way.what}"
    if way.because:
        where += f" ({way.because})"
    if before.state == after.state and before.share == after.share:
        if way.because and after.state == "shut":
            return Line(way, "shut in legacy too", f"the way {where} is shut, in legacy too: {after.why}")
        return None
    if after.state == "unknown":
        return Line(way, "could not be said", f"whether the way {where} is open cannot be said: {after.why}")
    if before.state == "unknown":
        # An unknown way that is open now is what people wanted; nothing says that it was shut.
        said = f"the way {where} is shut, and in legacy it leads to something that shows no rules: {after.why}"
        return Line(way, "shut", said) if after.state != "open" else None
    was = before.state if before.state != "in part" else f"open for {_percent(before)}"
    if after.share < before.share:
        now = "shut in the target" if after.state == "shut" else f"open for {_percent(after)} only in the target"
        return Line(way, "shut", f"the way {where} is {was} in legacy and {now}: {after.why}")
    now = "open in the target" if after.state == "open" else f"open for {_percent(after)} in the target"
    return Line(way, "newly open", f"the way {where} is {was} in legacy ({before.why}) and newly {now}")


def _percent(verdict: Verdict) -> str:
    return f"{float(verdict.share) * 100:.3g}% of addresses and ports"


def pieces(resources: Mapping[Ref, Resource], region: Region) -> Iterator[Piece]:
    """The network of one region as it was scanned."""
    for ref, resource in resources.items():
        if ref.region == region and ref.kind in KINDS:
            yield Piece(ref.kind, ref.name, resource.facts)


def planned(
    inventory: Inventory, graph: Graph, made: set[tuple[Ref, AccountId]], blocks: AddressMap,
    aliases: Mapping[AccountId, str], *, is_copy: bool = False,
) -> Iterator[str]:  # fmt: skip
    """What a plan would change about who reaches whom, a sentence each: the network as its steps would make it.

    A copy takes nobody's place, so that nobody has to let its addresses in.
    """
    for region in inventory.regions:
        here = {ref: one for ref, one in inventory.by_ref.items() if ref.region == region}
        legacy = Asked(network(pieces(here, region)))
        found = ways(Ends(here), legacy.network, graph) if legacy.network.subnets else []
        for account in sorted({account for ref, account in made if ref.region == region}) if found else ():
            there = [
                piece for piece in pieces(here, region) if (Ref(inventory.account, region, *piece[:2]), account) in made
            ]
            new = Asked(network(Piece(one.kind, one.id, _as_made(one.facts, blocks, account)) for one in there))

            def stands(ref: Ref, account: AccountId = account) -> bool:
                return (ref, account) in made

            # Where nothing of a VPC changes every answer is legacy's: what nobody is known to need is not asked again.
            others = _changed(pieces(here, region), there, blocks, account)
            asked = [way for way in found if way.because or _vpcs(way, legacy.network) & others]
            for line in lines(asked, legacy, new, region, _same(new.network), stands):
                yield f"{line.way.ref} in {aliases[account]}: {line.said}"
            out = [
                (way.ref, way.source)
                for way in found
                if way.source is not None and way.is_out and legacy.ask(way, region).state in ("open", "in part")
            ]
            if not is_copy:
                yield from exits.planned(out, here, legacy.network, new.network, stands, aliases[account])
            for way in found:
                if stands(way.ref) and way.other is not None and way.because and not stands(way.other):
                    yield from _apart(way, legacy, region, made, aliases, account)


def _changed(before: Iterable[Piece], there: Sequence[Piece], blocks: AddressMap, account: AccountId) -> set[str]:
    """The VPCs of which a part is another one in the target, or is not made there."""
    same = {piece[:2] for piece in there if _as_made(piece.facts, blocks, account) == piece.facts}
    found: set[str] = set()
    for piece in before:
        if piece[:2] not in same:
            named = (piece.facts.get(name) for name in ("vpc_id", "requester_vpc", "accepter_vpc"))
            found |= {str(one) for one in named if one} or {piece.id if piece.kind == "ec2.vpc" else _ANY}
    return found


def _vpcs(way: Way, legacy: Network) -> set[str]:
    """The VPCs that a way begins and ends in, and what belongs to none."""
    ends = [one for one in (way.source, *way.there) if one is not None]
    return {legacy.subnets[name].vpc for one in ends for name in one.subnets if name in legacy.subnets} | {_ANY}


def _apart(
    way: Way, legacy: Asked, region: Region, made: set[tuple[Ref, AccountId]], aliases: Mapping[AccountId, str],
    account: AccountId,
) -> Iterator[str]:  # fmt: skip
    elsewhere = sorted(alias for one, alias in aliases.items() if (way.other, one) in made)
    if elsewhere and legacy.ask(way, region).state in ("open", "in part"):
        yield (
            f"{way.ref} goes to {aliases[account]}, and {way.other} to {', '.join(elsewhere)}: the way to {way.what} "
            f"({way.because}) is open in legacy, and no step joins the two networks"
        )


def _same(there: Network) -> Rename:
    """A plan's network is in legacy's ids: an interface is the same, where its subnets are made."""
    return lambda one: one if all(subnet in there.subnets for subnet in one.subnets) else None


def _as_made(facts: Mapping[str, Json], blocks: AddressMap, account: AccountId) -> Mapping[str, Json]:
    """The facts as the target's will be: other IPv4 blocks, and no route that leads nowhere."""
    made = dict(facts)
    if "dead_routes" in made:
        made["dead_routes"] = []
    moved: Mapping[str, Json] = _with_blocks(made, blocks, account) if blocks else made
    return moved


def _with_blocks(value: Json, blocks: AddressMap, account: AccountId) -> Json:
    if isinstance(value, dict):
        return {name: _with_blocks(one, blocks, account) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_blocks(one, blocks, account) for one in value]
    if isinstance(value, str) and value[:1].isdigit() and (found := blocks.becomes(value)) is not None:
        return found[1].get(account, value)
    return value
