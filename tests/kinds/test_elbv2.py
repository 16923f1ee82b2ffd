"""Load balancers: what is found, that they arrive whole and by the same names, and that they go away again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.kind import Kind, Place
from migrate.kinds.ec2_network.security_group import SecurityGroup
from migrate.kinds.ec2_network.subnet import Subnet
from migrate.kinds.ec2_vpc import Vpc
from migrate.kinds.elbv2 import KINDS
from migrate.kinds.elbv2.listener import Listener
from migrate.kinds.elbv2.load_balancer import LoadBalancer
from migrate.kinds.elbv2.rule import Rule
from migrate.kinds.elbv2.shared import one_form
from migrate.kinds.elbv2.target_group import TargetGroup
from migrate.names import Region
from tests.kinds.network import Answers, Mover, a_vpc, differences, of_vpc, small_world
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides

ABSENT = {
    "elbv2.load_balancer": ("nobody",),
    "elbv2.target_group": ("nobody",),
    "elbv2.listener": ("nobody:80", "front:81"),
    "elbv2.rule": ("nobody:80/1", "front:81/10", "front:80/11"),
}
ORDER: tuple[Kind[Any], ...] = (Vpc(), Subnet(), SecurityGroup(), LoadBalancer(), TargetGroup(), Listener(), Rule())


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with small_world(monkeypatch) as sides:
        yield sides


def certificate(sides: TwoSides, domain: str) -> str:
    acm = sides.client("legacy", "acm")
    return str(acm.request_certificate(DomainName=domain)["CertificateArn"])


def a_front_door(sides: TwoSides) -> dict[str, str]:
    """A balancer with two target groups, an http and an https listener, and rules; its ARNs by what they are for."""
    ec2, elb = sides.client("legacy", "ec2"), sides.client("legacy", "elbv2")
    ids = a_vpc(ec2)
    ids["sg"] = ec2.create_security_group(GroupName="alb", Description="front door", VpcId=ids["vpc"])["GroupId"]
    ids["lb"] = elb.create_load_balancer(
        Name="front",
        Subnets=[ids["public"], ids["private"]],
        SecurityGroups=[ids["sg"]],
        Scheme="internal",
        Tags=[{"Key": "team", "Value": "platform"}],
    )["LoadBalancers"][0]["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=ids["lb"],
        Attributes=[
            {"Key": "idle_timeout.timeout_seconds", "Value": "120"},
            {"Key": "deletion_protection.enabled", "Value": "true"},
        ],
    )
    for name, port in (("web", 8080), ("canary", 8081)):
        ids[name] = elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=port,
            VpcId=ids["vpc"],
            TargetType="ip",
            HealthCheckPath=f"/{name}/health",
            HealthCheckIntervalSeconds=15,
            Matcher={"HttpCode": "200-299"},
            Tags=[{"Key": "Name", "Value": name}],
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.modify_target_group_attributes(
            TargetGroupArn=ids[name], Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
        )
    elb.register_targets(TargetGroupArn=ids["web"], Targets=[{"Id": "10.0.0.17", "Port": 8080}])
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    ids["http"] = elb.create_listener(
        LoadBalancerArn=ids["lb"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}],
        Tags=[{"Key": "tier", "Value": "edge"}],
    )["Listeners"][0]["ListenerArn"]
    both = [{"TargetGroupArn": ids["web"], "Weight": 9}, {"TargetGroupArn": ids["canary"], "Weight": 1}]
    ids["rule"] = elb.create_rule(
        ListenerArn=ids["http"],
        Priority=10,
        Conditions=[
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/b/*", "/a/*"]}},
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["www.shop.example", "api.shop.example"]}},
        ],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}],
        Tags=[{"Key": "tier", "Value": "edge"}],
    )["Rules"][0]["RuleArn"]
    elb.create_rule(
        ListenerArn=ids["http"],
        Priority=20,
        Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}],
    )
    return ids


def test_a_scan_tells_everything_that_has_to_arrive(sides: TwoSides) -> None:
    ids = a_front_door(sides)

    found = {name: one for kind in KINDS for name, one in sides.scan(kind).items()}

    assert set(found) == {"front", "web", "canary", "front:80", "front:80/10", "front:80/20"}
    front = found["front"].facts
    assert front["scheme"] == "internal"
    assert front["subnets"] == [{"SubnetId": one} for one in sorted([ids["public"], ids["private"]])]
    assert front["security_group_ids"] == [ids["sg"]]
    assert front["attributes"]["idle_timeout.timeout_seconds"] == "120"
    assert found["web"].facts["health_check"]["HealthCheckPath"] == "/web/health"
    assert found["web"].facts["health_check"]["Matcher"] == {"HttpCode": "200-299"}
    assert found["web"].facts["attributes"]["deregistration_delay.timeout_seconds"] == "30"
    assert found["web"].facts["targets"] == [], "who is in it today is ECS's to say"
    assert found["front:80"].facts["default_actions"][0]["Type"] == "redirect"
    assert found["front:80"].tags == {"tier": "edge"}
    rule = found["front:80/10"].facts
    assert rule["conditions"] == [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["api.shop.example", "www.shop.example"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*", "/b/*"]}},
    ]
    old_form = found["front:80/20"].facts["conditions"]
    assert old_form == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/old/*"]}}]
    assert {group["Weight"] for group in rule["actions"][0]["ForwardConfig"]["TargetGroups"]} == {1, 9}


def test_looking_for_one_thing_reads_only_it_and_an_absent_one_is_none(sides: TwoSides) -> None:
    a_front_door(sides)

    for kind in KINDS:
        everything = sides.scan(kind)
        assert everything
        for name, resource in everything.items():
            assert sides.scan(kind, only=name) == {name: resource}
        for name in ABSENT[kind.name]:
            assert sides.scan(kind, only=name) == {}


def test_a_front_door_arrives_whole_and_can_be_taken_away(sides: TwoSides) -> None:
    a_front_door(sides)
    before = {kind.name: sides.scan(kind, "target") for kind in ORDER}
    found = {kind.name: sides.scan(kind) for kind in ORDER}
    mover = Mover(sides)

    for kind in ORDER:
        for resource in of_vpc(kind, found[kind.name]):
            mover.move(kind, resource, "create")

    for kind in KINDS:
        assert {one.ref.name for one in sides.scan(kind, "target").values()} == set(found[kind.name])
        for resource in found[kind.name].values():
            assert differences(sides, kind, resource, "create") == {}, resource.ref
    assert not any(LEGACY in json.dumps(params) for _, params in sides.sent)
    mover.back()
    assert {kind.name: sides.scan(kind, "target") for kind in ORDER} == before


def test_the_new_host_stands_wherever_the_old_one_did(sides: TwoSides) -> None:
    a_front_door(sides)
    mover = Mover(sides)
    for kind in (Vpc(), Subnet(), SecurityGroup(), LoadBalancer()):
        for resource in of_vpc(kind, sides.scan(kind)):
            mover.move(kind, resource, "create")
    old = sides.scan(LoadBalancer())["front"].facts["dns_name"]
    new = sides.client("target", "elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"]

    document = {"URL": f"http://{old}/api", "alias": f"dualstack.{old}"}

    # The emulator gives both the same host: what stands there must come from the new one's answer.
    assert sides.known[sides.place(sides.scan(LoadBalancer())["front"]).step, "dns_name"] == new
    rewritten = json.dumps(sides.rewrite(document).value)
    assert old not in rewritten
    assert sides.renamed(document) == {"URL": f"http://{new}/api", "alias": f"dualstack.{new}"}


def test_a_protected_load_balancer_can_be_undone(sides: TwoSides) -> None:
    a_front_door(sides)
    kind = LoadBalancer()
    front = sides.scan(kind)["front"]

    create, attributes = kind.action("create").requests(kind.typed(front), sides.place(front))

    assert {"Key": "deletion_protection.enabled", "Value": "true"} in attributes.params["Attributes"]
    assert attributes.undo
    assert attributes.undo.params["Attributes"] == [{"Key": "deletion_protection.enabled", "Value": "false"}]
    assert create.undo


def test_logs_are_switched_on_after_the_buckets_may_be_written_to(sides: TwoSides) -> None:
    ids = a_front_door(sides)
    sides.client("legacy", "s3").create_bucket(
        Bucket="shop-logs", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    logs = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "shop-logs"}
    sides.client("legacy", "elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=ids["lb"], Attributes=[{"Key": key, "Value": value} for key, value in logs.items()]
    )
    kind = LoadBalancer()
    front = sides.scan(kind)["front"]
    it, place = kind.typed(front), sides.place(front)

    create = kind.action("create").requests(it, place)
    (written,) = kind.action("logs").requests(it, place)

    assert "access_logs" not in json.dumps([request.params for request in create])
    assert {pair["Key"]: pair["Value"] for pair in written.params["Attributes"]} == logs
    assert kind.action("logs").after_kinds == ("s3.bucket.configure",)
    assert ("shop-logs", "soft") in {(need.on, need.strength) for need in kind.needs(it)}
    done = kind.expected(front.facts, frozenset({"create"}), it)
    assert not any(key.startswith("access_logs") for key in done["attributes"])
    assert kind.expected(front.facts, frozenset({"create", "logs"}), it) == front.facts


def test_a_network_load_balancer_keeps_its_elastic_addresses() -> None:
    zones = [
        {"SubnetId": "subnet-2", "LoadBalancerAddresses": [{"AllocationId": "eipalloc-2", "IpAddress": "192.0.2.2"}]},
        {"SubnetId": "subnet-1", "LoadBalancerAddresses": []},
    ]
    balancer = {
        "LoadBalancerArn": "arn:1", "LoadBalancerName": "mail", "Type": "network", "VpcId": "vpc-1",
        "DNSName": "mail.example", "Scheme": "internet-facing", "AvailabilityZones": zones,
    }  # fmt: skip
    site = Answers(
        {"elbv2.DescribeLoadBalancers": {"LoadBalancers": [balancer]}, "elbv2.DescribeTags": {"TagDescriptions": []}}
    )
    kind = LoadBalancer()

    (found,) = kind.scan(site)

    place = Place("shop", TARGET, Region(REGION), "mail", "step:create")
    (create,) = kind.action("create").requests(kind.typed(found), place)
    check_request(create.operation, create.params)
    assert create.params["SubnetMappings"] == [
        {"SubnetId": "subnet-2", "AllocationId": "eipalloc-2"},
        {"SubnetId": "subnet-1"},
    ]
    assert "Subnets" not in create.params
    assert "SecurityGroups" not in create.params
    assert kind.quota(kind.typed(found)) == ("elasticloadbalancing", "L-69A177A2")


def test_every_certificate_of_a_listener_is_named(sides: TwoSides) -> None:
    ids = a_front_door(sides)
    elb = sides.client("legacy", "elbv2")
    first, second = certificate(sides, "shop.example"), certificate(sides, "www.shop.example")
    arn = elb.create_listener(
        LoadBalancerArn=ids["lb"],
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": first}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": ids["web"]}],
    )["Listeners"][0]["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    kind = Listener()

    listener = sides.scan(kind)["front:443"]

    assert listener.facts["certificate_arn"] == first
    assert listener.facts["more_certificate_arns"] == [second]
    named = {need.on: need.strength for need in kind.needs(kind.typed(listener)) if need.why == "names"}
    assert named == {first: "hard", second: "hard"}
    create, more, *_ = kind.action("create").requests(kind.typed(listener), sides.place(listener))
    check_request(create.operation, create.params)
    check_request(more.operation, more.params)
    assert create.params["Certificates"] == [{"CertificateArn": first}]
    assert create.params["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert more.params["Certificates"] == [{"CertificateArn": second}]


def test_a_listener_that_encrypts_nothing_has_no_policy_for_it(sides: TwoSides) -> None:
    ids = a_front_door(sides)
    elb = sides.client("legacy", "elbv2")
    forward = {"Type": "forward", "TargetGroupArn": ids["web"]}
    elb.create_listener(LoadBalancerArn=ids["lb"], Protocol="HTTP", Port=8088, DefaultActions=[forward])

    plain = sides.scan(Listener())["front:8088"]

    assert plain.facts["ssl_policy"] is None


def test_the_same_forward_written_in_two_ways_is_one() -> None:
    short = [{"Type": "forward", "TargetGroupArn": "arn:tg"}]
    long = [
        {
            "Type": "forward",
            "TargetGroupArn": "arn:tg",
            "Order": 1,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": "arn:tg", "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]

    assert one_form(long) == one_form(short) == short


def test_a_sticky_forward_keeps_its_stickiness_and_several_actions_their_order() -> None:
    sticky = {"Enabled": True, "DurationSeconds": 60}
    forward = {
        "Type": "forward",
        "Order": 2,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": "arn:tg", "Weight": 1}],
            "TargetGroupStickinessConfig": sticky,
        },
    }
    first = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolArn": "arn:pool"}}

    formed = one_form([forward, first])

    assert [action["Order"] for action in formed] == [1, 2]
    assert formed[1]["ForwardConfig"]["TargetGroupStickinessConfig"] == sticky


def test_functions_are_registered_by_their_arn_and_after_they_are_made() -> None:
    function = f"arn:aws:lambda:{REGION}:{LEGACY}:function:resize"
    health = {"TargetHealthDescriptions": [{"Target": {"Id": function, "AvailabilityZone": "all"}}]}
    group = {"TargetGroupArn": "arn:1", "TargetGroupName": "fn", "TargetType": "lambda", "HealthCheckEnabled": False}
    site = Answers(
        {
            "elbv2.DescribeTargetGroups": {"TargetGroups": [group]},
            "elbv2.DescribeTargetHealth": health,
            "elbv2.DescribeTags": {"TagDescriptions": []},
        }
    )
    kind = TargetGroup()

    (found,) = kind.scan(site)

    it, place = kind.typed(found), Place("shop", TARGET, Region(REGION), "fn", "step:create")
    assert found.facts["targets"] == [{"Id": function}]
    (create,) = kind.action("create").requests(it, place)
    (register,) = kind.action("targets").requests(it, place)
    for request in (create, register):
        check_request(request.operation, request.params)
    assert not {"VpcId", "Port", "Protocol", "IpAddressType"} & create.params.keys()
    assert register.params["Targets"] == [{"Id": function}]
    assert "lambda.function.permit" in kind.action("targets").after_kinds
    assert kind.expected(found.facts, frozenset({"create"}), it)["targets"] == []


def test_a_classic_load_balancer_is_not_said_to_be_covered() -> None:
    from migrate.unhandled import covered

    types = frozenset(one for kind in KINDS for one in kind.tagging_types)

    assert covered("elasticloadbalancing", "loadbalancer/app/front/50dc6c495c0c9188", types)
    assert covered(
        "elasticloadbalancing", "listener-rule/app/front/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee", types
    )
    assert not covered("elasticloadbalancing", "loadbalancer/old-one", types)
