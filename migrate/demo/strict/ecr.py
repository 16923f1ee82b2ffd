"""Rules over ECR: digests are of bytes, layers are kept, and an image needs its layers.

The one rule it keeps: a manifest's digest is the sha256 of the exact bytes that were pushed, and those bytes come back.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from migrate.demo.site import current
from migrate.demo.strict import add, override, strict
from migrate.demo.strict._refusal import Refusal


def digest_of(content: bytes) -> str:
    """The digest that ECR gives to these bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer_bytes(repository: Any) -> dict[str, bytes]:
    """The layers that were pushed to a repository, by digest."""
    kept: dict[str, bytes] = repository.__dict__.setdefault("world_layers", {})
    return kept


@strict(
    "ecr.layers",
    makes="a layer is stored when its digest matches, refused when it is there already, and can be downloaded",
    source="ecr.CompleteLayerUpload and ecr.GetDownloadUrlForLayer, botocore 1.44.5",
)
def layers() -> None:
    """The emulator keeps a layer's size only and never compares the digest.

    Source: ecr.CompleteLayerUpload, botocore 1.44.5: InvalidLayer, LayerAlreadyExists, EmptyUpload.
    """
    from moto.core.responses import ActionResult
    from moto.ecr.models import ECRBackend
    from moto.ecr.responses import ECRResponse

    @override(ECRBackend, "complete_layer_upload")
    def complete(
        old: Any, self: Any, repository_name: str, upload_id: str, layer_digests: Any, registry_id: Any = None
    ) -> Any:
        repository = self._get_repository(repository_name, registry_id)
        upload = repository.uploads.get(upload_id)
        if upload is not None:
            content = bytes(upload.layer_parts)
            digest = digest_of(content)
            if not content:
                raise Refusal("EmptyUploadException", "The upload does not contain any layer parts.")
            if digest not in layer_digests:
                text = f"Layer digest mismatch: computed {digest}, given {', '.join(layer_digests)}"
                raise Refusal("InvalidLayerException", text)
            if digest in repository.layers:
                text = f"Layer with digest '{digest}' already exists in the repository with name '{repository_name}'"
                raise Refusal("LayerAlreadyExistsException", text)
            layer_bytes(repository)[digest] = content
        return old(self, repository_name, upload_id, layer_digests, registry_id=registry_id)

    def get_download_url_for_layer(self: Any) -> Any:
        repository = self.ecr_backend._get_repository(self._get_param("repositoryName"), self._get_param("registryId"))
        digest = self._get_param("layerDigest")
        content = layer_bytes(repository).get(digest)
        if content is None:
            text = f"Layer with digest '{digest}' could not be found in the repository '{repository.name}'"
            raise Refusal("LayersNotFoundException", text)
        url = current().offer(f"ecr/{repository.arn}/{digest}", lambda: content)
        return ActionResult({"downloadUrl": url, "layerDigest": digest})

    add(ECRResponse, "get_download_url_for_layer")(get_download_url_for_layer)


@strict(
    "ecr.images",
    makes="an image's digest is its manifest's sha256; absent layers, a moved immutable tag or no change are refused",
    source="ecr.PutImage, botocore 1.44.5",
)
def images() -> None:
    """The emulator invents digests, knows no layers and deletes an image when its tag moves.

    Source: ecr.PutImage, botocore 1.44.5: LayersNotFound, ReferencedImagesNotFound, ImageTagAlreadyExists,
    ImageAlreadyExists, ImageDigestDoesNotMatch.
    """
    from moto.ecr.exceptions import ImageAlreadyExistsException, InvalidParameterException
    from moto.ecr.models import ECRBackend, Image

    @override(ECRBackend, "put_image")
    def put_image(
        _: Any, self: Any, name: str, manifest: str, tag: Any, media_type: Any = None, digest: Any = None
    ) -> Any:
        repository = self._get_repository(name)
        try:
            document = json.loads(manifest)
        except ValueError as error:
            raise InvalidParameterException("Invalid parameter at 'imageManifest': Invalid JSON syntax") from error
        media_type = media_type or document.get("mediaType")
        if not media_type:
            raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
        computed = digest_of(manifest.encode())
        if digest and digest != computed:
            raise Refusal("ImageDigestDoesNotMatchException", f"Image digest is {computed}, given {digest}")
        _demand_parts(repository, document)
        image = next((kept for kept in repository.images if kept.image_digest == computed), None)
        if image is not None and (tag is None or tag in image.image_tags):
            raise ImageAlreadyExistsException(name, repository.registry_id, computed, tag)
        if tag is not None:
            _take_tag(self, repository, tag)
        if image is None:
            image = Image(self.account_id, tag, manifest, name, media_type, computed)
            repository.images.append(image)
        else:
            image.update_tag(tag)
        return image

    def _take_tag(backend: Any, repository: Any, tag: str) -> None:
        try:
            holders = backend._resolve_image_tag_mutability(repository, tag)
        except ImageAlreadyExistsException as kept:
            text = (
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten"
            )
            raise Refusal("ImageTagAlreadyExistsException", f"{text} because the tag is immutable.") from kept
        for holder in holders:
            # The image stays, untagged.
            holder.remove_tag(tag)
            holder.image_tag = holder.image_tags[-1] if holder.image_tags else None

    def image_size(self: Any) -> int | None:
        document = json.loads(self.image_manifest)
        parts = [document.get("config", {}), *document.get("layers", [])]
        return sum(int(part.get("size", 0)) for part in parts) if "layers" in document else None

    add(Image, "get_image_size_in_bytes")(image_size)

    @override(ECRBackend, "batch_get_image")
    def batch_get_image(old: Any, self: Any, name: str, registry_id: Any = None, image_ids: Any = None) -> Any:
        answer: dict[str, Any] = {"images": [], "failures": []}
        for wanted in image_ids or []:
            got = old(self, name, registry_id, [wanted])
            answer["failures"] += got["failures"]
            for image in got["images"]:
                seen = copy.copy(image)
                seen.image_tag = wanted.get("imageTag") or image.image_tag
                answer["images"].append(seen)
        return answer


def _demand_parts(repository: Any, document: dict[str, Any]) -> None:

    parts = [document.get("config", {}), *document.get("layers", [])]
    # Layers with urls live elsewhere by design (foreign layers).
    digests = [part["digest"] for part in parts if "digest" in part and not part.get("urls")]
    absent = [digest for digest in digests if digest not in repository.layers]
    if absent:
        text = f"Layers with digests '{absent}' required for pushing image into repository '{repository.name}' "
        raise Refusal("LayersNotFoundException", f"{text}in the registry do not exist")
    held = {image.image_digest for image in repository.images}
    lost = [part["digest"] for part in document.get("manifests", []) if part["digest"] not in held]
    if lost:
        text = (
            f"Images with digests '{lost}' required for pushing image into repository '{repository.name}' do not exist"
        )
        raise Refusal("ReferencedImagesNotFoundException", text)
