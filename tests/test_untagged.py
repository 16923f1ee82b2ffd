"""migrate report untagged: what lacks an owner or environment tag, by the scan and by the tagging API."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from migrate import files
from migrate.cli import main
from migrate.inventory import Inventory, Resource
from migrate.kinds import every_kind
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.untagged import Keys, Listed, of_kinds, of_others
from tests.test_health import in_a_shell

ACCOUNT, HERE = AccountId("123456789012"), Region("eu-west-1")
MIGRATION = f"""\
schema: migrate.config/1
migration: shop
legacy: {{account: "{ACCOUNT}", regions: [{HERE}]}}
targets: {{production: {{account: "222222222222", role: Admin}}}}
environments: {{prod: production}}
"""


def thing(kind: str, name: str, **tags: str) -> Resource:
    region = GLOBAL if every_kind()[kind].is_global else HERE
    return Resource(Ref(ACCOUNT, region, kind, name), f"arn:aws:x:{HERE}:{ACCOUNT}:{name}", dict(tags), None, None, {})


def queue(name: str, **tags: str) -> Resource:
    facts = {
        "url": f"https://sqs.{HERE}.amazonaws.com/{ACCOUNT}/{name}", "attributes": {}, "kms_key": None,
        "kms_reuse_s": None, "policy": None, "redrive_policy": None, "redrive_allow_policy": None,
    }  # fmt: skip
    return replace(thing("sqs.queue", name, **tags), facts=facts)


def scanned(folder: Path, *resources: Resource) -> None:
    (folder / "migration.yaml").write_text(MIGRATION)
    files.write_inventory(folder, Inventory(ACCOUNT, (HERE,), tuple(every_kind()), resources))


@pytest.mark.parametrize(
    ("tags", "lacking"),
    [
        ({}, ("owner", "environment")),
        ({"Owner": "ana", "ENV": "prod"}, ()),
        ({"team": "web"}, ("environment",)),
        ({"owner": "  ", "stage": "prod"}, ("owner",)),
        ({"owner-of": "ana"}, ("owner", "environment")),
    ],
)
def test_a_tag_counts_in_any_case_and_not_while_it_is_empty(tags: dict[str, str], lacking: tuple[str, ...]) -> None:
    assert Keys().lacking(tags) == lacking


def test_what_cannot_carry_tags_and_what_nobody_read_is_not_called_untagged() -> None:
    resources = [
        thing("sqs.queue", "bare"), thing("sqs.queue", "told", owner="ana", env="prod"), thing("iam.group", "people"),
        thing("events.archive", "old"), thing("sns.subscription", "one"),
    ]  # fmt: skip

    kinds, without = of_kinds(resources, every_kind(), Listed({}), Keys())

    found = {one.name: (one.read, len(one.lacking["owner"]), one.not_read) for one in kinds}
    assert found == {"sqs.queue": (2, 1, 0), "events.archive": (0, 0, 1)}
    assert dict(without) == {"iam.group": 1, "sns.subscription": 1}
    listed = Listed({f"arn:aws:x:{HERE}:{ACCOUNT}:old": {"team": "web"}})
    (old,) = (one for one in of_kinds(resources, every_kind(), listed, Keys())[0] if one.name != "sqs.queue")
    assert (old.read, old.lacking["owner"], len(old.lacking["environment"])) == (1, [], 1)


def test_of_services_without_a_kind_only_what_the_tagging_api_lists_is_told() -> None:
    job, queue = f"arn:aws:glue:{HERE}:{ACCOUNT}:job/nightly", f"arn:aws:sqs:{HERE}:{ACCOUNT}:bare"
    listed = Listed({job: {"env": "prod"}, queue: {}})

    (found,) = of_others(listed, [queue], {job: "glue:job", queue: "sqs"}, Keys())

    assert (found.name, found.lacking) == ("glue:job", {"owner": [job], "environment": []})


@mock_aws
def test_the_report_counts_by_kind_and_says_what_is_stamped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_shell(monkeypatch)
    scanned(
        tmp_path, queue("orders-prod", owner="ana", env="prod"), queue("mails-prod", env="prod"), queue("bare-prod")
    )
    boto3.client("glue", region_name=HERE).create_job(
        Name="nightly", Role="r", Command={"Name": "glueetl"}, Tags={"env": "prod"}
    )

    def migrate(*words: str) -> Any:
        return CliRunner().invoke(main, list(words))

    said = migrate("report", "untagged", str(tmp_path))
    answer = json.loads(migrate("report", "untagged", str(tmp_path), "--json").stdout)
    renamed = migrate("report", "untagged", str(tmp_path), "--owner", "env", "--environment", "env")

    assert said.exit_code == 0, said.stderr
    assert "sqs.queue: 2 of 3 lack an owner tag: 123456789012/eu-west-1/sqs.queue/bare-prod" in said.stdout
    assert "sqs.queue: 1 of 3 lack an environment tag: 123456789012/eu-west-1/sqs.queue/bare-prod" in said.stdout
    assert "glue:job: 1 of 1 lack an owner tag: job/nightly" in said.stdout
    assert "lists only what is tagged or once was" in said.stderr
    assert "gets migrate:migration and migrate:step" in said.stderr
    assert answer["stamp"]["things"] == 3
    assert "sqs.queue: 1 of 3 lack an owner tag" in renamed.stdout


@mock_aws
def test_a_region_whose_tags_were_refused_is_named_and_nothing_of_it_taken_for_untagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migrate.aws import ReadFailed
    from migrate.aws.site import Site

    in_a_shell(monkeypatch)
    facts = {"description": "", "authorization": "API_KEY", "parameters": {}, "connectivity": {}, "kms_key": None}
    scanned(tmp_path, replace(thing("events.connection", "crm"), facts=facts))

    def refused(self: Site, operation: str, key: str, **_: Any) -> Any:
        raise ReadFailed(operation, self.region, code="AccessDenied", said="no", reason="denied", status=403)

    monkeypatch.setattr(Site, "pages", refused)
    said = CliRunner().invoke(main, ["report", "untagged", str(tmp_path), "--json"])

    answer = json.loads(said.stdout)
    assert said.exit_code == 6, said.stdout + said.stderr
    assert "not answered in eu-west-1" in said.stderr
    assert sorted(answer["refused"]) == ["eu-west-1", "us-east-1"]
    (found,) = answer["kinds"]
    assert (found["name"], found["read"], found["not_read"]) == ("events.connection", 0, 1)
