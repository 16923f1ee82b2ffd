"""What a database took since a moment is never "nothing" where its counters cannot have seen it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrate.carry import postgres_since
from migrate.demo.postgres import Database, Fleet
from tests.carry.two_servers import PASSWORD, USER, connect, run


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> Iterator[Database]:
    made = fleet.create(user=USER, password=PASSWORD, name="shop", parameters={"max_prepared_transactions": "5"})
    run(made, "CREATE TABLE orders (id bigserial PRIMARY KEY)", "SELECT lo_from_bytea(4711, 'large')")
    yield made
    fleet.delete(made)


def no_pause(_: float) -> None:
    return None


def since(server: Database, *statements: str) -> postgres_since.Since:
    with connect(server, autocommit=True) as link:
        before = postgres_since.mark(link)
        run(server, *statements) if statements else None
        return postgres_since.since(before, link, no_pause)


def test_a_large_object_that_was_written_over_is_said(server: Database) -> None:
    assert since(server) == postgres_since.Since("nothing")

    found = since(server, "SELECT lo_put(4711, 0, 'LARGE')")

    assert found == postgres_since.Since("written", ("large objects: 1 rows updated",))


def for_the_server(server: Database, fleet: Fleet) -> Callable[[], None]:
    with fleet._admin(server) as link:
        link.execute("ALTER SYSTEM SET track_counts TO off")
        link.execute("SELECT pg_reload_conf()")

    def back() -> None:
        with fleet._admin(server) as link:
            link.execute("ALTER SYSTEM RESET track_counts")
            link.execute("SELECT pg_reload_conf()")

    return back


def for_a_role(server: Database, fleet: Fleet) -> Callable[[], None]:
    with fleet._admin(server) as link:
        link.execute(f"ALTER ROLE {USER} SET track_counts TO off")

    def back() -> None:
        with fleet._admin(server) as link:
            link.execute(f"ALTER ROLE {USER} RESET track_counts")

    return back


@pytest.mark.parametrize("switch_off", [for_the_server, for_a_role])
def test_where_writes_are_not_counted_no_counter_says_nothing(
    server: Database, fleet: Fleet, switch_off: Callable[[Database, Fleet], Callable[[], None]]
) -> None:
    back = switch_off(server, fleet)
    time.sleep(0.5)
    try:
        found = since(server, f"INSERT INTO orders VALUES ({-time.time_ns()})")
    finally:
        back()
        time.sleep(0.5)

    assert found.state == "unclear"
    assert "track_counts" in found.lines[0]


def test_a_transaction_that_is_not_finished_is_said(server: Database) -> None:
    with connect(server) as writer:
        writer.execute("INSERT INTO orders DEFAULT VALUES")

        found = since(server)

        writer.rollback()

    assert found.state == "written"
    assert found.lines == (f"a transaction of {USER} has written and is still open",)


def test_a_prepared_transaction_is_said(server: Database) -> None:
    def prepared(link: Any) -> None:
        link.execute("BEGIN")
        link.execute("INSERT INTO orders DEFAULT VALUES")
        link.execute("PREPARE TRANSACTION 'two'")

    with connect(server, autocommit=True) as link:
        prepared(link)
        found = since(server)
        link.execute("ROLLBACK PREPARED 'two'")

    assert found.lines == (f"a prepared transaction of {USER} is open",)


def test_committed_rows_that_an_idle_transaction_keeps_to_itself_are_never_nothing(server: Database) -> None:
    with connect(server, autocommit=True) as link, connect(server) as writer:
        before = postgres_since.mark(link)
        for _ in range(3):
            writer.execute("INSERT INTO orders DEFAULT VALUES")
            writer.commit()
        # The next of its transactions has begun: until it ends, the server is told no more.
        writer.execute("SELECT 1")

        found = postgres_since.since(before, link, lambda _: time.sleep(1.5))

    assert found.state in ("written", "unclear")
    assert found.lines


def test_who_only_reads_in_a_long_transaction_is_said_where_the_server_was_busy(server: Database) -> None:
    with connect(server, autocommit=True) as link, connect(server) as reader:
        before = postgres_since.mark(link)
        run(server, "SELECT txid_current()")
        reader.execute("SELECT 1")

        found = postgres_since.since(before, link, lambda _: time.sleep(1.5))

    assert found.state == "unclear"
    assert f"a session of {USER} (pid " in found.lines[0]


def test_a_transaction_that_had_written_before_the_mark_and_ended_after_it_is_seen(server: Database) -> None:
    with connect(server, autocommit=True) as link, connect(server) as writer:
        writer.execute("INSERT INTO orders DEFAULT VALUES")
        before = postgres_since.mark(link)
        writer.commit()
        writer.close()

        found = postgres_since.since(before, link, no_pause)

    assert found == postgres_since.Since("written", ("public.orders: 1 rows inserted",))


def test_a_number_that_a_sequence_gave_is_said(server: Database) -> None:
    found = since(server, "SELECT setval('orders_id_seq', 4000)")
    same = since(server, "CREATE TEMP TABLE own AS SELECT 1")

    assert found.state == "written"
    assert found.lines[0].startswith("sequence public.orders_id_seq: ")
    assert found.lines[0].endswith(" then, 4000 now")
    assert same == postgres_since.Since("nothing")
