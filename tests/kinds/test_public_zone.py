"""A public zone: it stays where nobody says otherwise, and moves whole where somebody names it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.responses import ActionResult
from moto.route53.responses import Route53

from migrate import asking
from migrate.errors import StepFailed
from migrate.kinds import every_kind
from tests.kinds.in_process import InProcess
from tests.kinds.two_sides import LEGACY, two_sides

KINDS = {name: every_kind()[name] for name in ("route53.record_set", "route53.public_zone", "ec2.elastic_ip")}
Record = dict[str, Any]


class Zones(InProcess):
    """A company with a zone, a zone below it, and an address that moves."""

    def begin(self) -> None:
        address = self.world.client("legacy", "ec2").allocate_address(Domain="vpc")["PublicIp"]
        self.top = self.make("shop.example.")
        self.below = self.make("eu.shop.example.")
        self.change(
            self.top,
            record("shop.example.", "MX", "10 mail.example", "20 more.example"),
            record("eu.shop.example.", "NS", *(f"{one}." for one in self.servers(self.below))),
        )
        weighted = record("a.eu.shop.example.", "A", "192.0.2.1")
        self.change(
            self.below,
            record("www.eu.shop.example.", "CNAME", "elsewhere.example"),
            record("vpn.eu.shop.example.", "A", address),
            *(weighted | {"SetIdentifier": str(at), "Weight": at} for at in (1, 2)),
        )

    def make(self, domain: str) -> str:
        route53 = self.world.client("legacy", "route53")
        made = route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]
        zone = str(made).rpartition("/")[2]
        tags = [{"Key": "team", "Value": "web"}]
        route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=tags)
        return zone

    def servers(self, zone: str, side: Any = "legacy") -> list[str]:
        answer = self.world.client(side, "route53").get_hosted_zone(Id=zone)
        return sorted(answer["DelegationSet"]["NameServers"])

    def change(self, zone: str, *records: Record, side: Any = "legacy") -> None:
        batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": one} for one in records]}
        self.world.client(side, "route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    def standing(self, zone: str, side: Any = "legacy") -> list[Record]:
        route53 = self.world.client(side, "route53")
        own = route53.get_hosted_zone(Id=zone)["HostedZone"]["Name"]
        listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return [one for one in listed if not (one["Name"] == own and one["Type"] in ("NS", "SOA"))]

    def targets(self) -> list[str]:
        zones = self.world.client("target", "route53").list_hosted_zones()["HostedZones"]
        return [one["Id"].rpartition("/")[2] for one in zones]

    def ask(self, zone: str) -> None:
        rule = {"ref": f"{LEGACY}/global/route53.public_zone/{zone}", "to": "production", "because": "it is theirs"}
        self.plan("move-workload", "move-zone", placement=[{"kind": "ec2.*", "to": "production"}, rule])

    def actions(self) -> list[str]:
        return [step.rpartition(":")[2] for step in self.made.steps if "public_zone" in step]


def record(name: str, sort: str, *values: str) -> Record:
    return {"Name": name, "Type": sort, "TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Zones]:
    with two_sides(monkeypatch) as world:
        made = Zones(world, tmp_path / "m", KINDS)
        made.begin()
        yield made


@pytest.mark.parametrize(
    "rule", [{"name": "*"}, {"kind": "route53.*"}, {"name": "shop.example"}, {"tag": {"team": "web"}}]
)
def test_nothing_moves_a_public_zone_but_a_rule_with_its_ref(zones: Zones, rule: dict[str, Any]) -> None:
    words = {"web": "production", "shop": "production"}
    zones.plan("move-workload", "move-zone", placement=[rule | {"to": "production"}], environments=words)

    assert zones.actions() == []
    assert len([line for line in zones.body["manual"] if "route53.public_zone" in line["ref"]]) == 2
    assert zones.body["refusals"] == []


def test_a_zone_that_is_named_moves_with_every_record_and_its_parent_leads_there(zones: Zones) -> None:
    before, above = zones.standing(zones.below), zones.standing(zones.top)
    zones.ask(zones.below)
    assert zones.actions() == ["create", "copy_records", "hand_over", "delegate"]

    zones.run()

    (new,) = zones.targets()
    there = zones.standing(new, "target")
    (own,) = zones.world.client("target", "ec2").describe_addresses()["Addresses"]
    vpn = [one for one in there if one["Name"].startswith("vpn")]
    assert {one["ResourceRecords"][0]["Value"] for one in vpn} == {own["PublicIp"]}
    others = [one for one in before if not one["Name"].startswith("vpn")]
    assert len(others) == 3
    assert [one for one in there if one not in vpn] == others
    (led,) = (one for one in zones.standing(zones.top) if one["Type"] == "NS")
    assert sorted(one["Value"] for one in led["ResourceRecords"]) == [f"{one}." for one in zones.servers(new, "target")]
    assert [one for one in zones.standing(zones.below) if not one["Name"].startswith("vpn")] == others
    assert {kind: proof.state for kind, proof in zones.proofs().items()} == dict.fromkeys(KINDS, "equal")
    route53 = zones.world.client("target", "route53")
    tags = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=new)["ResourceTagSet"]["Tags"]
    assert {"Key": "team", "Value": "web"} in tags

    done = zones.undo()

    assert zones.standing(zones.top) == above
    assert zones.targets() == [new], "resolvers may ask it for two days"
    (said,) = (error for step, error in done.failed.items() if step.endswith(":hand_over"))
    assert "later delete the new one by hand" in said.do


def test_a_record_that_is_changed_on_either_side_is_named(zones: Zones) -> None:
    zones.ask(zones.below)
    zones.run()
    (new,) = zones.targets()

    zones.change(new, record("www.eu.shop.example.", "CNAME", "wrong.example"), side="target")
    zones.change(zones.below, record("late.eu.shop.example.", "TXT", '"late"'))

    said = "\n".join(zones.proofs()["route53.public_zone"].differences)
    assert "record www.eu.shop.example. CNAME: is legacy's no more, or differs" in said
    assert "record late.eu.shop.example. TXT: is not there" in said


def test_before_anybody_is_led_there_it_goes_without_a_trace(zones: Zones) -> None:
    before = zones.standing(zones.top)
    zones.ask(zones.top)
    zones.run(until="copy_records")
    (new,) = zones.targets()
    assert len(zones.standing(new, "target")) == 2

    assert zones.undo().whole

    assert zones.targets() == []
    assert zones.standing(zones.top) == before


def test_where_the_parent_is_elsewhere_the_registrars_work_is_told_before_the_gate(zones: Zones) -> None:
    zones.ask(zones.top)
    assert zones.actions() == ["create", "copy_records", "hand_over"]
    zones.run(until="copy_records")
    (texts,) = asking.of_all(zones.engine().ground).values()
    zones.journal.close()

    (new,) = zones.targets()
    assert all(server in texts[0] for server in zones.servers(new, "target"))
    assert "dig +short NS shop.example" in texts[0]
    gate = next(gate for gate in zones.made.gates if gate.id.endswith(":registrar"))
    waves = {step.action: step.wave for step in zones.made.steps.values() if "public_zone" in step.id}
    assert waves["copy_records"] <= gate.after_wave < waves["hand_over"]


def test_a_zone_that_was_signed_is_refused_before_anything_is_made(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Route53, "get_dnssec", lambda _: ActionResult({"Status": {"ServeSignature": "SIGNING"}}))
    zones.ask(zones.top)

    with pytest.raises(StepFailed, match=r"GetDNSSEC ended as SIGNING"):
        zones.run()

    assert zones.targets() == []
