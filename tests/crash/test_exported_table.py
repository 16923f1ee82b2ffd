"""A table that AWS exports and imports, by the command line: written to meanwhile, killed in each phase, compared by
plain boto3, proved, and rolled back with everything that was switched on in legacy."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.demo import clock
from migrate.demo.world import World
from tests.acceptance import stores_account as account
from tests.acceptance.table_writer import Writer
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

LEGACY, TARGET = account.LEGACY, account.TARGET
ITEMS = 300
TABLE = "orders"
CONFIG = account.CONFIG.replace(
    account.CONFIG[account.CONFIG.index("stores:\n") : account.CONFIG.index("settle_s")],
    f'stores:\n  - {{resource: "dynamodb.table/{TABLE}", strategy: export}}\n',
)


def an_item(number: int, total: int) -> dict[str, Any]:
    """Every sort of value, the binary ones too: they are written otherwise in a file than in an answer."""
    return {
        "id": {"N": str(number)}, "day": {"S": f"d{number % 9}"}, "total": {"N": str(total)},
        "picture": {"B": bytes([number % 256, 0, 255])}, "seen": {"BOOL": True}, "none": {"NULL": True},
        "words": {"SS": ["b", "a"]}, "numbers": {"NS": ["2", "1.5"]}, "bits": {"BS": [b"\x00", b"\xff"]},
        "deep": {"M": {"list": {"L": [{"B": b"x"}, {"S": "ü\n\u2028"}]}}},
    }  # fmt: skip


def build(world: World) -> None:
    """A table with an index, a rare class and tags; nothing that an export needs is on."""
    dynamodb = world.session(LEGACY).client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "N"}, {"AttributeName": "day", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "of-day", "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
             "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ],
        BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "team", "Value": "shop"}],
    )  # fmt: skip
    for number in range(ITEMS):
        dynamodb.put_item(TableName=TABLE, Item=an_item(number, number))


def asked(told: Story, account_id: str) -> Counter[str]:
    """How often this account was asked for each operation."""
    lines = [json.loads(line) for line in told.log.read_text().splitlines()]
    return Counter(line["operation"] for line in lines if line["account"] == account_id)


def until_asked(told: Story, account_id: str, operation: str, times: int = 1) -> None:
    """Wait until the world was asked for it."""
    until = time.monotonic() + 180
    while asked(told, account_id)[operation] < times:
        assert time.monotonic() < until, f"{operation} was never sent"
        time.sleep(0.2)


def items(told: Story, account_id: str) -> list[str]:
    pages = told.world.session(account_id).client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    found = [item for page in pages for item in page["Items"]]
    return sorted(repr(sorted((k, sorted(v.items(), key=str)) for k, v in one.items())) for one in found)


def rooms(told: Story) -> list[str]:
    """The buckets that stand in the target for the time of an export."""
    listed = told.world.session(TARGET).client("s3").list_buckets()["Buckets"]
    return [one["Name"] for one in listed if one["Name"].startswith("migrate-export-")]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Moved with a writer until the freeze; the run is killed while AWS exports, and again while it imports."""
    with story(tmp_path_factory.mktemp("exported"), build, CONFIG) as told:
        told.prepare()
        clock.slow(told.world.home, {"dynamodb:export": 1800.0, "dynamodb:import": 1800.0})
        writer = Writer(told, LEGACY, TABLE, ITEMS, lambda number, write: an_item(number, write + 1000), 0.02)
        writer.start()
        for account_id, operation, look in (
            (LEGACY, "ExportTableToPointInTime", "DescribeExport"),
            (TARGET, "ImportTable", "DescribeImport"),
        ):
            process = told.start("run", "--engine", "local")
            try:
                until_asked(told, account_id, operation)
                until_asked(told, account_id, look, asked(told, account_id)[look] + 1)
            finally:
                process.kill()
                process.communicate()
            clock.push(told.world.home, 1801)
        said = told.type("run", "--engine", "local", expect=3)
        assert "writers stop" in said.out + said.err
        writer.stop.set()
        writer.join()
        assert writer.writes > 100
        told.run()
        yield told


def test_every_item_arrives_what_was_written_meanwhile_too_by_one_export_and_one_import(moved: Story) -> None:
    assert items(moved, TARGET) == items(moved, LEGACY)
    assert len(items(moved, LEGACY)) > ITEMS / 2
    assert asked(moved, LEGACY)["ExportTableToPointInTime"] == 1
    assert asked(moved, TARGET)["ImportTable"] == 1
    assert asked(moved, TARGET)["CreateTable"] == 0


def test_the_table_has_its_index_its_tags_and_no_exported_file_is_left(moved: Story) -> None:
    dynamodb = moved.world.session(TARGET).client("dynamodb")
    there = dynamodb.describe_table(TableName=TABLE)["Table"]
    tags = {one["Key"]: one["Value"] for one in dynamodb.list_tags_of_resource(ResourceArn=there["TableArn"])["Tags"]}

    assert [one["IndexName"] for one in there["GlobalSecondaryIndexes"]] == ["of-day"]
    assert tags["team"] == "shop"
    assert tags["migrate:migration"] == "stores"
    assert rooms(moved) == []
    moved.type("verify")


def test_one_changed_item_is_found_and_named(moved: Story) -> None:
    dynamodb = moved.world.session(TARGET).client("dynamodb")
    before = dynamodb.get_item(TableName=TABLE, Key={"id": {"N": "7"}}).get("Item")
    dynamodb.put_item(TableName=TABLE, Item=an_item(7, -1))

    said = moved.type("verify", expect=5)

    assert "id = 7" in said.out + said.err
    if before:
        dynamodb.put_item(TableName=TABLE, Item=before)
    else:
        dynamodb.delete_item(TableName=TABLE, Key={"id": {"N": "7"}})
    moved.type("verify")


def test_a_rollback_takes_the_table_away_and_switches_off_what_was_switched_on(moved: Story) -> None:
    moved.type("rollback", *moved.undo_whatever_is_lost())

    dynamodb = moved.world.session(LEGACY).client("dynamodb")
    recovery = dynamodb.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    assert moved.world.session(TARGET).client("dynamodb").list_tables()["TableNames"] == []
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    stream = dynamodb.describe_table(TableName=TABLE)["Table"].get("StreamSpecification") or {}
    assert not stream.get("StreamEnabled")
    assert rooms(moved) == []
    assert asked(moved, TARGET)["BatchWriteItem"] < ITEMS, "the items went with the table, not one by one"


def test_the_same_migration_moves_it_again_after_the_rollback(moved: Story) -> None:
    clock.slow(moved.world.home, {})

    moved.run()

    assert items(moved, TARGET) == items(moved, LEGACY)
    assert asked(moved, TARGET)["ImportTable"] == 2
