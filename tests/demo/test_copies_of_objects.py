"""Copies that skip most of botocore arrive as its own would, are refused as its own would be, and obey the guard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.aws import Aws, NotSent, Permit, Unknown, Writer, permitted
from migrate.aws.object_calls import ObjectCalls
from migrate.demo import world
from migrate.demo.accounts import LEGACY
from migrate.errors import GuardError
from migrate.names import AccountId, Region

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
HOME = Region("eu-west-1")
ODD = ("a b+c%20.txt", "ünï/日本語", "../up", "a//b", "/leading", "trailing ", "?#&;=", "~!*()'", "%2F", "e\u0301")


@pytest.fixture
def aws(a_world: world.World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for key, value in a_world.env().items():
        monkeypatch.setenv(key, value)
    made = Aws()
    yield made
    made.close()


@pytest.fixture
def buckets(legacy: Clients, name: str) -> tuple[str, str]:
    where = {"LocationConstraint": "eu-west-1"}
    for bucket in (name, f"{name}-p"):
        legacy("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    return name, f"{name}-p"


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys whose copies were sent without botocore."""
    sent: list[str] = []
    old = ObjectCalls.send

    def send(self: ObjectCalls, operation: str, region: Region, params: Any) -> Any:
        answer = old(self, operation, region, params)
        if answer is not None:
            sent.append(params["Key"])
        return answer

    monkeypatch.setattr(ObjectCalls, "send", send)
    return sent


def send(aws: Aws, buckets: tuple[str, str], key: str, **more: Any) -> dict[str, Any]:
    named = {"Bucket": buckets[1], "Key": key, "CopySource": {"Bucket": buckets[0], "Key": key}}
    asked = {"MetadataDirective": "COPY", "TaggingDirective": "COPY", "ExpectedBucketOwner": LEGACY}
    with permitted(Permit(frozenset(), writes=lambda *_: None)):
        return Writer(aws).send(AccountId(LEGACY), HOME, "s3.CopyObject", named | asked | more)


def test_odd_keys_arrive_with_everything_and_only_the_first_goes_through_botocore(
    aws: Aws, buckets: tuple[str, str], legacy: Clients, fast: list[str]
) -> None:
    s3 = legacy("s3")
    for key in ("first", *ODD):
        s3.put_object(Bucket=buckets[0], Key=key, Body=key.encode(), Metadata={"a": "b"}, Tagging="t=1")

    answers = {key: send(aws, buckets, key, StorageClass="STANDARD_IA") for key in ("first", *ODD)}

    assert fast == list(ODD)
    assert {found["Key"] for found in s3.list_objects_v2(Bucket=buckets[1])["Contents"]} == {"first", *ODD}
    for key, answer in answers.items():
        found = s3.get_object(Bucket=buckets[1], Key=key)
        assert (found["Body"].read().decode(), found["Metadata"], found["StorageClass"]) == (
            key,
            {"a": "b"},
            "STANDARD_IA",
        )
        assert s3.get_object_tagging(Bucket=buckets[1], Key=key)["TagSet"] == [{"Key": "t", "Value": "1"}]
        assert answer["CopyObjectResult"]["ETag"] == found["ETag"]
        assert answer["ResponseMetadata"]["HTTPHeaders"]["date"]


def test_a_version_is_copied_by_its_id_and_the_new_id_is_told(
    aws: Aws, buckets: tuple[str, str], legacy: Clients, fast: list[str]
) -> None:
    s3 = legacy("s3")
    for bucket in buckets:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=buckets[0], Key="k ü", Body=body)["VersionId"] for body in (b"1", b"22")]

    for version in ids:
        source = {"Bucket": buckets[0], "Key": "k ü", "VersionId": version}
        answer = send(aws, buckets, "k ü", CopySource=source)

    assert fast == ["k ü"]
    held = s3.list_object_versions(Bucket=buckets[1])["Versions"]
    assert [one["Size"] for one in held] == [2, 1]
    assert answer["VersionId"] == held[0]["VersionId"]


def test_a_refusal_is_the_same_as_botocores(aws: Aws, buckets: tuple[str, str], legacy: Clients) -> None:
    legacy("s3").put_object(Bucket=buckets[0], Key="k", Body=b"1")
    refused: list[tuple[Any, ...]] = []
    for warm in (False, True):
        if warm:
            send(aws, buckets, "k")
        with pytest.raises(NotSent) as caught:
            send(aws, buckets, "not there")
        refused.append((caught.value.sort, caught.value.code, bool(caught.value.said)))

    assert refused[0] == refused[1] == ("definite", "NoSuchKey", True)


@pytest.mark.parametrize(
    ("status", "code", "kind", "sort"),
    [
        (503, "SlowDown", NotSent, "transient"),
        (200, "SlowDown", NotSent, "transient"),
        (200, "InternalError", Unknown, None),
        (500, "InternalError", Unknown, None),
        (403, "ExpiredToken", NotSent, "auth"),
        (412, "PreconditionFailed", NotSent, "definite"),
    ],
)
def test_an_error_says_whether_it_may_have_been_written_also_behind_a_200(
    aws: Aws, buckets: tuple[str, str], legacy: Clients, status: int, code: str, kind: Any, sort: str | None
) -> None:
    legacy("s3").put_object(Bucket=buckets[0], Key="k", Body=b"1")
    send(aws, buckets, "k")
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    def answer(request: Any, **_: Any) -> Any:
        return SimpleNamespace(status_code=status, headers={}, content=body)

    client = aws.sessions.client(AccountId(LEGACY), "s3")
    client.meta.events.register_first("before-send.s3.CopyObject", answer)
    with pytest.raises(kind) as caught:
        send(aws, buckets, "k")

    assert caught.value.code == code
    assert getattr(caught.value, "sort", None) == sort


def test_the_guard_stops_a_copy_before_it_is_sent(
    aws: Aws, buckets: tuple[str, str], legacy: Clients, fast: list[str]
) -> None:
    s3 = legacy("s3")
    for key in ("k", "no"):
        s3.put_object(Bucket=buckets[0], Key=key, Body=b"1")
    send(aws, buckets, "k")
    named = {"Bucket": buckets[1], "Key": "no", "CopySource": {"Bucket": buckets[0], "Key": "no"}}

    def refuse(*_: Any) -> None:
        raise GuardError("the plan does not say so")

    with permitted(Permit(frozenset(), writes=refuse)), pytest.raises(GuardError, match="does not say so"):
        Writer(aws).send(AccountId(LEGACY), HOME, "s3.CopyObject", named)
    with pytest.raises(GuardError):
        Writer(aws).send(AccountId(LEGACY), HOME, "s3.CopyObject", named)

    assert fast == []
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=buckets[1])["Contents"]] == ["k"]


def test_what_is_unusual_goes_through_botocore(
    aws: Aws, buckets: tuple[str, str], legacy: Clients, fast: list[str]
) -> None:
    legacy("s3").put_object(Bucket=buckets[0], Key="k", Body=b"1")
    send(aws, buckets, "k")

    send(aws, buckets, "k", MetadataDirective="REPLACE", Metadata={"new": "one"})

    assert fast == []
    assert legacy("s3").head_object(Bucket=buckets[1], Key="k")["Metadata"] == {"new": "one"}
