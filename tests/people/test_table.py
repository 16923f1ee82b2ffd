"""What is kept, lost and gained: the proposal gives nobody more, and what a person changes in it is seen."""

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from migrate.errors import ConfigError
from migrate.names import AccountId
from migrate.people.questions import Corpus, questions_of_set
from migrate.people.table import Cell, by_person
from migrate.verbs.people import _findings, look
from tests.people.company import (
    AWS,
    DEV,
    HERE,
    LEGACY,
    ORGANISATION,
    PROD,
    Company,
    allow,
    deny,
    doc,
    of_queues,
    queue_arn,
)

READ = f"{AWS}ReadOnlyAccess"
QUEUES = ["orders-prod", "orders-dev", "shared", "secrets", "old", "nobody-s"]
RESOURCES = ["*", *map(queue_arn, QUEUES), queue_arn("*-prod"), queue_arn("orders-*"), f"arn:aws:sqs:*:{LEGACY}:s*"]
ACTIONS = ["sqs:SendMessage", "sqs:*", "SQS:get*", "iam:CreateUser", "kms:*", "s3:GetObject", "*"]


@some.composite
def a_statement(draw: some.DrawFn) -> dict[str, Any]:
    names = {
        draw(some.sampled_from(["Action", "Action", "NotAction"])): ACTIONS,
        draw(some.sampled_from(["Resource", "Resource", "NotResource"])): RESOURCES,
    }
    lists = {key: draw(some.lists(some.sampled_from(texts), min_size=1, max_size=3)) for key, texts in names.items()}
    condition = draw(some.sampled_from([{}, {"StringEquals": {"aws:RequestedRegion": HERE}}]))
    return {"Effect": draw(some.sampled_from(["Allow", "Allow", "Deny"])), **lists, "Condition": condition}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.lists(some.lists(a_statement(), min_size=1, max_size=3), min_size=1, max_size=3))
def test_nobody_gains_by_the_proposal_whatever_they_hold(groups: list[list[dict[str, Any]]]) -> None:
    company = of_queues()
    for number, statements in enumerate(groups):
        company.group(f"g{number}", READ, own={"Version": "2012-10-17", "Statement": statements})
    company.person("ana", *(f"g{number}" for number in range(len(groups))))
    company.person("bo", "g0")

    with tempfile.TemporaryDirectory() as folder:
        found = look(company.folder(Path(folder)))

    left_denies = any(one.gains for left in found.sets.left.values() for one in left)
    assert left_denies or [(cell.alias, cell.gained) for cell in found.cells if cell.gained] == []


def test_a_deny_that_leaves_out_a_thing_of_another_account_leaves_nothing_out_here() -> None:
    company = of_queues()
    denied = {"Effect": "Deny", "Action": "sqs:SendMessage", "NotResource": queue_arn("orders-prod")}
    company.group("g0", READ, own={"Statement": [allow("sqs:SendMessage", "*"), denied]})
    company.person("ana", "g0")

    with tempfile.TemporaryDirectory() as folder:
        found = look(company.folder(Path(folder)))

    assert [(cell.alias, cell.gained) for cell in found.cells if cell.gained] == []
    said = [str(left) for by_account in found.sets.left.values() for left in by_account]
    assert any("all but" in text and "is in production" in text for text in said), said


def a_company() -> Company:
    company = of_queues()
    company.group("engineers", own={"Statement": [allow("sqs:*", queue_arn("orders-prod")), deny("sqs:DeleteQueue")]})
    company.person("ana", "engineers")
    return company


def section(statements: str, *, policies: str = "[]", assign: str = "[production]") -> str:
    inline = f"{{Version: 2012-10-17, Statement: {statements}}}"
    return (
        f"{ORGANISATION}  people: [{{name: ana, email: a@shop.example, groups: [mine]}}]\n"
        f"  groups: {{mine: {{assign: [{{accounts: {assign}, permission_set: own}}]}}}}\n"
        f"  permission_sets: {{own: {{policies: {policies}, inline: {inline}}}}}\n"
    )


def cells(tmp_path: Path, more: str = "") -> dict[tuple[str, str], Cell]:
    return by_person(look(a_company().folder(tmp_path, more)).cells)


def test_what_goes_to_the_account_is_kept_and_a_deny_still_denies(tmp_path: Path) -> None:
    cell = cells(tmp_path)["ana", "production"]

    assert cell.kept > 0
    assert (cell.lost, cell.gained) == ((), ())


def test_an_account_without_an_assignment_loses_what_goes_there(tmp_path: Path) -> None:
    nobody = section('[{Effect: Allow, Action: "sqs:*", Resource: "*"}]', assign="[development]")

    cell = cells(tmp_path, nobody)["ana", "production"]

    assert cell.permission_sets == ()
    assert cell.kept == 0
    assert {one.before for one in cell.lost} == {queue_arn("orders-prod")}


def test_what_a_person_widened_in_migration_yaml_is_a_finding(tmp_path: Path) -> None:
    wider = section(f'[{{Effect: Allow, Action: "sqs:*", Resource: "{queue_arn("*", PROD)}"}}]')

    found = look(a_company().folder(tmp_path, wider))

    gained = by_person(found.cells)["ana", "production"].gained
    assert ("sqs:DeleteQueue", queue_arn("orders-prod", PROD)) in {(one.action, one.after) for one in gained}
    assert ("sqs:Anything", queue_arn("shared", PROD)) in {(one.action, one.after) for one in gained}
    assert ("sqs:Anything", queue_arn("orders-prod", PROD)) not in {(one.action, one.after) for one in gained}
    assert any("gains sqs:DeleteQueue on" in text for text in _findings(found))


def test_an_action_that_nobody_had_is_asked_about_because_the_set_names_it(tmp_path: Path) -> None:
    more = section('[{Effect: Allow, Action: "glue:StartJobRun", Resource: "*"}]')

    (gained,) = cells(tmp_path, more)["ana", "production"].gained

    assert gained.action == "glue:StartJobRun"


def test_what_a_person_narrowed_is_lost_and_no_finding(tmp_path: Path) -> None:
    narrow = section(f'[{{Effect: Allow, Action: "sqs:SendMessage", Resource: "{queue_arn("orders-prod", PROD)}"}}]')

    found = look(a_company().folder(tmp_path, narrow))

    cell = by_person(found.cells)["ana", "production"]
    assert "sqs:Anything" in {one.action for one in cell.lost}
    assert _findings(found) == []


def test_a_policy_that_nobody_has_read_is_a_finding_and_never_a_no(tmp_path: Path) -> None:
    more = section("[]", policies="[AdministratorAccess, PowerUserAccess]")

    found = look(a_company().folder(tmp_path, more))

    cell = by_person(found.cells)["ana", "production"]
    assert cell.unknown == ("PowerUserAccess",)
    assert any("gets PowerUserAccess, which nobody has read" in text for text in _findings(found))


def test_a_group_that_nobody_describes_is_refused(tmp_path: Path) -> None:
    more = f"{ORGANISATION}  people: [{{name: ana, email: a@b.example, groups: [ghosts]}}]\n"

    with pytest.raises(ConfigError, match="'ghosts' is no group"):
        look(a_company().folder(tmp_path, more))


def test_two_groups_in_the_organisation_are_two_roles_and_the_wider_one_counts(tmp_path: Path) -> None:
    company = of_queues()
    company.group("juniors", own={"Statement": [deny("sqs:*")]})
    company.group("data", own={"Statement": [allow("sqs:*")]})
    company.person("ana", "juniors", "data")
    more = (
        f"{ORGANISATION}  people: [{{name: ana, email: a@b.example, groups: [juniors, data]}}]\n"
        "  groups:\n"
        "    juniors: {assign: [{accounts: [development], permission_set: juniors}]}\n"
        "    data: {assign: [{accounts: [development], permission_set: data}]}\n"
        "  permission_sets:\n"
        '    juniors: {inline: {Version: 2012-10-17, Statement: [{Effect: Deny, Action: "sqs:*", Resource: "*"}]}}\n'
        '    data: {inline: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}\n'
    )

    cell = by_person(look(company.folder(tmp_path, more)).cells)["ana", "development"]

    assert cell.permission_sets == ("data", "juniors")
    assert ("sqs:Anything", "*") in {(one.action, one.after) for one in cell.gained}


def test_what_a_boundary_kept_from_somebody_is_gained_where_their_set_has_none(tmp_path: Path) -> None:
    company = of_queues()
    edge = company.policy("edge", allow("sqs:SendMessage", queue_arn("orders-dev")))
    company.person("ana", inline={"all": {"Version": "2012-10-17", "Statement": [allow("sqs:*")]}}, boundary=edge)
    wide = section('[{Effect: Allow, Action: "sqs:*", Resource: "*"}]', assign="[development]")

    cell = by_person(look(company.folder(tmp_path, wide)).cells)["ana", "development"]

    on_orders = ("sqs:SendMessage", queue_arn("orders-dev", DEV))
    gained = {(one.action, one.after) for one in cell.gained}
    assert on_orders not in gained
    assert ("sqs:Anything", queue_arn("orders-dev", DEV)) in gained


def test_500_users_in_20_accounts_are_planned_within_ten_seconds(tmp_path: Path) -> None:
    company = Company()
    company.aws_policy("ReadOnlyAccess", allow([f"svc{n}:Get*" for n in range(800)]))
    for number in range(1000):
        company.queue(f"q{number}-a{number % 20}")
    for number in range(40):
        names = [queue_arn(f"q{number + 40 * n}-a{(number + 40 * n) % 20}") for n in range(12)]
        company.group(f"g{number}", READ, own={"Statement": [allow("sqs:*", names), deny("sqs:DeleteQueue")]})
    for number in range(500):
        company.person(f"user{number}", f"g{number % 40}")
    targets = "".join(f'  a{n}: {{account: "{n + 200000000000}", role: Admin}}\n' for n in range(20))
    migration = company.folder(tmp_path)
    (tmp_path / "migration.yaml").write_text(
        "schema: migrate.config/1\nmigration: shop\n"
        f'legacy: {{account: "{LEGACY}", regions: [{HERE}]}}\ntargets:\n{targets}'
        f"environments: {{{', '.join(f'a{n}: a{n}' for n in range(20))}}}\n"
    )
    began = time.process_time()

    found = look(migration)

    took = time.process_time() - began
    assert len(by_person(found.cells)) == 500 * 20
    assert sum(cell.kept for cell in found.cells) > 10_000
    assert took < 10, f"{took:.1f} s of CPU"


def test_an_object_of_a_renamed_bucket_is_asked_about_by_the_old_buckets_name() -> None:
    named = [("arn:aws:s3:::reports", f"arn:aws:s3:::reports-{PROD}"), ("arn:aws:s3:::rep", "arn:aws:s3:::rep-2")]
    document = doc(allow("s3:GetObject", f"arn:aws:s3:::reports-{PROD}/2026/*"))

    asked = questions_of_set([document], [], AccountId(PROD), LEGACY, named, Corpus.of([]))

    assert [(one.before, one.after) for one in asked] == [
        ("arn:aws:s3:::reports/2026/Anything", f"arn:aws:s3:::reports-{PROD}/2026/Anything")
    ]
