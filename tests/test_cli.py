"""The command line itself: it answers at once, and tells errors in one way."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import start
from migrate.cli import main
from tests.crash.story import Said


def migrate(*words: str) -> Said:
    """Type a command in this process."""
    ended = CliRunner().invoke(main, list(words))
    return Said(ended.exit_code, ended.stdout, ended.stderr)


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_help_and_version_import_nothing_heavy(word: str) -> None:
    assert start.heavy(word) == []


def test_help_takes_less_cpu_than_a_blink() -> None:
    assert start.cpu_ms("--help") < start.GOAL_MS


def test_an_error_under_json_is_json_on_stdout(tmp_path: Path) -> None:
    done = migrate("plan", "--json", str(tmp_path))

    assert json.loads(done.out)["exit"] == done.code


def test_init_writes_a_configuration_that_loads_and_never_over_one(tmp_path: Path) -> None:
    words = (
        "init",
        str(tmp_path / "m"),
        "--defaults",
        "--legacy",
        "111111111111",
        "--target",
        "production=222222222222",
    )

    first, second = migrate(*words), migrate(*words)

    assert first.code == 0
    assert "production" in (tmp_path / "m" / "migration.yaml").read_text()
    assert second.code == 64
    assert "is there already" in second.err


def test_explain_knows_every_kind_and_its_actions() -> None:
    listed = json.loads(migrate("explain", "--json").out)["kinds"]

    assert "ec2.vpc" in listed
    assert "phase build" in migrate("explain", "ec2.vpc.create").out


def test_the_scan_policy_only_reads() -> None:
    policy = json.loads(migrate("policy").out)

    actions = policy["Statement"][0]["Action"]
    assert "ec2:DescribeVpcs" in actions
    assert "es:DescribeDomain" in actions, "what a listing does not show of the size of a store is read too"
    writing = ("Create", "Delete", "Put", "Update", "Modify", "Start", "Stop")
    assert [action for action in actions if action.partition(":")[2].startswith(writing)] == []


def test_the_scan_policy_fits_into_a_role_and_says_where_it_does_not() -> None:
    told = migrate("policy", "--for", "scan")
    document = json.loads(told.out)
    size = len(json.dumps(document, separators=(",", ":")))
    assert size <= 10_240
    assert (size > 6_144) == ("more than a managed policy takes" in told.err)
    # As IAM spells them, not as botocore does.
    prefixes = {action.partition(":")[0] for action in document["Statement"][0]["Action"]}
    assert prefixes.isdisjoint({"elb", "elbv2", "emr", "efs", "opensearch", "stepfunctions", "apigatewayv2"})
    assert {"elasticloadbalancing", "elasticmapreduce", "aoss", "aws-marketplace", "states"} <= prefixes
