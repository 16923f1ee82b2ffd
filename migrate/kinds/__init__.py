"""One file per AWS kind, found by listing this folder: no registry to forget.

A module here holds `KINDS`, a tuple of its Kind objects (several small ones of one service may share a file).
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from migrate.kind import Kind


@cache
def every_kind() -> dict[str, Kind[Any]]:
    """Every kind by name, sorted."""
    found: dict[str, Kind[Any]] = {}
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.name.startswith("_") or (path.suffix != ".py" and not (path / "__init__.py").exists()):
            continue
        for kind in import_module(f"{__name__}.{path.stem}").KINDS:
            if kind.name in found:
                raise ValueError(f"two kinds are called {kind.name}: the second is in {path.name}")
            found[kind.name] = kind
    return dict(sorted(found.items()))
