"""Who reaches whom in what stands: the targets' networks as they are now, against legacy's as it was planned from.

The rule: a network is asked once all of it that the plan makes is there. What could not be read makes a way that
could not be proved.
"""

from collections import defaultdict
from collections.abc import Iterator

from migrate.graph import build
from migrate.ground import Ground
from migrate.kind import Proof
from migrate.names import AccountId, Ref, Region
from migrate.reachability import exits
from migrate.reachability.comparing import Asked, Line, Way, judge, pieces, renamed, ways
from migrate.reachability.ends import Ends
from migrate.reachability.network import KINDS, Piece, network
from migrate.reachability.walk import Interface
from migrate.steps import Step
from migrate.values import Json

Key = tuple[Ref, AccountId]


def proofs(ground: Ground) -> Iterator[tuple[Ref, AccountId, Proof]]:
    """A proof for each resource that opens or takes connections in a target whose network is done."""
    places: dict[tuple[Region, AccountId], list[Step]] = defaultdict(list)
    for step in ground.plan.steps.values():
        if step.ref.kind in KINDS:
            places[step.ref.region, step.account].append(step)
    done = {place for place, steps in places.items() if all(ground.journal.state(s.id) == "verified" for s in steps)}
    if not done:
        return
    graph = build(ground.inventory, ground.kinds)
    made = {
        (step.ref, step.account): step
        for step in ground.plan.steps.values()
        if step.action == "create" and ground.journal.state(step.id) == "verified"
    }
    for region in sorted({region for region, _ in done}):
        here = {ref: one for ref, one in ground.inventory.by_ref.items() if ref.region == region}
        legacy = Asked(network(pieces(here, region)))
        found = ways(Ends(here), legacy.network, graph)
        for account in sorted(account for one, account in done if one == region) if found else ():
            yield from _prove(ground, found, legacy, region, account, made)


def _prove(
    ground: Ground, found: list[Way], legacy: Asked, region: Region, account: AccountId, made: dict[Key, Step]
) -> Iterator[tuple[Ref, AccountId, Proof]]:
    target, refusals, nats = _read(ground, region, account)
    here = {ref: one for ref, one in ground.inventory.by_ref.items() if ref.region == region}
    before, after = exits.as_scanned(here), exits.Addresses(nats, _addresses(ground, region, account))
    leaves: dict[Ref, dict[str, Json]] = {}
    compared: dict[Ref, list[str]] = defaultdict(list)
    lines: dict[Ref, list[Line]] = defaultdict(list)
    for way in found:
        ends = [ref for ref in (way.ref, way.other) if ref is not None]
        if any((ref, account) not in made for ref in ends):
            continue

        def rename(one: Interface, step: Step = made[way.ref, account]) -> Interface | None:
            return _renamed(ground, step, one)

        moved = renamed(way, rename)
        if moved is None:
            continue
        compared[way.ref].append(f"way {'from' if way.source is None else 'to'} {way.what}")
        if way.is_out and way.source is not None and moved.source is not None:
            own = exits.held_by(here, way.ref)
            now = after.exits(target.network, moved.source, own)
            leaves[way.ref] = exits.as_evidence(now, before.exits(legacy.network, way.source, own))
        line = judge(way, legacy.ask(way, region), target.ask(moved, region))
        if line is not None and line.what != "shut in legacy too":
            lines[way.ref].append(line)
    for ref, those in compared.items():
        said, by = tuple(line.said for line in lines[ref]), leaves.get(ref, {})
        if refusals:
            yield ref, account, Proof("could not be proved", tuple(those), (*refusals, *said))
        elif all(line.what == "could not be said" for line in lines[ref]):
            yield ref, account, Proof("could not be proved" if said else "equal", tuple(those), said, by)
        else:
            yield ref, account, Proof("different", tuple(those), said, by)


def _addresses(ground: Ground, region: Region, account: AccountId) -> dict[str, str]:
    """The target's elastic addresses that its steps made, by allocation: the target's id, and legacy's for what holds
    its own."""
    found: dict[str, str] = {}
    for step in ground.plan.steps.values():
        if (step.ref.kind, step.action, step.region, step.account) == (exits.ADDRESS, "create", region, account):
            known = ground.journal.outputs(step.id)
            if known.get("id") and known.get("public_ip"):
                found[known["id"]] = found[step.ref.name] = known["public_ip"]
    return found


def _read(
    ground: Ground, region: Region, account: AccountId
) -> tuple[Asked, tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The target's whole network by fresh reads, whoever made it, what was refused, and its NAT gateways'
    allocations."""
    read: list[Piece] = []
    refusals: list[str] = []
    for name in KINDS:
        kind = ground.kinds.get(name)
        if kind is not None:
            site = ground.clients.reader(account, region, kind.reads, remember=False)
            read += [Piece(name, one.ref.name, one.facts) for one in kind.scan(site)]
            refusals += site.refusals
    nats = exits.of_nats((one.id, one.facts) for one in read if one.kind == exits.NAT)
    return Asked(network(read)), tuple(refusals), nats


def _renamed(ground: Ground, step: Step, one: Interface) -> Interface | None:
    named = ground.renamed(step, {"subnets": list(one.subnets), "groups": list(one.groups or ())})
    if not all(isinstance(text, str) for text in (*named["subnets"], *named["groups"])):
        return None
    groups = None if one.groups is None else tuple(named["groups"])
    return Interface(tuple(named["subnets"]), groups, one.has_public_address, one.waits_at)
