"""Identity Center in the world: roles of permission sets, what stops them, and who gets credentials of one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrate.demo import world
from tests.demo.conftest import PRODUCTION
from tests.demo.signing_in import sign_in, who_am_i

pytestmark = pytest.mark.world

Clients = Callable[..., Any]
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


class Center:
    """A permission set of its own, and a group with one person."""

    def __init__(self, legacy: Clients, name: str) -> None:
        self.sso, self.store, self.name = legacy("sso-admin"), legacy("identitystore"), name
        one = self.sso.list_instances()["Instances"][0]
        self.at = {"InstanceArn": one["InstanceArn"]}
        made = self.sso.create_permission_set(Name=name, **self.at)["PermissionSet"]
        self.set = self.at | {"PermissionSetArn": made["PermissionSetArn"]}
        there = {"IdentityStoreId": one["IdentityStoreId"]}
        self.group = self.store.create_group(DisplayName=name, **there)["GroupId"]
        user = self.store.create_user(
            UserName=f"{name}@shop.example",
            DisplayName="Ana",
            Name={"GivenName": "Ana", "FamilyName": "Costa"},
            **there,
        )["UserId"]
        self.store.create_group_membership(GroupId=self.group, MemberId={"UserId": user}, **there)

    @property
    def assignment(self) -> dict[str, str]:
        return self.set | {"TargetId": PRODUCTION, "TargetType": "AWS_ACCOUNT", "PrincipalType": "GROUP",
                           "PrincipalId": self.group}  # fmt: skip

    def assign(self) -> dict[str, Any]:
        begun = self.sso.create_account_assignment(**self.assignment)["AccountAssignmentCreationStatus"]
        told: dict[str, Any] = self.sso.describe_account_assignment_creation_status(
            AccountAssignmentCreationRequestId=begun["RequestId"], **self.at
        )["AccountAssignmentCreationStatus"]
        return told


@pytest.fixture
def center(legacy: Clients, name: str) -> Center:
    return Center(legacy, name)


def roles(target: Clients, name: str) -> list[dict[str, Any]]:
    pages = target("iam").get_paginator("list_roles").paginate(PathPrefix="/aws-reserved/sso.amazonaws.com/eu-west-1/")
    return [
        r
        for page in pages
        for r in page["Roles"]
        if re.fullmatch(f"AWSReservedSSO_{name}_[0-9a-f]{{16}}", r["RoleName"])
    ]


def test_an_assignment_makes_the_role_and_the_last_one_takes_it_away(center: Center, target: Clients) -> None:
    center.sso.put_inline_policy_to_permission_set(InlinePolicy=json.dumps(READ), **center.set)
    center.sso.attach_managed_policy_to_permission_set(
        ManagedPolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", **center.set
    )
    before = roles(target, center.name)

    told = center.assign()
    (role,) = roles(target, center.name)
    inline = target("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    document = target("iam").get_role_policy(RoleName=role["RoleName"], PolicyName=inline[0])["PolicyDocument"]
    held = target("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    center.sso.delete_account_assignment(**center.assignment)

    assert before == roles(target, center.name) == []
    assert told["Status"] == "SUCCEEDED"
    assert document == READ
    assert [one["PolicyName"] for one in held] == ["ReadOnlyAccess"]


def test_a_customer_managed_policy_that_is_not_in_the_account_fails_the_assignment(
    center: Center, target: Clients
) -> None:
    center.sso.attach_customer_managed_policy_reference_to_permission_set(
        CustomerManagedPolicyReference={"Name": center.name, "Path": "/"}, **center.set
    )

    failed = center.assign()
    made = roles(target, center.name)
    target("iam").create_policy(PolicyName=center.name, PolicyDocument=json.dumps(READ))
    told = center.assign()

    assert failed["Status"] == "FAILED"
    assert f"policy/{center.name} does not exist" in failed["FailureReason"]
    assert made == []
    assert told["Status"] == "SUCCEEDED"
    (role,) = roles(target, center.name)
    held = target("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [one["PolicyName"] for one in held] == [center.name]


def test_a_change_reaches_the_role_when_it_is_provisioned(center: Center, target: Clients) -> None:
    center.assign()
    (role,) = roles(target, center.name)

    center.sso.put_inline_policy_to_permission_set(InlinePolicy=json.dumps(READ), **center.set)
    before = target("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    center.sso.provision_permission_set(TargetType="ALL_PROVISIONED_ACCOUNTS", **center.set)

    assert before == []
    assert len(target("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]) == 1


def test_a_permission_set_that_is_assigned_is_not_deleted(center: Center, refused: Callable[..., str]) -> None:
    center.assign()

    assert refused(center.sso.delete_permission_set, **center.set) == "ConflictException"


def test_who_is_in_the_group_gets_credentials_of_the_role_by_the_sdks_own_way(
    a_world: world.World, center: Center, tmp_path: Path
) -> None:
    center.assign()
    lines = [
        "[sso-session shop]", "sso_start_url = https://shop.awsapps.com/start", "sso_region = eu-west-1",
        "[profile one]", "sso_session = shop", f"sso_account_id = {PRODUCTION}", f"sso_role_name = {center.name}",
        "region = eu-west-1",
    ]  # fmt: skip
    me = f"{center.name}@shop.example"
    sign_in(tmp_path, "shop", me)
    (tmp_path / ".aws" / "config").write_text("\n".join(lines))

    mine = who_am_i(a_world, tmp_path, "one")
    sign_in(tmp_path, "shop", "nobody@shop.example")
    nobody = who_am_i(a_world, tmp_path, "one")
    center.sso.delete_account_assignment(**center.assignment)
    sign_in(tmp_path, "shop", me)
    later = who_am_i(a_world, tmp_path, "one")

    role = f"arn:aws:sts::{PRODUCTION}:assumed-role/AWSReservedSSO_{center.name}_[0-9a-f]{{16}}/{me}"
    assert re.fullmatch(role, mine.stdout.strip()), mine.stderr
    assert "UnauthorizedSSOTokenError" in nobody.stderr
    assert "No access" in later.stderr
