"""Which bridges migration.yaml may ask for, and what the plan says of one that AWS would refuse."""

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate import plan
from migrate.aws_rules import unpeerable
from migrate.config import Config
from migrate.files import digest_of
from migrate.inventory import Inventory, Resource
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.plan import Inputs
from tests.plans.toys import DEV, LEGACY, PROD, runbook

HOME = Region("eu-west-1")
EVERYTHING = [f"all.{phase}" for phase in ("build", "freeze", "data", "cutover", "close")]
VPC = {
    "secondary_cidr_blocks": [], "ipv6": False, "ipv6_block": None, "other_ipv6_blocks": [],
    "instance_tenancy": "default", "is_default": False, "dns_support": True, "dns_hostnames": True,
}  # fmt: skip
OLD, NEW = "vpc-0aaaaaaaaaaaaaaa1", "vpc-0aaaaaaaaaaaaaaa2"
TABLE, DB, OTHER = "rtb-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa2"
RANGE = {"range": "10.64.0.0/10"}


def ref(kind: str, name: str) -> str:
    return str(Ref(AccountId(LEGACY), HOME, kind, name))


def found(kind: str, name: str, **facts: Any) -> Resource:
    own = Ref(AccountId(LEGACY), HOME, kind, name)
    arn = f"arn:aws:ec2:{HOME}:{LEGACY}:{kind.partition('.')[2].replace('_', '-')}/{name}"
    return Resource(own, arn, {}, None, None, facts)


def table(name: str, vpc: str, routes: list[dict[str, str]] | None = None) -> Resource:
    return found(
        "ec2.route_table", name, vpc_id=vpc, in_default_vpc=False, is_main=True, routes=routes or [], dead_routes=[],
        own_prefix_lists=[], subnet_ids=[], gateway_ids=[], propagating_gateways=[],
    )  # fmt: skip


def group(name: str, vpc: str) -> Resource:
    return found(
        "ec2.security_group", name, group_name="db", description="db", vpc_id=vpc, in_default_vpc=False,
        is_default=False, ingress=[], egress=[], own_prefix_lists=[],
    )  # fmt: skip


def subnet(name: str, vpc: str, block: str) -> Resource:
    return found(
        "ec2.subnet", name, vpc_id=vpc, in_default_vpc=False, cidr_block=block, availability_zone_id="euw1-az1",
        map_public_ip_on_launch=False, hostname_type="ip-name", resource_name_dns_a=False, ipv6_only=False, ipv6=None,
        ipv6_block=None, assign_ipv6_on_creation=False, dns64=False, resource_name_dns_aaaa=False,
    )  # fmt: skip


def account(block: str = "10.0.0.0/16", **more: Any) -> list[Resource]:
    return [
        found("ec2.vpc", OLD, cidr_block=block, **VPC | more),
        table(TABLE, OLD),
        subnet("subnet-0aaaaaaaaaaaaaaa1", OLD, block.replace(".0.0/16", ".7.0/24")),
        group(DB, OLD),
    ]


def made(things: list[Resource] | None = None, bridge: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    wanted = {"from": ref("ec2.vpc", OLD), "to": "production", "because": "the old database is read"} | (bridge or {})
    document = {
        "schema": "migrate.config/1", "migration": "shop", "legacy": {"account": LEGACY, "regions": [HOME]},
        "targets": {
            "production": {"account": PROD, "role": "Migrate"}, "development": {"account": DEV, "role": "Migrate"},
        },
        "placement": [{"name": "*", "to": "production"}], "addresses": RANGE, "bridges": [wanted],
        "move": [{"runbook": "move", "accounts": ["production", "development"]}],
    } | more  # fmt: skip
    config = Config.model_validate(document)
    book = runbook([{"id": "all", "do": EVERYTHING}], "move")
    things = things if things is not None else account()
    inventory = Inventory(AccountId(LEGACY), (HOME,), tuple(every_kind()), tuple(things))
    return plan.make(Inputs(config, digest_of("c", document), inventory, "i" * 64, (book,), every_kind()))


def refusal(body: dict[str, Any]) -> dict[str, Any]:
    (one,) = body["refusals"]
    assert [step for step in body["steps"] if "bridge.peering" in step["id"]] == []
    return dict(one)


def test_a_bridge_is_four_steps_and_lists_what_it_changes_in_legacy() -> None:
    groups = {"ports": [5432], "groups": [ref("ec2.security_group", DB)]}
    body = made(bridge=groups)

    assert body["refusals"] == []
    steps = [step for step in body["steps"] if "bridge.peering" in step["id"]]
    assert [step["action"] for step in steps] == ["create", "open", "close", "remove"]
    changed = [line for line in body["legacy_changes"] if line["fact"] in ("legacy_routes", "legacy_rules")]
    assert [line["becomes"] for line in changed] == [
        [{"table": TABLE, "block": "10.64.0.0/16"}], [{"group": DB, "block": "10.64.0.0/16", "port": 5432}], [], [],
    ]  # fmt: skip
    sent = [(one["account"], one["operation"]) for one in steps[0]["requests"]]
    assert sent == [
        (LEGACY, "ec2.DescribeVpcs"), (PROD, "ec2.CreateVpcPeeringConnection"), (LEGACY, "ec2.CreateTags"),
        (LEGACY, "ec2.AcceptVpcPeeringConnection"), (LEGACY, "ec2.ModifyVpcPeeringConnectionOptions"),
    ]  # fmt: skip
    assert f"{PROD}/{HOME}/ec2.vpc/{OLD}:create" in steps[0]["needs"]
    assert any("temporary bridge" in said for said in body["findings"])


def test_a_bridge_between_networks_that_overlap_is_refused_with_both_blocks_and_the_way_out() -> None:
    said = refusal(made(addresses="keep"))

    assert "legacy's 10.0.0.0/16 and 10.0.0.0/16 in production" in said["what"]
    assert "addresses" in said["do"]


def test_one_secondary_block_that_overlaps_is_enough() -> None:
    blocks = {f"{ref('ec2.vpc', OLD)} 100.64.0.0/16": "10.0.0.0/16"}
    body = made(account(secondary_cidr_blocks=["100.64.0.0/16"]), addresses=RANGE | {"blocks": blocks})

    assert "legacy's 10.0.0.0/16 and 10.0.0.0/16 in production" in refusal(body)["what"]


def test_another_vpc_that_moves_there_may_be_the_one_that_reaches_legacy_and_keep_its_block() -> None:
    stays = {"name": "*", "to": "legacy", "ref": ref("ec2.vpc", OLD)}
    moved = [found("ec2.vpc", NEW, cidr_block="10.9.0.0/16", **VPC), table("rtb-0aaaaaaaaaaaaaaa2", NEW)]
    old = [stays | {"ref": str(one.ref)} for one in account()]
    body = made(
        [*account(), *moved],
        {"vpc": ref("ec2.vpc", NEW)},
        addresses="keep",
        placement=[*old, {"name": "*", "to": "production"}],
    )

    assert body["refusals"] == []
    (create,) = [step for step in body["steps"] if step["id"].endswith(f"{OLD}/production:create")]
    assert f"{PROD}/{HOME}/ec2.vpc/{NEW}:create" in create["needs"]


@pytest.mark.parametrize(
    ("bridge", "said"),
    [
        ({"from": ref("ec2.vpc", "vpc-0ffffffffffffffff")}, "is no VPC of the inventory"),
        ({"to": "development"}, "does not move to development"),
        ({"blocks": ["10.77.0.0/16"]}, "10.77.0.0/16 is no part of 10.0.0.0/16"),
        ({"blocks": ["10.0.200.0/24"]}, "no subnet of"),
        ({"ports": [1], "groups": [ref("ec2.security_group", "sg-0ffffffffffffffff")]}, "is no security group"),
        ({"ports": [1], "groups": [ref("ec2.security_group", OTHER)]}, "is not in"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place_in_migration_yaml(bridge: dict[str, Any], said: str) -> None:
    one = refusal(made([*account(), group(OTHER, NEW), found("ec2.vpc", NEW, cidr_block="10.9.0.0/16", **VPC)], bridge))

    assert said in one["what"]
    assert one["what"].startswith("bridges[0] in migration.yaml")
    assert one["do"]


def test_host_names_need_both_attributes_of_the_vpc() -> None:
    assert "dns: false" in refusal(made(account(dns_hostnames=False)))["do"]
    assert made(account(dns_hostnames=False), {"dns": False})["refusals"] == []


def test_a_route_to_the_new_block_that_legacy_has_already_is_not_written_over() -> None:
    taken = [{"DestinationCidrBlock": "10.64.0.0/16", "NatGatewayId": "nat-0aaaaaaaaaaaaaaa1"}]
    things = [table(TABLE, OLD, taken) if one.ref.name == TABLE else one for one in account()]

    listed = made(things)["refusals"]

    assert any("already has a route to 10.64.0.0/16" in one["what"] for one in listed)


def test_ports_without_groups_are_refused_where_they_stand() -> None:
    with pytest.raises(ValueError, match="ports and groups go together"):
        made(bridge={"ports": [5432]})


def test_an_ipv6_block_is_refused_in_one_sentence_where_it_stands() -> None:
    with pytest.raises(ValueError, match="fd00:1::/32 is IPv6, and a bridge carries IPv4 only"):
        made(bridge={"blocks": ["fd00:1::/32"]})


def test_networks_in_two_regions_are_not_bridged() -> None:
    far = replace(
        found("ec2.vpc", NEW, cidr_block="10.9.0.0/16", **VPC),
        ref=Ref(AccountId(LEGACY), Region("us-east-1"), "ec2.vpc", NEW),
    )
    things = [*account(), far]

    said = refusal(made(things, {"vpc": str(far.ref)}))

    assert "the two VPCs are in two regions" in said["what"]
    assert said["do"].startswith("peer them by hand")


def test_without_a_bridge_nothing_of_one_is_planned() -> None:
    body = made(bridges=[])

    assert body["wanted"] == []
    assert [step for step in body["steps"] if "bridge" in step["id"]] == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(9, 24)), min_size=2, max_size=6))
def test_two_sides_are_peerable_exactly_where_no_address_is_on_both(parts: list[tuple[int, int]]) -> None:
    blocks = [IPv4Network((f"10.{second}.0.0", length), strict=False) for second, length in parts]
    here, there = blocks[::2], blocks[1::2]

    def addresses(block: IPv4Network) -> tuple[int, int]:
        return int(block[0]), int(block[-1])

    shared = [
        (one, other)
        for one in here
        for other in there
        if max(addresses(one)[0], addresses(other)[0]) <= min(addresses(one)[1], addresses(other)[1])
    ]

    assert unpeerable(here, there) == shared
