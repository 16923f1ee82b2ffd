"""Which value in which of AWS's answers makes one fact of a resource another one: found by trying, not written down.

Rule: what a kind reads is recorded once; then each place of AWS's own output shapes is shown otherwise, one at a time,
until the kind's scan gives another value of the fact. Nothing but reads is sent while that is tried.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError

from migrate.demo.otherwise import is_asked, put
from migrate.files import canonical
from migrate.inventory import Resource
from migrate.kind import It, Kind, Place
from tests.kinds.plain_site import PlainSite

Rule = Mapping[str, Any]
"""As the world's `otherwise.json` wants it, without the account."""
PAGING = frozenset({"NextToken", "nextToken", "Marker", "marker", "PageToken", "MaxResults", "maxResults", "MaxItems"})
DEEP, MOST_TRIED, MOST_ENUMERATED, MOST_WAYS = 4, 12_000, 60, 6
WORDS = ("another", '{"another": "one"}', "true", "false", "7", "1", "default",
         "arn:aws:iam::222222222222:role/another")  # fmt: skip
"""Texts that a scan may read: a name, a document, a switch, a number, an ARN."""


class Way(NamedTuple):
    """What is shown otherwise, and the facts that are others then."""

    rules: tuple[Rule, ...]
    changes: frozenset[str]


class Round(NamedTuple):
    """What is shown otherwise at once, the fact of each kind that it is for, and all that is another one then."""

    rules: Sequence[Rule]
    wanted: Mapping[str, str]
    changed: Mapping[str, set[str]]


class RecordedSite(PlainSite):
    """The target, each read asked once and remembered; `rules` say what is shown otherwise."""

    rules: Sequence[Rule] = ()

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.answers: dict[str, dict[str, tuple[dict[str, Any], list[Any]]]] = {}
        """By operation and canonical parameters: the parameters and the pages, or the error."""

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        (answer,) = self._pages(operation, params, paginated=False)
        return dict(answer)

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        for answer in self._pages(operation, params, paginated=True):
            yield from jmespath.search(key, answer) or ()

    def shape(self, operation: str) -> Any:
        """AWS's shape of the answer."""
        service, _, name = operation.partition(".")
        return self._clients[service].meta.service_model.operation_model(name).output_shape

    def _pages(self, operation: str, params: dict[str, Any], *, paginated: bool) -> list[Any]:
        assert operation in self.reads, f"{operation} is not among the kind's declared reads"
        known = self.answers.setdefault(operation, {})
        key = f"{canonical(params).decode()} {paginated}"
        if key not in known:
            known[key] = (params, self._ask(operation, params, paginated=paginated))
        pages = known[key][1]
        if pages and isinstance(pages[0], Exception):
            raise pages[0]
        rules = [rule for rule in self.rules if rule["operation"] == operation and is_asked(rule, params)]
        return [shown(page, rules) for page in pages] if rules else pages

    def _ask(self, operation: str, params: dict[str, Any], *, paginated: bool) -> list[Any]:
        service, _, name = operation.partition(".")
        client = self._clients.setdefault(service, None) or self._client(service)
        self._clients[service] = client
        method = xform_name(name)
        try:
            if paginated and client.can_paginate(method):
                return list(client.get_paginator(method).paginate(**params))
            return [getattr(client, method)(**params)]
        except (ClientError, NotImplementedError) as error:
            return [error]


def shown(page: Any, rules: Sequence[Rule]) -> Any:
    """The answer as these rules say."""
    page = copy.deepcopy(page)
    for rule in rules:
        put(page, rule["at"], rule["value"])
    return page


@dataclass
class Watched:
    """One resource of the target, and all that its kind reads to find it."""

    kind: Kind[Any]
    it: It[Any]
    place: Place
    outputs: Mapping[str, str]
    site: RecordedSite
    plain: Resource = field(init=False)
    mine: list[str] = field(init=False)
    """What the resource says of itself."""

    def __post_init__(self) -> None:
        found = self.look(())
        assert found is not None, f"{self.it.ref} is not found by its kind"
        self.plain = found
        said = {self.plain.ref.name, self.plain.arn, *self.outputs.values(), *texts(self.plain.facts)}
        self.mine = sorted(one for one in said if len(one) > 3)

    def look(self, rules: Sequence[Rule]) -> Resource | None:
        """What the kind finds where the answers are these."""
        self.site.rules = rules
        return self.kind.locate(self.site, self.place, self.outputs, self.it)

    def changed(self, rules: Sequence[Rule]) -> set[str] | None:
        """The facts (and `tags`) that are others then; None where the thing is not found any more, or not read."""
        try:
            found = self.look(rules)
        except Exception:  # noqa: BLE001 - an answer that AWS never gives
            return None
        if found is None:
            return None
        names = (found.facts.keys() | self.plain.facts.keys()) - self.kind.volatile
        different = {name for name in names if self._value(found, name) != self._value(self.plain, name)}
        return different | ({"tags"} if found.tags != self.plain.tags else set())

    def _value(self, resource: Resource, name: str) -> Any:
        value = resource.facts.get(name)
        if name in self.kind.unordered and isinstance(value, list):
            return sorted(value, key=canonical)
        return value

    def ways(self, fields: set[str]) -> dict[str, list[Way]]:
        """For each fact, what shows another value of it, the ways that change least else first."""
        found: dict[str, list[Way]] = {}
        possible = list(itertools.islice(self._possible(), MOST_TRIED))
        self._try(([rule] for rule in possible), fields, found)
        if left := fields - found.keys():
            # A fact that is read only where another one says so: first that one, then it.
            switches = [rule for rule in possible if rule["value"] is True or is_word(rule["value"])]
            pairs = ([one, other] for one in switches for other in possible if near(one, other))
            self._try(itertools.islice(pairs, MOST_TRIED), left, found)
        return {name: sorted(ways, key=lambda way: len(way.changes)) for name, ways in found.items()}

    def _try(self, many: Iterable[list[Rule]], fields: set[str], found: dict[str, list[Way]]) -> None:
        for rules in many:
            changed = self.changed(rules) or set()
            for name in fields & changed:
                found.setdefault(name, []).append(Way(tuple(rules), frozenset(changed)))
            if all(any(way.changes == {name} for way in found.get(name, ())) for name in fields):
                return

    def _possible(self) -> Iterator[Rule]:
        self.site.rules = ()
        for operation, asked in list(self.site.answers.items()):
            for params, pages in list(asked.values()):
                said = {name: value for name, value in params.items() if name not in PAGING}
                for page in pages:
                    if isinstance(page, Exception):
                        continue
                    for at, value in self._others(self.site.shape(operation), page, [], 0):
                        yield {"operation": operation, "asked": said, "at": at, "value": value}

    def _others(self, shape: Any, value: Any, at: list[Any], depth: int) -> Iterator[tuple[list[Any], Any]]:
        """Each place below, with another value than stands there."""
        if shape.type_name == "structure":
            for name, member in shape.members.items():
                if value.get(name) is not None:
                    yield from self._others(member, value[name], [*at, name], depth)
            for name, member in shape.members.items():
                if value.get(name) is None and depth < DEEP:
                    yield from (([*at, name], one) for one in samples(member, 0))
                    if member.type_name == "structure":
                        yield from self._others(member, {}, [*at, name], depth + 1)
                elif len(at) > 0:
                    yield [*at, name], None
        elif shape.type_name == "list":
            for index, item in enumerate(value):
                step = self._step(value, index)
                if self._is_others(item):
                    continue
                yield from self._others(shape.member, item, [*at, step], depth)
                yield [*at, step], None
            yield from (([*at, len(value)], one) for one in samples(shape.member, 0))
            yield from (([*at, len(value)], one) for one in self._with_ids(shape.member))
        elif shape.type_name == "map":
            for name, item in value.items():
                yield from self._others(shape.value, item, [*at, name], depth)
                yield [*at, name], None
            for name in (*getattr(shape.key, "enum", ())[:MOST_ENUMERATED], "another"):
                if name not in value:
                    yield from (([*at, name], one) for one in samples(shape.value, 0))
        else:
            yield from ((at, one) for one in samples(shape, 0, value) if one != value)

    def _with_ids(self, shape: Any) -> Iterator[Any]:
        """One more item that says an id which ours says too: the network that it is in."""
        if shape.type_name == "structure":
            for one in samples(shape, 0):
                for name in shape.members:
                    mine = [text for text in self.mine if text.startswith(f"{name.removesuffix('Id').lower()}-")]
                    yield from (one | {name: text} for text in mine)

    def _is_others(self, item: Any) -> bool:
        """Whether an item of a list is plainly about another thing: it says nothing that ours says."""
        if not isinstance(item, dict) or len(item) <= 6:
            return False
        text = json.dumps(item, default=str)
        return not any(one in text for one in self.mine)

    def _step(self, items: Sequence[Any], index: int) -> Any:
        """How the item is named: by what it alone says, its own id first."""
        item = items[index]
        if not isinstance(item, dict):
            return index
        words = [name for name, value in item.items() if isinstance(value, (str, int)) and not isinstance(value, bool)]
        words.sort(key=lambda name: (str(item[name]) not in self.mine, not name.endswith(("Arn", "Id", "Name", "Key"))))
        for many in (1, 2):
            for names in itertools.combinations(words, many):
                said = {name: item[name] for name in names}
                if sum(all(one.get(n) == v for n, v in said.items()) for one in items) == 1:
                    return said
        return index


def samples(shape: Any, depth: int, value: Any = None) -> Iterator[Any]:
    """Values of this shape other than the given one, the most likely first."""
    sort = shape.type_name
    if sort == "boolean":
        yield from (not value,) if value is not None else (True, False)
    elif sort in ("integer", "long"):
        yield from ((value + 1, value - 1) if value is not None else (7, 1))
    elif sort in ("float", "double"):
        yield (value or 0.0) + 1.5
    elif sort in ("string", "character"):
        if shape.enum:
            yield from [one for one in shape.enum if one != value][:MOST_ENUMERATED]
        else:
            yield from ([f"{value}-another", "another"] if value else [])
            yield from WORDS
    elif sort == "structure":
        if depth < DEEP:
            made = {name: list(itertools.islice(samples(one, depth + 1), 2)) for name, one in shape.members.items()}
            yield {name: some[0] for name, some in made.items() if some}
            yield {name: some[-1] for name, some in made.items() if some}
    elif sort == "list":
        yield from ([one] for one in itertools.islice(samples(shape.member, depth + 1), 3))
    elif sort == "map":
        keys = [*getattr(shape.key, "enum", ())[:3], "another"]
        yield from ({key: one} for key in keys for one in itertools.islice(samples(shape.value, depth + 1), 3))


def is_word(value: Any) -> bool:
    """Whether it may be one of a closed set: EMAIL, external."""
    return isinstance(value, str) and value not in WORDS and not value.endswith("-another")


def near(one: Rule, other: Rule) -> bool:
    """Whether two are about the same part of the same answer."""
    if one["operation"] != other["operation"] or one["asked"] != other["asked"]:
        return False
    return bool(one["at"] != other["at"] and other["at"][: len(one["at"]) - 1] == one["at"][:-1])


def texts(value: Any) -> Iterator[str]:
    """Every text inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def rounds(watched: Mapping[str, Watched], ways: Mapping[tuple[str, str], Sequence[Way]]) -> Iterator[Round]:
    """Every fact once, many at a time: in a round no way hides what another one of it shows."""
    left = dict(ways)
    while left:
        rules: list[Rule] = []
        wanted: dict[str, str] = {}
        changed: dict[str, set[str]] = {}
        for (kind, name), tries in list(left.items()):
            for way in tries[:MOST_WAYS] if kind not in wanted else ():
                now = _together(watched, [*rules, *way.rules], changed, way.rules)
                if now is not None and all(fact in now.get(one, ()) for one, fact in (*wanted.items(), (kind, name))):
                    rules, changed, wanted = [*rules, *way.rules], now, wanted | {kind: name}
                    del left[kind, name]
                    break
        if not wanted:
            raise AssertionError(f"these are shown otherwise in no round: {sorted(left)}")
        yield Round(rules, wanted, changed)


def _together(
    watched: Mapping[str, Watched], rules: Sequence[Rule], before: Mapping[str, set[str]], new: Sequence[Rule]
) -> dict[str, set[str]] | None:
    """By kind, the facts that are others then; None where one of the things is not found any more."""
    now = dict(before)
    operations = {rule["operation"] for rule in new}
    for name, one in watched.items():
        if operations & one.site.answers.keys():
            changed = one.changed(rules)
            if changed is None:
                return None
            now[name] = changed
    return {name: changed for name, changed in now.items() if changed}
