"""SNS subscription of another service: made at cut-over. The rule: an endpoint that has to say yes itself (a telephone,
an app, another account's queue) is a person's work, never pretended to be done."""

from collections.abc import Sequence

from migrate.kind import Action, It, Place, Request
from migrate.kinds._subscriptions import ASKED, OfTopic, SubscriptionFacts, subscribe
from migrate.names import Arn

_BY_API = frozenset({"sqs", "lambda", "firehose"})
"""Protocols that need no confirmation within one account. Source: sns.Subscribe, botocore 1.44.5."""


class Create(Action[SubscriptionFacts]):
    """Subscribe the target's endpoint to the target's topic."""

    name = "create"
    title = "Subscribe to the topic"
    phase = "cutover"
    downtime = "D1"

    def applies(self, it: It[SubscriptionFacts]) -> bool:
        return _is_ours(it)

    def requests(self, it: It[SubscriptionFacts], place: Place) -> Sequence[Request]:
        return [subscribe(it.facts)]


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


class Subscription(OfTopic):
    """Who gets a topic's messages. A topic and a queue that go to two different accounts need the queue's owner to
    subscribe or to confirm; that is AWS's rule, not one that this kind can see."""

    name = "sns.subscription"
    title = "SNS subscription"
    actions = (Create(),)
    manual = (
        "An endpoint of another account has to confirm, and one never confirmed gets nothing today: subscribe it to "
        "the new topic and have its owner confirm. A telephone: a new account starts in the SMS sandbox and sends to "
        "verified numbers only, so leave the sandbox or verify the number there, then subscribe it. An app on a "
        "device: make the platform application anew with its credentials, have the devices register, then subscribe "
        "the new endpoints. Look with `aws sns list-subscriptions-by-topic`: it has an ARN."
    )
    # Source of the sandbox: SNS Developer Guide, Using the Amazon SNS SMS sandbox, read 2026-11.

    def takes(self, protocol: str) -> bool:
        return protocol not in ASKED


KINDS = (Subscription(),)
