"""Access that ends: given until a day, taken away by the first plan and run after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.organisation.story import Story
from tests.organisation.test_people import given


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
