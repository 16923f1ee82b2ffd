"""What watches a shop: alarms on a queue and a load balancer, a dashboard, and what is drawn from a log group."""

import json
from typing import Any

from migrate.inventory import Resource
from migrate.values import Json
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

ALARM = "shop web is slow/ä"
GROUP = "/shop/web"
TOPIC = f"arn:aws:sns:{REGION}:{LEGACY}:alarms"
OTHER_TOPIC = f"arn:aws:sns:{REGION}:{TARGET}:others"


def a_topic(world: TwoSides) -> str:
    world.client("legacy", "sns").create_topic(Name="alarms")
    needed.moved(world, "sns.topic", "alarms")
    return TOPIC


def a_group(world: TwoSides) -> None:
    world.client("legacy", "logs").create_log_group(logGroupName=GROUP)
    needed.moved(world, "logs.log_group", GROUP)


def a_balancer(world: TwoSides) -> str:
    """The end of its legacy ARN."""
    network = ground.a_network(world)
    made = world.client("legacy", "elbv2").create_load_balancer(Name="shop", Subnets=list(network.subnets))
    needed.moved(world, "elbv2.load_balancer", "shop")
    ground.looked_at(world, "elbv2.load_balancer", "shop")
    return str(made["LoadBalancers"][0]["LoadBalancerArn"]).partition(":loadbalancer/")[2]


def an_alarm(world: TwoSides) -> Resource:
    topic, balancer = a_topic(world), a_balancer(world)
    world.client("legacy", "cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        AlarmDescription="the web is slow",
        ActionsEnabled=True,
        AlarmActions=[topic, "arn:aws:automate:eu-west-1:ec2:reboot"],
        OKActions=[topic],
        InsufficientDataActions=[topic],
        Namespace="AWS/ApplicationELB",
        MetricName="TargetResponseTime",
        ExtendedStatistic="p99",
        EvaluateLowSampleCountPercentile="ignore",
        Dimensions=[{"Name": "LoadBalancer", "Value": balancer}],
        Period=300,
        Unit="Seconds",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=1.5,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="breaching",
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "cloudwatch.alarm", ALARM)


def alarm(**params: Any) -> Change:
    """The alarm put again, all but `params` as it was."""

    def change(world: TwoSides, it: Resource) -> None:
        facts = it.facts
        same: dict[str, Json] = {
            "AlarmName": it.ref.name,
            "AlarmDescription": facts["description"],
            "ActionsEnabled": facts["actions_enabled"],
            "AlarmActions": facts["alarm_actions"],
            "OKActions": facts["ok_actions"],
            "InsufficientDataActions": facts["insufficient_data_actions"],
            "Dimensions": [{"Name": name, "Value": value} for name, value in facts["dimensions"].items()],
            **facts["settings"],
        }
        world.client("target", "cloudwatch").put_metric_alarm(**same | params)

    return change


def alarm_on_mathematics(world: TwoSides, it: Resource) -> None:
    query = {"Id": "e1", "Expression": "1 + 1", "Label": "two", "ReturnData": True, "Period": 60}
    world.client("target", "cloudwatch").put_metric_alarm(
        AlarmName=it.ref.name, Metrics=[query], EvaluationPeriods=1, ComparisonOperator="LessThanThreshold", Threshold=1
    )


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "cloudwatch").tag_resource(ResourceARN=it.arn, Tags=needed.OTHER_PAIRS)


def a_metric_filter(world: TwoSides) -> Resource:
    a_group(world)
    world.client("legacy", "logs").put_metric_filter(
        logGroupName=GROUP,
        filterName="slow requests",
        filterPattern="{ $.seconds > 1 }",
        metricTransformations=[
            {"metricName": "slow", "metricNamespace": "Shop", "metricValue": "$.seconds", "unit": "Seconds"}
        ],
    )
    return needed.scanned(world, "logs.metric_filter", f"{GROUP}:slow requests")


def metric_filter(**params: Any) -> Change:
    """The filter made again: moto 5.2.5 keeps the old one where it is put over."""

    def change(world: TwoSides, it: Resource) -> None:
        same = {"filterPattern": it.facts["pattern"], "metricTransformations": it.facts["transformations"]}
        logs, own = world.client("target", "logs"), {"logGroupName": GROUP, "filterName": "slow requests"}
        logs.delete_metric_filter(**own)
        logs.put_metric_filter(**own, **same | params)

    return change


def a_stream(world: TwoSides, side: Any, name: str = "events") -> str:
    kinesis = world.client(side, "kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    return str(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"])


def a_subscription(world: TwoSides) -> Resource:
    a_group(world)
    role = needed.a_role(world, "logs", "logs.amazonaws.com")
    # No kind of ours: only that its name is rewritten counts.
    a_stream(world, "target")
    world.client("legacy", "logs").put_subscription_filter(
        logGroupName=GROUP,
        filterName="to events",
        filterPattern="ERROR",
        destinationArn=a_stream(world, "legacy"),
        roleArn=role,
        distribution="Random",
    )
    return needed.scanned(world, "logs.subscription_filter", f"{GROUP}:to events")


def subscription(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        same = {
            "filterPattern": it.facts["pattern"],
            "destinationArn": it.facts["destination_arn"],
            "roleArn": it.facts["role_arn"],
        }
        world.client("target", "logs").put_subscription_filter(
            logGroupName=GROUP, filterName="to events", **same | params
        )

    return change


def subscription_elsewhere(world: TwoSides, it: Resource) -> None:
    subscription(destinationArn=a_stream(world, "target", "others"))(world, it)


DASHBOARD = "shop-web"


def body(balancer: str) -> str:
    metric = ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", balancer, {"accountId": LEGACY, "stat": "Sum"}]
    widget = {"type": "metric", "width": 12, "properties": {"region": REGION, "metrics": [metric], "title": "requests"}}
    alarms = {"type": "alarm", "properties": {"alarms": [f"arn:aws:cloudwatch:{REGION}:{LEGACY}:alarm:{ALARM}"]}}
    return json.dumps({"start": "-PT6H", "widgets": [widget, alarms]}, indent=2)


def a_dashboard(world: TwoSides) -> Resource:
    needed.moved(world, "cloudwatch.alarm", an_alarm(world).ref.name)
    (balancer,) = world.client("legacy", "elbv2").describe_load_balancers(Names=["shop"])["LoadBalancers"]
    label = balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
    world.client("legacy", "cloudwatch").put_dashboard(DashboardName=DASHBOARD, DashboardBody=body(label))
    return needed.scanned(world, "cloudwatch.dashboard", DASHBOARD)


def dashboard_changed(world: TwoSides, it: Resource) -> None:
    world.client("target", "cloudwatch").put_dashboard(DashboardName=DASHBOARD, DashboardBody=body("app/others/1"))


POLICY = "let-route53-log"


def route53_logs(account: str, group: str) -> str:
    arn = f"arn:aws:logs:{REGION}:{account}:log-group:{group}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "route53.amazonaws.com"},
        "Action": ["logs:PutLogEvents", "logs:CreateLogStream"],
        "Resource": [f"{arn}:*", arn],
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def a_resource_policy(world: TwoSides) -> Resource:
    a_group(world)
    document = route53_logs(LEGACY, GROUP)
    world.client("legacy", "logs").put_resource_policy(policyName=POLICY, policyDocument=document)
    return needed.scanned(world, "logs.resource_policy", POLICY)


def resource_policy_changed(world: TwoSides, it: Resource) -> None:
    document = route53_logs(TARGET, "/others")
    world.client("target", "logs").put_resource_policy(policyName=POLICY, policyDocument=document)


NOT_IN_MOTO = "moto 5.2.5 takes it and does not show it again"

EXAMPLES: tuple[Example, ...] = (
    Example(
        "cloudwatch.alarm",
        an_alarm,
        {
            "description": alarm(AlarmDescription="others"),
            "actions_enabled": lambda world, it: world.client("target", "cloudwatch").disable_alarm_actions(
                AlarmNames=[it.ref.name]
            ),
            "alarm_actions": alarm(AlarmActions=[OTHER_TOPIC]),
            "ok_actions": alarm(OKActions=[]),
            "insufficient_data_actions": alarm(InsufficientDataActions=[OTHER_TOPIC]),
            "dimensions": alarm(Dimensions=[{"Name": "LoadBalancer", "Value": "app/other/1"}]),
            "settings": alarm(Threshold=2.5),
            "tags": tagged,
            "metrics": alarm_on_mathematics,
        },
    ),
    Example(
        "logs.metric_filter",
        a_metric_filter,
        {
            "pattern": metric_filter(filterPattern="ERROR"),
            "transformations": metric_filter(
                metricTransformations=[{"metricName": "slow", "metricNamespace": "Shop", "metricValue": "2"}]
            ),
        },
        fixed={
            "log_group": "it is part of the filter's name",
            "on_transformed": NOT_IN_MOTO,
            "selection": NOT_IN_MOTO,
            "system_fields": NOT_IN_MOTO,
        },
    ),
    Example(
        "logs.subscription_filter",
        a_subscription,
        {
            "pattern": subscription(filterPattern="WARN"),
            "destination_arn": subscription_elsewhere,
            "role_arn": subscription(roleArn=f"arn:aws:iam::{TARGET}:role/other"),
        },
        fixed={
            "log_group": "it is part of the filter's name",
            "distribution": NOT_IN_MOTO,
            "on_transformed": NOT_IN_MOTO,
            "selection": NOT_IN_MOTO,
            "system_fields": NOT_IN_MOTO,
        },
    ),
    Example("cloudwatch.dashboard", a_dashboard, {"body": dashboard_changed}),
    Example("logs.resource_policy", a_resource_policy, {"document": resource_policy_changed}),
)
