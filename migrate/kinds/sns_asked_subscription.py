"""SNS subscription of a mailbox or a web address: made early, so that whoever is asked has time to say yes.

The rule: only who gets the messages in legacy is asked, and nothing here says yes for them. Before the cut-over the new
topic has nothing to send, so that an early subscription harms nobody.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request, Wait, after
from migrate.kinds._subscriptions import ASKED, OfTopic, SubscriptionFacts, subscribe
from migrate.names import Arn

OWN = after("create", "id")
WAIT_S = 60.0
"""People answer in hours. A run does not stand still for them: the step fails, and the next run looks again."""

_NOT_SEEN = "not to be seen (AWS deletes what nobody confirmed within 48 hours; undo its step create, then run again)"
_PENDING = "Attributes.PendingConfirmation"


def _is_moved(it: It[SubscriptionFacts]) -> bool:
    """Whether its owner once said yes, to a topic of this account."""
    topic = Arn.parse(it.facts.topic_arn)
    return it.facts.confirmed and topic is not None and topic.account == it.ref.account


class Create(Action[SubscriptionFacts]):
    """The subscription; AWS asks its endpoint."""

    name = "create"
    title = "Subscribe to the topic; AWS asks the endpoint"
    undo_class = "R1"

    def applies(self, it: It[SubscriptionFacts]) -> bool:
        return _is_moved(it)

    def requests(self, it: It[SubscriptionFacts], place: Place) -> Sequence[Request]:
        # One that is not confirmed cannot be taken back: AWS refuses with InvalidParameter and deletes it by itself
        # after 48 hours (`expires`). Source: SNS Developer Guide, Deleting an Amazon SNS topic and subscription, read
        # 2026-11; the code as terraform-provider-aws takes it, aws_sns_topic_subscription.
        return [subscribe(it.facts, kept="InvalidParameter")]


class Confirm(Action[SubscriptionFacts]):
    """Waiting for a yes that only the endpoint's owner can say."""

    name = "confirm"
    title = "Wait until the endpoint's owner has confirmed"
    # Whether AWS shows filter and delivery before the yes is unverified: all of it is compared after.
    sets = frozenset({"confirmed", "attributes", "documents"})

    def applies(self, it: It[SubscriptionFacts]) -> bool:
        return _is_moved(it)

    def requests(self, it: It[SubscriptionFacts], place: Place) -> Sequence[Request]:
        said = f"!Attributes && '{_NOT_SEEN}' || {_PENDING} == 'false' && 'confirmed' || 'not confirmed by its owner'"
        own = {"SubscriptionArn": OWN}
        wait = Wait("sns.GetSubscriptionAttributes", own, said, ("confirmed",), (_NOT_SEEN,), (), 10, WAIT_S)
        # A look that never fails: what is waited for may be gone, and the wait says that better.
        return [Request("sns.ListSubscriptions", {}, wait=wait)]

    def says(self, it: It[SubscriptionFacts], outputs: Mapping[str, str]) -> Sequence[str]:
        arn = outputs.get("id", "")
        # A link in legacy's host goes to the target's.
        endpoint, topic = outputs.get("endpoint", it.facts.endpoint), arn.rpartition(":")[0]
        if it.facts.protocol in ("email", "email-json"):
            what = f"ask the owner of {endpoint} to open AWS's mail about {topic} and to follow the link in it"
        else:
            what = (
                f"AWS posted a message of the type SubscriptionConfirmation to {endpoint}: unless the program there "
                f"answers it by itself, take SubscribeURL out of what it got and visit that (topic {topic})"
            )
        return (
            f"{what}, within 48 hours; it is done when `aws sns get-subscription-attributes --subscription-arn {arn}` "
            "prints PendingConfirmation false. Later than that AWS has deleted it: `migrate rollback --step` with the "
            "id of this step, ending in `:create` instead of `:confirm`, then `migrate run`, asks once more",
        )


class AskedSubscription(OfTopic):
    """A subscription whose endpoint is asked by AWS: a mailbox or a web address.

    It is made in the phase build; the step `confirm` waits and says what its owner does (`migrate status`). A rollback
    before the yes leaves what AWS lets nobody delete: AWS does it itself, 48 hours after it was asked for, and until
    then its link still works. A link that was followed lets everybody who holds one of the mails unsubscribe, here as
    in legacy; `aws sns confirm-subscription --authenticate-on-unsubscribe true` with the token from the link does not.
    """

    name = "sns.asked_subscription"
    title = "SNS subscription that is confirmed"
    actions = (Create(), Confirm())
    left_out: ClassVar[Mapping[str, str]] = dict(OfTopic.left_out) | {
        "ConfirmationWasAuthenticated": "how its owner says yes to the new one is the owner's choice",
    }
    manual = (
        "Nobody confirmed it, so it gets nothing in legacy; or its topic is another account's. Where somebody wants it "
        "all the same: subscribe it to the new topic, have its owner confirm, and look with `aws sns "
        "list-subscriptions-by-topic` that it has an ARN."
    )

    def takes(self, protocol: str) -> bool:
        return protocol in ASKED

    def finding(self, it: It[SubscriptionFacts]) -> str:
        who = "gets a mail" if it.facts.protocol.startswith("email") else "gets a posted request"
        return (
            f"{it.facts.endpoint} {who} from AWS early in the run, and its owner has to confirm within 48 hours "
            f"({it.ref}): tell them before. No gate behind it is passed until they have."
        )

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | {"endpoint": str(found.facts["endpoint"])}

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[SubscriptionFacts]
    ) -> Resource | None:
        found = super().locate(site, place, outputs, it)
        # One that waits for a yes shows no ARN in the list, so nobody knows whose it is; asking again is the same one.
        return found if found is None or found.arn else None

    def expires(self, found: Resource) -> str:
        if found.facts["confirmed"]:
            return ""
        return f"{found.arn} was never confirmed: AWS lets nobody delete it, and does so itself after 48 hours"


KINDS = (AskedSubscription(),)
