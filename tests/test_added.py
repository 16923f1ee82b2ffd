"""What stands in a target within a moved thing and is in no plan: told by verify, whoever made it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate import added
from migrate.engine import Engine
from migrate.errors import AccessError
from migrate.kind import It, Need, same_place
from migrate.kinds import every_kind
from tests.toy_cloud import TARGET
from tests.toy_kinds import KINDS, Label, ThingFacts, World, world

SOMEBODYS: dict[str, Any] = {"Colour": "black", "made": 0.0}


class Part(Label):
    """A label is a part of the vault that is named by its colour."""

    part_of = ("toy.vault",)

    def needs(self, it: It[ThingFacts]) -> Iterator[Need]:
        yield Need(same_place(it, "toy.vault", it.facts.colour), "in", "hard", "toy.DescribeLabels Things[].Colour")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setitem(KINDS, "toy.label", Part())
    toys = world(tmp_path)
    made = toys.engine()
    assert made.drive(workers=1).error is None
    made.toys = toys  # type: ignore[attr-defined]
    yield made
    toys.die()


def labels(engine: Engine) -> dict[str, Any]:
    toys: World = engine.toys  # type: ignore[attr-defined]
    return toys.target("label")


def told(engine: Engine) -> list[tuple[str, str, str]]:
    return [(ref.name, proof.state, " ".join(proof.differences)) for ref, _, proof in added.proofs(engine.ground)]


def test_a_part_that_somebody_put_into_a_moved_thing_is_a_difference_of_that_thing(engine: Engine) -> None:
    assert told(engine) == [], "the label that was moved is in the plan"

    labels(engine)["one more"] = SOMEBODYS | {"Colour": "gold"}

    ((name, state, said),) = told(engine)
    assert (name, state) == ("gold", "different")
    assert f"{TARGET}:label/one more was added in the target: it is in no plan" in said


def test_a_part_of_a_thing_that_did_not_move_is_its_owners_own_business(engine: Engine) -> None:
    labels(engine)["theirs"] = SOMEBODYS | {"Colour": "a vault of theirs"}

    assert told(engine) == []


def test_parts_that_could_not_be_listed_are_not_known_to_be_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> Any:
        raise AccessError("toy.DescribeLabels: AccessDenied")

    monkeypatch.setattr(Part, "scan", denied)

    ((_, state, said),) = told(engine)
    assert state == "could not be proved"
    assert "what was added as toy.label: toy.DescribeLabels: AccessDenied" in said


def test_every_part_names_the_thing_that_it_is_a_part_of() -> None:
    parts = {kind.name: kind.part_of for kind in every_kind().values() if kind.part_of}

    assert {"elbv2.rule", "elbv2.listener", "sns.subscription", "events.rule", "lambda.event_source_mapping"} <= set(
        parts
    )
    assert [whole for wholes in parts.values() for whole in wholes if whole not in every_kind()] == []
