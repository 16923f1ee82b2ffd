"""ce.cost_allocation_tag, ce.cost_category: one bill, told apart. The rule: what is not in use yet is not waited for.

AWS lists a tag for activation up to 24 hours after it was first used: until then the plan says so, and wants nothing.
Source: AWS Billing User Guide, "Activating user-defined cost allocation tags", read 2026-11.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, It, Need, Place, ReadSite, Request, tag_pairs
from migrate.organisation.wanted import Make, Wanted, WantedKind, own
from migrate.values import Json

ACTIVE, INACTIVE = "Active", "Inactive"
VERSION = "CostCategoryExpression.v1"
GONE = ("ResourceNotFoundException",)


class AllocationTag(Wanted):
    """Source: ce.ListCostAllocationTags. The name is the tag's key."""

    status: str = ACTIVE


class Activate(Action[AllocationTag]):
    """UpdateCostAllocationTagsStatus. Undone: inactive again; what was billed meanwhile stays told apart."""

    name = "change"
    title = "Tell costs apart by a tag from now on"
    undo_class = "R1"
    sets = frozenset({"status"})

    def applies(self, it: It[AllocationTag]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[AllocationTag], place: Place) -> list[Request]:
        def put(status: str) -> Request:
            entry: Json = [{"TagKey": it.ref.name, "Status": status}]
            return Request("ce.UpdateCostAllocationTagsStatus", {"CostAllocationTagsStatus": entry})

        return [put(ACTIVE)._replace(undo=put(INACTIVE))]


class AllocationTagKind(WantedKind[AllocationTag]):
    """A tag by which the bill is told apart."""

    name = "ce.cost_allocation_tag"
    title = "Cost allocation tag"
    facts = AllocationTag
    reads = frozenset({"ce.ListCostAllocationTags"})
    stamped = False
    adjustable = frozenset({"status"})
    actions = (Activate(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every tag that AWS has seen in use, or the one of that key."""
        keys = {} if only is None else {"TagKeys": [only]}
        for one in site.pages("ce.ListCostAllocationTags", "CostAllocationTags", **keys):
            if only in (None, one["TagKey"]):
                facts = AllocationTag(id=one["TagKey"], stands=True, status=one["Status"])
                yield self.found(site, one["TagKey"], facts, arn="")


class Category(Wanted):
    """Source: ce.ListCostCategoryDefinitions, ce.DescribeCostCategoryDefinition."""

    members: list[dict[str, Json]]
    """`value` and `account`, one for each account."""
    default: str = ""
    others: int = 0
    """Rules that look at something else than the account: a person's."""


def _definition(members: list[dict[str, Json]], default: str) -> dict[str, Json]:
    accounts: dict[str, list[Json]] = {}
    for one in members:
        accounts.setdefault(str(one["value"]), []).append(one["account"])
    rules: list[Json] = [
        {
            "Value": value, "Type": "REGULAR",
            "Rule": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": those, "MatchOptions": ["EQUALS"]}},
        }
        for value, those in sorted(accounts.items())
    ]  # fmt: skip
    return {"RuleVersion": VERSION, "Rules": rules} | ({"DefaultValue": default} if default else {})


class CreateCategory(Make[Category]):
    """CreateCostCategoryDefinition. It counts from the start of the month."""

    title = "Create cost category"

    def requests(self, it: It[Category], place: Place) -> list[Request]:
        params = {"Name": it.ref.name, "ResourceTags": tag_pairs(place.stamp(it.tags))}
        gone = Request("ce.DeleteCostCategoryDefinition", {"CostCategoryArn": own(it)}, done=GONE)
        return [
            Request(
                "ce.CreateCostCategoryDefinition", params | _definition(it.facts.members, it.facts.default),
                once="named", creates=True, outputs={"id": "CostCategoryArn"}, undo=gone,
            )
        ]  # fmt: skip


class ChangeCategory(Action[Category]):
    """UpdateCostCategoryDefinition. Undone: the accounts that it named before."""

    name = "change"
    title = "Change cost category"
    undo_class = "R1"
    sets = frozenset({"members", "default"})

    def applies(self, it: It[Category]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[Category], place: Place) -> list[Request]:
        def put(said: Mapping[str, Any]) -> Request:
            params: dict[str, Json] = {"CostCategoryArn": own(it)}
            return Request("ce.UpdateCostCategoryDefinition", params | _definition(said["members"], said["default"]))

        wanted = {"members": it.facts.members, "default": it.facts.default}
        return [put(wanted)._replace(undo=put(wanted | (it.facts.before or {})))]


class CategoryKind(WantedKind[Category]):
    """A cost category: accounts under a name of people's own."""

    name = "ce.cost_category"
    title = "Cost category"
    facts = Category
    reads = frozenset({"ce.DescribeCostCategoryDefinition", "ce.ListCostCategoryDefinitions", "ce.ListTagsForResource"})
    adjustable = frozenset({"members", "default"})
    unordered = frozenset({"members"})
    actions = (CreateCategory(), ChangeCategory())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every cost category, or the one of that name."""
        for one in list(site.pages("ce.ListCostCategoryDefinitions", "CostCategoryReferences")):
            if only not in (None, one["Name"]):
                continue
            arn = one["CostCategoryArn"]
            answer = site.optional("ce.DescribeCostCategoryDefinition", missing=GONE, CostCategoryArn=arn)
            if answer is None:
                continue
            shown = answer["CostCategory"]
            plain = [rule for rule in shown["Rules"] if _accounts(rule) is not None]
            members = [{"value": rule["Value"], "account": each} for rule in plain for each in _accounts(rule) or ()]
            facts = Category(
                id=arn, stands=True, members=members, default=shown.get("DefaultValue") or "",
                others=len(shown["Rules"]) - len(plain) + len(shown.get("SplitChargeRules") or ()),
            )  # fmt: skip
            listed = site.optional("ce.ListTagsForResource", missing=GONE, ResourceArn=arn) or {}
            tags = {tag["Key"]: tag["Value"] for tag in listed.get("ResourceTags") or ()}
            yield self.found(site, one["Name"], facts, arn=arn, tags=tags)

    def needs(self, it: It[Category]) -> Iterator[Need]:
        """The accounts."""
        for one in it.facts.members:
            if str(one["account"]).startswith("wanted:"):
                yield Need(str(one["account"]), "names", "hard", "ce.CreateCostCategoryDefinition Rules")


def _accounts(rule: Mapping[str, Any]) -> list[str] | None:
    """The accounts that a rule names; None: it is about something else."""
    body = rule.get("Rule") or {}
    on = body.get("Dimensions") or {}
    is_of_accounts = set(body) == {"Dimensions"} and on.get("Key") == "LINKED_ACCOUNT"
    if not is_of_accounts or on.get("MatchOptions") not in (None, ["EQUALS"]):
        return None
    return [str(value) for value in on.get("Values") or ()]


KINDS = (AllocationTagKind(), CategoryKind())
