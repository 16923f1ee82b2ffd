"""Let AWS copy a bucket's objects: S3 Batch Operations jobs over the list of what is missing.

The rule: a job gets only what it can copy as it is, everything that it left out is copied by us afterwards, and what it
says of itself proves nothing: the pass after it compares each object. What was asked for is remembered before it is
sent, and asked for again with the same token; so a killed run goes on with the same job.

A job copies single versions of at most 5 GiB that were uploaded whole. Histories, parts, archives and buckets under an
AWS-managed key, Object Lock or a website are not for it. Source: S3 user guide, Copy objects (Batch Operations), read
2026-11. Under a customer's keys its role may use these two: AWS Storage Blog, Cross-account Amazon S3 bulk transfers
with enhanced AWS KMS support, read 2026-11.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote

from migrate.carry.listing import History, Version, batches, plain
from migrate.carry.manifest import Manifest
from migrate.carry.one_object import COPY_LIMIT_BYTES
from migrate.carry.refusals import code_of, patiently
from migrate.carry.same_object import GONE, Buckets
from migrate.errors import StepFailed
from migrate.kind import Carrier
from migrate.values import Json

WRITES = frozenset(
    {
        "iam.CreateRole",
        "iam.DeleteRole",
        "iam.DeleteRolePolicy",
        "iam.PutRolePolicy",
        "s3.CreateBucket",
        "s3.DeleteBucket",
        "s3control.CreateJob",
        "s3control.UpdateJobStatus",
    }
)
READS = frozenset({"s3control.DescribeJob"})
CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING")
ROWS_A_JOB = 500_000
POLL_S = 15.0
OVER = ("Complete", "Failed", "Cancelled")
JOB, ROOM, ASKED = "batch_job", "batch_room", "batch_jobs"
"""What the step remembers: the job that was asked for, the bucket and role that it needs while they stand, and how many
jobs there were."""
SHOWN = 5


@dataclass
class _Lists:
    """What is missing, a file for each storage class and job: nothing that grows is held in memory."""

    folder: Path
    rows: int = 0
    newest: datetime | None = None

    def files(self) -> list[Path]:
        """The lists, each for one job; `<storage class>-<number>.csv`."""
        return sorted(self.folder.glob("*.csv"))


def is_for_a_job(legacy: History, target: History) -> bool:
    """Whether a job copies this key as it is: one version of legacy's, nothing in the target."""
    if target or len(legacy) != 1:
        return False
    (version,) = legacy
    whole = not version.marker and "-" not in version.etag and version.size_bytes <= COPY_LIMIT_BYTES
    return whole and version.storage_class in CLASSES and version.version_id != "null" and version.modified is not None


def copy_missing(
    to: Carrier, buckets: Buckets, manifest: Manifest, keys: Iterator[tuple[str, History, History]]
) -> dict[str, Json]:
    """Let jobs copy what of these keys is missing, if that is enough for one; return counts for the receipt.

    Raises: StepFailed where a job failed: what it copied stays, and the next run goes on from there.
    """
    counts: dict[str, Json] = {"batch_jobs": 0, "batch_copied": 0, "batch_failed": 0}
    asked = to.outputs.get(JOB)
    if not asked and not to.outputs.get(ROOM) and buckets.batch_from is None:
        return {}
    room = _Room(to, buckets)
    if asked:
        room.finish(json.loads(asked), counts)
    elif buckets.batch_from is not None:
        lists = _listed(to, buckets, manifest, keys)
        if lists.rows >= buckets.batch_from:
            room.set_up()
            for file in lists.files():
                room.run(file, lists.newest, counts)
        _emptied(lists.folder)
    room.take_down()
    return counts if counts["batch_jobs"] else {}


def end(to: Carrier, buckets: Buckets) -> None:
    """Cancel the job that is under way and take away what it needed."""
    asked = to.outputs.get(JOB)
    if not asked and not to.outputs.get(ROOM):
        return
    room = _Room(to, buckets)
    if asked:
        job = json.loads(asked)
        job_id = job["id"] or room.asked_for(job)
        if room.described(job_id)["Status"] not in OVER:
            account = str(to.place.account)
            to.write("s3control.UpdateJobStatus", AccountId=account, JobId=job_id, RequestedJobStatus="Cancelled")
            room.wait(job_id)
        to.remember(JOB, "")
    room.take_down()


def _listed(to: Carrier, buckets: Buckets, manifest: Manifest, keys: Iterator[tuple[str, History, History]]) -> _Lists:
    """Write down what jobs may copy, each of it intended before."""
    lists = _Lists(_emptied(to.notebook(f"{to.place.account}-{buckets.target}.batch")))
    open_files: dict[str, IO[str]] = {}
    written: dict[str, int] = {}
    try:
        for batch in batches(keys, 1000):
            missing = [legacy[0] for _, legacy, target in batch if is_for_a_job(legacy, target)]
            manifest.intend(missing)
            for version in missing:
                sort = version.storage_class
                number, already = divmod(written.get(sort, 0), ROWS_A_JOB)
                if not already:
                    if sort in open_files:
                        open_files[sort].close()
                    open_files[sort] = (lists.folder / f"{sort}-{number:05}.csv").open("w", encoding="ascii")
                written[sort] = written.get(sort, 0) + 1
                open_files[sort].write(_line(buckets, version))
                if version.modified and (lists.newest is None or version.modified > lists.newest):
                    lists.newest = version.modified
                lists.rows += 1
    finally:
        for file in open_files.values():
            file.close()
    return lists


def _line(buckets: Buckets, version: Version) -> str:
    # Keys are URL-encoded. Source: S3 user guide, Creating a CSV manifest file, unverified.
    fields = [buckets.legacy, quote(version.key, safe="/"), *([version.version_id] if version.version_id else [])]
    return ",".join(fields) + "\n"


def _emptied(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.csv"):
        file.unlink()
    return folder


class _Room:
    """The role that a job acts as and the bucket for its list and its report: there while jobs run."""

    def __init__(self, to: Carrier, buckets: Buckets) -> None:
        self.to, self.buckets, self.account = to, buckets, str(to.place.account)
        text = f"{to.place.migration}/{self.account}/{to.place.region}/{buckets.target}"
        self.name = f"migrate-batch-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
        self.role_arn = f"arn:aws:iam::{self.account}:role/{self.name}"

    def set_up(self) -> None:
        """Make the bucket and the role; what stands of them already is ours, as their name tells."""
        to = self.to
        to.remember(ROOM, self.name)
        # us-east-1 is the region that may not be said. Source: s3.CreateBucket, botocore 1.44.5.
        where = {} if to.place.region == "us-east-1" else {"LocationConstraint": str(to.place.region)}
        more = {"CreateBucketConfiguration": where} if where else {}
        self._unless("BucketAlreadyOwnedByYou", "s3.CreateBucket", Bucket=self.name, **more)
        trust = {"Effect": "Allow", "Principal": {"Service": "batchoperations.s3.amazonaws.com"}}
        # Of this account's jobs only. Source: IAM user guide, The confused deputy problem, read 2026-11.
        trust |= {"Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": self.account}}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        tags = [{"Key": key, "Value": value} for key, value in sorted(to.place.stamp({}).items())]
        self._unless(
            "EntityAlreadyExists", "iam.CreateRole", RoleName=self.name, AssumeRolePolicyDocument=document, Tags=tags
        )
        policy = json.dumps({"Version": "2012-10-17", "Statement": self._rights()})
        to.write("iam.PutRolePolicy", RoleName=self.name, PolicyName="copy", PolicyDocument=policy)

    def _rights(self) -> list[Json]:
        """What a copy needs and nothing else. Source: S3 user guide, Granting permissions for Batch Operations."""
        source, target, own = (
            f"arn:aws:s3:::{name}/*" for name in (self.buckets.legacy, self.buckets.target, self.name)
        )
        read = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
        rights: tuple[tuple[list[str], str], ...] = (
            (read, source),
            (["s3:PutObject", "s3:PutObjectTagging"], target),
            (["s3:GetObject", "s3:PutObject"], own),
        )
        if self.buckets.keys:
            # The target's key by the bucket's own default encryption; the list and the report lie under S3's key.
            # Source: S3 user guide, Protecting data with SSE-KMS, Permissions, unverified for jobs.
            legacy, new = self.buckets.keys
            rights += ((["kms:Decrypt"], legacy), (["kms:Decrypt", "kms:GenerateDataKey"], new))
        return [{"Effect": "Allow", "Action": actions, "Resource": [where]} for actions, where in rights]

    def run(self, file: Path, newest: datetime | None, counts: dict[str, Json]) -> None:
        """Have one list copied."""
        body = file.read_bytes()
        # A number of its own: the token of a job that failed would give the same failed job again.
        number = int(self.to.outputs.get(ASKED, "0")) + 1
        self.to.remember(ASKED, str(number))
        token = hashlib.sha256(body + f"{self.to.step}/{number}/{file.name}".encode()).hexdigest()
        stored = self.to.write(
            "s3.PutObject", Bucket=self.name, Key=f"{token}.csv", Body=body, ExpectedBucketOwner=self.account
        )
        job: dict[str, Json] = {
            "token": token, "etag": str(stored["ETag"]).strip('"'), "class": file.name.rpartition("-")[0], "id": "",
            "rows": body.count(b"\n"), "versions": self.buckets.versioned,
            "until": newest.isoformat() if newest else "",
        }  # fmt: skip
        self.to.remember(JOB, json.dumps(job))
        self.finish(job, counts)

    def finish(self, job: dict[str, Json], counts: dict[str, Json]) -> None:
        """Wait for a job that was remembered, asking for it (again) where no answer is known."""
        if not job["id"]:
            job = job | {"id": self.asked_for(job)}
            self.to.remember(JOB, json.dumps(job))
        found = self.wait(str(job["id"]))
        done = found.get("ProgressSummary", {})
        counts["batch_jobs"] += 1
        counts["batch_copied"] += int(done.get("NumberOfTasksSucceeded", 0))
        counts["batch_failed"] += int(done.get("NumberOfTasksFailed", 0))
        failures = self._read_report(str(job["id"]))
        # Forgotten first: the next run lists what is still missing, and asks for a new job.
        self.to.remember(JOB, "")
        if found["Status"] != "Complete":
            why = "; ".join(str(one.get("FailureReason", "")) for one in found.get("FailureReasons") or ())
            shown = "; ".join(failures[:SHOWN])
            raise StepFailed(
                f"the S3 Batch Operations job {job['id']} of s3://{self.buckets.target} ended as {found['Status']}: "
                f"{why or 'AWS gives no reason'}{f' ({shown})' if shown else ''}",
                do="mend what AWS says, and run again: what was copied is not copied again; without "
                "objects.batch_from_objects in migration.yaml the objects are copied one by one (plan again)",
            )
        if int(done.get("TotalNumberOfTasks", 0)) != job["rows"]:
            raise StepFailed(
                f"the S3 Batch Operations job {job['id']} worked on {done.get('TotalNumberOfTasks')} of {job['rows']} "
                "objects of its list",
                do="run again: what is missing is listed anew",
            )

    def asked_for(self, job: dict[str, Json]) -> str:
        """Ask for the job. The token makes a repeat the same job. Source: s3control.CreateJob, botocore 1.44.5."""
        copy: dict[str, Any] = {
            "TargetResource": f"arn:aws:s3:::{self.buckets.target}", "MetadataDirective": "COPY",
            "StorageClass": job["class"], "RequesterPays": self.buckets.requester_pays,
        }  # fmt: skip
        if job["until"]:
            # What was written over since it was listed is left to the pass after it.
            copy["UnModifiedSinceConstraint"] = datetime.fromisoformat(job["until"])
        fields = ["Bucket", "Key", *(["VersionId"] if job["versions"] else [])]
        place = {"ObjectArn": f"arn:aws:s3:::{self.name}/{job['token']}.csv", "ETag": job["etag"]}
        asked: dict[str, Any] = {
            "AccountId": self.account, "ConfirmationRequired": False, "ClientRequestToken": job["token"][:64],
            "Priority": 10, "RoleArn": self.role_arn, "Operation": {"S3PutObjectCopy": copy},
            "Description": f"migrate: {self.buckets.legacy} to {self.buckets.target}"[:256],
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": fields}, "Location": place,
            },
            "Report": {
                "Bucket": f"arn:aws:s3:::{self.name}", "Format": "Report_CSV_20180820", "Enabled": True,
                "Prefix": "reports", "ReportScope": "AllTasks",
            },
        }  # fmt: skip
        # A role that was made a moment ago cannot be assumed everywhere yet; the code is unverified.
        answer = patiently(
            lambda: self.to.write("s3control.CreateJob", **asked),
            lambda error: code_of(error) in ("InvalidRequest", "AccessDenied"),
            sleep=self.to.pause,
        )
        return str(answer["JobId"])

    def described(self, job_id: str) -> dict[str, Any]:
        """The job as AWS shows it."""
        answer = self.to.target.call("s3control.DescribeJob", AccountId=self.account, JobId=job_id)
        found: dict[str, Any] = answer["Job"]
        return found

    def wait(self, job_id: str) -> dict[str, Any]:
        """Look until the job is over. Raises Interrupted where the run was asked to stop: the job goes on."""
        while (found := self.described(job_id))["Status"] not in OVER:
            self.to.pause(POLL_S)
        return found

    def _read_report(self, job_id: str) -> list[str]:
        """Keep the report beside the manifest; return what failed, some of it, as `key: code message`."""
        failures: list[str] = []
        kept = self.to.notebook(f"{self.account}-{self.buckets.target}.batch-{job_id}.csv")
        top = self._object(f"reports/job-{job_id}/manifest.json")
        with kept.open("w", encoding="utf-8") as file:
            for part in json.loads(top)["Results"] if top else ():
                text = self._object(part["Key"]).decode()
                file.write(text)
                for _, key, _, status, code, _, said in csv.reader(io.StringIO(text)):
                    if status != "succeeded" and len(failures) < SHOWN:
                        failures.append(f"{plain(unquote(key))}: {code} {said}")
        return failures

    def _object(self, key: str) -> bytes:
        answer = self.to.target.optional("s3.GetObject", missing=GONE, Bucket=self.name, Key=key)
        return b"" if answer is None else bytes(answer["Body"].read())

    def take_down(self) -> None:
        """Take away the bucket and the role, where they were made."""
        to = self.to
        if not to.outputs.get(ROOM):
            return
        left = to.target.optional("s3.ListObjectsV2", missing=("NoSuchBucket",), Bucket=self.name)
        while left and left.get("Contents"):
            for found in left["Contents"]:
                to.write("s3.DeleteObject", Bucket=self.name, Key=found["Key"], ExpectedBucketOwner=self.account)
            left = to.target.optional("s3.ListObjectsV2", missing=("NoSuchBucket",), Bucket=self.name)
        self._unless("NoSuchBucket", "s3.DeleteBucket", Bucket=self.name, ExpectedBucketOwner=self.account)
        self._unless("NoSuchEntity", "iam.DeleteRolePolicy", RoleName=self.name, PolicyName="copy")
        self._unless("NoSuchEntity", "iam.DeleteRole", RoleName=self.name)
        to.remember(ROOM, "")

    def _unless(self, there: str, operation: str, **params: Any) -> None:
        """Write, and let pass the refusal that says that it was done before."""
        try:
            self.to.write(operation, **params)
        except Exception as error:
            if code_of(error) != there:
                raise
