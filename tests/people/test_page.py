"""docs/people.md: its example is read whole, and its table has every field."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from migrate.organisation.section import Organisation
from migrate.people import packing
from migrate.people.classify import CLASSES
from migrate.people.decided import Decisions, decisions

PAGE = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
TABLE = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))


def parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        found += [part for one in _models(field.annotation) for part in parts(one)]
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in get_args(annotation) for model in _models(one)]


@pytest.mark.parametrize(
    "field", sorted({f.alias or name for part in parts(Decisions) for name, f in part.model_fields.items()})
)
def test_every_field_of_the_section_is_in_the_table_and_in_the_example(field: str) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)

    assert f"`{field}`" in TABLE
    assert re.search(rf"\b{field}:", example)


def test_the_example_is_read_whole() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)

    said = YAML(typ="safe", pure=True).load(example)
    read = decisions(said["organisation"], said["identities"])

    assert Organisation.model_validate(said["organisation"]).people[0].user == "ana"
    assert read.dangling() == []
    assert all([read.people, read.groups, read.permission_sets, read.users, read.github, read.vendors, read.portal])


def test_the_numbers_and_classes_are_those_of_the_code() -> None:
    for number in (packing.INLINE_BYTES, packing.MANAGED_BYTES):
        assert f"{number:,} bytes" in PAGE
    assert [name for name in CLASSES if f"\n| {name} |" not in PAGE] == []
