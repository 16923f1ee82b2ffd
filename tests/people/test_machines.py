"""Machines from outside: whom a role trusts is exact, a vendor's key opens named roles and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from migrate.errors import ConfigError
from migrate.migration import Migration
from migrate.out import Out
from migrate.people.machines import Wanted
from migrate.policy_evaluation import DIRECT, Asked, Policies, decide
from migrate.verbs.people import look, people
from tests.kinds.shapes import check_request
from tests.people.company import DEV, LEGACY, ORGANISATION, PROD, VAULT, allow, key, of_queues, queue_arn

ISSUER = "token.actions.githubusercontent.com"
ROLE = f"arn:aws:iam::{PROD}:role/deploy-shop-web-production"
ONE = "repository: shop/web, account: production, environment: production"
VENDOR = "name: vercel, roles: [production/vercel-orders]"


def wanted(tmp_path: Path, more: str) -> dict[str, Wanted]:
    company = of_queues()
    company.user(
        "github-actions", access_keys=[key("KEYA", used="2026-11")],
        inline={"all": {"Statement": [allow("sqs:*", [queue_arn("orders-prod"), queue_arn("orders-dev")])]}},
    )  # fmt: skip
    found = look(company.folder(tmp_path, more)).machines
    return {f"{one.account}/{one.kind}/{one.name}": one for one in found}


def of_github(tmp_path: Path, *entries: str) -> dict[str, Wanted]:
    return wanted(tmp_path, "identities: {github: [" + ", ".join(f"{{{one}}}" for one in entries) + "]}\n")


def may_deploy(role: Wanted, subject: str, audience: str = "sts.amazonaws.com") -> bool:
    context = {f"{ISSUER}:sub": (subject,), f"{ISSUER}:aud": (audience,)}
    provider = f"arn:aws:iam::{PROD}:oidc-provider/{ISSUER}"
    asked = Asked(provider, "sts:AssumeRoleWithWebIdentity", ROLE, DIRECT | context, PROD, PROD)
    return decide(asked, Policies(resource=role.facts["trust"])).outcome == "allowed"


def test_only_the_environment_of_the_repository_may_deploy(tmp_path: Path) -> None:
    made = of_github(tmp_path, ONE)

    role = made["production/iam.role/deploy-shop-web-production"]
    assert made[f"production/iam.oidc_provider/{ISSUER}"].facts["client_ids"] == ["sts.amazonaws.com"]
    assert may_deploy(role, "repo:shop/web:environment:production")
    for other in (
        "repo:shop/web:environment:development",
        "repo:shop/web:ref:refs/heads/main",
        "repo:shop/api:environment:production",
        "repo:shop/web:environment:production2",
        "repo:shop@1/web@2:environment:production",
    ):
        assert not may_deploy(role, other), other
    assert not may_deploy(role, "repo:shop/web:environment:production", audience="https://github.com/shop")


def test_immutable_subjects_hold_the_numbers_of_owner_and_repository(tmp_path: Path) -> None:
    made = of_github(tmp_path, f"{ONE}, owner_id: '123456', repository_id: '456789'")

    role = made["production/iam.role/deploy-shop-web-production"]
    assert may_deploy(role, "repo:shop@123456/web@456789:environment:production")
    assert not may_deploy(role, "repo:shop/web:environment:production")


def test_a_branch_stands_as_a_ref(tmp_path: Path) -> None:
    made = of_github(tmp_path, "repository: shop/web, account: production, branch: main, role: deployer")

    assert may_deploy(made["production/iam.role/deployer"], "repo:shop/web:ref:refs/heads/main")


def test_the_role_gets_what_the_user_had_as_it_reads_in_that_account(tmp_path: Path) -> None:
    development = "repository: shop/web, account: development, environment: development"
    made = of_github(tmp_path, f"{ONE}, replaces: github-actions", f"{development}, replaces: github-actions")

    production = made["production/iam.role/deploy-shop-web-production"]
    (statement,) = production.facts["inline"]["as-github-actions"]["Statement"]
    assert statement == allow("sqs:*", queue_arn("orders-prod", PROD))
    assert [str(one) for one in production.left] == [f"Allow sqs:* on {queue_arn('orders-dev')}: is in development"]
    (statement,) = made["development/iam.role/deploy-shop-web-development"].facts["inline"]["as-github-actions"][
        "Statement"
    ]
    assert statement["Resource"] == queue_arn("orders-dev", DEV)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("repository: 'shop/*', account: production, environment: production", "'shop/*' is a pattern: whoever"),
        ("repository: shop/web, account: production, environment: '*'", "environment '*' is a pattern"),
        ("repository: shop/web, account: production, branch: 'release/*'", "branch 'release/*' is a pattern"),
        ("repository: shop, account: production, environment: production", "no owner/repository"),
        ("repository: shop/web, account: production", "needs an environment or a branch"),
        (f"{ONE}, branch: main", "and not both"),
        (f"{ONE}, owner_id: '1'", "both owner_id and repository_id"),
        ("repository: shop/web, account: staging, environment: staging", "'staging' is no alias of targets"),
        (f"{ONE}, replaces: nobody", "no IAM user 'nobody'"),
        (f"{ONE}, role: 'a b'", "'a b' is no role's name"),
    ],
)
def test_what_would_let_in_more_than_one_is_refused_with_the_reason(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        of_github(tmp_path, entry)

    assert refused.value.do


def test_the_same_role_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wanted twice"):
        of_github(
            tmp_path,
            f"{ONE}, role: deployer",
            "repository: shop/api, account: production, branch: main, role: deployer",
        )


def of_vendor(tmp_path: Path, vendor: str = VENDOR, home: str = "access_management: vault, ") -> dict[str, Wanted]:
    return wanted(tmp_path, f"identities: {{{home}vendors: [{{{vendor}}}]}}\n")


def may(user: Wanted, action: str, resource: str, **context: tuple[str, ...]) -> str:
    everything = {"Version": "2012-10-17", "Statement": [allow("*")]}
    held = (*user.facts["inline"].values(), everything)
    account = resource.split(":")[4] or VAULT
    asked = Asked(f"arn:aws:iam::{VAULT}:user/vercel", action, resource, DIRECT | context, VAULT, account)
    trust = {"Version": "2012-10-17", "Statement": [allow("sts:AssumeRole") | {"Principal": {"AWS": "*"}}]}
    trust["Statement"][0].pop("Resource")
    return decide(asked, Policies(identity=held, resource=trust if action == "sts:AssumeRole" else None)).outcome


def test_a_vendor_s_key_opens_its_roles_and_nothing_else_whatever_is_attached_to_it_later(tmp_path: Path) -> None:
    user = of_vendor(tmp_path)["vault/iam.user/vercel"]

    assert may(user, "sts:AssumeRole", f"arn:aws:iam::{PROD}:role/vercel-orders") == "allowed"
    assert may(user, "sts:AssumeRole", f"arn:aws:iam::{PROD}:role/vercel-orders-2") == "explicit deny"
    assert may(user, "s3:GetObject", "arn:aws:s3:::shop/x") == "explicit deny"
    assert may(user, "iam:CreateAccessKey", f"arn:aws:iam::{VAULT}:user/vercel") == "explicit deny"


def test_a_vendor_s_role_trusts_that_user_with_the_external_id(tmp_path: Path) -> None:
    made = of_vendor(tmp_path, f"{VENDOR}, external_id: shop-7f3a, replaces: github-actions")

    role = made["production/iam.role/vercel-orders"]
    (trust,) = role.facts["trust"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{VAULT}:user/vercel"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "shop-7f3a"}}
    assert LEGACY not in json.dumps(dict(role.facts))


@pytest.mark.parametrize(
    ("vendor", "home", "said"),
    [
        (VENDOR, "", "not said in which account"),
        ("name: vercel, roles: ['production/*']", "access_management: vault, ", "'production/*' is no single role"),
        ("name: vercel, roles: [orders]", "access_management: vault, ", "'orders' is no single role"),
        (VENDOR, "access_management: nowhere, ", "'nowhere' is no alias"),
    ],
)
def test_a_vendor_without_named_roles_is_refused(tmp_path: Path, vendor: str, home: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        of_vendor(tmp_path, vendor, home)


def test_the_documents_are_of_the_shape_that_iam_takes(tmp_path: Path) -> None:
    made: dict[str, Any] = of_github(tmp_path, f"{ONE}, replaces: github-actions")

    for one in made.values():
        if one.kind == "iam.role":
            trust = json.dumps(one.facts["trust"])
            check_request("iam.CreateRole", {"RoleName": one.name, "AssumeRolePolicyDocument": trust})
            assert len(trust) <= 2_048
        else:
            check_request(
                "iam.CreateOpenIDConnectProvider",
                {"Url": f"https://{one.name}", "ClientIDList": one.facts["client_ids"]},
            )


def test_write_says_what_a_role_may_do_in_place_of_a_user_and_what_a_person_changed_there_stays(
    tmp_path: Path,
) -> None:
    company = of_queues()
    company.user(
        "github-actions", access_keys=[key("KEYA", used="2026-11")],
        inline={"all": {"Statement": [allow("sqs:*", [queue_arn("orders-prod"), queue_arn("orders-dev")])]}},
    )  # fmt: skip
    folder = company.folder(tmp_path, f"{ORGANISATION}identities: {{github: [{{{ONE}, replaces: github-actions}}]}}\n")
    path = tmp_path / "migration.yaml"

    people(Out(), folder.folder, write=True, welcome=False, inventory=None)
    said = YAML().load(path)["identities"]["machines"]["production/deploy-shop-web-production"]["inline"]["Statement"]
    first = path.read_text()
    people(Out(), folder.folder, write=True, welcome=False, inventory=None)
    path.write_text(path.read_text().replace("sqs:*", "sqs:Get*"))
    people(Out(), folder.folder, write=True, welcome=False, inventory=None)
    roles = [one for one in look(Migration(tmp_path)).machines if one.kind == "iam.role"]

    assert [(one["Action"], one["Resource"]) for one in said] == [("sqs:*", queue_arn("orders-prod", PROD))]
    assert "sqs:Get*" in path.read_text()
    assert path.read_text() == first.replace("sqs:*", "sqs:Get*")
    assert roles[0].facts["inline"]["as-github-actions"]["Statement"][0]["Action"] == "sqs:Get*"


def test_a_vendors_user_may_stand_in_an_account_that_is_still_to_be_made(tmp_path: Path) -> None:
    organisation = ORGANISATION.replace("vault: {}", "vault: {}, machines: {}")

    made = wanted(tmp_path, f"{organisation}identities: {{access_management: machines, vendors: [{{{VENDOR}}}]}}\n")

    trusted = made["production/iam.role/vercel-orders"].facts["trust"]["Statement"][0]["Principal"]["AWS"]
    assert trusted == "arn:aws:iam::<machines>:user/vercel"
