"""An Aurora PostgreSQL cluster moves by replication under the command line: writers write, kills fall, nothing is lost.

One world, in order. What stands in the databases is read and changed by plain psycopg, and AWS by plain boto3.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from migrate.demo.world import World
from tests.acceptance.test_aurora_story import build, cluster, connect
from tests.acceptance.test_database_story import CONFIG
from tests.crash.small import LEGACY, TARGET
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

# The entry names the cluster; its members, of other names, are made early all the same.
REPLICATED = CONFIG.replace(
    '{instance: "*", secret: "{instance}/db"}', '{instance: rows, secret: "{instance}/db", strategy: logical}'
).replace("runbook: move-workload,", "runbook: move-workload-replicated,")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with story(tmp_path_factory.mktemp("aurora"), build, REPLICATED) as told:
        yield told


@contextmanager
def writing(world: World) -> Iterator[list[int]]:
    """A writer that nobody stops, and that connects again after the reboot: what it was told is committed."""
    committed: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                with connect(world, LEGACY) as link:
                    link.autocommit = True
                    while not stop.wait(0.05):
                        query = "INSERT INTO orders (customer, total) VALUES ('new', 1) RETURNING id"
                        committed.append(link.execute(query).fetchone()[0])
            except psycopg.errors.ReadOnlySqlTransaction:
                return
            except psycopg.Error:
                stop.wait(0.2)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield committed
    finally:
        stop.set()
        thread.join()


def ids(told: Story, account: str) -> list[int]:
    with connect(told.world, account) as link:
        return [row[0] for row in link.execute("SELECT id FROM orders WHERE customer = 'new'").fetchall()]


def test_the_plan_reboots_the_writer_behind_its_question_and_copies_before_the_freeze(told: Story) -> None:
    plan = json.loads(told.prepare().read_text())["body"]

    steps = {step["id"].rpartition("/")[2]: step for step in plan["steps"]}
    first, last = (gate["after_wave"] for gate in plan["gates"][:2])
    early = ("rows:create", "rows-writer:create", "rows-reader:create", "rows:replicate")
    waves = [steps[name]["wave"] for name in early]
    assert first < steps["rows:enable_replication"]["wave"] < waves[0] <= last
    assert waves[0] < min(waves[1:3]) <= max(waves[1:3]) < waves[3] <= last
    assert {steps[name]["downtime"] for name in early} == {"D0"}
    assert steps["rows:catch_up"]["wave"] > last
    assert "writers stand still until the last bytes arrived" in steps["rows:replicate"]["carry"]["strategy"]


def test_every_row_that_was_committed_arrives_once_though_the_run_is_killed(told: Story) -> None:
    killed = 0
    with writing(told.world) as committed:
        for entries in (3, 12, 9, 30, 16):
            killed += told.kill_at("run", "--engine", "local", entries=entries, after_s=0.05)
            told.answer()
        told.run()

    arrived = ids(told, TARGET)
    assert killed > 2
    assert len(committed) > 20
    assert len(arrived) == len(set(arrived))
    assert set(committed) <= set(arrived)
    legacy = told.world.session(LEGACY).client("rds")
    group = cluster(told.world, LEGACY)["DBClusterParameterGroup"]
    assert group.startswith("migrate-")
    assert group in {
        one["DBClusterParameterGroupName"]
        for one in legacy.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    }
    assert cluster(told.world, TARGET)["DBClusterParameterGroup"] == "rows-cluster"
    with connect(told.world, LEGACY) as link:
        assert link.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            link.execute("INSERT INTO orders (customer, total) VALUES ('late', 1)")
    assert told.type("verify", expect=None).code == 0


def test_verify_names_a_row_that_was_changed_since(told: Story) -> None:
    with connect(told.world, TARGET) as link:
        link.execute("UPDATE orders SET total = -total WHERE id = 777")

    said = told.type("verify", expect=5)

    assert "keys of public.orders (id): 1 changed: 777" in said.err
    with connect(told.world, TARGET) as link:
        link.execute("UPDATE orders SET total = -total WHERE id = 777")


def test_a_rollback_gives_legacy_its_writes_and_its_group_back_and_leaves_nothing(told: Story) -> None:
    told.type("rollback", *told.undo_whatever_is_lost(), "--by", "ann")

    target, legacy = (told.world.session(account).client("rds") for account in (TARGET, LEGACY))
    assert target.describe_db_clusters()["DBClusters"] == target.describe_db_instances()["DBInstances"] == []
    assert legacy.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"] == []
    assert cluster(told.world, LEGACY)["DBClusterParameterGroup"] == "rows-cluster"
    groups = legacy.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    assert not [one for one in groups if one["DBClusterParameterGroupName"].startswith("migrate")]
    with connect(told.world, LEGACY) as link:
        link.execute("INSERT INTO orders (customer, total) VALUES ('again', 1)")
        assert link.execute("SELECT count(*) FROM pg_subscription").fetchone() == (0,)
