"""Above a size AWS copies the objects itself, once however often the run is killed, and everything is compared."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from migrate.carry import batch_jobs, objects, objects_undo, prove_objects
from migrate.carry.same_object import Buckets
from migrate.demo.strict import s3control
from migrate.errors import StepFailed
from migrate.kinds.s3_bucket import KINDS
from tests.carry.fake_carrier import LEGACY, REGION, TARGET, FakeCarrier, place, stopped_after

BUCKET = KINDS[0]
ODD = ("a b+c%20.txt", "ünï/日本語.txt", "comma,in,it", 'quo"te', "folder/")
Sessions = dict[str, boto3.Session]


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The embedded world's jobs, none of another test's."""
    if not hasattr(jobs, "added"):
        s3control.batch_jobs()
        jobs.added = True  # type: ignore[attr-defined]
    s3control.JOBS.clear()
    monkeypatch.setattr(batch_jobs, "POLL_S", 0.0)
    return s3control.JOBS


def carrier(sessions: Sessions) -> Any:
    return FakeCarrier(BUCKET, BUCKET.action("copy_objects"), place("new"), sessions)  # type: ignore[arg-type]


def two_buckets(sessions: Sessions, *, versioned: bool = False, shared: bool = True) -> tuple[Any, Any, Buckets]:
    legacy, target = sessions["legacy"].client("s3"), sessions["target"].client("s3")
    for client, name in ((legacy, "old"), (target, "new")):
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if shared:
        share(legacy)
    return legacy, target, Buckets("old", "new", versioned, batch_from=3)


def share(legacy: Any) -> None:
    actions = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": actions}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": "arn:aws:s3:::old/*"}]}
    legacy.put_bucket_policy(Bucket="old", Policy=json.dumps(policy))


def fill(legacy: Any) -> None:
    for key in ODD:
        legacy.put_object(Bucket="old", Key=key, Body=key.encode(), Metadata={"a": "1"}, Tagging="t=1")


def left_over(sessions: Sessions) -> list[str]:
    """What jobs need and nobody took away."""
    buckets = [found["Name"] for found in sessions["target"].client("s3").list_buckets()["Buckets"]]
    roles = [found["RoleName"] for found in sessions["target"].client("iam").list_roles()["Roles"]]
    return [name for name in (*buckets, *roles) if name.startswith("migrate-batch-")]


def test_aws_copies_what_is_missing_and_everything_is_compared_afterwards(sessions: Sessions, jobs: Any) -> None:
    legacy, target, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)

    counts = objects.copy_all(to, buckets)

    assert counts["batch_jobs"] == 1
    assert (counts["batch_copied"], counts["batch_failed"], counts["copied"]) == (len(ODD), 0, 0)
    assert counts["equal"] == len(ODD)
    assert "s3.CopyObject" not in {operation for _, operation, _ in to.writes}
    for key in ODD:
        found = target.get_object(Bucket="new", Key=key)
        assert (found["Body"].read().decode(), found["Metadata"]) == (key, {"a": "1"})
        assert target.get_object_tagging(Bucket="new", Key=key)["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"
    assert left_over(sessions) == []
    (report,) = to.notebook("").glob("*.batch-*.csv")
    assert report.read_text().count(",succeeded,") == len(ODD)


def test_fewer_than_migration_yaml_says_are_copied_without_a_job(sessions: Sessions, jobs: Any) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")

    counts = objects.copy_all(carrier(sessions), buckets)

    assert counts["copied"] == 1
    assert "batch_jobs" not in counts
    assert jobs == {}


def test_histories_markers_and_parts_are_copied_by_us_and_only_the_rest_by_a_job(sessions: Sessions, jobs: Any) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    fill(legacy)
    for body in (b"1", b"22"):
        legacy.put_object(Bucket="old", Key="twice", Body=body)
    legacy.delete_object(Bucket="old", Key="twice")
    upload = legacy.create_multipart_upload(Bucket="old", Key="parts")["UploadId"]
    part = legacy.upload_part(Bucket="old", Key="parts", UploadId=upload, PartNumber=1, Body=b"p" * 100)
    legacy.complete_multipart_upload(
        Bucket="old", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    to = carrier(sessions)

    counts = objects.copy_all(to, buckets)

    assert counts["batch_copied"] == len(ODD)
    assert counts["copied"] == 4
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"
    assert target.head_object(Bucket="new", Key="parts")["ETag"].endswith('-1"')


def test_what_a_policy_forbids_the_job_is_reported_and_named(
    sessions: Sessions, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy, target, buckets = two_buckets(sessions, shared=False)
    fill(legacy)
    to = carrier(sessions)

    counts = objects.copy_all(to, buckets)

    # The emulator of these tests lets our own copies in all the same: what the job failed to do is done by them.
    assert (counts["batch_copied"], counts["batch_failed"], counts["copied"]) == (0, len(ODD), len(ODD))
    (report,) = to.notebook("").glob("*.batch-*.csv")
    assert report.read_text().count(",failed,AccessDenied,403,") == len(ODD)
    assert target.head_object(Bucket="new", Key=ODD[0])


def test_a_job_that_aws_ends_fails_the_step_and_the_next_run_goes_on(sessions: Sessions, jobs: Any) -> None:
    legacy, _, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)
    old = to.write

    def write(operation: str, **params: Any) -> Any:
        answer = old(operation, **params)
        if operation == "s3control.CreateJob":
            job = jobs[TARGET][answer["JobId"]]
            job.status, job.reasons = "Failed", [{"FailureCode": "x", "FailureReason": "more than half failed"}]
        return answer

    to.write = write
    with pytest.raises(StepFailed, match=r"ended as Failed: more than half failed"):
        objects.copy_all(to, buckets)
    to.write = old

    counts = objects.copy_all(to, buckets)

    assert counts["batch_copied"] == len(ODD)
    assert left_over(sessions) == []


@pytest.mark.parametrize(
    "writes",
    [number if number in (3, 4, 7) else pytest.param(number, marks=pytest.mark.torture) for number in range(11)],
)
def test_a_run_killed_anywhere_makes_each_object_once(sessions: Sessions, jobs: Any, writes: int) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    fill(legacy)
    to = carrier(sessions)

    with stopped_after(to, writes), pytest.raises(ConnectionError):
        objects.copy_all(to, buckets)
    objects.copy_all(to, buckets)

    held = target.list_object_versions(Bucket="new")["Versions"]
    assert sorted(found["Key"] for found in held) == sorted(ODD)
    assert left_over(sessions) == []
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"


def lost_answer(to: Any, buckets: Buckets) -> None:
    """The process dies right after AWS took the job."""
    old = to.write

    def write(operation: str, **params: Any) -> Any:
        answer = old(operation, **params)
        if operation == "s3control.CreateJob":
            raise ConnectionError("the answer was lost")
        return answer

    to.write = write
    with pytest.raises(ConnectionError):
        objects.copy_all(to, buckets)
    to.write = old


def test_a_job_whose_answer_was_lost_is_the_same_job(sessions: Sessions, jobs: Any) -> None:
    legacy, _, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)

    lost_answer(to, buckets)
    objects.copy_all(to, buckets)

    assert len(jobs[TARGET]) == 1


def test_an_object_written_over_after_it_was_listed_is_left_to_the_pass_after_the_job(
    sessions: Sessions, jobs: Any
) -> None:
    legacy, _, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)
    old = to.write

    def write(operation: str, **params: Any) -> Any:
        if operation == "s3control.CreateJob":
            params["Operation"]["S3PutObjectCopy"]["UnModifiedSinceConstraint"] = "2020-01-01T00:00:00Z"
        return old(operation, **params)

    to.write = write
    counts = objects.copy_all(to, buckets)

    assert (counts["batch_copied"], counts["batch_failed"], counts["copied"]) == (0, len(ODD), len(ODD))
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"


def test_taking_away_cancels_the_job_and_leaves_nothing(sessions: Sessions, jobs: Any) -> None:
    legacy, target, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)
    lost_answer(to, buckets)
    assert left_over(sessions)

    objects_undo.take_away(to, buckets)

    assert [job.status for job in jobs[TARGET].values()] == ["Cancelled"]
    assert left_over(sessions) == []
    assert target.list_objects_v2(Bucket="new")["KeyCount"] == 0
    assert legacy.list_objects_v2(Bucket="old")["KeyCount"] == len(ODD)


def test_the_role_may_read_the_one_bucket_and_write_the_other_and_nothing_else(sessions: Sessions, jobs: Any) -> None:
    legacy, _, buckets = two_buckets(sessions)
    fill(legacy)
    to = carrier(sessions)

    objects.copy_all(to, buckets)

    sent = {operation: params for _, operation, params in to.writes if operation.startswith("iam.")}
    rights = json.loads(sent["iam.PutRolePolicy"]["PolicyDocument"])["Statement"]
    own = sent["iam.CreateRole"]["RoleName"]
    assert {where for right in rights for where in right["Resource"]} == {
        "arn:aws:s3:::old/*", "arn:aws:s3:::new/*", f"arn:aws:s3:::{own}/*",
    }  # fmt: skip
    assert not [action for right in rights for action in right["Action"] if "*" in action or "Delete" in action]
    trust = json.loads(sent["iam.CreateRole"]["AssumeRolePolicyDocument"])["Statement"][0]
    assert trust["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": TARGET}}
    assert LEGACY not in json.dumps(rights)


@pytest.mark.parametrize("granted", [True, False])
def test_under_a_customers_keys_the_role_reads_by_legacys_and_writes_by_the_targets(
    sessions: Sessions, jobs: Any, granted: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    kms = sessions["legacy"].client("kms"), sessions["target"].client("kms")
    arns = tuple(one.create_key()["KeyMetadata"]["Arn"] for one in kms)
    if granted:
        kms[0].create_grant(KeyId=arns[0], GranteePrincipal=f"arn:aws:iam::{TARGET}:root", Operations=["Decrypt"])
    by = [{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn} for arn in arns]
    for client, name, rule in ((legacy, "old", by[0]), (target, "new", by[1])):
        said = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
        client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=said)
    for key in ODD:
        legacy.put_object(Bucket="old", Key=key, Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=arns[0])
    to = carrier(sessions)

    counts = objects.copy_all(to, replace(buckets, keys=arns))

    sent = next(params for _, operation, params in to.writes if operation == "iam.PutRolePolicy")
    rights = [one for one in json.loads(sent["PolicyDocument"])["Statement"] if one["Action"][0].startswith("kms:")]
    assert [(one["Action"], one["Resource"]) for one in rights] == [
        (["kms:Decrypt"], [arns[0]]), (["kms:Decrypt", "kms:GenerateDataKey"], [arns[1]]),
    ]  # fmt: skip
    # What the job could not read is tried by a request of ours, and counted apart.
    assert (counts["batch_copied"], counts["batch_failed"]) == ((len(ODD), 0) if granted else (0, len(ODD)))
    if granted:
        assert {target.head_object(Bucket="new", Key=key)["SSEKMSKeyId"] for key in ODD} == {arns[1]}


def test_without_a_right_to_the_keys_a_job_copies_nothing(sessions: Sessions, jobs: Any) -> None:
    legacy, target, buckets = two_buckets(sessions)
    arn = sessions["target"].client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
    target.put_bucket_encryption(Bucket="new", ServerSideEncryptionConfiguration={"Rules": [rule]})
    fill(legacy)

    counts = objects.copy_all(carrier(sessions), buckets)

    assert (counts["batch_copied"], counts["batch_failed"], counts["copied"]) == (0, len(ODD), len(ODD))
