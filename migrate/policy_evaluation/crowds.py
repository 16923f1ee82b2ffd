"""One question about thousands of resources at once: those that no policy tells apart are asked about as one.

The one rule it keeps: an answer stands for a resource only where the same patterns name it, the same condition keys
have the same values for it, and its own policy says the same of it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from migrate.policy_evaluation.asking import ABSENT, DIRECT, Asked, Values
from migrate.policy_evaluation.conditions import variables_of, with_values
from migrate.policy_evaluation.deciding import Policies, decide
from migrate.policy_evaluation.documents import Document, Statement, compiled
from migrate.policy_evaluation.patterns import Tokens, Wild, names_resource
from migrate.policy_evaluation.truth import Truth

_REQUESTED = "aws:requestedregion"
_GLOBAL = "us-east-1"
"""What aws:RequestedRegion says where a service has no regions. Source: IAM guide, "AWS global condition context keys",
read 2026-11."""


class Item(NamedTuple):
    """One resource. `policy`: its own, parsed; None: it has none."""

    arn: str
    region: str
    tags: Mapping[str, str]
    policy: Mapping[str, Any] | None = None


class Answers(NamedTuple):
    """Which of a crowd's items: a bit each, the first item's the lowest."""

    allowed: int
    undecided: int


_NOBODY = Answers(0, 0)


@dataclass(eq=False)
class Crowd:
    """Resources of one sort in one account, asked about as `<ARN><inside>`."""

    account: str
    items: Sequence[Item]
    inside: str = ""
    _named: dict[Tokens, tuple[int, int]] = field(default_factory=dict)
    _split: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _alike: tuple[int, ...] | None = None
    _keys: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.everything = (1 << len(self.items)) - 1
        self.has_policies = any(item.policy is not None for item in self.items)

    def asked_of(self, number: int) -> str:
        """The text that one item is asked about as."""
        return self.items[number].arn + self.inside

    def named(self, tokens: Tokens) -> tuple[int, int]:
        """Which items a pattern names, and of which that is not known."""
        found = self._named.get(tokens)
        if found is None:
            found = self._named[tokens] = self._look(tokens)
        return found

    def _look(self, tokens: Tokens) -> tuple[int, int]:
        if tokens == (Wild.ANY,):
            return self.everything, 0
        yes = unsure = 0
        look: Callable[[Tokens, str], Truth] = names_resource.__wrapped__  # its cache is too small for a crowd
        for number, item in enumerate(self.items):
            truth = look(tokens, item.arn + self.inside)
            if truth is not False:
                if truth:
                    yes |= 1 << number
                else:
                    unsure |= 1 << number
        return yes, unsure

    def by_value(self, key: str) -> tuple[int, ...]:
        """Items apart by what a condition key says of them; all together where it says nothing of a resource."""
        found = self._split.get(key)
        if found is None:
            found = self._split[key] = self._apart(_value_of(key))
        return found

    def by_policy(self) -> tuple[int, ...]:
        """Items apart by what their own policies say, each of itself."""
        if self._alike is None:
            self._alike = self._apart(lambda item: _own_words(item, self.inside)) if self.has_policies else ()
        return self._alike

    def keys_of_policies(self, action: str) -> frozenset[str]:
        """Condition keys on which the items' own policies make this action depend."""
        found = self._keys.get(action)
        if found is None:
            firsts = (self.items[_first(one)] for one in self.by_policy() or (self.everything,))
            found = self._keys[action] = frozenset(
                key
                for item in firsts
                if item.policy is not None
                for key in compiled(item.policy, "resource policy", item.arn).about(action).keys
            )
        return found

    def _apart(self, say: Callable[[Item], object] | None) -> tuple[int, ...]:
        if say is None:
            return ()
        groups: dict[object, int] = {}
        for number, item in enumerate(self.items):
            said = say(item)
            groups[said] = groups.get(said, 0) | 1 << number
        return tuple(groups.values()) if len(groups) > 1 else ()


def _first(together: int) -> int:
    return (together & -together).bit_length() - 1


def _value_of(key: str) -> Callable[[Item], object] | None:
    if key == _REQUESTED:
        return lambda item: item.region
    family, slash, tag = key.partition("/")
    if slash and family.endswith(":resourcetag"):
        return lambda item: next((value for name, value in item.tags.items() if name.lower() == tag), None)
    if key in ("aws:tagkeys", "aws:resourcetag"):
        return lambda item: tuple(sorted(item.tags.items()))
    return None


def _own_words(item: Item, inside: str) -> object:
    """What an item's policy says, its own name left out, and which of its patterns name the item itself."""
    if item.policy is None:
        return None
    document = compiled(item.policy, "resource policy", item.arn)
    patterns = [pattern for one in document.statements for pattern in one.resources or ()]
    if any(pattern.has_variables for pattern in patterns):
        return item.arn
    named = tuple(names_resource(pattern.parts, item.arn + inside) for pattern in patterns)
    return json.dumps(item.policy, sort_keys=True, default=str).replace(item.arn, "\0"), named


@dataclass(eq=False)
class Who:
    """Somebody who asks, with all policies that have a say but the resources' own."""

    principal: str
    account: str
    policies: Policies
    context: Mapping[str, Values] = field(default_factory=dict)
    """What is known of the principal: its tags."""
    _with: dict[str, Policies] = field(default_factory=dict)

    def facing(self, policy: Mapping[str, Any] | None) -> Policies:
        """The policies with that of a resource."""
        if policy is None:
            return self.policies
        key = json.dumps(policy, sort_keys=True, default=str)
        found = self._with.get(key)
        if found is None:
            found = self._with[key] = replace(self.policies, resource=policy)
        return found


def answers(who: Who, action: str, crowd: Crowd, of_all: bool = False) -> Answers:
    """Which items of the crowd the policies let `who` do this with. Raises MalformedPolicy.

    of_all: the action knows no resource, so it is asked of `*`, once for each region.
    """
    folded = action.lower()
    documents = list(who.policies.parts.documents())
    statements = [one for document in documents for one in document.about(folded).statements]
    is_foreign = crowd.account != who.account
    if not crowd.has_policies and (is_foreign or not any(one.is_allow for one in statements)):
        return _NOBODY
    allowed = undecided = 0
    for together in _classes(who, action, crowd, documents, statements, of_all):
        first = _first(together)
        item = crowd.items[first]
        if item.policy is None and is_foreign:
            continue
        asked = Asked(
            who.principal, action, "*" if of_all else crowd.asked_of(first), _context(who, item, action), who.account,
            crowd.account,
        )  # fmt: skip
        outcome = decide(asked, who.policies if of_all else who.facing(item.policy)).outcome
        if outcome == "allowed":
            allowed |= together
        elif outcome == "could not be decided":
            undecided |= together
    return Answers(allowed, undecided)


def _context(who: Who, item: Item, action: str) -> dict[str, Values]:
    service = action.partition(":")[0].lower()
    region = _GLOBAL if item.region == "global" else item.region
    found: dict[str, Values] = {**DIRECT, _REQUESTED: (region,), **who.context}
    for family in ("aws:resourcetag", f"{service}:resourcetag"):
        found |= {f"{family}/{name.lower()}": (value,) for name, value in item.tags.items()}
        found[f"{family}/*"] = ABSENT
    return found


def _classes(
    who: Who, action: str, crowd: Crowd, documents: Iterable[Document], statements: Iterable[Statement], of_all: bool
) -> list[int]:
    """The items apart wherever anything may tell them apart."""
    if not of_all and any(_follows_the_resource(one) for one in statements):
        return [1 << number for number in range(len(crowd.items))]
    classes = [crowd.everything]
    for part in () if of_all else _patterns(who, action, crowd, statements):
        classes = [piece for one in classes for piece in (one & part, one & ~part) if piece]
    keys = {key for document in documents for key in document.about(action.lower()).keys}
    keys |= crowd.keys_of_policies(action.lower()) if crowd.has_policies and not of_all else frozenset()
    for parts in [*(crowd.by_value(key) for key in sorted(keys)), () if of_all else crowd.by_policy()]:
        if parts:
            classes = [piece for one in classes for part in parts if (piece := one & part)]
    return classes


def _follows_the_resource(statement: Statement) -> bool:
    """Whether a pattern of it is another one for each resource: by a variable that is not the principal's."""
    keys = {key for pattern in statement.resources or () for key in variables_of(pattern)}
    return not all(key.startswith("aws:principal") or key in ("aws:username", "aws:userid") for key in keys)


def _patterns(who: Who, action: str, crowd: Crowd, statements: Iterable[Statement]) -> Iterator[int]:
    """Masks of everything that a pattern names, and of everything of which that is not known."""
    asked = Asked(who.principal, action, "*", {**DIRECT, **who.context}, who.account, crowd.account)
    for pattern in {pattern for one in statements for pattern in one.resources or ()}:
        tokens: Tokens = with_values(pattern, asked)[0] if pattern.has_variables else pattern.parts  # type: ignore[assignment]
        for mask in crowd.named(tokens):
            if mask not in (0, crowd.everything):
                yield mask
