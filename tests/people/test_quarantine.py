"""Closing old users: only when asked, only who has another way in, and opened again as it was."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kinds import every_kind
from migrate.kinds.iam_people import AWS_DENY_ALL, QuarantinedUser, User
from migrate.people.quarantine import requests_of
from migrate.sealing import Sealer
from migrate.values import resolve
from migrate.verbs.people import Looked, look
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TwoSides, two_sides
from tests.people.company import AWS, ORGANISATION, allow, key, of_queues

KIND = QuarantinedUser()
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


class SealingSite(PlainSite):
    """Seals as a scan does, and remembers as a run does."""

    def __init__(self, world: TwoSides) -> None:
        super().__init__(world.sessions["legacy"], LEGACY, REGION, KIND.reads)
        self.sealer = Sealer(b"k" * 16, remember=True)

    def seal(self, name: str, value: str) -> Any:
        return self.sealer(name, value)


def state(world: TwoSides) -> dict[str, Any]:
    """What IAM shows of ana, by plain boto3."""
    iam = world.client("legacy", "iam")
    return {
        "keys": {
            one["AccessKeyId"]: one["Status"] for one in iam.list_access_keys(UserName="ana")["AccessKeyMetadata"]
        },
        "inline": sorted(iam.list_user_policies(UserName="ana")["PolicyNames"]),
    }


def test_keys_become_inactive_everything_is_denied_and_all_is_taken_back_as_it_was(world: TwoSides) -> None:
    iam = world.client("legacy", "iam")
    iam.create_user(UserName="ana")
    iam.put_user_policy(UserName="ana", PolicyName="own", PolicyDocument=DOCUMENT)
    active, idle = (iam.create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"] for _ in range(2))
    iam.update_access_key(UserName="ana", AccessKeyId=idle, Status="Inactive")
    before = state(world)
    site = SealingSite(world)
    (ana,) = KIND.scan(site)
    requests = requests_of(ana, KIND)
    assert active not in json.dumps([one.params for one in requests])

    for one in requests:
        send(world, one.operation, resolve(one.params, {}, site.sealer.unseal))

    closed = state(world)
    assert closed["keys"] == {active: "Inactive", idle: "Inactive"}
    assert closed["inline"] == ["migrate-quarantine", "own"]
    document = iam.get_user_policy(UserName="ana", PolicyName="migrate-quarantine")["PolicyDocument"]
    assert document["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    expected = {k: v for action in KIND.actions for k, v in (action.legacy_after(KIND.typed(ana)) or {}).items()}
    (now,) = KIND.scan(site)
    assert {fact: now.facts[fact] for fact in expected} == expected
    for one in reversed(requests):
        assert one.undo is not None
        send(world, one.undo.operation, resolve(one.undo.params, {}, site.sealer.unseal))
    assert state(world) == before


def send(world: TwoSides, operation: str, params: dict[str, Any]) -> None:
    check_request(operation, params)
    name = operation.partition(".")[2]
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    getattr(world.client("legacy", "iam"), method)(**params)


def test_where_the_inline_policies_leave_no_room_aws_s_own_policy_denies(world: TwoSides) -> None:
    full = {"Statement": [allow("s3:*", [f"arn:aws:s3:::bucket-{n}-{'x' * 50}" for n in range(30)])]}
    company = of_queues()
    company.user("ana", inline={"own": full})

    (request,) = requests_of(user(company), KIND)

    assert request.operation == "iam.AttachUserPolicy"
    assert request.params == {"UserName": "ana", "PolicyArn": AWS_DENY_ALL}
    assert request.undo is not None
    assert request.undo.operation == "iam.DetachUserPolicy"


def user(company: Any) -> Resource:
    return next(company.inventory.of("iam.user"))


def looked(tmp_path: Path, more: str) -> Looked:
    company = of_queues()
    company.group("engineers", f"{AWS}ReadOnlyAccess")
    company.person("ana", "engineers", access_keys=[key("KEYA", used="2026-11")])
    company.user("robot", access_keys=[key("KEYR", used="2026-11")], owner="cloudformation:robots")
    company.user("other", access_keys=[key("KEYO", used="2026-11")])
    company.user("gone", access_keys=[key("KEYG", used="2024-01")])
    company.user("mystery", access_keys=[key("KEYM", created="2026-11")])
    company.person("glass", attached=[f"{AWS}AdministratorAccess"], mfa=True, password_last_used="2024-01")
    company.stack("robots", {"Robot": ("AWS::IAM::User", "robot"), "RobotKey": ("AWS::IAM::AccessKey", "…KEYR")})
    return look(company.folder(tmp_path, more))


GITHUB = "github: [{repository: shop/web, account: production, environment: production, replaces: robot}]"


def test_nothing_is_closed_unless_somebody_asked_for_it(tmp_path: Path) -> None:
    assert looked(tmp_path, f"identities: {{{GITHUB}}}\n").quarantine.closed == ()
    assert User().actions == ()
    assert every_kind()["iam.user"].actions == ()


def test_only_who_has_another_way_in_is_closed(tmp_path: Path) -> None:
    found = looked(tmp_path, f"identities: {{quarantine: true, {GITHUB}}}\n").quarantine

    assert {one.user.name for one in found.closed} == {"ana", "robot", "gone"}
    assert set(found.spared) == {"other", "mystery", "glass"}
    assert "nothing in identities.github" in found.spared["other"]
    assert "break-glass" in found.spared["glass"]


def test_a_person_without_an_assignment_is_not_closed(tmp_path: Path) -> None:
    nobody = "  people: [{name: ana, email: a@b.example, groups: [none]}]\n  groups: {none: {assign: []}}\n"
    more = f"{ORGANISATION}{nobody}identities: {{quarantine: true}}\n"

    assert "no way in" in looked(tmp_path, more).quarantine.spared["ana"]


def test_what_a_stack_made_is_removed_through_the_stack(tmp_path: Path) -> None:
    found = looked(tmp_path, f"identities: {{quarantine: true, {GITHUB}}}\n").quarantine

    removal = {one.user.name: " ".join(one.removal) for one in found.closed}
    assert "take Robot and RobotKey out of the template of stack robots" in removal["robot"]
    assert "delete 1 access keys" in removal["gone"]
    assert "robots" not in removal["gone"]
