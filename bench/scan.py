"""A scan of about 2,700 calls, each answered after 80 ms, by 32 workers: wall against calls × latency / workers."""

from bench.load import run
from bench.stub import running

LATENCY_S, WORKERS, GOAL = 0.08, 32, 1.25


def main() -> bool:
    """Print the figures; True where the goal is missed."""
    with running(LATENCY_S) as endpoint:
        got = run(endpoint, workers=WORKERS)
    limit_s = got.calls * LATENCY_S / WORKERS
    ratio = got.wall_s / limit_s
    print(f"calls {got.calls}, most in flight {got.most_in_flight}, lost {got.lost}, gaps {len(got.inventory.gaps)}")
    print(f"wall {got.wall_s:.2f} s, limit {limit_s:.2f} s, ratio {ratio:.2f} (goal <= {GOAL}), CPU {got.cpu_s:.2f} s")
    return ratio > GOAL or bool(got.lost)
