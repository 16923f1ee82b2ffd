"""Rules over SNS: an endpoint that is asked is silent until its owner said yes.

The one rule it keeps: only sns.ConfirmSubscription with the right token confirms. This world sends no mail and posts
nothing; in its place the token is the end of the subscription's ARN (simulated).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal

_ASKED = frozenset({"email", "email-json", "http", "https"})


@strict(
    "sns.confirmation",
    makes="a subscription of a mailbox or web address is pending until sns.ConfirmSubscription brings its token (here "
    "the end of its ARN, for want of a mailbox): till then it gets nothing, is listed without an ARN, and "
    "sns.Unsubscribe refuses it. That AWS deletes it after 48 hours is not simulated",
    source="sns.Subscribe and sns.GetSubscriptionAttributes PendingConfirmation, botocore 1.44.5; SNS Developer Guide, "
    "Deleting an Amazon SNS topic and subscription, read 2026-11; the refusal's words as terraform-provider-aws and "
    "others report them; that the ARN stays the same with the yes as terraform-provider-aws takes it: unverified",
)
def confirmation() -> None:
    """The emulator confirms every subscription by itself."""
    from moto.core.responses import ActionResult
    from moto.sns.models import SNSBackend, Subscription
    from moto.sns.responses import SNSResponse

    @override(SNSBackend, "subscribe")
    def subscribe(old: Any, self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        standing = set(self.subscriptions)
        made = old(self, topic_arn, endpoint, protocol)
        if protocol in _ASKED and made.arn not in standing:
            made.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
        return made

    @override(SNSBackend, "unsubscribe")
    def unsubscribe(old: Any, self: Any, subscription_arn: str) -> None:
        if _is_pending(self.subscriptions.get(subscription_arn)):
            raise Refusal(
                "InvalidParameter",
                "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending "
                "confirmation",
            )
        old(self, subscription_arn)

    @override(Subscription, "publish")
    def publish(old: Any, self: Any, *words: Any, **named: Any) -> None:
        if not _is_pending(self):
            old(self, *words, **named)

    @override(SNSResponse, "confirm_subscription")
    def confirm_subscription(old: Any, self: Any) -> Any:
        old(self)  # refuses where there is no such topic
        arn = f"{self._get_param('TopicArn')}:{self._get_param('Token')}"
        asked = self.backend.subscriptions.get(arn)
        if asked is None or asked.protocol not in _ASKED:
            raise Refusal("InvalidParameter", "Invalid parameter: Token")
        asked.attributes["PendingConfirmation"] = False
        asked.attributes["ConfirmationWasAuthenticated"] = self._get_param("AuthenticateOnUnsubscribe") == "true"
        return ActionResult({"SubscriptionArn": arn})

    for name in ("list_subscriptions", "list_subscriptions_by_topic"):

        @override(SNSResponse, name)
        def listed(old: Any, self: Any) -> Any:
            answer = old(self)
            result: Mapping[str, Any] = answer.result
            shown = [_shown(one) for one in result["Subscriptions"]]
            return ActionResult({**result, "Subscriptions": shown})


def _is_pending(subscription: Any) -> bool:
    return subscription is not None and bool(subscription.attributes.get("PendingConfirmation"))


def _shown(one: Any) -> dict[str, str]:
    """As a list shows it: what is pending has no ARN yet."""
    return {
        "SubscriptionArn": "PendingConfirmation" if _is_pending(one) else one.arn,
        "Owner": one.owner,
        "Protocol": one.protocol,
        "Endpoint": one.endpoint,
        "TopicArn": one.topic_arn,
    }
