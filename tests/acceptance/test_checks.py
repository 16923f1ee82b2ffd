"""Each check finds the difference it is for, and nothing between equal sides: two accounts as plain dicts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from . import checks

Side = dict[str, Any]
BUCKETS = {"uploads-old": "uploads-new"}
DIGEST, LAYER = "sha256:aaaa", "sha256:bbbb"


def side(account: str, bucket: str) -> Side:
    key = {
        "sha256": "1" * 64,
        "size": 3,
        "metadata": {"who": "ana"},
        "headers": {"ContentType": "text/plain"},
        "tags": {"kind": "x"},
    }
    return {
        "account": account,
        "databases": {
            "shop": {
                "tables": {
                    "public.orders": {"columns": [["id", "bigint"]], "rows": ["(1,a)", "(2,b)"]},
                    "public.views": {"columns": [["path", "text"]], "rows": ["(/)", "(/)"]},
                },
                "definitions": {"index public.orders_at": "CREATE INDEX …"},
                "sequences": {
                    "public.orders_id_seq": {
                        "last_value": 9,
                        "is_called": True,
                        "increment": 1,
                        "highest_in_table": 2,
                    }
                },
            }
        },
        "buckets": {
            bucket: {
                "versioning": "Enabled",
                "history": {
                    "a b.txt": {"versions": [copy.deepcopy(key)], "markers": []},
                    "gone": {"versions": [copy.deepcopy(key)], "markers": [[0, 0]]},
                    "back": {"versions": [copy.deepcopy(key), copy.deepcopy(key)], "markers": [[1, 1]]},
                },
            }
        },
        "images": {"shop/web": {DIGEST: {"tags": ["1.0"], "manifest": DIGEST, "layers": {LAYER: LAYER}}}},
        "functions": {"notify": {"sha256": "2" * 64}},
        "layers": {"numbers": {"sha256": "3" * 64}},
        "queues": {
            "jobs": {
                "VisibilityTimeout": "30",
                "RedrivePolicy": f'{{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:{account}:dead"}}',
            }
        },
        "documents": {
            "iam.role/task/trust": f'{{"AWS": "arn:aws:iam::{account}:root"}}',
            "ecs.task-definition/web/newest": '{"PARTNER": "arn:aws:sqs:eu-west-1:999988887777:partner-orders"}',
            "iam.role/task/attached": '["arn:aws:iam::aws:policy/ReadOnlyAccess"]',
        },
    }


@pytest.fixture
def legacy() -> Side:
    return side("111111111111", "uploads-old")


@pytest.fixture
def target() -> Side:
    return side("222222222222", "uploads-new")


def differences(legacy: Side, target: Side) -> list[str]:
    return [
        *checks.rows_equal(legacy, target),
        *checks.sequences_ahead(legacy, target),
        *checks.objects_equal(legacy, target, BUCKETS),
        *checks.images_equal(legacy, target),
        *checks.code_equal(legacy, target),
        *checks.queues_equal(legacy, target, ["jobs"]),
        *checks.legacy_id_residue(target),
        *checks.partner_untouched(legacy, target),
        *checks.aws_owned_untouched(legacy, target),
    ]


def test_no_check_complains_about_an_account_that_arrived_whole(legacy: Side, target: Side) -> None:
    assert differences(legacy, target) == []


def put(*path: Any, value: Any) -> Callable[[Side], None]:
    def change(it: Any) -> None:
        for step in path[:-1]:
            it = it[step]
        it[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Side], None]:
    def change(it: Any) -> None:
        for step in path[:-1]:
            it = it[step]
        del it[path[-1]]

    return change


TABLES = ("databases", "shop", "tables")
SEQUENCE = ("databases", "shop", "sequences", "public.orders_id_seq")
HISTORY = ("buckets", "uploads-new", "history")
IMAGE = ("images", "shop/web", DIGEST)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("databases", "shop"), "shop: not in 222222222222"),
        (put("databases", "shop", value={"unreadable": "no secret"}), "shop: could not be read: no secret"),
        (drop(*TABLES, "public.views"), "table public.views: missing"),
        (put(*TABLES, "public.extra", value={"columns": [], "rows": []}), "table public.extra: too many"),
        (put(*TABLES, "public.orders", "rows", value=["(1,a)", "(2,B)"]), "1 rows missing, 1 rows too many"),
        (put(*TABLES, "public.orders", "rows", value=[]), "2 rows missing"),
        (put(*TABLES, "public.views", "rows", value=["(/)"]), "public.views: 1 rows missing"),
        (put(*TABLES, "public.orders", "columns", value=[["id", "integer"]]), "columns differ"),
        (drop("databases", "shop", "definitions", "index public.orders_at"), "index public.orders_at: missing"),
        (put(*SEQUENCE, "last_value", value=2), "would give 3, legacy would give 10"),
        (put(*SEQUENCE, "highest_in_table", value=12), "the table holds 12"),
        (put(*SEQUENCE, "is_called", value=False), "would give 9, legacy would give 10"),
        (drop(*SEQUENCE), "sequence public.orders_id_seq is missing"),
        (drop("buckets", "uploads-new"), "no uploads-new in 222222222222"),
        (drop(*HISTORY, "a b.txt"), "object a b.txt: missing"),
        (put(*HISTORY, "a+b.txt", value={}), "object a+b.txt: too many"),
        (put(*HISTORY, "a b.txt", "versions", 0, "sha256", value="0" * 64), "sha256 differs"),
        (put(*HISTORY, "a b.txt", "versions", 0, "metadata", value={}), "metadata differs"),
        (put(*HISTORY, "a b.txt", "versions", 0, "headers", value={}), "headers differs"),
        (put(*HISTORY, "a b.txt", "versions", 0, "tags", value={}), "tags differs"),
        (put(*HISTORY, "gone", "markers", value=[]), "gone: 0 markers, were 1"),
        (drop(*HISTORY, "back", "versions", 1), "back: 1 versions, were 2"),
        (put(*HISTORY, "back", "markers", value=[[2, 2]]), "delete marker 0 has [2, 2] newer versions, had [1, 1]"),
        (put("buckets", "uploads-new", "versioning", value="Off"), "versioning is Off, was Enabled"),
        (drop("images", "shop/web"), "shop/web: not in"),
        (drop(*IMAGE), f"image {DIGEST}: missing"),
        (put(*IMAGE, "tags", value=["latest"]), "tags ['latest'], were ['1.0']"),
        (put(*IMAGE, "manifest", value="sha256:cccc"), "the manifest's sha256"),
        (put(*IMAGE, "layers", LAYER, value="sha256:dddd"), "has the sha256 sha256:dddd"),
        (put("functions", "notify", "sha256", value="0"), "function notify: differs"),
        (drop("layers", "numbers"), "layer numbers: missing"),
        (put("queues", "jobs", "VisibilityTimeout", value="31"), "VisibilityTimeout is 31, was 30"),
        (drop("queues", "jobs", "RedrivePolicy"), "RedrivePolicy differs"),
        (
            put("documents", "iam.role/task/trust", value='"arn:aws:iam::111111111111:root"'),
            'iam.role/task/trust: …"arn:aws:iam::111111111111:root',
        ),
        (
            put(
                *("documents", "ecs.task-definition/web/newest"),
                value='"arn:aws:sqs:eu-west-1:222222222222:partner-orders"',
            ),
            "arn:aws:sqs:eu-west-1:222222222222:partner-orders was arn:aws:sqs:eu-west-1:999988887777",
        ),
        (put("documents", "ecs.task-definition/web/newest", value="{}"), "names of 999988887777 were"),
        (
            put("documents", "iam.role/task/attached", value='["arn:aws:iam::222222222222:policy/ReadOnlyAccess"]'),
            "names of AWS were",
        ),
    ],
)
def test_a_difference_is_found_and_named(legacy: Side, target: Side, change: Callable[[Side], None], said: str) -> None:
    change(target)

    found = differences(legacy, target)

    assert any(said in line for line in found), found


def test_nothing_to_compare_is_a_difference() -> None:
    empty: Side = {"account": "333333333333"} | {
        part: {} for part in ("databases", "buckets", "images", "functions", "layers", "queues", "documents")
    }

    for found in (
        checks.rows_equal(empty, empty),
        checks.sequences_ahead(empty, empty),
        checks.objects_equal(empty, empty, {}),
        checks.images_equal(empty, empty),
        checks.code_equal(empty, empty),
        checks.queues_equal(empty, empty, ["jobs"]),
        checks.queues_equal(empty, empty, []),
        checks.legacy_id_residue(empty),
        checks.partner_untouched(empty, empty),
        checks.aws_owned_untouched(empty, empty),
    ):
        assert found


def test_a_marker_of_the_same_second_as_a_version_may_stand_on_either_side(legacy: Side, target: Side) -> None:
    target["buckets"]["uploads-new"]["history"]["back"]["markers"] = [[1, 2]]

    assert checks.objects_equal(legacy, target, BUCKETS) == []


def test_a_renamed_database_is_compared_through_its_new_name(legacy: Side, target: Side) -> None:
    target["databases"]["shop-new"] = target["databases"].pop("shop")

    assert checks.rows_equal(legacy, target) != []
    assert checks.rows_equal(legacy, target, {"shop": "shop-new"}) == []
    assert checks.sequences_ahead(legacy, target, {"shop": "shop-new"}) == []
