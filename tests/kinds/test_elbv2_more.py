"""Load balancers as metrics know them, and what the emulator of the other tests never shows."""

import re
from typing import Any

import boto3
import pytest
from botocore import xform_name

from migrate.kind import It, Kind, Place
from migrate.kinds.applicationautoscaling_policy import Policy
from migrate.kinds.elbv2.listener import Listener
from migrate.kinds.elbv2.load_balancer import LoadBalancer
from migrate.kinds.elbv2.target_group import TargetGroup
from migrate.names import Region
from tests.kinds.examples import every_example
from tests.kinds.network import Answers
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import LEGACY, REGION, TARGET, two_sides

LABEL = "app/front/50dc6c495c0c9188"
STORE = f"arn:aws:elasticloadbalancing:{REGION}:{LEGACY}:truststore/staff/73e2d6bc24d8a067"


def found(kind: Kind[Any], answers: dict[str, dict[str, Any]]) -> It[Any]:
    (resource,) = kind.scan(Answers(answers | {"elbv2.DescribeTags": {"TagDescriptions": []}}))
    return kind.typed(resource)


def place(name: str) -> Place:
    return Place("shop", TARGET, Region(REGION), name, f"{TARGET}/{REGION}/kind/{name}:create")


def a_balancer(**more: Any) -> dict[str, Any]:
    return {
        "LoadBalancerArn": f"arn:aws:elasticloadbalancing:{REGION}:{LEGACY}:loadbalancer/{LABEL}",
        "LoadBalancerName": "front",
        "Type": "application",
        "VpcId": "vpc-1",
        "DNSName": "front-1.example",
        "AvailabilityZones": [{"SubnetId": "subnet-1"}],
    } | more


def test_the_label_by_which_metrics_know_it_is_told_by_the_look_at_what_was_made() -> None:
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{LEGACY}:targetgroup/web/0123456789abcdef"
    group = {"TargetGroupArn": arn, "TargetGroupName": "web", "TargetType": "ip"}
    cases: list[tuple[Kind[Any], dict[str, dict[str, Any]], str]] = [
        (LoadBalancer(), {"elbv2.DescribeLoadBalancers": {"LoadBalancers": [a_balancer()]}}, LABEL),
        (TargetGroup(), {"elbv2.DescribeTargetGroups": {"TargetGroups": [group]}}, "targetgroup/web/0123456789abcdef"),
    ]
    for kind, answers, label in cases:
        (resource,) = kind.scan(Answers(answers | {"elbv2.DescribeTags": {"TagDescriptions": []}}))

        names = {name.legacy: name for name in kind.names(kind.typed(resource), place(resource.ref.name))}

        assert names[label].target == {"$after": ["create", "label"]}
        assert names[label].sort == "id", "a name that is looked up as a whole"
        assert kind.outputs(resource)["label"] == label


def test_a_policy_that_follows_a_load_balancer_names_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with two_sides(monkeypatch) as world:
        policy = every_example()["applicationautoscaling.policy"].build(world)
        it = Policy().typed(policy)
        elb = world.client("target", "elbv2")
        balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]

        ((_, params),) = world.planned(Policy(), policy, "create")
        world.move(Policy(), policy)

        said = params["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["ResourceLabel"]
        waited = {step.split("/")[2] for part in said["$join"] if isinstance(part, dict) for step in part["$after"][:1]}
        assert waited == {"elbv2.load_balancer", "elbv2.target_group"}
        sent = world.sent[-1][1]["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
        assert sent["ResourceLabel"] == f"{balancer.partition(':loadbalancer/')[2]}/{group.rpartition(':')[2]}"
        assert sent["ResourceLabel"] not in str(policy.facts)
        hard = {need.on for need in Policy().needs(it) if need.strength == "hard"}
        assert set(it.facts.configuration["PredefinedMetricSpecification"]["ResourceLabel"]) <= hard


def test_rules_that_do_not_hold_for_private_link_do_not_hold_in_the_target() -> None:
    balancer = a_balancer(
        Type="network",
        SecurityGroups=["sg-1"],
        EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic="off",
        EnablePrefixForIpv6SourceNat="on",
    )
    kind = LoadBalancer()
    it = found(kind, {"elbv2.DescribeLoadBalancers": {"LoadBalancers": [balancer]}})

    create, groups = kind.action("create").requests(it, place("front"))

    for request in (create, groups):
        check_request(request.operation, request.params)
    assert create.params["EnablePrefixForIpv6SourceNat"] == "on"
    assert groups.operation == "elbv2.SetSecurityGroups"
    assert groups.params["SecurityGroups"] == ["sg-1"]
    assert groups.params["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "off"


def test_the_port_of_a_target_optimizer_arrives() -> None:
    group = {"TargetGroupArn": "arn:1", "TargetGroupName": "web", "TargetType": "ip", "TargetControlPort": 3000}
    kind = TargetGroup()
    it = found(kind, {"elbv2.DescribeTargetGroups": {"TargetGroups": [group]}})

    create = kind.action("create").requests(it, place("web"))[0]

    check_request(create.operation, create.params)
    assert create.params["TargetControlPort"] == 3000


COMMANDS = {
    xform_name(name, "-") for name in boto3.client("elbv2", region_name="eu-west-1").meta.service_model.operation_names
}


def test_mutual_tls_arrives_and_its_trust_store_is_a_need_that_nobody_moves() -> None:
    mutual = {
        "Mode": "verify",
        "TrustStoreArn": STORE,
        "IgnoreClientCertificateExpiry": True,
        "AdvertiseTrustStoreCaNames": "on",
        "TrustStoreAssociationStatus": "active",
    }
    listener = {
        "ListenerArn": "arn:2",
        "LoadBalancerArn": "arn:1",
        "Port": 443,
        "Protocol": "HTTPS",
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        "MutualAuthentication": mutual,
    }
    kind = Listener()
    it = found(
        kind,
        {
            "elbv2.DescribeLoadBalancers": {"LoadBalancers": [a_balancer()]},
            "elbv2.DescribeListeners": {"Listeners": [listener]},
        },
    )

    create = kind.action("create").requests(it, place("front:443"))[0]

    check_request(create.operation, create.params)
    taken = {key: value for key, value in mutual.items() if key != "TrustStoreAssociationStatus"}
    assert create.params["MutualAuthentication"] == taken
    assert ("hard", "trusts") in {(need.strength, need.why) for need in kind.needs(it) if need.on == STORE}
    said = " ".join((Listener.__doc__ or "").split())
    assert "trust store is not moved" in said
    for word in re.findall(r"`(?:aws elbv2 )?((?:get|create|add|describe)-[a-z-]+)`", said):
        assert word in COMMANDS, f"AWS has no {word}"
    assert "`renames`" in said
