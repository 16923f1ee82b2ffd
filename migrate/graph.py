"""What needs what: edges with evidence, cycles, cut-over groups, waves. The rule: no edge is dropped to make an order.

Edges come from what kinds say (`needs`) and from content: every name of a resource that stands in another's
facts. A cycle is condensed and moves together; a reference to nothing that was found is listed as dangling.
"""

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import networkx as nx

from migrate import layers
from migrate.inventory import Inventory, Resource
from migrate.kind import It, Kind, Need, Strength, Why
from migrate.names import Ref
from migrate.tokens import NOT_FOUND, Index, Span, is_loose, is_tag
from migrate.values import CONTAINERS, MARKS, Json, Path, spelt

_RANK: dict[Strength, int] = {"soft": 0, "cut": 1, "hard": 2}

CUT_WHEN_NAMED = frozenset({"rds.cluster", "rds.instance", "sqs.queue"})
"""A workload that names one of these reads or writes it: both change over together."""

WORKLOADS = frozenset({"ecs.task_definition", "ecs.service", "lambda.function"})


class Edge(NamedTuple):
    """`ref` needs `needs`, and where that is written."""

    ref: Ref
    needs: Ref
    why: str
    strength: Strength
    seen_in: str

    def __str__(self) -> str:
        return f"{self.ref} {self.why} {self.needs} ({self.strength}; {self.seen_in})"


class Dangling(NamedTuple):
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
    its: dict[Ref, It[Any]] = field(repr=False)
    """Every resource of a kind, typed once for all who ask."""
    marked: frozenset[Ref]
    """Resources with a key among their facts that may read like a placeholder of ours."""

    def forget(self, refs: Iterable[Ref]) -> None:
        """Let go of the typed facts of these: nobody asks for them once their steps are drafted."""
        for ref in refs:
            self.its.pop(ref, None)

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
    index = Index(inventory.account)
    its: dict[Ref, It[Any]] = {}
    for resource in inventory.resources:
        kind = kinds.get(resource.ref.kind)
        if kind is not None:
            its[resource.ref] = it = kind.typed(resource)
            index.enter(kind, it)
    edges: list[Edge] = []
    dangling: dict[tuple[Ref, str], Dangling] = {}
    marked: set[Ref] = set()
    for ref, it in its.items():
        names = index.in_region(ref.region)
        own: dict[tuple[Ref, str, str], Edge] = {}
        said: set[tuple[Ref, Strength | None]] = set()
        for need in kinds[ref.kind].needs(it):
            target = _resolve(need, inventory, names)
            if target is None:
                dangling.setdefault((ref, str(need.on)), Dangling(ref, str(need.on), need.seen_in))
            elif target != ref:
                own.setdefault(
                    (target, need.strength, need.why), Edge(ref, target, need.why, need.strength, need.seen_in)
                )
                said |= {(target, None), (target, need.strength)}
        looked = _Look(names)
        looked.at(inventory.by_ref[ref].facts, None, True)
        if looked.has_marks:
            marked.add(ref)
        for path, text, other in looked.seen:
            if other is None and _field(path) in kinds[ref.kind].volatile:
                # Nothing is made from it: what it names need not be known (the snapshots of an image).
                continue
            if other is None:
                dangling.setdefault((ref, text), Dangling(ref, text, spelt(path)))
            elif other != ref:
                cut = other.kind in CUT_WHEN_NAMED and ref.kind in WORKLOADS
                # What the kind says itself is better evidence; but "hard" does not say that both change over together.
                if (other, None) not in said or (cut and (other, "cut") not in said):
                    why: Why = "names"
                    strength: Strength = "cut" if cut else "soft"
                    if kinds[ref.kind].stays_in_legacy:
                        # What stays goes with what it names, as what lies in something does.
                        why, strength = "in", "hard"
                    if (other, strength, why) not in own:
                        own[other, strength, why] = Edge(ref, other, why, strength, sys.intern(spelt(path)))
        # In the order of refs, as resources are: so all of them are sorted.
        edges += sorted(own.values())
    return _follow(inventory.by_ref, tuple(edges), tuple(sorted(dangling.values())), its, frozenset(marked))


def mentions(document: Json, index: Index) -> Iterator[tuple[str, str, Ref | None]]:
    """(path, text, ref or None for dangling) for every token of ours in a document."""
    looked = _Look(index)
    looked.at(document, None, True)
    return ((spelt(path), text, ref) for path, text, ref in looked.seen)


class _Look:
    """One walk over a document: what it names, and whether it has keys like placeholders."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.seen: list[tuple[Path, str, Ref | None]] = []
        self.has_marks = False

    def at(self, value: Json, path: Path, loose: bool) -> None:
        # Texts are dealt with where they are met, and no path is put together: this runs over the whole account.
        if isinstance(value, dict):
            if not MARKS.isdisjoint(value):
                self.has_marks = True
            loose = loose and not (len(value) == 2 and is_tag(value))
            for key, item in value.items():
                if item.__class__ is str:
                    self._text(item, path, key, loose and is_loose(key))
                elif item.__class__ in CONTAINERS:
                    self.at(item, (path, key), loose and is_loose(key))
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                if item.__class__ is str:
                    self._text(item, path, number, loose)
                elif item.__class__ in CONTAINERS:
                    self.at(item, (path, number), loose)
        elif isinstance(value, str):
            self._spans(self.index.spans(value, loose=loose), path)

    def _text(self, text: str, path: Path, key: str | int, loose: bool) -> None:
        whole = self.index.whole(text, loose=loose)
        if whole is not None:
            self.seen.append(((path, key), text, whole.ref))
        elif spans := self.index.within(text, loose=loose):
            self._spans(spans, (path, key))

    def _spans(self, spans: list[Span], path: Path) -> None:
        for span in spans:
            if span.known is not None:
                self.seen.append((path, span.text, span.known.ref))
            elif span.problem:
                self.seen.append((path, span.problem.removesuffix(f" {NOT_FOUND}"), None))


def _field(path: Path) -> str:
    """The fact that a path lies in."""
    part: str | int = ""
    while path is not None:
        path, part = path
    return str(part)


def _resolve(need: Need, inventory: Inventory, index: Index) -> Ref | None:
    if isinstance(need.on, Ref):
        return need.on if need.on in inventory.by_ref else None
    known = index.known.get(need.on)
    if known is None:
        spans = [span for span in index.spans(need.on) if span.known is not None]
        known = spans[0].known if len(spans) == 1 else None
    return known.ref if known else None


def _follow(
    resources: Mapping[Ref, Resource],
    edges: tuple[Edge, ...],
    dangling: tuple[Dangling, ...],
    its: dict[Ref, It[Any]],
    marked: frozenset[Ref],
) -> Graph:
    # By number in the order of refs: a ref is a tuple, and is not hashed again with every look.
    refs = sorted(resources)
    number = {ref: at for at, ref in enumerate(refs)}
    hard = [(number[edge.ref], number[edge.needs]) for edge in edges if edge.strength == "hard"]
    cycles = layers.circles(_pairs(hard))
    # What runs a task definition writes what the task definition names: it changes over with it.
    pairs = [(number[edge.ref], number[edge.needs]) for edge in edges if edge.strength == "cut" or edge.why == "runs"]
    part_of = layers.together(number.values(), pairs)
    # Groups that need each other, and resources that do, are one group: no order could be right for them.
    between = ((part_of[one], part_of[needs]) for one, needs in hard if part_of[one] != part_of[needs])
    pairs += [(min(circle), one) for circle in layers.circles(_pairs(between)) for one in circle]
    part_of = layers.together(number.values(), pairs)
    least: dict[int, int] = {}
    for one, part in part_of.items():
        # In the order of refs: the first that is met is the least.
        least.setdefault(part, one)
    needed = _pairs((part_of[one], part_of[needs]) for one, needs in hard if part_of[one] != part_of[needs])
    turns = layers.generations({part: needed.get(part, ()) for part in least})
    names = {part: str(refs[one]) for part, one in least.items()}
    groups = {ref: names[part_of[one]] for ref, one in number.items()}
    waves = {ref: turns[part_of[one]] for ref, one in number.items()}
    return Graph(
        resources,
        edges,
        dangling,
        tuple(sorted(tuple(refs[one] for one in sorted(cycle)) for cycle in cycles)),
        groups,
        waves,
        _by(edges, attrgetter("ref")),
        _by(edges, attrgetter("needs")),
        its,
        marked,
    )


def _pairs(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for one, needs in pairs:
        found[one].append(needs)
    return found


def _by(edges: Iterable[Edge], key: Any) -> dict[Ref, tuple[Edge, ...]]:
    found: dict[Ref, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[key(edge)].append(edge)
    return {ref: tuple(those) for ref, those in found.items()}
