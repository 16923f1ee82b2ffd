"""Is everything there that a migration needs? One finding each, with its fix. Reads only.

The rule: a check that cannot be made is a finding, never silence.
"""

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.errors import AccessError
from migrate.names import AccountId, Region

OLDEST_PYTHON = (3, 11)
MOST_SKEW_S = 240.0
"""Signatures are refused beyond five minutes. Source: IAM guide, Signature Version 4, unverified."""

_READS = frozenset({"ec2.DescribeRegions", "sts.GetCallerIdentity"})
_PACKAGES = ("boto3", "botocore", "networkx", "pydantic", "prefect", "fastapi")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    ok: bool
    what: str
    fix: str = ""


def examine(aws: Aws, accounts: Mapping[AccountId, str], regions: Iterable[Region]) -> Iterator[Finding]:
    """Everything: versions, and for each account (with what it is called) identity, clock and regions."""
    yield from versions()
    regions = tuple(regions)
    clock_seen = False
    for account, called in accounts.items():
        found = identity(aws, account, called)
        yield found
        if not found.ok:
            continue
        if not clock_seen:
            yield clock(aws, account)
            clock_seen = True
        yield from enabled(aws, account, regions)


def versions() -> Iterator[Finding]:
    """Python and the packages that matter, as they are installed."""
    ok = sys.version_info >= OLDEST_PYTHON
    fix = "" if ok else f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer"
    yield Finding(ok, f"Python {platform.python_version()}", fix)
    for name in _PACKAGES:
        try:
            yield Finding(True, f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Finding(False, f"{name} is not installed", f"pip install {name}")


def identity(aws: Aws, account: AccountId, called: str) -> Finding:
    """Whether we get into the account, through its role where it has one, and it is that account."""
    try:
        found = aws.whoami(account)
    except AccessError as error:
        return Finding(False, f"{called} {account}: {error.what}", error.do)
    alias = f" ({found.alias})" if found.alias else ""
    return Finding(True, f"{called} {account}{alias} as {found.arn}")


def clock(aws: Aws, account: AccountId) -> Finding:
    """Whether this machine's clock is right enough for signatures."""
    with permitted(Permit(_READS)):
        answer = aws.read(account, aws.sessions.default_region, "sts.GetCallerIdentity", {})
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if not date:
        return Finding(False, "the clock could not be compared: the endpoint sends no date", "compare it by hand")
    skew_s = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    if abs(skew_s) > MOST_SKEW_S:
        way = "ahead of" if skew_s > 0 else "behind"
        return Finding(False, f"the clock is {abs(skew_s):.0f} s {way} AWS", "turn on time synchronisation (NTP)")
    return Finding(True, f"the clock is within {MOST_SKEW_S:.0f} s of AWS")


def enabled(aws: Aws, account: AccountId, regions: Iterable[Region]) -> Iterator[Finding]:
    """Whether each region is on in the account."""
    where = aws.sessions.default_region
    try:
        with permitted(Permit(_READS)):
            answer = aws.read(account, where, "ec2.DescribeRegions", {"AllRegions": True})
    except ReadFailed as error:
        yield Finding(False, f"regions of {account}: {error.what}", "allow ec2:DescribeRegions")
        return
    state = {str(one["RegionName"]): str(one.get("OptInStatus", "")) for one in answer.get("Regions", ())}
    for region in regions:
        if region not in state:
            yield Finding(False, f"{region} does not exist for {account}", "correct the regions in migration.yaml")
        elif state[region] == "not-opted-in":
            fix = f"aws account enable-region --region-name {region}, or take it out of migration.yaml"
            yield Finding(False, f"{region} is off in {account}", fix)
        else:
            yield Finding(True, f"{region} is on in {account}")
