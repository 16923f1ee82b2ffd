"""sso.instance and sso.permission_set: where people sign in, and what a role of theirs may do.

The rule: the instance is a person's: no API makes one for an organisation, so the run stops until it is there.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from migrate.inventory import Resource
from migrate.kind import Action, It, Name, Need, Place, ReadSite, Request, Wait, after, tag_pairs
from migrate.organisation.kinds import _center, _tree
from migrate.organisation.wanted import (
    NEVER_COMPARED,
    VOLATILE,
    End,
    Make,
    Wanted,
    WantedKind,
    Withdrawable,
    own,
    unless_gone,
)
from migrate.values import Json, as_json


class Instance(Wanted):
    """Source: sso-admin.ListInstances."""

    store: str = ""


class AwaitInstance(Make[Instance]):
    """A look. Enabling Identity Center for an organisation has no API: CreateInstance is refused in the management
    account (sso-admin.CreateInstance, botocore 1.44.5)."""

    title = "Wait for IAM Identity Center to be enabled"
    asks = (
        "sign in to the console as an administrator of the management account, choose the region that "
        "organisation.identity_center.region names, open IAM Identity Center, choose Enable, then 'Enable with AWS "
        "Organizations'. It is free, and its region cannot be changed later"
    )

    def requests(self, it: It[Instance], place: Place) -> list[Request]:
        seen = {"id": "Instances[0].InstanceArn", "store": "Instances[0].IdentityStoreId"}
        return [Request("sso-admin.ListInstances", {}, outputs=seen)]


class InstanceKind(WantedKind[Instance]):
    """The organisation's instance of IAM Identity Center."""

    name = "sso.instance"
    title = "IAM Identity Center"
    facts = Instance
    reads = frozenset({"sso-admin.ListInstances"})
    is_global = False
    stamped = False
    volatile = VOLATILE | {"store"}
    actions = (AwaitInstance(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The instance, where it is enabled."""
        there = _center.instance(site)
        if there is not None:
            facts = Instance(id=there[0], stands=True, store=there[1])
            yield self.found(site, "instance", facts, arn=there[0])

    def names(self, it: It[Instance], place: Place) -> Iterator[Name]:
        """The instance, and its identity store."""
        yield from super().names(it, place)
        yield Name(_center.STORE, it.facts.store if it.facts.stands else after("create", "store"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        """ARN and identity store."""
        return super().outputs(found) | {"store": str(found.facts["store"])}

    def stand_ins(self, found: Resource) -> dict[str, str]:
        """The instance and its identity store."""
        return super().stand_ins(found) | {_center.STORE: str(found.facts["store"])}


class PermissionSet(Withdrawable):
    """Source: sso-admin.DescribePermissionSet, ListManagedPoliciesInPermissionSet,
    ListCustomerManagedPolicyReferencesInPermissionSet, GetInlinePolicyForPermissionSet."""

    instance: str = _center.INSTANCE
    description: str = ""
    session: str = "PT1H"
    managed: list[str] = Field(default_factory=list)
    customer: list[dict[str, Json]] = Field(default_factory=list)
    inline: dict[str, Json] | None = None
    needs: list[str] = Field(default_factory=list)
    """How wishes call the customer managed policies that must stand in the accounts that have it."""


def _target(it: It[PermissionSet]) -> dict[str, Json]:
    return {"InstanceArn": it.facts.instance, "PermissionSetArn": own(it)}


def _managed(it: It[PermissionSet], arn: str, *, attach: bool = True) -> Request:
    what = "Attach" if attach else "Detach"
    return Request(
        f"sso-admin.{what}ManagedPolicyToPermissionSet".replace("DetachManagedPolicyTo", "DetachManagedPolicyFrom"),
        _target(it) | {"ManagedPolicyArn": arn}, done=_center.PASSES if attach else _center.GONE,
    )  # fmt: skip


def _customer(it: It[PermissionSet], policy: Json, *, attach: bool = True) -> Request:
    way = "AttachCustomerManagedPolicyReferenceTo" if attach else "DetachCustomerManagedPolicyReferenceFrom"
    return Request(
        f"sso-admin.{way}PermissionSet", _target(it) | {"CustomerManagedPolicyReference": policy},
        done=_center.PASSES if attach else _center.GONE,
    )  # fmt: skip


def _inline(it: It[PermissionSet], document: Json) -> Request:
    if document is None:
        return Request("sso-admin.DeleteInlinePolicyFromPermissionSet", _target(it), done=_center.GONE)
    return Request("sso-admin.PutInlinePolicyToPermissionSet", _target(it) | {"InlinePolicy": as_json(document)})


class CreatePermissionSet(Make[PermissionSet]):
    """CreatePermissionSet with all its policies. Deleting it takes them along."""

    title = "Create permission set"

    def requests(self, it: It[PermissionSet], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "InstanceArn": it.facts.instance,
            "Name": it.ref.name,
            "SessionDuration": it.facts.session,
            "Tags": tag_pairs(place.stamp(it.tags)),
        } | ({"Description": it.facts.description} if it.facts.description else {})
        inline = [_inline(it, it.facts.inline)] if it.facts.inline is not None else []
        return [
            Request(
                "sso-admin.CreatePermissionSet", params, once="named", creates=True,
                outputs={"id": "PermissionSet.PermissionSetArn"},
                undo=Request("sso-admin.DeletePermissionSet", _target(it), done=_center.GONE, retry=_center.PASSES),
            ),
            *(_managed(it, arn) for arn in it.facts.managed),
            *(_customer(it, policy) for policy in it.facts.customer),
            *inline,
        ]  # fmt: skip


class ChangePermissionSet(Action[PermissionSet]):
    """What differs, then ProvisionPermissionSet: an account gets a change only then. Undone: what stood there."""

    name = "change"
    title = "Change a permission set that stands, in every account that has it"
    undo_class = "R1"
    sets = frozenset({"description", "session", "managed", "customer", "inline"})

    def applies(self, it: It[PermissionSet]) -> bool:
        return it.facts.stands and it.facts.is_given and bool(it.facts.changes)

    def requests(self, it: It[PermissionSet], place: Place) -> list[Request]:
        facts, was = it.facts, it.facts.before or {}
        # The first one gives nothing new; its inverse is what a rollback needs last, once all else is put back.
        made = [self._provision(it, "first")._replace(undo=self._provision(it, "back"))]
        if {"description", "session"} & set(facts.changes):
            before = {
                "description": was.get("description", facts.description),
                "session": was.get("session", facts.session),
            }
            made.append(self._update(it, facts.description, facts.session)._replace(
                undo=self._update(it, before["description"], before["session"])))  # fmt: skip
        if "managed" in facts.changes:
            old = list(was["managed"])
            made += [_managed(it, arn)._replace(undo=_managed(it, arn, attach=False))
                     for arn in facts.managed if arn not in old]  # fmt: skip
            made += [_managed(it, arn, attach=False)._replace(undo=_managed(it, arn))
                     for arn in old if arn not in facts.managed]  # fmt: skip
        if "customer" in facts.changes:
            old = list(was["customer"])
            made += [_customer(it, one)._replace(undo=_customer(it, one, attach=False))
                     for one in facts.customer if one not in old]  # fmt: skip
            made += [_customer(it, one, attach=False)._replace(undo=_customer(it, one))
                     for one in old if one not in facts.customer]  # fmt: skip
        if "inline" in facts.changes:
            made.append(_inline(it, facts.inline)._replace(undo=_inline(it, was["inline"])))
        return [*made, self._provision(it, "last")]

    def _update(self, it: It[PermissionSet], description: str, session: str) -> Request:
        more = {"Description": description} if description else {}
        return Request("sso-admin.UpdatePermissionSet", _target(it) | {"SessionDuration": session} | more)

    def _provision(self, it: It[PermissionSet], which: str) -> Request:
        """Waited for: until it ends, accounts still have the old rights. `which`: several in one step."""
        answer = "PermissionSetProvisioningStatus"
        request = after("change", f"{which}_provisioning")
        asked = {"InstanceArn": it.facts.instance, "ProvisionPermissionSetRequestId": request}
        return Request(
            "sso-admin.ProvisionPermissionSet", _target(it) | {"TargetType": "ALL_PROVISIONED_ACCOUNTS"},
            retry=_center.PASSES,
            outputs={f"{which}_provisioning": f"{answer}.RequestId"},
            wait=Wait("sso-admin.DescribePermissionSetProvisioningStatus", asked, **_center.ending(answer)),
        )  # fmt: skip


class EndPermissionSet(End[PermissionSet]):
    """DeletePermissionSet, once it is assigned nowhere: AWS refuses it before. Its policies go along."""

    title = "Delete a permission set that this tool made: migration.yaml does not want it any more"
    after_kinds = ("sso.account_assignment.end",)

    def requests(self, it: It[PermissionSet], place: Place) -> list[Request]:
        return [Request("sso-admin.DeletePermissionSet", _target(it), done=_center.GONE, retry=_center.PASSES)]


class PermissionSetKind(WantedKind[PermissionSet]):
    """A permission set."""

    name = "sso.permission_set"
    title = "Permission set"
    facts = PermissionSet
    reads = (
        _center.READS
        | _tree.READS
        | {
            "sso-admin.DescribePermissionSet",
            "sso-admin.DescribePermissionSetProvisioningStatus",
            "sso-admin.GetInlinePolicyForPermissionSet",
            "sso-admin.ListAccountAssignments",
            "sso-admin.ListCustomerManagedPolicyReferencesInPermissionSet",
            "sso-admin.ListManagedPoliciesInPermissionSet",
            "sso-admin.ListPermissionSets",
        }
    )
    is_global = False
    stamped = False
    volatile = NEVER_COMPARED | {"needs"}
    adjustable = frozenset({"customer", "description", "inline", "is_given", "managed", "session"})
    unordered = frozenset({"customer", "managed"})
    actions = (CreatePermissionSet(), ChangePermissionSet(), EndPermissionSet())
    ends = "end"

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every permission set, or the one of that name."""
        there = _center.instance(site)
        if there is None:
            return
        for arn in list(site.pages("sso-admin.ListPermissionSets", "PermissionSets", InstanceArn=there[0])):
            found = unless_gone(lambda: self._one(site, there[0], arn, only), None)  # noqa: B023
            if found is not None:
                yield found

    def _one(self, site: ReadSite, instance: str, arn: str, only: str | None) -> Resource | None:
        at = {"InstanceArn": instance, "PermissionSetArn": arn}
        one = site.call("sso-admin.DescribePermissionSet", **at)["PermissionSet"]
        return self.found(site, one["Name"], _read(site, at, one), arn=arn) if only in (None, one["Name"]) else None

    def has_others(self, site: ReadSite, found: Resource) -> bool:
        """Whether a user has it directly, past all groups."""
        at = {"InstanceArn": found.facts["instance"], "PermissionSetArn": found.facts["id"]}
        accounts = {site.account, *(str(one["Id"]) for one in _tree.accounts(site))}
        return any(
            one["PrincipalType"] == "USER"
            for account in sorted(accounts)
            for one in site.pages("sso-admin.ListAccountAssignments", "AccountAssignments", AccountId=account, **at)
        )

    def needs(self, it: It[PermissionSet]) -> Iterator[Need]:
        """The instance, and its customer managed policies in the accounts: a change is provisioned there."""
        if not it.facts.is_given:
            return  # it stands
        yield Need(it.facts.instance, "in", "hard", "sso-admin.CreatePermissionSet InstanceArn")
        for policy in it.facts.needs:
            yield Need(policy, "grants", "hard", "sso-admin.AttachCustomerManagedPolicyReferenceToPermissionSet")


def _read(site: ReadSite, at: dict[str, str], one: dict[str, Any]) -> PermissionSet:
    inline = site.call("sso-admin.GetInlinePolicyForPermissionSet", **at).get("InlinePolicy")
    managed = site.pages("sso-admin.ListManagedPoliciesInPermissionSet", "AttachedManagedPolicies", **at)
    customer = site.pages(
        "sso-admin.ListCustomerManagedPolicyReferencesInPermissionSet", "CustomerManagedPolicyReferences", **at
    )
    return PermissionSet(
        id=at["PermissionSetArn"], stands=True, instance=at["InstanceArn"], description=one.get("Description") or "",
        session=one.get("SessionDuration") or "PT1H", managed=sorted(str(policy["Arn"]) for policy in managed),
        customer=sorted(({"Name": c["Name"], "Path": c.get("Path", "/")} for c in customer), key=str),
        inline=json.loads(inline) if inline else None,
    )  # fmt: skip


KINDS = (InstanceKind(), PermissionSetKind())
