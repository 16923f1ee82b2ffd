"""ECR repository and its images. The rule: an image arrives with its digest or not at all; nothing is converted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.carry import images, images_followed, images_replicated
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Remainder,
    Request,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._choosing import WAY, told
from migrate.kinds._documents import canonical, parsed, without_dead
from migrate.values import as_json

REPLICATION = "replication"
STRATEGIES = {
    "digest": "every layer passes through this process, about 30 MB/s (uncalibrated); nothing is changed in legacy",
    REPLICATION: "ECR copies between the registries, nothing passes through this process; legacy's replication rules "
    "and the target's registry policy are added to for the time, and AWS makes its service-linked role in legacy",
}

_GONE = ("RepositoryNotFoundException",)


class RepositoryFacts(Facts):
    """Source: ecr.DescribeRepositories, ecr.DescribeImages, ecr.GetLifecyclePolicy, ecr.GetRepositoryPolicy."""

    tag_mutability: str
    mutability_exclusions: list[dict[str, Json]]
    scan_on_push: bool
    encryption: str
    kms_key: str | None
    """None: AWS's own key, also under encryption KMS."""
    lifecycle_policy: dict[str, Json] | None
    policy: dict[str, Json] | None
    archived: list[str]
    """Digests of images that ECR archived: nobody can read them before they are restored."""


class Create(Action[RepositoryFacts]):
    """The repository: encryption can be said only here."""

    name = "create"
    title = "Create the repository"

    def requests(self, it: It[RepositoryFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        encryption = {"encryptionType": facts.encryption} | ({"kmsKey": facts.kms_key} if facts.kms_key else {})
        params: dict[str, Json] = {
            "repositoryName": place.name,
            "imageTagMutability": facts.tag_mutability,
            "imageScanningConfiguration": {"scanOnPush": facts.scan_on_push},
            "encryptionConfiguration": encryption,
            "tags": tag_pairs(place.stamp(it.tags)),
        }
        if facts.mutability_exclusions:
            params["imageTagMutabilityExclusionFilters"] = facts.mutability_exclusions
        return [
            Request(
                "ecr.CreateRepository",
                params,
                once="named",
                creates=True,
                outputs={"arn": "repository.repositoryArn"},
                # No force: it refuses where it holds images that this migration did not bring, and people decide.
                undo=Request("ecr.DeleteRepository", {"repositoryName": place.name}, done=_GONE),
            )
        ]


class CopyImages(CarryAction[RepositoryFacts]):
    """Every image with every tag, and the untagged: by digest through this process, or with `strategy: replication`
    (migration.yaml, `stores`) by a back-fill of ECR's own. Proved the same way."""

    name = "copy_images"
    title = "Copy the images by digest"
    proved_by = "look_again"
    reads = images.READS | images_replicated.READS
    writes = images.WRITES | images_replicated.WRITES
    writes_in_legacy = images_replicated.WRITES_IN_LEGACY

    def summary(self, it: It[RepositoryFacts], place: Place) -> dict[str, Json]:
        how = "by digest: layers that the target lacks, then manifests byte for byte, lists last, oldest first"
        if it.strategy == REPLICATION:
            how = (
                "ecr.StartReplicationBackfill in legacy, with a replication rule there and a statement in the target's "
                "registry policy for the time"
            )
        what = "every image, tagged or not, with every tag"
        return {"repository": it.ref.name, "how": how, "what": what} | told(STRATEGIES, it.strategy)

    def carry(self, it: It[RepositoryFacts], to: Carrier) -> Mapping[str, Json]:
        if to.planned.get(WAY) == REPLICATION:
            return images_replicated.replicate(to, it.ref.name, it.facts.archived)
        return images.copy(to, it.ref.name, it.facts.archived)

    def prove(self, it: It[RepositoryFacts], to: Carrier) -> Proof:
        return images.prove(to, it.ref.name, it.facts.archived)

    def uncarry(self, it: It[RepositoryFacts], to: Carrier) -> None:
        if to.planned.get(WAY) == REPLICATION:
            images_replicated.close(to, it.ref.name)
        images.take_away(to)


class BringPushed(CarryAction[RepositoryFacts]):
    """Images are pushed to legacy until its pipelines know the new registry: what came since the copy is brought, and
    what was deleted or untagged there follows. It comes first in the cut-over: services start what legacy would."""

    name = "look_again"
    title = "Bring the images pushed since"
    phase = "cutover"
    opens_phase = True
    downtime = "D1"
    repeats = True
    reads = images.READS
    writes = images.WRITES

    def summary(self, it: It[RepositoryFacts], place: Place) -> dict[str, Json]:
        how = "by digest, whichever way the others went; of what this migration brought, what legacy deleted goes"
        return {"repository": it.ref.name, "how": how, "what": "every image and tag that differs by now"}

    def carry(self, it: It[RepositoryFacts], to: Carrier) -> Mapping[str, Json]:
        gone = images_followed.follow(to, it.ref.name, tags_move=it.facts.tag_mutability == "MUTABLE")
        return {**gone, **images.copy(to, it.ref.name, it.facts.archived)}

    def prove(self, it: It[RepositoryFacts], to: Carrier) -> Proof:
        return images.prove(to, it.ref.name, it.facts.archived)

    def uncarry(self, it: It[RepositoryFacts], to: Carrier) -> None:
        images.take_away(to)


class Configure(Action[RepositoryFacts]):
    """Lifecycle and who may pull. After the images: a lifecycle policy must not see half of them."""

    name = "configure"
    title = "Set lifecycle and policy of the repository"
    sets = frozenset({"lifecycle_policy", "policy"})

    def applies(self, it: It[RepositoryFacts]) -> bool:
        return it.facts.lifecycle_policy is not None or _sendable(it.facts.policy) is not None

    def requests(self, it: It[RepositoryFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"repositoryName": place.name}
        found: list[Request] = []
        if it.facts.lifecycle_policy is not None:
            found.append(
                Request(
                    "ecr.PutLifecyclePolicy",
                    own | {"lifecyclePolicyText": as_json(it.facts.lifecycle_policy)},
                    undo=Request("ecr.DeleteLifecyclePolicy", own, done=("LifecyclePolicyNotFoundException", *_GONE)),
                )
            )
        policy = _sendable(it.facts.policy)
        if policy is not None:
            found.append(
                Request(
                    "ecr.SetRepositoryPolicy",
                    own | {"policyText": as_json(policy)},
                    # A policy that names a role just made is invalid for some seconds (unverified).
                    retry=("InvalidParameterException",),
                    undo=Request("ecr.DeleteRepositoryPolicy", own, done=("RepositoryPolicyNotFoundException", *_GONE)),
                )
            )
        return found


def _sendable(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    """The policy without principals that were deleted, which AWS refuses; None where nothing is left."""
    return without_dead(policy) if policy else None


class Repository(Kind[RepositoryFacts]):
    """A private repository. Images that ECR archived cannot be read: they are restored before, or somebody says that
    they stay. A lifecycle policy counts an image's age from the push, which in the target is the copying."""

    name = "ecr.repository"
    title = "ECR repository"
    facts = RepositoryFacts
    stateful = True
    reads = frozenset(
        {
            "ecr.DescribeRepositories",
            "ecr.DescribeImages",
            "ecr.GetLifecyclePolicy",
            "ecr.GetRepositoryPolicy",
            "ecr.ListTagsForResource",
            "kms.DescribeKey",
        }
    )
    tagging_types = ("ecr:repository",)
    # Not read in a narrow look, like the size.
    volatile = frozenset({"archived"})
    passing = frozenset({"archived"})
    strategies: ClassVar[Mapping[str, str]] = STRATEGIES
    actions = (Create(), CopyImages(), Configure(), BringPushed())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            answer = site.optional("ecr.DescribeRepositories", missing=_GONE, repositoryNames=[only])
            repositories = list((answer or {}).get("repositories", ()))
        else:
            repositories = list(site.pages("ecr.DescribeRepositories", "repositories", maxResults=1000))

        def described(one: Mapping[str, Json]) -> Resource:
            name = one["repositoryName"]
            lifecycle = site.optional(
                "ecr.GetLifecyclePolicy", missing=("LifecyclePolicyNotFoundException",), repositoryName=name
            )
            policy = site.optional(
                "ecr.GetRepositoryPolicy", missing=("RepositoryPolicyNotFoundException",), repositoryName=name
            )
            tags = site.optional("ecr.ListTagsForResource", missing=_GONE, resourceArn=one["repositoryArn"]) or {}
            encryption = one.get("encryptionConfiguration") or {}
            size_bytes, archived = _held(site, name) if only is None else (None, [])
            return self.found(
                site,
                name,
                RepositoryFacts(
                    tag_mutability=one.get("imageTagMutability") or "MUTABLE",
                    mutability_exclusions=sorted(
                        one.get("imageTagMutabilityExclusionFilters") or (), key=lambda each: str(each["filter"])
                    ),
                    scan_on_push=bool((one.get("imageScanningConfiguration") or {}).get("scanOnPush")),
                    encryption=encryption.get("encryptionType") or "AES256",
                    kms_key=_own_key(site, encryption.get("kmsKey")),
                    lifecycle_policy=json.loads(lifecycle["lifecyclePolicyText"]) if lifecycle else None,
                    policy=parsed(policy["policyText"]) if policy else None,
                    archived=archived,
                ),
                arn=one["repositoryArn"],
                tags=pair_tags(tags.get("tags")),
                size_bytes=size_bytes,
            )

        yield from site.map(described, repositories)

    def unfit_strategy(self, it: It[RepositoryFacts], place: Place) -> str:
        if it.strategy == REPLICATION and place.name != it.ref.name:
            return f"replication keeps a repository's name, and it is to be called {place.name}: choose digest"
        return ""

    def remains(self, it: It[RepositoryFacts]) -> Iterator[Remainder]:
        if it.facts.archived:
            yield Remainder(
                "archived",
                f"{len(it.facts.archived)} of its images are archived by ECR, cannot be read and stay in legacy",
                "restore those that are needed (ecr.UpdateImageStorageClass with targetStorageClass STANDARD), wait "
                "until ecr.DescribeImages says ACTIVE and scan again",
            )

    def names(self, it: It[RepositoryFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        yield Name(
            f"{it.ref.account}.dkr.ecr.{it.ref.region}.amazonaws.com/{it.ref.name}",
            f"{place.account}.dkr.ecr.{place.region}.amazonaws.com/{place.name}",
            "url",
        )

    def needs(self, it: It[RepositoryFacts]) -> Iterator[Need]:
        if it.facts.kms_key:
            where = "ecr.DescribeRepositories repositories[].encryptionConfiguration.kmsKey"
            yield Need(it.facts.kms_key, "encrypted by", "hard", where)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RepositoryFacts]) -> dict[str, Json]:
        policy = _sendable(facts["policy"])
        # Renaming changes the order of sorted names.
        return facts | {"policy": policy and canonical(policy)}


def _own_key(site: ReadSite, key: str | None) -> str | None:
    """The key where it is one that people made; the account's AWS-managed key is not moved."""
    if not key:
        return None
    answer = site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=key)
    return None if answer and answer["KeyMetadata"].get("KeyManager") == "AWS" else key


def _held(site: ReadSite, name: str) -> tuple[int, list[str]]:
    """The bytes of its images (an upper bound: layers that images share are counted for each) without the archived
    ones, and the digests of those."""
    size_bytes, archived = 0, []
    for image in site.pages(
        "ecr.DescribeImages", "imageDetails", repositoryName=name, maxResults=1000, filter=images.EVERY
    ):
        if image.get("imageStatus") == images.ARCHIVED:
            archived.append(str(image["imageDigest"]))
        else:
            size_bytes += int(image.get("imageSizeInBytes") or 0)
    return size_bytes, sorted(archived)


KINDS = (Repository(),)
