"""Every condition operator, with one value, none, several, and one that is not known."""

from typing import Any

import pytest

from migrate.policy_evaluation import PRESENT, UNKNOWN
from tests.policy_evaluation.asks import SESSION, allow, answer, asked

ARN = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
MET, NOT_MET, OPEN = "allowed", "implicit deny", "could not be decided"


def outcome(operator: str, wanted: Any, given: tuple[str, ...], key: str = "aws:some") -> str:
    only = allow(Condition={operator: {key: wanted}})
    return answer(asked(context={key.lower(): given}), only).outcome


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        ("StringEquals", "a", "a", MET),
        ("StringEquals", "a", "A", NOT_MET),
        ("StringEquals", "a*", "ab", NOT_MET),
        ("StringEquals", "a*", "a*", MET),
        ("StringEquals", ["a", "b"], "b", MET),
        ("StringEquals", "${aws:username}", "ann", MET),
        ("StringEquals", "${*}", "*", MET),
        ("StringNotEquals", "a", "b", MET),
        ("StringNotEquals", ["a", "b"], "b", NOT_MET),
        ("StringEqualsIgnoreCase", "Straße", "STRASSE", MET),
        ("StringNotEqualsIgnoreCase", "a", "A", NOT_MET),
        ("StringLike", "a*c", "abbc", MET),
        ("StringLike", "a?c", "abbc", NOT_MET),
        ("StringLike", "a?c", "abc", MET),
        ("StringLike", "A*", "ab", NOT_MET),
        ("StringLike", "", "", MET),
        ("StringNotLike", "a*", "ab", NOT_MET),
        ("stringequals", "a", "a", MET),
        ("StringLike", "arn:aws:someservice:*:111122223333:finance/*", ARN, MET),
        ("ArnLike", "arn:aws:someservice:*:111122223333:finance/*", ARN, NOT_MET),
        ("ArnLike", "arn:aws:someservice:*:*:store/*", ARN, MET),
        ("ArnEquals", "arn:aws:*:*:*:*", ARN, MET),
        ("ArnLike", "arn:aws:*", ARN, NOT_MET),
        ("ArnLike", "*", ARN, MET),
        ("ArnNotLike", "arn:aws:someservice:*:*:store/*", ARN, NOT_MET),
        ("ArnNotEquals", "arn:aws:s3:::b", "arn:aws:s3:::c", MET),
        ("ArnLike", "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::1:user/ann", MET),
        ("NumericEquals", "10", "10.0", MET),
        ("NumericEquals", 10, "10", MET),
        ("NumericNotEquals", "10", "11", MET),
        ("NumericLessThan", "10", "9", MET),
        ("NumericLessThan", "10", "10", NOT_MET),
        ("NumericLessThanEquals", "10", "10", MET),
        ("NumericGreaterThan", "9", "10", MET),
        ("NumericGreaterThanEquals", "10", "9", NOT_MET),
        ("NumericEquals", "10", "ten", NOT_MET),
        ("NumericEquals", "ten", "10", OPEN),
        ("DateEquals", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00+01:00", MET),
        ("DateNotEquals", "2026-11-22", "2026-11-23", MET),
        ("DateLessThan", "2026-11-22", "2026-11-21T23:59:59Z", MET),
        ("DateLessThanEquals", "2026", "2026-01-01T00:00:00Z", MET),
        ("DateGreaterThan", "2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00.6Z", MET),
        ("DateGreaterThanEquals", "1795341600", "2026-11-22T10:00:00Z", MET),
        ("DateGreaterThan", "1795341600", "2026-11-22T10:00:00Z", NOT_MET),
        ("DateLessThan", "2026-02-30", "2026-01-01", OPEN),
        ("Bool", "true", "TRUE", MET),
        ("Bool", True, "true", MET),
        ("Bool", False, "true", NOT_MET),
        ("Bool", ["true", "false"], "false", MET),
        ("Bool", "yes", "true", OPEN),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", MET),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", NOT_MET),
        ("BinaryEquals", "%%%", "QmluYXJ5", OPEN),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", MET),
        ("IpAddress", "203.0.113.9/24", "203.0.113.1", MET),
        ("IpAddress", "203.0.113.9", "203.0.113.9", MET),
        ("IpAddress", "203.0.113.9", "203.0.113.10", NOT_MET),
        ("IpAddress", "2001:db8::/32", "2001:db8:1::1", MET),
        ("IpAddress", "2001:db8::/32", "203.0.113.9", NOT_MET),
        ("IpAddress", "0.0.0.0/0", "AWS Internal", NOT_MET),
        ("IpAddress", "office", "203.0.113.9", OPEN),
        ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", MET),
        ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.1", NOT_MET),
    ],
)
def test_one_value_is_compared(operator: str, wanted: Any, given: str, expected: str) -> None:
    assert outcome(operator, wanted, (given,)) == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", NOT_MET),
        ("StringNotEquals", MET),
        ("StringNotLike", MET),
        ("ArnNotLike", MET),
        ("NotIpAddress", MET),
        ("NumericLessThan", NOT_MET),
        ("Bool", NOT_MET),
        ("StringEqualsIfExists", MET),
        ("StringNotEqualsIfExists", MET),
        ("BoolIfExists", MET),
        ("ForAllValues:StringEquals", MET),
        ("ForAllValues:StringNotEquals", MET),
        ("ForAnyValue:StringEquals", NOT_MET),
        ("ForAnyValue:StringEqualsIfExists", MET),
        ("ForAnyValue:StringNotEquals", OPEN),
    ],
)
def test_an_absent_key(operator: str, expected: str) -> None:
    wanted = {"NotIpAddress": "10.0.0.0/8", "NumericLessThan": "1"}.get(operator, "true")

    assert outcome(operator, wanted, ()) == expected


@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringLikeIfExists", "ForAllValues:StringLike"]
)
@pytest.mark.parametrize("given", [UNKNOWN, PRESENT])
def test_a_value_that_is_not_known_decides_nothing(operator: str, given: tuple[str, ...]) -> None:
    assert outcome(operator, "a", given) == OPEN


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        ("true", (), MET),
        ("true", ("x",), NOT_MET),
        ("false", (), NOT_MET),
        (False, ("x",), MET),
        ("false", PRESENT, MET),
        ("true", PRESENT, NOT_MET),
        ("true", UNKNOWN, OPEN),
        (["true", "false"], UNKNOWN, MET),
    ],
)
def test_null_asks_whether_the_key_is_there(wanted: Any, given: tuple[str, ...], expected: str) -> None:
    assert outcome("Null", wanted, given) == expected


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), MET),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), NOT_MET),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "b"), MET),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), NOT_MET),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "d"), MET),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("a", "d"), NOT_MET),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "d"), MET),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "b"), NOT_MET),
        ("ForAllValues:StringLike", "cost*", ("costcenter", "costs"), MET),
        ("StringEquals", ["a", "b"], ("a", "b"), MET),
        ("StringEquals", "a", ("b", "c"), NOT_MET),
        ("StringEquals", "a", ("a", "c"), OPEN),
    ],
)
def test_several_values(operator: str, wanted: Any, given: tuple[str, ...], expected: str) -> None:
    assert outcome(operator, wanted, given) == expected


def test_operators_and_keys_are_all_needed_and_keys_ignore_case() -> None:
    only = allow(
        Condition={"StringEquals": {"AWS:RequestedRegion": "eu-west-1", "s3:Prefix": "a"}, "Bool": {"aws:x": "true"}}
    )

    def given(region: str, prefix: str, x: str) -> str:
        context = {"aws:requestedregion": (region,), "s3:prefix": (prefix,), "aws:x": (x,)}
        return answer(asked(context=context), only).outcome

    assert given("eu-west-1", "a", "true") == MET
    assert given("eu-west-2", "a", "true") == given("eu-west-1", "b", "true") == given("eu-west-1", "a", "f") == NOT_MET


def test_variables_are_literal_where_the_operator_takes_none() -> None:
    assert outcome("NumericEquals", "${aws:MultiFactorAuthAge}", ("10",)) == OPEN
    assert outcome("IpAddress", "${aws:SourceIp}", ("10.0.0.1",)) == OPEN


def test_a_false_condition_beside_an_unknown_one_is_false() -> None:
    only = allow(Condition={"StringEquals": {"aws:a": "x", "aws:b": "y"}})

    assert answer(asked(by=SESSION, context={"aws:a": UNKNOWN, "aws:b": ("z",)}), only).outcome == NOT_MET
