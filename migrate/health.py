"""Whether the target answers as well as legacy did: errors and answering times of a load balancer, before and since.

The rule: what too few requests speak for is not compared, and what was not compared is never called well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.quiet import Meter
from migrate.sections import Health
from migrate.values import Json

State = Literal["as well", "worse", "could not be compared"]

READS = frozenset({"cloudwatch.GetMetricData"})
NOTICED_S = 0.05
"""Nobody notices a difference below this, however many times slower it is."""
_NAMESPACE = "AWS/ApplicationELB"
REQUESTS, SECONDS = "RequestCount", "TargetResponseTime"
ERRORS = ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count")


def label(arn: str) -> str:
    """How CloudWatch knows an Application Load Balancer: the end of its ARN. Empty: it is of another sort."""
    own = arn.partition(":loadbalancer/")[2]
    return own if own.startswith("app/") else ""


def meters(own_label: str) -> tuple[Meter, ...]:
    """What is read of one load balancer.

    All are sent while requests flow, the counts only where they are not zero. Source: ELB user guide, CloudWatch
    metrics for your Application Load Balancer, read 2026-11.
    """
    dimensions = (("LoadBalancer", own_label),)
    counts = tuple(Meter(_NAMESPACE, name, dimensions, "quiet") for name in (REQUESTS, *ERRORS))
    return (*counts, Meter(_NAMESPACE, SECONDS, dimensions, "quiet", "p95"))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one load balancer showed in one window."""

    requests: float
    errors: float
    """5xx of its targets and its own."""
    p95_s: float | None
    """The mean of each period's 95th percentile, weighted by the period's requests."""

    @property
    def answers(self) -> float:
        """All answers. AWS does not count as requests those for which no target was chosen, and they are errors.
        Source: RequestCount in the same guide."""
        return max(self.requests, self.errors)

    @property
    def errors_percent(self) -> float:
        """How many of a hundred answers were 5xx."""
        return 100.0 * self.errors / self.answers if self.answers else 0.0

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        shown = round(self.errors_percent, 3)
        return {"requests": self.requests, "errors": self.errors, "errors_percent": shown, "p95_s": self.p95_s}


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out for one load balancer in one target."""

    ref: str
    account: str
    state: State
    why: tuple[str, ...]
    before: Figures | None = None
    since: Figures | None = None

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        figures = {"legacy": self.before, "target": self.since}
        shown: dict[str, Json] = {side: one.as_json() if one else None for side, one in figures.items()}
        return {"ref": self.ref, "account": self.account, "state": self.state, "why": list(self.why), **shown}


def figures(values: Mapping[str, Mapping[float, float]]) -> Figures:
    """Put a window together from metric → time → value."""
    requests, seconds = values.get(REQUESTS, {}), values.get(SECONDS, {})
    weights = {at: requests.get(at, 0.0) for at in seconds}
    total = sum(weights.values())
    p95 = sum(weights[at] * value for at, value in seconds.items()) / total if total else None
    return Figures(sum(requests.values()), sum(sum(values.get(name, {}).values()) for name in ERRORS), p95)


def judge(
    ref: str, account: str, before: Figures, since: Figures, limits: Health, unread: Iterable[str] = ()
) -> Compared:
    """Compare two windows of one load balancer; one sign of worse is enough, one open question is one."""
    worse, questions, well = _errors(before, since, limits)
    if not questions:
        slower, unknown, fast = _seconds(before, since, limits)
        worse, questions, well = [*worse, *slower], unknown, [*well, *fast]
    questions = [*unread, *questions]
    if worse and not list(unread):
        return Compared(ref, account, "worse", tuple(worse), before, since)
    if questions:
        return Compared(ref, account, "could not be compared", (*questions, *worse), before, since)
    return Compared(ref, account, "as well", tuple(well), before, since)


Lines = tuple[list[str], list[str], list[str]]
"""What is worse, what is open, what is well."""


def _errors(before: Figures, since: Figures, limits: Health) -> Lines:
    few = [
        f"{side}: {one.answers:g} answers ({one.errors:g} of them 5xx), and {limits.requests} are wanted"
        for side, one in (("legacy before the cut-over", before), ("the target since", since))
        if one.answers < limits.requests
    ]
    said = f"5xx {since.errors_percent:.2f}% of {since.answers:g} answers, legacy {before.errors_percent:.2f}%"
    is_worse = since.errors_percent > before.errors_percent + limits.errors_percent
    return ([said] if is_worse and not few else [], few, [] if is_worse else [said])


def _seconds(before: Figures, since: Figures, limits: Health) -> Lines:
    if before.p95_s is None or since.p95_s is None:
        side = "legacy" if before.p95_s is None else "the target"
        return [], [f"{side}: no answering times, so none of its targets answered or none was asked"], []
    said = f"95 of 100 answers within {since.p95_s:.3f} s, legacy {before.p95_s:.3f} s"
    is_worse = since.p95_s > max(before.p95_s * limits.times_slower, before.p95_s + NOTICED_S)
    return ([said] if is_worse else [], [], [] if is_worse else [said])


def by_state(compared: Sequence[Compared], state: State) -> list[Compared]:
    """Those of that state, in order."""
    return [one for one in compared if one.state == state]
