"""Packing under AWS's limits: everything stays allowed and denied as it was, or it is refused with the numbers."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from migrate.errors import FileError, PlanRefused
from migrate.people.packing import INLINE_BYTES, MANAGED_BYTES, pack
from migrate.people.statements import Statement, document_of, merged, size_of, statements_of

ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:Get*", "S3:getobject", "sqs:*", "sqs:SendMessage", "iam:PassRole", "*"]
RESOURCES = ["*", "arn:aws:s3:::shop/*", "arn:aws:s3:::shop/a", "arn:aws:s3:::shop-*", "arn:aws:sqs:eu-west-1:1:jobs"]
CONDITIONS: list[dict[str, Any]] = [{}, {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}]
ASKED_ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:GetTags", "sqs:SendMessage", "iam:PassRole", "ec2:RunInstances"]
ASKED_RESOURCES = ["arn:aws:s3:::shop/a", "arn:aws:s3:::shop/b", "arn:aws:s3:::shop-b", "arn:aws:sqs:eu-west-1:1:jobs"]


@some.composite
def a_statement(draw: some.DrawFn) -> Statement:
    def lists(texts: list[str]) -> tuple[str, ...]:
        return tuple(sorted(draw(some.sets(some.sampled_from(texts), min_size=1, max_size=4))))

    actions, resources = lists(ACTIONS), lists(RESOURCES)
    no_action, no_resource = draw(some.booleans()), draw(some.booleans())
    return Statement(
        draw(some.sampled_from(["Allow", "Deny"])),
        () if no_action else actions, actions if no_action else (),
        () if no_resource else resources, resources if no_resource else (),
        json.dumps(draw(some.sampled_from(CONDITIONS)), separators=(",", ":"), sort_keys=True),
    )  # fmt: skip


def matches(pattern: str, text: str) -> bool:
    """`*` and `?`, letter by letter: slow and plain, written apart from the product's own."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return matches(pattern[1:], text) or (bool(text) and matches(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


def says(documents: list[dict[str, Any]], action: str, resource: str, condition: dict[str, Any]) -> str:
    """What identity policies say where exactly `condition` holds (the empty one always does)."""
    effects = set()
    for document in documents:
        for one in document["Statement"]:
            listed = {key: [one[key]] if isinstance(one[key], str) else one[key] for key in one if "tion" in key[-4:]}
            resources = one.get("Resource", one.get("NotResource"))
            resources = [resources] if isinstance(resources, str) else resources
            if "Action" in one:
                acts = any(matches(each.lower(), action.lower()) for each in listed["Action"])
            else:
                acts = not any(matches(each.lower(), action.lower()) for each in listed["NotAction"])
            there = any(matches(each, resource) for each in resources) == ("Resource" in one)
            if acts and there and one.get("Condition", {}) in ({}, condition):
                effects.add(one["Effect"])
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else "nothing"


@settings(max_examples=300, deadline=None)
@given(some.lists(a_statement(), max_size=8))
def test_packing_changes_no_decision(statements: list[Statement]) -> None:
    before = [document_of([one]) for one in statements]

    packed = list(pack(statements).documents)

    for action in ASKED_ACTIONS:
        for resource in ASKED_RESOURCES:
            for condition in CONDITIONS:
                asked = (action, resource, condition)
                assert says(packed, *asked) == says(before, *asked), asked


@settings(max_examples=60, deadline=None)
@given(some.integers(1, 400), some.integers(1, 60), some.sampled_from(["Allow", "Deny"]))
def test_every_action_on_every_resource_arrives_and_no_policy_is_too_large(r: int, a: int, effect: Any) -> None:
    resources = tuple(sorted(f"arn:aws:s3:::bucket-{n}/{'long-prefix/' * 5}*" for n in range(r)))
    actions = tuple(sorted(f"s3:Operation{n}" for n in range(a)))
    whole = Statement(effect, actions=actions, resources=resources)

    packed = pack([whole])

    assert {
        (one.effect, action, resource)
        for document in packed.documents
        for one in statements_of(document)
        for action in one.actions
        for resource in one.resources
    } == {(effect, action, resource) for action in actions for resource in resources}
    assert packed.inline is not None
    assert size_of(packed.inline) <= INLINE_BYTES
    assert all(size_of(one) <= MANAGED_BYTES for one in packed.managed)


def of_size(bytes_: int) -> list[Statement]:
    """Statements that cannot be merged, of that size together and a little more."""
    made: list[Statement] = []
    while size_of(document_of(made)) < bytes_:
        n = len(made)
        made.append(Statement("Allow", (f"s3:Act{n}",), resources=(f"arn:aws:s3:::bucket-{n}-{'x' * 60}/*",)))
    return made


def test_a_policy_of_12000_bytes_is_packed_into_an_inline_and_a_managed_policy() -> None:
    packed = pack(of_size(12_000))

    assert len(packed.managed) == 1
    assert packed.size_bytes >= 12_000
    assert max(map(size_of, packed.managed)) <= MANAGED_BYTES


def test_a_policy_of_12000_bytes_is_refused_with_the_numbers_where_no_managed_policy_is_free() -> None:
    with pytest.raises(PlanRefused, match=r"12\d\d\d bytes .*10240 bytes.* 0 are free of the 10") as refused:
        pack(of_size(12_000), attached=10)

    assert "quota raised (up to 20)" in refused.value.do


def uncut(size: int, action: str = "s3:GetObject") -> Statement:
    condition = json.dumps({"StringEquals": {"aws:PrincipalTag/team": "t" * size}})
    return Statement("Allow", (action,), resources=("*",), condition=condition)


def test_a_statement_that_cannot_be_cut_is_refused_and_named() -> None:
    with pytest.raises(PlanRefused, match=r"statement of 11\d\d\d bytes .* cannot be cut: Allow s3:GetObject on \*"):
        pack([uncut(11_000)])


def test_a_statement_too_large_for_a_managed_policy_goes_inline_and_a_second_one_is_refused() -> None:
    packed = pack([uncut(8_000), *of_size(5_000)])

    assert size_of(packed.inline) > 8_000
    assert len(packed.managed) == 1
    with pytest.raises(PlanRefused, match="cannot be cut"):
        pack([uncut(8_000), uncut(8_001, "s3:PutObject")])


def test_statements_that_say_the_same_of_two_buckets_become_one() -> None:
    two = [Statement("Allow", ("s3:GetObject",), resources=(f"arn:aws:s3:::{name}/*",)) for name in ("a", "b")]

    assert document_of(merged([*two, *two]))["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}
    ]


def test_a_dollar_of_an_old_policy_stays_a_plain_one() -> None:
    old = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:username}/*"}}

    (found,) = statements_of(old)

    assert found.resources == ("arn:aws:s3:::b/${$}{aws:username}/*",)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"Effect": "allow", "Action": "*", "Resource": "*"}, "Allow or Deny"),
        ({"Effect": "Allow", "Resource": "*"}, "one of Action and NotAction"),
        ({"Effect": "Allow", "Action": "*"}, "one of Resource and NotResource"),
        ({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}, "Principal has no place"),
        ("Allow", "without an Effect"),
    ],
)
def test_what_is_no_identity_policy_is_refused_by_name(statement: Any, said: str) -> None:
    with pytest.raises(FileError, match=f"people-read: .*{said}"):
        statements_of({"Version": "2012-10-17", "Statement": [statement]}, "people-read")
