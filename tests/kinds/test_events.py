"""EventBridge: a rule arrives disabled, and at no moment is it enabled in both accounts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import Kind, same_place
from migrate.kinds.events_event_bus import EventBus
from migrate.kinds.events_rule import Rule
from tests.kinds.by_hand import LEGACY, REGION, TARGET, TwoAccounts, place, two_accounts, without
from tests.kinds.shapes import check_request

FUNCTION = f"arn:aws:lambda:{REGION}:{LEGACY}:function:report"


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    with two_accounts(monkeypatch) as accounts:
        events = accounts.legacy.client("events")
        events.put_rule(
            Name="nightly",
            ScheduleExpression="cron(15 2 * * ? *)",
            Description="the nightly report",
            Tags=[{"Key": "env", "Value": "prod"}],
        )
        events.put_targets(
            Rule="nightly",
            Targets=[
                {
                    "Id": "task",
                    "Arn": f"arn:aws:ecs:{REGION}:{LEGACY}:cluster/shop",
                    "RoleArn": f"arn:aws:iam::{LEGACY}:role/events",
                    "EcsParameters": {
                        "TaskDefinitionArn": f"arn:aws:ecs:{REGION}:{LEGACY}:task-definition/nightly:1",
                        "TaskCount": 1,
                        "LaunchType": "FARGATE",
                        "NetworkConfiguration": {
                            "awsvpcConfiguration": {"Subnets": ["subnet-2", "subnet-1"], "AssignPublicIp": "DISABLED"}
                        },
                    },
                    "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
                    "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{LEGACY}:dead"},
                },
                {
                    "Id": "report",
                    "Arn": FUNCTION,
                    "Input": json.dumps({"topic": f"arn:aws:sns:{REGION}:{LEGACY}:orders", "token": "correct horse"}),
                },
            ],
        )
        events.create_event_bus(Name="orders", Description="orders", Tags=[{"Key": "team", "Value": "shop"}])
        events.put_permission(
            EventBusName="orders",
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "all",
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"},
                            "Action": "events:PutEvents",
                            "Resource": f"arn:aws:events:{REGION}:{LEGACY}:event-bus/orders",
                        }
                    ],
                }
            ),
        )
        events.put_rule(
            Name="paid",
            EventBusName="orders",
            EventPattern=json.dumps({"detail": {"kind": ["paid"]}}),
            State="DISABLED",
        )
        yield accounts


def state(session: Any, name: str = "nightly") -> str:
    return str(session.client("events").describe_rule(Name=name)["State"])


@pytest.mark.parametrize(
    ("kind", "name"), [(Rule(), "default/absent"), (Rule(), "absent/nightly"), (EventBus(), "absent")]
)
def test_a_narrow_look_for_an_absent_thing_finds_nothing(accounts: TwoAccounts, kind: Kind[Any], name: str) -> None:
    assert list(kind.scan(accounts.site(kind, "legacy"), only=name)) == []


def test_a_narrow_look_says_the_same_as_the_wide_one(accounts: TwoAccounts) -> None:
    for kind, names in ((Rule(), {"default/nightly", "orders/paid"}), (EventBus(), {"orders"})):
        found = accounts.scan(kind)
        assert set(found) == names
        for name, resource in found.items():
            assert accounts.one(kind, name) == resource


def test_a_rule_arrives_disabled_with_all_its_targets(accounts: TwoAccounts) -> None:
    kind = Rule()
    legacy = accounts.one(kind, "default/nightly")

    sent = accounts.do(kind, legacy, "create", "configure")

    target = accounts.one(kind, "default/nightly", "target")
    expected = accounts.expected(kind, legacy)
    token = expected["targets"][0]["Input"].pop("token")
    assert target.facts["targets"][0]["Input"].pop("token")["length"] == len("unsealed")
    assert token == {"$sealed": "hash-of-13", "length": 13}
    assert without(kind, target.facts) == expected
    assert state(accounts.target) == "DISABLED"
    assert target.facts["targets"][1]["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]["Subnets"] == [
        "subnet-1",
        "subnet-2",
    ]
    assert target.facts["targets"][1]["DeadLetterConfig"]["Arn"] == f"arn:aws:sqs:{REGION}:{TARGET}:dead"
    assert target.tags == place(kind, legacy).stamp({"env": "prod"})
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target") == {}


def test_a_credential_in_a_fixed_input_is_sealed(accounts: TwoAccounts) -> None:
    assert "correct horse" not in str(accounts.scan(Rule()))


def test_a_rule_is_never_enabled_in_both_accounts_and_goes_back(accounts: TwoAccounts) -> None:
    kind = Rule()
    legacy = accounts.one(kind, "default/nightly")
    accounts.do(kind, legacy, "create", "configure")
    states = [(state(accounts.legacy), state(accounts.target))]

    stopped = accounts.do(kind, legacy, "stop_legacy")
    states.append((state(accounts.legacy), state(accounts.target)))
    started = accounts.do(kind, legacy, "start")
    states.append((state(accounts.legacy), state(accounts.target)))

    assert states == [("ENABLED", "DISABLED"), ("DISABLED", "DISABLED"), ("DISABLED", "ENABLED")]
    changed = kind.action("stop_legacy").legacy_after(kind.typed(legacy))
    assert accounts.one(kind, "default/nightly").facts == {**legacy.facts, **(changed or {})}
    assert (
        accounts.one(kind, "default/nightly", "target").facts["state"]
        == (accounts.expected(kind, legacy, "start")["state"])
    )
    accounts.undo(legacy, started)
    accounts.undo(legacy, stopped)
    assert (state(accounts.legacy), state(accounts.target)) == ("ENABLED", "DISABLED")
    assert accounts.one(kind, "default/nightly") == legacy


def test_a_rule_that_was_off_stays_off(accounts: TwoAccounts) -> None:
    kind = Rule()
    it = kind.typed(accounts.one(kind, "orders/paid"))

    assert not kind.action("stop_legacy").applies(it)
    assert not kind.action("start").applies(it)


def test_a_rule_of_a_custom_bus_arrives_on_it(accounts: TwoAccounts) -> None:
    bus, kind = EventBus(), Rule()
    legacy = accounts.one(kind, "orders/paid")
    accounts.do(bus, accounts.one(bus, "orders"), "create")

    accounts.do(kind, legacy, "create")

    target = accounts.one(kind, "orders/paid", "target")
    assert without(kind, target.facts) == accounts.expected(kind, legacy)
    assert target.facts["pattern"] == {"detail": {"kind": ["paid"]}}
    it = kind.typed(legacy)
    assert same_place(it, "events.event_bus", "orders") in {need.on for need in kind.needs(it)}


def test_a_rule_that_aws_manages_is_found_and_not_moved(accounts: TwoAccounts) -> None:
    kind = Rule()
    legacy = accounts.one(kind, "default/nightly")
    managed = legacy.facts | {"managed_by": "ecs.amazonaws.com"}
    it = kind.typed(Resource(legacy.ref, legacy.arn, {}, None, None, managed))

    assert not any(action.applies(it) for action in kind.actions)
    assert list(kind.needs(it)) == []


def test_the_state_with_management_events_is_put_back_as_it_was(accounts: TwoAccounts) -> None:
    kind = Rule()
    legacy = accounts.one(kind, "default/nightly")
    other = legacy.facts | {"state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "description": "all"}
    it = kind.typed(Resource(legacy.ref, legacy.arn, {}, None, None, other))

    (request,) = kind.action("stop_legacy").requests(it, place(kind, legacy))

    assert request.undo is not None
    check_request(request.undo.operation, request.undo.params)
    assert request.undo.side == "legacy"
    assert request.undo.params["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert request.undo.params["ScheduleExpression"] == "cron(15 2 * * ? *)"


def test_a_rule_needs_what_it_triggers_and_the_role_it_takes(accounts: TwoAccounts) -> None:
    kind = Rule()

    needs = {need.on: need.strength for need in kind.needs(kind.typed(accounts.one(kind, "default/nightly")))}

    assert needs == {
        FUNCTION: "cut",
        f"arn:aws:ecs:{REGION}:{LEGACY}:cluster/shop": "cut",
        f"arn:aws:iam::{LEGACY}:role/events": "hard",
        f"arn:aws:ecs:{REGION}:{LEGACY}:task-definition/nightly:1": "cut",
    }


def test_a_bus_arrives_with_its_policy_and_goes_again(accounts: TwoAccounts) -> None:
    kind = EventBus()
    legacy = accounts.one(kind, "orders")

    sent = accounts.do(kind, legacy, "create", "configure")

    target = accounts.one(kind, "orders", "target")
    assert target.facts == accounts.expected(kind, legacy)
    assert f"arn:aws:iam::{TARGET}:root" in str(target.facts["policy"])
    assert target.tags == place(kind, legacy).stamp({"team": "shop"})
    accounts.undo(legacy, sent)
    assert accounts.scan(kind, "target") == {}


def test_of_the_default_bus_only_the_policy_moves(accounts: TwoAccounts) -> None:
    accounts.legacy.client("events").put_permission(
        StatementId="partner", Action="events:PutEvents", Principal="999988887777"
    )
    kind = EventBus()
    legacy = accounts.one(kind, "default")

    created = accounts.do(kind, legacy, "create")
    accounts.do(kind, legacy, "configure")

    assert [request.operation in kind.reads for request in created] == [True]
    assert accounts.one(kind, "default", "target").facts == accounts.expected(kind, legacy)


def test_a_partners_bus_is_reported_and_not_moved(accounts: TwoAccounts) -> None:
    kind = EventBus()
    legacy = accounts.one(kind, "orders")
    name = "aws.partner/example.com/orders"
    it = kind.typed(Resource(legacy.ref._replace(name=name), legacy.arn, {}, None, None, legacy.facts))

    assert not any(action.applies(it) for action in kind.actions)
    assert "partner" in kind.manual
