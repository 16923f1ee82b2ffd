"""HTTP API of API Gateway: made anew under an address that AWS gives, then filled with its routes and stages.

The rule: everything inside is told apart by what it says (a route by its key, an authorizer by its name, an integration
by all of it), never by the ids that AWS gives; so a fill that was cut off goes on where it stopped.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import (
    STEP_TAG,
    Action,
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
    Request,
    after,
    join,
)
from migrate.kinds._content import plain, sealed

_GONE = ("NotFoundException",)
_PARTS = "apigatewayv2.GetRoutes, GetIntegrations, GetAuthorizer, GetStages"
_OF_AN_API = ("CorsConfiguration", "Description", "DisableExecuteApiEndpoint", "IpAddressType", "Name", "Version")
_OF_AN_INTEGRATION = (
    "ConnectionId", "ConnectionType", "CredentialsArn", "Description", "IntegrationMethod", "IntegrationSubtype",
    "IntegrationType", "IntegrationUri", "PassthroughBehavior", "PayloadFormatVersion", "RequestParameters",
    "RequestTemplates", "ResponseParameters", "TemplateSelectionExpression", "TimeoutInMillis", "TlsConfig",
)  # fmt: skip
_OF_AN_AUTHORIZER = (
    "AuthorizerCredentialsArn", "AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds", "AuthorizerType",
    "AuthorizerUri", "EnableSimpleResponses", "IdentitySource", "IdentityValidationExpression", "JwtConfiguration",
    "Name",
)  # fmt: skip
_OF_A_ROUTE = ("AuthorizationScopes", "AuthorizationType", "OperationName", "RouteKey")
_OF_A_STAGE = (
    "AccessLogSettings", "AutoDeploy", "DefaultRouteSettings", "Description", "RouteSettings", "StageName",
    "StageVariables", "Tags",
)  # fmt: skip
"""What the creating calls take of what the reading calls show. Source: botocore 1.44.5."""


class ApiFacts(Facts):
    """Source: apigatewayv2.GetApis, GetRoutes, GetIntegrations, GetAuthorizer, GetStages."""

    id: str
    endpoint: str
    protocol: str
    settings: dict[str, Json]
    """Name, description, CORS and the like, by the names that creating takes."""
    authorizers: list[dict[str, Json]]
    """Those that a route uses, by name."""
    routes: list[dict[str, Json]]
    """By key; each with its whole integration and its authorizer's name."""
    stages: list[dict[str, Json]]

    @property
    def moves(self) -> bool:
        """Whether everything in it can be made again: WebSocket APIs and private links of a VPC are a person's work."""
        links = [route for route in self.routes if (route["integration"] or {}).get("ConnectionType") == "VPC_LINK"]
        return self.protocol == "HTTP" and not links


class Create(Action[ApiFacts]):
    """The API, empty: its id and its address are known then."""

    name = "create"
    title = "Create the HTTP API, empty"

    def applies(self, it: It[ApiFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[ApiFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "apigatewayv2.CreateApi",
                it.facts.settings | {"ProtocolType": it.facts.protocol, "Tags": place.stamp(it.tags)},
                once="tagged",
                creates=True,
                outputs={"id": "ApiId"},
                undo=Request("apigatewayv2.DeleteApi", {"ApiId": after("create", "id")}, done=_GONE),
            )
        ]


class Fill(CarryAction[ApiFacts]):
    """Authorizers, integrations, routes, and at last the stages, by which it answers."""

    name = "configure"
    title = "Give the HTTP API its routes and stages"
    sets = frozenset({"authorizers", "routes", "stages"})
    writes = frozenset(
        {
            "apigatewayv2.CreateAuthorizer",
            "apigatewayv2.CreateIntegration",
            "apigatewayv2.CreateRoute",
            "apigatewayv2.CreateStage",
            "apigatewayv2.DeleteAuthorizer",
            "apigatewayv2.DeleteIntegration",
            "apigatewayv2.DeleteRoute",
            "apigatewayv2.DeleteStage",
        }
    )

    def applies(self, it: It[ApiFacts]) -> bool:
        return it.facts.moves and bool(it.facts.routes or it.facts.stages)

    def summary(self, it: It[ApiFacts], place: Place) -> dict[str, Json]:
        facts = it.facts
        parts = {"authorizers": facts.authorizers, "routes": facts.routes, "stages": facts.stages}
        return {"from": it.arn, "to": {"api": place.name, **parts}, "how": "one creating call for each"}

    def carry(self, it: It[ApiFacts], to: Carrier) -> Mapping[str, Json]:
        api = _ours(to)
        own = {"ApiId": api["ApiId"]}
        there = _read(to.target, api)
        authorizers, integrations = dict(there.authorizer_ids), list(there.integrations)
        sent = 0
        for authorizer in to.rewrite(it.facts.authorizers):
            name = authorizer["Name"]
            # One that no route names yet is seen by nobody: only the journal knows it.
            known = authorizers.get(name) or _remembered(to, own, name)
            if known:
                authorizers[name] = known
            else:
                made = to.write("apigatewayv2.CreateAuthorizer", **own, **authorizer)
                authorizers[name] = made["AuthorizerId"]
                to.remember(f"authorizer_{name}", made["AuthorizerId"])
                sent += 1
        standing = {route["RouteKey"] for route in there.routes}
        for route in to.rewrite(it.facts.routes):
            if route["RouteKey"] in standing:
                continue
            said = {key: route[key] for key in _OF_A_ROUTE if key in route}
            if route["integration"] is not None:
                found = next((number for number, one in integrations if one == route["integration"]), None)
                if found is None:
                    answer = to.write("apigatewayv2.CreateIntegration", **own, **route["integration"])
                    found = answer["IntegrationId"]
                    integrations.append((found, route["integration"]))
                    sent += 1
                said["Target"] = f"integrations/{found}"
            if route["authorizer"]:
                said["AuthorizerId"] = authorizers[route["authorizer"]]
            to.write("apigatewayv2.CreateRoute", **own, **said)
            sent += 1
        named = {stage["StageName"] for stage in there.stages}
        for stage in to.rewrite(it.facts.stages):
            if stage["StageName"] not in named:
                to.write("apigatewayv2.CreateStage", **own, **stage)
                sent += 1
        return {"sent": sent, "routes": len(it.facts.routes), "stages": len(it.facts.stages)}

    def prove(self, it: It[ApiFacts], to: Carrier) -> Proof:
        there = _read(to.target, _ours(to))
        wanted: dict[str, Json] = to.rewrite(
            {"authorizers": it.facts.authorizers, "routes": it.facts.routes, "stages": it.facts.stages}
        )
        shown = {"authorizers": there.authorizers, "routes": there.routes, "stages": there.stages}
        differences = tuple(f"{name}: not as in legacy" for name in wanted if wanted[name] != shown[name])
        return Proof("different" if differences else "equal", tuple(wanted), differences)

    def uncarry(self, it: It[ApiFacts], to: Carrier) -> None:
        api = _find(to)
        if api is None:
            return
        own = {"ApiId": api["ApiId"]}
        there = _read(to.target, api)
        for stage in there.stages:
            to.write("apigatewayv2.DeleteStage", **own, StageName=stage["StageName"])
        for route in there.route_ids:
            to.write("apigatewayv2.DeleteRoute", **own, RouteId=route)
        for integration, _ in there.integrations:
            to.write("apigatewayv2.DeleteIntegration", **own, IntegrationId=integration)
        for authorizer in there.authorizer_ids.values():
            to.write("apigatewayv2.DeleteAuthorizer", **own, AuthorizerId=authorizer)


def _remembered(to: Carrier, own: Mapping[str, str], name: str) -> str | None:
    known = to.outputs.get(f"authorizer_{name}")
    look = {**own, "AuthorizerId": known}
    return known if known and to.target.optional("apigatewayv2.GetAuthorizer", missing=_GONE, **look) else None


def _find(to: Carrier) -> dict[str, Any] | None:
    """The target's API, by its stamp: the id of the creation may be in another journal."""
    apis = to.target.pages("apigatewayv2.GetApis", "Items", MaxResults="500")
    return next((api for api in apis if (api.get("Tags") or {}).get(STEP_TAG) == to.place.step), None)


def _ours(to: Carrier) -> dict[str, Any]:
    api = _find(to)
    if api is None:
        raise StepFailed(f"no API carries the stamp {to.place.step}", do="migrate status; was it deleted by hand?")
    return api


class _Inside:
    """What is in an API, with the ids that AWS gave."""

    def __init__(self) -> None:
        self.authorizers: list[dict[str, Json]] = []
        self.authorizer_ids: dict[str, str] = {}
        self.integrations: list[tuple[str, dict[str, Json]]] = []
        self.routes: list[dict[str, Json]] = []
        self.route_ids: list[str] = []
        self.stages: list[dict[str, Json]] = []


def _read(site: ReadSite, api: Mapping[str, Any]) -> _Inside:
    found, own = _Inside(), {"ApiId": api["ApiId"]}
    for one in site.pages("apigatewayv2.GetIntegrations", "Items", **own, MaxResults="500"):
        found.integrations.append((one["IntegrationId"], _kept(one, _OF_AN_INTEGRATION)))
    routes = list(site.pages("apigatewayv2.GetRoutes", "Items", **own, MaxResults="500"))
    found.route_ids = [route["RouteId"] for route in routes]
    # An endpoint may list no authorizers; each that a route names can be asked for.
    ids = sorted({route["AuthorizerId"] for route in routes if route.get("AuthorizerId")})
    authorizers = [
        answer
        for one in ids
        if (answer := site.optional("apigatewayv2.GetAuthorizer", missing=_GONE, **own, AuthorizerId=one))
    ]
    found.authorizers = sorted((_kept(one, _OF_AN_AUTHORIZER) for one in authorizers), key=lambda one: str(one["Name"]))
    found.authorizer_ids = {one["Name"]: one["AuthorizerId"] for one in authorizers}
    names, inside = {number: name for name, number in found.authorizer_ids.items()}, dict(found.integrations)
    for route in sorted(routes, key=lambda one: str(one["RouteKey"])):
        target = str(route.get("Target") or "").rpartition("/")[2]
        authorizer = names.get(route.get("AuthorizerId") or "")
        found.routes.append(_kept(route, _OF_A_ROUTE) | {"integration": inside.get(target), "authorizer": authorizer})
    stages = site.pages("apigatewayv2.GetStages", "Items", **own, MaxResults="500")
    found.stages = sorted(
        (sealed(site, "StageVariables", _kept(one, _OF_A_STAGE)) for one in stages),
        key=lambda one: str(one["StageName"]),
    )
    return found


def _kept(one: Mapping[str, Any], names: Sequence[str]) -> dict[str, Json]:
    return {name: value for name, value in plain(dict(one)).items() if name in names}


class HttpApi(Kind[ApiFacts]):
    """An HTTP API with its routes, integrations, authorizers and stages. The old address is not carried: who calls
    `<id>.execute-api…` from outside has to be told, or calls a name of your own. Custom domain names, their mappings,
    VPC links and models are not carried. A stage that does not deploy by itself is made without a deployment: deploy it
    once. A route's own request parameters and API keys exist for WebSocket APIs alone, which do not move."""

    name = "apigatewayv2.api"
    title = "HTTP API"
    facts = ApiFacts
    named = False
    reads = frozenset(
        {
            "apigatewayv2.GetApi",
            "apigatewayv2.GetApis",
            "apigatewayv2.GetAuthorizer",
            "apigatewayv2.GetIntegrations",
            "apigatewayv2.GetRoutes",
            "apigatewayv2.GetStages",
        }
    )
    tagging_types = ("apigateway:apis",)
    volatile = frozenset({"endpoint", "id"})
    actions = (Create(), Fill())
    manual = (
        "A WebSocket API, or an HTTP API behind a VPC link: `aws apigatewayv2 export-api` (HTTP only) or note its "
        "routes, create it in the target with a VPC link of its own, and call one route to see that it answers."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "custom domain names and mappings": "create them in the target with a certificate of its own, then move the "
        "DNS record at the cut-over",
        "integrations and authorizers that no route uses": "nothing calls them",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            api = site.optional("apigatewayv2.GetApi", missing=_GONE, ApiId=only)
            apis: list[dict[str, Any]] = [api] if api else []
        else:
            apis = sorted(
                site.pages("apigatewayv2.GetApis", "Items", MaxResults="500"), key=lambda one: str(one["ApiId"])
            )
        for api, inside in zip(apis, site.map(lambda one: _read(site, one), apis), strict=True):
            facts = ApiFacts(
                id=api["ApiId"],
                endpoint=urlsplit(api["ApiEndpoint"]).hostname or "",
                protocol=api["ProtocolType"],
                settings=_kept(api, _OF_AN_API),
                authorizers=inside.authorizers,
                routes=inside.routes,
                stages=inside.stages,
            )
            arn = f"arn:aws:apigateway:{site.region}::/apis/{api['ApiId']}"
            yield self.found(site, api["ApiId"], facts, arn=arn, tags=api.get("Tags"))

    def called(self, it: It[ApiFacts]) -> tuple[str, ...]:
        return (str(it.facts.settings["Name"]),)

    def names(self, it: It[ApiFacts], place: Place) -> Iterator[Name]:
        own, facts = after("create", "id"), it.facts
        yield Name(facts.id, own, "id")
        yield Name(it.arn, join(f"arn:aws:apigateway:{place.region}::/apis/", own))
        # What a function's policy lets in: arn:aws:execute-api:…:<id>/<stage>/<method>/<path>.
        called = f"arn:aws:execute-api:{it.ref.region}:{it.ref.account}:{facts.id}"
        yield Name(called, join(f"arn:aws:execute-api:{place.region}:{place.account}:", own))
        host = join(own, facts.endpoint[len(facts.id) :].replace(it.ref.region, place.region))
        yield Name(facts.endpoint, host, "host")

    def needs(self, it: It[ApiFacts]) -> Iterator[Need]:
        if not it.facts.moves:
            return
        for route in it.facts.routes:
            uri = (route["integration"] or {}).get("IntegrationUri", "")
            if uri.startswith("arn:"):
                yield Need(uri, "routes to", "cut", f"{_PARTS} {route['RouteKey']}")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ApiFacts]) -> dict[str, Json]:
        return facts if "configure" in done else facts | {"authorizers": [], "routes": [], "stages": []}


KINDS = (HttpApi(),)
