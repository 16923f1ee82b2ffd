"""Why a way of moving data, chosen in migration.yaml, cannot be taken: the plan is refused then.

The rule: a pattern that fits nothing is refused too: who misspelt a table believes that it moves without downtime.
"""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from migrate.config import Config
from migrate.drafting import Drafting
from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.placement import Placement

_DO = "mend `stores` in migration.yaml, then plan again"
CLUSTER = "rds.cluster"
"""Its way is chosen under `databases`, as an instance's is; it has fewer."""
_DO_CLUSTER = "give it a rule of its own under `databases` in migration.yaml, before the others, then plan again"


def misfits(
    config: Config, kinds: Mapping[str, Kind[Any]], inventory: Inventory, placement: Placement, drafting: Drafting
) -> Iterator[tuple[str, str, str]]:
    """Key, what is wrong, and what to do, for each rule of `stores` that cannot be followed."""
    names = [f"{ref.kind}/{ref.name}" for ref in inventory.by_ref] if config.stores else []
    for rule in config.stores:
        if not any(fnmatch.fnmatchcase(name, rule.resource) for name in names):
            what = f"migration.yaml, stores: nothing that was found is called {rule.resource!r} (<kind>/<name>)"
            yield f"strategy/{rule.resource}", what, _DO
    for ref in placement.placed if config.stores or config.databases else ():
        if not config.stores and ref.kind != CLUSTER:
            continue
        kind, strategy = kinds.get(ref.kind), config.strategy(ref, inventory.by_ref[ref].size_bytes)
        if kind is None or not strategy or ref.kind == "rds.instance":
            continue
        it = replace(kind.typed(inventory.by_ref[ref]), strategy=strategy)
        why = next((said for place in drafting.places(ref) if (said := kind.unfit_strategy(it, place))), "")
        if not why and strategy not in kind.strategies:
            known = ", ".join(kind.strategies) or "one way only, which is not chosen"
            why = f"{strategy!r} is no way in which a {kind.title} moves: {known}"
        if why:
            yield f"strategy/{ref}", f"{ref}: {why}", _DO_CLUSTER if ref.kind == CLUSTER else _DO
