"""The command line itself: it answers at once, and tells errors in one way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import start


def migrate(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    return subprocess.run([sys.executable, "-m", "migrate", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_help_and_version_import_nothing_heavy(word: str) -> None:
    assert start.heavy(word) == []


def test_help_takes_less_cpu_than_a_blink() -> None:
    assert start.cpu_ms("--help") < start.GOAL_MS


@pytest.mark.parametrize(
    "verb", ["graph", "plan", "review", "approve", "run", "status", "outside", "verify", "scan", "doctor"]
)
def test_a_folder_without_a_configuration_is_one_clear_error(tmp_path: Path, verb: str) -> None:
    done = migrate(verb, str(tmp_path))

    assert done.returncode in (1, 64)
    assert done.stderr.count("error: ") == 1
    assert "do: migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_under_json_is_json_on_stdout(tmp_path: Path) -> None:
    done = migrate("plan", "--json", str(tmp_path))

    assert json.loads(done.stdout)["exit"] == done.returncode


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

    assert first.returncode == 0
    assert "production" in (tmp_path / "m" / "migration.yaml").read_text()
    assert second.returncode == 64
    assert "is there already" in second.stderr


def test_explain_knows_every_kind_and_its_actions() -> None:
    listed = json.loads(migrate("explain", "--json").stdout)["kinds"]

    assert "ec2.vpc" in listed
    assert "phase build" in migrate("explain", "ec2.vpc.create").stdout


def test_the_scan_policy_only_reads() -> None:
    policy = json.loads(migrate("policy").stdout)

    actions = policy["Statement"][0]["Action"]
    assert "ec2:DescribeVpcs" in actions
    assert "es:DescribeDomain" in actions, "what a listing does not show of the size of a store is read too"
    writing = ("Create", "Delete", "Put", "Update", "Modify", "Start", "Stop")
    assert [action for action in actions if action.partition(":")[2].startswith(writing)] == []


def test_the_scan_policy_fits_into_a_role_and_says_where_it_does_not() -> None:
    told = migrate("policy", "--for", "scan")
    document = json.loads(told.stdout)
    size = len(json.dumps(document, separators=(",", ":")))
    assert size <= 10_240
    assert (size > 6_144) == ("more than a managed policy takes" in told.stderr)
    # As IAM spells them, not as botocore does.
    prefixes = {action.partition(":")[0] for action in document["Statement"][0]["Action"]}
    assert prefixes.isdisjoint({"elb", "elbv2", "emr", "efs", "opensearch", "stepfunctions", "apigatewayv2"})
    assert {"elasticloadbalancing", "elasticmapreduce", "aoss", "aws-marketplace", "states"} <= prefixes
