"""A database whose master password becomes a new one, and what legacy takes when nobody should write there any more.

One world, in order. Logins are tried by plain psycopg, secrets are read by plain boto3, never by the product.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from migrate.demo.world import World
from tests.acceptance.rows_network import rows_network
from tests.acceptance.test_database_story import CONFIG as PLAIN
from tests.acceptance.test_database_story import LOGIN
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

OLD = LOGIN["password"]
CONFIG = PLAIN.replace(
    '  - {instance: "*", secret: "{instance}/db"}',
    '  - {instance: kept}\n  - {instance: "*", secret: "{instance}/db", rotate_password: true}',
).replace("runbook: move-workload,", "runbook: move-workload-replicated,")
SCHEMA = """
CREATE TABLE orders (id bigserial PRIMARY KEY, customer text);
INSERT INTO orders (customer) SELECT 'customer ' || n FROM generate_series(1, 500) n;
"""
LOCKED_OUT = "rows/other"


def build(world: World) -> None:
    """A network, a database in it, the secret with its login and a URL, a second reader of the same password, and a
    database whose password RDS keeps."""
    session = world.session(LEGACY)
    group = rows_network(session)
    for name, own in (("rows", {"MasterUserPassword": OLD}), ("kept", {"ManageMasterUserPassword": True})):
        session.client("rds").create_db_instance(
            DBInstanceIdentifier=name, DBName="shop", Engine="postgres", EngineVersion="16.4", AllocatedStorage=20,
            DBInstanceClass="db.t4g.micro", MasterUsername="shop", **own,
            DBSubnetGroupName="rows", VpcSecurityGroupIds=[group], PubliclyAccessible=False,
        )  # fmt: skip
    host, port = endpoint(world, LEGACY)
    value = {**LOGIN, "host": host, "url": f"postgres://shop:{OLD}@{host}:{port}/shop"}
    secrets = session.client("secretsmanager")
    secrets.create_secret(Name="rows/db", SecretString=json.dumps(value))
    secrets.create_secret(Name=LOCKED_OUT, SecretString=f"host={host} password={OLD}")
    with opened(world, LEGACY, OLD) as link:
        link.execute(SCHEMA.encode())


def endpoint(world: World, account: str) -> tuple[str, int]:
    found = world.session(account).client("rds").describe_db_instances(DBInstanceIdentifier="rows")
    at = found["DBInstances"][0]["Endpoint"]
    return at["Address"], at["Port"]


def opened(world: World, account: str, password: str) -> Any:
    host, port = world.tunnel(*endpoint(world, account))
    return psycopg.connect(
        host=host, port=port, dbname="shop", user="shop", password=password, autocommit=True, connect_timeout=10
    )


def value(told: Story, account: str) -> dict[str, Any]:
    text = told.world.session(account).client("secretsmanager").get_secret_value(SecretId="rows/db")["SecretString"]
    known: dict[str, Any] = json.loads(text)
    return known


def to_the_gate(told: Story, gate: str) -> None:
    """Run, and answer every gate before this one."""
    while True:
        told.type("run", "--engine", "local", expect=3)
        standing = told.type("status", "--json").json["gate"]
        if standing.endswith(gate):
            return
        told.answer()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("password"), build, CONFIG) as told:
        yield told


def test_whoever_else_holds_the_password_is_named_before_anything_is_frozen(told: Story) -> None:
    told.prepare()

    said = told.type("run", "--engine", "local", expect=None)

    assert said.code not in (0, 3)
    assert f"secrets: {LOCKED_OUT}" in said.err
    assert "would be locked out" in said.err
    assert not [write for write in told.writes() if "CreateDBSnapshot" in write]


def test_a_new_password_opens_the_target_legacys_does_not_and_legacy_keeps_its_own(told: Story) -> None:
    secrets = told.world.session(LEGACY).client("secretsmanager")
    secrets.put_secret_value(SecretId=LOCKED_OUT, SecretString="they read rows/db now")

    to_the_gate(told, "cutover_gate")

    new, old = value(told, TARGET), value(told, LEGACY)
    assert old["password"] == OLD != new["password"]
    assert new["url"] == f"postgres://shop:{new['password']}@{new['host']}:{endpoint(told.world, TARGET)[1]}/shop"
    assert {**new, "password": "", "url": "", "host": ""} == {**old, "password": "", "url": "", "host": ""}
    with opened(told.world, TARGET, new["password"]) as link:
        assert link.execute("SELECT count(*) FROM orders").fetchone() == (500,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        opened(told.world, TARGET, OLD)
    opened(told.world, LEGACY, OLD).close()
    for path in told.folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert OLD.encode() not in held, path
            assert new["password"].encode() not in held, path
    told.type("verify")


def test_rows_are_proved_where_rds_keeps_a_password_of_its_own_on_each_side(told: Story) -> None:
    (rows,) = told.folder.glob("*.run/evidence/*kept-prove-rows*.json")

    body = json.loads(rows.read_text())["body"]

    assert (body["state"], body["evidence"]["shop"]["tables"]) == ("equal", 0)
    kept = [
        told.world.session(account).client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
        for account in (LEGACY, TARGET)
        for arn in [
            told.world.session(account)
            .client("rds")
            .describe_db_instances(DBInstanceIdentifier="kept")["DBInstances"][0]["MasterUserSecret"]["SecretArn"]
        ]
    ]
    assert kept[0] != kept[1]


def test_a_row_that_legacy_takes_after_the_proof_stops_the_cutover_and_is_named(told: Story) -> None:
    with opened(told.world, LEGACY, OLD) as link:
        link.execute("INSERT INTO orders (customer) VALUES ('late')")
    told.answer()
    written = told.writes()

    said = told.type("run", "--engine", "local", expect=None)

    assert said.code not in (0, 3)
    assert "in legacy took writes after its rows were proved" in said.err
    assert "shop: public.orders: 1 rows inserted" in said.err
    assert "501" in said.err
    assert told.writes() == written


def test_once_a_person_put_it_into_the_target_the_run_goes_on_and_verify_names_who_still_writes(told: Story) -> None:
    with opened(told.world, TARGET, value(told, TARGET)["password"]) as link:
        link.execute("INSERT INTO orders (customer) VALUES ('late')")

    told.run()
    told.type("verify")
    with opened(told.world, LEGACY, OLD) as link:
        link.execute("UPDATE orders SET customer = customer WHERE id = 1")
        link.execute("SELECT pg_stat_force_next_flush()")
    said = told.type("verify", expect=5)

    assert "legacy took writes after the cut-over: shop: public.orders: 1 rows updated" in said.err


def test_a_password_that_somebody_set_back_is_found(told: Story) -> None:
    rds = told.world.session(TARGET).client("rds")
    rds.modify_db_instance(DBInstanceIdentifier="rows", MasterUserPassword=OLD, ApplyImmediately=True)
    said = told.type("verify", expect=5)
    rds.modify_db_instance(
        DBInstanceIdentifier="rows", MasterUserPassword=value(told, TARGET)["password"], ApplyImmediately=True
    )

    assert "rows still takes legacy's password" in said.err


def test_a_rollback_takes_all_of_it_away_and_legacy_is_as_it_was(told: Story) -> None:
    told.type("rollback", *told.undo_whatever_is_lost())

    until = time.monotonic() + 30
    rds = told.world.session(TARGET).client("rds")
    while rds.describe_db_instances()["DBInstances"] and time.monotonic() < until:
        time.sleep(0.2)
    assert rds.describe_db_instances()["DBInstances"] == []
    assert told.world.session(TARGET).client("secretsmanager").list_secrets()["SecretList"] == []
    with opened(told.world, LEGACY, OLD) as link:
        assert link.execute("SELECT count(*) FROM orders").fetchone() == (501,)
