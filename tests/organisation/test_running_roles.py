"""The role under which a migration runs in each account: made by the organisation, with what the newest plan sends."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from migrate import files
from migrate.aws import Aws, Permit, permitted
from migrate.cli import main
from migrate.inventory import Inventory
from migrate.kinds import every_kind
from migrate.names import AccountId, Region
from migrate.policy_evaluation import DIRECT, Asked, Policies, decide
from tests.organisation.story import MANAGEMENT, Story, accounts
from tests.organisation.test_members import PRODUCTION, document_of, iam

OPERATOR = f"arn:aws:iam::{MANAGEMENT}:role/Operator"
HERE = Region("eu-west-1")
SECTION: dict[str, Any] = {"accounts": {"production": {}}, "migration_roles": {"trusted_by": OPERATOR}}


@pytest.fixture(autouse=True)
def _accounts_by_their_keys(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator tells accounts by the keys that it gave, and takes others for the management account's."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr("moto.iam.models.DEFAULT_ACCOUNT_ID", MANAGEMENT)
    monkeypatch.setattr("moto.sqs.models.DEFAULT_ACCOUNT_ID", MANAGEMENT, raising=False)


def want(story: Story, **section: Any) -> None:
    """The organisation, and a migration of everything into production, whose id is known by now."""
    story.want(SECTION | section)
    path, yaml = story.folder / "migration.yaml", YAML()
    whole = yaml.load(path)
    whole["external_id"] = "shop-1"
    whole["targets"] = {"production": {"account": accounts()[PRODUCTION], "role": "OrganizationAccountAccessRole"}}
    whole["placement"] = [{"to": "production", "because": "there is one account"}]
    whole["move"] = [{"runbook": "move-workload", "accounts": ["production"]}]
    with path.open("w") as stream:
        yaml.dump(whole, stream)


def plan_resources(story: Story, *kinds: str) -> None:
    """What a scan for these kinds alone finds, and `migrate plan`."""
    site = Aws(None, {}, None).site(AccountId(MANAGEMENT), HERE, seal=lambda name, value: value)
    found = []
    for name in kinds:
        kind = every_kind()[name]
        with permitted(Permit(kind.reads, scan=True)):
            found += list(kind.scan(site))
    assert found
    files.write_inventory(story.folder, Inventory(AccountId(MANAGEMENT), (HERE,), kinds, tuple(found)))
    said = CliRunner().invoke(main, ["plan", str(story.folder)])
    assert said.exit_code == 0, said.output


def attached() -> dict[str, Any]:
    """The policies that the role holds, by name."""
    held = iam(PRODUCTION).list_attached_role_policies(RoleName="migrate-run")["AttachedPolicies"]
    return {one["PolicyName"]: document_of(PRODUCTION, one["PolicyName"]) for one in held}


def may(action: str) -> bool:
    """Whether the role's policies, as they stand, allow it."""
    account = accounts()[PRODUCTION]
    asked = Asked(f"arn:aws:iam::{account}:role/migrate-run", action, "*", DIRECT, account, account)
    return decide(asked, Policies(identity=tuple(attached().values()))).outcome == "allowed"


def roles() -> set[str]:
    return {one["RoleName"] for one in iam(PRODUCTION).list_roles()["Roles"]}


def test_the_role_of_a_run_stands_with_what_the_newest_plan_sends_and_follows_the_next_plan(story: Story) -> None:
    boto3.client("iam").create_role(RoleName="Operator", AssumeRolePolicyDocument="{}")
    boto3.client("sqs", region_name=HERE).create_queue(QueueName="jobs")
    boto3.client("sns", region_name=HERE).create_topic(Name="news")
    story.want({"accounts": {"production": {}}})
    story.stand()
    want(story)
    before = story.plan()
    plan_resources(story, "sqs.queue")

    made = story.stand()
    trust = iam(PRODUCTION).get_role(RoleName="migrate-run")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    first = {
        action: may(action) for action in ("sqs:CreateQueue", "sqs:DeleteQueue", "sns:CreateTopic", "iam:CreateUser")
    }
    again = story.plan()
    plan_resources(story, "sqs.queue", "sns.topic")
    second = story.stand()
    then = may("sns:CreateTopic")
    story.undo(second["plan"])
    back = may("sns:CreateTopic")
    story.undo(made["plan"])

    assert before["todo"] == 0
    assert any("no role migrate-run is made in production: no plan of resources" in one for one in before["findings"])
    assert any("say role: migrate-run under targets.production" in one for one in made["findings"])
    assert trust == [
        {"Effect": "Allow", "Principal": {"AWS": OPERATOR}, "Action": "sts:AssumeRole",
         "Condition": {"StringEquals": {"sts:ExternalId": "shop-1"}}}
    ]  # fmt: skip
    assert first == {
        "sqs:CreateQueue": True, "sqs:DeleteQueue": True, "sns:CreateTopic": False, "iam:CreateUser": False,
    }  # fmt: skip
    assert again["todo"] == 0
    assert (then, back) == (True, False)
    assert roles() == {"OrganizationAccountAccessRole"}
    assert iam(PRODUCTION).list_policies(Scope="Local")["Policies"] == []


@pytest.mark.torture
def test_the_role_goes_once_nobody_wants_it(story: Story) -> None:
    boto3.client("sqs", region_name=HERE).create_queue(QueueName="jobs")
    story.want({"accounts": {"production": {}}})
    story.stand()
    want(story)
    plan_resources(story, "sqs.queue")
    story.stand()
    there = roles()

    story.want({"accounts": {"production": {}}, "withdrawal": {"unwanted": True}})
    story.stand()

    assert there == {"OrganizationAccountAccessRole", "migrate-run"}
    assert roles() == {"OrganizationAccountAccessRole"}


def test_whoever_may_come_in_is_one_principal(story: Story) -> None:
    story.want(SECTION | {"migration_roles": {"trusted_by": f"arn:aws:iam::{MANAGEMENT}:root"}})

    said = story.type("plan", expect=1).err

    assert "organisation.migration_roles.trusted_by" in said
