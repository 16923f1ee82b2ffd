"""iam.member_role: what a machine from outside may do in a member account. The rule: trust is said letter by letter.

A role that stands otherwise is changed to what is wanted, and a rollback puts back what stood there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.organisation.kinds._members import (
    GONE,
    InMember,
    MemberKind,
    called_in,
    canonical,
    inline_policies,
    parsed,
    short,
)
from migrate.organisation.wanted import End, Make
from migrate.values import Json, as_json

INVALID = ("MalformedPolicyDocument",)
"""'Invalid principal in policy' until a user that was made just now is known everywhere."""


class MemberRole(InMember):
    """Source: iam.GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies."""

    trust: dict[str, Json]
    inline: dict[str, Json]
    attached: list[str]


def _put(role: str, name: str, document: Json) -> Request:
    params = {"RoleName": role, "PolicyName": name, "PolicyDocument": as_json(document)}
    return Request("iam.PutRolePolicy", params, retry=GONE)


def _drop(role: str, name: str) -> Request:
    return Request("iam.DeleteRolePolicy", {"RoleName": role, "PolicyName": name}, done=GONE)


def _attach(role: str, arn: str, *, attach: bool = True) -> Request:
    params = {"RoleName": role, "PolicyArn": arn}
    if attach:
        return Request("iam.AttachRolePolicy", params)
    return Request("iam.DetachRolePolicy", params, done=GONE)


def _trust(role: str, document: Json) -> Request:
    params = {"RoleName": role, "PolicyDocument": as_json(document)}
    return Request("iam.UpdateAssumeRolePolicy", params, retry=INVALID)


class CreateRole(Make[MemberRole]):
    """CreateRole with its policies."""

    title = "Create a machine's role in a member account"

    def requests(self, it: It[MemberRole], place: Place) -> list[Request]:
        role = short(it)
        params: dict[str, Json] = {
            "RoleName": role, "AssumeRolePolicyDocument": as_json(it.facts.trust),
            "Tags": tag_pairs(place.stamp(it.tags)),
        }  # fmt: skip
        undo = Request("iam.DeleteRole", {"RoleName": role}, done=GONE)
        return [
            Request(
                "iam.CreateRole", params, once="named", creates=True, retry=INVALID, outputs={"id": "Role.Arn"},
                undo=undo,
            ),
            *(_put(role, name, one)._replace(undo=_drop(role, name)) for name, one in sorted(it.facts.inline.items())),
            *(_attach(role, arn)._replace(undo=_attach(role, arn, attach=False)) for arn in it.facts.attached),
        ]  # fmt: skip


class ChangeRole(Action[MemberRole]):
    """What differs. Undone: what stood there."""

    name = "change"
    title = "Change a machine's role that stands"
    undo_class = "R1"
    sets = frozenset({"trust", "inline", "attached"})

    def applies(self, it: It[MemberRole]) -> bool:
        return it.facts.stands and it.facts.is_given and bool(it.facts.changes)

    def requests(self, it: It[MemberRole], place: Place) -> list[Request]:
        role, facts, was = short(it), it.facts, it.facts.before or {}
        made: list[Request] = []
        if "inline" in facts.changes:
            old: Mapping[str, Any] = was["inline"]
            for name, one in sorted(facts.inline.items()):
                if old.get(name) != one:
                    back = _put(role, name, old[name]) if name in old else _drop(role, name)
                    made.append(_put(role, name, one)._replace(undo=back))
            gone = sorted(old.keys() - facts.inline.keys())
            made += [_drop(role, name)._replace(undo=_put(role, name, old[name])) for name in gone]
        if "attached" in facts.changes:
            there = set(was["attached"])
            new, extra = sorted(set(facts.attached) - there), sorted(there - set(facts.attached))
            made += [_attach(role, arn)._replace(undo=_attach(role, arn, attach=False)) for arn in new]
            made += [_attach(role, arn, attach=False)._replace(undo=_attach(role, arn)) for arn in extra]
        if "trust" in facts.changes:
            # Last: nobody new gets in before the role says what it is to say.
            made.append(_trust(role, facts.trust)._replace(undo=_trust(role, was["trust"])))
        return made


class EndRole(End[MemberRole]):
    """DeleteRole with all its policies, the rights before the role."""

    title = "Delete a machine's role that this tool made: migration.yaml does not want it any more"

    def requests(self, it: It[MemberRole], place: Place) -> list[Request]:
        role = short(it)
        return [
            *(_attach(role, arn, attach=False) for arn in it.facts.attached),
            *(_drop(role, name) for name in sorted(it.facts.inline)),
            Request("iam.DeleteRole", {"RoleName": role}, done=GONE),
        ]


class MemberRoleKind(MemberKind[MemberRole]):
    """A role for a machine from outside."""

    name = "iam.member_role"
    title = "Machine's role in a member account"
    facts = MemberRole
    reads = frozenset({"iam.GetRole", "iam.GetRolePolicy", "iam.ListAttachedRolePolicies", "iam.ListRolePolicies"})
    adjustable = frozenset({"attached", "inline", "is_given", "trust"})
    unordered = frozenset({"attached"})
    actions = (CreateRole(), ChangeRole(), EndRole())
    ends = "end"

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """With all its policies."""
        answer = site.optional("iam.GetRole", missing=GONE, RoleName=name)
        if answer is None:
            return
        role = answer["Role"]
        held = site.pages("iam.ListAttachedRolePolicies", "AttachedPolicies", RoleName=name)
        facts = MemberRole(
            id=role["Arn"], stands=True, trust=parsed(role["AssumeRolePolicyDocument"]),
            inline=inline_policies(site, "Role", name),
            attached=sorted(one["PolicyArn"] for one in held),
        )  # fmt: skip
        tags = pair_tags(role.get("Tags"))
        yield self.found(site, called_in(site.account, name), facts, arn=role["Arn"], tags=tags)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[MemberRole]) -> dict[str, Json]:
        """In the form in which it is read."""
        inline = {name: canonical(one) for name, one in facts["inline"].items()}
        return facts | {"trust": canonical(facts["trust"]), "inline": inline}


KINDS = (MemberRoleKind(),)
