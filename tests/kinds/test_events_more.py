"""Schedules, pipes, connections, archives: what is left out is left out on purpose, and no secret is ever held."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migrate.kind import Kind
from migrate.kinds import every_kind
from tests.kinds.examples import events_more, every_example
from tests.kinds.two_sides import LEGACY, REGION, HandCarrier, TwoSides, two_sides

SCHEDULE = every_kind()["scheduler.schedule"]
CONNECTION = every_kind()["events.connection"]
NOW = datetime.now(UTC).replace(microsecond=0)
NEW = (
    "apigatewayv2.api", "events.api_destination", "events.archive", "events.connection", "firehose.delivery_stream",
    "kinesis.stream", "lambda.alias", "lambda.code_signing_config", "lambda.event_invoke_config",
    "lambda.provisioned_concurrency", "lambda.url", "lambda.version", "pipes.pipe", "scheduler.schedule",
    "scheduler.schedule_group", "states.activity", "states.state_machine",
)  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def schedule(world: TwoSides, expression: str = "rate(1 hour)", **more: Any) -> Any:
    """A schedule in legacy's default group, typed."""
    target: dict[str, Any] = {
        "Arn": f"arn:aws:sqs:{REGION}:{LEGACY}:jobs",
        "RoleArn": f"arn:aws:iam::{LEGACY}:role/scheduler",
    }
    said = {"FlexibleTimeWindow": {"Mode": "OFF"}, **more, "Target": target | more.get("Target", {})}
    world.client("legacy", "scheduler").create_schedule(Name="one", ScheduleExpression=expression, **said)
    return SCHEDULE.typed(world.scan(SCHEDULE)["default/one"])


def applying(kind: Kind[Any], it: Any) -> list[str]:
    return [action.name for action in kind.actions if action.applies(it)]


@pytest.mark.parametrize("name", NEW)
def test_a_narrow_look_for_an_absent_thing_finds_nothing(world: TwoSides, name: str) -> None:
    kind = every_kind()[name]
    if name in ("lambda.provisioned_concurrency", "lambda.code_signing_config"):
        return  # the emulator lacks their operations: tests/kinds/test_lambda_more.py

    assert list(kind.scan(world.site(kind, "legacy"), only="absent")) == []
    assert list(kind.scan(world.site(kind, "legacy"), only="absent/absent:9")) == []


@pytest.mark.parametrize("name", sorted(set(NEW) & set(every_example())))
def test_a_narrow_look_says_the_same_as_the_wide_one(world: TwoSides, name: str) -> None:
    kind = every_kind()[name]
    resource = every_example()[name].build(world)

    assert world.scan(kind)[resource.ref.name] == resource
    assert world.scan(kind, only=resource.ref.name)[resource.ref.name] == resource


def test_a_start_that_is_past_is_not_sent_because_aws_refuses_it(world: TwoSides) -> None:
    # The emulator refuses it for cron alone, as AWS does for every recurring schedule.
    it = schedule(world, StartDate=NOW - timedelta(days=400))

    (create,) = SCHEDULE.action("create").requests(it, world.place(world.resources[str(it.ref)]))

    assert it.facts.start_is_past
    assert "StartDate" not in create.params
    world.move(SCHEDULE, world.resources[str(it.ref)], "create")
    assert world.differences(SCHEDULE, world.resources[str(it.ref)], "create") == {}


@pytest.mark.parametrize(
    ("expression", "more", "is_over"),
    [
        ("at(2020-01-01T00:00:00)", {}, True),
        (f"at({NOW + timedelta(days=2):%Y-%m-%dT%H:%M:%S})", {}, False),
        # It is later in Kiritimati: what reads as an hour ahead was there long ago.
        (
            f"at({NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%S})",
            {"ScheduleExpressionTimezone": "Pacific/Kiritimati"},
            True,
        ),
        ("rate(1 hour)", {"EndDate": NOW - timedelta(days=1)}, True),
        ("rate(1 hour)", {"EndDate": NOW + timedelta(days=1)}, False),
    ],
    ids=["long ago", "in two days", "an hour ahead elsewhere", "ended", "not ended"],
)
def test_a_schedule_that_never_fires_again_is_not_made(
    world: TwoSides, expression: str, more: dict[str, Any], is_over: bool
) -> None:
    it = schedule(world, expression, **more)

    assert it.facts.is_over is is_over
    assert applying(SCHEDULE, it) == ([] if is_over else ["create", "stop_legacy", "start"])


def test_a_schedule_that_is_off_stays_off(world: TwoSides) -> None:
    it = schedule(world, State="DISABLED")

    assert applying(SCHEDULE, it) == ["create"]


def test_stopping_a_schedule_in_legacy_keeps_every_byte_of_its_input(world: TwoSides) -> None:
    odd = '{ "token": "correct horse",\n  "a": 1 }'
    it = schedule(world, Target={"Input": odd})
    stop = SCHEDULE.action("stop_legacy")
    to: Any = HandCarrier(world, SCHEDULE, stop, world.resources[str(it.ref)])  # type: ignore[arg-type]
    client = world.client("legacy", "scheduler")
    before = client.get_schedule(Name="one")

    stop.carry(it, to)  # type: ignore[attr-defined]
    stopped = client.get_schedule(Name="one")
    stop.carry(it, to)  # type: ignore[attr-defined]
    stop.uncarry(it, to)  # type: ignore[attr-defined]
    after = client.get_schedule(Name="one")

    assert (before["State"], stopped["State"], after["State"]) == ("ENABLED", "DISABLED", "ENABLED")
    assert stopped["Target"] == after["Target"] == before["Target"]
    assert stopped["Target"]["Input"] == odd
    assert to.written == ["scheduler.UpdateSchedule"] * 2, "what stands already is not written again"
    assert "correct horse" not in json.dumps(it.facts.model_dump(mode="json"))


def test_no_secret_of_a_connection_is_held_even_where_an_endpoint_shows_it(world: TwoSides) -> None:
    resource = events_more.a_connection(world)

    said = json.dumps(resource.facts)

    assert "correct horse" not in said
    assert "battery staple" not in said
    assert resource.facts["parameters"] == {
        "BasicAuthParameters": {"Username": "shop"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "x-shop", "Value": "one", "IsValueSecret": False},
                {"Key": "x-key", "IsValueSecret": True},
            ]
        },
    }


def test_a_destination_without_its_password_is_a_persons_work(world: TwoSides) -> None:
    kind = every_kind()["firehose.delivery_stream"]
    role = f"arn:aws:iam::{LEGACY}:role/deliverer"
    bucket = {"RoleARN": role, "BucketARN": "arn:aws:s3:::clicks"}
    world.client("legacy", "firehose").create_delivery_stream(
        DeliveryStreamName="desk",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": "https://partner.example", "AccessKey": "correct horse"},
            "S3Configuration": bucket,
        },
    )

    (found,) = world.scan(kind).values()

    assert applying(kind, kind.typed(found)) == []
    assert "firehose" in kind.manual
    secret = {"SecretsManagerConfiguration": {"Enabled": True, "SecretARN": "arn:aws:secretsmanager:x"}}
    facts = {**found.facts, "configuration": {**found.facts["configuration"], **secret}}
    assert kind.facts.model_validate(facts).moves


def test_a_state_machine_fails_until_it_has_its_definition(world: TwoSides) -> None:
    kind = every_kind()["states.state_machine"]
    resource = every_example()["states.state_machine"].build(world)

    world.move(kind, resource, "create")

    (there,) = world.scan(kind, "target").values()
    assert [state["Type"] for state in there.facts["definition"]["States"].values()] == ["Fail"]
    assert world.differences(kind, resource, "create", "configure").keys() == {"definition", "logging", "tracing"}


def test_a_websocket_api_and_one_behind_a_private_link_are_a_persons_work(world: TwoSides) -> None:
    kind = every_kind()["apigatewayv2.api"]
    client = world.client("legacy", "apigatewayv2")
    client.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    api = client.create_api(Name="inside", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri="https://inside.example",
        ConnectionType="VPC_LINK", ConnectionId="abc123",
    )["IntegrationId"]  # fmt: skip
    client.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")

    found = world.scan(kind)

    assert [applying(kind, kind.typed(one)) for one in found.values()] == [[], []]
    assert "VPC link" in kind.manual


def test_the_apis_fill_goes_on_where_it_stopped(world: TwoSides) -> None:
    kind = every_kind()["apigatewayv2.api"]
    resource = every_example()["apigatewayv2.api"].build(world)
    world.move(kind, resource, "create")
    fill = kind.action("configure")
    to: Any = HandCarrier(world, kind, fill, resource)  # type: ignore[arg-type]
    it, send = kind.typed(resource), to.write

    def cut_off(operation: str, **params: Any) -> Any:
        if len(to.written) == 4:
            raise ConnectionError("the process was stopped here")
        return send(operation, **params)

    to.write = cut_off
    with pytest.raises(ConnectionError):
        fill.carry(it, to)  # type: ignore[attr-defined]
    to.write = send
    fill.carry(it, to)  # type: ignore[attr-defined]
    written = list(to.written)
    fill.carry(it, to)  # type: ignore[attr-defined]

    assert to.written == written, "the third time there is nothing left to do"
    made = {
        name: written.count(f"apigatewayv2.Create{name}") for name in ("Authorizer", "Integration", "Route", "Stage")
    }
    assert made == {"Authorizer": 1, "Integration": 2, "Route": 3, "Stage": 1}
    assert world.differences(kind, resource, "create", "configure") == {}
