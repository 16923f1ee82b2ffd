"""Who may be removed: closed by the journal, closed by what AWS shows now, soaked, unused since, and few enough.

The rule: what was not read or not found is a reason to leave the user alone. Pure.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from migrate.errors import PlanRefused
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kind import It
from migrate.names import Ref
from migrate.people.decided import Removal
from migrate.people.removed_user import OfStack, RemovableFacts
from migrate.people.stack_user import StackUser
from migrate.people.users import User
from migrate.plan import Plan

DAY_S = 86_400.0
LAST_OF_CLOSING = "deny_everything"
"""The action that is last in closing: from its proof on the user has no way in."""
_NEVER_USED = frozenset({"", "N/A", "no_information", "not_supported", "never"})
_USES = ("password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date")
"""Columns of the credential report. Source: IAM User Guide, "Generate credential reports", read 2026-11."""


@dataclass(frozen=True, slots=True)
class Report:
    """AWS's credential report: user → latest use of anything that it lists."""

    made_at: float
    uses: Mapping[str, float]
    """Seconds since 1970; 0 where nothing was ever used."""


def read_report(content: str, made_at: float) -> Report:
    """The report's uses. Raises ValueError where it is no such report."""
    rows = csv.DictReader(io.StringIO(content))
    if not {"user", *_USES} <= set(rows.fieldnames or ()):
        raise ValueError(f"it has the columns {rows.fieldnames}")
    return Report(made_at, {row["user"]: max(seconds(row[column]) for column in _USES) for row in rows})


def seconds(text: str | None) -> float:
    """A time as AWS writes it, in seconds since 1970; 0 where there was none."""
    return 0.0 if text is None or text in _NEVER_USED else datetime.fromisoformat(text).timestamp()


def closed_at(runs: Iterable[tuple[Plan, Journal]]) -> dict[str, float]:
    """User → when its closing was proved last, by the journals of all closings. One that was undone does not count."""
    found: dict[str, float] = {}
    for plan, journal in runs:
        for step in plan.steps.values():
            if step.action != LAST_OF_CLOSING:
                continue
            whole = [s for s in plan.steps.values() if s.ref == step.ref]
            if all(journal.state(one.id) == "verified" for one in whole):
                at = max(e.at for e in journal.entries(step.id) if e.event == "verified")
                found[step.ref.name] = max(at, found.get(step.ref.name, 0.0))
    return found


class Use(NamedTuple):
    """One thing that a user was seen at."""

    at: float
    """Seconds since 1970."""
    what: str


@dataclass(frozen=True)
class Evidence:
    """What a decision about removing goes by."""

    spared: Mapping[str, str]
    """Users that are not closed at all, with the reason."""
    closed_at: Mapping[str, float]
    report: Report
    now: float
    """AWS's own time."""
    settings: Removal
    seen: Mapping[str, Use] = field(default_factory=dict)
    """User → the latest thing in CloudTrail's event history since its closing."""


def why_not(name: str, facts: RemovableFacts, by: Evidence) -> str:
    """Why this user is not removed now. Empty: it may be."""
    if name in by.spared:
        return f"is not closed: {by.spared[name]}"
    since = by.closed_at.get(name)
    if since is None:
        return "was not closed by migrate close, or was opened again"
    if not facts.is_quarantined:
        return "is open again: a key is active, or nothing denies it everything"
    left_s = by.settings.soak_days * DAY_S - (by.now - since)
    if left_s > 0:
        return f"was closed on {_day(since)}: {left_s / DAY_S:.1f} of {by.settings.soak_days} days are left"
    used = [
        (f"its key …{key.id_ends_in} was used", seconds(key.last_used)) for key in facts.keys
    ] + [("it signed in", seconds(facts.password_last_used))]  # fmt: skip
    if by.report.made_at < since:
        return f"the credential report is of {_day(by.report.made_at)}, older than its closing"
    if name not in by.report.uses:
        return "is not in AWS's credential report"
    used.append(("the credential report says that it was used", by.report.uses[name]))
    if name in by.seen:
        used.append((by.seen[name].what, by.seen[name].at))
    found = next(((what, at) for what, at in used if at > since), None)
    return f"{found[0]} on {_day(found[1])}, after it was closed: somebody still needs it" if found else ""


def cap(removed: Iterable[str], standing: int, settings: Removal) -> None:
    """Raise PlanRefused where more would be removed than migration.yaml allows."""
    names = sorted(removed)
    over = []
    if len(names) > settings.most:
        over.append(f"identities.removal.most is {settings.most}")
    if len(names) * 100 > settings.most_percent * standing:
        over.append(f"identities.removal.most_percent is {settings.most_percent}, of {standing} users")
    if over:
        raise PlanRefused(
            f"{len(names)} users would be removed, and {' and '.join(over)}; nothing was planned: {', '.join(names)}",
            do="remove fewer at a time (--user NAME, again for each), or raise it in migration.yaml",
        )


def planned(resource: Resource, removed: Mapping[str, User], inventory: Inventory, since: float) -> Resource:
    """The user as it stands in the plan: with its stack where one made it, and when it was closed.

    removed: every user that the plan removes, by name: one change of a template takes all of them out.
    """
    stack = _stack(removed[resource.ref.name], removed, inventory)
    facts = resource.facts | {"closed_at": datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")}
    if stack is None:
        return replace(resource, facts=facts)
    ref = Ref(resource.ref.account, resource.ref.region, StackUser.name, resource.ref.name)
    return replace(resource, ref=ref, facts=facts | {"stack": stack.model_dump(mode="json")})


def _stack(user: User, removed: Mapping[str, User], inventory: Inventory) -> OfStack | None:
    """What of the stack is the removed users' (they and their keys), and what else it made."""
    if user.made_by is None:
        return None
    name = user.made_by.stack
    strange = [key.ends_in for key in user.keys if key.ends_in not in user.keys_made_by]
    named = [one for one in inventory.of("cloudformation.stack") if one.ref.name == name]
    # Stacks of one name may stand in several regions: the one that lists the user comes first.
    found = next(iter(sorted(named, key=lambda one: ("AWS::IAM::User", user.name) not in _made(one).values())), None)
    if found is None:
        return OfStack(name=name, region="", take_out=[], strange_keys=strange, along=[])
    keys = {f"…{end}" for one in removed.values() for end in one.keys_made_by}
    theirs = {("AWS::IAM::User", one) for one in removed} | {("AWS::IAM::AccessKey", one) for one in keys}
    own = {label for label, one in _made(found).items() if one in theirs}
    along = [f"{label} ({sort})" for label, (sort, _) in _made(found).items() if label not in own]
    return OfStack(
        name=name, region=found.ref.region, take_out=sorted(own), strange_keys=strange, along=sorted(along),
        parent=found.facts["parent"],
    )  # fmt: skip


def _made(stack: Resource) -> dict[str, tuple[str, str]]:
    """Logical id → type and physical id."""
    return {label: (one["type"], one["physical_id"]) for label, one in stack.facts["resources"].items()}


def lost(resources: Iterable[It[RemovableFacts]]) -> Iterator[str]:
    """A line for each user: what nobody can bring back."""
    for it in resources:
        yield f"{it.ref.name} (closed {it.facts.closed_at}): {it.facts.lost_for_good}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
