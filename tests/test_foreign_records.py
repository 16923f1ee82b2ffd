"""Records that lie in a DNS elsewhere: found by what listeners serve, told with the change and its proof."""

from typing import Any

import pytest

from migrate.foreign_records import foreign_names, what_to_change
from migrate.inventory import Inventory, Resource
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region

LEGACY, HOME = AccountId("111111111111"), Region("eu-west-1")
HOST = "web-1.eu-west-1.elb.amazonaws.com"


def found(kind: str, name: str, **facts: Any) -> Resource:
    return Resource(Ref(LEGACY, HOME, kind, name), f"arn:{name}", {}, None, None, facts)


def account(*more: Resource, scheme: str = "internet-facing") -> Inventory:
    things = (
        found("elbv2.load_balancer", "web", scheme=scheme, dns_name=HOST),
        found(
            "elbv2.listener", "web:443", load_balancer_arn="arn:web", certificate_arn="arn:cert",
            more_certificate_arns=["arn:not-found"],
        ),
        found("acm.certificate", "cert", names=["Shop.example", "*.shop.example"]),
        found(
            "elbv2.rule", "web:443/1", listener_arn="arn:web:443",
            conditions=[
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["api.other.example"]}},
                {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}},
            ],
        ),
        *more,
    )  # fmt: skip
    return Inventory(LEGACY, (HOME,), tuple(every_kind()), things)


def names(inventory: Inventory) -> list[str]:
    return [one.name for one in foreign_names(inventory)]


def test_what_a_listener_serves_and_no_zone_here_holds_is_foreign() -> None:
    assert names(account()) == ["*.shop.example", "api.other.example", "shop.example"]


@pytest.mark.parametrize(
    ("zone", "left"),
    [
        ("shop.example.", ["api.other.example"]),
        ("other.example.", ["*.shop.example", "shop.example"]),
        ("op.example.", ["*.shop.example", "api.other.example", "shop.example"]),
    ],
)
def test_a_name_in_a_zone_of_the_account_is_switched_there(zone: str, left: list[str]) -> None:
    assert names(account(found("route53.public_zone", "Z1", domain=zone))) == left


def test_an_internal_balancer_has_no_name_out_there() -> None:
    assert names(account(scheme="internal")) == []


def test_another_balancers_listener_is_not_taken_for_this_ones() -> None:
    other = found("elbv2.load_balancer", "other", scheme="internet-facing", dns_name="o.elb.amazonaws.com")

    assert {one.front.name for one in foreign_names(account(other))} == {"web"}


def test_the_change_says_the_new_value_the_command_that_proves_it_and_the_way_back() -> None:
    one = next(one for one in foreign_names(account()) if one.name == "shop.example")

    said = what_to_change(one, "web-2.eu-west-1.elb.amazonaws.com", True)

    assert "CNAME web-2.eu-west-1.elb.amazonaws.com (for a zone's own name" in said
    assert "`dig +short shop.example @1.1.1.1`" in said
    assert "TTL 60" in said
    assert said.endswith(f"the way back: CNAME {HOST}")
    assert "known once it is made" not in said
    assert "known once it is made" in what_to_change(one, "<dns_name of web>", False)


def test_a_name_that_stands_for_many_is_asked_about_by_one_of_them() -> None:
    one = next(one for one in foreign_names(account()) if one.name == "*.shop.example")

    assert "`dig +short <name>.shop.example @1.1.1.1`" in what_to_change(one, "web-2", True)
