"""Rights that this tool gave and that migration.yaml does not want any more: taken away only where that was asked for.

The rule: what the journals do not say that we gave is somebody else's, and stays. A cap stops what looks like a slip.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from migrate.inventory import Resource
from migrate.organisation.difference import Key, Todo
from migrate.organisation.section import Organisation
from migrate.organisation.wanted import VOLATILE, WantedKind
from migrate.values import Json

KINDS = frozenset({"identitystore.group_membership", "sso.account_assignment"})
"""What gives rights. Groups, users and permission sets that nobody wants give none by themselves: they are left."""


def unwanted(
    section: Organisation, todo: Todo, made: Collection[Key], kinds: Mapping[str, WantedKind[Any]]
) -> list[Resource]:
    """A wish that it be gone, for each right that stands, that we gave, and that nobody wants."""
    if not section.withdrawal.unwanted:
        return []
    found = [one for one in todo.extra if one.ref.kind in KINDS and (one.ref.kind, one.ref.name) in made]
    return [_gone(one, kinds[one.ref.kind]) for one in found]


def _gone(one: Resource, kind: WantedKind[Any]) -> Resource:
    facts = {name: value for name, value in one.facts.items() if name not in VOLATILE} | {"is_given": False}
    return kind.wish(one.ref.name, kind.facts.model_validate(facts), region=one.ref.region)


def taken(todo: Todo) -> list[Resource]:
    """Every right that the plan takes away."""
    return [one for one in todo.resources if one.ref.kind in KINDS and not one.facts["is_given"]]


def said(wished_gone: Iterable[Resource]) -> Iterator[str]:
    """What a reader of the plan has to know."""
    names = sorted(f"{one.ref.kind} {one.ref.name}" for one in wished_gone)
    if names:
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        yield (
            f"{len(names)} rights that this tool gave are not in migration.yaml any more and are taken away; a "
            f"rollback does not give them back: {', '.join(names[:12])}{more}"
        )


def refusals(section: Organisation, todo: Todo) -> Iterator[dict[str, Json]]:
    """Why the plan cannot be approved: it would take away more than was agreed on."""
    gone, most = taken(todo), section.withdrawal.most
    if len(gone) > most:
        names = ", ".join(sorted(one.ref.name for one in gone)[:12])
        yield {
            "key": "withdrawal/most",
            "what": f"{len(gone)} rights would be taken away, and organisation.withdrawal.most is {most}: {names}",
            "do": "look whether migration.yaml says what you mean; if it does, raise it there",
        }
