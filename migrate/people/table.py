"""What each person keeps, loses and gains in each account. The rule: whatever anybody gains is a finding.

People who hold the same are asked about once. What resource policies grant is not asked about on either side; nothing
is said of it here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.names import AccountId
from migrate.people.decided import Decisions, SetOf
from migrate.people.permission_sets import Persona
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
    corpus = Corpus.of(those)
    roles: dict[tuple[str, AccountId], Holder] = {}
    cells = []
    for persona in those:
        before = Holder(
            f"arn:aws:iam::{asking.legacy}:user/{persona.members[0]}", asking.legacy,
            tuple(held.document for held in persona.policies if held.document is not None),
            persona.boundary_document if persona.boundary else None,
        )  # fmt: skip
        for alias, account in asking.accounts.items():
            asked = questions(persona, account, asking.rewriter(account), asking.ground, corpus)
            had = [_RANK[asking.decide(before, one.action, one.before)] for one in asked]
            alike: dict[tuple[str, ...], list[str]] = {}
            for member in persona.members:
                alike.setdefault(decided.sets_of(member, alias), []).append(member)
            for sets, members in alike.items():
                for name in sets:
                    if (name, account) not in roles:
                        roles[name, account] = _role(name, account, decided, asking)
                after = [roles[name, account] for name in sets]
                cell = _cell(persona, tuple(members), alias, sets, after, asked, had, asking.decide)
                if cell.kept or cell.lost or cell.gained or cell.unknown:
                    cells.append(cell)
    return tuple(cells)


def _cell(
    persona: Persona, members: tuple[str, ...], alias: str, sets: tuple[str, ...], after: Sequence[Holder],
    asked: Sequence[Question], had: Sequence[int], decide: Decide,
) -> Cell:  # fmt: skip
    kept = 0
    lost, gained = [], []
    for one, before in zip(asked, had, strict=True):
        has = max((_RANK[decide(role, one.action, one.after)] for role in after), default=0)
        if has > before:
            gained.append(one)
        elif has < before:
            lost.append(one)
        elif before:
            kept += 1
    unknown = tuple(sorted({policy for role in after for policy in role.unknown}))
    return Cell(persona.name, members, alias, sets, len(asked), kept, tuple(lost), tuple(gained), unknown)


def _role(name: str, account: AccountId, decided: Decisions, asking: Asking) -> Holder:
    """The role that Identity Center makes of the set. Source of its name: IAM Identity Center User Guide, "Referencing
    permission sets in resource policies", read 2026-11; the sixteen characters at its end are AWS's."""
    one = decided.permission_sets.get(name, SetOf())
    documents: list[Mapping[str, Json]] = [*one.customer.values(), *([one.inline] if one.inline else [])]
    unknown = []
    for policy in one.policies:
        arn = policy if policy.startswith("arn:") else f"arn:aws:iam::aws:policy/{policy}"
        if arn in asking.documents and ":iam::aws:" in arn:
            documents.append(asking.documents[arn])
        elif policy not in one.customer:
            unknown.append(policy)
    boundary = _boundary(one.boundary, account, asking) if one.boundary else None
    principal = f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{name}_0123456789abcdef/somebody"
    return Holder(principal, account, tuple(documents), boundary, tuple(unknown))


def _boundary(arn: str, account: AccountId, asking: Asking) -> Mapping[str, Json] | None:
    """The boundary's document as it reads in the account; None (no bound, so a gain shows) where nobody has read it."""
    if ":iam::aws:" in arn:
        return asking.documents.get(arn)
    old = next((text for text in asking.documents if _named_alike(text, arn)), None)
    if old is None:
        return None
    try:
        renamed = asking.rewriter(account)(dict(asking.documents[old])).value
        known: Mapping[str, Json] = resolve(renamed, asking.ground.known)
    except KeyError:
        return asking.documents[old]
    return known


def _named_alike(old: str, new: str) -> bool:
    return ":iam::aws:" not in old and old.split(":", 5)[-1] == new.split(":", 5)[-1]
