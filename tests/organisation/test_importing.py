"""`migrate org import`: an organisation that stands, in migration.yaml."""

from __future__ import annotations

import json
from typing import Any

from tests.organisation.story import HEAD, MANAGEMENT, Story, accounts, organizations, tree
from tests.organisation.test_people import WANTED as PEOPLE
from tests.organisation.test_tree import WANTED as TREE

BARE = f"""# why this file is as it is
schema: migrate.config/1
migration: shop
legacy:
  account: "{MANAGEMENT}"   # the only one
  regions: [eu-west-1]
settle_s: 0
targets:
  elsewhere: {{account: "999999999999", role: Migrate}}  # not of this organisation
"""


def test_what_stands_is_written_and_needs_nothing_done(story: Story) -> None:
    both: dict[str, Any] = json.loads(json.dumps(PEOPLE | TREE | {"services": ["cloudtrail.amazonaws.com"]}))
    both["guard_rails"]["documents"] = {"ours": {"Version": "2012-10-17", "Statement": []}}
    both["units"]["Sandbox"]["guard_rails"] = ["ours"]
    story.want(both)
    story.stand()
    section = f'organisation:\n  management:\n    account: "{MANAGEMENT}"  # it pays\n'
    (story.folder / "migration.yaml").write_text(BARE + section)

    story.type("import")

    text = (story.folder / "migration.yaml").read_text()
    for comment in ("# why this file is as it is", "# the only one", "# it pays", "# not of this organisation"):
        assert comment in text
    made = story.plan()
    assert (made["todo"], made["refusals"]) == (0, [])
    assert "PeopleComeThroughIdentityCenter" not in text  # the starter set is known again, also without exemptions
    assert accounts()["aws+production@shop.example"] in text


def test_an_import_without_a_section_finds_the_organisation_of_legacy(story: Story) -> None:
    organizations().create_organization(FeatureSet="ALL")
    organizations().create_organizational_unit(ParentId=tree()[""], Name="Old Things")
    organizations().create_account(Email="Ops@shop.example", AccountName="Ops & Co.")
    (story.folder / "migration.yaml").write_text(BARE)

    first = story.type("import", "--json").json
    second = story.type("import", "--json").json

    text = (story.folder / "migration.yaml").read_text()
    assert "Old Things" in text
    assert "ops_co" in text
    assert first["changed"]
    assert second["changed"] == []
    assert story.plan()["todo"] == 0


def test_what_people_want_and_is_not_there_yet_stays(story: Story) -> None:
    organizations().create_organization(FeatureSet="ALL")
    story.want({"units": {"Workloads": {"accounts": {"production": {"owner": "ada@shop.example"}}}}})

    story.type("import")

    made = story.plan()
    assert made["todo"] == 3  # unit, account, and where a rollback parks it
    assert HEAD["migration"] == "shop"


def test_an_import_adds_assignments_and_leaves_the_last_day_of_those_that_are_written(story: Story) -> None:
    assign = [{"accounts": ["box"], "permission_set": "look", "expires": "2099-12-31"}]
    also = {"accounts": ["other"], "permission_set": "look"}
    whole = {"accounts": {"box": {}, "other": {}}, "permission_sets": {"look": {}}}
    story.want(whole | {"groups": {"all": {"assign": [*assign, also]}}})
    story.stand()
    story.want(whole | {"groups": {"all": {"assign": assign}}})

    changed = story.type("import", "--json").json["changed"]

    text = (story.folder / "migration.yaml").read_text()
    assert "2099-12-31" in text
    assert "organisation.groups.all.assign: look in other" in changed
    assert story.plan()["todo"] == 0
