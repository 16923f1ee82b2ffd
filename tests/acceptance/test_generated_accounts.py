"""Accounts that chance drew go from init to rollback by the command line, at an endpoint without one rule of ours.

Rule: what a plan refuses is settled by its own words, mechanically; whatever then fails is a defect, here or there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from ruamel.yaml import YAML

from .foreign_account import LEGACY
from .foreign_story import Endpoint, Story, begin, endpoint
from .generated_account import ACCOUNTS, REGIONS, Described, drawn
from .generated_builder import build
from .generated_readers import Reader, differences

BOTH = list(ACCOUNTS)
ROUNDS = 12
MOST_LAUNCHED = 8
SEEDS = range(2, 22)
LAST_USE = re.compile(r'"last_used_for":(?:"[^"]*"|null),?')
"""What a key was last used for changes by every scan."""

pytestmark = pytest.mark.torture


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as one:
        yield one


@contextlib.contextmanager
def told(number: int, it: Described) -> Iterator[None]:
    """Say the seed and the account where what is inside fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {number} drew this account:\n{it}")
        raise


def settle(story: Story) -> dict[str, Any]:
    """Plan, and do for each refusal what it says, until nothing is refused and nothing movable goes nowhere."""
    yaml = YAML()
    for _ in range(ROUNDS):
        story.type("plan", ends=(0, 1))
        body: dict[str, Any] = story.newest("plan.json")["body"]
        if not body["refusals"] and not body["not_moved"]:
            return body
        config = yaml.load(story.config.read_text())
        before = repr([config[part] for part in ("placement", "waivers", "renames")])
        for refusal in body["refusals"]:
            answer(config, refusal)
        for ref in body["not_moved"]:
            place(config, ref, "live", "nobody said whose it is")
        assert repr([config[part] for part in ("placement", "waivers", "renames")]) != before, body["refusals"][:3]
        with story.config.open("w") as file:
            yaml.dump(config, file)
    raise AssertionError(f"still refused after {ROUNDS} rounds: {story.newest('plan.json')['body']['refusals'][:5]}")


def answer(config: Any, refusal: dict[str, str]) -> None:
    """Do what one refusal says."""
    key, what = refusal["key"], refusal["what"]
    sort, _, rest = key.partition("/")
    if sort == "placement":
        place(config, rest, "live" if "goes nowhere" in what else BOTH, "both use it")
    elif sort == "stays" and ("goes only to" in what or "goes to no account" in what):
        # The parent is the second of the two refs: they begin alike.
        parent = rest[rest.index(f"/{LEGACY}/") + 1 :]
        place(config, parent, BOTH, "what lies in it goes to both")
    elif sort == "name":
        ref = what.partition(": ")[0]
        # What a pattern in a policy means by the beginning of the name goes on.
        config["renames"][ref] = f"{ref.rpartition('/')[2][:24]}{hashlib.sha256(ref.encode()).hexdigest()[:8]}"
    elif sort == "marks":
        place(config, rest, "legacy", "it holds what this tool reads as its own")
    elif what.endswith(", which goes to no account"):
        pass  # It is among what is not moved, and is placed with that.
    else:
        # A name of the form of an id is looked up like one.
        assert sort != "taken", refusal
        assert sort != "unresolved" or what.endswith("is nothing that was found"), refusal
        config["waivers"].append({"gap": glob(key), "because": "seen, and seen to by hand"})


def glob(key: str) -> str:
    """A pattern that means this key alone: a name may hold what patterns are made of."""
    return re.sub(r"[*?[]", r"[\g<0>]", key)


def place(config: Any, ref: str, to: Any, because: str) -> None:
    """A rule of its own for one resource, before all others."""
    there = [rule for rule in config["placement"] if rule.get("ref") == ref]
    if there:
        there[0]["to"] = to
    else:
        config["placement"].insert(0, {"ref": ref, "to": to, "because": because})


def is_large(number: int) -> bool:
    """Whether the account of a seed is a grown one."""
    return number % 7 == 0


def launched(it: Described) -> list[str]:
    """The services that are test-launched: those that run, and of many the first ones, for each takes half a minute."""
    return [one.name for one in it.services if one.flag][:MOST_LAUNCHED]


def key_of(url: str, account: str) -> dict[str, str]:
    """Credentials in a target."""
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}
    sts = boto3.client("sts", endpoint_url=url, region_name=REGIONS[0], **anybody)
    given = sts.assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def arrived(legacy: Reader, targets: dict[str, Reader], it: Described, config: Any) -> list[str]:
    """What is missing, too much, in the wrong account, or still says the legacy account's id."""
    renamed = {ref.split("/", 3)[3]: new for ref, new in config["renames"].items()}
    said = {rule["ref"] for rule in config["placement"]}
    found = []
    for sort, names in legacy.names.items():
        for region, name in sorted(names):
            new = {renamed.get(name, name)}
            if sort == "buckets":
                new = {renamed.get(name, f"{name}-{account}") for account in ACCOUNTS.values()}
            there = [
                alias
                for alias, side in targets.items()
                if {n for r, n in side.names.get(sort, ()) if r == region} & new
            ]
            if not there:
                found.append(f"{sort} {region} {name}: nowhere")
            whose = [one.env for one in getattr(it, sort, ()) if one.name == name and one.env]
            placed_by_rule = any(ref.endswith(f"/{name}") for ref in said)
            if (
                whose
                and sort in ("log_groups", "topics", "rules", "tables")
                and not placed_by_rule
                and there != whose[:1]
            ):
                found.append(f"{sort} {region} {name}: is of {whose[0]}, and stands in {there}")
        many = sum(len(side.names.get(sort, ())) for side in targets.values())
        if not len(names) <= many <= len(names) * len(targets):
            found.append(f"{sort}: {len(names)} were in legacy, {many} are in the targets")
    for alias, side in targets.items():
        for where in side.held.keys() & legacy.held.keys():
            was, now = legacy.held[where], side.held[where]
            if now not in {was.replace(LEGACY, account) for account in ACCOUNTS.values()}:
                found.append(f"{alias}: {where}: was {was!r}, is {now!r}")
        extra = {sort: len(n) for sort, n in side.names.items() if len(n) > len(legacy.names.get(sort, ()))}
        found += [f"{alias}: more {sort} than legacy has" for sort in extra]
        found += [
            f"{alias}: {where}: {LEGACY} is left: {text[:300]}" for where, text in side.texts.items() if LEGACY in text
        ]
    return found


def whole_story(folder: Path, world: Endpoint, number: int, it: Described, *, scanned: tuple[str, ...] = ()) -> None:
    """Everything, with what each verb promises held to; `scanned` targets are compared by the product's eyes too."""
    by = build(world.url, it)
    world.let_tasks_run()
    story = begin(folder, world.url, by.key, it.regions)
    yaml = YAML()
    config = yaml.load(story.config.read_text())
    config |= {"environments": {env: env for env in ACCOUNTS}, "placement": [], "waivers": [], "renames": {}}
    config["test_launches"] = [
        {"service": f"*/{name}", "launch": True, "because": "seen that it starts"} for name in launched(it)
    ]
    with story.config.open("w") as file:
        yaml.dump(config, file)

    def scan() -> dict[str, list[str]]:
        for alias in scanned:
            story.type("scan", "--account", alias)
        story.type("scan")
        unders = (".", *(f"targets/{alias}" for alias in scanned))
        return {under: [LAST_USE.sub("", line) for line in story.inventory_body(under)] for under in unders}

    def read() -> dict[str, Reader]:
        return {alias: Reader(world.url, key_of(world.url, ACCOUNTS[alias]), it.regions) for alias in ACCOUNTS}

    before, legacy_before = scan(), Reader(world.url, by.key, it.regions)
    texts_before = {alias: side.texts for alias, side in read().items()}
    body = settle(story)
    assert len(body["steps"]) > 50
    launches = {line["id"].rpartition("/")[2] for line in body["steps"] if line["action"] == "test_launch"}
    assert launches == {f"{name}:test_launch" for name in launched(it)}
    story.type("review")
    story.type("approve", "--by", "the owner")
    story.run_through("local")

    verified = story.type("verify")
    assert " 0 different" in verified.err
    assert arrived(legacy_before, read(), it, yaml.load(story.config.read_text())) == []

    story.roll_back()
    after = scan()
    changed = {under: sorted(set(before[under]) ^ set(after[under])) for under in before}
    assert changed == {under: [] for under in before}
    assert differences(legacy_before.texts, Reader(world.url, by.key, it.regions).texts) == []
    assert {alias: differences(texts_before[alias], side.texts) for alias, side in read().items()} == {
        alias: [] for alias in ACCOUNTS
    }


def test_an_account_that_chance_drew_is_moved_proved_and_rolled_back(tmp_path: Path, world: Endpoint) -> None:
    it = drawn(1, most=2, regions=REGIONS[:1])
    with told(1, it):
        whole_story(tmp_path / "move", world, 1, it)


@pytest.mark.torture
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("number", SEEDS)
def test_twenty_accounts_that_chance_drew(tmp_path: Path, world: Endpoint, number: int) -> None:
    it = drawn(number, large=is_large(number))
    with told(number, it):
        whole_story(tmp_path / "move", world, number, it, scanned=tuple(ACCOUNTS))
