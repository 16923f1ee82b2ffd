"""Legacy name → target name, inside documents. The rule: structural, token by token, never text by text.

A token is an ARN, an ECR image, a URL, an `s3://` address, a host name, an AWS id or an account id, cut out of a
string by its own grammar; it is replaced only when it names something known. Third-party accounts and AWS-owned
names are not ours and stay. What looks like ours and is nothing we found is a problem that the plan shows.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Kind, Place
from migrate.names import AccountId, Arn, Ref
from migrate.values import Json, is_mark, join

_TOKEN = re.compile(
    r"""
      (?P<arn>arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-*?]*:(?:[0-9]{12}|\*|aws|cloudfront|)?:[^\s"'`,;<>\\|{}()]+)
    | (?P<image>(?<![0-9])[0-9]{12}\.dkr\.ecr[a-z-]*\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/[a-z0-9._/-]+)
    | (?P<s3>s3[an]?://[a-z0-9][a-z0-9.-]+)
    | (?P<url>https?://[^\s"'`<>\\|{}]+)
    | (?P<host>(?<![\w.-])[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_-]+)+(?![\w-]))
    | (?P<id>(?<![\w-])(?:vpc|subnet|sg|rtb|igw|eigw|nat|eni|acl|vpce|eipalloc|i|vol|snap|fs|fsap|lt|tgw|pcx|dopt)
             -(?:[0-9a-f]{17}|[0-9a-f]{8})(?![\w-]))
    | (?P<account>(?<![0-9A-Za-z_])[0-9]{12}(?![0-9A-Za-z_]))
    """,
    re.VERBOSE,
)
"""Source for the forms: AWS General Reference, ARN formats; EC2 long resource ids (8 or 17 hex digits)."""

_WORTH = re.compile(r"[0-9]{12}|arn:|://|\.|-[0-9a-f]{8}")
_AWS_OWNED = frozenset({"aws", "cloudfront", "", "*"})
_TAG_KEYS = ({"Key", "Value"}, {"key", "value"}, {"TagKey", "TagValue"})


@dataclass(frozen=True, slots=True)
class Known:
    """One legacy text, whose it is, and what stands for it in each account that the resource goes to."""

    ref: Ref
    sort: str
    targets: Mapping[AccountId, Json]
    stays: bool = False
    """A person decided that the resource stays in legacy: its name stays too."""


@dataclass(frozen=True, slots=True)
class Span:
    """A token in a string."""

    start: int
    end: int
    sort: str
    text: str
    known: Known | None
    problem: str = ""


@dataclass
class Rewritten:
    """A document in the target's names, what it mentions, and what could not be resolved."""

    value: Json
    mentions: set[Ref] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    stays: set[str] = field(default_factory=set)
    """Legacy names that stay, because a person decided that the resource does."""


class Index:
    """Every text by which a legacy resource is known."""

    def __init__(self, legacy: AccountId) -> None:
        self.legacy = legacy
        self.known: dict[str, Known] = {}
        self.clashes: dict[str, set[Ref]] = {}

    def add(self, text: str, known: Known) -> None:
        """Enter one text. The first stays where two claim it; the clash is kept for the plan."""
        there = self.known.setdefault(text, known)
        if there.ref != known.ref:
            self.clashes.setdefault(text, {there.ref}).add(known.ref)

    def spans(self, text: str, *, loose: bool = True) -> list[Span]:
        """The tokens of a string that are ours: known, or a problem. `loose`: the whole string may be a bare name."""
        whole = self.known.get(text)
        if whole is not None and (loose or whole.sort in ("arn", "id", "host", "url")):
            return [Span(0, len(text), whole.sort, text, whole)]
        if not _WORTH.search(text):
            return []
        found: list[Span] = []
        for match in _TOKEN.finditer(text):
            found.extend(self._resolve(str(match.lastgroup), match.group(), match.start()))
        return found

    def _resolve(self, sort: str, token: str, at: int) -> Iterator[Span]:
        if sort == "arn":
            yield from self._arn(token, at)
        elif sort in ("url", "image"):
            # The longest beginning that is known, cut at the marks of a path, query or tag.
            for end in _cuts(token, "/?#:@"):
                known = self.known.get(token[:end])
                if known is not None:
                    yield Span(at, at + end, sort, token[:end], known)
                    if end < len(token):
                        yield from self._inside(token[end:], at + end)
                    return
            if sort == "image" and token.startswith(self.legacy):
                yield Span(at, at + len(token), sort, token, None, f"image {token} is of a repository nobody found")
                return
            yield from self._inside(token, at)
        elif sort == "s3":
            scheme, _, bucket = token.partition("://")
            known = self.known.get(bucket)
            if known is not None:
                yield Span(at + len(scheme) + 3, at + len(token), "bucket", bucket, known)
        elif sort == "host":
            yield from self._host(token, at)
        elif sort == "id":
            known = self.known.get(token)
            yield Span(at, at + len(token), sort, token, known, "" if known else f"{token} is nothing that was found")
        elif sort == "account" and token == self.legacy:
            yield Span(at, at + len(token), sort, token, None)

    def _inside(self, token: str, at: int) -> Iterator[Span]:
        """The tokens within a URL that is itself nothing known."""
        offset = token.find("://") + 3 if "://" in token else 0
        for match in _TOKEN.finditer(token, offset):
            if match.lastgroup != "url":
                yield from self._resolve(str(match.lastgroup), match.group(), at + match.start())

    def _host(self, token: str, at: int) -> Iterator[Span]:
        known = self.known.get(token) or self.known.get(token.lower())
        if known is not None:
            yield Span(at, at + len(token), "host", token, known)
            return
        bucket = re.match(r"(.+)\.s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com$", token)
        if bucket and (known := self.known.get(bucket[1])):
            yield Span(at, at + len(bucket[1]), "bucket", bucket[1], known)
        elif token.startswith(f"{self.legacy}."):
            yield Span(at, at + 12, "account", self.legacy, None)

    def _arn(self, token: str, at: int) -> Iterator[Span]:
        token = token.rstrip(".")
        for end in _cuts(token, ":/"):
            known = self.known.get(token[:end])
            if known is not None:
                yield Span(at, at + end, "arn", token[:end], known)
                if end < len(token):
                    yield from self._inside(token[end:], at + end)
                return
        arn = Arn.parse(token)
        if arn is None or (arn.account in _AWS_OWNED and self.legacy not in arn.resource):
            return
        if arn.account != self.legacy and self.legacy not in arn.resource:
            return
        start = token.index(self.legacy)
        account = Span(at + start, at + start + 12, "account", self.legacy, None)
        if arn.resource == "root" or "*" in arn.resource or "?" in arn.resource or _is_aws_made(arn):
            yield account
        else:
            yield Span(at + start, at + start + 12, "account", self.legacy, None, f"{token} is nothing that was found")


def _is_aws_made(arn: Arn) -> bool:
    """ARNs that AWS makes by itself in every account, or that name a session and not a thing."""
    return arn.service == "sts" or "aws-service-role/" in arn.resource or arn.resource.startswith("alias/aws/")


def _cuts(token: str, marks: str) -> Iterator[int]:
    """Ends of the beginnings of a token, longest first, cut before each mark."""
    yield len(token)
    for position in range(len(token) - 1, 0, -1):
        if token[position] in marks:
            yield position


def index_of(
    resources: Iterable[Resource],
    kinds: Mapping[str, Kind[Any]],
    legacy: AccountId,
    places: Callable[[Ref], Iterable[Place]] = lambda _: (),
    stays: Callable[[Ref], bool] = lambda _: False,
) -> Index:
    """Enter every name of every resource, with what stands for it in each place that the resource goes to."""
    index = Index(legacy)
    for resource in resources:
        kind = kinds.get(resource.ref.kind)
        if kind is None:
            continue
        it = kind.typed(resource)
        staying = stays(resource.ref)
        by_text: dict[str, tuple[str, dict[AccountId, Json]]] = {}
        there = tuple(places(resource.ref))
        for place in there or (Place("", legacy, resource.ref.region, resource.ref.name),):
            for name in kind.names(it, place):
                if not name.legacy:
                    continue
                _, targets = by_text.setdefault(name.legacy, (name.sort, {}))
                if there:
                    targets[place.account] = whole(name.target, place)
        for text, (sort, targets) in by_text.items():
            if sort != "name":
                index.add(text, Known(resource.ref, sort, targets, staying))
    return index


def whole(value: Json, place: Place) -> Json:
    """A kind's own value with `after("create", …)` made to name the full step."""
    base = place.step.rpartition(":")[0]
    if isinstance(value, list):
        return [whole(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    if "$after" in value:
        action, output = value["$after"]
        return {"$after": [action if "/" in action else f"{base}:{action}", output]}
    return {key: whole(item, place) for key, item in value.items()}


class Rewriter:
    """Rewrites documents for one target account."""

    def __init__(self, index: Index, account: AccountId, dropped: Callable[[Ref], bool] = lambda _: False) -> None:
        self.index = index
        self.account = account
        self.dropped = dropped
        """Whether a resource is a principal that does not move (a person's IAM user): taken out of policies."""
        self.string = cache(self._string)

    def __call__(self, value: Json) -> Rewritten:
        """The document in target terms. Keys stay; placeholders stay; tag values keep bare names."""
        out = Rewritten(None)
        out.value = self._walk(value, out, "", loose=True)
        return out

    def _walk(self, value: Json, out: Rewritten, where: str, *, loose: bool) -> Json:
        if isinstance(value, str):
            new, mentions, problems, stays = self.string(value, loose)
            out.mentions |= mentions
            out.stays |= stays
            out.problems += [f"{where or 'value'}: {problem}" for problem in problems]
            return new
        if isinstance(value, list):
            return [self._walk(item, out, f"{where}[{n}]", loose=loose) for n, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if is_mark(value):
            return self._mark(value, out, where)
        if "Statement" in value:
            value = self._without_dropped(value, out, where)
        tags = set(value) in _TAG_KEYS
        return {
            key: self._walk(
                item, out, f"{where}.{key}" if where else key,
                loose=loose and not tags and key not in ("Tags", "tags", "TagSet", "TagList"),
            )
            for key, item in value.items()
        }  # fmt: skip

    def _mark(self, value: dict[str, Json], out: Rewritten, where: str) -> Json:
        if "$json" in value:
            return {"$json": self._walk(value["$json"], out, where, loose=True)}
        if "$join" in value:
            return join(*(self._walk(part, out, where, loose=True) for part in value["$join"]))
        if "$sealed" in value and value.get("mentions"):
            # What a sealed value needs is rewritten beside it; the value itself when it is sent.
            return value | {"needs": [self._walk(item, out, where, loose=True) for item in value["mentions"]]}
        return value

    def _string(self, text: str, loose: bool) -> tuple[Json, frozenset[Ref], tuple[str, ...], frozenset[str]]:
        spans = self.index.spans(text, loose=loose)
        if not spans:
            return text, frozenset(), (), frozenset()
        parts: list[Json] = []
        mentions: set[Ref] = set()
        problems: list[str] = []
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

    def _target(self, known: Known, text: str, mentions: set[Ref], problems: list[str]) -> Json:
        if known.stays:
            return text
        if not known.targets:
            problems.append(f"{text} is {known.ref}, which goes to no account")
            return text.replace(self.index.legacy, self.account)
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
            out.problems.append(f"{where or 'policy'}: names only people who do not move; no statement is left")
        return policy | {"Statement": kept}

    def _is_dropped(self, principal: Json) -> bool:
        if not isinstance(principal, str):
            return False
        known = self.index.known.get(principal)
        return known is not None and self.dropped(known.ref)


def residue(value: Json, legacy: AccountId, stays: Collection[str] = ()) -> list[str]:
    """Every place in a document where the legacy account id still stands. Empty is the proof.

    `stays`: names that are meant to stay, because what they name does.
    """

    def walk(item: Json, where: str) -> Iterator[str]:
        if isinstance(item, str):
            for text in sorted(stays, key=len, reverse=True):
                item = item.replace(text, "")
            if re.search(rf"(?<![0-9]){legacy}(?![0-9])", item):
                yield where or "value"
        elif isinstance(item, list):
            for number, part in enumerate(item):
                yield from walk(part, f"{where}[{number}]")
        elif isinstance(item, dict):
            if "$after" in item:
                return
            for key, part in item.items():
                if legacy in str(key):
                    yield f"{where}.{key} (the key)"
                yield from walk(part, f"{where}.{key}" if where else str(key))

    return list(walk(value, ""))
