"""ECR and ECS in the embedded world: digests are of bytes, and a service runs when its image is there."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.world
Clients = Callable[[str], Any]
Refused = Callable[..., str]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def push_layer(ecr: Any, name: str, content: bytes, digest: str | None = None) -> str:
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
    )
    digests = [digest or digest_of(content)]
    answer = ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=digests)
    return str(answer["layerDigest"])


def manifest(config: str, layer: str) -> str:
    # An unusual layout on purpose: only the exact bytes have this digest.
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": config},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 9, "digest": layer}],
        },
        indent=3,
    )


@pytest.fixture
def image(legacy: Clients, name: str) -> str:
    """The manifest of an image pushed as `1.0` to a repository with immutable tags."""
    ecr = legacy("ecr")
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    text = manifest(push_layer(ecr, name, b"{}"), push_layer(ecr, name, b"layer one"))
    ecr.put_image(repositoryName=name, imageTag="1.0", imageManifest=text)
    return text


def test_an_images_digest_is_the_sha256_of_the_bytes_that_come_back(image: str, legacy: Clients, name: str) -> None:
    ecr = legacy("ecr")

    got = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1.0"}])["images"][0]
    described = ecr.describe_images(repositoryName=name)["imageDetails"][0]

    assert got["imageManifest"] == image
    assert got["imageId"]["imageDigest"] == described["imageDigest"] == digest_of(image.encode())
    assert ecr.list_images(repositoryName=name)["imageIds"] == [got["imageId"]]


def test_a_layer_is_downloaded_with_its_bytes(image: str, legacy: Clients, name: str) -> None:
    layer = json.loads(image)["layers"][0]["digest"]

    url = legacy("ecr").get_download_url_for_layer(repositoryName=name, layerDigest=layer)["downloadUrl"]

    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"layer one"


def test_a_layer_with_a_wrong_digest_or_sent_twice_is_refused(
    image: str, legacy: Clients, name: str, refused: Refused
) -> None:
    ecr = legacy("ecr")

    wrong = digest_of(b"something else")
    assert refused(lambda: push_layer(ecr, name, b"new", wrong)) == "InvalidLayerException"
    assert refused(lambda: push_layer(ecr, name, b"layer one")) == "LayerAlreadyExistsException"
    checked = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[digest_of(b"layer one"), wrong])
    assert [layer["layerAvailability"] for layer in checked["layers"]] == ["AVAILABLE"]
    assert len(checked["failures"]) == 1


def test_an_image_without_its_layers_is_refused(image: str, legacy: Clients, name: str, refused: Refused) -> None:
    config = json.loads(image)["config"]["digest"]
    text = manifest(config, digest_of(b"absent"))

    code = refused(legacy("ecr").put_image, repositoryName=name, imageTag="2.0", imageManifest=text)

    assert code == "LayersNotFoundException"


def test_the_same_push_again_and_a_moved_immutable_tag_are_refused(
    image: str, legacy: Clients, name: str, refused: Refused
) -> None:
    put = legacy("ecr").put_image

    same = refused(put, repositoryName=name, imageTag="1.0", imageManifest=image)
    moved = refused(put, repositoryName=name, imageTag="1.0", imageManifest=image + "\n")

    assert (same, moved) == ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException")


def test_a_moved_mutable_tag_leaves_the_old_image_untagged(image: str, legacy: Clients, name: str) -> None:
    ecr = legacy("ecr")
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")

    ecr.put_image(repositoryName=name, imageTag="1.0", imageManifest=image + "\n")

    tags = {
        found["imageDigest"]: found.get("imageTags")
        for found in ecr.describe_images(repositoryName=name)["imageDetails"]
    }
    assert tags == {digest_of(image.encode()): None, digest_of((image + "\n").encode()): ["1.0"]}


@pytest.mark.parametrize(("tag", "running", "state"), [("1.0", 2, "COMPLETED"), ("9.9", 0, "IN_PROGRESS")])
def test_a_service_runs_only_when_its_image_is_in_the_registry(
    image: str, legacy: Clients, name: str, tag: str, running: int, state: str
) -> None:
    ecs = legacy("ecs")
    uri = f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/{name}:{tag}"
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[{"name": "web", "image": uri, "memory": 128}])
    ecs.create_service(cluster=name, serviceName="web", taskDefinition=name, desiredCount=2, launchType="FARGATE")

    service = ecs.describe_services(cluster=name, services=["web"])["services"][0]

    assert service["runningCount"] == running
    assert (service["deployments"][0]["status"], service["deployments"][0]["rolloutState"]) == ("PRIMARY", state)


def launched(ecs: Any, definition: str, cluster: str, network: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = ecs.run_task(
        cluster=cluster, taskDefinition=definition, launchType="FARGATE", networkConfiguration=network, **more
    )
    (shown,) = ecs.describe_tasks(cluster=cluster, tasks=[answer["tasks"][0]["taskArn"]])["tasks"]
    return dict(shown)


def test_a_task_runs_or_says_why_not_and_looking_does_not_stop_it(legacy: Clients, name: str) -> None:
    ecs, ec2, iam = legacy("ecs"), legacy("ec2"), legacy("iam")
    ecs.create_cluster(clusterName=name)
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.50.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}}
    secret = legacy("secretsmanager").create_secret(Name=name, SecretString="x")["ARN"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def definition(**more: Any) -> str:
        made = ecs.register_task_definition(
            family=name, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn=role, containerDefinitions=[{"name": "web", "image": "public/web:1"} | more],
        )  # fmt: skip
        return str(made["taskDefinition"]["taskDefinitionArn"])

    shown = launched(ecs, definition(), name, network, clientToken="first")
    assert shown["lastStatus"] == "RUNNING"
    again = launched(ecs, definition(), name, network, clientToken="first")
    assert (again["taskArn"], again["lastStatus"]) == (shown["taskArn"], "RUNNING")

    def interfaces() -> list[Any]:
        wanted = [{"Name": "subnet-id", "Values": [subnet]}]
        return list(ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"])

    assert len(interfaces()) == 1
    ecs.stop_task(cluster=name, task=shown["taskArn"])
    assert interfaces() == []

    gone = launched(ecs, definition(image=f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"), name, network)
    assert gone["lastStatus"] == "STOPPED"
    assert gone["stoppedReason"].startswith("CannotPullContainerError")

    with_secret = definition(secrets=[{"name": "KEY", "valueFrom": secret}])
    denied = launched(ecs, with_secret, name, network)
    assert denied["stoppedReason"].startswith("ResourceInitializationError")
    assert denied["stopCode"] == "TaskFailedToStart"
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=document)
    assert launched(ecs, with_secret, name, network)["lastStatus"] == "RUNNING"


def test_a_machine_joins_the_cluster_of_its_user_data_and_a_task_needs_one(
    legacy: Clients, name: str, refused: Refused
) -> None:
    ecs, ec2 = legacy("ecs"), legacy("ec2")
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(
        family=name, containerDefinitions=[{"name": "main", "image": "docker.io/library/nginx:1", "memory": 64}]
    )
    on_machines = {"cluster": name, "taskDefinition": name, "launchType": "EC2"}
    assert refused(ecs.run_task, **on_machines) == "InvalidParameterException"

    image = ec2.describe_images()["Images"][0]["ImageId"]
    (machine,) = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, UserData=f"#!/bin/sh\necho ECS_CLUSTER={name} >> /etc/ecs/ecs.config"
    )["Instances"]

    assert len(ecs.list_container_instances(cluster=name, status="ACTIVE")["containerInstanceArns"]) == 1
    (task,) = ecs.run_task(**on_machines)["tasks"]
    ecs.stop_task(cluster=name, task=task["taskArn"], reason="seen")
    assert refused(ecs.delete_cluster, cluster=name) == "ClusterContainsContainerInstancesException"
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    assert ecs.list_container_instances(cluster=name)["containerInstanceArns"] == []
    ecs.delete_cluster(cluster=name)
