"""What has to be known of the management account before it manages: its root user, what runs in it, Identity Center.

The rule: what could not be looked at is said, and never counts as in order. Only a contradiction refuses the plan.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.inventory import Resource
from migrate.names import GLOBAL, AccountId, Region
from migrate.values import Json


class Sort(NamedTuple):
    """One sort of thing that should not be there, and the read that shows it."""

    operation: str
    key: str
    what: str
    is_global: bool = False


SORTS = (
    Sort("cloudformation.DescribeStacks", "Stacks", "stacks"),
    Sort("dynamodb.ListTables", "TableNames", "tables"),
    Sort("ec2.DescribeInstances", "Reservations[].Instances[]", "instances"),
    Sort("ecs.ListClusters", "clusterArns", "clusters"),
    Sort("lambda.ListFunctions", "Functions", "functions"),
    Sort("rds.DescribeDBInstances", "DBInstances", "databases"),
    Sort("s3.ListBuckets", "Buckets", "buckets", is_global=True),
)
_SUMMARY, _REGIONS, _INSTANCES = "iam.GetAccountSummary", "ec2.DescribeRegions", "sso-admin.ListInstances"
READS = frozenset({_SUMMARY, _REGIONS, _INSTANCES, *(sort.operation for sort in SORTS)})
"""Everything that is asked here."""


def findings(aws: Aws, account: AccountId, regions: Sequence[str], *, is_legacy: bool) -> Iterator[str]:
    """What a person should do about the account. `is_legacy`: what runs in it is known, and said elsewhere."""
    yield from _root_user(aws, account)
    if not is_legacy:
        yield from _workloads(aws, account, regions)


def _root_user(aws: Aws, account: AccountId) -> Iterator[str]:
    """Source: iam.GetAccountSummary, botocore 1.44.5: AccountMFAEnabled and AccountAccessKeysPresent of SummaryMap."""
    try:
        with permitted(Permit(READS, scan=True)):
            summary = aws.site(account, GLOBAL).call(_SUMMARY)["SummaryMap"]
    except ReadFailed as error:
        yield f"whether the root user of the management account has MFA could not be looked at: {error.what}"
        return
    if not summary.get("AccountMFAEnabled"):
        yield (
            f"the root user of the management account {account} has no MFA device: sign in as root, Security "
            "credentials, assign one. This stays in the plan until AWS shows one"
        )
    if summary.get("AccountAccessKeysPresent"):
        yield f"the root user of the management account {account} has access keys: delete them"


def _workloads(aws: Aws, account: AccountId, regions: Sequence[str]) -> Iterator[str]:
    found: Counter[str] = Counter()
    unseen: list[str] = []
    for sort in SORTS:
        for region in [GLOBAL] if sort.is_global else list(map(Region, regions)):
            try:
                with permitted(Permit(READS, scan=True)):
                    count = sum(1 for _ in aws.site(account, region).pages(sort.operation, sort.key))
            except ReadFailed as error:
                unseen.append(f"{sort.what} ({error.code})")
            else:
                found[sort.what] += count
    there = [f"{count} {what}" for what, count in sorted(found.items()) if count]
    if there:
        yield (
            f"the management account holds {', '.join(there)}: no guard rail holds for it, so nothing should run "
            "there. Move them into an account of their own"
        )
    if unseen:
        yield f"what runs in the management account could not be looked at: {', '.join(dict.fromkeys(unseen))}"


def center_elsewhere(
    aws: Aws, account: AccountId, todo: Iterable[Resource], region: str
) -> tuple[list[str], list[dict[str, Json]]]:
    """Findings and refusals where IAM Identity Center is to be waited for and stands in another region already."""
    if not any(one.ref.kind == "sso.instance" for one in todo):
        return [], []
    try:
        with permitted(Permit(READS, scan=True)):
            site = aws.site(account, Region(region))
            enabled = [Region(one["RegionName"]) for one in site.call(_REGIONS)["Regions"]]
            sites = [aws.site(account, one) for one in enabled if one != region]
            looked = site.map(lambda there: (there.region, there.call(_INSTANCES)["Instances"]), sites)
    except ReadFailed as error:
        return [f"whether IAM Identity Center stands in another region could not be looked at: {error.what}"], []
    # An instance that a member account has for itself alone belongs to that account.
    found = sorted(
        where for where, those in looked if any(one.get("OwnerAccountId", account) == account for one in those)
    )
    if not found:
        return [], []
    refused: dict[str, Json] = {
        "key": "identity center/region",
        "what": f"IAM Identity Center stands in {', '.join(found)}, and not in {region}: an organisation has one, and "
        "its region cannot be changed",
        "do": f"organisation.identity_center: {{region: {found[0]}}} in migration.yaml",
    }
    return [], [refused]
