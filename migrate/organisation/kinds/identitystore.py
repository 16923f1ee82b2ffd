"""identitystore.user, .group and .group_membership: people. The rule: whom nobody names is never taken away.

Where an identity provider sends people over SCIM they are not made here: the run waits until they are there.
"""

from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request, after
from migrate.organisation.kinds import _center, _tree
from migrate.organisation.wanted import NEVER_COMPARED, End, Make, WantedKind, Withdrawable
from migrate.values import Json

SCIM = (
    "it comes from your identity provider. In IAM Identity Center, Settings, choose it as identity source and switch "
    "automatic provisioning on; put the SCIM endpoint and its token (good for one year) into the provider's "
    "application for AWS, assign this person or group to it there, and start its provisioning (every field and value: "
    "docs/organisation.md, Google Workspace and Active Directory)"
)
NO_GROUPS = (
    f"{SCIM}. Google Workspace sends people and no groups: with it, say organisation.identity_center.groups: made in "
    "migration.yaml, and plan again"
)
"""Source: IAM Identity Center User Guide, "Configure SAML and SCIM with Google Workspace and IAM Identity Center", as
other pages of 2025 and 2026 quote it."""
CONFLICT = ("ConflictException",)


class Group(Withdrawable):
    """Source: identitystore.ListGroups."""

    store: str = _center.STORE
    description: str = ""
    is_provisioned: bool = False


class CreateGroup(Make[Group]):
    """CreateGroup; or a look, where an identity provider makes it."""

    title = "Create group, or wait for it"
    asks = NO_GROUPS

    def requests(self, it: It[Group], place: Place) -> list[Request]:
        if it.facts.is_provisioned:
            return [_await("identitystore.ListGroups", it, "DisplayName", "Groups[0].GroupId")]
        params: dict[str, Json] = {"IdentityStoreId": it.facts.store, "DisplayName": it.ref.name}
        if it.facts.description:
            params["Description"] = it.facts.description
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "GroupId": after("create", "id")}
        return [
            Request(
                "identitystore.CreateGroup", params, once="named", creates=True, outputs={"id": "GroupId"},
                undo=Request("identitystore.DeleteGroup", gone, done=_center.GONE, retry=CONFLICT),
            )
        ]  # fmt: skip


class EndGroup(End[Group]):
    """DeleteGroup, once nobody is in it and it is assigned nowhere."""

    title = "Delete a group that this tool made: migration.yaml does not want it any more"
    after_kinds = ("identitystore.group_membership.end", "sso.account_assignment.end")

    def requests(self, it: It[Group], place: Place) -> list[Request]:
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "GroupId": it.facts.id}
        return [Request("identitystore.DeleteGroup", gone, done=_center.GONE, retry=CONFLICT)]


def _await(operation: str, it: It[Any], attribute: str, seen: str) -> Request:
    only = [{"AttributePath": attribute, "AttributeValue": it.ref.name}]
    return Request(operation, {"IdentityStoreId": it.facts.store, "Filters": only}, outputs={"id": seen})


class _Person(WantedKind[Any]):
    """What people and groups have in common."""

    reads = _center.READS
    is_global = False
    stamped = False

    def needs(self, it: It[Any]) -> Iterator[Need]:
        """The identity store."""
        if not it.facts.is_given:
            return  # it stands
        yield Need(it.facts.store, "in", "hard", "identitystore IdentityStoreId")


class GroupKind(_Person):
    """A group."""

    name = "identitystore.group"
    title = "Group"
    facts = Group
    volatile = NEVER_COMPARED | {"description", "is_provisioned"}
    adjustable = frozenset({"is_given"})
    actions = (CreateGroup(), EndGroup())
    ends = "end"

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every group, or the one of that name."""
        there = _center.instance(site)
        for one in list(_center.groups(site, there[1], only)) if there else ():
            facts = Group(id=one["GroupId"], stands=True, store=there[1], description=one.get("Description") or "")  # type: ignore[index]
            yield self.found(site, one["DisplayName"], facts, arn=one.get("GroupArn") or "")


class User(Withdrawable):
    """Source: identitystore.ListUsers. The name is the user name: the e-mail address."""

    store: str = _center.STORE
    display_name: str
    email: str
    is_provisioned: bool = False


class CreateUser(Make[User]):
    """CreateUser; or a look, where an identity provider makes them."""

    title = "Create user, or wait for them"
    asks = SCIM

    def requests(self, it: It[User], place: Place) -> list[Request]:
        if it.facts.is_provisioned:
            return [_await("identitystore.ListUsers", it, "UserName", "Users[0].UserId")]
        given, _, family = it.facts.display_name.rpartition(" ")
        params: dict[str, Json] = {
            "IdentityStoreId": it.facts.store,
            "UserName": it.ref.name,
            "DisplayName": it.facts.display_name,
            "Name": {"GivenName": given or family, "FamilyName": family},
            "Emails": [{"Value": it.facts.email, "Type": "work", "Primary": True}],
        }
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "UserId": after("create", "id")}
        return [
            Request(
                "identitystore.CreateUser", params, once="named", creates=True, outputs={"id": "UserId"},
                undo=Request("identitystore.DeleteUser", gone, done=_center.GONE, retry=CONFLICT),
            )
        ]  # fmt: skip


class EndUser(End[User]):
    """DeleteUser, once they are in no group. Who is signed in keeps the session."""

    title = "Delete a user that this tool made: migration.yaml does not want them any more"
    after_kinds = ("identitystore.group_membership.end",)

    def requests(self, it: It[User], place: Place) -> list[Request]:
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "UserId": it.facts.id}
        return [Request("identitystore.DeleteUser", gone, done=_center.GONE, retry=CONFLICT)]


class UserKind(_Person):
    """A person."""

    name = "identitystore.user"
    title = "User"
    facts = User
    # The user name is the address; how people are called is theirs, or their identity provider's, to change.
    volatile = NEVER_COMPARED | {"display_name", "email", "is_provisioned"}
    reads = _center.READS | {"sso-admin.ListAccountAssignmentsForPrincipal"}
    adjustable = frozenset({"is_given"})
    actions = (CreateUser(), EndUser())
    ends = "end"

    def has_others(self, site: ReadSite, found: Resource) -> bool:
        """Whether the user was given something directly, past all groups."""
        there = _center.instance(site)
        assigned = "sso-admin.ListAccountAssignmentsForPrincipal", "AccountAssignments"
        whose = {"PrincipalId": found.facts["id"], "PrincipalType": "USER"}
        return there is not None and bool(_tree.listed(site, *assigned, InstanceArn=there[0], **whose))

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every user, or the one of that name."""
        there = _center.instance(site)
        for one in list(_center.users(site, there[1], only)) if there else ():
            emails = [each["Value"] for each in one.get("Emails") or () if each.get("Value")]
            facts = User(
                id=one["UserId"], stands=True, store=there[1], display_name=one.get("DisplayName") or "", # type: ignore[index]
                email=emails[0].lower() if emails else "",
            )  # fmt: skip
            yield self.found(site, one["UserName"].lower(), facts, arn=one.get("UserArn") or "")


class Membership(Withdrawable):
    """Source: identitystore.ListGroupMemberships."""

    store: str = _center.STORE
    group: str
    user: str


class CreateMembership(Make[Membership]):
    """CreateGroupMembership."""

    title = "Put a person into a group"

    def requests(self, it: It[Membership], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "IdentityStoreId": it.facts.store, "GroupId": it.facts.group, "MemberId": {"UserId": it.facts.user},
        }  # fmt: skip
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "MembershipId": after("create", "id")}
        return [
            Request(
                "identitystore.CreateGroupMembership", params, once="named", creates=True,
                outputs={"id": "MembershipId"},
                undo=Request("identitystore.DeleteGroupMembership", gone, done=_center.GONE, retry=CONFLICT),
            )
        ]  # fmt: skip


class EndMembership(End[Membership]):
    """DeleteGroupMembership. Who is signed in keeps the session, as with an assignment that ends."""

    title = "Take a person out of a group: migration.yaml does not want it any more"

    def requests(self, it: It[Membership], place: Place) -> list[Request]:
        gone: dict[str, Json] = {"IdentityStoreId": it.facts.store, "MembershipId": it.facts.id}
        return [Request("identitystore.DeleteGroupMembership", gone, done=_center.GONE, retry=CONFLICT)]


class MembershipKind(_Person):
    """A person in a group; the name is `<group>/<user name>`."""

    name = "identitystore.group_membership"
    title = "Group membership"
    facts = Membership
    reads = _center.READS | {"identitystore.ListGroupMemberships"}
    volatile = NEVER_COMPARED
    adjustable = frozenset({"is_given"})
    actions = (CreateMembership(), EndMembership())
    ends = "end"

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Everyone in every group, or the one membership of that name."""
        there = _center.instance(site)
        if there is None:
            return
        for people, group in self._asked(site, there[1], only):
            members = _tree.listed(
                site, "identitystore.ListGroupMemberships", "GroupMemberships", IdentityStoreId=there[1],
                GroupId=group["GroupId"],
            )  # fmt: skip
            for one in members:
                user = one["MemberId"].get("UserId")
                if user in people:
                    facts = Membership(
                        id=one["MembershipId"], stands=True, store=there[1], group=group["GroupId"], user=user
                    )
                    yield self.found(site, f"{group['DisplayName']}/{people[user]}", facts, arn="")

    @staticmethod
    def _asked(site: ReadSite, store: str, only: str | None) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """(id → name of users, group) to look at: of everybody, or for each way to read the name as group and user."""
        for group, user in [(None, None)] if only is None else _center.splits(only, "/"):
            people = {one["UserId"]: one["UserName"].lower() for one in _center.users(site, store, user)}
            for one in list(_center.groups(site, store, group)) if people else ():
                yield people, one

    def needs(self, it: It[Membership]) -> Iterator[Need]:
        """Both."""
        if not it.facts.is_given:
            return  # they stand
        yield Need(it.facts.group, "member of", "hard", "identitystore.CreateGroupMembership GroupId")
        yield Need(it.facts.user, "member of", "hard", "identitystore.CreateGroupMembership MemberId")


KINDS = (GroupKind(), MembershipKind(), UserKind())
