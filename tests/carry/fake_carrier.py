"""A Carrier over plain boto3 for tests of carrying code: remembers every write, refuses undeclared ones."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar, Literal

import boto3
from botocore import xform_name

from migrate.kind import CarryAction, Kind, Place
from migrate.names import AccountId, Region
from tests.kinds.plain_site import PlainSite

LEGACY, TARGET, REGION = "111111111111", "222222222222", "eu-west-1"


def session(account: str, region: str = REGION) -> boto3.Session:
    """A session in one account of the emulator."""
    sts = boto3.client("sts", region_name=region)
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/tester", RoleSessionName="test")["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=region)


def place(name: str, *, account: str = TARGET, region: str = REGION, step: str = "step:create") -> Place:
    """A place in the target."""
    return Place("move", AccountId(account), Region(region), name, step, (AccountId(account),))


class ThreadedSite(PlainSite):
    """A plain site whose map is concurrent, as the real one's."""

    def map(self, what: Any, items: Any) -> list[Any]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(what, items))


@dataclass
class FakeCarrier:
    """What a carrying action gets in a test."""

    kind: Kind[Any]
    action: CarryAction[Any]
    place: Place
    sessions: dict[str, boto3.Session]
    names: Mapping[str, str] = field(default_factory=dict)
    """Legacy text → target text, replaced wherever it stands."""
    downloads: Mapping[str, bytes] = field(default_factory=dict)
    connections: dict[str, Any] = field(default_factory=dict)
    step: str = "step:create"
    outputs: dict[str, str] = field(default_factory=dict)
    writes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    fail_at: int | None = None
    planned: Mapping[str, Any] = field(default_factory=dict)
    folder: ClassVar[Path | None] = None
    """The run's folder; where a test gives none, each carrier has its own."""
    intended: list[tuple[str, str]] = field(default_factory=list)
    routes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Action → what that step has learnt."""

    def __post_init__(self) -> None:
        reads = self.kind.reads | self.action.reads
        self.legacy = ThreadedSite(self.sessions["legacy"], LEGACY, self.place.region, reads)
        self.target = ThreadedSite(self.sessions["target"], self.place.account, self.place.region, reads)

    def write(self, operation: str, *, side: Literal["target", "legacy"] = "target", **params: Any) -> dict[str, Any]:
        assert operation in self.action.writes, f"{operation} is not among the declared writes"
        if self.fail_at is not None and len(self.writes) >= self.fail_at:
            raise ConnectionError("the process was stopped here")
        self.writes.append((side, operation, params))
        service, _, name = operation.partition(".")
        answer: dict[str, Any] = getattr(self.sessions[side].client(service), xform_name(name))(**params)
        return answer

    def rewrite(self, document: Any) -> Any:
        if isinstance(document, dict):
            return {key: self.rewrite(item) for key, item in document.items()}
        if isinstance(document, list):
            return [self.rewrite(item) for item in document]
        if isinstance(document, str):
            for legacy, target in self.names.items():
                document = document.replace(legacy, target)
        return document

    def remember(self, key: str, value: str) -> None:
        self.outputs[key] = value

    def notebook(self, name: str) -> Path:
        self.own = self.folder or getattr(self, "own", None) or Path(mkdtemp())
        return self.own / name

    def fetch(self, url: str) -> bytes:
        return self.downloads[url]

    def fetch_into(self, url: str, file: Any) -> None:
        file.write(self.downloads[url])

    def intend(self, operation: str, *, side: Literal["target", "legacy"]) -> None:
        self.intended.append((side, operation))

    def pause(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.2))

    def route(self, host: str, port: int, *, instance: str) -> tuple[str, int]:
        return self.routes.get(instance, (host, port))

    def learnt(self, action: str) -> Mapping[str, str]:
        return self.others.get(action, {})

    def connect(
        self, host: str, port: int, database: str, *, side: str, instance: str, login: tuple[str, str] | None = None
    ) -> Any:
        opened = self.connections.get(side)
        more = {"login": login} if login else {}
        return opened(host, port, database, **more) if callable(opened) else opened


@contextmanager
def stopped_after(carrier: FakeCarrier, writes: int) -> Iterator[None]:
    """The process dies once this many more writes were sent."""
    carrier.fail_at = len(carrier.writes) + writes
    try:
        yield
    finally:
        carrier.fail_at = None
