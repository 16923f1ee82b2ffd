"""IAM users and groups: found and reported with all that a person needs to replace them, never moved.

The rule: no key is ever written down whole, and no secret can be: AWS does not give them out again. The credential
report is not asked for: it is a job that a scan would start, and what it says of users is read here without one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, pair_tags, same_place
from migrate.kinds import _documents as documents
from migrate.values import as_json


class AccessKey(Facts):
    """Source: iam.ListAccessKeys, iam.GetAccessKeyLastUsed."""

    id_ends_in: str
    status: Literal["Active", "Inactive", "Expired"]
    created: str | None
    """Month, as below."""
    last_used: str | None
    """Month (`2026-08`), `never`, or None where it could not be read. No day: it would change with every use."""
    last_used_for: str | None
    """Service and region of that use: `s3 eu-west-1`. None where there was none or it could not be read."""


class UserFacts(Facts):
    """Source: iam.GetAccountAuthorizationDetails, iam.ListUsers, iam.GetLoginProfile, iam.ListMFADevices."""

    path: str
    created: str | None
    """Month in which the user was made."""
    groups: list[str]
    attached: list[str]
    inline: dict[str, dict[str, Json]]
    boundary: str | None
    access_keys: list[AccessKey]
    access_key_ids: list[Json]
    """In the order of `access_keys`, sealed: the whole id is read again from legacy when a request names it."""
    console_password: bool
    password_last_used: str | None
    """Month, `never`, or None where it could not be read. Only sign-ins to AWS websites count. A user without a
    password may have had one. Source: iam.User PasswordLastUsed, botocore 1.44.5."""
    mfa: bool


class User(Kind[UserFacts]):
    """An IAM user: a person, or a machine with a key."""

    name = "iam.user"
    title = "IAM user"
    facts = UserFacts
    is_global = True
    reads = frozenset(
        {
            "iam.GetAccountAuthorizationDetails",
            "iam.GetUser",
            "iam.ListUsers",
            "iam.ListAccessKeys",
            "iam.GetAccessKeyLastUsed",
            "iam.GetLoginProfile",
            "iam.ListMFADevices",
        }
    )
    tagging_types = ("iam:user",)
    # What a key was last used for changes with each call, the operator's own too: a move of resources goes on.
    passing = frozenset({"password_last_used", "access_keys"})
    quiet = True
    left_out: ClassVar[Mapping[str, str]] = {
        "SSH keys, signing certificates, credentials of single services (CodeCommit, Bedrock)": (
            "not read: look at them before the user is closed; a policy that denies everything closes them too"
        ),
    }
    manual = (
        "Users are not moved: passwords, MFA seeds and secret keys cannot be read from AWS. Give people an Identity "
        "Center user with a permission set, machines a role (OIDC where they run outside AWS), then set the keys "
        "inactive and watch before anything is deleted."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        details = [
            detail
            for detail in site.pages("iam.GetAccountAuthorizationDetails", "UserDetailList", Filter=["User"])
            if only in (None, detail["UserName"])
        ]
        signed_in = self._signed_in(site, only if details else None, details)
        entrances = site.map(lambda detail: self._entrances(site, detail["UserName"]), details)
        for detail, entrance in zip(details, entrances, strict=True):
            facts = UserFacts(
                path=detail["Path"],
                created=_month(detail.get("CreateDate")),
                password_last_used=signed_in.get(detail["UserName"]),
                groups=sorted(detail.get("GroupList", ())),
                attached=documents.attached(detail.get("AttachedManagedPolicies", ())),
                inline=documents.inline(detail.get("UserPolicyList", ())),
                boundary=detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
                **entrance,
            )
            yield self.found(site, detail["UserName"], facts, arn=detail["Arn"], tags=pair_tags(detail.get("Tags")))

    def _signed_in(self, site: ReadSite, only: str | None, details: list[dict[str, Any]]) -> dict[str, str | None]:
        """When each user last signed in with a password; nothing for users whose answer was denied."""
        # The account's details hold no such date. Source: iam.UserDetail, botocore 1.44.5.
        if only is not None:
            answer = site.optional("iam.GetUser", missing=("NoSuchEntity",), UserName=only)
            users = [answer["User"]] if answer else []
        elif details:
            users = list(site.pages("iam.ListUsers", "Users"))
        else:
            users = []
        return {user["UserName"]: _month(user.get("PasswordLastUsed")) or "never" for user in users}

    def _entrances(self, site: ReadSite, user: str) -> dict[str, Any]:
        keys = []
        listed = list(site.pages("iam.ListAccessKeys", "AccessKeyMetadata", UserName=user))
        listed.sort(key=lambda key: str(key["AccessKeyId"][::-1]))
        for key in listed:
            answer = site.optional("iam.GetAccessKeyLastUsed", missing=(), AccessKeyId=key["AccessKeyId"])
            used = None if answer is None else answer["AccessKeyLastUsed"]
            date = None if used is None else used.get("LastUsedDate")
            keys.append(
                AccessKey(
                    id_ends_in=key["AccessKeyId"][-4:],
                    status=key["Status"],
                    created=_month(key.get("CreateDate")),
                    last_used=None if used is None else _month(date) or "never",
                    last_used_for=f"{used['ServiceName']} {used['Region']}" if used is not None and date else None,
                )
            )
        profile = site.optional("iam.GetLoginProfile", missing=("NoSuchEntity",), UserName=user)
        devices = list(site.pages("iam.ListMFADevices", "MFADevices", UserName=user))
        return {
            "access_keys": keys,
            "access_key_ids": [site.seal("AccessKeyId", key["AccessKeyId"]) for key in listed],
            "console_password": profile is not None,
            "mfa": bool(devices),
        }

    def needs(self, it: It[UserFacts]) -> Iterator[Need]:
        for group in it.facts.groups:
            seen_in = "iam.GetAccountAuthorizationDetails UserDetailList[].GroupList[]"
            yield Need(same_place(it, "iam.group", group, is_global=True), "member of", "soft", seen_in)
        for arn in it.facts.attached:
            if not documents.is_aws_managed(arn):
                seen_in = "iam.GetAccountAuthorizationDetails UserDetailList[].AttachedManagedPolicies[]"
                yield Need(arn, "attached to", "soft", seen_in)


QUARANTINE = "migrate-quarantine"
"""Name of the inline policy that denies everything; also how a second look tells that it is ours."""

DENY_ALL: dict[str, Json] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}
AWS_DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
INLINE_CHARACTERS = 2_048
"""Of all inline policies of a user together, white space not counted. Source: IAM User Guide, "IAM and AWS STS quotas",
read 2026-11."""


class DeactivateKey(Action[UserFacts]):
    """The first access key is set inactive: it can be set active again, with the same secret.

    One action a key: between two requests of one step a user would be in a state that nobody planned.
    """

    name = "deactivate_key"
    title = "Set the user's first access key inactive"
    phase = "cutover"
    undo_class = "R1"
    sets = frozenset({"access_keys"})
    number: ClassVar[int] = 0

    def applies(self, it: It[UserFacts]) -> bool:
        keys = it.facts.access_keys
        return self.number < len(keys) and keys[self.number].status == "Active"

    def requests(self, it: It[UserFacts], place: Place) -> Sequence[Request]:
        key: dict[str, Json] = {"UserName": it.ref.name, "AccessKeyId": it.facts.access_key_ids[self.number]}
        undo = Request("iam.UpdateAccessKey", {**key, "Status": "Active"}, side="legacy", done=("NoSuchEntity",))
        return [Request("iam.UpdateAccessKey", {**key, "Status": "Inactive"}, side="legacy", undo=undo)]

    def legacy_after(self, it: It[UserFacts]) -> Mapping[str, Json]:
        keys = [key.model_dump(mode="json") for key in it.facts.access_keys]
        for key in keys[: self.number + 1]:
            key["status"] = "Inactive" if key["status"] == "Active" else key["status"]
        return {"access_keys": keys}


class DeactivateSecondKey(DeactivateKey):
    """The second access key is set inactive. A user has two at most: IAM User Guide, "IAM and AWS STS quotas"."""

    name = "deactivate_second_key"
    title = "Set the user's second access key inactive"
    number = 1


class DenyEverything(Action[UserFacts]):
    """A policy that denies everything, whatever else the user holds: the console, other credentials and sessions too.

    Inline where there is room; else AWS's own policy that denies everything.
    """

    name = "deny_everything"
    title = "Deny the user everything"
    phase = "cutover"
    undo_class = "R1"
    sets = frozenset({"inline", "attached"})

    def requests(self, it: It[UserFacts], place: Place) -> Sequence[Request]:
        user: dict[str, Json] = {"UserName": it.ref.name}
        if self._has_room(it.facts):
            policy = {**user, "PolicyName": QUARANTINE}
            undo = Request("iam.DeleteUserPolicy", policy, side="legacy", done=("NoSuchEntity",))
            return [
                Request("iam.PutUserPolicy", {**policy, "PolicyDocument": as_json(DENY_ALL)}, side="legacy", undo=undo)
            ]
        held = {**user, "PolicyArn": AWS_DENY_ALL}
        undo = Request("iam.DetachUserPolicy", held, side="legacy", done=("NoSuchEntity",))
        return [Request("iam.AttachUserPolicy", held, side="legacy", undo=undo)]

    def legacy_after(self, it: It[UserFacts]) -> Mapping[str, Json]:
        if self._has_room(it.facts):
            return {"inline": it.facts.inline | {QUARANTINE: documents.canonical(DENY_ALL)}}
        return {"attached": sorted({*it.facts.attached, AWS_DENY_ALL})}

    @staticmethod
    def _has_room(facts: UserFacts) -> bool:
        there = [*facts.inline.values(), DENY_ALL]
        return sum(len(json.dumps(one, separators=(",", ":"))) for one in there) <= INLINE_CHARACTERS


class QuarantinedUser(User):
    """An IAM user that is closed, reversibly.

    Not among the kinds: it stands in for `iam.user` where people asked for it (see `migrate.people.quarantine`).
    """

    stamped = False
    passing = frozenset({"password_last_used"})
    actions = (DeactivateKey(), DeactivateSecondKey(), DenyEverything())

    def needs(self, it: It[UserFacts]) -> Iterator[Need]:
        # It stands with all that it needs.
        return iter(())

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[UserFacts]) -> dict[str, Json]:
        # It stands in the same account before and after: what differs is what the actions have done.
        changed: dict[str, Json] = {}
        for action in self.actions:
            if action.name in done:
                changed |= action.legacy_after(it) or {}
        return facts | changed


class GroupFacts(Facts):
    """Source: iam.GetAccountAuthorizationDetails."""

    path: str
    attached: list[str]
    inline: dict[str, dict[str, Json]]


class Group(Kind[GroupFacts]):
    """An IAM group. Its members are facts of the users."""

    name = "iam.group"
    title = "IAM group"
    facts = GroupFacts
    is_global = True
    reads = frozenset({"iam.GetAccountAuthorizationDetails"})
    quiet = True
    manual = (
        "Groups are not moved: make an Identity Center group and a permission set with the same policies. A permission "
        "set takes one inline policy; customer managed policies must exist by name in each account it is used in."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for detail in site.pages("iam.GetAccountAuthorizationDetails", "GroupDetailList", Filter=["Group"]):
            if only in (None, detail["GroupName"]):
                facts = GroupFacts(
                    path=detail["Path"],
                    attached=documents.attached(detail.get("AttachedManagedPolicies", ())),
                    inline=documents.inline(detail.get("GroupPolicyList", ())),
                )
                yield self.found(site, detail["GroupName"], facts, arn=detail["Arn"])

    def needs(self, it: It[GroupFacts]) -> Iterator[Need]:
        for arn in it.facts.attached:
            if not documents.is_aws_managed(arn):
                seen_in = "iam.GetAccountAuthorizationDetails GroupDetailList[].AttachedManagedPolicies[]"
                yield Need(arn, "attached to", "soft", seen_in)


def _month(date: datetime | None) -> str | None:
    return f"{date:%Y-%m}" if date else None


class ManagedFacts(Facts):
    """Source: iam.ListPolicies, iam.GetPolicyVersion."""

    version: str
    document: dict[str, Json]


class ManagedPolicy(Kind[ManagedFacts]):
    """A policy that AWS keeps and somebody in the account holds. Read, so that it can be said what people may do."""

    name = "iam.aws_managed_policy"
    title = "Policy kept by AWS"
    facts = ManagedFacts
    is_global = True
    stamped = False
    reads = frozenset({"iam.ListPolicies", "iam.GetPolicyVersion"})
    passing = frozenset({"version", "document"})
    quiet = True
    manual = "Nothing is to be done: AWS keeps the same policy under the same ARN in every account."

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = [
            policy
            for policy in site.pages("iam.ListPolicies", "Policies", Scope="AWS", OnlyAttached=True)
            if only in (None, policy["PolicyName"])
        ]

        def read(policy: dict[str, Any]) -> dict[str, Any]:
            return site.call("iam.GetPolicyVersion", PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])

        for policy, answer in zip(found, site.map(read, found), strict=True):
            facts = ManagedFacts(
                version=policy["DefaultVersionId"], document=documents.parsed(answer["PolicyVersion"]["Document"])
            )
            yield self.found(site, policy["PolicyName"], facts, arn=policy["Arn"])

    def names(self, it: It[ManagedFacts], place: Place) -> Iterator[Name]:
        # The same everywhere: nothing is to be rewritten.
        return iter(())


KINDS = (User(), Group(), ManagedPolicy())
