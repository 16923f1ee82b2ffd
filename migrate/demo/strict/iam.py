"""Rules over IAM: sizes of policies, and principals that exist.

The one rule it keeps: what AWS refuses when a document is written is refused then, not when it is used.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._principals import ghosts

MANAGED_POLICY_CHARACTERS = 6144
ROLE_INLINE_CHARACTERS = 10240
USER_INLINE_CHARACTERS = 2048


def size(document: str) -> int:
    """Characters of a policy document as IAM counts them: white space is free."""
    return len(re.sub(r"\s", "", document))


@strict(
    "iam.policy-size",
    makes="a managed policy over 6,144 characters, inline ones over 10,240 of a role or 2,048 of a user are refused",
    source="IAM user guide, IAM and AWS STS quotas, unverified; white space is not counted",
)
def policy_size() -> None:
    """The emulator takes any size.

    Source: IAM user guide, reference_iam-quotas, unverified.
    """
    from moto.iam.exceptions import LimitExceededException
    from moto.iam.models import IAMBackend

    def demand(document: str) -> None:
        if size(document) > MANAGED_POLICY_CHARACTERS:
            raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_CHARACTERS}")

    def demand_room(kept: Any, policy_name: str, document: str, most: int, whose: str) -> None:
        others = sum(size(text) for name, text in kept.items() if name != policy_name)
        if others + size(document) > most:
            raise LimitExceededException(f"Maximum policy size of {most} bytes exceeded for {whose}")

    @override(IAMBackend, "create_policy")
    def create_policy(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        demand(named["policy_document"] if "policy_document" in named else words[2])
        return old(self, *words, **named)

    @override(IAMBackend, "create_policy_version")
    def create_policy_version(
        old: Any, self: Any, policy_arn: str, policy_document: str, *words: Any, **named: Any
    ) -> Any:
        demand(policy_document)
        return old(self, policy_arn, policy_document, *words, **named)

    @override(IAMBackend, "put_user_policy")
    def put_user_policy(old: Any, self: Any, user_name: str, policy_name: str, policy_json: str) -> Any:
        demand_room(
            self.get_user(user_name).policies, policy_name, policy_json, USER_INLINE_CHARACTERS, f"user {user_name}"
        )
        return old(self, user_name, policy_name, policy_json)

    @override(IAMBackend, "put_role_policy")
    def put_role_policy(old: Any, self: Any, role_name: str, policy_name: str, policy_json: str) -> Any:
        demand_room(
            self.get_role(role_name).policies, policy_name, policy_json, ROLE_INLINE_CHARACTERS, f"role {role_name}"
        )
        return old(self, role_name, policy_name, policy_json)


@strict(
    "iam.principals-exist",
    makes="a trust policy naming a role or user that does not exist in an account of the world is refused",
    source="iam.CreateRole and iam.UpdateAssumeRolePolicy, botocore 1.44.5: MalformedPolicyDocument",
)
def principals_exist() -> None:
    """AWS resolves the principals of a trust policy when it is written.

    Source: iam.UpdateAssumeRolePolicy, botocore 1.44.5; the text of the message is unverified.
    """
    from moto.iam.exceptions import MalformedPolicyDocument
    from moto.iam.models import IAMBackend

    def demand(document: str) -> None:
        missing = ghosts(document)
        if missing:
            raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{missing[0]}"')

    @override(IAMBackend, "create_role")
    def create_role(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        demand(named["assume_role_policy_document"] if "assume_role_policy_document" in named else words[1])
        return old(self, *words, **named)

    @override(IAMBackend, "update_assume_role_policy")
    def update_assume_role_policy(old: Any, self: Any, role_name: str, policy_document: str) -> Any:
        demand(policy_document)
        return old(self, role_name, policy_document)
