"""How a shop is found: its Cloud Map namespace and service, its private zone, and a check of its health."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import REGION, TwoSides

NAMESPACE = "shop.internal"


def a_namespace(world: TwoSides) -> Resource:
    discovery = world.client("legacy", "servicediscovery")
    made = discovery.create_http_namespace(Name=NAMESPACE, Description="the shop's", Tags=needed.PAIRS)
    operation = discovery.get_operation(OperationId=made["OperationId"])["Operation"]
    return needed.scanned(world, "servicediscovery.namespace", operation["Targets"]["NAMESPACE"])


def discovery_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "servicediscovery").tag_resource(ResourceARN=it.arn, Tags=needed.OTHER_PAIRS)


def namespace_described(world: TwoSides, it: Resource) -> None:
    world.client("target", "servicediscovery").update_http_namespace(
        Id=it.ref.name, Namespace={"Description": "others"}
    )


def a_service(world: TwoSides) -> Resource:
    namespace = a_namespace(world).ref.name
    needed.moved(world, "servicediscovery.namespace", namespace)
    discovery = world.client("legacy", "servicediscovery")
    made = discovery.create_service(
        Name="web",
        NamespaceId=namespace,
        Description="the web",
        DnsConfig={"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 15}]},
        HealthCheckConfig={"Type": "HTTP", "ResourcePath": "/up", "FailureThreshold": 3},
        HealthCheckCustomConfig={"FailureThreshold": 1},
        Type="HTTP",
        Tags=needed.PAIRS,
    )["Service"]["Id"]
    discovery.update_service_attributes(ServiceId=made, Attributes={"colour": "blue"})
    return needed.scanned(world, "servicediscovery.service", made)


def service(**params: Any) -> Change:
    """The service updated, all but `params` as it was: what is left out is taken away."""

    def change(world: TwoSides, it: Resource) -> None:
        facts = it.facts
        same = {
            "Description": facts["description"],
            "DnsConfig": {"DnsRecords": facts["dns_config"]["DnsRecords"]},
            "HealthCheckConfig": facts["health_check"],
        }
        world.client("target", "servicediscovery").update_service(Id=it.ref.name, Service=same | params)

    return change


def service_attributed(world: TwoSides, it: Resource) -> None:
    world.client("target", "servicediscovery").update_service_attributes(
        ServiceId=it.ref.name, Attributes={"colour": "red"}
    )


def a_health_check(world: TwoSides) -> Resource:
    route53 = world.client("legacy", "route53")
    made = route53.create_health_check(
        CallerReference="1",
        HealthCheckConfig={
            "Type": "HTTPS_STR_MATCH",
            "FullyQualifiedDomainName": "shop.example",
            "Port": 8443,
            "ResourcePath": "/up",
            "SearchString": "fine",
            "RequestInterval": 10,
            "FailureThreshold": 2,
            "MeasureLatency": True,
            "Inverted": True,
            "Disabled": True,
            "EnableSNI": True,
            "Regions": ["us-west-2", "us-east-1", "eu-west-1"],
        },
    )["HealthCheck"]["Id"]
    route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=made, AddTags=needed.PAIRS)
    return needed.scanned(world, "route53.health_check", made)


def health_check_changed(world: TwoSides, it: Resource) -> None:
    world.client("target", "route53").update_health_check(HealthCheckId=it.ref.name, ResourcePath="/down")


def route53_tagged(sort: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "route53").change_tags_for_resource(
            ResourceType=sort, ResourceId=it.ref.name, AddTags=needed.OTHER_PAIRS
        )

    return change


def record(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    made = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
    return made | more


def a_zone(world: TwoSides) -> Resource:
    check = a_health_check(world).ref.name
    needed.moved(world, "route53.health_check", check)
    network, route53 = ground.a_network(world), world.client("legacy", "route53")
    second = world.client("legacy", "ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    needed.moved(world, "ec2.vpc", second)
    zone = route53.create_hosted_zone(
        Name="corp.example",
        CallerReference="1",
        VPC={"VPCRegion": REGION, "VPCId": network.vpc},
        HostedZoneConfig={"Comment": "inside", "PrivateZone": True},
    )["HostedZone"]["Id"].rpartition("/")[2]
    route53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC={"VPCRegion": REGION, "VPCId": second})
    alias = {"HostedZoneId": zone, "DNSName": "web.corp.example.", "EvaluateTargetHealth": False}
    records = [
        {"Name": "corp.example.", "Type": "A", "AliasTarget": alias},
        record("web.corp.example.", "A", "10.8.97.9", "10.8.97.10"),
        record("a.corp.example.", "CNAME", "web.corp.example.", SetIdentifier="a", Weight=7, HealthCheckId=check),
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in records]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=needed.PAIRS)
    return needed.scanned(world, "route53.hosted_zone", zone)


def zone_described(world: TwoSides, it: Resource) -> None:
    world.client("target", "route53").update_hosted_zone_comment(Id=it.ref.name, Comment="others")


def zone_seen_elsewhere(world: TwoSides, it: Resource) -> None:
    vpc = world.client("target", "ec2").create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    world.client("target", "route53").associate_vpc_with_hosted_zone(
        HostedZoneId=it.ref.name, VPC={"VPCRegion": REGION, "VPCId": vpc}
    )


def record_changed(world: TwoSides, it: Resource) -> None:
    change = {"Action": "UPSERT", "ResourceRecordSet": record("web.corp.example.", "A", "10.8.97.9")}
    world.client("target", "route53").change_resource_record_sets(
        HostedZoneId=it.ref.name, ChangeBatch={"Changes": [change]}
    )


FIRST = "Cloud Map takes it when it is created and never again"

ZONE_FIRST = "Route 53 takes it when the zone is created and never again"

EXAMPLES: tuple[Example, ...] = (
    Example(
        "route53.health_check",
        a_health_check,
        {"config": health_check_changed, "tags": route53_tagged("healthcheck")},
        fixed={"managed_by": "only AWS services make such checks, and those are not moved"},
    ),
    Example(
        "route53.hosted_zone",
        a_zone,
        {
            "comment": zone_described,
            "vpcs": zone_seen_elsewhere,
            "records": record_changed,
            "tags": route53_tagged("hostedzone"),
        },
        fixed={"domain": ZONE_FIRST, "private": ZONE_FIRST, "managed_by": ZONE_FIRST},
    ),
    Example(
        "servicediscovery.namespace",
        a_namespace,
        {"description": namespace_described, "tags": discovery_tagged},
        fixed={
            "domain": FIRST,
            "type": FIRST,
            "vpc": FIRST,
            "soa_ttl_s": "only one of DNS has it, and moto 5.2.5 gives a private one's zone no VPC",
        },
    ),
    Example(
        "servicediscovery.service",
        a_service,
        {
            "description": service(Description="others"),
            "dns_config": service(DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 60}]}),
            "health_check": service(HealthCheckConfig={"Type": "HTTP", "ResourcePath": "/", "FailureThreshold": 3}),
            "attributes": service_attributed,
            "tags": discovery_tagged,
        },
        fixed={
            "service": FIRST,
            "namespace_id": FIRST,
            "type": FIRST,
            "custom_health_check": FIRST,
        },
    ),
)
