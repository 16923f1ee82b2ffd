"""What legacy's registry lost since its images were copied, lost in the target too.

The rule: only what this migration brought goes; what somebody else pushed there is named by the proof.

Source: ecr.BatchDeleteImage, botocore 1.44.5: an image goes with its last tag.
"""

from migrate.carry import images
from migrate.errors import StepFailed
from migrate.kind import Carrier
from migrate.values import Json

FEW_GONE = 100
"""So many deletions, and fewer than half of what was copied, pass without a question."""


def follow(to: Carrier, repository: str, *, tags_move: bool) -> dict[str, Json]:
    """Delete in the target what was brought there and legacy has no more, and tags that stand elsewhere or nowhere by
    now. What goes with its last tag and is still in legacy is copied again by `images.copy`, which also moves a tag
    where the repository lets it (`tags_move`).

    Raises StepFailed where legacy lost most of what was brought; nothing was deleted then.
    """
    brought = {*images.carried(to.learnt("copy_images")), *images.carried(to.outputs)}
    legacy, target = images.listed(to.legacy, repository), images.listed(to.target, to.place.name)
    ours = brought & target.keys()
    gone = sorted(ours - legacy.keys())
    if len(gone) > max(FEW_GONE, len(ours) // 2):
        raise StepFailed(
            f"{repository} in legacy has lost {len(gone)} of the {len(ours)} images that were copied: nothing was "
            f"deleted in account {to.place.account}",
            do="look whether somebody emptied it, or a lifecycle policy is wrong; if it is meant, delete these images "
            "in the target, then migrate run",
        )
    # Children of a list that stays are not deleted by AWS, and legacy could not have lost them alone.
    images.delete(to, gone, target, "migrate run")
    standing = {tag for image in legacy.values() for tag in image.tags}
    lost = [(digest, tag) for digest in sorted(ours & legacy.keys()) for tag in sorted(target[digest].tags)]
    lost = [(digest, tag) for digest, tag in lost if tag not in legacy[digest].tags]
    stale = [tag for _, tag in lost if not (tags_move and tag in standing)]
    images.take(to, [{"imageTag": tag} for tag in stale], "migrate run")
    return {"images deleted": len(gone), "tags deleted": len(stale)}
