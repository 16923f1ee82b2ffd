"""Right before the cut-over legacy is asked what it took since the rows were proved, by a real server's counters."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from migrate.carry import postgres_since
from migrate.demo.postgres import Fleet
from migrate.errors import StepFailed
from migrate.kinds.rds_instance import last_look
from tests.carry.fake_carrier import LEGACY
from tests.carry.two_servers import connect, make
from tests.kinds.plain_site import PlainSite
from tests.kinds.replicated import INSTANCE, Move
from tests.kinds.replicated import sessions as sessions

LATE = ("SET TRANSACTION READ WRITE", "INSERT INTO orders (note) VALUES ('late')")


@pytest.fixture
def move(fleet: Fleet, sessions: dict[str, boto3.Session]) -> Iterator[Move]:
    """Both sides hold the same, and that is proved."""
    site = PlainSite(sessions["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    it = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop"))))
    servers = make(fleet)
    move = Move(dataclasses.replace(it, strategy="logical"), servers, sessions)
    for step in ("check_replication", "replicate", "catch_up", "end_replication", "prove_rows"):
        assert move.do(step).state == "equal", step
    yield move
    servers.close()


def test_nothing_written_nothing_compared(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.kinds.rds_instance.last_look.proof_without_own", None)

    proof = move.do("look_again")

    assert (proof.state, proof.evidence["legacy since"]) == ("equal", "nothing")
    assert proof.evidence["shop since the cut-over"] == "nothing"


def test_a_session_that_says_read_write_by_itself_is_named_by_table_and_key(move: Move) -> None:
    move.servers.run("legacy", *LATE)

    with pytest.raises(StepFailed) as stopped:
        move.do("look_again")

    assert "took writes after its rows were proved" in stopped.value.what
    assert "shop: public.orders: 1 rows inserted" in stopped.value.what
    assert "keys of public.orders (id)" in stopped.value.what
    assert "nothing that uses it is started in the target yet" in stopped.value.what


def test_what_was_undone_or_put_into_the_target_as_well_is_no_loss(move: Move) -> None:
    move.servers.run("legacy", LATE[0], "UPDATE orders SET note = 'never' WHERE id = 1", "ROLLBACK")
    undone = move.do("look_again")
    for side in ("legacy", "target"):
        move.servers.run(side, LATE[0], "UPDATE orders SET note = 'the same on both' WHERE id = 2")
    both = move.do("look_again")

    assert [proof.state for proof in (undone, both)] == ["equal", "equal"]
    assert "written; compared again, every row is the same" in (
        undone.evidence["legacy since"], both.evidence["legacy since"],
    )  # fmt: skip


def test_counters_that_cannot_say_have_every_row_compared(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    unclear = postgres_since.Since("unclear", ("its counters were begun anew since",))
    monkeypatch.setattr(postgres_since, "since", lambda *_: unclear)
    same = move.do("look_again")
    move.servers.run("legacy", *LATE)

    assert same.evidence["legacy since"] == "unclear; compared again, every row is the same"
    with pytest.raises(StepFailed, match="may have taken writes"):
        move.do("look_again")


def test_what_is_not_committed_yet_holds_the_cutover_until_it_ends(move: Move) -> None:
    """A comparison would see none of it, and it would be lost once it is committed."""
    with connect(move.servers.legacy) as writer:
        writer.execute(LATE[0])
        writer.execute("UPDATE orders SET note = 'late' WHERE id = 1")

        with pytest.raises(StepFailed, match="shop: a transaction of shop has written and is still open"):
            move.do("look_again")
        writer.rollback()

    assert move.do("look_again").state == "equal"


def test_a_write_during_the_comparison_has_it_made_again(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, late = last_look.proof_without_own, list(LATE)
    move.servers.run("legacy", LATE[0], "UPDATE orders SET note = note WHERE id = 1")

    def proof_without_own(it: Any, to: Any) -> Any:
        found = whole(it, to)
        if late:
            move.servers.run("legacy", *late)
            late.clear()
        return found

    monkeypatch.setattr(last_look, "proof_without_own", proof_without_own)

    with pytest.raises(StepFailed, match=r"public\.orders: 1 rows inserted"):
        move.do("look_again")


def test_after_the_cutover_whoever_still_writes_to_legacy_is_a_difference(move: Move) -> None:
    move.do("look_again")
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('a customer')")
    action, to = move.carrier("look_again")
    quiet = action.prove(move.it, to)
    move.servers.run("legacy", *LATE)
    loud = action.prove(move.it, to)

    assert quiet.state == "equal"
    assert loud.state == "different"
    assert loud.differences == ("legacy took writes after the cut-over: shop: public.orders: 1 rows inserted",)


def test_a_server_out_of_reach_is_said_and_is_no_yes(move: Move) -> None:
    action, to = move.carrier("look_again")
    to.connections = {}

    action.carry(move.it, to)

    assert action.prove(move.it, to).state == "could not be proved"


def test_a_second_plan_does_not_empty_what_was_moved_nor_says_how_it_could(move: Move) -> None:
    with pytest.raises(StepFailed, match="replicating again would empty what the target took since") as stopped:
        move.do("check_replication")

    assert "RESET" not in str(stopped.value)


def test_a_target_that_took_writes_is_not_emptied_by_replicating_again(move: Move) -> None:
    move.undo("prove_rows", "end_replication", "catch_up", "replicate")
    assert move.do("replicate").state == "equal"
    assert move.do("replicate").state == "equal", "its own copy is nobody's write"
    for step in ("catch_up", "end_replication", "prove_rows"):
        assert move.do(step).state == "equal"
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('a customer')")
    move.undo("prove_rows", "end_replication", "catch_up", "replicate")

    with pytest.raises(StepFailed, match=r"would empty it: public\.orders: 1 rows inserted"):
        move.do("replicate")

    assert move.servers.ask("target", "SELECT count(*) FROM orders WHERE note = 'a customer'") == [(1,)]
