"""Rules over KMS: who may use whose key, as far as copies between accounts need it.

The one rule it keeps: a key of another account is usable only where its key policy names the caller's account.
Grants are recorded but do not widen a key policy here.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.demo.strict import add, override, strict
from migrate.demo.strict._caller import CALLER, Caller, allows
from migrate.demo.strict._refusal import Refusal

_KEY_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):(key|alias)/.+")


def owner_of(key_id: str, account: str) -> str:
    """The account whose key this id, ARN or alias names, seen from `account`."""
    found = _KEY_ARN.fullmatch(key_id)
    return found[2] if found else account


def may_use(key: Any, caller: Caller, *actions: str) -> bool:
    """Say whether the caller may do all of this with a key: its own, or one whose policy names its account."""
    if key.key_state != "Enabled" or not key.enabled:
        return False
    return caller.account == key.account_id or all(allows(key.policy, caller, action, key.arn) for action in actions)


def is_default(key: Any) -> bool:
    """Say whether AWS made the key for a service (alias/aws/...)."""
    return bool(key.key_manager == "AWS")


@strict(
    "kms.other-accounts-key",
    makes="an operation on another account's key needs that key's policy to name the caller's account",
    source="KMS developer guide, Allowing users in other accounts to use a KMS key, unverified",
)
def other_accounts_key() -> None:
    """The emulator looks every key up in the caller's own account, so another account's key is never found.

    Source: KMS developer guide, key-policy-modifying-external-accounts, unverified.
    """
    from moto.core.exceptions import JsonRESTError
    from moto.kms.models import kms_backends
    from moto.kms.responses import KmsResponse

    def kms_backend(self: Any) -> Any:
        own = kms_backends[self.current_account][self.region]
        key_id = self.querystring.get("KeyId") or self._named_key()
        owner = owner_of(key_id, self.current_account)
        if owner == self.current_account:
            return own
        action, caller = f"kms:{self._get_action()}", CALLER.get()
        theirs = kms_backends[owner][self.region]
        key = theirs.keys.get(key_id.rsplit("/", 1)[-1])
        if key is None or not may_use(key, caller, action):
            text = f"User: {caller.arn()} is not authorized to perform: {action} on resource: {key_id}"
            raise JsonRESTError("AccessDeniedException", text)
        return theirs

    def named_key(self: Any) -> str:
        import json

        try:
            return str(json.loads(self.body or "{}").get("KeyId") or "")
        except (ValueError, AttributeError):
            return ""

    add(KmsResponse, "_named_key")(named_key)
    add(KmsResponse, "kms_backend")(property(kms_backend))


@strict(
    "kms.default-keys",
    makes="keys behind alias/aws/... have KeyManager AWS, and an unused alias names no key",
    source="kms.DescribeKey and kms.ListAliases, botocore 1.44.5",
)
def default_keys() -> None:
    """The emulator's default keys say CUSTOMER, and its unused aliases name keys that do not exist.

    Source: kms.ListAliases, botocore 1.44.5: predefined aliases without a key have no TargetKeyId.
    """
    import json

    from moto.kms.models import KmsBackend
    from moto.kms.responses import KmsResponse

    @override(KmsBackend, "_generate_default_keys")
    def generate_default_keys(old: Any, self: Any, alias_name: str) -> Any:
        key_id = old(self, alias_name)
        if key_id:
            key = self.keys[key_id]
            key.key_manager = "AWS"
            key.description = f"Default key that protects my {alias_name.rsplit('/', 1)[-1]} data when none is given"
        return key_id

    @override(KmsResponse, "list_aliases")
    def list_aliases(old: Any, self: Any) -> str:
        answer = json.loads(old(self))
        keys = self.kms_backend.keys
        for alias in answer["Aliases"]:
            if alias.get("TargetKeyId") not in keys:
                alias.pop("TargetKeyId", None)
        return json.dumps(answer)


@strict(
    "kms.grants-by-name",
    makes="a grant that is given again under its name is the first one, and a key that is off takes none",
    source="kms.CreateGrant Name and DisabledException, botocore 1.44.5",
)
def grants_by_name() -> None:
    """The emulator gives a second grant. Source: kms.CreateGrant, botocore 1.44.5: the original GrantId is returned
    where all parameters are the same; DisabledException."""
    from moto.kms.models import KmsBackend

    @override(KmsBackend, "create_grant")
    def create_grant(
        old: Any, self: Any, key_id: str, grantee_principal: str, operations: Any, name: Any, constraints: Any,
        retiring_principal: Any,
    ) -> Any:  # fmt: skip
        key = self.describe_key(key_id)
        if not key.enabled:
            raise Refusal("DisabledException", f"{key.arn} is disabled.")
        asked = (name, grantee_principal, operations, constraints, retiring_principal)
        for grant in key.grants.values() if name else ():
            known = (
                grant.name, grant.grantee_principal, grant.operations, grant.constraints, grant.retiring_principal
            )  # fmt: skip
            if known == asked:
                return grant.id, grant.token
        return old(self, key_id, grantee_principal, operations, name, constraints, retiring_principal)
