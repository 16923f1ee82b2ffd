"""Rules over IAM: central root access and what root users have, which the emulator lacks.

The one rule it keeps: it is enabled only in the management account, once Organizations trusts IAM.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal

SERVICE = "iam.amazonaws.com"
FEATURES = ("RootCredentialsManagement", "RootSessions")
NAMES = (
    "list_organizations_features",
    "enable_organizations_root_credentials_management",
    "enable_organizations_root_sessions",
    "disable_organizations_root_credentials_management",
    "disable_organizations_root_sessions",
)


@strict(
    "iam.central-root-access",
    makes="central root access is switched on and off in the management account, and refused before Organizations "
    "trusts iam.amazonaws.com (root sessions and root passwords are not simulated)",
    source="iam.EnableOrganizationsRootCredentialsManagement, iam.ListOrganizationsFeatures, botocore 1.44.5",
)
def central_root_access() -> None:
    """The emulator has none of these operations."""
    from moto.core.responses import ActionResult
    from moto.iam.responses import IamResponse
    from moto.organizations.models import FakeServiceAccess, organizations_backends

    if SERVICE not in FakeServiceAccess.TRUSTED_SERVICES:
        FakeServiceAccess.TRUSTED_SERVICES.append(SERVICE)

    def enabled(self: Any) -> list[str]:
        backend = organizations_backends[self.current_account]["aws"]
        if backend.org is None:
            raise Refusal("OrganizationNotFoundException", "The account is not in an organization.")
        trusted = {one["ServicePrincipal"] for one in backend.services}
        if SERVICE not in trusted:
            raise Refusal("ServiceAccessNotEnabledException", "Trusted access is not enabled for IAM.")
        found: list[str] = backend.__dict__.setdefault("world_root_access", [])
        return found

    def shown(self: Any) -> Any:
        backend = organizations_backends[self.current_account]["aws"]
        return ActionResult({"OrganizationId": backend.org.id if backend.org else "", "EnabledFeatures": enabled(self)})

    def switch(feature: str, on: bool) -> Any:
        def switched(self: Any) -> Any:
            there = enabled(self)
            if feature in there:
                there.remove(feature)
            if on:
                there.append(feature)
            return shown(self)

        return switched

    add(IamResponse, NAMES[0])(shown)
    for position, feature in enumerate(FEATURES):
        add(IamResponse, NAMES[1 + position])(switch(feature, True))
        add(IamResponse, NAMES[3 + position])(switch(feature, False))


@strict(
    "iam.root-password-in-the-summary",
    makes="an account's summary says whether its root user has a password (in this world none has one)",
    source="iam.GetAccountSummary summaryKeyType AccountPasswordPresent, botocore 1.44.5",
)
def root_password_in_the_summary() -> None:
    """The emulator says it of root access keys and certificates only."""
    from moto.iam.models import AccountSummary

    own: Any = AccountSummary.summary_map

    def summary(self: Any) -> dict[str, Any]:
        has = int(getattr(self, "world_root_password", False))
        found: dict[str, Any] = own.fget(self) | {"AccountPasswordPresent": has}
        return found

    setattr(AccountSummary, "summary_map", property(summary))  # noqa: B010 - a property of the emulator's class
