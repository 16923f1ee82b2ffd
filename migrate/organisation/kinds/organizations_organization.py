"""organizations.organization and organizations.policy_type: the organisation itself, and what policies it knows.

An organisation is never deleted again: it cannot be while it has accounts, and deleting it would end what they share.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Name, Need, Place, ReadSite, Request, after
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, NO_ORGANIZATION, ROOT, VOLATILE, Make, Wanted, WantedKind
from migrate.values import Json


class Organization(Wanted):
    """Source: organizations.DescribeOrganization, organizations.ListRoots."""

    feature_set: str = "ALL"
    root: str = ""
    is_kept: bool = True
    """Accounts are made in it: then it cannot be deleted by a rollback."""


class CreateOrganization(Make[Organization]):
    """CreateOrganization. Only where it stays empty can it be deleted again."""

    title = "Create the organisation, with all features"
    undo_class = "R4"

    def requests(self, it: It[Organization], place: Place) -> list[Request]:
        undo = None if it.facts.is_kept else Request("organizations.DeleteOrganization", {}, done=(NO_ORGANIZATION,))
        return [
            Request(
                "organizations.CreateOrganization", {"FeatureSet": it.facts.feature_set}, once="named", creates=True,
                outputs={"id": "Organization.Id"}, retry=BUSY, undo=undo,
            )
        ]  # fmt: skip


class OrganizationKind(WantedKind[Organization]):
    """The organisation."""

    name = "organizations.organization"
    title = "Organisation"
    facts = Organization
    reads = frozenset({"organizations.DescribeOrganization", "organizations.ListRoots"})
    stamped = False
    volatile = VOLATILE | {"root", "is_kept"}
    actions = (CreateOrganization(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The organisation that the account manages; one that it is a mere member of is not this."""
        answer = site.optional("organizations.DescribeOrganization", missing=(NO_ORGANIZATION,))
        if answer is None or answer["Organization"]["MasterAccountId"] != site.account:
            return
        found = answer["Organization"]
        top = _tree.root(site)
        facts = Organization(
            id=found["Id"], stands=True, feature_set=found["FeatureSet"], root=str(top["Id"]) if top else ""
        )
        yield self.found(site, "organization", facts, arn=found["Arn"])

    def names(self, it: It[Organization], place: Place) -> Iterator[Name]:
        """The organisation, and its root."""
        yield from super().names(it, place)
        yield Name(ROOT, it.facts.root if it.facts.stands else after("create", "root"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        """Its id and its root's."""
        return super().outputs(found) | {"root": str(found.facts["root"])}

    def stand_ins(self, found: Resource) -> dict[str, str]:
        """The organisation and its root."""
        return super().stand_ins(found) | {ROOT: str(found.facts["root"])}


class PolicyType(Wanted):
    """Source: organizations.ListRoots PolicyTypes."""

    root: str = ROOT
    status: str = "ENABLED"


class EnablePolicyType(Make[PolicyType]):
    """EnablePolicyType. Undone before anything is attached: disabling detaches every policy of the type."""

    title = "Let the organisation use policies of this type"

    def requests(self, it: It[PolicyType], place: Place) -> list[Request]:
        params: dict[str, Json] = {"RootId": it.facts.root, "PolicyType": it.ref.name}
        return [
            Request(
                "organizations.EnablePolicyType", params, once="named", creates=True, retry=BUSY,
                undo=Request("organizations.DisablePolicyType", params, done=("PolicyTypeNotEnabledException",),
                             retry=BUSY),
            )
        ]  # fmt: skip


class PolicyTypeKind(WantedKind[PolicyType]):
    """A type of policies, as the root knows it."""

    name = "organizations.policy_type"
    title = "Policy type"
    facts = PolicyType
    reads = frozenset({"organizations.ListRoots"})
    stamped = False
    actions = (EnablePolicyType(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every type that is enabled or about to be."""
        top = _tree.root(site)
        for one in (top or {}).get("PolicyTypes", ()):
            if only in (None, one["Type"]) and top is not None:
                facts = PolicyType(id=one["Type"], stands=True, root=top["Id"], status=one["Status"])
                yield self.found(site, one["Type"], facts, arn="")

    def needs(self, it: It[PolicyType]) -> Iterator[Need]:
        """The organisation."""
        yield Need(it.facts.root, "in", "hard", "organizations.EnablePolicyType RootId")


KINDS = (OrganizationKind(), PolicyTypeKind())
