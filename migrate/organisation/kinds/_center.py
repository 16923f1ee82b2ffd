"""Where IAM Identity Center keeps what it knows. The rule: everything is found by the name that people gave it."""

from collections.abc import Iterator
from typing import Any

from migrate.kind import ReadSite
from migrate.organisation.wanted import called

INSTANCE, STORE = called("sso.instance", "instance"), called("sso.instance", "store")
READS = frozenset({"identitystore.ListGroups", "identitystore.ListUsers", "sso-admin.ListInstances"})
"""What every function here may send."""
GONE = ("ResourceNotFoundException",)
PASSES = ("ConflictException",)
"""Passes by itself while another change is under way. Source: error shapes of sso-admin, botocore 1.44.5."""


def ending(answer: str) -> dict[str, Any]:
    """How Identity Center says that something ended. One that failed changed nothing, and is sent again.

    answer: the structure that holds Status and FailureReason. Source: sso-admin StatusValues, botocore 1.44.5; that
    nothing is left of a failed one is unverified.
    """
    return {
        "path": f"{answer}.Status", "ok": ("SUCCEEDED",), "failed": ("FAILED",), "reason": f"{answer}.FailureReason",
        "every_s": 2.0, "sent_again": True,
    }  # fmt: skip


def instance(site: ReadSite) -> tuple[str, str] | None:
    """ARN and identity store of the organisation's instance, or None. One of a member account alone is not it."""
    for one in site.pages("sso-admin.ListInstances", "Instances"):
        if one.get("OwnerAccountId", site.account) == site.account:
            return str(one["InstanceArn"]), str(one["IdentityStoreId"])
    return None


def groups(site: ReadSite, store: str, name: str | None = None) -> Iterator[dict[str, Any]]:
    """Every group, or the one of that name."""
    yield from _listed(site, "identitystore.ListGroups", "Groups", store, "DisplayName", name)


def splits(name: str, mark: str) -> list[tuple[str, str]]:
    """Every way to part a name in two at the mark, the last mark first: names may hold it themselves."""
    parts = name.split(mark)
    return [(mark.join(parts[:at]), mark.join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]


def groups_at_the_end(site: ReadSite, store: str, name: str) -> Iterator[dict[str, Any]]:
    """Every group by whose name an assignment's name may end."""
    for _, group in splits(name, "@"):
        yield from list(groups(site, store, group))


def users(site: ReadSite, store: str, name: str | None = None) -> Iterator[dict[str, Any]]:
    """Every user, or the one of that name."""
    yield from _listed(site, "identitystore.ListUsers", "Users", store, "UserName", name)


def _listed(
    site: ReadSite, operation: str, key: str, store: str, path: str, name: str | None
) -> Iterator[dict[str, Any]]:
    only = {} if name is None else {"Filters": [{"AttributePath": path, "AttributeValue": name}]}
    for one in site.pages(operation, key, IdentityStoreId=store, **only):
        if name is None or one[path].lower() == name.lower():
            yield one
