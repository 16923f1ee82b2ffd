"""Event source mapping: made switched off; legacy's is switched off before the target's is switched on.

The rule: never two consumers of the same work. Starting positions apply to streams: TRIM_HORIZON reads a stream
again from its oldest record, LATEST leaves out what comes between the two switches.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    Find,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    join,
)
from migrate.kinds._listening import LISTENING

GONE = "ResourceNotFoundException"
BUSY = ("ResourceInUseException", "ResourceConflictException")
CARRIED = (
    "AmazonManagedKafkaEventSourceConfig",
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "KMSKeyArn",
    "LoggingConfig",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "ProvisionedPollerConfig",
    "Queues",
    "ScalingConfig",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "TumblingWindowInSeconds",
)


class MappingFacts(Facts):
    """Source: lambda.ListEventSourceMappings."""

    function_arn: str
    source_arn: str | None
    enabled: bool
    settings: dict[str, Json]
    """Everything else, by the name that lambda.CreateEventSourceMapping gives it."""


class Create(Action[MappingFacts]):
    """The mapping, switched off."""

    name = "create"
    title = "Create the event source mapping, switched off"

    def requests(self, it: It[MappingFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        source = {"EventSourceArn": facts.source_arn} if facts.source_arn else {}
        own = {"UUID": after("create", "id")}
        return [
            Request(
                "lambda.CreateEventSourceMapping",
                {"FunctionName": facts.function_arn, "Enabled": False, "Tags": place.stamp(it.tags)}
                | source
                | facts.settings,
                once="tagged",
                creates=True,
                outputs={"id": "UUID"},
                # The role was given the right to read the source a moment ago.
                retry=("InvalidParameterValueException",),
                find=Find(
                    "lambda.ListEventSourceMappings",
                    {"FunctionName": facts.function_arn} | source,
                    {"id": "EventSourceMappings[0].UUID"},
                ),
                wait=_wait(own, "Disabled"),
                undo=Request(
                    "lambda.DeleteEventSourceMapping",
                    dict(own),
                    done=(GONE,),
                    retry=BUSY,
                    wait=Wait("lambda.GetEventSourceMapping", dict(own), "State", ("gone",), gone=(GONE,)),
                ),
            )
        ]


class StopLegacy(Action[MappingFacts]):
    """Legacy's mapping off: what is in flight ends, nothing new is taken."""

    name = "stop_legacy"
    title = "Switch legacy's event source mapping off"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D2"

    def applies(self, it: It[MappingFacts]) -> bool:
        return it.facts.enabled

    def requests(self, it: It[MappingFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"UUID": it.ref.name}
        back = Request("lambda.UpdateEventSourceMapping", own | {"Enabled": True}, "legacy", retry=BUSY)
        return [
            Request(
                "lambda.UpdateEventSourceMapping",
                own | {"Enabled": False},
                "legacy",
                retry=BUSY,
                wait=_wait(own, "Disabled"),
                undo=back,
            )
        ]

    def legacy_after(self, it: It[MappingFacts]) -> Mapping[str, Json] | None:
        return {"enabled": False}


class Start(Action[MappingFacts]):
    """The target's mapping on."""

    name = "start"
    title = "Switch the event source mapping on"
    phase = "cutover"
    undo_class = "R3"
    after_kinds = LISTENING

    def applies(self, it: It[MappingFacts]) -> bool:
        return it.facts.enabled

    def requests(self, it: It[MappingFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"UUID": after("create", "id")}
        off = Request(
            "lambda.UpdateEventSourceMapping",
            own | {"Enabled": False},
            done=(GONE,),
            retry=BUSY,
            wait=_wait(own, "Disabled", gone=True),
        )
        return [
            Request(
                "lambda.UpdateEventSourceMapping",
                own | {"Enabled": True},
                retry=BUSY,
                wait=_wait(own, "Enabled"),
                undo=off,
            )
        ]


class EventSourceMapping(Kind[MappingFacts]):
    """What feeds a queue or stream to a function. AWS allows one of a source to a function: where the target has one
    that this migration did not make, creating is refused."""

    name = "lambda.event_source_mapping"
    title = "Lambda event source mapping"
    facts = MappingFacts
    named = False
    reads = frozenset({"lambda.GetEventSourceMapping", "lambda.ListEventSourceMappings", "lambda.ListTags"})
    tagging_types = ("lambda:event-source-mapping",)
    part_of = ("lambda.function", "lambda.alias", "sqs.queue", "kinesis.stream", "dynamodb.table")
    actions = (Create(), StopLegacy(), Start())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("lambda.ListEventSourceMappings", "EventSourceMappings", MaxItems=100))
        else:
            # A UUID has 36 characters; AWS refuses anything shorter unread.
            answer = (
                site.optional("lambda.GetEventSourceMapping", missing=(GONE,), UUID=only) if len(only) == 36 else None
            )
            listed = [answer] if answer else []
        standing = [found for found in listed if found.get("State") != "Deleting"]
        arns = [f"arn:aws:lambda:{site.region}:{site.account}:event-source-mapping:{one['UUID']}" for one in standing]
        answers = site.map(lambda arn: site.optional("lambda.ListTags", missing=(GONE,), Resource=arn) or {}, arns)
        for found, arn, tags in zip(standing, arns, answers, strict=True):
            yield self.found(site, found["UUID"], _facts(found), arn=arn, tags=tags.get("Tags"))

    def needs(self, it: It[MappingFacts]) -> Iterator[Need]:
        seen_in = "lambda.ListEventSourceMappings EventSourceMappings[]"
        yield Need(it.facts.function_arn, "runs", "hard", f"{seen_in}.FunctionArn")
        if it.facts.source_arn:
            yield Need(it.facts.source_arn, "consumes", "cut", f"{seen_in}.EventSourceArn")

    def names(self, it: It[MappingFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.ref.name, own, "id")
        yield Name(it.arn, join(f"arn:aws:lambda:{place.region}:{place.account}:event-source-mapping:", own))

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[MappingFacts]) -> dict[str, Json]:
        return facts if "start" in done else facts | {"enabled": False}


def _wait(own: dict[str, Json], state: str, *, gone: bool = False) -> Wait:
    return Wait("lambda.GetEventSourceMapping", dict(own), "State", (state,), gone=(GONE,) if gone else (), every_s=5)


def _facts(found: dict[str, Any]) -> MappingFacts:
    return MappingFacts(
        function_arn=found["FunctionArn"],
        source_arn=found.get("EventSourceArn"),
        enabled=found.get("State") in ("Creating", "Enabling", "Enabled", "Updating"),
        settings={name: _plain(found[name]) for name in CARRIED if found.get(name) not in (None, [], {})},
    )


def _plain(value: Any) -> Json:
    """A time as text."""
    return value.isoformat() if isinstance(value, datetime) else value


KINDS = (EventSourceMapping(),)
