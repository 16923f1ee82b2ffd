"""What a legacy bucket took since its last copy was proved: by both listings and the manifest, without reading objects.

The rule: a version is passed over only where the manifest says that this very one was copied, and its copy stands;
every other key is compared as the proof compares it.
"""

from migrate.carry.lanes import in_lanes
from migrate.carry.listing import History, batches, plain
from migrate.carry.manifest import Manifest, manifest_path
from migrate.carry.objects import BATCH, SHOWN, merged
from migrate.carry.one_key import Known
from migrate.carry.prove_objects import Compared, compared
from migrate.carry.same_object import Buckets
from migrate.kind import Carrier

_Item = tuple[str, History, History]


def written_late(to: Carrier, buckets: Buckets) -> list[str]:
    """A line for each of the first keys that are not as they were copied, then how many more. Tags, retention and
    legal holds do not show in a listing: what changed of those alone is not seen here, and `verify` compares them."""
    lines: list[str] = []
    count = 0

    def judged(item: _Item) -> Compared:
        return compared(to, buckets, *item)

    with Manifest(manifest_path(to, buckets)) as manifest:

        def unknown(batch: list[_Item]) -> list[_Item]:
            known = {key: Known(*found) for key, found in manifest.known(key for key, _, _ in batch).items()}
            return [item for item in batch if item[0] not in known or not _is_as_copied(known[item[0]], *item[1:])]

        begun = ((left, left) for batch in batches(merged(to, buckets), BATCH) if (left := unknown(batch)))
        with in_lanes(to.legacy, judged, begun) as ended:
            for (key, _, _), one in (pair for left, found in ended for pair in zip(left, found, strict=True)):
                # What could not be proved was said by the proof already.
                if one.sort == "different":
                    count += 1
                    if len(lines) < SHOWN:
                        lines.append(f"{plain(key)}: {one.said}")
    return [*lines, *([f"and {count - len(lines)} more keys"] if count > len(lines) else [])]


def _is_as_copied(known: Known, legacy: History, target: History) -> bool:
    """Whether both histories are the ones that the manifest knows, version by version."""
    if len(legacy) != len(target):
        return False
    rows = (known.of(version) for version in target)
    return all(row is not None and row.is_of(version) for row, version in zip(rows, legacy, strict=True))
