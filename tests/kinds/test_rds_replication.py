"""An instance moves by logical replication: written to until the end, stopped anywhere, and nothing lost or doubled."""

import threading
from typing import Any

import pytest

from migrate.demo.postgres import Fleet
from migrate.errors import AccessError, StepFailed
from tests.carry.two_servers import connect, writing
from tests.kinds.replicated import STEPS, Killed, Life, Move, untouched
from tests.kinds.replicated import move as move
from tests.kinds.replicated import sessions as sessions


def test_writers_write_during_the_copy_and_every_row_arrives_once(move: Move) -> None:
    with writing(move.servers.legacy) as writers:
        move.run()

    arrived = [row[0] for row in move.servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")]
    assert len(writers.inserted) > 20
    assert len(arrived) == len(set(arrived))
    assert set(writers.inserted) <= set(arrived)
    assert move.servers.ask("target", "SELECT n = (SELECT count(*) FROM orders) FROM totals") == [(True,)]
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]
    for step in STEPS:
        action, carrier = move.carrier(step)
        assert action.prove(move.it, carrier).state == "equal", f"{step}, asked again at the end"


def test_a_rollback_from_anywhere_leaves_legacy_as_it_was(move: Move) -> None:
    for done in range(1, len(STEPS)):
        for step in STEPS[:done]:
            move.do(step)
        move.undo(*reversed(STEPS[:done]))

        untouched(move.servers)


def test_a_row_that_did_not_arrive_and_another_setting_fail_the_proof(move: Move) -> None:
    for step in STEPS[:-1]:
        move.do(step)
    move.servers.run("target", "DELETE FROM lines WHERE id = 7")

    proof = move.do("prove_rows")

    assert proof.state == "different"
    assert proof.differences == (
        "shop: rows of public.lines: 2000 in legacy, 1999 in the target",
        "shop: keys of public.lines (id): 1 only in legacy: 7",
    )
    move.servers.run("target", "ALTER DATABASE shop SET work_mem TO '5MB'")
    assert any("setting shop" in line for line in move.do("prove_rows").differences)


def test_it_is_not_caught_up_before_the_target_holds_legacys_last_write(move: Move) -> None:
    move.do("check_replication")
    move.do("replicate")
    caught: list[Any] = []
    with connect(move.servers.target) as holding:
        # One locked row holds the apply, and nothing else.
        holding.execute("SELECT FROM lines WHERE id = 7 FOR UPDATE")
        move.servers.run("legacy", "UPDATE lines SET what = 'the last' WHERE id = 7")
        running = threading.Thread(target=lambda: caught.append(move.do("catch_up")))
        running.start()
        running.join(8)
        early = list(caught)
    running.join(60)

    assert early == []
    assert caught[0].state == "equal"
    assert move.servers.ask("target", "SELECT count(*) FROM lines WHERE what = 'the last'") == [(1,)]


def test_a_table_made_while_it_replicates_stops_the_move_before_legacy_is_read_only(move: Move) -> None:
    move.do("check_replication")
    move.do("replicate")
    move.servers.run("legacy", "CREATE TABLE later (a int PRIMARY KEY)", "INSERT INTO later VALUES (1)")

    with pytest.raises(StepFailed, match=r"shop: public\.later: only in legacy"):
        move.do("catch_up")

    move.servers.run("legacy", "INSERT INTO later VALUES (2)")


def test_a_table_made_anew_under_its_old_name_stops_the_move_before_legacy_is_read_only(move: Move) -> None:
    move.do("check_replication")
    move.do("replicate")
    move.servers.run(
        "legacy", "DROP TABLE lines", "CREATE TABLE lines (id bigint PRIMARY KEY, orders bigint, what text)"
    )

    with pytest.raises(StepFailed, match=r"shop: public\.lines: made anew"):
        move.do("catch_up")

    move.servers.run("legacy", "INSERT INTO lines VALUES (1, 1, 'still written')")


def test_a_target_without_room_for_the_workers_is_left_as_it_is(fleet: Fleet, move: Move) -> None:
    fleet.stop(move.servers.target)
    fleet.configure(move.servers.target, {"max_logical_replication_workers": "1"})
    fleet.start(move.servers.target)

    with pytest.raises(StepFailed, match="max_logical_replication_workers is 1"):
        move.do("replicate")

    assert move.servers.ask("target", "SELECT count(*) FROM orders") == [(2000,)]
    move.undo("replicate")
    untouched(move.servers)


def test_a_slot_that_somebody_dropped_is_an_error_not_a_loss(move: Move) -> None:
    move.do("replicate")
    with move.servers.opened("target") as link:
        name = link.execute("SELECT subname FROM pg_subscription").fetchone()[0]
        link.execute(f"ALTER SUBSCRIPTION {name} DISABLE".encode())
    with move.servers.fleet._admin(move.servers.legacy) as admin:
        admin.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        while admin.execute("SELECT count(*) FROM pg_replication_slots WHERE active").fetchone() != (0,):
            pass
        admin.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")

    for step in ("replicate", "catch_up"):
        with pytest.raises(StepFailed, match="gone"):
            move.do(step)
    move.undo("replicate")
    untouched(move.servers)


def test_without_wal_level_logical_the_check_says_what_to_set(fleet: Fleet, move: Move) -> None:
    fleet.stop(move.servers.legacy)
    fleet.configure(move.servers.legacy, {})
    fleet.start(move.servers.legacy)

    with pytest.raises(StepFailed, match=r"rds\.logical_replication to 1"):
        move.do("check_replication")


def test_without_a_connection_the_error_says_which_side(move: Move) -> None:
    action, carrier = move.carrier("replicate")
    carrier.connections["target"] = None

    with pytest.raises(AccessError, match="shop in the target"):
        action.carry(move.it, carrier)


def converges(move: Move, points: int, kills: int) -> None:
    """Kill a process every so many statements of the whole move, run the same again, and look at the rows."""
    whole = Life()
    with writing(move.servers.legacy) as writers:
        for step in STEPS:
            life = Life(left=3)
            while True:
                try:
                    proof = move.do(step, life)
                except Killed:
                    # The next process lives longer, and dies later; the last one lives.
                    whole.left -= 1
                    life = Life(left=life.sent + points)
                    continue
                break
            assert proof.state == "equal", (step, proof.differences)
    arrived = [row[0] for row in move.servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")]
    assert len(arrived) == len(set(arrived))
    assert set(writers.inserted) <= set(arrived)
    print(f"{10**9 - whole.left} kills")
    assert 10**9 - whole.left >= kills, "it was killed less often than that"
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]


@pytest.mark.torture
def test_killed_at_many_points_it_goes_on_and_no_row_is_lost_or_doubled(move: Move) -> None:
    converges(move, 17, 10)


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_killed_at_fifty_points_no_row_is_lost_or_doubled(move: Move) -> None:
    converges(move, 6, 50)


@pytest.mark.parametrize("left", [25, *(pytest.param(n, marks=pytest.mark.torture) for n in (10, 40, 55))])
def test_killed_while_it_begins_and_rolled_back_nothing_is_left(move: Move, left: int) -> None:
    with pytest.raises(Killed):
        move.do("replicate", Life(left))

    move.undo("replicate")

    assert ("legacy", "postgresql.CreatePublication") in move.intended
    untouched(move.servers)
