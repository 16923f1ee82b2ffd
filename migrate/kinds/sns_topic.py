"""SNS topic: made anew with its attributes, then its policy. The rule: nobody is subscribed here; each subscription
is a resource of its own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.kinds._documents import canonical, parsed, without_dead
from migrate.values import as_json

_AT_CREATE = (
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "SignatureVersion",
    "TracingConfig",
)
_LATER = ("KmsMasterKeyId",)
_DOCUMENTS = ("DeliveryPolicy", "ArchivePolicy")
_FEEDBACK = ("FeedbackRoleArn", "FeedbackSampleRate")
"""Endings of the delivery-status attributes, one set per protocol. Source: sns.SetTopicAttributes, botocore 1.44.5."""
_GONE = ("NotFound", "NotFoundException")


class TopicFacts(Facts):
    """Source: sns.GetTopicAttributes without counters and what follows from others; sns.ListTagsForResource."""

    attributes: dict[str, str]
    documents: dict[str, dict[str, Json]]
    """DeliveryPolicy and ArchivePolicy, where set."""
    policy: dict[str, Json] | None
    """None: the one that every topic is born with."""


class Create(Action[TopicFacts]):
    """The topic; FIFO can be said only here."""

    name = "create"
    title = "Create the topic"

    def requests(self, it: It[TopicFacts], place: Place) -> Sequence[Request]:
        attributes = {name: value for name, value in it.facts.attributes.items() if name in _AT_CREATE}
        return [
            Request(
                "sns.CreateTopic",
                {"Name": place.name, "Attributes": attributes, "Tags": tag_pairs(place.stamp(it.tags))},
                once="named",
                creates=True,
                outputs={"arn": "TopicArn"},
                undo=Request("sns.DeleteTopic", {"TopicArn": it.arn}, done=_GONE),
            )
        ]


class Configure(Action[TopicFacts]):
    """What names others: who may publish, key, delivery-status roles."""

    name = "configure"
    title = "Set the topic's policy and key"
    sets = frozenset({"attributes", "documents", "policy"})

    def applies(self, it: It[TopicFacts]) -> bool:
        return bool(_configured(it.facts))

    def requests(self, it: It[TopicFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "sns.SetTopicAttributes",
                {"TopicArn": it.arn, "AttributeName": name, "AttributeValue": value},
                # A policy that names a role just made is invalid for some seconds (unverified).
                retry=("InvalidParameter",),
            )
            for name, value in _configured(it.facts).items()
        ]


def _configured(facts: TopicFacts) -> dict[str, Json]:
    later: dict[str, Json] = {name: value for name, value in facts.attributes.items() if name not in _AT_CREATE}
    later |= {name: as_json(document) for name, document in facts.documents.items()}
    policy = without_dead(facts.policy) if facts.policy else None
    return later | ({"Policy": as_json(policy)} if policy else {})


class Topic(Kind[TopicFacts]):
    """A topic. Delivery to telephones and mobile apps depends on what an account applied for (sandbox exit,
    origination numbers, push credentials): that is a person's request to AWS in the target account."""

    name = "sns.topic"
    title = "SNS topic"
    facts = TopicFacts
    reads = frozenset({"sns.ListTopics", "sns.GetTopicAttributes", "sns.ListTagsForResource"})
    tagging_types = ("sns",)
    actions = (Create(), Configure())
    left_out: ClassVar[Mapping[str, str]] = {
        "data protection policy": "not read; whoever set one puts it on the new topic (sns.PutDataProtectionPolicy)",
        "archived messages of a FIFO topic": "an archive is replayed by its own topic only",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            arns = [f"arn:aws:sns:{site.region}:{site.account}:{only}"]
        else:
            arns = sorted(topic["TopicArn"] for topic in site.pages("sns.ListTopics", "Topics"))

        def described(arn: str) -> tuple[Mapping[str, Json], dict[str, str]] | None:
            answer = site.optional("sns.GetTopicAttributes", missing=_GONE, TopicArn=arn)
            if answer is None:
                return None
            tags = site.optional("sns.ListTagsForResource", missing=("ResourceNotFound", *_GONE), ResourceArn=arn) or {}
            return answer["Attributes"], pair_tags(tags.get("Tags"))

        for arn, both in zip(arns, site.map(described, arns), strict=True):
            if both is None:
                continue
            raw, tags = both
            policy: dict[str, Json] | None = json.loads(raw["Policy"]) if raw.get("Policy") else None
            yield self.found(
                site,
                arn.rpartition(":")[2],
                TopicFacts(
                    attributes={name: raw[name] for name in sorted(raw) if raw[name] and _is_plain(name, raw[name])},
                    documents={name: json.loads(raw[name]) for name in _DOCUMENTS if raw.get(name)},
                    policy=None if policy is None or _is_born_with(policy) else parsed(policy),
                ),
                arn=arn,
                tags=tags,
            )

    def needs(self, it: It[TopicFacts]) -> Iterator[Need]:
        key = it.facts.attributes.get("KmsMasterKeyId", "alias/aws/")
        if not key.startswith("alias/aws/"):
            yield Need(key, "encrypted by", "soft", "sns.GetTopicAttributes Attributes.KmsMasterKeyId")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[TopicFacts]) -> dict[str, Json]:
        # Renaming changes the order of sorted names; AWS refuses principals that were deleted.
        policy = without_dead(facts["policy"]) if facts["policy"] else None
        return facts | {"policy": policy and canonical(policy)}


def _is_plain(name: str, value: str) -> bool:
    if name == "FifoTopic":  # a standard topic does not say that it is not FIFO
        return value == "true"
    return name in _AT_CREATE or name in _LATER or name.endswith(_FEEDBACK)


def _is_born_with(policy: Mapping[str, Json]) -> bool:
    """Whether this is the policy of a new topic, which names only the topic and its account. Source: SNS guide."""
    statements = policy.get("Statement")
    one = statements[0] if isinstance(statements, list) and len(statements) == 1 else {}
    return (
        policy.get("Id") == "__default_policy_ID"
        and one.get("Sid") == "__default_statement_ID"
        and one.get("Principal") == {"AWS": "*"}
        and list(one.get("Condition", {})) == ["StringEquals"]
        and {key.lower() for key in one["Condition"]["StringEquals"]} == {"aws:sourceowner"}
    )


KINDS = (Topic(),)
