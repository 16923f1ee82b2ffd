"""A bus with a policy, and a rule with a pattern, a schedule and targets of several sorts."""

import json
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

BUS = f"arn:aws:events:{REGION}:{LEGACY}:event-bus/orders"


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "events").tag_resource(ResourceARN=it.arn, Tags=needed.OTHER_PAIRS)


def a_bus(world: TwoSides) -> Resource:
    role, key, dead = needed.a_role(world), needed.a_key(world), needed.a_queue(world, "orders-dead")
    events = world.client("legacy", "events")
    events.create_event_bus(
        Name="orders",
        Description="what happens to orders",
        KmsKeyIdentifier=key,
        DeadLetterConfig={"Arn": dead},
        Tags=needed.PAIRS,
    )
    said = needed.statement(role, Sid="app", Action="events:PutEvents", Resource=BUS)
    events.put_permission(EventBusName="orders", Policy=needed.policy(said))
    return needed.scanned(world, "events.event_bus", "orders")


def a_rule(world: TwoSides) -> Resource:
    role = needed.a_role(world, "events", "events.amazonaws.com")
    queue, dead = needed.a_queue(world, "orders.fifo"), needed.a_queue(world, "orders-dead")
    events = world.client("legacy", "events")
    events.put_rule(
        Name="nightly",
        ScheduleExpression="cron(15 2 * * ? *)",
        EventPattern=json.dumps({"source": ["shop"], "account": [LEGACY]}),
        State="ENABLED",
        Description="paid orders, and once a night",
        RoleArn=role,
        Tags=needed.PAIRS,
    )
    transformed = {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": '{"order": <id>}'}
    network = {"Subnets": ["subnet-0elsewhere"], "SecurityGroups": ["sg-0elsewhere"], "AssignPublicIp": "ENABLED"}
    task = {
        "TaskDefinitionArn": f"arn:aws:ecs:{REGION}:{LEGACY}:task-definition/nightly",
        "TaskCount": 2,
        "LaunchType": "FARGATE",
        "PlatformVersion": "1.4.0",
        "NetworkConfiguration": {"awsvpcConfiguration": network},
        "EnableExecuteCommand": True,
        "PropagateTags": "TASK_DEFINITION",
    }
    events.put_targets(
        Rule="nightly",
        Targets=[
            {
                "Id": "queue",
                "Arn": queue,
                "SqsParameters": {"MessageGroupId": "orders"},
                "InputTransformer": transformed,
                "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
                "DeadLetterConfig": {"Arn": dead},
            },
            {
                "Id": "task",
                "Arn": f"arn:aws:ecs:{REGION}:{LEGACY}:cluster/shop",
                "RoleArn": role,
                "EcsParameters": task,
                "Input": json.dumps({"topic": f"arn:aws:sns:{REGION}:{LEGACY}:orders"}),
            },
        ],
    )
    return needed.scanned(world, "events.rule", "default/nightly")


def rule_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        facts = it.facts
        said = {
            "ScheduleExpression": facts["schedule"],
            "EventPattern": json.dumps(facts["pattern"]),
            "State": facts["state"],
            "Description": facts["description"],
            "RoleArn": facts["role_arn"],
        }
        world.client("target", "events").put_rule(**{"Name": "nightly"} | said | params)

    return change


CREATION = "the emulator has no UpdateEventBus: it keeps what the bus was created with"

EXAMPLES = (
    Example(
        "events.event_bus",
        a_bus,
        {
            "policy": needed.changed(
                "events", "remove_permission", "EventBusName", StatementId="app", RemoveAllPermissions=False
            ),
            "tags": tagged,
        },
        fixed={
            "description": CREATION,
            "kms_key": CREATION,
            "dead_letter_arn": CREATION,
            "log_config": "the emulator does not keep LogConfig",
        },
    ),
    Example(
        "events.rule",
        a_rule,
        {
            "schedule": rule_says(ScheduleExpression="rate(1 day)"),
            "pattern": rule_says(EventPattern=json.dumps({"source": ["other"]})),
            "state": needed.changed("events", "disable_rule", Name="nightly"),
            "description": rule_says(Description="other"),
            "role_arn": rule_says(RoleArn=f"arn:aws:iam::{TARGET}:role/other"),
            "targets": needed.changed("events", "remove_targets", Rule="nightly", Ids=["task"]),
            "tags": tagged,
        },
        fixed={"bus": "what a rule is: on another bus it is another rule"},
    ),
)
