"""What this migration put into a bucket is known: after a kill, when legacy deletes, and when others write there."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from migrate.carry import objects, objects_undo, prove_objects
from migrate.carry.manifest import Manifest
from migrate.carry.same_object import Buckets
from migrate.carrying import StepCarrier
from migrate.errors import Conflict, Lost, StepFailed
from tests.carry.fake_carrier import FakeCarrier, stopped_after
from tests.carry.test_objects import Sessions, carrier, history, two_buckets


def proved(sessions: Sessions, buckets: Buckets) -> Any:
    return prove_objects.prove_all(carrier(sessions), buckets, written_since=None)


def test_what_legacy_deleted_since_it_was_copied_is_deleted_in_the_target(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("goes", "stays"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    legacy.delete_object(Bucket="old", Key="goes")

    to = carrier(sessions)
    counts = objects.copy_all(to, buckets)

    assert counts["deleted"] == 1
    assert [key for key, _, _ in history(target, "new")] == ["stays"]
    assert [(operation, params["Key"]) for _, operation, params in to.writes] == [("s3.DeleteObject", "goes")]
    assert proved(sessions, buckets).state == "equal"


@pytest.mark.parametrize("body", [b"somebody's", b"1"])
def test_what_somebody_wrote_in_the_target_is_a_conflict_by_name_and_stays(sessions: Sessions, body: bytes) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    legacy.delete_object(Bucket="old", Key="k")
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    target.put_object(Bucket="new", Key="k", Body=body)
    from moto.s3.models import s3_backends

    s3_backends["222222222222"]["aws"].get_object("new", "k").last_modified = later.replace(tzinfo=None)

    with pytest.raises(StepFailed, match="k: only in the target, and this migration did not put it there"):
        objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", False, body.decode())]


def test_nothing_is_written_over_that_this_migration_did_not_put_there(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"legacy's")
    target.put_object(Bucket="new", Key="k", Body=b"somebody's")

    with pytest.raises(StepFailed, match="k: size 8 and 10 bytes; the target's was not put there by this migration"):
        objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == [("k", False, "somebody's")]


@pytest.mark.parametrize("versioned", [False, True])
def test_a_process_that_died_before_it_noted_a_copy_knows_it_for_its_own_afterwards(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    legacy.put_object(Bucket="old", Key="gone", Body=b"1")
    legacy.put_object(Bucket="old", Key="same", Body=b"22")
    with monkeypatch.context() as dying:
        dying.setattr(Manifest, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            objects.copy_all(carrier(sessions), buckets)
    assert len(history(target, "new")) == 2

    again = carrier(sessions)
    objects.copy_all(again, buckets)
    assert again.writes == []
    legacy.delete_object(Bucket="old", Key="gone")
    legacy.put_object(Bucket="old", Key="same", Body=b"333")
    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == history(legacy, "old")


def test_a_deletion_right_after_such_a_death_is_carried_too(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    with monkeypatch.context() as dying:
        dying.setattr(Manifest, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            objects.copy_all(carrier(sessions), buckets)
    legacy.delete_object(Bucket="old", Key="k")

    objects.copy_all(carrier(sessions), buckets)

    assert history(target, "new") == []


def test_a_copy_stopped_at_every_write_converges_and_doubles_nothing(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for number in range(6):
        for body in (b"1", b"22"):
            legacy.put_object(Bucket="old", Key=f"k{number}", Body=body)
        legacy.delete_object(Bucket="old", Key=f"k{number}")
    stops = 0
    to = carrier(sessions)
    while True:
        try:
            with stopped_after(to, 1):
                objects.copy_all(to, buckets)
            break
        except ConnectionError:
            stops += 1

    assert stops >= 5
    assert history(target, "new") == history(legacy, "old")
    assert proved(sessions, buckets).state == "equal"


def test_a_version_that_legacy_lost_for_good_is_lost_in_the_target_too(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    ids = [legacy.put_object(Bucket="old", Key="k", Body=body)["VersionId"] for body in (b"1", b"22", b"333")]
    objects.copy_all(carrier(sessions), buckets)
    legacy.delete_object(Bucket="old", Key="k", VersionId=ids[0])
    legacy.put_object(Bucket="old", Key="k", Body=b"4444")

    counts = objects.copy_all(carrier(sessions), buckets)

    assert (counts["deleted"], counts["copied"]) == (1, 1)
    assert history(target, "new") == history(legacy, "old")


def test_tags_that_changed_in_legacy_are_changed_in_the_copy_and_no_second_version_is_made(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=True)
    for key in ("a", "b", "c"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1", Tagging="x=1")
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object_tagging(Bucket="old", Key="a", Tagging={"TagSet": [{"Key": "x", "Value": "2"}]})
    legacy.delete_object_tagging(Bucket="old", Key="b")

    counts = objects.copy_all(carrier(sessions), buckets)

    assert (counts["retagged"], counts["copied"]) == (2, 0)
    assert len(history(target, "new")) == 3
    assert proved(sessions, buckets).state == "equal"


def test_where_legacy_lost_most_of_what_was_copied_nothing_is_deleted(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "FEW_GONE", 2)
    legacy, target, buckets = two_buckets(sessions)
    for number in range(5):
        legacy.put_object(Bucket="old", Key=f"k{number}", Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    for number in range(3):
        legacy.delete_object(Bucket="old", Key=f"k{number}")

    with pytest.raises(StepFailed, match="lost 3 of the 5 objects that were copied: nothing was deleted"):
        objects.copy_all(carrier(sessions), buckets)

    assert len(history(target, "new")) == 5


@pytest.mark.parametrize("versioned", [False, True])
def test_a_rollback_takes_our_copies_away_though_legacy_has_been_written_to_since(
    sessions: Sessions, versioned: bool
) -> None:
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    ids = [legacy.put_object(Bucket="old", Key=key, Body=b"1").get("VersionId") for key in ("changed", "deleted")]
    objects.copy_all(carrier(sessions), buckets)
    legacy.put_object(Bucket="old", Key="changed", Body=b"22")
    legacy.delete_object(Bucket="old", Key="deleted", **({"VersionId": ids[1]} if versioned else {}))

    assert objects_undo.take_away(carrier(sessions), buckets) == 2

    assert history(target, "new") == []


def test_a_rollback_still_stops_at_our_copy_that_somebody_tagged(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    target.put_object_tagging(Bucket="new", Key="k", Tagging={"TagSet": [{"Key": "mine", "Value": "1"}]})

    with pytest.raises(Conflict, match="k: tags differ"):
        objects_undo.take_away(carrier(sessions), buckets)

    assert len(history(target, "new")) == 1


def test_a_new_plan_has_a_new_run_and_still_knows_what_was_put_there(tmp_path: Path) -> None:
    def notebook(run: str) -> Path:
        to: Any = object.__new__(StepCarrier)
        to.ground = SimpleNamespace(journal=SimpleNamespace(path=tmp_path / run / "journal.db"))
        found: Path = to.notebook("222222222222-new.objects.sqlite")
        return found

    assert notebook("20261101T000000Z.aaaaaaaa.run") == notebook("20261102T000000Z.bbbbbbbb.run")
    assert notebook("20261101T000000Z.aaaaaaaa.run").parent.parent == tmp_path
    assert notebook("20261101T000000Z.aaaaaaaa.run").parent.is_dir()


class Forgetful(FakeCarrier):
    """Some answers never come, though the write was done, or was not."""

    unanswered: ClassVar[dict[str, list[bool]]] = {}
    """Key → for each time, whether the write is done nevertheless."""

    def write(self, operation: str, **params: Any) -> Any:  # type: ignore[override]
        times = self.unanswered.get(params.get("Key", ""), [])
        if not times:
            return super().write(operation, **params)
        if times.pop(0):
            super().write(operation, **params)
        raise Lost("no answer came")


@pytest.mark.parametrize("versioned", [False, True])
def test_a_lost_answer_is_looked_after_at_its_key_and_nothing_is_written_twice(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    monkeypatch.setattr(objects, "LOST_WAITS_S", (0.0, 0.0, 0.0))
    legacy, target, buckets = two_buckets(sessions, versioned=versioned)
    for key in ("done", "never", "prefix", "prefix/more", "twice"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    Forgetful.unanswered = {"done": [True], "never": [False], "prefix": [True], "twice": [False, True]}
    made = carrier(sessions)
    to: Any = Forgetful(made.kind, made.action, made.place, sessions)

    counts = objects.copy_all(to, buckets)

    assert history(target, "new") == history(legacy, "old")
    assert sorted(params["Key"] for _, _, params in to.writes) == ["done", "never", "prefix", "prefix/more", "twice"]
    assert counts["copied"] + counts["equal"] == 5
    legacy.delete_object(Bucket="old", Key="done")
    objects.copy_all(carrier(sessions), buckets)
    assert history(target, "new") == history(legacy, "old")


def test_answers_that_stay_lost_end_the_pass(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "LOST_WAITS_S", (0.0,))
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    Forgetful.unanswered = {"k": [False] * 9}
    made = carrier(sessions)

    with pytest.raises(Lost):
        objects.copy_all(Forgetful(made.kind, made.action, made.place, sessions), buckets)


class Counted:
    """A bucket of so many keys that nobody holds: each page is made when it is asked for."""

    account, region = "111111111111", "eu-west-1"

    def __init__(self, count: int, *, copied: set[str] | None = None) -> None:
        self.count = count

    def call(self, operation: str, **params: Any) -> Any:
        return {}

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        for number in range(self.count if operation == "s3.ListObjectsV2" else 0):
            yield {"Key": f"some/longer/prefix/{number:09}", "Size": 1, "ETag": '"0cc175b9c0f1b6a831c399e269772661"'}

    def optional(self, operation: str, **params: Any) -> Any:
        return {"TagSet": []} if operation == "s3.GetObjectTagging" else {"ContentLength": 1}

    def map(self, what: Any, items: Any) -> list[Any]:
        return [what(item) for item in items]


class CountedCarrier:
    """Copies into nothing."""

    class place:  # noqa: N801
        account = "222222222222"

    def __init__(self, legacy: int, target: int, folder: Path) -> None:
        self.legacy, self.target, self.folder = Counted(legacy), Counted(target), folder
        self.sent = 0
        self.outputs: dict[str, str] = {}

    def notebook(self, name: str) -> Path:
        return self.folder / name

    def write(self, operation: str, **params: Any) -> Any:
        self.sent += 1
        return {"CopyObjectResult": {"ETag": '"0cc175b9c0f1b6a831c399e269772661"'}}


def peak_bytes(count: int, folder: Path) -> int:
    """The most memory that a first copy, a pass over what is copied, and a proof take for so many keys."""
    folder.mkdir()
    buckets = Buckets("old", "new", versioned=False)
    tracemalloc.start()
    try:
        first: Any = CountedCarrier(count, 0, folder)
        assert objects.copy_all(first, buckets)["copied"] == count
        assert first.sent == count
        second: Any = CountedCarrier(count, count, folder)
        assert objects.copy_all(second, buckets)["equal"] == count
        assert second.sent == 0
        assert prove_objects.prove_all(second, buckets, written_since=None).evidence["keys"] == count
        third: Any = CountedCarrier(count, 0, folder)
        proof = prove_objects.prove_all(third, buckets, written_since=None)
        assert proof.evidence["different"] == count
        assert len(proof.differences) == prove_objects.SHOWN + 1
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (objects, prove_objects):
        monkeypatch.setattr(module, "BATCH", 100)
    small, large = peak_bytes(1_000, tmp_path / "small"), peak_bytes(5_000, tmp_path / "large")

    assert large < 1.25 * small, f"{small} bytes for 1,000 keys, {large} for 5,000"
