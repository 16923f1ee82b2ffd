"""What the people of the demo may do, asked on both sides: the questions, and a judge that is not the product's.

The rule: policies are read by plain boto3. The judge knows identity policies only, and of a request what `KNOWN` says.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LEGACY = "111111111111"
LARGEST = "a-report-with-a-very-long-name-of-its-own-119"
"""The last of the reports that the large policies of the data scientists name: it overflows the inline policy."""


def large_policies() -> list[dict[str, Any]]:
    """Two policies that have over 12,000 bytes together, of which nothing can be left out."""
    names = [f"arn:aws:s3:::shop-assets-shared/reports/{LARGEST[:-3]}{number:03}/*" for number in range(120)]
    return [
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": part}]}
        for part in (names[:60], names[60:])
    ]


class Asked(NamedTuple):
    """One action on one thing, as it is called in the old account and in the new one."""

    action: str
    before: str
    after: str


def questions(env: str, account: str) -> list[Asked]:
    """What is asked of everybody about one environment; {a} stands for the account, {b} for the end of bucket names."""
    things = {
        "s3:GetObject": [f"arn:aws:s3:::shop-uploads-{env}{{b}}/x", "arn:aws:s3:::shop-assets-shared{b}/x"],
        "s3:PutObject": [f"arn:aws:s3:::shop-uploads-{env}{{b}}/x"],
        "s3:DeleteBucket": [f"arn:aws:s3:::shop-uploads-{env}{{b}}"],
        "s3:ListBucket": [f"arn:aws:s3:::shop-uploads-{env}{{b}}"],
        "dynamodb:GetItem": [f"arn:aws:dynamodb:eu-west-1:{{a}}:table/shop-{env}-sessions"],
        "dynamodb:DeleteTable": [f"arn:aws:dynamodb:eu-west-1:{{a}}:table/shop-{env}-sessions",
                                 "arn:aws:dynamodb:eu-west-1:{a}:table/other"],
        "ecs:UpdateService": [f"arn:aws:ecs:eu-west-1:{{a}}:service/shop-{env}/api"],
        "ecs:DescribeServices": [f"arn:aws:ecs:eu-west-1:{{a}}:service/shop-{env}/api"],
        "ecr:BatchDeleteImage": ["arn:aws:ecr:eu-west-1:{a}:repository/shop/api",
                                 "arn:aws:ecr:eu-west-1:{a}:repository/other"],
        "ec2:DescribeInstances": ["*"],
        "ec2:TerminateInstances": ["*"],
        "rds:DeleteDBInstance": [f"arn:aws:rds:eu-west-1:{{a}}:db:shop-{env}"],
        "lambda:UpdateFunctionCode": [f"arn:aws:lambda:eu-west-1:{{a}}:function:shop-{env}-thumbnails"],
        "sqs:SendMessage": [f"arn:aws:sqs:eu-west-1:{{a}}:shop-{env}-jobs"],
        "sagemaker:CreateTrainingJob": ["*"],
        "iam:ListUsers": ["*"],
        "iam:CreateUser": ["*"],
        "iam:CreateAccessKey": ["*"],
        "organizations:LeaveOrganization": ["*"],
        "secretsmanager:GetSecretValue": [f"arn:aws:secretsmanager:eu-west-1:{{a}}:secret:shop/{env}/db"],
        "cloudtrail:StopLogging": ["*"],
        "s3:GetObjectVersion": [f"arn:aws:s3:::shop-assets-shared{{b}}/reports/{LARGEST}/x",
                                "arn:aws:s3:::shop-assets-shared{b}/reports/x"],
    }  # fmt: skip
    return [
        Asked(action, text.format(a=LEGACY, b=""), text.format(a=account, b=f"-{account}"))
        for action, texts in things.items()
        for text in texts
    ]


def of_user(iam: Any, user: str) -> list[dict[str, Any]]:
    """Every policy of an IAM user, its own and its groups'."""
    found = [
        iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    ]
    arns = [one["PolicyArn"] for one in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    for group in (one["GroupName"] for one in iam.list_groups_for_user(UserName=user)["Groups"]):
        found += [
            iam.get_group_policy(GroupName=group, PolicyName=name)["PolicyDocument"]
            for name in iam.list_group_policies(GroupName=group)["PolicyNames"]
        ]
        arns += [one["PolicyArn"] for one in iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]]
    return found + [_managed(iam, arn) for arn in arns]


def of_role(iam: Any, role: str) -> list[dict[str, Any]]:
    """Every policy of a role as it stands."""
    found = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    held = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return found + [_managed(iam, one["PolicyArn"]) for one in held]


def _managed(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return json.loads(document) if isinstance(document, str) else dict(document)


def judge(documents: Iterable[Mapping[str, Any]], action: str, resource: str, known: Mapping[str, str]) -> bool:
    """Whether identity policies allow it: some Allow, and no Deny. `known`: condition keys of the request, lower-case.

    Only StringEquals, StringLike and their opposites are known; a statement with another operator is an error.
    """
    allowed = False
    for document in documents:
        for statement in _many(document["Statement"]):
            if _concerns(statement, action, resource) and _met(statement.get("Condition", {}), known):
                if statement["Effect"] == "Deny":
                    return False
                allowed = True
    return allowed


def _concerns(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    acts = [str(one).lower() for one in _many(statement.get("Action", statement.get("NotAction")))]
    things = [str(one) for one in _many(statement.get("Resource", statement.get("NotResource")))]
    acted = any(fnmatch.fnmatchcase(action.lower(), one) for one in acts) != ("NotAction" in statement)
    named = any(fnmatch.fnmatchcase(resource, one) for one in things) != ("NotResource" in statement)
    return acted and named


def _met(condition: Mapping[str, Mapping[str, Any]], known: Mapping[str, str]) -> bool:
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            value = known.get(key.lower())
            plain = operator.removesuffix("IfExists")
            if value is None:
                if operator.endswith("IfExists") or "Not" in plain:
                    continue
                return False
            same = any(fnmatch.fnmatchcase(value, str(one)) for one in _many(wanted))
            if plain not in ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike"):
                raise AssertionError(f"the judge does not know {operator}")
            if same == ("Not" in plain):
                return False
    return True


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
