"""What buckets, tables, queues, parameters and secrets took after the cut-over is given up only by a second yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.demo.world import World

from . import small
from .story import story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

BUCKET = f"ledgers-{small.TARGET}"


def build(world: World) -> None:
    """One of each store, each with something in it."""
    client = world.session(small.LEGACY).client
    client("s3").create_bucket(Bucket="ledgers", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_object(Bucket="ledgers", Key="2026/1", Body=b"1")
    client("dynamodb").create_table(
        TableName="carts", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    client("dynamodb").put_item(TableName="carts", Item={"id": {"N": "1"}})
    url = client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    client("sqs").send_message(QueueUrl=url, MessageBody="legacy's own")
    client("ssm").put_parameter(Name="/level", Type="String", Value="debug")
    client("ssm").put_parameter(Name="/token", Type="SecureString", Value="hunter2")
    client("secretsmanager").create_secret(Name="api", SecretString="hunter2")


def target_goes_on(client: Any) -> None:
    client("s3").put_object(Bucket=BUCKET, Key="2026/2", Body=b"2")
    client("dynamodb").put_item(TableName="carts", Item={"id": {"N": "77"}})
    sqs = client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], MessageBody="an order")
    client("ssm").put_parameter(Name="/level", Type="String", Value="canary-1", Overwrite=True)
    client("ssm").put_parameter(Name="/token", Type="SecureString", Value="canary-2", Overwrite=True)
    client("secretsmanager").put_secret_value(SecretId="api", SecretString="canary-3")


LOST = (
    f"1 keys were written or changed in s3://{BUCKET} since: 2026/2",
    "1 items were written or changed in carts since: id = 77",
    "about 1 messages in jobs (1 waiting)",
    "the value of the parameter /level was changed since",
    "the value of the parameter /token was changed since",
    "the value of the secret api was changed since",
)


def test_what_the_stores_took_since_is_named_and_lost_only_by_a_second_yes(tmp_path: Path) -> None:
    with story(tmp_path, build, small.CONFIG) as told:
        told.prepare()
        told.run()
        client, legacy = told.world.session(small.TARGET).client, told.world.session(small.LEGACY).client
        untouched = told.type("rollback", "--to", "0")
        target_goes_on(client)

        listing = told.type("rollback", "--to", "0", "--json")
        ids = listing.json
        with told.nothing_written():
            alone = told.type("rollback", "--to", "0", "--confirm", ids["confirm"], expect=3)
        told.type("rollback", "--to", "0", "--confirm", ids["confirm"], "--losing", ids["losing"], "--by", "ann")

        assert "would lose" not in untouched.err
        for line in LOST:
            assert line in listing.err, line
            assert line in alone.err, line
        assert "canary" not in listing.err + listing.out + alone.err
        assert not [one for one in client("s3").list_buckets()["Buckets"] if one["Name"] == BUCKET]
        assert client("dynamodb").list_tables()["TableNames"] == []
        assert "QueueUrls" not in client("sqs").list_queues()
        assert client("ssm").describe_parameters()["Parameters"] == []
        assert client("secretsmanager").list_secrets()["SecretList"] == []
        assert legacy("s3").get_object(Bucket="ledgers", Key="2026/1")["Body"].read() == b"1"
        assert legacy("secretsmanager").get_secret_value(SecretId="api")["SecretString"] == "hunter2"


def test_a_store_that_does_not_answer_counts_as_written_to(tmp_path: Path) -> None:
    with story(tmp_path, build, small.CONFIG) as told:
        told.prepare()
        told.run()
        told.faults(deny=["sqs:GetQueueAttributes"])

        listing = told.type("rollback", "--to", "0", "--json").json
        with told.nothing_written():
            alone = told.type("rollback", "--to", "0", "--confirm", listing["confirm"], expect=3)

        assert "what it took since cannot be read" in alone.err
        assert "sqs.GetQueueAttributes" in alone.err
        (step,) = listing["losses"]
        assert "sqs.queue/jobs" in step
