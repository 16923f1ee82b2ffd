"""The world itself: it is found, obeys faults, logs, and leaves no process behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from migrate.demo import world
from migrate.demo.strict import load

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def faults(a_world: world.World) -> Iterator[Callable[..., None]]:
    path = a_world.home / "faults.json"

    def write(**named: Any) -> None:
        path.write_text(json.dumps(named))

    yield write
    path.unlink(missing_ok=True)


def gone(pid: int) -> bool:
    """Wait until a process has ended; one that nobody waited for yet counts."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("glue", "get_databases", "AccessDeniedException", 403),
        ("lambda", "list_functions", "AccessDeniedException", 403),
        ("s3", "list_buckets", "AccessDenied", 403),
        ("iam", "list_users", "AccessDenied", 403),
        ("ec2", "describe_subnets", "UnauthorizedOperation", 403),
        ("route53", "list_hosted_zones", "AccessDenied", 403),
    ],
)
def test_a_denied_call_is_refused_in_its_services_protocol(
    a_world: world.World, faults: Callable[..., None], service: str, call: str, code: str, status: int
) -> None:
    client = a_world.session().client(service, config=ONCE)
    faults(deny=["glue:*", "lambda:ListFunctions", "s3:ListBuckets", "iam:List*", "ec2:DescribeSubnets", "route53:*"])

    with pytest.raises(ClientError) as caught:
        getattr(client, call)()

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_throttled_call_is_refused_and_its_neighbours_are_not(
    a_world: world.World, faults: Callable[..., None]
) -> None:
    ec2 = a_world.session().client("ec2", config=ONCE)
    faults(throttle={"ec2:DescribeVpcs": 1.0})

    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        ec2.describe_vpcs()

    assert ec2.describe_subnets()["Subnets"]


def test_an_operation_that_the_world_lacks_is_refused_at_once(a_world: world.World) -> None:
    client = a_world.session().client("ec2")

    with pytest.raises(ClientError) as caught:
        client.describe_stale_security_groups(VpcId="vpc-1")

    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_every_request_is_logged_with_account_and_operation(a_world: world.World, name: str) -> None:
    bucket = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    a_world.session("222222222222").client("s3").create_bucket(**bucket)
    a_world.session().client("sqs").create_queue(QueueName=name)
    a_world.session().client("ec2").describe_vpcs()

    lines = [json.loads(line) for line in (a_world.home / "requests.jsonl").read_text().splitlines()[-3:]]

    seen = [(line["account"], line["service"], line["operation"]) for line in lines]
    assert seen == [
        ("222222222222", "s3", "CreateBucket"),
        ("111111111111", "sqs", "CreateQueue"),
        ("111111111111", "ec2", "DescribeVpcs"),
    ]


def test_a_second_process_finds_the_running_world(a_world: world.World) -> None:
    found = world.find(a_world.home)

    assert found is not None
    assert found.pid == a_world.pid == world.up(a_world.home).pid


def test_an_empty_folder_has_no_world(tmp_path: Path) -> None:
    assert world.find(tmp_path) is None
    assert world.down(tmp_path) is False


def postgres_of(home: Path, server: int) -> int:
    """Start a database in a world and give the process id of its PostgreSQL."""
    running = world.find(home)
    assert running is not None
    assert running.pid == server
    running.session().client("rds").create_db_instance(
        DBInstanceIdentifier="d", Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
        MasterUsername="shop", MasterUserPassword="correct-horse-1", BackupRetentionPeriod=0,
    )  # fmt: skip
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{server}\n" in status.read_text() and "postgres" in (status.parent / "cmdline").read_text():
                return int(status.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            # Processes of others come and go.
            continue
    raise AssertionError("no PostgreSQL under the world")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("end", ["down", "folder removed", "kill -9"])
def test_no_process_outlives_the_world(tmp_path: Path, end: str) -> None:
    home = tmp_path / "w"
    server = world.up(home).pid
    database = postgres_of(home, server)

    if end == "down":
        assert world.down(home)
    elif end == "folder removed":
        shutil.rmtree(home, ignore_errors=True)
    else:
        os.kill(server, signal.SIGKILL)

    assert gone(server)
    assert gone(database)
    world.down(home)
    assert not (home / "postgres").exists()
    assert not (home / "postgres.elsewhere").exists()


def test_every_rule_names_its_service_and_its_source() -> None:
    rules = load()

    assert len({rule.rule_id for rule in rules}) == len(rules) >= 20
    assert all(rule.makes and rule.source for rule in rules)
    assert {rule.service for rule in rules} == {
        "acm", "autoscaling", "bcm-data-exports", "budgets", "ce", "cloudtrail", "cloudwatch", "dynamodb", "ec2", "ecr",
        "ecs", "elasticache", "elbv2", "iam", "kms", "lambda", "logs", "opensearch", "organizations", "pipes", "rds",
        "route53", "s3", "s3control", "secretsmanager", "service-quotas", "sns", "sso-admin", "sts",
    }  # fmt: skip
