"""One file per kind of thing that an organisation is made of. The rule: none of them is scanned in legacy.

A module here holds `KINDS`, a tuple of its Kind objects.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from migrate.kind import Kind


@cache
def wanted_kinds() -> dict[str, Kind[Any]]:
    """Every kind by name, sorted."""
    found: dict[str, Kind[Any]] = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        for kind in import_module(f"{__name__}.{path.stem}").KINDS:
            found[kind.name] = kind
    return dict(sorted(found.items()))
