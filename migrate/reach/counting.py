"""Holders × things → how much each reaches. Pure.

The rule: a holder reaches what it may do itself and what the roles may do that it may become, one after the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from migrate.policy_evaluation import Policies
from migrate.policy_evaluation.crowds import Crowd, Item, Who, answers
from migrate.reach.acts import ACTS, BECOMES, LEVELS, Level
from migrate.values import Json

ROLE = "iam.role"


class Thing(NamedTuple):
    """One resource that may be reached."""

    kind: str
    name: str
    account: str
    where: str
    """Alias of its account, now or later."""
    item: Item
    is_stateful: bool
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who asks: a user, a role, or a permission set in an account."""

    sort: str
    name: str
    account: str
    principal: str
    policies: Policies
    tags: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """Policies that nobody has read: it may reach more."""
    lets_in: tuple[str, ...] = ()
    """Who else may become it, as its trust policy says: services, other accounts, identity providers."""

    chooses: tuple[str, ...] = ()
    """Of a person who signs in once: the principals of the roles to choose from."""

    @property
    def said(self) -> str:
        """As people read it."""
        return f"{self.sort} {self.name}"


class Count(NamedTuple):
    """How many things, and of them how many with data and how many sensitive."""

    all: int
    stateful: int
    sensitive: int


@dataclass(frozen=True)
class Reached:
    """What one holder reaches."""

    holder: Holder
    counts: Mapping[str, Mapping[Level, Count]]
    """Environment → level → how many."""
    undecided: int
    """Things of which something depends on what is not known of a request."""
    becomes: tuple[str, ...]
    """Roles that it may become, one after the other."""

    @property
    def total(self) -> int:
        """Things that it can at least read, change or delete, the largest of the three in each environment."""
        return sum(max(one[level].all for level in LEVELS) for one in self.counts.values())

    @property
    def environments(self) -> tuple[str, ...]:
        """Where it can change or delete anything."""
        return tuple(where for where, one in sorted(self.counts.items()) if one["write"].all or one["delete"].all)

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "sort": self.holder.sort, "name": self.holder.name, "account": self.holder.account,
            "reaches": {
                where: {level: one[level]._asdict() for level in LEVELS} for where, one in sorted(self.counts.items())
            },
            "undecided": self.undecided, "becomes": list(self.becomes), "unread": list(self.holder.unread),
            "lets_in": list(self.holder.lets_in),
        }  # fmt: skip


@dataclass
class _Bits:
    """What one holder may do by itself: a bit for each thing."""

    level: dict[Level, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))
    undecided: int = 0
    becomes: set[int] = field(default_factory=set)
    """Numbers of holders."""


class World:
    """Things in a fixed order, in crowds of one kind and account."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self.things = sorted(things, key=lambda one: (one.kind, one.account, one.name, one.item.arn))
        self.crowds: list[tuple[str, int, Crowd]] = []
        self.trusts: list[Crowd] = []
        """Roles with their trust policies, which say who becomes one, and nothing of the role as a thing."""
        first = 0
        for number in range(1, len(self.things) + 1):
            here, before = self.things[number : number + 1], self.things[number - 1]
            if not here or (here[0].kind, here[0].account) != (before.kind, before.account):
                those = [one.item for one in self.things[first:number]]
                if before.kind == ROLE:
                    self.trusts.append(Crowd(before.account, those))
                    those = [one._replace(policy=None) for one in those]
                inside = ACTS[before.kind].read.inside
                self.crowds.append((before.kind, first, Crowd(before.account, those, inside)))
                first = number
        self.mask: dict[str, int] = {}
        for number, one in enumerate(self.things):
            for name, holds in (
                (f"in {one.where}", True),
                ("stateful", one.is_stateful),
                ("sensitive", one.is_sensitive),
            ):
                if holds:
                    self.mask[name] = self.mask.get(name, 0) | 1 << number

    @property
    def environments(self) -> tuple[str, ...]:
        """Every place in which things lie."""
        return tuple(sorted(name.removeprefix("in ") for name in self.mask if name.startswith("in ")))

    def count(self, bits: int) -> Count:
        """How many of them."""
        kept = (bits, bits & self.mask.get("stateful", 0), bits & self.mask.get("sensitive", 0))
        return Count(*(one.bit_count() for one in kept))


def reached(holders: Sequence[Holder], world: World) -> list[Reached]:
    """What each of them reaches, in their order. Raises MalformedPolicy."""
    number_of = {one.principal: number for number, one in enumerate(holders)}
    own = [_own(one, world, number_of) for one in holders]
    found = []
    for number, holder in enumerate(holders):
        with_roles = _closure(number, own)
        bits = dict.fromkeys(LEVELS, 0)
        undecided = 0
        for one in with_roles:
            for level in LEVELS:
                bits[level] |= own[one].level[level]
            undecided |= own[one].undecided
        counts = {
            where: {level: world.count(bits[level] & world.mask[f"in {where}"]) for level in LEVELS}
            for where in world.environments
        }
        becomes = tuple(sorted(holders[one].name for one in with_roles if one != number))
        decided = bits["read"] & bits["write"] & bits["delete"]
        found.append(Reached(holder, counts, (undecided & ~decided).bit_count(), becomes))
    return found


def _own(holder: Holder, world: World, number_of: Mapping[str, int]) -> _Bits:
    context = {f"aws:principaltag/{key.lower()}": (value,) for key, value in holder.tags.items()}
    who = Who(holder.principal, holder.account, holder.policies, context)
    bits = _Bits(becomes={number_of[one] for one in holder.chooses if one in number_of})
    if holder.chooses:
        return bits
    for kind, first, crowd in world.crowds:
        for level in LEVELS:
            act = ACTS[kind].at(level)
            found = answers(who, act.action, crowd, act.of_all)
            bits.level[level] |= found.allowed << first
            bits.undecided |= found.undecided << first
    for crowd in world.trusts:
        for number in _numbers(answers(who, BECOMES, crowd).allowed):
            arn = crowd.items[number].arn
            if arn in number_of and arn != holder.principal:
                bits.becomes.add(number_of[arn])
    return bits


def _numbers(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _closure(first: int, own: Sequence[_Bits]) -> set[int]:
    seen, ahead = {first}, [first]
    while ahead:
        for other in own[ahead.pop()].becomes - seen:
            seen.add(other)
            ahead.append(other)
    return seen
