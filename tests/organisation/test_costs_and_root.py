"""One bill told apart by tags and categories, and root users looked after from the management account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.ce.responses import CostExplorerResponse
from moto.iam.models import AccountSummary, iam_backends
from moto.iam.responses import IamResponse

from migrate.demo.strict import ce as strict_ce
from migrate.demo.strict import iam_root_access as strict_root
from migrate.organisation.kinds.iam_member_root import has_credentials
from tests.organisation.story import MANAGEMENT, Story, accounts, organizations


@pytest.fixture(autouse=True)
def _operations() -> Iterator[None]:
    """What the emulator lacks: as the embedded world has it, taken away again."""
    strict_ce.allocation_tags()
    strict_ce.list_categories()
    strict_root.central_root_access()
    yield
    for name in strict_ce.NAMES:
        delattr(CostExplorerResponse, name)
    for name in strict_root.NAMES:
        delattr(IamResponse, name)


def ce() -> Any:
    return boto3.client("ce", region_name="us-east-1")


def tags() -> dict[str, str]:
    return {one["TagKey"]: one["Status"] for one in ce().list_cost_allocation_tags()["CostAllocationTags"]}


def categories() -> dict[str, dict[str, set[str]]]:
    """Name → value → accounts."""
    found = {}
    for one in ce().list_cost_category_definitions()["CostCategoryReferences"]:
        shown = ce().describe_cost_category_definition(CostCategoryArn=one["CostCategoryArn"])["CostCategory"]
        found[one["Name"]] = {rule["Value"]: set(rule["Rule"]["Dimensions"]["Values"]) for rule in shown["Rules"]}
    return found


def features() -> set[str]:
    return set(boto3.client("iam").list_organizations_features()["EnabledFeatures"])


BOXES: dict[str, Any] = {"accounts": {"box": {"owner": "ada@shop.example"}, "other": {}}}


def test_a_tag_is_activated_once_aws_lists_it_and_set_back(story: Story) -> None:
    story.want(BOXES | {"cost_tags": ["owner", "team"]})
    first = story.stand()

    made = story.stand()
    during, again = tags(), story.plan()
    story.undo(made["plan"])

    assert any("owner, team" in said and "24 hours" in said for said in first["findings"])
    assert made["steps"] == 1
    assert during["owner"] == "Active"
    assert again["todo"] == 0
    assert any("yet by team" in said for said in again["findings"])
    assert tags()["owner"] == "Inactive"


def test_cost_categories_name_accounts_are_changed_and_go_again(story: Story) -> None:
    category = {"values": {"sandboxes": ["box", "other"], "head": ["management"]}, "default": "rest"}
    story.want(BOXES | {"cost_categories": {"environment": category}})
    first = story.stand()
    during = categories()
    again = story.plan()["todo"]
    story.want(BOXES | {"cost_categories": {"environment": {"values": {"sandboxes": ["box"]}}}})
    second = story.stand()
    changed = categories()
    story.undo(second["plan"])
    back = categories()
    story.undo(first["plan"])

    ids = accounts()
    box, other = ids["aws+box@shop.example"], ids["aws+other@shop.example"]
    assert during == {"environment": {"sandboxes": {box, other}, "head": {MANAGEMENT}}}
    assert again == 0
    assert changed == {"environment": {"sandboxes": {box}}}
    assert back == during
    assert categories() == {}


def test_an_account_under_two_values_and_an_unknown_one_are_refused(story: Story) -> None:
    story.want(BOXES | {"cost_categories": {"environment": {"values": {"a": ["box"], "b": ["box"]}}}})
    twice = story.type("plan", expect=1).err
    story.want(BOXES | {"cost_categories": {"environment": {"values": {"a": ["nobody"]}}}})
    unknown = story.type("plan", expect=1).err

    assert "box is 'a' already, and 'b' too" in twice
    assert "'nobody' is no alias" in unknown


def test_central_root_access_is_switched_on_with_its_trust_and_off_again(story: Story) -> None:
    story.want(BOXES | {"central_root_access": True})

    made = story.stand()
    during, again = features(), story.plan()["todo"]
    story.undo(made["plan"])

    assert during == {"RootCredentialsManagement", "RootSessions"}
    assert any("keep theirs" in said for said in made["findings"])
    assert again == 0
    assert organizations().list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []


def test_the_world_refuses_central_root_access_before_it_is_trusted(story: Story) -> None:
    organizations().create_organization(FeatureSet="ALL")
    client = boto3.client("iam")

    with pytest.raises(client.exceptions.ClientError) as refused:
        client.enable_organizations_root_sessions()

    assert "ServiceAccessNotEnabled" in str(refused.value)


def test_root_credentials_of_members_are_found_and_waited_for(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr("moto.iam.models.DEFAULT_ACCOUNT_ID", MANAGEMENT)
    monkeypatch.setattr(AccountSummary, "summary_map", AccountSummary.summary_map)  # put back at the end
    strict_root.root_password_in_the_summary()
    wanted = BOXES | {"central_root_access": True}
    story.want(wanted)
    story.stand()
    box = accounts()["aws+box@shop.example"]
    summary = iam_backends[box]["aws"].account_summary
    story.want(wanted | {"no_root_credentials": True})

    assert story.plan()["todo"] == 0
    summary._account_access_keys_present, summary.world_root_password = 1, True
    assert story.plan()["todo"] == 1
    story.type("approve", "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    story.type("approve", "--gate", story.type("status", "--json").json["gate"], "--by", "ann")
    stopped = story.type("run", "--engine", "local", expect=3).err
    told = story.type("status").out
    summary._account_access_keys_present = 0
    story.type("run", "--engine", "local", expect=3)  # the password is left
    summary.world_root_password = False
    story.type("run", "--engine", "local")

    assert "delete the credentials of that account's root user" in stopped
    assert f"aws sts assume-root --target-principal {box}" in told
    assert story.plan()["todo"] == 0


def test_no_root_credentials_without_central_root_access_are_refused(story: Story) -> None:
    story.want(BOXES | {"no_root_credentials": True})

    assert "no_root_credentials: needs central_root_access: true" in story.type("plan", expect=1).err


def test_what_the_summary_does_not_say_counts_as_there() -> None:
    assert has_credentials({"AccountPasswordPresent": 0, "AccountAccessKeysPresent": 0}) == {
        "password": False, "access_keys": False, "certificates": True,
    }  # fmt: skip
