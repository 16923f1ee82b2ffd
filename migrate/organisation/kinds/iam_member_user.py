"""iam.member_user: a machine outside that can only hold an access key. The rule: its secret never passes this tool.

A person makes the key and puts it where it belongs in one line; the run waits until an active key stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.organisation.kinds._members import GONE, InMember, MemberKind, called_in, canonical, inline_policies, short
from migrate.organisation.wanted import End, Make
from migrate.values import Json, as_json


class MemberUser(InMember):
    """Source: the reads of its kind."""

    inline: dict[str, Json]
    attached: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)
    has_key: bool = True


class CreateUser(Make[MemberUser]):
    """CreateUser with its one policy. Undone: DeleteUser refuses while a key stands that a person made."""

    title = "Create a machine's user"

    def requests(self, it: It[MemberUser], place: Place) -> list[Request]:
        user = short(it)
        undo = Request("iam.DeleteUser", {"UserName": user}, done=GONE)
        params: dict[str, Json] = {"UserName": user, "Tags": tag_pairs(place.stamp(it.tags))}
        return [
            Request("iam.CreateUser", params, once="named", creates=True, outputs={"id": "User.Arn"}, undo=undo),
            *(_put(user, name, one)._replace(undo=_drop(user, name)) for name, one in sorted(it.facts.inline.items())),
        ]


def _put(user: str, name: str, document: Json) -> Request:
    params = {"UserName": user, "PolicyName": name, "PolicyDocument": as_json(document)}
    return Request("iam.PutUserPolicy", params, retry=GONE)


def _drop(user: str, name: str) -> Request:
    return Request("iam.DeleteUserPolicy", {"UserName": user, "PolicyName": name}, done=GONE)


class ChangeUser(Action[MemberUser]):
    """Its inline policies. Undone: what stood there."""

    name = "change"
    title = "Change what a machine's user may do"
    undo_class = "R1"
    sets = frozenset({"inline"})

    def applies(self, it: It[MemberUser]) -> bool:
        return it.facts.stands and "inline" in it.facts.changes

    def requests(self, it: It[MemberUser], place: Place) -> list[Request]:
        user, wanted = short(it), it.facts.inline
        old: Mapping[str, Any] = (it.facts.before or {})["inline"]
        made = [
            _put(user, name, one)._replace(undo=_put(user, name, old[name]) if name in old else _drop(user, name))
            for name, one in sorted(wanted.items())
            if old.get(name) != one
        ]
        gone = sorted(old.keys() - wanted.keys())
        return [*made, *(_drop(user, name)._replace(undo=_put(user, name, old[name])) for name in gone)]


class AwaitKey(Action[MemberUser]):
    """A look: whether the user has an active key."""

    name = "key"
    title = "Wait for the machine's access key"
    phase = "cutover"
    undo_class = "R4"
    sets = frozenset({"has_key"})
    asks = "make its access key and give it to the machine: migrate org status says the line to type"

    def applies(self, it: It[MemberUser]) -> bool:
        return not it.facts.stands or "has_key" in it.facts.changes

    def requests(self, it: It[MemberUser], place: Place) -> list[Request]:
        seen = {"key": "AccessKeyMetadata[?Status=='Active'].Status | [0]"}
        return [Request("iam.ListAccessKeys", {"UserName": short(it)}, outputs=seen)]

    def says(self, it: It[MemberUser], outputs: Mapping[str, str]) -> Sequence[str]:
        """The line that makes the key; what reads it from there gives it to the machine."""
        user, account = short(it), it.ref.name.partition("/")[0]
        return [
            f"with credentials of {account}: aws iam create-access-key --user-name {user} --query AccessKey --output "
            f"json | aws secretsmanager create-secret --name machines/{user} --secret-string file:///dev/stdin "
            "(the secret is then in no file and on no screen; that the pipe is read this way is unverified)"
        ]


class EndUser(End[MemberUser]):
    """DeleteUser with its one policy: the user that has no key opens nothing."""

    title = "Delete a machine's user that this tool made: migration.yaml does not want it any more"

    def requests(self, it: It[MemberUser], place: Place) -> list[Request]:
        user = short(it)
        gone = Request("iam.DeleteUser", {"UserName": user}, done=GONE)
        return [*(_drop(user, name) for name in sorted(it.facts.inline)), gone]


class MemberUserKind(MemberKind[MemberUser]):
    """A user for a machine outside, in the account for machine identities."""

    name = "iam.member_user"
    title = "Machine's user"
    facts = MemberUser
    reads = frozenset(
        {
            "iam.GetUser", "iam.GetUserPolicy", "iam.ListAccessKeys", "iam.ListAttachedUserPolicies",
            "iam.ListGroupsForUser", "iam.ListUserPolicies",
        }
    )  # fmt: skip
    adjustable = frozenset({"has_key", "inline", "is_given"})
    actions = (CreateUser(), ChangeUser(), AwaitKey(), EndUser())
    ends = "end"

    def has_others(self, site: ReadSite, found: Resource) -> bool:
        """Whether a person has given it more than its own policy: a key, a group, a policy."""
        keys = site.pages("iam.ListAccessKeys", "AccessKeyMetadata", UserName=found.ref.name.partition("/")[2])
        return bool(found.facts["attached"] or found.facts["groups"] or list(keys))

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """With all that it holds: a user that holds more than its one policy is told."""
        answer = site.optional("iam.GetUser", missing=GONE, UserName=name)
        if answer is None:
            return
        user = answer["User"]
        held = site.pages("iam.ListAttachedUserPolicies", "AttachedPolicies", UserName=name)
        groups = site.pages("iam.ListGroupsForUser", "Groups", UserName=name)
        keys = site.pages("iam.ListAccessKeys", "AccessKeyMetadata", UserName=name)
        facts = MemberUser(
            id=user["Arn"], stands=True, inline=inline_policies(site, "User", name),
            attached=sorted(one["PolicyArn"] for one in held),
            groups=sorted(one["GroupName"] for one in groups), has_key=any(one["Status"] == "Active" for one in keys),
        )  # fmt: skip
        tags = pair_tags(user.get("Tags"))
        yield self.found(site, called_in(site.account, name), facts, arn=user["Arn"], tags=tags)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[MemberUser]) -> dict[str, Json]:
        """In the form in which it is read."""
        return facts | {"inline": {name: canonical(one) for name, one in facts["inline"].items()}}


KINDS = (MemberUserKind(),)
