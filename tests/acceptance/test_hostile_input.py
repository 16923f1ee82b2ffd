"""Broken files, broken configuration and folders nobody may enter: a line that says what and what to do, never a
traceback, and under --json one document on stdout, however the verb ends.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from migrate import cli, files
from migrate.cli import main
from migrate.inventory import Inventory, Resource
from migrate.names import AccountId, Ref, Region
from tests.crash.small import CONFIG

LEGACY, IRELAND = AccountId("111111111111"), Region("eu-west-1")
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "AKIADEMOLEGACY111111",
    "AWS_SECRET_ACCESS_KEY": "nobody", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip
READS_A_PLAN = (["review"], ["approve", "--by", "ann", "--reason", "read"], ["status"], ["run", "--engine", "local"],
                ["verify"], ["rollback", "--to", "0"])  # fmt: skip

BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "cut by one line": lambda whole: whole[: whole[:-1].rfind(b"\n") + 1],
    "binary": lambda whole: bytes(range(256)) * 64,
    "a list": lambda whole: b"[1, 2, 3]\n",
    "a number": lambda whole: b"7\n",
    "null": lambda whole: b"null\n",
    "a number of 5000 digits": lambda whole: b'{"schema": ' + b"9" * 5000 + b"}\n",
    "nested too deep": lambda whole: b"[" * 100_000 + b"\n",
    "another version": lambda whole: whole.replace(b"/1", b"/9", 1),
    "not text": lambda whole: whole.replace(b"schema", b"sch\xffma", 1),
    "half a character": lambda whole: whole.replace(b"schema", b"sch\\ud800ma", 1),
    "not a number": lambda whole: whole.replace(b'"body":', b'"body": NaN, "was":', 1),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an inventory, a plan and its approval."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "migration.yaml").write_text(CONFIG)
    url = f"https://sqs.{IRELAND}.amazonaws.com/{LEGACY}/jobs"
    none = dict.fromkeys(("kms_key", "kms_reuse_s", "policy", "redrive_policy", "redrive_allow_policy"))
    facts = {"url": url, "attributes": {"VisibilityTimeout": "45"}, **none}
    queue = Resource(
        Ref(LEGACY, IRELAND, "sqs.queue", "jobs"), f"arn:aws:sqs:{IRELAND}:{LEGACY}:jobs", {}, None, None, facts
    )
    files.write_inventory(folder, Inventory(LEGACY, (IRELAND,), ("sqs.queue",), (queue,)))
    for words in (["plan"], ["approve", "--by", "ann", "--reason", "it was read"]):
        code, out, err = typed(words[0], str(folder), *words[1:])
        assert code == 0, out + err
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(whole, tmp_path / "m")
    return tmp_path / "m"


def typed(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; nothing but exit codes may come out of it."""
    done = CliRunner(env=NOWHERE).invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.stdout, done.stderr


def refused(verb: str, folder: Path, *words: str) -> str:
    """The error of a command that must end with one, in words and as one JSON document."""
    code, out, err = typed(verb, str(folder), *words, "--json")
    assert code in (1, 4, 64), f"migrate {verb}: {code}: {out}{err}"
    document = json.loads(out)
    assert document["error"] not in ("Defect", None), err
    assert document["what"]
    assert document["do"] or document["error"] == "ConfigError"
    assert document["exit"] == code
    assert "Traceback" not in err
    assert "error: " in err
    return err


def newest(folder: Path, what: str) -> Path:
    return sorted(folder.glob(f"*.{what}"))[-1]


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_inventory_plan_or_approval_is_named_and_nothing_else_happens(folder: Path, how: str) -> None:
    for what, verbs in (
        ("approval.json", [["run", "--engine", "local"]]), ("plan.json", READS_A_PLAN), ("inventory.jsonl", [["plan"]]),
    ):  # fmt: skip
        path = newest(folder, what)
        kept = path.read_bytes()
        path.write_bytes(BROKEN[how](kept))
        for verb, *words in verbs:
            assert path.name in refused(verb, folder, *words), f"{verb} with the {what} {how}"
        path.write_bytes(kept)


WRONG = {
    "tabs": "schema: migrate.config/1\n\tmigration: x\n",
    "a key twice": CONFIG.replace("settle_s: 1", "settle_s: 1\nsettle_s: 2"),
    "a name that is not ASCII": CONFIG.replace("migration: small", "migration: größe"),
    "an account that is a number": CONFIG.replace('account: "111111111111"', "account: 111111111111"),
    "an account of eleven digits": CONFIG.replace('"111111111111"', '"11111111111"'),
    "a text for a list": CONFIG.replace("[eu-west-1]", "eu-west-1"),
    "a list for a map": CONFIG.replace("environments: {dev: development}", "environments: [dev]"),
    "an unknown key": CONFIG + "wavers: []\n",
    "an alias that is none": CONFIG.replace("to: development", "to: nowhere"),
    "a runbook that is none": CONFIG.replace("runbook: move-workload", "runbook: ../../etc/passwd"),
    "a huge number": CONFIG.replace("settle_s: 1", "settle_s: " + "9" * 400),
    "not a number": CONFIG.replace("settle_s: 1", "settle_s: .nan"),
    "nothing": "",
    "a list": "- a\n- b\n",
    "a number": "7\n",
    "a loop": "a: &a [*a]\n",
    "an object of Python": "!!python/object/apply:os.system ['true']\n",
    "two documents": CONFIG + "---\na: 1\n",
    "an open bracket": "a: [1, 2\n",
    "another version": CONFIG.replace("config/1", "config/2"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_migration_yaml_is_an_error_that_names_it(folder: Path, how: str) -> None:
    (folder / "migration.yaml").write_text(WRONG[how], encoding="utf-8")

    for verb in ("plan", "scan"):
        assert "migration.yaml" in refused(verb, folder) or "runbook" in how, how


def test_a_region_that_botocore_does_not_know_is_told_and_scanned_all_the_same(folder: Path) -> None:
    (folder / "migration.yaml").write_text(CONFIG.replace("[eu-west-1]", "[eu-west-11]"))

    code, _, err = typed("scan", str(folder))

    assert "botocore does not know the region eu-west-11, eu-west-1 is; whether it exists says migrate doctor" in err
    assert code == 1
    assert "127.0.0.1:9" in err, "it went on to ask"


def test_a_migration_yaml_that_is_not_text_is_an_error_that_names_it(folder: Path) -> None:
    for content in (b"\xff\xfe\x00", b"\x00" * 40, "name: \u0007".encode()):
        (folder / "migration.yaml").write_bytes(content)
        assert "migration.yaml" in refused("plan", folder)


def test_a_broken_journal_is_named(folder: Path) -> None:
    code, out, _ = typed("status", str(folder), "--json")
    assert (code, json.loads(out)["begun"]) == (0, False)
    run = folder / newest(folder, "plan.json").name.replace("plan.json", "run")
    run.mkdir()
    for content in (b"", b"nothing like it" * 100, b"SQLite format 3\0" + b"\xff" * 5000):
        (run / "journal.db").write_bytes(content)
        if content:
            assert "journal.db" in refused("status", folder)
        else:
            code, out, err = typed("status", str(folder), "--json")
            assert code == 0 or "journal.db" in err, err
            json.loads(out)


@contextmanager
def nobody() -> Iterator[None]:
    """Root may enter every folder: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_nobody_may_enter_or_write_to_is_named(folder: Path) -> None:
    with nobody():
        if not os.access(cli.__file__, os.R_OK, effective_ids=True):
            pytest.skip("the product lies where only root may read")
    with TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        place = Path(above) / "m"
        shutil.copytree(folder, place)
        for mode in (0o000, 0o500 if os.geteuid() else 0o555):
            place.chmod(mode)
            try:
                with nobody():
                    for verb, *words in (
                        ["plan"],
                        ["review"],
                        ["status"],
                        ["approve", "--by", "a", "--reason", "read"],
                    ):
                        code, out, err = typed(verb, str(place), *words, "--json")
                        assert code == 0 or str(place) in err, f"{verb} at {mode:o}: {err}"
                        assert json.loads(out).get("error") not in ("Defect",), err
                    assert "denied" in refused("plan", place).lower()
            finally:
                place.chmod(0o700)


GROUPS = [f"{group} {verb}" for group in ("org", "close", "remove") for verb in ("plan", "run")]
VERBS = ("doctor", "scan", "graph", "plan", "review", "approve", "run", "status", "outside", "quiet", "healthy",
         "people", "verify", "rollback", *GROUPS, "org apart", "remove left")  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_path_that_is_no_migrations_folder_is_named_with_those_that_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("empty").mkdir()
    Path("some.txt").write_text("a file")

    for path, said in (("nosuch", "there is no folder nosuch"), ("empty", "empty holds no migration.yaml")):
        code, out, err = typed(*verb.split(), path, "--json")

        told = json.loads(out)
        assert (code, told["exit"]) == (64, 64), err
        assert said in told["what"]
        assert told["do"] == f"name the folder that holds migration.yaml: m; or to begin one: migrate init {path}"
        assert err.count("error: ") == 1
    code, out, err = typed(*verb.split(), "some.txt", "--json")
    assert (code, json.loads(out)["error"]) == (64, "UsageError"), err
    assert "some.txt" in err
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "m", "some.txt"], "nothing was made on the way"
    assert list(Path("empty").iterdir()) == []


def test_the_folder_in_which_one_stands_is_named_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    code, _, err = typed("run", "nosuch")
    assert code == 64
    assert "do: name the folder that holds migration.yaml: .; or to begin one: migrate init nosuch" in err
    monkeypatch.chdir(folder.parent.parent.parent.parent)
    monkeypatch.setattr("migrate.migration._near", lambda _: [])
    assert "do: migrate init nosuch" in typed("run", "nosuch")[2]


@pytest.mark.parametrize(
    "words",
    [
        ["diff", "a.plan.json", "b.plan.json"], ["diff", "a.inventory.jsonl", "b.inventory.jsonl"],
        ["diff", "a.inventory.jsonl"], ["plan", "m", "--inventory", "a.inventory.jsonl"],
        ["review", "m", "--plan", "a.plan.json"], ["run", "m", "--plan", "a.plan.json"],
    ],
)  # fmt: skip
def test_a_file_that_is_not_there_is_a_matter_of_usage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(folder.parent)

    code, out, err = typed(*words, "--json")

    assert code == 64, err
    assert json.loads(out)["what"] == f"there is no file {next(word for word in words if word.startswith('a.'))}"


@pytest.mark.parametrize(
    "words",
    [
        ["explain"], ["explain", "R2"], ["explain", "sqs.queue"], ["schema"], ["schema", "runbook"], ["version"],
        ["policy"], ["completion", "bash"], ["plan", "."], ["review", "."], ["review", ".", "--markdown"],
        ["graph", "."], ["graph", ".", "--as", "svg"], ["graph", ".", "--as", "html"], ["graph", ".", "--as", "dot"],
        ["graph", ".", "-o", "graph.txt"], ["status", "."], ["init", "new", "--defaults"], ["demo", "status"],
        ["approve", ".", "--by", "ann", "--reason", "read again"],
    ],
)  # fmt: skip
def test_a_verb_that_ends_well_gives_one_json_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(folder)

    code, out, err = typed(*words, "--json")

    assert code == 0, err
    assert json.loads(out) is not None


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "nonsense"], ["init", "."], ["run", "--workers", "0"], ["rollback", ".", "--step", "nobody"],
        ["nonsense"], ["--nonsense"], ["diff", "a.plan.json", "b.plan.json"], ["diff", "a.plan.json"],
        ["graph", ".", "--why", "a", "b"], ["approve", ".", "--gate", "nobody"], ["scan", ".", "--account", "nobody"],
        ["doctor", "."], ["scan", "."], ["plan", ".", "--inventory", "nobody"], ["run", ".", "--plan", "nobody"],
    ],
)  # fmt: skip
def test_a_verb_that_fails_gives_one_json_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """The endpoint is one that nobody answers at."""
    monkeypatch.chdir(folder)

    code, out, err = typed(*words, "--json")

    document: Any = json.loads(out)
    assert code in (1, 4, 64), err
    assert "Traceback" not in err
    if words[0] != "doctor":
        assert document["exit"] == code
        assert document["error"] != "Defect", err


@pytest.mark.parametrize(
    "words", [["nonsense"], ["status", "missing"], ["plan", ".", "--inventory", "nobody"], ["scan"]]
)
def test_a_shell_sees_no_traceback_and_one_json_document(folder: Path, words: list[str]) -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "migrate", *words, "--json"],
        cwd=folder, env=inherited | NOWHERE, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert json.loads(done.stdout)["exit"] == done.returncode
    assert done.returncode in (1, 64)
    assert "Traceback" not in done.stderr
    assert done.stderr
