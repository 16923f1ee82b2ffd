"""The Condition element: whether what is known of a request meets it.

The one rule it keeps: where the value of a key is not known and matters, so is the answer.

Sources: IAM guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or values",
"Single-valued vs. multivalued context keys", "IAM policy elements: Variables and tags", read 2026-11.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from migrate.policy_evaluation.asking import ABSENT, PRESENT, UNKNOWN, Asked
from migrate.policy_evaluation.operators import BY_FOLDED_NAME, OPERATORS, Operator
from migrate.policy_evaluation.patterns import Template, Tokens, Variable, filled, template
from migrate.policy_evaluation.truth import Truth, all_of, any_of, negated

Quantifier = Literal["", "ForAllValues", "ForAnyValue"]
_QUANTIFIERS: dict[str, Quantifier] = {"forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}


class Condition(NamedTuple):
    """One operator with one key and the policy's values for it. An `operator` of None is Null."""

    name: str
    operator: Operator | None
    quantifier: Quantifier
    is_if_exists: bool
    key: str
    values: tuple[Template, ...]


class Malformed(ValueError):
    """What is wrong with an element; the caller says in which statement."""


def conditions(element: Any, *, with_variables: bool) -> tuple[Condition, ...]:
    """Take a Condition element apart. Raises Malformed."""
    if not isinstance(element, Mapping):
        raise Malformed("Condition must be an object of operators")
    found = []
    for name, keys in element.items():
        quantifier, is_if_exists, operator = _named(str(name))
        if not isinstance(keys, Mapping):
            raise Malformed(f"Condition.{name} must be an object of condition keys")
        has_variables = with_variables and operator is not None and operator.has_variables
        has_wildcards = operator is not None and operator.has_wildcards
        for key, values in keys.items():
            if not str(key):
                raise Malformed(f"Condition.{name} has an empty condition key")
            texts = [_text(value, f"Condition.{name}.{key}") for value in _listed(values)]
            if operator is None and any(text.lower() not in ("true", "false") for text in texts):
                raise Malformed(f"Condition.{name}.{key} must be true or false")
            wanted = tuple(template(text, with_variables=has_variables, with_wildcards=has_wildcards) for text in texts)
            found.append(Condition(str(name), operator, quantifier, is_if_exists, str(key).lower(), wanted))
    return tuple(found)


def _named(name: str) -> tuple[Quantifier, bool, Operator | None]:
    quantifier: Quantifier = ""
    rest = name
    if ":" in name:
        first, rest = name.split(":", 1)
        if first.lower() not in _QUANTIFIERS:
            raise Malformed(f"Condition has the unknown set operator {first!r}: ForAllValues and ForAnyValue exist")
        quantifier = _QUANTIFIERS[first.lower()]
    folded = rest.lower()
    if folded == "null":
        return quantifier, False, None
    is_if_exists = folded.endswith("ifexists")
    known = BY_FOLDED_NAME.get(folded.removesuffix("ifexists"))
    if known is None:
        raise Malformed(f"Condition has the unknown operator {name!r}")
    return quantifier, is_if_exists, OPERATORS[known]


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Malformed(f"{where} must be a text, a number, true or false, or a list of these")


class Met(NamedTuple):
    """Whether a condition is met. `is_void`: a variable has no value, so the whole statement may be invalid."""

    truth: Truth
    doubt: str = ""
    is_void: bool = False


def is_met(condition: Condition, asked: Asked) -> Met:
    """Whether the request meets one condition."""
    values = asked.values(condition.key)
    if condition.operator is None:
        return _null(condition, values)
    if values == ABSENT:
        return _absent(condition)
    if values in (UNKNOWN, PRESENT):
        return Met(None, f"the value of {condition.key} is not known")
    wanted: list[Tokens] = []
    for pattern in condition.values:
        if not pattern.has_variables:
            wanted.append(pattern.parts)  # type: ignore[arg-type]
            continue
        tokens, lacking, is_void = with_values(pattern, asked)
        if lacking:
            return Met(None, lacking, is_void is True)
        wanted.append(tokens)
    operator = condition.operator

    def fits(value: str) -> Truth:
        found = any_of(operator.compare(value, one) for one in wanted)
        return negated(found) if operator.is_negated else found

    doubt = f"{condition.name} cannot compare {condition.key} with {[one.text for one in condition.values]}"
    if condition.quantifier:
        # A key without values and one with an empty text count the same here.
        if values == ("",):
            return Met(condition.quantifier == "ForAllValues")
        over = all_of if condition.quantifier == "ForAllValues" else any_of
        truth = over(map(fits, values))
        return Met(truth, doubt if truth is None else "")
    truths = set(map(fits, values))
    if len(truths) == 1:
        truth = truths.pop()
        return Met(truth, doubt if truth is None else "")
    return Met(
        None, f"{condition.key} has several values, and {condition.name} does not say whether one must fit or all"
    )


def _null(condition: Condition, values: tuple[str, ...]) -> Met:
    wanted = {one.text.lower() == "true" for one in condition.values}
    if len(wanted) == 2:
        return Met(True)
    if not wanted:
        return Met(False)
    if values == UNKNOWN:
        return Met(None, f"whether the request has {condition.key} is not known")
    return Met((values == ABSENT) in wanted)


def _absent(condition: Condition) -> Met:
    operator = condition.operator
    is_negated = operator is not None and operator.is_negated
    if condition.is_if_exists or condition.quantifier == "ForAllValues":
        return Met(True)
    if condition.quantifier == "ForAnyValue":
        # One page says that ForAnyValue is false without the key, another that a negated operator is true without it.
        if is_negated:
            return Met(None, f"what {condition.name} means without {condition.key} is documented in two ways")
        return Met(False)
    return Met(is_negated)


class Replaced(NamedTuple):
    """A pattern with its variables replaced, and what is lacking for that.

    is_void: whether a variable has no value at all; None: it may have none.
    """

    tokens: Tokens
    lacking: str
    is_void: Truth


def with_values(pattern: Template, asked: Asked) -> Replaced:
    """Replace the variables of a pattern by the request's values. Only keys with one value can be variables."""
    lacking: list[str] = []
    voids: list[Truth] = []

    def value_of(variable: Variable) -> str | None:
        values = asked.values(variable.key)
        if values in (UNKNOWN, PRESENT):
            lacking.append(f"the value of the variable {variable.key} is not known")
            # A key of which nothing is known may be absent, or have several values.
            voids.append(None if values == UNKNOWN else False)
            return None
        if len(values) == 1:
            return values[0]
        if not values and variable.default is not None:
            return variable.default
        voids.append(True)
        lacking.append(f"the variable {variable.key} has no value in this request, or more than one")
        return None

    tokens = filled(pattern, value_of)
    return Replaced(tokens, "; ".join(lacking), any_of(voids))


def variables_of(pattern: Template) -> Iterator[str]:
    """The condition keys that stand in a text as variables."""
    yield from (part.key for part in pattern.parts if isinstance(part, Variable))
