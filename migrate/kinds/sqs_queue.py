"""SQS queue: made anew, empty. The rule: messages are not moved. Legacy's consumers drain the old queue before they
stop; what still lies in it at the cut-over (dead letters too) stays in legacy, where nothing deletes it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.carry.refusals import unless
from migrate.inventory import Resource
from migrate.kind import Action, Carrier, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after
from migrate.kinds._documents import canonical, parsed, without_dead
from migrate.values import as_json

_PLAIN = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_WAITING = {
    "ApproximateNumberOfMessages": "waiting",
    "ApproximateNumberOfMessagesNotVisible": "in work",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
_GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


class QueueFacts(Facts):
    """Source: sqs.GetQueueAttributes with All, without counters and dates; sqs.ListQueueTags."""

    url: str
    attributes: dict[str, str]
    kms_key: str | None
    kms_reuse_s: str | None
    policy: dict[str, Json] | None
    redrive_policy: dict[str, Json] | None
    redrive_allow_policy: dict[str, Json] | None


class Create(Action[QueueFacts]):
    """The queue with its plain attributes; FIFO can be said only here."""

    name = "create"
    title = "Create the queue"

    def requests(self, it: It[QueueFacts], place: Place) -> Sequence[Request]:
        attributes = {
            # A standard queue may not say that it is not FIFO. Source: sqs.CreateQueue, botocore 1.44.5.
            name: value
            for name, value in it.facts.attributes.items()
            if name != "FifoQueue" or value == "true"
        }
        return [
            Request(
                "sqs.CreateQueue",
                {"QueueName": place.name, "Attributes": attributes, "tags": place.stamp(it.tags)},
                once="named",
                creates=True,
                outputs={"url": "QueueUrl"},
                # The name of a deleted queue is blocked for a minute. Source: sqs.DeleteQueue, botocore 1.44.5.
                retry=("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"),
                undo=Request("sqs.DeleteQueue", {"QueueUrl": after("create", "url")}, done=_GONE),
            )
        ]

    def loses(self, it: It[QueueFacts], to: Carrier) -> Sequence[str]:
        """The messages in it: no read shows them without taking them, and no other queue has them."""
        url = to.outputs.get("url")
        if not url:
            return ()
        asked = {"QueueUrl": url, "AttributeNames": list(_WAITING)}
        answer = unless(_GONE, lambda: to.target.call("sqs.GetQueueAttributes", **asked))
        if answer is None:
            return ()
        counts = {said: int(answer["Attributes"].get(name) or 0) for name, said in _WAITING.items()}
        parts = [f"{count} {said}" for said, count in counts.items() if count]
        if not parts:
            return ()
        # Counts are right a minute after nobody sends any more. Source: sqs.GetQueueAttributes, botocore 1.44.5. S3's
        # test: s3.PutBucketNotificationConfiguration, botocore 1.44.5. Nothing shows a message without taking it.
        from_s3 = "s3.amazonaws.com" in json.dumps(it.facts.policy)
        test = "; S3 sends one as a test when a bucket's notifications are switched on" if from_s3 else ""
        return [f"about {sum(counts.values())} messages in {to.place.name} ({', '.join(parts)}{test})"]


class Configure(Action[QueueFacts]):
    """What names others: dead-letter queue, who may send, key."""

    name = "configure"
    title = "Set the queue's redrive, policy and key"
    sets = frozenset({"kms_key", "kms_reuse_s", "policy", "redrive_policy", "redrive_allow_policy"})

    def applies(self, it: It[QueueFacts]) -> bool:
        return bool(_configured(it.facts))

    def requests(self, it: It[QueueFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "sqs.SetQueueAttributes",
                {"QueueUrl": after("create", "url"), "Attributes": _configured(it.facts)},
                # A policy that names a role just made is invalid for some seconds (unverified).
                retry=("InvalidAttributeValue",),
            )
        ]


def _configured(facts: QueueFacts) -> dict[str, Json]:
    attributes: dict[str, Json] = {}
    if facts.kms_key:
        attributes["KmsMasterKeyId"] = facts.kms_key
        if facts.kms_reuse_s:
            attributes["KmsDataKeyReusePeriodSeconds"] = facts.kms_reuse_s
    if facts.redrive_policy:
        attributes["RedrivePolicy"] = as_json(facts.redrive_policy)
    if facts.redrive_allow_policy:
        attributes["RedriveAllowPolicy"] = as_json(facts.redrive_allow_policy)
    policy = without_dead(facts.policy) if facts.policy else None
    if policy:
        attributes["Policy"] = as_json(policy)
    return attributes


class Queue(Kind[QueueFacts]):
    """A queue. Its URL carries the account id, so code that builds URLs by itself has to be changed by its people."""

    name = "sqs.queue"
    title = "SQS queue"
    facts = QueueFacts
    reads = frozenset({"sqs.ListQueues", "sqs.GetQueueUrl", "sqs.GetQueueAttributes", "sqs.ListQueueTags"})
    tagging_types = ("sqs",)
    volatile = frozenset({"url"})
    actions = (Create(), Configure())
    left_out: ClassVar[Mapping[str, str]] = {
        "messages": "legacy's consumers drain the old queue; what still lies in it at the cut-over stays in legacy",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            answer = site.optional("sqs.GetQueueUrl", missing=_GONE, QueueName=only)
            urls = [answer["QueueUrl"]] if answer else []
        else:
            urls = sorted(site.pages("sqs.ListQueues", "QueueUrls", MaxResults=1000))

        def described(url: str) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
            # A queue that was just deleted is still listed for a minute.
            answer = site.optional("sqs.GetQueueAttributes", missing=_GONE, QueueUrl=url, AttributeNames=["All"])
            if answer is None:
                return None
            tags = site.optional("sqs.ListQueueTags", missing=_GONE, QueueUrl=url) or {}
            return answer["Attributes"], tags.get("Tags") or {}

        for url, both in zip(urls, site.map(described, urls), strict=True):
            if both is None:
                continue
            attributes, tags = both
            key = attributes.get("KmsMasterKeyId") or None
            plain = {name: attributes[name] for name in _PLAIN if name in attributes}
            # The emulator writes booleans its own way.
            plain |= {name: value.lower() for name, value in plain.items() if value in ("True", "False")}
            yield self.found(
                site,
                url.rpartition("/")[2],
                QueueFacts(
                    url=url,
                    attributes=plain,
                    kms_key=key,
                    kms_reuse_s=attributes.get("KmsDataKeyReusePeriodSeconds") if key else None,
                    policy=parsed(attributes["Policy"]) if attributes.get("Policy") else None,
                    redrive_policy=_document(attributes, "RedrivePolicy"),
                    redrive_allow_policy=_document(attributes, "RedriveAllowPolicy"),
                ),
                arn=attributes["QueueArn"],
                tags=tags,
            )

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | {"url": str(found.facts["url"])}

    def names(self, it: It[QueueFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        own, there = f"/{it.ref.account}/{it.ref.name}", f"/{place.account}/{place.name}"
        # Both documented forms; the second is the one of old SDKs. Source: SQS guide, queue URLs; AWS endpoints.
        forms = {
            f"https://sqs.{it.ref.region}.amazonaws.com{own}": f"https://sqs.{place.region}.amazonaws.com{there}",
            f"https://{it.ref.region}.queue.amazonaws.com{own}": f"https://sqs.{place.region}.amazonaws.com{there}",
        }
        for legacy, target in forms.items():
            yield Name(legacy, target, "url")
        if it.facts.url not in forms:
            yield Name(it.facts.url, after("create", "url"), "url")

    def needs(self, it: It[QueueFacts]) -> Iterator[Need]:
        where = "sqs.GetQueueAttributes Attributes"
        dead = (it.facts.redrive_policy or {}).get("deadLetterTargetArn")
        if dead:
            yield Need(dead, "dead letters", "cut", f"{where}.RedrivePolicy.deadLetterTargetArn")
        if it.facts.kms_key and not it.facts.kms_key.startswith("alias/aws/"):
            yield Need(it.facts.kms_key, "encrypted by", "soft", f"{where}.KmsMasterKeyId")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[QueueFacts]) -> dict[str, Json]:
        # Renaming changes the order of sorted names; AWS refuses principals that were deleted.
        policy = without_dead(facts["policy"]) if facts["policy"] else None
        return facts | {"policy": policy and canonical(policy)}


def _document(attributes: Mapping[str, str], name: str) -> dict[str, Json] | None:
    text = attributes.get(name)
    if not text:
        return None
    document: dict[str, Any] = json.loads(text)
    if "maxReceiveCount" in document:
        document["maxReceiveCount"] = int(document["maxReceiveCount"])  # a text or a number, as it was once set
    return document or None


KINDS = (Queue(),)
