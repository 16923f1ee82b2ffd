"""migrate report unused: what nobody used is named by AWS's word; what AWS cannot say is unknown, never unused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from migrate.cli import main
from migrate.demo import clock, world
from migrate.demo.accounts import LEGACY
from migrate.people.unused import DAY_S, Asked, Service, Window, judge
from tests.crash.story import Said
from tests.people.test_closing import MIGRATION

AT = 1_800_000_000.0
OLD, NEW = AT - 300 * DAY_S, AT - 2 * DAY_S


def asked(*services: Service, **more: Any) -> Asked:
    given: dict[str, Any] = {"at": AT, "since": OLD} | more
    return Asked("user", "ana", "arn:aws:iam::111111111111:user/ana", services, **given)


def test_a_service_that_was_never_used_or_long_ago_is_unused_and_one_of_last_week_is_not() -> None:
    found = judge(asked(Service("s3", None), Service("ses", AT - 91 * DAY_S), Service("ec2", NEW)), Window(90))

    assert found.unused == ("s3", "ses")
    assert found.used == ("ec2",)
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("more", "blind", "why"),
    [
        ({"since": NEW}, (), "2 days old"),
        ({"since": None}, (), "when it was made could not be read"),
        ({}, ("ca-west-1",), "AWS tracks nothing in ca-west-1"),
    ],
)
def test_where_aws_cannot_know_nothing_is_called_unused(
    more: Mapping[str, Any], blind: tuple[str, ...], why: str
) -> None:
    found = judge(asked(Service("s3", None), Service("ec2", NEW, {"RunInstances": None}), **more), Window(90, blind))

    assert found.unused == found.unused_actions == ()
    assert [text.partition(": ")[0] for text in found.unknown] == ["ec2:RunInstances", "s3"]
    assert all(why in text for text in found.unknown)


def test_what_nobody_could_ask_about_is_unknown_with_the_reason() -> None:
    found = judge(asked(unread="iam.GenerateServiceLastAccessedDetails: denied: no"), Window(90))

    assert found.unknown == ("iam.GenerateServiceLastAccessedDetails: denied: no",)
    assert (found.used, found.unused, found.unused_actions) == ((), (), ())


def test_an_action_that_aws_does_not_track_is_unknown_and_not_unused() -> None:
    one = asked(
        Service("iam", NEW, {"CreateRole": NEW, "DeleteRole": None}), granted=("iam:PassRole", "iam:deleterole")
    )

    found = judge(one, Window(90))

    assert found.unused_actions == ("iam:DeleteRole",)
    assert found.unknown == ("iam:PassRole: AWS does not track it",)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.none() | st.floats(0, AT), min_size=1),
    st.none() | st.floats(0, AT),
    st.integers(1, 400),
)
def test_a_service_is_unused_only_where_the_report_is_older_than_the_window_and_saw_nothing_in_it(
    seen: dict[str, float | None], since: float | None, days: int
) -> None:
    found = judge(asked(*(Service(name, last) for name, last in seen.items()), since=since), Window(days))

    start = AT - days * DAY_S
    for name in found.unused:
        assert since is not None
        assert since <= start
        last = seen[name]
        assert last is None or last < start
    told = {*found.used, *found.unused, *(text.partition(":")[0] for text in found.unknown)}
    assert told == set(seen)


# The same by the command line, on an embedded AWS.

HELD = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:DescribeVpcs", "ec2:RunInstances"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["ses:SendEmail", "iam:PassRole", "iam:GetUser"], "Resource": "*"},
    ],
}
SECTIONS = """\
organisation:
  management: {account: "999900001111"}
  email: aws+{alias}@shop.example
  accounts: {production: {}}
  people:
    - {user: ana, name: Ana, email: ana@shop.example, groups: [engineers]}
    - {user: bo, name: Bo, email: bo@shop.example, groups: [engineers]}
  groups: {engineers: {assign: [{accounts: [production], permission_set: engineers}]}}
  permission_sets:
    engineers:
      inline: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["ec2:*", "ses:*"], Resource: "*"}]}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.World]:
    home = tmp_path_factory.mktemp("world")
    yield world.up(home)
    world.down(home)


@pytest.mark.world
@pytest.mark.torture
def test_unused_rights_are_told_for_people_groups_roles_and_permission_sets(
    running: world.World, tmp_path: Path
) -> None:
    iam = running.session(LEGACY).client("iam")
    iam.create_group(GroupName="engineers")
    iam.put_group_policy(GroupName="engineers", PolicyName="own", PolicyDocument=json.dumps(HELD))
    for name in ("ana", "bo"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="engineers", UserName=name)
    tasks = {"Service": "ecs-tasks.amazonaws.com"}
    trusted = {"Effect": "Allow", "Principal": tasks, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [trusted]}
    for name in ("api-prod", "nobodys"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(HELD))
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    (tmp_path / "migration.yaml").write_text(MIGRATION + SECTIONS)

    def migrate(*words: str, expect: int = 0) -> Said:
        ended = CliRunner(env=running.env()).invoke(main, list(words))
        assert ended.exit_code == expect, ended.stderr
        return Said(ended.exit_code, ended.stdout, ended.stderr)

    def told(*words: str, expect: int = 0) -> dict[str, dict[str, Any]]:
        answer = migrate("report", "unused", str(tmp_path), "--json", *words, expect=expect).json
        return {f"{one['sort']} {one['name']}": one for one in answer["verdicts"]}

    migrate("scan", str(tmp_path))
    young = told()
    assert all(one["unused"] == [] for one in young.values())
    assert any("days old" in text for text in young["user bo"]["unknown"])

    clock.push(running.home, 100 * DAY_S)
    ec2 = boto3.client(
        "ec2", endpoint_url=running.endpoint, region_name="eu-west-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    ec2.describe_vpcs()
    found = told()

    assert found["user ana"]["used"] == ["ec2"]
    assert found["user ana"]["unused"] == ["iam", "ses"]
    assert found["user ana"]["unused_actions"] == ["ec2:RunInstances"]
    assert found["user bo"]["unused"] == ["ec2", "iam", "ses"]
    assert found["group engineers"]["used"] == ["ec2"]
    assert found["role api-prod"]["unused"] == ["ec2", "iam", "ses"]
    assert "role nobodys" not in found, "it moves nowhere"
    assert found["permission set engineers"]["people"] == ["ana", "bo"]
    assert found["permission set engineers"]["used"] == ["ec2"], "one of its people uses it"
    assert found["permission set engineers"]["unused"] == ["ses"], "iam is not in the set"
    said = migrate("report", "unused", str(tmp_path))
    assert "user bo: 3 of 3 services not used for 90 days" in said.out
    assert "nothing was taken away" in said.err
    assert told("--days", "120")["user bo"]["unused"] == [], "younger than that"

    faults = running.home / "faults.json"
    for operation in ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"):
        faults.write_text(json.dumps({"deny": [operation]}))
        denied = told(expect=6)
        assert all(one["unused"] == [] and one["unknown"] for one in denied.values()), operation
    faults.write_text(json.dumps({"deny": ["iam:ListUsers"]}))
    ageless = told()
    assert ageless["user bo"]["unused"] == []
    assert "ses: when it was made could not be read" in ageless["user bo"]["unknown"]
    faults.unlink()


def test_a_scan_never_starts_the_job_of_the_report() -> None:
    from migrate.aws import forbidden_in_a_scan

    assert forbidden_in_a_scan("iam.GenerateServiceLastAccessedDetails", {})
    policy = json.loads(CliRunner().invoke(main, ["policy", "--for", "unused"]).stdout)
    actions = policy["Statement"][0]["Action"]
    assert "iam:GenerateServiceLastAccessedDetails" in actions
    assert [one for one in actions if one.partition(":")[2].startswith(("Create", "Delete", "Put", "Update"))] == []
