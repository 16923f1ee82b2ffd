"""Kinesis data stream: mode, shards, retention, encryption, policy and consumers. The rule: it begins empty; records
are read to their end in legacy, because a copy would have other sequence numbers and other times."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
    pair_tags,
)
from migrate.kinds._documents import canonical, without_dead
from migrate.values import as_json

_GONE = ("ResourceNotFoundException",)
_BUSY = ("ResourceInUseException",)
_SEEN_IN = "kinesis.DescribeStreamSummary StreamDescriptionSummary"
_STATUS = "StreamDescriptionSummary.StreamStatus"
_DEFAULT_HOURS = 24


class StreamFacts(Facts):
    """Source: kinesis.DescribeStreamSummary, kinesis.ListStreamConsumers, kinesis.GetResourcePolicy."""

    mode: str
    shards: int | None
    """None where AWS scales them itself."""
    retention_hours: int
    kms_key: str | None
    metrics: list[str]
    """Shard-level metrics."""
    max_record_kib: int | None
    policy: dict[str, Json] | None
    consumers: list[str]
    """Names of the registered consumers (enhanced fan-out)."""
    consumer_arns: dict[str, str]
    """By name: they end in the second of their registration."""


def _until_active(name: str) -> Wait:
    return Wait("kinesis.DescribeStreamSummary", {"StreamName": name}, _STATUS, ("ACTIVE",), timeout_s=900)


class Create(Action[StreamFacts]):
    """The stream, empty, with its consumers: their ARNs are known then."""

    name = "create"
    title = "Create the stream with its consumers"

    def requests(self, it: It[StreamFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"StreamName": place.name}
        tags = place.stamp(it.tags)
        optional: dict[str, Json] = {"ShardCount": facts.shards, "MaxRecordSizeInKiB": facts.max_record_kib}
        create = Request(
            "kinesis.CreateStream",
            own
            | {"StreamModeDetails": {"StreamMode": facts.mode}, "Tags": tags}
            | {key: value for key, value in optional.items() if value is not None},
            once="named",
            creates=True,
            wait=_until_active(place.name),
            undo=Request(
                "kinesis.DeleteStream",
                own | {"EnforceConsumerDeletion": True},
                done=_GONE,
                retry=_BUSY,
                wait=Wait("kinesis.DescribeStreamSummary", dict(own), _STATUS, ("gone",), gone=_GONE),
            ),
        )
        # An endpoint may forget the tags of a creation.
        stamp = Request("kinesis.AddTagsToStream", own | {"Tags": tags}, retry=_BUSY)
        return [create, stamp, *(_register(it, name) for name in facts.consumers)]


def _register(it: It[StreamFacts], name: str) -> Request:
    own: dict[str, Json] = {"StreamARN": it.arn, "ConsumerName": name}
    return Request(
        "kinesis.RegisterStreamConsumer",
        own,
        outputs={_consumer(name): "Consumer.ConsumerARN"},
        retry=_BUSY,
        find=Find("kinesis.DescribeStreamConsumer", dict(own), {_consumer(name): "ConsumerDescription.ConsumerARN"}),
        wait=Wait("kinesis.DescribeStreamConsumer", dict(own), "ConsumerDescription.ConsumerStatus", ("ACTIVE",)),
    )


def _consumer(name: str) -> str:
    return f"consumer_{name}"


class Configure(Action[StreamFacts]):
    """Retention, encryption, shard metrics, policy: one after the other, each needs the stream active."""

    name = "configure"
    title = "Set the stream's retention, encryption, metrics and policy"
    sets = frozenset({"kms_key", "metrics", "policy", "retention_hours"})

    def applies(self, it: It[StreamFacts]) -> bool:
        facts = it.facts
        longer = facts.retention_hours > _DEFAULT_HOURS
        return longer or bool(facts.kms_key or facts.metrics) or _sendable(facts.policy) is not None

    def requests(self, it: It[StreamFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"StreamName": place.name}

        def pair(do: str, back: str, params: dict[str, Json], undone: dict[str, Json]) -> Request:
            active = _until_active(place.name)
            undo = Request(f"kinesis.{back}", own | undone, done=(*_GONE, "InvalidArgumentException"), retry=_BUSY)
            return Request(f"kinesis.{do}", own | params, retry=_BUSY, wait=active, undo=undo)

        requests = []
        if facts.retention_hours > _DEFAULT_HOURS:
            hours, back = {"RetentionPeriodHours": facts.retention_hours}, {"RetentionPeriodHours": _DEFAULT_HOURS}
            requests.append(pair("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod", hours, back))
        if facts.kms_key:
            key = {"EncryptionType": "KMS", "KeyId": facts.kms_key}
            requests.append(pair("StartStreamEncryption", "StopStreamEncryption", key, key))
        if facts.metrics:
            metrics = {"ShardLevelMetrics": facts.metrics}
            requests.append(pair("EnableEnhancedMonitoring", "DisableEnhancedMonitoring", metrics, metrics))
        policy = _sendable(facts.policy)
        if policy is not None:
            arn = {"ResourceARN": it.arn}
            undo = Request("kinesis.DeleteResourcePolicy", dict(arn), done=_GONE)
            requests.append(Request("kinesis.PutResourcePolicy", arn | {"Policy": as_json(policy)}, undo=undo))
        return requests


def _sendable(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    return without_dead(policy) if policy else None


class Stream(Kind[StreamFacts]):
    """A stream. Records in it are not carried: stop the producers, let the consumers read legacy's to the end, then
    start the target's. Consumers' own check points (a DynamoDB table of the client library) are not carried and would
    be wrong: sequence numbers are new. Uneven hash ranges of split shards are not carried: ranges begin even."""

    name = "kinesis.stream"
    title = "Kinesis data stream"
    facts = StreamFacts
    reads = frozenset(
        {
            "kinesis.DescribeStreamConsumer",
            "kinesis.DescribeStreamSummary",
            "kinesis.GetResourcePolicy",
            "kinesis.ListStreamConsumers",
            "kinesis.ListStreams",
            "kinesis.ListTagsForStream",
        }
    )
    tagging_types = ("kinesis:stream",)
    volatile = frozenset({"consumer_arns"})
    actions = (Create(), Configure())
    left_out: ClassVar[Mapping[str, str]] = {
        "records": "they are read to their end in legacy",
        "warm throughput and record distribution": "both begin at AWS's default: set them by hand where they matter",
        "a consumer's own tags and policy": "give them again by hand",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else sorted(site.pages("kinesis.ListStreams", "StreamNames"))

        def described(name: str) -> Resource | None:
            return self._read(site, name)

        for found in site.map(described, names):
            if found is not None:
                yield found

    def _read(self, site: ReadSite, name: str) -> Resource | None:
        answer = site.optional("kinesis.DescribeStreamSummary", missing=_GONE, StreamName=name)
        summary: dict[str, Any] = (answer or {}).get("StreamDescriptionSummary") or {}
        if not summary or summary["StreamStatus"] == "DELETING":
            return None
        arn = summary["StreamARN"]
        consumers = {
            one["ConsumerName"]: one["ConsumerARN"]
            for one in site.pages("kinesis.ListStreamConsumers", "Consumers", StreamARN=arn)
        }
        policy = site.optional("kinesis.GetResourcePolicy", missing=_GONE, ResourceARN=arn) or {}
        document = json.loads(policy.get("Policy") or "{}")
        tags = site.optional("kinesis.ListTagsForStream", missing=_GONE, StreamName=name, Limit=50) or {}
        mode = (summary.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
        metrics = {metric for one in summary.get("EnhancedMonitoring", ()) for metric in one["ShardLevelMetrics"]}
        facts = StreamFacts(
            mode=mode,
            shards=summary["OpenShardCount"] if mode == "PROVISIONED" else None,
            retention_hours=summary["RetentionPeriodHours"],
            kms_key=summary.get("KeyId") if summary.get("EncryptionType") == "KMS" else None,
            metrics=sorted(metrics),
            max_record_kib=summary.get("MaxRecordSizeInKiB"),
            policy=canonical(document) if document else None,
            consumers=sorted(consumers),
            consumer_arns=consumers,
        )
        return self.found(site, name, facts, arn=arn, tags=pair_tags(tags.get("Tags")))

    def outputs(self, found: Resource) -> dict[str, str]:
        arns: dict[str, str] = found.facts["consumer_arns"]
        return super().outputs(found) | {_consumer(name): arn for name, arn in arns.items()}

    def names(self, it: It[StreamFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        for name, arn in it.facts.consumer_arns.items():
            yield Name(arn, after("create", _consumer(name)))

    def needs(self, it: It[StreamFacts]) -> Iterator[Need]:
        if it.facts.kms_key and not it.facts.kms_key.startswith("alias/aws/"):
            yield Need(it.facts.kms_key, "encrypted by", "hard", f"{_SEEN_IN}.KeyId")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[StreamFacts]) -> dict[str, Json]:
        policy = facts["policy"]
        return facts | {"policy": canonical(policy) if policy and _sendable(policy) else None}


KINDS = (Stream(),)
