"""Before a rollback: messages in a queue, and values that were changed since, are said; no value is ever shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kinds.secretsmanager_secret import Secret
from migrate.kinds.sqs_queue import Queue
from migrate.kinds.ssm_parameter import Parameter
from tests.kinds.two_sides import HandCarrier, TwoSides, two_sides

SECRET, PARAMETER, QUEUE = Secret(), Parameter(), Queue()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        legacy = sides.client("legacy", "sqs"), sides.client("legacy", "ssm"), sides.client("legacy", "secretsmanager")
        url = legacy[0].create_queue(QueueName="jobs")["QueueUrl"]
        legacy[0].send_message(QueueUrl=url, MessageBody="legacy's own")
        legacy[1].put_parameter(Name="/level", Type="String", Value=url)
        legacy[1].put_parameter(Name="/key", Type="SecureString", Value="hunter2")
        legacy[2].create_secret(Name="db", SecretString=json.dumps({"password": "hunter2"}))
        for kind in (QUEUE, PARAMETER, SECRET):
            for resource in sides.scan(kind).values():
                sides.move(kind, resource)
                for action in kind.actions:
                    if action.name == "copy_value" and action.applies(kind.typed(resource)):
                        sides.carry(kind, resource, "copy_value")
        yield sides


def lost(world: TwoSides, kind: Any, name: str, action: str) -> list[str]:
    resource = next(one for one in world.resources.values() if one.ref.kind == kind.name and one.ref.name == name)
    found = kind.action(action)
    if not hasattr(found, "reads"):
        found.reads = frozenset()
    to = HandCarrier(world, kind, found, resource)
    to._outputs |= {key: value for (step, key), value in world.known.items() if step == to.place.step}
    return list(found.loses(kind.typed(resource), to))


def test_what_nobody_touched_loses_nothing(world: TwoSides) -> None:
    assert lost(world, QUEUE, "jobs", "create") == []
    assert lost(world, PARAMETER, "/level", "create") == []
    assert lost(world, PARAMETER, "/key", "create") == []
    assert lost(world, PARAMETER, "/key", "copy_value") == []
    assert lost(world, SECRET, "db", "copy_value") == []


def test_messages_are_counted_by_where_they_are(world: TwoSides) -> None:
    sqs = world.client("target", "sqs")
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=f"order {number}")
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)

    assert lost(world, QUEUE, "jobs", "create") == ["about 4 messages in jobs (3 waiting, 1 in work)"]


def test_a_queue_that_is_gone_has_lost_it_already(world: TwoSides) -> None:
    sqs = world.client("target", "sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"])

    assert lost(world, QUEUE, "jobs", "create") == []


def test_values_that_were_changed_in_the_target_are_said_and_not_shown(world: TwoSides) -> None:
    ssm, secrets = world.client("target", "ssm"), world.client("target", "secretsmanager")
    ssm.put_parameter(Name="/level", Type="String", Value="theirs-1", Overwrite=True)
    ssm.put_parameter(Name="/key", Type="SecureString", Value="theirs-2", Overwrite=True)
    secrets.put_secret_value(SecretId="db", SecretString="theirs-3")

    found = [
        *lost(world, PARAMETER, "/level", "create"), *lost(world, PARAMETER, "/key", "copy_value"),
        *lost(world, SECRET, "db", "copy_value"),
    ]  # fmt: skip

    assert found == [
        "the value of the parameter /level was changed since",
        "the value of the parameter /key was changed since",
        "the value of the secret db was changed since",
    ]


def test_what_changed_in_legacy_alone_is_no_loss(world: TwoSides) -> None:
    world.client("legacy", "ssm").put_parameter(Name="/key", Type="SecureString", Value="newer", Overwrite=True)
    world.client("legacy", "ssm").put_parameter(Name="/level", Type="String", Value="newer", Overwrite=True)
    world.client("legacy", "secretsmanager").put_secret_value(SecretId="db", SecretString="newer")

    assert lost(world, PARAMETER, "/level", "create") == []
    assert lost(world, PARAMETER, "/key", "copy_value") == []
    assert lost(world, SECRET, "db", "copy_value") == []
