"""Queues, topics and subscriptions: attributes, policies and redrive arrive; messages and people's mailboxes do not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import Kind
from migrate.kinds.sns_subscription import Subscription
from migrate.kinds.sns_topic import Topic
from migrate.kinds.sqs_queue import Queue
from tests.kinds.by_hand import LEGACY, REGION, TARGET, TwoAccounts, place, two_accounts, without
from tests.kinds.shapes import check_request

TOPIC = f"arn:aws:sns:{REGION}:{LEGACY}:orders"
JOBS = f"arn:aws:sqs:{REGION}:{LEGACY}:jobs"
DEAD = f"arn:aws:sqs:{REGION}:{LEGACY}:jobs-dead"


def a_policy(resource: str, *principals: str) -> str:
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": resource, "Principal": {"AWS": list(principals)}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    with two_accounts(monkeypatch) as accounts:
        sqs, sns = accounts.legacy.client("sqs"), accounts.legacy.client("sns")
        sqs.create_queue(QueueName="jobs-dead", Attributes={"MessageRetentionPeriod": "1209600"})
        sqs.create_queue(
            QueueName="jobs",
            Attributes={
                "VisibilityTimeout": "120",
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": "5"}),
                "Policy": a_policy(JOBS, f"arn:aws:iam::{LEGACY}:root", "arn:aws:iam::999988887777:root"),
                "KmsMasterKeyId": "alias/shop",
            },
            tags={"env": "prod"},
        )
        sns.create_topic(
            Name="orders",
            Attributes={"DisplayName": "Orders", "Policy": a_policy(TOPIC, f"arn:aws:iam::{LEGACY}:root")},
            Tags=[{"Key": "env", "Value": "prod"}],
        )
        sns.subscribe(
            TopicArn=TOPIC,
            Protocol="sqs",
            Endpoint=JOBS,
            Attributes={
                "RawMessageDelivery": "true",
                "FilterPolicy": json.dumps({"kind": ["created", "paid"]}),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD}),
            },
        )
        yield accounts


def moved_queues(accounts: TwoAccounts) -> None:
    for name in ("jobs-dead", "jobs"):
        accounts.do(Queue(), accounts.one(Queue(), name), "create")


def subscriptions(accounts: TwoAccounts, side: str = "legacy") -> list[Resource]:
    return list(accounts.scan(Subscription(), side).values())


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Queue(), "absent"), (Topic(), "absent"), (Subscription(), "absent"), (Subscription(), f"{TOPIC}:absent")],
)
def test_a_narrow_look_for_an_absent_thing_finds_nothing(accounts: TwoAccounts, kind: Kind[Any], name: str) -> None:
    assert list(kind.scan(accounts.site(kind, "legacy"), only=name)) == []


def test_a_narrow_look_says_the_same_as_the_wide_one(accounts: TwoAccounts) -> None:
    for kind in (Queue(), Topic(), Subscription()):
        for name, found in accounts.scan(kind).items():
            assert accounts.one(kind, name) == found


def test_a_queue_arrives_with_attributes_policy_redrive_and_tags(accounts: TwoAccounts) -> None:
    moved_queues(accounts)
    kind = Queue()
    legacy = accounts.one(kind, "jobs")

    accounts.do(kind, legacy, "configure")

    target = accounts.one(kind, "jobs", "target")
    assert without(kind, target.facts) == accounts.expected(kind, legacy)
    assert target.facts["attributes"]["VisibilityTimeout"] == "120"
    assert target.facts["redrive_policy"] == {"deadLetterTargetArn": DEAD.replace(LEGACY, TARGET), "maxReceiveCount": 5}
    assert target.facts["kms_key"] == "alias/shop"
    assert f"arn:aws:iam::{TARGET}:root" in str(target.facts["policy"])
    assert target.tags == place(kind, legacy).stamp({"env": "prod"})


def test_a_queue_is_created_without_naming_any_other_resource(accounts: TwoAccounts) -> None:
    kind = Queue()
    legacy = accounts.one(kind, "jobs")

    (request,) = kind.action("create").requests(kind.typed(legacy), place(kind, legacy))

    assert DEAD not in str(request.params)
    assert "alias/shop" not in str(request.params)


def test_a_fifo_queue_arrives_as_one_and_goes_again(accounts: TwoAccounts) -> None:
    accounts.legacy.client("sqs").create_queue(
        QueueName="jobs.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    kind = Queue()
    legacy = accounts.one(kind, "jobs.fifo")

    sent = accounts.do(kind, legacy, "create")

    target = accounts.one(kind, "jobs.fifo", "target")
    assert without(kind, target.facts) == accounts.expected(kind, legacy)
    assert target.facts["attributes"]["FifoQueue"] == "true"
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target") == {}


def test_a_principal_that_was_deleted_is_left_out_of_a_policy(accounts: TwoAccounts) -> None:
    accounts.legacy.client("sqs").create_queue(
        QueueName="old", Attributes={"Policy": a_policy("*", "AIDAIIIIIIIIIIIIIIIII", f"arn:aws:iam::{LEGACY}:root")}
    )
    moved_queues(accounts)
    kind = Queue()
    legacy = accounts.one(kind, "old")

    accounts.do(kind, legacy, "create", "configure")

    target = accounts.one(kind, "old", "target")
    assert "AIDA" not in str(target.facts)
    assert without(kind, target.facts) == accounts.expected(kind, legacy)


def test_a_queue_is_known_by_its_arn_and_every_url(accounts: TwoAccounts) -> None:
    kind = Queue()
    it = kind.typed(accounts.one(kind, "jobs"))

    names = {name.legacy: name.target for name in kind.names(it, place(kind, accounts.one(kind, "jobs")))}

    there = f"https://sqs.{REGION}.amazonaws.com/{TARGET}/jobs"
    assert names[JOBS] == JOBS.replace(LEGACY, TARGET)
    assert names[f"https://sqs.{REGION}.amazonaws.com/{LEGACY}/jobs"] == there
    assert names[f"https://{REGION}.queue.amazonaws.com/{LEGACY}/jobs"] == there
    assert it.facts.url in names


def test_a_topic_arrives_with_attributes_policy_and_tags_and_goes_again(accounts: TwoAccounts) -> None:
    kind = Topic()
    legacy = accounts.one(kind, "orders")

    sent = accounts.do(kind, legacy, "create", "configure")

    target = accounts.one(kind, "orders", "target")
    assert target.facts == accounts.expected(kind, legacy)
    assert target.facts["attributes"]["DisplayName"] == "Orders"
    assert f"arn:aws:iam::{TARGET}:root" in str(target.facts["policy"])
    assert target.tags == place(kind, legacy).stamp({"env": "prod"})
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target") == {}


def test_the_policy_that_every_topic_is_born_with_is_not_sent(accounts: TwoAccounts) -> None:
    accounts.legacy.client("sns").create_topic(Name="plain")
    kind = Topic()
    legacy = accounts.one(kind, "plain")

    accounts.do(kind, legacy, "create")

    assert legacy.facts["policy"] is None
    assert not kind.action("configure").applies(kind.typed(legacy))
    assert accounts.one(kind, "plain", "target").facts == legacy.facts


def test_a_fifo_topic_arrives_as_one(accounts: TwoAccounts) -> None:
    accounts.legacy.client("sns").create_topic(
        Name="orders.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    )
    kind = Topic()
    legacy = accounts.one(kind, "orders.fifo")

    accounts.do(kind, legacy, "create")

    assert legacy.facts["attributes"]["FifoTopic"] == "true"
    assert accounts.one(kind, "orders.fifo", "target").facts == legacy.facts


def test_a_subscription_arrives_at_cut_over_with_filter_raw_delivery_and_redrive(accounts: TwoAccounts) -> None:
    moved_queues(accounts)
    accounts.do(Topic(), accounts.one(Topic(), "orders"), "create")
    kind = Subscription()
    (legacy,) = subscriptions(accounts)

    sent = accounts.do(kind, legacy, "create")

    (target,) = subscriptions(accounts, "target")
    assert kind.action("create").phase == "cutover"
    assert target.facts == accounts.expected(kind, legacy)
    assert target.facts["endpoint"] == JOBS.replace(LEGACY, TARGET)
    assert target.facts["attributes"]["RawMessageDelivery"] == "true"
    assert target.facts["documents"]["FilterPolicy"] == {"kind": ["created", "paid"]}
    assert target.facts["documents"]["RedrivePolicy"]["deadLetterTargetArn"] == DEAD.replace(LEGACY, TARGET)
    site, it = accounts.site(kind, "target"), kind.typed(legacy)
    for known in ({}, {"id": target.arn}):
        assert kind.locate(site, place(kind, legacy), known, it) == target
    accounts.undo(legacy, sent)
    assert subscriptions(accounts, "target") == []
    assert kind.locate(site, place(kind, legacy), {}, it) is None


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("sms", "+491700000000"),
        ("sqs", f"arn:aws:sqs:{REGION}:999988887777:partner"),
    ],
)
def test_an_endpoint_that_has_to_confirm_is_a_persons_work(accounts: TwoAccounts, protocol: str, endpoint: str) -> None:
    accounts.legacy.client("sns").subscribe(TopicArn=TOPIC, Protocol=protocol, Endpoint=endpoint)
    kind = Subscription()

    found = [one for one in subscriptions(accounts) if one.facts["endpoint"] == endpoint]

    assert len(found) == 1
    assert not kind.action("create").applies(kind.typed(found[0]))
    assert "confirm" in kind.manual


def test_a_subscription_that_nobody_confirmed_is_found_and_not_moved(accounts: TwoAccounts) -> None:
    class Pending:
        account, region = LEGACY, REGION

        def pages(self, operation: str, key: str, **params: Any) -> Iterator[dict[str, str]]:
            yield {"SubscriptionArn": "PendingConfirmation", "TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": JOBS}

        def map(self, what: Any, items: Any) -> list[Any]:
            return list(map(what, items))

    kind = Subscription()

    (found,) = kind.scan(Pending())  # type: ignore[arg-type]

    assert found.ref.name == f"orders/sqs/{JOBS}"
    assert not kind.action("create").applies(kind.typed(found))


def test_key_feedback_and_delivery_attributes_of_a_topic_are_set_by_calls_that_aws_takes(accounts: TwoAccounts) -> None:
    kind = Topic()
    legacy = accounts.one(kind, "orders")
    facts = legacy.facts | {
        "attributes": {"KmsMasterKeyId": "alias/shop", "SQSSuccessFeedbackRoleArn": f"arn:aws:iam::{LEGACY}:role/sns"},
        "documents": {"DeliveryPolicy": {"http": {}}},
    }
    it = kind.typed(Resource(legacy.ref, legacy.arn, {}, None, None, facts))

    requests = kind.action("configure").requests(it, place(kind, legacy))

    for request in requests:
        check_request(request.operation, request.params)
    assert [request.params["AttributeName"] for request in requests] == [
        "KmsMasterKeyId",
        "SQSSuccessFeedbackRoleArn",
        "DeliveryPolicy",
        "Policy",
    ]
