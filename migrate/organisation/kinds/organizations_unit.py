"""organizations.organizational_unit: a unit, by its path. The rule: one that is not empty is not deleted."""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request, after, tag_pairs
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, ROOT, VOLATILE, Make, Wanted, WantedKind
from migrate.values import Json


class Unit(Wanted):
    """Source: organizations.ListOrganizationalUnitsForParent."""

    parent: str = ROOT
    is_kept: bool = False
    """A rollback leaves it: accounts that AWS cannot delete lie in it then."""


class CreateUnit(Make[Unit]):
    """CreateOrganizationalUnit."""

    title = "Create organizational unit"

    def requests(self, it: It[Unit], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "ParentId": it.facts.parent,
            "Name": it.ref.name.rpartition("/")[2],
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        gone = Request(
            "organizations.DeleteOrganizationalUnit", {"OrganizationalUnitId": after("create", "id")},
            done=("OrganizationalUnitNotFoundException",), retry=BUSY,
        )  # fmt: skip
        return [
            Request(
                "organizations.CreateOrganizationalUnit", params, once="named", creates=True, retry=BUSY,
                outputs={"id": "OrganizationalUnit.Id"}, undo=None if it.facts.is_kept else gone,
            )
        ]  # fmt: skip


class UnitKind(WantedKind[Unit]):
    """An organizational unit."""

    name = "organizations.organizational_unit"
    title = "Organizational unit"
    facts = Unit
    reads = _tree.READS | {"organizations.ListTagsForResource"}
    volatile = VOLATILE | {"is_kept"}
    actions = (CreateUnit(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every unit of the tree, or the one at that path."""
        one = _tree.unit(site, only) if only is not None else None
        for path, unit_id, arn, parent in [one] if one else [] if only is not None else list(_tree.units(site)):
            facts = Unit(id=unit_id, stands=True, parent=parent)
            yield self.found(site, path, facts, arn=arn, tags=_tree.tags(site, unit_id))

    def needs(self, it: It[Unit]) -> Iterator[Need]:
        """What it lies in."""
        yield Need(it.facts.parent, "in", "hard", "organizations.CreateOrganizationalUnit ParentId")


KINDS = (UnitKind(),)
