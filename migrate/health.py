"""Whether the target does as well as legacy did: errors and times of what was cut over, before and since.

The rule: what too few requests speak for is not compared, and what was not compared is never called well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from migrate.gauges import BALANCER, Gauge
from migrate.sections import Health
from migrate.values import Json

State = Literal["as well", "worse", "idle on both sides", "could not be compared"]
"""idle on both sides: too little happened to say anything, in legacy too, and nothing of it went wrong."""

READS = frozenset({"cloudwatch.GetMetricData"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What one thing showed in one window."""

    requests: float
    errors: float
    """What its gauge calls errors."""
    p95_s: float | None
    """The mean of each period's 95th percentile, weighted by the period's requests; of a queue the longest wait."""

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
    """What came out for one thing in one target."""

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


def figures(values: Mapping[str, Mapping[float, float]], gauge: Gauge = BALANCER) -> Figures:
    """Put a window together from metric → time → value."""
    requests, times = values.get(gauge.requests, {}), values.get(gauge.time, {})
    if gauge.statistic == "Maximum":
        # It is sent while something waits: where things were done and nothing was sent, nothing waited.
        time = max(times.values(), default=0.0 if requests else None)
    else:
        weights = {at: requests.get(at, 0.0) for at in times}
        total = sum(weights.values())
        time = sum(weights[at] * value for at, value in times.items()) / total if total else None
    errors = {name: sum(values.get(name, {}).values()) for name in gauge.errors}
    asked = sum(requests.values()) + sum(errors[name] for name in gauge.apart)
    return Figures(asked, sum(errors.values()), None if time is None else time / gauge.in_a_second)


def judge(
    ref: str, account: str, before: Figures, since: Figures, limits: Health, unread: Iterable[str] = (),
    gauge: Gauge = BALANCER,
) -> Compared:  # fmt: skip
    """Compare two windows of one thing; one sign of worse is enough, one open question is one."""
    unread = list(unread)
    worse, questions, well = _errors(before, since, limits, gauge)
    is_idle = gauge.is_often_idle and max(before.answers, since.answers) < limits.requests
    if is_idle and not unread and since.errors <= before.errors:
        said = f"{since.answers:g} {gauge.counted}, legacy {before.answers:g}: nothing to compare on either side"
        return Compared(ref, account, "idle on both sides", (said,), before, since)
    if not questions and gauge.time:
        slower, unknown, fast = _seconds(before, since, limits, gauge)
        worse, questions, well = [*worse, *slower], unknown, [*well, *fast]
    questions = [*unread, *questions]
    if worse and not unread:
        return Compared(ref, account, "worse", tuple(worse), before, since)
    if questions:
        return Compared(ref, account, "could not be compared", (*questions, *worse), before, since)
    return Compared(ref, account, "as well", tuple(well), before, since)


Lines = tuple[list[str], list[str], list[str]]
"""What is worse, what is open, what is well."""


def _errors(before: Figures, since: Figures, limits: Health, gauge: Gauge) -> Lines:
    bad = f" ({{:g}} of them {gauge.bad})" if gauge.errors else ""
    few = [
        f"{side}: {one.answers:g} {gauge.counted}{bad.format(one.errors)}, and {limits.requests} are wanted"
        for side, one in (("legacy before the cut-over", before), ("the target since", since))
        if one.answers < limits.requests
    ]
    if not gauge.errors:
        return [], few, []
    said = (
        f"{gauge.bad} {since.errors_percent:.2f}% of {since.answers:g} {gauge.counted}, "
        f"legacy {before.errors_percent:.2f}%"
    )
    is_worse = since.errors_percent > before.errors_percent + limits.errors_percent
    return ([said] if is_worse and not few else [], few, [] if is_worse else [said])


def _seconds(before: Figures, since: Figures, limits: Health, gauge: Gauge) -> Lines:
    if before.p95_s is None or since.p95_s is None:
        side = "legacy" if before.p95_s is None else "the target"
        return [], [f"{side}: no times were measured, so nothing of it answered or none was asked"], []
    said = f"{gauge.time_words} {since.p95_s:.3f} s, legacy {before.p95_s:.3f} s"
    is_worse = since.p95_s > max(before.p95_s * limits.times_slower, before.p95_s + gauge.noticed_s)
    return ([said] if is_worse else [], [], [] if is_worse else [said])


def by_state(compared: Sequence[Compared], state: State) -> list[Compared]:
    """Those of that state, in order."""
    return [one for one in compared if one.state == state]
