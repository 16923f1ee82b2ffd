"""What AWS shows of closed users at the moment of their removal: stacks of any region, and calls that were refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from migrate.demo import clock
from migrate.demo.accounts import LEGACY
from migrate.people.removal import Use
from migrate.verbs import fresh
from tests.people.test_removing import DAY_S, SOAK, Told
from tests.people.test_removing import told as told

FAR = {"Resources": {"Far": {"Type": "AWS::IAM::User", "Properties": {"UserName": "far"}}}}
MORE = {"Resources": {**FAR["Resources"], "Topic": {"Type": "AWS::SNS::Topic"}}}
DECIDED = "  users: {old: {is: unused}, robot: {is: unused}, far: {is: unused}}\n"
AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.world
@pytest.mark.torture
def test_a_stack_in_a_region_that_is_not_scanned_keeps_its_user_and_a_change_of_it_stops_the_run(told: Told) -> None:
    formation = told.running.session(LEGACY).client("cloudformation", region_name="us-east-1")
    formation.create_stack(StackName="far", TemplateBody=json.dumps(FAR))
    told.wants(DECIDED + SOAK)
    told.close()
    clock.push(told.running.home, 15 * DAY_S)
    denied = told.running.home / "faults.json"
    for operation in ("cloudformation:ListStackResources", "cloudtrail:LookupEvents", "ec2:DescribeRegions"):
        denied.write_text(json.dumps({"deny": [operation]}))
        assert operation.partition(":")[2] in told.type("remove", "plan", expect=1).err
        assert not list((told.folder / "removing").glob("*.plan.json"))
    denied.unlink()

    told.type("remove", "plan", "--user", "far")
    (plan,) = (told.folder / "removing").glob("*.plan.json")
    told.approve()
    formation.update_stack(StackName="far", TemplateBody=json.dumps(MORE))
    stopped = told.type("remove", "run", "--engine", "local", expect=4).err

    assert "aws cloudformation delete-stack --stack-name far --region us-east-1" in plan.read_text()
    assert "far: stack" in stopped
    assert "far" in told.names()


@pytest.mark.world
@pytest.mark.torture
def test_a_call_that_was_refused_since_the_closing_keeps_the_user(told: Told) -> None:
    told.close()
    clock.push(told.running.home, 15 * DAY_S)
    key = told.iam.create_access_key(UserName="old")["AccessKey"]
    sts = boto3.client(
        "sts", endpoint_url=told.running.endpoint, region_name="eu-west-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    denied = told.running.home / "faults.json"
    denied.write_text(json.dumps({"deny": ["sts:GetCallerIdentity"]}))
    with pytest.raises(sts.exceptions.ClientError):
        sts.get_caller_identity()
    denied.unlink()
    # Nothing of the user itself shows the call any more, as with an SSH key or a credential of a single service.
    told.iam.delete_access_key(UserName="old", AccessKeyId=key["AccessKeyId"])

    answer = told.type("remove", "plan", "--json").json

    assert answer["users"] == ["ana", "robot"]
    assert "CloudTrail saw its sts:GetCallerIdentity (AccessDenied) in eu-west-1" in answer["not_removed"]["old"]
    assert "after it was closed: somebody still needs it" in answer["not_removed"]["old"]


class _Trail:
    """A region's event history, the newest first."""

    region = "eu-west-1"

    def __init__(self, *who: dict[str, Any]) -> None:
        self._events = [
            {"EventTime": AT, "CloudTrailEvent": json.dumps({
                "userIdentity": one, "eventSource": "codecommit.amazonaws.com", "eventName": "GitPull"})}
            for one in who
        ]  # fmt: skip

    def pages(self, operation: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        assert operation == "cloudtrail.LookupEvents"
        assert asked["LookupAttributes"] == [{"AttributeKey": "Username", "AttributeValue": "ana"}]
        yield from self._events


OWN = {"type": "IAMUser", "userName": "ana"}
SESSION = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}}}
FEDERATED = {"type": "FederatedUser", "sessionContext": {"sessionIssuer": {"type": "IAMUser", "userName": "ana"}}}


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ((OWN,), "CloudTrail saw its codecommit:GitPull in eu-west-1"),
        ((SESSION, FEDERATED), "CloudTrail saw its codecommit:GitPull in eu-west-1"),
        ((SESSION, SESSION), ""),
        ((SESSION,) * 1001, "CloudTrail has more than 1000 events under its name in eu-west-1, not all read: one"),
        ((), ""),
    ],
)
def test_of_all_events_under_a_name_only_the_users_own_count_and_too_many_count_as_one(
    who: tuple[dict[str, Any], ...], said: str
) -> None:
    found = fresh._latest(_Trail(*who), "ana", AT.timestamp())  # type: ignore[arg-type]

    assert found == (Use(AT.timestamp(), said) if said else None)
