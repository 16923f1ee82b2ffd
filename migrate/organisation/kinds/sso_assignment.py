"""sso.account_assignment: who may do what in which account. The rule: a group gets it, never a person alone."""

from collections.abc import Iterator

from pydantic import Field

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request, Wait, after
from migrate.organisation.kinds import _center, _tree
from migrate.organisation.wanted import NEVER_COMPARED, End, Make, WantedKind, Withdrawable, unless_gone
from migrate.values import Json


class Assignment(Withdrawable):
    """Source: sso-admin.ListAccountAssignmentsForPrincipal."""

    instance: str = _center.INSTANCE
    permission_set: str
    account: str
    group: str
    needs: list[str] = Field(default_factory=list)
    """How wishes call the customer managed policies that must stand in the account: AWS fails the assignment else."""


class CreateAssignment(Make[Assignment]):
    """CreateAccountAssignment, waited for: it makes the role in the account."""

    title = "Give a group a permission set in an account"

    def requests(self, it: It[Assignment], place: Place) -> list[Request]:
        params = _assignment(it)
        asked = {"InstanceArn": it.facts.instance, "AccountAssignmentCreationRequestId": after("create", "request")}
        return [
            Request(
                "sso-admin.CreateAccountAssignment", params, once="named", creates=True, retry=_center.PASSES,
                outputs={"request": "AccountAssignmentCreationStatus.RequestId"},
                wait=Wait(
                    "sso-admin.DescribeAccountAssignmentCreationStatus", asked,
                    **_center.ending("AccountAssignmentCreationStatus"),
                ),
                undo=Request("sso-admin.DeleteAccountAssignment", params, done=_center.GONE, retry=_center.PASSES),
            )
        ]  # fmt: skip


def _assignment(it: It[Assignment]) -> dict[str, Json]:
    return {
        "InstanceArn": it.facts.instance, "PermissionSetArn": it.facts.permission_set, "TargetType": "AWS_ACCOUNT",
        "TargetId": it.facts.account, "PrincipalType": "GROUP", "PrincipalId": it.facts.group,
    }  # fmt: skip


class EndAssignment(End[Assignment]):
    """DeleteAccountAssignment, waited for, once the last day is over or `withdrawal` asks for it. A rollback gives
    nobody access again. Who is signed in keeps the session until it ends (IAM Identity Center User Guide, "Revoke
    active IAM role sessions", read 2026-11)."""

    title = "Take the permission set away from the group"

    def requests(self, it: It[Assignment], place: Place) -> list[Request]:
        asked = {"InstanceArn": it.facts.instance, "AccountAssignmentDeletionRequestId": after("end", "request")}
        return [
            Request(
                "sso-admin.DeleteAccountAssignment", _assignment(it), done=_center.GONE, retry=_center.PASSES,
                outputs={"request": "AccountAssignmentDeletionStatus.RequestId"},
                wait=Wait(
                    "sso-admin.DescribeAccountAssignmentDeletionStatus", asked, gone=_center.GONE,
                    **_center.ending("AccountAssignmentDeletionStatus"),
                ),
            )
        ]  # fmt: skip


def _name_of(site: ReadSite, instance: str, arn: str) -> str:
    at = {"InstanceArn": instance, "PermissionSetArn": arn}
    return str(site.call("sso-admin.DescribePermissionSet", **at)["PermissionSet"]["Name"])


class AssignmentKind(WantedKind[Assignment]):
    """A group's permission set in an account; the name is `<permission set>@<account>@<group>`."""

    name = "sso.account_assignment"
    title = "Account assignment"
    facts = Assignment
    reads = _center.READS | _tree.READS | {
        "sso-admin.DescribeAccountAssignmentCreationStatus",
        "sso-admin.DescribeAccountAssignmentDeletionStatus",
        "sso-admin.DescribePermissionSet",
        "sso-admin.ListAccountAssignmentsForPrincipal",
    }  # fmt: skip
    is_global = False
    stamped = False
    volatile = NEVER_COMPARED | {"needs"}
    adjustable = frozenset({"is_given"})
    actions = (CreateAssignment(), EndAssignment())
    ends = "end"

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every assignment of every group, or the one of that name. What users are given directly is not looked at."""
        there = _center.instance(site)
        if there is None:
            return
        emails = {str(one["Id"]): one["Email"].lower() for one in _tree.accounts(site)} | {site.account: "management"}
        names: dict[str, str] = {}
        groups = _center.groups(site, there[1]) if only is None else _center.groups_at_the_end(site, there[1], only)
        for group in groups:
            given = _tree.listed(
                site, "sso-admin.ListAccountAssignmentsForPrincipal", "AccountAssignments", InstanceArn=there[0],
                PrincipalId=group["GroupId"], PrincipalType="GROUP",
            )  # fmt: skip
            for one in given:
                arn = one["PermissionSetArn"]
                if arn not in names:
                    names[arn] = unless_gone(lambda: _name_of(site, there[0], arn), "")  # noqa: B023
                name = f"{names[arn]}@{emails.get(one['AccountId'], one['AccountId'])}@{group['DisplayName']}"
                if only in (None, name):
                    facts = Assignment(
                        id=name, stands=True, instance=there[0], permission_set=arn, account=one["AccountId"],
                        group=group["GroupId"],
                    )  # fmt: skip
                    yield self.found(site, name, facts, arn="")

    def needs(self, it: It[Assignment]) -> Iterator[Need]:
        """The permission set, the group and the account; the account lies where it belongs by then."""
        if not it.facts.is_given:
            return  # what it names stands
        yield Need(it.facts.permission_set, "attached to", "hard", "sso-admin.CreateAccountAssignment PermissionSetArn")
        yield Need(it.facts.group, "attached to", "hard", "sso-admin.CreateAccountAssignment PrincipalId")
        for policy in it.facts.needs:
            yield Need(policy, "grants", "hard", "sso-admin.CreateAccountAssignment PermissionSetArn")
        if it.facts.account.startswith("wanted:"):
            yield Need(it.facts.account, "attached to", "hard", "sso-admin.CreateAccountAssignment TargetId")


KINDS = (AssignmentKind(),)
