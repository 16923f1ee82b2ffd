"""Rules over Organizations: accounts take time, limits hold, and nothing that is in use is deleted.

The one rule it keeps: an account that is being made is not there yet, and one address makes one account.
"""

from __future__ import annotations

import json
import time
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal

CREATION_S = 3.0
"""How long an account takes here; AWS takes minutes."""
AT_A_TIME = 5
MOST_BYTES = 5120
MOST_ON_A_TARGET = 5


def _constraint(reason: str, text: str) -> Refusal:
    return Refusal("ConstraintViolationException", f"{reason}: {text}")


def _is_under_way(account: Any) -> bool:
    return time.monotonic() < getattr(account, "world_ready_at", 0.0)


@strict(
    "organizations.accounts-take-time",
    makes="an account is IN_PROGRESS before it is listed, at most five at a time, and one e-mail address is taken once",
    source="organizations.CreateAccount, CreateAccountStatus FailureReason and ConstraintViolationException "
    "(ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED), botocore 1.44.5; five: Organizations User Guide, Quotas",
)
def accounts_take_time() -> None:
    """The emulator makes an account at once, and two of one address.

    Source: organizations.CreateAccount, botocore 1.44.5: the request only begins the creation.
    """
    from moto.organizations.models import FakeAccount, OrganizationsBackend
    from moto.organizations.utils import make_random_create_account_status_id

    @override(OrganizationsBackend, "create_account")
    def create_account(old: Any, self: Any, **named: Any) -> Any:
        if sum(map(_is_under_way, self.accounts)) >= AT_A_TIME:
            raise _constraint("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", "too many accounts are in progress")
        failed = self.__dict__.setdefault("world_failed", {})
        taken = any(one.email.lower() == named["Email"].lower() for one in self.accounts)
        if taken:
            number = make_random_create_account_status_id()
            failed[number] = {
                "Id": number, "AccountName": named["AccountName"], "State": "FAILED",
                "FailureReason": "EMAIL_ALREADY_EXISTS",
            }  # fmt: skip
            return {"CreateAccountStatus": failed[number]}
        answer = old(self, **named)
        self.accounts[-1].world_ready_at = time.monotonic() + CREATION_S
        return _status(self.accounts[-1], answer)

    def _status(account: Any, answer: Any) -> Any:
        if not _is_under_way(account):
            return answer
        status = answer["CreateAccountStatus"]
        shown = {name: value for name, value in status.items() if name not in ("AccountId", "CompletedTimestamp")}
        return {"CreateAccountStatus": shown | {"State": "IN_PROGRESS"}}

    @override(OrganizationsBackend, "describe_create_account_status")
    def describe_create_account_status(old: Any, self: Any, **named: Any) -> Any:
        number = named["CreateAccountRequestId"]
        failed = getattr(self, "world_failed", {})
        if number in failed:
            return {"CreateAccountStatus": failed[number]}
        account = next((one for one in self.accounts if one.create_account_status_id == number), None)
        answer = old(self, **named)
        return answer if account is None else _status(account, answer)

    def shown(self: Any) -> Any:
        status = {"Id": self.create_account_status_id, "AccountName": self.name, "State": "SUCCEEDED",
                  "AccountId": self.id}  # fmt: skip
        if _is_under_way(self):
            status = {"Id": status["Id"], "AccountName": self.name, "State": "IN_PROGRESS"}
        return {"CreateAccountStatus": status}

    setattr(FakeAccount, "create_account_status", property(shown))  # noqa: B010  # mypy takes it for a method

    @override(OrganizationsBackend, "list_accounts")
    def list_accounts(old: Any, self: Any, **named: Any) -> Any:
        found, token = old(self, **named)
        hidden = {one.id for one in self.accounts if _is_under_way(one)}
        return [one for one in found if one["Id"] not in hidden], token

    @override(OrganizationsBackend, "move_account")
    def move_account(old: Any, self: Any, **named: Any) -> Any:
        account = self.get_account_by_id(named["AccountId"])
        if account.parent_id == named["DestinationParentId"]:
            raise Refusal("DuplicateAccountException", "That account is already present in the specified destination.")
        if account.parent_id != named["SourceParentId"]:
            raise Refusal("SourceParentNotFoundException", "We can't find the source root or OU of that account.")
        return old(self, **named)


@strict(
    "organizations.units-in-use",
    makes="a unit's name is taken once under its parent, and a unit that is not empty is not deleted",
    source="organizations.CreateOrganizationalUnit (DuplicateOrganizationalUnitException), "
    "organizations.DeleteOrganizationalUnit (OrganizationalUnitNotEmptyException), botocore 1.44.5",
)
def units_in_use() -> None:
    """The emulator takes two units of one name, and deletes one with accounts in it."""
    from moto.organizations.models import OrganizationsBackend

    @override(OrganizationsBackend, "create_organizational_unit")
    def create(old: Any, self: Any, **named: Any) -> Any:
        if any(one.name == named["Name"] and one.parent_id == named["ParentId"] for one in self.ou):
            raise Refusal("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
        return old(self, **named)

    @override(OrganizationsBackend, "delete_organizational_unit")
    def delete(old: Any, self: Any, **named: Any) -> Any:
        unit = named["OrganizationalUnitId"]
        if any(one.parent_id == unit for one in (*self.ou, *self.accounts)):
            raise Refusal("OrganizationalUnitNotEmptyException", "The specified OU is not empty.")
        for policy in list(self.get_organizational_unit_by_id(unit).attached_policies):
            policy.attachments = [one for one in policy.attachments if one.id != unit]
        return old(self, **named)


@strict(
    "organizations.policy-limits",
    makes="an SCP has at most 5,120 bytes and a target at most five; the last one is not detached; no type, no policy",
    source="organizations.AttachPolicy, DetachPolicy and ConstraintViolationException, botocore 1.44.5; numbers: "
    "Organizations User Guide, Quotas for AWS Organizations",
)
def policy_limits() -> None:
    """The emulator takes any size and number, attaches twice silently, and detaches the last."""
    from moto.organizations.models import OrganizationsBackend

    def kept(self: Any, target: str, sort: str) -> list[Any]:
        found = next((one for one in (*self.ou, *self.accounts) if one.id == target), None)
        return [one for one in found.attached_policies if one.type == sort] if found else []

    def is_enabled(self: Any, sort: str) -> bool:
        root = next(one for one in self.ou if one.type == "ROOT")
        return any(one["Type"] == sort for one in root.policy_types)

    def fits(content: str) -> None:
        size = len(json.dumps(json.loads(content), separators=(",", ":")).encode())
        if size > MOST_BYTES:
            raise _constraint("POLICY_CONTENT_LIMIT_EXCEEDED", f"the policy has {size} bytes")

    @override(OrganizationsBackend, "create_policy")
    def create_policy(old: Any, self: Any, **named: Any) -> Any:
        fits(named["Content"])
        return old(self, **named)

    @override(OrganizationsBackend, "update_policy")
    def update_policy(old: Any, self: Any, **named: Any) -> Any:
        fits(named.get("Content") or "{}")
        return old(self, **named)

    @override(OrganizationsBackend, "attach_policy")
    def attach_policy(old: Any, self: Any, **named: Any) -> Any:
        policy = self.get_policy_by_id(named["PolicyId"])
        if not policy.aws_managed:
            there = kept(self, named["TargetId"], policy.type)
            if policy in there:
                raise Refusal("DuplicatePolicyAttachmentException", "The selected policy is already attached.")
            if not is_enabled(self, policy.type):
                raise Refusal("PolicyTypeNotEnabledException", "The specified policy type isn't currently enabled.")
            if len(there) >= MOST_ON_A_TARGET:
                raise _constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "too many policies on this target")
        return old(self, **named)

    @override(OrganizationsBackend, "detach_policy")
    def detach_policy(old: Any, self: Any, **named: Any) -> Any:
        policy = self.get_policy_by_id(named["PolicyId"])
        there = kept(self, named["TargetId"], policy.type)
        if policy not in there:
            raise Refusal("PolicyNotAttachedException", "The policy isn't attached to the specified target.")
        if len(there) == 1:
            raise _constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "the last policy of a target stays")
        return old(self, **named)
