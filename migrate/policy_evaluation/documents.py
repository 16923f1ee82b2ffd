"""A policy document taken apart once, and what its statements say about one request.

The one rule it keeps: a document that AWS would refuse is refused here with one error that names the place; one that
AWS accepts is never refused.

Sources: IAM guide, "IAM JSON policy element reference" and "Grammar of the IAM JSON policy language"; Organizations
guide, "SCP syntax", "RCP syntax"; read 2026-11.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from migrate.errors import FileError
from migrate.policy_evaluation.asking import UNKNOWN_RESOURCE, Asked
from migrate.policy_evaluation.conditions import Condition, Malformed, conditions, is_met, variables_of, with_values
from migrate.policy_evaluation.patterns import Template, Wild, names_action, names_resource, template
from migrate.policy_evaluation.principals import Grant, Principals, is_excepted, named, principals
from migrate.policy_evaluation.truth import Finding, Truth, any_of, negated

Sort = Literal["identity policy", "permissions boundary", "session policy", "SCP", "RCP", "resource policy"]
_NAMES_PRINCIPALS = frozenset({"resource policy", "RCP"})
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_VERSIONS = ("2012-10-17", "2008-10-17")
_KEPT_ANSWERS = 50_000


class MalformedPolicy(FileError):
    """A policy document that is none; the message names the policy, the statement and the element."""


class Statement(NamedTuple):
    """One statement. `names` and `resources` are None where the element is not there."""

    label: str
    is_allow: bool
    actions: tuple[str, ...]
    is_not_action: bool
    resources: tuple[Template, ...] | None
    is_not_resource: bool
    names: Principals | None
    is_not_principal: bool
    conditions: tuple[Condition, ...]


class Says(NamedTuple):
    """What one document says about one request: whether a Deny applies, and an Allow of each kind of grant.

    In a document without principals every Allow is DIRECT.
    """

    deny: Finding
    allows: tuple[Finding, Finding, Finding]
    """By Grant: DELEGATED, LIMITED, DIRECT."""


_NO = Finding(False)
SILENT = Says(_NO, (_NO, _NO, _NO))


class Relevant(NamedTuple):
    """The statements about one action, and what beside action and resource their answer depends on."""

    statements: tuple[Statement, ...]
    keys: tuple[str, ...]
    depends_on_principal: bool


@dataclass(eq=False)
class Document:
    """A document's statements, with what was found before: the same question has the same answer."""

    sort: Sort
    statements: tuple[Statement, ...]
    _by_action: dict[str, Relevant] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], Says] = field(default_factory=dict)

    def about(self, action: str) -> Relevant:
        """The statements about an action in lower case."""
        relevant = self._by_action.get(action)
        if relevant is None:
            relevant = self._by_action[action] = _about(self.statements, action)
        return relevant

    def says(self, asked: Asked) -> Says:
        """What the document says about a request. Findings name statements by number and Sid."""
        action = asked.folded_action
        statements, keys, depends_on_principal = self.about(action)
        if not statements:
            return SILENT
        principal = asked.principal if depends_on_principal else None
        question = (action, asked.resource, principal, *map(asked.values, keys))
        known = self._answers.get(question)
        if known is None:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.clear()
            known = self._answers[question] = _said(statements, asked)
        return known


def _about(statements: tuple[Statement, ...], action: str) -> Relevant:
    found = tuple(one for one in statements if _is_about(one, action))
    return Relevant(found, tuple(sorted(_keys(found))), any(one.names is not None for one in found))


def _is_about(statement: Statement, action: str) -> bool:
    return any(names_action(pattern, action) for pattern in statement.actions) != statement.is_not_action


def _said(statements: tuple[Statement, ...], asked: Asked) -> Says:
    denies: list[Finding] = []
    allows: tuple[list[Finding], list[Finding], list[Finding]] = ([], [], [])
    for statement in statements:
        for grant, finding in _applies(statement, asked):
            if statement.is_allow:
                allows[grant].append(finding)
            else:
                denies.append(finding)
    delegated, limited, direct = (_strongest(found) for found in allows)
    return Says(_strongest(denies), (delegated, limited, direct))


def _strongest(found: list[Finding]) -> Finding:
    """One that applies, else all that may."""
    if not found:
        return _NO
    for finding in found:
        if finding.truth:
            return finding
    return Finding(None, tuple(reason for finding in found for reason in finding.because))


def _applies(statement: Statement, asked: Asked) -> Iterator[tuple[Grant, Finding]]:
    """Each grant with which the statement applies or may apply; nothing where it does not."""
    doubts: list[str] = []
    truth = _covers(statement, asked, doubts)
    if truth is False:
        return
    for condition in statement.conditions:
        met = is_met(condition, asked)
        if met.truth is False or (met.is_void and statement.is_allow):
            # A variable without a value makes the statement invalid: an Allow of it gives nothing.
            return
        if met.truth is None:
            truth = None
            doubts.append(met.doubt)
    for grant, is_named, doubt in _names(statement, asked):
        if is_named and truth:
            yield grant, Finding(True, (statement.label,))
        else:
            why = [*doubts, doubt] if doubt else doubts
            yield grant, Finding(None, (f"{statement.label}: {'; '.join(why)}",))


def _names(statement: Statement, asked: Asked) -> Iterator[tuple[Grant, Truth, str]]:
    if statement.names is None:
        yield Grant.DIRECT, True, ""
    elif statement.is_not_principal:
        excepted, doubt = is_excepted(statement.names, asked)
        if excepted is not True:
            yield Grant.DIRECT, negated(excepted), doubt
    else:
        for found in named(statement.names, asked):
            yield found.grant, found.truth, found.doubt


def _covers(statement: Statement, asked: Asked, doubts: list[str]) -> Truth:
    """Whether Resource or NotResource covers what is asked about.

    Where a variable of one of the patterns has no value, AWS says only that "this might cause the entire statement to
    be invalid": such a pattern allows nothing, and whatever else the statement would do is not known.
    """
    if statement.resources is None:
        return True
    truths: list[Truth] = []
    void_doubts: list[str] = []
    for pattern in statement.resources:
        truth, doubt, is_void = _resource(pattern, asked)
        if is_void is not False:
            void_doubts.append(doubt)
        if is_void and statement.is_allow and not statement.is_not_resource:
            truth = False
        elif truth is None:
            doubts.append(doubt)
        truths.append(truth)
    found = any_of(truths)
    covered = negated(found) if statement.is_not_resource else found
    if covered and void_doubts:
        doubts.extend(void_doubts)
        return None
    return covered


def _resource(pattern: Template, asked: Asked) -> tuple[Truth, str, Truth]:
    """Whether a pattern names the resource, what is lacking for that, and whether a variable has no value at all."""
    lacking = ""
    is_void: Truth = False
    if pattern.has_variables:
        tokens, lacking, is_void = with_values(pattern, asked)
    else:
        tokens = pattern.parts  # type: ignore[assignment]
    if asked.resource == UNKNOWN_RESOURCE:
        if tokens == (Wild.ANY,) and not lacking:
            return True, "", False
        if not _may_be_of(pattern.text, asked.service):
            return False, lacking, is_void
        return None, lacking or f"whether the resource is {pattern.text} is not known", is_void
    truth = names_resource(tokens, asked.resource)
    if truth is False:
        return False, lacking, is_void
    if lacking:
        return None, lacking, is_void
    if truth is None:
        return None, f"whether a wildcard of {pattern.text} goes on beyond a colon is not documented", False
    return True, "", False


def _may_be_of(pattern: str, service: str) -> bool:
    """Whether an ARN pattern can name a resource of the service."""
    parts = pattern.split(":", 3)
    return len(parts) < 3 or "*" in parts[2] or "?" in parts[2] or "$" in parts[2] or parts[2].lower() == service


def compiled(document: Mapping[str, Any], sort: Sort, where: str) -> Document:
    """Take a document apart; one of the same content is taken apart once. Raises MalformedPolicy, naming `where`."""
    try:
        text = json.dumps(document, default=_plain)
    except (TypeError, ValueError) as error:
        raise _malformed(where, f"is not JSON ({error})") from None
    try:
        return _compiled(text, sort)
    except Malformed as error:
        raise _malformed(where, str(error)) from None


def _malformed(where: str, what: str) -> MalformedPolicy:
    return MalformedPolicy(f"{where}: {what}", do="correct the policy document; AWS would refuse it as well")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} in it")


@lru_cache(maxsize=4096)
def _compiled(text: str, sort: Sort) -> Document:
    document = json.loads(text)
    if not isinstance(document, dict):
        raise Malformed("a policy is an object with Version and Statement")
    unknown = sorted(set(document) - {"Version", "Id", "Statement"})
    if unknown:
        raise Malformed(f"has the unknown element {unknown[0]!r}")
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise Malformed(f"Version {version!r} is none of {', '.join(_VERSIONS)}")
    found = document.get("Statement")
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise Malformed("has no Statement")
    statements = []
    for number, element in enumerate(found, 1):
        try:
            statements.append(_statement(element, number, sort, with_variables=version == "2012-10-17"))
        except Malformed as error:
            raise Malformed(f"statement {number}: {error}") from None
    return Document(sort, tuple(statements))


def _statement(element: Any, number: int, sort: Sort, *, with_variables: bool) -> Statement:
    if not isinstance(element, dict):
        raise Malformed("is no object")
    unknown = sorted(set(element) - _ELEMENTS)
    if unknown:
        raise Malformed(f"has the unknown element {unknown[0]!r}")
    effect = element.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise Malformed(f"Effect is {effect!r}: Allow or Deny")
    sid = element.get("Sid", "")
    if not isinstance(sid, str):
        raise Malformed("Sid must be a text")
    action = _one_of(element, "Action", "NotAction")
    if action is None:
        raise Malformed("has neither Action nor NotAction")
    actions = [text.lower() for text in _texts(element[action], action)]
    wrong = next((text for text in actions if text != "*" and ":" not in text), None)
    if wrong is not None:
        raise Malformed(f"{action} {wrong!r} is neither * nor service:name")
    resource = _one_of(element, "Resource", "NotResource")
    if resource is None and sort in ("identity policy", "permissions boundary", "session policy"):
        raise Malformed("has neither Resource nor NotResource")
    principal = _one_of(element, "Principal", "NotPrincipal")
    if principal and sort not in _NAMES_PRINCIPALS:
        raise Malformed(f"has {principal}, which is for resource policies")
    if principal is None and sort in _NAMES_PRINCIPALS:
        raise Malformed("has neither Principal nor NotPrincipal")
    patterns = _texts(element[resource], resource) if resource else []
    return Statement(
        label=f"statement {number}" + (f" ({sid})" if sid else ""),
        is_allow=effect == "Allow",
        actions=tuple(actions),
        is_not_action=action == "NotAction",
        resources=tuple(template(text, with_variables=with_variables, with_wildcards=True) for text in patterns)
        if resource
        else None,
        is_not_resource=resource == "NotResource",
        names=principals(element[principal]) if principal else None,
        is_not_principal=principal == "NotPrincipal",
        conditions=conditions(element.get("Condition", {}), with_variables=with_variables),
    )


def _one_of(element: Mapping[str, Any], plain: str, negative: str) -> str | None:
    if plain in element and negative in element:
        raise Malformed(f"has both {plain} and {negative}")
    return plain if plain in element else negative if negative in element else None


def _texts(value: Any, name: str) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise Malformed(f"{name} must be a text or a list of texts")
    return texts


def keys_in(document: Document) -> frozenset[str]:
    """Every condition key and variable that the document depends on, in lower case."""
    return frozenset(_keys(document.statements))


def _keys(statements: tuple[Statement, ...]) -> set[str]:
    keys: set[str] = set()
    for statement in statements:
        for condition in statement.conditions:
            keys.add(condition.key)
            for pattern in condition.values:
                keys.update(variables_of(pattern))
        for pattern in statement.resources or ():
            keys.update(variables_of(pattern))
    return keys
