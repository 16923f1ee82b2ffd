"""How many writes of one operation are under way at once, learnt from refusals. Knows nothing of AWS.

The rule: halved, once for all that were under way, when AWS asks to be asked more slowly; one wider after as many
answers as it is wide. Who was refused waits by itself besides: this only keeps the others from adding to it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST = 512


class Width:
    """A gate that lets so many through at the same time."""

    def __init__(self, most: int = MOST) -> None:
        self.limit = self.most = most
        self.under_way = 0
        self._answers = 0
        self._cut_at = float("-inf")
        self._room = threading.Condition()

    @contextmanager
    def one(self, check_stop: Callable[[], None]) -> Iterator[float]:
        """Wait for room and give the time of entering. Leaving without an error widens the gate a little."""
        with self._room:
            while self.under_way >= self.limit:
                self._room.wait(1.0)
                check_stop()
            self.under_way += 1
        try:
            yield time.monotonic()
            with self._room:
                self._answers += 1
                if self._answers >= self.limit:
                    self._answers, self.limit = 0, min(self.most, self.limit + 1)
        finally:
            with self._room:
                self.under_way -= 1
                self._room.notify_all()

    def narrow(self, entered: float) -> None:
        """One that had entered then was refused as too fast."""
        with self._room:
            if entered < self._cut_at:
                return
            self._cut_at, self._answers = time.monotonic(), 0
            # The refused one has left by now.
            self.limit = max(1, min(self.limit, self.under_way + 1) // 2)
