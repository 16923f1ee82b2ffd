"""Carry a bucket's objects: copy what is missing or different, prove every key, take away only what is equal.

The rule: it looks at both buckets each time and keeps no list of its own, so it may be stopped anywhere and run again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from migrate.carry.listing import History, Version, batches, histories, side_by_side
from migrate.carry.one_object import copy_version
from migrate.carry.refusals import code_of, patiently
from migrate.carry.same_object import GONE, Buckets, compare
from migrate.errors import Conflict, StepFailed
from migrate.kind import Carrier, Proof
from migrate.values import Json

WRITES = frozenset(
    {
        "s3.AbortMultipartUpload",
        "s3.CompleteMultipartUpload",
        "s3.CopyObject",
        "s3.CreateMultipartUpload",
        "s3.DeleteObject",
        "s3.PutObject",
        "s3.UploadPart",
        "s3.UploadPartCopy",
    }
)
READS = frozenset(
    {
        "s3.GetObject",
        "s3.GetObjectTagging",
        "s3.HeadObject",
        "s3.ListMultipartUploads",
        "s3.ListObjectVersions",
        "s3.ListObjectsV2",
    }
)
BATCH = 400
SHOWN = 100
"""How many keys a message or proof lists by name; all are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one key."""

    copied: int = 0
    copied_bytes: int = 0
    equal: int = 0
    vanished: int = 0
    problem: str = ""


def copy_all(to: Carrier, buckets: Buckets) -> dict[str, Json]:
    """Copy what the target lacks or has differently; return counts for the receipt.

    Raises: StepFailed naming every key whose history in the target is not the beginning of legacy's; what could be
    copied was copied, these keys were not touched.
    """
    totals = {"copied": 0, "copied_bytes": 0, "equal": 0, "vanished": 0}
    problems: list[str] = []
    for batch in batches(_merged(to, buckets), BATCH):
        wanted = [(key, legacy, target) for key, legacy, target in batch if legacy]
        for outcome in to.legacy.map(lambda item: _carry_key(to, buckets, *item), wanted):
            for name in totals:
                totals[name] += getattr(outcome, name)
            problems.extend([outcome.problem] if outcome.problem else [])
    if problems:
        raise StepFailed(
            f"{len(problems)} keys of s3://{buckets.target} hold something else: {_some(problems)}",
            do="look at these keys in the target; remove what nobody needs there, and run again",
        )
    return dict(totals)


def prove_all(to: Carrier, buckets: Buckets, *, written_since: datetime | None) -> Proof:
    """Compare every key and version of both buckets, extra ones too.

    written_since: legacy may still be written to, so what changed there after this time is counted and not blamed
    (the last copy comes when nothing writes any more). None: everything has to be equal.
    """
    counts = {"keys": 0, "versions": 0, "bytes": 0, "changed_since": 0, "different": 0, "unproved": 0}
    differences: list[str] = []
    unproved: list[str] = []
    for batch in batches(_merged(to, buckets), BATCH):
        found = to.legacy.map(lambda item: _prove_key(to, buckets, *item, written_since=written_since), batch)
        for (key, legacy, _), (sort, said) in zip(batch, found, strict=True):
            counts["keys"] += 1
            counts["versions"] += len(legacy)
            counts["bytes"] += sum(version.size_bytes for version in legacy)
            if sort != "equal":
                counts[sort] += 1
            if sort in ("different", "unproved"):
                (differences if sort == "different" else unproved).append(f"{key}: {said}")
    compared = "keys, versions, delete markers, sizes, content, headers, metadata, tags, storage classes"
    listed = [*differences, *(f"{text} (could not be proved)" for text in unproved)]
    more = [f"and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    state: Literal["equal", "different", "could not be proved"] = "equal"
    if differences:
        state = "different"
    elif unproved:
        state = "could not be proved"
    return Proof(state, (compared,), (*listed[:SHOWN], *more), dict(counts))


def take_away(to: Carrier, buckets: Buckets) -> int:
    """Delete from the target what is equal to legacy; return how many versions.

    Raises: Conflict with the list where the target holds anything else; nothing was deleted then.
    """
    foreign: list[str] = []
    for batch in batches(_merged(to, buckets), BATCH):
        held = [item for item in batch if item[2]]
        found = to.legacy.map(lambda item: _prove_key(to, buckets, *item, begins=True), held)
        foreign += [f"{key}: {said}" for (key, _, _), (sort, said) in zip(held, found, strict=True) if sort != "equal"]
    if foreign:
        raise Conflict(
            f"s3://{buckets.target} holds {len(foreign)} keys that are not what was carried: {_some(foreign)}",
            do="save or remove these keys, then roll back again",
        )
    deleted = 0
    for carried in batches(histories(to.target, buckets.target, versioned=buckets.versioned), BATCH):
        versions = [version for _, history in carried for version in history]
        to.legacy.map(lambda version: _delete(to, buckets, version), versions)
        deleted += len(versions)
    return deleted


def _merged(to: Carrier, buckets: Buckets) -> Iterator[tuple[str, History, History]]:
    return side_by_side(
        histories(to.legacy, buckets.legacy, versioned=buckets.versioned),
        histories(to.target, buckets.target, versioned=buckets.versioned),
    )


def _carry_key(to: Carrier, buckets: Buckets, key: str, legacy: History, target: History) -> Outcome:
    """Bring one key's history up to legacy's. An object without versions is written over, a history only goes on."""
    verdicts = [compare(to, buckets, one, other) for one, other in zip(legacy, target, strict=False)]
    equal = sum(verdict.equal for verdict in verdicts)
    if buckets.versioned and equal < len(target):
        unlike = verdicts[equal] if equal < len(verdicts) else None
        why = (unlike.different or unlike.unproved) if unlike else "more versions than in legacy"
        return Outcome(problem=f"{key}: {why}")
    copied = vanished = copied_bytes = 0
    for version in legacy[equal:]:
        if _copy(to, buckets, version):
            copied += 1
            copied_bytes += version.size_bytes
        else:
            vanished += 1
    return Outcome(copied, copied_bytes, equal, vanished)


def _copy(to: Carrier, buckets: Buckets, version: Version) -> bool:
    def vanished_or_copied() -> bool:
        try:
            return copy_version(to, buckets, version)
        except Exception as error:
            if code_of(error) not in GONE:
                raise
            return False

    # A bucket policy and a key grant made a moment ago take up to minutes until every server of AWS knows them.
    return patiently(vanished_or_copied, lambda error: code_of(error) == "AccessDenied")


def _prove_key(
    to: Carrier,
    buckets: Buckets,
    key: str,
    legacy: History,
    target: History,
    *,
    written_since: datetime | None = None,
    begins: bool = False,
) -> tuple[str, str]:
    """`begins`: the target may hold just the beginning of legacy's history."""
    if len(legacy) != len(target) and not (begins and len(target) < len(legacy)):
        if _moved_on(legacy, written_since):
            return "changed_since", ""
        return "different", _uneven(legacy, target)
    for one, other in zip(legacy, target, strict=False):
        verdict = compare(to, buckets, one, other)
        if verdict.different and _moved_on(legacy, written_since):
            return "changed_since", ""
        if verdict.different:
            return "different", verdict.different
        if verdict.unproved:
            return "unproved", verdict.unproved
    return "equal", ""


def _moved_on(legacy: History, since: datetime | None) -> bool:
    """Whether legacy was written to, or the key deleted there, while or after it was copied."""
    if since is None:
        return False
    newest = legacy[-1].modified if legacy else None
    return not legacy or (newest is not None and newest >= since)


def _uneven(legacy: History, target: History) -> str:
    if not legacy:
        return "only in the target: deleted in legacy since it was copied, or written by someone"
    if not target:
        return "missing in the target"
    return f"{len(legacy)} versions in legacy, {len(target)} in the target"


def _delete(to: Carrier, buckets: Buckets, version: Version) -> None:
    named: dict[str, Any] = {"Bucket": buckets.target, "Key": version.key}
    if version.version_id:
        named["VersionId"] = version.version_id
    to.write("s3.DeleteObject", **named, ExpectedBucketOwner=to.place.account)


def _some(texts: list[str]) -> str:
    return "; ".join(texts[:20]) + (f"; and {len(texts) - 20} more" if len(texts) > 20 else "")
