"""Queues, topics and schedules of one environment, and the stack that owns the export queue.

Rule: a queue or topic policy names who may send, so a copy that forgets it is a broken one.
"""

from __future__ import annotations

import json
from typing import Any

from migrate.demo.legacy.network import Network
from migrate.demo.legacy.site import Env, Site, allow, document, named, pairs

QUEUE_STACK = "shop-queues"


def messaging(site: Site, env: Env) -> None:
    """Create the queues and the topic with the queue's subscription."""
    sqs, sns = site.client("sqs"), site.client("sns")
    prefix = f"shop-{env}"
    topic = site.arn("sns", f"{prefix}-orders")
    queues: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "jobs-dlq": ({"MessageRetentionPeriod": "1209600"}, {}),
        "jobs": (
            {
                "VisibilityTimeout": "120",
                "ReceiveMessageWaitTimeSeconds": "10",
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": site.arn("sqs", f"{prefix}-jobs-dlq"), "maxReceiveCount": 5}
                ),
                "Policy": document(
                    allow(
                        "sqs:SendMessage",
                        site.arn("sqs", f"{prefix}-jobs"),
                        Principal={"Service": "s3.amazonaws.com"},
                        Condition={
                            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::shop-uploads-{env}"},
                            "StringEquals": {"aws:SourceAccount": site.account},
                        },
                    )
                ),
            },
            named(f"{prefix}-jobs", env),
        ),
        "orders": (
            {
                "VisibilityTimeout": "90",
                "Policy": document(
                    allow("sqs:*", site.arn("sqs", f"{prefix}-orders"), Principal={"AWS": site.root}),
                    allow(
                        "sqs:SendMessage",
                        site.arn("sqs", f"{prefix}-orders"),
                        Principal={"Service": "sns.amazonaws.com"},
                        Condition={"ArnEquals": {"aws:SourceArn": topic}},
                    ),
                ),
            },
            {"Name": f"{prefix}-orders"},
        ),
    }
    for name, (attributes, tags) in queues.items():
        sqs.create_queue(QueueName=f"{prefix}-{name}", Attributes=attributes, tags=tags)
    sns.create_topic(
        Name=f"{prefix}-orders",
        Attributes={
            "DisplayName": f"Orders {env}",
            "Policy": document(
                allow(["sns:Publish", "sns:Subscribe"], topic, Sid="Owner", Principal={"AWS": site.root}),
            ),
        },
        Tags=pairs(named(f"{prefix}-orders", env)),
    )
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=site.arn("sqs", f"{prefix}-orders"),
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": ["created", "paid"]})},
    )


def rules(site: Site, env: Env, network: Network) -> None:
    """Create the schedules: a function, a container task, and a function with a fixed input."""
    events, functions = site.client("events"), site.client("lambda")
    prefix = f"shop-{env}"
    function = site.arn("lambda", f"function:{prefix}-")
    schedules: dict[str, tuple[str, dict[str, Any]]] = {
        "nightly-report": (
            "cron(15 2 * * ? *)",
            {"Id": "report", "Arn": f"{function}nightly-report"},
        ),
        "cleanup": (
            "cron(0 4 ? * SUN *)",
            {
                "Id": "task",
                "Arn": site.arn("ecs", f"cluster/{prefix}"),
                "RoleArn": site.role(f"{prefix}-events"),
                "EcsParameters": {
                    "TaskDefinitionArn": site.arn("ecs", f"task-definition/{prefix}-nightly:1"),
                    "TaskCount": 1,
                    "LaunchType": "FARGATE",
                    "NetworkConfiguration": {
                        "awsvpcConfiguration": {
                            "Subnets": list(network.private),
                            "SecurityGroups": [network.groups["worker"]],
                            "AssignPublicIp": "DISABLED",
                        }
                    },
                },
            },
        ),
        "heartbeat": (
            "rate(5 minutes)",
            {
                "Id": "beat",
                "Arn": f"{function}notify",
                "Input": json.dumps({"kind": "heartbeat", "topic": site.arn("sns", f"{prefix}-orders")}),
            },
        ),
    }
    for name, (schedule, target) in schedules.items():
        rule = events.put_rule(
            Name=f"{prefix}-{name}",
            ScheduleExpression=schedule,
            # A switched-off schedule has to arrive switched off.
            State="DISABLED" if (name, env) == ("heartbeat", "dev") else "ENABLED",
            Description=f"{name} of {env}",
            Tags=pairs(named(f"{prefix}-{name}", *([env] if name == "cleanup" else []))),
        )["RuleArn"]
        events.put_targets(Rule=f"{prefix}-{name}", Targets=[target])
        if ":function:" in target["Arn"]:
            functions.add_permission(
                FunctionName=target["Arn"].rpartition(":")[2],
                StatementId=f"rule-{name}",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule,
            )


def stack(site: Site) -> None:
    """Create the stack that owns a queue and a topic."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Exports of the shop",
        "Resources": {
            "Exports": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": "shop-exports", "VisibilityTimeout": 60},
            },
            "ExportsDone": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": "shop-exports-done", "DisplayName": "Exports done"},
            },
        },
        "Outputs": {"QueueUrl": {"Value": {"Ref": "Exports"}}, "TopicArn": {"Value": {"Ref": "ExportsDone"}}},
    }
    site.client("cloudformation").create_stack(
        StackName=QUEUE_STACK, TemplateBody=json.dumps(template), Tags=pairs({"team": "platform"})
    )
