"""Rules over Cost Explorer: cost allocation tags and the list of cost categories, which the emulator lacks.

The one rule it keeps: only a tag that is in use can be activated.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, strict

NAMES = ("list_cost_allocation_tags", "update_cost_allocation_tags_status", "list_cost_category_definitions")


def in_use(account: str) -> list[str]:
    """Tags of the organisation's accounts. AWS takes up to a day, and looks at resources too."""
    from moto.organizations.models import organizations_backends

    return sorted({str(key) for one in organizations_backends[account]["aws"].accounts for key in one.tags})


@strict(
    "ce.allocation-tags",
    makes="cost allocation tags are listed once an account of the organisation has them, and only those are activated",
    source="ce.ListCostAllocationTags, ce.UpdateCostAllocationTagsStatus (Errors), botocore 1.44.5; which tags count, "
    "and the error's code: simulated, AWS takes up to 24 hours",
)
def allocation_tags() -> None:
    """The emulator has neither operation."""
    from moto.ce.responses import CostExplorerResponse
    from moto.core.responses import ActionResult

    def states(self: Any) -> dict[str, str]:
        found: dict[str, str] = self.ce_backend.__dict__.setdefault("world_tags", {})
        return found

    def listed(self: Any) -> Any:
        keys = self._get_param("TagKeys")
        tags = [
            {"TagKey": key, "Type": "UserDefined", "Status": states(self).get(key, "Inactive")}
            for key in in_use(self.current_account)
            if keys is None or key in keys
        ]
        return ActionResult({"CostAllocationTags": tags})

    def update(self: Any) -> Any:
        known, errors = in_use(self.current_account), []
        for one in self._get_param("CostAllocationTagsStatus"):
            if one["TagKey"] in known:
                states(self)[one["TagKey"]] = one["Status"]
            else:
                errors.append({"TagKey": one["TagKey"], "Code": "TagKeysNotFoundException", "Message": "not found"})
        return ActionResult({"Errors": errors})

    add(CostExplorerResponse, "list_cost_allocation_tags")(listed)
    add(CostExplorerResponse, "update_cost_allocation_tags_status")(update)


@strict(
    "ce.list-categories",
    makes="cost categories are listed",
    source="ce.ListCostCategoryDefinitions, botocore 1.44.5",
)
def list_categories() -> None:
    """The emulator makes and shows cost categories, and does not list them."""
    from moto.ce.responses import CostExplorerResponse
    from moto.core.responses import ActionResult

    def listed(self: Any) -> Any:
        kept = self.ce_backend.cost_categories
        found = [
            {"CostCategoryArn": arn, "Name": one.name, "EffectiveStart": one.effective_start,
             "NumberOfRules": len(one.rules), "Values": [rule["Value"] for rule in one.rules]}
            for arn, one in kept.items()
        ]  # fmt: skip
        return ActionResult({"CostCategoryReferences": found})

    add(CostExplorerResponse, "list_cost_category_definitions")(listed)
