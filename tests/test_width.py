"""A carrying step's writes adapt to an AWS that says Slow Down: none is lost, and few are refused again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.carrying import StepCarrier
from migrate.ground import Interrupted
from migrate.width import Width


class SlowDown(Exception):
    sort, code, said = "transient", "SlowDown", "Please reduce your request rate."


class Crowded:
    """An endpoint that refuses whoever comes while it serves `room` others."""

    def __init__(self, room: int) -> None:
        self.room, self.now, self.most, self.refused = room, 0, 0, 0
        self.served: list[str] = []
        self.lock = threading.Lock()

    def send(self, operation: str, **params: Any) -> dict[str, Any]:
        with self.lock:
            if self.now >= self.room:
                self.refused += 1
                raise SlowDown
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
            self.served.append(params["Key"])
        return {}


def carrier(endpoint: Crowded, check_stop: Any = lambda: None) -> Any:
    made = object.__new__(StepCarrier)
    clock = SimpleNamespace(now=time.time, sleep=lambda seconds: time.sleep(0.001))
    made.ground = SimpleNamespace(  # type: ignore[assignment]
        clock=clock, check_stop=check_stop, unreachable_since=None, journal=SimpleNamespace(append=lambda *_: None)
    )
    place = SimpleNamespace(account="222222222222", region="eu-west-1")
    made.of = SimpleNamespace(account=place.account, region=place.region, ref=place)  # type: ignore[assignment]
    made.step, made.event, made.sender = "s:copy", "acting", lambda account, region: endpoint
    made._told, made._widths = set(), {}
    return made


def test_every_write_arrives_and_the_width_becomes_what_the_endpoint_bears() -> None:
    endpoint = Crowded(4)
    to = carrier(endpoint)
    keys = [str(number) for number in range(600)]

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda key: to.write("s3.CopyObject", Key=key), keys))

    assert sorted(endpoint.served) == sorted(keys)
    assert endpoint.most == 4
    width = to._widths["s3.CopyObject", "target"]
    assert 1 <= width.limit <= 12
    # 32 threads that only waited and tried again would be refused several times for each write.
    assert endpoint.refused < len(keys) / 2


def test_refusals_of_one_moment_count_once_and_answers_widen_it_again() -> None:
    width = Width(most=16)
    with width.one(lambda: None) as first, width.one(lambda: None) as second:
        pass
    width.limit, width.under_way = 8, 7
    width.narrow(first)
    width.narrow(second)
    assert width.limit == 4

    width.under_way = 0
    for _ in range(30):
        with width.one(lambda: None):
            pass

    assert width.limit > 7


def test_who_waits_for_room_stops_when_asked() -> None:
    width = Width(most=1)

    def stop() -> None:
        raise Interrupted("asked to")

    with width.one(lambda: None), pytest.raises(Interrupted), width.one(stop):
        pass
