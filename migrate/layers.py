"""Orders over many things: who hangs together, who needs whom in a circle, and what may come first.

The rule: plain dictionaries. At a hundred thousand things a graph object an edge costs more than all the rest; only
what is left in circles, which is little, is handed to networkx.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import networkx as nx

T = TypeVar("T")


def together(things: Iterable[T], pairs: Iterable[tuple[T, T]]) -> dict[T, T]:
    """For each thing one that stands for all that hang together with it."""
    above = {thing: thing for thing in things}

    def top(thing: T) -> T:
        while above[thing] != thing:
            above[thing] = above[above[thing]]
            thing = above[thing]
        return thing

    for one, other in pairs:
        above[top(other)] = top(one)
    return {thing: top(thing) for thing in above}


def circles(needs: Mapping[T, Iterable[T]]) -> list[set[T]]:
    """Sets of things that need each other, each of more than one."""
    _, left = _peeled(needs)
    graph: nx.DiGraph[T] = nx.DiGraph()
    graph.add_edges_from((thing, need) for thing in left for need in needs.get(thing, ()) if need in left)
    return [set(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]


def generations(needs: Mapping[T, Iterable[T]]) -> dict[T, int]:
    """The earliest turn of each thing, from 1: one after the last of what it needs. There must be no circle."""
    turn: dict[T, int] = {}
    order, left = _peeled(needs)
    if left:
        raise ValueError(f"{len(left)} things need each other in a circle")
    for thing in order:
        turn[thing] = 1 + max((turn[need] for need in needs.get(thing, ()) if need != thing), default=0)
    return turn


def sequence(needs: Sequence[Sequence[int]]) -> list[int]:
    """The numbers of all things, each behind what it needs, else in their order; fewer where there is a circle."""
    waiting = [0] * len(needs)
    users: list[list[int]] = [[] for _ in needs]
    for thing, those in enumerate(needs):
        for need in those if len(those) < 2 else dict.fromkeys(those):
            if need != thing:
                waiting[thing] += 1
                users[need].append(thing)
    ready = [thing for thing, count in enumerate(waiting) if not count]
    found = []
    while ready:
        thing = heapq.heappop(ready)
        found.append(thing)
        for user in users[thing]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    return found


def circle(needs: Mapping[T, Iterable[T]]) -> list[T]:
    """One circle, its first thing again at the end."""
    _, left = _peeled(needs)
    graph: nx.DiGraph[T] = nx.DiGraph()
    graph.add_edges_from((need, thing) for thing in needs if thing in left for need in needs[thing] if need in left)
    edges = nx.find_cycle(graph)
    return [edge[0] for edge in edges] + [edges[0][0]]


def _counted(needs: Mapping[T, Iterable[T]]) -> tuple[dict[T, int], dict[T, list[T]]]:
    waiting = dict.fromkeys(needs, 0)
    users: dict[T, list[T]] = defaultdict(list)
    for thing, those in needs.items():
        for need in dict.fromkeys(those):
            if need != thing:
                waiting[thing] += 1
                users[need].append(thing)
                waiting.setdefault(need, 0)
    return waiting, users


def _peeled(needs: Mapping[T, Iterable[T]]) -> tuple[list[T], set[T]]:
    """What can be ordered, in an order that works, and what is left: circles and what needs them."""
    waiting, users = _counted(needs)
    order = [thing for thing, count in waiting.items() if not count]
    for thing in order:
        for user in users.get(thing, ()):
            waiting[user] -= 1
            if not waiting[user]:
                order.append(user)
    return order, {thing for thing, count in waiting.items() if count}
