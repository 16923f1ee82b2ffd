"""A small migration that was cut over, and what a verb says of it as JSON: for the verbs that look at it afterwards."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from migrate.cli import main

CONFIG = """\
schema: migrate.config/1
migration: shop
legacy: {account: "123456789012", regions: [eu-west-1]}
targets:
  production: {account: "222222222222", role: Migrate}
placement: [{name: "*", to: production}]
move: [{runbook: move-workload, accounts: [production]}]
"""


def told_by(verb: str, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the result of the verb; it ends without a traceback."""
    said = CliRunner().invoke(main, [verb, str(folder), "--json", *words])
    assert "Traceback" not in said.output
    assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
    body = json.loads(said.stdout)
    return said.exit_code, body.get("result", body)
