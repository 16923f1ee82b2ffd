"""Rules over IAM users: what a user holds has to go before the user does, and what the emulator lacks of it.

The one rule it keeps: nothing that opens a door is deleted by the way.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import add, override, strict


@strict(
    "iam.users-in-use",
    makes="a user that has an access key, a password, a policy, a group, an MFA device, a signing certificate, an SSH "
    "key or a credential of a single service is not deleted",
    source="iam.DeleteUser, botocore 1.44.5: 'you must delete the items attached to the user manually, or the deletion "
    "fails'",
)
def users_in_use() -> None:
    """The emulator deletes a user with all its doors. A stack deletes what its template made of a user, and nothing
    else (that it stops at a policy from elsewhere is unverified)."""
    from moto.iam.exceptions import DeleteConflictException
    from moto.iam.models import IAMBackend

    @override(IAMBackend, "delete_user")
    def delete_user(old: Any, self: Any, user_name: str) -> Any:
        user = self.get_user(user_name)
        held = {
            "access keys": user.access_keys,
            "login profile": user.password,
            "policies": [*user.policies, *user.managed_policies],
            "groups": self.get_groups_for_user(user_name),
            "MFA devices": user.mfa_devices,
            "signing certificates": user.signing_certificates,
            "SSH public keys": user.ssh_public_keys,
            "service specific credentials": _credentials(user),
        }
        for what, there in held.items():
            if there:
                raise DeleteConflictException(f"Cannot delete entity, must delete {what} first.")
        return old(self, user_name)


@strict(
    "iam.service-specific-credentials",
    makes="credentials of single services are made, listed and deleted (their passwords open nothing here)",
    source="iam.CreateServiceSpecificCredential, ListServiceSpecificCredentials, botocore 1.44.5",
)
def service_specific_credentials() -> None:
    """The emulator has none of these operations."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.iam.exceptions import NotFoundException
    from moto.iam.responses import IamResponse

    def create(self: Any) -> Any:
        name, service = self._get_param("UserName"), self._get_param("ServiceName")
        made = {
            "UserName": name, "ServiceName": service, "ServiceUserName": f"{name}-at-{self.current_account}",
            "ServiceSpecificCredentialId": f"ACCA{uuid.uuid4().hex[:16].upper()}", "Status": "Active",
            "CreateDate": datetime.fromtimestamp(clock.now_s(), UTC),
        }  # fmt: skip
        _credentials(self.backend.get_user(name)).append(made)
        return ActionResult({"ServiceSpecificCredential": made | {"ServicePassword": uuid.uuid4().hex}})

    def listed(self: Any) -> Any:
        return ActionResult({"ServiceSpecificCredentials": _credentials(self.backend.get_user(_user(self)))})

    def delete(self: Any) -> Any:
        there, wanted = _credentials(self.backend.get_user(_user(self))), self._get_param("ServiceSpecificCredentialId")
        found = next((one for one in there if one["ServiceSpecificCredentialId"] == wanted), None)
        if found is None:
            raise NotFoundException(f"The credential with id {wanted} cannot be found.")
        there.remove(found)
        return EmptyResult()

    add(IamResponse, "create_service_specific_credential")(create)
    add(IamResponse, "list_service_specific_credentials")(listed)
    add(IamResponse, "delete_service_specific_credential")(delete)


@strict(
    "iam.boundaries-of-users",
    makes="a user's permissions boundary is put, shown and deleted (it limits nobody: identity policies are not "
    "evaluated here)",
    source="iam.PutUserPermissionsBoundary, DeleteUserPermissionsBoundary, User PermissionsBoundary, botocore 1.44.5",
)
def boundaries_of_users() -> None:
    """The emulator knows boundaries of roles only."""
    from moto.core.responses import EmptyResult
    from moto.iam.exceptions import NotFoundException
    from moto.iam.models import User
    from moto.iam.responses import IamResponse

    def put(self: Any) -> Any:
        arn = self._get_param("PermissionsBoundary")
        self.backend.get_user(_user(self)).permissions_boundary = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": arn,
        }
        return EmptyResult()

    def delete(self: Any) -> Any:
        user = self.backend.get_user(_user(self))
        if user.permissions_boundary is None:
            raise NotFoundException("The user has no permissions boundary.")
        user.permissions_boundary = None
        return EmptyResult()

    setattr(User, "permissions_boundary", None)  # noqa: B010 - the emulator's class does not declare it
    add(IamResponse, "put_user_permissions_boundary")(put)
    add(IamResponse, "delete_user_permissions_boundary")(delete)


@strict(
    "iam.credential-report-of-today",
    makes="the credential report is as old as the world's clock says, and no older",
    source="iam.GetCredentialReport GeneratedTime, botocore 1.44.5",
)
def credential_report_of_today() -> None:
    """The emulator's reports are all of February 2015."""
    from moto.iam.responses import IamResponse

    @override(IamResponse, "get_credential_report")
    def get_report(old: Any, self: Any) -> Any:
        answer = old(self)
        answer.result["GeneratedTime"] = datetime.fromtimestamp(clock.now_s(), UTC)
        return answer


def _user(response: Any) -> str:
    return str(response._get_param("UserName"))


def _credentials(user: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user.__dict__.setdefault("world_service_credentials", [])
    return found
