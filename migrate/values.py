"""Values that are known now or later: the leaves of a planned request. The rule: a placeholder is structure,
never text inside a text, so nothing a resource is called can be mistaken for one.

    {"$after": [step, output]}     known after that step: an output of its receipt
    {"$join": [part, …]}           the parts, each known by then, as one text
    {"$json": document}            the document as one JSON text (a policy parameter)
    {"$sealed": hash, "length": n} a value that looked like a credential: read again from legacy when sent
    {"$target": document}          in a request to legacy: a part that is in the target's names; never in a plan

In a kind, the step of `after` is just the name of the kind's own action ("create"); the planner makes it whole.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

# Any and not a recursive union: dict is invariant, and a document's shape is AWS's business, checked by botocore.
Json: TypeAlias = Any

CONTAINERS = (dict, list, tuple)

Path: TypeAlias = tuple[Any, str | int] | None
"""Where in a document: the path of what it lies in, and the key or number. Spelt out only where there is something to
say: documents are walked by the hundred thousand."""

MARKS = frozenset({"$after", "$join", "$json", "$sealed", "$target"})


def spelt(path: Path) -> str:
    """The path for people: `Statement[0].Resource`."""
    parts: list[str] = []
    while path is not None:
        path, part = path
        parts.append(f"[{part}]" if isinstance(part, int) else f".{part}")
    return "".join(reversed(parts)).removeprefix(".")


def after(step: str, output: str) -> dict[str, Json]:
    """A value that the named step's receipt will hold."""
    return {"$after": [step, output]}


def join(*parts: Json) -> Json:
    """One text out of several; flattens, and is a plain text where every part is."""
    flat: list[Json] = []
    for part in parts:
        pieces: list[Json] = [part]
        if isinstance(part, dict) and "$join" in part:
            pieces = part["$join"]
        for piece in pieces:
            if isinstance(piece, str) and flat and isinstance(flat[-1], str):
                flat[-1] = flat[-1] + piece
            elif piece != "":
                flat.append(piece)
    if not flat:
        return ""
    return flat[0] if len(flat) == 1 else {"$join": flat}


def as_json(document: Json) -> dict[str, Json]:
    """A document that AWS wants as one JSON text."""
    return {"$json": document}


def in_target_names(document: Json) -> dict[str, Json]:
    """A part of what goes to legacy (or stands there after) that names the target's things: the planner renames it."""
    return {"$target": document}


def renamed_parts(value: Json, rename: Callable[[Json], Json]) -> Json:
    """The value with each of its parts that are in the target's names put through `rename`."""
    if isinstance(value, (list, tuple)):
        return [renamed_parts(item, rename) for item in value]
    if not isinstance(value, dict):
        return value
    if "$target" in value:
        return rename(value["$target"])
    return {key: renamed_parts(item, rename) for key, item in value.items()}


def is_mark(value: Json) -> bool:
    """Whether this is a placeholder and not a plain document."""
    return isinstance(value, dict) and not MARKS.isdisjoint(value)


def foreign_marks(document: Json) -> list[str]:
    """Every place in a document of legacy that would be read as a placeholder, though people wrote it.

    A sealed value is one that the scan itself writes; every other mark must not get into a plan.
    """
    # One look at the whole is many times cheaper than a walk, and nearly every document has nothing of the kind.
    return list(_foreign_marks(document, "")) if '"$' in json.dumps(document) else []


def _foreign_marks(document: Json, where: str) -> Iterator[str]:
    if isinstance(document, list):
        for number, item in enumerate(document):
            yield from _foreign_marks(item, f"{where}[{number}]")
    elif isinstance(document, dict):
        if set(document) - {"mentions"} == {"$sealed", "length"} and isinstance(document["$sealed"], str):
            return
        for key, item in document.items():
            inside = f"{where}.{key}" if where else str(key)
            if key in MARKS:
                yield inside
            yield from _foreign_marks(item, inside)


def waits_for(value: Json) -> set[tuple[str, str]]:
    """Every (step, output) that the value needs."""
    # A stack and no recursion: a plan asks this of every document several times.
    found: set[tuple[str, str]] = set()
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if "$after" in item:
                step, output = item["$after"]
                found.add((str(step), str(output)))
            else:
                left += [part for part in item.values() if part.__class__ in CONTAINERS]
        elif isinstance(item, (list, tuple)):
            left += [part for part in item if part.__class__ in CONTAINERS]
    return found


def resolve(value: Json, known: Mapping[tuple[str, str], str], unseal: Callable[[str], str] | None = None) -> Json:
    """The value with every placeholder filled in.

    Raises KeyError (step, output) where one is not known, or for a sealed value without `unseal`.
    """
    if isinstance(value, list):
        return [resolve(item, known, unseal) for item in value]
    if not isinstance(value, dict):
        return value
    if "$after" in value:
        step, output = value["$after"]
        return known[str(step), str(output)]
    if "$join" in value:
        parts = value["$join"]
        return "".join(str(resolve(part, known, unseal)) for part in parts)
    if "$json" in value:
        return json.dumps(
            resolve(value["$json"], known, unseal), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
    if "$sealed" in value:
        if unseal is None:
            raise KeyError("$sealed")
        return unseal(str(value["$sealed"]))
    return {key: resolve(item, known, unseal) for key, item in value.items()}


def shown(value: Json) -> Json:
    """The value for people: `(known after <step>)` where it does not exist yet, sealed values as such."""
    if isinstance(value, list):
        return [shown(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$after" in value:
        step, output = value["$after"]
        return f"({output} known after {step})"
    if "$join" in value:
        parts = value["$join"]
        return "".join(str(shown(part)) for part in parts)
    if "$json" in value:
        return shown(value["$json"])
    if "$sealed" in value:
        return f"(sealed, {value.get('length')} characters)"
    return {key: shown(item) for key, item in value.items()}
