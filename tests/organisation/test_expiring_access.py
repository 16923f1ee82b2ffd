"""Access that ends: given until a day, taken away by the first plan and run after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.organisation.story import Story
from tests.organisation.test_people import given, groups, instance, store


def wanted(expires: str | None, sensitive: bool = False, **more: Any) -> dict[str, Any]:
    until = {} if expires is None else {"expires": expires}
    vault = {"accounts": ["vault"], "permission_set": "look"} | until
    return {
        "accounts": {"vault": {"sensitive": True} if sensitive else {}, "other": {}},
        "groups": {"all": {"assign": [vault, {"accounts": ["other"], "permission_set": "look"}]}},
        "permission_sets": {"look": {}},
    } | more


VAULT = ("all", "look", "aws+vault@shop.example")
OTHER = ("all", "look", "aws+other@shop.example")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def at(day: str) -> None:
        monkeypatch.setattr("migrate.organisation.migration.today", lambda: day)

    return at


def test_access_is_given_until_its_last_day_and_taken_away_by_the_next_plan(story: Story, clock: Any) -> None:
    clock("2026-11-20")
    story.want(wanted("2026-11-30"))
    first = story.stand()
    during = given()
    clock("2026-11-30")
    last_day = story.plan()["todo"]

    clock("2026-12-01")
    second = story.stand()
    after = given()
    again = story.plan()
    story.undo(second["plan"])

    assert during == {VAULT, OTHER}
    assert any("all has look in vault until 2026-11-30" in said for said in first["findings"])
    assert last_day == 0
    assert second["steps"] == 1
    assert after == {OTHER}
    assert again["todo"] == 0
    assert given() == {OTHER}  # a rollback gives nobody access again


def test_what_is_over_before_it_began_is_never_given(story: Story, clock: Any) -> None:
    clock("2027-01-01")
    story.want(wanted("2026-11-30"))

    story.stand()

    assert given() == {OTHER}
    assert story.plan()["todo"] == 0


def test_access_for_good_to_a_sensitive_account_refuses_the_plan(story: Story) -> None:
    story.want(wanted(None, sensitive=True))

    said = story.type("plan", expect=1).err

    assert "all would have look in vault for good, and vault is sensitive" in said
    assert 'expires: "2026-12-31"' in said


def test_one_entry_for_good_outlives_one_that_is_over(story: Story, clock: Any) -> None:
    clock("2027-01-01")
    section = wanted("2026-11-30")
    section["groups"]["all"]["assign"].append({"accounts": ["vault"], "permission_set": "look"})
    story.want(section)

    story.stand()

    assert given() == {VAULT, OTHER}


def test_a_day_that_does_not_exist_is_one_clear_error(story: Story) -> None:
    story.want(wanted("2026-02-30"))

    said = story.type("plan", expect=1).err

    assert "organisation.groups.all.assign.0.expires" in said


def test_of_many_refusals_the_plan_says_where_the_rest_stands(story: Story) -> None:
    sets = {f"set{number}": {} for number in range(23)}
    assign = [{"accounts": ["vault"], "permission_set": name} for name in sets]
    story.want(
        wanted(None, groups={"all": {"assign": assign}}, permission_sets=sets, accounts={"vault": {"sensitive": True}})
    )

    said = story.type("plan", expect=1).err
    page = story.type("review", "--markdown").out

    assert said.count("refused:") == 20
    assert f"and 3 more: migrate org review {story.folder}" in said
    assert all(f"{name} in vault for good" in page for name in sets)


def people(**groups: Any) -> dict[str, Any]:
    """Ana, who is in these groups, each with its permission set in the account `other`."""
    assign = {name: {"assign": [{"accounts": ["other"], "permission_set": "look"}]} for name in ("all", "few")}
    ana = {"name": "Ana", "email": "ana@shop.example", "groups": ["all", "few"]}
    section = {"accounts": {"other": {}}, "people": [ana], "groups": assign, "permission_sets": {"look": {}}}
    return section | groups


def test_rights_that_this_tool_gave_go_once_they_are_not_wanted_and_others_stay(story: Story) -> None:
    story.want(people())
    story.stand()
    at = {"IdentityStoreId": instance()[1]}
    name = {"GivenName": "Bo", "FamilyName": "B"}
    bo = store().create_user(UserName="bo", DisplayName="Bo", Name=name, **at)["UserId"]
    by_name = groups()
    store().create_group_membership(GroupId=by_name["all"], MemberId={"UserId": bo}, **at)
    less = people(
        people=[{"name": "Ana", "email": "ana@shop.example", "groups": ["all"]}],
        groups={"all": people()["groups"]["all"], "few": {}},
    )
    story.want(less)
    told = story.plan()
    story.want(less | {"withdrawal": {"unwanted": True, "most": 1}})
    over = story.type("plan", expect=1).err
    story.want(less | {"withdrawal": {"unwanted": True}})

    made = story.stand()
    left = {
        name: len(store().list_group_memberships(GroupId=group, **at)["GroupMemberships"])
        for name, group in by_name.items()
    }
    again = story.plan()
    story.undo(made["plan"])

    assert told["todo"] == 0
    assert any("this tool leaves them" in said for said in told["findings"])
    assert "2 rights would be taken away, and organisation.withdrawal.most is 1" in over
    assert any("2 rights that this tool gave are not in migration.yaml any more" in said for said in made["findings"])
    assert left == {"all": 2, "few": 0}  # bo, whom somebody else put there, stays
    assert {group for group, _, _ in given()} == {"all"}
    assert again["todo"] == 0
