"""Objects arrive with everything they are, a stopped copy goes on, and nothing foreign is called equal or deleted."""

from typing import Any

import boto3
import pytest

from migrate.carry import objects, objects_undo, prove_objects
from migrate.carry.same_object import Buckets
from migrate.errors import Conflict, StepFailed
from migrate.kinds.s3_bucket import KINDS
from tests.carry.fake_carrier import REGION, FakeCarrier, place, stopped_after

BUCKET = KINDS[0]
ODD = ("a b+c%20.txt", "ünï/日本語.txt", "emoji-🛒", "folder/", "quotes'and&.txt", "double//slash", "z")
Sessions = dict[str, boto3.Session]


def carrier(sessions: Sessions) -> Any:
    return FakeCarrier(BUCKET, BUCKET.action("copy_objects"), place("new"), sessions)  # type: ignore[arg-type]


def two_buckets(sessions: Sessions, *, versioned: bool = False) -> tuple[Any, Any, Buckets]:
    legacy, target = sessions["legacy"].client("s3"), sessions["target"].client("s3")
    for client, name in ((legacy, "old"), (target, "new")):
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return legacy, target, Buckets("old", "new", versioned)


def history(client: Any, bucket: str) -> list[tuple[str, bool, str]]:
    """Every version newest first as S3 lists it, one by one: (key, is a marker, body)."""
    seen: list[tuple[str, bool, str]] = []
    where: dict[str, str] = {}
    while True:
        answer = client.list_object_versions(Bucket=bucket, MaxKeys=1, **where)
        for found in answer.get("Versions", []):
            body = client.get_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])["Body"].read()
            seen.append((found["Key"], False, body.decode()))
        seen += [(found["Key"], True, "") for found in answer.get("DeleteMarkers", [])]
        if not answer["IsTruncated"]:
            return seen
        where = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}


def test_objects_arrive_with_odd_keys_headers_metadata_and_tags(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ODD:
        legacy.put_object(
            Bucket="old", Key=key, Body=key.encode(), ContentType="text/x-odd", CacheControl="max-age=5",
            Metadata={"customer": "7"}, Tagging="kind=invoice%20%2B%20more",
        )  # fmt: skip

    counts = objects.copy_all(carrier(sessions), buckets)
    proof = prove_objects.prove_all(carrier(sessions), buckets, written_since=None)

    assert counts["copied"] == len(ODD)
    assert proof.state == "equal", proof.differences
    assert proof.evidence["keys"] == len(ODD)
    arrived = target.get_object(Bucket="new", Key=ODD[0])
    assert arrived["Body"].read() == ODD[0].encode()
    assert (arrived["ContentType"], arrived["CacheControl"]) == ("text/x-odd", "max-age=5")
    assert arrived["Metadata"] == {"customer": "7"}
    assert target.get_object_tagging(Bucket="new", Key=ODD[0])["TagSet"] == [{"Key": "kind", "Value": "invoice + more"}]


def test_a_copy_that_was_stopped_goes_on_and_copies_nothing_twice(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    for number in range(10):
        legacy.put_object(Bucket="old", Key=f"k{number}", Body=b"x")
    to = carrier(sessions)
    with stopped_after(to, 4), pytest.raises(ConnectionError):
        objects.copy_all(to, buckets)

    counts = objects.copy_all(to, buckets)

    keys = [params["Key"] for _, operation, params in to.writes if operation == "s3.CopyObject"]
    assert sorted(keys) == [f"k{number}" for number in range(10)]
    assert counts["copied"] + counts["equal"] == 10


def test_what_changed_in_legacy_is_copied_again_be_it_only_a_tag(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    for key in ("bytes", "tag", "same"):
        legacy.put_object(Bucket="old", Key=key, Body=b"one")
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object(Bucket="old", Key="bytes", Body=b"two")
    legacy.put_object_tagging(Bucket="old", Key="tag", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})

    to = carrier(sessions)
    objects.copy_all(to, buckets)

    assert sorted(params["Key"] for _, _, params in to.writes) == ["bytes", "tag"]
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"


def test_the_whole_history_arrives_in_order_with_delete_markers_of_the_same_second(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for key in ("a", "b/ü"):
        for body in ("1", "22"):
            legacy.put_object(Bucket="old", Key=key, Body=body.encode())
        legacy.delete_object(Bucket="old", Key=key)
        legacy.delete_object(Bucket="old", Key=key)
        legacy.put_object(Bucket="old", Key=key, Body=b"back")
    legacy.delete_object(Bucket="old", Key="b/ü")

    counts = objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == history(legacy, "old")
    assert counts["copied"] == 11
    assert prove_objects.prove_all(carrier(sessions), buckets, written_since=None).state == "equal"


def test_a_stopped_history_goes_on_where_it_stopped(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for body in ("1", "2", "3"):
        legacy.put_object(Bucket="old", Key="k", Body=body.encode())
    to = carrier(sessions)
    with stopped_after(to, 2), pytest.raises(ConnectionError):
        objects.copy_all(to, buckets)

    objects.copy_all(to, buckets)

    assert history(target, "new") == history(legacy, "old")


def test_a_history_that_is_not_the_beginning_of_legacys_stops_with_the_key(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    legacy.put_object(Bucket="old", Key="ours", Body=b"1")
    legacy.put_object(Bucket="old", Key="theirs", Body=b"1")
    target.put_object(Bucket="new", Key="theirs", Body=b"foreign")

    with pytest.raises(StepFailed, match="theirs: size"):
        objects.copy_all(carrier(sessions), buckets)

    assert [key for key, _, _ in history(target, "new")] == ["ours", "theirs"]


def test_an_object_in_parts_keeps_its_parts_and_its_description(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    name = {"Bucket": "old", "Key": "big file"}
    upload = legacy.create_multipart_upload(**name, ContentType="application/x-tar", Tagging="a=b%20c")["UploadId"]
    sizes = (6 * 1024**2, 5 * 1024**2 + 17)
    parts = [
        {
            "PartNumber": number,
            "ETag": legacy.upload_part(**name, UploadId=upload, PartNumber=number, Body=b"x" * size)["ETag"],
        }
        for number, size in enumerate(sizes, start=1)
    ]
    legacy.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    target.create_multipart_upload(Bucket="new", Key="big file")

    to = carrier(sessions)
    objects.copy_all(to, buckets)

    assert target.head_object(Bucket="new", Key="big file")["ETag"] == legacy.head_object(**name)["ETag"]
    assert target.head_object(Bucket="new", Key="big file")["ContentType"] == "application/x-tar"
    assert target.get_object_tagging(Bucket="new", Key="big file")["TagSet"] == [{"Key": "a", "Value": "b c"}]
    assert not target.list_multipart_uploads(Bucket="new").get("Uploads")
    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"


def test_bytes_under_the_managed_key_go_through_this_process(sessions: Sessions) -> None:
    legacy, target, _ = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"sealed", Metadata={"a": "b"}, Tagging="t=1", ContentType="x/y")

    to = carrier(sessions)
    objects.copy_all(to, Buckets("old", "new", versioned=False, through=True))

    assert [operation for _, operation, _ in to.writes] == ["s3.PutObject"]
    found = target.get_object(Bucket="new", Key="k")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"sealed", {"a": "b"}, "x/y")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda s3: s3.delete_object(Bucket="new", Key="a"), "a: missing in the target"),
        (lambda s3: s3.put_object(Bucket="new", Key="extra", Body=b""), "extra: only in the target"),
        (lambda s3: s3.put_object(Bucket="new", Key="a", Body=b"eno"), "a: the CRC32 of the bytes differs"),
        (lambda s3: s3.put_object(Bucket="new", Key="a", Body=b"one", ContentType="no/no"), "a: ContentType differs"),
        (lambda s3: s3.put_object(Bucket="new", Key="a", Body=b"one", Tagging="x=y"), "a: tags differ"),
    ],
)
def test_the_proof_names_each_key_that_differs(sessions: Sessions, harm: Any, said: str) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("a", "b"):
        legacy.put_object(Bucket="old", Key=key, Body=b"one")
    objects.copy_all(carrier(sessions), buckets)
    harm(target)

    proof = prove_objects.prove_all(carrier(sessions), buckets, written_since=None)

    assert proof.state == "different"
    assert [text.startswith(said) for text in proof.differences] == [True]


def _without_checksums(call: Any) -> Any:
    """A site's optional() as AWS answers for old objects under KMS: no checksum, and an ETag that says nothing."""

    def optional(operation: str, **params: Any) -> Any:
        answer = call(operation, **params)
        if operation == "s3.HeadObject" and answer:
            answer = {name: value for name, value in answer.items() if not name.startswith("Checksum")}
            answer["ServerSideEncryption"] = "aws:kms"
        return answer

    return optional


def test_under_kms_equal_etags_prove_nothing_and_the_bytes_are_read(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"one")
    target.put_object(Bucket="new", Key="k", Body=b"one")
    to = carrier(sessions)
    for site in (to.legacy, to.target):
        site.optional = _without_checksums(site.optional)

    assert prove_objects.prove_all(to, buckets, written_since=None).state == "equal"
    assert "s3.GetObject" in to.legacy.called
    assert "s3.GetObject" in to.target.called

    target.put_object(Bucket="new", Key="k", Body=b"two")
    assert prove_objects.prove_all(to, buckets, written_since=None).differences == ("k: the bytes differ",)


def test_what_cannot_be_read_is_counted_as_not_proved_and_never_as_equal(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"one")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    allowed = to.legacy.optional
    to.legacy.optional = lambda operation, **params: (
        None if operation == "s3.GetObjectTagging" else allowed(operation, **params)
    )

    proof = prove_objects.prove_all(to, buckets, written_since=None)

    assert proof.state == "could not be proved"
    assert proof.evidence["unproved"] == 1
    assert proof.differences[0].startswith("k: the tags could not be read")


def test_while_legacy_is_in_use_what_changed_since_is_counted_and_an_old_difference_is_still_named(
    sessions: Sessions,
) -> None:
    from datetime import UTC, datetime, timedelta

    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"one")
    objects.copy_all(carrier(sessions), buckets)
    target.put_object(Bucket="new", Key="k", Body=b"lost")
    long_ago, soon = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)

    assert prove_objects.prove_all(carrier(sessions), buckets, written_since=soon).state == "different"
    proof = prove_objects.prove_all(carrier(sessions), buckets, written_since=long_ago)

    assert proof.state == "equal"
    assert proof.evidence["changed_since"] == 1


@pytest.mark.parametrize("versioned", [False, True])
def test_taking_away_deletes_what_was_carried(sessions: Sessions, versioned: bool) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for body in (b"1", b"22"):
        legacy.put_object(Bucket="old", Key="k", Body=body)
    legacy.put_object(Bucket="old", Key="gone", Body=b"1")
    legacy.delete_object(Bucket="old", Key="gone")
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object(Bucket="old", Key="later", Body=b"new in legacy")

    objects_undo.take_away(carrier(sessions), buckets)

    assert history(target, "new") == []
    assert len(history(legacy, "old")) == (5 if versioned else 2)


def test_taking_away_stops_at_foreign_content_and_deletes_nothing(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("a", "b"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    target.put_object(Bucket="new", Key="theirs", Body=b"somebody's")

    with pytest.raises(Conflict, match="theirs: only in the target"):
        objects_undo.take_away(carrier(sessions), buckets)

    assert [key for key, _, _ in history(target, "new")] == ["a", "b", "theirs"]


def test_an_archived_object_says_what_to_do(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="cold", Body=b"1", StorageClass="GLACIER")

    with pytest.raises(StepFailed, match="cold is archived") as stopped:
        objects.copy_all(carrier(sessions), buckets)

    assert "s3.RestoreObject" in stopped.value.do


def test_other_storage_classes_arrive(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1", StorageClass="STANDARD_IA")

    objects.copy_all(carrier(sessions), buckets)

    assert target.head_object(Bucket="new", Key="k")["StorageClass"] == "STANDARD_IA"
