"""The people's story, whole: from the IAM users of the demo to one login, the old users closed, and back again.

The rule: what stands is read by plain boto3; who logs in has nothing but the files that `migrate people` wrote.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.demo import legacy, verbs
from migrate.demo import world as worlds
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.legacy.identity import USERS
from migrate.policy_evaluation import ABSENT, DIRECT, Policies, decide
from migrate.policy_evaluation import Asked as Request
from tests.acceptance.people_questions import judge, of_role, of_user, questions
from tests.crash.story import Story
from tests.demo.signing_in import sign_in, who_am_i

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(1200)]

PEOPLE = tuple(name for name, group, *_ in USERS if group)
WORKLOADS = {"dev": "development", "prod": "production"}
ORGANISATION = """
organisation:
  management: {account: "111111111111"}
  legacy: {how: management}
  email: "aws+{alias}@shop.example"
  accounts:
    access_management: {}
    infra: {email: root@444444444444.example}
    sensitive_data: {email: root@555555555555.example}
    development: {email: root@333333333333.example}
    production: {email: root@222222222222.example}

identities:
  portal: {start_url: shop.awsapps.com/start, region: eu-west-1}
  users:
    old-contractor: {is: unused, because: left in spring}
"""


class People(Story):
    """The commands of the story, each in a process of its own."""

    group = ""

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """Begin `migrate [org|close] VERB`."""
        before = [self.group] if self.group else []
        return subprocess.Popen(
            [sys.executable, "-m", "migrate", *before, verb, str(self.folder), *words], env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def of(self, group: str) -> People:
        """The same folder, under a group of verbs."""
        made = type(self)(self.world, self.folder, self.more)
        made.group = group
        return made

    def stand(self) -> Path:
        """Plan, approve, run to the end; gives the plan."""
        plan = json.loads(self.type("plan", "--json").out)
        self.approve()
        self.run()
        return Path(plan["plan"])

    def undo_all(self, plan: Path) -> None:
        """Roll a plan back, whole."""
        listing = self.type("rollback", "--to", "0", "--plan", str(plan)).out.split()[-1]
        self.type("rollback", "--to", "0", "--plan", str(plan), "--confirm", listing)

    def change(self, *pairs: tuple[str, str]) -> None:
        """Edit migration.yaml."""
        path = self.folder / "migration.yaml"
        text = path.read_text()
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)


def client(told: People, account: str, service: str) -> Any:
    return told.world.session(account).client(service)


def join(told: People) -> None:
    """The company's four accounts are in its organisation already: they were invited, and accepted."""
    organizations = client(told, LEGACY, "organizations")
    organizations.create_organization(FeatureSet="ALL")
    for account in TARGETS.values():
        number = organizations.invite_account_to_organization(Target={"Id": account, "Type": "ACCOUNT"})
        client(told, account, "organizations").accept_handshake(HandshakeId=number["Handshake"]["Id"])


def center(told: People) -> dict[str, Any]:
    """What stands in Identity Center, and the roles of permission sets in the accounts."""
    sso, store = client(told, LEGACY, "sso-admin"), client(told, LEGACY, "identitystore")
    one = sso.list_instances()["Instances"][0]
    roles = {
        alias: [
            role["RoleName"]
            for page in client(told, account, "iam").get_paginator("list_roles").paginate(PathPrefix="/aws-reserved/")
            for role in page["Roles"]
        ]
        for alias, account in TARGETS.items()
    }
    return {
        "users": {user["UserName"] for user in store.list_users(IdentityStoreId=one["IdentityStoreId"])["Users"]},
        "groups": len(store.list_groups(IdentityStoreId=one["IdentityStoreId"])["Groups"]),
        "sets": len(sso.list_permission_sets(InstanceArn=one["InstanceArn"])["PermissionSets"]),
        "roles": {alias: sorted(found) for alias, found in roles.items() if found},
    }


def old_users(told: People) -> dict[str, Any]:
    """State of the old account's users: keys and inline policies."""
    iam = client(told, LEGACY, "iam")
    return {
        user["UserName"]: (
            sorted(
                (k["AccessKeyId"], k["Status"])
                for k in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]
            ),
            iam.list_user_policies(UserName=user["UserName"])["PolicyNames"],
        )
        for user in iam.list_users()["Users"]
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    home = tmp_path_factory.mktemp("people")
    world = worlds.up(home / "world", log=home / "world" / "requests.jsonl")
    try:
        legacy.build(world.session(), world.tunnels)
        (home / "m").mkdir()
        (home / "m" / "migration.yaml").write_text(verbs.example().read_text(encoding="utf-8") + ORGANISATION)
        story = People(world, home / "m")
        join(story)
        yield story
    finally:
        worlds.down(home / "world")


def test_the_people_of_the_demo_get_one_login_that_allows_what_the_old_one_did_and_back(
    told: People, tmp_path: Path
) -> None:
    org, close = told.of("org"), told.of("close")
    untouched = (center(told), old_users(told))
    told.type("scan")
    told.type("people")
    told.type("people", "--write")
    told.change(("fill-in.invalid", "shop.example"))
    answer = told.type("people", "--json").json

    plan = org.stand()
    verified = org.type("verify", "--json")
    again = json.loads(org.type("plan", "--json").out)

    stands = center(told)
    assert again["todo"] == 0
    assert '"different": 0' in verified.out or " 0 different" in verified.err
    assert stands["users"] == set(PEOPLE)
    assert set(stands["roles"]) == {"development", "production"}

    arns = log_in_as_everybody(told, tmp_path)
    differences = ask(told, arns, answer)
    assert differences == []

    told.change(("  portal:", "  quarantine: true\n  portal:"))
    closing = close.stand()
    closed = old_users(told)
    for name in (*PEOPLE, "old-contractor"):
        assert {status for _, status in closed[name][0]} <= {"Inactive"}
        assert closed[name][1] == ["migrate-quarantine"]
    assert closed["vercel"] == untouched[1]["vercel"], "a machine that nothing replaces stays open"
    close.undo_all(closing)
    org.undo_all(plan)

    assert (center(told), old_users(told)) == untouched


def log_in_as_everybody(told: People, tmp_path: Path) -> dict[tuple[str, str], str]:
    """(person, alias) → ARN of the session, by the profiles that `migrate people --welcome` wrote."""
    told.type("people", "--welcome")
    (welcome,) = told.folder.glob("*.welcome")
    arns = {}
    for person in PEOPLE:
        home = tmp_path / person
        sign_in(home, "shop", person)
        config = (welcome / person / "config").read_text()
        (home / ".aws" / "config").write_text(config)
        for profile in re.findall(r"^\[profile (.+)\]$", config, re.M):
            said = who_am_i(told.world, home, profile)
            alias = profile.partition("-")[0]
            assert said.returncode == 0, f"{person} as {profile}: {said.stderr[-500:]}"
            role = f"arn:aws:sts::{TARGETS[alias]}:assumed-role/AWSReservedSSO_.+_[0-9a-f]{{16}}/{person}"
            assert re.fullmatch(role, said.stdout.strip())
            arns[person, alias] = said.stdout.strip()
        assert f"Welcome, {person}" in (welcome / person / "welcome.md").read_text()
    assert set(arns) == {(person, alias) for person in PEOPLE for alias in WORKLOADS.values()}
    return arns


def ask(told: People, arns: dict[tuple[str, str], str], answer: dict[str, Any]) -> list[str]:
    """Every question on both sides; gives the answers that differ and that the plan did not announce."""
    iam, asked, yes, wrong = client(told, LEGACY, "iam"), 0, 0, []
    announced = {
        (person, cell["account"], said)
        for cell in answer["table"]
        for person in cell["people"]
        for said in (*cell["lost"], *cell["gained"])
    }
    for (person, alias), arn in sorted(arns.items()):
        account, role = TARGETS[alias], arn.split("/")[1]
        before, after = of_user(iam, person), of_role(client(told, account, "iam"), role)
        env = next(env for env, one in WORKLOADS.items() if one == alias)
        for one in questions(env, account):
            had = _answer(f"arn:aws:iam::{LEGACY}:user/{person}", LEGACY, before, one.action, one.before)
            has = _answer(arn, account, after, one.action, one.after)
            asked += 1
            yes += had
            said = f"{one.action} on {one.before}"
            if had != has and (person, alias, said) not in announced:
                wrong.append(f"{person} in {alias}: {said}: {had} before, {has} after")
    assert asked >= 200
    assert yes >= 60, "a table of refusals proves little"
    assert asked - yes >= 60
    return wrong


def _answer(principal: str, account: str, documents: list[dict[str, Any]], action: str, resource: str) -> bool:
    """The product's evaluator's answer, which the other judge must share."""
    # Nothing that is asked about carries a tag of SageMaker, by which AWS's policy for it allows some things.
    tags = dict.fromkeys(("s3:existingobjecttag/sagemaker", "secretsmanager:resourcetag/sagemaker"), ABSENT)
    request = Request(principal, action, resource, DIRECT | tags, account, account)
    own = decide(request, Policies(identity=documents)).outcome
    other = judge(documents, action, resource, {"aws:principalaccount": account, "aws:requestedregion": "eu-west-1"})
    assert own in ("allowed", "explicit deny", "implicit deny"), f"{action} on {resource}: {own}"
    assert (own == "allowed") == other, f"{principal}: {action} on {resource}: {own}, the other judge says {other}"
    return other


def test_the_questions_have_teeth(told: People) -> None:
    """A role that may do one thing more is found out by the same comparison."""
    iam = client(told, LEGACY, "iam")
    before = of_user(iam, "chidi.okafor")
    more = [*before, {"Statement": [{"Effect": "Allow", "Action": "ec2:Terminate*", "Resource": "*"}]}]

    one = next(q for q in questions("dev", TARGETS["development"]) if q.action == "ec2:TerminateInstances")

    assert not _answer(f"arn:aws:iam::{LEGACY}:user/x", LEGACY, before, one.action, one.before)
    assert _answer(f"arn:aws:iam::{LEGACY}:user/x", LEGACY, more, one.action, one.before)
