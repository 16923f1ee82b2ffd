"""Listings that the emulator lacks, of things that the embedded company has none of: they answer that there is none.

The one rule it keeps: only listings, and only of what nothing in the embedded world can make.
Simulated: who buys or reserves something here cannot.
"""

from __future__ import annotations

from migrate.demo.strict import add, strict

NOT_EMULATED = frozenset({"aws-marketplace", "cur", "savingsplans"})
"""Services, as requests are signed for them, of which nothing is emulated: every listing of theirs is empty."""


@strict(
    "ec2.no-reserved-instances",
    makes="a listing of reserved instances is empty, as nobody can reserve any",
    source="ec2.DescribeReservedInstances, botocore 1.44.5",
)
def no_reserved_instances() -> None:
    """The emulator has no such listing. Source: ec2.DescribeReservedInstances, botocore 1.44.5."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses.reserved_instances import ReservedInstances

    @add(ReservedInstances, "describe_reserved_instances")
    def describe_reserved_instances(self: object) -> ActionResult:
        return ActionResult({"ReservedInstances": []})


@strict(
    "ecr.no-pull-through-cache-rules",
    makes="a listing of pull-through cache rules is empty, as nobody can make any",
    source="ecr.DescribePullThroughCacheRules, botocore 1.44.5",
)
def no_pull_through_cache_rules() -> None:
    """The emulator has no such listing. Source: ecr.DescribePullThroughCacheRules, botocore 1.44.5."""
    from moto.core.responses import ActionResult
    from moto.ecr.responses import ECRResponse

    @add(ECRResponse, "describe_pull_through_cache_rules")
    def describe_pull_through_cache_rules(self: object) -> ActionResult:
        return ActionResult({"pullThroughCacheRules": []})


@strict(
    "autoscaling.no-notifications",
    makes="a listing of notification configurations is empty, as nobody can make any",
    source="autoscaling.DescribeNotificationConfigurations, botocore 1.44.5",
)
def no_notifications() -> None:
    """The emulator has no such listing. Source: autoscaling.DescribeNotificationConfigurations, botocore 1.44.5."""
    from moto.autoscaling.responses import AutoScalingResponse
    from moto.core.responses import ActionResult

    @add(AutoScalingResponse, "describe_notification_configurations")
    def describe_notification_configurations(self: object) -> ActionResult:
        return ActionResult({"NotificationConfigurations": []})
