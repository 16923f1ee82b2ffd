"""New IPv4 blocks for VPCs, and what every block in a document becomes by them."""

import re
import time
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network
from itertools import combinations
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate import plan
from migrate.addresses import AddressMap, Block, Taken, consequences, drawn
from migrate.errors import ConfigError
from migrate.graph import build
from migrate.kind import It, Need
from migrate.names import AccountId
from migrate.placement import place
from migrate.values import Json
from tests.plans.toys import DEV, KINDS, PROD, Network, ToyFacts, inputs, ref, thing

BLOCK = "10.0.0.0/16"


class Vpc(Network):
    """A network whose block is its document."""

    name = "toy.vpc"
    stateful: ClassVar[bool] = False

    def networks(self, it: It[ToyFacts]) -> tuple[str, ...]:
        return tuple(it.facts.document["blocks"])

    def needs(self, it: It[ToyFacts]) -> Iterator[Need]:
        return iter(())


ALL = KINDS | {"toy.vpc": Vpc()}
TWINS = [thing("toy.vpc", f"net-{env}", document={"blocks": [BLOCK]}) for env in ("prod", "dev")]
RULES = [thing("toy.queue", f"rules-{env}", document={"From": ["10.0.3.0/24", "0.0.0.0/0"]}) for env in ("prod", "dev")]
RANGE = {"range": "10.64.0.0/10"}


def made(*things: Any, **more: Any) -> dict[str, Json]:
    return plan.make(inputs(things or [*TWINS, *RULES], kinds=ALL, **more))


def documents(body: dict[str, Json]) -> dict[str, Json]:
    created = [step for step in body["steps"] if step["action"] == "create"]
    return {f"{step['account']} {step['name']}": step["requests"][0]["params"]["Document"] for step in created}


def test_twins_keep_their_blocks_where_nobody_says_otherwise_and_the_plan_says_what_follows() -> None:
    body = made()
    assert documents(body)[f"{PROD} rules-prod"] == {"From": ["10.0.3.0/24", "0.0.0.0/0"]}
    (said,) = body["findings"]
    assert "production's net-prod (10.0.0.0/16) and development's net-dev (10.0.0.0/16) overlap" in said
    assert body["refusals"] == []


def test_twins_get_blocks_of_their_own_and_every_block_in_a_document_follows_its_account() -> None:
    body = made(addresses=RANGE)
    assert body["findings"] == []
    assert [(line["account"], line["becomes"]) for line in body["addresses"]] == [
        (PROD, "10.64.0.0/16"), (DEV, "10.65.0.0/16")
    ]  # fmt: skip
    found = documents(body)
    assert found[f"{PROD} net-prod"] == {"blocks": ["10.64.0.0/16"]}
    assert found[f"{PROD} rules-prod"] == {"From": ["10.64.3.0/24", "0.0.0.0/0"]}
    assert found[f"{DEV} rules-dev"] == {"From": ["10.65.3.0/24", "0.0.0.0/0"]}
    assert body["refusals"] == []


def test_only_the_named_accounts_get_new_blocks() -> None:
    body = made(addresses=RANGE | {"accounts": ["development"]})
    assert {line["account"]: line["becomes"] for line in body["addresses"]} == {PROD: BLOCK, DEV: "10.64.0.0/16"}


def test_blocks_of_others_and_of_legacy_are_left_free_and_a_given_one_is_taken() -> None:
    there = {"range": "10.0.0.0/14", "avoid": ["10.1.0.0/17"], "blocks": {str(TWINS[1].ref): "10.3.0.0/16"}}
    body = made(addresses=there)
    assert {line["account"]: line["becomes"] for line in body["addresses"]} == {
        PROD: "10.2.0.0/16", DEV: "10.3.0.0/16"
    }  # fmt: skip


def test_a_range_without_room_and_a_block_of_another_size_are_errors() -> None:
    with pytest.raises(ConfigError, match=r"no room left for a /16"):
        made(addresses={"range": "10.64.0.0/16"})
    with pytest.raises(ConfigError, match=r"has another size"):
        made(addresses=RANGE | {"blocks": {str(TWINS[1].ref): "10.3.0.0/20"}})
    with pytest.raises(ValueError, match="range"):
        made(addresses={"range": "10.64.0.1/10"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10.0.3.7", "is an address within"), ("http://10.0.3.7:80/x", "is an address within"),
        ("10.0.0.0/8", ""), ("10.0.0.0/12", "holds 10.0.0.0/16 and not its new block"),
        ("10.1.0.0/24", ""), ("0.0.0.0/0", ""), ("v10.0.3.0", ""), ("10.0.3.0.5/24", ""), ("10.0.0.999/24", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_a_problem_and_what_is_not_ours_stays(text: str, problem: str) -> None:
    service = thing("toy.service", "web-prod", document={"Env": text})
    body = made(TWINS[0], service, addresses=RANGE)
    assert [problem in line["what"] for line in body["refusals"]] == ([True] if problem else [])
    if not problem:
        assert documents(body)[f"{PROD} web-prod"] == {"Env": text}


def test_the_resolver_of_a_network_follows_it() -> None:
    service = thing("toy.service", "web-prod", document={"Dns": "10.0.0.2"})
    assert documents(made(TWINS[0], service, addresses=RANGE))[f"{PROD} web-prod"] == {"Dns": "10.64.0.2"}


def test_two_networks_with_one_block_in_one_account_cannot_be_told_apart() -> None:
    twins = [thing("toy.vpc", f"net-{n}-prod", document={"blocks": [BLOCK]}) for n in "ab"]
    said = [line["what"] for line in made(*twins, addresses=RANGE)["refusals"]]
    assert said
    assert all("lies in two VPCs" in line for line in said)


def test_a_run_maps_by_its_plan() -> None:
    given_ = inputs([*TWINS, *RULES], kinds=ALL, addresses=RANGE)
    index = plan.from_body(plan.make(given_), "0" * 64).names(given_.inventory, ALL)
    assert index.networks is not None
    assert index.networks("10.0.3.0/24") == (TWINS[1].ref, {PROD: "10.64.3.0/24", DEV: "10.65.3.0/24"}, "")


@given(st.integers(16, 32), st.integers(0, 2**16 - 1))
def test_a_mapped_block_keeps_its_size_and_its_place_and_comes_back(prefix: int, start: int) -> None:
    here, there = IPv4Network("10.0.0.0/16"), IPv4Network("172.20.0.0/16")
    part = IPv4Network((int(here.network_address) + start, prefix), strict=False)
    account = AccountId(PROD)
    forth = AddressMap([Block(ref("toy.vpc", "x"), account, here, there)]).becomes(str(part))
    assert forth is not None
    moved = IPv4Network(forth[1][account])
    assert moved.subnet_of(there)
    assert moved.prefixlen == part.prefixlen
    back = AddressMap([Block(ref("toy.vpc", "x"), account, there, here)]).becomes(str(moved))
    assert back is not None
    assert back[1][account] == str(part)


def having(*blocks: str, account: str = PROD) -> list[Block]:
    """One VPC for each block."""
    made_of = [IPv4Network(block) for block in blocks]
    return [Block(ref("toy.vpc", f"n{n}"), AccountId(account), block, block) for n, block in enumerate(made_of)]


def test_ten_thousand_networks_are_compared_in_a_moment_and_told_in_a_few_lines() -> None:
    twins = having(*[BLOCK] * 5_000)
    nested = having(*(f"172.{16 + n // 256}.{n % 256}.0/24" for n in range(2_500)), "172.16.0.0/12", account=DEV)
    apart = having(*(f"11.{n // 256}.{n % 256}.0/24" for n in range(2_500)), account=DEV)
    config = inputs([*TWINS], kinds=ALL).config

    began = time.process_time()
    said = list(consequences([*twins, *nested, *apart], config))
    took_s = time.process_time() - began

    assert f"production's n0 ({BLOCK}), production's n1 ({BLOCK})" in said[0]
    assert "and 4996 more overlap" in said[0]
    assert len(said) == 1 + 2_500, "one for the twins, one for each block that lies within the wide one"
    assert took_s < 3, "twelve million pairs of twins alone take far longer"


def test_ten_thousand_networks_get_blocks_of_their_own_in_seconds() -> None:
    many = [thing("toy.vpc", f"n{n}-prod", document={"blocks": ["10.0.0.0/24"]}) for n in range(10_000)]
    given_ = inputs(many, kinds=ALL, addresses=RANGE | {"avoid": ["10.64.1.0/24"]})
    graph = build(given_.inventory, ALL)
    placement = place(graph, given_.config, ALL)

    began = time.process_time()
    blocks = drawn(given_.config, graph, placement, ALL)
    moved = AddressMap(blocks[:1] + [Block(b.ref, b.account, b.becomes, b.legacy) for b in blocks[1:]])
    found = {moved.becomes(f"10.{64 + n // 256}.{n % 256}.7") is not None for n in range(2, 10_000)}
    took_s = time.process_time() - began

    assert [str(block.becomes) for block in blocks[:3]] == ["10.64.0.0/24", "10.64.2.0/24", "10.64.3.0/24"]
    assert len({block.becomes for block in blocks}) == 10_000
    assert found == {True}
    assert took_s < 10


_SMALL = st.builds(
    lambda start, size: IPv4Network((0x0A000000 + start * 16, size), strict=False),
    st.integers(0, 15),
    st.integers(24, 28),
)


@given(st.lists(_SMALL, max_size=4))
def test_exactly_the_pairs_that_overlap_are_told(networks: list[IPv4Network]) -> None:
    blocks = having(*map(str, networks))
    said = list(consequences(blocks, inputs([*TWINS], kinds=ALL).config))

    told = {frozenset(pair) for line in said for pair in combinations(sorted(set(re.findall(r"n\d", line))), 2)}

    assert told == {
        frozenset((one.ref.name, other.ref.name))
        for one, other in combinations(blocks, 2) if one.becomes.overlaps(other.becomes)
    }  # fmt: skip


@given(st.lists(_SMALL, max_size=6), st.lists(st.integers(24, 28), max_size=6))
def test_the_first_free_block_is_the_one_that_a_walk_through_all_finds(
    avoid: list[IPv4Network], sizes: list[int]
) -> None:
    whole, standing = IPv4Network("10.0.0.0/24"), list(avoid)
    taken = Taken(avoid)
    for size in sizes:
        walked = next((b for b in whole.subnets(new_prefix=size) if not any(map(b.overlaps, standing))), None)
        assert taken.first_free(whole, size) == walked
        if walked is not None:
            taken.add(walked)
            standing.append(walked)


@given(st.lists(_SMALL, max_size=5), _SMALL, st.booleans())
def test_an_address_is_looked_up_as_a_walk_through_all_blocks_finds_it(
    networks: list[IPv4Network], asked: IPv4Network, as_block: bool
) -> None:
    new = [IPv4Network(f"10.9.{n}.0/{old.prefixlen}") for n, old in enumerate(networks)]
    blocks = [
        Block(ref("toy.vpc", f"n{n}"), AccountId((PROD, DEV)[n % 2]), *both)
        for n, both in enumerate(zip(networks, new, strict=True))
    ]
    text = str(asked) if as_block else str(asked[0])
    mentioned = [b for b in blocks if b.legacy.overlaps(ip_network(text))]

    found = AddressMap(blocks).becomes(text)

    assert (found is None) == (not mentioned)
    if found is not None:
        around = {b.account for b in mentioned if ip_network(text).subnet_of(b.legacy)}
        assert set(found[1]) == around
