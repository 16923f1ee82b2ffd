"""The independent checks can fail: a migration that carries no rows and no objects and rewrites no policy is found out.

The rule: the product itself says that all is well; what is not switched off passes the same checks in the same run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.demo.world import World
from tests.acceptance import checks, readers
from tests.acceptance.switched_off import PASSWORD
from tests.crash import small
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.timeout(900)]

CONFIG = small.CONFIG + "databases:\n  - {instance: small, secret: small/db}\n"
PARTNER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sqs:SendMessage"}


class SwitchedOff(Story):
    """The same commands, of a product that carries nothing."""

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.switched_off", verb, str(self.folder), *words],
            env=self.environment(), cwd=Path(__file__).parents[2], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


def build(world: World) -> None:
    """The small account with a database, and a policy that names it."""
    small.build(world)
    client = world.session(small.LEGACY).client
    subnets = client("ec2").describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["small-*"]}])["Subnets"]
    client("rds").create_db_subnet_group(
        DBSubnetGroupName="small", DBSubnetGroupDescription="small", SubnetIds=[one["SubnetId"] for one in subnets]
    )
    group = client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["small-db"]}])
    made = client("rds").create_db_instance(
        DBInstanceIdentifier="small", DBName="shop", Engine="postgres", DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20, MasterUsername="shop", MasterUserPassword=PASSWORD, DBSubnetGroupName="small",
        VpcSecurityGroupIds=[group["SecurityGroups"][0]["GroupId"]],
    )["DBInstance"]["Endpoint"]  # fmt: skip
    host, port = world.tunnel(made["Address"], made["Port"])
    with psycopg.connect(host=host, port=port, user="shop", password=PASSWORD, dbname="shop") as link:
        link.execute("CREATE TABLE customers (id serial PRIMARY KEY, email text)")
        link.execute("INSERT INTO customers (email) VALUES ('ada@example.com'), ('ben@example.com')")
    login = {"username": "shop", "password": PASSWORD, "host": made["Address"], "dbname": "shop"}
    client("secretsmanager").create_secret(Name="small/db", SecretString=json.dumps(login))
    queue = client("sqs").get_queue_url(QueueName="small-jobs")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-west-1:{small.LEGACY}:small-jobs"
    policy = {"Version": "2012-10-17", "Statement": [PARTNER | {"Resource": arn}]}
    client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """Legacy and target after such a migration."""
    with story(tmp_path_factory.mktemp("off"), build, CONFIG) as told:
        off = SwitchedOff(told.world, told.folder)
        off.prepare()
        off.run()
        inherited = dict(os.environ)
        os.environ |= told.world.env()
        try:
            yield readers.read_legacy("dev"), readers.read_target("dev", small.TARGET)
        finally:
            os.environ.clear()
            os.environ |= inherited


def test_rows_that_were_not_copied_are_missed(sides: tuple[Any, Any]) -> None:
    found = checks.rows_equal(*sides)

    assert any("public.customers" in line and "missing" in line for line in found), found
    assert any("missing" in line for line in checks.sequences_ahead(*sides))


def test_objects_that_were_not_copied_are_missed(sides: tuple[Any, Any]) -> None:
    found = checks.objects_equal(*sides, {"small-files": f"small-files-{small.TARGET}"})

    assert found == [f"small-files: object a {number}.txt: missing" for number in range(3)]


def test_names_that_were_not_rewritten_are_found(sides: tuple[Any, Any]) -> None:
    residue = checks.legacy_id_residue(sides[1])

    assert [line.partition(":")[0] for line in residue] == ["sqs.queue/small-jobs"]


def test_what_was_not_switched_off_passes_the_same_checks(sides: tuple[Any, Any]) -> None:
    assert checks.queues_equal(*sides, ["small-jobs"]) == []
    assert checks.partner_untouched(*sides) == []
