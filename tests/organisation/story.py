"""`migrate org` typed against the emulator within this process. The rule: what happened is read with plain boto3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.organizations.models import organizations_backends
from moto.ssoadmin.responses import SSOAdminResponse
from ruamel.yaml import YAML

from migrate.cli import main
from migrate.demo.strict.sso_admin import provisioning_status
from tests.crash.story import Said

MANAGEMENT = "111111111111"
HEAD: Mapping[str, Any] = {
    "schema": "migrate.config/1",
    "migration": "shop",
    "legacy": {"account": MANAGEMENT, "regions": ["eu-west-1"]},
    "settle_s": 0,
}


@dataclass
class Story:
    """One folder, and the commands typed in it."""

    folder: Path

    def want(self, section: Mapping[str, Any]) -> None:
        """Write migration.yaml."""
        management = {"management": {"account": MANAGEMENT}, "legacy": {"how": "management"}}
        whole = management | {"email": "aws+{alias}@shop.example"}
        with (self.folder / "migration.yaml").open("w") as stream:
            YAML().dump({**HEAD, "organisation": {**whole, **section}}, stream)

    def type(self, verb: str, *words: str, expect: int | None = 0) -> Said:
        """Type `migrate org VERB FOLDER WORDS…`."""
        ended = CliRunner().invoke(main, ["org", verb, str(self.folder), *words])
        said = Said(ended.exit_code, ended.stdout, ended.stderr)
        assert "Traceback" not in said.err
        assert "a defect of this product" not in said.err, said.err
        if expect is not None:
            assert said.code == expect, f"org {verb} ended with {said.code}\n{said.out[-500:]}\n{said.err[-3000:]}"
        return said

    def plan(self) -> dict[str, Any]:
        """Plan; gives what --json says."""
        made: dict[str, Any] = self.type("plan", "--json").json
        return made

    def stand(self) -> dict[str, Any]:
        """Plan, approve and run to the end, every gate answered; gives the plan."""
        made = self.plan()
        self.type("approve", "--by", "ann")
        while (said := self.type("run", "--engine", "local", expect=None)).code == 3:
            gate = self.type("status", "--json").json["gate"]
            assert gate
            self.type("approve", "--gate", gate, "--by", "ann")
        assert said.code == 0, said.err
        assert self.type("status", "--json").json["states"] == {"verified": made["steps"]}
        return made

    def undo(self, plan: str, expect: int = 0) -> Said:
        """Roll that plan's run back, whole."""
        listing = self.type("rollback", "--to", "0", "--plan", plan).out.strip()
        return self.type("rollback", "--to", "0", "--plan", plan, "--confirm", listing, expect=expect)


@contextmanager
def story(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """An account without an organisation, and an empty folder."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", MANAGEMENT)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("moto.core.responses.DEFAULT_ACCOUNT_ID", MANAGEMENT, raising=False)
    for name in ("provision_permission_set", "describe_permission_set_provisioning_status"):
        # What is there now is put back when the test ends.
        monkeypatch.setattr(SSOAdminResponse, name, getattr(SSOAdminResponse, name, None), raising=False)
    provisioning_status()
    with mock_aws():
        # The emulator remembers the accounts of an organisation that it has forgotten.
        organizations_backends.master_accounts.clear()
        yield Story(folder)


def organizations() -> Any:
    return boto3.client("organizations", region_name="us-east-1")


def accounts() -> dict[str, str]:
    """E-mail → id of each member account."""
    return {
        one["Email"]: one["Id"]
        for page in organizations().get_paginator("list_accounts").paginate()
        for one in page["Accounts"]
        if one["Id"] != MANAGEMENT
    }


def tree() -> dict[str, str]:
    """Path of each unit → id; the root is ""."""
    client = organizations()
    found = {"": client.list_roots()["Roots"][0]["Id"]}
    ahead = [""]
    while ahead:
        above = ahead.pop()
        for unit in client.list_organizational_units_for_parent(ParentId=found[above])["OrganizationalUnits"]:
            path = f"{above}/{unit['Name']}" if above else unit["Name"]
            found[path] = unit["Id"]
            ahead.append(path)
    return found


def lies_in() -> dict[str, str]:
    """E-mail of each member account → path of its unit."""
    client, paths = organizations(), {unit: path for path, unit in tree().items()}
    return {email: paths[client.list_parents(ChildId=one)["Parents"][0]["Id"]] for email, one in accounts().items()}


def rails(target: str) -> set[str]:
    """Names of the service control policies on a target that people made."""
    found = organizations().list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    return {one["Name"] for one in found if not one["AwsManaged"]}
