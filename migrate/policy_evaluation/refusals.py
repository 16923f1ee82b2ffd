"""Calls that AWS refused, as CloudTrail shows them: which role, which action, on what.

The one rule it keeps: what AWS answers for a missing permission counts, in every form in which services write it;
another error does not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrate.policy_evaluation import trail

# In the message: "… is not authorized to perform: s3:GetObject on resource: arn:aws:…" (unverified for every service).
_ON = re.compile(r"\bon resource: \"?([^\s\"]+)")


class Refused(NamedTuple):
    """One refused call."""

    role: str
    """ARN of the role whose session called. Empty: no role's."""
    action: str
    resource: str
    """ARN, where the event says one."""
    code: str
    at: str
    """As CloudTrail writes it: 2026-11-23T07:00:00Z."""


def refused_calls(events: Iterable[Mapping[str, Any]]) -> Iterator[Refused]:
    """The refused ones among events as cloudtrail.LookupEvents gives them. Raises FileError for an unreadable one."""
    for number, event in enumerate(events, 1):
        record = trail.record_of(event, number)
        code = str(record.get("errorCode") or "")
        if trail.REFUSED.search(code):
            named = [str(one["ARN"]) for one in record.get("resources") or () if one.get("ARN")]
            said = _ON.search(str(record.get("errorMessage") or ""))
            on = said[1].rstrip(".,") if said else named[0] if named else ""
            yield Refused(
                trail.issuer_of(record), trail.action_of(record), on, code, str(record.get("eventTime") or "")
            )
