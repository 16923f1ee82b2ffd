"""Single objects in the embedded world: KMS, customers' keys, other owners and paying requesters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.demo.conftest import PRODUCTION

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
Refused = Callable[..., str]
CUSTOMERS = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}


@pytest.fixture
def bucket(legacy: Clients, target: Clients, name: str) -> str:
    """A bucket of legacy that production may read, and one of production called the same with -p."""
    place = {"LocationConstraint": "eu-west-1"}
    legacy("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    target("s3").create_bucket(Bucket=f"{name}-p", CreateBucketConfiguration=place)
    where = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PRODUCTION}:root"}, "Action": "s3:*"}
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": where}]}
    legacy("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def test_a_copy_under_kms_has_another_etag_and_the_same_bytes(bucket: str, legacy: Clients, target: Clients) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    target("s3").put_bucket_encryption(Bucket=f"{bucket}-p", ServerSideEncryptionConfiguration={"Rules": [rule]})
    plain = legacy("s3").put_object(Bucket=bucket, Key="k", Body=b"light")["ETag"]

    copied = target("s3").copy_object(Bucket=f"{bucket}-p", Key="k", CopySource={"Bucket": bucket, "Key": "k"})
    found = target("s3").get_object(Bucket=f"{bucket}-p", Key="k")

    assert copied["CopyObjectResult"]["ETag"] == found["ETag"] != plain
    assert found["Body"].read() == b"light"
    listed = target("s3").list_objects_v2(Bucket=f"{bucket}-p")["Contents"]
    assert [one["ETag"] for one in listed] == [found["ETag"]]


def test_a_requester_pays_bucket_asks_other_accounts_to_say_so(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    s3, copy = target("s3"), {"Bucket": f"{bucket}-p", "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    legacy("s3").put_object(Bucket=bucket, Key="k", Body=b"light")
    legacy("s3").put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})

    assert legacy("s3").get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert refused(s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert refused(s3.copy_object, **copy) == "AccessDenied"
    s3.copy_object(**copy, RequestPayer="requester")
    assert legacy("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"light"


def test_an_object_under_a_customers_key_opens_with_that_key_only(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    s3 = legacy("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"light", **CUSTOMERS)
    copy = {"Bucket": f"{bucket}-p", "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}

    assert refused(s3.head_object, Bucket=bucket, Key="k") == "400"
    assert refused(s3.get_object, Bucket=bucket, Key="k") == "InvalidRequest"
    assert refused(target("s3").copy_object, **copy) == "InvalidRequest"
    assert s3.get_object(Bucket=bucket, Key="k", **CUSTOMERS)["Body"].read() == b"light"


def test_an_object_that_its_writer_owns_is_closed_to_the_buckets_owner(
    bucket: str, legacy: Clients, target: Clients, refused: Refused
) -> None:
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    legacy("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    target("s3").put_object(Bucket=bucket, Key="theirs", Body=b"x")
    target("s3").put_object(Bucket=bucket, Key="given", Body=b"x", ACL="bucket-owner-full-control")

    assert refused(legacy("s3").get_object, Bucket=bucket, Key="theirs") == "AccessDenied"
    assert refused(legacy("s3").head_object, Bucket=bucket, Key="theirs") == "403"
    assert target("s3").get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"x"
    assert legacy("s3").get_object(Bucket=bucket, Key="given")["Body"].read() == b"x"


def test_a_conditional_delete_spares_what_was_written_over(bucket: str, legacy: Clients, refused: Refused) -> None:
    s3 = legacy("s3")
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["ETag"]

    assert refused(s3.delete_object, Bucket=bucket, Key="k", IfMatch=old) == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=new)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_under_suspended_versioning_only_the_null_version_is_written_over_or_deleted(
    bucket: str, legacy: Clients
) -> None:
    s3 = legacy("s3")

    def shown() -> list[tuple[str, str]]:
        answer = s3.list_object_versions(Bucket=bucket)
        versions = [(one["VersionId"], str(one["Size"])) for one in answer.get("Versions", ())]
        return versions + [(one["VersionId"], "marker") for one in answer.get("DeleteMarkers", ())]

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"22")
    s3.put_object(Bucket=bucket, Key="k", Body=b"333")

    assert shown() == [("null", "3"), (first, "1")]
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=first)["ContentLength"] == 1
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"333"
    s3.delete_object(Bucket=bucket, Key="k")
    assert shown() == [(first, "1"), ("null", "marker")]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert shown() == [(first, "1")]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert shown() == []


def test_a_retention_that_is_over_cannot_be_set(legacy: Clients, name: str, refused: Refused) -> None:
    s3, place = legacy("s3"), {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=name, Key="k", Body=b"1")

    def keep(year: int) -> dict[str, Any]:
        return {"Mode": "GOVERNANCE", "RetainUntilDate": f"{year}-01-01T00:00:00Z"}

    assert refused(s3.put_object_retention, Bucket=name, Key="k", Retention=keep(2020)) == "InvalidArgument"
    s3.put_object_retention(Bucket=name, Key="k", Retention=keep(2090))


def test_the_head_of_an_object_in_parts_says_what_its_checksum_is_of(bucket: str, legacy: Clients) -> None:
    s3 = legacy("s3")
    for key, kind in (("parts", "COMPOSITE"), ("whole", "FULL_OBJECT")):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="CRC32", ChecksumType=kind)
        named = {"Bucket": bucket, "Key": key, "UploadId": upload["UploadId"]}
        etag = s3.upload_part(**named, PartNumber=1, Body=b"light", ChecksumAlgorithm="CRC32")["ETag"]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

        found = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")

        assert found["ChecksumType"] == kind
        assert found["ChecksumCRC32"].endswith("-1") == (kind == "COMPOSITE")
