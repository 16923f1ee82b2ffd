"""The order of versions and delete markers, which AWS lists apart, is told from times, or by listing one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from migrate.carry.listing import history_of


class Bucket:
    """One key's versions, newest first: (id, second, whether a marker)."""

    def __init__(self, *versions: tuple[str, int, bool]) -> None:
        self.versions, self.calls = versions, 0

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        assert operation == "s3.ListObjectVersions"
        self.calls += 1
        first = int(params.get("VersionIdMarker") or 0)
        shown = self.versions[first : first + params["MaxKeys"]]
        after = first + len(shown)
        told = [
            {"Key": "k", "VersionId": name, "LastModified": datetime(2026, 11, 1, 0, 0, at, tzinfo=UTC), "Size": 1,
             "ETag": f'"{name}"', "marker": marker}
            for name, at, marker in shown
        ]  # fmt: skip
        more = {"NextKeyMarker": "k", "NextVersionIdMarker": str(after)} if after < len(self.versions) else {}
        return {
            "Versions": [one for one in told if not one["marker"]],
            "DeleteMarkers": [one for one in told if one["marker"]], "IsTruncated": bool(more), **more,
        }  # fmt: skip


def oldest_first(bucket: Any) -> list[str | None]:
    return [version.version_id for version in history_of(bucket, "b", "k", versioned=True)]


def test_versions_of_one_second_around_a_marker_of_another_take_one_request() -> None:
    bucket = Bucket(("d", 9, False), ("c", 9, False), ("mark", 5, True), ("b", 3, False), ("a", 3, False))

    assert oldest_first(bucket) == ["a", "b", "mark", "c", "d"]
    assert bucket.calls == 1


def test_a_marker_and_a_version_of_one_second_are_listed_one_by_one() -> None:
    bucket = Bucket(("b", 5, False), ("mark", 5, True), ("a", 5, False))

    assert oldest_first(bucket) == ["a", "mark", "b"]
    assert bucket.calls > 1
