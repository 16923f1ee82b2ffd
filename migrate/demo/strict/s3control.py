"""S3 Batch Operations: jobs that copy the objects of a manifest as their role, and fail where a policy forbids it.

The one rule it keeps: a job does nothing that its role, or the policy of another account's bucket, does not allow.
Simulated: a job works when it is described for the third time, all at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from migrate.demo.strict import add, strict
from migrate.demo.strict._as_role import bucket_of, may, may_key, role_of

PRINCIPAL = "batchoperations.s3.amazonaws.com"
SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
COPY_LIMIT_BYTES = 5 * 1024**3
JOBS: dict[str, dict[str, Job]] = {}
"""Account → job id → job."""


@dataclass
class Job:
    """One job, and how often it was looked at."""

    job_id: str
    asked: dict[str, Any]
    looks: int = 0
    status: str = "New"
    reasons: list[dict[str, str]] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("succeeded", "failed"), 0))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def shown(self, region: str, account: str) -> dict[str, Any]:
        """As DescribeJob shows it."""
        arn = f"arn:aws:s3:{region}:{account}:job/{self.job_id}"
        progress = {
            "TotalNumberOfTasks": sum(self.done.values()),
            "NumberOfTasksSucceeded": self.done["succeeded"],
            "NumberOfTasksFailed": self.done["failed"],
        }
        return {
            "JobId": self.job_id, "JobArn": arn, "Status": self.status, "RoleArn": self.asked["RoleArn"],
            "Priority": self.asked["Priority"], "ProgressSummary": progress, "FailureReasons": self.reasons,
            "Report": self.asked["Report"], "CreationTime": self.created, "Operation": self.asked["Operation"],
            "Manifest": self.asked.get("Manifest"), "ConfirmationRequired": False,
        }  # fmt: skip


@strict(
    "s3control.batch-jobs",
    makes="S3 Batch Operations copies a manifest's objects as the job's role, and reports each one in a bucket",
    source="s3control.CreateJob, botocore 1.44.5; S3 user guide, Examples: S3 Batch Operations completion reports",
)
def batch_jobs() -> None:
    """The emulator has no jobs.

    Source: s3control.CreateJob, DescribeJob, UpdateJobStatus, botocore 1.44.5; S3 user guide, Granting permissions for
    Batch Operations (trust of batchoperations.s3.amazonaws.com), read 2026-11. Error codes unverified.
    """
    from moto.core.responses import ActionResult
    from moto.s3control.exceptions import S3ControlError
    from moto.s3control.responses import S3ControlResponse
    from moto.s3control.urls import url_paths

    for path in ("jobs", "jobs/<job_id>", "jobs/<job_id>/status"):
        url_paths[f"/v20180820/{path}"] = S3ControlResponse.dispatch
    for path in ("jobs$", "jobs/[^/]+$", "jobs/[^/]+/status$"):
        url_paths[rf"{{0}}/v20180820/{path}"] = S3ControlResponse.dispatch

    class Refused(S3ControlError):
        def __init__(self, code: str, message: str) -> None:
            super().__init__(message)
            self.code = code

    def found(self: Any) -> Job:
        job = JOBS.get(self.current_account, {}).get(self._get_param("JobId"))
        if job is None:
            raise Refused("NoSuchJob", "The specified job does not exist")
        return job

    @add(S3ControlResponse, "create_job")
    def create_job(self: Any) -> Any:
        names = ("ClientRequestToken", "Operation", "Report", "Manifest", "RoleArn", "Priority", "Description")
        asked = {name: self._get_param(name) for name in names}
        jobs = JOBS.setdefault(self.current_account, {})
        same = [job for job in jobs.values() if job.asked["ClientRequestToken"] == asked["ClientRequestToken"]]
        if same and same[0].asked != asked:
            raise Refused("IdempotencyException", "The same token was used for another job")
        if not same:
            if role_of(asked["RoleArn"], self.current_account, PRINCIPAL) is None:
                raise Refused("InvalidRequest", "The role cannot be assumed by S3 Batch Operations")
            if "S3PutObjectCopy" not in (asked["Operation"] or {}):
                raise Refused("NotImplemented", "only S3PutObjectCopy is simulated")
            same = [Job(str(uuid.uuid4()), asked)]
            jobs[same[0].job_id] = same[0]
        return ActionResult({"JobId": same[0].job_id})

    @add(S3ControlResponse, "describe_job")
    def describe_job(self: Any) -> Any:
        job = found(self)
        job.looks += 1
        if job.status in ("New", "Preparing", "Active"):
            job.status = {1: "Preparing", 2: "Active"}.get(job.looks, "Active")
            if job.looks > 2:
                _work(job, self.current_account)
        return ActionResult({"Job": job.shown(self.region, self.current_account)})

    @add(S3ControlResponse, "update_job_status")
    def update_job_status(self: Any) -> Any:
        job, wanted = found(self), self._get_param("RequestedJobStatus")
        if job.status in ("Complete", "Failed", "Cancelled"):
            raise Refused("JobStatusException", f"The job is {job.status}")
        job.status = wanted
        return ActionResult({"JobId": job.job_id, "Status": job.status})


def _work(job: Job, account: str) -> None:
    from moto.s3.models import s3_backends

    role = role_of(job.asked["RoleArn"], account, PRINCIPAL)
    location = job.asked["Manifest"]["Location"]
    place, _, manifest_key = location["ObjectArn"].partition("/")
    holder = bucket_of(place)
    held = holder.keys.get(manifest_key) if holder is not None else None
    if role is None or held is None or not may(role, account, "GetObject", holder, manifest_key):
        job.status, job.reasons = "Failed", [{"FailureCode": "ManifestNotReadable", "FailureReason": "AccessDenied"}]
        return
    if held.etag.strip('"') != location["ETag"].strip('"'):
        job.status, job.reasons = "Failed", [{"FailureCode": "ManifestETagMismatch", "FailureReason": "ETag"}]
        return
    copy = job.asked["Operation"]["S3PutObjectCopy"]
    target = bucket_of(copy["TargetResource"])
    results: dict[str, list[list[str]]] = {"succeeded": [], "failed": []}
    for name, key, *more in csv.reader(io.StringIO(held.value.decode())):
        version = more[0] if more else ""
        code, message = _copy(role, account, (bucket_of(name), unquote(key), version), target, copy)
        sort = "failed" if code else "succeeded"
        http = {"": "200", "NoSuchKey": "404", "InvalidRequest": "400", "PreconditionFailed": "412"}.get(code, "403")
        results[sort].append([name, key, version, sort, code, http, message or "Successful"])
    job.done = {sort: len(lines) for sort, lines in results.items()}
    job.status = "Complete"
    _report(job, account, role, results, s3_backends)


def _copy(role: Any, account: str, source: tuple[Any, str, str], target: Any, copy: dict[str, Any]) -> tuple[str, str]:
    """Copy one object; the error's code and message, empty where it was copied."""
    from moto.s3.models import FakeDeleteMarker, s3_backends

    bucket, key, version = source
    if bucket is None or target is None:
        return "NoSuchBucket", "The specified bucket does not exist"
    versions = bucket.keys.getlist(key, [])
    held = next((one for one in versions if one.version_id == version), None) if version else bucket.keys.get(key)
    of_version = "Version" if version else ""
    tags = held is not None and s3_backends[bucket.account_id]["aws"].get_object_tagging(held)["Tags"]
    needed = [(f"GetObject{of_version}", bucket), ("PutObject", target)]
    needed += [(f"GetObject{of_version}Tagging", bucket), ("PutObjectTagging", target)] if tags else []
    if not all(may(role, account, action, where, key) for action, where in needed):
        return "AccessDenied", "Access Denied"
    if held is None or isinstance(held, FakeDeleteMarker):
        return "NoSuchKey", "The specified key does not exist."
    until = copy.get("UnModifiedSinceConstraint")
    if until and held.last_modified.replace(microsecond=0, tzinfo=None) > _time(until):
        return "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
    if held.size > COPY_LIMIT_BYTES:
        return "InvalidRequest", "The specified copy source is larger than the maximum allowable size"
    rule = ((target.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
    by, key_id = rule.get("SSEAlgorithm"), rule.get("KMSMasterKeyID")
    reads = str(held.encryption or "").startswith("aws:kms")
    if (reads and not may_key(role, account, held.kms_key_id, "Decrypt")) or (
        str(by or "").startswith("aws:kms") and not may_key(role, account, key_id, "GenerateDataKey")
    ):
        return "AccessDenied", "the role may not use the KMS key"
    backend = s3_backends[target.account_id]["aws"]
    storage = copy.get("StorageClass") or "STANDARD"
    backend.copy_object(held, target.name, key, storage=storage, encryption=by, kms_key_id=key_id)
    return "", ""


def _time(said: Any) -> datetime:
    found = said if isinstance(said, datetime) else datetime.fromisoformat(str(said).replace("Z", "+00:00"))
    return found.astimezone(UTC).replace(microsecond=0, tzinfo=None)


def _report(job: Job, account: str, role: Any, results: dict[str, list[list[str]]], backends: Any) -> None:
    """Write what became of each object, as AWS does. Source: S3 user guide, completion reports, read 2026-11."""
    asked = job.asked["Report"]
    bucket = bucket_of(asked.get("Bucket", ""))
    folder = f"{asked.get('Prefix', '')}/job-{job.job_id}".lstrip("/")
    if str(asked["Enabled"]).lower() != "true":
        return
    if bucket is None or not may(role, account, "PutObject", bucket, f"{folder}/manifest.json"):
        job.status, job.reasons = "Failed", [{"FailureCode": "ReportNotWritable", "FailureReason": "AccessDenied"}]
        return
    backend, listed = backends[bucket.account_id]["aws"], []
    for sort, lines in results.items():
        if not lines:
            continue
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        body = text.getvalue().encode()
        key = f"{folder}/results/{hashlib.sha1(body, usedforsecurity=False).hexdigest()}.csv"
        backend.put_object(bucket.name, key, body)
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        listed.append({"TaskExecutionStatus": sort, "Bucket": bucket.name, "MD5Checksum": digest, "Key": key})
    top = {
        "Format": "Report_CSV_20180820", "ReportCreationDate": datetime.now(UTC).isoformat(),
        "Results": listed, "ReportSchema": SCHEMA,
    }  # fmt: skip
    backend.put_object(bucket.name, f"{folder}/manifest.json", json.dumps(top).encode())
