"""Lambda alias: a name for a version, or for two with shares of the calls, and who may call it by that name.

The rule: it runs the very code that it runs in legacy, whatever number the version has here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    same_place,
)
from migrate.kinds._lambda import GONE, LATEST, function_names, number_of, permits, split, statements

_SEEN_IN = "lambda.ListAliases Aliases[]"


class Share(Facts):
    """A second version with its share of the calls. Source: lambda.ListAliases."""

    version_arn: str
    weight: float


class AliasFacts(Facts):
    """Source: lambda.ListAliases, lambda.GetPolicy."""

    version_arn: str
    """The version's whole ARN: its number differs between the sides, and is renamed with it."""
    description: str
    shares: list[Share]
    policy: list[Json]
    """The statements about calls by this alias."""


class Create(Action[AliasFacts]):
    """The alias, all calls to its main version."""

    name = "create"
    title = "Create the alias"

    def requests(self, it: It[AliasFacts], place: Place) -> Sequence[Request]:
        function, _, name = place.name.partition(":")
        own: dict[str, Json] = {"FunctionName": function, "Name": name}
        version = number_of(it.facts.version_arn)
        return [
            Request(
                "lambda.CreateAlias",
                own | {"Description": it.facts.description, "FunctionVersion": version},
                once="named",
                creates=True,
                outputs={"arn": "AliasArn"},
                undo=Request("lambda.DeleteAlias", dict(own), done=GONE),
            )
        ]


class Weigh(CarryAction[AliasFacts]):
    """A share of the calls to a second version. The request names that version as a key, which is only known once the
    version is published: so it is written when it is sent, and not before."""

    name = "weigh"
    title = "Give a second version its share of the calls"
    sets = frozenset({"shares"})
    writes = frozenset({"lambda.UpdateAlias"})
    reads = frozenset({"lambda.GetAlias"})

    def applies(self, it: It[AliasFacts]) -> bool:
        return bool(it.facts.shares)

    def summary(self, it: It[AliasFacts], place: Place) -> dict[str, Json]:
        shares = [share.model_dump() for share in it.facts.shares]
        return {"from": it.arn, "to": {"alias": place.name, "shares": shares}, "how": "lambda.UpdateAlias"}

    def carry(self, it: It[AliasFacts], to: Carrier) -> Mapping[str, Json]:
        self._set(to, _weights(it, to))
        return {"shares": len(it.facts.shares)}

    def prove(self, it: It[AliasFacts], to: Carrier) -> Proof:
        function, _, name = to.place.name.partition(":")
        alias = to.target.call("lambda.GetAlias", FunctionName=function, Name=name)
        there = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        wanted = _weights(it, to)
        differences = () if there == wanted else (f"shares: expected {wanted}, found {there}",)
        return Proof("different" if differences else "equal", ("shares",), differences)

    def uncarry(self, it: It[AliasFacts], to: Carrier) -> None:
        function, _, name = to.place.name.partition(":")
        if to.target.optional("lambda.GetAlias", missing=GONE, FunctionName=function, Name=name) is not None:
            self._set(to, {})

    def _set(self, to: Carrier, weights: dict[str, float]) -> None:
        function, _, name = to.place.name.partition(":")
        routing = {"AdditionalVersionWeights": weights}
        to.write("lambda.UpdateAlias", FunctionName=function, Name=name, RoutingConfig=routing)


def _weights(it: It[AliasFacts], to: Carrier) -> dict[str, float]:
    return {str(to.rewrite(share.version_arn)).rpartition(":")[2]: share.weight for share in it.facts.shares}


class Permit(Action[AliasFacts]):
    """Who may call by this alias."""

    name = "permit"
    title = "Let its callers call the alias"
    sets = frozenset({"policy"})

    def applies(self, it: It[AliasFacts]) -> bool:
        return bool(it.facts.policy)

    def requests(self, it: It[AliasFacts], place: Place) -> Sequence[Request]:
        function, _, name = place.name.partition(":")
        return permits(it.facts.policy, {"FunctionName": function, "Qualifier": name})


class Alias(Kind[AliasFacts]):
    """An alias of a function. Its URL, its settings for asynchronous calls and its provisioned concurrency are kinds of
    their own. A deployment that is shifting its shares is carried as it stands at the scan: let it end first."""

    name = "lambda.alias"
    title = "Lambda alias"
    facts = AliasFacts
    stamped = False
    reads = frozenset(
        {
            "lambda.GetAlias",
            "lambda.GetFunctionConfiguration",
            "lambda.GetPolicy",
            "lambda.ListAliases",
            "lambda.ListFunctions",
        }
    )
    actions = (Create(), Weigh(), Permit())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            names = function_names(site, None)
            per_function = site.map(
                lambda n: list(site.pages("lambda.ListAliases", "Aliases", FunctionName=n, MaxItems=100)), names
            )
            listed = [(name, alias) for name, some in zip(names, per_function, strict=True) for alias in some]
        else:
            name, _, alias_name = only.partition(":")
            answer = None
            if alias_name:
                answer = site.optional("lambda.GetAlias", missing=GONE, FunctionName=name, Name=alias_name)
            listed = [(name, answer)] if answer else []
        policies = site.map(lambda one: statements(site, one[0], one[1]["Name"]), listed)
        for (name, alias), policy in zip(listed, policies, strict=True):
            facts = _facts(alias, f"arn:aws:lambda:{site.region}:{site.account}:function:{name}", policy)
            yield self.found(site, f"{name}:{alias['Name']}", facts, arn=alias["AliasArn"])

    def needs(self, it: It[AliasFacts]) -> Iterator[Need]:
        name, _, _ = it.ref.name.partition(":")
        yield Need(same_place(it, "lambda.function", name), "member of", "hard", f"{_SEEN_IN}.AliasArn")
        routing = f"{_SEEN_IN}.RoutingConfig.AdditionalVersionWeights"
        wanted = [(it.facts.version_arn, f"{_SEEN_IN}.FunctionVersion")]
        for arn, seen_in in wanted + [(share.version_arn, routing) for share in it.facts.shares]:
            number = split(arn)[1]
            if number:
                yield Need(same_place(it, "lambda.version", f"{name}:{number}"), "runs", "hard", seen_in)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[AliasFacts]) -> dict[str, Json]:
        shown = facts if "permit" in done else facts | {"policy": []}
        return shown if "weigh" in done else shown | {"shares": []}


def _facts(alias: Mapping[str, Any], function_arn: str, policy: list[Json]) -> AliasFacts:
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    main = alias["FunctionVersion"]
    return AliasFacts(
        version_arn=function_arn if main == LATEST else f"{function_arn}:{main}",
        description=alias.get("Description", ""),
        shares=[Share(version_arn=f"{function_arn}:{v}", weight=weights[v]) for v in sorted(weights, key=int)],
        policy=policy,
    )


KINDS = (Alias(),)
