"""IAM users and groups: found and reported with all that a person needs to replace them, never moved.

The rule: no key is ever written down whole, and no secret can be: AWS does not give them out again.
"""

from collections.abc import Iterator
from typing import Any, Literal

from migrate.inventory import Resource
from migrate.kind import Facts, It, Json, Kind, Need, ReadSite, pair_tags, same_place
from migrate.kinds import _documents as documents


class AccessKey(Facts):
    """Source: iam.ListAccessKeys, iam.GetAccessKeyLastUsed."""

    id_ends_in: str
    status: Literal["Active", "Inactive", "Expired"]
    last_used: str | None
    """Month (`2026-08`), `never`, or None where it could not be read. No day: it would change with every use."""


class UserFacts(Facts):
    """Source: iam.GetAccountAuthorizationDetails, iam.GetLoginProfile, iam.ListMFADevices."""

    path: str
    groups: list[str]
    attached: list[str]
    inline: dict[str, dict[str, Json]]
    boundary: str | None
    access_keys: list[AccessKey]
    console_password: bool
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
            "iam.ListAccessKeys",
            "iam.GetAccessKeyLastUsed",
            "iam.GetLoginProfile",
            "iam.ListMFADevices",
        }
    )
    tagging_types = ("iam:user",)
    quiet = True
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
        entrances = site.map(lambda detail: self._entrances(site, detail["UserName"]), details)
        for detail, entrance in zip(details, entrances, strict=True):
            facts = UserFacts(
                path=detail["Path"],
                groups=sorted(detail.get("GroupList", ())),
                attached=documents.attached(detail.get("AttachedManagedPolicies", ())),
                inline=documents.inline(detail.get("UserPolicyList", ())),
                boundary=detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
                **entrance,
            )
            yield self.found(site, detail["UserName"], facts, arn=detail["Arn"], tags=pair_tags(detail.get("Tags")))

    def _entrances(self, site: ReadSite, user: str) -> dict[str, Any]:
        keys = []
        for key in site.pages("iam.ListAccessKeys", "AccessKeyMetadata", UserName=user):
            used = site.optional("iam.GetAccessKeyLastUsed", missing=(), AccessKeyId=key["AccessKeyId"])
            keys.append(AccessKey(id_ends_in=key["AccessKeyId"][-4:], status=key["Status"], last_used=_month(used)))
        profile = site.optional("iam.GetLoginProfile", missing=("NoSuchEntity",), UserName=user)
        devices = list(site.pages("iam.ListMFADevices", "MFADevices", UserName=user))
        return {
            "access_keys": sorted(keys, key=lambda key: key.id_ends_in),
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


def _month(used: dict[str, Any] | None) -> str | None:
    if used is None:
        return None
    date = used["AccessKeyLastUsed"].get("LastUsedDate")
    return f"{date:%Y-%m}" if date else "never"


KINDS = (User(), Group())
