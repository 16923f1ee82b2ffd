"""What a person keeps, loses and gains."""

from migrate.policy_evaluation import DIRECT, FULL_AWS_ACCESS, Asked, Policies, compare, questions
from tests.policy_evaluation.asks import HERE, OBJECT, THERE, USER, allow, asked, deny

SSO = f"arn:aws:sts::{THERE}:assumed-role/AWSReservedSSO_Developer_0123456789abcdef/ann"
BEFORE = asked(context=DIRECT)
AFTER = Asked(SSO, "s3:GetObject", OBJECT, DIRECT, THERE, THERE)


def test_every_question_is_kept_lost_gained_denied_or_open() -> None:
    before = Policies(identity=(allow(["s3:GetObject", "s3:PutObject"]),))
    after = Policies(
        identity=(
            allow(["s3:GetObject", "s3:DeleteObject"]),
            allow("s3:ListBucket", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        )
    )
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:CreateBucket", "s3:ListBucket"]

    table = compare(before, after, questions(actions, [(OBJECT, OBJECT)], before=BEFORE, after=AFTER))

    assert [row.change for row in table.rows] == ["kept", "lost", "gained", "denied in both", "could not be decided"]
    assert not table.is_same
    assert table.counts()["gained"] == 1
    assert [row.question.words for row in table.of("gained")] == [f"s3:DeleteObject {OBJECT}"]
    lines = [str(row) for row in table.rows]
    assert lines[0] == f"kept: s3:GetObject {OBJECT}"
    assert "after: implicit deny, no identity policy allows it" in lines[1]
    assert "aws:multifactorauthpresent is not known" in lines[4]
    assert "before" not in lines[4]


def test_resources_and_principals_have_their_own_names_on_each_side() -> None:
    old, new = f"arn:aws:sqs:eu-west-1:{HERE}:q", f"arn:aws:sqs:eu-west-1:{THERE}:q"
    before, after = Policies(identity=(allow("sqs:*", old),)), Policies(identity=(allow("sqs:*", new),))

    table = compare(before, after, questions(["sqs:SendMessage"], [(old, new)], before=BEFORE, after=AFTER))
    mistaken = compare(before, after, questions(["sqs:SendMessage"], [(old, old)], before=BEFORE, after=AFTER))

    assert table.is_same
    assert mistaken.counts() == {"lost": 1}


def test_an_scp_over_the_target_takes_away_and_is_named() -> None:
    before = Policies(identity=(FULL_AWS_ACCESS,))
    after = Policies(identity=(FULL_AWS_ACCESS,), scps=((FULL_AWS_ACCESS, deny("s3:Get*")),))

    table = compare(before, after, [asked()])

    assert table.counts() == {"lost": 1}
    assert "SCP 2 of level 1, statement 1" in str(table.rows[0])


def test_an_answer_that_is_open_on_one_side_is_never_called_kept() -> None:
    maybe = Policies(identity=(allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),))
    certain = Policies(identity=(FULL_AWS_ACCESS,))

    assert compare(maybe, certain, [asked()]).counts() == {"could not be decided": 1}
    assert compare(certain, maybe, [asked()]).counts() == {"could not be decided": 1}


def test_two_people_with_the_same_policies_get_their_own_answers() -> None:
    policies = Policies(identity=(allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}"),))
    bob = f"arn:aws:iam::{HERE}:user/bob"

    def rows(who: str) -> dict[str, int]:
        return dict(compare(policies, policies, [asked("iam:CreateAccessKey", USER, by=who)]).counts())

    assert rows(USER) == {"kept": 1}
    assert rows(bob) == {"denied in both": 1}
    assert rows(USER) == {"kept": 1}
