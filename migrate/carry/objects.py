"""Carry a bucket's objects: copy what is missing or different, take away what legacy deleted, and only what is ours.

The rule: it looks at both buckets each time, so it may be stopped anywhere and run again; and it writes over or deletes
nothing in the target but what the manifest says this migration put there.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.carry import batch_jobs
from migrate.carry.lanes import in_lanes
from migrate.carry.listing import History, batches, histories, history_of, side_by_side
from migrate.carry.manifest import Manifest, Row, manifest_path
from migrate.carry.one_key import KeyPass, Known, Outcome
from migrate.carry.same_object import Buckets
from migrate.errors import StepFailed
from migrate.kind import Carrier
from migrate.values import Json

WRITES = frozenset(
    {
        "s3.AbortMultipartUpload",
        "s3.CompleteMultipartUpload",
        "s3.CopyObject",
        "s3.CreateMultipartUpload",
        "s3.DeleteObject",
        "s3.DeleteObjectTagging",
        "s3.PutObject",
        "s3.PutObjectLegalHold",
        "s3.PutObjectRetention",
        "s3.PutObjectTagging",
        "s3.RestoreObject",
        "s3.UploadPart",
        "s3.UploadPartCopy",
        *batch_jobs.WRITES,
    }
)
READS = frozenset(
    {
        "s3.GetObject",
        "s3.GetObjectTagging",
        # botocore sends it by itself behind a refused HeadObject, to learn the bucket's region.
        "s3.HeadBucket",
        "s3.HeadObject",
        "s3.ListMultipartUploads",
        "s3.ListObjectVersions",
        "s3.ListObjectsV2",
        *batch_jobs.READS,
    }
)
BATCH = 1000
RESTORE_POLL_S = 900.0
"""How often the buckets are looked at while AWS restores archived objects: that takes hours."""
LOST_WAITS_S = (5.0, 15.0, 45.0)
"""How long a key whose answer was lost is left alone before it is looked at again."""
SHOWN = 20
"""How many keys a message lists by name; all are counted, and all are in the list beside the manifest."""
TOO_MANY = 1000
"""So many keys with a problem, and the rest is not tried."""
FEW_GONE = 100
"""So many deletions, and fewer than half of what was copied, pass without a question."""

_Item = tuple[str, History, History, Known]
"""One key with both histories, and what the manifest knows of it."""


@dataclass
class Totals:
    """What became of all keys so far; the keys with a problem go to a file, never into memory."""

    problem_list: Path
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "copied",
                "copied_bytes",
                "equal",
                "retagged",
                "held",
                "vanished",
                "deleted",
                "archived",
                "archived_bytes",
                "restoring",
            ),
            0,
        )
    )
    shown: list[str] = field(default_factory=list)
    problems: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one key."""
        for name in self.counts.keys() - {"deleted"}:
            self.counts[name] += getattr(outcome, name)
        for problem in outcome.problems:
            with self.problem_list.open("a", encoding="utf-8", errors="replace") as lines:
                lines.write(problem.replace("\n", "\\n") + "\n")
            self.problems += 1
            if len(self.shown) < SHOWN:
                self.shown.append(problem)

    def raise_problems(self, buckets: Buckets) -> None:
        """Raise StepFailed where a key has a problem."""
        if not self.problems:
            return
        more = f"; and {self.problems - len(self.shown)} more" if self.problems > len(self.shown) else ""
        do = f"all of them are in {self.problem_list}; mend each as it says, and run again: what is equal is not copied"
        if self.counts["archived"]:
            do += f". {restore_advice(self.counts['archived'], self.counts['archived_bytes'])}"
        raise StepFailed(
            f"{self.problems} keys of s3://{buckets.target} are not as in s3://{buckets.legacy}: "
            f"{'; '.join(self.shown)}{more}",
            do=do,
        )


def restore_advice(objects: int, size_bytes: int) -> str:
    """What restoring so much from the archive means. No price is kept here.

    Source: S3 user guide, Understanding archive retrieval options, read 2026-11.
    """
    return (
        f"Archived: {objects} objects, {size_bytes / 1024**3:.1f} GiB. Restore each (s3.RestoreObject, or one S3 Batch "
        "Operations job) and wait: standard 3 to 5 hours from GLACIER and 12 from DEEP_ARCHIVE, bulk 5 to 12 and 48. "
        "AWS bills the retrieval by GB and by request, the restored copy as STANDARD for its days, and what leaves "
        "GLACIER before 90 or DEEP_ARCHIVE before 180 days: see the price list of the region first"
    )


def copy_all(to: Carrier, buckets: Buckets) -> dict[str, Json]:
    """Copy what the target lacks or has differently, delete there what legacy deleted; return counts for the receipt.

    Raises: StepFailed naming the keys that could not be brought up to legacy's: what was copied stays, these keys were
    not touched. Where legacy lost most of what was copied nothing is deleted.
    """
    restored = restored_bytes = 0
    while True:
        totals, by_jobs = _one_pass(to, buckets)
        waits = totals.counts.pop("restoring")
        restored, restored_bytes = max(restored, waits), max(restored_bytes, totals.counts["archived_bytes"])
        # What has a problem is said at once: nobody shall wait for hours to hear of it.
        totals.raise_problems(buckets)
        if not waits:
            more = {"restored": restored, "restored_bytes": restored_bytes} if restored else {}
            return dict(totals.counts) | more | by_jobs
        to.pause(RESTORE_POLL_S)


def _one_pass(to: Carrier, buckets: Buckets) -> tuple[Totals, dict[str, Json]]:
    """Look at every key once and bring it up to legacy's."""
    path = manifest_path(to, buckets)
    totals = Totals(path.with_suffix(".problems.txt"))
    totals.problem_list.unlink(missing_ok=True)
    whole = False
    with Manifest(path) as manifest:
        manifest.forget_gone()
        by_jobs = batch_jobs.copy_missing(to, buckets, manifest, merged(to, buckets))
        keys = KeyPass(to, buckets)

        def intended() -> Iterator[tuple[list[str], list[_Item]]]:
            for batch in batches(merged(to, buckets), BATCH):
                items = _with_known(manifest, batch)
                manifest.intend(version for item in items for version in keys.intends(*item))
                yield [key for key, _, _ in batch], items

        try:
            with in_lanes(to.legacy, lambda item: keys.carry(*item), intended()) as ended:
                for names, outcomes in ended:
                    manifest.note(keys.take_notes())
                    outcomes = [
                        _looked_at_again(keys, manifest, key, outcome) if outcome.lost else outcome
                        for key, outcome in zip(names, outcomes, strict=True)
                    ]
                    for outcome in outcomes:
                        totals.add(outcome)
                    manifest.mark_gone(row for outcome in outcomes for row in outcome.gone)
                    if totals.problems >= TOO_MANY:
                        break
                else:
                    whole = True
        finally:
            # Also what was copied before another key ended the pass: AWS has answered.
            manifest.note(keys.take_notes())
        if whole:
            totals.counts["deleted"] = _delete_gone(to, buckets, manifest)
    return totals, by_jobs


def _with_known(manifest: Manifest, batch: list[tuple[str, History, History]]) -> list[_Item]:
    """Add what the manifest knows, and tell it first what it has to know of copies that could not be noted."""
    rows_and_intents = manifest.known(key for key, _, _ in batch)
    known = {key: Known(*rows_and_intents.get(key, ([], []))) for key, _, _ in batch}
    claimed = {key: rows for key, *both in batch if (rows := known[key].claimed(*both))}
    if claimed:
        # Before any new intent, which takes the old one's place.
        manifest.note(row for rows in claimed.values() for row in rows)
    for key, rows in claimed.items():
        known[key].rows.extend(rows)
    return [(*item, known[item[0]]) for item in batch]


def _looked_at_again(keys: KeyPass, manifest: Manifest, key: str, outcome: Outcome) -> Outcome:
    """Carry one key on whose answer was lost: the look tells whether it was written. Raises Lost where it stays so.

    A lost answer among millions is the rule and no reason to begin anew. S3 shows a finished write at once; the waiting
    is for one that is still being written. Source: S3 user guide, Amazon S3 data consistency model, read 2026-11.
    """
    to, buckets = keys.to, keys.buckets
    copied, copied_bytes = outcome.copied, outcome.copied_bytes
    for wait_s in LOST_WAITS_S:
        time.sleep(wait_s)
        legacy = history_of(to.legacy, buckets.legacy, key, versioned=buckets.versioned)
        target = history_of(to.target, buckets.target, key, versioned=buckets.versioned)
        if not legacy and not target:
            return Outcome(copied, copied_bytes, vanished=1)
        ((*_, known),) = _with_known(manifest, [(key, legacy, target)])
        manifest.intend(keys.intends(key, legacy, target, known))
        try:
            outcome = keys.carry(key, legacy, target, known)
        finally:
            manifest.note(keys.take_notes())
        outcome.copied, outcome.copied_bytes = outcome.copied + copied, outcome.copied_bytes + copied_bytes
        if outcome.lost is None:
            return outcome
        copied, copied_bytes = outcome.copied, outcome.copied_bytes
    assert outcome.lost is not None
    raise outcome.lost


def _delete_gone(to: Carrier, buckets: Buckets, manifest: Manifest) -> int:
    """Delete in the target what this migration copied and legacy has no more; return how many."""
    ours, gone = manifest.counts()
    if gone > max(FEW_GONE, ours // 2):
        raise StepFailed(
            f"s3://{buckets.legacy} has lost {gone} of the {ours} objects that were copied: nothing was deleted in "
            f"s3://{buckets.target}",
            do="look whether somebody emptied legacy; if it is meant, delete these keys in the target, and run again",
        )
    for rows in batches(manifest.gone(), BATCH):
        to.legacy.map(lambda row: _delete_row(to, buckets, row), rows)
        manifest.drop(rows)
    return gone


def _delete_row(to: Carrier, buckets: Buckets, row: Row) -> None:
    named: dict[str, Any] = {"Bucket": buckets.target, "Key": row.key, "ExpectedBucketOwner": to.place.account}
    # Without versions a delete is for ever: only the bytes that were copied, should anybody have written just now.
    # Source: S3 user guide, How to perform conditional deletes, read 2026-11.
    named |= {"VersionId": row.target} if row.target else {"IfMatch": f'"{row.target_etag}"'}
    to.write("s3.DeleteObject", **named)


def merged(to: Carrier, buckets: Buckets) -> Iterator[tuple[str, History, History]]:
    """Every key of both buckets with its histories, as they are listed now."""
    return side_by_side(
        histories(to.legacy, buckets.legacy, versioned=buckets.versioned),
        histories(to.target, buckets.target, versioned=buckets.versioned),
    )
