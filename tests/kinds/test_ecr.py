"""Repositories and their images: the same digests, tags and bytes, resumed where it stopped, taken back alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migrate.carry.images import PART_BYTES, sha256
from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import It
from migrate.kinds.ecr_repository import CopyImages, Repository, RepositoryFacts
from migrate.names import Ref
from tests.kinds.by_hand import LEGACY, REGION, TARGET, TwoAccounts, place, two_accounts, without
from tests.kinds.registry import DOCKER, INDEX, Crash, Fake, Registry, tags_of

KIND = Repository()
COPY: Any = CopyImages()  # the fakes below are less than a whole Carrier


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoAccounts]:
    with two_accounts(monkeypatch) as accounts:
        ecr = accounts.legacy.client("ecr")
        ecr.create_repository(
            repositoryName="shop/web",
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            tags=[{"Key": "team", "Value": "platform"}],
        )
        ecr.put_lifecycle_policy(
            repositoryName="shop/web",
            lifecyclePolicyText=json.dumps(
                {
                    "rules": [
                        {
                            "rulePriority": 1,
                            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
                            "action": {"type": "expire"},
                        }
                    ]
                }
            ),
        )
        ecr.set_repository_policy(
            repositoryName="shop/web",
            policyText=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Pull",
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"},
                            "Action": "ecr:BatchGetImage",
                        }
                    ],
                }
            ),
        )
        yield accounts


def test_a_narrow_look_for_an_absent_repository_finds_nothing(accounts: TwoAccounts) -> None:
    assert list(KIND.scan(accounts.site(KIND, "legacy"), only="absent")) == []


def test_a_narrow_look_says_the_same_as_the_wide_one_but_for_the_size(accounts: TwoAccounts) -> None:
    (wide,) = accounts.scan(KIND).values()
    narrow = accounts.one(KIND, "shop/web")

    assert (narrow.facts, narrow.tags, narrow.arn) == (wide.facts, wide.tags, wide.arn)
    assert wide.size_bytes == 0


def test_a_repository_arrives_with_its_settings_policies_and_tags_and_goes_again(accounts: TwoAccounts) -> None:
    legacy = accounts.one(KIND, "shop/web")

    sent = accounts.do(KIND, legacy, "create", "configure")

    target = accounts.one(KIND, "shop/web", "target")
    assert without(KIND, target.facts) == accounts.expected(KIND, legacy)
    assert (target.facts["tag_mutability"], target.facts["scan_on_push"]) == ("IMMUTABLE", True)
    assert target.facts["lifecycle_policy"]["rules"][0]["selection"]["countNumber"] == 9
    assert f"arn:aws:iam::{TARGET}:root" in str(target.facts["policy"])
    assert target.tags == place(KIND, legacy).stamp({"team": "platform"})
    accounts.undo(legacy, sent)
    assert accounts.scan(KIND, "target") == {}


def test_deleting_a_repository_in_a_rollback_never_forces(accounts: TwoAccounts) -> None:
    it = KIND.typed(accounts.one(KIND, "shop/web"))

    (request,) = KIND.action("create").requests(it, place(KIND, accounts.one(KIND, "shop/web")))

    assert request.undo is not None
    assert "force" not in request.undo.params


def test_a_key_of_ones_own_is_asked_for_and_awss_own_key_is_left_to_aws(
    accounts: TwoAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = accounts.legacy.client("kms").create_key()["KeyMetadata"]["Arn"]
    ecr = accounts.legacy.client("ecr")
    for name, configuration in (("own", {"encryptionType": "KMS", "kmsKey": key}), ("aws", {"encryptionType": "KMS"})):
        ecr.create_repository(repositoryName=name, encryptionConfiguration=configuration)

    site = accounts.site(KIND, "legacy")
    read = site.optional

    def as_aws_answers(operation: str, **params: Any) -> dict[str, Any] | None:
        # The emulator makes up the id of a key that it does not have where AWS takes its own.
        if operation == "kms.DescribeKey" and params["KeyId"] != key:
            return {"KeyMetadata": {"KeyManager": "AWS"}}
        return read(operation, **params)

    monkeypatch.setattr(site, "optional", as_aws_answers)
    found = {one.ref.name: one for one in KIND.scan(site)}

    own, aws = KIND.typed(found["own"]), KIND.typed(found["aws"])
    assert (own.facts.kms_key, aws.facts.encryption, aws.facts.kms_key) == (key, "KMS", None)
    assert [need.on for need in KIND.needs(own)] == [key]
    (request,) = KIND.action("create").requests(aws, place(KIND, found["aws"]))
    assert request.params["encryptionConfiguration"] == {"encryptionType": "KMS"}


def test_a_repository_is_known_by_its_arn_and_the_address_that_images_are_pulled_from(accounts: TwoAccounts) -> None:
    legacy = accounts.one(KIND, "shop/web")

    names = {name.legacy: name.target for name in KIND.names(KIND.typed(legacy), place(KIND, legacy))}

    assert names == {
        legacy.arn: legacy.arn.replace(LEGACY, TARGET),
        f"{LEGACY}.dkr.ecr.{REGION}.amazonaws.com/shop/web": f"{TARGET}.dkr.ecr.{REGION}.amazonaws.com/shop/web",
    }


# The images.


def an_it(*archived: str) -> It[RepositoryFacts]:
    facts = RepositoryFacts(
        tag_mutability="MUTABLE",
        mutability_exclusions=[],
        scan_on_push=False,
        encryption="AES256",
        kms_key=None,
        lifecycle_policy=None,
        policy=None,
        archived=list(archived),
    )
    ref = Ref(LEGACY, REGION, KIND.name, "shop/web")
    return KIND.typed(Resource(ref, "", {}, None, None, facts.model_dump(mode="json")))


@pytest.fixture
def shop() -> Fake:
    """A repository as people leave it: shared layers, two tags on one image, untagged ones, a list of two images."""
    legacy = Registry(LEGACY)
    ground = b"ground" * 1000
    legacy.image(ground, b"1.4", tags=("1.4.0",))
    legacy.image(ground, b"1.5", tags=("1.5.0", "latest"))
    legacy.image(ground, b"rc", media_type=DOCKER)
    parts = [legacy.image(ground, b"amd64"), legacy.image(ground, b"arm64")]
    legacy.index(*parts, tags=("2.0.0",))
    return Fake(legacy, Registry(TARGET))


def test_every_image_arrives_with_its_digest_and_tags(shop: Fake) -> None:
    counts = COPY.carry(an_it(), shop)

    assert tags_of(shop.target_registry) == tags_of(shop.legacy_registry)
    assert shop.target_registry.blobs == shop.legacy_registry.blobs
    assert (counts["images"], counts["tags"]) == (6, 4)
    assert counts["blobs"] == len(shop.legacy_registry.blobs)
    proof = COPY.prove(an_it(), shop)
    assert (proof.state, proof.differences) == ("equal", ())
    assert (proof.evidence["images"], proof.evidence["tags"]) == (6, 4)


def test_images_arrive_oldest_first_because_lifecycle_counts_from_the_push(shop: Fake) -> None:
    COPY.carry(an_it(), shop)

    def by_age(registry: Registry) -> list[str]:
        return sorted(registry.images, key=lambda digest: str(registry.images[digest]["pushed"]))

    assert by_age(shop.target_registry) == by_age(shop.legacy_registry)


def test_a_second_run_sends_nothing(shop: Fake) -> None:
    COPY.carry(an_it(), shop)
    shop.sent.clear()

    counts = COPY.carry(an_it(), shop)

    assert shop.sent == []
    assert counts["images"] == 0


def test_copying_goes_on_after_a_crash_before_any_write(shop: Fake) -> None:
    COPY.carry(an_it(), shop)
    whole = len(shop.sent)

    for crash in range(whole):
        again = Fake(shop.legacy_registry, Registry(TARGET), crash_before=crash)
        with pytest.raises(Crash):
            COPY.carry(an_it(), again)
        again.crash_before = None
        COPY.carry(an_it(), again)

        assert COPY.prove(an_it(), again).state == "equal"
        # A layer that was being uploaded is begun again; nothing that had arrived is sent twice.
        assert len(again.sent) <= whole + 2


@pytest.mark.parametrize("operation", ["ecr.CompleteLayerUpload", "ecr.PutImage"])
def test_a_write_whose_answer_was_lost_is_known_again_when_it_is_repeated(shop: Fake, operation: str) -> None:
    send = shop.write

    def lost(asked: str, **params: Any) -> dict[str, Any]:
        answer = send(asked, **params)
        if asked == operation:
            code = "ImageAlreadyExistsException" if asked == "ecr.PutImage" else "LayerAlreadyExistsException"
            raise ClientError({"Error": {"Code": code, "Message": "it is there"}}, asked)
        return answer

    shop.write = lost  # type: ignore[method-assign]
    COPY.carry(an_it(), shop)

    assert COPY.prove(an_it(), shop).state == "equal"


def test_a_tag_that_came_later_is_added_without_sending_layers(shop: Fake) -> None:
    COPY.carry(an_it(), shop)
    shop.sent.clear()
    untagged = next(digest for digest, image in shop.legacy_registry.images.items() if not image["tags"])
    shop.legacy_registry.images[untagged]["tags"].add("found")

    COPY.carry(an_it(), shop)

    assert [operation for operation, _ in shop.sent] == ["ecr.PutImage"]
    assert tags_of(shop.target_registry)[untagged] == {"found"}


def test_a_layer_is_uploaded_in_the_parts_that_ecr_asks_for(shop: Fake) -> None:
    shop.part_bytes = 2500

    COPY.carry(an_it(), shop)

    sizes = [len(params["layerPartBlob"]) for operation, params in shop.sent if operation == "ecr.UploadLayerPart"]
    assert (max(sizes), sizes.count(2500), sizes.count(1000)) == (2500, 2, 1)
    assert PART_BYTES > 2500
    assert COPY.prove(an_it(), shop).state == "equal"


def test_a_layer_that_came_broken_is_not_sent_on(shop: Fake) -> None:
    shop.damage = lambda content: content[:-1] + b"?"

    with pytest.raises(StepFailed, match="came as"):
        COPY.carry(an_it(), shop)

    assert shop.sent == []


def test_a_manifest_of_other_bytes_than_its_digest_is_refused(shop: Fake) -> None:
    image = next(iter(shop.legacy_registry.images.values()))
    image["manifest"] = json.dumps(json.loads(image["manifest"]))

    with pytest.raises(StepFailed, match="other bytes"):
        COPY.carry(an_it(), shop)


def test_a_list_whose_image_was_deleted_stops_with_the_digest(shop: Fake) -> None:
    (index,) = (one for one in shop.legacy_registry.images.values() if one["type"] == INDEX)
    gone = json.loads(index["manifest"])["manifests"][0]["digest"]
    del shop.legacy_registry.images[gone]

    with pytest.raises(StepFailed, match=gone):
        COPY.carry(an_it(), shop)


def test_a_foreign_layer_is_left_where_its_urls_say() -> None:
    legacy = Registry(LEGACY)
    foreign = {"digest": sha256(b"windows"), "size": 7, "urls": ["https://vendor.example/windows"]}
    config = json.dumps({}).encode()
    legacy.blobs[sha256(config)] = config
    own = {"digest": sha256(config), "size": len(config)}
    legacy.push(json.dumps({"config": own, "layers": [foreign]}), DOCKER, "win")
    fake = Fake(legacy, Registry(TARGET))

    COPY.carry(an_it(), fake)

    assert COPY.prove(an_it(), fake).state == "equal"


@pytest.mark.parametrize("loss", ["image", "tag", "layer", "stranger"])
def test_the_proof_sees_a_lost_image_tag_or_layer_and_a_stranger(shop: Fake, loss: str) -> None:
    COPY.carry(an_it(), shop)
    target = shop.target_registry
    tagged = next(digest for digest, image in target.images.items() if "1.4.0" in image["tags"])
    if loss == "image":
        del target.images[tagged]
    elif loss == "tag":
        target.images[tagged]["tags"].clear()
    elif loss == "layer":
        del target.blobs[sha256(b"1.4")]
    else:
        target.image(b"stranger", tags=("stranger",))

    proof = COPY.prove(an_it(), shop)

    assert proof.state == "different"
    assert len(proof.differences) == 1


def test_a_rollback_takes_away_what_was_brought_and_nothing_else(shop: Fake) -> None:
    mine = shop.target_registry.image(b"pushed by people", tags=("theirs",))
    COPY.carry(an_it(), shop)

    COPY.uncarry(an_it(), shop)

    assert tags_of(shop.target_registry) == {mine: {"theirs"}}
    assert len(shop.legacy_registry.images) == 6


def test_a_rollback_after_a_crash_takes_away_the_images_of_both_runs(shop: Fake) -> None:
    shop.crash_before = 12
    with pytest.raises(Crash):
        COPY.carry(an_it(), shop)
    assert shop.target_registry.images
    shop.crash_before = None
    COPY.carry(an_it(), shop)

    COPY.uncarry(an_it(), shop)

    assert shop.target_registry.images == {}


def test_an_image_that_cannot_be_deleted_is_said_and_not_passed_over(shop: Fake) -> None:
    COPY.carry(an_it(), shop)
    child = next(digest for digest, image in shop.legacy_registry.images.items() if not image["tags"])
    child = json.loads(next(one["manifest"] for one in shop.legacy_registry.images.values() if one["type"] == INDEX))[
        "manifests"
    ][0]["digest"]
    shop.target_registry.index(child, tags=("theirs",))

    with pytest.raises(StepFailed, match="still referenced"):
        COPY.uncarry(an_it(), shop)
