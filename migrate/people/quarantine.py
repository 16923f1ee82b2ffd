"""Closing the old users: reversibly, only where people asked for it, and removal through whatever made them.

The rule: nothing here deletes. A key is set inactive and a policy denies everything; both are taken back as they were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.inventory import Inventory, Resource
from migrate.kind import Kind, Place, Request
from migrate.people.classify import Classified
from migrate.people.decided import Decisions, Removal
from migrate.people.users import User
from migrate.values import Json, shown

SOAK_DAYS = Removal().soak_days
"""Days between closing and removing, where migration.yaml does not say it."""

NEVER = frozenset({"break-glass", "unknown"})
"""Classes that are not closed: what was kept for the worst day, and what nobody has explained."""


@dataclass(frozen=True, slots=True)
class Closed:
    """One user with what closes it, what opens it again, and what removes it in the end."""

    user: User
    is_: str
    requests: tuple[Request, ...]
    """To the old account, in order; each with its undo."""
    removal: tuple[str, ...]
    """What a person does after the soak."""

    def as_json(self) -> dict[str, Json]:
        """For --json. Ids of keys stay sealed."""
        return {
            "user": self.user.name,
            "is": self.is_,
            "requests": [{"operation": one.operation, "params": shown(one.params)} for one in self.requests],
            "undo": [
                {"operation": one.undo.operation, "params": shown(one.undo.params)} for one in self.requests if one.undo
            ],
            "soak_days": SOAK_DAYS,
            "removal": list(self.removal),
        }


@dataclass(frozen=True, slots=True)
class Quarantine:
    """All that is closed, and what is not, with the reason."""

    closed: tuple[Closed, ...]
    spared: Mapping[str, str]


def quarantine(
    classified: Iterable[Classified], decided: Decisions, inventory: Inventory, kind: Kind[Any]
) -> Quarantine:
    """What closing would send. Nothing at all unless `identities.quarantine` is true.

    `kind`: the kind whose actions close a user. A person is closed once permission sets are assigned; a machine once
    something in `github` or `vendors` replaces it.
    """
    if not decided.quarantine:
        return Quarantine((), {})
    replaced = {one.replaces for one in decided.github} | {one.replaces for one in decided.vendors}
    closed: list[Closed] = []
    spared: dict[str, str] = {}
    for one in classified:
        why = _why_not(one, decided, replaced)
        if why:
            spared[one.user.name] = why
            continue
        requests = requests_of(inventory.by_ref[one.user.ref], kind)
        closed.append(Closed(one.user, one.is_, requests, removal(one.user)))
    return Quarantine(tuple(closed), spared)


def requests_of(resource: Resource, kind: Kind[Any]) -> tuple[Request, ...]:
    """What the kind's actions send for one user."""
    it = kind.typed(resource)
    place = Place("", resource.ref.account, resource.ref.region, resource.ref.name)
    return tuple(request for action in kind.actions if action.applies(it) for request in action.requests(it, place))


def removal(user: User) -> tuple[str, ...]:
    """How a user is removed after the soak, through whatever made it.

    Source of the order by hand: iam.DeleteUser, botocore 1.44.5.
    """
    if made := user.made_by:
        what = made.logical_id or f"the resource {user.name}"
        labels = sorted(one.logical_id for one in user.keys_made_by.values())
        keys = f" and {', '.join(labels)}" if labels else ""
        return (
            f"take the quarantine's policy from {user.name}: IAM refuses to delete a user that holds a policy, and "
            "the stack knows only those that it made (that it stops there is unverified)",
            f"take {what}{keys} out of the template of stack {made.stack} and deploy it: deleted by hand, the stack "
            "would no longer be what its template says",
        )
    parts = [
        "its password" if user.has_password else "",
        f"{len(user.keys)} access keys" if user.keys else "",
        "SSH keys, signing certificates and credentials of single services, if it has any",
        "its MFA devices" if user.has_mfa else "",
        "its inline and attached policies",
        f"its membership in {', '.join(user.groups)}" if user.groups else "",
    ]
    return (f"delete {'; '.join(part for part in parts if part)}; then the user {user.name}",)


def _why_not(one: Classified, decided: Decisions, replaced: set[str]) -> str:
    name = one.user.name
    if one.is_ in NEVER:
        return f"is {one.is_}: nothing is closed that may be needed and that nobody has explained"
    if one.is_ == "machine" and name not in replaced:
        return "is a machine that nothing in identities.github or identities.vendors replaces"
    if one.is_ == "human":
        person = decided.person(name)
        groups = set(person.groups) if person else set()
        if not any(decided.groups[group].assign for group in groups & decided.groups.keys()):
            return "is a person without an assignment: they would have no way in"
    return ""
