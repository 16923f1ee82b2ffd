"""A record of a public zone, switched by the engine between two emulated accounts: ahead, at the cut-over, and back."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from migrate import drift, plan
from migrate.clients import SendFailed
from migrate.engine import Engine
from migrate.errors import VerificationFailed
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kind import Json
from migrate.kinds import every_kind
from migrate.names import AccountId, Region
from migrate.rewrite import Rewriter
from migrate.runbook import load
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides
from tests.plans.toys import inputs
from tests.toy_cloud import FakeClock

KINDS = {name: every_kind()[name] for name in ("route53.record_set", "route53.hosted_zone", "ec2.elastic_ip")}
RECORDS = KINDS["route53.record_set"]
Record = dict[str, Any]


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
class Switch:
    """One migration of what stands in legacy, run in this process."""

    world: TwoSides
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    body: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clients = Clients(self.world)
        # AWS says when it took a change.
        self.clock.time = time.time()

    def scan(self) -> Inventory:
        found: list[Resource] = []
        for kind in KINDS.values():
            found += self.world.scan(kind).values()
        return Inventory(LEGACY, (Region(REGION),), tuple(KINDS), tuple(found))

    def plan(self, **config: Any) -> None:
        actions = frozenset(f"{kind.name}.{one.name}" for kind in every_kind().values() for one in kind.actions)
        self.inventory = self.scan()
        target = {"account": TARGET, "role": "Admin"}
        decided = {
            "legacy": {"account": LEGACY, "regions": [REGION]},
            "targets": {"production": target},
            "placement": [{"kind": "ec2.*", "to": "production"}],
            "environments": {},
            "move": [{"runbook": "move-workload", "accounts": ["production"]}],
        }
        book = load("move-workload", self.folder, actions)
        given = inputs(self.inventory, runbooks=[book], kinds=KINDS, **(decided | config))
        self.body = plan.make(given)
        self.made = plan.from_body(json.loads(json.dumps(self.body)), "digest")

    def engine(self) -> Engine:
        """A new process."""
        names = self.made.names(self.inventory, KINDS)
        self.journal = Journal(self.folder / "journal.db", clock=self.clock.now)
        return Engine(
            self.made, self.inventory, KINDS, self.clients, self.journal,
            lambda account, region: lambda document: Rewriter(names.in_region(region), account)(document).value,
            clock=self.clock, settle_s=1, consistency_s=1,
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

    def steps(self) -> list[str]:
        """The actions on records, in order."""
        return [step.rpartition(":")[2] for step in self.made.steps if "record_set" in step]

    def step(self, action: str) -> str:
        return next(step for step in self.made.steps if step.endswith(f"record_set/{self.zone}/{NAME}/A:{action}"))

    @property
    def zone(self) -> str:
        return str(self.world.client("legacy", "route53").list_hosted_zones()["HostedZones"][0]["Id"].split("/")[-1])

    def standing(self) -> list[Record]:
        listed = self.world.client("legacy", "route53").list_resource_record_sets(HostedZoneId=self.zone)
        return [one for one in listed["ResourceRecordSets"] if one["Type"] not in ("NS", "SOA")]

    def change(self, *changes: tuple[str, Record]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": one} for action, one in changes]}
        self.world.client("legacy", "route53").change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)


NAME = "vpn.shop.example."


def record(value: str, ttl: int = 300, **more: Json) -> Record:
    return {"Name": NAME, "Type": "A", "TTL": ttl, "ResourceRecords": [{"Value": value}], **more}


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Switch]:
    with two_sides(monkeypatch) as world:
        world.client("legacy", "route53").create_hosted_zone(Name="shop.example", CallerReference="1")
        yield Switch(world, tmp_path)


def address(switch: Switch, side: Any = "legacy") -> str:
    if side == "legacy":
        return str(switch.world.client(side, "ec2").allocate_address(Domain="vpc")["PublicIp"])
    (own,) = switch.world.client(side, "ec2").describe_addresses()["Addresses"]
    return str(own["PublicIp"])


def test_the_ttl_goes_down_first_and_nothing_goes_on_before_the_old_one_is_over(switch: Switch) -> None:
    legacy = address(switch)
    switch.change(("CREATE", record(legacy)))
    switch.plan()
    assert switch.steps() == ["lower_ttl", "expire", "weigh", "shift"]
    waves = {step.action: step.wave for step in switch.made.steps.values()}
    (gate,) = switch.made.gates
    assert waves["expire"] <= gate.after_wave < waves["weigh"], "legacy's writers stop when resolvers have forgotten"

    switch.run(until="lower_ttl")
    assert switch.standing() == [record(legacy, 60)]
    began = switch.clock.now()
    switch.clock.time += 100
    switch.run(until="expire")

    assert 355 <= switch.clock.now() - began <= 365, "300 s of the old TTL and 60 s of propagation since the change"
    assert switch.standing() == [record(legacy, 60)]


def test_it_becomes_a_pair_the_weight_moves_and_each_comes_back(switch: Switch) -> None:
    legacy = address(switch)
    switch.change(("CREATE", record(legacy)))
    before = switch.standing()
    switch.plan()
    switch.run(until="weigh")
    target = address(switch, "target")
    assert target != legacy
    pair = [
        record(value, 60, SetIdentifier=name, Weight=weight)
        for name, value, weight in (("legacy", legacy, 100), ("target", target, 0))
    ]
    assert switch.standing() == pair

    switch.run()

    shifted = [one | {"Weight": weight} for one, weight in zip(pair, (0, 100), strict=True)]
    assert switch.standing() == shifted
    assert {kind: proof.state for kind, proof in switch.proofs().items()} == {
        "ec2.elastic_ip": "equal",
        "route53.record_set": "equal",
    }
    engine = switch.engine()
    now = switch.scan()
    assert drift.unexplained(switch.inventory, now, switch.made, engine.journal, KINDS) == []
    switch.journal.close()

    assert switch.undo(switch.step("shift")).whole
    assert switch.standing() == pair
    assert switch.undo(switch.step("weigh")).whole
    assert switch.standing() == [record(legacy, 60)]
    assert switch.undo().whole
    assert switch.standing() == before
    assert switch.world.client("target", "ec2").describe_addresses()["Addresses"] == []


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))))
    switch.plan()
    switch.run(until="expire")
    switch.clients.fails = [SendFailed("lost", "ReadTimeout", "no answer")]

    switch.run(until="weigh")

    assert [one["Weight"] for one in switch.standing()] == [100, 0]
    switch.clients.fails = [SendFailed("lost", "ReadTimeout", "no answer")]
    assert switch.undo(switch.step("weigh")).whole
    assert [one.get("Weight") for one in switch.standing()] == [None]
    assert switch.undo().whole


def test_a_pair_that_a_person_changed_is_named_and_left(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))))
    switch.plan()
    switch.run()
    mine = switch.standing()[1] | {"Weight": 7}
    switch.change(("UPSERT", mine))

    proof = switch.proofs()["route53.record_set"]
    assert (proof.state, proof.differences) == ("different", ("legacy.sets[1].Weight: expected 100, found 7",))
    assert "was changed in legacy since" in switch.undo(switch.step("shift")).kept[switch.step("shift")]
    assert switch.standing()[1] == mine


def test_a_change_that_route53_refuses_does_not_count_as_done(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))))
    switch.plan()
    switch.run(until="expire")
    engine = switch.engine()

    class Refuses(Sender):
        def send(self, operation: str, **params: Any) -> dict[str, Any]:
            raise SendFailed("definite", "InvalidChangeBatch", "the record is protected")

    switch.clients.sender = lambda account, region, allows: Refuses(  # type: ignore[method-assign]
        switch.clients, account, region, allows
    )
    with pytest.raises(VerificationFailed, match=r"legacy\.sets"):
        engine.step(switch.step("weigh"))
    said = [entry.data.get("said") for entry in switch.journal.entries(switch.step("weigh"))]
    assert "the record is protected" in said
    switch.journal.close()


def test_a_short_ttl_is_left_as_it_is(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch), 60)))
    switch.plan()

    assert switch.steps() == ["weigh", "shift"]


@pytest.mark.parametrize(
    "more",
    [
        {"ResourceRecords": [{"Value": "{own}"}, {"Value": "192.0.2.9"}]},
        {"SetIdentifier": "a", "Weight": 1},
        {"SetIdentifier": "a", "Failover": "PRIMARY"},
        {"Type": "TXT", "ResourceRecords": [{"Value": '"v=spf1 ip4:{own} -all"'}]},
    ],
    ids=["several values", "weights of its own", "a routing policy", "another type"],
)
def test_what_cannot_be_a_pair_is_a_finding_and_is_not_touched(switch: Switch, more: Record) -> None:
    own = address(switch)
    given = json.loads(json.dumps(record(own) | more).replace("{own}", own))
    switch.change(("CREATE", given))
    switch.plan()

    assert switch.steps() == []
    (said,) = (line for line in switch.body["findings"] if "record_set" in line)
    assert NAME in said
    assert "is not switched" in said


def test_what_leads_to_nothing_that_moves_is_neither_switched_nor_told(switch: Switch) -> None:
    own = address(switch)
    for number, value in enumerate(("192.0.2.1", own)):
        switch.change(("CREATE", record(value) | {"Name": f"n{number}.shop.example."}))
    switch.plan(placement=[{"kind": "ec2.*", "to": "legacy"}])

    assert list(switch.made.steps) == []
    assert [line for line in switch.body["findings"] if "record_set" in line] == []
    assert switch.body["refusals"] == []


def test_one_record_is_not_led_into_two_accounts(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))))
    both = {name: {"account": account, "role": "Admin"} for name, account in (("a", TARGET), ("b", "333333333333"))}
    moves = [{"runbook": "move-workload", "accounts": ["a"]}]

    switch.plan(targets=both, placement=[{"kind": "*", "to": ["a", "b"]}], move=[{**moves[0], "accounts": ["a", "b"]}])

    said = [line["what"] for line in switch.body["refusals"]]
    assert any("is one thing and goes to several accounts" in line for line in said)


def test_a_record_goes_where_its_balancer_goes_whatever_its_name_says(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch)) | {"Name": "dev.shop.example."}))
    both = {"production": {"account": TARGET, "role": "A"}, "development": {"account": "333333333333", "role": "A"}}
    move = [{"runbook": "move-workload", "accounts": ["production", "development"]}]

    switch.plan(targets=both, environments={"dev": "development"}, move=move)

    assert {step.account for step in switch.made.steps.values()} == {TARGET}


def test_a_public_zone_keeps_only_what_leads_nowhere_in_aws(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))), ("CREATE", record("mail.example") | MX))
    (zone,) = switch.world.scan(KINDS["route53.hosted_zone"]).values()
    (one,) = switch.world.scan(RECORDS).values()

    assert [line["Type"] for line in zone.facts["records"]] == ["MX"]
    assert one.ref.name == f"{switch.zone}/{NAME}/A"
    assert switch.world.scan(RECORDS, only=one.ref.name) == {one.ref.name: one}
    for absent in (f"{switch.zone}/absent.shop.example./A", "Z0000000000000/x./A", "Z0000000000000"):
        assert switch.world.scan(RECORDS, only=absent) == {}


MX = {"Name": "shop.example.", "Type": "MX", "ResourceRecords": [{"Value": "10 mail.example"}]}
