"""What service control policies would have stopped: recent calls from CloudTrail, decided again under them.

The check before an SCP is attached. The one rule it keeps: every event is counted once, as denied, as not decidable, as
passing, or with the reason why SCPs have no say in it.

Sources: CloudTrail guide, "CloudTrail record contents", "CloudTrail userIdentity element"; IAM guide, "AWS global
condition context keys"; Organizations guide, "Service control policies"; read 2026-11.
Unverified: which action IAM checks for an event is known for the services in `_ACTIONS` and `_PREFIXES`; elsewhere the
event's name is taken, which is nearly always the action's.
"""

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from migrate.errors import FileError
from migrate.policy_evaluation import actions
from migrate.policy_evaluation.asking import ABSENT, PRESENT, UNKNOWN, UNKNOWN_RESOURCE, Asked, Values
from migrate.policy_evaluation.deciding import Decision, Json, Policies, decide_scps
from migrate.policy_evaluation.operators import seconds

Verdict = Literal["denied", "could not be decided"]

# Event sources that are not named like the prefix of their actions (unverified).
_PREFIXES = {
    "monitoring": "cloudwatch",
    "tagging": "tag",
    "email": "ses",
    "streams.dynamodb": "dynamodb",
    "models.lex": "lex",
}
# Lambda and CloudFront write the date of the API's version behind the operation: CreateFunction20150331v2 (unverified).
_VERSIONED = re.compile(r"(?P<name>.*[A-Za-z])_?20\d\d_?\d\d_?\d\d(?:v\d+)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
# AuthorizationError is what SNS says. Source: its errors in botocore 1.44.5.
REFUSED = re.compile(r"(?i)access\s?denied|unauthorized|not\s?authorized|forbidden|AuthorizationError")
# Principals on whom the SCPs of this account have no say.
_NOT_LIMITED = {
    "AWSService": "a service acted by itself",
    "AWSAccount": "a principal of another account",
    "SAMLUser": "a sign-in without a principal of the account",
    "WebIdentityUser": "a sign-in without a principal of the account",
    "Unknown": "a principal that the event does not name",
}


class Denied(NamedTuple):
    """Calls of one principal and action that the SCPs stop, or may stop."""

    verdict: Verdict
    principal: str
    """A user, or the role of a session."""
    service: str
    action: str
    calls: int
    first: str
    last: str
    because: tuple[str, ...]
    event: str
    """Id of one of the events."""


@dataclass(frozen=True)
class Simulation:
    """Every event counted once; most calls first."""

    denied: tuple[Denied, ...]
    events: int
    passing: int
    refused_before: int
    """Calls that AWS refused at the time: no SCP changes them."""
    not_limited: Mapping[str, int]
    """Why SCPs have no say → events."""

    @property
    def would_break_nothing(self) -> bool:
        """Whether none of the events is denied, and all could be decided."""
        return not self.denied

    def __str__(self) -> str:
        """One line of counts, one for each principal and action that is stopped or may be."""
        calls = Counter[str]()
        for row in self.denied:
            calls[row.verdict] += row.calls
        limits = "; ".join(f"{count} {why}" for why, count in sorted(self.not_limited.items()))
        head = (
            f"{self.events} events: {calls['denied']} would be denied, {calls['could not be decided']} could not be "
            f"decided, {self.passing} pass, {self.refused_before} were refused before"
        )
        rows = [
            f"{row.verdict}: {row.calls} x {row.action} by {row.principal}, last {row.last} ({', '.join(row.because)})"
            for row in self.denied
        ]
        return "\n".join([head + (f"; SCPs have no say in: {limits}" if limits else ""), *rows])


def simulate(
    scps: tuple[tuple[Json, ...], ...],
    events: Iterable[Mapping[str, Any]],
    *,
    context: Mapping[str, Values] | None = None,
    management_account: str = "",
) -> Simulation:
    """Say which recent calls a set of SCPs would have denied.

    scps: one tuple a level, root first, all that would be attached then: a level of denies alone, without
    FullAWSAccess, denies everything. events: as cloudtrail.LookupEvents gives them. context: what the events do not
    say and is the same for all (`aws:principalorgid`). What an event does not say makes it undecided where it matters.
    Raises MalformedPolicy, and FileError for an event that cannot be read.
    """
    policies = Policies(scps=scps)
    found: dict[tuple[Verdict, str, str], list[tuple[str, str, Decision]]] = {}
    not_limited: Counter[str] = Counter()
    total = passing = refused = 0
    for total, event in enumerate(events, 1):
        record = record_of(event, total)
        why = _has_no_say(record, management_account)
        if why:
            not_limited[why] += 1
            continue
        if REFUSED.search(str(record.get("errorCode") or "")):
            refused += 1
            continue
        decision = _decided(record, policies, context or {}, total)
        if decision.is_allowed:
            passing += 1
            continue
        verdict: Verdict = "could not be decided" if decision.outcome == "could not be decided" else "denied"
        key = verdict, _principal(record), action_of(record)
        found.setdefault(key, []).append((str(record.get("eventTime")), str(record.get("eventID", "")), decision))
    rows = sorted(
        (_row(*key, calls) for key, calls in found.items()), key=lambda row: (row.verdict != "denied", -row.calls, row)
    )
    return Simulation(tuple(rows), total, passing, refused, dict(not_limited))


def _row(verdict: Verdict, principal: str, action: str, calls: list[tuple[str, str, Decision]]) -> Denied:
    times = sorted(time for time, _, _ in calls)
    because = tuple(dict.fromkeys(reason for _, _, decision in calls for reason in decision.because))
    return Denied(
        verdict, principal, action.partition(":")[0], action, len(calls), times[0], times[-1], because, calls[0][1]
    )


def record_of(event: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """The record in an event of LookupEvents; a bare record is taken as it is."""
    text = event.get("CloudTrailEvent", event)
    try:
        record = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        record = None
    if not isinstance(record, Mapping) or not isinstance(record.get("userIdentity"), Mapping):
        raise FileError(
            f"event {number} ({event.get('EventId', 'no id')}): CloudTrailEvent is not a record of CloudTrail",
            do="give the events as cloudtrail.LookupEvents returns them",
        )
    for key in ("eventSource", "eventName"):
        if not isinstance(record.get(key), str) or not record[key]:
            raise FileError(f"event {number} ({event.get('EventId', 'no id')}): {key} is missing", do="fetch it again")
    return record


def _has_no_say(record: Mapping[str, Any], management_account: str) -> str:
    """Why SCPs do not decide about the event; empty where they do."""
    identity = record["userIdentity"]
    kind = str(identity.get("type") or "Unknown")
    if record.get("eventType", "AwsApiCall") not in ("AwsApiCall", "AwsConsoleAction"):
        return f"not a call ({record['eventType']})"
    if kind in _NOT_LIMITED:
        return _NOT_LIMITED[kind]
    if not isinstance(identity.get("arn"), str):
        return "a service acted by itself" if identity.get("invokedBy") else _NOT_LIMITED["Unknown"]
    if ":role/aws-service-role/" in issuer_of(record):
        return "a service-linked role"
    if management_account and identity.get("accountId") == management_account:
        return "a principal of the management account"
    recipient = record.get("recipientAccountId")
    if recipient and identity.get("accountId") and recipient != identity["accountId"]:
        return "a principal of another account"
    return ""


def issuer_of(record: Mapping[str, Any]) -> str:
    """ARN of the role or user whose session called; empty where it was no session."""
    issuer = (record["userIdentity"].get("sessionContext") or {}).get("sessionIssuer") or {}
    return str(issuer.get("arn") or "")


def _principal(record: Mapping[str, Any]) -> str:
    return issuer_of(record) or str(record["userIdentity"]["arn"])


def action_of(record: Mapping[str, Any]) -> str:
    """The event as an action: service prefix and operation."""
    source = record["eventSource"].removesuffix(".amazonaws.com")
    name = record["eventName"]
    versioned = _VERSIONED.fullmatch(name)
    return f"{_PREFIXES.get(source, source)}:{versioned['name'] if versioned else name}"


def _decided(record: Mapping[str, Any], policies: Policies, more: Mapping[str, Values], number: int) -> Decision:
    """The decision over every action and resource of the event: one that is denied denies it."""
    identity = record["userIdentity"]
    name = action_of(record)
    arns = [str(one["ARN"]) for one in record.get("resources") or () if isinstance(one, Mapping) and one.get("ARN")]
    context = {**_context(record), **more}
    decisions = []
    for action in actions.of_name(name):
        for arn in arns or [UNKNOWN_RESOURCE]:
            account = str(identity.get("accountId") or "")
            try:
                asked = Asked(str(identity["arn"]), action, arn, context, account, account)
            except ValueError as error:
                raise FileError(f"event {number}: {error}", do="leave the event out, and report it") from None
            decisions.append(decide_scps(asked, policies))
    outcomes = {decision.outcome for decision in decisions}
    if len(outcomes) == 1:
        return decisions[0]
    # Which of the event's resources the action is checked against is not said.
    because = tuple(dict.fromkeys(reason for one in decisions if not one.is_allowed for reason in one.because))
    return Decision("could not be decided", because)


def _context(record: Mapping[str, Any]) -> dict[str, Values]:
    identity = record["userIdentity"]
    session = identity.get("sessionContext") or {}
    attributes = session.get("attributes") or {}
    source = str(record.get("sourceIPAddress") or "")
    by_service = str(identity.get("invokedBy") or "")
    if not by_service and source.endswith(".amazonaws.com"):
        by_service = source
    mfa = attributes.get("mfaAuthenticated")
    time = str(record.get("eventTime") or "")
    moment = seconds(time)
    region, endpoint = record.get("awsRegion"), record.get("vpcEndpointId")
    agent = record.get("userAgent")
    issued = _extended(str(attributes.get("creationDate") or ""))
    found: dict[str, Values] = {
        "aws:requestedregion": (str(region),) if region else UNKNOWN,
        # Through a VPC endpoint there is none; where a service calls on somebody's behalf, it is the service's own.
        "aws:sourceip": ABSENT if endpoint else (source,) if _is_address(source) else PRESENT,
        "aws:viaawsservice": ("true",) if by_service else ("false",),
        "aws:sourcevpce": (str(endpoint),) if endpoint else ABSENT,
        "aws:securetransport": ("true",) if record.get("tlsDetails") else UNKNOWN,
        "aws:useragent": (str(agent),) if agent else UNKNOWN,
        "aws:currenttime": (time,) if moment is not None else UNKNOWN,
        "aws:epochtime": (str(int(moment)),) if moment is not None else UNKNOWN,
        # Long-term keys have no session, and neither of these two.
        "aws:multifactorauthpresent": (str(mfa),) if mfa is not None else UNKNOWN if session else ABSENT,
        "aws:tokenissuetime": (issued,) if issued else UNKNOWN if session else ABSENT,
    }
    if by_service:
        found["aws:calledvia"] = found["aws:calledvialast"] = UNKNOWN
    else:
        found["aws:calledvia"] = found["aws:calledviafirst"] = found["aws:calledvialast"] = ABSENT
    if issuer_of(record) and ":role/" in issuer_of(record):
        found["aws:principalarn"] = (issuer_of(record),)
    return found


def _extended(moment: str) -> str:
    """A date in the form that conditions compare; CloudTrail's guide also shows 20131102T010628Z. Empty: neither."""
    found = _COMPACT.fullmatch(moment)
    text = "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else moment
    return text if seconds(text) is not None else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


__all__ = ["Denied", "Simulation", "simulate"]
