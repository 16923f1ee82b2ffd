"""Identity Center: permission sets, groups, people and who may do what where."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto.ssoadmin.models import SSOAdminBackend, ssoadmin_backends
from moto.ssoadmin.responses import SSOAdminResponse

from tests.organisation.story import MANAGEMENT, Story, accounts

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
WANTED: dict[str, Any] = {
    "units": {"Workloads": {"accounts": {"production": {}, "development": {}}}},
    "people": [
        {"name": "Ada Lovelace", "email": "Ada@shop.example", "groups": ["engineers", "oncall"]},
        {"name": "Grace Hopper", "email": "grace@shop.example", "groups": ["engineers"]},
    ],
    "groups": {
        "engineers": {
            "assign": [
                {"accounts": ["development"], "permission_set": "engineer"},
                {"accounts": ["development", "production"], "permission_set": "read"},
            ]
        },
        "oncall": {"assign": [{"accounts": ["production"], "permission_set": "engineer"}]},
    },
    "permission_sets": {
        "engineer": {"policies": ["arn:aws:iam::aws:policy/PowerUserAccess"], "session": "PT8H"},
        "read": {"inline": READ, "description": "to look", "customer_policies": [{"name": "boundary"}]},
    },
}


def sso() -> Any:
    return boto3.client("sso-admin", region_name="eu-west-1")


def store() -> Any:
    return boto3.client("identitystore", region_name="eu-west-1")


def instance() -> tuple[str, str]:
    one = sso().list_instances()["Instances"][0]
    return one["InstanceArn"], one["IdentityStoreId"]


def permission_sets() -> dict[str, str]:
    arn, _ = instance()
    found = sso().list_permission_sets(InstanceArn=arn)["PermissionSets"]
    return {
        sso().describe_permission_set(InstanceArn=arn, PermissionSetArn=one)["PermissionSet"]["Name"]: one
        for one in found
    }


def groups() -> dict[str, str]:
    return {one["DisplayName"]: one["GroupId"] for one in store().list_groups(IdentityStoreId=instance()[1])["Groups"]}


def users() -> dict[str, str]:
    return {one["UserName"]: one["UserId"] for one in store().list_users(IdentityStoreId=instance()[1])["Users"]}


def members() -> dict[str, set[str]]:
    people = {number: name for name, number in users().items()}
    found = {}
    for name, number in groups().items():
        listed = store().list_group_memberships(IdentityStoreId=instance()[1], GroupId=number)["GroupMemberships"]
        found[name] = {people[one["MemberId"]["UserId"]] for one in listed}
    return found


def given() -> set[tuple[str, str, str]]:
    """(group, permission set, e-mail of the account)."""
    arn, emails = instance()[0], {number: email for email, number in accounts().items()}
    names = {number: name for name, number in permission_sets().items()}
    return {
        (name, names[one["PermissionSetArn"]], emails[one["AccountId"]])
        for name, number in groups().items()
        for one in sso().list_account_assignments_for_principal(
            InstanceArn=arn, PrincipalId=number, PrincipalType="GROUP"
        )["AccountAssignments"]
    }


PRODUCTION, DEVELOPMENT = "aws+production@shop.example", "aws+development@shop.example"


def test_people_get_what_their_groups_may_and_nothing_in_the_management_account(story: Story) -> None:
    story.want(WANTED)

    story.stand()

    assert set(users()) == {"ada@shop.example", "grace@shop.example"}
    assert members() == {"engineers": {"ada@shop.example", "grace@shop.example"}, "oncall": {"ada@shop.example"}}
    assert given() == {
        ("engineers", "engineer", DEVELOPMENT), ("engineers", "read", DEVELOPMENT),
        ("engineers", "read", PRODUCTION), ("oncall", "engineer", PRODUCTION),
    }  # fmt: skip
    at = {"InstanceArn": instance()[0], "PermissionSetArn": permission_sets()["read"]}
    assert json.loads(sso().get_inline_policy_for_permission_set(**at)["InlinePolicy"]) == READ
    own = sso().list_customer_managed_policy_references_in_permission_set(**at)["CustomerManagedPolicyReferences"]
    assert own == [{"Name": "boundary", "Path": "/"}]
    at["PermissionSetArn"] = permission_sets()["engineer"]
    assert sso().describe_permission_set(**at)["PermissionSet"]["SessionDuration"] == "PT8H"
    managed = sso().list_managed_policies_in_permission_set(**at)["AttachedManagedPolicies"]
    assert [one["Arn"] for one in managed] == ["arn:aws:iam::aws:policy/PowerUserAccess"]


def test_a_second_plan_of_people_has_nothing_to_do_and_a_rollback_takes_them_away(story: Story) -> None:
    store().create_group(IdentityStoreId=instance()[1], DisplayName="oncall")
    story.want(WANTED)
    made = story.stand()

    again = story.plan()
    story.type("verify", "--plan", made["plan"])
    story.undo(made["plan"])

    assert again["todo"] == 0
    assert groups().keys() == {"oncall"}, "what stood before stays"
    assert (users(), permission_sets(), given()) == ({}, {}, set())


def test_what_goes_away_between_a_listing_and_a_look_is_gone_and_no_error(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.want(WANTED)
    made = story.stand()
    ghost = ssoadmin_backends[MANAGEMENT]["eu-west-1"].instances[0].instance_arn + "/ps-0000000000000000"
    listed = SSOAdminResponse.list_permission_sets

    def with_ghost(self: SSOAdminResponse) -> str:
        found = json.loads(listed(self))
        return json.dumps(found | {"PermissionSets": [ghost, *found["PermissionSets"]]})

    monkeypatch.setattr(SSOAdminResponse, "list_permission_sets", with_ghost)

    assert story.plan()["todo"] == 0
    story.undo(made["plan"])


def test_a_permission_set_is_changed_and_put_back(story: Story) -> None:
    story.want(WANTED)
    story.stand()
    changed = json.loads(json.dumps(WANTED))
    changed["permission_sets"]["engineer"] = {"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "session": "PT1H"}
    changed["permission_sets"]["read"]["inline"]["Statement"][0]["Action"] = "s3:List*"
    story.want(changed)

    made = story.stand()
    at = {"InstanceArn": instance()[0], "PermissionSetArn": permission_sets()["engineer"]}
    during = sso().list_managed_policies_in_permission_set(**at)["AttachedManagedPolicies"]
    story.undo(made["plan"])

    assert [one["Name"] for one in during] == ["ReadOnlyAccess"]
    after = sso().list_managed_policies_in_permission_set(**at)["AttachedManagedPolicies"]
    assert [one["Name"] for one in after] == ["PowerUserAccess"]
    assert sso().describe_permission_set(**at)["PermissionSet"]["SessionDuration"] == "PT8H"
    at["PermissionSetArn"] = permission_sets()["read"]
    assert json.loads(sso().get_inline_policy_for_permission_set(**at)["InlinePolicy"]) == READ


def test_an_inline_policy_that_no_role_takes_is_refused(story: Story) -> None:
    actions = [f"s3:{number:0300}" for number in range(40)]
    large = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    story.want({"permission_sets": {"large": {"inline": large}}})

    assert "10240" in story.type("plan", expect=1).err


def test_standing_access_to_what_should_be_out_of_reach_is_told(story: Story) -> None:
    assign = [{"accounts": ["vault", "management", "other"], "permission_set": "look"}]
    story.want(
        {
            "accounts": {"vault": {"guard_rails": ["sensitive-data"]}, "other": {}},
            "groups": {"all": {"assign": assign}},
            "permission_sets": {"look": {}},
        }
    )

    told = story.plan()["findings"]

    assert any("all has look in vault for good" in said for said in told)
    assert any("all has look in the management account" in said for said in told)
    assert not any("in other" in said for said in told)


def test_a_policys_version_without_quotes_is_no_date(story: Story) -> None:
    story.want({"permission_sets": {"look": {"inline": READ}}})
    path = story.folder / "migration.yaml"
    bare = path.read_text().replace("'2012-10-17'", "2012-10-17")
    assert "Version: 2012-10-17" in bare
    path.write_text(bare)

    story.stand()

    at = {"InstanceArn": instance()[0], "PermissionSetArn": permission_sets()["look"]}
    assert json.loads(sso().get_inline_policy_for_permission_set(**at)["InlinePolicy"]) == READ


def test_the_run_stops_until_identity_center_is_enabled_and_goes_on_then(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as nowhere:
        # The emulator has one in every region.
        nowhere.setattr(SSOAdminBackend, "list_instances", lambda _: [])
        story.want(WANTED)
        story.plan()
        story.type("approve", "--by", "ann")

        stopped = story.type("run", "--engine", "local", expect=3)
        told = story.type("status").out
    story.type("run", "--engine", "local")

    assert "choose Enable" in stopped.err
    assert "waits for a person" in told
    assert "choose Enable" in told
    assert len(given()) == 4


def test_people_of_an_identity_provider_are_awaited_and_never_made(story: Story) -> None:
    story.want(WANTED | {"identity_center": {"users": "provisioned"}})
    made = story.plan()
    story.type("approve", "--by", "ann")

    stopped = story.type("run", "--engine", "local", expect=3)
    nobody = users()
    for name in ("engineers", "oncall"):
        store().create_group(IdentityStoreId=instance()[1], DisplayName=name)
    for email in ("ada@shop.example", "grace@shop.example"):
        called = {"DisplayName": email, "Name": {"GivenName": "A", "FamilyName": "B"}}
        store().create_user(IdentityStoreId=instance()[1], UserName=email, **called)
    story.type("run", "--engine", "local")
    story.undo(made["plan"])

    assert "SCIM" in stopped.err
    assert nobody == {}
    assert set(users()) == {"ada@shop.example", "grace@shop.example"}, "a rollback leaves what it did not make"
    assert given() == set()


def provisioned(**more: str) -> dict[str, Any]:
    return WANTED | {"identity_center": {"users": "provisioned", **more}}


def test_groups_that_the_provider_does_not_send_are_made_and_its_people_put_into_them(story: Story) -> None:
    story.want(provisioned(groups="made"))
    made = story.plan()
    story.type("approve", "--by", "ann")

    stopped = story.type("run", "--engine", "local", expect=3)
    nobody = users()
    for email in ("ada@shop.example", "grace@shop.example"):
        called = {"DisplayName": email, "Name": {"GivenName": "A", "FamilyName": "B"}}
        store().create_user(IdentityStoreId=instance()[1], UserName=email, **called)
    story.type("run", "--engine", "local")
    during = members()
    again = story.plan()
    story.undo(made["plan"])

    assert "automatic provisioning" in stopped.err
    assert nobody == {}
    assert during == {"engineers": {"ada@shop.example", "grace@shop.example"}, "oncall": {"ada@shop.example"}}
    assert again["todo"] == 0
    assert set(users()) == {"ada@shop.example", "grace@shop.example"}, "a rollback leaves what it did not make"
    assert groups() == {}


def test_who_waits_for_groups_of_a_provider_is_told_that_google_sends_none(story: Story) -> None:
    story.want(provisioned())
    story.plan()
    story.type("approve", "--by", "ann")

    stopped = story.type("run", "--engine", "local", expect=3)

    assert "Google Workspace sends people and no groups" in stopped.err
    assert "identity_center.groups: made" in stopped.err


def test_people_that_are_made_cannot_be_in_groups_that_a_provider_sends(story: Story) -> None:
    story.want(WANTED | {"identity_center": {"groups": "provisioned"}})

    assert "identity_center.groups" in story.type("plan", expect=1).err


DEEP: dict[str, Any] = {}
for _ in range(6):
    DEEP = {"units": {"A": DEEP}}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"groups": {"a": {"assign": [{"accounts": ["nowhere"], "permission_set": "p"}]}}}, "'nowhere' is no alias"),
        ({"people": [{"name": "A", "email": "a@b.example", "groups": ["x"]}]}, "'x' is no group"),
        ({"accounts": {"a": {"email": "x@y.example"}, "b": {"email": "X@y.example"}}}, "once, for ever"),
        (DEEP, "6 deep"),
        ({"guard_rails": {"canary": "nobody"}}, "guard_rails.canary"),
        ({"unit": {}}, "Extra inputs"),
    ],
)  # fmt: skip
def test_a_section_that_contradicts_itself_is_refused_with_where(
    story: Story, wrong: dict[str, Any], said: str
) -> None:
    base: dict[str, Any] = {"permission_sets": {"p": {}}}
    story.want(base | wrong)

    ended = story.type("plan", expect=1)

    assert said in ended.err
    assert "migration.yaml, line" in ended.err
    assert not (story.folder / "organisation").exists()


def test_an_address_that_nobody_has_filled_in_is_refused(story: Story) -> None:
    story.want({"people": [{"name": "Bo", "email": "bo@fill-in.invalid"}]})

    said = story.type("plan", expect=1)

    assert "bo@fill-in.invalid of Bo stands for an address that nobody has filled in" in said.err
