"""The embedded world's pipes: they run where somebody said so."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.world


def test_a_pipe_that_is_made_stopped_is_stopped_until_somebody_starts_it(target: Callable[..., Any], name: str) -> None:
    pipes = target("pipes")
    pipes.create_pipe(
        Name=name, DesiredState="STOPPED", RoleArn="arn:aws:iam::222222222222:role/pipe",
        Source="arn:aws:sqs:eu-west-1:222222222222:one", Target="arn:aws:sqs:eu-west-1:222222222222:two",
    )  # fmt: skip

    states = [pipes.describe_pipe(Name=name)["CurrentState"] for _ in range(3)]
    pipes.start_pipe(Name=name)

    assert states == ["STOPPED"] * 3
    assert pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING"
