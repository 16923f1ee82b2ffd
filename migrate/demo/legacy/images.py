"""The shared registry: three repositories with real, tiny images, pushed as a container client pushes them.

Rule: every layer and configuration is a real blob whose digest is the sha256 of its bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass

from migrate.demo.legacy.site import Site, document, named, pairs

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Image:
    """One image to push; no tags means it is pushed by digest alone."""

    repository: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]
    docker: bool = False


# Layers of one name are the same bytes wherever they appear: images share their ground layer, as real ones do.
IMAGES = (
    Image("shop/web", ("1.4.0",), ("ground", "web-140")),
    Image("shop/web", ("1.5.0", "latest"), ("ground", "web-150")),
    Image("shop/web", (), ("ground", "web-150-rc1")),
    Image("shop/worker", ("2.0.1",), ("ground", "worker-201")),
    Image("shop/worker", ("2.1.0",), ("ground", "worker-210"), docker=True),
    Image("shop/tools", ("2024-11",), ("tools",)),
)
REPOSITORIES = ("shop/web", "shop/worker", "shop/tools")


def push(site: Site) -> dict[str, str]:
    """Create the repositories and push every image; return digest by `repository:tag`."""
    ecr = site.client("ecr")
    for name in REPOSITORIES:
        ecr.create_repository(
            repositoryName=name,
            imageTagMutability="MUTABLE" if name == "shop/web" else "IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": name != "shop/tools"},
            tags=pairs(named(name, None, team="platform")),
        )
    ecr.put_lifecycle_policy(
        repositoryName="shop/web",
        lifecyclePolicyText=json.dumps(
            {
                "rules": [
                    {
                        "rulePriority": 1,
                        "description": "drop untagged images after 90 days",
                        "selection": {
                            "tagStatus": "untagged",
                            "countType": "sinceImagePushed",
                            "countUnit": "days",
                            "countNumber": 90,
                        },
                        "action": {"type": "expire"},
                    }
                ]
            }
        ),
    )
    ecr.set_repository_policy(
        repositoryName="shop/worker",
        policyText=document(
            {
                "Sid": "Pull",
                "Effect": "Allow",
                "Principal": {"AWS": site.root},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        ),
    )
    digests: dict[str, str] = {}
    uploaded: set[tuple[str, str]] = set()
    for image in IMAGES:
        manifest, blobs = assemble(image)
        for blob in blobs:
            digest = sha256(blob)
            if (image.repository, digest) not in uploaded:
                _upload(site, image.repository, blob)
                uploaded.add((image.repository, digest))
        digest = sha256(manifest)
        media_type = DOCKER_MANIFEST if image.docker else OCI_MANIFEST
        for tag in image.tags or (None,):
            ecr.put_image(
                repositoryName=image.repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=media_type,
                imageDigest=digest,
                **({"imageTag": tag} if tag else {}),
            )
            digests[f"{image.repository}:{tag or 'untagged'}"] = digest
    return digests


def sha256(content: bytes) -> str:
    """Digest in the registry's form."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def assemble(image: Image) -> tuple[bytes, list[bytes]]:
    """Return the image's manifest and its blobs, configuration last."""
    tarballs = [_layer(name) for name in image.layers]
    blobs = [gzip.compress(tarball, compresslevel=0, mtime=0) for tarball in tarballs]
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-11-05T09:00:00Z",
            "config": {"Cmd": [f"/app/{image.layers[-1]}"], "Env": ["PATH=/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(tarball) for tarball in tarballs]},
        },
        sort_keys=True,
    ).encode()
    if image.docker:
        manifest_type, kind = DOCKER_MANIFEST, "application/vnd.docker.container.image.v1+json"
        layer_type = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    else:
        manifest_type, kind = OCI_MANIFEST, "application/vnd.oci.image.config.v1+json"
        layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": {"mediaType": kind, "digest": sha256(configuration), "size": len(configuration)},
            "layers": [{"mediaType": layer_type, "digest": sha256(blob), "size": len(blob)} for blob in blobs],
        },
        indent=3,
    ).encode()
    return manifest, [*blobs, configuration]


def _layer(name: str) -> bytes:
    content = random.Random(f"layer:{name}").randbytes(4096)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(f"app/{name}")
        entry.size, entry.mode, entry.mtime = len(content), 0o755, 1_730_797_200
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _upload(site: Site, repository: str, blob: bytes) -> None:
    ecr = site.client("ecr")
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(blob) - 1,
        layerPartBlob=blob,
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[sha256(blob)])
