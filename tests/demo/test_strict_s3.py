"""S3 in the embedded world: another account's bucket opens by its policy only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.demo.conftest import PRODUCTION

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
Refused = Callable[..., str]
KEY = "photos/ä b.txt"
ROLE = f"arn:aws:iam::{PRODUCTION}:role/OrganizationAccountAccessRole"


@pytest.fixture
def bucket(legacy: Clients, target: Clients, name: str) -> str:
    """A bucket of legacy with one tagged object, and one of production called the same with -p."""
    place = {"LocationConstraint": "eu-west-1"}
    legacy("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    target("s3").create_bucket(Bucket=f"{name}-p", CreateBucketConfiguration=place)
    legacy("s3").put_object(Bucket=name, Key=KEY, Body=b"light", Tagging="kind=photo", Metadata={"by": "ann"})
    return name


def allow(s3: Any, bucket: str, *actions: str, effect: str = "Allow", principal: str = ROLE) -> dict[str, Any]:
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": where}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return statement


def test_without_a_policy_nothing_of_another_accounts_bucket_is_seen(
    bucket: str, target: Clients, refused: Refused
) -> None:
    s3 = target("s3")
    copy = {"Bucket": f"{bucket}-p", "Key": "x", "CopySource": {"Bucket": bucket, "Key": KEY}}

    assert refused(s3.get_object, Bucket=bucket, Key=KEY) == "AccessDenied"
    assert refused(s3.head_object, Bucket=bucket, Key=KEY) == "403"
    assert refused(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert refused(s3.list_object_versions, Bucket=bucket) == "AccessDenied"
    assert refused(s3.get_object_tagging, Bucket=bucket, Key=KEY) == "AccessDenied"
    assert refused(s3.get_bucket_location, Bucket=bucket) == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key="new", Body=b"") == "AccessDenied"
    assert refused(s3.delete_object, Bucket=bucket, Key=KEY) == "AccessDenied"
    assert refused(s3.copy_object, **copy) == "AccessDenied"


def test_a_policy_opens_exactly_the_actions_it_names(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    allow(legacy("s3"), bucket, "s3:GetObject", "s3:ListBucket")
    s3 = target("s3")

    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"light"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert refused(s3.get_object_tagging, Bucket=bucket, Key=KEY) == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key="new", Body=b"") == "AccessDenied"


def test_a_copy_of_a_tagged_object_needs_the_right_to_its_tags(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    s3, copy = target("s3"), {"Bucket": f"{bucket}-p", "Key": KEY, "CopySource": {"Bucket": bucket, "Key": KEY}}
    allow(legacy("s3"), bucket, "s3:GetObject")

    assert refused(s3.copy_object, **copy) == "AccessDenied"
    allow(legacy("s3"), bucket, "s3:GetObject", "s3:GetObjectTagging")
    s3.copy_object(**copy)

    assert s3.get_object(Bucket=f"{bucket}-p", Key=KEY)["Metadata"] == {"by": "ann"}
    assert s3.get_object_tagging(Bucket=f"{bucket}-p", Key=KEY)["TagSet"] == [{"Key": "kind", "Value": "photo"}]


def test_a_part_copied_from_another_account_needs_the_policy_too(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    s3 = target("s3")
    upload = s3.create_multipart_upload(Bucket=f"{bucket}-p", Key="big")["UploadId"]
    part = {"Bucket": f"{bucket}-p", "Key": "big", "UploadId": upload, "PartNumber": 1}
    part["CopySource"] = {"Bucket": bucket, "Key": KEY}

    assert refused(s3.upload_part_copy, **part) == "AccessDenied"
    allow(legacy("s3"), bucket, "s3:GetObject*")

    assert s3.upload_part_copy(**part)["CopyPartResult"]["ETag"]


def test_a_deny_wins_over_an_allow(bucket: str, legacy: Clients, target: Clients, refused: Refused) -> None:
    yes = allow(legacy("s3"), bucket, "s3:*")
    no = {**yes, "Effect": "Deny", "Action": "s3:GetObject"}

    document = json.dumps({"Version": "2012-10-17", "Statement": [yes, no]})
    legacy("s3").put_bucket_policy(Bucket=bucket, Policy=document)

    assert refused(target("s3").get_object, Bucket=bucket, Key=KEY) == "AccessDenied"
    assert target("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_policy_naming_a_role_that_does_not_exist_is_refused(bucket: str, legacy: Clients, refused: Refused) -> None:
    ghost = f"arn:aws:iam::{PRODUCTION}:role/nobody"

    assert refused(lambda: allow(legacy("s3"), bucket, "s3:*", principal=ghost)) == "MalformedPolicy"


def test_a_notification_needs_its_destination(bucket: str, legacy: Clients, name: str, refused: Refused) -> None:
    def notify(arn: str) -> Any:
        queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
        return legacy("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
        )

    arn = f"arn:aws:sqs:eu-west-1:111111111111:{name}"
    assert refused(lambda: notify(arn)) == "InvalidArgument"

    legacy("sqs").create_queue(QueueName=name)
    notify(arn)

    kept = legacy("s3").get_bucket_notification_configuration(Bucket=bucket)
    assert kept["QueueConfigurations"][0]["QueueArn"] == arn


def test_a_bucket_has_its_tags_from_the_creating_call_on(legacy: Clients, name: str) -> None:
    given = [{"Key": "owner", "Value": "ann"}, {"Key": "empty", "Value": ""}]
    legacy("s3").create_bucket(
        Bucket=f"{name}-t", CreateBucketConfiguration={"LocationConstraint": "eu-west-1", "Tags": given}
    )

    shown = legacy("s3").get_bucket_tagging(Bucket=f"{name}-t")["TagSet"]

    assert sorted(shown, key=lambda tag: tag["Key"], reverse=True) == given
