"""What each person keeps, loses and gains in each account. The rule: whatever anybody gains is a finding.

People who hold the same are asked about once. What resource policies grant is not asked about on either side; nothing
is said of it here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.names import AccountId
from migrate.people.decided import Decisions, SetOf
from migrate.people.permission_sets import Persona
from migrate.people.questions import Corpus, Question, questions, questions_of_set, renamed
from migrate.people.statements import statements_of
from migrate.people.tailoring import Ground
from migrate.rewrite import Rewritten
from migrate.values import Json

Outcome = Literal["allowed", "explicit deny", "implicit deny", "could not be decided"]
_RANK: Mapping[str, int] = {"explicit deny": 0, "implicit deny": 0, "could not be decided": 1, "allowed": 2}


@dataclass(frozen=True)
class Holder:
    """Somebody who asks: with which policies, in which account."""

    principal: str
    account: AccountId
    documents: tuple[Mapping[str, Json], ...]
    boundary: Mapping[str, Json] | None
    unknown: tuple[str, ...] = ()
    """Policies that it holds and whose document nobody has read: what they grant is not known."""


Decide = Callable[[Holder, str, str], Outcome]
"""(who, action, resource of the same account) → what the policies say."""


@dataclass(frozen=True, slots=True)
class Cell:
    """People who held the same in the old account and can choose from the same in one account."""

    persona: str
    members: tuple[str, ...]
    alias: str
    permission_sets: tuple[str, ...]
    """Each is a role of its own; empty: no assignment there."""
    asked: int
    kept: int
    lost: tuple[Question, ...]
    gained: tuple[Question, ...]
    unknown: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "persona": self.persona, "people": list(self.members), "account": self.alias,
            "permission_sets": list(self.permission_sets), "asked": self.asked, "kept": self.kept,
            "lost": [f"{one.action} on {one.before}" for one in self.lost],
            "gained": [f"{one.action} on {one.after}" for one in self.gained],
            "unknown": list(self.unknown),
        }  # fmt: skip


@dataclass
class Asking:
    """What the questions are asked with."""

    legacy: AccountId
    accounts: Mapping[str, AccountId]
    rewriter: Callable[[AccountId], Callable[[Json], Rewritten]]
    ground: Ground
    documents: Mapping[str, Mapping[str, Json]]
    """Managed policies by ARN, as the scan saw them."""
    decide: Decide


def table(those: Sequence[Persona], decided: Decisions, asking: Asking) -> tuple[Cell, ...]:
    """A cell for every persona and account in which anything is kept, lost or gained, by what `decided` assigns.

    What somebody may do is what any one of their roles may: they choose the role.
    """
    roles = _Roles(those, decided, asking)
    cells = []
    for persona in those:
        before = Holder(
            f"arn:aws:iam::{asking.legacy}:user/{persona.members[0]}", asking.legacy,
            tuple(held.document for held in persona.policies if held.document is not None),
            persona.boundary_document if persona.boundary else None,
        )  # fmt: skip
        for alias, account in asking.accounts.items():
            own = questions(persona, account, asking.rewriter(account), asking.ground, roles.corpus)
            alike: dict[tuple[str, ...], list[str]] = {}
            for member in persona.members:
                alike.setdefault(decided.sets_of(member, alias), []).append(member)
            for sets, members in alike.items():
                after = [roles.holder(name, account) for name in sets]
                asked = sorted({*own, *(one for name in sets for one in roles.questions(name, account))})
                cell = _cell(persona, tuple(members), alias, sets, before, after, asked, asking.decide)
                if cell.kept or cell.lost or cell.gained or cell.unknown:
                    cells.append(cell)
    return tuple(cells)


def by_person(cells: Iterable[Cell]) -> dict[tuple[str, str], Cell]:
    """(person, alias) → the cell."""
    return {(member, cell.alias): cell for cell in cells for member in cell.members}


def _cell(
    persona: Persona, members: tuple[str, ...], alias: str, sets: tuple[str, ...], before: Holder,
    after: Sequence[Holder], asked: Sequence[Question], decide: Decide,
) -> Cell:  # fmt: skip
    kept = 0
    lost, gained = [], []
    for one in asked:
        had = _RANK[decide(before, one.action, one.before)]
        has = max((_RANK[decide(role, one.action, one.after)] for role in after), default=0)
        if has > had:
            gained.append(one)
        elif has < had:
            lost.append(one)
        elif had:
            kept += 1
    unknown = tuple(sorted({policy for role in after for policy in role.unknown}))
    return Cell(persona.name, members, alias, sets, len(asked), kept, tuple(lost), tuple(gained), unknown)


class _Roles:
    """The roles that Identity Center makes of permission sets, each in each account made once."""

    def __init__(self, those: Sequence[Persona], decided: Decisions, asking: Asking) -> None:
        self._decided, self._asking = decided, asking
        own = [one for persona in those for one in persona.statements()]
        given = [
            one
            for name, found in decided.permission_sets.items()
            for document in decided.documents_of(found)
            for one in statements_of(document, f"permission set {name}")
        ]
        self.corpus = Corpus.of([*own, *given])
        self._holders: dict[tuple[str, AccountId], Holder] = {}
        self._questions: dict[tuple[str, AccountId], tuple[Question, ...]] = {}
        self._named: dict[AccountId, list[tuple[str, str]]] = {}

    def holder(self, name: str, account: AccountId) -> Holder:
        """One role. Source of its name: IAM Identity Center User Guide, "Referencing permission sets in resource
        policies", read 2026-11; the sixteen characters at its end are AWS's."""
        if (name, account) not in self._holders:
            one = self._decided.permission_sets.get(name, SetOf())
            known, unknown = self._decided.managed_of(one, self._asking.documents)
            principal = f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{name}_0123456789abcdef/somebody"
            documents = (*self._decided.documents_of(one), *known)
            self._holders[name, account] = Holder(principal, account, documents, None, unknown)
        return self._holders[name, account]

    def questions(self, name: str, account: AccountId) -> tuple[Question, ...]:
        """What is asked because of what the set itself says."""
        if (name, account) not in self._questions:
            one = self._decided.permission_sets.get(name, SetOf())
            self._questions[name, account] = questions_of_set(
                self._decided.documents_of(one),
                self._decided.managed_of(one, self._asking.documents)[0],
                account,
                self._asking.legacy,
                self._names(account),
                self.corpus,
            )
        return self._questions[name, account]

    def _names(self, account: AccountId) -> list[tuple[str, str]]:
        if account not in self._named:
            rewrite, ground = self._asking.rewriter(account), self._asking.ground
            pairs = [(arn, renamed(arn, rewrite, ground)) for arn in ground.in_account(account)]
            self._named[account] = [pair for pair in pairs if pair[1]]
        return self._named[account]
