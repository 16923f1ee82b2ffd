"""What migration.yaml of a copy may say, and what is wrong in it."""

from pathlib import Path

import pytest

from migrate import config
from migrate.errors import ConfigError
from migrate.migration import Migration

FILE = """\
schema: migrate.config/1
migration: copy
legacy: {account: "111111111111", regions: [eu-west-1]}
targets:
  production: {account: "222222222222", role: r}
  staging: {account: "666666666666", role: r}
"""


def load(folder: Path, more: str) -> config.Config:
    (folder / "migration.yaml").write_text(FILE + more)
    return config.load(folder)


def test_a_copy_needs_no_move(tmp_path: Path) -> None:
    (part,) = load(tmp_path, "blueprint: {of: production, to: staging}\n").move

    assert (part.runbook, part.accounts) == ("copy-shape", ("staging",))
    assert [line.id for line in Migration(tmp_path).runbooks[0].lines] == ["build", "fill", "start"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("blueprint: {of: production, to: production}", "both production: a copy goes into an account of its own"),
        ("blueprint: {of: prod, to: staging}", "blueprint.of: 'prod' is no alias of targets"),
        ("blueprint: {of: production}", "blueprint.to: Field required"),
        ("blueprint: {of: production, to: staging, services: -1}", "blueprint.services: Input should be greater"),
        (
            "blueprint: {of: production, to: staging}\nmove: [{runbook: move-workload, accounts: [production]}]",
            "line 8: move.0.accounts: a blueprint is made in staging alone",
        ),
        (
            'blueprint: {of: production, to: staging}\nbuckets: "{name}-new"',
            "line 8: buckets: bucket names are global",
        ),
    ],
)
def test_what_a_copy_cannot_have_is_said_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"{more}\n")

    assert said in str(error.value)


def test_the_digest_of_a_migration_does_not_know_of_copies(tmp_path: Path) -> None:
    load(tmp_path, "")
    without = Migration(tmp_path).config_digest
    load(tmp_path, "blueprint:\n")

    assert Migration(tmp_path).config_digest == without
