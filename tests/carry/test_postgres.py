"""Two PostgreSQL servers are equal only when every row, sequence and definition is; anything else is named."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from migrate.carry import postgres, postgres_contents
from migrate.demo.postgres import Database, Fleet
from tests.carry.two_servers import PASSWORD, USER, connect, run

HOSTILE = "ta\"ble'; DROP TABLE orders; --"
SCHEMA = f"""
CREATE TABLE orders (id bigserial PRIMARY KEY, note text, total numeric(12,2), at timestamptz, data jsonb, raw bytea,
    tags text[], weight double precision);
CREATE TABLE "{HOSTILE.replace('"', '""')}" (m text, "Sel""ect" int);
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema".empty ();
CREATE TABLE twice (word text);
CREATE TABLE parts (day date, n int) PARTITION BY RANGE (day);
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW totals AS SELECT count(*) AS n FROM orders;
CREATE MATERIALIZED VIEW frozen AS SELECT 1 AS one;
CREATE SEQUENCE numbers START 100 INCREMENT 5;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE INDEX notes ON orders (note) WHERE total > 5;
CREATE ROLE reader;
GRANT SELECT ON orders TO reader;
INSERT INTO orders (note, total, at, data, raw, tags, weight) SELECT 'Zoë 李 ' || n, n * 1.5,
    '2024-02-29 12:00+00'::timestamptz + n * interval '1 second', jsonb_build_object('n', n), decode('00ff', 'hex'),
    ARRAY['a,b', NULL], 0.1 + n FROM generate_series(1, 50) n;
INSERT INTO "{HOSTILE.replace('"', '""')}" VALUES ('x', 1);
INSERT INTO "Odd schema".empty DEFAULT VALUES;
INSERT INTO twice VALUES ('same'), ('same');
INSERT INTO parts VALUES ('2024-05-05', 1);
SELECT nextval('numbers'), nextval('numbers');
SELECT lo_from_bytea(0, 'large');
"""


@pytest.fixture(scope="module")
def legacy(fleet: Fleet) -> Database:
    database = fleet.create(user=USER, password=PASSWORD, name="shop")
    run(database, SCHEMA)
    return database


@pytest.fixture(scope="module")
def restored(fleet: Fleet, legacy: Database) -> Callable[[], Database]:
    snapshot = fleet.snapshot(legacy)
    made: list[Database] = []

    def restore() -> Database:
        for old in made:
            fleet.delete(old)
        made[:] = [fleet.restore(snapshot)]
        return made[0]

    return restore


def proof(legacy: Database, target: Database) -> Any:
    return postgres.prove(lambda name: connect(legacy, name), lambda name: connect(target, name), "shop")


def test_a_restored_database_is_proved_equal_row_by_row(legacy: Database, restored: Callable[[], Database]) -> None:
    found = proof(legacy, restored())

    assert found.state == "equal", found.differences
    assert set(found.evidence) == {"postgres", "shop"}
    rows = found.evidence["shop"]["rows_by_table"]
    assert rows["public.orders"] == 50
    assert rows["Odd schema.empty"] == 1
    assert rows[f"public.{HOSTILE}"] == 1
    assert rows["public.parts_2024"] == 1
    assert "public.parts" not in rows


HARMS = [
    ("UPDATE orders SET total = total + 0.01 WHERE id = 7", "rows of public.orders: 50 on both sides, the content"),
    ("DELETE FROM orders WHERE id = 7", "rows of public.orders: 50 in legacy, 49 in the target"),
    ("UPDATE orders SET total = -total WHERE id = 7", "rows of public.orders: 50 on both sides"),
    ("UPDATE orders SET note = NULL WHERE id = 7", "rows of public.orders: 50 on both sides"),
    ("UPDATE orders SET note = '' WHERE id = 8", "rows of public.orders: 50 on both sides"),
    ("INSERT INTO twice VALUES ('same')", "rows of public.twice: 2 in legacy, 3 in the target"),
    ("UPDATE orders SET weight = weight + 1e-14 WHERE id = 1", "rows of public.orders: 50 on both sides"),
    ("SELECT nextval('numbers')", "value of sequence public.numbers: 105/True in legacy, 110/True in the target"),
    ("DROP INDEX notes", "index public.notes: only in legacy"),
    ("ALTER TABLE orders ALTER note SET DEFAULT 'x'", "column public.orders.note: differs"),
    (
        "GRANT INSERT ON orders TO reader",
        "grant on relation public.orders to reader: SELECT in legacy, INSERT, SELECT in the target",
    ),
    ("CREATE OR REPLACE VIEW totals AS SELECT count(*) + 1 AS n FROM orders", "view public.totals: differs"),
    ("CREATE OR REPLACE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a - b'", "function public.add"),
    ("ALTER TYPE mood ADD VALUE 'glad'", "type public.mood: differs"),
    ("CREATE TABLE extra (a int)", "rows of public.extra: only in the target"),
    ("UPDATE parts SET n = 2", "rows of public.parts_2024: 1 on both sides"),
]


def test_every_difference_is_named(legacy: Database) -> None:
    whole = postgres.read("legacy", lambda _: connect(legacy), "shop")
    for statement, said in HARMS:
        with psycopg.connect(
            host="127.0.0.1", port=legacy.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        ) as link:
            link.execute("CREATE DATABASE harmed TEMPLATE shop")
            with connect(legacy, "harmed") as harming:
                harming.execute(statement.encode())
            harmed = postgres.read("the target", lambda _: connect(legacy, "harmed"), "harmed")
            link.execute("DROP DATABASE harmed")

        lines = [
            line
            for _, line in postgres_contents.differences(whole, harmed)
            if not line.startswith(("database ", "large objects:"))
        ]

        assert len(lines) >= 1
        assert any(line.startswith(said) for line in lines), (statement, lines)


def test_an_extension_that_is_missing_and_one_that_is_too_many_are_named(
    fleet: Fleet, legacy: Database, restored: Callable[[], Database]
) -> None:
    target = restored()

    def administer(database: Database, statement: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=database.port, user="rdsadmin", password=fleet._secret, dbname="shop"
        ) as admin:
            admin.execute(statement.encode())

    administer(legacy, "CREATE EXTENSION vector")
    missing = proof(legacy, target)
    administer(legacy, "DROP EXTENSION vector")
    administer(target, "CREATE EXTENSION vector")
    more = proof(legacy, target)

    assert "shop: extension vector: only in legacy" in missing.differences
    assert "shop: extension vector: only in the target" in more.differences


def test_the_order_of_rows_and_dead_rows_make_no_difference(legacy: Database, restored: Callable[[], Database]) -> None:
    target = restored()
    run(target, "UPDATE orders SET note = note WHERE id % 2 = 0; CLUSTER orders USING orders_pkey")
    run(target, "ALTER TABLE orders SET WITHOUT CLUSTER")

    assert proof(legacy, target).state == "equal"


def test_a_database_of_one_side_only_is_named(legacy: Database, restored: Callable[[], Database]) -> None:
    target = restored()
    with psycopg.connect(
        host="127.0.0.1", port=target.port, user=USER, password=PASSWORD, dbname="shop", autocommit=True
    ) as link:
        link.execute("CREATE DATABASE forgotten")

    assert "database forgotten: only in the target" in proof(legacy, target).differences


def test_a_table_that_may_not_be_read_is_not_called_equal(legacy: Database, restored: Callable[[], Database]) -> None:
    target = restored()
    run(target, "REVOKE ALL ON twice FROM shop")
    run(target, "CREATE ROLE late; ALTER ROLE reader CREATEDB")

    found = proof(legacy, target)

    assert "shop: role late: only in the target" in found.differences
    assert "shop: role reader: differs" in found.differences
    said = [line for line in found.differences if "rows of public.twice" in line]
    assert said == ["shop: rows of public.twice: could not be read in the target: permission denied for table twice"]


def test_a_policy_makes_rows_unreadable_and_never_fewer(legacy: Database, restored: Callable[[], Database]) -> None:
    contents = postgres.read("the target", lambda _: connect(restored()), "shop")
    assert "rows of public.twice" in contents.items
    target = restored()
    run(target, "ALTER TABLE twice ENABLE ROW LEVEL SECURITY; ALTER TABLE twice FORCE ROW LEVEL SECURITY")

    contents = postgres.read("the target", lambda _: connect(target), "shop")

    assert "row-level security" in contents.unread["rows of public.twice"]
    assert "rows of public.twice" not in contents.items


def test_only_unread_tables_leave_the_whole_unproved(legacy: Database, restored: Callable[[], Database]) -> None:
    def refused(database: Database, name: str) -> Any:
        link = connect(database, name)
        if name == "shop":
            with connect(database, name) as other:
                other.execute("ALTER TABLE twice ENABLE ROW LEVEL SECURITY; ALTER TABLE twice FORCE ROW LEVEL SECURITY")
        return link

    target = restored()
    found = postgres.prove(lambda name: refused(target, name), lambda name: refused(target, name), "shop")

    assert found.state == "could not be proved"


@pytest.mark.parametrize("broken", ["none", "refused", "lost"])
def test_without_a_connection_nothing_is_proved_and_the_reason_is_said(
    legacy: Database, restored: Callable[[], Database], broken: str
) -> None:
    target = restored()

    def open_target(name: str) -> Any:
        if broken == "none":
            return None
        if broken == "refused":
            return connect(target, name, password="wrong")
        link = connect(target, name)
        with connect(target) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = user AND pid <> pg_backend_pid()"
            )
        return link

    found = postgres.prove(lambda name: connect(legacy, name), open_target, "shop")

    assert found.state == "could not be proved"
    assert "in the target" in found.differences[0]
    assert "connection" in found.differences[0]


def test_every_connection_is_closed_also_where_one_side_is_not_reached(legacy: Database) -> None:
    made: list[Any] = []

    def open_legacy(name: str) -> Any:
        made.append(connect(legacy, name))
        return made[-1]

    asked: list[str] = []

    def open_target(name: str) -> Any:
        asked.append(name)
        if len(asked) > 1:
            raise psycopg.OperationalError("gone")
        return connect(legacy, name)

    found = postgres.prove(open_legacy, open_target, "shop")

    assert found.state == "could not be proved"
    assert len(made) > 1
    assert all(link.closed for link in made)


def test_no_value_of_a_row_is_in_the_proof(legacy: Database, restored: Callable[[], Database]) -> None:
    target = restored()
    run(target, "UPDATE orders SET note = 'very private' WHERE id = 7")

    assert "private" not in repr(proof(legacy, target))


def test_things_whose_names_have_dots_answer_each_for_itself(fleet: Fleet) -> None:
    schema = """CREATE SCHEMA "a.b"; CREATE SCHEMA a;
        CREATE TABLE "a.b".c (i int PRIMARY KEY); CREATE TABLE a."b.c" (i int PRIMARY KEY);
        CREATE SEQUENCE "a.b".s; CREATE SEQUENCE a."b.s";"""
    sides = [fleet.create(user=USER, password=PASSWORD, name="shop") for _ in range(2)]
    for side in sides:
        run(side, schema)
    equal = proof(*sides)
    run(sides[0], 'INSERT INTO a."b.c" VALUES (1)', "SELECT nextval('a.\"b.s\"')")
    first = proof(*sides)
    run(sides[0], 'DELETE FROM a."b.c"', "SELECT setval('a.\"b.s\"', 1, false)", 'INSERT INTO "a.b".c VALUES (1)')
    second = proof(*sides)
    for side in sides:
        fleet.delete(side)

    assert equal.state == "equal"
    assert 'shop: rows of "a"."b.c": 1 in legacy, 0 in the target' in first.differences
    assert 'shop: value of sequence "a"."b.s": 1/True in legacy, 1/False in the target' in first.differences
    assert 'shop: rows of "a.b"."c": 1 in legacy, 0 in the target' in second.differences
    assert not any('"b.c"' in line for line in second.differences)


def test_a_long_list_of_definitions_hides_no_row(legacy: Database, restored: Callable[[], Database]) -> None:
    target = restored()
    run(target, *(f"CREATE FUNCTION more_{n}() RETURNS int LANGUAGE sql AS 'SELECT 1'" for n in range(postgres.SHOWN)))
    run(target, "DELETE FROM twice")

    found = proof(legacy, target)

    assert found.differences[0] == "shop: rows of public.twice: 2 in legacy, 0 in the target"
    assert found.differences[-1].startswith("and ")
