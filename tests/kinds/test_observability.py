"""Alarms, filters, dashboards: what rings is silent until the cut-over, and each log event has one owner.

PutCompositeAlarm is not in moto 5.2.5: composite alarms are checked against AWS's shapes and a site that only answers.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import Kind, same_place
from migrate.kinds.cloudwatch_alarm import Alarm, CompositeAlarm, LogAlarm
from migrate.kinds.logs_log_group import LogGroup
from migrate.kinds.logs_metric_filter import MetricFilter
from migrate.kinds.logs_resource_policy import ResourcePolicy
from migrate.kinds.logs_subscription_filter import SubscriptionFilter
from migrate.names import Ref
from tests.kinds.plain_site import PlainSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

ALARM, COMPOSITE = Alarm(), CompositeAlarm()
TOPIC = f"arn:aws:sns:{REGION}:{LEGACY}:alarms"


class Answers(PlainSite):
    """A site of one answer, whatever is asked."""

    def __init__(self, kind: Kind[Any], answer: dict[str, Any], account: str = LEGACY) -> None:
        super().__init__(None, account, REGION, kind.reads)
        self.answer = answer

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.answer if operation == "cloudwatch.DescribeAlarms" else {}

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        names = params.get("AlarmNames")
        yield from (one for one in self.answer.get(key, ()) if names is None or one["AlarmName"] in names)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def put(world: TwoSides, name: str, dimensions: dict[str, str] | None = None, **more: Any) -> Resource | None:
    made: dict[str, Any] = {
        "AlarmName": name,
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": key, "Value": value} for key, value in (dimensions or {}).items()],
    }
    world.client("legacy", "cloudwatch").put_metric_alarm(**made | more)
    return world.scan(ALARM, only=name).get(name)


def alarm(world: TwoSides, *args: Any, **more: Any) -> Resource:
    found = put(world, *args, **more)
    assert found is not None
    return found


def watched(resource: Resource) -> set[Ref | str]:
    return {need.on for need in ALARM.needs(ALARM.typed(resource))}


def test_an_alarm_is_silent_in_the_target_until_it_is_started(world: TwoSides) -> None:
    deep = alarm(world, "deep", {"QueueName": "jobs"}, AlarmActions=[TOPIC])
    world.move(ALARM, deep, "create")

    (made,) = world.client("target", "cloudwatch").describe_alarms()["MetricAlarms"]
    assert made["ActionsEnabled"] is False
    assert world.differences(ALARM, deep, "create") == {}

    world.move(ALARM, deep, "start")

    assert world.differences(ALARM, deep, "create", "start") == {}
    assert ALARM.action("start").phase == "cutover"
    (left,) = world.client("legacy", "cloudwatch").describe_alarms()["MetricAlarms"]
    assert left["ActionsEnabled"] is True


def test_an_alarm_that_is_silent_in_legacy_is_never_started(world: TwoSides) -> None:
    silent = alarm(world, "silent", ActionsEnabled=False)

    assert not ALARM.action("start").applies(ALARM.typed(silent))
    world.move(ALARM, silent)
    assert world.differences(ALARM, silent, "create") == {}


def test_alarms_of_target_tracking_come_with_their_policies(world: TwoSides) -> None:
    assert put(world, "TargetTracking-service/shop/web-AlarmHigh-1") is None
    assert world.scan(ALARM) == {}


def test_an_alarm_needs_what_it_watches_and_what_it_rings(world: TwoSides) -> None:
    queue = alarm(world, "queue", {"QueueName": "jobs"}, AlarmActions=[TOPIC, f"arn:aws:automate:{REGION}:ec2:stop"])
    service = alarm(world, "service", {"ClusterName": "shop", "ServiceName": "web"}, Namespace="AWS/ECS")
    own = alarm(world, "own", {"QueueName": "jobs"}, Namespace="Shop")
    label = "app/shop/0123456789abcdef"
    balancer = alarm(world, "balancer", {"LoadBalancer": label}, Namespace="AWS/ApplicationELB")

    it = ALARM.typed(queue)
    assert watched(queue) == {TOPIC, same_place(it, "sqs.queue", "jobs")}
    assert watched(service) == {same_place(it, "ecs.service", "shop/web")}
    assert watched(own) == set()
    (need,) = ALARM.needs(ALARM.typed(balancer))
    assert (need.on, need.strength) == (label, "hard")


def test_metric_mathematics_arrives_with_its_dimensions(world: TwoSides) -> None:
    metric = {"Namespace": "AWS/SQS", "MetricName": "Age", "Dimensions": [{"Name": "QueueName", "Value": "jobs"}]}
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 / 60", "Label": "minutes", "ReturnData": True},
    ]
    world.client("legacy", "cloudwatch").put_metric_alarm(
        AlarmName="old",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )
    old = world.scan(ALARM)["old"]

    assert old.facts["metrics"][0]["MetricStat"]["Metric"]["Dimensions"] == {"QueueName": "jobs"}
    assert watched(old) == {same_place(ALARM.typed(old), "sqs.queue", "jobs")}
    world.move(ALARM, old)
    assert dict(world.sent)["cloudwatch.PutMetricAlarm"]["Metrics"] == queries
    assert world.differences(ALARM, old, "create", "start") == {}


def composite(**more: Any) -> dict[str, Any]:
    return {
        "AlarmName": "bad",
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{LEGACY}:alarm:bad",
        "AlarmDescription": "all is bad",
        "AlarmRule": f'ALARM("deep") AND NOT OK(arn:aws:cloudwatch:{REGION}:{LEGACY}:alarm:slow)',
        "ActionsEnabled": True,
        "AlarmActions": [TOPIC],
        "ActionsSuppressor": "quiet",
        "ActionsSuppressorWaitPeriod": 60,
        "ActionsSuppressorExtensionPeriod": 30,
        "StateValue": "OK",
    } | more


def test_a_composite_alarm_comes_after_the_alarms_of_its_rule(world: TwoSides) -> None:
    site = Answers(COMPOSITE, {"CompositeAlarms": [composite()]})
    (bad,) = COMPOSITE.scan(site)

    needed = {need.on: need.strength for need in COMPOSITE.needs(COMPOSITE.typed(bad))}
    arn = f"arn:aws:cloudwatch:{REGION}:{LEGACY}:alarm:"
    assert needed == {TOPIC: "soft", f"{arn}deep": "hard", f"{arn}slow": "hard", f"{arn}quiet": "hard"}
    assert list(COMPOSITE.scan(site, only="absent")) == []


def test_a_composite_alarm_is_put_silent_and_shows_the_same(world: TwoSides) -> None:
    slow = alarm(world, "slow")
    world.move(ALARM, slow)
    (bad,) = COMPOSITE.scan(Answers(COMPOSITE, {"CompositeAlarms": [composite()]}))
    world.kinds[COMPOSITE.name], world.resources[str(bad.ref)] = COMPOSITE, bad

    ((create, made),) = world.planned(COMPOSITE, bad, "create")
    ((start, _),) = world.planned(COMPOSITE, bad, "start")

    assert (create.operation, made["ActionsEnabled"]) == ("cloudwatch.PutCompositeAlarm", False)
    assert made["AlarmRule"] == f'ALARM("deep") AND NOT OK(arn:aws:cloudwatch:{REGION}:{TARGET}:alarm:slow)'
    assert start.operation == "cloudwatch.EnableAlarmActions"
    shown = made | {"AlarmArn": f"arn:aws:cloudwatch:{REGION}:{TARGET}:alarm:bad"}
    (found,) = COMPOSITE.scan(Answers(COMPOSITE, {"CompositeAlarms": [shown]}, TARGET))
    expected = COMPOSITE.expected(world.renamed(bad.facts), frozenset({"create"}), COMPOSITE.typed(bad))
    assert found.facts == expected
    assert expected != COMPOSITE.expected(world.renamed(bad.facts), frozenset({"start"}), COMPOSITE.typed(bad))


def test_a_log_alarm_is_reported_with_what_a_person_does() -> None:
    kind = LogAlarm()
    arn = f"arn:aws:cloudwatch:{REGION}:{LEGACY}:alarm:errors"
    (found,) = kind.scan(Answers(kind, {"LogAlarms": [{"AlarmName": "errors", "AlarmArn": arn}]}))

    assert (found.ref.name, found.arn) == ("errors", arn)
    assert "PutLogAlarm" in kind.manual


@pytest.fixture
def groups(world: TwoSides) -> TwoSides:
    logs = world.client("legacy", "logs")
    transformation = {"metricName": "errors", "metricNamespace": "Shop", "metricValue": "1", "defaultValue": 0.0}
    for name in ("/shop/web", "/shop/worker"):
        logs.create_log_group(logGroupName=name)
        for filter_name in ("errors", "errors of others"):
            logs.put_metric_filter(
                logGroupName=name, filterName=filter_name, filterPattern="", metricTransformations=[transformation]
            )
    for side in ("legacy", "target"):
        world.client(side, "kinesis").create_stream(StreamName="logs", ShardCount=1)
    stream = f"arn:aws:kinesis:{REGION}:{LEGACY}:stream/logs"
    logs.put_subscription_filter(logGroupName="/shop/web", filterName="all", filterPattern="", destinationArn=stream)
    return world


@pytest.mark.parametrize(
    ("kind", "name"), [(MetricFilter(), "/shop/web:errors"), (SubscriptionFilter(), "/shop/web:all")]
)
def test_a_filter_is_read_alone_as_among_others_and_lies_in_its_group(
    groups: TwoSides, kind: Kind[Any], name: str
) -> None:
    found = groups.scan(kind)[name]

    assert groups.scan(kind, only=name) == {name: found}
    for absent in ("/shop/web:absent", "/absent:errors", "errors"):
        assert groups.scan(kind, only=absent) == {}
    need = next(iter(kind.needs(kind.typed(found))))
    assert (need.on, need.why, need.strength) == (
        same_place(kind.typed(found), "logs.log_group", "/shop/web"), "in", "hard"
    )  # fmt: skip


def test_a_filter_of_everything_is_sent_with_its_empty_pattern_and_its_default(groups: TwoSides) -> None:
    kind = MetricFilter()
    ((_, params),) = groups.planned(kind, groups.scan(kind)["/shop/worker:errors of others"], "create")

    assert (params["filterPattern"], params["filterName"]) == ("", "errors of others")
    assert params["metricTransformations"][0]["defaultValue"] == 0.0


def test_each_event_is_handed_on_by_one_account(groups: TwoSides) -> None:
    kind = SubscriptionFilter()
    groups.move(LogGroup(), groups.scan(LogGroup())["/shop/web"])
    subscription = groups.scan(kind)["/shop/web:all"]
    groups.move(kind, subscription)

    for side, account in (("legacy", LEGACY), ("target", TARGET)):
        client: Any = groups.client(side, "logs")  # type: ignore[arg-type]
        (there,) = client.describe_subscription_filters(logGroupName="/shop/web")["subscriptionFilters"]
        assert there["destinationArn"] == f"arn:aws:kinesis:{REGION}:{account}:stream/logs"
    assert [action.legacy_after(kind.typed(subscription)) for action in kind.actions] == [None]


def test_the_policy_that_log_delivery_keeps_is_not_moved(world: TwoSides) -> None:
    kind = ResourcePolicy()
    world.client("legacy", "logs").put_resource_policy(
        policyName="AWSLogDeliveryWrite20150319", policyDocument='{"Version": "2012-10-17", "Statement": []}'
    )
    (kept,) = world.scan(kind).values()

    assert not kind.action("create").applies(kind.typed(kept))
    assert world.scan(kind, only="absent") == {}
