"""`migrate verify` names each field that somebody changed in the target, and no other: of every kind, in one account.

One world that holds the example of every kind (tests/kinds/examples), moved by the command line. In rounds, one field of
a resource of every kind is changed by plain boto3; what `verify` says is read from its exit code, its lines, its report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ruamel.yaml import YAML

from migrate.inventory import Resource
from migrate.kinds import every_kind
from tests.acceptance.grown_account import GrownAccount
from tests.crash.story import Said, Story, story
from tests.kinds.examples import Example, every_example
from tests.kinds.plain_site import PlainSite
from tests.kinds.test_moves import WITHOUT_EXAMPLE, must_say
from tests.kinds.two_sides import LEGACY, REGION, TARGET

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(1800)]

UPLOADED = ("shop", "www", "api")
CONFIG = f"""\
schema: migrate.config/1
migration: grown
legacy: {{account: "{LEGACY}", regions: [{REGION}]}}
targets:
  production: {{account: "{TARGET}", role: OrganizationAccountAccessRole}}
placement:
  - {{kind: sns.asked_subscription, to: legacy, because: its owner cannot say yes here}}
  - {{name: "*", to: production, because: one account takes everything}}
buckets: "{{name}}-{{account}}"
move:
  - {{runbook: move-workload, accounts: [production]}}
test_launches:
  - {{service: "*", launch: false, because: nothing answers behind these balancers}}
settle_s: 1
waivers: []
renames:
""" + "".join(
    f"  arn:aws:iam::{LEGACY}:server-certificate/{name}: arn:aws:iam::{TARGET}:server-certificate/{name}\n"
    for name in UPLOADED
)
NOT_MOVED_HERE = WITHOUT_EXAMPLE | {
    "sns.asked_subscription": "its owner's yes comes from outside; tests/kinds/test_asked_subscription.py",
}
"""Kinds of which nothing is changed here, with the place where their changes are shown."""
NOT_CHANGED_HERE: dict[tuple[str, str], str] = {}
"""Fields of the others that the examples change and this world does not."""
COVERED_AT_LEAST = (81, 400)
"""Kinds, and fields of them. A test fails where it gets less: say more here when it gets more."""


@dataclass
class Moved:
    """The run is over."""

    told: Story
    account: GrownAccount
    resources: dict[str, Resource]
    """Legacy's, by kind."""

    def verify(self, expect: int) -> tuple[Said, dict[str, Any]]:
        """The verb, and its report."""
        said = self.told.type("verify", "--json", expect=expect)
        return said, said.json

    def standing(self, kind_name: str, report: dict[str, Any]) -> Resource:
        """The target's resource as it is now."""
        kind, ref = every_kind()[kind_name], str(self.resources[kind_name].ref)
        (proof,) = (one for one in report["proofs"] if one["ref"] == ref)
        site = PlainSite(self.account.sessions["target"], TARGET, REGION, kind.reads)
        found = [one for one in kind.scan(site) if (one.arn or str(one.ref)) == proof["evidence"]["found"]]
        assert len(found) == 1, f"{kind_name}: {proof['evidence']['found']} is shown {len(found)} times"
        return found[0]


def moved_by_hand_of_a_person(told: Story) -> None:
    """Plan, waive what is refused, approve, run through every gate."""
    told.type("scan")
    for _ in range(4):
        if told.type("plan", expect=None).code == 0:
            break
        body = json.loads(max(told.folder.glob("*.plan.json")).read_text())["body"]
        path, yaml = told.folder / "migration.yaml", YAML()
        config: Any = yaml.load(path.read_text())
        config["waivers"].extend({"gap": one["key"], "because": "seen and known"} for one in body["refusals"])
        with path.open("w") as file:
            yaml.dump(config, file)
    told.approve()
    told.run()


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    made: list[Moved] = []

    def build(world: Any) -> None:
        account = GrownAccount(world)
        examples = {name: one for name, one in every_example().items() if name not in NOT_MOVED_HERE}
        made.append(Moved(None, account, account.build(examples)))  # type: ignore[arg-type]

    with story(tmp_path_factory.mktemp("grown"), build, CONFIG) as told:
        (one,) = made
        one.told = told
        moved_by_hand_of_a_person(told)
        yield one


def differing(report: dict[str, Any]) -> set[tuple[str, str]]:
    """Ref and field of each difference that a report names."""
    return {
        (proof["ref"], found.group())
        for proof in report["proofs"]
        for line in proof["differences"]
        if (found := re.match(r"[\w.]+?(?=[:.\[]|$)", line))
    }


def changes_of(example: Example) -> list[str]:
    """The fields that are changed here, in order."""
    return [field for field in example.changes if (example.kind, field) not in NOT_CHANGED_HERE]


def test_verify_names_every_field_that_somebody_changed_and_no_other(
    moved: Moved, capsys: pytest.CaptureFixture[str]
) -> None:
    report = moved.verify(expect=0)[1]
    named, covered = differing(report), set()
    assert named == set()
    examples = {name: one for name, one in every_example().items() if name not in NOT_MOVED_HERE}

    for at in range(max(len(changes_of(one)) for one in examples.values())):
        changed = set()
        for name, example in examples.items():
            if at < len(fields := changes_of(example)):
                example.changes[fields[at]](moved.account, moved.standing(name, report))
                changed.add((str(moved.resources[name].ref), fields[at]))
        said, after = moved.verify(expect=5)
        now = differing(after)

        assert changed - named == changed, "these differed before they were changed"
        assert changed - now == set(), "these were changed and nobody says so"
        assert now - named - changed - also(changed) == set(), "these were not changed"
        assert named - now - PASSING == set(), "these were changed, and nobody says so any more"
        silent = [one for one in changed if not re.search(f"different: .*: {re.escape(one[0])}: {one[1]}", said.err)]
        assert silent == [], "the report says it and the terminal does not"
        named, covered = now, covered | changed

    kinds = {ref.split("/")[2] for ref, _ in covered}
    with capsys.disabled():
        print(f"\n{len(kinds)} kinds, {len(covered)} fields changed and named")
    assert (len(kinds), len(covered)) >= COVERED_AT_LEAST


def test_what_is_not_covered_is_listed_with_its_reason_and_the_list_does_not_grow() -> None:
    examples = every_example()
    moving = {name for name, kind in every_kind().items() if kind.actions}
    fixed = {(name, field): why for name, one in examples.items() for field, why in one.fixed.items()}
    wanted = {(name, field) for name in examples for field in must_say(every_kind()[name])}
    shown = {(name, field) for name, one in examples.items() for field in one.changes}

    assert moving - set(examples) - set(NOT_MOVED_HERE) == set()
    assert wanted - shown - set(fixed) == set()
    assert len(NOT_MOVED_HERE) <= MOST_KINDS_LEFT_OUT
    assert len(set(fixed) | set(NOT_CHANGED_HERE)) <= MOST_FIELDS_LEFT_OUT
    assert [key for key, why in (fixed | NOT_CHANGED_HERE).items() if len(why.split()) < 3] == []
