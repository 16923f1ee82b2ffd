"""The policies that are generated: exactly what is sent, by actions that AWS has, in documents that IAM takes."""

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from migrate import permissions, plan
from migrate.kinds import every_kind
from migrate.names import AccountId, Region
from migrate.permissions import Needed
from migrate.policy_evaluation.actions import of_operation
from migrate.steps import PlannedRequest
from tests.plans import toys

PREFIX_OF = {
    "elasticloadbalancing": "elbv2",
    "elasticfilesystem": "efs",
    "states": "stepfunctions",
    "tag": "resourcegroupstaggingapi",
}
NOT_OPERATIONS = {"kms:ReEncryptFrom", "kms:ReEncryptTo", "ecs:TagResource"}


def planned(operation: str, params: dict[str, Any], **more: Any) -> PlannedRequest:
    rest = {"once": "put", "creates": True, "token_param": "", "outputs": {}, "done": (), "retry": (), "find": None,
            "wait": None, "undo": None} | more  # fmt: skip
    return PlannedRequest(AccountId(toys.PROD), Region(toys.HERE), operation, params, **rest)


def needed_for(request: PlannedRequest) -> Needed:
    found: dict[AccountId, Needed] = defaultdict(Needed)
    permissions._request(request, every_kind()["ecs.service"], found)
    return found[AccountId(toys.PROD)]


def test_a_plan_of_toys_needs_what_its_requests_send_and_their_inverses_account_by_account(tmp_path: Any) -> None:
    things = [
        toys.thing("toy.queue", "jobs-prod", document="x"),
        toys.thing("toy.service", "web-dev", document="x"),
    ]
    made = plan.write(tmp_path, toys.inputs(things))

    found = permissions.of_run(made, toys.KINDS)

    assert set(found) == {toys.LEGACY, toys.PROD, toys.DEV}
    assert found[AccountId(toys.PROD)].writes == {"toy:Create", "toy:Delete"}
    assert found[AccountId(toys.DEV)].writes == {"toy:Create", "toy:Delete", "toy:Scale"}
    assert found[AccountId(toys.LEGACY)].writes == {"toy:Scale"}
    assert all(one.reads == {"toy:Describe", "iam:ListAccountAliases"} for one in found.values())


def test_whoever_verifies_may_read_a_targets_whole_network_where_a_part_of_it_is_made() -> None:
    kinds = toys.KINDS | {one.name: one for one in (Lists(), Peering())}
    network = replace(toys.thing("toy.network", "net-prod"), ref=toys.ref("ec2.prefix_list", "net-prod"))
    made = plan.from_body(plan.make(toys.inputs([network], kinds=kinds)), "0" * 64)

    found = permissions.of_run(made, kinds)

    assert "ec2:DescribeVpcPeeringConnections" in found[AccountId(toys.PROD)].reads
    assert "ec2:DescribeVpcPeeringConnections" not in found[AccountId(toys.LEGACY)].reads


class Lists(toys.Network):
    """A part of a network that the plan makes."""

    name = "ec2.prefix_list"


class Peering(toys.Toy):
    """A part of a network that the plan does not make."""

    name = "ec2.vpc_peering_connection"
    reads = frozenset({"ec2.DescribeVpcPeeringConnections"})


def test_a_role_that_is_handed_to_a_service_may_be_passed_and_no_other() -> None:
    mine, policys = f"arn:aws:iam::{toys.PROD}:role/web", f"arn:aws:iam::{toys.PROD}:role/named-in-a-policy"
    params = {
        "taskRoleArn": mine,
        "other": f"arn:aws:iam::{toys.PARTNER}:role/theirs",
        "policy": {"$json": {"x": policys}},
    }

    assert needed_for(planned("ecs.RegisterTaskDefinition", params)).passed == {mine}
    assert needed_for(planned("iam.PutRolePolicy", {"RoleArn": mine})).passed == set()
    assert needed_for(planned("iam.AddRoleToInstanceProfile", {"RoleName": "web"})).passed >= {mine}


def test_tags_in_a_creating_call_need_the_right_to_tag() -> None:
    assert "ec2:CreateTags" in needed_for(planned("ec2.CreateVpc", {"TagSpecifications": []})).writes
    assert "ec2:CreateTags" not in needed_for(planned("ec2.CreateVpc", {})).writes


def test_copies_that_came_with_a_retention_can_be_taken_away_again() -> None:
    locked = needed_for(planned("s3.CreateBucket", {"Bucket": "b", "ObjectLockEnabledForBucket": True}))

    assert "s3:BypassGovernanceRetention" in locked.writes
    assert "s3:BypassGovernanceRetention" not in needed_for(planned("s3.CreateBucket", {"Bucket": "b"})).writes


@pytest.mark.parametrize("count", [1, 200, 2_000])
def test_every_document_is_one_that_iam_takes_and_nothing_is_left_out(count: int) -> None:
    own = Needed()
    own.writes = {f"ec2:SomethingQuiteLong{number:06d}" for number in range(count)} | {"ecs:CreateService"}
    own.passed = {f"arn:aws:iam::{toys.PROD}:role/team/some-role-{number:06d}" for number in range(count)}
    own.has_data = True

    documents = own.documents()

    assert all(len(json.dumps(one, separators=(",", ":"))) <= 6_144 for one in documents)
    statements = [statement for one in documents for statement in one["Statement"]]
    assert {action for one in statements for action in one["Action"]} >= own.writes
    assert {arn for one in statements if one["Action"] == ["iam:PassRole"] for arn in one["Resource"]} == own.passed
    for one in documents:
        sids = [statement["Sid"] for statement in one["Statement"]]
        assert len(sids) == len(set(sids))
    assert any(
        one.get("Condition", {}).get("StringLike") == {"iam:AWSServiceName": ["ecs.amazonaws.com"]}
        for one in statements
    )


def test_every_action_of_the_tables_is_an_operation_that_the_service_has() -> None:
    session = botocore.session.Session()
    tables = {f"{service}:{name}" for service, names in permissions._TAGGING.items() for name in names}
    wrong = []
    for action in sorted(tables | set(permissions._KEYS)):
        service, _, name = action.partition(":")
        if service == "apigateway" or action in NOT_OPERATIONS:
            continue
        if (
            name == "PutBucketTagging"
            or name in session.get_service_model(PREFIX_OF.get(service, service)).operation_names
        ):
            continue
        wrong.append(action)
    assert wrong == []


def test_a_call_for_one_version_of_an_object_is_another_permission() -> None:
    assert set(of_operation("s3.HeadObject")) == {"s3:GetObject", "s3:GetObjectVersion"}
    assert of_operation("elbv2.CreateRule") == ("elasticloadbalancing:CreateRule",)
    assert of_operation("apigatewayv2.DeleteStage") == ("apigateway:DELETE",)
