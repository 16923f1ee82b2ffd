"""Rules over EventBridge Pipes.

The one rule it keeps: a pipe runs only where somebody said that it shall.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import override, strict


@strict(
    "pipes.desired-state",
    makes="a pipe that is made with DesiredState STOPPED comes up stopped, and a stopped pipe stays so until "
    "pipes.StartPipe",
    source="pipes.CreatePipe DesiredState and the members of PipeState, botocore 1.44.5",
)
def desired_state() -> None:
    """The emulator starts every pipe, and one that was stopped as soon as it is looked at again."""
    from moto.pipes.models import Pipe

    @override(Pipe, "__init__")
    def made(old: Any, self: Any, *words: Any, **named: Any) -> None:
        old(self, *words, **named)
        self._transitions = [
            ("CREATING", self.desired_state), ("STARTING", "RUNNING"), ("STOPPING", "STOPPED"), ("DELETING", "DELETED"),
        ]  # fmt: skip
