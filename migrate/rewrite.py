"""Legacy name → target name, inside documents. The rule: structural, token by token, never text by text.

A token (see `tokens`) is replaced only when it names something known. What looks like ours and is nothing we found,
or goes nowhere, is a problem that the plan shows.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, NamedTuple

from migrate.kind import OWN_TAGS
from migrate.names import AccountId, Ref
from migrate.tokens import Index, Known, Span, index_of, is_loose, is_tag, standing, whole
from migrate.values import CONTAINERS, MARKS, Json, Path, join, spelt, waits_for

__all__ = ["Index", "Known", "Rewriter", "Rewritten", "Span", "index_of", "residue", "rewriter", "whole"]

_BUCKET_PATTERN = re.compile(r"arn:aws[a-z-]*:s3:::([^/\s\"]*[*?][^/\s\"]*)")
_NONE: frozenset[Any] = frozenset()
_REMEMBERED = 1 << 10
"""Strings whose rewriting is kept: documents repeat those near them. More are slower in a large account."""


@dataclass(slots=True)
class Rewritten:
    """A document in the target's names, what it mentions, and what could not be resolved."""

    value: Json
    mentions: set[Ref] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    stays: set[str] = field(default_factory=set)
    """Legacy names that stay, because a person decided that the resource does."""
    waits: set[tuple[str, str]] = field(default_factory=set)
    """Every (step, output) that the document needs: `values.waits_for` of the value, found on the way."""
    dropped: set[Ref] = field(default_factory=set)
    """People who do not move and were taken out of policies."""
    left: list[str] = field(default_factory=list)
    """Every place where the legacy account id still stands: `residue` of the value, found on the way."""


class _Text(NamedTuple):
    """What becomes of one text; None stands for one that is nothing of ours."""

    value: Json
    mentions: tuple[Ref, ...]
    problems: tuple[str, ...]
    stays: frozenset[str]
    waits: frozenset[tuple[str, str]]
    is_left: bool


class _Key(NamedTuple):
    """What a key says about itself and what stands under it."""

    names_something: bool
    is_loose: bool
    is_own: bool
    is_left: bool


_PLAIN = _Key(names_something=False, is_loose=True, is_own=False, is_left=False)
"""What nearly every key is."""


class Rewriter:
    """Rewrites documents for one target account."""

    def __init__(self, index: Index, account: AccountId, dropped: Callable[[Known], bool] = lambda _: False) -> None:
        self.index = index
        self.account = account
        self.dropped = dropped
        """Whether a resource is a principal that does not move (a person's IAM user): taken out of policies."""
        self.string = lru_cache(_REMEMBERED)(self._string)
        self.keys: dict[str, _Key] = {}
        self.buckets = [(text, known) for text, known in index.known.items() if known.sort == "bucket"]

    def __call__(self, value: Json, base: str = "", out: Rewritten | None = None) -> Rewritten:
        """The document in target terms. Keys stay; placeholders stay; tag values keep bare names.

        `base`: what a kind's own `after("create", …)` is made whole with, the step id up to its action. What nothing
        is rewritten in is the same object as in `value`. `out`: what an earlier document gave, to be added to.
        """
        out = Rewritten(None) if out is None else out
        # Most documents are objects.
        out.value = (self._dict if value.__class__ is dict else self._walk)(value, out, None, True, base)
        return out

    def _walk(self, value: Json, out: Rewritten, path: Path, loose: bool, base: str) -> Json:
        # Most of a plan's time is spent here: texts are dealt with where they are met, and no path is put together.
        if isinstance(value, dict):
            return self._dict(value, out, path, loose, base)
        if isinstance(value, str):
            text = self.string(value, loose)
            return value if text is None else self._take(text, out, path)
        if not isinstance(value, (list, tuple)):
            return value
        items, changed = [], isinstance(value, tuple)
        for number, item in enumerate(value):
            made = item
            if item.__class__ is str:
                if (text := self.string(item, loose)) is not None:
                    made = self._take(text, out, (path, number))
            elif item.__class__ in CONTAINERS:
                made = self._walk(item, out, (path, number), loose, base)
            changed = changed or made is not item
            items.append(made)
        return items if changed else value

    def _dict(self, value: dict[str, Json], out: Rewritten, path: Path, loose: bool, base: str) -> Json:
        if not MARKS.isdisjoint(value):
            return self._mark(value, out, path, base)
        if "Statement" in value:
            value = self._without_dropped(value, out, path)
        if len(value) == 2:
            if _is_stamp(value):
                return value
            loose = loose and not is_tag(value)
        rewritten: dict[str, Json] | None = None
        keys = self.keys
        for key, item in value.items():
            about = keys.get(key)
            if about is None:
                about = self._key(key)
            inside = loose
            if about is not _PLAIN:
                if about.names_something:
                    # A key is structure and stays.
                    said = f"the key {key} names something of legacy, and keys are not rewritten"
                    out.problems.append(f"{_where((path, key))}: {said}")
                if about.is_own:
                    continue
                if about.is_left:
                    out.left.append(f"{_where((path, key))} (the key)")
                inside = loose and (about.is_loose or _is_of_bucket(key, path))
            if item.__class__ is str:
                if (text := self.string(item, inside)) is None:
                    continue
                made = self._take(text, out, (path, key))
            elif item.__class__ in CONTAINERS:
                made = self._walk(item, out, (path, key), inside, base)
            else:
                continue
            if made is not item:
                rewritten = dict(value) if rewritten is None else rewritten
                rewritten[key] = made
        return value if rewritten is None else rewritten

    def _key(self, key: str) -> _Key:
        named = any(not (span.known and span.known.stays) for span in self.index.spans(key, loose=False))
        about = _Key(named, is_loose(key), key in OWN_TAGS, self.index.account_id.search(key) is not None)
        about = self.keys[key] = _PLAIN if about == _PLAIN else about
        return about

    def _take(self, text: _Text, out: Rewritten, path: Path) -> Json:
        out.mentions.update(text.mentions)
        if text.waits:
            out.waits |= text.waits
        if text.stays:
            out.stays |= text.stays
        if text.problems:
            out.problems += [f"{_where(path)}: {problem}" for problem in text.problems]
        if text.is_left:
            out.left.append(_where(path))
        return text.value

    def _mark(self, value: dict[str, Json], out: Rewritten, path: Path, base: str) -> Json:
        if "$after" in value:
            step, output = value["$after"]
            if base and "/" not in step:
                value = {"$after": [f"{base}:{step}", output]}
            out.waits.add((value["$after"][0], output))
            return value
        if "$json" in value:
            return {"$json": self._walk(value["$json"], out, (path, "$json"), True, base)}
        if "$join" in value:
            return join(*(self._walk(part, out, path, True, base) for part in value["$join"]))
        if value.get("mentions"):
            # What a sealed value names is rewritten beside it, for the order; the value itself when it is sent.
            return value | {"needs": self._walk(value["mentions"], out, path, True, base)}
        return value

    def _string(self, text: str, loose: bool) -> _Text | None:
        index = self.index
        known = index.whole(text, loose=loose)
        if known is not None and text not in index.clashes:
            # Most texts that name something are a name as a whole, with one text for it in this account.
            value = None if known.stays or known.sort == "cidr" else known.targets.get(self.account)
            if value.__class__ is str and index.legacy not in value and "s3:::" not in text:
                return _Text(value, (known.ref,), (), _NONE, _NONE, False)
        spans = index.within(text, loose=loose) if known is None else [Span(0, len(text), known.sort, text, known)]
        problems = [*self._broken_patterns(text)] if "s3:::" in text else []
        if not spans:
            is_left = self.index.legacy in text and self.index.account_id.search(text) is not None
            return _Text(text, (), tuple(problems), _NONE, _NONE, is_left) if problems or is_left else None
        parts: list[Json] = []
        mentions: set[Ref] = set()
        at = 0
        for span in spans:
            parts.append(text[at : span.start])
            at = span.end
            if span.known is None:
                parts.append(self.account if span.text == self.index.legacy else span.text)
                if span.problem:
                    problems.append(span.problem)
                continue
            if span.problem:
                problems.append(span.problem)
            parts.append(self._target(span.known, span.text, mentions, problems))
        parts.append(text[at:])
        stays = frozenset(span.text for span in spans if span.known is not None and span.known.stays)
        value = parts[1] if len(parts) == 3 and not parts[0] and not parts[2] else join(*parts)
        if value.__class__ is str and self.index.legacy not in value:
            return _Text(value, tuple(mentions), tuple(problems), stays, _NONE, False)
        is_left = bool(residue(value, self.index.legacy, stays))
        return _Text(value, tuple(mentions), tuple(problems), stays, frozenset(waits_for(value)), is_left)

    def _broken_patterns(self, text: str) -> Iterator[str]:
        """Patterns over bucket names that no longer match a bucket once it has its new name."""
        for pattern in _BUCKET_PATTERN.findall(text):
            for bucket, known in self.buckets:
                new = known.targets.get(self.account)
                if isinstance(new, str) and fnmatchcase(bucket, pattern) and not fnmatchcase(new, pattern):
                    yield f"{pattern} matches {bucket} and not its new name {new}"

    def _target(self, known: Known, text: str, mentions: set[Ref], problems: list[str]) -> Json:
        if known.stays:
            return text
        if not known.targets:
            problems.append(f"{text} is {known.ref}, which goes to no account")
            return text.replace(self.index.legacy, self.account)
        if text in self.index.clashes:
            others = ", ".join(map(str, sorted(self.index.clashes[text])))
            problems.append(f"{text} may be any of {others}: say which is meant")
        if known.sort != "cidr":
            # A block says nothing about an order: it is no name of the VPC.
            mentions.add(known.ref)
        if self.account in known.targets:
            return known.targets[self.account]
        if len(known.targets) == 1:
            return next(iter(known.targets.values()))
        problems.append(f"{text} is in {len(known.targets)} accounts and not in this one: say which is meant")
        return text

    def _without_dropped(self, policy: dict[str, Json], out: Rewritten, path: Path) -> dict[str, Json]:
        """A policy without the principals that do not move; a statement that has none left goes too."""
        statements = policy["Statement"]
        whole = [statements] if isinstance(statements, dict) else list(statements or ())
        kept: list[Json] = []
        for statement in whole:
            principal = statement.get("Principal") if isinstance(statement, dict) else None
            if not isinstance(principal, dict) or "AWS" not in principal:
                kept.append(statement)
                continue
            named = principal["AWS"]
            listed = [named] if isinstance(named, str) else list(named)
            left = [one for one in listed if not self._is_dropped(one, out)]
            if len(left) == len(listed):
                kept.append(statement)
            elif left:
                kept.append(statement | {"Principal": principal | {"AWS": left}})
            elif len(principal) > 1:
                others = {key: item for key, item in principal.items() if key != "AWS"}
                kept.append(statement | {"Principal": others})
        if not kept and statements:
            out.problems.append(f"{_where(path)}: names only people who do not move; no statement is left")
        return policy if kept == whole else policy | {"Statement": kept}

    def _is_dropped(self, principal: Json, out: Rewritten) -> bool:
        known = self.index.known.get(principal) if isinstance(principal, str) else None
        if known is None or not self.dropped(known):
            return False
        out.dropped.add(known.ref)
        return True


def rewriter(index: Index, account: AccountId) -> Rewriter:
    """The rewriter for one account; people's IAM users and groups are dropped from policies, and in a copy whoever goes
    nowhere."""

    def goes_nowhere(known: Known) -> bool:
        is_left = index.is_of_a_copy and not known.targets and not known.stays
        return is_left or known.ref.kind in ("iam.user", "iam.group")

    return Rewriter(index, account, goes_nowhere)


def _where(path: Path) -> str:
    return spelt(path).lstrip(".") or "value"


def _is_of_bucket(key: str, path: Path) -> bool:
    """Whether a key is a bucket's name by where it stands: `detail.bucket.name` in a pattern for S3's events."""
    return key == "name" and path is not None and path[1] == "bucket"


def _is_stamp(value: dict[str, Json]) -> bool:
    """Our own stamp names the step by its legacy resource."""
    return is_tag(value) and not OWN_TAGS.isdisjoint(map(str, value.values()))


def residue(value: Json, legacy: AccountId, stays: Collection[str] = ()) -> list[str]:
    """Every place in a document where the legacy account id still stands. Empty is the proof.

    `stays`: names that are meant to stay, because what they name does.
    """

    account = standing(legacy)

    def walk(item: Json, where: str) -> Iterator[str]:
        if isinstance(item, str):
            for text in sorted(stays, key=len, reverse=True):
                item = item.replace(text, "")
            if account.search(item):
                yield where or "value"
        elif isinstance(item, list):
            for number, part in enumerate(item):
                yield from walk(part, f"{where}[{number}]")
        elif isinstance(item, dict) and "$after" not in item and not _is_stamp(item):
            for key, part in item.items():
                if key in OWN_TAGS:
                    continue
                inside = f"{where}.{key}" if where else key
                if account.search(key):
                    yield f"{inside} (the key)"
                yield from walk(part, inside)

    return list(walk(value, ""))
