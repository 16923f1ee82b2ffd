"""What becomes of every fact of every kind, read out of the code that acts: `docs/coverage.md`.

The rule: nothing here is declared by hand. A fact arrives by an action because that action's code reads it; whether
names inside of it are renamed follows from its type; what no code reads is shown as such.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import FunctionType, ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from migrate.kind import Action, CarryAction, Facts, Kind
from migrate.kinds import every_kind
from migrate.unhandled import NOT_LISTED, PROBES, covered

Become = Literal["rewritten", "moved", "renamed by", "decides", "volatile", "compared only", "reported"]
MEANS: dict[Become, str] = {
    "rewritten": "an action sends it; every name of legacy inside of it becomes the target's",
    "moved": "an action sends it as it is: its type holds no names (numbers, yes or no, a closed set)",
    "renamed by": "AWS gives the target's own; what names legacy's by it is rewritten",
    "decides": "no action sends it; it decides what is done, what is needed, or what the target should show",
    "volatile": "may differ between the sides and is not compared",
    "compared only": "no action sends it: part of the name, derived by AWS or made by a person; a difference is told",
    "reported": "the kind is not moved; a person reads it in the inventory",
}
_NOT_FACTS = frozenset({"place", "ref", "self", "site", "to", "it", "kind", "request", "action"})
"""What is called so in a kind's code holds no facts, whatever its attributes are called."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a kind's facts model, and what becomes of it."""

    name: str
    becomes: Become
    by: tuple[str, ...]
    """The actions that send it, in order."""
    compared: bool
    said: str
    """What the model says about the field."""


def facts_of(kind: Kind[Any]) -> Iterator[Fact]:
    """Every fact of a kind, in the model's order."""
    fields = frozenset(kind.facts.model_fields)
    sends = {action.name: _reads(_code_of(action), kind.facts) | action.sets for action in kind.actions}
    names = _reads([type(kind).names, type(kind).outputs], kind.facts)
    kept = type(kind)
    decides = _reads([kept.needs, kept.called, kept.locate, kept.target_arn], kind.facts)
    decides |= _reads([method for a in kind.actions for method in (type(a).applies, type(a).legacy_after)], kind.facts)
    # What the target should show is said by the field's name.
    decides |= _reads([kept.expected], kind.facts) | (
        fields & _constants(kept.expected) if _is_ours(kept.expected) else set()
    )
    notes = field_docs(kind.facts)
    for name, field in kind.facts.model_fields.items():
        by = tuple(action for action, read in sends.items() if name in read)
        become: Become = "compared only"
        if not kind.actions:
            become = "reported"
        elif by:
            become = "rewritten" if holds_names(field.annotation) else "moved"
        elif name in kind.volatile:
            become = "renamed by" if name in names else "volatile"
        elif name in decides | names:
            become = "decides"
        yield Fact(name, become, by, bool(kind.actions) and name not in kind.volatile, notes.get(name, ""))


def holds_names(annotation: Any) -> bool:
    """Whether a value of this type can hold a text in which something is named."""
    if annotation is Any or annotation is str:
        return True
    if annotation in (bool, int, float, NoneType):
        return False
    if get_origin(annotation) is Literal:
        return False
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(holds_names(field.annotation) for field in annotation.model_fields.values())
    return any(holds_names(part) for part in get_args(annotation))


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The text that stands under each field of a model."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, Facts) and one is not Facts:
            body = _parsed(one).body
            for field, text in pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _text(text):
                    found[field.target.id] = " ".join(_text(text).split())
    return found


def _text(statement: ast.stmt) -> str:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _code_of(action: Action[Any]) -> list[Any]:
    """What decides what an action sends. Its summary and its proof send nothing."""
    carry = [type(action).carry] if isinstance(action, CarryAction) else []
    return [type(action).requests, *carry]


def _reads(code: Iterable[Any], model: type[Facts]) -> frozenset[str]:
    """The facts that this code reads: itself, in any function of the kinds that it calls, or by the model's own."""
    fields = frozenset(model.model_fields)
    found: set[str] = set()
    for function in _called(code):
        by_name = False
        for node in ast.walk(_parsed(function)):
            if isinstance(node, ast.Attribute) and not _is_no_fact(node.value):
                # Every field at once, by AWS's spelling.
                found |= fields if node.attr == "model_dump" and _ends_in_facts(node.value) else {node.attr}
            elif isinstance(node, ast.Name) and node.id == "getattr":
                by_name = True
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                found.add(str(node.slice.value))
        if by_name:
            found |= _constants(function)
    own = {name: vars(model)[name] for name in found - fields if name in vars(model)}
    for method in (one.fget if isinstance(one, property) else one for one in own.values()):
        if isinstance(method, FunctionType):
            found |= {node.attr for node in ast.walk(_parsed(method)) if isinstance(node, ast.Attribute)}
    return fields & found


def _is_no_fact(value: ast.expr) -> bool:
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name in _NOT_FACTS


def _ends_in_facts(value: ast.expr) -> bool:
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name == "facts"


def _called(code: Iterable[Any]) -> list[Any]:
    """The functions of the kinds among these, and all that they mention, each once."""
    ahead, seen = list(code), []
    while ahead:
        function = ahead.pop()
        if not _is_ours(function) or function in seen:
            continue
        seen.append(function)
        for node in ast.walk(_parsed(function)):
            if isinstance(node, ast.Name):
                ahead.append(_global(function, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = _global(function, node.value.id)
                if node.value.id == "self":
                    owner = _owner(function)
                if isinstance(owner, (ModuleType, type)):
                    ahead.append(getattr(owner, node.attr, None))
    return seen


def _constants(function: Any) -> set[str]:
    """Every text in what the function mentions: in itself and in the constants of its module."""
    found: set[str] = set()
    for node in ast.walk(_parsed(function)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Name):
            found |= set(_texts(_global(function, node.id)))
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _texts(one)


def _is_ours(function: Any) -> bool:
    return isinstance(function, FunctionType) and function.__module__.startswith("migrate.kinds.")


def _global(function: Any, name: str) -> Any:
    return function.__globals__.get(name)


def _owner(function: Any) -> Any:
    return _global(function, function.__qualname__.partition(".")[0])


@cache
def _parsed(thing: Any) -> Any:
    """The syntax tree of a class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


def coverage_page() -> str:
    """The page `docs/coverage.md`."""
    kinds = list(every_kind().values())
    types = frozenset(one for kind in kinds for one in kind.tagging_types)
    left = [probe for probe in PROBES if not _covered(probe.type, types)]
    lines = [
        "# Coverage",
        "",
        "Generated by `python -m migrate.kind_table --coverage > docs/coverage.md`, from the code of the actions: a",
        "fact arrives by an action because that action's code reads it. [kinds.md](kinds.md) says what each kind does.",
        "",
        "| word | means |",
        "|---|---|",
        *(f"| {word} | {text} |" for word, text in MEANS.items()),
        "",
        "*Tags* are moved with every kind, AWS's own (`aws:…`) excepted, and compared. A field that AWS shows and no",
        "table names is not scanned: it is neither moved nor compared.",
        "",
        *(line for kind in kinds for line in _section(kind)),
        "## What has no kind",
        "",
        "It stays in legacy. A scan lists it, and the plan is refused until a person has waived each: with the reason,",
        "or because it was done by hand as it says here.",
        "",
        "| what | by hand | done when |",
        "|---|---|---|",
        *dict.fromkeys(f"| `{probe.type}` | {_cell(probe.manual)} | {_cell(probe.verify)} |" for probe in left),
        "",
        "## What a scan does not list",
        "",
        "| what | by hand |",
        "|---|---|",
        *(f"| {what} | {_cell(text)} |" for what, text in NOT_LISTED.items()),
    ]
    return "\n".join(lines) + "\n"


def _covered(of_type: str, types: frozenset[str]) -> bool:
    service, _, thing = of_type.partition(":")
    return covered(service, f"{thing}/", types)


def _section(kind: Kind[Any]) -> Iterator[str]:
    yield f"## {kind.name}"
    yield ""
    if kind.manual:
        yield f"By hand: {kind.manual}"
        yield ""
    yield "| fact | becomes | by | compared | |"
    yield "|---|---|---|---|---|"
    for fact in facts_of(kind):
        by = ", ".join(f"`{name}`" for name in fact.by)
        yield f"| `{fact.name}` | {fact.becomes} | {by} | {'yes' if fact.compared else 'no'} | {_cell(fact.said)} |"
    yield ""
    if kind.left_out:
        yield "Left out:"
        yield ""
        yield from (f"- {what}: {why}" for what, why in kind.left_out.items())
        yield ""


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
