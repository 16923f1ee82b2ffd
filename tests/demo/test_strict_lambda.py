"""Lambda in the embedded world: what was uploaded can be downloaded."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]


@pytest.fixture
def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return 1\n")
    return buffer.getvalue()


def make(legacy: Clients, name: str, package: bytes) -> str:
    service = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [service]})
    role = legacy("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    made = legacy("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="index.handler", Code={"ZipFile": package}
    )
    return str(made["FunctionArn"])


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def test_a_functions_code_is_downloaded_whole(legacy: Clients, name: str, package: bytes) -> None:
    make(legacy, name, package)

    found = legacy("lambda").get_function(FunctionName=name)
    content = fetch(found["Code"]["Location"])

    assert content == package
    assert sha256(content) == found["Configuration"]["CodeSha256"]


def test_a_permission_is_not_added_twice(
    legacy: Clients, name: str, package: bytes, refused: Callable[..., str]
) -> None:
    make(legacy, name, package)
    said = {"StatementId": "events", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    legacy("lambda").add_permission(FunctionName=name, **said)

    assert refused(legacy("lambda").add_permission, FunctionName=name, **said) == "ResourceConflictException"

    policy = json.loads(legacy("lambda").get_policy(FunctionName=name)["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["events"]


def test_a_layers_content_is_downloaded_whole(legacy: Clients, name: str, package: bytes) -> None:
    legacy("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": package})

    found = legacy("lambda").get_layer_version(LayerName=name, VersionNumber=1)["Content"]
    content = fetch(found["Location"])

    assert content == package
    assert sha256(content) == found["CodeSha256"]


def test_a_download_cannot_be_guessed(legacy: Clients, name: str, package: bytes) -> None:
    make(legacy, name, package)
    url = legacy("lambda").get_function(FunctionName=name)["Code"]["Location"]

    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(url[:-1] + ("0" if url[-1] != "0" else "1"))

    assert caught.value.code == 403
    caught.value.close()


def test_a_bucket_notifies_a_function_without_any_container(legacy: Clients, name: str, package: bytes) -> None:
    arn = make(legacy, name, package)
    legacy("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    function = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}

    legacy("s3").put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [function]}
    )
    legacy("s3").put_object(Bucket=name, Key="a", Body=b"1")

    answer = legacy("lambda").invoke(FunctionName=name)
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()) == {"simulated": True}
