"""Where a database is reached: by this tool, and by a server of the target."""

import json
from pathlib import Path

import pytest

from migrate.config import Config
from migrate.databases import TUNNELS_VARIABLE, Databases
from migrate.errors import ConfigError
from migrate.names import Ref, Region

CONFIG = {
    "schema": "migrate.config/1",
    "migration": "shop",
    "legacy": {"account": "111111111111", "regions": ["eu-west-1"]},
    "targets": {"prod": {"account": "222222222222", "role": "mover"}},
    "databases": [
        {"instance": "ledger-*", "secret": "s", "strategy": "logical"},
        {"instance": "*", "secret": "s"},
    ],
}


@pytest.fixture
def databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Databases:
    tunnels = {"db.x:5432": "127.0.0.1:15432", "other.x:5432 from the target": "vpce-1.x:5433"}
    tunnels["new.x:5432 from legacy"] = "vpce-2.x:5434"
    (tmp_path / "tunnels.json").write_text(json.dumps(tunnels))
    monkeypatch.delenv(TUNNELS_VARIABLE, raising=False)
    config = Config.model_validate(CONFIG | {"tunnels": str(tmp_path / "tunnels.json")})
    return Databases(None, config, Region("eu-west-1"))  # type: ignore[arg-type]


def test_a_tunnel_of_this_machine_is_no_way_for_the_targets_server(databases: Databases) -> None:
    assert databases.route("db.x", 5432) == ("db.x", 5432)
    assert databases.route("other.x", 5432) == ("vpce-1.x", 5433)
    assert databases.route("new.x", 5432) == ("vpce-2.x", 5434)


def test_a_tunnels_file_that_is_a_list_is_said_to_be_none(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "tunnels.json").write_text("[1]")

    with pytest.raises(ConfigError, match="cannot be used"):
        databases.route("db.x", 5432)


def test_a_way_back_without_replication_is_refused_and_one_with_it_is_of_that_instance_only() -> None:
    with pytest.raises(ValueError, match="way_back: reverse needs strategy: logical"):
        Config.model_validate(CONFIG | {"databases": [{"instance": "*", "secret": "s", "way_back": "reverse"}]})
    chosen = {"instance": "ledger-*", "secret": "s", "strategy": "logical", "way_back": "reverse"}
    config = Config.model_validate(CONFIG | {"databases": [chosen, {"instance": "*", "secret": "s"}]})

    assert config.way_back(Ref.parse("111111111111/eu-west-1/rds.instance/ledger-prod")) == "reverse"
    assert config.way_back(Ref.parse("111111111111/eu-west-1/rds.instance/shop")) == ""


def test_the_first_entry_that_matches_an_instance_chooses_its_strategy() -> None:
    config = Config.model_validate(CONFIG)

    def chosen(ref: str) -> str:
        return config.strategy(Ref.parse(f"111111111111/eu-west-1/{ref}"))

    assert chosen("rds.instance/ledger-prod") == "logical"
    assert chosen("rds.instance/shop") == "snapshot"
    assert chosen("s3.bucket/ledger-prod") == ""
