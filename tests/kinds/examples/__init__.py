"""One realistic resource of each kind that moves, and how a person would change each of its fields in the target.

The rule: a file a service, listing `EXAMPLES`; found by listing this folder. The contract over all kinds
(tests/kinds/test_moves.py) moves each example, compares, changes it field by field with plain boto3, and undoes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

from migrate.inventory import Resource
from tests.kinds.two_sides import TwoSides

Change = Callable[[TwoSides, Resource], None]
"""Changes one field of the target's resource (given as the target's own scan shows it) with plain boto3:
`world.client("target", "sqs")`. Never with the product's code."""


@dataclass(frozen=True)
class Example:
    """One resource with everything that it needs."""

    kind: str
    build: Callable[[TwoSides], Resource]
    """Makes it in legacy by plain boto3 with every field set to something that is not AWS's default, scans it and
    what it needs (`world.scan(kind)`), moves what it needs to the target (`world.move(kind, resource)`), and gives
    the legacy resource back, unmoved."""
    changes: Mapping[str, Change]
    """By fact, and `tags`: every fact that is not volatile stands here or in `fixed`."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """By fact: why no call changes it (AWS allows it at creation only, the emulator cannot; say which)."""
    done: tuple[str, ...] = ()
    """Actions that are sent; all that apply where empty. For carrying actions see `test_moves`."""
    why_undo_leaves: str = ""
    """For a thing that AWS makes itself and nobody can delete (a default group): why it still stands."""


@cache
def every_example() -> dict[str, Example]:
    """By kind's name."""
    found: dict[str, Example] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.name.startswith("_"):
            for example in import_module(f"{__name__}.{path.stem}").EXAMPLES:
                assert example.kind not in found, f"two examples of {example.kind}"
                found[example.kind] = example
    return found
