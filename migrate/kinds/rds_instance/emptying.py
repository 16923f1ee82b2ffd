"""Replication begins by emptying the target's tables: refused where they may hold what nobody else has.

The rule: only a restored copy is emptied. What took rows since it was proved is taken away by a rollback that asks.
"""

from collections.abc import Sequence
from typing import Any

from migrate.carry import logical, postgres_since
from migrate.errors import StepFailed
from migrate.kind import Carrier, It
from migrate.kinds.rds_instance.pairs import Pair, endpoint

_EMPTIED = "emptied over"


def refuse_moved(it: It[Any], to: Carrier, found: Sequence[str]) -> None:
    """Raise StepFailed where legacy is read-only and the target stands: a run before this one has moved it."""
    if not any(logical.READ_ONLY in line for line in found) or endpoint(to, "target", it) is None:
        return
    raise StepFailed(
        f"{to.step}: {it.ref.name} is read-only in legacy, and {to.place.name} stands in the target: it was moved "
        "before, and replicating again would empty what the target took since",
        do="leave legacy read-only; go on with the plan that moved it (migrate verify --plan FILE), or place the "
        "database `to: legacy` and plan again",
    )


def refuse_written(to: Carrier, pair: Pair) -> None:
    """Raise StepFailed where the target took writes since its rows were proved, in this run; else say that it is
    emptied, so that what replication writes is no reason later."""
    mark = to.learnt("prove_rows").get(f"mark/{pair.database}")
    key = f"{_EMPTIED}/{pair.database}"
    if mark is None or logical.is_running(pair.target, pair.name) or to.learnt("replicate").get(key) == mark:
        return
    found = postgres_since.since(mark, pair.target, to.pause)
    if found.state == "written":
        raise StepFailed(
            f"{to.step}: {pair.database} in the target took writes since its rows were proved, and replicating again "
            f"would empty it: {'; '.join(found.lines[:10])}",
            do="save them, or undo the step that made it: migrate rollback lists what would be lost, and asks",
        )
    to.remember(key, mark)
