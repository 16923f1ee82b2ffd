"""Container images from one registry to another by digest. The rule: exact bytes. A manifest is put as it was read
and every blob is hashed on its way, so an image has the same digest on both sides or is not there at all.

Source: ecr.BatchGetImage, ecr.GetDownloadUrlForLayer, ecr.BatchCheckLayerAvailability, ecr.InitiateLayerUpload,
ecr.UploadLayerPart, ecr.CompleteLayerUpload, ecr.PutImage, botocore 1.44.5.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from migrate.carry.refusals import code_of
from migrate.errors import StepFailed
from migrate.kind import Carrier, Proof, ReadSite
from migrate.values import Json

LOOKS = frozenset({"ecr.DescribeImages", "ecr.BatchGetImage", "ecr.BatchCheckLayerAvailability"})
READS = LOOKS | {"ecr.GetDownloadUrlForLayer"}
WRITES = frozenset(
    {
        "ecr.InitiateLayerUpload",
        "ecr.UploadLayerPart",
        "ecr.CompleteLayerUpload",
        "ecr.PutImage",
        "ecr.BatchDeleteImage",
    }
)

LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPTED = [*MANIFESTS, *LISTS]
"""Without these named, ECR may answer with another form of the manifest, whose digest is another."""

ACTIVE, ARCHIVED = "ACTIVE", "ARCHIVED"
EVERY = {"imageStatus": "ANY"}
"""Without this filter ECR hides what it archived. Source: ecr.DescribeImagesFilter imageStatus, botocore 1.44.5."""

PART_BYTES = 20 * 1024 * 1024
IN_MEMORY_BYTES = 2 * PART_BYTES
SHOWN = 10
THERE = ("ImageAlreadyExistsException", "LayerAlreadyExistsException")
"""Refusals that go by the digest. Source: ecr.PutImage, ecr.CompleteLayerUpload, botocore 1.44.5."""
_AT_ONCE = 100
"""Digests or images a call takes. Source: ecr.BatchCheckLayerAvailability, ecr.BatchDeleteImage, botocore 1.44.5."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One image as its registry lists it."""

    tags: frozenset[str]
    media_type: str
    pushed: str
    status: str = ACTIVE


@dataclass
class Carried:
    """What one run of the copying did."""

    images: int = 0
    tags: int = 0
    blobs: int = 0
    blobs_there: int = 0
    size_bytes: int = 0
    seen: set[str] = field(default_factory=set)
    """Blobs known to be in the target."""


def listed(site: ReadSite, repository: str) -> dict[str, Listed]:
    """Every image of a repository by digest, the untagged and the archived too."""
    found = site.pages("ecr.DescribeImages", "imageDetails", repositoryName=repository, maxResults=1000, filter=EVERY)
    return {
        image["imageDigest"]: Listed(
            frozenset(image.get("imageTags") or ()),
            image.get("imageManifestMediaType") or "",
            str(image.get("imagePushedAt") or ""),
            image.get("imageStatus") or ACTIVE,
        )
        for image in found
    }


def to_copy(site: ReadSite, repository: str, left: Collection[str]) -> dict[str, Listed]:
    """Every image of the repository but those archived ones that stay behind, as somebody decided.

    Raises StepFailed where another one is archived: it cannot be read. Nothing was sent then.
    """
    found = listed(site, repository)
    wanted = {digest: one for digest, one in found.items() if one.status != ARCHIVED or digest not in left}
    asleep = sorted(digest for digest, one in wanted.items() if one.status != ACTIVE)
    if asleep:
        raise StepFailed(
            f"{len(asleep)} images of {repository} in account {site.account} are archived and cannot be read: "
            + ", ".join(asleep[:SHOWN]) + (", …" if len(asleep) > SHOWN else ""),
            do="restore them (ecr.UpdateImageStorageClass with targetStorageClass STANDARD), wait until "
            "ecr.DescribeImages says ACTIVE, then migrate run; or scan and plan again and say that they stay",
        )  # fmt: skip
    return wanted


def manifest(site: ReadSite, repository: str, digest: str) -> tuple[str, str]:
    """An image's manifest as its exact text, and its media type.

    Raises StepFailed where the registry does not have it, or gives other bytes than the digest says.
    """
    answer = site.call(
        "ecr.BatchGetImage",
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=ACCEPTED,
    )
    if not answer["images"]:
        why = "; ".join(str(one.get("failureReason")) for one in answer.get("failures") or ()) or "no image"
        raise StepFailed(
            f"{repository}@{digest} of account {site.account} could not be read: {why}",
            do="restore the image, or delete in legacy what still refers to it",
        )
    image = answer["images"][0]
    text = str(image["imageManifest"])
    found = sha256(text.encode())
    if found != digest:
        raise StepFailed(
            f"{repository}@{digest} came as {found} ({image.get('imageManifestMediaType')}): other bytes",
            do="push the image again with a current client: its manifest form is one that ECR converts",
        )
    return text, str(image.get("imageManifestMediaType") or json.loads(text).get("mediaType") or "")


def copy(to: Carrier, repository: str, left: Collection[str] = ()) -> dict[str, Json]:
    """Copy every image of the repository that the target lacks, and every tag, oldest first.

    Oldest first because a lifecycle policy that counts images goes by the time of the push. What is there already is
    not sent again. The digests that this step brings are remembered before the first is sent: `take_away` goes by it.
    `left`: archived images that stay behind.
    """
    there = listed(to.target, to.place.name)
    wanted = to_copy(to.legacy, repository, left)
    missing = sorted(set(wanted) - set(there))
    remember_carried(to, missing)
    done = Carried()
    for digest in sorted(wanted, key=lambda one: (wanted[one].pushed, one)):
        _copy_image(to, repository, digest, wanted, there, done)
    return {
        "images": done.images,
        "tags": done.tags,
        "images_in_legacy": len(wanted),
        "blobs": done.blobs,
        "blobs_already_there": done.blobs_there,
        "bytes": done.size_bytes,
    }


def _copy_image(
    to: Carrier, repository: str, digest: str, wanted: Mapping[str, Listed], there: dict[str, Listed], done: Carried
) -> None:
    """One image: its parts first, then its manifest under every tag it lacks."""
    image = wanted.get(digest, Listed(frozenset(), "", ""))
    known = there.get(digest)
    tags = sorted(image.tags - (known.tags if known else frozenset()))
    if known is not None and not tags:
        return
    text, media_type = manifest(to.legacy, repository, digest)
    if known is None:
        document = json.loads(text)
        for part in document.get("manifests") or ():
            # A list is refused while an image that it names is not there.
            if part["digest"] not in there:
                _copy_image(to, repository, part["digest"], wanted, there, done)
        _copy_blobs(to, repository, blobs(document), done)
        done.images += 1
    untagged: list[str | None] = [None]
    for tag in tags or untagged:
        named: dict[str, Any] = {"imageTag": tag} if tag else {}
        _put(
            to,
            "ecr.PutImage",
            repositoryName=to.place.name,
            imageManifest=text,
            imageManifestMediaType=media_type,
            imageDigest=digest,
            **named,
        )
    done.tags += len(tags)
    there[digest] = Listed(image.tags, media_type, image.pushed)


def blobs(document: Mapping[str, Json]) -> dict[str, int]:
    """Digest → size of everything a manifest is made of: configuration and layers, without foreign layers, which
    no registry holds (their bytes are at the `urls` that the manifest gives)."""
    parts = [document["config"]] if document.get("config") else []
    parts += [layer for layer in document.get("layers") or () if not layer.get("urls")]
    return {str(part["digest"]): int(part["size"]) for part in parts}


def _copy_blobs(to: Carrier, repository: str, wanted: Mapping[str, int], done: Carried) -> None:
    done.seen |= available(to.target, to.place.name, [digest for digest in wanted if digest not in done.seen])
    for digest, size_bytes in wanted.items():
        if digest in done.seen:
            done.blobs_there += 1
            continue
        url = to.legacy.call("ecr.GetDownloadUrlForLayer", repositoryName=repository, layerDigest=digest)["downloadUrl"]
        # A layer may be larger than memory: from here on it lies in a file without a name.
        with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
            to.fetch_into(url, file)
            came, found = file.tell(), f"sha256:{_digest(file)}"
            if came != size_bytes or found != digest:
                raise StepFailed(
                    f"layer {digest} of {repository} came as {found}, {came} of {size_bytes} bytes",
                    do="run again: a broken download is not sent on; where it stays so, the layer is damaged in legacy",
                )
            _upload(to, digest, file, size_bytes)
        done.seen.add(digest)
        done.blobs += 1
        done.size_bytes += size_bytes


def available(site: ReadSite, repository: str, digests: Iterable[str]) -> set[str]:
    """Which of the blobs the repository has."""
    wanted = sorted(set(digests))
    found: set[str] = set()
    for at in range(0, len(wanted), _AT_ONCE):
        answer = site.call(
            "ecr.BatchCheckLayerAvailability", repositoryName=repository, layerDigests=wanted[at : at + _AT_ONCE]
        )
        found |= {one["layerDigest"] for one in answer["layers"] if one["layerAvailability"] == "AVAILABLE"}
    return found


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(PART_BYTES):
        digest.update(part)
    return digest.hexdigest()


def _upload(to: Carrier, digest: str, file: IO[bytes], size_bytes: int) -> None:
    """Send one blob in the parts that ECR asks for."""
    own: dict[str, Any] = {"repositoryName": to.place.name}
    begun = to.write("ecr.InitiateLayerUpload", **own)
    upload, part_bytes = begun["uploadId"], int(begun.get("partSize") or PART_BYTES)
    file.seek(0)
    for first in range(0, max(size_bytes, 1), part_bytes):
        part = file.read(part_bytes)
        to.write(
            "ecr.UploadLayerPart",
            **own,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    _put(to, "ecr.CompleteLayerUpload", **own, uploadId=upload, layerDigests=[digest])


def _put(to: Carrier, operation: str, **params: Any) -> None:
    """Write; that the same bytes stand there already is said to a repeat whose first answer was lost."""
    try:
        to.write(operation, **params)
    except Exception as error:
        if code_of(error) not in THERE:
            raise


def prove(to: Carrier, repository: str, left: Collection[str] = ()) -> Proof:
    """Compare digests and tags of both sides by fresh reads, and that every blob stands behind its manifest.

    What legacy archived since the copy is compared like any other; `left` are the archived ones that stay behind.
    """
    legacy, target = listed(to.legacy, repository), listed(to.target, to.place.name)
    stays = {one for one in left if one not in target and one in legacy and legacy[one].status == ARCHIVED}
    legacy = {digest: one for digest, one in legacy.items() if digest not in stays}
    differences = [f"{digest} is not in the target" for digest in sorted(set(legacy) - set(target))]
    differences += [f"{digest} is in the target only" for digest in sorted(set(target) - set(legacy))]
    for digest in sorted(set(legacy) & set(target)):
        if legacy[digest].tags != target[digest].tags:
            here, over_there = sorted(legacy[digest].tags), sorted(target[digest].tags)
            differences.append(f"{digest} has the tags {here} in legacy and {over_there} in the target")
    needed: dict[str, str] = {}
    asleep = {digest for digest, one in target.items() if one.status != ACTIVE}
    for digest in sorted(set(target) - asleep):
        text, _ = manifest(to.target, to.place.name, digest)
        needed |= dict.fromkeys(blobs(json.loads(text)), digest)
    missing = set(needed) - available(to.target, to.place.name, needed)
    differences += [f"{needed[blob]} lacks its layer {blob} in the target" for blob in sorted(missing)]
    tags = {tag: digest for digest, image in legacy.items() for tag in image.tags}
    return Proof(
        "different" if differences else "equal",
        compared=("image digests", "tags", "layers behind each manifest"),
        differences=tuple(differences),
        evidence={
            "images": len(legacy),
            "tags": len(tags),
            "layers": len(needed),
            "archived, left in legacy": len(stays),
            "archived in the target, layers not looked at": len(asleep),
            "digest": sha256(json.dumps([sorted(legacy), sorted(tags.items())]).encode()),
            "by image": {digest: sorted(image.tags) for digest, image in sorted(legacy.items())},
        },
    )


def take_away(to: Carrier) -> None:
    """Delete from the target the images that this step brought, lists before what they list."""
    try:
        there = listed(to.target, to.place.name)
    except Exception as error:
        if code_of(error) == "RepositoryNotFoundException":
            return  # and with it all that was in it
        raise
    delete(to, [digest for digest in carried(to.outputs) if digest in there], there, "roll back")


def delete(to: Carrier, digests: Collection[str], there: Mapping[str, Listed], then: str) -> None:
    """Delete these images from the target, lists before what they list. `then`: what a person does again at the end."""
    lists = [digest for digest in digests if there[digest].media_type in LISTS]
    for group in (lists, [digest for digest in digests if digest not in lists]):
        take(to, [{"imageDigest": digest} for digest in group], then)


def take(to: Carrier, images: Sequence[Mapping[str, str]], then: str) -> None:
    """Delete images by digest, or a tag of one. Raises StepFailed where ECR keeps one."""
    for at in range(0, len(images), _AT_ONCE):
        answer = to.write(
            "ecr.BatchDeleteImage", repositoryName=to.place.name, imageIds=list(images[at : at + _AT_ONCE])
        )
        failed = [one for one in answer.get("failures") or () if one.get("failureCode") != "ImageNotFound"]
        if failed:
            raise StepFailed(
                f"{len(failed)} images could not be deleted from {to.place.name}: {failed[0].get('failureReason')}",
                do=f"delete what refers to them in the target repository, then {then} again",
            )


def remember_carried(to: Carrier, digests: Iterable[str]) -> None:
    """Keep which images this step brings, before it brings them: `take_away` goes by it."""
    if digests := set(digests):
        to.remember("carried", json.dumps(sorted({*digests, *carried(to.outputs)})))


def carried(outputs: Mapping[str, str]) -> list[str]:
    """The images that a step brought, by what it has learnt."""
    return list(json.loads(outputs.get("carried") or "[]"))


def sha256(content: bytes) -> str:
    """A digest in the registry's form."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
