"""Images that came, went or changed their tags in legacy after the copy: the cut-over starts what legacy would."""

from dataclasses import replace
from typing import Any

import pytest

from migrate.errors import StepFailed
from migrate.kinds.ecr_repository import BringPushed, CopyImages
from tests.kinds.registry import Fake, Registry, tags_of
from tests.kinds.test_ecr import an_it
from tests.kinds.test_ecr import shop as shop

COPY: Any = CopyImages()  # the fakes are less than a whole Carrier
PUSHED: Any = BringPushed()


def copied(shop: Fake) -> Fake:
    """The carrier of the later step, after the copy."""
    COPY.carry(an_it(), shop)
    return replace(shop, outputs={}, sent=[], others={"copy_images": shop.outputs})


def test_a_pushed_image_arrives_and_takes_its_tag_along(shop: Fake) -> None:
    later = copied(shop)
    shop.legacy_registry.image(b"1.6", tags=("latest",))

    PUSHED.carry(an_it(), later)

    assert tags_of(shop.target_registry) == tags_of(shop.legacy_registry)
    assert PUSHED.prove(an_it(), later).state == "equal"
    assert "ecr.BatchDeleteImage" not in [operation for operation, _ in later.sent]


def test_nothing_is_sent_where_nobody_pushed(shop: Fake) -> None:
    later = copied(shop)

    PUSHED.carry(an_it(), later)

    assert later.sent == []


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_what_legacy_deleted_or_untagged_goes_and_what_others_pushed_stays(shop: Fake, mutability: str) -> None:
    later = copied(shop)
    theirs = shop.target_registry.image(b"pushed by people", tags=("theirs",))
    images = shop.legacy_registry.images
    by_tag = {tag: digest for digest, image in images.items() for tag in image["tags"]}
    del images[by_tag["2.0.0"]]
    images[by_tag["1.4.0"]]["tags"].clear()
    images[by_tag["1.5.0"]]["tags"].discard("1.5.0")
    it = an_it()
    it = replace(it, facts=it.facts.model_copy(update={"tag_mutability": mutability}))

    PUSHED.carry(it, later)

    assert tags_of(shop.target_registry) == tags_of(shop.legacy_registry) | {theirs: {"theirs"}}
    assert [theirs in line for line in PUSHED.prove(it, later).differences] == [True]


def test_a_tag_that_cannot_move_is_taken_from_the_old_image_first(shop: Fake) -> None:
    later = copied(shop)
    for image in shop.legacy_registry.images.values():
        image["tags"].discard("1.4.0")
    new = shop.legacy_registry.image(b"again", tags=("1.4.0",))
    it = an_it()
    it = replace(it, facts=it.facts.model_copy(update={"tag_mutability": "IMMUTABLE"}))

    PUSHED.carry(it, later)

    operations = [operation for operation, _ in later.sent]
    assert operations[0] == "ecr.BatchDeleteImage"
    assert shop.target_registry.images[new]["tags"] == {"1.4.0"}
    assert PUSHED.prove(it, later).state == "equal"


def test_a_registry_that_somebody_emptied_empties_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.carry.images_followed.FEW_GONE", 2)
    shop = Fake(Registry("1"), Registry("2"))
    for number in range(6):
        shop.legacy_registry.image(b"%d" % number, tags=(str(number),))
    later = copied(shop)
    before = tags_of(shop.target_registry)
    for digest in list(shop.legacy_registry.images)[:4]:
        del shop.legacy_registry.images[digest]

    with pytest.raises(StepFailed, match="has lost 4 of the 6 images"):
        PUSHED.carry(an_it(), later)

    assert tags_of(shop.target_registry) == before


def test_a_rollback_takes_the_late_ones_away_too(shop: Fake) -> None:
    later = copied(shop)
    shop.legacy_registry.image(b"1.6", tags=("latest",))
    PUSHED.carry(an_it(), later)

    PUSHED.uncarry(an_it(), later)
    COPY.uncarry(an_it(), shop)

    assert shop.target_registry.images == {}
