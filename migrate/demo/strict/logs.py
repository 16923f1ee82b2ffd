"""Saved queries of CloudWatch Logs Insights, which the emulator lacks.

The one rule it keeps: a query is kept as it was sent; nothing here runs one. Simulated.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal

_FIELDS = ("name", "queryString", "queryLanguage", "logGroupNames", "parameters")


@strict(
    "logs.saved-queries",
    makes="saved queries are kept, listed and deleted; a name is taken once (unverified), and none is run",
    source="logs.PutQueryDefinition, DescribeQueryDefinitions and DeleteQueryDefinition, botocore 1.44.5",
)
def saved_queries() -> None:
    """The emulator has none of the three operations."""
    from moto.core.responses import ActionResult
    from moto.logs.responses import LogsResponse

    @add(LogsResponse, "put_query_definition")
    def put_query_definition(self: Any) -> ActionResult:
        saved, given = _saved(self), self._get_param("queryDefinitionId")
        made = {name: value for name in _FIELDS if (value := self._get_param(name))}
        if given and given not in saved:
            raise Refusal("ResourceNotFoundException", "The specified query definition does not exist.")
        if any(one["name"] == made["name"] for key, one in saved.items() if key != given):
            raise Refusal("InvalidParameterException", f"A query definition named {made['name']} exists.")
        own = given or str(uuid4())
        saved[own] = made | {"queryDefinitionId": own}
        return ActionResult({"queryDefinitionId": own})

    @add(LogsResponse, "describe_query_definitions")
    def describe_query_definitions(self: Any) -> ActionResult:
        begins = self._get_param("queryDefinitionNamePrefix") or ""
        found = [one for one in _saved(self).values() if one["name"].startswith(begins)]
        return ActionResult({"queryDefinitions": found})

    @add(LogsResponse, "delete_query_definition")
    def delete_query_definition(self: Any) -> ActionResult:
        if _saved(self).pop(self._get_param("queryDefinitionId"), None) is None:
            raise Refusal("ResourceNotFoundException", "The specified query definition does not exist.")
        return ActionResult({"success": True})


def _saved(response: Any) -> dict[str, dict[str, Any]]:
    """What is saved in the asked account and region, by id."""
    kept: dict[str, dict[str, Any]] = vars(response.logs_backend).setdefault("saved_queries", {})
    return kept
