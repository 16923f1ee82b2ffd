"""How fast each operation of each service may be asked, learnt while asking. Knows nothing of AWS but refusals.

The rule: a throttled call is sent again, never lost; only after `patience_s` of throttling does it fail, and then
loudly. Measured before it was built: botocore's standard mode loses 7 % of a scan's calls, its adaptive mode takes
half as long again.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from migrate.crew import Crew, Stopped

T = TypeVar("T")

Key: TypeAlias = tuple[str, ...]
"""Account, service, region, operation."""

Verdict = Literal["throttled", "transient", "final"]

START_RATE, START_BURST = 50.0, 20.0
SLOWEST_RATE, FAR_OFF_RATE, FASTEST_RATE = 0.2, 5.0, 1000.0
AT_EASE = 30
"""Calls served in a row after which the rate goes up by steps of its own size."""


class Bucket:
    """One token bucket whose rate is learnt: down by a fifth when throttled, up by a little with each success."""

    def __init__(self, rate_per_s: float = START_RATE, burst: float = START_BURST) -> None:
        self.rate_per_s, self.burst = rate_per_s, burst
        self.answered = False
        """Something other than a server's failure came back once."""
        self.broken = False
        """It has only ever failed, and was given every attempt once."""
        self._tokens = burst
        self._served = 0
        self._at = self._cut_at = time.monotonic()
        self._ceiling = FASTEST_RATE
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def take(self, crew: Crew) -> None:
        """Wait for a token, in the order of arrival. Raises Stopped where the crew is closed."""
        if self._turn.acquire(blocking=False):
            try:
                if self._spend() <= 0:
                    return
            finally:
                self._turn.release()
        with crew.away():
            while not self._turn.acquire(timeout=1.0):
                _raise_if_stopped(crew)
            try:
                # The rate may change while this waits, so the next token is looked at again.
                while (wait_s := self._spend()) > 0:
                    crew.stopped.wait(min(wait_s, 1.0))
                    _raise_if_stopped(crew)
            finally:
                self._turn.release()

    def passed(self) -> None:
        """A call was served: creep up near the rate that was last too much, go faster well below it."""
        with self._lock:
            self.answered, self.broken = True, False
            self._served += 1
            if self.rate_per_s < 0.95 * self._ceiling:
                step = max(0.05, 0.01 * self.rate_per_s)
            else:
                # Long enough without a refusal: the limit was not there, or is not there any more.
                step = 0.05 * self.rate_per_s if self._served > AT_EASE else 0.01
            self.rate_per_s = min(FASTEST_RATE, self.rate_per_s + step)

    def throttled(self, sent_at: float) -> None:
        """A call came back throttled: slow down, once for all that were sent at the old rate."""
        with self._lock:
            self.answered = True
            self._tokens = min(self._tokens, 0.0)
            if sent_at < self._cut_at:
                return
            self._cut_at = time.monotonic()
            self._ceiling = self.rate_per_s
            # Nothing was served since the last cut: far too fast still, so get near in a few steps.
            factor = 0.8 if self._served or self.rate_per_s < FAR_OFF_RATE else 0.5
            self._served = 0
            self.rate_per_s = max(SLOWEST_RATE, self.rate_per_s * factor)
            self.burst = max(1.0, self.burst * factor)

    def _spend(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate_per_s)
            self._at = now
            if self._tokens >= 1.0:
                self._tokens -= 1.0
                return 0.0
            return (1.0 - self._tokens) / self.rate_per_s


@dataclass(slots=True)
class Count:
    """What has happened so far."""

    done: int = 0
    throttled: int = 0
    retried: int = 0
    given_up: int = 0
    waiting: int = 0


class Pacer:
    """Sends calls: each in its bucket's pace, at most `crew.workers` at the same time."""

    def __init__(self, crew: Crew, *, patience_s: float = 300.0, attempts: int = 5, backoff_s: float = 0.2) -> None:
        self.crew = crew
        self.patience_s, self.attempts, self.backoff_s = patience_s, attempts, backoff_s
        self.count = Count()
        self.current = ""
        self._slots = threading.Semaphore(crew.workers)
        self._buckets: dict[Key, Bucket] = {}
        self._lock = threading.Lock()

    def bucket(self, key: Key) -> Bucket:
        """The bucket of that key."""
        found = self._buckets.get(key)
        if found is None:
            with self._lock:
                found = self._buckets.setdefault(key, Bucket())
        return found

    def run(self, key: Key, send: Callable[[], T], judge: Callable[[Exception], Verdict]) -> T:
        """Send a read until it is answered, and return the answer.

        Throttled: again in the bucket's pace, until `patience_s` after the first time. Transient: up to `attempts`
        times with jitter. Raises the last refusal.
        """
        bucket = self.bucket(key)
        tries, patient_until = 0, 0.0
        with self._lock:
            self.count.waiting += 1
        try:
            while True:
                bucket.take(self.crew)
                with self._slots:
                    sent_at = time.monotonic()
                    try:
                        answer = send()
                    except Exception as error:  # noqa: BLE001  # judged, and raised again unless it passes by itself
                        verdict, refused = judge(error), error
                    else:
                        bucket.passed()
                        return answer
                now = time.monotonic()
                if verdict == "throttled":
                    bucket.throttled(sent_at)
                    patient_until = patient_until or now + self.patience_s
                    self._add("throttled")
                    if now >= patient_until:
                        self._add("given_up")
                        raise refused
                elif verdict == "transient":
                    tries += 1
                    # An operation that never answered anything else is broken there: one row of retries is enough.
                    if tries >= self.attempts or bucket.broken:
                        bucket.broken = not bucket.answered
                        self._add("given_up")
                        raise refused
                    self._add("retried")
                    with self.crew.away():
                        self.crew.stopped.wait(random.uniform(0, self.backoff_s * 2**tries))
                    _raise_if_stopped(self.crew)
                else:
                    bucket.answered = True
                    raise refused
        finally:
            with self._lock:
                self.count.done += 1
                self.count.waiting -= 1
                self.current = ".".join(key[1:])

    def _add(self, name: str) -> None:
        with self._lock:
            setattr(self.count, name, getattr(self.count, name) + 1)


def _raise_if_stopped(crew: Crew) -> None:
    if crew.stopped.is_set():
        raise Stopped("the work was stopped")
