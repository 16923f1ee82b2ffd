"""Rules over Organizations' invitations, which the emulator lacks.

The one rule it keeps: an account joins only when it accepts, in its own name.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal

NAMES = (
    "invite_account_to_organization", "list_handshakes_for_organization", "describe_handshake", "cancel_handshake",
    "accept_handshake",
)  # fmt: skip


@strict(
    "organizations.invitations",
    makes="simulated: an account can be invited, joins the organisation when it accepts, and may be uninvited",
    source="organizations.InviteAccountToOrganization, AcceptHandshake, CancelHandshake, HandshakeState, "
    "botocore 1.44.5",
)
def invitations() -> None:
    """The emulator has no handshakes. Simulated: nothing expires, and no e-mail is sent."""
    from moto.organizations.models import FakeAccount, OrganizationsBackend, organizations_backends
    from moto.organizations.responses import OrganizationsResponse
    from moto.organizations.utils import DEFAULT_SCP_POLICY_ID

    def kept(backend: Any) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = backend.__dict__.setdefault("world_handshakes", {})
        return found

    def anywhere(number: str) -> tuple[Any, dict[str, Any]]:
        for partitions in list(organizations_backends.values()):
            for backend in partitions.values():
                if number in kept(backend):
                    return backend, kept(backend)[number]
        raise Refusal("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")

    def invite(self: Any) -> str:
        backend, target = self.organizations_backend, self.request_params["Target"]["Id"]
        if any(one.id == target for one in backend.accounts):
            raise Refusal("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION")
        if any(one["State"] == "OPEN" and target in str(one["Parties"]) for one in kept(backend).values()):
            raise Refusal("DuplicateHandshakeException", "A handshake with the same action and target already exists.")
        number = f"h-{uuid.uuid4().hex[:16]}"
        parties = [{"Id": backend.org.id, "Type": "ORGANIZATION"}, {"Id": target, "Type": "ACCOUNT"}]
        kept(backend)[number] = {"Id": number, "State": "OPEN", "Action": "INVITE", "Parties": parties}
        return json.dumps({"Handshake": kept(backend)[number]})

    def listed(self: Any) -> str:
        return json.dumps({"Handshakes": list(kept(self.organizations_backend).values())})

    def describe(self: Any) -> str:
        return json.dumps({"Handshake": anywhere(self.request_params["HandshakeId"])[1]})

    def cancel(self: Any) -> str:
        _, one = anywhere(self.request_params["HandshakeId"])
        if one["State"] != "OPEN":
            raise Refusal("InvalidHandshakeTransitionException", "You can't perform the operation in this state.")
        one["State"] = "CANCELED"
        return json.dumps({"Handshake": one})

    def accept(self: Any) -> str:
        backend, one = anywhere(self.request_params["HandshakeId"])
        account = next(party["Id"] for party in one["Parties"] if party["Type"] == "ACCOUNT")
        if account != self.current_account or one["State"] != "OPEN":
            raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
        one["State"] = "ACCEPTED"
        joined = FakeAccount(backend.org, AccountName=account, Email=f"root@{account}.example")
        joined.id, joined.joined_method = account, "INVITED"
        backend.accounts.append(joined)
        OrganizationsBackend.attach_policy(backend, PolicyId=DEFAULT_SCP_POLICY_ID, TargetId=account)
        organizations_backends.master_accounts[account] = (backend.account_id, backend.partition)
        return json.dumps({"Handshake": one})

    for name, does in zip(NAMES, (invite, listed, describe, cancel, accept), strict=True):
        add(OrganizationsResponse, name)(does)
