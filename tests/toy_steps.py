"""The steps of the toy plan by name, and what tests of the engine do with them."""

from migrate.engine import Engine
from tests.toy_cloud import AwsSaid
from tests.toy_kinds import World, ids

LABEL = ids("toy.label", "fragile", "create")
LEDGER = ids("toy.ledger", "ledger-0b0b0b0b", "create")
LOOP = ids("toy.loop", "loop-0a0a0a0a", "create")
GOLD, IRON = ids("toy.vault", "gold", "create"), ids("toy.vault", "iron", "create")
PAINT, FREEZE = ids("toy.vault", "gold", "paint"), ids("toy.vault", "gold", "freeze")
SHOOT, ITEMS = ids("toy.vault", "gold", "shoot"), ids("toy.vault", "gold", "items")


def done(engine: Engine, *steps: str) -> None:
    for step in steps:
        assert engine.step(step) == "verified"


def fail_with(toys: World, *faults: tuple[str, str], on: str, times: int = 1) -> None:
    """The next writes of this operation end so; `times` each."""
    left = [fault for fault in faults for _ in range(times)]

    def fault(operation: str, _: int) -> None:
        if operation == on and left:
            raise AwsSaid(*left.pop(0), said="no")

    toys.cloud.before = fault
