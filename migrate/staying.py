"""What stays in legacy and names things that move: what of it no step changes is said to people.

The rule: a reader of the plan knows of every such thing before the cut-over, switched or not.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from migrate.graph import Graph
from migrate.kind import Kind
from migrate.names import Ref
from migrate.placement import Placement


def findings(
    graph: Graph, placement: Placement, kinds: Mapping[str, Kind[Any]], changed: Collection[Ref]
) -> Iterator[str]:
    """A sentence for each that names something that moves. `changed`: what a step of the plan leads elsewhere."""
    stay = {name for name, kind in kinds.items() if kind.stays_in_legacy}
    # An inventory's resources are in the order of refs.
    for ref in graph.resources if stay else ():
        if ref.kind not in stay or ref in changed:
            continue
        kind = kinds[ref.kind]
        named = sorted({edge.needs for edge in graph.needs.get(ref, ()) if _moves(edge.needs, placement)})
        if named:
            yield f"{ref} names {', '.join(map(str, named))}, which moves: {kind.manual}"


def _moves(ref: Ref, placement: Placement) -> bool:
    placed = placement.placed.get(ref)
    return placed is not None and placed.accounts != ("legacy",)
