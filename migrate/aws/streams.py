"""Bodies of answers that are read bit by bit: what breaks off on the way is a read that failed, like any other."""

from typing import Any

from botocore.exceptions import BotoCoreError

from migrate.aws import calls


class Stream:
    """The body of one answer."""

    def __init__(self, body: Any, operation: str, region: str) -> None:
        self._body, self._operation, self._region = body, operation, region

    def read(self, amount: int | None = None) -> bytes:
        """The next bytes, all of them without an amount. Raises ReadFailed where not all arrive that were announced."""
        try:
            read: bytes = self._body.read(amount)
        except (BotoCoreError, OSError) as error:
            raise calls.read_failed(error, self._operation, self._region) from error
        return read
