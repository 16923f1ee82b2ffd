"""The condition operators: how one value of a request is compared with one value of a policy.

The one rule it keeps: a value of the policy that cannot be read as what the operator compares is not known to match
and not known to differ; a value of the request that cannot be read does not match.

Source: IAM guide, "IAM JSON policy elements: Condition operators", read 2026-11.
Unverified: how AWS treats a number, date or address in a policy that is none, and that operators' names ignore case.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from operator import eq, ge, gt, le, lt
from typing import NamedTuple

from migrate.policy_evaluation.patterns import Tokens, fits_arn, literal, matches
from migrate.policy_evaluation.truth import Truth

Compare = Callable[[str, Tokens], Truth]


class Operator(NamedTuple):
    """How values are compared; `is_negated`: the condition holds where none of the policy's values fits."""

    compare: Compare
    is_negated: bool = False
    has_wildcards: bool = False
    has_variables: bool = False


def _equal(value: str, wanted: Tokens) -> Truth:
    return value == literal(wanted)


def _equal_ignoring_case(value: str, wanted: Tokens) -> Truth:
    return value.casefold() == literal(wanted).casefold()


def _like(value: str, wanted: Tokens) -> Truth:
    return matches(wanted, value)


def _arn(value: str, wanted: Tokens) -> Truth:
    return fits_arn(wanted, value)


def _number(value: str, wanted: Tokens, *, how: Callable[[Decimal, Decimal], bool]) -> Truth:
    limit, given = _decimal(literal(wanted)), _decimal(value)
    if limit is None:
        return None
    return given is not None and how(given, limit)


@lru_cache(maxsize=4096)
def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(value: str, wanted: Tokens, *, how: Callable[[Decimal, Decimal], bool]) -> Truth:
    limit, given = seconds(literal(wanted)), seconds(value)
    if limit is None:
        return None
    return given is not None and how(given, limit)


_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>\.\d+)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?)?)?"
)


@lru_cache(maxsize=4096)
def seconds(text: str) -> Decimal | None:
    """A date in one of the W3C forms of ISO 8601, or in seconds since 1970, as seconds since 1970; None: neither.

    A time without a zone is taken as UTC. Four digits are a year.
    """
    found = _DATE.fullmatch(text.strip())
    if not found:
        return _decimal(text) if re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", text) else None
    numbers = {name: int(found[name] or least) for name, least in _LEAST.items()}
    zone = (found["zone"] or "Z").upper().replace("Z", "+00:00")
    try:
        moment = datetime(**numbers, tzinfo=UTC)
        offset = datetime.strptime(zone.replace(":", ""), "%z").utcoffset()
    except ValueError:
        return None
    shift = Decimal(0) if offset is None else Decimal(int(offset.total_seconds()))
    return Decimal(int(moment.timestamp())) - shift + Decimal(found["part"] or 0)


_LEAST = {"year": 0, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}


def _boolean(value: str, wanted: Tokens) -> Truth:
    text = literal(wanted).lower()
    if text not in ("true", "false"):
        return None
    return value.lower() == text


def _binary(value: str, wanted: Tokens) -> Truth:
    """Both sides in base 64: a request's bytes have no other form here."""
    bytes_wanted, given = _bytes(literal(wanted)), _bytes(value)
    if bytes_wanted is None:
        return None
    return given == bytes_wanted


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(value: str, wanted: Tokens) -> Truth:
    block, given = _network(literal(wanted)), _ip(value)
    if block is None:
        return None
    return given is not None and given in block


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _ordered(kind: str, compare: Callable[..., Truth]) -> dict[str, Operator]:
    hows = {"LessThan": lt, "LessThanEquals": le, "GreaterThan": gt, "GreaterThanEquals": ge, "Equals": eq}
    found = {f"{kind}{name}": Operator(partial(compare, how=how)) for name, how in hows.items()}
    return found | {f"{kind}NotEquals": Operator(partial(compare, how=eq), is_negated=True)}


OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_equal, has_variables=True),
    "StringNotEquals": Operator(_equal, is_negated=True, has_variables=True),
    "StringEqualsIgnoreCase": Operator(_equal_ignoring_case, has_variables=True),
    "StringNotEqualsIgnoreCase": Operator(_equal_ignoring_case, is_negated=True, has_variables=True),
    "StringLike": Operator(_like, has_wildcards=True, has_variables=True),
    "StringNotLike": Operator(_like, is_negated=True, has_wildcards=True, has_variables=True),
    "ArnEquals": Operator(_arn, has_wildcards=True, has_variables=True),
    "ArnLike": Operator(_arn, has_wildcards=True, has_variables=True),
    "ArnNotEquals": Operator(_arn, is_negated=True, has_wildcards=True, has_variables=True),
    "ArnNotLike": Operator(_arn, is_negated=True, has_wildcards=True, has_variables=True),
    # The guide says of Bool both that variables can be used and that they cannot; where one stands, it is meant.
    "Bool": Operator(_boolean, has_variables=True),
    "BinaryEquals": Operator(_binary),
    "IpAddress": Operator(_address),
    "NotIpAddress": Operator(_address, is_negated=True),
    **_ordered("Numeric", _number),
    **_ordered("Date", _date),
}
"""By name, without ...IfExists and ForAllValues: or ForAnyValue:. Null is none of them: it compares nothing."""

BY_FOLDED_NAME = {name.lower(): name for name in OPERATORS}
