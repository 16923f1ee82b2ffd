"""The user's organisation from `migrate org` alone, as plain boto3 sees it. An embedded world with stricter rules.

The rule: nothing of the product's inside is asked; every assertion reads AWS, but for what the plan says to a person.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.demo import world as worlds
from migrate.demo.accounts import LEGACY
from tests.demo.test_strict_ecr_ecs import digest_of, manifest, push_layer
from tests.organisation.test_strict import EXAMPLE, Story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]
TREE = {
    "aws+production@shop.example": "Workloads",
    "aws+staging@shop.example": "Workloads",
    "aws+development@shop.example": "Workloads",
    "aws+access_management@shop.example": "Shared",
    "aws+sensitive_data@shop.example": "Shared",
    "aws+infra@shop.example": "Shared",
    "aws+sandbox_grace@shop.example": "Sandbox",
}
RAILS = {
    "root": {"protect-organisation", "allowed-regions", "protect-audit"},
    "Workloads": {"no-iam-users"},
    "Shared": set(),
    "Sandbox": {"no-iam-users", "sandbox"},
    "aws+access_management@shop.example": {"machine-identities"},
    "aws+sensitive_data@shop.example": {"no-iam-users", "sensitive-data"},
    "aws+infra@shop.example": {"no-iam-users"},
}
GIVEN = {
    ("engineers", "engineer", "development"), ("engineers", "engineer", "staging"), ("engineers", "look", "production"),
    ("data-scientists", "look", "development"), ("data-scientists", "look", "sensitive_data"),
    ("on-call", "engineer", "production"),
}  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    """A world of its own: an organisation is for good."""
    world = worlds.up(tmp_path / "world", log=tmp_path / "world" / "requests.jsonl")
    (tmp_path / "m").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "m")
    yield Story(world, tmp_path / "m")
    worlds.down(tmp_path / "world")


def client(told: Story, service: str, account: str = LEGACY) -> Any:
    session = told.world.session(LEGACY)
    if account != LEGACY:
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        keys = session.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
        session = worlds.WorldSession(
            told.world.endpoint, region_name="eu-west-1", aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        )  # fmt: skip
    made = session.client(service)
    # botocore puts the account's id before the host of an endpoint of one's own.
    made.meta.events.register("before-sign.s3-control", lambda request, **_: _direct(request))
    return made


def _direct(request: Any) -> None:
    request.url = re.sub(r"//[0-9]{12}[.]", "//", request.url)


def accounts(told: Story) -> dict[str, str]:
    listed = client(told, "organizations").list_accounts()["Accounts"]
    return {one["Email"]: one["Id"] for one in listed if one["Id"] != LEGACY}


def state(told: Story) -> dict[str, Any]:
    """Everything that the example wants, as AWS shows it."""
    organizations, ids = client(told, "organizations"), accounts(told)
    root = organizations.list_roots()["Roots"][0]["Id"]
    listed = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    units = {one["Name"]: one["Id"] for one in listed}
    names = {number: name for name, number in units.items()} | {root: "root"}
    lies = {email: names[organizations.list_parents(ChildId=one)["Parents"][0]["Id"]] for email, one in ids.items()}
    targets = {"root": root, **units, **ids}
    rails = {}
    for name, target in targets.items():
        on = organizations.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")["Policies"]
        rails[name] = {one["Name"] for one in on if not one["AwsManaged"]}
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    spared = []
    for one in policies:
        if not one["AwsManaged"]:
            content = organizations.describe_policy(PolicyId=one["Id"])["Policy"]["Content"]
            spared += [one["Name"]] if "role/migrate-*" in content else []
    trusted = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    ce = client(told, "ce")
    tags = ce.list_cost_allocation_tags()["CostAllocationTags"]
    return {
        "units": set(units), "lies": lies, "rails": {name: those for name, those in rails.items() if those},
        "policies": {one["Name"] for one in policies if not one["AwsManaged"]}, "spared": spared,
        "trusted": {one["ServicePrincipal"] for one in trusted},
        "budgets": [one["BudgetName"] for one in client(told, "budgets").describe_budgets(AccountId=LEGACY)["Budgets"]],
        "tags": {one["TagKey"] for one in tags if one["Status"] == "Active"},
        "categories": {one["Name"] for one in ce.list_cost_category_definitions()["CostCategoryReferences"]},
        "given": given(told, ids), "blocked": blocked(told, ids), "replicated": replicated(told, ids),
        "logged": logged(told, ids),
    }  # fmt: skip


def given(told: Story, ids: dict[str, str]) -> set[tuple[str, str, str]]:
    """(group, permission set, alias), by each account."""
    sso, store = client(told, "sso-admin"), client(told, "identitystore")
    center = sso.list_instances()["Instances"][0]
    arn, number = center["InstanceArn"], center["IdentityStoreId"]
    groups = {one["GroupId"]: one["DisplayName"] for one in store.list_groups(IdentityStoreId=number)["Groups"]}
    found = set()
    for one in sso.list_permission_sets(InstanceArn=arn)["PermissionSets"]:
        name = sso.describe_permission_set(InstanceArn=arn, PermissionSetArn=one)["PermissionSet"]["Name"]
        for email, account in ids.items():
            listed = sso.list_account_assignments(InstanceArn=arn, AccountId=account, PermissionSetArn=one)
            alias = email.removeprefix("aws+").partition("@")[0]
            found |= {(groups[each["PrincipalId"]], name, alias) for each in listed["AccountAssignments"]}
    return found


def blocked(told: Story, ids: dict[str, str]) -> bool:
    account = ids["aws+sensitive_data@shop.example"]
    try:
        shown = client(told, "s3control", account).get_public_access_block(AccountId=account)
    except ClientError:
        return False
    return set(shown["PublicAccessBlockConfiguration"].values()) == {True}


def logged(told: Story, ids: dict[str, str]) -> list[str]:
    """What the trails of the sensitive account log of objects."""
    trails = client(told, "cloudtrail", ids["aws+sensitive_data@shop.example"])
    found = []
    for one in trails.list_trails()["Trails"]:
        assert trails.get_trail_status(Name=one["Name"])["IsLogging"]
        for selector in trails.get_event_selectors(TrailName=one["Name"])["AdvancedEventSelectors"]:
            fields = {each["Field"]: each for each in selector["FieldSelectors"]}
            found += fields["resources.type"]["Equals"] if "resources.type" in fields else []
    return found


def replicated(told: Story, ids: dict[str, str]) -> set[str]:
    infra = client(told, "ecr", ids["aws+infra@shop.example"])
    rules = infra.describe_registry()["replicationConfiguration"]["rules"]
    emails = {number: email for email, number in ids.items()}
    return {emails[to["registryId"]] for rule in rules for to in rule["destinations"]}


def stand(told: Story, made: dict[str, Any], *, is_over: bool = True) -> None:
    """Run to the end, or to the question whether the migration is over."""
    told.approve()
    if is_over:
        told.finish()
    else:
        told.type("run", "--engine", "local", expect=3)
        while "migration_is_over" not in (told.type("status", "--json").json.get("gate") or ""):
            assert told.answer()
            told.type("run", "--engine", "local", expect=3)
    assert " 0 different" in told.type("verify").err
    assert made["refusals"] == []


def look_into_the_sandbox(told: Story, account: str) -> None:
    """Its last day passes: `sandboxes` goes into the account by its role and says what is there. Nothing is written."""
    path = told.folder / "migration.yaml"
    wanted, before = path.read_text(), len(told.writes())
    assert 'expires: "2027-06-30"' in wanted
    path.write_text(wanted.replace('expires: "2027-06-30"', 'expires: "2026-01-31"', 1))
    queues = client(told, "sqs", account)
    made = queues.create_queue(QueueName="left-over")["QueueUrl"]
    full = told.type("sandboxes", expect=5)
    assert f"sandbox_grace ({account}" in full.out
    assert "1 sqs.queue" in full.out
    assert "left-over" not in (told.folder / "sandboxes" / "sandbox_grace.nuke.yaml").read_text()
    queues.delete_queue(QueueUrl=made)
    # The emulator lacks some services: what could not be read is not called empty.
    unread = told.type("sandboxes", expect=6)
    assert "sqs.queue" not in unread.out
    assert "not read:" in unread.out
    assert "    empty" not in unread.out
    path.write_text(wanted)
    assert len([one for one in told.writes()[before:] if "Queue" not in one]) == 0


def test_the_users_organisation_stands_from_org_alone_and_goes_again(told: Story) -> None:
    client(told, "iam").create_user(UserName="by-hand")
    first = json.loads(told.type("plan", "--json").out)
    stand(told, first, is_over=False)
    ids = accounts(told)
    infra = client(told, "ecr", ids["aws+infra@shop.example"])
    infra.create_repository(repositoryName="shop/api")
    text = manifest(push_layer(infra, "shop/api", b"{}"), push_layer(infra, "shop/api", b"layer one"))
    infra.put_image(repositoryName="shop/api", imageTag="1.0", imageManifest=text)

    second = json.loads(told.type("plan", "--json").out)
    stand(told, second)
    there = state(told)
    before = len(told.writes())
    again = json.loads(told.type("plan", "--json").out)
    told.approve()
    told.type("run", "--engine", "local")
    written = told.writes()[before:]

    assert (again["todo"], again["steps"], written) == (0, 0, [])
    assert there["lies"] == TREE
    assert there["rails"] == {name: those for name, those in RAILS.items() if those}
    assert there["spared"] == []
    assert {"account.amazonaws.com", "iam.amazonaws.com"} <= there["trusted"]
    assert (there["budgets"], there["tags"], there["categories"]) == (["sandbox_grace"], {"owner"}, {"environment"})
    assert there["given"] == GIVEN
    assert there["blocked"]
    assert there["logged"] == ["AWS::S3::Object"]
    workloads = {email for email, unit in TREE.items() if unit == "Workloads"}
    assert there["replicated"] == workloads
    for email in workloads:
        ecr = client(told, "ecr", ids[email])
        image = ecr.batch_get_image(repositoryName="shop/api", imageIds=[{"imageTag": "1.0"}])["images"][0]
        assert image["imageId"]["imageDigest"] == digest_of(text.encode())
        rule = json.loads(ecr.get_lifecycle_policy(repositoryName="shop/api")["lifecyclePolicyText"])["rules"][0]
        assert rule["selection"]["countNumber"] == 14
    # What was called in this world was looked up, and tried.
    denied = next(
        said for said in first["findings"] if said.startswith("guard rail no-iam-users would have denied 1 of")
    )
    assert "1 x iam:CreateUser by arn:aws:iam::111111111111:role/Administrator" in denied
    assert "### allowed-regions" in (told.folder / "organisation" / "guard-rails.md").read_text()

    look_into_the_sandbox(told, ids["aws+sandbox_grace@shop.example"])

    for plan in (second["plan"], first["plan"]):
        listing = told.type("rollback", "--to", "0", "--plan", plan).out.strip()
        told.type("rollback", "--to", "0", "--plan", plan, "--confirm", listing)

    left = state(told)
    assert left["units"] == {"Parked"}
    assert set(left["lies"].values()) == {"Parked"}
    assert (left["rails"], left["policies"], left["trusted"], left["given"]) == ({}, set(), set(), set())
    assert (left["budgets"], left["tags"], left["categories"]) == ([], set(), set())
    assert (left["blocked"], left["replicated"], left["logged"]) == (False, set(), [])
    # Nothing was logged into it yet: a bucket with logs would stay.
    sensitive = client(told, "s3", ids["aws+sensitive_data@shop.example"])
    assert sensitive.list_buckets()["Buckets"] == []
