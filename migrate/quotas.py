"""Whether what a plan makes fits into the quotas of the targets: how many, how many stand, how many AWS allows.

The rule: reads only; a quota that could not be read is a finding, never taken as large enough. What a kind says
(`quota`) counts one for each thing that it makes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.config import Config
from migrate.doctor import Finding
from migrate.inventory import Inventory
from migrate.kind import MIGRATION_TAG, Kind
from migrate.names import AccountId, Region
from migrate.plan import Plan

APPLIED, AT_FIRST = "service-quotas.GetServiceQuota", "service-quotas.GetAWSDefaultServiceQuota"
NOT_RAISED = "NoSuchResourceException"
"""What GetServiceQuota may answer for a quota that was never raised: the default holds then. Source: its errors in
botocore 1.44.5; when AWS does so is unverified."""


class Counted(NamedTuple):
    """What counts against one quota."""

    account: AccountId
    region: Region
    service: str
    code: str
    kind: str


def wanted(plan: Plan, inventory: Inventory, kinds: Mapping[str, Kind[Any]]) -> Counter[Counted]:
    """How many things of each quota the plan makes."""
    found: Counter[Counted] = Counter()
    for step in plan.steps.values():
        kind = kinds.get(step.ref.kind)
        if kind is None or step.ref not in inventory.by_ref or not any(request.creates for request in step.requests):
            continue
        quota = kind.quota(kind.typed(inventory.by_ref[step.ref]))
        if quota is not None:
            found[Counted(AccountId(step.account), Region(step.region), *quota, step.ref.kind)] += 1
    return found


def examine(
    aws: Aws, config: Config, plan: Plan, inventory: Inventory, kinds: Mapping[str, Kind[Any]]
) -> Iterator[Finding]:
    """A finding for each quota that the plan counts against, in order."""
    for one, number in sorted(wanted(plan, inventory, kinds).items()):
        where = f"{config.alias(one.account)} {one.region}"
        try:
            standing = _standing(aws, one, kinds[one.kind], config.migration)
            name, value = _allowed(aws, one)
        except ReadFailed as error:
            yield Finding(
                False, f"{where}: the quota of {one.kind} ({one.service} {one.code}) could not be known: {error.what}",
                "allow servicequotas:GetServiceQuota and GetAWSDefaultServiceQuota, or look in the console",
            )  # fmt: skip
            continue
        said = f"{where}: {name}: {number} to make and {standing} others of {value:g}"
        fix = (
            f"aws service-quotas request-service-quota-increase --service-code {one.service} --quota-code {one.code} "
            f"--region {one.region} --desired-value {number + standing} (in {one.account}; it may take days)"
        )
        fits = number + standing <= value
        yield Finding(fits, said, "" if fits else fix)


def _standing(aws: Aws, one: Counted, kind: Kind[Any], migration: str) -> int:
    """How many of them others have made there: this migration's own are among those to make."""
    with permitted(Permit(kind.reads)):
        return sum(
            kind.quota(kind.typed(found)) == (one.service, one.code) and found.tags.get(MIGRATION_TAG) != migration
            for found in kind.scan(aws.site(one.account, one.region, kind=kind.name))
        )


def _allowed(aws: Aws, one: Counted) -> tuple[str, float]:
    asked = {"ServiceCode": one.service, "QuotaCode": one.code}
    with permitted(Permit(frozenset({APPLIED, AT_FIRST}))):
        try:
            quota = aws.read(one.account, one.region, APPLIED, asked)["Quota"]
        except ReadFailed as error:
            if error.code != NOT_RAISED:
                raise
            quota = aws.read(one.account, one.region, AT_FIRST, asked)["Quota"]
    return str(quota.get("QuotaName") or f"{one.service} {one.code}"), float(quota["Value"])
