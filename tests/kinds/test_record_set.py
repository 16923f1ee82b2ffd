"""A record of a public zone, switched by the engine between two emulated accounts: ahead, at the cut-over, and back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate import drift
from migrate.clients import SendFailed
from migrate.config import Config
from migrate.errors import VerificationFailed
from migrate.kind import Json
from migrate.kinds import every_kind
from tests.kinds.in_process import InProcess, Sender
from tests.kinds.two_sides import TARGET, two_sides

KINDS = {name: every_kind()[name] for name in ("route53.record_set", "route53.public_zone", "ec2.elastic_ip")}
RECORDS = KINDS["route53.record_set"]
Record = dict[str, Any]


class Switch(InProcess):
    """A migration of records."""

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
        yield Switch(world, tmp_path / "m", KINDS)


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

    assert 355 <= switch.clock.now() - began <= 480, "300 s of the old TTL and 60 s of propagation since the change"
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


def test_a_switch_that_shows_what_was_before_it_needs_no_undo(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch))))
    switch.plan()
    switch.run(until="weigh")
    pair = switch.standing()
    switch.run()
    # As after a rollback whose process ended before it could note what it did.
    switch.change(*(("UPSERT", one) for one in pair))
    sent = len(switch.clients.sent)

    done = switch.undo(switch.step("shift"))

    assert done.whole
    assert done.undone == [switch.step("shift")]
    assert switch.clients.sent[sent:] == []
    assert switch.undo().whole


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
    (zone,) = switch.world.scan(KINDS["route53.public_zone"]).values()
    (one,) = switch.world.scan(RECORDS).values()

    assert [line["Type"] for line in zone.facts["records"]] == ["MX"]
    assert one.ref.name == f"{switch.zone}/{NAME}/A"
    assert switch.world.scan(RECORDS, only=one.ref.name) == {one.ref.name: one}
    for absent in (f"{switch.zone}/absent.shop.example./A", "Z0000000000000/x./A", "Z0000000000000"):
        assert switch.world.scan(RECORDS, only=absent) == {}


MX = {"Name": "shop.example.", "Type": "MX", "ResourceRecords": [{"Value": "10 mail.example"}]}


IN_SHARES = [{"record": "vpn.shop.example", "shares": [10, 50], "rest_s": 900}]


def test_shares_that_people_asked_for_each_stand_for_their_time_and_come_back_one_by_one(switch: Switch) -> None:
    legacy = address(switch)
    # The emulator refuses a record that is created twice in the same words, gone or not.
    switch.change(("UPSERT", record(legacy, 60)))
    switch.plan(switches=IN_SHARES)
    assert switch.body["refusals"] == []
    assert switch.steps() == ["weigh", "share_1", "share_2", "shift"]

    def weights() -> list[int]:
        return [int(str(one["Weight"])) for one in switch.standing()]

    switch.run(until="weigh")
    for share, step in ((10, "share_1"), (50, "share_2")):
        # The emulator says by the real clock when it took a change.
        began = switch.clock.time = time.time()
        switch.run(until=step)
        assert weights() == [100 - share, share]
        assert switch.clock.now() - began >= 895, "the next share came too soon"
    switch.run()

    assert weights() == [0, 100]
    assert {proof.state for proof in switch.proofs().values()} == {"equal"}
    for step, left in (("shift", [50, 50]), ("share_2", [90, 10]), ("share_1", [100, 0])):
        assert switch.undo(switch.step(step)).whole
        assert weights() == left
    assert switch.undo().whole
    assert switch.standing() == [record(legacy, 60)]


def test_a_record_that_nobody_named_goes_over_at_once(switch: Switch) -> None:
    switch.change(("CREATE", record(address(switch), 60)))
    switch.plan(switches=[{"record": "other.*", "shares": [10]}])

    assert switch.steps() == ["weigh", "shift"]


@pytest.mark.parametrize(
    ("shares", "said"),
    [([50, 10], "must rise"), ([10, 10], "must rise"), ([0], "greater than or equal to 1"), ([], "at least 1 item")],
)
def test_shares_that_make_no_sense_are_refused_where_they_stand(shares: list[int], said: str) -> None:
    document: Any = {
        "schema": "migrate.config/1", "migration": "shop",
        "legacy": {"account": "111111111111", "regions": ["eu-west-1"]},
        "targets": {"production": {"account": TARGET, "role": "Admin"}},
        "switches": [{"record": "*", "shares": shares}],
    }  # fmt: skip

    with pytest.raises(ValueError, match=said):
        Config.model_validate(document)
