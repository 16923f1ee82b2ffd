"""Proofs by fresh reads: what differs is named, by field, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.errors import VerificationFailed
from migrate.kind import Proof
from migrate.proving import both, compare
from tests.toy_cloud import LEGACY, TARGET
from tests.toy_kinds import World, world
from tests.toy_steps import IRON


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.die()


def test_a_target_that_differs_fails_the_proof_and_names_the_field(toys: World) -> None:
    def saboteur(operation: str, _: int) -> None:
        toys.target("vault")["iron"]["Colour"] = "rust"
        toys.target("vault")["iron"]["Tags"]["extra"] = "1"

    toys.cloud.after = saboteur

    with pytest.raises(VerificationFailed) as caught:
        toys.engine().step(IRON)

    assert "colour: expected 'grey', found 'rust'" in caught.value.what
    assert "tags.extra: expected nothing, found '1'" in caught.value.what
    assert toys.events(IRON)[-1] == "failed"
    assert sum(toys.clock.slept) < 60


@pytest.mark.parametrize("account", [LEGACY, TARGET])
def test_one_changed_item_or_fact_on_either_side_is_found_by_proving_again(toys: World, account: str) -> None:
    engine = toys.engine()
    assert engine.drive(workers=1).error is None

    toys.cloud.at(account, "item")["gold/1"]["Body"] = "lead"
    toys.cloud.at(account, "label")["fragile"]["Colour"] = "black"

    states = {ref.name: proof.state for ref, _, proof in engine.prove_all()}
    assert states == {
        "fragile": "different", "gold": "different", "iron": "equal",
        "ledger-0b0b0b0b": "equal", "loop-0a0a0a0a": "equal",
    }  # fmt: skip


def test_differences_are_named_by_path_and_types_matter() -> None:
    assert list(compare({"a": [{"b": 1}], "c": True}, {"a": [{"b": 2}], "c": 1})) == [
        "a[0].b: expected 1, found 2",
        "c: expected True, found 1",
    ]
    assert list(compare({"a": {"$after": ["s", "id"]}}, {"a": "x"})) == []
    assert list(compare({"a": [1]}, {"a": [1, 2]})) == ["a: expected [1], found [1, 2]"]


def test_what_two_proofs_of_one_thing_say_alike_is_said_once() -> None:
    one = Proof("different", ("objects",), ("a.txt: content differs",))
    other = Proof("could not be proved", ("objects", "tags"), ("a.txt: content differs", "b.txt: denied"))

    together = both(one, other)

    assert together == Proof("different", ("objects", "tags"), ("a.txt: content differs", "b.txt: denied"))
