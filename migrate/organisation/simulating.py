"""Guard rails tried against recent calls before they are attached: what each would have denied, and to whom. Pure.

The rule: a rail is tried alone, because what is attached already let these calls pass. What could not be read or
decided is said, never counted as harmless.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.config import Config
from migrate.files import canonical
from migrate.organisation import guard_rails, wishes
from migrate.organisation.activity import Activity
from migrate.organisation.difference import Todo
from migrate.organisation.section import Organisation
from migrate.policy_evaluation import FULL_AWS_ACCESS, MalformedPolicy, Simulation, simulate
from migrate.values import Json

LEGACY = "legacy"
OURS = "migrate-aws/"
"""How this tool's own calls begin their user agent: they are made by roles that no rail stops, or in legacy once."""
SHOWN = 5


@dataclass(frozen=True)
class Tried:
    """One rail against the recent calls of one account."""

    rail: str
    activity: Activity
    found: Simulation
    spared: int
    """Calls that pass only because their role is exempt: denied once the exemption of the migration's roles ends."""
    failed: str = ""
    """Why it could not be tried."""

    @property
    def denied(self) -> int:
        """How many calls it would have denied."""
        return sum(row.calls for row in self.found.denied if row.verdict == "denied")


def rails_to_try(section: Organisation, config: Config, todo: Todo) -> dict[str, tuple[str, ...]]:
    """Alias (or `legacy`) → the rails that begin to hold, or change, by this plan for what is called there."""
    new = {one.ref.name for one in todo.resources if one.ref.kind == wishes.POLICY}
    new |= {
        guard_rails.apart(one.ref.name)[0]
        for one in todo.resources
        if one.ref.kind == "organizations.policy_attachment"
    }
    tried = {alias: _ordered(new, holding(section, alias)) for alias, _, _ in section.every_account()}
    # Legacy's calls show what its workloads do: they are tried against the rails of the accounts that they move to.
    places = [alias for alias in config.targets if alias in tried]
    rails = [*section.guard_rails.everywhere, *_of_unit(section, section.legacy.unit)]
    if places:
        rails += [rail for alias in places for rail in holding(section, alias)]
    else:
        rails += [rail for _, unit in section.every_unit() for rail in unit.guard_rails]
    tried[LEGACY] = _ordered(new, rails)
    return {name: those for name, those in tried.items() if those}


def asks_for_the_region(section: Organisation, regions: tuple[str, ...], rails: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one of the rails depends on where a call is made: only then is every region looked at."""
    own, setting = section.guard_rails.documents, wishes.setting(section, regions)
    known = {rail for those in rails.values() for rail in those} & set(guard_rails.known(own))
    return any(b"requestedregion" in canonical(guard_rails.document(rail, own, setting)).lower() for rail in known)


def holding(section: Organisation, alias: str) -> list[str]:
    """The rails that hold for an account: on the root, on each unit above it, and its own."""
    found = next((one for one in section.every_account() if one[0] == alias), None)
    own = list(found[1].guard_rails) if found else []
    return [*section.guard_rails.everywhere, *(_of_unit(section, found[2]) if found else ()), *own]


def _of_unit(section: Organisation, path: str) -> Iterator[str]:
    for above, unit in section.every_unit():
        if path == above or path.startswith(f"{above}/"):
            yield from unit.guard_rails


def _ordered(new: set[str], rails: Sequence[str]) -> tuple[str, ...]:
    return tuple(rail for rail in dict.fromkeys(rails) if rail in new)


def try_rails(
    section: Organisation, regions: tuple[str, ...], rails: Mapping[str, tuple[str, ...]], seen: Sequence[Activity]
) -> list[Tried]:
    """Try each account's rails against its recent calls. `regions`: legacy's."""
    own, setting = section.guard_rails.documents, wishes.setting(section, regions)
    known = set(guard_rails.known(own))
    bare = setting.when_over()
    tried = []
    for activity in seen:
        events = theirs(activity)
        for rail in rails.get(activity.name, ()):
            if rail in known and events:
                documents = (guard_rails.document(rail, own, setting), guard_rails.document(rail, own, bare))
                tried.append(_try(rail, activity, events, *documents))
    return tried


def theirs(activity: Activity) -> list[Mapping[str, Any]]:
    """The calls that this tool did not make."""
    return [one for one in activity.events if OURS not in str(one.get("CloudTrailEvent", ""))]


def _try(
    rail: str, activity: Activity, events: Sequence[Mapping[str, Any]], document: dict[str, Json], bare: dict[str, Json]
) -> Tried:
    try:
        found = simulate(((FULL_AWS_ACCESS, document),), events)
        without = found if bare == document else simulate(((FULL_AWS_ACCESS, bare),), events)
    except MalformedPolicy as error:
        return Tried(rail, activity, Simulation((), len(events), 0, 0, {}), 0, str(error))
    spared = sum(row.calls for row in without.denied) - sum(row.calls for row in found.denied)
    return Tried(rail, activity, found, max(0, spared))


def findings(tried: Sequence[Tried], rails: Mapping[str, tuple[str, ...]], seen: Sequence[Activity], page: str,
             absent: Sequence[str]) -> Iterator[str]:  # fmt: skip
    """What a reader of the plan has to know, what is denied first. `absent`: accounts that do not stand yet."""
    for one in sorted(tried, key=lambda each: -each.denied):
        if one.failed:
            yield f"guard rail {one.rail} could not be tried against recent calls: {one.failed}"
        elif one.found.denied or one.spared:
            yield _sentence(one, page)
    harmless = Counter(one.activity.name for one in tried if not (one.failed or one.found.denied or one.spared))
    for name, count in harmless.items():
        events = next(len(theirs(one)) for one in seen if one.name == name)
        yield f"{count} guard rails deny none of {events} recent calls in {name}"
    for activity in seen:
        for said in activity.unseen:
            yield f"guard rails could not be simulated against recent calls in {activity.name}: {said}"
        if activity.cut:
            yield f"not every recent call in {activity.name} was read: no {', no '.join(activity.cut)}"
        if not (theirs(activity) or activity.unseen):
            yield f"CloudTrail shows no recent calls in {activity.name}: guard rails are tried against nothing there"
    if absent:
        yield f"guard rails are not tried in accounts that do not stand yet: {', '.join(absent)}"
    if rails and not seen:
        yield "guard rails could not be simulated: no account with recent calls can be read"


def _sentence(one: Tried, page: str) -> str:
    counts = Counter[str]()
    for row in one.found.denied:
        counts[row.verdict] += row.calls
    rows = [
        f"{row.calls} x {row.action} by {row.principal}" + ("" if row.verdict == "denied" else " (not decidable)")
        for row in one.found.denied[:SHOWN]
    ]
    more = len(one.found.denied) - len(rows)
    said = f"guard rail {one.rail} would have denied {counts['denied']} of {one.found.events} recent calls in "
    said += one.activity.name
    if counts["could not be decided"]:
        said += f", {counts['could not be decided']} could not be decided"
    if one.spared:
        said += f"; {one.spared} more pass only because the migration's roles are exempt"
    said += f": {', '.join(rows)}" if rows else ""
    return said + (f" and {more} more, in {page}" if more else "")


def page(tried: Sequence[Tried], seen: Sequence[Activity]) -> str:
    """Everything that was found, as Markdown for people."""
    lines = ["# Guard rails against recent calls", "", "Each rail alone, against the management events of CloudTrail: "
             "90 days at most. Data events (objects, rows, messages) are not in it.", ""]  # fmt: skip
    for activity in seen:
        lines += [
            f"## {activity.name} ({activity.account})",
            "",
            f"{len(theirs(activity))} calls read, beside this tool's own.",
        ]
        lines += [f"Not read: {said}." for said in (*activity.cut, *activity.unseen)] + [""]
        for one in tried:
            if one.activity is activity:
                lines += [f"### {one.rail}", "", one.failed or str(one.found).splitlines()[0] + ".", ""]
                lines += (
                    [f"{one.spared} calls pass only because the migration's roles are exempt.", ""]
                    if one.spared
                    else []
                )
                lines += [f"- {row}" for row in str(one.found).splitlines()[1:]] + [""]
    return "\n".join(lines).rstrip() + "\n"
