"""A database is replicated to the last row while legacy writes, and nothing of the replication is left behind."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from migrate.carry import logical, logical_checks, logical_indexes, postgres
from migrate.demo.postgres import ADMIN, Fleet
from migrate.errors import StepFailed
from tests.carry.two_servers import TwoServers, connect, make, writing

NAME = logical.own_name("step", "shop")


@pytest.fixture
def servers(fleet: Fleet) -> Iterator[TwoServers]:
    made = make(fleet)
    yield made
    made.close()


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def indexes(servers: TwoServers) -> list[str]:
    """The indexes in the target that are no keys."""
    query = "SELECT indexname FROM pg_indexes WHERE indexname IN ('notes', 'once', 'said') ORDER BY 1"
    return [row[0] for row in servers.ask("target", query)]


def test_rows_written_during_the_copy_arrive_once_each_and_nothing_is_left_behind(servers: TwoServers) -> None:
    legacy, target = servers.opened("legacy"), servers.opened("target")
    with writing(servers.legacy) as writers:
        subscription = logical.begin(legacy, target, NAME, servers.address)
        assert indexes(servers) == ["said"]
        until(lambda: logical.progress(legacy, target, NAME).copied)
        assert logical_indexes.build(legacy, target, NAME) == 0
        position = logical.stop_writes(legacy)
        until(lambda: logical.has_applied(legacy, NAME, position))
        logical.set_sequences(legacy, target)
        logical.refresh_views(target)
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, subscription)

    assert len(writers.inserted) > 20
    ended = ("terminating connection", "closed the connection", "read-only")
    assert all(any(how in said for how in ended) for said in writers.errors), writers.errors
    arrived = {row[0] for row in servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")}
    assert set(writers.inserted) <= arrived
    assert logical.leftovers(legacy, NAME) == logical.leftovers(target, NAME) == []
    assert servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]
    found = postgres.prove(lambda n: connect(servers.legacy, n), lambda n: connect(servers.target, n), "shop")
    own = "setting shop every role: only in legacy"
    assert found.differences == (f"postgres: {own}", f"shop: {own}"), found.differences
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        servers.run("legacy", "INSERT INTO orders (note) VALUES ('late')")
    logical.allow_writes(legacy)
    servers.run("legacy", "INSERT INTO orders (note) VALUES ('again')")


def test_begun_again_at_any_point_it_goes_on_and_an_end_in_the_middle_leaves_no_slot(servers: TwoServers) -> None:
    legacy, target = servers.opened("legacy"), servers.opened("target")
    first = logical.begin(legacy, target, NAME, servers.address)

    again = logical.begin(legacy, target, NAME, servers.address)
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, first)
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, first)

    assert first == again
    assert logical.leftovers(legacy, NAME) == logical.leftovers(target, NAME) == []
    assert servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]


def test_the_target_is_not_emptied_where_the_connection_leads_to_legacy(servers: TwoServers) -> None:
    legacy, wrong = servers.opened("legacy"), servers.opened("legacy")

    with pytest.raises(StepFailed, match="is legacy's"):
        logical.begin(legacy, wrong, NAME, servers.address)

    assert servers.ask("legacy", "SELECT count(*) FROM orders") == [(2000,)]
    logical.end_in_legacy(legacy, NAME, "")
    assert logical.leftovers(legacy, NAME) == []


def test_a_legacy_that_the_target_cannot_reach_is_refused_and_no_row_is_lost(servers: TwoServers) -> None:
    legacy, target = servers.opened("legacy"), servers.opened("target")

    with pytest.raises(psycopg.OperationalError, match="could not connect to the publisher"):
        logical.begin(legacy, target, NAME, ("127.0.0.1", 1))

    assert servers.ask("target", "SELECT count(*) FROM orders") == [(2000,)]
    assert not logical.is_running(target, NAME)
    logical.begin(legacy, target, NAME, servers.address)
    until(lambda: logical.progress(legacy, target, NAME).copied)
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, "")


READ_ONLY = logical.READ_ONLY
HARMS = {
    "CREATE TABLE keyless (a int)": "public.keyless has no replica identity",
    "CREATE TABLE nothing (a int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING": "public.nothing has no",
    "CREATE UNLOGGED TABLE cache (a int PRIMARY KEY)": "public.cache is unlogged",
    "SELECT lo_from_bytea(0, 'large')": "1 large objects",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY": "public.orders has row level security",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    "CREATE TRIGGER always AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f();"
    "ALTER TABLE orders ENABLE ALWAYS TRIGGER always": "public.orders.always has a trigger",
    "CREATE ROLE other; GRANT other TO shop; GRANT CREATE ON SCHEMA public TO other;"
    "CREATE TABLE theirs (a int PRIMARY KEY); ALTER TABLE theirs OWNER TO other;"
    "REVOKE other FROM shop": "public.theirs (other) belongs to a role that this login is not",
    "CREATE TABLE old (n int PRIMARY KEY); ALTER TABLE old ADD CONSTRAINT c CHECK (n > 0) NOT VALID": "public.old.c is",
    "CREATE TABLE noted (what json, at point[]); ALTER TABLE noted REPLICA IDENTITY FULL": "public.noted has REPLICA I",
    f"CREATE ROLE app LOGIN; ALTER ROLE app SET {READ_ONLY} TO off": "shop: role app may write to a database",
    f"CREATE ROLE two LOGIN; ALTER ROLE two IN DATABASE shop SET {READ_ONLY} TO 'no'": "… IN DATABASE shop RESET def",
    f"ALTER DATABASE shop SET {READ_ONLY} TO off": "shop has default_transaction_read_only=off by ALTER",
}
FINE = f"CREATE ROLE reader LOGIN; ALTER ROLE reader SET {READ_ONLY} TO on"


def test_what_would_be_lost_or_would_break_legacy_is_refused_by_name(fleet: Fleet) -> None:
    servers = make(fleet, logical=False)
    servers.run("legacy", FINE)
    with connect(servers.legacy, autocommit=True) as link:
        plain = logical_checks.problems(link, 3)
    for harm in HARMS:
        servers.run("legacy", harm)
    with connect(servers.legacy, autocommit=True) as link:
        found = logical_checks.problems(link, 99)

    assert [said[:20] for said in plain] == ["wal_level is replica"]
    for said in HARMS.values():
        assert any(said in one for one in found), (said, found)
    assert any(one.startswith("max_replication_slots is 10") for one in found)
    servers.close()


def test_another_encoding_of_the_target_is_reported(fleet: Fleet) -> None:
    server = fleet.create(user="shop", password="secret", name="shop")
    with connect(server, "postgres", autocommit=True) as link:
        link.execute("CREATE DATABASE other ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")

    with connect(server) as one, connect(server, "other", client_encoding="utf8") as other:
        said = logical_checks.unlike(one, other)
        same = logical_checks.unlike(one, one)

    fleet.delete(server)
    assert same == []
    assert "encoding: UTF8 in legacy, SQL_ASCII in the target" in said


def test_a_table_made_after_the_snapshot_is_refused_before_anything_is_emptied(servers: TwoServers) -> None:
    servers.run("legacy", "CREATE TABLE later (a int PRIMARY KEY)", "ALTER TABLE orders ADD COLUMN more int")
    legacy, target = servers.opened("legacy"), servers.opened("target")

    with pytest.raises(
        StepFailed, match=r"public\.later: only in legacy; public\.orders|public\.orders: .*; public\.later"
    ):
        logical.begin(legacy, target, NAME, servers.address)

    assert servers.ask("target", "SELECT count(*) FROM orders") == [(2000,)]
    assert logical.leftovers(legacy, NAME) == []


def test_the_role_has_rds_replication_where_the_server_is_rdss(servers: TwoServers) -> None:
    with servers.fleet._admin(servers.legacy) as admin:
        admin.execute("CREATE ROLE rds_replication NOLOGIN")
        admin.execute("GRANT rds_replication TO rds_superuser WITH ADMIN OPTION")
    legacy, target = servers.opened("legacy"), servers.opened("target")

    # This server gives the right by the attribute only, so that it refuses the slot.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        logical.begin(legacy, target, NAME, servers.address)

    member = "SELECT pg_has_role(%s, 'rds_replication', 'MEMBER'), rolreplication FROM pg_roles WHERE rolname = %s"
    assert legacy.execute(member, [NAME, NAME]).fetchone() == (True, False)


def test_a_table_that_is_synchronized_is_copied_before_the_subscription_calls_it_ready(servers: TwoServers) -> None:
    legacy, target = servers.opened("legacy"), servers.opened("target")
    subscription = logical.begin(legacy, target, NAME, servers.address)
    until(lambda: logical.progress(legacy, target, NAME).copied)
    target.execute(f"ALTER SUBSCRIPTION {NAME} DISABLE".encode())
    words = {"user": ADMIN, "password": servers.fleet._secret, "host": "127.0.0.1", "port": servers.target.port}

    def said(state: str) -> bool:
        # As the workers leave it: s is synchronized, f is a copy whose changes since are not applied yet.
        with psycopg.connect(**words, dbname="shop") as admin:
            admin.execute("UPDATE pg_subscription_rel SET srsubstate = %s", [state])
        return logical.progress(legacy, target, NAME).copied

    assert [state for state in "idfsr" if said(state)] == ["s", "r"]
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, subscription)
