"""A queue with a dead-letter queue, a topic with a policy and key of its own, a filtered subscription between them."""

import json
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

QUEUE = f"arn:aws:sqs:{REGION}:{LEGACY}:jobs"
TOPIC = f"arn:aws:sns:{REGION}:{LEGACY}:orders"


def a_queue(world: TwoSides) -> Resource:
    role, key = needed.a_role(world), needed.a_key(world)
    dead = needed.a_queue(world, "jobs-dead")
    world.client("legacy", "sqs").create_queue(
        QueueName="jobs",
        Attributes={
            "DelaySeconds": "5",
            "MaximumMessageSize": "65536",
            "MessageRetentionPeriod": "1209600",
            "ReceiveMessageWaitTimeSeconds": "20",
            "VisibilityTimeout": "120",
            "KmsMasterKeyId": key,
            "KmsDataKeyReusePeriodSeconds": "600",
            "Policy": needed.policy(needed.statement(role, Action="sqs:SendMessage", Resource=QUEUE)),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 5}),
        },
        tags=needed.TAGS,
    )
    return needed.scanned(world, "sqs.queue", "jobs")


def queue_says(name: str, value: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "sqs").set_queue_attributes(QueueUrl=it.facts["url"], Attributes={name: value})

    return change


def queue_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "sqs").tag_queue(QueueUrl=it.facts["url"], Tags={"team": "someone else"})


def queue_encrypted_otherwise(world: TwoSides, it: Resource) -> None:
    queue_says("KmsMasterKeyId", needed.another_key(world))(world, it)


def a_topic(world: TwoSides) -> Resource:
    role, key = needed.a_role(world, service="sns.amazonaws.com"), needed.a_key(world)
    retries = {"minDelayTarget": 1, "maxDelayTarget": 60, "numRetries": 50}
    world.client("legacy", "sns").create_topic(
        Name="orders",
        Attributes={
            "DisplayName": "Orders",
            "KmsMasterKeyId": key,
            "Policy": needed.policy(needed.statement(role, Action="sns:Publish", Resource=TOPIC)),
            "DeliveryPolicy": json.dumps({"http": {"defaultHealthyRetryPolicy": retries}}),
        },
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "sns.topic", "orders")


def topic_says(name: str, value: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "sns").set_topic_attributes(TopicArn=it.arn, AttributeName=name, AttributeValue=value)

    return change


def topic_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "sns").tag_resource(ResourceArn=it.arn, Tags=needed.OTHER_PAIRS)


def a_subscription(world: TwoSides) -> Resource:
    queue, dead = needed.a_queue(world, "orders"), needed.a_queue(world, "orders-dead")
    sns = world.client("legacy", "sns")
    sns.create_topic(Name="orders")
    needed.moved(world, "sns.topic", "orders")
    made: dict[str, Any] = sns.subscribe(
        TopicArn=TOPIC,
        Protocol="sqs",
        Endpoint=queue,
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps({"kind": ["created", "paid"]}),
            "FilterPolicyScope": "MessageBody",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead}),
        },
    )
    return needed.scanned(world, "sns.subscription", made["SubscriptionArn"].rpartition(":")[2])


def an_asked_subscription(world: TwoSides) -> Resource:
    dead = needed.a_queue(world, "orders-dead")
    sns = world.client("legacy", "sns")
    sns.create_topic(Name="orders")
    needed.moved(world, "sns.topic", "orders")
    made: dict[str, Any] = sns.subscribe(
        TopicArn=TOPIC,
        Protocol="https",
        Endpoint="https://partner.example/hook",
        Attributes={
            "FilterPolicy": json.dumps({"kind": ["created", "paid"]}),
            "RawMessageDelivery": "true",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead}),
        },
    )
    # Its owner said yes. Source of the token: the embedded world takes the end of the ARN, plain moto any.
    sns.confirm_subscription(TopicArn=TOPIC, Token=made["SubscriptionArn"].rpartition(":")[2])
    return needed.scanned(world, "sns.asked_subscription", made["SubscriptionArn"].rpartition(":")[2])


def subscription_says(name: str, value: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "sns").set_subscription_attributes(
            SubscriptionArn=it.arn, AttributeName=name, AttributeValue=value
        )

    return change


EVERYONE = needed.policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
ELSEWHERE = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{TARGET}:jobs-dead", "maxReceiveCount": 6}

EXAMPLES = (
    Example(
        "sqs.queue",
        a_queue,
        {
            # First: the emulator forgets it with any other change.
            "policy": queue_says("Policy", EVERYONE),
            "attributes": queue_says("VisibilityTimeout", "121"),
            "kms_reuse_s": queue_says("KmsDataKeyReusePeriodSeconds", "601"),
            "kms_key": queue_encrypted_otherwise,
            "redrive_policy": queue_says("RedrivePolicy", json.dumps(ELSEWHERE)),
            "tags": queue_tagged,
        },
        fixed={"redrive_allow_policy": "moto 5.2.5 takes it and never shows it"},
    ),
    Example(
        "sns.topic",
        a_topic,
        {
            "attributes": topic_says("DisplayName", "Others"),
            "documents": topic_says("DeliveryPolicy", json.dumps({"http": {"disableSubscriptionOverrides": True}})),
            "policy": topic_says("Policy", EVERYONE),
            "tags": topic_tagged,
        },
    ),
    Example(
        "sns.subscription",
        a_subscription,
        {
            "attributes": subscription_says("RawMessageDelivery", "false"),
            "documents": subscription_says("FilterPolicy", json.dumps({"kind": ["created"]})),
        },
        fixed={
            "topic_arn": "what a subscription is: another topic's is another subscription",
            "protocol": "what a subscription is: no call changes it",
            "endpoint": "what a subscription is: no call changes it",
            "confirmed": "only its endpoint confirms, and nobody takes that back",
        },
    ),
    Example(
        "sns.asked_subscription",
        an_asked_subscription,
        {
            "attributes": subscription_says("RawMessageDelivery", "false"),
            "documents": subscription_says("FilterPolicy", json.dumps({"kind": ["created"]})),
        },
        fixed={
            "topic_arn": "what a subscription is: another topic's is another subscription",
            "protocol": "what a subscription is: no call changes it",
            "endpoint": "what a subscription is: no call changes it",
            "confirmed": "only its endpoint confirms, and nobody takes that back",
        },
    ),
)
