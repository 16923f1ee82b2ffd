"""Zones, health checks and Cloud Map: what is private moves with its VPC, what is public stays where it answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kinds import every_kind
from migrate.kinds.ec2_vpc import Vpc
from migrate.kinds.route53_health_check import HealthCheck
from migrate.kinds.route53_hosted_zone import HostedZone
from migrate.kinds.servicediscovery import Namespace, Service
from migrate.names import GLOBAL, AccountId, Ref
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TwoSides, two_sides

ZONE, CHECK, NAMESPACE, SERVICE, VPC = HostedZone(), HealthCheck(), Namespace(), Service(), Vpc()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def vpc(world: TwoSides, cidr: str = "10.1.0.0/16") -> str:
    made = world.client("legacy", "ec2").create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    world.move(VPC, world.scan(VPC)[made])
    return str(made)


def private_zone(world: TwoSides, *records: dict[str, Any]) -> Resource:
    route53 = world.client("legacy", "route53")
    made = route53.create_hosted_zone(
        Name="corp.example",
        CallerReference="1",
        VPC={"VPCRegion": REGION, "VPCId": vpc(world)},
        HostedZoneConfig={"PrivateZone": True, "Comment": "inside"},
    )["HostedZone"]["Id"].rpartition("/")[2]
    for start in range(0, len(records), 100):
        changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in records[start : start + 100]]
        route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": changes})
    return world.scan(ZONE)[made]


def record(name: str, value: str, kind: str = "CNAME") -> dict[str, Any]:
    return {"Name": f"{name}.corp.example.", "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}


def test_a_private_zone_lies_in_its_vpc_and_a_public_one_stays(world: TwoSides) -> None:
    private = private_zone(world)
    world.client("legacy", "route53").create_hosted_zone(Name="shop.example", CallerReference="2")
    (public,) = world.scan(every_kind()["route53.public_zone"]).values()
    assert list(world.scan(ZONE)) == [private.ref.name]

    (need,) = ZONE.needs(ZONE.typed(private))
    assert (need.on, need.why, need.strength) == (private.facts["vpcs"][0].partition("/")[2], "in", "hard")
    assert ZONE.action("create").applies(ZONE.typed(private))
    assert len(public.facts["name_servers"]) == 4
    assert public.facts["signing"] == "NOT_SIGNING"


def test_a_zone_that_a_service_keeps_is_left_to_the_service(world: TwoSides) -> None:
    private = private_zone(world)
    private.facts["managed_by"] = "servicediscovery.amazonaws.com"

    assert not any(action.applies(ZONE.typed(private)) for action in ZONE.actions)


def test_records_that_validate_are_carried_and_not_compared(world: TwoSides) -> None:
    validates = record(f"_{'a' * 32}", f"_{'b' * 32}.xyz.acm-validations.aws.")
    found = private_zone(world, record("www", "else.example."), validates)

    assert [one["Name"] for one in found.facts["records"]] == ["www.corp.example."]
    assert [one["Name"] for one in found.facts["validations"]] == [validates["Name"]]
    world.move(ZONE, found)
    (moved,) = world.scan(ZONE, "target").values()
    assert moved.facts["validations"] == found.facts["validations"]
    assert "validations" in ZONE.volatile


def test_a_large_zone_is_written_in_calls_that_route53_takes(world: TwoSides) -> None:
    found = private_zone(world, *(record(f"host-{number:03}", f"target-{number}.example.") for number in range(250)))

    requests = ZONE.action("records").requests(ZONE.typed(found), world.place(found))

    sizes = [len(request.params["ChangeBatch"]["Changes"]) for request in requests]
    assert (sum(sizes), len(sizes) > 1) == (250, True)
    # Each is counted twice in an UPSERT.
    assert all(2 * len(str(request.params)) < 64_000 for request in requests)
    world.move(ZONE, found)
    assert world.differences(ZONE, found, "create", "records") == {}


def test_a_zone_whose_answer_was_lost_is_found_while_it_is_nobodys(world: TwoSides) -> None:
    found = private_zone(world, record("www", "else.example."))
    place, it, site = world.place(found), ZONE.typed(found), world.site(ZONE, "target")
    route53 = world.client("target", "route53")
    seen = {"VPCRegion": REGION, "VPCId": "vpc-0123456789abcdef0"}

    def another(number: int) -> str:
        made = route53.create_hosted_zone(
            Name="corp.example", CallerReference=str(number), VPC=seen, HostedZoneConfig={"PrivateZone": True}
        )
        return str(made["HostedZone"]["Id"].rpartition("/")[2])

    used = another(1)
    change = {"Action": "CREATE", "ResourceRecordSet": record("www", "theirs.example.")}
    route53.change_resource_record_sets(HostedZoneId=used, ChangeBatch={"Changes": [change]})
    assert ZONE.locate(site, place, {}, it) is None

    ours = another(2)
    located = ZONE.locate(site, place, {}, it)
    assert located is not None
    assert located.ref.name == ours

    another(3)
    with pytest.raises(ValueError, match="2 zones may be"):
        ZONE.locate(site, place, {}, it)


def test_a_check_of_an_alarm_and_of_others_needs_them(world: TwoSides) -> None:
    route53 = world.client("legacy", "route53")
    child = route53.create_health_check(
        CallerReference="1", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.7", "Port": 443}
    )["HealthCheck"]["Id"]
    config = {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 1}
    parent = route53.create_health_check(CallerReference="2", HealthCheckConfig=config)["HealthCheck"]["Id"]
    found = world.scan(CHECK)

    (need,) = CHECK.needs(CHECK.typed(found[parent]))
    assert (need.on, need.strength) == (child, "hard")
    found[child].facts["config"] = {
        "Type": "CLOUDWATCH_METRIC",
        "AlarmIdentifier": {"Region": "us-east-1", "Name": "deep"},
        "InsufficientDataHealthStatus": "Healthy",
    }
    (need,) = CHECK.needs(CHECK.typed(found[child]))
    assert need.on == Ref(LEGACY, "us-east-1", "cloudwatch.alarm", "deep")  # type: ignore[arg-type]
    assert found[parent].ref.region == GLOBAL
    assert world.scan(CHECK, only="11111111-2222-3333-4444-555555555555") == {}


def test_a_check_of_checks_names_the_targets(world: TwoSides) -> None:
    route53 = world.client("legacy", "route53")
    asks = {"Type": "HTTP", "FullyQualifiedDomainName": "shop.example", "ResourcePath": "/"}
    child = route53.create_health_check(CallerReference="1", HealthCheckConfig=asks)["HealthCheck"]["Id"]
    world.move(CHECK, world.scan(CHECK)[child])
    adds = {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 1}
    made = route53.create_health_check(CallerReference="2", HealthCheckConfig=adds)["HealthCheck"]["Id"]
    parent = world.scan(CHECK)[made]

    world.move(CHECK, parent)

    (own,) = world.scan(CHECK, "target").keys() - {world.known[world.place(parent).step, "id"]}
    sent = dict(world.sent)["route53.CreateHealthCheck"]
    assert sent["HealthCheckConfig"]["ChildHealthChecks"] == [own]
    assert world.differences(CHECK, parent, "create") == {}


def test_a_private_namespace_comes_with_its_vpc_and_its_time_to_live(world: TwoSides) -> None:
    own, discovery = vpc(world), world.client("legacy", "servicediscovery")
    discovery.create_private_dns_namespace(
        Name="shop.local", Vpc=own, Properties={"DnsProperties": {"SOA": {"TTL": 30}}}
    )
    (zone,) = world.client("legacy", "route53").list_hosted_zones()["HostedZones"]
    # moto 5.2.5 gives its zone no VPC.
    world.client("legacy", "route53").associate_vpc_with_hosted_zone(
        HostedZoneId=zone["Id"], VPC={"VPCRegion": REGION, "VPCId": own}
    )
    (found,) = world.scan(NAMESPACE).values()

    assert (found.facts["vpc"], found.facts["soa_ttl_s"], found.facts["type"]) == (own, 30, "DNS_PRIVATE")
    (need,) = NAMESPACE.needs(NAMESPACE.typed(found))
    assert (need.on.name if isinstance(need.on, Ref) else "", need.why, need.strength) == (own, "in", "hard")
    (create, _), (look, _) = world.planned(NAMESPACE, found, "create")
    assert create.operation == "servicediscovery.CreatePrivateDnsNamespace"
    assert look.operation in NAMESPACE.reads
    world.move(NAMESPACE, found)
    sent = dict(world.sent)["servicediscovery.CreatePrivateDnsNamespace"]
    assert sent["Vpc"] == world.known[world.place(world.scan(VPC)[own]).step, "id"]
    assert sent["Properties"] == {"DnsProperties": {"SOA": {"TTL": 30}}}
    assert set(world.differences(NAMESPACE, found, "create")) == {"vpc"}
    world.undo()
    assert world.scan(NAMESPACE, "target") == {}


def test_a_name_with_a_quote_in_it_is_looked_up_as_it_is(world: TwoSides) -> None:
    discovery = world.client("legacy", "servicediscovery")
    for name in ("it's", "its"):
        discovery.create_http_namespace(Name=name)
    for found in world.scan(NAMESPACE).values():
        world.move(NAMESPACE, found)
        assert world.differences(NAMESPACE, found, "create") == {}
        assert world.scan(NAMESPACE, "target", world.known[world.place(found).step, "id"])


def test_what_ecs_makes_for_service_connect_is_left_to_ecs(world: TwoSides) -> None:
    discovery = world.client("legacy", "servicediscovery")
    discovery.create_http_namespace(Name="shop")
    (namespace,) = world.scan(NAMESPACE).values()
    tags = [{"Key": "AmazonECSManaged", "Value": "true"}]
    discovery.create_service(Name="web", NamespaceId=namespace.ref.name, Tags=tags)
    (found,) = world.scan(SERVICE).values()

    assert not SERVICE.action("create").applies(SERVICE.typed(found))
    assert "Service Connect" in SERVICE.manual
    for kind, absent in ((NAMESPACE, "ns-absent"), (SERVICE, "srv-absent")):
        assert world.scan(kind, only=absent) == {}


def test_what_another_account_shares_is_not_in_the_inventory(world: TwoSides) -> None:
    world.client("legacy", "servicediscovery").create_http_namespace(Name="shop")
    site = world.site(NAMESPACE, "legacy")
    site.account = AccountId("999988887777")

    assert list(NAMESPACE.scan(site)) == []


def test_requests_of_a_second_vpc_fit_aws(world: TwoSides) -> None:
    found = private_zone(world)
    found.facts["vpcs"] = [f"{REGION}/vpc-0123456789abcdef0", f"{REGION}/vpc-0fedcba9876543210"]

    *_, associate = ZONE.action("create").requests(ZONE.typed(found), world.place(found))

    assert associate.operation == "route53.AssociateVPCWithHostedZone"
    assert associate.undo is not None
    for request in (associate, associate.undo):
        check_request(request.operation, request.params)
