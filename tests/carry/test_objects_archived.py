"""Archived objects are restored where migration.yaml wants it, once, and copied when AWS is done."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from migrate.carry import objects
from migrate.errors import StepFailed
from tests.carry.test_objects import Sessions, carrier, two_buckets


def test_archived_objects_are_restored_where_migration_yaml_wants_it_and_waited_for(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key, sort in (("cold", "GLACIER"), ("colder", "DEEP_ARCHIVE"), ("warm", "STANDARD")):
        legacy.put_object(Bucket="old", Key=key, Body=key.encode(), StorageClass=sort)
    to, seen = carrier(sessions), []
    to.pause = lambda seconds: seen.append((seconds, [key for key, _, _ in listed(target)]))
    buckets = replace(buckets, restore="Bulk")

    counts = objects.copy_all(to, buckets)

    assert seen[0] == (objects.RESTORE_POLL_S, ["warm"])
    asked = [(side, params) for side, operation, params in to.writes if operation == "s3.RestoreObject"]
    assert {side for side, _ in asked} == {"legacy"}
    assert [params["RestoreRequest"] for _, params in asked] == [
        {"Days": 7, "GlacierJobParameters": {"Tier": "Bulk"}}
    ] * 2
    assert (counts["restored"], counts["restored_bytes"], counts["archived"]) == (2, 10, 0)
    assert listed(target) == [("cold", "GLACIER", 4), ("colder", "DEEP_ARCHIVE", 6), ("warm", "STANDARD", 4)]


def test_an_object_that_is_being_restored_is_not_asked_for_twice(sessions: Sessions) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="cold", Body=b"1", StorageClass="GLACIER")
    to = carrier(sessions)

    class Killed(Exception):
        pass

    def killed(_: float) -> None:
        raise Killed

    to.pause = killed
    for _ in range(2):
        with suppress(Killed):
            objects.copy_all(to, replace(buckets, restore="Standard"))

    assert [operation for _, operation, _ in to.writes].count("s3.RestoreObject") == 1


def test_a_problem_beside_archived_objects_is_said_before_the_long_wait(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="cold", Body=b"1", StorageClass="GLACIER")
    target.put_object(Bucket="new", Key="foreign", Body=b"1")
    to = carrier(sessions)
    to.pause = lambda _: pytest.fail("it waited")

    with pytest.raises(StepFailed, match="foreign: only in the target"):
        objects.copy_all(to, replace(buckets, restore="Standard"))


def listed(client: Any) -> list[tuple[str, str, int]]:
    """Key, storage class and size of what the new bucket holds."""
    return [
        (one["Key"], one["StorageClass"], one["Size"])
        for one in client.list_objects_v2(Bucket="new").get("Contents", ())
    ]
