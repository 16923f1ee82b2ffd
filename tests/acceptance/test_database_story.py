"""One database on its way: stopped in time where rows would be lost, proved with evidence, each fault found and named.

One world, in order. What stands in the databases is read and changed by plain psycopg, never by the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.demo.world import World
from tests.acceptance.rows_network import connected, rows_network
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

CONFIG = """\
schema: migrate.config/1
migration: rows
legacy: {account: "111111111111", regions: [eu-west-1]}
targets:
  development: {account: "333333333333", role: OrganizationAccountAccessRole}
environments: {dev: development}
placement:
  - {name: "*", to: development, because: everything here is for development}
databases:
  - {instance: "*", secret: "{instance}/db"}
move:
  - {runbook: move-workload, accounts: [development]}
settle_s: 1
waivers:
  - {gap: "codecommit:*", because: the embedded world does not have it}
"""
LOGIN = {"username": "shop", "password": "password-1", "dbname": "shop"}
SCHEMA = """
CREATE TABLE orders (id bigserial PRIMARY KEY, customer text, total numeric);
INSERT INTO orders (customer, total) SELECT 'customer ' || n, n * 1.5 FROM generate_series(1, 3000) n;
CREATE TABLE people (mail text PRIMARY KEY, note text);
INSERT INTO people SELECT 'zoe' || n || '@example.com', 'x' FROM generate_series(1, 50) n;
CREATE INDEX by_customer ON orders (customer);
CREATE ROLE reader;
GRANT SELECT ON orders TO reader;
CREATE UNLOGGED TABLE cache AS SELECT 1 AS a;
CREATE TABLE spare (a int PRIMARY KEY);
"""


def build(world: World) -> None:
    """A network, a database in it, and the secret with its login."""
    session = world.session(LEGACY)
    rds = session.client("rds")
    group = rows_network(session)
    rds.create_db_instance(
        DBInstanceIdentifier="rows", DBName="shop", Engine="postgres", EngineVersion="16.4", AllocatedStorage=20,
        DBInstanceClass="db.t4g.micro", MasterUsername="shop", MasterUserPassword="password-1",
        DBSubnetGroupName="rows", VpcSecurityGroupIds=[group], PubliclyAccessible=False,
    )  # fmt: skip
    session.client("secretsmanager").create_secret(Name="rows/db", SecretString=json.dumps(LOGIN))
    with connect(world, LEGACY) as link:
        link.execute(SCHEMA.encode())


def connect(world: World, account: str) -> Any:
    """Where a person's tunnel ends."""

    def endpoint() -> tuple[str, int]:
        rds = world.session(account).client("rds")
        found = rds.describe_db_instances(DBInstanceIdentifier="rows")["DBInstances"][0]["Endpoint"]
        return found["Address"], found["Port"]

    return connected(world, endpoint)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("rows"), build, CONFIG) as told:
        yield told


def change(told: Story, account: str, *statements: str) -> None:
    with connect(told.world, account) as link:
        for statement in statements:
            link.execute(statement.encode())


def test_rows_that_would_be_lost_stop_doctor_and_the_run_before_anything_is_frozen(told: Story) -> None:
    assert "doctor again after it" in told.type("doctor").err
    told.prepare()

    doctor = told.type("doctor", expect=1)
    run = told.type("run", "--engine", "local", expect=None)

    for said in (doctor, run):
        assert "shop: unlogged tables hold rows: public.cache" in said.err
    assert run.code not in (0, 3)
    assert "nothing is frozen yet" in run.err
    assert not [write for write in told.writes() if "CreateDBSnapshot" in write]


def test_with_that_mended_every_row_arrives_and_the_evidence_is_a_file_of_the_run(told: Story) -> None:
    change(told, LEGACY, "ALTER TABLE cache SET LOGGED")
    # What was read of it before the change is no longer what stands there; nothing that the scan reads changed.
    told.run()

    (run,) = told.folder.glob("*.run")
    (rows,) = (run / "evidence").glob("*prove-rows*.json")
    (checks,) = (run / "evidence").glob("*precheck*.json")
    body = json.loads(rows.read_text())["body"]
    orders = body["evidence"]["shop"]["by table"]["public.orders"]
    assert body["state"] == "equal"
    assert orders["legacy"]["rows"] == orders["target"]["rows"] == 3000
    assert orders["legacy"]["sum"] == orders["target"]["sum"]
    assert body["evidence"]["shop"]["sequences"]["public.orders_id_seq"] == {
        "legacy": "3000/True",
        "target": "3000/True",
    }
    assert body["evidence"]["shop"]["query"].startswith("SELECT count(*)")
    assert "sequences are there" in checks.read_text()
    for path in [*run.rglob("*.json"), *told.folder.glob("*.json*")]:
        assert "customer 7" not in path.read_text()
        assert "zoe7@" not in path.read_text()


FAULTS = [
    ("UPDATE orders SET total = total + 0.001 WHERE id = 777", "UPDATE orders SET total = 1165.5 WHERE id = 777"),
    ("DELETE FROM orders WHERE id = 12", "INSERT INTO orders VALUES (12, 'customer 12', 18.0)"),
    ("INSERT INTO orders VALUES (5000, 'x', 1)", "DELETE FROM orders WHERE id = 5000"),
    ("SELECT setval('orders_id_seq', 2999)", "SELECT setval('orders_id_seq', 3000)"),
    ("REVOKE SELECT ON orders FROM reader", "GRANT SELECT ON orders TO reader"),
    ("DROP TABLE spare", "CREATE TABLE spare (a int PRIMARY KEY)"),
    ("ALTER TABLE people ALTER note SET DEFAULT 'z'", "ALTER TABLE people ALTER note DROP DEFAULT"),
    ("DROP INDEX by_customer", "CREATE INDEX by_customer ON orders (customer)"),
    ("UPDATE people SET note = 'y' WHERE mail = 'zoe7@example.com'",
     "UPDATE people SET note = 'x' WHERE mail = 'zoe7@example.com'"),
]  # fmt: skip
NAMED = (
    "rows of public.orders: 3000 on both sides, the content differs",
    "keys of public.orders (id): 1 changed: 777; 1 only in legacy: 12; 1 only in the target: 5000",
    "value of sequence public.orders_id_seq: 3000/True in legacy, 2999/True in the target",
    "grant on relation public.orders to reader: only in legacy (SELECT)",
    "index public.by_customer: only in legacy",
    "rows of public.spare: only in legacy",
    "column public.people.note: differs",
    "keys of public.people (mail, each as its hash",
)


def test_verify_names_every_fault_to_its_key_and_ends_with_5(told: Story) -> None:
    change(told, TARGET, *(harm for harm, _ in FAULTS))
    said = told.type("verify", expect=5)
    change(told, TARGET, *(mend for _, mend in FAULTS))

    for line in NAMED:
        assert line in said.err
    reports = sorted(told.folder.glob("*.run/*.verify.json"))
    assert all("zoe7@" not in text for text in (said.err, said.out, *(path.read_text() for path in reports)))
    assert told.type("verify").code == 0
