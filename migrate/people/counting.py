"""How many statements people's rights were written in, and how many they are written in now. Pure.

The rule: a policy that several hold counts once, and AWS's own do not count: nobody here keeps them up.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migrate.people.permission_sets import Sets
from migrate.people.users import THE_USER
from migrate.values import Json


class Count(NamedTuple):
    """Policies and their statements."""

    policies: int
    statements: int
    narrow: int
    """Of the statements: those that name resources or conditions, which is what somebody has to keep up."""

    def __str__(self) -> str:
        return f"{self.statements} statements in {self.policies} policies ({self.narrow} by resource or condition)"


def counted(sets: Sets) -> tuple[Count, Count]:
    """Before, in the old account; after, in the proposed permission sets."""
    held = {
        one.arn or (persona.name if one.through == THE_USER else one.through, one.name): one.document
        for persona in sets.personas
        for one in persona.own
        if one.document is not None
    }
    return _count(held.values()), _count(document for one in sets.sets for document in one.packed.documents)


def _count(documents: Iterable[Mapping[str, Json]]) -> Count:
    policies, all_of_them = 0, []
    for document in documents:
        policies += 1
        said = document.get("Statement") or []
        all_of_them += said if isinstance(said, list) else [said]
    narrow = sum(_is_narrow(one) for one in all_of_them if isinstance(one, dict))
    return Count(policies, len(all_of_them), narrow)


def _is_narrow(statement: Mapping[str, Json]) -> bool:
    return bool(statement.get("Condition")) or statement.get("Resource", "*") not in ("*", ["*"])
