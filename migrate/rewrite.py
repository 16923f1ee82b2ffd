"""Legacy name → target name, inside documents. The rule: structural, token by token, never text by text.

A token (see `tokens`) is replaced only when it names something known. What looks like ours and is nothing we found,
or goes nowhere, is a problem that the plan shows.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from migrate.kind import OWN_TAGS
from migrate.names import AccountId, Ref
from migrate.tokens import Index, Known, Span, index_of, is_loose, is_tag, whole
from migrate.values import Json, is_mark, join

__all__ = ["Index", "Known", "Rewriter", "Rewritten", "Span", "index_of", "residue", "whole"]

_BUCKET_PATTERN = re.compile(r"arn:aws[a-z-]*:s3:::([^/\s\"]*[*?][^/\s\"]*)")
_REMEMBERED = 1 << 13
"""Strings whose rewriting is kept: documents repeat each other, but not for ever."""


@dataclass
class Rewritten:
    """A document in the target's names, what it mentions, and what could not be resolved."""

    value: Json
    mentions: set[Ref] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    stays: set[str] = field(default_factory=set)
    """Legacy names that stay, because a person decided that the resource does."""


class Rewriter:
    """Rewrites documents for one target account."""

    def __init__(self, index: Index, account: AccountId, dropped: Callable[[Ref], bool] = lambda _: False) -> None:
        self.index = index
        self.account = account
        self.dropped = dropped
        """Whether a resource is a principal that does not move (a person's IAM user): taken out of policies."""
        self.string = lru_cache(_REMEMBERED)(self._string)
        self.names_something = lru_cache(_REMEMBERED)(self._names_something)
        self.buckets = [(text, known) for text, known in index.known.items() if known.sort == "bucket"]

    def __call__(self, value: Json) -> Rewritten:
        """The document in target terms. Keys stay; placeholders stay; tag values keep bare names."""
        out = Rewritten(None)
        out.value = self._walk(value, out, [], True)
        return out

    def forget(self) -> None:
        """Let go of what is remembered: a large account's would stay in memory for nothing once its plan is made."""
        del self.string, self.names_something

    def _walk(self, value: Json, out: Rewritten, path: list[str], loose: bool) -> Json:
        if isinstance(value, str):
            new, mentions, problems, stays = self.string(value, loose)
            out.mentions |= mentions
            out.stays |= stays
            if problems:
                out.problems += [f"{_spelt(path)}: {problem}" for problem in problems]
            return new
        if isinstance(value, (list, tuple)):
            items = []
            for number, item in enumerate(value):
                path.append(f"[{number}]")
                items.append(self._walk(item, out, path, loose))
                path.pop()
            return items
        if not isinstance(value, dict):
            return value
        if is_mark(value):
            return self._mark(value, out, path)
        if "Statement" in value:
            value = self._without_dropped(value, out, _spelt(path))
        if _is_stamp(value):
            return value
        loose = loose and not is_tag(value)
        rewritten = {}
        for key, item in value.items():
            path.append(key)
            if self.names_something(key):
                # A key is structure and stays.
                said = f"the key {key} names something of legacy, and keys are not rewritten"
                out.problems.append(f"{_spelt(path)}: {said}")
            own = key in OWN_TAGS
            rewritten[key] = item if own else self._walk(item, out, path, loose and is_loose(key))
            path.pop()
        return rewritten

    def _names_something(self, key: str) -> bool:
        return any(not (span.known and span.known.stays) for span in self.index.spans(key, loose=False))

    def _mark(self, value: dict[str, Json], out: Rewritten, path: list[str]) -> Json:
        if "$json" in value:
            return {"$json": self._walk(value["$json"], out, path, True)}
        if "$join" in value:
            return join(*(self._walk(part, out, path, True) for part in value["$join"]))
        if value.get("mentions"):
            # What a sealed value names is rewritten beside it, for the order; the value itself when it is sent.
            return value | {"needs": self._walk(value["mentions"], out, path, True)}
        return value

    def _string(self, text: str, loose: bool) -> tuple[Json, frozenset[Ref], tuple[str, ...], frozenset[str]]:
        spans = self.index.spans(text, loose=loose)
        problems = [*self._broken_patterns(text)] if "s3:::" in text else []
        if not spans:
            return text, frozenset(), tuple(problems), frozenset()
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
            parts.append(self._target(span.known, span.text, mentions, problems))
        parts.append(text[at:])
        stays = frozenset(span.text for span in spans if span.known is not None and span.known.stays)
        return join(*parts), frozenset(mentions), tuple(problems), stays

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
        mentions.add(known.ref)
        if self.account in known.targets:
            return known.targets[self.account]
        if len(known.targets) == 1:
            return next(iter(known.targets.values()))
        problems.append(f"{text} is in {len(known.targets)} accounts and not in this one: say which is meant")
        return text

    def _without_dropped(self, policy: dict[str, Json], out: Rewritten, where: str) -> dict[str, Json]:
        """A policy without the principals that do not move; a statement that has none left goes too."""
        statements = policy["Statement"]
        kept: list[Json] = []
        for statement in [statements] if isinstance(statements, dict) else list(statements or ()):
            principal = statement.get("Principal") if isinstance(statement, dict) else None
            if not isinstance(principal, dict) or "AWS" not in principal:
                kept.append(statement)
                continue
            named = principal["AWS"]
            listed = [named] if isinstance(named, str) else list(named)
            left = [one for one in listed if not self._is_dropped(one)]
            if len(left) == len(listed):
                kept.append(statement)
            elif left:
                kept.append(statement | {"Principal": principal | {"AWS": left}})
            elif len(principal) > 1:
                others = {key: item for key, item in principal.items() if key != "AWS"}
                kept.append(statement | {"Principal": others})
        if not kept and statements:
            out.problems.append(f"{where}: names only people who do not move; no statement is left")
        return policy | {"Statement": kept}

    def _is_dropped(self, principal: Json) -> bool:
        if not isinstance(principal, str):
            return False
        known = self.index.known.get(principal)
        return known is not None and self.dropped(known.ref)


def _spelt(path: list[str]) -> str:
    return "".join(part if part.startswith("[") else f".{part}" for part in path).lstrip(".") or "value"


def _is_stamp(value: dict[str, Json]) -> bool:
    """Our own stamp names the step by its legacy resource."""
    return is_tag(value) and not OWN_TAGS.isdisjoint(map(str, value.values()))


def residue(value: Json, legacy: AccountId, stays: Collection[str] = ()) -> list[str]:
    """Every place in a document where the legacy account id still stands. Empty is the proof.

    `stays`: names that are meant to stay, because what they name does.
    """

    # Most documents have nothing of the kind: one look at the whole is many times cheaper than a walk.
    if legacy not in json.dumps(value, ensure_ascii=False):
        return []
    account = re.compile(rf"(?<![0-9]){legacy}(?![0-9])")

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
