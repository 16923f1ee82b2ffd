"""After the cut-over the target takes writes: a rollback brings each row back, or says before it what is lost."""

import dataclasses
import os
import signal
import time
from collections.abc import Iterator

import boto3
import psycopg
import pytest

from migrate.carry import logical_back, postgres
from migrate.demo.postgres import Fleet
from migrate.errors import StepFailed
from migrate.sites import LOSS_ACCEPTED
from tests.carry.fake_carrier import LEGACY
from tests.carry.two_servers import connect, make, writing
from tests.kinds.plain_site import PlainSite
from tests.kinds.replicated import INSTANCE, STEPS, Killed, Life, Move, untouched
from tests.kinds.replicated import sessions as sessions

THERE = ("check_replication", "check_way_back", *STEPS[1:], "follow_back")
"""Every step up to the cut-over."""
LEFT = (
    "pg_replication_slots", "pg_publication", "pg_subscription", "pg_roles WHERE rolname LIKE 'migrate%'",
)  # fmt: skip


@pytest.fixture
def move(fleet: Fleet, sessions: dict[str, boto3.Session]) -> Iterator[Move]:
    site = PlainSite(sessions["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    it = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop"))))
    facts = it.facts.model_copy(update={"logical_replication": True})
    servers = make(fleet, publishes=True)
    yield Move(dataclasses.replace(it, facts=facts, strategy="logical", way_back="reverse"), servers, sessions)
    servers.close()


def there(move: Move) -> None:
    """Everything up to the cut-over."""
    for step in THERE:
        proof = move.do(step)
        assert proof.state == "equal", (step, proof.differences)


def lost(move: Move) -> list[str]:
    action, carrier = move.carrier("prove_rows")
    return list(action.loses(move.it, carrier))


def accepted(move: Move) -> None:
    """A person has said that rows may be lost."""
    move.outputs.setdefault("follow_back", {})[LOSS_ACCEPTED] = "ana"


def nothing_left(move: Move) -> None:
    for side in ("legacy", "target"):
        for what in LEFT:
            assert move.servers.ask(side, f"SELECT count(*) FROM {what}") == [(0,)], (side, what)


def test_what_the_target_took_is_in_legacy_after_a_rollback_each_row_once(move: Move) -> None:
    there(move)
    for step in ("prove_rows", "follow_back"):
        assert move.do(step).state == "equal", f"{step}, asked again while legacy follows"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        move.servers.run("legacy", "INSERT INTO orders (note) VALUES ('from somebody else')")
    with writing(move.servers.target) as writers:
        time.sleep(1.5)
        none_lost = lost(move)
        move.undo("follow_back")
    held = move.servers.ask("target", "SELECT id, note, total FROM orders ORDER BY id")
    sequence = move.servers.ask("target", "SELECT last_value FROM orders_id_seq")
    nothing_left(move)
    move.undo(*reversed(THERE[:-1]))

    assert len(writers.inserted) > 20
    assert none_lost == []
    assert move.servers.ask("legacy", "SELECT id, note, total FROM orders ORDER BY id") == held
    assert set(writers.inserted) <= {row[0] for row in held}
    assert move.servers.ask("legacy", "SELECT last_value FROM orders_id_seq") == sequence
    assert move.servers.ask("legacy", "SELECT n = (SELECT count(*) FROM orders) FROM totals") == [(True,)]
    untouched(move.servers)


def test_what_came_back_is_not_asked_about_again_and_what_comes_after_it_is(move: Move) -> None:
    there(move)
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('there')")
    move.undo("follow_back")

    none_lost = lost(move)
    move.servers.run("target", "SET TRANSACTION READ WRITE", "INSERT INTO orders (note) VALUES ('later still')")

    assert none_lost == []
    assert "shop: public.orders: 2 rows inserted" in lost(move)


def killed_while_it_comes_back(move: Move, growing: int) -> int:
    """Kill the undo at many points, type the same again, and look at the rows. Returns how often it was killed."""
    there(move)
    kills, life = 0, Life(left=3)
    with writing(move.servers.target) as writers:
        time.sleep(0.5)
        while True:
            try:
                move.undo("follow_back", life=life)
                break
            except Killed:
                kills += 1
                life = Life(left=life.sent + growing)
    held = move.servers.ask("target", "SELECT id, note, total FROM orders ORDER BY id")
    assert move.servers.ask("legacy", "SELECT id, note, total FROM orders ORDER BY id") == held
    assert set(writers.inserted) <= {row[0] for row in held}
    nothing_left(move)
    return kills


def test_killed_while_rows_come_back_the_same_typed_again_brings_each_once(move: Move) -> None:
    assert killed_while_it_comes_back(move, 60) >= 3


@pytest.mark.torture
def test_killed_at_every_few_statements_while_rows_come_back_each_arrives_once(move: Move) -> None:
    assert killed_while_it_comes_back(move, 7) >= 20


@pytest.mark.torture
@pytest.mark.parametrize("left", [14, 30, 45, 60, 75])
def test_killed_while_the_way_back_begins_it_goes_on_and_legacy_follows(move: Move, left: int) -> None:
    for step in THERE[:-1]:
        move.do(step)
    with pytest.raises(Killed):
        move.do("follow_back", Life(left))

    assert move.do("follow_back").state == "equal"
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('there')")
    move.undo("follow_back")

    assert move.servers.ask("legacy", "SELECT count(*) FROM orders WHERE note = 'there'") == [(1,)]
    nothing_left(move)


@pytest.mark.torture
def test_a_table_that_legacy_has_not_keeps_the_target_until_a_person_gives_it_up(move: Move) -> None:
    there(move)
    move.servers.run("target", "CREATE TABLE later (a int PRIMARY KEY)", "INSERT INTO later VALUES (1)")
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('there')")

    said = lost(move)
    with pytest.raises(StepFailed, match=r"public\.later: only in the target"):
        move.undo("follow_back")

    assert any(line.startswith("shop: public.later") for line in said), said
    assert any("the way back does not bring it: public.later" in line for line in said), said
    # Still carried, and the target still takes writes: nothing was cut off.
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('more')")
    accepted(move)
    move.undo("follow_back")
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_subscription") == [(0,)]


@pytest.mark.torture
def test_what_is_given_up_in_one_database_does_not_give_up_the_others(move: Move) -> None:
    for side in (move.servers.legacy, move.servers.target):
        with connect(side, "postgres") as link:
            link.execute("CREATE TABLE notes (id int PRIMARY KEY)")
    there(move)
    with connect(move.servers.target, "postgres") as link:
        link.execute("INSERT INTO notes SELECT generate_series(1, 9)")
    move.servers.run("target", "CREATE TABLE later (a int PRIMARY KEY)", "INSERT INTO later VALUES (1)")

    said = lost(move)
    accepted(move)
    move.undo("follow_back")

    assert {line.partition(":")[0] for line in said} == {"shop"}
    with connect(move.servers.legacy, "postgres") as link:
        assert link.execute("SELECT count(*) FROM notes").fetchone() == (9,)
    nothing_left(move)


@pytest.mark.torture
def test_a_way_back_that_somebody_dropped_is_said_and_never_taken_for_a_carried_one(move: Move) -> None:
    there(move)
    legacy, target = move.servers.opened("legacy"), move.servers.opened("target")
    name = legacy.execute("SELECT subname FROM pg_subscription").fetchone()[0]
    logical_back.end(legacy, target, name)
    quiet = lost(move)
    move.servers.run("target", "INSERT INTO orders (note) SELECT 'there' FROM generate_series(1, 3)")

    said = lost(move)
    with pytest.raises(StepFailed, match="the way back of shop is gone"):
        move.undo("follow_back")

    assert quiet == []
    assert said == ["shop: public.orders: 3 rows inserted"]
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('it still takes writes')")


@pytest.mark.torture
def test_a_row_that_legacy_has_not_after_the_last_write_keeps_the_target(move: Move) -> None:
    there(move)
    with move.servers.opened("legacy") as link:
        link.execute("DELETE FROM lines WHERE id = 7")
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('there')")

    with pytest.raises(StepFailed, match=r"rows of public\.lines: 1999 in legacy, 2000 in the target"):
        move.undo("follow_back")

    assert move.servers.ask("target", "SELECT count(*) FROM pg_replication_slots") == [(1,)]


def test_without_a_way_back_what_was_written_is_named_by_table(move: Move) -> None:
    for step in STEPS:
        move.do(step)
    before = lost(move)

    move.servers.run("target", "UPDATE orders SET note = 'x' WHERE id < 4", "DELETE FROM lines WHERE id = 9")
    after = lost(move)
    move.servers.run("target", "UPDATE orders SET note = 'first ' || id WHERE id < 4", 'TRUNCATE "Odd ""name"')

    assert before == []
    assert after == ["shop: public.lines: 1 rows deleted", "shop: public.orders: 3 rows updated"]
    assert 'shop: public."Odd ""name" was emptied or written anew' in lost(move)


@pytest.mark.torture
def test_after_a_crash_of_the_target_the_rows_are_compared(move: Move) -> None:
    for step in STEPS:
        move.do(step)
    crash(move)
    unharmed = lost(move)
    move.servers.run("target", "DELETE FROM lines WHERE id = 9")
    crash(move)

    assert unharmed == []
    assert any("rows of public.lines: 2000 in legacy, 1999 in the target" in line for line in lost(move))


def crash(move: Move) -> None:
    """One backend dies, and the server starts itself anew: its counts of tables are gone."""
    with move.servers.fleet._admin(move.servers.target) as admin:
        pid = admin.execute("SELECT pg_backend_pid()").fetchone()
        assert pid is not None
        os.kill(int(str(pid[0])), signal.SIGKILL)
        with pytest.raises(Exception, match="closed the connection"):
            admin.execute("SELECT 1")
    end = time.monotonic() + 30
    while True:
        try:
            move.servers.ask("target", "SELECT 1")
            return
        except psycopg.Error:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.torture
def test_a_target_that_cannot_be_asked_may_have_taken_writes(move: Move) -> None:
    for step in STEPS:
        move.do(step)
    action, carrier = move.carrier("prove_rows")
    carrier.connections["target"] = None

    assert "cannot be known" in next(iter(action.loses(move.it, carrier)))


def test_a_target_that_cannot_publish_or_be_reached_stops_the_run_before_anything_is_frozen(move: Move) -> None:
    action, carrier = move.carrier("check_way_back")
    carrier.routes = {"shop": ("127.0.0.1", 1)}
    with pytest.raises(StepFailed, match=r"legacy's server does not reach the target's at 127\.0\.0\.1:1"):
        action.carry(move.it, carrier)
    nothing_left(move)
    move.servers.fleet.stop(move.servers.target)
    move.servers.fleet.configure(move.servers.target, {})
    move.servers.fleet.start(move.servers.target)

    with pytest.raises(StepFailed, match="wal_level of the target is replica"):
        move.do("check_way_back")

    nothing_left(move)


@pytest.mark.torture
def test_a_group_of_the_moment_is_no_ground_for_a_way_back(move: Move) -> None:
    move.it = dataclasses.replace(move.it, facts=move.it.facts.model_copy(update={"logical_replication": False}))

    with pytest.raises(StepFailed, match=r"way_back: reverse needs rds\.logical_replication in the parameter group"):
        move.do("check_replication")


@pytest.mark.torture
def test_once_it_is_ended_nothing_of_it_is_left_and_a_rollback_says_what_it_loses(move: Move) -> None:
    there(move)
    assert move.do("end_way_back").state == "equal"
    nothing_left(move)
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('late')")

    assert lost(move) == ["shop: public.orders: 1 rows inserted"]


def test_a_database_that_was_made_in_the_target_since_is_named(move: Move) -> None:
    for step in STEPS:
        move.do(step)
    assert lost(move) == []
    with connect(move.servers.target, autocommit=True) as link:
        link.execute("CREATE DATABASE later")

    assert lost(move) == ["database later: only in the target"]


def test_rows_are_named_however_many_definitions_differ_beside_them(move: Move) -> None:
    there(move)
    functions = (f"CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT 1'" for n in range(postgres.SHOWN))
    move.servers.run("target", *functions)
    name = logical_back.own_name(move.carrier("follow_back")[1].place.step, "shop")
    # A row that goes neither way: as a bug, or a person, would leave it.
    move.servers.run("target", f"ALTER PUBLICATION {name} SET (publish = 'insert')", "DELETE FROM lines WHERE id = 1")

    with pytest.raises(StepFailed, match=r"rows of public\.lines"):
        move.undo("follow_back")
    assert move.servers.ask("target", "SELECT count(*) FROM lines")
