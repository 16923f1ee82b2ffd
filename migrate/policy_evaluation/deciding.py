"""Whether AWS allows a request, from all policies that have a say in it.

The one rule it keeps: an explicit deny anywhere wins, and nothing is allowed because something is not known.

Sources, all read 2026-11. IAM guide: "Policy evaluation logic", "How AWS enforcement code logic evaluates requests to
allow or deny access", "Policy evaluation for requests within a single account", "Cross-account policy evaluation
logic", "Permissions boundaries for IAM entities", "Policies and permissions" (session policies). Organizations guide:
"SCP evaluation", "Service control policies", "Resource control policies", "RCP syntax". KMS guide: "Key policies in
AWS KMS", "Resource control policies in AWS KMS".

Not covered: access control lists, VPC endpoint policies, grants of KMS, policy fragments of RAM, block public access,
what AWS lets a root user do with its own bucket policy, and services that check more than one action for a request.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from migrate.policy_evaluation.asking import ABSENT, OF_AN_ACCOUNT, Asked, Values
from migrate.policy_evaluation.documents import SILENT, Document, Says, Sort, compiled, keys_in
from migrate.policy_evaluation.principals import Grant
from migrate.policy_evaluation.truth import Finding, either, every

Outcome = Literal["allowed", "explicit deny", "implicit deny", "could not be decided"]
Json = Mapping[str, Any]

FULL_AWS_ACCESS: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""FullAWSAccess: what AWS attaches at every level until somebody detaches it."""


@dataclass(frozen=True)
class Policies:
    """Every policy that has a say. Documents as AWS gives them, parsed.

    scps, rcps: one tuple a level, root first, the account last; no level at all where none apply (no organisation,
    the management account). A level of SCPs that allows nothing denies everything. RCPFullAWSAccess cannot be
    detached, so RCPs only deny. session: None where the session was made without policies.
    """

    identity: tuple[Json, ...] = ()
    boundary: Json | None = None
    resource: Json | None = None
    """Of the resource: bucket policy, key policy, trust policy… None: it has none."""
    scps: tuple[tuple[Json, ...], ...] = ()
    rcps: tuple[tuple[Json, ...], ...] = ()
    session: tuple[Json, ...] | None = None

    @cached_property
    def parts(self) -> "Parts":
        """The documents taken apart. Raises MalformedPolicy."""
        return _parts(
            _set(self.identity, "identity policy"),
            _set((self.boundary,) if self.boundary is not None else (), "permissions boundary"),
            _set((self.resource,) if self.resource is not None else (), "resource policy"),
            tuple(_set(level, "SCP", f" of level {number}") for number, level in enumerate(self.scps, 1)),
            tuple(_set(level, "RCP", f" of level {number}") for number, level in enumerate(self.rcps, 1)),
            _set(self.session or (), "session policy"),
        )

    def condition_keys(self) -> frozenset[str]:
        """Every condition key and variable that an answer may depend on, in lower case. Raises MalformedPolicy."""
        return frozenset().union(*(keys_in(document) for document in self.parts.documents()))


Labelled = tuple[tuple[str, Document], ...]


@dataclass(eq=False)
class Parts:
    """The documents of Policies, each with the name by which reasons call it, and answers given before.

    Policies of the same content share one: people with the same permissions ask the same things.
    """

    identity: Labelled
    boundary: Labelled
    resource: Labelled
    scps: tuple[Labelled, ...]
    rcps: tuple[Labelled, ...]
    session: Labelled
    answers: dict[tuple[object, ...], "Decision"] = field(default_factory=dict)
    _keys: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def documents(self) -> Iterator[Document]:
        """Every document."""
        for each in (self.identity, self.boundary, self.resource, self.session, *self.scps, *self.rcps):
            yield from (document for _, document in each)

    def question(self, asked: Asked) -> tuple[object, ...]:
        """All that the answer depends on, reasons included."""
        action = asked.folded_action
        keys = self._keys.get(action)
        if keys is None:
            about = {key for document in self.documents() for key in document.about(action).keys}
            keys = self._keys[action] = tuple(sorted(about | {"aws:principalarn"} if self.scps or self.rcps else about))
        is_named = self.resource or self.rcps or asked.sort not in OF_AN_ACCOUNT
        names = asked.principal if is_named else None
        owner = None if asked.is_in_own_account else asked.resource_account
        return (action, asked.resource, asked.sort, owner, names, *map(asked.values, keys))


@lru_cache(maxsize=4096)
def _parts(
    identity: Labelled,
    boundary: Labelled,
    resource: Labelled,
    scps: tuple[Labelled, ...],
    rcps: tuple[Labelled, ...],
    session: Labelled,
) -> Parts:
    return Parts(identity, boundary, resource, scps, rcps, session)


def _set(documents: Iterable[Json], sort: Sort, of: str = "") -> Labelled:
    found = []
    for number, document in enumerate(documents, 1):
        name = f"{sort}{'' if sort in ('permissions boundary', 'resource policy') else f' {number}'}{of}"
        found.append((name, compiled(document, sort, name)))
    return tuple(found)


@dataclass(frozen=True)
class Decision:
    """The answer, and the statements, the lack or the unknown values that made it so."""

    outcome: Outcome
    because: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        """Whether the request is certainly allowed."""
        return self.outcome == "allowed"


_NO = Finding(False)
_KEPT_ANSWERS = 20_000


class _Set:
    """What the documents of one set say about the request."""

    __slots__ = ("denies", "said")

    def __init__(self, documents: Labelled, asked: Asked) -> None:
        self.said: list[tuple[str, Says]] = []
        self.denies: list[Finding] = []
        for name, document in documents:
            says = document.says(asked)
            if says is SILENT:
                continue
            self.said.append((name, says))
            truth, because = says.deny
            if truth is not False:
                self.denies.append(Finding(truth, tuple(f"{name}, {reason}" for reason in because)))

    def allows(self, lack: str, grants: tuple[Grant, ...] = (Grant.DIRECT,)) -> Finding:
        """Whether one of the documents allows it, with one of these grants."""
        doubts: list[str] = []
        for name, says in self.said:
            for grant in grants:
                truth, because = says.allows[grant]
                if truth:
                    return Finding(True, (f"{name}, {because[0]}",))
                if truth is None:
                    doubts.extend(f"{name}, {reason}" for reason in because)
        return Finding(None, tuple(doubts)) if doubts else Finding(False, (lack,))


_NOTHING = _Set((), Asked("*", "none:None", "*", {}, "", "-"))


_ALWAYS = Decision("allowed", ("sts:GetCallerIdentity needs no permission and cannot be denied",))


def _cannot_be_denied(asked: Asked) -> bool:
    """Source: STS API reference, GetCallerIdentity: it is answered even where a policy denies it; read 2026-11."""
    return asked.folded_action == "sts:getcalleridentity" and asked.sort in OF_AN_ACCOUNT


def decide(asked: Asked, policies: Policies) -> Decision:
    """Decide one request as AWS would. Raises MalformedPolicy."""
    if _cannot_be_denied(asked):
        return _ALWAYS
    parts = policies.parts
    question = parts.question(asked)
    known = parts.answers.get(question)
    if known is None:
        if len(parts.answers) >= _KEPT_ANSWERS:
            parts.answers.clear()
        known = parts.answers[question] = _decided(asked, policies, parts)
    return known


def _decided(asked: Asked, policies: Policies, parts: Parts) -> Decision:
    identity = _Set(parts.identity, asked)
    boundary = _Set(parts.boundary, asked) if parts.boundary else _NOTHING
    resource = _Set(parts.resource, asked) if parts.resource else _NOTHING
    session = _Set(parts.session, asked) if parts.session else _NOTHING
    scps = [_Set(level, asked) for level in parts.scps] if parts.scps and _is_under_scps(asked) else []
    rcps = [_Set(level, asked) for level in parts.rcps] if parts.rcps and _is_under_rcps(asked) else []

    denies = [deny for each in (identity, boundary, resource, session, *scps, *rcps) for deny in each.denies]
    denied = either(denies) if denies else _NO
    granted = _granted(asked, policies, identity, boundary, resource, session)
    if scps:
        granted = every([granted, *_levels(scps)])
    return _answer(denied, granted)


def _levels(scps: list[_Set]) -> Iterator[Finding]:
    return (level.allows(f"no SCP of level {number} allows it") for number, level in enumerate(scps, 1))


def _answer(denied: Finding, granted: Finding) -> Decision:
    if denied.truth:
        return Decision("explicit deny", denied.because)
    if granted.truth is False:
        return Decision("implicit deny", granted.because)
    if granted.truth and denied.truth is False:
        return Decision("allowed", granted.because)
    return Decision("could not be decided", denied.because + (() if granted.truth else granted.because))


def decide_scps(asked: Asked, policies: Policies) -> Decision:
    """Decide whether the SCPs let one request through, whatever other policies say. Raises MalformedPolicy."""
    if _cannot_be_denied(asked):
        return _ALWAYS
    if not _is_under_scps(asked):
        return Decision("allowed", (f"SCPs have no say in what {asked.principal} does",))
    scps = [_Set(level, asked) for level in policies.parts.scps]
    denied = either(deny for each in scps for deny in each.denies)
    return _answer(denied, every(_levels(scps)))


def _is_under_scps(asked: Asked) -> bool:
    """SCPs limit the users and roles of an account, its root too, but no service-linked roles.

    Source: Organizations guide, "Service control policies", read 2026-11. Unverified: that they have no say where an
    identity provider's token is exchanged, which no principal of the account does.
    """
    return asked.sort in OF_AN_ACCOUNT and not asked.is_service_linked


def _is_under_rcps(asked: Asked) -> bool:
    """RCPs limit everybody but service-linked roles; kms:RetireGrant is never limited.

    Sources: Organizations guide, "Resource control policies"; KMS guide, "Resource control policies in AWS KMS";
    read 2026-11. Which services they apply to grows; the asker gives only those that apply.
    """
    return not asked.is_service_linked and asked.folded_action != "kms:retiregrant"


_ALL_GRANTS = (Grant.DIRECT, Grant.LIMITED, Grant.DELEGATED)


def _granted(
    asked: Asked, policies: Policies, identity: _Set, boundary: _Set, resource: _Set, session: _Set
) -> Finding:
    """Whether anything but the organisation's policies lets the request through."""
    kind = _policy_that_must_allow(asked)
    if asked.sort not in OF_AN_ACCOUNT:
        if policies.resource is None:
            lack = f"{asked.principal} needs a resource policy that allows it"
            return Finding(None, (f"the {kind} is not given",)) if kind else Finding(False, (lack,))
        return resource.allows(f"the {kind or 'resource policy'} does not allow it", _ALL_GRANTS)
    own = _own(asked, identity)
    limits = _limits(asked, policies, boundary, session)
    if not asked.is_in_own_account:
        if policies.resource is None:
            lack = f"no resource policy of account {asked.resource_account} lets another account in"
            theirs = Finding(None, (f"the {kind} is not given",)) if kind else Finding(False, (lack,))
        else:
            theirs = resource.allows(
                f"the {kind or 'resource policy'} of account {asked.resource_account} does not allow it", _ALL_GRANTS
            )
        return every([own, *limits, theirs])
    if kind and policies.resource is None:
        return Finding(None, (f"the {kind} is not given, and without it nobody is allowed",))
    ways = [] if kind else [every([own, *limits])]
    if policies.resource is not None:
        direct = resource.allows(f"the {kind or 'resource policy'} does not allow it")
        role = resource.allows("it does not allow the role", (Grant.LIMITED,))
        ways.append(direct)
        if role.truth is not False:
            ways.append(every([role, *limits]))
        if kind:
            account = resource.allows(f"the {kind} does not allow the account", (Grant.DELEGATED,))
            if account.truth is not False:
                ways.append(every([account, own, *limits]))
    return either(ways)


def _own(asked: Asked, identity: _Set) -> Finding:
    if asked.sort == "root":
        return Finding(True, ("the root user may do everything in its account",))
    return identity.allows("no identity policy allows it")


def _limits(asked: Asked, policies: Policies, boundary: _Set, session: _Set) -> list[Finding]:
    """Permissions boundary and session policies; the root user has neither."""
    limits = []
    if policies.boundary is not None and asked.sort != "root":
        limits.append(boundary.allows("the permissions boundary does not allow it"))
    if policies.session:
        limits.append(session.allows("no session policy allows it"))
    elif asked.sort == "federated user":
        limits.append(Finding(False, ("a federated user session without session policies has no permissions",)))
    return limits


def _policy_that_must_allow(asked: Asked) -> str:
    """Name the resource policy without whose Allow nobody gets in, not even the account's administrators.

    Source: IAM guide, "How AWS enforcement code logic evaluates requests to allow or deny access", read 2026-11.
    """
    if asked.service == "kms" and ":key/" in asked.resource:
        return "key policy"
    assumes = ("sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml", "sts:tagsession")
    if asked.folded_action in (*assumes, "sts:setsourceidentity") and ":role/" in asked.resource:
        return "trust policy"
    return ""


class Actions(NamedTuple):
    """Actions by answer, each in the order in which they were asked."""

    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    undecided: tuple[str, ...]


def allowed_actions(
    policies: Policies,
    actions: Iterable[str],
    resource: str,
    *,
    principal: str,
    account: str,
    resource_account: str = "",
    context: Mapping[str, Values] | None = None,
) -> Actions:
    """Sort actions by whether the principal may do them with the resource. Raises MalformedPolicy.

    There is no complete list of IAM's actions in the SDK: the names of a service's operations are nearly one, but
    s3:ListBuckets is s3:ListAllMyBuckets to IAM, and iam:PassRole is no operation.
    """
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for action in actions:
        asked = Asked(principal, action, resource, context or {}, account, resource_account or account)
        outcome = decide(asked, policies).outcome
        found[None if outcome == "could not be decided" else outcome == "allowed"].append(action)
    return Actions(tuple(found[True]), tuple(found[False]), tuple(found[None]))


__all__ = [
    "ABSENT",
    "FULL_AWS_ACCESS",
    "Actions",
    "Decision",
    "Outcome",
    "Policies",
    "allowed_actions",
    "decide",
    "decide_scps",
]
