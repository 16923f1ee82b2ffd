"""Buckets by the command line: AWS copies by its own job, and a fault in any object is named by `verify`, exit 5."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.demo.world import World
from tests.crash import small
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(1200)]
CONFIG = small.CONFIG + "objects: {batch_from_objects: 3}\n"
PLAIN, KEPT, SPARE = "files", "history", "spare"
KEYS = ("same size", "tag", "metadata", "class", "header", "gone", "ünï/7")


def build(world: World) -> None:
    """A bucket with plain objects, and one with histories that is replicated to a third, with reports of it there."""
    s3 = world.session(small.LEGACY).client("s3")
    for name in (PLAIN, KEPT, SPARE):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in KEYS:
        s3.put_object(Bucket=PLAIN, Key=key, Body=b"12345", Metadata={"n": "1"}, Tagging="t=1")
    for name in (KEPT, SPARE):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    replicate(s3, world.session(small.LEGACY).client("iam"))
    for key in ("version", "marker", "whole"):
        for body in (b"1", b"22"):
            s3.put_object(Bucket=KEPT, Key=key, Body=body)
        s3.delete_object(Bucket=KEPT, Key=key)
        s3.put_object(Bucket=KEPT, Key=key, Body=b"333")


def replicate(s3: Any, iam: Any) -> None:
    """As the guide says: a role that reads one bucket and writes the other, and a rule that names both."""

    def allowed(resource: str, *actions: str) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": [f"s3:{one}" for one in actions], "Resource": f"arn:aws:s3:::{resource}"}

    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    rights = [
        allowed(KEPT, "GetReplicationConfiguration", "ListBucket"),
        allowed(f"{KEPT}/*", "GetObjectVersionForReplication"),
        allowed(f"{SPARE}/*", "ReplicateObject", "ReplicateDelete"),
    ]
    role = iam.create_role(RoleName="replica", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="replica", PolicyName="replicate", PolicyDocument=document(*rights))
    there = {"Bucket": f"arn:aws:s3:::{SPARE}"}
    rule = {
        "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
        "Destination": there | {"Account": small.LEGACY}, "DeleteMarkerReplication": {"Status": "Enabled"},
    }  # fmt: skip
    s3.put_bucket_replication(Bucket=KEPT, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    listed = {
        "Id": "weekly", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Weekly"},
        "Destination": {"S3BucketDestination": there | {"AccountId": small.LEGACY, "Format": "CSV"}},
    }  # fmt: skip
    s3.put_bucket_inventory_configuration(Bucket=KEPT, Id="weekly", InventoryConfiguration=listed)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("objects"), build, CONFIG) as one:
        one.prepare()
        one.run()
        yield one


def client(told: Story, account: str = small.TARGET) -> Any:
    return told.world.session(account).client("s3")


def harm(s3: Any) -> None:
    """One fault in one object each, as somebody with plain boto3 would make it."""
    plain, kept = (f"{name}-{small.TARGET}" for name in (PLAIN, KEPT))
    s3.put_object(Bucket=plain, Key="same size", Body=b"12344", Metadata={"n": "1"}, Tagging="t=1")
    s3.delete_object_tagging(Bucket=plain, Key="tag")

    def again(key: str, **more: Any) -> None:
        source = {"Bucket": plain, "Key": key}
        s3.copy_object(Bucket=plain, Key=key, CopySource=source, **more)

    again("metadata", MetadataDirective="REPLACE", Metadata={"n": "2"})
    again("header", MetadataDirective="REPLACE", Metadata={"n": "1"}, ContentType="text/odd")
    again("class", StorageClass="STANDARD_IA")
    s3.delete_object(Bucket=plain, Key="gone")
    versions = s3.list_object_versions(Bucket=kept)
    lost = next(one for one in versions["Versions"] if one["Key"] == "version" and one["Size"] == 2)
    s3.delete_object(Bucket=kept, Key="version", VersionId=lost["VersionId"])
    (marker,) = [one for one in versions["DeleteMarkers"] if one["Key"] == "marker"]
    s3.delete_object(Bucket=kept, Key="marker", VersionId=marker["VersionId"])


NAMED = (
    "same size: ", "tag: tags differ", "metadata: metadata differ", "class: storage class STANDARD and STANDARD_IA",
    "header: ContentType differs", "gone: missing in the target", "version: 4 versions in legacy, 3 in the target",
    "marker: 1 delete markers in legacy, 0 in the target",
)  # fmt: skip


def test_replicas_and_reports_go_to_the_new_buckets_after_the_cut_over(told: Story) -> None:
    s3, kept, spare = client(told), f"{KEPT}-{small.TARGET}", f"{SPARE}-{small.TARGET}"
    rules = s3.get_bucket_replication(Bucket=kept)["ReplicationConfiguration"]
    (listed,) = s3.list_bucket_inventory_configurations(Bucket=kept)["InventoryConfigurationList"]

    s3.put_object(Bucket=kept, Key="after", Body=b"new")

    assert rules["Role"] == f"arn:aws:iam::{small.TARGET}:role/replica"
    assert rules["Rules"][0]["Destination"] == {"Bucket": f"arn:aws:s3:::{spare}", "Account": small.TARGET}
    where = listed["Destination"]["S3BucketDestination"]
    assert (where["Bucket"], where["AccountId"]) == (f"arn:aws:s3:::{spare}", small.TARGET)
    assert s3.get_object(Bucket=spare, Key="after")["Body"].read() == b"new"
    assert s3.head_object(Bucket=kept, Key="after")["ReplicationStatus"] == "COMPLETED"
    before = client(told, small.LEGACY).list_object_versions(Bucket=SPARE)
    after = s3.list_object_versions(Bucket=spare)
    assert len(before["DeleteMarkers"]) == len(after["DeleteMarkers"]) == 3
    assert len(before["Versions"]) == 9 == len(after["Versions"]) - 1
    for bucket in (kept, spare):
        (one,) = s3.list_object_versions(Bucket=bucket, Prefix="after")["Versions"]
        s3.delete_object(Bucket=bucket, Key="after", VersionId=one["VersionId"])


def test_aws_copied_by_a_job_and_every_fault_is_named_to_its_key(told: Story) -> None:
    assert told.type("verify").code == 0
    reports = list(told.folder.rglob("*.batch-*.csv"))
    assert [report.read_text().count(",succeeded,") for report in reports] == [len(KEYS)]
    target = told.world.session(small.TARGET)
    assert not [one for one in target.client("iam").list_roles()["Roles"] if "migrate-batch" in one["RoleName"]]

    harm(client(told))
    said = told.type("verify", expect=5)

    for line in NAMED:
        assert line in said.err
    assert "whole: " not in said.err
    assert "ünï/7: " not in said.err
