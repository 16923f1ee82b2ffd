"""Wishes + what stands → what is to be done. Pure. The rule: what stands is never made again, and never undone.

A wish that stands as it is wanted is no step; its id takes the place of its name in the others' requests. One that
stands otherwise is changed where its kind can do that, else it is told and the plan refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.files import canonical
from migrate.inventory import Resource
from migrate.names import Ref
from migrate.organisation.wanted import WantedKind
from migrate.values import Json

Key = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Todo:
    """What is to be done, and what needs nothing."""

    resources: tuple[Resource, ...]
    """Wishes with at least one action."""
    given: Mapping[str, str]
    """How wishes call a thing that stands → its id."""
    standing: tuple[Ref, ...]
    """Wishes that stand as they are wanted."""
    unlike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Wishes that stand otherwise, in ways that no action changes."""
    extra: tuple[Resource, ...] = ()
    """What stands and is no wish."""


def difference(wanted: Iterable[Resource], present: Iterable[Resource], kinds: Mapping[str, Any]) -> Todo:
    """Compare each wish with the thing of its kind and name."""
    there: dict[Key, Resource] = {(one.ref.kind, one.ref.name): one for one in present}
    wishes = list(wanted)
    given: dict[str, str] = {}
    for (name, _), thing in there.items():
        given |= kinds[name].stand_ins(thing)
    todo: list[Resource] = []
    standing: list[Ref] = []
    unlike: dict[str, tuple[str, ...]] = {}
    for wish in wishes:
        kind: WantedKind[Any] = kinds[wish.ref.kind]
        found = there.get((wish.ref.kind, wish.ref.name))
        if found is None:
            if not kind.is_gone(wish):
                todo.append(wish)
            continue
        changed = _changes(kind, _filled(wish.facts, given), found)
        fixed = [name for name in changed if name not in kind.adjustable]
        if fixed:
            unlike[f"{wish.ref.kind} {wish.ref.name}"] = tuple(
                f"{name} is {found.facts.get(name)!r}, wanted is {wish.facts.get(name)!r}" for name in fixed
            )
        if not changed:
            standing.append(wish.ref)
        elif not fixed:
            todo.append(_to_change(kind, wish, found, changed))
    asked = {(wish.ref.kind, wish.ref.name) for wish in wishes}
    extra = tuple(one for key, one in sorted(there.items()) if key not in asked)
    return Todo(tuple(todo), given, tuple(standing), unlike, extra)


def _changes(kind: WantedKind[Any], wanted: Mapping[str, Json], found: Resource) -> list[str]:
    compared = wanted.keys() - kind.volatile - kind.ignored
    return sorted(name for name in compared if not _same(kind, name, wanted[name], found.facts.get(name)))


def _same(kind: WantedKind[Any], name: str, one: Json, other: Json) -> bool:
    if name in kind.unordered and isinstance(one, list) and isinstance(other, list):
        return sorted(map(canonical, one)) == sorted(map(canonical, other))
    return bool(one == other)


def _to_change(kind: WantedKind[Any], wish: Resource, found: Resource, changed: list[str]) -> Resource:
    before = {name: found.facts.get(name) for name in changed}
    kept = {name: found.facts[name] for name in kind.ignored}
    facts = wish.facts | kept | {"id": found.facts["id"], "stands": True, "changes": changed, "before": before}
    tags = {key: value for key, value in found.tags.items() if not key.startswith("migrate:")}
    return Resource(wish.ref, found.arn, tags, None, None, facts)


def _filled(value: Json, given: Mapping[str, str]) -> Json:
    """The wish with the ids of what stands in the place of names."""
    if isinstance(value, str):
        return given.get(value, value)
    if isinstance(value, list):
        return [_filled(item, given) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, given) for key, item in value.items()}
    return value
