"""Let AWS export a table to a bucket of the target, and check what it exported and imported, file by file.

The rule: what was asked for is remembered before it is sent, and asked for again with the same token, so a killed run
goes on with the same export. What AWS says of itself proves nothing: every file's checksum and count is compared, and
both tables are compared item by item afterwards.

The caller needs s3:PutObject, s3:PutObjectAcl and s3:AbortMultipartUpload on the bucket; one of another account's is
let in by the bucket's policy. Source: DynamoDB developer guide, Requesting a table export, read 2026-11. Files and
manifests: the same guide, DynamoDB table export output format, read 2026-11.
"""

import base64
import hashlib
import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.carry.items import WRITTEN_AT_ONCE, Item, Tables, hash_of
from migrate.carry.items_put import PutItems
from migrate.carry.listing import batches
from migrate.carry.refusals import code_of, patiently, unless
from migrate.errors import StepFailed
from migrate.kind import Carrier, Place, ReadSite
from migrate.values import Json

WRITES = frozenset(
    {
        "dynamodb.ExportTableToPointInTime",
        "s3.CreateBucket",
        "s3.DeleteBucket",
        "s3.DeleteBucketPolicy",
        "s3.DeleteObject",
        "s3.PutBucketPolicy",
        "s3.PutBucketTagging",
    }
)
WRITES_IN_LEGACY = frozenset({"dynamodb.ExportTableToPointInTime"})
LOOKS = frozenset({"dynamodb.DescribeExport", "dynamodb.ListExports"})
READS = LOOKS | {"s3.GetObject", "s3.ListObjectsV2"}
IMPORTS = frozenset({"dynamodb.DescribeImport", "dynamodb.ListImports"})
POLL_S = 15.0
FILES = "AWSDynamoDB"
"""The folder in which AWS lays every export."""
EXPORT, TOKEN, ROOM, DATA = "export_arn", "export_token", "export_bucket", "data_prefix"
"""What the step remembers: the export, the token that it was asked for with, the bucket while it stands, and where in
it the files lie."""
GONE = ("NoSuchBucket", "NoSuchKey")
_NOT_YET = ("PointInTimeRecoveryUnavailableException", "InvalidExportTimeException")
READ_BYTES = 2**20


def room_of(place: Place, account: str) -> str:
    """The bucket for one table's export: its name says which migration and table it is for."""
    text = f"{place.migration}/{account}/{place.region}/{place.name}"
    return f"migrate-export-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def export(to: Carrier, tables: Tables) -> dict[str, Json]:
    """Have the table exported, and check the manifests; return counts for the receipt.

    Raises: StepFailed where AWS could not, or the manifests do not say what AWS says; the next run asks anew.
    """
    room = room_of(to.place, str(to.place.account))
    if not to.outputs.get(TOKEN) and (standing := import_of(to.target, tables.target)):
        # An earlier plan's: before anything is asked for, and what was noted of it is forgotten.
        source = standing["S3BucketSource"]
        _imported_from(to, tables, str(source["S3Bucket"]), str(source["S3KeyPrefix"]).rstrip("/").rpartition("/")[0])
    _set_up(to, room)
    if not to.outputs.get(EXPORT):
        _ask(to, tables, room)
    found = _over(to, to.outputs[EXPORT])
    if found["ExportStatus"] != "COMPLETED":
        _forget(to)
        raise StepFailed(
            f"the export of {tables.legacy} ended as {found['ExportStatus']}: {found.get('FailureCode') or 'no code'}: "
            f"{found.get('FailureMessage') or 'AWS gives no reason'}",
            do="mend what AWS says, then migrate run: the table is exported anew",
        )
    key = str(found["ExportManifest"])
    folder = key.rpartition("/")[0]
    listed = manifest(to.target, room, folder)
    items = sum(int(one["itemCount"]) for one in listed)
    if items != int(found.get("ItemCount") or 0):
        _forget(to)
        raise StepFailed(
            f"the files of the export of {tables.legacy} hold {items} items, and AWS says {found.get('ItemCount')}",
            do="migrate run: the table is exported anew",
        )
    to.remember(DATA, f"{folder}/data/")
    return {"items": items, "files": len(listed), "bytes": int(found.get("BilledSizeBytes") or 0)}


def _imported_from(to: Carrier, tables: Tables, bucket: str, folder: str) -> list[dict[str, Any]]:
    """The files that the standing table was made from. Raises StepFailed where they are deleted."""
    there = unless(GONE, lambda: manifest(to.target, bucket, folder))
    if there is None:
        raise StepFailed(
            f"{tables.target} was imported by an earlier run, and the exported files that it was made from are deleted",
            do="choose scan or streams for it in migration.yaml (stores) and plan again: what stands is compared, and "
            "what differs is brought",
        )
    return there


def exported(to: Carrier) -> Mapping[str, Any] | None:
    """What AWS says of the step's export now; None where it does not know it any more (after 90 days)."""
    arn = to.outputs.get(EXPORT)
    if not arn:
        return None
    gone = ("ExportNotFoundException",)
    answer = unless(gone, lambda: to.legacy.call("dynamodb.DescribeExport", ExportArn=arn))
    return None if answer is None else dict(answer["ExportDescription"])


def manifest(site: ReadSite, bucket: str, folder: str) -> list[dict[str, Any]]:
    """The export's files, as its manifest lists them: one JSON document a line."""
    body = site.call("s3.GetObject", Bucket=bucket, Key=f"{folder}/manifest-files.json")["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines() if line.strip()]


def note_imported(to: Carrier, tables: Tables) -> dict[str, Json]:
    """Note every item that was imported as put by this migration, and compare each file with its manifest.

    Raises: StepFailed where AWS imported less than it exported, or a file is not what the manifest says.
    """
    found = import_of(to.target, tables.target)
    if found is None or found.get("ImportStatus") != "COMPLETED":
        status = (found or {}).get("ImportStatus") or "unknown"
        why = (found or {}).get("FailureMessage") or "AWS gives no reason"
        raise StepFailed(
            f"the import of {tables.target} is {status}: {why}",
            do="read its log group (/aws-dynamodb/imports), then undo the table (migrate rollback --step …:create) and "
            "run again",
        )
    source = found["S3BucketSource"]
    bucket, folder = str(source["S3Bucket"]), str(source["S3KeyPrefix"]).rstrip("/").rpartition("/")[0]
    listed = _imported_from(to, tables, bucket, folder)
    wanted, errors = sum(int(one["itemCount"]) for one in listed), int(found.get("ErrorCount") or 0)
    if errors or int(found.get("ImportedItemCount") or 0) != wanted:
        raise StepFailed(
            f"AWS imported {found.get('ImportedItemCount')} of {wanted} items into {tables.target}, with {errors} "
            f"errors",
            do=f"read its log group ({found.get('CloudWatchLogGroupArn') or '/aws-dynamodb/imports'}), then undo the "
            "table (migrate rollback --step …:create) and run again, or choose scan or streams and plan again",
        )
    put, own = PutItems.of(to), str(found["ImportArn"]).rpartition("/")[2]

    def one(at: int) -> int:
        # By the import's id: after a rollback the files of the next one are others.
        known = to.outputs.get(f"{own}/{at}")
        if known:
            return int(known)
        count = 0
        for some in batches(read_file(to.target, bucket, listed[at]), WRITTEN_AT_ONCE * 40):
            put.note(hash_of(item) for item in some)
            count += len(some)
        if count != int(listed[at]["itemCount"]):
            raise _not_whole(listed[at], f"it holds {count} items, and the manifest says {listed[at]['itemCount']}")
        to.remember(f"{own}/{at}", str(count))
        return count

    items = sum(to.target.map(one, range(len(listed))))
    # As with a copy: from here on an item that the target lacks was deleted there.
    to.remember("segment_0", str(items))
    return {"items": items, "files": len(listed), "imported by": own}


def import_of(site: ReadSite, table: str) -> dict[str, Any] | None:
    """What AWS says of the newest import that made this table; None where there is no such table or import.

    An import's id begins with its time in milliseconds. Source: dynamodb.ImportTable, botocore 1.44.5 (examples).
    """
    described = site.optional("dynamodb.DescribeTable", missing=("ResourceNotFoundException",), TableName=table)
    if described is None:
        return None
    known = described["Table"]
    listed = site.pages("dynamodb.ListImports", "ImportSummaryList", TableArn=known["TableArn"])
    for arn in sorted((str(one["ImportArn"]) for one in listed), reverse=True):
        answer = site.optional("dynamodb.DescribeImport", missing=("ImportNotFoundException",), ImportArn=arn)
        found = (answer or {}).get("ImportTableDescription") or {}
        # A table of the same name that was made anew has another id.
        if found and found.get("TableId") in (None, known.get("TableId")):
            return dict(found)
    return None


def read_file(site: ReadSite, bucket: str, listed: Mapping[str, Any]) -> Iterator[Item]:
    """The items of one exported file, in flat memory. Raises StepFailed where its checksum is not the manifest's."""
    body = site.call("s3.GetObject", Bucket=bucket, Key=listed["dataFileS3Key"])["Body"]
    unpacked, digest, rest = zlib.decompressobj(16 + zlib.MAX_WBITS), hashlib.md5(usedforsecurity=False), b""
    while part := body.read(READ_BYTES):
        digest.update(part)
        *lines, rest = (rest + unpacked.decompress(part)).split(b"\n")
        yield from (_item(line) for line in lines if line.strip())
    yield from (_item(line) for line in (rest + unpacked.flush()).split(b"\n") if line.strip())
    if base64.b64encode(digest.digest()).decode() != listed["md5Checksum"]:
        raise _not_whole(listed, "its MD5 is not the manifest's")


def discard(to: Carrier) -> int:
    """Delete the exported files and their bucket, where they stand; return how many files."""
    account = str(to.place.account)
    room = room_of(to.place, account)
    if _listed(to, room) is None:
        return 0
    # An export that is under way writes no more from here on; AWS has no call that stops it.
    _unless(to, "NoSuchBucketPolicy", "s3.DeleteBucketPolicy", Bucket=room)

    def emptied() -> int:
        found, some = 0, _listed(to, room)
        while some and some.get("Contents"):
            for one in some["Contents"]:
                to.write("s3.DeleteObject", Bucket=room, Key=one["Key"], ExpectedBucketOwner=account)
                found += 1
            some = _listed(to, room)
        _unless(to, "NoSuchBucket", "s3.DeleteBucket", Bucket=room, ExpectedBucketOwner=account)
        return found

    # What it wrote while the policy went is found by the next look.
    return patiently(emptied, lambda error: code_of(error) == "BucketNotEmpty", sleep=to.pause)


def stands(to: Carrier) -> bool:
    """Whether the bucket with the exported files is there."""
    return _listed(to, room_of(to.place, str(to.place.account))) is not None


def take_back(to: Carrier) -> None:
    """Undo the export: its files, its bucket and what was noted of it go. One that is under way fails by itself."""
    if to.outputs.get(ROOM):
        discard(to)
    PutItems.of(to).forget()
    _forget(to)
    to.remember(ROOM, "")
    to.remember(DATA, "")


def _listed(to: Carrier, room: str) -> dict[str, Any] | None:
    """Some of the bucket's objects, or None where there is no such bucket. A refused look is raised: it hides them."""
    return unless(GONE, lambda: to.target.call("s3.ListObjectsV2", Bucket=room))


def _set_up(to: Carrier, room: str) -> None:
    """Make the bucket and let legacy write into it; what stands of it already is ours, as its name tells."""
    to.remember(ROOM, room)
    # us-east-1 is the region that may not be said. Source: s3.CreateBucket, botocore 1.44.5.
    where = {} if to.place.region == "us-east-1" else {"LocationConstraint": str(to.place.region)}
    more = {"CreateBucketConfiguration": where} if where else {}
    # Every file belongs to the target, whoever wrote it; a new bucket is closed to the public by AWS.
    _unless(
        to, "BucketAlreadyOwnedByYou", "s3.CreateBucket", Bucket=room, ObjectOwnership="BucketOwnerEnforced", **more
    )
    tags = [{"Key": key, "Value": value} for key, value in sorted(to.place.stamp({}).items())]
    to.write("s3.PutBucketTagging", Bucket=room, Tagging={"TagSet": tags})
    let_in: dict[str, Json] = {
        "Sid": "migrate", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{to.legacy.account}:root"},
        "Action": ["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"], "Resource": f"arn:aws:s3:::{room}/*",
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
    to.write("s3.PutBucketPolicy", Bucket=room, Policy=policy, ExpectedBucketOwner=str(to.place.account))


def _ask(to: Carrier, tables: Tables, room: str) -> None:
    """Ask for the export, or take over the one that was asked for and whose answer was lost."""
    arn = to.legacy.call("dynamodb.DescribeTable", TableName=tables.legacy)["Table"]["TableArn"]
    token = to.outputs.get(TOKEN)
    # A token is known to AWS for 8 hours; the list of exports for 90 days. Source: dynamodb.ExportTableToPointInTime
    # and ListExports, botocore 1.44.5.
    known = _asked_for(to, arn, token) if token else ""
    if not token:
        token = uuid.uuid4().hex
        # Legacy's stream knows all that is written from here on, and the export holds all that was written before.
        PutItems.of(to).forget()
        PutItems.of(to).begin()
        to.remember(TOKEN, token)
    asked: dict[str, Any] = {
        "TableArn": arn, "ClientToken": token, "S3Bucket": room, "S3BucketOwner": str(to.place.account),
        "S3Prefix": token[:8], "ExportFormat": "DYNAMODB_JSON",
    }  # fmt: skip
    if not known:
        answer = patiently(
            lambda: to.write("dynamodb.ExportTableToPointInTime", side="legacy", **asked),
            # Recovery that was switched on a moment ago.
            lambda error: code_of(error) in _NOT_YET,
            for_s=600.0,
            sleep=to.pause,
        )
        known = str(answer["ExportDescription"]["ExportArn"])
    to.remember(EXPORT, known)


def _asked_for(to: Carrier, table_arn: str, token: str) -> str:
    """The export of this token, where AWS lists it."""
    for one in to.legacy.pages("dynamodb.ListExports", "ExportSummaries", TableArn=table_arn):
        answer = to.legacy.call("dynamodb.DescribeExport", ExportArn=one["ExportArn"])["ExportDescription"]
        if answer.get("ClientToken") == token:
            return str(one["ExportArn"])
    return ""


def _over(to: Carrier, arn: str) -> dict[str, Any]:
    """Look until the export is over. Raises Interrupted where the run was asked to stop: AWS goes on with it."""
    while True:
        found = to.legacy.call("dynamodb.DescribeExport", ExportArn=arn)["ExportDescription"]
        if found["ExportStatus"] != "IN_PROGRESS":
            return dict(found)
        to.pause(POLL_S)


def _forget(to: Carrier) -> None:
    to.remember(EXPORT, "")
    to.remember(TOKEN, "")


def _not_whole(listed: Mapping[str, Any], why: str) -> StepFailed:
    return StepFailed(
        f"the exported file {listed['dataFileS3Key']} is not whole: {why}",
        do="somebody changed it, or it was not written to its end: undo the export (migrate rollback --step …:export) "
        "and run again",
    )


def _unless(to: Carrier, there: str, operation: str, **params: Any) -> None:
    """Write, and let pass the refusal that says that it was done before."""
    try:
        to.write(operation, **params)
    except Exception as error:
        if code_of(error) != there:
            raise


def _item(line: bytes) -> Item:
    """One line of a file, as a read of the table gives the item: binary values as bytes."""
    return {name: _value(value) for name, value in json.loads(line)["Item"].items()}


def _value(value: Mapping[str, Any]) -> dict[str, Any]:
    [(sort, held)] = value.items()
    if sort == "B":
        return {sort: base64.b64decode(held)}
    if sort == "BS":
        return {sort: [base64.b64decode(one) for one in held]}
    if sort == "L":
        return {sort: [_value(one) for one in held]}
    if sort == "M":
        return {sort: {name: _value(one) for name, one in held.items()}}
    return {sort: held}
