"""Where a moved bucket's legacy name still stands in what the target gets: for the plan's reader.

The rule: a bare word is rewritten only where it must be a bucket; wherever else it stands it is named, never guessed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from migrate.inventory import Inventory
from migrate.kind import OWN_TAGS, Place
from migrate.names import Ref
from migrate.steps import Step
from migrate.tokens import is_loose, is_tag
from migrate.values import Json

_WORD = re.compile(r"(?<![A-Za-z0-9._-])[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?![A-Za-z0-9_-])")
SHOWN = 10


def findings(steps: Iterable[Step], inventory: Inventory, places: Callable[[Ref], Sequence[Place]]) -> Iterator[str]:
    """A sentence for each bucket that gets another name and whose old one stands in a document for a target."""
    named = {one.ref.name: places(one.ref) for one in inventory.resources if one.ref.kind == "s3.bucket"}
    renamed = {old for old, where in named.items() if where and all(place.name != old for place in where)}
    if not renamed:
        return
    found: dict[str, list[str]] = {}
    for step in steps:
        sent: list[Json] = [request.params for request in step.requests if request.account != inventory.account]
        for document in [*sent, (step.carry or {}).get("to")]:
            if not _mentions(document, renamed):
                continue
            for path, text in _texts(document, ""):
                for old in renamed.intersection(_WORD.findall(text)):
                    found.setdefault(old, []).append(f"{step.id} {path.lstrip('.') or 'content'}")
    for old, where in sorted(found.items()):
        listed = list(dict.fromkeys(where))
        more = f"; and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        yield (
            f"bucket {old} gets another name, and its old one stays in {len(listed)} places, because a word there may "
            f"mean anything: {'; '.join(listed[:SHOWN])}{more}. Where it means the bucket, say it in legacy as a value "
            "of its own, as s3://… or as an ARN and scan again, or change it in the target by hand"
        )


def _mentions(document: Json, words: set[str]) -> bool:
    """Whether one of these words stands anywhere in it: most documents hold none, and a large account has many."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if not words.isdisjoint(_WORD.findall(value)):
                return True
        elif isinstance(value, dict):
            left += value.values()
        elif isinstance(value, (list, tuple)):
            left += value
    return False


def _texts(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Every text in which a word may be a bucket, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        if not is_tag(value):
            for key, item in value.items():
                if key not in OWN_TAGS and is_loose(key):
                    yield from _texts(item, path if key == "$json" else f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}[{number}]")
