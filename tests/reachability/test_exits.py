"""By which addresses workloads leave: said in the plan and proved by `verify`, for those whom allow-lists let in."""

from dataclasses import replace
from typing import Any

import pytest

from migrate import plan
from migrate.inventory import Inventory, Resource
from migrate.kind import Proof
from migrate.names import AccountId, Ref, Region
from migrate.reachability import exits, standing
from migrate.reachability.network import network
from migrate.reachability.walk import Interface
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides
from tests.plans.toys import inputs
from tests.reachability.networks import gateway, nat, subnet, table, vpc
from tests.reachability.test_ways import MOVING, SERVICE, a_shop, end_kind, ground, moved, scanned, sides, there

__all__ = ["sides"]
HERE = (AccountId(LEGACY), Region(REGION))


def leaves(inventory: Inventory, *kinds: str, **config: Any) -> list[str]:
    placement = [*config.pop("apart", ()), {"name": "*", "to": "production", "because": "one account"}]
    known = MOVING | {name: end_kind(name) for name in kinds}
    body = plan.make(inputs(inventory, kinds=known, placement=placement, environments={}, **config))
    return [line for line in body["findings"] if " leave legacy by " in line]


def address(ids: dict[str, str], inventory: Inventory) -> str:
    return str(next(one for one in inventory.of("ec2.elastic_ip") if one.ref.name == ids["eip"]).facts["public_ip"])


def a_function(ids: dict[str, str], subnet_id: str, name: str = "mail") -> Resource:
    facts = {"subnet_ids": [subnet_id] if subnet_id else [], "security_group_ids": [ids["sg_app"]]}
    return Resource(Ref(*HERE, "lambda.function", name), "arn:function", {}, None, None, facts)


def test_the_plan_says_who_leaves_by_which_address_and_by_what_there(sides: TwoSides) -> None:
    ids = a_shop(sides)
    shop = scanned(sides, ids)
    # A function outside of any VPC leaves by AWS's addresses; one in a subnet without a way out by none.
    functions = (a_function(ids, ids["app"]), a_function(ids, "", "out"), a_function(ids, ids["data"], "shut"))

    (line,) = leaves(replace(shop, resources=(*shop.resources, *functions)), "lambda.function")

    was = address(ids, shop)
    assert line.startswith(
        f"ecs.service {SERVICE}, lambda.function mail leave legacy by {was}, and in production by the new address in "
        f"place of {was}: "
    )
    assert "migrate outside" in line

    apart = [{"name": ids[one], "to": "legacy", "because": "stays"} for one in ("nat", "eip")]
    (line,) = leaves(shop, apart=apart)
    assert f"leave legacy by {was}, and in production by nothing yet: no way out is made" in line


def test_verify_says_by_which_address_each_leaves_now_beside_the_old_one(sides: TwoSides) -> None:
    ids, inventory = moved(sides)
    shown = sides.client("target", "ec2").describe_nat_gateways()["NatGateways"]
    (new,) = (one["NatGatewayAddresses"][0]["PublicIp"] for one in shown if one["State"] == "available")

    proofs = list(standing.proofs(ground(sides, inventory)))

    ((ref, account, proof),) = proofs
    assert (ref.name, account, proof.state) == (SERVICE, TARGET, "equal")
    assert proof.evidence == {"leaves_by": [new], "left_legacy_by": [address(ids, inventory)]}
    assert list(exits.told(proofs, lambda _: "production")) == [
        f"production: {ref} leaves by {new}, was {address(ids, inventory)}"
    ]

    # It asks what the table leads to now, and not what was planned.
    ec2 = sides.client("target", "ec2")
    other = ec2.allocate_address(Domain="vpc")["AllocationId"]
    public = ec2.describe_nat_gateways()["NatGateways"]
    subnet_id = next(one["SubnetId"] for one in public)
    instead = ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=other)["NatGateway"]["NatGatewayId"]
    own_table = there(sides, "ec2.route_table", ids["rtb_app"])
    ec2.replace_route(RouteTableId=own_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=instead)

    ((_, _, proof),) = standing.proofs(ground(sides, inventory))

    assert proof.evidence["leaves_by"] == [f"the addresses of {instead}, which AWS keeps"]


PUBLIC = network([
    vpc("vpc-a", "10.0.0.0/16"), subnet("subnet-a", "vpc-a", "10.0.1.0/24"), gateway("igw-a"),
    table("rtb-a", "vpc-a", {"0.0.0.0/0": "igw-a"}, ["subnet-a"], main=True),
    subnet("subnet-b", "vpc-a", "10.0.2.0/24"), nat("nat-b", "subnet-a"),
    table("rtb-b", "vpc-a", {"0.0.0.0/0": "nat-b"}, ["subnet-b"]),
    subnet("subnet-c", "vpc-a", "10.0.3.0/24"), table("rtb-c", "vpc-a", {"0.0.0.0/0": "tgw-1"}, ["subnet-c"]),
    subnet("subnet-d", "vpc-a", "10.0.4.0/24"), table("rtb-d", "vpc-a", {}, ["subnet-d"]),
])  # fmt: skip
KNOWN = exits.Addresses(
    {"nat-b": ("eipalloc-b", "eipalloc-c")},
    {"eipalloc-b": "203.0.113.5", "eipalloc-c": "203.0.113.6", "eipalloc-i": "203.0.113.9"},
)


@pytest.mark.parametrize(
    ("subnets", "is_public", "own", "said"),
    [
        (("subnet-b",), False, "", {("203.0.113.5", True), ("203.0.113.6", True)}),
        (("subnet-a",), True, "eipalloc-i", {("203.0.113.9", True)}),
        (("subnet-a",), True, "", {("an address that AWS gives it at each start", False)}),
        (("subnet-a",), False, "", set()),
        (("subnet-c",), False, "", {("whatever stands behind tgw-1", False)}),
        (("subnet-d",), True, "eipalloc-i", set()),
        (
            ("subnet-b", "subnet-a"), True, "eipalloc-i",
            {("203.0.113.5", True), ("203.0.113.6", True), ("203.0.113.9", True)},
        ),
    ],
    ids=["NAT", "a machine's own", "a task's", "no public one", "somebody else's", "no route", "two ways"],
)  # fmt: skip
def test_each_subnet_leaves_by_what_its_table_leads_to(
    subnets: tuple[str, ...], is_public: bool, own: str, said: set[tuple[str, bool]]
) -> None:
    found = KNOWN.exits(PUBLIC, Interface(subnets, (), is_public), own)

    assert {(one.text, one.is_fixed) for one in found} == said


def test_what_is_fixed_on_neither_side_is_no_evidence() -> None:
    anew = frozenset({exits.Exit("an address that AWS gives it at each start", False)})

    assert exits.as_evidence(anew, anew) == {}
    assert list(exits.told([(Ref(*HERE, "a.b", "c"), AccountId(TARGET), Proof("equal"))], str)) == []
    assert exits.as_evidence(anew, frozenset({exits.Exit("203.0.113.5", True)})) == {
        "leaves_by": ["an address that AWS gives it at each start"], "left_legacy_by": ["203.0.113.5"]
    }  # fmt: skip
