"""A function by package with who may call it, and a queue that feeds one.

A layer has no example: it takes no tags, so only the journal knows which version is ours (tests/kinds/test_lambda.py).
"""

from functools import partial
from typing import Any

from migrate.demo.legacy.functions import archive
from migrate.inventory import Resource
from migrate.kind import CarryAction, Kind, Proof
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, HandCarrier, TwoSides

CODE = archive({"app.py": "print('hello')"})


class Downloading(HandCarrier):
    """One that has downloads: the package, wherever the emulator says it lies."""

    def fetch(self, url: str) -> bytes:
        return CODE

    def remember(self, key: str, value: str) -> None:
        super().remember(key, value)
        self._world.known[self.step, key] = value


def carry(world: TwoSides, kind: Kind[Any], resource: Resource, name: str) -> Proof:
    """As the world's own, with downloads."""
    action, it = kind.action(name), kind.typed(resource)
    assert isinstance(action, CarryAction)
    to = Downloading(world, kind, action, resource)
    action.carry(it, to)
    world._undo.append(lambda: action.uncarry(it, to))
    return action.prove(it, to)


def a_function(world: TwoSides) -> Resource:
    world.carry = partial(carry, world)  # type: ignore[method-assign]
    network = ground.a_network(world)
    role, key = needed.a_role(world, service="lambda.amazonaws.com"), needed.a_key(world)
    queue = needed.a_queue(world, "jobs")
    client = world.client("legacy", "lambda")
    client.create_function(
        FunctionName="notify",
        Code={"ZipFile": CODE},
        Runtime="python3.12",
        Handler="app.handler",
        Role=role,
        Description="tells people",
        Timeout=30,
        MemorySize=256,
        EphemeralStorage={"Size": 1024},
        Architectures=["arm64"],
        Environment={"Variables": {"QUEUE": queue}},
        KMSKeyArn=key,
        TracingConfig={"Mode": "Active"},
        VpcConfig={"SubnetIds": list(network.subnets), "SecurityGroupIds": [network.group]},
        Tags=needed.TAGS,
    )
    client.put_function_concurrency(FunctionName="notify", ReservedConcurrentExecutions=7)
    client.add_permission(
        FunctionName="notify",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=f"arn:aws:events:{REGION}:{LEGACY}:rule/nightly",
        SourceAccount=LEGACY,
    )
    return needed.scanned(world, "lambda.function", "notify")


def says(operation: str, **params: Any) -> Change:
    return needed.changed("lambda", operation, "FunctionName", **params)


def in_another_group(world: TwoSides, it: Resource) -> None:
    network = {"SubnetIds": it.facts["subnet_ids"], "SecurityGroupIds": [ground.another_group(world)]}
    says("update_function_configuration", VpcConfig=network)(world, it)


def in_another_subnet(world: TwoSides, it: Resource) -> None:
    subnets = [it.facts["subnet_ids"][0], ground.another_subnet(world)]
    network = {"SubnetIds": subnets, "SecurityGroupIds": it.facts["security_group_ids"]}
    says("update_function_configuration", VpcConfig=network)(world, it)


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "lambda").tag_resource(Resource=it.arn, Tags={"team": "someone else"})


def a_mapping(world: TwoSides) -> Resource:
    role = needed.a_role(world, service="lambda.amazonaws.com")
    for side, its_role in (("legacy", role), ("target", role.replace(LEGACY, TARGET))):
        # As its creation would leave it.
        world.client(side, "lambda").create_function(  # type: ignore[arg-type]
            FunctionName="notify", Code={"ZipFile": CODE}, Runtime="python3.12", Handler="app.handler", Role=its_role
        )
    needed.scanned(world, "lambda.function", "notify")
    made = world.client("legacy", "lambda").create_event_source_mapping(
        FunctionName="notify",
        EventSourceArn=needed.a_queue(world, "orders"),
        BatchSize=7,
        MaximumBatchingWindowInSeconds=20,
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["paid"]}}'}]},
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 5},
        MetricsConfig={"Metrics": ["EventCount"]},
        KMSKeyArn=needed.a_key(world),
        Tags=needed.TAGS,
    )
    return needed.scanned(world, "lambda.event_source_mapping", made["UUID"])


def mapping_says(**params: Any) -> Change:
    return needed.changed("lambda", "update_event_source_mapping", "UUID", **params)


EXAMPLES = (
    Example(
        "lambda.function",
        a_function,
        {
            "policy": says("remove_permission", StatementId="rule"),
            "reserved_concurrency": says("put_function_concurrency", ReservedConcurrentExecutions=8),
            "tags": tagged,
            "config": says("update_function_configuration", Timeout=31),
            "subnet_ids": in_another_subnet,
            "security_group_ids": in_another_group,
        },
        fixed={"ipv6": "the emulator does not keep Ipv6AllowedForDualStack"},
        done=("create", "configure", "permit"),
    ),
    Example(
        "lambda.event_source_mapping",
        a_mapping,
        {
            "settings": mapping_says(BatchSize=8),
            "enabled": mapping_says(Enabled=False),
            "tags": tagged,
        },
        fixed={
            "function_arn": "another function's is another mapping: the emulator takes it and the kind would not",
            "source_arn": "what a mapping is: AWS changes it at creation only",
        },
    ),
)
