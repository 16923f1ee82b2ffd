"""Everything arrives: one whole migration of the embedded company, judged by readers that share no code with it.

One world, in order: it arrives; legacy is as it was but for what the plan lists; changes are found and named; after a
rollback of everything both sides are what they were before.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from migrate.demo import verbs
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.legacy import build
from migrate.policy_evaluation.actions import of_operation
from tests.acceptance import checks, readers, timeline
from tests.acceptance.spoiling import ADDED, spoil
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.timeout(1200)]

ENVIRONMENTS = {"dev": TARGETS["development"], "prod": TARGETS["production"]}
MOVED = {
    "dev": ("shop-uploads-dev", "shop-assets-shared", "shop-shared"),
    "prod": ("shop-uploads-prod", "shop-assets-shared", "shop-shared", "shop-archive-prod"),
}


@dataclass
class Arrived:
    """A finished run, and what stood there before it."""

    told: Story
    legacy_before: bytes
    targets_before: dict[str, bytes]
    plan: dict[str, Any]
    recorded: timeline.Recorder
    waiting: dict[str, int]
    """How many messages people sent to legacy's queues, before the freeze and after it."""
    spoilt: list[tuple[float, float]] = field(default_factory=list)
    """From when to when a test had switched something on in legacy itself."""

    def legacy_now(self) -> bytes:
        """The body of a scan of legacy: all but the envelope's time."""
        return body(Path(self.told.type("scan").out.strip()))

    def target_now(self, alias: str) -> bytes:
        """The same of a target."""
        return body(Path(self.told.type("scan", "--account", alias).out.strip()))


def body(path: Path) -> bytes:
    """What a file's digest covers."""
    head, _, lines = path.read_bytes().partition(b"\n")
    envelope = json.loads(head)
    return json.dumps([envelope["schema"], envelope["body"]]).encode() + lines


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrived]:
    """The embedded company, moved by the command line with every gate answered."""
    config = verbs.example().read_text(encoding="utf-8")
    with story(tmp_path_factory.mktemp("arrival"), lambda w: build(w.session(), w.tunnels), config) as told:
        inherited = dict(os.environ)
        os.environ |= told.world.env()
        try:
            legacy = body(Path(told.type("scan").out.strip()))
            targets = {alias: body(Path(told.type("scan", "--account", alias).out.strip())) for alias in TARGETS}
            plan = json.loads(Path(told.type("plan").out.strip()).read_text())
            told.type("review")
            told.approve()
            sessions = {account: told.world.session(account) for account in (LEGACY, *TARGETS.values())}
            recorded = timeline.Recorder(sessions, told.log)
            # S3 itself said one word to the queue of jobs, when its notification was set.
            sent = {
                f"shop-{env}-{queue}": int(queue == "jobs") for env in ENVIRONMENTS for queue in ("jobs", "jobs-dlq")
            }
            while told.type("run", "--engine", "local", expect=None).code == 3:
                send(told, sent)
                recorded.look()
                assert told.answer()
            recorded.look()
            send(told, sent)
            yield Arrived(told, legacy, targets, plan["body"], recorded, sent)
        finally:
            os.environ.clear()
            os.environ |= inherited


def send(told: Story, sent: dict[str, int]) -> None:
    """One more message to each of these queues of legacy."""
    sqs = told.world.session(LEGACY).client("sqs")
    for queue in sent:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=f"job {sent[queue]}")
        sent[queue] += 1


@pytest.fixture(scope="module")
def sides(arrived: Arrived) -> dict[str, tuple[Any, Any]]:
    """Both sides of each environment as the independent readers see them."""
    return {env: (readers.read_legacy(env), readers.read_target(env, account)) for env, account in ENVIRONMENTS.items()}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_row_of_every_table_is_there_and_sequences_are_ahead(sides: dict[str, Any], env: str) -> None:
    legacy, target = sides[env]

    assert checks.rows_equal(legacy, target) == []
    assert checks.sequences_ahead(legacy, target) == []


def test_whoever_stands_outside_is_told_every_name_that_changes_and_every_key_that_stays(arrived: Arrived) -> None:
    told = json.loads(arrived.told.type("outside", "--json").out)
    names = {(one["legacy"], one["account"]): one["target"] for one in told["names"]}
    assert [one for one in told["names"] if not one["known"]] == []

    legacy = arrived.told.world.session(LEGACY)
    for env, account in ENVIRONMENTS.items():
        target = arrived.told.world.session(account)
        hosts = [
            {
                one["LoadBalancerName"]: one["DNSName"]
                for one in side.client("elbv2").describe_load_balancers()["LoadBalancers"]
            }
            for side in (legacy, target)
        ]
        for name, host in hosts[1].items():
            # The emulator gives both the same: then there is nothing to change.
            assert names.get((hosts[0][name], account), hosts[0][name]) == host
        databases = [
            {
                one["DBInstanceIdentifier"]: one["Endpoint"]["Address"]
                for one in side.client("rds").describe_db_instances()["DBInstances"]
            }
            for side in (legacy, target)
        ]
        host = databases[0][f"shop-{env}"]
        assert names.get((host, account), host) == databases[1][f"shop-{env}"]
        queues = [
            side.client("sqs").get_queue_url(QueueName=f"shop-{env}-jobs")["QueueUrl"] for side in (legacy, target)
        ]
        assert names[queues[0], account] == queues[1]
    iam = legacy.client("iam")
    keys = [
        key["AccessKeyId"]
        for user in iam.list_users()["Users"]
        for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]
        if key["Status"] == "Active"
    ]
    assert len(told["keys"]) == len(keys) > 0
    assert not any(key in json.dumps(told) for key in keys), "a key is named by its end"


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_object_image_and_package_is_equal(sides: dict[str, Any], env: str) -> None:
    legacy, target = sides[env]

    assert checks.objects_equal(legacy, target, {name: f"{name}-{ENVIRONMENTS[env]}" for name in MOVED[env]}) == []
    assert checks.images_equal(legacy, target) == []
    assert checks.code_equal(legacy, target) == []
    assert checks.queues_equal(legacy, target, [f"shop-{env}-{name}" for name in ("jobs", "jobs-dlq", "orders")]) == []


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_legacy_account_is_named_nowhere_and_strangers_are_untouched(sides: dict[str, Any], env: str) -> None:
    legacy, target = sides[env]

    assert checks.legacy_id_residue(target) == []
    assert checks.partner_untouched(legacy, target) == []
    assert checks.aws_owned_untouched(legacy, target) == []


def test_at_each_moment_each_trigger_had_one_enabled_owner(arrived: Arrived, tmp_path: Path) -> None:
    moments = arrived.recorded.moments
    names = {account: alias for alias, account in TARGETS.items()} | {LEGACY: "legacy"}
    (tmp_path / "timeline.txt").write_text(timeline.table(moments, names))
    before = arrived.recorded.before.standing[LEGACY]
    after = arrived.recorded.now.standing

    assert timeline.owned_twice(arrived.recorded.before, moments) == []
    active = {trigger for trigger in before if trigger.startswith(timeline.ACTIVE)}
    assert {trigger.split()[0] for trigger in active} == set(timeline.ACTIVE) - {"schedule"}
    for trigger in active:
        owners = [account for account, there in after.items() if there.get(trigger)]
        known = [account for account, there in after.items() if trigger in there and account != LEGACY]
        assert len(known) == 1, f"{trigger} arrived in {known}"
        assert owners == (known if before[trigger] else []), f"{trigger} was {before[trigger]} in legacy"
    assert "rule default/shop-dev-heartbeat" in active
    assert not before["rule default/shop-dev-heartbeat"]


def test_what_passes_on_an_accounts_own_events_comes_at_cutover_and_stays_in_legacy(arrived: Arrived) -> None:
    moments = [one for one in arrived.recorded.moments if one.trigger.startswith(timeline.PASSIVE)]
    switched = arrived.recorded.moments

    assert len(moments) == 4
    assert all(one.enabled for one in moments)
    for one in moments:
        env = next(env for env, account in ENVIRONMENTS.items() if account == one.account)
        stops = [other.at for other in switched if other.account == LEGACY and f"-{env}" in other.trigger]
        assert stops
        assert max(stops) < one.at, f"{one.trigger} began while something of {env} still ran in legacy"


def test_the_journal_shows_one_owner_and_no_writer_left_when_data_is_copied(arrived: Arrived) -> None:
    (path,) = arrived.told.folder.glob("*.run/journal.db")
    entries = timeline.journal(path)

    assert timeline.journal_faults(entries) == []
    assert len({step for step, _ in entries if step.endswith(":start")}) == 15
    for account in ENVIRONMENTS.values():
        own = [(step.rpartition(":")[2], event) for step, event in entries if step.startswith(account)]
        stops = {(stop, "verified") for stop in timeline.PAIRS.values()}
        stopped = max(at for at, one in enumerate(own) if one in stops)
        copied = min(at for at, one in enumerate(own) if one in (("snapshot", "acting"), ("copy_delta", "acted")))
        assert stopped < copied, f"{account}: something of legacy could still write after its data was copied"


def test_messages_stay_in_legacys_queues_and_nobody_takes_them(arrived: Arrived) -> None:
    asked = [json.loads(line) for line in arrived.told.log.read_text().splitlines()]
    sqs = arrived.told.world.session(LEGACY).client("sqs")

    assert {one["operation"] for one in asked} & {"ReceiveMessage", "DeleteMessage", "PurgeQueue"} == set()
    for queue, sent in arrived.waiting.items():
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        visible = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        assert sent >= 3
        assert visible["ApproximateNumberOfMessages"] == str(sent), queue


def test_legacy_differs_only_by_what_the_plan_lists(arrived: Arrived) -> None:
    before = {line["resource"]["ref"]: line["resource"] for line in lines(arrived.legacy_before) if "resource" in line}
    now = {line["resource"]["ref"]: line["resource"] for line in lines(arrived.legacy_now()) if "resource" in line}
    listed = {(change["ref"], change["fact"]) for change in arrived.plan["legacy_changes"]}

    assert set(before) - set(now) == set()
    new = [now[ref] for ref in set(now) - set(before)]
    assert [resource["ref"] for resource in new if "migrate:step" not in resource["tags"]] == []
    changed = {
        (ref, fact)
        for ref, resource in before.items()
        for fact in resource["facts"]
        if now[ref]["facts"][fact] != resource["facts"][fact]
    }
    assert changed
    assert changed <= listed


def lines(content: bytes) -> list[dict[str, Any]]:
    """The lines of an inventory's body."""
    return [json.loads(line) for line in content.split(b"\n")[0:] if line.startswith(b"{")]


def test_no_secret_stands_in_any_file_of_the_migration(arrived: Arrived) -> None:
    secrets = arrived.told.world.session(LEGACY).client("secretsmanager")
    canaries = {
        json.loads(secrets.get_secret_value(SecretId=f"shop/{e}/db")["SecretString"])["password"] for e in MOVED
    }
    canaries |= {secrets.get_secret_value(SecretId=f"shop/{env}/stripe")["SecretString"] for env in MOVED}
    # The one that rotate_password made.
    made = arrived.told.world.session(TARGETS["production"]).client("secretsmanager")
    new = json.loads(made.get_secret_value(SecretId="shop/prod/db")["SecretString"])["password"]
    assert new not in canaries
    canaries.add(new)
    stacks = arrived.told.world.session(LEGACY).client("cloudformation").describe_stacks()["Stacks"]
    printed = {
        out["OutputValue"] for stack in stacks for out in stack.get("Outputs", ()) if "Secret" in out["OutputKey"]
    }
    assert printed

    held = [path for path in arrived.told.folder.rglob("*") if path.is_file()]
    for canary in canaries | printed:
        assert [path.name for path in held if canary.encode() in path.read_bytes()] == []


def test_the_same_plan_comes_out_twice(arrived: Arrived) -> None:
    inventories = sorted(arrived.told.folder.glob("*.inventory.jsonl"))

    digests = {arrived.told.type("plan", "--json", "--inventory", str(inventories[0])).json["digest"] for _ in range(2)}

    assert len(digests) == 1


def test_verify_finds_every_change_and_names_it(arrived: Arrived) -> None:
    planned = next(arrived.told.folder.glob("*.*.run")).name.split(".")[1]
    plan = str(next(arrived.told.folder.glob(f"*.{planned}.plan.json")))
    said = arrived.told.type("verify", "--plan", plan)
    assert re.search(r"(\d+) resources, \d+ facts compared by fresh reads: \1 equal", said.err)

    session = arrived.told.world.session(TARGETS["production"])
    began = time.time()
    undo = spoil(arrived.told, session)
    arrived.recorded.look()
    spoilt = arrived.told.type("verify", "--plan", plan, expect=5)
    for mend in undo:
        mend()
    arrived.spoilt.append((began, time.time()))

    again = ("legacy.state", "legacy.desired_count")
    for word in (
        "customers",
        "shop-uploads-prod",
        "ingress",
        "desired_count",
        "shop-prod-app",
        "shop/web",
        *again,
        *ADDED,
    ):
        assert word in spoilt.err, f"{word} was changed and is not named:\n{spoilt.err[-3000:]}"
    said = [line for line in spoilt.err.splitlines() if line.startswith("  different: ")]
    assert sorted(said) == sorted(set(said)), "each difference is said once"
    assert len([line for line in said if "was added in the target: it is in no plan" in line]) == 5
    assert arrived.told.type("verify", "--plan", plan).code == 0


def test_the_world_failed_at_nothing_on_the_way(arrived: Arrived) -> None:
    assert (arrived.told.world.home / "server.log").read_text(encoding="utf-8") == ""


def test_rollback_of_everything_leaves_both_sides_as_they_were(arrived: Arrived) -> None:
    planned = next(arrived.told.folder.glob("*.*.run")).name.split(".")[1]
    plan = str(next(arrived.told.folder.glob(f"*.{planned}.plan.json")))
    listing = arrived.told.type("rollback", "--plan", plan, "--to", "0", "--json").json
    way = ("rollback", "--plan", plan, "--to", "0", "--confirm", listing["confirm"])

    # A row was changed in the target and changed back, since it was proved: whoever wrote there has to be asked.
    refused = arrived.told.type(*way, expect=3)
    assert "public.customers: 2 rows updated" in refused.err
    done = arrived.told.type(*way, "--losing", listing["losing"])

    assert "0 kept, 0 failed" in done.err
    assert arrived.legacy_now() == arrived.legacy_before
    for alias in TARGETS:
        assert arrived.target_now(alias) == arrived.targets_before[alias], alias
    arrived.recorded.look()
    assert arrived.recorded.now.standing == arrived.recorded.before.standing
    moments = [
        one for one in arrived.recorded.moments if not any(begin <= one.at <= end for begin, end in arrived.spoilt)
    ]
    assert timeline.owned_twice(arrived.recorded.before, moments) == []
    (path,) = arrived.told.folder.glob("*.run/journal.db")
    assert timeline.journal_faults(timeline.journal(path)) == []

    # The policies that are generated allow all that was asked there and back, and take nothing away in legacy.
    policies = arrived.told.type("policy", "--for", "run", "--plan", plan, "--json").json
    scan = arrived.told.type("policy", "--for", "scan", "--json").json
    allows = {alias: allowed(documents) for alias, documents in policies.items()}
    allows["legacy"] |= allowed([scan])
    aliases = {LEGACY: "legacy", **{account: alias for alias, account in TARGETS.items()}}
    called = {"monitoring": "cloudwatch", "tagging": "tag"}
    for verb in ("run", "verify", "rollback"):
        asked = {(aliases[one["account"]], one["service"], one["operation"]) for one in arrived.told.requests(verb)}
        assert len(asked) > 50, verb
        missing = [
            (alias, service, operation)
            for alias, service, operation in sorted(asked)
            # A method and a path is what the emulator has no operation of.
            if service != "sts" and " /" not in operation
            and not set(of_operation(f"{called.get(service, service)}.{operation}")) <= allows[alias]
        ]  # fmt: skip
        assert missing == [], verb
    taken_away = {"s3:DeleteObject", "s3:DeleteBucket", "rds:DeleteDBInstance", "ecs:DeleteService", "iam:DeleteRole"}
    assert taken_away & allows["legacy"] == set()
    assert taken_away <= allows["production"] | {"s3:DeleteObject"}


def allowed(documents: list[dict[str, Any]]) -> set[str]:
    """Every action that the policies allow."""
    return {action for document in documents for statement in document["Statement"] for action in statement["Action"]}
