"""What people and machines need inside member accounts: policies of permission sets, deploy roles, a vendor's user."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ruamel.yaml import YAML

from tests.organisation.story import MANAGEMENT, Story, accounts
from tests.organisation.test_people import given

ISSUER = "token.actions.githubusercontent.com"
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:Get*", "Resource": "*"}]}
WIDER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
PRODUCTION, MACHINES = "aws+production@shop.example", "aws+machines@shop.example"
WANTED: dict[str, Any] = {
    "accounts": {"production": {}, "machines": {}},
    "groups": {"engineers": {"assign": [{"accounts": ["production"], "permission_set": "engineer"}]}},
    "permission_sets": {"engineer": {"inline": READ, "customer_policies": [{"name": "engineer-2"}]}},
}
GITHUB = {"repository": "shop/web", "account": "production", "environment": "production", "replaces": "github-actions"}
VENDOR = {"name": "vercel", "roles": ["production/vercel-web"], "replaces": "vercel", "external_id": "shop-1"}
OF_MACHINES: dict[str, Any] = {
    "access_management": "machines",
    "github": [GITHUB],
    "vendors": [VENDOR],
    "machines": {
        "production/deploy-shop-web-production": {"inline": WIDER},
        "production/vercel-web": {"inline": READ},
    },
}


@pytest.fixture(autouse=True)
def _accounts_by_their_keys(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator tells accounts by the keys that it gave, and takes others for the management account's."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr("moto.iam.models.DEFAULT_ACCOUNT_ID", MANAGEMENT)


def identities(story: Story, **said: Any) -> None:
    """Add the section to migration.yaml."""
    path = story.folder / "migration.yaml"
    yaml = YAML()
    whole = yaml.load(path)
    whole["identities"] = said
    with path.open("w") as stream:
        yaml.dump(whole, stream)


def iam(email: str) -> Any:
    """IAM of a member account."""
    role = f"arn:aws:iam::{accounts()[email]}:role/OrganizationAccountAccessRole"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
    return boto3.client(
        "iam", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def document_of(email: str, name: str) -> Any:
    """The default version of a policy, or None where there is none."""
    client, arn = iam(email), f"arn:aws:iam::{accounts()[email]}:policy/{name}"
    try:
        version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    except ClientError:
        return None
    return client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def test_a_policy_of_a_permission_set_stands_in_the_account_before_it_is_assigned_there(story: Story) -> None:
    story.want(WANTED)
    identities(story, policies={"engineer-2": READ})
    first = story.stand()
    before = given()

    second = story.stand()
    again = story.plan()
    stands = document_of(PRODUCTION, "engineer-2")
    after = given()
    verified = story.type("verify", "--plan", second["plan"])
    story.undo(second["plan"])

    assert any("assignments that need those policies" in said and "production" in said for said in first["findings"])
    assert before == set()
    assert after == {("engineers", "engineer", PRODUCTION)}
    assert stands == READ
    assert again["todo"] == 0
    assert " 0 different" in verified.err
    assert (document_of(PRODUCTION, "engineer-2"), given()) == (None, set())


def test_a_changed_policy_is_a_new_version_and_put_back(story: Story) -> None:
    story.want(WANTED)
    identities(story, policies={"engineer-2": READ})
    story.stand()
    story.stand()
    identities(story, policies={"engineer-2": WIDER})

    made = story.stand()
    during = document_of(PRODUCTION, "engineer-2")
    story.undo(made["plan"])

    arn = f"arn:aws:iam::{accounts()[PRODUCTION]}:policy/engineer-2"
    assert during == WIDER
    assert document_of(PRODUCTION, "engineer-2") == READ
    assert len(iam(PRODUCTION).list_policy_versions(PolicyArn=arn)["Versions"]) == 1


def test_machines_get_a_deploy_role_and_a_user_that_may_only_assume_its_role_and_a_rollback_takes_them(
    story: Story,
) -> None:
    story.want({"accounts": WANTED["accounts"]})
    identities(story, **OF_MACHINES)
    story.stand()

    made = story.plan()
    story.type("approve", "--by", "ann")
    stopped = story.type("run", "--engine", "local", expect=3)
    while gate := story.type("status", "--json").json.get("gate"):
        story.type("approve", "--gate", gate, "--by", "ann")
        stopped = story.type("run", "--engine", "local", expect=3)
    told = story.type("status")
    key = iam(MACHINES).create_access_key(UserName="vercel")["AccessKey"]["AccessKeyId"]
    story.type("run", "--engine", "local")

    production, machines = accounts()[PRODUCTION], accounts()[MACHINES]
    provider = iam(PRODUCTION).get_open_id_connect_provider(
        OpenIDConnectProviderArn=f"arn:aws:iam::{production}:oidc-provider/{ISSUER}"
    )
    assert provider["ClientIDList"] == ["sts.amazonaws.com"]
    role = iam(PRODUCTION).get_role(RoleName="deploy-shop-web-production")["Role"]["AssumeRolePolicyDocument"]
    assert role["Statement"][0]["Condition"]["StringEquals"] == {
        f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "repo:shop/web:environment:production",
    }  # fmt: skip
    assert inline(PRODUCTION, "deploy-shop-web-production") == {"as-github-actions": WIDER}
    assert inline(PRODUCTION, "vercel-web") == {"as-vercel": READ}
    trust = iam(PRODUCTION).get_role(RoleName="vercel-web")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{machines}:user/vercel"}
    may = iam(MACHINES).get_user_policy(UserName="vercel", PolicyName="assume-named-roles")["PolicyDocument"]
    assert [s["Resource"] for s in may["Statement"] if s["Effect"] == "Allow"] in (
        [f"arn:aws:iam::{production}:role/vercel-web"], [[f"arn:aws:iam::{production}:role/vercel-web"]],
    )  # fmt: skip
    assert "make its access key" in stopped.err
    assert "create-access-key --user-name vercel" in told.out + told.err
    assert story.plan()["todo"] == 0
    written = b"".join(path.read_bytes() for path in story.folder.rglob("*") if path.is_file())
    assert key.encode() not in written

    iam(MACHINES).delete_access_key(UserName="vercel", AccessKeyId=key)
    story.undo(made["plan"])

    assert iam(MACHINES).list_users()["Users"] == []
    assert {one["RoleName"] for one in iam(PRODUCTION).list_roles()["Roles"]} == {"OrganizationAccountAccessRole"}
    assert iam(PRODUCTION).list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def inline(email: str, role: str) -> dict[str, Any]:
    client = iam(email)
    return {
        name: client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]
    }


def test_a_role_that_trusts_more_than_it_should_is_put_right_and_a_rollback_puts_it_back(story: Story) -> None:
    story.want({"accounts": {"production": {}}})
    story.stand()
    root = {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": root}
    anybody = {"Version": "2012-10-17", "Statement": [statement]}
    client = iam(PRODUCTION)
    client.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(anybody))
    client.put_role_policy(RoleName="deployer", PolicyName="old", PolicyDocument=json.dumps(WIDER))
    identities(
        story, github=[{"repository": "shop/web", "account": "production", "branch": "main", "role": "deployer"}]
    )

    made = story.stand()
    during = client.get_role(RoleName="deployer")["Role"]["AssumeRolePolicyDocument"], inline(PRODUCTION, "deployer")
    story.undo(made["plan"])

    assert during[0]["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert during[1] == {}
    assert client.get_role(RoleName="deployer")["Role"]["AssumeRolePolicyDocument"] == anybody
    assert inline(PRODUCTION, "deployer") == {"old": WIDER}


def test_a_role_whose_rights_nobody_wrote_down_is_refused_before_anything_is_planned(story: Story) -> None:
    story.want({"accounts": {"production": {}}})
    story.stand()
    identities(story, github=[GITHUB])

    said = story.type("plan", expect=None)

    assert said.code != 0
    assert "identities.machines does not say what it may do" in said.err
    assert "migrate people --write" in said.err


def test_an_alias_that_means_two_accounts_is_refused(story: Story) -> None:
    story.want(WANTED)
    identities(story, policies={"engineer-2": READ})
    story.stand()
    path = story.folder / "migration.yaml"
    path.write_text(path.read_text() + 'targets: {production: {account: "222222222222", role: Admin}}\n')

    said = story.type("plan", expect=1)

    assert "production is" in said.err
    assert "222222222222 under targets" in said.err
