"""Waiting for a state: a deadline that passes says so and leaves nothing half, and the next run waits again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import StepFailed
from tests.toy_cloud import Cloud
from tests.toy_kinds import World, ids, world

SHOOT, GOLD = ids("toy.vault", "gold", "shoot"), ids("toy.vault", "gold", "create")
LOOP, IRON = ids("toy.loop", "loop-0a0a0a0a", "create"), ids("toy.vault", "iron", "create")
FREEZE, PAINT = ids("toy.vault", "gold", "freeze"), ids("toy.vault", "gold", "paint")


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.die()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """A snapshot that is being taken for as long as `shown` is False."""
    state = {"shown": False}
    real = Cloud.read

    def read(self: Cloud, account: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        answer = real(self, account, operation, params)
        taken = operation == "toy.DescribeShots" and answer["Things"]
        return {"Things": [{"Id": "being taken"}]} if taken and not state["shown"] else answer

    monkeypatch.setattr(Cloud, "read", read)
    return state


def ready(toys: World) -> Any:
    engine = toys.engine()
    for step in engine.plan.steps[SHOOT].needs:
        for before in (LOOP, GOLD, IRON, PAINT, FREEZE):
            if before in engine.plan.steps and before != SHOOT:
                engine.step(before)
        assert engine.journal.state(step) == "verified"
    return engine


def test_a_wait_past_its_deadline_says_what_it_saw_and_the_next_run_waits_again_and_sends_nothing_twice(
    toys: World, late: dict[str, bool]
) -> None:
    engine = ready(toys)
    began = toys.clock.now()

    with pytest.raises(StepFailed, match="still being taken after 60 minutes") as stopped:
        engine.step(SHOOT)
    sent = len(toys.cloud.arrived)
    late["shown"] = True

    assert stopped.value.do == "migrate run waits again"
    assert 3600 <= toys.clock.now() - began < 3700
    assert engine.journal.state(SHOOT) == "failed"
    assert toys.engine().step(SHOOT) == "verified"
    # Only what comes after the snapshot: it is not taken a second time.
    assert [one for one in toys.cloud.arrived[sent:] if "CreateShot" in str(one)] == []
