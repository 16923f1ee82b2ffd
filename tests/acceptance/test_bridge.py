"""A temporary bridge from the embedded target to legacy: opened, closed, opened again, deleted; looked at by boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.demo.world import World
from tests.crash.story import Story, story

LEGACY, TARGET = "111111111111", "333333333333"

CONFIG = """\
schema: migrate.config/1
migration: small
legacy: {account: "111111111111", regions: [eu-west-1]}
targets:
  development: {account: "333333333333", role: OrganizationAccountAccessRole}
placement:
  - {name: "*", to: development, because: everything here is for development}
addresses: {range: 10.64.0.0/12}
move:
  - {runbook: move-workload, accounts: [development]}
settle_s: 1
waivers:
  - {gap: "codecommit:*", because: the embedded world does not have it}
"""


def tags(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def build(world: World) -> None:
    """A VPC with a table of its own, a main table, and a database's group."""
    ec2 = world.session(LEGACY).client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags("vpc", "small"))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table", "db"))["RouteTable"]["RouteTableId"]
    for at, zone in enumerate("ab"):
        subnet = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.1.{at}.0/24", AvailabilityZone=f"eu-west-1{zone}",
            TagSpecifications=tags("subnet", f"small-{at}"),
        )["Subnet"]["SubnetId"]  # fmt: skip
        if at == 1:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    group = ec2.create_security_group(
        GroupName="db", Description="db", VpcId=vpc, TagSpecifications=tags("security-group", "db")
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.1.0.0/24"}]}
        ],
    )


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path, build, CONFIG) as one:
        yield one


def ec2(told: Story, account: str) -> Any:
    return told.world.session(account).client("ec2")


def seen(told: Story, account: str) -> dict[str, Any]:
    """Everything of the network that a bridge could touch."""
    client = ec2(told, account)
    connections = client.describe_vpc_peering_connections()["VpcPeeringConnections"]
    return {
        "connections": {
            one["VpcPeeringConnectionId"]: one["Status"]["Code"]
            for one in connections
            if one["Status"]["Code"] != "deleted"
        },
        "routes": {
            table["RouteTableId"]: [
                (r["DestinationCidrBlock"], r.get("VpcPeeringConnectionId") or r.get("GatewayId"), r["State"])
                for r in table["Routes"]
            ]
            for table in client.describe_route_tables()["RouteTables"]
        },
        "rules": {
            group["GroupId"]: group["IpPermissions"] for group in client.describe_security_groups()["SecurityGroups"]
        },
    }


def refs(told: Story) -> dict[str, str]:
    """Name tag → ref, from the inventory."""
    path = max(told.folder.glob("*.inventory.jsonl"))
    lines = [json.loads(line).get("resource") for line in path.read_text().splitlines()[1:]]
    return {f"{one['ref'].split('/')[2]} {one['tags'].get('Name')}": one["ref"] for one in lines if one}


def bridged(told: Story, **more: Any) -> None:
    """Write a bridge into migration.yaml."""
    found = refs(told)
    wanted = {
        "from": found["ec2.vpc small"], "to": "development", "because": "the new database follows the old one",
        "blocks": ["10.1.1.0/24"], "ports": [5432, 5433], "groups": [found["ec2.security_group db"]],
    }  # fmt: skip
    (told.folder / "migration.yaml").write_text(f"{CONFIG}bridges: [{json.dumps(wanted | more)}]\n")


def until_gate(told: Story) -> str:
    """Run to the next gate; gives its id, or nothing at the end."""
    said = told.type("run", "--engine", "local", expect=None)
    assert said.code in (0, 3), said.err[-3000:]
    return str(told.type("status", "--json").json.get("gate") or "")


def answered(told: Story, gate: str) -> None:
    told.type("approve", "--gate", gate, "--by", "ann")


def over(shown: dict[str, Any], connection: str) -> dict[str, list[tuple[str, str]]]:
    """The routes over one connection: table → (block, state)."""
    found = {t: [(block, state) for block, by, state in rs if by == connection] for t, rs in shown["routes"].items()}
    return {table: routes for table, routes in found.items() if routes}


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_bridge_is_opened_closed_opened_again_by_a_rollback_and_leaves_nothing_on_either_side(told: Story) -> None:
    told.type("scan")
    bridged(told)
    before = {account: seen(told, account) for account in (LEGACY, TARGET)}
    told.prepare()
    listed = told.type("review", "--markdown").out
    assert "bridge" in listed

    gate = until_gate(told)
    while gate and "close_gate" not in gate:
        answered(told, gate)
        gate = until_gate(told)
    legacy, target = seen(told, LEGACY), seen(told, TARGET)
    ((connection, status),) = legacy["connections"].items()
    assert status == "active"
    assert target["connections"] == legacy["connections"]
    # Legacy answers from the one table of the reached block, to the new block alone.
    ((table, routes),) = over(legacy, connection).items()
    assert routes == [("10.64.0.0/16", "active")]
    assert table in {r["RouteTableId"] for r in ec2(told, LEGACY).describe_route_tables(
        Filters=[{"Name": "tag:Name", "Values": ["db"]}])["RouteTables"]}  # fmt: skip
    # Every moved table of the target reaches the wanted block of legacy, not the block that stands for it there.
    assert over(target, connection).values()
    assert {route for routes in over(target, connection).values() for route in routes} == {("10.1.1.0/24", "active")}
    (shown,) = ec2(told, LEGACY).describe_vpc_peering_connections(VpcPeeringConnectionIds=[connection])[
        "VpcPeeringConnections"
    ]
    assert shown["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    assert shown["RequesterVpcInfo"]["OwnerId"] == TARGET
    assert {"migrate:bridge"} <= {tag["Key"] for tag in shown["Tags"]}
    opened = [rule for rules in legacy["rules"].values() for rule in rules]
    assert {
        (rule["FromPort"], peer["CidrIp"]) for rule in opened for peer in rule["IpRanges"] if "Description" in peer
    } == {(5432, "10.64.0.0/16"), (5433, "10.64.0.0/16")}
    told.type("verify")

    answered(told, gate)
    gate = until_gate(told)
    assert "remove_gate" in gate
    closed = seen(told, LEGACY)
    assert over(closed, connection) == over(seen(told, TARGET), connection) == {}
    assert closed["rules"] == before[LEGACY]["rules"]
    assert closed["connections"] == {connection: "active"}
    told.type("verify")

    close = [line["id"] for line in json.loads(max(told.folder.glob("*.plan.json")).read_text())["body"]["steps"]
             if line["id"].endswith(":close")]  # fmt: skip
    listing = told.type("rollback", "--step", close[0]).out.strip()
    told.type("rollback", "--step", close[0], "--confirm", listing)
    assert over(seen(told, LEGACY), connection) == over(legacy, connection)
    assert over(seen(told, TARGET), connection) == over(target, connection)
    assert seen(told, LEGACY)["rules"] == legacy["rules"]

    gate = until_gate(told)
    assert "remove_gate" in gate
    answered(told, gate)
    assert until_gate(told) == ""
    assert seen(told, LEGACY) == before[LEGACY]
    assert seen(told, TARGET)["connections"] == {}
    told.type("verify")

    told.type("rollback", "--to", "0", "--confirm", told.undo())
    assert {account: seen(told, account) for account in (LEGACY, TARGET)} == before


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_rollback_of_an_open_bridge_that_ended_half_way_before_leaves_nothing_on_either_side(told: Story) -> None:
    told.type("scan")
    bridged(told)
    before = {account: seen(told, account) for account in (LEGACY, TARGET)}
    told.prepare()
    gate = until_gate(told)
    while gate and "close_gate" not in gate:
        answered(told, gate)
        gate = until_gate(told)
    assert seen(told, LEGACY) != before[LEGACY]
    # As after a rollback that was killed on its way: one of the two rules is gone already.
    client = ec2(told, LEGACY)
    for group in client.describe_security_groups()["SecurityGroups"]:
        for rule in group["IpPermissions"]:
            if any("Description" in peer for peer in rule["IpRanges"]) and rule["FromPort"] == 5433:
                client.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])

    told.type("rollback", "--to", "0", "--confirm", told.undo())

    assert {account: seen(told, account) for account in (LEGACY, TARGET)} == before
