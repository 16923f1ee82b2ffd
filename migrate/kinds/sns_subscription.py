"""SNS subscription: made at cut-over. The rule: an endpoint that has to say yes itself (a person's mailbox, a web
address, a telephone, another account's queue) is a person's work, never pretended to be done."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after
from migrate.names import Arn
from migrate.values import as_json

_BY_API = frozenset({"sqs", "lambda", "firehose"})
"""Protocols that need no confirmation within one account. Source: sns.Subscribe, botocore 1.44.5."""
_DOCUMENTS = ("DeliveryPolicy", "FilterPolicy", "RedrivePolicy")
_TEXTS = ("FilterPolicyScope", "RawMessageDelivery", "SubscriptionRoleArn")
_GONE = ("NotFound", "NotFoundException")


class SubscriptionFacts(Facts):
    """Source: sns.ListSubscriptions, sns.GetSubscriptionAttributes."""

    topic_arn: str
    protocol: str
    endpoint: str
    confirmed: bool
    attributes: dict[str, str]
    documents: dict[str, dict[str, Json]]
    """FilterPolicy, RedrivePolicy and DeliveryPolicy, where set."""


class Create(Action[SubscriptionFacts]):
    """Subscribe the target's endpoint to the target's topic."""

    name = "create"
    title = "Subscribe to the topic"
    phase = "cutover"
    downtime = "D1"

    def applies(self, it: It[SubscriptionFacts]) -> bool:
        return _is_ours(it)

    def requests(self, it: It[SubscriptionFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        attributes: dict[str, Json] = dict(facts.attributes)
        attributes |= {name: as_json(document) for name, document in facts.documents.items()}
        return [
            Request(
                "sns.Subscribe",
                {
                    "TopicArn": facts.topic_arn,
                    "Protocol": facts.protocol,
                    "Endpoint": facts.endpoint,
                    "Attributes": attributes,
                    "ReturnSubscriptionArn": True,
                },
                # The same topic, protocol and endpoint give the same subscription. Source: SNS guide, Subscribe.
                once="put",
                creates=True,
                outputs={"id": "SubscriptionArn", "arn": "SubscriptionArn"},
                retry=("InvalidParameter",),
                undo=Request("sns.Unsubscribe", {"SubscriptionArn": after("create", "id")}, done=_GONE),
            )
        ]


def _is_ours(it: It[SubscriptionFacts]) -> bool:
    """Whether topic and endpoint are both this account's, and the protocol asks nobody."""
    topic, endpoint = Arn.parse(it.facts.topic_arn), Arn.parse(it.facts.endpoint)
    return (
        it.facts.protocol in _BY_API
        and it.facts.confirmed
        and topic is not None
        and endpoint is not None
        and topic.account == endpoint.account == it.ref.account
    )


class Subscription(Kind[SubscriptionFacts]):
    """Who gets a topic's messages. A topic and a queue that go to two different accounts need the queue's owner to
    subscribe or to confirm; that is AWS's rule, not one that this kind can see."""

    name = "sns.subscription"
    title = "SNS subscription"
    facts = SubscriptionFacts
    named = False
    stamped = False
    reads = frozenset({"sns.ListSubscriptions", "sns.GetSubscriptionAttributes"})
    actions = (Create(),)
    left_out: ClassVar[Mapping[str, str]] = {
        "ReplayPolicy": "it replays the archive of a FIFO topic, and a new topic has none",
    }
    manual = (
        "An e-mail, web, telephone or mobile-push endpoint, one of another account, and one never confirmed cannot "
        "be moved by API: subscribe it to the new topic and have its owner confirm."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None and only.startswith("arn:"):
            # Its ARN is what we know of our own: one narrow look.
            answer = site.optional("sns.GetSubscriptionAttributes", missing=_GONE, SubscriptionArn=only)
            if answer is not None:
                yield self._found(site, answer["Attributes"], answer["Attributes"])
            return
        listed = list(site.pages("sns.ListSubscriptions", "Subscriptions"))
        listed = [one for one in listed if one["SubscriptionArn"] != "Deleted" and only in (None, _name(one))]

        def described(one: Mapping[str, str]) -> Mapping[str, Json]:
            if not one["SubscriptionArn"].startswith("arn:"):
                return {}  # waits for confirmation and has no ARN yet
            answer = site.optional(
                "sns.GetSubscriptionAttributes", missing=_GONE, SubscriptionArn=one["SubscriptionArn"]
            )
            return dict(answer["Attributes"]) if answer else {}

        for one, attributes in zip(listed, site.map(described, listed), strict=True):
            yield self._found(site, one, attributes)

    def _found(self, site: ReadSite, one: Mapping[str, str], raw: Mapping[str, str]) -> Resource:
        arn = one["SubscriptionArn"]
        return self.found(
            site,
            _name(one),
            SubscriptionFacts(
                topic_arn=one["TopicArn"],
                protocol=one["Protocol"],
                endpoint=one["Endpoint"],
                confirmed=arn.startswith("arn:") and raw.get("PendingConfirmation", "false").lower() != "true",
                attributes={name: _plain(raw[name]) for name in _TEXTS if raw.get(name)},
                documents={name: json.loads(raw[name]) for name in _DOCUMENTS if raw.get(name)},
            ),
            arn=arn if arn.startswith("arn:") else "",
        )

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.arn, "arn": found.arn}

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[SubscriptionFacts]
    ) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        # No tags on subscriptions: topic, protocol and endpoint are what makes it the same one.
        wanted = _without_place(it.facts.topic_arn), it.facts.protocol, _without_place(it.facts.endpoint)
        for one in self.scan(site):
            facts = one.facts
            if (_without_place(facts["topic_arn"]), facts["protocol"], _without_place(facts["endpoint"])) == wanted:
                return one
        return None

    def names(self, it: It[SubscriptionFacts], place: Place) -> Iterator[Name]:
        if it.arn:
            yield Name(it.arn, after("create", "id"))

    def needs(self, it: It[SubscriptionFacts]) -> Iterator[Need]:
        yield Need(it.facts.topic_arn, "member of", "hard", "sns.ListSubscriptions Subscriptions[].TopicArn")
        if it.facts.endpoint.startswith("arn:"):
            yield Need(it.facts.endpoint, "triggers", "cut", "sns.ListSubscriptions Subscriptions[].Endpoint")


def _name(one: Mapping[str, str]) -> str:
    """The last part of its ARN, or what tells it apart while it has none."""
    arn = one["SubscriptionArn"]
    if arn.startswith("arn:"):
        return arn.rpartition(":")[2]
    return f"{one['TopicArn'].rpartition(':')[2]}/{one['Protocol']}/{one['Endpoint']}"


def _plain(value: str) -> str:
    return value.lower() if value in ("True", "False") else value


def _without_place(text: str) -> str:
    """Service and name of an ARN, whichever account and region it is in; another text as it is."""
    arn = Arn.parse(text)
    return f"{arn.service}:{arn.resource}" if arn else text


KINDS = (Subscription(),)
