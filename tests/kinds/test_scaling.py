"""Scaling of ECS services: suspended wherever its service must not start by itself."""

from collections.abc import Iterator

import pytest

from migrate.kinds.applicationautoscaling_policy import Policy
from migrate.kinds.applicationautoscaling_target import Target
from migrate.kinds.ecs_service import Service
from tests.kinds.by_hand import TwoAccounts, place, two_accounts
from tests.kinds.ecs_shop import SCALED, legacy_shop, moved_shop


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    with two_accounts(monkeypatch) as accounts:
        yield accounts


def test_scaling_arrives_suspended_and_is_resumed_at_the_cut_over(accounts: TwoAccounts) -> None:
    legacy = moved_shop(accounts)["applicationautoscaling.target"]
    kind = Target()

    before = accounts.one(kind, "service/shop/web", "target")
    started = accounts.do(kind, legacy, "start")
    after = accounts.one(kind, "service/shop/web", "target")

    assert all(before.facts["suspended"].values())
    assert before.facts == accounts.expected(kind, legacy)
    assert not any(after.facts["suspended"].values())
    assert after.facts == accounts.expected(kind, legacy, "start")
    accounts.undo(legacy, started)
    assert accounts.one(kind, "service/shop/web", "target").facts == before.facts


def test_scaling_in_legacy_is_suspended_before_the_service_stops_and_comes_back(accounts: TwoAccounts) -> None:
    legacy_shop(accounts)
    kind = Target()
    legacy = accounts.one(kind, "service/shop/web")

    sent = accounts.do(kind, legacy, "stop_legacy")

    changed = kind.action("stop_legacy").legacy_after(kind.typed(legacy))
    assert accounts.one(kind, "service/shop/web").facts == {**legacy.facts, **(changed or {})}
    assert "applicationautoscaling.target.stop_legacy" in Service().action("stop_legacy").after_kinds
    accounts.undo(legacy, sent)
    assert accounts.one(kind, "service/shop/web") == legacy


def test_scheduled_scaling_arrives(accounts: TwoAccounts) -> None:
    moved_shop(accounts)
    accounts.legacy.client("application-autoscaling").put_scheduled_action(
        **SCALED,
        ScheduledActionName="evening",
        Schedule="cron(0 20 * * ? *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2},
    )
    kind = Target()
    legacy = accounts.one(kind, "service/shop/web")

    accounts.do(kind, legacy, "create")

    target = accounts.one(kind, "service/shop/web", "target")
    assert target.facts == accounts.expected(kind, legacy)
    assert target.facts["scheduled"][0]["Timezone"] == "Europe/Berlin"


def test_a_scaling_policy_arrives_and_its_label_is_renamed_part_by_part(accounts: TwoAccounts) -> None:
    legacy = moved_shop(accounts)["applicationautoscaling.policy"]
    kind = Policy()

    (request,) = kind.action("create").requests(kind.typed(legacy), place(kind, legacy))

    metric = request.params["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert metric["ResourceLabel"] == {"$join": ["app/shop/0123456789abcdef", "/", "targetgroup/web/fedcba9876543210"]}
    assert [need.on for need in kind.needs(kind.typed(legacy))][1:] == metric["ResourceLabel"]["$join"][::2]
    target = accounts.one(kind, "service/shop/web/cpu", "target")
    assert target.facts == accounts.expected(kind, legacy)
    accounts.undo(legacy, [request])
    assert accounts.scan(kind, "target") == {}
