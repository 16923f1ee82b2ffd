"""Grants on a KMS key: those that people gave. The rule: a service's own and this tool's are not theirs."""

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.files import canonical
from migrate.kind import Json

OWN, UNNAMED = "migrate-", "moved-"
"""How the names begin of grants that this tool gives: for the time of a copy, and for one that had no name."""


def given_grants(listed: Iterable[Mapping[str, Any]]) -> list[dict[str, Json]]:
    """The grants that people gave, as they may be sent, in one order."""
    found: list[dict[str, Json]] = []
    for grant in listed:
        name, to = grant.get("Name") or "", str(grant.get("GranteePrincipal") or "")
        # A service names itself, or a session of the role that it works in; somebody deleted is an id without an ARN,
        # as in policies (unverified for grants), and can use nothing.
        if name.startswith(OWN) or not to.startswith("arn:") or ":assumed-role/" in to:
            continue
        kept: dict[str, Json] = {"GranteePrincipal": to, "Operations": sorted(grant.get("Operations") or ())}
        if str(grant.get("RetiringPrincipal") or "").startswith("arn:"):
            kept["RetiringPrincipal"] = grant["RetiringPrincipal"]
        if grant.get("Constraints"):
            kept["Constraints"] = dict(grant["Constraints"])
        if name and not name.startswith(UNNAMED):
            kept["Name"] = name
        found.append(kept)
    return sorted(found, key=canonical)
