"""Secrets and secure parameters: the value reaches the target renamed, and no other place ever sees it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from migrate.errors import Conflict
from migrate.inventory import Resource
from migrate.kind import CarryAction
from migrate.kinds import _carried as carried
from migrate.kinds.iam_role import Role
from migrate.kinds.kms_key import Key
from migrate.kinds.secretsmanager_secret import Secret
from migrate.kinds.ssm_parameter import Parameter
from tests.kinds.two_sides import LEGACY, REGION, TARGET, HandCarrier, TwoSides, two_sides

SECRET, PARAMETER, KEY, ROLE = Secret(), Parameter(), Key(), Role()
CANARY = "canary-9b1d-hunter2"
ROLE_ARN = f"arn:aws:iam::{LEGACY}:role/app"
LOGIN = {"password": CANARY, "role": ROLE_ARN, "port": 5432, "name": "größe"}
RESOURCE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": [ROLE_ARN, "AIDA1234567890ABCDEFG"]},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }
    ],
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with two_sides(monkeypatch) as sides:
        sides.client("legacy", "iam").create_role(
            RoleName="app", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        key = sides.client("legacy", "kms").create_key(Description="secrets")["KeyMetadata"]["Arn"]
        sides.client("legacy", "secretsmanager").create_secret(
            Name="shop/prod/db",
            Description="login",
            KmsKeyId=key,
            SecretString=json.dumps(LOGIN),
            Tags=[{"Key": "env", "Value": "prod"}],
        )
        sides.client("legacy", "secretsmanager").put_resource_policy(
            SecretId="shop/prod/db", ResourcePolicy=json.dumps(RESOURCE_POLICY)
        )
        sides.client("legacy", "ssm").put_parameter(
            Name="/shop/prod/signing",
            Value=f"{CANARY} {ROLE_ARN}",
            Type="SecureString",
            KeyId=key,
            Description="signs",
            AllowedPattern="^canary.*",
        )
        for kind in (ROLE, KEY):
            for resource in sides.scan(kind).values():
                sides.move(kind, resource)
        yield sides


@pytest.fixture
def secret(world: TwoSides) -> Resource:
    return world.scan(SECRET)["shop/prod/db"]


@pytest.fixture
def parameter(world: TwoSides) -> Resource:
    return world.scan(PARAMETER)["/shop/prod/signing"]


def carrier(world: TwoSides, kind: Any, resource: Resource) -> tuple[CarryAction[Any], HandCarrier]:
    action = kind.action("copy_value")
    return action, HandCarrier(world, kind, action, resource)


def test_a_secret_is_found_with_everything_but_its_value(world: TwoSides, secret: Resource) -> None:
    assert secret.tags == {"env": "prod"}
    assert secret.facts["description"] == "login"
    assert secret.facts["kms_key_id"].startswith(f"arn:aws:kms:{REGION}:{LEGACY}:key/")
    assert secret.facts["has_value"] is True
    assert secret.facts["dead_principals"] == ["AIDA1234567890ABCDEFG"]
    assert CANARY not in json.dumps(secret.as_json())
    assert "secretsmanager.GetSecretValue" not in SECRET.reads


def test_a_label_that_people_gave_to_a_version_is_asked_about(world: TwoSides, secret: Resource) -> None:
    client = world.client("legacy", "secretsmanager")
    client.put_secret_value(SecretId="shop/prod/db", SecretString="{}", VersionStages=["AWSPENDING", "blue"])

    labelled = world.scan(SECRET)["shop/prod/db"]

    assert list(SECRET.remains(SECRET.typed(secret))) == []
    (remainder,) = SECRET.remains(SECRET.typed(labelled))
    assert "labelled blue stay" in remainder.what
    world.move(SECRET, labelled, "create")
    assert world.differences(SECRET, labelled, "create") == {}


def test_one_secret_read_alone_shows_the_same(world: TwoSides, secret: Resource) -> None:
    assert world.scan(SECRET, only="shop/prod/db") == {"shop/prod/db": secret}
    assert world.scan(SECRET, only="shop/prod/d") == {}


def test_the_shell_is_made_without_a_value_and_the_policy_after_it(world: TwoSides, secret: Resource) -> None:
    ((request, params),) = world.planned(SECRET, secret, "create")
    assert request.operation == "secretsmanager.CreateSecret"
    assert not {"SecretString", "SecretBinary"} & params.keys()

    world.move(SECRET, secret, "create")
    assert world.differences(SECRET, secret, "create") == {}
    world.move(SECRET, secret, "policy")

    assert world.differences(SECRET, secret, "create", "policy") == {}
    sent = json.loads(world.sent[-1][1]["ResourcePolicy"])
    assert sent["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{TARGET}:role/app"}


def test_the_value_arrives_in_the_targets_names_and_nowhere_else(world: TwoSides, secret: Resource) -> None:
    world.move(SECRET, secret, "create", "policy")
    action, to = carrier(world, SECRET, secret)

    counts = action.carry(SECRET.typed(secret), to)

    arrived = world.client("target", "secretsmanager").get_secret_value(SecretId="shop/prod/db")["SecretString"]
    assert json.loads(arrived) == LOGIN | {"role": f"arn:aws:iam::{TARGET}:role/app"}
    assert counts == {"values": 1}
    proof = action.prove(SECRET.typed(secret), to)
    assert proof.state == "equal"
    told = json.dumps(
        [dict(to.outputs), dict(counts), dict(proof.evidence), action.summary(SECRET.typed(secret), to.place)]
    )
    assert CANARY not in told
    assert world.differences(SECRET, secret, "create", "policy", "copy_value") == {}


def test_carrying_again_writes_nothing_new(world: TwoSides, secret: Resource) -> None:
    world.move(SECRET, secret, "create")
    action, to = carrier(world, SECRET, secret)

    action.carry(SECRET.typed(secret), to)
    action.carry(SECRET.typed(secret), to)

    assert to.written == ["secretsmanager.PutSecretValue"]


def test_a_value_that_changed_in_legacy_replaces_ours_and_until_then_the_proof_says_so(
    world: TwoSides, secret: Resource
) -> None:
    world.move(SECRET, secret, "create")
    action, to = carrier(world, SECRET, secret)
    action.carry(SECRET.typed(secret), to)
    world.client("legacy", "secretsmanager").put_secret_value(SecretId="shop/prod/db", SecretString="new")

    assert action.prove(SECRET.typed(secret), to).state == "different"
    action.carry(SECRET.typed(secret), to)

    assert action.prove(SECRET.typed(secret), to).state == "equal"


def test_a_value_that_someone_else_set_in_the_target_is_not_overwritten(world: TwoSides, secret: Resource) -> None:
    world.move(SECRET, secret, "create")
    target = world.client("target", "secretsmanager")
    target.put_secret_value(SecretId="shop/prod/db", SecretString="theirs")
    action, to = carrier(world, SECRET, secret)

    with pytest.raises(Conflict):
        action.carry(SECRET.typed(secret), to)

    assert target.get_secret_value(SecretId="shop/prod/db")["SecretString"] == "theirs"


def test_bytes_are_carried_as_they_are(world: TwoSides) -> None:
    world.client("legacy", "secretsmanager").create_secret(Name="shop/cert", SecretBinary=b"\x00\xff{}")
    binary = world.scan(SECRET)["shop/cert"]
    world.move(SECRET, binary, "create")
    action, to = carrier(world, SECRET, binary)

    action.carry(SECRET.typed(binary), to)

    assert world.client("target", "secretsmanager").get_secret_value(SecretId="shop/cert")["SecretBinary"] == (
        b"\x00\xff{}"
    )
    assert action.prove(SECRET.typed(binary), to).state == "equal"


def test_policies_that_name_a_secret_with_or_without_its_suffix_find_it(world: TwoSides, secret: Resource) -> None:
    world.move(SECRET, secret, "create")
    base = f"arn:aws:secretsmanager:{REGION}:{LEGACY}:secret:shop/prod/db"

    renamed = world.renamed([secret.arn, base, f"{base}-??????", f"{base}-*", f"{secret.arn}:password::"])

    own = world.known[world.place(secret).step, "arn"]
    target = base.replace(LEGACY, TARGET)
    assert own.startswith(target)
    assert own != secret.arn
    assert renamed == [own, target, f"{target}-??????", f"{target}-*", f"{own}:password::"]
    assert world.rewrite(f"{base}-*").mentions == {secret.ref}


def test_undo_frees_the_name_at_once(world: TwoSides, secret: Resource) -> None:
    world.move(SECRET, secret, "create", "policy")

    world.undo()

    assert world.scan(SECRET, "target") == {}
    world.move(SECRET, secret, "create")


def test_a_secret_that_a_service_made_is_not_moved(secret: Resource) -> None:
    by_prefix = replace(secret, ref=secret.ref._replace(name="rds!db-1"))
    by_owner = replace(secret, facts=secret.facts | {"owning_service": "rds"})

    for one in (by_prefix, by_owner):
        assert not any(action.applies(SECRET.typed(one)) for action in SECRET.actions)


def test_a_secret_needs_its_key_and_not_the_services_default(secret: Resource) -> None:
    assert [(need.on, need.strength) for need in SECRET.needs(SECRET.typed(secret))] == [
        (secret.facts["kms_key_id"], "hard")
    ]
    default = replace(secret, facts=secret.facts | {"kms_key_id": None})
    assert list(SECRET.needs(SECRET.typed(default))) == []


def test_a_secure_parameter_is_scanned_without_its_value(world: TwoSides, parameter: Resource) -> None:
    assert parameter.facts["value"] is None
    assert CANARY not in json.dumps(parameter.as_json())
    assert "ssm.GetParameters" not in world.sites[-1].called


def test_a_secure_parameter_holds_a_stand_in_until_its_value_is_carried(world: TwoSides, parameter: Resource) -> None:
    world.move(PARAMETER, parameter, "create")
    assert world.differences(PARAMETER, parameter, "create") == {}
    action, to = carrier(world, PARAMETER, parameter)

    action.carry(PARAMETER.typed(parameter), to)

    ssm = world.client("target", "ssm")
    value = ssm.get_parameter(Name="/shop/prod/signing", WithDecryption=True)["Parameter"]["Value"]
    assert value == f"{CANARY} arn:aws:iam::{TARGET}:role/app"
    assert action.prove(PARAMETER.typed(parameter), to).state == "equal"
    assert world.differences(PARAMETER, parameter, "create", "copy_value") == {}
    assert CANARY not in json.dumps([dict(to.outputs), world.sent])


def test_a_secure_parameter_that_someone_else_set_is_not_overwritten(world: TwoSides, parameter: Resource) -> None:
    world.move(PARAMETER, parameter, "create")
    ssm = world.client("target", "ssm")
    ssm.put_parameter(Name="/shop/prod/signing", Value="theirs", Type="SecureString", Overwrite=True)
    action, to = carrier(world, PARAMETER, parameter)

    with pytest.raises(Conflict):
        action.carry(PARAMETER.typed(parameter), to)


def test_json_keeps_its_order_spaces_and_letters() -> None:
    def upper(value: Any) -> Any:
        return {k: v.upper() if v == "old" else v for k, v in value.items()} if isinstance(value, dict) else value

    assert carried.renamed('{"b":"old","a":"größe"}', upper) == '{"b":"OLD","a":"größe"}'
    assert carried.renamed('{"b": "old", "a": 1.0}', upper) == '{"b": "OLD", "a": 1.0}'
    assert carried.renamed('{ "a" : "same" }', upper) == '{ "a" : "same" }'
    assert carried.renamed("12345678", upper) == "12345678"


@pytest.mark.parametrize(
    "text",
    [
        '{"host":"old","n":1.10,"e":1e5,"pin":12345678901234567890.123456789}',
        '{\n  "host": "old",\n\t"letter": "\\u00e9é\\/"\n}\n',
        '{"host": "old","list":"a, b","quote":"\\"{[:,","none":null,"deep":[[],{},[{"a":["old",1.0]}]]}',
        '{"host":"first","host":"old","": "old", "a":{"b":[1]},"a":["old"]}',
        '[NaN, "old", ["old"], {"old-": "old"}]',
        '{"host":"old","x":' + "[" * 300 + "]" * 300 + "}",
    ],
)
def test_of_json_nothing_changes_but_the_names_in_it(text: str) -> None:
    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rewrite(one) for key, one in value.items()}
        return [rewrite(one) for one in value] if isinstance(value, list) else "näw" if value == "old" else value

    wanted = text.replace('"old"', '"näw"' if not text.isascii() else '"n\\u00e4w"')

    assert carried.renamed(text, rewrite) == wanted


@pytest.mark.parametrize("depth", [600, 100_000])
def test_json_that_nests_deeper_than_can_be_walked_is_a_text(depth: int) -> None:
    text = "[" * depth + '"old"' + "]" * depth

    def rewrite(value: Any) -> Any:
        if isinstance(value, list):
            return [*map(rewrite, value)]
        return str(value).replace("old", "new")

    assert carried.renamed(text, rewrite) == text.replace("old", "new")


@pytest.mark.parametrize(
    "text", ['{"$after": ["x", "y"]}', '{"a": {"$join": ["b", "c"]}}', '[{"$\\u006aoin": ["b"]}]', '{"$sealed": "d"}']
)
def test_a_value_that_reads_like_a_placeholder_is_a_text(text: str) -> None:
    def rewrite(document: Any) -> Any:
        assert isinstance(document, str), "as a document its keys would be filled in"
        return document.replace("old", "new")

    assert carried.renamed(text, rewrite) == text
    assert carried.renamed(text + " old", lambda it: str(it).replace("old", "new")) == text + " new"


def test_a_note_recognises_its_value_and_never_looks_the_same_twice() -> None:
    notes = carried.noted(carried.noted("", "one"), b"two")

    assert [carried.is_noted(notes, value) for value in ("one", b"two", "two", "three")] == [True, True, False, False]
    assert carried.noted("", "one") != carried.noted("", "one")
    assert [carried.is_same("one", value) for value in ("one", b"one", "two")] == [True, False, False]
