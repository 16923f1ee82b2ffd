"""runbooks/*.yaml: what may stand in them."""

from pathlib import Path

import pytest

from migrate import runbook
from migrate.errors import ConfigError
from migrate.runbook import Ask, Do, Runbook, load, parse
from migrate.yaml_files import read_yaml
from tests.plans.toys import ACTIONS

GOOD = """\
schema: migrate.runbook/1
name: mine
about: of ours
steps:
  - {id: roles, do: toy.role.create, timeout: 90s}
  - id: rest
    do: [all.build, toy.service.stop_legacy]
  - {id: told, ask: "Is everyone told?", approvers: 2, within: 2h}
  - {id: end, do: all.cutover}
"""


def read(folder: Path, text: str) -> Runbook:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return parse(read_yaml(path), path, ACTIONS)


def test_a_whole_runbook_is_read_with_its_lines(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).lines == (
        Do("roles", ("toy.role.create",), 90, 5),
        Do("rest", ("all.build", "toy.service.stop_legacy"), None, 6),
        Ask("told", "Is everyone told?", 2, 7200, 8),
        Do("end", ("all.cutover",), None, 9),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("runbook/1", "runbook/2", 1, "schema", "migrate.runbook/1"),
        ("name: mine", "name: other", 2, "name", "the file's own name"),
        ("about: of ours", "about: 2026-01-01", 3, "about", "text"),
        ("about:", "abuot:", 3, "abuot", "not a field"),
        ("do: toy.role.create", "do: toy.role.craete", 5, "steps.0.do", "no action 'toy.role.craete'"),
        ("do: toy.role.create", "do: all.everything", 5, "steps.0.do", "no action"),
        ("do: toy.role.create", "do: []", 5, "steps.0.do", "must be"),
        ("do: toy.role.create", "do: null", 5, "steps.0.do", "must be"),
        ("do: toy.role.create", "do: 5", 5, "steps.0.do", "must be"),
        ("do: toy.role.create", "do: {a: b}", 5, "steps.0.do", "must be"),
        ("do: toy.role.create", "do: [{a: b}]", 5, "steps.0.do", "must be"),
        ("timeout: 90s", "timeout: 90", 5, "steps.0.timeout", "not a duration"),
        ("timeout: 90s", "timeout: 0s", 5, "steps.0.timeout", "not a duration"),
        ("timeout: 90s", "approvers: 2", 5, "steps.0.approvers", "not a field here"),
        ("id: roles", "id: Roles!", 5, "steps.0.id", "lower-case"),
        ("{id: roles, do", "{do", 5, "steps.0.id", "missing"),
        ("id: end", "id: roles", 9, "steps.3.id", "taken"),
        ("approvers: 2", "approvers: 0", 8, "steps.2.approvers", "at least 1"),
        ("approvers: 2", "approvers: true", 8, "steps.2.approvers", "at least 1"),
        ('ask: "Is everyone told?"', "ask: ''", 8, "steps.2.ask", "question"),
        ('ask: "Is everyone told?"', "ask: [1]", 8, "steps.2.ask", "question"),
        ('ask: "Is everyone told?"', "ask: x, do: all.build", 8, "steps.2", "either"),
        ("within: 2h", "within: soon", 8, "steps.2.within", "not a duration"),
        ("  - {id: end, do: all.cutover}", "  - end", 9, "steps.3", "either"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert f"mine.yaml, line {line}: {field}: " in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "a: 1", "schema: migrate.runbook/1", "schema: migrate.runbook/1\nsteps: []"]
)
def test_a_file_that_is_no_runbook_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        read(tmp_path, text)


def test_a_mistyped_action_is_told_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, GOOD.replace("toy.role.create", "toy.role.make"))
    assert "toy.role.allow" in error.value.do


def test_the_digest_follows_what_is_said_and_not_how(tmp_path: Path) -> None:
    first = read(tmp_path, GOOD)
    assert read(tmp_path, "# a comment\n" + GOOD).digest == first.digest
    assert read(tmp_path, GOOD.replace("approvers: 2", "approvers: 3")).digest != first.digest


def test_a_teams_own_runbook_goes_before_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped"
    for folder, question in ((shipped, "shipped?"), (tmp_path / "runbooks", "own?")):
        folder.mkdir()
        (folder / "mine.yaml").write_text(GOOD.replace("Is everyone told?", question), encoding="utf-8")
    monkeypatch.setattr(runbook, "shipped", lambda: shipped)
    assert "own?" in str(load("mine", tmp_path, ACTIONS).lines)
    (tmp_path / "runbooks" / "mine.yaml").unlink()
    assert "shipped?" in str(load("mine", tmp_path, ACTIONS).lines)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "mine.yaml", "absent"])
def test_a_name_that_is_no_runbooks_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(name, tmp_path, ACTIONS)
    assert error.value.do


def test_the_runbook_for_replicated_databases_asks_before_the_reboot_and_two_people_before_the_cut_over() -> None:
    path = runbook.shipped() / "move-workload-replicated.yaml"
    reboot = "rds.instance.enable_replication"

    named = {reboot, "route53.record_set.expire", "bridge.peering.close", "rds.instance.end_way_back"}
    named |= {one.replace("instance", "cluster") for one in named if one.startswith("rds.")}
    lines = parse(read_yaml(path), path, frozenset(named)).lines

    does = [line.actions[0] if isinstance(line, Do) else f"ask {line.approvers}" for line in lines]
    assert does[:3] == ["ask 1", reboot, "all.build"]
    assert does[4:9] == ["ask 1", "all.freeze", "all.data", "ask 2", "all.cutover"]
    before_the_cutover = lines[7]
    assert isinstance(before_the_cutover, Ask)
    assert "a rollback loses what was written there" in before_the_cutover.question
    assert does[9:11] == ["ask 1", "rds.instance.end_way_back"]
    asks = lines[9]
    assert isinstance(asks, Ask)
    assert asks.before == "end_way_back", "nobody is asked where no database has a way back"


def test_the_runbook_for_dms_stops_for_the_person_between_build_and_freeze_and_before_the_rows_are_proved() -> None:
    path = runbook.shipped() / "move-workload-dms.yaml"
    own = ["load_by_dms", "catch_up_by_dms", "end_way_back", "enable_replication"]
    named = {"route53.record_set.expire", "bridge.peering.close", *(f"rds.instance.{one}" for one in own)}
    named.add("rds.cluster.end_way_back")

    does = [line.actions[0] for line in parse(read_yaml(path), path, frozenset(named)).lines if isinstance(line, Do)]

    order = ["all.build", "rds.instance.load_by_dms", "all.freeze", "rds.instance.catch_up_by_dms", "all.data"]
    assert [one for one in does if one in order] == order
