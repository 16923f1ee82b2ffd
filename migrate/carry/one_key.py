"""Bring one key's history in the target up to legacy's. The rule: what is not known to be ours is not touched.

A refusal about one object (its owner, its key, its archive) is that key's problem and stops no other key.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from migrate.carry.listing import History, Version, plain
from migrate.carry.manifest import Intent, Row
from migrate.carry.one_object import ARCHIVED, Archived, Made, copy_version, hold, is_readable_whole
from migrate.carry.refusals import code_of, patiently, said_of
from migrate.carry.same_object import GONE, Buckets, Verdict, at, compare, head, object_tags
from migrate.errors import Lost
from migrate.kind import Carrier

DENIED = frozenset({"AccessDenied", "403", "Forbidden"})
CHANGED = frozenset({"PreconditionFailed", "412"})
"""Legacy was written to since it was listed: the next pass copies it."""
_FOREIGN = (
    "access denied: it belongs to the account that wrote it (an ACL), is encrypted under another key than the "
    "bucket's, or a policy denies it"
)
_SEALED = (
    "it cannot be read without parameters that only its owner knows: most likely a customer's own key (SSE-C), and "
    "only who has that key can copy it"
)
OF_ONE_OBJECT = {
    "AccessDenied": _FOREIGN,
    "403": _FOREIGN,
    "400": _SEALED,
    "InvalidRequest": _SEALED,
    "InvalidObjectState": "it is archived and has to be restored first",
    "KMS.DisabledException": "its KMS key is disabled",
    "KMS.KMSInvalidStateException": "its KMS key cannot be used",
    "KMS.NotFoundException": "its KMS key is gone",
    "KeyTooLongError": "its key is longer than 1024 bytes",
    "EntityTooLarge": "it is too large",
    "CannotSay": "it cannot be written anew as it is",
}
"""AWS's codes that are about the object and not about the run. Source: S3 API reference, Error responses; for 400 of a
head without a body: S3 user guide, SSE-C; both read 2026-11."""
PATIENCE_S = 120.0
"""A bucket policy and a key grant made a moment ago take up to minutes until every server of AWS knows them."""


class Known(NamedTuple):
    """What the manifest knows of one key."""

    rows: list[Row]
    intents: list[Intent]

    def of(self, version: Version) -> Row | None:
        """The row by which the target's version is ours."""
        return next((row for row in self.rows if row.is_ours(version)), None)

    def meant(self, version: Version) -> bool:
        """Whether legacy's version was about to be copied by an earlier, interrupted pass."""
        return any(intent.is_of(version) for intent in self.intents)

    def made_all(self, legacy: History, target: History) -> bool:
        """Whether every version that the target holds is ours."""
        return len(self.claimed(legacy, target)) + sum(self.of(version) is not None for version in target) == len(
            target
        )

    def claimed(self, legacy: History, target: History) -> list[Row]:
        """Rows of what an interrupted pass copied and could not note, and legacy has lost or written over since.

        Nothing in legacy is left to compare it with: its bytes have to be the ones that were meant.
        """
        lost = [intent for intent in self.intents if not any(intent.is_of(version) for version in legacy)]
        rows: list[Row] = []
        for version in target if lost else ():
            if self.of(version) is None:
                meant = next((i for i in lost if (i.etag, i.size_bytes) == (version.etag, version.size_bytes)), None)
                if meant is not None:
                    rows.append(_row(meant, Made(version.version_id or "", version.etag, _at(version))))
                    lost.remove(meant)
        return rows


@dataclass
class Outcome:
    """What became of one key."""

    copied: int = 0
    copied_bytes: int = 0
    equal: int = 0
    retagged: int = 0
    held: int = 0
    """Copied before, and its retention or legal hold was brought up to legacy's now."""
    vanished: int = 0
    archived: int = 0
    archived_bytes: int = 0
    restoring: int = 0
    """Archived, and AWS restores it because migration.yaml wants it."""
    problems: list[str] = field(default_factory=list)
    lost: Lost | None = None
    """The answer to a write of this key never came."""
    gone: list[Row] = field(default_factory=list)
    """Ours in the target, and legacy has it no more."""


class KeyPass:
    """One pass over all keys: safe in several threads."""

    def __init__(self, to: Carrier, buckets: Buckets) -> None:
        self.to, self.buckets = to, buckets
        self._notes: list[Row] = []
        self._lock = threading.Lock()
        self._denied_since: float | None = None
        self._looks = buckets.special or buckets.thorough

    def take_notes(self) -> list[Row]:
        """What was copied, or found to have been copied, since the last time."""
        with self._lock:
            notes, self._notes = self._notes, []
        return notes

    def intends(self, key: str, legacy: History, target: History, known: Known) -> History:
        """What may be copied in this pass: nothing for which the target holds what is not ours."""
        if not self.buckets.versioned:
            return legacy if legacy and all(known.of(version) for version in target) else ()
        kept, _ = self._standing(legacy, target, known)
        return legacy[len(kept) :]

    def carry(self, key: str, legacy: History, target: History, known: Known) -> Outcome:
        """Bring the target's history of this key up to legacy's."""
        done = Outcome()
        try:
            if self.buckets.versioned:
                self._history(done, legacy, target, known)
            else:
                self._object(done, legacy, target, known)
        except Archived as cold:
            done.archived, done.archived_bytes = 1, cold.version.size_bytes
            done.restoring = int(cold.restoring and self.buckets.restore is not None)
            if not done.restoring:
                done.problems.append(
                    f"{plain(key)} is archived ({cold.version.storage_class}) and has to be restored first"
                )
        except Lost as error:
            return Outcome(done.copied, done.copied_bytes, lost=error)
        except Exception as error:
            code = code_of(error)
            if code not in OF_ONE_OBJECT:
                raise
            done.problems.append(f"{plain(key)}: {OF_ONE_OBJECT[code]} ({said_of(error)})")
        return done

    def _object(self, done: Outcome, legacy: History, target: History, known: Known) -> None:
        """A bucket without versions: the one object of each side."""
        if not legacy:
            found = target[0]
            row = known.of(found)
            if row is None:
                done.problems.append(f"{plain(found.key)}: only in the target, and this migration did not put it there")
                return
            done.gone.append(row)
            return
        if target and not self._settled(done, legacy[0], target[0], known):
            return
        if not target or not done.equal:
            moved = tuple(version for version in target if not _same_class(legacy[0], version))
            self._copy(done, legacy[0], self._same_bytes(legacy[0], moved, known))

    def _settled(self, done: Outcome, legacy: Version, target: Version, known: Known) -> bool:
        """Compare the two; False where nothing may be written here."""
        row = known.of(target)
        if (
            row is not None
            and row.is_of(legacy)
            and _same_class(legacy, target)
            and not self._looks
            and self._tags_agree(done, legacy, target)
        ):
            done.equal = 1
            return True
        if row is not None or known.meant(legacy):
            self._locks_agree(done, legacy, target)
        verdict = compare(self.to, self.buckets, legacy, target)
        if verdict.equal:
            done.equal = 1
            if row is not None or known.meant(legacy):
                self._note(legacy, Made(target.version_id or "", target.etag, _at(target)))
        elif row is None:
            why = verdict.different or verdict.unproved
            done.problems.append(f"{plain(legacy.key)}: {why}; the target's was not put there by this migration")
            return False
        return True

    def _history(self, done: Outcome, legacy: History, target: History, known: Known) -> None:
        """A bucket with versions: the target's history only goes on, and loses what legacy lost."""
        done.gone += [row for version in target if (row := known.of(version)) and self._gone(legacy, row)]
        kept, again = self._standing(legacy, target, known)
        for one, other in zip(legacy, kept, strict=False):
            row = known.of(other)
            if row is not None and row.is_of(one) and self._same_place(done, one, other):
                done.equal += 1
                continue
            if row is not None or known.meant(one):
                self._locks_agree(done, one, other)
            verdict = compare(self.to, self.buckets, one, other)
            if not verdict.equal:
                done.problems.append(self._why(one.key, verdict, row))
                return
            done.equal += 1
            if row is None and known.meant(one):
                self._note(one, Made(other.version_id or "", other.etag, _at(other)))
        if len(kept) > len(legacy):
            key = kept[0].key
            done.problems.append(
                f"{plain(key)}: more versions than in legacy, and this migration did not put them there"
            )
            return
        made: list[Row] = []
        try:
            for version in legacy[done.equal :]:
                made += self._copy(done, version, self._same_bytes(version, again, known))
        except BaseException:
            # Half a history behind the one that stands would only be made once more.
            done.gone += made if again else ()
            raise
        done.gone += [row for version in again if (row := known.of(version))]

    def _standing(self, legacy: History, target: History, known: Known) -> tuple[History, History]:
        """What the target's history goes on from, and what of it is ours and in the way: it goes once that has come.

        A rule in legacy may move a version to another storage class after it was copied; a version's class cannot be
        changed in its place, so that it and all that came after it are copied once more, in order.
        """
        ours = tuple(version for version in target if not self._gone(legacy, known.of(version)))
        kept: list[Version] = []
        again: list[Version] = []
        for version in ours:
            row, wanted = known.of(version), legacy[len(kept)] if len(kept) < len(legacy) else None
            if row is not None and not self.buckets.special:
                stands = wanted is not None and row.is_of(wanted) and _same_class(wanted, version)
            elif again and wanted is not None and known.meant(wanted):
                # Copied by a pass that was killed before it could note it.
                stands = compare(self.to, self.buckets, wanted, version).equal
            else:
                return ours, ()
            (kept if stands else again).append(version)
        for later in legacy[len(kept) :]:
            if later.storage_class in ARCHIVED and again and self._same_bytes(later, tuple(again), known) is None:
                return ours, ()
        return tuple(kept), tuple(again)

    def _same_bytes(self, legacy: Version, target: History, known: Known) -> Version | None:
        """Our own copy of this version, where AWS can read it whole: legacy's may lie in an archive by now."""
        if self.buckets.special or not is_readable_whole(legacy):
            return None
        found = ((version, known.of(version)) for version in target if version.storage_class not in ARCHIVED)
        return next((version for version, row in found if row is not None and row.is_of(legacy)), None)

    def _same_place(self, done: Outcome, legacy: Version, target: Version) -> bool:
        if legacy.marker:
            return True
        return not self._looks and _same_class(legacy, target) and self._tags_agree(done, legacy, target)

    def _why(self, key: str, verdict: Verdict, row: Row | None) -> str:
        whose = "" if row else "; the target's was not put there by this migration"
        return f"{plain(key)}: {verdict.different or verdict.unproved}{whose}"

    def _tags_agree(self, done: Outcome, legacy: Version, target: Version) -> bool:
        """Bring our own copy's tags up to legacy's: of what both listings show unchanged, only tags can differ.

        Metadata and headers cannot be changed without writing the object anew, which its listing shows.
        """
        to, buckets = self.to, self.buckets
        wanted, held = object_tags(to.legacy, buckets.legacy, legacy), object_tags(to.target, buckets.target, target)
        if wanted is None or held is None:
            return False
        if wanted != held:
            named = {**at(buckets.target, target), "ExpectedBucketOwner": to.place.account}
            tags = [{"Key": key, "Value": value} for key, value in sorted(wanted.items())]
            if tags:
                to.write("s3.PutObjectTagging", **named, Tagging={"TagSet": tags})
            else:
                to.write("s3.DeleteObjectTagging", **named)
            done.retagged += 1
        return True

    def _locks_agree(self, done: Outcome, legacy: Version, target: Version) -> None:
        """Bring our own copy's retention and legal hold up to legacy's."""
        if not self.buckets.special or legacy.marker or target.marker:
            return
        wanted = head(self.to.legacy, self.buckets.legacy, legacy)
        held = head(self.to.target, self.buckets.target, target)
        if wanted is not None and held is not None:
            done.held += hold(self.to, self.buckets, target, wanted, held)

    def _gone(self, legacy: History, row: Row | None) -> bool:
        """Whether the row's version is ours and legacy has it no more (a `null` version may be written over)."""
        return self.buckets.versioned and row is not None and not any(row.is_of(version) for version in legacy)

    def _copy(self, done: Outcome, version: Version, own: Version | None = None) -> list[Row]:
        """Copy it, from our own copy where one is given; its row, none where it vanished."""
        made = self._patiently(version, own)
        if made is None:
            done.vanished += 1
            return []
        done.copied += 1
        done.copied_bytes += version.size_bytes
        return [self._note(version, made)]

    def _patiently(self, version: Version, own: Version | None) -> Made | None:
        """Copy; while the right to read may not have reached all of AWS, a refusal is waited for, once for all keys."""

        def copied_or_vanished() -> Made | None:
            try:
                return copy_version(self.to, self.buckets, version, own)
            except Exception as error:
                if code_of(error) not in (*GONE, *CHANGED):
                    raise
                return None

        def passing(error: BaseException) -> bool:
            if code_of(error) not in DENIED:
                return False
            with self._lock:
                if self._denied_since is None:
                    self._denied_since = time.monotonic()
                return time.monotonic() - self._denied_since < PATIENCE_S

        return patiently(copied_or_vanished, passing, for_s=PATIENCE_S)

    def _note(self, version: Version, made: Made) -> Row:
        row = _row(Intent.of(version), made)
        with self._lock:
            self._notes.append(row)
        return row


def _same_class(legacy: Version, target: Version) -> bool:
    return legacy.marker or legacy.storage_class == target.storage_class


def _row(of: Intent, made: Made) -> Row:
    return Row(of.key, of.version, of.etag, of.size_bytes, of.modified, made.version_id, made.etag, made.answered)


def _at(version: Version) -> float:
    return version.modified.timestamp() if version.modified else time.time()
