"""What this tool made and migration.yaml does not want any more: taken away only where that was asked for.

The rule: what the journals do not say that we made is somebody else's, and stays; so does what somebody else gives
rights by. A cap stops what looks like a slip.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.inventory import Resource
from migrate.organisation.difference import Key, Todo
from migrate.organisation.section import Organisation
from migrate.organisation.wanted import NEVER_COMPARED, WantedKind
from migrate.sites import MIGRATION_TAG
from migrate.values import Json

RIGHTS = frozenset({"identitystore.group_membership", "sso.account_assignment"})
"""What gives rights by itself."""
_NAMED_BY = {"identitystore.group": "group", "identitystore.user": "user", "sso.permission_set": "permission_set"}
"""Kind → the fact by which a right names it."""
IN_CENTER = RIGHTS | _NAMED_BY.keys()
IN_MEMBERS = frozenset({"iam.member_role", "iam.member_user"})
KINDS = IN_CENTER | IN_MEMBERS
"""What is taken away. Units, accounts, guard rails, policies and identity providers are left."""

Made = Mapping[Key, str]
"""What earlier runs made and did not undo → its id, where AWS gave one."""


@dataclass(frozen=True)
class Unwanted:
    """What this tool made and nobody wants any more."""

    gone: tuple[Resource, ...] = ()
    """A wish that it be gone, for each that is taken away."""
    left: tuple[str, ...] = ()
    """What is left, with the reason."""


def is_ours(one: Resource, made: Made, kind: WantedKind[Any]) -> bool:
    """Whether this very thing was made by a run: not one of the same name that somebody made since."""
    ours = made.get((one.ref.kind, one.ref.name))
    if ours is None or (kind.stamped and MIGRATION_TAG not in one.tags):
        return False
    return ours in ("", one.facts["id"])


def unwanted(section: Organisation, todo: Todo, made: Made, kinds: Mapping[str, WantedKind[Any]]) -> Unwanted:
    """What to take away of what stands, and what to leave."""
    ours = [one for one in todo.extra if one.ref.kind in KINDS and is_ours(one, made, kinds[one.ref.kind])]
    if not section.withdrawal.unwanted:
        return Unwanted(left=tuple(_called(one) for one in ours if one.ref.kind not in RIGHTS))
    rights = [one for one in ours if one.ref.kind in RIGHTS]
    others = [one for one in todo.extra if one.ref.kind in RIGHTS and one not in rights]
    gone, left = [*rights], []
    for one in ours:
        if one.ref.kind in RIGHTS:
            continue
        if _is_used(one, others):
            left.append(f"{_called(one)} (somebody else gives rights by it)")
        else:
            gone.append(one)
    return Unwanted(tuple(_gone(one, kinds[one.ref.kind]) for one in gone), tuple(left))


def _is_used(one: Resource, others: Iterable[Resource]) -> bool:
    fact = _NAMED_BY.get(one.ref.kind, "")
    return bool(one.facts["others"]) or any(right.facts.get(fact) == one.facts["id"] for right in others)


def _called(one: Resource) -> str:
    return f"{one.ref.kind} {one.ref.name}"


def _gone(one: Resource, kind: WantedKind[Any]) -> Resource:
    facts = {name: value for name, value in one.facts.items() if name not in NEVER_COMPARED} | {"is_given": False}
    return kind.wish(one.ref.name, kind.facts.model_validate(facts), region=one.ref.region)


def candidates(present: Iterable[Resource], wanted: Collection[Key], made: Made, kinds: Mapping[str, WantedKind[Any]]
               ) -> list[Resource]:  # fmt: skip
    """What stands, was made by a run and is not wanted: has to be looked at more closely before it is taken away."""
    return [
        one
        for one in present
        if one.ref.kind in KINDS - RIGHTS
        and (one.ref.kind, one.ref.name) not in wanted
        and is_ours(one, made, kinds[one.ref.kind])
    ]


def taken(todo: Todo) -> list[Resource]:
    """Everything that the plan takes away."""
    return [one for one in todo.resources if one.ref.kind in KINDS and not one.facts["is_given"]]


def said(found: Unwanted, section: Organisation) -> Iterator[str]:
    """What a reader of the plan has to know."""
    rights = sorted(_called(one) for one in found.gone if one.ref.kind in RIGHTS)
    holders = sorted(_called(one) for one in found.gone if one.ref.kind not in RIGHTS)
    for names, what in ((rights, "rights that this tool gave"), (holders, "things that this tool made")):
        if names:
            yield (
                f"{len(names)} {what} are not in migration.yaml any more and are taken away; a rollback does not give "
                f"them back: {_some(names)}"
            )
    if found.left and section.withdrawal.unwanted:
        yield f"{len(found.left)} things that this tool made and nobody wants are left: {_some(sorted(found.left))}"
    elif found.left:
        yield (
            f"{len(found.left)} things that this tool made are not in migration.yaml any more and stay: "
            f"{_some(sorted(found.left))}; organisation.withdrawal.unwanted: true takes them away"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def refusals(section: Organisation, todo: Todo) -> Iterator[dict[str, Json]]:
    """Why the plan cannot be approved: it would take away more than was agreed on."""
    gone, most = taken(todo), section.withdrawal.most
    if len(gone) > most:
        rights = sum(one.ref.kind in RIGHTS for one in gone)
        what = f"{len(gone)} rights" if rights == len(gone) else f"{rights} rights and {len(gone) - rights} things"
        yield {
            "key": "withdrawal/most",
            "what": f"{what} would be taken away, and organisation.withdrawal.most is {most}: "
            f"{_some(sorted(one.ref.name for one in gone))}",
            "do": "look whether migration.yaml says what you mean; if it does, raise it there",
        }
