"""An account that nobody here drew, at an endpoint without one rule of ours, from init to rollback by the command line.

Rule: nothing of the product is imported; what the endpoint cannot do is decided in migration.yaml, as its owner would.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from . import foreign_account as foreign
from .foreign_story import Endpoint, Story, begin, endpoint

MOST_CALLS_PER_STEP = 40
NOT_HERE = (
    # What this endpoint lacks, as a person meets it in the first run, and what is done about it.
    {"kind": "rds.*", "to": "legacy", "because": "the endpoint cannot copy a shared snapshot"},
    {"kind": "lambda.*", "to": "legacy", "because": "the endpoint offers no download of code"},
    {
        "kind": "secretsmanager.secret",
        "name": "turned",
        "to": "legacy",
        "because": "the function that rotates it stays",
    },
    {"kind": "elbv2.rule", "name": "*:443/*", "to": "legacy", "because": "its listener's certificate stays"},
    {"kind": "elbv2.listener", "name": "*:443", "to": "legacy", "because": "a certificate cannot be moved"},
    {"kind": "autoscaling.*", "name": "hosts group", "to": "legacy", "because": "it lies in the default VPC"},
    {"kind": "ec2.instance", "to": "legacy", "because": "it lies in the default VPC"},
    {"kind": "elbv2.*", "name": "nlb-1*", "to": "legacy", "because": "it lies in the default VPC"},
    {"kind": "elbv2.*", "name": "tcp-1*", "to": "legacy", "because": "it lies in the default VPC"},
)
EVERYTHING = {"kind": "*", "to": "live", "because": "one account takes everything"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as one:
        yield one


def configure(story: Story, it: foreign.Builder, *rules: dict[str, str]) -> None:
    """Write the decisions of the owner into migration.yaml."""
    yaml = YAML()
    config: Any = yaml.load(story.config.read_text())
    config["placement"] = [*map(dict, NOT_HERE), *rules]
    because = "the plain emulator stops a task by being looked at"
    config["test_launches"] = [{"service": "*", "launch": False, "because": because}]
    # A bucket's name holds 63 characters: with the account's number it would be longer.
    long = f"{it.word.lower()}-".ljust(63, "b")
    config["renames"] = {f"{foreign.LEGACY}/{foreign.REGIONS[0]}/s3.bucket/{long}": f"{it.word.lower()}-shorter"}
    with story.config.open("w") as file:
        yaml.dump(config, file)


def planned(folder: Path, url: str, it: foreign.Builder, *rules: dict[str, str]) -> Story:
    """From init to an approved plan."""
    story = begin(folder, url, it.key, it.size.regions)
    story.type("doctor")
    for alias in it.size.looked_at:
        story.type("scan", "--account", alias)
    story.type("scan")
    configure(story, it, *rules)
    story.settle("live")
    story.type("review")
    story.type("approve", "--by", "the owner")
    return story


def shown(story: Story, it: foreign.Builder) -> dict[str, list[str]]:
    """What stands in the accounts, as the newest scans say."""
    # A certificate is issued a minute after it was asked for, by itself.
    return {
        under: [line.replace('"PENDING_VALIDATION"', '"ISSUED"') for line in story.inventory_body(under)]
        for under in (".", *(f"targets/{alias}" for alias in it.size.looked_at))
    }


def scan_all(story: Story, it: foreign.Builder) -> dict[str, list[str]]:
    """Scan every account anew."""
    story.type("scan")
    for alias in it.size.looked_at:
        story.type("scan", "--account", alias)
    return shown(story, it)


def whole_story(
    folder: Path, world: Endpoint, engine: str, seed: int, size: foreign.Size, *rules: dict[str, str]
) -> Story:
    """Everything, with what each verb promises held to."""
    it = foreign.build(world.url, seed, size)
    story = planned(folder, world.url, it, *rules)
    before = shown(story, it)
    calls = len(world.calls())
    story.run_through(engine)
    steps = len(story.newest("plan.json")["body"]["steps"])
    assert len(world.calls()) - calls < MOST_CALLS_PER_STEP * steps + 3000, "a storm of calls"
    verified = story.type("verify")
    assert " 0 different" in verified.err
    story.roll_back()
    assert scan_all(story, it) == before
    return story


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_an_account_nobody_drew_is_moved_proved_and_rolled_back_at_a_plain_endpoint(
    tmp_path: Path, world: Endpoint
) -> None:
    story = whole_story(tmp_path / "move", world, "local", 1, foreign.SMALL, EVERYTHING)

    # By their kinds, or as gaps of services that no kind handles: nothing vanishes.
    seen = "\n".join(story.inventory_body())
    for kind in (
        "dynamodb.table", "ec2.instance", "ec2.launch_template", "ec2.vpc_peering_connection", "ec2.prefix_list",
        "ec2.egress_only_internet_gateway", "cloudwatch.alarm", "iam.oidc_provider", "states.state_machine",
        "autoscaling.group", "acm.certificate", "rds.cluster", "kinesis.stream", "scheduler.schedule",
    ):  # fmt: skip
        assert f"/{kind}/" in seen, f"{kind} vanished"


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("seed", "engine"), [(2, "prefect"), (3, "local"), (4, "local")])
def test_other_accounts_by_other_engines(tmp_path: Path, world: Endpoint, seed: int, engine: str) -> None:
    whole_story(tmp_path / "move", world, engine, seed, foreign.MEDIUM, *([EVERYTHING] if seed % 2 else []))


@pytest.mark.torture
@pytest.mark.timeout(3000)
def test_a_large_account(tmp_path: Path, world: Endpoint) -> None:
    whole_story(tmp_path / "move", world, "local", 7, foreign.LARGE, EVERYTHING)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_an_endpoint_that_goes_down_in_the_middle_is_said_and_the_journal_is_whole(
    tmp_path: Path, world: Endpoint
) -> None:
    it = foreign.build(world.url, 5, foreign.SMALL)
    story = planned(tmp_path / "move", world.url, it, EVERYTHING)
    process = story.start("run", "--engine", "local")
    try:
        assert process.stderr is not None
        early = []
        for line in process.stderr:
            early.append(line)
            if line.startswith("  verified"):
                break
        world.stop(signal.SIGKILL)
        began = time.monotonic()
        _, late = process.communicate(timeout=400)
    finally:
        process.kill()
    err = "".join(early) + late
    assert time.monotonic() - began < 200, "a call to nobody is not tried for ever"

    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert "a defect of this product" not in err
    assert "  do: " in err
    status = story.type("status")
    assert re.search(r"\d+ verified", status.out), status.out


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
        ({"AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODYELSE00"}, "answered where 666677778888 was expected"),
    ],
)
def test_a_door_that_is_shut_is_one_clear_error(
    tmp_path: Path, world: Endpoint, changed: dict[str, str], says: str
) -> None:
    key = foreign.sign_in(world.url)
    story = begin(tmp_path / "move", world.url, key)
    story.environment |= changed
    story.environment = {name: value for name, value in story.environment.items() if value}
    nothing = str(tmp_path / "nothing")
    story.environment |= {"AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing}

    assert says in story.type("doctor", ends=1).err
    assert says in story.type("scan", ends=1).err
    assert not list(story.folder.glob("*.inventory.jsonl"))
