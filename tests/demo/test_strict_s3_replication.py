"""Replication and the other configurations of a bucket in the embedded world: kept whole, and replicas only where the
role may bring them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.demo.accounts import TARGETS

pytestmark = pytest.mark.world

PRODUCTION = TARGETS["production"]
Client = Callable[..., Any]
TRUST = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def bucket(s3: Any, name: str, *, versioned: bool = True) -> str:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def role(iam: Any, name: str, source: str, there: str, *, without: str = "") -> str:
    wanted = {
        f"arn:aws:s3:::{source}": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
        f"arn:aws:s3:::{source}/*": ["s3:GetObjectVersionForReplication"],
        f"arn:aws:s3:::{there}/*": ["s3:ReplicateObject", "s3:ReplicateDelete"],
    }
    allowed = [
        {"Effect": "Allow", "Resource": arn, "Action": [one for one in actions if one != without] or ["s3:None"]}
        for arn, actions in wanted.items()
    ]
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    iam.put_role_policy(RoleName=name, PolicyName="replicate", PolicyDocument=document(*allowed))
    return str(made["Role"]["Arn"])


def rules(role_arn: str, there: str, **more: Any) -> dict[str, Any]:
    rule = {
        "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{there}"},
    }  # fmt: skip
    return {"Role": role_arn, "Rules": [rule | more]}


def status(s3: Any, name: str, key: str) -> str | None:
    said: str | None = s3.head_object(Bucket=name, Key=key).get("ReplicationStatus")
    return said


def test_an_object_arrives_with_its_version_metadata_and_tags_and_so_does_its_delete_marker(
    legacy: Client, name: str
) -> None:
    s3, there = legacy("s3"), f"{name}-there"
    bucket(s3, name), bucket(s3, there)
    s3.put_object(Bucket=name, Key="before", Body=b"stood before the rule")
    s3.put_bucket_replication(
        Bucket=name, ReplicationConfiguration=rules(role(legacy("iam"), name, name, there), there)
    )

    put = s3.put_object(Bucket=name, Key="a b/ü", Body=b"new", Metadata={"n": "1"}, Tagging="v=1")
    found = s3.get_object(Bucket=there, Key="a b/ü")

    assert (found["Body"].read(), found["Metadata"], found["VersionId"]) == (b"new", {"n": "1"}, put["VersionId"])
    assert s3.get_object_tagging(Bucket=there, Key="a b/ü")["TagSet"] == [{"Key": "v", "Value": "1"}]
    assert (status(s3, name, "a b/ü"), status(s3, there, "a b/ü")) == ("COMPLETED", "REPLICA")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=there)["Contents"]] == ["a b/ü"]

    s3.delete_object(Bucket=name, Key="a b/ü")

    assert "Contents" not in s3.list_objects_v2(Bucket=there)
    assert len(s3.list_object_versions(Bucket=there)["DeleteMarkers"]) == 1


@pytest.mark.parametrize("without", ["s3:ReplicateObject", "s3:GetObjectVersionForReplication", "s3:ListBucket"])
def test_a_role_that_lacks_a_right_brings_nothing_and_the_object_says_so(
    legacy: Client, name: str, without: str
) -> None:
    s3, there = legacy("s3"), f"{name}-there"
    bucket(s3, name), bucket(s3, there)
    made = role(legacy("iam"), name, name, there, without=without)
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=rules(made, there))

    s3.put_object(Bucket=name, Key="k", Body=b"new")

    assert status(s3, name, "k") == "FAILED"
    assert "Contents" not in s3.list_objects_v2(Bucket=there)


def test_a_bucket_of_another_account_takes_replicas_by_its_policy_only(
    legacy: Client, target: Client, name: str
) -> None:
    s3, foreign, there = legacy("s3"), target("s3"), f"{name}-there"
    bucket(s3, name), bucket(foreign, there)
    made = role(legacy("iam"), name, name, there)
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=rules(made, there))

    s3.put_object(Bucket=name, Key="one", Body=b"1")
    admitted = {
        "Effect": "Allow", "Principal": {"AWS": made}, "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{there}/*",
    }  # fmt: skip
    foreign.put_bucket_policy(Bucket=there, Policy=document(admitted))
    s3.put_object(Bucket=name, Key="two", Body=b"2")

    assert (status(s3, name, "one"), status(s3, name, "two")) == ("FAILED", "COMPLETED")
    assert [one["Key"] for one in foreign.list_objects_v2(Bucket=there)["Contents"]] == ["two"]


def test_a_rule_takes_what_it_selects_and_nothing_else(legacy: Client, name: str) -> None:
    s3, there = legacy("s3"), f"{name}-there"
    bucket(s3, name), bucket(s3, there)
    chosen = {"And": {"Prefix": "in/", "Tags": [{"Key": "v", "Value": "1"}]}}
    made = rules(role(legacy("iam"), name, name, there), there, Filter=chosen)
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=made)
    key = legacy("kms").create_key()["KeyMetadata"]["Arn"]

    s3.put_object(Bucket=name, Key="in/yes", Body=b"1", Tagging="v=1")
    s3.put_object(Bucket=name, Key="in/no", Body=b"1", Tagging="v=2")
    s3.put_object(Bucket=name, Key="out/no", Body=b"1", Tagging="v=1")
    s3.put_object(Bucket=name, Key="in/kms", Body=b"1", Tagging="v=1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    assert [one["Key"] for one in s3.list_objects_v2(Bucket=there)["Contents"]] == ["in/yes"]
    assert status(s3, name, "in/kms") is None


def test_both_buckets_have_to_be_versioned(legacy: Client, name: str) -> None:
    s3, there = legacy("s3"), f"{name}-there"
    bucket(s3, name), bucket(s3, there, versioned=False)

    with pytest.raises(ClientError, match="Versioning must be 'Enabled' on the destination bucket"):
        s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=rules("arn:aws:iam::1:role/r", there))


def test_configurations_are_read_as_they_were_put_a_hundred_a_page_and_deleted_one_by_one(
    legacy: Client, name: str
) -> None:
    s3 = legacy("s3")
    bucket(s3, name)
    made = [{"Id": f"m{number:03}", "Filter": {"Prefix": f"{number}/"}} for number in range(103)]
    for one in made:
        s3.put_bucket_metrics_configuration(Bucket=name, Id=one["Id"], MetricsConfiguration=one)

    first = s3.list_bucket_metrics_configurations(Bucket=name)
    token = first["NextContinuationToken"]
    second = s3.list_bucket_metrics_configurations(Bucket=name, ContinuationToken=token)

    assert first["MetricsConfigurationList"] + second["MetricsConfigurationList"] == made
    assert (first["IsTruncated"], second["IsTruncated"]) == (True, False)
    assert s3.get_bucket_metrics_configuration(Bucket=name, Id="m007")["MetricsConfiguration"] == made[7]
    s3.delete_bucket_metrics_configuration(Bucket=name, Id="m007")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        s3.delete_bucket_metrics_configuration(Bucket=name, Id="m007")
    assert "AnalyticsConfigurationList" not in s3.list_bucket_analytics_configurations(Bucket=name)


def test_a_bucket_whose_tags_decide_about_access_is_no_longer_tagged_by_putbuckettagging(
    legacy: Client, name: str
) -> None:
    s3 = legacy("s3")
    bucket(s3, name)
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}

    assert s3.get_bucket_abac(Bucket=name)["AbacStatus"] == {"Status": "Disabled"}
    s3.put_bucket_tagging(Bucket=name, Tagging=tags)
    s3.put_bucket_abac(Bucket=name, AbacStatus={"Status": "Enabled"})
    with pytest.raises(ClientError, match="TagResource"):
        s3.put_bucket_tagging(Bucket=name, Tagging=tags)

    assert s3.get_bucket_abac(Bucket=name)["AbacStatus"] == {"Status": "Enabled"}
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags["TagSet"]


def test_another_account_reads_none_of_them(legacy: Client, target: Client, name: str) -> None:
    bucket(legacy("s3"), name)

    with pytest.raises(ClientError, match="AccessDenied"):
        target("s3").list_bucket_inventory_configurations(Bucket=name)
