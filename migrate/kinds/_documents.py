"""Policy documents: one canonical form, principals that no longer exist, and what a document may say on its first day.

The rule: nothing here knows an account id, so each function gives the same answer before and after renaming.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.values import Json

Document = dict[str, Json]

# AWS writes the unique id of a user or role into a resource policy once that user or role is deleted.
# Source: IAM guide, "IAM JSON policy elements: Principal", read 2026-08.
DEAD = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")
ROOT = re.compile(r"[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:root")
WHOLE_SERVICE = re.compile(r"arn:aws[a-z-]*:[^:]+:[^:]*:[^:]*:\*")
AWS_MANAGED = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/.+")

CLOSED_TRUST: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
"""A trust that lets nobody in. That IAM takes a trust policy of a Deny alone is unverified against AWS."""


def parsed(document: Json) -> Document:
    """The canonical form of a document that AWS gave as text or, where botocore decodes it, as a dict."""
    return canonical(json.loads(document) if isinstance(document, str) else document)


def canonical(document: Mapping[str, Json]) -> Document:
    """The same policy with lists sorted and lists of one written as that one.

    AWS gives lists of principals and actions back in an order of its own, and collapses lists of one.
    """
    plain: Document = dict(document)
    plain["Statement"] = [
        {key: value if key in ("Sid", "Effect") else _canonical(value) for key, value in statement.items()}
        for statement in statements(document)
    ]
    return plain


def _canonical(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        unique = {json.dumps(item, sort_keys=True): item for item in value}
        ordered = [unique[key] for key in sorted(unique)]
        return ordered[0] if len(ordered) == 1 else ordered
    return value


def statements(document: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The document's statements; a lone one may stand without a list."""
    found = document.get("Statement", [])
    return [dict(found)] if isinstance(found, Mapping) else [dict(statement) for statement in found]


def dead_principals(document: Mapping[str, Json] | None) -> list[str]:
    """Ids of deleted users and roles that the document still names as principals, sorted."""
    found: set[str] = set()
    for statement in statements(document or {}):
        principal = statement.get("Principal")
        if isinstance(principal, Mapping):
            found.update(one for one in listed(principal.get("AWS")) if DEAD.fullmatch(str(one)))
    return sorted(found)


def without_dead(document: Mapping[str, Json]) -> Document | None:
    """The document as it can be sent: AWS refuses one that names a deleted principal. None: nothing remains.

    A statement whose principals are all deleted goes whole; without its principals it would mean something else.
    """
    kept = []
    for statement in statements(document):
        principal = statement.get("Principal")
        if isinstance(principal, Mapping) and "AWS" in principal:
            before = listed(principal["AWS"])
            living = [one for one in before if not DEAD.fullmatch(str(one))]
            if len(living) != len(before):
                others = {key: value for key, value in principal.items() if key != "AWS"}
                statement["Principal"] = others | ({"AWS": living} if living else {})
                if not statement["Principal"]:
                    continue
        kept.append(statement)
    return canonical({**document, "Statement": kept}) if kept else None


def first_trust(trust: Mapping[str, Json]) -> Document:
    """The part of a trust policy that can be sent before anything else exists: no other role, user or resource.

    A statement with a condition on one resource is left out whole: without its condition it would trust more.
    """
    kept = []
    for statement in statements(trust):
        if "NotPrincipal" in statement or _names_something(statement.get("Condition")):
            continue
        principal = statement.get("Principal")
        if isinstance(principal, Mapping):
            early = {key: _early(key, value) for key, value in principal.items()}
            principal = {key: value for key, value in early.items() if value}
        if principal:
            kept.append(statement | {"Principal": principal})
    return canonical({**trust, "Statement": kept}) if kept else CLOSED_TRUST


def _early(sort: str, value: Json) -> list[Json]:
    if sort == "AWS":
        return [one for one in listed(value) if one == "*" or ROOT.fullmatch(str(one))]
    if sort == "Federated":
        return [one for one in listed(value) if not str(one).startswith("arn:")]
    return listed(value)


def _names_something(value: Json) -> bool:
    """Whether a condition names one resource or principal. A whole service of an account or its root is none."""
    if isinstance(value, Mapping):
        return any(_names_something(item) for item in value.values())
    if isinstance(value, list):
        return any(_names_something(item) for item in value)
    text = str(value)
    return "arn:" in text and not WHOLE_SERVICE.fullmatch(text) and not ROOT.fullmatch(text)


def names_nothing(document: Mapping[str, Json]) -> bool:
    """Whether an identity policy is about everything without a condition, so that it can be given on the first day."""
    return all(
        listed(statement.get("Resource")) == ["*"] and not statement.get("Condition")
        for statement in statements(document)
    )


def is_aws_managed(policy_arn: str) -> bool:
    """Whether AWS keeps this policy: it has the same ARN in every account."""
    return AWS_MANAGED.fullmatch(policy_arn) is not None


def inline(policies: Iterable[Mapping[str, Any]]) -> dict[str, Document]:
    """Inline policies as IAM lists them, by name."""
    return {policy["PolicyName"]: parsed(policy["PolicyDocument"]) for policy in policies}


def attached(policies: Iterable[Mapping[str, Any]]) -> list[str]:
    """ARNs of attached policies as IAM lists them, sorted."""
    return sorted(str(policy["PolicyArn"]) for policy in policies)


def listed(value: Json) -> list[Json]:
    """One or several, as policies write them, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
