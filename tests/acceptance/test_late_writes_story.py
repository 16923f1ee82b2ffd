"""Legacy is written to after the copies were proved and before anything starts in the target, by the command line.

Somebody who was not stopped writes on while databases are restored; pipelines push images all the time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import migrate
from migrate.demo.world import World
from tests.acceptance import stores_account as account
from tests.acceptance.stores_account import CONFIG, LEGACY, TARGET, build
from tests.crash.story import Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(900)]

BUCKET, MOVED = "late-objects", "late-objects-moved"
WAITING = f"""{CONFIG.replace("runbook: move-workload", "runbook: waiting")}
renames:
  {LEGACY}/eu-west-1/s3.bucket/{BUCKET}: {MOVED}
"""
CUTOVER = "  - {id: cutover, do: all.cutover}"


def objects_too(world: World) -> None:
    build(world)
    s3 = world.session(LEGACY).client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in ("as it is", "written over", "deleted"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())


def push(client: Any, name: str, tag: str) -> None:
    """A pipeline's push: a new image that takes the tag."""
    ecr = client("ecr")
    digest, _ = account._image(ecr, name, {"architecture": "new"}, b"layer-new")
    [image] = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])["images"]
    manifest = image["imageManifest"]
    ecr.put_image(repositoryName=name, imageManifest=manifest, imageManifestMediaType=account.IMAGE, imageTag=tag)


def tags(told: Story, account_id: str, name: str) -> dict[str, list[str]]:
    ecr = told.world.session(account_id).client("ecr")
    found = ecr.describe_images(repositoryName=name)["imageDetails"]
    return {one["imageDigest"]: sorted(one.get("imageTags", [])) for one in found}


def test_what_legacy_took_after_its_proof_stops_the_cutover_and_arrives_with_the_next_run(tmp_path: Path) -> None:
    with story(tmp_path, objects_too, WAITING) as told:
        shipped = Path(migrate.__file__).parent.parent / "runbooks/move-workload.yaml"
        lines = shipped.read_text().replace("name: move-workload", "name: waiting")
        late = '  - {id: late_gate, ask: "Shall it begin?", before: cutover}\n'
        (told.folder / "runbooks").mkdir()
        (told.folder / "runbooks/waiting.yaml").write_text(lines.replace(CUTOVER, late + CUTOVER))
        told.prepare()
        told.type("run", "--engine", "local", expect=3)
        assert told.answer()
        assert "Shall it begin?" in told.type("run", "--engine", "local", expect=3).err
        client = told.world.session(LEGACY).client
        for name in ("stores/web", "stores/web-large"):
            push(client, name, "1.0")
        client("secretsmanager").put_secret_value(SecretId="stores/api", SecretString="changed")
        client("ssm").put_parameter(Name="/stores/token", Type="SecureString", Value="changed", Overwrite=True)
        for name in ("quiet", "busy"):
            client("dynamodb").put_item(TableName=name, Item={"id": {"N": "17"}, "total": {"N": "1"}})
        client("dynamodb").delete_item(TableName="busy", Key={"id": {"N": "18"}})
        client("s3").put_object(Bucket=BUCKET, Key="late", Body=b"late")
        client("s3").put_object(Bucket=BUCKET, Key="written over", Body=b"WRITTEN OVER")
        client("s3").delete_object(Bucket=BUCKET, Key="deleted")
        assert told.answer()

        said = told.type("run", "--engine", "local", expect=1).err

        for named in (
            "secretsmanager.secret/stores/api:look_again", "ssm.parameter//stores/token:look_again",
            "1 items different: id = 17", "1 items only in the target: id = 18", "late: missing in the target",
            "written over: the CRC32 of the bytes differs", "deleted: only in the target", "stop them",
        ):  # fmt: skip
            assert named in said
        assert "as it is" not in said
        for name in ("stores/web", "stores/web-large"):
            assert tags(told, TARGET, name) == tags(told, LEGACY, name)
        target = told.world.session(TARGET).client

        told.type("run", "--engine", "local")

        told.type("verify")
        assert target("secretsmanager").get_secret_value(SecretId="stores/api")["SecretString"] == "changed"
        assert target("secretsmanager").describe_secret(SecretId="stores/login")["RotationEnabled"]
        assert {one["Key"] for one in target("s3").list_objects_v2(Bucket=MOVED)["Contents"]} == {
            "as it is", "late", "written over"
        }  # fmt: skip
        told.type("rollback", *told.undo_whatever_is_lost())
