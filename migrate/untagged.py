"""Which things carry no tag that says whose they are, or of which environment. Pure.

The rule: a thing is untagged only where its tags were read. What cannot carry tags, or whose tags nobody read, is
counted by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Kind
from migrate.kinds.iam_role import AWS_PATHS
from migrate.placement import TAG_KEYS
from migrate.values import Json

OWNER_KEYS = ("owner", "team", "contact")
"""Keys that say whose a thing is, where nobody names others. A judgement."""
LIMIT = (
    "the tagging API lists only what is tagged or once was: a thing of these services that never had a tag is on no "
    "list here"
)
"""Source: resourcegroupstaggingapi.GetResources, botocore 1.44.5: "resources that are tagged or were previously
tagged"."""


@dataclass(frozen=True)
class Keys:
    """Tags that are looked for, each by any of its keys, in any case."""

    owner: tuple[str, ...] = OWNER_KEYS
    environment: tuple[str, ...] = TAG_KEYS

    def lacking(self, tags: Mapping[str, str]) -> tuple[str, ...]:
        """Which of the two are not there, or are empty."""
        there = {key.lower() for key, value in tags.items() if value.strip()}
        wanted = {"owner": self.owner, "environment": self.environment}
        return tuple(name for name, keys in wanted.items() if there.isdisjoint(key.lower() for key in keys))


@dataclass
class Tagged:
    """What is known of the things of one kind, or of one `service:type`."""

    name: str
    read: int = 0
    """Things whose tags were read."""
    lacking: dict[str, list[str]] = field(default_factory=lambda: {"owner": [], "environment": []})
    """Which tag → refs, or ARNs."""
    not_read: int = 0

    def add(self, what: str, lacking: Iterable[str]) -> None:
        """One thing."""
        self.read += 1
        for name in lacking:
            self.lacking[name].append(what)

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {"name": self.name, "read": self.read, "not_read": self.not_read, "lacking": dict(self.lacking)}


@dataclass(frozen=True)
class Listed:
    """What the tagging API showed: ARN → tags. Not whole where a region was refused."""

    tags: Mapping[str, Mapping[str, str]]

    def get(self, arn: str) -> Mapping[str, str] | None:
        """The tags of one, None where it is not listed."""
        return self.tags.get(arn) or self.tags.get(f"{arn}:*")


def of_kinds(
    resources: Iterable[Resource], kinds: Mapping[str, Kind[Any]], listed: Listed, keys: Keys
) -> tuple[list[Tagged], Counter[str]]:
    """What is known of each kind, and how many things there are of kinds that carry no tags."""
    found: dict[str, Tagged] = {}
    without: Counter[str] = Counter()
    for one in resources:
        kind = kinds.get(one.ref.kind)
        if kind is None or not kind.tagging_types:
            without[one.ref.kind] += 1
            continue
        if any(part in one.arn for part in AWS_PATHS):
            # Nobody tags roles of AWS. Source: IAM User Guide, "Tagging IAM resources", read 2026-11, unverified.
            continue
        tags = one.tags if _reads_tags(kind) else listed.get(one.arn)
        known = found.setdefault(one.ref.kind, Tagged(one.ref.kind))
        if tags is None:
            known.not_read += 1
        else:
            known.add(str(one.ref), keys.lacking(tags))
    return sorted(found.values(), key=lambda one: one.name), without


def _reads_tags(kind: Kind[Any]) -> bool:
    """Whether a scan shows the tags of this kind."""
    return kind.stamped or any("Tag" in operation for operation in kind.reads)


def of_others(listed: Listed, known: Iterable[str], type_of: Mapping[str, str], keys: Keys) -> list[Tagged]:
    """The same of what no kind handles. `known`: ARNs that a kind has; `type_of`: ARN → `service:type`."""
    own = {*known, *(f"{arn}:*" for arn in known)}
    found: dict[str, Tagged] = {}
    for arn, tags in sorted(listed.tags.items()):
        if arn not in own and arn in type_of:
            found.setdefault(type_of[arn], Tagged(type_of[arn])).add(arn, keys.lacking(tags))
    return sorted(found.values(), key=lambda one: one.name)
