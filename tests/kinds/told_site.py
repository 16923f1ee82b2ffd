"""A ReadSite that answers from what a test tells it, for operations that the emulator lacks.

The rule: what is asked is checked against AWS's own input shapes, as what is sent is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jmespath

from migrate.names import AccountId, Region
from tests.kinds.shapes import check_request

Answers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any] | None]]
"""By operation: the answer to these parameters, or None for "there is none"."""


class Absent(Exception):
    """There is none."""


class ToldSite:
    """One account."""

    def __init__(self, account: str, region: str, reads: Iterable[str], answers: Answers) -> None:
        self.account, self.region, self.reads = AccountId(account), Region(region), frozenset(reads)
        self.answers = answers

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        assert operation in self.reads, f"{operation} is not among the kind's declared reads"
        check_request(operation, params)
        answer = self.answers[operation](params)
        if answer is None:
            raise Absent(operation)
        return answer

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from jmespath.search(key, self.call(operation, **params)) or ()

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        assert missing
        try:
            return self.call(operation, **params)
        except Absent:
            return None

    def map(self, what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [what(item) for item in items]

    def seal(self, name: str, value: str) -> Any:
        secret = any(word in name.upper() for word in ("PASSWORD", "SECRET", "TOKEN"))
        return {"$sealed": f"hash-of-{len(value)}", "length": len(value)} if secret else value
