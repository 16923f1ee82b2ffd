"""What rights nobody used: by AWS's last accessed information, for users, groups, roles and permission sets. Pure.

The rule: unused is only what AWS was asked about and says it has not seen; everything that it cannot say is unknown.

Source: IAM User Guide, "Refine permissions in AWS using last accessed information"; iam.GetServiceLastAccessedDetails,
botocore 1.44.5; both read 2026-11.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from migrate.people.decided import Decisions, SetOf
from migrate.people.statements import pattern, statements_of
from migrate.values import Json

DAY_S = 86_400.0
MOST_DAYS = 400
"""How far back AWS keeps what it saw of services, "at least 400 days". Source: as for this module."""
TRACKED_REGIONS = frozenset(
    {
        "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
        "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ca-central-1", "eu-central-1",
        "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1",
        "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1",
        "us-west-1", "us-west-2",
    }
)  # fmt: skip
"""Regions in which AWS tracks it, "if a Region is not listed, that Region does not yet provide" it. Source: the same
page, "Where AWS tracks last accessed information", read 2026-11. What is used in another region is not seen."""
NOT_SEEN = (
    "calls that a data plane serves (objects, rows, messages) are told by service and not by action; iam:PassRole is "
    "never tracked; a call that was refused counts as a use; the last four hours may be missing; what policies of "
    "resources grant is not in it"
)

Sort = Literal["user", "group", "role", "permission set"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service that somebody's policies allow, as AWS reports it. Times: seconds since 1970, None: not seen."""

    namespace: str
    last: float | None
    actions: Mapping[str, float | None] = field(default_factory=dict)
    """Those that AWS tracks, without prefix, as far as the policies allow them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What AWS answered about one user, group or role."""

    sort: Sort
    name: str
    arn: str
    services: tuple[Service, ...] = ()
    at: float = 0.0
    """When AWS finished its report, by its own clock: one of ours that is ahead would make everything look unused."""
    since: float | None = None
    """When it was made; None where that could not be read."""
    unread: str = ""
    """Why there is no answer; empty: there is one."""
    granted: tuple[str, ...] = ()
    """The actions that its policies name letter by letter."""


@dataclass(frozen=True)
class Verdict:
    """What somebody's policies allow, sorted by whether it was used."""

    sort: Sort
    name: str
    used: tuple[str, ...] = ()
    """Services."""
    unused: tuple[str, ...] = ()
    """Services of which nothing was used."""
    unused_actions: tuple[str, ...] = ()
    """Of services that were used: tracked actions that were not."""
    unknown: tuple[str, ...] = ()
    """What cannot be said, each with why."""
    people: tuple[str, ...] = ()
    """Of a permission set: who it is for."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "sort": self.sort, "name": self.name, "used": list(self.used), "unused": list(self.unused),
            "unused_actions": list(self.unused_actions), "unknown": list(self.unknown), "people": list(self.people),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """Since when something counts as used."""

    days: int
    blind: tuple[str, ...] = ()
    """Regions of the migration in which AWS tracks nothing."""

    def holds(self, one: Asked, last: float | None) -> bool:
        """Whether a use lies in it."""
        return last is not None and last >= one.at - self.days * DAY_S

    def why_not(self, one: Asked) -> str:
        """Why nothing of it can be called unused, or nothing."""
        if self.blind:
            return f"AWS tracks nothing in {', '.join(self.blind)}"
        if one.since is None:
            return "when it was made could not be read"
        if one.at - one.since < self.days * DAY_S:
            return f"it is {max(0, int((one.at - one.since) / DAY_S))} days old, younger than {self.days} days"
        return ""


def judge(one: Asked, window: Window) -> Verdict:
    """What of one user's, group's or role's rights was used in the window, by AWS's word."""
    if one.unread:
        return Verdict(one.sort, one.name, unknown=(one.unread,))
    why_not = window.why_not(one)
    used, unused, unused_actions, unknown = [], [], [], []
    for service in one.services:
        if not window.holds(one, service.last):
            if why_not:
                unknown.append(f"{service.namespace}: {why_not}")
            else:
                unused.append(service.namespace)
            continue
        used.append(service.namespace)
        idle = [name for name, last in service.actions.items() if not window.holds(one, last)]
        if why_not:
            unknown += [f"{service.namespace}:{name}: {why_not}" for name in idle]
        else:
            unused_actions += [f"{service.namespace}:{name}" for name in idle]
        tracked = {f"{service.namespace}:{name}".lower() for name in service.actions}
        unknown += [
            f"{action}: AWS does not track it"
            for action in one.granted
            if action.lower().startswith(f"{service.namespace}:") and action.lower() not in tracked
        ]
    return Verdict(
        one.sort, one.name, tuple(sorted(used)), tuple(sorted(unused)), tuple(sorted(unused_actions)),
        tuple(sorted(unknown)),
    )  # fmt: skip


def named_actions(documents: Iterable[Mapping[str, Json]]) -> tuple[str, ...]:
    """The actions that these policies allow letter by letter, sorted."""
    found = {
        action
        for document in documents
        for one in statements_of(document)
        if one.effect == "Allow"
        for action in one.actions
        if not set("*?") & set(action)
    }
    return tuple(sorted(found))


def of_sets(
    decided: Decisions, asked: Iterable[Asked], aliases: Sequence[str], managed: Mapping[str, Mapping[str, Json]],
    window: Window,
) -> list[Verdict]:  # fmt: skip
    """What of each permission set none of its people used in the old account: who else may get it is not known.

    `managed`: documents of AWS's own policies by ARN. A set that nobody of the old users is assigned says so.
    """
    people = {one.name: one for one in asked if one.sort == "user"}
    verdicts = []
    for name, found in sorted(decided.permission_sets.items()):
        those = sorted(user for user in people if any(name in decided.sets_of(user, alias) for alias in aliases))
        verdicts.append(_of_set(name, found, [people[user] for user in those], decided, managed, window))
    return verdicts


def _of_set(
    name: str, found: SetOf, people: Sequence[Asked], decided: Decisions,
    managed: Mapping[str, Mapping[str, Json]], window: Window,
) -> Verdict:  # fmt: skip
    if not people:
        return Verdict("permission set", name, unknown=("nobody who has a user in the old account is assigned it",))
    by_aws, unread = decided.managed_of(found, managed)
    documents: list[Mapping[str, Json]] = [*decided.documents_of(found), *by_aws]
    unknown = [f"{policy}: nobody has read this policy" for policy in unread]
    unknown += [f"{one.name}: {one.unread}" for one in people if one.unread]
    used: set[str] = set()
    unused: set[str] = set()
    doubtful: dict[str, str] = {}
    for one in people:
        why_not = window.why_not(one) if not one.unread else one.unread
        for service in one.services:
            if not _allows(documents, service.namespace):
                continue
            if window.holds(one, service.last):
                used.add(service.namespace)
            elif why_not:
                doubtful[service.namespace] = f"{one.name}: {why_not}"
            else:
                unused.add(service.namespace)
    if any(one.unread for one in people):
        # Somebody of whom nothing is known may use any of it.
        doubtful |= dict.fromkeys(unused, "one of its people could not be asked about")
    unknown += [f"{space}: {why}" for space, why in sorted(doubtful.items()) if space not in used]
    return Verdict(
        "permission set", name, tuple(sorted(used)), tuple(sorted(unused - used - doubtful.keys())), (),
        tuple(unknown), tuple(one.name for one in people),
    )  # fmt: skip


def _allows(documents: Iterable[Mapping[str, Any]], namespace: str) -> bool:
    """Whether any statement allows something of the service."""
    for document in documents:
        for one in statements_of(document):
            if one.effect != "Allow":
                continue
            if one.not_actions:
                if f"{namespace}:*" not in (text.lower() for text in one.not_actions):
                    return True
            elif any(_is_of(action, namespace) for action in one.actions):
                return True
    return False


def _is_of(action: str, namespace: str) -> bool:
    return pattern(action.partition(":")[0], any_case=True).fullmatch(namespace) is not None
