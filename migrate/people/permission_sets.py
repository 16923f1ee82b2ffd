"""Groups → permission sets. The rule: who was in several groups gets one set of all of them, because Identity Center's
sets do not add up: each is a role of its own, and a Deny of one would not bind the other.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrate.errors import MigrateError
from migrate.names import AccountId
from migrate.people.packing import MANAGED_DEFAULT, SET_NAME_CHARACTERS, Packed, pack
from migrate.people.statements import Statement, compact, statements_of
from migrate.people.tailoring import Ground, Left, Tailored, tailor
from migrate.people.users import Held, User
from migrate.rewrite import Rewritten
from migrate.values import Json

NO_BOUNDARY = "a permissions boundary, which no permission set is given yet: split its policies by hand"
SESSION = "PT4H"
"""How long a sign-in holds; Identity Center allows 1 to 12 hours. Source: IAM Identity Center User Guide, "Set session
duration for AWS accounts", read 2026-11."""


@dataclass(frozen=True, slots=True)
class Persona:
    """People who hold the same: a group, several groups together, or one person with policies of their own."""

    name: str
    members: tuple[str, ...]
    groups: tuple[str, ...]
    policies: tuple[Held, ...]
    boundary: str | None
    boundary_document: Mapping[str, Json] | None

    @property
    def aws_managed(self) -> tuple[str, ...]:
        """ARNs that are the same in every account."""
        return tuple(sorted({str(held.arn) for held in self.policies if held.is_kept_by_aws}))

    @property
    def own(self) -> tuple[Held, ...]:
        """What has to be written anew for each account."""
        unique = {(held.arn or (held.through, held.name)): held for held in self.policies if not held.is_kept_by_aws}
        return tuple(unique.values())

    def statements(self) -> tuple[Statement, ...]:
        """Of all policies that are not AWS's own, in legacy's names."""
        return tuple(
            statement
            for held in self.own
            if held.document is not None
            for statement in statements_of(held.document, str(held))
        )


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """What one persona gets in one or several accounts."""

    name: str
    persona: str
    accounts: tuple[str, ...]
    """Aliases in which it reads the same."""
    assigned: tuple[str, ...]
    """Those of them for which an assignment is proposed."""
    aws_managed: tuple[str, ...]
    packed: Packed
    session: str = SESSION

    def as_json(self) -> dict[str, Json]:
        """As it stands in migration.yaml."""
        made: dict[str, Json] = {"session": self.session}
        if self.aws_managed:
            made["policies"] = list(self.aws_managed)
        if self.packed.inline is not None:
            made["inline"] = self.packed.inline
        if self.packed.managed:
            made["customer_policies"] = [{"name": name} for name in self.customer]
        return made

    @property
    def customer(self) -> dict[str, dict[str, Json]]:
        """Name → document of the customer managed policies, which must stand in each account first."""
        return {f"{self.name}-{number}": one for number, one in enumerate(self.packed.managed, 2)}


@dataclass(frozen=True)
class Sets:
    """Every permission set, and what a person should know of them."""

    personas: tuple[Persona, ...]
    sets: tuple[PermissionSet, ...]
    left: Mapping[tuple[str, str], tuple[Left, ...]] = field(default_factory=dict)
    """(persona, alias) → what does not arrive there."""
    refused: tuple[str, ...] = ()
    """What cannot be packed, with the reason."""
    unread: tuple[str, ...] = ()
    """Policies that the scan did not see."""

    def set_of(self, persona: str, alias: str) -> PermissionSet | None:
        """The set of a persona that is proposed to be assigned in an account."""
        return next((one for one in self.sets if one.persona == persona and alias in one.assigned), None)


def personas(
    people: Iterable[User], document_of: Callable[[str], Mapping[str, Json] | None] = lambda _: None
) -> tuple[Persona, ...]:
    """People by what they hold, by name. `document_of`: the document of a managed policy by ARN, for boundaries."""
    members: dict[tuple[str, ...], list[User]] = defaultdict(list)
    for person in people:
        alone = person.own_policies or person.boundary or not person.groups
        members[("own", person.name) if alone else ("groups", *sorted(person.groups))].append(person)
    made = []
    for key, those in members.items():
        first = those[0]
        name = f"own-{first.name}" if key[0] == "own" else "-and-".join(key[1:])
        boundary = first.boundary
        made.append(
            Persona(
                name, tuple(sorted(one.name for one in those)), tuple(sorted(first.groups)), first.policies, boundary,
                document_of(boundary) if boundary else None,
            )
        )  # fmt: skip
    return tuple(sorted(made, key=lambda one: one.name))


def permission_sets(
    those: Sequence[Persona],
    accounts: Mapping[str, AccountId],
    workloads: Iterable[str],
    rewriter: Callable[[AccountId], Callable[[Json], Rewritten]],
    ground: Ground,
    *,
    managed_most: int = MANAGED_DEFAULT,
) -> Sets:
    """What each persona gets in each account.

    `accounts`: alias → id. `workloads`: aliases where everybody who has anything there is proposed to be assigned; in
    any other account a set is made where the persona's policies name something of it, and the assignment is a person's.
    """
    sets: list[PermissionSet] = []
    left: dict[tuple[str, str], tuple[Left, ...]] = {}
    refused: list[str] = []
    unread: list[str] = []
    there = set(workloads)
    for persona in those:
        unread += [f"{held} of {persona.name}" for held in persona.own if held.document is None]
        statements = persona.statements()
        by_content: dict[str, list[tuple[str, PermissionSet]]] = defaultdict(list)
        for alias, account in accounts.items():
            tailored = tailor(statements, account, rewriter(account), ground)
            left[persona.name, alias] = tailored.left
            if not _worth(persona, tailored, alias in there):
                continue
            if persona.boundary:
                # Without its boundary the set would give more than the user had.
                refused.append(f"{persona.name} in {alias}: {NO_BOUNDARY} ({persona.boundary})")
                continue
            try:
                packed = pack(tailored.statements, attached=len(persona.aws_managed), managed_most=managed_most)
            except MigrateError as error:
                refused.append(f"{persona.name} in {alias}: {error.what}; {error.do}")
                continue
            one = PermissionSet("", persona.name, (alias,), (), persona.aws_managed, packed)
            by_content[compact([list(packed.documents), list(persona.aws_managed)])].append((alias, one))
        for same in by_content.values():
            alone = len(by_content) == 1
            aliases = tuple(alias for alias, _ in same)
            name = persona.name if alone else f"{persona.name}-{'-'.join(aliases)}"
            assigned = tuple(alias for alias in aliases if alias in there)
            sets.append(replace(same[0][1], name=_fit(name), accounts=aliases, assigned=assigned))
    return Sets(tuple(those), tuple(sets), left, tuple(refused), tuple(dict.fromkeys(unread)))


def _worth(persona: Persona, tailored: Tailored, is_workload: bool) -> bool:
    grants = any(one.effect == "Allow" for one in tailored.statements)
    return (bool(persona.aws_managed) or grants) if is_workload else tailored.names_something


def _fit(name: str) -> str:
    """The name, or what of it fits with a digest of the whole. Source: see SET_NAME_CHARACTERS."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_+=,.@-") else "-" for letter in name
    )
    if len(plain) <= SET_NAME_CHARACTERS and plain == name:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{plain[: SET_NAME_CHARACTERS - 7]}-{digest}"
