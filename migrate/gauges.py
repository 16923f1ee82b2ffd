"""What says of one thing that was cut over whether it does as well as before: its metrics in CloudWatch, by kind.

The rule: only what AWS measures without being asked to. What counts as bad is what AWS itself calls an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from migrate.quiet import Meter


@dataclass(frozen=True, slots=True)
class Gauge:
    """The metrics of one kind, under one dimension."""

    namespace: str
    dimension: str
    requests: str
    """How often it was asked."""
    counted: str
    """What that counts, for people."""
    errors: tuple[str, ...] = ()
    bad: str = ""
    """What these count, for people."""
    apart: tuple[str, ...] = ()
    """Those of `errors` that `requests` never holds."""
    time: str = ""
    """How long it takes. Empty: AWS does not measure it."""
    statistic: Literal["p95", "Maximum"] = "p95"
    time_words: str = "95 of 100 answers within"
    in_a_second: float = 1.0
    noticed_s: float = 0.05
    """Nobody notices a difference below this, however many times slower it is."""
    is_often_idle: bool = True
    """Where both sides were hardly asked and nothing is bad, nothing is wrong either: it is said and not waited for."""

    def meters(self, own: str) -> tuple[Meter, ...]:
        """What is read of one thing."""
        dimensions = ((self.dimension, own),)
        counts = tuple(Meter(self.namespace, name, dimensions, "quiet") for name in (self.requests, *self.errors))
        timed = (Meter(self.namespace, self.time, dimensions, "quiet", self.statistic),) if self.time else ()
        return (*counts, *timed)


BALANCER = Gauge(
    # All are sent while requests flow, the counts only where they are not zero. AWS does not count as requests those
    # for which no target was chosen, and they are errors. Source: ELB user guide, CloudWatch metrics for your
    # Application Load Balancer, read 2026-11.
    "AWS/ApplicationELB", "LoadBalancer", "RequestCount", "answers",
    ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"), "5xx", time="TargetResponseTime", is_often_idle=False,
)  # fmt: skip
GAUGES: Mapping[str, Gauge] = {
    "elbv2.load_balancer": BALANCER,
    # Source: ELB user guide, CloudWatch metrics for your Network Load Balancer, read 2026-11. It measures no times.
    "net": Gauge(
        "AWS/NetworkELB", "LoadBalancer", "NewFlowCount", "new connections",
        ("TCP_Target_Reset_Count", "TCP_ELB_Reset_Count", "PortAllocationErrorCount", "TargetTLSNegotiationErrorCount"),
        "reset by a target or the balancer, or refused", is_often_idle=False,
    ),
    # Source: API Gateway developer guide, Monitor CloudWatch metrics for HTTP APIs, names as in the guide; unverified
    # whether a percentile of Latency is to be had for all of an API.
    "apigatewayv2.api": Gauge(
        "AWS/ApiGateway", "ApiId", "Count", "answers", ("5xx",), "5xx", time="Latency", in_a_second=1000.0,
    ),
    # Invocations holds neither throttled ones. Source: Lambda developer guide, Types of metrics for Lambda functions,
    # read 2026-11.
    "lambda.function": Gauge(
        "AWS/Lambda", "FunctionName", "Invocations", "invocations", ("Errors", "Throttles"), "errors or throttled",
        apart=("Throttles",), time="Duration", time_words="95 of 100 done within", in_a_second=1000.0,
    ),
    # The age is sent while the queue holds a message. Source: SQS developer guide, Available CloudWatch metrics for
    # Amazon SQS, read 2026-11.
    "sqs.queue": Gauge(
        "AWS/SQS", "QueueName", "NumberOfMessagesDeleted", "messages done", time="ApproximateAgeOfOldestMessage",
        statistic="Maximum", time_words="the oldest message waited", noticed_s=60.0,
    ),
}  # fmt: skip
"""Kind → what it is measured by; `net` is the load balancer of that sort."""


def balancer_label(arn: str) -> str:
    """How CloudWatch knows an Application or Network Load Balancer: the end of its ARN. Empty: another sort."""
    own = arn.partition(":loadbalancer/")[2]
    return own if own.startswith(("app/", "net/")) else ""


def gauge_of(kind: str, own: str) -> Gauge:
    """The gauge of a thing that CloudWatch knows as `own`."""
    return GAUGES["net" if kind == "elbv2.load_balancer" and own.startswith("net/") else kind]
