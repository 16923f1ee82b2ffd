"""Guard rails that hold for this tool's own role once the migration is over: told before a step is denied."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from migrate.organisation import stopping
from migrate.organisation.guard_rails import STARTER, Setting
from tests.organisation.story import MANAGEMENT, Story, accounts, organizations

ROLE = "OrganizationAccountAccessRole"
VAULT = "aws+vault@shop.example"
ACCOUNT = "222222222222"
RAILED: dict[str, Any] = {"guard_rails": {"everywhere": ["protect-audit"]}, "accounts": {"vault": {}}}


def sensitive(*spared: str) -> dict[str, Any]:
    rails = {"everywhere": ["protect-audit"]} | ({"always_exempt_roles": list(spared)} if spared else {})
    return {"guard_rails": rails, "accounts": {"vault": {"sensitive": True}}}


@pytest.fixture(autouse=True)
def _accounts_by_their_keys(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr("moto.iam.models.DEFAULT_ACCOUNT_ID", MANAGEMENT)


def blocked() -> bool:
    """Whether the vault's public access is blocked."""
    account = accounts()[VAULT]
    role = f"arn:aws:iam::{account}:role/{ROLE}"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
    client = boto3.client(
        "s3control", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"], region_name="eu-west-1",
    )  # fmt: skip
    try:
        shown = client.get_public_access_block(AccountId=account)
    except ClientError:
        return False
    return set(shown["PublicAccessBlockConfiguration"].values()) == {True}


def test_a_plan_that_a_rail_would_deny_half_way_is_refused_and_goes_on_once_the_role_is_spared(story: Story) -> None:
    story.want(RAILED)
    story.stand()  # every gate is answered: the migration is over
    story.want(sensitive())
    refused = story.type("plan", expect=1).err

    story.want(sensitive(ROLE))
    first = story.stand()
    before = blocked()
    second = story.stand()

    assert f"{ROLE} could not do in vault what this plan wants there: guard rail protect-audit denies" in refused
    assert "s3:PutAccountPublicAccessBlock" in refused
    assert "always_exempt_roles" in refused
    assert any("what is set within vault waits for the next plan" in said for said in first["findings"])
    assert (before, blocked()) == (False, True)
    assert second["todo"] > 0
    assert story.plan()["todo"] == 0


@pytest.mark.torture
def test_while_the_migration_goes_on_the_same_plan_is_not_stopped(story: Story) -> None:
    story.want(RAILED)
    story.plan()
    story.type("approve", "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    story.type("approve", "--gate", "management:canary_gate", "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    story.want(sensitive())

    story.stand()

    assert blocked()


@pytest.mark.torture
def test_a_rail_that_was_made_to_hold_since_the_plan_stops_the_run_before_it_writes(story: Story) -> None:
    story.want(RAILED)
    made = story.plan()
    story.type("approve", "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    story.type("approve", "--gate", "management:canary_gate", "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    story.want(sensitive())
    story.plan()
    story.type("approve", "--by", "ann")
    listed = organizations().list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    rail = next(one["Id"] for one in listed if one["Name"] == "protect-audit")
    deny = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
    organizations().update_policy(PolicyId=rail, Content=deny)

    said = story.type("run", "--engine", "local", expect=4).err

    assert f"guard rail protect-audit denies {ROLE} s3:PutAccountPublicAccessBlock in vault" in said
    assert "nothing was written" in said
    assert not blocked()
    assert made["todo"] > 0


@pytest.mark.parametrize(
    ("rail", "action", "region", "denied"),
    [
        ("protect-audit", "s3:PutAccountPublicAccessBlock", "eu-west-1", True),
        ("protect-audit", "cloudtrail:CreateTrail", "eu-west-1", False),
        ("protect-audit", "cloudtrail:PutEventSelectors", "eu-west-1", True),
        ("sensitive-data", "s3:PutAccountPublicAccessBlock", "eu-west-1", True),
        ("allowed-regions", "ecr:PutRegistryPolicy", "us-east-1", True),
        ("allowed-regions", "ecr:PutRegistryPolicy", "eu-west-1", False),
        ("allowed-regions", "iam:CreateRole", "us-east-1", False),
        ("machine-identities", "iam:CreateUser", "eu-west-1", False),
        ("machine-identities", "cloudtrail:CreateTrail", "eu-west-1", True),
        ("no-iam-users", "iam:CreateUser", "eu-west-1", True),
        ("no-iam-users", "iam:CreateRole", "eu-west-1", False),
    ],
)
@pytest.mark.parametrize("spared", [(), (ROLE,), ("Organization*",)])
def test_what_a_rail_denies_the_role_is_what_it_says(
    rail: str, action: str, region: str, denied: bool, spared: tuple[str, ...]
) -> None:
    content = STARTER[rail].document(Setting(("eu-west-1",), (), spared))

    assert stopping._is_denied(content, ACCOUNT, ROLE, action, region) == (denied and not spared)
