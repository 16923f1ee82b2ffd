"""Statements counted before and after: what people have to keep up."""

from __future__ import annotations

from migrate.people.counting import Count, counted
from migrate.people.packing import Packed
from migrate.people.permission_sets import PermissionSet, Persona, Sets
from migrate.people.users import Held

ALL = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
ONE = {"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:eu-west-1:111111111111:jobs"}
WHEN = {"Effect": "Deny", "Action": "*", "Resource": ["*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def persona(name: str, *held: Held) -> Persona:
    return Persona(name, (name,), (), held, None, None)


def test_a_policy_that_several_hold_counts_once_and_awss_own_not_at_all() -> None:
    shared = Held("jobs", "group engineers", "arn:aws:iam::111111111111:policy/jobs", {"Statement": [ONE, ALL]})
    inline = Held("own", "the user", None, {"Statement": WHEN})
    aws = Held("ReadOnlyAccess", "group engineers", "arn:aws:iam::aws:policy/ReadOnlyAccess", {"Statement": [ALL]})
    unread = Held("gone", "the user", "arn:aws:iam::111111111111:policy/gone", None)
    personas = (persona("ana", shared, inline, aws, unread), persona("bo", shared, inline))
    made = PermissionSet("all", "ana", ("production",), (), (), Packed({"Statement": [ALL]}))

    before, after = counted(Sets(personas, (made,)))

    assert before == Count(policies=3, statements=4, narrow=3)  # each has an `own` of their own
    assert after == Count(policies=1, statements=1, narrow=0)
    assert str(before) == "4 statements in 3 policies (3 by resource or condition)"
