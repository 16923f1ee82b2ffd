"""An instance moves by logical replication: written to until the end, stopped anywhere, and nothing lost or doubled."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from migrate.demo.postgres import Fleet
from migrate.errors import AccessError, StepFailed
from migrate.kind import CarryAction, It
from migrate.kinds import rds_instance
from tests.carry.fake_carrier import LEGACY, TARGET, FakeCarrier, place, session
from tests.carry.two_servers import PASSWORD, USER, TwoServers, connect, make, writing
from tests.kinds.plain_site import PlainSite

INSTANCE = rds_instance.KINDS[0]
STEPS = ("check_replication", "replicate", "catch_up", "end_replication", "prove_rows")


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
    """One instance on both sides, its servers, and what the steps have remembered."""

    it: It[Any]
    servers: TwoServers
    sessions: dict[str, boto3.Session]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    intended: list[tuple[str, str]] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)

    def carrier(self, step: str, life: Life | None = None) -> tuple[CarryAction[Any], Any]:
        action = INSTANCE.action(step)
        assert isinstance(action, CarryAction)

        def to(side: str) -> Any:
            def opened(host: str, port: int, database: str) -> Any:
                link = connect(getattr(self.servers, side), database)
                self.open.append(link)
                return Mortal(link, life or Life())

            return opened

        carrier = FakeCarrier(INSTANCE, action, place("shop"), self.sessions, intended=self.intended)
        carrier.connections = {side: to(side) for side in ("legacy", "target")}
        carrier.routes = {"shop": self.servers.address}
        carrier.outputs = self.outputs.setdefault(step, {})
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

    def undo(self, *steps: str) -> None:
        for step in steps:
            action, carrier = self.carrier(step)
            action.uncarry(self.it, carrier)

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


def test_writers_write_during_the_copy_and_every_row_arrives_once(move: Move) -> None:
    with writing(move.servers.legacy) as writers:
        move.run()

    arrived = [row[0] for row in move.servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")]
    assert len(writers.inserted) > 20
    assert len(arrived) == len(set(arrived))
    assert set(writers.inserted) <= set(arrived)
    assert move.servers.ask("target", "SELECT n = (SELECT count(*) FROM orders) FROM totals") == [(True,)]
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]
    for step in STEPS:
        action, carrier = move.carrier(step)
        assert action.prove(move.it, carrier).state == "equal", f"{step}, asked again at the end"


def test_a_rollback_from_anywhere_leaves_legacy_as_it_was(move: Move) -> None:
    for done in range(1, len(STEPS)):
        for step in STEPS[:done]:
            move.do(step)
        move.undo(*reversed(STEPS[:done]))

        untouched(move.servers)


def test_a_row_that_did_not_arrive_and_another_setting_fail_the_proof(move: Move) -> None:
    for step in STEPS[:-1]:
        move.do(step)
    move.servers.run("target", "DELETE FROM lines WHERE id = 7")

    proof = move.do("prove_rows")

    assert proof.state == "different"
    assert proof.differences == (
        "shop: rows of public.lines: 2000 in legacy, 1999 in the target",
        "shop: keys of public.lines (id): 1 only in legacy: 7",
    )
    move.servers.run("target", "ALTER DATABASE shop SET work_mem TO '5MB'")
    assert any("setting shop" in line for line in move.do("prove_rows").differences)


def test_it_is_not_caught_up_before_the_target_holds_legacys_last_write(move: Move) -> None:
    move.do("check_replication")
    move.do("replicate")
    caught: list[Any] = []
    with connect(move.servers.target) as holding:
        # One locked row holds the apply, and nothing else.
        holding.execute("SELECT FROM lines WHERE id = 7 FOR UPDATE")
        move.servers.run("legacy", "UPDATE lines SET what = 'the last' WHERE id = 7")
        running = threading.Thread(target=lambda: caught.append(move.do("catch_up")))
        running.start()
        running.join(8)
        early = list(caught)
    running.join(60)

    assert early == []
    assert caught[0].state == "equal"
    assert move.servers.ask("target", "SELECT count(*) FROM lines WHERE what = 'the last'") == [(1,)]


def test_a_table_made_while_it_replicates_stops_the_move_before_legacy_is_read_only(move: Move) -> None:
    move.do("check_replication")
    move.do("replicate")
    move.servers.run("legacy", "CREATE TABLE later (a int PRIMARY KEY)", "INSERT INTO later VALUES (1)")

    with pytest.raises(StepFailed, match=r"shop: public\.later: only in legacy"):
        move.do("catch_up")

    move.servers.run("legacy", "INSERT INTO later VALUES (2)")


def test_a_slot_that_somebody_dropped_is_an_error_not_a_loss(move: Move) -> None:
    move.do("replicate")
    with move.servers.opened("target") as link:
        name = link.execute("SELECT subname FROM pg_subscription").fetchone()[0]
        link.execute(f"ALTER SUBSCRIPTION {name} DISABLE".encode())
    with move.servers.fleet._admin(move.servers.legacy) as admin:
        admin.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        while admin.execute("SELECT count(*) FROM pg_replication_slots WHERE active").fetchone() != (0,):
            pass
        admin.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")

    for step in ("replicate", "catch_up"):
        with pytest.raises(StepFailed, match="gone"):
            move.do(step)
    move.undo("replicate")
    untouched(move.servers)


def test_without_wal_level_logical_the_check_says_what_to_set(fleet: Fleet, move: Move) -> None:
    fleet.stop(move.servers.legacy)
    fleet.configure(move.servers.legacy, {})
    fleet.start(move.servers.legacy)

    with pytest.raises(StepFailed, match=r"rds\.logical_replication to 1"):
        move.do("check_replication")


def test_without_a_connection_the_error_says_which_side(move: Move) -> None:
    action, carrier = move.carrier("replicate")
    carrier.connections["target"] = None

    with pytest.raises(AccessError, match="shop in the target"):
        action.carry(move.it, carrier)


def converges(move: Move, points: int) -> None:
    """Kill a process at so many points of the whole move, run the same again, and look at the rows."""
    whole = Life()
    with writing(move.servers.legacy) as writers:
        for step in STEPS:
            life = Life(left=3)
            while True:
                try:
                    proof = move.do(step, life)
                except Killed:
                    # The next process lives longer, and dies later; the last one lives.
                    whole.left -= 1
                    life = Life(left=life.sent + points)
                    continue
                break
            assert proof.state == "equal", (step, proof.differences)
    arrived = [row[0] for row in move.servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")]
    assert len(arrived) == len(set(arrived))
    assert set(writers.inserted) <= set(arrived)
    assert 10**9 - whole.left >= 10, "it was killed less than ten times"
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]


def test_killed_at_many_points_it_goes_on_and_no_row_is_lost_or_doubled(move: Move) -> None:
    converges(move, 17)


@pytest.mark.torture
def test_killed_at_every_few_statements_no_row_is_lost_or_doubled(move: Move) -> None:
    converges(move, 3)


@pytest.mark.parametrize("left", [25, *(pytest.param(n, marks=pytest.mark.torture) for n in (10, 40, 55))])
def test_killed_while_it_begins_and_rolled_back_nothing_is_left(move: Move, left: int) -> None:
    with pytest.raises(Killed):
        move.do("replicate", Life(left))

    move.undo("replicate")

    assert ("legacy", "postgresql.CreatePublication") in move.intended
    untouched(move.servers)
