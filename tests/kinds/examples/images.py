"""A repository of images, still without any, with its policies."""

import json
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides


def a_repository(world: TwoSides) -> Resource:
    role, key = needed.a_role(world), needed.a_key(world)
    ecr = world.client("legacy", "ecr")
    ecr.create_repository(
        repositoryName="shop/web",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[
            {"filterType": "WILDCARD", "filter": "latest"},
            {"filterType": "WILDCARD", "filter": "dev-*"},
        ],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
        tags=needed.PAIRS,
    )
    ecr.put_lifecycle_policy(repositoryName="shop/web", lifecyclePolicyText=json.dumps({"rules": [kept(10)]}))
    ecr.set_repository_policy(
        repositoryName="shop/web", policyText=needed.policy(needed.statement(role, Action="ecr:BatchGetImage"))
    )
    return needed.scanned(world, "ecr.repository", "shop/web")


def kept(count: int) -> dict[str, Any]:
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": count}
    return {"rulePriority": 1, "description": "few", "selection": selection, "action": {"type": "expire"}}


def says(operation: str, **params: Any) -> Change:
    return needed.changed("ecr", operation, "repositoryName", **params)


def retagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "ecr").tag_resource(resourceArn=it.arn, tags=needed.OTHER_PAIRS)


EVERYONE = needed.policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"})
AT_CREATION = "AWS takes it when the repository is created only"

EXAMPLES = (
    Example(
        "ecr.repository",
        a_repository,
        {
            "mutability_exclusions": says(
                "put_image_tag_mutability",
                imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
                imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
            ),
            "tag_mutability": says("put_image_tag_mutability", imageTagMutability="MUTABLE"),
            "scan_on_push": says("put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": False}),
            "lifecycle_policy": says("put_lifecycle_policy", lifecyclePolicyText=json.dumps({"rules": [kept(3)]})),
            "policy": says("set_repository_policy", policyText=EVERYONE),
            "tags": retagged,
        },
        fixed={"encryption": AT_CREATION, "kms_key": AT_CREATION},
    ),
)
