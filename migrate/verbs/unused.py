"""migrate report unused: rights that nobody used, as AWS saw it. Nothing is taken away.

The rule: it starts jobs in IAM that look at its own records and change nothing, under a permit of its own; a scan never
sends them. What AWS could not say is unknown, and the verb ends with 6 where it was not let ask.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from migrate.aws import Permit, ReadFailed, Site, permitted
from migrate.errors import Incomplete
from migrate.kinds.iam_role import AWS_PATHS
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, typed
from migrate.out import Out
from migrate.people import unused as rights
from migrate.people.permissions import LAST_ACCESSED, MADE
from migrate.people.unused import Asked, Service, Sort, Verdict, Window
from migrate.people.users import documents_by_arn
from migrate.verbs.beginning import open_aws
from migrate.verbs.people import Looked, look

JOB_S = 300.0
"""How long AWS may take for one report. A judgement: "recent activity appears within four hours", a report in
seconds."""
SHOWN = 8


def unused(out: Out, folder: Path, *, days: int, inventory: Path | None) -> int:
    """Say what nobody used. Exit 0; 6 where AWS did not let us ask about somebody."""
    migration = Migration(folder)
    looked = look(migration, inventory)
    blind = tuple(sorted(set(migration.config.legacy.regions) - rights.TRACKED_REGIONS))
    aws = open_aws(migration, out, targets=False)
    site = aws.site(AccountId(migration.config.legacy.account), GLOBAL, kind="iam.last_accessed")
    asked = _all(site, list(_subjects(looked)))
    window = Window(days, blind)
    verdicts = [rights.judge(one, window) for one in asked]
    aliases = tuple(migration.config.targets)
    verdicts += rights.of_sets(looked.decided, asked, aliases, documents_by_arn(looked.inventory), window)
    unread = [one for one in asked if one.unread]
    out.result(
        "\n".join(line for one in verdicts for line in _lines(one, days)),
        {
            "days": days, "not_seen": rights.NOT_SEEN, "regions_not_tracked": list(blind),
            "verdicts": [one.as_json() for one in verdicts],
            "unread": {f"{one.sort} {one.name}": one.unread for one in unread},
        },
    )  # fmt: skip
    spare = sum(1 for one in verdicts if one.unused or one.unused_actions)
    out.say(f"{spare} of {len(verdicts)} hold rights that nobody used for {days} days; nothing was taken away")
    out.say(f"not seen by AWS: {rights.NOT_SEEN}")
    if unread:
        raise Incomplete(
            f"{len(unread)} could not be asked about, the first: {unread[0].sort} {unread[0].name}: {unread[0].unread}",
            do="let the role in legacy do what migrate policy --for unused prints, then type the same again",
        )
    if spare:
        out.say(
            f"next: take a service out of a set in {typed(folder / 'migration.yaml')} where its people agree, and "
            f"migrate org plan {typed(folder)}; a role's policy is changed in legacy before it moves"
        )
    return 0


def _subjects(looked: Looked) -> Iterator[Asked]:
    """Every user, every group, and every role that moves, with what their policies name."""
    managed = documents_by_arn(looked.inventory)
    sorts: tuple[tuple[Sort, str], ...] = (("user", "iam.user"), ("group", "iam.group"), ("role", "iam.role"))
    for sort, kind in sorts:
        for one in looked.inventory.of(kind):
            if sort == "role" and (not looked.drafting.places(one.ref) or any(path in one.arn for path in AWS_PATHS)):
                continue
            held = [managed[arn] for arn in one.facts["attached"] if arn in managed]
            granted = rights.named_actions([*one.facts["inline"].values(), *held])
            yield Asked(sort, one.ref.name, one.arn, granted=granted)


def _all(site: Site, subjects: list[Asked]) -> list[Asked]:
    """The same with AWS's answers."""
    made = _made(site)
    with permitted(Permit(LAST_ACCESSED)):
        answers = site.map(partial(_report, site), [one.arn for one in subjects])
    return [
        replace(answer, sort=one.sort, name=one.name, since=made.get(one.arn), granted=one.granted)
        for one, answer in zip(subjects, answers, strict=True)
    ]


def _made(site: Site) -> dict[str, float]:
    """ARN → when it was made. What is refused is not in it, and nothing of it is called unused then."""
    found: dict[str, float] = {}
    with permitted(Permit(MADE, scan=True)):
        for operation, key in (("ListUsers", "Users"), ("ListGroups", "Groups"), ("ListRoles", "Roles")):
            try:
                for one in site.pages(f"iam.{operation}", key):
                    found[str(one["Arn"])] = one["CreateDate"].timestamp()
            except ReadFailed:
                continue
    return found


def _report(site: Site, arn: str) -> Asked:
    """One report, or why there is none."""

    def none(why: str) -> Asked:
        return Asked("user", "", arn, unread=why)

    try:
        job = site.call("iam.GenerateServiceLastAccessedDetails", Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
        until = monotonic() + JOB_S
        while True:
            first = site.call("iam.GetServiceLastAccessedDetails", JobId=job)
            if first["JobStatus"] != "IN_PROGRESS":
                break
            if monotonic() >= until:
                return none("AWS did not finish its report")
            sleep(0.5)
        if first["JobStatus"] != "COMPLETED":
            said = (first.get("Error") or {}).get("Message") or "no reason given"
            return none(f"AWS made no report: {said}")
        services = list(first.get("ServicesLastAccessed") or ())
        page = first
        while page.get("IsTruncated"):
            page = site.call("iam.GetServiceLastAccessedDetails", JobId=job, Marker=page["Marker"])
            services += page.get("ServicesLastAccessed") or ()
    except ReadFailed as error:
        return none(f"{error.operation}: {error.reason}: {error.said}")
    at = _at(first.get("JobCompletionDate"))
    if at is None:
        return none("AWS does not say when it made its report")
    return Asked("user", "", arn, tuple(map(_service, services)), at)


def _service(found: Mapping[str, Any]) -> Service:
    actions = {
        str(one["ActionName"]).rpartition(":")[2]: _at(one.get("LastAccessedTime"))
        for one in found.get("TrackedActionsLastAccessed") or ()
    }
    return Service(str(found["ServiceNamespace"]).lower(), _at(found.get("LastAuthenticated")), actions)


def _at(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())


def _lines(one: Verdict, days: int) -> Iterator[str]:
    about = f"{one.sort} {one.name}"
    if one.people:
        about += f", of {len(one.people)} people: {_some(one.people)}"
    of = len(one.used) + len(one.unused)
    if of:
        yield f"{about}: {len(one.unused)} of {of} services not used for {days} days"
    else:
        yield f"{about}: {'unknown' if one.unknown else 'no policy grants it any service'}"
    if one.unused:
        yield f"    not used: {_some(one.unused)}"
    if one.unused_actions:
        yield f"    not used in services that are: {_some(one.unused_actions)}"
    yield from (f"    unknown: {said}" for said in one.unknown[:SHOWN])
    if len(one.unknown) > SHOWN:
        yield f"    and {len(one.unknown) - SHOWN} more unknown: --json has all"


def _some(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - SHOWN} more (--json)" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
