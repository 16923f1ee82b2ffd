"""Rules over ECR: creation templates of repositories, which the emulator lacks.

The one rule it keeps: what a back-fill makes in another registry is made as that registry's template says.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal


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


def made_for_backfill(name: str, there: Any) -> Any:
    """The repository that a back-fill needs in another registry, made as the registry's template says."""
    template = templates(there).get("ROOT", {})
    there.create_repository(
        repository_name=name, registry_id=there.account_id, encryption_config=None,
        image_scan_config=None, image_tag_mutability=template.get("imageTagMutability", "MUTABLE"), tags=[],
    )  # fmt: skip
    repository = there.repositories[name]
    if "lifecyclePolicy" in template:
        repository.lifecycle_policy = template["lifecyclePolicy"]
    return repository
