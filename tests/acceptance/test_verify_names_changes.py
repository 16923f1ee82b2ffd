"""`migrate verify` names each field that somebody changed in the target, and no other: of every kind, in one account.

One world holds the example of every kind (tests/kinds/examples), moved by the command line. In rounds one field of a
resource of every kind is changed by plain boto3, and stays so; what `verify` says is read from its exit code, its lines
and its report. Where the emulator has no call for a change, the world answers the read otherwise instead: that shows
that `verify` sees another value, not that AWS lets somebody make it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from ruamel.yaml import YAML

from migrate.inventory import Resource
from migrate.kind import STEP_TAG, Place
from migrate.kinds import every_kind
from tests.acceptance.answered_otherwise import RecordedSite, Watched, rounds
from tests.acceptance.grown_account import GrownAccount
from tests.crash.story import Said, Story, story
from tests.kinds.examples import every_example
from tests.kinds.plain_site import PlainSite
from tests.kinds.test_moves import WITHOUT_EXAMPLE, must_say
from tests.kinds.two_sides import LEGACY, REGION, TARGET

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
MOST_KINDS_LEFT_OUT, MOST_FIELDS_LEFT_OUT = 14, 307
"""Fields: those that an example calls fixed, each with its reason. The lists may get shorter, never longer."""
FOUND_BY_IT = "what it is found by: with another one it is another thing, and this one is gone"
AS_ASKED = "no answer says it: the scan says what it asked for"
SHOWN_BY_NEITHER = {
    ("applicationautoscaling.policy", "policy"): FOUND_BY_IT,
    ("applicationautoscaling.policy", "resource"): FOUND_BY_IT,
    ("autoscaling.group", "lattice_groups"): "of a type that AWS's shapes do not list, so it is not tried",
    ("autoscaling.group", "of_ecs"): "by a tag that AWS's shapes do not list, so it is not tried",
    ("efs.file_system", "policy"): "it has none, and the emulator refuses where AWS would show one",
    ("elbv2.listener", "port"): FOUND_BY_IT,
    ("elbv2.rule", "listener_arn"): "its listener is asked for its rules: of another one they are others",
    ("elbv2.rule", "priority"): FOUND_BY_IT,
    ("events.rule", "bus"): FOUND_BY_IT,
    ("kms.key", "key_manager"): "tags of AWS's own key are not read: verify says that it is not the one that was made",
    ("lambda.event_invoke_config", "function_arn"): FOUND_BY_IT,
    ("lambda.url", "function_arn"): AS_ASKED,
    ("lambda.version", "function_arn"): AS_ASKED,
    ("logs.metric_filter", "log_group"): FOUND_BY_IT,
    ("logs.subscription_filter", "log_group"): FOUND_BY_IT,
    ("rds.cluster", "logical_replication"): "by a parameter that AWS's shapes do not list, so it is not tried",
    ("rds.instance", "logical_replication"): "by a parameter that AWS's shapes do not list, so it is not tried",
    ("route53.hosted_zone", "private"): FOUND_BY_IT,
    ("scheduler.schedule", "group"): "a part of its id: verify says that it is not the one that was made",
    ("servicediscovery.namespace", "vpc"): "the example is an HTTP namespace, which has no hosted zone to ask",
    ("sns.asked_subscription", "confirmed"): "none is moved here",
    ("sns.asked_subscription", "endpoint"): "none is moved here",
    ("sns.asked_subscription", "protocol"): "none is moved here",
    ("sns.asked_subscription", "topic_arn"): "none is moved here",
    ("wafv2.ip_set", "scope"): AS_ASKED,
    ("wafv2.regex_pattern_set", "scope"): AS_ASKED,
    ("wafv2.web_acl", "scope"): AS_ASKED,
}
"""Fields that no call of the emulator changes, and of which no answer is found that makes `verify` name them."""
MOST_SHOWN_BY_NEITHER = 27
"""It may get less, never more."""
DEFAULT_NETWORK = {"in_default_vpc", "is_default"}
"""Read from the VPCs, by all that stands in one."""
NOT_OURS = {("kms.key", "arn"), ("scheduler.schedule", "arn")}
"""Where a thing does not seem to be this migration's any more, the line begins with its ARN."""
COVERED_AT_LEAST = (83, 387)
"""Kinds, and fields of them."""
ALONG = {
    ("ec2.instance", "running"): {("ec2.instance", "is_public")},
    ("ec2.route_table", "is_main"): {("ec2.route_table", "is_main")},
    ("kms.key", "rotation"): {("kms.key", "rotation_days")},
    ("s3.bucket", "lifecycle"): {("s3.bucket", "lifecycle_minimum")},
}
"""What else changes by itself with a field, of the same resource or of another one: the table that was the main one."""
PASSING = {("cloudwatch.alarm", "actions_enabled")} | {
    ("logs.query_definition", field) for field in ("name", "query", "language", "log_groups")
}
"""What a later change puts back: an alarm and a saved query are put whole."""


@dataclass
class Moved:
    """The run is over."""

    told: Story
    account: GrownAccount
    resources: dict[str, Resource]
    """Legacy's, by kind."""
    seen: dict[str, str] = field(default_factory=dict)
    """By kind, what a thing without ARN is called in the target, which a change may rename."""

    def verify(self, *expect: int) -> tuple[Said, dict[str, Any]]:
        """The verb, and its report."""
        said = self.told.type("verify", "--json", expect=None)
        assert said.code in expect, f"verify ended with {said.code}, not {expect}: {said.err[-2000:]}"
        report: dict[str, Any] = said.json
        return said, report

    def watched(self, kind_name: str, report: Mapping[str, Any]) -> Watched:
        """The target's resource with all that its kind reads of it."""
        kind, legacy, found = every_kind()[kind_name], self.resources[kind_name], self.standing(kind_name, report)
        name = found.ref.name if kind.named else legacy.ref.name
        step = found.tags.get(STEP_TAG, "")
        place = Place("grown", TARGET, legacy.ref.region, name, step, (TARGET,))
        site = RecordedSite(self.account.sessions["target"], TARGET, REGION, kind.reads)
        return Watched(kind, kind.typed(legacy), place, kind.outputs(found), site)

    def standing(self, kind_name: str, report: Mapping[str, Any]) -> Resource:
        """The target's resource as it is now: the one that the last report looked at."""
        kind, legacy = every_kind()[kind_name], self.resources[kind_name]
        (proof,) = (one for one in report["proofs"] if one["ref"] == str(legacy.ref))
        site = PlainSite(self.account.sessions["target"], TARGET, REGION, kind.reads)
        arn, wanted = proof["evidence"]["found"], {self.seen[kind_name]} if kind_name in self.seen else names_of(legacy)
        found = [one for one in kind.scan(site) if (one.arn == arn if arn else names_of(one) & wanted)]
        assert len(found) == 1, f"{kind_name}: {arn or wanted} is shown {len(found)} times"
        self.seen[kind_name] = found[0].ref.name
        return found[0]


def names_of(resource: Resource) -> set[str]:
    """What a thing without ARN is known by on both sides."""
    return {resource.ref.name, str(resource.facts.get("name", resource.ref.name))}


def move(told: Story) -> None:
    """As a person does: plan, waive what is refused, approve, run through every gate."""
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
    for _ in range(3):
        said = told.type("run", "--engine", "local", expect=None)
        if said.code == 3:
            assert told.answer()
            continue
        assert said.code == 0, said.err[-3000:]
        return
    raise AssertionError("the run does not come to its end")


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
        move(told)
        yield one


def differing(report: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Ref and field of each difference that a report names; the whole line where it is about no field."""
    return {
        (proof["ref"], found.group() if (found := re.match(r"\w+(?=[:.\[])", line)) else line)
        for proof in report["proofs"]
        for line in proof["differences"]
    }


def differences(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """All that a report says, by ref."""
    return {proof["ref"]: proof["differences"] for proof in report["proofs"]}


def silent(said: Said, changed: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of these the terminal does not name."""
    lines = [line for line in said.err.splitlines() if line.startswith("  different: production: ")]
    return [(ref, field) for ref, field in changed if not any(f": {ref}: {field}" in line for line in lines)]


def sorts(changed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Kind and field of each."""
    return {(ref.split("/")[2], field) for ref, field in changed}


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(2400)
def test_verify_names_every_field_of_which_a_read_answers_another_value(
    moved: Moved, capsys: pytest.CaptureFixture[str]
) -> None:
    first, unspoilt = moved.verify(0, 5)
    before, named = differing(unspoilt), set[tuple[str, str]]()
    examples = {name: one for name, one in every_example().items() if name not in NOT_MOVED_HERE}
    watched = {name: moved.watched(name, unspoilt) for name in sorted(examples)}
    ways = {
        (name, fact): tried
        for name, one in watched.items()
        for fact, tried in sorted(one.ways(set(examples[name].fixed)).items())
    }
    everything = {(name, fact) for name, one in examples.items() for fact in one.fixed}
    path = moved.told.world.home / "otherwise.json"

    try:
        for shown in rounds(watched, ways):
            path.write_text(json.dumps([{**rule, "account": TARGET} for rule in shown.rules]))
            said, report = moved.verify(5)
            now = differing(report) - before
            wanted = {(str(moved.resources[name].ref), fact) for name, fact in shown.wanted.items()} & now
            assert silent(said, wanted) == [], "the report says it and the terminal does not"
            expected = {(name, fact) for name, facts in shown.changed.items() for fact in facts}
            others = {one for one in sorts(now) - expected if one[1] not in DEFAULT_NETWORK}
            assert others - NOT_OURS == set(), "these were answered as they are"
            named |= sorts(wanted)
    finally:
        path.unlink(missing_ok=True)
    last, after = moved.verify(0, 5)

    with capsys.disabled():
        print(f"\n{len(named)} of {len(everything)} fields answered otherwise and named")
    assert (last.code, differences(after)) == (first.code, differences(unspoilt))
    left_out = {one for one in SHOWN_BY_NEITHER if one[0] in examples}
    assert everything - named - left_out == set(), "nobody says so"
    assert left_out & named == set(), "verify names these now: take them off the list and lower its limit"


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(2400)
def test_verify_names_every_field_that_somebody_changed_and_no_other(
    moved: Moved, capsys: pytest.CaptureFixture[str]
) -> None:
    report = moved.verify(0, 5)[1]
    named, covered = differing(report), set[tuple[str, str]]()
    assert {kind for kind, _ in sorts(named)} <= {"rds.instance", "rds.cluster"}, (
        "of a database without a login the rows are not known"
    )
    examples = {name: one for name, one in every_example().items() if name not in NOT_MOVED_HERE}

    for at in range(max(len(one.changes) for one in examples.values())):
        changed = set()
        for name, example in examples.items():
            for fact, change in list(example.changes.items())[at : at + 1]:
                change(moved.account, moved.standing(name, report))
                changed.add((str(moved.resources[name].ref), fact))
        said, report = moved.verify(5)
        now = differing(report)

        along = set().union(*(ALONG.get(one, set()) for one in sorts(changed)))
        assert changed & named == set(), "these differed before they were changed"
        assert changed - now == set(), "these were changed and nobody says so"
        spoilt = {ref for ref, _ in covered | changed}
        # What was carried is proved in words of its own: of a thing that was changed they are expected.
        others = {one for one in now - named - changed if one[0] not in spoilt or " " not in one[1]}
        assert sorts(others) - along == set(), "these were not changed"
        gone = {one for one in named - now if " " not in one[1]}
        assert sorts(gone) - PASSING == set(), "these are still changed and nobody says so any more"
        assert silent(said, changed) == [], "the report says it and the terminal does not"
        named, covered = now, covered | changed

    kinds = {kind for kind, _ in sorts(covered)}
    with capsys.disabled():
        print(f"\n{len(kinds)} kinds, {len(covered)} fields changed and named")
    assert len(kinds) >= COVERED_AT_LEAST[0]
    assert len(covered) >= COVERED_AT_LEAST[1]


def test_what_is_not_covered_has_its_reason_and_the_lists_do_not_grow() -> None:
    examples = every_example()
    moving = {name for name, kind in every_kind().items() if kind.actions}
    fixed = {(name, field): why for name, one in examples.items() for field, why in one.fixed.items()}
    wanted = {(name, field) for name in examples for field in must_say(every_kind()[name])}
    shown = {(name, field) for name, one in examples.items() for field in one.changes}

    assert moving - set(examples) - set(NOT_MOVED_HERE) == set()
    assert wanted - shown - set(fixed) == set()
    assert len(NOT_MOVED_HERE) <= MOST_KINDS_LEFT_OUT
    assert len(fixed) <= MOST_FIELDS_LEFT_OUT
    assert SHOWN_BY_NEITHER.keys() - fixed.keys() == set()
    assert {key for key in fixed if key[0] in NOT_MOVED_HERE} - SHOWN_BY_NEITHER.keys() == set()
    assert len(SHOWN_BY_NEITHER) <= MOST_SHOWN_BY_NEITHER
    assert [key for key, why in (fixed | NOT_MOVED_HERE | SHOWN_BY_NEITHER).items() if len(why.split()) < 3] == []
