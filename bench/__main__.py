"""Run measurements: `python -m bench` runs every module of this folder, `python -m bench scan` one of them.

`--quick`: a fifth of the planning, for CI. `--gate`: exit 1 where a goal is missed; without it the figures are only
printed, because a shared machine misses goals that a quiet one keeps.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

NOT_MEASUREMENTS = {"__init__", "__main__", "stub", "load"}


def main(names: list[str]) -> int:
    """Run the named measurements, or all; 1 where one misses its goal under --gate, 64 where there is no such one."""
    gate, quick = "--gate" in names, "--quick" in names
    names = [name for name in names if name not in ("--gate", "--quick")]
    if quick:
        os.environ["BENCH"] = "quick"
    every = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_MEASUREMENTS)
    unknown = [name for name in names if name not in every]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(every)}", file=sys.stderr)
        return 64
    missed = 0
    for name in names or every:
        print(f"== {name}", flush=True)
        if import_module(f"bench.{name}").main():
            missed += 1
            print(f"-- {name} missed a goal", flush=True)
    print(f"{missed} of {len(names or every)} measurements missed a goal")
    return 1 if missed and gate else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
