"""Names that hold what our own names are joined by, and other things that AWS takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.organisation.story import Story, organizations, rails, tree
from tests.organisation.test_people import given, groups, members, permission_sets, users

ANA = "ana@shop.example"
OTHER = "aws+other@shop.example"


@pytest.mark.torture
@pytest.mark.parametrize(
    ("group", "permission_set", "login"),
    [
        ("ops@night", "look@prod", "ana@shop.example"),
        ("a/b", "look", "corp/ana"),
        ("a/b@c/d@e", "x@y@z", "ana"),
        ("Größe \"x\" {{ y }} <b>", "a+b=c,d.e", "ana o'hara"),
        ("$after", "-", "*"),
    ],
)  # fmt: skip
def test_people_groups_and_sets_of_any_name_stand_change_and_go(
    story: Story, group: str, permission_set: str, login: str
) -> None:
    person = {"name": "Ana Costa", "user": login, "email": ANA, "groups": [group]}
    assign = {"accounts": ["other"], "permission_set": permission_set}
    section: dict[str, Any] = {
        "accounts": {"other": {}}, "people": [person], "groups": {group: {"assign": [assign]}, "plain": {}},
        "permission_sets": {permission_set: {}},
    }  # fmt: skip
    story.want(section)

    made = story.stand()
    stands = set(groups()), set(users()), members(), given()
    again = story.plan()
    verified = story.type("verify", "--plan", made["plan"])
    story.type("review", "--plan", made["plan"], "--markdown")
    story.want({"accounts": {"other": {}}, "groups": {"plain": {}}, "withdrawal": {"unwanted": True}})
    story.stand()

    assert stands == (
        {group, "plain"}, {login.lower()}, {group: {login.lower()}, "plain": set()}, {(group, permission_set, OTHER)},
    )  # fmt: skip
    assert again["todo"] == 0
    assert " 0 different" in verified.err
    assert (set(groups()), users(), permission_sets()) == ({"plain"}, {}, {})


@pytest.mark.parametrize(
    "section",
    [
        {"groups": {"wanted:sso.permission_set/look": {}}},
        {"people": [{"name": "A", "email": ANA, "user": "wanted:identitystore.group/x"}]},
        {"guard_rails": {"documents": {"wanted:x": {}}}},
    ],
)
def test_a_name_that_reads_like_a_wish_is_refused(story: Story, section: dict[str, Any]) -> None:
    story.want(section)

    said = story.type("plan", expect=1).err

    assert "may begin with wanted:" in said


@pytest.mark.torture
def test_units_and_rails_of_any_name_stand_and_go(story: Story) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]}
    rail, unit = "no ec2 @ night: unit:x", "R & D @ home %00 {{ x }}"
    story.want(
        {
            "units": {unit: {"guard_rails": [rail], "units": {"root": {}, "account:x@y.z": {}}}},
            "guard_rails": {"documents": {rail: deny}},
        }
    )

    made = story.stand()
    units = set(tree())
    held = rails(tree()[unit])
    again = story.plan()
    story.undo(made["plan"])

    assert units == {"", unit, f"{unit}/root", f"{unit}/account:x@y.z"}
    assert held == {rail}
    assert again["todo"] == 0
    with pytest.raises(organizations().exceptions.AWSOrganizationsNotInUseException):
        tree()
    assert json.dumps(made)
