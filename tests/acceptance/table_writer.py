"""Somebody who writes to a legacy table while it moves: items are put, changed and deleted, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.crash.story import Story


class Writer(threading.Thread):
    """Writes until it is stopped. `an_item`: number of the item and of the write → the item; `pause_s` lies between."""

    def __init__(
        self, told: Story, account: str, table: str, items: int, an_item: Callable[[int, int], dict[str, Any]],
        pause_s: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self._dynamodb, self._table, self._items = told.world.session(account).client("dynamodb"), table, items
        self._an_item, self._pause_s = an_item, pause_s
        self.stop, self.writes = threading.Event(), 0

    def run(self) -> None:
        while not self.stop.is_set():
            number = self.writes % (self._items + 40)
            if self.writes % 5 == 4:
                self._dynamodb.delete_item(TableName=self._table, Key={"id": {"N": str(number)}})
            else:
                self._dynamodb.put_item(TableName=self._table, Item=self._an_item(number, self.writes))
            self.writes += 1
            if self._pause_s:
                time.sleep(self._pause_s)
