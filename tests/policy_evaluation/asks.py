"""Short ways to write questions and policies."""

from collections.abc import Mapping
from typing import Any

from migrate.policy_evaluation import FULL_AWS_ACCESS, Asked, Decision, Policies, decide

HERE, THERE = "111122223333", "999988887777"
USER = f"arn:aws:iam::{HERE}:user/ann"
ROLE = f"arn:aws:iam::{HERE}:role/dev/builder"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/builder/ann"
FEDERATED = f"arn:aws:sts::{HERE}:federated-user/ann"
ROOT = f"arn:aws:iam::{HERE}:root"
KEY = f"arn:aws:kms:eu-west-1:{HERE}:key/1"
TRUSTED = f"arn:aws:iam::{HERE}:role/deploy"
OBJECT = "arn:aws:s3:::b/k"
Context = Mapping[str, tuple[str, ...]]


def document(*statements: Mapping[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def statement(effect: str, action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **elements}


def allow(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return document(statement("Allow", action, resource, **elements))


def deny(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return document(statement("Deny", action, resource, **elements))


def granted_to(*principals: str, action: Any = "*", **elements: Any) -> dict[str, Any]:
    return allow(action, Principal={"AWS": list(principals)}, **elements)


def asked(
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    *,
    by: str = USER,
    of: str = HERE,
    context: Context | None = None,
) -> Asked:
    parts = by.split(":")
    account = parts[4] if by.startswith("arn:") and parts[4].isdigit() and "provider/" not in by else ""
    return Asked(by, action, resource, context or {}, account, of)


def answer(question: Asked, *identity: Mapping[str, Any], **others: Any) -> Decision:
    return decide(question, Policies(identity=identity, **others))


ADMIN = FULL_AWS_ACCESS
