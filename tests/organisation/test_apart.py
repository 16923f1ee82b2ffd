"""migrate org apart: what joins the accounts of two environments, found by reading both; what was not read is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrate.cli import main
from migrate.demo import world
from migrate.demo.accounts import LEGACY, TARGETS
from tests.crash.story import Said

pytestmark = [pytest.mark.world, pytest.mark.torture]
MIGRATION = f"""\
schema: migrate.config/1
migration: shop
legacy: {{account: "{LEGACY}", regions: [eu-west-1]}}
targets:
  development: {{account: "{TARGETS["development"]}", role: OrganizationAccountAccessRole}}
  production: {{account: "{TARGETS["production"]}", role: OrganizationAccountAccessRole}}
environments: {{dev: development, prod: production}}
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[world.World]:
    home = tmp_path / "world"
    made = world.up(home)
    try:
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "migration.yaml").write_text(MIGRATION)
        yield made
    finally:
        world.down(home)


def typed(running: world.World, folder: Path, *words: str, expect: int) -> Said:
    ended = CliRunner(env=running.env()).invoke(main, ["org", "apart", str(folder), *words])
    said = Said(ended.exit_code, ended.stdout, ended.stderr)
    assert said.code == expect, f"{said.code}\n{said.out[-500:]}\n{said.err[-3000:]}"
    return said


def trust(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def client(running: world.World, alias: str, service: str) -> Any:
    return running.session(TARGETS[alias]).client(service, region_name="eu-west-1")


def test_what_lets_one_environment_into_another_is_found_and_a_person_may_answer_for_it(
    running: world.World, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    typed(running, folder, expect=0)
    iam = client(running, "production", "iam")
    iam.create_role(RoleName="back-door", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{TARGETS['development']}:root"))
    sqs = client(running, "production", "sqs")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
                 "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-aa111bb222"}}}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})

    found = typed(running, folder, "--json", expect=5)
    joined = found.json["joined"]

    assert {(one["in"], one["ref"].rsplit("/", 1)[-1], one["names"]) for one in joined} == {
        ("production", "back-door", "development"), ("production", "jobs", "the whole organisation"),
    }  # fmt: skip
    assert "not looked at: transit gateways" in found.err
    waivers = "".join(f"  - {{gap: 'apart/{one['ref']}', because: it is meant}}\n" for one in joined)
    (folder / "migration.yaml").write_text(f"{MIGRATION}waivers:\n{waivers}")
    assert "it is meant" in typed(running, folder, expect=0).out


def test_an_account_that_was_not_read_whole_is_not_said_to_be_apart(running: world.World, tmp_path: Path) -> None:
    (running.home / "faults.json").write_text(json.dumps({"deny": ["kms:ListKeys"]}))

    said = typed(running, tmp_path / "m", expect=6).err

    assert "ListKeys" in said
    assert "whether the environments are apart is not known" in said
    assert "are apart: nothing" not in said
