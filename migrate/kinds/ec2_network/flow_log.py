"""Flow log: records of a network's traffic, to a log group, a bucket or a delivery stream.

The rule: a log is made for what is made: one of an interface or a transit gateway is said, not moved. What it has
written so far belongs to its log group or bucket.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, pair_tags, same_place
from migrate.kinds.ec2_network.shared import OWN, arn_of, default_vpcs, names_of, narrowed, specification

RESOURCE_TYPES = {"vpc-": ("VPC", "ec2.vpc"), "subnet-": ("Subnet", "ec2.subnet")}


class FlowLogFacts(Facts):
    """Source: ec2.DescribeFlowLogs; whether its subnet is of the default VPC: ec2.DescribeSubnets."""

    resource_id: str
    in_default_vpc: bool
    traffic_type: str | None
    destination_type: str
    destination: str
    """The ARN of the log group, bucket (with a path) or stream."""
    role_arn: str | None
    cross_account_role_arn: str | None
    log_format: str | None
    max_aggregation_interval_s: int
    options: dict[str, Json]
    """File format, Hive-compatible paths and a path an hour, in a bucket."""

    @property
    def resource_type(self) -> tuple[str, str] | None:
        """What AWS calls the sort of thing, and its kind; None where no kind makes it."""
        return next((of for start, of in RESOURCE_TYPES.items() if self.resource_id.startswith(start)), None)


class Create(Action[FlowLogFacts]):
    """The log; it records from then on."""

    name = "create"
    title = "Create the flow log"
    # A role without its rights yet makes a log that fails to deliver.
    after_kinds = ("iam.role.grant",)

    def applies(self, it: It[FlowLogFacts]) -> bool:
        return it.facts.resource_type is not None and not it.facts.in_default_vpc

    def requests(self, it: It[FlowLogFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        resource_type, _ = facts.resource_type or ("", "")
        optional: dict[str, Json] = {
            "TrafficType": facts.traffic_type,
            "DeliverLogsPermissionArn": facts.role_arn,
            "DeliverCrossAccountRole": facts.cross_account_role_arn,
            "LogFormat": facts.log_format,
            "DestinationOptions": facts.options,
        }
        return [
            Request(
                "ec2.CreateFlowLogs",
                {
                    "ResourceIds": [facts.resource_id],
                    "ResourceType": resource_type,
                    "LogDestinationType": facts.destination_type,
                    "LogDestination": facts.destination,
                    "MaxAggregationInterval": facts.max_aggregation_interval_s,
                    "TagSpecifications": specification("vpc-flow-log", place, it.tags),
                }
                | {name: value for name, value in optional.items() if value},
                once="tagged",
                creates=True,
                outputs={"id": "FlowLogIds[0]"},
                # The role, or the right of the delivery in the bucket's policy, is seconds old (codes unverified).
                retry=("InvalidParameterValue", "LogDestinationPermissionIssue", "LogDestinationNotFound"),
                undo=Request("ec2.DeleteFlowLogs", {"FlowLogIds": [OWN]}, done=("InvalidFlowLogId.NotFound",)),
            )
        ]


class FlowLog(Kind[FlowLogFacts]):
    """A flow log of a VPC or a subnet. One of the default VPC, of a network interface or of a transit gateway is not
    moved. A log that AWS refuses for its destination is answered without an error code: the step's proof then says
    that it is not there. AWS adds the right to deliver to the bucket's policy itself where the policy lacks it.
    """

    name = "ec2.flow_log"
    title = "Flow log"
    facts = FlowLogFacts
    named = False
    reads = frozenset({"ec2.DescribeFlowLogs", "ec2.DescribeSubnets", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:vpc-flow-log",)
    manual = (
        "A flow log of a network interface or a transit gateway has to be made by hand once that stands in the "
        "target: ec2.CreateFlowLogs with the same destination, role and format. ec2.DescribeFlowLogs shows "
        "DeliverLogsStatus SUCCESS after ten minutes."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "DeliverLogsStatus": "what the delivery last said; it is the target's own there"
    }
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(
            site.pages("ec2.DescribeFlowLogs", "FlowLogs", MaxResults=1000, **narrowed("flow-log-id", only, "Filter"))
        )
        in_default = _in_default_vpc(site, found)
        for one in found:
            yield self.found(
                site,
                one["FlowLogId"],
                FlowLogFacts(
                    resource_id=one["ResourceId"],
                    in_default_vpc=one["ResourceId"] in in_default,
                    traffic_type=one.get("TrafficType"),
                    destination_type=one.get("LogDestinationType", "cloud-watch-logs"),
                    destination=_destination(site, one),
                    role_arn=one.get("DeliverLogsPermissionArn"),
                    cross_account_role_arn=one.get("DeliverCrossAccountRole"),
                    log_format=one.get("LogFormat"),
                    max_aggregation_interval_s=one.get("MaxAggregationInterval", 600),
                    options={key: value for key, value in (one.get("DestinationOptions") or {}).items() if value},
                ),
                arn=arn_of(site, "vpc-flow-log", one["FlowLogId"]),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[FlowLogFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, "ec2.DescribeFlowLogs FlowLogs[]"
        if facts.resource_type is None or facts.in_default_vpc:
            return
        yield Need(same_place(it, facts.resource_type[1], facts.resource_id), "in", "hard", f"{seen_in}.ResourceId")
        yield Need(_owner_of(facts), "logs to", "hard", f"{seen_in}.LogDestination")
        if facts.role_arn:
            yield Need(facts.role_arn, "assumes", "hard", f"{seen_in}.DeliverLogsPermissionArn")

    def names(self, it: It[FlowLogFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "vpc-flow-log")


def _destination(site: ReadSite, one: dict[str, Any]) -> str:
    """One form: AWS shows a log group by its name where it was named so."""
    if one.get("LogGroupName"):
        return f"arn:aws:logs:{site.region}:{site.account}:log-group:{one['LogGroupName']}"
    return str(one.get("LogDestination", "")).removesuffix(":*")


def _owner_of(facts: FlowLogFacts) -> str:
    """The bucket's own ARN, without the path in it; a log group's and a stream's as they are."""
    return facts.destination.partition("/")[0] if facts.destination_type == "s3" else facts.destination


def _in_default_vpc(site: ReadSite, found: list[dict[str, Any]]) -> frozenset[str]:
    """The default VPC and its subnets."""
    defaults = default_vpcs(site) if found else frozenset()
    if not defaults or not any(one["ResourceId"].startswith("subnet-") for one in found):
        return defaults
    subnets = site.pages(
        "ec2.DescribeSubnets", "Subnets", Filters=[{"Name": "vpc-id", "Values": sorted(defaults)}], MaxResults=1000
    )
    return defaults | {subnet["SubnetId"] for subnet in subnets}
