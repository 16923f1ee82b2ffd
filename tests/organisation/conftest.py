"""A folder and an emulated account for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.organisation.story import Story
from tests.organisation.story import story as begun


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    with begun(tmp_path, monkeypatch) as told:
        yield told
