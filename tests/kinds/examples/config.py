"""A log group with a class and a retention, a parameter that names a queue, a secret with a policy and a value."""

import json
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.examples._needed import changed
from tests.kinds.two_sides import TARGET, TwoSides

GROUP = "/shop/web"
PARAMETER = "/shop/web/queue"
SECRET = "shop/web/login"
DEAD = "AIDAEXAMPLEEXAMPLE123"


def a_log_group(world: TwoSides) -> Resource:
    logs = world.client("legacy", "logs")
    logs.create_log_group(logGroupName=GROUP, logGroupClass="INFREQUENT_ACCESS", tags=needed.TAGS)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=14)
    return needed.scanned(world, "logs.log_group", GROUP)


def group(operation: str, **params: Any) -> Change:
    return changed("logs", operation, "logGroupName", **params)


PUT_METRIC_FILTER = ("logGroupName", "filterName", "filterPattern", "metricTransformations")
PUT_SUBSCRIPTION = ("logGroupName", "filterName", "filterPattern", "destinationArn", "roleArn", "distribution")


def group_made_anew_with_a_key(world: TwoSides, it: Resource) -> None:
    """logs.AssociateKmsKey is not in moto 5.2.5. What reads the group reads the new one."""
    logs, name = world.client("target", "logs"), it.ref.name
    counting = logs.describe_metric_filters(logGroupName=name)["metricFilters"]
    passing_on = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    logs.delete_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=name, kmsKeyId=needed.another_key(world), tags=it.tags)
    for one in counting:
        logs.put_metric_filter(**{key: one[key] for key in PUT_METRIC_FILTER if key in one})
    for one in passing_on:
        logs.put_subscription_filter(**{key: one[key] for key in PUT_SUBSCRIPTION if key in one})


def a_parameter(world: TwoSides) -> Resource:
    world.client("legacy", "ssm").put_parameter(
        Name=PARAMETER,
        Value=needed.a_queue(world, "jobs"),
        Type="String",
        Tier="Advanced",
        DataType="text",
        Description="where jobs go",
        AllowedPattern="^arn:.*",
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "ssm.parameter", PARAMETER)


def parameter(**params: Any) -> Change:
    """The parameter written again, all but `params` as it was."""

    def change(world: TwoSides, it: Resource) -> None:
        facts = it.facts
        same = {
            "Value": facts["value"] or "arn:secret",
            "Type": facts["type"],
            "Tier": facts["tier"],
            "DataType": facts["data_type"],
            "Description": facts["description"],
            "AllowedPattern": facts["allowed_pattern"],
        }
        world.client("target", "ssm").put_parameter(Name=it.ref.name, Overwrite=True, **same | params)

    return change


def parameter_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "ssm").add_tags_to_resource(
        ResourceType="Parameter", ResourceId=it.ref.name, Tags=needed.OTHER_PAIRS
    )


def a_secret(world: TwoSides) -> Resource:
    role, key = needed.a_role(world), needed.a_key(world)
    secrets = world.client("legacy", "secretsmanager")
    secrets.create_secret(
        Name=SECRET,
        Description="logs in",
        KmsKeyId=key,
        SecretString=json.dumps({"password": "hunter2", "role": role}),
        Tags=needed.PAIRS,
        AddReplicaRegions=[{"Region": "eu-central-1"}],
    )
    secrets.put_resource_policy(SecretId=SECRET, ResourcePolicy=reads(role, DEAD))
    return needed.scanned(world, "secretsmanager.secret", SECRET)


def reads(*principals: str) -> str:
    return needed.policy(needed.statement(*principals, Action="secretsmanager:GetSecretValue", Resource="*"))


def secret(operation: str, **params: Any) -> Change:
    return changed("secretsmanager", operation, "SecretId", **params)


def secret_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    world.client("target", "secretsmanager").update_secret(SecretId=it.ref.name, KmsKeyId=needed.another_key(world))


EXAMPLES = (
    Example(
        "logs.log_group",
        a_log_group,
        {
            "retention_days": group("put_retention_policy", retentionInDays=30),
            "tags": group("tag_log_group", tags={"team": "someone else"}),
            "kms_key_id": group_made_anew_with_a_key,
        },
        fixed={"log_group_class": "said when a group is made, no call changes it"},
    ),
    Example(
        "ssm.parameter",
        a_parameter,
        {
            "value": parameter(Value="arn:another"),
            "description": parameter(Description="others"),
            "allowed_pattern": parameter(AllowedPattern="^a.*"),
            "tier": parameter(Tier="Standard"),
            "data_type": parameter(DataType="aws:ec2:image"),
            "type": parameter(Type="StringList"),
            "key_id": parameter(Type="SecureString", KeyId="alias/another"),
            "tags": parameter_tagged,
        },
        fixed={"policies": "moto 5.2.5 shows them in a form that is no JSON"},
    ),
    Example(
        "secretsmanager.secret",
        a_secret,
        {
            "description": secret("update_secret", Description="others"),
            "kms_key_id": secret_encrypted_otherwise,
            "resource_policy": secret("put_resource_policy", ResourcePolicy=reads(f"arn:aws:iam::{TARGET}:root")),
            "dead_principals": secret("put_resource_policy", ResourcePolicy=reads(DEAD)),
            "tags": secret("tag_resource", Tags=needed.OTHER_PAIRS),
            "replicas": secret("remove_regions_from_replication", RemoveReplicaRegions=["eu-central-1"]),
        },
        fixed={
            "primary_region": "a replica does not move: its primary makes it",
            "rotation_lambda_arn": "needs a function in both accounts; tests/acceptance/test_stores_story.py",
            "rotation_rules": "needs a function in both accounts, too",
            "owning_service": "only AWS's own services can say it",
            "own_labels": "they do not arrive: a person is asked about them",
            "has_value": "nobody can take the only value of a secret away",
        },
        done=("create", "policy", "copy_value", "replicate"),
    ),
)
