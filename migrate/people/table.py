"""What each person keeps, loses and gains in each account. The rule: whatever anybody gains is a finding.

People who hold the same are asked about once. What resource policies grant is not asked about on either side; nothing
is said of it here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.names import AccountId
from migrate.people.permission_sets import PermissionSet, Persona, Sets
from migrate.people.questions import Corpus, Question, questions
from migrate.people.tailoring import Ground
from migrate.rewrite import Rewritten
from migrate.values import Json, resolve

Outcome = Literal["allowed", "explicit deny", "implicit deny", "could not be decided"]
_RANK: Mapping[str, int] = {"explicit deny": 0, "implicit deny": 0, "could not be decided": 1, "allowed": 2}


@dataclass(frozen=True)
class Holder:
    """Somebody who asks: with which policies, in which account."""

    principal: str
    account: AccountId
    documents: tuple[Mapping[str, Json], ...]
    boundary: Mapping[str, Json] | None


Decide = Callable[[Holder, str, str], Outcome]
"""(who, action, resource of the same account) → what the policies say."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One persona in one account."""

    persona: str
    members: tuple[str, ...]
    alias: str
    permission_set: str
    """Empty: no assignment is proposed there."""
    asked: int
    kept: int
    lost: tuple[Question, ...]
    gained: tuple[Question, ...]

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "persona": self.persona, "people": list(self.members), "account": self.alias,
            "permission_set": self.permission_set, "asked": self.asked, "kept": self.kept,
            "lost": [f"{one.action} on {one.before}" for one in self.lost],
            "gained": [f"{one.action} on {one.after}" for one in self.gained],
        }  # fmt: skip


def table(
    sets: Sets,
    legacy: AccountId,
    accounts: Mapping[str, AccountId],
    rewriter: Callable[[AccountId], Callable[[Json], Rewritten]],
    ground: Ground,
    documents: Callable[[str], Mapping[str, Json] | None],
    decide: Decide,
) -> tuple[Cell, ...]:
    """A cell for every persona and account in which anything is kept, lost or gained.

    `documents`: a managed policy's document by its ARN; a policy that the scan did not see grants nothing on both
    sides, and is named among the findings of the permission sets.
    """
    corpus = Corpus.of(sets.personas)
    cells = []
    for persona in sets.personas:
        before = Holder(
            f"arn:aws:iam::{legacy}:user/{persona.members[0]}", legacy,
            tuple(held.document for held in persona.policies if held.document is not None),
            persona.boundary_document if persona.boundary else None,
        )  # fmt: skip
        for alias, account in accounts.items():
            given = sets.set_of(persona.name, alias)
            after = None if given is None else _after(given, persona, account, rewriter(account), ground, documents)
            asked = questions(persona, account, rewriter(account), ground, corpus)
            cell = _cell(persona, alias, given, before, after, asked, decide)
            if cell.kept or cell.lost or cell.gained:
                cells.append(cell)
    return tuple(cells)


def by_person(cells: Iterable[Cell]) -> dict[tuple[str, str], Cell]:
    """(person, alias) → the cell."""
    return {(member, cell.alias): cell for cell in cells for member in cell.members}


def _cell(
    persona: Persona, alias: str, given: PermissionSet | None, before: Holder, after: Holder | None,
    asked: Sequence[Question], decide: Decide,
) -> Cell:  # fmt: skip
    kept = 0
    lost, gained = [], []
    for one in asked:
        had = _RANK[decide(before, one.action, one.before)]
        has = 0 if after is None else _RANK[decide(after, one.action, one.after)]
        if has > had:
            gained.append(one)
        elif has < had:
            lost.append(one)
        elif had:
            kept += 1
    name = "" if given is None else given.name
    return Cell(persona.name, persona.members, alias, name, len(asked), kept, tuple(lost), tuple(gained))


def _after(
    given: PermissionSet,
    persona: Persona,
    account: AccountId,
    rewrite: Callable[[Json], Rewritten],
    ground: Ground,
    documents: Callable[[str], Mapping[str, Json] | None],
) -> Holder:
    """The role that Identity Center makes of the set. Source of its name: IAM Identity Center User Guide, "Referencing
    permission sets in resource policies", read 2026-11; the sixteen characters at its end are AWS's."""
    held = [document for arn in given.aws_managed if (document := documents(arn)) is not None]
    return Holder(
        f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{given.name}_0123456789abcdef/{persona.members[0]}",
        account,
        (*held, *given.packed.documents),
        _boundary(persona, rewrite, ground) if given.boundary else None,
    )


def _boundary(persona: Persona, rewrite: Callable[[Json], Rewritten], ground: Ground) -> Mapping[str, Json] | None:
    """The boundary as it reads in the account. What AWS has not named yet stands under its old name: it allows less."""
    if persona.boundary_document is None:
        return None
    try:
        renamed: Mapping[str, Json] = resolve(rewrite(dict(persona.boundary_document)).value, ground.known)
    except KeyError:
        return persona.boundary_document
    return renamed
