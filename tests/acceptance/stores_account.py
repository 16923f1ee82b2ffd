"""A legacy account of tables, images, secrets, parameters and keys. The rule: plain boto3, nothing of ours."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from migrate.demo.world import World

LEGACY, TARGET = "111111111111", "333333333333"
CANARY = "canary-7f3a91d2-never-on-disk"
ITEMS = 120
REPLICA = "eu-central-1"
SCHEDULE = {"ScheduleExpression": "rate(10 days)", "Duration": "2h"}
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"

CONFIG = """\
schema: migrate.config/1
migration: stores
legacy: {account: "111111111111", regions: [eu-west-1]}
targets:
  development: {account: "333333333333", role: OrganizationAccountAccessRole}
placement:
  - {name: "*", to: development, because: everything here is for development}
move:
  - {runbook: move-workload, accounts: [development]}
stores:
  - {resource: "dynamodb.table/busy", strategy: streams}
  - {resource: "ecr.repository/stores/web-large*", strategy: replication}
settle_s: 1
waivers:
  - {gap: "codecommit:*", because: the embedded world does not have it}
"""


def build(world: World) -> None:
    """Build it."""
    client = world.session(LEGACY).client
    key = client("kms").create_key(Description="stores", Tags=[{"TagKey": "Name", "TagValue": "stores"}])
    key_arn = key["KeyMetadata"]["Arn"]
    client("kms").create_alias(AliasName="alias/stores", TargetKeyId=key_arn)
    for name in ("quiet", "busy"):
        table(client("dynamodb"), name)
    client("secretsmanager").create_secret(Name="stores/api", SecretString=CANARY, KmsKeyId=key_arn)
    client("secretsmanager").create_secret(Name="stores/raw", SecretBinary=CANARY[::-1].encode())
    client("ssm").put_parameter(Name="/stores/token", Type="SecureString", Value=f"{CANARY}-ssm", KeyId=key_arn)
    client("ssm").put_parameter(Name="/stores/level", Type="String", Value="debug")
    rotating(client, key_arn)
    images(client("ecr"), "stores/web")
    # One name begins with the other: a rule's filter is a prefix.
    images(client("ecr"), "stores/web-large")
    images(client("ecr"), "stores/web-large-old")


def rotating(client: Any, key_arn: str) -> None:
    """A secret that a function rotates, with a replica in another region."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = client("iam").create_role(
        RoleName="rotator", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    function = client("lambda").create_function(
        FunctionName="rotator", Runtime="python3.12", Role=role, Handler="index.handler",
        Code={"ZipFile": package()},
    )["FunctionArn"]  # fmt: skip
    client("lambda").add_permission(
        FunctionName="rotator", StatementId="rotate", Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )  # fmt: skip
    manager = client("secretsmanager")
    manager.create_secret(Name="stores/login", SecretString=f"{CANARY}-login", AddReplicaRegions=[{"Region": REPLICA}])
    manager.rotate_secret(
        SecretId="stores/login", RotationLambdaARN=function, RotationRules=SCHEDULE, RotateImmediately=False
    )


def package() -> bytes:
    """A function's code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", "def handler(event, context): pass\n")
    return packed.getvalue()


def table(dynamodb: Any, name: str) -> None:
    """One table with items."""
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(ITEMS):
        dynamodb.put_item(TableName=name, Item={"id": {"N": str(number)}, "total": {"N": str(number * 7)}})


def images(ecr: Any, name: str) -> None:
    """Two images, a list of both, and an attestation that refers to one: pushed as a client pushes them."""
    ecr.create_repository(repositoryName=name)
    parts = [_image(ecr, name, {"architecture": arch}, b"layer-" + arch.encode()) for arch in ("amd64", "arm64")]
    subject = {"mediaType": IMAGE, "digest": parts[0][0], "size": parts[0][1]}
    signed = _image(ecr, name, {"predicate": "provenance"}, b"attestation", subject=subject)
    listed = [{"mediaType": IMAGE, "digest": digest, "size": size} for digest, size in (*parts, signed)]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, indent=1)
    ecr.put_image(repositoryName=name, imageManifest=index, imageManifestMediaType=INDEX, imageTag="1.0")


def _image(ecr: Any, name: str, config: dict[str, str], layer: bytes, **more: Any) -> tuple[str, int]:
    blobs = (json.dumps(config).encode(), layer * 200)
    for blob in blobs:
        upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[digest_of(blob)])
    kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
    described = [
        {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
        for kind, blob in zip(kinds, blobs, strict=True)
    ]
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": IMAGE, "config": described[0], "layers": described[1:], **more}, indent=1
    )
    ecr.put_image(repositoryName=name, imageManifest=manifest, imageManifestMediaType=IMAGE)
    return digest_of(manifest.encode()), len(manifest)


def digest_of(content: bytes) -> str:
    """A digest in the registry's form."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def files_below(*folders: Any) -> Iterator[tuple[Any, bytes]]:
    """Every file and what is in it."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()
