"""Resource policies of CloudWatch Logs: which services may write into the account's groups.

The rule: what AWS's own consoles and services put there they put there again; only people's are moved.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Place, ReadSite, Request
from migrate.kinds._documents import canonical, parsed
from migrate.values import as_json

GONE = ("ResourceNotFoundException",)
OF_AWS = "AWSLogDeliveryWrite"
"""The policy that log delivery keeps itself. Source: CloudWatch Logs User Guide, logs sent to CloudWatch Logs, read
2026-11; unverified."""


class ResourcePolicyFacts(Facts):
    """Source: logs.DescribeResourcePolicies."""

    document: dict[str, Json]


class Create(Action[ResourcePolicyFacts]):
    """The policy, once the groups that it names stand."""

    name = "create"
    title = "Put the resource policy"

    def applies(self, it: It[ResourcePolicyFacts]) -> bool:
        return not it.ref.name.startswith(OF_AWS)

    def requests(self, it: It[ResourcePolicyFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"policyName": place.name}
        made = own | {"policyDocument": as_json(it.facts.document)}
        undo = Request("logs.DeleteResourcePolicy", own, done=GONE)
        return [Request("logs.PutResourcePolicy", made, once="named", creates=True, undo=undo)]


class ResourcePolicy(Kind[ResourcePolicyFacts]):
    """A resource policy of the account and region. Ten fit in one. A policy of a single log group is not carried."""

    name = "logs.resource_policy"
    title = "Logs resource policy"
    facts = ResourcePolicyFacts
    stamped = False
    reads = frozenset({"logs.DescribeResourcePolicies"})
    actions = (Create(),)
    quiet = True
    manual = "Log delivery keeps this policy itself, and puts it into the target when logs are delivered there."
    left_out: ClassVar[Mapping[str, str]] = {
        "lastUpdatedTime, revisionId": "of the day",
        "policyScope RESOURCE": "a single group's or destination's: put it again (logs.PutResourcePolicy resourceArn)",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = site.pages("logs.DescribeResourcePolicies", "resourcePolicies", limit=50)
        for one in sorted(found, key=lambda one: str(one["policyName"])):
            if only in (None, one["policyName"]):
                yield self.found(
                    site, one["policyName"], ResourcePolicyFacts(document=parsed(one["policyDocument"])), arn=""
                )

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ResourcePolicyFacts]) -> dict[str, Json]:
        return facts | {"document": canonical(facts["document"])}


KINDS = (ResourcePolicy(),)
