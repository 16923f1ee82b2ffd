"""A saved log query; the emulator's lack of them is made good by the embedded world's own rule."""

from typing import Any

from migrate.demo.strict.logs import saved_queries
from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides

SAVED: dict[str, Any] = {
    "name": "shop/errors", "queryString": "fields @message | filter level = {{level}}", "queryLanguage": "CWLI",
    "logGroupNames": ["/ecs/api", "/ecs/web"],
    "parameters": [{"name": "level", "defaultValue": "ERROR", "description": "how bad"}],
}  # fmt: skip


def a_query(world: TwoSides) -> Resource:
    saved_queries()
    logs = world.client("legacy", "logs")
    for group in SAVED["logGroupNames"]:
        logs.create_log_group(logGroupName=group)
        needed.moved(world, "logs.log_group", group)
    made = logs.put_query_definition(**SAVED)
    return needed.scanned(world, "logs.query_definition", made["queryDefinitionId"])


def query_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "logs").put_query_definition(queryDefinitionId=it.ref.name, **SAVED | params)

    return change


EXAMPLES = (
    Example(
        "logs.query_definition",
        a_query,
        {
            "name": query_says(name="shop/other"),
            "query": query_says(queryString="limit 1"),
            "language": query_says(queryLanguage="PPL"),
            "log_groups": query_says(logGroupNames=["/ecs/api"]),
            "parameters": query_says(parameters=[]),
        },
    ),
)
