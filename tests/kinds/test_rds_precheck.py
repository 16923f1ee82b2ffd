"""While legacy still serves, the run stops where a database would lose something; what is not known is said."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg
import pytest

from migrate.demo.postgres import Database, Fleet
from migrate.errors import StepFailed
from migrate.kind import CarryAction, It
from migrate.kinds import rds_instance
from tests.carry.fake_carrier import FakeCarrier, place
from tests.kinds.test_rds import aws, database  # noqa: F401

INSTANCE = rds_instance.KINDS[0]
ACTION = INSTANCE.action("precheck")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet.create(user="shop", password="secret", name="shop")
    fleet.close()


def connect(server: Database, name: str = "shop") -> Any:
    return psycopg.connect(
        host="127.0.0.1", port=server.port, user="shop", password="secret", dbname=name, connect_timeout=10
    )


@pytest.fixture
def it(aws: dict[str, boto3.Session]) -> It[Any]:  # noqa: F811
    return database(aws)


@pytest.fixture
def to(aws: dict[str, boto3.Session], server: Database) -> Any:  # noqa: F811
    assert isinstance(ACTION, CarryAction)
    carrier = FakeCarrier(INSTANCE, ACTION, place("shop"), aws)
    carrier.connections["legacy"] = lambda host, port, name: connect(server, name)
    return carrier


def test_it_comes_before_anything_is_copied_beside_legacy_and_writes_nothing(it: It[Any]) -> None:
    assert isinstance(ACTION, CarryAction)
    assert next(action.name for action in INSTANCE.actions if action.applies(it)) == "precheck"
    assert (ACTION.phase, ACTION.downtime, ACTION.writes, ACTION.requests(it, place("shop"))) == (
        "build", "D0", frozenset(), (),
    )  # fmt: skip


def test_rows_that_a_snapshot_would_lose_stop_the_run_until_somebody_has_dealt_with_them(
    it: It[Any], to: Any, server: Database
) -> None:
    assert isinstance(ACTION, CarryAction)
    with connect(server) as link:
        link.execute("CREATE UNLOGGED TABLE cache AS SELECT 1 AS a")

    with pytest.raises(StepFailed) as failed:
        ACTION.carry(it, to)

    assert "nothing is frozen yet" in failed.value.what
    assert "shop: unlogged tables hold rows: public.cache" in failed.value.what
    assert "SET LOGGED" in failed.value.what
    with connect(server) as link:
        link.execute("ALTER TABLE cache SET LOGGED")
    counts = ACTION.carry(it, to)
    proof = ACTION.prove(it, to)
    assert (proof.state, to.writes) == ("equal", [])
    assert counts["findings"] == len(proof.evidence["prechecks"])
    said = json.dumps(proof.evidence)
    assert "tables have no replica identity" in said
    assert "public.cache" in said


def test_a_database_out_of_reach_is_not_called_fine(it: It[Any], to: Any, server: Database) -> None:
    assert isinstance(ACTION, CarryAction)
    reachable = to.connections.pop("legacy")

    ACTION.carry(it, to)
    proof = ACTION.prove(it, to)

    assert proof.state == "could not be proved"
    assert "could not be known: shop in legacy: no connection" in proof.differences[0]
    to.connections["legacy"] = reachable
    assert ACTION.prove(it, to).state == "equal"


def test_once_known_legacy_is_not_asked_again(it: It[Any], to: Any) -> None:
    assert isinstance(ACTION, CarryAction)
    ACTION.carry(it, to)
    to.connections.clear()

    assert ACTION.prove(it, to).state == "equal"
