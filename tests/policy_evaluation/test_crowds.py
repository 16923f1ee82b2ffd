"""Many resources asked about as one: each gets the answer that it would get alone."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.policy_evaluation import ABSENT, DIRECT, Asked, Policies, decide
from migrate.policy_evaluation.crowds import Crowd, Item, Who, answers

OWN, OTHER = "111111111111", "222222222222"
USER = f"arn:aws:iam::{OWN}:user/ana"
NAMES = ("app", "app-logs", "ana", "ana-1", "red-x", "blue-x")


def arn(name: str) -> str:
    return f"arn:aws:sqs:eu-west-1:{OWN}:{name}"


actions = st.lists(st.sampled_from(["sqs:*", "sqs:SendMessage", "sqs:Delete*", "*", "s3:*"]), min_size=1, max_size=2)
texts = st.sampled_from(
    ["*", arn("*"), arn("app"), arn("app*"), arn("${aws:username}*"), arn("${aws:ResourceTag/team}-*"), arn("?na"),
     "arn:aws:sqs:*:*:*-x"]
)  # fmt: skip
conditions = st.sampled_from(
    [
        None,
        {"StringEquals": {"aws:ResourceTag/team": "red"}},
        {"StringNotEquals": {"aws:ResourceTag/team": "red"}},
        {"Null": {"aws:ResourceTag/team": "true"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    ]
)
principals = st.sampled_from([{"AWS": "*"}, {"AWS": USER}, {"AWS": f"arn:aws:iam::{OWN}:root"}, {"AWS": OTHER}])


@st.composite
def statement(draw: st.DrawFn, *, own: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(actions),
    }
    places = st.sampled_from([own, f"{own}*", "*", arn("app*")]) if own else texts
    made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(places, min_size=1, max_size=2)
    )
    if own:
        made["Principal"] = draw(principals)
    if condition := draw(conditions):
        made["Condition"] = condition
    return made


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@st.composite
def items(draw: st.DrawFn) -> Item:
    name = draw(st.sampled_from(NAMES))
    own = draw(st.lists(statement(own=arn(name)), min_size=1, max_size=2)) if draw(st.booleans()) else None
    tags = draw(st.sampled_from([{}, {"team": "red"}, {"Team": "blue", "x": "y"}]))
    region = draw(st.sampled_from(["eu-west-1", "us-east-1", "global"]))
    return Item(arn(name), region, tags, document(*own) if own else None)


def alone(who: Who, action: str, item: Item, owner: str) -> str:
    region = "us-east-1" if item.region == "global" else item.region
    context: dict[str, Any] = {**DIRECT, "aws:requestedregion": (region,)}
    for family in ("aws:resourcetag", "sqs:resourcetag"):
        context |= {f"{family}/{key.lower()}": (value,) for key, value in item.tags.items()}
        context[f"{family}/*"] = ABSENT
    asked = Asked(who.principal, action, item.arn, context, who.account, owner)
    policies = who.policies
    return decide(asked, dataclasses.replace(policies, resource=item.policy) if item.policy else policies).outcome


@settings(max_examples=150)
@given(
    st.lists(statement(), min_size=1, max_size=3), st.none() | statement(), st.lists(items(), min_size=1, max_size=6),
    st.sampled_from(["sqs:SendMessage", "sqs:DeleteQueue"]), st.sampled_from([OWN, OTHER]),
)  # fmt: skip
def test_everything_in_a_crowd_gets_the_answer_that_it_gets_alone(
    identity: list[dict[str, Any]], boundary: dict[str, Any] | None, crowd: list[Item], action: str, owner: str
) -> None:
    policies = Policies(identity=(document(*identity),), boundary=document(boundary) if boundary else None)
    who = Who(USER, OWN, policies)

    found = answers(who, action, Crowd(owner, crowd))

    outcomes = [alone(who, action, item, owner) for item in crowd]
    assert [bool(found.allowed >> n & 1) for n in range(len(crowd))] == [one == "allowed" for one in outcomes]
    undecided = [one == "could not be decided" for one in outcomes]
    assert [bool(found.undecided >> n & 1) for n in range(len(crowd))] == undecided


def test_what_a_pattern_tells_apart_is_asked_about_apart() -> None:
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": arn("app*")}
    who = Who(USER, OWN, Policies(identity=(document(allow),)))
    crowd = Crowd(OWN, [Item(arn(name), "eu-west-1", {}) for name in NAMES])

    assert answers(who, "sqs:SendMessage", crowd).allowed == 0b000011
    assert answers(who, "s3:GetObject", crowd).allowed == 0
    assert answers(who, "sqs:ListQueues", crowd, of_all=True).allowed == 0, "a listing is asked of *"
