"""An account that a test makes up, behind a loopback endpoint, and kinds of one listing each."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from migrate.aws import Aws
from migrate.inventory import Inventory, Resource
from migrate.kind import Facts, Kind, ReadSite
from migrate.names import AccountId, Region
from migrate.scan import scan
from tests.endpoint import ACCOUNT, FOREIGN, NOTHING, Answer, Asked, Endpoint, environment, ok, serving

LEGACY, MOTO = AccountId(ACCOUNT), AccountId("123456789012")
IRELAND, VIRGINIA, PARIS = Region("eu-west-1"), Region("us-east-1"), Region("eu-west-3")
KEY = b"0123456789abcdef"


class NameFacts(Facts):
    """Source: kms.ListKeys and its like."""

    secret: Any = ""


class Listed(Kind[NameFacts]):
    """A kind of one listing."""

    facts = NameFacts

    def __init__(self, name: str, operation: str, path: str, *more: str, is_global: bool = False) -> None:
        self.name = name  # type: ignore[misc]
        self.operation, self.path = operation, path
        self.reads = frozenset({operation, *more})  # type: ignore[misc]
        self.is_global = is_global  # type: ignore[misc]
        self.before: Callable[[ReadSite], None] = lambda site: None

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for name in site.pages(self.operation, self.path):
            yield self.found(site, name, NameFacts(), arn="")
        self.before(site)


KEYS = ("kms.key", "kms.ListKeys", "Keys[].KeyId")
SECRETS = ("secretsmanager.secret", "secretsmanager.ListSecrets", "SecretList[].Name")
TABLES = ("dynamodb.table", "dynamodb.ListTables", "TableNames[]")
GROUPS = ("logs.log_group", "logs.DescribeLogGroups", "logGroups[].logGroupName")
RULES = ("events.rule", "events.ListRules", "Rules[].Name")

EVERYTHING: dict[str, dict[str, Any]] = {
    "ListKeys": {"Keys": [{"KeyId": "key"}]},
    "ListSecrets": {"SecretList": [{"Name": "secret"}]},
    "ListTables": {"TableNames": ["table"]},
    "DescribeLogGroups": {"logGroups": [{"logGroupName": "group"}]},
    "ListRules": {"Rules": [{"Name": "rule"}]},
    "GetCallerIdentity": {},
}


class Account:
    """A made-up account behind an endpoint, and an Aws that reads it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.refusals: dict[str, Answer | Callable[[Asked], Answer]] = {}
        endpoint.answer = self.answer
        self.aws = Aws(workers=8)
        self.aws.pacer.backoff_s = 0.001

    def fresh(self) -> "Account":
        """The same account as if nothing had been asked or refused yet."""
        self.refusals.clear()
        self.endpoint.asked.clear()
        self.aws.pacer._buckets.clear()
        return self

    def answer(self, asked: Asked) -> Answer:
        given = self.refusals.get(asked.operation)
        if given is not None:
            return given if isinstance(given, Answer) else given(asked)
        if asked.operation == "GetCallerIdentity":
            return NOTHING
        return ok(**EVERYTHING.get(asked.operation, {}))

    def scan(self, *kinds: Kind[Any], regions: tuple[Region, ...] = (IRELAND,), **named: Any) -> Inventory:
        return scan(self.aws, LEGACY, regions, kinds, seal_key=KEY, **{"unhandled": False, **named})


@contextmanager
def made_up() -> Iterator[Account]:
    """A standing account; `fresh` it for each test."""
    with pytest.MonkeyPatch.context() as patch, serving(lambda _: NOTHING) as endpoint:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in environment(endpoint.url).items():
            patch.setenv(name, value)
        account = Account(endpoint)
        account.aws.whoami(LEGACY)
        yield account
        account.aws.close()


def names(inventory: Inventory) -> list[str]:
    return [f"{one.ref.region}/{one.ref.kind}/{one.ref.name}" for one in inventory.resources]


def told(inventory: Inventory) -> list[tuple[str, str, str, str]]:
    return [(gap.kind, gap.region, gap.call, gap.reason) for gap in inventory.gaps]


def lines(inventory: Inventory) -> str:
    return "\n".join(json.dumps(line, sort_keys=True) for line in inventory.lines())
