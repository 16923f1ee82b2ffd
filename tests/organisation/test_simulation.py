"""Guard rails are tried against what CloudTrail has, before anything is attached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from moto.cloudtrail.responses import CloudTrailResponse

from migrate.config import Config
from migrate.demo.strict import cloudtrail
from migrate.names import AccountId
from migrate.organisation.activity import Activity
from migrate.organisation.difference import Todo
from migrate.organisation.section import Organisation
from migrate.organisation.simulating import findings as told
from migrate.organisation.simulating import rails_to_try, try_rails
from migrate.organisation.wishes import wishes
from tests.organisation.story import MANAGEMENT, Story

THERE = "222222222222"


def called(name: str, region: str = "eu-west-1", *, by: str = "user/ann", **more: Any) -> dict[str, Any]:
    """One record of CloudTrail."""
    account = more.pop("account", MANAGEMENT)
    who: dict[str, Any] = {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:{by}", "accountId": account}
    if by.startswith("role/"):
        role = by.removeprefix("role/")
        issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "userName": role}
        session = f"arn:aws:sts::{account}:assumed-role/{role}/x"
        who = {"type": "AssumedRole", "arn": session, "accountId": account, "sessionContext": {"sessionIssuer": issuer}}
    service, _, operation = name.partition(":")
    return {
        "eventVersion": "1.09", "userIdentity": who, "eventTime": "2026-11-20T10:00:00Z", "eventName": operation,
        "eventSource": f"{service}.amazonaws.com", "awsRegion": region, "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli", "eventID": f"id-{operation}", "eventType": "AwsApiCall", "recipientAccountId": account,
        "readOnly": operation.startswith(("Describe", "List", "Get")),
    } | more  # fmt: skip


@pytest.fixture
def trail() -> Iterator[list[Mapping[str, Any]]]:
    """LookupEvents of the embedded world; what a test adds was called."""
    cloudtrail.lookup_events()
    cloudtrail.EVENTS.clear()
    yield cloudtrail.EVENTS  # type: ignore[misc]  # a deque, which appends as a list does
    cloudtrail.EVENTS.clear()
    del CloudTrailResponse.lookup_events


def findings(story: Story) -> str:
    return "\n".join(story.plan()["findings"])


def test_the_plan_says_which_real_calls_a_rail_would_have_denied_and_to_whom(
    story: Story, trail: list[Mapping[str, Any]]
) -> None:
    trail += [
        called("ec2:RunInstances", "us-east-1"),
        called("ec2:RunInstances", "us-east-1"),
        called("ec2:RunInstances"),
        called("iam:CreateUser", "us-east-1", by="role/deploy"),
        called("ec2:DescribeVpcs", "ap-south-1"),
    ]
    story.want({"units": {"A": {"guard_rails": ["no-iam-users"]}}, "guard_rails": {"everywhere": ["allowed-regions"]}})

    said = findings(story)

    assert "guard rail allowed-regions would have denied 3 of 5 recent calls in legacy" in said
    assert f"2 x ec2:RunInstances by arn:aws:iam::{MANAGEMENT}:user/ann" in said
    assert "1 x ec2:DescribeVpcs" in said
    assert "guard rail no-iam-users would have denied 1 of 5" in said
    assert f"1 x iam:CreateUser by arn:aws:iam::{MANAGEMENT}:role/deploy" in said
    page = (story.folder / "organisation" / "guard-rails.md").read_text()
    assert "### allowed-regions" in page
    assert "denied: 2 x ec2:RunInstances" in page


def test_what_passes_only_by_the_exemption_is_counted_apart(story: Story, trail: list[Mapping[str, Any]]) -> None:
    trail += [called("iam:CreateUser", "us-east-1", by="role/migrate-run"), called("iam:ListUsers", "us-east-1")]
    story.want({"guard_rails": {"everywhere": ["no-iam-users"]}})

    said = findings(story)

    assert (
        "would have denied 0 of 2 recent calls in legacy; 1 more pass only because the migration's roles are exempt"
        in said
    )


def test_the_calls_of_this_tool_itself_are_left_out(story: Story, trail: list[Mapping[str, Any]]) -> None:
    trail += [called("iam:CreateUser", "us-east-1", userAgent="migrate-aws/0.1 Botocore/1"), called("ec2:DescribeVpcs")]
    story.want({"guard_rails": {"everywhere": ["no-iam-users"]}})

    assert "1 guard rails deny none of 1 recent calls in legacy" in findings(story)


def test_a_trail_of_this_tools_own_calls_alone_is_said_to_be_empty(
    story: Story, trail: list[Mapping[str, Any]]
) -> None:
    trail.append(called("iam:CreateUser", "us-east-1", userAgent="migrate-aws/0.1 Botocore/1"))
    story.want({"guard_rails": {"everywhere": ["no-iam-users"]}})

    assert "CloudTrail shows no recent calls in legacy" in findings(story)


def test_a_rail_that_nothing_would_have_met_says_so_and_a_second_plan_tries_nothing(
    story: Story, trail: list[Mapping[str, Any]]
) -> None:
    trail.append(called("ec2:DescribeVpcs"))
    story.want({"guard_rails": {"everywhere": ["allowed-regions"]}})

    made = story.stand()
    again = "\n".join(story.plan()["findings"])

    assert any("1 guard rails deny none of 1 recent calls in legacy" in said for said in made["findings"])
    assert "recent calls" not in again


def test_each_account_is_tried_under_the_rails_that_will_hold_for_it() -> None:
    section = Organisation.model_validate(
        {
            "management": {"account": MANAGEMENT},
            "email": "aws+{alias}@shop.example",
            "units": {"S": {"guard_rails": ["sandbox"], "accounts": {"box": {"guard_rails": ["no-iam-users"]}}}},
            "accounts": {"bare": {}, "absent": {"guard_rails": ["sandbox"]}},
        }
    )
    legacy = {"account": MANAGEMENT, "regions": ["eu-west-1"]}
    whole = {"schema": "migrate.config/1", "migration": "shop", "legacy": legacy, "organisation": section}
    config = Config.model_validate(whole)
    todo = Todo(tuple(one for one in wishes(section, ("eu-west-1",), MANAGEMENT) if "policy" in one.ref.kind), {}, ())
    bad = called("redshift:CreateCluster", account=THERE), called("iam:CreateUser", "us-east-1", account=THERE)
    seen = [Activity(AccountId(THERE), "box", tuple({"CloudTrailEvent": json.dumps(one)} for one in bad))]

    rails = rails_to_try(section, config, todo)
    tried = try_rails(section, ("eu-west-1",), rails, seen)
    said = list(told(tried, rails, seen, "page", ["absent"]))

    assert rails == {
        "box": ("sandbox", "no-iam-users"),
        "absent": ("sandbox",),
        "legacy": ("sandbox",),
    }
    assert [(one.rail, one.denied) for one in tried] == [("sandbox", 1), ("no-iam-users", 1)]
    assert "guard rails are not tried in accounts that do not stand yet: absent" in said


def test_an_account_whose_trail_is_refused_is_said_and_not_taken_for_quiet(
    story: Story, monkeypatch: pytest.MonkeyPatch, trail: list[Mapping[str, Any]]
) -> None:
    from migrate.demo.strict._refusal import Refusal

    def refuse(self: Any) -> Any:
        raise Refusal("AccessDeniedException", "not authorized to perform cloudtrail:LookupEvents")

    monkeypatch.setattr(CloudTrailResponse, "lookup_events", refuse)
    story.want({"guard_rails": {"everywhere": ["allowed-regions"]}})

    said = findings(story)

    assert said.count("could not be simulated against recent calls in legacy: writes in eu-west-1, reads in") == 1
    assert "not authorized" in said
    assert "deny none" not in said


def test_more_calls_than_are_read_are_said_with_the_day_they_end(
    story: Story, monkeypatch: pytest.MonkeyPatch, trail: list[Mapping[str, Any]]
) -> None:
    monkeypatch.setattr("migrate.organisation.activity.recent.__kwdefaults__", {"most": 120})
    trail += [called("ec2:RunInstances", eventID=f"e{number}") for number in range(130)]
    story.want({"guard_rails": {"everywhere": ["allowed-regions"]}})

    said = findings(story)

    assert "deny none of 120 recent calls in legacy" in said
    assert "not every recent call in legacy was read: no writes in eu-west-1 before 2026-11-20" in said


def test_the_world_pages_the_trail_as_aws_does(story: Story, trail: list[Mapping[str, Any]]) -> None:
    import boto3

    trail += [called("ec2:RunInstances", eventID=f"e{number}") for number in range(60)]
    client = boto3.client("cloudtrail", region_name="eu-west-1")

    first = client.lookup_events()
    second = client.lookup_events(NextToken=first["NextToken"])

    assert (len(first["Events"]), len(second["Events"])) == (50, 10)
    assert json.loads(first["Events"][0]["CloudTrailEvent"])["eventName"] == "RunInstances"
    assert "NextToken" not in second
    with pytest.raises(client.exceptions.InvalidMaxResultsException):
        client.lookup_events(MaxResults=51)
