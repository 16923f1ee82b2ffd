"""Rules over CloudTrail: what was called in this world can be looked up, which the emulator lacks.

The one rule it keeps: an event is what somebody really asked of this world; nothing is made up.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from datetime import datetime
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import add, strict
from migrate.demo.strict._caller import Caller
from migrate.demo.strict._refusal import Refusal

MOST_KEPT = 5_000
EVENTS: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
"""Records as CloudTrail writes them, oldest first."""
USES: dict[tuple[str, str, str, str], tuple[float, str]] = {}
"""(account, access key, service, operation) → when it was last called, and in which region; calls on objects, messages
and rows too, under no operation."""
DATA_PLANES = frozenset({"s3", "sqs", "dynamodb"})
READING = ("BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Search")


def record(caller: Caller, operation: str, agent: str, error: str = "") -> None:
    """Keep one call. Data events are no management events: objects, messages and rows are left out."""
    if not caller.account:
        return
    at, is_data = clock.now_s(), caller.service in DATA_PLANES
    USES[caller.account, caller.key, caller.service, "" if is_data else operation] = (at, caller.region)
    if is_data or " " in operation:
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    one = {
        "eventVersion": "1.09", "userIdentity": _identity(caller), "eventTime": now,
        "eventSource": f"{caller.service}.amazonaws.com", "eventName": operation, "awsRegion": caller.region,
        "sourceIPAddress": "127.0.0.1", "userAgent": agent, "eventID": str(uuid.uuid4()), "eventType": "AwsApiCall",
        "readOnly": operation.startswith(READING), "recipientAccountId": caller.account,
    }  # fmt: skip
    EVENTS.append(one | ({"errorCode": error} if error else {}))


def _identity(caller: Caller) -> dict[str, Any]:
    arn = caller.arn()
    who = {"arn": arn, "accountId": caller.account, "accessKeyId": caller.key}
    if ":assumed-role/" in arn:
        name = arn.split("/")[1]
        issuer = {"type": "Role", "arn": f"arn:aws:iam::{caller.account}:role/{name}", "userName": name}
        return who | {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}
    return who | ({"type": "IAMUser", "userName": arn.rsplit("/", 1)[-1]} if ":user/" in arn else {"type": "Root"})


@strict(
    "cloudtrail.lookup-events",
    makes="what was called in this world is looked up by account and region, the newest first, 50 on a page (at once: "
    "AWS takes some minutes); S3, SQS and DynamoDB are left out",
    source="cloudtrail.LookupEvents, botocore 1.44.5; record: CloudTrail User Guide, CloudTrail record contents",
)
def lookup_events() -> None:
    """The emulator has no LookupEvents."""
    from moto.cloudtrail.responses import CloudTrailResponse
    from moto.core.responses import ActionResult

    def look(self: Any) -> Any:
        most, token = self._get_param("MaxResults") or 50, self._get_param("NextToken")
        if not 1 <= int(most) <= 50:
            raise Refusal("InvalidMaxResultsException", "MaxResults must be between 1 and 50")
        wanted = {one["AttributeKey"]: one["AttributeValue"] for one in self._get_param("LookupAttributes") or ()}
        start, end = float(self._get_param("StartTime") or 0), float(self._get_param("EndTime") or "inf")
        # A copy first: other requests add to it meanwhile.
        kept = list(EVENTS)[::-1]
        found = [
            one for one in kept
            if (one["recipientAccountId"], one["awsRegion"]) == (self.current_account, self.region)
            and _has(one, wanted) and start <= datetime.fromisoformat(one["eventTime"]).timestamp() <= end
        ]  # fmt: skip
        first = int(token or 0)
        page = found[first : first + int(most)]
        answer: dict[str, Any] = {"Events": [_shown(one) for one in page]}
        return ActionResult(answer | ({"NextToken": str(first + len(page))} if len(found) > first + len(page) else {}))

    add(CloudTrailResponse, "lookup_events")(look)


def _has(one: dict[str, Any], wanted: dict[str, str]) -> bool:
    known = {
        "ReadOnly": str(one["readOnly"]).lower(), "EventName": one["eventName"], "EventSource": one["eventSource"],
        "Username": _name_of(one),
    }  # fmt: skip
    return all(known.get(key) == value for key, value in wanted.items())


def _name_of(one: dict[str, Any]) -> str:
    """The user's name, or a session's, as AWS lists it. Source: CloudTrail User Guide, "Viewing events"; unverified."""
    who = one["userIdentity"]
    return str(who.get("userName") or who["arn"].rsplit("/", 1)[-1])


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "EventId": one["eventID"], "EventName": one["eventName"], "EventSource": one["eventSource"],
        "ReadOnly": str(one["readOnly"]).lower(), "EventTime": datetime.fromisoformat(one["eventTime"]),
        "CloudTrailEvent": json.dumps(one), "Username": _name_of(one),
    }  # fmt: skip
