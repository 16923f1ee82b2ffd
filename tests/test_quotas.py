"""What a plan makes against the targets' quotas: what is there, what others made, what AWS allows."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from migrate.aws import ReadFailed
from migrate.inventory import Inventory, Resource
from migrate.kind import MIGRATION_TAG, Facts, It, Kind, ReadSite
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.quotas import APPLIED, AT_FIRST, NOT_RAISED, examine

LEGACY, PROD, HOME = AccountId("111111111111"), AccountId("222222222222"), Region("eu-west-1")


class NetworkFacts(Facts):
    """Nothing."""


class Network(Kind[NetworkFacts]):
    """A thing of which there may be five."""

    name, title, facts = "toy.network", "Network", NetworkFacts
    reads: ClassVar[frozenset[str]] = frozenset({"ec2.DescribeVpcs"})
    standing: ClassVar[dict[str, str]] = {}
    """Id → the migration that made it."""

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        assert (site.account, site.region) == (PROD, HOME)
        for name, owner in self.standing.items():
            yield thing(name, PROD, {MIGRATION_TAG: owner} if owner else {})

    def quota(self, it: It[NetworkFacts]) -> tuple[str, str] | None:
        return "vpc", "L-F678F1CE"


class Amazon:
    """Quotas as a test says: operation → value, or the code of a refusal."""

    def __init__(self, said: Mapping[str, float | str]) -> None:
        self.said = said

    def site(self, account: AccountId, region: Region, *, kind: str) -> Any:
        return SimpleNamespace(account=account, region=region)

    def read(self, account: AccountId, region: Region, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        assert (account, region) == (PROD, HOME)
        assert params == {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
        value = self.said[operation]
        if isinstance(value, str):
            raise ReadFailed(operation, region, code=value, said="no", reason="denied")
        return {"Quota": {"QuotaName": "VPCs per Region", "Value": value}}


def thing(name: str, account: AccountId = LEGACY, tags: dict[str, str] | None = None) -> Resource:
    return Resource(Ref(account, HOME, "toy.network", name), "", tags or {}, None, None, {})


def findings(said: Mapping[str, float | str], *, makes: int = 2, standing: dict[str, str] | None = None) -> Any:
    kind = Network()
    kind.standing = standing or {}  # type: ignore[misc]  # of this one alone
    things = tuple(thing(f"n{number}") for number in range(makes))
    steps = {}
    for one in things:
        for action, creates in (("create", True), ("configure", False)):
            steps[f"{one.ref}:{action}"] = SimpleNamespace(
                ref=one.ref, account=PROD, region=HOME, requests=(SimpleNamespace(creates=creates),)
            )
    inventory = Inventory(LEGACY, (HOME,), ("toy.network",), things)
    config = SimpleNamespace(migration="shop", alias=lambda account: {PROD: "production"}[account])
    plan: Any = SimpleNamespace(steps=steps)
    return list(examine(Amazon(said), config, plan, inventory, {"toy.network": kind}))  # type: ignore[arg-type]


def test_what_fits_is_said_with_its_numbers() -> None:
    (one,) = findings({APPLIED: 5.0}, standing={"vpc-default": ""})

    assert one.ok
    assert one.what == "production eu-west-1: VPCs per Region: 2 to make and 1 others of 5"


def test_one_too_many_is_found_with_how_to_ask_for_more() -> None:
    (one,) = findings({APPLIED: 5.0}, makes=5, standing={"vpc-default": ""})

    assert not one.ok
    assert "--service-code vpc --quota-code L-F678F1CE --region eu-west-1 --desired-value 6" in one.fix


def test_what_this_migration_made_already_is_not_counted_twice() -> None:
    (one,) = findings({APPLIED: 5.0}, makes=5, standing={"vpc-1": "shop", "vpc-2": "shop"})

    assert one.ok


def test_what_another_migration_made_counts() -> None:
    (one,) = findings({APPLIED: 5.0}, makes=5, standing={"vpc-1": "other"})

    assert not one.ok


def test_a_quota_that_was_never_raised_is_the_default() -> None:
    (one,) = findings({APPLIED: NOT_RAISED, AT_FIRST: 1.0})

    assert not one.ok
    assert "2 to make and 0 others of 1" in one.what


@pytest.mark.parametrize("said", [{APPLIED: "AccessDeniedException"}, {APPLIED: NOT_RAISED, AT_FIRST: "AccessDenied"}])
def test_a_quota_that_cannot_be_read_is_a_finding(said: dict[str, str]) -> None:
    (one,) = findings(said)

    assert not one.ok
    assert "could not be known" in one.what
    assert "GetServiceQuota" in one.fix


def test_a_plan_that_makes_nothing_asks_nothing() -> None:
    assert findings({}, makes=0) == []


def test_what_a_new_account_has_few_of_is_counted() -> None:
    said = {name for name, kind in every_kind().items() if type(kind).quota is not Kind.quota}

    assert {"ec2.vpc", "ec2.elastic_ip", "ec2.security_group", "elbv2.load_balancer", "rds.instance"} <= said
