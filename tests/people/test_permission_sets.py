"""Groups become permission sets: renamed for each account, without what only concerns others, and nobody gains."""

from pathlib import Path
from typing import Any

from migrate.people.permission_sets import PermissionSet
from migrate.verbs.people import Looked, look
from tests.people.company import ADMINISTRATOR, AWS, DEV, LEGACY, PROD, VAULT, allow, deny, of_queues, queue_arn

READ = f"{AWS}ReadOnlyAccess"


def looked(tmp_path: Path, *statements: dict[str, Any], attached: tuple[str, ...] = (), more: str = "") -> Looked:
    company = of_queues()
    company.group("engineers", *attached, own={"Version": "2012-10-17", "Statement": list(statements)})
    company.person("ana", "engineers")
    return look(company.folder(tmp_path, more))


def sets(found: Looked) -> dict[str, PermissionSet]:
    return {alias: one for one in found.sets.sets for alias in one.accounts}


def said(found: Looked, alias: str, persona: str = "engineers") -> list[str]:
    return [str(one) for one in found.sets.left[persona, alias]]


def test_each_account_gets_the_statements_that_name_its_things_under_their_new_names(tmp_path: Path) -> None:
    found = looked(tmp_path, allow("sqs:*", [queue_arn("orders-prod"), queue_arn("orders-dev"), queue_arn("shared")]))

    def inline(account: str, *names: str) -> dict[str, Any]:
        resources = [queue_arn(name, account) for name in names]
        return {"Version": "2012-10-17", "Statement": [allow("sqs:*", resources)]}

    assert sets(found)["production"].packed.inline == inline(PROD, "orders-prod", "shared")
    assert sets(found)["development"].packed.inline == inline(DEV, "orders-dev", "shared")
    assert said(found, "production") == [f"Allow sqs:* on {queue_arn('orders-dev')}: is in development"]


def test_a_pattern_goes_where_what_it_matches_goes(tmp_path: Path) -> None:
    found = looked(tmp_path, allow("sqs:*", queue_arn("*-prod")))

    assert sets(found)["production"].packed.inline == {
        "Version": "2012-10-17", "Statement": [allow("sqs:*", queue_arn("*-prod", PROD))],
    }  # fmt: skip
    assert "development" not in sets(found)


def test_what_stays_or_was_not_found_is_left_out_with_its_reason(tmp_path: Path) -> None:
    found = looked(tmp_path, allow("sqs:*", [queue_arn("old"), queue_arn("nobody-s"), queue_arn("orders-prod")]))

    assert sorted(said(found, "production")) == [
        f"Allow sqs:* on {queue_arn('nobody-s')}: {queue_arn('nobody-s')} is nothing that was found",
        f"Allow sqs:* on {queue_arn('old')}: stays in the old account",
    ]


def test_a_deny_keeps_what_lies_in_another_account(tmp_path: Path) -> None:
    found = looked(tmp_path, deny("sqs:*", queue_arn("secrets")), attached=(READ,))

    assert sets(found)["production"].packed.inline == {
        "Version": "2012-10-17", "Statement": [deny("sqs:*", queue_arn("secrets", VAULT))],
    }  # fmt: skip
    assert sets(found)["production"].aws_managed == (READ,)


def test_an_account_that_is_no_environment_is_offered_and_not_assigned(tmp_path: Path) -> None:
    found = looked(tmp_path, allow("sqs:*", [queue_arn("secrets"), queue_arn("orders-prod")]))

    assert sets(found)["vault"].assigned == ()
    assert sets(found)["production"].assigned == ("production",)
    assert found.proposal.groups["engineers"]["assign"] == [
        {"accounts": ["production"], "permission_set": "engineers-production"}
    ]


def test_the_same_set_in_two_accounts_is_one(tmp_path: Path) -> None:
    found = looked(tmp_path, allow(["s3:ListAllMyBuckets", "ec2:Describe*"]))

    (one,) = found.sets.sets
    assert (one.name, one.accounts) == ("engineers", ("production", "development"))


def test_who_is_in_two_groups_gets_one_set_of_both_so_that_a_deny_of_one_binds_the_other(tmp_path: Path) -> None:
    company = of_queues()
    company.group("juniors", no={"Version": "2012-10-17", "Statement": [deny("sqs:*", "*")]})
    company.group("data", yes={"Version": "2012-10-17", "Statement": [allow("sqs:*", "*")]})
    company.person("ana", "juniors", "data")
    company.person("bo", "data")

    found = look(company.folder(tmp_path))

    both = next(one for one in found.sets.sets if one.persona == "data-and-juniors")
    effects = {one["Effect"] for one in (both.packed.inline or {})["Statement"]}
    assert effects == {"Allow", "Deny"}
    assert [(one["name"], one["groups"]) for one in found.proposal.people] == [
        ("ana", ["data-and-juniors"]), ("bo", ["data"]),
    ]  # fmt: skip


def test_policies_of_a_person_s_own_make_a_set_of_their_own_and_a_boundary_is_refused(tmp_path: Path) -> None:
    company = of_queues()
    edge = company.policy("edge", allow("sqs:*", queue_arn("orders-prod")))
    company.group("engineers", READ)
    company.person("ana", "engineers", attached=[ADMINISTRATOR])
    company.person("bo", "engineers", boundary=edge)
    company.person("cy", "engineers")

    found = look(company.folder(tmp_path))

    by_persona = {one.persona: one for one in found.sets.sets}
    assert by_persona["own-ana"].aws_managed == (ADMINISTRATOR, READ)
    assert by_persona["engineers"].aws_managed == (READ,)
    assert "own-bo" not in by_persona
    assert any("own-bo in production: a permissions boundary" in text for text in found.sets.refused)


def test_what_speaks_of_the_iam_user_itself_is_left_out_and_a_lost_deny_is_a_finding(tmp_path: Path) -> None:
    no_mfa = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    found = looked(
        tmp_path,
        allow("iam:*AccessKey*", f"arn:aws:iam::{LEGACY}:user/${{aws:username}}"),
        deny("*", "*", Condition=no_mfa),
        allow("sqs:*", "*"),
    )

    assert sets(found)["production"].packed.inline == {"Version": "2012-10-17", "Statement": [allow("sqs:*", "*")]}
    gains = [one.gains for one in found.sets.left["engineers", "production"]]
    assert sorted(gains) == [False, True]


def test_conditions_are_renamed_too(tmp_path: Path) -> None:
    condition = {
        "ArnEquals": {"aws:SourceArn": queue_arn("orders-prod")},
        "StringEquals": {"aws:PrincipalAccount": LEGACY},
    }
    found = looked(tmp_path, allow("sqs:*", queue_arn("orders-prod"), Condition=condition))

    (statement,) = (sets(found)["production"].packed.inline or {})["Statement"]
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": queue_arn("orders-prod", PROD)},
        "StringEquals": {"aws:PrincipalAccount": PROD},
    }


def test_a_policy_of_12000_bytes_is_packed_or_refused_with_the_reason(tmp_path: Path) -> None:
    many = [allow(f"sqs:Act{n}", f"arn:aws:sqs:*:*:{n}-{'x' * 70}") for n in range(90)]

    packed = looked(tmp_path / "a", *many)
    refused = looked(tmp_path / "b", *many, attached=(READ, ADMINISTRATOR), more="identities: {managed_policies: 2}")

    assert packed.sets.set_of("engineers", "production").packed.size_bytes > 12_000  # type: ignore[union-attr]
    assert sets(packed)["production"].as_json()["customer_policies"] == [{"name": "engineers-2"}]
    assert list(packed.proposal.policies) == ["engineers-2"]
    assert "production" not in sets(refused)
    assert any("engineers in production" in text and "0 are free of the 2" in text for text in refused.sets.refused)


def test_a_name_too_long_for_a_permission_set_is_shortened_and_stays_its_own(tmp_path: Path) -> None:
    company = of_queues()
    for end in "ab":
        name = f"people-who-know-all-about-the-orders-{end}"
        company.group(name, READ)
        company.person(end, name)

    names = [one.name for one in look(company.folder(tmp_path)).sets.sets]

    assert len(set(names)) == 2
    assert max(map(len, names)) <= 32


def test_a_policy_that_the_scan_did_not_see_is_said(tmp_path: Path) -> None:
    found = looked(tmp_path, attached=(f"arn:aws:iam::{LEGACY}:policy/unseen",))

    assert found.sets.unread == ("unseen (attached, group engineers) of engineers",)
