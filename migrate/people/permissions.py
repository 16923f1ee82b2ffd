"""What `migrate close` and `migrate remove` may send in the old account: from it come the policies of their roles.

The rule: whoever may close a user may not delete one. A test holds both against every request of their kinds.
"""

from collections.abc import Iterator

from migrate.kinds.iam_people import QuarantinedUser
from migrate.people.removed_user import RemovedUser

REPORT = frozenset({"iam.GenerateCredentialReport", "iam.GetCredentialReport"})
LAST_ACCESSED = frozenset({"iam.GenerateServiceLastAccessedDetails", "iam.GetServiceLastAccessedDetails"})
"""A report of IAM on its own records. The first starts a job and changes nothing: so it is no part of a scan, and is
sent by `migrate report unused` alone. Source: iam.GenerateServiceLastAccessedDetails, botocore 1.44.5."""
MADE = frozenset({"iam.ListGroups", "iam.ListRoles", "iam.ListUsers"})
"""When users, groups and roles were made."""
SEEN = frozenset(
    {"cloudformation.DescribeStacks", "cloudformation.ListStackResources", "cloudtrail.LookupEvents",
     "ec2.DescribeRegions"}
)  # fmt: skip
"""What a removal looks at besides the users: the stacks that made them, and what they were seen at."""
_WHO = "iam.ListAccountAliases"
CLOSES = frozenset(
    {"iam.AttachUserPolicy", "iam.DeleteUserPolicy", "iam.DetachUserPolicy", "iam.PutUserPolicy", "iam.UpdateAccessKey"}
)
REMOVES = frozenset(
    {
        "iam.DeactivateMFADevice", "iam.DeleteAccessKey", "iam.DeleteLoginProfile", "iam.DeleteSSHPublicKey",
        "iam.DeleteServiceSpecificCredential", "iam.DeleteSigningCertificate", "iam.DeleteUser", "iam.DeleteUserPolicy",
        "iam.DeleteUserPermissionsBoundary", "iam.DeleteVirtualMFADevice", "iam.DetachUserPolicy",
        "iam.RemoveUserFromGroup",
    }
)  # fmt: skip
PUTS_BACK = frozenset(
    {"iam.AddUserToGroup", "iam.AttachUserPolicy", "iam.CreateUser", "iam.PutUserPermissionsBoundary",
     "iam.PutUserPolicy", "iam.TagUser"}
)  # fmt: skip
"""What a rollback of a removal sends; tags of a new user are a right of their own."""


def of_closing() -> Iterator[str]:
    """Operations of `migrate close`."""
    yield from (_WHO, *QuarantinedUser.reads, *CLOSES)


def of_removing() -> Iterator[str]:
    """Operations of `migrate remove`."""
    yield from (_WHO, *RemovedUser.reads, *REPORT, *SEEN, *REMOVES, *PUTS_BACK)


def of_unused() -> Iterator[str]:
    """Operations of `migrate report unused`."""
    yield from (_WHO, *LAST_ACCESSED, *MADE)
