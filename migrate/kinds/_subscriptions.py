"""What all subscriptions of SNS topics have in common: how they are read, told apart and found again.

The rule: each protocol belongs to exactly one kind, so that no subscription is listed twice.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after
from migrate.names import Arn
from migrate.values import as_json

ASKED = frozenset({"email", "email-json", "http", "https"})
"""Protocols whose endpoint is asked whether it wants the messages. Source: sns.Subscribe, botocore 1.44.5."""
GONE = ("NotFound", "NotFoundException")
_DOCUMENTS = ("DeliveryPolicy", "FilterPolicy", "RedrivePolicy")
_TEXTS = ("FilterPolicyScope", "RawMessageDelivery", "SubscriptionRoleArn")


class SubscriptionFacts(Facts):
    """Source: sns.ListSubscriptions, sns.GetSubscriptionAttributes."""

    topic_arn: str
    protocol: str
    endpoint: str
    confirmed: bool
    attributes: dict[str, str]
    documents: dict[str, dict[str, Json]]
    """FilterPolicy, RedrivePolicy and DeliveryPolicy, where set."""


def as_sent(facts: SubscriptionFacts) -> dict[str, Json]:
    """The parameters of sns.Subscribe that make the same one."""
    attributes: dict[str, Json] = dict(facts.attributes)
    attributes |= {name: as_json(document) for name, document in facts.documents.items()}
    return {
        "TopicArn": facts.topic_arn,
        "Protocol": facts.protocol,
        "Endpoint": facts.endpoint,
        "Attributes": attributes,
        "ReturnSubscriptionArn": True,
    }


def subscribe(facts: SubscriptionFacts, *, kept: str = "") -> Request:
    """The request that makes the same one. `kept`: the code with which AWS refuses to take one back, where it may."""
    return Request(
        "sns.Subscribe",
        as_sent(facts),
        # The same topic, protocol and endpoint give the same subscription. Source: SNS guide, Subscribe.
        once="put",
        creates=True,
        outputs={"id": "SubscriptionArn", "arn": "SubscriptionArn"},
        retry=("InvalidParameter",),
        undo=Request(
            "sns.Unsubscribe", {"SubscriptionArn": after("create", "id")}, done=(*GONE, kept) if kept else GONE
        ),
    )


class OfTopic(Kind[SubscriptionFacts]):
    """Reading and finding; a kind says which protocols are its own (`takes`)."""

    facts = SubscriptionFacts
    part_of = ("sns.topic",)
    named = False
    stamped = False
    reads = frozenset({"sns.ListSubscriptions", "sns.GetSubscriptionAttributes"})
    left_out: ClassVar[Mapping[str, str]] = {
        "ReplayPolicy": "it replays the archive of a FIFO topic, and a new topic has none",
    }

    def takes(self, protocol: str) -> bool:
        """Whether subscriptions of this protocol are of this kind."""
        raise NotImplementedError

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None and only.startswith("arn:"):
            # Its ARN is what we know of our own: one narrow look.
            answer = site.optional("sns.GetSubscriptionAttributes", missing=GONE, SubscriptionArn=only)
            if answer is not None and self.takes(answer["Attributes"]["Protocol"]):
                yield self._found(site, answer["Attributes"], answer["Attributes"])
            return
        listed = self._listed(site, only)

        def described(one: Mapping[str, str]) -> Mapping[str, str]:
            if not one["SubscriptionArn"].startswith("arn:"):
                return {}  # waits for confirmation and has no ARN yet
            answer = site.optional(
                "sns.GetSubscriptionAttributes", missing=GONE, SubscriptionArn=one["SubscriptionArn"]
            )
            return dict(answer["Attributes"]) if answer else {}

        for one, attributes in zip(listed, site.map(described, listed), strict=True):
            yield self._found(site, one, attributes)

    def _listed(self, site: ReadSite, only: str | None) -> Sequence[Mapping[str, str]]:
        return [
            one
            for one in site.pages("sns.ListSubscriptions", "Subscriptions")
            if one["SubscriptionArn"] != "Deleted" and self.takes(one["Protocol"]) and only in (None, _name(one))
        ]

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
