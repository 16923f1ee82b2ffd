"""What would not arrive, or stops a copy, is said by name before anything is frozen; nothing is written."""

import psycopg
import pytest

from migrate.carry.postgres import NotReadable
from migrate.carry.postgres_checks import Finding, examine, stopping
from migrate.demo.postgres import Database, Fleet
from tests.carry.two_servers import PASSWORD, USER, connect, run


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> Database:
    return fleet.create(user=USER, password=PASSWORD, name="shop")


@pytest.fixture
def legacy(server: Database) -> Database:
    run(server, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return server


def found(database: Database) -> list[Finding]:
    return examine(lambda name: connect(database, name), "shop")


def about(database: Database, words: str) -> Finding:
    (finding,) = [one for one in found(database) if words in one.what and one.where in ("shop", "the server")]
    return finding


SITUATIONS = [
    ("CREATE TABLE log (word text)", "no replica identity", ("public.log",), {"logical"}),
    ("CREATE UNLOGGED TABLE cache AS SELECT 1 AS a", "unlogged tables hold rows", ("public.cache",),
     {"logical", "snapshot"}),
    ("SELECT lo_from_bytea(0, 'large')", "large objects", ("count 1",), {"logical"}),
    ("CREATE TABLE p (d date) PARTITION BY RANGE (d)", "partitioned", ("public.p",), set()),
    ("CREATE TABLE g (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED)", "generated", ("public.g.b",),
     set()),
    ("CREATE SEQUENCE numbers", "sequences", ("public.numbers",), set()),
    ("CREATE TABLE t (a int PRIMARY KEY); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql"
     " AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
     " ALTER TABLE t ENABLE ALWAYS TRIGGER g",
     "fire while rows are replicated", ("public.t.g",), set()),
    ("CREATE TABLE h (a int PRIMARY KEY); ALTER TABLE h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
     "may not be read by this login", ("public.h",), set()),
    ("CREATE TABLE i (a int PRIMARY KEY); REVOKE ALL ON i FROM shop", "may not be read by this login", ("public.i",),
     set()),
]  # fmt: skip


@pytest.mark.parametrize(("made", "words", "names", "stops"), SITUATIONS)
def test_each_situation_is_found_by_name(
    legacy: Database, made: str, words: str, names: tuple[str, ...], stops: set[str]
) -> None:
    assert not [one for one in found(legacy) if words in one.what]

    run(legacy, made)
    try:
        finding = about(legacy, words)
        assert (finding.names, set(finding.stops)) == (names, stops)
        assert not stops or finding.do
    finally:
        if "lo_from" in made:
            run(legacy, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata")


def test_an_empty_unlogged_table_loses_nothing_and_stops_nothing(legacy: Database) -> None:
    run(legacy, "CREATE UNLOGGED TABLE cache (a int PRIMARY KEY)")

    assert stopping(found(legacy), "snapshot") == []


def test_a_server_without_logical_wal_stops_logical_replication_and_says_which_parameter(legacy: Database) -> None:
    stops = stopping(found(legacy), "logical")

    assert [str(one) for one in stops] == ["the server: wal_level is replica, not logical"]
    assert "rds.logical_replication" in stops[0].do


def test_a_transaction_that_stays_open_is_named_without_its_query(
    legacy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(legacy) as link:
        link.execute("SELECT 'very private'")
        from migrate.carry import postgres_checks

        at = next(i for i, q in enumerate(postgres_checks.SERVER) if "open for more than" in q.what)
        sooner = postgres_checks.Question(
            postgres_checks.SERVER[at].what, postgres_checks.SERVER[at].query.replace("'300 seconds'", "'0 seconds'")
        )
        monkeypatch.setattr(postgres_checks, "SERVER", (sooner,))
        finding = about(legacy, "open for more than")

    assert finding.names[0].startswith("shop by shop (process ")
    assert "private" not in str(finding)


def test_every_database_is_asked_and_one_that_lets_nobody_in_is_a_finding(legacy: Database) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=legacy.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
    ) as link:
        link.execute("CREATE DATABASE closed")
        link.execute("ALTER DATABASE closed CONNECTION LIMIT 0")
        try:
            findings = found(legacy)
        finally:
            link.execute("DROP DATABASE closed")

    assert {one.where for one in findings} == {"the server", "shop", "postgres", "closed"}
    (closed,) = [one for one in findings if one.where == "closed"]
    assert "could not be known: closed in legacy: no connection" in closed.what


def test_a_question_that_is_refused_is_a_finding_and_the_others_go_on(
    legacy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migrate.carry import postgres_checks

    refused = postgres_checks.Question("secrets are there", "SELECT rolpassword FROM pg_authid")
    monkeypatch.setattr(postgres_checks, "DATABASE", (refused, *postgres_checks.DATABASE))

    whats = [one.what for one in found(legacy) if one.where == "shop"]

    assert whats[0].startswith("could not be known whether secrets are there: permission denied for table pg_authid")
    assert any(one == "holds" for one in whats)


def test_a_server_that_is_not_reached_is_said_so() -> None:
    with pytest.raises(NotReadable, match="no connection can be made from here"):
        examine(lambda name: None, "shop")


def test_what_only_an_administrator_makes_is_found_too(fleet: Fleet) -> None:
    database = fleet.create(user=USER, password=PASSWORD, name="shop")

    def administer(*statements: str, name: str = "shop") -> None:
        with psycopg.connect(
            host="127.0.0.1", port=database.port, user="rdsadmin", password=fleet._secret, dbname=name, autocommit=True
        ) as link:
            for statement in statements:
                link.execute(statement.encode())

    administer(
        "ALTER SYSTEM SET max_prepared_transactions = 5",
        "ALTER SYSTEM SET max_replication_slots = 1",
        "ALTER SYSTEM SET wal_level = logical",
    )
    fleet.stop(database)
    fleet.start(database)
    administer(
        "CREATE EXTENSION vector",
        "SELECT pg_create_physical_replication_slot('reader')",
        "CREATE FOREIGN DATA WRAPPER dummy",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy",
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION e()",
    )
    link = connect(database)
    link.autocommit = True
    link.execute("BEGIN")
    link.execute("SELECT 1")
    link.execute("PREPARE TRANSACTION 'left over'")
    link.close()

    names = {one.what.split(" are ")[0]: one.names for one in found(database)}

    assert names["prepared transactions"] == ("shop by shop",)
    assert names["replication slots"] == ("reader (physical)",)
    assert names["foreign servers"] == ("elsewhere (dummy)",)
    assert names["event triggers"] == ("watched on ddl_command_end",)
    assert names["extensions"][0].startswith("vector 0.")
    assert names["roles"] == ("shop",)
    assert [one.what.split(" are ")[0] for one in stopping(found(database), "snapshot")] == ["prepared transactions"]
    assert "all 1 replication slots are in use (max_replication_slots)" in [
        one.what for one in stopping(found(database), "logical")
    ]


def test_a_subscription_that_would_be_copied_stops_both_until_it_is_disabled(fleet: Fleet) -> None:
    database = fleet.create(user=USER, password=PASSWORD, name="shop")
    words = f"host=127.0.0.1 port={database.port} dbname=shop user={USER} password={PASSWORD}"
    run(database, f"CREATE SUBSCRIPTION news CONNECTION '{words}' PUBLICATION p WITH (connect = false)")
    disabled = stopping(found(database), "snapshot")
    run(database, "ALTER SUBSCRIPTION news ENABLE")
    enabled = [stopping(found(database), "snapshot"), stopping(found(database), "logical")]
    run(database, "ALTER SUBSCRIPTION news DISABLE")
    run(database, "ALTER SUBSCRIPTION news SET (slot_name = NONE)")
    run(database, "DROP SUBSCRIPTION news")
    fleet.delete(database)

    assert disabled == []
    for stops in enabled:
        assert "news of shop" in [name for one in stops for name in one.names]


def test_an_unlogged_sequence_stops_both(fleet: Fleet) -> None:
    database = fleet.create(user=USER, password=PASSWORD, name="shop")
    run(database, "CREATE UNLOGGED SEQUENCE tickets", "CREATE UNLOGGED SEQUENCE unused", "SELECT nextval('tickets')")
    stops = stopping(found(database), "snapshot")
    fleet.delete(database)

    assert [one.names for one in stops] == [("public.tickets",)]
