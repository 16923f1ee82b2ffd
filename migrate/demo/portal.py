"""The access portal of the embedded world: credentials of a permission set's role for somebody who has signed in.

The one rule it keeps: who is in no group that the permission set is assigned to in that account gets nothing.
Simulated: the sign-in itself. No password is asked for; a token is `TOKEN` and the user name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from migrate.demo.strict.sso_admin import role_in

PATH = "/federation/credentials"
"""Source: sso.GetRoleCredentials, botocore 1.44.5: not signed, the token in a header."""
TOKEN = "simulated-sign-in:"
TOKEN_HEADER = "HTTP_X_AMZ_SSO_BEARER_TOKEN"
"""Source of the header, x-amz-sso_bearer_token: the same."""
VALID_S = 3600


def answer(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
    """Answer sso.GetRoleCredentials."""
    asked = parse_qs(environ.get("QUERY_STRING", ""))
    account, name = asked.get("account_id", [""])[0], asked.get("role_name", [""])[0]
    token = environ.get(TOKEN_HEADER, "")
    user = token.removeprefix(TOKEN) if token.startswith(TOKEN) else ""
    headers = [("Content-Type", "application/json")]
    if not user or not _stores_of(user):
        start_response("401 Unauthorized", [*headers, ("x-amzn-ErrorType", "UnauthorizedException")])
        return [json.dumps({"message": "Session token not found or invalid"}).encode()]
    role = role_in(account, name) if _may(user, account, name) else None
    if role is None:
        # Not in the service's model; what the command line shows (unverified).
        start_response("403 Forbidden", [*headers, ("x-amzn-ErrorType", "ForbiddenException")])
        return [json.dumps({"message": "No access"}).encode()]
    start_response("200 OK", headers)
    return [json.dumps({"roleCredentials": _credentials(role, user)}).encode()]


def _credentials(role: Any, user: str) -> dict[str, Any]:
    from moto.sts.models import STSBackend, sts_backends

    backend = sts_backends[role.account_id]["aws"]
    # AWS assumes the role by SAML, whose trust the role has: no caller's policy is asked.
    plain = getattr(STSBackend.assume_role, "__wrapped__", STSBackend.assume_role)
    session = plain(
        backend, region_name="us-east-1", role_session_name=user, role_arn=role.arn, policy="", duration=VALID_S,
        external_id="",
    )  # fmt: skip
    return {
        "accessKeyId": session.access_key_id,
        "secretAccessKey": session.secret_access_key,
        "sessionToken": session.session_token,
        "expiration": int((time.time() + VALID_S) * 1000),
    }


def _stores_of(user: str) -> list[tuple[str, str, str]]:
    """Where somebody of that user name is: management account, region, user id."""
    from moto.identitystore.models import identitystore_backends

    return [
        (account, region, number)
        for account, regions in list(identitystore_backends.items())
        for region, backend in list(regions.items())
        for store in list(backend.identity_stores.values())
        for number, one in store.users.items()
        if one.UserName.lower() == user.lower()
    ]


def _may(user: str, account: str, name: str) -> bool:
    from moto.identitystore.models import identitystore_backends
    from moto.ssoadmin.models import ssoadmin_backends

    for management, region, number in _stores_of(user):
        stores = identitystore_backends[management][region].identity_stores.values()
        groups = {
            one["GroupId"] for store in stores for one in store.group_memberships.values()
            if one["MemberId"]["UserId"] == number
        }  # fmt: skip
        center = ssoadmin_backends[management][region]
        sets = {one.permission_set_arn for one in center.permission_sets if one.name == name}
        if any(one.permission_set_arn in sets and one.target_id == account and one.principal_id in groups | {number}
               for one in center.account_assignments):  # fmt: skip
            return True
    return False
