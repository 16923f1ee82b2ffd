"""What was called lately in an account, as CloudTrail keeps it: what guard rails are tried against before they hold.

The rule: how far back it was looked, and what was not shown, is said; a refused read is never "nothing was called".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

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


def recent(aws: Aws, account: AccountId, name: str, regions: Sequence[str], most: int = MOST) -> Activity:
    """Read an account's recent management events in every region that it has enabled.

    regions: those that are asked where the list of regions is refused. Never raises for a refusal: it is in `unseen`.
    """
    try:
        aws.whoami(account)
        with permitted(Permit(READS, scan=True)):
            here, doubts = _regions(aws, account, regions)
            site = aws.site(account, here[0], kind="cloudtrail")
            asked = [(aws.site(account, region, kind="cloudtrail"), sort) for region in here for sort in SORTS]
            looked = site.map(lambda one: _look(one[0], one[1], most), asked)
    except (AccessError, ReadFailed) as error:
        return Activity(account, name, unseen=(str(error),))
    events = tuple(event for found, _, _ in looked for event in found)
    cut = tuple(said for _, said, _ in looked if said)
    return Activity(account, name, events, cut, (*doubts, *(said for _, _, said in looked if said)))


def _regions(aws: Aws, account: AccountId, regions: Sequence[str]) -> tuple[list[Region], list[str]]:
    """The regions that the account has enabled; those that are known where that is refused."""
    home = home_region(regions[0])
    known = list(dict.fromkeys([*map(Region, regions), home]))
    try:
        answer = aws.site(account, known[0], kind="cloudtrail").call("ec2.DescribeRegions")
    except ReadFailed as error:
        return known, [f"which regions are enabled ({error.what}): only {', '.join(known)} were looked at"]
    enabled = [Region(one["RegionName"]) for one in answer["Regions"]]
    return list(dict.fromkeys([*known, *sorted(enabled)])), []


def _look(site: Site, read_only: str, most: int) -> tuple[list[Mapping[str, Any]], str, str]:
    """Events, where they were cut, and what was refused."""
    try:
        found = list(islice(_events(site, read_only), most + 1))
    except ReadFailed as error:
        return [], "", f"{SORTS[read_only]} in {site.region} ({error.what})"
    if len(found) <= most:
        return found, "", ""
    oldest = min(str(event.get("EventTime", ""))[:10] for event in found[:most])
    return found[:most], f"{SORTS[read_only]} in {site.region} before {oldest}", ""


def _events(site: Site, read_only: str) -> Iterator[Mapping[str, Any]]:
    only = [{"AttributeKey": "ReadOnly", "AttributeValue": read_only}]
    yield from site.pages("cloudtrail.LookupEvents", "Events", LookupAttributes=only)
