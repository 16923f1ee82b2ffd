"""What becomes of a new master password when its database is taken away: asked before it goes, and made again after.

One world, in order; nothing is ever given up by `--losing`, because nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from migrate.demo.world import World
from tests.acceptance.rows_network import rows_network
from tests.acceptance.test_password_story import CONFIG as BOTH
from tests.acceptance.test_password_story import LOGIN, OLD, SCHEMA, endpoint, opened, value
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

CONFIG = BOTH.replace("runbook: move-workload-replicated,", "runbook: move-workload,")
DATABASE = f"{TARGET}/eu-west-1/rds.instance/rows:create"


def build(world: World) -> None:
    """A database in a network, and the secret with its login."""
    session = world.session(LEGACY)
    group = rows_network(session)
    session.client("rds").create_db_instance(
        DBInstanceIdentifier="rows", DBName="shop", Engine="postgres", EngineVersion="16.4", AllocatedStorage=20,
        DBInstanceClass="db.t4g.micro", MasterUsername="shop", MasterUserPassword=OLD,
        DBSubnetGroupName="rows", VpcSecurityGroupIds=[group], PubliclyAccessible=False,
    )  # fmt: skip
    host, port = endpoint(world, LEGACY)
    held = {**LOGIN, "host": host, "url": f"postgres://shop:{OLD}@{host}:{port}/shop"}
    session.client("secretsmanager").create_secret(Name="rows/db", SecretString=json.dumps(held))
    with opened(world, LEGACY, OLD) as link:
        link.execute(SCHEMA.encode())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("undone"), build, CONFIG) as told:
        told.prepare()
        told.run()
        yield told


def undo(told: Story, *which: str) -> str:
    """Undo without a loss that anybody had to accept; what was said."""
    ids = told.type("rollback", *which, "--json").json
    assert ids["losing"] == "", ids["losses"]
    return told.type("rollback", *which, "--confirm", ids["confirm"]).err


def test_a_database_that_went_alone_gets_its_new_password_again(told: Story) -> None:
    first = value(told, TARGET)

    undo(told, "--step", DATABASE)
    told.run()

    again = value(told, TARGET)
    assert again["password"] not in (OLD, "")
    assert again["host"] == endpoint(told.world, TARGET)[0]
    assert again["url"] == first["url"].replace(first["password"], again["password"])
    opened(told.world, TARGET, again["password"]).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        opened(told.world, TARGET, OLD)
    told.type("verify")


def test_a_new_password_that_not_everybody_reads_yet_opens_the_proof_and_the_rollback(told: Story) -> None:
    """As a run that was killed between the database and the label leaves it."""
    secrets = told.world.session(TARGET).client("secretsmanager")
    versions = secrets.describe_secret(SecretId="rows/db")["VersionIdsToStages"]
    new = next(one for one, labels in versions.items() if "AWSCURRENT" in labels)
    old = next(one for one, labels in versions.items() if "AWSPREVIOUS" in labels)

    secrets.update_secret_version_stage(
        SecretId="rows/db", VersionStage="AWSCURRENT", RemoveFromVersionId=new, MoveToVersionId=old
    )
    said = told.type("verify", expect=5)
    ids = told.type("rollback", "--to", "0", "--json").json

    assert "does not hold the password that was made" in said.err
    assert said.err.count("different:") == 1, said.err
    assert "0 could not be proved" in said.err
    assert ids["losing"] == ""
    secrets.update_secret_version_stage(
        SecretId="rows/db", VersionStage="AWSCURRENT", RemoveFromVersionId=old, MoveToVersionId=new
    )


def test_the_database_is_asked_once_more_before_it_goes_and_its_secret_goes_after_it(told: Story) -> None:
    said = undo(told, "--to", "0")

    undone = [line.split()[1] for line in said.splitlines() if line.strip().startswith("undone")]
    secret = f"{TARGET}/eu-west-1/secretsmanager.secret/rows/db:create"
    assert undone.index(DATABASE) < undone.index(secret)
    assert told.world.session(TARGET).client("secretsmanager").list_secrets()["SecretList"] == []
