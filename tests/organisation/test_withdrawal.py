"""What this tool made and nobody wants any more goes where that was asked for; what others made or use stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.organisation.story import MANAGEMENT, Story, accounts
from tests.organisation.test_members import GITHUB, MACHINES, OF_MACHINES, PRODUCTION, READ, VENDOR, iam, identities
from tests.organisation.test_people import groups, instance, members, permission_sets, sso, store, users

ANA, CY = "ana@shop.example", "cy@shop.example"


def person(email: str, *of: str) -> dict[str, Any]:
    return {"name": email.partition("@")[0].title(), "email": email, "groups": list(of)}


def wanted(*names: str, people: list[dict[str, Any]], sets: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """Groups, each with a permission set of its own name where there is one."""
    return {
        "accounts": {"other": {}},
        "people": people,
        "groups": {
            one: {"assign": [{"accounts": ["other"], "permission_set": one}] if one in sets else []} for one in names
        },
        "permission_sets": {one: {} for one in sets},
    } | more


ALL = wanted(
    "all", "few", "team", people=[person(ANA, "all", "few"), person(CY, "few", "team")], sets=("all", "few", "team")
)
LESS = wanted("all", people=[person(ANA, "all")], sets=("all",))
TAKEN = {"withdrawal": {"unwanted": True, "most": 20}}


def by_hand() -> None:
    """Somebody makes a group, a user and a permission set, and puts a person of theirs into the group `team`."""
    at, arn = {"IdentityStoreId": instance()[1]}, instance()[0]
    name = {"GivenName": "Bo", "FamilyName": "B"}
    bo = store().create_user(UserName="bo", DisplayName="Bo", Name=name, **at)["UserId"]
    theirs = store().create_group(DisplayName="theirs", **at)["GroupId"]
    store().create_group_membership(GroupId=theirs, MemberId={"UserId": bo}, **at)
    store().create_group_membership(GroupId=groups()["team"], MemberId={"UserId": bo}, **at)
    sso().create_permission_set(InstanceArn=arn, Name="theirs", SessionDuration="PT1H")


def test_groups_people_and_permission_sets_that_nobody_wants_go_and_those_that_others_use_stay(story: Story) -> None:
    story.want(ALL)
    story.stand()
    by_hand()
    story.want(LESS)
    told = story.plan()
    story.want(LESS | {"withdrawal": {"unwanted": True, "most": 3}})
    over = story.type("plan", expect=1).err
    story.want(LESS | TAKEN)

    made = story.stand()
    left = set(groups()), set(users()), set(permission_sets()), members()
    verified = story.type("verify", "--plan", made["plan"])
    again = story.plan()
    story.undo(made["plan"])

    assert told["todo"] == 0
    said = next(one for one in told["findings"] if "things that this tool made" in one)
    assert all(name in said for name in ("group few", f"user {CY}", "permission_set few", "withdrawal.unwanted"))
    assert "theirs" not in said
    assert "organisation.withdrawal.most is 3" in over
    # `team` has a member that somebody else put there.
    assert left[0] == {"all", "team", "theirs"}
    assert left[1] == {ANA, "bo"}
    assert left[2] == {"all", "theirs"}
    assert left[3] == {"all": {ANA}, "team": {"bo"}, "theirs": {"bo"}}
    assert any("team (somebody else gives rights by it)" in one for one in made["findings"])
    assert " 0 different" in verified.err
    assert again["todo"] == 0
    assert set(groups()) == left[0]  # a rollback gives nothing back

    story.want(ALL)
    story.stand()
    assert set(groups()) == {"all", "few", "team", "theirs"}
    assert set(permission_sets()) == {"all", "few", "team", "theirs"}


@pytest.mark.torture
def test_where_nothing_is_wanted_any_more_all_of_it_goes(story: Story) -> None:
    story.want(LESS)
    story.stand()
    story.want({"accounts": {"other": {}}} | TAKEN)

    story.stand()

    assert (groups(), users(), permission_sets()) == ({}, {}, {})
    assert story.plan()["todo"] == 0


@pytest.mark.torture
def test_what_was_given_to_a_person_directly_keeps_the_person_and_the_permission_set(story: Story) -> None:
    story.want(ALL)
    story.stand()
    sso().create_account_assignment(
        InstanceArn=instance()[0], TargetId=accounts()["aws+other@shop.example"], TargetType="AWS_ACCOUNT",
        PermissionSetArn=permission_sets()["few"], PrincipalType="USER", PrincipalId=users()[CY],
    )  # fmt: skip
    story.want(LESS | TAKEN)

    story.stand()

    assert set(users()) == {ANA, CY}
    assert set(permission_sets()) == {"all", "few"}
    assert set(groups()) == {"all"}


@pytest.mark.torture
def test_a_group_of_the_same_name_that_somebody_made_since_stays(story: Story) -> None:
    story.want(ALL)
    story.stand()
    at = {"IdentityStoreId": instance()[1]}
    for one in store().list_group_memberships(GroupId=groups()["few"], **at)["GroupMemberships"]:
        store().delete_group_membership(MembershipId=one["MembershipId"], **at)
    store().delete_group(GroupId=groups()["few"], **at)
    store().create_group(DisplayName="few", **at)
    story.want(LESS | TAKEN)

    story.stand()

    assert set(groups()) == {"all", "few"}


@pytest.mark.torture
def test_a_run_that_is_denied_half_way_goes_on(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.core.exceptions import JsonRESTError
    from moto.identitystore.models import IdentityStoreBackend

    story.want(ALL)
    story.stand()
    story.want(LESS | TAKEN)
    story.plan()
    story.type("approve", "--by", "ann")
    with monkeypatch.context() as patched:

        def denied(*_: Any, **__: Any) -> None:
            raise JsonRESTError("AccessDeniedException", "not authorized to perform: identitystore:DeleteGroup")

        patched.setattr(IdentityStoreBackend, "delete_group", denied)
        said = story.type("run", "--engine", "local", expect=1)

    assert "DeleteGroup" in said.err
    assert set(groups()) == {"all", "few", "team"}
    story.type("run", "--engine", "local")
    assert set(groups()) == {"all"}
    assert story.plan()["todo"] == 0


@pytest.fixture
def _accounts_by_their_keys(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator tells accounts by the keys that it gave, and takes others for the management account's."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr("moto.iam.models.DEFAULT_ACCOUNT_ID", MANAGEMENT)


@pytest.mark.usefixtures("_accounts_by_their_keys")
def test_a_machine_that_nobody_wants_loses_its_role_and_a_user_with_a_key_is_left(story: Story) -> None:
    section: dict[str, Any] = {"accounts": {"production": {}, "machines": {}}}
    other = VENDOR | {"name": "keyless", "roles": ["production/keyless-web"], "replaces": "keyless"}
    machines = OF_MACHINES["machines"] | {"production/keyless-web": {"inline": READ}}
    story.want(section)
    story.stand()
    identities(story, **OF_MACHINES | {"vendors": [VENDOR, other], "machines": machines})
    story.plan()
    story.type("approve", "--by", "ann")
    for _ in range(3):
        story.type("run", "--engine", "local", expect=None)
        if gate := story.type("status", "--json").json.get("gate"):
            story.type("approve", "--gate", gate, "--by", "ann")
    names = {one["UserName"] for one in iam(MACHINES).list_users()["Users"]}
    keys = {name: iam(MACHINES).create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for name in names}
    story.type("run", "--engine", "local")
    iam(MACHINES).delete_access_key(UserName="keyless", AccessKeyId=keys["keyless"])
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}}
    theirs = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam(PRODUCTION).create_role(RoleName="theirs", AssumeRolePolicyDocument=theirs)

    story.want(section)
    told = story.plan()
    story.want(section | TAKEN)
    made = story.stand()

    roles = {one["RoleName"] for one in iam(PRODUCTION).list_roles()["Roles"]}
    assert names == {"vercel", "keyless"}
    assert told["todo"] == 0
    assert any(f"deploy-{GITHUB['repository'].replace('/', '-')}" in one for one in told["findings"])
    assert roles == {"OrganizationAccountAccessRole", "theirs"}
    assert {one["UserName"] for one in iam(MACHINES).list_users()["Users"]} == {"vercel"}
    assert any("vercel (somebody else gives rights by it)" in one for one in made["findings"])
    assert story.plan()["todo"] == 0
