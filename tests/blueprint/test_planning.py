"""What goes into a copy of a shape, what refuses its plan, and which blocks its networks get. Toys stand for AWS."""

from collections.abc import Sequence
from typing import Any

import pytest

from migrate import blueprint, plan
from migrate.errors import UsageError
from migrate.files import canonical
from migrate.kind import It, Place, Request
from migrate.migration import Migration
from migrate.review import as_html, as_markdown, look
from migrate.sections import Blueprint
from tests.plans.toys import DEV, KINDS, LEGACY, PROD, Create, Toy, ToyFacts, inputs, inventory, ref, thing
from tests.test_addresses import Vpc

STAGING = "666666666666"
TARGETS = {
    "production": {"account": PROD, "role": "Admin"},
    "staging": {"account": STAGING, "role": "Admin"},
    "development": {"account": DEV, "role": "Admin"},
}
OF = Blueprint(of="production", to="staging")


class Sneaky(Create):
    """Makes it, and changes something in legacy on the way."""

    def requests(self, it: It[ToyFacts], place: Place) -> Sequence[Request]:
        return [*super().requests(it, place), Request("toy.Share", {"Arn": it.arn}, side="legacy")]


class Shared(Toy):
    """Shared with whoever makes one like it."""

    name = "toy.shared"
    actions = (Sneaky(),)


ALL = KINDS | {"toy.vpc": Vpc(), "toy.shared": Shared()}


def given(*things: Any, blueprint_: dict[str, Any] | None = None, **more: Any) -> Any:
    decided = {
        "targets": TARGETS, "blueprint": blueprint_ or {"of": "production", "to": "staging"},
        "move": [{"runbook": "all", "accounts": ["staging"]}],
    }  # fmt: skip
    return inputs(things, kinds=blueprint.kinds(ALL, OF), **decided | more)


def made(*things: Any, **more: Any) -> dict[str, Any]:
    return plan.make(given(*things, **more))


def test_what_belongs_to_the_original_is_made_in_the_copy_and_nothing_else_anywhere() -> None:
    body = made(
        thing("toy.queue", "jobs-prod"), thing("toy.queue", "jobs-dev"), thing("toy.queue", "both"),
        thing("toy.queue", "training"),
        placement=[
            {"name": "both", "to": ["production", "development"]},
            {"name": "training", "to": ["development", "staging"]},
        ],
    )  # fmt: skip

    assert {step["name"]: step["account"] for step in body["steps"]} == dict.fromkeys(
        ("jobs-prod", "both", "training"), STAGING
    )
    assert body["targets"] == {"staging": STAGING}
    assert body["legacy_changes"] == []
    assert body["refusals"] == []


def test_the_plan_of_a_migration_says_nothing_of_copies_and_has_the_digest_that_it_had() -> None:
    body = plan.make(inputs([thing("toy.queue", "jobs-prod")]))

    assert "blueprint" not in body


def test_an_action_that_nobody_decided_about_refuses_the_plan_until_a_person_answers_for_it() -> None:
    things = [thing("toy.database", "db-prod"), thing("toy.service", "web-prod")]
    body = made(*things)
    store, service = (str(one.ref) for one in things)
    said = {one["key"]: one["what"] for one in body["refusals"]}

    assert "nobody has said what copy means without data" in said[f"blueprint/{store}"]
    assert "nobody has said what start means without data" in said[f"blueprint/{service}"]
    assert body["steps"] == []

    waived = made(*things, waivers=[{"gap": "blueprint/*", "because": "made by hand in staging"}])

    assert waived["refusals"] == []
    assert waived["idle_waivers"] == []
    assert {one["key"] for one in waived["waived"]} == set(said)
    assert any("db-prod" in line for line in waived["blueprint"]["absent"])


def test_a_step_that_would_write_in_legacy_refuses_the_plan_and_nobody_can_waive_it() -> None:
    body = made(thing("toy.shared", "it-prod"), waivers=[{"gap": "*", "because": "we want it all the same"}])

    (refusal,) = body["refusals"]
    assert refusal["what"].endswith("would change legacy (toy.Share): a copy never does")


def test_what_the_copy_would_name_of_another_account_is_refused_but_a_role_in_a_policy_is_left_out() -> None:
    dev_role = thing("toy.role", "app-dev")
    policy = {"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": [dev_role.arn, f"arn:aws:iam::{LEGACY}:root"]}, "Action": "toy:Get"}
    ]}  # fmt: skip
    other = thing("toy.queue", "jobs-dev")
    body = made(
        dev_role, other, thing("toy.queue", "policy-prod", document=policy),
        thing("toy.queue", "names-prod", document={"Env": other.arn}),
        placement=[{"name": "*-dev", "to": "development"}],
    )  # fmt: skip
    (with_policy,) = (step for step in body["steps"] if step["name"] == "policy-prod")

    assert canonical(with_policy["requests"][0]["params"]["Document"]).decode().count("arn:aws:iam") == 1
    assert body["dropped"] == {str(dev_role.ref): [str(ref("toy.queue", "policy-prod"))]}
    (refusal,) = body["refusals"]
    assert f"{other.ref}, which goes to no account" in refusal["what"]


def test_its_blocks_are_drawn_after_all_others_of_the_range() -> None:
    nets = [thing("toy.vpc", f"net-{env}", document={"blocks": ["10.0.0.0/16"]}) for env in ("prod", "dev")]
    move = [{"runbook": "all", "accounts": ["production", "development"]}]
    addresses = {"range": "10.64.0.0/10"}
    original = plan.make(inputs(nets, kinds=ALL, targets=TARGETS, addresses=addresses, move=move))
    copy = made(*nets, addresses=addresses)

    taken = {block["becomes"] for block in original["addresses"]}
    (own,) = copy["addresses"]
    assert taken == {"10.64.0.0/16", "10.65.0.0/16"}
    assert (own["account"], own["becomes"]) == (STAGING, "10.66.0.0/16")
    assert not [said for said in copy["findings"] if "overlap" in said]
    assert "staging's net-prod (10.0.0.0/16) and production's net-prod (10.0.0.0/16) overlap" in str(made(*nets))


def test_the_page_says_first_that_it_is_a_copy_and_whom_it_could_still_speak_to() -> None:
    asked = given(
        thing("ssm.parameter", "mail-prod", document={"value": "smtp.sendgrid.example, ops@acme.example"}),
        thing("toy.queue", "q-prod", document={"Url": "https://hooks.stripe.example/prod", "To": "999988887777"}),
    )
    body = plan.make(asked)
    made_plan = plan.from_body(body, "0" * 64)
    page = look(made_plan, inventory(asked.inventory.resources))

    for text in (as_html(page), as_markdown(page)):
        top = text[: text.index("In which order")] if "In which order" in text else text[: text.index("## Waves")]
        assert f"Nothing leaves account {LEGACY}" in top
        assert "hooks.stripe.example would be called as by the original: toy.queue q-prod" in top
        assert "the account 999988887777 is named as in the original" in top


@pytest.mark.parametrize("verb", ["outside", "quiet", "healthy", "people", "close", "remove", "org"])
def test_verbs_that_are_about_what_moves_refuse_the_folder_of_a_copy(tmp_path: Any, verb: str) -> None:
    (tmp_path / "migration.yaml").write_text(
        "schema: migrate.config/1\nmigration: copy\n"
        f"legacy: {{account: '{LEGACY}', regions: [eu-west-1]}}\n"
        f"targets: {{production: {{account: '{PROD}', role: r}}, staging: {{account: '{STAGING}', role: r}}}}\n"
        "blueprint: {of: production, to: staging}\n"
    )

    with pytest.raises(UsageError, match="makes a copy of production"):
        Migration(tmp_path).not_of_a_copy(verb)
