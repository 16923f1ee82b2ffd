"""What of a table's items this migration put into the target: a file of hashes beside the run.

The rule: a hash is in the file before its item is sent, so what stands in the target and is not in the file was put
there by somebody else.
"""

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from migrate.kind import Carrier

SIZE = 16
"""Bytes kept of each hash: two different items look the same with a chance of 2^-128."""
_READ_AT_ONCE = SIZE * 2**16
_BEGAN, _CAUGHT_UP = "began", "caught up"


class PutItems:
    """The file of one table in one account. Safe for the threads of a step; memory does not grow with the table."""

    def __init__(self, path: Path) -> None:
        self._path, self._times = path, path.with_suffix(".json")
        self._lock = threading.Lock()

    @classmethod
    def of(cls, to: Carrier) -> "PutItems":
        """The file for the table that this step fills."""
        return cls(to.notebook(f"items-{to.place.account}-{to.place.region}-{to.place.name}.put"))

    def note(self, hashes: Iterable[bytes]) -> None:
        """Add the hashes of items that are about to be sent."""
        with self._lock, self._path.open("ab") as file:
            file.write(b"".join(one[:SIZE] for one in hashes))

    def among(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Which of these are in the file, each as it was given."""
        wanted = {one[:SIZE]: one for one in hashes}
        found: set[bytes] = set()
        if wanted and self._path.exists():
            with self._path.open("rb") as file:
                while part := file.read(_READ_AT_ONCE):
                    found |= wanted.keys() & {part[at : at + SIZE] for at in range(0, len(part), SIZE)}
        return {wanted[one] for one in found}

    def forget(self) -> None:
        """Begin anew: the table was emptied."""
        self._path.unlink(missing_ok=True)
        self._times.unlink(missing_ok=True)

    def begin(self) -> None:
        """Note when the copy began, once: what was written in legacy since may be missing from it."""
        if self._known(_BEGAN) is None:
            self._say(_BEGAN)

    @property
    def began_s(self) -> float | None:
        """When the copy began, in seconds since 1970."""
        return self._known(_BEGAN)

    def catch_up(self) -> None:
        """Note that what was written meanwhile has arrived too."""
        self._say(_CAUGHT_UP)

    @property
    def caught_up(self) -> bool:
        """Whether what was written during the copy has arrived."""
        return self._known(_CAUGHT_UP) is not None

    def _known(self, what: str) -> float | None:
        known: dict[str, float] = json.loads(self._times.read_text()) if self._times.exists() else {}
        return known.get(what)

    def _say(self, what: str) -> None:
        known = json.loads(self._times.read_text()) if self._times.exists() else {}
        new = self._times.with_suffix(".new")
        new.write_text(json.dumps({**known, what: time.time()}))
        new.replace(self._times)
