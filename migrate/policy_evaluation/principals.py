"""The Principal and NotPrincipal elements: whether they name who asks, and in which way.

The one rule it keeps: how a policy names a principal decides what may still limit the grant, so it is never left out.

Sources: IAM guide, "AWS JSON policy elements: Principal", "AWS JSON policy elements: NotPrincipal" and "How AWS
enforcement code logic evaluates requests to allow or deny access", read 2026-11.
"""

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from migrate.policy_evaluation.asking import OF_AN_ACCOUNT, Asked
from migrate.policy_evaluation.conditions import Malformed
from migrate.policy_evaluation.truth import Truth, any_of


class Grant(IntEnum):
    """What still limits what a resource policy gives within one account."""

    DELEGATED = 0
    """To the account: its own policies must allow as well."""
    LIMITED = 1
    """To a role: boundary and session policies must allow as well."""
    DIRECT = 2
    """To the user or the session itself, or to everybody: nothing else is needed."""


Sort = Literal["AWS", "Service", "Federated", "CanonicalUser"]
_SORTS: tuple[Sort, ...] = ("AWS", "Service", "Federated", "CanonicalUser")
_ACCOUNT = re.compile(r"([0-9]{12})|arn:aws[a-z-]*:iam::([0-9]{12}):root")
_ENTITY = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):(user|role|assumed-role|federated-user)/(.+)")


class Principals(NamedTuple):
    """A Principal element taken apart: sort and text of each."""

    entries: tuple[tuple[Sort, str], ...]


class Named(NamedTuple):
    """Whether one entry names who asks, and with which grant."""

    truth: Truth
    grant: Grant
    doubt: str = ""


def principals(element: Any) -> Principals:
    """Take a Principal or NotPrincipal element apart. Raises Malformed."""
    if element == "*":
        return Principals((("AWS", "*"),))
    if not isinstance(element, Mapping):
        raise Malformed('Principal must be "*" or an object with AWS, Service, Federated or CanonicalUser')
    entries: list[tuple[Sort, str]] = []
    for sort, names in element.items():
        known = next((one for one in _SORTS if one == sort), None)
        if known is None:
            raise Malformed(f"Principal has the unknown sort {sort!r}: AWS, Service, Federated, CanonicalUser exist")
        for name in names if isinstance(names, list | tuple) else [names]:
            if not isinstance(name, str):
                raise Malformed(f"Principal.{sort} must be a text or a list of texts")
            entries.append((known, name))
    return Principals(tuple(entries))


def named(element: Principals, asked: Asked) -> Iterator[Named]:
    """How the entries of a Principal element name who asks; entries that do not are left out."""
    for sort, name in element.entries:
        found = _entry(sort, name, asked)
        if found.truth is not False:
            yield found


def _entry(sort: Sort, name: str, asked: Asked) -> Named:
    if sort == "AWS":
        return _of_aws(name, asked)
    if sort == "CanonicalUser":
        # A canonical id stands for a whole account, or for an origin access identity.
        if asked.sort in OF_AN_ACCOUNT:
            return Named(None, Grant.DELEGATED, f"whose canonical user id {name} is, is not known")
        return Named(asked.principal == name, Grant.DIRECT)
    if asked.sort in OF_AN_ACCOUNT or asked.sort == "anonymous":
        return Named(False, Grant.DIRECT)
    return Named(name in ("*", asked.principal), Grant.DIRECT)


def _of_aws(name: str, asked: Asked) -> Named:
    if name == "*":
        return Named(True, Grant.DIRECT)
    if asked.sort not in OF_AN_ACCOUNT:
        # CloudFront's origin access identities are written like users.
        return Named(name == asked.principal, Grant.DIRECT)
    account = _ACCOUNT.fullmatch(name)
    if account:
        return Named((account[1] or account[2]) == asked.account, Grant.DELEGATED)
    entity = _ENTITY.fullmatch(name)
    if not entity or entity[1] != asked.account:
        # Also the id of a deleted user or role (AIDA…, AROA…): it names nobody any more.
        return Named(False, Grant.DIRECT)
    sort, rest = entity[2], entity[3]
    if sort == "user":
        if asked.sort == "federated user":
            return Named(None, Grant.LIMITED, f"whether {name} made this federated session is not known")
        return Named(asked.sort == "user" and name == asked.principal, Grant.DIRECT)
    if sort == "role":
        # A session's ARN lacks the path of its role; within an account a role's name is enough.
        is_same = asked.sort in ("role", "session") and rest.rsplit("/", 1)[-1] == asked.name
        return Named(is_same, Grant.LIMITED)
    if name == asked.principal:
        return Named(True, Grant.DIRECT)
    if sort == "assumed-role" and asked.sort == "role" and rest.split("/")[0] == asked.name:
        return Named(None, Grant.DIRECT, f"which session of {asked.principal} asks is not known")
    return Named(False, Grant.DIRECT)


def is_excepted(element: Principals, asked: Asked) -> tuple[Truth, str]:
    """Whether NotPrincipal names who asks, and so leaves them out of its statement.

    Beside the principal itself its account (and for a session its role) must be named, or AWS may still apply the
    statement to it: named in part is not known.
    """
    if asked.sort not in OF_AN_ACCOUNT:
        return any_of(_entry(sort, name, asked).truth for sort, name in element.entries), ""
    grants = {found.grant for found in named(element, asked) if found.truth}
    doubts = [found.doubt for found in named(element, asked) if found.truth is None]
    if ("AWS", "*") in element.entries:
        return True, ""
    needed = {Grant.DELEGATED}
    if asked.sort != "root":
        needed.add(Grant.DIRECT)
    if asked.sort in ("role", "session"):
        needed.add(Grant.LIMITED)
    if needed <= grants:
        return True, ""
    if grants or doubts:
        return None, f"NotPrincipal names {asked.principal} in part: AWS may look at its account or role by itself"
    return False, ""
