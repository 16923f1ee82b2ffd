"""Who is who: each class from its evidence, and never from a name."""

from typing import Any

import pytest

from migrate.kinds import every_kind
from migrate.people.classify import Classified, classify
from migrate.people.users import users_of
from tests.people.company import ADMINISTRATOR, Company, key

NOW = "2026-11"
OWN_STACK = {"Robot": ("AWS::IAM::User", "x"), "RobotKey": ("AWS::IAM::AccessKey", "…MADE")}


def classified(company: Company, **decisions: Any) -> Classified:
    (found,) = classify(users_of(company.inventory, every_kind()), as_of=NOW, decided=decisions.get)
    return found


def one(**facts: Any) -> Classified:
    company = Company()
    company.user("x", **facts)
    return classified(company)


@pytest.mark.parametrize(
    ("facts", "expected", "evidence"),
    [
        ({"console_password": True, "password_last_used": "2026-10"}, "human", "password last used 2026-10"),
        ({"console_password": True, "created": "2026-10"}, "human", "is new"),
        ({"console_password": True, "mfa": True, "created": "2026-10"}, "human", "somebody set up MFA"),
        (
            {"console_password": True, "password_last_used": "2026-11", "access_keys": [key("KEYA", used="2026-11")]},
            "human", "uses console and keys",
        ),
        ({"console_password": True, "password_last_used": "2024-01"}, "unused", "neither password nor key"),
        ({"console_password": True, "mfa": True, "password_last_used": "2024-01"}, "unused", "neither password"),
        ({"console_password": True, "password_last_used": None}, "unknown", "could not be read"),
        ({"console_password": True, "access_keys": [key("KEYA", used="2026-11")]}, "unknown", "its keys alone"),
        ({"access_keys": [key("KEYA", used="2026-09")]}, "machine", "last used 2026-09 for s3 eu-west-1"),
        ({"access_keys": [key("KEYA", used="2026-08")]}, "unused", "no key was used for 3 months"),
        ({"access_keys": [key("KEYA", used=None)]}, "unknown", "could not be read"),
        ({"access_keys": [key("KEYA", created="2026-11")]}, "unknown", "not used yet"),
        ({"access_keys": [key("KEYA", used="2026-11", status="Inactive")]}, "unused", "neither a password nor"),
        ({}, "unused", "no way in"),
        (
            {"console_password": True, "mfa": True, "attached": [ADMINISTRATOR], "password_last_used": "2025-01"},
            "break-glass", "the day when nothing else works",
        ),
        (
            {"console_password": True, "mfa": True, "attached": [ADMINISTRATOR], "password_last_used": "2026-11"},
            "human", "somebody signs in",
        ),
    ],
)  # fmt: skip
def test_the_evidence_decides(facts: dict[str, Any], expected: str, evidence: str) -> None:
    found = one(**facts)

    assert found.is_ == expected
    assert evidence in "; ".join(found.evidence)


def test_a_user_whose_key_a_stack_made_is_a_machine_and_the_stack_is_said() -> None:
    company = Company()
    company.user("x", access_keys=[key("MADE", created="2026-11")], created="2026-10", owner="cloudformation:robots")
    company.stack("robots", OWN_STACK)

    found = classified(company)

    assert found.is_ == "machine"
    assert "made by stack robots as Robot" in found.evidence
    assert found.as_json()["stack"] == "robots"


def test_a_stack_s_key_that_nobody_ever_used_is_unused() -> None:
    company = Company()
    company.user("x", access_keys=[key("MADE")])
    company.stack("robots", OWN_STACK)

    assert classified(company).is_ == "unused"


@pytest.mark.parametrize("name", ["github-actions", "ci-robot", "break-glass", "ana.costa", "terraform"])
def test_a_name_decides_nothing(name: str) -> None:
    company = Company()
    company.user(name, access_keys=[key("KEYA", created="2026-11")])

    assert classified(company).is_ == "unknown"


def test_a_person_s_word_stands_above_the_evidence_which_is_still_said() -> None:
    company = Company()
    company.user("x", access_keys=[key("KEYA", used="2026-11")])

    found = classified(company, x=("human", "her laptop"))

    assert (found.is_, found.found_as, found.decided) == ("human", "machine", True)
    assert found.evidence[0] == "migration.yaml says human: her laptop"
    assert "a key that is in use" in found.evidence[-1]
