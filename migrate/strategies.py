"""Why a way of moving data, or a new password, chosen in migration.yaml cannot be: the plan is refused then.

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
from migrate.names import Ref
from migrate.placement import Placement

_DO = "mend `stores` in migration.yaml, then plan again"
CLUSTER = "rds.cluster"
"""Its way is chosen under `databases`, as an instance's is; it has fewer."""
_DO_PASSWORD = "mend that, or take rotate_password out of migration.yaml; then plan again"
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
    yield from _unfit_passwords(config, inventory, placement, drafting)


def _unfit_passwords(
    config: Config, inventory: Inventory, placement: Placement, drafting: Drafting
) -> Iterator[tuple[str, str, str]]:
    """Where `rotate_password` could not keep the new password in a secret that everybody reads."""
    shared: dict[str, Ref] = {}
    for ref in sorted(placement.placed) if config.databases else ():
        name = config.rotates(ref)
        facts: Mapping[str, Any] = inventory.by_ref[ref].facts if name else {}
        # Members of a cluster have none of their own; what does not move is told of as such.
        if not name or facts.get("cluster") or not drafting.places(ref):
            continue
        why = _unfit_secret(config, inventory, drafting, ref, name, bool(facts.get("managed_password")))
        if not why and name in shared:
            why = f"the secret {name} is the login of {shared[name]} as well"
        shared.setdefault(name, ref)
        if why:
            yield f"password/{ref}", f"{ref}: rotate_password cannot be: {why}", _DO_PASSWORD


def _unfit_secret(config: Config, inventory: Inventory, drafting: Drafting, ref: Ref, name: str, managed: bool) -> str:
    if managed:
        return "RDS keeps its master password, and makes a new one in the target anyway"
    if ref.region != config.regions[0]:
        return f"secrets are read in {config.regions[0]}, the first of legacy.regions, and it lies in {ref.region}"
    secret = inventory.by_ref.get(Ref(ref.account, ref.region, "secretsmanager.secret", name))
    if secret is None:
        return f"no secret {name} was found in {ref.region}"
    there = {(place.account, place.name) for place in drafting.places(secret.ref)}
    if not {(place.account, name) for place in drafting.places(ref)} <= there:
        return f"the secret {name} does not go where the database goes, under that name"
    if secret.facts.get("rotation_lambda_arn"):
        return f"the secret {name} rotates by a function of its own, which changes it"
    return "" if secret.facts.get("has_value") else f"the secret {name} has no value"
