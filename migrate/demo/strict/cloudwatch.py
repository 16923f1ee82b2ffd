"""Rules over CloudWatch.

The one rule it keeps: a dashboard is the account's, whatever region is asked.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import override, strict

_HOME = "us-east-1"


@strict(
    "cloudwatch.dashboards",
    makes="a dashboard that was put in one region is listed, shown and deleted in every one",
    source="CloudWatch User Guide, Using Amazon CloudWatch dashboards: dashboards are global, their ARN has no region; "
    "unverified",
)
def dashboards() -> None:
    """The emulator keeps a list of its own for each region."""
    from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends

    for name in ("put_dashboard", "list_dashboards", "delete_dashboards", "get_dashboard"):

        @override(CloudWatchBackend, name)
        def at_home(old: Any, self: Any, *words: Any, **named: Any) -> Any:
            return old(cloudwatch_backends[self.account_id][_HOME], *words, **named)
