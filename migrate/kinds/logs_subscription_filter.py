"""Subscription filters: what of a log group is handed on, and to whom. The rule: each event has one owner.

An event is logged in one account and handed on by that account's filter alone. So nothing is stopped in legacy, where
the last events still have to arrive, and the target's filter is there before anything is logged.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, same_place

GONE = ("ResourceNotFoundException",)
BUSY = ("OperationAbortedException",)


class SubscriptionFilterFacts(Facts):
    """Source: logs.DescribeSubscriptionFilters."""

    log_group: str
    pattern: str
    """Empty: everything."""
    destination_arn: str
    role_arn: str | None
    distribution: str | None
    on_transformed: bool
    selection: str | None
    """The criteria on system fields, for filters that are made for many groups."""
    system_fields: list[str]


class Create(Action[SubscriptionFilterFacts]):
    """The filter, before its group gets its first event."""

    name = "create"
    title = "Create the subscription filter"
    # AWS sends a test message: what lets it has to be there.
    after_kinds = ("iam.role.grant", "lambda.function.permit")

    def requests(self, it: It[SubscriptionFilterFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"logGroupName": facts.log_group, "filterName": place.name.partition(":")[2]}
        made: dict[str, Json] = own | {"filterPattern": facts.pattern, "destinationArn": facts.destination_arn}
        for name, value in (
            ("roleArn", facts.role_arn),
            ("distribution", facts.distribution),
            ("applyOnTransformedLogs", facts.on_transformed),
            ("fieldSelectionCriteria", facts.selection),
            ("emitSystemFields", facts.system_fields),
        ):
            if value:
                made[name] = value
        return [
            Request(
                "logs.PutSubscriptionFilter",
                made,
                once="named",
                creates=True,
                # Role or permission made just now may not be seen yet.
                retry=("InvalidParameterException", *BUSY),
                undo=Request("logs.DeleteSubscriptionFilter", own, done=GONE, retry=BUSY),
            )
        ]


class SubscriptionFilter(Kind[SubscriptionFilterFacts]):
    """A subscription filter, called `<log group>:<filter>`.

    Legacy's goes on: what legacy still logs is handed on as before, and nothing is handed on twice. A subscription to
    another account's destination needs that destination to let the target's account in: its owner has to do that.
    Subscriptions of a whole account (account policies) are not carried.
    """

    name = "logs.subscription_filter"
    title = "Subscription filter"
    facts = SubscriptionFilterFacts
    stamped = False
    reads = frozenset({"logs.DescribeLogGroups", "logs.DescribeSubscriptionFilters"})
    part_of = ("logs.log_group",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            groups = [one["logGroupName"] for one in site.pages("logs.DescribeLogGroups", "logGroups", limit=50)]
        else:
            groups = [only.partition(":")[0]]

        def filters(group: str) -> list[dict[str, Any]]:
            # AWS allows two filters a group: one page.
            answer = site.optional("logs.DescribeSubscriptionFilters", missing=GONE, logGroupName=group, limit=50)
            return list((answer or {}).get("subscriptionFilters", ()))

        for found in site.map(filters, groups):
            for one in sorted(found, key=lambda one: str(one["filterName"])):
                own = f"{one['logGroupName']}:{one['filterName']}"
                if only in (None, own):
                    yield self.found(site, own, _facts(one), arn="")

    def needs(self, it: It[SubscriptionFilterFacts]) -> Iterator[Need]:
        seen_in = "logs.DescribeSubscriptionFilters subscriptionFilters[]"
        group = same_place(it, "logs.log_group", it.facts.log_group)
        yield Need(group, "in", "hard", f"{seen_in}.logGroupName")
        yield Need(it.facts.destination_arn, "triggers", "soft", f"{seen_in}.destinationArn")
        if it.facts.role_arn:
            yield Need(it.facts.role_arn, "assumes", "soft", f"{seen_in}.roleArn")


def _facts(one: dict[str, Any]) -> SubscriptionFilterFacts:
    return SubscriptionFilterFacts(
        log_group=one["logGroupName"],
        pattern=one.get("filterPattern") or "",
        destination_arn=one["destinationArn"],
        role_arn=one.get("roleArn") or None,
        distribution=one.get("distribution") or None,
        on_transformed=bool(one.get("applyOnTransformedLogs")),
        selection=one.get("fieldSelectionCriteria") or None,
        system_fields=sorted(one.get("emitSystemFields") or ()),
    )


KINDS = (SubscriptionFilter(),)
