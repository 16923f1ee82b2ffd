"""What is said of the management account itself: its root user, what runs in it, and where Identity Center stands."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto.iam.models import AccountSummary
from moto.ssoadmin.models import SSOAdminBackend

from tests.organisation.story import HEAD, MANAGEMENT, Story

PEOPLE = {"groups": {"all": {}}}


def elsewhere(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """IAM Identity Center stands in that region alone."""
    real = SSOAdminBackend.list_instances
    monkeypatch.setattr(
        SSOAdminBackend, "list_instances", lambda self: real(self) if self.region_name == region else []
    )


def test_identity_center_in_another_region_refuses_the_plan_and_says_which(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch, "us-east-1")
    story.want(PEOPLE)
    refused = story.type("plan", expect=1).err

    story.want(PEOPLE | {"identity_center": {"region": "us-east-1"}})
    made = story.plan()

    assert "IAM Identity Center stands in us-east-1, and not in eu-west-1" in refused
    assert "identity_center: {region: us-east-1}" in refused
    assert made["refusals"] == []


def test_identity_center_that_stands_nowhere_is_waited_for(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, "nowhere")
    story.want(PEOPLE)

    assert story.plan()["refusals"] == []


def test_a_root_user_without_mfa_is_said_until_it_has_a_device(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.want({})
    before = story.plan()["findings"]

    shown: Any = AccountSummary.summary_map
    monkeypatch.setattr(AccountSummary, "summary_map", property(lambda it: shown.fget(it) | {"AccountMFAEnabled": 1}))
    after = story.plan()["findings"]

    said = f"the root user of the management account {MANAGEMENT} has no MFA device"
    assert any(said in one for one in before)
    assert not any("MFA" in one for one in after)


def test_what_runs_in_a_management_account_of_its_own_is_counted(story: Story) -> None:
    boto3.client("sqs", region_name="eu-west-1").create_queue(QueueName="jobs")
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
    key: Any = {"AttributeName": "id", "KeyType": "HASH"}
    dynamodb.create_table(
        TableName="t", KeySchema=[key], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    story.want({})
    as_legacy = story.plan()["findings"]

    path = story.folder / "migration.yaml"
    text = path.read_text()
    head = str(HEAD["legacy"]["account"])
    path.write_text(text.replace(f"legacy:\n  account: '{head}'", "legacy:\n  account: '999999999999'", 1))
    assert path.read_text() != text
    alone = story.plan()["findings"]

    assert not any("the management account holds" in one for one in as_legacy)
    assert any("the management account holds 1 tables: no guard rail holds for it" in one for one in alone)
