"""Two accounts in a dict, with the faults of the real thing: lost answers, throttles, reads that lag, strangers.

The rule: what is sent is done once per send, as AWS does it; nothing here knows the engine.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import GuardError
from migrate.ground import Allows
from migrate.names import AccountId, Region

LEGACY, TARGET = AccountId("111111111111"), AccountId("222222222222")
HERE = Region("eu-west-1")


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class AwsSaid(Exception):
    """What a client raises, told apart the way the real one does it."""

    def __init__(self, sort: str, code: str = "", said: str = "") -> None:
        super().__init__(f"{sort} {code} {said}")
        self.sort, self.code, self.said = sort, code, said


class FakeClock:
    """A clock that jumps when someone sleeps."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class Cloud:
    """Things by account, sort and id. A thing: {"name", "tags", "made", …}."""

    clock: FakeClock
    lag_s: float = 0.0
    things: dict[str, dict[str, dict[str, dict[str, Any]]]] = field(default_factory=lambda: {LEGACY: {}, TARGET: {}})
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Every write that arrived: account, operation, parameters."""
    arrived: list[str] = field(default_factory=list)
    before: Callable[[str, int], None] = lambda operation, number: None
    """Called before a write arrives, with its number; raises the fault."""
    after: Callable[[str, int], None] = lambda operation, number: None
    """Called when it was done, before the answer."""
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: int = 0

    def at(self, account: str, sort: str) -> dict[str, dict[str, Any]]:
        """The things of one sort, as they really are."""
        return self.things[account].setdefault(sort, {})

    def seen(self, account: str, sort: str) -> dict[str, dict[str, Any]]:
        """The same as a read shows them: late, but for content (S3 and databases read what was written)."""
        now = self.clock.now() + (self.lag_s if sort == "item" else 0.0)
        return {key: one for key, one in self.at(account, sort).items() if now - one["made"] >= self.lag_s}

    def picture(self) -> str:
        """Everything that stands, without the times and random ids."""
        plain = copy.deepcopy(self.things)
        for sorts in plain.values():
            for sort, things in list(sorts.items()):
                for one in things.values():
                    one.pop("made", None)
                if sort in ("loop", "ledger"):
                    sorts[sort] = sorted(things.values(), key=lambda t: json.dumps(t, sort_keys=True))  # type: ignore[assignment]
                if not things:
                    del sorts[sort]
        ids = {key: f"<{sort}>" for a in self.things.values() for sort in ("loop", "ledger") for key in a.get(sort, {})}
        text = json.dumps(plain, sort_keys=True)
        for key, stands in ids.items():
            text = text.replace(key, stands)
        return text

    def write(self, account: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """One write: counted, perhaps killed before or after."""
        number = len(self.arrived)
        self.arrived.append(operation)
        self.before(operation, number)
        self.sent.append((account, operation, copy.deepcopy(params)))
        answer = self._do(account, operation.partition(".")[2], params)
        self.after(operation, number)
        return answer

    def read(self, account: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """One read."""
        sort = {"List": "item"}.get(
            operation.partition(".")[2][:4], operation.removeprefix("toy.Describe").lower()[:-1]
        )
        found = self.seen(account, sort)
        wanted = params.get("Name")
        shown = [{"Id": key, **one} for key, one in sorted(found.items()) if wanted in (None, key)]
        return {"Things": copy.deepcopy(shown)}

    def _do(self, account: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        verb, sort = next(
            (v, operation[len(v) :].lower()) for v in ("Create", "Delete", "Put") if operation.startswith(v)
        )
        things = self.at(account, sort)
        if verb == "Create":
            return self._create(things, sort, params)
        if params["Name"] not in things and (verb == "Delete" or sort != "item"):
            raise AwsSaid("definite", "NotFound", params["Name"])
        if verb == "Delete":
            if sort == "vault" and any(i.startswith(params["Name"] + "/") for i in self.at(account, "item")):
                raise AwsSaid("definite", "NotEmpty", params["Name"])
            del things[params["Name"]]
        else:
            one = things.setdefault(params["Name"], {"made": self.clock.now()})
            one.update({k: v for k, v in params.items() if k != "Name"})
        return {}

    def _create(self, things: dict[str, dict[str, Any]], sort: str, params: dict[str, Any]) -> dict[str, Any]:
        token = params.pop("Token", None)
        if token in self.tokens:
            return self.tokens[token]
        key = params.pop("Name", None)
        if key is None:
            self.made += 1
            key = f"{sort}-{self.made:08x}"
        if key in things:
            raise AwsSaid("definite", "AlreadyExists", key)
        things[key] = {**params, "made": self.clock.now()}
        answer = {"Thing": {"Id": key}}
        if token:
            self.tokens[token] = answer
        return answer


class ToySite:
    """Reads of the cloud, checked against the declared ones."""

    def __init__(self, cloud: Cloud, account: AccountId, region: Region, reads: frozenset[str]) -> None:
        self.cloud, self.account, self.region, self.reads = cloud, account, region, reads
        self.unsealed: dict[str, str] = {}
        self.refusals: list[str] = []

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        if operation not in self.reads:
            raise GuardError(f"{operation} is not declared")
        return self.cloud.read(self.account, operation, params)

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.call(operation, **params)[key]

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        return self.call(operation, **params)

    def map(self, what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [what(item) for item in items]

    def seal(self, name: str, value: str) -> Any:
        if "SECRET" not in name:
            return value
        self.unsealed[f"hash-{len(value)}-{value[-1]}"] = value
        return {"$sealed": f"hash-{len(value)}-{value[-1]}", "length": len(value)}


class ToySender:
    """Sends what the permit allows."""

    def __init__(self, cloud: Cloud, account: AccountId, region: Region, allows: Allows) -> None:
        self.cloud, self.account, self.region, self.allows = cloud, account, region, allows

    def send(self, operation: str, **params: Any) -> dict[str, Any]:
        if not self.allows(self.account, self.region, operation, params):
            raise GuardError(f"{operation} to {self.account} was not declared by the step")
        return self.cloud.write(self.account, operation, dict(params))


class ToyClients:
    """Clients of both accounts."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.refreshed = 0

    def reader(self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False) -> ToySite:
        return ToySite(self.cloud, account, region, reads)

    def sender(self, account: AccountId, region: Region, allows: Allows) -> ToySender:
        return ToySender(self.cloud, account, region, allows)

    def refresh(self, account: AccountId) -> None:
        self.refreshed += 1


def tags_of(thing: Mapping[str, Any]) -> dict[str, str]:
    """A thing's tags."""
    return dict(thing.get("Tags", {}))
