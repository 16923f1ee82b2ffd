"""Budgets, contacts, services that act for the organisation, and what stands that nobody wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.budgets.responses import BudgetsResponse

from migrate.demo.strict import budgets as strict_budgets
from tests.organisation.story import MANAGEMENT, Story, accounts, organizations, tree

PERSON = {"name": "Ada Lovelace", "title": "CTO", "email": "ada@shop.example", "phone": "+44 20 1234"}
BOX = "aws+box@shop.example"


@pytest.fixture(autouse=True)
def _actions() -> Iterator[None]:
    """The emulator has no budget actions: those of the embedded world, taken away again."""
    names = ("create_budget_action", "describe_budget_actions_for_budget", "delete_budget_action")
    strict_budgets.actions()
    yield
    for name in names:
        delattr(BudgetsResponse, name)


def budgets() -> Any:
    return boto3.client("budgets", region_name="us-east-1")


def contact(sort: str, **account: str) -> str | None:
    client = boto3.client("account", region_name="us-east-1")
    try:
        return str(client.get_alternate_contact(AlternateContactType=sort, **account)["AlternateContact"]["Name"])
    except client.exceptions.ResourceNotFoundException:
        return None


def test_a_sandbox_has_a_budget_that_tells_and_stops(story: Story) -> None:
    box = {"budget": {"usd": 50, "email": "ada@shop.example"}}
    story.want({"units": {"Sandbox": {"accounts": {"box": box}}}})

    made = story.stand()

    said = story.type("verify").err
    one = budgets().describe_budgets(AccountId=MANAGEMENT)["Budgets"][0]
    assert one["CostFilters"] == {"LinkedAccount": [accounts()[BOX]]}
    assert float(one["BudgetLimit"]["Amount"]) == 50
    told = budgets().describe_notifications_for_budget(AccountId=MANAGEMENT, BudgetName="box")["Notifications"]
    assert sorted((n["NotificationType"], n["Threshold"]) for n in told) == [
        ("ACTUAL", 50.0), ("ACTUAL", 80.0), ("ACTUAL", 100.0), ("FORECASTED", 100.0),
    ]  # fmt: skip
    action = budgets().describe_budget_actions_for_budget(AccountId=MANAGEMENT, BudgetName="box")["Actions"][0]
    listed = organizations().list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    policies = {policy["Id"]: policy["Name"] for policy in listed}
    stop = action["Definition"]["ScpActionDefinition"]
    assert (policies[stop["PolicyId"]], stop["TargetIds"]) == ("deny-create", [accounts()[BOX]])
    assert action["ApprovalModel"] == "AUTOMATIC"
    assert "different" in said
    assert any("no hard cap" in finding for finding in made["findings"])
    assert story.plan()["todo"] == 0

    story.undo(made["plan"])

    assert budgets().describe_budgets(AccountId=MANAGEMENT)["Budgets"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []


def test_contacts_services_and_delegations_stand_and_go_again(story: Story) -> None:
    story.want(
        {
            "accounts": {"box": {}},
            "contacts": {"SECURITY": PERSON},
            "services": ["cloudtrail.amazonaws.com"],
            "delegated": {"guardduty.amazonaws.com": "box"},
        }
    )

    made = story.stand()
    during = contact("SECURITY"), contact("SECURITY", AccountId=accounts()[BOX])
    trusted = _trusted()
    admins = organizations().list_delegated_administrators()["DelegatedAdministrators"]
    again = story.plan()["todo"]
    story.undo(made["plan"])

    assert during == ("Ada Lovelace", "Ada Lovelace")
    assert trusted == {"account.amazonaws.com", "cloudtrail.amazonaws.com", "guardduty.amazonaws.com"}
    assert [one["Email"] for one in admins] == [BOX]
    assert again == 0
    assert (contact("SECURITY"), _trusted()) == (None, set())
    assert organizations().list_delegated_administrators()["DelegatedAdministrators"] == []


def test_a_contact_that_stands_is_changed_and_put_back(story: Story) -> None:
    client = boto3.client("account", region_name="us-east-1")
    client.put_alternate_contact(
        AlternateContactType="BILLING", Name="Old", Title="CFO", EmailAddress="o@shop.example", PhoneNumber="1"
    )
    story.want({"contacts": {"BILLING": PERSON}})

    made = story.stand()
    during = contact("BILLING")
    story.undo(made["plan"])

    assert (during, contact("BILLING")) == ("Ada Lovelace", "Old")


def test_a_policy_that_nobody_wants_is_told_and_left(story: Story) -> None:
    story.want({"units": {"A": {"guard_rails": ["no-iam-users", "sandbox"]}}})
    story.stand()
    story.want({"units": {"A": {"guard_rails": ["sandbox"]}}})

    made = story.plan()

    assert made["todo"] == 0
    assert any("no-iam-users@unit:A" in finding for finding in made["findings"])
    assert tree().keys() == {"", "A"}


def _trusted() -> set[str]:
    found = organizations().list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    return {one["ServicePrincipal"] for one in found}
