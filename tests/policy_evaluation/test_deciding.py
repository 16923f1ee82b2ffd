"""Which policies have a say, and what each can still take away."""

import pytest

from migrate.policy_evaluation import (
    DIRECT,
    FULL_AWS_ACCESS,
    UNKNOWN,
    Policies,
    decide,
)
from tests.policy_evaluation.asks import (
    ADMIN,
    FEDERATED,
    HERE,
    KEY,
    ROLE,
    ROOT,
    SESSION,
    THERE,
    TRUSTED,
    USER,
    allow,
    answer,
    asked,
    deny,
    document,
    granted_to,
    statement,
)


def test_without_policies_nothing_is_allowed_and_the_reason_says_so() -> None:
    decision = answer(asked())

    assert decision.outcome == "implicit deny"
    assert decision.because == ("no identity policy allows it",)


def test_an_allow_names_the_policy_and_the_statement() -> None:
    decision = answer(asked(), allow("ec2:*"), document(statement("Allow", "s3:Get*", Sid="Reading")))

    assert decision.because == ("identity policy 2, statement 1 (Reading)",)


@pytest.mark.parametrize("place", ["identity", "boundary", "resource", "scps", "rcps", "session"])
def test_a_deny_in_any_policy_wins_and_is_named(place: str) -> None:
    no = deny("s3:*", **({"Principal": "*"} if place in ("resource", "rcps") else {}))
    policies = {
        "identity": Policies(identity=(ADMIN, no)),
        "boundary": Policies(identity=(ADMIN,), boundary=document(*ADMIN["Statement"], *no["Statement"])),
        "resource": Policies(identity=(ADMIN,), resource=no),
        "scps": Policies(identity=(ADMIN,), scps=((FULL_AWS_ACCESS,), (FULL_AWS_ACCESS, no))),
        "rcps": Policies(identity=(ADMIN,), rcps=((no,),)),
        "session": Policies(identity=(ADMIN,), session=(ADMIN, no)),
    }[place]

    decision = decide(asked(by=SESSION), policies)

    assert decision.outcome == "explicit deny"
    name = {"scps": "SCP 2 of level 2", "rcps": "RCP 1 of level 1", "resource": "resource policy"}.get(place, place)
    assert decision.because[0].lower().startswith(name.lower()) or name in decision.because[0]


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_every_level_of_scps_must_allow(lacking: int) -> None:
    levels = [(FULL_AWS_ACCESS,), (FULL_AWS_ACCESS,), (FULL_AWS_ACCESS,)]
    levels[lacking] = (allow("ec2:*"),)

    decision = answer(asked(), ADMIN, scps=tuple(levels))

    assert decision.outcome == "implicit deny"
    assert decision.because == (f"no SCP of level {lacking + 1} allows it",)


def test_a_level_without_scps_denies_everything_and_no_levels_deny_nothing() -> None:
    assert answer(asked(), ADMIN, scps=((FULL_AWS_ACCESS,), ())).outcome == "implicit deny"
    assert answer(asked(), ADMIN, scps=()).outcome == "allowed"


def test_scps_allow_nothing_by_themselves() -> None:
    assert answer(asked(), scps=((FULL_AWS_ACCESS,),)).outcome == "implicit deny"


def test_scps_limit_the_root_user_but_no_service_linked_role_and_no_service() -> None:
    scps = ((FULL_AWS_ACCESS, deny("s3:*")),)
    linked = f"arn:aws:iam::{HERE}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
    bucket = allow(Principal={"Service": "s3.amazonaws.com"})

    assert answer(asked(by=ROOT), scps=scps).outcome == "explicit deny"
    assert answer(asked(by=linked), ADMIN, scps=scps).outcome == "allowed"
    assert answer(asked(by="s3.amazonaws.com"), resource=bucket, scps=scps).outcome == "allowed"


def test_a_session_of_a_service_linked_role_is_known_by_its_principal_arn() -> None:
    session = f"arn:aws:sts::{HERE}:assumed-role/AWSServiceRoleForRDS/x"
    arn = f"arn:aws:iam::{HERE}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
    scps = ((FULL_AWS_ACCESS, deny("s3:*")),)

    known = asked(by=session, context={"aws:principalarn": (arn,)})

    assert answer(known, ADMIN, scps=scps).outcome == "allowed"
    assert answer(asked(by=session), ADMIN, scps=scps).outcome == "explicit deny"


class TestWithinOneAccount:
    def test_identity_policy_or_resource_policy_is_enough(self) -> None:
        assert answer(asked(), allow("s3:*"), resource=granted_to(f"arn:aws:iam::{HERE}:user/bob")).is_allowed
        assert answer(asked(), resource=granted_to(USER)).is_allowed

    @pytest.mark.parametrize("name", [HERE, ROOT])
    def test_a_resource_policy_that_names_the_account_leaves_it_to_the_accounts_own_policies(self, name: str) -> None:
        assert answer(asked(), resource=granted_to(name)).outcome == "implicit deny"
        assert answer(asked(), allow("s3:GetObject"), resource=granted_to(name)).is_allowed

    @pytest.mark.parametrize(
        ("by", "named", "outcome"),
        [
            (USER, USER, "allowed"),
            (SESSION, SESSION, "allowed"),
            (FEDERATED, FEDERATED, "allowed"),
            (USER, "*", "allowed"),
            (SESSION, ROLE, "implicit deny"),
            (ROLE, ROLE, "implicit deny"),
            (FEDERATED, USER, "implicit deny"),
        ],
    )
    def test_a_boundary_limits_what_a_resource_policy_gives_to_a_role_only(
        self, by: str, named: str, outcome: str
    ) -> None:
        decision = answer(asked(by=by), boundary=allow("ec2:*"), resource=granted_to(named))

        assert decision.outcome == outcome

    def test_a_role_that_a_resource_policy_names_needs_no_identity_policy(self) -> None:
        assert answer(asked(by=SESSION), resource=granted_to(ROLE)).is_allowed
        assert answer(asked(by=SESSION), boundary=allow("s3:*"), resource=granted_to(ROLE)).is_allowed

    def test_session_policies_limit_a_role_that_is_named_but_not_a_session_that_is_named(self) -> None:
        session = (allow("ec2:*"),)

        assert answer(asked(by=SESSION), resource=granted_to(ROLE), session=session).outcome == "implicit deny"
        assert answer(asked(by=SESSION), resource=granted_to(SESSION), session=session).is_allowed

    def test_a_session_may_do_what_role_boundary_and_session_policies_all_allow(self) -> None:
        def outcome(action: str) -> str:
            return answer(
                asked(action, by=SESSION),
                allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"]),
                boundary=allow(["s3:GetObject", "s3:PutObject"]),
                session=(allow("s3:GetObject"), allow("s3:DeleteObject")),
            ).outcome

        assert outcome("s3:GetObject") == "allowed"
        assert outcome("s3:PutObject") == outcome("s3:ListBucket") == outcome("s3:DeleteObject") == "implicit deny"

    def test_a_federated_user_without_session_policies_may_do_nothing(self) -> None:
        decision = answer(asked(by=FEDERATED), ADMIN)

        assert decision.outcome == "implicit deny"
        assert "session policies" in decision.because[0]
        assert answer(asked(by=FEDERATED), ADMIN, session=(ADMIN,)).is_allowed

    def test_the_root_user_may_do_everything_that_no_policy_denies(self) -> None:
        assert answer(asked(by=ROOT)).is_allowed
        assert answer(asked(by=ROOT), resource=deny(Principal="*")).outcome == "explicit deny"

    def test_which_session_of_a_role_asks_must_be_said_where_a_policy_names_one(self) -> None:
        decision = answer(asked(by=ROLE), resource=granted_to(SESSION))

        assert decision.outcome == "could not be decided"
        assert "which session" in decision.because[0]


class TestAcrossAccounts:
    def test_both_accounts_must_allow(self) -> None:
        question = asked(of=THERE)

        assert answer(question, allow("s3:*"), resource=granted_to(USER)).is_allowed
        assert answer(question, allow("s3:*"), resource=granted_to(HERE)).is_allowed
        assert answer(question, resource=granted_to(USER)).outcome == "implicit deny"
        assert answer(question, allow("s3:*"), resource=granted_to(THERE)).outcome == "implicit deny"
        assert answer(question, allow("s3:*")).outcome == "implicit deny"

    def test_what_limits_the_principal_at_home_limits_it_abroad(self) -> None:
        question, resource = asked(of=THERE, by=SESSION), granted_to(SESSION)

        assert answer(question, ADMIN, boundary=allow("ec2:*"), resource=resource).outcome == "implicit deny"
        assert answer(question, ADMIN, session=(allow("ec2:*"),), resource=resource).outcome == "implicit deny"
        assert answer(question, ADMIN, scps=((allow("ec2:*"),),), resource=resource).outcome == "implicit deny"
        assert answer(question, ADMIN, rcps=((deny(Principal="*"),),), resource=resource).outcome == "explicit deny"


class TestPoliciesThatMustAllow:
    def test_an_administrator_cannot_use_a_key_whose_policy_does_not_let_the_account_in(self) -> None:
        question = asked("kms:Decrypt", KEY)

        assert answer(question, ADMIN, resource=granted_to(f"arn:aws:iam::{HERE}:user/bob")).outcome == "implicit deny"
        assert answer(question, ADMIN, resource=granted_to(ROOT)).is_allowed
        assert answer(question, allow("ec2:*"), resource=granted_to(ROOT)).outcome == "implicit deny"
        assert answer(question, resource=granted_to(USER)).is_allowed

    def test_a_key_whose_policy_is_not_given_cannot_be_decided(self) -> None:
        decision = answer(asked("kms:Decrypt", KEY), ADMIN)

        assert decision.outcome == "could not be decided"
        assert "key policy is not given" in decision.because[0]

    def test_listing_keys_needs_no_key_policy(self) -> None:
        assert answer(asked("kms:ListKeys", "*"), ADMIN).is_allowed

    def test_a_role_is_assumed_only_where_its_trust_policy_says_so(self) -> None:
        question = asked("sts:AssumeRole", TRUSTED)
        trust = document({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"})
        named = document({"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"})
        other = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})

        assert answer(question, allow("sts:AssumeRole"), resource=trust).is_allowed
        assert answer(question, resource=trust).outcome == "implicit deny"
        assert answer(question, resource=named).is_allowed
        assert answer(question, ADMIN, resource=other).outcome == "implicit deny"
        assert answer(question, ADMIN).outcome == "could not be decided"


def test_an_identity_provider_needs_the_trust_policy_alone() -> None:
    provider = f"arn:aws:iam::{HERE}:oidc-provider/token.actions.githubusercontent.com"
    sub = "token.actions.githubusercontent.com:sub"
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {sub: "repo:acme/shop:ref:refs/heads/main"}},
        }
    )

    def outcome(value: tuple[str, ...]) -> str:
        return answer(
            asked("sts:AssumeRoleWithWebIdentity", TRUSTED, by=provider, context={sub: value}), resource=trust
        ).outcome

    assert outcome(("repo:acme/shop:ref:refs/heads/main",)) == "allowed"
    assert outcome(("repo:evil/shop:ref:refs/heads/main",)) == "implicit deny"
    assert outcome(()) == "implicit deny"
    assert outcome(UNKNOWN) == "could not be decided"


def test_a_deleted_principal_gives_nothing_to_anybody() -> None:
    assert answer(asked(), resource=granted_to("AIDAEXAMPLEEXAMPLE12")).outcome == "implicit deny"


def test_a_canonical_user_id_may_be_anybodys() -> None:
    decision = answer(asked(of=THERE), ADMIN, resource=allow(Principal={"CanonicalUser": "79a59d"}))

    assert decision.outcome == "could not be decided"


@pytest.mark.parametrize(
    ("listed", "outcome"),
    [
        ([USER, ROOT], "allowed"),
        ([USER], "could not be decided"),
        ([ROOT], "could not be decided"),
        ([f"arn:aws:iam::{HERE}:user/bob"], "explicit deny"),
        (["*"], "allowed"),
    ],
)
def test_not_principal_excepts_only_who_is_named_with_the_account(listed: list[str], outcome: str) -> None:
    no = deny(NotPrincipal={"AWS": listed})

    assert answer(asked(), ADMIN, resource=no).outcome == outcome


def test_get_caller_identity_cannot_be_denied() -> None:
    assert answer(asked("sts:GetCallerIdentity", "*"), deny()).is_allowed
    assert answer(asked("sts:AssumeRole", "*"), deny()).outcome == "explicit deny"


class TestWhatIsNotKnown:
    def test_an_allow_that_may_be_denied_cannot_be_decided_and_the_key_is_named(self) -> None:
        outside = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
        no = document({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": outside})

        decision = answer(asked(), ADMIN, no)

        assert decision.outcome == "could not be decided"
        assert "aws:requestedregion" in decision.because[0]
        assert answer(asked("iam:CreateUser", "*"), ADMIN, no).is_allowed

    def test_what_does_not_matter_need_not_be_known(self) -> None:
        maybe = allow("s3:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})

        assert answer(asked(), maybe).outcome == "could not be decided"
        assert answer(asked(), maybe, allow("s3:Get*")).is_allowed
        assert answer(asked(), maybe, deny("s3:*")).outcome == "explicit deny"
        assert answer(asked("ec2:RunInstances", "*"), maybe).outcome == "implicit deny"

    def test_keys_of_another_service_are_absent(self) -> None:
        no = deny(Condition={"StringNotEquals": {"ec2:InstanceType": "t3.micro"}})

        assert answer(asked(), ADMIN, no).outcome == "explicit deny"
        assert answer(asked("ec2:RunInstances", "*"), ADMIN, no).outcome == "could not be decided"

    def test_keys_of_the_session_exist_in_requests_to_every_service(self) -> None:
        only = allow(Condition={"ArnLike": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/i-1"}})

        assert answer(asked(by=SESSION), only).outcome == "could not be decided"

    def test_the_path_of_a_sessions_role_is_not_in_its_arn(self) -> None:
        only = allow(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/dev/builder"}})

        assert answer(asked(by=SESSION), only).outcome == "could not be decided"
        assert answer(asked(by=SESSION, context={"aws:principalarn": (ROLE,)}), only).is_allowed
        assert answer(asked(by=ROLE), only).is_allowed

    def test_a_direct_request_is_known_not_to_come_through_a_service(self) -> None:
        no = deny(Condition={"Bool": {"aws:ViaAWSService": "false"}})
        only = allow(Condition={"ForAnyValue:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}})

        assert answer(asked(context=DIRECT), ADMIN, no).outcome == "explicit deny"
        assert answer(asked(context=DIRECT), only).outcome == "implicit deny"
        assert answer(asked(), only).outcome == "could not be decided"

    def test_nobody_is_of_no_organisation(self) -> None:
        inside = allow(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})

        assert answer(asked(by="*"), resource=inside).outcome == "implicit deny"
        assert answer(asked(), resource=inside).outcome == "could not be decided"
        assert answer(asked(context={"aws:principalorgid": ("o-1",)}), resource=inside).is_allowed

    def test_a_path_in_the_organisation_is_one_of_several(self) -> None:
        unit = allow(Principal="*", Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/ou-1/*"}})

        assert answer(asked(context={"aws:principalorgpaths": ("o-1/r-1/ou-1/ou-2/",)}), resource=unit).is_allowed
        assert not answer(asked(context={"aws:principalorgpaths": ("o-1/r-1/ou-9/",)}), resource=unit).is_allowed

    def test_a_family_of_keys_is_said_at_once(self) -> None:
        only = allow(Condition={"StringEquals": {"aws:PrincipalTag/Team": "shop"}})

        assert answer(asked(context={"aws:principaltag/*": ()}), only).outcome == "implicit deny"
        assert answer(asked(context={"aws:principaltag/*": (), "aws:principaltag/team": ("shop",)}), only).is_allowed

    def test_policies_say_which_keys_an_answer_may_depend_on(self) -> None:
        policies = Policies(
            identity=(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/Team}/*"),),
            scps=((FULL_AWS_ACCESS, deny(Condition={"Null": {"aws:SourceVpce": "true"}})),),
        )

        assert policies.condition_keys() == {"aws:principaltag/team", "aws:sourcevpce"}
