"""What each thing is called, everywhere: account ids, regions, refs, ARNs. Imports nothing of ours."""

import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple, NewType

AccountId = NewType("AccountId", str)
"""Twelve digits as text: leading zeros count."""

Region = NewType("Region", str)

GLOBAL = Region("global")
"""The region written for kinds that have none (IAM, Route 53)."""


def typed(path: Path) -> str:
    """A path as it is typed into a shell: a command that is printed can be pasted."""
    return shlex.quote(str(path))


class Ref(NamedTuple):
    """One resource: node of the graph, key in files, half of a step id.

    Text form `111111111111/eu-west-1/rds.instance/orders`; the name comes last because it may hold slashes.
    """

    account: AccountId
    region: Region
    kind: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Read the text form. Raises ValueError where it is not one."""
        parts = text.split("/", 3)
        if len(parts) != 4 or not re.fullmatch(r"[0-9]{12}", parts[0]) or not all(parts):
            raise ValueError(f"{text!r} is not <account>/<region>/<kind>/<name>")
        # An inventory repeats the first three a hundred thousand times.
        account, region, kind = map(sys.intern, parts[:3])
        return cls(AccountId(account), Region(region), kind, parts[3])


class Arn(NamedTuple):
    """An Amazon Resource Name, split at its first five colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))

    @classmethod
    def parse(cls, text: str) -> "Arn | None":
        """Split, or None where the text is not an ARN."""
        parts = text.split(":", 5)
        return cls(*parts[1:]) if len(parts) == 6 and parts[0] == "arn" else None
