"""The same against token buckets that nobody told us: wall against the slowest bucket, and no call lost."""

from bench.load import run
from bench.stub import LISTS, running

LATENCY_S, WORKERS, REGIONS, GOAL = 0.08, 32, 6, 1.5
LIMITS = {"DescribeSubscriptionFilters": (2.5, 5.0), "DescribeKey": (5.0, 10.0), "GetQueueAttributes": (15.0, 15.0)}


def main() -> bool:
    """Print the figures; True where the goal is missed or a call was lost."""
    with running(LATENCY_S, LIMITS) as endpoint:
        got = run(endpoint, workers=WORKERS, regions=REGIONS)
    rate, burst = LIMITS["DescribeSubscriptionFilters"]
    limit_s = (LISTS["DescribeLogGroups"][2] - burst) / rate
    ratio, share = got.wall_s / limit_s, got.refused / (got.served + got.refused)
    print(f"calls {got.calls}, throttled answers {got.refused} ({share:.1%}), lost {got.lost}")
    print(f"wall {got.wall_s:.2f} s, slowest bucket {limit_s:.2f} s, ratio {ratio:.2f} (goal <= {GOAL}), ", end="")
    print(f"CPU {got.cpu_s:.2f} s")
    return ratio > GOAL or bool(got.lost)
