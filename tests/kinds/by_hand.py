"""Two emulated accounts, and a kind's requests sent to them by hand: no planner and no engine between."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from migrate.inventory import Resource
from migrate.kind import Kind, Place, Request
from migrate.names import AccountId, Ref, Region
from migrate.values import Json, resolve
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request

_MODELS = botocore.session.Session().get_component("data_loader")
"""Shared by all sessions: reading AWS's models anew for each test takes longer than the tests."""

LEGACY, TARGET, REGION = AccountId("111111111111"), AccountId("222222222222"), Region("eu-west-1")


@dataclass
class TwoAccounts:
    """A legacy and a target account, and what the requests sent so far have taught us."""

    legacy: boto3.Session
    target: boto3.Session
    renames: dict[str, str] = field(default_factory=dict)
    """Legacy text → target text, beside the account id."""
    known: dict[Ref, dict[tuple[str, str], str]] = field(default_factory=dict)
    """Outputs of the requests sent, by resource."""

    def site(self, kind: Kind[Any], side: str) -> PlainSite:
        """One side as the kind's scan sees it."""
        if side == "legacy":
            return PlainSite(self.legacy, LEGACY, REGION, kind.reads)
        return PlainSite(self.target, TARGET, REGION, kind.reads)

    def scan(self, kind: Kind[Any], side: str = "legacy", only: str | None = None) -> dict[str, Resource]:
        """What the kind finds, by ref name."""
        return {found.ref.name: found for found in kind.scan(self.site(kind, side), only)}

    def one(self, kind: Kind[Any], name: str, side: str = "legacy") -> Resource:
        """The resource of that name, by the narrow look; the wide one has to say the same."""
        (found,) = kind.scan(self.site(kind, side), only=name)
        return found

    def renamed(self, value: Json) -> Json:
        """A document in the target's names: as the planner would, but by plain text."""
        text = json.dumps(value)
        for legacy, target in {**self.renames, LEGACY: TARGET}.items():
            text = text.replace(legacy, target)
        return json.loads(text)

    def send(self, request: Request, known: Mapping[tuple[str, str], str]) -> dict[str, Any]:
        """Check one request against AWS's shapes and send it to its side."""
        params = request.params if request.side == "legacy" else self.renamed(request.params)
        check_request(request.operation, params)
        if request.wait is not None:
            check_request(request.wait.operation, request.wait.params)
        service, _, name = request.operation.partition(".")
        client = (self.legacy if request.side == "legacy" else self.target).client(service, region_name=REGION)
        answer: dict[str, Any] = getattr(client, xform_name(name))(**resolve(params, known, lambda _: "unsealed"))
        return answer

    def do(self, kind: Kind[Any], resource: Resource, *actions: str) -> list[Request]:
        """Send every request of these actions in order; returns them, with what they need to be undone."""
        it, sent = kind.typed(resource), []
        known = self.known.setdefault(resource.ref, {})
        for name in actions:
            action = kind.action(name)
            assert action.applies(it), f"{kind.name}.{name} does not apply"
            for request in action.requests(it, place(kind, resource)):
                answer = self.send(request, known)
                for output, path in request.outputs.items():
                    known[name, output] = str(jmespath.search(path, answer))
                sent.append(request)
        return sent

    def undo(self, resource: Resource, sent: Iterable[Request]) -> None:
        """Send the inverses, newest first."""
        known = self.known[resource.ref]
        for request in reversed(list(sent)):
            if request.undo is not None:
                try:
                    self.send(request.undo, known)
                except ClientError as error:
                    if error.response["Error"]["Code"] not in request.undo.done:
                        raise

    def expected(self, kind: Kind[Any], resource: Resource, *done: str) -> dict[str, Json]:
        """What the target should show, without what may differ."""
        facts = kind.expected(self.renamed(resource.facts), frozenset(done), kind.typed(resource))
        return without(kind, facts)


def without(kind: Kind[Any], facts: Mapping[str, Json]) -> dict[str, Json]:
    """The facts that are compared."""
    return {key: value for key, value in facts.items() if key not in kind.volatile}


def place(kind: Kind[Any], resource: Resource) -> Place:
    """Where it goes: the same name in the other account."""
    step = f"{TARGET}/{REGION}/{kind.name}/{resource.ref.name}:create"
    return Place("shop", TARGET, REGION, resource.ref.name, step, (TARGET,))


@contextmanager
def two_accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    """Two empty accounts of one emulated AWS, in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield TwoAccounts(_session(LEGACY), _session(TARGET))


def _session(account: str) -> boto3.Session:
    role = f"arn:aws:iam::{account}:role/test"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    core = botocore.session.Session()
    core.register_component("data_loader", _MODELS)
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION, botocore_session=core
    )
