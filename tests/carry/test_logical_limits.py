"""What legacy's own settings, workers and writers do to a replication: it works, or the refusal says why."""

from collections.abc import Iterator

import psycopg
import pytest

from migrate.carry import logical, logical_checks
from migrate.demo.postgres import Fleet
from migrate.errors import StepFailed
from tests.carry.test_logical import NAME, until
from tests.carry.two_servers import TwoServers, connect, make


@pytest.fixture
def servers(fleet: Fleet) -> Iterator[TwoServers]:
    made = make(fleet)
    yield made
    made.close()


def test_a_limit_that_legacys_database_has_for_sessions_does_not_end_the_copy(fleet: Fleet) -> None:
    large = "INSERT INTO orders (note) SELECT repeat('x', 400) FROM generate_series(1, 150000)"
    servers = make(fleet, more=f"{large};")
    servers.run("legacy", "ALTER DATABASE shop SET statement_timeout TO '60ms'")
    legacy, target = servers.opened("legacy"), servers.opened("target")

    logical.begin(legacy, target, NAME, servers.address)
    until(lambda: logical.progress(legacy, target, NAME).copied)

    assert logical.progress(legacy, target, NAME).failures == 0
    logical.end_in_target(target, NAME)
    logical.end_in_legacy(legacy, NAME, "")
    assert servers.ask("legacy", "SELECT count(*) FROM pg_db_role_setting WHERE setrole <> 0") == [(0,)]
    servers.close()


def test_who_would_write_on_stops_the_freeze(servers: TwoServers) -> None:
    legacy = servers.opened("legacy")
    servers.run("legacy", "CREATE ROLE app LOGIN PASSWORD 'app'", "GRANT ALL ON before TO app")
    servers.run("legacy", "ALTER ROLE app SET default_transaction_read_only TO off")

    with pytest.raises(StepFailed, match="role app may write to a database that is read-only"):
        logical.stop_writes(legacy)
    legacy.execute("ALTER ROLE app RESET default_transaction_read_only")
    logical.stop_writes(legacy)

    with (
        connect(servers.legacy, user="app", password="app") as link,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        link.execute("INSERT INTO before VALUES (99)")


def test_what_is_prepared_stops_the_freeze(servers: TwoServers) -> None:
    servers.fleet.stop(servers.legacy)
    servers.fleet.configure(servers.legacy, {"wal_level": "logical", "max_prepared_transactions": "5"})
    servers.fleet.start(servers.legacy)
    legacy = servers.opened("legacy")
    for statement in ("BEGIN", "INSERT INTO before VALUES (99)", "PREPARE TRANSACTION 'two'"):
        legacy.execute(statement)

    with pytest.raises(StepFailed, match="a prepared transaction of shop is open"):
        logical.stop_writes(legacy)
    legacy.execute("COMMIT PREPARED 'two'")
    logical.stop_writes(legacy)


def test_a_partition_elsewhere_is_refused_before_it_could_be_emptied_there(servers: TwoServers) -> None:
    servers.run("legacy", "CREATE TABLE years (year int) PARTITION BY RANGE (year)")
    with psycopg.connect(
        host="127.0.0.1", port=servers.legacy.port, user="rdsadmin", password=servers.fleet._secret, dbname="shop"
    ) as admin:
        admin.execute("CREATE FOREIGN DATA WRAPPER dummy")
        admin.execute("CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy")
        admin.execute("CREATE FOREIGN TABLE old PARTITION OF years FOR VALUES FROM (2020) TO (2021) SERVER elsewhere")

    found = logical_checks.problems(servers.opened("legacy"), 3)

    assert [one.partition(":")[2].strip()[:40] for one in found] == ["public.years has a foreign table as a pa"]


def test_a_server_with_too_few_workers_is_refused_where_it_would_wait_for_ever(fleet: Fleet) -> None:
    database = fleet.create(
        user="shop", password="secret", name="shop",
        parameters={"max_logical_replication_workers": "4", "max_worker_processes": "5", "max_replication_slots": "4"},
    )  # fmt: skip
    with connect(database, autocommit=True) as link:
        enough, too_few = logical_checks.room(link, 3), logical_checks.room(link, 4)
        back = logical_checks.room(link, 4, copies=False)
    fleet.delete(database)

    assert enough == []
    assert back == []
    assert [one.split(" where ")[0] for one in too_few] == [
        "max_logical_replication_workers is 4", "max_worker_processes is 5", "max_replication_slots is 4",
    ]  # fmt: skip
    assert "5 are needed" in too_few[0]


def test_a_view_is_computed_as_the_databases_own_search_path_finds_things(servers: TwoServers) -> None:
    view = (
        "CREATE FUNCTION held() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM orders); END'",
        "CREATE MATERIALIZED VIEW held_then AS SELECT held()",
    )
    servers.run("target", *view)
    target = servers.opened("target")
    target.execute("SET search_path TO pg_catalog")

    assert logical.refresh_views(target) == 2
