"""Variables, wildcards, versions; questions and documents that are none."""

import pytest

from migrate.policy_evaluation import Asked, MalformedPolicy, Policies, allowed_actions, decide
from tests.policy_evaluation.asks import (
    ADMIN,
    HERE,
    OBJECT,
    SESSION,
    THERE,
    USER,
    allow,
    answer,
    asked,
    deny,
    document,
    statement,
)


class TestVariables:
    HOME = "arn:aws:s3:::b/home/${aws:username}/*"

    def test_a_variable_stands_for_the_askers_value(self) -> None:
        assert answer(asked(resource="arn:aws:s3:::b/home/ann/k"), allow("s3:*", self.HOME)).is_allowed
        assert answer(asked(resource="arn:aws:s3:::b/home/bob/k"), allow("s3:*", self.HOME)).outcome == "implicit deny"

    def test_wildcards_in_a_value_are_literal(self) -> None:
        tagged = allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/Team}/k")
        context = {"aws:principaltag/team": ("*",)}

        assert answer(asked(resource="arn:aws:s3:::b/shop/k", context=context), tagged).outcome == "implicit deny"
        assert answer(asked(resource="arn:aws:s3:::b/*/k", context=context), tagged).is_allowed

    def test_a_default_stands_where_the_key_is_absent(self) -> None:
        tagged = allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/Team, 'shared'}/*")

        assert answer(asked(resource="arn:aws:s3:::b/shared/k", context={"aws:principaltag/*": ()}), tagged).is_allowed
        assert answer(
            asked(resource="arn:aws:s3:::b/shared/k", context={"aws:principaltag/team": ("x",)}), tagged
        ).outcome == "implicit deny"  # fmt: skip

    def test_escaped_characters_are_literal(self) -> None:
        star = allow("s3:*", "arn:aws:s3:::b/${*}${?}${$}")

        assert answer(asked(resource="arn:aws:s3:::b/*?$"), star).is_allowed
        assert answer(asked(resource="arn:aws:s3:::b/abc"), star).outcome == "implicit deny"

    def test_version_2008_knows_no_variables(self) -> None:
        old = document(statement("Allow", "s3:*", self.HOME), version="2008-10-17")

        assert answer(asked(resource="arn:aws:s3:::b/home/ann/k"), old).outcome == "implicit deny"
        assert answer(asked(resource="arn:aws:s3:::b/home/${aws:username}/k"), old).is_allowed

    def test_a_document_without_version_is_of_2008(self) -> None:
        old = {"Statement": statement("Allow", "s3:*", self.HOME)}

        assert answer(asked(resource="arn:aws:s3:::b/home/ann/k"), old).outcome == "implicit deny"

    def test_a_variable_without_value_allows_nothing_and_leaves_a_deny_open(self) -> None:
        home = "arn:aws:s3:::b/home/ann/k"

        assert answer(asked(resource=home, by=SESSION), allow("s3:*", self.HOME)).outcome == "implicit deny"
        assert answer(asked(resource=home, by=SESSION), ADMIN, deny("s3:*", self.HOME)).outcome == (
            "could not be decided"
        )
        assert answer(asked(resource="arn:aws:s3:::b/etc/k", by=SESSION), ADMIN, deny("s3:*", self.HOME)).is_allowed

    def test_a_variable_without_value_beside_a_resource_that_fits_leaves_the_statement_open(self) -> None:
        shared = "arn:aws:s3:::b/shared/*"
        question = asked(resource="arn:aws:s3:::b/shared/k", by=SESSION)

        decision = answer(question, allow("s3:*", [self.HOME, shared]))

        assert decision.outcome == "could not be decided"
        assert "aws:username has no value" in decision.because[0]
        assert answer(question, allow("s3:*", self.HOME), allow("s3:*", shared)).is_allowed
        assert answer(question, ADMIN, deny("s3:*", [self.HOME, shared])).outcome == "could not be decided"
        assert answer(asked(resource="arn:aws:s3:::b/shared/k"), allow("s3:*", [self.HOME, shared])).is_allowed

    def test_a_negated_condition_on_a_variable_without_value_allows_nothing(self) -> None:
        differs = allow(Condition={"StringNotEquals": {"s3:prefix": "${aws:username}"}})

        assert answer(asked(by=SESSION, context={"s3:prefix": ("x",)}), differs).outcome == "implicit deny"
        assert answer(asked(by=USER, context={"s3:prefix": ("x",)}), differs).is_allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "outcome"),
    [
        ("arn:aws:logs:*:*:log-group:/app/*", "arn:aws:logs:eu-west-1:1:log-group:/app/a:log-stream:x", "allowed"),
        ("arn:aws:s3:::b/k?y", "arn:aws:s3:::b/key", "allowed"),
        ("arn:aws:s3:::B/*", OBJECT, "implicit deny"),
        ("arn:aws:s3:::b/*.gz", "arn:aws:s3:::b/2026-11-22T19:00.gz", "could not be decided"),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/2026-11-22T19:00.gz", "allowed"),
        ("arn:aws:*", OBJECT, "allowed"),
        ("arn:aws:s3:::*", "*", "implicit deny"),
    ],
)
def test_wildcards_of_resources(pattern: str, resource: str, outcome: str) -> None:
    assert answer(asked(resource=resource), allow("s3:*", pattern)).outcome == outcome


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "s3:*"}, {"action": "GetObject"}, {"action": "s3:"}, {"principal": "ann"},
        {"principal": f"arn:aws:iam::{HERE}:group/devs"}, {"account": THERE}, {"resource": ""},
        {"resource_account": ""},
        {"context": {"aws:SourceIp": ("1.2.3.4",)}}, {"context": {"aws:sourceip": "1.2.3.4"}},
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(changed: dict[str, object]) -> None:
    good = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT, "context": {}}
    accounts = {"account": HERE, "resource_account": HERE}

    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        Asked(**{**good, **accounts, **changed})  # type: ignore[arg-type]


def test_actions_are_sorted_by_answer() -> None:
    policies = Policies(identity=(allow("s3:Get*"), allow("ec2:*", Condition={"Bool": {"aws:ViaAWSService": "true"}})))

    found = allowed_actions(
        policies, ["s3:GetObject", "s3:PutObject", "ec2:RunInstances"], OBJECT, principal=USER, account=HERE
    )

    assert found == (("s3:GetObject",), ("s3:PutObject",), ("ec2:RunInstances",))


@pytest.mark.parametrize(
    ("bad", "place", "said"),
    [
        ([], "identity", "a policy is an object"),
        ({"Version": "2012-10-17"}, "identity", "has no Statement"),
        ({"Version": "2020-01-01", "Statement": []}, "identity", "Version '2020-01-01'"),
        ({"Statement": [], "Statements": []}, "identity", "unknown element 'Statements'"),
        (document({"Effect": "allow", "Action": "*", "Resource": "*"}), "identity", "statement 1: Effect is 'allow'"),
        (document({"Effect": "Allow", "Resource": "*"}), "identity", "neither Action nor NotAction"),
        (document({"Effect": "Allow", "Action": "*"}), "boundary", "neither Resource nor NotResource"),
        (document(statement("Allow", NotAction="s3:*")), "identity", "has both Action and NotAction"),
        (document(statement("Allow", "s3")), "identity", "'s3' is neither"),
        (document(statement("Allow", 7)), "identity", "Action must be a text"),
        (allow(Principal="*"), "identity", "has Principal, which is for resource policies"),
        (allow(), "resource", "neither Principal nor NotPrincipal"),
        (allow(Principal={"Aws": "*"}), "resource", "unknown sort 'Aws'"),
        (allow(Condition={"StringIs": {"aws:x": "y"}}), "identity", "unknown operator 'StringIs'"),
        (allow(Condition={"ForSome:StringLike": {"aws:x": "y"}}), "identity", "unknown set operator 'ForSome'"),
        (allow(Condition={"StringLike": "y"}), "identity", "must be an object of condition keys"),
        (allow(Condition={"StringLike": {"aws:x": {"y": 1}}}), "identity", "must be a text"),
        (allow(Condition={"Null": {"aws:x": "maybe"}}), "identity", "must be true or false"),
        (document(statement("Allow", Condition=[])), "identity", "Condition must be an object"),
        (document(statement("Allow"), "x"), "identity", "statement 2: is no object"),  # type: ignore[arg-type]
        (allow(Action2="x"), "identity", "unknown element 'Action2'"),
        ({"Statement": {1, 2}}, "identity", "is not JSON"),
    ],
)
def test_a_malformed_document_is_refused_with_its_place(bad: object, place: str, said: str) -> None:
    policies = {
        "identity": Policies(identity=(ADMIN, bad)),  # type: ignore[arg-type]
        "boundary": Policies(boundary=bad),  # type: ignore[arg-type]
        "resource": Policies(resource=bad),  # type: ignore[arg-type]
    }[place]
    names = {"identity": "identity policy 2", "boundary": "permissions boundary", "resource": "resource policy"}

    with pytest.raises(MalformedPolicy) as refused:
        decide(asked(), policies)

    assert str(refused.value).startswith(f"{names[place]}: ")
    assert said in str(refused.value)
    assert "do: " in str(refused.value)
