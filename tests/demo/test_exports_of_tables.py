"""A table's export and import by the carrying code, in the world that has AWS's rules: what was lost on the way is
found, what was asked for once is not asked for twice, and nothing of it is left."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrate.carry import items_export
from migrate.carry.items import Tables
from migrate.carry.items_put import PutItems
from migrate.demo import clock
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.world import World
from migrate.errors import StepFailed
from migrate.kinds.dynamodb_table import KINDS
from tests.carry.fake_carrier import FakeCarrier, place

pytestmark = pytest.mark.world

PRODUCTION = TARGETS["production"]
Client = Callable[..., Any]
ITEMS = 11


@pytest.fixture
def tables(legacy: Client, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tables:
    """A table of legacy with recovery on."""
    monkeypatch.setattr(items_export, "POLL_S", 0.0)
    monkeypatch.setattr(FakeCarrier, "folder", tmp_path)
    dynamodb = legacy("dynamodb")
    dynamodb.create_table(
        TableName=name, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    made = [{"id": {"N": str(number)}, "b": {"BS": [bytes([number]), b"\xff"]}} for number in range(ITEMS)]
    dynamodb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": item}} for item in made]})
    on = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=on)
    return Tables(name, name, ("id",), sleep=lambda _: None)


def carrier(a_world: World, name: str, action: str = "export") -> Any:
    sessions = {"legacy": a_world.session(LEGACY), "target": a_world.session(PRODUCTION)}
    made: Any = KINDS[0].action(action)
    return FakeCarrier(KINDS[0], made, place(name, account=PRODUCTION), sessions)


def imported(target: Client, to: Any, tables: Tables) -> None:
    """What the creating step sends."""
    target("dynamodb").import_table(
        S3BucketSource={"S3Bucket": to.outputs["export_bucket"], "S3KeyPrefix": to.outputs["data_prefix"]},
        InputFormat="DYNAMODB_JSON", InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": tables.target, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        },
    )  # fmt: skip


def asked(to: Any) -> int:
    return [operation for _, operation, _ in to.writes].count("dynamodb.ExportTableToPointInTime")


def test_what_was_imported_is_known_as_put_and_is_compared_file_by_file(
    a_world: World, target: Client, tables: Tables
) -> None:
    to, copying = carrier(a_world, tables.legacy), carrier(a_world, tables.legacy, "copy_items")

    counts = items_export.export(to, tables)
    imported(target, to, tables)
    noted = items_export.note_imported(copying, tables)

    hashes = [items_export.hash_of(item) for item in target("dynamodb").scan(TableName=tables.target)["Items"]]
    assert counts["items"] == noted["items"] == ITEMS == len(hashes)
    assert counts["files"] == noted["files"] == 3
    # The hash of an item is the same whether it is read from the table or from the file.
    assert PutItems.of(to).among(hashes) == set(hashes)


def test_a_later_plan_for_a_table_whose_files_are_deleted_asks_for_no_export_and_says_what_to_choose(
    a_world: World, target: Client, tables: Tables
) -> None:
    to, copying = carrier(a_world, tables.legacy), carrier(a_world, tables.legacy, "copy_items")
    items_export.export(to, tables)
    imported(target, to, tables)
    items_export.note_imported(copying, tables)
    # With its files a later run goes on as the first.
    later = carrier(a_world, tables.legacy)
    items_export.export(later, tables)
    items_export.discard(later)
    last = carrier(a_world, tables.legacy)

    for step in (items_export.export, items_export.note_imported):
        with pytest.raises(StepFailed, match="imported by an earlier run") as refused:
            step(last, tables)
        assert "choose scan or streams" in (refused.value.do or "")

    assert (asked(later), last.writes) == (1, [])


def test_what_a_second_import_brings_after_a_rollback_is_noted_anew(
    a_world: World, legacy: Client, target: Client, tables: Tables
) -> None:
    to, copying = carrier(a_world, tables.legacy), carrier(a_world, tables.legacy, "copy_items")
    for number in range(2):
        items_export.export(to, tables)
        imported(target, to, tables)
        items_export.note_imported(copying, tables)
        if not number:
            target("dynamodb").delete_table(TableName=tables.target)
            items_export.take_back(to)
            legacy("dynamodb").put_item(TableName=tables.legacy, Item={"id": {"N": "1"}, "changed": {"BOOL": True}})

    hashes = [items_export.hash_of(item) for item in target("dynamodb").scan(TableName=tables.target)["Items"]]
    assert PutItems.of(to).among(hashes) == set(hashes)


def test_a_killed_run_takes_over_the_export_whose_answer_it_never_saw(a_world: World, tables: Tables) -> None:
    to = carrier(a_world, tables.legacy)
    items_export.export(to, tables)
    # Killed between the request and its answer: only the token is remembered.
    again = carrier(a_world, tables.legacy)
    again.outputs |= {"export_token": to.outputs["export_token"]}
    began = PutItems.of(to).began_s

    items_export.export(again, tables)

    assert (asked(to), asked(again)) == (1, 0)
    assert again.outputs["export_arn"] == to.outputs["export_arn"]
    assert PutItems.of(again).began_s == began


def test_a_file_that_somebody_changed_is_named(a_world: World, target: Client, tables: Tables) -> None:
    to, copying = carrier(a_world, tables.legacy), carrier(a_world, tables.legacy, "copy_items")
    items_export.export(to, tables)
    imported(target, to, tables)
    s3, room = target("s3"), to.outputs["export_bucket"]
    key = s3.list_objects_v2(Bucket=room, Prefix=to.outputs["data_prefix"])["Contents"][0]["Key"]
    lines = gzip.decompress(s3.get_object(Bucket=room, Key=key)["Body"].read()).splitlines()
    changed = [json.dumps({"Item": json.loads(lines[0])["Item"] | {"b": {"BS": ["AA=="]}}}).encode(), *lines[1:]]
    s3.put_object(Bucket=room, Key=key, Body=gzip.compress(b"\n".join(changed)))

    with pytest.raises(StepFailed, match=f"{key} is not whole: its MD5"):
        items_export.note_imported(copying, tables)


def test_items_that_an_import_left_out_fail_the_step(a_world: World, target: Client, tables: Tables) -> None:
    to, copying = carrier(a_world, tables.legacy), carrier(a_world, tables.legacy, "copy_items")
    items_export.export(to, tables)
    s3, room = target("s3"), to.outputs["export_bucket"]
    key = s3.list_objects_v2(Bucket=room, Prefix=to.outputs["data_prefix"])["Contents"][0]["Key"]
    s3.put_object(Bucket=room, Key=key, Body=gzip.compress(b'{"Item": {"other": {"S": "without a key"}}}\n'))
    imported(target, to, tables)

    with pytest.raises(StepFailed, match=r"AWS imported \d+ of 11 items .* with 1 errors"):
        items_export.note_imported(copying, tables)


def test_an_export_that_fails_says_why_and_the_next_run_asks_anew(
    a_world: World, target: Client, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = carrier(a_world, tables.legacy)
    real = FakeCarrier.write

    def closed(self: Any, operation: str, **more: Any) -> Any:
        if operation == "dynamodb.ExportTableToPointInTime":
            target("s3").delete_bucket_policy(Bucket=more["S3Bucket"])
        return real(self, operation, **more)

    monkeypatch.setattr(FakeCarrier, "write", closed)
    with pytest.raises(StepFailed, match="ended as FAILED: AccessDenied"):
        items_export.export(to, tables)
    monkeypatch.setattr(FakeCarrier, "write", real)

    assert items_export.export(to, tables)["items"] == ITEMS
    assert asked(to) == 2


def test_taking_it_back_leaves_neither_file_nor_bucket_nor_note_and_twice_is_once(
    a_world: World, target: Client, tables: Tables
) -> None:
    to = carrier(a_world, tables.legacy)
    items_export.export(to, tables)
    room = to.outputs["export_bucket"]

    for _ in range(2):
        items_export.take_back(to)

    assert room not in [one["Name"] for one in target("s3").list_buckets()["Buckets"]]
    assert PutItems.of(to).began_s is None
    assert not any(to.outputs.values())
    assert not items_export.stands(to)


def test_only_a_table_of_this_migrations_own_import_counts_as_its_own(
    a_world: World, target: Client, tables: Tables
) -> None:
    to = carrier(a_world, tables.legacy)
    items_export.export(to, tables)
    imported(target, to, tables)
    kind: Any = KINDS[0]
    found = next(iter(kind.scan(to.legacy, only=tables.legacy)))

    def ours(migration: str) -> bool:
        from dataclasses import replace

        where = replace(place(tables.target, account=PRODUCTION), migration=migration)
        there = kind.locate(to.target, where, {}, kind.typed(found))
        return bool(there.tags.get("migrate:migration") == migration)

    assert ours("move")
    assert not ours("another")
    # The same name, made anew by somebody else: not what was imported.
    target("dynamodb").delete_table(TableName=tables.target)
    target("dynamodb").create_table(
        TableName=tables.target, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    assert not ours("move")


def test_a_rollback_does_not_wait_for_an_export_that_is_under_way(
    a_world: World, target: Client, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = carrier(a_world, tables.legacy)
    clock.slow(a_world.home, {"dynamodb:export": 3600.0})

    def stopped(self: Any, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeCarrier, "pause", stopped)
    try:
        with pytest.raises(KeyboardInterrupt):
            items_export.export(to, tables)
        room = to.outputs["export_bucket"]
        items_export.take_back(to)
    finally:
        (a_world.home / clock.FILE).unlink()

    assert asked(to) == 1
    assert room not in [one["Name"] for one in target("s3").list_buckets()["Buckets"]]
