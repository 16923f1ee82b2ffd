"""The envelope of every file: bound to its content, byte by byte."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from migrate import files, plan
from migrate.errors import FileError, FileMissing, MigrateError, StaleError, UsageError
from migrate.inventory import Gap
from tests.plans.toys import inputs, inventory, thing

THINGS = [
    thing("toy.queue", "orders-prod", {"Ünï": '☃ "quoted"'}),
    thing("toy.service", "web-prod", hard=("orders-prod",)),
]
GAP = Gap("cognito-idp:userpool", "eu-west-1", "tag.GetResources", "no kind", "no kind for it", "arn:x")


def small_plan(folder: Path) -> Path:
    path = plan.write(folder, inputs(THINGS[:1], move=[{"runbook": "all", "accounts": ["production"]}])).path
    assert path is not None
    return path


def small_inventory(folder: Path) -> Path:
    return files.write_inventory(folder, inventory(THINGS, [GAP])).path


def reader(path: Path) -> Any:
    return plan.read(path) if path.suffix == ".json" else files.read_inventory(path)


@pytest.mark.parametrize("made", [small_plan, small_inventory])
def test_every_changed_byte_is_noticed_and_never_ends_in_a_traceback(made: Any, tmp_path: Path) -> None:
    path = made(tmp_path)
    content = path.read_bytes()
    reader(path)
    for position, byte in enumerate(content):
        for other in {byte ^ 1, ord(" "), ord("0")} - {byte}:
            path.write_bytes(content[:position] + bytes([other]) + content[position + 1 :])
            with pytest.raises((StaleError, FileError)):
                reader(path)


@pytest.mark.parametrize("made", [small_plan, small_inventory])
def test_a_changed_byte_anywhere_ends_with_exit_code_4(made: Any, tmp_path: Path) -> None:
    path = made(tmp_path)
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(StaleError):
            reader(path)


@pytest.mark.parametrize("made", [small_plan, small_inventory])
def test_a_file_cut_anywhere_or_with_something_behind_it_is_refused(made: Any, tmp_path: Path) -> None:
    path = made(tmp_path)
    content = path.read_bytes()
    for end in [*range(0, len(content), 11), len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(StaleError):
            reader(path)
    for more in (b"\n", b" ", b"{}\n", b"\0"):
        path.write_bytes(content + more)
        with pytest.raises(StaleError):
            reader(path)


def test_a_doubled_key_is_refused_whichever_of_the_two_a_reader_would_take(tmp_path: Path) -> None:
    path = small_plan(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"migration": "toys"', '"migration": "other", "migration": "toys"', 1), encoding="utf-8"
    )
    with pytest.raises(StaleError):
        plan.read(path)


def test_lines_of_an_inventory_cannot_be_dropped_added_or_moved(tmp_path: Path) -> None:
    path = small_inventory(tmp_path)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    for other in (lines[:-1], [*lines, lines[0]], lines[::-1]):
        path.write_bytes(b"".join([head, *other]))
        with pytest.raises(StaleError):
            files.read_inventory(path)


def test_an_unknown_major_version_is_refused_with_the_version_it_is(tmp_path: Path) -> None:
    written = files.write(tmp_path, "plan.json", "migrate.plan/2", {"a": 1})
    with pytest.raises(FileError, match=r"migrate\.plan/2"):
        files.read(written.path, files.PLAN)


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    body = plan.make(inputs(THINGS))
    body = json.loads(json.dumps(body)) | {"later": 1}
    for line in body["steps"]:
        line["later"] = {"x": 1}
        line["requests"][0]["later"] = True
    body["gates"] = [gate | {"later": 2} for gate in body["gates"]]
    read = plan.read(files.write(tmp_path, "plan.json", files.PLAN, body).path)
    assert list(read.steps) == [line["id"] for line in body["steps"]]

    scanned = {"account": "111111111111", "regions": ["eu-west-1"], "kinds": ["toy.queue"], "later": 1}
    lines = [{"resource": THINGS[0].as_json() | {"later": 1}}, {"gap": GAP.as_json() | {"later": 1}}, {"later": 1}]
    written = files.write(tmp_path, "inventory.jsonl", files.INVENTORY, scanned, lines)
    found = files.read_inventory(written.path)[1]
    assert found.resources == (THINGS[0],)
    assert found.gaps == (GAP,)


def test_a_whole_file_that_holds_something_else_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    body: Any
    for body in ({}, [], 3, {"steps": 1}, {"steps": [{"ref": "x"}], "gates": []}):
        with pytest.raises(FileError, match="no plan"):
            plan.read(files.write(tmp_path, "plan.json", files.PLAN, body).path)
    whole = {"account": "111111111111", "regions": [], "kinds": []}
    line: Any
    for body, line in ((whole, {"resource": 1}), (whole, [1]), (whole, {"gap": {}}), ({}, {})):
        with pytest.raises(FileError, match="no inventory"):
            files.read_inventory(files.write(tmp_path, "inventory.jsonl", files.INVENTORY, body, [line]).path)


def test_the_same_content_has_the_same_digest_on_another_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "now_utc", lambda: datetime(2026, 3, 1, 9, 15, tzinfo=UTC))
    first = files.write_inventory(tmp_path, inventory(THINGS))
    monkeypatch.setattr(files, "now_utc", lambda: datetime(2027, 4, 2, 10, 16, tzinfo=UTC))
    second = files.write_inventory(tmp_path, inventory(reversed(THINGS)))
    assert first.digest == second.digest
    assert [first.path.name, second.path.name] == [
        f"20260301T091500Z.{first.digest[:8]}.inventory.jsonl", f"20270402T101600Z.{first.digest[:8]}.inventory.jsonl"
    ]  # fmt: skip


def test_an_inventory_comes_back_as_it_was(tmp_path: Path) -> None:
    given = inventory(THINGS, [GAP])
    assert files.read_inventory(files.write_inventory(tmp_path, given).path)[1] == given


def test_a_resource_that_a_scan_saw_twice_is_one() -> None:
    assert inventory([*THINGS, THINGS[0]]).resources == tuple(sorted(THINGS, key=lambda r: r.ref))


def test_nothing_half_written_is_ever_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.plan.json"
    files.put(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        files.put(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.put(tmp_path / "a.plan.json", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot be written"):
        files.put(tmp_path / "file" / "a.json", b"x")
    with pytest.raises(FileError, match="cannot be read"):
        files.read(tmp_path, files.PLAN)
    with pytest.raises(FileMissing, match="there is no file"):
        files.read(tmp_path / "absent.json", files.PLAN)


def test_the_newest_file_is_found_even_among_two_of_one_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "now_utc", lambda: datetime(2026, 3, 1, 9, 15, tzinfo=UTC))
    for number in range(6):
        path = files.write(tmp_path, "plan.json", files.PLAN, {"n": number}).path
        os.utime(path, ns=(number * 10**9, number * 10**9))
        assert files.latest(tmp_path, "plan.json") == path


def test_no_file_and_a_file_that_is_gone_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as none:
        files.latest(tmp_path, "plan.json")
    assert "migrate plan" in str(none.value)
    with pytest.raises(StaleError, match="no longer holds"):
        files.by_digest(tmp_path, "inventory.jsonl", "0" * 64)


def test_a_file_under_another_files_name_is_refused(tmp_path: Path) -> None:
    path = small_plan(tmp_path)
    stamp, _, what = path.name.split(".", 2)
    other = path.rename(path.with_name(f"{stamp}.00000000.{what}"))
    with pytest.raises(MigrateError):
        plan.read(other)
    free = other.rename(tmp_path / "mine.plan.json")
    assert plan.read(free).steps


def test_a_large_plan_is_laid_out_one_thing_a_line(tmp_path: Path) -> None:
    text = small_plan(tmp_path).read_text(encoding="utf-8")
    assert json.loads(text)["body"]["migration"] == "toys"
    assert max(map(len, text.splitlines())) < 400
    assert any(line.strip().startswith('"operation": "toy.Create"') for line in text.splitlines())
