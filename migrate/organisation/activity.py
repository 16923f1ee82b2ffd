"""What was called lately in an account, as CloudTrail keeps it: what guard rails are tried against before they hold.

The rule: how far back it was looked, and what was not shown, is said; a refused read is never "nothing was called".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from migrate.aws import Aws, Permit, ReadFailed, Site, home_region, permitted
from migrate.errors import AccessError
from migrate.names import AccountId, Region

READS = frozenset({"cloudtrail.LookupEvents", "ec2.DescribeRegions"})
"""Source: cloudtrail.LookupEvents, botocore 1.44.5: management events of 90 days, 50 on a page, two pages a second in
each account and region."""
MOST = 1000
"""Events of one sort that are read in one region: ten seconds at AWS's pace."""
SORTS = {"false": "writes", "true": "reads"}


@dataclass(frozen=True)
class Activity:
    """The recent calls of one account, the newest first in each region."""

    account: AccountId
    name: str
    """How people call it: legacy, or an alias."""
    events: tuple[Mapping[str, Any], ...] = ()
    """As cloudtrail.LookupEvents gives them."""
    cut: tuple[str, ...] = ()
    """`writes in eu-west-1 before 2026-11-20`: where there was more than is read."""
    unseen: tuple[str, ...] = ()
    """What could not be read, and why."""


class Refused(NamedTuple):
    """One lookup that was not answered."""

    said: str
    where: str


def recent(
    aws: Aws, account: AccountId, name: str, regions: Sequence[str], *, is_everywhere: bool, most: int = MOST
) -> Activity:
    """Read an account's recent management events, in these regions and where global services keep theirs.

    is_everywhere: in every region that the account has enabled. Never raises for a refusal: it is in `unseen`.
    """
    home = home_region(regions[0])
    here, doubts = list(dict.fromkeys([*map(Region, regions), home])), list[str]()
    try:
        aws.whoami(account)
        with permitted(Permit(READS, scan=True)):
            if is_everywhere:
                here, doubts = _enabled(aws, account, here)
            site = aws.site(account, here[0], kind="cloudtrail")
            asked = [(aws.site(account, region, kind="cloudtrail"), sort) for region in here for sort in SORTS]
            looked = site.map(lambda one: _look(one[0], one[1], most), asked)
    except AccessError as error:
        return Activity(account, name, unseen=(error.what,))
    events = tuple(event for found, _, _ in looked for event in found)
    cut = tuple(said for _, said, _ in looked if said)
    return Activity(account, name, events, cut, (*doubts, *_grouped([no for _, _, no in looked if no is not None])))


def _enabled(aws: Aws, account: AccountId, known: list[Region]) -> tuple[list[Region], list[str]]:
    """The regions that the account has enabled; those that are known where that is refused."""
    try:
        answer = aws.site(account, known[0], kind="cloudtrail").call("ec2.DescribeRegions")
    except ReadFailed as error:
        return known, [f"other regions than {', '.join(known)}: {error.what}"]
    return list(dict.fromkeys([*known, *sorted(Region(one["RegionName"]) for one in answer["Regions"])])), []


def _look(site: Site, read_only: str, most: int) -> tuple[list[Mapping[str, Any]], str, Refused | None]:
    """Events, where they were cut, and what was refused."""
    only = [{"AttributeKey": "ReadOnly", "AttributeValue": read_only}]
    try:
        found = list(islice(site.pages("cloudtrail.LookupEvents", "Events", LookupAttributes=only), most + 1))
    except ReadFailed as error:
        return [], "", Refused(error.said or error.code, f"{SORTS[read_only]} in {site.region}")
    if len(found) <= most:
        return found, "", None
    oldest = min(str(event.get("EventTime", ""))[:10] for event in found[:most])
    return found[:most], f"{SORTS[read_only]} in {site.region} before {oldest}", None


def _grouped(refused: Sequence[Refused]) -> Iterator[str]:
    """One sentence for each reason: a role without the right is refused in every region."""
    reasons: dict[str, list[str]] = {}
    for one in refused:
        reasons.setdefault(one.said, []).append(one.where)
    for said, where in reasons.items():
        more = f" and {len(where) - 4} more" if len(where) > 4 else ""
        yield f"{', '.join(where[:4])}{more}: cloudtrail.LookupEvents: {said}"
