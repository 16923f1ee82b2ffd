"""What the examples stand on, made in legacy by plain boto3 and moved: a key, a role, a queue. And how one tags."""

import json
from typing import Any

from migrate.inventory import Resource
from migrate.kinds import every_kind
from migrate.values import Json
from tests.kinds.examples import Change
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

TAGS = {"team": "shop", "cost centre": "42/ä"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
OTHER_PAIRS = [{"Key": "team", "Value": "someone else"}]


def scanned(world: TwoSides, kind: str, name: str) -> Resource:
    """The legacy resource, looked at alone."""
    return world.scan(every_kind()[kind], only=name)[name]


def moved(world: TwoSides, kind: str, name: str, *actions: str) -> Resource:
    """The same, moved."""
    resource = scanned(world, kind, name)
    world.move(every_kind()[kind], resource, *actions)
    return resource


def statement(*principals: str, **more: Json) -> dict[str, Json]:
    return {"Effect": "Allow", "Principal": {"AWS": list(principals)}, **more}


def policy(*statements: dict[str, Json]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str) -> str:
    one: dict[str, Json] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return policy(one)


def a_role(world: TwoSides, name: str = "app", service: str = "ecs-tasks.amazonaws.com") -> str:
    """Its legacy ARN."""
    made = world.client("legacy", "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    moved(world, "iam.role", name)
    return str(made["Role"]["Arn"])


def a_key(world: TwoSides) -> str:
    """Its legacy ARN."""
    made = world.client("legacy", "kms").create_key(Description="the example's")["KeyMetadata"]
    moved(world, "kms.key", made["KeyId"])
    return str(made["Arn"])


def a_queue(world: TwoSides, name: str) -> str:
    """Its legacy ARN."""
    world.client("legacy", "sqs").create_queue(QueueName=name)
    moved(world, "sqs.queue", name)
    return f"arn:aws:sqs:{REGION}:{LEGACY}:{name}"


def another_key(world: TwoSides) -> str:
    """The ARN of a key that stands in the target only."""
    return str(world.client("target", "kms").create_key()["KeyMetadata"]["Arn"])


def ec2_tagged(resource_type: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": PAIRS}]


def retagged(world: TwoSides, it: Resource) -> None:
    """One tag of an EC2 thing says something else."""
    world.client("target", "ec2").create_tags(Resources=[it.ref.name], Tags=OTHER_PAIRS)


def changed(service: str, operation: str, key: str = "", **params: Any) -> Change:
    """A change of one call, which names the thing in the parameter `key`."""

    def change(world: TwoSides, it: Resource) -> None:
        own = {key: it.ref.name} if key else {}
        getattr(world.client("target", service), operation)(**own, **params)

    return change
