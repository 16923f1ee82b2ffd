"""Stores that hold data, by the command line: written to while they move, killed, compared by plain boto3, and each
fault found by `verify` and named to its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import stores_account as account
from tests.acceptance.stores_account import CANARY, CONFIG, LEGACY, TARGET, build, files_below
from tests.acceptance.table_writer import Writer
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]


def an_item(number: int, write: int) -> dict[str, Any]:
    return {"id": {"N": str(number)}, "total": {"N": str(write)}}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Moved, with a writer until the freeze, and the run killed in the middle of the build."""
    with story(tmp_path_factory.mktemp("stores"), build, CONFIG) as told:
        told.prepare()
        writer = Writer(told, LEGACY, "busy", account.ITEMS, an_item)
        writer.start()
        told.kill_at("run", "--engine", "local", entries=25, after_s=0.0)
        said = told.type("run", "--engine", "local", expect=3)
        assert "writers stop" in said.out + said.err
        writer.stop.set()
        writer.join()
        assert writer.writes > account.ITEMS
        told.run()
        yield told


def items(told: Story, account_id: str, name: str) -> list[str]:
    pages = told.world.session(account_id).client("dynamodb").get_paginator("scan").paginate(TableName=name)
    return sorted(str(sorted(item.items())) for page in pages for item in page["Items"])


def test_both_tables_hold_the_same_items_the_busy_one_too(moved: Story) -> None:
    for name in ("quiet", "busy"):
        assert items(moved, TARGET, name) == items(moved, LEGACY, name)
    assert len(items(moved, LEGACY, "quiet")) == account.ITEMS


def test_the_plan_says_what_each_way_costs(moved: Story) -> None:
    moved.type("review")
    [page] = moved.folder.glob("*.html")
    told = page.read_text()

    for way in ("scan: ", "streams", "replication", "digest: "):
        assert way in told
    assert "writers stand still" in told


def test_both_pages_list_what_is_encrypted_under_the_key_and_what_cannot_be_seen(moved: Story) -> None:
    moved.type("review")
    [page], [text] = moved.folder.glob("*.html"), moved.folder.glob("*.plan.md")

    for told in (page.read_text(), text.read_text()):
        assert "Encrypted under legacy" in told
        assert "secretsmanager.secret/stores/api" in told
        assert "held in memory" in told
        assert "kms.GenerateDataKey" in told


@pytest.mark.parametrize("name", ["stores/web", "stores/web-large", "stores/web-large-old"])
def test_images_lists_and_attestations_have_the_same_digests(moved: Story, name: str) -> None:
    def images(account_id: str) -> dict[str, list[str]]:
        ecr = moved.world.session(account_id).client("ecr")
        found = ecr.describe_images(repositoryName=name)["imageDetails"]
        return {one["imageDigest"]: sorted(one.get("imageTags", [])) for one in found}

    assert len(images(LEGACY)) == 4
    assert images(TARGET) == images(LEGACY)


def test_what_replication_needed_in_the_registries_is_gone_again(moved: Story) -> None:
    legacy, target = (moved.world.session(one).client("ecr") for one in (LEGACY, TARGET))

    assert any(line.endswith("ecr.StartReplicationBackfill") for line in moved.writes())
    assert legacy.describe_registry()["replicationConfiguration"]["rules"] == []
    with pytest.raises(target.exceptions.RegistryPolicyNotFoundException):
        target.get_registry_policy()


def test_no_secret_value_lies_in_any_file_of_the_migration(moved: Story) -> None:
    secrets = moved.world.session(TARGET).client("secretsmanager")
    values = [CANARY, CANARY[::-1]]

    assert secrets.get_secret_value(SecretId="stores/api")["SecretString"] == CANARY
    assert secrets.get_secret_value(SecretId="stores/raw")["SecretBinary"] == CANARY[::-1].encode()
    read = list(files_below(moved.folder))
    assert len(read) > 5
    # Neither as it is nor as base64 or part of it.
    for path, content in read:
        for value in values:
            assert value.encode() not in content, path
            assert value[7:20].encode() not in content, path


def test_the_moved_function_rotates_and_legacys_does_not_any_more(moved: Story) -> None:
    legacy, target = (moved.world.session(one).client("secretsmanager") for one in (LEGACY, TARGET))
    here, there = (side.describe_secret(SecretId="stores/login") for side in (legacy, target))

    assert not here["RotationEnabled"]
    assert there["RotationEnabled"]
    assert there["RotationLambdaARN"] == f"arn:aws:lambda:eu-west-1:{TARGET}:function:rotator"
    assert account.SCHEDULE.items() <= there["RotationRules"].items()
    assert target.get_secret_value(SecretId="stores/login")["SecretString"] == f"{CANARY}-login"


def test_a_replica_in_another_region_is_made_again(moved: Story) -> None:
    there = moved.world.session(TARGET, account.REPLICA).client("secretsmanager")

    assert there.describe_secret(SecretId="stores/login")["PrimaryRegion"] == "eu-west-1"
    assert there.get_secret_value(SecretId="stores/login")["SecretString"] == f"{CANARY}-login"


def test_everything_is_equal_before_anything_is_broken(moved: Story) -> None:
    moved.type("verify")


Client = Callable[[str], Any]


def _one_item_changed(target: Client, legacy: Client) -> str:
    target("dynamodb").put_item(TableName="quiet", Item={"id": {"N": "17"}, "total": {"N": "1"}})
    return "dynamodb.table/quiet: 1 items different: id = 17"


def _one_item_lost(target: Client, legacy: Client) -> str:
    target("dynamodb").delete_item(TableName="busy", Key={"id": {"N": "0"}})
    return "dynamodb.table/busy: 1 items only in legacy: id = 0"


def _one_item_too_much(target: Client, legacy: Client) -> str:
    target("dynamodb").put_item(TableName="busy", Item={"id": {"N": "9001"}})
    return "dynamodb.table/busy: 1 items only in the target: id = 9001"


def _secret_stale_in_the_target(target: Client, legacy: Client) -> str:
    target("secretsmanager").put_secret_value(SecretId="stores/api", SecretString="another")
    return "secretsmanager.secret/stores/api"


def _secret_rotated_in_legacy(target: Client, legacy: Client) -> str:
    legacy("secretsmanager").put_secret_value(SecretId="stores/raw", SecretBinary=b"rotated")
    return "secretsmanager.secret/stores/raw"


def _parameter_stale(target: Client, legacy: Client) -> str:
    target("ssm").put_parameter(Name="/stores/token", Type="SecureString", Value="another", Overwrite=True)
    return "ssm.parameter//stores/token"


def _plain_parameter_stale(target: Client, legacy: Client) -> str:
    target("ssm").put_parameter(Name="/stores/level", Type="String", Value="info", Overwrite=True)
    return "ssm.parameter//stores/level"


def _rotation_off(target: Client, legacy: Client) -> str:
    target("secretsmanager").cancel_rotate_secret(SecretId="stores/login")
    return "secretsmanager.secret/stores/login: rotation_lambda_arn"


def _image_tag_lost(target: Client, legacy: Client) -> str:
    target("ecr").batch_delete_image(repositoryName="stores/web", imageIds=[{"imageTag": "1.0"}])
    return "ecr.repository/stores/web"


def _key_policy_opened(target: Client, legacy: Client) -> str:
    kms = target("kms")
    [key] = [one["TargetKeyId"] for one in kms.list_aliases()["Aliases"] if one["AliasName"] == "alias/stores"]
    kms.disable_key(KeyId=key)
    return "kms.key/"


FAULTS = (
    _one_item_changed, _one_item_lost, _one_item_too_much, _secret_stale_in_the_target, _secret_rotated_in_legacy,
    _rotation_off, _parameter_stale, _plain_parameter_stale, _image_tag_lost, _key_policy_opened,
)  # fmt: skip


def test_each_fault_is_found_and_named_and_verify_ends_with_5(moved: Story, tmp_path: Path) -> None:
    """All at once: one verification of everything must not hide one fault behind another."""
    wanted = [
        fault(moved.world.session(TARGET).client, moved.world.session(LEGACY).client)
        for fault in FAULTS
    ]  # fmt: skip

    said = moved.type("verify", expect=5)

    lines = [line for line in (said.out + said.err).splitlines() if "different: " in line]
    for name in wanted:
        assert any(name in line for line in lines), f"{name} is not among\n" + "\n".join(lines)
