"""What AWS shows of the old account's users at this moment: the stacks that made them, and what they were seen at.

The rule: nothing here comes from a scan, and a read that is refused ends the removal before it begins.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from migrate.aws import Aws, Permit, Site, home_region, permitted
from migrate.inventory import Inventory
from migrate.kinds.cloudformation_stack import Stack
from migrate.names import AccountId, Region
from migrate.ownership import owned
from migrate.people.permissions import SEEN
from migrate.people.removal import DAY_S, Use
from migrate.sealing import Sealer

MOST = 1000
"""Events under one name that are read in one region: ten seconds at AWS's pace."""
KEPT_S = 90 * DAY_S
"""How long CloudTrail's event history goes back. Source: cloudtrail.LookupEvents, botocore 1.44.5."""


def regions_of(aws: Aws, account: AccountId, known: Iterable[str]) -> tuple[Region, ...]:
    """Every region that the account has enabled: a user has none, and its stack may stand in any."""
    first, *_ = here = [Region(one) for one in known]
    with permitted(Permit(SEEN, scan=True)):
        answer = aws.site(account, first).call("ec2.DescribeRegions")
    return tuple(
        dict.fromkeys([*here, home_region(first), *sorted(Region(r["RegionName"]) for r in answer["Regions"])])
    )


def with_stacks(aws: Aws, inventory: Inventory, regions: Iterable[Region], sealer: Sealer) -> Inventory:
    """The inventory with the stacks of these regions as they are now, and with who owns what by them."""
    kind = Stack()
    with permitted(Permit(SEEN, scan=True)):
        sites = [aws.site(inventory.account, region, kind=kind.name, seal=sealer) for region in regions]
        stacks = [one for found in sites[0].map(lambda site: list(kind.scan(site)), sites) for one in found]
    # Whom a stack of the scan owned and no stack of today does is owned by its tag, or by nobody.
    others = [replace(one, owner=None) for one in inventory.resources if one.ref.kind != kind.name]
    kinds = tuple(dict.fromkeys([*inventory.kinds, kind.name]))
    return replace(inventory, kinds=kinds, resources=tuple(owned([*others, *stacks])))


def uses(
    aws: Aws, account: AccountId, regions: Iterable[Region], since: Mapping[str, float], now: float
) -> dict[str, Use]:
    """User → the latest thing that CloudTrail's event history has of it since then, in any of the regions.

    since: user → seconds since 1970. A refused call is in it too, with what AWS answered; calls on objects, messages
    and rows are not.
    """
    if not since:
        return {}
    with permitted(Permit(SEEN, scan=True)):
        sites = [aws.site(account, region, kind="cloudtrail") for region in regions]

        def look(site: Site) -> list[tuple[str, Use]]:
            # One after the other: AWS takes two a second in each region.
            found = ((name, _latest(site, name, max(at, now - KEPT_S))) for name, at in since.items())
            return [(name, use) for name, use in found if use is not None]

        everywhere = [one for found in sites[0].map(look, sites) for one in found]
    latest: dict[str, Use] = {}
    for name, use in everywhere:
        if name not in latest or use.at > latest[name].at:
            latest[name] = use
    return latest


def _latest(site: Site, name: str, since: float) -> Use | None:
    under = [{"AttributeKey": "Username", "AttributeValue": name}]
    start = datetime.fromtimestamp(since, UTC)
    events = site.pages("cloudtrail.LookupEvents", "Events", LookupAttributes=under, StartTime=start)
    # The newest comes first.
    for number, event in enumerate(islice(events, MOST + 1)):
        at = event["EventTime"].timestamp()
        if number == MOST:
            return Use(at, f"CloudTrail has more than {MOST} events under its name in {site.region}, not all read: one")
        if said := _said(event, name, site.region):
            return Use(at, said)
    return None


def _said(event: Mapping[str, Any], name: str, region: str) -> str:
    """What it did, where the event is the user's own: sessions of roles may have the same name. Else empty."""
    record = json.loads(event["CloudTrailEvent"])
    who = record.get("userIdentity") or {}
    issuer = (who.get("sessionContext") or {}).get("sessionIssuer") or {}
    own = (who.get("type"), who.get("userName")) == ("IAMUser", name)
    federated = who.get("type") == "FederatedUser" and issuer.get("userName") == name
    if not own and not federated:
        return ""
    service = str(record.get("eventSource", "")).partition(".")[0]
    answer = f" ({record['errorCode']})" if record.get("errorCode") else ""
    return f"CloudTrail saw its {service}:{record.get('eventName')}{answer} in {region}"
