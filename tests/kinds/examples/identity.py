"""A role with a boundary and policies of both sorts, a policy of the account's own, and an instance profile."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Example
from tests.kinds.examples import _needed as needed
from tests.kinds.examples._needed import changed
from tests.kinds.two_sides import TARGET, TwoSides

DEAD = "AIDAEXAMPLEEXAMPLE123"


def a_grant(action: str, resource: str) -> str:
    return needed.policy({"Effect": "Allow", "Action": action, "Resource": resource})


def a_policy(world: TwoSides) -> Resource:
    queue = needed.a_queue(world, "jobs")
    world.client("legacy", "iam").create_policy(
        PolicyName="send-jobs",
        Path="/shop/",
        Description="Sends jobs",
        PolicyDocument=a_grant("sqs:SendMessage", queue),
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "iam.policy", "send-jobs")


def a_role(world: TwoSides) -> Resource:
    caller, queue = needed.a_role(world, "caller"), needed.a_queue(world, "jobs")
    iam = world.client("legacy", "iam")
    arns = {}
    for name in ("use-jobs", "at-most"):
        arns[name] = iam.create_policy(PolicyName=name, PolicyDocument=a_grant("sqs:*", queue))["Policy"]["Arn"]
        needed.moved(world, "iam.policy", name)
    iam.create_role(
        RoleName="worker",
        Path="/shop/",
        Description="Works",
        MaxSessionDuration=7200,
        AssumeRolePolicyDocument=needed.policy(
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
            needed.statement(caller, DEAD, Action="sts:AssumeRole"),
        ),
        PermissionsBoundary=arns["at-most"],
        Tags=needed.PAIRS,
    )
    iam.put_role_policy(RoleName="worker", PolicyName="receive", PolicyDocument=a_grant("sqs:ReceiveMessage", queue))
    iam.attach_role_policy(RoleName="worker", PolicyArn=arns["use-jobs"])
    return needed.scanned(world, "iam.role", "worker")


def role(operation: str, **params: Any) -> Any:
    return changed("iam", operation, "RoleName", **params)


def a_profile(world: TwoSides) -> Resource:
    needed.a_role(world, "host", "ec2.amazonaws.com")
    iam = world.client("legacy", "iam")
    iam.create_instance_profile(InstanceProfileName="hosts", Path="/shop/", Tags=needed.PAIRS)
    iam.add_role_to_instance_profile(InstanceProfileName="hosts", RoleName="host")
    return needed.scanned(world, "iam.instance_profile", "hosts")


def a_new_version(world: TwoSides, it: Resource) -> None:
    world.client("target", "iam").create_policy_version(
        PolicyArn=it.arn, PolicyDocument=a_grant("sqs:*", "*"), SetAsDefault=True
    )


def policy_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "iam").tag_policy(PolicyArn=it.arn, Tags=needed.OTHER_PAIRS)


OPEN = needed.trust("ec2.amazonaws.com")
NAMING_THE_DEAD = needed.policy(needed.statement(f"arn:aws:iam::{TARGET}:root", DEAD, Action="sts:AssumeRole"))
AT_CREATION = "IAM takes it at creation and has no call that changes it"

EXAMPLES = (
    Example(
        "iam.policy",
        a_policy,
        {"document": a_new_version, "tags": policy_tagged},
        fixed={"path": AT_CREATION, "description": AT_CREATION},
    ),
    Example(
        "iam.role",
        a_role,
        {
            "description": role("update_role", Description="Others", MaxSessionDuration=7200),
            "max_session_s": role("update_role", Description="Others", MaxSessionDuration=3600),
            "trust": role("update_assume_role_policy", PolicyDocument=OPEN),
            "dead_principals": role("update_assume_role_policy", PolicyDocument=NAMING_THE_DEAD),
            "boundary": role("delete_role_permissions_boundary"),
            "inline": role("put_role_policy", PolicyName="more", PolicyDocument=a_grant("s3:*", "*")),
            "attached": role("detach_role_policy", PolicyArn=f"arn:aws:iam::{TARGET}:policy/use-jobs"),
            "tags": role("tag_role", Tags=needed.OTHER_PAIRS),
        },
        fixed={"path": AT_CREATION},
    ),
    Example(
        "iam.instance_profile",
        a_profile,
        {
            "roles": changed("iam", "remove_role_from_instance_profile", "InstanceProfileName", RoleName="host"),
            "tags": changed("iam", "tag_instance_profile", "InstanceProfileName", Tags=needed.OTHER_PAIRS),
        },
        fixed={"path": AT_CREATION},
    ),
)
