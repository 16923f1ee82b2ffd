"""One account that holds the example of every kind at once, and what a person changes in the target after its move.

Rule: legacy is made by plain boto3 as each example of `tests.kinds.examples` makes it; what an example would make or
move in the target by hand is left to the product. What two examples both need is made once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import MagicMock

from botocore.exceptions import ClientError

from migrate.demo.world import World
from migrate.inventory import Resource
from migrate.kind import Kind
from migrate.values import Json
from tests.kinds.examples import Example
from tests.kinds.two_sides import LEGACY, REGION, TARGET, Side, TwoSides

_TAKEN = re.compile(r"already|Duplicate|Conflict|InUse|NameExists", re.IGNORECASE)
FIRST = ("sqs.queue", "sns.topic", "events.event_bus", "kinesis.stream", "ec2.key_pair")
"""What others need too is made as its own example makes it."""
BY_PEOPLE = frozenset({"upload_server_certificate", "create_connection"})
"""What people make in the target themselves, before anything moves."""
Found = Callable[[Any, Mapping[str, Any]], Any]


def _the_role(iam: Any, asked: Mapping[str, Any]) -> Any:
    """The role that stands, which whoever asks may assume as well."""
    role = iam.get_role(RoleName=asked["RoleName"])
    trust, more = role["Role"]["AssumeRolePolicyDocument"], json.loads(asked["AssumeRolePolicyDocument"])
    trust["Statement"] += [one for one in more["Statement"] if one not in trust["Statement"]]
    iam.update_assume_role_policy(RoleName=asked["RoleName"], PolicyDocument=json.dumps(trust))
    return role


def _a_set(listed: str, under: str) -> Found:
    """The set of addresses or patterns of that name, or nothing."""

    def found(waf: Any, asked: Mapping[str, Any]) -> Any:
        sets = getattr(waf, listed)(Scope=asked["Scope"])[under]
        return next(({"Summary": one} for one in sets if one["Name"] == asked["Name"]), None)

    return found


def _described(what: str, *, by: str, name: str) -> Found:
    """One of those that a look by name shows."""

    def found(client: Any, asked: Mapping[str, Any]) -> Any:
        return getattr(client, what)(**{by: [asked[name]]})

    return found


def _one_by_filter(what: str, made: str, **filters: str) -> Found:
    """The EC2 thing of which these parameters say the same, as its creation answers."""

    def found(client: Any, asked: Mapping[str, Any]) -> Any:
        wanted = [{"Name": name, "Values": [asked[parameter]]} for name, parameter in filters.items()]
        (things,) = (value for key, value in getattr(client, what)(Filters=wanted).items() if isinstance(value, list))
        return {made: things[0], **things[0]} if things else None

    return found


def _the_namespace(discovery: Any, asked: Mapping[str, Any]) -> Any:
    """The operation that made it, as its creation answers."""
    ids = {one["Id"] for one in discovery.list_namespaces()["Namespaces"] if one["Name"] == asked["Name"]}
    for one in discovery.list_operations()["Operations"] if ids else ():
        if discovery.get_operation(OperationId=one["Id"])["Operation"]["Targets"].get("NAMESPACE") in ids:
            return {"OperationId": one["Id"]}
    return None


def _nothing(_: Any, __: Mapping[str, Any]) -> Any:
    return {}


_WHERE_TAKEN: dict[str, Found] = {
    "create_alias": _nothing,
    "create_db_cluster_parameter_group": _nothing,
    "create_db_parameter_group": _nothing,
    "create_db_subnet_group": _nothing,
    "create_event_bus": _nothing,
    "create_file_system": lambda efs, asked: efs.describe_file_systems(CreationToken=asked["CreationToken"])[
        "FileSystems"
    ][0],
    "create_function": lambda client, asked: client.get_function_configuration(FunctionName=asked["FunctionName"]),
    "create_log_group": _nothing,
    "create_queue": lambda sqs, asked: sqs.get_queue_url(QueueName=asked["QueueName"]),
    "create_regex_pattern_set": _a_set("list_regex_pattern_sets", "RegexPatternSets"),
    "create_role": _the_role,
    "create_security_group": _one_by_filter("describe_security_groups", "SecurityGroup", **{"group-name": "GroupName"}),
    "create_stream": _nothing,
    "create_target_group": _described("describe_target_groups", by="Names", name="Name"),
    "import_key_pair": _nothing,
}
"""By operation: what is answered where the thing was made by another example."""

_LOOKED_FOR: dict[str, Found] = {
    "create_http_namespace": _the_namespace,
    "create_ip_set": _a_set("list_ip_sets", "IPSets"),
    "create_load_balancer": _described("describe_load_balancers", by="Names", name="Name"),
    "create_subnet": _one_by_filter("describe_subnets", "Subnet", **{"vpc-id": "VpcId", "cidr-block": "CidrBlock"}),
    "create_vpc": _one_by_filter("describe_vpcs", "Vpc", cidr="CidrBlock"),
    "register_task_definition": lambda ecs, asked: ecs.describe_task_definition(taskDefinition=asked["family"]),
}
"""The same, where the emulator would make a second one of the name."""
_OWN_NETWORK = "10.8."
"""How the blocks of the network begin that several examples stand on."""


class Shared:
    """A client: what stands already is given to whoever asks for it again."""

    def __init__(self, client: Any, looked_for: Mapping[str, Found]) -> None:
        self._client, self._looked_for = client, looked_for

    def __getattr__(self, operation: str) -> Any:
        call, taken, looked_for = getattr(self._client, operation), _WHERE_TAKEN, self._looked_for

        def made_once(**asked: Any) -> Any:
            if operation in looked_for and asked.get("CidrBlock", _OWN_NETWORK).startswith(_OWN_NETWORK):
                with suppress(ClientError):
                    if standing := looked_for[operation](self._client, asked):
                        return standing
            try:
                return call(**asked)
            except ClientError as error:
                if operation not in taken or not _TAKEN.search(error.response["Error"]["Code"]):
                    raise
                return taken[operation](self._client, asked)

        return made_once if operation in taken or operation in looked_for else call


class Nobody:
    """A client of the target while legacy is made: nothing is made there by hand but what people make."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation) if operation in BY_PEOPLE else MagicMock()


class GrownAccount(TwoSides):
    """Legacy with everything in it."""

    def __init__(self, world: World) -> None:
        super().__init__({"legacy": world.session(LEGACY), "target": world.session(TARGET)})
        self.is_building = True
        self._clients: dict[tuple[Side, str], Any] = {}

    def client(self, side: Side, service: str) -> Any:
        if (side, service) not in self._clients:
            self._clients[side, service] = self.sessions[side].client(service, region_name=REGION)
        client = self._clients[side, service]
        if not self.is_building:
            # Whoever changes a task definition wants another one.
            return Shared(
                client, {name: one for name, one in _LOOKED_FOR.items() if name != "register_task_definition"}
            )
        return Shared(client, _LOOKED_FOR) if side == "legacy" else Nobody(client)

    def move(self, kind: Kind[Any], resource: Resource, *actions: str) -> None:
        """Nothing is moved by hand."""

    def learn(self, kind: Kind[Any], resource: Resource) -> None:
        """Nor looked at in the target."""

    def renamed(self, value: Json) -> Json:
        """Nor named otherwise."""
        return value

    def build(self, examples: Mapping[str, Example]) -> dict[str, Resource]:
        """Make each of them; the legacy resource by kind."""
        made = {name: examples[name].build(self) for name in sorted(examples, key=lambda name: name not in FIRST)}
        self.is_building = False
        return made
