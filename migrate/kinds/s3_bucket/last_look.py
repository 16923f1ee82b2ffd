"""Before anything starts in the target: whether legacy's bucket took objects since the last copy was proved."""

from collections.abc import Mapping, Sequence

from migrate.carry import objects, objects_late, prove_objects
from migrate.kind import Carrier, It, Json, Proof
from migrate.kinds._last_look import LastLook
from migrate.kinds.s3_bucket.actions import both_buckets
from migrate.kinds.s3_bucket.facts import BucketFacts, is_written_by_aws


class LookAgain(LastLook[BucketFacts]):
    """Both listings against the manifest. Where AWS writes logs, some always come later: the plan says so."""

    how = "both listings against what was copied; objects are read only where these differ"
    reads = objects.READS
    writes = objects.WRITES

    def applies(self, it: It[BucketFacts]) -> bool:
        return not is_written_by_aws(it.facts)

    def look(self, it: It[BucketFacts], to: Carrier) -> Sequence[str]:
        return objects_late.written_late(to, both_buckets(it, to))

    def bring(self, it: It[BucketFacts], to: Carrier) -> Mapping[str, Json]:
        return objects.copy_all(to, both_buckets(it, to))

    def prove_brought(self, it: It[BucketFacts], to: Carrier) -> Proof:
        return prove_objects.prove_all(to, both_buckets(it, to), written_since=None)
