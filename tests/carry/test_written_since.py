"""What a bucket or a table took since the copy is named before a rollback, and nothing else is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from migrate.carry import items, items_since, objects, objects_undo
from migrate.errors import Conflict
from tests.carry.fake_carrier import stopped_after
from tests.carry.test_items import TABLES, all_items, an_item, two_tables
from tests.carry.test_items import carrier as item_carrier
from tests.carry.test_objects import Sessions, carrier, history, two_buckets


@pytest.mark.parametrize("versioned", [False, True])
def test_of_a_bucket_that_nobody_touched_nothing_is_lost_though_legacy_went_on(
    sessions: Sessions, versioned: bool
) -> None:
    legacy, _, buckets = two_buckets(sessions, versioned=versioned)
    for key in ("same", "changed", "deleted", "tagged"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1", Tagging="a=b")
    legacy.delete_object(Bucket="old", Key="same-not") if versioned else None
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    legacy.put_object(Bucket="old", Key="changed", Body=b"22")
    legacy.delete_object(Bucket="old", Key="deleted")
    legacy.put_object(Bucket="old", Key="new", Body=b"3")

    assert objects_undo.written_since(to, buckets) == []


@pytest.mark.parametrize("versioned", [False, True])
def test_what_a_bucket_took_since_is_named_by_key_and_counted(sessions: Sessions, versioned: bool) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for key in ("over", "same", "tagged", "odd\u202ekey"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    for number in range(23):
        target.put_object(Bucket="new", Key=f"new/{number:02}", Body=b"theirs")
    target.put_object(Bucket="new", Key="over", Body=b"2")
    target.put_object(Bucket="new", Key="odd\u202ekey", Body=b"2")
    target.put_object_tagging(Bucket="new", Key="tagged", Tagging={"TagSet": [{"Key": "mine", "Value": "1"}]})

    (line,) = objects_undo.written_since(to, buckets)

    assert line.startswith("26 keys were written or changed in s3://new since: new/00; new/01;")
    assert line.endswith("; and 6 more")
    assert "\u202e" not in line
    with pytest.raises(Conflict, match="26 keys"):
        objects_undo.take_away(to, buckets)
    assert objects_undo.take_away(to, buckets, may_lose=True) >= 27
    assert history(target, "new") == []


def test_a_key_that_was_deleted_in_the_target_is_named_too(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("forget me", "k"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    target.delete_object(Bucket="new", Key="forget me")

    (line,) = objects_undo.written_since(to, buckets)

    assert line == "1 keys were deleted in s3://new since, legacy still has them: forget me"


def test_a_delete_marker_in_the_target_is_a_change(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    target.delete_object(Bucket="new", Key="k")

    assert objects_undo.written_since(to, buckets) == ["1 keys were written or changed in s3://new since: k"]


def test_tags_that_cannot_be_read_are_no_nothing(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    optional = to.target.optional

    def denied(operation: str, **params: Any) -> Any:
        return None if operation == "s3.GetObjectTagging" else optional(operation, **params)

    monkeypatch.setattr(to.target, "optional", denied)

    assert objects_undo.written_since(to, buckets) == ["1 keys were written or changed in s3://new since: k"]


def test_of_a_table_that_nobody_touched_nothing_is_lost_though_legacy_went_on(sessions: Sessions) -> None:
    legacy, _ = two_tables(sessions, 30)
    to = item_carrier(sessions)
    items.copy_items(to, TABLES)
    legacy.put_item(TableName="orders", Item=an_item(3, by={"S": "legacy"}))
    legacy.put_item(TableName="orders", Item=an_item(901))
    legacy.delete_item(TableName="orders", Key=an_item(4))

    assert items_since.written_since(to, TABLES) == []


def test_what_a_table_took_since_is_counted_and_its_keys_are_shown_as_hashes(sessions: Sessions) -> None:
    _, target = two_tables(sessions, 30)
    to = item_carrier(sessions)
    items.copy_items(to, TABLES)
    target.put_item(TableName="orders", Item=an_item(3, by={"S": "a customer"}))
    target.put_item(TableName="orders", Item=an_item(902))
    target.put_item(TableName="orders", Item=an_item(903, expires={"N": str(int(time.time()) - 1000)}))
    target.delete_item(TableName="orders", Key=an_item(5))

    written, deleted = items_since.written_since(to, TABLES)

    assert written.startswith("2 items were written or changed in orders since: customer = sha256:")
    assert "order = 902" in written
    assert "person" not in written
    assert deleted.startswith("1 items were deleted in orders since, and legacy still has them: ")
    assert "order = 5" in deleted
    with pytest.raises(Conflict, match="items"):
        items.take_away(to, TABLES)
    assert items.take_away(to, TABLES, may_lose=True) == 32
    assert all_items(target) == []


def test_what_a_rollback_deleted_before_it_was_ended_is_not_missed(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for number in range(9):
        legacy.put_object(Bucket="old", Key=f"k{number}", Body=b"1")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    with stopped_after(to, 4), pytest.raises(ConnectionError):
        objects_undo.take_away(to, buckets)
    half = len(history(target, "new"))

    assert 0 < half < 9
    assert objects_undo.written_since(to, buckets) == []
    objects_undo.take_away(to, buckets)
    target.delete_bucket(Bucket="new")
    assert objects_undo.written_since(to, buckets) == []


def test_what_a_rollback_took_from_a_table_before_it_was_ended_is_not_missed(sessions: Sessions) -> None:
    _, target = two_tables(sessions, 60)
    to = item_carrier(sessions)
    items.copy_items(to, TABLES)
    with stopped_after(to, 1), pytest.raises(ConnectionError):
        items.take_away(to, TABLES)

    assert 0 < len(all_items(target)) < 61
    assert items_since.written_since(to, TABLES) == []
    items.take_away(to, TABLES)
    target.delete_table(TableName="orders")
    assert items_since.written_since(to, TABLES) == []
