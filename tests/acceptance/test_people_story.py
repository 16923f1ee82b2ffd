"""The people's story, whole: from the IAM users of the demo to one login, the old users closed, and back again.

The rule: what stands is read by plain boto3; who logs in has nothing but the files that `migrate people` wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from migrate.demo import clock, legacy, verbs
from migrate.demo import world as worlds
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.demo.legacy.identity import USERS
from migrate.policy_evaluation import ABSENT, DIRECT, Policies, decide
from migrate.policy_evaluation import Asked as Request
from tests.acceptance.documented_commands import page_not_typed
from tests.acceptance.people_questions import judge, large_policies, of_role, of_user, questions
from tests.crash.story import Said, Story
from tests.demo.signing_in import sign_in, who_am_i

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(2400)]

ABSENT_TAGS = (
    "s3:existingobjecttag/sagemaker", "s3:existingobjecttag/servicecatalog:provisioning",
    "secretsmanager:resourcetag/sagemaker",
)  # fmt: skip
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
    backup-robot: {is: unused, because: AWS Backup does its work}
  access_management: access_management
  github:
    - {repository: shop/shop, account: development, environment: development, replaces: github-actions}
    - {repository: shop/shop, account: production, environment: production, replaces: github-actions}
  vendors:
    - {name: vercel, roles: [production/vercel-assets], external_id: shop-1, replaces: vercel}
"""


class People(Story):
    """The commands of the story, each in a process of its own."""

    group = ""
    typed: ClassVar[list[list[str]]] = []

    def line(self, verb: str, *words: str) -> list[str]:
        """`migrate [org|close] VERB`, noted."""
        before = [self.group] if self.group else []
        self.typed.append([*before, verb, *words])
        return [*before, *super().line(verb, *words)]

    def of(self, group: str) -> People:
        """The same folder, under a group of verbs."""
        made = type(self)(self.world, self.folder, self.more)
        made.group = group
        return made

    def stand(self) -> Path:
        """Plan, approve, run to the end; gives the plan."""
        plan = json.loads(self.type("plan", "--json").out)
        self.type("review")
        self.approve()
        self.run()
        return Path(plan["plan"])

    def undo_all(self, plan: Path, expect: int = 0) -> Said:
        """Roll a plan back, whole."""
        listing = self.type("rollback", "--to", "0", "--plan", str(plan)).out.split()[-1]
        return self.type("rollback", "--to", "0", "--plan", str(plan), "--confirm", listing, expect=expect)

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
        iam = world.session(LEGACY).client("iam")
        for number, document in enumerate(large_policies()):
            made = iam.create_policy(PolicyName=f"reports-{number}", PolicyDocument=json.dumps(document))["Policy"]
            iam.attach_group_policy(GroupName="data-scientists", PolicyArn=made["Arn"])
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

    plan = org.stand()  # the account for machines is made, and all that needs none of its names
    machines = new_account(told)
    with_machines = json.loads(org.type("plan", "--json").out)
    org.approve()
    stopped = until_a_person_must_act(org)
    line = org.type("status").err + stopped
    access_management(told, machines).create_access_key(UserName="vercel")
    org.run()
    verified = org.type("verify")
    again = json.loads(org.type("plan", "--json").out)

    stands = center(told)
    assert with_machines["todo"] > 0
    assert again["todo"] == 0
    assert " 0 different" in verified.err
    assert "aws iam create-access-key --user-name vercel" in line
    assert stands["users"] == set(PEOPLE)
    assert set(stands["roles"]) == {"development", "production"}
    assert overflow(told) == {
        "development": ["data-scientists-development-2"],
        "production": ["data-scientists-production-2"],
    }

    arns = log_in_as_everybody(told, tmp_path)
    assert ask(told, arns, answer) == []
    assert more_than_before(told, arns, answer) == {
        f"{name} in development: ec2:TerminateInstances on *: False before, True after"
        for name in ("chidi.okafor", "dora.lind", "emil.novak")
    }

    told.change(("  portal:", "  quarantine: true\n  portal:"))
    closing = close.stand()
    closed = old_users(told)
    for name in untouched[1]:
        assert {status for _, status in closed[name][0]} <= {"Inactive"}
        assert "migrate-quarantine" in closed[name][1]
    close.undo_all(closing)
    assert old_users(told) == untouched[1]

    told.type("scan")
    close.stand()
    told.change(("  quarantine: true", "  quarantine: true\n  removal: {soak_days: 14}"))
    removed(told, machines)
    users = {
        account: [one["UserName"] for one in client(told, account, "iam").list_users()["Users"]]
        for account in (LEGACY, *TARGETS.values())
    }
    assert {account for account, found in users.items() if found} == set(), users
    assert [one["UserName"] for one in access_management(told, machines).list_users()["Users"]] == ["vercel"]

    with_key = org.undo_all(Path(with_machines["plan"]), expect=1)
    assert "must delete access keys first" in with_key.err
    for key in access_management(told, machines).list_access_keys(UserName="vercel")["AccessKeyMetadata"]:
        access_management(told, machines).delete_access_key(UserName="vercel", AccessKeyId=key["AccessKeyId"])
    org.undo_all(Path(with_machines["plan"]))
    org.undo_all(plan)
    assert center(told) == untouched[0]
    assert overflow(told) == {}
    assert access_management(told, machines).list_users()["Users"] == []
    assert page_not_typed(told.typed) == []


def until_a_person_must_act(org: People) -> str:
    """Run to the manual step, every gate answered; gives what the run said."""
    while True:
        said = org.type("run", "--engine", "local", expect=3)
        if not org.answer():
            return said.err


def new_account(told: People) -> str:
    """The account that the organisation was given for machines."""
    listed = client(told, LEGACY, "organizations").list_accounts()["Accounts"]
    return str(next(one["Id"] for one in listed if one["Email"] == "aws+access_management@shop.example"))


def access_management(told: People, account: str) -> Any:
    """IAM of that account."""
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    keys = client(told, LEGACY, "sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
    session = worlds.WorldSession(
        told.world.endpoint, region_name="eu-west-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    )  # fmt: skip
    return session.client("iam")


def overflow(told: People) -> dict[str, list[str]]:
    """Customer managed policies of permission sets, by account."""
    found = {
        alias: [
            one["PolicyName"]
            for one in client(told, account, "iam").list_policies(Scope="Local")["Policies"]
            if one["PolicyName"].startswith("data-scientists")
        ]
        for alias, account in TARGETS.items()
    }
    return {alias: names for alias, names in found.items() if names}


def removed(told: People, machines: str) -> None:
    """The soak is over by the world's clock: users are removed, those of a stack by a person through the stack."""
    remove = told.of("remove")
    stack_users = {"github-actions", "vercel", "backup-robot"}
    early = remove.type("plan")
    assert "days are left" in early.err
    assert "nobody is to be removed now" in early.err
    clock.push(told.world.home, 15 * 86_400)
    assert "identities.removal.most is 10" in remove.type("plan", expect=1).err
    told.change(("removal: {soak_days: 14}", "removal: {soak_days: 14, most: 12, most_percent: 100}"))
    planned = json.loads(remove.type("plan", "--json").out)
    assert set(planned["users"]) == set(old_users(told))
    remove.type("review")
    second = re.search(r"--deleting ([0-9a-f]{8})", remove.type("approve", expect=3).err)
    assert second is not None
    remove.type("approve", "--deleting", second[1])
    remove.type("run", "--engine", "local", expect=3)
    assert remove.answer()
    stopped = remove.type("run", "--engine", "local", expect=3).err
    assert set(old_users(told)) == stack_users
    assert "shop-iam-users" in stopped
    assert remove.type("left", expect=5).err.count(f":{LEGACY}:user/") == len(stack_users)
    iam, cloudformation = client(told, LEGACY, "iam"), client(told, LEGACY, "cloudformation")
    for name in stack_users:
        assert f"delete-user-policy --user-name {name}" in stopped
        iam.delete_user_policy(UserName=name, PolicyName="migrate-quarantine")
    nothing = {"Resources": {"Nothing": {"Type": "AWS::SNS::Topic"}}}
    cloudformation.update_stack(StackName="shop-iam-users", TemplateBody=json.dumps(nothing))
    remove.run()
    assert " 0 different" in remove.type("verify").err
    left = json.loads(remove.type("left", "--json").out)
    users = {where: [one["user"] for one in found] for where, found in left["accounts"].items() if found}
    assert users == {f"access_management ({machines})": ["vercel"]}


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


def more_than_before(told: People, arns: dict[tuple[str, str], str], answer: dict[str, Any]) -> set[str]:
    """What the questions find where a role may do one thing more."""
    iam = client(told, TARGETS["development"], "iam")
    role = arns["chidi.okafor", "development"].split("/")[1]
    more = {"Statement": [{"Effect": "Allow", "Action": "ec2:Terminate*", "Resource": "*"}], "Version": "2012-10-17"}
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=json.dumps(more))
    found = ask(told, arns, answer)
    iam.delete_role_policy(RoleName=role, PolicyName="more")
    return set(found)


def _answer(principal: str, account: str, documents: list[dict[str, Any]], action: str, resource: str) -> bool:
    """The product's evaluator's answer, which the other judge must share."""
    # Nothing that is asked about carries a tag of SageMaker, by which AWS's policy for it allows some things.
    tags = dict.fromkeys(ABSENT_TAGS, ABSENT)
    request = Request(principal, action, resource, DIRECT | tags, account, account)
    own = decide(request, Policies(identity=documents)).outcome
    other = judge(documents, action, resource, {"aws:principalaccount": account, "aws:requestedregion": "eu-west-1"})
    assert own in ("allowed", "explicit deny", "implicit deny"), f"{action} on {resource}: {own}"
    assert (own == "allowed") == other, f"{principal}: {action} on {resource}: {own}, the other judge says {other}"
    return other
