"""Rules over AWS Budgets: actions, which the emulator lacks.

The one rule it keeps: an action is kept and shown as AWS shows it; nothing is ever spent here, so none is executed.
"""

from __future__ import annotations

import uuid
from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal


@strict(
    "budgets.actions",
    makes="simulated: budget actions are kept, listed and deleted; a role that Budgets may not assume is refused",
    source="budgets.CreateBudgetAction, DescribeBudgetActionsForBudget, DeleteBudgetAction, botocore 1.44.5; the "
    "refusal of the role: unverified",
)
def actions() -> None:
    """The emulator has no budget actions. Simulated: STANDBY for ever, because nothing is spent."""
    from moto.budgets.responses import BudgetsResponse
    from moto.core.responses import ActionResult
    from moto.iam.models import iam_backends

    def kept(self: Any, whose: str, name: str) -> dict[str, dict[str, Any]]:
        self.backend.describe_budget(whose, name)
        found: dict[str, dict[str, Any]] = self.backend.__dict__.setdefault("world_actions", {}).setdefault(name, {})
        return found

    def create_budget_action(self: Any) -> Any:
        whose, name = self._get_param("AccountId"), self._get_param("BudgetName")
        role = self._get_param("ExecutionRoleArn")
        roles = iam_backends[whose]["aws"].roles.values()
        trust = next((one.assume_role_policy_document for one in roles if one.arn == role), "")
        if "budgets.amazonaws.com" not in trust:
            raise Refusal("InvalidParameterException", f"Budgets cannot assume {role}")
        number = str(uuid.uuid4())
        shown = ("NotificationType", "ActionType", "ActionThreshold", "Definition", "ApprovalModel", "Subscribers")
        kept(self, whose, name)[number] = {
            "ActionId": number, "BudgetName": name, "ExecutionRoleArn": role, "Status": "STANDBY",
        } | {field: self._get_param(field) for field in shown}  # fmt: skip
        return ActionResult({"AccountId": whose, "BudgetName": name, "ActionId": number})

    def describe_budget_actions_for_budget(self: Any) -> Any:
        found = kept(self, self._get_param("AccountId"), self._get_param("BudgetName"))
        return ActionResult({"Actions": list(found.values())})

    def delete_budget_action(self: Any) -> Any:
        whose, name, number = (self._get_param(field) for field in ("AccountId", "BudgetName", "ActionId"))
        action = kept(self, whose, name).pop(number, None)
        if action is None:
            raise Refusal("NotFoundException", f"there is no action {number}")
        return ActionResult({"AccountId": whose, "BudgetName": name, "Action": action})

    add(BudgetsResponse, "create_budget_action")(create_budget_action)
    add(BudgetsResponse, "describe_budget_actions_for_budget")(describe_budget_actions_for_budget)
    add(BudgetsResponse, "delete_budget_action")(delete_budget_action)
