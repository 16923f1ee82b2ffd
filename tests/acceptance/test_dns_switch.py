"""The records of a public zone, from legacy's load balancer to the target's and back, read by plain boto3."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.demo.world import World
from tests.crash.small import CONFIG, LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

Record = dict[str, Any]
LONG_S, PROPAGATION_S = 61, 60
"""A TTL that has to be waited out; how long Route 53 takes to tell its servers."""


def build(world: World) -> None:
    """A load balancer and an elastic address, and a public zone that leads to both, in every way."""
    ec2, elbv2, route53 = (world.session(LEGACY).client(name) for name in ("ec2", "elbv2", "route53"))
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{at}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]
        for at, zone in enumerate("ab")
    ]
    group = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    to_it = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    # Route 53 shows the host of an alias in small letters.
    made = elbv2.create_load_balancer(Name="Web", Subnets=[one["SubnetId"] for one in subnets])["LoadBalancers"][0]
    listener = elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=to_it
    )["Listeners"][0]["ListenerArn"]
    served = [{"Field": "host-header", "Values": ["shop.partner.example"]}]
    elbv2.create_rule(ListenerArn=listener, Priority=1, Conditions=served, Actions=to_it)
    address = ec2.allocate_address(Domain="vpc")["PublicIp"]
    zone = route53.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]
    alias = {
        "HostedZoneId": made["CanonicalHostedZoneId"],
        "DNSName": f"dualstack.{made['DNSName'].lower()}.",
        "EvaluateTargetHealth": True,
    }
    records = [
        {"Name": "shop.example.", "Type": "A", "AliasTarget": alias},
        record("api", "CNAME", made["DNSName"]) | {"TTL": LONG_S},
        record("vpn", "A", address),
        record("www", "CNAME", "shop.example"),
        record("office", "A", "203.0.113.9"),
        record("mail", "TXT", f'"v=spf1 ip4:{address} -all"'),
        record("beta", "CNAME", made["DNSName"]) | {"SetIdentifier": "a", "Weight": 1},
        record("beta", "CNAME", "elsewhere.example") | {"SetIdentifier": "b", "Weight": 1},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in records]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def record(name: str, sort: str, value: str) -> Record:
    return {"Name": f"{name}.shop.example.", "Type": sort, "TTL": 60, "ResourceRecords": [{"Value": value}]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The zone's company, with a plan that was approved."""
    with story(tmp_path_factory.mktemp("dns"), build, CONFIG) as world:
        yield world


def zone(told: Story) -> dict[str, list[Record]]:
    """The records of legacy's zone, by name."""
    route53 = told.world.session(LEGACY).client("route53")
    (one,) = route53.list_hosted_zones()["HostedZones"]
    found: dict[str, list[Record]] = {}
    for record in route53.list_resource_record_sets(HostedZoneId=one["Id"])["ResourceRecordSets"]:
        if record["Type"] not in ("NS", "SOA"):
            found.setdefault(record["Name"].removesuffix("shop.example.").rstrip("."), []).append(record)
    return found


def leads(told: Story, name: str) -> dict[str, tuple[int, str]]:
    """Where a name leads: identifier → (weight, value)."""
    return {
        one["SetIdentifier"]: (
            one["Weight"],
            one["AliasTarget"]["DNSName"] if "AliasTarget" in one else one["ResourceRecords"][0]["Value"],
        )
        for one in zone(told)[name]
    }


def balancer(told: Story, account: str) -> str:
    (made,) = told.world.session(account).client("elbv2").describe_load_balancers()["LoadBalancers"]
    return str(made["DNSName"])


def lowered_and_killed(told: Story) -> float:
    """Run until the long TTL is a short one, kill the run in its rest; when the TTL went down, by this clock."""
    process = told.start("run", "--engine", "local")
    try:
        until = time.monotonic() + 300
        while [one["TTL"] for one in zone(told)["api"]] == [LONG_S]:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.5)
        lowered = time.monotonic()
        time.sleep(45)
        assert process.poll() is None, "it did not rest"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return lowered


def test_records_are_switched_verified_and_brought_back(told: Story) -> None:
    before = zone(told)
    plan = json.loads(Path(told.prepare()).read_text())["body"]

    assert plan["refusals"] == []
    steps = [line["id"].partition("route53.record_set/")[2].partition("/")[2] for line in plan["steps"]]
    switched = {step.partition("/")[0] for step in steps if step}
    assert switched == {"shop.example.", "api.shop.example.", "vpn.shop.example."}
    findings = [line for line in plan["findings"] if "route53.record_set" in line]
    assert len(findings) == 2
    assert "beta.shop.example./CNAME" in findings[0]
    assert "mail.shop.example./TXT" in findings[1]
    assert {change["fact"] for change in plan["legacy_changes"] if "record_set" in change["ref"]} == {"sets"}

    forgotten_by = lowered_and_killed(told) + LONG_S + PROPAGATION_S
    began = time.monotonic()
    said = told.type("run", "--engine", "local", expect=3)
    assert "freeze_gate" in said.err
    assert time.monotonic() >= forgotten_by - 1, "somebody may still be led by an answer of the long TTL"
    assert time.monotonic() - began < LONG_S + PROPAGATION_S, "the rest began anew"
    assert [one["TTL"] for one in zone(told)["api"]] == [60]
    (foreign,) = told.type("outside", "--json").json["records"]
    assert (foreign["record"], foreign["known"]) == ("shop.partner.example", True)
    assert f"CNAME {balancer(told, TARGET)} " in foreign["do"]
    assert "`dig +short shop.partner.example @1.1.1.1`" in foreign["do"]

    told.run()

    hosts = {side: balancer(told, side) for side in (LEGACY, TARGET)}
    assert hosts[LEGACY] != hosts[TARGET]
    assert leads(told, "api") == {"legacy": (0, hosts[LEGACY]), "target": (100, hosts[TARGET])}
    apex = {"legacy": (0, hosts[LEGACY].lower()), "target": (100, hosts[TARGET].lower())}
    assert leads(told, "") == {side: (weight, f"dualstack.{host}.") for side, (weight, host) in apex.items()}
    (own,) = told.world.session(TARGET).client("ec2").describe_addresses()["Addresses"]
    assert leads(told, "vpn")["target"] == (100, own["PublicIp"])
    after = zone(told)
    for name in ("www", "office", "mail", "beta"):
        assert after[name] == before[name]
    told.type("verify")

    route53 = told.world.session(LEGACY).client("route53")
    (pair,) = ([dict(one) for one in zone(told)["api"]],)
    zone_id = route53.list_hosted_zones()["HostedZones"][0]["Id"]

    def put(one: Record) -> None:
        changes = [{"Action": "UPSERT", "ResourceRecordSet": one}]
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})

    put(pair[0] | {"Weight": 50})
    said = told.type("verify", expect=5)
    assert "legacy.sets[0].Weight: expected 0, found 50" in said.out + said.err
    kept = told.type("rollback", "--to", "0", "--confirm", told.undo(), expect=None)
    assert kept.code != 0
    assert "was changed in legacy since" in kept.out + kept.err
    assert leads(told, "api")["target"] == (100, hosts[TARGET]), "what a person changed is not touched"
    put(pair[0])

    told.type("rollback", "--to", "0", "--confirm", told.undo())

    assert zone(told) == before
    assert told.world.session(TARGET).client("elbv2").describe_load_balancers()["LoadBalancers"] == []
