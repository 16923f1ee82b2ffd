"""A load like a scan's: listings in many regions, and a call for each thing they show."""

import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from bench.stub import ACCOUNT
from migrate.aws import Aws
from migrate.inventory import Inventory, Resource
from migrate.kind import Facts, Kind, ReadSite
from migrate.kinds.ec2_vpc import Vpc
from migrate.names import AccountId, Region
from migrate.scan import scan

REGIONS = tuple(
    Region(f"{area}-{side}-{n}")
    for area, side in (("eu", "west"), ("us", "east"), ("ap", "south"))
    for n in (1, 2, 3, 4, 5, 6)
)[:16]

# kind → listing, its key, then the call for each element: operation, parameter, where in the element
LOAD = {
    "kms.key": ("kms.ListKeys", "Keys", "kms.DescribeKey", "KeyId", "KeyId"),
    "logs.group": (
        "logs.DescribeLogGroups",
        "logGroups",
        "logs.DescribeSubscriptionFilters",
        "logGroupName",
        "logGroupName",
    ),
    "dynamodb.table": ("dynamodb.ListTables", "TableNames", "dynamodb.DescribeTable", "TableName", ""),
    "events.rule": ("events.ListRules", "Rules", "events.ListTargetsByRule", "Rule", "Name"),
    "sqs.queue": ("sqs.ListQueues", "QueueUrls", "sqs.GetQueueAttributes", "QueueUrl", ""),
    "secrets.secret": ("secretsmanager.ListSecrets", "SecretList", "secretsmanager.DescribeSecret", "SecretId", "Name"),
    "ecs.cluster": ("ecs.ListClusters", "clusterArns", "ecs.ListServices", "cluster", ""),
    "ssm.parameter": ("ssm.DescribeParameters", "Parameters", "ssm.ListTagsForResource", "ResourceId", "Name"),
}


class NoFacts(Facts):
    """Nothing: only the calls matter."""


class Load(Kind[NoFacts]):
    """One listing, then one call for each element."""

    facts = NoFacts

    def __init__(self, name: str) -> None:
        self.listing, self.key, self.each, self.param, self.field = LOAD[name]
        self.name = name  # type: ignore[misc]
        self.reads = frozenset({self.listing, self.each})  # type: ignore[misc]

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        def one(element: object) -> Resource:
            name = element[self.field] if isinstance(element, dict) else str(element)
            more = {"ResourceType": "Parameter"} if self.name == "ssm.parameter" else {}
            site.call(self.each, **{self.param: name}, **more)
            return self.found(site, name, NoFacts(), arn="")

        yield from site.map(one, site.pages(self.listing, self.key))


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    wall_s: float
    cpu_s: float
    calls: int
    throttled: int
    served: int
    refused: int
    most_in_flight: int
    inventory: Inventory
    expected: int

    @property
    def lost(self) -> int:
        """Things that are there and were not found."""
        return self.expected - len(self.inventory.resources)


def run(endpoint: str, *, workers: int, regions: int = len(REGIONS)) -> Measured:
    """Scan the stub with fresh clients."""
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY="none",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        AWS_EC2_METADATA_DISABLED="true",
    )
    aws = Aws(workers=workers)
    account = AccountId(ACCOUNT)
    kinds: list[Kind[Any]] = [Vpc(), *map(Load, LOAD)]
    for service in sorted({read.partition(".")[0] for kind in kinds for read in kind.reads}):
        aws.sessions.client(account, service)  # making clients is measured elsewhere
    cpu, began = _cpu_s(), time.monotonic()
    found = scan(aws, account, REGIONS[:regions], kinds, seal_key=b"0" * 32, unhandled=False)
    wall_s, cpu_s = time.monotonic() - began, _cpu_s() - cpu
    aws.close()
    with urlopen(f"{endpoint}/-/counts") as answer:
        counts = json.load(answer)
    each = 5 + 20 + 40 + 15 + 15 + 20 + 15 + 10 + 10
    count = aws.pacer.count
    return Measured(wall_s, cpu_s, count.done, count.throttled, **counts, inventory=found, expected=each * regions)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
