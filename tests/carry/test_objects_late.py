"""What a bucket took after its proof, by listings alone: every change is named, and nothing that did not is read."""

from typing import Any

import boto3
import pytest

from migrate.carry import objects, objects_late
from migrate.carry.objects_late import written_late
from tests.carry.test_objects import carrier, history, two_buckets

Sessions = dict[str, boto3.Session]


@pytest.mark.parametrize("versioned", [False, True])
def test_each_late_change_is_named_by_its_key_and_arrives(sessions: Sessions, versioned: bool) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for key in ("same", "over", "gone"):
        legacy.put_object(Bucket="old", Key=key, Body=key.encode())
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    assert written_late(to, buckets) == []

    legacy.put_object(Bucket="old", Key="new\n", Body=b"new")
    # As long as before: only the listing's ETag and time tell.
    legacy.put_object(Bucket="old", Key="over", Body=b"OVER")
    legacy.delete_object(Bucket="old", Key="gone")

    said = written_late(to, buckets)
    assert [line.partition(":")[0] for line in said] == ["gone", "'new\\n'", "over"]
    objects.copy_all(to, buckets)
    assert written_late(to, buckets) == []
    assert history(target, "new") == history(legacy, "old")


def test_what_is_listed_as_it_was_copied_is_not_read(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for number in range(5):
        legacy.put_object(Bucket="old", Key=str(number), Body=b"x")
    to = carrier(sessions)
    objects.copy_all(to, buckets)
    read: list[str] = []
    real = objects_late.compared

    def noticed(to: Any, buckets: Any, key: str, *both: Any) -> Any:
        read.append(key)
        return real(to, buckets, key, *both)

    monkeypatch.setattr(objects_late, "compared", noticed)
    target.put_object(Bucket="new", Key="3", Body=b"y")

    assert len(written_late(to, buckets)) == 1
    assert read == ["3"]


def test_many_late_keys_are_counted_and_the_first_named(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_late, "SHOWN", 2)
    legacy, _, buckets = two_buckets(sessions)
    for number in range(5):
        legacy.put_object(Bucket="old", Key=str(number), Body=b"x")

    said = written_late(carrier(sessions), buckets)

    assert said == ["0: missing in the target", "1: missing in the target", "and 3 more keys"]
