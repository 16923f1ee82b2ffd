"""The files that each person gets: botocore reads the one, a person the other."""

from pathlib import Path

import botocore.configloader
import pytest

from migrate.errors import ConfigError
from migrate.out import Out
from migrate.verbs.people import people
from tests.people.company import AWS, ORGANISATION, PROD, allow, key, of_queues, queue_arn

PORTAL = "portal: {start_url: 'https://shop.awsapps.com/start', region: eu-west-1}"


def welcome(tmp_path: Path, more: str) -> Path:
    company = of_queues()
    company.group("engineers", f"{AWS}ReadOnlyAccess", own={"Statement": [allow("sqs:*", queue_arn("orders-prod"))]})
    company.person("ana", "engineers", access_keys=[key("KEYA", used="2026-11")])
    people(Out(), company.folder(tmp_path, more).folder, write=False, welcome=True, inventory=None)
    (folder,) = tmp_path.glob("*.welcome")
    return folder


def test_the_configuration_is_one_that_aws_s_own_tools_read(tmp_path: Path) -> None:
    folder = welcome(tmp_path, f"identities: {{{PORTAL}}}\n")

    read = botocore.configloader.load_config(str(folder / "ana" / "config"))

    assert read["sso_sessions"]["shop"] == {
        "sso_start_url": "https://shop.awsapps.com/start", "sso_region": "eu-west-1",
        "sso_registration_scopes": "sso:account:access",
    }  # fmt: skip
    assert read["profiles"]["production-engineers-production"] == {
        "sso_session": "shop", "sso_account_id": PROD, "sso_role_name": "engineers-production", "region": "eu-west-1",
    }  # fmt: skip
    assert set(read["profiles"]) == {"production-engineers-production", "development-engineers-development"}


def test_the_page_says_where_to_sign_in_what_ends_and_what_is_lost(tmp_path: Path) -> None:
    page = (welcome(tmp_path, f"identities: {{{PORTAL}}}\n") / "ana" / "welcome.md").read_text()

    assert "https://shop.awsapps.com/start" in page
    assert "aws sso login --sso-session shop" in page
    assert "your access key …KEYA" in page
    assert "anything in vault: you have no role there" in page
    assert len(page.splitlines()) < 60


def test_without_the_portal_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"identities\.portal is missing"):
        welcome(tmp_path, "")

    assert list(tmp_path.glob("*.welcome")) == []


def test_a_name_that_is_no_file_s_name_is_refused(tmp_path: Path) -> None:
    people = "  people: [{name: Ana, user: ../ana, email: a@b.example}]\n"

    with pytest.raises(ConfigError, match="cannot be a file's name"):
        welcome(tmp_path, f"{ORGANISATION}{people}identities: {{{PORTAL}}}\n")
