"""Images that ECR archived: hidden from an ordinary listing, unreadable, and never left behind without a word."""

from collections.abc import Iterator
from typing import Any

import pytest

from migrate.errors import StepFailed
from migrate.kinds.ecr_repository import CopyImages, Repository
from tests.kinds.by_hand import LEGACY, TARGET, two_accounts
from tests.kinds.registry import Fake, Registry
from tests.kinds.test_ecr import an_it as repository_with

KIND = Repository()
COPY: Any = CopyImages()  # the fakes below are less than a whole Carrier


@pytest.fixture
def shop() -> Fake:
    legacy = Registry(LEGACY)
    ground = b"ground" * 1000
    legacy.image(ground, b"1.4", tags=("1.4.0",))
    legacy.image(ground, b"1.5", tags=("1.5.0", "latest"))
    return Fake(legacy, Registry(TARGET))


def archived(registry: Registry, tag: str) -> str:
    digest = next(digest for digest, image in registry.images.items() if tag in image["tags"])
    registry.images[digest]["status"] = "ARCHIVED"
    return digest


def test_an_archived_image_that_nobody_answered_for_stops_the_copy_before_it_sends_anything(shop: Fake) -> None:
    digest = archived(shop.legacy_registry, "1.4.0")

    with pytest.raises(StepFailed, match=digest) as refused:
        COPY.carry(repository_with(), shop)

    assert "UpdateImageStorageClass" in refused.value.do
    assert shop.sent == []


def test_an_archived_image_that_stays_by_decision_is_counted_and_the_others_arrive(shop: Fake) -> None:
    digest = archived(shop.legacy_registry, "1.4.0")

    COPY.carry(repository_with(digest), shop)

    assert set(shop.legacy_registry.images) - set(shop.target_registry.images) == {digest}
    proof = COPY.prove(repository_with(digest), shop)
    assert (proof.state, proof.evidence["archived, left in legacy"]) == ("equal", 1)
    # Restored since, it is an image like any other: it is missing.
    shop.legacy_registry.images[digest]["status"] = "ACTIVE"
    assert COPY.prove(repository_with(digest), shop).differences == (f"{digest} is not in the target",)


@pytest.mark.parametrize("side", ["legacy", "target"])
def test_an_image_that_is_archived_after_the_copy_is_no_difference(shop: Fake, side: str) -> None:
    COPY.carry(repository_with(), shop)
    archived(shop.legacy_registry if side == "legacy" else shop.target_registry, "1.4.0")

    assert COPY.prove(repository_with(), shop).state == "equal"


def test_what_ecr_archived_is_found_by_the_scan_and_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    with two_accounts(monkeypatch) as accounts:
        accounts.legacy.client("ecr").create_repository(repositoryName="shop/web")
        site = accounts.site(KIND, "legacy")
        read = site.pages

        def pages(operation: str, key: str, **params: Any) -> Iterator[Any]:
            if operation != "ecr.DescribeImages":
                yield from read(operation, key, **params)
                return
            assert params["filter"] == {"imageStatus": "ANY"}
            yield {"imageDigest": "sha256:a", "imageStatus": "ARCHIVED", "imageSizeInBytes": 5}
            yield {"imageDigest": "sha256:b", "imageStatus": "ACTIVE", "imageSizeInBytes": 7}

        site.pages = pages  # type: ignore[method-assign]
        (found,) = KIND.scan(site)

        assert (found.facts["archived"], found.size_bytes) == (["sha256:a"], 7)
        (remainder,) = KIND.remains(KIND.typed(found))
        assert "1 of its images" in remainder.what
