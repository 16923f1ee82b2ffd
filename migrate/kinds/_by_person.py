"""Stores whose content only a person can carry: what is asked of them, and how it is seen that it was done.

The rule: a step says every value that it knows, in the target's names, and goes on only once AWS shows the outcome.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from migrate.errors import StepFailed, VerificationFailed
from migrate.kind import Carrier, Proof, ReadSite
from migrate.values import Json

METRIC = "cloudwatch.GetMetricStatistics"
WITHIN = timedelta(hours=3)
"""How far back a metric is looked for: ElastiCache and OpenSearch publish theirs every minute."""
PERIOD_S = 60


def ask_for_it(what: str, operation: str, params: Mapping[str, Json], besides: str) -> VerificationFailed:
    """The error (exit 5) for a thing that a person makes: the call with every value that is known."""
    call = json.dumps(params, sort_keys=True, ensure_ascii=False)
    return VerificationFailed(
        f"{what} is not in the target: it is made by hand, because {besides}",
        do=f"{operation} with these parameters and that one: {call}; then migrate run",
    )


def still_stands(what: str, name: str, delete: str) -> StepFailed:
    """The error of an undo for a thing that a person made. `delete`: the call, up to its parameter for the name."""
    return StepFailed(
        f"the {what} {name} was made by a person, and stands",
        do=f"{delete} {name} in the target, then migrate rollback",
    )


def newest(site: ReadSite, namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str) -> int | None:
    """The newest value of a metric within three hours; None where AWS shows none."""
    now = datetime.now(UTC)
    answer: Mapping[str, Any] = site.call(
        METRIC,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - WITHIN,
        EndTime=now,
        Period=PERIOD_S,
        Statistics=[statistic],
    )
    points = sorted(answer.get("Datapoints") or (), key=lambda one: one["Timestamp"])
    return int(points[-1][statistic]) if points else None


def compared(what: str, legacy: int | None, target: int | None) -> Proof:
    """The proof by two counts that AWS publishes."""
    evidence: dict[str, Json] = {f"{what} in legacy": legacy, f"{what} in the target": target}
    if legacy is None or (legacy and target is None):
        unknown = "legacy" if legacy is None else "the target"
        said = (f"AWS shows no count of {what} of {unknown} within {WITHIN.seconds // 3600} hours",)
        return Proof("could not be proved", (), said, evidence)
    same = legacy == (target or 0)
    difference = () if same else (f"{what}: {legacy} in legacy, {target or 0} in the target",)
    return Proof("equal" if same else "different", (f"the count of {what}",), difference, evidence)


def await_content(to: Carrier, what: str, legacy: int | None, target: int | None, do: str) -> dict[str, Json]:
    """Go on once the target holds what legacy holds; else say (exit 5) how many are missing, and how they come."""
    if legacy and (target or 0) < legacy:
        raise VerificationFailed(f"{to.step}: {what}: {legacy} in legacy, {target or 0} in the target", do=do)
    return {f"{what} in legacy": legacy, f"{what} in the target": target}
