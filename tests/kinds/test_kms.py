"""KMS keys: another key with the same settings, policy last, and nothing that AWS owns or is deleting."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.inventory import Resource
from migrate.kinds._grants import given_grants
from migrate.kinds.iam_role import Role
from migrate.kinds.kms_key import Key
from tests.kinds.plain_site import PlainSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

KEY, ROLE = Key(), Role()
DEAD = "AIDA1234567890ABCDEFG"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def policy(*principals: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Owner",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Users",
                "Effect": "Allow",
                "Principal": {"AWS": list(principals)},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                "Resource": "*",
            },
        ],
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        sides.client("legacy", "iam").create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST))
        sides.scan(ROLE)
        yield sides


@pytest.fixture
def key(world: TwoSides) -> Resource:
    kms = world.client("legacy", "kms")
    role = f"arn:aws:iam::{LEGACY}:role/app"
    made = kms.create_key(
        Description="databases",
        Policy=json.dumps(policy(role, DEAD)),
        Tags=[{"TagKey": "env", "TagValue": "prod"}],
    )["KeyMetadata"]
    for alias in ("alias/shop-prod", "alias/shop-database"):
        kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    kms.enable_key_rotation(KeyId=made["KeyId"])
    return world.scan(KEY)[made["KeyId"]]


def test_a_key_is_found_with_everything_that_must_arrive(world: TwoSides, key: Resource) -> None:
    assert key.tags == {"env": "prod"}
    assert key.facts["policy"]["Statement"][1]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert {name: key.facts[name] for name in key.facts if name != "policy"} == {
        "description": "databases",
        "usage": "ENCRYPT_DECRYPT",
        "spec": "SYMMETRIC_DEFAULT",
        "origin": "AWS_KMS",
        "state": "Enabled",
        "key_manager": "CUSTOMER",
        "multi_region": "no",
        "owner": f"arn:aws:iam::{LEGACY}:root",
        "aliases": ["alias/shop-database", "alias/shop-prod"],
        "dead_principals": [DEAD],
        "rotation": True,
        "rotation_days": 365,
        "grants": [],
    }


def test_one_read_alone_shows_the_same_as_a_scan_of_all(world: TwoSides, key: Resource) -> None:
    world.client("legacy", "kms").create_key(Description="another")

    assert world.scan(KEY, only=key.ref.name) == {key.ref.name: key}
    assert world.scan(KEY, only="1234abcd-12ab-34cd-56ef-1234567890ab") == {}


def test_the_policy_comes_after_the_key_and_without_the_dead(world: TwoSides, key: Resource) -> None:
    create = world.planned(KEY, key, "create")
    configure = world.planned(KEY, key, "configure")

    assert [r.operation for r, _ in create] == ["kms.CreateKey", "kms.CreateAlias", "kms.CreateAlias"]
    assert not any(world.rewrite(params).mentions - {key.ref} for _, params in create)
    assert [r.operation for r, _ in configure] == ["kms.PutKeyPolicy", "kms.EnableKeyRotation"]
    sent = configure[0][1]["Policy"]["$json"]
    assert sent["Statement"][1]["Principal"] == {"AWS": f"arn:aws:iam::{TARGET}:role/app"}
    assert "BypassPolicyLockoutSafetyCheck" not in configure[0][1]


def test_the_target_shows_the_same_key_after_each_action(world: TwoSides, key: Resource) -> None:
    (role,) = world.scan(ROLE).values()
    world.move(ROLE, role)

    world.move(KEY, key, "create")
    assert world.differences(KEY, key, "create") == {}
    world.move(KEY, key, "configure")

    assert world.differences(KEY, key, "create", "configure") == {}


def test_undo_takes_the_aliases_and_schedules_the_key_for_deletion(world: TwoSides, key: Resource) -> None:
    world.move(KEY, key)
    kms = world.client("target", "kms")

    world.undo()

    (left,) = kms.list_keys()["Keys"]
    assert kms.describe_key(KeyId=left["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert [a for a in kms.list_aliases()["Aliases"] if not a["AliasName"].startswith("alias/aws/")] == []
    assert world.scan(KEY, "target") == {}
    assert world.sent[-1] == ("kms.ScheduleKeyDeletion", {"KeyId": left["KeyId"], "PendingWindowInDays": 7})


def test_others_know_the_key_by_id_arn_and_alias(world: TwoSides, key: Resource) -> None:
    world.move(KEY, key, "create")
    new = world.known[world.place(key).step, "id"]

    assert world.renamed([key.ref.name, key.arn, f"arn:aws:kms:{REGION}:{LEGACY}:alias/shop-prod"]) == [
        new,
        f"arn:aws:kms:{REGION}:{TARGET}:key/{new}",
        f"arn:aws:kms:{REGION}:{TARGET}:alias/shop-prod",
    ]
    assert world.rewrite("alias/shop-prod").mentions == {key.ref}


def test_a_key_that_is_off_in_legacy_is_off_in_the_target(world: TwoSides, key: Resource) -> None:
    world.client("legacy", "kms").disable_key(KeyId=key.ref.name)
    off = world.scan(KEY)[key.ref.name]

    operations = [r.operation for r, _ in world.planned(KEY, off, "configure")]

    assert operations[-1] == "kms.DisableKey"


def test_keys_of_aws_are_listed_and_not_moved(world: TwoSides) -> None:
    world.client("legacy", "kms").describe_key(KeyId="alias/aws/rds")

    (default,) = world.scan(KEY).values()

    assert default.facts["key_manager"] == "AWS"
    assert not any(action.applies(KEY.typed(default)) for action in KEY.actions)
    assert world.rewrite(default.arn).problems == [f"value: {default.arn} is {default.ref}, which goes to no account"]


def test_keys_on_their_way_out_are_not_listed(world: TwoSides, key: Resource) -> None:
    world.client("legacy", "kms").schedule_key_deletion(KeyId=key.ref.name)

    assert world.scan(KEY) == {}
    assert world.scan(KEY, only=key.ref.name) == {}


@pytest.mark.parametrize("facts", [{"origin": "EXTERNAL"}, {"origin": "AWS_CLOUDHSM"}, {"multi_region": "replica"}])
def test_a_key_whose_material_is_elsewhere_is_left_to_a_person(key: Resource, facts: dict[str, str]) -> None:
    other = KEY.typed(replace(key, facts=key.facts | facts))

    assert not any(action.applies(other) for action in KEY.actions)


def test_grants_of_people_are_given_again_in_the_targets_names_once(world: TwoSides, key: Resource) -> None:
    kms = world.client("legacy", "kms")
    reads = {"GranteePrincipal": f"arn:aws:iam::{LEGACY}:role/app", "Operations": ["Decrypt", "DescribeKey"]}
    kms.create_grant(KeyId=key.ref.name, **reads)
    kms.create_grant(KeyId=key.ref.name, Name="nightly", **reads, Constraints={"EncryptionContextSubset": {"a": "b"}})
    for grantee in ("rds.eu-west-1.amazonaws.com", f"arn:aws:sts::{LEGACY}:assumed-role/fn/fn"):
        kms.create_grant(KeyId=key.ref.name, GranteePrincipal=grantee, Operations=["Decrypt"])
    kms.create_grant(KeyId=key.ref.name, Name="migrate-abc", **reads)
    found = world.scan(KEY)[key.ref.name]

    world.move(KEY, found)

    there = world.renamed(found.ref.name)
    given = world.client("target", "kms").list_grants(KeyId=there)["Grants"]
    assert [grant.get("Name") for grant in found.facts["grants"]] == ["nightly", None]
    assert {grant["GranteePrincipal"] for grant in given} == {f"arn:aws:iam::{TARGET}:role/app"}
    assert world.differences(KEY, found, "create", "configure", "grant") == {}
    world.undo()
    assert world.client("target", "kms").list_grants(KeyId=there)["Grants"] == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"origin": "EXTERNAL"}, "kms.ImportKeyMaterial"),
        ({"origin": "AWS_CLOUDHSM"}, "kms.CreateCustomKeyStore"),
        ({"multi_region": "replica"}, "kms.ReplicateKey"),
    ],
)
def test_a_key_that_cannot_be_made_anew_says_what_a_person_does(
    key: Resource, facts: dict[str, str], said: str
) -> None:
    other = KEY.typed(replace(key, facts=key.facts | facts))

    assert not any(action.applies(other) for action in KEY.actions)
    assert said in KEY.by_hand(other)
    assert f"renames: {{{key.arn}: <its ARN there>}}" in KEY.by_hand(other)
    assert KEY.by_hand(KEY.typed(replace(key, facts=key.facts | facts | {"key_manager": "AWS"}))) == ""


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"usage": "SIGN_VERIFY", "spec": "ECC_NIST_P256"}, "new public key"),
        ({"usage": "GENERATE_VERIFY_MAC", "spec": "HMAC_256"}, "verified with the old one"),
        ({"spec": "RSA_4096"}, "read with the old key only"),
        ({"multi_region": "primary"}, "replicas"),
        ({}, ""),
    ],
)
def test_what_a_new_key_cannot_do_is_told(key: Resource, facts: dict[str, str], said: str) -> None:
    told = KEY.finding(KEY.typed(replace(key, facts=key.facts | facts)))

    assert said in told
    assert bool(told) == bool(said)


@pytest.mark.parametrize("operation", ["kms.DescribeKey", "kms.ListGrants", "kms.ListResourceTags", "kms.GetKeyPolicy"])
def test_a_key_that_nobody_may_look_at_is_a_gap_and_hides_no_other(
    world: TwoSides, key: Resource, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    other = world.client("legacy", "kms").create_key(Description="open")["KeyMetadata"]["KeyId"]
    send = PlainSite.call
    told: list[list[tuple[str, str]]] = []

    def call(site: PlainSite, asked: str, **params: Any) -> dict[str, Any]:
        told.append(site.gaps)
        if asked == operation and params["KeyId"] == key.ref.name:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, asked)
        return send(site, asked, **params)

    monkeypatch.setattr(PlainSite, "call", call)
    found = world.scan(KEY)

    assert other in found
    assert (key.ref.name in found) == (operation != "kms.DescribeKey")
    assert (operation, "AccessDeniedException") in told[-1]


def test_a_grant_to_somebody_who_was_deleted_or_to_a_service_is_not_given_again() -> None:
    role = f"arn:aws:iam::{LEGACY}:role/app"
    to = ("AROA1234567890ABCDEFG", "rds.eu-west-1.amazonaws.com", f"arn:aws:sts::{LEGACY}:assumed-role/AWSRole/x", role)
    listed = [{"GranteePrincipal": one, "Operations": ["Decrypt"], "RetiringPrincipal": to[0]} for one in to]

    assert given_grants(listed) == [{"GranteePrincipal": role, "Operations": ["Decrypt"]}]
