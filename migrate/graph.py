"""What needs what: edges with evidence, cycles, cut-over groups, waves. The rule: no edge is dropped to make an order.

Edges come from what kinds say (`needs`) and from content: every name of a resource that stands in another's
facts. A cycle is condensed and moves together; a reference to nothing that was found is listed as dangling.
"""

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from migrate import layers
from migrate.inventory import Inventory, Resource
from migrate.kind import Kind, Need, Strength
from migrate.names import Ref
from migrate.tokens import NOT_FOUND, Index, index_of, is_loose, is_tag
from migrate.values import Json

_RANK: dict[Strength, int] = {"soft": 0, "cut": 1, "hard": 2}

CUT_WHEN_NAMED = frozenset({"rds.instance", "sqs.queue"})
"""A workload that names one of these reads or writes it: both change over together."""

WORKLOADS = frozenset({"ecs.task_definition", "ecs.service", "lambda.function"})


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`ref` needs `needs`, and where that is written."""

    ref: Ref
    needs: Ref
    why: str
    strength: Strength
    seen_in: str

    def __str__(self) -> str:
        return f"{self.ref} {self.why} {self.needs} ({self.strength}; {self.seen_in})"


@dataclass(frozen=True, slots=True, order=True)
class Dangling:
    """A reference that resolves to nothing that was found."""

    ref: Ref
    text: str
    seen_in: str

    @property
    def key(self) -> str:
        """What a waiver names."""
        return f"dangling/{self.ref}/{self.text}"


@dataclass(frozen=True)
class Graph:
    """Resources, edges, and what follows from them."""

    resources: Mapping[Ref, Resource]
    edges: tuple[Edge, ...]
    dangling: tuple[Dangling, ...]
    cycles: tuple[tuple[Ref, ...], ...]
    """Resources that need each other: each cycle moves as one."""
    groups: Mapping[Ref, str]
    """Cut-over group of each resource, named after its smallest member."""
    waves: Mapping[Ref, int]
    """Earliest wave of each resource by the edges alone, from 1."""
    needs: Mapping[Ref, tuple[Edge, ...]] = field(repr=False)
    needed_by: Mapping[Ref, tuple[Edge, ...]] = field(repr=False)

    def why(self, start: Ref, end: Ref) -> list[Edge] | None:
        """The shortest chain of edges from one to the other, or None."""
        graph: nx.DiGraph[Ref] = nx.DiGraph()
        for edge in self.edges:
            there = graph.get_edge_data(edge.ref, edge.needs)
            if there is None or _RANK[edge.strength] > _RANK[there["edge"].strength]:
                graph.add_edge(edge.ref, edge.needs, edge=edge)
        try:
            chain = nx.shortest_path(graph, start, end)
        except (nx.NetworkXNoPath, nx.NodeNotFound):
            return None
        return [graph.edges[pair]["edge"] for pair in itertools.pairwise(chain)]

    def members(self) -> dict[str, list[Ref]]:
        """Cut-over groups of more than one resource."""
        found: dict[str, list[Ref]] = defaultdict(list)
        for ref, group in self.groups.items():
            found[group].append(ref)
        return {group: sorted(refs) for group, refs in sorted(found.items()) if len(refs) > 1}


def build(inventory: Inventory, kinds: Mapping[str, Kind[Any]]) -> Graph:
    """Find every edge of an inventory and what follows. Pure; same inventory, same graph."""
    index = index_of(inventory.resources, kinds, inventory.account)
    edges: dict[tuple[Ref, Ref, str, str], Edge] = {}
    dangling: dict[tuple[Ref, str], Dangling] = {}
    for resource in inventory.resources:
        kind = kinds.get(resource.ref.kind)
        if kind is None:
            continue
        said: set[tuple[Ref, Strength | None]] = set()
        for need in kind.needs(kind.typed(resource)):
            target = _resolve(need, inventory, index)
            if target is None:
                dangling.setdefault((resource.ref, str(need.on)), Dangling(resource.ref, str(need.on), need.seen_in))
            elif target != resource.ref:
                _keep(edges, Edge(resource.ref, target, need.why, need.strength, need.seen_in))
                said |= {(target, None), (target, need.strength)}
        for edge in _from_content(resource, index, dangling):
            # What the kind says itself is better evidence; but "hard" does not say that both change over together.
            if (edge.needs, None) not in said or (edge.strength == "cut" and (edge.needs, "cut") not in said):
                _keep(edges, edge)
    ordered = tuple(sorted(edges.values()))
    return _follow(inventory.by_ref, ordered, tuple(sorted(dangling.values())))


def mentions(document: Json, index: Index) -> Iterator[tuple[str, str, Ref | None]]:
    """(path, text, ref or None for dangling) for every token of ours in a document."""

    def walk(value: Json, path: str, loose: bool) -> Iterator[tuple[str, str, Ref | None]]:
        if isinstance(value, str):
            for span in index.spans(value, loose=loose):
                if span.known is not None:
                    yield path, span.text, span.known.ref
                elif span.problem:
                    yield path, span.problem.removesuffix(f" {NOT_FOUND}"), None
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from walk(item, f"{path}[{number}]", loose)
        elif isinstance(value, dict):
            loose = loose and not is_tag(value)
            for key, item in value.items():
                yield from walk(item, f"{path}.{key}" if path else key, loose and is_loose(key))

    return walk(document, "", True)


def _from_content(resource: Resource, index: Index, dangling: dict[tuple[Ref, str], Dangling]) -> Iterator[Edge]:
    for path, text, ref in mentions(resource.facts, index):
        if ref is None:
            dangling.setdefault((resource.ref, text), Dangling(resource.ref, text, path))
        elif ref != resource.ref:
            cut = ref.kind in CUT_WHEN_NAMED and resource.ref.kind in WORKLOADS
            yield Edge(resource.ref, ref, "names", "cut" if cut else "soft", sys.intern(path))


def _keep(edges: dict[tuple[Ref, Ref, str, str], Edge], edge: Edge) -> None:
    edges.setdefault((edge.ref, edge.needs, edge.strength, edge.why), edge)


def _resolve(need: Need, inventory: Inventory, index: Index) -> Ref | None:
    if isinstance(need.on, Ref):
        return need.on if need.on in inventory.by_ref else None
    known = index.known.get(need.on)
    if known is None:
        spans = [span for span in index.spans(need.on) if span.known is not None]
        known = spans[0].known if len(spans) == 1 else None
    return known.ref if known else None


def _follow(resources: Mapping[Ref, Resource], edges: tuple[Edge, ...], dangling: tuple[Dangling, ...]) -> Graph:
    hard = [(edge.ref, edge.needs) for edge in edges if edge.strength == "hard"]
    cycles = layers.circles(_pairs(hard))
    # What runs a task definition writes what the task definition names: it changes over with it.
    pairs = [(edge.ref, edge.needs) for edge in edges if edge.strength == "cut" or edge.why == "runs"]
    part_of = layers.together(resources, pairs)
    # Groups that need each other, and resources that do, are one group: no order could be right for them.
    between = ((part_of[ref], part_of[needs]) for ref, needs in hard if part_of[ref] != part_of[needs])
    pairs += [(min(circle), ref) for circle in layers.circles(_pairs(between)) for ref in circle]
    part_of = layers.together(resources, pairs)
    least: dict[Ref, Ref] = {}
    for ref, part in part_of.items():
        least[part] = min(ref, least.get(part, ref))
    needed = _pairs((part_of[ref], part_of[needs]) for ref, needs in hard if part_of[ref] != part_of[needs])
    turns = layers.generations({part: needed.get(part, ()) for part in least})
    names = {part: str(ref) for part, ref in least.items()}
    groups = {ref: names[part] for ref, part in part_of.items()}
    waves = {ref: turns[part] for ref, part in part_of.items()}
    return Graph(
        resources,
        edges,
        dangling,
        tuple(sorted(tuple(sorted(cycle)) for cycle in cycles)),
        groups,
        waves,
        _by(edges, lambda edge: edge.ref),
        _by(edges, lambda edge: edge.needs),
    )


def _pairs(pairs: Iterable[tuple[Ref, Ref]]) -> dict[Ref, list[Ref]]:
    found: dict[Ref, list[Ref]] = defaultdict(list)
    for ref, needs in pairs:
        found[ref].append(needs)
    return found


def _by(edges: Iterable[Edge], key: Any) -> dict[Ref, tuple[Edge, ...]]:
    found: dict[Ref, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[key(edge)].append(edge)
    return {ref: tuple(those) for ref, those in found.items()}
