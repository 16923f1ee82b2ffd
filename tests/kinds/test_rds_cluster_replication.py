"""An Aurora PostgreSQL cluster moves by logical replication: as an instance does, by its writer, with its members."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import jmespath
import pytest
from botocore import xform_name

from migrate.demo.postgres import Fleet
from migrate.kinds import rds_instance
from migrate.kinds.rds_instance.enabling import group_name
from tests.carry.fake_carrier import LEGACY, place
from tests.carry.two_servers import USER, make, writing
from tests.kinds.plain_site import PlainSite
from tests.kinds.replicated import BACK_STEPS, INSTANCE, STEPS, Move, untouched
from tests.kinds.replicated import sessions as sessions

CLUSTER = rds_instance.KINDS[1]
EARLY = {
    "check_replication": "build", "precheck": "build", "snapshot": "build", "copy": "build", "create": "build",
    "replicate": "build", "catch_up": "data", "end_replication": "data", "prove_rows": "data", "look_again": "cutover",
}  # fmt: skip


@pytest.fixture
def clusters(sessions: dict[str, boto3.Session]) -> dict[str, boto3.Session]:
    """A cluster `shop` with a writer and a reader on both sides."""
    for one in sessions.values():
        rds = one.client("rds")
        rds.create_db_cluster(
            DBClusterIdentifier="shop", DatabaseName="shop", Engine="aurora-postgresql", EngineVersion="16.4",
            MasterUsername=USER, MasterUserPassword="password-1", Port=5432,
        )  # fmt: skip
        for name, tier in (("shop-writer", 0), ("shop-reader", 5)):
            rds.create_db_instance(
                DBInstanceIdentifier=name, DBClusterIdentifier="shop", Engine="aurora-postgresql", PromotionTier=tier,
                DBInstanceClass="db.r6g.large",
            )  # fmt: skip
    return sessions


def a_cluster(clusters: dict[str, boto3.Session], **more: Any) -> Any:
    site = PlainSite(clusters["legacy"], LEGACY, "eu-west-1", CLUSTER.reads)
    return replace(CLUSTER.typed(next(iter(CLUSTER.scan(site, only="shop")))), strategy="logical", **more)


@pytest.fixture
def move(fleet: Fleet, clusters: dict[str, boto3.Session]) -> Iterator[Move]:
    servers = make(fleet, publishes=True)
    yield Move(a_cluster(clusters), servers, clusters, kind=CLUSTER)
    servers.close()


def test_a_clusters_writers_write_during_the_copy_and_every_row_arrives_once(move: Move) -> None:
    with writing(move.servers.legacy) as writers:
        move.run()

    arrived = [row[0] for row in move.servers.ask("target", "SELECT id FROM orders WHERE note = 'new'")]
    assert len(writers.inserted) > 20
    assert len(arrived) == len(set(arrived))
    assert set(writers.inserted) <= set(arrived)
    assert move.servers.ask("legacy", "SELECT count(*) FROM pg_replication_slots") == [(0,)]


def test_a_row_of_a_cluster_that_did_not_arrive_fails_the_proof_and_a_rollback_leaves_legacy_as_it_was(
    move: Move,
) -> None:
    for step in STEPS[:-1]:
        move.do(step)
    move.servers.run("target", "DELETE FROM lines WHERE id = 7")

    proof = move.do("prove_rows")
    move.undo(*reversed(STEPS))

    assert "shop: keys of public.lines (id): 1 only in legacy: 7" in proof.differences
    untouched(move.servers)


def test_what_a_target_cluster_took_comes_back_with_the_undo(move: Move) -> None:
    facts = move.it.facts.model_copy(update={"logical_replication": True})
    move.it = replace(move.it, facts=facts, way_back="reverse")
    for step in ("check_replication", BACK_STEPS[0], *STEPS[1:], BACK_STEPS[1]):
        assert move.do(step).state == "equal", step
    move.servers.run("target", "INSERT INTO orders (note) VALUES ('taken by the target')")

    move.undo(BACK_STEPS[1])

    assert move.servers.ask("legacy", "SELECT count(*) FROM orders WHERE note = 'taken by the target'") == [(1,)]


def test_the_check_says_how_large_a_cluster_is_which_aws_does_not_describe(move: Move) -> None:
    action, carrier = move.carrier("check_replication")

    counts = action.carry(move.it, carrier)

    [(size,)] = move.servers.ask("legacy", "SELECT pg_database_size('shop')")
    assert abs(int(str(counts["shop bytes"])) - size) < size / 10


def test_a_followed_cluster_and_its_members_are_made_while_legacy_serves(clusters: dict[str, boto3.Session]) -> None:
    it = a_cluster(clusters)
    facts = it.facts.model_copy(update={"logical_replication": True})
    it = replace(it, facts=facts)
    site = PlainSite(clusters["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    member = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop-writer"))))
    create = INSTANCE.action("create")

    assert {one.name: one.when(it)[0] for one in CLUSTER.actions if one.applies(it)} == EARLY
    snapshot = replace(it, strategy="snapshot")
    assert CLUSTER.action("create").when(snapshot) == ("data", "D3")
    # Whatever migration.yaml says of the member's own name.
    assert str(INSTANCE.chosen_by(member)) == str(it.ref)
    assert create.when(replace(member, strategy="logical")) == ("build", "D0")
    assert create.when(replace(member, strategy="snapshot")) == ("data", "D3")
    said = CLUSTER.action("replicate").summary(it, place("shop"))["to"]  # type: ignore[attr-defined]
    assert said["answers by"] == [f"arn:aws:rds:eu-west-1:{LEGACY}:db:shop-{one}" for one in ("reader", "writer")]


@pytest.mark.parametrize("group", ["default.aurora-postgresql16", "own"])
def test_legacys_cluster_gets_a_group_of_its_own_and_its_writer_one_reboot_and_the_undo_gives_the_old_one_back(
    clusters: dict[str, boto3.Session], group: str
) -> None:
    rds = clusters["legacy"].client("rds")
    if group == "own":
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=group, DBParameterGroupFamily="aurora-postgresql16", Description="d"
        )
    rds.modify_db_cluster(DBClusterIdentifier="shop", DBClusterParameterGroupName=group)
    it = a_cluster(clusters)
    action = CLUSTER.action("enable_replication")
    requests = action.requests(it, place("shop"))
    known: dict[str, Any] = {}

    def sent(request: Any) -> Any:
        operation = request.operation.partition(".")[2]
        params = {
            name: known["writer"] if isinstance(value, dict) and "$after" in value else value
            for name, value in request.params.items()
        }
        answer = getattr(rds, xform_name(operation))(**params)
        known.update({name: jmespath.search(path, answer) for name, path in request.outputs.items()})
        return params

    params = [sent(request) for request in requests]

    assert {request.side for request in requests} == {"legacy"}
    assert [one.operation for one in requests if one.operation.startswith("rds.Reboot")] == ["rds.RebootDBInstance"]
    assert params[-1] == {"DBInstanceIdentifier": "shop-writer"}
    after = a_cluster(clusters)
    changes = dict(action.legacy_after(it) or {})
    assert changes == {"parameter_group": group_name(it), "logical_replication": True}
    assert {name: after.facts.model_dump()[name] for name in changes} == changes
    assert not action.applies(after)
    described = rds.describe_db_clusters(DBClusterIdentifier="shop")
    find, wait = requests[-1].find, requests[-1].wait
    assert find is not None and wait is not None  # noqa: PT018
    assert jmespath.search(find.outputs["rebooted"], described) == "shop-writer"
    assert jmespath.search(wait.path, described) == ["available", "in-sync"]

    for request in reversed(requests):
        if request.undo:
            sent(request.undo)
    assert a_cluster(clusters).facts.parameter_group == group
    left = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    assert group_name(it) not in [one["DBClusterParameterGroupName"] for one in left]


@pytest.mark.parametrize("step", BACK_STEPS)
def test_the_way_back_is_shown_as_leading_into_legacy(clusters: dict[str, boto3.Session], step: str) -> None:
    said = str(CLUSTER.action(step).summary(a_cluster(clusters), place("shop"))["to"])  # type: ignore[attr-defined]

    assert "shop in legacy" in said
    # Legacy's host would be rewritten into the target's.
    assert ".amazonaws.com" not in said
