"""A container registry as plain dicts, strict where ECR is, and a carrier between two of them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.carry.images import MANIFESTS, READS, WRITES, sha256
from migrate.kind import Place
from migrate.names import AccountId
from tests.kinds.by_hand import LEGACY, REGION, TARGET
from tests.kinds.shapes import check_request

OCI, DOCKER = MANIFESTS
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Registry:
    """One repository of one account."""

    account: str
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    pushed: int = 0

    def push(self, manifest: str, media_type: str, *tags: str) -> str:
        """Take an image as ECR does: nothing that it names may be absent."""
        document, digest = json.loads(manifest), sha256(manifest.encode())
        for part in (*document.get("manifests", ()), *([document["config"]] if "config" in document else [])):
            assert part["digest"] in (self.images if "manifests" in document else self.blobs), (
                "ReferencedImagesNotFound"
            )
        for layer in document.get("layers", ()):
            assert "urls" in layer or layer["digest"] in self.blobs, "LayersNotFound"
        self.pushed += 1
        new = {"manifest": manifest, "type": media_type, "tags": set(), "pushed": f"2026-01-01T00:00:{self.pushed:02}"}
        image = self.images.setdefault(digest, new)
        for tag in tags:
            assert tag not in image["tags"], "ImageAlreadyExists"
            for other in self.images.values():
                other["tags"].discard(tag)
            image["tags"].add(tag)
        return digest

    def image(self, *layers: bytes, tags: tuple[str, ...] = (), media_type: str = OCI, **more: Any) -> str:
        """Push an image made of these layers."""
        config = json.dumps({"layers": [sha256(layer) for layer in layers]}).encode()
        for blob in (config, *layers):
            self.blobs[sha256(blob)] = blob
        parts = [{"digest": sha256(blob), "size": len(blob)} for blob in (config, *layers)]
        # Odd white space: a manifest that is parsed and written again has another digest.
        manifest = json.dumps({"config": parts[0], "layers": parts[1:], "schemaVersion": 2, **more}, indent=3)
        return self.push(manifest, media_type, *tags)

    def index(self, *digests: str, tags: tuple[str, ...] = ()) -> str:
        """Push a list of images."""
        return self.push(json.dumps({"manifests": [{"digest": one} for one in digests]}, indent=3), INDEX, *tags)


@dataclass
class Side:
    """Reads of one registry, as the carrier's sites give them."""

    registry: Registry
    account: AccountId
    region: str = REGION

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        checked(operation, params, READS)
        assert (operation, key) == ("ecr.DescribeImages", "imageDetails")
        # Newest first, as an account may well list them.
        for digest, image in sorted(self.registry.images.items(), key=lambda one: one[1]["pushed"], reverse=True):
            # ECR hides what it archived from who does not ask for it.
            status = image.get("status", "ACTIVE")
            if params.get("filter", {}).get("imageStatus", "ACTIVE") not in (status, "ANY"):
                continue
            found = {"imageDigest": digest, "imageManifestMediaType": image["type"], "imagePushedAt": image["pushed"]}
            found |= {"imageStatus": status}
            yield found | ({"imageTags": sorted(image["tags"])} if image["tags"] else {})

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        checked(operation, params, READS)
        if operation == "ecr.BatchGetImage":
            (wanted,) = (one["imageDigest"] for one in params["imageIds"])
            if wanted not in self.registry.images:
                return {"images": [], "failures": [{"failureReason": "Requested image not found"}]}
            image = self.registry.images[wanted]
            if image.get("status", "ACTIVE") != "ACTIVE":
                return {"images": [], "failures": [{"failureReason": "The image is archived"}]}
            assert image["type"] in params["acceptedMediaTypes"], "ECR would convert it"
            return {"images": [{"imageManifest": image["manifest"], "imageManifestMediaType": image["type"]}]}
        if operation == "ecr.BatchCheckLayerAvailability":
            there = [digest for digest in params["layerDigests"] if digest in self.registry.blobs]
            return {"layers": [{"layerDigest": one, "layerAvailability": "AVAILABLE"} for one in there]}
        assert operation == "ecr.GetDownloadUrlForLayer"
        return {"downloadUrl": f"https://layers.example/{params['layerDigest']}"}


class Crash(Exception):
    """The process ends here."""


@dataclass
class Fake:
    """A carrier between two registries that keeps what was sent, and may crash before the nth write."""

    legacy_registry: Registry
    target_registry: Registry
    outputs: dict[str, str] = field(default_factory=dict)
    planned: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    part_bytes: int | None = None
    crash_before: int | None = None
    damage: Callable[[bytes], bytes] = lambda content: content
    step: str = "step"
    others: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Action → what that step has learnt."""

    @property
    def legacy(self) -> Side:
        return Side(self.legacy_registry, LEGACY)

    @property
    def target(self) -> Side:
        return Side(self.target_registry, TARGET)

    @property
    def place(self) -> Place:
        return Place("shop", TARGET, REGION, "shop/web")

    def remember(self, key: str, value: str) -> None:
        self.outputs[key] = value

    def fetch_into(self, url: str, file: Any) -> None:
        file.write(self.damage(self.legacy_registry.blobs[url.rpartition("/")[2]]))

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        checked(operation, params, WRITES)
        if self.crash_before == len(self.sent):
            raise Crash
        self.sent.append((operation, params))
        registry = self.target_registry
        if operation == "ecr.InitiateLayerUpload":
            upload = f"upload-{len(self.sent)}"
            registry.uploads[upload] = b""
            return {"uploadId": upload, **({"partSize": self.part_bytes} if self.part_bytes else {})}
        if operation == "ecr.UploadLayerPart":
            so_far, part = registry.uploads[params["uploadId"]], params["layerPartBlob"]
            assert params["partFirstByte"] == len(so_far), "InvalidLayerPart"
            assert params["partLastByte"] == len(so_far) + len(part) - 1
            registry.uploads[params["uploadId"]] = so_far + part
        elif operation == "ecr.CompleteLayerUpload":
            content = registry.uploads.pop(params["uploadId"])
            assert [sha256(content)] == params["layerDigests"], "InvalidLayer"
            assert sha256(content) not in registry.blobs, "LayerAlreadyExists"
            registry.blobs[sha256(content)] = content
        elif operation == "ecr.PutImage":
            tags = [params["imageTag"]] if "imageTag" in params else []
            digest = registry.push(params["imageManifest"], params["imageManifestMediaType"], *tags)
            assert digest == params["imageDigest"], "ImageDigestDoesNotMatch"
        else:
            return {"failures": self._delete([self._untagged(one) for one in params["imageIds"]])}
        return {}

    def learnt(self, action: str) -> Mapping[str, str]:
        return self.others.get(action, {})

    def _untagged(self, named: Mapping[str, str]) -> str:
        """The image that goes: named by digest, or with its last tag; empty for none."""
        if "imageDigest" in named:
            return named["imageDigest"]
        for digest, image in self.target_registry.images.items():
            if named["imageTag"] in image["tags"]:
                image["tags"].discard(named["imageTag"])
                return "" if image["tags"] else digest
        return ""

    def _delete(self, digests: list[str]) -> list[dict[str, str]]:
        failures = []
        for digest in filter(None, digests):
            others = (json.loads(one["manifest"]) for one in self.target_registry.images.values())
            if any(part["digest"] == digest for one in others for part in one.get("manifests", ())):
                failures.append({"failureCode": "ImageReferencedByManifestList", "failureReason": "still referenced"})
            else:
                del self.target_registry.images[digest]
        return failures


def checked(operation: str, params: Mapping[str, Any], declared: frozenset[str]) -> None:
    assert operation in declared, f"{operation} is not declared"
    check_request(operation, dict(params))


def tags_of(registry: Registry) -> dict[str, set[str]]:
    return {digest: set(image["tags"]) for digest, image in registry.images.items()}
