"""How much CPU `migrate --version` and `--help` take, and that neither imports what it does not need."""

import resource
import subprocess
import sys

GOAL_MS = 150.0
HEAVY = ("boto3", "botocore", "networkx", "prefect", "moto", "pydantic", "rich")


def cpu_ms(*words: str) -> float:
    """User and system time of one call, the best of five: the rest is noise."""
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "migrate", *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best * 1000


def heavy(word: str) -> list[str]:
    """The heavy modules that one call imports."""
    code = f"import sys; sys.argv[1:] = [{word!r}]\ntry:\n import migrate.__main__\nexcept SystemExit: pass\n"
    code += f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1].split()


def main() -> bool:
    """Print the figures; true where a goal is missed."""
    missed = False
    for word in ("--version", "--help"):
        milliseconds, imported = cpu_ms(word), heavy(word)
        missed |= milliseconds > GOAL_MS or bool(imported)
        print(f"migrate {word}: {milliseconds:.0f} ms CPU (goal < {GOAL_MS:.0f}), heavy imports: {imported or 'none'}")
    return missed
