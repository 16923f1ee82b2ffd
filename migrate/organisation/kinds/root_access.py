"""iam.root_access: the management account looks after the root users of its members. The rule: it only switches on.

Accounts that are made afterwards have no root password; those that stand keep theirs until a person deletes it.
Source: IAM User Guide, "Centrally manage root access for member accounts", read 2026-11.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request
from migrate.organisation.wanted import Make, Wanted, WantedKind, called

SERVICE = "iam.amazonaws.com"
FEATURES = ("RootCredentialsManagement", "RootSessions")
"""Source: iam.ListOrganizationsFeatures EnabledFeatures, botocore 1.44.5."""
NONE_YET = (
    "ServiceAccessNotEnabledException", "OrganizationNotFoundException", "OrganizationNotInAllFeaturesModeException",
    "ServiceAccessNotEnabled", "OrganizationNotFound", "OrganizationNotInAllFeaturesMode",
)  # fmt: skip
"""Codes that mean: nothing is enabled. The model has the long ones, the API reference the short ones."""


class RootAccess(Wanted):
    """Source: iam.ListOrganizationsFeatures. The name is the feature."""


class Enable(Make[RootAccess]):
    """EnableOrganizationsRootCredentialsManagement, EnableOrganizationsRootSessions. Undone: disabled; what was deleted
    meanwhile stays deleted."""

    title = "Let the management account look after its members' root users"

    def requests(self, it: It[RootAccess], place: Place) -> list[Request]:
        undo = Request(f"iam.DisableOrganizations{it.ref.name}", {}, done=NONE_YET)
        return [Request(f"iam.EnableOrganizations{it.ref.name}", {}, once="named", creates=True, undo=undo)]


class RootAccessKind(WantedKind[RootAccess]):
    """A feature of central root access."""

    name = "iam.root_access"
    title = "Central root access"
    facts = RootAccess
    reads = frozenset({"iam.ListOrganizationsFeatures"})
    stamped = False
    actions = (Enable(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every feature that is enabled, or the one."""
        answer = site.optional("iam.ListOrganizationsFeatures", missing=NONE_YET) or {}
        for feature in answer.get("EnabledFeatures") or ():
            if only in (None, feature):
                yield self.found(site, feature, RootAccess(id=feature, stands=True), arn="")

    def needs(self, it: It[RootAccess]) -> Iterator[Need]:
        """The service's access."""
        access = called("organizations.service_access", SERVICE)
        yield Need(access, "in", "hard", f"iam.EnableOrganizations{it.ref.name}")


KINDS = (RootAccessKind(),)
