"""The policies of the organisation's two roles: they hold whatever the kinds can send, and nothing else."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from click.testing import CliRunner

from migrate.cli import main
from migrate.config import load
from migrate.files import canonical
from migrate.organisation import kinds, permissions, planning
from migrate.organisation.kinds import wanted_kinds

EXAMPLE = Path(__file__).parents[2] / "inventories" / "organisation"
OPERATION = re.compile(r'"([a-z][a-z0-9-]+\.[A-Z][A-Za-z]+)"')
RIGHTS_ONLY = {"iam.PassRole", "iam.CreateServiceLinkedRole", "ecr.CreateRepository", "ecr.PutLifecyclePolicy",
               "cur.PutReportDefinition"}  # fmt: skip
"""What AWS asks for beside the operation that is sent."""


def policy(purpose: str) -> list[str]:
    said = CliRunner().invoke(main, ["policy", "--for", purpose])
    assert said.exit_code == 0
    actions: list[str] = json.loads(said.stdout)["Statement"][0]["Action"]
    return actions


def test_roles_are_written_and_passed_by_name_only() -> None:
    said = json.loads(CliRunner().invoke(main, ["policy", "--for", "org"]).stdout)["Statement"]

    by_resource = {one["Resource"]: set(one["Action"]) for one in said}
    export = "arn:aws:s3:::migrate-cost-export-*"
    assert set(by_resource) == {"*", "arn:aws:iam::*:role/migrate-budget-actions", export}
    assert "s3:PutBucketPolicy" in by_resource[export]
    assert not {one for one in by_resource["*"] if one.startswith("s3:")} - {"s3:ListAllMyBuckets"}
    assert {"iam:PassRole", "iam:CreateRole", "iam:PutRolePolicy"} <= by_resource[
        "arn:aws:iam::*:role/migrate-budget-actions"
    ]
    assert not {one for one in by_resource["*"] if one.startswith("iam:")} & {"iam:PassRole", "iam:PutRolePolicy"}


def sent(value: Any) -> set[str]:
    """Every operation in a plan's requests, their waits and their inverses."""
    if isinstance(value, list):
        return set().union(*map(sent, value))
    if not isinstance(value, dict):
        return set()
    here = {str(value["operation"])} if isinstance(value.get("operation"), str) else set()
    return here.union(*map(sent, value.values()))


def test_each_kind_has_its_writes_and_each_is_an_operation() -> None:
    session = botocore.session.get_session()

    assert set(permissions.WRITES) == set(wanted_kinds())
    for operations in permissions.WRITES.values():
        for operation in operations - RIGHTS_ONLY:
            service, _, name = operation.partition(".")
            assert name in session.get_service_model(service).operation_names


@pytest.mark.parametrize("path", sorted(Path(kinds.__file__).parent.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_what_a_kinds_file_names_is_declared(path: Path) -> None:
    module = importlib.import_module(f"migrate.organisation.kinds.{path.stem}")
    declared = set().union(*(kind.reads | permissions.WRITES[kind.name] for kind in module.KINDS))

    services = set(botocore.session.get_session().get_available_services())
    named = {one for one in OPERATION.findall(path.read_text()) if one.partition(".")[0] in services}

    assert named <= declared


def test_every_request_of_the_example_is_allowed_by_the_two_policies() -> None:
    config = load(EXAMPLE)
    drawn = planning.draw(config, [], wanted_kinds(), "2026-11-23")

    body = planning.body(drawn, config, "c", "i", (_runbook(),), wanted_kinds())
    operations = sent(json.loads(canonical(body)))

    assert len(operations) > 20
    assert operations <= {*permissions.of_management(), *permissions.of_members()}


def _runbook() -> Any:
    from migrate import runbook

    actions = frozenset(f"{kind.name}.{action.name}" for kind in wanted_kinds().values() for action in kind.actions)
    return runbook.load(planning.RUNBOOK, EXAMPLE, actions)


def test_the_policies_use_iams_own_words() -> None:
    management, members, quiet = policy("org"), policy("org-members"), policy("quiet")

    assert {"sso:CreateAccountAssignment", "budgets:ModifyBudget", "sts:AssumeRole"} <= set(management)
    assert "cloudtrail:LookupEvents" in management
    assert "cloudtrail:LookupEvents" in members
    assert {"s3:PutAccountPublicAccessBlock", "ecr:StartReplicationBackfill"} <= set(members)
    assert not any(action.startswith(("sso-admin:", "s3control:")) for action in (*management, *members))
    assert "organizations:CreateAccount" not in members
    assert "cloudwatch:GetMetricData" in quiet
    assert all(re.match(r"[a-z0-9-]+:(Describe|Get|List|BatchGet)", action) for action in quiet)


def test_five_hundred_people_in_twenty_accounts_are_planned_in_less_than_ten_seconds() -> None:
    from bench import org

    assert org.main() == 0
