"""One embedded world for all tests of this folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from migrate.demo import world
from migrate.demo.accounts import LEGACY, TARGETS

PRODUCTION = TARGETS["production"]
PASSWORD = "correct-horse-1"


@pytest.fixture(scope="session")
def a_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.World]:
    home = tmp_path_factory.mktemp("world")
    running = world.up(home, log=home / "requests.jsonl")
    yield running
    world.down(home)


@pytest.fixture
def legacy(a_world: world.World) -> Callable[..., Any]:
    make: Callable[..., Any] = a_world.session(LEGACY).client
    return make


@pytest.fixture
def target(a_world: world.World) -> Callable[..., Any]:
    make: Callable[..., Any] = a_world.session(PRODUCTION).client
    return make


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def connect(a_world: world.World) -> Callable[..., psycopg.Connection[Any]]:
    """Connect to an RDS instance as its clients do, through the tunnel of its endpoint."""

    def to(instance: dict[str, Any], *, password: str = PASSWORD, dbname: str = "shop") -> psycopg.Connection[Any]:
        host, port = a_world.tunnel(instance["Endpoint"]["Address"], instance["Endpoint"]["Port"])
        return psycopg.connect(host=host, port=port, user="shop", password=password, dbname=dbname, autocommit=True)

    return to


@pytest.fixture
def refused() -> Callable[..., str]:
    """Run a call that AWS refuses and give the error's code."""

    def run(call: Callable[..., Any], **named: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(**named)
        return str(caught.value.response["Error"]["Code"])

    return run
