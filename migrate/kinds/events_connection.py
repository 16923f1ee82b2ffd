"""EventBridge connection: how an API destination or a pipe signs in somewhere. AWS never shows its secret values.

The rule: a person makes it in the target with the secret values; its step finds it, waits until AWS has authorized it,
and the proof compares everything that AWS does show. Nothing goes on with a connection that is not there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, Wait, after
from migrate.kinds._content import plain

_GONE = ("ResourceNotFoundException",)
_SECRET = frozenset({"Password", "ApiKeyValue", "ClientSecret"})


class ConnectionFacts(Facts):
    """Source: events.DescribeConnection."""

    description: str
    authorization: str
    parameters: dict[str, Json]
    """What AWS shows: names, endpoints, parameters; of a secret one the name alone."""
    connectivity: dict[str, Json]
    kms_key: str | None


class Find(Action[ConnectionFacts]):
    """Find the connection that a person made; it is authorized, or the step says that it is not."""

    name = "create"
    title = "Find the connection that a person made with its secret values"
    asks = (
        "create it in the target account by the same name, with `aws events create-connection` and its secret values "
        "from where your team keeps them"
    )

    def requests(self, it: It[ConnectionFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"Name": place.name}
        # A description of what nobody made yet is an error; a listing shows nothing, and the step says who makes it.
        return [
            Request(
                "events.ListConnections",
                {"NamePrefix": place.name},
                outputs={"arn": f"Connections[?Name=='{place.name}'] | [0].ConnectionArn"},
            ),
            Request(
                "events.DescribeConnection",
                own,
                wait=Wait(
                    "events.DescribeConnection",
                    dict(own),
                    "ConnectionState",
                    ("AUTHORIZED",),
                    ("DEAUTHORIZED", "FAILED_CONNECTIVITY"),
                ),
            ),
        ]


class Connection(Kind[ConnectionFacts]):
    """A connection. Its password, API key, client secret and every parameter marked secret are not carried, because AWS
    shows them to nobody: before the run, create it in the target by the same name with `aws events create-connection`
    and those values. The secret that EventBridge keeps for it (`events!connection/…`) comes by itself."""

    name = "events.connection"
    title = "EventBridge connection"
    facts = ConnectionFacts
    stamped = False
    reads = frozenset({"events.DescribeConnection", "events.ListConnections"})
    tagging_types = ("events:connection",)
    actions = (Find(),)
    manual = (
        "Create the connection in the target account by the same name, with `aws events create-connection` and its "
        "secret values from where your team keeps them; the run finds it and compares the rest."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "secret values": "AWS shows them to nobody; a person gives them when creating the target's connection",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else sorted(site.pages("events.ListConnections", "Connections[].Name", Limit=100))

        def described(name: str) -> dict[str, Any] | None:
            return site.optional("events.DescribeConnection", missing=_GONE, Name=name)

        for one in site.map(described, names):
            if one is not None and one.get("ConnectionState") != "DELETING":
                facts = ConnectionFacts(
                    description=one.get("Description") or "",
                    authorization=one["AuthorizationType"],
                    parameters=_shown(plain(one.get("AuthParameters") or {})),
                    connectivity=plain(one.get("InvocationConnectivityParameters") or {}),
                    kms_key=one.get("KmsKeyIdentifier") or None,
                )
                yield self.found(site, one["Name"], facts, arn=one["ConnectionArn"])

    def names(self, it: It[ConnectionFacts], place: Place) -> Iterator[Name]:
        # It ends in an id of its own.
        yield Name(it.arn, after("create", "arn"))

    def needs(self, it: It[ConnectionFacts]) -> Iterator[Need]:
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", "events.DescribeConnection KmsKeyIdentifier")


def _shown(value: Json) -> Json:
    """The parameters without secret values: an endpoint that shows more than AWS does must not fill an inventory."""
    if isinstance(value, dict):
        hidden = {*_SECRET, "Value"} if value.get("IsValueSecret") else _SECRET
        return {key: _shown(item) for key, item in value.items() if key not in hidden}
    return [_shown(item) for item in value] if isinstance(value, list) else value


KINDS = (Connection(),)
