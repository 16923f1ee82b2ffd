"""budgets.budget and budgets.action, with the role that AWS Budgets acts under. The rule: a budget is no hard cap.

Spending is known some hours late, so an account can pass its budget before anything stops it: the plan says so.
"""

import json
from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request, after
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import VOLATILE, Make, Wanted, WantedKind, called
from migrate.values import Json, as_json

THRESHOLDS = (("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
ROLE = "migrate-budget-actions"
GONE = ("NotFoundException",)


class Budget(Wanted):
    """Source: budgets.DescribeBudgets, budgets.DescribeNotificationsForBudget."""

    account: str
    usd: str
    email: str = ""
    told: list[str]
    """Each notification as `ACTUAL 50`."""


class CreateBudget(Make[Budget]):
    """CreateBudget for what one account costs, in the management account."""

    title = "Create budget"

    def requests(self, it: It[Budget], place: Place) -> list[Request]:
        told = [
            {
                "Notification": {
                    "NotificationType": sort, "ComparisonOperator": "GREATER_THAN", "Threshold": percent,
                    "ThresholdType": "PERCENTAGE",
                },
                "Subscribers": [{"SubscriptionType": "EMAIL", "Address": it.facts.email}],
            }
            for sort, percent in THRESHOLDS
        ]  # fmt: skip
        params: dict[str, Json] = {
            "AccountId": place.account,
            "Budget": {
                "BudgetName": it.ref.name, "BudgetType": "COST", "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": it.facts.usd, "Unit": "USD"},
                "CostFilters": {"LinkedAccount": [it.facts.account]},
            },
            "NotificationsWithSubscribers": told,
        }  # fmt: skip
        gone: dict[str, Json] = {"AccountId": place.account, "BudgetName": it.ref.name}
        undo = Request("budgets.DeleteBudget", gone, done=GONE)
        return [Request("budgets.CreateBudget", params, once="named", creates=True, undo=undo)]


class BudgetKind(WantedKind[Budget]):
    """A month's budget of one account."""

    name = "budgets.budget"
    title = "Budget"
    facts = Budget
    reads = frozenset({"budgets.DescribeBudgets", "budgets.DescribeNotificationsForBudget"})
    stamped = False
    volatile = VOLATILE | {"email"}
    unordered = frozenset({"told"})
    actions = (CreateBudget(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every budget of one linked account, or the one of that name."""
        for one in list(site.pages("budgets.DescribeBudgets", "Budgets", AccountId=site.account)):
            accounts = (one.get("CostFilters") or {}).get("LinkedAccount") or []
            if only not in (None, one["BudgetName"]) or len(accounts) != 1:
                continue
            told = _tree.listed(
                site, "budgets.DescribeNotificationsForBudget", "Notifications", AccountId=site.account,
                BudgetName=one["BudgetName"],
            )  # fmt: skip
            facts = Budget(
                id=one["BudgetName"], stands=True, account=accounts[0], usd=amount(one["BudgetLimit"]["Amount"]),
                told=sorted(f"{n['NotificationType']} {float(n['Threshold']):.0f}" for n in told),
            )  # fmt: skip
            yield self.found(site, one["BudgetName"], facts, arn="")

    def needs(self, it: It[Budget]) -> Iterator[Need]:
        """The account."""
        yield Need(it.facts.account, "names", "hard", "budgets.CreateBudget CostFilters.LinkedAccount")


def amount(usd: float | str) -> str:
    """Dollars as both sides write them."""
    return f"{float(usd):.2f}"


class BudgetAction(Wanted):
    """Source: budgets.DescribeBudgetActionsForBudget. The name is the budget's."""

    account: str
    policy: str
    role: str
    email: str = ""


class CreateAction(Make[BudgetAction]):
    """CreateBudgetAction: at 100 % of the budget AWS attaches the policy to the account, without asking anyone."""

    title = "Put the deny-create policy on the account when its budget is used up"

    def requests(self, it: It[BudgetAction], place: Place) -> list[Request]:
        whose: dict[str, Json] = {"AccountId": place.account, "BudgetName": it.ref.name}
        params = whose | {
            "NotificationType": "ACTUAL", "ActionType": "APPLY_SCP_POLICY",
            "ActionThreshold": {"ActionThresholdValue": 100, "ActionThresholdType": "PERCENTAGE"},
            "Definition": {"ScpActionDefinition": {"PolicyId": it.facts.policy, "TargetIds": [it.facts.account]}},
            "ExecutionRoleArn": it.facts.role, "ApprovalModel": "AUTOMATIC",
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": it.facts.email}],
        }  # fmt: skip
        undo = Request("budgets.DeleteBudgetAction", whose | {"ActionId": after("create", "id")}, done=GONE)
        # The role is made a moment before: Budgets does not know it at once.
        retry = ("InvalidParameterException", "AccessDeniedException")
        return [
            Request(
                "budgets.CreateBudgetAction", params, once="named", creates=True, outputs={"id": "ActionId"},
                retry=retry, undo=undo,
            )
        ]  # fmt: skip


class ActionKind(WantedKind[BudgetAction]):
    """What happens to the account when its budget is used up."""

    name = "budgets.action"
    title = "Budget action"
    facts = BudgetAction
    reads = frozenset({"budgets.DescribeBudgets", "budgets.DescribeBudgetActionsForBudget"})
    stamped = False
    volatile = VOLATILE | {"email"}
    actions = (CreateAction(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every action that puts one policy on one account, or the one of that budget."""
        for budget in list(site.pages("budgets.DescribeBudgets", "Budgets", AccountId=site.account)):
            if only not in (None, budget["BudgetName"]):
                continue
            actions = _tree.listed(
                site, "budgets.DescribeBudgetActionsForBudget", "Actions", AccountId=site.account,
                BudgetName=budget["BudgetName"],
            )  # fmt: skip
            for one in actions:
                scp = one["Definition"].get("ScpActionDefinition")
                if scp and len(scp["TargetIds"]) == 1:
                    facts = BudgetAction(
                        id=one["ActionId"], stands=True, account=scp["TargetIds"][0], policy=scp["PolicyId"],
                        role=one["ExecutionRoleArn"],
                    )  # fmt: skip
                    yield self.found(site, budget["BudgetName"], facts, arn="")

    def needs(self, it: It[BudgetAction]) -> Iterator[Need]:
        """The budget, the policy, the role and the account."""
        yield Need(called("budgets.budget", it.ref.name), "in", "hard", "budgets.CreateBudgetAction BudgetName")
        for on in (it.facts.policy, it.facts.role, it.facts.account):
            yield Need(on, "names", "hard", "budgets.CreateBudgetAction Definition")


class Role(Wanted):
    """Source: iam.GetRole, iam.GetRolePolicy."""

    trust: dict[str, Json]
    policy: dict[str, Json]


class CreateRole(Make[Role]):
    """CreateRole in the management account, with the two permissions that the action needs."""

    title = "Create the role that AWS Budgets acts under"

    def requests(self, it: It[Role], place: Place) -> list[Request]:
        name: dict[str, Json] = {"RoleName": it.ref.name}
        stamp: Any = [{"Key": key, "Value": value} for key, value in sorted(place.stamp({}).items())]
        trust = name | {"AssumeRolePolicyDocument": as_json(it.facts.trust), "Tags": stamp}
        inline = name | {"PolicyName": it.ref.name, "PolicyDocument": as_json(it.facts.policy)}
        away = name | {"PolicyName": it.ref.name}
        gone = ("NoSuchEntity",)
        return [
            Request("iam.CreateRole", trust, once="named", creates=True, outputs={"id": "Role.Arn"},
                    undo=Request("iam.DeleteRole", name, done=gone)),
            Request("iam.PutRolePolicy", inline, undo=Request("iam.DeleteRolePolicy", away, done=gone)),
        ]  # fmt: skip


class RoleKind(WantedKind[Role]):
    """The role of AWS Budgets."""

    name = "iam.budget_role"
    title = "Role of AWS Budgets"
    facts = Role
    reads = frozenset({"iam.GetRole", "iam.GetRolePolicy"})
    actions = (CreateRole(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The role, where it stands."""
        name = only or ROLE
        answer = site.optional("iam.GetRole", missing=("NoSuchEntity",), RoleName=name)
        if answer is None:
            return
        role = answer["Role"]
        inline = site.optional("iam.GetRolePolicy", missing=("NoSuchEntity",), RoleName=name, PolicyName=name)
        facts = Role(
            id=role["Arn"], stands=True, trust=_document(role["AssumeRolePolicyDocument"]),
            policy=_document((inline or {}).get("PolicyDocument") or {}),
        )  # fmt: skip
        tags = {tag["Key"]: tag["Value"] for tag in role.get("Tags") or ()}
        yield self.found(site, name, facts, arn=role["Arn"], tags=tags)


def _document(value: Json) -> dict[str, Json]:
    """botocore decodes IAM's documents; a text is one that it did not."""
    return dict(json.loads(value) if isinstance(value, str) else value)


KINDS = (ActionKind(), BudgetKind(), RoleKind())
