"""IAM: nothing is trusted or granted that was not in legacy, and nothing of a person is carried over."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from migrate.kinds import _documents as documents
from migrate.kinds.iam_people import Group, ManagedPolicy, User
from migrate.kinds.iam_policy import InstanceProfile, Policy
from migrate.kinds.iam_role import Role
from tests.kinds.two_sides import LEGACY, TARGET, TwoSides, two_sides

DEAD = "AROA1234567890ABCDEFG"
SERVICE = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
ROLE, POLICY, PROFILE, USER, GROUP = Role(), Policy(), InstanceProfile(), User(), Group()
MANAGED = ManagedPolicy()
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
LAMBDA_IN_VPC = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"


def doc(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trusts(*principals: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}


def allow(resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource, **more}


def arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{LEGACY}:{kind}/{name}"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


@pytest.fixture
def account(world: TwoSides) -> TwoSides:
    """Two roles that trust each other, a policy that names one of them, a profile, people."""
    iam = world.client("legacy", "iam")
    read = iam.create_policy(
        PolicyName="read",
        Path="/app/",
        Description="reads",
        PolicyDocument=json.dumps(doc(allow([arn("role", "app/api"), "arn:aws:s3:::shop/*"]))),
        Tags=[{"Key": "env", "Value": "prod"}],
    )["Policy"]["Arn"]
    iam.create_policy_version(
        PolicyArn=read,
        PolicyDocument=json.dumps(doc(allow([arn("role", "app/api"), "arn:aws:s3:::shop/*", "arn:aws:s3:::b/*"]))),
        SetAsDefault=True,
    )
    iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(doc(allow("*"))))
    iam.create_role(
        RoleName="api",
        Path="/app/",
        Description="the api",
        MaxSessionDuration=7200,
        AssumeRolePolicyDocument=json.dumps(
            doc(SERVICE, trusts(arn("role", "jobs"), "arn:aws:iam::999988887777:root"))
        ),
        Tags=[{"Key": "env", "Value": "prod"}],
    )
    iam.create_role(
        RoleName="jobs",
        AssumeRolePolicyDocument=json.dumps(doc(trusts(arn("role", "app/api"), arn("user", "ana"), DEAD))),
        PermissionsBoundary=arn("policy", "edge"),
    )
    iam.put_role_policy(RoleName="api", PolicyName="any", PolicyDocument=json.dumps(doc(allow("*"))))
    iam.put_role_policy(RoleName="api", PolicyName="own", PolicyDocument=json.dumps(doc(allow(arn("role", "jobs")))))
    iam.attach_role_policy(RoleName="api", PolicyArn=read)
    iam.put_role_policy(RoleName="jobs", PolicyName="any", PolicyDocument=json.dumps(doc(allow("*"))))
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    iam.create_instance_profile(InstanceProfileName="host", Path="/hosts/", Tags=[{"Key": "env", "Value": "prod"}])
    iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="jobs")
    iam.create_group(GroupName="senior", Path="/people/")
    iam.put_group_policy(GroupName="senior", PolicyName="in", PolicyDocument=json.dumps(doc(allow("*"))))
    iam.attach_group_policy(GroupName="senior", PolicyArn=read)
    iam.create_user(UserName="ana", Tags=[{"Key": "team", "Value": "web"}])
    iam.add_user_to_group(GroupName="senior", UserName="ana")
    iam.create_login_profile(UserName="ana", Password="Emb3dded!ana")
    for kind in (ROLE, POLICY, PROFILE, USER, GROUP):
        world.scan(kind)
    return world


def resource(world: TwoSides, kind: str, name: str) -> Any:
    return world.resources[f"{LEGACY}/global/{kind}/{name}"]


def test_a_role_is_found_with_everything_that_must_arrive(account: TwoSides) -> None:
    found = resource(account, "iam.role", "api")

    assert found.arn == arn("role", "app/api")
    assert found.tags == {"env": "prod"}
    assert found.facts["path"] == "/app/"
    assert found.facts["description"] == "the api"
    assert found.facts["max_session_s"] == 7200
    assert sorted(found.facts["inline"]) == ["any", "own"]
    assert found.facts["attached"] == [arn("policy", "app/read")]
    assert resource(account, "iam.role", "jobs").facts["boundary"] == arn("policy", "edge")
    assert resource(account, "iam.role", "jobs").facts["dead_principals"] == [DEAD]


@pytest.mark.parametrize("kind", [ROLE, POLICY, PROFILE, USER, GROUP], ids=lambda kind: str(kind.name))
def test_one_read_alone_shows_the_same_as_a_scan_of_all(account: TwoSides, kind: Any) -> None:
    everything = account.scan(kind)

    alone = {name: account.scan(kind, only=name).get(name) for name in everything}

    assert everything
    assert alone == everything
    assert account.scan(kind, only="nobody") == {}


def test_roles_of_the_whole_account_cost_two_calls(account: TwoSides) -> None:
    account.scan(ROLE)

    assert account.sites[-1].called == ["iam.ListRoles", "iam.GetAccountAuthorizationDetails"]


def test_roles_that_trust_each_other_are_made_before_they_trust(account: TwoSides) -> None:
    api, jobs = resource(account, "iam.role", "api"), resource(account, "iam.role", "jobs")
    create = {r.ref.name: account.planned(ROLE, r, "create")[0][1] for r in (api, jobs)}

    assert create["api"]["AssumeRolePolicyDocument"]["$json"]["Statement"] == [
        SERVICE,
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sts:AssumeRole"},
    ]
    assert create["jobs"]["AssumeRolePolicyDocument"]["$json"] == documents.CLOSED_TRUST
    for one in (api, jobs):
        mentions = [account.rewrite(params).mentions - {one.ref} for _, params in account.planned(ROLE, one, "create")]
        assert not any(mentions)


def test_a_role_gets_at_once_what_names_nothing_and_the_rest_when_that_is_there(account: TwoSides) -> None:
    def sends(name: str, action: str) -> list[str]:
        role = resource(account, "iam.role", name)
        role = replace(role, facts=role.facts | {"attached": [*role.facts["attached"], LAMBDA_IN_VPC]})
        found = account.planned(ROLE, role, action)
        return [r.operation + ":" + str(p.get("PolicyName") or p.get("PolicyArn") or "") for r, p in found]

    assert sends("api", "create") == [
        "iam.CreateRole:",
        "iam.PutRolePolicy:any",
        f"iam.AttachRolePolicy:{LAMBDA_IN_VPC}",
    ]
    assert sends("api", "grant") == [
        "iam.PutRolePolicy:own",
        f"iam.AttachRolePolicy:arn:aws:iam::{TARGET}:policy/app/read",
    ]
    assert sends("jobs", "create") == ["iam.CreateRole:"]
    assert sends("jobs", "grant") == [
        "iam.PutRolePermissionsBoundary:",
        "iam.PutRolePolicy:any",
        f"iam.AttachRolePolicy:{LAMBDA_IN_VPC}",
    ]


def test_the_target_shows_the_same_roles_after_each_action(account: TwoSides) -> None:
    roles = [resource(account, "iam.role", name) for name in ("api", "jobs")]
    policies = [resource(account, "iam.policy", name) for name in ("read", "edge")]

    done: list[str] = []
    for action in ("create", "trust", "grant"):
        if action == "grant":
            for policy in policies:
                account.move(POLICY, policy)
        for role in roles:
            account.move(ROLE, role, action)
        done.append(action)
        for role in roles:
            assert account.differences(ROLE, role, *done) == {}, action

    for policy in policies:
        assert account.differences(POLICY, policy, "create") == {}
    trust = account.scan(ROLE, "target")["jobs"].facts["trust"]
    assert trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{TARGET}:role/app/api"}


def test_a_policy_arrives_with_its_default_version_only(account: TwoSides) -> None:
    read = resource(account, "iam.policy", "read")

    assert read.facts["document"]["Statement"][0]["Resource"] == [
        arn("role", "app/api"),
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::shop/*",
    ]
    assert read.tags == {"env": "prod"}
    assert [r.operation for r, _ in account.planned(POLICY, read, "create")] == ["iam.CreatePolicy"]


def test_undo_leaves_an_account_without_any_of_it(account: TwoSides) -> None:
    before = {kind.name: account.scan(kind, "target") for kind in (ROLE, POLICY, PROFILE)}
    for name in ("api", "jobs"):
        account.move(ROLE, resource(account, "iam.role", name), "create")
    account.move(POLICY, resource(account, "iam.policy", "read"))
    account.move(POLICY, resource(account, "iam.policy", "edge"))
    for name in ("api", "jobs"):
        account.move(ROLE, resource(account, "iam.role", name), "trust", "grant")
    account.move(PROFILE, resource(account, "iam.instance_profile", "host"))
    assert account.differences(PROFILE, resource(account, "iam.instance_profile", "host"), "create") == {}

    account.undo()

    assert {kind.name: account.scan(kind, "target") for kind in (ROLE, POLICY, PROFILE)} == before


def test_an_instance_profile_needs_its_role_by_name(account: TwoSides) -> None:
    host = resource(account, "iam.instance_profile", "host")

    (need,) = PROFILE.needs(PROFILE.typed(host))

    assert need.on == resource(account, "iam.role", "jobs").ref
    assert need.strength == "hard"


def test_service_linked_roles_are_not_moved_and_keep_their_name(account: TwoSides) -> None:
    (linked,) = [r for r in account.resources.values() if str(r.facts["path"]).startswith("/aws-service-role/")]
    it = ROLE.typed(linked)

    assert not any(action.applies(it) for action in ROLE.actions)
    rewritten = account.rewrite(linked.arn)
    assert rewritten.problems == []
    assert rewritten.value == linked.arn.replace(LEGACY, TARGET)


def test_a_condition_on_a_roles_id_follows_the_role(account: TwoSides) -> None:
    api = resource(account, "iam.role", "api")
    account.move(ROLE, api, "create")

    (new,) = [role["RoleId"] for role in account.client("target", "iam").list_roles()["Roles"]]

    assert account.renamed({"aws:userid": api.facts["role_id"]}) == {"aws:userid": new}


def test_users_are_reported_with_their_doors_and_no_whole_key(account: TwoSides) -> None:
    key = account.client("legacy", "iam").create_access_key(UserName="ana")["AccessKey"]

    (ana,) = account.scan(USER).values()

    (found,) = ana.facts["access_keys"]
    (sealed,) = ana.facts["access_key_ids"]
    assert sealed["length"] == len(key["AccessKeyId"])
    assert found["created"] == f"{key['CreateDate']:%Y-%m}"
    shown = {name: found[name] for name in ("id_ends_in", "status", "last_used", "last_used_for")}
    assert shown == {
        "id_ends_in": key["AccessKeyId"][-4:], "status": "Active", "last_used": "never", "last_used_for": None,
    }  # fmt: skip
    assert (ana.facts["console_password"], ana.facts["mfa"]) == (True, False)
    assert ana.facts["password_last_used"] == "never"
    assert ana.facts["groups"] == ["senior"]
    assert key["AccessKeyId"] not in json.dumps(ana.as_json())
    assert key["SecretAccessKey"] not in json.dumps(ana.as_json())
    assert USER.actions == ()
    assert USER.manual


def test_groups_are_reported_with_their_policies(account: TwoSides) -> None:
    (senior,) = account.scan(GROUP).values()

    assert senior.facts == {
        "path": "/people/",
        "attached": [arn("policy", "app/read")],
        "inline": {"in": documents.canonical(doc(allow("*")))},
    }
    assert GROUP.manual


def test_what_a_key_was_last_used_for_is_reported_by_month(account: TwoSides) -> None:
    iam = account.client("legacy", "iam")
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    mine = boto3.client(
        "iam", region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    mine.list_account_aliases()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]

    (ana,) = account.scan(USER).values()

    (found,) = ana.facts["access_keys"]
    assert found["last_used"] == f"{used['LastUsedDate']:%Y-%m}"
    assert found["last_used_for"] == f"iam {used['Region']}"


def test_policies_that_aws_keeps_are_read_when_somebody_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    with two_sides(monkeypatch) as account:
        iam = account.client("legacy", "iam")
        iam.create_group(GroupName="senior")
        iam.attach_group_policy(GroupName="senior", PolicyArn=READ_ONLY)

        found = account.scan(MANAGED)

        assert "iam:List*" in found["IAMReadOnlyAccess"].facts["document"]["Statement"][0]["Action"]
        assert "ReadOnlyAccess" not in found
        assert account.renamed(READ_ONLY) == READ_ONLY


@pytest.mark.parametrize(
    ("condition", "is_early"),
    [
        ({"StringEquals": {"aws:SourceAccount": LEGACY}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-west-1:{LEGACY}:*"}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:eu-west-1:{LEGACY}:function:thumbs:*"}}, False),
        ({"ArnEquals": {"aws:PrincipalArn": [arn("role", "api")]}}, False),
    ],
)
def test_a_trust_on_condition_of_one_resource_waits_for_it(condition: dict[str, Any], is_early: bool) -> None:
    trust = doc(SERVICE | {"Condition": condition})

    first = documents.first_trust(trust)

    assert first == (documents.canonical(trust) if is_early else documents.CLOSED_TRUST)


def test_a_role_that_only_the_dead_could_assume_stays_closed() -> None:
    assert documents.without_dead(doc(trusts(DEAD))) is None
    assert documents.without_dead(doc(SERVICE, trusts(DEAD))) == documents.canonical(doc(SERVICE))


def test_documents_that_aws_writes_in_another_order_are_the_same() -> None:
    one = doc(allow(["b", "a"], Condition={"StringLike": {"k": ["y", "x"]}}))
    other = {"Version": "2012-10-17", "Statement": allow(["a", "b"], Condition={"StringLike": {"k": ["x", "y"]}})}

    assert documents.canonical(one) == documents.canonical(other)
    assert documents.canonical(doc(allow(["a"]))) == documents.canonical(doc(allow("a")))
