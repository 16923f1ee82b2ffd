"""One step after the other: looks, intents, receipts, proofs, and everything that must stop it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.acting import classified
from migrate.errors import (
    AccessError,
    Conflict,
    GuardError,
    StaleError,
    StepFailed,
    UsageError,
    VerificationFailed,
)
from migrate.kind import MIGRATION_TAG, STEP_TAG
from tests import toy_kinds
from tests.toy_cloud import LEGACY, TARGET, AwsSaid
from tests.toy_kinds import World, world
from tests.toy_steps import FREEZE, GOLD, IRON, ITEMS, LABEL, LEDGER, LOOP, PAINT, SHOOT, done, fail_with


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.die()


def test_a_step_is_intent_receipt_proof_and_the_second_time_nothing(toys: World) -> None:
    engine = toys.engine()

    done(engine, LOOP, LOOP)

    assert toys.events(LOOP) == ["acting", "acted", "verified"]
    assert len(toys.cloud.arrived) == 1


def test_what_a_step_learnt_stands_in_the_requests_and_proofs_of_the_next(toys: World) -> None:
    engine = toys.engine()

    done(engine, LOOP, GOLD)

    assert toys.target("vault")["gold"]["Friend"] == next(iter(toys.target("loop")))


def test_the_legacy_account_id_is_rewritten_before_it_is_compared(toys: World) -> None:
    done(toys.engine(), LOOP)

    assert TARGET in next(iter(toys.target("loop").values()))["Friend"]


def test_a_sealed_value_is_read_again_from_legacy_and_never_written_down(toys: World) -> None:
    done(toys.engine(), IRON)
    toys.die()

    assert toys.target("vault")["iron"]["Password"] == "hunter2"
    assert b"hunter2" not in b"".join(path.read_bytes() for path in toys.folder.iterdir())


def test_a_sealed_value_that_differs_is_found_and_not_printed(toys: World) -> None:
    engine = toys.engine()
    done(engine, IRON)
    toys.target("vault")["iron"]["Password"] = "hunter3"

    proofs = {ref.name: proof for ref, _, proof in engine.prove_all()}

    assert proofs["iron"].state == "different"
    assert proofs["iron"].differences == ("password: differs (a sealed value)",)


def test_a_step_does_not_start_before_what_it_needs(toys: World) -> None:
    with pytest.raises(StepFailed, match="not verified yet"):
        toys.engine().step(GOLD)

    assert toys.cloud.arrived == []


def test_an_unknown_step_is_a_question_of_usage(toys: World) -> None:
    with pytest.raises(UsageError):
        toys.engine().step("nothing:create")


def test_a_name_that_a_stranger_holds_is_a_conflict_and_nothing_is_changed(toys: World) -> None:
    toys.target("label")["fragile"] = {"Colour": "white", "made": 0.0}
    toys.target("vault")["iron"] = {"Colour": "grey", "Tags": {}, "made": 0.0}
    before = toys.cloud.picture()
    engine = toys.engine()

    for step in (LABEL, IRON):
        with pytest.raises(Conflict, match="not made by this migration"):
            engine.step(step)

    assert toys.cloud.arrived == []
    assert toys.cloud.picture() == before


def test_a_stranger_who_takes_the_name_between_look_and_send_is_a_conflict(toys: World) -> None:
    def stranger(operation: str, _: int) -> None:
        sort, name = ("label", "fragile") if operation == "toy.CreateLabel" else ("vault", "iron")
        toys.target(sort).setdefault(name, {"Colour": "black", "Tags": {}, "made": 0.0})

    toys.cloud.before = stranger
    engine = toys.engine()

    for step in (LABEL, IRON):
        with pytest.raises(Conflict):
            engine.step(step)
        with pytest.raises(Conflict):
            engine.step(step)

    assert toys.target("label")["fragile"]["Colour"] == "black"


def test_the_stamp_of_another_migration_is_not_ours(toys: World) -> None:
    stamp = {STEP_TAG: IRON, MIGRATION_TAG: "another"}
    toys.target("vault")["iron"] = {"Colour": "grey", "Tags": stamp, "made": 0.0}

    with pytest.raises(Conflict):
        toys.engine().step(IRON)


def test_what_carries_the_stamp_is_adopted_when_the_journal_was_lost(toys: World) -> None:
    done(toys.engine(), LOOP)
    toys.die()
    (toys.folder / "journal.db").unlink()

    done(toys.engine(), LOOP)

    assert len(toys.target("loop")) == 1
    assert toys.events(LOOP) == ["acting", "acted", "verified"]


def test_two_live_things_with_one_stamp_are_never_picked_from(toys: World) -> None:
    tags = {STEP_TAG: LOOP, MIGRATION_TAG: "toys"}
    for number in (1, 2):
        toys.target("loop")[f"loop-{number:08x}"] = {"Colour": "red", "Tags": tags, "made": 0.0}

    with pytest.raises(Conflict, match="2 live resources"):
        toys.engine().step(LOOP)

    assert toys.cloud.arrived == []


def test_a_throttled_write_is_sent_again_each_time_with_its_own_intent(toys: World) -> None:
    fail_with(toys, ("transient", "Throttling"), on="toy.CreateLoop", times=5)

    done(toys.engine(), LOOP)

    assert toys.events(LOOP) == ["acting"] * 6 + ["acted", "verified"]
    assert len(toys.target("loop")) == 1
    assert sum(toys.clock.slept) < 300


def test_throttling_without_end_stops_after_half_an_hour(toys: World) -> None:
    fail_with(toys, ("transient", "Throttling"), on="toy.CreateLoop", times=1000)

    with pytest.raises(StepFailed, match="30 minutes"):
        toys.engine().step(LOOP)

    assert 1800 <= sum(toys.clock.slept) < 1900


def test_an_endpoint_that_is_gone_is_waited_for_once_and_not_by_each_step(toys: World) -> None:
    def gone(operation: str, _: int) -> None:
        raise AwsSaid("transient", "EndpointConnectionError", said="could not connect")

    toys.cloud.before = gone
    engine = toys.engine()
    with pytest.raises(StepFailed, match="no connection for") as failed:
        engine.step(LOOP)
    first = sum(toys.clock.slept)
    with pytest.raises(StepFailed, match="no connection for"):
        engine.step(LABEL)

    assert 120 <= first < 200
    assert sum(toys.clock.slept) == first, "the second step does not wait again"
    assert "migrate doctor" in failed.value.do

    toys.cloud.before = lambda operation, number: None
    done(engine, LOOP)


def test_credentials_that_ran_out_are_renewed_and_then_given_up(toys: World) -> None:
    fail_with(toys, ("auth", "ExpiredToken"), on="toy.CreateLoop", times=1)
    engine = toys.engine()
    done(engine, LOOP)
    assert toys.clients.refreshed == 1

    fail_with(toys, ("auth", "ExpiredToken"), on="toy.CreateLabel", times=9)
    with pytest.raises(StepFailed, match="ExpiredToken"):
        engine.step(LABEL)


def test_a_refusal_is_told_in_awss_words_and_can_be_run_again(toys: World) -> None:
    fail_with(toys, ("definite", "LimitExceeded"), on="toy.CreateLoop")
    engine = toys.engine()

    with pytest.raises(StepFailed, match=r"toy\.CreateLoop in 222222222222 was refused: LimitExceeded: no"):
        engine.step(LOOP)
    done(engine, LOOP)

    assert toys.clock.slept == []
    assert len(toys.target("loop")) == 1


def test_a_denied_write_says_who_lacks_the_permission(toys: World) -> None:
    fail_with(toys, ("definite", "AccessDeniedException"), on="toy.CreateLoop")

    with pytest.raises(AccessError) as caught:
        toys.engine().step(LOOP)

    assert "222222222222" in caught.value.what
    assert "give the role of that account this permission" in caught.value.do


def test_codes_that_pass_are_tried_for_two_minutes_and_codes_that_mean_done_are_done(toys: World) -> None:
    step = toys.plan.steps[LOOP]
    request = step.requests[0]._replace(retry=("NotYet",))
    toys.plan.steps[LOOP] = dataclasses.replace(step, requests=(request,))
    paint = toys.plan.steps[PAINT]
    toys.plan.steps[PAINT] = dataclasses.replace(paint, requests=(paint.requests[0]._replace(done=("IsSo",)),))
    engine = toys.engine()

    fail_with(toys, ("definite", "NotYet"), on="toy.CreateLoop", times=3)
    done(engine, LOOP, GOLD)
    fail_with(toys, ("definite", "IsSo"), on="toy.PutVault")
    done(engine, PAINT)

    toys.cloud.things[TARGET].clear()
    again = world(toys.folder / "again")
    again.plan.steps[LOOP] = toys.plan.steps[LOOP]
    fail_with(again, ("definite", "NotYet"), on="toy.CreateLoop", times=500)
    with pytest.raises(StepFailed, match="NotYet"):
        again.engine().step(LOOP)
    assert 120 <= sum(again.clock.slept) < 240
    again.die()


def test_a_lost_answer_to_a_tagged_create_is_settled_by_looking_late(toys: World) -> None:
    toys.cloud.lag_s = 200.0
    lost = [True]

    def after(operation: str, _: int) -> None:
        if lost:
            lost.pop()
            raise AwsSaid("lost")

    toys.cloud.after = after

    done(toys.engine(), LOOP)

    assert len(toys.target("loop")) == 1
    assert toys.cloud.arrived == ["toy.CreateLoop"]
    assert max(toys.clock.slept) == pytest.approx(300.0)


def test_a_lost_answer_to_a_create_with_a_token_is_sent_again_with_the_same_token(toys: World) -> None:
    toys.cloud.lag_s = 200.0
    lost = [True]

    def after(operation: str, _: int) -> None:
        if lost:
            lost.pop()
            raise AwsSaid("lost")

    toys.cloud.after = after

    done(toys.engine(), LEDGER)

    tokens = [params["Token"] for _, operation, params in toys.cloud.sent if operation == "toy.CreateLedger"]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1
    assert 32 <= len(tokens[0]) <= 36
    assert len(toys.target("ledger")) == 1


def test_a_write_that_nobody_planned_is_stopped_before_it_is_sent(toys: World) -> None:
    engine = toys.engine()
    step = toys.plan.steps[LOOP]
    sender = engine._sender(step, forward=True)
    planned = engine.ground.resolved(step, step.requests[0].params, account=TARGET)

    with pytest.raises(GuardError):
        sender(TARGET, step.region).send("toy.CreateLoop", **(planned | {"Colour": "green"}))
    with pytest.raises(GuardError):
        sender(LEGACY, step.region).send("toy.CreateLoop", **planned)
    with pytest.raises(GuardError):
        sender(TARGET, step.region).send("toy.DeleteLoop", Name="x")
    assert toys.cloud.arrived == []

    sender(TARGET, step.region).send("toy.CreateLoop", **planned)
    assert toys.cloud.arrived == ["toy.CreateLoop"]


def test_a_carrying_action_cannot_send_what_it_did_not_declare(toys: World) -> None:
    engine = toys.engine()
    step = toys.plan.steps[ITEMS]
    sender = engine._sender(step, forward=True)

    with pytest.raises(GuardError):
        sender(TARGET, step.region).send("toy.DeleteVault", Name="gold")
    sender(TARGET, step.region).send("toy.PutItem", Name="gold/0", Body="x")


@pytest.mark.parametrize("repeats", [True, False])
def test_after_a_proof_that_found_a_difference_a_repeating_action_carries_again(
    toys: World, monkeypatch: pytest.MonkeyPatch, repeats: bool
) -> None:
    engine = toys.engine()
    done(engine, LOOP, GOLD, PAINT, FREEZE, SHOOT)
    monkeypatch.setattr(toy_kinds.Items, "repeats", repeats)
    with monkeypatch.context() as patch:
        # Somebody writes in legacy between the copy and its proof.
        prove = toy_kinds.Items.prove

        def after_a_write(self: Any, it: Any, to: Any) -> Any:
            toys.cloud.at(LEGACY, "item")["gold/late"] = {"Body": "late", "made": 0.0}
            return prove(self, it, to)

        patch.setattr(toy_kinds.Items, "prove", after_a_write)
        with pytest.raises(VerificationFailed, match="gold/late"):
            engine.step(ITEMS)

    if not repeats:
        with pytest.raises(VerificationFailed, match="gold/late"):
            engine.step(ITEMS)
        return
    assert engine.step(ITEMS) == "verified"
    assert toys.cloud.at(TARGET, "item")["gold/late"]["Body"] == "late"


def test_a_legacy_resource_changed_since_the_scan_stops_the_step_with_the_difference(toys: World) -> None:
    engine = toys.engine()
    done(engine, LOOP, GOLD, PAINT)
    toys.cloud.at(LEGACY, "vault")["gold"]["Colour"] = "pink"
    sent = len(toys.cloud.arrived)

    with pytest.raises(StaleError, match="colour: expected 'yellow', found 'pink'"):
        engine.step(FREEZE)

    assert len(toys.cloud.arrived) == sent


def test_this_runs_own_change_in_legacy_is_no_drift(toys: World) -> None:
    engine = toys.engine()

    done(engine, LOOP, GOLD, PAINT, FREEZE, SHOOT, ITEMS)

    assert toys.cloud.at(LEGACY, "vault")["gold"]["State"] == "off"
    assert {proof.state for _, _, proof in engine.prove_all()} == {"equal"}


def test_the_found_name_of_a_snapshot_that_is_not_ours_is_a_conflict(toys: World) -> None:
    engine = toys.engine()
    done(engine, LOOP, GOLD, PAINT, FREEZE)
    toys.cloud.at(LEGACY, "shot")["gold-shot"] = {"made": 0.0}

    with pytest.raises(Conflict, match="not made by this run"):
        engine.step(SHOOT)


def test_a_fault_of_the_program_is_not_taken_for_an_answer_of_aws() -> None:
    with pytest.raises(ZeroDivisionError):
        classified(ZeroDivisionError())
