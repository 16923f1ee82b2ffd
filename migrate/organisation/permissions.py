"""What `migrate org` may send, by kind: from it come the policies of its two roles. The rule: a test holds it against
every request that the kinds can make.

Which reads a kind has stands beside the kind.
"""

from collections.abc import Iterator, Mapping

from migrate.organisation import activity, management_account
from migrate.organisation.kinds import budgets, data_export, data_trail, wanted_kinds

_ORGANIZATIONS = {
    "organizations.account": ("CloseAccount", "CreateAccount", "MoveAccount", "TagResource"),
    "organizations.delegated_administrator": ("DeregisterDelegatedAdministrator", "RegisterDelegatedAdministrator"),
    "organizations.invitation": (
        "CancelHandshake", "InviteAccountToOrganization", "MoveAccount", "RemoveAccountFromOrganization", "TagResource",
    ),
    "organizations.organization": ("CreateOrganization", "DeleteOrganization"),
    "organizations.organizational_unit": ("CreateOrganizationalUnit", "DeleteOrganizationalUnit", "TagResource"),
    "organizations.policy": ("CreatePolicy", "DeletePolicy", "TagResource", "UpdatePolicy"),
    "organizations.policy_attachment": ("AttachPolicy", "DetachPolicy"),
    "organizations.policy_trial": ("AttachPolicy", "DetachPolicy"),
    "organizations.policy_type": ("DisablePolicyType", "EnablePolicyType"),
    "organizations.service_access": ("DisableAWSServiceAccess", "EnableAWSServiceAccess"),
}  # fmt: skip
WRITES: Mapping[str, frozenset[str]] = {
    **{kind: frozenset(f"organizations.{name}" for name in names) for kind, names in _ORGANIZATIONS.items()},
    "account.alternate_contact": frozenset({"account.DeleteAlternateContact", "account.PutAlternateContact"}),
    # That an export of this table needs cur:PutReportDefinition too is unverified.
    "bcm-data-exports.export": frozenset(
        {"bcm-data-exports.CreateExport", "bcm-data-exports.DeleteExport", "bcm-data-exports.TagResource",
         "cur.PutReportDefinition", "s3.CreateBucket", "s3.DeleteBucket", "s3.PutBucketPolicy",
         "s3.PutPublicAccessBlock"}
    ),
    "budgets.action": frozenset({"budgets.CreateBudgetAction", "budgets.DeleteBudgetAction", "iam.PassRole"}),
    "budgets.budget": frozenset({"budgets.CreateBudget", "budgets.DeleteBudget"}),
    "ce.cost_allocation_tag": frozenset({"ce.UpdateCostAllocationTagsStatus"}),
    "ce.cost_category": frozenset(
        {"ce.CreateCostCategoryDefinition", "ce.DeleteCostCategoryDefinition", "ce.TagResource",
         "ce.UpdateCostCategoryDefinition"}
    ),
    "cloudtrail.data_trail": frozenset(
        {"cloudtrail.CreateTrail", "cloudtrail.DeleteTrail", "cloudtrail.PutEventSelectors", "cloudtrail.StartLogging",
         "iam.CreateServiceLinkedRole", "s3.CreateBucket", "s3.DeleteBucket", "s3.PutBucketPolicy"}
    ),
    "ecr.creation_template": frozenset(
        # A role that makes templates needs what they do. Source: Amazon ECR User Guide, "Creating a repository creation
        # template", read 2026-11.
        {"ecr.CreateRepository", "ecr.CreateRepositoryCreationTemplate", "ecr.DeleteRepositoryCreationTemplate",
         "ecr.PutLifecyclePolicy"}
    ),
    "ecr.registry_policy": frozenset({"ecr.DeleteRegistryPolicy", "ecr.PutRegistryPolicy"}),
    "ecr.replication": frozenset(
        {"ecr.PutReplicationConfiguration", "ecr.StartReplicationBackfill", "iam.CreateServiceLinkedRole"}
    ),
    "iam.budget_role": frozenset(
        {"iam.CreateRole", "iam.DeleteRole", "iam.DeleteRolePolicy", "iam.PutRolePolicy", "iam.TagRole"}
    ),
    "iam.member_oidc_provider": frozenset(
        {"iam.AddClientIDToOpenIDConnectProvider", "iam.CreateOpenIDConnectProvider",
         "iam.DeleteOpenIDConnectProvider", "iam.RemoveClientIDFromOpenIDConnectProvider",
         "iam.TagOpenIDConnectProvider"}
    ),
    "iam.member_policy": frozenset(
        {"iam.CreatePolicy", "iam.CreatePolicyVersion", "iam.DeletePolicy", "iam.DeletePolicyVersion",
         "iam.SetDefaultPolicyVersion", "iam.TagPolicy"}
    ),
    "iam.member_role": frozenset(
        {"iam.AttachRolePolicy", "iam.CreateRole", "iam.DeleteRole", "iam.DeleteRolePolicy", "iam.DetachRolePolicy",
         "iam.PutRolePolicy", "iam.TagRole", "iam.UpdateAssumeRolePolicy"}
    ),
    "iam.member_user": frozenset(
        {"iam.CreateUser", "iam.DeleteUser", "iam.DeleteUserPolicy", "iam.PutUserPolicy", "iam.TagUser"}
    ),
    "iam.root_access": frozenset(
        f"iam.{way}Organizations{feature}"
        for way in ("Disable", "Enable")
        for feature in ("RootCredentialsManagement", "RootSessions")
    ),
    "identitystore.group": frozenset({"identitystore.CreateGroup", "identitystore.DeleteGroup",
                                      "identitystore.UpdateGroup"}),
    "identitystore.group_membership": frozenset(
        {"identitystore.CreateGroupMembership", "identitystore.DeleteGroupMembership"}
    ),
    "identitystore.user": frozenset({"identitystore.CreateUser", "identitystore.DeleteUser",
                                     "identitystore.UpdateUser"}),
    "iam.member_root": frozenset(),
    "servicequotas.template": frozenset(
        {"service-quotas.AssociateServiceQuotaTemplate", "service-quotas.DisassociateServiceQuotaTemplate"}
    ),
    "servicequotas.template_request": frozenset(
        {"service-quotas.DeleteServiceQuotaIncreaseRequestFromTemplate",
         "service-quotas.PutServiceQuotaIncreaseRequestIntoTemplate"}
    ),
    "s3control.public_access_block": frozenset(
        {"s3control.DeletePublicAccessBlock", "s3control.PutPublicAccessBlock"}
    ),
    "sso.account_assignment": frozenset({"sso-admin.CreateAccountAssignment", "sso-admin.DeleteAccountAssignment"}),
    "sso.instance": frozenset(),
    "sso.permission_set": frozenset(
        {"sso-admin.AttachCustomerManagedPolicyReferenceToPermissionSet",
         "sso-admin.AttachManagedPolicyToPermissionSet", "sso-admin.CreatePermissionSet",
         "sso-admin.DeleteInlinePolicyFromPermissionSet", "sso-admin.DeletePermissionSet",
         "sso-admin.DetachCustomerManagedPolicyReferenceFromPermissionSet",
         "sso-admin.DetachManagedPolicyFromPermissionSet", "sso-admin.ProvisionPermissionSet",
         "sso-admin.PutInlinePolicyToPermissionSet", "sso-admin.TagResource", "sso-admin.UpdatePermissionSet"}
    ),
}  # fmt: skip


NARROW: Mapping[str, Mapping[str, frozenset[str]]] = {
    "org": {
        f"arn:aws:iam::*:role/{budgets.ROLE}": frozenset(
            {"iam.CreateRole", "iam.DeleteRole", "iam.DeleteRolePolicy", "iam.GetRole", "iam.GetRolePolicy",
             "iam.PassRole", "iam.PutRolePolicy", "iam.TagRole"}
        ),
        f"arn:aws:s3:::{data_export.bucket_of('*')}": WRITES["bcm-data-exports.export"] & {
            "s3.CreateBucket", "s3.DeleteBucket", "s3.PutBucketPolicy", "s3.PutPublicAccessBlock",
        },
    },
    "org-members": {
        f"arn:aws:s3:::{data_trail.TRAIL}-*": frozenset({"s3.CreateBucket", "s3.DeleteBucket", "s3.PutBucketPolicy"}),
    },
}  # fmt: skip
"""What is allowed on one thing only: whoever may write and pass any role is an administrator."""


def of_management() -> Iterator[str]:
    """Operations of the role in the management account."""
    # CreateOrganization makes a role of its own. Source: organizations.CreateOrganization, botocore 1.44.5.
    yield from ("iam.CreateServiceLinkedRole", "organizations.DescribeOrganization", "sts.AssumeRole")
    yield from (*activity.READS, *management_account.READS)
    for name, kind in wanted_kinds().items():
        if not getattr(kind, "per_account", False):
            yield from (*kind.reads, *WRITES[name])


def of_members() -> Iterator[str]:
    """Operations of `organisation.role` in each member account."""
    yield from activity.READS
    for name, kind in wanted_kinds().items():
        if getattr(kind, "per_account", False):
            yield from (*kind.reads, *WRITES[name])
