"""A record that goes over in shares, while legacy has stopped: refused until a person answers for it."""

from typing import Any

import pytest

from migrate import plan
from migrate.inventory import Resource
from migrate.kinds import every_kind
from migrate.names import GLOBAL, AccountId, Ref, Region
from tests.plans.toys import HERE, KINDS, LEGACY, inputs, thing

OWN = "203.0.113.7"
RECORD = Ref(AccountId(LEGACY), Region(GLOBAL), "route53.record_set", "Z1/www.shop.example./A")
ADDRESS = Ref(AccountId(LEGACY), HERE, "ec2.elastic_ip", "eipalloc-0aaaaaaaaaaaaaaa1")
OURS = {name: every_kind()[name] for name in ("route53.record_set", "ec2.elastic_ip")}


def led() -> list[Resource]:
    """A record, and the address that it leads to."""
    one = {"Name": "www.shop.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": OWN}]}
    facts = {"domain": "shop.example.", "record": "www.shop.example.", "type": "A", "sets": [one]}
    address = {"public_ip": OWN, "network_border_group": None, "service_managed": None}
    arn = f"arn:aws:ec2:{HERE}:{LEGACY}:elastic-ip/{ADDRESS.name}"
    return [Resource(RECORD, "", {}, None, None, facts), Resource(ADDRESS, arn, {}, None, None, address)]


def refusals(*things: Resource, **config: Any) -> list[dict[str, Any]]:
    rule = {"ref": str(ADDRESS), "to": "production", "because": "its balancer is there"}
    given = inputs([*led(), *things], kinds=KINDS | OURS, placement=[rule], **config)
    body = plan.make(given)
    assert [step["action"] for step in body["steps"] if "record_set" in step["id"]][-1] == "shift"
    return [one for one in body["refusals"] if one["key"].startswith("shares/")]


SHARES = [{"record": "www.*", "shares": [10, 50]}]


def test_a_service_that_stops_in_legacy_cannot_answer_the_rest_of_a_share() -> None:
    (one,) = refusals(thing("toy.service", "web-prod"), switches=SHARES)

    assert "only 10 and then 50 of a hundred" in one["what"]
    assert "toy.service/web-prod" in one["what"]
    assert "switches" in one["do"]


def test_a_person_may_answer_for_it() -> None:
    waiver = {"gap": f"shares/{RECORD}", "because": "legacy's pages are static and stay up"}

    assert refusals(thing("toy.service", "web-prod"), switches=SHARES, waivers=[waiver]) == []


@pytest.mark.parametrize("switches", [[], [{"record": "api.*", "shares": [10]}]])
def test_without_shares_nothing_is_asked(switches: list[dict[str, Any]]) -> None:
    assert refusals(thing("toy.service", "web-prod"), switches=switches) == []


def test_what_goes_to_another_account_does_not_count() -> None:
    assert refusals(thing("toy.service", "web-dev"), switches=SHARES) == []
