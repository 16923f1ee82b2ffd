"""Policies in the target's names: conditions, patterns, and people who do not move."""

import pytest

from migrate.values import Json
from tests.plans.toys import HERE, LEGACY, PARTNER, PROD
from tests.rewriting import clean, rewritten


def test_conditions_on_the_account_are_rewritten() -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": LEGACY, "aws:PrincipalAccount": [LEGACY, PARTNER]},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sns:{HERE}:{LEGACY}:*"},
    }
    assert clean({"Condition": condition})["Condition"] == {
        "StringEquals": {"aws:SourceAccount": PROD, "aws:PrincipalAccount": [PROD, PARTNER]},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sns:{HERE}:{PROD}:*"},
    }


def test_a_pattern_over_buckets_that_no_longer_matches_their_new_names_is_a_problem() -> None:
    assert clean("arn:aws:s3:::shop-*/x") == "arn:aws:s3:::shop-*/x"
    out = rewritten({"Resource": ["arn:aws:s3:::*-uploads/*"]})
    assert out.problems == [f"Resource[0]: *-uploads matches shop-uploads and not its new name shop-uploads-{PROD}"]


def statement(principal: Json, effect: str = "Allow") -> dict[str, Json]:
    return {"Effect": effect, "Principal": principal, "Action": "sqs:*"}


ALICE, BOB = (f"arn:aws:iam::{LEGACY}:user/{name}" for name in ("alice", "bob"))


def test_people_are_dropped_from_policies_and_nobody_else_is() -> None:
    role, service = f"arn:aws:iam::{LEGACY}:role/app", {"Service": "events.amazonaws.com"}
    policy = {
        "Statement": [
            statement({"AWS": [ALICE, role]}),
            statement({"AWS": ALICE}),
            statement({"AWS": [ALICE, BOB]} | service),
            statement("*", "Deny"),
            statement(service),
            statement({"AWS": f"arn:aws:iam::{PARTNER}:user/alice"}),
        ]
    }
    assert clean(policy)["Statement"] == [
        statement({"AWS": [role.replace(LEGACY, PROD)]}),
        statement(service),
        statement("*", "Deny"),
        statement(service),
        statement({"AWS": f"arn:aws:iam::{PARTNER}:user/alice"}),
    ]


def test_a_policy_that_names_only_people_is_a_problem_not_an_empty_policy() -> None:
    out = rewritten({"Policy": {"Statement": statement({"AWS": ALICE})}})
    assert out.problems == ["Policy: names only people who do not move; no statement is left"]


@pytest.mark.parametrize(
    "where", [{"NotPrincipal": {"AWS": ALICE}}, {"Condition": {"ArnEquals": {"aws:PrincipalArn": ALICE}}}]
)
def test_people_elsewhere_in_a_policy_are_a_problem_because_dropping_them_would_change_what_it_says(
    where: dict[str, Json],
) -> None:
    out = rewritten({"Statement": [{"Effect": "Deny", "Action": "*"} | where]})
    assert "goes to no account" in out.problems[0]
