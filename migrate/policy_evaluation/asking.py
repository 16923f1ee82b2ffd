"""A question to the policies: who asks for what, and what is known of the request.

The one rule it keeps: what the asker did not say is not known, except where AWS documents that it follows from the
principal, the action or the resource. Absent is said with an empty tuple.

Sources: IAM guide, "AWS global condition context keys", "IAM policy elements: Variables and tags" (principal key
values), "IAM JSON policy elements: Condition", read 2026-11.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, NamedTuple

Values = tuple[str, ...]

UNKNOWN: Final[Values] = ("\0unknown",)
"""The key may be there or not, and with any value."""
PRESENT: Final[Values] = ("\0present",)
"""The key is there; its value is not known."""
ABSENT: Final[Values] = ()
"""The key is not in the request."""
UNKNOWN_RESOURCE: Final = "\0unknown"
"""As a resource: some resource of the action's service; which one is not known."""

Sort = Literal["user", "root", "role", "session", "federated user", "service", "identity provider", "anonymous"]

_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(?P<service>iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<sort>root|user|role|assumed-role|federated-user|saml-provider|oidc-provider)(?:/(?P<name>.+))?"
)
_ORIGIN_ACCESS = re.compile(r"arn:aws[a-z-]*:iam::cloudfront:user/.+")
_SORTS: dict[tuple[str, str], Sort] = {
    ("iam", "root"): "root",
    ("iam", "user"): "user",
    ("iam", "role"): "role",
    ("iam", "saml-provider"): "identity provider",
    ("iam", "oidc-provider"): "identity provider",
    ("sts", "assumed-role"): "session",
    ("sts", "federated-user"): "federated user",
}
_TYPES: dict[Sort, str] = {
    "user": "User",
    "root": "Account",
    "role": "AssumedRole",
    "session": "AssumedRole",
    "federated user": "FederatedUser",
    "anonymous": "Anonymous",
}
OF_AN_ACCOUNT: Final[frozenset[Sort]] = frozenset({"user", "root", "role", "session", "federated user"})

# Keys with a service's prefix that requests to other services have as well: they say where credentials were used,
# or describe the role that is assumed. Source: IAM guide, "AWS global condition context keys" (properties of a role
# session, network), and the service authorization reference for sts; read 2026-11.
_ELSEWHERE_TOO = frozenset(
    {"ec2:sourceinstancearn", "ec2:roledelivery", "lambda:sourcefunctionarn", "ssm:sourceinstancearn",
     "identitystore:userid", "glue:roleassumedby", "glue:credentialissuingservice"}
)  # fmt: skip
# Prefixes that stand in the policies of more than one service.
_FAMILIES = (
    {"iam", "sts"}, {"s3", "s3express", "s3-object-lambda", "s3tables", "s3-outposts"}, {"ec2", "ssm", "ebs"},
    {"codestar-connections", "codeconnections"}, {"kafka", "kafka-cluster"}, {"sso", "identitystore"},
    {"apigateway", "execute-api"},
)  # fmt: skip
_SERVICE_KEY = re.compile(r"([a-z][a-z0-9-]*):.+")
_NOT_SERVICES = frozenset({"aws", "saml"})


class Parsed(NamedTuple):
    """What principal and action say by their form."""

    service: str
    folded_action: str
    sort: Sort
    name: str


@lru_cache(maxsize=65536)
def _parsed(principal: str, action: str) -> Parsed:
    service, _, name = action.partition(":")
    if not service or not name or re.search(r"[*?\s]", action):
        raise ValueError(f"{action!r} is not one action: it is written service:Name, without wildcards")
    sort = _sort(principal)
    own = principal.split("/")[1] if sort == "session" else principal.rsplit("/", 1)[-1]
    return Parsed(service.lower(), action.lower(), sort, own)


def _sort(principal: str) -> Sort:
    if principal == "*":
        return "anonymous"
    found = _PRINCIPAL.fullmatch(principal)
    if found and (found["service"], found["sort"]) in _SORTS and (found["name"] or found["sort"] == "root"):
        return _SORTS[found["service"], found["sort"]]
    if _ORIGIN_ACCESS.fullmatch(principal):
        return "service"
    if not principal.startswith("arn:") and "." in principal:
        return "service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "identity provider"
    raise ValueError(f"{principal!r} is no principal: an ARN of a user, role, session or root, a service, or *")


@dataclass(frozen=True)
class Asked:
    """One request. `principal` and `resource` are ARNs; a service stands by its name (`ec2.amazonaws.com`), a person
    without credentials as `*`, a request about no certain resource has the resource `*`.

    context: condition keys in lower case → values. A key with `/*` (`aws:principaltag/*`) answers for all of its family
    that are not given themselves. A resource is one text: a wildcard in it is taken literally.
    Raises ValueError where principal, account or action are none.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, Values]
    account: str
    """Of the principal; empty for services and people without credentials."""
    resource_account: str
    parsed: "Parsed" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parsed = _parsed(self.principal, self.action)
        if parsed.sort in OF_AN_ACCOUNT and f"::{self.account}:" not in self.principal:
            raise ValueError(f"{self.principal} is not of account {self.account!r}")
        if not self.resource:
            raise ValueError("the resource is empty: give its ARN, or * for none")
        if not self.resource_account:
            raise ValueError(f"whose resource {self.resource} is must be said: policies of both sides depend on it")
        for key, values in self.context.items():
            if key != key.lower():
                raise ValueError(f"context key {key!r} must be in lower case")
            if not isinstance(values, tuple):
                raise ValueError(f"the values of context key {key!r} must be a tuple of texts")
        object.__setattr__(self, "parsed", parsed)

    @property
    def service(self) -> str:
        """The action's prefix, in lower case."""
        return self.parsed.service

    @property
    def folded_action(self) -> str:
        """The action in lower case."""
        return self.parsed.folded_action

    @property
    def sort(self) -> Sort:
        """What the principal is."""
        return self.parsed.sort

    @property
    def name(self) -> str:
        """The user's, role's or federated user's own name, without path; for a session the role's."""
        return self.parsed.name

    @property
    def is_in_own_account(self) -> bool:
        """Whether principal and resource are of one account. What AWS itself owns (`iam::aws:policy`) counts as own."""
        return self.resource_account in (self.account, "aws")

    @property
    def is_service_linked(self) -> bool:
        """Whether a role that AWS made for a service asks."""
        arn = self.values("aws:principalarn")
        return len(arn) == 1 and ":role/aws-service-role/" in arn[0]

    def values(self, key: str) -> Values:
        """What the request has for a condition key (in lower case): its values, ABSENT, PRESENT or UNKNOWN."""
        given = self.context.get(key)
        if given is not None:
            return given
        if key.startswith("aws:"):
            derived = self._derived(key)
            if derived is not None:
                return derived
        if "/" in key:
            family = self.context.get(key.partition("/")[0] + "/*")
            if family is not None:
                return family
        return ABSENT if self._is_of_another_service(key) else UNKNOWN

    def _derived(self, key: str) -> Values | None:
        """What follows from the principal; None: nothing does."""
        sort = self.sort
        has_account = sort in OF_AN_ACCOUNT
        match key:
            case "aws:principalarn":
                # A session's ARN lacks the path of its role, which the key has.
                if sort == "session":
                    return PRESENT
                return (self.principal,) if has_account else ABSENT
            case "aws:principalaccount":
                return (self.account,) if has_account else ABSENT
            case "aws:principaltype":
                return (_TYPES[sort],) if sort in _TYPES else UNKNOWN
            case "aws:username":
                return (self.name,) if sort == "user" else ABSENT
            case "aws:userid":
                return (self.account,) if sort == "root" else PRESENT if has_account else UNKNOWN
            case "aws:tokenissuetime":
                return PRESENT if sort in ("role", "session", "federated user") else UNKNOWN
            case "aws:resourceaccount":
                return (self.resource_account,) if self.resource_account != "aws" else UNKNOWN
            case "aws:principalisawsservice":
                return ("true",) if sort == "service" else ("false",)
            case "aws:principalservicename":
                return (self.principal,) if sort == "service" else ABSENT
            case "aws:principalservicenameslist":
                return PRESENT if sort == "service" else ABSENT
            case "aws:currenttime" | "aws:epochtime" | "aws:securetransport":
                return PRESENT
        # Nobody has no organisation, no tags and no identity.
        return ABSENT if sort == "anonymous" and key.startswith("aws:principal") else None

    def _is_of_another_service(self, key: str) -> bool:
        """Whether the key exists in requests to another service only."""
        found = _SERVICE_KEY.fullmatch(key)
        if not found or found[1] in _NOT_SERVICES or key in _ELSEWHERE_TOO or found[1] == self.service:
            return False
        return not any({found[1], self.service} <= family for family in _FAMILIES)


DIRECT: Final[Mapping[str, Values]] = {
    "aws:viaawsservice": ("false",),
    "aws:calledvia": ABSENT,
    "aws:calledviafirst": ABSENT,
    "aws:calledvialast": ABSENT,
    "aws:sourcearn": ABSENT,
    "aws:sourceaccount": ABSENT,
    "aws:sourceorgid": ABSENT,
    "aws:sourceorgpaths": ABSENT,
    "aws:securetransport": ("true",),
}
"""Context of a request that a person or a program sends by itself, over TLS: no service stands between."""
