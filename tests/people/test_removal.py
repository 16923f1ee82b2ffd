"""Who may be removed, how many, and what a person is told: the rules of removing, without an account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from migrate.cli import main
from migrate.errors import PlanRefused
from migrate.inventory import Resource
from migrate.kind import It, Place
from migrate.kinds import _documents as documents
from migrate.kinds import every_kind
from migrate.kinds.iam_people import AWS_DENY_ALL, DENY_ALL, QUARANTINE
from migrate.names import GLOBAL, Ref
from migrate.people import permissions
from migrate.people.decided import Removal, decisions
from migrate.people.removal import DAY_S, Evidence, Report, cap, planned, read_report, why_not
from migrate.people.removed_user import RemovableFacts, RemovedUser
from migrate.people.stack_user import StackUser, through_stack
from migrate.people.users import users_of
from tests.kinds.shapes import check_request
from tests.people.company import LEGACY, Company, key

CLOSED = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
ALL = "arn:aws:iam::111111111111:"


def facts(**more: Any) -> RemovableFacts:
    """A user with one of everything."""
    plain: dict[str, Any] = {
        "path": "/", "unique_id": "AIDAEXAMPLE", "created": "2020-01-01T00:00:00+00:00", "groups": ["engineers"],
        "attached": [f"{ALL}policy/own"], "inline": {QUARANTINE: documents.canonical(DENY_ALL), "read": {}},
        "boundary": f"{ALL}policy/edge", "password": True, "password_last_used": "2026-10-30T00:00:00+00:00",
        "keys": [{"id_ends_in": "KEY1", "status": "Inactive", "last_used": "2026-10-31T23:59:59+00:00"},
                 {"id_ends_in": "KEY2", "status": "Inactive", "last_used": "never"}],
        "key_ids": [{"$sealed": "1" * 32, "length": 20}, {"$sealed": "2" * 32, "length": 20}],
        "mfa_devices": [f"{ALL}mfa/ana", "GAHT12345678"], "certificates": ["TA7SMP42TDN5Z26OBPJE7EXAMPLE"],
        "ssh_keys": ["APKAEIVFHP46CEXAMPLE"], "service_credentials": ["ACCA12345678EXAMPLE1"],
    }  # fmt: skip
    return RemovableFacts.model_validate(plain | more)


def it(**more: Any) -> It[RemovableFacts]:
    return It(Ref(LEGACY, GLOBAL, "iam.user", "ana"), f"{ALL}user/ana", {"team": "web"}, facts(**more))


def evidence(**more: Any) -> Evidence:
    report = Report(CLOSED + 14 * DAY_S, {"ana": 0.0})
    return replace(Evidence({}, {"ana": CLOSED}, report, CLOSED + 15 * DAY_S, Removal()), **more)


def used_at(day: str) -> list[dict[str, Any]]:
    return [{"id_ends_in": "KEY1", "status": "Inactive", "last_used": f"{day}T00:00:01+00:00"}]


def test_a_user_that_is_closed_soaked_and_unused_may_go() -> None:
    assert why_not("ana", facts(), evidence()) == ""
    attached = facts(inline={}, attached=[AWS_DENY_ALL])
    assert why_not("ana", attached, evidence()) == ""


@pytest.mark.parametrize(
    ("more", "by", "said"),
    [
        ({}, {"closed_at": {}}, "was not closed by migrate close, or was opened again"),
        ({}, {"spared": {"ana": "is break-glass"}}, "is not closed: is break-glass"),
        ({}, {"now": CLOSED + 13 * DAY_S}, "1.0 of 14 days are left"),
        ({}, {"settings": Removal(soak_days=30)}, "15.0 of 30 days are left"),
        ({"inline": {}}, {}, "is open again"),
        ({"inline": {QUARANTINE: {"Statement": []}}}, {}, "is open again"),
        ({"keys": [{"id_ends_in": "KEY1", "status": "Active", "last_used": "never"}]}, {}, "is open again"),
        ({"keys": used_at("2026-11-01")}, {}, "its key …KEY1 was used on 2026-11-01"),
        ({"password_last_used": "2026-11-14T00:00:00+00:00"}, {}, "it signed in on 2026-11-14"),
        ({}, {"report": Report(CLOSED + DAY_S, {"ana": CLOSED + 1})}, "the credential report says that it was used"),
        ({}, {"report": Report(CLOSED - 1, {"ana": 0.0})}, "older than its closing"),
        ({}, {"report": Report(CLOSED + DAY_S, {})}, "is not in AWS's credential report"),
    ],
)  # fmt: skip
def test_a_user_stays_for_each_reason_alone(more: dict[str, Any], by: dict[str, Any], said: str) -> None:
    assert said in why_not("ana", facts(**more), evidence(**by))


def test_a_plan_removes_no_more_than_was_agreed_on() -> None:
    names = [f"user{number}" for number in range(3)]

    cap(names, 12, Removal(most=3, most_percent=25))
    with pytest.raises(PlanRefused, match=r"most is 2"):
        cap(names, 100, Removal(most=2, most_percent=25))
    with pytest.raises(PlanRefused, match=r"most_percent is 25, of 11 users"):
        cap(names, 11, Removal(most=3, most_percent=25))


def test_a_soak_of_no_days_is_refused() -> None:
    with pytest.raises(Exception, match=r"identities.removal.soak_days"):
        decisions(None, {"removal": {"soak_days": 0}})


def test_the_report_is_read_by_its_columns_and_nothing_else_counts_as_one() -> None:
    head = "user,arn,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n"
    rows = "ana,x,no_information,2026-11-02T00:00:00+00:00,N/A\nbo,x,not_supported,N/A,N/A\n"

    assert read_report(head + rows, 1.0).uses == {"ana": CLOSED + DAY_S, "bo": 0.0}
    with pytest.raises(ValueError, match="columns"):
        read_report("<html>not now</html>", 1.0)


def test_everything_that_aws_wants_gone_is_deleted_and_the_quarantine_last() -> None:
    kind, user = RemovedUser(), it()
    place = Place("shop", LEGACY, GLOBAL, "ana")
    requests = [one for action in kind.actions if action.applies(user) for one in action.requests(user, place)]

    sent = [one.operation.removeprefix("iam.") for one in requests]
    assert sent == [
        "DeleteAccessKey", "DeleteAccessKey", "DeleteLoginProfile", "DeleteSigningCertificate", "DeleteSSHPublicKey",
        "DeleteServiceSpecificCredential", "DeactivateMFADevice", "DeleteVirtualMFADevice", "DeactivateMFADevice",
        "RemoveUserFromGroup", "DetachUserPolicy", "DeleteUserPolicy", "DeleteUserPermissionsBoundary",
        "DeleteUserPolicy", "DeleteUser",
    ]  # fmt: skip
    assert requests[-2].params["PolicyName"] == QUARANTINE
    assert {one.side for one in requests} == {"legacy"}
    inverse = [one.undo for one in requests if one.undo is not None]
    assert inverse[-1].operation == "iam.CreateUser"
    assert inverse[-2].params["PolicyName"] == QUARANTINE
    clear = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    for one in [*requests, *inverse]:
        check_request(one.operation, one.params | (clear if "AccessKeyId" in one.params else {}))
    assert {f"iam.{name}" for name in sent} == permissions.REMOVES
    assert {one.operation for one in inverse} | {"iam.TagUser"} == permissions.PUTS_BACK


def test_what_is_lost_for_good_is_said_of_each_user() -> None:
    said = RemovedUser().finding(it())

    for what in ("its password", "…KEY1, …KEY2", "2 MFA devices", "1 signing certificates", "1 SSH keys",
                 "1 credentials of single services", "the unique id AIDAEXAMPLE"):  # fmt: skip
        assert what in said


def of_a_stack(*more: tuple[str, str]) -> Resource:
    company = Company()
    company.user("ana", access_keys=[key("KEY1"), key("KEY2")])
    company.user("bo")
    company.stack("robots", {
        "Ana": ("AWS::IAM::User", "ana"), "AnaKey": ("AWS::IAM::AccessKey", "…KEY1"), "Bo": ("AWS::IAM::User", "bo"),
        **{name: (sort, name) for name, sort in more},
    })  # fmt: skip
    users = {user.name: user for user in users_of(company.inventory, every_kind())}
    resource = Resource(it().ref, it().arn, {}, None, None, facts().model_dump(mode="json"))
    return planned(resource, users, company.inventory, CLOSED)


def test_a_stack_that_made_nothing_else_is_deleted_and_another_one_is_changed() -> None:
    alone, shared = (StackUser().typed(one) for one in (of_a_stack(), of_a_stack(("Queue", "AWS::SQS::Queue"))))

    assert alone.ref.kind == "iam.stack_user"
    assert "aws cloudformation delete-stack --stack-name robots --region eu-west-1" in " ".join(through_stack(alone))
    said = " ".join(through_stack(shared))
    assert "take Ana, AnaKey, Bo out of the template of stack robots" in said
    assert "that would take along Queue (AWS::SQS::Queue)" in said
    assert "delete-stack" not in said
    assert "delete its access keys …KEY2, which the stack did not make" in said
    assert "delete-user-policy --user-name ana --policy-name migrate-quarantine" in said


def test_whoever_may_close_users_may_not_delete_one() -> None:
    def allowed(purpose: str) -> set[str]:
        said = CliRunner().invoke(main, ["policy", "--for", purpose])
        assert said.exit_code == 0, said.output
        return {action for one in json.loads(said.stdout)["Statement"] for action in one["Action"]}

    assert "iam:DeleteUser" in allowed("remove")
    assert not {"iam:DeleteUser", "iam:DeleteAccessKey", "iam:DeleteLoginProfile"} & allowed("close")
    assert {"iam:UpdateAccessKey", "iam:PutUserPolicy"} <= allowed("close")
