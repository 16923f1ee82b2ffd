"""The starter set of guard rails: what holds whatever migration.yaml says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.organisation.guard_rails import MOST_BYTES, STARTER, Setting, size_bytes

REGIONS = st.lists(
    st.sampled_from(["eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2"]), min_size=1, unique=True
)
ROLES = st.lists(st.from_regex(r"[A-Za-z][\w+=,.@*-]{0,30}", fullmatch=True), max_size=5, unique=True)
UNCONDITIONAL = {"NobodyLeaves", "NobodyIsRoot"}
"""Spared from no role: the migration needs neither."""


@pytest.mark.parametrize("name", STARTER)
@given(regions=REGIONS, roles=ROLES)
def test_a_rail_only_denies_fits_and_spares_exactly_the_roles_that_are_named(
    name: str, regions: list[str], roles: list[str]
) -> None:
    document = STARTER[name].document(Setting(tuple(regions), tuple(roles)))

    statements = document["Statement"]
    assert size_bytes(document) <= MOST_BYTES
    assert {one["Effect"] for one in statements} == {"Deny"}
    assert len({one["Sid"] for one in statements}) == len(statements)
    for one in statements:
        spared = one.get("Condition", {}).get("ArnNotLike", {}).get("aws:PrincipalArn", [])
        wanted = [] if one["Sid"] in UNCONDITIONAL else [f"arn:aws:iam::*:role/{role}" for role in roles]
        assert spared == wanted


@given(regions=REGIONS)
def test_the_regions_that_are_named_are_the_ones_that_stay(regions: list[str]) -> None:
    document = STARTER["allowed-regions"].document(Setting(tuple(regions), ()))

    condition = document["Statement"][0]["Condition"]["StringNotEquals"]
    assert condition == {"aws:RequestedRegion": regions}
    assert "iam:*" in document["Statement"][0]["NotAction"]
