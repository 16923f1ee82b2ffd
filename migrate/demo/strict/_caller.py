"""Who sends the request that is being answered, and what a policy document says about them.

The one rule it keeps: an unknown access key is nobody, never the legacy account.
Only resource and trust policies are evaluated, identity policies are not: every principal acts as an administrator.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from migrate.demo.accounts import LEGACY, OPERATOR_ARN, OPERATOR_KEY


@dataclass(frozen=True)
class Caller:
    """The principal behind an access key; an unsigned request has neither key nor account."""

    account: str
    key: str
    region: str
    service: str

    def arn(self) -> str:
        """The ARN that sts.GetCallerIdentity gives."""
        from moto.iam.models import iam_backends
        from moto.sts.models import sts_backends

        if self.key == OPERATOR_KEY:
            return OPERATOR_ARN
        if not self.account:
            return ""
        role = sts_backends[self.account]["aws"].get_assumed_role_from_access_key(self.key)
        if role is not None:
            return str(role.arn)
        user = iam_backends[self.account]["aws"].get_user_from_access_key_id(self.key)
        return str(user.arn) if user else f"arn:aws:iam::{self.account}:root"

    def names(self) -> set[str]:
        """Every way in which a policy may name this principal."""
        if not self.account:
            return {"*"}
        arn = self.arn()
        named = {"*", self.account, f"arn:aws:iam::{self.account}:root", arn}
        if ":assumed-role/" in arn:
            # A role behind a path keeps only its name in the session's ARN; the demo's roles have no path.
            named.add(f"arn:aws:iam::{self.account}:role/{arn.split('/')[1]}")
        return named


_NOBODY = Caller("", "", "us-east-1", "")
CALLER: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)
_known: dict[str, str] = {OPERATOR_KEY: LEGACY}


def account_of(key: str) -> str | None:
    """The account that an access key belongs to, or None for a key nobody was given."""
    from moto.iam.models import iam_backends

    if key in _known:
        return _known[key]
    for account, partitions in list(iam_backends.items()):
        if key in partitions["aws"].access_keys:
            if key.startswith("ASIA"):
                _known[key] = account
            return str(account)
    return None


def many(value: Any) -> list[Any]:
    """A policy's element as a list, whether it was written as one or not."""
    return value if isinstance(value, list) else [value]


def allows(document: str | bytes | None, caller: Caller, action: str, resource: str = "*") -> bool:
    """Say whether a resource policy lets the caller do this: an allow, and no deny."""
    if not document:
        return False
    verdict = False
    for statement in many(json.loads(document).get("Statement", [])):
        if not _applies(statement, caller, action, resource):
            continue
        if statement.get("Effect") == "Deny":
            return False
        verdict = True
    return verdict


def _applies(statement: dict[str, Any], caller: Caller, action: str, resource: str) -> bool:
    if "NotPrincipal" in statement:
        matches_principal = not caller.names() & set(_principals(statement["NotPrincipal"]))
    else:
        matches_principal = bool(caller.names() & set(_principals(statement.get("Principal", {}))))
    if "NotAction" in statement:
        matches_action = not _any(statement["NotAction"], action, fold=True)
    else:
        matches_action = _any(statement.get("Action", []), action, fold=True)
    matches_resource = "Resource" not in statement or _any(statement["Resource"], resource, fold=False)
    return matches_principal and matches_action and matches_resource and _condition(statement, caller)


def _principals(principal: Any) -> Iterable[str]:
    if isinstance(principal, str):
        return [principal]
    return [str(name) for name in many(principal.get("AWS", []))]


def _any(patterns: Any, value: str, *, fold: bool) -> bool:
    if fold:
        return any(fnmatch.fnmatchcase(value.lower(), str(pattern).lower()) for pattern in many(patterns))
    return any(fnmatch.fnmatchcase(value, str(pattern)) for pattern in many(patterns))


def _condition(statement: dict[str, Any], caller: Caller) -> bool:
    """Evaluate what is known of a caller; a key the world knows nothing about makes a Deny apply and an Allow not.

    aws:PrincipalOrgID is met by every account of the world: it has one organisation.
    """
    for operator, keys in statement.get("Condition", {}).items():
        for key, wanted in keys.items():
            name = key.lower()
            if name == "aws:principalorgid":
                met = bool(caller.account)
            elif name == "aws:principalarn":
                met = any(_any(wanted, arn, fold=False) for arn in caller.names() - {"*"})
            elif name == "aws:principalaccount":
                met = caller.account in many(wanted)
            elif name == "kms:grantisforawsresource":
                # The only grants of this world are those that its services make for their own resources.
                met = str(many(wanted)[0]).lower() == "true"
            elif name == "aws:securetransport":
                # Loopback stands for TLS.
                met = str(many(wanted)[0]).lower() == "true"
            else:
                return bool(statement.get("Effect") == "Deny") and not operator.startswith("Null")
            if met == ("Not" in operator):
                return False
    return True
