"""For all tests. The rule: what makes the emulator quicker, never what makes it kinder; and what many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migrate.demo import quick
from tests import quicker

if TYPE_CHECKING:
    from migrate.demo.postgres import Fleet

# Hundreds of machine images an account and region, made anew by each reset, that no test looks at.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

quicker.enter()
quick.enter()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Real PostgreSQL servers, made as a test asks for them."""
    from migrate.demo.postgres import Fleet

    made = Fleet(tmp_path_factory.mktemp("fleet"))
    yield made
    made.close()
