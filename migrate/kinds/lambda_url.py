"""Function URL: a public address of a function or of an alias. The rule: the address is AWS's to give, so every mention
of the old one waits for the new one; who calls it from outside has to be told."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from migrate.inventory import Resource
from migrate.kind import (
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    after,
    join,
    same_place,
)
from migrate.kinds._content import plain
from migrate.kinds._lambda import GONE, function_names, kept, split


class UrlFacts(Facts):
    """Source: lambda.GetFunctionUrlConfig."""

    host: str
    function_arn: str
    """With the alias, where it is an alias's."""
    auth_type: str
    cors: dict[str, Json]
    invoke_mode: str


def _key(name: str) -> dict[str, Any]:
    function, _, alias = name.partition(":")
    return {"FunctionName": function} | ({"Qualifier": alias} if alias else {})


class Create(CarryAction[UrlFacts]):
    """The URL; its host is cut out of AWS's answer, for those who name it."""

    name = "create"
    title = "Create the function URL"
    writes = frozenset({"lambda.CreateFunctionUrlConfig", "lambda.DeleteFunctionUrlConfig"})

    def summary(self, it: It[UrlFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.facts.host,
            "to": {"function": it.facts.function_arn, **_key(place.name), **_params(it)},
            "how": "lambda.CreateFunctionUrlConfig; the new host is known then",
        }

    def carry(self, it: It[UrlFacts], to: Carrier) -> Mapping[str, Json]:
        key = _key(to.place.name)
        url = _standing(to)
        if url is None:
            url = to.write("lambda.CreateFunctionUrlConfig", **key, **_params(it))
        to.remember("host", host_of(url))
        to.remember("id", to.place.name)
        return {"urls": 1}

    def prove(self, it: It[UrlFacts], to: Carrier) -> Proof:
        url = _standing(to)
        there = host_of(url) if url else None
        known = to.outputs.get("host")
        differences = () if there == known else (f"host: expected {known}, found {there}",)
        return Proof("different" if differences else "equal", ("host",), differences)

    def uncarry(self, it: It[UrlFacts], to: Carrier) -> None:
        if _standing(to) is not None:
            to.write("lambda.DeleteFunctionUrlConfig", **_key(to.place.name))


def _params(it: It[UrlFacts]) -> dict[str, Json]:
    facts = it.facts
    cors = {"Cors": facts.cors} if facts.cors else {}
    return {"AuthType": facts.auth_type, "InvokeMode": facts.invoke_mode} | cors


def _standing(to: Carrier) -> dict[str, Any] | None:
    return _read(to.target, to.place.name)


def _read(site: ReadSite, name: str) -> dict[str, Any] | None:
    answer = site.optional("lambda.GetFunctionUrlConfig", missing=GONE, **_key(name))
    # An endpoint may answer for the function where it was asked for an alias.
    return answer if answer and split(answer["FunctionArn"])[1] == name.partition(":")[2] else None


def host_of(url: Mapping[str, Any]) -> str:
    """The host of AWS's answer."""
    return urlsplit(str(url["FunctionUrl"])).hostname or ""


class Url(Kind[UrlFacts]):
    """A function's own address. The old address is not carried: who calls it from outside of the account has to be told
    the new one. Who may call it stands in the function's policy, or the alias's."""

    name = "lambda.url"
    title = "Lambda function URL"
    facts = UrlFacts
    stamped = False
    reads = frozenset(
        {"lambda.GetFunctionConfiguration", "lambda.GetFunctionUrlConfig", "lambda.ListAliases", "lambda.ListFunctions"}
    )
    volatile = frozenset({"host"})
    part_of = ("lambda.function", "lambda.alias")
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            names = [only]
        else:
            functions = function_names(site, None)
            key = "Aliases[].Name"
            aliases = site.map(
                lambda n: list(site.pages("lambda.ListAliases", key, FunctionName=n, MaxItems=100)), functions
            )
            names = [
                name
                for function, some in zip(functions, aliases, strict=True)
                for name in (function, *(f"{function}:{alias}" for alias in some))
            ]
        for name, url in zip(names, site.map(lambda name: _read(site, name), names), strict=True):
            if url is not None:
                yield self.found(site, name, _facts(site, name, url), arn="")

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.ref.name, "host": found.facts["host"]}

    def names(self, it: It[UrlFacts], place: Place) -> Iterator[Name]:
        host = after("create", "host")
        yield Name(it.facts.host, host, "host")
        yield Name(f"https://{it.facts.host}", join("https://", host), "url")

    def needs(self, it: It[UrlFacts]) -> Iterator[Need]:
        function, _, alias = it.ref.name.partition(":")
        seen_in = "lambda.GetFunctionUrlConfig FunctionArn"
        yield Need(same_place(it, "lambda.function", function), "member of", "hard", seen_in)
        if alias:
            yield Need(same_place(it, "lambda.alias", it.ref.name), "routes to", "hard", seen_in)


def _facts(site: ReadSite, name: str, url: Mapping[str, Any]) -> UrlFacts:
    cors = kept(url, "Cors").get("Cors", {})
    return UrlFacts(
        host=host_of(url),
        function_arn=f"arn:aws:lambda:{site.region}:{site.account}:function:{name}",
        auth_type=url["AuthType"],
        cors={key: sorted(value) if isinstance(value, list) else value for key, value in plain(cors).items()},
        invoke_mode=str(url.get("InvokeMode") or "BUFFERED").upper(),
    )


KINDS = (Url(),)
