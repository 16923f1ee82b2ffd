"""Which names of regions this version of botocore knows. The rule: one that it does not know is told, never refused.

A region may be newer than the botocore in use, or an emulator's own.
"""

from collections.abc import Iterable
from difflib import get_close_matches

import botocore.session


def known() -> list[str]:
    """Every region of every partition. Source: partitions.json of botocore."""
    partitions = botocore.session.Session().get_component("data_loader").load_data("partitions")["partitions"]
    return [region for partition in partitions for region in partition["regions"]]


def unknown(regions: Iterable[str]) -> dict[str, str]:
    """Region that botocore does not know → the known name that is most like it, or nothing."""
    names = known()
    return {one: next(iter(get_close_matches(one, names, 1)), "") for one in regions if one not in names}
