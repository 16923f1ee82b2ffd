"""An instance or cluster on two sides with real servers, its steps done one by one, and processes that are killed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from migrate.demo.postgres import Fleet
from migrate.kind import CarryAction, It
from migrate.kinds import rds_instance
from tests.carry.fake_carrier import LEGACY, TARGET, FakeCarrier, place, session
from tests.carry.two_servers import PASSWORD, USER, TwoServers, connect, make
from tests.kinds.plain_site import PlainSite

INSTANCE = rds_instance.KINDS[0]
STEPS = ("check_replication", "replicate", "catch_up", "end_replication", "prove_rows")
BACK_STEPS = ("check_way_back", "follow_back", "end_way_back")
"""In these legacy's server goes to the target's."""


class Killed(BaseException):
    """The process was ended: nothing of it runs any more."""


@dataclass
class Life:
    """How many statements a process sends before it is killed."""

    left: int = 10**9
    sent: int = 0

    def spend(self) -> None:
        if self.left <= 0:
            raise Killed
        self.left -= 1
        self.sent += 1


class Mortal:
    """A connection of a process that may be killed before, or right after, a statement."""

    def __init__(self, link: Any, life: Life) -> None:
        self._link, self._life = link, life

    def execute(self, *words: Any) -> Any:
        self._life.spend()
        found = self._link.execute(*words)
        self._life.spend()
        return found

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *of: object) -> None:
        self._link.close()

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._link, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)


@dataclass
class Move:
    """One instance or cluster on both sides, its servers, and what the steps have remembered."""

    it: It[Any]
    servers: TwoServers
    sessions: dict[str, boto3.Session]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    ended: dict[str, dict[str, str]] = field(default_factory=dict)
    """What steps had learnt that were undone."""
    intended: list[tuple[str, str]] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)
    kind: Any = INSTANCE

    def carrier(self, step: str, life: Life | None = None) -> tuple[CarryAction[Any], Any]:
        action = self.kind.action(step)
        assert isinstance(action, CarryAction)

        def to(side: str) -> Any:
            def opened(host: str, port: int, database: str) -> Any:
                link = connect(getattr(self.servers, side), database)
                self.open.append(link)
                return Mortal(link, life or Life())

            return opened

        carrier = FakeCarrier(self.kind, action, place("shop"), self.sessions, intended=self.intended)
        carrier.connections = {side: to(side) for side in ("legacy", "target")}
        back = step in BACK_STEPS
        carrier.routes = {"shop": ("127.0.0.1", self.servers.target.port) if back else self.servers.address}
        carrier.planned = {"way back": "reverse"} if self.it.way_back else {}
        carrier.outputs = self.outputs.setdefault(step, {})
        carrier.others = {**self.ended, **self.outputs}
        return action, carrier

    def do(self, step: str, life: Life | None = None) -> Any:
        """Carry and prove one step, as one process would."""
        action, carrier = self.carrier(step, life)
        try:
            action.carry(self.it, carrier)
            return action.prove(self.it, carrier)
        finally:
            while self.open:
                self.open.pop().close()

    def undo(self, *steps: str, life: Life | None = None) -> None:
        for step in steps:
            action, carrier = self.carrier(step, life)
            try:
                action.uncarry(self.it, carrier)
            finally:
                while self.open:
                    self.open.pop().close()
            # As the journal does: what an undone step has learnt holds no more, and is looked up as history.
            self.ended[step] = self.outputs.pop(step, {})

    def run(self) -> None:
        for step in STEPS:
            proof = self.do(step)
            assert proof.state == "equal", (step, proof.differences)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, boto3.Session]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        made = {"legacy": session(LEGACY), "target": session(TARGET)}
        for one in made.values():
            one.client("rds").create_db_instance(
                DBInstanceIdentifier="shop", DBName="shop", Engine="postgres", EngineVersion="16.4", Port=5432,
                DBInstanceClass="db.t4g.micro", AllocatedStorage=20, MasterUsername=USER, MasterUserPassword=PASSWORD,
            )  # fmt: skip
        yield made


@pytest.fixture
def move(fleet: Fleet, sessions: dict[str, boto3.Session]) -> Iterator[Move]:
    site = PlainSite(sessions["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    it = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop"))))
    servers = make(fleet)
    yield Move(it, servers, sessions)
    servers.close()


def untouched(servers: TwoServers) -> None:
    """Nothing of a replication is left in legacy, and it takes writes."""
    for what in (
        "pg_replication_slots", "pg_publication", "pg_roles WHERE rolname LIKE 'migrate%'",
        "pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname LIKE 'migrate%'",
        "pg_db_role_setting",
    ):  # fmt: skip
        assert servers.ask("legacy", f"SELECT count(*) FROM {what}") == [(0,)], what
    servers.run("legacy", "INSERT INTO orders (note) VALUES ('after')")
