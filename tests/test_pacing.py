"""The scheduler: nothing lost, nothing stuck, nothing held up by what is slow."""

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from migrate.crew import Crew, Stopped
from migrate.pacing import Bucket, Pacer, Verdict


class Refusal(Exception):
    """A refusal of a test."""


def throttle(error: Exception) -> Verdict:
    return "throttled"


def transient(error: Exception) -> Verdict:
    return "transient"


def final(error: Exception) -> Verdict:
    return "final"


@pytest.fixture
def one() -> Iterator[Crew]:
    crew = Crew(1)
    yield crew
    crew.close()


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(8)
    yield crew
    crew.close()


def test_a_map_inside_a_map_inside_a_map_ends_with_one_worker(one: Crew) -> None:
    def inner(n: int) -> int:
        return sum(one.map(lambda m: n * m, range(4)))

    def middle(n: int) -> int:
        return sum(one.map(inner, range(n)))

    done: list[list[int]] = []
    thread = threading.Thread(target=lambda: done.append(one.map(middle, range(12))), daemon=True)
    thread.start()
    thread.join(10)

    assert done == [[sum(6 * k for k in range(n)) for n in range(12)]]


def test_results_come_in_the_order_of_the_items(crew: Crew) -> None:
    def late_first(n: int) -> int:
        time.sleep(0.02 / (n + 1))
        return n

    assert crew.map(late_first, range(20)) == list(range(20))


def test_of_several_failures_the_first_by_order_is_raised_each_time(crew: Crew) -> None:
    def fail(n: int) -> None:
        time.sleep(0.01 if n == 3 else 0)
        if n >= 3:
            raise Refusal(n)

    for _ in range(5):
        with pytest.raises(Refusal) as raised:
            crew.map(fail, range(30))
        assert raised.value.args == (3,)


def test_the_work_runs_in_the_context_of_whoever_asked(crew: Crew) -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    who.set("me")

    def ask(_: int) -> tuple[str, str]:
        time.sleep(0.002)
        return who.get(), threading.current_thread().name

    answers = crew.map(ask, range(40))

    assert {name for name, _ in answers} == {"me"}
    assert len({thread for _, thread in answers}) > 1


def test_no_more_than_the_workers_send_at_the_same_time_and_all_of_them_do() -> None:
    crew = Crew(4)
    pacer, now, most, lock = Pacer(crew), 0, 0, threading.Lock()

    def send() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    crew.map(lambda n: pacer.run(("a", str(n)), send, final), range(40))
    crew.close()

    assert most == 4


def test_a_throttled_endpoint_loses_no_call_and_its_rate_is_learnt(crew: Crew) -> None:
    pacer, served, lock = Pacer(crew), [], threading.Lock()
    tokens, at = 5.0, time.monotonic()

    def call(n: int) -> int:
        def send() -> int:
            nonlocal tokens, at
            with lock:
                now = time.monotonic()
                tokens, at = min(5.0, tokens + (now - at) * 40), now
                if tokens < 1:
                    raise Refusal
                tokens -= 1
                served.append(n)
                return n

        return pacer.run(("a", "logs", "eu-west-1", "Describe"), send, throttle)

    answers = crew.map(call, range(90))

    assert answers == list(range(90))
    assert sorted(served) == list(range(90))
    assert pacer.count.throttled > 0
    assert pacer.count.given_up == 0
    assert 10 < pacer.bucket(("a", "logs", "eu-west-1", "Describe")).rate_per_s < 60


def test_throttling_without_end_fails_after_the_patience_with_what_was_said(crew: Crew) -> None:
    pacer = Pacer(crew, patience_s=0.2)

    def send() -> None:
        raise Refusal("Rate exceeded")

    with pytest.raises(Refusal, match="Rate exceeded"):
        pacer.run(("a",), send, throttle)
    assert pacer.count.throttled > 1
    assert pacer.count.given_up == 1


def test_calls_that_wait_for_a_slow_operation_do_not_hold_up_the_others() -> None:
    crew = Crew(2)
    pacer = Pacer(crew)
    slow = pacer.bucket(("slow",))
    slow.rate_per_s, slow.burst, slow._tokens = 5.0, 1.0, 0.0
    finished: dict[str, float] = {}
    began = time.monotonic()

    def call(name: str) -> None:
        pacer.run((name.split()[0],), lambda: None, final)
        finished[name] = time.monotonic() - began

    crew.map(call, [*(f"slow {n}" for n in range(4)), *(f"fast {n}" for n in range(10))])
    crew.close()

    assert max(at for name, at in finished.items() if name.startswith("fast")) < 0.3
    assert max(finished.values()) > 0.6


def test_what_passes_by_itself_is_tried_again(crew: Crew) -> None:
    pacer, tries = Pacer(crew, backoff_s=0.001), iter([Refusal, Refusal, None])

    def send() -> str:
        error = next(tries)
        if error:
            raise error
        return "answer"

    assert pacer.run(("a",), send, transient) == "answer"
    assert pacer.count.retried == 2


def test_an_operation_that_never_works_is_not_asked_five_times_for_each_item(one: Crew) -> None:
    pacer, sent = Pacer(one, backoff_s=0.0001), 0

    def send() -> None:
        nonlocal sent
        sent += 1
        raise Refusal

    for _ in range(20):
        with pytest.raises(Refusal):
            pacer.run(("a",), send, transient)

    assert sent == 5 + 19


def test_closing_ends_what_waits() -> None:
    crew = Crew(2)
    pacer = Pacer(crew)
    bucket = pacer.bucket(("a",))
    bucket.rate_per_s, bucket._tokens = 0.001, 0.0
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            pacer.run(("a",), lambda: None, final)
        except Stopped as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    crew.close()
    thread.join(5)

    assert len(ended) == 1


def test_calls_that_were_sent_before_a_cut_do_not_cut_again() -> None:
    bucket = Bucket()
    sent_at = time.monotonic()
    bucket.passed()

    for _ in range(8):
        bucket.throttled(sent_at)

    assert bucket.rate_per_s == pytest.approx(50.5 * 0.8)


def test_calls_of_80_ms_take_at_most_a_quarter_longer_than_the_workers_need() -> None:
    crew, latency_s = Crew(32), 0.08
    pacer = Pacer(crew)

    def group(n: int) -> None:
        pacer.run((str(n), "list"), lambda: time.sleep(latency_s), final)
        crew.map(lambda m: pacer.run((str(n), "get"), lambda: time.sleep(latency_s), final), range(n % 17))

    began = time.monotonic()
    crew.map(group, range(120))
    wall_s = time.monotonic() - began
    crew.close()

    assert wall_s <= 1.25 * pacer.count.done * latency_s / 32
