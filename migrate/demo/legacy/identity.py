"""Who may do what: roles, keys, customer managed policies, people and machines with keys, one user stack.

Rule: roles come before keys and keys before policies, because AWS refuses a key policy naming an unknown role.
"""

from __future__ import annotations

import json
from typing import Any

from migrate.demo.legacy.site import ENVS, PARTNER_ACCOUNT, Env, Site, allow, document, named, pairs

AWS_POLICY = "arn:aws:iam::aws:policy/"
# role, trusted service, env, AWS managed policies
SERVICE_ROLES: tuple[tuple[str, str, Env | None, tuple[str, ...]], ...] = (
    *(
        role
        for env in ENVS
        for role in (
            (
                f"shop-{env}-ecs-execution",
                "ecs-tasks.amazonaws.com",
                env,
                ("service-role/AmazonECSTaskExecutionRolePolicy",),
            ),
            (f"shop-{env}-ecs-task", "ecs-tasks.amazonaws.com", env, ()),
            (
                f"shop-{env}-lambda",
                "lambda.amazonaws.com",
                env,
                ("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaVPCAccessExecutionRole"),
            ),
            (f"shop-{env}-events", "events.amazonaws.com", env, ()),
        )
    ),
    ("shop-bastion", "ec2.amazonaws.com", None, ("AmazonSSMManagedInstanceCore",)),
)
GROUPS: dict[str, tuple[str, ...]] = {
    "engineers-junior": ("ReadOnlyAccess",),
    "engineers-senior": ("PowerUserAccess", "IAMReadOnlyAccess"),
    "data-scientists": ("AmazonSageMakerFullAccess",),
}
# user, group, active keys, inactive keys, console password
USERS: tuple[tuple[str, str | None, int, int, bool], ...] = (
    ("ana.costa", "engineers-senior", 1, 1, True),
    ("bruno.keller", "engineers-senior", 1, 0, True),
    ("chidi.okafor", "engineers-junior", 1, 0, True),
    ("dora.lind", "engineers-junior", 1, 0, True),
    ("emil.novak", "engineers-junior", 0, 0, True),
    ("farah.haddad", "data-scientists", 1, 0, True),
    ("gita.rao", "data-scientists", 2, 0, True),
    ("hugo.martin", "data-scientists", 0, 0, True),
    ("old-contractor", None, 1, 0, False),
)
# Users that a CloudFormation stack owns and whose keys it prints in its outputs.
STACK_USERS = {"github-actions": "GitHubActions", "vercel": "Vercel", "backup-robot": "BackupRobot"}
USER_STACK = "shop-iam-users"


def roles(site: Site) -> None:
    """Create the roles without their policies."""
    iam = site.client("iam")
    for name, service, env, attached in SERVICE_ROLES:
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(_trust({"Service": service})),
            Description=f"{name}, for {service}",
            Tags=pairs(named(name, env)),
        )
        for policy in attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=AWS_POLICY + policy)
    iam.create_role(
        RoleName="partner-orders-reader",
        AssumeRolePolicyDocument=document(
            _trust(
                {"AWS": f"arn:aws:iam::{PARTNER_ACCOUNT}:root"},
                Condition={"StringEquals": {"sts:ExternalId": "shop-partner-7f3a"}},
            )
        ),
        MaxSessionDuration=7200,
        Tags=pairs({"Name": "partner-orders-reader", "team": "partners"}),
    )
    iam.create_instance_profile(InstanceProfileName="shop-bastion", Tags=pairs({"Name": "shop-bastion"}))
    iam.add_role_to_instance_profile(InstanceProfileName="shop-bastion", RoleName="shop-bastion")


def _trust(principal: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def keys(site: Site) -> dict[str, str]:
    """Create one key per environment and a shared one; return ARN by alias suffix."""
    kms = site.client("kms")
    arns: dict[str, str] = {}
    for name in (*ENVS, "shared"):
        envs = ENVS if name == "shared" else (name,)
        users = [site.role(f"shop-{env}-{kind}") for env in envs for kind in ("ecs-task", "ecs-execution", "lambda")]
        metadata = kms.create_key(
            Description=f"shop {name}: database, secrets, buckets",
            Policy=document(
                allow("kms:*", "*", Sid="Owner", Principal={"AWS": site.root}),
                allow(
                    ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
                    "*",
                    Sid="Users",
                    Principal={"AWS": users},
                    Condition={"StringEquals": {"kms:CallerAccount": site.account}},
                ),
            ),
            Tags=[
                {"TagKey": tag["Key"], "TagValue": tag["Value"]}
                for tag in pairs(named(f"shop-{name}", *(() if name == "shared" else (name,))))
            ],
        )["KeyMetadata"]
        arns[name] = str(metadata["Arn"])
        kms.create_alias(AliasName=f"alias/shop-{name}", TargetKeyId=metadata["KeyId"])
        if name != "dev":
            kms.enable_key_rotation(KeyId=metadata["KeyId"])
    return arns


def policies(site: Site, key_arns: dict[str, str]) -> None:
    """Create the customer managed policies and inline policies, and attach them."""
    iam = site.client("iam")
    for name, text in _policy_documents(site, key_arns).items():
        iam.create_policy(PolicyName=name, PolicyDocument=text, Tags=pairs({"Name": name}))
    attachments = [
        *((f"shop-{env}-ecs-task", f"shop-{env}-app") for env in ENVS),
        *((f"shop-{env}-ecs-task", "shop-shared-access") for env in ENVS),
        *((f"shop-{env}-lambda", f"shop-{env}-functions") for env in ENVS),
        ("partner-orders-reader", "shop-partner-exchange"),
        ("shop-bastion", "shop-shared-access"),
    ]
    for role, policy in attachments:
        iam.attach_role_policy(RoleName=role, PolicyArn=site.managed_policy(policy))
    for env in ENVS:
        iam.put_role_policy(
            RoleName=f"shop-{env}-events",
            PolicyName="run-tasks",
            PolicyDocument=document(
                allow("ecs:RunTask", site.arn("ecs", f"task-definition/shop-{env}-*")),
                allow(
                    "iam:PassRole",
                    [site.role(f"shop-{env}-ecs-task"), site.role(f"shop-{env}-ecs-execution")],
                ),
            ),
        )
        iam.put_role_policy(
            RoleName=f"shop-{env}-ecs-execution",
            PolicyName="read-settings",
            PolicyDocument=document(
                allow("secretsmanager:GetSecretValue", site.arn("secretsmanager", f"secret:shop/{env}/*")),
                allow("ssm:GetParameters", site.arn("ssm", f"parameter/shop/{env}/*")),
                allow("kms:Decrypt", key_arns[env]),
            ),
        )


def _policy_documents(site: Site, key_arns: dict[str, str]) -> dict[str, str]:
    documents: dict[str, str] = {}
    for env in ENVS:
        documents[f"shop-{env}-app"] = document(
            allow(
                ["s3:GetObject", "s3:PutObject"],
                [f"arn:aws:s3:::shop-uploads-{env}/*", "arn:aws:s3:::shop-assets-shared/*"],
            ),
            allow("sqs:*", [site.arn("sqs", f"shop-{env}-jobs"), site.arn("sqs", f"shop-{env}-orders")]),
            allow("sns:Publish", site.arn("sns", f"shop-{env}-orders")),
            allow("sqs:SendMessage", f"arn:aws:sqs:{site.region}:{PARTNER_ACCOUNT}:partner-orders"),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], key_arns[env]),
        )
        # The thumbnailer's bucket is meant by the wildcard only: its one exact trace is an environment variable.
        documents[f"shop-{env}-functions"] = document(
            allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::shop-*/*"),
            allow(
                ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                site.arn("sqs", f"shop-{env}-orders"),
            ),
            allow("secretsmanager:GetSecretValue", site.arn("secretsmanager", f"secret:shop/{env}/db-*")),
            allow("logs:*", site.arn("logs", f"log-group:/aws/lambda/shop-{env}-*")),
        )
    documents["shop-shared-access"] = document(
        allow("s3:ListBucket", "arn:aws:s3:::shop-shared"),
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::shop-shared/*"),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], key_arns["shared"]),
    )
    documents["shop-engineering"] = document(
        allow("dynamodb:*", site.arn("dynamodb", "table/shop-*")),
        allow("sts:AssumeRole", [site.root.replace(":root", ":role/shop-*")]),
        allow("ecr:*", site.arn("ecr", "repository/shop/*")),
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::shop-training-data/*"},
    )
    documents["shop-training-access"] = document(
        allow("s3:*", ["arn:aws:s3:::shop-training-data", "arn:aws:s3:::shop-training-data/*"]),
        allow("sagemaker:*", "*", Condition={"StringEquals": {"aws:PrincipalAccount": site.account}}),
    )
    documents["shop-partner-exchange"] = document(
        allow("s3:GetObject", "arn:aws:s3:::shop-assets-shared/catalogue/*"),
        allow("sqs:SendMessage", site.arn("sqs", "shop-prod-orders")),
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalAccount": [site.account, PARTNER_ACCOUNT]}},
        },
    )
    return documents


def people(site: Site) -> None:
    """Create the groups, the users with their keys, and the stack that owns three machine users."""
    iam = site.client("iam")
    for group, attached in GROUPS.items():
        iam.create_group(GroupName=group)
        for policy in attached:
            iam.attach_group_policy(GroupName=group, PolicyArn=AWS_POLICY + policy)
    iam.attach_group_policy(GroupName="engineers-junior", PolicyArn=site.managed_policy("shop-engineering"))
    iam.attach_group_policy(GroupName="data-scientists", PolicyArn=site.managed_policy("shop-training-access"))
    iam.put_group_policy(
        GroupName="engineers-junior",
        PolicyName="dev-only",
        PolicyDocument=document(allow("ecs:UpdateService", site.arn("ecs", "service/shop-dev/*"))),
    )
    for user, member_of, active, inactive, console in USERS:
        iam.create_user(UserName=user, Tags=pairs({"team": member_of or "none"}))
        if member_of:
            iam.add_user_to_group(GroupName=member_of, UserName=user)
        for number in range(active + inactive):
            key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
            if number >= active:
                iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
        if console:
            iam.create_login_profile(UserName=user, Password=f"Emb3dded!{user}", PasswordResetRequired=True)
    iam.attach_user_policy(UserName="old-contractor", PolicyArn=AWS_POLICY + "AdministratorAccess")
    site.client("cloudformation").create_stack(
        StackName=USER_STACK,
        TemplateBody=json.dumps(_user_template(site)),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=pairs({"team": "platform"}),
    )


def _user_template(site: Site) -> dict[str, Any]:
    """The stack nobody should have written: it prints access keys in its outputs."""
    statements: dict[str, list[dict[str, Any]]] = {
        "github-actions": [
            allow(["ecr:*"], site.arn("ecr", "repository/shop/*")),
            allow(["ecr:GetAuthorizationToken", "ecs:UpdateService", "ecs:RegisterTaskDefinition"], "*"),
            allow("iam:PassRole", site.role("shop-*")),
        ],
        "vercel": [allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::shop-assets-shared/*")],
        "backup-robot": [allow(["rds:CreateDBSnapshot", "rds:DescribeDB*"], site.arn("rds", "db:shop-*"))],
    }
    resources: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for user, label in STACK_USERS.items():
        resources[label] = {"Type": "AWS::IAM::User", "Properties": {"UserName": user}}
        resources[f"{label}Access"] = {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": f"{user}-access",
                "Users": [{"Ref": label}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements[user]},
            },
        }
        resources[f"{label}Key"] = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": label}}}
        outputs[f"{label}KeyId"] = {"Value": {"Ref": f"{label}Key"}}
        outputs[f"{label}Secret"] = {"Value": {"Fn::GetAtt": [f"{label}Key", "SecretAccessKey"]}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Machine users of the shop",
        "Resources": resources,
        "Outputs": outputs,
    }
