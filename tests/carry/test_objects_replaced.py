"""Versions that legacy writes over, loses or moves to another class after they were copied: nothing is lost for it."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migrate.carry import objects, objects_undo, one_object, prove_objects
from migrate.carry.manifest import Manifest
from migrate.carry.same_object import Buckets
from migrate.demo.strict import s3_versions
from migrate.errors import Conflict, StepFailed
from migrate.kind import Proof
from tests.carry.fake_carrier import ThreadedSite, stopped_after
from tests.carry.test_objects import Sessions, carrier, history, two_buckets
from tests.carry.test_objects_faults import held, proved


@pytest.fixture(autouse=True)
def suspending() -> None:
    """The embedded world's rule of suspended versioning, which the bare emulator does not have."""
    if not hasattr(suspending, "applied"):
        s3_versions.suspended_versions()
        suspending.applied = True  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator loses one of two deletions of a key's versions that come at the same moment."""
    monkeypatch.setattr(ThreadedSite, "map", lambda _, what, items: [what(item) for item in items])


def suspended(sessions: Sessions) -> tuple[Any, Any, Buckets]:
    """Two buckets with one old version; legacy's keeps no new ones."""
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    legacy.put_object(Bucket="old", Key="k", Body=b"first")
    legacy.put_bucket_versioning(Bucket="old", VersioningConfiguration={"Status": "Suspended"})
    return legacy, target, buckets


class Killed(BaseException):
    """The process ended."""


def copied_but_not_noted(sessions: Sessions, buckets: Buckets) -> None:
    """A pass that is killed after AWS's answers, before it wrote down any of them."""

    def end(*_: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "note", end)
        with pytest.raises(Killed):
            objects.copy_all(carrier(sessions), buckets)


def test_a_null_version_that_is_written_over_arrives_and_only_the_old_one_is_deleted(sessions: Sessions) -> None:
    legacy, target, buckets = suspended(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"null")
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object(Bucket="old", Key="k", Body=b"newest")

    counts = objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", False, "newest"), ("k", False, "first")]
    assert (counts["copied"], counts["deleted"]) == (1, 1)
    assert proved(sessions, buckets).state == "equal"
    assert objects.copy_all(carrier(sessions), buckets)["equal"] == 2


def test_a_null_version_that_is_deleted_becomes_a_marker(sessions: Sessions) -> None:
    legacy, target, buckets = suspended(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"null")
    objects.copy_all(carrier(sessions), buckets)
    legacy.delete_object(Bucket="old", Key="k")

    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", True, ""), ("k", False, "first")]
    assert proved(sessions, buckets).state == "equal"


@pytest.mark.parametrize("stops", range(1, 4))
def test_stopped_at_every_write_a_null_version_that_is_written_over_converges(sessions: Sessions, stops: int) -> None:
    legacy, target, buckets = suspended(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"null")
    objects.copy_all(carrier(sessions), buckets)
    for number in range(3):
        legacy.put_object(Bucket="old", Key="k", Body=f"newest {number}".encode())
        to = carrier(sessions)
        with stopped_after(to, stops - 1), pytest.MonkeyPatch.context() as patch:
            patch.setattr(objects, "LOST_WAITS_S", ())
            try:
                objects.copy_all(to, buckets)
            except ConnectionError:
                assert stops < 3

    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", False, "newest 2"), ("k", False, "first")]


@pytest.mark.parametrize("versioned", [False, True])
def test_what_was_copied_and_not_noted_is_ours_though_legacy_wrote_over_it(sessions: Sessions, versioned: bool) -> None:
    if versioned:
        legacy, target, buckets = suspended(sessions)
    else:
        legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"one")
    copied_but_not_noted(sessions, buckets)
    legacy.put_object(Bucket="old", Key="k", Body=b"another")
    objects.copy_all(carrier(sessions), buckets)

    first = [("k", False, "first")] if versioned else []
    assert history(target, "new") == [("k", False, "another"), *first]


def test_bytes_that_nobody_meant_stay_somebody_elses(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"one")
    copied_but_not_noted(sessions, buckets)
    legacy.put_object(Bucket="old", Key="k", Body=b"another")
    target.put_object(Bucket="new", Key="k", Body=b"foreign")

    with pytest.raises(StepFailed, match="the target's was not put there by this migration"):
        objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", False, "foreign")]


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("becomes", ["STANDARD_IA", "GLACIER"])
def test_a_storage_class_that_a_rule_of_legacy_changed_since_arrives_from_our_own_copy(
    sessions: Sessions, versioned: bool, becomes: str
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for body in ("1", "22", "333"):
        legacy.put_object(Bucket="old", Key="k", Body=body.encode(), Tagging="a=b", Metadata={"n": body})
    before = history(legacy, "old")
    objects.copy_all(carrier(sessions), buckets)
    held("old", "k")[-2 if versioned else 0].set_storage_class(becomes)

    to = carrier(sessions)
    objects.copy_all(to, buckets)

    assert [one.storage_class for one in held("new", "k")] == [one.storage_class for one in held("old", "k")]
    if becomes != "GLACIER":  # the emulator shows neither bytes nor tags of an archived object
        assert history(target, "new") == before
        assert proved(sessions, buckets).state == "equal"
        assert objects.copy_all(carrier(sessions), buckets)["copied"] == 0
    sources = {params["CopySource"]["Bucket"] for _, operation, params in to.writes if operation == "s3.CopyObject"}
    assert sources == {"new"}


def test_an_archived_version_that_cannot_be_copied_again_is_named_and_its_history_stays(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_object, "COPY_LIMIT_BYTES", 2)
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for body in (b"1", b"22", b"333"):
        legacy.put_object(Bucket="old", Key="k", Body=body)
    objects.copy_all(carrier(sessions), buckets)
    held("old", "k")[-1].set_storage_class("GLACIER")
    before = history(target, "new")

    with pytest.raises(StepFailed, match="k: storage class GLACIER and STANDARD"):
        objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == before


def test_a_history_that_somebody_wrote_behind_is_not_made_anew(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for body in (b"1", b"22"):
        legacy.put_object(Bucket="old", Key="k", Body=body)
    objects.copy_all(carrier(sessions), buckets)
    held("old", "k")[0].set_storage_class("STANDARD_IA")
    target.put_object(Bucket="new", Key="k", Body=b"foreign")
    before = history(target, "new")

    with pytest.raises(StepFailed, match="k: storage class STANDARD_IA and STANDARD"):
        objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == before


def test_a_version_that_somebody_took_out_of_the_middle_of_our_copy_comes_back_in_its_place(
    sessions: Sessions,
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for body in (b"1", b"22", b"333"):
        legacy.put_object(Bucket="old", Key="k", Body=body)
    objects.copy_all(carrier(sessions), buckets)
    target.delete_object(Bucket="new", Key="k", VersionId=held("new", "k")[1].version_id)

    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == history(legacy, "old")
    assert proved(sessions, buckets).state == "equal"


@pytest.mark.parametrize("writes", range(8))
@pytest.mark.parametrize("noted", [True, False])
def test_a_history_that_is_made_anew_converges_wherever_it_is_stopped(
    sessions: Sessions, writes: int, noted: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for body in ("1", "22", "333"):
        legacy.put_object(Bucket="old", Key="k", Body=body.encode())
    legacy.delete_object(Bucket="old", Key="k")
    objects.copy_all(carrier(sessions), buckets)
    held("old", "k")[0].set_storage_class("STANDARD_IA")
    to = carrier(sessions)
    with pytest.MonkeyPatch.context() as patch:
        if not noted:
            patch.setattr(Manifest, "note", lambda *_: None)
        with stopped_after(to, writes), pytest.raises(ConnectionError):
            objects.copy_all(to, buckets)

    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == history(legacy, "old")
    assert [one.storage_class for one in held("new", "k")[:3]] == ["STANDARD_IA", "STANDARD", "STANDARD"]
    assert proved(sessions, buckets).state == "equal"


def test_a_version_id_that_holds_the_word_null_is_kept_whole() -> None:
    answer = {"VersionId": "3HL4kqtJnullf40CpXVCBH"}

    assert one_object.made(answer).version_id == "3HL4kqtJnullf40CpXVCBH"
    assert one_object.made({"VersionId": "null"}).version_id == ""


def test_a_manifest_of_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE copied (key BLOB NOT NULL, version TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,"
            " modified REAL NOT NULL, target TEXT NOT NULL, target_etag TEXT NOT NULL, answered REAL NOT NULL,"
            " gone INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (key, version)) WITHOUT ROWID;"
            "INSERT INTO copied VALUES (CAST('k' AS BLOB), 'v', 'e', 1, 2.0, 't', 'f', 3.0, 0);"
        )
    old.close()

    for _ in range(2):
        with Manifest(path) as manifest:
            ((row,), intents) = manifest.known(["k"])["k"]
            assert (row.version, row.target, intents) == ("v", "t", [])


@pytest.mark.parametrize("versioned", [False, True])
def test_while_legacy_is_in_use_an_object_too_many_is_named_and_what_legacy_deleted_is_not(
    sessions: Sessions, versioned: bool, tmp_path: Path
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for key in ("deleted", "kept"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    for one in legacy.list_object_versions(Bucket="old", Prefix="deleted")["Versions"]:
        legacy.delete_object(Bucket="old", Key="deleted", VersionId=one["VersionId"])

    def proof() -> Proof:
        return prove_objects.prove_all(carrier(sessions), buckets, written_since=datetime.now(UTC) + timedelta(hours=1))

    assert (proof().state, proof().evidence["changed_since"]) == ("equal", 1)
    target.put_object(Bucket="new", Key="foreign", Body=b"1")
    assert proof().differences == ("foreign: only in the target, and this migration did not put it there",)
    (tmp_path / "222222222222-new.objects.sqlite").write_bytes(b"no database" * 1000)
    assert (proof().state, proof().evidence["unproved"]) == ("could not be proved", 2)


@pytest.mark.parametrize("may_lose", [False, True])
def test_what_is_written_while_a_rollback_empties_the_bucket_stays(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, may_lose: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("a", "b"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    to = carrier(sessions)

    def meanwhile(key: str, value: str) -> None:
        to.outputs[key] = value
        if value:
            time.sleep(1.1)  # S3 tells times in whole seconds
            target.put_object(Bucket="new", Key="b", Body=b"late")

    monkeypatch.setattr(to, "remember", meanwhile)
    if may_lose:
        assert objects_undo.take_away(to, buckets, may_lose=True) == 2
        return
    with pytest.raises(Conflict, match="1 keys that are not what was carried: b: written while"):
        objects_undo.take_away(to, buckets)

    assert history(target, "new") == [("b", False, "late")]
