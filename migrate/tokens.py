"""The texts in a document that name something of legacy, cut out by their own grammar. The rule: a token is whole.

A token is an ARN, an ECR image, a URL, an `s3://` address, a host name, an AWS id or an account id. It counts only
when it names something known, or when it must be ours and is nothing known: then it is a problem. Third-party
accounts and AWS-owned names are no tokens of ours.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from migrate.inventory import Resource
from migrate.kind import It, Kind, Place, Sort
from migrate.names import AccountId, Arn, Ref, Region
from migrate.values import Json, waits_for

NOT_FOUND = "is nothing that was found"
_FORMS = r"""
      (?P<arn>arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-*?]*:(?:[0-9]{12}|\*|aws|cloudfront|)?:
              (?:\$\{[^{}\s"]*\}|[^\s"'`,;<>\\|{}()\[\]&])+)
    | (?P<image>(?<![0-9])[0-9]{12}\.dkr\.ecr[a-z-]*\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/[a-z0-9._/-]+)
    | (?P<s3>s3[an]?://[a-z0-9][a-z0-9.-]+)
    | (?P<url>https?://[^\s"'`,;<>\\|{}()\[\]]+)
    {blocks}
    | (?P<host>(?<![\w.-])[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_-]+)+(?![\w-]))
    | (?P<id>(?<![\w-])(?:vpc|subnet|sg|rtb|igw|eigw|nat|eni|acl|vpce|eipalloc|i|vol|snap|fs|fsap|lt|tgw|pcx|dopt)
             -(?:[0-9a-f]{17}|[0-9a-f]{8})(?![\w-]))
    | (?P<person>(?<![A-Za-z0-9])A(?:ROA|IDA)[A-Z0-9]{12,}(?![A-Za-z0-9]))
    | (?P<maybe>(?<![\w-])(?:ami|pl|fl|key|vgw|cgw|vpn)-(?:[0-9a-f]{17}|[0-9a-f]{8})(?![\w-]))
    | (?P<account>(?<![0-9A-Za-z_])[0-9]{12}(?![0-9A-Za-z_]))
    """
"""Source for the forms: AWS General Reference, ARN formats; EC2 long resource ids (8 or 17 hex digits)."""

_BLOCK = r"| (?P<cidr>(?<![\w.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?(?![\w/]|\.[0-9]))"
_TOKEN = re.compile(_FORMS.replace("{blocks}", ""), re.VERBOSE)
_TOKEN_OR_BLOCK = re.compile(_FORMS.replace("{blocks}", _BLOCK), re.VERBOSE)
"""With IPv4 blocks, which are looked for where VPCs get new ones only: this runs over every text of an account."""
_LIKE_ID = re.compile(r"[a-z]+-(?:[0-9a-f]{17}|[0-9a-f]{8})")
_DIGITS = re.compile("[0-9a-f]{8}")
_NOBODYS = frozenset({"aws", "cloudfront", "", "*"})
"""What stands in an ARN where no customer's account does."""
_PATHS = frozenset({"iam", "ssm", "ecr", "secretsmanager", "logs", "events"})
"""Services whose names hold slashes: `repository/shop` is not the beginning of `repository/shop/web`."""
_PATH_STYLE = re.compile(r"https?://s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?/([a-z0-9][a-z0-9.-]+)")
_BUCKET_HOST = re.compile(r"(.+)\.s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")
_QUEUE = re.compile(r"https?://(?:sqs\.[a-z0-9-]+|(?:[a-z0-9-]+\.)?queue)\.amazonaws\.com(?:\.cn)?/([0-9]{12})/.+")
_VERSION = re.compile(r":[0-9]+")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')
_ASSIGNED = re.compile(r"(?i:bucket|s3)\w*\s?=\s?[\"']?([a-z0-9][a-z0-9.-]+[a-z0-9])(?![\w.-])")
_ANOTHERS_NAME = re.compile(
    r"(?:^[Nn]|[a-z]N|_n)ame$|Identifier$|^[Ff]amily$|(?i:(?:^|[^a-z])(?:user(?:_?name)?|login|schema)"
    r"|(?:^|_)(?:pg|db|database)(?:_?name)?|pgdatabase)$"
)
"""Keys that name something else than a bucket: of one company a bucket, a database and a user may all be `acme`."""
_PAIRS = frozenset(map(frozenset, (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"), ("Name", "Value"))))
"""Tags, attributes, and the dimensions of a metric: `{"Name": "QueueName", "Value": "shop"}`."""
_VALUES = frozenset({"Value", "value", "TagValue"})
_TAG_KEYS = frozenset({"Tags", "tags", "TagSet", "TagList"})


class Known(NamedTuple):
    """One legacy text, whose it is, and what stands for it in each account that the resource goes to."""

    ref: Ref
    sort: str
    targets: Mapping[AccountId, Json]
    stays: bool = False
    """A person decided that the resource stays in legacy: its name stays too."""


_NOWHERE: Mapping[AccountId, Json] = {}
"""What stands for a name where nothing goes anywhere yet."""


class Span(NamedTuple):
    """A token in a string."""

    start: int
    end: int
    sort: str
    text: str
    known: Known | None
    problem: str = ""


@cache
def standing(account: AccountId) -> re.Pattern[str]:
    """Where an account id stands by itself: not within a longer number."""
    return re.compile(rf"(?<![0-9]){account}(?![0-9])")


class Index:
    """Every text by which a legacy resource is known."""

    def __init__(self, legacy: AccountId) -> None:
        self.legacy = legacy
        self.known: dict[str, Known] = {}
        self.clashes: dict[str, set[Ref]] = {}
        """Texts that two resources claim with different targets: whoever uses one has to say which is meant."""
        self.regional: dict[str, dict[Region, Known]] = {}
        """Texts that resources of several regions claim (a key's alias): each region means its own."""
        self.networks: Callable[[str], tuple[Ref, dict[AccountId, str], str] | None] | None = None
        """What an IPv4 block or address of a moved VPC becomes; set where VPCs get new blocks (see `addresses`)."""
        self._views: dict[Region, Index] = {}
        self.is_of_a_copy = False
        """What goes nowhere is no principal of a policy then: another environment's role has nothing to do there."""
        self.account_id = standing(legacy)

    @property
    def _forms(self) -> re.Pattern[str]:
        return _TOKEN if self.networks is None else _TOKEN_OR_BLOCK

    def add(self, text: str, known: Known) -> None:
        """Enter one text. The first stays where two claim it; the clash is kept."""
        there = self.known.setdefault(text, known)
        if there is known or there.ref == known.ref:
            return
        if there.ref.region != known.ref.region:
            self.regional.setdefault(text, {there.ref.region: there}).setdefault(known.ref.region, known)
        if there.targets != known.targets or there.stays != known.stays:
            self.clashes.setdefault(text, {there.ref}).add(known.ref)

    def in_region(self, region: Region) -> "Index":
        """The names as resources of one region mean them; what lies in no region (IAM) has no own ones."""
        own = {text: known[region] for text, known in self.regional.items() if region in known}
        if not own:
            return self
        if region not in self._views:
            view = self._views[region] = Index(self.legacy)
            view.known = self.known | own
            view.networks, view.is_of_a_copy = self.networks, self.is_of_a_copy
            view.clashes = {
                text: refs for text, refs in self.clashes.items() if text not in own or _in(refs, region) > 1
            }
        return self._views[region]

    def enter(self, kind: Kind[Any], it: It[Any], places: tuple[Place, ...] = (), stays: bool = False) -> None:
        """Enter every name of one resource."""
        ref = it.ref
        if len(places) < 2:
            # Nearly all of an account: there is nothing to put together.
            place = places[0] if places else Place("", self.legacy, ref.region, ref.name)
            targets = _NOWHERE
            for text, target, sort in kind.names(it, place):
                if text and sort != "name":
                    if places:
                        targets = {place.account: target if target.__class__ is str else whole(target, place)}
                    self.add(text, Known(ref, sort, targets, stays))
        else:
            self._enter_several(kind, it, places, stays)
        if kind.named and _LIKE_ID.fullmatch(ref.name):
            # Somebody called it like one of AWS's ids: its own name is no reference to what was not found.
            self.add(ref.name, Known(ref, "id", {place.account: place.name for place in places}, stays))

    def _enter_several(self, kind: Kind[Any], it: It[Any], places: tuple[Place, ...], stays: bool) -> None:
        by_text: dict[str, tuple[Sort, dict[AccountId, Json]]] = {}
        for place in places:
            for text, target, sort in kind.names(it, place):
                if text and sort != "name":
                    by_text.setdefault(text, (sort, {}))[1][place.account] = whole(target, place)
        for text, (sort, targets) in by_text.items():
            self.add(text, Known(it.ref, sort, targets, stays))

    def bucket(self, name: str) -> Known | None:
        """The bucket of that name."""
        known = self.known.get(name)
        return known if known is not None and known.sort == "bucket" else None

    def spans(self, text: str, *, loose: bool = True) -> list[Span]:
        """The tokens of a string that are ours: known, or a problem. `loose`: a bucket's bare name counts."""
        whole = self.whole(text, loose=loose)
        return self.within(text, loose=loose) if whole is None else [Span(0, len(text), whole.sort, text, whole)]

    def whole(self, text: str, *, loose: bool) -> Known | None:
        """What the text names as a whole."""
        known = self.known.get(text)
        return known if known is not None and (loose or known.sort != "bucket") else None

    def within(self, text: str, *, loose: bool) -> list[Span]:
        """The tokens of a text that names nothing as a whole, as `spans` has them."""
        found: list[Span] = []
        if _is_worth(text):
            for match in self._forms.finditer(text):
                found.extend(self._resolve(str(match.lastgroup), match.group(), match.start()))
        if loose and (text.lstrip()[:1] in ("{", "[") or "=" in text):
            taken = [(span.start, span.end) for span in found]
            bare = [s for s in self._bare(text) if not any(a < s.end and s.start < b for a, b in taken)]
            found = sorted([*found, *bare], key=lambda span: span.start)
        return found

    def _bare(self, text: str) -> Iterator[Span]:
        """Bare bucket names: whole values of a JSON text; in any other text, what stands behind `BUCKET=`."""
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            for match in _ASSIGNED.finditer(text):
                if known := self.bucket(match[1]):
                    yield Span(match.start(1), match.end(1), "bucket", match[1], known)
            return
        key = ""
        for literal in _LITERAL.finditer(text):
            if literal[2]:
                key = literal[1]
            elif (known := self.bucket(literal[1])) and is_loose(key):
                yield Span(literal.start(1), literal.end(1), "bucket", literal[1], known)

    def _resolve(self, sort: str, token: str, at: int) -> Iterator[Span]:
        if sort == "arn":
            yield from self._arn(token.rstrip("."), at)
        elif sort == "image":
            token = token.rstrip("./")
            known = self.known.get(token)
            if known is not None or token.startswith(self.legacy):
                said = "" if known else f"image {token} is of a repository nobody found"
                yield Span(at, at + len(token), sort, token, known, said)
        elif sort == "url":
            yield from self._url(token.rstrip("."), at)
        elif sort == "s3":
            scheme, _, bucket = token.partition("://")
            bucket = bucket.rstrip(".-")
            if known := self.bucket(bucket):
                start = at + len(scheme) + 3
                yield Span(start, start + len(bucket), "bucket", bucket, known)
        elif sort == "host":
            yield from self._host(token, at)
        elif sort == "cidr":
            # An address may be known as a name (an elastic one), alone or as a block of one.
            address = token.partition("/")[0]
            known = self.known.get(address)
            found = None if known or self.networks is None else self.networks(token)
            if known is not None:
                yield Span(at, at + len(address), "host", address, known)
            elif found is not None:
                ref, targets, problem = found
                whose = Known(ref, sort, dict(targets)) if targets else None
                yield Span(at, at + len(token), sort, token, whose, problem)
        elif sort == "id":
            known = self.known.get(token)
            yield Span(at, at + len(token), sort, token, known, "" if known else f"{token} {NOT_FOUND}")
        elif sort in ("person", "maybe"):
            # Amazon's own images and prefix lists look the same: one that nobody knows is no problem.
            if known := self.known.get(token):
                yield Span(at, at + len(token), sort, token, known)
        elif token == self.legacy:
            yield Span(at, at + len(token), sort, token, None)

    def _inside(self, token: str, at: int, start: int) -> Iterator[Span]:
        """The tokens in the rest of one. `start` is behind its first character, so this ends."""
        for match in self._forms.finditer(token, start):
            yield from self._resolve(str(match.lastgroup), match.group(), at + match.start())

    def _url(self, token: str, at: int) -> Iterator[Span]:
        # The longest beginning that is known, cut at the marks of a path, query or port.
        for end in _cuts(token, "/?#:@"):
            known = self.known.get(token[:end])
            if known is not None:
                yield Span(at, at + end, "url", token[:end], known)
                yield from self._inside(token, at, end)
                return
        start = token.index("://") + 3
        bucket = _PATH_STYLE.match(token)
        if bucket and (known := self.bucket(bucket[1])):
            yield Span(at + bucket.start(1), at + bucket.end(1), "bucket", bucket[1], known)
            start = bucket.end(1)
        queue = _QUEUE.fullmatch(token)
        if queue and queue[1] == self.legacy:
            said = f"{token} {NOT_FOUND}"
            yield Span(at + queue.start(1), at + queue.end(1), "account", self.legacy, None, said)
            return
        yield from self._inside(token, at, start)

    def _host(self, token: str, at: int) -> Iterator[Span]:
        # The whole host, or what is behind some labels: `dualstack.<load balancer>`.
        start, dot = 0, token.find(".")
        while dot >= 0:
            known = self.known.get(token[start:]) or self.known.get(token[start:].lower())
            if known is not None and known.sort != "bucket" and (start == 0 or known.sort == "host"):
                yield Span(at + start, at + len(token), "host", token[start:], known)
                return
            start, dot = dot + 1, token.find(".", dot + 1)
        bucket = _BUCKET_HOST.fullmatch(token)
        if bucket and (known := self.bucket(bucket[1])):
            yield Span(at, at + len(bucket[1]), "bucket", bucket[1], known)
        elif token.startswith(f"{self.legacy}."):
            yield Span(at, at + 12, "account", self.legacy, None)

    def _arn(self, token: str, at: int) -> Iterator[Span]:
        arn = Arn.parse(token)
        if arn is None:
            return
        for end in _cuts(token, ":" if arn.service in _PATHS else ":/"):
            known = self.known.get(token[:end])
            if known is not None:
                said = ""
                if arn.service == "lambda" and _VERSION.fullmatch(token, end):
                    # Versions are counted anew: the same number would be other code there.
                    said = f"{token} names a version that nothing carries: put an alias on it"
                yield Span(at, at + end, "arn", token[:end], known, said)
                yield from self._inside(token, at, end)
                return
        ours = list(self.account_id.finditer(token))
        if not ours:
            return
        if arn.account not in _NOBODYS and arn.account != self.legacy:
            said = f"{token} is another account's and carries the legacy account id: say what it becomes"
            yield Span(at, at + len(token), "arn", token, None, said)
            return
        said = "" if _is_open(arn) else f"{token} {NOT_FOUND}"
        for match in ours:
            yield Span(at + match.start(), at + match.end(), "account", self.legacy, None, said)
            said = ""


def _in(refs: Iterable[Ref], region: Region) -> int:
    return sum(ref.region == region for ref in refs)


def _is_open(arn: Arn) -> bool:
    """ARNs of no single thing: patterns, the account itself, sessions, and what AWS makes in every account."""
    return (
        arn.resource == "root"
        or any(mark in arn.resource for mark in ("*", "?", "${"))
        or arn.service == "sts"
        or "aws-service-role/" in arn.resource
        or arn.resource.startswith("alias/aws/")
    )


def _cuts(token: str, marks: str) -> Iterator[int]:
    """Ends of the beginnings of a token, longest first, cut before each mark."""
    yield len(token)
    for position in range(len(token) - 1, 0, -1):
        if token[position] in marks:
            yield position


@lru_cache(1 << 12)
def is_loose(key: str) -> bool:
    """Whether a bare word under this key may be a bucket's name: not in tags, nor where another thing is named."""
    if key in _TAG_KEYS:
        return False
    return "bucket" in key.lower() or not _ANOTHERS_NAME.search(key)


def _is_worth(text: str) -> bool:
    """Whether a token may stand in it. A quick look, which runs over every text of an account."""
    return "." in text or ":" in text or _DIGITS.search(text) is not None or "AROA" in text or "AIDA" in text


def is_tag(value: Mapping[str, Json]) -> bool:
    """Whether this is a tag as a pair: its texts are for people, bare words in it name nothing.

    Load balancer attributes have the same form: `access_logs.s3.bucket` is no tag. A container's variable is none
    either, but where its name says that it holds a database's or a user's.
    """
    if len(value) != 2 or _VALUES.isdisjoint(value):
        return False
    if "name" in value:
        return not is_loose(str(value["name"]))
    if frozenset(value) not in _PAIRS:
        return False
    key = value.get("Key", value.get("key", value.get("TagKey", value.get("Name"))))
    return "bucket" not in str(key).lower()


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
        if kind is not None:
            index.enter(kind, kind.typed(resource), tuple(places(resource.ref)), stays(resource.ref))
    return index


def whole(value: Json, place: Place) -> Json:
    """A kind's own value with `after("create", …)` made to name the full step; the value itself where it has none."""
    if isinstance(value, str) or not waits_for(value):
        return value
    return _whole(value, place.step.rpartition(":")[0])


def _whole(value: Json, base: str) -> Json:
    if isinstance(value, (list, tuple)):
        return [_whole(item, base) for item in value]
    if not isinstance(value, dict):
        return value
    if "$after" in value:
        action, output = value["$after"]
        return {"$after": [action if "/" in action else f"{base}:{action}", output]}
    return {key: _whole(item, base) for key, item in value.items()}
