"""An IAM user that is removed for good after its soak: what it holds, what takes it away, and what puts it back.

The rule: the user stays denied everything until nothing else is left of it. Every request stands in the plan; a user
that is not exactly what was planned (another unique id, a use of a key since) is not touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    Find,
    It,
    Json,
    Kind,
    Name,
    Place,
    ReadSite,
    Request,
    Wait,
    pair_tags,
    tag_pairs,
)  # fmt: skip
from migrate.kinds import _documents as documents
from migrate.kinds.iam_people import AWS_DENY_ALL, DENY_ALL, QUARANTINE
from migrate.values import as_json

GONE = ("NoSuchEntity",)
PASSES = ("ConcurrentModification", "EntityTemporarilyUnmodifiable")
"""Pass by themselves. Source: iam.DeleteLoginProfile, DeactivateMFADevice, DeleteUser error shapes, botocore 1.44.5."""
NOT_READ = frozenset({"closed_at", "stack"})
"""Facts that planning adds: no look at the user shows them."""


class RemovableKey(Facts):
    """Source: iam.ListAccessKeys, iam.GetAccessKeyLastUsed."""

    id_ends_in: str
    status: Literal["Active", "Inactive", "Expired"]
    last_used: str
    """To the second, ISO 8601 in UTC, or `never`."""


class OfStack(Facts):
    """The stack that made a user, and what of it belongs to the user."""

    name: str
    region: str
    take_out: list[str]
    """Logical ids: this user and its keys, and those of the others that the plan removes."""
    strange_keys: list[str]
    """Ends of the user's keys that the stack did not make, and so does not delete."""
    along: list[str]
    """`<logical id> (<type>)` of everything else, which deleting the stack would take along."""
    parent: str | None = None
    """ARN of the stack that it is nested in."""


class RemovableFacts(Facts):
    """Source: the reads of the kind. Exact times: a use since the plan is a difference."""

    path: str
    unique_id: str
    """`AIDA…`: AWS gives a user of the same name another one."""
    created: str
    groups: list[str]
    attached: list[str]
    inline: dict[str, dict[str, Json]]
    boundary: str | None
    password: bool
    password_last_used: str
    keys: list[RemovableKey]
    key_ids: list[Json]
    """In the order of `keys`, sealed."""
    mfa_devices: list[str]
    """Serial numbers; of a virtual device its ARN."""
    certificates: list[str]
    ssh_keys: list[str]
    service_credentials: list[str]
    closed_at: str = ""
    stack: OfStack | None = None

    @property
    def is_quarantined(self) -> bool:
        """Whether no key opens anything and everything is denied."""
        denied = self.inline.get(QUARANTINE) == documents.canonical(DENY_ALL) or AWS_DENY_ALL in self.attached
        return denied and all(key.status != "Active" for key in self.keys)

    @property
    def lost_for_good(self) -> str:
        """What nobody can bring back, in words."""
        keys = ", ".join(f"…{key.id_ends_in}" for key in self.keys)
        counted = (
            ("signing certificates", self.certificates), ("SSH keys", self.ssh_keys),
            ("credentials of single services", self.service_credentials),
        )  # fmt: skip
        parts = [
            "its password" if self.password else "",
            f"access keys {keys}" if keys else "",
            f"{len(self.mfa_devices)} MFA devices" if self.mfa_devices else "",
            *(f"{len(there)} {what}" for what, there in counted if there),
        ]
        return ", ".join([*filter(None, parts), f"the unique id {self.unique_id}"])


Removable = It[RemovableFacts]


def _user(it: Removable, **more: Json) -> dict[str, Json]:
    return {"UserName": it.ref.name, **more}


def _take(operation: str, params: dict[str, Json], undo: tuple[str, dict[str, Json]] | None = None) -> Request:
    """One deletion. Whoever is asked to put it back may be told for a while that the new user is not there."""
    back = None if undo is None else Request(f"iam.{undo[0]}", undo[1], side="legacy", retry=GONE)
    return Request(f"iam.{operation}", params, side="legacy", done=GONE, retry=PASSES, undo=back)


class DeleteKey(Action[RemovableFacts]):
    """The first access key. One action a key: its id is read again from AWS when it is sent, and only what stands can
    be read, so a deleted one would keep the other from being sent."""

    name = "delete_key"
    title = "Delete the user's first access key"
    phase = "close"
    undo_class = "R4"
    sets = frozenset({"keys"})
    number: ClassVar[int] = 0

    def applies(self, it: Removable) -> bool:
        return self.number < len(it.facts.keys)

    def requests(self, it: Removable, place: Place) -> Sequence[Request]:
        left = len(it.facts.keys) - self.number - 1
        # Whether it was sent is told by how many are left. Written so that no answer at all says nothing.
        gone = f"AccessKeyMetadata != `null` && length(AccessKeyMetadata) <= `{left}` && 'yes' || `null`"
        look = Find("iam.ListAccessKeys", _user(it), outputs={"gone": gone})
        return [_take("DeleteAccessKey", _user(it, AccessKeyId=it.facts.key_ids[self.number]))._replace(find=look)]

    def legacy_after(self, it: Removable) -> Mapping[str, Json]:
        return {"keys": [key.model_dump(mode="json") for key in it.facts.keys[self.number + 1 :]]}


class DeleteSecondKey(DeleteKey):
    """The second access key. A user has two at most: IAM User Guide, "IAM and AWS STS quotas"."""

    name = "delete_second_key"
    title = "Delete the user's second access key"
    number = 1


class Strip(Action[RemovableFacts]):
    """Everything else that AWS wants gone first, the ways in before the rights, and the quarantine last.

    Source of the list: iam.DeleteUser, botocore 1.44.5. That a permissions boundary has to go is not said there
    (unverified); it goes too, because the user holds no policy by then that it could bound.
    """

    name = "strip"
    title = "Delete what the user holds: password, devices, memberships, policies"
    phase = "close"
    undo_class = "R4"
    sets = frozenset(
        {"attached", "boundary", "certificates", "groups", "inline", "mfa_devices", "password", "service_credentials",
         "ssh_keys"}
    )  # fmt: skip

    def requests(self, it: Removable, place: Place) -> Sequence[Request]:
        facts = it.facts
        made = [_take("DeleteLoginProfile", _user(it))] if facts.password else []
        made += [_take("DeleteSigningCertificate", _user(it, CertificateId=one)) for one in facts.certificates]
        made += [_take("DeleteSSHPublicKey", _user(it, SSHPublicKeyId=one)) for one in facts.ssh_keys]
        made += [
            _take("DeleteServiceSpecificCredential", _user(it, ServiceSpecificCredentialId=one))
            for one in facts.service_credentials
        ]
        for serial in facts.mfa_devices:
            made.append(_take("DeactivateMFADevice", _user(it, SerialNumber=serial)))
            if ":mfa/" in serial:
                # Of a virtual device the serial number is its ARN. Source: iam.DeleteVirtualMFADevice, botocore 1.44.5.
                made.append(_take("DeleteVirtualMFADevice", {"SerialNumber": serial}))
        for group in facts.groups:
            params = _user(it, GroupName=group)
            made.append(_take("RemoveUserFromGroup", params, ("AddUserToGroup", params)))
        last = [QUARANTINE] if QUARANTINE in facts.inline else []
        made += [self._detach(it, arn) for arn in facts.attached if arn != AWS_DENY_ALL]
        made += [self._drop(it, name) for name in sorted(facts.inline) if name != QUARANTINE]
        if facts.boundary is not None:
            back = _user(it, PermissionsBoundary=facts.boundary)
            made.append(_take("DeleteUserPermissionsBoundary", _user(it), ("PutUserPermissionsBoundary", back)))
        made += [self._detach(it, arn) for arn in facts.attached if arn == AWS_DENY_ALL]
        return [*made, *(self._drop(it, name) for name in last)]

    @staticmethod
    def _detach(it: Removable, arn: str) -> Request:
        params = _user(it, PolicyArn=arn)
        return _take("DetachUserPolicy", params, ("AttachUserPolicy", params))

    @staticmethod
    def _drop(it: Removable, name: str) -> Request:
        back = _user(it, PolicyName=name, PolicyDocument=as_json(it.facts.inline[name]))
        return _take("DeleteUserPolicy", _user(it, PolicyName=name), ("PutUserPolicy", back))

    def legacy_after(self, it: Removable) -> Mapping[str, Json]:
        nothing: dict[str, Json] = {"boundary": None, "password": False, "inline": {}}
        return {field: nothing.get(field, []) for field in self.sets}


class Delete(Action[RemovableFacts]):
    """DeleteUser. Undone: a user of the same name, path and tags, with another unique id and no way in."""

    name = "delete"
    title = "Delete the user"
    phase = "close"
    undo_class = "R4"

    def requests(self, it: Removable, place: Place) -> Sequence[Request]:
        tags = {key: value for key, value in it.tags.items() if not key.startswith("aws:")}
        again = _user(it, Path=it.facts.path) | ({"Tags": tag_pairs(tags)} if tags else {})
        shown = Wait("iam.GetUser", _user(it), path="User.UserName", ok=(it.ref.name,), every_s=2.0, timeout_s=120.0)
        undo = Request("iam.CreateUser", again, side="legacy", done=("EntityAlreadyExists",), retry=PASSES, wait=shown)
        return [Request("iam.DeleteUser", _user(it), side="legacy", done=GONE, retry=PASSES, undo=undo)]


class RemovedUser(Kind[RemovableFacts]):
    """An IAM user that nothing but people made, removed by its own deletion."""

    name = "iam.user"
    title = "IAM user that is removed"
    facts = RemovableFacts
    is_global = True
    stamped = False
    reads = frozenset(
        {
            "iam.GetAccessKeyLastUsed", "iam.GetLoginProfile", "iam.GetUser", "iam.GetUserPolicy", "iam.ListAccessKeys",
            "iam.ListAttachedUserPolicies", "iam.ListGroupsForUser", "iam.ListMFADevices", "iam.ListSSHPublicKeys",
            "iam.ListServiceSpecificCredentials", "iam.ListSigningCertificates", "iam.ListUserPolicies",
            "iam.ListUsers",
        }
    )  # fmt: skip
    # Of the keys' ids their ends are compared: a sealed one cannot be told apart once it is gone.
    volatile = NOT_READ | {"key_ids"}
    actions: ClassVar[tuple[Action[Any], ...]] = (DeleteKey(), DeleteSecondKey(), Strip(), Delete())
    ends = "delete"

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every user, or the one, each read by its own calls: the account's details hold neither times nor devices."""
        names = [only] if only else sorted(one["UserName"] for one in site.pages("iam.ListUsers", "Users"))
        yield from filter(None, site.map(lambda name: self._one(site, name), names))

    def _one(self, site: ReadSite, name: str) -> Resource | None:
        answer = site.optional("iam.GetUser", missing=GONE, UserName=name)
        if answer is None:
            return None
        user = answer["User"]

        def listed(operation: str, key: str, field: str) -> list[str]:
            return sorted(str(one[field]) for one in site.pages(f"iam.{operation}", key, UserName=name))

        # By the end, as a scan sorts them: the beginning of a key's id says only that it is one.
        ids = sorted(site.pages("iam.ListAccessKeys", "AccessKeyMetadata", UserName=name),
                     key=lambda one: str(one["AccessKeyId"][::-1]))  # fmt: skip
        policies = listed("ListUserPolicies", "PolicyNames[].{Name: @}", "Name")
        facts = RemovableFacts(
            path=user["Path"], unique_id=user["UserId"], created=_second(user["CreateDate"]),
            groups=listed("ListGroupsForUser", "Groups", "GroupName"),
            attached=listed("ListAttachedUserPolicies", "AttachedPolicies", "PolicyArn"),
            inline={one: self._document(site, name, one) for one in policies},
            boundary=(user.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            password=site.optional("iam.GetLoginProfile", missing=GONE, UserName=name) is not None,
            password_last_used=_second(user.get("PasswordLastUsed")),
            keys=[self._key(site, one) for one in ids],
            key_ids=[site.seal("AccessKeyId", one["AccessKeyId"]) for one in ids],
            mfa_devices=listed("ListMFADevices", "MFADevices", "SerialNumber"),
            certificates=listed("ListSigningCertificates", "Certificates", "CertificateId"),
            ssh_keys=listed("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId"),
            service_credentials=listed(
                "ListServiceSpecificCredentials", "ServiceSpecificCredentials", "ServiceSpecificCredentialId"
            ),
        )  # fmt: skip
        return self.found(site, name, facts, arn=user["Arn"], tags=pair_tags(user.get("Tags")))

    @staticmethod
    def _document(site: ReadSite, user: str, policy: str) -> dict[str, Json]:
        answer = site.call("iam.GetUserPolicy", UserName=user, PolicyName=policy)
        return documents.parsed(answer["PolicyDocument"])

    @staticmethod
    def _key(site: ReadSite, key: Mapping[str, Any]) -> RemovableKey:
        used = site.call("iam.GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
        return RemovableKey(
            id_ends_in=key["AccessKeyId"][-4:], status=key["Status"], last_used=_second(used.get("LastUsedDate"))
        )

    def names(self, it: Removable, place: Place) -> Iterator[Name]:
        # It stays where it is until it is gone: nothing is renamed.
        return iter(())

    def finding(self, it: Removable) -> str:
        """What nobody can bring back: read before the approval and before the gate."""
        return f"{it.ref.name} is removed; gone for good: {it.facts.lost_for_good}"

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: Removable) -> dict[str, Json]:
        """What is left of it once the actions were done."""
        changed: dict[str, Json] = {}
        for action in self.actions:
            changed |= (action.legacy_after(it) or {}) if action.name in done else {}
        return facts | changed


def _second(date: datetime | None) -> str:
    return date.astimezone(UTC).isoformat(timespec="seconds") if date else "never"
