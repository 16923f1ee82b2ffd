"""The embedded world's exports and imports of tables: whom they let in, what they lay down, what they refuse."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from migrate.demo import clock
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.world import World

pytestmark = pytest.mark.world

PRODUCTION = TARGETS["production"]
Client = Callable[..., Any]
KEY = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
KEYS = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}]} | KEY
ITEMS = 7


def an_item(number: int) -> dict[str, Any]:
    return {"id": {"N": str(number)}, "picture": {"B": bytes([number, 255])}, "tags": {"SS": ["a", "b"]}}


@pytest.fixture
def table(legacy: Client, name: str) -> str:
    made = legacy("dynamodb").create_table(TableName=name, **KEYS)["TableDescription"]["TableArn"]
    made_items = [{"PutRequest": {"Item": an_item(number)}} for number in range(ITEMS)]
    legacy("dynamodb").batch_write_item(RequestItems={name: made_items})
    return str(made)


@pytest.fixture
def room(target: Client, name: str) -> str:
    """A bucket of the target that lets legacy write."""
    where = {"LocationConstraint": "eu-west-1"}
    target("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    statement = {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"}, "Resource": f"arn:aws:s3:::{name}/*",
        "Action": ["s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"],
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    target("s3").put_bucket_policy(Bucket=name, Policy=policy)
    return name


def with_recovery(legacy: Client, name: str) -> None:
    on = {"PointInTimeRecoveryEnabled": True}
    legacy("dynamodb").update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=on)


def asked(table: str, room: str, **more: Any) -> dict[str, Any]:
    return {"TableArn": table, "S3Bucket": room, "S3BucketOwner": PRODUCTION, "S3Prefix": "out"} | more


def test_an_export_needs_recovery(legacy: Client, table: str, room: str, refused: Any) -> None:
    export = legacy("dynamodb").export_table_to_point_in_time

    assert refused(export, **asked(table, room)) == "PointInTimeRecoveryUnavailableException"


@pytest.mark.parametrize(
    ("policy", "owner", "code"),
    [(None, PRODUCTION, "AccessDenied"), ("kept", LEGACY, "AccessDenied"), ("kept", PRODUCTION, "")],
)
def test_an_export_fails_where_the_bucket_does_not_let_the_caller_write(
    legacy: Client, target: Client, table: str, room: str, name: str, policy: str | None, owner: str, code: str
) -> None:
    with_recovery(legacy, name)
    if policy is None:
        target("s3").delete_bucket_policy(Bucket=room)
    dynamodb = legacy("dynamodb")

    made = dynamodb.export_table_to_point_in_time(**asked(table, room, S3BucketOwner=owner))["ExportDescription"]

    shown = dynamodb.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]
    assert shown.get("FailureCode", "") == code
    assert shown["ExportStatus"] == ("FAILED" if code else "COMPLETED")
    assert bool(target("s3").list_objects_v2(Bucket=room).get("Contents")) == (not code)


def test_an_export_lays_down_every_item_with_manifests_that_say_so(
    legacy: Client, target: Client, table: str, room: str, name: str
) -> None:
    with_recovery(legacy, name)

    made = legacy("dynamodb").export_table_to_point_in_time(**asked(table, room))["ExportDescription"]

    def body(key: str) -> bytes:
        return bytes(target("s3").get_object(Bucket=room, Key=key)["Body"].read())

    summary = json.loads(body(made["ExportManifest"]))
    listed = [json.loads(line) for line in body(summary["manifestFilesS3Key"]).splitlines()]
    found = {}
    for one in listed:
        content = body(one["dataFileS3Key"])
        lines = gzip.decompress(content).splitlines()
        assert one["itemCount"] == len(lines)
        assert one["md5Checksum"] == base64.b64encode(hashlib.md5(content).digest()).decode()
        found |= {json.loads(line)["Item"]["id"]["N"]: json.loads(line)["Item"] for line in lines}
    assert len(listed) > 1
    assert summary["itemCount"] == ITEMS == len(found)
    assert summary["exportArn"] == made["ExportArn"]
    assert base64.b64decode(found["3"]["picture"]["B"]) == bytes([3, 255])


def test_a_token_asks_for_one_export_and_for_no_other(
    legacy: Client, table: str, room: str, name: str, refused: Any
) -> None:
    with_recovery(legacy, name)
    dynamodb = legacy("dynamodb")
    one, again = (
        dynamodb.export_table_to_point_in_time(**asked(table, room, ClientToken="t"))["ExportDescription"]["ExportArn"]
        for _ in range(2)
    )
    other = asked(table, room, ClientToken="t", S3Prefix="elsewhere")

    assert one == again
    assert refused(dynamodb.export_table_to_point_in_time, **other) == "ExportConflictException"
    assert [one["ExportArn"] for one in dynamodb.list_exports(TableArn=table)["ExportSummaries"]] == [one]


def test_an_import_makes_a_table_in_its_time_and_refuses_one_that_stands(
    a_world: World, legacy: Client, target: Client, table: str, room: str, name: str, refused: Any
) -> None:
    with_recovery(legacy, name)
    made = legacy("dynamodb").export_table_to_point_in_time(**asked(table, room))["ExportDescription"]
    prefix = made["ExportManifest"].rpartition("/")[0] + "/data/"
    wanted: dict[str, Any] = {
        "S3BucketSource": {"S3Bucket": room, "S3KeyPrefix": prefix}, "InputFormat": "DYNAMODB_JSON",
        "InputCompressionType": "GZIP", "TableCreationParameters": {"TableName": name} | KEYS,
    }  # fmt: skip
    dynamodb = target("dynamodb")
    clock.slow(a_world.home, {"dynamodb:import": 3600.0})
    try:
        begun = dynamodb.import_table(**wanted, ClientToken="t")["ImportTableDescription"]
        again = dynamodb.import_table(**wanted, ClientToken="t")["ImportTableDescription"]
        status = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
        put = refused(dynamodb.put_item, TableName=name, Item=an_item(1))
        clock.push(a_world.home, 3601)
        shown = dynamodb.describe_import(ImportArn=begun["ImportArn"])["ImportTableDescription"]
        there = dynamodb.describe_table(TableName=name)["Table"]
    finally:
        (a_world.home / clock.FILE).unlink()

    assert begun["ImportStatus"] == "IN_PROGRESS"
    assert (status, put) == ("CREATING", "ResourceNotFoundException")
    assert begun["ImportArn"] == again["ImportArn"]
    assert (shown["ImportStatus"], shown["ImportedItemCount"], shown["ErrorCount"]) == ("COMPLETED", ITEMS, 0)
    assert there["TableStatus"] == "ACTIVE"
    assert there["TableId"] == shown["TableId"]
    assert dynamodb.get_item(TableName=name, Key={"id": {"N": "3"}})["Item"] == an_item(3)
    assert refused(dynamodb.import_table, **wanted) == "ResourceInUseException"


def test_an_import_counts_what_does_not_fit_the_table(legacy: Client, target: Client, room: str, name: str) -> None:
    lines = [{"Item": {"id": {"N": "1"}}}, {"Item": {"other": {"S": "without a key"}}}]
    content = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    target("s3").put_object(Bucket=room, Key="in/one.json.gz", Body=content)

    made = target("dynamodb").import_table(
        S3BucketSource={"S3Bucket": room, "S3KeyPrefix": "in/"}, InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP", TableCreationParameters={"TableName": name} | KEYS,
    )["ImportTableDescription"]  # fmt: skip

    shown = target("dynamodb").describe_import(ImportArn=made["ImportArn"])["ImportTableDescription"]
    assert (shown["ImportedItemCount"], shown["ErrorCount"]) == (1, 1)
    assert "/aws-dynamodb/imports" in shown["CloudWatchLogGroupArn"]


def test_a_provisioned_table_takes_of_a_batch_what_it_has_capacity_for_and_a_copy_loses_nothing(
    a_world: World, legacy: Client, target: Client, name: str, refused: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    from migrate.carry.items import Tables, copy_items, prove_items
    from migrate.kinds.dynamodb_table import KINDS
    from tests.carry.fake_carrier import FakeCarrier, place

    items, capacity = 120, {"ReadCapacityUnits": 5, "WriteCapacityUnits": 40}
    legacy("dynamodb").create_table(TableName=name, **KEYS)
    for start in range(0, items, 20):
        some = [{"PutRequest": {"Item": an_item(number)}} for number in range(start, start + 20)]
        legacy("dynamodb").batch_write_item(RequestItems={name: some})
    provisioned = KEYS | {"BillingMode": "PROVISIONED", "ProvisionedThroughput": capacity}
    target("dynamodb").create_table(TableName=name, **provisioned)
    monkeypatch.setattr(FakeCarrier, "folder", tmp_path)
    action: Any = KINDS[0].action("copy_items")
    sessions = {"legacy": a_world.session(LEGACY), "target": a_world.session(PRODUCTION)}
    to: Any = FakeCarrier(KINDS[0], action, place(name, account=PRODUCTION), sessions)
    tables, slept = Tables(name, name, ("id",)), []
    object.__setattr__(tables, "sleep", lambda seconds: (slept.append(seconds), time.sleep(seconds)))
    clock.slow(a_world.home, {"dynamodb:burst": 1.0})
    begun = time.monotonic()
    try:
        copied = copy_items(to, tables)
        proof = prove_items(to, tables)
        once = target("dynamodb", config=Config(retries={"total_max_attempts": 1}))
        many = [{"PutRequest": {"Item": an_item(number)}} for number in range(25)]
        # Nothing is left, and nothing comes: not even one item.
        clock.slow(a_world.home, {"dynamodb:burst": 0.001})
        code = refused(once.batch_write_item, RequestItems={name: many})
    finally:
        (a_world.home / clock.FILE).unlink()

    assert copied["items"] == items
    assert proof.state == "equal", proof.differences
    assert slept, "AWS gave some items back"
    assert time.monotonic() - begun > 1.5
    assert code == "ProvisionedThroughputExceededException"
