"""The statements of identity policies as values that can be compared, merged and split. The rule: no change here
changes what a policy allows or denies.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from migrate.errors import FileError
from migrate.values import Json

VERSION = "2012-10-17"
_ALLOWED = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


@dataclass(frozen=True, slots=True, order=True)
class Statement:
    """One statement of an identity policy: no Sid, which decides nothing; lists sorted, without repeats."""

    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    condition: str = "{}"
    """Canonical JSON."""

    def as_json(self) -> dict[str, Json]:
        """As IAM takes it; a list of one stands as that one, which is shorter."""
        made: dict[str, Json] = {"Effect": self.effect}
        lists = {
            "Action": self.actions,
            "NotAction": self.not_actions,
            "Resource": self.resources,
            "NotResource": self.not_resources,
        }
        made |= {name: value[0] if len(value) == 1 else list(value) for name, value in lists.items() if value}
        if self.condition != "{}":
            made["Condition"] = json.loads(self.condition)
        return made

    def __str__(self) -> str:
        what = ", ".join(self.actions) or f"all but {', '.join(self.not_actions)}"
        where = ", ".join(self.resources) or f"all but {', '.join(self.not_resources)}"
        return f"{self.effect} {_short(what)} on {_short(where)}" + (" if …" if self.condition != "{}" else "")


def statements_of(document: Mapping[str, Json], name: str = "a policy") -> tuple[Statement, ...]:
    """The statements of one document, in its order.

    A document of the version 2008-10-17 (or of none, which is the same) knows no variables: its `${` is written as
    2012-10-17 writes a plain one. Source: IAM User Guide, "IAM policy elements: Variables and tags", read 2026-11.
    Raises FileError where it is no identity policy.
    """
    found = document.get("Statement", ())
    listed = [found] if isinstance(found, Mapping) else list(found)
    plain = document.get("Version", "2008-10-17") != VERSION
    return tuple(_statement(one, name, plain) for one in listed)


def document_of(statements: Iterable[Statement]) -> dict[str, Json]:
    """A policy document of these statements, in their order."""
    return {"Version": VERSION, "Statement": [statement.as_json() for statement in statements]}


def size_of(document: Json) -> int:
    """Bytes of the document as it is sent: compact JSON. AWS does not count white space, so this is never too low.

    Source: IAM User Guide, "IAM and AWS STS quotas", read 2026-11.
    """
    return len(compact(document).encode())


def compact(document: Json) -> str:
    """The document as JSON without white space."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """The same policy in fewer words: equal statements once, lists joined where all else is equal.

    Statements that differ in their actions alone, or in their resources alone, say together what one says with both
    lists. That is so for Action and Resource only: of two NotActions each allows what the other leaves out.
    """
    current = [_tight(statement) for statement in dict.fromkeys(statements)]
    while True:
        before = len(current)
        current = _joined(current, "actions", "resources")
        current = _joined(current, "resources", "actions")
        if len(current) == before:
            return sorted(current)


def _joined(statements: list[Statement], field: Literal["actions", "resources"], other: str) -> list[Statement]:
    groups: dict[Statement, set[str]] = {}
    kept: list[Statement] = []
    for statement in statements:
        listed = statement.actions if field == "actions" else statement.resources
        if not listed:
            kept.append(statement)
            continue
        key = replace(statement, actions=()) if field == "actions" else replace(statement, resources=())
        groups.setdefault(key, set()).update(listed)
    for key, texts in groups.items():
        listed = tuple(sorted(texts))
        made = replace(key, actions=listed) if field == "actions" else replace(key, resources=listed)
        kept.append(_tight(made))
    return list(dict.fromkeys(kept))


def _tight(statement: Statement) -> Statement:
    """Without actions and resources that another one of the same list covers."""
    return replace(
        statement,
        actions=_without_covered(statement.actions, any_case=True),
        resources=_without_covered(statement.resources),
    )


def _without_covered(texts: tuple[str, ...], *, any_case: bool = False) -> tuple[str, ...]:
    # `*` stands for anything, and a pattern that ends in its only `*` for all that begins so; no other is tried. What
    # holds a variable is another text at each question.
    folded = {text.lower() if any_case else text: text for text in texts}
    wide = [text[:-1] for text in folded if text.endswith("*") and not set(text[:-1]) & set("*?$")]
    kept = [
        text
        for plain, text in folded.items()
        if not any(plain.startswith(start) and plain != f"{start}*" for start in wide)
    ]
    return tuple(sorted(kept))


def _statement(found: Json, name: str, plain: bool) -> Statement:
    if not isinstance(found, Mapping) or found.get("Effect") not in ("Allow", "Deny"):
        raise FileError(f"{name}: a statement without an Effect of Allow or Deny", do="mend the policy, scan again")
    if strange := sorted(set(found) - _ALLOWED):
        raise FileError(f"{name}: {', '.join(strange)} has no place in an identity policy", do="mend it, scan again")
    written = {key: _literal(value) if plain else value for key, value in found.items()}
    lists = {key: _listed(written.get(key)) for key in ("Action", "NotAction", "Resource", "NotResource")}
    if bool(lists["Action"]) == bool(lists["NotAction"]) or bool(lists["Resource"]) == bool(lists["NotResource"]):
        raise FileError(
            f"{name}: a statement needs one of Action and NotAction, and one of Resource and NotResource",
            do="mend the policy, scan again",
        )
    return Statement(
        found["Effect"], lists["Action"], lists["NotAction"], lists["Resource"], lists["NotResource"],
        compact(written.get("Condition") or {}),
    )  # fmt: skip


def _literal(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value.replace("${", "${$}{") if isinstance(value, str) else value


def _listed(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(sorted({str(one) for one in value})) if isinstance(value, list | tuple) else (str(value),)


def _short(text: str, most: int = 90) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


@lru_cache(1 << 14)
def pattern(text: str, *, any_case: bool = False) -> re.Pattern[str]:
    """The pattern of an action or an ARN: `*` any characters, `?` one. Actions match in any case, ARNs do not."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", text))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if any_case else 0))


def texts_in(value: Json) -> Iterator[str]:
    """Every text in a document, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
