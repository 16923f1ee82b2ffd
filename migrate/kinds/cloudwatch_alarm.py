"""Alarms: made with their actions switched off, switched on at cut-over. The rule: what does not run yet rings
nobody, and legacy's alarms go on watching what legacy still runs.

Metrics themselves stay where they were written; an alarm in the target starts without history.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, same_place, tag_pairs

GONE = ("ResourceNotFound", "ResourceNotFoundException")
OF_AWS = "TargetTracking-"
"""Application Auto Scaling makes and removes these itself, with each target tracking policy. Source: Application Auto
Scaling User Guide, target tracking scaling policies, read 2026-11; unverified."""
SETTINGS = (
    "ActionConfiguration",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "EvaluateLowSampleCountPercentile",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationPeriods",
    "EvaluationWindow",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
    "ThresholdMetricId",
    "TreatMissingData",
    "Unit",
    "WarmUpConfiguration",
)
"""Source: cloudwatch.PutMetricAlarm, botocore 1.44.5."""
ACTIONS = {
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "insufficient_data_actions": "InsufficientDataActions",
}
NAMED_BY = {
    "BucketName": "s3.bucket",
    "ClusterName": "ecs.cluster",
    "DBInstanceIdentifier": "rds.instance",
    "FunctionName": "lambda.function",
    "LogGroupName": "logs.log_group",
    "QueueName": "sqs.queue",
    "RepositoryName": "ecr.repository",
    "TopicName": "sns.topic",
}
"""Dimensions of AWS's own metrics that are the plain name of something. Source: the services' lists of CloudWatch
dimensions, read 2026-11; unverified."""
BY_ARN_END = frozenset({"LoadBalancer", "TargetGroup"})
"""Dimensions that are the end of an ARN."""


CHILD = re.compile(r"""\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"((?:[^"\\]|\\.)+)"|'([^']+)'|([^\s)]+))\s*\)""")
"""Source: cloudwatch.PutCompositeAlarm AlarmRule, botocore 1.44.5."""
SUPPRESSION = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")


class RingingFacts(Facts):
    """What every alarm has. Source: cloudwatch.DescribeAlarms, cloudwatch.ListTagsForResource."""

    description: str | None
    actions_enabled: bool
    alarm_actions: list[str]
    ok_actions: list[str]
    insufficient_data_actions: list[str]


class AlarmFacts(RingingFacts):
    """Source: cloudwatch.DescribeAlarms, cloudwatch.ListTagsForResource."""

    dimensions: dict[str, str]
    metrics: list[dict[str, Json]]
    """For metric mathematics, as PutMetricAlarm takes them, but for dimensions as a dict."""
    settings: dict[str, Json]
    """Everything else, by the name that cloudwatch.PutMetricAlarm gives it."""


class CompositeFacts(RingingFacts):
    """Source: cloudwatch.DescribeAlarms, cloudwatch.ListTagsForResource."""

    rule: str
    settings: dict[str, Json]
    """Everything else, by the name that cloudwatch.PutCompositeAlarm gives it."""

    @property
    def children(self) -> list[str]:
        """Names or ARNs of the alarms that its rule is made of, and of the one that silences it."""
        found = {next(filter(None, groups)) for groups in CHILD.findall(self.rule)}
        suppressor = self.settings.get("ActionsSuppressor")
        return sorted(found | ({str(suppressor)} if suppressor else set()))


class LogAlarmFacts(Facts):
    """Source: cloudwatch.DescribeAlarms."""

    description: str | None


def _ringing(it: It[Any], place: Place) -> dict[str, Json]:
    made: dict[str, Json] = {
        "AlarmName": place.name,
        "ActionsEnabled": False,
        "Tags": tag_pairs(place.stamp(it.tags)),
        **it.facts.settings,
    }
    for field, parameter in ACTIONS.items():
        if getattr(it.facts, field):
            made[parameter] = getattr(it.facts, field)
    return made | ({"AlarmDescription": it.facts.description} if it.facts.description else {})


def _put(operation: str, made: dict[str, Json], place: Place) -> Request:
    undo = Request("cloudwatch.DeleteAlarms", {"AlarmNames": [place.name]}, done=GONE)
    return Request(operation, made, once="named", creates=True, undo=undo)


class Create(Action[AlarmFacts]):
    """The alarm, with its actions off."""

    name = "create"
    title = "Create the alarm, its actions switched off"

    def requests(self, it: It[AlarmFacts], place: Place) -> Sequence[Request]:
        made = _ringing(it, place)
        if it.facts.dimensions:
            made["Dimensions"] = _pairs(it.facts.dimensions)
        if it.facts.metrics:
            made["Metrics"] = [_metric(metric, _pairs) for metric in it.facts.metrics]
        return [_put("cloudwatch.PutMetricAlarm", made, place)]


class CreateComposite(Action[CompositeFacts]):
    """The alarm, with its actions off; the alarms of its rule stand before."""

    name = "create"
    title = "Create the composite alarm, its actions switched off"

    def requests(self, it: It[CompositeFacts], place: Place) -> Sequence[Request]:
        return [_put("cloudwatch.PutCompositeAlarm", _ringing(it, place) | {"AlarmRule": it.facts.rule}, place)]


class Start(Action[RingingFacts]):
    """Its actions on, where they are in legacy."""

    name = "start"
    title = "Switch the alarm's actions on"
    phase = "cutover"
    # Before its services run it would ring for each of them.
    after_kinds = ("ecs.service.start",)

    def applies(self, it: It[RingingFacts]) -> bool:
        return it.facts.actions_enabled

    def requests(self, it: It[RingingFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"AlarmNames": [place.name]}
        undo = Request("cloudwatch.DisableAlarmActions", own, done=GONE)
        return [Request("cloudwatch.EnableAlarmActions", own, undo=undo)]


class Alarm(Kind[AlarmFacts]):
    """A metric alarm.

    Its history and the metrics that it has seen stay in legacy. Legacy's own alarm is left as it is: it watches
    legacy's metrics, and rings when those end where missing data counts as breaching. Alarms of target tracking
    policies (`TargetTracking-…`) come with the policies and are not in the inventory. An anomaly detection model is
    not carried: it learns anew. A load balancer or target group in a metric search expression is not renamed.
    """

    name = "cloudwatch.alarm"
    title = "Metric alarm"
    facts = AlarmFacts
    reads = frozenset({"cloudwatch.DescribeAlarms", "cloudwatch.ListTagsForResource"})
    tagging_types = ("cloudwatch:alarm",)
    unordered = frozenset(ACTIONS)
    actions = (Create(), Start())
    left_out: ClassVar[Mapping[str, str]] = {
        "StateValue, StateReason": "the state of the day; a new alarm starts at INSUFFICIENT_DATA",
        "EvaluationState": "how the last evaluation went",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = _listed(site, "MetricAlarm", only)
        for alarm, tags in zip(found, site.map(lambda alarm: tags_of(site, alarm["AlarmArn"]), found), strict=True):
            yield self.found(site, alarm["AlarmName"], _facts(alarm), arn=alarm["AlarmArn"], tags=tags)

    def needs(self, it: It[AlarmFacts]) -> Iterator[Need]:
        yield from _rings(it, "MetricAlarms")
        watched = [("MetricAlarms[].Dimensions[]", it.facts.dimensions, it.facts.settings.get("Namespace"))]
        for metric in it.facts.metrics:
            of = (metric.get("MetricStat") or {}).get("Metric") or {}
            watched.append(("MetricAlarms[].Metrics[]", of.get("Dimensions") or {}, of.get("Namespace")))
        for where, dimensions, namespace in watched:
            if str(namespace).startswith("AWS/"):
                yield from _watched(it, dimensions, f"cloudwatch.DescribeAlarms {where}")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[AlarmFacts]) -> dict[str, Json]:
        return _once_started(facts, done)


class CompositeAlarm(Kind[CompositeFacts]):
    """An alarm over other alarms. The alarms of its rule keep their names, or are named by their ARN."""

    name = "cloudwatch.composite_alarm"
    title = "Composite alarm"
    facts = CompositeFacts
    reads = frozenset({"cloudwatch.DescribeAlarms", "cloudwatch.ListTagsForResource"})
    tagging_types = ("cloudwatch:alarm",)
    unordered = frozenset(ACTIONS)
    actions = (CreateComposite(), Start())
    left_out: ClassVar[Mapping[str, str]] = {"StateValue, ActionsSuppressedBy": "the state of the day"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = _listed(site, "CompositeAlarm", only)
        for alarm, tags in zip(found, site.map(lambda alarm: tags_of(site, alarm["AlarmArn"]), found), strict=True):
            facts = CompositeFacts(
                **_shared(alarm),
                rule=alarm["AlarmRule"],
                settings={name: alarm[name] for name in (*SUPPRESSION, "ActionConfiguration") if alarm.get(name)},
            )
            yield self.found(site, alarm["AlarmName"], facts, arn=alarm["AlarmArn"], tags=tags)

    def needs(self, it: It[CompositeFacts]) -> Iterator[Need]:
        yield from _rings(it, "CompositeAlarms")
        for child in it.facts.children:
            # By its ARN: only that says nothing about whether it is a metric's alarm or again one over others.
            arn = child if child.startswith("arn:") else it.arn.removesuffix(it.ref.name) + child
            yield Need(arn, "reads", "hard", "cloudwatch.DescribeAlarms CompositeAlarms[].AlarmRule")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[CompositeFacts]) -> dict[str, Json]:
        return _once_started(facts, done)


class LogAlarm(Kind[LogAlarmFacts]):
    """An alarm on what a scheduled query of logs counts."""

    name = "cloudwatch.log_alarm"
    title = "Log alarm"
    facts = LogAlarmFacts
    reads = frozenset({"cloudwatch.DescribeAlarms"})
    tagging_types = ("cloudwatch:alarm",)
    manual = (
        "Read it (cloudwatch.DescribeAlarms, AlarmTypes LogAlarm), put it in the target (cloudwatch.PutLogAlarm) with "
        "the target's log groups, role and topics, its actions off until the cut-over."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for alarm in _listed(site, "LogAlarm", only):
            facts = LogAlarmFacts(description=alarm.get("AlarmDescription") or None)
            yield self.found(site, alarm["AlarmName"], facts, arn=alarm["AlarmArn"])


def _listed(site: ReadSite, sort: str, only: str | None) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {"AlarmNames": [only]} if only else {"MaxRecords": 100}
    return [
        alarm
        for alarm in site.pages("cloudwatch.DescribeAlarms", f"{sort}s", AlarmTypes=[sort], **wanted)
        if not alarm["AlarmName"].startswith(OF_AWS)
    ]


def _rings(it: It[Any], key: str) -> Iterator[Need]:
    for field, parameter in ACTIONS.items():
        for action in getattr(it.facts, field):
            # An action of AWS itself (`ec2:stop`) or of another account is nothing that could be found.
            if action.startswith("arn:") and f":{it.ref.account}:" in action:
                yield Need(action, "triggers", "soft", f"cloudwatch.DescribeAlarms {key}[].{parameter}[]")


def _once_started(facts: dict[str, Json], done: frozenset[str]) -> dict[str, Json]:
    ordered = {field: sorted(facts[field], key=str) for field in ACTIONS}
    return facts | ordered | ({} if "start" in done else {"actions_enabled": False})


def _shared(alarm: Mapping[str, Any]) -> dict[str, Any]:
    actions = {field: sorted(alarm.get(parameter) or ()) for field, parameter in ACTIONS.items()}
    enabled = bool(alarm.get("ActionsEnabled"))
    return {"description": alarm.get("AlarmDescription") or None, "actions_enabled": enabled, **actions}


def tags_of(site: ReadSite, arn: str) -> dict[str, str]:
    """The tags of an alarm."""
    answer = site.optional("cloudwatch.ListTagsForResource", missing=GONE, ResourceARN=arn) or {}
    return pair_tags(answer.get("Tags"))


def _watched(it: It[AlarmFacts], dimensions: Mapping[str, str], seen_in: str) -> Iterator[Need]:
    for name, value in sorted(dimensions.items()):
        where = f"{seen_in}.{name}"
        if name in BY_ARN_END:
            # Hard: without its new end the alarm would watch a load balancer that is not there, and never ring.
            yield Need(value, "names", "hard", where)
        elif name == "ServiceName" and "ClusterName" in dimensions:
            service = f"{dimensions['ClusterName']}/{value}"
            yield Need(same_place(it, "ecs.service", service), "names", "soft", where)
        elif name in NAMED_BY and not (name == "ClusterName" and "ServiceName" in dimensions):
            yield Need(same_place(it, NAMED_BY[name], value), "names", "soft", where)


def _facts(alarm: Mapping[str, Any]) -> AlarmFacts:
    return AlarmFacts(
        **_shared(alarm),
        dimensions={one["Name"]: one["Value"] for one in alarm.get("Dimensions") or ()},
        metrics=[
            _metric(metric, lambda pairs: {one["Name"]: one["Value"] for one in pairs})
            for metric in alarm.get("Metrics") or ()
        ],
        settings={name: alarm[name] for name in SETTINGS if alarm.get(name) not in (None, "", [], {})},
    )


def _metric(metric: Mapping[str, Any], change: Any) -> dict[str, Json]:
    """A query of metric mathematics with its dimensions in the other form."""
    changed = {key: metric[key] for key in sorted(metric) if metric[key] not in (None, "", [], {})}
    statistic = changed.get("MetricStat")
    if statistic:
        of = {key: value for key, value in statistic["Metric"].items() if value not in (None, "", [], {})}
        if "Dimensions" in of:
            of["Dimensions"] = change(of["Dimensions"])
        changed["MetricStat"] = {key: value for key, value in statistic.items() if value not in (None, "")} | {
            "Metric": of
        }
    return changed


def _pairs(dimensions: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": dimensions[name]} for name in sorted(dimensions)]


KINDS = (Alarm(), CompositeAlarm(), LogAlarm())
