"""migrate report reach: how much one stolen identity reaches, before and after, by the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from click.testing import CliRunner

from migrate import files
from migrate.cli import main
from migrate.inventory import Gap
from migrate.kinds import every_kind
from migrate.reach.acts import ACTS, LEVELS
from tests.people.company import HERE, LEGACY, ORGANISATION, PROD, Company, allow, deny, doc, queue_arn

PEOPLE = f"""\
  people:
    - {{user: ana, name: Ana, email: ana@shop.example, groups: [engineers]}}
  groups: {{engineers: {{assign: [{{accounts: [production], permission_set: engineers}}]}}}}
  permission_sets:
    engineers:
      inline:
        Version: "2012-10-17"
        Statement: [{{Effect: Allow, Action: "sqs:*", Resource: "arn:aws:sqs:{HERE}:{PROD}:*"}}]
"""


def role(company: Company, name: str, trust: dict[str, Any], *statements: dict[str, Any]) -> None:
    facts = {
        "path": "/", "description": "", "max_session_s": 3600, "dead_principals": [], "boundary": None, "attached": [],
        "trust": doc({"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}),
        "inline": {"own": doc(*statements)}, "role_id": f"AROA{name.upper():A<16}"[:20],
    }  # fmt: skip
    company._add("iam.role", name, facts, f"arn:aws:iam::{LEGACY}:role/{name}")


def told(folder: Path, *words: str) -> tuple[dict[str, Any], str]:
    ended = CliRunner().invoke(main, ["report", "reach", str(folder), "--json", *words])
    assert ended.exit_code == 0, ended.stderr
    page = CliRunner().invoke(main, ["report", "reach", str(folder), *words]).stdout
    return json.loads(ended.stdout), page


def counts(answer: dict[str, Any], side: str, name: str) -> dict[str, tuple[int, int, int]]:
    (found,) = (one for one in answer[side]["holders"] if f"{one['sort']} {one['name']}" == name)
    return {
        where: tuple(levels[level]["all"] for level in LEVELS)
        for where, levels in found["reaches"].items()
        if any(levels[level]["all"] for level in LEVELS)
    }  # type: ignore[return-value]


@pytest.fixture
def company() -> Company:
    made = Company()
    for name in ("orders-prod", "mails-prod", "orders-dev", "secrets", "old"):
        made.queue(name)
    return made


def test_who_reached_both_environments_reaches_one_afterwards(company: Company, tmp_path: Path) -> None:
    company.person("ana", inline={"all": doc(allow("sqs:*"), deny("sqs:DeleteQueue", queue_arn("*-prod")))})
    company.person("bo", inline={"read": doc(allow("sqs:ReceiveMessage", queue_arn("orders-*")))})
    company.folder(tmp_path, ORGANISATION + PEOPLE)

    answer, page = told(tmp_path)

    assert counts(answer, "before", "user ana") == {
        "production": (2, 2, 0), "development": (1, 1, 1), "vault": (1, 1, 1), "stays in legacy": (1, 1, 1),
    }  # fmt: skip
    assert counts(answer, "before", "user bo") == {"production": (1, 0, 0), "development": (1, 0, 0)}
    assert counts(answer, "planned", "permission set engineers in production") == {"production": (2, 2, 2)}
    assert "before: 2 who can ask, 7 in development, not placed, production, stays in legacy, vault" in page
    assert "one break-in reaches at most 5 of 7: user ana" in page
    assert "1 of 2 can change or delete in more than one environment" in page
    assert "one break-in reaches at most 2 of 4: permission set engineers in production" in page
    (ana,) = (one for one in answer["planned"]["holders"] if one["sort"] == "person" and one["name"] == "ana")
    assert ana["becomes"] == ["engineers in production"], "her group's set, and not the one that is only proposed"
    assert counts(answer, "planned", "person ana") == {"production": (2, 2, 2)}
    planned = page.partition("planned: ")[2]
    assert planned.startswith("7 who can ask, 4 in development, production, vault"), "what migrate people proposes too"
    assert "not counted here: 3 things that stay in legacy or are not placed" in page
    assert "not counted on either side: who may start code under a role" in page


def test_a_role_that_one_may_become_counts_and_so_do_those_behind_it(company: Company, tmp_path: Path) -> None:
    company.person("ana", inline={"own": doc(allow("sts:AssumeRole", f"arn:aws:iam::{LEGACY}:role/hop-prod"))})
    company.person("bo", inline={"own": doc(allow("sts:AssumeRole", "*"))})
    hop = f"arn:aws:iam::{LEGACY}:role/hop-prod"
    role(company, "hop-prod", {"AWS": f"arn:aws:iam::{LEGACY}:user/ana"}, allow("sts:AssumeRole", "*"))
    role(company, "deploy-prod", {"AWS": [hop, "arn:aws:iam::999999999999:root"]}, allow("sqs:*"))
    company.folder(tmp_path, ORGANISATION)

    answer, page = told(tmp_path)

    found = {one["name"]: one for one in answer["before"]["holders"]}
    assert found["ana"]["becomes"] == ["deploy-prod", "hop-prod"]
    assert found["bo"]["becomes"] == [], "no trust policy lets bo in"
    assert counts(answer, "before", "user ana")["production"] == (2, 2, 2)
    assert counts(answer, "before", "user bo") == {}
    assert found["deploy-prod"]["lets_in"] == ["arn:aws:iam::999999999999:root"]
    assert counts(answer, "planned", "role deploy-prod in production") == {"production": (2, 2, 2)}
    assert "by becoming deploy-prod, hop-prod too" in page


def test_what_could_not_be_evaluated_is_said(company: Company, tmp_path: Path) -> None:
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    company.person("ana", inline={"own": doc(allow("sqs:SendMessage", Condition=mfa))})
    company.person("bo", attached=["arn:aws:iam::aws:policy/Unseen"])
    denied = Gap("iam.role", "global", "iam.GetAccountAuthorizationDetails", "denied", "no")
    company.folder(tmp_path, ORGANISATION)
    files.write_inventory(tmp_path, replace(company.inventory, gaps=(denied,)))

    answer, page = told(tmp_path)
    said = CliRunner().invoke(main, ["report", "reach", str(tmp_path)]).stderr

    assert counts(answer, "before", "user ana") == {}
    assert {one["name"]: one["undecided"] for one in answer["before"]["holders"]} == {"ana": 5, "bo": 0}
    assert "5 things could not be decided" in page
    unseen = "iam.role in global: iam.GetAccountAuthorizationDetails: denied"
    assert f"not shown to the scan, so more may be reached: {unseen}" in page
    assert "user bo reaches at least this: nobody has read Unseen" in said


@pytest.mark.parametrize("kind", sorted(ACTS))
def test_each_action_of_the_table_is_one_that_aws_has(kind: str) -> None:
    # Actions that are no operation, or not of that name. Source: Service Authorization Reference.
    known = {
        "apigateway", "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "es:ESHttpGet", "es:ESHttpPut",
    }  # fmt: skip
    names = {"elasticloadbalancing": "elbv2", "es": "opensearch", "states": "stepfunctions", "elasticfilesystem": "efs"}
    session = botocore.session.get_session()

    assert kind in every_kind()
    for level in LEVELS:
        action = ACTS[kind].at(level).action
        service, _, operation = action.partition(":")
        operations = session.get_service_model(names.get(service, service)).operation_names
        assert action in known or operation in operations, action
    if ACTS[kind].policy:
        assert ACTS[kind].policy in every_kind()[kind].facts.model_fields
