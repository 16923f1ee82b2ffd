"""The proposal in migration.yaml: added to, never written over; and the verb that does it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrate import config
from migrate.cli import main
from migrate.config import load
from migrate.migration import Migration
from tests.crash.story import Said
from tests.people.company import AWS, MIGRATION, ORGANISATION, Company, allow, key, of_queues, queue_arn

SECTION = f"""\
{ORGANISATION}
  # Ana left in March.
  people:
    - {{name: bo, email: bo@shop.example, groups: [engineers]}}  # he is on call
  groups:
    engineers:
      assign: []        # nothing yet

# The end of the file.
settle_s: 2
"""


@pytest.fixture
def company() -> Company:
    made = of_queues()
    made.group("engineers", f"{AWS}ReadOnlyAccess", own={"Statement": [allow("sqs:*", queue_arn("orders-prod"))]})
    made.person("ana", "engineers", tags={"email": "ana@shop.example"})
    made.person("bo", "engineers")
    made.user("mystery", access_keys=[key("KEYA", created="2026-11")])
    return made


def migrate(*words: str) -> Said:
    ended = CliRunner().invoke(main, list(words))
    return Said(ended.exit_code, ended.stdout, ended.stderr)


def test_the_proposal_is_added_and_what_stood_there_stays_letter_by_letter(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path, ORGANISATION)

    done = migrate("people", str(tmp_path), "--write")

    text = (tmp_path / "migration.yaml").read_text()
    assert done.code == 0, done.err
    assert text.startswith(MIGRATION)
    said = load(tmp_path).organisation
    assert said is not None
    assert [(one.user, one.email, one.groups) for one in said.people] == [
        ("ana", "ana@shop.example", ("engineers",)),
        ("bo", "bo@fill-in.invalid", ("engineers",)),
    ]
    assert said.permission_sets["engineers-production"].policies == (f"{AWS}ReadOnlyAccess",)


def test_a_second_write_changes_nothing(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path, ORGANISATION)
    migrate("people", str(tmp_path), "--write")
    before = (tmp_path / "migration.yaml").read_bytes()

    done = migrate("people", str(tmp_path), "--write", "--json")

    assert json.loads(done.out)["added"] == []
    assert (tmp_path / "migration.yaml").read_bytes() == before


def test_what_a_person_wrote_stays_with_its_comments(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path, SECTION)

    migrate("people", str(tmp_path), "--write")

    text = (tmp_path / "migration.yaml").read_text()
    said = load(tmp_path).organisation
    assert said is not None
    assert [(one.name, one.email) for one in said.people] == [("bo", "bo@shop.example"), ("ana", "ana@shop.example")]
    assert said.groups["engineers"].assign == ()
    for comment in ("# Ana left in March.", "# he is on call", "# nothing yet", "# The end of the file."):
        assert comment in text
    assert text.startswith(MIGRATION)
    assert text.rstrip().endswith("settle_s: 2")


def test_without_an_organisation_nothing_is_written_and_it_is_said_what_comes_first(
    company: Company, tmp_path: Path
) -> None:
    company.folder(tmp_path)

    done = migrate("people", str(tmp_path), "--write")

    assert done.code == 64
    assert "no section organisation" in done.err
    assert (tmp_path / "migration.yaml").read_text() == MIGRATION


def test_an_account_that_the_organisation_does_not_know_leaves_the_file_as_it_was(
    company: Company, tmp_path: Path
) -> None:
    company.folder(tmp_path, ORGANISATION.replace("production: {}, ", ""))
    before = (tmp_path / "migration.yaml").read_text()

    done = migrate("people", str(tmp_path), "--write")

    assert done.code == 1
    assert "'production' is no alias of an account here" in done.err
    assert (tmp_path / "migration.yaml").read_text() == before
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_documents_of_policies_beside_the_inline_one_are_written_too(company: Company, tmp_path: Path) -> None:
    many = [allow(f"sqs:Act{n}", f"arn:aws:sqs:*:*:{n}-{'x' * 70}") for n in range(90)]
    company.group("heavy", own={"Version": "2012-10-17", "Statement": many})
    company.person("cy", "heavy")
    company.folder(tmp_path, ORGANISATION)

    migrate("people", str(tmp_path), "--write")
    again = migrate("people", str(tmp_path), "--write", "--json")

    said = load(tmp_path)
    assert said.organisation is not None
    assert [one.name for one in said.organisation.permission_sets["heavy"].customer_policies] == ["heavy-2"]
    assert len(said.identities["policies"]["heavy-2"]["Statement"]) > 10
    assert json.loads(again.out)["added"] == []


def test_a_user_of_whom_nothing_is_known_is_asked_about_and_not_proposed(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path)

    done = migrate("people", str(tmp_path), "--json")

    said = json.loads(done.out)
    assert said["proposal"]["undecided"] == ["mystery"]
    assert "mystery: say what it is" in said["findings"][0]
    assert "mystery" not in json.dumps(said["proposal"]["people"])
    assert (tmp_path / "migration.yaml").read_text() == MIGRATION


def test_a_decision_for_a_user_is_taken(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path, "identities: {users: {mystery: {is: machine, because: the old printer}}}\n")

    said = json.loads(migrate("people", str(tmp_path), "--json").out)

    mystery = next(one for one in said["users"] if one["user"] == "mystery")
    assert (mystery["is"], mystery["found_as"]) == ("machine", "unknown")
    assert said["findings"] == []


def test_a_wrong_decision_is_one_clear_error(company: Company, tmp_path: Path) -> None:
    company.folder(tmp_path, "identities: {users: {mystery: {is: robot}}}\n")

    done = migrate("people", str(tmp_path))

    assert done.code == 1
    assert "identities.users.mystery.is: Input should be 'human'" in done.err
    assert "Traceback" not in done.err


def test_people_are_no_part_of_what_a_plan_of_resources_is_made_from(company: Company, tmp_path: Path) -> None:
    before = company.folder(tmp_path, ORGANISATION).config_digest

    migrate("people", str(tmp_path), "--write")

    assert (tmp_path / config.FILE_NAME).read_text() != MIGRATION
    assert Migration(tmp_path).config_digest == before
