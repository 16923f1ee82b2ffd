"""A copy of the shape of an environment in an account of its own: settings and software, no data, legacy untouched.

The rule: the plan is made by the same code as a migration's, from kinds of which everything is left out that carries
content or changes legacy; and a plan that would write there is refused all the same.
"""

from collections.abc import Mapping
from typing import Any

from migrate.blueprint.replaced import REPLACED, few_tasks
from migrate.blueprint.shaped import Shaped, in_place_of, shaped
from migrate.kind import Kind
from migrate.sections import Blueprint


def kinds(every: Mapping[str, Kind[Any]], blueprint: Blueprint) -> dict[str, Kind[Any]]:
    """Every kind as it is in this copy."""
    own = {kind.name: kind for kind in (*REPLACED, few_tasks(blueprint.services))}
    return {name: in_place_of(kind, own[name]) if name in own else shaped(kind) for name, kind in every.items()}


def originals(those: Mapping[str, Kind[Any]]) -> dict[str, Kind[Any]]:
    """The kinds as migrations know them: what belongs where is decided by these."""
    return {name: kind.original if isinstance(kind, Shaped) else kind for name, kind in those.items()}
