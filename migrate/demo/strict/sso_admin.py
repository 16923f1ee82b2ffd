"""Rules over IAM Identity Center: an assignment makes a role in the account; a policy that is missing there stops it.

The one rule it keeps: a role says what its permission set said when it was provisioned last, and nothing newer.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import add, override, strict
from migrate.demo.strict._refusal import Refusal

INLINE = "AwsSSOInlinePolicy"
"""Name of the inline policy of such a role; unverified."""


def path_of(region: str) -> str:
    """The path of the roles; with Identity Center in us-east-1 it holds no region (unverified)."""
    return "/aws-reserved/sso.amazonaws.com/" + ("" if region == "us-east-1" else f"{region}/")


def role_in(account: str, permission_set: str) -> Any:
    """The role that stands for a permission set in an account, or None."""
    from moto.iam.models import iam_backends

    start = f"AWSReservedSSO_{permission_set}_"
    kept = list(iam_backends[account]["aws"].roles.values())
    return next((one for one in kept if one.name.startswith(start) and len(one.name) == len(start) + 16), None)


def _trust(account: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:saml-provider/AWSSSO_{account}aaaa_DO_NOT_DELETE"},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _missing(account: str, wanted: Any) -> str:
    from moto.iam.models import iam_backends

    there = iam_backends[account]["aws"].managed_policies
    arns = [_arn(account, one) for one in wanted.customer_managed_policies]
    return next((arn for arn in arns if arn not in there), "")


def _arn(account: str, reference: Any) -> str:
    return f"arn:aws:iam::{account}:policy{reference.path or '/'}{reference.name}"


def _provision(account: str, region: str, wanted: Any) -> None:
    """Make the role of an account say what the permission set says now."""
    from moto.iam.models import iam_backends

    iam = iam_backends[account]["aws"]
    role = role_in(account, wanted.name)
    if role is None:
        role = iam.create_role(
            role_name=f"AWSReservedSSO_{wanted.name}_{secrets.token_hex(8)}", path=path_of(region), tags=[],
            assume_role_policy_document=_trust(account), permissions_boundary=None,
            description=wanted.description or "", max_session_duration="43200",
        )  # fmt: skip
    arns = [one.arn for one in wanted.managed_policies]
    arns += [_arn(account, one) for one in wanted.customer_managed_policies]
    for arn in [arn for arn in role.managed_policies if arn not in arns]:
        iam.detach_role_policy(arn, role.name)
    for arn in [arn for arn in arns if arn not in role.managed_policies]:
        iam.attach_role_policy(arn, role.name)
    if wanted.inline_policy:
        iam.put_role_policy(role.name, INLINE, wanted.inline_policy)
    elif INLINE in role.policies:
        iam.delete_role_policy(role.name, INLINE)


def _withdraw(account: str, name: str) -> None:
    from moto.iam.models import iam_backends

    iam, role = iam_backends[account]["aws"], role_in(account, name)
    if role is not None:
        for arn in list(role.managed_policies):
            iam.detach_role_policy(arn, role.name)
        for policy in list(role.policies):
            iam.delete_role_policy(role.name, policy)
        iam.delete_role(role.name)


@strict(
    "sso-admin.roles-of-permission-sets",
    makes="an assignment makes the role AWSReservedSSO_<permission set>_<16 digits> in the account, with the set's "
    "policies; it fails where a customer managed policy is not there; the last one that goes takes the role along",
    source="IAM Identity Center User Guide, 'Referencing permission sets in resource policies, Amazon EKS, and AWS "
    "KMS' and 'Use IAM policies in permission sets', read 2026-11; sso-admin.CreateAccountAssignment, botocore 1.44.5",
)
def roles_of_permission_sets() -> None:
    """The emulator keeps assignments and makes nothing in the accounts. How a failure is worded is unverified."""
    from moto.core.exceptions import ServiceException
    from moto.ssoadmin.models import SSOAdminBackend
    from moto.ssoadmin.responses import SSOAdminResponse

    @override(SSOAdminBackend, "create_account_assignment")
    def create(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        wanted = self._find_permission_set(named["instance_arn"], named["permission_set_arn"])
        answer = old(self, *words, **named)
        account = named["target_id"]
        reason = _missing(account, wanted)
        try:
            if not reason:
                _provision(account, self.region_name, wanted)
        except ServiceException as error:
            reason = str(error)
        if reason:
            self.account_assignments = [
                one for one in self.account_assignments if one.request_id != answer["RequestId"]
            ]
            said = f"Received a 404 status error: Policy {reason} does not exist or is not attachable."
            self.__dict__.setdefault("world_failed", {})[answer["RequestId"]] = answer | {"FailureReason": said}
        return answer

    @override(SSOAdminResponse, "describe_account_assignment_creation_status")
    def describe(old: Any, self: Any) -> str:
        failed = getattr(self.ssoadmin_backend, "world_failed", {})
        request = self._get_param("AccountAssignmentCreationRequestId")
        if request in failed:
            return json.dumps({"AccountAssignmentCreationStatus": failed[request] | {"Status": "FAILED"}})
        return str(old(self))

    @override(SSOAdminBackend, "delete_account_assignment")
    def delete(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        answer = old(self, *words, **named)
        gone = (named["permission_set_arn"], named["target_id"])
        if not any((one.permission_set_arn, one.target_id) == gone for one in self.account_assignments):
            wanted = self._find_permission_set(named["instance_arn"], named["permission_set_arn"])
            _withdraw(named["target_id"], wanted.name)
        return answer

    @override(SSOAdminBackend, "delete_permission_set")
    def delete_set(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        arn = named["permission_set_arn"] if "permission_set_arn" in named else words[1]
        if any(one.permission_set_arn == arn for one in self.account_assignments):
            raise Refusal("ConflictException", "The permission set is assigned to an account.")
        return old(self, *words, **named)


@strict(
    "sso-admin.changes-are-provisioned",
    makes="what is changed in a permission set reaches its roles by ProvisionPermissionSet and not before; it is "
    "IN_PROGRESS for as long as the world's clock says, and FAILED with a reason where a policy is missing",
    source="sso-admin.CreateAccountAssignment, ProvisionPermissionSet, botocore 1.44.5: 'will not be updated "
    "automatically'; DescribePermissionSetProvisioningStatus, botocore 1.44.5",
)
def changes_are_provisioned() -> None:
    """The emulator provisions to nobody, at once, and cannot be asked how it went. How a failure is worded is
    unverified."""
    from moto.ssoadmin.models import SSOAdminBackend
    from moto.ssoadmin.responses import SSOAdminResponse

    provisioning_status()

    @override(SSOAdminResponse, "provision_permission_set")
    def provision(old: Any, self: Any) -> str:
        answer = json.loads(old(self))
        backend: SSOAdminBackend = self.ssoadmin_backend
        kept = _provisionings(backend)[answer[PROVISIONING]["RequestId"]]
        arn = kept["PermissionSetArn"]
        wanted = backend._find_permission_set(self._get_param("InstanceArn"), arn)
        accounts = sorted({o.target_id for o in backend.account_assignments if o.permission_set_arn == arn})
        if missing := next(filter(None, (_missing(account, wanted) for account in accounts)), ""):
            kept |= {"Status": "FAILED", "FailureReason": f"Policy {missing} does not exist or is not attachable."}
        else:
            for account in accounts:
                _provision(account, backend.region_name, wanted)
        kept["ready_at_s"] = clock.now_s() + clock.takes_s("sso-admin:provisioning")
        return json.dumps({PROVISIONING: _shown(kept)})


PROVISIONING = "PermissionSetProvisioningStatus"


def provisioning_status() -> None:
    """Let the emulator be asked how a provisioning went."""
    from moto.ssoadmin.responses import SSOAdminResponse

    @override(SSOAdminResponse, "provision_permission_set")
    def provision(old: Any, self: Any) -> str:
        answer = json.loads(old(self))
        _provisionings(self.ssoadmin_backend)[answer[PROVISIONING]["RequestId"]] = answer[PROVISIONING]
        return json.dumps(answer)

    def describe(self: Any) -> str:
        kept = _provisionings(self.ssoadmin_backend).get(self._get_param("ProvisionPermissionSetRequestId"))
        if kept is None:
            raise Refusal("ResourceNotFoundException", "There is no such request.")
        return json.dumps({PROVISIONING: _shown(kept)})

    add(SSOAdminResponse, "describe_permission_set_provisioning_status")(describe)


def _provisionings(backend: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = backend.__dict__.setdefault("world_provisionings", {})
    return found


def _shown(kept: dict[str, Any]) -> dict[str, Any]:
    """As AWS shows it meanwhile. In this world the roles say it from the beginning."""
    shown = {name: value for name, value in kept.items() if name != "ready_at_s"}
    if clock.now_s() < kept.get("ready_at_s", 0.0):
        shown = {name: value for name, value in shown.items() if name != "FailureReason"} | {"Status": "IN_PROGRESS"}
    return shown
