"""EventBridge API destination: an HTTP endpoint as a rule's target. The rule: it signs in by the target's connection,
and nothing calls it before the rules that name it start."""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after

_GONE = ("ResourceNotFoundException",)


class DestinationFacts(Facts):
    """Source: events.DescribeApiDestination."""

    description: str
    connection_arn: str
    endpoint: str
    method: str
    rate_per_s: int | None


class Create(Action[DestinationFacts]):
    """The API destination."""

    name = "create"
    title = "Create the API destination"

    def requests(self, it: It[DestinationFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        optional: dict[str, Json] = {
            "Description": facts.description or None,
            "InvocationRateLimitPerSecond": facts.rate_per_s,
        }
        return [
            Request(
                "events.CreateApiDestination",
                {
                    "Name": place.name,
                    "ConnectionArn": facts.connection_arn,
                    "InvocationEndpoint": facts.endpoint,
                    "HttpMethod": facts.method,
                }
                | {key: value for key, value in optional.items() if value is not None},
                once="named",
                creates=True,
                outputs={"arn": "ApiDestinationArn"},
                undo=Request("events.DeleteApiDestination", {"Name": place.name}, done=_GONE),
            )
        ]


class ApiDestination(Kind[DestinationFacts]):
    """An API destination. The far end sees calls from another account and other addresses: tell its owner."""

    name = "events.api_destination"
    title = "EventBridge API destination"
    facts = DestinationFacts
    stamped = False
    reads = frozenset({"events.DescribeApiDestination", "events.ListApiDestinations"})
    tagging_types = ("events:api-destination",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        key = "ApiDestinations[].Name"
        names = [only] if only else sorted(site.pages("events.ListApiDestinations", key, Limit=100))

        def described(name: str) -> dict[str, Any] | None:
            return site.optional("events.DescribeApiDestination", missing=_GONE, Name=name)

        for one in site.map(described, names):
            if one is not None:
                facts = DestinationFacts(
                    description=one.get("Description") or "",
                    connection_arn=one["ConnectionArn"],
                    endpoint=one["InvocationEndpoint"],
                    method=one["HttpMethod"],
                    rate_per_s=one.get("InvocationRateLimitPerSecond"),
                )
                yield self.found(site, one["Name"], facts, arn=one["ApiDestinationArn"])

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.ref.name, "arn": found.arn}

    def names(self, it: It[DestinationFacts], place: Place) -> Iterator[Name]:
        # It ends in an id of its own.
        yield Name(it.arn, after("create", "arn"))

    def needs(self, it: It[DestinationFacts]) -> Iterator[Need]:
        yield Need(it.facts.connection_arn, "reads", "hard", "events.DescribeApiDestination ConnectionArn")


KINDS = (ApiDestination(),)
