"""A state machine that writes logs and calls a queue, an activity, and the streams that carry records."""

import json
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

PAIRS = [{"key": key, "value": value} for key, value in needed.TAGS.items()]


def a_machine(world: TwoSides) -> Resource:
    role, key = needed.a_role(world, "machine", "states.amazonaws.com"), needed.a_key(world)
    needed.a_queue(world, "jobs")
    world.client("legacy", "logs").create_log_group(logGroupName="/states/orders")
    needed.moved(world, "logs.log_group", "/states/orders")
    group = f"arn:aws:logs:{REGION}:{LEGACY}:log-group:/states/orders:*"
    send = {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
        "Parameters": {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{LEGACY}/jobs", "MessageBody.$": "$.order"},
    }  # fmt: skip
    world.client("legacy", "stepfunctions").create_state_machine(
        name="orders", type="EXPRESS", roleArn=role, tags=PAIRS,
        definition=json.dumps({"StartAt": "Send", "States": {"Send": send}}),
        loggingConfiguration={
            "level": "ALL", "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
        tracingConfiguration={"enabled": True},
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key},
    )  # fmt: skip
    return needed.scanned(world, "states.state_machine", "orders")


def machine_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "stepfunctions").update_state_machine(stateMachineArn=it.arn, **params)

    return change


def machine_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    key = needed.another_key(world)
    machine_says(encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key})(world, it)


def tagged(world: TwoSides, it: Resource) -> None:
    tags = [{"key": "team", "value": "someone else"}]
    world.client("target", "stepfunctions").tag_resource(resourceArn=it.arn, tags=tags)


def an_activity(world: TwoSides) -> Resource:
    key = needed.a_key(world)
    world.client("legacy", "stepfunctions").create_activity(
        name="packing", tags=PAIRS,
        encryptionConfiguration={
            "type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": 600,
        },
    )  # fmt: skip
    return needed.scanned(world, "states.activity", "packing")


STREAM = f"arn:aws:kinesis:{REGION}:{LEGACY}:stream/clicks"


def a_stream(world: TwoSides) -> Resource:
    role, key = needed.a_role(world), needed.a_key(world)
    client = world.client("legacy", "kinesis")
    client.create_stream(StreamName="clicks", ShardCount=3)
    client.add_tags_to_stream(StreamName="clicks", Tags=needed.TAGS)
    client.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    client.start_stream_encryption(StreamName="clicks", EncryptionType="KMS", KeyId=key)
    client.enable_enhanced_monitoring(StreamName="clicks", ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
    may = needed.statement(role, Action="kinesis:PutRecord", Resource=STREAM)
    client.put_resource_policy(ResourceARN=STREAM, Policy=needed.policy(may))
    client.register_stream_consumer(StreamARN=STREAM, ConsumerName="reports")
    return needed.scanned(world, "kinesis.stream", "clicks")


def stream_says(operation: str, **params: Any) -> Change:
    return lambda world, it: getattr(world.client("target", "kinesis"), operation)(StreamName="clicks", **params)


def stream_policy(world: TwoSides, it: Resource) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "kinesis:*", "Resource": it.arn}
    world.client("target", "kinesis").put_resource_policy(ResourceARN=it.arn, Policy=needed.policy(everyone))


def stream_consumed(world: TwoSides, it: Resource) -> None:
    world.client("target", "kinesis").register_stream_consumer(StreamARN=it.arn, ConsumerName="another")


def stream_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    stream_says("start_stream_encryption", EncryptionType="KMS", KeyId=needed.another_key(world))(world, it)


def stream_on_demand(world: TwoSides, it: Resource) -> None:
    mode = {"StreamMode": "ON_DEMAND"}
    world.client("target", "kinesis").update_stream_mode(StreamARN=it.arn, StreamModeDetails=mode)


def a_delivery_stream(world: TwoSides) -> Resource:
    role, key = needed.a_role(world, "deliverer", "firehose.amazonaws.com"), needed.a_key(world)
    world.client("legacy", "s3").create_bucket(
        Bucket="clicks-archive", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    world.client("legacy", "kinesis").create_stream(StreamName="clicks", ShardCount=1)
    needed.moved(world, "kinesis.stream", "clicks", "create")
    logs = {"Enabled": True, "LogGroupName": "/firehose/clicks", "LogStreamName": "S3"}
    bucket = {
        "RoleARN": role, "BucketARN": "arn:aws:s3:::clicks-archive", "Prefix": "clicks/", "CompressionFormat": "GZIP",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60}, "ErrorOutputPrefix": "errors/",
        "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}, "CloudWatchLoggingOptions": logs,
    }  # fmt: skip
    world.client("legacy", "firehose").create_delivery_stream(
        DeliveryStreamName="clicks", DeliveryStreamType="KinesisStreamAsSource", Tags=needed.PAIRS,
        KinesisStreamSourceConfiguration={"KinesisStreamARN": STREAM, "RoleARN": role},
        ExtendedS3DestinationConfiguration=bucket | {
            "S3BackupMode": "Enabled", "S3BackupConfiguration": bucket | {"Prefix": "raw/"},
            "DynamicPartitioningConfiguration": {"Enabled": True, "RetryOptions": {"DurationInSeconds": 30}},
        },
    )  # fmt: skip
    return needed.scanned(world, "firehose.delivery_stream", "clicks")


def delivered_otherwise(world: TwoSides, it: Resource) -> None:
    client = world.client("target", "firehose")
    version = client.describe_delivery_stream(DeliveryStreamName="clicks")["DeliveryStreamDescription"]["VersionId"]
    client.update_destination(
        DeliveryStreamName="clicks", CurrentDeliveryStreamVersionId=version, DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "another/"},
    )  # fmt: skip


def delivery_tagged(world: TwoSides, it: Resource) -> None:
    client = world.client("target", "firehose")
    client.tag_delivery_stream(DeliveryStreamName="clicks", Tags=needed.OTHER_PAIRS)


def delivery_encrypted(key: bool) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        said = {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": needed.another_key(world)}
        world.client("target", "firehose").start_delivery_stream_encryption(
            DeliveryStreamName="clicks",
            DeliveryStreamEncryptionConfigurationInput=said if key else {"KeyType": "AWS_OWNED_CMK"},
        )

    return change


FUNCTION = f"arn:aws:lambda:{REGION}:{LEGACY}:function:orders"


def an_api(world: TwoSides) -> Resource:
    role = needed.a_role(world, "caller", "apigateway.amazonaws.com")
    client = world.client("legacy", "apigatewayv2")
    api = client.create_api(
        Name="orders", ProtocolType="HTTP", Description="what customers call", Version="v2", Tags=needed.TAGS,
        DisableExecuteApiEndpoint=True,
        CorsConfiguration={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"], "MaxAge": 60},
    )["ApiId"]  # fmt: skip
    people = client.create_authorizer(
        ApiId=api, Name="people", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["shop"], "Issuer": "https://id.example"},
    )["AuthorizerId"]  # fmt: skip
    function = client.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0",
        CredentialsArn=role, TimeoutInMillis=5000, RequestParameters={"append:header.x-shop": "$request.path"},
    )["IntegrationId"]  # fmt: skip
    partner = client.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://partner.example"
    )["IntegrationId"]
    client.create_route(
        ApiId=api, RouteKey="POST /orders", Target=f"integrations/{function}", AuthorizationType="JWT",
        AuthorizerId=people, AuthorizationScopes=["orders:write"], OperationName="order",
    )  # fmt: skip
    client.create_route(ApiId=api, RouteKey="GET /orders", Target=f"integrations/{function}")
    client.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{partner}")
    logs = {"DestinationArn": f"arn:aws:logs:{REGION}:{LEGACY}:log-group:/api", "Format": "$context.requestId"}
    client.create_stage(
        ApiId=api, StageName="$default", AutoDeploy=True, Description="live", AccessLogSettings=logs,
        DefaultRouteSettings={"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}, Tags=needed.TAGS,
        StageVariables={"queue": f"https://sqs.{REGION}.amazonaws.com/{LEGACY}/orders"},
    )  # fmt: skip
    return needed.scanned(world, "apigatewayv2.api", api)


def api_says(operation: str, **params: Any) -> Change:
    return lambda world, it: getattr(world.client("target", "apigatewayv2"), operation)(ApiId=it.ref.name, **params)


def api_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "apigatewayv2").tag_resource(ResourceArn=it.arn, Tags={"team": "someone else"})


def people_known_otherwise(world: TwoSides, it: Resource) -> None:
    client = world.client("target", "apigatewayv2")
    ids = {route.get("AuthorizerId") for route in client.get_routes(ApiId=it.ref.name)["Items"]} - {None}
    client.update_authorizer(ApiId=it.ref.name, AuthorizerId=ids.pop(), IdentitySource=["$request.header.Other"])


EXAMPLES = (
    Example(
        "apigatewayv2.api",
        an_api,
        {
            "settings": api_says("update_api", Description="another"),
            "authorizers": people_known_otherwise,
            "routes": api_says("create_route", RouteKey="GET /another"),
            "stages": api_says("create_stage", StageName="another"),
            "tags": api_tagged,
        },
        fixed={"protocol": "an API keeps its protocol for ever"},
        done=("create", "configure"),
    ),
    Example(
        "firehose.delivery_stream",
        a_delivery_stream,
        {
            "configuration": delivered_otherwise,
            "encryption_type": delivery_encrypted(key=False),
            "encryption_key": delivery_encrypted(key=True),
            "tags": delivery_tagged,
        },
        fixed={
            "source": "a delivery stream keeps its source for ever",
            "source_stream": "a delivery stream keeps its source for ever",
            "source_role": "a delivery stream keeps its source for ever",
            "destination": "a delivery stream keeps its sort of destination",
        },
    ),
    Example(
        "kinesis.stream",
        a_stream,
        {
            "shards": stream_says("update_shard_count", TargetShardCount=4, ScalingType="UNIFORM_SCALING"),
            "retention_hours": stream_says("increase_stream_retention_period", RetentionPeriodHours=72),
            "kms_key": stream_encrypted_otherwise,
            "metrics": stream_says("disable_enhanced_monitoring", ShardLevelMetrics=["OutgoingBytes"]),
            "policy": stream_policy,
            "consumers": stream_consumed,
            "mode": stream_on_demand,
            "tags": stream_says("add_tags_to_stream", Tags={"team": "someone else"}),
        },
        fixed={"max_record_kib": "the emulator does not know it"},
    ),
    Example(
        "states.state_machine",
        a_machine,
        {
            "definition": machine_says(definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})),
            "role_arn": machine_says(roleArn=f"arn:aws:iam::{TARGET}:role/another"),
            "logging": machine_says(loggingConfiguration={"level": "OFF"}),
            "tracing": machine_says(tracingConfiguration={"enabled": False}),
            "encryption": machine_encrypted_otherwise,
            "tags": tagged,
        },
        fixed={"type": "a machine stays standard or express for ever"},
    ),
    Example(
        "states.activity",
        an_activity,
        {"tags": tagged},
        fixed={"encryption": "AWS takes it at creation only"},
    ),
)
