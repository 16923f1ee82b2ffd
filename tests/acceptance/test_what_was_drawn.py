"""The accounts that chance drew hold, together, what they are there for: a lucky seed proves nothing.

Rule: it counts by what the builder builds of a description, and builds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx
import pytest

from .generated_account import ENVS, REGIONS, Described, Thing, drawn
from .generated_builder import lets_in, redrives
from .test_generated_accounts import SEEDS, is_large

DRAWN: dict[int, Described] = {number: drawn(number, large=is_large(number)) for number in SEEDS}


def has_circle(edges: list[tuple[int, int]]) -> bool:
    """Whether something leads back to itself over another."""
    drawn_edges: Any = networkx.DiGraph(edges)
    return any(len(one) > 1 for one in networkx.strongly_connected_components(drawn_edges))


def everything(it: Described) -> list[Thing]:
    return [one for sort, things in vars(it).items() if sort != "regions" for one in things]


def users(it: Described, sort: str, number: int) -> set[str]:
    """The environments whose services name it, as `seen` of the builder gives it to them."""
    things: tuple[Thing, ...] = getattr(it, sort)
    found = set()
    for service in it.services:
        first = next(
            (n for n in service.refers if n < len(things) and (things[n].region == service.region or sort == "roles")),
            None,
        )
        if first == number:
            found.add(service.env or "live")
    return found


def test_there_are_twenty() -> None:
    assert len(DRAWN) == 20


@pytest.mark.parametrize(
    ("edges", "accounts"),
    [
        (lambda it: [(at, n) for at in range(len(it.groups)) for n in lets_in(it, at)], 3),
        (lambda it: [(at, n) for at in range(len(it.queues)) for n in redrives(it, at)], 3),
        (lambda it: [(at, n) for at, role in enumerate(it.roles) for n in role.refers], 3),
    ],
    ids=["groups that let each other in", "queues that are each other's dead letters", "roles that trust each other"],
)
def test_there_are_circles(edges: Callable[[Described], list[tuple[int, int]]], accounts: int) -> None:
    assert sum(has_circle(edges(it)) for it in DRAWN.values()) >= accounts


def test_things_let_themselves_in() -> None:
    assert any(at in lets_in(it, at) for it in DRAWN.values() for at in range(len(it.groups)))


@pytest.mark.parametrize("sort", ["queues", "roles"])
def test_both_environments_share_things(sort: str) -> None:
    shared = [
        number
        for number, it in DRAWN.items()
        if any(users(it, sort, at) == set(ENVS) for at in range(len(getattr(it, sort))))
    ]
    assert len(shared) >= 3


def test_names_are_as_long_as_aws_takes_them_and_mislead() -> None:
    named = [one.name for it in DRAWN.values() for one in everything(it)]

    assert sum(len(name) >= 200 for name in named) >= 20
    assert {"vpc-12345678", "target", "migrate", "null"} & set(named)
    assert any(set(name) & set("!$*{};&") for name in named)
    assert any(not name.isascii() for name in named)


def test_tags_and_values_are_of_every_alphabet_and_hold_placeholders() -> None:
    tags = {one.tag for it in DRAWN.values() for one in everything(it)}
    values = {one.value for it in DRAWN.values() for one in everything(it)}

    assert sum(not tag.isascii() for tag in tags) >= 3
    assert any(not value.isascii() for value in values)
    assert any("$after" in value for value in values)


def test_the_world_is_let_in() -> None:
    assert sum(any(group.flag for group in it.groups) for it in DRAWN.values()) >= 10


def test_grown_accounts_have_sixty_services_and_250_log_groups() -> None:
    grown = [it for it in DRAWN.values() if len(it.services) == 60 and len(it.log_groups) == 250]

    assert len(grown) == 3


def test_both_regions_hold_something_in_every_account() -> None:
    assert all({one.region for one in everything(it)} == set(REGIONS) for it in DRAWN.values())
    assert sum(len({one.region for one in it.services}) == 2 for it in DRAWN.values()) >= 5


def test_what_runs_and_what_stands_still_are_both_drawn() -> None:
    running = [sum(one.flag for one in it.services) for it in DRAWN.values()]

    assert sum(count > 0 for count in running) >= 15
    assert sum(count < len(it.services) for count, it in zip(running, DRAWN.values(), strict=True)) >= 10
