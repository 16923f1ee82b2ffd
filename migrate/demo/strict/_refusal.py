"""How a rule refuses a request.

The one rule it keeps: a refusal is serialized by the emulator in the protocol of the service that was asked.
"""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class Refusal(ServiceException):
    """An AWS error; its class stands outside the emulator's packages, so the asked service's model shapes it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
