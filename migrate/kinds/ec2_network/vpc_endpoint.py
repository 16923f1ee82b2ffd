"""VPC endpoint: gateway, interface and load balancer endpoints, their policy and private DNS.

The rule: the policy comes after the endpoint, because buckets and roles that it names may name the endpoint.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    same_place,
)
from migrate.kinds._documents import canonical, parsed, statements
from migrate.kinds.ec2_network.shared import OWN, arn_of, default_vpcs, names_of, ordered, specification
from migrate.values import as_json

OPEN = [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
"""What an endpoint lets pass without a policy of its own. Source: PrivateLink guide, "Endpoint policies", 2026-08."""

GONE = frozenset({"deleting", "deleted", "failed", "rejected", "expired"})


class EndpointFacts(Facts):
    """Source: ec2.DescribeVpcEndpoints."""

    vpc_id: str
    in_default_vpc: bool
    service_name: str | None
    """None: it leads to a VPC Lattice resource or service network."""
    service_region: str | None
    """Where the service is, where that is another region."""
    resource_configuration_arn: str | None
    service_network_arn: str | None
    endpoint_type: str
    requester_managed: bool
    """Another service made it for itself, and makes it again."""
    route_table_ids: list[str]
    subnet_ids: list[str]
    security_group_ids: list[str]
    private_dns: bool
    ip_address_type: str | None
    dns_options: dict[str, Json]
    policy: dict[str, Json] | None
    """None: everything passes."""
    dns_name: str | None
    """The regional name, which AWS gives."""


class Create(Action[EndpointFacts]):
    """The endpoint, still open; done when it is available."""

    name = "create"
    title = "Create the VPC endpoint"

    def applies(self, it: It[EndpointFacts]) -> bool:
        return not it.facts.in_default_vpc and not it.facts.requester_managed

    def requests(self, it: It[EndpointFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "VpcId": facts.vpc_id,
            "VpcEndpointType": facts.endpoint_type,
            "TagSpecifications": specification("vpc-endpoint", place, it.tags),
        }
        for name, value in (
            ("ServiceName", facts.service_name),
            ("ServiceRegion", facts.service_region),
            ("ResourceConfigurationArn", facts.resource_configuration_arn),
            ("ServiceNetworkArn", facts.service_network_arn),
            ("RouteTableIds", facts.route_table_ids),
            ("SubnetIds", facts.subnet_ids),
            ("SecurityGroupIds", facts.security_group_ids),
            ("IpAddressType", facts.ip_address_type),
            ("DnsOptions", facts.dns_options),
        ):
            if value:
                made[name] = value
        if facts.endpoint_type == "Interface":
            made["PrivateDnsEnabled"] = facts.private_dns
        outputs = {"id": "VpcEndpoint.VpcEndpointId"}
        if facts.dns_name:
            outputs["dns_name"] = "VpcEndpoint.DnsEntries[0].DnsName"
        own: dict[str, Json] = {"VpcEndpointIds": [OWN]}
        return [
            Request(
                "ec2.CreateVpcEndpoint",
                made,
                once="token",
                token_param="ClientToken",
                creates=True,
                outputs=outputs,
                retry=("InvalidRouteTableId.NotFound", "InvalidSubnetId.NotFound", "InvalidSecurityGroupId.NotFound"),
                # botocore 1.44.5 lists the states with a capital, AWS answers in small letters.
                wait=Wait(
                    "ec2.DescribeVpcEndpoints",
                    own,
                    "VpcEndpoints[].State",
                    ok=("available", "Available"),
                    failed=("failed", "Failed", "rejected", "Rejected", "expired", "Expired", "deleted", "Deleted"),
                ),
                undo=Request(
                    "ec2.DeleteVpcEndpoints",
                    own,
                    done=("InvalidVpcEndpointId.NotFound",),
                    wait=Wait(
                        "ec2.DescribeVpcEndpoints",
                        own,
                        "VpcEndpoints[].State",
                        ok=("deleted", "Deleted"),
                        gone=("InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound"),
                    ),
                ),
            )
        ]


class SetPolicy(Action[EndpointFacts]):
    """What may pass the endpoint."""

    name = "policy"
    title = "Set the VPC endpoint's policy"
    sets = frozenset({"policy"})

    def applies(self, it: It[EndpointFacts]) -> bool:
        return it.facts.policy is not None and not it.facts.in_default_vpc and not it.facts.requester_managed

    def requests(self, it: It[EndpointFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "ec2.ModifyVpcEndpoint",
                {"VpcEndpointId": OWN, "PolicyDocument": as_json(it.facts.policy)},
                undo=Request(
                    "ec2.ModifyVpcEndpoint",
                    {"VpcEndpointId": OWN, "ResetPolicy": True},
                    done=("InvalidVpcEndpointId.NotFound",),
                ),
            )
        ]


class VpcEndpoint(Kind[EndpointFacts]):
    """A VPC endpoint. One in the default VPC, and one that a service made for itself, is not moved.

    The other side of an endpoint service of a partner has to accept the new one; the step waits for that. The names
    of single zones (`…-eu-west-1a.…`) are not rewritten, the regional name is.
    """

    name = "ec2.vpc_endpoint"
    title = "VPC endpoint"
    facts = EndpointFacts
    named = False
    reads = frozenset({"ec2.DescribeVpcEndpoints", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:vpc-endpoint",)
    volatile = frozenset({"dns_name"})
    actions = (Create(), SetPolicy())
    left_out: ClassVar[Mapping[str, str]] = {
        "fixed addresses of its interfaces": "AWS chooses others in the same subnets",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only:
            # By id and not by filter: moto 5.2.5 has no filter vpc-endpoint-id.
            missing = ("InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed")
            answer = site.optional("ec2.DescribeVpcEndpoints", missing=missing, VpcEndpointIds=[only])
            shown = (answer or {}).get("VpcEndpoints", [])
        else:
            shown = list(site.pages("ec2.DescribeVpcEndpoints", "VpcEndpoints"))
        found = [endpoint for endpoint in shown if endpoint.get("State", "").lower() not in GONE]
        defaults = default_vpcs(site) if found else frozenset()
        for endpoint in found:
            yield self.found(
                site,
                endpoint["VpcEndpointId"],
                _facts(endpoint, site.region, in_default_vpc=endpoint["VpcId"] in defaults),
                arn=arn_of(site, "vpc-endpoint", endpoint["VpcEndpointId"]),
                tags=pair_tags(endpoint.get("Tags")),
            )

    def needs(self, it: It[EndpointFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, "ec2.DescribeVpcEndpoints VpcEndpoints[]"
        yield Need(same_place(it, "ec2.vpc", facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for table in facts.route_table_ids:
            yield Need(same_place(it, "ec2.route_table", table), "attached to", "hard", f"{seen_in}.RouteTableIds[]")
        for subnet in facts.subnet_ids:
            yield Need(same_place(it, "ec2.subnet", subnet), "in", "hard", f"{seen_in}.SubnetIds[]")
        for group in facts.security_group_ids:
            on = same_place(it, "ec2.security_group", group)
            yield Need(on, "member of", "hard", f"{seen_in}.Groups[].GroupId")

    def names(self, it: It[EndpointFacts], place: Place) -> Iterator[Name]:
        yield from names_of(it, place, "vpc-endpoint")
        if it.facts.dns_name:
            yield Name(it.facts.dns_name, after("create", "dns_name"), "host")

    def outputs(self, found: Resource) -> dict[str, str]:
        dns_name = found.facts["dns_name"]
        return super().outputs(found) | ({"dns_name": dns_name} if dns_name else {})

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[EndpointFacts]) -> dict[str, Json]:
        ids = {name: ordered(facts[name]) for name in ("route_table_ids", "subnet_ids", "security_group_ids")}
        policy = facts["policy"]
        if policy is not None:
            policy = canonical(policy) if "policy" in done else None
        return facts | ids | {"policy": policy}


def _facts(endpoint: Mapping[str, Any], region: str, *, in_default_vpc: bool) -> EndpointFacts:
    options = dict(endpoint.get("DnsOptions") or {})
    # "service-defined" is what AWS answers where nobody chose, and takes for nothing else.
    if options.get("DnsRecordIpType") == "service-defined":
        del options["DnsRecordIpType"]
    interface = endpoint.get("VpcEndpointType", "Gateway") == "Interface"
    names = [entry["DnsName"] for entry in endpoint.get("DnsEntries") or () if entry.get("DnsName")]
    policy = parsed(endpoint["PolicyDocument"]) if endpoint.get("PolicyDocument") else None
    return EndpointFacts(
        vpc_id=endpoint["VpcId"],
        in_default_vpc=in_default_vpc,
        service_name=endpoint.get("ServiceName"),
        service_region=endpoint["ServiceRegion"] if endpoint.get("ServiceRegion", region) != region else None,
        resource_configuration_arn=endpoint.get("ResourceConfigurationArn"),
        service_network_arn=endpoint.get("ServiceNetworkArn"),
        endpoint_type=endpoint.get("VpcEndpointType", "Gateway"),
        requester_managed=endpoint.get("RequesterManaged", False),
        route_table_ids=ordered(endpoint.get("RouteTableIds", ())),
        subnet_ids=ordered(endpoint.get("SubnetIds", ())),
        security_group_ids=ordered(group["GroupId"] for group in endpoint.get("Groups", ())),
        # A gateway endpoint has no private DNS; moto answers true for it.
        private_dns=interface and endpoint.get("PrivateDnsEnabled", False),
        ip_address_type=endpoint.get("IpAddressType"),
        dns_options=options,
        policy=None if policy is None or statements(policy) == OPEN else policy,
        dns_name=names[0] if interface and names else None,
    )
