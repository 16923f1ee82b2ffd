"""Event source mappings: tagged as ours, and reading from where legacy's began."""

from datetime import UTC, datetime
from typing import Any

import pytest

from migrate.kind import STEP_TAG
from migrate.kinds.lambda_event_source_mapping import EventSourceMapping
from tests.kinds.examples import every_example
from tests.kinds.network import Answers
from tests.kinds.shapes import check_request
from tests.kinds.test_elbv2_more import found, place
from tests.kinds.two_sides import LEGACY, REGION, two_sides

STREAM = f"arn:aws:kinesis:{REGION}:{LEGACY}:stream/clicks"
FUNCTION = f"arn:aws:lambda:{REGION}:{LEGACY}:function:notify"


def a_mapping(**more: Any) -> dict[str, dict[str, Any]]:
    one = {"UUID": "0" * 36, "FunctionArn": FUNCTION, "EventSourceArn": STREAM, "State": "Enabled"} | more
    return {"lambda.ListEventSourceMappings": {"EventSourceMappings": [one]}}


def test_a_stream_is_read_from_the_moment_that_legacy_says() -> None:
    kind = EventSourceMapping()
    logs = {"SystemLogLevel": "DEBUG"}
    began = datetime(2026, 3, 1, tzinfo=UTC)
    answers = a_mapping(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=began, LoggingConfig=logs)
    it = found(kind, answers)

    (create,) = kind.action("create").requests(it, place("0"))

    check_request(create.operation, create.params)
    assert create.params["StartingPositionTimestamp"] == "2026-03-01T00:00:00+00:00"
    assert create.params["LoggingConfig"] == logs


def test_a_mapping_arrives_with_its_tags_and_is_known_by_its_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    with two_sides(monkeypatch) as world:
        kind = EventSourceMapping()
        legacy = every_example()["lambda.event_source_mapping"].build(world)

        world.move(kind, legacy, "create")

        ours = kind.locate(world.site(kind, "target"), world.place(legacy), {}, kind.typed(legacy))
        assert ours is not None
        assert ours.tags == world.place(legacy).stamp(legacy.tags)
        assert legacy.tags
        client = world.client("target", "lambda")
        client.untag_resource(Resource=ours.arn, TagKeys=[STEP_TAG])
        assert kind.locate(world.site(kind, "target"), world.place(legacy), {}, kind.typed(legacy)) is None


def test_a_mapping_that_is_going_is_none() -> None:
    assert list(EventSourceMapping().scan(Answers(a_mapping(State="Deleting")))) == []
