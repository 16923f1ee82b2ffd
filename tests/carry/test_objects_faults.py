"""One fault in one object is found and named by its key; an object that cannot be copied stops no other."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from migrate.carry import objects, objects_undo, one_key, prove_objects
from migrate.carry.same_object import Buckets
from migrate.errors import Conflict, StepFailed
from tests.carry.fake_carrier import FakeCarrier
from tests.carry.test_objects import Sessions, carrier, history, two_buckets

KEY = "orders/ü 7"


def proved(sessions: Sessions, buckets: Buckets) -> Any:
    return prove_objects.prove_all(carrier(sessions), buckets, written_since=None)


def held(bucket: str, key: str) -> list[Any]:
    """The versions of a key as the emulator holds them, oldest first: to change one behind everybody's back."""
    from moto.s3.models import s3_backends

    account = "222222222222" if bucket == "new" else "111111111111"
    found: list[Any] = s3_backends[account]["aws"].buckets[bucket].keys.getlist(key)
    return found


def same_size(version: Any) -> None:
    """Other bytes of the same size under the old ETag, as a broken disk would leave them."""
    etag = version.etag.strip('"')
    version.value = b"x" * version.size
    version._etag, version.checksum_value = etag, None if version.checksum_value is None else "AAAAAA=="


def lost_tag(version: Any) -> None:
    from moto.s3.models import s3_backends

    backend = s3_backends["222222222222"]["aws"]
    backend.put_object_tagging(version, {"kind": "order"})


FAULTS = {
    "truncated with equal size": (same_size, "the CRC32 of the bytes differs (version 1 of 3, oldest first)"),
    "a tag lost": (lost_tag, "tags differ (version 1 of 3, oldest first)"),
    "metadata lost": (lambda one: one._metadata.pop("x-amz-meta-customer"), "metadata differ (version 1 of 3"),
    "a header changed": (lambda one: one._metadata.update({"Content-Type": "no/no"}), "ContentType differs"),
    "another storage class": (
        lambda one: one.set_storage_class("STANDARD_IA"), "storage class STANDARD and STANDARD_IA (version 1 of 3",
    ),
    "a version missing": (lambda one: held("new", KEY).remove(one), "3 versions in legacy, 2 in the target"),
    "a delete marker missing": (
        lambda one: held("new", KEY).pop(1), "1 delete markers in legacy, 0 in the target",
    ),
    "one byte less": (lambda one: setattr(one, "value", one.value[:-1]), "size 5 and 4 bytes (version 1 of 3"),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_in_one_version_is_named_by_its_key(sessions: Sessions, fault: str) -> None:
    legacy, _, buckets = two_buckets(sessions, versioned=True)
    legacy.put_object(Bucket="old", Key="another", Body=b"fine")
    legacy.put_object(
        Bucket="old", Key=KEY, Body=b"bytes", Metadata={"customer": "7", "b": "c"}, Tagging="kind=order&year=24",
        ChecksumAlgorithm="CRC32",
    )  # fmt: skip
    legacy.delete_object(Bucket="old", Key=KEY)
    legacy.put_object(Bucket="old", Key=KEY, Body=b"newest")
    objects.copy_all(carrier(sessions), buckets)
    assert proved(sessions, buckets).state == "equal"
    harm, said = FAULTS[fault]
    harm(held("new", KEY)[0])

    proof = proved(sessions, buckets)

    assert proof.state == "different"
    assert proof.evidence["different"] == 1
    assert len(proof.differences) == 1
    assert proof.differences[0].startswith(f"{KEY}: {said}"), proof.differences


def test_equal_size_and_etag_of_parts_prove_nothing_without_reading(sessions: Sessions) -> None:
    """An ETag of parts is no checksum that AWS vouches for."""
    legacy, _, buckets = two_buckets(sessions)
    in_parts(legacy, KEY, (5 * 1024**2, 9))
    objects.copy_all(carrier(sessions), buckets)
    assert proved(sessions, buckets).evidence["by_reading_both"] == 1
    same_size(held("new", KEY)[0])

    assert proved(sessions, buckets).differences == (f"{KEY}: the bytes differ",)


def test_how_each_content_was_compared_is_counted_and_what_was_not_read_is_listed(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    in_parts(legacy, "parts", (5 * 1024**2, 9))
    legacy.put_object(Bucket="old", Key="checked", Body=b"1", ChecksumAlgorithm="SHA256")
    objects.copy_all(carrier(sessions), buckets)

    small = Buckets("old", "new", versioned=False, read_up_to_bytes=1024**2)
    proof = proved(sessions, small)

    assert proof.state == "equal"
    assert proof.evidence["not_by_content"] == 1
    assert proof.evidence["not_by_content_keys"] == ["parts"]
    assert proof.evidence["by_checksum"] == 1
    assert "of 1 versions size and parts instead of content" in proof.compared[0]
    held("new", "parts")[0].multipart = None
    assert proved(sessions, buckets).evidence["not_by_content"] == 0


ODD = (
    "..", "../up", "a/../b", "./here", "a/./b", "/leading", "//", "a//b", "trailing ", " leading", "tab\tkey",
    "new\nline", "e\u0301 apart", "\u00e9 whole", "x" * 1024, "ä" * 512, "%2F", "a+b", "a?b#c", "a&b;c", "<&>'\"",
    "\u007f", "\U0001f6d2", "~!*()'", "back\\slash", "no-break\u00a0space",
)  # fmt: skip


def test_every_odd_key_arrives_under_the_same_bytes(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ODD:
        legacy.put_object(Bucket="old", Key=key, Body=key.encode())

    counts = objects.copy_all(carrier(sessions), buckets)

    assert counts["copied"] == len(ODD)
    assert {key: body for key, _, body in history(target, "new")} == {key: key for key in ODD}
    proof = proved(sessions, buckets)
    assert proof.state == "equal", proof.differences
    assert objects.copy_all(carrier(sessions), buckets)["equal"] == len(ODD)


def in_parts(client: Any, key: str, sizes: tuple[int, ...], bucket: str = "old", **more: Any) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
    parts = []
    for number, size in enumerate(sizes, start=1):
        etag = client.upload_part(**named, PartNumber=number, Body=bytes([number]) * size)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


MIB = 1024**2


@pytest.mark.parametrize(
    "sizes", [(6 * MIB,), (5 * MIB, 5 * MIB, 1), (6 * MIB, 5 * MIB, 5 * MIB), (5 * MIB, 6 * MIB, 3)]
)
def test_the_original_parts_are_kept_also_where_they_are_uneven(sessions: Sessions, sizes: tuple[int, ...]) -> None:
    legacy, target, buckets = two_buckets(sessions)
    in_parts(legacy, "k", sizes)

    objects.copy_all(carrier(sessions), buckets)

    assert target.head_object(Bucket="new", Key="k")["ETag"] == legacy.head_object(Bucket="old", Key="k")["ETag"]
    assert target.get_object(Bucket="new", Key="k")["Body"].read() == b"".join(
        bytes([number]) * size for number, size in enumerate(sizes, start=1)
    )


def test_incomplete_uploads_are_counted_and_not_copied(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    legacy.create_multipart_upload(Bucket="old", Key="begun")

    objects.copy_all(carrier(sessions), buckets)
    proof = proved(sessions, buckets)

    assert proof.state == "equal"
    assert proof.evidence["incomplete_uploads_in_legacy_not_copied"] == 1
    assert not target.list_multipart_uploads(Bucket="new").get("Uploads")


def test_archived_objects_are_counted_with_what_a_restore_means_and_the_rest_is_copied(
    sessions: Sessions, tmp_path: Path
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for number in range(25):
        legacy.put_object(Bucket="old", Key=f"cold{number:02}", Body=b"1", StorageClass="DEEP_ARCHIVE")
    legacy.put_object(Bucket="old", Key="warm", Body=b"1")

    with pytest.raises(StepFailed, match=r"25 keys .*cold00 is archived .*and 5 more") as stopped:
        objects.copy_all(carrier(sessions), buckets)

    assert [key for key, _, _ in history(target, "new")] == ["warm"]
    assert "Archived: 25 objects" in stopped.value.do
    assert "s3.RestoreObject" in stopped.value.do
    listed = (tmp_path / "222222222222-new.objects.problems.txt").read_text().splitlines()
    assert [line.partition(" ")[0] for line in listed] == [f"cold{number:02}" for number in range(25)]
    for number in range(25):
        legacy.delete_object(Bucket="old", Key=f"cold{number:02}")
    objects.copy_all(carrier(sessions), buckets)
    assert not (tmp_path / "222222222222-new.objects.problems.txt").exists()


def test_a_restored_object_is_copied_into_the_same_archive(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="cold", Body=b"1", StorageClass="GLACIER")
    legacy.restore_object(Bucket="old", Key="cold", RestoreRequest={"Days": 2})
    legacy.head_object(Bucket="old", Key="cold")

    objects.copy_all(carrier(sessions), buckets)

    assert target.head_object(Bucket="new", Key="cold")["StorageClass"] == "GLACIER"


class Refusing(FakeCarrier):
    """AWS refuses the copy of some keys."""

    refused: ClassVar[dict[str, str]] = {}

    def write(self, operation: str, **params: Any) -> Any:  # type: ignore[override]
        from botocore.exceptions import ClientError

        code = self.refused.get(params.get("Key", ""))
        if code and operation == "s3.CopyObject":
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "CopyObject")
        return super().write(operation, **params)


def refusing(sessions: Sessions, **refused: str) -> Any:
    made = carrier(sessions)
    Refusing.refused = refused
    return Refusing(made.kind, made.action, made.place, sessions)


def test_a_refused_object_is_named_with_the_likely_reason_and_the_rest_is_copied(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_key, "PATIENCE_S", 0.0)
    legacy, target, buckets = two_buckets(sessions)
    for key in ("a", "b", "c", "d"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")

    with pytest.raises(StepFailed) as stopped:
        objects.copy_all(refusing(sessions, b="AccessDenied", c="InvalidRequest"), buckets)

    assert "2 keys" in stopped.value.what
    assert "b: access denied: it belongs to the account that wrote it" in stopped.value.what
    assert "c: it cannot be read without parameters that only its owner knows" in stopped.value.what
    assert [key for key, _, _ in history(target, "new")] == ["a", "d"]


def test_a_refusal_that_is_about_the_run_and_not_the_object_ends_it(sessions: Sessions) -> None:
    from botocore.exceptions import ClientError

    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="a", Body=b"1")

    with pytest.raises(ClientError):
        objects.copy_all(refusing(sessions, a="NoSuchBucket"), buckets)


def test_locks_and_holds_arrive(sessions: Sessions) -> None:
    legacy, target = sessions["legacy"].client("s3"), sessions["target"].client("s3")
    for client, name in ((legacy, "old"), (target, "new")):
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=True
        )
    until = "2099-01-01T00:00:00Z"
    legacy.put_object(
        Bucket="old", Key="kept", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until,
        ObjectLockLegalHoldStatus="ON",
    )  # fmt: skip
    buckets = Buckets("old", "new", versioned=True, special=True)

    objects.copy_all(carrier(sessions), buckets)

    found = target.head_object(Bucket="new", Key="kept")
    assert (found["ObjectLockMode"], found["ObjectLockLegalHoldStatus"]) == ("COMPLIANCE", "ON")
    assert found["ObjectLockRetainUntilDate"].year == 2099
    assert proved(sessions, buckets).state == "equal"
    held("new", "kept")[0].lock_legal_status = "OFF"
    assert proved(sessions, buckets).differences == ("kept: ObjectLockLegalHoldStatus differs",)


def test_a_lock_that_legacy_got_or_tightened_since_is_carried_and_makes_no_second_version(sessions: Sessions) -> None:
    legacy, target = sessions["legacy"].client("s3"), sessions["target"].client("s3")
    for client, name in ((legacy, "old"), (target, "new")):
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=True
        )
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    buckets = Buckets("old", "new", versioned=True, special=True)
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object_legal_hold(Bucket="old", Key="k", LegalHold={"Status": "ON"})

    counts = objects.copy_all(carrier(sessions), buckets)

    assert (counts["held"], counts["copied"]) == (1, 0)
    assert target.head_object(Bucket="new", Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    assert proved(sessions, buckets).state == "equal"


def locked(sessions: Sessions) -> tuple[Any, Any, Buckets]:
    legacy, target = sessions["legacy"].client("s3"), sessions["target"].client("s3")
    for client, name in ((legacy, "old"), (target, "new")):
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=True
        )
    return legacy, target, Buckets("old", "new", versioned=True, special=True)


def test_a_retention_that_is_over_is_no_difference_and_is_not_set_anew(sessions: Sessions) -> None:
    legacy, _, buckets = locked(sessions)
    past = "2020-01-01T00:00:00Z"
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    held("old", "k")[0].lock_mode, held("old", "k")[0].lock_until = "GOVERNANCE", past

    to = carrier(sessions)
    objects.copy_all(to, buckets)

    assert [operation for _, operation, _ in to.writes] == ["s3.CopyObject"]
    assert proved(sessions, buckets).state == "equal"


def test_a_rollback_takes_holds_and_governance_back_and_says_what_nobody_can_delete(sessions: Sessions) -> None:
    legacy, target, buckets = locked(sessions)
    lock = {"ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z"}
    legacy.put_object(Bucket="old", Key="a", Body=b"1", ObjectLockMode="GOVERNANCE", **lock)
    legacy.put_object(Bucket="old", Key="b", Body=b"1", ObjectLockLegalHoldStatus="ON")
    objects.copy_all(carrier(sessions), buckets)
    assert objects_undo.take_away(carrier(sessions), buckets) == 2
    legacy.put_object(Bucket="old", Key="c", Body=b"1", ObjectLockMode="COMPLIANCE", **lock)
    objects.copy_all(carrier(sessions), buckets)

    with pytest.raises(Conflict, match="c: under COMPLIANCE retention until 2099-01-01 00:00 UTC"):
        objects_undo.take_away(carrier(sessions), buckets)

    assert [key for key, _, _ in history(target, "new")] == ["a", "b", "c"]


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_an_object_in_parts_keeps_a_checksum_in_common_with_its_copy(
    sessions: Sessions, algorithm: str, through: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    sizes = (5 * MIB, 5 * MIB, 7)
    upload = legacy.create_multipart_upload(Bucket="old", Key="k", ChecksumAlgorithm=algorithm)["UploadId"]
    named = {"Bucket": "old", "Key": "k", "UploadId": upload}
    parts = []
    for number, size in enumerate(sizes, start=1):
        body = bytes([number]) * size
        answer = legacy.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    legacy.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    if through:
        buckets = Buckets("old", "new", versioned=False, through=True)

    to = carrier(sessions)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("migrate.carry.one_object.THROUGH_BYTES", MIB)
        objects.copy_all(to, buckets)

    asked = [params for _, operation, params in to.writes if operation == "s3.CreateMultipartUpload"]
    assert [one["ChecksumAlgorithm"] for one in asked] == [algorithm]
    proof = proved(sessions, buckets)
    assert proof.state == "equal", proof.differences
    assert target.get_object(Bucket="new", Key="k")["ContentLength"] == sum(sizes)
