"""migrate remove, whole: who may go, what goes, what comes back, and who is left, checked by plain boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from migrate.aws import Unknown, Writer
from migrate.cli import main
from migrate.demo import clock, world
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.ground import Interrupted
from tests.crash.story import Said
from tests.people.test_closing import MIGRATION, READ

pytestmark = [pytest.mark.world, pytest.mark.torture]

DAY_S = 86_400
SECTIONS = f"""\
organisation:
  management: {{account: "{LEGACY}"}}
  legacy: {{how: management}}
  accounts: {{production: {{email: root@{TARGETS["production"]}.example}}}}
identities:
  quarantine: true
  access_management: production
  vendors: [{{name: partner, roles: [production/partner-orders]}}]
"""
SOAK = "  removal: {soak_days: 14, most: 5, most_percent: 100}\n"
DECIDED = "  users: {old: {is: unused}, robot: {is: unused}}\n"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
STACK = {
    "Resources": {
        "Robot": {"Type": "AWS::IAM::User", "Properties": {"UserName": "robot"}},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
}


@dataclass
class Told:
    """One folder over one running world."""

    running: world.World
    folder: Path

    @property
    def iam(self) -> Any:
        return self.running.session(LEGACY).client("iam")

    def type(self, *words: str, expect: int = 0) -> Said:
        """Type `migrate WORDS…`, the folder after the verbs."""
        verbs = list(words[: 2 if words[0] in ("close", "remove") else 1])
        ended = CliRunner(env=self.running.env()).invoke(main, [*verbs, str(self.folder), *words[len(verbs) :]])
        said = Said(ended.exit_code, ended.stdout, ended.stderr)
        assert "a defect of this product" not in said.err, said.err
        assert said.code == expect, f"{words}: {said.code}\n{said.out[-800:]}\n{said.err[-3000:]}"
        return said

    def names(self) -> list[str]:
        return sorted(one["UserName"] for one in self.iam.list_users()["Users"])

    def wants(self, more: str) -> None:
        (self.folder / "migration.yaml").write_text(MIGRATION + SECTIONS + more)

    def close(self) -> None:
        self.type("scan")
        self.type("close", "plan")
        self.type("close", "approve", "--by", "ana")
        self.type("close", "run", "--engine", "local", expect=3)
        self.type("close", "approve", "--gate", "old:keys_gate", "--by", "bo")
        self.type("close", "run", "--engine", "local")

    def approve(self) -> None:
        """Both approvals of the removal."""
        said = self.type("remove", "approve", "--by", "ana", expect=3).err
        self.type("remove", "approve", "--by", "ana", "--deleting", said.split("--deleting ")[1].split()[0])

    def run(self, expect: int = 0) -> str:
        """Run over the gate."""
        self.type("remove", "run", "--engine", "local", expect=3)
        self.type("remove", "approve", "--gate", "old:removal_gate", "--by", "bo")
        return self.type("remove", "run", "--engine", "local", expect=expect).err


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    home = tmp_path / "world"
    running = world.up(home)
    try:
        story = Told(running, tmp_path / "m")
        story.folder.mkdir()
        people(story)
        yield story
    finally:
        world.down(home)


def people(told: Told) -> None:
    """Ana with everything that a user can hold; old, whom nobody needs; robot, whom a stack made; mystery."""
    iam = told.iam
    iam.create_group(GroupName="engineers")
    iam.put_group_policy(GroupName="engineers", PolicyName="read", PolicyDocument=READ)
    iam.create_user(UserName="ana", Path="/people/", Tags=[{"Key": "team", "Value": "web"}])
    iam.add_user_to_group(GroupName="engineers", UserName="ana")
    iam.create_login_profile(UserName="ana", Password="Emb3dded!ana")
    iam.put_user_policy(UserName="ana", PolicyName="own", PolicyDocument=READ)
    iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="ana")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName="ana", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    iam.upload_ssh_public_key(UserName="ana", SSHPublicKeyBody="ssh-rsa AAAA ana")
    iam.create_service_specific_credential(UserName="ana", ServiceName="codecommit.amazonaws.com")
    for name in ("ana", "ana", "old", "mystery"):
        if name not in told.names():
            iam.create_user(UserName=name)
        iam.create_access_key(UserName=name)
    iam.put_user_permissions_boundary(UserName="old", PermissionsBoundary=BOUNDARY)
    formation = told.running.session(LEGACY).client("cloudformation", region_name="eu-west-1")
    formation.create_stack(StackName="robots", TemplateBody=json.dumps(STACK))
    iam.create_access_key(UserName="robot")
    organizations = told.running.session(LEGACY).client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    target = {"Id": TARGETS["production"], "Type": "ACCOUNT"}
    number = organizations.invite_account_to_organization(Target=target)["Handshake"]["Id"]
    told.running.session(TARGETS["production"]).client("organizations").accept_handshake(HandshakeId=number)
    told.wants(DECIDED + SOAK)


def test_closed_users_are_removed_after_their_soak_and_made_again_without_a_way_in(told: Told) -> None:
    told.close()
    early = told.type("remove", "plan").err
    assert "14.0 days are left" in early or "14.0 of 14 days are left" in early
    assert told.names() == ["ana", "mystery", "old", "robot"]

    clock.push(told.running.home, 15 * DAY_S)
    before = told.iam.get_user(UserName="ana")["User"]
    planned = told.type("remove", "plan", "--json")
    answer = json.loads(planned.out)
    assert answer["users"] == ["ana", "old", "robot"]
    assert set(answer["not_removed"]) == {"mystery"}
    assert f"the unique id {before['UserId']}" in planned.err
    for what in ("its password", "access keys …", "1 MFA devices", "1 SSH keys", "1 credentials of single services"):
        assert what in planned.err
    told.type("remove", "run", "--engine", "local", expect=4)
    told.type("remove", "approve", "--by", "ana", "--deleting", "00000000", expect=4)
    told.approve()
    stopped = told.run(expect=3)

    assert told.names() == ["mystery", "robot"]
    assert told.iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert "take Robot out of the template of stack robots" in stopped
    assert "would take along Topic (AWS::SNS::Topic)" in stopped
    assert "delete-user-policy --user-name robot --policy-name migrate-quarantine" in stopped
    assert "which the stack did not make" in stopped
    told.iam.delete_user_policy(UserName="robot", PolicyName="migrate-quarantine")
    for one in told.iam.list_access_keys(UserName="robot")["AccessKeyMetadata"]:
        told.iam.delete_access_key(UserName="robot", AccessKeyId=one["AccessKeyId"])
    formation = told.running.session(LEGACY).client("cloudformation", region_name="eu-west-1")
    formation.update_stack(
        StackName="robots", TemplateBody=json.dumps({"Resources": {"Topic": STACK["Resources"]["Topic"]}})
    )
    told.type("remove", "run", "--engine", "local")
    assert told.names() == ["mystery"]
    production = told.running.session(TARGETS["production"]).client("iam")
    for name in ("partner", "stray"):
        production.create_user(UserName=name)
    left = told.type("remove", "left", "--json", expect=5).json
    stray, mystery = f"arn:aws:iam::{TARGETS['production']}:user/stray", f"arn:aws:iam::{LEGACY}:user/mystery"
    assert set(left["undeclared"]) == {stray, mystery}
    production.delete_user(UserName="stray")
    told.wants("  users: {mystery: {is: break-glass}}\n" + SOAK)
    told.type("remove", "left")
    told.wants(DECIDED + SOAK)
    assert "3 equal, 0 different" in told.type("remove", "verify").err

    told.iam.create_user(UserName="old")
    told.type("remove", "verify", expect=5)
    told.iam.delete_user(UserName="old")
    listed = told.type("remove", "rollback", "--to", "0").out.split()[-1]
    told.type("remove", "rollback", "--to", "0", "--confirm", listed)
    assert told.names() == ["ana", "mystery", "old"]
    again = told.iam.get_user(UserName="ana")["User"]
    assert again["Path"] == "/people/"
    assert again["Tags"] == [{"Key": "team", "Value": "web"}]
    old = told.iam.get_user(UserName="old")["User"]
    assert old["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert again["UserId"] != before["UserId"]
    assert sorted(told.iam.list_user_policies(UserName="ana")["PolicyNames"]) == ["migrate-quarantine", "own"]
    assert [g["GroupName"] for g in told.iam.list_groups_for_user(UserName="ana")["Groups"]] == ["engineers"]
    assert told.iam.list_access_keys(UserName="ana")["AccessKeyMetadata"] == []
    iam = told.iam
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="ana")


def test_who_is_used_opened_or_too_many_stays(told: Told) -> None:
    told.wants(DECIDED + "  removal: {soak_days: 14, most: 1, most_percent: 100}\n")
    told.close()
    clock.push(told.running.home, 15 * DAY_S)

    denied = told.running.home / "faults.json"
    for operation in ("ListServiceSpecificCredentials", "GetLoginProfile", "GetCredentialReport", "GetUser"):
        denied.write_text(json.dumps({"deny": [f"iam:{operation}"]}))
        assert operation in told.type("remove", "plan", expect=1).err
    denied.write_text(json.dumps({"deny": ["iam:ListUsers"]}))
    assert "whether users are left there is not known" in told.type("remove", "left", expect=6).err
    denied.unlink()
    over = told.type("remove", "plan", expect=1).err
    assert "identities.removal.most is 1" in over
    assert not list((told.folder / "removing").glob("*.plan.json"))
    assert told.type("remove", "plan", "--user", "old", "--json").json["users"] == ["old"]
    told.approve()
    key = told.iam.create_access_key(UserName="old")["AccessKey"]  # as somebody would who misses it
    old = boto3.client(
        "sqs", endpoint_url=told.running.endpoint, region_name="eu-west-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    old.list_queues()
    told.iam.update_access_key(UserName="old", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    refused = told.type("remove", "run", "--engine", "local", expect=4).err
    assert f"its key …{key['AccessKeyId'][-4:]} was used on" in refused
    assert "after it was closed: somebody still needs it" in told.type("remove", "plan", "--user", "old").err

    (closing,) = (told.folder / "closing").glob("*.plan.json")
    listed = told.type("close", "rollback", "--to", "0", "--plan", str(closing)).out.split()[-1]
    told.type("close", "rollback", "--to", "0", "--plan", str(closing), "--confirm", listed, expect=1)  # the new key
    assert "was opened again" in told.type("remove", "plan", "--json").json["not_removed"]["ana"]
    assert told.names() == ["ana", "mystery", "old", "robot"]


def test_a_removal_that_is_refused_or_loses_its_answers_goes_on(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    told.close()
    clock.push(told.running.home, 15 * DAY_S)
    told.type("remove", "plan", "--user", "ana")
    told.approve()
    killed = Killed()
    monkeypatch.setattr("migrate.clients.Writer", killed)
    told.run(expect=130)
    assert killed.at == {"iam.DeleteAccessKey"}
    refused = told.running.home / "faults.json"
    refused.write_text(json.dumps({"deny": ["iam:DeactivateMFADevice"]}))
    told.type("remove", "run", "--engine", "local", expect=1)
    half = told.iam.list_ssh_public_keys(UserName="ana")["SSHPublicKeys"]
    assert half == []
    assert sorted(told.iam.list_user_policies(UserName="ana")["PolicyNames"]) == ["migrate-quarantine", "own"]

    refused.unlink()
    for _ in KILLED_AT[1:]:
        told.type("remove", "run", "--engine", "local", expect=130)
    told.type("remove", "run", "--engine", "local")
    assert killed.at == set(KILLED_AT)
    assert told.names() == ["mystery", "old", "robot"]
    told.type("remove", "run", "--engine", "local")
    told.type("remove", "verify")
    lost = LosesAnswers()
    monkeypatch.setattr("migrate.clients.Writer", lost)
    listed = told.type("remove", "rollback", "--to", "0").out.split()[-1]
    told.type("remove", "rollback", "--to", "0", "--confirm", listed)
    assert lost.lost >= {"iam.CreateUser", "iam.PutUserPolicy"}
    assert sorted(told.iam.list_user_policies(UserName="ana")["PolicyNames"]) == ["migrate-quarantine", "own"]


KILLED_AT = (
    "iam.DeleteAccessKey", "iam.DeactivateMFADevice", "iam.RemoveUserFromGroup", "iam.DeleteUserPolicy",
    "iam.DeleteUser",
)  # fmt: skip


class Killed:
    """A Writer that sends these, and is gone before the answer is in the journal; each once."""

    def __init__(self) -> None:
        self.at: set[str] = set()

    def __call__(self, aws: Any) -> Killed:
        self._writer = Writer(aws)
        return self

    def send(self, account: Any, region: Any, operation: str, params: Any) -> Any:
        answer = self._writer.send(account, region, operation, params)
        if operation in KILLED_AT and operation not in self.at:
            self.at.add(operation)
            raise Interrupted("killed", do="migrate run")
        return answer


class LosesAnswers:
    """A Writer that sends every first request of a sort and loses the answer."""

    def __init__(self) -> None:
        self.lost: set[str] = set()

    def __call__(self, aws: Any) -> LosesAnswers:
        self._writer = Writer(aws)
        return self

    def send(self, account: Any, region: Any, operation: str, params: Any) -> Any:
        answer = self._writer.send(account, region, operation, params)
        if operation not in self.lost:
            self.lost.add(operation)
            raise Unknown(operation, code="ReadTimeoutError", said="the answer was lost")
        return answer
