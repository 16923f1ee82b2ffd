"""migrate close, whole: plan, approval, run, proof and rollback on an embedded AWS, checked by plain boto3."""

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

pytestmark = pytest.mark.world

MIGRATION = f"""\
schema: migrate.config/1
migration: shop
legacy: {{account: "{LEGACY}", regions: [eu-west-1]}}
targets: {{production: {{account: "{TARGETS["production"]}", role: OrganizationAccountAccessRole}}}}
environments: {{prod: production}}
settle_s: 2
"""
SECTIONS = """\
organisation:
  management: {account: "999900001111"}
  email: aws+{alias}@shop.example
  accounts: {production: {}}
identities:
  quarantine: true
"""
READ = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.World]:
    home = tmp_path_factory.mktemp("world")
    yield world.up(home)
    world.down(home)


@pytest.fixture
def iam(running: world.World) -> Any:
    client = running.session(LEGACY).client("iam")
    client.create_group(GroupName="engineers")
    client.put_group_policy(GroupName="engineers", PolicyName="read", PolicyDocument=READ)
    client.create_user(UserName="ana")
    client.add_user_to_group(GroupName="engineers", UserName="ana")
    client.create_login_profile(UserName="ana", Password="Emb3dded!ana")
    held = client.create_policy(PolicyName="own", PolicyDocument=READ)["Policy"]["Arn"]
    client.attach_user_policy(UserName="ana", PolicyArn=held)  # a thing that a plan of users alone does not know
    for _ in range(2):
        client.create_access_key(UserName="ana")
    client.create_user(UserName="mystery")
    client.create_access_key(UserName="mystery")
    return client


def state(iam: Any) -> dict[str, Any]:
    return {
        name: (
            sorted(
                (one["AccessKeyId"], one["Status"]) for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
            ),
            iam.list_user_policies(UserName=name)["PolicyNames"],
        )
        for name in ("ana", "mystery")
    }


def test_users_are_closed_step_by_step_and_opened_again_as_they_were(
    running: world.World, iam: Any, tmp_path: Path
) -> None:
    def migrate(*words: str) -> Said:
        ended = CliRunner(env=running.env()).invoke(main, list(words))
        return Said(ended.exit_code, ended.stdout, ended.stderr)

    folder = str(tmp_path)
    (tmp_path / "migration.yaml").write_text(MIGRATION)
    assert migrate("scan", folder).code == 0
    refused = migrate("close", "plan", folder)
    assert refused.code == 64
    assert "nobody asked" in refused.err
    (tmp_path / "migration.yaml").write_text(MIGRATION + SECTIONS)
    before = state(iam)

    planned = migrate("close", "plan", folder, "--json")
    assert json.loads(planned.out)["users"] == ["ana"], planned.err
    assert "mystery" in json.loads(planned.out)["not_closed"]
    assert migrate("close", "run", folder, "--engine", "local").code == 4
    assert state(iam) == before
    assert migrate("close", "approve", folder, "--by", "ana").code == 0
    stopped = migrate("close", "run", folder, "--engine", "local")

    assert stopped.code == 3, stopped.err
    assert f"migrate close approve {folder} --gate old:keys_gate" in stopped.err
    assert {status for _, status in state(iam)["ana"][0]} == {"Inactive"}
    assert state(iam)["ana"][1] == []
    migrate("close", "approve", folder, "--gate", "old:keys_gate", "--by", "bo")
    ran = migrate("close", "run", folder, "--engine", "local")

    assert ran.code == 0, ran.err
    assert state(iam)["ana"][1] == ["migrate-quarantine"]
    assert state(iam)["mystery"] == before["mystery"]
    assert migrate("close", "verify", folder).code == 0
    (key, _), *_ = before["ana"][0]
    iam.update_access_key(UserName="ana", AccessKeyId=key, Status="Active")
    assert migrate("close", "verify", folder).code == 5
    iam.update_access_key(UserName="ana", AccessKeyId=key, Status="Inactive")
    listed = migrate("close", "rollback", folder, "--to", "0")
    undone = migrate("close", "rollback", folder, "--to", "0", "--confirm", listed.out.split()[-1])

    assert undone.code == 0, undone.err
    assert state(iam) == before
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".db")
    assert key.encode() not in written
