"""Whether legacy's traffic has stopped: what each thing that was cut over is measured by, and what the figures say.

The rule: no data is not zero. For each metric it is known here what silence means, and where AWS does not say it, it
counts only where the same metric did speak before the cut-over. What nobody measures is never called quiet.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from migrate.inventory import Resource
from migrate.values import Json

Silence = Literal["quiet", "if it spoke before", "unknown"]
"""quiet: AWS publishes only what happens. if it spoke before: AWS does not say; where data came before the cut-over and
none since, it has stopped. unknown: AWS publishes zeros too, so silence means that nobody can see it."""

State = Literal["quiet", "still used", "could not be known"]

LAG_S = 900.0
"""How late a metric may be. Sooner than this after the cut-over silence says nothing; unverified, services publish each
minute and are shown some minutes later."""

READS = frozenset(
    {
        "cloudwatch.GetMetricData",
        "ec2.DescribeInstances",
        "ecs.DescribeServices",
        "s3.ListBucketMetricsConfigurations",
        "sqs.GetQueueAttributes",
    }
)
BATCH = 500
"""Queries of one call. Source: cloudwatch.GetMetricData, botocore 1.44.5."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One CloudWatch metric of one thing."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    silence: Silence
    statistic: Literal["Sum", "Maximum", "p95"] = "Sum"

    def query(self, number: int, period_s: int) -> dict[str, Json]:
        """As cloudwatch.GetMetricData takes it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.metric, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period_s, "Stat": self.statistic}
        return {"Id": f"m{number}", "MetricStat": stat, "ReturnData": True}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a meter showed, before the cut-over and since. Times are UTC seconds."""

    meter: Meter
    since: Mapping[float, float]
    spoke_before: bool
    unread: str = ""
    """Why it could not be read; empty: it was."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one thing."""

    ref: str
    state: State
    why: tuple[str, ...]
    last_used: float | None = None

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {"ref": self.ref, "state": self.state, "why": list(self.why), "last_used": self.last_used}


@dataclass
class Looked:
    """What was read about one thing besides its metrics: lines that say use, lines that say it could not be read."""

    used: list[str] = field(default_factory=list)
    still: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    meters: tuple[Meter, ...] = ()
    """Metrics that it has because somebody set them up."""


UNMEASURED: Mapping[str, str] = {
    "s3.bucket": "no request metrics of the whole bucket: switch them on some days before the cut-over (`aws s3api "
    "put-bucket-metrics-configuration --bucket NAME --id EntireBucket --metrics-configuration Id=EntireBucket`; billed "
    "as custom metrics), or look at its access logs",
}
"""What carries traffic and has no meter here, and where a person looks."""

LOOKED_AT = frozenset({"ecs.service", "ec2.instance"})
"""Read afresh instead of measured: what does not run is quiet."""


def meters(resource: Resource) -> tuple[Meter, ...]:
    """What AWS measures of it; nothing for what carries no traffic, or is not measured."""
    return tuple(_meters(resource))


def _meters(resource: Resource) -> Iterator[Meter]:
    kind, name = resource.ref.kind, resource.ref.name
    if kind == "elbv2.load_balancer":
        # Source: ELB user guides, CloudWatch metrics: "only when requests are flowing through"; read 2026-11.
        own = resource.arn.partition(":loadbalancer/")[2]
        sort = {"app": ("AWS/ApplicationELB", "RequestCount"), "net": ("AWS/NetworkELB", "NewFlowCount")}
        if own.partition("/")[0] in sort:
            yield Meter(*sort[own.partition("/")[0]], (("LoadBalancer", own),), "quiet")
    elif kind == "lambda.function":
        # Source: Lambda developer guide, Using CloudWatch metrics: sent when an event was processed; read 2026-11.
        yield Meter("AWS/Lambda", "Invocations", (("FunctionName", name),), "quiet")
    elif kind == "sqs.queue":
        # Source: SQS developer guide, Available CloudWatch metrics: "only when the queue is active"; read 2026-11.
        for metric in ("NumberOfMessagesSent", "NumberOfMessagesReceived"):
            yield Meter("AWS/SQS", metric, (("QueueName", name),), "quiet")
    elif kind == "dynamodb.table":
        # Source: DynamoDB developer guide, Metrics and dimensions: sent "when you interact with DynamoDB"; 2026-11.
        for metric in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"):
            yield Meter("AWS/DynamoDB", metric, (("TableName", name),), "quiet")
    elif kind == "kinesis.stream":
        # Source of the names: Kinesis developer guide, Monitoring with CloudWatch, read 2026-11: sent every minute; not
        # said whether without traffic too. Who polls an empty stream succeeds, so GetRecords.Success tells readers.
        for metric in ("IncomingRecords", "GetRecords.Success"):
            yield Meter("AWS/Kinesis", metric, (("StreamName", name),), "if it spoke before")
        for consumer in resource.facts.get("consumers") or ():
            # Same source: "only emitted when there's an active subscription".
            own_reader = (("StreamName", name), ("ConsumerName", str(consumer)))
            yield Meter("AWS/Kinesis", "SubscribeToShardEvent.Success", own_reader, "quiet")
    elif kind == "efs.file_system":
        # Source: EFS user guide, CloudWatch metrics, read 2026-11: the sum counts; not said what comes without clients.
        own_id = (("FileSystemId", name),)
        yield Meter("AWS/EFS", "ClientConnections", own_id, "if it spoke before")
    elif kind == "rds.cluster":
        # As below; the cluster's own metric counts all its members. Unverified that it is sent while nobody connects.
        yield Meter("AWS/RDS", "DatabaseConnections", (("DBClusterIdentifier", name),), "unknown", "Maximum")
    elif kind == "rds.instance":
        # Published each minute, zeros too, while the instance runs: unverified, so silence is never called quiet.
        own_name = (("DBInstanceIdentifier", name),)
        yield Meter("AWS/RDS", "DatabaseConnections", own_name, "unknown", "Maximum")
    elif kind == "apigatewayv2.api":
        yield Meter("AWS/ApiGateway", "Count", (("ApiId", str(resource.facts["id"])),), "if it spoke before")
    elif kind == "sns.topic":
        yield Meter("AWS/SNS", "NumberOfMessagesPublished", (("TopicName", name),), "if it spoke before")
    elif kind == "states.state_machine":
        yield Meter("AWS/States", "ExecutionsStarted", (("StateMachineArn", resource.arn),), "if it spoke before")


def request_meters(resource: Resource, configurations: Iterable[Mapping[str, Json]]) -> tuple[Meter, ...]:
    """What S3 counts of a bucket, by its metrics configurations as s3.ListBucketMetricsConfigurations lists them.

    Only one without a filter counts all requests. They are those for objects, delivered on a best-effort basis: one may
    be missing. Source: S3 User Guide, Metrics and dimensions, read 2026-11. What is published without requests: unsaid.
    """
    whole = [str(one["Id"]) for one in configurations if not one.get("Filter")]
    names = (("BucketName", resource.ref.name), ("FilterId", whole[0])) if whole else ()
    return (Meter("AWS/S3", "AllRequests", names, "if it spoke before"),) if whole else ()


def carries_traffic(resource: Resource) -> bool:
    """Whether somebody may use it: it has a verdict then."""
    kind = resource.ref.kind
    return kind in UNMEASURED or kind in LOOKED_AT or kind == "elbv2.load_balancer" or bool(meters(resource))


def judge(resource: Resource, measured: Sequence[Measured], looked: Looked, window_s: float) -> Verdict:
    """Put together what is known of one thing; one sign of use is enough, and one open question is one."""
    used, open_questions, quiet = list(looked.used), list(looked.unread), list(looked.still)
    last: float | None = None
    for one in measured:
        said = one.meter.metric
        busy = {at: value for at, value in one.since.items() if value > 0}
        if busy:
            last = max(busy) if last is None else max(last, *busy)
            total = max(busy.values()) if one.meter.statistic == "Maximum" else sum(busy.values())
            used.append(f"{said} {total:g}{' at most' if one.meter.statistic == 'Maximum' else ''}")
        elif one.unread:
            open_questions.append(f"{said}: {one.unread}")
        elif one.since:
            quiet.append(f"{said} 0")
        elif window_s < LAG_S:
            open_questions.append(f"{said}: no data, and the cut-over is too recent to say that this is none")
        elif one.meter.silence == "quiet":
            quiet.append(f"{said}: no data, which AWS publishes only with traffic")
        elif one.meter.silence == "if it spoke before" and one.spoke_before:
            quiet.append(f"{said}: had data before the cut-over and none since")
        else:
            open_questions.append(f"{said}: no data, which is not the same as none here")
    if not (measured or looked.unread) and resource.ref.kind not in LOOKED_AT:
        open_questions.append(UNMEASURED.get(resource.ref.kind, "AWS measures nothing of it that is read here"))
    if used:
        return Verdict(str(resource.ref), "still used", tuple(used), last)
    if open_questions:
        return Verdict(str(resource.ref), "could not be known", tuple(open_questions))
    return Verdict(str(resource.ref), "quiet", tuple(quiet))


def period_s(window_s: float) -> int:
    """The longest periods in which CloudWatch still keeps what happened so long ago: a minute's data for 15 days, five
    minutes' for 63, an hour's for 455. Source: CloudWatch user guide, Metrics retention; unverified."""
    for period, kept_s in ((60, 3 * 3600), (300, 62 * 86400)):
        if window_s <= kept_s:
            return period
    return 3600


def whole_periods(since: float, now: float, period: int) -> tuple[float, float]:
    """The first period that began after `since`, and the end of the one that is running."""
    return math.ceil(since / period) * period, math.ceil(now / period) * period


def batches(items: Iterable[tuple[str, Meter]]) -> Iterator[list[tuple[str, Meter]]]:
    """What one call may ask for."""
    listed = list(items)
    for at in range(0, len(listed), BATCH):
        yield listed[at : at + BATCH]
