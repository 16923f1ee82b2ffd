"""Recent calls under SCPs that are not attached yet."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from migrate.errors import FileError
from migrate.policy_evaluation import FULL_AWS_ACCESS, Simulation, simulate
from tests.policy_evaluation.asks import HERE, ROLE, ROOT, SESSION, THERE, USER, allow, deny, document

PERSON: Mapping[str, Any] = {"type": "IAMUser", "arn": USER, "accountId": HERE, "userName": "ann"}
ROLE_SESSION: Mapping[str, Any] = {
    "type": "AssumedRole",
    "arn": SESSION,
    "accountId": HERE,
    "sessionContext": {
        "sessionIssuer": {"type": "Role", "arn": ROLE, "userName": "builder"},
        "attributes": {"mfaAuthenticated": "false", "creationDate": "2026-11-20T08:00:00Z"},
    },
}
OUTSIDE = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}
REGION = document(
    {"Sid": "Region", "Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": OUTSIDE}
)


def event(name: str, source: str = "ec2", by: Mapping[str, Any] = PERSON, **record: Any) -> dict[str, Any]:
    """One event as cloudtrail.LookupEvents gives it."""
    found = {
        "eventVersion": "1.09", "userIdentity": by, "eventTime": "2026-11-20T10:00:00Z", "eventName": name,
        "eventSource": f"{source}.amazonaws.com", "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli", "eventID": f"id-{name}", "eventType": "AwsApiCall", "recipientAccountId": HERE,
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }  # fmt: skip
    return {"EventId": f"id-{name}", "EventName": name, "CloudTrailEvent": json.dumps(found | record)}


def tried(scp: Mapping[str, Any], *events: Mapping[str, Any], **others: Any) -> Simulation:
    return simulate(((FULL_AWS_ACCESS,), (FULL_AWS_ACCESS, scp)), events, **others)


def test_calls_that_would_be_denied_are_counted_by_principal_and_action() -> None:
    found = tried(
        REGION,
        event("RunInstances", awsRegion="us-east-1", eventTime="2026-11-19T10:00:00Z"),
        event("RunInstances", awsRegion="us-east-1"),
        event("RunInstances", by=ROLE_SESSION, awsRegion="us-east-1"),
        event("RunInstances"),
        event("CreateUser", "iam", awsRegion="us-east-1"),
    )

    assert [(row.verdict, row.principal, row.action, row.calls) for row in found.denied] == [
        ("denied", USER, "ec2:RunInstances", 2),
        ("denied", ROLE, "ec2:RunInstances", 1),
    ]
    first = found.denied[0]
    assert (first.first, first.last) == ("2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z")
    assert first.service == "ec2"
    assert first.because == ("SCP 2 of level 2, statement 1 (Region)",)
    assert (found.events, found.passing) == (5, 2)
    assert not found.would_break_nothing
    assert str(found).splitlines()[0].startswith("5 events: 3 would be denied, 0 could not be decided, 2 pass")


def test_a_set_that_stops_nothing_says_so() -> None:
    found = tried(REGION, event("RunInstances"), event("DescribeVpcs"))

    assert found.would_break_nothing
    assert found.passing == found.events == 2


def test_a_level_of_denies_alone_denies_everything() -> None:
    found = simulate(((FULL_AWS_ACCESS,), (REGION,)), [event("RunInstances")])

    assert [row.because for row in found.denied] == [("no SCP of level 2 allows it",)]


def test_the_carve_out_for_a_role_is_seen_in_its_sessions() -> None:
    spared = document(
        {
            **REGION["Statement"][0],
            "Condition": {**OUTSIDE, "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/dev/*"}},
        }
    )

    found = tried(
        spared,
        event("RunInstances", by=ROLE_SESSION, awsRegion="us-east-1"),
        event("RunInstances", awsRegion="us-east-1"),
    )

    assert [row.principal for row in found.denied] == [USER]


@pytest.mark.parametrize(
    ("by", "record", "why"),
    [
        ({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, {}, "a service acted by itself"),
        ({"type": "AWSAccount", "accountId": THERE}, {}, "a principal of another account"),
        ({**PERSON, "arn": f"arn:aws:iam::{THERE}:user/x", "accountId": THERE}, {}, "a principal of another account"),
        ({"type": "WebIdentityUser", "userName": "x"}, {}, "a sign-in without a principal of the account"),
        (PERSON, {"eventType": "AwsServiceEvent"}, "not a call (AwsServiceEvent)"),
        (PERSON, {"eventType": "AwsConsoleSignIn"}, "not a call (AwsConsoleSignIn)"),
        (
            {**ROLE_SESSION, "sessionContext": {"sessionIssuer": {
                "arn": f"arn:aws:iam::{HERE}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"}}},
            {},
            "a service-linked role",
        ),
    ],
)  # fmt: skip
def test_where_scps_have_no_say_the_reason_is_counted(by: Mapping[str, Any], record: dict[str, Any], why: str) -> None:
    found = tried(deny(), event("RunInstances", by=by, **record))

    assert found.denied == ()
    assert found.not_limited == {why: 1}
    assert f"1 {why}" in str(found)


def test_the_management_account_is_not_limited_and_the_root_user_of_others_is() -> None:
    root = {"type": "Root", "arn": ROOT, "accountId": HERE}

    assert tried(deny(), event("RunInstances", by=root), management_account=HERE).denied == ()
    assert [row.principal for row in tried(deny(), event("RunInstances", by=root)).denied] == [ROOT]


def test_calls_that_were_refused_at_the_time_are_counted_apart() -> None:
    found = tried(
        deny("ec2:*"),
        event("RunInstances", errorCode="Client.UnauthorizedOperation"),
        event("RunInstances", errorCode="AccessDenied"),
        event("RunInstances", errorCode="Client.InvalidParameterValue"),
    )

    assert (found.refused_before, found.denied[0].calls) == (2, 1)


@pytest.mark.parametrize(
    ("source", "name", "action"),
    [
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "PutBucketEncryption", "s3:PutEncryptionConfiguration"),
        ("lambda", "CreateFunction20150331", "lambda:CreateFunction"),
        ("lambda", "UpdateFunctionCode20150331v2", "lambda:UpdateFunctionCode"),
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("cloudfront", "CreateDistribution2020_05_31", "cloudfront:CreateDistribution"),
        ("monitoring", "PutMetricAlarm", "cloudwatch:PutMetricAlarm"),
        ("tagging", "GetResources", "tag:GetResources"),
        ("apigateway", "CreateRestApi", "apigateway:POST"),
        ("ec2", "RunInstances", "ec2:RunInstances"),
    ],
)
def test_an_event_is_decided_as_the_action_that_iam_checks(source: str, name: str, action: str) -> None:
    other = allow(NotAction=action)
    del other["Statement"][0]["Action"]

    assert tried(deny(action), event(name, source)).denied[0].calls == 1
    assert simulate(((other,),), [event(name, source)]).denied[0].verdict == "denied"


def test_an_operation_whose_method_is_not_known_is_left_open() -> None:
    found = tried(deny("apigateway:POST"), event("ImportRestApi", "apigateway"), event("GetRestApis", "apigateway"))

    assert [(row.verdict, row.action) for row in found.denied] == [("could not be decided", "apigateway:ImportRestApi")]


@pytest.mark.parametrize(
    ("created", "verdicts"),
    [("20131102T010628Z", ["denied"]), ("2026-11-20T09:30:00Z", []), ("lately", ["could not be decided"])],
)
def test_the_age_of_a_session_is_read_in_both_forms(created: str, verdicts: list[str]) -> None:
    old = deny(Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T09:00:00Z"}})
    context = {**ROLE_SESSION["sessionContext"], "attributes": {"mfaAuthenticated": "false", "creationDate": created}}

    found = tried(old, event("RunInstances", by={**ROLE_SESSION, "sessionContext": context}))

    assert [row.verdict for row in found.denied] == verdicts


class TestWhatAnEventDoesNotSay:
    LOCKED = deny("ec2:*", "arn:aws:ec2:*:*:instance/i-1")

    def test_a_resource_that_is_not_named_leaves_it_open(self) -> None:
        found = tried(self.LOCKED, event("StopInstances"), event("GetUser", "iam"))

        assert [(row.verdict, row.action) for row in found.denied] == [("could not be decided", "ec2:StopInstances")]
        assert "whether the resource is arn:aws:ec2:*:*:instance/i-1 is not known" in found.denied[0].because[0]
        assert not found.would_break_nothing

    def test_a_resource_of_another_service_is_not_meant(self) -> None:
        assert tried(deny("*", "arn:aws:iam::*:role/x"), event("StopInstances")).would_break_nothing

    def test_named_resources_are_used(self) -> None:
        one, two = f"arn:aws:ec2:eu-west-1:{HERE}:instance/i-1", f"arn:aws:ec2:eu-west-1:{HERE}:instance/i-2"

        assert tried(self.LOCKED, event("StopInstances", resources=[{"ARN": one}])).denied[0].verdict == "denied"
        assert tried(self.LOCKED, event("StopInstances", resources=[{"ARN": two}])).would_break_nothing
        both = tried(self.LOCKED, event("StopInstances", resources=[{"ARN": one}, {"ARN": two}]))
        assert both.denied[0].verdict == "could not be decided"

    def test_a_use_of_a_key_does_not_wait_for_its_key_policy(self) -> None:
        key = f"arn:aws:kms:eu-west-1:{HERE}:key/1"

        assert tried(REGION, event("Decrypt", "kms", resources=[{"ARN": key}])).would_break_nothing

    def test_the_address_of_a_service_that_calls_on_somebodys_behalf_is_not_known(self) -> None:
        elsewhere = deny(Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
        through = event("RunInstances", by=ROLE_SESSION, sourceIPAddress="cloudformation.amazonaws.com")

        assert tried(elsewhere, through).denied[0].verdict == "could not be decided"

    def test_the_organisation_is_given_with_the_context(self) -> None:
        strangers = deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})

        assert tried(strangers, event("RunInstances")).denied[0].verdict == "could not be decided"
        assert tried(strangers, event("RunInstances"), context={"aws:principalorgid": ("o-1",)}).would_break_nothing

    def test_tags_in_a_request_are_not_known(self) -> None:
        tagged = deny("ec2:RunInstances", Condition={"Null": {"aws:RequestTag/Project": "true"}})

        assert tried(tagged, event("RunInstances")).denied[0].verdict == "could not be decided"


@pytest.mark.parametrize(
    ("by", "record", "condition", "denied"),
    [
        (PERSON, {}, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, True),
        (ROLE_SESSION, {}, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
        (PERSON, {}, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, False),
        (PERSON, {}, {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        (PERSON, {"sourceIPAddress": "198.51.100.1"}, {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
        (
            {**ROLE_SESSION, "invokedBy": "cloudformation.amazonaws.com"},
            {"sourceIPAddress": "cloudformation.amazonaws.com"},
            {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:ViaAWSService": "false"}},
            False,
        ),
        (PERSON, {"vpcEndpointId": "vpce-1"}, {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
        (PERSON, {}, {"Null": {"aws:SourceVpce": "true"}}, True),
        (PERSON, {"vpcEndpointId": "vpce-1"}, {"Null": {"aws:SourceVpce": "true"}}, False),
        (PERSON, {}, {"DateGreaterThan": {"aws:CurrentTime": "2026-11-20T09:00:00Z"}}, True),
        (PERSON, {}, {"Null": {"aws:TokenIssueTime": "false"}}, False),
        (ROLE_SESSION, {}, {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T09:00:00Z"}}, True),
        (PERSON, {}, {"Bool": {"aws:SecureTransport": "false"}}, False),
    ],
)
def test_what_an_event_says_of_its_request_is_used(
    by: Mapping[str, Any], record: dict[str, Any], condition: dict[str, Any], denied: bool
) -> None:
    found = tried(deny("ec2:*", Condition=condition), event("RunInstances", by=by, **record))

    assert found.would_break_nothing == (not denied)
    assert all(row.verdict == "denied" for row in found.denied)


@pytest.mark.parametrize(
    "broken",
    [
        {"EventId": "e-1", "CloudTrailEvent": "{"},
        {"EventId": "e-1", "CloudTrailEvent": "[]"},
        {"EventId": "e-1", "EventName": "RunInstances"},
        {"EventId": "e-1", "CloudTrailEvent": json.dumps({"userIdentity": {}, "eventSource": "ec2.amazonaws.com"})},
    ],
)
def test_an_event_that_cannot_be_read_is_one_clear_error(broken: dict[str, Any]) -> None:
    with pytest.raises(FileError, match=r"event 2 \(e-1\)"):
        tried(REGION, event("RunInstances"), broken)


def test_no_events_are_no_proof_but_break_nothing() -> None:
    found = tried(deny())

    assert found.events == 0
    assert str(found).startswith("0 events")
