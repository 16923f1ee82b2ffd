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
        found = since(server, "INSERT INTO orders DEFAULT VALUES")
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
