"""Which account each resource belongs to, with score and evidence. The rule: where two say different, a person decides.

Order of authority: a rule of migration.yaml; what the resource lies in (a subnet follows its VPC); its own tags
and name; what uses it and what it uses. A resource that two environments use is a conflict, whatever it is called.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from migrate.config import Config
from migrate.graph import Edge, Graph
from migrate.inventory import Resource
from migrate.kind import It, Kind
from migrate.names import Ref
from migrate.values import Json

TAG_KEYS = ("env", "environment", "stage")
_WORDS = re.compile(r"[^A-Za-z0-9]+")
_WEIGHT = {"hard": 3, "cut": 3, "soft": 1}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one resource goes."""

    accounts: tuple[str, ...]
    """Aliases; `legacy`: it stays."""
    by: Literal["rule", "lies in", "named", "graph"]
    score: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """A resource that people must place: used by several environments, or by none."""

    ref: Ref
    votes: Mapping[str, int]
    evidence: tuple[str, ...]

    @property
    def key(self) -> str:
        """What a waiver or a rule names."""
        return f"placement/{self.ref}"

    def as_json(self) -> dict[str, Json]:
        """For the plan."""
        return {"ref": str(self.ref), "votes": dict(self.votes), "evidence": list(self.evidence)}


@dataclass(frozen=True)
class Placement:
    """Where everything that can move goes."""

    placed: Mapping[Ref, Placed]
    """In the order of refs."""
    conflicts: tuple[Undecided, ...]
    unplaced: tuple[Undecided, ...]
    movable: frozenset[Ref] = frozenset()
    """Everything that an action applies to."""


def place(graph: Graph, config: Config, kinds: Mapping[str, Kind[Any]]) -> Placement:
    """Decide for every resource of a kind that moves. Pure; same inputs, same result."""
    named_refs = {rule.ref for rule in config.placement if rule.ref and rule.accounts != ("legacy",)}
    movable = {
        ref: graph.resources[ref]
        for ref, it in graph.its.items()
        if moves(it, kinds)
        and (graph.needs.get(ref) or not kinds[ref.kind].stays_in_legacy)
        and (not kinds[ref.kind].only_where_named or str(ref) in named_refs)
    }
    placed: dict[Ref, Placed] = {}
    for ref, resource in graph.resources.items() if config.placement else ():
        decided = _by_rule(resource, config, _called(ref, graph, kinds))
        # What does not move goes nowhere, whatever a broad rule says; that it stays may still be said.
        if decided and (ref in movable or decided.accounts == ("legacy",)):
            placed[ref] = decided
    lies_in = _parents(graph)
    _follow_parents(movable, lies_in, placed)
    named: dict[Ref, Placed] = {}
    words = tuple({word.lower() for word in config.environments})
    # First what lies in nothing (a VPC decides for its subnets), then what is left.
    for only_roots in (True, False):
        for ref, resource in movable.items():
            if ref not in placed and not (only_roots and ref in lies_in):
                own = _by_name(resource, config, words, _called(ref, graph, kinds))
                if own:
                    named[ref] = placed[ref] = own
        _follow_parents(movable, lies_in, placed)
    _propagate(graph, movable, lies_in, placed)
    conflicts = [*_used_by_two(graph, placed, named), *_torn(graph, movable, placed)]
    torn = {undecided.ref for undecided in conflicts}
    for ref in torn:
        placed.pop(ref, None)
    unplaced = [
        Undecided(ref, {}, ("nothing that uses it is placed",))
        for ref in movable
        if ref not in placed and ref not in torn
    ]
    # An inventory's resources are in the order of refs.
    placed = {ref: placed[ref] for ref in graph.resources if ref in placed}
    return Placement(placed, tuple(sorted(conflicts, key=_key)), tuple(sorted(unplaced, key=_key)), frozenset(movable))


def moves(it: It[Any], kinds: Mapping[str, Kind[Any]]) -> bool:
    """Whether there is an action that applies to it."""
    return any(action.applies(it) for action in kinds[it.ref.kind].actions)


def _called(ref: Ref, graph: Graph, kinds: Mapping[str, Kind[Any]]) -> tuple[str, ...]:
    it = graph.its.get(ref)
    return () if it is None else kinds[ref.kind].called(it)


def _key(undecided: Undecided) -> Ref:
    return undecided.ref


def _by_rule(resource: Resource, config: Config, called: tuple[str, ...]) -> Placed | None:
    for number, rule in enumerate(config.placement):
        if rule.matches(resource.ref, resource.arn, resource.tags, called):
            because = f": {rule.because}" if rule.because else ""
            return Placed(rule.accounts, "rule", 100, (f"migration.yaml placement[{number}]{because}",))
    return None


def _by_name(resource: Resource, config: Config, words: tuple[str, ...], called: tuple[str, ...] = ()) -> Placed | None:
    """By tags, names and stack; `words`: every word that names an environment, in small letters."""
    tags = {key.lower(): value for key, value in resource.tags.items()} if resource.tags else {}
    # Most of a large account: one look at the name, and nearly always no more.
    if not tags and not resource.owner and not called and not _says_one(resource.ref.name, words):
        return None
    votes: dict[str, int] = defaultdict(int)
    evidence: list[str] = []
    for key in TAG_KEYS if tags else ():
        alias = config.environments.get(tags.get(key, "").lower())
        if alias:
            votes[alias] += 10
            evidence.append(f"tag {key}={tags[key]}")
    for what, text in (
        ("name", resource.ref.name),
        ("Name tag", tags.get("name", "")),
        ("stack", resource.owner or ""),
        *(("name", text) for text in called),
    ):
        if not text or not _says_one(text, words):
            continue
        for word in dict.fromkeys(_WORDS.split(text)):
            alias = config.environments.get(word.lower())
            if alias:
                votes[alias] += 5
                evidence.append(f"{what} {text!r} says {word}")
    if not votes:
        return None
    best = max(votes.values())
    winners = [alias for alias, score in votes.items() if score == best]
    if len(winners) > 1:
        return None
    return Placed((winners[0],), "named", best, tuple(evidence))


def _says_one(text: str, words: tuple[str, ...]) -> bool:
    small = text.lower()
    for word in words:  # noqa: SIM110 - it runs for every name of an account, and a generator costs as much again.
        if word in small:
            return True
    return False


def _parents(graph: Graph) -> dict[Ref, tuple[Ref, ...]]:
    found: dict[Ref, list[Ref]] = defaultdict(list)
    for edge in graph.edges:
        if edge.why == "in" and edge.strength == "hard":
            found[edge.ref].append(edge.needs)
    return {ref: tuple(parents) for ref, parents in found.items()}


def _follow_parents(
    movable: Mapping[Ref, Resource], lies_in: Mapping[Ref, tuple[Ref, ...]], placed: dict[Ref, Placed]
) -> set[Ref]:
    """Place what lies in something placed, at any depth; parents that go to different accounts decide nothing."""
    inside: dict[Ref, list[Ref]] = defaultdict(list)
    for ref, parents in lies_in.items():
        for parent in parents:
            inside[parent].append(ref)
    followed: set[Ref] = set()
    ahead = [ref for ref in inside if ref in placed]
    while ahead:
        parent = ahead.pop()
        for ref in inside.get(parent, ()):
            there = {placed[one].accounts for one in lies_in[ref] if one in placed}
            if ref in placed or ref not in movable or len(there) != 1:
                continue
            top = placed[parent]
            placed[ref] = Placed(top.accounts, "lies in", top.score, (f"lies in {parent}",))
            followed.add(ref)
            ahead.append(ref)
    return followed


def _propagate(
    graph: Graph, movable: Mapping[Ref, Resource], lies_in: Mapping[Ref, tuple[Ref, ...]], placed: dict[Ref, Placed]
) -> None:
    """Unanimous neighbours decide, round by round; each round looks only beside what the last one placed."""
    ahead = {ref for ref in movable if ref not in placed}
    while ahead:
        decided: dict[Ref, Placed] = {}
        for ref in sorted(ahead):
            votes, evidence = _votes(ref, graph, placed)
            if len(votes) == 1:
                alias, score = next(iter(votes.items()))
                decided[ref] = Placed((alias,), "graph", score, tuple(evidence[:4]))
        placed |= decided
        new = decided.keys() | _follow_parents(movable, lies_in, placed)
        ahead = {other for ref in new for _, other in _around(ref, graph) if other in movable and other not in placed}


def _votes(ref: Ref, graph: Graph, placed: Mapping[Ref, Placed]) -> tuple[dict[str, int], list[str]]:
    votes: dict[str, int] = defaultdict(int)
    evidence: list[str] = []
    for edge, other in _around(ref, graph):
        there = placed.get(other)
        # What goes to several accounts, or stays, says nothing about its neighbours.
        if there is None or len(there.accounts) != 1 or there.accounts[0] == "legacy":
            continue
        votes[there.accounts[0]] += _WEIGHT[edge.strength]
        evidence.append(f"{other} ({there.accounts[0]}): {edge.why}, {edge.seen_in}")
    return votes, evidence


def _around(ref: Ref, graph: Graph) -> Iterable[tuple[Edge, Ref]]:
    yield from ((edge, edge.ref) for edge in graph.needed_by.get(ref, ()))
    yield from ((edge, edge.needs) for edge in graph.needs.get(ref, ()))


def _used_by_two(graph: Graph, placed: Mapping[Ref, Placed], named: Mapping[Ref, Placed]) -> Iterable[Undecided]:
    """What its own name places, or the graph did, but another environment uses as well."""
    for ref, own in placed.items():
        if own.by == "rule" or own.accounts == ("legacy",) or ref not in graph.needed_by:
            continue
        users = [
            (edge, user.accounts[0])
            for edge in graph.needed_by.get(ref, ())
            if (own.by != "lies in" or edge.strength != "soft")
            and (user := placed.get(edge.ref)) is not None
            and len(user.accounts) == 1
            and user.accounts[0] != "legacy"
        ]
        if all(alias in own.accounts for _, alias in users):
            continue
        votes: dict[str, int] = defaultdict(int)
        evidence = [f"{ref.name}: {text}" for text in (named[ref].evidence if ref in named else ())]
        for edge, alias in users:
            votes[alias] += _WEIGHT[edge.strength]
            evidence.append(f"{edge.ref} ({alias}): {edge.why}, {edge.seen_in}")
        for alias in own.accounts:
            votes[alias] += own.score
        yield Undecided(ref, dict(sorted(votes.items())), tuple(evidence))


def _torn(graph: Graph, movable: Mapping[Ref, Resource], placed: Mapping[Ref, Placed]) -> Iterable[Undecided]:
    for ref in movable:
        if ref not in placed:
            votes, evidence = _votes(ref, graph, placed)
            if len(votes) > 1:
                yield Undecided(ref, dict(sorted(votes.items())), tuple(evidence))
