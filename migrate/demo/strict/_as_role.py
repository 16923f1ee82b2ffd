"""What a role of the emulator may do when S3 works as it.

The rule: a role's own policies allow, and another account's bucket or key lets it in besides. Simulated: the role's
policies are read for Allow only, without conditions.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from migrate.demo.strict._caller import Caller, allows, many
from migrate.demo.strict._held import documents_of


class _AsRole(Caller):
    """A role at work, named as policies name it."""

    def __init__(self, role: Any, account: str) -> None:
        super().__init__(account, "", "", "s3")
        object.__setattr__(self, "role", role)

    def arn(self) -> str:
        return str(self.role.arn)  # type: ignore[attr-defined]


def role_of(arn: str, account: str, service: str) -> Any:
    """The account's role that this service may assume, or None."""
    from moto.iam.models import iam_backends

    roles = iam_backends[account]["aws"].roles.values()
    role = next((one for one in roles if one.arn == arn), None)
    if role is None:
        return None
    for statement in many(json.loads(unquote(role.assume_role_policy_document))["Statement"]):
        if statement["Effect"] == "Allow" and service in many((statement.get("Principal") or {}).get("Service", [])):
            return role
    return None


def may(role: Any, account: str, action: str, bucket: Any, key: str = "") -> bool:
    """Whether the role may do it to a key, or to the bucket itself: its own policies say so, and another account's
    bucket says so too."""
    resource = f"arn:aws:s3:::{bucket.name}/{key}" if key else f"arn:aws:s3:::{bucket.name}"
    return _says(role, f"s3:{action}", resource) and (
        bucket.account_id == account or allows(bucket.policy, _AsRole(role, account), f"s3:{action}", resource)
    )


def may_key(role: Any, account: str, named: str | None, action: str) -> bool:
    """Whether the role may do it with the key that encrypts; a key that AWS manages lets in its own account only.

    Source: S3 user guide, Protecting data with SSE-KMS, Permissions (kms:Decrypt to read, kms:GenerateDataKey to
    write); KMS developer guide, Allowing users in other accounts to use a KMS key; unverified.
    """
    from moto.kms.models import kms_backends

    if not named or not named.startswith("arn:"):
        return True
    _, _, _, region, owner, _ = named.split(":", 5)
    key = kms_backends[owner][region].keys.get(named.rsplit("/", 1)[-1])
    if key is None or not _says(role, f"kms:{action}", named):
        return False
    grantees = (f"arn:aws:iam::{account}:root", role.arn)
    granted = any(one.grantee_principal in grantees and action in one.operations for one in key.grants.values())
    return owner == account or granted or allows(key.policy, _AsRole(role, account), f"kms:{action}", named)


def bucket_of(arn: str) -> Any:
    """The bucket of this name or ARN, whosever it is, or None."""
    from moto.s3.models import s3_backends

    name = arn.rpartition(":")[2]
    _, owner = s3_backends.bucket_accounts.get(name, ("", ""))
    return s3_backends[owner]["aws"].buckets.get(name) if owner else None


def _says(role: Any, action: str, resource: str) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), one.lower()) for one in many(statement.get("Action", [])))
        and any(fnmatchcase(resource, one) for one in many(statement.get("Resource", [])))
        for text in documents_of(role)
        for statement in many(json.loads(unquote(text))["Statement"])
    )
