"""Accounts, units and guard rails: made, found again, changed, undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from moto.core.exceptions import JsonRESTError
from moto.organizations.models import organizations_backends
from moto.organizations.responses import OrganizationsResponse

from migrate.cli import main
from tests.organisation.story import MANAGEMENT, Story, accounts, lies_in, organizations, rails, tree

WANTED: dict[str, Any] = {
    "units": {
        "Workloads": {
            "guard_rails": ["no-iam-users"],
            "accounts": {"production": {"owner": "ada@shop.example"}, "development": {}},
        },
        "Shared": {"units": {"Data": {"accounts": {"sensitive_data": {"guard_rails": ["sensitive-data"]}}}}},
        "Sandbox": {"accounts": {"sandbox_grace": {}}},
    },
    "guard_rails": {"everywhere": ["protect-organisation"], "canary": "sandbox_grace"},
}
PLACES = {
    "aws+production@shop.example": "Workloads",
    "aws+development@shop.example": "Workloads",
    "aws+sensitive_data@shop.example": "Shared/Data",
    "aws+sandbox_grace@shop.example": "Sandbox",
}


def test_the_organisation_stands_from_migration_yaml_alone(story: Story) -> None:
    story.want(WANTED)

    story.stand()

    units = tree()
    assert organizations().describe_organization()["Organization"]["FeatureSet"] == "ALL"
    assert set(units) == {"", "Workloads", "Shared", "Shared/Data", "Sandbox", "Parked"}
    assert lies_in() == PLACES
    assert rails(units[""]) == {"protect-organisation"}
    assert rails(units["Workloads"]) == {"no-iam-users"}
    assert rails(accounts()["aws+sensitive_data@shop.example"]) == {"sensitive-data"}
    assert rails(accounts()["aws+sandbox_grace@shop.example"]) == set(), "the canary's trial is over"
    tags = organizations().list_tags_for_resource(ResourceId=accounts()["aws+production@shop.example"])["Tags"]
    assert {one["Key"]: one["Value"] for one in tags}["owner"] == "ada@shop.example"


def test_a_second_plan_has_nothing_to_do(story: Story) -> None:
    story.want(WANTED)
    story.stand()

    again = story.plan()

    assert (again["todo"], again["steps"]) == (0, 0)
    story.type("approve", "--by", "ann")
    story.type("run", "--engine", "local")
    assert "nothing was done" in story.type("rollback", "--to", "0").err
    assert again["standing"] > 10


def test_a_gate_stands_between_the_canary_and_everyone(story: Story) -> None:
    story.want(WANTED)
    story.type("plan")
    story.type("approve", "--by", "ann")

    stopped = story.type("run", "--engine", "local", expect=3)

    assert "canary" in stopped.err
    assert rails(accounts()["aws+sandbox_grace@shop.example"]) == {
        "protect-organisation", "no-iam-users", "sensitive-data",
    }  # fmt: skip
    assert rails(tree()[""]) == set()
    assert rails(tree()["Workloads"]) == set()


def test_verify_proves_what_was_made_and_sees_what_was_changed_since(story: Story) -> None:
    story.want(WANTED)
    story.stand()
    story.type("verify")

    policy = next(
        one["Id"] for one in organizations().list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        if one["Name"] == "no-iam-users"
    )  # fmt: skip
    organizations().detach_policy(PolicyId=policy, TargetId=tree()["Workloads"])

    assert "no-iam-users@unit:Workloads" in story.type("verify", expect=5).err


def test_what_stood_before_is_taken_as_it_is_and_left_by_a_rollback(story: Story) -> None:
    client = organizations()
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    client.create_organizational_unit(ParentId=root, Name="Workloads")
    client.create_account(Email="AWS+production@shop.example", AccountName="prod of old")
    story.want(WANTED)

    plan = story.stand()["plan"]
    placed = {email.lower(): path for email, path in lies_in().items()}
    said = story.undo(plan)

    assert placed == PLACES
    assert set(tree()) == {"", "Workloads", "Parked"}
    after = {email.lower(): path for email, path in lies_in().items()}
    assert after == {email: "" if "production" in email else "Parked" for email in PLACES}
    assert "AWS cannot delete" in said.err
    assert "Parked" in said.err
    left = client.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert [one["Name"] for one in left if not one["AwsManaged"]] == []


def test_after_a_rollback_the_same_wishes_stand_again_with_the_same_accounts(story: Story) -> None:
    story.want(WANTED)
    story.undo(story.stand()["plan"])
    before = accounts()

    story.stand()

    assert accounts() == before
    assert lies_in() == PLACES


def test_accounts_may_be_closed_by_a_rollback_instead(story: Story) -> None:
    story.want(WANTED | {"on_rollback": "close"})

    said = story.undo(story.stand()["plan"])

    states = {one["Email"]: one["Status"] for one in organizations().list_accounts()["Accounts"]}
    assert {state for email, state in states.items() if email.startswith("aws+")} == {"SUSPENDED"}
    assert set(tree()) == {""}
    assert "closed" in said.err


def test_a_guard_rail_that_stands_otherwise_is_changed_and_put_back(story: Story) -> None:
    own = {"ours": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]}}
    section: dict[str, Any] = {"guard_rails": {"everywhere": ["ours"], "documents": own}}
    story.want(section)
    story.stand()
    own["ours"]["Statement"][0]["Action"] = "rds:*"
    story.want(section)

    made = story.stand()
    changed = _content("ours")
    story.undo(made["plan"])

    assert made["steps"] == 1
    assert changed["Statement"][0]["Action"] == "rds:*"
    assert _content("ours")["Statement"][0]["Action"] == "ec2:*"


def _content(name: str) -> dict[str, Any]:
    client = organizations()
    found = next(o for o in client.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"] if o["Name"] == name)
    content: dict[str, Any] = json.loads(client.describe_policy(PolicyId=found["Id"])["Policy"]["Content"])
    return content


def test_a_unit_that_someone_made_since_the_plan_refuses_the_run(story: Story) -> None:
    story.want({"units": {"Workloads": {}, "Sandbox": {}}})
    organizations().create_organization(FeatureSet="ALL")
    story.type("plan")
    story.type("approve", "--by", "ann")
    organizations().create_organizational_unit(ParentId=tree()[""], Name="Sandbox")

    said = story.type("run", "--engine", "local", expect=4)

    assert "Sandbox" in said.err
    assert "migrate org plan" in said.err
    assert set(tree()) == {"", "Sandbox"}


def test_a_changed_migration_yaml_needs_another_plan(story: Story) -> None:
    story.want({"units": {"Workloads": {}}})
    story.type("plan")
    story.type("approve", "--by", "ann")
    story.want({"units": {"Workloads": {}, "Sandbox": {}}})

    assert "migration.yaml says something else" in story.type("run", "--engine", "local", expect=4).err


def test_nothing_is_written_before_approval(story: Story) -> None:
    story.want(WANTED)
    story.type("plan")

    story.type("run", "--engine", "local", expect=4)

    try:
        organizations().describe_organization()
    except organizations().exceptions.AWSOrganizationsNotInUseException:
        return
    raise AssertionError("an organisation was made")


def test_more_accounts_than_the_quota_are_refused_with_where_to_ask(story: Story) -> None:
    story.want({"accounts": {f"box_{n}": {} for n in range(10)}})

    said = story.type("plan", expect=1)

    assert "11" in said.err
    assert "Service Quotas" in said.err
    assert story.type("approve", "--by", "ann", expect=1).code == 1


def test_accounts_are_made_five_at_a_time(story: Story) -> None:
    story.want({"accounts": {f"box_{n}": {} for n in range(12)}, "most_accounts": 20})

    plan = json.loads(Path(story.plan()["plan"]).read_text())["body"]

    makes = {s["id"]: s for s in plan["steps"] if s["action"] == "create" and ".account/" in s["id"]}
    free = [i for i, step in makes.items() if not set(step["needs"]) & set(makes)]
    assert len(makes) == 12
    assert len(free) == 5
    followers = [need for step in makes.values() for need in step["needs"] if need in makes]
    assert len(followers) == len(set(followers)) == 7, "each lane is a chain"


def test_an_account_whose_answer_was_lost_is_found_again_and_not_made_twice(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(JsonRESTError):
        code = 500

    makes, sent = OrganizationsResponse.create_account, []

    def made_but_unanswered(self: OrganizationsResponse) -> str:
        makes(self)
        sent.append(self.request_params["Email"])
        raise Lost("ServiceException", "the answer is lost")

    monkeypatch.setattr(OrganizationsResponse, "create_account", made_but_unanswered)
    story.want({"units": {"Workloads": {"accounts": {"production": {}}}}})

    story.stand()

    assert sent == ["aws+production@shop.example"]
    assert list(accounts()) == sent
    assert lies_in() == {"aws+production@shop.example": "Workloads"}


def test_a_run_that_died_right_after_its_only_account_goes_on(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.want({"accounts": {"box": {}}})
    story.type("plan")
    story.type("approve", "--by", "ann")
    makes = OrganizationsResponse.create_account

    def made_and_died(self: OrganizationsResponse) -> str:
        makes(self)
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as dying:
        dying.setattr(OrganizationsResponse, "create_account", made_and_died)
        died = CliRunner().invoke(main, ["org", "run", str(story.folder), "--engine", "local", "--workers", "1"])
    units = set(tree())
    story.type("run", "--engine", "local")

    assert died.exit_code != 0
    assert units == {""}, "the unit that follows from the new account was not begun"
    assert list(accounts()) == ["aws+box@shop.example"]
    assert set(tree()) == {"", "Parked"}


def test_a_rail_that_is_too_large_or_unknown_and_one_too_many_are_refused(story: Story) -> None:
    large = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": [f"ec2:{n:0300}" for n in range(20)], "Resource": "*"}],
    }
    rails = ["protect-organisation", "allowed-regions", "protect-audit", "no-iam-users", "sandbox"]
    story.want(
        {
            "units": {"A": {"guard_rails": rails}, "B": {"guard_rails": ["large", "misspelt"]}},
            "guard_rails": {"documents": {"large": large}},
        }
    )

    said = story.type("plan", expect=1)

    assert "unit:A would have 5 policies" in said.err
    assert "5120" in said.err
    assert "misspelt" in said.err
    assert "one of allowed-regions" in said.err


def test_a_member_of_another_organisation_cannot_manage_one(story: Story) -> None:
    other = organizations_backends["222222222222"]["aws"]
    other.create_organization(region="us-east-1", FeatureSet="ALL")
    organizations_backends.master_accounts[MANAGEMENT] = ("222222222222", "aws")
    story.want(WANTED)

    said = story.type("plan", expect=1)

    assert "222222222222" in said.err
    assert "is a member" in said.err


SPARED = {"guard_rails": {"everywhere": ["no-iam-users"], "always_exempt_roles": ["break-glass"]}}
EVER = "arn:aws:iam::*:role/break-glass"
OURS = "arn:aws:iam::*:role/migrate-*"


def _exempt() -> list[str]:
    found: list[str] = _content("no-iam-users")["Statement"][0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    return found


def test_the_last_step_ends_the_exemption_of_the_migrations_own_roles(story: Story) -> None:
    story.want(SPARED)
    made = story.plan()
    assert any("1 guard rails on 1 targets: no-iam-users is the largest" in said for said in made["findings"])
    story.type("approve", "--by", "ann")

    story.type("run", "--engine", "local", expect=3)
    gates = [story.type("status", "--json").json["gate"]]
    story.type("approve", "--gate", gates[0], "--by", "ann")
    story.type("run", "--engine", "local", expect=3)
    gates.append(story.type("status", "--json").json["gate"])
    during = _exempt()
    story.type("verify")
    waiting = story.plan()
    story.type("approve", "--gate", gates[1], "--by", "ann", "--plan", made["plan"])
    story.type("run", "--engine", "local", "--plan", made["plan"])
    after = _exempt()
    again = story.plan()
    story.undo(made["plan"])

    assert gates == ["management:canary_gate", "management:migration_is_over"]
    assert (OURS in during, EVER in during) == (True, True)
    assert (waiting["todo"], waiting["steps"]) == (1, 1)
    assert any("1 guard rails spare" in said and "last section" in said for said in waiting["findings"])
    assert after == [EVER]
    assert (again["todo"], again["standing"]) == (0, made["todo"])
    listed = organizations().list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert listed == []


def test_the_end_of_the_exemption_alone_is_undone_alone(story: Story) -> None:
    story.want(SPARED)
    made = story.plan()
    story.type("approve", "--by", "ann")
    for gate in ("management:canary_gate", "management:migration_is_over"):
        story.type("run", "--engine", "local", expect=3)
        story.type("approve", "--gate", gate, "--by", "ann")
    story.type("run", "--engine", "local")
    step = next(
        one for one in json.loads(Path(made["plan"]).read_text())["body"]["steps"] if "end_exemption" in str(one)
    )
    name = step if isinstance(step, str) else step["id"]

    listing = story.type("rollback", "--step", name).out.strip()
    story.type("rollback", "--step", name, "--confirm", listing)

    assert OURS in _exempt()
    assert story.plan()["steps"] == 1


def test_a_rail_that_holds_for_good_stays_so_when_its_description_changes(story: Story) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]}
    story.want({"guard_rails": {"everywhere": ["ours"], "documents": {"ours": deny}}})

    made = story.stand()

    assert not any("spare" in said for said in made["findings"])
    assert story.plan()["todo"] == 0
