"""Saved queries of CloudWatch Logs Insights. The rule: they read and keep nothing, so they are made beside legacy's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, after, same_place

GONE = ("ResourceNotFoundException",)


class QueryDefinitionFacts(Facts):
    """Source: logs.DescribeQueryDefinitions."""

    name: str
    query: str
    language: str
    """CWLI, PPL or SQL; CWLI where AWS shows none: older ones have no other. Unverified."""
    log_groups: list[str]
    """Those it is saved with. In SQL they stand in the query itself."""
    parameters: list[dict[str, str]]
    """As PutQueryDefinition takes them."""


class Create(Action[QueryDefinitionFacts]):
    """The query, under its name."""

    name = "create"
    title = "Save the query"
    # It names its groups by plain names: no reference in the request says what comes first.
    after_kinds = ("logs.log_group.create",)

    def requests(self, it: It[QueryDefinitionFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {"name": facts.name, "queryString": facts.query, "queryLanguage": facts.language}
        if facts.log_groups:
            made["logGroupNames"] = facts.log_groups
        if facts.parameters:
            made["parameters"] = facts.parameters
        # clientToken takes 36 characters or more, our tokens have 32: a repeat is told by the name.
        undo = Request("logs.DeleteQueryDefinition", {"queryDefinitionId": after("create", "id")}, done=GONE)
        out = {"id": "queryDefinitionId"}
        return [Request("logs.PutQueryDefinition", made, once="named", creates=True, outputs=out, undo=undo)]


class QueryDefinition(Kind[QueryDefinitionFacts]):
    """A saved query, called by its id; placement rules match its name too. Results and history stay in legacy.

    Log groups of linked source accounts are named as they are: the target needs that link itself.
    """

    name = "logs.query_definition"
    title = "Saved log query"
    facts = QueryDefinitionFacts
    named = False
    stamped = False
    reads = frozenset({"logs.DescribeQueryDefinitions"})
    unordered = frozenset({"log_groups", "parameters"})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # AWS looks for a name's beginning only, not for an id.
        for one in site.pages("logs.DescribeQueryDefinitions", "queryDefinitions", maxResults=1000):
            if only in (None, one["queryDefinitionId"]):
                yield self.found(site, one["queryDefinitionId"], _facts(one), arn="")

    def needs(self, it: It[QueryDefinitionFacts]) -> Iterator[Need]:
        for group in it.facts.log_groups:
            on = group if group.startswith("arn:") else same_place(it, "logs.log_group", group)
            yield Need(on, "reads", "soft", "logs.DescribeQueryDefinitions queryDefinitions[].logGroupNames[]")

    def called(self, it: It[QueryDefinitionFacts]) -> tuple[str, ...]:
        return (it.facts.name,)

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.ref.name}

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[QueryDefinitionFacts]
    ) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        same = [one for one in self.scan(site) if one.facts["name"] == it.facts.name]
        if len(same) > 1:
            ids = ", ".join(one.ref.name for one in same)
            raise ValueError(f"{len(same)} saved queries are called {it.facts.name!r}: {ids}")
        return same[0] if same else None


def _facts(one: Mapping[str, Any]) -> QueryDefinitionFacts:
    return QueryDefinitionFacts(
        name=one["name"],
        query=one["queryString"],
        language=one.get("queryLanguage") or "CWLI",
        log_groups=sorted(one.get("logGroupNames") or ()),
        parameters=[
            {key: str(value) for key, value in sorted(each.items()) if value is not None}
            for each in one.get("parameters") or ()
        ],
    )


KINDS = (QueryDefinition(),)
