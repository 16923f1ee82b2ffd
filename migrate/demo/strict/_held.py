"""The policies that a user, a group or a role of the emulator holds. The rule: the version in force is what counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def documents_of(holder: Any) -> Iterator[str]:
    """Each inline policy, and of each attached one the default version."""
    yield from holder.policies.values()
    for policy in holder.managed_policies.values():
        yield from (one.document for one in policy.versions if one.version_id == policy.default_version_id)
