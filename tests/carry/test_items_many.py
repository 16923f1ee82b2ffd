"""Tables that differ everywhere: what is held in memory has a bound, and what is passed over is never called equal."""

import time
from typing import Any

import boto3
import pytest

from migrate.carry import items, items_stream
from migrate.carry.items import BUCKETS, copy_items, part_of, prove_items
from migrate.carry.items_since import written_since
from migrate.carry.items_stream import catch_up, prove_copied, written_late
from tests.carry.test_items import TABLES, an_item, two_tables
from tests.carry.test_items_stream import carrier, with_stream

Sessions = dict[str, boto3.Session]
COUNT, PARTS = 60, 16


@pytest.fixture
def apart(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any, list[int]]:
    """Every item differs, and memory is for a few of them; with how many were held at once."""
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    monkeypatch.setattr(items_stream, "EVERY_S", 0.0)
    legacy, target = two_tables(sessions, COUNT)
    with_stream(legacy)
    to = carrier(sessions)
    copy_items(to, TABLES)
    for number in range(COUNT):
        legacy.put_item(TableName="orders", Item=an_item(number, late={"BOOL": True}))
    monkeypatch.setattr(items, "HELD", 10)
    monkeypatch.setattr(items, "BUCKETS", PARTS)
    held: list[int] = []
    real = items.hashes

    def noticed(*asked: Any) -> Any:
        found = real(*asked)
        held.append(len(found))
        return found

    monkeypatch.setattr(items, "hashes", noticed)
    return legacy, target, to, held


def test_so_many_items_are_held_and_the_rest_is_said_to_differ(apart: tuple[Any, Any, Any, list[int]]) -> None:
    _, _, to, held = apart

    proof = prove_items(to, TABLES)

    assert proof.state == "different"
    assert max(held) < COUNT // 2
    assert f"13 of {PARTS} parts of the table differ too" in proof.differences[-1]


def test_what_was_not_looked_at_while_legacy_writes_could_not_be_proved(apart: tuple[Any, Any, Any, list[int]]) -> None:
    _, _, to, _ = apart

    assert prove_copied(to, TABLES).state == "could not be proved"

    catch_up(to, TABLES)
    assert prove_items(to, TABLES).state == "equal"


def test_a_late_look_and_a_rollback_say_it_too(apart: tuple[Any, Any, Any, list[int]], sessions: Sessions) -> None:
    _, target, to, _ = apart
    for number in range(COUNT):
        target.put_item(TableName="orders", Item=an_item(number, by={"S": "a customer"}))

    said = written_since(to, TABLES, now_s=time.time())

    assert f"13 of {PARTS} parts of orders differ too" in said[-1]
    sessions["legacy"].client("dynamodb").update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    assert "parts of the table differ too" in written_late(to, TABLES)[-1]


def test_every_part_may_be_any_of_them() -> None:
    assert {part_of(number.to_bytes(2, "big")) for number in range(2**16)} == set(range(BUCKETS))
