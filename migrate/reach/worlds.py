"""The old account and the planned organisation, as holders and things. Pure.

The rule: both sides are drawn from the same scan and migration.yaml. What AWS names only in the run has a stand-in, the
same wherever it is named.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrate.drafting import Drafting
from migrate.inventory import Inventory, Resource
from migrate.kinds.iam_role import SERVICE_LINKED
from migrate.names import GLOBAL, AccountId, Ref
from migrate.people.decided import Decisions, SetOf
from migrate.people.machines import Wanted
from migrate.people.users import User, documents_by_arn
from migrate.policy_evaluation import Policies
from migrate.policy_evaluation.crowds import Item
from migrate.reach.acts import ACTS, is_sensitive, policy_of
from migrate.reach.counting import ROLE, Holder, Thing
from migrate.values import Json, resolve

STAYS, NOWHERE, SHARED = "stays in legacy", "not placed", "several accounts"
Documents = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True)
class Side:
    """One of the two."""

    holders: tuple[Holder, ...]
    things: tuple[Thing, ...]
    left_out: tuple[str, ...]
    """What is not counted, with why."""


@dataclass(frozen=True)
class Ground:
    """What both sides are drawn from."""

    inventory: Inventory
    drafting: Drafting
    users: Sequence[User]
    decided: Decisions
    machines: Sequence[Wanted]
    sensitive: frozenset[str]
    """Aliases of accounts in which nobody has access for good."""
    documents: Documents = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", documents_by_arn(self.inventory))

    def aliases(self, ref: Ref) -> tuple[str, ...]:
        """Where a resource goes."""
        placed = self.drafting.placement.placed.get(ref)
        return placed.accounts if placed is not None else ()


class _StandIns(Mapping[tuple[str, str], str]):
    """A name for everything that AWS names only in the run."""

    def __getitem__(self, key: tuple[str, str]) -> str:
        return f"named-in-the-run-{hashlib.sha256('|'.join(key).encode()).hexdigest()[:12]}"

    def __iter__(self) -> Iterator[tuple[str, str]]:
        raise TypeError("they are made as they are asked for")

    def __len__(self) -> int:
        raise TypeError("they are made as they are asked for")


_KNOWN = _StandIns()


def _renamed(ground: Ground, account: AccountId, region: Any, value: Json) -> Json:
    return resolve(ground.drafting.rewriter(account, region)(value).value, _KNOWN, lambda sealed: sealed)


def before(ground: Ground) -> Side:
    """The old account: its users and roles, and everything in it that is asked about."""
    account = ground.inventory.account
    holders = [_user(one, ground.documents) for one in ground.users]
    holders += [
        _role(one.ref.name, one.arn, account, one.facts, ground.documents, one.tags)
        for one in ground.inventory.of(ROLE)
        if SERVICE_LINKED not in one.arn
    ]
    things = []
    for one in _asked_about(ground.inventory):
        where = ground.aliases(one.ref)
        label = where[0] if len(where) == 1 else SHARED if where else NOWHERE
        label = STAYS if label == "legacy" else label
        things.append(_thing(ground, one, account, label, where, one.arn, policy_of(one.ref.kind, one.facts)))
    return Side(tuple(holders), tuple(things), _not_asked_about(ground.inventory))


def _asked_about(inventory: Inventory) -> Iterator[Resource]:
    return (one for one in inventory.resources if one.ref.kind in ACTS and one.arn)


def _not_asked_about(inventory: Inventory) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for one in inventory.resources:
        if one.ref.kind not in ACTS or not one.arn:
            counts[one.ref.kind] = counts.get(one.ref.kind, 0) + 1
    return tuple(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _thing(
    ground: Ground, one: Resource, account: str, label: str, where: Iterable[str], arn: str,
    policy: Mapping[str, Json] | None,
) -> Thing:  # fmt: skip
    kind = ground.drafting.kinds[one.ref.kind]
    secret = is_sensitive(one.ref.kind, one.facts) or not ground.sensitive.isdisjoint(where)
    return Thing(
        one.ref.kind, one.ref.name, account, label, Item(arn, one.ref.region, one.tags, policy), kind.stateful, secret
    )


def _user(user: User, documents: Documents) -> Holder:
    held = [one for one in user.policies if one.document is not None]
    unread = [str(one) for one in user.policies if one.document is None]
    boundary = documents.get(user.boundary) if user.boundary else None
    if user.boundary and boundary is None:
        unread.append(f"boundary {user.boundary}")
    identity = tuple(one.document for one in held if one.document is not None)
    policies = Policies(identity=identity, boundary=boundary)
    return Holder("user", user.name, user.ref.account, user.arn, policies, user.tags, tuple(unread))


def _role(
    name: str, arn: str, account: str, facts: Mapping[str, Json], documents: Documents, tags: Mapping[str, str],
    where: str = "",
) -> Holder:  # fmt: skip
    attached = [str(one) for one in facts["attached"]]
    unread = [arn.rpartition("/")[2] for arn in attached if arn not in documents]
    boundary = documents.get(facts["boundary"]) if facts.get("boundary") else None
    if facts.get("boundary") and boundary is None:
        unread.append(f"boundary {facts['boundary']}")
    identity = (*facts["inline"].values(), *(documents[one] for one in attached if one in documents))
    policies = Policies(identity=identity, boundary=boundary)
    said = f"{name} in {where}" if where else name
    return Holder("role", said, account, arn, policies, tags, tuple(unread), tuple(_lets_in(facts["trust"], account)))


def _lets_in(trust: Mapping[str, Json], account: str) -> Iterator[str]:
    """Who may become a role besides principals of its own account."""
    statements = trust.get("Statement") or ()
    found: set[str] = set()
    for one in [statements] if isinstance(statements, Mapping) else statements:
        principal = one.get("Principal") if one.get("Effect") == "Allow" else None
        named = {"AWS": principal} if isinstance(principal, str) else principal or {}
        for names in named.values():
            found |= {str(text) for text in (names if isinstance(names, list | tuple) else [names])}
    return (text for text in sorted(found) if f"::{account}:" not in text and text != account)


def planned(ground: Ground) -> Side:
    """The organisation: permission sets and machine roles in each target, and everything where it goes."""
    things: list[Thing] = []
    holders = list(_sets(ground))
    holders += _people(ground)
    staying = 0
    for one in _asked_about(ground.inventory):
        places = ground.drafting.places(one.ref)
        staying += not places
        policy = policy_of(one.ref.kind, one.facts)
        for place in places:
            alias = ground.drafting.config.alias(place.account)
            arn = str(_renamed(ground, place.account, one.ref.region, one.arn))
            own = _renamed(ground, place.account, one.ref.region, policy) if policy is not None else None
            things.append(_thing(ground, one, place.account, alias, (alias,), arn, own))
            if one.ref.kind == ROLE and SERVICE_LINKED not in one.arn:
                holders.append(_moved_role(ground, one, place.account, arn, alias))
    ready, unknown = _machines(ground)
    left_out = [f"{staying} things that stay in legacy or are not placed"] if staying else []
    left_out += [f"{name}: its account is not under targets, so its id is not known" for name in unknown]
    left_out.append("service control policies: they only ever take away")
    return Side((*holders, *ready), tuple(things), tuple(left_out))


def _moved_role(ground: Ground, one: Resource, account: AccountId, arn: str, alias: str) -> Holder:
    def renamed(value: Json) -> Json:
        return _renamed(ground, account, GLOBAL, value)

    own = {name: renamed(ground.documents[name]) for name in one.facts["attached"] if name in ground.documents}
    limit = one.facts.get("boundary")
    if limit and limit in ground.documents:
        own[limit] = renamed(ground.documents[limit])
    facts = one.facts | {"inline": renamed(one.facts["inline"]), "trust": renamed(one.facts["trust"])}
    return _role(one.ref.name, arn, account, facts, own, one.tags, alias)


def _sets(ground: Ground) -> Iterator[Holder]:
    for name, alias in sorted(_assigned(ground, ground.decided.groups)):
        found = ground.decided.permission_sets.get(name, SetOf())
        by_aws, unread = ground.decided.managed_of(found, ground.documents)
        account, principal = ground.drafting.config.account(alias), _principal(ground, name, alias)
        policies = Policies(identity=(*ground.decided.documents_of(found), *by_aws))
        yield Holder("permission set", f"{name} in {alias}", account, principal, policies, {}, tuple(unread))


def _assigned(ground: Ground, groups: Iterable[str]) -> set[tuple[str, str]]:
    """Permission sets that these groups have, each with the alias of its account."""
    return {
        (one.permission_set, alias)
        for name in groups
        if name in ground.decided.groups
        for one in ground.decided.groups[name].assign
        for alias in one.accounts
        if alias in ground.drafting.config.targets
    }


def _people(ground: Ground) -> Iterator[Holder]:
    """One login for all of a person's permission sets: who steals it has them all."""
    for person in ground.decided.people:
        chooses = tuple(sorted(_principal(ground, *one) for one in _assigned(ground, person.groups)))
        if chooses:
            yield Holder("person", person.user or person.name, "", f"person {person.name}", Policies(), chooses=chooses)


def _principal(ground: Ground, name: str, alias: str) -> str:
    """The session of a permission set, as Identity Center names its role; the sixteen characters at the end are AWS's.

    Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies", read 2026-11.
    """
    account = ground.drafting.config.account(alias)
    return f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{name}_0123456789abcdef/somebody"


def _machines(ground: Ground) -> tuple[list[Holder], list[str]]:
    """Holders of what `identities` wants for machines, and names of those whose account is not known."""
    ready, unknown = [], []
    for one in ground.machines:
        if one.kind not in (ROLE, "iam.user"):
            continue
        if one.account not in ground.drafting.config.targets:
            unknown.append(f"{one.kind} {one.name} in {one.account}")
            continue
        account = ground.drafting.config.account(one.account)
        sort = "role" if one.kind == ROLE else "user"
        facts = {"attached": (), "trust": {}} | dict(one.facts)
        arn = f"arn:aws:iam::{account}:{sort}/{one.name}"
        holder = _role(one.name, arn, account, facts, ground.documents, {}, one.account)
        ready.append(holder if sort == "role" else Holder(sort, holder.name, account, arn, holder.policies))
    return ready, unknown
