"""Route 53 and load balancers in the embedded world: a batch is whole, and what cannot stand together does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
Refused = Callable[..., str]
Record = dict[str, Any]


@pytest.fixture
def zone(legacy: Clients, name: str) -> str:
    made = legacy("route53").create_hosted_zone(Name=f"{name}.example", CallerReference=name)
    return str(made["HostedZone"]["Id"])


def record(name: str, value: str, sort: str = "CNAME", **more: Any) -> Record:
    return {"Name": f"{name}.example.", "Type": sort, "TTL": 60, "ResourceRecords": [{"Value": value}], **more}


def batch(*changes: tuple[str, Record]) -> dict[str, Any]:
    return {"Changes": [{"Action": action, "ResourceRecordSet": one} for action, one in changes]}


def standing(legacy: Clients, zone: str) -> list[Record]:
    sets = legacy("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [one for one in sets if one["Type"] not in ("NS", "SOA")]


def change(legacy: Clients, zone: str, *changes: tuple[str, Record]) -> None:
    legacy("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch(*changes))


def is_refused(legacy: Clients, refused: Refused, zone: str, *changes: tuple[str, Record]) -> bool:
    before = standing(legacy, zone)
    code = refused(legacy("route53").change_resource_record_sets, HostedZoneId=zone, ChangeBatch=batch(*changes))
    assert standing(legacy, zone) == before, "a batch that is refused changes nothing"
    return code == "InvalidChangeBatch"


def test_no_simple_record_stands_beside_a_weighted_one_but_one_batch_makes_the_one_the_other(
    legacy: Clients, name: str, zone: str, refused: Refused
) -> None:
    simple = record(f"www.{name}", "a.example")
    pair = [simple | {"SetIdentifier": word, "Weight": 1} for word in ("one", "other")]
    change(legacy, zone, ("CREATE", simple))

    assert is_refused(legacy, refused, zone, ("CREATE", pair[0]))
    assert is_refused(legacy, refused, zone, ("UPSERT", pair[0]))
    change(legacy, zone, ("DELETE", simple), *(("CREATE", one) for one in pair))

    assert [one["SetIdentifier"] for one in standing(legacy, zone)] == ["one", "other"]
    assert is_refused(legacy, refused, zone, ("CREATE", simple))


def test_a_batch_of_which_one_change_is_refused_does_nothing(
    legacy: Clients, name: str, zone: str, refused: Refused
) -> None:
    good, there = record(f"www.{name}", "a.example"), record(f"api.{name}", "a.example")
    change(legacy, zone, ("CREATE", there))

    assert is_refused(legacy, refused, zone, ("CREATE", good), ("CREATE", there))
    assert is_refused(legacy, refused, zone, ("DELETE", there), ("DELETE", good))


def test_a_delete_names_every_value_and_takes_one_record_away(
    legacy: Clients, name: str, zone: str, refused: Refused
) -> None:
    one, other = (record(f"{word}.{name}", "a.example", SetIdentifier="x", Weight=1) for word in ("www", "api"))
    change(legacy, zone, ("CREATE", one), ("CREATE", other))

    assert is_refused(legacy, refused, zone, ("DELETE", one | {"Weight": 2}))
    assert is_refused(legacy, refused, zone, ("DELETE", one | {"TTL": 61}))
    assert is_refused(legacy, refused, zone, ("DELETE", one | {"ResourceRecords": [{"Value": "b.example"}]}))
    change(legacy, zone, ("DELETE", one))

    assert [left["Name"] for left in standing(legacy, zone)] == [f"api.{name}.example."]


def test_a_cname_stands_neither_at_the_apex_nor_beside_others(
    legacy: Clients, name: str, zone: str, refused: Refused
) -> None:
    change(legacy, zone, ("CREATE", record(f"www.{name}", '"text"', "TXT")))

    assert is_refused(legacy, refused, zone, ("CREATE", record(name, "a.example")))
    assert is_refused(legacy, refused, zone, ("CREATE", record(f"www.{name}", "a.example")))


def test_a_weighted_record_has_one_value(legacy: Clients, name: str, zone: str, refused: Refused) -> None:
    two = record(f"www.{name}", "192.0.2.1", "A", SetIdentifier="x", Weight=1)
    two["ResourceRecords"].append({"Value": "192.0.2.2"})

    assert is_refused(legacy, refused, zone, ("CREATE", two))


def balancer(client: Clients, name: str, sort: str = "application") -> dict[str, Any]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"eu-west-1{letter}")["Subnet"]
        for number, letter in enumerate("ab")
    ]
    made = client("elbv2").create_load_balancer(Name=name, Type=sort, Subnets=[one["SubnetId"] for one in subnets])
    return dict(made["LoadBalancers"][0])


def test_load_balancers_of_one_name_in_two_accounts_have_two_hosts(legacy: Clients, target: Clients, name: str) -> None:
    one, other, network = balancer(legacy, name), balancer(target, name), balancer(legacy, f"n{name}", "network")

    assert one["DNSName"] != other["DNSName"]
    assert one["CanonicalHostedZoneId"] == other["CanonicalHostedZoneId"] != network["CanonicalHostedZoneId"]
    found = legacy("elbv2").describe_load_balancers(Names=[name])["LoadBalancers"][0]
    assert found["DNSName"] == one["DNSName"]


def test_an_alias_of_a_load_balancer_names_the_zone_of_it(
    legacy: Clients, name: str, zone: str, refused: Refused
) -> None:
    made = balancer(legacy, name)
    alias = {"DNSName": f"dualstack.{made['DNSName']}", "EvaluateTargetHealth": False}
    apex: Record = {"Name": f"{name}.example.", "Type": "A"}

    wrong = apex | {"AliasTarget": alias | {"HostedZoneId": "Z2FDTNDATAQYW2"}}
    assert is_refused(legacy, refused, zone, ("CREATE", wrong))
    right = apex | {"AliasTarget": alias | {"HostedZoneId": made["CanonicalHostedZoneId"]}}
    change(legacy, zone, ("CREATE", right))

    assert [one["Name"] for one in standing(legacy, zone)] == [f"{name}.example."]
