"""A registry's replication rules are only added to, and lose again only what was added."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migrate.carry.images_replicated import within, without
from tests.carry.fake_carrier import REGION, place

HERE = place("team/api")
GOING = {"region": REGION, "registryId": str(HERE.account)}
ELSEWHERE = {"region": "eu-central-1", "registryId": str(HERE.account)}


def a_filter(prefix: str) -> dict[str, str]:
    return {"filter": prefix, "filterType": "PREFIX_MATCH"}


RULES = st.lists(
    st.fixed_dictionaries(
        {"destinations": st.lists(st.sampled_from([GOING, ELSEWHERE]), min_size=1, max_size=2, unique_by=str)},
        optional={
            "repositoryFilters": st.lists(
                st.sampled_from(["team", "team/a", "team/apis", "web", "x"]).map(a_filter),
                min_size=1, max_size=3, unique_by=str,
            )
        },
    ),
    max_size=4,
)  # fmt: skip


def takes(rules: list[dict[str, Any]], name: str) -> bool:
    filters = [rule.get("repositoryFilters") or [a_filter("")] for rule in rules if GOING in rule["destinations"]]
    return any(name.startswith(one["filter"]) for some in filters for one in some)


@given(RULES)
def test_the_repository_goes_there_and_afterwards_the_rules_are_as_they_were(rules: list[dict[str, Any]]) -> None:
    added = within(rules, HERE, "team/api")

    assert takes(added, "team/api")
    assert (added == rules) == takes(rules, "team/api")
    assert without(added, HERE, "team/api") == rules


@given(RULES)
def test_no_repository_goes_anywhere_that_its_name_does_not_begin_with_ours(rules: list[dict[str, Any]]) -> None:
    added = within(rules, HERE, "team/api")

    for name in ("web", "other", "team/b"):
        assert takes(added, name) == takes(rules, name)
    assert all(rule.get("repositoryFilters") != [] for rule in without(added, HERE, "team/api"))


def test_several_repositories_share_a_rule_and_leave_one_by_one() -> None:
    one = within([], HERE, "team/api")
    both = within(one, HERE, "web")

    assert len(both) == 1
    assert without(both, HERE, "team/api") == within([], HERE, "web")
    assert without(without(both, HERE, "web"), HERE, "team/api") == []
