"""What must not happen does not: a changed plan, a changed account, a stranger's thing, a denied or throttled call.

One world; each test has a folder of its own, and each that writes has a target account of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.world import World
from tests.crash import small
from tests.crash.story import Said, Story, story

pytestmark = [pytest.mark.world, pytest.mark.timeout(900)]

SHORT = ("run", "--engine", "local")


def build(world: World) -> None:
    """The small account, and a thing of a service without a kind."""
    small.build(world)
    world.session(LEGACY).client("apigateway").create_rest_api(name="small-api", tags={"env": "dev"})


CONFIG = small.CONFIG + '  - {gap: "apigateway:*", because: it stays in legacy until next quarter}\n'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Scanned, planned and approved for the development account; nobody runs it here."""
    with story(tmp_path_factory.mktemp("refusals"), build, CONFIG) as told:
        told.prepare()
        yield told


@pytest.fixture
def copied(prepared: Story, tmp_path: Path) -> Story:
    """The approved plan in a folder of the test's own."""
    shutil.copytree(prepared.folder, tmp_path / "m")
    return Story(prepared.world, tmp_path / "m")


@pytest.fixture
def faultless(prepared: Story) -> Iterator[Story]:
    """The world, its faults taken away afterwards."""
    yield prepared
    prepared.faults()


def moved_to(prepared: Story, folder: Path, alias: str, name: str) -> Story:
    """A migration of the same account to another target."""
    folder.mkdir()
    text = CONFIG.replace("migration: small", f"migration: {name}").replace("development", alias)
    (folder / "migration.yaml").write_text(text.replace(TARGETS["development"], TARGETS[alias]))
    return Story(prepared.world, folder)


def newest(told: Story, what: str) -> Path:
    return sorted(told.folder.glob(f"*.{what}"))[-1]


def refused(told: Story, *, code: int = 4) -> Said:
    """A run that ends with this code before any request that writes."""
    with told.nothing_written():
        return told.type(*SHORT, expect=code)


# What was approved is what is run, or nothing is.


def test_a_byte_changed_anywhere_in_a_plan_stops_the_run_before_anything_is_written(copied: Story) -> None:
    path = newest(copied, "plan.json")
    whole = path.read_bytes()
    places = {
        "a parameter": whole.index(b'"CidrBlock": "10.1.0.0/16"') + len(b'"CidrBlock": "1'),
        "an account": whole.index(b'"account": "333333333333"') + len(b'"account": "3'),
        "the digest": whole.index(b'"digest": "') + len(b'"digest": "'),
        "a reason": whole.index(b'"because"') + len(b'"because": "x'),
        "a space": whole.index(b": "),
        "the end": len(whole) - 2,
    }
    for place, at in places.items():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        said = refused(copied)
        assert path.name in said.err, place
        assert "changed" in said.err or "edited" in said.err, place


def test_a_rule_added_in_legacy_after_approval_stops_the_run_and_is_shown(copied: Story) -> None:
    ec2 = copied.world.session(LEGACY).client("ec2")
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["small-db"]}])["SecurityGroups"][0]
    rule = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rule)
    try:
        before = len(copied.writes())
        said = copied.type(*SHORT, expect=4)
        assert copied.writes()[before:] == []
    finally:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rule)

    assert group["GroupId"] in said.err
    assert "ingress" in said.err
    assert "198.51.100.0/24" in said.err
    assert "nothing was written" in said.err


def test_a_migration_yaml_changed_after_approval_stops_the_run(copied: Story) -> None:
    path = copied.folder / "migration.yaml"
    path.write_text(path.read_text().replace("settle_s: 1", "settle_s: 3"))

    assert "migration.yaml says something else" in refused(copied).err


def test_a_runbook_changed_after_approval_stops_the_run(copied: Story) -> None:
    shipped = Path(__file__).parents[2] / "runbooks" / "move-workload.yaml"
    (copied.folder / "runbooks").mkdir()
    text = shipped.read_text().replace("may their writers stop now?", "shall they stop?")
    assert text != shipped.read_text()
    (copied.folder / "runbooks" / "move-workload.yaml").write_text(text)

    assert "runbook move-workload was changed" in refused(copied).err


def test_a_plan_that_nobody_approved_or_whose_approval_is_of_another_plan_is_not_run(copied: Story) -> None:
    approval = newest(copied, "approval.json")
    kept = approval.read_bytes()
    approval.unlink()
    assert "approv" in refused(copied).err

    approval.write_bytes(kept)
    path = copied.folder / "migration.yaml"
    path.write_text(path.read_text().replace("settle_s: 1", "settle_s: 3"))
    copied.type("plan")
    assert "approv" in refused(copied).err

    # An approval that was made to name the new plan by hand.
    new = json.loads(newest(copied, "plan.json").read_text())["digest"]
    old = json.loads(kept)["body"]["plan"]
    approval.write_bytes(kept.replace(old.encode(), new.encode()))
    refused(copied)


def test_credentials_of_another_account_than_the_one_named_stop_before_any_other_call(copied: Story) -> None:
    path = copied.folder / "migration.yaml"
    path.write_text(path.read_text().replace(f'account: "{LEGACY}"', 'account: "666666666666"'))
    asked = len(copied.log.read_text().splitlines())

    said = copied.type("scan", expect=1)

    assert LEGACY in said.err
    assert "666666666666" in said.err
    calls = {json.loads(line)["operation"] for line in copied.log.read_text().splitlines()[asked:]}
    assert calls == {"GetCallerIdentity"}


# What could not be read is counted and must be waived.


def test_three_unreadable_services_and_an_unknown_kind_are_counted_and_refused_until_waived(
    faultless: Story, tmp_path: Path
) -> None:
    told = moved_to(faultless, tmp_path / "gaps", "development", "gaps")
    path = told.folder / "migration.yaml"
    path.write_text(path.read_text().replace(CONFIG.splitlines()[-1] + "\n", ""))
    told.faults(deny=["lambda:*", "rds:*", "sqs:*"])

    scan = told.type("scan", "--json").json
    strict = told.type("scan", "--strict", "--json", expect=6).json
    refusals = told.type("plan", "--json", expect=1).json
    told.type("review")

    denied = {gap["kind"].partition(".")[0] for gap in scan["gaps"] if gap["reason"] == "denied"}
    assert {"lambda", "rds", "sqs"} <= denied
    assert any(gap["kind"].startswith("apigateway") and gap["reason"] == "no kind" for gap in scan["gaps"])
    assert strict["exit"] == 6
    assert strict["gaps"] == scan["gaps"]
    said = " ".join(refusal["what"] for refusal in refusals["refusals"])
    assert all(service in said for service in ("lambda", "rds", "sqs", "apigateway"))
    assert "ec2.vpc" in scan["kinds"]
    for what in ("plan.html", "plan.md"):
        text = newest(told, what).read_text()
        first = re.sub(r"<[^>]+>", " ", text)[: len(text) // 2]
        assert re.search(rf"\b{refusals['gaps']}\s+gaps?\b|\bgaps?\b\W+(\w+\W+)?{refusals['gaps']}\b", first), what
    assert "refus" in told.type("approve", "--by", "ann", "--reason", "never mind", expect=1).err

    whole = path.read_text()
    path.write_text(whole + '  - {gap: "*", because: ok}\n')
    assert "because" in told.type("plan", expect=1).err
    path.write_text(whole + '  - {gap: "*", because: all of it is seen to by hand}\n')
    assert told.type("plan", "--json").json["refusals"] == []


# Whose is what.


@pytest.mark.torture
def test_a_strangers_thing_stays_and_a_denied_step_is_named_while_the_others_go_on_to_the_end(
    faultless: Story, tmp_path: Path
) -> None:
    told = moved_to(faultless, tmp_path / "m", "production", "strangers")
    told.prepare()
    client = told.world.session(TARGETS["production"]).client
    client("logs").create_log_group(logGroupName="/small/web")
    client("logs").put_retention_policy(logGroupName="/small/web", retentionInDays=3)
    client("iam").create_role(RoleName="small-task", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    told.faults(deny=["sqs:CreateQueue"])

    said = told.type(*SHORT, "--json", expect=1)

    failed = said.json["failed"]
    assert {step.split("/")[2] for step in failed} == {"logs.log_group", "iam.role", "sqs.queue"}
    assert "AccessDenied" in said.err
    assert "not authorized to perform: sqs:CreateQueue" in said.err
    assert "was not made by this migration; nothing was changed" in said.err
    group = client("logs").describe_log_groups()["logGroups"][0]
    assert group["retentionInDays"] == 3
    assert client("logs").list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {}
    assert client("iam").list_role_tags(RoleName="small-task")["Tags"] == []
    assert client("iam").get_role(RoleName="small-task")["Role"]["AssumeRolePolicyDocument"]["Statement"] == []
    assert client("iam").list_attached_role_policies(RoleName="small-task")["AttachedPolicies"] == []
    assert [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]] != []
    assert client("s3").head_object(Bucket=f"small-files-{TARGETS['production']}", Key="a 2.txt")["ContentLength"] == 2
    status = told.type("status", "--json").json
    assert len(status["failed"]) == 3

    told.faults()
    client("logs").delete_log_group(logGroupName="/small/web")
    client("iam").delete_role(RoleName="small-task")
    told.run()
    assert told.type("status", "--json").json["states"].keys() == {"verified"}


def test_a_throttled_endpoint_costs_a_scan_nothing_but_time(faultless: Story, copied: Story) -> None:
    free = copied.type("scan", "--json").json
    faultless.faults(throttle={"ec2:*": 0.3, "iam:*": 0.3})

    throttled = copied.type("scan", "--json").json

    assert throttled["digest"] == free["digest"]


@pytest.mark.torture
def test_a_throttled_endpoint_costs_a_run_nothing_but_time(faultless: Story, tmp_path: Path) -> None:
    told = moved_to(faultless, tmp_path / "m", "infra", "throttled")
    told.prepare()

    told.faults(throttle={"ec2:Create*": 0.3, "ec2:Associate*": 0.3, "iam:*": 0.3})
    told.run()
    told.faults()

    history = b"".join(path.read_bytes() for path in told.folder.glob("*.run/journal.db*"))
    assert b"again after" in history, "nothing was throttled"
    told.type("verify")


@pytest.mark.torture
def test_one_run_at_a_time_and_a_group_alone_brings_only_what_it_needs(faultless: Story, tmp_path: Path) -> None:
    told = moved_to(faultless, tmp_path / "m", "sensitive_data", "alone")
    told.prepare()
    client = told.world.session(TARGETS["sensitive_data"]).client

    told.type(*SHORT, "--group", "small-task")

    assert client("iam").get_role(RoleName="small-task")["Role"]["Tags"]
    assert client("iam").list_attached_role_policies(RoleName="small-task")["AttachedPolicies"]
    assert client("sns").list_topics()["Topics"] == []
    assert client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.1.0.0/16"]}])["Vpcs"] == []
    assert told.type(*SHORT, "--group", "nobody-knows-it", expect=64).err.count("nobody-knows-it") == 1

    told.faults(delay_ms=400)
    first = told.start(*SHORT)
    try:
        _wait_for_lock(told, first.pid)
        second = told.type(*SHORT, expect=1)
        assert f"held by pid {first.pid}" in second.err
        assert told.type("status", "--json").json["begun"] is True
    finally:
        told.faults()
        out, err = first.communicate(timeout=300)
    assert first.returncode in (0, 3), out + err


def _wait_for_lock(told: Story, pid: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        locks = [path.read_text() for path in told.folder.glob("*.run/lock")]
        if any(f"pid {pid} " in text for text in locks):
            return
        time.sleep(0.05)
    raise AssertionError("the first run never held its folder")


def test_the_world_refuses_what_it_is_told_to(faultless: Story) -> None:
    faultless.faults(deny=["sns:*"])
    sns: Any = faultless.world.session(LEGACY).client("sns")
    with pytest.raises(ClientError, match="AccessDenied"):
        sns.list_topics()
