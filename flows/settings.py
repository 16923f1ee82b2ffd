"""Prefect's environment, set before prefect is first imported. The rule: what a person set stays."""

import os
from pathlib import Path

START_S = 150.0
"""How long Prefect may take to start (its own server too, in a fresh folder) before the run goes on without it."""
END_S = 20.0
"""How long Prefect may take to record the end of a flow. Source: prefect 3.8.8, a flow whose server is gone hangs for
more than 150 s at its end; measured 2026-11."""

_UNUSED = (
    "CANCELLATION_CLEANUP", "CLEANUP_RECONCILER", "EVENT_PERSISTER", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS",
    "REPOSSESSOR", "SCHEDULER", "TRIGGERS",
)  # fmt: skip


def prepare(folder: Path) -> None:
    """Keep Prefect's data in the run's folder, quiet, and off the network."""
    for name, value in wanted(folder).items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)


def wanted(folder: Path) -> dict[str, str]:
    """The environment of everything of Prefect that this product starts."""
    home = folder.absolute() / "prefect"
    return {
        "PREFECT_HOME": str(home),
        # Nothing but loopback is contacted then. Source: prefect 3.8.8, measured 2026-11.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # A first start makes a database; on a loaded machine that takes longer than Prefect's own 20 s.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # A step's failure is told by the engine, once; Prefect would print its traceback again.
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_CLI_PROMPT": "false",
        # A view of one run schedules nothing and is asked about no past event: without these services a task costs the
        # server a third less, and a fresh database is there sooner. Source: prefect 3.8.8, measured 2026-11.
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        **{f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in _UNUSED},
    }
