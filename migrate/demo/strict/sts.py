"""Rules over STS: who may become whom.

The one rule it keeps: a role is assumed only where it exists and trusts the caller.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import CALLER, account_of, allows
from migrate.demo.strict._refusal import Refusal

_ROLE = re.compile(r"arn:aws:iam::(\d{12}):role/(.+)")


@strict(
    "sts.assume-existing-role",
    makes="AssumeRole is refused unless the role exists in its account and its trust policy names the caller",
    source="sts.AssumeRole, botocore 1.44.5; IAM guide, How to use trust policies, unverified",
)
def assume_existing_role() -> None:
    """AWS does not tell a missing role from one that trusts someone else: both are AccessDenied.

    Source: sts.AssumeRole, botocore 1.44.5.
    """
    from moto.iam.models import iam_backends
    from moto.sts.models import STSBackend

    @override(STSBackend, "assume_role")
    def assume_role(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        arn = named["role_arn"]
        caller = CALLER.get()
        found = _ROLE.fullmatch(arn)
        roles = iam_backends[found[1]]["aws"].roles.values() if found else []
        role = next((role for role in roles if role.arn == arn), None)
        if role is None or not allows(role.assume_role_policy_document, caller, "sts:AssumeRole"):
            text = f"User: {caller.arn()} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise Refusal("AccessDenied", text)
        return old(self, *words, **named)


@strict(
    "sts.known-callers",
    makes="a request is attributed to the account of its key; an unknown key is refused at the door",
    source="IAM guide, common errors: InvalidClientTokenId, unverified",
)
def known_callers() -> None:
    """The emulator takes any unknown key for its default account, which would write to legacy by mistake.

    Source: IAM API reference, Common Errors (InvalidClientTokenId), unverified.
    """
    from moto.core.responses import BaseResponse
    from moto.iam import models
    from moto.sts.models import STSBackend

    from migrate.demo.accounts import LEGACY, OPERATOR_ARN, OPERATOR_KEY

    @override(BaseResponse, "get_current_account")
    def get_current_account(_: Any, __: Any) -> str:
        return CALLER.get().account or LEGACY

    @override(BaseResponse, "get_access_key")
    def get_access_key(old: Any, self: Any) -> str:
        return CALLER.get().key or str(old(self))

    @override(STSBackend, "get_caller_identity")
    def get_caller_identity(old: Any, self: Any, access_key_id: str, region: str) -> Any:
        if access_key_id == OPERATOR_KEY:
            return "AROADEMOADMINISTRATOR:operator", OPERATOR_ARN, LEGACY
        return old(self, access_key_id, region)

    # Many of the emulator's modules ask this by name when a request arrives.
    models.get_account_id_from = lambda access_key: account_of(access_key) or LEGACY
