"""Rules over ECR: creation templates and back-fills of a registry's replication, which the emulator lacks.

The one rule it keeps: an image reaches another account only where that account's registry policy lets it in.
"""

from __future__ import annotations

import copy
import uuid
from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._caller import Caller, allows
from migrate.demo.strict._refusal import Refusal
from migrate.demo.strict.ecr import layer_bytes


@strict(
    "ecr.creation-templates",
    makes="creation templates are kept, listed and deleted; a prefix has one (they are used by back-fills here)",
    source="ecr.CreateRepositoryCreationTemplate, DescribeRepositoryCreationTemplates, botocore 1.44.5",
)
def creation_templates() -> None:
    """The emulator has none."""
    from moto.core.responses import ActionResult
    from moto.ecr.responses import ECRResponse

    shown = ("prefix", "description", "imageTagMutability", "lifecyclePolicy", "appliedFor")

    def create(self: Any) -> Any:
        kept, prefix = templates(self.ecr_backend), self._get_param("prefix")
        if prefix in kept:
            raise Refusal("TemplateAlreadyExistsException", f"a template for {prefix} exists")
        kept[prefix] = {name: self._get_param(name) for name in shown if self._get_param(name) is not None}
        return ActionResult({"registryId": self.current_account, "repositoryCreationTemplate": kept[prefix]})

    def describe(self: Any) -> Any:
        found = list(templates(self.ecr_backend).values())
        return ActionResult({"registryId": self.current_account, "repositoryCreationTemplates": found})

    def delete(self: Any) -> Any:
        gone = templates(self.ecr_backend).pop(self._get_param("prefix"), None)
        if gone is None:
            raise Refusal("TemplateNotFoundException", "there is no such template")
        return ActionResult({"registryId": self.current_account, "repositoryCreationTemplate": gone})

    add(ECRResponse, "create_repository_creation_template")(create)
    add(ECRResponse, "describe_repository_creation_templates")(describe)
    add(ECRResponse, "delete_repository_creation_template")(delete)


def templates(backend: Any) -> dict[str, dict[str, Any]]:
    """A registry's templates by prefix."""
    kept: dict[str, dict[str, Any]] = backend.__dict__.setdefault("world_templates", {})
    return kept


@strict(
    "ecr.replication-backfill",
    makes="a back-fill copies every image to a destination of the replication whose registry policy lets it in, and "
    "fails where not (at once; filters are not looked at)",
    source="ecr.StartReplicationBackfill, DescribeReplicationBackfillResults, botocore 1.44.5",
)
def replication_backfill() -> None:
    """The emulator neither replicates nor back-fills."""
    from moto.core.responses import ActionResult
    from moto.ecr.models import ecr_backends
    from moto.ecr.responses import ECRResponse

    def start(self: Any) -> Any:
        wanted = self._get_param("destination")
        rules = (self.ecr_backend.replication_config or {}).get("rules") or []
        if not any(wanted in rule["destinations"] for rule in rules):
            raise Refusal("InvalidParameterException", "the destination is not in the replication configuration")
        there = ecr_backends[wanted["registryId"]][wanted["region"]]
        caller = Caller(self.current_account, "", self.region, "ecr")
        done = failed = 0
        for repository in list(self.ecr_backend.repositories.values()):
            arn = f"arn:aws:ecr:{there.region_name}:{there.account_id}:repository/{repository.name}"
            needed = ("ecr:CreateRepository", "ecr:ReplicateImage")
            if not all(allows(there.registry_policy, caller, action, arn) for action in needed):
                failed += len(repository.images)
                continue
            done += _copy(repository, there)
        number = f"backfill-{uuid.uuid4()}"
        kept = self.ecr_backend.__dict__.setdefault("world_backfills", {})
        kept[number] = {
            "registryId": self.current_account, "replicationBackfillId": number, "destination": wanted,
            "status": "COMPLETE",
            "progress": {"totalReplicationCount": done + failed, "completedReplicationCount": done,
                         "failedReplicationCount": failed, "failureCodes": ["AccessDenied"] if failed else []},
        }  # fmt: skip
        return ActionResult(kept[number] | {"status": "PREPARING"})

    def describe(self: Any) -> Any:
        found = self.ecr_backend.__dict__.get("world_backfills", {}).get(self._get_param("replicationBackfillId"))
        if found is None:
            raise Refusal("ReplicationBackfillNotFoundException", "there is no such back-fill")
        return ActionResult(found)

    add(ECRResponse, "start_replication_backfill")(start)
    add(ECRResponse, "describe_replication_backfill_results")(describe)


def _copy(repository: Any, there: Any) -> int:
    """Copy what is not there yet; a repository is made as the registry's template says."""
    if repository.name not in there.repositories:
        template = templates(there).get("ROOT", {})
        there.create_repository(
            repository_name=repository.name, registry_id=there.account_id, encryption_config=None,
            image_scan_config=None, image_tag_mutability=template.get("imageTagMutability", "MUTABLE"), tags=[],
        )  # fmt: skip
        if "lifecyclePolicy" in template:
            there.repositories[repository.name].lifecycle_policy = template["lifecyclePolicy"]
    target = there.repositories[repository.name]
    held = {image.image_digest for image in target.images}
    new = [image for image in repository.images if image.image_digest not in held]
    for image in new:
        twin = copy.copy(image)
        twin.registry_id, twin.image_tags = there.account_id, list(image.image_tags)
        target.images.append(twin)
    target.layers.update(repository.layers)
    layer_bytes(target).update(layer_bytes(repository))
    return len(repository.images)
