"""For all tests. The rule: what makes the emulator quicker, never what makes it kinder; and what many tests share."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import botocore.hooks
import botocore.session
import pytest

if TYPE_CHECKING:
    from migrate.demo.postgres import Fleet

# Hundreds of machine images an account and region, made anew by each reset, that no test looks at.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

# Each session would read the JSON models of its services anew: a fifth of the time of tests that make many.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# So would each client find the new names of a hundred events.
_alias = functools.cache(botocore.hooks.EventAliaser(None)._alias_event_name)
botocore.hooks.EventAliaser._alias_event_name = lambda _, event_name: _alias(event_name)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Real PostgreSQL servers, made as a test asks for them."""
    from migrate.demo.postgres import Fleet

    made = Fleet(tmp_path_factory.mktemp("fleet"))
    yield made
    made.close()
