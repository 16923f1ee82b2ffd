"""DynamoDB's exports and imports: what the emulator leaves out, and where it lets through what AWS refuses.

The one rule it keeps: an export holds the items of its own moment, and an import makes a table of what the files hold.
Simulated: both work at once and show IN_PROGRESS until the world's clock says that they are ready.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import add, override, strict
from migrate.demo.strict._caller import CALLER, allows
from migrate.demo.strict._refusal import Refusal
from migrate.demo.strict.slow import begin, is_ready

GUIDE = "DynamoDB developer guide"
KEPT_S = 8 * 3600.0
FILES_AT_MOST = 3


class Job:
    """One export or import: what was asked for, and how AWS describes it."""

    def __init__(self, what: str, arn: str, asked: dict[str, Any]) -> None:
        self.what, self.arn, self.asked = what, arn, asked
        self.at_s = clock.now_s()
        self.failed: tuple[str, str] | None = None
        self.said: dict[str, Any] = {}
        begin(self, f"dynamodb:{what}")

    @property
    def status(self) -> str:
        """As AWS says it."""
        if not is_ready(self):
            return "IN_PROGRESS"
        return "FAILED" if self.failed else "COMPLETED"

    def described(self) -> dict[str, Any]:
        """What the describing call shows."""
        sort = "Export" if self.what == "export" else "Import"
        known = {f"{sort}Arn": self.arn, f"{sort}Status": self.status, "StartTime": self.at_s} | self.said
        known["ClientToken"] = self.asked.get("ClientToken")
        if self.status == "FAILED" and self.failed:
            known |= {"FailureCode": self.failed[0], "FailureMessage": self.failed[1]}
        return {name: value for name, value in known.items() if value is not None}


def _jobs(backend: Any, what: str) -> dict[str, Job]:
    name = f"world_{what}s"
    if not hasattr(backend, name):
        setattr(backend, name, {})
    held: dict[str, Job] = getattr(backend, name)
    return held


def _again(backend: Any, what: str, asked: dict[str, Any], conflict: str) -> Job | None:
    """The job of the same token and parameters; refused where the parameters are others."""
    token = asked.get("ClientToken")
    for job in _jobs(backend, what).values():
        if token and job.asked.get("ClientToken") == token and clock.now_s() - job.at_s < KEPT_S:
            if job.asked != asked:
                raise Refusal(conflict, "The client token was used with other parameters")
            return job
    return None


def _id() -> str:
    return f"{int(clock.now_s() * 1000):014d}-{uuid.uuid4().hex[:8]}"


def _bucket(name: str) -> Any:
    from moto.s3.models import s3_backends

    _, owner = s3_backends.bucket_accounts.get(name, ("", ""))
    return s3_backends[owner]["aws"].buckets.get(name) if owner else None


def _may(action: str, bucket: Any, key: str) -> bool:
    """Whether the caller may: the owner may, anybody else by the bucket's policy."""
    caller = CALLER.get()
    owner = bucket.account_id == caller.account
    return owner or allows(bucket.policy, caller, f"s3:{action}", f"arn:aws:s3:::{bucket.name}/{key}")


def _put(bucket: Any, key: str, value: bytes) -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[bucket.account_id]["aws"].put_object(bucket.name, key, value)


@strict(
    "dynamodb.table-id",
    makes="a table has an id of its own, another one where it is made again under the same name",
    source="dynamodb.TableDescription TableId, botocore 1.44.5",
)
def table_ids() -> None:
    """The emulator knows a table by its name only."""
    from moto.dynamodb.models.table import Table

    @override(Table, "describe")
    def describe(old: Any, self: Any, base_key: str = "TableDescription") -> Any:
        answer = old(self, base_key)
        answer[base_key]["TableId"] = _table_id(self)
        return answer


def _table_id(table: Any) -> str:
    if not hasattr(table, "world_id"):
        table.world_id = str(uuid.uuid4())
    return str(table.world_id)


@strict(
    "dynamodb.stream-again",
    makes="a stream that was switched off takes no more writes, and may be switched on again as a new one",
    source="dynamodb.StreamSpecification, botocore 1.44.5: refused only where the table has a stream",
)
def stream_again() -> None:
    """The emulator refuses a second stream for ever, and a put after the first one was switched off."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    @override(Table, "set_stream_specification")
    def specify(old: Any, self: Any, streams: Any) -> Any:
        old(self, streams)
        if not self.stream_specification["StreamEnabled"]:
            self.stream_shard = None

    @override(DynamoDBBackend, "update_table_streams")
    def update(old: Any, self: Any, table: Any, stream_specification: Any) -> Any:
        is_on = (table.stream_specification or {}).get("StreamEnabled")
        label = table.latest_stream_label
        table.latest_stream_label = label if is_on else None
        try:
            return old(self, table, stream_specification)
        finally:
            # A table goes on showing its last stream, on or off.
            table.latest_stream_label = table.latest_stream_label or label


@strict(
    "dynamodb.export",
    makes="an export needs point-in-time recovery and a bucket that lets the caller write; it lays down gzipped items "
    "with manifests, is described by its token, and the same token asks for it once",
    source=f"dynamodb.ExportTableToPointInTime, botocore 1.44.5; {GUIDE}, Requesting a table export, and DynamoDB "
    "table export output format, read 2026-11",
)
def exports() -> None:
    """The emulator writes one file into any bucket, whoever owns it, without manifests, and forgets the token.

    The failure's code where the bucket is not the caller's to write is unverified.
    """
    from moto.core.responses import ActionResult
    from moto.dynamodb.responses import DynamoHandler

    @add(DynamoHandler, "export_table_to_point_in_time")
    def ask(self: Any) -> Any:
        job = _export(self.dynamodb_backend, dict(self.body))
        return ActionResult({"ExportDescription": job.described()})

    @add(DynamoHandler, "describe_export")
    def describe(self: Any) -> Any:
        job = _jobs(self.dynamodb_backend, "export").get(self.body["ExportArn"])
        if job is None:
            raise Refusal("ExportNotFoundException", "Export not found")
        return ActionResult({"ExportDescription": job.described()})

    @add(DynamoHandler, "list_exports")
    def listing(self: Any) -> Any:
        table = self.body.get("TableArn")
        found = [
            {"ExportArn": job.arn, "ExportStatus": job.status, "ExportType": "FULL_EXPORT"}
            for job in _jobs(self.dynamodb_backend, "export").values()
            if table in (None, job.said["TableArn"])
        ]
        return ActionResult({"ExportSummaries": sorted(found, key=lambda one: one["ExportArn"], reverse=True)})


def _export(backend: Any, asked: dict[str, Any]) -> Job:
    again = _again(backend, "export", asked, "ExportConflictException")
    if again is not None:
        return again
    table = next((one for one in backend.tables.values() if one.table_arn == asked["TableArn"]), None)
    if table is None:
        raise Refusal("TableNotFoundException", f"Table not found: {asked['TableArn']}")
    recovery = table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    if recovery != "ENABLED":
        said = f"Point in time recovery is not enabled for table '{table.name}'"
        raise Refusal("PointInTimeRecoveryUnavailableException", said)
    if asked.get("ExportType", "FULL_EXPORT") != "FULL_EXPORT" or asked.get("ExportFormat", "DYNAMODB_JSON") == "ION":
        raise Refusal("ValidationException", "the embedded world writes full exports of DYNAMODB_JSON only")
    own = _id()
    job = Job("export", f"{table.table_arn}/export/{own}", asked)
    prefix = f"{asked['S3Prefix'].rstrip('/')}/" if asked.get("S3Prefix") else ""
    folder = f"{prefix}AWSDynamoDB/{own}"
    job.said = {
        "TableArn": table.table_arn, "TableId": _table_id(table), "ExportTime": job.at_s, "S3Bucket": asked["S3Bucket"],
        "S3BucketOwner": asked.get("S3BucketOwner"), "S3Prefix": asked.get("S3Prefix"),
        "ExportFormat": "DYNAMODB_JSON", "ExportType": "FULL_EXPORT", "S3SseAlgorithm": "AES256",
        "ExportManifest": f"{folder}/manifest-summary.json",
    }  # fmt: skip
    bucket = _bucket(asked["S3Bucket"])
    _jobs(backend, "export")[job.arn] = job
    if bucket is None:
        job.failed = ("S3NoSuchBucket", "The specified bucket does not exist")
    elif asked.get("S3BucketOwner") not in (None, bucket.account_id):
        job.failed = ("AccessDenied", "The bucket belongs to another account than S3BucketOwner")
    elif not all(_may(action, bucket, folder) for action in ("PutObject", "PutObjectAcl", "AbortMultipartUpload")):
        job.failed = ("AccessDenied", "Access Denied: the caller may not write to the bucket")
    else:
        _write_export(job, table, bucket, folder)
    return job


def _write_export(job: Job, table: Any, bucket: Any, folder: str) -> None:
    from moto.dynamodb.models.utilities import dynamo_json_dump

    _put(bucket, f"{folder}/_started", b"")
    lines = [dynamo_json_dump(item.to_json(root_attr_name="Item")) for item in table.all_items()]
    count = min(FILES_AT_MOST, max(len(lines), 1))
    listed, size = [], 0
    for at in range(count):
        held = lines[at::count]
        content = gzip.compress("".join(f"{line}\n" for line in held).encode())
        size += len(content)
        key = f"{folder}/data/{hashlib.sha1(f'{job.arn}{at}'.encode(), usedforsecurity=False).hexdigest()[:26]}.json.gz"
        stored = _put(bucket, key, content)
        checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        listed.append(
            {
                "itemCount": len(held),
                "md5Checksum": checksum,
                "etag": stored.etag.strip('"'),
                "dataFileS3Key": key,
            }
        )
    job.said |= {"ItemCount": len(lines), "BilledSizeBytes": size}
    moment = datetime.fromtimestamp(job.at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    summary = {
        "version": "2020-06-30", "exportArn": job.arn, "startTime": moment, "endTime": moment,
        "tableArn": table.table_arn, "tableId": _table_id(table), "exportTime": moment, "s3Bucket": bucket.name,
        "s3Prefix": job.asked.get("S3Prefix"), "s3SseAlgorithm": "AES256", "s3SseKmsKeyId": None,
        "manifestFilesS3Key": f"{folder}/manifest-files.json", "billedSizeBytes": size, "itemCount": len(lines),
        "outputFormat": "DYNAMODB_JSON", "exportType": "FULL_EXPORT",
    }  # fmt: skip
    files = "".join(json.dumps(one) + "\n" for one in listed).encode()
    for name, body in (("manifest-files", files), ("manifest-summary", json.dumps(summary).encode())):
        _put(bucket, f"{folder}/{name}.json", body)
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
        _put(bucket, f"{folder}/{name}.checksum", digest)


@strict(
    "dynamodb.import",
    makes="an import refuses a table that stands, makes one without tags, table class or local indexes, is CREATING "
    "until it is over, counts items that do not fit as errors, and the same token asks for it once",
    source=f"dynamodb.ImportTable, ImportTableDescription and ListImports, botocore 1.44.5; {GUIDE}, DynamoDB data "
    "import from Amazon S3, read 2026-11",
)
def imports() -> None:
    """The emulator imports in a thread, shows no source, token or id, and lists nothing.

    An import with errors ends as COMPLETED with their count and a log group (unverified: AWS may end it as FAILED).
    """
    from moto.core.responses import ActionResult
    from moto.dynamodb.responses import DynamoHandler

    @add(DynamoHandler, "import_table")
    def ask(self: Any) -> Any:
        return ActionResult({"ImportTableDescription": _import(self, dict(self.body)).described()})

    @add(DynamoHandler, "describe_import")
    def describe(self: Any) -> Any:
        job = _jobs(self.dynamodb_backend, "import").get(self.body["ImportArn"])
        if job is None:
            raise Refusal("ImportNotFoundException", "Import not found")
        return ActionResult({"ImportTableDescription": job.described()})

    @add(DynamoHandler, "list_imports")
    def listing(self: Any) -> Any:
        table = self.body.get("TableArn")
        shown = ("TableArn", "S3BucketSource", "CloudWatchLogGroupArn", "InputFormat")
        found: list[dict[str, Any]] = [
            {"ImportArn": job.arn, "ImportStatus": job.status, "StartTime": job.at_s}
            | {name: job.said[name] for name in shown}
            for job in _jobs(self.dynamodb_backend, "import").values()
            if table in (None, job.said["TableArn"])
        ]
        return ActionResult({"ImportSummaryList": sorted(found, key=lambda one: one["ImportArn"], reverse=True)})


def _import(handler: Any, asked: dict[str, Any]) -> Job:
    backend, shape = handler.dynamodb_backend, asked["TableCreationParameters"]
    again = _again(backend, "import", asked, "ImportConflictException")
    if again is not None:
        return again
    name = shape["TableName"]
    if name in backend.tables:
        raise Refusal("ResourceInUseException", f"Table already exists: {name}")
    handler._validate_table_creation(
        billing_mode=shape.get("BillingMode"), throughput=shape.get("ProvisionedThroughput"),
        key_schema=shape["KeySchema"], global_indexes=shape.get("GlobalSecondaryIndexes"),
        local_secondary_indexes=None, attr=shape["AttributeDefinitions"], warm_throughput=None,
    )  # fmt: skip
    table = backend.create_table(
        name, billing_mode=shape.get("BillingMode") or "PROVISIONED", throughput=shape.get("ProvisionedThroughput"),
        schema=shape["KeySchema"], global_indexes=shape.get("GlobalSecondaryIndexes") or [], indexes=None,
        attr=shape["AttributeDefinitions"], sse_specification=shape.get("SSESpecification"), streams=None, tags=[],
        deletion_protection_enabled=False, warm_throughput=None,
    )  # fmt: skip
    job = Job("import", f"{table.table_arn}/import/{_id()}", asked)
    group = f"arn:aws:logs:{backend.region_name}:{backend.account_id}:log-group:/aws-dynamodb/imports:*"
    job.said = {
        "TableArn": table.table_arn, "TableId": _table_id(table), "S3BucketSource": asked["S3BucketSource"],
        "InputFormat": asked["InputFormat"], "InputCompressionType": asked.get("InputCompressionType", "NONE"),
        "TableCreationParameters": shape, "CloudWatchLogGroupArn": group,
    }  # fmt: skip
    _jobs(backend, "import")[job.arn] = job
    _load(job, table)
    # It takes items of others only once it is over.
    begin(table, "dynamodb:import")
    return job


def _load(job: Job, table: Any) -> None:
    from moto.core.exceptions import ServiceException

    source = job.asked["S3BucketSource"]
    bucket, prefix = _bucket(source["S3Bucket"]), source.get("S3KeyPrefix") or ""
    held = sorted(key for key in (bucket.keys if bucket is not None else ()) if key.startswith(prefix))
    if bucket is None:
        job.failed = ("S3NoSuchBucket", "The specified bucket does not exist")
        return
    if not held or not all(_may(action, bucket, prefix) for action in ("GetObject", "ListBucket")):
        job.failed = ("S3AccessDenied" if held else "ValidationError", "No object can be read below the prefix")
        return
    table.world_ready_at_s = 0.0
    shape = job.asked["TableCreationParameters"]
    sorts = {one["AttributeName"]: one["AttributeType"] for one in shape["AttributeDefinitions"]}
    key_sorts = {part["AttributeName"]: sorts[part["AttributeName"]] for part in shape["KeySchema"]}
    done, wrong, size = 0, 0, 0
    for key in held:
        content = bucket.keys[key].value
        size += len(content)
        packed = job.said["InputCompressionType"] == "GZIP"
        for line in (gzip.decompress(content) if packed else content).decode().splitlines():
            try:
                item = json.loads(line)["Item"]
                if not all(name in item and sort in item[name] for name, sort in key_sorts.items()):
                    raise KeyError("the item lacks its key")
                table.put_item(item)
                done += 1
            except (ServiceException, KeyError, TypeError, ValueError):
                wrong += 1
    counts = {"ProcessedItemCount": done + wrong, "ImportedItemCount": done, "ErrorCount": wrong}
    job.said |= counts | {"ProcessedSizeBytes": size}
