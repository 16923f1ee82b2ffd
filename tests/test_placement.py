"""Which account each resource belongs to."""

from typing import Any

from migrate.graph import build
from migrate.inventory import Resource
from migrate.placement import Placement, place
from tests.plans.toys import HERE, KINDS, LEGACY, config, inventory, ref, thing

VPC, SUBNET = "vpc-0123456789abcdef0", "subnet-0123456789abcdef1"


def placed(*things: Resource, **more: Any) -> Placement:
    return place(build(inventory(things), KINDS), config(**more), KINDS)


def where(placement: Placement) -> dict[str, tuple[tuple[str, ...], str]]:
    return {r.name: (p.accounts, p.by) for r, p in placement.placed.items()}


def queue(name: str) -> str:
    return f"arn:aws:sqs:{HERE}:{LEGACY}:{name}"


def test_the_first_rule_that_matches_decides_and_says_which() -> None:
    rules = [
        {"name": "orders-*", "to": "development", "because": "they said so"},
        {"name": "*-prod", "to": "production"},
    ]
    found = placed(thing("toy.queue", "orders-prod"), thing("toy.queue", "jobs-prod"), placement=rules)
    assert where(found) == {"orders-prod": (("development",), "rule"), "jobs-prod": (("production",), "rule")}
    assert found.placed[ref("toy.queue", "orders-prod")].evidence == ("migration.yaml placement[0]: they said so",)


def test_a_rule_may_name_several_accounts_or_say_that_it_stays() -> None:
    rules = [{"kind": "toy.images", "to": ["production", "development"]}, {"name": "old", "to": "legacy"}]
    found = placed(thing("toy.images", "shop"), thing("toy.queue", "old"), placement=rules)
    assert where(found) == {"shop": (("production", "development"), "rule"), "old": (("legacy",), "rule")}


def test_what_does_not_move_goes_nowhere_whatever_a_broad_rule_says() -> None:
    found = placed(
        thing("iam.user", "prod-deployer"), thing("toy.network", VPC, moves=False),
        placement=[{"kind": "*", "to": "production"}],
    )  # fmt: skip
    assert found.placed == {}
    assert found.unplaced == ()


def test_that_something_unmovable_stays_may_be_said() -> None:
    found = placed(thing("iam.user", "robot"), placement=[{"name": "robot", "to": "legacy"}])
    assert where(found) == {"robot": (("legacy",), "rule")}


def test_what_lies_in_something_follows_it_whatever_its_own_name_says() -> None:
    found = placed(
        thing("toy.network", VPC, {"Name": "net-prod"}), thing("toy.subnet", SUBNET, {"Name": "dev"}, inside=VPC),
        thing("toy.service", "in-subnet", inside=SUBNET),
    )  # fmt: skip
    assert where(found) == {
        VPC: (("production",), "named"), SUBNET: (("production",), "lies in"), "in-subnet": (("production",), "lies in")
    }  # fmt: skip


def test_names_tags_and_stacks_say_which_environment() -> None:
    found = placed(
        thing("toy.queue", "a-prod-1"), thing("toy.queue", "a", {"Env": "dev"}), thing("toy.queue", "production-a"),
        thing("toy.queue", "b", {"Name": "b dev"}), thing("toy.queue", "Shop-PROD"), thing("toy.queue", "products"),
    )  # fmt: skip
    assert where(found) == {
        "a-prod-1": (("production",), "named"), "a": (("development",), "named"), "b": (("development",), "named"),
        "Shop-PROD": (("production",), "named"),
    }  # fmt: skip


def test_a_tag_outweighs_a_name_and_a_tie_decides_nothing() -> None:
    found = placed(thing("toy.queue", "dev-a", {"env": "prod"}), thing("toy.queue", "dev-prod"))
    assert where(found) == {"dev-a": (("production",), "named")}
    assert [u.ref.name for u in found.unplaced] == ["dev-prod"]


def test_what_only_one_environment_uses_goes_with_it_through_any_number_of_neighbours() -> None:
    arn = f"arn:aws:iam::{LEGACY}:role/"
    chain = [thing("toy.role", f"r{n}", hard=(f"{arn}r{n + 1}",)) for n in range(30)]
    found = placed(thing("toy.service", "web-prod", hard=(f"{arn}r0",)), *chain, thing("toy.role", "r30"))
    assert found.placed[ref("toy.role", "r30")].accounts == ("production",)
    assert found.placed[ref("toy.role", "r0")].by == "graph"
    assert "web-prod (production): reads, toy.Describe Needs[]" in found.placed[ref("toy.role", "r0")].evidence[0]
    assert found.conflicts == found.unplaced == ()


def test_what_two_environments_use_is_a_conflict_that_a_person_decides() -> None:
    things = [
        thing("toy.queue", "orders"), thing("toy.service", "web-prod", hard=(queue("orders"),)),
        thing("toy.service", "web-dev", document={"Q": queue("orders")}),
    ]  # fmt: skip
    found = placed(*things)
    assert [(u.ref.name, dict(u.votes)) for u in found.conflicts] == [("orders", {"production": 3, "development": 1})]
    assert ref("toy.queue", "orders") not in found.placed
    assert any("web-dev" in text for text in found.conflicts[0].evidence)
    decided = placed(*things, placement=[{"ref": str(ref("toy.queue", "orders")), "to": "production"}])
    assert decided.conflicts == ()


def test_a_name_does_not_hide_that_another_environment_uses_it_too() -> None:
    found = placed(thing("toy.queue", "orders-prod"), thing("toy.service", "web-dev", hard=(queue("orders-prod"),)))
    assert [u.ref.name for u in found.conflicts] == ["orders-prod"]


def test_a_part_of_one_environments_network_that_another_needs_is_a_conflict() -> None:
    found = placed(
        thing("toy.network", VPC, {"Name": "prod"}), thing("toy.subnet", SUBNET, inside=VPC),
        thing("toy.service", "web-dev", hard=(SUBNET,)),
    )  # fmt: skip
    assert [u.ref.name for u in found.conflicts] == [SUBNET]


def test_what_lies_in_two_accounts_is_not_placed_by_chance() -> None:
    other = "vpc-0123456789abcdef9"
    between = thing("toy.subnet", SUBNET, inside=VPC)
    between.facts["hard"] = []
    kinds = KINDS
    things = [thing("toy.network", VPC, {"Name": "prod"}), thing("toy.network", other, {"Name": "dev"}), between]
    graph = build(inventory(things), kinds)
    assert place(graph, config(), kinds).placed[ref("toy.subnet", SUBNET)].accounts == ("production",)

    class Both(type(KINDS["toy.subnet"])):  # type: ignore[misc]
        def needs(self, it: Any) -> Any:
            yield from super().needs(it)
            yield from (need.__class__(other, need.why, need.strength, "x") for need in super().needs(it))

    kinds = KINDS | {"toy.subnet": Both()}
    found = place(build(inventory(things), kinds), config(), kinds)
    assert ref("toy.subnet", SUBNET) not in found.placed
    assert ref("toy.subnet", SUBNET) in [u.ref for u in found.conflicts]


def test_what_goes_to_several_accounts_or_stays_says_nothing_about_its_neighbours() -> None:
    rules = [{"name": "shared", "to": ["production", "development"]}, {"name": "old", "to": "legacy"}]
    things = [
        thing("toy.queue", "shared"), thing("toy.queue", "old"),
        thing("toy.service", "a", hard=(queue("shared"), queue("old"))),
    ]  # fmt: skip
    assert [u.ref.name for u in placed(*things, placement=rules).unplaced] == ["a"]


def test_what_nothing_places_is_listed() -> None:
    found = placed(thing("toy.database", "attic"), thing("toy.queue", "x-prod"))
    assert [u.ref.name for u in found.unplaced] == ["attic"]
