"""Who sends to queues, topics and buses from other accounts: found in policies, said in the plan and by `outside`."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from migrate import files, plan
from migrate.inventory import Inventory, Resource
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, Ref, Region
from migrate.senders import outside_senders
from tests.cut_over import CONFIG, told_by

LEGACY, HOME, TARGET = AccountId("123456789012"), Region("eu-west-1"), "222222222222"
PARTNER = "arn:aws:iam::999988887777:role/orders"


def thing(kind: str, name: str, arn: str, **facts: Any) -> Resource:
    return Resource(Ref(LEGACY, HOME, kind, name), arn, {}, None, None, facts)


def a_queue(*statements: Mapping[str, Any], name: str = "jobs") -> Resource:
    policy = {"Version": "2012-10-17", "Statement": list(statements)} if statements else None
    return thing(
        "sqs.queue", name, f"arn:aws:sqs:{HOME}:{LEGACY}:{name}",
        url=f"https://sqs.{HOME}.amazonaws.com/{LEGACY}/{name}", attributes={}, kms_key=None, kms_reuse_s=None,
        policy=policy, redrive_policy=None, redrive_allow_policy=None,
    )  # fmt: skip


def allow(principal: Any, action: Any = "sqs:SendMessage", **condition: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


def inventory(*things: Resource) -> Inventory:
    return Inventory(LEGACY, (HOME,), tuple(every_kind()), tuple(sorted(things, key=lambda one: one.ref)))


S3, SNS = {"Service": "s3.amazonaws.com"}, {"Service": "sns.amazonaws.com"}
EVERYBODY = {"AWS": "*"}


@pytest.mark.parametrize(
    ("statement", "who"),
    [
        (allow({"AWS": [PARTNER, f"arn:aws:iam::{LEGACY}:root", "555566667777"]}), {PARTNER, "555566667777"}),
        (allow({"AWS": f"arn:aws:iam::{LEGACY}:role/api"}), set()),
        (allow({"AWS": "AROAABCDEFGHIJKLMNOP1"}), set()),
        (allow("*"), {"anybody"}),
        (allow(EVERYBODY, "sqs:*"), {"anybody"}),
        (allow(EVERYBODY, "sqs:Send*"), {"anybody"}),
        (allow(EVERYBODY, "sqs:ReceiveMessage"), set()),
        (allow({"AWS": PARTNER}, ["sqs:GetQueueUrl", "sqs:ReceiveMessage"]), set()),
        (allow(EVERYBODY, StringEquals={"aws:SourceAccount": "999988887777"}), {"999988887777"}),
        (allow(EVERYBODY, StringEquals={"AWS:SourceAccount": [LEGACY, "999988887777"]}), {"999988887777"}),
        (allow(EVERYBODY, StringEquals={"aws:SourceAccount": LEGACY}), set()),
        (allow(EVERYBODY, Bool={"aws:SecureTransport": "true"}), {"anybody"}),
        # Whoever has no such key passes too: it bounds nobody.
        (allow(EVERYBODY, StringEqualsIfExists={"aws:SourceAccount": LEGACY}), {"anybody"}),
        (allow(EVERYBODY, StringNotEquals={"aws:SourceAccount": "555566667777"}), {"anybody"}),
        (allow(EVERYBODY, StringEquals={"aws:PrincipalOrgID": "o-abc"}), {"the organisation o-abc"}),
        (allow(SNS, ArnEquals={"aws:SourceArn": f"arn:aws:sns:{HOME}:{LEGACY}:orders"}), set()),
        (
            allow(SNS, ArnLike={"aws:SourceArn": f"arn:aws:sns:{HOME}:999988887777:*"}),
            {f"sns.amazonaws.com for arn:aws:sns:{HOME}:999988887777:*"},
        ),
        (allow(S3, ArnLike={"aws:SourceArn": "arn:aws:s3:::uploads"}), set()),
        (allow(S3, ArnLike={"aws:SourceArn": "arn:aws:s3:*:*:upl*"}), set()),
        (
            allow(S3, ArnLike={"aws:SourceArn": "arn:aws:s3:::theirs"}),
            {"s3.amazonaws.com for arn:aws:s3:::theirs"},
        ),
        (
            allow(S3, ArnLike={"aws:SourceArn": "arn:aws:s3:::theirs"}, StringEquals={"aws:SourceAccount": LEGACY}),
            set(),
        ),
        (allow(S3), {"s3.amazonaws.com for any account"}),
        (allow({"AWS": PARTNER}) | {"Effect": "Deny"}, set()),
        (
            {"Effect": "Allow", "NotPrincipal": {"AWS": PARTNER}, "NotAction": "sqs:DeleteQueue", "Resource": "*"},
            {"anybody"},
        ),
    ],
)  # fmt: skip
def test_a_policy_says_who_outside_may_send(statement: dict[str, Any], who: set[str]) -> None:
    own_bucket = thing("s3.bucket", "uploads", "arn:aws:s3:::uploads")

    found = list(outside_senders(inventory(a_queue(statement), own_bucket)))

    assert {name for one in found for name in one.who} == who


def test_only_the_statements_about_sending_to_this_sort_of_thing_count() -> None:
    both = [allow({"AWS": PARTNER}, "sns:Publish"), allow({"AWS": "555566667777"}, "events:PutEvents")]

    assert list(outside_senders(inventory(a_queue(*both), a_queue(name="none")))) == []
    topic = thing("sns.topic", "orders", f"arn:aws:sns:{HOME}:{LEGACY}:orders", policy={"Statement": both})
    assert [one.who for one in outside_senders(inventory(topic))] == [(PARTNER,)]


accounts = st.sampled_from([str(LEGACY), "999988887777", "555566667777"])
principals = st.one_of(
    accounts, st.builds("arn:aws:iam::{}:root".format, accounts), st.builds("arn:aws:iam::{}:role/x".format, accounts)
)
bounds = st.one_of(
    st.none(),
    st.builds(lambda operator, key, whose: {operator: {key: whose}},
              st.sampled_from(["StringEquals", "StringLike", "ArnLike", "StringEqualsIfExists", "StringNotEquals"]),
              st.sampled_from(["aws:SourceAccount", "AWS:SourceOwner", "aws:PrincipalAccount"]),
              st.lists(accounts, min_size=1, max_size=2, unique=True)),
)  # fmt: skip


@given(st.lists(st.tuples(st.one_of(st.just("*"), st.lists(principals, min_size=1)), bounds), max_size=4))
def test_nobody_of_the_account_is_a_stranger_and_no_stranger_that_nothing_bounds_is_forgotten(
    statements: list[tuple[Any, Any]],
) -> None:
    policy = [allow("*" if who == "*" else {"AWS": who}, **(bound or {})) for who, bound in statements]

    found = {name for one in outside_senders(inventory(a_queue(*policy))) for name in one.who}

    assert not any(str(LEGACY) in name for name in found)
    for who, bound in statements:
        if bound is None:
            assert ({"anybody"} if who == "*" else {one for one in who if LEGACY not in one}) <= found


def everything() -> list[Resource]:
    topic = thing(
        "sns.topic",
        "orders.fifo",
        f"arn:aws:sns:{HOME}:{LEGACY}:orders.fifo",
        attributes={"FifoTopic": "true"},
        documents={},
        policy={"Version": "2012-10-17", "Statement": [allow({"AWS": PARTNER}, "sns:Publish")]},
    )
    bus = thing(
        "events.event_bus", "shop/it's", f"arn:aws:events:{HOME}:{LEGACY}:event-bus/shop", description=None,
        kms_key=None, dead_letter_arn=None, log_config=None,
        policy={"Version": "2012-10-17", "Statement": [allow({"AWS": "999988887777"}, "events:PutEvents")]},
    )  # fmt: skip
    return [a_queue(allow({"AWS": PARTNER})), a_queue(name="own"), topic, bus]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "m"
    made.mkdir()
    (made / "migration.yaml").write_text(CONFIG)
    files.write_inventory(made, inventory(*everything()))
    plan.write(made, Migration(made).inputs())
    return made


def test_the_plan_says_who_goes_on_sending_to_legacy_and_what_becomes_of_it(folder: Path) -> None:
    said = {
        one.split(" may send to ")[1].split(":")[0]: one for one in plan_of(folder)["findings"] if "may send" in one
    }

    assert sorted(ref.rpartition("/")[2] for ref in said) == ["it's", "jobs", "orders.fifo"]
    jobs = said[f"{LEGACY}/{HOME}/sqs.queue/jobs"]
    assert jobs.startswith(PARTNER)
    assert f"until they send to https://sqs.{HOME}.amazonaws.com/{TARGET}/jobs" in jobs
    assert "stays in legacy until somebody carries it: nothing forwards it" in jobs
    assert "NumberOfMessagesSent stays 0, which `migrate quiet` reads" in jobs


def plan_of(folder: Path) -> Mapping[str, Any]:
    return Migration(folder).plan(None).body


def test_outside_lists_who_sends_with_what_to_send_to_and_the_proof(folder: Path) -> None:
    code, body = told_by("outside", folder)

    assert code == 0
    by_name = {one["ref"].rpartition("/")[2]: one for one in body["senders"]}
    assert sorted(by_name) == ["it's", "jobs", "orders.fifo"]
    assert by_name["jobs"]["who"] == [PARTNER]
    assert by_name["jobs"]["alias"] == "production"
    assert f"{TARGET}/jobs" in by_name["jobs"]["to"]
    assert by_name["orders.fifo"]["to"] == f"arn:aws:sns:{HOME}:{TARGET}:orders.fifo"
    assert "NumberOfMessagesPublished stays 0" in by_name["orders.fifo"]["prove"]
    assert "AWS does not send what came from one account on to a third" in by_name["it's"]["meanwhile"]


def test_what_stays_in_legacy_asks_nobody_to_change(folder: Path) -> None:
    path = folder / "migration.yaml"
    path.write_text(path.read_text().replace('{name: "*", to: production}', '{name: "*", to: legacy}'))
    plan.write(folder, Migration(folder).inputs())

    assert told_by("outside", folder)[1]["senders"] == []
    assert [one for one in plan_of(folder)["findings"] if "may send" in one] == []


def test_the_printed_commands_make_queues_that_the_old_topic_and_the_rule_may_send_to(folder: Path) -> None:
    senders = told_by("outside", folder)[1]["senders"]
    said = {one["ref"].rpartition("/")[2]: one["meanwhile"] for one in senders}

    with mock_aws():
        sqs = boto3.client("sqs", HOME, aws_access_key_id="testing", aws_secret_access_key="testing")
        for name, source in (("orders.fifo", ":orders.fifo"), ("it's", "-late")):
            (made,) = (one for one in said[name].split("`") if one.startswith("aws sqs create-queue"))
            words = shlex.split(made)
            assert words[:4] == ["aws", "sqs", "create-queue", "--queue-name"]
            attributes = json.loads(words[words.index("--attributes") + 1])
            url = sqs.create_queue(QueueName=words[4], Attributes=attributes)["QueueUrl"]
            policy = json.loads(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
            )
            assert policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(source)
    (rule,) = (one for one in said["it's"].split("`") if one.startswith("aws events put-rule"))
    words = shlex.split(rule)
    assert json.loads(words[words.index("--event-pattern") + 1]) == {"account": ["999988887777"]}
