"""Rules over versions: a bucket whose versioning is suspended keeps what it has.

The one rule it keeps: only the version `null` is written over or deleted without being named.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from migrate.demo.strict import override, strict

NULL = "null"
_LOOKING: ContextVar[bool] = ContextVar("strict_looking", default=False)
"""Whether a single version is being looked at, which does not ask whether new ones are kept."""


@strict(
    "s3.suspended-versions",
    makes="under suspended versioning a write or delete takes the place of the version `null` only; older ones stay",
    source="S3 user guide, Adding objects to (Deleting objects from) versioning-suspended buckets, read 2026-11",
)
def suspended_versions() -> None:
    """In the emulator a write or delete in such a bucket takes the whole history away, and no old version is shown.

    Source: S3 user guide, Adding objects to versioning-suspended buckets, Deleting objects from them, read 2026-11.
    """
    from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
    from moto.s3.responses import S3Response

    def named(bucket: Any, key: str) -> list[Any]:
        return [one for one in bucket.keys.getlist(key, []) if one.version_id != NULL]

    def keep(bucket: Any, key: str, versions: list[Any]) -> None:
        # Past the emulator's own store, which closes whatever it does not find in its list any more.
        if versions:
            dict.__setitem__(bucket.keys, key, versions)
        else:
            dict.pop(bucket.keys, key, None)

    @override(S3Backend, "put_object")
    def put_object(old: Any, self: Any, bucket_name: str, key_name: str, *words: Any, **more: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        older = named(bucket, key_name) if bucket.versioning_status == "Suspended" else []
        if older:
            dict.pop(bucket.keys, key_name, None)
        try:
            return old(self, bucket_name, key_name, *words, **more)
        finally:
            if older:
                keep(bucket, key_name, [*older, *bucket.keys.getlist(key_name, [])])

    @override(S3Backend, "delete_object")
    def delete_object(
        old: Any, self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        versions = bucket.keys.getlist(key_name, [])
        if bucket.versioning_status != "Suspended" or not versions:
            return old(self, bucket_name, key_name, version_id=version_id, bypass=bypass)
        if version_id is not None:
            keep(bucket, key_name, [one for one in versions if one.version_id != version_id])
            return True, {"version-id": version_id}
        marker = FakeDeleteMarker(key=versions[-1])
        marker._version_id = NULL
        keep(bucket, key_name, [*named(bucket, key_name), marker])
        return True, {"version-id": NULL, "delete-marker": "true"}

    def is_versioned(bucket: Any) -> bool:
        return bucket.versioning_status == "Enabled" or (bucket.versioning_status == "Suspended" and _LOOKING.get())

    FakeBucket.is_versioned = property(is_versioned)  # type: ignore[method-assign,assignment]

    @override(S3Response, "head_object")
    def head_object(old: Any, self: Any, *words: Any, **more: Any) -> Any:
        token = _LOOKING.set(True)
        try:
            return old(self, *words, **more)
        finally:
            _LOOKING.reset(token)
