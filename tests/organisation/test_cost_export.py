"""Cost and usage as files: the export and its bucket stand, AWS may write, and what was delivered stays."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from migrate.demo.strict import data_exports
from tests.organisation.story import MANAGEMENT, Story

BUCKET = f"migrate-cost-export-{MANAGEMENT}"


@pytest.fixture(autouse=True)
def _service() -> None:
    """The emulator has no such service: that of the embedded world."""
    data_exports.exports()


def exports() -> Any:
    return boto3.client("bcm-data-exports", region_name="us-east-1")


def s3() -> Any:
    return boto3.client("s3", region_name="us-east-1")


def test_the_export_stands_with_its_bucket_and_a_second_plan_changes_nothing(story: Story) -> None:
    story.want({"cost_export": {"granularity": "HOURLY"}})

    made = story.stand()

    (listed,) = exports().list_exports()["Exports"]
    shown = exports().get_export(ExportArn=listed["ExportArn"])
    where = shown["Export"]["DestinationConfigurations"]["S3Destination"]
    assert (listed["ExportName"], where["S3Bucket"], where["S3Region"]) == ("cost-and-usage", BUCKET, "us-east-1")
    settings = shown["Export"]["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert settings["TIME_GRANULARITY"] == "HOURLY"
    assert shown["ExportStatus"]["StatusCode"] == "HEALTHY"
    (allowed,) = json.loads(s3().get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert allowed["Principal"] == {"Service": "bcm-data-exports.amazonaws.com"}
    assert allowed["Condition"]["StringLike"]["aws:SourceAccount"] == MANAGEMENT
    assert all(s3().get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    story.type("verify")
    assert story.plan()["todo"] == 0

    story.undo(made["plan"])

    assert exports().list_exports()["Exports"] == []
    with pytest.raises(ClientError, match="404"):
        s3().head_bucket(Bucket=BUCKET)


def test_verify_says_that_aws_can_write_no_more(story: Story) -> None:
    story.want({"cost_export": {}})
    story.stand()

    s3().delete_bucket_policy(Bucket=BUCKET)
    said = story.type("verify", expect=5)

    assert "is_healthy" in said.err + said.out


def test_what_was_delivered_stays_when_the_export_is_taken_away(story: Story) -> None:
    story.want({"cost_export": {}})
    made = story.stand()
    s3().put_object(Bucket=BUCKET, Key="cost-and-usage/data/2026-11.parquet", Body=b"costs")

    story.undo(made["plan"])

    assert exports().list_exports()["Exports"] == []
    assert s3().get_object(Bucket=BUCKET, Key="cost-and-usage/data/2026-11.parquet")["Body"].read() == b"costs"


def test_an_export_that_stands_otherwise_refuses_the_plan(story: Story) -> None:
    story.want({"cost_export": {"granularity": "DAILY"}})
    story.stand()
    story.want({"cost_export": {"granularity": "MONTHLY"}})

    said = story.type("plan", expect=1)

    assert "granularity is 'DAILY', wanted is 'MONTHLY'" in said.err


def test_an_export_that_may_not_be_listed_ends_the_plan(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.bcmdataexports.urls import url_paths  # type: ignore[import-not-found]

    from migrate.demo.strict._refusal import Refusal

    def denied(self: Any) -> Any:
        raise Refusal("AccessDeniedException", "no")

    owner = next(iter(url_paths.values())).__self__
    monkeypatch.setattr(owner, "list_exports", denied)
    story.want({"cost_export": {}})

    said = story.type("plan", expect=1)

    assert "bcm-data-exports.ListExports" in said.err


def test_a_bucket_that_stood_before_is_used_and_no_rollback_deletes_it(story: Story) -> None:
    s3().create_bucket(Bucket=BUCKET)
    story.want({"cost_export": {}})
    made = story.stand()

    story.undo(made["plan"])

    assert exports().list_exports()["Exports"] == []
    assert s3().head_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"] == 200
