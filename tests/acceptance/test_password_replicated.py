"""A new master password beside replication and its way back, and of an Aurora cluster, under the command line.

Logins are tried by plain psycopg, secrets are read by plain boto3, never by the product.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate.demo.world import World
from tests.acceptance import test_aurora_replicated_story as replicated_cluster
from tests.acceptance import test_aurora_story as aurora
from tests.crash import test_after_the_cut_over as reverse
from tests.crash import test_replicated_database as ledger
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

REVERSE = reverse.REVERSE.replace("way_back: reverse", "way_back: reverse, rotate_password: true")
CLUSTER = replicated_cluster.REPLICATED.replace("strategy: logical", "strategy: logical, rotate_password: true")


def login(told: Story, account: str, secret: str) -> dict[str, str]:
    answer = told.world.session(account).client("secretsmanager").get_secret_value(SecretId=secret)
    known: dict[str, str] = json.loads(answer["SecretString"])
    return known


def opened(world: World, at: tuple[str, int], login: dict[str, str], database: str) -> Any:
    host, port = world.tunnel(*at)
    return psycopg.connect(
        host=host, port=port, user=login["username"], password=login["password"], dbname=database, autocommit=True
    )


def of_ledger(told: Story, account: str) -> tuple[str, int]:
    rds = told.world.session(account).client("rds")
    at = rds.describe_db_instances(DBInstanceIdentifier="ledger")["DBInstances"][0]["Endpoint"]
    return at["Address"], at["Port"]


def run_killed(told: Story, times: int) -> int:
    killed = 0
    for _ in range(times):
        killed += told.kill_at("run", "--engine", "local", entries=4, after_s=0.02)
        told.answer()
    return killed


def test_the_way_back_goes_on_under_a_new_password_and_brings_every_row(tmp_path: Path) -> None:
    with story(tmp_path, ledger.build, REVERSE) as told:
        told.prepare()
        assert run_killed(told, 12) > 3
        reverse.to_the_last_question(told)
        new = login(told, TARGET, "ledger/db")
        told.type("verify")

        with opened(told.world, of_ledger(told, TARGET), new, "ledger") as link:
            link.execute("INSERT INTO entries (said) SELECT 'in the target' FROM generate_series(1, 70)")
        listing = told.type("rollback", "--to", "0", "--json").json
        said = told.type("rollback", "--to", "0", "--confirm", listing["confirm"])

        assert login(told, LEGACY, "ledger/db")["password"] == ledger.PASSWORD != new["password"]
        assert listing["losing"] == "", said.err
        count = "SELECT count(*) FROM entries WHERE said = 'in the target'"
        assert ledger.asked(told.world, LEGACY, count) == [70]
        assert not reverse.instances(told)


def test_a_cluster_gets_a_new_password_after_replication_and_is_taken_away_again(tmp_path: Path) -> None:
    with story(tmp_path, aurora.build, CLUSTER) as told:
        told.prepare()
        while told.type("run", "--engine", "local", expect=None).code == 3:
            gate = told.type("status", "--json").json["gate"]
            for who in ("ann", "bob"):
                told.type("approve", "--gate", gate, "--by", who, expect=None)

        new, old = login(told, TARGET, "rows/db"), login(told, LEGACY, "rows/db")
        there = aurora.cluster(told.world, TARGET)
        at = there["Endpoint"], there["Port"]
        assert old["password"] == "password-1" != new["password"]
        with opened(told.world, at, new, "shop") as link:
            assert link.execute("SELECT count(*) FROM orders").fetchone() == (3000,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            opened(told.world, at, old, "shop")
        told.type("verify")
        assert "333333333333 rds.ModifyDBCluster" in told.writes()

        told.type("rollback", "--to", "0", "--confirm", told.undo())

        assert told.world.session(TARGET).client("rds").describe_db_clusters()["DBClusters"] == []
