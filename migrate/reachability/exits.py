"""By which public addresses workloads go out to the internet: what others' allow-lists name.

The rule: an address is said where it is fixed: a NAT gateway's elastic ones, a machine's own. What AWS picks anew at
each start, or what somebody else's network hides, is said to be that.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from migrate.inventory import Resource
from migrate.kind import Proof
from migrate.names import AccountId, Ref
from migrate.reachability.network import Network
from migrate.reachability.walk import Interface, leads_out
from migrate.values import Json

ADDRESS, NAT, MACHINE = "ec2.elastic_ip", "ec2.nat_gateway", "ec2.instance"
_SHOWN = 5


class Exit(NamedTuple):
    """One way out: its text, and whether it is an address that somebody could have let in."""

    text: str
    is_fixed: bool


@dataclass(frozen=True)
class Addresses:
    """The elastic addresses of one side, by who holds them."""

    of_nat: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """NAT gateway → the ids of its allocations."""
    public: Mapping[str, str] = field(default_factory=dict)
    """Allocation → address, or words for it."""

    def exits(self, network: Network, source: Interface, own: str = "") -> frozenset[Exit]:
        """The ways out of everything that is alike. `own`: the allocation that it holds itself."""
        return frozenset(exit_ for to, is_own in leads_out(network, source) for exit_ in self._of(to, is_own, own))

    def _of(self, to: str, is_own: bool, own: str) -> Iterator[Exit]:
        if is_own:
            fixed = self.public.get(own)
            yield Exit(fixed, True) if fixed else Exit("an address that AWS gives it at each start", False)
        elif to in self.of_nat:
            known = [self.public[one] for one in self.of_nat[to] if one in self.public]
            yield from (Exit(one, True) for one in known)
            if not known:
                yield Exit(f"the addresses of {to}, which AWS keeps", False)
        else:
            yield Exit(f"whatever stands behind {to}", False)


def of_nats(facts: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, tuple[str, ...]]:
    """NAT gateway → allocations, from the id and facts of each."""
    return {
        own: tuple(map(str, filter(None, (one["allocation_id"], *one["secondary_allocation_ids"]))))
        for own, one in facts
        if one.get("connectivity_type") != "private" and "allocation_id" in one
    }


def as_scanned(resources: Mapping[Ref, Resource], words: Callable[[Resource], str] | None = None) -> Addresses:
    """Legacy's, from one region's resources. `words`: what is said of an address instead; empty: it is not there."""
    nats = of_nats((ref.name, one.facts) for ref, one in resources.items() if ref.kind == NAT)
    found = {
        ref.name: words(one) if words else str(one.facts["public_ip"])
        for ref, one in resources.items()
        if ref.kind == ADDRESS
    }
    return Addresses(nats, {own: said for own, said in found.items() if said})


def held_by(resources: Mapping[Ref, Resource], ref: Ref) -> str:
    """The allocation that a machine holds itself."""
    return str(resources[ref].facts.get("allocation_id") or "") if ref.kind == MACHINE else ""


def planned(
    workloads: Iterable[tuple[Ref, Interface]], resources: Mapping[Ref, Resource], legacy: Network, new: Network,
    stands: Callable[[Ref], bool], alias: str,
) -> Iterator[str]:  # fmt: skip
    """A sentence for each address by which things of one region leave legacy that move to this account."""

    def becomes(one: Resource) -> str:
        return f"the new address in place of {one.facts['public_ip']}" if stands(one.ref) else ""

    before, after = as_scanned(resources), as_scanned(resources, becomes)
    found: dict[tuple[frozenset[Exit], frozenset[Exit]], list[Ref]] = defaultdict(list)
    for ref, source in workloads:
        own = held_by(resources, ref)
        was = before.exits(legacy, source, own)
        if stands(ref) and any(one.is_fixed for one in was):
            found[was, after.exits(new, source, own)].append(ref)
    for (was, now), refs in sorted(found.items(), key=lambda pair: pair[1]):
        named = ", ".join(f"{ref.kind} {ref.name}" for ref in refs[:_SHOWN])
        more = f" and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else ""
        there = _texts(now) or "nothing yet: no way out is made"
        yield (
            f"{named}{more} leave legacy by {_texts(was)}, and in {alias} by {there}: whoever lets only the old ones "
            "in has to let the new ones in before the cut-over (`migrate outside` prints them once they are made, and "
            "`migrate verify` who leaves by which)"
        )


def told(proofs: Iterable[tuple[Ref, AccountId, Proof]], alias: Callable[[AccountId], str]) -> Iterator[str]:
    """What was proved of who leaves by what, a sentence each."""
    for ref, account, proof in proofs:
        if proof.evidence.get("leaves_by"):
            now, was = (", ".join(proof.evidence[name]) for name in ("leaves_by", "left_legacy_by"))
            yield f"{alias(account)}: {ref} leaves by {now}, was {was}"


def as_evidence(now: frozenset[Exit], was: frozenset[Exit]) -> dict[str, Json]:
    """For a proof; nothing where no address of either side is fixed."""
    if not any(one.is_fixed for one in now | was):
        return {}
    return {"leaves_by": sorted(one.text for one in now), "left_legacy_by": sorted(one.text for one in was)}


def _texts(exits: frozenset[Exit]) -> str:
    return ", ".join(sorted(one.text for one in exits))
