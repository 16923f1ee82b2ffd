"""Two emulated accounts with the product's own rewriter between them; requests are sent by hand, without the engine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, Literal
from uuid import UUID

import boto3
import botocore.session
import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from migrate.files import canonical
from migrate.inventory import Resource
from migrate.kind import MIGRATION_TAG, STEP_TAG, CarryAction, It, Kind, Place, Proof, ReadSite, Request
from migrate.names import AccountId
from migrate.rewrite import Rewriter, Rewritten, index_of, whole
from migrate.values import Json, resolve
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request

LEGACY, TARGET, REGION = AccountId("111111111111"), AccountId("222222222222"), "eu-west-1"
Side = Literal["legacy", "target"]


@dataclass
class TwoSides:
    """What a test works with: `scan` first, then `move`."""

    sessions: dict[Side, boto3.Session]
    kinds: dict[str, Kind[Any]] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sites: list[PlainSite] = field(default_factory=list)
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def client(self, side: Side, service: str) -> Any:
        return self.sessions[side].client(service, region_name=REGION)

    def site(self, kind: Kind[Any], side: Side, *more: str) -> PlainSite:
        account = LEGACY if side == "legacy" else TARGET
        site = PlainSite(self.sessions[side], account, REGION, kind.reads | set(more))
        self.sites.append(site)
        return site

    def scan(self, kind: Kind[Any], side: Side = "legacy", only: str | None = None) -> dict[str, Resource]:
        found = {resource.ref.name: resource for resource in kind.scan(self.site(kind, side), only)}
        if side == "legacy":
            self.kinds[kind.name] = kind
            self.resources |= {str(resource.ref): resource for resource in found.values()}
        return found

    def place(self, resource: Resource) -> Place:
        step = f"{TARGET}/{resource.ref.region}/{resource.ref.kind}/{resource.ref.name}:create"
        return Place("shop", TARGET, resource.ref.region, resource.ref.name, step, (TARGET,))

    def rewrite(self, value: Json) -> Rewritten:
        def places(ref: Any) -> list[Place]:
            resource = self.resources[str(ref)]
            it = self.kinds[ref.kind].typed(resource)
            moved = any(action.applies(it) for action in self.kinds[ref.kind].actions)
            return [self.place(resource)] if moved else []

        index = index_of(self.resources.values(), self.kinds, LEGACY, places)
        return Rewriter(index, TARGET, lambda known: known.ref.kind in ("iam.user", "iam.group"))(value)

    def renamed(self, value: Json) -> Json:
        """A legacy document in the target's names, with all that is known by now."""
        return resolve(self.rewrite(value).value, self.known)

    def planned(self, kind: Kind[Any], resource: Resource, action: str) -> list[tuple[Request, dict[str, Json]]]:
        """The requests of an action with their rewritten parameters, each checked against AWS's shapes."""
        place, it = self.place(resource), kind.typed(resource)
        made = []
        for request in kind.action(action).requests(it, place):
            params = self._params(request, place)
            check_request(request.operation, _guessed(params))
            if request.undo:
                check_request(request.undo.operation, _guessed(self._params(request.undo, place)))
            made.append((request, params))
        return made

    def _params(self, request: Request, place: Place) -> dict[str, Json]:
        """What is sent: to legacy it goes as it stands."""
        params = whole(request.params, place)
        return dict(params if request.side == "legacy" else self.rewrite(params).value)

    def move(self, kind: Kind[Any], resource: Resource, *actions: str) -> None:
        """Send the requests of the named actions (all that apply by default): nothing is carried."""
        it, place = kind.typed(resource), self.place(resource)
        for action in kind.actions:
            if action.applies(it) and (not actions or action.name in actions):
                step = f"{place.step.rpartition(':')[0]}:{action.name}"
                for request, params in self.planned(kind, resource, action.name):
                    answer = self.send(request, params)
                    for name, path in request.outputs.items():
                        value = jmespath.search(path, answer)
                        assert isinstance(value, str), f"{request.operation} gives no {name}"
                        self.known[step, name] = value
                    if request.undo:
                        self._undo.append(partial(self._take_back, request.undo, place))

    def learn(self, kind: Kind[Any], resource: Resource) -> None:
        """Take what a look at a moved thing tells."""
        place, it = self.place(resource), kind.typed(resource)
        outputs = {name: value for (step, name), value in self.known.items() if step == place.step}
        standing = kind.locate(self.site(kind, "target"), place, outputs, it)
        assert standing is not None, f"{resource.ref} is not in the target"
        self.known |= {(place.step, name): value for name, value in kind.outputs(standing).items()}

    def carry(self, kind: Kind[Any], resource: Resource, name: str) -> Proof:
        """Do what a carrying action does, and prove it; undone with the rest."""
        action, it = kind.action(name), kind.typed(resource)
        assert isinstance(action, CarryAction)
        to = HandCarrier(self, kind, action, resource)
        action.carry(it, to)
        self._undo.append(lambda: action.uncarry(it, to))
        return action.prove(it, to)

    def keep(self) -> None:
        """What was moved so far stays at an undo: others need it."""
        self._undo.clear()

    def undo(self) -> None:
        """Send every undo, last first."""
        while self._undo:
            self._undo.pop()()

    def _take_back(self, request: Request, place: Place) -> None:
        self.send(request, self._params(request, place))

    def was_sent(self, request: Request, resource: Resource) -> bool:
        """Whether the request's own look finds what it makes, as the engine asks after a crash."""
        if request.find is None:
            return False
        params = whole(request.find.params, self.place(resource))
        params = params if request.side == "legacy" else self.rewrite(params).value
        try:
            answer = self.send(Request(request.find.operation, params, side=request.side), params)
        except ClientError:
            return False  # the emulator cannot look: it is sent again
        return any(jmespath.search(path, answer) for path in request.find.outputs.values())

    def send(self, request: Request, params: dict[str, Json]) -> dict[str, Any]:
        service, _, name = request.operation.partition(".")
        full = resolve(params, self.known)
        self.sent.append((request.operation, full))
        try:
            answer: dict[str, Any] = getattr(self.client(request.side, service), xform_name(name))(**full)
        except ClientError as error:
            if error.response["Error"]["Code"] not in request.done:
                raise
            return {}
        return answer

    def differences(self, kind: Kind[Any], resource: Resource, *done: str) -> dict[str, tuple[Json, Json]]:
        """Fields in which the target's thing is not what legacy shows, after the actions in `done`."""
        it: It[Any] = kind.typed(resource)
        outputs = {name: value for (step, name), value in self.known.items() if step == self.place(resource).step}
        found = kind.locate(self.site(kind, "target"), self.place(resource), outputs, it)
        assert found is not None, f"{resource.ref} is not in the target"
        assert found.tags.get(STEP_TAG) == self.place(resource).step or not kind.stamped
        expected = kind.expected(self.renamed(resource.facts), frozenset(done), it) | {"tags": resource.tags}
        shown = found.facts | {"tags": {k: v for k, v in found.tags.items() if k not in (STEP_TAG, MIGRATION_TAG)}}
        fields = (expected.keys() | shown.keys()) - kind.volatile
        for facts in (expected, shown):
            for name in kind.unordered & facts.keys():
                facts[name] = sorted(facts[name], key=canonical) if isinstance(facts[name], list) else facts[name]
        return {f: (expected.get(f), shown.get(f)) for f in fields if expected.get(f) != shown.get(f)}


class HandCarrier:
    """What a carrying action gets, without journal or guard; it notes what was written and remembered."""

    def __init__(self, world: TwoSides, kind: Kind[Any], action: CarryAction[Any], resource: Resource) -> None:
        self.place = world.place(resource)
        self.step = f"{self.place.step.rpartition(':')[0]}:{action.name}"
        self.legacy: ReadSite = world.site(kind, "legacy", *action.reads)
        self.target: ReadSite = world.site(kind, "target", *action.reads)
        self._outputs: dict[str, str] = {}
        self.outputs: Mapping[str, str] = self._outputs
        self.planned: Mapping[str, Json] = {}
        self.others: dict[str, Mapping[str, str]] = {}
        self.written: list[str] = []
        self._folder = Path(mkdtemp())
        self._world, self._action = world, action

    def write(self, operation: str, *, side: Side = "target", **params: Any) -> dict[str, Any]:
        assert operation in self._action.writes
        check_request(operation, params)
        self.written.append(operation)
        service, _, name = operation.partition(".")
        answer: dict[str, Any] = getattr(self._world.client(side, service), xform_name(name))(**params)
        return answer

    def rewrite(self, document: Json) -> Json:
        return self._world.renamed(document)

    def remember(self, key: str, value: str) -> None:
        self._outputs[key] = value
        self._world.known[self.place.step, key] = value

    def notebook(self, name: str) -> Path:
        return self._folder / name

    def fetch(self, url: str) -> bytes:
        raise NotImplementedError

    def fetch_into(self, url: str, file: IO[bytes]) -> None:
        raise NotImplementedError

    def intend(self, operation: str, *, side: Side) -> None:
        self.written.append(operation)

    def pause(self, seconds: float) -> None:
        raise NotImplementedError

    def route(self, host: str, port: int, *, instance: str) -> tuple[str, int]:
        return host, port

    def learnt(self, action: str) -> Mapping[str, str]:
        return self.others.get(action, {})

    def connect(
        self, host: str, port: int, database: str, *, side: Side, instance: str, login: tuple[str, str] | None = None
    ) -> Any:
        raise NotImplementedError


_MODELS = botocore.session.Session().get_component("data_loader")
"""Shared by all sessions: reading AWS's models anew for each test takes longer than the tests."""


class OneClientSession(boto3.Session):  # type: ignore[misc]
    """A session that makes one client a service: making one costs more than most tests."""

    def __init__(self, *args: Any) -> None:
        core = botocore.session.Session()
        core.register_component("data_loader", _MODELS)
        super().__init__(*args, botocore_session=core)
        self._made: dict[str, Any] = {}

    def client(self, service: str, **settings: Any) -> Any:
        if service not in self._made:
            self._made[service] = super().client(service, **settings)
        return self._made[service]


@contextmanager
def two_sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    """Both accounts, empty."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        sessions: dict[Side, boto3.Session] = {"legacy": _session(LEGACY), "target": _session(TARGET)}
        yield TwoSides(sessions)


def _session(account: str) -> boto3.Session:
    role = f"arn:aws:iam::{account}:role/test"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return OneClientSession(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)


def _guessed(value: Json) -> Json:
    """ARNs and UUIDs that are not known yet have to look like ones for AWS's shapes."""
    if isinstance(value, list):
        return [_guessed(item) for item in value]
    if isinstance(value, dict):
        if value.get("$after", ["", ""])[1] == "arn":
            return f"arn:aws:guess:{REGION}:{TARGET}:guess"
        some_uuid = {"UUID": str(UUID(int=0))} if "$after" in (value.get("UUID") or ()) else {}
        return {key: _guessed(item) for key, item in value.items()} | some_uuid
    return value
