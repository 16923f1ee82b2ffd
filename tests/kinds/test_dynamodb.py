"""Tables beside the example of tests.kinds.examples.tables: what AWS owns, what others know of them, what is told."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto.dynamodb.models.table import Table as MotoTable
from moto.kms.models import kms_backends

from migrate.kind import CarryAction
from migrate.kinds.dynamodb_table import Table
from migrate.kinds.dynamodb_table.facts import AWS_KEY, CAPACITY, LARGE_BYTES
from migrate.kinds.dynamodb_table.facts import _scaling as scaling_of
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def make(world: TwoSides, name: str = "jobs", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = world.client("legacy", "dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )["TableDescription"]
    return made


def test_a_table_that_is_not_there_is_not_found(world: TwoSides) -> None:
    make(world)

    assert world.scan(Table(), only="absent") == {}
    assert set(world.scan(Table())) == {"jobs"}
    assert all(not site.gaps for site in world.sites)


def test_a_plain_table_is_created_by_one_request_and_needs_no_more(world: TwoSides) -> None:
    make(world)
    found = world.scan(Table())["jobs"]
    it = Table().typed(found)

    applying = [action.name for action in Table().actions if action.applies(it)]
    [(request, params)] = world.planned(Table(), found, "create")

    assert applying == ["create", "copy_items", "look_again"]
    assert request.creates
    assert not {"ProvisionedThroughput", "SSESpecification", "StreamSpecification"} & set(params)
    assert found.facts["throughput"] is None


def test_the_key_that_aws_manages_is_the_targets_own(world: TwoSides) -> None:
    make(world, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    for key in kms_backends[LEGACY][REGION].keys.values():
        key.key_manager = "AWS"
    found = world.scan(Table())["jobs"]

    [(_, params)] = world.planned(Table(), found, "create")

    assert found.facts["encryption"] == AWS_KEY
    assert params["SSESpecification"] == {"Enabled": True, "SSEType": "KMS"}
    assert list(Table().needs(Table().typed(found))) == []


def test_who_names_the_stream_names_the_targets_one(world: TwoSides) -> None:
    make(world, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    found = world.scan(Table())["jobs"]
    table = f"arn:aws:dynamodb:{REGION}:{LEGACY}:table/jobs"

    world.move(Table(), found)

    there = world.client("target", "dynamodb").describe_table(TableName="jobs")["Table"]
    assert found.facts["stream_arn"].startswith(f"{table}/stream/")
    assert world.renamed({"Resource": found.facts["stream_arn"]}) == {"Resource": there["LatestStreamArn"]}
    assert world.renamed(f"{table}/index/*") == f"arn:aws:dynamodb:{REGION}:{TARGET}:table/jobs/index/*"


def test_replicas_that_are_not_made_are_asked_about(world: TwoSides) -> None:
    make(world)
    found = world.scan(Table())["jobs"]
    it = Table().typed(found)

    (remainder,) = Table().remains(replace(it, facts=it.facts.model_copy(update={"replica_regions": ["us-east-1"]})))

    assert list(Table().remains(it)) == []
    assert "us-east-1" in remainder.what


def test_a_large_table_is_told_the_quicker_way(world: TwoSides, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world)
    describe = MotoTable.describe

    def sized(table: MotoTable, base_key: str = "TableDescription") -> dict[str, Any]:
        answer: dict[str, Any] = describe(table, base_key)
        answer[base_key]["TableSizeBytes"] = size
        return answer

    monkeypatch.setattr(MotoTable, "describe", sized)
    copying: Any = Table().action("copy_items")
    assert isinstance(copying, CarryAction)
    told = {}
    for size in (LARGE_BYTES - 1, LARGE_BYTES):
        found = world.scan(Table())["jobs"]
        told[size] = copying.summary(Table().typed(found), world.place(found))["how"]
        assert found.size_bytes == size

    assert "strategy: export" not in told[LARGE_BYTES - 1]
    assert "strategy: export" in told[LARGE_BYTES]


def test_a_table_that_is_being_deleted_is_not_there(world: TwoSides, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world)
    describe = MotoTable.describe

    def leaving(table: MotoTable, base_key: str = "TableDescription") -> dict[str, Any]:
        answer: dict[str, Any] = describe(table, base_key)
        answer[base_key]["TableStatus"] = "DELETING"
        return answer

    monkeypatch.setattr(MotoTable, "describe", leaving)

    assert world.scan(Table()) == {}


def test_bounds_of_auto_scaling_are_asked_for_so_that_one_answer_holds_them_all() -> None:
    told: list[int] = []

    class Site:
        def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any]:
            if operation.endswith("Policies"):
                return {}
            told.append(len(params["ResourceIds"]))
            both = [(one, way) for one in params["ResourceIds"] for way in CAPACITY]
            bounds = {"MinCapacity": 1, "MaxCapacity": 9}
            targets = [{"ResourceId": one, "ScalableDimension": f"dynamodb:any:{way}"} | bounds for one, way in both]
            # AWS shows 50 in one answer.
            return {"ScalableTargets": targets[:50]}

    site: Any = Site()
    indexes = [{"IndexName": f"by-{number:02}"} for number in range(40)]

    found = scaling_of(site, {"TableName": "jobs", "GlobalSecondaryIndexes": indexes})

    assert len(found) == 41 * len(CAPACITY)
    assert sum(told) == 41
