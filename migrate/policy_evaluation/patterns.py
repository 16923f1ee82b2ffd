"""Patterns of a policy: wildcards, policy variables, and how they match actions, texts and ARNs.

The one rule it keeps: matching takes time in proportion to pattern and text, however many wildcards there are.

Source: IAM guide, "IAM JSON policy elements: Resource" and "IAM policy elements: Variables and tags", read 2026-11.
Unverified: that a wildcard in the value of a variable is taken literally; AWS does not say.
"""

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from migrate.policy_evaluation.truth import Truth


class Wild(Enum):
    """`*` stands for any text, `?` for one character."""

    ANY = "*"
    ONE = "?"


class Variable(NamedTuple):
    """`${aws:username}` or `${aws:username, 'nobody'}`; the key in lower case."""

    key: str
    default: str | None


Token = str | Wild
Tokens = tuple[Token, ...]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"([^,']+?)\s*,\s*'([^']*)'")


class Template(NamedTuple):
    """One text of a policy, taken apart once."""

    text: str
    parts: tuple[Token | Variable, ...]
    has_variables: bool


@lru_cache(maxsize=65536)
def template(text: str, *, with_variables: bool, with_wildcards: bool) -> Template:
    """Take a policy's text apart. Variables exist from version 2012-10-17 of the language on."""
    parts: list[Token | Variable] = []
    at = 0
    for found in _VARIABLE.finditer(text) if with_variables else ():
        parts.extend(_wildcards(text[at : found.start()], with_wildcards))
        parts.append(_variable(found.group(1)))
        at = found.end()
    parts.extend(_wildcards(text[at:], with_wildcards))
    return Template(text, tuple(parts), any(isinstance(part, Variable) for part in parts))


def _variable(inside: str) -> Token | Variable:
    if inside in ("*", "?", "$"):
        return inside
    found = _WITH_DEFAULT.fullmatch(inside.strip())
    if found:
        return Variable(found.group(1).strip().lower(), found.group(2))
    return Variable(inside.strip().lower(), None)


def _wildcards(text: str, with_wildcards: bool) -> list[Token]:
    if not with_wildcards:
        return [text] if text else []
    return [Wild(part) if part in ("*", "?") else part for part in re.split(r"([*?])", text) if part]


def filled(pattern: Template, value_of: Callable[[Variable], str | None]) -> Tokens:
    """The pattern with its variables replaced; where there is no value, anything may stand."""
    tokens: list[Token] = []
    for part in pattern.parts:
        if isinstance(part, Variable):
            value = value_of(part)
            tokens.append(Wild.ANY if value is None else value)
        else:
            tokens.append(part)
    return tuple(tokens)


def literal(tokens: Tokens) -> str:
    """The tokens as one text, for operators that know no wildcards."""
    return "".join(token.value if isinstance(token, Wild) else token for token in tokens)


@lru_cache(maxsize=65536)
def _expression(tokens: Tokens) -> re.Pattern[str]:
    """Each text between two `*` is taken at its first place and never given up: what follows can only be further on."""
    runs: list[str] = [""]
    for token in tokens:
        if token is Wild.ANY:
            runs.append("")
        else:
            runs[-1] += "." if isinstance(token, Wild) else re.escape(token)
    if len(runs) == 1:
        return re.compile(runs[0], re.DOTALL)
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1] if run)
    return re.compile(f"{runs[0]}{middle}.*{runs[-1]}", re.DOTALL)


def matches(tokens: Tokens, text: str) -> bool:
    """Whether the whole text fits, `*` and `?` standing for any characters."""
    return _expression(tokens).fullmatch(text) is not None


@lru_cache(maxsize=65536)
def names_resource(tokens: Tokens, resource: str) -> Truth:
    """Whether a Resource element names this resource.

    A `*` at the end of a segment goes on beyond colons; other wildcards stay in their segment. Where only a wildcard
    within a segment would reach over a colon of the resource's own name, the documentation and what people report
    differ: not known.
    """
    if not matches(tokens, resource):
        return False
    colons = sum(token.count(":") for token in tokens if isinstance(token, str))
    if resource.count(":") <= colons or _fits_by_segment(tokens, resource):
        return True
    return None


def _fits_by_segment(tokens: Tokens, text: str) -> bool:
    """Follow all ways at once: a set of places in the pattern, one step for each character."""
    flat: list[Token] = []
    for token in tokens:
        flat.extend(token if isinstance(token, str) else (token,))
    last = len(flat)

    def is_final(place: int) -> bool:
        return place + 1 == last or flat[place + 1] == ":"

    def widened(places: set[int]) -> set[int]:
        for place in sorted(places):
            while place < last and flat[place] is Wild.ANY:
                place += 1
                places.add(place)
        return places

    places = widened({0})
    for character in text:
        following: set[int] = set()
        for place in places:
            if place == last:
                continue
            token = flat[place]
            if token is Wild.ANY:
                if character != ":" or is_final(place):
                    following.add(place)
            elif token is Wild.ONE:
                if character != ":":
                    following.add(place + 1)
            elif token == character:
                following.add(place + 1)
        places = widened(following)
        if not places:
            return False
    return last in places


def fits_arn(tokens: Tokens, arn: str) -> bool:
    """Whether an ARN fits, each of its six components by itself. A lone `*` fits every ARN."""
    if tokens == (Wild.ANY,):
        return True
    wanted = _components(tokens)
    given = arn.split(":", 5)
    return len(wanted) == len(given) == 6 and all(map(matches, wanted, given))


@lru_cache(maxsize=65536)
def _components(tokens: Tokens) -> tuple[Tokens, ...]:
    components: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, Wild):
            components[-1].append(token)
            continue
        first, *others = token.split(":", 6 - len(components))
        components[-1].append(first)
        components.extend([other] for other in others)
    return tuple(tuple(token for token in component if token != "") for component in components)


@lru_cache(maxsize=65536)
def names_action(pattern: str, action: str) -> bool:
    """Whether an Action element names this action; both in lower case."""
    return matches(template(pattern, with_variables=False, with_wildcards=True).parts, action)  # type: ignore[arg-type]
