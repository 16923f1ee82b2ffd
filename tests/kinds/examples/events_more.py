"""A schedule in a group of its own, an archive, a connection with an API destination, a pipe: all of them in use."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

AHEAD = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
LATER = AHEAD + timedelta(days=30)


def a_group(world: TwoSides) -> Resource:
    world.client("legacy", "scheduler").create_schedule_group(Name="nightly", Tags=needed.PAIRS)
    return needed.scanned(world, "scheduler.schedule_group", "nightly")


def group_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "scheduler").tag_resource(ResourceArn=it.arn, Tags=needed.OTHER_PAIRS)


def a_schedule(world: TwoSides) -> Resource:
    role = needed.a_role(world, "scheduler", "scheduler.amazonaws.com")
    key, queue, dead = needed.a_key(world), needed.a_queue(world, "jobs"), needed.a_queue(world, "dead")
    client = world.client("legacy", "scheduler")
    client.create_schedule_group(Name="nightly")
    needed.moved(world, "scheduler.schedule_group", "nightly")
    client.create_schedule(
        Name="report", GroupName="nightly", ScheduleExpression="cron(15 2 * * ? *)", StartDate=AHEAD, EndDate=LATER,
        ScheduleExpressionTimezone="Europe/Prague", Description="the nightly report", KmsKeyArn=key,
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}, ActionAfterCompletion="DELETE",
        Target={
            "Arn": queue, "RoleArn": role, "Input": json.dumps({"queue": queue, "n": 3}),
            "DeadLetterConfig": {"Arn": dead}, "SqsParameters": {"MessageGroupId": "one"},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 600, "MaximumRetryAttempts": 3},
        },
    )  # fmt: skip
    return needed.scanned(world, "scheduler.schedule", "nightly/report")


def schedule_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        client = world.client("target", "scheduler")
        whole = client.get_schedule(GroupName="nightly", Name="report")
        for gone in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
            whole.pop(gone, None)
        client.update_schedule(**whole | params)

    return change


def schedule_to_another_queue(world: TwoSides, it: Resource) -> None:
    target = world.client("target", "scheduler").get_schedule(GroupName="nightly", Name="report")["Target"]
    schedule_says(Target=target | {"Arn": f"arn:aws:sqs:{REGION}:{TARGET}:another"})(world, it)


def schedule_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    schedule_says(KmsKeyArn=needed.another_key(world))(world, it)


BUS = f"arn:aws:events:{REGION}:{LEGACY}:event-bus/orders"


def a_bus(world: TwoSides) -> None:
    world.client("legacy", "events").create_event_bus(Name="orders")
    needed.moved(world, "events.event_bus", "orders")


def an_archive(world: TwoSides) -> Resource:
    a_bus(world)
    world.client("legacy", "events").create_archive(
        ArchiveName="paid", EventSourceArn=BUS, Description="a year of them", RetentionDays=365,
        EventPattern=json.dumps({"account": [LEGACY], "detail-type": ["paid"]}),
    )  # fmt: skip
    return needed.scanned(world, "events.archive", "paid")


def archive_says(**params: Any) -> Change:
    return lambda world, it: world.client("target", "events").update_archive(ArchiveName="paid", **params)


CONNECTION: dict[str, Any] = {
    "Name": "partner", "Description": "the partner's desk", "AuthorizationType": "BASIC",
    "AuthParameters": {
        "BasicAuthParameters": {"Username": "shop", "Password": "correct horse"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "x-shop", "Value": "one", "IsValueSecret": False},
                {"Key": "x-key", "Value": "battery staple", "IsValueSecret": True},
            ]
        },
    },
}  # fmt: skip
OTHER: dict[str, Any] = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api", "ApiKeyValue": "another"}}


def a_connection(world: TwoSides) -> Resource:
    for side in ("legacy", "target"):
        # The target's is made by a person, who has the secret values.
        world.client("target" if side == "target" else "legacy", "events").create_connection(**CONNECTION)
    return needed.scanned(world, "events.connection", "partner")


def connection_says(**params: Any) -> Change:
    return lambda world, it: world.client("target", "events").update_connection(Name="partner", **params)


def a_destination(world: TwoSides) -> Resource:
    a_connection(world)
    made = needed.moved(world, "events.connection", "partner")
    world.client("legacy", "events").create_api_destination(
        Name="desk", Description="its orders", ConnectionArn=made.arn, HttpMethod="PUT",
        InvocationEndpoint="https://partner.example/orders/*", InvocationRateLimitPerSecond=7,
    )  # fmt: skip
    return needed.scanned(world, "events.api_destination", "desk")


def destination_says(**params: Any) -> Change:
    return lambda world, it: world.client("target", "events").update_api_destination(Name="desk", **params)


def destination_signed_in_otherwise(world: TwoSides, it: Resource) -> None:
    other = world.client("target", "events").create_connection(**CONNECTION | {"Name": "another"})
    destination_says(ConnectionArn=other["ConnectionArn"])(world, it)


def a_pipe(world: TwoSides) -> Resource:
    role, key = needed.a_role(world, "pipe", "pipes.amazonaws.com"), needed.a_key(world)
    source, dead = needed.a_queue(world, "orders"), needed.a_queue(world, "packed")
    world.client("legacy", "pipes").create_pipe(
        Name="orders", Description="orders to the packers", DesiredState="RUNNING", Source=source, Target=dead,
        RoleArn=role, Tags=needed.TAGS, KmsKeyIdentifier=key,
        SourceParameters={
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"queue": [source]}})}]},
            "SqsQueueParameters": {"BatchSize": 5, "MaximumBatchingWindowInSeconds": 2},
        },
        Enrichment=f"arn:aws:lambda:{REGION}:{LEGACY}:function:enrich",
        EnrichmentParameters={"InputTemplate": '{"order": <$.body>}'},
        TargetParameters={"InputTemplate": "<$.body>", "SqsQueueParameters": {"MessageGroupId": "one"}},
        LogConfiguration={
            "Level": "ERROR", "IncludeExecutionData": ["ALL"],
            "S3LogDestination": {"BucketName": "pipe-logs", "BucketOwner": LEGACY, "OutputFormat": "json"},
        },
    )  # fmt: skip
    return needed.scanned(world, "pipes.pipe", "orders")


def pipe_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "pipes").update_pipe(Name="orders", **{"RoleArn": it.facts["role_arn"]} | params)

    return change


def pipe_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    pipe_says(KmsKeyIdentifier=needed.another_key(world))(world, it)


def pipe_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "pipes").tag_resource(resourceArn=it.arn, tags={"team": "someone else"})


EXAMPLES = (
    Example(
        "events.archive",
        an_archive,
        {
            "description": archive_says(Description="another"),
            "pattern": archive_says(EventPattern=json.dumps({"detail-type": ["lost"]})),
            "retention_days": archive_says(RetentionDays=7),
        },
        fixed={
            "bus_arn": "an archive stays with its bus for ever",
            "kms_key": "the emulator forgets an archive's key",
        },
    ),
    Example(
        "events.connection",
        a_connection,
        {
            "description": connection_says(Description="another"),
            "parameters": connection_says(AuthParameters=OTHER),
            "authorization": connection_says(AuthorizationType="API_KEY"),
        },
        fixed={
            "connectivity": "the emulator forgets the private connectivity",
            "kms_key": "the emulator forgets a connection's key",
        },
        why_undo_leaves="a person made it and a person takes it away",
    ),
    Example(
        "events.api_destination",
        a_destination,
        {
            "description": destination_says(Description="another"),
            "connection_arn": destination_signed_in_otherwise,
            "endpoint": destination_says(InvocationEndpoint="https://partner.example/else"),
            "method": destination_says(HttpMethod="POST"),
            "rate_per_s": destination_says(InvocationRateLimitPerSecond=8),
        },
    ),
    Example(
        "pipes.pipe",
        a_pipe,
        {
            "description": pipe_says(Description="another"),
            "state": pipe_says(DesiredState="STOPPED"),
            "source_parameters": pipe_says(SourceParameters={"SqsQueueParameters": {"BatchSize": 6}}),
            "enrichment": pipe_says(Enrichment=f"arn:aws:lambda:{REGION}:{TARGET}:function:another"),
            "enrichment_parameters": pipe_says(EnrichmentParameters={"InputTemplate": "another"}),
            "target": pipe_says(Target=f"arn:aws:sqs:{REGION}:{TARGET}:another"),
            "target_parameters": pipe_says(TargetParameters={"InputTemplate": "another"}),
            "role_arn": pipe_says(RoleArn=f"arn:aws:iam::{TARGET}:role/another"),
            "logging": pipe_says(LogConfiguration={"Level": "OFF"}),
            "kms_key": pipe_encrypted_otherwise,
            "tags": pipe_tagged,
        },
        fixed={"source": "a pipe keeps its source for ever"},
    ),
    Example("scheduler.schedule_group", a_group, {"tags": group_tagged}),
    Example(
        "scheduler.schedule",
        a_schedule,
        {
            "expression": schedule_says(ScheduleExpression="cron(15 3 * * ? *)"),
            "timezone": schedule_says(ScheduleExpressionTimezone="Europe/Berlin"),
            "start": schedule_says(StartDate=AHEAD + timedelta(hours=1)),
            "end": schedule_says(EndDate=LATER + timedelta(hours=1)),
            "window": schedule_says(FlexibleTimeWindow={"Mode": "OFF"}),
            "state": schedule_says(State="DISABLED"),
            "description": schedule_says(Description="another"),
            "kms_key": schedule_encrypted_otherwise,
            "target": schedule_to_another_queue,
        },
        fixed={
            "group": "a schedule stays in its group for ever",
            "after_completion": "the emulator's UpdateSchedule leaves it as it was",
        },
        done=("create", "stop_legacy", "start"),
    ),
)
