"""Saved log queries: by AWS's shapes and a told account that keeps what it is sent, and in the embedded world."""

from typing import Any

import pytest

from migrate.demo.strict.logs import saved_queries
from migrate.inventory import Resource
from migrate.kind import Place
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.values import resolve
from tests.kinds.shapes import check_request
from tests.kinds.told_site import ToldSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, two_sides

KIND = every_kind()["logs.query_definition"]
SAVED: dict[str, Any] = {
    "queryDefinitionId": "11111111-aaaa-bbbb-cccc-000000000001", "name": "shop/errors", "lastModified": 1790000000000,
    "queryString": "filter level = {{level}} | limit 20", "queryLanguage": "CWLI",
    "logGroupNames": ["/ecs/web", "/ecs/api"],
    "parameters": [{"name": "level", "defaultValue": "ERROR", "description": "how bad"}],
}  # fmt: skip
BY_SQL: dict[str, Any] = {
    "queryDefinitionId": "11111111-aaaa-bbbb-cccc-000000000002", "name": "shop/sql", "queryLanguage": "SQL",
    "queryString": "SELECT message FROM `/ecs/api`",
}  # fmt: skip


class Account:
    """What is saved in one account; ids are given by it."""

    def __init__(self, account: str, *saved: dict[str, Any]) -> None:
        self.saved = {one["queryDefinitionId"]: one for one in saved}
        self.site = ToldSite(account, REGION, KIND.reads, {"logs.DescribeQueryDefinitions": self._listed})

    def _listed(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"queryDefinitions": list(self.saved.values())}

    def send(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        check_request(operation, params)
        if operation == "logs.DeleteQueryDefinition":
            return {"success": self.saved.pop(params["queryDefinitionId"], None) is not None}
        assert operation == "logs.PutQueryDefinition"
        made = {"queryDefinitionId": f"22222222-aaaa-bbbb-cccc-{len(self.saved):012}", **params}
        self.saved[made["queryDefinitionId"]] = made
        return made


def place(found: Resource) -> Place:
    step = f"{TARGET}/{REGION}/{KIND.name}/{found.ref.name}:create"
    return Place("shop", TARGET, Region(REGION), found.ref.name, step, (TARGET,))


@pytest.mark.parametrize("saved", [SAVED, BY_SQL], ids=["in its own language", "in SQL"])
def test_a_saved_query_arrives_whole_is_found_again_and_goes_without_a_trace(saved: dict[str, Any]) -> None:
    legacy, target = Account(LEGACY, saved), Account(TARGET)
    (found,) = KIND.scan(legacy.site)
    it = KIND.typed(found)
    (request,) = KIND.action("create").requests(it, place(found))
    assert KIND.locate(target.site, place(found), {}, it) is None

    answer = target.send(request.operation, request.params)

    again = KIND.locate(target.site, place(found), {}, it)
    assert again is not None
    assert again.facts == found.facts
    assert again.ref.name == answer["queryDefinitionId"] != found.ref.name
    assert KIND.locate(target.site, place(found), KIND.outputs(again), it) == again
    kept = {key: value for key, value in saved.items() if key not in ("queryDefinitionId", "lastModified")}
    assert {key: sorted(value) if key == "logGroupNames" else value for key, value in kept.items()} == request.params
    assert request.undo is not None
    undo: Any = resolve(request.undo.params, {("create", "id"): again.ref.name})
    target.send(request.undo.operation, undo)
    assert target.saved == {}


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("name", {"name": "shop/other"}),
        ("query", {"queryString": "limit 1"}),
        ("language", {"queryLanguage": "PPL"}),
        ("log_groups", {"logGroupNames": ["/ecs/web"]}),
        ("parameters", {"parameters": []}),
    ],
)
def test_each_change_of_a_saved_query_is_one_changed_fact(field: str, changed: dict[str, Any]) -> None:
    (before,), (after,) = KIND.scan(Account(LEGACY, SAVED).site), KIND.scan(Account(LEGACY, SAVED | changed).site)

    assert {name for name in before.facts if before.facts[name] != after.facts[name]} == {field}


def test_two_queries_of_one_name_are_never_picked_from() -> None:
    (found,) = KIND.scan(Account(LEGACY, SAVED).site)
    both = Account(TARGET, SAVED, SAVED | {"queryDefinitionId": "another"})

    with pytest.raises(ValueError, match="2 saved queries are called 'shop/errors'"):
        KIND.locate(both.site, place(found), {}, KIND.typed(found))


def test_a_saved_query_names_its_groups_and_is_known_by_its_name() -> None:
    (found,) = KIND.scan(Account(LEGACY, SAVED).site)
    it = KIND.typed(found)

    group = Ref(AccountId(LEGACY), Region(REGION), "logs.log_group", "/ecs/api")
    assert [need.on for need in KIND.needs(it)] == [group, group._replace(name="/ecs/web")]
    assert KIND.called(it) == ("shop/errors",)
    assert list(KIND.scan(Account(LEGACY, SAVED).site, only="no-such-id")) == []


def test_the_embedded_world_keeps_saved_queries_and_takes_each_name_once(monkeypatch: pytest.MonkeyPatch) -> None:
    saved_queries()
    with two_sides(monkeypatch) as world:
        logs = world.client("legacy", "logs")
        made = logs.put_query_definition(name="a", queryString="limit 1")["queryDefinitionId"]

        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.put_query_definition(name="a", queryString="limit 2")
        assert [one["queryString"] for one in logs.describe_query_definitions()["queryDefinitions"]] == ["limit 1"]
        assert world.client("target", "logs").describe_query_definitions()["queryDefinitions"] == []
        logs.delete_query_definition(queryDefinitionId=made)
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            logs.delete_query_definition(queryDefinitionId=made)
