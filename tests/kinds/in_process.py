"""A whole migration of a few kinds in one process: planned, written, run by the engine over two emulated accounts.

Nothing of the product is replaced but its way to AWS, which is plain boto3 here, and its clock.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from migrate import files, plan
from migrate.clients import SendFailed
from migrate.engine import Engine
from migrate.errors import MigrateError
from migrate.inventory import Inventory, Resource
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.kind import Kind
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, Region
from migrate.rewrite import Rewriter
from migrate.runbook import load
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides
from tests.plans.toys import inputs
from tests.toy_cloud import FakeClock

HEAD = {"schema": "migrate.config/1", "migration": "shop"}


class Site(PlainSite):
    """As the engine wants its reads."""

    unsealed: Mapping[str, str] = {}
    refusals: tuple[str, ...] = ()


@dataclass
class Clients:
    """AWS by plain boto3, and what was sent; `fails` are raised after sending, one a call."""

    world: TwoSides
    sent: list[str] = field(default_factory=list)
    fails: list[SendFailed] = field(default_factory=list)

    def reader(self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False) -> Site:
        return Site(self.world.sessions["legacy" if account == LEGACY else "target"], account, REGION, reads)

    def sender(self, account: AccountId, region: Region, allows: Any) -> "Sender":
        return Sender(self, account, region, allows)

    def refresh(self, account: AccountId) -> None:
        raise NotImplementedError


@dataclass
class Sender:
    clients: Clients
    account: AccountId
    region: Region
    allows: Any

    def send(self, operation: str, **params: Any) -> dict[str, Any]:
        assert self.allows(self.account, self.region, operation, params), f"{operation} is not planned"
        check_request(operation, params)
        service, _, name = operation.partition(".")
        client = self.clients.world.client("legacy" if self.account == LEGACY else "target", service)
        try:
            answer: dict[str, Any] = getattr(client, xform_name(name))(**params)
        except ClientError as error:
            said = error.response["Error"]
            raise SendFailed("definite", said["Code"], said["Message"]) from error
        self.clients.sent.append(operation)
        if self.clients.fails:
            raise self.clients.fails.pop()
        return answer


@dataclass
class InProcess:
    """One migration of what stands in legacy of these kinds, run in this process."""

    world: TwoSides
    folder: Path
    kinds: Mapping[str, Kind[Any]]
    clock: FakeClock = field(default_factory=FakeClock)
    body: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clients = Clients(self.world)
        # AWS says when it took a change.
        self.clock.time = time.time()
        self.folder.mkdir(exist_ok=True)

    def scan(self) -> Inventory:
        found: list[Resource] = []
        for kind in self.kinds.values():
            found += self.world.scan(kind).values()
        return Inventory(LEGACY, (Region(REGION),), tuple(self.kinds), tuple(found))

    def plan(self, *books: str, **config: Any) -> None:
        actions = frozenset(f"{kind.name}.{one.name}" for kind in every_kind().values() for one in kind.actions)
        self.inventory = self.scan()
        target = {"account": TARGET, "role": "Admin"}
        named = books or ("move-workload",)
        decided = {
            "legacy": {"account": LEGACY, "regions": [REGION]},
            "targets": {"production": target},
            "placement": [{"kind": "ec2.*", "to": "production"}],
            "environments": {},
            "move": [{"runbook": book, "accounts": ["production"]} for book in named],
        }
        written = files.write_inventory(self.folder, self.inventory)
        (self.folder / "migration.yaml").write_text(json.dumps(HEAD | decided | config))
        given = inputs(
            self.inventory,
            runbooks=[load(book, self.folder, actions) for book in named],
            kinds=self.kinds,
            digest=written.digest,
            **(HEAD | decided | config),
        )
        self.made = plan.write(self.folder, given)
        self.body = dict(self.made.body)

    def engine(self, **more: Any) -> Engine:
        """A new process."""
        names = self.made.names(self.inventory, self.kinds)
        folder = Migration(self.folder).run_folder(self.made)
        folder.mkdir(exist_ok=True)
        self.journal = Journal(folder / JOURNAL, clock=self.clock.now)
        return Engine(
            self.made, self.inventory, self.kinds, self.clients, self.journal,
            lambda account, region: lambda document: Rewriter(names.in_region(region), account)(document).value,
            clock=self.clock, settle_s=1, consistency_s=1, **more,
        )  # fmt: skip

    def run(self, until: str = "") -> None:
        """Every step in order, or up to and with the one that ends in this word; no gates are asked."""
        engine = self.engine()
        try:
            for gate in self.made.gates:
                engine.answer(gate.id, "ann")
            for step in self.made.steps:
                engine.step(step)
                if until and step.endswith(f":{until}"):
                    return
        finally:
            self.journal.close()

    def tried(self) -> dict[str, MigrateError]:
        """Every step that can be done; what failed, by step."""
        engine = self.engine()
        try:
            return dict(engine.drive(workers=1).failed)
        finally:
            self.journal.close()

    def undo(self, *steps: str) -> Any:
        engine = self.engine()
        try:
            return engine.undo(steps or None)
        finally:
            self.journal.close()

    def proofs(self) -> dict[str, Any]:
        engine = self.engine()
        try:
            return {ref.kind: proof for ref, _, proof in engine.prove_all()}
        finally:
            self.journal.close()
