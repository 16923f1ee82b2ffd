"""EventBridge archive: keeps a bus's events for a replay. The rule: it begins empty, and what legacy archived
stays there."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request
from migrate.values import as_json

_GONE = ("ResourceNotFoundException",)
_SEEN_IN = "events.DescribeArchive"


class ArchiveFacts(Facts):
    """Source: events.DescribeArchive."""

    bus_arn: str
    description: str
    pattern: dict[str, Json] | None
    retention_days: int
    """0: for ever."""
    kms_key: str | None


class Create(Action[ArchiveFacts]):
    """The archive, empty."""

    name = "create"
    title = "Create the event archive, empty"

    def requests(self, it: It[ArchiveFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        optional: dict[str, Json] = {
            "Description": facts.description or None,
            "EventPattern": as_json(facts.pattern) if facts.pattern else None,
            "KmsKeyIdentifier": facts.kms_key,
        }
        return [
            Request(
                "events.CreateArchive",
                {"ArchiveName": place.name, "EventSourceArn": facts.bus_arn, "RetentionDays": facts.retention_days}
                | {key: value for key, value in optional.items() if value is not None},
                once="named",
                creates=True,
                outputs={"arn": "ArchiveArn"},
                retry=("ConcurrentModificationException",),
                undo=Request(
                    "events.DeleteArchive",
                    {"ArchiveName": place.name},
                    done=_GONE,
                    retry=("ConcurrentModificationException",),
                ),
            )
        ]


class Archive(Kind[ArchiveFacts]):
    """An archive of a bus. The events in legacy's archive are not carried: keep it until nobody will want a replay of
    them. Replays are not carried."""

    name = "events.archive"
    title = "EventBridge archive"
    facts = ArchiveFacts
    stamped = False
    reads = frozenset({"events.DescribeArchive", "events.ListArchives"})
    tagging_types = ("events:archive",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else sorted(site.pages("events.ListArchives", "Archives[].ArchiveName"))

        def described(name: str) -> dict[str, Any] | None:
            return site.optional("events.DescribeArchive", missing=_GONE, ArchiveName=name)

        for one in site.map(described, names):
            if one is not None:
                pattern = json.loads(one["EventPattern"]) if one.get("EventPattern") else None
                facts = ArchiveFacts(
                    bus_arn=one["EventSourceArn"],
                    description=one.get("Description") or "",
                    pattern=pattern or None,
                    retention_days=one.get("RetentionDays") or 0,
                    kms_key=one.get("KmsKeyIdentifier") or None,
                )
                yield self.found(site, one["ArchiveName"], facts, arn=one["ArchiveArn"])

    def needs(self, it: It[ArchiveFacts]) -> Iterator[Need]:
        # The default bus is in every account.
        if not it.facts.bus_arn.endswith(":event-bus/default"):
            yield Need(it.facts.bus_arn, "reads", "hard", f"{_SEEN_IN} EventSourceArn")
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", f"{_SEEN_IN} KmsKeyIdentifier")


KINDS = (Archive(),)
