"""Doctor asks each database what would not arrive, and says so where it could not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from migrate import files
from migrate.database_doctor import ask
from migrate.demo.postgres import Database, Fleet
from migrate.errors import AccessError
from migrate.inventory import Inventory, Resource
from migrate.migration import Migration
from migrate.names import AccountId, Ref, Region
from migrate.out import Out
from migrate.verbs.beginning import _databases, init


def instance(name: str = "shop", **facts: Any) -> Resource:
    ref = Ref(AccountId("111111111111"), Region("eu-west-1"), "rds.instance", name)
    known = {"engine": "postgres", "cluster": None, "replica_of": None, "host": f"{name}.rds", "port": 5432}
    return Resource(ref, "arn", {}, None, None, known | {"db_name": "shop"} | facts)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet.create(user="shop", password="secret", name="shop")
    fleet.close()


def test_what_stops_a_snapshot_fails_and_the_rest_is_told(server: Database) -> None:
    asked: list[tuple[Any, ...]] = []

    def connect(account: str, host: str, port: int, database: str, *, side: str, instance: str) -> Any:
        asked.append((account, host, port, side, instance))
        return psycopg.connect(host="127.0.0.1", port=server.port, user="shop", password="secret", dbname=database)

    with connect("", "", 0, "shop", side="", instance="") as link:
        link.execute("CREATE UNLOGGED TABLE cache AS SELECT 1 AS a")
        link.execute("CREATE TABLE log (word text)")
    asked.clear()

    found = list(ask([instance(), instance("other", engine="mysql")], connect, {}))

    assert set(asked) == {("111111111111", "shop.rds", 5432, "legacy", "shop")}
    bad = [one for one in found if not one.ok]
    assert [one.what for one in bad] == ["shop: shop: unlogged tables hold rows: public.cache"]
    assert "SET LOGGED" in bad[0].fix
    (identity,) = [one.what for one in found if one.ok and "public.log" in one.what]
    assert identity.endswith(
        "(with this, logical would not work: add a primary key, or ALTER TABLE … REPLICA IDENTITY)"
    )


def cluster(name: str, **facts: Any) -> Resource:
    ref = Ref(AccountId("111111111111"), Region("eu-west-1"), "rds.cluster", name)
    known = {"engine": "aurora-postgresql", "engine_mode": "provisioned", "host": f"{name}.cluster", "port": 5432}
    return Resource(ref, "arn", {}, None, None, known | {"db_name": "shop"} | facts)


def test_an_aurora_cluster_is_asked_and_its_members_and_what_does_not_move_are_not() -> None:
    asked: list[str] = []

    def connect(account: str, host: str, port: int, database: str, *, side: str, instance: str) -> Any:
        asked.append(host)

    left = [cluster("world", global_cluster="w"), cluster("old", engine_mode="serverless"), cluster("my", engine="x")]
    member = instance("shop-a", engine="aurora-postgresql", cluster="shop")

    found = list(ask([cluster("shop"), member, *left], connect, {}))

    assert asked == ["shop.cluster"]
    assert [one.ok for one in found] == [False]


def test_a_database_that_cannot_be_asked_fails_with_the_reason() -> None:
    found = list(ask([instance()], lambda *_, **__: None, {"shop.rds": "migration.yaml names no secret for shop"}))

    assert [one.ok for one in found] == [False]
    assert found[0].what.endswith("could not be known: migration.yaml names no secret for shop")
    assert "databases" in found[0].fix


@pytest.mark.parametrize("broken", ["the scan", "the way in"])
def test_what_keeps_doctor_from_asking_is_one_more_finding(tmp_path: Path, broken: str) -> None:
    init(
        Out(), tmp_path, defaults=True, legacy="111111111111", regions=("eu-west-1",),
        targets=("production=222222222222",), role="migrate", name="shop",
    )  # fmt: skip
    path = files.write_inventory(
        tmp_path, Inventory(AccountId("111111111111"), (Region("eu-west-1"),), ("rds.instance",), (instance(),), ())
    ).path
    if broken == "the scan":
        path.write_text("{}")
    with (tmp_path / "migration.yaml").open("a") as config:
        config.write("tunnels: /nowhere/tunnels.json\n")
    yaml = (tmp_path / "migration.yaml").read_text()
    (tmp_path / "migration.yaml").write_text(
        yaml.replace("databases: []", 'databases: [{instance: "*", secret: "shop/db"}]')
    )

    class Shut:
        def read(self, *_: Any, **__: Any) -> Any:
            raise AccessError("no credentials were found", do="sign in")

    (finding,) = _databases(Migration(tmp_path), cast(Any, Shut()))

    assert not finding.ok
    assert finding.what.startswith("databases could not be asked: ")
    assert finding.fix
