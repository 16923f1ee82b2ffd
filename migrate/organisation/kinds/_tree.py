"""How the kinds of Organizations find their way through the tree. The rule: by names, because ids are AWS's own."""

from collections.abc import Iterator
from typing import Any

from migrate.kind import ReadSite, pair_tags
from migrate.organisation.wanted import NO_ORGANIZATION, unless_gone

READS = frozenset(
    {
        "organizations.ListAccounts",
        "organizations.ListOrganizationalUnitsForParent",
        "organizations.ListRoots",
    }
)
"""What every function here may send."""


def root(site: ReadSite) -> dict[str, Any] | None:
    """The root, or None where there is no organisation."""
    answer = site.optional("organizations.ListRoots", missing=(NO_ORGANIZATION,))
    roots = (answer or {}).get("Roots") or [None]
    found: dict[str, Any] | None = roots[0]
    return found


def units(site: ReadSite) -> Iterator[tuple[str, str, str, str]]:
    """Every unit: path, id, ARN, id of its parent; a unit before what lies in it."""
    top = root(site)
    if top is not None:
        yield from _below(site, "", str(top["Id"]))


def _below(site: ReadSite, above: str, parent: str) -> Iterator[tuple[str, str, str, str]]:
    for unit in _children(site, parent):
        path = f"{above}/{unit['Name']}" if above else str(unit["Name"])
        yield path, unit["Id"], unit["Arn"], parent
        yield from _below(site, path, unit["Id"])


def unit(site: ReadSite, path: str) -> tuple[str, str, str, str] | None:
    """One unit by its path: path, id, ARN, id of its parent."""
    top = root(site)
    at = (path, "", "", "") if top is None else ("", str(top["Id"]), "", "")
    for name in path.split("/"):
        found = next((one for one in _children(site, at[1]) if one["Name"] == name), None) if at[1] else None
        if found is None:
            return None
        at = path, found["Id"], found["Arn"], at[1]
    return at


def _children(site: ReadSite, parent: str) -> list[dict[str, Any]]:
    return listed(site, "organizations.ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=parent)


def listed(site: ReadSite, operation: str, key: str, **params: Any) -> list[Any]:
    """Every element of a listing about one thing; none where that went away meanwhile."""
    return unless_gone(lambda: list(site.pages(operation, key, **params)), [])


def parent(site: ReadSite, account: str) -> str:
    """The unit or root in which an account lies."""
    parents = listed(site, "organizations.ListParents", "Parents", ChildId=account)
    return str(parents[0]["Id"]) if parents else ""


def accounts(site: ReadSite) -> Iterator[dict[str, Any]]:
    """Every account that is not closed. Nothing where there is no organisation."""
    if root(site) is not None:
        for account in site.pages("organizations.ListAccounts", "Accounts"):
            if account.get("State", account.get("Status")) not in ("SUSPENDED", "PENDING_CLOSURE", "CLOSED"):
                yield account


def tags(site: ReadSite, resource: str) -> dict[str, str]:
    """The tags of a unit, account or policy."""
    return pair_tags(listed(site, "organizations.ListTagsForResource", "Tags", ResourceId=resource))


def target(site: ReadSite, text: str) -> str | None:
    """The id of what a policy is attached to: `root`, `unit:<path>` or `account:<e-mail>`."""
    sort, _, name = text.partition(":")
    if sort == "root":
        top = root(site)
        return None if top is None else str(top["Id"])
    if sort == "unit":
        found = unit(site, name)
        return None if found is None else found[1]
    return next((str(one["Id"]) for one in accounts(site) if one["Email"].lower() == name), None)
