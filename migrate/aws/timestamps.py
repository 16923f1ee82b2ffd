"""Times in AWS's answers. The rule: what is not in the one form that listings use is left to botocore.

botocore asks dateutil, which takes half of the time of reading a listing of objects (measured 2026-11).
"""

import re
from datetime import datetime
from typing import Any

from botocore.utils import parse_timestamp, tzutc

_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.A)
_UTC = tzutc()


def parse(value: Any) -> datetime:
    """The time as botocore would give it. Raises ValueError."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return datetime.fromisoformat(value[:-1]).replace(tzinfo=_UTC)
    found: datetime = parse_timestamp(value)
    return found
