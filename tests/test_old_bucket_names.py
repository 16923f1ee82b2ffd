"""A bucket's old name: rewritten where it must be the bucket, listed where a word may mean anything."""

from types import SimpleNamespace
from typing import Any

import pytest

from migrate import old_bucket_names
from migrate.kind import STEP_TAG
from migrate.names import Ref
from migrate.values import as_json
from tests.plans.toys import HERE, LEGACY, PROD
from tests.rewriting import clean, rewritten

NEW = f"shop-uploads-{PROD}"
BUCKET = SimpleNamespace(ref=Ref(LEGACY, HERE, "s3.bucket", "shop-uploads"))


def test_a_pattern_for_a_buckets_events_names_the_new_bucket() -> None:
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["shop-uploads"]}, "object": {"name": ["logs"]}}}

    out = rewritten({"EventPattern": as_json(pattern)})

    detail = out.value["EventPattern"]["$json"]["detail"]
    assert detail == {"bucket": {"name": [NEW]}, "object": {"name": ["logs"]}}
    # The rule is made after the bucket.
    assert [ref.name for ref in out.mentions] == ["shop-uploads"]


@pytest.mark.parametrize(
    ("legacy", "target"),
    [
        ("--bucket=shop-uploads", f"--bucket={NEW}"),
        ("#!/bin/sh\nexport MY_BUCKET='shop-uploads'\nDB=logs\n", f"#!/bin/sh\nexport MY_BUCKET='{NEW}'\nDB=logs\n"),
        ("S3_UPLOADS = shop-uploads", f"S3_UPLOADS = {NEW}"),
        ("https://acme.example/?bucket=shop-uploads&x=logs", f"https://acme.example/?bucket={NEW}&x=logs"),
        # Another word, another name, somebody else's.
        ("DB_NAME=shop-uploads", "DB_NAME=shop-uploads"),
        ("BUCKET=shop-uploads-old", "BUCKET=shop-uploads-old"),
        ("BUCKET=theirs", "BUCKET=theirs"),
    ],
)  # fmt: skip
def test_an_assignment_that_says_bucket_is_rewritten(legacy: str, target: str) -> None:
    assert clean({"a": legacy}) == {"a": target}


def told(document: Any, *, new: str = NEW, account: str = PROD) -> list[str]:
    request = SimpleNamespace(account=account, params=document)
    step: Any = SimpleNamespace(id="the step", requests=[request], carry=None)
    inventory: Any = SimpleNamespace(account=LEGACY, resources=[BUCKET])
    return list(old_bucket_names.findings([step], inventory, lambda _: [SimpleNamespace(name=new)]))  # type: ignore[list-item]


@pytest.mark.parametrize(
    "text", ["a,shop-uploads,b", "shop-uploads/images", "--to=shop-uploads", "copy shop-uploads: now"]
)
def test_where_the_old_name_stays_is_said_with_its_place(text: str) -> None:
    assert clean({"Value": text}) == {"Value": text}

    [said] = told({"Env": {"X": as_json([text])}})

    assert "bucket shop-uploads gets another name" in said
    assert "the step Env.X[0]" in said


@pytest.mark.parametrize(
    "document",
    [
        {"a": "my-shop-uploads", "b": "shop-uploads-old", "c": "shop-uploads.example.com"},
        {"DB_NAME": "shop-uploads"},
        {"Tags": [{"Key": "for", "Value": "shop-uploads"}], STEP_TAG: "shop-uploads"},
    ],
)
def test_what_is_another_name_or_a_label_is_not(document: Any) -> None:
    assert told(document) == []


def test_a_bucket_that_keeps_its_name_and_what_goes_to_legacy_are_no_finding() -> None:
    assert told({"a": "x shop-uploads"}, new="shop-uploads") == []
    assert told({"a": "x shop-uploads"}, account=LEGACY) == []


def test_many_places_are_counted_and_the_first_named() -> None:
    [said] = told({"a": ["x shop-uploads"] * 25})

    assert "stays in 25 places" in said
    assert said.count("the step a[") == old_bucket_names.SHOWN
    assert "and 15 more" in said
