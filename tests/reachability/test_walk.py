"""Who reaches whom: the fast walk against one that sends single packets, and the traps of real networks by name."""

from fractions import Fraction
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.reachability import walk
from migrate.reachability.network import Piece, network
from migrate.reachability.walk import Interface
from tests.reachability.networks import (
    ALLOW_ALL,
    ANY,
    SlowWalk,
    acl,
    endpoint,
    entry,
    gateway,
    group,
    nat,
    peering,
    rule,
    subnet,
    table,
    vpc,
)

SUBNETS = {"subnet-1": "10.0.0.0/29", "subnet-2": "10.0.0.8/29", "subnet-3": "10.1.0.0/29"}
BLOCKS = st.sampled_from(
    [ANY, "10.0.0.0/24", "10.0.0.0/29", "10.0.0.8/30", "10.1.0.0/24", "10.1.0.4/30", "10.0.0.3/32"]
)
PORTS = st.sampled_from([None, (443, 443), (5432, 5432), (40000, 40001), (40002, 50000), (1024, 65535)])
BACK = (40000, 40003)
GROUPS = ["sg-1", "sg-2", "sg-3"]


@st.composite
def networks(draw: st.DrawFn) -> list[Piece]:
    """Mostly open networks with a few things in the way: where all is shut, every walk is right."""

    def chance(one_in: int) -> bool:
        return draw(st.integers(1, one_in)) == 1

    def entries() -> list[Any]:
        made = [
            entry(number, out=draw(st.booleans()), allow=chance(3), block=draw(BLOCKS), ports=draw(PORTS))
            for number in range(10, 10 * draw(st.integers(2, 4)), 10)
        ]
        return made + ([] if chance(8) else ALLOW_ALL)

    def rules() -> list[Any]:
        peers = st.one_of(BLOCKS, st.sampled_from([*GROUPS, "self"]))
        made = [rule(draw(peers), draw(PORTS)) for _ in range(draw(st.integers(1, 3)))]
        return made if chance(3) else [*made, rule(ANY)]

    def routes() -> dict[str, str]:
        there = {draw(BLOCKS): draw(st.sampled_from(("nat-1", "igw-1", "pcx-1")))} if chance(3) else {}
        return {block: to for block, to in there.items() if block not in ("10.0.0.0/24", "10.1.0.0/24")}

    def some(*subnets: str) -> list[str]:
        return [] if chance(4) else [draw(st.sampled_from(subnets))]

    return [
        vpc("vpc-a", "10.0.0.0/24"), vpc("vpc-b", "10.1.0.0/24"),
        subnet("subnet-1", "vpc-a", SUBNETS["subnet-1"], public=draw(st.booleans())),
        subnet("subnet-2", "vpc-a", SUBNETS["subnet-2"]), subnet("subnet-3", "vpc-b", SUBNETS["subnet-3"]),
        gateway("igw-1"), nat("nat-1", "subnet-1" if chance(4) else "subnet-2"), peering("pcx-1", "vpc-a", "vpc-b"),
        table("rtb-main", "vpc-a", {"10.1.0.0/16": "pcx-1", ANY: "nat-1"} | routes(), main=True),
        table("rtb-own", "vpc-a", {"10.1.0.0/16": "pcx-1", ANY: "igw-1"} | routes(),
              some("subnet-2", "subnet-2", "subnet-1")),
        table("rtb-b", "vpc-b", {} if chance(4) else {"10.0.0.0/16": "pcx-1"}, main=True),
        acl("acl-a", "vpc-a", entries() if chance(3) else ALLOW_ALL, main=True),
        acl("acl-b", "vpc-b", ALLOW_ALL, main=True),
        acl("acl-own", "vpc-a", entries(), some("subnet-1", "subnet-2")),
        *(group(name, rules(), rules() if chance(3) else None) for name in GROUPS),
    ]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(networks(), st.sampled_from(sorted(SUBNETS)), st.sampled_from(sorted(SUBNETS)), st.sampled_from(GROUPS),
       st.sampled_from(GROUPS), st.sampled_from([443, 5432]))  # fmt: skip
def test_between_two_subnets_the_answer_is_the_one_of_every_single_packet(
    pieces: list[Piece], here: str, there: str, own: str, other: str, port: int
) -> None:
    said = walk.reaches(network(pieces), Interface((here,), (own,), waits_at=BACK), Interface((there,), (other,)), port)

    slow = SlowWalk(pieces)
    left, right = ip_network(SUBNETS[here]), ip_network(SUBNETS[there])
    sent = [
        slow.connects((here, str(one), [own]), (there, str(two), [other]), port, back)
        for one in left for two in right for back in range(BACK[0], BACK[1] + 1)
    ]  # fmt: skip
    if said.state != "unknown":
        assert said.share == Fraction(sum(sent), len(sent))
        assert said.state == ("open" if all(sent) else "in part" if any(sent) else "shut")
        assert bool(said.why) == (not all(sent))
    else:
        assert not all(sent)


@settings(max_examples=30, deadline=None)
@given(networks(), st.sampled_from(["subnet-1", "subnet-2"]), st.sampled_from(GROUPS))
def test_to_the_internet_the_answer_is_the_one_of_every_single_packet(pieces: list[Piece], here: str, own: str) -> None:
    said = walk.reaches_internet(network(pieces), Interface((here,), (own,), None, BACK), 443)

    slow = SlowWalk(pieces)
    # Where the rules change within a NAT gateway's own ports, and one port of each part.
    sent = [
        (slow.connects_outside((here, str(one), [own]), 443, back, beyond, "93.184.216.34"), size)
        for one in ip_network(SUBNETS[here]) for back in range(BACK[0], BACK[1] + 1)
        for beyond, size in ((1024, 38976), (40000, 2), (40002, 9999), (50001, 15535))
    ]  # fmt: skip
    if said.state != "unknown":
        passed = sum(size for went, size in sent if went)
        assert said.share == Fraction(passed, sum(size for _, size in sent))
        assert said.state == ("shut" if not passed else "open" if all(went for went, _ in sent) else "in part")
    else:
        assert not any(went for went, _ in sent)


PRIVATE = Interface(("subnet-p",), ("sg-app",))
DATABASE = Interface(("subnet-d",), ("sg-db",))


def usual(**other: Piece | None) -> list[Piece]:
    """A private and a public subnet, one for databases, a NAT gateway. By id: another piece, or none."""
    made = [
        vpc("vpc-a", "10.0.0.0/16"), subnet("subnet-p", "vpc-a", "10.0.1.0/24"),
        subnet("subnet-d", "vpc-a", "10.0.2.0/24"), subnet("subnet-o", "vpc-a", "10.0.3.0/24", public=True),
        gateway("igw-1"), nat("nat-1", "subnet-o"), table("rtb-main", "vpc-a", {ANY: "nat-1"}, main=True),
        table("rtb-out", "vpc-a", {ANY: "igw-1"}, ["subnet-o"]), acl("acl-1", "vpc-a", ALLOW_ALL, main=True),
        group("sg-app", []), group("sg-db", [rule("sg-app", (5432, 5432))]),
        group("sg-end", [rule("10.0.0.0/16", (443, 443))]),
    ]  # fmt: skip
    by_id = {piece.id: piece for piece in made}
    for name, piece in other.items():
        by_id.pop(name.replace("_", "-"), None)
        if piece is not None:
            by_id[piece.id] = piece
    return list(by_id.values())


def test_a_service_reaches_its_database_by_the_rule_that_names_its_group() -> None:
    assert walk.reaches(network(usual()), PRIVATE, DATABASE, 5432).state == "open"
    said = walk.reaches(network(usual()), PRIVATE, DATABASE, 3306)
    assert (said.state, said.why) == ("shut", "no rule of sg-db lets port 3306 from 10.0.1.0 pass")


def test_an_acl_that_forgets_the_ports_on_which_answers_come_back_shuts_the_way() -> None:
    inward = [entry(10, out=False, allow=True, ports=(0, 1023)), entry(10, out=True, allow=True)]
    said = walk.reaches(network([*usual(), acl("acl-2", "vpc-a", inward, ["subnet-p"])]), PRIVATE, DATABASE, 5432)
    assert (said.state, said.why) == ("shut", "no entry (in) of acl-2 lets port 32768, 10.0.2.0 pass")


def test_an_acl_before_the_database_that_holds_its_answers_back_shuts_the_way() -> None:
    outward = [entry(10, out=True, allow=False, ports=(1024, 65535)), *ALLOW_ALL]
    said = walk.reaches(network([*usual(), acl("acl-2", "vpc-a", outward, ["subnet-d"])]), PRIVATE, DATABASE, 5432)
    assert (said.state, said.why) == ("shut", "entry 10 (out) of acl-2 refuses port 32768, 10.0.1.0")


def test_an_acl_that_lets_half_of_those_ports_pass_opens_the_way_in_part() -> None:
    inward = [entry(10, out=False, allow=True, ports=(49152, 65535)), entry(10, out=True, allow=True)]
    said = walk.reaches(network([*usual(), acl("acl-2", "vpc-a", inward, ["subnet-p"])]), PRIVATE, DATABASE, 5432)
    assert (said.state, said.share) == ("in part", Fraction(60999 - 49152 + 1, 60999 - 32768 + 1))


def test_a_subnet_that_no_table_names_follows_the_main_one() -> None:
    assert walk.reaches_internet(network(usual()), PRIVATE).state == "open"
    nowhere = usual(rtb_main=table("rtb-main", "vpc-a", {}, main=True))
    assert walk.reaches_internet(network(nowhere), PRIVATE).state == "shut"


def test_a_nat_gateway_in_a_subnet_without_a_way_out_leads_nowhere() -> None:
    said = walk.reaches_internet(network(usual(rtb_out=None)), PRIVATE)
    assert said.state == "shut"
    assert "nat-1, which does not lead there" in said.why


def test_a_gateway_of_the_internet_serves_nobody_without_a_public_address() -> None:
    function = Interface(("subnet-o",), ("sg-app",), False, walk.OF_ALL)
    said = walk.reaches_internet(network(usual()), function)
    assert (said.state, said.why) == ("shut", "igw-1 serves public addresses only, and it has none")
    assert walk.reaches_internet(network(usual()), Interface(("subnet-o",), ("sg-app",), True)).state == "open"


def test_a_way_over_a_transit_gateway_cannot_be_said() -> None:
    led = usual(rtb_main=table("rtb-main", "vpc-a", {ANY: "tgw-1"}, main=True))
    assert walk.reaches_internet(network(led), PRIVATE).state == "unknown"


ECR = endpoint("vpce-1", "ecr.api", subnet_ids=["subnet-d"], security_group_ids=["sg-end"])


@pytest.mark.parametrize(
    ("pieces", "state", "why"),
    [
        (usual(rtb_main=table("rtb-main", "vpc-a", {}, main=True)), "shut", "has no route"),
        ([*usual(rtb_main=table("rtb-main", "vpc-a", {}, main=True)), ECR], "open", ""),
        # Its names lead to the endpoint, whatever else is open: a group that refuses shuts the way.
        ([*usual(sg_end=group("sg-end", [])), ECR], "shut", "no rule of sg-end lets port 443"),
        # Without both DNS attributes its names lead outside: over the NAT gateway here, nowhere there.
        (usual(vpc_a=vpc("vpc-a", "10.0.0.0/16", dns_hostnames=False), sg_end=group("sg-end", []), x=ECR), "open", ""),
        ([*usual(rtb_main=table("rtb-main", "vpc-a", {}, main=True), vpc_a=vpc("vpc-a", "10.0.0.0/16", dns_support=False)), ECR], "shut", "has no route"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_service_of_aws_is_reached_by_its_endpoint_or_outside(pieces: list[Piece], state: str, why: str) -> None:
    said = walk.reaches_service(network(pieces), PRIVATE, "ecr.api", "eu-west-1")
    assert said.state == state
    assert why in said.why


def test_a_gateway_endpoint_serves_the_subnets_of_its_tables_only() -> None:
    closed = usual(rtb_main=table("rtb-main", "vpc-a", {}, main=True))
    own = endpoint("vpce-2", "s3", endpoint_type="Gateway", private_dns=False, route_table_ids=["rtb-main"])
    assert walk.reaches_service(network([*closed, own]), PRIVATE, "s3", "eu-west-1").state == "open"
    other = endpoint("vpce-2", "s3", endpoint_type="Gateway", private_dns=False, route_table_ids=["rtb-out"])
    assert walk.reaches_service(network([*closed, other]), PRIVATE, "s3", "eu-west-1").state == "shut"
    listed = [piece for piece in closed if piece.id != "sg-app"] + [group("sg-app", [], [rule("pl-s3", (443, 443))])]
    assert walk.reaches_service(network([*listed, own]), PRIVATE, "s3", "eu-west-1").state == "open"


def test_clients_of_the_internet_reach_what_has_an_address_a_rule_and_a_way_back() -> None:
    front = group("sg-front", [rule(ANY, (443, 443))])
    balancer = Interface(("subnet-o",), ("sg-front",), True, walk.OF_ALL)
    assert walk.reached_from_internet(network([*usual(), front]), balancer, 443).state == "open"
    assert walk.reached_from_internet(network([*usual(), front]), balancer, 80).state == "shut"
    assert walk.reached_from_internet(network([*usual(rtb_out=None), front]), balancer, 443).state == "shut"
