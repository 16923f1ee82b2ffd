"""What looks like a credential is not copied: a text stands for it until a person says another.

The rule: production's own value never arrives by this tool, and verifying finds it where a person put it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.kind import It
from migrate.values import Json

PLACEHOLDER = "(not copied: to be set here)"
SAME = "(the original's own value)"


@dataclass(frozen=True, slots=True)
class Blanked(It[Any]):
    """A resource of which something was not copied, beside what the scan shows of it."""

    scanned: Mapping[str, Json] = field(default_factory=dict)


def is_sealed(value: Json) -> bool:
    """Whether the scan kept only a hash of it."""
    return isinstance(value, dict) and "$sealed" in value


def blank(value: Json) -> Json:
    """The document with a placeholder for each sealed value."""
    if isinstance(value, list):
        return [blank(item) for item in value]
    if not isinstance(value, dict):
        return value
    return PLACEHOLDER if is_sealed(value) else {key: blank(item) for key, item in value.items()}


def blanks(value: Json, where: str = "") -> list[str]:
    """The path of each sealed value, for people."""
    if is_sealed(value):
        return [where]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[str] = []
    for key, item in pairs:
        named = item.get("name") if isinstance(item, dict) and isinstance(key, int) else None
        found += blanks(item, f"{where}[{named or key}]" if isinstance(key, int) else f"{where}.{key}".lstrip("."))
    return found


def as_wanted(shown: Json, wanted: Json, scanned: Json) -> Json:
    """What stands in the copy, with a placeholder wherever one is wanted: what people set there is theirs.

    Where they set the original's own value (the same hash under the same key), that is said in its place.
    """
    if wanted == PLACEHOLDER:
        same = is_sealed(shown) and is_sealed(scanned) and shown["$sealed"] == scanned["$sealed"]
        return SAME if same else PLACEHOLDER
    if isinstance(wanted, dict) and isinstance(shown, dict):
        known = scanned if isinstance(scanned, dict) else {}
        return {key: as_wanted(item, wanted.get(key), known.get(key)) for key, item in shown.items()}
    if isinstance(wanted, list) and isinstance(shown, list) and len(wanted) == len(shown):
        known_items = scanned if isinstance(scanned, list) and len(scanned) == len(shown) else [None] * len(shown)
        return [as_wanted(*items) for items in zip(shown, wanted, known_items, strict=True)]
    return shown
