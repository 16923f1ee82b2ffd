"""bcm-data-exports.export: what everything costs, as files in a bucket of the management account.

The rule: what AWS has delivered stays: a rollback ends the export, and deletes the bucket only while it is empty.
Sources: bcm-data-exports.CreateExport, GetExport, botocore 1.44.5; AWS Data Exports User Guide, "Setting up an
Amazon S3 bucket for data exports", "Data query", table dictionary "Cost and Usage Report (CUR) 2.0", read 2026-11.
"""

from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Find, It, Place, ReadSite, Request, tag_pairs
from migrate.organisation.wanted import Make, Wanted, WantedKind, own
from migrate.values import Json, as_json

GONE = ("ResourceNotFoundException",)
TABLE = "COST_AND_USAGE_REPORT"
REGION = "us-east-1"
"""Where exports stand, and the bucket with them."""
COLUMNS = (
    "bill_billing_period_start_date", "bill_payer_account_id", "line_item_usage_account_id",
    "line_item_usage_account_name", "line_item_usage_start_date", "line_item_line_item_type", "line_item_product_code",
    "line_item_usage_type", "line_item_operation", "line_item_usage_amount", "line_item_unblended_cost",
    "line_item_currency_code", "product_region_code", "resource_tags", "cost_category",
)  # fmt: skip
QUERY = f"SELECT {', '.join(COLUMNS)} FROM {TABLE}"


class Export(Wanted):
    """Source: bcm-data-exports.ListExports, GetExport."""

    bucket: str
    prefix: str
    granularity: str
    query: str = QUERY
    is_healthy: bool = True
    """AWS can write into the bucket. False where somebody changed the bucket's policy."""


def bucket_of(account: str) -> str:
    """The name of the bucket that the files lie in."""
    return f"migrate-cost-export-{account}"


def _policy(account: str, bucket: str) -> dict[str, Json]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EnableAWSDataExportsToWriteToS3AndCheckPolicy", "Effect": "Allow",
                "Principal": {"Service": "bcm-data-exports.amazonaws.com"},
                "Action": ["s3:GetBucketPolicy", "s3:PutObject"],
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {
                    "StringLike": {
                        "aws:SourceAccount": account,
                        "aws:SourceArn": f"arn:aws:bcm-data-exports:{REGION}:{account}:export/*",
                    }
                },
            }
        ],
    }  # fmt: skip


def _export(it: It[Export]) -> dict[str, Json]:
    output = {
        "OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT",
    }  # fmt: skip
    where = {
        "S3Bucket": it.facts.bucket,
        "S3Prefix": it.facts.prefix,
        "S3Region": REGION,
        "S3OutputConfigurations": output,
    }
    settings = {"TIME_GRANULARITY": it.facts.granularity, "INCLUDE_RESOURCES": "FALSE"}
    return {
        "Name": it.ref.name,
        "DataQuery": {"QueryStatement": it.facts.query, "TableConfigurations": {TABLE: settings}},
        "DestinationConfigurations": {"S3Destination": where},
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


class CreateExport(Make[Export]):
    """CreateBucket, PutBucketPolicy, CreateExport. The first files come within a day."""

    title = "Export what everything costs"

    def requests(self, it: It[Export], place: Place) -> list[Request]:
        bucket: dict[str, Json] = {"Bucket": it.facts.bucket}
        # A bucket with files in it is kept: nobody loses a month's bill by a rollback.
        away = Request("s3.DeleteBucket", bucket, done=("NoSuchBucket", "BucketNotEmpty"))
        closed: dict[str, Json] = {
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True,
        }  # fmt: skip
        tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tag_pairs(place.stamp(it.tags))]
        gone = Request("bcm-data-exports.DeleteExport", {"ExportArn": own(it)}, done=GONE)
        return [
            # A bucket that stood before is taken as it is, and no rollback deletes it.
            Request(
                "s3.CreateBucket", bucket, outputs={"location": "Location"}, undo=away,
                find=Find("s3.ListBuckets", {"Prefix": it.facts.bucket}, {
                    "location": f"Buckets[?Name=='{it.facts.bucket}'].Name | [0]"}),
            ),
            Request("s3.PutPublicAccessBlock", bucket | {"PublicAccessBlockConfiguration": closed}),
            Request("s3.PutBucketPolicy", bucket | {"Policy": as_json(_policy(place.account, it.facts.bucket))}),
            Request(
                "bcm-data-exports.CreateExport", {"Export": _export(it), "ResourceTags": tags}, once="named",
                creates=True, outputs={"id": "ExportArn"}, undo=gone,
            ),
        ]  # fmt: skip


class ExportKind(WantedKind[Export]):
    """An export of cost and usage."""

    name = "bcm-data-exports.export"
    title = "Export of cost and usage"
    facts = Export
    reads = frozenset(
        {
            "bcm-data-exports.GetExport",
            "bcm-data-exports.ListExports",
            "bcm-data-exports.ListTagsForResource",
            "s3.ListBuckets",
        }
    )
    actions = (CreateExport(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every export, or the one of that name."""
        for one in list(site.pages("bcm-data-exports.ListExports", "Exports")):
            if only not in (None, one["ExportName"]):
                continue
            arn = one["ExportArn"]
            answer = site.optional("bcm-data-exports.GetExport", missing=GONE, ExportArn=arn)
            if answer is None:
                continue
            listed = site.optional("bcm-data-exports.ListTagsForResource", missing=GONE, ResourceArn=arn) or {}
            tags = {tag["Key"]: tag["Value"] for tag in listed.get("ResourceTags") or ()}
            yield self.found(site, one["ExportName"], _shown(arn, answer), arn=arn, tags=tags)


def _shown(arn: str, answer: dict[str, Any]) -> Export:
    shown = answer["Export"]
    where = shown["DestinationConfigurations"]["S3Destination"]
    settings = (shown["DataQuery"].get("TableConfigurations") or {}).get(TABLE) or {}
    return Export(
        id=arn, stands=True, bucket=where["S3Bucket"], prefix=where["S3Prefix"],
        granularity=settings.get("TIME_GRANULARITY") or "", query=shown["DataQuery"]["QueryStatement"],
        is_healthy=(answer.get("ExportStatus") or {}).get("StatusCode") != "UNHEALTHY",
    )  # fmt: skip


KINDS = (ExportKind(),)
