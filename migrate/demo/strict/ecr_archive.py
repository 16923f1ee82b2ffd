"""Rules over ECR's archive: what is archived is hidden from who does not ask for it, and cannot be read.

The one rule it keeps: only the status decides. Simulated: an image is restored at once, where AWS takes minutes.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, override, strict

ACTIVE, ARCHIVED = "ACTIVE", "ARCHIVED"
STATUS = {"ARCHIVE": ARCHIVED, "STANDARD": ACTIVE}


@strict(
    "ecr.archive",
    makes="an archived image is listed only for who asks for its status, and its manifest is not given",
    source="ecr.UpdateImageStorageClass and ecr.DescribeImagesFilter imageStatus, botocore 1.44.5",
)
def archive() -> None:
    """The emulator has no archive and reads no filter. Which code a refused manifest has is unverified."""
    from moto.core.responses import ActionResult
    from moto.ecr.models import ECRBackend, Image
    from moto.ecr.responses import ECRResponse

    add(Image, "image_status")(ACTIVE)

    @override(ECRResponse, "describe_images")
    def describe(old: Any, self: Any) -> Any:
        answer = old(self)
        wanted = (self._get_param("filter") or {}).get("imageStatus") or ACTIVE
        if not self._get_param("imageIds"):
            shown = [one for one in answer.result["imageDetails"] if wanted in (one.image_status, "ANY")]
            answer.result["imageDetails"] = shown
        return answer

    @override(ECRBackend, "batch_get_image")
    def batch_get_image(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        answer = old(self, *words, **named)
        for image in answer["images"]:
            if image.image_status != ACTIVE:
                own = {"imageDigest": image.image_digest}
                said = {"failureCode": "ImageInaccessible", "failureReason": "The image is archived"}
                answer["failures"].append({"imageId": own, **said})
        answer["images"] = [image for image in answer["images"] if image.image_status == ACTIVE]
        return answer

    @add(ECRResponse, "update_image_storage_class")
    def update(self: Any) -> Any:
        repository = self.ecr_backend._get_repository(self._get_param("repositoryName"), None)
        wanted = self._get_param("imageId")
        image = repository._get_image(wanted.get("imageTag"), wanted.get("imageDigest"))
        image.image_status = STATUS[self._get_param("targetStorageClass")]
        return ActionResult({"repositoryName": repository.name, "imageId": wanted, "imageStatus": image.image_status})
