"""Objects and answers that are not as they should be: the right thing, or one clear word about that key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.carry import listing, objects, one_object, same_object
from migrate.carry.manifest import Manifest
from migrate.carry.same_object import compare
from migrate.errors import FileError, StepFailed
from migrate.kinds.s3_bucket import actions
from tests.carry.fake_carrier import FakeCarrier
from tests.carry.test_objects import BUCKET, Sessions, carrier, history, two_buckets
from tests.carry.test_objects_faults import MIB, held, in_parts, proved

ODD_DATES = ("0", "-1", "never", "Thu, 01-Jan-2099 00:00:00 GMT")


def say(key: str, name: str, value: str) -> None:
    """Another header, of a sort that botocore would not send."""
    held("old", key)[0]._metadata[name] = value


@pytest.mark.parametrize("expires", [*ODD_DATES, "Thu, 01 Jan 2099 00:00:00 GMT"])
def test_an_expires_header_that_is_no_date_arrives_as_it_is(sessions: Sessions, expires: str) -> None:
    legacy, _, buckets = two_buckets(sessions)
    in_parts(legacy, "parts", (5 * MIB, 9))
    legacy.put_object(Bucket="old", Key="plain", Body=b"1")
    for key in ("parts", "plain"):
        say(key, "Expires", expires)

    objects.copy_all(carrier(sessions), buckets)

    proof = proved(sessions, buckets)
    assert proof.state == "equal", proof.differences
    assert ("-2" in held("new", "parts")[0].etag) == (expires not in ODD_DATES)


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [("Expires", "never", "its Expires header is no date: 'never'"), ("x-amz-meta-u", "ü", "other characters")],
)
def test_what_no_request_of_ours_can_say_is_that_keys_problem_and_the_rest_arrives(
    sessions: Sessions, header: str, value: str, said: str
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    for key in ("fine", "odd"):
        legacy.put_object(Bucket="old", Key=key, Body=b"1")
    say("odd", header, value)

    with pytest.raises(StepFailed, match=f"1 keys .* odd: it cannot be written anew as it is .*{said}"):
        objects.copy_all(carrier(sessions), replace(buckets, through=True))

    assert [key for key, _, _ in history(target, "new")] == ["fine"]


def test_metadata_that_no_request_shows_are_never_called_equal(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    missing = {"old": 2, "new": 2}
    head = same_object.head

    def shown(site: Any, bucket: str, *words: Any, **more: Any) -> Any:
        return {**(head(site, bucket, *words, **more) or {}), "MissingMeta": missing[bucket]}

    monkeypatch.setattr(same_object, "head", shown)
    assert proved(sessions, buckets).state == "could not be proved"
    missing["new"] = 1
    assert proved(sessions, buckets).differences == ("k: metadata that no request shows differ in number",)
    assert "2 entries" in one_object._unsayable({"MissingMeta": 2})


class Broken(Exception):
    """What reading a body raises where the connection ends within it."""

    code = "IncompleteReadError"


def breaking(site: Any, times: int) -> None:
    """The next bodies of this site break off."""
    left = [times]

    def cut(method: Callable[..., Any]) -> Callable[..., Any]:
        def send(operation: str, **params: Any) -> Any:
            answer = method(operation, **params)
            if operation == "s3.GetObject" and left[0] > 0:
                left[0] -= 1

                def read(*_: Any) -> bytes:
                    raise Broken

                answer["Body"] = SimpleNamespace(read=read)
            return answer

        return send

    site.call = cut(site.call)


@pytest.mark.parametrize(("times", "equal"), [(2, True), (3, False)])
def test_bytes_that_break_off_are_read_again_and_in_the_end_not_proved(
    sessions: Sessions, times: int, equal: bool
) -> None:
    legacy, _, buckets = two_buckets(sessions)
    in_parts(legacy, "k", (5 * MIB, 9))
    objects.copy_all(carrier(sessions), buckets)
    to = carrier(sessions)
    breaking(to.legacy, times)
    ((_, (one,)),) = listing.histories(to.legacy, "old", versioned=False)
    ((_, (other,)),) = listing.histories(to.target, "new", versioned=False)

    verdict = compare(to, buckets, one, other)

    assert verdict.equal == equal
    assert equal or verdict.unproved == "no checksum in common, and the bytes could not be read"


@pytest.mark.parametrize("size", [3, 6 * MIB])
def test_bytes_that_break_off_on_their_way_through_this_process_are_read_again(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(one_object, "THROUGH_BYTES", 5 * MIB)
    legacy, target, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"x" * size)
    to = carrier(sessions)
    breaking(to.legacy, 2)

    objects.copy_all(to, replace(buckets, through=True))

    assert history(target, "new") == [("k", False, "x" * size)]


def test_an_object_that_is_written_over_while_it_goes_through_this_process_waits_for_the_next_pass(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy, target, buckets = two_buckets(sessions)
    buckets = replace(buckets, through=True)
    legacy.put_object(Bucket="old", Key="k", Body=b"one", Metadata={"of": "one"})
    described = one_object._described

    def meanwhile(*words: Any) -> Any:
        said = described(*words)
        legacy.put_object(Bucket="old", Key="k", Body=b"two", Metadata={"of": "two"})
        return said

    with monkeypatch.context() as patch:
        patch.setattr(one_object, "_described", meanwhile)
        assert objects.copy_all(carrier(sessions), buckets)["vanished"] == 1
    assert history(target, "new") == []

    objects.copy_all(carrier(sessions), buckets)

    assert proved(sessions, buckets).state == "equal"


def test_parts_that_are_too_large_to_be_held_are_cut_anew(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_object, "MEMORY_BYTES", 6 * MIB)
    monkeypatch.setattr(one_object, "THROUGH_BYTES", 5 * MIB)
    legacy, _, buckets = two_buckets(sessions)
    buckets = replace(buckets, through=True)
    in_parts(legacy, "large", (7 * MIB, 9))
    in_parts(legacy, "small", (6 * MIB, 9))
    to = carrier(sessions)

    objects.copy_all(to, buckets)

    sizes = [(params["Key"], len(params["Body"])) for _, operation, params in to.writes if operation == "s3.UploadPart"]
    assert sorted(sizes) == [("large", 2 * MIB + 9), ("large", 5 * MIB), ("small", 9), ("small", 6 * MIB)]
    assert proved(sessions, buckets).state == "equal"


class Overwriting(FakeCarrier):
    """Legacy is written over once the first part was copied."""

    def write(self, operation: str, **params: Any) -> Any:  # type: ignore[override]
        if operation == "s3.UploadPartCopy" and params["PartNumber"] == 2:
            self.sessions["legacy"].client("s3").put_object(Bucket="old", Key="k", Body=b"small now")
            # The emulator does not ask. Source: s3.UploadPartCopy CopySourceIfMatch, botocore 1.44.5.
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "no"}}, "UploadPartCopy")
        return super().write(operation, **params)


def test_an_upload_whose_object_changed_meanwhile_is_not_left_behind(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    in_parts(legacy, "k", (5 * MIB, 5 * MIB, 9))
    made = carrier(sessions)
    to: Any = Overwriting(made.kind, made.action, made.place, sessions)
    to.legacy.map = lambda what, items: [what(item) for item in items]

    objects.copy_all(to, buckets)

    assert not target.list_multipart_uploads(Bucket="new").get("Uploads")
    objects.copy_all(carrier(sessions), buckets)
    assert history(target, "new") == [("k", False, "small now")]


class Pages:
    """A site that gives these answers, one after the other and the last one for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), list[dict[str, Any]]()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        assert len(self.asked) < 20, "it goes on for ever"
        self.asked.append(params)
        return dict(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def test_uploads_under_keys_that_xml_cannot_hold_are_listed() -> None:
    site: Any = Pages(
        {
            "EncodingType": "url", "IsTruncated": True, "NextKeyMarker": "a%01+b", "NextUploadIdMarker": "1",
            "Uploads": [{"Key": "a%01+b", "UploadId": "1"}],
        },
        {"EncodingType": "url", "Uploads": [{"Key": "c%2Bd", "UploadId": "2"}]},
    )  # fmt: skip

    assert list(listing.uploads(site, "old")) == [("a\x01 b", "1"), ("c+d", "2")]
    assert [asked["EncodingType"] for asked in site.asked] == ["url", "url"]
    assert (site.asked[1]["KeyMarker"], site.asked[1]["UploadIdMarker"]) == ("a\x01 b", "1")


def version(key: str, version_id: str) -> dict[str, Any]:
    return {"Key": key, "VersionId": version_id, "Size": 1, "ETag": '"e"'}


@pytest.mark.parametrize("marks", [{}, {"NextKeyMarker": "a", "NextVersionIdMarker": "1"}])
def test_a_listing_that_is_cut_off_is_refused_and_not_read_for_ever(marks: dict[str, str]) -> None:
    site: Any = Pages({"IsTruncated": True, "Versions": [version("a", "1")], **marks})

    with pytest.raises(StepFailed, match="is cut off, and does not say where it goes on"):
        list(listing.histories(site, "old", versioned=True))


def test_a_listing_without_order_is_refused() -> None:
    site: Any = Pages(
        {"IsTruncated": True, "Versions": [version("b", "1")], "NextKeyMarker": "b"},
        {"Versions": [version("a", "1")]},
    )

    with pytest.raises(StepFailed, match="not in key order: 'a' came after 'b'"):
        list(listing.histories(site, "old", versioned=True))


def test_a_manifest_that_is_damaged_in_its_middle_says_so(sessions: Sessions, tmp_path: Path) -> None:
    legacy, _, buckets = two_buckets(sessions)
    for number in range(40):
        legacy.put_object(Bucket="old", Key=f"{'fills/pages/' * 60}{number:05}", Body=b"")
    objects.copy_all(carrier(sessions), buckets)
    path = tmp_path / "222222222222-new.objects.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    assert len(whole) > 5 * 4096
    path.write_bytes(whole[: 3 * 4096] + b"\xff" * (len(whole) - 3 * 4096))

    with pytest.raises(FileError, match=r"new\.objects\.sqlite cannot be used: .*malformed") as refused:
        objects.copy_all(carrier(sessions), buckets)

    assert "restore it from a copy" in refused.value.do


def test_a_full_disk_says_to_make_room_and_the_next_run_goes_on(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy, _, buckets = two_buckets(sessions)
    for number in range(40):
        legacy.put_object(Bucket="old", Key=f"{'fills/pages/' * 60}{number:05}", Body=b"")
    made = Manifest.__init__

    def on_a_small_disk(self: Manifest, path: Path) -> None:
        made(self, path)
        self._db.execute("PRAGMA max_page_count = 8")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "__init__", on_a_small_disk)
        with pytest.raises(FileError, match="is full") as refused:
            objects.copy_all(carrier(sessions), buckets)
    assert "make room on its disk" in refused.value.do

    objects.copy_all(carrier(sessions), buckets)

    assert proved(sessions, buckets).state == "equal"


@pytest.mark.parametrize("action", ["copy_objects", "copy_delta"])
def test_what_only_a_proof_finds_is_mended_by_the_next_copy(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """AWS does not copy an object's redirect by itself, and outside a website nobody looks for one."""
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1", WebsiteRedirectLocation="/there")
    monkeypatch.setattr(actions, "both_buckets", lambda *_: buckets)
    carrying: Any = BUCKET.action(action)
    to = FakeCarrier(BUCKET, carrying, carrier(sessions).place, sessions)
    it: Any = None
    carrying.carry(it, to)
    held("new", "k")[0]._metadata.pop("x-amz-website-redirect-location")
    assert proved(sessions, buckets).differences == ("k: WebsiteRedirectLocation differs",)

    carrying.carry(it, to)

    assert proved(sessions, buckets).state == "equal"


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ("aws:kms", "AES256", "k: encrypted by aws:kms and by AES256: copy it onto itself"),
        ("aws:kms:dsse", "aws:kms", "k: encrypted by aws:kms:dsse and by aws:kms: copy it onto itself"),
        ("AES256", "aws:kms", ""),
    ],
)
def test_an_object_that_lies_less_closely_than_in_legacy_is_named(
    sessions: Sessions, there: str, here: str, said: str
) -> None:
    legacy, _, buckets = two_buckets(sessions)
    legacy.put_object(Bucket="old", Key="k", Body=b"1")
    objects.copy_all(carrier(sessions), buckets)
    held("old", "k")[0].encryption, held("new", "k")[0].encryption = there, here

    differences = proved(sessions, buckets).differences

    assert [one.startswith(said) for one in differences] == ([True] if said else [])


def test_a_key_that_would_write_on_the_terminal_is_spelt(sessions: Sessions) -> None:
    legacy, target, buckets = two_buckets(sessions)
    key = "a\nverified: all\u202e"
    for client, bucket in ((legacy, "old"), (target, "new")):
        client.put_object(Bucket=bucket, Key=key, Body=bucket.encode())

    with pytest.raises(StepFailed) as refused:
        objects.copy_all(carrier(sessions), buckets)

    said = (refused.value.what, *proved(sessions, buckets).differences)
    assert all("'a\\nverified: all\\u202e': " in one and one.isprintable() for one in said), said
