"""Staging as a copy of production's shape: everything is there, nothing of it holds data, and legacy is only read.

One world, in order. What stands in staging is read by plain boto3 and psycopg; what was sent, from the world's own
list of requests.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.demo import verbs
from migrate.demo.accounts import LEGACY, STAGING
from migrate.demo.legacy import build
from tests.acceptance import readers
from tests.crash.story import WRITES, Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(1200)]

RANGE = "10.64.0.0/10"
OWN = {"password": "staging-has-its-own", "api_key": "sk_test_of_staging"}
CONTENT = re.compile(
    r"^s3 (Get|Head|Select)Object(?!LockConf)|SecretValue$|^ssm GetParameter$|^dynamodb (Scan|Query|GetItem|BatchGet)|"
    r"^sqs ReceiveMessage|^rds (?!Describe).*Snapshot|^kms Decrypt"
)
"""Operations that would read what people wrote. Source: operation names of botocore 1.44.5."""


def config() -> str:
    """The migration's own migration.yaml with what docs/configuration.md says of a copy."""
    text = verbs.example().read_text(encoding="utf-8").replace("migration: shop\n", "migration: shop-staging\n")
    staging = f'targets:\n  staging: {{account: "{STAGING}", role: OrganizationAccountAccessRole}}\n'
    text = text.replace("targets:\n", staging, 1)
    own = f"\nblueprint: {{of: production, to: staging}}\naddresses: {{range: {RANGE}, accounts: [staging]}}\n"
    text = re.sub(r"\nmove:\n(  - .*\n)+", own, text)
    # A function of production names the bucket of training data: a person says that staging gets an empty one.
    return text.replace("to: sensitive_data,", "to: [sensitive_data, staging],")


@dataclass
class Copied:
    """A finished copy, and what stood before."""

    told: Story
    legacy_before: bytes
    staging_before: bytes
    since: int
    """The world's list is this long when the first command is typed."""
    asked: str
    """What the run said when it stopped for people."""

    def requests(self) -> list[dict[str, Any]]:
        """Everything that was sent by this tool."""
        return [json.loads(line) for line in self.told.log.read_text().splitlines()[self.since :]]

    def client(self, service: str, account: str = STAGING) -> Any:
        return self.told.world.session(account).client(service, region_name="eu-west-1")


def scanned(told: Story, *words: str) -> bytes:
    return Path(told.type("scan", *words).out.strip()).read_bytes().partition(b"\n")[2]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copied]:
    home = tmp_path_factory.mktemp("copied")
    with story(home, lambda world: build(world.session(), world.tunnels), config()) as told:
        inherited = dict(os.environ)
        os.environ |= told.world.env()
        try:
            since = len(told.log.read_text().splitlines())
            before = scanned(told), scanned(told, "--account", "staging")
            told.type("plan")
            told.type("review")
            told.approve()
            # Killed once on its way, and typed again.
            told.kill_at("run", "--engine", "local", entries=200, after_s=0.05)
            said = told.type("run", "--engine", "local", expect=3)
            yield Copied(told, *before, since, said.err)
        finally:
            os.environ.clear()
            os.environ |= inherited


def test_the_first_page_says_that_nothing_leaves_and_lists_what_is_different(copied: Copied) -> None:
    (plan,) = copied.told.folder.glob("*.plan.json")
    body = json.loads(plan.read_text())["body"]
    page = plan.with_suffix(".html").read_text()
    top = page[: page.index('id="order"')]

    assert body["legacy_changes"] == []
    assert f"Nothing leaves account {LEGACY}" in top
    assert "rds.instance: it is made empty" in top
    assert "the account 999988887777 is named as in the original" in top
    assert "prod.shop.example would be called" in top
    assert {step["id"].split("/")[0] for step in body["steps"]} == {STAGING}
    assert {request["account"] for step in body["steps"] for request in step["requests"]} == {STAGING}


def test_the_run_waits_for_each_secret_and_everything_else_is_proved_meanwhile(copied: Copied) -> None:
    for name in ("shop/prod/db", "shop/prod/stripe", "/shop/prod/session/signing-key"):
        assert name in copied.asked
    secrets = copied.client("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="shop/prod/stripe")

    said = copied.told.type("verify").err

    assert " 0 different, 0 could not be proved" in said
    assert "different on purpose: ecs.service: 0 tasks" in said


def test_it_goes_on_once_people_have_put_values_of_their_own_in(copied: Copied) -> None:
    secrets = copied.client("secretsmanager")
    for name in ("shop/prod/db", "shop/prod/stripe"):
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(OWN))
    copied.client("ssm").put_parameter(
        Name="/shop/prod/session/signing-key", Type="SecureString", Value="staging's own", Overwrite=True
    )

    copied.told.type("run", "--engine", "local")

    said = copied.told.type("verify").err
    assert re.search(r"10[0-9] equal, 0 different, 0 could not be proved", said)
    assert "0 resources do not reach" in said


def test_the_database_stands_with_productions_settings_and_no_table(copied: Copied) -> None:
    (legacy,) = copied.client("rds", LEGACY).describe_db_instances(DBInstanceIdentifier="shop-prod")["DBInstances"]
    (own,) = copied.client("rds").describe_db_instances()["DBInstances"]
    for setting in (
        "DBInstanceClass", "Engine", "EngineVersion", "AllocatedStorage", "MultiAZ", "DeletionProtection", "DBName",
        "BackupRetentionPeriod", "StorageEncrypted", "MasterUsername", "PreferredBackupWindow",
    ):  # fmt: skip
        assert own[setting] == legacy[setting], setting
    login = json.loads(
        copied.client("secretsmanager").get_secret_value(SecretId=own["MasterUserSecret"]["SecretArn"])["SecretString"]
    )

    host, port = copied.told.world.tunnel(own["Endpoint"]["Address"], own["Endpoint"]["Port"])
    with psycopg.connect(
        host=host, port=port, user=login["username"], password=login["password"], dbname=own["DBName"]
    ) as link:
        tables = link.execute("SELECT tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'")
        assert tables.fetchall() == []
    assert copied.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    assert STAGING not in json.dumps(copied.client("rds", LEGACY).describe_db_snapshots()["DBSnapshots"], default=str)


def test_buckets_are_empty_services_stand_still_and_no_trigger_is_on(copied: Copied) -> None:
    s3 = copied.client("s3")
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert f"shop-uploads-prod-{STAGING}" in buckets
    assert len(buckets) == 5
    for bucket in buckets:
        assert not {"Versions", "DeleteMarkers"} & s3.list_object_versions(Bucket=bucket).keys()
    ecs = copied.client("ecs")
    names = ("web", "worker", "scheduler")
    services = ecs.describe_services(cluster="shop-prod", services=names)["services"]
    assert {one["serviceName"]: one["desiredCount"] for one in services} == dict.fromkeys(names, 0)
    assert ecs.list_tasks(cluster="shop-prod")["taskArns"] == []
    rules = copied.client("events").list_rules()["Rules"]
    assert {one["Name"]: one["State"] for one in rules} == {
        f"shop-prod-{name}": "DISABLED" for name in ("cleanup", "heartbeat", "nightly-report")
    }
    (mapping,) = copied.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["State"] == "Disabled"
    sqs = copied.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        # S3 itself says one word to the queue of jobs, when the bucket's notification is set.
        messages = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10).get("Messages", [])
        assert all("s3:TestEvent" in one["Body"] for one in messages)


def test_the_network_lies_in_the_range_and_overlaps_with_nothing_of_legacy(copied: Copied) -> None:
    def vpcs(account: str) -> dict[str, Any]:
        listed = copied.client("ec2", account).describe_vpcs()["Vpcs"]
        return {one["VpcId"]: ip_network(one["CidrBlock"]) for one in listed if not one["IsDefault"]}

    ((vpc, own),) = vpcs(STAGING).items()
    subnets = copied.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]

    assert own.subnet_of(ip_network(RANGE))
    assert not any(own.overlaps(other) for other in vpcs(LEGACY).values())
    assert len(subnets) == 4
    assert all(ip_network(one["CidrBlock"]).subnet_of(own) for one in subnets)


def test_software_is_the_same_and_no_document_names_legacy(copied: Copied) -> None:
    legacy, own = readers.read_legacy("prod"), readers.read_target("prod", STAGING)

    assert own["images"] == {
        name: images for name, images in legacy["images"].items() if name in ("shop/web", "shop/worker", "shop/tools")
    }
    assert {name: own["functions"].get(name) for name in legacy["functions"]} == legacy["functions"]
    assert {name: own["layers"].get(name) for name in legacy["layers"]} == legacy["layers"]
    assert not [path for path, text in own["documents"].items() if LEGACY in str(text) and "migrate:step" not in path]


def values_of_secrets(session: Any) -> set[str]:
    """Every secret text of an account: whole values, and what stands in them under a name of its own."""
    secrets, ssm = session.client("secretsmanager"), session.client("ssm")
    found = set()
    for one in secrets.list_secrets()["SecretList"]:
        text = secrets.get_secret_value(SecretId=one["ARN"])["SecretString"]
        fields = json.loads(text) if text.startswith("{") else {}
        found |= {text} | {str(v) for k, v in fields.items() if re.search("password|key|secret|token", k, re.I)}
    for page in ssm.get_paginator("describe_parameters").paginate():
        for one in page["Parameters"]:
            if one["Type"] == "SecureString":
                found.add(ssm.get_parameter(Name=one["Name"], WithDecryption=True)["Parameter"]["Value"])
    return {text for text in found if len(text) >= 6}


def test_no_secret_of_production_is_anywhere_in_staging(copied: Copied) -> None:
    theirs = values_of_secrets(copied.told.world.session(LEGACY))
    own = json.dumps(readers.read_target("prod", STAGING), default=str)
    with_values = own + json.dumps(sorted(values_of_secrets(copied.told.world.session(STAGING))))

    assert len(theirs) >= 6
    assert "staging-has-its-own" in with_values
    assert [text[:4] for text in theirs if json.dumps(text)[1:-1] in with_values] == []
    for path in copied.told.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [text[:4] for text in theirs if text.encode() in content], path


def test_legacy_was_only_read_and_never_what_people_wrote_there(copied: Copied) -> None:
    # What the tests of this file read there themselves they read after the tool was done.
    theirs = {verb: copied.told.requests(verb) for verb in ("scan", "plan", "review", "approve", "run", "verify")}
    sent = [one for asked in theirs.values() for one in asked if one["account"] == LEGACY]
    names = {f"{one['service']} {one['operation']}" for one in sent}

    assert len(sent) > 500
    assert not {name for name in names if name.split()[1].startswith(WRITES)}
    assert not {name for name in names if re.search(r" (POST|PUT|PATCH|DELETE) ", f" {name.split(' ', 1)[1]} ")}
    assert not {name for name in names if CONTENT.search(name)}
    assert scanned(copied.told) == copied.legacy_before


def test_verify_finds_a_rule_that_somebody_switched_on(copied: Copied) -> None:
    events = copied.client("events")
    events.enable_rule(Name="shop-prod-cleanup")

    said = copied.told.type("verify", expect=5).err

    assert "events.rule/default/shop-prod-cleanup: state: expected 'DISABLED', found 'ENABLED'" in said
    events.disable_rule(Name="shop-prod-cleanup")


def test_a_rollback_takes_all_of_it_away_once_people_say_that_its_values_may_go(copied: Copied) -> None:
    listing = copied.told.type("rollback", "--to", "0")
    assert "would lose" in listing.err
    assert "the value that a person put into the secret shop/prod/db" in listing.err
    copied.told.type("rollback", "--to", "0", "--confirm", listing.out.strip(), expect=3)

    said = copied.told.type("rollback", *copied.told.undo_whatever_is_lost())

    assert " 0 kept, 0 failed" in said.err
    left = set(scanned(copied.told, "--account", "staging").splitlines()) - set(copied.staging_before.splitlines())
    # The key aws/secretsmanager comes with the first secret that RDS makes, and nobody can delete it.
    assert [line for line in left if b"alias/aws/secretsmanager" not in line] == []
    assert scanned(copied.told) == copied.legacy_before
